//! What do ARM templates, compiled Bicep and exports of what runs say?
//!
//! All of them become resources without expressions first; then each kind of resource says what it
//! sets on which element. Kinds that no control speaks of are passed over.

mod exports;
mod expression;
mod functions;
mod more;
mod service;
mod site;
mod template;

use std::collections::HashMap;
use std::sync::Arc;

use super::json::{Json, Node};
use super::{Model, Place};

pub use exports::{is_export, resources as exported};
pub use more::{BROAD_ROLES, categories, named_by, reach};
pub use service::{kept_in_gateway, policy, revision_off};
pub use template::{Resource, SECURE, Values, segments};

/// Tells whether `json` is a template.
pub fn is_template(json: &Json) -> bool {
    let schema = json.member("$schema").and_then(Json::as_text).unwrap_or_default().to_ascii_lowercase();
    schema.contains("deploymenttemplate.json")
        || (json.member("contentVersion").is_some() && json.at("resources").is_some())
}

/// Tells whether `json` holds the values of a template's parameters.
pub fn is_parameters(json: &Json) -> bool {
    json.member("$schema")
        .and_then(Json::as_text)
        .is_some_and(|schema| schema.to_ascii_lowercase().contains("deploymentparameters.json"))
}

/// Returns the values of a parameter file; one from Key Vault is unknown.
pub fn parameter_values(json: &Json) -> Values {
    let all = json.at("parameters").map(Json::members).unwrap_or_default();
    all.iter()
        .map(|(name, given)| {
            let value = given.member("value").cloned();
            (name.clone(), value.unwrap_or_else(|| Json::unknown(given.line, "a reference to Key Vault")))
        })
        .collect()
}

/// Puts the values of several parameter files together: what they differ in is unknown.
pub fn agreed(files: &[Values]) -> Values {
    let (mut all, mut places) = (Values::new(), HashMap::new());
    for (name, value) in files.iter().flatten() {
        let at = *places.entry(name.to_ascii_lowercase()).or_insert(all.len());
        match all.get_mut(at) {
            Some((_, known)) if known.node != value.node => {
                known.node = Node::Unknown(format!("the parameter {name}, which parameter files set differently"));
            }
            Some(_) => {}
            None => all.push((name.clone(), value.clone())),
        }
    }
    all
}

/// Takes a template.
pub fn template(model: &mut Model, file: &Arc<str>, json: &Json, values: &[(String, Json)]) {
    let at = Place::line(file, json.line);
    for resource in template::resources(json, values, &at) {
        take(model, &resource);
    }
}

/// Takes a resource.
pub fn take(model: &mut Model, resource: &Resource) {
    if !site::take(model, resource) && !service::take(model, resource) {
        more::take(model, resource);
    }
}
