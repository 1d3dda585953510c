//! What did a tick find?
//!
//! A detector that fires makes a finding at once. What follows of the same attack is added up:
//! one finding an entity and tick, however many events came, so that a flood costs the alert
//! book little. The order is by time, then detector and entity, the same for any thread.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::detection::kinds::{Firing, Kept, Voice};
use crate::detection::{Because, Evidence, Finding, Level, Observed, Signal};
use crate::telemetry::Entity;

use super::key::{Key, KeyHash};
use super::table::{Episode, Rule};
use super::why::{Told, render};

/// Events that a finding shows at most.
pub const MOST_EVIDENCE: usize = 5;
/// Entities that a finding names at most.
const MOST_ENTITIES: usize = 32;

/// What a tick has found so far.
#[derive(Debug, Default)]
pub struct Found {
    findings: Vec<Noted>,
    /// Findings of this tick that further events of the same attack are added to.
    growing: HashMap<(u16, Key), usize, KeyHash>,
    /// What says that an attack is worse than was known: findings of that event alone, for what a tick adds up depends
    /// on how long the tick is.
    worse: Vec<Noted>,
    /// Entities and values given up because a ceiling was reached.
    pub evicted: u64,
    /// The shard that is being looked at.
    pub shard: u8,
}

/// A finding, and what of it nobody is told.
#[derive(Debug)]
pub struct Noted {
    /// The detector's number.
    pub number: u16,
    /// Whom its state is kept by.
    key: Key,
    /// Where that lies.
    pub shard: u8,
    /// What the event hashes to at which it was found; 0 where time alone found it.
    pub event: u128,
    /// What it says.
    pub finding: Finding,
}

impl Found {
    /// Records that a detector fires at `signal`; returns how many events the finding shows, and how bad it is.
    pub fn fires(&mut self, rule: &Rule<'_>, key: Key, signal: &Signal, mut firing: Firing) -> (usize, Level) {
        let at = signal.time;
        let mut events = std::mem::take(&mut firing.kept);
        events.truncate(MOST_EVIDENCE - 1);
        let examples = examples(&events, signal);
        events.push(Kept { observed: Arc::clone(signal.observed()), level: signal.level, shown: None });
        let because = Because::of(&rule.detector.counting, &firing, at);
        let told = Told {
            because: &because,
            signal,
            count: firing.count,
            distinct: firing.distinct,
            examples: &examples,
            first: firing.first,
            at,
        };
        let why = render(&rule.detector.says, &told);
        let shown = events.len();
        let worst = events.iter().map(|event| event.level).max().unwrap_or(signal.level);
        let mut finding = blank(rule, signal.entity(), signal, firing.level.unwrap_or(worst));
        finding.entities = entities(&finding.entity, events.iter().map(|event| &*event.observed));
        finding.evidence = evidence(events);
        (finding.first, finding.last, finding.count) = (firing.first.min(at), firing.last.max(at), firing.count);
        (finding.fired, finding.why, finding.peak) = (true, why, because.peak);
        finding.because = Some(because);
        let level = finding.level;
        self.growing.remove(&(rule.number, key));
        self.note(rule, key, signal.hash, finding);
        (shown, level)
    }

    /// Records a further event of an attack, with what is measured now.
    pub fn continues(&mut self, rule: &Rule<'_>, key: Key, signal: &Signal, episode: &mut Episode, now: f64) {
        let at = signal.time;
        let place = self.growing.get(&(rule.number, key)).copied().unwrap_or_else(|| {
            let mut finding = blank(rule, episode.entity.clone(), signal, signal.level);
            finding.entities = vec![episode.entity.clone()];
            self.note(rule, key, 0, finding);
            self.growing.insert((rule.number, key), self.findings.len() - 1);
            self.findings.len() - 1
        });
        let Some(Noted { finding, .. }) = self.findings.get_mut(place) else { return };
        finding.count += 1;
        finding.first = finding.first.min(at);
        finding.last = finding.last.max(at);
        finding.at = finding.last;
        finding.level = finding.level.max(signal.level);
        if signal.level > episode.level {
            episode.level = signal.level;
            let mut alone = blank(rule, episode.entity.clone(), signal, signal.level);
            alone.entities = entities(&alone.entity, [&**signal.observed()]);
            (alone.count, alone.evidence) = (1, vec![shown(signal.observed())]);
            let (number, shard) = (rule.number, self.shard);
            self.worse.push(Noted { number, key, shard, event: signal.hash, finding: alone });
        }
        finding.late |= rule.late;
        finding.peak = finding.peak.max(now);
        // The first app that one of them names, however many a tick takes together.
        if finding.app.is_none() {
            finding.app = signal.app().map(Arc::from);
        }
        if episode.unshown > 0 {
            episode.unshown -= 1;
            finding.evidence.push(shown(signal.observed()));
            let known = std::mem::take(&mut finding.entities);
            finding.entities = union(&finding.entity, known.iter().chain(&signal.observed().entities));
        }
    }

    /// Records that time itself makes a detector fire at `at`.
    pub fn elapses(&mut self, rule: &Rule<'_>, key: Key, voice: &Voice, firing: &mut Firing, at: Timestamp) {
        let signal = Signal::new(&voice.observed, &voice.entity, voice.shown.as_deref());
        let mut events = std::mem::take(&mut firing.kept);
        events.truncate(MOST_EVIDENCE - 1);
        let examples = examples(&events, &signal);
        events.push(Kept { observed: Arc::clone(&voice.observed), level: voice.level, shown: None });
        let because = Because::of(&rule.detector.counting, firing, at);
        let Firing { count, distinct, first, .. } = *firing;
        let told = Told { signal: &signal, count, distinct, examples: &examples, first, at, because: &because };
        let why = render(&rule.detector.says, &told);
        let worst = events.iter().map(|event| event.level).max().unwrap_or(voice.level);
        let mut finding = blank(rule, voice.entity.clone(), &signal, firing.level.unwrap_or(worst));
        finding.entities = entities(&voice.entity, events.iter().map(|event| &*event.observed));
        finding.evidence = evidence(events);
        (finding.at, finding.first, finding.last, finding.count) = (at, first, firing.last, count);
        (finding.fired, finding.why, finding.late) = (true, why, false);
        (finding.peak, finding.because) = (because.peak, Some(because));
        self.growing.remove(&(rule.number, key));
        self.note(rule, key, 0, finding);
    }

    /// Records that an entity speaks of which nothing was known: it may have fallen silent before.
    pub fn speaks(&mut self, rule: &Rule<'_>, key: Key, signal: &Signal) {
        let finding = blank(rule, signal.entity(), signal, signal.level);
        self.note(rule, key, 0, finding);
    }

    fn note(&mut self, rule: &Rule<'_>, key: Key, event: u128, finding: Finding) {
        self.findings.push(Noted { number: rule.number, key, shard: self.shard, event, finding });
    }

    /// Returns what has fired so far, or is worse than was known.
    pub fn fired(&self) -> impl Iterator<Item = &Noted> {
        self.findings.iter().filter(|noted| noted.finding.fired).chain(&self.worse)
    }

    /// Returns the findings in order of the time from which on they hold.
    pub fn into_findings(mut self) -> Vec<Finding> {
        let holds = |finding: &Finding| if finding.fired { finding.at } else { finding.first };
        self.findings.sort_by_key(|noted| (holds(&noted.finding), noted.number, noted.key));
        self.findings.into_iter().map(|noted| noted.finding).collect()
    }
}

fn blank(rule: &Rule<'_>, entity: Entity, signal: &Signal, level: Level) -> Finding {
    let at = signal.time;
    Finding {
        detector: Arc::clone(&rule.detector.id),
        entity,
        entities: Vec::new(),
        app: signal.observed().app.clone(),
        owner: None,
        level,
        fired: false,
        at,
        first: at,
        last: at,
        count: 0,
        why: String::new(),
        because: None,
        peak: 0.0,
        evidence: Vec::new(),
        late: rule.late,
    }
}

/// Up to three different values that were shown, the one that fired last.
fn examples(events: &[Kept], signal: &Signal) -> Vec<Arc<str>> {
    let mut examples: Vec<Arc<str>> = Vec::new();
    let own = signal.shown().map(Arc::from);
    for value in events.iter().filter_map(|event| event.shown.as_ref()).chain(&own) {
        if !examples.contains(value) {
            examples.push(Arc::clone(value));
        }
    }
    let spare = examples.len().saturating_sub(3);
    examples.split_off(spare)
}

fn evidence(mut events: Vec<Kept>) -> Vec<Evidence> {
    events.sort_by_key(|event| (event.observed.time, event.observed.hash));
    events.iter().map(|event| shown(&event.observed)).collect()
}

fn shown(observed: &Observed) -> Evidence {
    Evidence {
        position: observed.position,
        time: observed.time,
        category: observed.category,
        record: observed.record.clone(),
    }
}

fn entities<'a>(own: &Entity, events: impl IntoIterator<Item = &'a Observed>) -> Vec<Entity> {
    union(own, events.into_iter().flat_map(|observed| &observed.entities))
}

/// The alert's own entity, then the others in their order, as many as a finding may name.
fn union<'a>(own: &Entity, others: impl Iterator<Item = &'a Entity>) -> Vec<Entity> {
    let others: BTreeSet<&Entity> = others.filter(|&other| other != own).collect();
    std::iter::once(own).chain(others.into_iter().take(MOST_ENTITIES - 1)).cloned().collect()
}
