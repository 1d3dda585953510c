//! In what messages do records arrive?
//!
//! As Azure packs them: `{"records":[…]}` of one resource and category, 1 to 40 records each, sent
//! when full or a few seconds old, so that resources overtake each other. One record in 500
//! comes twice. It holds at most 40 records for each of its 16 channels.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Timestamp;

use super::rng::{Rng, split};

/// One message as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// When it arrives: later than its records' times, never earlier than the message before.
    pub at: Timestamp,
    /// What Azure wrote.
    pub bytes: Vec<u8>,
    /// The same for all messages of a resource and category.
    pub partition_key: u64,
}

/// What a world has written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages given out.
    pub messages: u64,
    /// Records in them, second deliveries among them.
    pub records: u64,
    /// Records that were delivered a second time.
    pub duplicates: u64,
    /// Messages that are no valid JSON because a Linux host left quotes out: they can be mended.
    pub unquoted: u64,
    /// Messages cut off in their last record, which is lost. Never in a clean world.
    pub cut_off: u64,
}

/// The channels: one a resource and category.
pub(super) const CHANNELS: usize = 16;

#[derive(Debug, Default)]
struct Channel {
    text: String,
    records: u64,
    full_at: u64,
    due: Timestamp,
    unquoted: bool,
    /// Where the last record begins.
    last: usize,
    /// A record that will be delivered again with the next message.
    again: String,
}

/// Collects records and gives out messages.
#[derive(Debug)]
pub(super) struct Packer {
    channels: [Channel; CHANNELS],
    ready: VecDeque<Message>,
    rng: Rng,
    pub(super) tally: Tally,
    /// Records written, second deliveries not counted.
    pub(super) written: u64,
    now: Timestamp,
    cut: bool,
}

impl Packer {
    /// Returns an empty packer; `cut` lets one message in 2000 be cut off.
    pub(super) fn new(seed: u64, start: Timestamp, cut: bool) -> Self {
        Self {
            channels: Default::default(),
            ready: VecDeque::new(),
            rng: Rng::new(seed, 2),
            tally: Tally::default(),
            written: 0,
            now: start,
            cut,
        }
    }

    /// Adds the record that `write` appends to `channel`. It returns whether the record is JSON.
    pub(super) fn add(&mut self, channel: usize, write: impl FnOnce(&mut String) -> bool) {
        let into = &mut self.channels[channel];
        if into.records == 0 {
            into.full_at = self.rng.between(1, 40);
            into.due = self.now.plus(Duration::from_millis(self.rng.between(500, 3_000)));
            into.text.push_str("{\"records\":[");
            if !into.again.is_empty() {
                into.text.push_str(&into.again);
                into.again.clear();
                into.records = 1;
                self.tally.duplicates += 1;
            }
        }
        if into.records > 0 {
            into.text.push(',');
        }
        into.last = into.text.len();
        let is_json = write(&mut into.text);
        into.unquoted |= !is_json;
        into.records += 1;
        self.written += 1;
        if self.rng.one_in(500) && is_json && into.again.is_empty() {
            into.again.push_str(&into.text[into.last..]);
        }
        if into.records >= into.full_at {
            self.send(channel);
        }
    }

    /// Moves time to `now` and sends what has waited long enough.
    pub(super) fn advance(&mut self, now: Timestamp) {
        self.now = now;
        for channel in 0..CHANNELS {
            if self.channels[channel].records > 0 && self.channels[channel].due <= now {
                self.send(channel);
            }
        }
    }

    /// Sends everything: the run is over.
    pub(super) fn finish(&mut self) {
        for channel in 0..CHANNELS {
            if self.channels[channel].records > 0 {
                self.send(channel);
            }
        }
    }

    /// Returns the next message.
    pub(super) fn take(&mut self) -> Option<Message> {
        self.ready.pop_front()
    }

    fn send(&mut self, channel: usize) {
        let from = &mut self.channels[channel];
        from.text.push_str("]}");
        if self.cut && !from.unquoted && self.rng.one_in(2_000) {
            let keep = from.last + (from.text.len() - from.last) / 2;
            from.text.truncate(from.text.floor_char_boundary(keep));
            self.tally.cut_off += 1;
        }
        self.tally.messages += 1;
        self.tally.records += from.records;
        self.tally.unquoted += u64::from(from.unquoted);
        let message = Message {
            at: self.now.plus(Duration::from_millis(1_500)),
            bytes: from.text.as_bytes().to_vec(),
            partition_key: split(channel as u64 + 1),
        };
        self.ready.push_back(message);
        from.text.clear();
        from.records = 0;
        from.unquoted = false;
    }
}
