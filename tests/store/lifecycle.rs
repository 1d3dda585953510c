//! What people do with alerts, over random commands, restarts and kills: nothing lost, nothing twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatewatch::alerts::{
    Action, Alert, AlertBook, AlertId, AlertState, Attack, BookSettings, Bulk, BulkDone, Change, Class, Command, Deed,
    Entity, EntityKind, Family, Level, Standing, Transition, Undo,
};
use gatewatch::clock::{Lanes, Watermarks};
use gatewatch::detection::{Counting, Detector, Detectors, Finding};
use gatewatch::store::{Epoch, Reader, Store};
use proptest::prelude::*;

use super::{alert, as_killed, at};

const COOLDOWN: u64 = 100;
const DETECTOR: &str = "key-usage.one_key_many_addresses";
const PEOPLE: [&str; 3] = ["dana", "eve", "joe"];

#[derive(Clone, Debug)]
enum Step {
    Open(u64),
    /// More comes about an alert, as bad as the number says.
    Found(u64, usize),
    Do(u64, Action, usize),
    Bulk(Vec<u64>, Action, usize),
    Undo(usize, usize),
    Pass(i64),
    Commit,
    Restart,
    Kill,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Acknowledge),
        (0_usize..3).prop_map(|n| Action::Assign { to: PEOPLE[n].into() }),
        Just(Action::Unassign),
        (0_usize..4).prop_map(|n| Action::Close { class: Class::ALL[n], reason: "because".into() }),
        Just(Action::Reopen { reason: "no".into() }),
        Just(Action::Note { text: "look here".into() }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..6).prop_map(Step::Open),
        4 => (0_u64..3, 0_usize..5).prop_map(|(n, level)| Step::Found(n, level)),
        8 => (0_u64..6, action(), 0_usize..3).prop_map(|(n, action, who)| Step::Do(n, action, who)),
        3 => (prop::collection::vec(0_u64..6, 1..6), action(), 0_usize..3)
            .prop_map(|(n, action, who)| Step::Bulk(n, action, who)),
        2 => (0_usize..4, 0_usize..3).prop_map(|(n, who)| Step::Undo(n, who)),
        2 => (0_i64..150).prop_map(Step::Pass),
        3 => Just(Step::Commit),
        1 => Just(Step::Restart),
        2 => Just(Step::Kill),
    ]
}

/// What should be so: written down anew, from what the documents say.
#[derive(Clone, Debug, Default)]
struct Model {
    /// State, assignee and class of each alert.
    standing: BTreeMap<u64, (AlertState, Option<String>, Option<Class>)>,
    /// What was done to it and by whom.
    lines: BTreeMap<u64, Vec<(String, String)>>,
    /// How often it was told that more events came, which is no line.
    events: BTreeMap<u64, u32>,
    /// What each bulk change did: alert, before, after.
    bulks: Vec<BulkDone>,
}

impl Model {
    /// Returns whether `action` is allowed, having done it.
    fn act(&mut self, n: u64, action: &Action, who: &str) -> bool {
        let rival = self.rival(n);
        let Some((state, assignee, class)) = self.standing.get_mut(&n) else { return false };
        let closed = *state == AlertState::Closed;
        let allowed = match action {
            Action::Acknowledge => {
                let already = *state == AlertState::Acknowledged && assignee.as_deref() == Some(who);
                !closed && !already
            }
            Action::Assign { to } => !closed && assignee.as_ref() != Some(to),
            Action::Unassign => !closed && assignee.is_some(),
            Action::Close { class: new, .. } => !closed || class.unwrap_or_default() != *new,
            Action::Reopen { .. } => closed && !rival,
            Action::Note { .. } => true,
        };
        if !allowed {
            return false;
        }
        let did = match action {
            Action::Acknowledge => {
                (*state, *assignee) = (AlertState::Acknowledged, Some(who.into()));
                "acknowledged"
            }
            Action::Assign { to } => {
                *assignee = Some(to.clone());
                "assigned"
            }
            Action::Unassign => {
                (*state, *assignee) = (AlertState::Open, None);
                "unassigned"
            }
            Action::Close { class: new, .. } => {
                (*state, *class) = (AlertState::Closed, Some(*new));
                "closed"
            }
            Action::Reopen { .. } => {
                (*state, *assignee, *class) = (AlertState::Open, None, None);
                "reopened"
            }
            Action::Note { .. } => "noted",
        };
        self.lines.entry(n).or_default().push((did.into(), who.into()));
        true
    }

    /// Tells whether another alert about the same is open.
    fn rival(&self, n: u64) -> bool {
        self.standing
            .iter()
            .any(|(other, (state, ..))| *other != n && other % 3 == n % 3 && *state != AlertState::Closed)
    }

    /// Takes what came of itself from what the book told.
    fn hear(&mut self, transition: &Transition) {
        let alert = transition.alert();
        self.standing.insert(alert.id.0, (alert.state, alert.assignee.clone(), alert.class()));
        let did = match transition {
            Transition::Opened(_) => "opened",
            Transition::Updated(_, Change::Events) => {
                *self.events.entry(alert.id.0).or_default() += 1;
                return;
            }
            Transition::Updated(_, change) => change.told().0,
            Transition::Closed(..) => "closed",
        };
        self.lines.entry(alert.id.0).or_default().push((did.into(), String::new()));
    }
}

struct Life {
    home: tempfile::TempDir,
    data: PathBuf,
    copies: u32,
    store: Option<Store>,
    book: AlertBook,
    detectors: Detectors,
    now: i64,
    pending: Vec<Transition>,
    commands: Vec<Command>,
    bulks: Vec<BulkDone>,
    undone: Vec<(u64, String)>,
    model: Model,
    durable: Model,
    /// What alerts did by themselves.
    grown: BTreeSet<&'static str>,
}

/// Whom alert `n` is about: of six alerts two are about the same.
fn subject(n: u64) -> Entity {
    Entity::new(EntityKind::Ip, format!("203.0.113.{}", n % 3))
}

fn detectors() -> Detectors {
    let detector = Detector {
        id: DETECTOR.into(),
        family: Family::KeyUsage,
        title: "One key used from many addresses".into(),
        level: Level::Medium,
        threat: "key-theft".into(),
        group: None,
        attack: Attack::default(),
        needs: Lanes::ALL,
        why: "".into(),
        triage: "".into(),
        false_alarms: "".into(),
        says: "".into(),
        entity: EntityKind::Ip,
        counting: Counting::Match,
        quiet: Duration::from_secs(COOLDOWN),
        version: 1,
    };
    Detectors { all: vec![Arc::new(detector)] }
}

fn new_book() -> AlertBook {
    let cooldown = Duration::from_secs(COOLDOWN);
    AlertBook::new(BookSettings { update_every: Duration::from_mins(1), cooldown, max_alerts: 1_000 })
}

impl Life {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("0");
        Self {
            store: Some(Store::open(&data).unwrap()),
            home,
            data,
            copies: 0,
            book: new_book(),
            detectors: detectors(),
            now: 1_000,
            pending: Vec::new(),
            commands: Vec::new(),
            bulks: Vec::new(),
            undone: Vec::new(),
            model: Model::default(),
            durable: Model::default(),
            grown: BTreeSet::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        self.now += 1;
        match step {
            Step::Open(n) => self.open(*n),
            Step::Found(n, level) => self.find(*n, Level::ALL[*level]),
            Step::Do(n, action, who) => {
                let who = PEOPLE[*who];
                let allowed = self.model.act(*n, action, who);
                let deed = Deed::One(action.command(AlertId(*n), who, at(self.now)));
                let done = self.deed(&deed);
                assert_eq!(done.is_ok(), allowed, "{step:?}: {done:?}");
            }
            Step::Bulk(alerts, action, who) => self.bulk(alerts, action, PEOPLE[*who]),
            Step::Undo(n, who) => self.undo(*n, PEOPLE[*who]),
            Step::Pass(seconds) => {
                self.now += seconds;
                let mut now = Watermarks::new(Duration::ZERO, Duration::ZERO);
                now.advance(at(self.now));
                let told = self.book.tick(&self.detectors, &now);
                for one in &told {
                    self.model.hear(one);
                }
                self.pending.extend(told);
            }
            Step::Commit => self.commit(),
            Step::Restart => {
                self.commit();
                self.begin_again();
            }
            Step::Kill => {
                let killed = self.home.path().join((self.copies + 1).to_string());
                as_killed(&self.data, &killed);
                self.copies += 1;
                self.data = killed;
                (self.pending, self.commands) = (Vec::new(), Vec::new());
                (self.bulks, self.undone) = (Vec::new(), Vec::new());
                self.model = self.durable.clone();
                self.begin_again();
            }
        }
    }

    fn open(&mut self, n: u64) {
        if self.model.standing.contains_key(&n) || self.model.rival(n) {
            return;
        }
        let mut new = alert(n, self.now);
        new.entity = subject(n);
        new.level = Level::Medium;
        // Its fingerprint follows from whom it is about.
        new.rename(|_| None);
        self.book.restore(vec![new.clone()]);
        let opened = Transition::Opened(new);
        self.model.hear(&opened);
        self.pending.push(opened);
    }

    /// More events of what an alert is about: it grows, gets worse, or opens again by itself.
    fn find(&mut self, n: u64, level: Level) {
        let now = at(self.now);
        let finding = Finding {
            detector: DETECTOR.into(),
            entity: subject(n),
            entities: vec![subject(n)],
            app: None,
            owner: None,
            level,
            fired: false,
            at: now,
            first: now,
            last: now,
            count: 1,
            why: String::new(),
            because: None,
            peak: 0.0,
            evidence: Vec::new(),
            late: false,
        };
        let told = self.book.apply(&self.detectors, vec![finding]);
        for one in &told {
            self.model.hear(one);
        }
        self.grown.extend(told.iter().filter_map(|one| match one {
            Transition::Updated(_, change) => Some(change.told().0),
            _ => None,
        }));
        self.pending.extend(told);
    }

    /// Does it as the daemon does; returns which alerts were left.
    fn deed(&mut self, deed: &Deed) -> Result<Vec<u64>, String> {
        let mut stored: HashMap<AlertId, Alert> = HashMap::new();
        for id in deed.alerts() {
            let waiting = self.pending.iter().rev().map(Transition::alert).find(|alert| alert.id == id).cloned();
            let known = waiting.or_else(|| self.store.as_ref().unwrap().alert(id).unwrap());
            stored.extend(known.map(|alert| (id, alert)));
        }
        let acted = self.book.act(deed, &stored)?;
        self.pending.extend(acted.transitions);
        self.commands.extend(acted.commands);
        self.undone.extend(acted.undone.map(|id| (id, "x".to_owned())));
        if let Some(bulk) = acted.bulk {
            self.model.bulks.push(bulk.clone());
            self.bulks.push(bulk);
        }
        Ok(acted.done.left.iter().map(|(id, _)| id.0).collect())
    }

    fn bulk(&mut self, alerts: &[u64], action: &Action, by: &str) {
        let mut wanted = alerts.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|n| self.model.standing.contains_key(n));
        let stands = |life: &Self, n: u64| {
            let known = life.pending.iter().rev().map(Transition::alert).find(|alert| alert.id.0 == n).cloned();
            known.or_else(|| life.store.as_ref().unwrap().alert(AlertId(n)).unwrap()).map(|alert| Standing::of(&alert))
        };
        let targets = wanted.iter().map(|n| (AlertId(*n), stands(self, *n).unwrap())).collect();
        let expected: Vec<u64> = wanted.into_iter().filter(|n| !self.model.act(*n, action, by)).collect();
        let id = self.now as u64;
        let action = action.clone();
        let bulk = Bulk { id, by: by.into(), at: at(self.now), action, query: "all".into(), targets };
        assert_eq!(self.deed(&Deed::Bulk(Box::new(bulk))), Ok(expected));
    }

    fn undo(&mut self, n: usize, by: &str) {
        let Some(of) = self.model.bulks.get(n).cloned() else { return };
        let mut left = Vec::new();
        for change in &of.changed {
            let n = change.alert.0;
            let as_model = |standing: &Standing| {
                let closed = Alert { closing: standing.closing.clone(), ..alert(n, 0) };
                (standing.state, standing.assignee.clone(), closed.class())
            };
            let opens = change.before.state != AlertState::Closed;
            let shut = self.model.standing[&n].0 == AlertState::Closed;
            let same = self.current(n) == change.after;
            if same && !(opens && shut && self.model.rival(n)) {
                self.model.standing.insert(n, as_model(&change.before));
                self.model.lines.get_mut(&n).unwrap().push(("restored".into(), by.into()));
            } else {
                left.push(n);
            }
        }
        let undo = Undo { of, by: by.into(), at: at(self.now) };
        assert_eq!(self.deed(&Deed::Undo(Box::new(undo))), Ok(left));
    }

    /// How an alert stands by the last word that was told of it.
    fn current(&self, n: u64) -> Standing {
        let waiting = self.pending.iter().rev().map(Transition::alert).find(|alert| alert.id.0 == n).cloned();
        Standing::of(&waiting.unwrap_or_else(|| self.store.as_ref().unwrap().alert(AlertId(n)).unwrap().unwrap()))
    }

    fn commit(&mut self) {
        let transitions = std::mem::take(&mut self.pending).into_iter().map(|one| (one, at(self.now))).collect();
        let epoch = Epoch {
            at: at(self.now),
            transitions,
            commands: std::mem::take(&mut self.commands),
            bulks: std::mem::take(&mut self.bulks),
            undone: std::mem::take(&mut self.undone),
            values: vec![("book", self.book.snapshot())],
            ..Epoch::default()
        };
        self.store.as_mut().unwrap().commit(&epoch).unwrap();
        self.durable = self.model.clone();
    }

    fn begin_again(&mut self) {
        self.store = None;
        let mut store = Store::open(&self.data).unwrap();
        let back = store.recover(at(self.now - COOLDOWN as i64)).unwrap();
        self.book = new_book();
        self.book.restore(back.alerts);
        if let Some(bytes) = back.values.get("book") {
            self.book.restore_snapshot(bytes).unwrap();
        }
        self.store = Some(store);
        self.check();
    }

    /// The store says what the model says, line by line.
    fn check(&self) {
        let reader = Reader::open(&self.data).unwrap();
        for (n, (state, assignee, class)) in &self.durable.standing {
            let alert = reader.alert(AlertId(*n)).unwrap().unwrap();
            assert_eq!((&alert.state, &alert.assignee, &alert.class()), (state, assignee, class), "alert {n}");
            let lines = reader.activity(AlertId(*n)).unwrap();
            let said: Vec<_> =
                lines.iter().map(|line| (line.did.clone(), line.who.clone().unwrap_or_default())).collect();
            assert_eq!(&said, &self.durable.lines[n], "alert {n}");
            let revisions: Vec<u32> = lines.iter().map(|line| line.revision).collect();
            assert!(revisions.is_sorted_by(|a, b| a < b) && revisions.last() <= Some(&alert.revision), "alert {n}");
            let grew = self.durable.events.get(n).copied().unwrap_or_default();
            assert_eq!(lines.len() as u32 + grew, alert.revision, "alert {n}: each revision is a line, or more events");
            let history: Vec<u32> = reader.history(AlertId(*n)).unwrap().iter().map(|change| change.revision).collect();
            assert_eq!(
                history,
                (1..=alert.revision).collect::<Vec<_>>(),
                "alert {n}: its history has each revision once"
            );
            for pair in lines.windows(2) {
                let from = (pair[1].from.0, &pair[1].from.1, &pair[1].from.2);
                assert_eq!(from, (Some(pair[0].to.0), &pair[0].to.1, &pair[0].to.2), "alert {n}");
            }
        }
        for bulk in &self.durable.bulks {
            assert_eq!(reader.bulk(bulk.id).unwrap().map(|kept| kept.done).as_ref(), Some(bulk));
        }
        assert_eq!(
            reader.alerts(&gatewatch::store::AlertQuery { limit: 99, ..Default::default() }).unwrap().len(),
            self.durable.standing.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn no_deed_is_lost_or_done_twice_whatever_happens_in_between(steps in prop::collection::vec(step(), 1..60)) {
        let mut life = Life::new();
        for step in &steps {
            life.step(step);
        }
        life.step(&Step::Restart);
    }
}

#[test]
fn what_is_worse_than_what_was_closed_opens_it_through_kills_and_restarts() {
    let mut life = Life::new();
    let closed = |n| Step::Do(n, Action::Close { class: Class::Benign, reason: "ours".into() }, 0);
    for step in [
        Step::Open(0),
        Step::Found(0, 3),
        Step::Restart,
        closed(0),
        Step::Found(0, 3),
        Step::Commit,
        Step::Found(0, 4),
        Step::Kill,
        Step::Found(0, 4),
        Step::Restart,
    ] {
        life.step(&step);
    }
    let did: Vec<&str> = life.durable.lines[&0].iter().map(|(did, _)| did.as_str()).collect();
    assert_eq!(did, ["opened", "raised", "closed", "reopened"]);
    assert!(life.grown.contains("reopened"));
}

#[test]
fn undoing_a_change_of_many_puts_back_what_it_changed_and_leaves_what_was_changed_since() {
    let mut life = Life::new();
    for n in 0..3 {
        life.step(&Step::Open(n));
    }
    life.step(&Step::Do(1, Action::Acknowledge, 0));
    let close = Action::Close { class: Class::Benign, reason: "ours".into() };
    life.step(&Step::Bulk(vec![0, 1, 2], close, 1));
    life.step(&Step::Do(2, Action::Reopen { reason: "no".into() }, 2));
    life.step(&Step::Kill);
    assert!(life.durable.standing.is_empty(), "nothing was durable");

    for n in 0..3 {
        life.step(&Step::Open(n));
    }
    life.step(&Step::Do(1, Action::Acknowledge, 0));
    let close = Action::Close { class: Class::Benign, reason: "ours".into() };
    life.step(&Step::Bulk(vec![0, 1, 2], close, 1));
    life.step(&Step::Restart);
    life.step(&Step::Do(2, Action::Reopen { reason: "no".into() }, 2));
    life.step(&Step::Undo(0, 0));
    life.step(&Step::Restart);
    let stands = |n: u64| life.current(n);
    assert_eq!((stands(0).state, stands(0).closing), (AlertState::Open, None));
    assert_eq!((stands(1).state, stands(1).assignee), (AlertState::Acknowledged, Some("dana".into())));
    assert_eq!(life.durable.lines[&2].last().unwrap().0, "reopened");
}
