//! When does what is remembered of an entity stop mattering, and what begins anew after an attack?

use crate::clock::Timestamp;
use crate::detection::Counting;

use super::{Amount, Percentile, Ratio, Risk, State, Threshold};

impl State {
    /// Begins anew when an attack is over, where its events are not to count for the next one.
    pub fn afresh(&mut self) {
        match self {
            Self::Threshold(state) => *state = Threshold::default(),
            Self::Ratio(state) => **state = Ratio::default(),
            Self::Amount(state) => **state = Amount::default(),
            Self::Percentile(state) => **state = Percentile::default(),
            Self::Risk(state) => **state = Risk::default(),
            _ => {}
        }
    }

    /// Returns the last moment at which what it remembers can still matter; `None` if it
    /// remembers nothing.
    pub fn until(&self, counting: &Counting) -> Option<Timestamp> {
        let newest = match self {
            Self::Match => None,
            Self::Threshold(state) => state.newest(),
            Self::Distinct(state) => state.newest(),
            Self::Ratio(state) => state.newest(),
            Self::Amount(state) => state.newest(),
            Self::Percentile(state) => state.newest(),
            Self::Sequence(state) => return state.until(counting.span()),
            Self::FirstSeen(state) => Some(state.newest()),
            Self::Absence(state) => Some(state.last()),
            Self::Together(state) => state.newest(),
            Self::Unanswered(state) => return state.until(counting.span()),
            Self::Baseline(state) => return Some(state.until()),
            Self::Usual(state) => return Some(state.until()),
            Self::Rhythm(state) => return Some(state.until()),
            Self::Risk(state) => state.newest(),
            Self::Travel(state) => state.newest(),
            Self::Correlation(state) => return state.until(counting.span()),
            Self::Shown(state) => Some(state.newest()),
            Self::Lone(state) => state.newest(),
            Self::Few(state) => state.newest(counting),
        };
        let until = |at: Timestamp| counting.window().map_or(at.plus(counting.span()), |window| window.until(at));
        newest.map(until)
    }
}
