//! Amount: what does a number of this entity's events add up to, or what is it on average?
//!
//! The number is the signal's value, whole. A sum fires above its limit, an average only where it
//! is one of `among` events or more. Exact up to 64 different times; beyond, the window's far edge is
//! blurred. During an attack all further events belong to a sum, and those above the limit to an average.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::because::Earlier;
use crate::detection::in_words::amount;
use crate::detection::stats::Sums;
use crate::detection::{Flip, Signal};

use super::few::Mark;
use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, Room, TIMES, Window};

/// What a detector asks of a number.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Whether it is the average that counts, not the sum.
    pub average: bool,
    /// It fires above this.
    pub more_than: i64,
    /// Events that an average is of, at least.
    pub among: u32,
    /// Over which stretch of time.
    pub window: Window,
}

/// The numbers of one entity in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Amount {
    numbers: Sums,
    kept: Newest,
}

impl Amount {
    /// Returns what a few events leave behind that are far from firing.
    pub fn of_few(marks: &[Mark]) -> Self {
        let mut few = Self::default();
        for mark in marks {
            few.numbers.add(mark.at, mark.value.cast_signed(), TIMES);
        }
        few
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, asked: Asked, signal: &Signal, room: &Room) -> Option<Firing> {
        let start = self.count(asked, signal)?;
        if self.is_above(asked) {
            let (first, last) = (self.numbers.first()?, self.numbers.newest()?);
            let (value, kept) = (self.value(asked), self.kept.take_since(start));
            let (earlier, flips) = (self.earlier(asked, signal.time), self.flips(asked));
            return Some(Firing { kept, value, earlier, flips, ..Firing::of(self.numbers.events(), first, last) });
        }
        if self.is_near(asked) {
            self.kept.push(signal, room);
        }
        None
    }

    /// Counts an event during an attack; returns what there is now, if the event belongs to it.
    pub fn further(&mut self, asked: Asked, signal: &Signal) -> Option<f64> {
        self.count(asked, signal);
        let belongs = !asked.average || signal.value.cast_signed() > asked.more_than;
        let enough = !asked.average || self.numbers.events() >= u64::from(asked.among);
        belongs.then(|| if enough { self.value(asked) } else { 0.0 })
    }

    /// Takes an event in; returns where the window begins, unless it came too late for that.
    fn count(&mut self, asked: Asked, signal: &Signal) -> Option<Timestamp> {
        let at = signal.time;
        let start = asked.window.start(self.numbers.newest().map_or(at, |newest| newest.max(at)));
        if at < start {
            return None;
        }
        self.numbers.add(at, signal.value.cast_signed(), TIMES);
        self.numbers.forget_before(start);
        Some(start)
    }

    fn is_above(&self, asked: Asked) -> bool {
        let (sum, events) = (self.numbers.sum(), self.numbers.events());
        let limit = i128::from(asked.more_than);
        if asked.average { events >= u64::from(asked.among) && sum > limit * i128::from(events) } else { sum > limit }
    }

    /// Tells whether few events more may make it fire.
    fn is_near(&self, asked: Asked) -> bool {
        if asked.average {
            self.numbers.events() + BEFORE as u64 >= u64::from(asked.among)
        } else {
            self.numbers.sum() > i128::from(asked.more_than) / 2
        }
    }

    /// Returns how much earlier half the limit would have fired, at least: the window of then had all that is in
    /// this one until then.
    fn earlier(&self, asked: Asked, at: Timestamp) -> Option<Earlier> {
        let half = asked.more_than / 2;
        if asked.average || half == 0 {
            return None;
        }
        Some(Earlier { limit: half as f64, by: at.since(self.numbers.exceeds(half.into())?) })
    }

    /// Returns which events made the difference, and of how many an average is.
    fn flips(&self, asked: Asked) -> Vec<Flip> {
        let limit = if asked.average { asked.more_than } else { 0 };
        let is_quiet = |events: u64, sum: i128| {
            if asked.average {
                events < u64::from(asked.among) || sum <= i128::from(limit) * i128::from(events)
            } else {
                sum <= i128::from(asked.more_than)
            }
        };
        let without = self.numbers.without(limit, is_quiet).map(|(events, worth, largest)| Flip::Without {
            events,
            worth: worth as f64,
            largest,
        });
        let among = asked.average.then(|| Flip::Among(self.numbers.events()));
        without.into_iter().chain(among).collect()
    }

    fn value(&self, asked: Asked) -> f64 {
        let (sum, events) = (self.numbers.sum() as f64, self.numbers.events().max(1) as f64);
        if asked.average { sum / events } else { sum }
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.numbers.newest()
    }

    /// Says what there is, and above what it fires.
    pub fn standing(&self, asked: Asked) -> String {
        let (value, events, window) = (amount(self.value(asked)), self.numbers.events(), asked.window.in_words());
        let limit = asked.more_than;
        if asked.average {
            format!(
                "{value} on average in {events} events {window}; it fires above {limit}, of {} or more",
                asked.among
            )
        } else {
            format!("{value} in all in {events} events {window}; it fires above {limit}")
        }
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.numbers.items(), bytes: self.kept.bytes() }
    }
}
