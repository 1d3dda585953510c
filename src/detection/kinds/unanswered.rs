//! Unanswered: has what must follow an event not come `within` the span?
//!
//! Step 0 asks, step 1 answers: an answer settles everything that was asked until then, at the same
//! moment too. When the watermark reaches the oldest question plus the span and there is no answer, it
//! fires for all that is open, and starts afresh; an answer at that very moment is in time. Questions
//! of 64 different times are told apart.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::cut;
use crate::detection::stats::Tally;
use crate::detection::{Flip, Signal};

use super::{Cost, Firing, Room, TIMES, Voice};

/// What one entity has yet to answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Unanswered {
    voice: Voice,
    asked: Tally,
    answered: Option<Timestamp>,
}

impl Unanswered {
    /// Returns an entity that `signal` is about, before that is looked at.
    pub fn new(signal: &Signal) -> Self {
        Self { voice: Voice::of(signal), asked: Tally::Empty, answered: None }
    }

    /// Takes in a question or an answer.
    pub fn observe(&mut self, signal: &Signal, room: &Room) {
        let at = signal.time;
        if signal.step > 0 {
            self.answered = self.answered.max(Some(at));
            self.asked.forget_before(at.plus(Duration::from_nanos(1)));
        } else if self.answered.is_none_or(|answered| answered < at) {
            if self.asked.first().is_none_or(|first| at < first) {
                self.voice.hears(signal, room);
            }
            self.asked.add(at, TIMES);
        }
    }

    /// Returns when what was asked first must have been answered.
    pub fn alarm(&self, within: Duration) -> Option<Timestamp> {
        self.asked.first().map(|first| first.plus(within))
    }

    /// Returns what it means that no answer came until `at`.
    pub fn elapse(&mut self, within: Duration, at: Timestamp) -> Option<(Voice, Firing)> {
        let asked = std::mem::take(&mut self.asked);
        let half = cut(within / 2);
        let sooner = (!half.is_zero()).then(|| Flip::Within { within: half, by: within.saturating_sub(half) });
        let flips = sooner.into_iter().chain([Flip::Waiting(asked.total())]).collect();
        Some((self.voice.clone(), Firing { flips, ..Firing::of(asked.total(), asked.first()?, at) }))
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self, within: Duration) -> Option<Timestamp> {
        self.alarm(within).max(self.answered)
    }

    /// Says what waits, and until when.
    pub fn standing(&self, within: Duration) -> String {
        match self.alarm(within) {
            Some(alarm) => format!("{} events wait for what is expected; fires at {alarm}", self.asked.total()),
            None => "nothing waits for what is expected".to_owned(),
        }
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.asked.items(), bytes: self.voice.bytes() }
    }
}
