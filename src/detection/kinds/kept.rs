//! Which events before the one that fires can still be shown when it does?
//!
//! A record is kept only once its entity is close to firing, three at most, so that a flood of
//! entities that speak once keeps none. Beyond the ceiling on kept bytes an event is kept
//! without its record (its time and place remain), and beyond twice the ceiling not at all.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::{Level, Observed, Signal};

use super::Room;

/// Events kept before the one that fires.
pub const BEFORE: usize = 3;
/// What an event is taken to cost beside its record, in bytes.
const BARE: usize = 256;

/// An event that may become evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Kept {
    /// The record.
    pub observed: Arc<Observed>,
    /// How bad it made it.
    pub level: Level,
    /// The value it showed.
    pub shown: Option<Arc<str>>,
}

impl Kept {
    /// Keeps `signal` as far as there is room for it.
    pub fn new(signal: &Signal, room: &Room) -> Option<Self> {
        let observed = if signal.record_bytes() + BARE <= room.spare {
            Arc::clone(signal.observed())
        } else if BARE <= room.spare_bare {
            without_record(signal.observed())
        } else {
            return None;
        };
        Some(Self { observed, level: signal.level, shown: signal.shown().map(Arc::from) })
    }

    /// Returns the bytes it is taken to cost.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.observed) + BARE
    }
}

/// Returns the bytes of the record that `observed` holds.
pub fn bytes_of(observed: &Observed) -> usize {
    observed.record.as_ref().map_or(0, |record| record.len())
}

/// Returns `observed` without its record.
pub fn without_record(observed: &Observed) -> Arc<Observed> {
    Arc::new(Observed { record: None, app: observed.app.clone(), entities: observed.entities.clone(), ..*observed })
}

/// The newest events before one that fires: none, for nearly every entity.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Newest(Option<Box<List>>);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct List {
    events: Vec<Kept>,
}

impl Newest {
    /// Keeps `signal`, in place of the oldest if there are three already.
    pub fn push(&mut self, signal: &Signal, room: &Room) {
        let Some(kept) = Kept::new(signal, room) else { return };
        let events = &mut self.0.get_or_insert_default().events;
        if events.len() >= BEFORE {
            events.remove(0);
        }
        events.push(kept);
    }

    /// Hands over the events since `start`.
    pub fn take_since(&mut self, start: Timestamp) -> Vec<Kept> {
        let mut events = self.0.take().map_or_else(Vec::new, |list| list.events);
        events.retain(|kept| kept.observed.time >= start);
        events
    }

    /// Returns the bytes that the kept events are taken to cost.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.events.iter().map(Kept::bytes).sum())
    }
}
