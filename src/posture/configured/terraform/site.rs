//! What do Terraform's function apps say?

use super::super::arm;
use super::super::json::{Json, Node};
use super::super::secrets::{self, Kept};
use super::super::{Element, Model, Setting, Sort, Value, code};
use super::Resource;

/// Arguments of a function app.
const SITE: &[(&str, Setting)] = &[
    ("https_only", Setting::HttpsOnly),
    ("public_network_access_enabled", Setting::PublicNetwork),
    ("virtual_network_subnet_id", Setting::Subnet),
    ("ftp_publish_basic_authentication_enabled", Setting::FtpBasicAuth),
    ("webdeploy_publish_basic_authentication_enabled", Setting::ScmBasicAuth),
    ("functions_extension_version", Setting::Runtime),
    ("version", Setting::Runtime),
    ("identity.0.type", Setting::Identity),
    ("client_certificate_exclusion_paths", Setting::ClientCertExclusions),
    ("site_config.0.minimum_tls_version", Setting::MinTls),
    ("site_config.0.min_tls_version", Setting::MinTls),
    ("site_config.0.scm_minimum_tls_version", Setting::ScmMinTls),
    ("site_config.0.ftps_state", Setting::FtpsState),
    ("site_config.0.remote_debugging_enabled", Setting::RemoteDebugging),
    ("site_config.0.vnet_route_all_enabled", Setting::RouteAll),
    ("site_config.0.ip_restriction_default_action", Setting::IpDefault),
    ("site_config.0.scm_ip_restriction_default_action", Setting::ScmIpDefault),
    ("site_config.0.scm_use_main_ip_restriction", Setting::ScmUsesMain),
    ("site_config.0.cors.0.allowed_origins", Setting::CorsOrigins),
    ("site_config.0.cors.0.support_credentials", Setting::CorsCredentials),
    ("auth_settings_v2.0.auth_enabled", Setting::AuthOn),
    ("auth_settings_v2.0.require_authentication", Setting::AuthRequired),
    ("auth_settings_v2.0.unauthenticated_action", Setting::AuthAction),
    ("auth_settings_v2.0.require_https", Setting::AuthHttps),
    ("auth_settings_v2.0.active_directory_v2.0.allowed_audiences", Setting::AuthAudiences),
    ("auth_settings_v2.0.login.0.token_store_enabled", Setting::AuthTokenStore),
    ("auth_settings.0.enabled", Setting::AuthOn),
    ("auth_settings.0.unauthenticated_client_action", Setting::AuthAction),
];

/// Blocks of identity providers.
const PROVIDERS: [&str; 9] = [
    "active_directory_v2",
    "apple_v2",
    "azure_static_web_app_v2",
    "custom_oidc_v2",
    "facebook_v2",
    "github_v2",
    "google_v2",
    "microsoft_v2",
    "twitter_v2",
];

/// Versions of languages, and what App Service calls those.
const STACKS: [(&str, &str); 4] = [
    ("python_version", "PYTHON"),
    ("node_version", "NODE"),
    ("dotnet_version", "DOTNET"),
    ("powershell_core_version", "POWERSHELL"),
];

/// Tells whether a type is one of function apps.
pub fn is_app(kind: &str) -> bool {
    matches!(
        kind,
        "azurerm_linux_function_app"
            | "azurerm_windows_function_app"
            | "azurerm_function_app_flex_consumption"
            | "azurerm_function_app"
    )
}

/// Takes a function app, a slot or a function; tells whether it was one.
pub fn take(model: &mut Model, resource: &Resource<'_>) -> bool {
    match resource.kind.as_str() {
        kind if is_app(kind) => app(model, resource, &resource.shown("name")),
        "azurerm_linux_function_app_slot" | "azurerm_windows_function_app_slot" => {
            let of = super::super::arm::named_by(&resource.shown("function_app_id"));
            let of = of.map_or_else(|| resource.shown("function_app_id"), |(_, name)| name);
            app(model, resource, &format!("{of}/{}", resource.shown("name")));
        }
        "azurerm_function_app_function" => function(model, resource),
        _ => return false,
    }
    true
}

fn app(model: &mut Model, resource: &Resource<'_>, name: &str) {
    let element = model.element(Sort::App, name, None, &resource.at);
    (element.whole, element.whole_config) = (true, true);
    resource.give(element, SITE);
    client_certificates(element, resource);
    auth(element, resource);
    for (block, setting) in
        [("site_config.0.ip_restriction", Setting::IpRules), ("site_config.0.scm_ip_restriction", Setting::ScmIpRules)]
    {
        if let Some(list) = resource.get(block) {
            let value = arm::rules(&list, &["ip_address", "service_tag"], &["virtual_network_subnet_id"]);
            element.give(setting, value, resource.place(block));
        }
    }
    stack(element, resource);
    if let Some(tag) = resource.values.at("tags").and_then(|tags| tags.member("azd-service-name")) {
        model.services.push((tag.shown(), name.to_owned()));
    }
    storage(model, resource, name);
    if let Some(settings) = resource.get("app_settings") {
        for (key, value) in settings.members() {
            setting(model, resource, name, &format!("app_settings.{key}"), key, value);
        }
    }
    for (nth, one) in resource.get("connection_string").as_ref().map(Json::items).unwrap_or_default().iter().enumerate()
    {
        if let (Some(key), Some(value)) = (one.text_at("name"), one.at("value")) {
            setting(model, resource, name, &format!("connection_string.{nth}.value"), key, value);
        }
    }
}

/// Takes a setting; a sensitive value came from elsewhere, but stands in the settings.
fn setting(model: &mut Model, resource: &Resource<'_>, app: &str, path: &str, key: &str, value: &Json) {
    let at = resource.place(path);
    let is_sensitive = resource.is_sensitive(path) || resource.is_sensitive("connection_string");
    match (&value.node, secrets::kept(key, value)) {
        (Node::Text(_), Some(Kept::Literal)) if is_sensitive => {
            let told = Json::unknown(value.line, "listkeys( or another sensitive value");
            secrets::app_setting(model, app, key, &told, &at);
        }
        _ => secrets::app_setting(model, app, key, value, &at),
    }
}

/// How the host's storage is reached has arguments of its own.
fn storage(model: &mut Model, resource: &Resource<'_>, app: &str) {
    let by_identity = resource.get("storage_uses_managed_identity").and_then(|json| json.as_bool()) == Some(true);
    let flex = resource.get("storage_authentication_type").map(|json| json.shown());
    let (path, kept) = if by_identity {
        ("storage_uses_managed_identity", Kept::Identity)
    } else if let Some(flex) = flex {
        // An identity for the package says nothing of the host's own storage; a connection string is for both.
        if flex.to_ascii_lowercase().contains("identity") {
            return;
        }
        ("storage_authentication_type", Kept::AtDeployment)
    } else if resource.get("storage_key_vault_secret_id").is_some() {
        ("storage_key_vault_secret_id", Kept::KeyVault)
    } else if resource.get("storage_account_access_key").is_some() {
        ("storage_account_access_key", Kept::AtDeployment)
    } else {
        return;
    };
    let at = resource.place(path);
    model.element(Sort::App, app, None, &at).give(Setting::HostStorage, kept.value(""), at.clone());
    if kept != Kept::Identity {
        let secret = model.element(Sort::Secret, &format!("{app}/AzureWebJobsStorage"), Some(app), &at);
        secret.give(Setting::Kept, kept.value(""), at);
    }
}

fn client_certificates(element: &mut Element, resource: &Resource<'_>) {
    let Some(on) = resource.get("client_certificate_enabled") else { return };
    let value = match (on.as_bool(), resource.get("client_certificate_mode")) {
        (Some(false), _) => Value::Text("Off".to_owned()),
        (Some(true), Some(mode)) => Value::of(&mode).unwrap_or_else(|| Value::Text("Optional".to_owned())),
        (Some(true), None) => Value::Text("Optional".to_owned()),
        (None, _) => Value::Unknown(on.shown()),
    };
    let value = arm::certificate_mode(value, resource.get("client_certificate_exclusion_paths").as_ref());
    element.give(Setting::ClientCertMode, value, resource.place("client_certificate_enabled"));
}

fn auth(element: &mut Element, resource: &Resource<'_>) {
    let block = "auth_settings_v2.0";
    if let Some(settings) = resource.get(block) {
        let said = |name: &&&str| resource.get(&format!("{block}.{name}"));
        let on = PROVIDERS.iter().filter(|name| said(name).is_some_and(|list| !list.items().is_empty()));
        let names: Vec<String> = on.map(|name| (*name).to_owned()).collect();
        let unknown =
            settings.is_unknown() || PROVIDERS.iter().any(|name| said(&name).is_some_and(|one| one.is_unknown()));
        let value = if names.is_empty() && unknown { Value::Unknown(block.to_owned()) } else { Value::List(names) };
        element.give(Setting::AuthProviders, value, resource.place(block));
        let excluded = resource.get(&format!("{block}.excluded_paths"));
        let excluded = excluded.as_ref().and_then(Value::of).unwrap_or(Value::List(Vec::new()));
        element.give(Setting::AuthExcluded, excluded, resource.place("auth_settings_v2.0.excluded_paths"));
    }
    if let Some(action) = resource.get("auth_settings.0.unauthenticated_client_action") {
        let required = match &action.node {
            Node::Unknown(shown) => Value::Unknown(shown.clone()),
            _ => Value::Flag(!action.shown().eq_ignore_ascii_case("AllowAnonymous")),
        };
        element.give(Setting::AuthRequired, required, resource.place("auth_settings.0"));
    }
}

fn stack(element: &mut Element, resource: &Resource<'_>) {
    let base = "site_config.0.application_stack.0";
    let isolated =
        resource.get(&format!("{base}.use_dotnet_isolated_runtime")).and_then(|json| json.as_bool()) == Some(true);
    for (argument, called) in STACKS {
        let path = format!("{base}.{argument}");
        if let Some(version) =
            resource.get(&path).filter(|version| !version.shown().is_empty() && !version.is_unknown())
        {
            let called = if isolated && called == "DOTNET" { "DOTNET-ISOLATED" } else { called };
            let version = version.shown().trim_start_matches('~').trim_start_matches('v').to_owned();
            element.give(Setting::Stack, Value::Text(format!("{called}|{version}")), resource.place(&path));
        }
    }
    if let (Some(name), Some(version)) = (resource.get("runtime_name"), resource.get("runtime_version")) {
        let value = Value::Text(format!("{}|{}", name.shown().to_ascii_uppercase(), version.shown()));
        element.give(Setting::Stack, value, resource.place("runtime_version"));
    }
}

/// Takes a function whose bindings are an argument, as JSON in a text.
fn function(model: &mut Model, resource: &Resource<'_>) {
    let Some((_, app)) = super::super::arm::named_by(&resource.shown("function_app_id")) else { return };
    let Some(config) = resource.get("config_json") else { return };
    let at = resource.place("config_json");
    match config.as_text().map(super::super::json::read) {
        Some(Ok(json)) => code::binding::function(model, &app, &resource.shown("name"), &json, &at),
        Some(Err(wrong)) => model.problem(&at.file, at.line, format!("`config_json` is no JSON: {}.", wrong.says)),
        None => {}
    }
}
