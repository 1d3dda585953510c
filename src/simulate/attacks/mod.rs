//! What can be done to the fleet, when, and what should be seen of it?
//!
//! An attack is a [`Plan`]: a number of steps spread over some minutes, each a plain function. Four
//! of them, one of each main family, begin within the first minute; the others are spread over
//! the run, and what needs a learning time comes late. A short run squeezes them, never drops one.

mod auth_failures;
mod control_plane;
mod key_usage;
mod leaked_secrets;
mod probing;
mod suspicious_origins;

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;

use crate::clock::Timestamp;

use super::fleet::{APPS, Fleet, METER};
use super::rng::Rng;
use super::stage::{Stage, jitter};

/// What `--list` says of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AttackInfo {
    /// Its name, such as `failure-spike`.
    pub name: &'static str,
    /// The family of alerts it belongs to.
    pub family: &'static str,
    /// What happens, in one sentence.
    pub says: &'static str,
    /// It is played only when named: too large for an ordinary run.
    pub only_by_name: bool,
}

/// What should be seen, written beside the telemetry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The attack's name.
    pub name: String,
    /// The family of alerts it belongs to.
    pub family: String,
    /// Other families whose alerts are right about it too.
    pub also: Vec<String>,
    /// The entity as an alert shows it; empty where it is a fingerprint or one of several.
    pub entity: String,
    /// The app it happens to, lower case; `None` where the telemetry can't say.
    pub app: Option<String>,
    /// Event time of its first step, to the second below.
    pub start: Timestamp,
    /// Event time by which its last step is over.
    pub end: Timestamp,
    /// The lowest level an alert about it may have.
    pub min_level: String,
}

/// One step of an attack.
#[derive(Debug)]
pub(super) struct Turn {
    /// The step's number, from 0.
    pub(super) step: u64,
    pub(super) at: Timestamp,
    /// Chance that is the same at every step: for a key that stays the same.
    pub(super) same: Rng,
}

/// Where in the run an attack lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// This many seconds after the start.
    Early(u64),
    /// This many thousandths of what is left of the run after the first two minutes.
    Share(u64),
    /// From the first to the last moment.
    Throughout,
}

/// What a plan does at each step.
type Act = fn(&mut Stage, &Turn, &mut Rng);

/// An attack as it is written down.
struct Plan {
    info: AttackInfo,
    also: &'static [&'static str],
    entity: fn(&Fleet) -> String,
    app: Option<usize>,
    level: &'static str,
    place: Place,
    steps: u64,
    /// Seconds, if the run is long enough.
    over: u64,
    act: Act,
}

impl Plan {
    const fn new(family: &'static str, name: &'static str, says: &'static str, act: Act) -> Self {
        Self {
            info: AttackInfo { name, family, says, only_by_name: false },
            also: &[],
            entity: |_| String::new(),
            app: None,
            level: "medium",
            place: Place::Share(500),
            steps: 1,
            over: 60,
            act,
        }
    }

    const fn steps(self, steps: u64, over: u64) -> Self {
        Self { steps, over, ..self }
    }

    const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    const fn on(self, app: usize) -> Self {
        Self { app: Some(app), ..self }
    }

    const fn level(self, level: &'static str) -> Self {
        Self { level, ..self }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    const fn entity(self, entity: fn(&Fleet) -> String) -> Self {
        Self { entity, ..self }
    }

    const fn only_by_name(self) -> Self {
        Self { info: AttackInfo { only_by_name: true, ..self.info }, ..self }
    }
}

static TELEMETRY: &[Plan] = &[Plan::new(
    "telemetry",
    "app-gone-quiet",
    "An app that never rests writes nothing at all for 40 minutes, or to the end of the run.",
    |_, _, _| {},
)
.on(METER)
.entity(|_| APPS[METER].name.into())
.at(Place::Share(480))
.steps(1, 2_400)];

static PLANS: [&[Plan]; 7] = [
    auth_failures::PLANS,
    key_usage::PLANS,
    leaked_secrets::PLANS,
    suspicious_origins::PLANS,
    probing::PLANS,
    control_plane::PLANS,
    TELEMETRY,
];

fn plans() -> impl Iterator<Item = &'static Plan> {
    PLANS.iter().copied().flatten()
}

/// Returns every attack there is, by family.
pub fn catalogue() -> Vec<AttackInfo> {
    plans().map(|plan| plan.info).collect()
}

/// An attack that takes place in this run.
pub(super) struct Attack {
    plan: &'static Plan,
    when: Range<Timestamp>,
    step: u64,
    /// When the next step is due; `None` once all are done.
    due: Option<Timestamp>,
    same: Rng,
    rng: Rng,
}

impl std::fmt::Debug for Attack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attack").field("name", &self.plan.info.name).field("when", &self.when).finish_non_exhaustive()
    }
}

impl Attack {
    /// Returns the attacks of a run that are wanted: the named, or all that need no naming.
    pub(super) fn all(names: &[String], seed: u64, run: &Range<Timestamp>) -> Vec<Self> {
        let wanted = |info: &AttackInfo| {
            if names.is_empty() { !info.only_by_name } else { names.iter().any(|name| name == info.name) }
        };
        let numbered = plans().enumerate().filter(|(_, plan)| wanted(&plan.info));
        numbered.map(|(number, plan)| Self::of(plan, number as u64, seed, run)).collect()
    }

    fn of(plan: &'static Plan, number: u64, seed: u64, run: &Range<Timestamp>) -> Self {
        let mut rng = Rng::new(seed, 2_000 + number);
        let run_nanos = run.end.since(run.start).as_nanos() as u64;
        let second = 1_000_000_000;
        let over = (plan.over * second).min(run_nanos / 2);
        let (start, over) = match plan.place {
            Place::Early(seconds) => ((seconds * second + rng.below(5 * second)).min(run_nanos / 10), over),
            Place::Throughout => (0, run_nanos),
            Place::Share(share) => {
                let early = (120 * second).min(run_nanos / 8);
                let left = run_nanos.saturating_sub(early + over + 2 * second);
                let nudge = rng.below(left / 100 + 1);
                (early + (u128::from(left) * u128::from(share) / 1_000) as u64 + nudge.min(left / 100), over)
            }
        };
        let start = run.start.plus(Duration::from_nanos(start));
        let end = start.plus(Duration::from_nanos(over));
        let when = start..end.min(run.end);
        let due = Some(when.start).filter(|_| plan.steps > 0);
        Self { plan, when, step: 0, due, same: Rng::new(seed, 4_000 + number), rng }
    }

    /// Returns when the next step is due; `None` once all are done.
    pub(super) const fn next(&self) -> Option<Timestamp> {
        self.due
    }

    fn due_after(&self) -> Option<Timestamp> {
        if self.step >= self.plan.steps {
            return None;
        }
        let over = self.when.end.since(self.when.start).as_nanos();
        let past = over * u128::from(self.step) / u128::from(self.plan.steps);
        Some(self.when.start.plus(Duration::from_nanos(past as u64)))
    }

    /// Plays the next step.
    pub(super) fn play(&mut self, stage: &mut Stage) {
        let Some(due) = self.next() else { return };
        let pause = self.when.end.since(self.when.start).as_millis() as u64 / self.plan.steps.max(1);
        let at = jitter(due, (pause / 2).clamp(1, 400), &mut self.rng);
        let turn = Turn { step: self.step, at, same: self.same.clone() };
        self.step += 1;
        self.due = self.due_after();
        (self.plan.act)(stage, &turn, &mut self.rng);
    }

    /// Returns the app that this attack silences, and when.
    pub(super) fn silences(&self) -> Option<(usize, Range<Timestamp>)> {
        let app = self.plan.app.filter(|_| self.plan.info.family == "telemetry")?;
        Some((app, self.when.clone()))
    }

    /// Returns what should be seen of this attack in a run that ends at `end`.
    pub(super) fn label(&self, fleet: &Fleet, end: Timestamp) -> Label {
        let second = 1_000_000_000;
        let start = Timestamp::from_nanos(self.when.start.nanos().div_euclid(second) * second);
        Label {
            name: self.plan.info.name.into(),
            family: self.plan.info.family.into(),
            also: self.plan.also.iter().map(|&family| family.into()).collect(),
            entity: (self.plan.entity)(fleet),
            app: self.plan.app.map(|app| APPS[app].name.into()),
            start,
            end: self.when.end.plus(Duration::from_secs(1)).min(end),
            min_level: self.plan.level.into(),
        }
    }
}
