//! Of which characters are the next 64 bytes?
//!
//! Numbers of cards, base64 and long tokens stand in long runs of few characters, and runs are found
//! by shifting bits. So each class of characters becomes 64 bits for 64 bytes, a bit a byte: 32 bytes
//! at a time where the processor has AVX2 (`avx2`), else eight. A test compares the two ways on any bytes.

use crate::telemetry::avx2::{self, CLASSES};

pub use crate::telemetry::avx2::{BLOCK, EQUALS, Masks};

/// What a number of digits is written with: digits, spaces, hyphens, in URLs `+`.
pub const NUMBER: usize = 0;
/// What the number of an account is written with: digits, capitals, spaces.
pub const ACCOUNT: usize = 1;
/// Base64, in both alphabets.
pub const PACKED: usize = 2;
/// Of the value of a character of base64 bit 5, bit 3, bit 1: of text in base64 they are zero in the
/// first, second and third character of a group.
pub const BITS: [usize; 3] = [3, 4, 5];
/// Base32, as tokens of Azure DevOps are written.
pub const BASE32: usize = 6;

/// The classes of each byte, as bits; beyond ASCII there are none.
pub const OF_BYTE: [u8; 256] = {
    let mut of = [0; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while value < 64 {
        of[letters[value] as usize] = packed(value);
        value += 1;
    }
    of[b'-' as usize] = packed(62);
    of[b'_' as usize] = packed(63);
    let mut byte = 0;
    while byte < 128 {
        let (digit, capital) = ((byte as u8).is_ascii_digit(), (byte as u8).is_ascii_uppercase());
        of[byte] |= is(digit || matches!(byte as u8, b' ' | b'-' | b'+'), NUMBER);
        of[byte] |= is(digit || capital || byte as u8 == b' ', ACCOUNT);
        of[byte] |= is(matches!(byte as u8, b'a'..=b'z' | b'2'..=b'7'), BASE32);
        of[byte] |= is(byte as u8 == b'=', EQUALS);
        byte += 1;
    }
    of
};

const fn is(so: bool, class: usize) -> u8 {
    (so as u8) << class
}

/// Returns the classes of the character with this value in base64.
const fn packed(value: usize) -> u8 {
    is(true, PACKED)
        | is(value >> 5 & 1 == 1, BITS[0])
        | is(value >> 3 & 1 == 1, BITS[1])
        | is(value >> 1 & 1 == 1, BITS[2])
}

/// Fills `masks`, one for each block of `text`; behind the text's end no byte is of any class.
///
/// # Panics
///
/// Panics if `text` has more blocks than there are `masks`.
pub fn classify(text: &[u8], masks: &mut [Masks]) {
    let (blocks, rest) = text.as_chunks::<BLOCK>();
    fill(blocks, &mut masks[..blocks.len()]);
    if !rest.is_empty() {
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        fill(&[last], &mut masks[blocks.len()..=blocks.len()]);
    }
}

fn fill(blocks: &[[u8; BLOCK]], masks: &mut [Masks]) {
    const ROWS: avx2::Rows = avx2::rows(&OF_BYTE);
    if !avx2::classes(blocks, &ROWS, masks) {
        plain(blocks, masks);
    }
}

/// Eight bytes at a time.
fn plain(blocks: &[[u8; BLOCK]], masks: &mut [Masks]) {
    /// Puts the lowest bits of eight bytes side by side.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    for (block, masks) in blocks.iter().zip(masks) {
        *masks = [0; CLASSES];
        for (nth, eight) in block.as_chunks::<8>().0.iter().enumerate() {
            let classes = u64::from_le_bytes(eight.map(|byte| OF_BYTE[usize::from(byte)]));
            for (class, mask) in masks.iter_mut().enumerate() {
                let bits = (classes >> class & 0x0101_0101_0101_0101).wrapping_mul(TOGETHER) >> 56;
                *mask |= bits << (8 * nth);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_table(text: &[u8]) -> Vec<Masks> {
        let mut masks = vec![[0; CLASSES]; text.len().div_ceil(BLOCK)];
        for (at, byte) in text.iter().enumerate() {
            for (class, mask) in masks[at / BLOCK].iter_mut().enumerate() {
                *mask |= u64::from(OF_BYTE[usize::from(*byte)] >> class & 1) << (at % BLOCK);
            }
        }
        masks
    }

    proptest! {
        #[test]
        fn both_ways_tell_the_classes_of_any_bytes(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let wanted = by_table(&text);
            let mut masks = vec![[u64::MAX; CLASSES]; wanted.len()];
            classify(&text, &mut masks);
            prop_assert_eq!(&masks, &wanted);
            let (blocks, _) = text.as_chunks::<BLOCK>();
            let mut masks = vec![[u64::MAX; CLASSES]; blocks.len()];
            plain(blocks, &mut masks);
            prop_assert_eq!(&masks, &wanted[..blocks.len()]);
        }
    }

    #[test]
    fn characters_are_of_the_classes_they_are_written_with() {
        let of = |class: usize| -> String {
            (0..=u8::MAX).filter(|byte| OF_BYTE[usize::from(*byte)] >> class & 1 == 1).map(char::from).collect()
        };
        assert_eq!(of(NUMBER), " +-0123456789");
        assert_eq!(of(ACCOUNT), " 0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        assert_eq!(of(PACKED), "+-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");
        assert_eq!(of(BITS[0]), "+-/0123456789_ghijklmnopqrstuvwxyz");
        assert_eq!(of(BASE32), "234567abcdefghijklmnopqrstuvwxyz");
        assert_eq!(of(EQUALS), "=");
    }
}
