//! The signals of one batch while it is worked.
//!
//! A sign of life says the same for a whole second of its category, so the first of a batch stands
//! for all; so does the earliest of those that show one value of an entity to a detector which
//! remembers by the hour, and that a worker remembers from batch to batch. Bound: a batch is, and each of its
//! records gives 32 signals at most; a worker remembers 32,768 values, beyond it begins anew.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::redaction::RedactedEvent;

use super::matcher::Once;
use super::rule::Rule;
use super::sheet::Sheet;
use super::signal::Place;
use super::spare::Spare;
use super::{Level, Signal};

/// Collects what a [`Matcher`](super::Matcher) finds in the records of one batch.
#[derive(Debug, Default)]
pub struct Signals {
    pub(super) list: Vec<Drafted>,
    pub(super) sheet: Sheet,
    /// The sheet for signs of life.
    pub(super) light: Sheet,
    /// The exceptions that held a match back, once for each.
    pub(super) held: Vec<Arc<str>>,
    /// Signs of life given: detector, key, second and lane.
    signs: HashSet<Sign, BuildHasherDefault<OfKey>>,
    /// What was shown, in this batch and before.
    told: Told,
    /// A few of them by the app as it is written: most records say nothing new.
    recent: [Recent; RECENT],
    /// What has been worked out of the record at hand.
    pub(super) once: Once,
}

/// Bytes of records that room is made for at once.
const MOST_RESERVED: usize = 512 * 1024;
/// Values that a worker remembers from batch to batch.
const MOST_SHOWN: usize = 32_768;
/// About how long a record is.
const RECORD: usize = 1_024;
/// How many signs of life are known without hashing.
const RECENT: usize = 16;

#[derive(Debug, Default)]
struct Recent {
    detector: u16,
    lane: u8,
    second: Timestamp,
    app: String,
}

/// A signal that does not hold its sheet yet. As large as one, so that signals take the place of their drafts.
#[derive(Clone, Debug)]
pub(super) struct Drafted {
    pub(super) detector: u16,
    pub(super) level: Level,
    pub(super) step: u8,
    pub(super) shard: u8,
    /// Which sheet: 0, or 1 for a sign of life.
    pub(super) sheet: usize,
    pub(super) key: u128,
    pub(super) value: u64,
    pub(super) learns: bool,
    pub(super) time: Timestamp,
    pub(super) hash: u128,
    pub(super) place: Place,
}

const _: () = assert!(size_of::<Drafted>() == size_of::<Signal>());

#[derive(Debug, PartialEq, Eq)]
struct Sign {
    key: u128,
    second: Timestamp,
    detector: u16,
    lane: u8,
}

/// What an entity has shown to a detector.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) key: u128,
    pub(super) value: u64,
    /// The end of the stretch of time in which it says nothing new.
    pub(super) until: Timestamp,
    pub(super) detector: u16,
}

/// What one worker has told detectors that remember by the hour: to tell it again would change nothing. It
/// belongs to one run of one [`Matcher`](super::Matcher) whose signals all reach the same engine.
#[derive(Debug, Default)]
pub struct Told {
    /// The earliest signal of each value that was shown: its time and its record's hash.
    shown: HashMap<Shown, (Timestamp, u128), BuildHasherDefault<OfKey>>,
    /// Whose detectors those are.
    of: Option<Arc<[Rule]>>,
    /// Memory for the records of its batches.
    spare: Arc<Spare>,
}

impl Told {
    /// Forgets everything unless it was told to the detectors of `rules`.
    pub(super) fn keep_if_of(&mut self, rules: &Arc<[Rule]>) {
        if !self.of.as_ref().is_some_and(|of| Arc::ptr_eq(of, rules)) {
            (self.shown, self.of) = (HashMap::default(), Some(Arc::clone(rules)));
        }
    }

    fn make_room(&mut self) {
        if self.shown.len() > MOST_SHOWN {
            self.shown.clear();
        }
    }
}

impl Signals {
    /// Returns a collection for a batch of `bytes` bytes; what has been `told` before is not said again.
    pub fn of_batch(bytes: usize, told: Told) -> Self {
        let bytes = bytes.min(MOST_RESERVED);
        let sheet = Sheet::with_room(bytes / RECORD, told.spare.lend(bytes));
        let mut signals = Self { told, sheet, list: Vec::with_capacity(bytes / RECORD), ..Self::default() };
        signals.told.make_room();
        signals
    }

    /// Returns how many signals there are so far.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether there are none yet.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns how many matches were held back so far.
    pub fn held_back(&self) -> usize {
        self.held.len()
    }

    /// Takes the exceptions that held matches back: one a match, in the order of the records.
    pub fn take_held(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.held)
    }

    /// Returns the signals, in the order in which they were found, and what has been told by now.
    pub fn finish(mut self) -> (Vec<Signal>, Told) {
        self.sheet.trim();
        let sheets = [Arc::new(self.sheet), Arc::new(self.light)];
        let whole = |drafted: Drafted| Signal {
            detector: drafted.detector,
            level: drafted.level,
            step: drafted.step,
            shard: drafted.shard,
            key: drafted.key,
            value: drafted.value,
            learns: drafted.learns,
            time: drafted.time,
            hash: drafted.hash,
            place: drafted.place,
            sheet: Arc::clone(&sheets[drafted.sheet]),
        };
        (self.list.into_iter().map(whole).collect(), self.told)
    }

    /// Tells, of a detector that goes by app alone, whether this batch has just given that sign of
    /// life. If not, it will have: the caller gives it.
    pub(super) fn is_known_sign(&mut self, detector: u16, event: &RedactedEvent<'_>) -> bool {
        let Some(app) = event.app() else { return false };
        let (second, lane) = (second(event.time()), event.category().lane());
        let last = app.as_bytes().last().copied().unwrap_or_default();
        let slot = app.len() + usize::from(last) + 5 * usize::from(lane) + usize::from(detector);
        let Some(recent) = self.recent.get_mut(slot % RECENT) else { return false };
        if (recent.detector, recent.lane, recent.second) == (detector, lane, second) && recent.app == app {
            return true;
        }
        (recent.detector, recent.lane, recent.second) = (detector, lane, second);
        recent.app.clear();
        recent.app.push_str(app);
        false
    }

    /// Tells whether nothing has shown that before, neither read nor happened earlier: of
    /// all that is told so, the earliest is among them, in whatever order the records come.
    pub(super) fn is_first(&mut self, shown: Shown, at: Timestamp, hash: u128) -> bool {
        match self.told.shown.entry(shown) {
            Entry::Vacant(free) => {
                free.insert((at, hash));
                true
            }
            Entry::Occupied(mut known) if (at, hash) < *known.get() => {
                known.insert((at, hash));
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Tells whether nothing in this batch has given that sign of life yet.
    pub(super) fn is_new_sign(&mut self, detector: u16, key: u128, event: &RedactedEvent<'_>) -> bool {
        let (second, lane) = (second(event.time()), event.category().lane());
        self.signs.insert(Sign { key, second, detector, lane })
    }
}

/// Returns the second in which `at` lies.
pub(super) fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.nanos().div_euclid(1_000_000_000))
}

impl std::hash::Hash for Sign {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let rest = (self.second.nanos() as u64).rotate_left(16) ^ u64::from(self.detector) << 8 ^ u64::from(self.lane);
        state.write_u64(self.key as u64 ^ rest.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

impl std::hash::Hash for Shown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let rest = (self.until.nanos() as u64).rotate_left(16) ^ u64::from(self.detector) ^ self.value;
        state.write_u64(self.key as u64 ^ rest.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

/// Takes the hash of a [`Sign`] or of what is [`Shown`] as it is, for their keys are keyed hashes already.
#[derive(Debug, Default)]
struct OfKey(u64);

impl Hasher for OfKey {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
