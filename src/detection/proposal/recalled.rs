//! What is known of an event of which only the redacted record is left?
//!
//! Its fields, as decoding reads them out of that record. A fingerprint that stands there is no secret to
//! the scan any more, so which key was used and which secret was seen is told by the alert's entities: those
//! whose fingerprints stand in the record. What else a secret said of itself is gone.

use serde_json::Value as Json;

use crate::clock::Timestamp;
use crate::redaction::RedactedEvent;
use crate::telemetry::{Entity, EntityKind, Field, Kind, Value};

/// Secrets of one record that are told of.
const MOST_SECRETS: usize = 4;

/// An event as its redacted record tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    /// When it happened.
    pub time: Timestamp,
    /// What kind of thing happened.
    pub kind: Kind,
    /// Its fields and their values, in the order of the vocabulary.
    pub(super) fields: Vec<(Field, String)>,
    /// The fingerprints of secrets that stand in it.
    pub(super) secrets: Vec<String>,
    /// The record, where it is JSON.
    pub(super) raw: Option<Json>,
}

impl Recalled {
    /// Returns what is known of `event`, the evidence of an alert that names `entities`.
    pub fn of(event: &RedactedEvent<'_>, entities: &[Entity]) -> Self {
        let value = |field: &Field| Some((*field, text_of(event.get(*field)?)?));
        let mut fields: Vec<(Field, String)> = Field::ALL.iter().filter_map(value).collect();
        let record = event.record_text();
        let stands = |kind: EntityKind| {
            let of = entities.iter().filter(move |entity| entity.kind == kind);
            of.map(|entity| &*entity.value).filter(|value| record.contains(value)).map(str::to_owned)
        };
        let own = |field: Field| fields.iter().any(|(known, _)| *known == field);
        let key = if own(Field::KeyId) { None } else { stands(EntityKind::Key).next() };
        let secrets = stands(EntityKind::Secret).take(MOST_SECRETS).collect();
        if let Some(key) = key {
            let in_query = fields.iter().any(|(field, text)| *field == Field::RequestQuery && text.contains(&key));
            if in_query && !own(Field::KeyTransport) {
                fields.push((Field::KeyTransport, "query".to_owned()));
            }
            fields.push((Field::KeyId, key));
        }
        fields.sort_by_key(|(field, _)| *field);
        Self { time: event.time(), kind: event.kind(), fields, secrets, raw: serde_json::from_str(record).ok() }
    }

    /// Returns a field's value, as far as it is known.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        if field == Field::SecretId {
            return self.secrets.first().map(String::as_str);
        }
        self.fields.iter().find(|(known, _)| *known == field).map(|(_, text)| text.as_str())
    }

    /// Returns its known values, with `secret` as the secret that is looked at.
    pub(super) fn with<'t>(&'t self, secret: Option<&'t str>) -> impl Fn(Field) -> Option<&'t str> {
        move |field| if field == Field::SecretId { secret.or_else(|| self.get(field)) } else { self.get(field) }
    }
}

/// Returns a value as a text; an empty one is none.
fn text_of(value: Value<'_>) -> Option<String> {
    let text = match value {
        Value::Text(text) => text.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Ip(ip) => ip.to_canonical().to_string(),
    };
    (!text.is_empty()).then_some(text)
}
