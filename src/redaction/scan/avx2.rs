//! What does the scan do many bytes at a time?
//!
//! Three things: it tells the classes of characters (`classes`), 64 bytes at a time where the processor has
//! AVX-512 and else 32; what is worth a look by them (`gates`); and the places where a word may stand
//! (`grams`). The calls are this program's only `unsafe`: all they need is that the processor has what they
//! are compiled for, which is asked right before. On telemetry of 1 KB a record the classes take 0.07 µs a
//! record, 32 bytes at a time 0.12 µs; the places 0.13 µs, and before the text was fetched ahead 0.19 µs.
//! Tests beside the plain ways compare them on any bytes.

use std::ops::Range;

use super::classes::Masks;
use super::gates::{self, Worth};

/// How many bits tell which grams there are.
pub const SLOTS: usize = 1 << 17;
/// The bits by which grams are known, 32 to a word.
pub type Bits = [u32; SLOTS / 32];

/// Fills the masks of these `blocks`, of which the first starts where `text` does; returns `false`, nothing
/// done, if the processor can't.
///
/// # Panics
///
/// Panics if `text` does not reach a byte beyond the last of them, or there are not as many masks.
#[inline]
pub fn classes(text: &[u8], blocks: Range<usize>, masks: &mut Masks) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vbmi") {
        #[expect(unsafe_code, reason = "the processor has what was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but these two.
        unsafe {
            with_512::classes(text, blocks, masks);
        }
        return true;
    }
    narrow_classes(text, blocks, masks)
}

/// Does so 32 bytes at a time.
#[inline]
pub fn narrow_classes(text: &[u8], blocks: Range<usize>, masks: &mut Masks) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has AVX2, as was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but AVX2.
        unsafe {
            with::classes(text, blocks, masks);
        }
        return true;
    }
    let _ = (text, blocks, masks);
    false
}

/// Fills `worth` by [`gates::worth`], four blocks at a time where the processor can.
#[inline]
pub fn worth(masks: &Masks, blocks: usize, to: &mut Worth) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has AVX2, as was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but AVX2.
        unsafe {
            with::worth(masks, blocks, to);
        }
        return;
    }
    gates::worth(masks, blocks, to);
}

/// Sets in `masks`, one for each 64 bytes of `text`, the bit of each even place where four bytes stand,
/// folded, whose slot is set in `bits`; returns `false`, nothing done, if the processor can't.
///
/// # Panics
///
/// Panics if `text` does not reach two bytes beyond the last of them.
#[inline]
pub fn places(text: &[u8], bits: &Bits, masks: &mut [u64]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has AVX2, as was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but AVX2.
        unsafe {
            with::places(text, bits, masks);
        }
        return true;
    }
    let _ = (text, bits, masks);
    false
}

/// Returns the slot of four bytes: the first three choose the word, for the factor moves the fourth out;
/// of that the lowest five bits, all but what folding sets, choose the bit.
#[inline]
pub const fn slot(four: u32) -> usize {
    ((four.wrapping_mul(FACTOR) >> SHIFT) << 5 | four >> 24 & 31) as usize
}

/// Of thousands that were tried, the factor by which fewest places of telemetry fall on the slots of words.
const FACTOR: u32 = 0x189e_bec3 << 8;
const SHIFT: u32 = 32 - (SLOTS / 32).trailing_zeros();

#[cfg(target_arch = "x86_64")]
mod with {
    use std::arch::x86_64::{
        __m128i, __m256i, _MM_HINT_T0, _mm_cvtsi32_si128, _mm_cvtsi128_si64, _mm_extract_epi64, _mm_insert_epi32,
        _mm_prefetch, _mm_set_epi64x, _mm256_and_si256, _mm256_andnot_si256, _mm256_broadcastsi128_si256,
        _mm256_castsi256_si128, _mm256_cmpeq_epi8, _mm256_extracti128_si256, _mm256_movemask_epi8, _mm256_mullo_epi32,
        _mm256_or_si256, _mm256_set_epi64x, _mm256_set_m128i, _mm256_set1_epi8, _mm256_set1_epi32,
        _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_sllv_epi32, _mm256_srai_epi32, _mm256_srli_epi16,
        _mm256_srli_epi32,
    };
    use std::ops::Range;

    use super::super::classes::{ALL, BLOCK, CLASSES, EQUALS, Masks, OF_BYTE, PAIRS, PAIRS_OF};
    use super::super::gates::{self, Worth};
    use super::{Bits, FACTOR, SHIFT};

    /// For each class, and each lower half of a byte, the rows: a byte's upper half tells a row of ASCII,
    /// as one bit of six; its lower half tells, for each class, in which rows the character is of it.
    const ROWS: [[u8; 16]; CLASSES] = {
        let mut rows = [[0; 16]; CLASSES];
        let mut byte = 0x20;
        while byte < 0x80 {
            let mut class = 0;
            while class < CLASSES {
                if OF_BYTE[byte] >> class & 1 == 1 {
                    rows[class][byte & 15] |= row(byte >> 4);
                }
                class += 1;
            }
            byte += 1;
        }
        rows
    };

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

    /// Of each half of a byte, lower and upper, the pairs that a byte with it may be of: as a byte of a
    /// pair all bytes count that have one of some lower halves and one of some upper ones, so both tell it.
    const fn halves(pairs: &[u8; 256]) -> [[u8; 16]; 2] {
        let mut halves = [[0; 16]; 2];
        let mut byte = 0;
        while byte < 256 {
            halves[0][byte & 15] |= pairs[byte];
            halves[1][byte >> 4] |= pairs[byte];
            byte += 1;
        }
        halves
    }

    const FIRST: [[u8; 16]; 2] = halves(&PAIRS[0]);
    const SECOND: [[u8; 16]; 2] = halves(&PAIRS[1]);

    const fn row(upper: usize) -> u8 {
        1 << (upper - 2)
    }

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
    pub fn classes(text: &[u8], blocks: Range<usize>, masks: &mut Masks) {
        let rows: [__m256i; CLASSES] = [
            table(&ROWS[0]),
            table(&ROWS[1]),
            table(&ROWS[2]),
            table(&ROWS[3]),
            table(&ROWS[4]),
            table(&ROWS[5]),
            table(&ROWS[6]),
            table(&ROWS[7]),
        ];
        let (bits, lower, none) = (table(&BITS), _mm256_set1_epi8(15), _mm256_setzero_si256());
        let equals = _mm256_set1_epi8(b'='.cast_signed());
        let pairs: [__m256i; 4] = [table(&FIRST[0]), table(&FIRST[1]), table(&SECOND[0]), table(&SECOND[1])];
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
                for (pairs, told) in PAIRS_OF.iter().zip(&mut told[CLASSES..]) {
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

    /// Does what [`gates::worth`] does.
    #[target_feature(enable = "avx2")]
    pub fn worth(masks: &Masks, blocks: usize, to: &mut Worth) {
        gates::worth(masks, blocks, to);
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
    const AHEAD: usize = 2048;

    /// Has the bytes at `at` fetched, if there are any.
    #[target_feature(enable = "avx2")]
    fn fetch(text: &[u8], at: usize) {
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
}

#[cfg(target_arch = "x86_64")]
mod with_512 {
    use std::arch::x86_64::{
        __m512i, _mm512_and_si512, _mm512_mask_blend_epi8, _mm512_maskz_permutex2var_epi8, _mm512_movepi8_mask,
        _mm512_permutex2var_epi8, _mm512_set_epi64, _mm512_set1_epi8, _mm512_test_epi8_mask,
    };
    use std::ops::Range;

    use super::super::classes::{ALL, BLOCK, CLASSES, Masks, OF_BYTE, PAIRS, PAIRS_OF};

    /// What any byte may be the second of.
    const ANY: u8 = PAIRS[1][0];

    /// Asserts that the tables need no more than the 128 bytes of ASCII.
    const _: () = {
        let mut byte = 128;
        while byte < 256 {
            assert!(OF_BYTE[byte] == 0 && PAIRS[0][byte] == 0 && PAIRS[1][byte] == ANY);
            byte += 1;
        }
    };

    #[target_feature(enable = "avx512bw,avx512vbmi")]
    fn load(block: &[u8; BLOCK]) -> __m512i {
        let (words, _) = block.as_chunks::<8>();
        let word = |nth: usize| i64::from_le_bytes(words[nth]);
        _mm512_set_epi64(word(7), word(6), word(5), word(4), word(3), word(2), word(1), word(0))
    }

    /// Fills the masks of `blocks`.
    #[target_feature(enable = "avx512bw,avx512vbmi")]
    pub fn classes(text: &[u8], blocks: Range<usize>, masks: &mut Masks) {
        let table = |of: &[u8; 256]| {
            let (parts, _) = of.as_chunks::<BLOCK>();
            (load(&parts[0]), load(&parts[1]))
        };
        let (of_byte, first, second) = (table(&OF_BYTE), table(&PAIRS[0]), table(&PAIRS[1]));
        let text = &text[..=blocks.len() * BLOCK];
        let (here, _) = text[..blocks.len() * BLOCK].as_chunks::<BLOCK>();
        let (behind, _) = text[1..].as_chunks::<BLOCK>();
        for ((here, behind), block) in here.iter().zip(behind).zip(blocks) {
            let (bytes, behind) = (load(here), load(behind));
            let ascii = !_mm512_movepi8_mask(bytes);
            let classes = _mm512_maskz_permutex2var_epi8(ascii, of_byte.0, bytes, of_byte.1);
            let first = _mm512_maskz_permutex2var_epi8(ascii, first.0, bytes, first.1);
            let second = _mm512_permutex2var_epi8(second.0, behind, second.1);
            let any = _mm512_set1_epi8(ANY.cast_signed());
            let second = _mm512_mask_blend_epi8(_mm512_movepi8_mask(behind), second, any);
            let both = _mm512_and_si512(first, second);
            let mut told = [0_u64; ALL];
            for (class, told) in told[..CLASSES].iter_mut().enumerate() {
                *told = _mm512_test_epi8_mask(classes, _mm512_set1_epi8((1_u8 << class).cast_signed()));
            }
            for (pairs, told) in PAIRS_OF.iter().zip(&mut told[CLASSES..]) {
                *told = _mm512_test_epi8_mask(both, _mm512_set1_epi8(pairs.cast_signed()));
            }
            for (mask, told) in masks.iter_mut().zip(told) {
                mask[block + 1] = told;
            }
        }
    }
}
