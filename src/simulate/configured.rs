//! How is the simulated fleet configured, and what is meant of it?
//!
//! As files that teams have: a template of the apps and gateways with their policies, the functions' own
//! `function.json`, and the owner's `model.yaml`. [`Weakness`] says what of it somebody has undone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::fleet::{APPS, App, GATEWAYS, TENANT};

/// What of the configuration somebody has undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weakness {
    /// `validate-jwt` has left the inbound policy of the orders API.
    pub token_unchecked: bool,
    /// A function of the catalogue answers everybody.
    pub anonymous: bool,
}

/// The function that goes anonymous.
pub(super) const GOES_ANONYMOUS: (&str, &str) = ("notify-fn", "preferences");

/// Returns the files of the fleet's configuration by their paths.
pub fn configured(weakness: Weakness) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut resources: Vec<Value> = GATEWAYS.iter().map(gateway).collect();
    for app in &APPS {
        resources.push(site(app));
        resources.push(json!({
            "type": "Microsoft.Web/sites/config",
            "apiVersion": "2024-04-01",
            "name": format!("{}/authsettingsV2", app.name),
            "properties": { "platform": { "enabled": false } },
        }));
        if let Some((number, api)) = app.gateway {
            resources.extend(published(app, GATEWAYS[number].name, api, weakness));
        }
        files.insert(format!("src/{}/host.json", app.name), "{\"version\": \"2.0\"}\n".to_owned());
        for function in app.functions {
            let path = format!("src/{}/{}/function.json", app.name, function.name);
            let anonymous = weakness.anonymous && (app.name, function.name) == GOES_ANONYMOUS;
            files.insert(path, pretty(&bindings(function.path, function.method, anonymous)));
        }
    }
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": resources,
    });
    files.insert("infra/fleet.json".to_owned(), pretty(&template));
    files
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn gateway(gateway: &super::fleet::Gateway) -> Value {
    json!({
        "type": "Microsoft.ApiManagement/service",
        "apiVersion": "2024-05-01",
        "name": gateway.name,
        "location": gateway.location,
        "sku": { "name": "StandardV2", "capacity": 1 },
        "identity": { "type": "SystemAssigned" },
        "properties": {
            "publisherName": "Contoso",
            "publisherEmail": "api@contoso.example",
            "apiVersionConstraint": { "minApiVersion": "2021-08-01" },
        },
    })
}

fn site(app: &App) -> Value {
    let rules: Vec<Value> = app
        .gateway
        .iter()
        .map(|(number, _)| {
            json!({ "ipAddress": format!("203.0.113.{}/32", GATEWAYS[*number].egress), "action": "Allow", "priority": 100, "name": "gateway" })
        })
        .collect();
    let default = if rules.is_empty() { "Allow" } else { "Deny" };
    json!({
        "type": "Microsoft.Web/sites",
        "apiVersion": "2024-04-01",
        "name": app.name,
        "kind": if app.linux { "functionapp,linux" } else { "functionapp" },
        "location": app.location,
        "identity": { "type": "SystemAssigned" },
        "properties": {
            "httpsOnly": true,
            "publicNetworkAccess": "Enabled",
            "siteConfig": {
                "minTlsVersion": "1.2",
                "ftpsState": "Disabled",
                "remoteDebuggingEnabled": false,
                "ipSecurityRestrictions": rules,
                "ipSecurityRestrictionsDefaultAction": default,
                "appSettings": [{ "name": "AzureWebJobsStorage__accountName", "value": "stcontosofleet" }],
            },
        },
    })
}

fn published(app: &App, gateway: &str, api: &str, weakness: Weakness) -> Vec<Value> {
    let of = |kind: &str, name: String, properties: Value| json!({ "type": format!("Microsoft.ApiManagement/service/{kind}"), "apiVersion": "2024-05-01", "name": name, "properties": properties });
    let mut all = vec![of(
        "apis",
        format!("{gateway}/{api}"),
        json!({
            "displayName": api,
            "path": api,
            "protocols": ["https"],
            "subscriptionRequired": true,
            "serviceUrl": format!("https://{}.azurewebsites.net/api", app.name),
        }),
    )];
    for function in app.functions.iter().filter(|function| !function.path.is_empty()) {
        all.push(of(
            "apis/operations",
            format!("{gateway}/{api}/{}", function.name),
            json!({ "displayName": function.name, "method": function.method, "urlTemplate": function.path.replace("{}", "{id}") }),
        ));
    }
    let checked = !(weakness.token_unchecked && api == "orders");
    all.push(of(
        "apis/policies",
        format!("{gateway}/{api}/policy"),
        json!({ "format": "rawxml", "value": policy(api, checked) }),
    ));
    all
}

fn policy(api: &str, checked: bool) -> String {
    let mut inbound = String::from("<base /><rate-limit calls=\"600\" renewal-period=\"60\" />");
    if checked {
        // Writing to a String cannot fail.
        _ = write!(
            inbound,
            "<validate-jwt header-name=\"Authorization\" require-expiration-time=\"true\" require-signed-tokens=\"true\">\
             <openid-config url=\"https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration\" />\
             <audiences><audience>api://{api}</audience></audiences>\
             <issuers><issuer>https://login.microsoftonline.com/{TENANT}/v2.0</issuer></issuers></validate-jwt>"
        );
    }
    format!(
        "<policies><inbound>{inbound}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
}

fn bindings(path: &str, method: &str, anonymous: bool) -> Value {
    if path.is_empty() {
        return json!({ "bindings": [{ "type": "queueTrigger", "direction": "in", "name": "message", "queueName": "work", "connection": "AzureWebJobsStorage" }] });
    }
    json!({ "bindings": [
        {
            "type": "httpTrigger",
            "direction": "in",
            "name": "req",
            "authLevel": if anonymous { "anonymous" } else { "function" },
            "methods": [method.to_ascii_lowercase()],
            "route": path.trim_start_matches('/').replace("{}", "{id}"),
        },
        { "type": "http", "direction": "out", "name": "$return" },
    ] })
}

/// Returns the owner's `model.yaml` of the fleet.
pub fn intended() -> String {
    let mut out = String::from(
        "# What is meant of the simulated fleet.\nversion: \"1\"\nreviews:\n  - { by: platform security, on: 2026-01-15, version: \"1\" }\napps:\n",
    );
    for app in &APPS {
        // Writing to a String cannot fail.
        _ = writeln!(out, "  - name: {}\n    owner: {}", app.name, app.group.trim_start_matches("RG-").to_lowercase());
        match app.gateway {
            Some((number, _)) => {
                _ = writeln!(out, "    gateways: [{}]\n    authentication: [function-key]", GATEWAYS[number].name);
            }
            None => _ = writeln!(out, "    gateways: []\n    authentication: [function-key]"),
        }
        out.push_str("    functions:\n");
        for function in app.functions {
            _ = writeln!(out, "      - {{ name: {} }}", function.name);
        }
    }
    out.push_str("gateways:\n");
    for gateway in &GATEWAYS {
        _ = writeln!(
            out,
            "  - name: {}\n    owner: platform\n    authentication: [jwt, subscription-key]\n    callers: [storefront, partners]",
            gateway.name
        );
    }
    out
}
