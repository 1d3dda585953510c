//! What is drawn of the threat model: all of it, its apps, or one app?
//!
//! Few parts are drawn one by one; many are gathered by app and gateway, each way then standing for the worst
//! of those it gathers. In front of a function stand its gates: the key or level it asks for, and the user or
//! token that is checked. At most 60 parts and 150 ways, the worst first; what is left out is counted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::layout::{Boxed, Laid, Line, lay};
use super::{Sum, sums};
use crate::posture::controls::{Layer, State};
use crate::posture::living::{Flow, Living, Part, PartKind, Stands};

/// Parts drawn.
pub(super) const MOST_PARTS: usize = 60;
/// Ways drawn.
const MOST_WAYS: usize = 150;
/// So many parts are drawn one by one where all are asked for.
const FEW: usize = 24;
/// Widths of a part and of a gate.
const WIDE: i32 = 172;
const GATE: i32 = 152;
/// Columns of the gates.
const ASKED: usize = 4;
const CHECKED: usize = 5;

/// A box of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// The part; `None` for a gate.
    pub(super) part: Option<u32>,
    pub(super) column: usize,
    /// What it is called.
    pub(super) name: String,
    /// What it is, in a few words.
    pub(super) sub: String,
    pub(super) stands: Stands,
}

/// A line of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    /// `None` where one merely belongs to the other.
    pub(super) stands: Option<Stands>,
    /// The ways that it stands for, the worst first: places among the model's.
    pub(super) flows: Vec<usize>,
    pub(super) says: String,
}

/// What is drawn.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    /// Parts and ways that had no room.
    pub(super) left_out: (usize, usize),
    /// Endpoints were gathered by app and gateway.
    pub(super) gathered: bool,
    /// How many of the functions drawn have a network around them: there, unknown, not there.
    pub(super) network: [usize; 3],
}

impl Picture {
    /// Returns the picture of a site, or of all.
    pub(super) fn of(living: &Living, site: Option<u32>) -> Self {
        let wanted = wanted(living, site);
        let gathered = site.is_none() && wanted.len() > FEW;
        let stands_for = |at: u32| -> u32 {
            let inner = |kind| matches!(kind, PartKind::Api | PartKind::Operation | PartKind::Function);
            let gather = gathered && living.part(at).is_some_and(|part| inner(part.kind));
            if gather { living.site_of(at) } else { at }
        };
        let mut ways: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for (nth, flow) in living.flows.iter().enumerate() {
            if wanted.contains(&flow.from) && wanted.contains(&flow.to) {
                let (from, to) = (stands_for(flow.from), stands_for(flow.to));
                if from != to {
                    ways.entry((from, to)).or_default().push(nth);
                }
            }
        }
        let shown: BTreeSet<u32> = wanted.iter().map(|at| stands_for(*at)).collect();
        let kept = kept(living, site, &shown, &ways);
        let mut picture = Self { gathered, left_out: (shown.len() - kept.len(), 0), ..Self::default() };
        let mut places = BTreeMap::new();
        let sums = sums(living, kept.iter().copied().filter(|_| gathered));
        for &at in &kept {
            if let Some(part) = living.part(at) {
                places.insert(at, picture.nodes.len());
                picture.nodes.push(Node::of(living, at, part, sums.get(&at).filter(|_| part.kind.is_site())));
            }
        }
        let gates = picture.gates(living, &kept, &places);
        picture.ways(living, &ways, &places, &gates);
        picture.belongings(living, &places);
        picture
    }

    /// Lays it out.
    pub(super) fn laid(&self) -> Laid {
        let width = |node: &Node| if node.part.is_some() { WIDE } else { GATE };
        let boxes: Vec<Boxed> =
            self.nodes.iter().map(|node| Boxed { column: node.column, width: width(node) }).collect();
        let lines: Vec<Line> = self.edges.iter().map(|edge| (edge.from, edge.to)).collect();
        lay(&boxes, &lines)
    }

    /// Adds what stands in front of functions, or of apps where those stand for them: by the part, the gate
    /// that a way leads to.
    fn gates(&mut self, living: &Living, kept: &BTreeSet<u32>, places: &BTreeMap<u32, usize>) -> BTreeMap<u32, usize> {
        let mut functions: BTreeMap<u32, Vec<&Part>> = BTreeMap::new();
        for (at, part) in living.placed().filter(|(_, part)| part.kind == PartKind::Function && !part.layers.is_empty())
        {
            let at = if self.gathered { living.site_of(at) } else { at };
            if kept.contains(&at) {
                functions.entry(at).or_default().push(part);
            }
        }
        let mut gates = BTreeMap::new();
        for (at, functions) in functions {
            for part in &functions {
                let state = layer(part, Layer::Network).map_or(State::Unknown, |(state, _)| state);
                if let Some(count) = self.network.get_mut(state as usize) {
                    *count += 1;
                }
            }
            let Some(&guarded) = places.get(&at) else { continue };
            let asked = self.gate(&functions, Layer::Key, ASKED);
            let checked = self.gate(&functions, Layer::Token, CHECKED);
            for (from, to) in [(asked, checked), (checked, guarded)] {
                let node = self.nodes.get(from);
                let (stands, says) = node.map_or((None, String::new()), |node| (Some(node.stands), node.sub.clone()));
                self.edges.push(Edge { from, to, stands, flows: Vec::new(), says });
            }
            gates.insert(at, asked);
        }
        gates
    }

    fn gate(&mut self, functions: &[&Part], wanted: Layer, column: usize) -> usize {
        let layers: Vec<(State, &str)> = functions.iter().filter_map(|part| layer(part, wanted)).collect();
        let worst = layers.iter().map(|(state, _)| *state).max().unwrap_or(State::Unknown);
        let held = layers.iter().filter(|(state, _)| *state == State::Configured).count();
        let sub = match layers.as_slice() {
            [(_, says)] => (*says).to_owned(),
            many => format!("{held} of {} have it", many.len()),
        };
        let stands = match worst {
            State::Configured => Stands::ConfiguredOnly,
            State::Unknown => Stands::Unknown,
            State::NotConfigured => Stands::NotConfigured,
        };
        let name = if column == ASKED { "Key or level" } else { "User or token" };
        self.nodes.push(Node { part: None, column, name: name.to_owned(), sub, stands });
        self.nodes.len() - 1
    }

    fn ways(
        &mut self,
        living: &Living,
        ways: &BTreeMap<(u32, u32), Vec<usize>>,
        places: &BTreeMap<u32, usize>,
        gates: &BTreeMap<u32, usize>,
    ) {
        let mut found = Vec::new();
        for ((from, to), flows) in ways {
            let (Some(&start), Some(&end)) = (places.get(from), places.get(to)) else { continue };
            let gated = self.nodes.get(start).is_some_and(|node| node.column < ASKED);
            let end = gates.get(to).copied().filter(|_| gated).unwrap_or(end);
            let mut flows = flows.clone();
            flows.sort_by_key(|at| Reverse(living.flows.get(*at).map(|flow| flow.stands)));
            let worst = flows.first().and_then(|at| living.flows.get(*at));
            let Some(worst) = worst else { continue };
            let says = match flows.len() {
                1 => format!("by {}", worst.by),
                n => format!("{n} ways, the worst by {}", worst.by),
            };
            found.push(Edge { from: start, to: end, stands: Some(worst.stands), flows, says });
        }
        found.sort_by_key(|edge| (Reverse(edge.stands), edge.from, edge.to));
        self.left_out.1 = found.len().saturating_sub(MOST_WAYS);
        found.truncate(MOST_WAYS);
        self.edges.extend(found);
    }

    /// Joins what belongs together and no way joins.
    fn belongings(&mut self, living: &Living, places: &BTreeMap<u32, usize>) {
        for (at, &node) in places {
            let Some(above) = living.part(*at).and_then(|part| part.of).and_then(|above| places.get(&above)) else {
                continue;
            };
            let Some((a, b)) = self.nodes.get(node).zip(self.nodes.get(*above)) else { continue };
            let (from, to) = if a.column < b.column { (node, *above) } else { (*above, node) };
            if !self.edges.iter().any(|edge| (edge.from, edge.to) == (from, to)) {
                self.edges.push(Edge { from, to, stands: None, flows: Vec::new(), says: "belongs to it".to_owned() });
            }
        }
    }
}

impl Node {
    /// `sum` is of all that is drawn as one with it.
    fn of(living: &Living, at: u32, part: &Part, sum: Option<&Sum>) -> Self {
        let mut sub = part.kind.name().to_owned();
        let mut worst = part.standings.iter().map(|one| one.stands).max();
        if let Some(sum) = sum {
            worst = worst.max(sum.worst());
            sub = format!("{sub}, {} endpoint{}", sum.endpoints, if sum.endpoints == 1 { "" } else { "s" });
        }
        // Where no control is told of, its ways tell.
        let ways = || living.flows.iter().filter(|flow| flow.from == at || flow.to == at).map(|flow| flow.stands).max();
        let stands = worst.or_else(ways).unwrap_or(Stands::Unknown);
        if !part.intended && part.kind != PartKind::Caller && !living.version.is_empty() {
            sub.push_str(", not declared");
        }
        Self { part: Some(at), column: column(part.kind), name: part.name.to_string(), sub, stands }
    }
}

const fn column(kind: PartKind) -> usize {
    match kind {
        PartKind::Caller => 0,
        PartKind::Gateway => 1,
        PartKind::Api => 2,
        PartKind::Operation => 3,
        PartKind::Function => 6,
        PartKind::App => 7,
        PartKind::Identity => 8,
        PartKind::Resource | PartKind::Other => 9,
    }
}

fn layer(part: &Part, wanted: Layer) -> Option<(State, &str)> {
    part.layers.iter().find(|one| one.layer == wanted).map(|one| (one.state, one.says.as_str()))
}

/// Returns the parts that a picture is about: all, or a site with what leads there and where it leads.
fn wanted(living: &Living, site: Option<u32>) -> BTreeSet<u32> {
    let joined: BTreeSet<u32> = living.flows.iter().flat_map(|flow| [flow.from, flow.to]).collect();
    let drawable = |at: u32| living.part(at).is_some_and(|part| part.kind != PartKind::Other || joined.contains(&at));
    let Some(site) = site else { return living.placed().map(|(at, _)| at).filter(|at| drawable(*at)).collect() };
    let own: BTreeSet<u32> =
        living.placed().map(|(at, _)| at).filter(|at| living.site_of(*at) == site && drawable(*at)).collect();
    let mut all = own.clone();
    let beside = |flow: &Flow, of: &BTreeSet<u32>| match (of.contains(&flow.from), of.contains(&flow.to)) {
        (true, false) => Some(flow.to),
        (false, true) => Some(flow.from),
        _ => None,
    };
    all.extend(living.flows.iter().filter_map(|flow| beside(flow, &own)));
    // What leads to the gateway in front, and what that belongs to.
    let edge = |at: u32| living.part(at).is_some_and(|part| (1..=3).contains(&column(part.kind)));
    let mut front: BTreeSet<u32> = all.iter().copied().filter(|at| edge(*at) && !own.contains(at)).collect();
    for _ in 0..3 {
        let above: Vec<u32> = front.iter().filter_map(|at| living.part(*at).and_then(|part| part.of)).collect();
        front.extend(above);
    }
    all.extend(front.iter().copied());
    all.extend(living.flows.iter().filter(|flow| front.contains(&flow.to)).map(|flow| flow.from));
    all
}

/// Returns those of `shown` that there is room for, the worst first.
fn kept(
    living: &Living,
    site: Option<u32>,
    shown: &BTreeSet<u32>,
    ways: &BTreeMap<(u32, u32), Vec<usize>>,
) -> BTreeSet<u32> {
    if shown.len() <= MOST_PARTS {
        return shown.clone();
    }
    let mut worst: BTreeMap<u32, Stands> = shown.iter().map(|at| (*at, Stands::Held)).collect();
    for (at, part) in living.placed() {
        // What is gathered counts for its site.
        let at = if shown.contains(&at) { at } else { living.site_of(at) };
        if let (Some(known), Some(stands)) = (worst.get_mut(&at), part.standings.iter().map(|one| one.stands).max()) {
            *known = (*known).max(stands);
        }
    }
    for ((from, to), flows) in ways {
        let stands = flows.iter().filter_map(|at| living.flows.get(*at)).map(|flow| flow.stands).max();
        for end in [from, to] {
            if let (Some(known), Some(stands)) = (worst.get_mut(end), stands) {
                *known = (*known).max(stands);
            }
        }
    }
    let risk: BTreeMap<u32, u8> = living.risks.iter().map(|risk| (risk.part, risk.score)).collect();
    let mut ranked: Vec<u32> = shown.iter().copied().collect();
    ranked.sort_by_cached_key(|at| (Reverse(worst.get(at).copied()), Reverse(risk.get(at).copied()), *at));
    // The site itself, then some of those who call and of the gateways, for without them no way is seen.
    let kind = |at: &u32| living.part(*at).map(|part| part.kind);
    let mut first: Vec<u32> = ranked.iter().copied().filter(|at| Some(*at) == site).collect();
    for wanted in [PartKind::Caller, PartKind::Gateway] {
        first.extend(ranked.iter().copied().filter(|at| kind(at) == Some(wanted)).take(MOST_PARTS / 5));
    }
    first.extend(ranked);
    let mut seen = BTreeSet::new();
    first.retain(|at| seen.insert(*at));
    let mut ranked = first;
    ranked.truncate(MOST_PARTS);
    ranked.into_iter().collect()
}
