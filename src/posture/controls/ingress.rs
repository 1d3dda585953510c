//! How can an app be reached?
//!
//! By its private endpoint alone, from the addresses that rules name, or from everywhere. Where files
//! say different things, the one that lets in the most decides.

use super::super::configured::{Element, Given, Place, Setting, Value};
use super::evaluate::State;

/// Returns the weakest of what files say of a setting, by `judge`, and where it is said.
pub fn weakest(element: &Element, setting: Setting, judge: impl Fn(&Value) -> State) -> Option<(State, &Given)> {
    element.all(setting).iter().map(|given| (judge(&given.value), given)).max_by_key(|(state, _)| *state)
}

/// Networks with fewer bits than this are no restriction: a 128th of all addresses.
const MIN_BITS: u8 = 7;
/// Names of Azure's for everybody, or for everybody who has a machine in Azure, lower case.
const EVERYBODY: [&str; 4] = ["any", "*", "internet", "azurecloud"];

/// Tells whether an address rule names so many that it keeps nobody out.
fn is_wide(whom: &str) -> bool {
    let lower = whom.to_ascii_lowercase();
    let bits = lower.rsplit_once('/').and_then(|(_, bits)| bits.parse::<u8>().ok());
    EVERYBODY.contains(&lower.as_str()) || lower.starts_with("azurecloud.") || bits.is_some_and(|bits| bits < MIN_BITS)
}

/// How an app can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ingress {
    /// By its private endpoint alone.
    Closed(Place),
    /// From the addresses that rules name.
    Restricted(Place),
    /// From everywhere.
    Open(Place),
    /// It can't be told.
    Unknown(Place),
}

impl Ingress {
    /// Returns how an app can be reached; `scm` asks for its deployment site.
    pub fn of(app: &Element, scm: bool) -> Self {
        let (default, rules) =
            if scm { (Setting::ScmIpDefault, Setting::ScmIpRules) } else { (Setting::IpDefault, Setting::IpRules) };
        // Open where one file says so: the weakest decides.
        match weakest(app, Setting::PublicNetwork, |value| match value {
            Value::Flag(false) => State::Configured,
            Value::Flag(true) => State::NotConfigured,
            _ => State::Unknown,
        }) {
            Some((State::Configured, given)) => return Self::Closed(given.at.clone()),
            Some((State::Unknown, given)) => return Self::Unknown(given.at.clone()),
            _ => {}
        }
        // With a private endpoint and nothing said, the public way in is off.
        if let (None, Some(given)) = (app.get(Setting::PublicNetwork), app.get(Setting::PrivateEndpoint)) {
            return Self::Closed(given.at.clone());
        }
        let open_rule = |rule: &String| {
            let (action, whom) = rule.split_once(' ').unwrap_or(("Allow", rule));
            action.eq_ignore_ascii_case("allow") && is_wide(whom)
        };
        // A rule that refuses everybody else does what the default action does.
        let closing = |given: &Given| match &given.value {
            Value::List(list) => list.iter().any(|rule| {
                rule.split_once(' ').is_some_and(|(action, whom)| {
                    action.eq_ignore_ascii_case("deny")
                        && ["any", "0.0.0.0/0"].contains(&whom.to_ascii_lowercase().as_str())
                })
            }),
            _ => false,
        };
        let mut named = None;
        for given in app.all(rules) {
            match &given.value {
                Value::List(list) if list.iter().any(open_rule) => return Self::Open(given.at.clone()),
                Value::List(list) if !list.is_empty() => named = Some(Self::Restricted(given.at.clone())),
                Value::List(_) => {}
                _ => return Self::Unknown(given.at.clone()),
            }
        }
        if let Some(first) = app.all(rules).first()
            && app.all(rules).iter().all(closing)
        {
            return Self::Restricted(first.at.clone());
        }
        let decided = weakest(app, default, |value| match value {
            Value::Text(text) if text.eq_ignore_ascii_case("deny") => State::Configured,
            Value::Text(_) => State::NotConfigured,
            _ => State::Unknown,
        });
        match decided {
            Some((State::Configured, given)) => Self::Restricted(given.at.clone()),
            Some((State::NotConfigured, given)) => Self::Open(given.at.clone()),
            Some((State::Unknown, given)) => Self::Unknown(given.at.clone()),
            None => named.unwrap_or_else(|| {
                if app.defaults(default) { Self::Open(app.at.clone()) } else { Self::Unknown(app.at.clone()) }
            }),
        }
    }

    /// Returns it as a state: closed and restricted are configured.
    pub const fn state(&self) -> State {
        match self {
            Self::Closed(_) | Self::Restricted(_) => State::Configured,
            Self::Open(_) => State::NotConfigured,
            Self::Unknown(_) => State::Unknown,
        }
    }

    /// Returns where that is said.
    pub const fn at(&self) -> &Place {
        match self {
            Self::Closed(at) | Self::Restricted(at) | Self::Open(at) | Self::Unknown(at) => at,
        }
    }

    /// Returns it for people.
    pub const fn told(&self) -> &'static str {
        match self {
            Self::Closed(_) => "it can be reached by its private endpoint alone",
            Self::Restricted(_) => "only addresses that rules name can reach it",
            Self::Open(_) => "every address can reach it",
            Self::Unknown(_) => "who can reach it is not known",
        }
    }
}
