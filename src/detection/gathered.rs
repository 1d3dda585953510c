//! What is hashed of a record, in one piece.
//!
//! A hasher that is given a name in four parts takes four times as long over their ends as over one. So the parts
//! of a key are gathered and given to it together; the hash is that of the parts one after the other. Case and the
//! form of addresses do not tell values apart, as in what `scene` writes of them. What does not fit into 128 bytes
//! is given in several pieces.

use std::hash::Hasher;
use std::net::IpAddr;

use crate::telemetry::Value;

/// Bytes that are gathered at most.
const ROOM: usize = 128;
/// A one in each of eight bytes.
const ONES: u64 = u64::from_ne_bytes([1; 8]);

/// Gathers bytes for a hasher.
#[derive(Debug)]
pub(super) struct Gathered<H> {
    hasher: H,
    bytes: [u8; ROOM],
    len: usize,
}

impl<H: Hasher> Gathered<H> {
    /// Returns nothing yet, for `hasher`.
    pub(super) fn new(hasher: H) -> Self {
        Self { hasher, bytes: [0; ROOM], len: 0 }
    }

    /// Feeds a value, so that equal values, whatever their case, hash equal.
    #[inline]
    pub(super) fn feed(&mut self, value: Value<'_>) {
        match value {
            Value::Text(text) => {
                self.word(text.len() as u64);
                let (words, rest) = text.as_bytes().as_chunks();
                for word in words {
                    self.word(lower(u64::from_le_bytes(*word)));
                }
                let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
                self.part(lower(last), rest.len());
            }
            Value::Number(number) => self.word(number.cast_unsigned()),
            Value::Ip(ip) => match ip.to_canonical() {
                IpAddr::V4(ip) => self.part(ip.to_bits().into(), 4),
                IpAddr::V6(ip) => {
                    self.word(ip.to_bits() as u64);
                    self.word((ip.to_bits() >> 64) as u64);
                }
            },
        }
    }

    /// Feeds one byte.
    pub(super) fn byte(&mut self, byte: u8) {
        self.part(byte.into(), 1);
    }

    /// Returns the hasher, which has been given everything.
    pub(super) fn into_hasher(mut self) -> H {
        self.give();
        self.hasher
    }

    fn word(&mut self, word: u64) {
        self.part(word, 8);
    }

    /// Feeds the lower `many` bytes of `word`, eight at most.
    #[inline]
    fn part(&mut self, word: u64, many: usize) {
        if self.len > ROOM - 8 {
            self.give();
        }
        if let Some(room) = self.bytes[self.len..].first_chunk_mut() {
            *room = word.to_le_bytes();
            self.len += many;
        }
    }

    fn give(&mut self) {
        self.hasher.write(&self.bytes[..self.len]);
        self.len = 0;
    }
}

/// Returns eight bytes with the ASCII letters among them in lower case.
const fn lower(word: u64) -> u64 {
    let low = word & (0x7f * ONES);
    // In the upper bit of each byte: it is `A` or more, it is more than `Z`.
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let beyond_z = low + (0x7f - b'Z' as u64) * ONES;
    let upper = (from_a ^ beyond_z) & !word & (0x80 * ONES);
    word | upper >> 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::*;

    /// Part by part, as the hasher would be given them.
    fn plainly(values: &[Value<'_>]) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(1, 2);
        for value in values {
            match value {
                Value::Text(text) => {
                    hasher.write_u64(text.len() as u64);
                    hasher.write(text.to_ascii_lowercase().as_bytes());
                }
                Value::Number(number) => hasher.write_i64(*number),
                Value::Ip(ip) => match ip.to_canonical() {
                    IpAddr::V4(ip) => hasher.write_u32(ip.to_bits()),
                    IpAddr::V6(ip) => hasher.write_u128(ip.to_bits()),
                },
            }
        }
        hasher.finish()
    }

    #[test]
    fn every_letter_and_nothing_else_is_put_in_lower_case() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut bytes = *b"aZ@[`{\x80\xc1";
                bytes[place] = byte;
                assert_eq!(lower(u64::from_le_bytes(bytes)).to_le_bytes().as_slice(), bytes.to_ascii_lowercase());
            }
        }
    }

    proptest! {
        #[test]
        fn gathered_parts_hash_as_parts_do(
            parts in prop::collection::vec((0_u8..4, "\\PC{0,90}", any::<i64>(), any::<u128>()), 0..9),
        ) {
            let value = |(sort, text, number, bits): &(u8, String, i64, u128)| match sort {
                0 => Value::Number(*number),
                1 => Value::Ip(std::net::Ipv6Addr::from(*bits).into()),
                2 => Value::Ip(std::net::Ipv4Addr::from(*bits as u32).into()),
                _ => Value::Text(text.clone().leak()),
            };
            let values: Vec<Value<'_>> = parts.iter().map(value).collect();
            let mut gathered = Gathered::new(SipHasher13::new_with_keys(1, 2));
            for value in &values {
                gathered.feed(*value);
            }
            prop_assert_eq!(gathered.into_hasher().finish(), plainly(&values));
        }
    }
}
