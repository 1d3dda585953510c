//! What did a detector see?
//!
//! A [`Finding`] says that a detector fired for an entity, or that more events of an attack it
//! has fired for have come. The alert book makes one alert of however many findings it takes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
pub use crate::posture::Level;
use crate::telemetry::{Category, Entity, Position};

use super::Because;

/// What a detector is about: the folder it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Failures to authenticate.
    AuthFailures,
    /// Keys used in unusual ways.
    KeyUsage,
    /// Secrets where they do not belong.
    LeakedSecrets,
    /// Requests from where none should come.
    SuspiciousOrigins,
    /// Somebody looking for a way in.
    Probing,
    /// Changes to resources and their protection.
    ControlPlane,
    /// People, apps and managed identities.
    Identity,
    /// The telemetry itself.
    Telemetry,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 8] = [
        Self::AuthFailures,
        Self::KeyUsage,
        Self::LeakedSecrets,
        Self::SuspiciousOrigins,
        Self::Probing,
        Self::ControlPlane,
        Self::Identity,
        Self::Telemetry,
    ];

    /// Returns the family's name, which is its folder's in `detectors/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthFailures => "auth-failures",
            Self::KeyUsage => "key-usage",
            Self::LeakedSecrets => "leaked-secrets",
            Self::SuspiciousOrigins => "suspicious-origins",
            Self::Probing => "probing",
            Self::ControlPlane => "control-plane",
            Self::Identity => "identity",
            Self::Telemetry => "telemetry",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// MITRE ATT&CK techniques, with the version whose numbers they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attack {
    /// Such as `18`.
    pub version: String,
    /// Such as `T1110.001`.
    pub techniques: Vec<String>,
}

/// One event that made a detector fire, as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Where the record lies.
    pub position: Position,
    /// When it happened.
    pub time: Timestamp,
    /// What wrote it.
    pub category: Category,
    /// The redacted record, cut after 2,048 bytes; `None` where memory for it had run out.
    pub record: Option<Arc<str>>,
}

impl Evidence {
    /// Returns what it is sorted by: time and content, and only then where it lies.
    pub fn order(&self) -> (Timestamp, Category, Option<&str>, Position) {
        (self.time, self.category, self.record.as_deref(), self.position)
    }
}

/// A detector fired for an entity, or an attack it fired for goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The detector's id, such as `key-usage.one_key_many_addresses`.
    pub detector: Arc<str>,
    /// The entity it fired for.
    pub entity: Entity,
    /// Every entity that the evidence names, the alert's own first.
    pub entities: Vec<Entity>,
    /// The app concerned, where there is one.
    pub app: Option<Arc<str>>,
    /// Who answers for the entity, or for the app, where the inventory says so.
    pub owner: Option<Arc<str>>,
    /// How bad it is.
    pub level: Level,
    /// `true`: the detector fired anew; `false`: more events of what it has fired for.
    pub fired: bool,
    /// The event at which it fired, or the newest of the further events.
    pub at: Timestamp,
    /// The first of the events counted in this finding; of a silence, the last event before it.
    pub first: Timestamp,
    /// The last of the events counted in this finding; of a silence, when it had lasted long enough.
    pub last: Timestamp,
    /// Matched events in this finding that no earlier finding of the same attack has counted.
    pub count: u64,
    /// One sentence for a tired person: what happened, to whom, since when. Empty when `fired` is false.
    pub why: String,
    /// What it rests on, and what would have made it stay quiet; `None` when `fired` is false.
    pub because: Option<Because>,
    /// The most that was measured in one window.
    pub peak: f64,
    /// A few of the events; at most five.
    pub evidence: Vec<Evidence>,
    /// Whether it rests on events that came later than the allowed lateness.
    pub late: bool,
}

impl Finding {
    /// Tells whether it says that what may have fallen silent speaks (again): it counts nothing.
    pub fn resumes(&self) -> bool {
        !self.fired && self.count == 0
    }
}
