//! What do eight bytes say at once: up to where are they plain, up to where digits, and which number is that?
//!
//! Numbers in telemetry are short, so that a loop over their digits would be left at a place that no processor
//! guesses; eight bytes in a word are asked without a branch.

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
