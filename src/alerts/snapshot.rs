//! What does the book know that its last transitions do not tell?
//!
//! An update that throttling holds back is in no transition yet. The snapshot carries it, and the
//! moments from which quiet and throttling are counted where the alert itself does not show them.
//! It is small: evidence and entities are in it only while they still change, and alerts that
//! their last transition tells whole are not in it at all.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Evidence;
use crate::telemetry::Entity;

use super::AlertId;
use super::entry::Entry;

/// The layout of what follows; another one is refused.
const FORMAT: u8 = 2;

/// What is to be added to one alert as its last transition left it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Addition {
    pub id: AlertId,
    active: Timestamp,
    emitted: Timestamp,
    held: Option<Held>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Held {
    first_seen: Timestamp,
    last_seen: Timestamp,
    count: u64,
    /// The highest that was measured, of an alert that says why it fired.
    peak: Option<f64>,
    late: bool,
    app: Option<Arc<str>>,
    regrown: Option<(Vec<Evidence>, Vec<Entity>)>,
}

impl Addition {
    /// Returns what must be kept of `entry`; `None` if its last transition says it all.
    pub fn of(entry: &Entry) -> Option<Self> {
        let alert = &entry.alert;
        let told = (alert.last_seen.max(alert.opened_at), alert.last_seen);
        if !entry.held && told == (entry.active, entry.emitted) {
            return None;
        }
        let held = entry.held.then(|| Held {
            first_seen: alert.first_seen,
            last_seen: alert.last_seen,
            count: alert.count,
            peak: alert.because.as_ref().map(|because| because.peak),
            late: alert.late,
            app: alert.app.clone(),
            regrown: entry.regrown.then(|| (alert.evidence.clone(), alert.entities.clone())),
        });
        Some(Self { id: alert.id, active: entry.active, emitted: entry.emitted, held })
    }

    /// Adds it to `entry`.
    pub fn apply(self, entry: &mut Entry) {
        (entry.active, entry.emitted) = (self.active, self.emitted);
        let Some(held) = self.held else { return };
        entry.held = true;
        let alert = &mut entry.alert;
        (alert.first_seen, alert.last_seen, alert.count) = (held.first_seen, held.last_seen, held.count);
        (alert.late, alert.app) = (held.late, held.app);
        if let (Some(because), Some(peak)) = (&mut alert.because, held.peak) {
            because.peak = peak;
        }
        if let Some((evidence, entities)) = held.regrown {
            entry.regrown = true;
            (alert.evidence, alert.entities) = (evidence, entities);
        }
    }
}

/// Writes additions down.
pub fn write(additions: &[Addition]) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    bytes.extend(postcard::to_stdvec(additions).expect("writing plain data to memory cannot fail"));
    bytes
}

/// Reads additions back.
pub fn read(bytes: &[u8]) -> Result<Vec<Addition>, String> {
    let mend = "restore the data folder from a backup, or start with an empty one";
    match bytes.split_first() {
        None => Ok(Vec::new()),
        Some((&FORMAT, rest)) => {
            postcard::from_bytes(rest).map_err(|error| format!("the saved alert book cannot be read ({error}): {mend}"))
        }
        Some((other, _)) => {
            Err(format!("the saved alert book has layout {other}, and this version reads layout {FORMAT}: {mend}"))
        }
    }
}
