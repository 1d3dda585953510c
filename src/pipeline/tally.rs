//! What does a batch add up to, before it is counted by name?
//!
//! Categories are told by their places while a batch is taken in. As large as the batch.

use std::ops::Range;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::detection::Signal;
use crate::posture::observed::Seeing;
use crate::telemetry::{Category, Position, StreamId};

use super::core::Core;
use super::duplicates::Seen;
use super::listening::ElementHeard;
use super::uses::Uses;
use super::worker::{MessageSeen, RecordSeen};

/// How many categories there are.
pub(super) const CATEGORIES: usize = Category::ALL.len();

/// What a batch adds up to, so that a record costs no look-up by name.
pub(super) struct Tally {
    pub(super) signals: Queue,
    /// The exceptions that held matches back, record by record.
    pub(super) held: Vec<Arc<str>>,
    /// What the batch's records say of keys.
    pub(super) uses: Uses,
    /// The stream whose messages are at hand, and the newest time of each lane in them.
    pub(super) stream: Option<StreamId>,
    pub(super) newest: [Option<Timestamp>; CATEGORIES],
}

/// A batch's signals, taken record by record in order; those of records passed over are dropped.
pub(super) struct Queue {
    pub(super) rest: std::vec::IntoIter<Signal>,
    pub(super) at: u32,
}

impl Queue {
    /// Returns the signals in `range`, which no earlier call asked for.
    pub(super) fn of(&mut self, range: &Range<u32>) -> impl Iterator<Item = Signal> {
        let skipped = range.start.saturating_sub(self.at) as usize;
        if skipped > 0 {
            drop(self.rest.nth(skipped - 1));
        }
        self.at = range.end.max(self.at);
        self.rest.by_ref().take(range.len())
    }
}

impl Core {
    /// Tells the watermarks what the stream at hand has shown; a retry shows nothing.
    pub(super) fn observe(&mut self, batch: &mut Tally) {
        let stream = batch.stream.take();
        for (lane, newest) in batch.newest.iter_mut().enumerate() {
            if let (Some(at), Some(stream)) = (newest.take(), stream) {
                self.watermarks.observe(stream.0, lane as u8, at);
            }
        }
    }

    /// Notes how far the telemetry of apps and gateways has come, and what it proves.
    pub(super) fn hear(&mut self, elements: &[ElementHeard], seeing: Seeing) -> u64 {
        let written = self.see(seeing);
        for element in elements.iter().filter(|_| self.durable) {
            if let Some(newest) = element.heard.iter().map(|heard| heard.newest).max() {
                self.keys.hear(&element.name, newest);
            }
        }
        written
    }

    pub(super) fn record(&mut self, message: &MessageSeen, record: &RecordSeen, batch: &mut Tally) {
        let position = Position { stream: message.stream, offset: message.offset, index: record.index };
        if self.duplicates.see(record.hash, position, record.time) != Seen::First {
            self.accounting.duplicates += 1;
            return;
        }
        let lane = usize::from(record.category.lane());
        self.decoded[lane] += 1;
        batch.newest[lane] = batch.newest[lane].max(Some(record.time));
        self.posture.came(record.time);
        for id in batch.held.get(record.held.start as usize..record.held.end as usize).into_iter().flatten() {
            self.held_back(id);
        }
        if self.durable {
            self.keys.count(record.noted, record.time, &batch.uses);
        }
        let Self { matched, coming, detectors, book, engine, .. } = self;
        // Given one by one by `next`, each would be taken apart and put together again on its way.
        batch.signals.of(&record.signals).for_each(|signal| {
            let number = usize::from(signal.detector);
            if let Some(matched) = matched.get_mut(number) {
                *matched += 1;
            }
            if coming.takes(&signal)
                && let Some(detector) = detectors.all.get(number)
            {
                coming.note(detector, &signal, |entity| book.is_open(detector, entity));
            }
            engine.apply(signal);
        });
    }
}
