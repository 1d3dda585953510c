//! Where does the threat model come from?
//!
//! What is intended stands in one file, what is configured in folders that a deployment writes: both
//! are read anew while the daemon runs, and nothing is downloaded.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::duration;

/// Where the threat model comes from: `[posture]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostureSettings {
    /// What is intended: `model.yaml`.
    pub model: Option<PathBuf>,
    /// Folders and files of what is configured, as `gatewatch threats check` takes them.
    pub configured: Vec<PathBuf>,
    /// How often those are read anew.
    #[serde(with = "duration")]
    pub read_every: Duration,
    /// For how long what events prove counts once it was seen last, in event time.
    #[serde(with = "duration")]
    pub stale_after: Duration,
}

impl Default for PostureSettings {
    fn default() -> Self {
        let (read_every, stale_after) = (Duration::from_mins(1), Duration::from_hours(30 * 24));
        Self { model: None, configured: Vec::new(), read_every, stale_after }
    }
}
