//! What do ARM templates, compiled Bicep and exports of what runs say?
//!
//! All of them become resources without expressions first; then each kind of resource says what it
//! sets on which element. Kinds that no control speaks of are passed over.

mod condition;
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
pub use more::{built_in, is_narrow, named_by, reach, reached, sent};
pub use service::{kept_in_gateway, logged, policy, revision_off};
pub use site::{certificate_mode, rules};
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

/// Puts the values of several parameter files for a template together: what they differ in is unknown. Where one
/// leaves a parameter out that others set, it has its default there.
pub fn agreed(files: &[Values], template: &Json) -> Values {
    let lower = |name: &str| name.to_ascii_lowercase();
    let declared: HashMap<String, &Json> = template
        .at("parameters")
        .map(Json::members)
        .unwrap_or_default()
        .iter()
        .map(|(n, json)| (lower(n), json))
        .collect();
    // A file that sets no parameter of the template is for another one.
    let files: Vec<&Values> =
        files.iter().filter(|file| file.iter().any(|(name, _)| declared.contains_key(&lower(name)))).collect();
    let (mut all, mut places) = (Values::new(), HashMap::new());
    for (name, value) in files.iter().copied().flatten() {
        let at = places.entry(lower(name)).or_insert((all.len(), 0_usize));
        at.1 += 1;
        match all.get_mut(at.0) {
            Some((_, known)) if known.node != value.node => known.node = differs(name),
            Some(_) => {}
            None => all.push((name.clone(), value.clone())),
        }
    }
    for (name, value) in &mut all {
        let given = places.get(&lower(name)).map_or(0, |(_, given)| *given);
        let default = declared.get(&lower(name)).and_then(|one| one.member("defaultValue"));
        if given < files.len() && default.is_none_or(|default| default.node != value.node) {
            value.node = differs(name);
        }
    }
    all
}

/// Returns what stands for a parameter of which nobody knows the value.
fn differs(name: &str) -> Node {
    Node::Unknown(format!("the parameter {name}, which parameter files set differently"))
}

/// Returns the file of the template that a deployment links, or that its template spec would have.
fn linked(deployment: &Json) -> Option<String> {
    let link = deployment.at("properties.templateLink")?;
    let spec = link.at("id").map(|id| id.shown().to_ascii_lowercase());
    let spec = spec.as_deref().and_then(|id| id.split("/templatespecs/").nth(1)?.split('/').next());
    if let Some(name) = spec {
        return Some(format!("{name}.json"));
    }
    let path = link.at("relativePath").or_else(|| link.at("uri"))?.shown();
    let last = segments(&path).last()?.split(['?', '{']).next()?.to_ascii_lowercase();
    (!last.is_empty()).then_some(last)
}

/// Takes a template.
pub fn template(model: &mut Model, file: &Arc<str>, json: &Json, values: &[(String, Json)]) {
    let (at, mut count) = (Place::line(file, json.line), 0);
    for resource in template::resources(json, values, &at) {
        if resource.kind == "microsoft.resources/deployments" {
            model.unfollowed(file, resource.at.line, linked(&resource.json));
        }
        take(model, &resource);
        count += 1;
    }
    if count >= template::MAX_RESOURCES {
        let says =
            format!("The template has {count} resources or more; those beyond were not read. Check it in parts.");
        model.problem(file, json.line, says);
    }
}

/// Takes a resource.
pub fn take(model: &mut Model, resource: &Resource) {
    if !site::take(model, resource) && !service::take(model, resource) {
        more::take(model, resource);
    }
}
