//! Some records of each category, and every text in them.

use std::collections::BTreeMap;
use std::time::Duration;

use bumpalo::Bump;
use gatewatch::clock::Timestamp;
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::simulate::{Options, World};
use gatewatch::telemetry::{Batch, Category, StreamId, decode};
use serde_json::Value;

/// At most so many records of each category: the fixtures, and a simulated world's.
pub fn samples(most: usize) -> BTreeMap<Category, Vec<Value>> {
    let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
    let mut samples: BTreeMap<Category, Vec<Value>> = BTreeMap::new();
    let mut add = |record: Value| {
        if let Some(category) = category_of(&redactor, &record.to_string()) {
            let known = samples.entry(category).or_default();
            if known.len() < most {
                known.push(record);
            }
        }
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/decode");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        add(serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap());
    }
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let options = Options { seed: 7, start, duration: Duration::from_mins(20), rate: 4, attacks: vec![], clean: false };
    for message in World::new(options).unwrap() {
        let Ok(Value::Object(mut message)) = serde_json::from_slice::<Value>(&message.bytes) else { continue };
        let Some(Value::Array(records)) = message.remove("records") else { continue };
        records.into_iter().for_each(&mut add);
    }
    samples
}

fn category_of(redactor: &Redactor, text: &str) -> Option<Category> {
    let mut batch = Batch::default();
    batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
    let (scanned, arena, mut category) = (redactor.scan(&batch), Bump::new(), None);
    decode(&scanned, 0, &arena, |event| category = category.or(event.ok().map(|event| event.category)));
    category
}

/// The way to a member: names and places; a name behind `None` stands in a string's JSON.
pub type Way = Vec<Option<String>>;

/// Calls `each` with every text in `value` and the way to it.
fn texts(value: &Value, way: &mut Way, each: &mut impl FnMut(&Way, &str)) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                way.push(Some(name.clone()));
                texts(value, way, each);
                way.pop();
            }
        }
        Value::Array(values) => {
            for (n, value) in values.iter().enumerate().take(3) {
                way.push(Some(format!("[{n}]")));
                texts(value, way, each);
                way.pop();
            }
        }
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => {
                way.push(None);
                texts(&inner, way, each);
                way.pop();
            }
            _ => each(way, text),
        },
        _ => {}
    }
}

/// Returns `value` with `text` at the end of `way`.
pub fn planted(value: &Value, way: &[Option<String>], text: &str) -> Value {
    let Some((step, rest)) = way.split_first() else { return Value::String(text.to_owned()) };
    match (step, value) {
        (None, Value::String(inner)) => {
            let inner: Value = serde_json::from_str(inner).unwrap();
            Value::String(planted(&inner, rest, text).to_string())
        }
        (Some(name), Value::Object(members)) => {
            let mut members = members.clone();
            let inner = planted(&members[name], rest, text);
            members.insert(name.clone(), inner);
            Value::Object(members)
        }
        (Some(place), Value::Array(values)) => {
            let mut values = values.clone();
            let place: usize = place.trim_matches(['[', ']']).parse().unwrap();
            values[place] = planted(&values[place], rest, text);
            Value::Array(values)
        }
        _ => panic!("there is no such way"),
    }
}

/// Returns the way to every text of `record`, and what stands there.
pub fn ways(record: &Value) -> Vec<(Way, String)> {
    let mut ways = Vec::new();
    texts(record, &mut Vec::new(), &mut |way, text| ways.push((way.clone(), text.to_owned())));
    ways
}
