//! What is to be said of exceptions, lists and places while the daemon runs?
//!
//! Once a minute: how old each list and database is, and, once each, what has become too old, what
//! ends soon and what has ended. A file that can't be taken is a complaint until one can.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::context::ContextProblem;
use crate::dashboard::{AheadSeen, ExceptionSeen};

use super::super::Core;
use super::Watch;

/// How often ages are looked at.
const EVERY: Duration = Duration::from_mins(1);

/// What was said of context, and when.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// When ages were looked at last.
    last: Option<Duration>,
    /// What was said, so that it is said once.
    already: Vec<String>,
    /// Why the newest files could not be taken.
    pub(super) complaint: Option<String>,
}

impl Watch {
    /// Shows what has matched and is no alert yet, if that has changed.
    pub fn ahead(&self, news: Option<Vec<AheadSeen>>) {
        if let Some(news) = news {
            self.board.ahead.send_replace(news.into());
        }
    }

    /// Says why what was read anew is not taken.
    pub fn context_refused(&mut self, problems: &[ContextProblem]) {
        for problem in problems {
            tracing::error!("{problem}");
        }
        self.metrics.context_reloads.add(&["refused"], 1);
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        self.context.complaint = Some(format!(
            "The files of [context] have changed and are not taken; what they said before holds. {first}"
        ));
    }

    /// Says why detectors' files that have changed do not run; with nothing, that they are again what runs.
    pub fn detectors_refused(&mut self, says: Option<String>) {
        if let Some(says) = &says {
            tracing::error!("the detectors' files have changed and are not taken; those before go on:\n{says}");
            self.metrics.detector_reloads.add(&["refused"], 1);
        } else {
            tracing::info!("the detectors' files are again those that run");
        }
        self.detectors_complaint = says.map(|says| {
            let first = says.lines().next().unwrap_or_default();
            format!("The detectors' files have changed and are not taken; those before go on. {first}")
        });
    }

    /// Says how often detectors' files were taken and refused, and, in a run that goes by what was `taken` while the
    /// daemon ran, what that brought.
    pub fn detectors_read(&self, (times, came): ([u64; 2], &str), taken: bool) {
        for (outcome, times) in ["taken", "refused"].into_iter().zip(times) {
            self.metrics.detector_reloads.add(&[outcome], times);
        }
        // Nothing is known of what came where a run had to be tried again.
        if taken && !came.is_empty() {
            tracing::info!("the detectors were read anew: {came}");
        }
    }

    /// Says that what was read anew is gone by from now on.
    pub fn context_taken(&mut self) {
        tracing::info!("the files of [context] were read anew");
        self.metrics.context_reloads.add(&["taken"], 1);
        self.context = Said::default();
    }

    /// Shows how old things are, and says what is too old or ends.
    pub(super) fn surrounded(&mut self, core: &Core, now: Timestamp, elapsed: Duration) {
        if self.context.last.is_some_and(|last| elapsed.saturating_sub(last) < EVERY) {
            return;
        }
        self.context.last = Some(elapsed);
        let around = core.surroundings();
        for about in around.context.about() {
            if let Some(written) = about.written {
                let age = i64::try_from(now.since(written).as_secs()).unwrap_or(i64::MAX);
                self.metrics.context_age_seconds.set(&[&about.name], age);
            }
        }
        let ending = around.exceptions.all().iter().filter_map(|one| one.warning(now, self.warn_before));
        let accepted = around.intended.accepted.iter().filter_map(|one| one.warning(now, self.warn_before));
        for says in around.context.stale(now).into_iter().chain(ending).chain(accepted) {
            if !self.context.already.contains(&says) {
                tracing::warn!("{says}");
                self.context.already.push(says);
            }
        }
        let counted = core.accounting().held_back;
        let seen = around.exceptions.all().iter().map(|one| ExceptionSeen {
            id: one.id.to_string(),
            detectors: one.detectors.join(", "),
            owner: one.owner.clone(),
            reason: one.reason.clone(),
            expires: one.expires,
            standing: one.standing(now, self.warn_before).name(),
            held_back: counted.get(&*one.id).copied().unwrap_or_default(),
        });
        self.board.set_exceptions(seen.collect());
    }
}
