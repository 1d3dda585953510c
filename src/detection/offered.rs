//! Which events is a detector offered, and which of them can each step take?
//!
//! What its `needs` names; of what sees findings alone nothing.

use crate::clock::Lanes;
use crate::posture::Problems;
use crate::posture::document::{Section, unknown};
use crate::telemetry::{Category, Kind};

use super::Counting;
use super::condition::Condition;
use super::counting::Counted;

/// Returns which events a detector of `counted` is offered, and what it waits for.
pub(super) fn offered(
    file: &mut Section,
    counted: Option<&Counted>,
    problems: &mut Problems,
) -> Option<(Vec<Kind>, Lanes)> {
    let counting = counted.map(|counted| &counted.counting);
    let sees_events = counting.is_none_or(Counting::sees_events);
    if sees_events || counting.is_some_and(Counting::is_risk) {
        let needs = needs(file, problems);
        // What sees no event waits for all that others may find something in.
        return if sees_events { needs } else { needs.map(|_| (Vec::new(), Lanes::ALL)) };
    }
    if let Some(needs) = file.take("needs") {
        let says = "Every step is what other detectors find: it waits for what these need. Leave `needs` out.";
        problems.add(needs.line, says);
    }
    Some((Vec::new(), Lanes::default()))
}

/// Returns a condition for each step; what stands in `when` holds for all of them that take events.
pub(super) fn steps(counted: &mut Counted, when: &Condition) -> Vec<Condition> {
    let steps = std::mem::take(&mut counted.steps);
    if steps.is_empty() {
        return vec![when.clone()];
    }
    let both = |(number, step)| {
        if counted.counting.takes_events(number) { Condition::all(vec![when.clone(), step]) } else { step }
    };
    steps.into_iter().enumerate().map(both).collect()
}

fn needs(file: &mut Section, problems: &mut Problems) -> Option<(Vec<Kind>, Lanes)> {
    let value =
        file.demand("needs", "List kinds of event, such as `needs: [http.request]`, or `needs: any`.", problems)?;
    let names = value.texts("A kind or category", problems);
    if names.iter().any(|(name, _)| name == "any") {
        return Some((Kind::ALL.to_vec(), Lanes::ALL));
    }
    let (mut kinds, mut lanes) = (Vec::new(), Lanes(0));
    for (name, line) in names {
        if let Some(kind) = Kind::named(&name) {
            kinds.push(kind);
            lanes = Lanes(lanes.0 | kind.lanes().0);
        } else if let Some(category) = Category::ALL.into_iter().find(|category| category.name() == name) {
            // All that it makes; and nobody waits for others that make the same.
            kinds.extend(category.makes());
            lanes = lanes.with(category.lane());
        } else {
            let known = Kind::ALL.iter().map(|kind| kind.name()).chain(["any"]);
            problems.add(line, unknown(&name, "a kind of event", known));
        }
    }
    Some((kinds, lanes))
}
