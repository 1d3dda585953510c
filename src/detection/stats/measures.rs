//! What are the sum, the average and the percentiles of the numbers in a sliding window?
//!
//! Numbers are kept with their times, at most 4,096 of them: beyond that the oldest go, and are counted as given
//! up. A sum is taken anew over what is kept, so that no rounding piles up.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Numbers kept at most.
pub const MOST_MEASURES: usize = 4_096;

/// Numbers, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures(VecDeque<(Timestamp, f64)>);

impl Measures {
    /// Takes in `number`; returns how many were given up for it.
    pub fn add(&mut self, at: Timestamp, number: f64) -> u64 {
        let place = self.0.iter().rposition(|&(known, _)| known <= at).map_or(0, |place| place + 1);
        self.0.insert(place, (at, number));
        let over = self.0.len().saturating_sub(MOST_MEASURES);
        self.0.drain(..over);
        over as u64
    }

    /// Forgets the numbers before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        while self.0.pop_front_if(|(at, _)| *at < start).is_some() {}
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns when the first was.
    pub fn first(&self) -> Option<Timestamp> {
        self.0.front().map(|&(at, _)| at)
    }

    /// Returns their sum.
    pub fn sum(&self) -> f64 {
        self.0.iter().map(|&(_, number)| number).sum()
    }

    /// Returns the number that `percent` of a hundred do not exceed, between two of them if need be.
    pub fn percentile(&self, percent: u8) -> Option<f64> {
        let mut numbers: Vec<f64> = self.0.iter().map(|&(_, number)| number).collect();
        let place = f64::from(percent.min(100)) / 100.0 * numbers.len().checked_sub(1)? as f64;
        let (_, &mut below, rest) = numbers.select_nth_unstable_by(place.floor() as usize, f64::total_cmp);
        let above = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
        Some(below + (above - below) * place.fract())
    }

    /// Returns how many of a hundred are `number`.
    pub fn share(&self, number: f64) -> f64 {
        let same = self.0.iter().filter(|(_, known)| known.to_bits() == number.to_bits()).count();
        100.0 * same as f64 / self.0.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_numbers_find_their_place_and_old_ones_go() {
        let mut measures = Measures::default();
        for (second, number) in [(1, 10.0), (3, 30.0), (2, 20.0)] {
            measures.add(Timestamp::from_seconds(second), number);
        }
        assert_eq!((measures.sum(), measures.percentile(50), measures.share(20.0)), (60.0, Some(20.0), 100.0 / 3.0));
        measures.forget_before(Timestamp::from_seconds(2));
        assert_eq!((measures.sum(), measures.percentile(50), measures.len()), (50.0, Some(25.0), 2));
        assert_eq!(Measures::default().percentile(50), None);
    }

    #[test]
    fn of_too_many_numbers_the_oldest_go_and_are_counted() {
        let mut measures = Measures::default();
        let lost: u64 = (0..5_000).map(|n| measures.add(Timestamp::from_seconds(n), 1.0)).sum();
        assert_eq!((lost, measures.len()), (5_000 - MOST_MEASURES as u64, MOST_MEASURES));
    }
}
