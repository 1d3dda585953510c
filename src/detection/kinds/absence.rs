//! Absence: has this entity, which used to speak, said nothing for `after`?
//!
//! It is the passing of time that fires, not an event: when the watermark reaches the last event
//! plus `after`. An event at that very moment still counts as speaking. Once it has fired the
//! entity is forgotten, so it fires once until it speaks again. Up to 64 different times (or as
//! many as the detector asks for, 1,024 at most) are told apart in the `after` before the silence.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::because::Earlier;
use crate::detection::in_words::{cut, in_words};
use crate::detection::stats::Tally;
use crate::detection::{Flip, Signal};

use super::{Cost, Firing, MOST_TIMES, Room, TIMES, Voice};

/// The last sign of life of one entity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Absence {
    voice: Voice,
    times: Tally,
}

impl Absence {
    /// Returns an entity that `signal` is about, before that is counted.
    pub fn new(signal: &Signal) -> Self {
        Self { voice: Voice::of(signal), times: Tally::Empty }
    }

    /// Counts an event.
    pub fn observe(&mut self, after: Duration, at_least: u32, signal: &Signal, room: &Room) {
        let at = signal.time;
        let newest = self.times.newest().map_or(at, |newest| newest.max(at));
        if at < newest.minus(after) {
            return;
        }
        self.times.add(at, (at_least as usize).clamp(TIMES, MOST_TIMES));
        self.times.forget_before(newest.minus(after));
        if at >= self.voice.observed.time {
            self.voice.hears(signal, room);
        }
    }

    /// Returns what it means that there was no event until `at`.
    pub fn elapse(&self, after: Duration, at_least: u32, at: Timestamp) -> Option<(Voice, Firing)> {
        let count = Some(self.times.total()).filter(|&count| count >= u64::from(at_least))?;
        let silence = at.since(self.last()).as_secs_f64();
        let (earlier, flips) = (self.earlier(after, at_least), vec![Flip::Heard(count)]);
        Some((self.voice.clone(), Firing { value: silence, earlier, flips, ..Firing::of(count, self.last(), at) }))
    }

    /// Returns how much earlier half the silence would have fired: if it was heard of often enough in as long
    /// before. A longer silence than that half before those forgets nothing that is counted here.
    fn earlier(&self, after: Duration, at_least: u32) -> Option<Earlier> {
        let half = cut(after / 2);
        let enough = self.times.exactly_since(self.last().minus(half))? >= u64::from(at_least);
        (enough && !half.is_zero()).then(|| Earlier { limit: half.as_secs_f64(), by: after.saturating_sub(half) })
    }

    /// Returns when its last event was.
    pub fn last(&self) -> Timestamp {
        self.times.newest().unwrap_or(self.voice.observed.time)
    }

    /// Says when it was heard of last, and when its silence would fire.
    pub fn standing(&self, after: Duration, at_least: u32) -> String {
        let (last, events, span) = (self.last(), self.times.total(), in_words(after));
        let then = if events >= u64::from(at_least) {
            format!("silence fires at {}", last.plus(after))
        } else {
            "its silence would be nothing yet".to_owned()
        };
        format!("{events} of {at_least} events in {span}, the last at {last}: {then}")
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.times.items(), bytes: self.voice.bytes() }
    }
}
