//! How does a running daemon come to a reading of configuration, and who is told of the threat model?
//!
//! A reading is taken at the edge of an epoch, as files of `[context]` are: what was begun is durable
//! before, and what follows from it goes with the next epoch. The very first goes before the first event, as
//! it does in a replay; events wait half a minute for it at most. Where a reading is kept from before a
//! restart, what has waited since comes first, for five minutes at most: by then it is known who wrote, and
//! when it is. Every five seconds, if anything has changed, what the model is made from is handed to who
//! reckons it; after a reading at once.

use std::time::Duration;

use crate::posture::living::Drift;

use super::super::posture::Reading;
use super::{Daemon, DaemonError};

/// How often the model is reckoned at most, but for what follows from a reading.
const EVERY: Duration = Duration::from_secs(5);
/// How long events wait for the first reading.
const FIRST: Duration = Duration::from_secs(30);

/// How long a reading waits for events that were sent while nothing ran.
const CATCHES_UP: Duration = Duration::from_mins(5);

/// What was handed over last.
#[derive(Debug, Default)]
pub(super) struct Reckoned {
    at: Option<Duration>,
    version: Option<((u64, u64, i64), u64)>,
    /// Counts changes of alerts.
    pub(super) told: u64,
    /// Whether the first reading is over.
    pub(super) read: bool,
    /// One that waits until all that was sent before has come.
    early: Option<Reading>,
}

impl Daemon {
    /// Tells whether events wait for the first reading of configuration.
    pub(super) fn reads_first(&self) -> bool {
        let waited = self.parts.clock.elapsed().saturating_sub(self.began);
        self.parts.settings.reads_first && !self.reckoned.read && waited < FIRST && !self.parts.core.has_reading()
    }

    /// Tells whether a reading has to wait for what was sent while nothing ran.
    fn lags(&self) -> bool {
        let core = &self.parts.core;
        let waited = self.parts.clock.elapsed().saturating_sub(self.began);
        let all_read = !core.is_recovering() && core.watermarks().all_at_end();
        let idle = self.parts.crew.under_way() == 0 && self.parts.batches.is_empty();
        !self.reckoned.read && core.has_reading() && waited < CATCHES_UP && !(all_read && idle)
    }

    /// Takes the reading that has waited, if it need no longer.
    pub(super) fn caught_up(&mut self) -> Result<(), DaemonError> {
        match self.reckoned.early.take() {
            Some(reading) => self.configured(reading),
            None => Ok(()),
        }
    }

    /// Takes a reading of configuration.
    pub(super) fn configured(&mut self, reading: Reading) -> Result<(), DaemonError> {
        if self.lags() {
            self.reckoned.early = Some(reading);
            return Ok(());
        }
        while let Some(worked) = self.parts.crew.take() {
            self.absorb(worked);
        }
        let now = self.parts.clock.elapsed();
        self.epoch(now)?;
        let intended = self.parts.core.surroundings().intended.clone();
        let transitions = self.parts.core.configured(reading, &intended);
        self.tell(transitions);
        (self.dirty, self.reckoned.read) = (true, true);
        // What the next one is compared with is worth no kill.
        self.told_since.get_or_insert(now);
        self.reckon(now, true);
        Ok(())
    }

    /// Notes what has changed by what events prove.
    pub(super) fn drifted(&mut self, drifts: Vec<Drift>) {
        for drift in &drifts {
            self.parts.watch.drifted(drift.kind);
        }
        self.parts.core.drifted(drifts);
        self.dirty = true;
    }

    /// Hands over what the model is made from, if it is time and anything has changed.
    pub(super) fn reckon(&mut self, now: Duration, at_once: bool) {
        let due = self.reckoned.at.is_none_or(|last| now.saturating_sub(last) >= EVERY);
        if !due && !at_once {
            return;
        }
        let version = (self.parts.core.posture_version(), self.reckoned.told);
        if self.reckoned.version == Some(version) || self.parts.reckon.is_full() {
            return;
        }
        self.reckoned.at = Some(now);
        let intended = self.parts.core.surroundings().intended.clone();
        // One that waits already is followed by this in five seconds.
        if self.parts.reckon.try_send(self.parts.core.sources(&intended)).is_ok() {
            self.reckoned.version = Some(version);
        }
    }
}
