//! What does a value say, and where in the message does it say so?
//!
//! A [`Doc`] is a JSON text: the message itself, or one that stood in a string of it. For the
//! second kind it keeps one step for each escape that was undone, so that every offset leads back
//! to the raw bytes; a [`Piece`] is a value of a doc, of which parts can be taken.

use std::ops::{Deref, Range};

use bumpalo::Bump;
use bumpalo::collections::{String, Vec};
use memchr::memchr;

use crate::telemetry::{Layers, Text};

use super::cursor::{Cursor, Shape, Value};
use super::eight::plain_bytes;
use super::marks::{Marks, first};

/// A JSON text and the way back to the raw message. It lives in the arena, for it is handed on with every
/// object and value.
#[derive(Clone, Copy)]
pub(super) struct Doc<'s>(&'s Source<'s>);

/// What a [`Doc`] is.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    /// The text.
    pub(super) text: &'s str,
    /// Where unescaped texts live.
    pub(super) arena: &'s Bump,
    /// Where in the text it begins.
    pub(super) begin: u32,
    /// Where in the message the text begins.
    start: u32,
    marks: Marks<'s>,
    steps: &'s [Step],
    layers: Layers,
    /// Whether each quote is written `\"`: a text in a string, read in place.
    quoted: bool,
}

impl<'s> Deref for Doc<'s> {
    type Target = Source<'s>;

    #[inline]
    fn deref(&self) -> &Source<'s> {
        self.0
    }
}

/// From offset `at` of the text on, the raw bytes lie `grown` further on than the text's.
#[derive(Clone, Copy)]
struct Step {
    at: u32,
    grown: u32,
}

/// A value of a doc that is a text.
#[derive(Clone, Copy)]
pub(super) struct Piece<'s> {
    /// The text, unescaped.
    pub(super) value: &'s str,
    doc: Doc<'s>,
    from: Value,
}

impl<'s> Doc<'s> {
    /// Returns the doc that is the message itself.
    pub(super) fn message(text: &'s str, arena: &'s Bump) -> Self {
        let marks = Marks::of(text, arena);
        let source = Source { text, arena, begin: 0, start: 0, marks, steps: &[], layers: Layers(1), quoted: false };
        Self(arena.alloc(source))
    }

    /// Returns a cursor over the doc that stands at byte `at`.
    pub(super) fn cursor(self, at: usize) -> Cursor<'s> {
        Cursor::new(self.text, at, &self.marks, self.quoted)
    }

    /// Returns the bytes of `value` as they stand in this doc.
    #[inline]
    pub(super) fn raw(self, value: Value) -> &'s str {
        self.text.get(value.start as usize..value.end as usize).unwrap_or_default()
    }

    /// Returns [`Doc::raw`] without asking whether it is whole characters.
    #[inline]
    pub(super) fn bytes(self, value: Value) -> &'s [u8] {
        self.text.as_bytes().get(value.start as usize..value.end as usize).unwrap_or_default()
    }

    /// Returns what `value` says: a string unescaped, anything else as it stands.
    #[inline]
    pub(super) fn says(self, value: Value) -> &'s str {
        if value.escaped { self.unescaped(value) } else { self.raw(value) }
    }

    #[inline(never)]
    fn unescaped(self, value: Value) -> &'s str {
        let raw = self.raw(value);
        let slashes = if self.quoted { self.slashes(value) } else { None };
        slashes.unwrap_or_else(|| unescape(self.once(raw), value.single, self.arena, |_, _| {}))
    }

    /// Returns what the string `value` says in which nothing is escaped but slashes, twice: Linux hosts write
    /// every `/` so.
    fn slashes(self, value: Value) -> Option<&'s str> {
        let mut out = String::with_capacity_in((value.end - value.start) as usize, self.arena);
        let (mut from, end) = (value.start as usize, value.end as usize);
        while let Some(at) = first(self.marks.bits(b'"'), from, end) {
            let rest = self.text.get(at..end)?;
            out.push_str(self.text.get(from..at)?);
            rest.starts_with("\\\\/").then(|| from = at + 2)?;
        }
        out.push_str(self.text.get(from..end)?);
        Some(out.into_bump_str())
    }

    /// Returns `raw` as JSON text: without the escapes of the string it stands in, if it does.
    fn once(self, raw: &'s str) -> &'s str {
        if self.quoted { unescape(raw, false, self.arena, |_, _| {}) } else { raw }
    }

    /// Returns the offset in `value` as it stands of offset `wanted` of what it says.
    fn reach(self, value: Value, wanted: usize) -> usize {
        let raw = self.raw(value);
        let once = reach(self.once(raw), value.single, wanted);
        if self.quoted { reach(raw, false, once) } else { once }
    }

    /// Returns `value` with its place in the message.
    #[inline]
    pub(super) fn text(self, value: Value) -> Text<'s> {
        Text { value: self.says(value), start: self.back(value.start), end: self.back(value.end), layers: self.layers }
    }

    /// Returns `value` such that parts can be taken of it.
    #[inline]
    pub(super) fn piece(self, value: Value) -> Piece<'s> {
        Piece { value: self.says(value), doc: self, from: value }
    }

    /// Tells whether `value` says nothing: null, an empty string, `-` or `--`.
    #[inline(never)]
    pub(super) fn is_absent(self, value: Value) -> bool {
        match value.shape {
            Shape::Null => true,
            Shape::String if value.end - value.start > 2 => false,
            Shape::String => matches!(self.bytes(value), b"" | b"-" | b"--"),
            _ => false,
        }
    }

    /// Returns the doc that stands in the string `value`; `None` in a doc that stood in a string
    /// itself, for Azure writes no third layer.
    pub(super) fn nested(self, value: Value) -> Option<Self> {
        if self.layers != Layers(1) {
            return None;
        }
        if !value.escaped {
            // Read where it stands: what comes before it is not looked at.
            let text = self.text.get(..value.end as usize)?;
            let nested = Source { text, begin: value.start, layers: Layers(2), ..*self.0 };
            return Some(Self(self.arena.alloc(nested)));
        }
        let raw = self.raw(value);
        // One step an escape, of which a text of this length seldom has more.
        let mut steps = Vec::with_capacity_in(raw.len() / 8, self.arena);
        let mut grown = 0;
        let text = unescape(raw, value.single, self.arena, |at, saved| {
            grown += saved;
            steps.push(Step { at, grown });
        });
        let (marks, steps) = (Marks::of(text, self.arena), steps.into_bump_slice());
        let nested = Source { text, begin: 0, start: value.start, marks, steps, layers: Layers(2), ..*self.0 };
        Some(Self(self.arena.alloc(nested)))
    }

    /// Returns the doc in which a string of this one is read as it stands, as JSON whose quotes are
    /// written `\"`: its reader gives up where an escape may be a quote. `None` where [`Doc::nested`] says
    /// none.
    pub(super) fn in_place(self) -> Option<Self> {
        let first = self.layers == Layers(1);
        first.then(|| Self(self.arena.alloc(Source { layers: Layers(2), quoted: true, ..*self.0 })))
    }

    /// Returns where offset `at` of this doc lies in the message.
    #[inline]
    fn back(self, at: u32) -> u32 {
        if self.steps.is_empty() { self.start + at } else { self.far_back(at) }
    }

    #[inline(never)]
    fn far_back(self, at: u32) -> u32 {
        let passed = self.steps.partition_point(|step| step.at <= at);
        self.start + at + passed.checked_sub(1).and_then(|last| self.steps.get(last)).map_or(0, |step| step.grown)
    }
}

impl<'s> Piece<'s> {
    /// Returns the whole piece.
    #[inline]
    pub(super) fn whole(&self) -> Text<'s> {
        let (start, end) = (self.doc.back(self.from.start), self.doc.back(self.from.end));
        Text { value: self.value, start, end, layers: self.doc.layers }
    }

    /// Returns the part `range` of [`Piece::value`]; the whole where that is no range of it.
    pub(super) fn part(&self, range: Range<usize>) -> Text<'s> {
        let Some(value) = self.value.get(range.clone()) else { return self.whole() };
        let (start, end) = if self.from.escaped {
            (self.doc.reach(self.from, range.start), self.doc.reach(self.from, range.end))
        } else {
            (range.start, range.end)
        };
        let (start, end) = (self.doc.back(self.from.start + start as u32), self.doc.back(self.from.start + end as u32));
        Text { value, start, end, layers: self.doc.layers }
    }

    /// Returns the piece without the white space around it, `None` if nothing is left.
    pub(super) fn trimmed(&self) -> Option<Text<'s>> {
        let value = trim(self.value);
        if value.len() == self.value.len() {
            return (!value.is_empty()).then(|| self.whole());
        }
        let start = self.value.len() - self.value.trim_start().len();
        (!value.is_empty()).then(|| self.part(start..start + value.len()))
    }
}

/// Returns `text` without the white space around it, of which nearly all have none.
#[inline]
pub(super) fn trim(text: &str) -> &str {
    let printed = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if printed(text.as_bytes().first()) && printed(text.as_bytes().last()) { text } else { text.trim() }
}

/// Returns `text` with its value in lower case (ASCII).
pub(super) fn lower<'s>(text: Text<'s>, arena: &'s Bump) -> Text<'s> {
    if !text.value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text;
    }
    let value = arena.alloc_str(text.value);
    value.make_ascii_lowercase();
    Text { value, ..text }
}

/// Returns `raw` without its escapes. Tells `step` of each: where the text goes on behind it, and
/// by how many bytes it was shorter than its escape.
fn unescape<'s>(raw: &str, single: bool, arena: &'s Bump, mut step: impl FnMut(u32, u32)) -> &'s str {
    let bytes = raw.as_bytes();
    let out = arena.alloc_slice_fill_copy(bytes.len(), 0_u8);
    // A text is never longer than its escapes, so `to` stays behind `from`.
    let (mut from, mut to) = (0, 0);
    while let Some(rest) = bytes.get(from..).filter(|rest| !rest.is_empty()) {
        let plain = if let Some(word) = rest.first_chunk::<8>() {
            // All eight are copied; what is no plain text is written over.
            out[to..to + 8].copy_from_slice(word);
            plain_bytes(*word)
        } else {
            out[to] = rest[0];
            usize::from(rest[0] != b'\\')
        };
        (from, to) = (from + plain, to + plain);
        if bytes.get(from) == Some(&b'\\') {
            let (char, length) = escape(bytes, from, single);
            to += char.encode_utf8(&mut out[to..]).len();
            from += length;
            step(to as u32, (length - char.len_utf8()) as u32);
        }
    }
    // Whole characters went in, so it can't fail.
    std::str::from_utf8(&out[..to]).unwrap_or_default()
}

/// Returns the offset in `raw` of offset `wanted` of its unescaped text.
fn reach(raw: &str, single: bool, wanted: usize) -> usize {
    let (mut from, mut reached) = (0, 0);
    while let Some(plain) = raw.as_bytes().get(from..).and_then(|rest| memchr(b'\\', rest)) {
        if wanted <= reached + plain {
            break;
        }
        let (char, length) = escape(raw.as_bytes(), from + plain, single);
        from += plain + length;
        reached += plain + char.len_utf8();
    }
    from + wanted.saturating_sub(reached)
}

/// Returns what the escape at `at` stands for and how many bytes it takes. An unknown escape is
/// a plain backslash; half a surrogate pair is U+FFFD.
fn escape(raw: &[u8], at: usize, single: bool) -> (char, usize) {
    let char = match raw.get(at + 1) {
        Some(b'"') => '"',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'\'') if single => '"',
        Some(b'u') => return unicode(raw, at).unwrap_or(('\\', 1)),
        _ => return ('\\', 1),
    };
    (char, 2)
}

fn unicode(raw: &[u8], at: usize) -> Option<(char, usize)> {
    let high = hex(raw, at)?;
    if let Some(char) = char::from_u32(high) {
        return Some((char, 6));
    }
    let pair = hex(raw, at + 6).filter(|low| high < 0xdc00 && (0xdc00..0xe000).contains(low));
    let char = pair.and_then(|low| char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)));
    Some(char.map_or((char::REPLACEMENT_CHARACTER, 6), |char| (char, 12)))
}

fn hex(raw: &[u8], at: usize) -> Option<u32> {
    let digits = raw.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |number, &digit| Some(number << 4 | char::from(digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cursor::Fault;
    use super::*;

    fn unescaped(json: &str) -> std::string::String {
        let arena = Bump::new();
        let doc = Doc::message(json, &arena);
        doc.says(doc.cursor(0).value(1).unwrap()).to_owned()
    }

    #[test]
    fn every_escape_of_json_is_undone() {
        let json = r#""a\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00z""#;
        assert_eq!(unescaped(json), serde_json::from_str::<std::string::String>(json).unwrap());
    }

    #[test]
    fn a_wrong_escape_hides_nothing() {
        assert_eq!(unescaped(r#""\x \u12g4 \ud800 \ud800\u0041 \udc00""#), "\\x \\u12g4 \u{fffd} \u{fffd}A \u{fffd}");
    }

    #[test]
    fn an_escaped_quote_inside_single_quotes_was_a_double_quote() {
        assert_eq!(unescaped(r"'say \'hi\' twice'"), "say \"hi\" twice");
    }

    #[test]
    fn a_part_of_an_escaped_text_leads_back_to_its_raw_bytes() {
        let (arena, json) = (Bump::new(), r#""\/a\/b\u00e9c\/d?e""#);
        let doc = Doc::message(json, &arena);
        let piece = doc.piece(doc.cursor(0).value(1).unwrap());
        assert_eq!(piece.value, "/a/béc/d?e");
        let of = |range| {
            let text = piece.part(range);
            (text.value, &json[text.start as usize..text.end as usize])
        };
        assert_eq!(of(0..1), ("/", r"\/"));
        assert_eq!(of(1..3), ("a/", r"a\/"));
        assert_eq!(of(3..6), ("bé", r"b\u00e9"));
        assert_eq!(of(6..7), ("c", "c"));
        assert_eq!(of(10..11), ("e", "e"));
        assert_eq!(of(0..11), ("/a/béc/d?e", &json[1..json.len() - 1]));
    }

    #[test]
    fn a_text_in_a_string_in_the_message_leads_back_to_its_raw_bytes() {
        let (arena, json) = (Bump::new(), r#"  "{\"k\":\"x\\\"\/y\",\"l\":\"\u0041\"}""#);
        let message = Doc::message(json, &arena);
        let doc = message.nested(message.cursor(2).value(1).unwrap()).unwrap();
        assert_eq!(doc.text, r#"{"k":"x\"/y","l":"A"}"#);
        let mut cursor = doc.cursor(0);
        let mut found = std::vec::Vec::new();
        let mut key = cursor.first_key().unwrap();
        while key.is_some() {
            let text = doc.text(cursor.value(1).unwrap());
            found.push((text.value, &json[text.start as usize..text.end as usize], text.layers));
            key = cursor.next_key().unwrap();
        }
        assert_eq!(found, [("x\"/y", r#"x\\\"\/y"#, Layers(2)), ("A", r"\u0041", Layers(2))]);
    }

    /// What the members of the object in the string that is `json` say, and where.
    fn told(doc: Doc<'_>, at: usize) -> Result<std::vec::Vec<(std::string::String, u32, u32)>, Fault> {
        let mut cursor = doc.cursor(at);
        let mut told = std::vec::Vec::new();
        let mut key = cursor.first_key()?;
        while key.is_some() {
            let piece = doc.piece(cursor.value(1)?);
            let (whole, middle) = (piece.whole(), piece.value.len() / 2);
            told.push((piece.value.to_owned(), whole.start, whole.end));
            if piece.value.is_char_boundary(middle) {
                let part = piece.part(0..middle);
                told.push((part.value.to_owned(), part.start, part.end));
            }
            key = cursor.next_key()?;
        }
        Ok(told)
    }

    proptest! {
        #[test]
        fn an_object_in_a_string_says_the_same_in_place(
            values in prop::collection::vec(r#"[a\\\\"/\n\u{1}é':,{}]{0,12}"#, 1..6), slashes in any::<bool>(), cut in 0..60_usize, more in any::<bool>(),
        ) {
            let members: std::vec::Vec<std::string::String> =
                values.iter().map(|value| format!("\"k\":{}", serde_json::to_string(value).unwrap())).collect();
            let escape = |text: std::string::String| if slashes { text.replace('/', "\\/") } else { text };
            let inner = escape(format!("{{{}}}", members.join(",")));
            let mut whole = escape(serde_json::to_string(&inner).unwrap());
            if more {
                // Cut short, and followed by what it must not run into.
                whole.truncate((0..=cut.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap_or(0).max(1));
                whole.push_str(r#"","k":"{\"a\":\"b\"}"}"#);
            }
            let arena = Bump::new();
            let doc = Doc::message(&whole, &arena);
            let place = doc.in_place().unwrap();
            let Ok(value) = doc.cursor(0).value(1) else { return Ok(()) };
            let nested = doc.nested(value).unwrap();
            let begin = nested.begin as usize;
            if let (true, Ok(read)) = (nested.text[begin..].starts_with('{'), told(place, value.start as usize)) {
                prop_assert_eq!(told(nested, begin).unwrap(), read);
            }
        }
    }
}
