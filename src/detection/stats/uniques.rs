//! About how many different values has an entity shown in a window, when they are too many to keep?
//!
//! A HyperLogLog of 2,048 registers for each eighth of the window, and one of them all: an event costs
//! a look at two registers, whether there are a thousand values or a million, and a sum over the 55
//! levels they may have only where it raises one. The estimate is Ertl's, without bias at any size: its standard error is 2.3 %,
//! and the window's far edge is blurred by an eighth. Takes 20 KB.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Two to this many registers.
const BITS: u32 = 11;
const REGISTERS: usize = 1 << BITS;
/// The highest level of a register.
const TOP: usize = 64 - BITS as usize + 1;
/// Slices of a window.
const SLICES: u32 = 8;

/// The different values of one entity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uniques {
    slices: VecDeque<Slice>,
    all: Vec<u8>,
    /// How many registers of all have each level.
    levels: Vec<u16>,
    estimate: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slice {
    number: i64,
    newest: Timestamp,
    registers: Vec<u8>,
}

impl Uniques {
    /// Sees `value` at `at`, in a window of `within`; tells whether it changes the estimate, which few
    /// values do that were seen before.
    pub fn see(&mut self, value: u64, at: Timestamp, within: Duration) -> bool {
        if self.all.is_empty() {
            self.all = vec![0; REGISTERS];
            self.levels = vec![0; TOP + 1];
            self.levels[0] = REGISTERS as u16;
        }
        let width = i64::try_from((within / SLICES).as_nanos()).unwrap_or(i64::MAX).max(1);
        let number = at.nanos().div_euclid(width);
        let place = self.slices.partition_point(|known| known.number < number);
        if self.slices.get(place).is_none_or(|known| known.number != number) {
            self.slices.insert(place, Slice { number, newest: at, registers: vec![0; REGISTERS] });
        }
        let hash = mixed(value);
        let register = (hash >> (64 - BITS)) as usize;
        let level = ((hash << BITS | 1 << (BITS - 1)).leading_zeros() + 1) as u8;
        if let Some(slice) = self.slices.get_mut(place) {
            slice.newest = slice.newest.max(at);
            slice.registers[register] = slice.registers[register].max(level);
        }
        let known = self.all[register];
        if known >= level {
            return false;
        }
        self.all[register] = level;
        self.levels[usize::from(known)] -= 1;
        self.levels[usize::from(level)] += 1;
        self.estimate = self.reckon();
        true
    }

    /// Forgets what was before `start`.
    pub fn forget_before(&mut self, start: Timestamp) {
        let before = self.slices.len();
        while self.slices.pop_front_if(|slice| slice.newest < start).is_some() {}
        if self.slices.len() == before {
            return;
        }
        self.all.fill(0);
        for slice in &self.slices {
            self.all.iter_mut().zip(&slice.registers).for_each(|(all, own)| *all = (*all).max(*own));
        }
        self.levels.fill(0);
        self.all.iter().for_each(|&level| self.levels[usize::from(level)] += 1);
        self.estimate = self.reckon();
    }

    /// Returns about how many values there are.
    pub fn estimate(&self) -> u64 {
        self.estimate
    }

    fn reckon(&self) -> u64 {
        let Some((&none, levels)) = self.levels.split_first() else { return 0 };
        let registers = REGISTERS as f64;
        let mut z = registers * tau(1.0 - f64::from(*levels.last().unwrap_or(&0)) / registers);
        for &level in levels.iter().rev().skip(1) {
            z = f64::midpoint(z, f64::from(level));
        }
        z += registers * sigma(f64::from(none) / registers);
        if z.is_infinite() { 0 } else { (registers * registers / (2.0 * std::f64::consts::LN_2) / z).round() as u64 }
    }

    /// Tells whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Returns how many entries of 16 bytes it holds.
    pub fn items(&self) -> usize {
        (self.slices.len() + 1) * REGISTERS / 16
    }
}

/// Makes every bit of a value matter.
fn mixed(value: u64) -> u64 {
    let mut hash = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(800);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_seconds(seconds as i64)
    }

    #[test]
    fn the_estimate_is_within_its_error_at_any_size() {
        let mut squares = 0.0;
        let sizes = [500_u64, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 300_000];
        for size in sizes {
            for seed in 0..6_u64 {
                let mut uniques = Uniques::default();
                for value in 0..size {
                    uniques.see(value ^ (seed << 40), at(value % 700), WITHIN);
                    uniques.see((value / 2) ^ (seed << 40), at(value % 700), WITHIN);
                }
                let off = uniques.estimate() as f64 / size as f64 - 1.0;
                assert!(off.abs() < 4.0 * 0.023, "{size}: off by {off}");
                squares += off * off;
            }
        }
        let error = (squares / (6 * sizes.len()) as f64).sqrt();
        assert!(error < 0.026, "standard error {error}");
    }

    #[test]
    fn values_leave_with_their_slice_whatever_order_they_came_in() {
        let mut uniques = Uniques::default();
        for value in (0..8_000_u64).rev() {
            uniques.see(value, at(value / 10), WITHIN);
        }
        uniques.forget_before(at(400));
        let left = uniques.estimate();
        assert!(left.abs_diff(4_000) < 370, "{left}");
        assert!(!uniques.see(7_999, at(799), WITHIN));
        uniques.forget_before(at(801));
        assert_eq!((uniques.estimate(), uniques.is_empty()), (0, true));
    }
}
