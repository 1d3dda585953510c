//! What do ARM's resources say of function apps?
//!
//! `Microsoft.Web/sites`, its slots and its children: configuration, settings, authentication,
//! publishing credentials, functions. An export of the same has the same members, with or without
//! `properties` around them.

use super::super::json::{Json, Node};
use super::super::tokens::is_filled_in;
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
        "/config" => config(model, &app, &last, properties, &at, resource),
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

/// Tells whether an export says what a site is set to, and is not cut to its name and kind.
fn is_told(properties: &Json) -> bool {
    SITE.iter().any(|(path, _)| properties.member(path).is_some())
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
    element.define(&resource.at.file, !resource.exported, !resource.exported || is_told(properties));
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
        // An export of an app on Windows has the stack of Linux too, and it is empty.
        (Setting::Stack, Some(Value::Text(text))) if text.trim().is_empty() => return,
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
    let value = certificate_mode(value, properties.at("clientCertExclusionPaths"));
    element.give(Setting::ClientCertMode, value, at.below("clientCertEnabled", line));
}

/// Returns what asking for client certificates comes to, with the paths at which none is asked for: where those are
/// all, or all functions by their usual prefix, it is optional.
pub fn certificate_mode(mode: Value, excluded: Option<&Json>) -> Value {
    let Some(excluded) = excluded.filter(|_| mode.shown().eq_ignore_ascii_case("required")) else { return mode };
    if excluded.is_unknown() || excluded.as_text().is_some_and(is_filled_in) {
        return Value::Unknown("the paths at which none is asked for".to_owned());
    }
    let shown = excluded.shown();
    let all = |path: &str| {
        let path = path.trim().to_ascii_lowercase();
        !path.is_empty() && ["", "/api"].contains(&path.trim_end_matches(['/', '*']))
    };
    if shown.split([';', ',']).any(all) { Value::Text(format!("Required but at {shown}")) } else { mode }
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
            let value = rules(list, &["ipAddress"], &["vnetSubnetResourceId", "subnetResourceId"]);
            element.give(setting, value, at.below(path, list.line));
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

/// Writes address rules as `Allow 10.0.0.0/8`; `?` stands for what is known at deployment only. Of rules for a
/// network's part the name is enough, known or not: it is one part of one network.
pub fn rules(list: &Json, addresses: &[&str], parts: &[&str]) -> Value {
    if let Node::Unknown(shown) = &list.node {
        return Value::Unknown(shown.clone());
    }
    let known = |json: &Json| !json.is_unknown() && !json.as_text().is_some_and(is_filled_in);
    let word = |json: &Json| if known(json) { json.shown() } else { "?".to_owned() };
    let of = |rule: &Json| {
        let action = rule.at("action").map_or_else(|| "Allow".to_owned(), word);
        // However unknown a network is, one of so many bits is one network.
        let is_sized = |shown: &str| shown.rsplit_once('/').is_some_and(|(_, bits)| bits.parse::<u8>().is_ok());
        let address = addresses.iter().find_map(|name| rule.at(name));
        let address = address.map(|json| if is_sized(&json.shown()) { json.shown() } else { word(json) });
        let part = || parts.iter().find_map(|name| rule.at(name)).map(Json::shown);
        let named = address.filter(|shown| !shown.is_empty()).or_else(part).filter(|shown| !shown.is_empty());
        format!("{action} {}", named.unwrap_or_else(|| "?".to_owned()))
    };
    Value::List(list.items().iter().map(of).collect())
}

fn config(model: &mut Model, app: &str, which: &str, properties: &Json, at: &Place, resource: &Resource) {
    match which {
        "web" => {
            model.element(Sort::App, app, None, at).whole_config |= resource.exported;
            web(model, app, properties, at);
        }
        "appsettings" => {
            for (name, value) in properties.members() {
                secrets::app_setting(model, app, name, value, &at.below(name, value.line));
                // Whatever it says, it may not be there.
                if let Some(doubt) = resource.doubt.as_ref().filter(|_| secrets::is_host_storage(name)) {
                    let told = Value::Unknown(format!("deployed if {doubt}"));
                    model.element(Sort::App, app, None, at).give(Setting::HostStorage, told, at.clone());
                }
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
    if let Some(all) = properties.at("identityProviders") {
        element.give(Setting::AuthProviders, providers(all), at.below("identityProviders", line));
    }
}

/// Returns the providers that are on; unknown where none is for certain and one may be.
fn providers(all: &Json) -> Value {
    let (mut on, mut unknown) = (Vec::new(), all.is_unknown());
    for (name, one) in PROVIDERS.iter().filter_map(|name| Some((name, all.member(name)?))) {
        match one.at("enabled") {
            _ if one.is_unknown() => unknown = true,
            Some(enabled) if enabled.is_unknown() => unknown = true,
            enabled if enabled.and_then(Json::as_bool) == Some(false) || one.members().is_empty() => {}
            _ => on.push((*name).to_owned()),
        }
    }
    if let Some(custom) = all.at("customOpenIdConnectProviders") {
        unknown |= custom.is_unknown();
        on.extend(custom.members().iter().map(|(name, _)| name.clone()));
    }
    if unknown && on.is_empty() { Value::Unknown("its providers".to_owned()) } else { Value::List(on) }
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
