//! What does the definition of an API say: its operations, its addresses, its security?
//!
//! OpenAPI 2 and 3, in JSON or YAML. The gateway makes an operation of each method of each path;
//! servers say whether plain HTTP is meant. That a definition asks for a token proves nothing, so
//! its `security` is no control.

use super::json::{self, Json, Node};
use super::{Model, Place, Setting, Sort, Value};
use crate::posture::document::{self, Located};

/// Operations taken of one definition.
const MAX_OPERATIONS: usize = 5_000;
/// The methods that make an operation.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Tells whether `json` is a definition.
pub fn is_definition(json: &Json) -> bool {
    (json.member("openapi").is_some() || json.member("swagger").is_some()) && json.at("paths").is_some()
}

/// Takes the operations of a definition for the API `api`.
pub fn take(model: &mut Model, api: &str, json: &Json, at: &Place) {
    let mut taken = 0;
    for (path, methods) in json.at("paths").map(Json::members).unwrap_or_default() {
        for (method, operation) in methods.members() {
            let method = method.to_ascii_lowercase();
            if !METHODS.contains(&method.as_str()) || taken >= MAX_OPERATIONS {
                continue;
            }
            taken += 1;
            let id = operation.text_at("operationId").map_or_else(|| made(&method, path), str::to_owned);
            let place = at.below(&format!("paths.{}", path.replace('.', "·")), operation.line);
            let element = model.element(Sort::Operation, &format!("{api}/{id}"), Some(api), &place);
            (element.whole, element.whole_config) = (true, true);
            element.give(Setting::Methods, Value::Text(method.to_ascii_uppercase()), place.clone());
            element.give(Setting::Route, Value::Text(path.clone()), place);
        }
    }
}

/// Returns the id that the gateway makes up for an operation without one.
fn made(method: &str, path: &str) -> String {
    let flat: String = path.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    format!("{method}-{}", flat.trim_matches('-'))
}

/// Takes a definition that stands in a template as a text.
pub fn embedded(model: &mut Model, api: &str, value: &Json, at: &Place) {
    if let Node::Text(text) = &value.node {
        match json::read(text) {
            Ok(json) if is_definition(&json) => take(model, api, &json, at),
            // A link to one, or another form.
            _ => {}
        }
    }
}

/// Returns a definition in YAML as one in JSON.
pub fn from_yaml(text: &str) -> Option<Json> {
    let tree = document::read("specification.yaml", text).ok()?;
    let json = of(&tree);
    is_definition(&json).then_some(json)
}

fn of(tree: &Located) -> Json {
    let node = match &tree.node {
        document::Node::Null => Node::Null,
        document::Node::Bool(flag) => Node::Bool(*flag),
        document::Node::Number(number) => Node::Number(number.to_string()),
        document::Node::Real(number) => Node::Number(number.to_string()),
        document::Node::Text(text) => Node::Text(text.clone()),
        document::Node::List(items) => Node::List(items.iter().map(of).collect()),
        document::Node::Map(members) => {
            Node::Map(members.iter().map(|(key, value)| (key.text.clone(), of(value))).collect())
        }
    };
    Json { line: u32::try_from(tree.line).unwrap_or(0), node }
}
