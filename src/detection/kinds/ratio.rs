//! Ratio: which share of what this entity does is of the other sort?
//!
//! Of all matched events in the window, those that fulfil a second condition: `at_least` so large a
//! share, among so many events or more, so that one failure of one is nothing. The matcher says which
//! they are by the signal's value, 1 or 0. Exact up to 64 different times; beyond, the far edge is
//! blurred. During an attack the events of the other sort belong to it.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::amount;
use crate::detection::stats::Sums;
use crate::detection::{Flip, Signal};

use super::few::Mark;
use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, Room, TIMES, Window};

/// A share of one, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Share(pub u32);

/// The events of one entity in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ratio {
    /// Adds up those of the other sort.
    events: Sums,
    kept: Newest,
}

impl Share {
    /// Returns it as a number from 0 to 1.
    pub fn of_one(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    fn is_reached(self, part: u64, all: u64) -> bool {
        u128::from(part) * 1_000_000 >= u128::from(self.0) * u128::from(all)
    }

    /// How many of `part` may be missing, and it is reached all the same among `among` or more.
    fn spare(self, part: u64, all: u64, among: u64) -> u64 {
        let missing = |fewer: u64| fewer <= part && all - fewer >= among && self.is_reached(part - fewer, all - fewer);
        let (mut low, mut high) = (0, part);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if missing(middle) { low = middle } else { high = middle - 1 }
        }
        low
    }
}

impl Ratio {
    /// Returns what a few events leave behind that are far from firing.
    pub fn of_few(marks: &[Mark]) -> Self {
        let mut few = Self::default();
        for mark in marks {
            few.events.add(mark.at, i64::from(mark.value == 1), TIMES);
        }
        few
    }

    /// Counts an event; returns what it completes.
    pub fn observe(
        &mut self,
        share: Share,
        among: u32,
        window: Window,
        signal: &Signal,
        room: &Room,
    ) -> Option<Firing> {
        let among = u64::from(among);
        let start = self.count(window, signal)?;
        let (part, all) = (self.part(), self.events.events());
        if all >= among && part > 0 && share.is_reached(part, all) {
            let (first, last) = (self.events.first()?, self.events.newest()?);
            let (value, spare) = (part as f64 / all as f64, share.spare(part, all, among));
            let (kept, flips) = (self.kept.take_since(start), vec![Flip::Among(all)]);
            return Some(Firing { value, spare, flips, distinct: all, kept, ..Firing::of(part, first, last) });
        }
        if signal.value == 1 && all + BEFORE as u64 >= among {
            self.kept.push(signal, room);
        }
        None
    }

    /// Counts an event during an attack; returns the share, if the event is of the other sort.
    pub fn further(&mut self, among: u32, window: Window, signal: &Signal) -> Option<f64> {
        self.count(window, signal);
        let all = self.events.events();
        let share = if all < u64::from(among) { 0.0 } else { self.part() as f64 / all as f64 };
        (signal.value == 1).then_some(share)
    }

    /// Takes an event in; returns where the window begins, unless it came too late for that.
    fn count(&mut self, window: Window, signal: &Signal) -> Option<Timestamp> {
        let at = signal.time;
        let start = window.start(self.events.newest().map_or(at, |newest| newest.max(at)));
        if at < start {
            return None;
        }
        self.events.add(at, i64::from(signal.value == 1), TIMES);
        self.events.forget_before(start);
        Some(start)
    }

    fn part(&self) -> u64 {
        u64::try_from(self.events.sum()).unwrap_or(0)
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.events.newest()
    }

    /// Says how large the share is, and of how many events.
    pub fn standing(&self, share: Share, among: u32, window: Window) -> String {
        let (part, all) = (self.part(), self.events.events());
        format!(
            "{part} of {all} events {} are what `of` says; it fires at {} % of {among} or more",
            window.in_words(),
            amount(share.of_one() * 100.0)
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.events.items(), bytes: self.kept.bytes() }
    }
}
