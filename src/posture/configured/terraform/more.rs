//! What do Terraform's other resources say: storage, roles, private endpoints, diagnostic settings,
//! and Azure's own API through azapi?

use super::super::arm::{self, named_by, reach};
use super::super::json::{self, Json, Node};
use super::super::{Model, Setting, Sort, Value};
use super::Resource;

/// Arguments of a storage account.
const STORAGE: &[(&str, Setting)] = &[
    ("shared_access_key_enabled", Setting::SharedKey),
    ("allow_nested_items_to_be_public", Setting::PublicBlobs),
    ("min_tls_version", Setting::MinTls),
    ("https_traffic_only_enabled", Setting::HttpsOnly),
    ("enable_https_traffic_only", Setting::HttpsOnly),
    ("public_network_access_enabled", Setting::PublicNetwork),
    ("network_rules.0.default_action", Setting::NetworkDefault),
    ("network_rules.0.ip_rules", Setting::IpRules),
];

/// Arguments of a vault.
const VAULT: &[(&str, Setting)] = &[
    ("purge_protection_enabled", Setting::PurgeProtection),
    ("rbac_authorization_enabled", Setting::RoleBased),
    ("enable_rbac_authorization", Setting::RoleBased),
    ("public_network_access_enabled", Setting::PublicNetwork),
    ("network_acls.0.default_action", Setting::NetworkDefault),
    ("network_acls.0.ip_rules", Setting::IpRules),
];

/// Takes a resource, if it is one of these.
pub fn take(model: &mut Model, resource: &Resource<'_>) {
    match resource.kind.as_str() {
        "azurerm_storage_account" => store(model, Sort::Storage, resource, STORAGE),
        "azurerm_key_vault" => store(model, Sort::Vault, resource, VAULT),
        "azurerm_storage_account_network_rules" => {
            if let Some((sort, name)) = named_by(&resource.shown("storage_account_id")) {
                let element = model.element(sort, &name, None, &resource.at);
                resource.give(element, &[("default_action", Setting::NetworkDefault), ("ip_rules", Setting::IpRules)]);
            }
        }
        "azurerm_role_assignment" => role(model, resource),
        "azurerm_monitor_diagnostic_setting" => logs(model, resource),
        "azurerm_private_endpoint" => {
            let path = "private_service_connection.0.private_connection_resource_id";
            let id = resource.get(path).map(|id| id.shown()).unwrap_or_default();
            let id = if id.starts_with('/') {
                id
            } else {
                resource.references.values().find(|text| named_by(text).is_some()).cloned().unwrap_or(id)
            };
            if let Some((sort, name)) = named_by(&id) {
                private_endpoint(model, resource, sort, name);
            }
        }
        "azapi_resource" | "azapi_update_resource" => azapi(model, resource),
        _ => {}
    }
}

/// Takes a private endpoint of an element, or of the slots of it that it names.
fn private_endpoint(model: &mut Model, resource: &Resource<'_>, sort: Sort, name: String) {
    let connection = "private_service_connection.0";
    let at = resource.place(&format!("{connection}.private_connection_resource_id"));
    let manual = resource.get(&format!("{connection}.is_manual_connection"));
    let value = match manual.map(|manual| manual.as_bool()) {
        None | Some(Some(false)) => Value::Flag(true),
        Some(_) => Value::Unknown("it waits until somebody approves it".to_owned()),
    };
    let groups = resource.get(&format!("{connection}.subresource_names"));
    let groups = groups.as_ref().map(Json::items).unwrap_or_default();
    for name in arm::reached(sort, name, groups) {
        model.element(sort, &name, None, &at).give(Setting::PrivateEndpoint, value.clone(), at.clone());
    }
}

/// Takes a store, by the table of its arguments.
fn store(model: &mut Model, sort: Sort, resource: &Resource<'_>, table: &[(&str, Setting)]) {
    let element = model.element(sort, &resource.shown("name"), None, &resource.at);
    (element.whole, element.whole_config) = (true, true);
    resource.give(element, table);
}

fn role(model: &mut Model, resource: &Resource<'_>) {
    let named = ["role_definition_name", "role_definition_id"].iter().find_map(|path| {
        let json = resource.get(path).filter(|json| !json.shown().is_empty())?;
        Some((*path, json))
    });
    let Some((path, definition)) = named else { return };
    let shown = definition.shown().to_ascii_lowercase();
    let by_id = arm::built_in(&shown).map(|name| Value::Text(name.to_owned()));
    let value = by_id.or_else(|| Value::of(&definition)).unwrap_or_else(|| Value::Unknown(resource.address.clone()));
    let element = model.element(Sort::Role, &resource.address, None, &resource.at);
    (element.whole, element.whole_config) = (true, true);
    element.give(Setting::Role, value, resource.place(path));
    element.give(Setting::Scope, reach(&resource.shown("scope")), resource.place("scope"));
    resource.give(element, &[("principal_type", Setting::PrincipalType)]);
}

fn logs(model: &mut Model, resource: &Resource<'_>) {
    let Some((sort, name)) = named_by(&resource.shown("target_resource_id")) else { return };
    let (mut on, mut unknown) = (Vec::new(), false);
    for list in ["enabled_log", "log"].iter().filter_map(|block| resource.get(block)) {
        let (more, others) = arm::sent(&list, ["category", "category_group"]);
        on.extend(more);
        unknown |= others;
    }
    let at = resource.place("enabled_log");
    let element = model.element(sort, &name, None, &at);
    if !unknown || !on.is_empty() {
        element.give(Setting::Logs, Value::List(on), at.clone());
    }
    if unknown {
        element.give(Setting::Logs, Value::Unknown(resource.address.clone()), at);
    }
}

/// Kinds that are whole elements, in Azure's own words.
const KINDS: [(&str, Sort); 7] = [
    ("microsoft.web/sites", Sort::App),
    ("microsoft.web/sites/slots", Sort::App),
    ("microsoft.apimanagement/service", Sort::Gateway),
    ("microsoft.apimanagement/service/apis", Sort::Api),
    ("microsoft.apimanagement/service/products", Sort::Product),
    ("microsoft.storage/storageaccounts", Sort::Storage),
    ("microsoft.keyvault/vaults", Sort::Vault),
];

/// Returns the whole name that an id says: `func-a/web` of `…/sites/func-a/config/web`.
fn whole_name(id: &str) -> Option<String> {
    let (_, named) = named_by(id)?;
    let first = arm::segments(&named).first().copied()?.to_owned();
    let below = id.rsplit_once("/providers/").map(|(_, below)| arm::segments(below)).unwrap_or_default();
    let rest: Vec<&str> = below.into_iter().skip(4).step_by(2).collect();
    Some([&[first.as_str()], rest.as_slice()].concat().join("/"))
}

/// Takes a resource that azapi writes in Azure's own form.
fn azapi(model: &mut Model, resource: &Resource<'_>) {
    let kind = resource.shown("type");
    let kind = kind.split('@').next().unwrap_or_default().to_ascii_lowercase();
    let body = match resource.get("body") {
        Some(Json { node: Node::Text(text), line }) => json::read(&text).map(|json| Json { line, ..json }).ok(),
        other => other,
    };
    let Some(mut body) = body else { return };
    let (parent, own) = (resource.shown("parent_id"), resource.shown("name"));
    let id = resource.shown("resource_id");
    let name = match named_by(&parent) {
        Some((_, parent)) => format!("{parent}/{own}"),
        None if own.is_empty() => whole_name(&id).unwrap_or_default(),
        None => own,
    };
    let at = resource.place("body");
    // A change says no kind: it is that of what is changed.
    let is_app = kind == "microsoft.web/sites" && model.get(Sort::App, &name).is_some();
    if let (true, Node::Map(members)) = (is_app && body.at("kind").is_none(), &mut body.node) {
        members.push(("kind".to_owned(), Json::text(0, "functionapp")));
    }
    // The identity is a block of its own, beside the body.
    let identity = resource.get("identity.0.type").filter(|_| body.at("identity").is_none());
    if let (Some(identity), Node::Map(members)) = (identity, &mut body.node) {
        let line = identity.line;
        members.push(("identity".to_owned(), Json { line, node: Node::Map(vec![("type".to_owned(), identity)]) }));
    }
    let sort = KINDS.iter().find(|(known, _)| *known == kind).map(|(_, sort)| *sort);
    // A change says nothing of what it leaves as it is.
    let changed = sort.filter(|_| resource.kind == "azapi_update_resource");
    let before = changed.and_then(|sort| model.get(sort, &name)).is_some_and(|one| one.whole);
    arm::take(
        model,
        &arm::Resource { kind, name: name.clone(), json: body, at: at.clone(), exported: true, doubt: None },
    );
    if let Some(sort) = changed.filter(|sort| model.get(*sort, &name).is_some()) {
        model.element(sort, &name, None, &at).whole = before;
    }
}
