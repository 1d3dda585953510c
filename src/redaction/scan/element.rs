//! Is this name an element's, and what stands in it?
//!
//! `<name>value</name>`, with a namespace, attributes or CDATA, its brackets as they are or escaped. It has to be
//! closed by its own name, or cut off: `<password>` alone is a placeholder, `List<Password>` a type. At most 256
//! bytes of attributes and 16 KiB of value are read.

use std::ops::Range;

use super::bytes::{NAME, starts_with, unit_at, unit_before};

/// The longest name, with its namespace.
const NAMED: usize = 64;
/// How many bytes of attributes are read over.
const ATTRIBUTES: usize = 256;
/// The longest value that is read.
const LONGEST: usize = 16 << 10;
/// The fewest bytes of a value that is cut off.
const LEAST: usize = 4;
const CDATA: &[u8] = b"![CDATA[";

/// Returns what stands in the element whose name ends at `at`.
pub fn value(text: &[u8], at: usize) -> Option<Range<usize>> {
    let (bracket, name) = opening(text, at)?;
    let name = &text[name..at];
    let start = behind_start(text, at)?;
    let marked = unit_at(text, start).filter(|unit| unit.byte == b'<').map(|unit| start + unit.len);
    let marked = marked.filter(|at| starts_with(&text[*at..], CDATA)).map(|at| at + CDATA.len());
    let (start, cdata) = marked.map_or((start, false), |start| (start, true));
    let mut at = start;
    while let Some(unit) = unit_at(text, at).filter(|_| at - start <= LONGEST) {
        let behind = at + unit.len;
        let ends = match unit.byte {
            b']' if cdata => behind_cdata(text, behind),
            b'<' if !cdata && (unit.len == bracket || !unit.escaped) => Some(at),
            // The string around it ends.
            b'"' if !unit.escaped
                && matches!(text.get(behind), None | Some(b',' | b'}' | b']' | b':' | b'\r' | b'\n')) =>
            {
                return cut_off(&text[start..at]).then_some(start..at);
            }
            _ => None,
        };
        if let Some(end) = ends {
            return closes(text, end, name).then_some(start..at);
        }
        at = behind;
    }
    (at >= text.len() && cut_off(&text[start..])).then_some(start..text.len())
}

/// Tells whether what stands between an element's start and the end of the text may be a value that was cut off: it
/// is one word.
fn cut_off(value: &[u8]) -> bool {
    value.len() >= LEAST && !value.iter().any(u8::is_ascii_whitespace)
}

/// Returns the length of the bracket before the name that ends at `at`, and where the name begins.
fn opening(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let (mut start, mut last) = (at, unit_before(text, at));
    while let Some(unit) = last.filter(|unit| at - start < NAMED && (NAME.has(unit.byte) || unit.byte == b':')) {
        start -= unit.len;
        last = unit_before(text, start);
    }
    let bracket = last.filter(|unit| unit.byte == b'<')?.len;
    let before = unit_before(text, start - bracket);
    before.is_none_or(|unit| !unit.byte.is_ascii_alphanumeric() && unit.byte != b'_').then_some((bracket, start))
}

/// Returns the place behind the `>` that ends the start of the element whose name ends at `at`.
fn behind_start(text: &[u8], at: usize) -> Option<usize> {
    let (mut here, mut last) = (at, 0);
    while let Some(unit) = unit_at(text, here).filter(|_| here - at <= ATTRIBUTES) {
        match unit.byte {
            b'>' => return (last != b'/').then_some(here + unit.len),
            b'<' => return None,
            other if here == at && !other.is_ascii_whitespace() => return None,
            other => last = other,
        }
        here += unit.len;
    }
    None
}

/// Returns the place behind `]>`, if CDATA ends with that at `at`.
fn behind_cdata(text: &[u8], at: usize) -> Option<usize> {
    let at = at + usize::from(text.get(at) == Some(&b']'));
    unit_at(text, at).filter(|unit| unit.byte == b'>' && text[at - 1] == b']').map(|unit| at + unit.len)
}

/// Tells whether the element `name` is closed at `at`, as far as the text goes.
fn closes(text: &[u8], at: usize, name: &[u8]) -> bool {
    let Some(bracket) = unit_at(text, at).filter(|unit| unit.byte == b'<') else { return false };
    let Some(slash) = unit_at(text, at + bracket.len).filter(|unit| unit.byte == b'/') else { return false };
    let rest = &text[at + bracket.len + slash.len..];
    let shown = rest.len().min(name.len());
    rest[..shown] == name[..shown]
}
