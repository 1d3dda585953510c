//! Over which stretch of time does a kind look back?
//!
//! A sliding window ends at the newest event and has both its edges. Tumbling windows lie side by
//! side from the beginning of time, so that those of a day begin at midnight UTC; each counts by
//! itself, and has its first moment but not the next one's.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::detection::in_words::in_words;

/// A sliding or tumbling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// How long it is.
    pub within: Duration,
    /// Whether windows lie side by side instead of sliding.
    pub tumbling: bool,
}

impl From<Duration> for Window {
    fn from(within: Duration) -> Self {
        Self { within, tumbling: false }
    }
}

impl Window {
    /// Returns windows of `within` side by side.
    pub fn tumbling(within: Duration) -> Self {
        Self { within, tumbling: true }
    }

    /// Returns the first moment of the window in which `newest` is the newest event.
    pub fn start(self, newest: Timestamp) -> Timestamp {
        if self.tumbling { newest.minus(into(newest, self.within)) } else { newest.minus(self.within) }
    }

    /// Says how long it is.
    pub fn in_words(self) -> String {
        let length = in_words(self.within);
        if self.tumbling { format!("in this stretch of {length}") } else { format!("within {length}") }
    }

    /// Returns the last moment of any window that has an event at `at`.
    pub fn until(self, at: Timestamp) -> Timestamp {
        if self.tumbling {
            self.start(at).plus(self.within).minus(Duration::from_nanos(1))
        } else {
            at.plus(self.within)
        }
    }
}

/// Returns how far `at` lies within its stretch of `length`; stretches lie side by side.
pub fn into(at: Timestamp, length: Duration) -> Duration {
    let length = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX).max(1);
    Duration::from_nanos(at.nanos().rem_euclid(length) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tumbling_windows_lie_side_by_side_and_sliding_ones_have_both_edges() {
        let at = Timestamp::from_seconds;
        let minute = Duration::from_mins(1);
        let starts = |window: Window| [59, 60, 119, -1].map(|second| window.start(at(second)));
        assert_eq!(starts(Window::tumbling(minute)), [0, 60, 60, -60].map(at));
        assert_eq!(starts(minute.into()), [-1, 0, 59, -61].map(at));
        assert_eq!(Window::tumbling(minute).until(at(61)), at(120).minus(Duration::from_nanos(1)));
        assert_eq!(Window::from(minute).until(at(61)), at(121));
    }
}
