//! What does stage 2 hold for the threat model?
//!
//! What was observed, the newest reading of configuration and what has changed. A reading is an input as
//! what people do is: it is journalled with how far event time had come, which is the time of all alerts
//! that follow from it, and it becomes durable with them, so that a restart tells none a second time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::alerts::{Alert, Closing, Transition};
use crate::clock::{Lanes, Timestamp};
use crate::detection::drifting::CONTROL_WEAKENED;
use crate::detection::{Detectors, Finding};
use crate::posture::configured::Sort;
use crate::posture::intended::Intended;
use crate::posture::living::{Changes, Drift, DriftKind, Readings, Setup, Sources, Weakened, called, written};
use crate::posture::observed::{Observed, Seeing, Write};
use crate::store::{PostureRows, Reload};
use crate::telemetry::{Entity, EntityKind};

use super::alerted::alerted;
use super::core::Core;

/// The value of an epoch that holds the newest reading.
pub(super) const POSTURE: &str = "posture";
/// Changes kept.
const MAX_DRIFTS: usize = 10_000;
/// Alerts of which the threat model is told.
const MAX_ALERTS: usize = 10_000;
/// No two readings are of one moment, or what came of one would be taken for the other's.
const APART: Duration = Duration::from_millis(1);

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
    /// Whether this run has read what is configured.
    taken: bool,
    /// When the next acceptance ends of what is not as it should be.
    ends: Option<Timestamp>,
    /// Writes that were told, by a hash: as many as changes are kept, twice at most.
    written: HashSet<u64>,
    /// Counts changes beside those of `observed`.
    version: u64,
}

impl Posture {
    /// Returns nothing yet; what is observed counts for so long.
    pub(super) fn new(counts_for: Duration) -> Self {
        let mut new = Self::default();
        new.observed.counts_for = counts_for;
        new
    }

    /// Goes on from what was kept. A reading that can't be read any more is passed over: the next is the
    /// first.
    pub(super) fn restored(rows: &PostureRows, reading: Option<&Vec<u8>>, counts_for: Duration) -> Self {
        let readings = reading.map(|bytes| Readings::restore(bytes)).transpose();
        let readings = readings.unwrap_or_else(|error| {
            tracing::warn!(
                "The reading of what is configured that was kept can't be read ({error}): the next one is the first, and \
                 what changed meanwhile is not told."
            );
            None
        });
        let drifts: Vec<Drift> = rows.drifts.iter().filter_map(|bytes| postcard::from_bytes(bytes).ok()).collect();
        let (readings, written) = (readings.unwrap_or_default(), told(&drifts));
        let mut observed = Observed::restore(&rows.rows);
        observed.counts_for = counts_for;
        Self { observed, readings, drifts, written, ..Self::default() }
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

    /// Notes when an event happened, as long as none is said to be the first.
    pub(super) fn came(&mut self, at: Timestamp) {
        if self.readings.before_events && self.readings.oldest.is_none_or(|oldest| at < oldest) {
            (self.readings.oldest, self.fresh) = (Some(at), true);
        }
    }

    /// Tells of writes to the control plane, late ones too, each once; returns how many are new.
    fn tell(&mut self, writes: &[Write]) -> u64 {
        if self.written.len() > 2 * MAX_DRIFTS {
            self.written = told(&self.drifts);
        }
        let all = writes.iter().filter_map(written);
        let new: Vec<Drift> = all.filter(|drift| self.written.insert(hash(drift))).collect();
        let many = new.len() as u64;
        if many > 0 {
            self.drift(new);
        }
        many
    }

    /// Returns what tells whether anything has changed.
    const fn version(&self) -> (u64, u64) {
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
    /// Adds what a batch proves; returns how many writes to the control plane it tells of.
    pub(super) fn see(&mut self, seeing: Seeing) -> u64 {
        if !self.durable {
            return 0;
        }
        let writes = self.posture.tell(seeing.writes());
        self.posture.observed.add(seeing);
        writes
    }

    /// Returns what the threat model needs.
    pub fn posture(&self) -> &Posture {
        &self.posture
    }

    /// Tells whether a reading is known, of this run or kept from one before.
    pub fn has_reading(&self) -> bool {
        self.posture.readings.at.is_some()
    }

    /// Takes a reading of configuration: what got weaker since the one before opens alerts, what has healed
    /// closes them. Its time is how far event time has come. Before any event there is none: then the clock's
    /// is taken, which is journalled, and no event is said to have come before it.
    pub fn configured(&mut self, reading: Reading, intended: &Intended) -> Vec<Transition> {
        let event = self.newest_event();
        let configured = Arc::new(reading.configured);
        if !std::mem::replace(&mut self.posture.taken, true) {
            // What ended while nobody read is told by what is configured now.
            self.posture.configured = configured.clone();
            self.posture.ends = self.posture.readings.ends(intended);
        }
        self.begin(intended);
        let mut transitions = self.end_acceptances(self.watermarks.of(Lanes::ALL), intended);
        let at =
            self.moment().map_or(reading.at, |moment| if event.is_none() { moment.max(reading.at) } else { moment });
        self.posture.configured = configured;
        Arc::make_mut(&mut self.posture.configured).at = event.map(|_| at);
        self.reloads.push(Reload { at: reading.at, files: reading.sums, event: event.map(|_| at) });
        self.posture.readings.before_events = event.is_none();
        transitions.extend(self.compared(intended, at));
        transitions
    }

    /// Returns of when is what follows now: as far as event time has come, and after what followed last.
    pub fn moment(&self) -> Option<Timestamp> {
        let after = self.posture.readings.last().map(|last| last.plus(APART));
        let event = self.newest_event();
        // The clock's time is none of events.
        after.filter(|_| event.is_none() || !self.posture.readings.before_events).max(event)
    }

    /// Holds the newest reading against what is meant now, as of [`Self::moment`]: what is accepted from now on
    /// heals.
    pub fn meant(&mut self, intended: &Intended) -> Vec<Transition> {
        self.begin(intended);
        match self.moment().filter(|_| self.posture.taken) {
            Some(at) => self.compared(intended, at),
            None => Vec::new(),
        }
    }

    /// Returns what tells whether the threat model has changed: what it is made from, and the hour of events,
    /// for what was seen long ago does not count any more.
    pub(super) fn posture_version(&self) -> (u64, u64, i64) {
        let (observed, other) = self.posture.version();
        (observed, other, self.newest_event().map_or(0, |newest| newest.nanos() / 3_600_000_000_000))
    }

    /// Returns how far event time has come, watermarks aside.
    fn newest_event(&self) -> Option<Timestamp> {
        self.watermarks.newest().map(|newest| newest.max(self.advanced))
    }

    /// Notes that the first event has come, if one has.
    fn begin(&mut self, intended: &Intended) {
        if let Some(newest) = self.newest_event().filter(|_| self.posture.readings.before_events) {
            let first = self.posture.readings.oldest.unwrap_or(newest);
            self.posture.readings.begin(intended, first);
            (self.posture.fresh, self.posture.ends) = (true, self.posture.readings.ends(intended));
        }
    }

    /// Lets acceptances end that event time has passed: what was accepted gets weaker, each at its end. Which
    /// event is the first of all is known once no older one can come.
    pub(super) fn end_acceptances(&mut self, until: Timestamp, intended: &Intended) -> Vec<Transition> {
        let Some(newest) = self.newest_event().filter(|_| self.posture.taken && until > Timestamp::MIN) else {
            return Vec::new();
        };
        let until = until.min(newest);
        if self.posture.readings.before_events {
            if self.posture.readings.oldest.is_some_and(|oldest| until < oldest) {
                return Vec::new();
            }
            self.begin(intended);
        }
        let mut transitions = Vec::new();
        while let Some(end) = self.posture.ends.filter(|end| *end <= until) {
            let configured = self.posture.configured.clone();
            let changes = self.posture.readings.end((&configured, intended, &self.posture.observed), end);
            transitions.extend(self.follow(changes, intended, end));
        }
        transitions
    }

    fn compared(&mut self, intended: &Intended, event: Timestamp) -> Vec<Transition> {
        let configured = self.posture.configured.clone();
        if let Some(newest) = self.newest_event() {
            self.posture.readings.passed(self.watermarks.of(Lanes::ALL).min(newest));
        }
        let changes = self.posture.readings.next(&configured, intended, &self.posture.observed, event);
        self.follow(changes, intended, event)
    }

    /// Returns what follows from changes, as of `event`.
    fn follow(&mut self, mut changes: Changes, intended: &Intended, event: Timestamp) -> Vec<Transition> {
        let findings: Vec<Finding> = changes.weakened.iter().map(|weakened| finding(weakened, event)).collect();
        let findings = self.surround(findings);
        self.count(&findings);
        let mut transitions = self.book.apply(&self.detectors, findings);
        if let Some(detector) = Detectors::default().named(CONTROL_WEAKENED) {
            let weak: HashSet<Entity> = self.posture.readings.weak().map(|(sort, part)| entity(sort, part)).collect();
            let closed = changes.healed.iter().map(|part| (part, Closing::Healed));
            let gone = changes.gone.iter().map(|part| (part, Closing::Gone));
            for ((sort, part), closing) in closed.chain(gone) {
                let entity = entity(*sort, part);
                if !weak.contains(&entity) {
                    transitions.extend(self.book.heal(detector, &entity, closing));
                }
            }
        }
        let told = |transition: &Transition| {
            let opens = !matches!(transition, Transition::Closed(..));
            let alert = transition.alert();
            ((opens, alert.entity.clone()), Arc::from(alert.id.to_string()))
        };
        // Of several that tell of one part the first.
        let told: HashMap<(bool, Entity), Arc<str>> = transitions.iter().rev().map(told).collect();
        for (sort, drift) in &mut changes.drifts {
            drift.alert = told.get(&(drift.kind == DriftKind::Weaker, entity(*sort, &drift.part))).cloned();
        }
        self.posture.drift(changes.drifts.into_iter().map(|(_, drift)| drift).collect());
        self.posture.fresh = true;
        self.posture.ends = self.posture.readings.ends(intended);
        transitions
    }

    /// Notes what has changed of the threat model by what events prove.
    pub fn drifted(&mut self, drifts: Vec<Drift>) {
        self.posture.drift(drifts);
    }

    /// Returns what the threat model is made from, but for what only the board knows.
    pub fn sources(&self, intended: &Arc<Intended>) -> Sources {
        let open = self.book.alerts().filter(|alert| alert.state != crate::alerts::AlertState::Closed);
        let mut open: Vec<&Alert> = open.collect();
        open.sort_by_cached_key(|alert| (std::cmp::Reverse(alert.level), alert.id.to_string()));
        let alerts = open.into_iter().take(MAX_ALERTS).map(alerted).collect();
        Sources {
            configured: self.posture.configured.clone(),
            intended: intended.clone(),
            observed: Arc::new(self.posture.observed.clone()),
            alerts,
            drifts: self.posture.drifts(),
            at: self.newest_event(),
            ..Sources::default()
        }
    }
}

/// Returns the hashes of the writes among changes.
fn told(drifts: &[Drift]) -> HashSet<u64> {
    drifts.iter().filter(|drift| drift.kind == DriftKind::Written).map(hash).collect()
}

fn hash(drift: &Drift) -> u64 {
    let (by, from) = drift.by.as_ref().map_or(("", ""), |(by, from)| (by, from));
    let text = format!("{}\n{}\n{by}\n{from}\n{}", drift.at.nanos(), drift.part, drift.says);
    xxhash_rust::xxh3::xxh3_64(text.as_bytes())
}

/// Returns the entity that stands for a part: what lies in a gateway is a gateway's, by its whole name; what
/// may have the name of something else has its sort before it.
fn entity(sort: Sort, part: &Arc<str>) -> Entity {
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
    Entity::new(kind, called(sort, part))
}

fn finding(weakened: &Weakened, at: Timestamp) -> Finding {
    let own = entity(weakened.sort, &weakened.part);
    let mut entities = vec![own.clone()];
    let above = weakened.of.as_ref().unwrap_or(&weakened.part);
    let site: Arc<str> = above.split('/').next().unwrap_or_default().into();
    let of_app = matches!(weakened.sort, Sort::App | Sort::Function | Sort::Secret);
    let kind = if own.kind == EntityKind::Gateway { EntityKind::Gateway } else { EntityKind::App };
    if (of_app || kind == EntityKind::Gateway) && *site != *own.value {
        entities.push(Entity::new(kind, site.clone()));
    }
    if let Some(write) = &weakened.write {
        entities.push(Entity::new(EntityKind::Identity, write.by.clone()));
        if write.from.parse::<std::net::IpAddr>().is_ok() {
            entities.push(Entity::new(EntityKind::Ip, write.from.clone()));
        }
    }
    Finding {
        detector: CONTROL_WEAKENED.into(),
        entity: own,
        entities,
        app: of_app.then_some(site),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn weakened(sort: Sort, part: &str, of: Option<&str>) -> Weakened {
        let (part, of, says) = (part.into(), of.map(Into::into), String::new());
        Weakened { sort, part, of, level: crate::posture::Level::High, count: 1, says, write: None }
    }

    #[test]
    fn parts_of_different_sorts_are_never_one_alert() {
        let name: Arc<str> = "apim/orders".into();
        let entities: HashSet<Entity> = Sort::ALL.into_iter().map(|sort| entity(sort, &name)).collect();
        // A gateway has no slash in its name, an operation has two, and a function's kind is its own.
        assert_eq!(entities.len(), Sort::ALL.len() - 2);
        assert_eq!(&*entity(Sort::Api, &name).value, "apim/orders");
    }

    #[test]
    fn only_what_belongs_to_an_app_is_told_of_one() {
        let finding = |sort, part, of| {
            let found = finding(&weakened(sort, part, of), Timestamp::MIN);
            let entities: Vec<String> =
                found.entities.iter().map(|one| format!("{} {}", one.kind, one.value)).collect();
            (entities.join(", "), found.app.map(|app| app.to_string()))
        };
        assert_eq!(finding(Sort::Storage, "st", None), ("app storage:st".into(), None));
        assert_eq!(finding(Sort::File, "infra/main.json", None), ("app file:infra/main.json".into(), None));
        let function = finding(Sort::Function, "shop/pay", Some("shop"));
        assert_eq!(function, ("function shop/pay, app shop".into(), Some("shop".into())));
        assert_eq!(finding(Sort::Product, "apim/gold", Some("apim")).0, "gateway product:apim/gold, gateway apim");
    }

    #[test]
    fn a_reading_that_cannot_be_read_is_passed_over() {
        let restored = Posture::restored(&PostureRows::default(), Some(&vec![255; 3]), Duration::ZERO);
        assert_eq!(restored.readings, Readings::default());
    }
}
