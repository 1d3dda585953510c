//! Do the detectors do what their cases say?
//!
//! A case runs through the real matcher and the real engine, alone with its detector (of one that sees what
//! others find, with all of them), from empty
//! state to the final watermark: what it shows is what a replay would do. The fields of its events
//! are as decoding leaves them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;

use crate::clock::{Lanes, Timestamp, Watermarks};
use crate::redaction::{RedactedEvent, Redactor};
use crate::telemetry::Category;

use super::case::Case;
use super::case_event::Stage;
use super::exceptions::Exceptions;
use super::{
    Catalogue, Detector, Detectors, Engine, EngineSettings, Finding, Level, Matcher, Problem, Signal, Signals,
};
use crate::posture::document::unknown;

/// A Monday at noon: 2026-01-05T12:00:00Z.
const BEGINNING: Timestamp = Timestamp::from_seconds(1_767_614_400);
/// Cases need no secrecy.
pub(super) const KEY: (u64, u64) = (1, 2);
const LATENESS: Duration = Duration::from_mins(1);

/// How a case came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The detector's id.
    pub detector: Arc<str>,
    /// The file the case stands in, relative to the detectors' folder.
    pub file: String,
    /// The line it begins on.
    pub line: usize,
    /// What it shows, as a sentence.
    pub name: String,
    /// What went wrong, for people; `None` where it came out as it says.
    pub wrong: Option<String>,
}

/// The signals of a case, and how far its telemetry goes.
#[derive(Debug)]
pub struct Rehearsal {
    /// The detector's signals, in the order of the events.
    pub signals: Vec<Signal>,
    /// The event time that the telemetry reaches in the end.
    pub until: Timestamp,
}

/// Runs every case of every detector, through matcher and engine. Any redactor will do, as cases
/// name fingerprints outright.
pub fn run(catalogue: &Catalogue, redactor: &Redactor) -> Vec<CaseResult> {
    each(catalogue, redactor).collect()
}

/// Runs one case after the other as they are asked for, so that who looks for a failure can stop at the first.
pub fn each(catalogue: &Catalogue, redactor: &Redactor) -> impl Iterator<Item = CaseResult> {
    (0..catalogue.detectors.all.len()).flat_map(move |number| of(catalogue, number, redactor, &evaluate))
}

/// Returns the detectors that a case of their own makes fire, as it says: what is only written down proves
/// nothing.
pub fn proven(catalogue: &Catalogue, redactor: &Redactor) -> BTreeSet<Arc<str>> {
    let fires = |number: &usize| {
        let ground = Ground::of(catalogue, *number);
        let mut cases = catalogue.cases[*number].iter().filter(|case| !case.alert.is_empty());
        cases.any(|case| ground.result(case, redactor, &evaluate).wrong.is_none())
    };
    let all = (0..catalogue.detectors.all.len()).filter(fires);
    all.map(|number| catalogue.detectors.all[number].id.clone()).collect()
}

/// Runs every case, with `evaluate` in the engine's place.
pub fn run_with(
    catalogue: &Catalogue,
    redactor: &Redactor,
    evaluate: impl Fn(&Arc<Detector>, Rehearsal) -> Vec<Finding>,
) -> Vec<CaseResult> {
    let numbers = 0..catalogue.detectors.all.len();
    numbers.flat_map(|number| of(catalogue, number, redactor, &evaluate)).collect()
}

/// Runs cases that stand in a file of their own, each for the detector that it names.
///
/// # Errors
///
/// Names every case that says no detector, or one that is none.
pub fn run_loose(catalogue: &Catalogue, cases: &[Case], redactor: &Redactor) -> Result<Vec<CaseResult>, Vec<Problem>> {
    let (mut results, mut problems) = (Vec::new(), Vec::new());
    for case in cases {
        let named = case.detector.as_deref();
        match named.and_then(|id| catalogue.detectors.place_of(id)) {
            Some(number) => results.push(Ground::of(catalogue, number).result(case, redactor, &evaluate)),
            None => {
                problems.push(Problem { file: case.file.clone(), line: case.line, says: nobodys(catalogue, named) });
            }
        }
    }
    if problems.is_empty() { Ok(results) } else { Err(problems) }
}

fn nobodys(catalogue: &Catalogue, named: Option<&str>) -> String {
    match named {
        Some(id) => unknown(id, "a detector", catalogue.detectors.all.iter().map(|detector| &*detector.id)),
        None => "Say which detector the case is for: `detector: probing.scanner`.".to_owned(),
    }
}

/// Runs the cases of one detector.
fn of(
    catalogue: &Catalogue,
    number: usize,
    redactor: &Redactor,
    evaluate: &impl Fn(&Arc<Detector>, Rehearsal) -> Vec<Finding>,
) -> impl Iterator<Item = CaseResult> {
    let ground = Ground::of(catalogue, number);
    catalogue.cases[number].iter().map(move |case| ground.result(case, redactor, evaluate))
}

/// A detector, and what its cases run on.
pub(super) struct Ground<'c> {
    detectors: &'c Arc<Detectors>,
    detector: &'c Arc<Detector>,
    matcher: Matcher,
    /// Its place among the matcher's rules, and how many those are.
    place: (usize, usize),
}

impl<'c> Ground<'c> {
    /// What sees what others find needs the others; every other detector is alone.
    pub(super) fn of(catalogue: &'c Catalogue, number: usize) -> Self {
        let detector = &catalogue.detectors.all[number];
        let together = detector.counting.sees_findings();
        let (matcher, place) = if together {
            (catalogue.matcher(KEY), (number, catalogue.rules.len()))
        } else {
            (Matcher::new(Arc::from([catalogue.rules[number].clone()]), KEY), (0, 1))
        };
        Self { detectors: &catalogue.detectors, detector, matcher, place }
    }

    fn result(
        &self,
        case: &Case,
        redactor: &Redactor,
        evaluate: &impl Fn(&Arc<Detector>, Rehearsal) -> Vec<Finding>,
    ) -> CaseResult {
        CaseResult {
            detector: self.detector.id.clone(),
            file: case.file.clone(),
            line: case.line,
            name: case.name.clone(),
            wrong: judge(case, &self.findings(case, redactor, evaluate)),
        }
    }

    /// Returns what the detector finds in a case, but for what the case excepts.
    fn findings(
        &self,
        case: &Case,
        redactor: &Redactor,
        evaluate: &impl Fn(&Arc<Detector>, Rehearsal) -> Vec<Finding>,
    ) -> Vec<Finding> {
        let (place, of) = self.place;
        let except = case.except.clone().map(|when| Arc::new(Exceptions::lone(when, place, of)));
        let rehearsal = match &except {
            Some(except) => rehearse(case, &self.matcher.clone().with_exceptions(Arc::clone(except)), redactor),
            None => rehearse(case, &self.matcher, redactor),
        };
        let mut findings =
            if of > 1 { evaluate_all(self.detectors, rehearsal) } else { evaluate(self.detector, rehearsal) };
        findings.retain(|finding| finding.detector == self.detector.id);
        if let Some(except) = except.filter(|_| self.detector.counting.has_no_event()) {
            findings.retain(|finding| except.cover_eventless(place, finding).is_none());
        }
        findings
    }

    /// Tells whether the detector fires in a case, for whomever.
    pub(super) fn fires(&self, case: &Case, redactor: &Redactor) -> bool {
        self.findings(case, redactor, &evaluate).iter().any(|finding| finding.fired)
    }
}

/// Matches the events of a case, in order of time.
pub(super) fn rehearse(case: &Case, matcher: &Matcher, redactor: &Redactor) -> Rehearsal {
    let mut signals = Signals::default();
    let last = play(case, redactor, |event, hash| matcher.observe(event, hash, &mut signals));
    Rehearsal { signals: signals.finish().0, until: last.plus(case.then_silence) }
}

/// Gives `each` the events of a case, in order of time, each with a hash; returns when the last happens.
pub(super) fn play(case: &Case, redactor: &Redactor, mut each: impl FnMut(&RedactedEvent<'_>, u128)) -> Timestamp {
    let stage = Stage::new(redactor);
    let mut order = Vec::new();
    for group in &case.given {
        for number in 1..=group.repeat {
            let at = BEGINNING.plus(group.start).plus(group.every.saturating_mul(number - 1));
            order.push((at, group, number));
        }
    }
    order.sort_by_key(|(at, ..)| *at);
    let mut arena = Bump::new();
    for (place, (at, group, number)) in order.iter().enumerate() {
        each(&stage.event(group, *number, *at, &arena), place as u128);
        arena.reset();
    }
    order.last().map_or(BEGINNING, |(at, ..)| *at)
}

fn evaluate(detector: &Arc<Detector>, rehearsal: Rehearsal) -> Vec<Finding> {
    evaluate_all(&Arc::new(Detectors { all: vec![detector.clone()] }), rehearsal)
}

/// Puts signals through an engine of `detectors`, to the end.
pub(super) fn evaluate_all(detectors: &Arc<Detectors>, rehearsal: Rehearsal) -> Vec<Finding> {
    let settings = EngineSettings { max_entities: 100_000, max_waiting_bytes: 64 << 20 };
    let mut engine = Engine::new(Arc::clone(detectors), settings);
    let mut marks = Watermarks::new(LATENESS, LATENESS);
    let mut findings = Vec::new();
    for signal in rehearsal.signals {
        let time = signal.time;
        for category in Category::ALL {
            marks.observe(0, category.lane(), time);
        }
        engine.apply(signal);
        findings.extend(engine.tick(&marks));
    }
    marks.advance(rehearsal.until);
    debug_assert!(marks.of(Lanes::ALL) >= rehearsal.until);
    findings.extend(engine.tick(&marks));
    findings
}

/// Says what is wrong with `findings`, if anything is.
fn judge(case: &Case, findings: &[Finding]) -> Option<String> {
    let wanted: BTreeSet<_> = case.alert.iter().map(|entity| entity.to_ascii_lowercase()).collect();
    let fired = findings.iter().filter(|finding| finding.fired);
    let got: BTreeSet<_> = fired.map(|finding| finding.entity.value.to_ascii_lowercase()).collect();
    let list = |entities: &BTreeSet<String>| match entities.len() {
        0 => "no alert".to_owned(),
        1..=5 => format!("an alert for {}", entities.iter().cloned().collect::<Vec<_>>().join(", ")),
        many => format!("alerts for {many} entities"),
    };
    if wanted != got {
        return Some(format!("expected {}, got {}", list(&wanted), list(&got)));
    }
    let level = findings.iter().map(|finding| finding.level).max();
    if case.level.is_some() && case.level != level {
        let name = |level: Option<Level>| level.map_or("none", Level::name);
        return Some(format!("expected level {}, got {}", name(case.level), name(level)));
    }
    let count: u64 = findings.iter().map(|finding| finding.count).sum();
    match case.count {
        Some(wanted) if wanted != count => Some(format!("expected {wanted} counted events, got {count}")),
        _ => None,
    }
}
