//! Is what a program has sent what the document says, and if not, what of it?
//!
//! A body is held against the schema that the document has for it, so that the two can't differ: all
//! that is wrong is said at once, in our words, each with where it stands. What passes is read as its
//! type; what only that finds (a time that is none) is said in its words.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::document::{self, schemas};
use super::problem::{Flaw, flawed, problem, says_json, short};
use crate::alerts::query::meant;

/// A body that was read.
#[derive(Debug)]
pub(in crate::dashboard) struct Sent<T>(pub(in crate::dashboard) T);

impl<S: Send + Sync, T: DeserializeOwned + utoipa::ToSchema> FromRequest<S> for Sent<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        if !says_json(&request) {
            let says = "send JSON, and say so: `Content-Type: application/json`";
            return Err(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, says));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                problem(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB: send less at once")
            }
            _ => problem(StatusCode::BAD_REQUEST, "the body broke off before its end"),
        })?;
        let value: Value = serde_json::from_slice(&bytes)
            .map_err(|error| flawed(vec![Flaw::at("", format!("The body is no JSON: {error}."))]))?;
        let flaws = checked(&value, &T::name(), schemas());
        if !flaws.is_empty() {
            return Err(flawed(flaws));
        }
        let read = serde_json::from_value(value);
        read.map(Self).map_err(|error| flawed(vec![Flaw::at("", format!("The body can't be read: {error}."))]))
    }
}

/// Returns all that is wrong with `value`, which is to be what the schema called `name` says.
fn checked(value: &Value, name: &str, schemas: &Value) -> Vec<Flaw> {
    let mut check = Check { schemas, flaws: Vec::new() };
    check.value(value, &schemas[name], "");
    check.flaws
}

struct Check<'d> {
    schemas: &'d Value,
    flaws: Vec<Flaw>,
}

impl<'d> Check<'d> {
    fn wrong(&mut self, pointer: &str, says: String) {
        self.flaws.push(Flaw::at(pointer, says));
    }

    /// Follows references, and one-of-null to what else it is.
    fn resolve(&self, schema: &'d Value) -> &'d Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.resolve(&self.schemas[document::name_of(reference)]);
        }
        match schema["oneOf"].as_array().map(Vec::as_slice) {
            Some([null, other] | [other, null]) if null["type"] == "null" => self.resolve(other),
            _ => schema,
        }
    }

    fn value(&mut self, value: &Value, schema: &'d Value, pointer: &str) {
        let schema = self.resolve(schema);
        if let Some(variants) = schema["oneOf"].as_array() {
            return self.variant(value, variants, pointer);
        }
        if let Some(names) = schema["enum"].as_array() {
            let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
            return self.choice(value, &names, pointer);
        }
        let wanted = schema["type"].as_str().or_else(|| {
            schema["type"].as_array()?.iter().find_map(|kind| kind.as_str().filter(|kind| *kind != "null"))
        });
        match (wanted, value) {
            (Some("object"), Value::Object(members)) => self.object(members, schema, pointer),
            (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => {}
            (Some("integer"), Value::Number(number)) if number.as_u64().is_some() => {}
            (Some(wanted), got) => {
                let wanted = match wanted {
                    "object" => "an object",
                    "string" => "a text",
                    "boolean" => "true or false",
                    "integer" => "a whole number of 0 or more",
                    other => other,
                };
                self.wrong(pointer, format!("{} is {}, and {wanted} is wanted.", place(pointer), kind(got)));
            }
        }
    }

    fn choice(&mut self, value: &Value, names: &[&str], pointer: &str) {
        let says = match value.as_str() {
            Some(name) if names.contains(&name) => return,
            Some(name) => format!("`{}` is none of what {} can be{}", short(name), place(pointer), meant(name, names)),
            None => format!("{} is {}", place(pointer), kind(value)),
        };
        self.wrong(pointer, format!("{says}: write {}.", names.join(", ")));
    }

    fn object(&mut self, members: &Map<String, Value>, schema: &'d Value, pointer: &str) {
        let known = schema["properties"].as_object();
        let names: Vec<&str> = known.iter().flat_map(|known| known.keys().map(String::as_str)).collect();
        let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
        for name in required.iter().filter_map(Value::as_str).filter(|name| !members.contains_key(*name)) {
            let about = schema["properties"][name]["description"].as_str().unwrap_or_default();
            let about = if about.is_empty() { String::new() } else { format!(" ({})", about.trim_end_matches('.')) };
            self.wrong(pointer, format!("`{name}` is missing{about}."));
        }
        for (name, value) in members {
            let below = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
            match known.and_then(|known| known.get(name)) {
                Some(_) if value.is_null() && !required.iter().any(|needed| needed == name) => {}
                Some(schema) => self.value(value, schema, &below),
                None => {
                    let says = format!(
                        "`{}` is nothing that stands here{}: {}.",
                        short(name),
                        meant(name, &names),
                        names.join(", ")
                    );
                    self.wrong(&below, says);
                }
            }
        }
    }

    /// Of several forms, the one that its tag names.
    fn variant(&mut self, value: &Value, variants: &'d [Value], pointer: &str) {
        let Some(members) = value.as_object() else {
            return self.wrong(pointer, format!("{} is {}, and an object is wanted.", place(pointer), kind(value)));
        };
        let tag = |schema: &'d Value| {
            let properties = self.resolve(schema)["properties"].as_object()?;
            properties.iter().find_map(|(name, schema)| match schema["enum"].as_array().map(Vec::as_slice) {
                Some([one]) => Some((name.as_str(), one.as_str()?)),
                _ => None,
            })
        };
        let tags: Vec<(&str, &str)> = variants.iter().filter_map(tag).collect();
        let Some(&(name, _)) = tags.first() else { return };
        let names: Vec<&str> = tags.iter().map(|(_, value)| *value).collect();
        let Some(said) = members.get(name) else {
            return self.wrong(pointer, format!("`{name}` is missing: write {}.", names.join(", ")));
        };
        match said.as_str().and_then(|said| names.iter().position(|name| *name == said)).and_then(|at| variants.get(at))
        {
            Some(schema) => {
                let schema = self.resolve(schema);
                self.object(members, schema, pointer);
            }
            None => self.choice(said, &names, &format!("{pointer}/{name}")),
        }
    }
}

fn place(pointer: &str) -> String {
    if pointer.is_empty() { "The body".into() } else { format!("`{}`", short(&pointer[1..].replace('/', "."))) }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn says(name: &str, value: &Value) -> Vec<String> {
        let flaws = checked(value, name, schemas());
        flaws.into_iter().map(|flaw| format!("{}: {}", flaw.pointer.unwrap_or_default(), flaw.detail)).collect()
    }

    #[test]
    fn all_that_is_wrong_with_a_body_is_said_at_once_and_where() {
        let sent = json!({"query": 7, "action": {"do": "shut"}, "dry_rn": true, "expected_count": -1});
        assert_eq!(
            says("BulkWish", &sent),
            [
                "/action/do: `shut` is none of what `action.do` can be: write acknowledge, assign, unassign, close, reopen, note.",
                "/dry_rn: `dry_rn` is nothing that stands here (did you mean `dry_run`?): action, dry_run, expected_count, query, token.",
                "/expected_count: `expected_count` is a number, and a whole number of 0 or more is wanted.",
                "/query: `query` is a number, and a text is wanted.",
            ]
        );
        assert_eq!(
            says("BulkWish", &json!({"query": "", "action": {"do": "close", "class": "benin", "text": "x"}})),
            [
                "/action: `reason` is missing (Why).",
                "/action/class: `benin` is none of what `action.class` can be (did you mean `benign`?): write true-positive, benign, false-positive, undetermined.",
                "/action/text: `text` is nothing that stands here: class, do, reason.",
            ]
        );
        assert_eq!(says("BulkWish", &json!([])), [": The body is a list, and an object is wanted."]);
    }

    #[test]
    fn what_is_right_passes_and_what_may_be_left_out_may_be_null() {
        let action = json!({"do": "acknowledge"});
        assert_eq!(says("BulkWish", &json!({"query": "", "action": action, "token": null})), Vec::<String>::new());
        assert_eq!(says("BulkWish", &json!({"token": "1"})), Vec::<String>::new());
    }
}
