//! Which values has an entity shown, and when was each last seen?
//!
//! Values are keyed hashes in one sorted run of 16 bytes each: a look-up is a binary search, and
//! nothing is recomputed as time passes; what has aged is dropped when its room is needed. The
//! kinds that use it say how many values there may be.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Values and when each was last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values(Vec<(u64, Timestamp)>);

impl Values {
    /// Records that `value` was seen at `at`; returns when it was last seen before.
    pub fn see(&mut self, value: u64, at: Timestamp) -> Option<Timestamp> {
        match self.0.binary_search_by_key(&value, |&(known, _)| known) {
            Ok(place) => {
                let last = &mut self.0[place].1;
                Some(std::mem::replace(last, at.max(*last)))
            }
            Err(place) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (value, at));
                None
            }
        }
    }

    /// Forgets the values last seen before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        self.0.retain(|&(_, last)| last >= start);
    }

    /// Forgets the `many` values that were not seen for longest.
    pub fn forget_oldest(&mut self, many: usize) {
        if many == 0 || many > self.0.len() {
            return;
        }
        let mut ages: Vec<(Timestamp, u64)> = self.0.iter().map(|&(value, last)| (last, value)).collect();
        let (_, &mut youngest, _) = ages.select_nth_unstable(many - 1);
        self.0.retain(|&(value, last)| (last, value) > youngest);
    }

    /// Hands over the values, and when each was last seen.
    pub fn into_entries(self) -> impl Iterator<Item = (u64, Timestamp)> {
        self.0.into_iter()
    }

    /// Returns how many values were seen since `start`.
    pub fn count_since(&self, start: Timestamp) -> usize {
        self.0.iter().filter(|(_, last)| *last >= start).count()
    }

    /// Returns when `many` of the values had been seen for the last time.
    pub fn seen_by(&self, many: usize) -> Option<Timestamp> {
        let mut times: Vec<Timestamp> = self.0.iter().map(|&(_, last)| last).collect();
        let place = many.checked_sub(1).filter(|place| *place < times.len())?;
        Some(*times.select_nth_unstable(place).1)
    }

    /// Returns how many values there are, those that have aged but were not forgotten among them.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_unseen_for_longest_go_first() {
        let mut values = Values::default();
        for (value, second) in [(7, 1), (8, 3), (9, 2), (7, 4)] {
            values.see(value, Timestamp::from_seconds(second));
        }
        values.forget_oldest(1);
        assert_eq!(values.see(9, Timestamp::from_seconds(5)), None);
        assert_eq!(values.see(7, Timestamp::from_seconds(5)), Some(Timestamp::from_seconds(4)));
        values.forget_before(Timestamp::from_seconds(5));
        assert_eq!(values.len(), 2);
    }
}
