//! Does this entity show more different values, or fewer, than it does at this hour?
//!
//! A [`Baseline`] to which an event is worth 1 if its value is new to the hour, and 0 if not. A bucket is an hour and
//! nothing else: different values do not add up, so of parts of an hour nothing follows for the whole, and what is learnt
//! would not be what is judged. The values of the hour are exact up to 512, and then estimated ([`Different`]), as
//! are those that are learnt, so that the estimate's error is among what they stray by. At most 4 KB beside the baseline.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::detection::stats::Different;

use super::baseline::{Baseline, Baselining};
use super::{Cost, Firing, Room, Voice};

/// What one entity shows, and is showing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UsualValues {
    baseline: Baseline,
    /// The hour of which the values are.
    hour: i64,
    values: Different,
}

impl UsualValues {
    /// Returns an entity of which `signal` is the first event, before that is counted.
    pub fn new(asked: Baselining, signal: &Signal) -> Self {
        let baseline = Baseline::new(asked, signal);
        Self { hour: baseline.bucket(), baseline, values: Different::default() }
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, asked: Baselining, signal: &Signal, room: &Room) -> Option<Firing> {
        let worth = self.see(asked, signal);
        self.baseline.observe_worth(asked, signal, worth, room)
    }

    /// Counts an event during an attack; returns how many values there are if they are too many still.
    pub fn further(&mut self, asked: Baselining, signal: &Signal, room: &Room) -> Option<f64> {
        let worth = self.see(asked, signal);
        self.baseline.further_worth(asked, signal, worth, room)
    }

    /// Sees the value of an event; returns by how much there are more of them in this hour now.
    fn see(&mut self, asked: Baselining, signal: &Signal) -> u64 {
        let hour = asked.bucket(signal.time);
        self.reach(asked, hour);
        if hour < self.hour {
            return 0;
        }
        let before = self.values.count();
        self.values.see(signal.value);
        self.values.count() - before
    }

    fn reach(&mut self, asked: Baselining, hour: i64) {
        self.baseline.reach(asked, hour);
        if self.baseline.bucket() > self.hour {
            (self.hour, self.values) = (self.baseline.bucket(), Different::default());
        }
    }

    /// Returns when its hour is over, where that may make it fire.
    pub fn alarm(&self, asked: Baselining) -> Option<Timestamp> {
        self.baseline.alarm(asked)
    }

    /// Looks at the hour that is over; returns what fires.
    pub fn elapse(&mut self, asked: Baselining, at: Timestamp) -> Option<(Voice, Firing)> {
        let fired = self.baseline.elapse(asked, at);
        self.reach(asked, self.baseline.bucket());
        fired
    }

    /// Tells whether it is known for long enough not to give way to one that is new.
    pub fn is_settled(&self) -> bool {
        self.baseline.is_settled()
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self) -> Timestamp {
        self.baseline.until()
    }

    /// Says how many values there are in this hour, and what is usual.
    pub fn standing(&self, asked: Baselining) -> String {
        self.baseline.standing(asked)
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let Cost { items, bytes } = self.baseline.cost();
        Cost { items: items + self.values.items(), bytes }
    }
}
