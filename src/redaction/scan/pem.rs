//! Is this a private key in PEM, or a file that holds one?
//!
//! All between its first and last line goes; the two lines stay. Cut off, it goes up to the quote
//! that ends its text. A PKCS #12 file in base64, or a key whose frame was left out, goes whole. Each byte is walked
//! once.

use super::bytes::{BASE64, Set, backslashes_before, run_of, unit_at};
use super::{Found, Kind};
use crate::redaction::fingerprint::fingerprint_at;
use crate::telemetry::Confidence;

/// What the first line of everything in PEM begins with.
const BEGIN: &[u8] = b"-----BEGIN";

/// Returns the place behind the first line of a private key, if that begins at `at`; OpenPGP calls its keys a block.
pub fn private_key_title(text: &[u8], at: usize) -> Option<usize> {
    let title = at + BEGIN.len();
    // A form writes blanks as `+`.
    let body = title + run_of(&text[title..], &Set::word(b" +"), 48);
    let named =
        [&b"PRIVATE KEY"[..], b"PRIVATE KEY BLOCK", b"PRIVATE+KEY"].iter().any(|end| text[title..body].ends_with(end));
    (named && text[body..].starts_with(b"-----")).then_some(body + 5)
}

/// Finds the private key whose first line starts at `at`; returns up to where the text is settled.
pub fn private_key(text: &[u8], at: usize, found: &mut Vec<Found>) -> usize {
    let title = at + BEGIN.len();
    let Some(start) = private_key_title(text, at) else { return title };
    let mut end = text.len();
    for stop in memchr::memchr3_iter(b'-', b'"', b'\'', &text[start..]) {
        let stop = start + stop;
        match text[stop] {
            b'-' if !text[stop..].starts_with(b"-----END") => {}
            b'-' => {
                end = stop;
                break;
            }
            _ => {
                end = stop - backslashes_before(&text[..stop]).min(stop - start);
                break;
            }
        }
    }
    let (start, end) = trimmed(text, start, end);
    if fingerprint_at(&text[start..end]).is_some() {
        return title;
    }
    if end > start {
        found.push(Found::new(start..end, Kind::PrivateKey, Confidence::Proven));
    }
    end.max(title)
}

/// Leaves the line breaks at both ends, raw or escaped, as they are.
fn trimmed(text: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while let Some(unit) = super::bytes::unit_at(&text[..end], start).filter(|unit| unit.byte.is_ascii_whitespace()) {
        start += unit.len;
    }
    while let Some(unit) =
        super::bytes::unit_before(&text[start..end], end - start).filter(|unit| unit.byte.is_ascii_whitespace())
    {
        end -= unit.len;
    }
    (start, end)
}

/// From how many characters on a PKCS #12 file is one beyond doubt: an empty one has more.
const FILE: usize = 256;
/// From how many characters on it is hidden.
const LEAST: usize = 64;

/// Finds the PKCS #12 file whose version stands at `at` (`IBAzCC`, the sixth character on), or the PKCS #8 key
/// (`IBADANBg…`), which is of that `kind`; returns up to where the text is settled.
pub fn der(text: &[u8], at: usize, kind: Kind, found: &mut Vec<Found>) -> usize {
    let Some(start) = at.checked_sub(6) else { return at + 1 };
    let head = &text[start..at];
    if !head.starts_with(b"MI") || !matches!(head[2], b'I'..=b'L') || !matches!(head[5], b'A' | b'Q' | b'g' | b'w') {
        return at + 1;
    }
    let (mut end, mut length) = (start, 0);
    while let Some(unit) = unit_at(text, end).filter(|unit| BASE64.has(unit.byte) || unit.byte == b'=') {
        end += unit.len;
        length += 1;
    }
    if length < LEAST {
        return at + 1;
    }
    let confidence = if length >= FILE { Confidence::Proven } else { Confidence::Suspected };
    found.push(Found::new(start..end, kind, confidence));
    end
}
