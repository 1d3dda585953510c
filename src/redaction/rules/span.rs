//! Which bytes of a match can be replaced so that its record still reads?
//!
//! A pattern knows nothing of JSON: its match may begin in the middle of `\u0041`, end before the
//! quote of `\"`, or run over names and commas from one text to the next. What is hidden is whole
//! escapes and whole letters, piece by piece between quotes; the punctuation between texts, and
//! the name before a value, stay. What is a fingerprint already stays too. Linear in the match,
//! but for the places of quotes, which are looked for once a message.

use std::cell::OnceCell;
use std::ops::Range;

use crate::redaction::fingerprint::{PADDING, fingerprint_at, tail_at};
use crate::redaction::scan::bytes::{NAME, backslashes_before, hex, run_of};

/// The longest fingerprint: a kind's name, a key id, 16 characters.
const FINGERPRINT: usize = 48 + 6 + 16;

/// A message, and where its quotes are, if anybody has asked.
pub struct Message<'m> {
    /// Its bytes.
    pub text: &'m [u8],
    quotes: OnceCell<Vec<u32>>,
}

impl<'m> Message<'m> {
    /// Returns the message with these bytes.
    pub fn new(text: &'m [u8]) -> Self {
        Self { text, quotes: OnceCell::new() }
    }

    /// Appends to `parts` what of `found` is to be hidden, ascending and apart.
    pub fn parts(&self, found: Range<usize>, parts: &mut Vec<Range<usize>>) {
        let found = self.whole_escapes(found);
        let first = parts.len();
        let mut start = found.start;
        for at in found.clone() {
            if matches!(self.text[at], b'"' | b'\'' | 0..0x20) {
                self.part(start..at, parts);
                start = at + 1;
            }
        }
        self.part(start..found.end, parts);
        let several = start > found.start;
        let mut kept: Vec<_> = parts.split_off(first);
        kept.retain(|part| !self.is_structure(part, several));
        let values = |part: &Range<usize>| !self.is_name(part);
        if several && kept.iter().any(values) {
            kept.retain(values);
        }
        parts.append(&mut kept);
    }

    /// Appends one piece without quotes, less the fingerprints in it.
    fn part(&self, part: Range<usize>, parts: &mut Vec<Range<usize>>) {
        let text = self.text;
        let end = part.end - backslashes_before(&text[part.clone()]);
        let mut start = part.start;
        let mut at = start.saturating_sub(FINGERPRINT);
        // Most hold none: its last part says so, and begins with a colon.
        let reach = text.len().min(end + FINGERPRINT);
        let mut colons = memchr::memchr_iter(b':', text.get(at..reach).unwrap_or_default());
        if !colons.any(|colon| tail_at(&text[at + colon..]).is_some()) {
            at = end;
        }
        while at < end {
            // A kind's name starts where no letter of one stands before it.
            let begins = at == 0 || !is_name_letter(text[at - 1]);
            let length = if begins { fingerprint_at(&text[at..]) } else { None };
            let Some(length) = length else {
                at += 1;
                continue;
            };
            if at > start {
                parts.push(self.whole_letters(start..at));
            }
            at += length;
            // What it is filled up with in base64 belongs to it.
            at += text[at..end.max(at)].iter().take(PADDING).take_while(|byte| **byte == b'=').count();
            start = start.max(at);
        }
        if start < end {
            parts.push(self.whole_letters(start..end));
        }
    }

    /// Widens `part` so that it cuts no escape in two.
    fn whole_escapes(&self, part: Range<usize>) -> Range<usize> {
        let text = self.text;
        let mut start = part.start - backslashes_before(&text[..part.start]);
        let mut end = part.end;
        for digits in 0..4 {
            if let Some(from) = unicode_escape(text, part.start, digits) {
                start = from;
            }
            if unicode_escape(text, part.end, digits).is_some_and(|from| from >= start) {
                end = (part.end + 4 - digits).min(text.len());
            }
        }
        for digits in 0..2 {
            let percent = |at: usize| at.checked_sub(digits + 1).filter(|from| is_percent(text, *from));
            if let Some(from) = percent(part.start) {
                start = start.min(from);
            }
            if percent(part.end).is_some_and(|from| from >= start) {
                end = end.max(part.end + 2 - digits);
            }
        }
        start..end
    }

    /// Widens `part` so that it cuts no letter in two.
    fn whole_letters(&self, part: Range<usize>) -> Range<usize> {
        let inside = |at: usize| self.text.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        let mut start = part.start;
        while start > 0 && part.start - start < 3 && inside(start) {
            start -= 1;
        }
        let mut end = part.end;
        while end - part.end < 3 && inside(end) {
            end += 1;
        }
        start..end
    }

    /// Tells whether `part` is what stands between the texts of JSON: punctuation and numbers.
    fn is_structure(&self, part: &Range<usize>, several: bool) -> bool {
        let bytes = &self.text[part.clone()];
        let may = |byte: &u8| matches!(byte, b'0'..=b'9' | b' ' | b'\t') || b"+-.E:,{}[]truefalsn".contains(byte);
        if !bytes.iter().all(may) {
            return false;
        }
        several && bytes.iter().all(|byte| b" \t:,{}[]".contains(byte)) || self.between_texts(part.start)
    }

    /// Tells whether `part` is the name of a JSON member.
    fn is_name(&self, part: &Range<usize>) -> bool {
        let rest = &self.text[part.end..];
        // The last part may stop within a name.
        let behind = &rest[run_of(rest, &NAME, 64)..];
        let skipped = behind.iter().take(32).take_while(|byte| matches!(byte, b'\\' | b'"' | b'\'' | b' ' | b'\t'));
        let skipped = skipped.count();
        skipped > 0 && behind.get(skipped) == Some(&b':')
    }

    /// Tells whether the message is JSON and `at` is in none of its texts.
    fn between_texts(&self, at: usize) -> bool {
        let quotes = self.quotes.get_or_init(|| quotes(self.text));
        !quotes.is_empty() && quotes.partition_point(|quote| (*quote as usize) < at).is_multiple_of(2)
    }
}

const fn is_name_letter(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')
}

/// Returns where the quotes are that open and close texts; none if it is not JSON.
fn quotes(text: &[u8]) -> Vec<u32> {
    if !matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return Vec::new();
    }
    let mut quotes = Vec::new();
    let mut at = 0;
    while let Some(next) = text.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += next;
        if text[at] == b'"' {
            quotes.push(at as u32);
        } else {
            at += 1;
        }
        at += 1;
    }
    quotes
}

/// Returns where the `\u0041` starts of which `digits` stand before `at` and the others behind.
fn unicode_escape(text: &[u8], at: usize, digits: usize) -> Option<usize> {
    let letter = at.checked_sub(digits + 1)?;
    let code = text.get(letter + 1..letter + 5)?;
    let slashes = backslashes_before(&text[..letter]);
    let is = text[letter] == b'u' && slashes > 0 && code.iter().all(|digit| hex(*digit).is_some());
    is.then_some(letter - slashes)
}

fn is_percent(text: &[u8], at: usize) -> bool {
    matches!(text.get(at..at + 3), Some([b'%', high, low]) if hex(*high).is_some() && hex(*low).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `…` for each part of what stands between `«` and `»`.
    fn hidden(text: &str) -> String {
        let (before, rest) = text.split_once('«').unwrap();
        let (found, after) = rest.split_once('»').unwrap();
        let plain = format!("{before}{found}{after}");
        let mut parts = Vec::new();
        let message = Message::new(plain.as_bytes());
        message.parts(before.len()..before.len() + found.len(), &mut parts);
        let mut out = plain.clone();
        for part in parts.into_iter().rev() {
            out.replace_range(part, "…");
        }
        out
    }

    #[test]
    fn no_escape_is_cut_in_two() {
        for (text, left) in [
            (r#"{"m":"a\«nb»c"}"#, r#"{"m":"a…c"}"#),
            (r#"{"m":"\u0«0e9b»c"}"#, r#"{"m":"…c"}"#),
            (r#"{"m":"«a\u00»e9c"}"#, r#"{"m":"…c"}"#),
            (r#"{"m":"{\"a\":\"«abc\»"}"}"#, r#"{"m":"{\"a\":\"…\"}"}"#),
            (r#"{"m":"«abc\\»"}"#, r#"{"m":"…\\"}"#),
            ("a%2«Bc»", "a…"),
            ("a%«2Bc%»2Bd", "a…d"),
        ] {
            assert_eq!(hidden(text), left, "{text}");
        }
    }

    #[test]
    fn punctuation_and_names_around_a_value_stay() {
        for (text, left) in [
            (r#"{"«password": "abc»"}"#, r#"{"password": "…"}"#),
            (r#"{"m":"{\"«password\":\"abc»\"}"}"#, r#"{"m":"{\"password\":\"…\"}"}"#),
            (r#"{"a":"x«yz","b»c":1}"#, r#"{"a":"x…","bc":1}"#),
            (r#"{"a":«41111111,"b":tru»e}"#, r#"{"a":41111111,"…":true}"#),
            (r#"{"a":"«41111111»"}"#, r#"{"a":"…"}"#),
            (r#"{"«name»":1}"#, r#"{"…":1}"#),
            ("pin «4111» x", "pin … x"),
            ("user='«abc» def'", "user='… def'"),
        ] {
            assert_eq!(hidden(text), left, "{text}");
        }
    }

    #[test]
    fn a_fingerprint_in_or_around_a_match_stays() {
        let print = "email:k1:ABCDEFGHIJKLMNOP";
        assert_eq!(hidden(&format!("x=«{print}»")), format!("x={print}"));
        assert_eq!(hidden(&format!("x=em«{}»", &print[2..])), format!("x={print}"));
        assert_eq!(hidden(&format!("x=«ab {print} cd»")), format!("x=…{print}…"));
        assert_eq!(hidden("x=email:k1:AB«CDEFGHIJKLMNOPxyz»"), "x=email:k1:ABCDEFGHIJKLMNOP…");
    }
}
