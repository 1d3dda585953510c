//! Where do the members stand of an object that is written as nearly all are?
//!
//! A key, a colon, a string or a whole number or a word, a comma, at most one space between two: such
//! members are read by steps from quote to quote. What is written otherwise is not read here; [`Cursor`] knows
//! all the rest. Nothing is kept.

use super::cursor::{Cursor, Shape, Value};
use super::marks::next;
use super::members::{Members, Name};
use super::next::digits;

/// Where the cursor stands after plain members.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// At a key.
    AtKey,
    /// Behind a value, and not before a key.
    BehindValue,
}

impl<'s, N: Name> Members<'s, N> {
    /// Reads plain members from the key at the cursor on.
    pub(super) fn read_plain(&mut self, cursor: &mut Cursor<'s>) -> Stands {
        if cursor.quoted {
            return self.read_quoted(cursor);
        }
        let bytes = cursor.bytes;
        let Some(&quote @ (b'"' | b'\'')) = bytes.get(cursor.at) else { return Stands::AtKey };
        let bits = cursor.marks.bits(quote);
        // How a key ends before a string, and a string before a key.
        let [to_value, to_key] = [b':', b','].map(|between| u32::from_le_bytes([quote, between, quote, 0]));
        let mut at = cursor.at as u32;
        loop {
            let start = at + 1;
            let Some((end, behind)) = stop(bytes, bits, start) else { break };
            let (value, next) = if behind & 0xff_ffff == to_value {
                let from = end + 3;
                let Some((to, behind)) = stop(bytes, bits, from) else { break };
                let next = if behind & 0xff_ffff == to_key { Some(Ok(to + 2)) } else { after(bytes, to + 1, quote) };
                if behind & 0xff != u32::from(quote) {
                    break;
                }
                (Value::string(from as usize, to as usize, quote), next)
            } else {
                let Some(value) = cursor.plain_value(end, quote) else { break };
                (value, after(bytes, value.end + u32::from(value.shape == Shape::String), quote))
            };
            let Some(next) = next else { break };
            if let Some(name) = bytes.get(start as usize..end as usize).and_then(N::of) {
                self.keep(name, value);
            }
            match next {
                Ok(key) => at = key,
                Err(behind) => {
                    cursor.at = behind as usize;
                    return Stands::BehindValue;
                }
            }
        }
        cursor.at = at as usize;
        Stands::AtKey
    }

    /// Does so where each quote is written `\"`: a string may have escapes in it.
    fn read_quoted(&mut self, cursor: &mut Cursor<'s>) -> Stands {
        let (bytes, bits) = (cursor.bytes, cursor.marks.bits(b'"'));
        while bytes.get(cursor.at..).is_some_and(|rest| rest.starts_with(b"\\\"")) {
            let (before, start) = (cursor.at, cursor.at as u32 + 2);
            let Some((end, behind)) = stop(bytes, bits, start) else { break };
            if behind & 0xff_ffff != u32::from_le_bytes(*b"\\\":\0") {
                break;
            }
            let (at, opens) = (end as usize + 3, behind.to_le_bytes()[3]);
            let value = if opens == b'\\' {
                cursor.at = at;
                cursor.quoted_string().ok()
            } else {
                scalar(bytes, at, opens)
            };
            cursor.at = before;
            let Some(value) = value else { break };
            let behind = value.end as usize + if value.shape == Shape::String { 2 } else { 0 };
            let (next, stands) = match bytes.get(behind..).and_then(|rest| rest.first_chunk()) {
                Some(b",\\\"") => (behind + 1, Stands::AtKey),
                Some([b'}', ..]) => (behind, Stands::BehindValue),
                _ => break,
            };
            if let Some(name) = bytes.get(start as usize..end as usize).and_then(N::of) {
                self.keep(name, value);
            }
            cursor.at = next;
            if stands == Stands::BehindValue {
                return stands;
            }
        }
        Stands::AtKey
    }
}

impl Cursor<'_> {
    /// Returns the value behind the key that ends at `end` in such a quote, if it is plain; of a scalar, what
    /// comes behind it must be looked at.
    fn plain_value(&self, end: u32, quote: u8) -> Option<Value> {
        let bytes = self.bytes;
        let [this, b':', one, two] = four(bytes, end)?.to_le_bytes() else { return None };
        let spaced = usize::from(one == b' ');
        let (opens, at) = (if spaced == 1 { two } else { one }, end as usize + 2 + spaced);
        if this != quote {
            return None;
        }
        if matches!(opens, b'"' | b'\'') {
            let end = self.mark(at + 1, opens)?;
            return (bytes.get(end) == Some(&opens)).then(|| Value::string(at + 1, end, opens));
        }
        scalar(bytes, at, opens)
    }
}

/// Returns where the next key stands, whose quote is such, if one does behind the value that ends before
/// `behind`; as an error `behind`, if the object ends there or the key is written otherwise.
#[inline]
fn after(bytes: &[u8], behind: u32, quote: u8) -> Option<Result<u32, u32>> {
    match four(bytes, behind)?.to_le_bytes() {
        [b',', this, ..] if this == quote => Some(Ok(behind + 1)),
        [b',', b' ', this, ..] if this == quote => Some(Ok(behind + 2)),
        [b',' | b'}', ..] => Some(Err(behind)),
        _ => None,
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
