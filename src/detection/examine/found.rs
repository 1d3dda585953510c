//! Which steps of a sequence has another detector found something for?
//!
//! It is told when it is found, and beside each event that counts for an entity, what had been found about that entity
//! by then, or that nothing had.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::detection::{Counting, Engine, Finding};
use crate::telemetry::Entity;

use super::{Clause, Examiner, Look, Told};

/// What another detector has found that counts for a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAt {
    /// When.
    pub at: Timestamp,
    /// The event at which it was found; `None` where time alone brought it.
    pub event: Option<usize>,
    /// About whom.
    pub entity: String,
    /// The id of the detector that found it.
    pub detector: Arc<str>,
    /// For which steps it counts, from 1.
    pub steps: Vec<usize>,
    /// What is remembered of the entity then.
    pub standing: String,
    /// The sentence of the alert, if it fired.
    pub fired: Option<String>,
}

/// What was found last for each step and entity: by whom, and when.
pub type Seen = HashMap<(usize, Entity), (Arc<str>, Timestamp)>;

impl Examiner<'_> {
    /// Tells what of `found`, all that one moment brought, counts for a step, and takes out what the detector itself found
    /// by it.
    pub(super) fn found(
        &self,
        engine: &Engine,
        found: &mut Vec<Finding>,
        event: Option<usize>,
        seen: &mut Seen,
    ) -> Vec<Told> {
        let own = self.detector();
        let finders = own.counting.finders();
        let mut all = Vec::new();
        for finding in found.iter().filter(|one| one.fired && one.entity.kind == own.entity) {
            let Some(by) = self.catalogue.detectors.named(&finding.detector) else { continue };
            let steps: Vec<usize> = (1..).zip(finders).filter(|(_, of)| of.take(by)).map(|(step, _)| step).collect();
            if steps.is_empty() {
                continue;
            }
            for step in &steps {
                seen.insert((*step, finding.entity.clone()), (Arc::clone(&by.id), finding.at));
            }
            let standing = engine.standing_of(self.number, &finding.entity);
            let told = FoundAt {
                at: finding.at,
                event,
                entity: finding.entity.sayable(),
                detector: Arc::clone(&by.id),
                steps,
                standing: standing.unwrap_or_else(|| "nothing is remembered".to_owned()),
                fired: None,
            };
            all.push((finding.entity.clone(), told));
        }
        // It fires at what completes it: at an event, unless the last step is what others find, or any may be the last.
        let any_order = matches!(own.counting, Counting::Sequence { any_order: true, .. });
        let completes = |one: &FoundAt| event.is_none() || any_order || one.steps.contains(&finders.len());
        for (entity, told) in all.iter_mut().rev().filter(|(_, told)| completes(told)) {
            let fires = |one: &Finding| one.fired && one.detector == own.id && one.entity == *entity;
            told.fired = found.iter().position(fires).map(|at| found.remove(at).why);
        }
        all.into_iter().map(|(_, told)| Told::Found(told)).collect()
    }

    /// Adds to `looks` whether what other steps take had been found about `entity`.
    pub(super) fn found_before(&self, entity: &Entity, seen: &Seen, looks: &mut Vec<Look>) {
        let counting = &self.detector().counting;
        for (number, finders) in counting.finders().iter().enumerate().filter(|(_, of)| !of.is_none()) {
            let known = seen.get(&(number + 1, entity.clone()));
            let saw = known.map(|(id, at)| format!("{id} about {} at {at}", entity.sayable()));
            let asks = format!("found by {}", finders.said());
            let clause = Clause { depth: 0, holds: known.is_some(), asks, saw };
            let look = Look { of: format!("step {}", number + 1), holds: known.is_some(), clauses: vec![clause] };
            looks.insert(number.min(looks.len()), look);
        }
    }
}
