//! Which steps does an event fulfil?
//!
//! A worker tries the steps on several events before it makes signals of what holds: conditions and hashes push
//! each other's instructions out of the processor's nearest cache if they take turns.

use crate::detection::aside::Aside;
use crate::detection::needs::{Has, OTHER};
use crate::detection::scene::Scene;
use crate::detection::words::Gated;
use crate::redaction::RedactedEvent;

use super::{Matcher, Step};

/// The steps that events fulfil which look at the event itself, event by event.
#[derive(Debug, Default)]
pub struct Tried {
    /// Their places in the list of the event's kind and outcome.
    steps: Vec<u16>,
    events: Vec<Ends>,
}

/// Where an event's steps end.
#[derive(Clone, Copy, Debug)]
struct Ends {
    steps: u32,
    calm: Gated,
}

/// What one event fulfils.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fulfilled<'t> {
    /// The places of the steps, ascending.
    pub(super) steps: &'t [u16],
    /// Which gates have said that nothing in the event is sought.
    pub(super) calm: Gated,
}

impl Tried {
    /// Forgets all events.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.events.clear();
    }

    /// Returns what the event fulfils that was tried as number `event`, from 0.
    pub(super) fn of(&self, event: usize) -> Fulfilled<'_> {
        let start = event.checked_sub(1).and_then(|before| self.events.get(before)).map_or(0, |before| before.steps);
        let Some(ends) = self.events.get(event) else { return Fulfilled { steps: &[], calm: Gated::NONE } };
        let steps = self.steps.get(start as usize..ends.steps as usize).unwrap_or_default();
        Fulfilled { steps, calm: ends.calm }
    }
}

impl Matcher {
    /// Tries all steps on `event` that look at nothing but it, as the next one of `tried`.
    pub fn try_on(&self, event: &RedactedEvent<'_>, tried: &mut Tried) {
        let lists = &self.index[event.kind() as usize][event.outcome() as usize];
        let calm = self.gates.calm(lists.gated, event);
        let scene = Scene { event, secret: None, calm };
        let has = Has::of(event, scene, lists.fields);
        let aside = Aside::of(event);
        let concerned = |step: &Step| !step.needs.are_met(&has) && !step.aside.passes_over(aside);
        debug_assert!(
            !lists.plain.iter().any(|step| concerned(step) && self.concerns(step, scene)),
            "needs ask for more than the condition does"
        );
        let has_status = has.status() < OTHER;
        for word in 0..lists.sieve.words() {
            let mut may = lists.sieve.may(&has, word);
            while may != 0 {
                let place = 64 * word + may.trailing_zeros() as usize;
                let step = &lists.plain[place];
                may &= may - 1;
                let when = if has_status { &step.rest } else { &step.when };
                debug_assert_eq!(
                    step.needs.fits(&has) && when.holds(scene),
                    step.when.holds(scene),
                    "what is left of a condition is not the condition"
                );
                if !step.aside.passes_over(aside) && step.needs.fits(&has) && when.holds(scene) {
                    tried.steps.push(place as u16);
                }
            }
        }
        tried.events.push(Ends { steps: tried.steps.len() as u32, calm });
    }
}
