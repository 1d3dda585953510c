//! Which signals wait for their watermark?
//!
//! They lie in buckets of a second of event time and are sorted only when the watermark reaches
//! their bucket, so a tick costs what it releases and not what waits. Detectors with one watermark
//! wait together. What waits is bounded by the pipeline, which pauses partitions that run ahead, and
//! by the engine, which evaluates the oldest before their time when there are too many.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::telemetry::{Position, StreamId};

/// A bucket spans 2³⁰ ns.
const BUCKET_BITS: u32 = 30;
/// Signals of a bucket for which room is doubled as needed.
const FEW: usize = 1_024;
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
}

#[derive(Debug, Default)]
struct Bucket {
    /// As they came, those that were aside and matter behind them; taken out one by one.
    signals: Vec<Option<Signal>>,
    /// Those that may turn out not to matter, as they came.
    aside: Vec<Signal>,
    /// Once sorted, the newest first: the oldest leave from the end.
    order: Vec<Due>,
    sorted: bool,
    /// Whether some of them have left.
    begun: bool,
    /// The oldest positions of all that came: of one stream, and of the others.
    oldest: Option<Position>,
    others: BTreeMap<StreamId, Position>,
}

/// What signals are sorted by, so that sorting neither moves nor follows them.
#[derive(Clone, Copy, Debug)]
struct Due {
    time: Timestamp,
    /// The upper half of the content hash.
    hash: u64,
    place: u32,
    detector: u16,
}

/// Returns the order in which signals of one detector are evaluated: by time and content, so that
/// neither partitions nor batches can change it.
pub fn canonical(a: &Signal, b: &Signal) -> Ordering {
    let key = |s: &Signal| (s.time, s.hash, s.key, s.value, s.step, s.level);
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
        if self.buckets.get(self.last).is_none_or(|(last, _)| *last != number) {
            self.last = self.buckets.binary_search_by_key(&number, |(number, _)| *number).unwrap_or_else(|place| {
                self.buckets.insert(place, (number, self.spare.pop().unwrap_or_default()));
                place
            });
        }
        self.signals += 1;
        &mut self.buckets[self.last].1
    }

    /// Moves the signals up to `upto` to the end of `into`: those of each detector in canonical order. Those that
    /// may not matter go if they do not.
    pub fn release(&mut self, upto: Timestamp, into: &mut Vec<Signal>, matters: impl Fn(&Signal) -> bool) {
        while let Some((_, first)) = self.buckets.front_mut().filter(|(number, _)| *number <= bucket_of(upto)) {
            self.signals -= first.release(upto, into, &matters);
            if !first.order.is_empty() || !first.aside.is_empty() {
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
            .flat_map(|(_, bucket)| bucket.signals.into_iter().flatten().chain(bucket.aside))
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
            beyond = beyond.saturating_sub(bucket.order.len() + bucket.aside.len());
            upto = end_of(*number);
        }
        upto
    }

    /// Lowers the positions in `oldest` to those that wait here.
    pub fn oldest(&self, oldest: &mut BTreeMap<StreamId, Position>) {
        for (_, bucket) in &self.buckets {
            if bucket.begun {
                let all = bucket.signals.iter().flatten().chain(&bucket.aside);
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
        // Four billion signals in a second do not fit into memory.
        let place = u32::try_from(self.signals.len()).unwrap_or(u32::MAX);
        let hash = (signal.hash >> 64) as u64;
        // In a flood there is much of both: room for a quarter more, not for as much again.
        if self.signals.len() == self.signals.capacity() && self.signals.len() > FEW {
            self.signals.reserve_exact(self.signals.len() / 4);
            self.order.reserve_exact(self.signals.len() / 4);
        }
        self.order.push(Due { time: signal.time, hash, place, detector: signal.detector });
        self.signals.push(Some(signal));
        self.sorted = false;
    }

    /// Takes out what is due; returns how many those were, with those that do not matter.
    fn release(&mut self, upto: Timestamp, into: &mut Vec<Signal>, matters: &impl Fn(&Signal) -> bool) -> usize {
        let (before, mut without) = (into.len(), 0);
        let mut aside = std::mem::take(&mut self.aside);
        for signal in aside.extract_if(.., |signal| signal.time <= upto) {
            if matters(&signal) {
                self.put(signal);
            } else {
                without += 1;
            }
        }
        self.aside = aside;
        self.begun |= without > 0;
        if !self.sorted {
            let signals = &self.signals;
            let signal = |due: &Due| signals.get(due.place as usize)?.as_ref();
            self.order.sort_unstable_by(|a, b| {
                (b.time, b.hash, b.detector).cmp(&(a.time, a.hash, a.detector)).then_with(|| {
                    match (signal(b), signal(a)) {
                        (Some(b), Some(a)) => canonical(b, a),
                        _ => Ordering::Equal,
                    }
                })
            });
            self.sorted = true;
        }
        while let Some(due) = self.order.pop_if(|due| due.time <= upto) {
            into.extend(self.signals.get_mut(due.place as usize).and_then(Option::take));
        }
        self.begun |= into.len() > before;
        into.len() - before + without
    }

    /// Returns its memory without what was in it, unless that is much.
    fn cleared(self) -> Self {
        let Self { mut signals, mut order, mut aside, .. } = self;
        signals.clear();
        signals.shrink_to(1 << 12);
        order.shrink_to(1 << 12);
        aside.shrink_to(1 << 12);
        Self { signals, aside, order, ..Self::default() }
    }
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
