//! When does each step of a plan take place in this run?
//!
//! An [`Episode`] is a plan with a beginning and an end. In the short world its steps are spread
//! evenly; in weeks each falls anywhere within its share of the time, as people's and tools' do
//! who do not want to be seen. It holds its next step alone.

use std::ops::Range;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::simulate::fleet::{APPS, Fleet};
use crate::simulate::rng::Rng;
use crate::simulate::stage::{Stage, jitter};

use super::{AttackInfo, Label, Place, Plan, Sort, Turn, plans};

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;

/// A plan that takes place in this run.
pub(in crate::simulate) struct Episode {
    plan: &'static Plan,
    when: Range<Timestamp>,
    step: u64,
    /// When the next step is due; `None` once all are done.
    due: Option<Timestamp>,
    /// Each step falls anywhere within its share of the time.
    uneven: bool,
    same: Rng,
    rng: Rng,
}

impl std::fmt::Debug for Episode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Episode").field("name", &self.plan.info.name).field("when", &self.when).finish_non_exhaustive()
    }
}

impl Episode {
    /// Returns the attacks of a run that are wanted: the named, or all that need no naming.
    pub(in crate::simulate) fn all(names: &[String], seed: u64, run: &Range<Timestamp>) -> Vec<Self> {
        let wanted = |info: &AttackInfo| {
            if names.is_empty() { !info.only_by_name } else { names.iter().any(|name| name == info.name) }
        };
        let numbered = plans().enumerate().filter(|(_, plan)| wanted(&plan.info));
        numbered.map(|(number, plan)| Self::of(plan, number as u64, seed, run)).collect()
    }

    fn of(plan: &'static Plan, number: u64, seed: u64, run: &Range<Timestamp>) -> Self {
        let mut rng = Rng::new(seed, 2_000 + number);
        let run_nanos = run.end.since(run.start).as_nanos() as u64;
        let over = (plan.over * SECOND).min(run_nanos / 2);
        let (start, over) = match plan.place {
            Place::Early(seconds) => ((seconds * SECOND + rng.below(5 * SECOND)).min(run_nanos / 10), over),
            Place::Throughout => (0, run_nanos),
            Place::Share(share) => {
                let early = (120 * SECOND).min(run_nanos / 8);
                let left = run_nanos.saturating_sub(early + over + 2 * SECOND);
                let nudge = rng.below(left / 100 + 1);
                (early + (u128::from(left) * u128::from(share) / 1_000) as u64 + nudge.min(left / 100), over)
            }
            Place::FromDay(day) => (any_time(day, run_nanos, over, &mut rng), over),
        };
        let start = run.start.plus(Duration::from_nanos(start));
        let end = start.plus(Duration::from_nanos(over));
        let when = start..end.min(run.end);
        let due = Some(when.start).filter(|_| plan.steps > 0);
        Self { plan, when, step: 0, due, uneven: false, same: Rng::new(seed, 4_000 + number), rng }
    }

    /// Returns an attack or an incident of weeks, at some time from its day on; one of the short
    /// world from the second day on.
    pub(in crate::simulate) fn in_weeks(plan: &'static Plan, number: u64, seed: u64, run: &Range<Timestamp>) -> Self {
        let mut rng = Rng::new(seed, 6_000 + number);
        let run_nanos = run.end.since(run.start).as_nanos() as u64;
        let day = if let Place::FromDay(day) = plan.place { day } else { 1 };
        let start = any_time(day, run_nanos, plan.over * SECOND, &mut rng);
        Self::at(plan, number, seed, run.start.plus(Duration::from_nanos(start)))
    }

    /// Returns a plan that begins at `start`, whatever it says itself.
    pub(in crate::simulate) fn at(plan: &'static Plan, number: u64, seed: u64, start: Timestamp) -> Self {
        let when = start..start.plus(Duration::from_secs(plan.over));
        let rng = Rng::new(seed, 8_000 + number);
        let due = Some(start).filter(|_| plan.steps > 0);
        Self { plan, when, step: 0, due, uneven: true, same: Rng::new(seed, 10_000 + number), rng }
    }

    /// Returns when it begins.
    pub(in crate::simulate) const fn start(&self) -> Timestamp {
        self.when.start
    }

    /// Returns when it is over.
    pub(in crate::simulate) const fn end(&self) -> Timestamp {
        self.when.end
    }

    /// Returns when the next step is due; `None` once all are done.
    pub(in crate::simulate) const fn next(&self) -> Option<Timestamp> {
        self.due
    }

    fn due_after(&mut self) -> Option<Timestamp> {
        if self.step >= self.plan.steps {
            return None;
        }
        let over = self.when.end.since(self.when.start).as_nanos();
        let past = over * u128::from(self.step) / u128::from(self.plan.steps);
        let within = if self.uneven { self.rng.below(over as u64 / self.plan.steps) } else { 0 };
        Some(self.when.start.plus(Duration::from_nanos(past as u64 + within)))
    }

    /// Plays the next step.
    pub(in crate::simulate) fn play(&mut self, stage: &mut Stage) {
        let Some(due) = self.next() else { return };
        let pause = self.when.end.since(self.when.start).as_millis() as u64 / self.plan.steps.max(1);
        let at = jitter(due, (pause / 2).clamp(1, 400), &mut self.rng);
        let turn = Turn { step: self.step, at, same: self.same.clone() };
        self.step += 1;
        self.due = self.due_after();
        (self.plan.act)(stage, &turn, &mut self.rng);
    }

    /// Returns the app that this silences, and when.
    pub(in crate::simulate) fn silences(&self) -> Option<(usize, Range<Timestamp>)> {
        let app = self.plan.app.filter(|_| self.plan.info.family == "telemetry")?;
        Some((app, self.when.clone()))
    }

    /// Returns what should be seen of this in a run that ends at `end`; nothing of everyday life.
    pub(in crate::simulate) fn label(&self, fleet: &Fleet, end: Timestamp) -> Option<Label> {
        let (incident, detectors) = match self.plan.sort {
            Sort::Attack => (false, Vec::new()),
            Sort::Incident(detectors) => (true, detectors.iter().map(|&id| id.into()).collect()),
            Sort::Ordinary => return None,
        };
        let start = Timestamp::from_nanos(self.when.start.nanos().div_euclid(SECOND as i64) * SECOND as i64);
        Some(Label {
            name: self.plan.info.name.into(),
            family: self.plan.info.family.into(),
            also: self.plan.also.iter().map(|&family| family.into()).collect(),
            entity: (self.plan.entity)(fleet),
            app: self.plan.app.map(|app| APPS[app].name.into()),
            start,
            end: self.when.end.plus(Duration::from_secs(1)).min(end),
            min_level: self.plan.level.into(),
            incident,
            detectors,
        })
    }
}

/// Returns some nanosecond of the run from `day` on that leaves `over` and, if it can be, a day after it.
fn any_time(day: u64, run: u64, over: u64, rng: &mut Rng) -> u64 {
    let last = run.saturating_sub(over + DAY).max(run.saturating_sub(over + 60 * SECOND) / 2);
    let first = (day * DAY).min(last);
    first + rng.below(last - first + 1)
}
