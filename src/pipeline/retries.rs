//! Dead letters that are tried again: how do they come back in?
//!
//! As messages of a stream of their own, whose offsets are places in the store's queue, so that
//! positions and epochs make them count exactly once as they do for any other. That stream never
//! holds event time back: what was dead may be of any time. A letter is taken whole or not at all,
//! and none goes into the redacted stream again. At most a few hundred are read at a time.

use std::ops::Range;
use std::time::Duration;

use crate::store::{NewDeadLetter, Retried, Store, StoreError};
use crate::telemetry::{Batch, Mark, StreamId, StreamName, Streams};

use super::core::{Absorbed, Core};
use super::parts::DaemonParts;
use super::tally::{CATEGORIES, Tally};
use super::worker::{MessageSeen, RecordSeen};

/// Letters read from the queue together: 4 MiB at most.
const TOGETHER: usize = 256;
/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Tells whether a stream of this name is that of letters tried again.
pub(super) fn is_of_retries(name: &StreamName) -> bool {
    *name == stream_name()
}

fn stream_name() -> StreamName {
    StreamName { source: "dead-letters".into(), topic: "retried".into(), partition: 0 }
}

/// Reads the queue of dead letters to try again.
#[derive(Debug, Default)]
pub struct RetryReader {
    /// The queue was read to its end once: what waited before the restart is back.
    caught_up: bool,
    /// Where to read on.
    next: i64,
    looked: Duration,
}

impl RetryReader {
    /// Gives what is new in the queue by `now` to the workers, if they have room and nothing is `stuck`.
    ///
    /// # Errors
    ///
    /// What the store says.
    pub fn take_up(&mut self, parts: &mut DaemonParts, stuck: bool, now: Duration) -> Result<(), StoreError> {
        if !stuck
            && parts.crew.has_room()
            && let Some(batch) = self.read(&parts.store, &parts.streams, now)?
        {
            parts.crew.submit(batch);
        }
        Ok(())
    }

    fn read(&mut self, store: &Store, streams: &Streams, now: Duration) -> Result<Option<Batch>, StoreError> {
        if self.caught_up && now.saturating_sub(self.looked) < LOOK {
            return Ok(None);
        }
        let letters = store.queued_letters(self.next, TOGETHER)?;
        let (first, more) = (!self.caught_up, letters.len() == TOGETHER);
        self.caught_up |= !more;
        self.looked = if more { Duration::ZERO } else { now };
        if letters.is_empty() && !(first && knows(streams)) {
            return Ok(None);
        }
        let stream = streams.id(&stream_name());
        let mut batch = Batch::default();
        for letter in letters {
            batch.push(&letter.bytes, stream, letter.queue, letter.queue + 1, Some(letter.at));
            self.next = letter.queue + 1;
        }
        if !more {
            batch.marks.push(Mark::Closed(stream));
        }
        Ok(Some(batch))
    }
}

/// Tells whether a letter was ever tried again.
fn knows(streams: &Streams) -> bool {
    let name = stream_name();
    streams.since(0).iter().any(|(_, known)| **known == name)
}

/// What became of letters that were tried again, until an epoch takes it.
#[derive(Debug, Default)]
pub(super) struct Retries {
    stream: Option<StreamId>,
    /// Another stream, that was asked about last: most messages come from the one before's.
    other: Option<StreamId>,
    pub(super) settled: Vec<Retried>,
}

impl Retries {
    /// Tells whether `stream` is that of letters tried again.
    pub(super) fn are(&mut self, stream: StreamId, streams: &Streams) -> bool {
        if self.stream.is_none()
            && self.other != Some(stream)
            && let Some(name) = streams.name(stream)
        {
            *(if *name == stream_name() { &mut self.stream } else { &mut self.other }) = Some(stream);
        }
        self.stream == Some(stream)
    }

    /// Returns the stream of letters tried again, if there were any since the start.
    pub(super) fn stream(&self) -> Option<StreamId> {
        self.stream
    }

    /// Notes what became of a letter; returns its records if it counts now: all of it was decoded.
    pub(super) fn settle(
        &mut self,
        message: &MessageSeen,
        reasons: impl Iterator<Item = &'static str>,
        done: &mut Absorbed,
    ) -> Range<usize> {
        let records = message.records.start as usize..message.records.end as usize;
        let failed = reasons.into_iter().next().or(if records.is_empty() { Some("empty") } else { None });
        self.settled.push(Retried { queue: message.offset, failed });
        if failed.is_some() {
            done.retried.1 += 1;
            return 0..0;
        }
        done.retried.0 += 1;
        done.records += records.len() as u64;
        records
    }
}

impl Core {
    /// Tells whether `stream` is that of dead letters tried again.
    pub(super) fn is_retried(&mut self, stream: StreamId) -> bool {
        self.retries.are(stream, &self.streams)
    }

    /// A dead letter that was tried again: it counts if all of it was decoded.
    pub(super) fn retried(
        &mut self,
        message: &MessageSeen,
        records: &[RecordSeen],
        dead: &[Option<NewDeadLetter>],
        batch: &mut Tally,
        done: &mut Absorbed,
    ) {
        let dead = &dead[message.dead.start as usize..message.dead.end as usize];
        let decoded = self.retries.settle(message, dead.iter().flatten().map(|letter| letter.reason), done);
        self.accounting.records += decoded.len() as u64;
        self.accounting.retried += decoded.len() as u64;
        for record in &records[decoded] {
            self.record(message, record, batch);
        }
        batch.newest = [None; CATEGORIES];
    }
}
