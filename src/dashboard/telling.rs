//! Which alerts wait to be told, and of which is nobody told?
//!
//! The pipeline replaces it whole when it changes, for pages that say why there is no delivery yet. At most 1,000
//! tellings that wait and the last 1,000 alerts since this start that were too old: of those beyond nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use crate::alerts::AlertId;
use crate::clock::Timestamp;

/// What becomes of alerts that no delivery is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// Those that wait for others of their message, or for the hours of a route: the sink, and until when.
    pub waits: BTreeMap<AlertId, Vec<(String, Timestamp)>>,
    /// Those that were older than `notify_max_age` when they opened.
    pub old: BTreeSet<AlertId>,
}

impl Telling {
    /// Tellings that are kept of each.
    pub const MOST: usize = 1_000;
}
