//! Where is the next of one or two bytes, such as the quote that ends a string or an escape in it?
//!
//! Strings in telemetry are short: the end of most is found before memchr has begun. Sixteen bytes are
//! asked at a time, without a branch between the two halves, which would be guessed wrong half the time;
//! a long text is left to memchr.

use memchr::{memchr, memchr2};

/// How many times sixteen bytes are asked before memchr is.
const TIMES: usize = 3;

/// Returns the place of the first `one` or `other` in `bytes` from `from` on.
#[inline]
pub(super) fn next_of(bytes: &[u8], from: usize, one: u8, other: u8) -> Option<usize> {
    let marked = |word: u64| zero_bytes(word ^ (ONES * u64::from(one))) | zero_bytes(word ^ (ONES * u64::from(other)));
    match next_marked(bytes, from, marked) {
        Ok(found) => Some(found),
        Err(at) => memchr2(one, other, bytes.get(at..)?).map(|found| at + found),
    }
}

/// Returns the place of the first `one` in `bytes` from `from` on.
#[inline]
pub(super) fn next(bytes: &[u8], from: usize, one: u8) -> Option<usize> {
    match next_marked(bytes, from, |word| zero_bytes(word ^ (ONES * u64::from(one)))) {
        Ok(found) => Some(found),
        Err(at) => memchr(one, bytes.get(at..)?).map(|found| at + found),
    }
}

/// Returns the place of the first byte that is `marked`, which sets the high bit of the lowest such byte
/// (and maybe of higher ones); else up to where there is none.
#[inline]
fn next_marked(bytes: &[u8], from: usize, marked: impl Fn(u64) -> u64) -> Result<usize, usize> {
    let mut at = from;
    for _ in 0..TIMES {
        let Some(both) = bytes.get(at..).and_then(|rest| rest.first_chunk::<16>()) else { break };
        let both = u128::from_le_bytes(*both);
        let (low, high) = (marked(both as u64), marked((both >> 64) as u64));
        if low | high != 0 {
            let (bits, skipped) = if low == 0 { (high, 8) } else { (low, 0) };
            return Ok(at + skipped + bits.trailing_zeros() as usize / 8);
        }
        at += 16;
    }
    Err(at)
}

/// Returns how many bytes of `word` come before its first backslash.
#[inline]
pub(super) fn plain_bytes(word: [u8; 8]) -> usize {
    zero_bytes(u64::from_le_bytes(word) ^ (ONES * u64::from(b'\\'))).trailing_zeros() as usize / 8
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Sets the high bit of the lowest byte of `word` that is zero (and maybe of higher ones).
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & ONES << 7
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_next_of_two_bytes_is_the_first(bytes in prop::collection::vec(any::<u8>(), 0..400), from in 0..410_usize) {
            let slow = (from..bytes.len()).find(|&at| matches!(bytes[at], b'"' | b'\\'));
            prop_assert_eq!(next_of(&bytes, from, b'"', b'\\'), slow);
            let few: Vec<u8> = bytes.iter().map(|byte| byte % 3 + b'!').collect();
            let slow = (from..few.len()).find(|&at| matches!(few[at], b'"'));
            prop_assert_eq!(next_of(&few, from, b'"', b'"'), slow);
            prop_assert_eq!(next(&few, from, b'"'), slow);
        }
    }
}
