//! How many different values has an entity shown since a bucket began?
//!
//! Exact up to 512 of them, eight bytes each; beyond that a sketch ([`Uniques`]) with a standard error of 2.3 %, so that a
//! flood takes 4 KB and no more. The number never falls, whatever the sketch says, and does not depend on the order
//! in which values came.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::Uniques;

/// Values that are kept.
const EXACT: usize = 512;
/// One moment for all values, of a window that holds it: nothing ages before the bucket is over.
const THEN: Timestamp = Timestamp::from_nanos(0);
const WITHIN: Duration = Duration::from_hours(8);

/// The different values of one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Different {
    /// In order.
    values: Vec<u64>,
    sketch: Option<Box<Uniques>>,
}

impl Different {
    /// Sees a value; tells whether there are more of them now.
    pub fn see(&mut self, value: u64) -> bool {
        let before = self.count();
        if let Some(sketch) = &mut self.sketch {
            sketch.see(value, THEN, WITHIN);
            return self.count() > before;
        }
        let Err(place) = self.values.binary_search(&value) else { return false };
        self.values.insert(place, value);
        if self.values.len() > EXACT {
            let mut sketch = Box::<Uniques>::default();
            for value in std::mem::take(&mut self.values) {
                sketch.see(value, THEN, WITHIN);
            }
            self.sketch = Some(sketch);
        }
        self.count() > before
    }

    /// Returns how many there are; about, of more than 512.
    pub fn count(&self) -> u64 {
        let least = EXACT as u64 + 1;
        self.sketch.as_ref().map_or(self.values.len() as u64, |sketch| sketch.estimate().max(least))
    }

    /// Returns how many entries of 16 bytes it holds.
    pub fn items(&self) -> usize {
        self.values.len().div_ceil(2) + self.sketch.as_ref().map_or(0, |sketch| sketch.items())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a hash as the matcher would.
    fn hashed(value: u64) -> u64 {
        value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
    }

    #[test]
    fn few_values_are_counted_and_a_flood_of_them_is_told_within_its_error_in_little_memory() {
        let mut different = Different::default();
        for many in 1..=20_000_u64 {
            different.see(hashed(many));
            assert!(!different.see(hashed(many)), "{many} again");
            let off = different.count() as f64 / many as f64 - 1.0;
            assert!(if many <= 512 { off == 0.0 } else { off.abs() < 4.0 * 0.023 }, "{many}: off by {off}");
            assert!(different.items() <= 256, "{many}: {} items", different.items());
        }
    }

    #[test]
    fn the_number_does_not_depend_on_the_order_and_never_falls() {
        let (mut up, mut down, mut last) = (Different::default(), Different::default(), 0);
        for value in 0..3_000 {
            up.see(hashed(value));
            down.see(hashed(2_999 - value));
            assert!(up.count() >= last);
            last = up.count();
        }
        assert_eq!(up.count(), down.count());
    }
}
