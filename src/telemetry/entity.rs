//! Who or what is an alert about?
//!
//! An [`Entity`] is a kind and a value that is safe to show: values that were secret or personal
//! are fingerprints by the time an entity is made of them.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::names::sayable;

/// What kind of thing an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// An address; IPv6 as RFC 5952 writes it.
    Ip,
    /// An APIM subscription id, or a key's fingerprint.
    Key,
    /// A function app or gateway app, its lower-case site name.
    App,
    /// A function, as `app/function` in lower case.
    Function,
    /// A person's, app's or managed identity's fingerprint or id.
    Identity,
    /// A browser origin, as `scheme://host[:port]`.
    Origin,
    /// A leaked secret's fingerprint.
    Secret,
    /// An API Management service, Front Door or Application Gateway, its lower-case name.
    Gateway,
}

impl EntityKind {
    /// Every kind, in the order in which an alert lists its entities.
    pub const ALL: [Self; 8] =
        [Self::Ip, Self::Key, Self::App, Self::Function, Self::Identity, Self::Origin, Self::Secret, Self::Gateway];

    /// Returns the kind's name as alerts, detectors and URLs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Key => "key",
            Self::App => "app",
            Self::Function => "function",
            Self::Identity => "identity",
            Self::Origin => "origin",
            Self::Secret => "secret",
            Self::Gateway => "gateway",
        }
    }

    /// Returns the kind that [`EntityKind::name`] calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A kind and a value: `ip 203.0.113.7`, `key azure-function-key:k1:7Q2M…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entity {
    /// What kind of thing it is.
    pub kind: EntityKind,
    /// Which one; safe to show.
    pub value: Arc<str>,
}

impl Entity {
    /// Returns the entity `value` of kind `kind`.
    pub fn new(kind: EntityKind, value: impl Into<Arc<str>>) -> Self {
        Self { kind, value: value.into() }
    }

    /// Returns what people call it: `key amber-falcon` for a fingerprint, else kind and value.
    pub fn sayable(&self) -> String {
        match sayable(&self.value) {
            Some(name) => format!("{} {name}", self.kind),
            None => format!("{} {}", self.kind, self.value),
        }
    }
}
