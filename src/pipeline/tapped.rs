//! A redacted event as those who watch see it: one line of JSON.
//!
//! Written only when somebody wants it. Its record goes along as it is where it is JSON of at
//! most 256 KiB, as a text where it is not; of a larger one only the size is told.

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::dashboard::{Glimpse, Tap};
use crate::redaction::RedactedEvent;
use crate::telemetry::{Field, Value};

/// Bytes of a field that go along.
const FIELD_BYTES: usize = 4 * 1024;
/// Bytes of a record that go along.
const RECORD_BYTES: usize = 256 * 1024;
/// Fields that go along beside category and kind, by their names in the vocabulary.
const FIELDS: [Field; 11] = [
    Field::App,
    Field::Gateway,
    Field::Function,
    Field::Operation,
    Field::SourceIp,
    Field::RequestMethod,
    Field::RequestPath,
    Field::ResponseStatus,
    Field::Outcome,
    Field::Reason,
    Field::Level,
];

/// Offers `event` to those who watch.
pub(super) fn offer(tap: &Tap, event: &RedactedEvent<'_>) {
    let text = |field| match event.get(field) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    };
    let glimpse = Glimpse {
        category: event.category().name(),
        kind: event.kind().name(),
        app: event.app(),
        gateway: text(Field::Gateway),
        path: text(Field::RequestPath),
    };
    tap.offer(glimpse, || line(event));
}

fn line(event: &RedactedEvent<'_>) -> String {
    let mut line = format!("{{\"time\":\"{}\",\"timed\":{}", event.time(), event.timed());
    put(&mut line, Field::Category.name(), event.category().name());
    put(&mut line, Field::Kind.name(), event.kind().name());
    for field in FIELDS {
        match event.get(field) {
            Some(Value::Text(text)) => put(&mut line, field.name(), short(text)),
            Some(Value::Number(number)) => put(&mut line, field.name(), number),
            Some(Value::Ip(ip)) => put(&mut line, field.name(), ip.to_string()),
            None => {}
        }
    }
    let record = event.record();
    if record.len() > RECORD_BYTES {
        put(&mut line, "record_bytes", record.len());
    } else {
        match std::str::from_utf8(&record) {
            Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
                line.push_str(",\"record\":");
                // In JSON a line can only break between tokens.
                line.extend(text.trim().chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
            }
            _ => put(&mut line, "record", String::from_utf8_lossy(&record)),
        }
    }
    line.push('}');
    line
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(FIELD_BYTES)]
}

fn put(line: &mut String, name: &str, value: impl Serialize) {
    if let Ok(json) = serde_json::to_string(&value) {
        // Writing to a string can't fail.
        let _ = write!(line, ",\"{name}\":{json}");
    }
}
