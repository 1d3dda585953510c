//! What does a firing rest on, where its kind says no more than how many events there were?

use crate::clock::Timestamp;
use crate::detection::Signal;

use super::Firing;

impl Firing {
    /// Returns what `count` events from `first` to `last` complete; they are what was measured.
    pub fn of(count: u64, first: Timestamp, last: Timestamp) -> Self {
        let (kept, value) = (Vec::new(), count as f64);
        Self {
            count,
            distinct: 1,
            first,
            last,
            kept,
            value,
            band: None,
            earlier: None,
            spare: 0,
            flips: Vec::new(),
            level: None,
            bulk: None,
        }
    }

    /// An event that fires by itself.
    pub(super) fn of_one(signal: &Signal) -> Self {
        Self::of(1, signal.time, signal.time)
    }
}
