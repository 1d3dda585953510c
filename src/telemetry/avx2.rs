//! What is done many bytes at a time?
//!
//! For the redactor's scan it tells the classes of characters (`classes`), and what is worth a look by them
//! (`widely`); it tells and lists the places where a word may stand (`grams`). For decoding it tells where
//! strings may end (`marks`). Each is done 64 bytes at a time where the processor has AVX-512, else 32, but for
//! the places: they are looked up one by one, which wider registers only make slower. It stands here because
//! both may import this room. The calls are this program's only `unsafe`: all they need is that the processor
//! has what they are compiled for, which is asked right before. On telemetry of 1 KB a record the classes take
//! 0.07 µs a record, 32 bytes at a time 0.12 µs; what is worth a look 0.02 µs, plainly 0.15; the places 0.13 µs,
//! and before the text was fetched ahead 0.19. Tests beside the plain ways compare them on any bytes, by the
//! ways that the processor has.

mod of_byte;

use std::ops::Range;

pub use of_byte::Classes;

/// Bytes that are told of together.
pub const BLOCK: usize = 64;
/// The most blocks that are told of before any of them is looked at: they stay in the first cache.
pub const TOGETHER: usize = 64;
/// How many classes of characters there are.
pub const CLASSES: usize = 8;
/// How many classes there are of characters and pairs.
pub const ALL: usize = CLASSES + 3;
/// The class of `=` alone.
pub const EQUALS: usize = 7;

/// For each class 64 bits a block: whether the byte at that place is of it. The first is of the block before.
pub type Masks = [[u64; TOGETHER + 1]; ALL];

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
pub fn classes(of: &Classes, text: &[u8], blocks: Range<usize>, masks: &mut Masks) -> bool {
    #[cfg(target_arch = "x86_64")]
    if has_512() {
        #[expect(unsafe_code, reason = "the processor has what was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but what was asked.
        unsafe {
            with_512::classes(of, text, blocks, masks);
        }
        return true;
    }
    narrow_classes(of, text, blocks, masks)
}

/// Tells whether the processor has what 64 bytes at a time take.
#[cfg(target_arch = "x86_64")]
#[inline]
fn has_512() -> bool {
    is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vbmi")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("popcnt")
}

/// Does so 32 bytes at a time.
#[inline]
pub fn narrow_classes(of: &Classes, text: &[u8], blocks: Range<usize>, masks: &mut Masks) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has AVX2, as was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but AVX2.
        unsafe {
            with::classes(of, text, blocks, masks);
        }
        return true;
    }
    let _ = (of, text, blocks, masks);
    false
}

/// Work that is compiled anew for what the processor can. Its method must always be inlined, and so must all that
/// it calls; a closure or a function that is handed on would not be, and would be compiled as ever.
pub trait Wide {
    /// Does it.
    fn work(self);
}

/// Does `work`, as widely as the processor can.
#[inline]
pub fn widely(work: impl Wide) {
    #[cfg(target_arch = "x86_64")]
    if has_512() {
        #[expect(unsafe_code, reason = "the processor has what was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but what was asked.
        unsafe {
            with_512::widely(work);
        }
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has AVX2, as was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but AVX2.
        unsafe {
            with::widely(work);
        }
        return;
    }
    work.work();
}

/// Fills, for each of `blocks`, 64 bits of `double`: which of its bytes are `"` or a backslash; and of
/// `single`: which are `'` or a backslash. Returns `false`, nothing done, if the processor can't.
#[inline]
pub fn marks(blocks: &[[u8; BLOCK]], double: &mut [[u8; 8]], single: &mut [[u8; 8]]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if has_512() {
        #[expect(unsafe_code, reason = "the processor has what was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but what was asked.
        unsafe {
            with_512::marks(blocks, double, single);
        }
        return true;
    }
    narrow_marks(blocks, double, single)
}

/// Does so 32 bytes at a time.
#[inline]
pub fn narrow_marks(blocks: &[[u8; BLOCK]], double: &mut [[u8; 8]], single: &mut [[u8; 8]]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has AVX2, as was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but AVX2.
        unsafe {
            with::marks(blocks, double, single);
        }
        return true;
    }
    let _ = (blocks, double, single);
    false
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

/// How many places are listed at once.
pub const AT_ONCE: usize = 32;

/// Puts the place of each bit of `masks`, 64 bits a block, into `places`, ascending; returns how many there are, or
/// `None`, nothing done, if the processor can't.
///
/// # Panics
///
/// Panics if `places` has not room for [`AT_ONCE`] more than there are.
#[inline]
pub fn listed(masks: &[u64], places: &mut [u16]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if has_512() {
        #[expect(unsafe_code, reason = "the processor has what was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but what was asked.
        return Some(unsafe { with_512::listed(masks, places) });
    }
    let _ = (masks, places);
    None
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
mod with_512;
