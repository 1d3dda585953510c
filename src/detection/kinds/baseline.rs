//! Baseline: is that more, or less, than this entity itself does at this hour?
//!
//! The time is cut into buckets of at most an hour; each is held against the entity's own [`Season`].
//! A count, sum or number of different values above its band fires at once, an average, a share, and what lies below
//! the band, when the bucket is over. Different values and shares have files of their own: [`Usual`](super::usual::Usual). Nothing fires before the entity is known for `learn`, and nothing below `at_least`: few events
//! are never an anomaly. Past attacks are among what is remembered and hardly count, as normal is a median.
//! An entity that was heard of for less than two days is forgotten after eight, so that one that speaks once a week is
//! learnt; others after five weeks.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::{amount, in_words};
use crate::detection::stats::{Normal, Season};
use crate::detection::{Flip, Signal};

use super::kept::{BEFORE, Newest};
use super::{Cost, Firing, Room, Voice};

const HOUR: Duration = Duration::from_hours(1);
/// Hours after which an entity is no passer-by.
pub(super) const SETTLED: usize = 48;
/// How long passers-by are remembered, and the others.
pub(super) const SHORT: Duration = Duration::from_hours(8 * 24);
pub(super) const LONG: Duration = Duration::from_hours(5 * 168);

/// What is measured of each bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measured {
    /// How many events.
    Count,
    /// What a number adds up to.
    Sum,
    /// What a number is on average.
    Average,
    /// How many different values.
    Distinct,
    /// Which share of the events is of the other sort.
    Ratio,
}

/// What a detector asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Baselining {
    /// What is measured.
    pub measured: Measured,
    /// How long a bucket is; at most an hour, of which it is a part.
    pub every: Duration,
    /// How long an entity must be known.
    pub learn: Duration,
    /// How far a value may stray, in tenths of what is usual.
    pub tolerance: u16,
    /// Whether too much fires, and too little.
    pub sides: (bool, bool),
    /// What is measured, or expected where too little fires, is this at least.
    pub at_least: u32,
}

/// What one entity does, and is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Baseline {
    season: Season,
    since: Timestamp,
    newest: Timestamp,
    hour: i64,
    of_hour: Part,
    bucket: i64,
    of_bucket: Part,
    normal: Normal,
    voice: Option<Box<Voice>>,
    kept: Newest,
}

/// What came in a stretch of time.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Part {
    events: u64,
    sum: u64,
}

impl Part {
    fn add(&mut self, worth: u64) {
        self.events += 1;
        self.sum = self.sum.saturating_add(worth);
    }

    fn value(self, measured: Measured) -> u64 {
        match measured {
            Measured::Count => self.events,
            Measured::Sum | Measured::Distinct | Measured::Ratio => self.sum,
            Measured::Average => self.sum.checked_div(self.events).unwrap_or(0),
        }
    }
}

impl Baselining {
    /// Tells whether it fires when a bucket is over.
    pub fn is_timed(self) -> bool {
        self.sides.1 || matches!(self.measured, Measured::Average | Measured::Ratio)
    }

    pub(super) fn bucket(self, at: Timestamp) -> i64 {
        number(at, self.every)
    }

    pub(super) fn end(self, bucket: i64) -> Timestamp {
        let length = i64::try_from(self.every.as_nanos()).unwrap_or(i64::MAX);
        Timestamp::from_nanos(length.saturating_mul(bucket.saturating_add(1)))
    }

    fn band(self, normal: Normal) -> (f64, f64) {
        self.of_bucket(normal).band(f64::from(self.tolerance) / 10.0)
    }

    /// Returns what is normal for a bucket.
    fn of_bucket(self, normal: Normal) -> Normal {
        let average = self.measured == Measured::Average;
        normal.of_part(if average { 1.0 } else { self.every.as_secs_f64() / HOUR.as_secs_f64() })
    }

    fn expected(self, normal: Normal) -> f64 {
        normal.least * if self.measured == Measured::Average { 1.0 } else { self.every.as_secs_f64() / 3_600.0 }
    }
}

pub(super) fn number(at: Timestamp, length: Duration) -> i64 {
    at.nanos().div_euclid(i64::try_from(length.as_nanos()).unwrap_or(i64::MAX).max(1))
}

/// Returns what an event adds to a sum.
fn worth(signal: &Signal) -> u64 {
    u64::try_from(signal.value.cast_signed()).unwrap_or(0)
}

impl Baseline {
    /// Returns an entity of which `signal` is the first event, before that is counted.
    pub fn new(asked: Baselining, signal: &Signal) -> Self {
        let at = signal.time;
        Self {
            season: Season::default(),
            since: at,
            newest: at,
            hour: number(at, HOUR),
            of_hour: Part::default(),
            bucket: asked.bucket(at),
            of_bucket: Part::default(),
            normal: Normal::unknown(),
            voice: asked.is_timed().then(|| Box::new(Voice::of(signal))),
            kept: Newest::default(),
        }
    }

    /// Counts an event; returns what it completes.
    pub fn observe(&mut self, asked: Baselining, signal: &Signal, room: &Room) -> Option<Firing> {
        self.observe_worth(asked, signal, worth(signal), room)
    }

    /// Counts an event that is worth so much; returns what it completes.
    pub(super) fn observe_worth(
        &mut self,
        asked: Baselining,
        signal: &Signal,
        worth: u64,
        room: &Room,
    ) -> Option<Firing> {
        if !self.count(asked, signal, worth, room) || !self.is_above(asked) {
            return None;
        }
        Some(self.firing(asked, signal.time))
    }

    /// Counts an event during an attack; returns what is measured if it is too much still.
    pub fn further(&mut self, asked: Baselining, signal: &Signal, room: &Room) -> Option<f64> {
        self.further_worth(asked, signal, worth(signal), room)
    }

    /// Counts an event that is worth so much during an attack; returns what is measured if it is too much still.
    pub(super) fn further_worth(&mut self, asked: Baselining, signal: &Signal, worth: u64, room: &Room) -> Option<f64> {
        let counts = self.count(asked, signal, worth, room);
        (counts && self.is_above(asked)).then(|| self.of_bucket.value(asked.measured) as f64)
    }

    /// Takes an event in; tells whether it is one of the bucket that is not over yet.
    fn count(&mut self, asked: Baselining, signal: &Signal, worth: u64, room: &Room) -> bool {
        let at = signal.time;
        self.reach(asked, asked.bucket(at));
        if asked.bucket(at) < self.bucket {
            return false;
        }
        self.newest = self.newest.max(at);
        self.of_hour.add(worth);
        self.of_bucket.add(worth);
        if let Some(voice) = &mut self.voice {
            voice.hears(signal, room);
        }
        // Of different values each is shown once.
        let is_new = asked.measured != Measured::Distinct || worth > 0;
        if is_new && self.is_near(asked) {
            self.kept.push(signal, room);
        }
        true
    }

    /// Tells whether what comes next may be too much.
    fn is_near(&self, asked: Baselining) -> bool {
        let value = self.of_bucket.value(asked.measured) as f64;
        // Of a number it is not known how much comes at once.
        let soon = asked.measured == Measured::Sum || value + BEFORE as f64 >= f64::from(asked.at_least);
        let counts = asked.measured != Measured::Average && self.is_learnt(asked);
        counts && soon && value + BEFORE as f64 >= asked.band(self.normal).1
    }

    /// Returns the bucket that is not over yet.
    pub(super) fn bucket(&self) -> i64 {
        self.bucket
    }

    /// Lets time reach `bucket`.
    pub(super) fn reach(&mut self, asked: Baselining, bucket: i64) {
        if bucket <= self.bucket {
            return;
        }
        (self.bucket, self.of_bucket, self.kept) = (bucket, Part::default(), Newest::default());
        let hour = number(asked.end(bucket.saturating_sub(1)), HOUR);
        if hour > self.hour {
            let average = asked.measured == Measured::Average;
            if !average || self.of_hour.events > 0 {
                self.season.add(self.hour, self.of_hour.value(asked.measured), average);
            }
            if hour > self.hour + 1 && !average {
                self.season.add(hour - 1, 0, false);
            }
            (self.hour, self.of_hour) = (hour, Part::default());
            self.normal = self.season.normal(hour);
        }
    }

    fn is_above(&self, asked: Baselining) -> bool {
        let value = self.of_bucket.value(asked.measured) as f64;
        asked.sides.0
            && asked.measured != Measured::Average
            && self.is_learnt(asked)
            && value >= f64::from(asked.at_least)
            && value > asked.band(self.normal).1
    }

    fn is_learnt(&self, asked: Baselining) -> bool {
        self.season.len() as u64 * 3_600 >= asked.learn.as_secs()
    }

    fn firing(&mut self, asked: Baselining, at: Timestamp) -> Firing {
        let value = self.of_bucket.value(asked.measured) as f64;
        let start = asked.end(self.bucket - 1);
        let kept = self.kept.take_since(start);
        let (band, flips) = (Some(asked.band(self.normal)), self.flips(asked, value));
        let distinct = if asked.measured == Measured::Distinct { self.of_bucket.sum } else { 1 };
        Firing { distinct, kept, value, band, flips, ..Firing::of(self.of_bucket.events, start, at) }
    }

    /// Returns at which tolerance, least and learning time it would have been nothing.
    fn flips(&self, asked: Baselining, value: f64) -> Vec<Flip> {
        let least = match asked.measured {
            Measured::Average => Flip::Among(self.of_bucket.events),
            _ if value < asked.band(self.normal).0 => Flip::Expected(asked.expected(self.normal)),
            _ => Flip::Least,
        };
        let known = Duration::from_hours(self.season.len() as u64);
        let soon = known < asked.learn.saturating_mul(2) && !self.season.is_full();
        let known = soon.then_some(Flip::Known(known));
        [Flip::Normal(asked.of_bucket(self.normal)), least].into_iter().chain(known).collect()
    }

    /// Returns when its bucket is over, where that may make it fire.
    pub fn alarm(&self, asked: Baselining) -> Option<Timestamp> {
        asked.is_timed().then(|| asked.end(self.bucket))
    }

    /// Looks at the bucket that is over; returns what fires.
    pub fn elapse(&mut self, asked: Baselining, at: Timestamp) -> Option<(Voice, Firing)> {
        let (low, high) = asked.band(self.normal);
        let value = self.of_bucket.value(asked.measured) as f64;
        let (least, average) = (f64::from(asked.at_least), asked.measured == Measured::Average);
        let few = asked.sides.1 && !average && value < low && asked.expected(self.normal) >= least;
        let enough = average && self.of_bucket.events >= u64::from(asked.at_least);
        let strays = enough && (asked.sides.0 && value > high || asked.sides.1 && value < low);
        let fires = self.is_learnt(asked) && (few || strays);
        let firing = fires.then(|| self.firing(asked, at));
        self.reach(asked, self.bucket + 1);
        Some((Voice::clone(self.voice.as_deref()?), firing?))
    }

    /// Tells whether it is known for long enough not to give way to one that is new.
    pub fn is_settled(&self) -> bool {
        self.season.len() >= SETTLED
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self) -> Timestamp {
        self.newest.plus(if self.is_settled() { LONG } else { SHORT })
    }

    /// Says what there is in this stretch of time, and what is usual.
    pub fn standing(&self, asked: Baselining) -> String {
        let ((low, high), value) = (asked.band(self.normal), self.of_bucket.value(asked.measured));
        let (known, learn) = (Duration::from_hours(self.season.len() as u64), in_words(asked.learn));
        let what = if asked.measured == Measured::Distinct { " different values" } else { "" };
        format!(
            "{value}{what} in this {}; {} to {} are usual, {} at least; known for {} of {learn}",
            in_words(asked.every),
            amount(low.max(0.0)),
            amount(high),
            asked.at_least,
            in_words(known)
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let voice = self.voice.as_ref().map_or(0, |voice| voice.bytes());
        Cost { items: self.season.items(), bytes: self.kept.bytes() + voice }
    }
}
