//! What is done 64 bytes at a time, where the processor has AVX-512?

use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_mask_blend_epi8, _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask,
    _mm512_permutex2var_epi8, _mm512_set_epi64, _mm512_set1_epi8, _mm512_test_epi8_mask,
};
use std::ops::Range;

use super::{ALL, BLOCK, CLASSES, Classes, Masks};

#[target_feature(enable = "avx512bw,avx512vbmi")]
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
