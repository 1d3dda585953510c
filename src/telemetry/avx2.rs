//! What is done many bytes at a time?
//!
//! For the redactor's scan it tells the classes of characters (`classes`), and what is worth a look by them
//! (`widely`); it tells and lists the places where a word may stand, by buckets of words or by a bitmap (`grams`). For
//! decoding it tells where strings may end (`marks`). Each is done 64 bytes at a time where the processor has AVX-512,
//! else 32. The buckets are for AVX-512 alone, and the bitmap for all others and where the words are too many: there
//! places are looked up one by one, which wider registers only make slower. It stands here because
//! both may import this room. The calls are this program's only `unsafe`: all they need is that the processor
//! has what they are compiled for, which is asked right before. On telemetry of 1 KB a record the classes take
//! 0.07 µs a record, 32 bytes at a time 0.12 µs; what is worth a look 0.02 µs, plainly 0.15; the places 0.14 µs by
//! buckets and 0.18 by the bitmap. Tests beside the plain ways compare them on any bytes, by the
//! ways that the processor has. Miri has not run them: it comes with nightly toolchains alone, and this one is stable.

mod buckets;
mod of_byte;

use std::ops::Range;

pub use buckets::{FOUR, Pair};
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
            with_256::classes(of, text, blocks, masks);
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
            with_256::widely(work);
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
            with_256::marks(blocks, double, single);
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
            with_256::places(text, bits, masks);
        }
        return true;
    }
    let _ = (text, bits, masks);
    false
}

/// Sets in `masks`, one for each 64 bytes of `text`, the bit of each place whose four bytes may be a word's of a bucket
/// of these `pairs`; returns `false`, nothing done, if the processor can't.
///
/// # Panics
///
/// Panics if `text` does not reach three bytes beyond the last of them.
#[inline]
pub fn bucketed(text: &[u8], pairs: &[Pair], masks: &mut [u64]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if has_512() {
        #[expect(unsafe_code, reason = "the processor has what was just asked; the head says what it saves")]
        // SAFETY: the function asks for nothing but what was asked.
        unsafe {
            with_512::bucketed(text, pairs, masks);
        }
        return true;
    }
    let _ = (text, pairs, masks);
    false
}

/// Tells whether [`bucketed`] can be done.
pub fn has_buckets() -> bool {
    #[cfg(target_arch = "x86_64")]
    if has_512() {
        return true;
    }
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
mod with_256;
#[cfg(target_arch = "x86_64")]
mod with_512;
