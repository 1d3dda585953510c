//! A compiled detector: what the engine and the alert book need to know of it.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Lanes;
use crate::telemetry::EntityKind;

use super::correlation_plan::Plan;
use super::finders::Finders;
use super::kinds::{Baselining, Bulk, Only, Risking, Share, Traveling, Window};
use super::{Attack, Family, Level, drifting};

/// How a detector counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Counting {
    /// Every event fires.
    Match,
    /// `at_least` events of one entity.
    Threshold {
        /// Fires at this many.
        at_least: u32,
        /// The window.
        within: Window,
    },
    /// More than `more_than` different values ([`Signal::value`](super::Signal::value)) for one entity.
    Distinct {
        /// Fires at one more than this.
        more_than: u32,
        /// The window.
        within: Window,
    },
    /// So large a share of an entity's events fulfil a second condition.
    Ratio {
        /// Fires at this share.
        at_least: Share,
        /// If it is one of so many events.
        among: u32,
        /// The window.
        within: Window,
    },
    /// A number of an entity's events adds up to, or is on average, more than that.
    Amount {
        /// Whether it is the average, not the sum.
        average: bool,
        /// Fires above this.
        more_than: i64,
        /// If an average is one of so many events.
        among: u32,
        /// The window.
        within: Window,
    },
    /// So many percent of a number are no more than that.
    Percentile {
        /// Percent, from 1 to 99.
        rank: u8,
        /// Fires where the number at that rank is above this.
        more_than: i64,
        /// If it is one of so many events.
        among: u32,
        /// The window.
        within: Window,
    },
    /// Step after step for one entity; [`Signal::step`](super::Signal::step) says which.
    Sequence {
        /// How many events each step takes before the next may begin; at most 8 steps.
        steps: Vec<u32>,
        /// From the first event to the last.
        within: Duration,
        /// From one event that counts to the next, at most.
        gap: Option<Duration>,
        /// Whether the steps may come in any order.
        any_order: bool,
        /// For each step whose findings it takes; empty if all of them take events.
        found: Vec<Finders>,
    },
    /// A value not seen for this entity before, once the entity has been known for a while.
    FirstSeen {
        /// Nothing fires before the entity has been known this long.
        learn: Duration,
        /// A value not seen for this long is new again.
        forget: Duration,
        /// When many new values at once are one event.
        bulk: Option<Bulk>,
        /// Of which new values it is told at all.
        only: Only,
    },
    /// The entity has gone quiet: no event for `after`, having had at least `at_least` in the
    /// `after` before that.
    Absence {
        /// How long the silence is.
        after: Duration,
        /// How much it must have said before.
        at_least: u32,
    },
    /// Events of several Sigma rules together; [`Signal::step`](super::Signal::step) says whose it is.
    Correlation(Arc<Plan>),
    /// The entity has gone quiet: so much should have come since it was heard of last, going by what
    /// it does at this hour of the week.
    Rhythm {
        /// Signs of life that should have come.
        missing: u32,
        /// Whether a sign of life is a minute in which it is heard, not a second.
        minutes: bool,
        /// Nothing fires before the entity has been known this long.
        learn: Duration,
    },
    /// More, or less, than the entity itself does at this hour of the week.
    Baseline(Baselining),
    /// From one place to another faster than anybody travels.
    Travel(Traveling),
    /// What other detectors have found about the entity adds up.
    Risk(Risking),
    /// Step 0 must be followed by step 1, for the same entity.
    Unanswered {
        /// How soon.
        within: Duration,
    },
}

/// A compiled detector.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Such as `key-usage.one_key_many_addresses`.
    pub id: Arc<str>,
    /// The folder it lies in.
    pub family: Family,
    /// What an alert is called.
    pub title: Arc<str>,
    /// Its usual level; a signal carries the level its event gives it.
    pub level: Level,
    /// The threat it belongs to; empty for a Sigma rule, which names none.
    pub threat: Arc<str>,
    /// What it sees together with others: their findings about one entity are one alert.
    pub group: Option<Arc<str>>,
    /// ATT&CK techniques.
    pub attack: Attack,
    /// The lanes whose watermarks it waits for: its own, and those of others in its group.
    pub needs: Lanes,
    /// Why it matters.
    pub why: Arc<str>,
    /// What to do first.
    pub triage: Arc<str>,
    /// When it is wrong.
    pub false_alarms: Arc<str>,
    /// The sentence of an alert, with `{entity}`, `{count}`, `{distinct}`, `{examples}`,
    /// `{value}`, `{app}`, `{function}`, `{where}`, `{from}`, `{secret}`, `{can}`, `{window}`, `{since}`,
    /// `{at}`, `{measured}` and `{limit}` to fill in. Compiling has checked the names.
    pub says: Arc<str>,
    /// What kind of entity an alert is about.
    pub entity: EntityKind,
    /// How it counts.
    pub counting: Counting,
    /// An attack is over, and its alert closed, when no further event came for this long.
    pub quiet: Duration,
    /// A hash of all that its state depends on: state of another version is dropped at restart.
    pub version: u64,
}

impl Detector {
    /// Tells whether it is made of a Sigma rule.
    pub fn is_sigma(&self) -> bool {
        self.id.starts_with("sigma.")
    }

    /// Returns what its alerts are known by: its group's name, or its own id, which has a dot in it.
    pub fn subject(&self) -> &Arc<str> {
        self.group.as_ref().unwrap_or(&self.id)
    }
}

/// All detectors that run, in order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Detectors {
    /// By their number in a [`Signal`](super::Signal).
    pub all: Vec<Arc<Detector>>,
}

impl Detectors {
    /// Returns the detector `id`.
    pub fn named(&self, id: &str) -> Option<&Arc<Detector>> {
        self.place_of(id).map(|at| &self.all[at]).or_else(|| drifting::named(id))
    }

    /// Returns the lanes that alerts known by `subject` wait for: those of its detectors, which are the same.
    pub fn needs_of(&self, subject: &str) -> Option<Lanes> {
        let of_group = || self.all.iter().find(|detector| detector.group.as_deref() == Some(subject));
        self.named(subject).or_else(of_group).map(|detector| detector.needs)
    }

    /// Returns the place of the detector `id`: its number in a [`Signal`](super::Signal).
    pub fn place_of(&self, id: &str) -> Option<usize> {
        self.all.binary_search_by(|detector| (*detector.id).cmp(id)).ok()
    }
}
