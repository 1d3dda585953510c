//! What do Terraform's plans and states say?
//!
//! `terraform show -json` of a plan or a state, and the state's own file. What a plan knows only
//! after it is applied is unknown, shown by what it refers to, so that an API still leads to its
//! app. A value that Terraform marks sensitive is not taken for one that is written in a file. At
//! most 50,000 resources.

mod gateway;
mod more;
mod site;

use std::collections::HashMap;
use std::sync::Arc;

use super::json::{Json, Node};
use super::{Element, Model, Place, Setting, Value};

/// Resources taken of one file.
const MAX_RESOURCES: usize = 50_000;
/// How deep modules are followed.
const MAX_MODULES: usize = 32;

/// A resource of a plan or state.
pub struct Resource<'j> {
    /// Its type, such as `azurerm_linux_function_app`.
    pub kind: String,
    /// Its address, such as `module.shop.azurerm_linux_function_app.orders`.
    pub address: String,
    /// Its arguments and attributes.
    pub values: &'j Json,
    /// What of them is known after the plan is applied only.
    pub unknown: Option<&'j Json>,
    /// What of them is sensitive.
    pub sensitive: Option<&'j Json>,
    /// What an argument refers to.
    pub references: HashMap<String, String>,
    /// Where it stands.
    pub at: Place,
}

impl Resource<'_> {
    /// Returns an argument; nothing where it is not set.
    pub fn get(&self, path: &str) -> Option<Json> {
        if let Some(found) = self.values.at(path) {
            return Some(found.clone());
        }
        let unknown = self.unknown.is_some_and(|unknown| is_true_at(unknown, path));
        unknown.then(|| {
            let first = path.split('.').next().unwrap_or(path);
            let shown = self.references.get(first).cloned().unwrap_or_else(|| format!("{}.{path}", self.address));
            Json::unknown(self.values.line, shown)
        })
    }

    /// Returns an argument as a text, for names.
    pub fn shown(&self, path: &str) -> String {
        self.get(path).map(|json| json.shown()).unwrap_or_default()
    }

    /// Returns whether a value is marked sensitive.
    pub fn is_sensitive(&self, path: &str) -> bool {
        self.sensitive.is_some_and(|sensitive| is_true_at(sensitive, path))
    }

    /// Returns where an argument stands.
    pub fn place(&self, path: &str) -> Place {
        self.at.below(path, self.values.at(path).map_or(self.values.line, |json| json.line))
    }

    /// Gives an element what a table of arguments says.
    pub fn give(&self, element: &mut Element, table: &[(&str, Setting)]) {
        for (path, setting) in table {
            if let Some(value) = self.get(path).as_ref().and_then(Value::of) {
                element.give(*setting, value, self.place(path));
            }
        }
    }
}

/// Tells whether `true` stands at `path`, or above it: all of it is marked then.
fn is_true_at(json: &Json, path: &str) -> bool {
    let mut here = json;
    for part in path.split('.') {
        let next = match &here.node {
            Node::Bool(flag) => return *flag,
            Node::List(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
            _ => here.member(part),
        };
        let Some(next) = next else { return false };
        here = next;
    }
    here.as_bool() == Some(true)
}

/// Tells whether `json` is a plan or state.
pub fn is_one(json: &Json) -> bool {
    let shown = json.member("format_version").is_some()
        && (json.member("planned_values").is_some() || json.member("values").is_some());
    shown || is_state_file(json)
}

fn is_state_file(json: &Json) -> bool {
    json.member("lineage").is_some() && json.member("terraform_version").is_some()
}

/// Takes a plan or state.
pub fn take(model: &mut Model, file: &Arc<str>, json: &Json) {
    let at = Place::line(file, json.line);
    let mut all = Vec::new();
    if is_state_file(json) {
        state_file(json, &at, &mut all);
    } else {
        for path in ["planned_values.root_module", "values.root_module"] {
            if let Some(module) = json.at(path) {
                modules(module, &at.below(path, module.line), 0, &mut all);
            }
        }
    }
    let names = named(&all);
    let changes: HashMap<&str, &Json> = json
        .at("resource_changes")
        .map(Json::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|change| Some((change.text_at("address")?, change.at("change")?)))
        .collect();
    let references = references(json, &names);
    for resource in &mut all {
        if let Some(change) = changes.get(resource.address.as_str()) {
            resource.unknown = change.member("after_unknown");
            resource.sensitive = resource.sensitive.or_else(|| change.member("after_sensitive"));
        }
        if let Some(known) = references.get(&unindexed(&resource.address)) {
            resource.references.clone_from(known);
        }
    }
    // What azapi changes was made by azurerm.
    let (changed, made): (Vec<_>, Vec<_>) = all.iter().partition(|resource| resource.kind.starts_with("azapi_"));
    for resource in made.into_iter().chain(changed) {
        one(model, resource);
    }
}

/// Takes a resource; kinds that no control speaks of are passed over.
fn one(model: &mut Model, resource: &Resource<'_>) {
    if !site::take(model, resource) && !gateway::take(model, resource) {
        more::take(model, resource);
    }
}

fn modules<'j>(module: &'j Json, at: &Place, depth: usize, all: &mut Vec<Resource<'j>>) {
    for (nth, one) in module.at("resources").map(Json::items).unwrap_or_default().iter().enumerate() {
        let (Some(kind), Some(address)) = (one.text_at("type"), one.text_at("address")) else { continue };
        let managed = one.text_at("mode").is_none_or(|mode| mode == "managed");
        let Some(values) = one.at("values").filter(|_| managed && all.len() < MAX_RESOURCES) else { continue };
        all.push(Resource {
            kind: kind.to_owned(),
            address: address.to_owned(),
            values,
            unknown: None,
            sensitive: one.member("sensitive_values"),
            references: HashMap::new(),
            at: at.below(&format!("resources.{nth}.values"), values.line),
        });
    }
    if depth < MAX_MODULES {
        for (nth, child) in module.at("child_modules").map(Json::items).unwrap_or_default().iter().enumerate() {
            modules(child, &at.below(&format!("child_modules.{nth}"), child.line), depth + 1, all);
        }
    }
}

fn state_file<'j>(json: &'j Json, at: &Place, all: &mut Vec<Resource<'j>>) {
    for (nth, one) in json.at("resources").map(Json::items).unwrap_or_default().iter().enumerate() {
        let (Some(kind), Some(name)) = (one.text_at("type"), one.text_at("name")) else { continue };
        if one.text_at("mode").is_some_and(|mode| mode != "managed") {
            continue;
        }
        for (instance, values) in one.at("instances").map(Json::items).unwrap_or_default().iter().enumerate() {
            let Some(values) = values.at("attributes").filter(|_| all.len() < MAX_RESOURCES) else { continue };
            all.push(Resource {
                kind: kind.to_owned(),
                address: format!("{kind}.{name}"),
                values,
                unknown: None,
                sensitive: None,
                references: HashMap::new(),
                at: at.below(&format!("resources.{nth}.instances.{instance}.attributes"), values.line),
            });
        }
    }
}

/// Returns what stands in the place of a reference to each resource: an id like Azure's.
fn named(all: &[Resource<'_>]) -> HashMap<String, String> {
    let id = |one: &Resource<'_>| {
        let name = one.values.text_at("name")?;
        let kind = match one.kind.as_str() {
            kind if site::is_app(kind) => "Microsoft.Web/sites",
            "azurerm_api_management" => "Microsoft.ApiManagement/service",
            "azurerm_storage_account" => "Microsoft.Storage/storageAccounts",
            "azurerm_resource_group" => return Some(format!("/subscriptions/0/resourceGroups/{name}")),
            _ => return Some(format!("/providers/{}/{name}", one.kind)),
        };
        Some(format!("/providers/{kind}/{name}"))
    };
    all.iter().filter_map(|one| Some((unindexed(&one.address), id(one)?))).collect()
}

/// Returns an address without `[0]` and `["a"]`.
fn unindexed(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    let mut depth = 0_u32;
    for c in address.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// Returns of each resource's address what each of its arguments refers to.
fn references(json: &Json, names: &HashMap<String, String>) -> HashMap<String, HashMap<String, String>> {
    let mut all = HashMap::new();
    if let Some(root) = json.at("configuration.root_module") {
        references_in(root, "", names, 0, &mut all);
    }
    all
}

fn references_in(
    module: &Json,
    prefix: &str,
    names: &HashMap<String, String>,
    depth: usize,
    all: &mut HashMap<String, HashMap<String, String>>,
) {
    for one in module.at("resources").map(Json::items).unwrap_or_default() {
        let Some(address) = one.text_at("address") else { continue };
        let mut known = HashMap::new();
        for (argument, expression) in one.at("expressions").map(Json::members).unwrap_or_default() {
            let listed = expression.at("references").map(Json::items).unwrap_or_default();
            let shown: Vec<String> =
                listed.iter().filter_map(Json::as_text).map(|text| told(text, prefix, names)).collect();
            if let Some(first) = shown.iter().find(|text| text.starts_with('/')).or_else(|| shown.first()) {
                known.insert(argument.clone(), first.clone());
            }
        }
        all.insert(format!("{prefix}{address}"), known);
    }
    if depth < MAX_MODULES {
        for (name, call) in module.at("module_calls").map(Json::members).unwrap_or_default() {
            if let Some(inner) = call.at("module") {
                references_in(inner, &format!("{prefix}module.{name}."), names, depth + 1, all);
            }
        }
    }
}

/// Returns what stands in the place of a reference.
fn told(reference: &str, prefix: &str, names: &HashMap<String, String>) -> String {
    if reference.starts_with("data.azurerm_subscription.") {
        return "subscription().id".to_owned();
    }
    let parts: Vec<&str> = reference.split('.').collect();
    let address = parts.get(..2).map(|two| unindexed(&format!("{prefix}{}", two.join("."))));
    match address.and_then(|address| names.get(&address)) {
        Some(id) => id.clone(),
        None => reference.to_owned(),
    }
}
