//! What is done 64 bytes at a time, where the processor has AVX-512?

use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm512_add_epi16, _mm512_and_si512, _mm512_andnot_si512,
    _mm512_castsi128_si512, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_extracti32x4_epi32,
    _mm512_extracti64x2_epi64, _mm512_inserti32x4, _mm512_mask_blend_epi8, _mm512_maskz_compress_epi16,
    _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask, _mm512_movepi32_mask, _mm512_mullo_epi32, _mm512_or_si512,
    _mm512_permutex2var_epi8, _mm512_set_epi16, _mm512_set_epi64, _mm512_set1_epi8, _mm512_set1_epi16,
    _mm512_set1_epi32, _mm512_sllv_epi32, _mm512_srli_epi32, _mm512_test_epi8_mask, _pdep_u64,
};
use std::ops::Range;

use super::with::{AHEAD, fetch, looked_up};
use super::{ALL, AT_ONCE, BLOCK, Bits, CLASSES, Classes, FACTOR, Masks, SHIFT, Wide};

#[inline]
#[target_feature(enable = "avx512bw")]
fn load(block: &[u8; BLOCK]) -> __m512i {
    let (words, _) = block.as_chunks::<8>();
    let word = |nth: usize| i64::from_le_bytes(words[nth]);
    _mm512_set_epi64(word(7), word(6), word(5), word(4), word(3), word(2), word(1), word(0))
}

/// Fills the masks of `blocks`.
#[target_feature(enable = "avx512bw,avx512vbmi")]
pub fn classes(of: &Classes, text: &[u8], blocks: Range<usize>, masks: &mut Masks) {
    let table = |of: &[u8; 256]| {
        let (parts, _) = of.as_chunks::<BLOCK>();
        (load(&parts[0]), load(&parts[1]))
    };
    let (of_byte, first, second) = (table(&of.of_byte), table(&of.pairs[0]), table(&of.pairs[1]));
    // What any byte may be the second of.
    let any = _mm512_set1_epi8(of.pairs[1][0].cast_signed());
    let text = &text[..=blocks.len() * BLOCK];
    let (here, _) = text[..blocks.len() * BLOCK].as_chunks::<BLOCK>();
    let (behind, _) = text[1..].as_chunks::<BLOCK>();
    for ((here, behind), block) in here.iter().zip(behind).zip(blocks) {
        let (bytes, behind) = (load(here), load(behind));
        let ascii = !_mm512_movepi8_mask(bytes);
        let classes = _mm512_maskz_permutex2var_epi8(ascii, of_byte.0, bytes, of_byte.1);
        let first = _mm512_maskz_permutex2var_epi8(ascii, first.0, bytes, first.1);
        let second = _mm512_permutex2var_epi8(second.0, behind, second.1);
        let second = _mm512_mask_blend_epi8(_mm512_movepi8_mask(behind), second, any);
        let both = _mm512_and_si512(first, second);
        let mut told = [0_u64; ALL];
        for (class, told) in told[..CLASSES].iter_mut().enumerate() {
            *told = _mm512_test_epi8_mask(classes, _mm512_set1_epi8((1_u8 << class).cast_signed()));
        }
        for (pairs, told) in of.of_pairs.iter().zip(&mut told[CLASSES..]) {
            *told = _mm512_test_epi8_mask(both, _mm512_set1_epi8(pairs.cast_signed()));
        }
        for (mask, told) in masks.iter_mut().zip(told) {
            mask[block + 1] = told;
        }
    }
}

/// Does `work`.
#[target_feature(enable = "avx512bw,avx512vbmi")]
pub fn widely(work: impl Wide) {
    work.work();
}

/// Fills the bits of `blocks`.
#[target_feature(enable = "avx512bw")]
pub fn marks(blocks: &[[u8; BLOCK]], double: &mut [[u8; 8]], single: &mut [[u8; 8]]) {
    let [quote, other, escape] = [b'"', b'\'', b'\\'].map(|byte| _mm512_set1_epi8(byte.cast_signed()));
    for ((block, double), single) in blocks.iter().zip(double).zip(single) {
        let bytes = load(block);
        let escapes = _mm512_cmpeq_epi8_mask(bytes, escape);
        *double = (_mm512_cmpeq_epi8_mask(bytes, quote) | escapes).to_le_bytes();
        *single = (_mm512_cmpeq_epi8_mask(bytes, other) | escapes).to_le_bytes();
    }
}

/// Fills `masks`, one for each block of `text`.
#[target_feature(enable = "avx2,avx512bw,avx512dq,bmi2")]
pub fn places(text: &[u8], bits: &Bits, masks: &mut [u64]) {
    for (nth, mask) in masks.iter_mut().enumerate() {
        let at = nth * BLOCK;
        fetch(text, at + AHEAD);
        let (here, _) = text[at..at + BLOCK].as_chunks();
        let (behind, _) = text[at + 2..at + 2 + BLOCK].as_chunks();
        // The first and the third byte of each four are the even places.
        let [even, odd] = [known(load(&here[0]), bits), known(load(&behind[0]), bits)].map(u64::from);
        *mask = _pdep_u64(even, 0x1111_1111_1111_1111) | _pdep_u64(odd, 0x4444_4444_4444_4444);
    }
}

/// Returns a bit for each four bytes: whether their slot is set.
#[inline]
#[target_feature(enable = "avx2,avx512bw,avx512dq")]
fn known(four: __m512i, bits: &Bits) -> u16 {
    let folded = _mm512_or_si512(four, _mm512_set1_epi32(0x2020_2020));
    let product = _mm512_mullo_epi32(folded, _mm512_set1_epi32(FACTOR.cast_signed()));
    let words = _mm512_srli_epi32::<SHIFT>(product);
    let found = _mm512_castsi128_si512(looked_up(_mm512_castsi512_si128(words), bits));
    let found = _mm512_inserti32x4::<1>(found, looked_up(_mm512_extracti32x4_epi32::<1>(words), bits));
    let found = _mm512_inserti32x4::<2>(found, looked_up(_mm512_extracti32x4_epi32::<2>(words), bits));
    let found = _mm512_inserti32x4::<3>(found, looked_up(_mm512_extracti32x4_epi32::<3>(words), bits));
    // The slot's bit becomes the sign: it is moved up by 31 less its place.
    let up = _mm512_andnot_si512(_mm512_srli_epi32::<24>(folded), _mm512_set1_epi32(31));
    _mm512_movepi32_mask(_mm512_sllv_epi32(found, up))
}

/// Puts the place of each bit of `masks` into `places`; returns how many there are.
#[target_feature(enable = "avx512bw,avx512dq,avx512vbmi2,popcnt")]
pub fn listed(masks: &[u64], places: &mut [u16]) -> usize {
    let mut here = _mm512_set_epi16(
        31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,
        1, 0,
    );
    let step = _mm512_set1_epi16(AT_ONCE as i16);
    let mut many = 0;
    for mask in masks {
        for half in [*mask as u32, (*mask >> 32) as u32] {
            let (to, _) = places[many..many + AT_ONCE].as_chunks_mut();
            store(_mm512_maskz_compress_epi16(half, here), &mut to[0]);
            many += half.count_ones() as usize;
            here = _mm512_add_epi16(here, step);
        }
    }
    many
}

/// Stores 32 numbers; it becomes one instruction.
#[inline]
#[target_feature(enable = "avx512bw,avx512dq")]
fn store(numbers: __m512i, to: &mut [u16; AT_ONCE]) {
    let quarters = [
        _mm512_extracti64x2_epi64::<0>(numbers),
        _mm512_extracti64x2_epi64::<1>(numbers),
        _mm512_extracti64x2_epi64::<2>(numbers),
        _mm512_extracti64x2_epi64::<3>(numbers),
    ];
    let (to, _) = to.as_chunks_mut::<4>();
    let mut nth = 0;
    while nth < quarters.len() {
        let halves = [_mm_cvtsi128_si64(quarters[nth]), _mm_extract_epi64::<1>(quarters[nth])].map(i64::cast_unsigned);
        let four = |word: u64| [word as u16, (word >> 16) as u16, (word >> 32) as u16, (word >> 48) as u16];
        (to[2 * nth], to[2 * nth + 1]) = (four(halves[0]), four(halves[1]));
        nth += 1;
    }
}
