//! Why does a detector fire at an event, or not?
//!
//! An [`Examiner`] looks at events as the matcher does and notes, clause by clause, what each says; then
//! it puts their signals through the real engine one by one, in canonical order, and asks after each what is
//! remembered of its entity. So what it tells is what runs, lateness apart: it has all events at once. It keeps
//! at most 20,000 events, and says how many it left out.

mod clauses;
mod evidence;
mod found;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Timestamp, Watermarks};
use crate::redaction::RedactedEvent;
use crate::telemetry::{Field, Sighting};

use super::aside::Aside;
use super::condition::Condition;
use super::exceptions::Exceptions;
use super::matcher::MAX_SECRETS;
use super::rule::{Rule, Term};
use super::scene::Scene;
use super::sigma::Walk;
use super::{Catalogue, Engine, EngineSettings, Finding, Matcher, Signal, Signals};
pub use clauses::Clause;
pub(in crate::detection) use clauses::{TOLD, any_of, cut, expression, of_words};
use evidence::Levels;
pub use evidence::{Added, FoundBy, Piece};
pub use found::FoundAt;
use found::Seen;

/// Events that are told of.
const MOST: usize = 20_000;
/// Secrets of a record that are told of.
const MOST_SECRETS: usize = 4;

/// What a detector makes of one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Examined {
    /// Its place among the events, from 1.
    pub number: usize,
    /// When it happened.
    pub time: Timestamp,
    /// What it is: category and kind.
    pub what: String,
    /// What it was held against: of a sequence each step, of a detector of secrets each secret.
    pub looks: Vec<Look>,
    /// Why it is not counted, whatever it says.
    pub passed_over: Option<String>,
    /// Whether secrets that the detector looks at were hidden in it before it was read.
    pub unseen: bool,
    /// Whom it is counted for, and what is remembered of them then.
    pub counted: Vec<Counted>,
}

/// One condition held against one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which step or secret; empty where there is one condition only.
    pub of: String,
    /// Whether the whole condition holds.
    pub holds: bool,
    /// The clauses.
    pub clauses: Vec<Clause>,
}

/// What counting an event came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// For whom.
    pub entity: String,
    /// What is remembered of them, beside what it is held against.
    pub standing: String,
    /// The sentence of the alert, if it fired.
    pub fired: Option<String>,
}

/// What time alone made a detector find, between two events or after the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Elapsed {
    /// When.
    pub at: Timestamp,
    /// The sentence of the alert.
    pub says: String,
}

/// What an examiner tells, in order of time.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Of an event.
    Event(Examined),
    /// Of silence.
    Elapsed(Elapsed),
    /// Of what other detectors find, as evidence that adds up.
    Added(Added),
    /// Of what another detector finds, as a step.
    Found(FoundAt),
}

/// Looks at events for one detector.
#[derive(Debug)]
pub struct Examiner<'c> {
    catalogue: &'c Catalogue,
    number: usize,
    matcher: Matcher,
    /// What its Sigma rules ask, if it is made of them.
    walk: Option<Walk>,
    /// Whether it sees less where secrets were hidden before.
    blind: bool,
    events: Vec<Noted>,
    left_out: usize,
}

#[derive(Debug)]
struct Noted {
    hash: u128,
    told: Examined,
    signals: Vec<Signal>,
}

impl<'c> Examiner<'c> {
    /// Returns an examiner for the detector `id` of `catalogue`; `None` if there is none. `matcher` is that of
    /// the same detectors.
    pub fn new(catalogue: &'c Catalogue, id: &str, matcher: Matcher) -> Option<Self> {
        let number = catalogue.detectors.place_of(id)?;
        let blind = catalogue.blind().iter().any(|one| *one.id == *id);
        Some(Self { catalogue, number, matcher, walk: None, blind, events: Vec::new(), left_out: 0 })
    }

    /// Returns it with what the Sigma rules of its detector ask.
    #[must_use]
    pub fn with_sigma(self, walk: Option<Walk>) -> Self {
        Self { walk, ..self }
    }

    /// Takes in an event; `hash` is the keyed hash of its content.
    pub fn look(&mut self, event: &RedactedEvent<'_>, hash: u128) {
        self.take(event, hash, false);
    }

    /// Takes in an event of a record whose secrets were hidden before it was read.
    pub fn look_again(&mut self, event: &RedactedEvent<'_>, hash: u128) {
        self.take(event, hash, true);
    }

    fn take(&mut self, event: &RedactedEvent<'_>, hash: u128, hidden: bool) {
        if self.events.len() >= MOST {
            self.left_out += 1;
            return;
        }
        let mut signals = Signals::default();
        self.matcher.observe(event, hash, &mut signals);
        let mut signals = signals.finish().0;
        let others = self.detector().counting.sees_findings();
        let own = |signal: &Signal| usize::from(signal.detector) == self.number;
        signals.retain(|signal| others || own(signal));
        let told = Examined {
            number: self.events.len() + 1,
            time: event.time(),
            what: format!("{} ({})", event.kind().name(), event.category().name()),
            looks: self.looks(event),
            passed_over: if signals.iter().any(own) { None } else { self.why_not(event) },
            unseen: hidden && self.blind,
            counted: Vec::new(),
        };
        self.events.push(Noted { hash, told, signals });
    }

    /// Returns what there is to tell, in order of time, and how many events were left out.
    pub fn finish(mut self) -> (Vec<Told>, usize) {
        let mut events = std::mem::take(&mut self.events);
        events.sort_by_key(|noted| (noted.told.time, noted.hash));
        let mut engine = Engine::new(Arc::clone(&self.catalogue.detectors), EngineSettings::for_few());
        let mut marks = Watermarks::new(Duration::ZERO, Duration::ZERO);
        let (mut all, mut levels, mut seen) = (Vec::new(), Levels::default(), Seen::default());
        let adds_up = self.detector().counting.is_risk();
        for Noted { mut told, signals, .. } in events {
            // Silence until just before it, then the event itself.
            marks.advance(told.time.minus(Duration::from_nanos(1)));
            let mut found = engine.tick(&marks);
            if adds_up {
                all.extend(self.added(&engine, &found, None, &mut levels));
            } else {
                all.extend(self.found(&engine, &mut found, None, &mut seen));
                all.extend(self.elapsed(found));
            }
            for signal in &signals {
                engine.apply(signal.clone());
            }
            marks.advance(told.time);
            let mut found = engine.tick(&marks);
            if adds_up {
                let event = told.number;
                all.push(Told::Event(told));
                all.extend(self.added(&engine, &found, Some(event), &mut levels));
                continue;
            }
            let others = self.found(&engine, &mut found, Some(told.number), &mut seen);
            found.retain(|finding| finding.fired && *finding.detector == *self.detector().id);
            if let Some(signal) = signals.iter().find(|signal| usize::from(signal.detector) == self.number) {
                self.found_before(&signal.entity(), &seen, &mut told.looks);
            }
            for signal in signals.iter().filter(|signal| usize::from(signal.detector) == self.number) {
                let entity = signal.entity();
                let at = found.iter().position(|finding| finding.entity == entity);
                let standing = engine.standing(signal).unwrap_or_else(|| "nothing is remembered".to_owned());
                let fired = at.map(|at| found.remove(at).why);
                told.counted.push(Counted { entity: entity.sayable(), standing, fired });
            }
            all.push(Told::Event(told));
            all.extend(others);
            all.extend(self.elapsed(found));
        }
        (all, self.left_out)
    }

    /// Returns an entry for each of `findings` that the detector has fired.
    fn elapsed(&self, findings: Vec<Finding>) -> Vec<Told> {
        let own = findings.into_iter().filter(|one| one.fired && *one.detector == *self.detector().id);
        own.map(|one| Told::Elapsed(Elapsed { at: one.at, says: one.why })).collect()
    }

    fn detector(&self) -> &super::Detector {
        &self.catalogue.detectors.all[self.number]
    }

    fn rule(&self) -> &Rule {
        &self.catalogue.rules[self.number]
    }

    /// Returns what an event was held against.
    fn looks(&self, event: &RedactedEvent<'_>) -> Vec<Look> {
        if let Some(walk) = &self.walk {
            return walk.looks(event);
        }
        let rule = self.rule();
        let mut looks = Vec::new();
        if !rule.kinds.contains(&event.kind()) {
            return looks;
        }
        let secrets = secrets_of(rule, event);
        let of_events = |(number, _): &(usize, &Condition)| self.detector().counting.takes_events(*number);
        for (number, when) in rule.steps.iter().enumerate().filter(of_events) {
            let step = if rule.steps.len() > 1 { format!("step {}", number + 1) } else { String::new() };
            if rule.of_secret && (!rule.of_hash || when.mentions(&Field::of_secret)) {
                for secret in secrets.iter().take(MOST_SECRETS) {
                    let name = format!("{} {}", secret.kind, secret.fingerprint.0);
                    let of = if step.is_empty() { name } else { format!("{step}, {name}") };
                    looks.push(look(of, when, scene(event, Some(secret))));
                }
            } else {
                looks.push(look(step, when, scene(event, None)));
            }
        }
        looks
    }

    /// Says why an event gives no signal.
    fn why_not(&self, event: &RedactedEvent<'_>) -> Option<String> {
        let rule = self.rule();
        if !self.detector().counting.sees_events() {
            return Some("it sees no events, only what other detectors find".to_owned());
        }
        if self.detector().is_sigma() {
            return self.why_not_sigma(event);
        }
        if !rule.kinds.contains(&event.kind()) {
            let kinds: Vec<&str> = rule.kinds.iter().map(|kind| kind.name()).collect();
            return Some(format!("the detector is offered {} alone", kinds.join(", ")));
        }
        let secrets = secrets_of(rule, event);
        if rule.of_secret && secrets.is_empty() && !rule.of_hash {
            return Some("no secret was seen in it, or none that counts".to_owned());
        }
        if let Some(says) = self.aside(event) {
            return Some(says);
        }
        let scenes: Vec<Scene<'_, '_>> = if rule.of_secret && !secrets.is_empty() {
            secrets.iter().map(|secret| scene(event, Some(secret))).collect()
        } else {
            vec![scene(event, None)]
        };
        let holds = |scene: &&Scene<'_, '_>| rule.steps.iter().any(|when| when.holds(**scene));
        // Where no condition holds, the clauses say why.
        let scene = *scenes.iter().find(holds)?;
        let missing = |terms: &[Term], does: &str| {
            let lacks = terms.iter().find(|term| term.get(scene).is_none())?;
            let names: Vec<&str> = lacks.fields().map(Field::name).collect();
            Some(format!("it lacks `{}`, {does}", names.join(" | ")))
        };
        missing(&rule.by, "which says whom it is about")
            .or_else(|| missing(&rule.value, "which is counted"))
            .or_else(|| self.held_back(scene))
            .or_else(|| Some("it says again what an event of the same second has said".to_owned()))
    }

    /// Says the same of an event that a Sigma rule looks at; `None` where its clauses do.
    fn why_not_sigma(&self, event: &RedactedEvent<'_>) -> Option<String> {
        let Some(walk) = &self.walk else { return Some("its Sigma rule does not match it".to_owned()) };
        let says = walk.why_not(event);
        if says.is_some() || !walk.looks(event).iter().any(|look| look.holds) {
            return says;
        }
        let held_back = self.held_back(scene(event, None));
        held_back.or_else(|| Some("it says again what an event of the same second has said".to_owned()))
    }

    fn aside(&self, event: &RedactedEvent<'_>) -> Option<String> {
        let (counted, aside) = (self.rule().aside, Aside::of(event));
        if !counted.passes_over(aside) {
            return None;
        }
        let inner = aside.counts_inner() && !counted.counts_inner();
        Some(if inner {
            "passed over: a gateway in front has seen this request (`layer: inner`)".to_owned()
        } else {
            "passed over: the operation's end is counted, not its beginning (`stage`)".to_owned()
        })
    }

    fn held_back(&self, scene: Scene<'_, '_>) -> Option<String> {
        let exceptions: &Exceptions = self.matcher.exceptions();
        let number = u16::try_from(self.number).ok()?;
        exceptions.cover(number, scene).map(|id| format!("held back by the exception {id}"))
    }
}

fn look(of: String, when: &Condition, scene: Scene<'_, '_>) -> Look {
    Look { of, holds: when.holds(scene), clauses: clauses::clauses(when, scene) }
}

fn scene<'e, 's>(event: &'e RedactedEvent<'s>, secret: Option<&'e Sighting>) -> Scene<'e, 's> {
    Scene::new(event, secret)
}

/// Returns the secrets of an event that a rule looks at.
fn secrets_of<'e>(rule: &Rule, event: &'e RedactedEvent<'_>) -> Vec<&'e Sighting> {
    use crate::telemetry::Confidence;
    let looked_at = |seen: &&Sighting| {
        if rule.of_hash {
            seen.is_hash()
        } else {
            seen.secret && !seen.dummy && (seen.confidence > Confidence::Suspected || rule.of_confidence)
        }
    };
    event.sightings().iter().filter(looked_at).take(MAX_SECRETS).collect()
}

impl EngineSettings {
    /// Returns settings for as few events as are told of.
    fn for_few() -> Self {
        Self { max_entities: 256 * MOST, max_waiting_bytes: 256 << 20 }
    }
}

#[cfg(test)]
mod tests;
