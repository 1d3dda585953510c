//! Where does a value end that is not quoted, if it goes on where it seems to end?
//!
//! A key in a form that was decoded has spaces for `+`, a folded one goes on in the next line, and the password of
//! a connection string may hold a space. Names are looked for from the plain end on: what follows may be no part of
//! it. At most 87 characters, a few lines or 256 bytes are read beyond.

use super::Found;
use super::bytes::{BASE64, NAME, Set, changes, unit_at};
use super::value::{self, Place, Quote, quote_at};
use super::views::{RESTLESS, goes_on};
use crate::telemetry::Confidence;

/// How many letters of base64 a key has, and how much padding.
pub const PADDED: [(usize, usize); 3] = [(43, 1), (54, 2), (86, 2)];
/// The longest of them, and one more.
const LETTERS: usize = 87;
/// How many `+` a key may have.
const PLUSES: usize = 5;
/// The length from which on each part between two of them has to look like a key's.
const PART: usize = 12;
/// How far a connection string is read to where its value ends.
const REST: usize = 256;
/// How far back the string around it may begin.
const LIST: usize = 512;

/// Where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Where it seems to end: names are looked for from here on.
    pub plain: usize,
    /// Where it ends with all that it goes on with.
    pub whole: usize,
}

/// The ends of what is a secret for its shape alone, in one text.
#[derive(Default)]
pub struct Shapes {
    ends: Option<Vec<usize>>,
}

impl Shapes {
    /// Returns where the value at `place` ends, which `stop` ends if it is not quoted; what the text holds by shape
    /// is `found` already.
    pub fn ends(&mut self, text: &[u8], place: Place, stop: &Set, found: &[Found]) -> Ends {
        let plain = value::end(text, place, stop);
        let whole = match unit_at(text, plain).map(|unit| unit.byte) {
            _ if place.quote != Quote::Bare => plain,
            Some(b' ') if plain > place.start => over_spaces(text, place.start, stop).unwrap_or(plain).max(plain),
            Some(b'\n' | b'\r') => goes_on(text, place.start..plain),
            _ => plain,
        };
        if whole > plain && self.is_whole(plain, found) { Ends { plain, whole: plain } } else { Ends { plain, whole } }
    }

    /// Tells whether what ends at `end` is whole.
    fn is_whole(&mut self, end: usize, found: &[Found]) -> bool {
        let ends = self.ends.get_or_insert_with(|| {
            let proven = found.iter().filter(|one| one.confidence == Confidence::Proven && one.kind.secret());
            let mut ends: Vec<usize> = proven.map(|one| one.span.end).collect();
            ends.sort_unstable();
            ends
        });
        ends.binary_search(&end).is_ok()
    }
}

/// Returns where a key ends that starts at `start` and goes on behind a space: in a form that was decoded that was
/// a `+`. Its length, its padding, its look and what follows say that it is one.
fn over_spaces(text: &[u8], start: usize, stop: &Set) -> Option<usize> {
    let (mut letters, mut length, mut at, mut equals) = ([0; LETTERS], 0, start, 0);
    let next = loop {
        let unit = unit_at(text, at);
        match unit.map(|unit| unit.byte) {
            Some(b'=') if equals < 2 => equals += 1,
            Some(letter) if equals == 0 && length < LETTERS && (BASE64.has(letter) || letter == b' ') => {
                letters[length] = letter;
                length += 1;
            }
            next => break next,
        }
        at += unit.map_or(0, |unit| unit.len);
    };
    let ends = next.is_none_or(|next| stop.has(next) || matches!(next, b',' | b'.' | b')' | b']' | b'}' | b';'));
    (ends && PADDED.contains(&(length, equals)) && is_key(&letters[..length])).then_some(at)
}

/// Tells whether `letters` look like a key with a few spaces in it, rather than like words.
fn is_key(letters: &[u8]) -> bool {
    let spaces = memchr::memchr_iter(b' ', letters).count();
    let parts = || letters.split(|letter| *letter == b' ').filter(|part| !part.is_empty());
    let restless = |changes: usize, pairs: usize| changes * 100 >= pairs * RESTLESS;
    let all = parts().map(changes).sum();
    (1..=PLUSES).contains(&spaces)
        && restless(all, parts().map(|part| part.len() - 1).sum())
        && parts().all(|part| part.len() < PART || restless(changes(part), part.len() - 1))
}

/// Returns where the value of a connection string ends that begins at `start` and goes on behind a space at `at`:
/// in the same line another member follows, or the end of the string that holds nothing but the list.
pub fn in_list(text: &[u8], start: usize, at: usize) -> Option<usize> {
    let rest = text.get(at..).filter(|rest| rest.first() == Some(&b' '))?;
    let stops = |byte: &u8| matches!(byte, b';' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'=') || byte.is_ascii_control();
    let end = at + rest.iter().take(REST).position(stops)?;
    let behind = end + usize::from(text[end] == b';');
    let ends = behind > end && is_member(&text[behind..]) || quote_at(text, behind).is_some() && fills(text, start);
    ends.then_some(end)
}

/// Tells whether `text` begins with a member of a list, `Word=`.
fn is_member(text: &[u8]) -> bool {
    let length = text.iter().take(32).take_while(|byte| NAME.has(**byte) || **byte == b' ').count();
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.get(length) == Some(&b'=')
}

/// Tells whether the list around `at` begins with the string it stands in.
fn fills(text: &[u8], at: usize) -> bool {
    let before = text[..at].iter().rev().take(LIST).position(|byte| matches!(byte, b'"' | b'\'' | b'\n'));
    let Some(list) = before.map(|length| &text[at - length..at]) else { return false };
    let words = list.iter().take_while(|byte| **byte != b'=').filter(|byte| **byte == b' ').count();
    is_member(list) && words < 2
}

#[cfg(test)]
mod tests {
    use super::super::value::{ASSIGNED, after};
    use super::*;

    /// The value behind `name`, whole.
    fn value(text: &str) -> Option<&str> {
        let place = after(text.as_bytes(), text.find("name").unwrap() + 4)?;
        Some(&text[place.start..Shapes::default().ends(text.as_bytes(), place, &ASSIGNED, &[]).whole])
    }

    #[test]
    fn a_key_goes_on_over_spaces_that_were_pluses() {
        for (letters, padding) in PADDED {
            for space in [" ", "%20"] {
                let sign = if space == " " { "=" } else { "%3D" };
                let inside = "x7Qk".repeat(30);
                let key = format!("ab{space}c{}{space}d{}", &inside[..letters - 6], sign.repeat(padding));
                assert_eq!(value(&format!("name{sign}{key}&x")), Some(&*key));
                assert_eq!(value(&format!("name{sign}{key}")), Some(&*key));
                assert_eq!(value(&format!("name{sign}{key}x")), Some("ab"));
            }
        }
        assert_eq!(value("name=ab and so on"), Some("ab"));
        assert_eq!(value(&format!("name=ab {}=", &"x7Qk".repeat(11)[..41])), Some("ab"));
        assert_eq!(value(&format!("name=ab {}=", "x".repeat(40))), Some("ab"));
    }

    #[test]
    fn names_are_looked_for_from_the_plain_end_on() {
        let text = b"name=kDgHHLXOqipdiurNIuy4iD\nf11NAV2SZr4xQ9";
        let place = after(text, 4).unwrap();
        let ends = Shapes::default().ends(text, place, &ASSIGNED, &[]);
        assert_eq!(ends, Ends { plain: 27, whole: text.len() });
    }
}
