//! Rhythm: should this entity have been heard of by now, going by what it does at this hour?
//!
//! Signs of life, seconds or minutes in which it is heard, are counted by the hour, and a [`Season`] says how many an hour brings as a rule.
//! Since the last one, what should have come adds up, quickly by day and hardly at night; when it
//! has reached so many, and the entity is known for long enough, its silence fires once. Where it is not, what
//! should have come adds up anew from the next hour or sign on. Silence is over with the next sign of life.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::{amount, in_words};
use crate::detection::stats::Season;
use crate::detection::{Flip, Signal};

use super::{Cost, Firing, Room, Voice};

/// Nanoseconds of an hour.
const HOUR: i64 = 3_600_000_000_000;
const MINUTE: i64 = HOUR / 60;
/// Hours after which an entity is no passer-by.
const SETTLED: usize = 48;
/// How long silent passers-by are remembered, and the others.
const SHORT: Duration = Duration::from_hours(8 * 24);
const LONG: Duration = Duration::from_hours(5 * 168);

/// What one entity does at each hour, and since when it has been silent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rhythm {
    voice: Voice,
    season: Season,
    hour: i64,
    signs: u64,
    newest: Timestamp,
    /// From where on what should have come is yet to be added.
    from: Timestamp,
    /// What should have come until then.
    missed: f64,
    /// What an hour like this brings.
    rate: f64,
    silent: bool,
}

impl Rhythm {
    /// Returns an entity that `signal` is about, before that is counted.
    pub fn new(signal: &Signal) -> Self {
        let at = signal.time;
        Self {
            voice: Voice::of(signal),
            season: Season::default(),
            hour: at.nanos().div_euclid(HOUR),
            signs: 0,
            newest: at,
            from: at,
            missed: 0.0,
            rate: 0.0,
            silent: false,
        }
    }

    /// Counts a sign of life; of `minutes`, the first of each.
    pub fn observe(&mut self, minutes: bool, signal: &Signal, room: &Room) {
        let at = signal.time;
        self.reach(at.nanos().div_euclid(HOUR));
        let again = minutes && at.nanos().div_euclid(MINUTE) <= self.newest.nanos().div_euclid(MINUTE);
        if at.nanos().div_euclid(HOUR) == self.hour && !again {
            self.signs += 1;
        }
        if at >= self.newest {
            (self.newest, self.from, self.missed) = (at, at, 0.0);
            self.voice.hears(signal, room);
        }
    }

    /// Tells, once, whether it had fallen silent.
    pub fn wakes(&mut self) -> bool {
        std::mem::take(&mut self.silent)
    }

    fn reach(&mut self, hour: i64) {
        if hour <= self.hour {
            return;
        }
        self.season.add(self.hour, self.signs, false);
        if hour > self.hour + 1 {
            self.season.add(hour - 1, 0, false);
        }
        (self.hour, self.signs) = (hour, 0);
        if self.missed.is_infinite() {
            self.missed = 0.0;
        }
        self.rate = self.season.normal(hour).least;
    }

    fn end(&self) -> Timestamp {
        Timestamp::from_nanos(HOUR.saturating_mul(self.hour + 1))
    }

    /// Returns when so many should have come, or when the hour is over.
    pub fn alarm(&self, missing: u32) -> Option<Timestamp> {
        if self.silent {
            return None;
        }
        if self.rate <= 0.0 {
            return Some(self.end());
        }
        let hours = (f64::from(missing) - self.missed).max(0.0) / self.rate;
        let full = self.from.plus(Duration::from_secs_f64((hours * 3_600.0).clamp(0.0, 1e6)));
        Some(full.min(self.end()))
    }

    /// Looks at it at `at`; returns what fires.
    pub fn elapse(&mut self, missing: u32, learn: Duration, at: Timestamp) -> Option<(Voice, Firing)> {
        self.missed += self.rate * at.since(self.from).as_secs_f64() / 3_600.0;
        self.from = at;
        let learnt = self.season.len() as u64 * 3_600 >= learn.as_secs();
        let enough = self.missed >= f64::from(missing) - 1e-6;
        if learnt && enough {
            self.silent = true;
            let silence = at.since(self.newest).as_secs_f64();
            let known = Duration::from_hours(self.season.len() as u64);
            let flips = (!self.season.is_full()).then_some(Flip::Known(known)).into_iter().collect();
            let firing = Firing { value: silence, flips, ..Firing::of(self.missed.round() as u64, self.newest, at) };
            return Some((self.voice.clone(), firing));
        }
        if enough {
            // Not learnt yet: nothing adds up before the hour is over, or another sign comes.
            self.missed = f64::NEG_INFINITY;
        }
        if at >= self.end() {
            self.reach(self.hour + 1);
        }
        None
    }

    /// Tells whether it is known for long enough not to give way to one that is new.
    pub fn is_settled(&self) -> bool {
        self.season.len() >= SETTLED
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self) -> Timestamp {
        self.newest.plus(if self.is_settled() { LONG } else { SHORT })
    }

    /// Says when it was heard of last, and what should have come since.
    pub fn standing(&self, missing: u32, minutes: bool, learn: Duration) -> String {
        let signs = if minutes { "minutes with an event" } else { "events" };
        let (rate, known) = (amount(self.rate), Duration::from_hours(self.season.len() as u64));
        format!(
            "heard of at {}; {rate} {signs} an hour are usual now, silence fires once {missing} are missing; known for {} of {}",
            self.newest,
            in_words(known),
            in_words(learn)
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: self.season.items(), bytes: self.voice.bytes() }
    }
}
