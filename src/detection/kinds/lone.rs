//! An entity that has spoken once.
//!
//! Floods are made of them, so a kind that keeps values or numbers begins with the one event alone, in place,
//! and gets a list of its own with the second. Only where one event is far from firing: it is not kept
//! as evidence.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::{Counting, Signal};

use super::amount::Amount;
use super::distinct::Distinct;
use super::kept::BEFORE;
use super::{Cost, State};

/// The value or number of one event, and when it was; [`Timestamp::MIN`] before it is taken in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lone {
    value: u64,
    at: Timestamp,
}

impl Lone {
    /// Returns the state of an entity that has not spoken, if one event is far from making it fire.
    pub fn of(counting: &Counting, signal: &Signal) -> Option<State> {
        let is_far = match *counting {
            Counting::Distinct { more_than, .. } => more_than as usize > BEFORE,
            Counting::Amount { average: true, among, .. } => among as usize > BEFORE + 1,
            Counting::Amount { more_than, .. } => {
                let number = signal.value.cast_signed();
                number <= more_than / 2 && number <= more_than
            }
            _ => false,
        };
        is_far.then_some(State::Lone(Self { value: 0, at: Timestamp::MIN }))
    }

    /// Takes in the one event; returns whether there was none before.
    pub fn take(&mut self, signal: &Signal) -> bool {
        let is_first = self.at == Timestamp::MIN;
        if is_first {
            *self = Self { value: signal.value, at: signal.time };
        }
        is_first
    }

    /// Returns the same as its kind keeps it.
    pub fn unfolded(&self, counting: &Counting) -> State {
        match counting {
            Counting::Distinct { .. } => State::Distinct(Box::new(Distinct::of_one(self.value, self.at))),
            _ => State::Amount(Box::new(Amount::of_one(self.value.cast_signed(), self.at))),
        }
    }

    /// Returns when its event was.
    pub fn newest(&self) -> Option<Timestamp> {
        (self.at > Timestamp::MIN).then_some(self.at)
    }

    /// Returns what it takes.
    pub const fn cost() -> Cost {
        Cost { items: 1, bytes: 0 }
    }
}
