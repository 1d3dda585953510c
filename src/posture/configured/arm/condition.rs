//! Will a resource be there once a template is deployed, and what if nobody knows?
//!
//! A `condition` or a `copy` whose count is known at deployment only leaves a resource in doubt. What
//! it would set on something else (authentication, address rules, logs, policies) is unknown then;
//! what it says of itself holds wherever it is. A part that comes and goes with what it belongs to, by
//! the same condition, is in no doubt.

use std::collections::HashMap;

use super::super::Sort;
use super::super::json::{Json, Node};
use super::more::named_by;
use super::template::Resource;

/// Whether a resource will be there.
#[derive(Debug, PartialEq, Eq)]
pub enum There {
    /// It will.
    Yes,
    /// It will not.
    No,
    /// That is known at deployment only: by what.
    Perhaps(String),
}

/// Tells whether a resource will be there, by its condition and the count of its copies.
pub fn there(json: &Json, resolve: impl Fn(&Json) -> Json) -> There {
    let mut doubt = None;
    if let Some(condition) = json.at("condition").map(&resolve) {
        match condition.as_bool() {
            Some(true) => {}
            Some(false) => return There::No,
            None => doubt = Some(condition.shown()),
        }
    }
    if let Some(count) = json.at("copy.count").map(&resolve) {
        match count.shown().parse::<u64>() {
            Ok(0) => return There::No,
            Ok(_) => {}
            Err(_) => doubt = doubt.or_else(|| Some(count.shown())),
        }
    }
    doubt.map_or(There::Yes, There::Perhaps)
}

/// Puts the doubts about a deployment and about a resource in it together.
pub fn both(outer: Option<&str>, own: There) -> Option<String> {
    match (outer, own) {
        (Some(outer), There::Perhaps(own)) => Some(format!("{outer} and {own}")),
        (None, There::Perhaps(own)) => Some(own),
        (outer, _) => outer.map(str::to_owned),
    }
}

/// Makes unknown what resources in doubt would set on others.
pub fn settle(found: &mut [Resource]) {
    let key = |kind: &str, name: &str| (kind.to_owned(), name.to_ascii_lowercase());
    let mut doubts: HashMap<(String, String), Option<String>> = HashMap::new();
    for one in found.iter() {
        // Where one of several is certain, what it is certain.
        let known = doubts.entry(key(&one.kind, &one.name)).or_insert_with(|| one.doubt.clone());
        if one.doubt.is_none() {
            *known = None;
        }
    }
    for one in found.iter_mut().filter(|one| one.doubt.is_some()) {
        let above = about(one).and_then(|(kind, name)| doubts.get(&key(&kind, &name)));
        if above == Some(&one.doubt) {
            one.doubt = None;
        } else if let Some(doubt) = one.doubt.as_deref().filter(|_| sets_on_others(&one.kind, &one.name)) {
            let told = format!("deployed if {doubt}");
            blur(&mut one.json, &told);
        }
    }
}

/// Tells whether a resource is about something else, and no thing of its own; settings are such things, for a
/// secret in them is one all the same.
fn sets_on_others(kind: &str, name: &str) -> bool {
    let last = kind.rsplit('/').next().unwrap_or_default();
    let own = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    match kind.split('/').next().unwrap_or_default() {
        "microsoft.web" if matches!(own.as_str(), "appsettings" | "connectionstrings") => false,
        "microsoft.web" => matches!(last, "config" | "basicpublishingcredentialspolicies" | "diagnosticsettings"),
        "microsoft.apimanagement" => matches!(last, "policies" | "policyfragments" | "tenant" | "diagnosticsettings"),
        _ => last == "diagnosticsettings",
    }
}

/// Returns the kind and name of what a resource is about: what it is a child of, or what its id names.
fn about(resource: &Resource) -> Option<(String, String)> {
    let named = resource.json.at("scope").or_else(|| {
        let connections = ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"];
        connections.iter().find_map(|list| {
            let first = resource.json.at(&format!("properties.{list}.0"))?;
            first.at("properties.privateLinkServiceId")
        })
    });
    if let Some((sort, name)) = named.and_then(|id| named_by(&id.shown())) {
        let kind = match sort {
            Sort::App if super::template::segments(&name).len() > 1 => "microsoft.web/sites/slots",
            Sort::App => "microsoft.web/sites",
            Sort::Gateway => "microsoft.apimanagement/service",
            Sort::Storage => "microsoft.storage/storageaccounts",
            _ => "microsoft.keyvault/vaults",
        };
        return Some((kind.to_owned(), super::template::of_file(&name, &resource.at.file)));
    }
    let (kind, _) = resource.kind.rsplit_once('/').filter(|(kind, _)| kind.contains('/'))?;
    let mut segments = super::template::segments(&resource.name);
    segments.pop();
    Some((kind.to_owned(), segments.join("/")))
}

/// Makes unknown what stands in the properties; settings stay, for a secret in them is one all the same.
fn blur(json: &mut Json, told: &str) {
    let Node::Map(members) = &mut json.node else { return };
    for (_, properties) in members.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("properties")) {
        unknown(properties, told);
    }
}

fn unknown(json: &mut Json, told: &str) {
    match &mut json.node {
        Node::Map(members) => {
            let is_settings = |name: &str| ["appSettings", "connectionStrings"].contains(&name);
            members.iter_mut().filter(|(name, _)| !is_settings(name)).for_each(|(_, value)| unknown(value, told));
        }
        Node::Null => {}
        node => *node = Node::Unknown(told.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::json::read;
    use super::*;

    fn of(text: &str) -> There {
        there(&read(text).unwrap(), |json| match json.as_text() {
            Some(text) => Json::unknown(1, text),
            None => json.clone(),
        })
    }

    #[test]
    fn no_copies_are_none_and_an_unknown_count_is_a_doubt() {
        assert_eq!(of(r#"{"condition": true, "copy": {"count": 2}}"#), There::Yes);
        assert_eq!(of(r#"{"condition": false}"#), There::No);
        assert_eq!(of(r#"{"copy": {"count": 0}}"#), There::No);
        assert_eq!(of(r#"{"copy": {"count": "[n]"}}"#), There::Perhaps("[n]".to_owned()));
        assert_eq!(of(r#"{"condition": "[c]"}"#), There::Perhaps("[c]".to_owned()));
        assert_eq!(of(r#"{"condition": "[c]", "copy": {"count": 0}}"#), There::No);
    }
}
