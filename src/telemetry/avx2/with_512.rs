//! What is done 64 bytes at a time, where the processor has AVX-512?

use std::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm_extract_epi64, _mm512_add_epi16, _mm512_and_si512, _mm512_cmpeq_epi8_mask,
    _mm512_extracti64x2_epi64, _mm512_mask_blend_epi8, _mm512_maskz_compress_epi16, _mm512_maskz_permutex2var_epi8,
    _mm512_movepi8_mask, _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_set_epi16, _mm512_set_epi64,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_test_epi8_mask,
};
use std::ops::Range;

use super::with_256::{AHEAD, fetch};
use super::{ALL, AT_ONCE, BLOCK, CLASSES, Classes, FOUR, Masks, Pair, Wide};

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
#[target_feature(enable = "avx512bw,avx512vbmi")]
pub fn bucketed(text: &[u8], pairs: &[Pair], masks: &mut [u64]) {
    let table = |of: &[u8; 128]| {
        let (parts, _) = of.as_chunks::<BLOCK>();
        (load(&parts[0]), load(&parts[1]))
    };
    let eight = |of: &[[u8; 128]; FOUR]| [table(&of[0]), table(&of[1]), table(&of[2]), table(&of[3])];
    let long = masks.len() * BLOCK;
    for (nth, Pair(both)) in pairs.iter().enumerate() {
        let (one, other) = (eight(&both[0]), eight(&both[1]));
        let at = |place: usize| text[place..place + long].as_chunks::<BLOCK>().0;
        let four = at(0).iter().zip(at(1)).zip(at(2)).zip(at(3));
        for ((block, (((a, b), c), d)), mask) in (0..).step_by(BLOCK).zip(four).zip(&mut *masks) {
            let four = [load(a), load(b), load(c), load(d)];
            let holds = |eight: &[(__m512i, __m512i); FOUR]| {
                let of = |place: usize| _mm512_permutex2var_epi8(eight[place].0, four[place], eight[place].1);
                _mm512_and_si512(_mm512_and_si512(of(0), of(1)), _mm512_and_si512(of(2), of(3)))
            };
            let some = _mm512_or_si512(holds(&one), holds(&other));
            let here = _mm512_test_epi8_mask(some, some);
            if nth == 0 {
                // The batch has left the caches, perhaps.
                fetch(text, block + AHEAD);
                *mask = here;
            } else {
                *mask |= here;
            }
        }
    }
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
