//! What is done 32 bytes at a time, where the processor has AVX2?

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_cvtsi32_si128, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_insert_epi32,
    _mm_prefetch, _mm_set_epi64x, _mm256_and_si256, _mm256_andnot_si256, _mm256_broadcastsi128_si256,
    _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_extracti128_si256, _mm256_movemask_epi8, _mm256_mullo_epi32,
    _mm256_or_si256, _mm256_set_epi64x, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_sllv_epi32, _mm256_srai_epi32, _mm256_srli_epi16, _mm256_srli_epi32,
};
use std::ops::Range;

use super::of_byte::row;
use super::{ALL, BLOCK, Bits, CLASSES, Classes, EQUALS, FACTOR, Masks, SHIFT, Wide};

/// The bit of each row; controls have none.
const BITS: [u8; 16] = {
    let mut bits = [0; 16];
    let mut upper = 2;
    while upper < 8 {
        bits[upper] = row(upper);
        upper += 1;
    }
    bits
};

#[target_feature(enable = "avx2")]
fn table(of: &[u8; 16]) -> __m256i {
    let (words, _) = of.as_chunks::<8>();
    let [low, high] = [words[0], words[1]].map(i64::from_le_bytes);
    _mm256_broadcastsi128_si256(_mm_set_epi64x(high, low))
}

#[target_feature(enable = "avx2")]
fn load(half: &[u8; 32]) -> __m256i {
    let (words, _) = half.as_chunks::<8>();
    let [a, b, c, d] = [words[0], words[1], words[2], words[3]].map(i64::from_le_bytes);
    _mm256_set_epi64x(d, c, b, a)
}

/// Fills the masks of `blocks`.
#[target_feature(enable = "avx2")]
pub fn classes(of: &Classes, text: &[u8], blocks: Range<usize>, masks: &mut Masks) {
    let rows: [__m256i; CLASSES] = [
        table(&of.rows[0]),
        table(&of.rows[1]),
        table(&of.rows[2]),
        table(&of.rows[3]),
        table(&of.rows[4]),
        table(&of.rows[5]),
        table(&of.rows[6]),
        table(&of.rows[7]),
    ];
    let (bits, lower, none) = (table(&BITS), _mm256_set1_epi8(15), _mm256_setzero_si256());
    let equals = _mm256_set1_epi8(b'='.cast_signed());
    let pairs: [__m256i; 4] =
        [table(&of.halves[0][0]), table(&of.halves[0][1]), table(&of.halves[1][0]), table(&of.halves[1][1])];
    let text = &text[..=blocks.len() * BLOCK];
    for (at, block) in (0..).step_by(BLOCK).zip(blocks) {
        let mut told = [0_u64; ALL];
        let (halves, _) = text[at..at + BLOCK].as_chunks::<32>();
        let (behind, _) = text[at + 1..=at + BLOCK].as_chunks::<32>();
        for (nth, (half, behind)) in halves.iter().zip(behind).enumerate() {
            let (bytes, behind) = (load(half), load(behind));
            let upper = |bytes| _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), lower);
            let row = _mm256_shuffle_epi8(bits, upper(bytes));
            for (class, told) in told[..CLASSES].iter_mut().enumerate() {
                let here = if class == EQUALS {
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, equals))
                } else {
                    // Of a byte beyond ASCII the look-up gives no row.
                    let here = _mm256_and_si256(_mm256_shuffle_epi8(rows[class], bytes), row);
                    !_mm256_movemask_epi8(_mm256_cmpeq_epi8(here, none))
                };
                *told |= u64::from(here.cast_unsigned()) << (32 * nth);
            }
            let pair = |halves: &[__m256i], bytes| {
                let low = _mm256_shuffle_epi8(halves[0], _mm256_and_si256(bytes, lower));
                _mm256_and_si256(low, _mm256_shuffle_epi8(halves[1], upper(bytes)))
            };
            let both = _mm256_and_si256(pair(&pairs[..2], bytes), pair(&pairs[2..], behind));
            for (pairs, told) in of.of_pairs.iter().zip(&mut told[CLASSES..]) {
                let here = _mm256_and_si256(both, _mm256_set1_epi8(pairs.cast_signed()));
                let here = !_mm256_movemask_epi8(_mm256_cmpeq_epi8(here, none));
                *told |= u64::from(here.cast_unsigned()) << (32 * nth);
            }
        }
        for (mask, told) in masks.iter_mut().zip(told) {
            mask[block + 1] = told;
        }
    }
}

/// Does `work`.
#[target_feature(enable = "avx2")]
pub fn widely(work: impl Wide) {
    work.work();
}

/// Fills the bits of `blocks`.
#[target_feature(enable = "avx2")]
pub fn marks(blocks: &[[u8; BLOCK]], double: &mut [[u8; 8]], single: &mut [[u8; 8]]) {
    let [quote, other, escape] = [b'"', b'\'', b'\\'].map(|byte| _mm256_set1_epi8(byte.cast_signed()));
    for ((block, double), single) in blocks.iter().zip(double).zip(single) {
        let (mut of_double, mut of_single) = (0, 0);
        for (nth, half) in block.as_chunks::<32>().0.iter().enumerate() {
            let bytes = load(half);
            let escapes = _mm256_cmpeq_epi8(bytes, escape);
            let here = |quote| {
                let marked = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), escapes);
                u64::from(_mm256_movemask_epi8(marked).cast_unsigned()) << (32 * nth)
            };
            of_double |= here(quote);
            of_single |= here(other);
        }
        (*double, *single) = (of_double.to_le_bytes(), of_single.to_le_bytes());
    }
}

/// Fills `masks`, one for each block of `text`.
#[target_feature(enable = "avx2")]
pub fn places(text: &[u8], bits: &Bits, masks: &mut [u64]) {
    // The first and the third byte of each four are the even places.
    let (first, third) = (_mm256_set1_epi32(0xff), _mm256_set1_epi32(0xff_0000));
    for (nth, mask) in masks.iter_mut().enumerate() {
        let at = nth * BLOCK;
        // The batch has left the caches, perhaps.
        fetch(text, at + AHEAD);
        let (halves, _) = text[at..at + BLOCK].as_chunks::<32>();
        let (behind, _) = text[at + 2..at + 2 + BLOCK].as_chunks::<32>();
        *mask = 0;
        for (half, (even, odd)) in halves.iter().zip(behind).enumerate() {
            let [even, odd] = [known(load(even), bits), known(load(odd), bits)];
            let here = _mm256_or_si256(_mm256_and_si256(even, first), _mm256_and_si256(odd, third));
            *mask |= u64::from(_mm256_movemask_epi8(here).cast_unsigned()) << (32 * half);
        }
    }
}

/// Returns the words with these four numbers. One by one: the instruction for it takes longer.
#[target_feature(enable = "avx2")]
fn looked_up(words: __m128i, bits: &Bits) -> __m128i {
    let [first, second] = [_mm_cvtsi128_si64(words), _mm_extract_epi64::<1>(words)].map(i64::cast_unsigned);
    let one = |number: u64| bits[number as usize % bits.len()].cast_signed();
    let found = _mm_cvtsi32_si128(one(first));
    let found = _mm_insert_epi32::<1>(found, one(first >> 32));
    let found = _mm_insert_epi32::<2>(found, one(second));
    _mm_insert_epi32::<3>(found, one(second >> 32))
}

/// How far ahead the text is fetched, bytes.
pub const AHEAD: usize = 2048;

/// Has the bytes at `at` fetched, if there are any.
#[inline]
#[target_feature(enable = "avx2")]
pub fn fetch(text: &[u8], at: usize) {
    if let Some(byte) = text.get(at) {
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast());
    }
}

/// Returns, for each four bytes, ones if their slot is set.
#[target_feature(enable = "avx2")]
fn known(four: __m256i, bits: &Bits) -> __m256i {
    let folded = _mm256_or_si256(four, _mm256_set1_epi32(0x2020_2020));
    let product = _mm256_mullo_epi32(folded, _mm256_set1_epi32(FACTOR.cast_signed()));
    let words = _mm256_srli_epi32::<{ SHIFT.cast_signed() }>(product);
    let found = _mm256_set_m128i(
        looked_up(_mm256_extracti128_si256::<1>(words), bits),
        looked_up(_mm256_castsi256_si128(words), bits),
    );
    // The slot's bit becomes the sign: it is moved up by 31 less its place.
    let up = _mm256_andnot_si256(_mm256_srli_epi32::<24>(folded), _mm256_set1_epi32(31));
    _mm256_srai_epi32::<31>(_mm256_sllv_epi32(found, up))
}
