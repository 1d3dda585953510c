//! Sequence: has this entity gone through all steps, one after the other, `within` the span?
//!
//! An event counts for one step only. Of all rows of events that reach a step, the one that began last is
//! remembered: as any other, it goes on with whatever comes, and its span ends last, so none is missed, however many
//! half rows came before it. With a `gap`, a longer pause between two events that count ends a row; since any event of
//! a step that takes several may bridge a pause, each of its events has a place of its own then. What happens
//! at one moment stands in the order of the steps. Bound: of each step as many times as it needs, and one (with a `gap`,
//! twice as many), and one record a step.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::in_words::in_words;
use crate::detection::stats::Tally;
use crate::detection::{Finders, Flip, Signal};

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
    /// For each step whose findings it takes; empty if all of them take events.
    pub found: &'a [Finders],
}

impl Steps<'_> {
    /// Tells whether there is too long a pause between the two.
    pub fn is_pause(&self, before: Timestamp, at: Timestamp) -> bool {
        self.gap.is_some_and(|gap| at > before.plus(gap))
    }

    fn needed(&self, step: usize) -> usize {
        self.counts.get(step).copied().unwrap_or(1).max(1) as usize
    }

    /// Returns the places of a row that `step` has: one, or one for each of its events.
    fn places(&self, step: usize) -> Range<usize> {
        if self.gap.is_none() || step == 0 {
            return step..step + 1;
        }
        let first = 1 + (1..step).map(|before| self.needed(before)).sum::<usize>();
        first..first + self.needed(step)
    }

    /// Returns the step that has this place.
    fn step_of(&self, place: usize) -> usize {
        (0..self.counts.len()).find(|&step| self.places(step).contains(&place)).unwrap_or(0)
    }

    /// Returns how many events the place takes.
    fn takes(&self, place: usize) -> usize {
        if self.gap.is_none() || place == 0 { self.needed(place) } else { 1 }
    }

    fn last_place(&self) -> usize {
        self.places(self.counts.len().saturating_sub(1)).end - 1
    }

    fn is_found(&self, step: usize) -> bool {
        self.found.get(step).is_some_and(|finders| !finders.is_none())
    }

    /// Tells whether what `newest` hashes to, of the place before `place`, is what `signal` hashes to. What was found is
    /// one with the event at which it was found, which it shares half a hash with, but not with what else was found there.
    fn is_same(&self, place: usize, newest: u64, signal: &Signal) -> bool {
        let hash = signal.hash as u64;
        let of_event = self.is_found(self.step_of(place - 1)) != self.is_found(self.step_of(place));
        newest == hash || of_event && newest >> 32 == hash >> 32
    }
}

/// How far one entity has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sequence {
    /// The newest events of the first step, as many as it needs, and one.
    opening: Tally,
    /// The content hash of the newest of them.
    newest: u64,
    /// The event that filled the first step.
    opener: Option<Kept>,
    /// What has come of the later steps.
    rows: Vec<Row>,
}

/// The events of a step that come after a row of all steps before it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Row {
    /// The newest of them, as many as it needs, and one.
    events: VecDeque<Counted>,
    /// The content hash of the newest.
    newest: u64,
    /// The events that filled the steps before, and the first of this one.
    kept: Vec<Kept>,
}

/// An event of a step.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Counted {
    at: Timestamp,
    /// When the row began that it goes on with, if it is the first of its step.
    begun: Option<Timestamp>,
}

impl Sequence {
    /// Counts an event; returns what it completes, and starts afresh.
    pub fn observe(&mut self, steps: Steps<'_>, signal: &Signal, room: &Room) -> Option<Firing> {
        let (at, step) = (signal.time, usize::from(signal.step));
        if step >= steps.counts.len() {
            return None;
        }
        if step == 0 {
            self.open(steps, signal, room);
            let alone = steps.counts.len() == 1 && self.opening.total() >= steps.needed(0) as u64;
            return alone.then(|| self.begun(steps, 0)).flatten().map(|(first, _)| self.fire(steps, first, at));
        }
        // From the last on: one event has one place.
        let mut counts = false;
        for place in steps.places(step).rev() {
            let begun = self.reached(steps, place, signal);
            let is_counted = self.count(steps, place, signal, begun, room).is_some();
            counts |= is_counted && place == steps.last_place();
        }
        let row = self.rows.get(steps.last_place() - 1).filter(|_| counts)?;
        let first = row.begun(steps.takes(steps.last_place()), 0)?.0;
        (at <= first.plus(steps.within)).then(|| self.fire(steps, first, at))
    }

    fn open(&mut self, steps: Steps<'_>, signal: &Signal, room: &Room) {
        let at = signal.time;
        let newest = self.opening.newest().map_or(at, |newest| newest.max(at));
        if at < newest.minus(steps.within) {
            return;
        }
        if self.opening.newest().is_some_and(|last| steps.is_pause(last, at)) {
            self.opening = Tally::Empty;
        }
        let needed = steps.needed(0) as u64;
        self.opening.add(at, MOST_TIMES);
        self.opening.forget_before(newest.minus(steps.within));
        self.opening.keep_newest(needed + 1);
        if newest == at {
            self.newest = signal.hash as u64;
            if self.opening.total() >= needed {
                self.opener = Kept::new(signal, room);
            }
        }
    }

    /// Returns when the first step began and ended that comes before this event, which is itself `own` of its events.
    fn begun(&self, steps: Steps<'_>, own: u64) -> Option<(Timestamp, Timestamp)> {
        let all = self.opening.total();
        let begun = all.checked_sub(steps.needed(0) as u64 + own)?;
        Some((self.opening.time_of(begun + 1)?, self.opening.time_of(all - own)?))
    }

    /// Returns when the latest row began that has all places before `place` and that this event goes on with.
    fn reached(&mut self, steps: Steps<'_>, place: usize, signal: &Signal) -> Option<Timestamp> {
        let at = signal.time;
        let is_own = |newest: u64, last: Option<Timestamp>| last == Some(at) && steps.is_same(place, newest, signal);
        let (first, last) = match place.checked_sub(2) {
            None => {
                let own = is_own(self.newest, self.opening.newest());
                self.begun(steps, own.into())?
            }
            Some(before) => {
                let row = self.rows.get(before)?;
                let own = is_own(row.newest, row.events.back().map(|event| event.at));
                row.begun(steps.takes(place - 1), own.into())?
            }
        };
        // A step can't come before what it follows, even if it is heard of later.
        (last <= at && at <= first.plus(steps.within) && !steps.is_pause(last, at)).then_some(first)
    }

    /// Counts an event at a later place, with which a row goes on that has `begun` then.
    fn count(
        &mut self,
        steps: Steps<'_>,
        place: usize,
        signal: &Signal,
        begun: Option<Timestamp>,
        room: &Room,
    ) -> Option<()> {
        let at = signal.time;
        // Where a place takes one event, one that goes on with nothing would only hide one that does.
        let is_idle = steps.gap.is_some() || self.rows.get(place - 1).is_none_or(|row| row.events.is_empty());
        if begun.is_none() && is_idle {
            return None;
        }
        if self.rows.len() < place {
            self.rows.resize_with(place, Row::default);
        }
        let (before, rest) = self.rows.split_at_mut(place - 1);
        let row = rest.first_mut()?;
        if row.events.back().is_some_and(|last| at < last.at) {
            return None;
        }
        if row.events.back().is_some_and(|last| steps.is_pause(last.at, at)) {
            row.events.clear();
        }
        // What can begin nothing within the span can't be the first of its step.
        let over = |event: &Counted| event.begun.is_none_or(|begun| at > begun.plus(steps.within));
        while row.events.pop_front_if(|event| over(event)).is_some() {}
        if row.events.is_empty() && begun.is_none() {
            row.kept.clear();
            return None;
        }
        let goes_on = row.events.back().is_some_and(|last| begun.is_none() || last.begun == begun);
        let completes = steps.takes(place) == 1 && place == steps.last_place();
        if !goes_on {
            let others = before.last().map_or(self.opener.as_slice(), |row| row.kept.as_slice());
            row.kept = others.to_vec();
            let is_first = steps.places(usize::from(signal.step)).start == place;
            if !completes && is_first {
                row.kept.extend(Kept::new(signal, room));
            }
        }
        row.events.push_back(Counted { at, begun });
        row.newest = signal.hash as u64;
        while row.events.len() > steps.takes(place) + 1 {
            row.events.pop_front();
        }
        Some(())
    }

    fn fire(&mut self, steps: Steps<'_>, first: Timestamp, last: Timestamp) -> Firing {
        let flips = self.flips(steps, first, last);
        let whole = std::mem::take(self);
        let mut kept =
            whole.rows.into_iter().nth(steps.last_place().wrapping_sub(1)).map_or_else(Vec::new, |row| row.kept);
        if steps.counts.len() == 1 {
            kept.extend(whole.opener);
        }
        let total = (0..steps.counts.len()).map(|step| steps.needed(step) as u64).sum();
        Firing { kept, flips, ..Firing::of(total, first, last) }
    }

    /// Returns how long the row took, which began last of all that end here, and whether its last step came to no
    /// more events than it takes.
    fn flips(&self, steps: Steps<'_>, first: Timestamp, last: Timestamp) -> Vec<Flip> {
        let takes = steps.takes(steps.last_place());
        let row = steps.last_place().checked_sub(1).and_then(|row| self.rows.get(row));
        let exactly = row.is_some_and(|row| takes > 1 && row.events.len() == takes);
        let exactly = exactly.then_some(Flip::Exactly { step: steps.counts.len() as u8, takes: takes as u32 });
        took(first, last).into_iter().chain(exactly).collect()
    }

    /// Returns the last moment at which it can still matter.
    pub fn until(&self, within: Duration) -> Option<Timestamp> {
        let rows = self.rows.iter().filter_map(|row| row.events.back()?.begun);
        rows.max().max(self.opening.newest()).map(|at| at.plus(within))
    }

    /// Says which step it waits for, and how many of its events have come.
    pub fn standing(&self, steps: Steps<'_>) -> String {
        let events = |place: usize| self.rows.get(place - 1).map_or(0, |row| row.events.len());
        let came = |step: usize| match step {
            0 => self.opening.total() as usize,
            _ if steps.gap.is_some() => steps.places(step).filter(|place| events(*place) > 0).count(),
            _ => events(step),
        };
        let furthest = (0..steps.counts.len()).rev().find(|step| came(*step) > 0).unwrap_or(0);
        // A step that is full waits for the next, and slides on meanwhile.
        let full = came(furthest) >= steps.needed(furthest);
        let (step, counted) = if full { (furthest + 1, 0) } else { (furthest, came(furthest)) };
        let (all, within) = (steps.counts.len(), in_words(steps.within));
        format!(
            "waits at step {} of {all}, with {counted} of its {} events, all within {within}",
            step + 1,
            steps.needed(step)
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        let kept = self.rows.iter().flat_map(|row| &row.kept).chain(&self.opener);
        let items = self.rows.iter().map(|row| 2 * row.events.len() + 4).sum::<usize>();
        Cost { items: self.opening.items() + items, bytes: kept.map(Kept::bytes).sum() }
    }
}

/// Returns how long a row took, where a shorter time would have made a difference.
pub fn took(first: Timestamp, last: Timestamp) -> Option<Flip> {
    let span = last.since(first);
    (span >= Duration::from_secs(1)).then_some(Flip::Took(span))
}

impl Row {
    /// Returns when the row began that fills this step with its newest events but `own`, and when it ended.
    fn begun(&self, needed: usize, own: usize) -> Option<(Timestamp, Timestamp)> {
        let first = self.events.len().checked_sub(needed + own)?;
        Some((self.events.get(first)?.begun?, self.events.get(self.events.len() - 1 - own)?.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Counting;
    use crate::detection::engine::trial::{Told, at_once, attacks, signal_of};

    /// Who goes through `steps` within ten minutes; each event is of one second and of some steps.
    fn told(steps: &[u32], said: &[(i64, &[u8])]) -> Vec<Told> {
        let within = Duration::from_mins(10);
        let counting =
            Counting::Sequence { steps: steps.to_vec(), within, gap: None, any_order: false, found: Vec::new() };
        let of = |(hash, (at, steps)): (u128, &(i64, &[u8]))| {
            let one = |step: &u8| signal_of(1, *at, 0, *step, hash);
            steps.iter().map(one).collect::<Vec<_>>()
        };
        let signals: Vec<Signal> = (0_u128..).zip(said).flat_map(of).collect();
        attacks(&at_once(counting, 3_600, &signals, 100_000))
    }

    #[test]
    fn a_half_row_that_came_before_hides_no_row() {
        let gets: Vec<(i64, &[u8])> = (0..10).map(|n| (495 + 15 * n, &[1_u8][..])).collect();
        let half: [(i64, &[u8]); 3] = [(0, &[0]), (60, &[1]), (480, &[0])];
        let all: Vec<(i64, &[u8])> = half.into_iter().chain(gets).collect();
        assert_eq!(told(&[1, 10], &all).len(), 1);
        let again: [(i64, &[u8]); 5] = [(60, &[0]), (120, &[1]), (600, &[0]), (630, &[1]), (720, &[2])];
        assert_eq!(told(&[1, 1, 1], &again)[0].2, 600);
    }

    #[test]
    fn any_event_of_a_step_may_bridge_a_pause() {
        let within = Duration::from_secs(65);
        let counting = |steps: &[u32]| Counting::Sequence {
            steps: steps.to_vec(),
            within,
            gap: Some(Duration::from_secs(28)),
            any_order: false,
            found: Vec::new(),
        };
        let fires = |steps: &[u32], said: &[(i64, u8)]| {
            let signals: Vec<Signal> =
                (0..).zip(said).map(|(hash, &(at, step))| signal_of(1, at, 0, step, hash)).collect();
            attacks(&at_once(counting(steps), 3_600, &signals, 1_000)).len()
        };
        // Of the events that come between, 54 is near enough to 26, and 82 to 54 and to what comes last.
        assert_eq!(fires(&[1, 2, 1], &[(26, 0), (54, 1), (55, 1), (82, 1), (82, 1), (91, 2)]), 1);
        assert_eq!(fires(&[1, 2, 1], &[(26, 0), (55, 1), (82, 1), (91, 2)]), 0);
        assert_eq!(fires(&[1, 1, 1], &[(26, 0), (54, 1), (55, 1), (82, 2)]), 1);
        assert_eq!(fires(&[1, 3], &[(26, 0), (54, 1), (60, 1)]), 0);
    }

    #[test]
    fn what_happens_at_one_moment_stands_in_the_order_of_the_steps() {
        for turn in 0..3 {
            let mut said: [(i64, &[u8]); 3] = [(5, &[0]), (5, &[1]), (5, &[2])];
            said.rotate_left(turn);
            assert_eq!(told(&[1, 1, 1], &said).len(), 1, "{turn}");
        }
    }

    #[test]
    fn one_event_is_no_two_steps() {
        assert_eq!(told(&[1, 1], &[(5, &[0, 1])]), []);
        assert_eq!(told(&[2, 1], &[(5, &[0]), (6, &[0, 1])]), []);
        assert_eq!(told(&[1, 1], &[(5, &[0]), (6, &[0, 1])]).len(), 1);
        assert_eq!(told(&[1, 1, 1], &[(5, &[0]), (6, &[1, 2])]), []);
        assert_eq!(told(&[1, 1, 1], &[(5, &[0]), (6, &[1, 2]), (7, &[1, 2])]).len(), 1);
    }

    #[test]
    fn what_was_found_is_one_with_its_event_and_with_nothing_else_that_was_found_there() {
        let finder = Finders { detectors: vec!["probing.scanner".into()], families: Vec::new() };
        let (none, within) = (Finders::default(), Duration::from_mins(10));
        // Of the event 7, and of another at the same moment: what half of the hash says.
        let (own, other, first, second) = (7 << 32 | 1, 8 << 32 | 1, 7 << 32 | 2, 7 << 32 | 3);
        for (found, hashes, fires) in [
            ([finder.clone(), none.clone()], [first, own], false),
            ([finder.clone(), none.clone()], [first, other], true),
            ([none.clone(), finder.clone()], [own, first], false),
            ([finder.clone(), finder.clone()], [first, second], true),
            ([finder.clone(), finder.clone()], [first, first], false),
            ([none.clone(), none], [own, own], false),
        ] {
            let steps = Steps { counts: &[1, 1], within, gap: None, found: &found };
            let room = Room { spare: 0, spare_bare: 0, evicted: 0, common: true };
            let mut state = Sequence::default();
            let came = [0, 1].map(|step| {
                let signal = signal_of(1, 5, 0, step as u8, hashes[step]);
                state.observe(steps, &signal, &room).is_some()
            });
            assert_eq!(came, [false, fires], "{found:?} {hashes:?}");
        }
    }

    #[test]
    fn who_goes_through_it_again_while_the_alert_is_open_is_told_of_again() {
        let said: [(i64, &[u8]); 6] =
            [(5, &[0]), (6, &[1]), (1_000, &[1]), (2_000, &[0]), (2_001, &[1]), (9_000, &[1])];
        let told = told(&[1, 1], &said);
        let whole: Vec<(i64, u64)> = told.iter().map(|one| (one.1, one.4)).collect();
        // What comes beside a row is counted, and keeps nothing open.
        assert_eq!(whole, [(6, 3), (2_001, 2)]);
    }
}
