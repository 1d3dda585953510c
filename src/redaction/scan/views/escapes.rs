//! What does this text say once its escapes are undone?
//!
//! Percent escapes, those of JSON and entities of HTML hide the words that rules look for and the
//! signs between their parts: `hooks.slack.com%2Fservices`, `\u0070assword`, `&quot;secret&quot;`.
//! The stretch around an escape, up to white space and quotes, is read with all of them undone, over
//! the break of a line if a long word ends there; percent within percent in one go. Each byte is read once.

use std::ops::Range;

use super::super::bytes::{BASE64, Set, hex, run_of, unit_at};
use super::{Cursor, Gathering, How, folds};

const CONTROLS: Set = Set::of(
    b"\0\x01\x02\x03\x04\x05\x06\x07\x08\t\n\x0b\x0c\r\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f",
);
/// What ends a stretch.
const STOP: Set = CONTROLS.and(b" \"'<>`");

/// Entities of HTML, and what they stand for.
const ENTITIES: [(&[u8], u8); 10] = [
    (b"&amp;", b'&'),
    (b"&quot;", b'"'),
    (b"&apos;", b'\''),
    (b"&lt;", b'<'),
    (b"&gt;", b'>'),
    (b"&equals;", b'='),
    (b"&plus;", b'+'),
    (b"&sol;", b'/'),
    (b"&colon;", b':'),
    (b"&commat;", b'@'),
];

/// Tells whether what `text` starts with announces an escape: `%` and most digits, where the classes of
/// characters told it, `\u0`, `\/`, an entity.
pub fn is_escape(text: &[u8]) -> bool {
    match text {
        [b'%', ..] | [b'\\', b'/', ..] | [b'\\', b'u', b'0', ..] | [b'&', b'#', ..] => true,
        [b'&', ..] => ENTITIES.iter().any(|(name, _)| text.starts_with(name)),
        _ => false,
    }
}

/// Reads every stretch with an escape in it.
pub fn gather(to: &mut Gathering<'_>) {
    let (text, mut cursor) = (to.texts.text, Cursor::default());
    let (mut from, mut floor) = (0, 0);
    for at in to.texts.gates.escapes.iter().map(|at| *at as usize) {
        let is_space = text[at..].starts_with(b"%20") && !parts_a_number(text, at) && !parts_base64(text, at);
        if at < from || is_space {
            continue;
        }
        let Some((parent, range)) = cursor.around(to.texts, at).filter(|(parent, _)| !to.texts.is_folded(*parent))
        else {
            continue;
        };
        if escape_at(&text[..range.end], at).is_none() {
            continue;
        }
        if let Some(end) = cursor.covered(&to.covered, at) {
            from = end;
            continue;
        }
        let around = Around::of(text[at]);
        let outer = stretch(&text[..range.end], floor.max(range.start), at, &around);
        // A page is read to the end of its string; what its start is cut off from may be a sentence.
        let cut = outer.start > range.start && (text[outer.start] == b' ' || !around.ends_at(text, outer.start - 1));
        let whole = text[at] == b'&' && !cut;
        floor = outer.end.max(at + 1);
        from = floor;
        if to.may(parent, &outer) {
            read(to, parent, outer, whole);
        }
    }
}

/// Tells whether the `%20` at `at` stands between four digits and four, as in the number of a card.
fn parts_a_number(text: &[u8], at: usize) -> bool {
    let four = |digits: Option<&[u8]>| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    four(at.checked_sub(4).and_then(|from| text.get(from..at))) && four(text.get(at + 3..at + 7))
}

/// Tells whether the `%20` at `at` may be the `+` of base64: letters on both sides, on one of them many.
fn parts_base64(text: &[u8], at: usize) -> bool {
    let before = text[..at].iter().rev().take(16).take_while(|byte| BASE64.has(**byte)).count();
    let behind = run_of(&text[at + 3..], &BASE64, 16);
    before.min(behind) > 0 && before.max(behind) == 16
}

fn read(to: &mut Gathering<'_>, parent: usize, outer: Range<usize>, whole: bool) {
    let (from, offsets) = (to.text.len(), to.offsets.len());
    let text = &to.texts.text[..outer.end];
    let (mut at, mut percent) = (outer.start, 0);
    while let Some(&byte) = text.get(at) {
        let (read, length) = match escape_at(text, at) {
            Some((read, length)) => {
                percent = percent.max(match (byte, length) {
                    (b'%', 5) => 2,
                    (b'%', _) => 1,
                    _ => 0,
                });
                (read, length)
            }
            None if byte == b'\\' => {
                // A run of them is no escape: none of its bytes is asked again.
                let run = text[at..].iter().take_while(|byte| **byte == b'\\').count();
                for place in at..at + run - 1 {
                    to.text.push(byte);
                    to.offsets.push(place as u32);
                }
                at += run - 1;
                (byte, 1)
            }
            None => (byte, 1),
        };
        to.text.push(read);
        to.offsets.push(at as u32);
        at += length;
    }
    to.offsets.push(at as u32);
    to.view(parent, outer, from, How::Escaped { offsets, percent, whole });
}

/// What of its surroundings is read with an escape.
struct Around {
    stop: Set,
    /// Whether an `&` that is no entity ends it: it stands between two parameters, of which each
    /// is encoded by itself.
    parameter: bool,
}

impl Around {
    /// Returns what is read with an escape that starts with `byte`.
    const fn of(byte: u8) -> Self {
        match byte {
            // A page is written with spaces.
            b'&' => Self { stop: CONTROLS.and(b"\"'<>`"), parameter: false },
            _ => Self { stop: STOP, parameter: byte == b'%' },
        }
    }

    fn ends_at(&self, text: &[u8], at: usize) -> bool {
        self.stop.has(text[at]) || self.parameter && text[at] == b'&' && entity(&text[at..]).is_none()
    }
}

/// Returns what stands `around` the escape at `at` that starts with no byte before `floor`.
fn stretch(text: &[u8], floor: usize, at: usize, around: &Around) -> Range<usize> {
    let mut start = at;
    while start > floor {
        let sign = text[start - 1] == b'\\' && !matches!(text[start], b'u' | b'/' | b'\\');
        if !sign && !around.ends_at(text, start - 1) {
            start -= 1;
            continue;
        }
        // `\n`: its letter is no part of what follows.
        start += usize::from(sign && start < at && text[start].is_ascii());
        match folds::backwards(&text[floor..], start - floor) {
            Some(before) => start = floor + before,
            None => break,
        }
    }
    let mut end = at;
    while let Some(byte) = text.get(end) {
        let run = text[end..].iter().take_while(|byte| **byte == b'\\').count();
        let sign = *byte == b'\\' && !matches!(text.get(end + run), Some(b'u' | b'/'));
        if !sign && !around.ends_at(text, end) {
            end += run + 1;
            continue;
        }
        match folds::onwards(text, end) {
            Some(next) => end = next,
            None => break,
        }
    }
    start..end.min(text.len())
}

/// Returns what the escape at `at` stands for, and its length.
fn escape_at(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match *text.get(at)? {
        b'%' | b'\\' => unit_at(text, at).filter(|unit| unit.escaped).map(|unit| (unit.byte, unit.len)),
        b'&' => entity(&text[at..]),
        _ => None,
    }
}

/// Reads an entity of HTML at the start of `text`: the character, those beyond ASCII as 0xFF, and its length.
pub fn entity(text: &[u8]) -> Option<(u8, usize)> {
    if let Some(rest) = text.strip_prefix(b"&#") {
        let (digits, base) = match rest.first()? {
            b'x' | b'X' => (&rest[1..], 16),
            _ => (rest, 10),
        };
        let length = digits.iter().take(7).take_while(|digit| hex(**digit).is_some()).count();
        let number = u32::from_str_radix(std::str::from_utf8(&digits[..length]).ok()?, base).ok()?;
        let end = text.len() - digits.len() + length + 1;
        let byte = u8::try_from(number).ok().filter(u8::is_ascii).unwrap_or(0xff);
        return (digits.get(length) == Some(&b';')).then_some((byte, end));
    }
    ENTITIES.iter().find(|(name, _)| text.starts_with(name)).map(|(name, byte)| (*byte, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entity_announces_an_escape() {
        assert!(ENTITIES.iter().all(|(entity, _)| is_escape(entity)));
    }

    #[test]
    fn entities_stand_for_a_character() {
        for (text, want) in [
            ("&amp;x", Some((b'&', 5))),
            ("&#43;", Some((b'+', 5))),
            ("&#x2B;", Some((b'+', 6))),
            ("&#8364;", Some((0xff, 7))),
            ("&#43", None),
            ("&#;", None),
            ("&#xzz;", None),
            ("&other;", None),
        ] {
            assert_eq!(entity(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_stretch_ends_at_white_space_and_quotes_however_they_are_written() {
        for (text, want) in [
            ("a b%2Fc d", "b%2Fc"),
            ("?a=b&c=%2Fd&e=f", "c=%2Fd"),
            ("a &amp;b=c&d \"", "a &amp;b=c&d "),
            (r#"{"m":"x\ny\/z\"q"}"#, r"y\/z"),
            (r#""\/\\\/a\\n""#, r"\/\\\/a"),
            (r"\%41b", "%41b"),
            (r"a\é%41b", "é%41b"),
            (r#""abcdefghij\/x\r\nab\nc""#, r"abcdefghij\/x\r\nab"),
            (r#""a\nabcdefghijkl\r\nm\/n\nc""#, r"abcdefghijkl\r\nm\/n"),
            (r#""abcdefghijk\nm\/n\nc""#, r"m\/n"),
            ("abcdefghijk%2B\r\n cd ef", "abcdefghijk%2B\r\n cd"),
            ("'a\\u0026b'", "a\\u0026b"),
        ] {
            let bytes = text.as_bytes();
            let at = (0..bytes.len()).find(|at| escape_at(bytes, *at).is_some_and(|(byte, _)| byte != b'\n')).unwrap();
            let found = stretch(bytes, 0, at, &Around::of(bytes[at]));
            assert_eq!(&text[found], want, "{text}");
        }
    }
}
