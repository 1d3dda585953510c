//! Of whom is spoken when it is time that fires, and no event?
//!
//! The entity, and the newest event that spoke for it: with its record as far as there is room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::detection::{Level, Observed, Signal};
use crate::telemetry::Entity;

use super::Room;
use super::kept::{bytes_of, without_record};

/// An entity that can be spoken of when no signal says who it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Voice {
    /// Who it is.
    pub entity: Entity,
    /// The last event.
    pub observed: Arc<Observed>,
    /// How bad that event would make it.
    pub level: Level,
    /// What it showed.
    pub shown: Option<Arc<str>>,
}

impl Voice {
    /// Returns the entity that `signal` is about, without its record.
    pub fn of(signal: &Signal) -> Self {
        Self {
            entity: signal.entity(),
            observed: without_record(signal.observed()),
            level: signal.level,
            shown: signal.shown().map(Arc::from),
        }
    }

    /// Lets `signal` speak for it from now on.
    pub fn hears(&mut self, signal: &Signal, room: &Room) {
        if signal.record_bytes() <= room.spare.saturating_add(bytes_of(&self.observed)) {
            signal.write_over(&mut self.observed);
        } else {
            self.observed = without_record(signal.observed());
        }
        self.level = signal.level;
        if self.shown.as_deref() != signal.shown() {
            self.shown = signal.shown().map(Arc::from);
        }
    }

    /// Returns the bytes of the record it holds.
    pub fn bytes(&self) -> usize {
        bytes_of(&self.observed)
    }
}
