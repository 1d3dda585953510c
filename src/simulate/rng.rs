//! Where does chance come from?
//!
//! From a seed, by xoshiro256\*\* (Blackman and Vigna), written out here so that it can never
//! change: the same seed gives the same world on every platform and in every version.
//! Whole numbers only. State: 32 bytes.

/// A source of numbers that look random and are not.
#[derive(Clone, Debug)]
pub(super) struct Rng([u64; 4]);

impl Rng {
    /// Returns the source that `seed` and `stream` name; streams of one seed share nothing.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut at = seed ^ split(stream.wrapping_add(0x9e37_79b9));
        Self(std::array::from_fn(|_| {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            split(at)
        }))
    }

    /// Returns the next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        let state = &mut self.0;
        let result = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        result
    }

    /// Returns a number below `limit`; 0 if `limit` is 0.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// Returns a number from `low` up to and including `high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Returns `true` once in `times`, on average.
    pub(super) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Returns how long until something that comes by chance, every `mean` on average: exponential,
    /// but for a logarithm drawn with straight lines.
    pub(super) fn around(&mut self, mean: u64) -> u64 {
        let drawn = self.next() | 1;
        let zeros = drawn.leading_zeros();
        // The fraction after the leading one, 16 bits of it: -log2 is near to zeros + 1 - fraction.
        let fraction = (drawn << zeros << 1) >> 48;
        let bits = (u64::from(zeros) << 16) + 65_536 - fraction;
        // The mean of -log2 so drawn is 1.5: half a bit more for the straight lines.
        ((u128::from(mean) * u128::from(bits) * 2) / (3 * 65_536)) as u64
    }

    /// Returns one of `items`, which hold at least one.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Returns 128 bits, for a GUID.
    pub(super) fn guid(&mut self) -> u128 {
        (u128::from(self.next()) << 64) | u128::from(self.next())
    }

    /// Fills `bytes`.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// The finaliser of splitmix64: spreads one number over all 64 bits.
pub(super) const fn split(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut rng = Rng::new(7, 1);
        let numbers: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        assert_eq!(numbers, [4_903_390_254_843_091_478, 12_401_097_908_846_656_595, 15_522_519_603_046_746_702]);
    }

    #[test]
    fn what_comes_by_chance_comes_as_often_as_asked_and_often_at_once() {
        let mut rng = Rng::new(1, 1);
        let drawn: Vec<u64> = (0..10_000).map(|_| rng.around(1_000)).collect();
        let mean = drawn.iter().sum::<u64>() / 10_000;
        assert!((970..1_030).contains(&mean), "{mean}");
        let short = drawn.iter().filter(|&&pause| pause < 500).count();
        assert!((3_500..4_500).contains(&short), "{short}");
    }

    #[test]
    fn a_number_between_two_reaches_both() {
        let mut rng = Rng::new(1, 1);
        let drawn: std::collections::BTreeSet<u64> = (0..200).map(|_| rng.between(3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }
}
