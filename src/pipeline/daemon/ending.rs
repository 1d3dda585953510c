//! How does the daemon end?
//!
//! Sources stop, what was read becomes durable, and what is on its way to people is seen off, lest the next start
//! tell it again.

use std::time::Duration;

use super::super::parts::Ask;
use super::{Daemon, DaemonError};

/// How long deliveries may take at the end.
const SEEING_OFF: Duration = Duration::from_secs(2);

impl Daemon {
    /// Returns whether everything read became durable.
    pub(super) fn end(mut self) -> Result<bool, DaemonError> {
        for orders in &self.parts.orders {
            orders.send_modify(|orders| orders.stop = true);
        }
        while let Some(worked) = self.parts.crew.take() {
            self.absorb(worked);
        }
        let transitions = self.parts.core.tick();
        self.tell(transitions);
        let now = self.parts.clock.elapsed();
        self.next_try = now;
        self.epoch(now)?;
        // One that could not be committed before holds nothing of what came since.
        if self.unsaved.is_none() && (self.dirty || !self.pending.is_empty()) {
            self.epoch(now)?;
        }
        self.see_off()?;
        Ok(self.unsaved.is_none() && self.pending.is_empty() && !self.dirty)
    }

    /// Waits for what is on its way, and records what became of it.
    fn see_off(&mut self) -> Result<(), DaemonError> {
        let until = self.parts.clock.elapsed() + SEEING_OFF;
        while self.parts.deliveries.are_under_way() {
            let left = until.saturating_sub(self.parts.clock.elapsed());
            match self.parts.asks.recv_timeout(left) {
                Ok(ask @ Ask::Settled(_)) => self.ask(ask)?,
                // Whoever asks for something now is told that nobody answers.
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Ok(())
    }
}
