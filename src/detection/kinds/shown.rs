//! Shown: has any entity shown this value for long?
//!
//! What is new to one entity may be new to all: a release brings an operation, and every caller begins to
//! use it. So beside its entities a detector may follow the values themselves, each as a cell of its own
//! in the shard that its hash names. It is two times, whatever happens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Since when a value has been shown.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Shown {
    since: Timestamp,
    newest: Timestamp,
}

impl Shown {
    /// Returns a value that is shown for the first time at `at`.
    pub fn since(at: Timestamp) -> Self {
        Self { since: at, newest: Timestamp::MIN }
    }

    /// Sees it shown at `at`, which is remembered as coarsely as is said; tells whether it has been for
    /// `settled` then.
    pub fn see(&mut self, settled: Duration, at: Timestamp, coarse: Option<Duration>) -> bool {
        self.since = self.since.min(at);
        self.newest = self.newest.max(at.end_of(coarse));
        at >= self.since.plus(settled)
    }

    /// Returns when it was shown last.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }
}
