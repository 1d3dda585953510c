//! What do ARM's other resources say: storage, roles, private endpoints, diagnostic settings?
//!
//! They matter for what they do to an app or gateway: the storage account holds its keys, a role is
//! what its identity may do, a private endpoint is how it can be reached, a diagnostic setting is
//! whether anybody sees what happens.

use super::super::json::{Json, Node};
use super::super::{Model, Place, Setting, Sort, Value};
use super::site::properties;
use super::template::{Resource, of_file, segments};

/// Built-in roles that open more than one kind of thing, by their ids.
pub const BROAD_ROLES: [(&str, &str); 4] = [
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
];

/// Built-in roles for the data of one kind of thing, by their ids.
const DATA_ROLES: [(&str, &str); 25] = [
    ("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", "Storage Blob Data Owner"),
    ("ba92f5b4-2d11-453d-a403-e96b0029c9fe", "Storage Blob Data Contributor"),
    ("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", "Storage Blob Data Reader"),
    ("974c5e8b-45b9-4653-ba55-5f855dd0fb88", "Storage Queue Data Contributor"),
    ("19e7f393-937e-4f77-808e-94535e297925", "Storage Queue Data Reader"),
    ("8a0f0c08-91a1-4084-bc3d-661d67233fed", "Storage Queue Data Message Processor"),
    ("c6a89b2d-59bc-44d0-9896-0f6e12d7b80a", "Storage Queue Data Message Sender"),
    ("0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3", "Storage Table Data Contributor"),
    ("76199698-9eea-4c19-bc75-cec21354c6b6", "Storage Table Data Reader"),
    ("4633458b-17de-408a-b874-0445c86b69e6", "Key Vault Secrets User"),
    ("b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "Key Vault Secrets Officer"),
    ("12338af0-0e69-4776-bea7-57ae8d297424", "Key Vault Crypto User"),
    ("21090545-7ca7-4776-b22c-e363652d74d2", "Key Vault Reader"),
    ("00482a5a-887f-4fb3-b363-3b7fe8e74483", "Key Vault Administrator"),
    ("090c5cfd-751d-490a-894a-3ce6f1109419", "Azure Service Bus Data Owner"),
    ("69a216fc-b8fb-44d8-bc22-1f3c2cd27a39", "Azure Service Bus Data Sender"),
    ("4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0", "Azure Service Bus Data Receiver"),
    ("f526a384-b230-433a-b45c-95f59c4a2dec", "Azure Event Hubs Data Owner"),
    ("2b629674-e913-4c01-ae53-ef4638d8f975", "Azure Event Hubs Data Sender"),
    ("a638d3c7-ab3a-418d-83e6-5f17a39d4fde", "Azure Event Hubs Data Receiver"),
    ("516239f1-63e1-4d78-a4de-a74fb236a071", "App Configuration Data Reader"),
    ("3913510d-42f4-4e42-8a64-420c390055eb", "Monitoring Metrics Publisher"),
    ("7f951dda-4ed3-4680-a7ca-43fe172d538d", "AcrPull"),
    ("d5a91429-5739-47e2-a06b-3470a27159e7", "EventGrid Data Sender"),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
];

/// Returns the name of a role that Azure has built in, by its id or the end of a text that holds it.
pub fn built_in(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase();
    BROAD_ROLES.iter().chain(&DATA_ROLES).find(|(id, _)| lower.contains(id)).map(|(_, name)| *name)
}

/// Tells whether a role of this name is one that Azure has built in for data, or to read.
pub fn is_narrow(name: &str) -> bool {
    DATA_ROLES.iter().any(|(_, known)| known.eq_ignore_ascii_case(name))
}

/// Members of a storage account, below `properties`.
const STORAGE: &[(&str, Setting)] = &[
    ("allowSharedKeyAccess", Setting::SharedKey),
    ("allowBlobPublicAccess", Setting::PublicBlobs),
    ("minimumTlsVersion", Setting::MinTls),
    ("supportsHttpsTrafficOnly", Setting::HttpsOnly),
    // As `az storage account show` calls them.
    ("enableHttpsTrafficOnly", Setting::HttpsOnly),
    ("networkAcls.defaultAction", Setting::NetworkDefault),
    ("networkRuleSet.defaultAction", Setting::NetworkDefault),
    ("publicNetworkAccess", Setting::PublicNetwork),
];

/// Storage accounts take HTTPS alone by default since this version of the API.
const HTTPS_SINCE: &str = "2019-04-01";

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
        "microsoft.network/privateendpoints" => private_endpoint(model, resource, properties, &at),
        kind if is_part(kind, "microsoft.authorization", "roleassignments") => role(model, resource, properties, &at),
        kind if is_part(kind, "microsoft.insights", "diagnosticsettings") => logs(model, resource, properties, &at),
        _ => {}
    }
}

/// Tells whether a resource is one that another service puts on any: by itself, or as a part, of which the name has
/// the service (`Microsoft.Web/sites/providers/diagnosticSettings`).
fn is_part(kind: &str, service: &str, last: &str) -> bool {
    kind.strip_suffix(last).is_some_and(|rest| rest.ends_with(&format!("{service}/")) || rest.ends_with("/providers/"))
}

/// Takes a store, by the table of its members.
fn store(model: &mut Model, sort: Sort, resource: &Resource, table: &[(&str, Setting)]) {
    let (properties, at) = properties(resource);
    let element = model.element(sort, &resource.name, None, &resource.at);
    // A list that was cut to some members says nothing of the others.
    let said = table.iter().any(|(path, _)| properties.at(path).is_some());
    element.define(&resource.at.file, !resource.exported, said || !resource.exported);
    for (path, setting) in table {
        if let Some(json) = properties.at(path) {
            super::site::give(element, *setting, json, &at.below(path, json.line));
        }
    }
    for path in ["networkAcls.ipRules", "networkRuleSet.ipRules"] {
        if let Some(list) = properties.at(path) {
            let value = super::site::rules(list, &["value", "ipAddressOrRange"], &[]);
            element.give(Setting::IpRules, value, at.below(path, list.line));
        }
    }
    let old = resource.json.text_at("apiVersion").is_some_and(|version| version < HTTPS_SINCE);
    if sort == Sort::Storage && (old || resource.exported) && element.get(Setting::HttpsOnly).is_none() {
        let told = Value::Unknown("it is left out, and its default differs by the version of the API".to_owned());
        element.give(Setting::HttpsOnly, told, at);
    }
}

fn private_endpoint(model: &mut Model, resource: &Resource, properties: &Json, at: &Place) {
    for path in ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"] {
        for (nth, one) in properties.at(path).map(Json::items).unwrap_or_default().iter().enumerate() {
            let inner = one.at("properties").unwrap_or(one);
            let Some(id) = inner.at("privateLinkServiceId") else { continue };
            let place = at.below(&format!("{path}.{nth}"), one.line);
            let Some((sort, name)) = target(&id.shown(), at) else { continue };
            let Some(value) = connected(resource, inner, path.starts_with("manual")) else { continue };
            for name in reached(sort, name, inner.at("groupIds").map(Json::items).unwrap_or_default()) {
                let element = model.element(sort, &name, None, &place);
                element.give(Setting::PrivateEndpoint, value.clone(), place.clone());
            }
        }
    }
}

/// Tells whether a connection of a private endpoint is one; nothing where it was refused.
fn connected(resource: &Resource, connection: &Json, manual: bool) -> Option<Value> {
    if let Some(doubt) = &resource.doubt {
        return Some(Value::Unknown(format!("deployed if {doubt}")));
    }
    match connection.at("privateLinkServiceConnectionState.status").map(|status| &status.node) {
        Some(Node::Text(status)) => status.eq_ignore_ascii_case("approved").then_some(Value::Flag(true)),
        Some(_) => Some(Value::Unknown("whether it was approved".to_owned())),
        None if manual => Some(Value::Unknown("it waits until somebody approves it".to_owned())),
        None => Some(Value::Flag(true)),
    }
}

/// Returns what a connection leads to: the app, or those of its slots that its groups name.
pub fn reached(sort: Sort, name: String, groups: &[Json]) -> Vec<String> {
    let slots: Vec<String> = groups
        .iter()
        .filter_map(|group| group.as_text()?.to_ascii_lowercase().strip_prefix("sites-").map(str::to_owned))
        .collect();
    if sort != Sort::App || slots.is_empty() {
        return vec![name];
    }
    let own = groups.len() > slots.len();
    let slots = slots.into_iter().map(|slot| format!("{name}/{slot}"));
    if own { slots.chain([name.clone()]).collect() } else { slots.collect() }
}

/// Returns the element that an id names within the file of `at`.
fn target(id: &str, at: &Place) -> Option<(Sort, String)> {
    let of = |name: &str| segments(name).into_iter().map(|part| of_file(part, &at.file)).collect::<Vec<_>>().join("/");
    named_by(id).map(|(sort, name)| (sort, of(&name)))
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
            let parts = segments(id.get(at + part.len()..)?);
            let name = parts.first().copied()?;
            let name =
                name.find(").").and_then(|end| name.get(..end)).filter(|name| !name.contains('(')).unwrap_or(name);
            // A name that is unknown as a whole is put in brackets within the id only.
            let bare = name.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let name = bare.filter(|rest| !rest.contains('{')).unwrap_or(name);
            let slot = match parts.as_slice() {
                [_, word, slot, ..] if sort == Sort::App && word.eq_ignore_ascii_case("slots") => {
                    let unknown = slot.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                    unknown
                        .or_else(|| slot.split(['}', ')', '\'', '.', ',', ' ']).next())
                        .filter(|slot| !slot.is_empty())
                }
                _ => None,
            };
            let whole = slot.map_or_else(|| name.to_owned(), |slot| format!("{name}/{slot}"));
            return (!name.is_empty()).then_some((sort, whole));
        }
    }
    None
}

fn role(model: &mut Model, resource: &Resource, properties: &Json, at: &Place) {
    let Some(definition) = properties.at("roleDefinitionId").or_else(|| properties.at("roleDefinitionName")) else {
        return;
    };
    let shown = definition.shown();
    let known = built_in(&shown);
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
        None => word("deployment"),
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
    let named = scope.or(own).as_deref().and_then(|id| target(id, at));
    let is_slot = resource.kind.starts_with("microsoft.web/sites/slots/");
    let (first, second) = (resource.segment(0), resource.segment(1));
    let own = || if is_slot { format!("{first}/{second}") } else { first.to_owned() };
    let Some((sort, name)) = named.or_else(|| sort_of(&resource.kind).map(|sort| (sort, own()))) else { return };
    let Some(list) = properties.at("logs") else { return };
    let place = at.below("logs", list.line);
    let element = model.element(sort, &name, None, &place);
    let (on, unknown) = sent(list, ["category", "categoryGroup"]);
    // What may be sent too is said beside what is.
    if !unknown || !on.is_empty() {
        element.give(Setting::Logs, Value::List(on), place.clone());
    }
    if unknown {
        element.give(Setting::Logs, Value::Unknown("which are sent".to_owned()), place);
    }
}

/// Returns the categories of logs that are sent for certain, and whether others may be; `names` are the members
/// that name a category and a group of them.
pub fn sent(list: &Json, [category, group]: [&str; 2]) -> (Vec<String>, bool) {
    let (mut on, mut unknown) = (Vec::new(), list.is_unknown());
    for one in list.items() {
        let enabled = one.at("enabled");
        if enabled.and_then(Json::as_bool) == Some(false) {
            continue;
        }
        let members = [enabled, one.at(category), one.at(group)];
        if one.is_unknown() || members.into_iter().flatten().any(Json::is_unknown) {
            unknown = true;
            continue;
        }
        on.extend(one.text_at(category).filter(|name| !name.is_empty()).map(str::to_owned));
        on.extend(one.text_at(group).into_iter().flat_map(categories));
    }
    (on, unknown)
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
        assert_eq!(of("/providers/Microsoft.Web/sites/func-a/slots/staging").as_deref(), Some("func-a/staging"));
        assert_eq!(
            of("/providers/Microsoft.Web/sites/func-a/slots/{parameters('s')}").as_deref(),
            Some("func-a/parameters('s')")
        );
        assert_eq!(of("/providers/Microsoft.Web/sites/func-a/config/web").as_deref(), Some("func-a"));
    }
}
