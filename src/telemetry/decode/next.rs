//! Where is the next of one or two bytes, such as the quote that ends a string or an escape in it?
//!
//! Strings in telemetry are short: the end of most is found before memchr has begun. Sixteen bytes are
//! asked at a time, without a branch between the two halves, which would be guessed wrong half the time;
//! a long text is left to memchr.

use memchr::memchr2;

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

/// Returns how many digits stand in `bytes` from `from` on.
#[inline]
pub(super) fn digits(bytes: &[u8], from: usize) -> usize {
    if let Some(word) = bytes.get(from..).and_then(|rest| rest.first_chunk::<8>()) {
        let digits = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'0'));
        // What is no digit comes to 128 and more; no byte carries into the next.
        let other = (digits | (digits & !HIGH).wrapping_add(ONES * 0x76)) & HIGH;
        if other != 0 {
            return other.trailing_zeros() as usize / 8;
        }
    }
    bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// Returns the number of one to eight digits, and nothing else, that stands at `from` up to `to`; `None` too where not
/// eight bytes come before its end.
#[inline]
pub(super) fn number(bytes: &[u8], from: usize, to: usize) -> Option<i64> {
    let length = to.checked_sub(from).filter(|length| (1..=8).contains(length))?;
    let word = u64::from_le_bytes(*bytes.get(to.checked_sub(8)?..to)?.first_chunk()?);
    // What comes before the number counts as zeros.
    let before = u64::MAX.checked_shr(8 * length as u32).unwrap_or(0);
    eight_digits((word & !before) | ((ONES * u64::from(b'0')) & before))
}

/// Returns the number that eight digits are, the first of them in the lowest byte.
#[inline]
pub(super) fn eight_digits(word: u64) -> Option<i64> {
    let digits = word ^ (ONES * u64::from(b'0'));
    if (digits | (digits & !HIGH).wrapping_add(ONES * 0x76)) & HIGH != 0 {
        return None;
    }
    // Numbers of two digits in every second byte, of four in every second pair, of eight.
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000) + (fours >> 32)) as i64 & 0xffff_ffff)
}

const HIGH: u64 = ONES << 7;
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
        }

        #[test]
        fn a_number_is_read_where_it_stands(before in "[0-9a]{0,12}", text in "[0-9]{0,9}|[0-9/:é]{0,9}", after in "[0-9,]?") {
            let (whole, from, to) = (format!("{before}{text}{after}"), before.len(), before.len() + text.len());
            let slow = (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) && to >= 8;
            let slow = slow.then(|| text.parse().unwrap());
            prop_assert_eq!(number(whole.as_bytes(), from, to), slow);
        }

        #[test]
        fn digits_are_counted_up_to_what_is_none(text in "[0-9]{0,12}([/:aé\u{0}\u{ff}][0-9]{0,3}){0,3}", from in 0..20_usize) {
            let slow = text.bytes().skip(from).take_while(u8::is_ascii_digit).count();
            prop_assert_eq!(digits(text.as_bytes(), from), slow);
        }
    }
}
