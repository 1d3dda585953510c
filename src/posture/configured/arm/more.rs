//! What do ARM's other resources say: storage, roles, private endpoints, diagnostic settings?
//!
//! They matter for what they do to an app or gateway: the storage account holds its keys, a role is
//! what its identity may do, a private endpoint is how it can be reached, a diagnostic setting is
//! whether anybody sees what happens.

use super::super::json::Json;
use super::super::{Model, Place, Setting, Sort, Value};
use super::site::properties;
use super::template::{Resource, segments};

/// Built-in roles that open more than one kind of thing, by their ids.
pub const BROAD_ROLES: [(&str, &str); 4] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
];

/// Members of a storage account, below `properties`.
const STORAGE: &[(&str, Setting)] = &[
    ("allowSharedKeyAccess", Setting::SharedKey),
    ("allowBlobPublicAccess", Setting::PublicBlobs),
    ("minimumTlsVersion", Setting::MinTls),
    ("supportsHttpsTrafficOnly", Setting::HttpsOnly),
    ("networkAcls.defaultAction", Setting::NetworkDefault),
    ("publicNetworkAccess", Setting::PublicNetwork),
];

/// Members of a vault, below `properties`.
const VAULT: &[(&str, Setting)] = &[
    ("enablePurgeProtection", Setting::PurgeProtection),
    ("enableRbacAuthorization", Setting::RoleBased),
    ("networkAcls.defaultAction", Setting::NetworkDefault),
    ("publicNetworkAccess", Setting::PublicNetwork),
];

/// Takes a resource, if it is one of these.
pub fn take(model: &mut Model, resource: &Resource) {
    let (properties, at) = properties(resource);
    match resource.kind.as_str() {
        "microsoft.storage/storageaccounts" => store(model, Sort::Storage, resource, STORAGE),
        "microsoft.keyvault/vaults" => store(model, Sort::Vault, resource, VAULT),
        "microsoft.network/privateendpoints" => private_endpoint(model, properties, &at),
        kind if kind.ends_with("microsoft.authorization/roleassignments") => role(model, resource, properties, &at),
        kind if kind.ends_with("microsoft.insights/diagnosticsettings") => logs(model, resource, properties, &at),
        _ => {}
    }
}

/// Takes a store, by the table of its members.
fn store(model: &mut Model, sort: Sort, resource: &Resource, table: &[(&str, Setting)]) {
    let (properties, at) = properties(resource);
    let element = model.element(sort, &resource.name, None, &resource.at);
    (element.whole, element.whole_config) = (true, true);
    for (path, setting) in table {
        if let Some(json) = properties.at(path) {
            super::site::give(element, *setting, json, &at.below(path, json.line));
        }
    }
}

fn private_endpoint(model: &mut Model, properties: &Json, at: &Place) {
    for path in ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"] {
        for (nth, one) in properties.at(path).map(Json::items).unwrap_or_default().iter().enumerate() {
            let inner = one.at("properties").unwrap_or(one);
            let Some(id) = inner.at("privateLinkServiceId") else { continue };
            let place = at.below(&format!("{path}.{nth}"), one.line);
            if let Some((sort, name)) = named_by(&id.shown()) {
                model.element(sort, &name, None, &place).give(Setting::PrivateEndpoint, Value::Flag(true), place);
            }
        }
    }
}

/// Returns the element that a resource's id names; works for ids with unknown parts too.
pub fn named_by(id: &str) -> Option<(Sort, String)> {
    for (part, sort) in [
        ("microsoft.web/sites/", Sort::App),
        ("microsoft.apimanagement/service/", Sort::Gateway),
        ("microsoft.storage/storageaccounts/", Sort::Storage),
        ("microsoft.keyvault/vaults/", Sort::Vault),
    ] {
        if let Some(at) = id.to_ascii_lowercase().find(part) {
            let name = segments(id.get(at + part.len()..)?).first().copied()?;
            let name =
                name.find(").").and_then(|end| name.get(..end)).filter(|name| !name.contains('(')).unwrap_or(name);
            // A name that is unknown as a whole is put in brackets within the id only.
            let bare = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let name = bare.filter(|rest| !rest.contains('{')).unwrap_or(name);
            return (!name.is_empty()).then(|| (sort, name.to_owned()));
        }
    }
    None
}

fn role(model: &mut Model, resource: &Resource, properties: &Json, at: &Place) {
    let Some(definition) = properties.at("roleDefinitionId").or_else(|| properties.at("roleDefinitionName")) else {
        return;
    };
    let shown = definition.shown();
    let known = BROAD_ROLES.iter().find(|(id, _)| shown.to_ascii_lowercase().contains(id)).map(|(_, name)| *name);
    let exported = properties.at("roleDefinitionName").and_then(Json::as_text);
    let is_guid = shown.rsplit('/').next().is_some_and(|last| last.len() == 36 && last.matches('-').count() == 4);
    let value = match known.or(exported) {
        Some(name) => Value::Text(name.to_owned()),
        None if is_guid => Value::Text(shown.rsplit('/').next().unwrap_or_default().to_owned()),
        None => Value::Unknown(shown),
    };
    let name = format!("{} at {}", resource.name, resource.at);
    let scope = scope_of(resource, properties);
    let element = model.element(Sort::Role, &name, None, at);
    (element.whole, element.whole_config) = (true, true);
    element.give(Setting::Role, value, at.below("roleDefinitionId", definition.line));
    element.give(Setting::Scope, scope, at.clone());
    element.give_json(Setting::PrincipalType, properties.at("principalType"), at, "principalType");
}

/// Returns how far an assignment reaches: what its `scope` names, else the group it is deployed to.
fn scope_of(resource: &Resource, properties: &Json) -> Value {
    let word = |text: &str| Value::Text(text.to_owned());
    // `microsoft.storage/storageaccounts/providers/roleassignments` is a child of what it opens.
    if resource.kind.matches("microsoft.").count() > 1 || resource.kind.contains("/providers/") {
        return word("resource");
    }
    match resource.json.at("scope").or_else(|| properties.at("scope")) {
        Some(scope) => reach(&scope.shown()),
        None if resource.exported => Value::Unknown("the scope".to_owned()),
        None => Value::Unknown("the scope of the deployment".to_owned()),
    }
}

/// Returns how far an id reaches.
pub fn reach(id: &str) -> Value {
    let lower = id.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').filter(|part| !part.is_empty()).collect();
    let word = |text: &str| Value::Text(text.to_owned());
    if lower.contains("providers/microsoft.management/managementgroups") {
        word("management-group")
    } else if parts.contains(&"providers") {
        word("resource")
    } else if parts.contains(&"resourcegroups") || lower.contains("resourcegroup().id") {
        word("resource-group")
    } else if parts.first() == Some(&"subscriptions") && parts.len() <= 2 || lower.contains("subscription().id") {
        word("subscription")
    } else {
        Value::Unknown(id.to_owned())
    }
}

/// The categories that groups stand for, as far as controls ask.
const GROUPS: [(&str, &[&str]); 2] = [
    (
        "alllogs",
        &[
            "AppServiceHTTPLogs",
            "FunctionAppLogs",
            "AppServiceAuthenticationLogs",
            "AppServiceAuditLogs",
            "AppServiceIPSecAuditLogs",
            "GatewayLogs",
            "AuditLogs",
        ],
    ),
    ("audit", &["AppServiceAuditLogs", "AppServiceIPSecAuditLogs"]),
];

fn logs(model: &mut Model, resource: &Resource, properties: &Json, at: &Place) {
    let scope = resource.json.at("scope").map(Json::shown);
    let own = resource.json.at("id").map(Json::shown);
    let named = scope.or(own).as_deref().and_then(named_by);
    let Some((sort, name)) =
        named.or_else(|| sort_of(&resource.kind).map(|sort| (sort, resource.segment(0).to_owned())))
    else {
        return;
    };
    let Some(list) = properties.at("logs") else { return };
    let mut on = Vec::new();
    for one in list.items() {
        if one.at("enabled").and_then(Json::as_bool) == Some(false) {
            continue;
        }
        on.extend(one.text_at("category").map(str::to_owned));
        if let Some(group) = one.text_at("categoryGroup") {
            on.extend(categories(group));
        }
    }
    let place = at.below("logs", list.line);
    let value = if list.is_unknown() { Value::Unknown(list.shown()) } else { Value::List(on) };
    model.element(sort, &name, None, &place).give(Setting::Logs, value, place);
}

/// Returns the categories of a group.
pub fn categories(group: &str) -> impl Iterator<Item = String> + use<> {
    let group = group.to_ascii_lowercase();
    let found = GROUPS.iter().find(|(name, _)| *name == group).map_or(&[][..], |(_, list)| list);
    found.iter().map(|name| (*name).to_owned())
}

fn sort_of(kind: &str) -> Option<Sort> {
    if kind.starts_with("microsoft.web/sites") {
        Some(Sort::App)
    } else if kind.starts_with("microsoft.apimanagement/service") {
        Some(Sort::Gateway)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_how_far_it_reaches() {
        let of = |id: &str| reach(id).shown();
        assert_eq!(of("/subscriptions/0"), "subscription");
        assert_eq!(of("/subscriptions/0/resourceGroups/rg"), "resource-group");
        assert_eq!(of("/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a"), "resource");
        assert_eq!(of("subscription().id"), "subscription");
        assert_eq!(of("parameters('scope')"), "parameters('scope')");
    }

    #[test]
    fn an_id_with_unknown_parts_names_its_element() {
        let of = |id: &str| named_by(id).map(|(_, name)| name);
        assert_eq!(of("/providers/Microsoft.Web/sites/func-a").as_deref(), Some("func-a"));
        assert_eq!(
            of("/providers/Microsoft.Web/sites/func-{uniqueString(x)}").as_deref(),
            Some("func-{uniqueString(x)}")
        );
        assert_eq!(of("/providers/Microsoft.Sql/servers/x"), None);
    }
}
