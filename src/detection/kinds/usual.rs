//! What is held against what is usual, and is no count, sum or average?
//!
//! Different values, or a share: each in a file of its own. They stand apart from [`Baseline`](super::baseline::Baseline),
//! so that what that has learnt and saved is read as it is.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Signal;

use super::baseline::{Baselining, Measured};
use super::usual_share::UsualShare;
use super::usual_values::UsualValues;
use super::{Cost, Firing, Room, Voice};

/// What one entity does, and is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Usual {
    /// How many different values it shows.
    Values(UsualValues),
    /// Which share of its events is of the other sort.
    Share(UsualShare),
}

impl Usual {
    /// Returns an entity of which `signal` is the first event, before that is counted; `None` where something else is
    /// measured.
    pub fn new(asked: Baselining, signal: &Signal) -> Option<Self> {
        match asked.measured {
            Measured::Distinct => Some(Self::Values(UsualValues::new(asked, signal))),
            Measured::Ratio => Some(Self::Share(UsualShare::new(asked, signal))),
            Measured::Count | Measured::Sum | Measured::Average => None,
        }
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, asked: Baselining, signal: &Signal, room: &Room) -> Option<Firing> {
        match self {
            Self::Values(state) => state.observe(asked, signal, room),
            Self::Share(state) => {
                state.observe(asked, signal, room);
                None
            }
        }
    }

    /// Counts an event during an attack; returns what is measured if it is too much still.
    pub fn further(&mut self, asked: Baselining, signal: &Signal, room: &Room) -> Option<f64> {
        match self {
            Self::Values(state) => state.further(asked, signal, room),
            Self::Share(state) => {
                state.observe(asked, signal, room);
                None
            }
        }
    }

    /// Returns when its bucket is over, where that may make it fire.
    pub fn alarm(&self, asked: Baselining) -> Option<Timestamp> {
        match self {
            Self::Values(state) => state.alarm(asked),
            Self::Share(state) => Some(state.alarm(asked)),
        }
    }

    /// Looks at the bucket that is over; returns what fires.
    pub fn elapse(&mut self, asked: Baselining, at: Timestamp) -> Option<(Voice, Firing)> {
        match self {
            Self::Values(state) => state.elapse(asked, at),
            Self::Share(state) => state.elapse(asked, at),
        }
    }

    /// Tells whether it is known for long enough not to give way to one that is new.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Values(state) => state.is_settled(),
            Self::Share(state) => state.is_settled(),
        }
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self) -> Timestamp {
        match self {
            Self::Values(state) => state.until(),
            Self::Share(state) => state.until(),
        }
    }

    /// Says what there is in this stretch of time, and what is usual.
    pub fn standing(&self, asked: Baselining) -> String {
        match self {
            Self::Values(state) => state.standing(asked),
            Self::Share(state) => state.standing(asked),
        }
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        match self {
            Self::Values(state) => state.cost(),
            Self::Share(state) => state.cost(),
        }
    }
}
