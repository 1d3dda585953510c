//! Is this a number that a state gave to a person?
//!
//! Only where a policy names its kind, for every nine digits in eleven pass for somebody's number
//! somewhere. A shape and check digits must fit, and where both together are no proof the number
//! must be written with its separators, or stand behind a word that says what it is. A word of the
//! text is looked at once for each kind that is chosen; the longest number has [`LONGEST`] characters.

mod check;
mod numbers;

pub use check::luhn;
pub use numbers::{NUMBERS, iban};

use super::Kind;
use crate::redaction::scan::Found;
use crate::telemetry::Confidence;

/// The most characters of a number, separators not counted.
pub const LONGEST: usize = 20;
/// How far before a number a word says what it is, bytes.
const AROUND: usize = 64;

/// When a number needs no word beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    /// Never.
    Never,
    /// Where it is written with its separators.
    Formatted,
    /// Always: hardly anything else looks like it.
    Always,
}

/// A number that a state gives to people.
#[derive(Debug)]
pub struct National {
    /// What it is called.
    pub kind: Kind,
    /// How it is written: `9` is a digit, `A` a letter, `*` either, `-` a separator or none, `~` a
    /// hyphen; anything else is itself.
    shapes: &'static [&'static str],
    /// When it needs no word beside it.
    alone: Alone,
    /// Words that stand beside it, in lower case.
    words: &'static [&'static str],
    /// Tells whether its check digits hold.
    holds: fn(&[u8]) -> bool,
    /// The published algorithm, and who published it.
    pub source: &'static str,
}

/// Appends the numbers of `kinds` in `text` to `found`.
pub fn find(text: &[u8], kinds: &[&'static National], found: &mut Vec<Found>) {
    let mut at = 0;
    while let Some(from) = text[at..].iter().position(u8::is_ascii_alphanumeric) {
        let start = at + from;
        let length = text[start..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        at = start + length;
        let start = start + escape(text, start).min(length);
        // A single letter may stand apart from the digits behind it: `X-1234567-L`.
        let lead = at - start == 1 && text.get(at + 1).is_some_and(u8::is_ascii_digit);
        let may = lead || text[start..at].iter().any(u8::is_ascii_digit);
        if at - start > LONGEST || !may || follows_number(text, start) {
            continue;
        }
        if let Some((kind, end)) = kinds.iter().find_map(|one| Some((one.kind, one.at(text, start)?))) {
            found.push(Found::new(start..end, kind, Confidence::Proven));
            at = end;
        }
    }
}

/// Returns how many of the letters at `at` belong to an escape that began before.
fn escape(text: &[u8], at: usize) -> usize {
    match (at.checked_sub(1).and_then(|before| text.get(before)), &text[at..]) {
        (Some(b'\\'), [b'u', ..]) => 5,
        (Some(b'\\'), [b'n' | b'r' | b't' | b'b' | b'f', ..]) => 1,
        (Some(b'%'), [b'2', b'5', ..]) => 4,
        (Some(b'%'), _) => 2,
        _ => 0,
    }
}

/// Tells whether what starts at `at` goes on with a number: a decimal, a GUID, a version.
fn follows_number(text: &[u8], at: usize) -> bool {
    matches!(text[..at], [.., before, b'-' | b'.'] if before.is_ascii_alphanumeric())
        || matches!(text[..at], [.., b'_'])
}

impl National {
    /// Returns where the number ends that starts at `start`, if one does.
    fn at(&self, text: &[u8], start: usize) -> Option<usize> {
        self.shapes.iter().find_map(|shape| {
            let mut code = [0; LONGEST];
            let (length, end, formatted) = shaped(text, start, shape, &mut code)?;
            let sure = match self.alone {
                Alone::Always => true,
                Alone::Formatted => formatted,
                Alone::Never => false,
            };
            let holds = (self.holds)(&code[..length]) && (sure || self.is_named(text, start));
            holds.then_some(end)
        })
    }

    /// Tells whether one of its words stands before `at`.
    fn is_named(&self, text: &[u8], at: usize) -> bool {
        let before = &text[at.saturating_sub(AROUND)..at];
        let lower = before.to_ascii_lowercase();
        self.words.iter().any(|word| {
            memchr::memmem::find_iter(&lower, word.as_bytes()).any(|place| {
                let starts =
                    place == 0 || !lower[place - 1].is_ascii_alphabetic() || before[place].is_ascii_uppercase();
                let next = before.get(place + word.len());
                starts && !next.is_some_and(u8::is_ascii_lowercase)
            })
        })
    }
}

/// Reads what has this `shape` at `start` into `code`: how many characters, where it ends, and
/// whether all its separators are there.
fn shaped(text: &[u8], start: usize, shape: &str, code: &mut [u8; LONGEST]) -> Option<(usize, usize, bool)> {
    let (mut at, mut length) = (start, 0);
    let (mut separators, mut missing) = (0, 0);
    for wanted in shape.bytes() {
        let here = text.get(at).copied();
        if wanted == b'-' {
            let there = here.is_some_and(|byte| matches!(byte, b'-' | b' ' | b'.' | b'/'));
            (at, separators, missing) = (at + usize::from(there), separators + 1, missing + i32::from(!there));
            continue;
        }
        let byte = here?.to_ascii_uppercase();
        let (fits, counts) = match wanted {
            b'9' => (byte.is_ascii_digit(), true),
            b'A' => (byte.is_ascii_uppercase(), true),
            b'*' => (byte.is_ascii_alphanumeric(), true),
            b'~' => (byte == b'-', false),
            other => (byte == other, other.is_ascii_alphanumeric()),
        };
        if !fits {
            return None;
        }
        if counts {
            *code.get_mut(length)? = byte;
            length += 1;
        } else {
            separators += 1;
        }
        at += 1;
    }
    let goes_on = match text.get(at..).unwrap_or_default() {
        [b'-' | b'.', next, ..] => next.is_ascii_alphanumeric(),
        [next, ..] => next.is_ascii_alphanumeric() || *next == b'_',
        [] => false,
    };
    (!goes_on).then_some((length, at, separators > 0 && missing == 0))
}

#[cfg(test)]
mod tests;
