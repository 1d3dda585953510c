//! How the core behaves: what the configuration says, as stage 2 needs it.

use std::time::Duration;

use crate::alerts::BookSettings;
use crate::detection::EngineSettings;

/// How the core behaves.
#[derive(Clone, Debug)]
pub struct CoreSettings {
    /// How far out of order events may be.
    pub lateness: Duration,
    /// How long a quiet lane of a busy partition holds its detectors back.
    pub idle: Duration,
    /// How long records are remembered, to tell duplicates.
    pub duplicates_window: Duration,
    /// How many records are remembered at most.
    pub max_remembered: usize,
    /// The engine's ceilings.
    pub engine: EngineSettings,
    /// The alert book's settings.
    pub book: BookSettings,
    /// For how long what was observed counts.
    pub counts_for: Duration,
    /// Whether epochs are taken; a replay keeps nothing.
    pub durable: bool,
}

impl CoreSettings {
    /// Returns the settings of a replay with the shipped defaults.
    pub fn replay() -> Self {
        Self {
            lateness: Duration::from_secs(30),
            idle: Duration::from_mins(5),
            duplicates_window: Duration::from_mins(10),
            max_remembered: 1_000_000,
            engine: EngineSettings { max_entities: 200_000, max_waiting_bytes: 256 * 1024 * 1024 },
            book: BookSettings {
                update_every: Duration::from_mins(1),
                cooldown: Duration::from_hours(1),
                max_alerts: 10_000,
            },
            counts_for: Duration::from_hours(30 * 24),
            durable: false,
        }
    }
}
