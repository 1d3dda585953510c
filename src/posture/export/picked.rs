//! Which parts and ways does an export hold?
//!
//! Of one app or gateway: its own parts and what a way leads to or from. Of all where none is named. What a
//! tool draws holds callers, gateways, apps, endpoints, identities and resources, the worst first up to a
//! ceiling, and never a part without what it belongs to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::super::living::{Flow, Living, Part, PartKind, Sight, Stands};

/// Parts and ways that are drawn.
pub(super) struct Picked {
    /// Places among the model's parts, in order.
    pub(super) parts: Vec<u32>,
    /// Ways between those.
    pub(super) flows: Vec<usize>,
    /// Parts that had no room.
    pub(super) left_out: usize,
}

impl Picked {
    /// Tells whether a part is among them.
    pub(super) fn has(&self, part: u32) -> bool {
        self.parts.binary_search(&part).is_ok()
    }

    /// Says what is left out, where something is.
    pub(super) fn note(&self) -> String {
        match self.left_out {
            0 => String::new(),
            n => format!(
                " {n} parts are left out for their number: endpoints first, then others, of each the best. An export of one app holds fewer parts."
            ),
        }
    }
}

/// Returns the places of the parts of a site, or of all, in order.
pub(super) fn of_site(living: &Living, site: Option<u32>) -> Vec<u32> {
    let all = living.placed().map(|(at, _)| at);
    match site {
        None => all.collect(),
        Some(site) => all.filter(|at| living.site_of(*at) == site).collect(),
    }
}

/// Returns what is drawn: at most `most` parts.
pub(super) fn drawn(living: &Living, site: Option<u32>, most: usize) -> Picked {
    let drawable = |part: &Part| part.kind != PartKind::Other;
    let mut wanted: Vec<u32> = of_site(living, site);
    wanted.retain(|at| living.part(*at).is_some_and(drawable));
    if site.is_some() {
        let own = wanted.clone();
        let has = |at: u32| own.binary_search(&at).is_ok();
        let beside = |flow: &Flow| match (has(flow.from), has(flow.to)) {
            (true, false) => Some(flow.to),
            (false, true) => Some(flow.from),
            _ => None,
        };
        wanted.extend(living.flows.iter().filter_map(beside));
        wanted.sort_unstable();
        wanted.dedup();
    }
    let total = wanted.len();
    if total > most {
        // What is above others first: an endpoint without its app says nothing.
        let rank = |at: &u32| {
            let part = living.part(*at);
            (part.is_some_and(|part| part.kind.is_endpoint()), Reverse(part.map_or(Stands::Held, Part::worst)), *at)
        };
        wanted.sort_by_cached_key(rank);
        wanted.truncate(most);
        wanted.sort_unstable();
    }
    let mut picked = Picked { left_out: total - wanted.len(), parts: wanted, flows: Vec::new() };
    picked.flows = (0..living.flows.len())
        .filter(|at| living.flows.get(*at).is_some_and(|flow| picked.has(flow.from) && picked.has(flow.to)))
        .collect();
    picked
}

/// What stands against a threat on a part.
pub(super) struct Against {
    /// How it is seen.
    pub(super) sight: Sight,
    /// The worst state of its controls; `Unknown` where it has none.
    pub(super) worst: Stands,
    /// Its controls on the part: place in the catalogue, and state.
    pub(super) controls: Vec<(u16, Stands)>,
}

/// Returns the threats that an alert or a control on a part speaks of, by their place in the catalogue.
pub(super) fn threats(living: &Living, part: &Part) -> BTreeMap<usize, Against> {
    let sights = part.sights(living.threats.all.len());
    let place = |id: &String| living.threats.all.binary_search_by(|threat| threat.id.cmp(id)).ok();
    let mut all: BTreeMap<usize, Against> = BTreeMap::new();
    for standing in &part.standings {
        let Some(control) = standing.control(&living.controls) else { continue };
        for threat in control.threats.iter().filter_map(place) {
            let sight = sights.get(threat).copied().unwrap_or(Sight::Blind);
            let one = all.entry(threat).or_insert_with(|| Against { sight, worst: Stands::Held, controls: Vec::new() });
            one.worst = one.worst.max(standing.stands);
            match one.controls.iter_mut().find(|(known, _)| *known == standing.control) {
                Some((_, stands)) => *stands = (*stands).max(standing.stands),
                None => one.controls.push((standing.control, standing.stands)),
            }
        }
    }
    for (threat, _) in &part.firing {
        all.entry(usize::from(*threat)).or_insert_with(|| Against {
            sight: Sight::Firing,
            worst: Stands::Unknown,
            controls: Vec::new(),
        });
    }
    all
}
