//! Of which characters are the next bytes?
//!
//! Numbers of cards, base64 and long tokens stand in long runs of few characters, and runs are found
//! by shifting bits. So each class of characters becomes 64 bits for 64 bytes, a bit a byte; pairs of
//! bytes with which an escape, a line break or an address begins are a class too. 64 bytes are told of
//! at a time where the processor has AVX-512, 32 where it has AVX2 (`avx2`), else eight. A test compares
//! the ways on any bytes.

use std::ops::Range;

use crate::telemetry::avx2::{self, Classes};

pub use crate::telemetry::avx2::{ALL, BLOCK, CLASSES, EQUALS, Masks, TOGETHER};

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
/// Where an escape begins, perhaps.
pub const ESCAPE: usize = CLASSES;
/// Where the break of a line stands, or the last sign of one that is written as an escape.
pub const BREAK: usize = CLASSES + 1;
/// `@`.
pub const AT: usize = CLASSES + 2;

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

/// Of which pairs each byte is the first, and the second, a bit a pair.
pub const PAIRS: [[u8; 256]; 2] = {
    let mut of = [[0; 256]; 2];
    let mut byte = 0;
    while byte < 256 {
        let one = byte as u8;
        let firsts = [b'%', b'\\', b'\\', b'&', b'\n', b'\\', b'@'];
        let seconds = [matches!(one, b'0' | b'2'..=b'7'), one == b'u', one == b'/', true, true, one == b'n', true];
        let mut pair = 0;
        while pair < firsts.len() {
            of[0][byte] |= ((one == firsts[pair]) as u8) << pair;
            of[1][byte] |= (seconds[pair] as u8) << pair;
            pair += 1;
        }
        byte += 1;
    }
    of
};

/// Of which pairs each of the classes behind the [`CLASSES`] is.
pub const PAIRS_OF: [u8; ALL - CLASSES] = [0b000_1111, 0b011_0000, 0b100_0000];

static OF: Classes = Classes::new(OF_BYTE, PAIRS, PAIRS_OF);

/// Fills `masks` for the blocks of `text`, at most [`TOGETHER`]; behind the text's end no byte is of any
/// class. Returns how many blocks there are.
pub fn classify(text: &[u8], masks: &mut Masks) -> usize {
    for class in masks.iter_mut() {
        class[0] = class[TOGETHER];
    }
    // Of the last byte of a block the next one is asked too.
    let whole = TOGETHER.min(text.len().saturating_sub(1) / BLOCK);
    fill(text, 0..whole, masks);
    let rest = &text[whole * BLOCK..];
    if whole == TOGETHER || rest.is_empty() {
        return whole;
    }
    let mut last = [0; BLOCK + 1];
    last[..rest.len()].copy_from_slice(rest);
    fill(&last, whole..whole + 1, masks);
    whole + 1
}

/// Fills the masks of these `blocks`, of which the first starts where `text` does.
fn fill(text: &[u8], blocks: Range<usize>, masks: &mut Masks) {
    if !blocks.is_empty() && !avx2::classes(&OF, text, blocks.clone(), masks) {
        plain(text, blocks, masks);
    }
}

/// Eight bytes at a time.
fn plain(text: &[u8], blocks: Range<usize>, masks: &mut Masks) {
    /// Puts the lowest bits of eight bytes side by side.
    const TOGETHER: u64 = 0x0102_0408_1020_4080;
    for (at, block) in (0..).step_by(BLOCK).zip(blocks) {
        (0..ALL).for_each(|class| masks[class][block + 1] = 0);
        let mut put = |class: usize, nth: usize, bits: u64| {
            let bits = (bits & 0x0101_0101_0101_0101).wrapping_mul(TOGETHER) >> 56;
            masks[class][block + 1] |= bits << (8 * nth);
        };
        let (bytes, behind) = (text[at..at + BLOCK].as_chunks::<8>().0, text[at + 1..=at + BLOCK].as_chunks::<8>().0);
        for (nth, (eight, behind)) in bytes.iter().zip(behind).enumerate() {
            let classes = u64::from_le_bytes(eight.map(|byte| OF_BYTE[usize::from(byte)]));
            (0..CLASSES).for_each(|class| put(class, nth, classes >> class));
            let [first, second] = [(eight, 0), (behind, 1)]
                .map(|(bytes, which)| u64::from_le_bytes(bytes.map(|byte| PAIRS[which][usize::from(byte)])));
            let both = first & second;
            for (class, pairs) in PAIRS_OF.iter().enumerate() {
                let some = (0..8).filter(|pair| pairs >> pair & 1 == 1).fold(0, |some, pair| some | both >> pair);
                put(CLASSES + class, nth, some);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_table(text: &[u8]) -> Box<Masks> {
        let mut masks = Box::new([[0; TOGETHER + 1]; ALL]);
        let mut put = |class: usize, at: usize, is: bool| masks[class][at / BLOCK + 1] |= u64::from(is) << (at % BLOCK);
        for (at, byte) in text.iter().enumerate() {
            (0..CLASSES).for_each(|class| put(class, at, OF_BYTE[usize::from(*byte)] >> class & 1 == 1));
            let next = text.get(at + 1).copied().unwrap_or_default();
            let two = |first: u8, seconds: &[u8]| *byte == first && seconds.contains(&next);
            put(ESCAPE, at, two(b'%', b"0234567") || two(b'\\', b"u/") || *byte == b'&');
            put(BREAK, at, *byte == b'\n' || two(b'\\', b"n"));
            put(AT, at, *byte == b'@');
        }
        masks
    }

    proptest! {
        #[test]
        fn all_ways_tell_the_classes_of_any_bytes(
            some in prop::collection::vec(any::<u8>(), 0..300),
            signs in prop::collection::vec(prop::sample::select(b"\\%&\n@nu/025:8".as_slice()), 0..300),
        ) {
            for text in [some, signs] {
                let wanted = by_table(&text);
                let blocks = text.len().div_ceil(BLOCK);
                let mut masks = Box::new([[u64::MAX; TOGETHER + 1]; ALL]);
                masks.iter_mut().for_each(|class| class[TOGETHER] = 0);
                prop_assert_eq!(classify(&text, &mut masks), blocks);
                let end = [text.as_slice(), &[0; BLOCK]].concat();
                let [mut slow, mut narrow] = [(); 2].map(|()| Box::new([[u64::MAX; TOGETHER + 1]; ALL]));
                plain(&end, 0..blocks, &mut slow);
                if blocks == 0 || !avx2::narrow_classes(&OF, &end, 0..blocks, &mut narrow) {
                    narrow = slow.clone();
                }
                for class in 0..ALL {
                    prop_assert_eq!(&masks[class][..=blocks], &wanted[class][..=blocks]);
                    prop_assert_eq!(&slow[class][1..=blocks], &wanted[class][1..=blocks]);
                    prop_assert_eq!(&narrow[class][1..=blocks], &wanted[class][1..=blocks]);
                }
            }
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
