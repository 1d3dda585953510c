//! Has this record been seen before?
//!
//! Azure delivers some records twice, minutes apart and through other partitions. A record is
//! known by a keyed hash for a window of event time, together with where it was first seen: read
//! again after a restart, it is still the first, and its twin still the second. At most
//! `max_records` are remembered; beyond it the oldest are forgotten early, and counted.
//! The window ends where an eighth of the newest arrivals is at least: a clock that goes ahead moves it nowhere.
//!
//! They lie in order of arrival, and a table of sixteen bytes each tells where, by half of the hash, so that
//! little memory is written at random. Of two different records alike in that half the second is not remembered.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::store::ShardBytes;
use crate::telemetry::Position;

/// The component's name in the store.
pub const COMPONENT: &str = "duplicates";
/// Room for this many records is made at once.
const AT_ONCE: usize = 50_000;
/// Arrivals of which so many, in order of their times, must have come as far as the window ends.
const ARRIVALS: usize = 64;
const COME: usize = ARRIVALS / 8;
/// State is kept in this many parts, so that rewriting one whole is cheap.
const PARTS: u8 = 16;

/// Whether a record counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is the first of its kind.
    First,
    /// It is the very record that was first, read again.
    Again,
    /// It is another copy of one that was seen.
    Copy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    hash: u128,
    position: Position,
    time: Timestamp,
}

#[derive(Debug, Default)]
struct Part {
    /// In order of arrival; forgotten from the front.
    order: VecDeque<Entry>,
    /// How many have been forgotten: the number of the first in `order`.
    gone: u32,
    fresh: Vec<Entry>,
    whole_bytes: usize,
    delta_bytes: usize,
}

/// Records seen within the window.
#[derive(Debug)]
pub struct Duplicates {
    window: Duration,
    max_records: usize,
    /// By the upper half of the hash: its number in its part.
    known: HashMap<u64, u32, BuildHasherDefault<Spread>>,
    parts: Vec<Part>,
    /// The times of the newest arrivals, until there are enough of them to move the window.
    arrivals: Vec<Timestamp>,
    /// Where the window ends.
    end: Timestamp,
    forgotten_early: u64,
    /// Whether additions are collected for [`Duplicates::delta`].
    durable: bool,
}

/// The hash is keyed and spread already: take its low bits as they are.
#[derive(Debug, Default)]
struct Spread(u64);

impl std::hash::Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = self.0.rotate_left(23) ^ u64::from_le_bytes(word);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

impl Duplicates {
    /// Remembers records for `window` of event time, at most `max_records` of them; `durable`
    /// ones are collected for the store.
    pub fn new(window: Duration, max_records: usize, durable: bool) -> Self {
        Self {
            window,
            max_records: max_records.max(usize::from(PARTS)),
            known: HashMap::with_capacity_and_hasher(max_records.min(AT_ONCE), BuildHasherDefault::default()),
            parts: (0..PARTS).map(|_| Part::default()).collect(),
            arrivals: Vec::with_capacity(ARRIVALS),
            end: Timestamp::MIN,
            forgotten_early: 0,
            durable,
        }
    }

    /// Looks at what a batch is about to look up and to displace, so that memory is waited for once
    /// and not a record at a time; makes room for what is new.
    pub fn expect(&mut self, hashes: impl Iterator<Item = u128>) {
        let (mut new, mut all) = (0, 0);
        for hash in hashes {
            all += 1;
            new += usize::from(!self.known.contains_key(&half(hash)));
        }
        let oldest = self.end.minus(self.window);
        let of_part = all / usize::from(PARTS) + 1;
        let fronts = self.parts.iter().flat_map(|part| part.order.iter().take(of_part));
        let gone = fronts.filter(|front| front.time < oldest && self.known.contains_key(&half(front.hash))).count();
        self.known.reserve(new.saturating_sub(gone));
    }

    /// Records that the record `hash` of `time` was read at `position`.
    pub fn see(&mut self, hash: u128, position: Position, time: Timestamp) -> Seen {
        let entry = Entry { hash, position, time };
        if let Some(number) = self.remember(&entry) {
            let first = self.parts[part_of(hash)].numbered(number).filter(|first| first.hash == hash);
            return first
                .map_or(Seen::First, |first| if first.position == position { Seen::Again } else { Seen::Copy });
        }
        if self.durable {
            self.parts[part_of(hash)].fresh.push(entry);
        }
        Seen::First
    }

    /// Returns where the record `hash` was first seen, if it is remembered.
    pub fn first(&self, hash: u128) -> Option<Position> {
        let part = &self.parts[part_of(hash)];
        let entry = part.numbered(*self.known.get(&half(hash))?)?;
        (entry.hash == hash).then_some(entry.position)
    }

    /// Returns how many records were forgotten before their window had passed.
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// Returns what was added since the last call; a part whose additions outgrow it comes whole.
    pub fn delta(&mut self) -> Vec<ShardBytes> {
        let mut out = Vec::new();
        for (number, part) in self.parts.iter_mut().enumerate() {
            if part.fresh.is_empty() {
                continue;
            }
            let rewrite = part.delta_bytes > 2 * part.whole_bytes + 64 * 1024;
            let entries: Vec<Entry> = if rewrite { part.order.iter().copied().collect() } else { part.fresh.clone() };
            let Ok(bytes) = postcard::to_stdvec(&entries) else { continue };
            part.fresh.clear();
            if rewrite {
                (part.whole_bytes, part.delta_bytes) = (bytes.len(), 0);
            } else {
                part.delta_bytes += bytes.len();
            }
            out.push(ShardBytes { component: COMPONENT, shard: number as u8, whole: rewrite, bytes });
        }
        out
    }

    /// Takes back what earlier deltas kept, in order. What they forget again was counted before.
    ///
    /// # Errors
    ///
    /// Says which part can't be read.
    pub fn restore(&mut self, shards: &[ShardBytes]) -> Result<(), String> {
        for shard in shards.iter().filter(|shard| shard.component == COMPONENT) {
            let entries: Vec<Entry> = postcard::from_bytes(&shard.bytes)
                .map_err(|error| format!("part {} of the duplicates' memory can't be read: {error}", shard.shard))?;
            for entry in entries {
                self.remember(&entry);
            }
            let part = &mut self.parts[usize::from(shard.shard % PARTS)];
            if shard.whole {
                (part.whole_bytes, part.delta_bytes) = (shard.bytes.len(), 0);
            } else {
                part.delta_bytes += shard.bytes.len();
            }
        }
        self.forgotten_early = 0;
        Ok(())
    }

    /// Puts `entry` behind all else, and forgets what it displaces; returns the number of the one that is alike in
    /// half of its hash, if there is one, and then does nothing.
    fn remember(&mut self, entry: &Entry) -> Option<u32> {
        let part = &mut self.parts[part_of(entry.hash)];
        let number = part.gone.wrapping_add(part.order.len() as u32);
        match self.known.entry(half(entry.hash)) {
            Slot::Occupied(first) => return Some(*first.get()),
            Slot::Vacant(free) => free.insert(number),
        };
        self.arrivals.push(entry.time);
        if self.arrivals.len() == ARRIVALS {
            let (_, &mut come, _) = self.arrivals.select_nth_unstable_by(COME, |one, other| other.cmp(one));
            self.end = self.end.max(come);
            self.arrivals.clear();
        }
        let oldest = self.end.minus(self.window);
        while let Some(front) = part.order.front() {
            let full = part.order.len() >= self.max_records / usize::from(PARTS);
            if front.time >= oldest && !full {
                break;
            }
            self.forgotten_early += u64::from(front.time >= oldest);
            self.known.remove(&half(front.hash));
            part.order.pop_front();
            part.gone = part.gone.wrapping_add(1);
        }
        part.order.push_back(*entry);
        None
    }
}

impl Part {
    /// Returns the entry of this number, which has not been forgotten.
    fn numbered(&self, number: u32) -> Option<&Entry> {
        self.order.get(number.wrapping_sub(self.gone) as usize)
    }
}

/// Returns the half of a hash by which it is looked up, and that its part depends on.
fn half(hash: u128) -> u64 {
    (hash >> 64) as u64
}

fn part_of(hash: u128) -> usize {
    half(hash) as usize % usize::from(PARTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::StreamId;

    fn at(offset: i64) -> Position {
        Position { stream: StreamId(0), offset, index: 0 }
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn ten_minutes() -> Duplicates {
        Duplicates::new(Duration::from_mins(10), 1_000, true)
    }

    #[test]
    fn a_second_delivery_is_a_copy_and_a_second_reading_is_not() {
        let mut seen = ten_minutes();
        assert_eq!(seen.see(7, at(1), time(0)), Seen::First);
        assert_eq!(seen.see(7, at(2), time(0)), Seen::Copy);
        assert_eq!(seen.see(7, at(1), time(0)), Seen::Again);
    }

    #[test]
    fn a_record_is_forgotten_after_the_window() {
        let mut seen = ten_minutes();
        seen.see(16 << 64, at(1), time(0));
        others(&mut seen, 601, 2 * ARRIVALS);
        assert_eq!(seen.first(16 << 64), None);
        assert_eq!(seen.forgotten_early(), 0);
    }

    #[test]
    fn one_clock_that_goes_ahead_makes_no_record_forgotten() {
        let mut seen = ten_minutes();
        for second in 0..300_u64 {
            seen.see(u128::from(second) << 64 | 1, at(second as i64), time(second as i64));
            if second % 20 == 0 {
                seen.see(u128::from(1_000 + second) << 64 | 1, at(1_000 + second as i64), time(second as i64 + 3_000));
            }
        }
        assert!((0..300_u64).all(|second| seen.first(u128::from(second) << 64 | 1).is_some()));
    }

    /// So many other records of one time.
    fn others(seen: &mut Duplicates, seconds: i64, many: usize) {
        for n in 0..many as u128 {
            seen.see((1_000_000 + n) << 64, at(1_000_000 + n as i64), time(seconds));
        }
    }

    #[test]
    fn what_is_kept_reads_back() {
        let mut seen = ten_minutes();
        let mut kept = Vec::new();
        for n in 0..500_u64 {
            let hash = u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
            seen.see(hash, at(n as i64), time(n as i64 / 10));
            if n % 50 == 0 {
                kept.extend(seen.delta());
            }
        }
        kept.extend(seen.delta());
        let mut again = ten_minutes();
        again.restore(&kept).expect("what was written can be read");
        let all = |seen: &Duplicates| -> Vec<Entry> { seen.parts.iter().flat_map(|part| part.order.clone()).collect() };
        assert_eq!(all(&again), all(&seen));
        assert!(all(&seen).iter().all(|entry| again.first(entry.hash) == Some(entry.position)));
        assert_eq!((all(&seen).len(), again.known.len()), (500, 500));
    }

    #[test]
    fn of_two_records_alike_in_half_of_their_hash_both_count_and_the_first_is_remembered() {
        let mut seen = ten_minutes();
        assert_eq!(seen.see(7 << 64 | 1, at(1), time(0)), Seen::First);
        assert_eq!(seen.see(7 << 64 | 2, at(2), time(0)), Seen::First);
        assert_eq!(seen.first(7 << 64 | 2), None);
        assert_eq!(seen.see(7 << 64 | 1, at(3), time(0)), Seen::Copy);
        for n in 1..=2 * ARRIVALS as u128 {
            seen.see(7 << 64 | n << 72, at(4), time(601));
        }
        assert_eq!(seen.first(7 << 64 | 1), None);
    }

    #[test]
    fn what_was_forgotten_early_is_not_counted_again_after_a_restart() {
        let few = || Duplicates::new(Duration::from_mins(10), 160, true);
        let (mut seen, mut kept) = (few(), Vec::new());
        for n in 0..1_000_u64 {
            seen.see(u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835), at(n as i64), time(0));
            kept.extend(seen.delta());
        }
        assert!(seen.forgotten_early() > 800);
        let mut again = few();
        again.restore(&kept).unwrap();
        assert_eq!((again.known.len(), again.forgotten_early()), (seen.known.len(), 0));
    }

    #[test]
    fn a_flood_is_bounded_and_counted() {
        let mut seen = Duplicates::new(Duration::from_mins(10), 160, true);
        for n in 0..10_000_u64 {
            seen.see(u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835), at(n as i64), time(0));
        }
        assert!(seen.known.len() <= 160);
        assert_eq!(seen.forgotten_early(), 10_000 - seen.known.len() as u64);
    }
}
