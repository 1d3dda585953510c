//! Where do the members stand of an object that is written as nearly all are?
//!
//! A key, a colon, a string or a whole number or a word, a comma, at most one space between two: such
//! members are read by steps from quote to quote. What is written otherwise is not read here; [`Cursor`] knows
//! all the rest. Nothing is kept.

use std::ops::Range;

use super::cursor::{Cursor, Shape, Value};
use super::eight::digits;
use super::marks::{Marks, first, next};
use super::members::{Members, Name};

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
            let value = if behind & 0xff_ffff == to_value {
                let from = end + 3;
                let Some((to, behind)) = stop(bytes, bits, from) else { break };
                let value = Value::string(from as usize, to as usize, quote);
                if behind & 0xff_ffff == to_key {
                    self.take(bytes, start..end, value);
                    at = to + 2;
                    continue;
                }
                if behind & 0xff != u32::from(quote) {
                    break;
                }
                value
            } else {
                let Some(value) = other(bytes, &cursor.marks, end, quote) else { break };
                value
            };
            let behind = value.end + u32::from(value.shape == Shape::String);
            match four(bytes, behind).map(u32::to_le_bytes) {
                Some([b',', this, ..]) if this == quote => at = behind + 1,
                Some([b',', b' ', this, ..]) if this == quote => at = behind + 2,
                Some([b',' | b'}', ..]) => {
                    self.take(bytes, start..end, value);
                    cursor.at = behind as usize;
                    return Stands::BehindValue;
                }
                _ => break,
            }
            self.take(bytes, start..end, value);
        }
        cursor.at = at as usize;
        Stands::AtKey
    }

    /// Keeps the value of the member whose key stands there, if it is wanted.
    #[expect(clippy::inline_always, reason = "each key is looked up while the next one is sought")]
    #[inline(always)]
    fn take(&mut self, bytes: &[u8], key: Range<u32>, value: Value) {
        if let Some(name) = bytes.get(key.start as usize..key.end as usize).and_then(N::of) {
            self.keep(name, value);
        }
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
            self.take(bytes, start..end, value);
            cursor.at = next;
            if stands == Stands::BehindValue {
                return stands;
            }
        }
        Stands::AtKey
    }
}

/// Returns the value behind the key that ends at `end` in such a quote, if it is plain and no string right behind
/// a colon and in the same quotes; of a scalar, what comes behind it must be looked at.
#[expect(clippy::inline_always, reason = "a value that is returned through memory is read again before it is written")]
#[inline(always)]
fn other(bytes: &[u8], marks: &Marks<'_>, end: u32, quote: u8) -> Option<Value> {
    let [this, b':', one, two] = four(bytes, end)?.to_le_bytes() else { return None };
    let spaced = u32::from(one == b' ');
    let (opens, at) = (if spaced == 1 { two } else { one }, end + 2 + spaced);
    if this != quote {
        return None;
    }
    if matches!(opens, b'"' | b'\'') {
        let end = first(marks.bits(opens), at as usize + 1, bytes.len())?;
        return (bytes.get(end) == Some(&opens)).then(|| Value::string(at as usize + 1, end, opens));
    }
    scalar(bytes, at as usize, opens)
}

/// Returns the whole number or the word at `at`, which begins with `opens`.
#[inline]
fn scalar(bytes: &[u8], at: usize, opens: u8) -> Option<Value> {
    let length = if opens.is_ascii_digit() { digits(bytes, at) } else { word(bytes, at, opens)? };
    let shape = if opens == b'n' { Shape::Null } else { Shape::Scalar };
    Some(Value { start: at as u32, end: (at + length) as u32, shape, escaped: false, single: false })
}

/// Returns the length of the word at `at`.
#[inline(never)]
fn word(bytes: &[u8], at: usize, opens: u8) -> Option<usize> {
    let word: &[u8] = match opens {
        b't' => b"true",
        b'f' => b"false",
        b'n' => b"null",
        _ => return None,
    };
    bytes.get(at..)?.starts_with(word).then_some(word.len())
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

#[cfg(test)]
mod tests {
    use bumpalo::Bump;
    use proptest::prelude::*;

    use super::super::cursor::Fault;
    use super::super::doc::Doc;
    use super::super::vocabulary::Property;
    use super::*;

    /// What a way of reading an object comes to: how, where, and each member that is wanted.
    type Told = (Result<(), Fault>, usize, Vec<Option<(u32, u32, Shape, bool, bool)>>);

    fn told<'s>(
        doc: Doc<'s>,
        at: usize,
        read: impl Fn(&mut Members<'s, Property>, &mut Cursor<'s>) -> Result<(), Fault>,
    ) -> Told {
        let (mut members, mut cursor) = (Members::new(doc), doc.cursor(at));
        let how = read(&mut members, &mut cursor);
        let get = |name| {
            let found: Option<Value> = members.get(name);
            found.map(|value| (value.start, value.end, value.shape, value.escaped, value.single))
        };
        let names =
            [Property::AppName, Property::Message, Property::Level, Property::FunctionInvocationId, Property::Id];
        (how, cursor.at, names.map(get).to_vec())
    }

    fn value() -> impl Strategy<Value = String> {
        let plain = "\"[a-z' é:,{}]{0,6}\"|\"[a-z]{60,200}\"|[0-9]{1,12}|true|false|null";
        let other = r#"'[a-z"]{0,3}'|"([a-z]|\\["\\/nu']){0,5}"|-1|1\.5|2e3|tru|\{"id":7\}|\[1,"x"\]|"-?-?"|"|"#;
        prop_oneof![3 => plain, 1 => other]
    }

    fn object() -> impl Strategy<Value = String> {
        let key = prop_oneof![
            Just("appName"),
            Just("message"),
            Just("LEVEL"),
            Just("functionInvocationId"),
            Just("id"),
            Just("x"),
            Just(""),
            Just("ap\\u0070Name")
        ];
        let between = |usual: &'static str, other: &'static str| prop_oneof![9 => Just(usual.to_owned()), 1 => other];
        let member = (key, between(":", ": | :|"), value(), between(",", ", | ,|,\n|,,|"));
        prop::collection::vec(member, 0..12).prop_map(|members| {
            let inside = members.iter().map(|(key, colon, value, comma)| format!("\"{key}\"{colon}{value}{comma}"));
            let inside: String = inside.collect();
            format!("{{{}}}", inside.trim_end_matches(','))
        })
    }

    proptest! {
        #[test]
        fn members_read_in_one_go_are_those_read_one_by_one(object in object(), single in any::<bool>(), cut in 0..4_usize, at in 0..400_usize) {
            let object = if single { object.replace('"', "'") } else { object };
            let most = if cut == 0 { at.min(object.len()) } else { object.len() };
            let text = object.get(..most).unwrap_or(&object).to_owned() + if cut == 1 { ",\"id\":\"behind\"}" } else { "" };
            let arena = Bump::new();
            let doc = Doc::message(&text, &arena);
            let one_by_one = told(doc, 0, |members, cursor| members.read_row(cursor, 1));
            prop_assert_eq!(told(doc, 0, |members, cursor| members.read(cursor, 1)), one_by_one);
            // The same in a string, with each quote written `\"`.
            let whole = format!("{{\"properties\":{}}}", serde_json::to_string(&text).unwrap());
            let doc = Doc::message(&whole, &arena).in_place().unwrap();
            let one_by_one = told(doc, 15, |members, cursor| members.read_row(cursor, 1));
            prop_assert_eq!(told(doc, 15, |members, cursor| members.read(cursor, 1)), one_by_one);
        }
    }
}
