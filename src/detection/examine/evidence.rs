//! What do detectors that add up evidence make of what the others find?
//!
//! They see no events. So it is told of each finding about one of their entities what it is worth, and what all of them
//! are worth together then, each with its half-life.

use std::collections::HashMap;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::detection::kinds::weight;
use crate::detection::tactics::{tactic_name, tactic_of};
use crate::detection::{Engine, Finding, Level};
use crate::telemetry::Entity;

use super::{Examiner, Told};

/// What others have found about one entity at one time, and what it comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// When.
    pub at: Timestamp,
    /// The event at which it was found; `None` where time alone brought it.
    pub event: Option<usize>,
    /// About whom.
    pub entity: String,
    /// What was found then.
    pub found: Vec<FoundBy>,
    /// All that is held against the entity by now, by tactic.
    pub held: Vec<Piece>,
    /// What that comes to, beside what it is held against.
    pub standing: String,
    /// The sentence of the alert, if it fired.
    pub fired: Option<String>,
}

/// What another detector has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBy {
    /// Its id.
    pub detector: Arc<str>,
    /// How bad it is.
    pub level: Level,
    /// The tactic it serves.
    pub tactic: &'static str,
    /// What it is worth as long as it is new.
    pub worth: u32,
}

/// A finding that is held against an entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The id of the detector that found it.
    pub detector: Arc<str>,
    /// The tactic it serves.
    pub tactic: &'static str,
    /// When it was found.
    pub at: Timestamp,
    /// What it was worth then.
    pub fresh: u32,
    /// What is left of that.
    pub worth: f64,
    /// How much of that counts.
    pub counts: f64,
}

/// How bad what each detector has found about each entity is, as far as was told.
pub type Levels = HashMap<(Arc<str>, Entity), Level>;

impl Examiner<'_> {
    /// Tells what `found`, all that one moment brought, adds to the evidence.
    pub(super) fn added(
        &self,
        engine: &Engine,
        found: &[Finding],
        event: Option<usize>,
        levels: &mut Levels,
    ) -> Vec<Told> {
        let own = self.detector();
        let mut all: Vec<Added> = Vec::new();
        for finding in found.iter().filter(|one| one.entity.kind == own.entity && one.detector != own.id) {
            let Some(by) = self.found_by(finding, levels) else { continue };
            let entity = finding.entity.sayable();
            match all.iter_mut().find(|one| one.entity == entity) {
                Some(one) => one.found.push(by),
                None => all.push(self.of_entity(engine, found, finding, (entity, event, by))),
            }
        }
        all.into_iter().map(Told::Added).collect()
    }

    fn of_entity(
        &self,
        engine: &Engine,
        found: &[Finding],
        finding: &Finding,
        (entity, event, by): (String, Option<usize>, FoundBy),
    ) -> Added {
        let own = self.detector();
        let (held, standing) =
            engine.evidence(self.number, &finding.entity).unwrap_or((Vec::new(), "nothing is remembered".to_owned()));
        let piece = |(detector, one): (Arc<str>, crate::detection::kinds::Weighed)| Piece {
            detector,
            tactic: tactic_name(one.tactic),
            at: one.at,
            fresh: one.fresh,
            worth: one.worth,
            counts: one.counts,
        };
        let fires = |one: &&Finding| one.fired && one.detector == own.id && one.entity == finding.entity;
        Added {
            at: finding.at,
            event,
            entity,
            found: vec![by],
            held: held.into_iter().map(piece).collect(),
            standing,
            fired: found.iter().find(fires).map(|one| one.why.clone()),
        }
    }

    /// Returns what is added by a finding; `None` of one that only goes on, and is no worse than what was found before.
    fn found_by(&self, finding: &Finding, levels: &mut Levels) -> Option<FoundBy> {
        let of = self.catalogue.detectors.named(&finding.detector).filter(|one| !one.counting.sees_findings())?;
        let known = levels.get_mut(&(Arc::clone(&finding.detector), finding.entity.clone()));
        match known {
            Some(known) if !finding.fired && finding.level <= *known => return None,
            Some(known) => *known = finding.level,
            None if !finding.fired => return None,
            None => _ = levels.insert((Arc::clone(&finding.detector), finding.entity.clone()), finding.level),
        }
        let (level, worth) = (finding.level, weight(finding.level));
        Some(FoundBy { detector: Arc::clone(&of.id), level, tactic: tactic_name(tactic_of(of)), worth })
    }
}
