//! Where may a string end?
//!
//! One pass over a text, 64 bytes at a time, marks its quotes and backslashes, a bit a byte; after that the
//! end of a string is found by counting zeros, without a look at what lies between. Double and single quotes
//! have bits of their own, since each is an ordinary letter in a string of the other. The bits take a
//! quarter of the text's length.

use bumpalo::Bump;

use crate::telemetry::avx2::{self, BLOCK};

/// The marks of a text.
#[derive(Clone, Copy)]
pub(super) struct Marks<'s> {
    /// Where `"` or a backslash stands.
    double: &'s [u8],
    /// Where `'` or a backslash stands.
    single: &'s [u8],
}

impl<'s> Marks<'s> {
    /// Returns the marks of `text`.
    pub(super) fn of(text: &str, arena: &'s Bump) -> Self {
        let (blocks, rest) = text.as_bytes().as_chunks::<BLOCK>();
        // One block for what is left, if only nothing, so that eight bytes can be read from any place.
        let bits = arena.alloc_slice_fill_copy(2 * (blocks.len() + 2), [0; 8]);
        let (double, single) = bits.split_at_mut(blocks.len() + 2);
        fill(blocks, double, single);
        let mut last = [0; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        fill(&[last], &mut double[blocks.len()..], &mut single[blocks.len()..]);
        Self { double: double.as_flattened(), single: single.as_flattened() }
    }

    /// Returns those for strings in such quotes.
    #[inline]
    pub(super) fn bits(&self, quote: u8) -> &'s [u8] {
        if quote == b'\'' { self.single } else { self.double }
    }
}

/// Returns the first place from `from` on that is set in `bits` and lies before `limit`.
#[inline]
pub(super) fn first(bits: &[u8], from: usize, limit: usize) -> Option<usize> {
    let word = u64::from_le_bytes(*bits.get(from / 8..)?.first_chunk()?) >> (from % 8);
    let found = if word == 0 { far(bits, from / 8 + 8, limit)? } else { from + word.trailing_zeros() as usize };
    (found < limit).then_some(found)
}

/// Does so without a limit; gives up after 512 bytes.
#[inline]
pub(super) fn next(bits: &[u8], from: u32) -> Option<u32> {
    let at = from as usize / 8;
    let word = u64::from_le_bytes(*bits.get(at..at + 8)?.first_chunk()?) >> (from % 8);
    if word == 0 {
        far(bits, at + 8, at * 8 + 512).map(|found| found as u32)
    } else {
        Some(from + word.trailing_zeros())
    }
}

/// Does so from byte `at` of `bits` on.
#[inline(never)]
fn far(bits: &[u8], mut at: usize, limit: usize) -> Option<usize> {
    while at * 8 < limit {
        let word = u64::from_le_bytes(*bits.get(at..)?.first_chunk()?);
        if word != 0 {
            return Some(at * 8 + word.trailing_zeros() as usize);
        }
        at += 8;
    }
    None
}

fn fill(blocks: &[[u8; BLOCK]], double: &mut [[u8; 8]], single: &mut [[u8; 8]]) {
    if !avx2::marks(blocks, double, single) {
        plain(blocks, double, single);
    }
}

/// Eight bytes at a time.
fn plain(blocks: &[[u8; BLOCK]], double: &mut [[u8; 8]], single: &mut [[u8; 8]]) {
    for ((block, double), single) in blocks.iter().zip(double).zip(single) {
        for ((eight, double), single) in block.as_chunks::<8>().0.iter().zip(double).zip(single) {
            let escapes = are(*eight, b'\\');
            *double = together(are(*eight, b'"') | escapes);
            *single = together(are(*eight, b'\'') | escapes);
        }
    }
}

/// Returns, for each of eight bytes, whether it is `wanted`.
fn are(eight: [u8; 8], wanted: u8) -> u64 {
    u64::from_le_bytes(eight.map(|byte| u8::from(byte == wanted)))
}

/// Puts the lowest bits of eight bytes side by side.
fn together(bytes: u64) -> u8 {
    (bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts in which what is marked is frequent, and those in which it is rare.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![r#"["'\\aé]{0,300}"#, r#"([a-zé]{0,90}["'\\]){0,9}"#]
    }

    proptest! {
        #[test]
        fn the_first_mark_is_the_first_quote_or_backslash(text in text(), from in 0..320_usize, limit in 0..320_usize) {
            let arena = Bump::new();
            let (marks, limit) = (Marks::of(&text, &arena), limit.min(text.len()));
            for quote in *b"\"'" {
                let slow = (from..limit).find(|&at| [quote, b'\\'].contains(&text.as_bytes()[at]));
                prop_assert_eq!(first(marks.bits(quote), from, limit), slow);
            }
        }

        #[test]
        fn all_ways_of_marking_mark_the_same(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let few: Vec<u8> = bytes.iter().map(|byte| b"\"'\\a\x00\xa2\xa7\xdc"[usize::from(*byte % 8)]).collect();
            for bytes in [bytes, few] {
                let (blocks, _) = bytes.as_chunks();
                let mut all = [(); 4].map(|()| vec![[1; 8]; blocks.len()]);
                let [double, single, other_double, other_single] = &mut all;
                plain(blocks, double, single);
                for way in [avx2::marks, avx2::narrow_marks] {
                    if way(blocks, other_double, other_single) {
                        prop_assert_eq!((&*double, &*single), (&*other_double, &*other_single));
                    }
                }
            }
        }
    }
}
