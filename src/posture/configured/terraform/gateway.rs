//! What does Terraform say of API Management?

use super::super::apim::PolicyScope;
use super::super::arm::{kept_in_gateway, logged, named_by, policy, revision_off};
use super::super::json::Json;
use super::super::secrets::{self, Kept};
use super::super::{Element, Model, Setting, Sort, Value};
use super::Resource;

/// Arguments of a service.
const SERVICE: &[(&str, Setting)] = &[
    ("min_api_version", Setting::MinApiVersion),
    ("virtual_network_type", Setting::NetworkType),
    ("public_network_access_enabled", Setting::PublicNetwork),
    ("gateway_disabled", Setting::GatewayDisabled),
    ("identity.0.type", Setting::Identity),
    ("tenant_access.0.enabled", Setting::DirectManagement),
];

/// Switches of old protocols and ciphers, in the names that providers of different age have.
const WEAK: [&str; 16] = [
    "enable_backend_ssl30",
    "enable_backend_tls10",
    "enable_backend_tls11",
    "enable_frontend_ssl30",
    "enable_frontend_tls10",
    "enable_frontend_tls11",
    "backend_ssl30_enabled",
    "backend_tls10_enabled",
    "backend_tls11_enabled",
    "frontend_ssl30_enabled",
    "frontend_tls10_enabled",
    "frontend_tls11_enabled",
    "triple_des_ciphers_enabled",
    "tls_rsa_with_aes128_cbc_sha_ciphers_enabled",
    "tls_rsa_with_aes128_cbc_sha256_ciphers_enabled",
    "tls_rsa_with_aes256_cbc_sha_ciphers_enabled",
];

/// Takes a service or a part of one; tells whether it was one.
pub fn take(model: &mut Model, resource: &Resource<'_>) -> bool {
    let Some(rest) = resource.kind.strip_prefix("azurerm_api_management") else { return false };
    let gateway = gateway_of(resource, rest);
    let mut part = Part { model, resource, gateway };
    let own = |argument: &str| revision_off(&resource.shown(argument)).to_ascii_lowercase();
    match rest {
        "" => part.service(),
        "_api" => part.api(),
        "_api_operation" => part.operation(),
        "_product" => part.product(),
        "_product_api" => part.joined(),
        "_backend" => part.backend(),
        "_named_value" | "_property" => part.named_value(),
        "_diagnostic" | "_api_diagnostic" => part.diagnostic(),
        "_policy" => part.policy(PolicyScope::Global, "xml_content"),
        "_product_policy" => part.policy(PolicyScope::Product(own("product_id")), "xml_content"),
        "_api_policy" => part.policy(PolicyScope::Api(own("api_name")), "xml_content"),
        "_api_operation_policy" => {
            part.policy(PolicyScope::Operation(own("api_name"), own("operation_id")), "xml_content");
        }
        "_policy_fragment" => part.policy(PolicyScope::Fragment(own("name")), "value"),
        _ => return false,
    }
    true
}

/// Returns the name of the service that a resource is, or is part of.
fn gateway_of(resource: &Resource<'_>, rest: &str) -> String {
    if rest.is_empty() {
        return resource.shown("name");
    }
    let name = resource.shown("api_management_name");
    let id = if name.is_empty() { resource.shown("api_management_id") } else { name };
    named_by(&id).map_or_else(|| id.rsplit('/').next().unwrap_or_default().to_owned(), |(_, name)| name)
}

/// A part of a service that is being taken.
struct Part<'m, 'r, 'j> {
    model: &'m mut Model,
    resource: &'r Resource<'j>,
    gateway: String,
}

impl Part<'_, '_, '_> {
    fn element(&mut self, sort: Sort, name: &str, of: &str) -> &mut Element {
        self.model.element(Sort::Gateway, &self.gateway, None, &self.resource.at);
        let element = self.model.element(sort, name, Some(of), &self.resource.at);
        (element.whole, element.whole_config) = (true, true);
        element
    }

    /// Makes a part that belongs to the service, and gives it what a table says.
    fn own(&mut self, sort: Sort, argument: &str, table: &[(&str, Setting)]) -> String {
        let (gateway, resource) = (self.gateway.clone(), self.resource);
        let name = format!("{gateway}/{}", revision_off(&resource.shown(argument)));
        resource.give(self.element(sort, &name, &gateway), table);
        name
    }

    fn service(&mut self) {
        let resource = self.resource;
        let element = self.model.element(Sort::Gateway, &self.gateway, None, &resource.at);
        (element.whole, element.whole_config) = (true, true);
        resource.give(element, SERVICE);
        for block in ["security.0", "protocols.0"] {
            let Some(security) = resource.get(block) else { continue };
            let said = |name: &&&str| resource.get(&format!("{block}.{name}"));
            let on = WEAK.iter().filter(|name| said(name).and_then(|json| json.as_bool()) == Some(true));
            let on: Vec<String> = on.map(|name| (*name).to_owned()).collect();
            let unknown =
                security.is_unknown() || WEAK.iter().any(|name| said(&name).is_some_and(|one| one.is_unknown()));
            let value = if on.is_empty() && unknown { Value::Unknown(block.to_owned()) } else { Value::List(on) };
            element.give(Setting::WeakProtocols, value, resource.place(block));
        }
    }

    fn api(&mut self) {
        _ = self.own(
            Sort::Api,
            "name",
            &[
                ("subscription_required", Setting::SubscriptionRequired),
                ("protocols", Setting::Protocols),
                ("service_url", Setting::BackendUrl),
                ("path", Setting::Route),
            ],
        );
    }

    fn operation(&mut self) {
        let resource = self.resource;
        let of = format!("{}/{}", self.gateway, revision_off(&resource.shown("api_name")));
        let name = format!("{of}/{}", resource.shown("operation_id"));
        let table = [("method", Setting::Methods), ("url_template", Setting::Route)];
        resource.give(self.element(Sort::Operation, &name, &of), &table);
    }

    fn product(&mut self) {
        _ = self.own(
            Sort::Product,
            "product_id",
            &[
                ("subscription_required", Setting::SubscriptionRequired),
                ("approval_required", Setting::ApprovalRequired),
            ],
        );
    }

    fn joined(&mut self) {
        let own = |argument: &str| revision_off(&self.resource.shown(argument)).to_ascii_lowercase();
        let pair = (own("product_id"), own("api_name"));
        self.model.gateways.entry(&self.gateway).products.insert(pair);
    }

    fn backend(&mut self) {
        let (resource, gateway) = (self.resource, self.gateway.clone());
        let name = self.own(
            Sort::Backend,
            "name",
            &[
                ("url", Setting::BackendUrl),
                ("tls.0.validate_certificate_chain", Setting::ValidateChain),
                ("tls.0.validate_certificate_name", Setting::ValidateName),
            ],
        );
        for what in ["header", "query"] {
            let path = format!("credentials.0.{what}");
            for (key, value) in resource.get(&path).as_ref().map(Json::members).unwrap_or_default() {
                let at = resource.place(&format!("{path}.{key}"));
                let kept = if resource.is_sensitive(&path) { Kept::AtDeployment } else { kept_in_gateway(value) };
                let secret = self.model.element(Sort::Secret, &format!("{name}/{what}/{key}"), Some(&gateway), &at);
                secret.give(Setting::Kept, kept.value("the value"), at);
            }
        }
    }

    fn named_value(&mut self) {
        let resource = self.resource;
        let called = |argument: &str| secrets::is_sensitive(&resource.shown(argument));
        let sensitive = called("name") || called("display_name");
        let vault = resource.get("value_from_key_vault").is_some_and(|list| !list.items().is_empty());
        let kept = match resource.get("value") {
            _ if vault => Some(Kept::KeyVault),
            Some(value) if value.is_unknown() => Some(Kept::AtDeployment).filter(|_| sensitive),
            // Terraform marks every named value's value sensitive: that tells nothing.
            Some(value) if sensitive && !value.shown().is_empty() => Some(Kept::Literal),
            Some(value) => secrets::kept("value", &value),
            None => None,
        };
        let gateway = self.gateway.clone();
        let name = format!("{gateway}/{}", resource.shown("name"));
        let element = self.element(Sort::NamedValue, &name, &gateway);
        resource.give(element, &[("secret", Setting::Secret)]);
        element.give(Setting::Sensitive, Value::Flag(sensitive || kept.is_some()), resource.at.clone());
        if let Some(kept) = kept {
            element.give(Setting::Kept, kept.value("the value"), resource.place("value"));
        }
    }

    fn diagnostic(&mut self) {
        let (resource, gateway) = (self.resource, self.gateway.clone());
        let api = resource.shown("api_name");
        let name = match api.as_str() {
            "" => format!("{gateway}/{}", resource.shown("identifier")),
            api => format!("{gateway}/{api}/{}", resource.shown("identifier")),
        };
        let sides = ["frontend_request", "frontend_response", "backend_request", "backend_response"];
        let said = |side, what| resource.get(&format!("{side}.0.{what}"));
        let sides = sides.map(|side| (said(side, "headers_to_log"), said(side, "body_bytes")));
        logged(self.element(Sort::Diagnostic, &name, &gateway), &sides, &resource.at);
    }

    fn policy(&mut self, scope: PolicyScope, argument: &str) {
        let Some(value) = self.resource.get(argument).filter(|value| !value.shown().is_empty()) else { return };
        let at = self.resource.place(argument);
        policy(self.model, &self.gateway, scope, &value, &at);
    }
}
