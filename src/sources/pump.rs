//! How do batches get from a thread that blocks to the pipeline, which must not?
//!
//! A [`Pump`] runs a reader on its own thread and hands over what it reads through a channel of
//! a few batches: a full channel stops the reader, which is the back-pressure. Dropping the pump
//! closes the channel, and the reader ends at its next batch or within its next sleep.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::telemetry::Batch;

use super::SourceError;

/// How many batches may wait for the pipeline: about a megabyte.
const WAITING: usize = 4;
/// How long [`Pump::next`] waits before it returns an empty batch.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long an idle reader sleeps: what a new line or message waits at most.
pub(super) const NAP: Duration = Duration::from_millis(50);

/// A reader on its own thread, seen from the pipeline.
#[derive(Debug)]
pub(super) struct Pump {
    batches: mpsc::Receiver<Result<Batch, SourceError>>,
}

/// The reader's side of a [`Pump`].
#[derive(Debug)]
pub(super) struct Outlet(mpsc::Sender<Result<Batch, SourceError>>);

impl Pump {
    /// Starts `read` on a thread called `name`.
    pub(super) fn start(name: &str, read: impl FnOnce(Outlet) + Send + 'static) -> Result<Self, SourceError> {
        let (to, batches) = mpsc::channel(WAITING);
        std::thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(move || read(Outlet(to)))
            .map_err(|error| SourceError::Transient(format!("no thread could be started for {name}: {error}")))?;
        Ok(Self { batches })
    }

    /// Returns the next batch, an empty one after half a second of silence. Safe to cancel.
    pub(super) async fn next(&mut self) -> Result<Batch, SourceError> {
        match tokio::time::timeout(PATIENCE, self.batches.recv()).await {
            Err(_) => Ok(Batch::default()),
            Ok(None) => Err(SourceError::Ended),
            Ok(Some(batch)) => batch,
        }
    }
}

impl Outlet {
    /// Hands over `batch`, waiting while the channel is full; `false` if nobody wants it any more.
    pub(super) fn send(&self, batch: Result<Batch, SourceError>) -> bool {
        self.0.blocking_send(batch).is_ok()
    }

    /// Hands over `batch` if there is room; else gives it back.
    pub(super) fn offer(&self, batch: Result<Batch, SourceError>) -> Option<Result<Batch, SourceError>> {
        match self.0.try_send(batch) {
            Err(TrySendError::Full(batch)) => Some(batch),
            _ => None,
        }
    }

    /// Tells whether there is room for half of what the channel holds: the mark at which to go on.
    pub(super) fn has_room(&self) -> bool {
        self.0.capacity() >= WAITING / 2
    }

    /// Tells whether the pump is gone, so that the reader should end.
    pub(super) fn closed(&self) -> bool {
        self.0.is_closed()
    }
}
