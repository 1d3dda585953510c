//! First seen: does this entity show a value it has never shown, or not for long?
//!
//! While an entity is being learnt its values are taken in silently. A detector may be told only of
//! values that somebody has long shown (what is new to all is a release), and only for entities that show
//! few: one that always comes with new ones has no habit to leave. Where a detector knows of bulk,
//! a new value waits so long for others: when there are many, they are one event, such as a deployment,
//! and told as that. An entity keeps 4,096 values; beyond that, those that have aged are dropped, then
//! the eighth that was unseen for longest, all at once, so that a stream of new values costs each of
//! them little.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::in_words;
use crate::detection::stats::Values;
use crate::detection::{Level, Signal};

use super::kept::Newest;
use super::{Cost, Firing, Room, Voice};

/// Values of one entity at most.
const MOST_VALUES: usize = 4_096;

/// Many new values at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bulk {
    /// More than so many are one event.
    pub more_than: u32,
    /// If they come so soon after the first.
    pub within: Duration,
    /// How bad that is.
    pub level: Level,
}

/// Of which new values a detector is told at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Only {
    /// Those of an entity that shows no more values than this.
    pub few: Option<u32>,
    /// Those that some entity has shown for so long.
    pub settled: Option<Duration>,
}

/// What one entity is known to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstSeen {
    since: Timestamp,
    newest: Timestamp,
    values: Values,
    held: Option<Box<Held>>,
}

/// New values that wait for others.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Held {
    voice: Voice,
    count: u32,
    first: Timestamp,
    last: Timestamp,
    kept: Newest,
}

impl FirstSeen {
    /// Returns an entity that is first heard of at `at`.
    pub fn since(at: Timestamp) -> Self {
        Self { since: at, newest: at, values: Values::default(), held: None }
    }

    /// Takes a value in; tells whether it was not seen within `forget`, and is one to tell of.
    pub fn is_told(&mut self, forget: Duration, only: Only, signal: &Signal, room: &mut Room) -> bool {
        let is_new = self.is_new(forget, signal, room);
        let Some(few) = only.few.map(|few| few as usize).filter(|_| is_new) else { return is_new && room.common };
        self.values.forget_before(self.newest.minus(forget));
        let many = self.values.len();
        // Of too many it need not be known which they are, but that they are too many.
        if many > 4 * few {
            self.values.forget_oldest(many - 2 * few);
        }
        many <= few && room.common
    }

    /// Takes a value in; tells whether it was not seen within `forget`.
    fn is_new(&mut self, forget: Duration, signal: &Signal, room: &mut Room) -> bool {
        let at = signal.time;
        self.since = self.since.min(at);
        self.newest = self.newest.max(at);
        let is_new = self.values.see(signal.value, at).is_none_or(|last| last.plus(forget) < at);
        if self.values.len() > MOST_VALUES {
            self.values.forget_before(self.newest.minus(forget));
        }
        if self.values.len() > MOST_VALUES {
            self.values.forget_oldest(MOST_VALUES / 8);
            room.evicted += MOST_VALUES as u64 / 8;
        }
        is_new
    }

    /// Tells whether the entity has been known for `learn` when `signal` happens.
    pub fn knows(&self, learn: Duration, signal: &Signal) -> bool {
        signal.time >= self.since.plus(learn)
    }

    /// Lets a new value wait for others.
    pub fn hold(&mut self, signal: &Signal, room: &Room) {
        let at = signal.time;
        if let Some(held) = &mut self.held {
            (held.count, held.first, held.last) = (held.count + 1, held.first.min(at), held.last.max(at));
            held.kept.push(signal, room);
            return;
        }
        let mut voice = Voice::of(signal);
        voice.hears(signal, room);
        self.held = Some(Box::new(Held { voice, count: 1, first: at, last: at, kept: Newest::default() }));
    }

    /// Returns when those that wait have waited long enough.
    pub fn alarm(&self, bulk: Bulk) -> Option<Timestamp> {
        self.held.as_ref().map(|held| held.first.plus(bulk.within))
    }

    /// Returns what those that waited mean together.
    pub fn elapse(&mut self, bulk: Bulk) -> Option<(Voice, Firing)> {
        let held = self.held.take()?;
        let many = held.count > bulk.more_than;
        let kept = { held.kept }.take_since(Timestamp::MIN);
        let firing =
            Firing { kept, distinct: held.count.into(), ..Firing::of(held.count.into(), held.first, held.last) };
        let level = many.then_some(bulk.level);
        Some((held.voice, Firing { level, bulk: many.then_some(bulk.more_than), ..firing }))
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Says since when the entity is known, and by how many values.
    pub fn standing(&self, learn: Duration) -> String {
        let known = self.newest.since(self.since);
        let learns = if known >= learn { "which is enough" } else { "while it learns" };
        let waiting = self.held.as_ref().map_or(String::new(), |held| format!("; {} new ones wait", held.count));
        format!(
            "known for {} of {}, {learns}, by {} values{waiting}",
            in_words(known),
            in_words(learn),
            self.values.len()
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let held = |held: &Held| held.voice.bytes() + held.kept.bytes();
        Cost { items: self.values.len(), bytes: self.held.as_deref().map_or(0, held) }
    }
}
