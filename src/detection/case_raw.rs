//! What does a case say of the raw record beyond the fields?
//!
//! `raw.properties.backendUrl: …`, or a whole `raw: { … }`, as it would stand in the record. Texts are
//! templates like those of fields. At most 16 deep, as no path leads deeper.

use serde_json::{Map, Value};

use crate::posture::Problems;
use crate::posture::document::{Key, Located, Node};

use super::case::fill;
use super::raw;

const MAX_DEPTH: usize = 16;

/// Sets what `key`, `raw` or `raw.` and a path, says of the record.
pub(super) fn set(into: &mut Map<String, Value>, key: &Key, value: &Located, problems: &mut Problems) {
    let value = json(value, 0, problems);
    if key.text == "raw" {
        match value {
            Value::Object(members) => into.extend(members),
            _ => problems
                .add(key.line, "`raw` takes the record's members, such as `raw: { properties: { backendUrl: … } }`."),
        }
        return;
    }
    let Some(path) = raw::path(key, problems) else { return };
    let Some(names) = path.names() else {
        problems.add(key.line, format!("`{}` has brackets: in a case, write a list in `raw: {{ … }}`.", key.text));
        return;
    };
    let Some((last, before)) = names.split_last() else { return };
    let mut at = into;
    for name in before {
        let next = at.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new()));
        if !next.is_object() {
            *next = Value::Object(Map::new());
        }
        let Value::Object(members) = next else { return };
        at = members;
    }
    at.insert((*last).to_owned(), value);
}

fn json(value: &Located, depth: usize, problems: &mut Problems) -> Value {
    if depth > MAX_DEPTH {
        problems.add(value.line, format!("`raw` is nested deeper than {MAX_DEPTH}."));
        return Value::Null;
    }
    match &value.node {
        Node::Null => Value::Null,
        Node::Bool(bool) => (*bool).into(),
        Node::Number(number) => (*number).into(),
        Node::Real(number) => (*number).into(),
        Node::Text(text) => text.as_str().into(),
        Node::List(items) => items.iter().map(|item| json(item, depth + 1, problems)).collect(),
        Node::Map(members) => {
            members.iter().map(|(key, value)| (key.text.clone(), json(value, depth + 1, problems))).collect()
        }
    }
}

/// Returns the members as they stand in the record of event `number`, each with a comma behind it.
pub(super) fn filled(members: &Map<String, Value>, number: u32) -> String {
    let member = |(name, value): (&String, &Value)| format!("{}:{},", Value::from(name.as_str()), of(value, number));
    members.iter().map(member).collect()
}

fn of(value: &Value, number: u32) -> Value {
    match value {
        Value::String(text) => fill(text, number).into(),
        Value::Array(items) => items.iter().map(|item| of(item, number)).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), of(value, number))).collect(),
        other => other.clone(),
    }
}
