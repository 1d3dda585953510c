//! Which signals wait for their watermark?
//!
//! They lie in buckets of a second of event time and are sorted only when the watermark reaches
//! their bucket, so a tick costs what it releases and not what waits. Detectors with one watermark
//! wait together. What waits is bounded by the pipeline, which pauses partitions that run ahead, and
//! by the engine, which evaluates the oldest before their time when there are too many.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::telemetry::{Position, StreamId};

/// A bucket spans 2³⁰ ns.
const BUCKET_BITS: u32 = 30;
/// Empty buckets that are kept for use.
const SPARE: usize = 32;

/// The signals of detectors that need the same lanes.
#[derive(Debug, Default)]
pub struct Waiting {
    buckets: BTreeMap<i64, Bucket>,
    signals: usize,
    spare: Vec<Bucket>,
}

#[derive(Debug, Default)]
struct Bucket {
    /// As they came; taken out one by one.
    signals: Vec<Option<Signal>>,
    /// Once sorted, the newest first: the oldest leave from the end.
    order: Vec<Due>,
    sorted: bool,
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
        let spare = &mut self.spare;
        let bucket = self.buckets.entry(bucket_of(signal.time)).or_insert_with(|| spare.pop().unwrap_or_default());
        bucket.push(signal);
        self.signals += 1;
    }

    /// Moves the signals up to `upto` to the end of `into`: those of each detector in canonical order.
    pub fn release(&mut self, upto: Timestamp, into: &mut Vec<Signal>) {
        let before = into.len();
        while let Some(mut first) = self.buckets.first_entry() {
            if *first.key() > bucket_of(upto) {
                break;
            }
            let bucket = first.get_mut();
            bucket.release(upto, into);
            if !bucket.order.is_empty() {
                break;
            }
            let mut bucket = first.remove();
            if self.spare.len() < SPARE {
                bucket.clear();
                self.spare.push(bucket);
            }
        }
        self.signals -= into.len() - before;
    }

    /// Takes all signals out, in no order.
    pub fn take_all(&mut self) -> impl Iterator<Item = Signal> {
        std::mem::take(self).buckets.into_values().flat_map(|bucket| bucket.signals.into_iter().flatten())
    }

    /// Returns how many signals wait.
    pub fn len(&self) -> usize {
        self.signals
    }

    /// Returns up to when what waits must be released for at most `most` to stay.
    pub fn surplus(&self, most: usize) -> Timestamp {
        let mut beyond = self.signals.saturating_sub(most);
        let mut upto = Timestamp::MIN;
        for (&number, bucket) in &self.buckets {
            if beyond == 0 {
                break;
            }
            beyond = beyond.saturating_sub(bucket.order.len());
            upto = end_of(number);
        }
        upto
    }

    /// Lowers the positions in `oldest` to those that wait here.
    pub fn oldest(&self, oldest: &mut BTreeMap<StreamId, Position>) {
        for bucket in self.buckets.values() {
            if bucket.order.len() == bucket.signals.len() {
                bucket.oldest.iter().chain(bucket.others.values()).for_each(|&position| note(oldest, position));
            } else {
                bucket.signals.iter().flatten().for_each(|signal| note(oldest, signal.position()));
            }
        }
    }
}

impl Bucket {
    fn push(&mut self, signal: Signal) {
        let position = signal.position();
        match &mut self.oldest {
            Some(oldest) if oldest.stream == position.stream => *oldest = position.min(*oldest),
            Some(_) => note(&mut self.others, position),
            None => self.oldest = Some(position),
        }
        // Four billion signals in a second do not fit into memory.
        let place = u32::try_from(self.signals.len()).unwrap_or(u32::MAX);
        let hash = (signal.hash >> 64) as u64;
        self.order.push(Due { time: signal.time, hash, place, detector: signal.detector });
        self.signals.push(Some(signal));
        self.sorted = false;
    }

    /// Takes out what is due.
    fn release(&mut self, upto: Timestamp, into: &mut Vec<Signal>) {
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
    }

    /// Forgets everything but its memory, unless that is much.
    fn clear(&mut self) {
        self.signals.clear();
        self.signals.shrink_to(1 << 12);
        self.order.shrink_to(1 << 12);
        (self.sorted, self.oldest) = (false, None);
        self.others.clear();
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
