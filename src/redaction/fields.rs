//! What is left of a record in which nothing may be read?
//!
//! What could not be searched may hold a secret anywhere, so every value of it is hidden, one by one:
//! its members, their order and how many there are stay. Names stay if they stand where a name stands
//! and look like one, as long as all before them was JSON, and so do `true`, `false` and `null`. It is read byte by byte and in pieces of any size; of a text at most
//! [`KEPT`] bytes are kept, and depth costs nothing.

use std::ops::Range;

use super::Redactor;
use super::fingerprint::Memo;
use super::kind::Kind;
use crate::telemetry::{Confidence, ScannedMessage, Sighting};

/// The longest name that stays, bytes.
const KEPT: usize = 32;
/// How deep objects and lists are told apart; deeper no name stays.
const CEILING: i64 = 128;

/// A part of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'p> {
    /// A brace, a bracket, a comma or a colon.
    Sign(u8),
    /// What may stay, as it is written.
    Stays(&'p [u8]),
    /// A text that is hidden, inside its quotes: where it stands, and its length.
    Text(u64, u64),
    /// A number, or what is no JSON, that is hidden.
    Bare(u64, u64),
}

/// Where the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Between,
    /// In a text, perhaps behind a backslash.
    Text {
        escaped: bool,
    },
    /// Behind a text: a name, if a colon comes next.
    Behind,
    /// In a number or a word.
    Bare,
}

/// Reads a record that may be too long to keep.
#[derive(Debug)]
pub struct Fields {
    state: State,
    /// How much has been read.
    at: u64,
    /// Where the text or word began that is being read, and its length once it has ended.
    start: u64,
    length: u64,
    /// Its first bytes.
    kept: Vec<u8>,
    /// Objects and lists that are open; below zero the text is no JSON.
    open: i64,
    /// Which of them are objects, up to [`CEILING`].
    objects: u128,
    /// What was read last.
    last: Last,
    /// Whether names may stay, and whether all was JSON so far.
    names: bool,
    json: bool,
}

/// What stands before the place that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Nothing,
    /// A brace or bracket that opens.
    Opened,
    Name,
    Colon,
    Value,
    Comma,
}

impl Fields {
    /// Begins to read what starts with `first`, if that may be JSON.
    pub fn of(first: &[u8]) -> Option<Self> {
        let may = matches!(first.trim_ascii_start().first(), Some(b'{' | b'['));
        may.then(|| Self {
            state: State::Between,
            at: 0,
            start: 0,
            length: 0,
            kept: Vec::new(),
            open: 0,
            objects: 0,
            last: Last::Nothing,
            names: true,
            json: true,
        })
    }

    /// Reads on; `each` is told of every part that has been read whole.
    pub fn pass<E>(&mut self, chunk: &[u8], each: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        for byte in chunk {
            self.byte(*byte, each)?;
            self.at += 1;
        }
        Ok(())
    }

    /// Ends the reading; returns whether it was a record and not a part of one.
    pub fn end<E>(&mut self, each: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<bool, E> {
        let whole = self.json && self.open == 0 && !matches!(self.state, State::Text { .. });
        if let State::Text { .. } = self.state {
            self.length = self.at - self.start;
        }
        self.told(false, each)?;
        Ok(whole)
    }

    fn byte<E>(&mut self, byte: u8, each: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        match (self.state, byte) {
            (State::Text { escaped: false }, b'"') => {
                self.length = self.at - self.start;
                self.state = State::Behind;
            }
            (State::Text { escaped }, _) => {
                self.state = State::Text { escaped: !escaped && byte == b'\\' };
                self.keep(byte);
            }
            (State::Behind, byte) if byte.is_ascii_whitespace() => {}
            (State::Bare, byte)
                if !matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"' | b' ' | b'\t'..=b'\r') =>
            {
                self.keep(byte);
            }
            (_, byte) => {
                let named = byte == b':' && self.names && self.last == Last::Name;
                self.told(named, each)?;
                return self.begin(byte, each);
            }
        }
        Ok(())
    }

    fn begin<E>(&mut self, byte: u8, each: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        self.follow(byte);
        match byte {
            b'{' | b'[' => self.open(byte == b'{'),
            // More are closed than were opened: never a record.
            b'}' | b']' if self.open <= 0 => self.open = i64::MIN / 2,
            b'}' | b']' => self.open -= 1,
            b',' | b':' => {}
            b'"' => {
                (self.state, self.start) = (State::Text { escaped: false }, self.at + 1);
                self.kept.clear();
                return Ok(());
            }
            byte if byte.is_ascii_whitespace() => return Ok(()),
            byte => {
                (self.state, self.start) = (State::Bare, self.at);
                self.kept.clear();
                self.keep(byte);
                return Ok(());
            }
        }
        each(Part::Sign(byte))
    }

    /// Notes that an object or a list is opened.
    fn open(&mut self, object: bool) {
        match u128::from(object) {
            bit if (0..CEILING).contains(&self.open) => {
                self.objects = self.objects & !(1 << self.open) | bit << self.open;
            }
            _ => self.names = false,
        }
        self.open += 1;
    }

    /// Tells whether an object is open, and not a list in it.
    fn in_object(&self) -> bool {
        (1..=CEILING).contains(&self.open) && self.objects >> (self.open - 1) & 1 == 1
    }

    /// Notes what `byte` begins or is; no name stays any more if it may not stand here.
    fn follow(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() || !self.names {
            return;
        }
        let (object, last) = (self.in_object(), self.last);
        let name = object && matches!(last, Last::Opened | Last::Comma);
        let (may, now) = match byte {
            b':' => (last == Last::Name, Last::Colon),
            b',' => (last == Last::Value && self.open > 0, Last::Comma),
            b'}' | b']' => {
                let ends = matches!(last, Last::Opened | Last::Value);
                (ends && self.open > 0 && object == (byte == b'}'), Last::Value)
            }
            b'"' if name => (true, Last::Name),
            _ => {
                let may = match last {
                    Last::Nothing | Last::Colon => true,
                    Last::Opened | Last::Comma => !object,
                    Last::Name | Last::Value => false,
                };
                (may, if matches!(byte, b'{' | b'[') { Last::Opened } else { Last::Value })
            }
        };
        self.last = now;
        if !may {
            (self.names, self.json) = (false, false);
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.kept.len() <= KEPT {
            self.kept.push(byte);
        }
    }

    /// Tells of the text or word that has ended.
    fn told<E>(&mut self, named: bool, each: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        let state = std::mem::replace(&mut self.state, State::Between);
        match state {
            State::Between => Ok(()),
            State::Bare if matches!(&*self.kept, b"true" | b"false" | b"null") => each(Part::Stays(&self.kept)),
            State::Bare => {
                if !self.kept.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
                    (self.names, self.json) = (false, false);
                }
                each(Part::Bare(self.start, self.at))
            }
            _ if self.length == 0 || named && is_name(&self.kept) => {
                each(Part::Sign(b'"'))?;
                each(Part::Stays(&self.kept))?;
                each(Part::Sign(b'"'))
            }
            _ => each(Part::Text(self.start, self.start + self.length)),
        }
    }
}

/// Tells whether `text` looks like a name and not like a key: words of letters, in which cases
/// change no oftener than in a name of several words.
fn is_name(text: &[u8]) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-' | b'.');
    let upper = u8::is_ascii_uppercase;
    let humps = text.windows(2).filter(|pair| pair[0].is_ascii_lowercase() && upper(&pair[1])).count();
    let lone = text.windows(3).any(|three| upper(&three[0]) && three[1].is_ascii_lowercase() && upper(&three[2]));
    text.len() <= KEPT && text.iter().all(word) && !lone && humps <= 4 && humps * 5 <= text.len() + 1
}

impl Redactor {
    /// Returns `text` with every value hidden that it has, if it is JSON at all.
    pub(super) fn field_by_field(&self, text: &[u8]) -> Option<ScannedMessage> {
        let mut fields = Fields::of(text)?;
        let mut found: Vec<(Range<usize>, &str)> = Vec::new();
        let mut each = |part: Part<'_>| {
            match part {
                Part::Text(start, end) => found.push((start as usize..end as usize, "")),
                Part::Bare(start, end) => found.push((start as usize..end as usize, "\"")),
                Part::Sign(_) | Part::Stays(_) => {}
            }
            Ok::<_, std::convert::Infallible>(())
        };
        let Ok(()) = fields.pass(text, &mut each);
        let Ok(whole) = fields.end(&mut each);
        whole.then(|| self.hidden_fields(text, &found))
    }

    fn hidden_fields(&self, text: &[u8], found: &[(Range<usize>, &str)]) -> ScannedMessage {
        let (mut bytes, mut sightings, mut stood) = (Vec::with_capacity(text.len()), Vec::new(), Vec::new());
        let (mut from, mut memo) = (0, Memo::default());
        for (field, quote) in found {
            bytes.extend_from_slice(&text[from..field.start]);
            bytes.extend_from_slice(quote.as_bytes());
            let fingerprint = self.fingerprints.of(Kind::Unscanned, &text[field.clone()], &mut memo);
            let start = bytes.len() as u32;
            bytes.extend_from_slice(fingerprint.0.as_bytes());
            sightings.push(Sighting {
                kind: self.names[Kind::Unscanned.place()].clone(),
                privilege: None,
                confidence: Confidence::Suspected,
                secret: true,
                dummy: false,
                fingerprint,
                at: start..bytes.len() as u32,
                about: None,
                original: None,
            });
            stood.push(field.start as u32..field.end as u32);
            bytes.extend_from_slice(quote.as_bytes());
            from = field.end;
        }
        bytes.extend_from_slice(&text[from..]);
        ScannedMessage { bytes, sightings, stood }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// What stays of `text`, read in pieces of `size`, with `…` for what is hidden.
    fn left(text: &str, size: usize) -> Option<String> {
        Fields::of(text.as_bytes())?;
        let (kept, whole) = read(text, size);
        whole.then_some(kept)
    }

    /// The same, with whether it was a record, of what may be none.
    fn read(text: &str, size: usize) -> (String, bool) {
        let mut fields = Fields::of(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        let mut each = |part: Part<'_>| {
            match part {
                Part::Sign(sign) => out.push(sign),
                Part::Stays(stays) => out.extend_from_slice(stays),
                Part::Text(..) => out.extend_from_slice("\"…\"".as_bytes()),
                Part::Bare(..) => out.extend_from_slice("…".as_bytes()),
            }
            Ok::<_, Infallible>(())
        };
        let Ok(()) = text.as_bytes().chunks(size).try_for_each(|chunk| fields.pass(chunk, &mut each));
        let Ok(whole) = fields.end(&mut each);
        (String::from_utf8(out).unwrap(), whole)
    }

    #[test]
    fn of_a_record_its_members_stay_and_no_value() {
        let text = r#" {"time" : "2026", "list":[1, "a\"b\\", true,null,{"x":-1.5e3}],"sk-0815-4711":"", "a b": {} } "#;
        for size in [1, 2, 3, 1000] {
            let want = r#"{"time":"…","list":[…,"…",true,null,{"x":…}],"…":"","…":{}}"#;
            assert_eq!(left(text, size).as_deref(), Some(want));
        }
        let deep = "[".repeat(100_000) + "\"secret\"" + &"]".repeat(100_000);
        assert_eq!(left(&deep, 999), Some(deep.replace("secret", "…")));
    }

    #[test]
    fn what_is_no_json_is_no_record() {
        for text in ["", "plain", "\"text\"", "{\"a\":\"b", "{\"a\":1", "{}}", "[]]["] {
            assert_eq!(left(text, 7), None, "{text}");
        }
    }

    #[test]
    fn a_text_before_a_colon_is_no_name_where_none_may_stand() {
        for text in [
            "[INFO] login with password \"correct-horse-battery\": refused; {\"sessions\":{\"hunterpass\":\"v\"}}",
            "[\"hunterpass\":1]",
            "{\"a\":\"b\" \"hunterpass\":1}",
            "{\"a\":said,\"hunterpass\":1}",
            "[{]\"hunterpass\":1}",
            "{} {\"hunterpass\":1}",
        ] {
            for size in [1, 3, 1000] {
                let (kept, whole) = read(text, size);
                assert!(!whole, "{text}");
                assert!(
                    !kept.contains("hunterpass") && !kept.contains("horse") && !kept.contains("sessions"),
                    "{kept}"
                );
            }
        }
        let deep = "[".repeat(128) + "{\"hunterpass\":1}" + &"]".repeat(128);
        assert!(!read(&deep, 9).0.contains("hunterpass"));
        assert!(read(&deep[1..deep.len() - 1], 9).0.contains("hunterpass"));
    }

    #[test]
    fn a_name_is_words_and_no_key() {
        for name in ["id", "userId", "ResourceGroupName", "resource_group", "TENANT_ID", "x-ms-id", "OAuth", "vmId"] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
        for key in ["aBcDeFgHiJkLmNoPqRsTuVwXyZabc", "aBcDeFgHiJkLmNoP", "sk-1", "a b", "qWErtZUiopAS", &"a".repeat(33)]
        {
            assert!(!is_name(key.as_bytes()), "{key}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_only_signs_and_names_are_left(text in r#"[{\[][{}\[\]:," \\a-c0-9]{0,60}"#, size in 1_usize..9) {
            let (left, whole) = read(&text, size);
            let outside: String = left.split('"').step_by(2).collect();
            prop_assert!(!outside.contains(|letter: char| letter.is_ascii_alphanumeric()), "{left}");
            let parts: Vec<&str> = left.split('"').collect();
            for n in (1..parts.len()).step_by(2).filter(|n| !matches!(parts[*n], "…" | "")) {
                prop_assert!(is_name(parts[n].as_bytes()) && parts[n + 1].starts_with(':'), "{left}");
                prop_assert!(parts[n - 1].ends_with(['{', ',']), "{left}");
            }
            prop_assert_eq!((left, whole), read(&text, 1000));
        }
    }
}
