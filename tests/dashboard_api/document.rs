//! What the document says, held against what is answered.

use std::sync::LazyLock;

use axum::http::Method;
use jsonschema::{Draft, Validator};
use serde_json::{Value, json};

/// The document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_slice(gatewatch::dashboard::openapi()).unwrap());

/// Its schemas, which allow no member that they don't name: a document must not, for there may be more some day.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut schemas = DOCUMENT["components"]["schemas"].clone();
    strict(&mut schemas);
    schemas
});

fn strict(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(strict);
            if members.get("properties").is_some_and(Value::is_object) && members.contains_key("type") {
                members.entry("additionalProperties").or_insert(json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

/// Returns the address of the document that a request went to.
pub fn template(path: &str) -> Option<&'static str> {
    let path = path.split('?').next().unwrap_or_default();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fits = |template: &str| {
        let (parts, wanted): (Vec<_>, Vec<_>) = (path.split('/').collect(), template.split('/').collect());
        parts.len() == wanted.len()
            && parts.iter().zip(&wanted).all(|(part, wanted)| wanted.starts_with('{') || part == wanted)
    };
    paths
        .contains_key(path)
        .then(|| paths.get_key_value(path).unwrap().0.as_str())
        .or_else(|| paths.keys().map(String::as_str).find(|template| fits(template)))
}

/// Panics unless an answer is one that the document allows there.
pub fn conforms(method: &Method, path: &str, status: u16, kind: &str, body: &[u8]) {
    let Some(template) = template(path) else { return assert_eq!(status, 404, "{path} is in no document") };
    let operation = &DOCUMENT["paths"][template][method.as_str().to_lowercase()];
    if operation.is_null() {
        return assert_eq!(status, 405, "{method} {path} is in no document");
    }
    let answer = &operation["responses"][status.to_string()];
    assert!(
        answer.is_object(),
        "{method} {template} answers {status}, which is in no document: {}",
        String::from_utf8_lossy(body)
    );
    let kind = kind.split(';').next().unwrap_or_default();
    let schema = &answer["content"][kind]["schema"];
    assert!(schema.is_object(), "{method} {template} answers {status} as {kind}, which is in no document: {answer}");
    let texts: Vec<&[u8]> = match kind {
        "application/x-ndjson" => body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect(),
        kind if kind.ends_with("json") => vec![body],
        _ => Vec::new(),
    };
    for text in texts {
        let value: Value = serde_json::from_slice(text).unwrap();
        valid(schema, &value, &format!("{method} {path} {status}"));
    }
}

/// Panics unless `value` is what `schema` says.
pub fn valid(schema: &Value, value: &Value, about: &str) {
    let schema = json!({"allOf": [schema], "components": {"schemas": *STRICT}});
    let validator: Validator =
        jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true).build(&schema).unwrap();
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{about}: {wrong:#?} in {value}");
}

#[test]
fn an_answer_that_is_not_what_the_document_says_is_found() {
    let refused = |schema: &str, value: Value| {
        let schema = json!({"$ref": format!("#/components/schemas/{schema}")});
        std::panic::catch_unwind(|| valid(&schema, &value, "")).is_err()
    };
    assert!(!refused("Flaw", json!({"detail": "x"})));
    assert!(refused("Flaw", json!({"detail": 1})));
    assert!(refused("Flaw", json!({})));
    assert!(refused("Flaw", json!({"detail": "x", "more": 1})));
    assert!(refused("LeftAlone", json!({"id": "x"})));
}
