//! How does the engine's state outlive a restart?
//!
//! A delta names, for each shard, the entities that changed and those that are gone; when a
//! shard's deltas have outgrown it twice, it comes whole. State is kept under its detector's id
//! and version, so what another version has learnt is dropped and not misread. Signals that wait
//! are not saved, for their records are read again; late ones that no tick has seen yet are, and what
//! detectors have found for others to add up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::clock::Timestamp;
use crate::detection::{Detector, Level, Observed, Signal};
use crate::telemetry::Entity;

use super::Engine;
use super::key::Key;
use super::table::{Cell, Table};

/// What changed in one shard since the last epoch, or all it holds: opaque to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardDelta {
    /// Which of the 256 shards.
    pub shard: u8,
    /// `true`: the shard's whole state, which replaces everything before it.
    pub whole: bool,
    /// Framed and checksummed.
    pub bytes: Vec<u8>,
}

/// The layout of what follows; another one is refused.
const FORMAT: u8 = 2;
/// Deltas may grow by this much before a shard comes whole, however small it is.
const SLACK: usize = 64 * 1024;

#[derive(Serialize)]
struct Saved<'a> {
    header: Option<Header>,
    tables: Vec<SavedTable<'a>>,
    late: Vec<SavedSignal>,
}

#[derive(Serialize)]
struct SavedTable<'a> {
    tag: u64,
    cells: Vec<(Key, &'a Cell)>,
    gone: Vec<Key>,
}

#[derive(Deserialize)]
struct Restored {
    header: Option<Header>,
    tables: Vec<RestoredTable>,
    late: Vec<SavedSignal>,
}

#[derive(Deserialize)]
struct RestoredTable {
    tag: u64,
    cells: Vec<(Key, Cell)>,
    gone: Vec<Key>,
}

/// What no shard owns; the newest one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    released: Vec<(u64, Timestamp)>,
    evicted: u64,
    late: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedSignal {
    tag: u64,
    level: Level,
    step: u8,
    key: Key,
    entity: Entity,
    value: u64,
    shown: Option<Arc<str>>,
    observed: Arc<Observed>,
}

/// Returns what a detector's state is kept under.
pub fn tag_of(detector: &Detector) -> u64 {
    xxh3_64(format!("{}\n{}", detector.id, detector.version).as_bytes())
}

impl Engine {
    pub(super) fn save(&mut self) -> Vec<ShardDelta> {
        let mut late: BTreeMap<u8, Vec<SavedSignal>> = BTreeMap::new();
        for (line, &tag) in self.lines.iter().zip(&self.tags) {
            // What only learns is not worth keeping: it is learnt again when it is seen again.
            for signal in line.late.iter().filter(|signal| !signal.learns).chain(&line.evidence) {
                late.entry(signal.shard).or_default().push(SavedSignal::of(tag, signal));
            }
        }
        let mut due: BTreeSet<u8> = late.keys().copied().collect();
        due.extend((0..=u8::MAX).zip(&self.shards).filter(|(_, shard)| shard.has_changed()).map(|(number, _)| number));
        let header = self.header();
        if header != self.saved_header && due.is_empty() {
            due.extend(self.carrier);
        }
        let mut header = Some(header).filter(|_| !due.is_empty());
        if let Some(header) = &header {
            self.saved_header = header.clone();
        }
        let mut deltas = Vec::with_capacity(due.len());
        for number in due {
            let late = late.remove(&number).unwrap_or_default();
            let shard = &mut self.shards[usize::from(number)];
            shard.had_late = !late.is_empty();
            let outgrown = shard.grown > shard.whole.saturating_mul(2).saturating_add(SLACK);
            let changes: Vec<_> = shard.tables.iter_mut().map(|t| t.as_mut().map(|t| t.take_changes())).collect();
            let whole = outgrown || shard.must_be_whole || changes.iter().any(|c| matches!(c, Some(None)));
            let pairs = shard.tables.iter().zip(changes).zip(&self.tags);
            let tables =
                pairs.filter_map(|((table, changes), &tag)| saved_table(tag, table.as_deref()?, changes?, whole));
            let bytes = framed(&Saved { header: header.take(), tables: tables.collect(), late });
            shard.must_be_whole = false;
            (shard.whole, shard.grown) =
                if whole { (bytes.len(), 0) } else { (shard.whole, shard.grown + bytes.len()) };
            deltas.push(ShardDelta { shard: number, whole, bytes });
        }
        deltas
    }

    fn header(&self) -> Header {
        Header {
            released: self.tags.iter().copied().zip(self.lines.iter().map(|line| line.released)).collect(),
            evicted: self.evicted,
            late: self.late,
        }
    }

    pub(super) fn load(&mut self, deltas: &[ShardDelta]) -> Result<(), String> {
        let places: BTreeMap<u64, usize> = self.tags.iter().copied().zip(0..).collect();
        let mut late: BTreeMap<u8, Vec<SavedSignal>> = BTreeMap::new();
        for delta in deltas {
            let restored = unframed(&delta.bytes).map_err(|wrong| {
                format!(
                    "the saved state of shard {} {wrong}: restore the data folder from a backup, or start with an \
                     empty one and read the telemetry again",
                    delta.shard
                )
            })?;
            if let Some(header) = &restored.header {
                self.take_header(header, &places);
            }
            self.carrier = Some(delta.shard);
            late.insert(delta.shard, restored.late);
            let shard = &mut self.shards[usize::from(delta.shard)];
            if delta.whole {
                shard.tables.iter_mut().for_each(|table| *table = None);
                (shard.whole, shard.grown) = (delta.bytes.len(), 0);
            } else {
                shard.grown += delta.bytes.len();
            }
            for saved in restored.tables {
                let Some(&place) = places.get(&saved.tag) else {
                    shard.must_be_whole = true;
                    continue;
                };
                let table = shard.table(place);
                saved.cells.into_iter().for_each(|(key, cell)| table.put_back(key, Some(cell)));
                saved.gone.into_iter().for_each(|key| table.put_back(key, None));
            }
        }
        for shard in &mut self.shards {
            for (table, detector) in shard.tables.iter_mut().zip(&self.detectors.all) {
                if let Some(table) = table {
                    table.reorder(detector);
                }
            }
        }
        for (shard, signals) in late {
            self.shards[usize::from(shard)].had_late = !signals.is_empty();
            for signal in signals {
                if let Some(&place) = places.get(&signal.tag) {
                    let line = &mut self.lines[place];
                    let waiting = if line.after { &mut line.evidence } else { &mut line.late };
                    waiting.push(signal.back(place, shard));
                }
            }
        }
        self.saved_header = self.header();
        Ok(())
    }

    fn take_header(&mut self, header: &Header, places: &BTreeMap<u64, usize>) {
        for (tag, released) in &header.released {
            if let Some(&place) = places.get(tag) {
                let line = &mut self.lines[place];
                line.released = line.released.max(*released);
                line.next = Timestamp::MIN;
            }
        }
        self.evicted = self.evicted.max(header.evicted);
        self.late = self.late.max(header.late);
    }
}

fn saved_table(tag: u64, table: &Table, changes: Option<Vec<Key>>, whole: bool) -> Option<SavedTable<'_>> {
    let (cells, gone) = match changes {
        Some(mut keys) if !whole => {
            keys.sort_unstable();
            keys.dedup();
            let gone = keys.iter().copied().filter(|&key| table.get(key).is_none()).collect();
            (keys.into_iter().filter_map(|key| Some((key, table.get(key)?))).collect(), gone)
        }
        _ => (table.all(), Vec::new()),
    };
    let saved = SavedTable { tag, cells, gone };
    (!saved.cells.is_empty() || !saved.gone.is_empty()).then_some(saved)
}

impl SavedSignal {
    fn of(tag: u64, signal: &Signal) -> Self {
        Self {
            tag,
            level: signal.level,
            step: signal.step,
            key: signal.key.into(),
            entity: signal.entity(),
            value: signal.value,
            shown: signal.shown().map(Arc::from),
            observed: Arc::clone(signal.observed()),
        }
    }

    fn back(self, place: usize, shard: u8) -> Signal {
        Signal {
            detector: place as u16,
            level: self.level,
            step: self.step,
            shard,
            key: self.key.into(),
            value: self.value,
            ..Signal::new(&self.observed, &self.entity, self.shown.as_deref())
        }
    }
}

fn framed(saved: &Saved<'_>) -> Vec<u8> {
    let payload = postcard::to_stdvec(saved).expect("writing plain data to memory cannot fail");
    let mut bytes = Vec::with_capacity(payload.len() + 5);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&crc32fast::hash(&payload).to_le_bytes());
    bytes.extend_from_slice(&payload);
    bytes
}

fn unframed(bytes: &[u8]) -> Result<Restored, String> {
    let Some((&[format, a, b, c, d], payload)) = bytes.split_first_chunk() else {
        return Err("is cut short".to_owned());
    };
    if format != FORMAT {
        return Err(format!("has layout {format}, and this version reads layout {FORMAT}"));
    }
    if u32::from_le_bytes([a, b, c, d]) != crc32fast::hash(payload) {
        return Err("does not match its checksum".to_owned());
    }
    postcard::from_bytes(payload).map_err(|error| format!("cannot be read ({error})"))
}
