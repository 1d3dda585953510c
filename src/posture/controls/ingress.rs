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

/// Tells whether an address rule names so many that it keeps nobody out; a rule may name several networks.
pub fn is_wide(whom: &str) -> bool {
    whom.split(',').any(|one| {
        let lower = one.trim().to_ascii_lowercase();
        let bits = lower.rsplit_once('/').and_then(|(_, bits)| bits.parse::<u8>().ok());
        EVERYBODY.contains(&lower.as_str())
            || lower.starts_with("azurecloud.")
            || bits.is_some_and(|bits| bits < MIN_BITS)
    })
}

/// What stands for the part of an address rule that is known at deployment only.
pub const UNKNOWN: &str = "?";

/// Returns what an address rule does and to whom: `Allow 10.0.0.0/8`.
pub fn parts(rule: &str) -> (&str, &str) {
    rule.split_once(' ').unwrap_or(("Allow", rule))
}

fn is_deny(action: &str) -> bool {
    action.eq_ignore_ascii_case("deny")
}

/// Returns whether something has a private endpoint for certain, and where that is said; nothing where none is
/// said to be.
pub fn private_endpoint(element: &Element) -> Option<(bool, &Given)> {
    let all = element.all(Setting::PrivateEndpoint);
    let certain = all.iter().find(|given| given.value == Value::Flag(true));
    certain.map(|given| (true, given)).or_else(|| all.first().map(|given| (false, given)))
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
            // Another template of the same app says nothing, and is open by that.
            Some((State::Configured, given)) if app.left_out(Setting::PublicNetwork).is_some() => {
                return Self::Unknown(given.at.clone());
            }
            Some((State::Configured, given)) => return Self::Closed(given.at.clone()),
            Some((State::Unknown, given)) => return Self::Unknown(given.at.clone()),
            _ => {}
        }
        // With a private endpoint and nothing said, the public way in is off.
        if app.get(Setting::PublicNetwork).is_none()
            && let Some((certain, given)) = private_endpoint(app)
        {
            let at = given.at.clone();
            return if certain && app.defaults(Setting::PublicNetwork) { Self::Closed(at) } else { Self::Unknown(at) };
        }
        let (certain, named) = by_rules(app, rules);
        if let Some(ingress) = certain {
            return ingress;
        }
        let decided = weakest(app, default, |value| match value {
            Value::Text(text) if text.eq_ignore_ascii_case("deny") => State::Configured,
            Value::Text(_) => State::NotConfigured,
            _ => State::Unknown,
        });
        match decided {
            Some((State::Configured, given)) if app.left_out(default).is_some() => Self::Unknown(given.at.clone()),
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

/// Returns how an app can be reached by its address rules: for certain, or where no default action lets others in.
fn by_rules(app: &Element, setting: Setting) -> (Option<Ingress>, Option<Ingress>) {
    let open_rule = |rule: &String| {
        let (action, whom) = parts(rule);
        action.eq_ignore_ascii_case("allow") && is_wide(whom)
    };
    // What is known at deployment only may let everybody in.
    let unknown_rule = |rule: &String| {
        let (action, whom) = parts(rule);
        action == UNKNOWN && is_wide(whom) || action != UNKNOWN && !is_deny(action) && whom == UNKNOWN
    };
    // A rule that refuses everybody else does what the default action does.
    let closing = |given: &Given| match &given.value {
        Value::List(list) => list.iter().any(|rule| {
            let (action, whom) = parts(rule);
            is_deny(action) && ["any", "0.0.0.0/0"].contains(&whom.to_ascii_lowercase().as_str())
        }),
        _ => false,
    };
    let (mut named, mut unknown) = (None, None);
    for given in app.all(setting) {
        match &given.value {
            Value::List(list) if list.iter().any(open_rule) => return (Some(Ingress::Open(given.at.clone())), None),
            Value::List(list) if list.iter().any(unknown_rule) => unknown = Some(given.at.clone()),
            Value::List(list) if !list.is_empty() => named = Some(Ingress::Restricted(given.at.clone())),
            Value::List(_) => {}
            _ => return (Some(Ingress::Unknown(given.at.clone())), None),
        }
    }
    if let Some(at) = unknown {
        return (Some(Ingress::Unknown(at)), None);
    }
    if let Some(first) = app.all(setting).first()
        && app.all(setting).iter().all(closing)
    {
        return (Some(Ingress::Restricted(first.at.clone())), None);
    }
    (None, named)
}

/// Judges the address rules of a store, beside which nobody else is let in.
pub fn narrow(rules: &Value) -> State {
    let Value::List(rules) = rules else { return State::Unknown };
    let judge = |rule: &String| match parts(rule).1 {
        UNKNOWN => State::Unknown,
        whom if is_wide(whom) => State::NotConfigured,
        _ => State::Configured,
    };
    rules.iter().map(judge).max().unwrap_or(State::Configured)
}
