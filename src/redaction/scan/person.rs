//! Is this `@` part of a person's address, or of a URL with a password in it?
//!
//! Addresses are read through escapes (`%40`, `%2B`, `#EXT#`). The local part is at most 96 and
//! the domain at most 253 bytes; a password in a URL at most 256. No walk goes back behind the
//! start of the last one, so rows of `@` cost no more than their length.

use std::ops::Range;

use super::bytes::{Set, escape_before, hex, run_of, starts_with, unit_before};
use super::dummy::is_dummy;
use super::{Found, Kind};
use crate::redaction::fingerprint::{follows_key_id, is_fingerprint, tail_at};
use crate::telemetry::Confidence;

/// The longest local part, bytes as written.
const LOCAL: usize = 96;
/// The longest domain.
const DOMAIN: usize = 253;
/// The longest user name and password of a URL.
const CREDENTIALS: usize = 256;

const LOCAL_SET: Set = Set::word(b"._+-#");
const DOMAIN_SET: Set = Set::word(b"-.");

/// What ends the part of a URL that can hold a password.
const NO_CREDENTIALS: Set = Set::of(b"\"'<> \t\r\n?");

/// Finds what the `@` at `at` (as written) belongs to.
pub fn at_sign(text: &[u8], at: Range<usize>, from: &mut usize, found: &mut Vec<Found>) {
    if at.len() == 1 && credentials(text, at.start, found) {
        return;
    }
    let domain_end = at.end + domain(&text[at.end..]);
    if domain_end == at.end {
        return;
    }
    let floor = at.start.saturating_sub(LOCAL).max(*from);
    let mut start = at.start;
    while start > floor {
        match unit_before(text, start) {
            Some(unit) if LOCAL_SET.has(unit.byte) && start - unit.len >= floor => start -= unit.len,
            _ => match letter_before(&text[floor..start]) {
                Some(length) => start -= length,
                None => break,
            },
        }
    }
    if follows_key_id(&text[..start]) {
        return;
    }
    while start < at.start && matches!(text[start], b'.' | b'-' | b'+' | b'#') {
        start += 1;
    }
    if start == at.start {
        return;
    }
    *from = at.start;
    found.push(Found::new(start..domain_end, Kind::Email, Confidence::Proven));
}

/// Returns the length of the letter beyond ASCII that `text` ends with, escaped or not.
fn letter_before(text: &[u8]) -> Option<usize> {
    let mut lengths = [2, 3, 4, 6, 9, 12].into_iter().take_while(|length| *length <= text.len());
    lengths.find(|length| letter_at(&text[text.len() - length..]) == Some(*length))
}

/// Returns the length of the letter beyond ASCII that `text` starts with, escaped or not.
fn letter_at(text: &[u8]) -> Option<usize> {
    plain_letter_at(text).or_else(|| escaped_letter_at(text))
}

fn plain_letter_at(text: &[u8]) -> Option<usize> {
    let length = match text.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let letter = std::str::from_utf8(text.get(..length)?).ok()?.chars().next()?;
    letter.is_alphanumeric().then_some(length)
}

/// Returns the length of the letter beyond ASCII that `text` starts with as `\u00fc` or `%C3%BC`.
fn escaped_letter_at(text: &[u8]) -> Option<usize> {
    let digits = |at: usize, count: usize| {
        let digits = std::str::from_utf8(text.get(at..at + count)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    if let Some(point) = text.starts_with(b"\\u").then(|| digits(2, 4)).flatten() {
        return char::from_u32(point).is_some_and(|letter| !letter.is_ascii() && letter.is_alphanumeric()).then_some(6);
    }
    let mut bytes = [0; 4];
    for number in 0..4 {
        let at = number * 3;
        bytes[number] =
            digits(at + 1, 2).filter(|_| text.get(at) == Some(&b'%')).and_then(|byte| u8::try_from(byte).ok())?;
        if let Some(length) = plain_letter_at(&bytes[..=number]) {
            return Some(length * 3);
        }
    }
    None
}

/// Ends of files and of other things that no domain has, behind an `@` in paths and in names of members.
const NO_TOPS: [&[u8]; 17] = [
    b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"ico", b"css", b"js", b"mjs", b"json", b"html", b"htm", b"xml",
    b"txt", b"service", b"bind",
];

/// Returns the length of the domain at the start of `text`: labels, the last of letters alone.
fn domain(text: &[u8]) -> usize {
    let mut length = run_of(text, &DOMAIN_SET, DOMAIN);
    while let Some(letter) = letter_at(&text[length..]).filter(|_| length < DOMAIN) {
        length += letter;
        length += run_of(&text[length..], &DOMAIN_SET, DOMAIN);
    }
    while length > 0 && matches!(text[length - 1], b'.' | b'-') {
        length -= 1;
    }
    let labels = &text[..length];
    // A fingerprint's kind: it stands where something was hidden behind this `@`.
    if tail_at(&text[length..]).is_some() {
        return 0;
    }
    let Some(dot) = labels.iter().rposition(|byte| *byte == b'.') else { return 0 };
    let top = &labels[dot + 1..];
    // A file may be called by an address.
    if NO_TOPS.iter().any(|other| top.eq_ignore_ascii_case(other)) {
        return domain(&labels[..dot]);
    }
    // `xn--p1ai` is the last label of a country's in its own letters.
    let letters = top.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii()) || starts_with(top, b"xn--");
    let named = top.len() >= 2 && letters && (labels[0].is_ascii_alphanumeric() || !labels[0].is_ascii());
    let nobody = starts_with(labels, b"odata.") || [&b"min"[..], b"bundle", b"map"].contains(&top);
    if named && !nobody { length } else { 0 }
}

/// Finds the password of `scheme://user:password@host`; tells whether there is one.
fn credentials(text: &[u8], at: usize, found: &mut Vec<Found>) -> bool {
    let floor = at.saturating_sub(CREDENTIALS);
    let Some(slash) = memchr::memrchr(b'/', &text[floor..at]) else { return false };
    let start = floor + slash + 1;
    if !follows_scheme(&text[..start]) || text[start..at].iter().any(|byte| NO_CREDENTIALS.has(*byte)) {
        return false;
    }
    // Those of a fingerprint that stands there separate nothing.
    let separates = |colon: &usize| tail_at(&text[*colon..]).is_none() && !follows_key_id(&text[..=*colon]);
    let mut colons = memchr::memchr_iter(b':', &text[start..at]).map(|colon| start + colon);
    let Some(colon) = colons.find(separates) else { return false };
    let password = colon + 1..at;
    if password.is_empty() {
        return false;
    }
    let value = &text[password.clone()];
    // `jdbc:sqlserver://host:1433;user=app@host`: a port, and what is said behind it.
    let port = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if (1..=5).contains(&port) && value.get(port) == Some(&b';') {
        return false;
    }
    if !is_fingerprint(value) {
        let mut this = Found::new(password, Kind::Password, Confidence::Context);
        this.dummy = is_dummy(value);
        found.push(this);
    }
    true
}

/// Tells whether `text` ends with `://`, its slashes plain or escaped for JSON.
fn follows_scheme(text: &[u8]) -> bool {
    let mut end = text.len();
    for _ in 0..2 {
        match escape_before(&text[..end]).or_else(|| unit_before(text, end)) {
            Some(unit) if unit.byte == b'/' => end -= unit.len,
            _ => return false,
        }
    }
    unit_before(text, end).is_some_and(|unit| unit.byte == b':')
}

/// Tells whether a value is nothing but an e-mail address.
pub fn is_address(value: &[u8]) -> bool {
    let at = memchr::memchr(b'@', value).map(|at| at..at + 1);
    let at = at.or_else(|| memchr::memmem::find(value, b"%40").map(|at| at..at + 3));
    at.is_some_and(|at| {
        let local = &value[..at.start];
        !local.is_empty()
            && local.iter().all(|byte| LOCAL_SET.has(*byte) || *byte == b'%' || hex(*byte).is_some())
            && domain(&value[at.end..]) == value.len() - at.end
    })
}
