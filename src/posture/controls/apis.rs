//! Who may call an API, and how often, after inheritance?
//!
//! Each way in counts: by every product that holds the API, and without one where no subscription
//! is needed. What runs under a condition only is unknown.

use super::super::configured::{Element, Place, PolicyScope, Setting, Sort, Value};
use super::context::{ByOperation, Context, has, names, subscription};
use super::evaluate::{Outcome, State};

/// Returns where an API's policy stands, or the API.
pub fn at(context: &Context<'_>, api: &Element) -> Place {
    let (gateway, own) = names(api);
    context.model.gateways.of(gateway).of(&PolicyScope::Api(own)).first().map_or(&api.at, |policy| &policy.at).clone()
}

/// An API or backend is called over HTTPS.
pub fn backend_https(_: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let of = |given: &super::super::configured::Given| match &given.value {
        Value::Text(url) if url.to_ascii_lowercase().starts_with("http://") => {
            Outcome::new(State::NotConfigured, "the address begins with http://", &given.at)
        }
        Value::Unknown(url) if url.to_ascii_lowercase().starts_with("http://") => {
            Outcome::new(State::NotConfigured, "the address begins with http://", &given.at)
        }
        Value::Unknown(url) if !url.to_ascii_lowercase().starts_with("https://") => {
            Outcome::new(State::Unknown, "the address is known at deployment only", &given.at)
        }
        _ => Outcome::new(State::Configured, "the address begins with https://", &given.at),
    };
    element.all(Setting::BackendUrl).iter().filter(|given| !given.value.shown().is_empty()).map(of).collect()
}

/// An API needs a key or a token.
pub fn authenticated(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    let (key, token) = (context.key(api), context.api_token(api));
    let guarded = context.holds(api, &["validate-client-certificate"]);
    let filtered = context.holds(api, &["ip-filter"]);
    let place = api.get(Setting::SubscriptionRequired).map_or(&api.at, |given| &given.at);
    match (key, token) {
        (_, State::Configured) => Outcome::fine("a token is checked", place),
        (Some(true), _) => Outcome::fine("a subscription key is needed", place),
        _ if filtered == State::Configured => Outcome::fine("only addresses that a policy names may call", place),
        _ if guarded == State::Configured => Outcome::fine("a client certificate is checked", place),
        (Some(false), State::NotConfigured) if guarded.min(filtered) == State::Unknown => Outcome::unknown(
            "no subscription key is needed and no token is checked; a certificate or an address may be, or some are",
            place,
        ),
        (Some(false), State::NotConfigured) => match context.by_operation(api) {
            ByOperation::Some(without) => {
                open_operations(&without, "no subscription key is needed, and it checks no token")
            }
            _ if subscription(api) != Some(false) => Outcome::weak(
                "it is in a product that needs no subscription: no key is needed, and no token is checked",
                place,
            ),
            _ => Outcome::weak("no subscription key is needed, and no token is checked", place),
        },
        (None, _) => Outcome::unknown("whether a subscription key is needed is not known", place),
        (_, State::Unknown) => Outcome::unknown(
            "no subscription key is needed; a token may be checked, by a policy that runs sometimes or was not read",
            place,
        ),
    }
}

/// Operations that are told of one API.
const MAX_TOLD: usize = 100;

/// Tells of each operation of an API that checks no token, where others do.
fn open_operations(without: &[(String, State, Place)], says: &str) -> Vec<Outcome> {
    let open = without.iter().filter(|(_, state, _)| *state == State::NotConfigured);
    open.take(MAX_TOLD).map(|(name, state, at)| Outcome::new(*state, format!("operation {name}: {says}"), at)).collect()
}

/// An API checks a token.
pub fn token(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    let says = |state| match state {
        State::Configured => "a token is checked",
        State::Unknown => "a token may be checked, by a policy that runs sometimes or was not read",
        State::NotConfigured => "no token is checked",
    };
    let state = context.api_token(api);
    // Without a key and a token the API is open: that is told by a control of its own.
    if state == State::NotConfigured && context.key(api) == Some(false) {
        return Vec::new();
    }
    if state == State::NotConfigured
        && let ByOperation::Some(without) = context.by_operation(api)
    {
        return open_operations(&without, "it checks no token");
    }
    vec![Outcome::new(state, says(state), &at(context, api))]
}

/// A policy does not drop a token check of the scopes around it.
pub fn token_check_kept(context: &Context<'_>, element: &Element) -> Vec<Outcome> {
    let Some((policies, scope, variants)) = context.policy(element) else { return Vec::new() };
    let gateway = context.gateway_of(element);
    let above: Vec<Vec<PolicyScope>> = match scope {
        PolicyScope::Product(_) => vec![vec![PolicyScope::Global]],
        PolicyScope::Api(api) => chains(policies, api),
        PolicyScope::Operation(api, _) => chains(policies, api)
            .into_iter()
            .map(|chain| std::iter::once(PolicyScope::Api(api.clone())).chain(chain).collect())
            .collect(),
        _ => return Vec::new(),
    };
    let mut out = Vec::new();
    for (variant, policy) in variants.iter().enumerate().filter(|(_, policy)| policy.has[0]) {
        let mut worst: Option<State> = None;
        for chain in &above {
            let forms = chain.first().map_or(1, |scope| policies.of(scope).len().max(1));
            let around = (0..forms).map(|form| context.checked(policies, gateway, chain, form)).max();
            if around != Some(State::Configured) {
                continue;
            }
            let own: Vec<PolicyScope> = std::iter::once(scope.clone()).chain(chain.iter().cloned()).collect();
            worst = worst.max(Some(context.checked(policies, gateway, &own, variant)));
        }
        let place = &policy.at;
        match worst {
            Some(State::NotConfigured) => {
                out.extend(Outcome::weak(
                    "a scope around it checks a token; this one leaves that out, for it has no `<base />` there",
                    place,
                ));
            }
            Some(State::Unknown) => {
                out.extend(Outcome::unknown("the check of the scope around it runs here sometimes", place));
            }
            Some(State::Configured) => out.extend(Outcome::fine("the check of the scope around it runs here", place)),
            None => {}
        }
    }
    out
}

fn chains(policies: &super::super::configured::Policies, api: &str) -> Vec<Vec<PolicyScope>> {
    let mut chains: Vec<Vec<PolicyScope>> = policies
        .products_of(api)
        .into_iter()
        .map(|product| vec![PolicyScope::Product(product.to_owned()), PolicyScope::Global])
        .collect();
    chains.push(vec![PolicyScope::Global]);
    chains
}

/// Calls are limited.
pub fn rate_limit(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    limited(context, api, &["rate-limit", "rate-limit-by-key"], "calls are limited", "no rate limit holds")
}

/// Consumers have a quota.
pub fn quota(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    limited(context, api, &["quota", "quota-by-key"], "there is a quota", "no quota holds")
}

fn limited(context: &Context<'_>, api: &Element, statements: &[&str], yes: &str, no: &str) -> Vec<Outcome> {
    let state = context.runs(api, statements);
    let says = match state {
        State::Configured => yes.to_owned(),
        State::NotConfigured => no.to_owned(),
        State::Unknown => "a policy that runs sometimes, or was not read, may say so".to_owned(),
    };
    vec![Outcome::new(state, says, &at(context, api))]
}

/// Statements by which the gateway says who it is.
const PROOFS: [&str; 3] = ["authentication-managed-identity", "authentication-certificate", "authentication-basic"];

/// The gateway authenticates to an app that it leads to.
pub fn backend_authenticated(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    let (gateway, _) = names(api);
    let is_site = |given: &super::super::configured::Given| given.value.shown().contains("azurewebsites.net");
    let to_app = context.leads_to_app(api) || api.all(Setting::BackendUrl).iter().any(is_site);
    let inbound = context.inbound(api);
    if !to_app {
        return Vec::new();
    }
    let proven = |effective: &super::super::configured::Effective<'_>| {
        let key = effective.named("set-header").any(|run| {
            let name = run.statement.attribute("name").unwrap_or_default();
            let sent = run.statement.attribute("exists-action") != Some("delete")
                && run.statement.named("value").any(|value| !value.text.trim().is_empty());
            run.always
                && sent
                && (name.eq_ignore_ascii_case("x-functions-key") || name.eq_ignore_ascii_case("authorization"))
        });
        let by_backend =
            effective.named("set-backend-service").filter_map(|run| run.statement.attribute("backend-id")).any(|id| {
                let prefix = format!("{gateway}/{id}/");
                context.model.children(Sort::Secret, gateway).any(|one| one.name.starts_with(&prefix))
            });
        if key || by_backend { State::Configured } else { has(effective, &PROOFS) }
    };
    let state = inbound.iter().map(proven).max().unwrap_or(State::Unknown);
    // Callers' own tokens are passed on, and the app may check those.
    let passes_token = context.api_token(api) == State::Configured;
    match state {
        State::Configured => Outcome::fine("it sends a token or key of its own", &at(context, api)),
        State::NotConfigured if !passes_token => {
            Outcome::weak("it sends nothing by which the app could know it", &at(context, api))
        }
        _ => Outcome::unknown(
            "callers' tokens are passed on; whether the app checks them is not known",
            &at(context, api),
        ),
    }
}
