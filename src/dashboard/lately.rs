//! What was just said or done, so that it is neither said again nor believed for ever?
//!
//! Both look at what a moment ago was, by the daemon's own clock. At most 256 names; of those beyond, the oldest go.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a line of the log stands for all of its sort.
const STANDS: Duration = Duration::from_mins(10);
/// How long a deed that was accepted may wait to be recorded, as far as pages say.
const WAITS: Duration = Duration::from_mins(1);
const MOST: usize = 256;

/// When something was said last. The lock is held to compare two times.
#[derive(Debug, Default)]
pub(super) struct Said(Mutex<Option<Duration>>);

impl Said {
    /// Tells whether it is to be said again, and takes it for said.
    pub(super) fn is_new(&self, elapsed: Duration) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = last.is_none_or(|last| elapsed.saturating_sub(last) >= STANDS);
        if new {
            *last = Some(elapsed);
        }
        new
    }
}

/// Whose deeds were accepted and not seen to be recorded. The lock is held for one look at 256 names.
#[derive(Debug, Default)]
pub(super) struct Slow(Mutex<VecDeque<(String, Duration)>>);

impl Slow {
    /// Notes that a deed of `who` waits.
    pub(super) fn note(&self, who: &str, elapsed: Duration) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back((who.to_owned(), elapsed));
        if all.len() > MOST {
            all.pop_front();
        }
    }

    /// Tells whether a deed of `who` has just been accepted.
    pub(super) fn waits(&self, who: &str, elapsed: Duration) -> bool {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|(name, at)| name == who && elapsed.saturating_sub(*at) < WAITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_said_again_after_a_while() {
        let (said, minutes) = (Said::default(), |n| Duration::from_mins(n));
        let all = [0, 1, 9, 10, 11, 20].map(|n| said.is_new(minutes(n)));
        assert_eq!(all, [true, false, false, true, false, true]);
    }

    #[test]
    fn only_whose_deed_was_just_accepted_is_told_that_it_is_being_recorded() {
        let slow = Slow::default();
        slow.note("dana", Duration::from_secs(5));
        assert!(slow.waits("dana", Duration::from_secs(64)) && !slow.waits("eve", Duration::from_secs(6)));
        assert!(!slow.waits("dana", Duration::from_secs(65)));
        for n in 0..MOST as u64 {
            slow.note("eve", Duration::from_secs(n));
        }
        assert!(!slow.waits("dana", Duration::from_secs(6)), "the oldest are forgotten");
    }
}
