//! How far is an entity from what makes its detector fire?

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::detection::kinds::{State, Weighed, value_of};
use crate::detection::{Counting, Signal};
use crate::telemetry::Entity;

use super::Engine;
use super::evidence::key_of;
use super::key::Key;

/// What is held against an entity, each with the id of who found it.
pub type Held = Vec<(Arc<str>, Weighed)>;

impl Engine {
    /// Says what is remembered of the entity that `signal` is about, beside what it is held against; `None` if
    /// nothing is.
    pub fn standing(&self, signal: &Signal) -> Option<String> {
        let number = usize::from(signal.detector);
        let table = self.shards.get(usize::from(signal.shard))?.tables.get(number)?.as_ref()?;
        let detector = self.detectors.all.get(number)?;
        let key = if detector.counting.sees_findings() { key_of(&signal.entity()) } else { signal.key };
        Some(table.get(Key::from(key))?.standing(detector))
    }

    /// Says the same of `entity`, for a detector that sees what others find.
    pub fn standing_of(&self, number: usize, entity: &Entity) -> Option<String> {
        let detector = self.detectors.all.get(number)?;
        let key = Key::from(key_of(entity));
        let mut tables = self.shards.iter().filter_map(|shard| shard.tables.get(number)?.as_ref());
        Some(tables.find_map(|table| table.get(key))?.standing(detector))
    }

    /// Returns what detector `number`, which adds up what others find, holds against `entity`, each with the id of
    /// who found it, and says what that comes to; `None` if nothing is.
    pub fn evidence(&self, number: usize, entity: &Entity) -> Option<(Held, String)> {
        let detector = self.detectors.all.get(number)?;
        let key = Key::from(key_of(entity));
        // The shard is that of who found something, whose key is another.
        let mut tables = self.shards.iter().filter_map(|shard| shard.tables.get(number)?.as_ref());
        let cell = tables.find_map(|table| table.get(key))?;
        let (State::Risk(risk), &Counting::Risk(asked)) = (&cell.state, &detector.counting) else { return None };
        let named = |piece: Weighed| {
            let found = |one: &&Arc<_>| is_of(one, piece.detector);
            self.detectors.all.iter().find(found).map(|one| (Arc::clone(&one.id), piece))
        };
        Some((risk.weighed(asked).into_iter().filter_map(named).collect(), cell.standing(detector)))
    }
}

/// Tells whether evidence that is marked so is of `detector`.
fn is_of(detector: &crate::detection::Detector, mark: u64) -> bool {
    value_of(0, xxh3_64(detector.id.as_bytes())) << 8 == mark
}
