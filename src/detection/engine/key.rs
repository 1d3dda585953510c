//! The key of an entity's state: a keyed hash already, so nothing hashes it again.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A keyed hash of a detector's `by` values. Two halves, so that it aligns to 8 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(u64, u64);

impl From<u128> for Key {
    fn from(key: u128) -> Self {
        Self((key >> 64) as u64, key as u64)
    }
}

impl From<Key> for u128 {
    fn from(key: Key) -> Self {
        Self::from(key.0) << 64 | Self::from(key.1)
    }
}

impl Key {
    /// Returns both halves as one that tells keys apart in all its bits: of a value's key only the lower half
    /// differs, and of one shard's values not even its last byte.
    pub const fn mixed(self) -> u64 {
        let mixed = (self.0 ^ self.1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 32
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0 ^ self.1);
    }
}

/// Hashes a [`Key`] by taking it as it is.
pub type KeyHash = BuildHasherDefault<AsItIs>;

/// The hasher behind [`KeyHash`].
#[derive(Clone, Copy, Debug, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u16(&mut self, detector: u16) {
        self.0 = u64::from(detector);
    }

    fn write_u64(&mut self, half: u64) {
        self.0 ^= half;
    }
}
