//! Which matches count for nothing, by whose word, why, and until when?
//!
//! An exception is data with an owner, a reason and an end, in the detectors' own language: what it
//! covers makes no signal, and how often it did is counted. Its end goes by the event's time, so that
//! a replay holds back what the daemon held back. A silence or a risk has no event: there `when` is asked of
//! whom it is about. At most 1,000 exceptions; a match is tried against those for its detector.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::context::{Asked, day};
use crate::posture::document::{self, Located, Node, Section, unknown};
use crate::posture::{Problem, Problems};
use crate::telemetry::{EntityKind, Field};

use super::condition::Condition;
use super::scene::Scene;
use super::{Detector, Detectors, Family, Finding, when};

const MAX_EXCEPTIONS: usize = 1_000;
/// Bytes of an exception's id at most: it is a label of a metric.
const MAX_ID: usize = 64;
const KEYS: [&str; 7] = ["id", "detectors", "when", "owner", "reason", "created", "expires"];

/// Every exception, expired ones too: what they cover goes by the event's time.
#[derive(Debug, Default)]
pub struct Exceptions {
    all: Vec<Exception>,
    /// For each detector the places of those that cover it; empty where there are none at all.
    of: Vec<Vec<u16>>,
    asked: Asked,
}

/// One exception.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What it is called, such as `pentest-march`.
    pub id: Arc<str>,
    /// The detectors it is for as written: ids, families, or `*`.
    pub detectors: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Why what it covers is no trouble.
    pub reason: String,
    /// When it was written, where that is said; it says nothing about what is covered.
    pub created: Option<Timestamp>,
    /// Events at or after this are not covered.
    pub expires: Timestamp,
    when: Condition,
}

/// Where an exception stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds for now.
    InForce,
    /// It holds, and not for long.
    Soon,
    /// It holds no more.
    Expired,
}

impl Standing {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InForce => "in force",
            Self::Soon => "ends soon",
            Self::Expired => "expired",
        }
    }
}

impl Exception {
    /// Returns where it stands at `now`; it ends soon if it does within `soon`.
    pub fn standing(&self, now: Timestamp, soon: Duration) -> Standing {
        match self.expires {
            end if end <= now => Standing::Expired,
            end if end <= now.plus(soon) => Standing::Soon,
            _ => Standing::InForce,
        }
    }

    /// Says that it has ended or will soon, and what to do; `None` while it holds for long.
    pub fn warning(&self, now: Timestamp, soon: Duration) -> Option<String> {
        let (id, owner, end) = (&self.id, &self.owner, self.expires);
        match self.standing(now, soon) {
            Standing::InForce => None,
            Standing::Soon => Some(format!("exception {id} of {owner} ends at {end}: renew it, or let it go")),
            Standing::Expired => {
                Some(format!("exception {id} of {owner} has ended at {end}: renew it, or take it out"))
            }
        }
    }
}

impl Exceptions {
    /// Reads the YAML of `file`, a list of exceptions; their detectors must be among `detectors`.
    ///
    /// # Errors
    ///
    /// Every problem of the file, in order of their lines.
    pub fn read(file: &str, text: &str, detectors: &Detectors) -> Result<Self, Vec<Problem>> {
        let tree = document::read(file, text).map_err(|problem| vec![problem])?;
        let mut problems = Problems::of(file);
        let items = match tree.node {
            Node::List(items) => items,
            Node::Null => Vec::new(),
            other => {
                problems.add(tree.line, format!("The file is a list of exceptions, not {}.", other.describe()));
                Vec::new()
            }
        };
        if items.len() > MAX_EXCEPTIONS {
            problems
                .add(tree.line, format!("There are more than {MAX_EXCEPTIONS} exceptions: take out those that ended."));
        }
        let mut read = Self { of: vec![Vec::new(); detectors.all.len()], ..Self::default() };
        for item in items.into_iter().take(MAX_EXCEPTIONS) {
            let line = item.line;
            let Some((exception, covers)) = exception(item, detectors, &mut problems) else { continue };
            if read.all.iter().any(|known| known.id == exception.id) {
                problems
                    .add(line, format!("There are two exceptions `{}`. Give one of them another id.", exception.id));
            }
            for number in covers {
                read.of[usize::from(number)].push(read.all.len() as u16);
            }
            read.asked = read.asked.and(Asked::by(|of| exception.when.mentions(&of)));
            read.all.push(exception);
        }
        if read.all.is_empty() {
            read.of.clear();
        }
        if problems.is_empty() { Ok(read) } else { Err(problems.into_list()) }
    }

    /// Returns an exception for detector number `detector` of so many, which covers what fulfils `when` for ever.
    pub(super) fn lone(when: Condition, detector: usize, detectors: usize) -> Self {
        let asked = Asked::by(|of| when.mentions(&of));
        let exception = Exception {
            id: Arc::from("except"),
            detectors: Vec::new(),
            owner: String::new(),
            reason: String::new(),
            created: None,
            expires: Timestamp::MAX,
            when,
        };
        let mut of = vec![Vec::new(); detectors];
        if let Some(own) = of.get_mut(detector) {
            own.push(0);
        }
        Self { all: vec![exception], of, asked }
    }

    /// Returns these and those of `others`, which are for the same detectors.
    ///
    /// # Errors
    ///
    /// Says which id both have, or that they are too many.
    pub fn and(&self, others: &Self) -> Result<Self, String> {
        let both = others.all.iter().find(|one| self.all.iter().any(|known| known.id == one.id));
        if let Some(one) = both {
            return Err(format!("there is an exception `{}` already: give it another id", one.id));
        }
        let before = self.all.len();
        if before + others.all.len() > MAX_EXCEPTIONS {
            return Err(format!("there are more than {MAX_EXCEPTIONS} exceptions: take out those that ended"));
        }
        let all: Vec<_> = self.all.iter().chain(&others.all).cloned().collect();
        let mut of = vec![Vec::new(); self.of.len().max(others.of.len())];
        for (from, places) in [(0, &self.of), (before, &others.of)] {
            for (own, more) in of.iter_mut().zip(places) {
                own.extend(more.iter().map(|place| place + from as u16));
            }
        }
        Ok(Self { all, of, asked: self.asked.and(others.asked) })
    }

    /// Tells whether one of them, not ended at `at`, covers for detector number `detector` an event of which
    /// only the texts that `get` gives are known.
    pub(super) fn covers_texts<'t>(
        &self,
        detector: usize,
        at: Timestamp,
        get: &impl Fn(Field) -> Option<&'t str>,
    ) -> bool {
        let of = self.of.get(detector).map(Vec::as_slice).unwrap_or_default();
        let mut those = of.iter().map(|place| &self.all[usize::from(*place)]);
        those.any(|exception| at < exception.expires && exception.when.holds_of(get))
    }

    /// Returns the same exceptions for `detectors`; a name that is none of theirs covers nothing.
    #[must_use]
    pub fn for_others(&self, detectors: &Detectors) -> Self {
        if self.all.is_empty() {
            return Self::default();
        }
        let covers = |exception: &Exception, detector: &Detector| {
            let fits = |name: &String| name == "*" || name == detector.family.name() || **name == *detector.id;
            exception.detectors.iter().any(fits)
        };
        let of = |detector: &Arc<Detector>| {
            (0_u16..).zip(&self.all).filter(|(_, one)| covers(one, detector)).map(|(place, _)| place).collect()
        };
        Self { all: self.all.clone(), of: detectors.all.iter().map(of).collect(), asked: self.asked }
    }

    /// Returns how many are for detector number `detector`.
    pub fn many_for(&self, detector: usize) -> usize {
        self.of.get(detector).map_or(0, Vec::len)
    }

    /// Returns every exception, in the order of the file.
    pub fn all(&self) -> &[Exception] {
        &self.all
    }

    /// Returns each with what it asks for.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&Exception, &Condition)> {
        self.all.iter().map(|one| (one, &one.when))
    }

    /// Returns what their conditions ask of context.
    pub fn asked(&self) -> Asked {
        self.asked
    }

    /// Returns the one that holds a match of detector number `detector` back.
    #[inline]
    pub(super) fn cover(&self, detector: u16, scene: Scene<'_, '_>) -> Option<&Arc<str>> {
        let of = self.of.get(usize::from(detector)).filter(|of| !of.is_empty())?;
        // What the gate looks for are the detectors' words, not these.
        let scene = Scene::new(scene.event, scene.secret);
        let now = scene.event.time();
        let covers = |exception: &&Exception| now < exception.expires && exception.when.holds(scene);
        of.iter().map(|place| &self.all[usize::from(*place)]).find(covers).map(|exception| &exception.id)
    }

    /// Returns the one that holds back what detector number `detector` found in no event.
    pub fn cover_eventless(&self, detector: usize, finding: &Finding) -> Option<&Arc<str>> {
        let of = self.of.get(detector)?;
        let get = |field: Field| match (field, &finding.entity) {
            (Field::App, entity) if entity.kind != EntityKind::App => finding.app.as_deref(),
            (field, entity) => {
                super::scene::entity_kind(field).filter(|kind| *kind == entity.kind).map(|_| &*entity.value)
            }
        };
        let covers = |exception: &&Exception| finding.at < exception.expires && exception.when.holds_of(&get);
        of.iter().map(|place| &self.all[usize::from(*place)]).find(covers).map(|exception| &exception.id)
    }
}

fn exception(item: Located, detectors: &Detectors, problems: &mut Problems) -> Option<(Exception, Vec<u16>)> {
    let line = item.line;
    let mut section = item.section("An exception", problems)?;
    let id = section.demand_text("id", "Give it a name, such as `id: pentest-march`.", problems);
    if let Some(id) = id.as_ref().filter(|id| !is_plain(id)) {
        problems.add(line, format!("`{id}` is no id: use at most {MAX_ID} letters, digits, `-`, `_` and `.`."));
    }
    let named = section.demand("detectors", "Say for which: an id, a family, or `\"*\"` for all.", problems);
    let named = named.map(|named| named.texts("A detector", problems)).unwrap_or_default();
    let covers = covered(&named, detectors, problems);
    let all = named.iter().any(|(name, _)| name == "*");
    let when = section.take("when").map(|when| when::compile(when, problems));
    if all && when.is_none() {
        problems.add(line, "`\"*\"` without `when` would cover everything. Say `when`, or name the detectors.");
    }
    let owner = section.demand_text("owner", "Say who answers for it.", problems);
    let reason = section.demand_text("reason", "Say why what it covers is no trouble.", problems);
    let created = section.take("created").and_then(|created| moment("created", &created, problems));
    let expires = expiry(&mut section, problems);
    section.finish("a key of an exception", &KEYS, problems);
    let exception = Exception {
        id: id?.into(),
        detectors: named.into_iter().map(|(name, _)| name).collect(),
        owner: owner?,
        reason: reason?,
        created,
        expires: expires?,
        when: when.unwrap_or(Condition::Always),
    };
    Some((exception, covers))
}

fn expiry(section: &mut Section, problems: &mut Problems) -> Option<Timestamp> {
    let mend = "Every exception ends: write `expires: 2026-12-31`, and renew it if need be.";
    let expires = section.demand("expires", mend, problems)?;
    moment("expires", &expires, problems)
}

fn moment(key: &str, value: &Located, problems: &mut Problems) -> Option<Timestamp> {
    let text = value.text(&format!("`{key}`"), problems)?;
    let read = day(&text);
    if read.is_none() {
        problems.add(
            value.line,
            format!("`{key}` must be a day such as `2026-12-31` (its beginning, UTC) or RFC 3339, not `{text}`."),
        );
    }
    read
}

/// Returns the numbers of the detectors that `named` names.
fn covered(named: &[(String, usize)], detectors: &Detectors, problems: &mut Problems) -> Vec<u16> {
    let mut covers = Vec::new();
    for (name, line) in named {
        let family = Family::ALL.into_iter().find(|family| family.name() == name);
        let fits = |number: &u16| {
            let detector = &detectors.all[usize::from(*number)];
            name == "*" || family == Some(detector.family) || *detector.id == **name
        };
        let before = covers.len();
        covers.extend((0..detectors.all.len() as u16).filter(fits));
        if covers.len() == before && family.is_none() && name != "*" {
            let ids = detectors.all.iter().map(|detector| &*detector.id);
            let known = ids.chain(Family::ALL.iter().map(|family| family.name()));
            problems.add(*line, unknown(name, "a detector or a family", known));
        }
    }
    covers.sort_unstable();
    covers.dedup();
    covers
}

fn is_plain(id: &str) -> bool {
    id.len() <= MAX_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::case::Case;
    use super::super::cases::rehearse;
    use super::*;
    use crate::detection::Catalogue;
    use crate::redaction::{KeyRing, Redactor, Settings};

    fn read(text: &str) -> Result<Exceptions, String> {
        let catalogue = Catalogue::shipped().unwrap();
        let says = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        Exceptions::read("exceptions.yaml", text, &catalogue.detectors).map_err(says)
    }

    const PENTEST: &str = "
- id: pentest-march
  detectors: [probing, key-usage.limit_exhausted]
  when: { source.ip: 198.51.100.0/24 }
  owner: Dana Reyes
  reason: Pentest of the shop, order 4711
  created: 2026-03-01
  expires: 2026-03-15
";

    #[test]
    fn an_exception_covers_an_id_a_family_or_all() {
        let read = read(PENTEST).unwrap();
        let catalogue = Catalogue::shipped().unwrap();
        let covered = read.of.iter().zip(&catalogue.detectors.all).filter(|(of, _)| !of.is_empty());
        let covered: Vec<_> = covered.map(|(_, detector)| &*detector.id).collect();
        assert!(covered.contains(&"key-usage.limit_exhausted") && covered.len() > 3, "{covered:?}");
        assert!(covered.iter().all(|id| id.starts_with("probing.") || id.ends_with(".limit_exhausted")), "{covered:?}");
        assert_eq!(read.all()[0].expires, Timestamp::parse_rfc3339("2026-03-15T00:00:00Z").unwrap());
    }

    #[test]
    fn for_other_detectors_the_same_exceptions_cover_what_is_theirs() {
        let shipped = read(PENTEST).unwrap();
        let same = shipped.for_others(&Catalogue::shipped().unwrap().detectors);
        assert_eq!(same.of, shipped.of);
        let text = "id: probing.x\ntitle: t\nthreat: key-theft\nattack: { version: '18', techniques: [] }\nwhy: w\ntriage: t\n\
                    false_alarms: f\nsays: s\nlevel: low\nneeds: [http.request]\nmatch: { by: app }\n";
        let other = text.replace("probing.x", "identity.x");
        let files =
            BTreeMap::from([("identity/x.yaml".to_owned(), other), ("probing/x.yaml".to_owned(), text.to_owned())]);
        let others = Catalogue::build(&files).unwrap();
        assert_eq!(shipped.for_others(&others.detectors).of, [vec![], vec![0]], "identity.x, probing.x");
        assert_eq!(Exceptions::default().for_others(&others.detectors).of, Vec::<Vec<u16>>::new());
    }

    #[test]
    fn exceptions_of_two_files_hold_side_by_side_under_ids_of_their_own() {
        let first = read(PENTEST).unwrap();
        let other = read(&PENTEST.replace("march", "april").replace("probing, ", "")).unwrap();
        let both = first.and(&other).unwrap();
        assert_eq!(both.all().iter().map(|one| &*one.id).collect::<Vec<_>>(), ["pentest-march", "pentest-april"]);
        let catalogue = Catalogue::shipped().unwrap();
        let place = catalogue.detectors.place_of("key-usage.limit_exhausted").unwrap();
        assert_eq!(both.of[place], [0, 1]);
        assert_eq!(Exceptions::default().and(&other).unwrap().of, other.of);
        assert_eq!(first.and(&Exceptions::default()).unwrap().of, first.of);
        assert!(first.and(&first).unwrap_err().contains("`pentest-march` already"));
    }

    #[test]
    fn an_exception_that_ends_is_said_before_and_after() {
        let read = read(PENTEST).unwrap();
        let at = |text: &str| read.all()[0].warning(day(text).unwrap(), Duration::from_hours(7 * 24));
        assert_eq!(at("2026-03-07"), None);
        assert!(at("2026-03-08").unwrap().contains("of Dana Reyes ends at 2026-03-15"));
        assert!(at("2026-03-15").unwrap().contains("has ended"));
    }

    /// Tells whether an exception with the condition `when` holds back what a detector of requests makes
    /// of `event`.
    fn holds_back(when: &str, event: &str) -> bool {
        let detector = "id: probing.x\ntitle: t\nthreat: key-theft\nattack: { version: '18', techniques: [] }\nwhy: w\n\
                        triage: t\nfalse_alarms: f\nsays: s\nlevel: low\nneeds: [http.request]\nmatch: { by: app }\n\
                        when: { request.path: { contains: /hidden-door } }\n";
        let files = BTreeMap::from([("probing/x.yaml".to_owned(), detector.to_owned())]);
        let catalogue = Catalogue::build(&files).unwrap();
        let text = format!("- {{ id: a, detectors: '*', owner: o, reason: r, expires: 2027-01-01, when: {when} }}\n");
        let exceptions = Exceptions::read("x", &text, &catalogue.detectors).unwrap();
        let event = format!("kind: http.request, app: shop, request.path: /the/hidden-door, {event}");
        let case = format!("- name: n\n  alert: []\n  given: [ {{ event: {{ {event} }} }} ]\n");
        let case = Case::read_all("x.test.yaml", &case).unwrap();
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let signals = |matcher| rehearse(&case[0], &matcher, &redactor).signals.len();
        assert_eq!(signals(catalogue.matcher((1, 2))), 1, "without it, it is a match");
        signals(catalogue.matcher((1, 2)).with_exceptions(Arc::new(exceptions))) == 0
    }

    #[test]
    fn what_is_covered_makes_no_signal_whatever_the_condition_looks_at() {
        // No detector looks for this word, so the gate has not.
        assert!(holds_back("{ request.path: { contains: the/hid } }", "reason: unknown"));
        assert!(holds_back("{ source.lists: pentesters }", "source.lists: intel pentesters"));
        assert!(holds_back("{ source.tags: { starts_with: pen } }", "source.tags: b pentest"));
        assert!(!holds_back("{ source.lists: pen }", "source.lists: intel pentesters"), "not a part of a name");
        assert!(holds_back("{ not: { source.lists: intel } }", "source.lists: pentesters"));
        assert!(!holds_back("{ not: { source.lists: intel } }", "source.lists: intel pentesters"));
        assert!(holds_back("{ source.asn: { gte: 64500 }, app.known: true }", "source.asn: 64501, app.known: true"));
        assert!(holds_back("{ key.overdue_days: { gt: 0 } }", "key.overdue_days: 3"));
        assert!(!holds_back("{ key.expected: false }", "key.expected: true"));
        assert!(!holds_back("{ app: other }", "reason: unknown"));
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_line_and_mend() {
        let told = read(
            "
- id: 'a b'
  detectors: [probng, '*']
  owner: x
  reason: y
  expires: soon
- id: c
  detectors: probing
  wen: { kind: http.request }
- id: d
  detectors: probing
  when: { source.ipp: 1.2.3.4 }
  owner: x
  reason: y
  expires: 2026-01-01
- { id: d, detectors: probing, owner: x, reason: y, expires: 2026-01-01T00:00:00Z }
",
        )
        .unwrap_err();
        for says in [
            "2: `a b` is no id",
            "3: `probng` is not a detector or a family. Did you mean `probing`?",
            "2: `\"*\"` without `when`",
            "6: `expires` must be a day such as `2026-12-31`",
            "7: `expires` is missing. Every exception ends",
            "7: `owner` is missing",
            "9: `wen` is not a key of an exception. Did you mean `when`?",
            "12: `source.ipp` is not a field of an event. Did you mean `source.ip`?",
            "16: There are two exceptions `d`",
        ] {
            assert!(told.contains(&format!("exceptions.yaml:{says}")), "{says}\n{told}");
        }
        assert!(read("").unwrap().all().is_empty());
        assert!(read("detectors: x").unwrap_err().contains("a list of exceptions"));
    }
}
