//! What of a cookie must be hidden?
//!
//! Its value, each by itself; its name stays, for it says what the cookie was for. A cookie that
//! holds a session is a secret by its name; any other is hidden as suspected, for most are none.
//! Each header is walked once.

use std::ops::Range;

use super::bytes::{Set, starts_name, starts_with};
use super::context::push;
use super::ends::{Ends, Shapes};
use super::little::says_nothing;
use super::value::{self, Place, Quote};
use super::{Found, Kind};
use crate::redaction::fingerprint::tail_at;
use crate::telemetry::Confidence;

/// What belongs to a `Set-Cookie` and is no cookie, lower case.
const ATTRIBUTES: [&[u8]; 9] =
    [b"path", b"domain", b"expires", b"max-age", b"samesite", b"secure", b"httponly", b"version", b"partitioned"];

/// What ends a cookie's value that is not quoted.
const VALUE: Set = value::ASSIGNED.and(b",");

/// Tells how sure the name of a cookie makes us that it opens something.
fn confidence(name: &[u8]) -> Confidence {
    let session = [b"AppServiceAuthSession".as_slice(), b"StaticWebAppsAuthCookie", b".AspNetCore."];
    if session.iter().any(|known| starts_with(name, known)) { Confidence::Context } else { Confidence::Suspected }
}

/// Returns how sure we are of the cookie called `name`, if it is one of Azure's own; the hit at
/// `hit` is in that name.
pub fn named(text: &[u8], hit: usize, name: &[u8]) -> Option<Confidence> {
    let known = [b"arraffinity".as_slice(), b"appserviceauth", b"staticwebappsauth", b".aspnetcore."];
    let is = known.iter().any(|word| starts_with(&text[hit..], word)) && starts_name(text, hit);
    is.then(|| confidence(name))
}

/// Hides the value of one cookie, whose name ends at `end`.
pub fn single(
    text: &[u8],
    end: usize,
    confidence: Confidence,
    shapes: &mut Shapes,
    found: &mut Vec<Found>,
) -> Option<usize> {
    let place = value::after(text, end)?;
    let Ends { plain, whole: last, .. } = shapes.ends(text, place, &VALUE, found);
    if says_nothing(&text[place.start..last]) {
        return None;
    }
    push(text, place.start..last, Kind::Cookie, confidence, found);
    Some(plain)
}

/// Hides the values of all cookies of a header (`set`: of a `Set-Cookie`, whose attributes stay);
/// returns where it ends.
pub fn header(text: &[u8], place: Place, set: bool, shapes: &mut Shapes, found: &mut Vec<Found>) -> usize {
    // `Cookie=[…]`: how Java shows a header.
    let bracket = text[..place.start].ends_with(b"[");
    if place.equals && place.quote == Quote::Bare && !bracket {
        // `cookie=…`: a parameter, not a header.
        return place.start;
    }
    let Ends { plain, whole: end, .. } = shapes.ends(text, place, &value::LINE, found);
    let end = memchr::memchr(b']', &text[place.start..end]).filter(|_| bracket).map_or(end, |at| place.start + at);
    let mut start = place.start;
    while start < end {
        let next = memchr::memchr(b';', &text[start..end]).map_or(end, |at| start + at);
        pair(text, trimmed(text, start..next), set, found);
        start = next + 1;
    }
    plain
}

fn pair(text: &[u8], span: Range<usize>, set: bool, found: &mut Vec<Found>) {
    let all = &text[span.clone()];
    if says_nothing(all) {
        return;
    }
    // The colons of a fingerprint separate no name from a value.
    let mut hidden = 0;
    let separator = loop {
        let Some(at) = memchr::memchr2(b'=', b':', &all[hidden..]).map(|at| hidden + at) else {
            if hidden == 0 && all.len() >= 8 && !(set && is_attribute(all)) {
                push(text, span, Kind::Cookie, Confidence::Suspected, found);
            }
            return;
        };
        match tail_at(&all[at..]) {
            Some(len) => hidden = at + len,
            None => break at,
        }
    };
    let name = &all[..separator];
    let value = trimmed(text, span.start + separator + 1..span.end);
    if says_nothing(&text[value.clone()]) || set && is_attribute(name) {
        return;
    }
    push(text, value, Kind::Cookie, confidence(name), found);
}

fn is_attribute(name: &[u8]) -> bool {
    ATTRIBUTES.iter().any(|known| name.trim_ascii().eq_ignore_ascii_case(known))
}

/// Leaves out spaces, and the `+` that IIS writes for them, at both ends.
fn trimmed(text: &[u8], span: Range<usize>) -> Range<usize> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'+');
    let inner = &text[span.clone()];
    let Some(first) = inner.iter().position(|byte| !blank(byte)) else { return span.end..span.end };
    let last = inner.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(first);
    span.start + first..span.start + last + 1
}
