//! When does what somebody answers for end?
//!
//! By the clock of events, as far as no older event can come; each at its own end, and of a reading that was
//! taken before any event none before the first. As many as are accepted.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::readings::{Changes, Readings, Weaker, answers};
use super::setup::Setup;
use crate::clock::Timestamp;
use crate::posture::controls::State;
use crate::posture::intended::Intended;
use crate::posture::observed::Observed;

impl Readings {
    /// Tells whether an acceptance that ends at `end` counts yet.
    pub(super) fn is_in_force(&self, end: Timestamp) -> bool {
        self.before_events || self.ended.is_none_or(|ended| end > ended)
    }

    /// Returns when the next acceptance ends of what is not as it should be.
    pub fn ends(&self, intended: &Intended) -> Option<Timestamp> {
        let answers = answers(intended);
        let of = |((_, part), controls): (&'_ (u8, Arc<str>), &'_ BTreeSet<Arc<str>>)| {
            let ends = controls.iter().filter_map(|control| Some(answers.get(&(&**control, &**part))?.expires));
            ends.filter(|end| self.is_in_force(*end)).min()
        };
        self.accepted.iter().filter_map(of).min()
    }

    /// Returns when anything followed last.
    pub fn last(&self) -> Option<Timestamp> {
        self.at.max(self.ended)
    }

    /// Notes how far event time has surely come: what has ended by then is accepted no more.
    pub fn passed(&mut self, until: Timestamp) {
        self.ended = self.ended.max(Some(until));
    }

    /// Lets acceptances end that do so by `at`: of what they were for it is told, and of nothing else.
    pub fn end(&mut self, (configured, intended, observed): (&Setup, &Intended, &Observed), at: Timestamp) -> Changes {
        self.passed(at);
        let (answers, mut changes, mut weaker) = (answers(intended), Changes::default(), Vec::new());
        for element in &configured.elements {
            let Some(accepted) = self.accepted.get_mut(&(element.sort as u8, element.name.clone())) else { continue };
            for found in element.found.iter().filter(|found| found.state == State::NotConfigured) {
                let Some(control) = configured.controls.all.get(usize::from(found.control)) else { continue };
                let about = answers.get(&(&*control.id, &*element.name));
                if about.is_some_and(|one| one.expires <= at) && accepted.remove(&*control.id) {
                    weaker.push(Weaker { element, control, says: &found.says, answered: true });
                }
            }
        }
        self.accepted.retain(|_, controls| !controls.is_empty());
        self.tell(&weaker, (configured, intended, observed), at, &mut changes);
        changes
    }

    /// Notes that the first event has come, of `now`: what had ended before nobody has watched.
    pub fn begin(&mut self, intended: &Intended, now: Timestamp) {
        if !std::mem::take(&mut self.before_events) {
            return;
        }
        let answers = answers(intended);
        let ended = |part: &str, control: &str| answers.get(&(control, part)).is_some_and(|one| one.expires <= now);
        for ((_, part), controls) in &mut self.accepted {
            controls.retain(|control| !ended(part, control));
        }
        self.accepted.retain(|_, controls| !controls.is_empty());
        (self.at, self.oldest) = (Some(now), None);
    }
}
