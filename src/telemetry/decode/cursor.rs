//! Where does each value of a JSON text begin and end?
//!
//! A [`Cursor`] is a pull parser: it gives the place of each key and value and builds nothing.
//! It reads more than JSON allows, because Azure writes more: strings in single quotes (from the
//! Linux hosts, whose every `'` was a `"`), control characters in strings, unknown escapes. It
//! reads each byte once and goes 64 levels deep.

use super::marks::{Marks, first};

/// How deep a record may be nested.
pub(super) const DEEPEST: u32 = 64;

/// Why a value could not be read; [`Cursor::at`] says where. As wide as a place, so that a [`Value`] in a
/// result is copied by whole fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Fault {
    /// The text ends in the middle of it.
    CutOff,
    /// It is not what it should be.
    Broken,
    /// It is nested deeper than [`DEEPEST`].
    TooDeep,
    /// It has escapes that may be quotes, and must be undone first.
    Escaped,
}

/// What kind of value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text in quotes.
    String,
    /// A number, `true` or `false`.
    Scalar,
    /// `null`.
    Null,
    /// An object, in one piece.
    Object,
    /// An array, in one piece.
    Array,
}

/// Where a value lies: a string's inside, anything else with its brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Its first byte.
    pub(super) start: u32,
    /// The byte after its last.
    pub(super) end: u32,
    /// What kind of value.
    pub(super) shape: Shape,
    /// Whether it is a string with escapes in it.
    pub(super) escaped: bool,
    /// Whether it is a string in single quotes.
    pub(super) single: bool,
}

impl Value {
    /// Returns a string without escapes, in such quotes.
    pub(super) const fn string(start: usize, end: usize, quote: u8) -> Self {
        let (start, end) = (start as u32, end as u32);
        Self { start, end, shape: Shape::String, escaped: false, single: quote == b'\'' }
    }
}

/// Reads a JSON text from left to right.
pub(super) struct Cursor<'t> {
    pub(super) bytes: &'t [u8],
    /// The next byte to read.
    pub(super) at: usize,
    pub(super) marks: Marks<'t>,
    /// Whether each quote is written `\"`.
    pub(super) quoted: bool,
}

impl<'t> Cursor<'t> {
    /// Returns a cursor over `text`, which has these `marks`, that stands at byte `at`. Each of its quotes may
    /// be written `\"`: it is the inside of a string.
    pub(super) fn new(text: &'t str, at: usize, marks: &Marks<'t>, quoted: bool) -> Self {
        Self { bytes: text.as_bytes(), at, marks: *marks, quoted }
    }

    /// Returns the place of the first such quote or backslash from `from` on.
    #[inline]
    pub(super) fn mark(&self, from: usize, quote: u8) -> Option<usize> {
        first(self.marks.bits(quote), from, self.bytes.len())
    }

    /// Passes white space; returns the byte behind it.
    #[inline]
    pub(super) fn space(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(&byte) if byte > b' ' => return Some(byte),
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Enters the object at the cursor; tells whether a key comes, or (`false`) it is empty and passed.
    #[inline]
    pub(super) fn enter(&mut self) -> bool {
        self.at += 1;
        let empty = self.space() == Some(b'}');
        self.at += usize::from(empty);
        !empty
    }

    /// Tells whether another key comes, or the object ends here and is passed. The cursor must stand
    /// behind a member's value.
    #[inline]
    pub(super) fn goes_on(&mut self) -> Result<bool, Fault> {
        match self.space() {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(true)
            }
            Some(b'}') => {
                self.at += 1;
                Ok(false)
            }
            Some(_) => Err(Fault::Broken),
            None => Err(Fault::CutOff),
        }
    }

    /// Enters the object at the cursor; returns its first key, or `None` if it is empty and passed.
    #[expect(
        clippy::inline_always,
        reason = "a value that is returned through memory is read again before it is written"
    )]
    #[inline(always)]
    pub(super) fn first_key(&mut self) -> Result<Option<Value>, Fault> {
        if self.enter() { self.key().map(Some) } else { Ok(None) }
    }

    /// Returns the next key, or `None` if the object ends here and is passed. The cursor must stand
    /// behind a member's value.
    #[expect(
        clippy::inline_always,
        reason = "a value that is returned through memory is read again before it is written"
    )]
    #[inline(always)]
    pub(super) fn next_key(&mut self) -> Result<Option<Value>, Fault> {
        if self.goes_on()? { self.key().map(Some) } else { Ok(None) }
    }

    #[expect(
        clippy::inline_always,
        reason = "a value that is returned through memory is read again before it is written"
    )]
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Value, Fault> {
        if let Some(key) = self.plain_key() {
            return Ok(key);
        }
        let key = match self.bytes.get(self.at) {
            Some(&quote @ (b'"' | b'\'' | b'\\')) => self.string(quote)?,
            Some(_) => return Err(Fault::Broken),
            None => return Err(Fault::CutOff),
        };
        match self.space() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(Fault::Broken),
            None => return Err(Fault::CutOff),
        }
        self.space();
        Ok(key)
    }

    /// Passes the key at the cursor if it is written plainly.
    #[inline]
    fn plain_key(&mut self) -> Option<Value> {
        let (quote, start) = (*self.bytes.get(self.at)?, self.at + 1);
        if self.quoted || !matches!(quote, b'"' | b'\'') {
            return None;
        }
        let end = self.mark(start, quote)?;
        let &[this, b':', behind] = self.bytes.get(end..)?.first_chunk()? else { return None };
        if this != quote || behind <= b' ' {
            return None;
        }
        self.at = end + 2;
        Some(Value::string(start, end, quote))
    }

    /// Passes the value at the cursor, whose brackets would be the `level`th; returns its place.
    #[expect(
        clippy::inline_always,
        reason = "a value that is returned through memory is read again before it is written"
    )]
    #[inline(always)]
    pub(super) fn value(&mut self, level: u32) -> Result<Value, Fault> {
        match self.bytes.get(self.at) {
            Some(&quote @ (b'"' | b'\'' | b'\\')) => self.string(quote),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.other(level),
        }
    }

    fn other(&mut self, level: u32) -> Result<Value, Fault> {
        match self.bytes.get(self.at) {
            Some(b'{') => self.object(level),
            Some(b'[') => self.array(level),
            Some(b't') => self.word(b"true", Shape::Scalar),
            Some(b'f') => self.word(b"false", Shape::Scalar),
            Some(b'n') => self.word(b"null", Shape::Null),
            Some(_) => Err(Fault::Broken),
            None => Err(Fault::CutOff),
        }
    }

    fn object(&mut self, level: u32) -> Result<Value, Fault> {
        let start = self.at;
        if level > DEEPEST {
            return Err(Fault::TooDeep);
        }
        let mut key = self.first_key()?;
        while key.is_some() {
            self.value(level + 1)?;
            key = self.next_key()?;
        }
        Ok(self.since(start, Shape::Object))
    }

    fn array(&mut self, level: u32) -> Result<Value, Fault> {
        let start = self.at;
        if level > DEEPEST {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        if self.space() == Some(b']') {
            self.at += 1;
            return Ok(self.since(start, Shape::Array));
        }
        loop {
            self.value(level + 1)?;
            match self.space() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                Some(_) => return Err(Fault::Broken),
                None => return Err(Fault::CutOff),
            }
            self.space();
        }
        self.at += 1;
        Ok(self.since(start, Shape::Array))
    }

    #[expect(
        clippy::inline_always,
        reason = "a value that is returned through memory is read again before it is written"
    )]
    #[inline(always)]
    fn string(&mut self, quote: u8) -> Result<Value, Fault> {
        if self.quoted {
            return self.quoted_string();
        }
        if quote == b'\\' {
            return Err(Fault::Broken);
        }
        // A cut leaves the cursor here, so that what a stray quote swallowed can be searched.
        let start = self.at + 1;
        let (mut at, mut escaped) = (start, false);
        loop {
            at = self.mark(at, quote).ok_or(Fault::CutOff)?;
            if self.bytes[at] == quote {
                break;
            }
            (at, escaped) = (at + 2, true);
        }
        self.at = at + 1;
        Ok(Value { escaped, ..Value::string(start, at, quote) })
    }

    pub(super) fn quoted_string(&mut self) -> Result<Value, Fault> {
        if !self.bytes[self.at..].starts_with(b"\\\"") {
            return Err(Fault::Escaped);
        }
        let start = self.at + 2;
        let (mut at, mut escaped) = (start, false);
        loop {
            // A bare quote ends the string all this stands in: no walk goes on behind it.
            at = self.mark(at, b'"').ok_or(Fault::CutOff)?;
            let run = self.bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
            at += run;
            match self.bytes.get(at) {
                Some(b'"') if run % 2 == 0 => return Err(Fault::Escaped),
                // Of an odd run the last belongs to the quote, the others in pairs to the text.
                Some(b'"') if run % 4 == 1 => break,
                // It may be a quote.
                Some(b'u') if run % 2 == 1 => return Err(Fault::Escaped),
                Some(b'"') => at += 1,
                _ => {}
            }
            escaped = true;
        }
        let end = at - 1;
        self.at = at + 1;
        escaped |= end > start && self.bytes[end - 1] == b'\\';
        Ok(Value { start: start as u32, end: end as u32, shape: Shape::String, escaped, single: false })
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.at;
        self.at += usize::from(self.bytes[start] == b'-');
        self.digits()?;
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(self.since(start, Shape::Scalar))
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        match self.bytes.get(self.at) {
            _ if self.at > start => Ok(()),
            Some(_) => Err(Fault::Broken),
            None => Err(Fault::CutOff),
        }
    }

    fn word(&mut self, word: &[u8], shape: Shape) -> Result<Value, Fault> {
        let (start, rest) = (self.at, &self.bytes[self.at..]);
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(self.since(start, shape))
        } else if word.starts_with(rest) {
            self.at = self.bytes.len();
            Err(Fault::CutOff)
        } else {
            Err(Fault::Broken)
        }
    }

    fn since(&self, start: usize, shape: Shape) -> Value {
        Value { start: start as u32, end: self.at as u32, shape, escaped: false, single: false }
    }
}
