//! What comes in over HTTP: redacted before it touches the disk, spooled before it is answered.
//!
//! A body is scanned, decoded and finished on the request's own thread; its messages, without
//! secrets and people, go into the durable spool together with what was seen in them. Reading
//! them back is a source like any other.

use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;

use crate::redaction::Redactor;
use crate::sources::{Intake, Refused, Spool, SpoolError, Taken};
use crate::telemetry::{Batch, Sighting};

/// When a sender is asked to come again while the spool is full.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Redacts bodies and spools them.
#[derive(Debug)]
pub struct SpoolIntake {
    redactor: Arc<Redactor>,
    spool: Spool,
}

impl SpoolIntake {
    /// Returns an intake into `spool`.
    pub fn new(redactor: Arc<Redactor>, spool: Spool) -> Self {
        Self { redactor, spool }
    }
}

impl Intake for SpoolIntake {
    fn accept(&self, batch: &Batch, _source: &str) -> Result<Taken, Refused> {
        let scanned = self.redactor.scan(batch);
        let mut taken = Taken { messages: batch.messages.len(), undecodable: 0 };
        let mut arena = Bump::new();
        let mut finished = Vec::with_capacity(batch.messages.len());
        for message in 0..batch.messages.len() {
            arena.reset();
            let (whole, undecodable) = self.redactor.finish_message(&scanned, message, &arena);
            taken.undecodable += undecodable;
            finished.push(whole);
        }
        let all: Vec<(&[u8], &[Sighting])> = finished.iter().map(|one| (&one.bytes[..], &one.sightings[..])).collect();
        self.spool.append_all(&all).map_err(refused)?;
        Ok(taken)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn refused(error: SpoolError) -> Refused {
    match error {
        SpoolError::Full { .. } => Refused::Full { retry_after: RETRY_AFTER },
        SpoolError::TooLong(_) => Refused::Unscannable(error.to_string()),
        SpoolError::Io { .. } => Refused::Unavailable(error.to_string()),
    }
}
