//! Who can reach an app, a gateway, a storage account, and how far does a role reach?

use super::super::configured::{Element, Setting, Value, is_narrow};
use super::context::Context;
use super::evaluate::{Outcome, State};
use super::ingress::{self, Ingress, private_endpoint, weakest};

/// An app behind a gateway takes calls from it alone.
pub fn gateway_only(context: &Context<'_>, app: &Element) -> Vec<Outcome> {
    let Some(front) = context.fronts(&app.name).first() else { return Vec::new() };
    let ingress = Ingress::of(app, false);
    let says = format!("{} leads here, and {}", front.api, ingress.told());
    vec![Outcome::new(ingress.state(), says, ingress.at())]
}

/// An app without a gateway in front is not open to every address.
pub fn network_restricted(context: &Context<'_>, app: &Element) -> Vec<Outcome> {
    if !context.fronts(&app.name).is_empty() {
        return Vec::new();
    }
    let ingress = Ingress::of(app, false);
    vec![Outcome::new(ingress.state(), ingress.told(), ingress.at())]
}

/// The deployment site is as closed as the app.
pub fn scm_restricted(_: &Context<'_>, app: &Element) -> Vec<Outcome> {
    let main = Ingress::of(app, false);
    if let Ingress::Closed(at) = &main {
        return Outcome::fine("it can be reached by its private endpoint alone", at);
    }
    if !matches!(main, Ingress::Restricted(_)) {
        return Vec::new();
    }
    if let Some(given) = app.get(Setting::ScmUsesMain) {
        match app.flag(Setting::ScmUsesMain) {
            Some(true) => return Outcome::fine("it has the rules of the app", &given.at),
            None => {
                return Outcome::unknown("whether it has the rules of the app is known at deployment only", &given.at);
            }
            Some(false) => {}
        }
    }
    let scm = Ingress::of(app, true);
    let says = match scm.state() {
        State::Configured => "it has rules of its own",
        State::NotConfigured => "the app has address rules, its deployment site has none",
        State::Unknown => "its rules are not known",
    };
    vec![Outcome::new(scm.state(), says, scm.at())]
}

/// A gateway is in a network, or has a private endpoint.
pub fn gateway_network(_: &Context<'_>, gateway: &Element) -> Vec<Outcome> {
    match private_endpoint(gateway) {
        Some((true, given)) => return Outcome::fine("it has a private endpoint", &given.at),
        Some((false, given)) => {
            return Outcome::unknown("whether it has a private endpoint is known at deployment only", &given.at);
        }
        None => {}
    }
    let network = weakest(gateway, Setting::NetworkType, |value| match value {
        Value::Text(text) if text.eq_ignore_ascii_case("none") => State::NotConfigured,
        Value::Text(_) => State::Configured,
        _ => State::Unknown,
    });
    match network {
        Some((State::NotConfigured, given)) => Outcome::weak("it is in no network", &given.at),
        Some((State::Configured, given)) => {
            Outcome::fine(format!("it is in a network ({})", given.value.shown()), &given.at)
        }
        Some((State::Unknown, given)) => Outcome::unknown("its network is known at deployment only", &given.at),
        None if gateway.defaults(Setting::NetworkType) => Outcome::weak("it is in no network", &gateway.at),
        None => Outcome::unknown("its network is in no file that was read", &gateway.at),
    }
}

/// A gateway speaks no weak protocols; what is not turned off in `customProperties` has a default
/// that differs by tier and age.
pub fn weak_protocols(_: &Context<'_>, gateway: &Element) -> Vec<Outcome> {
    match gateway.get(Setting::WeakProtocols) {
        Some(given) => match &given.value {
            Value::List(list) if list.is_empty() => Outcome::fine("none is turned on", &given.at),
            Value::List(list) => Outcome::weak(format!("turned on: {}", list.join(", ")), &given.at),
            _ => Outcome::unknown("known at deployment only", &given.at),
        },
        None => Outcome::unknown(
            "`customProperties` is in no file that was read, and the default differs by tier",
            &gateway.at,
        ),
    }
}

/// A storage account is not open to every network.
pub fn storage_network(_: &Context<'_>, account: &Element) -> Vec<Outcome> {
    let closed = weakest(account, Setting::PublicNetwork, |value| match value {
        Value::Flag(false) => State::Configured,
        Value::Flag(true) => State::NotConfigured,
        _ => State::Unknown,
    });
    match closed {
        Some((State::Configured, given)) => {
            return Outcome::fine("it can be reached by its private endpoint alone", &given.at);
        }
        Some((State::Unknown, given)) => {
            return Outcome::unknown("whether it is open to the internet is known at deployment only", &given.at);
        }
        _ => {}
    }
    let decided = weakest(account, Setting::NetworkDefault, |value| match value {
        Value::Text(text) if text.eq_ignore_ascii_case("deny") => State::Configured,
        Value::Text(_) => State::NotConfigured,
        _ => State::Unknown,
    });
    match decided {
        Some((State::Configured, given)) if account.left_out(Setting::NetworkDefault).is_some() => {
            Outcome::unknown("another template of it sets no rule", &given.at)
        }
        Some((State::Configured, given)) => match weakest(account, Setting::IpRules, ingress::narrow) {
            Some((State::NotConfigured, rules)) => Outcome::weak("a rule lets nearly every address in", &rules.at),
            Some((State::Unknown, rules)) => {
                Outcome::unknown("whom its rules let in is known at deployment only", &rules.at)
            }
            _ => Outcome::fine("only networks that rules name can reach it", &given.at),
        },
        Some((State::NotConfigured, given)) => Outcome::weak("every network can reach it", &given.at),
        Some((State::Unknown, given)) => Outcome::unknown("known at deployment only", &given.at),
        None if account.defaults(Setting::NetworkDefault) => {
            Outcome::weak("every network can reach it, by default", &account.at)
        }
        None => Outcome::unknown("its rules are in no file that was read", &account.at),
    }
}

/// Roles that open everything where they reach.
const BROAD: [&str; 4] =
    ["Owner", "Contributor", "User Access Administrator", "Role Based Access Control Administrator"];

/// A role does not open a whole group or subscription.
pub fn least_privilege(_: &Context<'_>, role: &Element) -> Vec<Outcome> {
    let Some(given) = role.get(Setting::Role) else { return Vec::new() };
    // People have roles too; those are not an app's.
    if role.text(Setting::PrincipalType).is_some_and(|kind| !kind.eq_ignore_ascii_case("ServicePrincipal")) {
        return Vec::new();
    }
    let Value::Text(name) = &given.value else {
        return Outcome::unknown("the role is known at deployment only", &given.at);
    };
    let scope = role.get(Setting::Scope).map(|scope| scope.value.shown());
    if is_narrow(name) && ["subscription", "management-group"].iter().any(|wide| scope.as_deref() == Some(wide)) {
        let says = format!("{name}, of all there is of its kind in a {}", scope.unwrap_or_default().replace('-', " "));
        return Outcome::unknown(says, &given.at);
    }
    if is_narrow(name) {
        return Outcome::fine(format!("{name} is no role that opens everything"), &given.at);
    }
    if !BROAD.iter().any(|broad| broad.eq_ignore_ascii_case(name)) {
        return Outcome::unknown(format!("what the role {name} opens is in no file that was read"), &given.at);
    }
    match role.get(Setting::Scope).map(|scope| &scope.value) {
        Some(Value::Text(scope)) if scope == "resource" && name == "Contributor" => {
            Outcome::fine(format!("{name}, of one resource"), &given.at)
        }
        // Deployed without a scope, it reaches as far as the deployment: a group at the least.
        Some(Value::Text(scope)) if scope == "deployment" => {
            Outcome::weak(format!("{name} of all that it is deployed to: a resource group at the least"), &given.at)
        }
        Some(Value::Text(scope)) => Outcome::weak(format!("{name} of a {}", scope.replace('-', " ")), &given.at),
        // Of one resource it may be what an app needs; the others hand out roles, whatever they reach.
        _ if name == "Contributor" => Outcome::unknown(format!("{name}; what it reaches is not known"), &given.at),
        _ => Outcome::weak(format!("{name}, whatever it reaches"), &given.at),
    }
}
