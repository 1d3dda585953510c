//! What does a value of OpenTelemetry say?
//!
//! A value names its type, `{"stringValue":"…"}`, and values lie in one another as `arrayValue` and
//! `kvlistValue`. What is read here is no deeper than any record may be.

use bumpalo::collections::String;

use super::cursor::{Cursor, Fault, Shape, Value};
use super::doc::Doc;
use super::members::{Members, Name, names};

names! {
    /// The members of an attribute, and of the values of one.
    Any {
        Key "key",
        Value "value",
        String "stringValue",
        Int "intValue",
        Double "doubleValue",
        Bool "boolValue",
        Array "arrayValue",
        Members "kvlistValue",
        Bytes "bytesValue",
        Values "values",
    }
}

/// Reads the attributes at the cursor, whose brackets are the `level`th, into `members`.
pub(super) fn attributes<'s, N: Name>(
    members: &mut Members<'s, N>,
    cursor: &mut Cursor<'s>,
    level: u32,
) -> Result<(), Fault> {
    elements(cursor, |cursor| {
        if cursor.space() == Some(b'{') {
            attribute(members, cursor, level + 1)
        } else {
            cursor.value(level + 1).map(drop)
        }
    })
}

fn attribute<'s, N: Name>(members: &mut Members<'s, N>, cursor: &mut Cursor<'s>, level: u32) -> Result<(), Fault> {
    let doc = members.doc;
    let (mut name, mut value) = (None, None);
    let mut key = cursor.first_key()?;
    while let Some(at) = key {
        match Any::of(doc.says(at).as_bytes()) {
            Some(Any::Key) => {
                let key = cursor.value(level + 1)?;
                name = name.or_else(|| N::of(doc.says(key).as_bytes()));
            }
            Some(Any::Value) => {
                let found = any(doc, cursor, level + 1)?;
                value = value.or(found);
            }
            _ => drop(cursor.value(level + 1)?),
        }
        key = cursor.next_key()?;
    }
    if let (Some(name), Some(value)) = (name, value) {
        // A header is a list; the first of it counts.
        let value = if value.shape == Shape::Object { first(doc, value).unwrap_or(value) } else { value };
        members.keep(name, value);
    }
    Ok(())
}

/// Reads the value at the cursor, such as `{"stringValue":"…"}`; returns the text or number in it, or
/// the object that holds its values. Bytes are nothing.
pub(super) fn any<'s>(doc: Doc<'s>, cursor: &mut Cursor<'s>, level: u32) -> Result<Option<Value>, Fault> {
    if cursor.space() != Some(b'{') {
        return cursor.value(level).map(Some);
    }
    let mut found = None;
    let mut key = cursor.first_key()?;
    while let Some(at) = key {
        let value = cursor.value(level + 1)?;
        match Any::of(doc.says(at).as_bytes()) {
            Some(Any::String | Any::Int | Any::Double | Any::Bool) => found = found.or(Some(value)),
            Some(Any::Array | Any::Members) if value.shape == Shape::Object => found = found.or(Some(value)),
            _ => {}
        }
        key = cursor.next_key()?;
    }
    Ok(found)
}

/// Returns the first text or number among the values of `several`.
fn first(doc: Doc<'_>, several: Value) -> Option<Value> {
    let mut cursor = doc.cursor(several.start as usize);
    let mut key = cursor.first_key().ok()?;
    while let Some(at) = key {
        if Any::of(doc.says(at).as_bytes()) == Some(Any::Values) && cursor.space() == Some(b'[') {
            cursor.at += 1;
            cursor.space();
            let one = any(doc, &mut cursor, 1).ok()??;
            return matches!(one.shape, Shape::String | Shape::Scalar).then_some(one);
        }
        cursor.value(1).ok()?;
        key = cursor.next_key().ok()?;
    }
    None
}

/// Calls `each` at every element of the array at the cursor; it must read it.
fn elements<'s>(
    cursor: &mut Cursor<'s>,
    mut each: impl FnMut(&mut Cursor<'s>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    cursor.at += 1;
    if cursor.space() == Some(b']') {
        cursor.at += 1;
        return Ok(());
    }
    loop {
        each(cursor)?;
        match cursor.space() {
            Some(b',') => cursor.at += 1,
            Some(b']') => {
                cursor.at += 1;
                return Ok(());
            }
            Some(_) => return Err(Fault::Broken),
            None => return Err(Fault::CutOff),
        }
        cursor.space();
    }
}

/// Calls `each` with every text and number in the value at the cursor and the name it has.
pub(super) fn walk<'s>(
    doc: Doc<'s>,
    cursor: &mut Cursor<'s>,
    each: &mut impl FnMut(Option<Any>, Value),
) -> Result<(), Fault> {
    match cursor.space() {
        Some(b'{') => {
            let mut key = cursor.first_key()?;
            while let Some(at) = key {
                if matches!(cursor.space(), Some(b'{' | b'[')) {
                    walk(doc, cursor, each)?;
                } else {
                    let value = cursor.value(1)?;
                    each(Any::of(doc.says(at).as_bytes()), value);
                }
                key = cursor.next_key()?;
            }
            Ok(())
        }
        Some(b'[') => elements(cursor, |cursor| walk(doc, cursor, each)),
        _ => cursor.value(1).map(drop),
    }
}

/// Returns the structured value `body` as plain JSON: `{"a":1}` of `{"kvlistValue":…}`.
pub(super) fn plain(doc: Doc<'_>, body: Value) -> &str {
    let mut out = String::with_capacity_in((body.end - body.start) as usize, doc.arena);
    // It was read before, so it can be read.
    let _ = plain_any(doc, &mut doc.cursor(body.start as usize), &mut out);
    out.into_bump_str()
}

fn plain_any<'s>(doc: Doc<'s>, cursor: &mut Cursor<'s>, out: &mut String<'s>) -> Result<(), Fault> {
    if cursor.space() != Some(b'{') {
        let value = cursor.value(1)?;
        plain_text(doc, value, out);
        return Ok(());
    }
    let before = out.len();
    let mut key = cursor.first_key()?;
    while let Some(at) = key {
        let next = cursor.space();
        // Of several values the first counts.
        let name = Any::of(doc.says(at).as_bytes()).filter(|_| out.len() == before);
        match (name, next) {
            (Some(Any::Array), Some(b'{')) => plain_several(doc, cursor, out, false)?,
            (Some(Any::Members), Some(b'{')) => plain_several(doc, cursor, out, true)?,
            (Some(Any::Int | Any::Double | Any::Bool), _) => {
                let value = cursor.value(1)?;
                out.push_str(doc.says(value));
            }
            (Some(Any::String), _) => {
                let value = cursor.value(1)?;
                plain_text(doc, value, out);
            }
            (Some(Any::Bytes), _) => {
                cursor.value(1)?;
                out.push_str("\"(bytes)\"");
            }
            _ => drop(cursor.value(1)?),
        }
        key = cursor.next_key()?;
    }
    if out.len() == before {
        out.push_str("null");
    }
    Ok(())
}

/// Writes the values in the object at the cursor, which are `members` or an array's elements.
fn plain_several<'s>(doc: Doc<'s>, cursor: &mut Cursor<'s>, out: &mut String<'s>, members: bool) -> Result<(), Fault> {
    out.push(if members { '{' } else { '[' });
    let begin = out.len();
    let mut key = cursor.first_key()?;
    while let Some(at) = key {
        if Any::of(doc.says(at).as_bytes()) == Some(Any::Values) && cursor.space() == Some(b'[') {
            elements(cursor, |cursor| {
                if out.len() > begin {
                    out.push(',');
                }
                if members && cursor.space() == Some(b'{') {
                    plain_member(doc, cursor, out)
                } else {
                    plain_any(doc, cursor, out)
                }
            })?;
        } else {
            cursor.value(1)?;
        }
        key = cursor.next_key()?;
    }
    out.push(if members { '}' } else { ']' });
    Ok(())
}

fn plain_member<'s>(doc: Doc<'s>, cursor: &mut Cursor<'s>, out: &mut String<'s>) -> Result<(), Fault> {
    let (mut name, mut value) = (None, None);
    let mut key = cursor.first_key()?;
    while let Some(at) = key {
        let start = cursor.at;
        let this = cursor.value(1)?;
        match Any::of(doc.says(at).as_bytes()) {
            Some(Any::Key) => name = name.or(Some(this)),
            Some(Any::Value) => value = value.or(Some(start)),
            _ => {}
        }
        key = cursor.next_key()?;
    }
    match name {
        Some(name) => plain_text(doc, name, out),
        None => out.push_str("\"\""),
    }
    out.push(':');
    if let Some(at) = value {
        return plain_any(doc, &mut doc.cursor(at), out);
    }
    out.push_str("null");
    Ok(())
}

/// Writes `value` as it stands: what is escaped stays so.
fn plain_text<'s>(doc: Doc<'s>, value: Value, out: &mut String<'s>) {
    if value.shape == Shape::String {
        out.push('"');
        out.push_str(doc.raw(value));
        out.push('"');
    } else {
        out.push_str(doc.raw(value));
    }
}
