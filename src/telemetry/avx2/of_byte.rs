//! Of which classes is a byte? As tables that the processor can look up many bytes in at a time.

use super::{ALL, CLASSES};

/// Which classes there are.
#[derive(Debug)]
pub struct Classes {
    /// Of each byte, as bits; beyond ASCII there are none.
    pub of_byte: [u8; 256],
    /// Of which pairs each byte is the first, and the second, a bit a pair.
    pub pairs: [[u8; 256]; 2],
    /// Of which pairs each of the classes behind the [`CLASSES`] is.
    pub of_pairs: [u8; ALL - CLASSES],
    /// For each class, and each lower half of a byte, the rows: a byte's upper half tells a row of ASCII,
    /// as one bit of six; its lower half tells, for each class, in which rows the character is of it.
    pub(super) rows: [[u8; 16]; CLASSES],
    /// Of each half of a byte, lower and upper, the pairs that a byte with it may be the first of, and the
    /// second: as a byte of a pair all bytes count that have one of some lower halves and one of some upper
    /// ones, so both tell it.
    pub(super) halves: [[[u8; 16]; 2]; 2],
}

impl Classes {
    /// Returns the classes of these bytes and pairs.
    ///
    /// # Panics
    ///
    /// Panics if they need more than the 128 bytes of ASCII, but for what any byte may be the second of.
    pub const fn new(of_byte: [u8; 256], pairs: [[u8; 256]; 2], of_pairs: [u8; ALL - CLASSES]) -> Self {
        let mut byte = 128;
        while byte < 256 {
            assert!(of_byte[byte] == 0 && pairs[0][byte] == 0 && pairs[1][byte] == pairs[1][0]);
            byte += 1;
        }
        let mut rows = [[0; 16]; CLASSES];
        let mut byte = 0x20;
        while byte < 0x80 {
            let mut class = 0;
            while class < CLASSES {
                if of_byte[byte] >> class & 1 == 1 {
                    rows[class][byte & 15] |= row(byte >> 4);
                }
                class += 1;
            }
            byte += 1;
        }
        let halves = [halves(&pairs[0]), halves(&pairs[1])];
        Self { of_byte, pairs, of_pairs, rows, halves }
    }
}

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

/// Returns the bit of a row.
pub(super) const fn row(upper: usize) -> u8 {
    1 << (upper - 2)
}
