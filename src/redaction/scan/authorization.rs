//! Which credentials stand in an `Authorization`?
//!
//! Behind a scheme one word, or several parameters (`username="ann", response="…"`); without a scheme what looks like
//! a token rather than like a word. A bearer token is known wherever its scheme stands.

use super::bytes::{NAME, Set, run_of, starts_name, unit_at};
use super::context::push;
use super::ends::{Ends, Shapes};
use super::little::{says_nothing, too_short};
use super::spaces::spaces;
use super::value::{self, Place, Quote};
use super::{Found, Kind, pairs};
use crate::redaction::fingerprint::{fingerprint_at, tail_at};
use crate::telemetry::Confidence;

/// What ends an opaque token in a text.
const TOKEN: Set = Set::word(b"._~+/=-%");
/// The longest word that is looked at.
const LONGEST: usize = 64;

/// Schemes by which an unquoted text is known to be credentials.
const SCHEMES: [(&[u8], Kind); 15] = [
    (b"bearer", Kind::BearerToken),
    (b"basic", Kind::BasicCredentials),
    (b"sharedkey", Kind::Authorization),
    (b"sharedkeylite", Kind::Authorization),
    (b"digest", Kind::Authorization),
    (b"negotiate", Kind::Authorization),
    (b"ntlm", Kind::Authorization),
    (b"apikey", Kind::Authorization),
    (b"token", Kind::Authorization),
    (b"geniekey", Kind::Authorization),
    (b"hmac-sha256", Kind::Authorization),
    (b"aws4-hmac-sha256", Kind::Authorization),
    (b"signature", Kind::Authorization),
    (b"oauth", Kind::Authorization),
    (b"hawk", Kind::Authorization),
];

/// Those whose credentials are several parameters.
const SEVERAL: [&[u8]; 6] = [b"digest", b"hmac-sha256", b"aws4-hmac-sha256", b"signature", b"oauth", b"hawk"];

/// Those that are words as well.
const WORDS: [&[u8]; 5] = [b"token", b"geniekey", b"signature", b"oauth", b"hawk"];

/// What ends credentials that may hold commas and semicolons.
const CREDENTIALS: Set = Set::of(b"\r\n\t\0\"' ");

/// Hides the credentials of an `Authorization`; returns where its value ends.
pub fn authorization(text: &[u8], place: Place, shapes: &mut Shapes, found: &mut Vec<Found>) -> usize {
    // `Authorization%3A%20Basic`
    let mut place = place;
    while let Some(unit) = unit_at(text, place.start).filter(|unit| unit.escaped && is_space(unit.byte)) {
        place.start += unit.len;
    }
    let scheme = &text[place.start..place.start + run_of(&text[place.start..], &NAME, 32)];
    if scheme.eq_ignore_ascii_case(b"sharedaccesssignature") {
        // Its `sig=` is found by itself, and the rest is worth reading.
        return place.start;
    }
    let behind = place.start + scheme.len();
    let mut start = behind;
    while let Some(unit) = unit_at(text, start).filter(|unit| start - behind < 12 && is_space(unit.byte)) {
        start += unit.len;
    }
    start = spaces(text, start);
    let known = SCHEMES.iter().find(|(word, _)| scheme.eq_ignore_ascii_case(word)).filter(|_| start > behind);
    let several = known.is_some_and(|(word, _)| SEVERAL.contains(word));
    let stop = if several { &CREDENTIALS } else { &value::WORD };
    if place.quote == Quote::Bare && known.is_none() {
        if !looks_opaque(&text[place.start..]) || tail_at(&text[behind..]).is_some() {
            return place.start;
        }
        let Ends { plain, whole: end, .. } = shapes.ends(text, place, stop, found);
        // What it ends with may be written with an escape, of which the look of it knows nothing.
        if !looks_opaque(&text[place.start..end.max(place.start)]) {
            return place.start;
        }
        push(text, place.start..end, Kind::Authorization, Confidence::Suspected, found);
        return plain;
    }
    let (start, kind, confidence) = match known {
        Some((_, kind)) => (start, *kind, Confidence::Context),
        None => (place.start, Kind::Authorization, Confidence::Suspected),
    };
    let doubtful = known.is_some_and(|(word, _)| WORDS.contains(word));
    if doubtful && place.quote == Quote::Bare && !looks_opaque(&text[start..]) && !pairs::begins_parameter(text, start)
    {
        // `Authorization: token missing`
        return place.start;
    }
    let Ends { mut plain, whole: mut end, .. } = shapes.ends(text, Place { start, ..place }, stop, found);
    if several && place.quote == Quote::Bare {
        // `username="ann", response="…"`
        end = pairs::parameters(text, start).max(end);
        plain = end;
    }
    if start >= end || known.is_none() && too_short(&text[start..end], 8) || says_nothing(&text[start..end]) {
        return place.start;
    }
    push(text, start..end, kind, confidence, found);
    plain
}

/// Tells whether `text` starts with a token rather than a word: 16 characters, a digit early on.
pub fn looks_opaque(text: &[u8]) -> bool {
    let length = run_of(text, &TOKEN, LONGEST);
    length >= 16 && text[..length].iter().any(u8::is_ascii_digit)
}

pub const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'+' | b'\t')
}

/// Finds the opaque token behind the word `Bearer`.
/// Up to `walked` text was walked that is no token.
pub fn bearer(text: &[u8], hit: usize, end: usize, walked: &mut usize, found: &mut Vec<Found>) -> Option<usize> {
    if end < *walked {
        return None;
    }
    let mut start = end;
    while let Some(unit) = unit_at(text, start).filter(|unit| start - end < 12 && is_space(unit.byte)) {
        start += unit.len;
    }
    start = spaces(text, start);
    if start == end || !starts_name(text, hit) || fingerprint_at(&text[start..]).is_some() {
        return None;
    }
    if !looks_opaque(&text[start..]) {
        return None;
    }
    let length = run_of(&text[start..], &TOKEN, usize::MAX);
    // It ends in a fingerprint's kind: what it named is hidden already.
    if tail_at(&text[start + length..]).is_some() {
        *walked = start + length;
        return None;
    }
    push(text, start..start + length, Kind::BearerToken, Confidence::Context, found);
    Some(start + length)
}
