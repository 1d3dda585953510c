//! What must stage 2 know of exceptions and owners?
//!
//! Matches are held back where they are found; a silence, and a risk that adds up, have no match, and are
//! held back here. Who answers for what a finding is about is said here too, so that a replay with the same
//! inventory says the same. All of it is replaced whole, between two batches.

use std::sync::Arc;

use crate::context::Context;
use crate::detection::{Exceptions, Finding};
use crate::posture::intended::Intended;
use crate::store::Reload;

use super::{Core, Stage};

/// Exceptions and the inventory, as stage 2 needs them.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What counts for nothing.
    pub exceptions: Arc<Exceptions>,
    /// Who answers for what.
    pub context: Arc<Context>,
    /// What is meant to be.
    pub intended: Arc<Intended>,
}

impl Surroundings {
    /// Returns those that stage 1 goes by; it knows what is meant only as far as events can tell.
    pub fn of(stage: &Stage) -> Self {
        let (exceptions, context) = (stage.matcher.exceptions().clone(), stage.context.clone());
        Self { exceptions, context, intended: Arc::default() }
    }
}

impl Core {
    /// Goes by these from now on; what waits already goes by those before.
    pub fn set_surroundings(&mut self, surroundings: Surroundings) {
        self.surroundings = surroundings;
    }

    /// Notes that files were read: journalled with the next epoch.
    pub fn read_anew(&mut self, reload: Reload) {
        self.reloads.push(reload);
    }

    /// Returns what it goes by.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// Notes that an exception held something back once.
    pub(super) fn held_back(&mut self, exception: &str) {
        match self.accounting.held_back.get_mut(exception) {
            Some(times) => *times += 1,
            None => drop(self.accounting.held_back.insert(exception.to_owned(), 1)),
        }
    }

    /// Holds back what exceptions cover of what has no event, and says who answers for the rest.
    pub(super) fn surround(&mut self, mut findings: Vec<Finding>) -> Vec<Finding> {
        let Surroundings { exceptions, context, .. } = self.surroundings.clone();
        if !exceptions.all().is_empty() {
            findings.retain(|finding| {
                let number = self.detectors.place_of(&finding.detector).filter(|_| finding.fired);
                let eventless = number.filter(|number| self.detectors.all[*number].counting.has_no_event());
                let held = eventless.and_then(|number| exceptions.cover_eventless(number, finding));
                held.inspect(|id| self.held_back(id)).is_none()
            });
        }
        if !context.inventory.is_empty() {
            for finding in &mut findings {
                finding.owner = context.inventory.owner_of(&finding.entity, finding.app.as_deref()).map(Arc::from);
            }
        }
        findings
    }
}
