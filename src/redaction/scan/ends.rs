//! Where does a value end that is not quoted, if it goes on where it seems to end?
//!
//! A key in a form that was decoded has spaces for `+`, a folded one goes on in the next line, and the password of
//! a connection string may hold a space. Names are looked for from the plain end on: what follows may be no part of
//! it. At most 87 characters are read beyond, or 64 lines, or 256 bytes of a connection string, which may have begun
//! 512 bytes before.

use super::Found;
use super::bytes::{BASE64, NAME, Set, changes, unit_at, unit_before};
use super::value::{self, Place, Quote, is_left_off, quote_at};
use super::views::{RESTLESS, goes_on};
use crate::telemetry::Confidence;

/// How many letters of base64 a key has, how much padding, and how many `+` at most.
const KEYS: [(usize, usize, usize); 3] = [(43, 1, 5), (54, 2, 5), (86, 2, 8)];
/// The longest of them, and one more.
const LETTERS: usize = 87;
/// The length from which on each part between two `+` of a key has to look like a key's.
const PART: usize = 20;
/// How many blanks may stand before a value or between two members of a list.
const BLANKS: usize = 4;
/// How far a connection string is read to where its value ends.
const REST: usize = 256;
/// How far back the string around it may begin.
const LIST: usize = 512;

/// Where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Where it starts: a key may begin with a space.
    pub start: usize,
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
        let (start, plain) = (place.start, value::end(text, place, stop));
        if place.quote != Quote::Bare {
            return Ends { start, plain, whole: plain };
        }
        let from = if place.equals { behind_sign(text, start) } else { start };
        let whole = match unit_at(text, plain).map(|unit| unit.byte) {
            Some(b' ') => over_spaces(text, from, stop).unwrap_or(plain).max(plain),
            _ if from < start => over_spaces(text, from, stop).filter(|end| *end >= plain).unwrap_or(plain),
            Some(b'\n' | b'\r') => goes_on(text, start..plain),
            _ => plain,
        };
        if whole > plain && self.is_whole(plain, found) {
            return Ends { start, plain, whole: plain };
        }
        let spaced = from < start && over_spaces(text, from, stop) == Some(whole);
        Ends { start: if spaced { from } else { start }, plain, whole }
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

/// Returns the place behind the `=` before the value at `start`, if only spaces stand between them.
fn behind_sign(text: &[u8], start: usize) -> usize {
    let blanks = text[..start].iter().rev().take(BLANKS).take_while(|byte| **byte == b' ').count();
    let equals = unit_before(text, start - blanks).is_some_and(|unit| unit.byte == b'=');
    if equals { start - blanks } else { start }
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
    let known = KEYS.iter().find(|(letters, padding, _)| (*letters, *padding) == (length, equals));
    let key = known.is_some_and(|(.., pluses)| is_key(&letters[..length], *pluses));
    (key && (ends || quote_at(text, at).is_some())).then_some(at)
}

/// Tells whether `letters` look like a key with at most so many `pluses` that are spaces in it, rather than like words.
fn is_key(letters: &[u8], pluses: usize) -> bool {
    let spaces = memchr::memchr_iter(b' ', letters).count();
    let parts = || letters.split(|letter| *letter == b' ').filter(|part| !part.is_empty());
    let restless = |changes: usize, pairs: usize| changes * 100 >= pairs * RESTLESS;
    let all = parts().map(changes).sum();
    (1..=pluses).contains(&spaces)
        && restless(all, parts().map(|part| part.len() - 1).sum())
        && parts().all(|part| part.len() < PART || restless(changes(part), part.len() - 1))
}

/// How a password stands in a connection string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// First, in its text, string or line.
    First,
    /// Behind `;`.
    Next,
    /// Behind `; `.
    Spaced,
}

impl Member {
    /// Returns how the name that starts at `at` stands in one; `None` if it stands in none.
    pub fn at(text: &[u8], at: usize) -> Option<Self> {
        let blanks = text[..at].iter().rev().take(BLANKS).take_while(|byte| **byte == b' ').count();
        match unit_before(text, at - blanks).map(|unit| unit.byte) {
            Some(b';') if blanks > 0 => Some(Self::Spaced),
            Some(b';') => Some(Self::Next),
            None | Some(b'"' | b'\'' | b'\n') => Some(Self::First),
            Some(_) => None,
        }
    }
}

/// Returns where the value ends that begins at `start`, a `member` of a connection string, if it goes on behind its
/// plain end at `plain`, and where it ends for sure. In the same line another member follows, or the end of the string
/// that holds nothing but the list: there what goes on may be a sentence, if no `;` ends it.
pub fn in_list(text: &[u8], start: usize, plain: usize, member: Member) -> Option<(usize, usize)> {
    let signs = |sign: &&u8| is_left_off(**sign) && **sign != b';';
    let at = plain + text.get(plain..)?.iter().take(BLANKS).take_while(signs).count();
    let rest = text.get(at..).filter(|rest| matches!(rest.first(), Some(b' ' | b';' | b'\'')))?;
    let quoted = quote_around(text, start) == Some(b'\'');
    let stops = |byte: &u8| {
        matches!(byte, b';' | b'"' | b'<' | b'>' | b'\\') || *byte == b'\'' && quoted || byte.is_ascii_control()
    };
    let end = at + rest.iter().take(REST).position(stops)?;
    if text[end] != b';' {
        let apart = |byte: &u8| matches!(byte, b'=' | b'\'');
        let sentence = member == Member::First || text[at..end].iter().any(apart) || at > plain;
        return (!sentence && quote_at(text, end).is_some() && fills(text, start)).then_some((end, plain));
    }
    let blanks = text[end + 1..].iter().take(BLANKS).take_while(|byte| **byte == b' ').count();
    let behind = end + 1 + blanks;
    // Words of a sentence are seldom capital behind `;`.
    let looks = blanks == 0 || member == Member::Spaced || text.get(behind).is_some_and(u8::is_ascii_uppercase);
    let ends = looks && is_member(&text[behind..]) || quote_at(text, behind).is_some() && fills(text, start);
    let listed = || member == Member::First || follows_member(text, start);
    (ends && end > plain && !names_another(&text[plain..end]) && listed()).then_some((end, end))
}

/// Tells whether another member stands before the `;` before `at`: `login failed; password=…` is a sentence.
fn follows_member(text: &[u8], at: usize) -> bool {
    let mut parts = text[at.saturating_sub(LIST)..at].rsplitn(3, |byte| *byte == b';');
    let Some(before) = parts.nth(1) else { return false };
    let quotes = |byte: &u8| matches!(byte, b'"' | b'\'' | b'\n');
    let before = before.iter().rposition(quotes).map_or(before, |at| &before[at + 1..]).trim_ascii_start();
    is_member(before) && is_name(before)
}

/// Tells whether what stands before the `=` in `member` is a name rather than the start of a sentence: of at most two
/// words, or of capital ones.
fn is_name(member: &[u8]) -> bool {
    let mut words = member.split(|byte| *byte == b'=').next().unwrap_or_default().split(|byte| *byte == b' ');
    words.clone().count() < 3 || words.all(|word| word.first().is_some_and(u8::is_ascii_uppercase))
}

/// Tells whether `rest` goes on with something else that is said: `, user=…`.
fn names_another(rest: &[u8]) -> bool {
    let mut commas = memchr::memchr_iter(b',', rest).map(|at| &rest[at + 1..]);
    commas.any(|behind| behind.first() == Some(&b' ') && is_member(behind.trim_ascii_start()))
}

/// Tells whether `text` begins with a member of a list, `Word=`.
fn is_member(text: &[u8]) -> bool {
    let length = text.iter().take(32).take_while(|byte| NAME.has(**byte) || **byte == b' ').count();
    text.first().is_some_and(u8::is_ascii_alphabetic) && text.get(length) == Some(&b'=')
}

/// Returns the quote, or the break of a line, behind which the list around `at` begins.
fn quote_around(text: &[u8], at: usize) -> Option<u8> {
    text[..at].iter().rev().take(LIST).copied().find(|byte| matches!(byte, b'"' | b'\'' | b'\n'))
}

/// Tells whether the list around `at` begins with the string it stands in.
fn fills(text: &[u8], at: usize) -> bool {
    let before = text[..at].iter().rev().take(LIST).position(|byte| matches!(byte, b'"' | b'\'' | b'\n'));
    let Some(list) = before.map(|length| &text[at - length..at]) else { return false };
    is_member(list) && is_name(list)
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
        for (letters, padding, _) in KEYS {
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
        assert_eq!(ends, Ends { start: 5, plain: 27, whole: text.len() });
    }
}
