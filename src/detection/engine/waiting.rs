//! Which signals wait for their watermark?
//!
//! They lie in buckets of a second of event time and are sorted only when the watermark reaches
//! their bucket, so a tick costs what it releases and not what waits. They are looked at where they lie, and
//! leave with their bucket, or once they are as many as the others in it. Detectors with one watermark
//! wait together. What waits is bounded by the pipeline, which pauses partitions that run ahead, and by
//! the engine, which evaluates the oldest before their time when there are too many.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::telemetry::{Position, StreamId};

/// A bucket spans 2³⁰ ns.
const BUCKET_BITS: u32 = 30;
/// Signals of a bucket for which room is doubled as needed.
const FEW: usize = 1_024;
/// Signals for whose order room is kept between ticks.
const MOST_ORDERED: usize = 4_096;
/// Empty buckets that are kept for use.
const SPARE: usize = 32;

/// The signals of detectors that need the same lanes.
#[derive(Debug, Default)]
pub struct Waiting {
    /// By their numbers; signals come nearly in order, so that most belong where the last one did.
    buckets: VecDeque<(i64, Bucket)>,
    last: usize,
    signals: usize,
    spare: Vec<Bucket>,
    /// What a bucket is sorted by; empty between ticks.
    order: Vec<Due>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// As they came, those that were aside and matter behind them; once sorted, the oldest first.
    signals: Vec<Signal>,
    /// How many of them have been let go: the first ones, which are sorted.
    gone: usize,
    /// Those that may turn out not to matter, as they came.
    aside: Vec<Signal>,
    sorted: bool,
    /// Whether some have been let go.
    begun: bool,
    /// The oldest positions of all that came: of one stream, and of the others.
    oldest: Option<Position>,
    others: BTreeMap<StreamId, Position>,
}

/// What signals are sorted by, so that sorting moves none of them.
#[derive(Clone, Copy, Debug)]
struct Due {
    time: Timestamp,
    /// The upper half of the content hash.
    hash: u64,
    place: u32,
    detector: u16,
    step: u8,
}

/// Returns the order in which signals of one detector are evaluated: by time, step and content, so that
/// neither partitions nor batches can change it, and the steps of one moment follow each other.
pub fn canonical(a: &Signal, b: &Signal) -> Ordering {
    let key = |s: &Signal| (s.time, s.step, s.hash, s.key, s.value, s.level);
    key(a).cmp(&key(b)).then_with(|| a.entity_parts().cmp(&b.entity_parts()))
}

/// Tells whether `a` says the same as `b`: one record that was read twice.
pub fn repeats(a: &Signal, b: &Signal) -> bool {
    let key = |s: &Signal| (s.time, s.hash, s.key, s.value, s.step, s.detector);
    key(a) == key(b)
}

impl Waiting {
    /// Takes a signal in.
    pub fn push(&mut self, signal: Signal) {
        self.bucket(signal.time).push(signal);
    }

    /// Takes a signal in that may turn out not to matter.
    pub fn push_aside(&mut self, signal: Signal) {
        let bucket = self.bucket(signal.time);
        bucket.note(signal.position());
        bucket.aside.push(signal);
    }

    /// Returns the bucket of a signal that comes at `time`, and counts that signal.
    fn bucket(&mut self, time: Timestamp) -> &mut Bucket {
        let number = bucket_of(time);
        let is_at = |place: usize| self.buckets.get(place).is_some_and(|(known, _)| *known == number);
        // What does not belong there mostly belongs beside it.
        if let Some(place) = [self.last, self.last.wrapping_sub(1), self.last + 1].into_iter().find(|at| is_at(*at)) {
            self.last = place;
        } else {
            self.last = self.buckets.binary_search_by_key(&number, |(number, _)| *number).unwrap_or_else(|place| {
                self.buckets.insert(place, (number, self.spare.pop().unwrap_or_default()));
                place
            });
        }
        self.signals += 1;
        &mut self.buckets[self.last].1
    }

    /// Puts the signals up to `upto` in order, those of each detector in canonical order; those that may not matter go
    /// if they do not.
    pub fn put_in_order(&mut self, upto: Timestamp, matters: impl Fn(&Signal) -> bool) {
        for (_, bucket) in self.buckets.iter_mut().take_while(|(number, _)| *number <= bucket_of(upto)) {
            self.signals -= bucket.put_in_order(upto, &matters, &mut self.order);
        }
        self.order.shrink_to(MOST_ORDERED);
    }

    /// Returns the signals up to `upto`, which have been put in order, bucket by bucket.
    pub fn due(&self, upto: Timestamp) -> impl Iterator<Item = &[Signal]> {
        self.buckets.iter().take_while(move |(number, _)| *number <= bucket_of(upto)).map(move |(_, one)| one.due(upto))
    }

    /// Lets the signals up to `upto` go, which have been put in order.
    pub fn let_go(&mut self, upto: Timestamp) {
        while let Some((_, first)) = self.buckets.front_mut().filter(|(number, _)| *number <= bucket_of(upto)) {
            let many = first.due(upto).len();
            self.signals -= many;
            first.gone += many;
            first.begun |= many > 0;
            if first.gone < first.signals.len() || !first.aside.is_empty() {
                first.forget_gone();
                break;
            }
            let emptied = self.buckets.pop_front().filter(|_| self.spare.len() < SPARE);
            self.spare.extend(emptied.map(|(_, bucket)| bucket.cleared()));
        }
    }

    /// Takes all signals out, in no order.
    pub fn take_all(&mut self) -> impl Iterator<Item = Signal> {
        std::mem::take(self)
            .buckets
            .into_iter()
            .flat_map(|(_, bucket)| bucket.signals.into_iter().skip(bucket.gone).chain(bucket.aside))
    }

    /// Returns how many signals wait.
    pub fn len(&self) -> usize {
        self.signals
    }

    /// Returns up to when what waits must be released for at most `most` to stay.
    pub fn surplus(&self, most: usize) -> Timestamp {
        let mut beyond = self.signals.saturating_sub(most);
        let mut upto = Timestamp::MIN;
        for (number, bucket) in &self.buckets {
            if beyond == 0 {
                break;
            }
            beyond = beyond.saturating_sub(bucket.signals.len() - bucket.gone + bucket.aside.len());
            upto = end_of(*number);
        }
        upto
    }

    /// Lowers the positions in `oldest` to those that wait here.
    pub fn oldest(&self, oldest: &mut BTreeMap<StreamId, Position>) {
        for (_, bucket) in &self.buckets {
            if bucket.begun {
                let all = bucket.signals.iter().skip(bucket.gone).chain(&bucket.aside);
                all.for_each(|signal| note(oldest, signal.position()));
            } else {
                bucket.oldest.iter().chain(bucket.others.values()).for_each(|&position| note(oldest, position));
            }
        }
    }
}

impl Bucket {
    fn push(&mut self, signal: Signal) {
        self.note(signal.position());
        self.put(signal);
    }

    fn note(&mut self, position: Position) {
        match &mut self.oldest {
            Some(oldest) if oldest.stream == position.stream => *oldest = position.min(*oldest),
            Some(_) => note(&mut self.others, position),
            None => self.oldest = Some(position),
        }
    }

    fn put(&mut self, signal: Signal) {
        // In a flood there is much: room for a quarter more, not for as much again.
        if self.signals.len() == self.signals.capacity() && self.signals.len() > FEW {
            self.signals.reserve_exact(self.signals.len() / 4);
        }
        self.signals.push(signal);
        self.sorted = false;
    }

    /// Puts those up to `upto` in order; returns how many have gone because they do not matter.
    fn put_in_order(&mut self, upto: Timestamp, matters: &impl Fn(&Signal) -> bool, order: &mut Vec<Due>) -> usize {
        let before = self.aside.len();
        self.aside.retain(|signal| signal.time > upto || matters(signal));
        let without = before - self.aside.len();
        self.begun |= without > 0;
        if self.aside.iter().any(|signal| signal.time <= upto) {
            let mut aside = std::mem::take(&mut self.aside);
            aside.extract_if(.., |signal| signal.time <= upto).for_each(|signal| self.put(signal));
            self.aside = aside;
        }
        if !self.sorted {
            sort(&mut self.signals[self.gone..], order);
            self.sorted = true;
        }
        without
    }

    /// Returns those up to `upto` that have not been let go, as long as they are in order.
    fn due(&self, upto: Timestamp) -> &[Signal] {
        let rest = self.signals.get(self.gone..).unwrap_or_default();
        &rest[..rest.partition_point(|signal| signal.time <= upto)]
    }

    /// Drops those that have been let go, and the sheets they hold, once they are as many as the others.
    fn forget_gone(&mut self) {
        if self.gone > self.signals.len() / 2 {
            self.signals.drain(..self.gone);
            self.gone = 0;
        }
    }

    /// Returns its memory without what was in it, unless that is much.
    fn cleared(self) -> Self {
        let Self { mut signals, mut aside, .. } = self;
        signals.clear();
        signals.shrink_to(1 << 12);
        aside.shrink_to(1 << 12);
        Self { signals, aside, ..Self::default() }
    }
}

/// Sorts signals by time, those of each detector in canonical order. `order` is used for it, and empty in the end.
fn sort(signals: &mut [Signal], order: &mut Vec<Due>) {
    // Four billion signals in a second do not fit into memory.
    let due = |(signal, place): (&Signal, u32)| {
        let hash = (signal.hash >> 64) as u64;
        Due { time: signal.time, hash, place, detector: signal.detector, step: signal.step }
    };
    order.extend(signals.iter().zip(0..).map(due));
    order.sort_unstable_by(|a, b| {
        let key = |due: &Due| (due.time, due.step, due.hash, due.detector);
        key(a).cmp(&key(b)).then_with(|| canonical(&signals[a.place as usize], &signals[b.place as usize]))
    });
    for start in 0..order.len() {
        let mut to = start;
        loop {
            let from = std::mem::replace(&mut order[to].place, to as u32) as usize;
            if from == start {
                break;
            }
            signals.swap(to, from);
            to = from;
        }
    }
    order.clear();
}

fn note(oldest: &mut BTreeMap<StreamId, Position>, position: Position) {
    let known = oldest.entry(position.stream).or_insert(position);
    *known = position.min(*known);
}

/// The last moment of a bucket.
fn end_of(bucket: i64) -> Timestamp {
    Timestamp::from_nanos((bucket << BUCKET_BITS) | ((1 << BUCKET_BITS) - 1))
}

fn bucket_of(time: Timestamp) -> i64 {
    time.nanos() >> BUCKET_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detection::engine::trial::signal_of;

    /// What waits, slow and obvious.
    #[derive(Default)]
    struct Plain(Vec<(Signal, bool)>);

    impl Plain {
        fn leave(&mut self, upto: Timestamp, matters: impl Fn(&Signal) -> bool) -> Vec<Signal> {
            let (mut due, waits): (Vec<_>, Vec<_>) = self.0.drain(..).partition(|(signal, _)| signal.time <= upto);
            self.0 = waits;
            due.retain(|(signal, aside)| !aside || matters(signal));
            let mut due: Vec<Signal> = due.into_iter().map(|(signal, _)| signal).collect();
            due.sort_by(|a, b| {
                (a.time, a.step, a.hash >> 64).cmp(&(b.time, b.step, b.hash >> 64)).then_with(|| canonical(a, b))
            });
            due
        }

        fn oldest(&self) -> BTreeMap<StreamId, Position> {
            let mut oldest = BTreeMap::new();
            self.0.iter().for_each(|(signal, _)| note(&mut oldest, signal.position()));
            oldest
        }
    }

    fn said(signals: &[Signal]) -> Vec<(Timestamp, u128, u128)> {
        signals.iter().map(|signal| (signal.time, signal.hash, signal.key)).collect()
    }

    proptest! {
        /// Each tick some come, up to four seconds after the watermark, and some leave.
        #[test]
        fn what_waits_leaves_in_order_and_is_known_until_it_does(
            ticks in prop::collection::vec(
                (prop::collection::vec((1..4_000_i64, 0..9_u64, any::<u64>(), any::<bool>()), 0..30), 0..2_500_i64),
                1..12,
            ),
        ) {
            let (mut waiting, mut plain, mut passed) = (Waiting::default(), Plain::default(), 0);
            let at = |millis: i64| Timestamp::from_nanos(millis * 1_000_000);
            let matters = |signal: &Signal| signal.hash.is_multiple_of(3);
            for (come, by) in ticks {
                for (millis, who, hash, aside) in come {
                    let hash = u128::from(hash % 5) << 64 | u128::from(hash);
                    let mut signal = signal_of(who, passed + millis, 0, 0, hash);
                    signal.time = at(passed + millis);
                    if aside { waiting.push_aside(signal.clone()) } else { waiting.push(signal.clone()) }
                    plain.0.push((signal, aside));
                }
                prop_assert_eq!(waiting.len(), plain.0.len());
                let most = plain.0.len() / 2;
                let surplus = waiting.surplus(most);
                prop_assert!(plain.0.iter().filter(|(signal, _)| signal.time > surplus).count() <= most);
                passed += by;
                waiting.put_in_order(at(passed), matters);
                let due: Vec<Signal> = waiting.due(at(passed)).flatten().cloned().collect();
                prop_assert_eq!(said(&due), said(&plain.leave(at(passed), matters)));
                waiting.let_go(at(passed));
                prop_assert_eq!(waiting.len(), plain.0.len());
                let mut oldest = BTreeMap::new();
                waiting.oldest(&mut oldest);
                prop_assert_eq!(oldest, plain.oldest());
            }
            let mut rest = said(&waiting.take_all().collect::<Vec<_>>());
            let mut wanted = said(&plain.0.into_iter().map(|(signal, _)| signal).collect::<Vec<_>>());
            rest.sort_unstable();
            wanted.sort_unstable();
            prop_assert_eq!(rest, wanted);
        }
    }
}
