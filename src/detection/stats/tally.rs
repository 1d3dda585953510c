//! How many events lie in a sliding window, and when was the first of them?
//!
//! A single event takes no memory beyond the [`Tally`] itself, because floods are made of
//! entities that speak once. The count is exact while the window holds fewer than `most`
//! different times; beyond that neighbours are merged into runs of equal size, so that memory
//! stays bounded and only the window's far edge is blurred, by a few `most`ths of its events.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Event times of one entity, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tally {
    /// No event.
    #[default]
    Empty,
    /// One event.
    One(Timestamp),
    /// Several.
    Many(Box<Runs>),
}

/// Events in the order of their times, those of one time together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    list: VecDeque<Run>,
    total: u64,
    /// Events of different times that a run takes; 0 and 1 keep all times apart.
    size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    /// The last of its events: a run is in the window as long as this is.
    last: Timestamp,
    events: u32,
}

impl Tally {
    /// Counts an event at `at`; older ones than the newest find their place.
    pub fn add(&mut self, at: Timestamp, most: usize) {
        match self {
            Self::Empty => *self = Self::One(at),
            Self::One(first) => {
                let mut runs = Runs::default();
                runs.add(*first, most);
                runs.add(at, most);
                *self = Self::Many(Box::new(runs));
            }
            Self::Many(runs) => runs.add(at, most),
        }
    }

    /// Forgets the events before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        match self {
            Self::Empty => {}
            Self::One(at) => {
                if *at < start {
                    *self = Self::Empty;
                }
            }
            Self::Many(runs) => {
                while let Some(run) = runs.list.pop_front_if(|run| run.last < start) {
                    runs.total = runs.total.saturating_sub(run.events.into());
                }
                if runs.list.is_empty() {
                    *self = Self::Empty;
                }
            }
        }
    }

    /// Forgets the oldest events until `events` are left.
    pub fn keep_newest(&mut self, events: u64) {
        let Self::Many(runs) = self else { return };
        while runs.total > events.max(1) {
            let Some(run) = runs.list.front_mut() else { return };
            let excess = u32::try_from(runs.total - events.max(1)).unwrap_or(u32::MAX).min(run.events);
            run.events -= excess;
            runs.total -= u64::from(excess);
            if run.events == 0 {
                runs.list.pop_front();
            }
        }
    }

    /// Returns how many events there are.
    pub fn total(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Many(runs) => runs.total,
        }
    }

    /// Returns when the first event was.
    pub fn first(&self) -> Option<Timestamp> {
        match self {
            Self::Empty => None,
            Self::One(at) => Some(*at),
            Self::Many(runs) => runs.list.front().map(|run| run.last),
        }
    }

    /// Returns when the newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        match self {
            Self::Empty => None,
            Self::One(at) => Some(*at),
            Self::Many(runs) => runs.list.back().map(|run| run.last),
        }
    }

    /// Returns when the event of that number was, the first of all being number 1.
    pub fn time_of(&self, number: u64) -> Option<Timestamp> {
        match self {
            Self::One(at) if number == 1 => Some(*at),
            Self::Empty | Self::One(_) => None,
            Self::Many(runs) => {
                let mut before = 0;
                let reaches = |run: &&Run| {
                    before += u64::from(run.events);
                    before >= number
                };
                runs.list.iter().find(reaches).map(|run| run.last)
            }
        }
    }

    /// Returns how many of the events there are since `start`; `None` where several times are told as one.
    pub fn exactly_since(&self, start: Timestamp) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::One(at) => Some(u64::from(*at >= start)),
            Self::Many(runs) if runs.size > 1 => None,
            Self::Many(runs) => {
                Some(runs.list.iter().filter(|run| run.last >= start).map(|run| u64::from(run.events)).sum())
            }
        }
    }

    /// Returns how many entries it holds beyond the tally itself.
    pub fn items(&self) -> usize {
        match self {
            Self::Empty | Self::One(_) => 0,
            Self::Many(runs) => runs.list.len(),
        }
    }
}

impl Runs {
    fn add(&mut self, at: Timestamp, most: usize) {
        self.total += 1;
        if self.size > 1 && self.list.len() < most / 4 {
            self.size /= 2;
        }
        let place = self.place_of(at);
        if let Some(run) = self.list.get_mut(place)
            && run.last == at
            && run.events < u32::MAX
        {
            run.events += 1;
            return;
        }
        if place == self.list.len()
            && let Some(newest) = self.list.back_mut()
            && newest.events < self.size
        {
            *newest = Run { last: at, events: newest.events + 1 };
            return;
        }
        self.list.insert(place, Run { last: at, events: 1 });
        while self.list.len() > most.max(2) && self.size < u32::MAX / 2 {
            self.size = self.size.max(1) * 2;
            self.merge();
        }
    }

    /// Where an event at `at` belongs: behind all older ones. Nearly always at the end.
    fn place_of(&self, at: Timestamp) -> usize {
        match self.list.back() {
            Some(newest) if newest.last >= at => self.list.partition_point(|run| run.last < at),
            _ => self.list.len(),
        }
    }

    fn merge(&mut self) {
        let mut merged: VecDeque<Run> = VecDeque::with_capacity(self.list.len());
        for run in self.list.drain(..) {
            match merged.back_mut() {
                Some(newest) if newest.events.saturating_add(run.events) <= self.size => {
                    *newest = Run { last: run.last, events: newest.events + run.events };
                }
                _ => merged.push_back(run),
            }
        }
        self.list = merged;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_single_event_needs_no_memory_of_its_own() {
        let mut tally = Tally::default();
        tally.add(at(1), 8);
        assert_eq!((tally.total(), tally.items(), size_of::<Tally>()), (1, 0, 16));
    }

    #[test]
    fn beyond_its_ceiling_only_the_far_edge_is_blurred() {
        let mut tally = Tally::default();
        for second in 0..1_000 {
            tally.add(at(second), 64);
        }
        assert!(tally.items() <= 64);
        assert_eq!(tally.total(), 1_000);
        tally.forget_before(at(500));
        let off = tally.total().abs_diff(500);
        assert!(off <= 1_000 / 16, "{off} events off");
    }

    proptest! {
        #[test]
        fn up_to_its_ceiling_a_tally_is_exact(
            times in prop::collection::vec(0_i64..50, 1..60), start in 0_i64..50, keep in 1_u64..60,
        ) {
            let mut tally = Tally::default();
            for &time in &times {
                tally.add(at(time), 64);
            }
            let mut left: Vec<_> = times.into_iter().filter(|&time| time >= start).map(at).collect();
            left.sort_unstable();
            tally.forget_before(at(start));
            prop_assert_eq!(tally.total(), left.len() as u64);
            prop_assert_eq!((tally.first(), tally.newest()), (left.first().copied(), left.last().copied()));
            for number in 1..=61 {
                prop_assert_eq!(tally.time_of(number), left.get(number as usize - 1).copied());
            }
            tally.keep_newest(keep);
            let kept = &left[left.len().saturating_sub(keep as usize)..];
            prop_assert_eq!((tally.total(), tally.first()), (kept.len() as u64, kept.first().copied()));
        }
    }
}
