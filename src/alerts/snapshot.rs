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

use super::entry::Entry;
use super::{AlertId, Member};

/// The layout of what follows; another one is refused.
const FORMAT: u8 = 3;

/// What is to be added to one alert as its last transition left it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Addition {
    pub id: AlertId,
    active: Timestamp,
    emitted: Timestamp,
    held: Option<Held>,
}

/// What has changed of an alert since its last transition, which any rise in level ends.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Held {
    late: bool,
    /// Where it names more entities, or shows more events.
    entities: Option<Vec<Entity>>,
    /// Of each detector that has seen it, in the alert's order.
    seen: Vec<Seen>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
    count: u64,
    /// The highest that was measured, of one that says why it fired.
    peak: Option<f64>,
    app: Option<Arc<str>>,
    evidence: Option<Vec<Evidence>>,
}

impl Seen {
    fn of(member: &Member, regrown: bool) -> Self {
        Self {
            first: member.first_seen,
            last: member.last_seen,
            count: member.count,
            peak: member.because.as_ref().map(|because| because.peak),
            app: member.app.clone(),
            evidence: regrown.then(|| member.evidence.clone()),
        }
    }

    fn apply(self, member: &mut Member) {
        (member.first_seen, member.last_seen, member.count) = (self.first, self.last, self.count);
        member.app = self.app;
        if let (Some(because), Some(peak)) = (&mut member.because, self.peak) {
            because.peak = peak;
        }
        if let Some(evidence) = self.evidence {
            member.evidence = evidence;
        }
    }
}

impl Addition {
    /// Returns what must be kept of `entry`; `None` if its last transition says it all.
    pub fn of(entry: &Entry) -> Option<Self> {
        let alert = &entry.alert;
        let told = (alert.last_seen.max(alert.opened_at), alert.last_seen);
        if !entry.held && told == (entry.active, entry.emitted) {
            return None;
        }
        let held = entry.held.then(|| {
            let members = alert.clone().take_members();
            Held {
                late: alert.late,
                entities: entry.regrown.then(|| alert.entities.clone()),
                seen: members.iter().map(|member| Seen::of(member, entry.regrown)).collect(),
            }
        });
        Some(Self { id: alert.id, active: entry.active, emitted: entry.emitted, held })
    }

    /// Adds it to `entry`.
    pub fn apply(self, entry: &mut Entry) {
        (entry.active, entry.emitted) = (self.active, self.emitted);
        let Some(held) = self.held else { return };
        entry.held = true;
        entry.regrown = held.entities.is_some();
        let alert = &mut entry.alert;
        alert.late = held.late;
        if let Some(entities) = held.entities {
            alert.entities = entities;
        }
        let mut members = alert.take_members();
        for (member, seen) in members.iter_mut().zip(held.seen) {
            seen.apply(member);
        }
        alert.show(members);
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
