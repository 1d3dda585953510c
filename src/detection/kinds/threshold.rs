//! Threshold: has this entity done this `at_least` times `within` the window?
//!
//! The window slides with both its edges, or tumbles. At most `at_least` times are kept for an entity;
//! where a detector asks for more than 1,024, the window's far edge is blurred instead. It goes on
//! counting during an attack, so that the alert can say at which limit it would have stayed quiet;
//! after it, it starts afresh.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::detection::because::Earlier;
use crate::detection::stats::Tally;

use super::few::Mark;
use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, MOST_TIMES, Room, Window};

/// The matched events of one entity in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Threshold {
    times: Tally,
    kept: Newest,
}

impl Threshold {
    /// Returns what a few events leave behind that are far from firing.
    pub fn of_few(marks: &[Mark]) -> Self {
        let mut few = Self::default();
        for mark in marks {
            few.times.add(mark.at, MOST_TIMES);
        }
        few
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, at_least: u32, window: Window, signal: &Signal, room: &Room) -> Option<Firing> {
        let at = signal.time;
        let newest = self.times.newest().map_or(at, |newest| newest.max(at));
        let start = window.start(newest);
        if at < start {
            return (at_least <= 1).then(|| Firing::of_one(signal));
        }
        let count = self.count(at_least, start, at);
        let first = self.times.first().unwrap_or(at);
        if count >= u64::from(at_least) {
            let half = u64::from(at_least).div_ceil(2);
            let earlier = self.times.time_of(half).filter(|_| half < u64::from(at_least));
            let earlier = earlier.map(|then| Earlier { limit: half as f64, by: at.since(then) });
            let kept = self.kept.take_since(start);
            return Some(Firing { value: count as f64, kept, earlier, ..Firing::of(count, first, newest) });
        }
        if count + BEFORE as u64 >= u64::from(at_least) {
            self.kept.push(signal, room);
        }
        None
    }

    /// Counts an event during an attack; returns how many there are now.
    pub fn further(&mut self, at_least: u32, window: Window, at: Timestamp) -> f64 {
        let start = window.start(self.times.newest().map_or(at, |newest| newest.max(at)));
        let count = if at < start { self.times.total() } else { self.count(at_least, start, at) };
        count as f64
    }

    fn count(&mut self, at_least: u32, start: Timestamp, at: Timestamp) -> u64 {
        self.times.add(at, MOST_TIMES.min(at_least as usize));
        self.times.forget_before(start);
        self.times.total()
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.times.newest()
    }

    /// Says how many there are, of how many.
    pub fn standing(&self, at_least: u32, window: Window) -> String {
        format!("{} of {at_least} events {}", self.times.total(), window.in_words())
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.times.items(), bytes: self.kept.bytes() }
    }
}
