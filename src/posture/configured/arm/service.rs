//! What do ARM's resources say of API Management?
//!
//! The service, its APIs, operations, products, backends, named values, diagnostics and policies.
//! Whatever the form, names are joined to `gateway/api/operation`.

use super::super::apim::PolicyScope;
use super::super::json::{Json, Node};
use super::super::tokens::is_filled_in;
use super::super::{Element, Model, Place, Setting, Sort, Value, secrets};
use super::site::{give, properties};
use super::template::{Resource, segments};

/// Members of a service, below `properties`.
const SERVICE: &[(&str, Setting)] = &[
    ("apiVersionConstraint.minApiVersion", Setting::MinApiVersion),
    ("disableGateway", Setting::GatewayDisabled),
    ("virtualNetworkType", Setting::NetworkType),
    ("publicNetworkAccess", Setting::PublicNetwork),
];

/// Protocols and ciphers that nobody should speak any more, as `customProperties` name them.
const WEAK: [&str; 8] = [
    "protocols.tls10",
    "protocols.tls11",
    "protocols.ssl30",
    "backend.protocols.tls10",
    "backend.protocols.tls11",
    "backend.protocols.ssl30",
    "ciphers.tripledes168",
    "ciphers.tls_rsa_with_aes_128_cbc_sha256",
];

/// Takes a service or a part of one; tells whether it was one.
pub fn take(model: &mut Model, resource: &Resource) -> bool {
    let Some(rest) = resource.kind.strip_prefix("microsoft.apimanagement/service") else { return false };
    // Workspaces are gateways of their own within one.
    let (rest, from) = rest.strip_prefix("/workspaces").map_or((rest, 0), |rest| (rest, 1));
    let names = segments(&resource.name);
    let gateway = names.first().copied().unwrap_or_default().to_owned();
    let name = |level: usize| revision_off(names.get(level + from).copied().unwrap_or_default());
    let (properties, at) = properties(resource);
    let mut part = Part { model, gateway: &gateway, properties, at: &at, exported: resource.exported };
    match rest {
        "" => part.service(resource),
        "/apis" => part.api(name(1)),
        "/apis/operations" => part.operation(name(1), name(2)),
        "/products" => part.product(name(1)),
        "/products/apis" => part.joined(name(1), name(2)),
        "/products/apilinks" => {
            let api = properties.at("apiId").map(Json::shown).unwrap_or_default();
            part.joined(name(1), revision_off(api.rsplit('/').next().unwrap_or_default()));
        }
        "/backends" => part.backend(name(1)),
        "/namedvalues" | "/properties" => part.named_value(name(1)),
        "/diagnostics" => part.diagnostic(name(1)),
        "/apis/diagnostics" => part.diagnostic(&format!("{}/{}", name(1), name(2))),
        "/tenant" => part.tenant(name(1)),
        "/policies" => part.policy(PolicyScope::Global),
        "/products/policies" => part.policy(PolicyScope::Product(name(1).to_ascii_lowercase())),
        "/apis/policies" => part.policy(PolicyScope::Api(name(1).to_ascii_lowercase())),
        "/apis/operations/policies" => {
            part.policy(PolicyScope::Operation(name(1).to_ascii_lowercase(), name(2).to_ascii_lowercase()));
        }
        "/policyfragments" => part.policy(PolicyScope::Fragment(name(1).to_ascii_lowercase())),
        _ => return false,
    }
    true
}

/// Returns an API's name without `;rev=2`.
pub fn revision_off(name: &str) -> &str {
    name.split(";rev=").next().unwrap_or(name)
}

/// A part of a service that is being taken.
struct Part<'m, 'r> {
    model: &'m mut Model,
    gateway: &'r str,
    properties: &'r Json,
    at: &'r Place,
    exported: bool,
}

impl Part<'_, '_> {
    fn part(&mut self, sort: Sort, name: &str, of: &str) -> &mut Element {
        self.model.element(Sort::Gateway, self.gateway, None, self.at);
        self.model.element(sort, name, Some(of), self.at)
    }

    fn element(&mut self, sort: Sort, name: &str, of: &str) -> &mut Element {
        let (file, exported) = (&self.at.file, self.exported);
        let element = self.part(sort, name, of);
        if exported {
            (element.whole, element.whole_config) = (true, true);
        } else {
            element.define(file, true, true);
        }
        element
    }

    fn give(&mut self, sort: Sort, name: &str, of: &str, table: &[(&str, Setting)]) {
        let (properties, at) = (self.properties, self.at);
        let said = table.iter().any(|(path, _)| properties.member(path).is_some());
        // A list that was cut to some members says nothing of the others.
        let cut = self.exported && !said;
        let element = if cut { self.part(sort, name, of) } else { self.element(sort, name, of) };
        for (path, setting) in table {
            if let Some(json) = properties.at(path) {
                give(element, *setting, json, &at.below(path, json.line));
            }
        }
    }

    fn service(&mut self, resource: &Resource) {
        let (properties, at) = (self.properties, self.at);
        let element = self.model.element(Sort::Gateway, self.gateway, None, &resource.at);
        // A list that was cut to some members says nothing of the others.
        let said = SERVICE.iter().any(|(path, _)| properties.member(path.split('.').next().unwrap_or(path)).is_some());
        if resource.exported {
            (element.whole, element.whole_config) = (element.whole || said, element.whole_config || said);
        } else {
            element.define(&resource.at.file, true, true);
        }
        for (path, setting) in SERVICE {
            if let Some(json) = properties.at(path) {
                give(element, *setting, json, &at.below(path, json.line));
            }
        }
        element.give_json(Setting::Identity, resource.json.at("identity.type"), &resource.at, "identity.type");
        if let Some(custom) = properties.at("customProperties") {
            element.give(Setting::WeakProtocols, weak(custom), at.below("customProperties", custom.line));
        }
    }

    fn api(&mut self, api: &str) {
        let name = format!("{}/{api}", self.gateway);
        let gateway = self.gateway.to_owned();
        self.give(
            Sort::Api,
            &name,
            &gateway,
            &[
                ("subscriptionRequired", Setting::SubscriptionRequired),
                ("protocols", Setting::Protocols),
                ("serviceUrl", Setting::BackendUrl),
                ("path", Setting::Route),
            ],
        );
        let Some(format) = self.properties.text_at("format") else { return };
        if let (true, Some(value)) = (format.to_ascii_lowercase().contains("json"), self.properties.at("value")) {
            let at = self.at.below("value", value.line);
            super::super::openapi::embedded(self.model, &name, value, &at);
        }
    }

    fn operation(&mut self, api: &str, operation: &str) {
        let of = format!("{}/{api}", self.gateway);
        let name = format!("{of}/{operation}");
        self.give(Sort::Operation, &name, &of, &[("method", Setting::Methods), ("urlTemplate", Setting::Route)]);
    }

    fn product(&mut self, product: &str) {
        let name = format!("{}/{product}", self.gateway);
        let gateway = self.gateway.to_owned();
        let table =
            [("subscriptionRequired", Setting::SubscriptionRequired), ("approvalRequired", Setting::ApprovalRequired)];
        self.give(Sort::Product, &name, &gateway, &table);
    }

    fn joined(&mut self, product: &str, api: &str) {
        let pair = (product.to_ascii_lowercase(), api.to_ascii_lowercase());
        self.model.gateways.entry(self.gateway).products.insert(pair);
    }

    fn backend(&mut self, backend: &str) {
        let name = format!("{}/{backend}", self.gateway);
        let gateway = self.gateway.to_owned();
        self.give(
            Sort::Backend,
            &name,
            &gateway,
            &[
                ("url", Setting::BackendUrl),
                ("tls.validateCertificateChain", Setting::ValidateChain),
                ("tls.validateCertificateName", Setting::ValidateName),
            ],
        );
        for (path, what) in [("credentials.header", "header"), ("credentials.query", "query")] {
            for (key, value) in self.properties.at(path).map(Json::members).unwrap_or_default() {
                let value = value.items().first().unwrap_or(value);
                let kept = kept_in_gateway(value);
                let at = self.at.below(&format!("{path}.{key}"), value.line);
                let secret = self.model.element(Sort::Secret, &format!("{name}/{what}/{key}"), Some(&gateway), &at);
                secret.give(Setting::Kept, kept.value("its value"), at);
            }
        }
    }

    fn named_value(&mut self, named: &str) {
        let (properties, at) = (self.properties, self.at);
        let name = format!("{}/{named}", self.gateway);
        let gateway = self.gateway.to_owned();
        let sensitive =
            properties.text_at("displayName").is_some_and(secrets::is_sensitive) || secrets::is_sensitive(named);
        let vault = properties.at("keyVault.secretIdentifier").is_some();
        let kept = match properties.at("value") {
            _ if vault => Some(secrets::Kept::KeyVault),
            Some(value) if sensitive => Some(match &value.node {
                Node::Text(text) if !is_filled_in(text) => secrets::Kept::Literal,
                _ => secrets::kept(named, value).unwrap_or(secrets::Kept::Unknown),
            }),
            Some(value) => secrets::kept(named, value),
            None => None,
        };
        let element = self.element(Sort::NamedValue, &name, &gateway);
        element.give_json(Setting::Secret, properties.at("secret"), at, "secret");
        element.give(Setting::Sensitive, Value::Flag(sensitive || kept.is_some()), at.clone());
        if let Some(kept) = kept {
            let line = properties.at("value").map_or(properties.line, |value| value.line);
            element.give(Setting::Kept, kept.value("the value"), at.below("value", line));
        }
    }

    fn diagnostic(&mut self, diagnostic: &str) {
        let (properties, at) = (self.properties, self.at);
        let gateway = self.gateway.to_owned();
        let name = format!("{gateway}/{diagnostic}");
        // What is unknown on the way is unknown in what it would hold.
        let said = |path: &str| {
            let ends = path.match_indices('.').map(|(end, _)| end).chain([path.len()]);
            let mut parts = ends.filter_map(|end| properties.at(path.get(..end)?));
            parts.find(|json| json.is_unknown()).or_else(|| properties.at(path)).cloned()
        };
        let sides = ["frontend.request", "frontend.response", "backend.request", "backend.response"];
        let sides = sides.map(|side| (said(&format!("{side}.headers")), said(&format!("{side}.body.bytes"))));
        logged(self.element(Sort::Diagnostic, &name, &gateway), &sides, at);
    }

    /// The tenant's access, named `access`, is the direct management API.
    fn tenant(&mut self, which: &str) {
        if which.eq_ignore_ascii_case("access") {
            let (properties, at) = (self.properties, self.at);
            let element = self.model.element(Sort::Gateway, self.gateway, None, at);
            element.give_json(Setting::DirectManagement, properties.at("enabled"), at, "enabled");
        }
    }

    fn policy(&mut self, scope: PolicyScope) {
        let Some(value) = self.properties.at("value") else { return };
        let at = self.at.below("value", value.line);
        policy(self.model, self.gateway, scope, value, &at);
    }
}

/// Takes what a diagnostic logs: on each side the headers, and the most bytes of a body. What is unknown is said
/// beside what is known.
pub fn logged(diagnostic: &mut Element, sides: &[(Option<Json>, Option<Json>)], at: &Place) {
    let (mut headers, mut most, mut hidden) = (Vec::new(), 0_i64, [false; 2]);
    for (listed, bytes) in sides {
        let items = listed.as_ref().map(Json::items).unwrap_or_default();
        hidden[0] |= listed.iter().chain(items).any(Json::is_unknown);
        headers.extend(items.iter().filter(|item| !item.is_unknown()).map(Json::shown));
        hidden[1] |= bytes.as_ref().is_some_and(Json::is_unknown);
        most = most.max(bytes.as_ref().and_then(|bytes| bytes.shown().parse().ok()).unwrap_or(0));
    }
    diagnostic.give(Setting::LoggedHeaders, Value::List(headers), at.clone());
    diagnostic.give(Setting::LoggedBody, Value::Text(most.to_string()), at.clone());
    for (setting, _) in
        [Setting::LoggedHeaders, Setting::LoggedBody].into_iter().zip(hidden).filter(|(_, hidden)| *hidden)
    {
        diagnostic.give(setting, Value::Unknown("what a side logs".to_owned()), at.clone());
    }
}

/// Takes a policy that stands in another file as a text.
pub fn policy(model: &mut Model, gateway: &str, scope: PolicyScope, value: &Json, at: &Place) {
    let shown = scope.shown();
    match &value.node {
        Node::Text(text) if text.trim_start().starts_with(['<', '\u{feff}']) => {
            if let Err(wrong) = model.gateways.add(gateway, scope, text, at.clone(), true) {
                let says = format!("The policy of {shown} can't be read, line {} of it. {}", wrong.line, wrong.says);
                model.problem(&at.file, at.line, says);
            }
        }
        // A link, or what is known at deployment only: anything may stand there.
        _ => model.gateways.unread(gateway, scope, at.clone()),
    }
}

/// Returns how a secret is kept that a gateway sends: `{{name}}` is a named value.
pub fn kept_in_gateway(value: &Json) -> secrets::Kept {
    match &value.node {
        Node::Text(text) if text.contains("{{") || text.contains("@(") => secrets::Kept::KeyVault,
        Node::Text(text) if !is_filled_in(text) => secrets::Kept::Literal,
        Node::Unknown(shown) if shown.contains("{{") => secrets::Kept::KeyVault,
        _ => secrets::kept("secret", value).unwrap_or(secrets::Kept::Unknown),
    }
}

/// Returns the weak protocols and ciphers that `customProperties` leave on.
fn weak(custom: &Json) -> Value {
    /// Those of callers that older gateways speak unless they are turned off.
    const OLD: [&str; 2] = ["security.protocols.tls10", "security.protocols.tls11"];
    if let Node::Unknown(shown) = &custom.node {
        return Value::Unknown(shown.clone());
    }
    let is_weak = |name: &str| WEAK.iter().any(|weak| name.to_ascii_lowercase().ends_with(weak));
    let of = |(name, value): &(String, Json)| {
        let lower = name.to_ascii_lowercase();
        (is_weak(name) && value.as_bool() != Some(false)).then(|| {
            let short = lower.rsplit("security.").next().unwrap_or(&lower).to_owned();
            (short, value.is_unknown())
        })
    };
    let named = |old: &str| custom.members().iter().any(|(name, _)| name.to_ascii_lowercase().ends_with(old));
    let on: Vec<(String, bool)> = custom.members().iter().filter_map(of).collect();
    match on.iter().find(|(_, unknown)| *unknown) {
        Some((name, _)) if on.iter().all(|(_, unknown)| *unknown) => Value::Unknown(name.clone()),
        // What is left out has a default that differs by tier and age.
        _ if on.is_empty() && !OLD.iter().all(|old| named(old)) => {
            Value::Unknown(format!("not all of {} are turned off by name", OLD.join(", ")))
        }
        _ => Value::List(on.into_iter().filter(|(_, unknown)| !unknown).map(|(name, _)| name).collect()),
    }
}
