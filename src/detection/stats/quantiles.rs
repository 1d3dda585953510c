//! Which number do so many percent of a window's numbers not exceed?
//!
//! Exact up to 128 numbers: the smallest with at least that share at or below it. Beyond that they are
//! counted in buckets, an eighth of the window at a time: the answer is then off by at most 1.6 % of
//! itself, and the window's far edge by an eighth. An event costs a look-up and a walk over the
//! buckets, at most 1,800 and a few dozen as a rule. Numbers below 0 count as 0.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::compact::{pack, unpack};

/// Numbers that are kept as they are.
const EXACT: usize = 128;
/// Leading bits by which larger numbers are told apart.
const BITS: u32 = 5;
/// Slices of a window.
const SLICES: u32 = 8;

/// The numbers of one entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    exact: Vec<(Timestamp, u64)>,
    sliced: Option<Box<Sliced>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Sliced {
    slices: VecDeque<Slice>,
    all: Counts,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slice {
    number: i64,
    first: Timestamp,
    newest: Timestamp,
    counts: Counts,
}

/// How many numbers have each code, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    list: Vec<(u16, u32)>,
    total: u64,
}

impl Quantiles {
    /// Adds `number` at `at`, in a window of `within`.
    pub fn add(&mut self, at: Timestamp, number: i64, within: Duration) {
        let number = u64::try_from(number).unwrap_or(0);
        if let Some(sliced) = &mut self.sliced {
            sliced.add(at, number, within);
            return;
        }
        let place = self.exact.partition_point(|&(known, _)| known <= at);
        self.exact.insert(place, (at, number));
        if self.exact.len() > EXACT {
            let mut sliced = Box::<Sliced>::default();
            self.exact.drain(..).for_each(|(at, number)| sliced.add(at, number, within));
            self.exact = Vec::new();
            self.sliced = Some(sliced);
        }
    }

    /// Forgets what was before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        self.exact.drain(..self.exact.partition_point(|&(at, _)| at < start));
        if let Some(sliced) = &mut self.sliced {
            sliced.forget_before(start);
            if sliced.slices.is_empty() {
                self.sliced = None;
            }
        }
    }

    /// Returns how many numbers there are.
    pub fn events(&self) -> u64 {
        self.sliced.as_ref().map_or(self.exact.len() as u64, |sliced| sliced.all.total)
    }

    /// Returns the number that `percent` of them do not exceed; 0 of none.
    pub fn at(&self, percent: u8) -> u64 {
        let rank = (self.events() * u64::from(percent)).div_ceil(100).max(1);
        if let Some(sliced) = &self.sliced {
            return sliced.all.of_rank(rank);
        }
        let mut numbers: Vec<u64> = self.exact.iter().map(|&(_, number)| number).collect();
        let place = (rank as usize - 1).min(numbers.len().saturating_sub(1));
        if numbers.is_empty() { 0 } else { *numbers.select_nth_unstable(place).1 }
    }

    /// Returns how many are above `limit`, as long as they are kept as they are.
    pub fn above(&self, limit: i64) -> Option<u64> {
        let above = |&&(_, number): &&(Timestamp, u64)| i128::from(number) > i128::from(limit);
        self.sliced.is_none().then(|| self.exact.iter().filter(above).count() as u64)
    }

    /// Returns when the first was.
    pub fn first(&self) -> Option<Timestamp> {
        let sliced = || self.sliced.as_ref()?.slices.front().map(|slice| slice.first);
        self.exact.first().map(|&(at, _)| at).or_else(sliced)
    }

    /// Returns when the newest was.
    pub fn newest(&self) -> Option<Timestamp> {
        let sliced = || self.sliced.as_ref()?.slices.iter().map(|slice| slice.newest).max();
        self.exact.last().map(|&(at, _)| at).or_else(sliced)
    }

    /// Returns how many entries of 16 bytes it holds.
    pub fn items(&self) -> usize {
        let sliced = |sliced: &Sliced| {
            let kept = sliced.slices.iter().map(|slice| 2 + slice.counts.list.len() / 2).sum::<usize>();
            kept + sliced.all.list.len() / 2
        };
        self.exact.len() + self.sliced.as_deref().map_or(0, sliced)
    }
}

impl Sliced {
    fn add(&mut self, at: Timestamp, number: u64, within: Duration) {
        let width = i64::try_from((within / SLICES).as_nanos()).unwrap_or(i64::MAX).max(1);
        let (slice, code) = (at.nanos().div_euclid(width), pack(number, BITS));
        let place = self.slices.partition_point(|known| known.number < slice);
        if self.slices.get(place).is_none_or(|known| known.number != slice) {
            let fresh = Slice { number: slice, first: at, newest: at, counts: Counts::default() };
            self.slices.insert(place, fresh);
        }
        if let Some(known) = self.slices.get_mut(place) {
            (known.first, known.newest) = (known.first.min(at), known.newest.max(at));
            known.counts.add(code, 1);
            self.all.add(code, 1);
        }
    }

    fn forget_before(&mut self, start: Timestamp) {
        while let Some(gone) = self.slices.pop_front_if(|slice| slice.newest < start) {
            gone.counts.list.iter().for_each(|&(code, count)| self.all.subtract(code, count));
        }
    }
}

impl Counts {
    fn add(&mut self, code: u16, count: u32) {
        self.total += u64::from(count);
        match self.list.binary_search_by_key(&code, |&(known, _)| known) {
            Ok(place) => self.list[place].1 = self.list[place].1.saturating_add(count),
            Err(place) => self.list.insert(place, (code, count)),
        }
    }

    fn subtract(&mut self, code: u16, count: u32) {
        if let Ok(place) = self.list.binary_search_by_key(&code, |&(known, _)| known) {
            self.total -= u64::from(count.min(self.list[place].1));
            self.list[place].1 = self.list[place].1.saturating_sub(count);
            if self.list[place].1 == 0 {
                self.list.remove(place);
            }
        }
    }

    fn of_rank(&self, rank: u64) -> u64 {
        let mut below = 0;
        let reaches = |&&(_, count): &&(u16, u32)| {
            below += u64::from(count);
            below >= rank
        };
        self.list.iter().find(reaches).or(self.list.last()).map_or(0, |&(code, _)| unpack(code, BITS))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_percentile_is_exact_while_small_and_near_when_large(
            numbers in prop::collection::vec(0_i64..1_000_000, 1..600), percent in 1_u8..100,
        ) {
            let mut quantiles = Quantiles::default();
            let within = Duration::from_mins(10);
            for (second, &number) in (0..).zip(&numbers) {
                quantiles.add(Timestamp::from_seconds(second), number, within);
            }
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            let exact = sorted[(numbers.len() * usize::from(percent)).div_ceil(100) - 1] as f64;
            let off = (quantiles.at(percent) as f64 - exact).abs() / exact.max(1.0);
            prop_assert!(off <= if numbers.len() <= EXACT { 0.0 } else { 1.0 / 64.0 }, "{} {exact}", quantiles.at(percent));
            prop_assert_eq!(quantiles.events(), numbers.len() as u64);
        }

        #[test]
        fn what_has_left_the_window_leaves_no_trace(start in 0_i64..400) {
            let mut quantiles = Quantiles::default();
            let within = Duration::from_secs(80);
            for second in 0..400_i64 {
                quantiles.add(Timestamp::from_seconds(second), second, within);
            }
            quantiles.forget_before(Timestamp::from_seconds(start));
            let first = start / 10 * 10;
            prop_assert_eq!(quantiles.events(), (400 - first) as u64);
            prop_assert_eq!(quantiles.first(), Some(Timestamp::from_seconds(first)));
            quantiles.forget_before(Timestamp::from_seconds(400));
            prop_assert_eq!(quantiles, Quantiles::default());
        }
    }
}
