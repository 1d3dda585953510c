//! What do `az … show`, `az resource list` and Resource Graph say of what runs?
//!
//! One resource, a list of them, or a list in `data` or `value`. Each has a type, or at least an id
//! that holds it. `null` in an export says nothing: lists of sites leave their configuration out.

use std::sync::Arc;

use super::super::Place;
use super::super::json::{Json, Node};
use super::template::Resource;

/// Tells whether `json` is an export of resources.
pub fn is_export(json: &Json) -> bool {
    list(json).is_some_and(|(_, items)| items.iter().any(|item| kind_and_name(item).is_some()))
}

/// Returns the resources of an export.
pub fn resources(file: &Arc<str>, json: &Json) -> Vec<Resource> {
    let Some((path, items)) = list(json) else { return Vec::new() };
    let mut found = Vec::new();
    for (nth, item) in items.iter().enumerate() {
        let Some((kind, name)) = kind_and_name(item) else { continue };
        let base = Place::line(file, item.line);
        let at = match path {
            None => base,
            Some(path) => base.below(&format!("{path}.{nth}"), item.line),
        };
        found.push(Resource { kind, name, json: item.clone(), at, exported: true, doubt: None });
    }
    found
}

fn list(json: &Json) -> Option<(Option<&'static str>, &[Json])> {
    match &json.node {
        Node::List(items) => Some((Some(""), items)),
        Node::Map(_) => {
            for path in ["data", "value"] {
                if let Some(Node::List(items)) = json.member(path).map(|list| &list.node) {
                    return Some((Some(path), items));
                }
            }
            Some((None, std::slice::from_ref(json)))
        }
        _ => None,
    }
}

/// Returns the whole type, lower case, and the whole name of an exported resource.
fn kind_and_name(json: &Json) -> Option<(String, String)> {
    let id = json.member("id").and_then(Json::as_text).filter(|id| id.contains("/providers/"));
    let Some(id) = id else {
        let kind =
            json.member("type").and_then(Json::as_text).filter(|kind| kind.contains('/') && kind.contains('.'))?;
        return Some((kind.to_ascii_lowercase(), json.member("name")?.as_text()?.to_owned()));
    };
    let (_, below) = id.rsplit_once("/providers/")?;
    let mut parts = below.split('/');
    let mut kind = parts.next()?.to_ascii_lowercase();
    let mut name = String::new();
    while let (Some(step), Some(value)) = (parts.next(), parts.next()) {
        kind.push('/');
        kind.push_str(&step.to_ascii_lowercase());
        if !name.is_empty() {
            name.push('/');
        }
        name.push_str(value);
    }
    (!name.is_empty()).then_some((kind, name))
}
