//! What do the numbers of a sliding window add up to, and how many are they?
//!
//! Sums are of whole numbers, so neither the order nor what has left the window leaves a trace. Exact
//! while the window holds no more than `most` different times; beyond that neighbours are merged into
//! runs of equal size, so that only the window's far edge is blurred, by a few `most`ths of its events.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The numbers of one entity, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    list: VecDeque<Run>,
    events: u64,
    sum: i128,
    /// Events of different times that a run takes; 0 and 1 keep all times apart.
    size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    /// The last of its events: a run is in the window as long as this is.
    last: Timestamp,
    events: u32,
    sum: i128,
}

impl Sums {
    /// Adds `number` at `at`; older ones than the newest find their place.
    pub fn add(&mut self, at: Timestamp, number: i64, most: usize) {
        let number = i128::from(number);
        self.events += 1;
        self.sum += number;
        if self.size > 1 && self.list.len() < most / 4 {
            self.size /= 2;
        }
        let place = self.place_of(at);
        if let Some(run) = self.list.get_mut(place)
            && run.last == at
            && run.events < u32::MAX
        {
            *run = Run { last: at, events: run.events + 1, sum: run.sum + number };
            return;
        }
        if place == self.list.len()
            && let Some(run) = self.list.back_mut()
            && run.events < self.size
        {
            *run = Run { last: at, events: run.events + 1, sum: run.sum + number };
            return;
        }
        if self.list.capacity() == 0 {
            // Most entities speak once.
            self.list.reserve_exact(1);
        }
        self.list.insert(place, Run { last: at, events: 1, sum: number });
        while self.list.len() > most.max(2) && self.size < u32::MAX / 2 {
            self.size = self.size.max(1) * 2;
            self.merge();
        }
    }

    /// Forgets what was before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        while let Some(run) = self.list.pop_front_if(|run| run.last < start) {
            self.events = self.events.saturating_sub(run.events.into());
            self.sum -= run.sum;
        }
    }

    /// Returns how many numbers there are.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Returns what they add up to.
    pub fn sum(&self) -> i128 {
        self.sum
    }

    /// Returns when the oldest of them together first exceeded `limit`; `None` where a number may be negative, or
    /// where several times are told as one.
    pub fn exceeds(&self, limit: i128) -> Option<Timestamp> {
        if self.size > 1 || self.list.iter().any(|run| run.sum < 0) {
            return None;
        }
        let mut sum = 0;
        let exceeds = |run: &&Run| {
            sum += run.sum;
            sum > limit
        };
        self.list.iter().find(exceeds).map(|run| run.last)
    }

    /// Takes away what exceeds `limit` an event by most, time by time, until `is_quiet` by what is left; returns how
    /// many events that were, what they add up to, and whether they are the largest. `None` where several times are
    /// told as one.
    pub fn without(&self, limit: i64, is_quiet: impl Fn(u64, i128) -> bool) -> Option<(u64, i128, bool)> {
        let mut runs: Vec<&Run> = self.list.iter().filter(|_| self.size <= 1).collect();
        let excess = |run: &Run| run.sum - i128::from(limit) * i128::from(run.events);
        runs.sort_by_key(|run| std::cmp::Reverse(excess(run)));
        let largest = runs.iter().all(|run| run.events == 1);
        let (mut events, mut sum) = (0, 0);
        for run in runs {
            (events, sum) = (events + u64::from(run.events), sum + run.sum);
            if is_quiet(self.events.saturating_sub(events), self.sum - sum) {
                return Some((events, sum, largest));
            }
        }
        None
    }

    /// Returns when the first was.
    pub fn first(&self) -> Option<Timestamp> {
        self.list.front().map(|run| run.last)
    }

    /// Returns when the newest was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.list.back().map(|run| run.last)
    }

    /// Returns how many entries of 16 bytes it holds.
    pub fn items(&self) -> usize {
        3 * self.list.len()
    }

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
                    *newest = Run { last: run.last, events: newest.events + run.events, sum: newest.sum + run.sum };
                }
                _ => merged.push_back(run),
            }
        }
        self.list = merged;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn beyond_its_ceiling_only_the_far_edge_is_blurred() {
        let mut sums = Sums::default();
        (0..1_000).for_each(|second| sums.add(at(second), 3, 64));
        assert!(sums.list.len() <= 64);
        assert_eq!((sums.events(), sums.sum()), (1_000, 3_000));
        sums.forget_before(at(500));
        assert!(sums.events().abs_diff(500) <= 1_000 / 16, "{}", sums.events());
        assert_eq!(sums.sum(), 3 * i128::from(sums.events()));
    }

    proptest! {
        #[test]
        fn up_to_its_ceiling_a_sum_is_exact(said in prop::collection::vec((0_i64..50, any::<i64>()), 1..60), start in 0_i64..50) {
            let mut sums = Sums::default();
            for &(time, number) in &said {
                sums.add(at(time), number, 64);
            }
            sums.forget_before(at(start));
            let left: Vec<_> = said.into_iter().filter(|&(time, _)| time >= start).collect();
            prop_assert_eq!(sums.events(), left.len() as u64);
            prop_assert_eq!(sums.sum(), left.iter().map(|&(_, number)| i128::from(number)).sum::<i128>());
            prop_assert_eq!(sums.newest(), left.iter().map(|&(time, _)| at(time)).max());
            prop_assert_eq!(sums.first(), left.iter().map(|&(time, _)| at(time)).min());
        }
    }
}
