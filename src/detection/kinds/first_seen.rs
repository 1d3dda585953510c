//! First seen: does this entity show a value it has never shown, or not for long?
//!
//! While an entity is being learnt its values are taken in silently. A detector may be told only of
//! values that somebody has long shown (what is new to all is a release), and only for entities that show
//! few: one that always comes with new ones has no habit to leave. Where a detector knows of bulk,
//! a new value waits so long for others: when there are many, they are one event, such as a deployment,
//! and told as that. What is remembered for a day and more is remembered by the hour, to its end: within one
//! hour a value that comes again changes nothing. An entity keeps 4,096 values; beyond that, those that have aged are dropped, then
//! the eighth that was unseen for longest, all at once, so that a stream of new values costs each of
//! them little.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::in_words;
use crate::detection::stats::Values;
use crate::detection::{Counting, Flip, Level, Signal};

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

/// What is known of a new value.
#[derive(Clone, Copy, Debug)]
pub struct Novel {
    /// How long before it was shown last, if that is remembered.
    before: Option<Duration>,
    /// Of an entity that has to show few values: how many it shows.
    shown: Option<usize>,
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
        Self { since: at, newest: Timestamp::MIN, values: Values::default(), held: None }
    }

    /// Takes a value in; returns what is known of it if it was not seen within `forget`, and is one to tell of.
    pub fn is_told(&mut self, counting: &Counting, signal: &Signal, room: &mut Room) -> Option<Novel> {
        let &Counting::FirstSeen { forget, only, .. } = counting else { return None };
        let novel = self.is_new(forget, counting.coarse(), signal, room)?;
        let Some(few) = only.few.map(|few| few as usize) else { return room.common.then_some(novel) };
        self.values.forget_before(self.newest.minus(forget));
        let many = self.values.len();
        // Of too many it need not be known which they are, but that they are too many.
        if many > 4 * few {
            self.values.forget_oldest(many - 2 * few);
        }
        (many <= few && room.common).then_some(Novel { shown: Some(many), ..novel })
    }

    /// Takes a value in; returns what is known of it if it was not seen within `forget`.
    fn is_new(
        &mut self,
        forget: Duration,
        coarse: Option<Duration>,
        signal: &Signal,
        room: &mut Room,
    ) -> Option<Novel> {
        let at = signal.time;
        let kept = at.end_of(coarse);
        self.since = self.since.min(at);
        self.newest = self.newest.max(kept);
        let last = self.values.see(signal.value, kept);
        let is_new = last.is_none_or(|last| last.plus(forget) < at);
        if self.values.len() > MOST_VALUES {
            self.values.forget_before(self.newest.minus(forget));
        }
        if self.values.len() > MOST_VALUES {
            self.values.forget_oldest(MOST_VALUES / 8);
            room.evicted += MOST_VALUES as u64 / 8;
        }
        is_new.then(|| Novel { before: last.map(|last| at.since(last)), shown: None })
    }

    /// Returns what fires when a value is `novel`.
    pub fn firing(&self, novel: Novel, signal: &Signal) -> Firing {
        let before = novel.before.map(Flip::LastShown);
        let shown = novel.shown.filter(|shown| *shown > 1).map(|shown| Flip::Shown(shown as u64));
        let known = Flip::Known(signal.time.since(self.since));
        Firing { flips: before.into_iter().chain(shown).chain([known]).collect(), ..Firing::of_one(signal) }
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
        let (level, flips) = (many.then_some(bulk.level), vec![Flip::Known(held.last.since(self.since))]);
        Some((held.voice, Firing { level, flips, bulk: many.then_some(bulk.more_than), ..firing }))
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Timestamp {
        self.newest
    }

    /// Says since when the entity is known, and by how many values.
    pub fn standing(&self, counting: &Counting) -> String {
        let &Counting::FirstSeen { learn, .. } = counting else { return String::new() };
        let known = self.newest.minus(counting.coarse().unwrap_or_default()).since(self.since);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::detection::engine::trial::{at_once, attacks, signal_of};

    const END: i64 = 400 * 1_200;

    fn hours(hours: i64) -> Duration {
        Duration::from_secs(hours as u64 * 3_600)
    }

    proptest! {
        #[test]
        fn of_what_is_remembered_by_the_hour_all_but_the_first_of_an_hour_changes_nothing(
            said in prop::collection::vec((0_u64..3, 0_i64..200, 0_u64..6), 0..60), learn in 0_i64..40,
            forget in 24_i64..48, few in prop::option::of(1_u32..4), settled in prop::option::of(1_i64..30),
        ) {
            let only = Only { few, settled: settled.map(hours) };
            let counting = Counting::FirstSeen { learn: hours(learn), forget: hours(forget), bulk: None, only };
            let mut said: Vec<(u64, i64, u64)> = said.iter().map(|&(who, at, value)| (who, at * 1_200, value)).collect();
            said.sort_by_key(|one| one.1);
            let all: Vec<Signal> =
                said.iter().zip(0..).map(|(&(who, at, value), n)| signal_of(who, at, value, 0, n)).collect();
            let mut shown = BTreeSet::new();
            let first = |(one, _): &(&(u64, i64, u64), &Signal)| shown.insert((one.0, one.2, one.1 / 3_600));
            let firsts: Vec<Signal> =
                said.iter().zip(&all).filter(first).map(|(_, signal)| signal.clone()).collect();
            let found = attacks(&at_once(counting.clone(), 7_200, &all, END));
            prop_assert_eq!(&found, &attacks(&at_once(counting, 7_200, &firsts, END)));
            // Nothing is told that was shown within that time.
            for (_, at, ..) in &found {
                let fresh = |one: &&(u64, i64, u64)| {
                    let before = |old: &&(u64, i64, u64)| (old.0, old.2) == (one.0, one.2) && old.1 < *at;
                    said.iter().filter(before).all(|old| old.1 < at - forget * 3_600)
                };
                prop_assert!(said.iter().filter(|one| one.1 == *at).any(|one| fresh(&one)));
            }
        }
    }
}
