//! What has each of several detectors seen of one alert?
//!
//! What they saw is kept apart, and what the alert shows is made of it: in front is the worst, of two as bad
//! the one that fired first, then the first by id. So it does not matter in which order they are heard. As
//! many members as the group has detectors, 64; who opened the alert keeps five events, the others two each.

use std::cmp::Reverse;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::{Attack, Because, Detector, Detectors, Evidence, Family, Finding, Level};

use super::Alert;
use super::entry::{MOST_EVIDENCE, first_few};

/// Events that are kept of a detector which joined an alert.
const MOST_OF_ONE_THAT_JOINED: usize = 2;

/// What one detector has seen of an alert that several see.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// The detector's id.
    pub detector: Arc<str>,
    /// The detector's family.
    pub family: Family,
    /// The worst level any of its findings had.
    pub level: Level,
    /// The detector's title.
    pub title: Arc<str>,
    /// What to do first, from the detector's file.
    pub triage: Arc<str>,
    /// ATT&CK techniques.
    pub attack: Attack,
    /// The threat it belongs to.
    pub threat: Arc<str>,
    /// The app concerned.
    pub app: Option<Arc<str>>,
    /// The first event it matched.
    pub first_seen: Timestamp,
    /// The event at which it fired.
    pub opened_at: Timestamp,
    /// The last event it matched.
    pub last_seen: Timestamp,
    /// Events it matched.
    pub count: u64,
    /// Its sentence.
    pub why: String,
    /// What it rests on.
    pub because: Option<Because>,
    /// A few of its events.
    pub evidence: Vec<Evidence>,
    /// Whether another detector had opened the alert.
    pub joined: bool,
}

impl Member {
    /// Returns what `detector` saw when it found this in an alert that another had opened.
    pub(super) fn joins(detector: &Detector, finding: Finding) -> Self {
        Self {
            detector: finding.detector,
            family: detector.family,
            level: finding.level,
            title: Arc::clone(&detector.title),
            triage: Arc::clone(&detector.triage),
            attack: detector.attack.clone(),
            threat: Arc::clone(&detector.threat),
            app: finding.app,
            first_seen: finding.first,
            opened_at: finding.at,
            last_seen: finding.last,
            count: finding.count,
            why: finding.why,
            because: finding.because,
            evidence: first_few(Vec::new(), finding.evidence, MOST_OF_ONE_THAT_JOINED),
            joined: true,
        }
    }

    /// Adds a finding of its detector; tells whether that is worse than before.
    pub(super) fn add(&mut self, finding: Finding) -> bool {
        let is_worse = finding.level > self.level;
        let peak = self.because.as_ref().map_or(0.0, |because| because.peak).max(finding.peak);
        if finding.fired && is_worse {
            self.why = finding.why;
            self.because = finding.because;
        }
        if let Some(because) = &mut self.because {
            because.peak = because.peak.max(peak);
        }
        self.level = self.level.max(finding.level);
        self.first_seen = self.first_seen.min(finding.first);
        self.last_seen = self.last_seen.max(finding.last);
        self.count = self.count.saturating_add(finding.count);
        if self.app.is_none() {
            self.app = finding.app;
        }
        if !finding.evidence.is_empty() {
            let most = if self.joined { MOST_OF_ONE_THAT_JOINED } else { MOST_EVIDENCE };
            self.evidence = first_few(std::mem::take(&mut self.evidence), finding.evidence, most);
        }
        is_worse
    }

    /// The worst goes first.
    fn place(&self) -> (Reverse<Level>, Timestamp, &str) {
        (Reverse(self.level), self.opened_at, &self.detector)
    }
}

impl Alert {
    /// Returns what it is known by: what its detectors see together, or its one detector.
    pub fn subject(&self) -> &Arc<str> {
        self.group.as_ref().unwrap_or(&self.detector)
    }

    /// Returns what the detectors behind the first have seen, the worst first.
    pub fn also(&self) -> &[Member] {
        self.members.get(1..).unwrap_or_default()
    }

    /// Returns the ids of all detectors that have seen it, the worst first.
    pub fn detectors(&self) -> impl Iterator<Item = &Arc<str>> {
        std::iter::once(&self.detector).chain(self.also().iter().map(|member| &member.detector))
    }

    /// Returns the families of all detectors that have seen it; some more than once.
    pub fn families(&self) -> impl Iterator<Item = Family> {
        std::iter::once(self.family).chain(self.also().iter().map(|member| member.family))
    }

    /// Returns what each of its detectors has seen as an alert by itself.
    pub fn apart(&self) -> Vec<Self> {
        let alone = |member: &Member| {
            let mut alert = Self { members: Vec::new(), group: None, opened_at: member.opened_at, ..self.clone() };
            alert.show(vec![member.clone()]);
            alert
        };
        if self.members.is_empty() { vec![self.clone()] } else { self.members.iter().map(alone).collect() }
    }

    /// Returns the events that are kept of all its detectors, each once, in order of time.
    pub fn all_evidence(&self) -> Vec<&Evidence> {
        let mut all: Vec<&Evidence> = self.evidence.iter().collect();
        all.extend(self.also().iter().flat_map(|member| &member.evidence));
        all.sort_by(|a, b| a.order().cmp(&b.order()));
        all.dedup();
        all
    }

    /// Tells whether `detector` has seen it.
    pub(super) fn is_seen_by(&self, detector: &str) -> bool {
        self.detectors().any(|known| **known == *detector)
    }

    /// Returns the longest that any of its detectors waits for a further event.
    pub(super) fn quiet(&self, detectors: &Detectors) -> Option<std::time::Duration> {
        self.detectors().filter_map(|id| detectors.named(id)).map(|detector| detector.quiet).max()
    }

    /// Takes what each detector has seen out of it: one, or several. [`Alert::show`] puts it back.
    pub(super) fn take_members(&mut self) -> Vec<Member> {
        if !self.members.is_empty() {
            return std::mem::take(&mut self.members);
        }
        vec![Member {
            detector: Arc::clone(&self.detector),
            family: self.family,
            level: self.level,
            title: Arc::clone(&self.title),
            triage: Arc::clone(&self.triage),
            attack: std::mem::take(&mut self.attack),
            threat: Arc::clone(&self.threat),
            app: self.app.take(),
            first_seen: self.first_seen,
            opened_at: self.opened_at,
            last_seen: self.last_seen,
            count: self.count,
            why: std::mem::take(&mut self.why),
            because: self.because.take(),
            evidence: std::mem::take(&mut self.evidence),
            joined: false,
        }]
    }

    /// Shows what its detectors have seen.
    pub(super) fn show(&mut self, mut members: Vec<Member>) {
        members.sort_by(|a, b| a.place().cmp(&b.place()));
        let apps = members.iter().find_map(|member| member.app.clone());
        let counts = members.iter().map(|member| member.count);
        self.count = counts.fold(0, u64::saturating_add);
        self.first_seen = members.iter().map(|member| member.first_seen).min().unwrap_or(self.first_seen);
        self.last_seen = members.iter().map(|member| member.last_seen).max().unwrap_or(self.last_seen);
        self.app = apps;
        let front = if members.len() > 1 { members.first().cloned() } else { members.pop() };
        let Some(front) = front else { return };
        self.detector = front.detector;
        self.family = front.family;
        self.level = front.level;
        self.title = front.title;
        self.triage = front.triage;
        self.attack = front.attack;
        self.threat = front.threat;
        self.why = front.why;
        self.because = front.because;
        self.evidence = front.evidence;
        self.members = members;
    }
}
