//! What do the folders say that API Management's extractors write?
//!
//! `apis/<api>/apiInformation.json`, `apis/<api>/operations/<operation>/policy.xml`,
//! `products/<product>/…`, `policy fragments/<name>/…` and so on: the folder above is the gateway.

use std::sync::Arc;

use super::apim::PolicyScope;
use super::arm::{self, Resource};
use super::files::{folder, last};
use super::json::Json;
use super::{Model, Place, openapi};

/// Files about one thing, and the type it has in ARM.
const KINDS: [(&str, &str); 5] = [
    ("apiinformation.json", "apis"),
    ("productinformation.json", "products"),
    ("namedvalueinformation.json", "namedvalues"),
    ("backendinformation.json", "backends"),
    ("diagnosticinformation.json", "diagnostics"),
];

/// The file that makes the API whose folder it stands in a member of the product around.
const MEMBER: &str = "productapiinformation.json";

/// Tells whether a file is one that extractors write.
pub fn is_one(name: &str) -> bool {
    let lower = last(name).to_ascii_lowercase();
    KINDS.iter().any(|(file, _)| *file == lower)
        || lower == MEMBER
        || is_specification(name, &lower)
        || is_membership(name, &lower)
}

fn is_specification(name: &str, lower: &str) -> bool {
    lower.starts_with("specification.") && last(folder(folder(name))) == "apis"
}

fn is_membership(name: &str, lower: &str) -> bool {
    lower == "apis.json" && last(folder(folder(name))) == "products"
}

/// Takes such a file; tells whether it was one.
pub fn take(model: &mut Model, name: &str, file: &Arc<str>, json: &Json) -> bool {
    let lower = last(name).to_ascii_lowercase();
    let thing = last(folder(name));
    let (group, above) = (folder(folder(name)), folder(folder(folder(name))));
    let gateway = gateway_of(above);
    if let Some((_, kind)) = KINDS.iter().find(|(file, _)| *file == lower) {
        // Diagnostics of an API stand in its folder.
        let of_api = *kind == "diagnostics" && last(folder(above)).eq_ignore_ascii_case("apis");
        let (kind, name) = if of_api {
            (format!("apis/{kind}"), format!("{}/{}/{thing}", gateway_of(folder(folder(above))), last(above)))
        } else {
            ((*kind).to_owned(), format!("{gateway}/{thing}"))
        };
        arm::take(
            model,
            &Resource {
                kind: format!("microsoft.apimanagement/service/{kind}"),
                name,
                json: json.clone(),
                at: Place::line(file, json.line),
                exported: false,
                doubt: None,
            },
        );
        return true;
    }
    if lower == MEMBER {
        let products = folder(above);
        if last(group).eq_ignore_ascii_case("apis") && last(products).eq_ignore_ascii_case("products") {
            let id = json.text_at("properties.apiId").and_then(|id| id.rsplit('/').next());
            let api = arm::revision_off(id.unwrap_or(thing)).to_ascii_lowercase();
            let pair = (last(above).to_ascii_lowercase(), api);
            model.gateways.entry(&gateway_of(folder(products))).products.insert(pair);
        }
        return true;
    }
    if is_membership(name, &lower) {
        for one in json.items() {
            if let Some(api) = one.text_at("name") {
                let pair = (thing.to_ascii_lowercase(), api.to_ascii_lowercase());
                model.gateways.entry(&gateway).products.insert(pair);
            }
        }
        return true;
    }
    if is_specification(name, &lower) && openapi::is_definition(json) {
        let at = Place::line(file, json.line);
        openapi::take(model, &format!("{gateway}/{}", arm::revision_off(thing)), json, &at);
        return true;
    }
    false
}

/// Takes a definition in YAML.
pub fn specification(model: &mut Model, name: &str, file: &Arc<str>, text: &str) {
    let lower = last(name).to_ascii_lowercase();
    if !is_specification(name, &lower) {
        return;
    }
    if let Some(json) = openapi::from_yaml(text) {
        _ = take(model, name, file, &json);
    } else {
        model.problem(
            name,
            1,
            "This is no definition of an API in OpenAPI, or larger than 256 KB: its operations are not known.",
        );
    }
}

/// Returns the gateway and scope that the folders around a policy name.
pub fn scope(name: &str, names: &[String]) -> Option<(String, PolicyScope)> {
    let (own, lower) = (folder(name), |text: &str| text.to_ascii_lowercase());
    let (thing, group) = (last(own), last(folder(own)));
    let base = folder(folder(own));
    let file = last(name);
    match lower(group).replace(' ', "").as_str() {
        "operations" if lower(last(folder(base))) == "apis" => {
            let api = lower(arm::revision_off(last(base)));
            Some((gateway_of(folder(folder(base))), PolicyScope::Operation(api, lower(thing))))
        }
        "apis" => Some((gateway_of(base), PolicyScope::Api(lower(arm::revision_off(thing))))),
        "products" => Some((gateway_of(base), PolicyScope::Product(lower(thing)))),
        "policyfragments" | "fragments" => Some((gateway_of(base), PolicyScope::Fragment(lower(thing)))),
        _ => {
            let beside = if own.is_empty() { "apis/".to_owned() } else { format!("{own}/apis/") };
            let is_global = file == "policy.xml" && names.iter().any(|name| name.starts_with(&beside));
            is_global.then(|| (gateway_of(own), PolicyScope::Global))
        }
    }
}

/// Returns what a gateway is called that only its folder names.
fn gateway_of(folder: &str) -> String {
    match last(folder) {
        "" => "gateway".to_owned(),
        name => name.to_owned(),
    }
}
