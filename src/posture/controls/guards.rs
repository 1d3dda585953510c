//! Does a statement of a policy keep anybody out, and on every way in?
//!
//! One that checks tokens without signatures, takes every certificate or lets in every address is there and
//! guards nothing. What is computed when a request comes is unknown.

use std::net::IpAddr;

use super::super::configured::{Element, PolicyScope, Statement, is_expression};
use super::context::{Context, has, names};
use super::evaluate::State;
use super::ingress::is_wide;
use super::policies::is_false;

/// Addresses of which a range has so many that it restricts nothing: a 128th of all, as bits that are free.
const FREE_BITS: (u32, u32) = (32 - 7, 128 - 7);

impl Context<'_> {
    /// Tells whether one of `statements` runs inbound for an API, whatever the way in and whichever the operation:
    /// one that has a policy of its own may leave out what the API runs.
    pub fn holds(&self, api: &Element, statements: &[&str]) -> State {
        let state = self.runs(api, statements);
        if state != State::Configured {
            return state;
        }
        let (gateway, own) = names(api);
        let policies = self.model.gateways.of(gateway);
        let chains = self.chains(api);
        let of = |operation: &str| {
            let scope = PolicyScope::Operation(own.clone(), operation.to_owned());
            let forms = policies.of(&scope).len().max(1);
            let along = |chain: &Vec<PolicyScope>| {
                let chain: Vec<PolicyScope> = std::iter::once(scope.clone()).chain(chain.iter().cloned()).collect();
                (0..forms).map(|form| has(&policies.effective("inbound", &chain, form), statements)).max()
            };
            chains.iter().filter_map(along).max()
        };
        policies.operations_of(&own).filter_map(of).max().unwrap_or(State::Configured)
    }
}

/// Tells whether a statement keeps out those whom it is for.
pub fn keeps_out(statement: &Statement) -> State {
    match statement.name.as_str() {
        "validate-jwt" => match statement.attribute("require-signed-tokens") {
            Some(value) if is_false(value) => State::NotConfigured,
            Some(value) if is_expression(value) => State::Unknown,
            _ => State::Configured,
        },
        "validate-client-certificate" => certificates(statement),
        "ip-filter" => addresses(statement),
        _ => State::Configured,
    }
}

/// A certificate that is wrong lets nobody in, and not every certificate is right.
fn certificates(statement: &Statement) -> State {
    let ignores = statement.attribute("ignore-error").unwrap_or("false");
    let trust = statement.attribute("validate-trust").unwrap_or("true");
    let identities = statement.child("identities").is_some_and(|list| list.child("identity").is_some());
    if ignores.trim().eq_ignore_ascii_case("true") || is_false(trust) && !identities {
        State::NotConfigured
    } else if is_expression(ignores) || is_expression(trust) && !identities {
        State::Unknown
    } else {
        State::Configured
    }
}

/// A filter lets in some addresses, and not nearly all.
fn addresses(statement: &Statement) -> State {
    if !statement.attribute("action").is_some_and(|action| action.trim().eq_ignore_ascii_case("allow")) {
        return State::NotConfigured;
    }
    let range = |one: &Statement| {
        let end = |name| one.attribute(name).and_then(|text| text.trim().parse::<IpAddr>().ok());
        match (end("from"), end("to")) {
            (Some(from), Some(to)) if spans(from, to) => State::NotConfigured,
            (Some(_), Some(_)) => State::Configured,
            _ => State::Unknown,
        }
    };
    let address = |one: &Statement| match one.text.trim() {
        text if is_wide(text) => State::NotConfigured,
        text if is_expression(text) || text.is_empty() => State::Unknown,
        _ => State::Configured,
    };
    let ranges = statement.named("address-range").map(range);
    ranges.chain(statement.named("address").map(address)).max().unwrap_or(State::Unknown)
}

/// Tells whether a range holds so many addresses that it keeps nobody out.
fn spans(from: IpAddr, to: IpAddr) -> bool {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => u32::from(to).saturating_sub(u32::from(from)) >> FREE_BITS.0 > 0,
        (IpAddr::V6(from), IpAddr::V6(to)) => u128::from(to).saturating_sub(u128::from(from)) >> FREE_BITS.1 > 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(xml: &str) -> State {
        let text = format!("<policies><inbound>{xml}</inbound></policies>");
        let at = super::super::super::configured::Place::line(&std::sync::Arc::from("p.xml"), 1);
        let mut all = super::super::super::configured::Model::default();
        all.gateways.add("g", super::super::super::configured::PolicyScope::Global, &text, at, false).unwrap();
        let (_, policy) = all.gateways.of("g").all().next().unwrap();
        keeps_out(&policy.sections[0][0])
    }

    #[test]
    fn a_filter_that_lets_in_nearly_all_addresses_keeps_nobody_out() {
        let range = |from: &str, to: &str| {
            of(&format!("<ip-filter action='allow'><address-range from='{from}' to='{to}'/></ip-filter>"))
        };
        assert_eq!(range("0.0.0.0", "255.255.255.255"), State::NotConfigured);
        assert_eq!(range("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), State::NotConfigured);
        assert_eq!(range("203.0.113.0", "203.0.113.255"), State::Configured);
        assert_eq!(range("{{from}}", "{{to}}"), State::Unknown);
        assert_eq!(of("<ip-filter action='allow'><address>0.0.0.0/0</address></ip-filter>"), State::NotConfigured);
        assert_eq!(of("<ip-filter action='allow'><address>203.0.113.7</address></ip-filter>"), State::Configured);
        assert_eq!(of("<ip-filter action='forbid'><address>203.0.113.7</address></ip-filter>"), State::NotConfigured);
    }

    #[test]
    fn a_certificate_whose_errors_are_ignored_is_no_proof() {
        let with = |attributes: &str| of(&format!("<validate-client-certificate {attributes}/>"));
        assert_eq!(with("ignore-error='true'"), State::NotConfigured);
        assert_eq!(with("validate-trust='False'"), State::NotConfigured);
        assert_eq!(with("ignore-error='@(x)'"), State::Unknown);
        assert_eq!(with("ignore-error='false'"), State::Configured);
        let named = "<identities><identity thumbprint='0a' /></identities>";
        let text = format!("<validate-client-certificate validate-trust='false'>{named}</validate-client-certificate>");
        assert_eq!(of(&text), State::Configured);
    }

    #[test]
    fn a_token_without_a_signature_is_no_proof() {
        assert_eq!(of("<validate-jwt require-signed-tokens='FALSE'/>"), State::NotConfigured);
        assert_eq!(of("<validate-jwt require-signed-tokens='{{x}}'/>"), State::Unknown);
        assert_eq!(of("<validate-jwt/>"), State::Configured);
    }
}
