//! From what is the living model made?
//!
//! Plain values that the pipeline hands over, so that the same sources give the same model wherever it is
//! made. As many as their own ceilings allow.

use std::sync::Arc;
use std::time::Duration;

use super::setup::Setup;
use super::standing::Drift;
use crate::clock::Timestamp;
use crate::posture::intended::Intended;
use crate::posture::observed::Observed;
use crate::posture::{ElementKind, Heard, Level, Threats};
use crate::telemetry::Kind;

/// An alert that is open.
#[derive(Clone, Debug)]
pub struct Alerted {
    /// Its id.
    pub id: Arc<str>,
    /// The detectors that see it, the one in front first.
    pub detectors: Vec<Arc<str>>,
    /// The threat it belongs to.
    pub threat: Arc<str>,
    /// How bad it is.
    pub level: Level,
    /// The names of the parts that it speaks of, lower case.
    pub names: Vec<Arc<str>>,
    /// The apps that gateways of its evidence called.
    pub behind: Vec<Arc<str>>,
    /// Its sentence.
    pub why: Arc<str>,
    /// Its first event.
    pub first: Timestamp,
    /// Its last.
    pub last: Timestamp,
    /// Its events.
    pub count: u64,
}

/// A detector, as coverage asks for it.
#[derive(Clone, Debug)]
pub struct Seer {
    /// Its id.
    pub detector: Arc<str>,
    /// The threat that it sees.
    pub threat: Arc<str>,
    /// The kinds of event that it is told of; empty for any.
    pub kinds: Vec<Kind>,
    /// Of one that waits for one thing after another, the kinds that each may be; empty for any.
    pub steps: Vec<Vec<Kind>>,
    /// Whether a test of its own makes it fire.
    pub tested: bool,
    /// Whether it has fired in this installation.
    pub fired: bool,
}

/// What comes of an app, a gateway or a subscription.
#[derive(Clone, Debug)]
pub struct Sends {
    /// What sort of thing it is.
    pub kind: ElementKind,
    /// Its name, lower case.
    pub name: Arc<str>,
    /// Its resource id, lower case.
    pub resource: Option<Arc<str>>,
    /// What came of each category.
    pub heard: Vec<Heard>,
}

/// All that the model is made from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What is configured.
    pub configured: Arc<Setup>,
    /// What is intended.
    pub intended: Arc<Intended>,
    /// What was observed.
    pub observed: Arc<Observed>,
    /// Alerts that are open.
    pub alerts: Vec<Alerted>,
    /// The detectors that run.
    pub seers: Vec<Seer>,
    /// What comes of which element.
    pub sends: Vec<Sends>,
    /// What has changed so far, the newest first.
    pub drifts: Vec<Drift>,
    /// The threats.
    pub threats: Arc<Threats>,
    /// The newest event time.
    pub at: Option<Timestamp>,
    /// For how long what was seen counts, in event time; without it for ever.
    pub stale_after: Option<Duration>,
}

impl Sources {
    /// Returns since when something must have been seen to count.
    pub(super) fn from(&self) -> Option<Timestamp> {
        Some(self.at?.minus(self.stale_after?))
    }
}
