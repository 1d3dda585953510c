//! One alert in the book, and how findings add to it.
//!
//! What findings add is a sum, a smallest, a largest or a smallest few, so it does not matter how
//! the events of an attack were divided into findings. The why is that of the worst firing of the worst
//! detector, and the highest that was measured that of all its findings.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::detection::{Detector, Evidence, Finding};
use crate::telemetry::Entity;

use super::{Alert, AlertId, AlertState, Change, Closing, Member, Transition};

/// Entities of an alert at most.
const MOST_ENTITIES: usize = 32;
/// Events that are kept of the detector that opened an alert.
pub const MOST_EVIDENCE: usize = 5;

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
            group: detector.group.clone(),
            members: Vec::new(),
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
            evidence: first_few(Vec::new(), finding.evidence, MOST_EVIDENCE),
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

    /// Adds a finding of one of its detectors, or the first of another; returns what is worth telling at
    /// once: that it is worse, that another detector sees it too, or that one behind the first finds it worse.
    fn add(&mut self, detector: &Detector, mut finding: Finding) -> Option<Change> {
        let alert = &mut self.alert;
        let before = alert.level;
        self.active = self.active.max(finding.last).max(finding.at);
        alert.late |= finding.late;
        if !finding.evidence.is_empty() {
            self.regrown = true;
            let more = std::mem::take(&mut finding.entities);
            alert.entities = union(&alert.entity, std::mem::take(&mut alert.entities), more);
        }
        let mut members = alert.take_members();
        let known = members.iter_mut().find(|member| member.detector == finding.detector);
        let change = if let Some(member) = known {
            member.add(finding).then_some(Change::Events)
        } else {
            members.push(Member::joins(detector, finding));
            Some(Change::Joined { detector: Arc::clone(&detector.id) })
        };
        alert.show(members);
        if alert.level > before { Some(Change::Raised { from: before }) } else { change }
    }

    /// Adds a finding; returns the update if it is worth one now.
    pub fn extend(&mut self, detector: &Detector, finding: Finding, update_every: Duration) -> Option<Transition> {
        let newest = finding.last;
        let change = self.add(detector, finding);
        let due = newest >= self.emitted.plus(update_every);
        if let Some(change) = change.or(due.then_some(Change::Events)) {
            return Some(self.emit(change));
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
    pub fn reopen(&mut self, detector: &Detector, finding: Finding) -> Transition {
        self.add(detector, finding);
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
pub fn first_few(mut known: Vec<Evidence>, more: Vec<Evidence>, most: usize) -> Vec<Evidence> {
    known.extend(more);
    known.sort_by(|a, b| a.order().cmp(&b.order()));
    known.dedup();
    known.truncate(most);
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

/// Returns what findings about one entity have in common, of one detector or of those that see the same.
pub fn fingerprint(subject: &str, entity: &Entity) -> u64 {
    let mut hash = Sha256::new();
    for part in [subject, entity.kind.name(), &entity.value] {
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
