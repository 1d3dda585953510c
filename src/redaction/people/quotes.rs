//! Does JSON need quotes around what takes this number's place?
//!
//! A card in JSON may be a number, and a fingerprint is none. A number follows a name or stands in a
//! list; the quotes are written as those of the name before it, however many strings deep. Where that
//! can't be told, a `0` takes its place: never is a record broken. A walk back is at most [`BACK`]
//! bytes.

use std::ops::Range;

/// How far back a list's name is looked for, bytes.
const BACK: usize = 512;

/// What must stand around a replacement.
#[derive(Debug, PartialEq, Eq)]
pub enum Quotes {
    /// Nothing: it stands in a text.
    None,
    /// This quote, on both sides.
    Needed(&'static str),
    /// It is a number, and how quotes are written there is not known.
    Unknown,
}

/// Returns what must stand around what replaces `span` of `text`.
pub fn around(text: &[u8], span: &Range<usize>) -> Quotes {
    if !text[span.clone()].iter().all(u8::is_ascii_digit) {
        return Quotes::None;
    }
    let behind = text[span.end..].trim_ascii_start().first();
    let before = text[..span.start].trim_ascii_end();
    match (before.split_last(), behind) {
        (Some((b':', name)), None | Some(b',' | b'}' | b'\\')) => named(name),
        (Some((b'[' | b',', _)), None | Some(b',' | b']')) => listed(before),
        _ => Quotes::None,
    }
}

/// Returns the quote on both sides of what replaces `span` of `text`; `None` if that can't be told.
pub fn quote(text: &[u8], span: &Range<usize>) -> Option<&'static str> {
    match around(text, span) {
        Quotes::None => Some(""),
        Quotes::Needed(quote) => Some(quote),
        Quotes::Unknown => None,
    }
}

/// Returns the quote that `text`, a member's name or a text of a list, ends with.
fn named(text: &[u8]) -> Quotes {
    let text = text.trim_ascii_end();
    let Some((quote @ (b'"' | b'\''), before)) = text.split_last() else { return Quotes::None };
    let escapes = before.iter().rev().take(16).take_while(|byte| **byte == b'\\').count();
    match (quote, escapes) {
        (b'\'', _) => Quotes::Needed("'"),
        (_, 0) => Quotes::Needed("\""),
        (_, 1) => Quotes::Needed("\\\""),
        (_, 3) => Quotes::Needed("\\\\\\\""),
        (_, 7) => Quotes::Needed("\\\\\\\\\\\\\\\""),
        _ => Quotes::Unknown,
    }
}

/// Returns the quotes of the list in which `before` ends.
fn listed(before: &[u8]) -> Quotes {
    let window = &before[before.len().saturating_sub(BACK)..];
    let other = |byte: &u8| !(byte.is_ascii_digit() || matches!(byte, b',' | b' ' | b'[' | b'.' | b'-'));
    let Some(last) = window.iter().rposition(other) else {
        // The list is all there is, or longer than is looked at.
        return match window.first() {
            Some(b'[') if window.len() == before.len() => Quotes::Needed("\""),
            _ if window.len() == before.len() => Quotes::None,
            _ => Quotes::Unknown,
        };
    };
    let list = window[last + 1..].contains(&b'[');
    match window[last] {
        b':' if list => named(&window[..last]),
        b'"' | b'\'' => named(&window[..=last]),
        b'}' | b']' | b'l' | b'e' => Quotes::Unknown,
        _ => Quotes::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_json_needs_the_quotes_that_stand_around_it() {
        for (text, quotes) in [
            (r#"{"card":N}"#, Quotes::Needed("\"")),
            (r#"{"card": N, "x":1}"#, Quotes::Needed("\"")),
            (r#"{"m":"{\"card\":N}"}"#, Quotes::Needed("\\\"")),
            (r#"{"m":"{'card':N}"}"#, Quotes::Needed("'")),
            (r#"{"cards":[1, N]}"#, Quotes::Needed("\"")),
            (r#"{"cards":["a",N]}"#, Quotes::Needed("\"")),
            (r#"{"m":"{\"cards\":[[N]]}"}"#, Quotes::Needed("\\\"")),
            ("[N,1]", Quotes::Needed("\"")),
            (r#"{"cards":[{"a":1},N]}"#, Quotes::Unknown),
            (r#"{"card":"N"}"#, Quotes::None),
            (r#"{"m":"card: N, cvc"}"#, Quotes::None),
            (r#"{"m":"cards N, N"}"#, Quotes::None),
            ("N", Quotes::None),
            ("card=N", Quotes::None),
        ] {
            let at = text.find('N').unwrap();
            let number = text.replace('N', "4111111111111111");
            assert_eq!(around(number.as_bytes(), &(at..at + 16)), quotes, "{text}");
        }
    }
}
