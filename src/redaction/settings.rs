//! What may people choose about redaction, and why might it refuse to run?
//!
//! Secrets always go. Of people every kind is a choice, by category, field and path; what nothing is
//! chosen for is hidden so that it can still be followed, but network addresses and object ids stay,
//! for an alert without the caller's address helps nobody, and some must do without.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::people::{Action, Policy};

/// What people can set about redaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What becomes of callers' network addresses: `keep` (default), `prefix`, `truncate`, `fingerprint`.
    pub addresses: Addresses,
    /// Files or folders of rules to go by as well: gitleaks configurations, tables of kinds.
    pub rules: Vec<PathBuf>,
    /// Whether a storage key or signature that is seen is also known by the hash that storage logs
    /// hold of it (`AuthenticationHash`), so that its use can be told.
    pub authentication_hash: bool,
    /// What becomes of personal data; of those that speak of a kind in a place the first counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policy: Vec<Policy>,
}

/// What becomes of callers' network addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addresses {
    /// They stay.
    #[default]
    Keep,
    /// Others take their place that share as many leading bits: networks can be told from each other.
    Prefix,
    /// IPv4 is cut to its /24, IPv6 to its /48: neighbours look alike.
    Truncate,
    /// A fingerprint takes their place: equal ones can be told, networks and countries can't.
    Fingerprint,
}

impl Addresses {
    /// Returns the action it stands for.
    pub fn action(self) -> Action {
        match self {
            Self::Keep => Action::Keep,
            Self::Prefix => Action::Prefix,
            Self::Truncate => Action::Truncate,
            Self::Fingerprint => Action::Fingerprint,
        }
    }
}

/// Why the redactor refuses to run.
#[derive(Debug, thiserror::Error)]
pub enum RedactionError {
    /// A made-up secret was not found at start.
    #[error(
        "the self-test failed: a made-up {kind} in {form} was not found and proven. Nothing is read until it is: this build is broken, use another"
    )]
    Canary {
        /// The kind that was missed.
        kind: &'static str,
        /// How it was written.
        form: &'static str,
    },
    /// The rules that were asked for can't be had.
    #[error("{}", list(.0))]
    Rules(Vec<super::RuleProblem>),
    /// The system gave no random bytes for the self-test.
    #[error(transparent)]
    Key(#[from] super::KeyError),
}

fn list(problems: &[super::RuleProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
