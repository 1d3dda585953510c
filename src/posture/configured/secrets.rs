//! How is a secret that an app needs kept?
//!
//! Ranked: no secret at all (an identity), then a reference to Key Vault, then a value that stands
//! in the settings, whether written there, put together from a key at deployment, or passed as a
//! parameter. Whether a setting needs one is told by its value where that is certain, else by its
//! name.

use super::arm::SECURE;
use super::json::{Json, Node};
use super::tokens::{is_filled_in, is_no_secret};
use super::{Place, Setting, Value};

/// How a secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There is none: the app's identity is let in.
    Identity,
    /// In Key Vault; the setting refers to it.
    KeyVault,
    /// A parameter or a key that is looked up at deployment is written into the settings.
    AtDeployment,
    /// In the file itself.
    Literal,
    /// Not to be told from the files.
    Unknown,
}

impl Kept {
    /// Returns its name, as controls write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::KeyVault => "key-vault",
            Self::AtDeployment => "at-deployment",
            Self::Literal => "literal",
            Self::Unknown => "unknown",
        }
    }

    /// Returns it as the value of a setting.
    pub fn value(self, shown: &str) -> Value {
        match self {
            Self::Unknown => Value::Unknown(shown.to_owned()),
            known => Value::Text(known.name().to_owned()),
        }
    }
}

/// What the names of secrets end in, lower case, without what joins words.
const ENDINGS: [&str; 16] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "apikey",
    "accesskey",
    "accountkey",
    "sharedkey",
    "hostkey",
    "functionkey",
    "subscriptionkey",
    "connectionstring",
    "connstr",
    "token",
    "clientsecret",
    "privatekey",
];
/// What an identity-based connection's settings end in.
const IDENTITY: [&str; 11] = [
    "__accountname",
    "__fullyqualifiednamespace",
    "__blobserviceuri",
    "__queueserviceuri",
    "__tableserviceuri",
    "__accountendpoint",
    "__credential",
    "__clientid",
    "__serviceuri",
    "__endpoint",
    "__uri",
];
/// What only texts with a secret in them hold.
const MARKS: [&str; 6] = ["accountkey=", "sharedaccesskey=", "password=", "pwd=", "sharedaccesssignature=", "?sv="];
/// How templates and plans look keys up at deployment.
const LOOKED_UP: [&str; 6] =
    ["listkeys(", "listkeys'", "primary_access_key", "primary_connection_string", "listsecrets", "listaccountsas"];

/// Returns how the secret of a setting is kept; nothing where it needs none.
pub fn kept(name: &str, value: &Json) -> Option<Kept> {
    let lower = name.to_ascii_lowercase();
    let by_name = IDENTITY.iter().any(|ending| lower.ends_with(ending));
    let by_value = kept_by_value(&lower, value);
    // What stands in the value decides before what its name says.
    if by_name && !matches!(by_value, Some(Kept::Literal | Kept::AtDeployment | Kept::KeyVault)) {
        return Some(Kept::Identity);
    }
    by_value
}

fn kept_by_value(lower: &str, value: &Json) -> Option<Kept> {
    let sensitive = is_sensitive(lower);
    match &value.node {
        Node::Text(text) if !is_filled_in(text) => {
            of_text(text, sensitive || lower.ends_with("key") && is_random(text))
        }
        Node::Text(shown) | Node::Unknown(shown) => {
            let shown = shown.to_ascii_lowercase();
            let is_looked_up = LOOKED_UP.iter().any(|mark| shown.contains(mark));
            if shown.trim_start().starts_with("@microsoft.keyvault(") {
                Some(Kept::KeyVault)
            } else if is_looked_up || shown.contains(SECURE) {
                Some(Kept::AtDeployment)
            } else if MARKS.iter().any(|mark| shown.contains(mark)) || sensitive {
                Some(Kept::Unknown)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// Tells whether a text looks made by a machine: one long word of letters and digits.
fn is_random(text: &str) -> bool {
    let has = |what: fn(&char) -> bool| text.chars().any(|c| what(&c));
    text.len() >= 20
        && !text.contains([' ', '.', '/', ':'])
        && has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
}

fn of_text(text: &str, sensitive: bool) -> Option<Kept> {
    let lower = text.trim().to_ascii_lowercase();
    if lower.starts_with("@microsoft.keyvault(") {
        return Some(Kept::KeyVault);
    }
    if lower.contains("usedevelopmentstorage=true") || lower.is_empty() || is_no_secret(text) {
        return None;
    }
    if has_credentials(&lower) {
        return Some(Kept::Literal);
    }
    if MARKS.iter().any(|mark| lower.contains(mark)) {
        // A connection string that says "by identity" holds none.
        let by_identity = lower.contains("authentication=active directory") && !lower.contains("password=");
        return Some(if by_identity { Kept::Identity } else { Kept::Literal });
    }
    if lower.contains("authentication=active directory") || lower.contains("authorization=aad") {
        return Some(Kept::Identity);
    }
    // A name such as `TokenUrl` or a value such as `true` is no secret.
    let plain = lower.len() < 8 || lower.starts_with("http://") || lower.starts_with("https://");
    (sensitive && !plain && !lower.contains("instrumentationkey")).then_some(Kept::Literal)
}

/// Tells whether an address, lower case, holds a password or a signature.
fn has_credentials(lower: &str) -> bool {
    if ["?sig=", "&sig=", "?code=", "&code="].iter().any(|mark| lower.contains(mark)) {
        return true;
    }
    let Some((scheme, rest)) = lower.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let password = authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+') && password.is_some_and(|text| !is_no_secret(text))
}

/// Tells whether a name is one of a secret.
pub fn is_sensitive(name: &str) -> bool {
    let flat: String = name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    // The connection string of Application Insights lets nobody read anything.
    !flat.starts_with("applicationinsights")
        && !flat.starts_with("appinsights")
        && (ENDINGS.iter().any(|ending| flat.ends_with(ending))
            || flat == "azurewebjobsstorage"
            || flat == "websitecontentazurefileconnectionstring")
}

/// Settings of an app that are about more than a secret.
pub fn setting_of(name: &str) -> Option<Setting> {
    Some(match name.to_ascii_uppercase().as_str() {
        "FUNCTIONS_EXTENSION_VERSION" => Setting::Runtime,
        "WEBSITE_VNET_ROUTE_ALL" => Setting::RouteAll,
        _ => return None,
    })
}

/// Returns the value of such a setting: `1` and `0` are on and off there.
pub fn flagged(setting: Setting, json: &Json) -> Option<Value> {
    match (setting, json.as_text()) {
        (Setting::RouteAll, Some("1")) => Some(Value::Flag(true)),
        (Setting::RouteAll, Some("0")) => Some(Value::Flag(false)),
        // `3.0.15571` pins a version of the third runtime.
        (Setting::Runtime, Some(text)) if text.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(Value::Text(text.split('.').next().unwrap_or(text).to_owned()))
        }
        _ => Value::of(json),
    }
}

/// Tells whether a setting says how the host reaches its storage.
pub fn is_host_storage(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower == "azurewebjobsstorage" || lower.starts_with("azurewebjobsstorage__")
}

/// Puts the settings of an app where they belong: secrets as elements, the rest on the app.
pub fn app_setting(model: &mut super::Model, app: &str, name: &str, value: &Json, at: &Place) {
    if let Some(setting) = setting_of(name) {
        if let Some(value) = flagged(setting, value) {
            model.element(super::Sort::App, app, None, at).give(setting, value, at.clone());
        }
        return;
    }
    let Some(kept) = kept(name, value) else { return };
    // What is put together at deployment may hold a secret in part: it is not shown.
    let told = kept.value("its value");
    if is_host_storage(name) {
        model.element(super::Sort::App, app, None, at).give(Setting::HostStorage, told.clone(), at.clone());
    }
    let secret = model.element(super::Sort::Secret, &format!("{app}/{name}"), Some(app), at);
    secret.give(Setting::Kept, told, at.clone());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, value: &str) -> Option<Kept> {
        kept(name, &Json::text(1, value))
    }

    #[test]
    fn how_a_secret_is_kept_is_told_by_its_value_first() {
        assert_eq!(of("AzureWebJobsStorage__accountName", "stshop"), Some(Kept::Identity));
        assert_eq!(
            of("Db", "@Microsoft.KeyVault(SecretUri=https://kv.vault.azure.net/secrets/db/)"),
            Some(Kept::KeyVault)
        );
        assert_eq!(of("Queue", "Endpoint=sb://a/;SharedAccessKeyName=x;SharedAccessKey=made-up"), Some(Kept::Literal));
        assert_eq!(of("PAYMENT_API_KEY", "made-up-value-123"), Some(Kept::Literal));
        assert_eq!(of("Sql", "Server=tcp:a;Authentication=Active Directory Default"), Some(Kept::Identity));
        for literal in ["mongodb://user:made-up-99@host/db", "https://acc.blob.example.net/c?sv=1&sig=abc"] {
            assert_eq!(of("Db__uri", literal), Some(Kept::Literal), "{literal}");
        }
        assert_eq!(of("Db__uri", "https://acc.documents.example.net"), Some(Kept::Identity));
        for (name, value) in [
            ("API_KEY", "YOUR_API_KEY_HERE"),
            ("REQUIRE_TOKEN", "disabled"),
            ("DB_PASSWORD", "changeme"),
            (
                "Storage",
                "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
            ),
            ("FUNCTIONS_WORKER_RUNTIME", "python"),
            ("AzureWebJobsStorage", "UseDevelopmentStorage=true"),
            ("TokenUrl", "https://login.example"),
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=0"),
        ] {
            assert_eq!(of(name, value), None, "{name}");
        }
    }

    #[test]
    fn what_is_looked_up_at_deployment_stands_in_the_settings_all_the_same() {
        let unknown = |shown: &str| kept("AzureWebJobsStorage", &Json::unknown(1, shown));
        assert_eq!(unknown("AccountKey={listKeys(resourceId('x'), '2023').keys[0].value}"), Some(Kept::AtDeployment));
        assert_eq!(unknown(&format!("{SECURE}storage")), Some(Kept::AtDeployment));
        assert_eq!(unknown("parameters('storage')"), Some(Kept::Unknown));
        assert_eq!(unknown("@Microsoft.KeyVault(SecretUri={reference('kv').vaultUri})"), Some(Kept::KeyVault));
    }
}
