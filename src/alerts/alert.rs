//! One problem, however many findings it took to see it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::{Attack, Because, Evidence, Family, Level};
use crate::telemetry::Entity;

use super::entry::fingerprint;
use super::{Class, Member};

/// An alert's id: 16 hexadecimal digits of a hash of its fingerprint and the event time of its
/// opening, so the same trouble has the same id live, replayed or replayed elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AlertId(pub u64);

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl std::str::FromStr for AlertId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    /// Nobody has taken it yet.
    Open,
    /// Somebody has it.
    Acknowledged,
    /// Over.
    Closed,
}

impl AlertState {
    /// Returns the state's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Closed => "closed",
        }
    }
}

/// Why an alert was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Closing {
    /// No further event came for as long as its detector waits.
    Quiet,
    /// A person closed it.
    ByPerson {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: String,
        /// What it was.
        #[serde(default)]
        class: Class,
    },
    /// What had fallen silent speaks again.
    Resumed,
    /// What had got weaker is as it should be again.
    Healed,
    /// What had got weaker is not there any more.
    Gone,
}

/// One problem: one entity, from the first event to the last, by one detector or by several that see the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The same wherever and whenever the same events are read.
    pub id: AlertId,
    /// Hash of what is seen and the entity: what later findings are matched by.
    pub fingerprint: u64,
    /// How often it has changed; with the id, what every sink upserts by.
    pub revision: u32,
    /// What its detectors see together, as `detectors/groups.yaml` calls it; none of one that stands alone.
    #[serde(default)]
    pub group: Option<Arc<str>>,
    /// Every detector that has seen it and what it saw, the worst first; empty where it is one only.
    #[serde(default)]
    pub members: Vec<Member>,
    /// The id of the detector in front.
    pub detector: Arc<str>,
    /// The detector's family.
    pub family: Family,
    /// How bad it is: the worst level any of its findings had.
    pub level: Level,
    /// The detector's title.
    pub title: Arc<str>,
    /// Who or what it is about.
    pub entity: Entity,
    /// Every entity its evidence names, the alert's own first; at most 32.
    pub entities: Vec<Entity>,
    /// The app concerned.
    pub app: Option<Arc<str>>,
    /// Who answers for what it is about, by the inventory as it was when the alert opened.
    #[serde(default)]
    pub owner: Option<Arc<str>>,
    /// The first matched event.
    pub first_seen: Timestamp,
    /// The event at which it fired.
    pub opened_at: Timestamp,
    /// The last matched event.
    pub last_seen: Timestamp,
    /// Matched events; one that two detectors have matched counts for both.
    pub count: u64,
    /// One sentence for a tired person.
    pub why: String,
    /// What it rests on, and what would have made it stay quiet.
    #[serde(default)]
    pub because: Option<Because>,
    /// What to do first, from the detector's file.
    pub triage: Arc<str>,
    /// ATT&CK techniques.
    pub attack: Attack,
    /// The threat it belongs to, an id in `detectors/threats.yaml`.
    pub threat: Arc<str>,
    /// Where it stands.
    pub state: AlertState,
    /// Who acknowledged it.
    pub assignee: Option<String>,
    /// Why it was closed.
    pub closing: Option<Closing>,
    /// A few of the events that the detector in front saw; at most five.
    pub evidence: Vec<Evidence>,
    /// Whether it rests on events that came too late.
    pub late: bool,
}

impl Alert {
    /// Calls its entities by their newer names, so that what a new key's first finding is about is
    /// this alert and no other; its id stays. Tells whether anything has changed.
    pub fn rename(&mut self, mut newer: impl FnMut(&str) -> Option<Arc<str>>) -> bool {
        let mut changed = false;
        for entity in std::iter::once(&mut self.entity).chain(&mut self.entities) {
            if let Some(name) = newer(&entity.value) {
                entity.value = name;
                changed = true;
            }
        }
        self.fingerprint = fingerprint(self.subject(), &self.entity);
        changed
    }
}

/// What changed in an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// More events came.
    Events,
    /// It is worse than it was, by the detector that is in front now.
    Raised {
        /// How bad it was.
        from: Level,
    },
    /// Another detector sees it too.
    Joined {
        /// Which.
        detector: Arc<str>,
    },
    /// It came back after it had gone quiet.
    Reopened,
    /// Somebody took it.
    Acknowledged {
        /// Who.
        by: String,
    },
    /// Somebody is to take it.
    Assigned {
        /// Who said so.
        by: String,
        /// Who is to take it.
        to: String,
    },
    /// Nobody has it any more.
    Unassigned {
        /// Who said so.
        by: String,
    },
    /// A person opened it again.
    ReopenedBy {
        /// Who.
        by: String,
        /// Why, in their words.
        reason: String,
    },
    /// A person had something to remember.
    Noted {
        /// Who.
        by: String,
        /// What, in their words.
        text: String,
    },
    /// A silence that hid it is over, or tripped over it.
    Unsilenced {
        /// Why.
        why: String,
    },
    /// A bulk change was taken back.
    Restored {
        /// Who took it back.
        by: String,
    },
}

/// What happened to an alert; carries it as it is now. OCSF activity 1, 2 and 3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Transition {
    /// It is new.
    Opened(Alert),
    /// It changed.
    Updated(Alert, Change),
    /// It is over.
    Closed(Alert, Closing),
}

impl Transition {
    /// Returns the alert as it is now.
    pub fn alert(&self) -> &Alert {
        match self {
            Self::Opened(alert) | Self::Updated(alert, _) | Self::Closed(alert, _) => alert,
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_score_reads_back_to_its_last_digit() {
        for score in [99.109_410_899_652_77_f64, 61.000_000_000_000_01, 0.1 + 0.2] {
            let text = serde_json::to_string(&score).unwrap();
            assert_eq!(serde_json::from_str::<f64>(&text).unwrap().to_bits(), score.to_bits(), "{text}");
        }
    }
}
