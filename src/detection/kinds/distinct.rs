//! Distinct: has this entity shown more than `more_than` different values `within` the window?
//!
//! Exact up to a limit of 512: a value remembers when it was last seen, and only when there seem to be
//! enough are the aged ones dropped; at most twice `more_than` values and one are kept, the newest. A
//! larger limit is exact up to 1,024 values, and beyond that a sketch of constant cost ([`Uniques`]).
//! It goes on counting during an attack, which lasts as long as there are too many values: what a
//! key's owner does with it the day after is no part of its theft. The number of matched events is
//! exact up to 64 different times.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::detection::because::Earlier;
use crate::detection::stats::{Tally, Uniques, Values};

use super::few::Mark;
use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, Room, TIMES, Window};

/// The largest limit that is always counted exactly.
pub const EXACT: usize = 512;

/// The values of one entity, and its matched events in the window.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Distinct {
    values: Values,
    /// What counts them once they are too many to keep.
    sketch: Option<Box<Uniques>>,
    times: Tally,
    kept: Newest,
}

impl Distinct {
    /// Returns what a few events leave behind that are far from firing.
    pub fn of_few(marks: &[Mark]) -> Self {
        let mut few = Self::default();
        for mark in marks {
            few.values.see(mark.value, mark.at);
            few.times.add(mark.at, TIMES);
        }
        few
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, more_than: u32, window: Window, signal: &Signal, room: &Room) -> Option<Firing> {
        let at = signal.time;
        let newest = self.times.newest().map_or(at, |newest| newest.max(at));
        let start = window.start(newest);
        if at < start {
            return (more_than == 0).then(|| Firing::of_one(signal));
        }
        let enough = more_than as usize;
        let is_new = self.see(enough, window, start, signal);
        let distinct = self.len();
        if distinct > enough {
            let count = self.times.total();
            let first = self.times.first().unwrap_or(at);
            let (value, kept, earlier) = (distinct as f64, self.kept.take_since(start), self.earlier(more_than, at));
            return Some(Firing {
                distinct: distinct as u64,
                value,
                kept,
                earlier,
                ..Firing::of(count, first, newest)
            });
        }
        if is_new && distinct + BEFORE > enough {
            self.kept.push(signal, room);
        }
        None
    }

    /// Returns how much earlier half the limit would have fired, at least: when one more value than that had
    /// been seen for the last time, so many had been seen.
    fn earlier(&self, more_than: u32, at: Timestamp) -> Option<Earlier> {
        let half = more_than / 2;
        if half == 0 || self.sketch.is_some() {
            return None;
        }
        let by = at.since(self.values.seen_by(half as usize + 1)?);
        Some(Earlier { limit: half.into(), by })
    }

    /// Counts an event during an attack; returns how many values there are if they are too many still.
    /// One that comes too late to tell is taken for a part of it.
    pub fn further(&mut self, more_than: u32, window: Window, signal: &Signal) -> Option<f64> {
        let at = signal.time;
        let start = window.start(self.times.newest().map_or(at, |newest| newest.max(at)));
        let enough = more_than as usize;
        if at >= start {
            self.see(enough, window, start, signal);
        }
        let distinct = self.len();
        (at < start || distinct > enough).then_some(distinct as f64)
    }

    /// Takes in an event of the window that begins at `start`; tells whether its value is new there.
    fn see(&mut self, enough: usize, window: Window, start: Timestamp, signal: &Signal) -> bool {
        let at = signal.time;
        self.times.add(at, TIMES);
        self.times.forget_before(start);
        if let Some(sketch) = &mut self.sketch {
            sketch.forget_before(start);
            if !sketch.is_empty() {
                return sketch.see(signal.value, at, window.within);
            }
            self.sketch = None;
        }
        let is_new = self.values.see(signal.value, at).is_none_or(|last| last < start);
        if self.values.len() > enough.min(2 * EXACT) {
            self.values.forget_before(start);
        }
        if enough > EXACT && self.values.len() > 2 * EXACT {
            let mut sketch = Box::<Uniques>::default();
            for (value, last) in std::mem::take(&mut self.values).into_entries() {
                sketch.see(value, last, window.within);
            }
            self.sketch = Some(sketch);
        }
        // More than enough are enough. The newest stay longest, so none is missed later.
        if self.values.len() > 2 * enough + 1 {
            self.values.forget_oldest(self.values.len() - enough - 1);
        }
        is_new
    }

    fn len(&self) -> usize {
        self.sketch.as_ref().map_or(self.values.len(), |sketch| sketch.estimate() as usize)
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.times.newest()
    }

    /// Says how many values there are, and above how many it fires.
    pub fn standing(&self, more_than: u32, window: Window) -> String {
        // What has aged is dropped only when there seem to be enough.
        let start = self.times.newest().map_or(Timestamp::MIN, |newest| window.start(newest));
        let values = if self.sketch.is_some() { self.len() } else { self.values.count_since(start) };
        let events = self.times.total();
        format!("{values} different values in {events} events {}; it fires above {more_than}", window.in_words())
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let sketch = self.sketch.as_ref().map_or(0, |sketch| sketch.items());
        Cost { items: self.times.items() + self.values.len() + sketch, bytes: self.kept.bytes() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::detection::engine::trial::{at_once, signal_of};
    use crate::detection::{Counting, Signal};

    #[test]
    fn a_distinct_of_many_values_fires_within_the_error_of_its_sketch() {
        for more_than in [2_000_u32, 20_000] {
            let counting = Counting::Distinct { more_than, within: Duration::from_hours(1).into() };
            let many: Vec<Signal> = (0..30_000_u64)
                .map(|n| signal_of(1, n as i64 / 20, n.wrapping_mul(0x9e37_79b9_7f4a_7c15), 0, n.into()))
                .collect();
            let found = at_once(counting, 60, &many, 3_000);
            let fired = found.iter().find(|finding| finding.fired).unwrap();
            let off = fired.count as f64 / f64::from(more_than) - 1.0;
            assert!(off.abs() < 0.07, "fired after {} of {more_than}", fired.count);
        }
    }
}
