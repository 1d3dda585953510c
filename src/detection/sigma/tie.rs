//! How do the rules that a correlation refers to count for it? From names to a [`Plan`] and its leaves.
//!
//! A plan keeps its state by what the outermost correlation groups by, so a correlation within it must group by the
//! same: one that does not is refused by name. At most eight correlations deep.

use std::collections::HashMap;
use std::time::Duration;

use crate::detection::Counting;
use crate::detection::correlation_plan::{Input, Joint, Limit, MAX_NODES, MAX_STEPS, Node, Plan};

use super::correlation::{Correlation, Type};
use super::rule::Detection;
use super::test::Compare;

/// How deep correlations may refer to one another.
const MAX_DEPTH: usize = 8;
/// Up to this count the engine's own kinds are used, which keep better evidence.
const MOST: f64 = 10_000.0;

/// What a name refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Which {
    Detection(usize),
    Correlation(usize),
    /// A document that was refused.
    Refused,
}

/// All documents that others may refer to.
pub(super) struct Book<'b> {
    pub(super) names: &'b HashMap<String, Which>,
    pub(super) detections: &'b [Detection],
    pub(super) correlations: &'b [Correlation],
}

/// A rule as one step of a correlation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf {
    pub(super) detection: usize,
    pub(super) step: u8,
    /// What the correlation groups by, by the names of this rule's fields.
    pub(super) by: Vec<String>,
    pub(super) value: Vec<String>,
    pub(super) measured: bool,
}

/// A correlation tied to its rules.
#[derive(Clone, Debug)]
pub(super) struct Tied {
    pub(super) counting: Counting,
    pub(super) leaves: Vec<Leaf>,
    /// The correlations within it, itself among them.
    pub(super) within: Vec<usize>,
    /// Which steps must all have rules that can happen, for it to happen at all.
    pub(super) demanded: Vec<u8>,
}

struct Tying<'b> {
    book: &'b Book<'b>,
    nodes: Vec<Node>,
    leaves: Vec<Leaf>,
    seen: Vec<usize>,
    within: Vec<usize>,
    steps: usize,
}

/// Ties correlation `root` to its rules.
///
/// # Errors
///
/// Returns what stands in the way.
pub(super) fn tie(book: &Book<'_>, root: usize) -> Result<Tied, String> {
    let mut tying =
        Tying { book, nodes: Vec::new(), leaves: Vec::new(), seen: Vec::new(), within: Vec::new(), steps: 0 };
    tying.node(root, root)?;
    let mut leaves = tying.leaves;
    let plan = Plan { nodes: tying.nodes };
    let demanded = demanded(&plan);
    let counting = match simple(&plan) {
        Some(counting) => {
            for leaf in &mut leaves {
                leaf.step = 0;
            }
            counting
        }
        None => Counting::Correlation(plan.into()),
    };
    Ok(Tied { counting, leaves, within: tying.within, demanded })
}

impl Tying<'_> {
    /// Adds the node of correlation `number`, its children before it; returns its place.
    fn node(&mut self, number: usize, root: usize) -> Result<u8, String> {
        let book = self.book;
        let (Some(of), Some(outer)) = (book.correlations.get(number), book.correlations.get(root)) else {
            return Err("it refers to nothing.".to_owned());
        };
        if self.seen.contains(&number) {
            return Err(format!("it refers to itself, by way of \u{201c}{}\u{201d}.", of.meta.title));
        }
        if self.seen.len() >= MAX_DEPTH {
            return Err(format!("it refers to correlations of correlations more than {MAX_DEPTH} deep."));
        }
        self.seen.push(number);
        self.within.push(number);
        let mut inputs = Vec::new();
        // Rules whose events merely count are one input: an event that fits two of them counts once.
        let together = !matches!(of.kind, Type::Temporal | Type::TemporalOrdered);
        let mut shared = None;
        for name in &of.rules {
            match book.names.get(name) {
                Some(Which::Detection(rule)) => {
                    let step = match shared {
                        Some(step) if together => step,
                        _ => self.step()?,
                    };
                    if shared.is_none() || !together {
                        inputs.push(Input::Step(step));
                    }
                    shared = Some(step);
                    self.leaf(of, outer, *rule, step)?;
                }
                Some(Which::Correlation(_)) if of.kind.takes_field() => {
                    return Err(format!(
                        "it looks at a field of \u{201c}{name}\u{201d}, a correlation, which has none."
                    ));
                }
                Some(Which::Correlation(inner)) => inputs.push(Input::Node(self.node(*inner, root)?)),
                Some(Which::Refused) => return Err(format!("it refers to `{name}`, which is refused.")),
                None => return Err(format!("it refers to `{name}`, and no rule has that id or name. Add the rule.")),
            }
        }
        self.seen.pop();
        if self.nodes.len() >= MAX_NODES {
            return Err(format!("it is made of more than {MAX_NODES} correlations."));
        }
        countable(of, inputs.len())?;
        self.nodes.push(Node { joint: joint(of, inputs.len()), inputs, within: of.within });
        Ok((self.nodes.len() - 1) as u8)
    }

    fn step(&mut self) -> Result<u8, String> {
        if self.steps >= MAX_STEPS {
            return Err(format!("it refers to more than {MAX_STEPS} rules."));
        }
        self.steps += 1;
        Ok((self.steps - 1) as u8)
    }

    fn leaf(&mut self, of: &Correlation, outer: &Correlation, rule: usize, step: u8) -> Result<(), String> {
        let Some(detection) = self.book.detections.get(rule) else { return Err("it refers to nothing.".to_owned()) };
        let by = resolved(outer, &outer.group_by, detection)?;
        let own = resolved(of, &of.group_by, detection)?;
        let same = by.len() == own.len() && by.iter().all(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        if !same {
            return Err(format!(
                "it groups by {}, and \u{201c}{}\u{201d} within it by {}: they must group by the same.",
                listed(&by),
                of.meta.title,
                listed(&own)
            ));
        }
        let measured = matches!(of.kind, Type::ValueSum | Type::ValueAvg | Type::ValueMedian)
            || of.kind == Type::ValuePercentile && of.percentile.is_some();
        let value = if of.kind.takes_field() { resolved(of, &of.fields, detection)? } else { Vec::new() };
        self.leaves.push(Leaf { detection: rule, step, by, value, measured });
        Ok(())
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Returns what `names` are called in the events of `rule`, aliases put in.
fn resolved(of: &Correlation, names: &[String], rule: &Detection) -> Result<Vec<String>, String> {
    let one = |name: &String| match of.aliases.get(name) {
        None => Ok(name.clone()),
        Some(fields) => rule.meta.names.iter().find_map(|known| fields.get(known)).cloned().ok_or_else(|| {
            format!("its alias `{name}` names no field of rule \u{201c}{}\u{201d}. Add one.", rule.meta.title)
        }),
    };
    names.iter().map(one).collect()
}

/// Refuses what a `temporal` asks of its number of rules if that can't be, or is not "at least so many".
fn countable(of: &Correlation, inputs: usize) -> Result<(), String> {
    if of.kind != Type::Temporal || of.limits.is_empty() {
        return Ok(());
    }
    let holds = |count: &usize| Limit::all_hold(&of.limits, *count as f64);
    match (1..=inputs).find(holds) {
        None => Err(format!(
            "its condition holds for no number of its {inputs} rules. Write `gte: 1` to `gte: {inputs}`, or leave it out."
        )),
        Some(least) if !(least..=inputs).all(|count| holds(&count)) => {
            Err("of a `temporal` only how many rules there are at least can be asked. Write `gte`.".to_owned())
        }
        Some(_) => Ok(()),
    }
}

fn joint(of: &Correlation, inputs: usize) -> Joint {
    let limits = of.limits.clone();
    match of.kind {
        Type::EventCount => Joint::Count(limits),
        Type::ValueCount => Joint::Values(limits),
        Type::TemporalOrdered => Joint::Ordered,
        Type::Temporal => {
            // What else it may say is refused by `countable`.
            let least = (1..=inputs).find(|count| !limits.is_empty() && Limit::all_hold(&limits, *count as f64));
            Joint::Together(least.unwrap_or(inputs) as u32)
        }
        Type::ValueSum => Joint::Sum(limits),
        Type::ValueAvg => Joint::Average(limits),
        Type::ValueMedian => Joint::Percentile(50, limits),
        Type::ValuePercentile => match of.percentile {
            Some(percent) => Joint::Percentile(percent, limits),
            None => Joint::Share(limits),
        },
    }
}

/// Returns the kind of counting that does the same as a plan of one node that only has a least number.
fn simple(plan: &Plan) -> Option<Counting> {
    let [Node { inputs, joint, within }] = plan.nodes.as_slice() else { return None };
    let least = |limits: &[Limit]| match limits {
        [limit] if limit.to().fract() == 0.0 && limit.to() < MOST => match limit.how {
            Compare::AtLeast if limit.to() >= 1.0 => Some(limit.to() as u32),
            Compare::More if limit.to() >= 0.0 => Some(limit.to() as u32 + 1),
            _ => None,
        },
        _ => None,
    };
    if !matches!(inputs.as_slice(), [Input::Step(_)]) || *within == Duration::ZERO {
        return None;
    }
    match joint {
        Joint::Count(limits) => {
            least(limits).map(|at_least| Counting::Threshold { at_least, within: (*within).into() })
        }
        Joint::Values(limits) => {
            least(limits).map(|least| Counting::Distinct { more_than: least - 1, within: (*within).into() })
        }
        _ => None,
    }
}

/// Returns the steps without which the whole can't happen.
fn demanded(plan: &Plan) -> Vec<u8> {
    let mut steps = Vec::new();
    let mut nodes: Vec<usize> = plan.nodes.len().checked_sub(1).into_iter().collect();
    while let Some(node) = nodes.pop().and_then(|number| plan.nodes.get(number)) {
        let all = match node.joint {
            Joint::Together(least) => least as usize == node.inputs.len(),
            Joint::Ordered => true,
            _ => node.inputs.len() == 1,
        };
        for input in node.inputs.iter().filter(|_| all) {
            match input {
                Input::Step(step) => steps.push(*step),
                Input::Node(inner) => nodes.push(usize::from(*inner)),
            }
        }
    }
    steps
}

/// Who refers to what.
#[derive(Default)]
pub(super) struct Parts(HashMap<Which, bool>);

impl Parts {
    pub(super) fn add(&mut self, number: usize, of: &Tied, generate: bool) {
        let inner = of.within.iter().filter(|inner| **inner != number).map(|inner| Which::Correlation(*inner));
        let leaves = of.leaves.iter().map(|leaf| Which::Detection(leaf.detection));
        inner.chain(leaves).for_each(|part| self.hold(part, generate));
    }

    pub(super) fn hold(&mut self, part: Which, generate: bool) {
        *self.0.entry(part).or_default() |= generate;
    }

    pub(super) fn stands_alone(&self, which: Which) -> bool {
        self.0.get(&which).copied().unwrap_or(true)
    }
}
