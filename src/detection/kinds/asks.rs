//! What does a way of counting ask of those who keep its state?

use std::time::Duration;

use crate::clock::Timestamp;
use crate::detection::{Counting, Finders};

use super::amount::Asked;
use super::percentile::Ranked;
use super::sequence::Steps;
use super::window::Window;

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

impl Counting {
    /// Tells whether it is silence that makes it fire, and speaking that ends it.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::Absence { .. } | Self::Rhythm { .. })
    }

    /// Tells whether what it finds is found in no event: a silence, or what others found.
    pub fn has_no_event(&self) -> bool {
        self.is_absence() || !self.sees_events()
    }

    /// Tells whether it sees what others have found, so that it comes after them.
    pub fn sees_findings(&self) -> bool {
        self.is_risk() || !self.finders().is_empty()
    }

    /// Tells whether a step takes events, and not what others have found.
    pub fn takes_events(&self, step: usize) -> bool {
        self.finders().get(step).is_none_or(Finders::is_none)
    }

    /// Returns for each step whose findings it takes; nothing if all take events.
    pub fn finders(&self) -> &[Finders] {
        match self {
            Self::Sequence { found, .. } => found,
            _ => &[],
        }
    }

    /// Tells whether it sees events.
    pub fn sees_events(&self) -> bool {
        match self {
            Self::Risk(_) => false,
            Self::Sequence { found, .. } => found.is_empty() || found.iter().any(Finders::is_none),
            _ => true,
        }
    }

    /// Returns how long some entity must have shown a value before it is told of another.
    pub fn settled(&self) -> Option<Duration> {
        match self {
            Self::FirstSeen { only, .. } => only.settled,
            _ => None,
        }
    }

    /// Returns how coarsely it remembers when a value was last shown, if that is not to the moment:
    /// what says the same again within such a stretch of time changes nothing, and need not be said.
    pub fn coarse(&self) -> Option<Duration> {
        match self {
            Self::FirstSeen { forget, .. } if *forget >= DAY => Some(HOUR),
            _ => None,
        }
    }

    /// Tells whether it adds up what others have found.
    pub fn is_risk(&self) -> bool {
        matches!(self, Self::Risk(_))
    }

    /// Tells whether it learns what is normal, of which there is much to remember.
    pub fn is_seasonal(&self) -> bool {
        matches!(self, Self::Baseline(_) | Self::Rhythm { .. })
    }

    /// Tells whether time itself makes it fire.
    pub fn is_timed(&self) -> bool {
        match self {
            Self::Absence { .. } | Self::Rhythm { .. } | Self::Unanswered { .. } => true,
            Self::FirstSeen { bulk, .. } => bulk.is_some(),
            Self::Baseline(asked) => asked.is_timed(),
            _ => false,
        }
    }

    /// Returns up to when time has passed before an event at `at` is looked at: an hour is over before any event of
    /// the moment it ends, a silence is not.
    pub fn over_before(&self, at: Timestamp) -> Timestamp {
        match self {
            Self::Baseline(asked) if asked.is_timed() => at,
            _ => at.minus(Duration::from_nanos(1)),
        }
    }

    /// Returns how long after an event time makes it fire, where an event that comes later than that
    /// can't begin anything: whether what would have prevented it came is not known any more.
    pub fn patience(&self) -> Option<Duration> {
        match self {
            Self::Absence { after: span, .. } | Self::Unanswered { within: span } => Some(*span),
            _ => None,
        }
    }

    /// Returns the window it looks back over, if it has one.
    pub fn window(&self) -> Option<Window> {
        match self {
            Self::Threshold { within, .. }
            | Self::Distinct { within, .. }
            | Self::Ratio { within, .. }
            | Self::Amount { within, .. }
            | Self::Percentile { within, .. } => Some(*within),
            Self::Sequence { within, .. } | Self::Unanswered { within } => Some((*within).into()),
            Self::Baseline(asked) => Some(asked.every.into()),
            Self::Travel(asked) => Some(asked.within.into()),
            Self::Correlation(plan) => plan.nodes.last().map(|root| root.within.into()),
            Self::Match | Self::FirstSeen { .. } | Self::Absence { .. } | Self::Rhythm { .. } | Self::Risk(_) => None,
        }
    }

    /// Returns the span after which an entity that no longer speaks is forgotten, but for attacks.
    pub fn span(&self) -> Duration {
        match self {
            Self::FirstSeen { forget, .. } => *forget,
            Self::Absence { after, .. } => *after,
            Self::Rhythm { learn, .. } => *learn,
            Self::Risk(asked) => asked.span(),
            Self::Correlation(plan) => plan.span(),
            _ => self.window().map_or(Duration::ZERO, |window| window.within),
        }
    }

    pub(super) fn steps(&self) -> Option<Steps<'_>> {
        match self {
            Self::Sequence { steps, within, gap, found, .. } => {
                Some(Steps { counts: steps, within: *within, gap: *gap, found })
            }
            _ => None,
        }
    }

    pub(super) fn asked(&self) -> Option<Asked> {
        match *self {
            Self::Amount { average, more_than, among, within } => {
                Some(Asked { average, more_than, among, window: within })
            }
            _ => None,
        }
    }

    pub(super) fn ranked(&self) -> Option<Ranked> {
        match *self {
            Self::Percentile { rank, more_than, among, within } => {
                Some(Ranked { rank, more_than, among, window: within })
            }
            _ => None,
        }
    }
}
