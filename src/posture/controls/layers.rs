//! In how many layers is each endpoint guarded?
//!
//! The baseline: an explicit key, a user or token, gateway and network, an identity downstream, and
//! logs without secrets. The first three keep callers out; an endpoint that rests on one of them is
//! told. A gateway that checks tokens is a layer only where it can't be walked around.

use super::super::configured::{Element, Setting, Sort, Value};
use super::context::Context;
use super::evaluate::{State, cut};
use super::ingress::{Ingress, weakest};

/// A layer of the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The function asks for a key, and says so.
    Key,
    /// A user or token is checked in front of the code.
    Token,
    /// The gateway and the network let only some callers in.
    Network,
    /// The app reaches what lies behind it by its identity.
    Downstream,
    /// No key or token stands in the logs.
    Logs,
}

impl Layer {
    /// Every layer.
    pub const ALL: [Self; 5] = [Self::Key, Self::Token, Self::Network, Self::Downstream, Self::Logs];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "explicit level",
            Self::Token => "user or token",
            Self::Network => "gateway and network",
            Self::Downstream => "identity downstream",
            Self::Logs => "redacted logs",
        }
    }

    /// Tells whether it keeps callers out.
    pub const fn is_barrier(self) -> bool {
        matches!(self, Self::Key | Self::Token | Self::Network)
    }
}

/// The state of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerState {
    /// The layer.
    pub layer: Layer,
    /// Whether it is there.
    pub state: State,
    /// What is there, for people.
    pub says: String,
}

/// The layers of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers {
    /// The endpoint: app and function.
    pub endpoint: String,
    /// Its layers, in order.
    pub layers: Vec<LayerState>,
}

impl Layers {
    /// Returns the state of a layer.
    pub fn of(&self, layer: Layer) -> State {
        self.layers.iter().find(|one| one.layer == layer).map_or(State::Unknown, |one| one.state)
    }

    /// Returns how many layers that keep callers out are there, and how many may be.
    pub fn barriers(&self) -> (usize, usize) {
        let count =
            |wanted: State| self.layers.iter().filter(|one| one.layer.is_barrier() && one.state == wanted).count();
        (count(State::Configured), count(State::Unknown))
    }
}

/// Returns the layers of every HTTP function.
pub fn all(context: &Context<'_>) -> Vec<Layers> {
    let endpoints =
        context.model.of_sort(Sort::Function).filter(|one| one.text(Setting::Trigger) == Some("httpTrigger"));
    endpoints.map(|function| of(context, function)).collect()
}

/// Returns the layers of a function.
pub fn of(context: &Context<'_>, function: &Element) -> Layers {
    let app = function.of.as_deref().and_then(|app| context.model.get(Sort::App, app));
    let mut layers = vec![key(function)];
    match app {
        Some(app) => layers.extend([token(context, app), network(app), downstream(app), logs(app)]),
        None => layers.extend(Layer::ALL[1..].iter().map(|layer| unknown(*layer))),
    }
    Layers { endpoint: function.name.clone(), layers }
}

fn unknown(layer: Layer) -> LayerState {
    LayerState { layer, state: State::Unknown, says: "nothing was read of its app".to_owned() }
}

fn key(function: &Element) -> LayerState {
    let explicit = function.flag(Setting::AuthLevelExplicit) == Some(true);
    let level = |given: &super::super::configured::Given| match &given.value {
        Value::Text(level) if level == "anonymous" => (State::NotConfigured, "anonymous".to_owned()),
        Value::Text(level) if explicit => (State::Configured, level.clone()),
        Value::Text(level) => (State::Configured, format!("{level}, by default")),
        other => (State::Unknown, format!("known at run time only ({})", cut(&other.shown()))),
    };
    let worst = function.all(Setting::AuthLevel).iter().map(level).max_by_key(|(state, _)| *state);
    let (state, says) = worst.unwrap_or((State::Unknown, "not in the files".to_owned()));
    LayerState { layer: Layer::Key, state, says }
}

/// Returns whether App Service Authentication lets nobody through: state and words.
pub fn easy_auth(app: &Element) -> (State, &'static str) {
    let on = app.flag(Setting::AuthOn);
    let unknown = app.get(Setting::AuthOn).is_none() && !app.defaults(Setting::AuthOn);
    match (on, app.flag(Setting::AuthRequired)) {
        (Some(true), Some(true)) => match lets_through(app) {
            Some(says) => (State::Unknown, says),
            None => (State::Configured, "App Service Authentication"),
        },
        (Some(true), Some(false)) => (State::NotConfigured, "App Service Authentication lets everybody through"),
        (Some(false), _) => (State::NotConfigured, "App Service Authentication is off"),
        (None, _) if unknown => (State::Unknown, "not known"),
        (None, _) if app.get(Setting::AuthOn).is_none() => (State::NotConfigured, "no App Service Authentication"),
        _ => (State::Unknown, "known at deployment only"),
    }
}

/// Returns by what authentication that is required lets somebody through all the same.
fn lets_through(app: &Element) -> Option<&'static str> {
    let anonymous = app.all(Setting::AuthAction).iter().any(|given| match &given.value {
        Value::Text(action) => action.eq_ignore_ascii_case("AllowAnonymous") || action == "1",
        _ => true,
    });
    let excluded = app.all(Setting::AuthExcluded).iter().any(|given| match &given.value {
        Value::List(paths) => !paths.is_empty(),
        value => !value.shown().is_empty(),
    });
    if anonymous {
        Some("App Service Authentication is required, but its action may let everybody through")
    } else if excluded {
        Some("App Service Authentication lets everybody through to some paths")
    } else {
        None
    }
}

fn token(context: &Context<'_>, app: &Element) -> LayerState {
    let layer = Layer::Token;
    let (easy, says) = easy_auth(app);
    if easy == State::Configured {
        return LayerState { layer, state: easy, says: says.to_owned() };
    }
    let fronts = context.fronts(&app.name);
    let checked = fronts.iter().map(|front| front.token).max();
    let ingress = Ingress::of(app, false).state();
    let (state, says) = match (checked, ingress) {
        (Some(State::Configured), State::Configured) => (State::Configured, "checked at the gateway, the only way in"),
        (Some(State::Configured), State::NotConfigured) if easy == State::NotConfigured => {
            (State::NotConfigured, "checked at the gateway, which can be walked around")
        }
        (Some(State::Configured | State::Unknown), _) => (State::Unknown, "a gateway may check it"),
        (Some(State::NotConfigured), _) if easy == State::NotConfigured => {
            (State::NotConfigured, "none in front of the code")
        }
        (None, _) => (easy, says),
        _ => (State::Unknown, "not known"),
    };
    LayerState { layer, state, says: says.to_owned() }
}

fn network(app: &Element) -> LayerState {
    let ingress = Ingress::of(app, false);
    LayerState { layer: Layer::Network, state: ingress.state(), says: ingress.told().to_owned() }
}

fn downstream(app: &Element) -> LayerState {
    let identity = weakest(app, Setting::Identity, |value| match value {
        Value::Text(text) if text.eq_ignore_ascii_case("none") => State::NotConfigured,
        Value::Text(_) => State::Configured,
        _ => State::Unknown,
    });
    let identity = match identity {
        Some((state, _)) => state,
        None if app.defaults(Setting::Identity) => State::NotConfigured,
        None => State::Unknown,
    };
    let storage = weakest(app, Setting::HostStorage, |value| match value {
        Value::Text(text) if text == "identity" => State::Configured,
        Value::Text(_) => State::NotConfigured,
        _ => State::Unknown,
    });
    let storage = storage.map_or(State::Unknown, |(state, _)| state);
    let (state, says) = match (identity, storage) {
        (State::NotConfigured, _) => (State::NotConfigured, "no managed identity"),
        (_, State::NotConfigured) => (State::NotConfigured, "the host's storage is reached by a key"),
        (State::Configured, State::Configured) => (State::Configured, "managed identity, for the host's storage too"),
        (State::Configured, _) => (State::Unknown, "a managed identity; how storage is reached is not known"),
        _ => (State::Unknown, "not known"),
    };
    LayerState { layer: Layer::Downstream, state, says: says.to_owned() }
}

fn logs(app: &Element) -> LayerState {
    let detailed = app
        .text(Setting::LogLevel)
        .is_some_and(|level| ["Trace", "Debug"].iter().any(|one| one.eq_ignore_ascii_case(level)));
    let (state, says) = if detailed {
        (State::NotConfigured, "the log level lets headers and bodies in")
    } else {
        (State::Unknown, "only telemetry tells")
    };
    LayerState { layer: Layer::Logs, state, says: says.to_owned() }
}
