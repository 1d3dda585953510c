//! Is it configured as an owner means it to be?
//!
//! Without a model these controls are about nothing. What is stricter than meant is fine; and where several
//! ways of proof are meant, one that is asked for is enough, for that is what the owner wrote. Code that
//! checks a token itself is seen by no file: that is unknown, unless a function is open and nothing else
//! stands before it.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::configured::{Element, Place, Setting, Sort, Value};
use super::super::intended::{Authentication, Meant, Site};
use super::apis;
use super::context::{ByOperation, Context};
use super::evaluate::{Outcome, State, cut};
use super::ingress::{self, Ingress};
use super::layers::{self, Layer, easy_auth};

/// A function asks for the proof that is meant.
pub fn proof(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    let meant = context.meant.as_ref().and_then(|index| index.of_function(&function.name));
    let ways = meant.map(|meant| meant.authentication.as_slice()).unwrap_or_default();
    if ways.is_empty() || function.text(Setting::Trigger) != Some("httpTrigger") {
        return Vec::new();
    }
    let at = function.get(Setting::AuthLevel).map_or(&function.at, |given| &given.at);
    if ways == [Authentication::Anonymous] {
        return Outcome::fine("it is meant to be open to anybody", at);
    }
    let app = function.of.as_deref().and_then(|app| context.model.get(Sort::App, app));
    let layers = layers::of(context, function);
    let states = ways.iter().filter_map(|way| asked(*way, function, app, &layers));
    let Some(state) = states.min() else { return Vec::new() };
    let told = |layer| layers.layers.iter().find(|one| one.layer == layer).map_or("not known", |one| one.says.as_str());
    let says = format!("{} is meant; its level is {}; token: {}", names(ways), told(Layer::Key), told(Layer::Token));
    vec![Outcome::new(state, says, at)]
}

/// Tells whether a way of proof is asked for; nothing where functions can't ask for it.
fn asked(way: Authentication, function: &Element, app: Option<&Element>, layers: &layers::Layers) -> Option<State> {
    let (key, token) = (layers.of(Layer::Key), layers.of(Layer::Token));
    Some(match way {
        Authentication::Anonymous => State::Configured,
        Authentication::FunctionKey => key,
        Authentication::AdminKey => match (key, function.text(Setting::AuthLevel)) {
            (State::Configured, Some("admin")) => State::Configured,
            (State::Unknown, _) => State::Unknown,
            _ => State::NotConfigured,
        },
        Authentication::EasyAuth => app.map_or(State::Unknown, |app| easy_auth(app).0),
        // Open, and nothing before the code: if that checks tokens, somebody has to say so.
        Authentication::Jwt if token == State::NotConfigured && key == State::NotConfigured => State::NotConfigured,
        Authentication::Jwt if token == State::Configured => State::Configured,
        Authentication::Jwt => State::Unknown,
        Authentication::ClientCertificate => {
            let mode = app.and_then(|app| app.text(Setting::ClientCertMode));
            match mode {
                // Which functions lie at the paths that ask for none is not known.
                Some(mode) if mode.eq_ignore_ascii_case("required") => match app.map(excludes) {
                    Some(false) => State::Configured,
                    _ => State::Unknown,
                },
                Some(_) => State::NotConfigured,
                None => State::Unknown,
            }
        }
        Authentication::SubscriptionKey => return None,
    })
}

/// Tells whether an app asks for no client certificate at some paths.
fn excludes(app: &Element) -> bool {
    app.all(Setting::ClientCertExclusions).iter().any(|given| !given.value.shown().is_empty())
}

/// A function is one that somebody declared.
pub fn declared(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    let (Some(index), Some(app)) = (&context.meant, function.of.as_deref()) else { return Vec::new() };
    let Some(site) = index.site(false, app).filter(|site| site.complete) else { return Vec::new() };
    if function.text(Setting::Trigger) != Some("httpTrigger") {
        return Vec::new();
    }
    match index.function(&function.name) {
        Some(endpoint) => Outcome::fine(format!("declared in line {} of the model", endpoint.line), &function.at),
        None => Outcome::weak(
            format!("the model says in line {} that it names all functions, and not this one", site.line),
            &function.at,
        ),
    }
}

/// An app is closed to all but the way that is meant.
pub fn way(context: &Context<'_>, app: &Element) -> Vec<Outcome> {
    let Some(meant) = of_app(context, app).map(|site| &site.meant) else { return Vec::new() };
    let Some(only) = only(meant) else { return Vec::new() };
    let ingress = Ingress::of(app, false);
    if let (Ingress::Restricted(at), Some(networks)) = (&ingress, &meant.networks) {
        return vec![within(app, networks, meant.gateways.as_ref().is_some_and(|all| !all.is_empty()), &only, at)];
    }
    vec![Outcome::new(ingress.state(), format!("{only}; {}", ingress.told()), ingress.at())]
}

/// Holds the address rules of an app against the networks that are meant; with a gateway meant too, a rule may be
/// for that.
fn within(app: &Element, networks: &[IpNet], gateway: bool, only: &str, at: &Place) -> Outcome {
    let given = app.all(Setting::IpRules).iter().flat_map(|given| match &given.value {
        Value::List(rules) => rules.as_slice(),
        _ => &[],
    });
    let allowed = given.map(|rule| ingress::parts(rule)).filter(|(action, _)| !action.eq_ignore_ascii_case("deny"));
    let known = |text: &str| {
        let text = text.trim();
        text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    };
    let (mut other, mut unclear) = (Vec::new(), Vec::new());
    for whom in allowed.flat_map(|(_, whom)| whom.split(',')) {
        match known(whom) {
            Some(network) if networks.iter().any(|meant| meant.contains(&network)) => {}
            Some(_) if !gateway => other.push(whom.trim()),
            _ => unclear.push(whom.trim()),
        }
    }
    match (other.as_slice(), unclear.as_slice()) {
        ([], []) => Outcome::new(State::Configured, format!("{only}; its address rules let in no other"), at),
        ([], unclear) => {
            let says = format!("{only}; whether that is who comes from `{}` is not known", cut(&unclear.join(", ")));
            Outcome::new(State::Unknown, says, at)
        }
        (other, _) => {
            let says = format!("{only}; its address rules let in `{}`", cut(&other.join(", ")));
            Outcome::new(State::NotConfigured, says, at)
        }
    }
}

/// Says by which way alone an app is meant to be called, if by one alone.
fn only(meant: &Meant) -> Option<String> {
    match (&meant.gateways, &meant.networks) {
        (Some(gateways), _) if !gateways.is_empty() => {
            Some(format!("it is meant to be called through {} alone", gateways.join(", ")))
        }
        (_, Some(networks)) if networks.iter().all(|network| network.prefix_len() > 0) => {
            Some(format!("it is meant to be called from {} networks alone", networks.len()))
        }
        _ => None,
    }
}

/// Browsers may call from the origins that are meant alone.
pub fn origins(context: &Context<'_>, app: &Element) -> Vec<Outcome> {
    let meant = of_app(context, app).and_then(|site| site.meant.origins.as_ref());
    meant.map(|meant| listed(app, Setting::CorsOrigins, meant, "origin")).unwrap_or_default()
}

/// App Service Authentication takes tokens for the audiences that are meant alone.
pub fn audiences(context: &Context<'_>, app: &Element) -> Vec<Outcome> {
    let meant = of_app(context, app).map(|site| &site.meant.audiences).filter(|meant| !meant.is_empty());
    meant.map(|meant| listed(app, Setting::AuthAudiences, meant, "audience")).unwrap_or_default()
}

/// Tells whether every item of a list is one that is meant.
fn listed(app: &Element, setting: Setting, meant: &[String], what: &str) -> Vec<Outcome> {
    let plain = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let known: Vec<String> = meant.iter().map(|text| plain(text)).collect();
    let any = known.iter().any(|one| one == "*");
    let of = |given: &super::super::configured::Given| match &given.value {
        Value::List(items) => {
            let other: Vec<&str> =
                items.iter().filter(|item| !any && !known.contains(&plain(item))).map(String::as_str).collect();
            if other.is_empty() {
                Outcome::new(State::Configured, format!("each {what} is one that is meant"), &given.at)
            } else {
                Outcome::new(State::NotConfigured, format!("{what} not meant: `{}`", cut(&other.join(", "))), &given.at)
            }
        }
        _ => Outcome::new(State::Unknown, format!("each {what} is known at deployment only"), &given.at),
    };
    app.all(setting).iter().map(of).max_by_key(|outcome| outcome.state).into_iter().collect()
}

/// An API asks for the proof that is meant.
pub fn api_proof(context: &Context<'_>, api: &Element) -> Vec<Outcome> {
    let known = || context.model.children(Sort::Operation, &api.name).map(|one| one.name.as_str()).collect::<Vec<_>>();
    let Some(ways) = context.meant.as_ref().and_then(|index| index.of_api(&api.name, &known())) else {
        return Vec::new();
    };
    let token_state = token(context, api);
    let key_state = match context.key(api) {
        Some(true) => State::Configured,
        Some(false) => State::NotConfigured,
        None => State::Unknown,
    };
    let states = ways.iter().filter_map(|way| match way {
        Authentication::Anonymous => Some(State::Configured),
        Authentication::Jwt => Some(token_state),
        Authentication::SubscriptionKey => Some(key_state),
        Authentication::ClientCertificate => Some(context.holds(api, &["validate-client-certificate"])),
        _ => None,
    });
    let Some(state) = states.min() else { return Vec::new() };
    let told = |state| match state {
        State::Configured => "asked for",
        State::NotConfigured => "not asked for",
        State::Unknown => "not known",
    };
    let says = format!("{} is meant; token: {}; subscription: {}", names(ways), told(token_state), told(key_state));
    vec![Outcome::new(state, says, &apis::at(context, api))]
}

/// Tells whether an API checks a token wherever it is not meant to be open.
fn token(context: &Context<'_>, api: &Element) -> State {
    let state = context.api_token(api);
    if state != State::NotConfigured {
        return state;
    }
    let open = |operation: &str| {
        let name = operation.rsplit('/').next().unwrap_or(operation);
        context.meant.as_ref().is_some_and(|index| index.is_open(&format!("{}/{name}", api.name)))
    };
    match context.by_operation(api) {
        ByOperation::All => State::Configured,
        ByOperation::Some(without) => {
            let states = without.iter().filter(|(name, ..)| !open(name)).map(|(_, state, _)| *state);
            states.max().unwrap_or(State::Configured)
        }
        ByOperation::None | ByOperation::Unlisted => State::NotConfigured,
    }
}

fn of_app<'m>(context: &Context<'m>, app: &Element) -> Option<&'m Site> {
    context.meant.as_ref()?.site(false, &app.name)
}

/// Returns the names of ways of proof, for people.
fn names(ways: &[Authentication]) -> String {
    ways.iter().map(|way| format!("`{}`", way.name())).collect::<Vec<_>>().join(" or ")
}
