//! How far is an entity from what makes its detector fire?

use crate::detection::Signal;

use super::Engine;
use super::key::Key;

impl Engine {
    /// Says what is remembered of the entity that `signal` is about, beside what it is held against; `None` if
    /// nothing is.
    pub fn standing(&self, signal: &Signal) -> Option<String> {
        let number = usize::from(signal.detector);
        let table = self.shards.get(usize::from(signal.shard))?.tables.get(number)?.as_ref()?;
        Some(table.get(Key::from(signal.key))?.standing(self.detectors.all.get(number)?))
    }
}
