//! Percentile: are this entity's slow ones slow, whatever its average is?
//!
//! Fires where the number that `rank` percent of the window's events do not exceed is above the limit,
//! among so many events or more. Exact up to 128 events, then off by at most 1.6 % of the number, and
//! by an eighth of the window at its far edge. During an attack the events above the limit belong to it.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::stats::Quantiles;
use crate::detection::{Flip, Signal};

use super::few::Mark;
use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, Room, Window};

/// What a detector asks.
#[derive(Clone, Copy, Debug)]
pub struct Ranked {
    /// So many percent, 1 to 99.
    pub rank: u8,
    /// It fires above this.
    pub more_than: i64,
    /// Events that it is of, at least.
    pub among: u32,
    /// Over which stretch of time.
    pub window: Window,
}

/// The numbers of one entity in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Percentile {
    numbers: Quantiles,
    kept: Newest,
}

impl Percentile {
    /// Returns what a few events leave behind that are far from firing.
    pub fn of_few(marks: &[Mark], window: Window) -> Self {
        let mut few = Self::default();
        for mark in marks {
            few.numbers.add(mark.at, mark.value.cast_signed(), window.within);
        }
        few
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, asked: Ranked, signal: &Signal, room: &Room) -> Option<Firing> {
        let start = self.count(asked, signal)?;
        let above = is_above(asked, signal);
        if let Some(value) = self.value(asked).filter(|&value| i128::from(value) > i128::from(asked.more_than)) {
            let (first, last) = (self.numbers.first()?, self.numbers.newest()?);
            let (value, kept) = (value as f64, self.kept.take_since(start));
            let flips = self.flips(asked);
            return Some(Firing { kept, value, flips, ..Firing::of(self.numbers.events(), first, last) });
        }
        if above && self.numbers.events() + BEFORE as u64 >= u64::from(asked.among) {
            self.kept.push(signal, room);
        }
        None
    }

    /// Counts an event during an attack; returns what there is now, if the event belongs to it.
    pub fn further(&mut self, asked: Ranked, signal: &Signal) -> Option<f64> {
        self.count(asked, signal);
        is_above(asked, signal).then(|| self.value(asked).unwrap_or(0) as f64)
    }

    /// Takes an event in; returns where the window begins, unless it came too late for that.
    fn count(&mut self, asked: Ranked, signal: &Signal) -> Option<Timestamp> {
        let at = signal.time;
        let start = asked.window.start(self.numbers.newest().map_or(at, |newest| newest.max(at)));
        if at < start {
            return None;
        }
        self.numbers.forget_before(start);
        self.numbers.add(at, signal.value.cast_signed(), asked.window.within);
        Some(start)
    }

    /// Returns how many events above the limit made the difference, and of how many it is.
    fn flips(&self, asked: Ranked) -> Vec<Flip> {
        let all = self.numbers.events();
        let is_quiet = |above: u64, fewer: u64| {
            let left = all - fewer;
            left < u64::from(asked.among) || (left - (above - fewer)) * 100 >= left * u64::from(asked.rank)
        };
        let above = self.numbers.above(asked.more_than);
        let fewer = above.and_then(|above| (1..=above).find(|fewer| is_quiet(above, *fewer)));
        fewer.map(Flip::FewerAbove).into_iter().chain([Flip::Among(all)]).collect()
    }

    fn value(&self, asked: Ranked) -> Option<u64> {
        (self.numbers.events() >= u64::from(asked.among)).then(|| self.numbers.at(asked.rank))
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.numbers.newest()
    }

    /// Says what there is, and above what it fires.
    pub fn standing(&self, asked: Ranked) -> String {
        let Ranked { rank, more_than, among, window } = asked;
        let (events, window) = (self.numbers.events(), window.in_words());
        let value = self.value(asked).map_or_else(|| "not told yet".to_owned(), |value| value.to_string());
        format!(
            "percentile {rank} is {value} in {events} events {window}; it fires above {more_than}, of {among} or more"
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.numbers.items(), bytes: self.kept.bytes() }
    }
}

fn is_above(asked: Ranked, signal: &Signal) -> bool {
    signal.value.cast_signed() > asked.more_than
}
