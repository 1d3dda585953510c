//! What does stage 2 hold for the threat model?
//!
//! What was observed, the newest reading of configuration and what has changed. A reading is an input as
//! what people do is: it is journalled with how far event time had come, which is the time of all alerts
//! that follow from it, and it becomes durable with them, so that a restart tells none a second time.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alerts::Transition;
use crate::clock::Timestamp;
use crate::detection::drifting::CONTROL_WEAKENED;
use crate::detection::{Detectors, Finding};
use crate::posture::configured::Sort;
use crate::posture::intended::Intended;
use crate::posture::living::{Alerted, Drift, DriftKind, Readings, Setup, Sources, Weakened};
use crate::posture::observed::{Observed, Seeing};
use crate::store::{PostureRows, Reload};
use crate::telemetry::{Entity, EntityKind};

use super::core::Core;

/// The value of an epoch that holds the newest reading.
pub(super) const POSTURE: &str = "posture";
/// Changes kept.
const MAX_DRIFTS: usize = 10_000;
/// Alerts of which the threat model is told.
const MAX_ALERTS: usize = 10_000;
/// No two readings are of one moment, or what came of one would be taken for the other's.
const APART: std::time::Duration = std::time::Duration::from_millis(1);

/// Configuration as it was read.
#[derive(Debug)]
pub struct Reading {
    /// What is configured.
    pub configured: Setup,
    /// SHA-256 of what was read, by the path that was named.
    pub sums: BTreeMap<String, String>,
    /// When it was read, wall time.
    pub at: Timestamp,
}

/// What stage 2 holds for the threat model.
#[derive(Debug, Default)]
pub struct Posture {
    /// What was observed.
    pub observed: Observed,
    /// What is configured, by the newest reading of this run.
    pub configured: Arc<Setup>,
    readings: Readings,
    /// The newest last.
    drifts: Vec<Drift>,
    /// Of those, what no epoch has said yet.
    unsaid: usize,
    /// Whether the reading is one that no epoch has said yet.
    fresh: bool,
    /// Counts changes beside those of `observed`.
    version: u64,
}

impl Posture {
    /// Goes on from what was kept.
    ///
    /// # Errors
    ///
    /// Says that the newest reading can't be read.
    pub(super) fn restored(rows: &PostureRows, reading: Option<&Vec<u8>>) -> Result<Self, String> {
        let readings = match reading {
            Some(bytes) => postcard::from_bytes(bytes)
                .map_err(|error| format!("the reading of what is configured can't be read: {error}"))?,
            None => Readings::default(),
        };
        let drifts = rows.drifts.iter().filter_map(|bytes| postcard::from_bytes(bytes).ok()).collect();
        Ok(Self { observed: Observed::restore(&rows.rows), readings, drifts, ..Self::default() })
    }

    /// Returns the newest reading, if it has to be kept.
    pub(super) fn save(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.fresh).then(|| postcard::to_stdvec(&self.readings).ok()).flatten()
    }

    /// Returns what has to be kept beside it.
    pub(super) fn rows(&mut self) -> PostureRows {
        let from = self.drifts.len().saturating_sub(std::mem::take(&mut self.unsaid));
        let drifts = self.drifts[from..].iter().filter_map(|drift| postcard::to_stdvec(drift).ok()).collect();
        PostureRows { rows: self.observed.rows(), drifts }
    }

    fn drift(&mut self, drifts: Vec<Drift>) {
        self.version += 1;
        self.unsaid += drifts.len();
        self.drifts.extend(drifts);
        let over = self.drifts.len().saturating_sub(MAX_DRIFTS);
        self.drifts.drain(..over);
        self.unsaid = self.unsaid.min(self.drifts.len());
    }

    /// Returns what tells whether anything has changed.
    pub(super) fn version(&self) -> (u64, u64) {
        (self.observed.version, self.version)
    }

    /// Returns what has changed, the newest first.
    pub fn drifts(&self) -> Vec<Drift> {
        let mut drifts: Vec<Drift> = self.drifts.iter().rev().cloned().collect();
        // What events prove is told later than what happened after it.
        drifts.sort_by_key(|drift| std::cmp::Reverse(drift.at));
        drifts
    }
}

impl Core {
    /// Adds what a batch proves.
    pub(super) fn see(&mut self, seeing: Seeing) {
        if self.durable {
            self.posture.observed.add(seeing);
        }
    }

    /// Returns what the threat model needs.
    pub fn posture(&self) -> &Posture {
        &self.posture
    }

    /// Takes a reading of configuration: what got weaker since the one before opens alerts, what has healed
    /// closes them.
    pub fn configured(&mut self, reading: Reading, intended: &Intended) -> Vec<Transition> {
        let event = self.watermarks.newest().map_or(reading.at, |newest| newest.max(self.advanced));
        let event = self.posture.readings.at.map_or(event, |last| event.max(last.plus(APART)));
        let mut configured = reading.configured;
        configured.at = Some(event);
        self.reloads.push(Reload { at: reading.at, files: reading.sums, event: Some(event) });
        self.posture.configured = Arc::new(configured);
        self.compared(intended, event)
    }

    /// Holds the newest reading against what is meant now: what is accepted from now on heals.
    pub fn meant(&mut self, intended: &Intended) -> Vec<Transition> {
        match self.posture.configured.at {
            Some(at) => self.compared(intended, at),
            None => Vec::new(),
        }
    }

    fn compared(&mut self, intended: &Intended, event: Timestamp) -> Vec<Transition> {
        let configured = self.posture.configured.clone();
        let mut changes = self.posture.readings.next(&configured, intended, &self.posture.observed, event);
        let findings: Vec<Finding> = changes.weakened.iter().map(|weakened| finding(weakened, event)).collect();
        let findings = self.surround(findings);
        self.count(&findings);
        let mut transitions = self.book.apply(&self.detectors, findings);
        if let Some(detector) = Detectors::default().named(CONTROL_WEAKENED) {
            let healed = changes.healed.iter().map(|(sort, part)| entity(*sort, part, None));
            transitions.extend(healed.filter_map(|entity| self.book.heal(detector, &entity)));
        }
        for drift in &mut changes.drifts {
            let tells = |transition: &&Transition| {
                let opens = !matches!(transition, Transition::Closed(..));
                opens == (drift.kind == DriftKind::Weaker) && transition.alert().entity.value == drift.part
            };
            drift.alert = transitions.iter().find(tells).map(|tells| tells.alert().id.to_string().into());
        }
        self.posture.drift(changes.drifts);
        self.posture.fresh = true;
        transitions
    }

    /// Notes what has changed of the threat model by what events prove.
    pub fn drifted(&mut self, drifts: Vec<Drift>) {
        self.posture.drift(drifts);
    }

    /// Returns what the threat model is made from, but for what only the board knows.
    pub fn sources(&self, intended: &Arc<Intended>) -> Sources {
        let open = self.book.alerts().filter(|alert| alert.state != crate::alerts::AlertState::Closed);
        let mut alerts: Vec<Alerted> = open.map(alerted).collect();
        alerts.sort_by(|a, b| (b.level, &a.id).cmp(&(a.level, &b.id)));
        alerts.truncate(MAX_ALERTS);
        Sources {
            configured: self.posture.configured.clone(),
            intended: intended.clone(),
            observed: Arc::new(self.posture.observed.clone()),
            alerts,
            drifts: self.posture.drifts(),
            at: self.watermarks.newest().map(|newest| newest.max(self.advanced)),
            ..Sources::default()
        }
    }
}

/// Returns an alert as the threat model sees it: of the parts that it names, its own entity first.
fn alerted(alert: &crate::alerts::Alert) -> Alerted {
    let is_part =
        |entity: &&Entity| matches!(entity.kind, EntityKind::App | EntityKind::Function | EntityKind::Gateway);
    let mut names: Vec<Arc<str>> = alert.entities.iter().filter(is_part).map(|entity| entity.value.clone()).collect();
    names.extend(alert.app.clone());
    names.dedup();
    let mut detectors: Vec<Arc<str>> = alert.members.iter().map(|member| member.detector.clone()).collect();
    if !detectors.contains(&alert.detector) {
        detectors.insert(0, alert.detector.clone());
    }
    Alerted {
        id: alert.id.to_string().into(),
        detectors,
        threat: alert.threat.clone(),
        level: alert.level,
        names,
        why: alert.why.as_str().into(),
        first: alert.first_seen,
        last: alert.last_seen,
        count: alert.count,
    }
}

/// Returns the entity that stands for a part: what lies in a gateway is a gateway's, by its whole name.
fn entity(sort: Sort, part: &Arc<str>, of: Option<&Arc<str>>) -> Entity {
    let kind = match sort {
        Sort::Function => EntityKind::Function,
        Sort::Gateway
        | Sort::Api
        | Sort::Operation
        | Sort::Product
        | Sort::Backend
        | Sort::NamedValue
        | Sort::Diagnostic
        | Sort::Policy => EntityKind::Gateway,
        Sort::App | Sort::Secret | Sort::Storage | Sort::Vault | Sort::Role | Sort::File => EntityKind::App,
    };
    Entity::new(kind, of.unwrap_or(part).clone())
}

fn finding(weakened: &Weakened, at: Timestamp) -> Finding {
    let own = entity(weakened.sort, &weakened.part, None);
    let mut entities = vec![own.clone()];
    let site = weakened.part.split('/').next().unwrap_or_default();
    if site != &*weakened.part {
        let kind = if own.kind == EntityKind::Gateway { EntityKind::Gateway } else { EntityKind::App };
        entities.push(Entity::new(kind, site));
    }
    if let Some(write) = &weakened.write {
        entities.push(Entity::new(EntityKind::Identity, write.by.clone()));
        if write.from.parse::<std::net::IpAddr>().is_ok() {
            entities.push(Entity::new(EntityKind::Ip, write.from.clone()));
        }
    }
    let app = matches!(own.kind, EntityKind::App | EntityKind::Function).then(|| Arc::from(site));
    Finding {
        detector: CONTROL_WEAKENED.into(),
        entity: own,
        entities,
        app,
        owner: None,
        level: weakened.level,
        fired: true,
        at,
        first: weakened.write.as_ref().map_or(at, |write| write.at),
        last: at,
        count: weakened.count as u64,
        why: weakened.says.clone(),
        because: None,
        peak: 0.0,
        evidence: Vec::new(),
        late: false,
    }
}
