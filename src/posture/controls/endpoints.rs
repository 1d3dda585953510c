//! Which functions and apps are guarded too little?
//!
//! What looks at more than one setting of a function or its app.

use super::super::configured::{Element, Setting, Value};
use super::context::Context;
use super::evaluate::{Outcome, State};
use super::layers::{self, Layer, Layers};

/// Returns the layers of an HTTP function; nothing for other triggers.
fn layers(context: &Context<'_>, function: &Element) -> Option<Layers> {
    (function.text(Setting::Trigger) == Some("httpTrigger")).then(|| layers::of(context, function))
}

/// Returns where a function's level stands.
fn at(function: &Element) -> &super::super::configured::Place {
    function.get(Setting::AuthLevel).map_or(&function.at, |given| &given.at)
}

/// Says of layers what is known of each.
fn told(layers: &Layers) -> String {
    let barriers = layers.layers.iter().filter(|one| one.layer.is_barrier());
    barriers.map(|one| format!("{}: {}", one.layer.name(), one.says)).collect::<Vec<_>>().join("; ")
}

/// An anonymous function has something else that guards it.
pub fn anonymous_compensated(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    let Some(layers) = layers(context, function) else { return Vec::new() };
    let at = at(function);
    match layers.of(Layer::Key) {
        State::Configured => Vec::new(),
        State::Unknown => Outcome::unknown("its level is not known", at),
        State::NotConfigured => {
            let others = [layers.of(Layer::Token), layers.of(Layer::Network)];
            let says = format!("it is anonymous. {}", told(&layers));
            if others.contains(&State::Configured) {
                Outcome::fine(says, at)
            } else if others.contains(&State::Unknown) {
                Outcome::unknown(says, at)
            } else {
                Outcome::weak(says, at)
            }
        }
    }
}

/// More than one layer guards a function.
pub fn more_than_one_layer(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    let Some(layers) = layers(context, function) else { return Vec::new() };
    let says = told(&layers);
    match layers.barriers() {
        (2.., _) => Outcome::fine(says, at(function)),
        (_, 1..) => Outcome::unknown(says, at(function)),
        // Anonymous and open: that is told by a control of its own.
        (0, _) => Vec::new(),
        _ => Outcome::weak(format!("it rests on a single layer. {says}"), at(function)),
    }
}

/// A token is checked in front of a function.
pub fn token_checked(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    let Some(layers) = layers(context, function) else { return Vec::new() };
    let says =
        layers.layers.iter().find(|one| one.layer == Layer::Token).map(|one| one.says.clone()).unwrap_or_default();
    match layers.of(Layer::Token) {
        State::Configured => Outcome::fine(says, at(function)),
        _ => Outcome::unknown(format!("{says}; code may check tokens itself"), at(function)),
    }
}

/// A gateway's API leads to a function.
pub fn behind_gateway(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    let Some(app) = function.of.as_deref().filter(|_| layers(context, function).is_some()) else { return Vec::new() };
    match context.fronts(app) {
        [] => Outcome::unknown("no API of what was read leads to its app", at(function)),
        [front, ..] => Outcome::fine(format!("{} leads to its app", front.api), at(function)),
    }
}

/// Only telemetry can tell, of endpoints that ask for a key.
pub fn telemetry_with_keys(context: &Context<'_>, function: &Element) -> Vec<Outcome> {
    match layers(context, function).map(|layers| layers.of(Layer::Key)) {
        Some(State::Configured) => Outcome::unknown("no file says how old a key is", at(function)),
        _ => Vec::new(),
    }
}

/// Only telemetry can tell.
pub fn telemetry(_: &Context<'_>, app: &Element) -> Vec<Outcome> {
    Outcome::unknown("no file says so", &app.at)
}

/// The extension bundle is one that is maintained: its range ends beyond version 4.
pub fn extension_bundle(_: &Context<'_>, app: &Element) -> Vec<Outcome> {
    let of = |given: &super::super::configured::Given| {
        let text = given.value.shown();
        let upper = text.trim_matches(['[', ']', '(', ')']).rsplit(',').next().unwrap_or_default().trim().to_owned();
        let major = upper.split('.').next().and_then(|major| major.parse::<u32>().ok());
        let inclusive = text.trim_end().ends_with(']');
        let state = match (&given.value, major) {
            (Value::Text(_), Some(major)) if major > 4 || inclusive && major == 4 => State::Configured,
            (Value::Text(_), Some(_)) => State::NotConfigured,
            _ => State::Unknown,
        };
        Outcome::new(state, format!("extension-bundle is `{}`", super::evaluate::cut(&text)), &given.at)
    };
    app.all(Setting::Bundle).iter().map(of).collect()
}

/// App Service Authentication has a provider.
pub fn auth_provider(_: &Context<'_>, app: &Element) -> Vec<Outcome> {
    match app.get(Setting::AuthProviders) {
        Some(given) => match &given.value {
            Value::List(list) if list.is_empty() => Outcome::weak("no identity provider is set", &given.at),
            Value::List(list) => Outcome::fine(format!("providers: {}", list.join(", ")), &given.at),
            _ => Outcome::unknown("providers are known at deployment only", &given.at),
        },
        None => Outcome::unknown("identity providers are in no file that was read", &app.at),
    }
}

/// App Service Authentication excludes no path.
pub fn auth_excluded(_: &Context<'_>, app: &Element) -> Vec<Outcome> {
    match app.get(Setting::AuthExcluded) {
        Some(given) => match &given.value {
            Value::List(list) if list.is_empty() => Outcome::fine("no path is excluded", &given.at),
            Value::List(list) => Outcome::weak(format!("excluded: {}", list.join(", ")), &given.at),
            _ => Outcome::unknown("excluded paths are known at deployment only", &given.at),
        },
        None => Outcome::fine("no path is excluded", &app.at),
    }
}

/// No secret stands in a file: an outcome for each that does.
pub fn secrets_in_file(_: &Context<'_>, file: &Element) -> Vec<Outcome> {
    let of = |given: &super::super::configured::Given| {
        Outcome::new(State::NotConfigured, format!("a secret stands here: {}", given.value.shown()), &given.at)
    };
    file.all(Setting::SecretsInFile).iter().map(of).collect()
}
