//! What do ARM's resources say of function apps?
//!
//! `Microsoft.Web/sites`, its slots and its children: configuration, settings, authentication,
//! publishing credentials, functions. An export of the same has the same members, with or without
//! `properties` around them.

use super::super::json::{Json, Node};
use super::super::{Model, Place, Setting, Sort, Value, code, secrets};
use super::template::Resource;

/// Members of a site, below `properties`.
const SITE: &[(&str, Setting)] = &[
    ("httpsOnly", Setting::HttpsOnly),
    ("publicNetworkAccess", Setting::PublicNetwork),
    ("virtualNetworkSubnetId", Setting::Subnet),
    ("vnetRouteAllEnabled", Setting::RouteAll),
    ("outboundVnetRouting.allTraffic", Setting::RouteAll),
    ("functionsRuntimeAdminIsolationEnabled", Setting::AdminIsolation),
    ("clientCertExclusionPaths", Setting::ClientCertExclusions),
];

/// Members of a site's configuration.
const CONFIG: &[(&str, Setting)] = &[
    ("minTlsVersion", Setting::MinTls),
    ("scmMinTlsVersion", Setting::ScmMinTls),
    ("ftpsState", Setting::FtpsState),
    ("remoteDebuggingEnabled", Setting::RemoteDebugging),
    ("functionsRuntimeAdminIsolationEnabled", Setting::AdminIsolation),
    ("vnetRouteAllEnabled", Setting::RouteAll),
    ("publicNetworkAccess", Setting::PublicNetwork),
    ("ipSecurityRestrictionsDefaultAction", Setting::IpDefault),
    ("scmIpSecurityRestrictionsDefaultAction", Setting::ScmIpDefault),
    ("scmIpSecurityRestrictionsUseMain", Setting::ScmUsesMain),
    ("cors.allowedOrigins", Setting::CorsOrigins),
    ("cors.supportCredentials", Setting::CorsCredentials),
    ("linuxFxVersion", Setting::Stack),
];

/// Members of authentication's second form.
const AUTH_V2: &[(&str, Setting)] = &[
    ("platform.enabled", Setting::AuthOn),
    ("globalValidation.requireAuthentication", Setting::AuthRequired),
    ("globalValidation.unauthenticatedClientAction", Setting::AuthAction),
    ("globalValidation.excludedPaths", Setting::AuthExcluded),
    ("login.tokenStore.enabled", Setting::AuthTokenStore),
    ("httpSettings.requireHttps", Setting::AuthHttps),
    ("identityProviders.azureActiveDirectory.validation.allowedAudiences", Setting::AuthAudiences),
];

/// Providers of authentication's second form.
const PROVIDERS: [&str; 7] =
    ["azureActiveDirectory", "gitHub", "google", "facebook", "twitter", "apple", "azureStaticWebApps"];

/// Takes a site, a slot or a child of one; tells whether it was one.
pub fn take(model: &mut Model, resource: &Resource) -> bool {
    let Some(rest) = resource.kind.strip_prefix("microsoft.web/sites") else { return false };
    let (rest, app) = match rest.strip_prefix("/slots") {
        Some(rest) => (rest, format!("{}/{}", resource.segment(0), resource.segment(1))),
        None => (rest, resource.segment(0).to_owned()),
    };
    let last = super::template::segments(&resource.name).last().copied().unwrap_or_default().to_ascii_lowercase();
    let (properties, at) = properties(resource);
    match rest {
        "" => site(model, resource, &app, properties, &at),
        "/config" => config(model, &app, &last, properties, &at, resource.exported),
        "/basicpublishingcredentialspolicies" => {
            let setting = if last == "ftp" { Setting::FtpBasicAuth } else { Setting::ScmBasicAuth };
            model.element(Sort::App, &app, None, &at).give_json(setting, properties.at("allow"), &at, "allow");
        }
        "/functions" => {
            let config = properties.at("config").unwrap_or(properties);
            code::binding::function(model, &app, &last_cased(resource), config, &at.below("config", config.line));
        }
        "/hostnamebindings" | "/extensions" | "/virtualnetworkconnections" => {}
        _ => return false,
    }
    true
}

fn last_cased(resource: &Resource) -> String {
    super::template::segments(&resource.name).last().copied().unwrap_or_default().to_owned()
}

/// Returns the properties of a resource; some exports have them without the word.
pub fn properties(resource: &Resource) -> (&Json, Place) {
    match resource.json.at("properties") {
        Some(properties) if !matches!(properties.node, Node::Null) => {
            (properties, resource.at.below("properties", properties.line))
        }
        _ => (&resource.json, resource.at.clone()),
    }
}

/// Tells whether a site is a function app: by its kind, and without one by what only those have.
fn is_function_app(resource: &Resource, properties: &Json) -> bool {
    if let Some(kind) = resource.json.at("kind") {
        // A kind that is known at deployment only may be.
        return kind.is_unknown() || kind.shown().to_ascii_lowercase().contains("functionapp");
    }
    let settings = properties.at("siteConfig.appSettings").map(Json::items).unwrap_or_default();
    let named =
        |one: &Json| one.text_at("name").is_some_and(|name| name.to_ascii_uppercase().starts_with("FUNCTIONS_"));
    properties.at("functionAppConfig").is_some() || settings.iter().any(named)
}

fn site(model: &mut Model, resource: &Resource, app: &str, properties: &Json, at: &Place) {
    if !is_function_app(resource, properties) {
        model.other_sites.insert(app.to_ascii_lowercase());
        return;
    }
    let element = model.element(Sort::App, app, None, &resource.at);
    element.whole = true;
    element.whole_config |= !resource.exported;
    for (path, setting) in SITE {
        if let Some(json) = properties.at(path) {
            give(element, *setting, json, &at.below(path, json.line));
        }
    }
    client_certificates(element, properties, at);
    let identity = resource.json.at("identity.type");
    element.give_json(Setting::Identity, identity, &resource.at, "identity.type");
    if let Some(tag) = resource.json.at("tags").and_then(|tags| tags.member("azd-service-name")) {
        model.services.push((tag.shown(), app.to_owned()));
    }
    flex(model, app, properties, at);
    if let Some(config) = properties.at("siteConfig") {
        web(model, app, config, &at.below("siteConfig", config.line));
    }
}

/// Takes a value; switches that are written as words are flags.
pub fn give(element: &mut super::super::Element, setting: Setting, json: &Json, at: &Place) {
    let value = match (setting, Value::of(json)) {
        (Setting::PublicNetwork, Some(Value::Text(text))) if !text.is_empty() => {
            Value::Flag(!text.eq_ignore_ascii_case("disabled"))
        }
        (Setting::PublicNetwork, Some(Value::Text(_))) | (_, None) => return,
        (_, Some(value)) => value,
    };
    element.give(setting, value, at.clone());
}

fn client_certificates(element: &mut super::super::Element, properties: &Json, at: &Place) {
    let on = properties.at("clientCertEnabled");
    let mode = properties.at("clientCertMode");
    let Some(line) = on.or(mode).map(|json| json.line) else { return };
    let value = match (on.and_then(Json::as_bool), mode.and_then(Value::of)) {
        (Some(true), None) => Value::Text("Required".to_owned()),
        (Some(true), Some(mode)) => mode,
        (None, mode) if on.is_some() => mode.unwrap_or_else(|| Value::Unknown("clientCertEnabled".to_owned())),
        (Some(false) | None, _) => Value::Text("Off".to_owned()),
    };
    element.give(Setting::ClientCertMode, value, at.below("clientCertEnabled", line));
}

/// Flex Consumption keeps runtime and storage in a part of its own.
fn flex(model: &mut Model, app: &str, properties: &Json, at: &Place) {
    let Some(config) = properties.at("functionAppConfig") else { return };
    let at = at.below("functionAppConfig", config.line);
    // The storage that it names holds the package; the host's own is told by the app's settings.
    let element = model.element(Sort::App, app, None, &at);
    for setting in [Setting::RouteAll, Setting::FtpBasicAuth] {
        element.give(setting, Value::Unknown("Flex Consumption has no such setting".to_owned()), at.clone());
    }
    if let (Some(name), Some(version)) = (config.text_at("runtime.name"), config.text_at("runtime.version")) {
        let value = Value::Text(format!("{}|{version}", name.to_ascii_uppercase()));
        model.element(Sort::App, app, None, &at).give(Setting::Stack, value, at.below("runtime.version", config.line));
    }
}

/// Takes `siteConfig`, or the child `web`.
fn web(model: &mut Model, app: &str, config: &Json, at: &Place) {
    let element = model.element(Sort::App, app, None, at);
    for (path, setting) in CONFIG {
        if let Some(json) = config.at(path) {
            give(element, *setting, json, &at.below(path, json.line));
        }
    }
    for (path, setting) in
        [("ipSecurityRestrictions", Setting::IpRules), ("scmIpSecurityRestrictions", Setting::ScmIpRules)]
    {
        if let Some(list) = config.at(path) {
            element.give(setting, rules(list), at.below(path, list.line));
        }
    }
    for (nth, one) in config.at("appSettings").map(Json::items).unwrap_or_default().iter().enumerate() {
        if let (Some(name), Some(value)) = (one.text_at("name"), one.at("value")) {
            secrets::app_setting(model, app, name, value, &at.below(&format!("appSettings.{nth}.value"), value.line));
        }
    }
    for (nth, one) in config.at("connectionStrings").map(Json::items).unwrap_or_default().iter().enumerate() {
        if let (Some(name), Some(value)) = (one.text_at("name"), one.at("connectionString")) {
            let at = at.below(&format!("connectionStrings.{nth}.connectionString"), value.line);
            secrets::app_setting(model, app, name, value, &at);
        }
    }
}

/// Writes address rules as `Allow 10.0.0.0/8`.
fn rules(list: &Json) -> Value {
    if let Node::Unknown(shown) = &list.node {
        return Value::Unknown(shown.clone());
    }
    let of = |rule: &Json| {
        let action = rule.text_at("action").unwrap_or("Allow").to_owned();
        let whom = ["ipAddress", "vnetSubnetResourceId", "subnetResourceId"].iter().find_map(|name| rule.at(name));
        format!("{action} {}", whom.map_or_else(|| "?".to_owned(), Json::shown))
    };
    Value::List(list.items().iter().map(of).collect())
}

fn config(model: &mut Model, app: &str, which: &str, properties: &Json, at: &Place, exported: bool) {
    match which {
        "web" => {
            model.element(Sort::App, app, None, at).whole_config |= exported;
            web(model, app, properties, at);
        }
        "appsettings" => {
            for (name, value) in properties.members() {
                secrets::app_setting(model, app, name, value, &at.below(name, value.line));
            }
        }
        "connectionstrings" => {
            for (name, one) in properties.members() {
                if let Some(value) = one.at("value") {
                    secrets::app_setting(model, app, name, value, &at.below(&format!("{name}.value"), value.line));
                }
            }
        }
        "authsettingsv2" => auth_v2(model.element(Sort::App, app, None, at), properties, at),
        "authsettings" => auth_v1(model.element(Sort::App, app, None, at), properties, at),
        _ => {}
    }
}

fn auth_v2(element: &mut super::super::Element, properties: &Json, at: &Place) {
    for (path, setting) in AUTH_V2 {
        element.give_json(*setting, properties.at(path), at, path);
    }
    let line = properties.line;
    // What is left out beside something else that is said is not certain.
    if element.get(Setting::AuthOn).is_none() {
        element.give(Setting::AuthOn, Value::Unknown("platform.enabled is left out".to_owned()), at.clone());
    }
    if element.get(Setting::AuthRequired).is_none() {
        let value = match properties.at("globalValidation.unauthenticatedClientAction") {
            Some(_) => Value::Unknown("requireAuthentication is left out".to_owned()),
            None => Value::Flag(false),
        };
        element.give(Setting::AuthRequired, value, at.clone());
    }
    let Some(all) = properties.at("identityProviders") else { return };
    let mut on: Vec<String> = PROVIDERS
        .iter()
        .filter(|name| all.member(name).is_some_and(|one| one.at("enabled").and_then(Json::as_bool) != Some(false)))
        .filter(|name| all.member(name).is_some_and(|one| !one.members().is_empty()))
        .map(|name| (*name).to_owned())
        .collect();
    let custom = all.at("customOpenIdConnectProviders").map(Json::members).unwrap_or_default();
    on.extend(custom.iter().map(|(name, _)| name.clone()));
    element.give(Setting::AuthProviders, Value::List(on), at.below("identityProviders", line));
}

fn auth_v1(element: &mut super::super::Element, properties: &Json, at: &Place) {
    for (path, setting) in [
        ("enabled", Setting::AuthOn),
        ("tokenStoreEnabled", Setting::AuthTokenStore),
        ("allowedAudiences", Setting::AuthAudiences),
        ("unauthenticatedClientAction", Setting::AuthAction),
    ] {
        element.give_json(setting, properties.at(path), at, path);
    }
    let path = "unauthenticatedClientAction";
    let required = match properties.at(path).and_then(Value::of) {
        Some(Value::Text(action)) => Value::Flag(!action.eq_ignore_ascii_case("AllowAnonymous") && action != "1"),
        Some(_) => Value::Unknown(path.to_owned()),
        None if properties.at("enabled").is_some() => Value::Unknown(format!("{path} is left out")),
        None => return,
    };
    element.give(Setting::AuthRequired, required, at.below(path, properties.line));
}
