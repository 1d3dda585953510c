//! Where do the members stand of an object that is written as nearly all are?
//!
//! A key, a colon, a string or a whole number or a word, a comma, at most one space between two: such
//! members are read by steps from quote to quote, many in one go, and what they are called is asked later.
//! Of what is written otherwise nothing is read here; [`Cursor`] knows all the rest. At most [`AT_ONCE`]
//! members are kept at a time.

use super::cursor::{Cursor, Shape, Value};
use super::marks::next;
use super::next::digits;

/// How many members are read in one go.
pub(super) const AT_ONCE: usize = 32;

/// A member, its key as it stands.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// Where its key begins.
    pub(super) start: u32,
    /// Where its key ends.
    pub(super) end: u32,
    pub(super) value: Value,
}

/// Where the cursor stands after plain members.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// At a key.
    AtKey,
    /// Behind a value, and not before a key.
    BehindValue,
}

impl Cursor<'_> {
    /// Reads plain members from the key at the cursor on; gives them to `found`, which is empty and has room
    /// for [`AT_ONCE`].
    pub(super) fn plain_members(&mut self, found: &mut bumpalo::collections::Vec<'_, Member>) -> Stands {
        if self.quoted {
            return self.quoted_members(found);
        }
        let bytes = self.bytes;
        let Some(&quote @ (b'"' | b'\'')) = bytes.get(self.at) else { return Stands::AtKey };
        let bits = self.marks.bits(quote);
        // How a key ends before a string, and a string before a key.
        let [to_value, to_key] = [b':', b','].map(|between| u32::from_le_bytes([quote, between, quote, 0]));
        let mut at = self.at as u32;
        while found.len() < AT_ONCE {
            let start = at + 1;
            let Some((end, behind)) = stop(bytes, bits, start) else { break };
            let value = if behind & 0xff_ffff == to_value {
                let from = end + 3;
                let Some((to, behind)) = stop(bytes, bits, from) else { break };
                let value = Value::string(from as usize, to as usize, quote);
                if behind & 0xff_ffff == to_key {
                    found.push(Member { start, end, value });
                    at = to + 2;
                    continue;
                }
                if behind & 0xff != u32::from(quote) {
                    break;
                }
                value
            } else {
                let Some(value) = self.plain_value(end as usize, quote) else { break };
                value
            };
            let behind = value.end + u32::from(value.shape == Shape::String);
            let Some(next) = four(bytes, behind) else { break };
            at = match next.to_le_bytes() {
                [b',', this, ..] if this == quote => behind + 1,
                [b',', b' ', this, ..] if this == quote => behind + 2,
                [b',' | b'}', ..] => {
                    found.push(Member { start, end, value });
                    self.at = behind as usize;
                    return Stands::BehindValue;
                }
                _ => break,
            };
            found.push(Member { start, end, value });
        }
        self.at = at as usize;
        Stands::AtKey
    }

    /// Returns the value behind the key that ends at `end` in such a quote, if it is plain; of a scalar, what
    /// comes behind it must be looked at.
    fn plain_value(&self, end: usize, quote: u8) -> Option<Value> {
        let bytes = self.bytes;
        let [this, b':', one, two] = four(bytes, end as u32)?.to_le_bytes() else { return None };
        let spaced = usize::from(one == b' ');
        let (opens, at) = (if spaced == 1 { two } else { one }, end + 2 + spaced);
        if this != quote {
            return None;
        }
        if matches!(opens, b'"' | b'\'') {
            let end = self.mark(at + 1, opens)?;
            return (bytes.get(end) == Some(&opens)).then(|| Value::string(at + 1, end, opens));
        }
        scalar(bytes, at, opens)
    }

    /// Does so where each quote is written `\"`: a string may have escapes in it.
    fn quoted_members(&mut self, found: &mut bumpalo::collections::Vec<'_, Member>) -> Stands {
        let (bytes, bits) = (self.bytes, self.marks.bits(b'"'));
        while found.len() < AT_ONCE && bytes.get(self.at..).is_some_and(|rest| rest.starts_with(b"\\\"")) {
            let start = self.at + 2;
            let Some((end, _)) = stop(bytes, bits, start as u32) else { break };
            let Some(&[b'\\', b'"', b':', opens]) = bytes.get(end as usize..).and_then(|rest| rest.first_chunk()) else {
                break;
            };
            let (before, at) = (self.at, end as usize + 3);
            let value = if opens == b'\\' {
                self.at = at;
                self.quoted_string().ok()
            } else {
                scalar(bytes, at, opens)
            };
            let Some(value) = value else {
                self.at = before;
                break;
            };
            let behind = value.end as usize + if value.shape == Shape::String { 2 } else { 0 };
            match bytes.get(behind..).and_then(|rest| rest.first_chunk()) {
                Some(b",\\\"") => self.at = behind + 1,
                Some([b'}', ..]) => {
                    found.push(Member { start: start as u32, end, value });
                    self.at = behind;
                    return Stands::BehindValue;
                }
                _ => {
                    self.at = before;
                    break;
                }
            }
            found.push(Member { start: start as u32, end, value });
        }
        Stands::AtKey
    }
}

/// Returns the number or word at `at`, which begins with `opens`.
fn scalar(bytes: &[u8], at: usize, opens: u8) -> Option<Value> {
    let (length, shape) = match opens {
        b'0'..=b'9' => (digits(bytes, at), Shape::Scalar),
        b't' if bytes.get(at..)?.starts_with(b"true") => (4, Shape::Scalar),
        b'f' if bytes.get(at..)?.starts_with(b"false") => (5, Shape::Scalar),
        b'n' if bytes.get(at..)?.starts_with(b"null") => (4, Shape::Null),
        _ => return None,
    };
    Some(Value { start: at as u32, end: (at + length) as u32, shape, escaped: false, single: false })
}

/// Returns the first marked place from `from` on, and the four bytes there.
#[inline]
fn stop(bytes: &[u8], bits: &[u8], from: u32) -> Option<(u32, u32)> {
    let place = next(bits, from)?;
    Some((place, four(bytes, place)?))
}

/// Returns the four bytes at `at`.
#[inline]
fn four(bytes: &[u8], at: u32) -> Option<u32> {
    let at = at as usize;
    bytes.get(at..at + 4).and_then(|four| four.first_chunk()).map(|four| u32::from_le_bytes(*four))
}
