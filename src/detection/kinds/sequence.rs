//! Sequence: has this entity gone through all steps, one after the other, `within` the span?
//!
//! An event counts for one step only. The first step slides: the newest events that fill it are
//! the ones that count, so a long row of failures does not hide the success that follows it. From
//! the second step on the span is fixed by the first event counted. With a `gap`, a longer pause between
//! two events that count ends it. Bound: times for the first step, a counter for the rest, one record
//! a step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::detection::in_words::in_words;
use crate::detection::stats::Tally;

use super::{Cost, Firing, Kept, MOST_TIMES, Room};

/// What a detector asks.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// How many events each step takes.
    pub counts: &'a [u32],
    /// From the first event to the last.
    pub within: Duration,
    /// From one event to the next.
    pub gap: Option<Duration>,
}

impl Steps<'_> {
    /// Tells whether there is too long a pause between the two.
    pub fn is_pause(&self, before: Timestamp, at: Timestamp) -> bool {
        self.gap.is_some_and(|gap| at > before.plus(gap))
    }
}

/// How far one entity has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sequence {
    /// The newest events of the first step, as many as it needs at most.
    opening: Tally,
    /// The event that filled the first step.
    opener: Option<Kept>,
    attempt: Option<Attempt>,
}

/// A sequence that is past its first step.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Attempt {
    step: usize,
    /// Events counted for `step`.
    counted: u32,
    /// Events counted for all steps.
    total: u64,
    first: Timestamp,
    last: Timestamp,
    kept: Vec<Kept>,
}

impl Sequence {
    /// Counts an event; returns what it completes, and starts afresh.
    pub fn observe(&mut self, steps: Steps<'_>, signal: &Signal, room: &Room) -> Option<Firing> {
        let at = signal.time;
        let step = usize::from(signal.step);
        let needed = u64::from(steps.counts.first().copied()?.max(1));
        let over = |attempt: &Attempt| at > attempt.first.plus(steps.within) || steps.is_pause(attempt.last, at);
        if self.attempt.as_ref().is_some_and(over) {
            self.attempt = None;
        }
        if step == 0 {
            self.open(needed, steps, signal, room);
            let alone = steps.counts.len() == 1 && self.opening.total() >= needed;
            return alone.then(|| self.begin(needed, at)).flatten().map(|attempt| self.fire(attempt));
        }
        if step >= steps.counts.len() {
            return None;
        }
        let mut attempt = match self.attempt.take() {
            Some(attempt) => attempt,
            None if step == 1 => {
                self.opening.forget_before(at.minus(steps.within));
                if self.opening.newest().is_some_and(|last| steps.is_pause(last, at)) {
                    self.opening = Tally::Empty;
                }
                self.begin(needed, at)?
            }
            None => return None,
        };
        // A step can't come before what it follows, even if it is heard of later.
        if step == attempt.step && at >= attempt.last {
            attempt.count(steps.counts, signal, room);
        }
        if attempt.step >= steps.counts.len() {
            return Some(self.fire(attempt));
        }
        self.attempt = Some(attempt);
        None
    }

    fn open(&mut self, needed: u64, steps: Steps<'_>, signal: &Signal, room: &Room) {
        let at = signal.time;
        let newest = self.opening.newest().map_or(at, |newest| newest.max(at));
        if at < newest.minus(steps.within) {
            return;
        }
        if self.opening.newest().is_some_and(|last| steps.is_pause(last, at)) {
            self.opening = Tally::Empty;
        }
        self.opening.add(at, MOST_TIMES);
        self.opening.forget_before(newest.minus(steps.within));
        self.opening.keep_newest(needed);
        if self.opening.total() >= needed && newest == at {
            self.opener = Kept::new(signal, room);
        }
    }

    /// Returns an attempt that is past its first step, if that is filled by events until `at`.
    fn begin(&mut self, needed: u64, at: Timestamp) -> Option<Attempt> {
        let (first, last) = (self.opening.first()?, self.opening.newest()?);
        if self.opening.total() < needed || last > at {
            return None;
        }
        Some(Attempt { step: 1, counted: 0, total: needed, first, last, kept: self.opener.iter().cloned().collect() })
    }

    fn fire(&mut self, attempt: Attempt) -> Firing {
        *self = Self::default();
        Firing { kept: attempt.kept, ..Firing::of(attempt.total, attempt.first, attempt.last) }
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self, within: Duration) -> Option<Timestamp> {
        self.attempt.as_ref().map(|attempt| attempt.first).max(self.opening.newest()).map(|at| at.plus(within))
    }

    /// Says which step it waits for, and how many of its events have come.
    pub fn standing(&self, steps: Steps<'_>) -> String {
        let (step, counted) = match &self.attempt {
            Some(attempt) => (attempt.step, u64::from(attempt.counted)),
            None => (0, self.opening.total()),
        };
        // A first step that is full waits for the second, and slides on meanwhile.
        let needed = |step: usize| u64::from(steps.counts.get(step).copied().unwrap_or(1).max(1));
        let (step, counted) = if step == 0 && counted >= needed(0) { (1, 0) } else { (step, counted) };
        let (all, within) = (steps.counts.len(), in_words(steps.within));
        format!(
            "waits at step {} of {all}, with {counted} of its {} events, all within {within}",
            step + 1,
            needed(step)
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let kept = self.attempt.iter().flat_map(|attempt| &attempt.kept).chain(&self.opener);
        Cost { items: self.opening.items(), bytes: kept.map(Kept::bytes).sum() }
    }
}

impl Attempt {
    fn count(&mut self, steps: &[u32], signal: &Signal, room: &Room) {
        self.total += 1;
        self.counted += 1;
        self.last = signal.time;
        let needed = steps.get(self.step).copied().unwrap_or(1).max(1);
        let completes = self.counted >= needed && self.step + 1 == steps.len();
        if self.counted == 1 && !completes {
            self.kept.extend(Kept::new(signal, room));
        }
        if self.counted >= needed {
            self.step += 1;
            self.counted = 0;
        }
    }
}
