//! In which buckets of words does a byte stand, at each of four places?

/// How many bytes of a word count.
pub const FOUR: usize = 4;
/// How many buckets are told of by one byte.
pub const EIGHT: usize = 8;

/// Sixteen buckets: for both eights of them, each of [`FOUR`] places and each lower seven bits of a byte, in which of
/// the eight some word has such a byte there, a bit a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair(pub(super) [[[u8; 128]; FOUR]; 2]);

impl Default for Pair {
    fn default() -> Self {
        Self([[[0; 128]; FOUR]; 2])
    }
}

impl Pair {
    /// Puts `byte` at `place` of a word of `bucket`.
    ///
    /// # Panics
    ///
    /// Panics if there are no sixteen buckets, or no four places, that reach as far.
    pub const fn put(&mut self, bucket: usize, place: usize, byte: u8) {
        self.0[bucket / EIGHT][place][(byte & 127) as usize] |= 1 << (bucket % EIGHT);
    }

    /// Tells whether some bucket has each of these bytes at its place.
    #[inline]
    pub fn holds(&self, bytes: [u8; FOUR]) -> bool {
        self.0.iter().any(|eight| {
            eight.iter().zip(bytes).fold(u8::MAX, |all, (of, byte)| all & of[usize::from(byte & 127)]) != 0
        })
    }
}
