//! What are the steps of a sequence?
//!
//! Each takes events, as its `when` says, or what other detectors find: those that it names, or all of a family.

use crate::posture::Problems;
use crate::posture::document::{Located, Node, Section, unknown};

use super::super::condition::Condition;
use super::super::finders::{Finders, Named};
use super::super::rule::Term;
use super::super::when;
use super::super::{Counting, Family};
use super::MOST;
use super::values::{count, duration, named};

const MAX_STEPS: usize = 8;
/// Events that a later step takes at most where there is a `gap`.
const MOST_BRIDGES: u32 = 64;
/// Detectors that one step names.
const MOST_NAMED: usize = 64;

/// The steps of a sequence.
#[derive(Default)]
pub(super) struct Steps {
    /// A condition for each; one that takes findings has one that no event fulfils.
    pub(super) conditions: Vec<Condition>,
    /// What they name whose findings they take.
    pub(super) finders: Vec<Named>,
    counts: Vec<u32>,
    found: Vec<Finders>,
}

pub(super) fn sequence(by: &[Term], section: &mut Section, problems: &mut Problems) -> (Steps, Option<Counting>) {
    let within = duration(section, "within", problems);
    let gap = if section.has("gap") { duration(section, "gap", problems).map(Some) } else { Some(None) };
    let any_order = named(section, "order", ["given", "any"], problems).map(|order| order == "any");
    let mut steps = Steps::default();
    steps.read(section, problems);
    if !steps.finders.is_empty() && by.len() > 1 {
        let says = "`by` takes one field where a step is what other detectors found: that is about one entity. Take the others out.";
        problems.add(section.line, says);
    }
    // Where all take events there is nothing to ask of findings.
    let found = if steps.finders.is_empty() { Vec::new() } else { std::mem::take(&mut steps.found) };
    let counts = std::mem::take(&mut steps.counts);
    if matches!(gap, Some(Some(_))) && counts.iter().skip(1).any(|&many| many > MOST_BRIDGES) {
        let says = format!(
            "With a `gap` a step after the first takes {MOST_BRIDGES} events at most, for any of them may bridge a pause. Ask for fewer, or leave `gap` out."
        );
        problems.add(section.line, says);
    }
    let counting =
        || Some(Counting::Sequence { steps: counts, within: within?, gap: gap?, any_order: any_order?, found });
    (steps, counting())
}

impl Steps {
    fn read(&mut self, section: &mut Section, problems: &mut Problems) {
        let Some(value) = section.demand("steps", "List two steps or more, each with its `when`.", problems) else {
            return;
        };
        let line = value.line;
        let Node::List(items) = value.node else {
            problems.add(line, "`steps` must be a list of `{ when, at_least }`.");
            return;
        };
        if !(2..=MAX_STEPS).contains(&items.len()) {
            problems.add(line, format!("A sequence has 2 to {MAX_STEPS} steps, this one has {}.", items.len()));
        }
        for item in items.into_iter().take(MAX_STEPS) {
            self.step(item, problems);
        }
    }

    fn step(&mut self, item: Located, problems: &mut Problems) -> Option<()> {
        let mut section = item.section("A step", problems)?;
        let line = section.line;
        let (takes_events, names) = (section.has("when"), section.has("detector") || section.has("family"));
        let condition = section.take("when").map(|when| when::compile(when, problems));
        let finders = self.finders(&mut section, problems);
        if !takes_events && !names {
            let says = "Say which events the step takes (`when`), or what must be found (`detector`, `family`).";
            problems.add(line, says);
        } else if takes_events && names {
            problems.add(line, "A step takes events or findings: write `when`, or `detector` and `family`.");
        }
        let at_least = if section.has("at_least") { count(&mut section, "at_least", MOST, problems) } else { Some(1) };
        section.finish("a key of a step", &["when", "detector", "family", "at_least"], problems);
        if condition.is_none() && finders.is_none() {
            return None;
        }
        // No event is a finding.
        self.conditions.push(condition.unwrap_or(Condition::Any(Vec::new())));
        self.found.push(finders);
        self.counts.push(at_least?);
        Some(())
    }

    /// Reads whose findings a step takes.
    fn finders(&mut self, section: &mut Section, problems: &mut Problems) -> Finders {
        let mut finders = Finders::default();
        for (id, line) in names(section, "detector", problems) {
            self.finders.push(Named::Detector(id.as_str().into(), line));
            finders.detectors.push(id.into());
        }
        for (name, line) in names(section, "family", problems) {
            match Family::ALL.into_iter().find(|family| family.name() == name) {
                Some(family) => {
                    self.finders.push(Named::Family(family, line));
                    finders.families.push(family);
                }
                None => problems.add(line, unknown(&name, "a family", Family::ALL.iter().map(|family| family.name()))),
            }
        }
        finders
    }
}

/// Reads one name or several.
fn names(section: &mut Section, key: &str, problems: &mut Problems) -> Vec<(String, usize)> {
    let Some(value) = section.take(key) else { return Vec::new() };
    let line = value.line;
    let mut names = value.texts(&format!("`{key}`"), problems);
    if matches!(&value.node, Node::List(items) if items.is_empty()) {
        problems.add(line, format!("`{key}` names nobody. Name one or more."));
    }
    if names.len() > MOST_NAMED {
        problems.add(line, format!("A step names {MOST_NAMED} at most. Name a family, or fewer."));
        names.truncate(MOST_NAMED);
    }
    names
}
