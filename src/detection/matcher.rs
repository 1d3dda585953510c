//! Which detectors does an event concern, and for which entity?
//!
//! Detectors are indexed by kind and outcome, and apart from them those that look at secrets, so
//! that most conditions are never tried. No record costs an allocation of its own: what it shows is
//! written on its batch's sheet. Of a record, at most 64 secrets are looked at; it gives at most 32
//! signals and 256 about its secrets, names at most 32 entities and keeps 2,048 bytes of its text. What is beyond is left out.

mod names;
mod once;
mod sigma;
mod tried;

use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher13Wide};

use crate::clock::Timestamp;
use crate::context::Asked;
use crate::redaction::RedactedEvent;
use crate::telemetry::{Confidence, EntityKind, Field, Kind, Outcome, Sighting, Value};

use names::Names;
use once::Numbers;
pub(super) use once::Once;
use tried::Fulfilled;
pub use tried::Tried;

use super::aside::Aside;
use super::condition::Condition;
use super::exceptions::Exceptions;
use super::gathered::Gathered;
use super::naming::add_entities;
use super::needs::Needs;
use super::rule::{Rule, Term};
use super::scene::{Scene, write};
use super::sheet::Sheet;
use super::sieve::Sieve;
use super::sigma::Set;
use super::signal::Place;
use super::signals::{Drafted, Shown, Signals, second};
use super::words::{Gated, Gates};

/// Signals that one record gives at most, and as many of Sigma rules.
const MAX_SIGNALS: usize = 32;
/// Signals about its secrets that one record gives at most: several for each that is looked at.
const MAX_OF_SECRETS: usize = 256;
/// Secrets of a record that are looked at, in the order in which they stand there.
pub(super) const MAX_SECRETS: usize = 64;
const OUTCOMES: [Outcome; 3] = [Outcome::Success, Outcome::Failure, Outcome::Unknown];

/// Stateless and parallel: which detectors does an event concern, and for which entity?
#[derive(Clone, Debug)]
pub struct Matcher {
    rules: Arc<[Rule]>,
    /// By kind, then outcome.
    index: Vec<[Lists; OUTCOMES.len()]>,
    gates: Gates,
    /// The Sigma rules beside them.
    sigma: Option<Arc<Set>>,
    /// What the rules ask of context.
    asked: Asked,
    exceptions: Arc<Exceptions>,
    key: (u64, u64),
}

/// The steps that an event of one kind and outcome is tried against.
#[derive(Clone, Debug, Default)]
struct Lists {
    /// Those that look at the event.
    plain: Vec<Step>,
    sieve: Sieve,
    /// Those that look at each secret seen in it.
    secret: Vec<Step>,
    /// Those that look at each hash by which a storage log would name one of them.
    hashed: Vec<Step>,
    /// The gates that can spare one of them work.
    gated: Gated,
    /// The fields that one of them needs, as bits.
    fields: u128,
}

#[derive(Clone, Debug)]
struct Step {
    rule: u16,
    number: u8,
    numbers: Numbers,
    aside: Aside,
    needs: Needs,
    when: Condition,
    /// What is left of it to look at in an event with a status, where the sieve has let it through.
    rest: Condition,
}

/// A record on its way to its signals.
struct Draft<'e, 's, 'o> {
    event: &'e RedactedEvent<'s>,
    hash: u128,
    /// Whether it stands on the batch's sheet, and on that for signs of life.
    written: [bool; 2],
    signals: &'o mut Signals,
    /// How many signals there were before this record.
    before: usize,
    /// How many it has given, those that said nothing new and those held back among them.
    given: usize,
    /// Of those about its secrets.
    of_secrets: usize,
    /// Of those of Sigma rules, which are counted by themselves.
    of_sigma: usize,
    /// Matches of secrets that were held back: detector, step, key and value.
    held: Vec<(u16, u8, u128, u64)>,
}

impl Matcher {
    /// Returns a matcher of `rules`, whose places are those of the detectors. `key` keeps whoever
    /// chooses addresses and names from choosing their hashes too; state depends on it.
    pub fn new(rules: Arc<[Rule]>, key: (u64, u64)) -> Self {
        let mut terms = once::Lists::default();
        let numbers: Vec<Numbers> = rules.iter().map(|rule| terms.numbers(rule)).collect();
        let of = |kind| OUTCOMES.map(|outcome| lists(&rules, &numbers, kind, outcome));
        let index = Kind::ALL.map(of).to_vec();
        let mut sought = Vec::new();
        rules.iter().flat_map(|rule| &rule.steps).for_each(|when| when.sought(&mut sought));
        let gates = Gates::new(&sought);
        let asks = |of: fn(Field) -> bool| rules.iter().any(|rule| rule.asks(of));
        let asked = Asked::by(asks);
        Self { index, gates, sigma: None, asked, exceptions: Arc::default(), rules, key }
    }

    /// Holds back what `exceptions` cover; they are those of the same detectors.
    #[must_use]
    pub fn with_exceptions(mut self, exceptions: Arc<Exceptions>) -> Self {
        self.exceptions = exceptions;
        self
    }

    /// Returns what it holds matches back by.
    pub fn exceptions(&self) -> &Arc<Exceptions> {
        &self.exceptions
    }

    /// Returns what detectors and exceptions ask of context.
    pub fn asked(&self) -> Asked {
        self.asked.and(self.exceptions.asked())
    }

    /// Adds a signal for each detector and entity that `event` concerns. `hash` is the keyed
    /// hash of the record's content.
    pub fn observe(&self, event: &RedactedEvent<'_>, hash: u128, signals: &mut Signals) {
        let mut tried = Tried::default();
        self.try_on(event, &mut tried);
        self.observe_tried(event, hash, (&tried, 0), signals);
    }

    /// Adds a signal for each detector and entity that `event` concerns, number so many of those `tried`. `hash`
    /// is the keyed hash of the record's content.
    pub fn observe_tried(
        &self,
        event: &RedactedEvent<'_>,
        hash: u128,
        (tried, number): (&Tried, usize),
        signals: &mut Signals,
    ) {
        let lists = &self.index[event.kind() as usize][event.outcome() as usize];
        let before = signals.list.len();
        signals.once.clear();
        let mut draft = Draft {
            event,
            hash,
            written: [false; 2],
            signals,
            before,
            given: 0,
            of_secrets: 0,
            of_sigma: 0,
            held: Vec::new(),
        };
        let Fulfilled { steps, calm } = tried.of(number);
        let scene = Scene { event, secret: None, calm };
        for &place in steps {
            self.signal(&lists.plain[usize::from(place)], scene, &mut draft);
        }
        if !lists.hashed.is_empty() {
            for hash in event.sightings().iter().filter(|seen| seen.is_hash()).take(MAX_SECRETS) {
                let scene = Scene { secret: Some(hash), ..scene };
                for step in lists.hashed.iter().filter(|step| step.when.holds(scene)) {
                    self.signal(step, scene, &mut draft);
                }
            }
        }
        if !lists.secret.is_empty() {
            for secret in event.sightings().iter().filter(|seen| seen.secret && !seen.dummy).take(MAX_SECRETS) {
                self.look_at(Scene { secret: Some(secret), ..scene }, secret, &lists.secret, &mut draft);
            }
        }
        if let Some(sigma) = &self.sigma {
            sigma.observe(event, |hit| self.sigma_signal(&hit, &mut draft));
        }
    }

    fn look_at(&self, scene: Scene<'_, '_>, secret: &Sighting, steps: &[Step], draft: &mut Draft<'_, '_, '_>) {
        for step in steps {
            let rule = &self.rules[usize::from(step.rule)];
            let sure = secret.confidence > Confidence::Suspected || rule.of_confidence;
            if sure && step.when.holds(scene) {
                self.signal(step, scene, draft);
            }
        }
    }

    fn signal(&self, step: &Step, scene: Scene<'_, '_>, draft: &mut Draft<'_, '_, '_>) {
        let rule = &self.rules[usize::from(step.rule)];
        if if rule.of_secret { draft.of_secrets >= MAX_OF_SECRETS } else { draft.given >= MAX_SIGNALS } {
            return;
        }
        if rule.light && rule.by_app && draft.signals.is_known_sign(step.rule, draft.event) {
            draft.given += 1;
            return;
        }
        let key = || self.key_of(&rule.by, scene, Names::InUse);
        let value = || self.value_of(rule, scene, Names::InUse);
        let of_event = scene.secret.is_none();
        let once = &mut draft.signals.once;
        let Some(key) = (if of_event { once.key(step.numbers, key) } else { key() }) else { return };
        let Some(value) = (if of_event { once.value(step.numbers, value) } else { value() }) else { return };
        // The same secret twice in one record, in a URL and again in its parts, is seen once.
        let twice = |signal: &Drafted| {
            (signal.detector, signal.step, signal.key, signal.value) == (step.rule, step.number, key, value)
        };
        if rule.of_secret && draft.signals.list[draft.before..].iter().any(twice) {
            return;
        }
        *(if rule.of_secret { &mut draft.of_secrets } else { &mut draft.given }) += 1;
        // What answers can only keep its detector quiet.
        if !(rule.light || rule.answered && step.number > 0)
            && let Some(id) = self.exceptions.cover(step.rule, scene)
        {
            draft.hold(rule.of_secret.then_some((step.rule, step.number, key, value)), id);
            return;
        }
        if rule.light && !draft.signals.is_new_sign(step.rule, key, draft.event) {
            return;
        }
        if let (Some(_), false) = (rule.coarse, draft.event.is_linked()) {
            let (at, until) = (draft.event.time(), draft.event.time().end_of(rule.coarse));
            let shown = Shown { key, value, until, detector: step.rule };
            if !draft.signals.is_first(shown, at, draft.hash) {
                return;
            }
        }
        let (time, hash, sheet) = draft.sheet(rule.light);
        let row = sheet.rows() - 1;
        let Some((entity, shard)) = self.entity(step, scene, draft) else { return };
        let place = Place { row, kind: rule.entity, entity, shown: self.shown(step, scene, draft) };
        draft.signals.list.push(Drafted {
            detector: step.rule,
            level: rule.level.of(scene),
            step: step.number,
            sheet: usize::from(rule.light),
            key,
            value,
            time,
            hash,
            learns: false,
            shard,
            place,
        });
        if draft.event.is_linked() && !rule.light {
            self.learn(rule, scene, draft);
        }
    }

    /// Repeats the newest signal under the names of the key that is coming, if that changes whom it
    /// is about or what its detector remembers: that key takes over what is known by then.
    fn learn(&self, rule: &Rule, scene: Scene<'_, '_>, draft: &mut Draft<'_, '_, '_>) {
        let Some(now) = draft.signals.list.last() else { return };
        let Some(key) = self.key_of(&rule.by, scene, Names::Coming) else { return };
        let Some(value) = self.value_of(rule, scene, Names::Coming) else { return };
        // Of one entity's values only remembered ones are learnt: counted twice, they would add up.
        if key == now.key && (value == now.value || !rule.of_values) {
            return;
        }
        let mut coming = Drafted { key, value, learns: true, ..now.clone() };
        let renamed = draft.event.coming(draft.signals.sheet.text(now.place.entity));
        if let Some(name) = renamed {
            coming.shard = self.shard_of(rule.entity, &name);
            coming.place.entity = draft.signals.sheet.name(|names| names.push_str(&name));
        }
        draft.signals.list.push(coming);
    }

    /// Tells whether `step` holds of a scene that names all that its rule keeps its state by.
    fn concerns(&self, step: &Step, scene: Scene<'_, '_>) -> bool {
        let rule = &self.rules[usize::from(step.rule)];
        let named = self.key_of(&rule.by, scene, Names::InUse).is_some();
        named && self.value_of(rule, scene, Names::InUse).is_some() && step.when.holds(scene)
    }

    fn key_of(&self, terms: &[Term], scene: Scene<'_, '_>, names: Names) -> Option<u128> {
        let mut gathered = Gathered::new(SipHasher13Wide::new_with_keys(self.key.0, self.key.1));
        for term in terms {
            let (field, value) = term.get(scene)?;
            names.feed(&mut gathered, field, value, scene);
        }
        Some(gathered.into_hasher().finish128().as_u128())
    }

    fn value_of(&self, rule: &Rule, scene: Scene<'_, '_>, names: Names) -> Option<u64> {
        if !rule.is_hashed() {
            return rule.weighed(scene);
        }
        let mut gathered = Gathered::new(SipHasher13::new_with_keys(self.key.0, !self.key.1));
        for term in &rule.value {
            let (field, value) = term.get(scene)?;
            names.feed(&mut gathered, field, value, scene);
        }
        Some(gathered.into_hasher().finish())
    }

    /// Returns the shard that owns an entity, so that all its signals have one owner.
    fn shard_of(&self, kind: EntityKind, name: &str) -> u8 {
        let mut gathered = Gathered::new(SipHasher13::new_with_keys(!self.key.0, self.key.1));
        gathered.byte(kind as u8);
        gathered.feed(Value::Text(name));
        gathered.into_hasher().finish() as u8
    }
}

fn lists(rules: &[Rule], numbers: &[Numbers], kind: Kind, outcome: Outcome) -> Lists {
    let mut lists = Lists::default();
    for ((place, rule), &numbers) in (0_u16..).zip(rules).zip(numbers) {
        if !rule.kinds.contains(&kind) {
            continue;
        }
        for (number, when) in (0_u8..).zip(&rule.steps) {
            if when.may_hold(kind, outcome) {
                let mut sought = Vec::new();
                when.sought(&mut sought);
                lists.gated = sought.iter().fold(lists.gated, |gated, (field, _)| gated.or(Gated::of(*field)));
                let of_event = !when.mentions(&Field::of_secret);
                let when = when.settled();
                let needs = Needs::of_step(rule, &when);
                lists.fields |= needs.fields();
                let list = match (rule.of_secret, rule.of_hash) {
                    (false, _) => &mut lists.plain,
                    (true, true) if of_event => &mut lists.plain,
                    (true, true) => &mut lists.hashed,
                    (true, false) => &mut lists.secret,
                };
                let rest = Needs::rest(&when);
                list.push(Step { rule: place, number, numbers, aside: rule.aside, needs, when, rest });
            }
        }
    }
    lists.sieve = Sieve::of(&lists.plain.iter().map(|step| &step.needs).collect::<Vec<_>>());
    lists
}

impl Draft<'_, '_, '_> {
    /// Notes that an exception held a match back; the same secret twice is one.
    fn hold(&mut self, of_secret: Option<(u16, u8, u128, u64)>, exception: &Arc<str>) {
        if let Some(one) = of_secret {
            if self.held.contains(&one) {
                return;
            }
            self.held.push(one);
        }
        self.signals.held.push(Arc::clone(exception));
    }

    /// Returns time, hash and sheet of the record, which is written there for the first of its signals.
    fn sheet(&mut self, light: bool) -> (Timestamp, u128, &mut Sheet) {
        let event = self.event;
        let sheet = if light { &mut self.signals.light } else { &mut self.signals.sheet };
        // A sign of life is one for each second and category: all of its records say the same.
        let sign = (second(event.time()), u128::from(event.category().lane()));
        let (time, hash) = if light { sign } else { (event.time(), self.hash) };
        if !std::mem::replace(&mut self.written[usize::from(light)], true) {
            let app = event.app().map(|app| sheet.name(|names| write(Value::Text(app), names)));
            sheet.begin(time, hash, event.position(), event.category(), app);
            if !light {
                add_entities(event, app, sheet);
                sheet.add_record(&event.record());
            }
        }
        (time, hash, sheet)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::OnceLock;

    use crate::detection::sheet::MAX_RECORD;
    use crate::detection::{Catalogue, Level, Signal};
    use crate::redaction::{KeyRing, Redactor, Settings};
    use crate::telemetry::Entity;

    use super::super::case::Case;
    use super::super::cases::rehearse;
    use super::super::naming::MAX_ENTITIES;
    use super::*;

    const HEAD: &str = "\
title: t
threat: key-theft
attack: { version: '18', techniques: [] }
why: w
triage: t
false_alarms: f
says: s
";

    fn redactor() -> &'static Redactor {
        static ONE: OnceLock<Redactor> = OnceLock::new();
        ONE.get_or_init(|| Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap())
    }

    #[test]
    fn a_value_that_is_shown_all_the_time_is_told_of_once_an_hour_and_a_batch() {
        let often = "{ kind: http.request, app: a, request.host: a.example }\n      repeat: 100\n      every: 1m";
        let first_seen = "level: low\nneeds: any\nfirst_seen: { of: request.host, by: app, learn: 1d, forget: 7d }\n";
        let found = signals(first_seen, often);
        assert!((2..=3).contains(&found.len()), "{} signals", found.len());
        let short = "level: low\nneeds: any\nfirst_seen: { of: request.host, by: app, learn: 1h, forget: 2h }\n";
        assert_eq!(signals(short, often).len(), 100);
    }

    /// Returns the signals that a detector called `probing.x` gives for one event.
    fn signals(detector: &str, event: &str) -> Vec<Signal> {
        let file = format!("id: probing.x\n{HEAD}{detector}");
        let files = BTreeMap::from([("probing/x.yaml".to_owned(), file)]);
        let catalogue = Catalogue::build(&files).unwrap_or_else(|problems| panic!("{problems:?}"));
        let case = format!("- name: n\n  alert: []\n  given:\n    - event: {event}\n");
        let case = Case::read_all("x.test.yaml", &case).unwrap_or_else(|problems| panic!("{problems:?}"));
        rehearse(&case[0], &catalogue.matcher((7, 9)), redactor()).signals
    }

    fn fires(when: &str, event: &str) -> bool {
        let detector = format!("level: low\nneeds: any\nwhen: {when}\nmatch: {{ by: source.ip }}\n");
        let event = format!("{{ kind: http.request, source.ip: 203.0.113.7, {event} }}");
        !signals(&detector, &event).is_empty()
    }

    #[test]
    fn the_shipped_detectors_leave_room_in_the_gates_that_turn_calm_requests_away() {
        let matcher = Catalogue::shipped().unwrap().matcher((7, 9));
        assert!(
            matcher.gates.are_all_there(),
            "too many rare words are sought: every request is asked for each of them"
        );
    }

    #[test]
    fn a_condition_reads_as_it_is_written() {
        for (when, event, holds) in [
            ("{ request.path: /Api/X }", "request.path: /api/x", true),
            ("{ request.path: { cased: /Api/X } }", "request.path: /api/x", false),
            ("{ request.path: [/a, /b] }", "request.path: /b", true),
            ("{ request.path: { starts_with: /api/ } }", "request.path: /ap", false),
            ("{ request.path: { ends_with: .ENV } }", "request.path: /.env", true),
            ("{ request.path: { ends_with: \u{e9}nv } }", "request.path: v", false),
            ("{ request.path: { contains: [x, ADMIN] } }", "request.path: /an/admin/page", true),
            ("{ request.path: { regex: '^/v[0-9]+/' } }", "request.path: /V12/", true),
            ("{ request.path: { cased: { regex: '^/v[0-9]+/' } } }", "request.path: /V12/", false),
            ("{ request.path: { not: /a } }", "request.path: /a", false),
            ("{ request.path: { not: /a } }", "request.method: GET", true),
            ("{ request.path: { exists: false } }", "request.method: GET", true),
            ("{ request.path: { exists: true, not: /a } }", "request.method: GET", false),
            ("{ response.status: [401, 403] }", "response.status: 403", true),
            ("{ response.status: { gte: 200, lt: 300 } }", "response.status: 300", false),
            ("{ response.status: { gt: 299, lte: 300 } }", "response.status: 300", true),
            ("{ source.ip: 203.0.113.7 }", "app: a", true),
            ("{ source.ip: { in_network: [10.0.0.0/8, 203.0.113.0/24] } }", "app: a", true),
            ("{ source.ip: { not: { in_network: 203.0.113.0/24 } } }", "app: a", false),
            ("{ any: [ { app: a }, { app: b } ] }", "app: b", true),
            ("{ all: [ { app: a }, { not: { request.method: GET } } ] }", "app: a, request.method: GET", false),
            ("{ not: { app: a, request.method: GET } }", "app: a, request.method: PUT", true),
            ("{ outcome: failure }", "outcome: success", false),
            ("{ kind: [http.request, function.log], outcome: [success, unknown] }", "app: a", true),
        ] {
            assert_eq!(fires(when, event), holds, "{when} on {event}");
        }
    }

    #[test]
    fn gates_turn_nothing_away_that_a_condition_takes() {
        let (agent, path) = ("{ client.agent: { contains: [sqlmap] } }", "{ request.path: { contains: [passwd] } }");
        let either = format!("{{ any: [ {agent}, {path} ] }}");
        let both = format!("{{ all: [ {agent}, {path} ] }}");
        let not = "{ client.agent: { not: { contains: [sqlmap] } } }";
        let long = |length: usize| format!("client.agent: '{}SqlMap'", "x".repeat(length));
        for (when, event, holds) in [
            (agent, "client.agent: 'x SQLMAP/1.8'", true),
            (agent, "client.agent: curl/8", false),
            (agent, "app: a", false),
            (agent, &long(506), true),
            (agent, &long(507), true),
            (agent, &long(2_000), true),
            ("{ client.agent: { contains: [\u{e9}clair] } }", "client.agent: 'un \u{e9}CLAIR'", true),
            ("{ client.agent: { contains: [zz] } }", "client.agent: 'aZz'", true),
            (not, "client.agent: curl/8", true),
            (not, "app: a", true),
            (not, "client.agent: 'x sqlmap'", false),
            (&either, "client.agent: sqlmap, request.path: /a", true),
            (&either, "client.agent: curl, request.path: /etc/PASSWD", true),
            (&either, "client.agent: curl, request.path: /a", false),
            (&both, "client.agent: sqlmap, request.path: /a", false),
            (&both, "client.agent: sqlmap, request.path: /etc/passwd", true),
        ] {
            assert_eq!(fires(when, event), holds, "{when} on {event}");
        }
    }

    #[test]
    fn the_part_of_a_ratio_is_no_business_of_the_gates() {
        let part = "{ client.agent: { contains: [curl] } }";
        let ratio = format!("ratio: {{ of: {part}, by: app, at_least: 50%, among: 20, within: 10m }}\n");
        let beside = "when: { client.agent: { not: { contains: [sqlmap] } } }\n";
        for (agent, share) in [("curl/8", 1), ("wget", 0)] {
            let detector = format!("level: low\nneeds: any\n{beside}{ratio}");
            let found = signals(&detector, &format!("{{ kind: http.request, app: a, client.agent: {agent} }}"));
            assert_eq!(found.iter().map(|signal| signal.value).collect::<Vec<_>>(), [share], "{agent}");
        }
    }

    #[test]
    fn a_function_is_named_with_its_app() {
        let detector = "level: low\nneeds: any\nmatch: { by: function }\n";
        let found = signals(detector, "{ kind: function.log, app: Orders, function: Import }");
        assert_eq!(found[0].entity(), Entity::new(EntityKind::Function, "orders/import"));
        let other = signals(detector, "{ kind: function.log, app: Other, function: import }");
        assert_ne!(found[0].key, other[0].key);
    }

    #[test]
    fn a_record_lists_every_entity_it_names_once() {
        let secret = "{ kind: azure-function-key, id: 'azure-function-key:k1:FFFFFFFF' }";
        let event = format!(
            "{{ kind: http.request, source.ip: 'FD00::1', key.id: K-1, app: Orders, function: f, identity.id: I, \
             origin: 'https://A.example/', gateway: Shop, secret: [{secret}, {secret}] }}"
        );
        let found = signals("level: low\nneeds: any\nmatch: { by: app }\n", &event);
        let named: Vec<_> =
            found[0].observed().entities.iter().map(|entity| format!("{} {}", entity.kind, entity.value)).collect();
        assert_eq!(
            named,
            [
                "ip fd00::1",
                "key k-1",
                "app orders",
                "function orders/f",
                "identity i",
                "origin https://a.example",
                "secret azure-function-key:k1:FFFFFFFF",
                "gateway shop",
            ]
        );
    }

    #[test]
    fn all_signals_of_an_entity_have_one_shard_whatever_else_keys_them() {
        let event = "{ kind: http.request, app: Orders, source.ip: 203.0.113.7 }";
        let one = &signals("level: low\nneeds: any\nmatch: { by: app }\n", event)[0];
        let two = &signals("level: low\nneeds: any\nmatch: { by: [app, source.ip] }\n", event)[0];
        assert_eq!(one.shard, two.shard);
        assert_ne!(one.key, two.key);
    }

    #[test]
    fn an_event_without_the_key_is_no_signal() {
        assert!(
            signals("level: low\nneeds: any\nmatch: { by: key.id }\n", "{ kind: http.request, app: a }").is_empty()
        );
        let distinct = "level: low\nneeds: any\ndistinct: { count: origin, by: app, more_than: 1, within: 1m }\n";
        assert!(signals(distinct, "{ kind: http.request, app: a }").is_empty());
    }

    #[test]
    fn the_level_is_that_of_the_secret() {
        let detector =
            "level: { by: secret.privilege, master: critical, default: low }\nneeds: any\nmatch: { by: secret.id }\n";
        let secret =
            |n, privilege| format!("{{ kind: k, privilege: {privilege}, id: 'k:k1:{n}{n}{n}{n}{n}{n}{n}{n}' }}");
        let event = format!("{{ kind: function.log, secret: [{}, {}] }}", secret('A', "master"), secret('B', "read"));
        let levels: Vec<_> = signals(detector, &event).iter().map(|signal| signal.level).collect();
        assert_eq!(levels, [Level::Critical, Level::Low]);
    }

    /// How many signals `detector` gives for an event of that layer and stage.
    fn counted(detector: &str, event: &str) -> usize {
        signals(&format!("level: low\nneeds: [gateway.request, http.request, control.operation]\n{detector}"), event)
            .len()
    }

    #[test]
    fn what_a_gateway_has_seen_before_counts_there_unless_a_detector_asks_for_more() {
        let inner = "{ kind: http.request, layer: inner, source.ip: 203.0.113.7, app: a, key.id: k, reason: key-invalid, outcome: failure }";
        let outer = inner.replace("inner", "outer");
        for (detector, of_inner) in [
            ("match: { by: source.ip }", 0),
            ("when: { outcome: failure, reason: { not: rate } }\nmatch: { by: source.ip }", 0),
            ("when: { reason: [key-invalid, not-found] }\nmatch: { by: source.ip }", 0),
            ("when: { layer: [inner, outer] }\nmatch: { by: source.ip }", 1),
            ("when: { reason: key-invalid }\nmatch: { by: source.ip }", 1),
            ("when: { key.id: { exists: true } }\nmatch: { by: source.ip }", 1),
            ("match: { by: [source.ip, app] }", 1),
            ("absence: { by: source.ip, after: 1m, at_least: 1 }", 1),
        ] {
            assert_eq!((counted(detector, inner), counted(detector, &outer)), (of_inner, 1), "{detector}");
        }
        let only_apps = "level: low\nneeds: [http.request]\nmatch: { by: source.ip }\n";
        assert_eq!(signals(only_apps, inner).len(), 1, "no gateway's record could count there");
    }

    #[test]
    fn a_secret_in_the_log_of_an_inner_layer_has_leaked_too() {
        let event =
            "{ kind: http.request, layer: inner, source.ip: 203.0.113.7, secret: { kind: k, id: 'k:k1:AAAAAAAA' } }";
        assert_eq!(counted("when: { secret.kind: k }\nmatch: { by: source.ip }", event), 1);
    }

    #[test]
    fn of_an_operations_records_only_the_last_counts() {
        let event = |stage: &str| format!("{{ kind: control.operation, identity.id: i, stage: {stage} }}");
        for (stage, plain, asked) in [("started", 0, 1), ("accepted", 0, 1), ("ended", 1, 1)] {
            assert_eq!(counted("match: { by: identity.id }", &event(stage)), plain, "{stage}");
            let asks = "when: { stage: { exists: true } }\nmatch: { by: identity.id }";
            assert_eq!(counted(asks, &event(stage)), asked, "{stage}");
        }
    }

    #[test]
    fn suspected_secrets_count_for_those_who_ask_only() {
        let event = "{ kind: function.log, secret: { kind: k, confidence: suspected, id: 'k:k1:AAAAAAAA' } }";
        let detector = |when| format!("level: low\nneeds: any\nwhen: {when}\nmatch: {{ by: secret.id }}\n");
        assert_eq!(signals(&detector("{ secret.kind: k }"), event).len(), 0);
        assert_eq!(signals(&detector("{ secret.confidence: suspected }"), event).len(), 1);
    }

    #[test]
    fn a_record_gives_a_bounded_number_of_signals_and_bytes() {
        let secrets: Vec<_> = (0..100).map(|n| format!("{{ kind: k, id: 'k:k1:AAAA{n}' }}")).collect();
        let event =
            format!("{{ kind: function.log, message: '{}', secret: [{}] }}", "\u{e9}".repeat(2000), secrets.join(", "));
        let found = signals("level: low\nneeds: any\nmatch: { by: secret.id }\n", &event);
        assert_eq!(found.len(), MAX_SECRETS);
        let observed = found[0].observed();
        assert_eq!(observed.entities.len(), MAX_ENTITIES);
        let record = observed.record.as_ref().unwrap();
        assert!((MAX_RECORD - 3..=MAX_RECORD).contains(&record.len()), "{}", record.len());
        assert!(found.iter().all(|signal| Arc::ptr_eq(signal.observed(), observed)));
    }

    #[test]
    fn a_step_of_a_sequence_says_which_it_is() {
        let detector = "\
level: low
needs: [http.request]
when: { app: a }
sequence:
  by: source.ip
  within: 1h
  steps: [ { when: { outcome: failure }, at_least: 3 }, { when: { outcome: success } } ]
";
        let steps = |outcome: &str| -> Vec<u8> {
            let event = format!("{{ kind: http.request, app: a, source.ip: 203.0.113.7, outcome: {outcome} }}");
            signals(detector, &event).iter().map(|signal| signal.step).collect()
        };
        assert_eq!((steps("failure"), steps("success"), steps("unknown")), (vec![0], vec![1], vec![]));
    }

    #[test]
    fn silence_is_counted_without_keeping_records() {
        let found = signals(
            "level: low\nneeds: any\nabsence: { by: app, after: 1m, at_least: 1 }\n",
            "{ kind: function.log, app: Orders, message: m }",
        );
        assert_eq!(found[0].entity(), Entity::new(EntityKind::App, "orders"));
        assert_eq!((found[0].observed().record.as_ref(), found[0].observed().entities.len()), (None, 0));
    }
}
