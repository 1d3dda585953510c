//! Together: have all of these happened to this entity, in whatever order?
//!
//! Of each step the newest events that fill it count, as many as it needs; when all are filled
//! `within` the span, it fires and starts afresh. With a `gap`, what lies before a longer pause does
//! not count. Bound: times of at most 8 steps, and one record a step.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::in_words;
use crate::detection::stats::Tally;
use crate::detection::{Flip, Signal};

use super::sequence::{Steps, took};
use super::{Cost, Firing, Kept, MOST_TIMES, Room};

/// How far one entity has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Together {
    steps: Vec<Step>,
    newest: Option<Timestamp>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Step {
    times: Tally,
    /// The event that filled it.
    filler: Option<Kept>,
}

impl Together {
    /// Counts an event; returns what it completes, and starts afresh.
    pub fn observe(&mut self, steps: Steps<'_>, signal: &Signal, room: &Room) -> Option<Firing> {
        let (at, step) = (signal.time, usize::from(signal.step));
        let needed = u64::from(steps.counts.get(step).copied()?.max(1));
        let newest = self.newest.map_or(at, |newest| newest.max(at));
        let start = newest.minus(steps.within);
        if at < start {
            return None;
        }
        if self.newest.is_some_and(|before| steps.is_pause(before, at)) {
            self.steps.clear();
        }
        self.newest = Some(newest);
        self.steps.resize(steps.counts.len(), Step::default());
        let own = self.steps.get_mut(step)?;
        let exactly = needed > 1 && own.times.total() < needed;
        own.times.add(at, MOST_TIMES);
        own.times.keep_newest(needed);
        let mut all = true;
        for (step, &needed) in self.steps.iter_mut().zip(steps.counts) {
            step.times.forget_before(start);
            all &= step.times.total() >= u64::from(needed.max(1));
        }
        if !all {
            let own = self.steps.get_mut(step)?;
            if own.times.total() >= needed {
                own.filler = Kept::new(signal, room);
            }
            return None;
        }
        let done = std::mem::take(self);
        let first = done.steps.iter().filter_map(|step| step.times.first()).min()?;
        let total = done.steps.iter().map(|step| step.times.total()).sum();
        let others = done.steps.into_iter().zip(0..).filter(|(_, number)| *number != step);
        let kept = others.filter_map(|(step, _)| step.filler).filter(|kept| kept.observed.time >= start).collect();
        // Its step was not full before this event.
        let exactly = exactly.then(|| Flip::Exactly { step: step as u8 + 1, takes: needed as u32 });
        let flips = took(first, newest).into_iter().chain(exactly).collect();
        Some(Firing { kept, flips, ..Firing::of(total, first, newest) })
    }

    /// Returns when its newest event was.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest
    }

    /// Says how many events of each step have come.
    pub fn standing(&self, steps: Steps<'_>) -> String {
        let came = |place: usize| self.steps.get(place).map_or(0, |step| step.times.total());
        let told = steps.counts.iter().enumerate().map(|(place, needed)| {
            let needed = (*needed).max(1);
            format!("step {}: {} of {needed}", place + 1, came(place))
        });
        format!("{} events, all within {}", told.collect::<Vec<_>>().join(", "), in_words(steps.within))
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let kept = self.steps.iter().filter_map(|step| step.filler.as_ref()).map(Kept::bytes).sum();
        Cost {
            items: 3 * self.steps.len() + self.steps.iter().map(|step| step.times.items()).sum::<usize>(),
            bytes: kept,
        }
    }
}
