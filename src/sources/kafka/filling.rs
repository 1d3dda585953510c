//! Which messages go into the next batch, and what must be known before them?

use std::collections::VecDeque;
use std::time::Duration;

use rdkafka::message::{BorrowedMessage, Message};

use crate::clock::{Clock, Timestamp};
use crate::sources::SourceError;
use crate::telemetry::{Batch, Mark};

use super::track::Shared;

/// The batch that is being filled, and what waits to be handed over before it: two or three
/// batches at most, for nothing is polled while they wait.
#[derive(Default)]
pub(super) struct Filling {
    pub(super) batch: Batch,
    /// When the batch's first message came.
    pub(super) since: Duration,
    pub(super) ready: VecDeque<Result<Batch, SourceError>>,
}

impl Filling {
    /// Puts `message` into the batch, after what must be known before it.
    pub(super) fn take(&mut self, message: &BorrowedMessage<'_>, shared: &Shared, clock: &Clock) {
        let mut track = shared.lock();
        let Some(stream) = track.read(message.topic(), message.partition(), message.offset()) else { return };
        let opens = track.marks.iter().any(|mark| !matches!(mark, Mark::AtEnd(..)));
        self.batch.marks.append(&mut track.marks);
        drop(track);
        if opens {
            // An opened partition holds time back before any message of another moves it.
            self.ready.push_back(Ok(std::mem::take(&mut self.batch)));
        }
        if self.batch.messages.is_empty() {
            self.since = clock.elapsed();
        }
        let received = message.timestamp().to_millis().map(Timestamp::from_millis);
        self.batch.push(
            message.payload().unwrap_or_default(),
            stream,
            message.offset(),
            message.offset() + 1,
            received,
        );
    }
}
