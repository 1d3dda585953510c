//! The alerts that are open or closed a short while ago, and what changes them.
//!
//! A finding holds from the event that fired, or from the first of the further events in it; if
//! an alert had gone quiet by then it is closed first, however rarely anyone ticks. So the final
//! alerts follow from the findings, and ticks only decide when people hear of them. An alert of
//! several detectors is quiet when the most patient of them would be. What a person
//! has closed stays closed: further events of that attack are passed over until one of its detectors
//! fires anew, and then there is a new alert. What is worse than the alert as a whole was opens it again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Lanes, Timestamp, Watermarks};
use crate::detection::{Detector, Detectors, Finding};
use crate::telemetry::{Entity, MOST_NAME, written};

use super::entry::{Entry, fingerprint};
use super::snapshot::{self, Addition};
use super::{Alert, AlertId, AlertState, Change, Class, Closing, Command, Transition};

mod people;

/// How the book behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookSettings {
    /// Updates of one alert are at least this far apart in event time (openings and closings are never held back).
    pub update_every: Duration,
    /// Trouble that comes back this soon after it went quiet reopens the old alert.
    pub cooldown: Duration,
    /// Alerts kept in memory at most; beyond it, those closed longest ago, then the oldest open ones, are closed and let go.
    pub max_alerts: usize,
}

/// Open alerts, and closed ones within their cooldown.
#[derive(Debug)]
pub struct AlertBook {
    settings: BookSettings,
    /// By fingerprint.
    entries: HashMap<u64, Entry>,
    ids: HashMap<AlertId, u64>,
    /// For each detector or group, when which alert must be looked at; never later than it must.
    due: BTreeMap<Arc<str>, BTreeSet<(Timestamp, u64)>>,
    /// Who gives way first: closed ones, then open ones, the longest inactive first. An alert's
    /// place is corrected when it comes to the front.
    order: BTreeSet<(bool, Timestamp, u64)>,
}

impl AlertBook {
    /// Returns an empty book.
    pub fn new(settings: BookSettings) -> Self {
        Self { settings, entries: HashMap::new(), ids: HashMap::new(), due: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Takes back the alerts that were open or cooling down when the last epoch was committed.
    pub fn restore(&mut self, alerts: Vec<Alert>) {
        for alert in alerts {
            let rank = |alert: &Alert| (alert.state != AlertState::Closed, alert.opened_at);
            let known = self.entries.get(&alert.fingerprint);
            if known.is_some_and(|known| rank(&known.alert) >= rank(&alert)) {
                continue;
            }
            self.remove(alert.fingerprint);
            self.insert(Entry::kept(alert));
        }
    }

    /// Takes back what [`AlertBook::snapshot`] said; to be called after [`AlertBook::restore`].
    ///
    /// # Errors
    ///
    /// Says that the bytes are none of a snapshot's, or another version's.
    pub fn restore_snapshot(&mut self, bytes: &[u8]) -> Result<(), String> {
        for addition in snapshot::read(bytes)? {
            if let Some(fingerprint) = self.ids.get(&addition.id)
                && let Some(entry) = self.entries.get_mut(fingerprint)
            {
                addition.apply(entry);
            }
        }
        Ok(())
    }

    /// Returns what the book knows beyond the transitions it has returned so far. With these
    /// bytes and the alerts of its last transitions, a new book goes on as this one would.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut additions: Vec<Addition> = self.entries.values().filter_map(Addition::of).collect();
        additions.sort_unstable_by_key(|addition| addition.id);
        snapshot::write(&additions)
    }

    /// Applies findings, in order, and returns what they changed.
    pub fn apply(&mut self, detectors: &Detectors, findings: Vec<Finding>) -> Vec<Transition> {
        let mut out = Vec::new();
        for finding in findings {
            if let Some(detector) = detectors.named(&finding.detector) {
                self.take(detectors, detector, named(finding), &mut out);
            }
        }
        out
    }

    fn take(&mut self, detectors: &Detectors, detector: &Detector, finding: Finding, out: &mut Vec<Transition>) {
        let fingerprint = fingerprint(detector.subject(), &finding.entity);
        if finding.resumes() {
            out.extend(self.resume(fingerprint, detector, finding.at));
            return;
        }
        let holds_from = if finding.fired { finding.at } else { finding.first };
        let Some(entry) = self.entries.get_mut(&fingerprint) else {
            if finding.fired {
                self.open(fingerprint, detector, finding, out);
            }
            return;
        };
        if !finding.fired && !entry.alert.is_seen_by(&finding.detector) {
            // Of an attack whose alert was closed by a person or gave way before others opened this one.
            return;
        }
        let quiet = entry.alert.quiet(detectors).unwrap_or(detector.quiet);
        if entry.is_open() && holds_from > entry.active.plus(quiet) {
            out.push(entry.close(Closing::Quiet));
        }
        let change = if entry.is_open() {
            entry.extend(detector, finding, self.settings.update_every)
        } else if entry.closed_by_person() {
            let memory = entry.memory(quiet, self.settings.cooldown);
            if finding.level <= entry.alert.level || holds_from > entry.active.plus(memory) {
                if finding.fired {
                    self.open(fingerprint, detector, finding, out);
                }
                return;
            }
            Some(entry.reopen(detector, finding))
        } else if holds_from <= entry.active.plus(quiet) && finding.late {
            // Heard of only now, it belongs to what is over and does not bring it back.
            entry.extend(detector, finding, self.settings.update_every)
        } else if holds_from <= entry.active.plus(entry.memory(quiet, self.settings.cooldown)) {
            Some(entry.reopen(detector, finding))
        } else {
            if finding.fired {
                self.open(fingerprint, detector, finding, out);
            }
            return;
        };
        out.extend(change);
        let quiet = entry.alert.quiet(detectors).unwrap_or(detector.quiet);
        let due = entry.next_due(quiet, self.settings.cooldown, self.settings.update_every);
        self.look_at(fingerprint, due);
    }

    /// Closes the alert about an entity that had fallen silent and speaks again.
    fn resume(&mut self, fingerprint: u64, detector: &Detector, at: Timestamp) -> Option<Transition> {
        let entry = self.entries.get_mut(&fingerprint).filter(|entry| entry.is_open())?;
        // It had closed before, whether or not anybody has ticked since.
        let over = at > entry.active.plus(detector.quiet);
        let change = entry.close(if over { Closing::Quiet } else { Closing::Resumed });
        let due = entry.next_due(detector.quiet, self.settings.cooldown, self.settings.update_every);
        self.look_at(fingerprint, due);
        Some(change)
    }

    /// Closes the alert of `detector` about what had got weaker and is as it should be again.
    pub fn heal(&mut self, detector: &Detector, entity: &Entity, closing: Closing) -> Option<Transition> {
        let fingerprint = fingerprint(detector.subject(), entity);
        let entry = self.entries.get_mut(&fingerprint).filter(|entry| entry.is_open())?;
        let change = entry.close(closing);
        let due = entry.next_due(detector.quiet, self.settings.cooldown, self.settings.update_every);
        self.look_at(fingerprint, due);
        Some(change)
    }

    fn open(&mut self, fingerprint: u64, detector: &Detector, finding: Finding, out: &mut Vec<Transition>) {
        if let Some(mut old) = self.remove(fingerprint)
            && old.held
        {
            out.push(old.emit(Change::Events));
        }
        while self.entries.len() >= self.settings.max_alerts.max(1) {
            self.give_way(out);
        }
        let mut entry = Entry::open(fingerprint, detector, finding);
        out.push(entry.open_now());
        let due = entry.next_due(detector.quiet, self.settings.cooldown, self.settings.update_every);
        self.insert(entry);
        self.look_at(fingerprint, due);
    }

    /// Closes what has gone quiet, and lets held-back updates go.
    pub fn tick(&mut self, detectors: &Detectors, now: &Watermarks) -> Vec<Transition> {
        let mut out = Vec::new();
        let names: Vec<Arc<str>> = self.due.keys().cloned().collect();
        for name in names {
            let passed = now.of(detectors.needs_of(&name).unwrap_or(Lanes::ALL));
            while let Some((_, fingerprint)) = self.due.get_mut(&name).and_then(|due| pop_until(due, passed)) {
                out.extend(self.settle(detectors, fingerprint, passed));
            }
            if self.due.get(&name).is_some_and(BTreeSet::is_empty) {
                self.due.remove(&name);
            }
        }
        out
    }

    /// Does what is due for one alert at `passed`, which is out of its queue, and puts it back.
    fn settle(&mut self, detectors: &Detectors, fingerprint: u64, passed: Timestamp) -> Option<Transition> {
        let (cooldown, update_every) = (self.settings.cooldown, self.settings.update_every);
        let entry = self.entries.get_mut(&fingerprint)?;
        let quiet = entry.alert.quiet(detectors).unwrap_or(cooldown);
        entry.due = Timestamp::MAX;
        let mut change = None;
        if entry.is_open() && passed >= entry.active.plus(quiet) {
            change = Some(entry.close(Closing::Quiet));
        } else if entry.held && passed >= entry.emitted.plus(update_every) {
            change = Some(entry.emit(Change::Events));
            entry.emitted = entry.emitted.max(passed);
        }
        if !entry.is_open() && passed >= entry.active.plus(entry.memory(quiet, cooldown)) {
            if entry.held {
                change = Some(entry.emit(Change::Events));
            }
            self.remove(fingerprint);
            return change;
        }
        let due = entry.next_due(quiet, cooldown, update_every);
        self.look_at(fingerprint, due);
        change
    }

    /// Ends the replay: emits what throttling still holds back.
    pub fn finish(&mut self) -> Vec<Transition> {
        let mut held: Vec<&mut Entry> = self.entries.values_mut().filter(|entry| entry.held).collect();
        held.sort_unstable_by_key(|entry| entry.alert.id);
        held.into_iter().map(|entry| entry.emit(Change::Events)).collect()
    }

    /// Tells whether `detector`, or one that sees the same, has an alert about `entity` that is not closed.
    pub fn is_open(&self, detector: &Detector, entity: &Entity) -> bool {
        self.entries.get(&fingerprint(detector.subject(), entity)).is_some_and(Entry::is_open)
    }

    /// Returns the alert `id`, if it is in the book.
    pub fn get(&self, id: AlertId) -> Option<&Alert> {
        self.entries.get(self.ids.get(&id)?).map(|entry| &entry.alert)
    }

    /// Returns every alert in the book.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.entries.values().map(|entry| &entry.alert)
    }

    fn insert(&mut self, mut entry: Entry) {
        let fingerprint = entry.alert.fingerprint;
        entry.place = (entry.is_open(), entry.active);
        self.order.insert((entry.place.0, entry.place.1, fingerprint));
        self.ids.insert(entry.alert.id, fingerprint);
        self.entries.insert(fingerprint, entry);
        self.look_at(fingerprint, Timestamp::MIN);
    }

    fn remove(&mut self, fingerprint: u64) -> Option<Entry> {
        let entry = self.entries.remove(&fingerprint)?;
        self.ids.remove(&entry.alert.id);
        self.order.remove(&(entry.place.0, entry.place.1, fingerprint));
        if let Some(due) = self.due.get_mut(entry.alert.subject()) {
            due.remove(&(entry.due, fingerprint));
        }
        Some(entry)
    }

    /// Sees to it that the alert is looked at when `due` has passed.
    fn look_at(&mut self, fingerprint: u64, due: Timestamp) {
        let Some(entry) = self.entries.get_mut(&fingerprint) else { return };
        if entry.place.0 && !entry.is_open() {
            self.order.remove(&(true, entry.place.1, fingerprint));
            entry.place = (false, entry.active);
            self.order.insert((false, entry.active, fingerprint));
        }
        if entry.due > due || entry.due == Timestamp::MIN {
            let queue = self.due.entry(Arc::clone(entry.alert.subject())).or_default();
            queue.remove(&(entry.due, fingerprint));
            queue.insert((due, fingerprint));
            entry.due = due;
        }
    }

    /// Lets the alert go that gives way first, and closes it if it was open.
    fn give_way(&mut self, out: &mut Vec<Transition>) {
        while let Some((is_open, active, fingerprint)) = self.order.pop_first() {
            let Some(entry) = self.entries.get_mut(&fingerprint) else { continue };
            let place = (entry.is_open(), entry.active);
            if place != (is_open, active) {
                entry.place = place;
                self.order.insert((place.0, place.1, fingerprint));
                continue;
            }
            let Some(mut entry) = self.remove(fingerprint) else { continue };
            let reason =
                format!("{} alerts are open, as many as are kept; the oldest gave way.", self.settings.max_alerts);
            let by = "gatewatch".to_owned();
            if is_open {
                out.push(entry.close(Closing::ByPerson { by, reason, class: Class::Undetermined }));
            } else if entry.held {
                out.push(entry.emit(Change::Events));
            }
            return;
        }
    }
}

fn pop_until(due: &mut BTreeSet<(Timestamp, u64)>, passed: Timestamp) -> Option<(Timestamp, u64)> {
    if due.first()?.0 > passed { None } else { due.pop_first() }
}

/// Returns the finding with no name longer than an alert shows it.
fn named(mut finding: Finding) -> Finding {
    let long = |name: &Arc<str>| (name.len() > MOST_NAME).then(|| Arc::from(&*written(name)));
    for entity in std::iter::once(&mut finding.entity).chain(&mut finding.entities) {
        entity.value = long(&entity.value).unwrap_or_else(|| entity.value.clone());
    }
    finding.app = finding.app.map(|app| long(&app).unwrap_or(app));
    finding
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detection::{Attack, Because, Counting, Evidence, Family, Level, Limit, Measure};
    use crate::telemetry::{Category, EntityKind, Position, StreamId};

    const QUIET: i64 = 30;
    const COOLDOWN: i64 = 50;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn detectors() -> Detectors {
        let detector = |id: &str, group: Option<&str>, quiet: i64| Detector {
            id: id.into(),
            family: Family::KeyUsage,
            title: "A title".into(),
            level: Level::High,
            threat: "key-theft".into(),
            group: group.map(Into::into),
            attack: Attack::default(),
            needs: Lanes::ALL,
            why: "".into(),
            triage: "".into(),
            false_alarms: "".into(),
            says: "".into(),
            entity: EntityKind::Ip,
            counting: Counting::Match,
            quiet: Duration::from_secs(quiet as u64),
            version: 1,
        };
        let (alone, together) = (None, Some("seen"));
        let all = [("a", alone, QUIET), ("b", alone, QUIET), ("g.0", together, QUIET), ("g.1", together, 45)];
        Detectors { all: all.map(|(id, group, quiet)| Arc::new(detector(id, group, quiet))).to_vec() }
    }

    fn book() -> AlertBook {
        book_of(1_000)
    }

    fn book_of(max_alerts: usize) -> AlertBook {
        AlertBook::new(BookSettings {
            update_every: Duration::from_secs(20),
            cooldown: Duration::from_secs(COOLDOWN as u64),
            max_alerts,
        })
    }

    fn until(seconds: i64) -> Watermarks {
        let mut now = Watermarks::new(Duration::ZERO, Duration::ZERO);
        now.advance(at(seconds));
        now
    }

    /// What is measured then: now more, now less.
    fn peak(seconds: i64) -> f64 {
        (seconds * 37 % 101) as f64
    }

    fn because(seconds: i64) -> Because {
        Because {
            measure: Measure::Risk,
            value: peak(seconds),
            peak: peak(seconds),
            limit: Limit::AtLeast(0.0),
            within: None,
            from: at(seconds),
            to: at(seconds),
            events: 1,
            earlier: None,
            spare: 0,
            others: Vec::new(),
        }
    }

    fn finding(who: u8, fired: bool, seconds: i64) -> Finding {
        Finding {
            detector: "a".into(),
            entity: Entity::new(EntityKind::Ip, format!("203.0.113.{who}")),
            entities: vec![Entity::new(EntityKind::App, format!("app-{}", seconds % 40))],
            app: None,
            owner: None,
            level: Level::Low,
            fired,
            at: at(seconds),
            first: at(seconds),
            last: at(seconds),
            count: 1,
            why: if fired { format!("since {seconds}") } else { String::new() },
            because: fired.then(|| because(seconds)),
            peak: peak(seconds),
            evidence: vec![Evidence {
                position: Position { stream: StreamId(0), offset: seconds, index: 0 },
                time: at(seconds),
                category: Category::GatewayLogs,
                record: None,
            }],
            late: false,
        }
    }

    /// A finding of one of two detectors that see the same.
    fn of_group(number: u8, level: Level, fired: bool, seconds: i64) -> Finding {
        let detector: Arc<str> = format!("g.{number}").into();
        let why = if fired { format!("{detector} since {seconds}") } else { String::new() };
        Finding { detector, level, why, ..finding(1, fired, seconds) }
    }

    fn names(transitions: &[Transition]) -> Vec<&'static str> {
        let name = |transition: &Transition| match transition {
            Transition::Opened(_) => "opened",
            Transition::Updated(_, change) => change.told().0,
            Transition::Closed(_, Closing::Quiet) => "quiet",
            Transition::Closed(_, Closing::Healed) => "healed",
            Transition::Closed(_, Closing::Gone) => "gone",
            Transition::Closed(_, Closing::Resumed) => "resumed",
            Transition::Closed(_, Closing::ByPerson { .. }) => "closed",
        };
        transitions.iter().map(name).collect()
    }

    fn close(alert: AlertId) -> Command {
        Command::Close { alert, by: "dana".into(), at: at(0), reason: "a test".into(), class: Class::Undetermined }
    }

    fn speaks(who: u8, seconds: i64) -> Finding {
        Finding { count: 0, evidence: Vec::new(), ..finding(who, false, seconds) }
    }

    #[test]
    fn an_alert_about_silence_closes_when_there_is_none_and_opens_again_with_the_next() {
        let mut book = AlertBook::new(BookSettings { cooldown: Duration::from_secs(5), ..book().settings });
        let told = book.apply(&detectors(), vec![speaks(1, 0), finding(1, true, 10), speaks(2, 11), speaks(1, 12)]);
        assert_eq!(names(&told), ["opened", "resumed"]);
        let alert = told[1].alert().clone();
        assert_eq!((alert.state, &alert.closing), (AlertState::Closed, &Some(Closing::Resumed)));
        assert_eq!(names(&book.apply(&detectors(), vec![speaks(1, 13)])), [""; 0], "it is closed already");
        // It comes and goes: that is one alert, for as long as it would have stayed open.
        assert_eq!(names(&book.tick(&detectors(), &until(30))), [""; 0]);
        let told = book.apply(&detectors(), vec![finding(1, true, 38), speaks(1, 39), finding(1, true, 90)]);
        assert_eq!(names(&told), ["reopened", "resumed", "opened"]);
        assert_eq!(told[0].alert().id, alert.id);
    }

    #[test]
    fn what_a_person_closed_stays_closed_though_the_silence_ends() {
        let mut book = book();
        let id = book.apply(&detectors(), vec![finding(1, true, 10)])[0].alert().id;
        book.command(&close(id)).unwrap();
        assert_eq!(names(&book.apply(&detectors(), vec![speaks(1, 12)])), [""; 0]);
    }

    #[test]
    fn further_events_are_told_no_more_often_than_updates_may_come() {
        let mut book = book();
        let found = [0, 5, 19, 20, 25].map(|seconds| finding(1, seconds == 0, seconds));
        let told = book.apply(&detectors(), found.to_vec());
        assert_eq!(names(&told), ["opened", "events"]);
        assert_eq!(told[1].alert().count, 4);
        assert_eq!(book.alerts().next().unwrap().count, 5);
        assert_eq!(names(&book.tick(&detectors(), &until(39))), [""; 0]);
        assert_eq!(names(&book.tick(&detectors(), &until(40))), ["events"]);
        assert_eq!(names(&book.finish()), [""; 0]);
    }

    #[test]
    fn a_worse_finding_is_told_at_once() {
        let mut book = book();
        book.apply(&detectors(), vec![finding(1, true, 0)]);
        let worse = Finding { level: Level::Critical, ..finding(1, false, 1) };
        let told = book.apply(&detectors(), vec![worse]);
        assert_eq!((names(&told), told[0].alert().level), (vec!["raised"], Level::Critical));
    }

    #[test]
    fn what_several_detectors_see_of_one_entity_is_one_alert_with_the_worst_in_front() {
        let mut book = book();
        let found = vec![
            of_group(0, Level::Low, true, 0),
            of_group(1, Level::Low, true, 1),
            of_group(1, Level::High, false, 2),
            of_group(0, Level::Low, false, 3),
        ];
        let told = book.apply(&detectors(), found);
        assert_eq!(names(&told), ["opened", "joined", "raised"]);
        assert_eq!(told[2], Transition::Updated(told[2].alert().clone(), Change::Raised { from: Level::Low }));
        let alert = book.alerts().next().unwrap().clone();
        assert_eq!((&*alert.detector, alert.level, alert.count), ("g.1", Level::High, 4));
        assert_eq!((alert.first_seen, alert.opened_at, alert.last_seen), (at(0), at(0), at(3)));
        assert_eq!(alert.why, "g.1 since 1");
        let also: Vec<_> = alert.also().iter().map(|member| (&*member.detector, member.level, member.count)).collect();
        assert_eq!(also, [("g.0", Level::Low, 2)]);
        assert_eq!((alert.evidence.len(), alert.all_evidence().len()), (2, 4));
    }

    #[test]
    fn of_two_as_bad_the_one_that_fired_first_stays_in_front() {
        let found = |order: [u8; 2]| order.map(|number| of_group(number, Level::High, true, i64::from(number)));
        let of = |order| {
            let mut book = book();
            book.apply(&detectors(), found(order).to_vec());
            book.alerts().next().unwrap().detector.clone()
        };
        assert_eq!((&*of([0, 1]), &*of([1, 0])), ("g.0", "g.0"));
    }

    #[test]
    fn an_alert_of_several_waits_as_long_as_the_most_patient() {
        let mut book = book();
        book.apply(&detectors(), vec![of_group(0, Level::Low, true, 0), of_group(1, Level::Low, true, 1)]);
        assert_eq!(names(&book.tick(&detectors(), &until(1 + QUIET))), [""; 0]);
        assert_eq!(names(&book.tick(&detectors(), &until(1 + 45))), ["quiet"]);
        // Back within the cooldown, by whomever it is seen, it is the same alert.
        assert_eq!(names(&book.apply(&detectors(), vec![of_group(0, Level::Low, true, 50)])), ["reopened"]);
    }

    #[test]
    fn what_joins_an_acknowledged_alert_leaves_it_with_whom_it_is_and_what_a_person_closed_closed() {
        let mut book = book();
        let id = book.apply(&detectors(), vec![of_group(0, Level::Low, true, 0)])[0].alert().id;
        book.command(&Command::Acknowledge { alert: id, by: "dana".into(), at: at(0) }).unwrap();
        let told = book.apply(&detectors(), vec![of_group(1, Level::Critical, true, 1)]);
        let alert = told[0].alert();
        assert_eq!(
            (names(&told), alert.state, alert.level),
            (vec!["raised"], AlertState::Acknowledged, Level::Critical)
        );
        book.command(&close(id)).unwrap();
        assert_eq!(book.apply(&detectors(), vec![of_group(1, Level::Critical, false, 2)]), []);
        let told = book.apply(&detectors(), vec![of_group(0, Level::Low, true, 3), of_group(1, Level::Low, false, 4)]);
        assert_eq!((names(&told), told[0].alert().id == id), (vec!["opened"], false));
        let alert = told[0].alert();
        assert_eq!(
            (alert.members.len(), alert.count),
            (0, 1),
            "what another sees of an attack that is closed is passed over"
        );
    }

    #[test]
    fn trouble_that_comes_back_within_the_cooldown_reopens_its_alert() {
        let mut book = book();
        let told = book.apply(&detectors(), [0, 40, 100].map(|seconds| finding(1, true, seconds)).to_vec());
        assert_eq!(names(&told), ["opened", "quiet", "reopened", "quiet", "opened"]);
        assert_eq!(told[0].alert().id, told[2].alert().id);
        assert_ne!(told[0].alert().id, told[4].alert().id);
    }

    #[test]
    fn what_a_person_has_closed_stays_closed_until_the_detector_fires_anew() {
        let mut book = book();
        let id = book.apply(&detectors(), vec![finding(1, true, 0)])[0].alert().id;
        assert_eq!(names(&[book.command(&close(id)).unwrap()]), ["closed"]);
        assert_eq!(book.apply(&detectors(), vec![finding(1, false, 5)]), []);
        let told = book.apply(&detectors(), vec![finding(1, true, 10)]);
        assert_eq!(names(&told), ["opened"]);
        assert_ne!(told[0].alert().id, id);
    }

    #[test]
    fn what_is_worse_than_what_a_person_has_closed_opens_it_again() {
        for ticked in [false, true] {
            let mut book = book();
            let id = book.apply(&detectors(), vec![finding(1, true, 0)])[0].alert().id;
            book.command(&close(id)).unwrap();
            let worse = |seconds| Finding { level: Level::Critical, ..finding(1, false, seconds) };
            let told = book.apply(&detectors(), vec![worse(10)]);
            assert_eq!(names(&told), ["reopened"]);
            assert_eq!((told[0].alert().id, told[0].alert().closing.clone()), (id, None));
            // Beyond the cooldown it is another one, whether or not anybody has looked in between.
            book.command(&close(id)).unwrap();
            if ticked {
                book.tick(&detectors(), &until(10 + COOLDOWN + 1));
            }
            let later = Finding { level: Level::Critical, ..finding(1, true, 10 + COOLDOWN + 1) };
            assert_eq!(names(&book.apply(&detectors(), vec![later])), ["opened"], "{ticked}");
        }
    }

    #[test]
    fn what_raises_an_alert_of_several_as_a_whole_opens_it_again_whoever_sees_it() {
        let mut book = book();
        let id = book.apply(&detectors(), vec![of_group(0, Level::Low, true, 0)])[0].alert().id;
        book.command(&close(id)).unwrap();
        let told = book.apply(&detectors(), vec![of_group(1, Level::High, true, 5)]);
        assert_eq!(names(&told), ["reopened"]);
        let alert = told[0].alert();
        assert_eq!((alert.id, &*alert.detector, alert.level, alert.also().len()), (id, "g.1", Level::High, 1));
        assert_eq!((alert.state, &alert.closing), (AlertState::Open, &None));
        book.command(&close(id)).unwrap();
        // Worse for the one that says so, but not for the alert.
        assert_eq!(book.apply(&detectors(), vec![of_group(0, Level::Medium, false, 6)]), []);
        // It is due when the most patient of the two is quiet.
        let told = book.apply(&detectors(), vec![of_group(0, Level::Critical, false, 7)]);
        assert_eq!((names(&told), &*told[0].alert().detector), (vec!["reopened"], "g.0"));
        assert_eq!(names(&book.tick(&detectors(), &until(7 + QUIET))), [""; 0]);
        assert_eq!(names(&book.tick(&detectors(), &until(7 + 45))), ["quiet"]);
    }

    #[test]
    fn what_a_person_opens_again_is_quiet_from_that_moment_on_and_after_a_restart() {
        let mut book = book();
        let id = book.apply(&detectors(), vec![finding(1, true, 0)])[0].alert().id;
        let closed = book.tick(&detectors(), &until(QUIET))[0].alert().clone();
        assert_eq!(names(&book.tick(&detectors(), &until(COOLDOWN))), [""; 0]);
        assert_eq!(book.get(id), None, "it has left the book");
        let reopen = Command::Reopen { alert: id, by: "dana".into(), at: at(1_000), reason: "not over".into() };
        let told = book.command_on(closed.clone(), &reopen).unwrap();
        assert_eq!(names(&told), ["reopened"]);
        let mut after = self::book();
        after.restore(vec![told[0].alert().clone()]);
        after.restore_snapshot(&book.snapshot()).unwrap();
        for mut book in [book, after] {
            assert_eq!(names(&book.tick(&detectors(), &until(1_000 + QUIET - 1))), [""; 0]);
            assert_eq!(names(&book.tick(&detectors(), &until(1_000 + QUIET))), ["quiet"]);
        }
    }

    #[test]
    fn an_older_alert_can_be_judged_but_not_opened_beside_the_one_that_is_open_now() {
        let mut book = book();
        let first = book.apply(&detectors(), vec![finding(1, true, 0)])[0].alert().clone();
        book.command(&close(first.id)).unwrap();
        let closed = book.get(first.id).unwrap().clone();
        let second = book.apply(&detectors(), vec![finding(1, true, 10)])[0].alert().id;
        let reopen = Command::Reopen { alert: first.id, by: "dana".into(), at: at(20), reason: "no".into() };
        let refused = book.command_on(closed.clone(), &reopen).unwrap_err();
        assert!(refused.contains(&format!("{second} is, and it is about the same")), "{refused}");
        let judged = Command::Close {
            alert: first.id,
            by: "eve".into(),
            at: at(20),
            reason: "ours".into(),
            class: Class::Benign,
        };
        let told = book.command_on(closed, &judged).unwrap();
        assert_eq!((names(&told), told[0].alert().class()), (vec!["closed"], Some(Class::Benign)));
        assert!(book.command_on(told[0].alert().clone(), &judged).unwrap_err().contains("closed already, as benign"));
        // A restart keeps the open one, whichever is read first.
        let mut after = self::book();
        let mut open = book.get(second).unwrap().clone();
        open.opened_at = at(0);
        after.restore(vec![open, told[0].alert().clone()]);
        assert!(after.get(second).is_some());
    }

    #[test]
    fn a_command_that_makes_no_sense_says_why() {
        let mut book = book();
        let id = book.apply(&detectors(), vec![finding(1, true, 0)])[0].alert().id;
        let acknowledge = Command::Acknowledge { alert: id, by: "dana".into(), at: at(0) };
        assert!(book.command(&acknowledge).is_ok());
        assert!(book.command(&acknowledge).unwrap_err().contains("acknowledged by dana already"));
        assert!(book.command(&close(id)).is_ok());
        assert!(book.command(&close(id)).unwrap_err().contains("closed already"));
        assert!(book.command(&close(AlertId(7))).unwrap_err().contains("no alert 0000000000000007"));
    }

    #[test]
    fn a_full_book_lets_the_closed_go_before_the_open() {
        let mut book = book_of(2);
        let first = book.apply(&detectors(), vec![finding(1, true, 0), finding(2, true, 1)]);
        book.command(&close(first[1].alert().id)).unwrap();
        assert_eq!(names(&book.apply(&detectors(), vec![finding(3, true, 2)])), ["opened"]);
        assert_eq!(names(&book.apply(&detectors(), vec![finding(4, true, 3)])), ["closed", "opened"]);
        assert_eq!(book.alerts().count(), 2);
    }

    #[test]
    fn an_alert_is_forgotten_after_its_cooldown() {
        let mut book = book();
        book.apply(&detectors(), vec![finding(1, true, 0)]);
        assert_eq!(names(&book.tick(&detectors(), &until(30))), ["quiet"]);
        assert_eq!(book.alerts().count(), 1);
        assert_eq!(names(&book.tick(&detectors(), &until(50))), [""; 0]);
        assert_eq!(book.alerts().count(), 0);
    }

    #[test]
    fn the_same_trouble_has_the_same_id_everywhere() {
        let id = book().apply(&detectors(), vec![finding(1, true, 0)])[0].alert().id;
        assert_eq!(id.to_string(), "9dce1511f0a11f12");
    }

    /// Attacks as an engine tells them: it fires, events follow at most `QUIET` apart, then it must fire anew.
    fn attacks() -> impl Strategy<Value = Vec<Finding>> {
        prop::collection::vec((0_u8..5, 1_i64..70, prop::bool::ANY), 0..60).prop_map(|said| {
            let mut found = Vec::new();
            for who in 0..5 {
                let (mut now, mut last) = (0, i64::MIN / 2);
                for &(_, gap, is_worse) in said.iter().filter(|said| said.0 == who) {
                    now += gap;
                    let level = if is_worse { Level::Low } else { Level::Informational };
                    found.push(match who.checked_sub(3) {
                        None => Finding { level, ..finding(who, now > last + QUIET, now) },
                        Some(number) => of_group(number, level, now > last + [QUIET, 45][usize::from(number)], now),
                    });
                    last = now;
                }
            }
            found.sort_by(|a, b| (a.at, &a.detector).cmp(&(b.at, &b.detector)));
            found
        })
    }

    /// Adds up the further findings of an attack within one tick, as an engine does.
    fn added_up(findings: &[Finding]) -> Vec<Finding> {
        let mut sums: Vec<Finding> = Vec::new();
        for finding in findings {
            let same = |sum: &&mut Finding| (&sum.detector, &sum.entity) == (&finding.detector, &finding.entity);
            let before = sums.iter_mut().rev().find(same);
            match before {
                Some(sum) if !sum.fired && !finding.fired => {
                    (sum.at, sum.last, sum.count) = (finding.at, finding.last, sum.count + finding.count);
                    sum.level = sum.level.max(finding.level);
                    sum.peak = sum.peak.max(finding.peak);
                    sum.evidence.extend(finding.evidence.clone());
                    sum.entities.extend(finding.entities.clone());
                }
                _ => sums.push(finding.clone()),
            }
        }
        let holds = |sum: &Finding| if sum.fired { sum.at } else { sum.first };
        sums.sort_by(|a, b| (holds(a), &a.detector).cmp(&(holds(b), &b.detector)));
        sums
    }

    /// Runs findings through books, a tick after each that `ticks` names, a restart after each that `kills` names.
    fn run(findings: &[Finding], ticks: &[bool], kills: &[bool]) -> Vec<Alert> {
        let mut rows: BTreeMap<AlertId, Alert> = BTreeMap::new();
        let mut keep = |told: Vec<Transition>| {
            for transition in told {
                let alert = transition.alert().clone();
                let old = rows.insert(alert.id, alert.clone());
                assert!(old.is_none_or(|old| old.revision + 1 == alert.revision), "a revision is missing or doubled");
            }
            rows.values().cloned().collect::<Vec<_>>()
        };
        let (mut book, mut from) = (book(), 0);
        for n in 0..findings.len() {
            let until_now = findings[n].at;
            if !ticks[n % ticks.len()] || findings.get(n + 1).is_some_and(|next| next.at == until_now) {
                continue;
            }
            let told = book.apply(&detectors(), added_up(&findings[from..=n]));
            keep(told);
            from = n + 1;
            let rows = keep(book.tick(&detectors(), &until(until_now.nanos() / 1_000_000_000)));
            if kills[n % kills.len()] {
                let bytes = book.snapshot();
                book = self::book();
                book.restore(rows);
                book.restore_snapshot(&bytes).unwrap();
            }
        }
        let told = book.apply(&detectors(), added_up(&findings[from..]));
        keep(told);
        keep(book.tick(&detectors(), &until(findings.last().map_or(0, |last| last.at.nanos() / 1_000_000_000))));
        let mut alerts = keep(book.finish());
        for alert in &mut alerts {
            alert.revision = 0;
        }
        alerts
    }

    proptest! {
        #[test]
        fn neither_ticks_nor_restarts_change_a_final_alert(
            found in attacks(),
            ticks in prop::collection::vec(prop::bool::weighted(0.4), 5..13),
            kills in prop::collection::vec(prop::bool::weighted(0.4), 5..13),
        ) {
            let expected = run(&found, &[false], &[false]);
            prop_assert_eq!(expected.iter().map(|alert| alert.count).sum::<u64>(), found.len() as u64);
            prop_assert_eq!(run(&found, &ticks, &[false]), expected.clone());
            prop_assert_eq!(run(&found, &ticks, &kills), expected);
        }

        #[test]
        fn a_damaged_snapshot_is_refused_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = book().restore_snapshot(&bytes);
        }
    }
}
