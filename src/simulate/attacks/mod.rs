//! What can be done to the fleet, when, and what should be seen of it?
//!
//! An attack is a [`Plan`]: a number of steps spread over some minutes, each a plain function. Four
//! of them, one of each main family, begin within the first minute; the others are spread over
//! the run, and what needs a learning time comes late. A short run squeezes them, never drops one.

mod auth_failures;
mod control_plane;
mod episode;
mod key_usage;
mod leaked_secrets;
mod probing;
mod suspicious_origins;

use serde::Serialize;

use crate::clock::Timestamp;

use super::fleet::{APPS, Fleet, METER};
use super::rng::Rng;
use super::stage::Stage;

pub(super) use episode::Episode;

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
    /// The entity as an alert shows it; empty where it is a fingerprint or one of several. Several
    /// addresses that begin alike are their beginning, to the last colon.
    pub entity: String,
    /// The app it happens to, lower case; `None` where the telemetry can't say.
    pub app: Option<String>,
    /// Event time of its first step, to the second below.
    pub start: Timestamp,
    /// Event time by which its last step is over.
    pub end: Timestamp,
    /// The lowest level an alert about it may have.
    pub min_level: String,
    /// No attack but something that looks like one: an alert about it is false, but by `detectors`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incident: bool,
    /// The detectors whose alerts are right about an incident; none of them has to fire.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub detectors: Vec<String>,
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
pub(super) enum Place {
    /// This many seconds after the start.
    Early(u64),
    /// This many thousandths of what is left of the run after the first two minutes.
    Share(u64),
    /// From the first to the last moment.
    Throughout,
    /// Some time from this day on, counted from 0, and over a day before the end: in weeks alone.
    FromDay(u64),
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Somebody means harm.
    Attack,
    /// Nobody does, though it looks so; these detectors are right about it.
    Incident(&'static [&'static str]),
    /// Everyday life, which has no label.
    Ordinary,
}

/// What a plan does at each step.
pub(super) type Act = fn(&mut Stage, &Turn, &mut Rng);

/// An attack as it is written down.
pub(super) struct Plan {
    pub(super) info: AttackInfo,
    also: &'static [&'static str],
    entity: fn(&Fleet) -> String,
    app: Option<usize>,
    level: &'static str,
    place: Place,
    steps: u64,
    /// Seconds, if the run is long enough.
    over: u64,
    act: Act,
    sort: Sort,
}

impl Plan {
    /// Returns a plan of one step in the middle of the run.
    pub(super) const fn new(family: &'static str, name: &'static str, says: &'static str, act: Act) -> Self {
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
            sort: Sort::Attack,
        }
    }

    /// Makes it something that looks like an attack, about which alerts of `detectors` alone are right.
    pub(super) const fn incident(self, detectors: &'static [&'static str]) -> Self {
        Self { sort: Sort::Incident(detectors), ..self }
    }

    /// Makes it everyday life.
    pub(super) const fn ordinary(self) -> Self {
        Self { sort: Sort::Ordinary, ..self }
    }

    pub(super) const fn steps(self, steps: u64, over: u64) -> Self {
        Self { steps, over, ..self }
    }

    pub(super) const fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    pub(super) const fn on(self, app: usize) -> Self {
        Self { app: Some(app), ..self }
    }

    pub(super) const fn level(self, level: &'static str) -> Self {
        Self { level, ..self }
    }

    pub(super) const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }

    pub(super) const fn entity(self, entity: fn(&Fleet) -> String) -> Self {
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

/// Returns the plans of the short world.
pub(super) fn plans() -> impl Iterator<Item = &'static Plan> {
    PLANS.iter().copied().flatten()
}

/// Returns every attack there is, by family.
pub fn catalogue() -> Vec<AttackInfo> {
    plans().map(|plan| plan.info).collect()
}
