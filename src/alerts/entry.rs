//! One alert in the book, and how findings add to it.
//!
//! What findings add is a sum, a smallest, a largest or a smallest few, so it does not matter how
//! the events of an attack were divided into findings. The why is that of the worst firing, and the
//! highest that was measured that of them all.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::detection::{Detector, Evidence, Finding};
use crate::telemetry::{Category, Entity, Position};

use super::{Alert, AlertId, AlertState, Change, Closing, Transition};

/// Entities of an alert at most.
const MOST_ENTITIES: usize = 32;
/// Events that an alert shows at most.
const MOST_EVIDENCE: usize = 5;

/// An alert, and what the book must know of it beyond what it shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub alert: Alert,
    /// The last event or firing: quiet and cooldown are counted from here.
    pub active: Timestamp,
    /// The event time of its last transition.
    pub emitted: Timestamp,
    /// Whether it has changed since.
    pub held: bool,
    /// Whether what it shows has changed since.
    pub regrown: bool,
    /// When it is looked at next, in its detector's queue.
    pub due: Timestamp,
    /// Its place in the order in which alerts give way.
    pub place: (bool, Timestamp),
}

impl Entry {
    /// Returns a new alert of what `detector` has found.
    pub fn open(fingerprint: u64, detector: &Detector, finding: Finding) -> Self {
        let alert = Alert {
            id: alert_id(fingerprint, finding.at),
            fingerprint,
            revision: 0,
            detector: finding.detector,
            family: detector.family,
            level: finding.level,
            title: Arc::clone(&detector.title),
            entities: union(&finding.entity, Vec::new(), finding.entities),
            entity: finding.entity,
            app: finding.app,
            owner: finding.owner,
            first_seen: finding.first,
            opened_at: finding.at,
            last_seen: finding.last,
            count: finding.count,
            why: finding.why,
            because: finding.because,
            triage: Arc::clone(&detector.triage),
            attack: detector.attack.clone(),
            threat: Arc::clone(&detector.threat),
            state: AlertState::Open,
            assignee: None,
            closing: None,
            evidence: first_few(Vec::new(), finding.evidence),
            late: finding.late,
        };
        Self { emitted: finding.at.max(finding.last), ..Self::kept(alert) }
    }

    /// Returns an alert as it was when its last transition was emitted.
    pub fn kept(alert: Alert) -> Self {
        Self {
            active: alert.last_seen.max(alert.opened_at),
            emitted: alert.last_seen,
            held: false,
            regrown: false,
            due: Timestamp::MAX,
            place: (false, Timestamp::MAX),
            alert,
        }
    }

    /// Adds a finding; tells whether the alert is worse than before.
    fn add(&mut self, finding: Finding) -> bool {
        let alert = &mut self.alert;
        let is_worse = finding.level > alert.level;
        let peak = alert.because.as_ref().map_or(0.0, |because| because.peak).max(finding.peak);
        if finding.fired && is_worse {
            alert.why = finding.why;
            alert.because = finding.because;
        }
        if let Some(because) = &mut alert.because {
            because.peak = because.peak.max(peak);
        }
        alert.level = alert.level.max(finding.level);
        alert.first_seen = alert.first_seen.min(finding.first);
        alert.last_seen = alert.last_seen.max(finding.last);
        alert.count = alert.count.saturating_add(finding.count);
        alert.late |= finding.late;
        if alert.app.is_none() {
            alert.app = finding.app;
        }
        if !finding.evidence.is_empty() {
            self.regrown = true;
            alert.evidence = first_few(std::mem::take(&mut alert.evidence), finding.evidence);
            alert.entities = union(&alert.entity, std::mem::take(&mut alert.entities), finding.entities);
        }
        self.active = self.active.max(finding.last).max(finding.at);
        is_worse
    }

    /// Adds a finding; returns the update if it is worth one now.
    pub fn extend(&mut self, finding: Finding, update_every: Duration) -> Option<Transition> {
        let newest = finding.last;
        if self.add(finding) || newest >= self.emitted.plus(update_every) {
            return Some(self.emit(Change::Events));
        }
        self.held = true;
        None
    }

    /// Returns the opening.
    pub fn open_now(&mut self) -> Transition {
        self.told();
        Transition::Opened(self.alert.clone())
    }

    /// Opens it again with a finding.
    pub fn reopen(&mut self, finding: Finding) -> Transition {
        self.add(finding);
        self.alert.state = AlertState::Open;
        self.alert.closing = None;
        self.alert.assignee = None;
        self.emit(Change::Reopened)
    }

    /// Closes it.
    pub fn close(&mut self, closing: Closing) -> Transition {
        self.alert.state = AlertState::Closed;
        self.alert.closing = Some(closing.clone());
        self.told();
        Transition::Closed(self.alert.clone(), closing)
    }

    /// Returns an update with all that was held back.
    pub fn emit(&mut self, change: Change) -> Transition {
        self.told();
        Transition::Updated(self.alert.clone(), change)
    }

    fn told(&mut self) {
        self.alert.revision += 1;
        self.emitted = self.emitted.max(self.alert.last_seen);
        (self.held, self.regrown) = (false, false);
    }

    /// Tells whether it is open or acknowledged.
    pub fn is_open(&self) -> bool {
        self.alert.state != AlertState::Closed
    }

    /// Tells whether a person closed it.
    pub fn closed_by_person(&self) -> bool {
        matches!(self.alert.closing, Some(Closing::ByPerson { .. }))
    }

    /// Returns how long after its last event a closed alert is remembered, to be opened again. One
    /// that was closed because its entity speaks again, for as long as it would have stayed open:
    /// what comes and goes all day is one alert.
    pub fn memory(&self, quiet: Duration, cooldown: Duration) -> Duration {
        if self.alert.closing == Some(Closing::Resumed) { quiet.max(cooldown) } else { cooldown }
    }

    /// Returns when it must be looked at next.
    pub fn next_due(&self, quiet: Duration, cooldown: Duration, update_every: Duration) -> Timestamp {
        let over = self.active.plus(if self.is_open() { quiet } else { self.memory(quiet, cooldown) });
        if self.held { over.min(self.emitted.plus(update_every)) } else { over }
    }
}

/// Returns the first events by time and content: the same few, whatever order they come in.
fn first_few(mut known: Vec<Evidence>, more: Vec<Evidence>) -> Vec<Evidence> {
    fn order(event: &Evidence) -> (Timestamp, Category, Option<&str>, Position) {
        (event.time, event.category, event.record.as_deref(), event.position)
    }
    known.extend(more);
    known.sort_by(|a, b| order(a).cmp(&order(b)));
    known.dedup();
    known.truncate(MOST_EVIDENCE);
    known
}

/// Returns the alert's own entity, then the first of the others in their order.
fn union(own: &Entity, mut known: Vec<Entity>, more: Vec<Entity>) -> Vec<Entity> {
    known.extend(more);
    known.retain(|entity| entity != own);
    known.sort_unstable();
    known.dedup();
    known.truncate(MOST_ENTITIES - 1);
    known.insert(0, own.clone());
    known
}

/// Returns what findings of one detector for one entity have in common.
pub fn fingerprint(detector: &str, entity: &Entity) -> u64 {
    let mut hash = Sha256::new();
    for part in [detector, entity.kind.name(), &entity.value] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    first_eight(hash)
}

fn alert_id(fingerprint: u64, opened_at: Timestamp) -> AlertId {
    let mut hash = Sha256::new();
    hash.update(fingerprint.to_be_bytes());
    hash.update(opened_at.nanos().to_be_bytes());
    AlertId(first_eight(hash))
}

fn first_eight(hash: Sha256) -> u64 {
    hash.finalize().iter().take(8).fold(0, |id, &byte| id << 8 | u64::from(byte))
}
