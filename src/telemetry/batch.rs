//! Messages read together: one buffer, and where each message lies in it.
//!
//! A source fills one batch at a time (64 to 256 KB is best) and gives it to one worker. What a
//! source has to say beside messages, that a partition has begun or has been read to its end,
//! travels as a [`Mark`] in the same batch, so that it is never ahead of the messages before it.

use std::ops::Range;

use crate::clock::Timestamp;

use super::{Sighting, StreamId};

/// Messages read together, their bytes in one buffer.
#[derive(Debug, Default)]
pub struct Batch {
    /// All messages' bytes, one after the other.
    pub bytes: Vec<u8>,
    /// Where each message lies, in the order they were read.
    pub messages: Vec<MessageAt>,
    /// What else the source saw; applies after the batch's messages.
    pub marks: Vec<Mark>,
}

/// Where a message lies in its batch, and where it came from.
#[derive(Clone, Debug)]
pub struct MessageAt {
    /// Its bytes in [`Batch::bytes`].
    pub bytes: Range<u32>,
    /// The partition or file it came from.
    pub stream: StreamId,
    /// Its Kafka offset; in a file, the offset of its first byte (of the uncompressed text).
    pub offset: i64,
    /// The position to resume at after it: the next Kafka offset, or the offset behind its last byte.
    pub next: i64,
    /// When the transport took it in, where it says so (Kafka's record timestamp).
    pub received: Option<Timestamp>,
    /// What was seen in it when it was redacted before it was spooled; empty for all but HTTP.
    pub seen: Vec<Sighting>,
}

/// What a source says about a partition beside its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The partition has something to read: it holds event time back until it shows an event.
    Opened(StreamId),
    /// The partition has been read to its present end, or (`false`) has more again.
    AtEnd(StreamId, bool),
    /// The partition is ours no longer, or its file has ended for good.
    Closed(StreamId),
    /// The file is nowhere to be found any more; [`Mark::Opened`] takes it back.
    Gone(StreamId),
    /// Messages from `from` up to but not including `to` are gone: the broker no longer has them.
    Gap {
        /// The partition.
        stream: StreamId,
        /// The first missing offset.
        from: i64,
        /// The first offset that is there again.
        to: i64,
    },
}

impl Batch {
    /// Returns message `index`'s bytes.
    pub fn message(&self, index: usize) -> &[u8] {
        let at = &self.messages[index].bytes;
        &self.bytes[at.start as usize..at.end as usize]
    }

    /// Appends a message.
    pub fn push(&mut self, bytes: &[u8], stream: StreamId, offset: i64, next: i64, received: Option<Timestamp>) {
        let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(bytes);
        let end = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.messages.push(MessageAt { bytes: start..end, stream, offset, next, received, seen: Vec::new() });
    }

    /// Tells whether there is neither a message nor a mark in it.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.marks.is_empty()
    }
}
