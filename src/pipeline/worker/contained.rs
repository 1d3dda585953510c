//! What becomes of a batch that makes a worker panic?
//!
//! Each of its messages is worked alone, and the one that panics becomes a dead letter without its bytes; what
//! was made of the others is put together again.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bumpalo::Bump;

use crate::store::NewDeadLetter;
use crate::telemetry::{Batch, MessageAt, Position};

use super::{MessageSeen, RecordSeen, Worked, len};

/// Does `work` on `batch`; if it panics, on each of its messages alone.
pub(super) fn contained(batch: &Batch, arena: &mut Bump, mut work: impl FnMut(&Batch, &mut Bump) -> Worked) -> Worked {
    let whole = AssertUnwindSafe(|| work(batch, arena));
    if let Ok(worked) = catch_unwind(whole) {
        return worked;
    }
    let mut worked = Worked { marks: batch.marks.clone(), ..Worked::default() };
    for (message, at) in batch.messages.iter().enumerate() {
        let mut alone = Batch::default();
        alone.push(batch.message(message), at.stream, at.offset, at.next, at.received);
        alone.messages[0].seen.clone_from(&at.seen);
        let one = AssertUnwindSafe(|| work(&alone, &mut Bump::new()));
        worked.append(catch_unwind(one).unwrap_or_else(|_| Worked::panicked(at)));
    }
    worked
}

impl Worked {
    /// Returns what is known of a message on which a worker panicked: that it was there.
    fn panicked(at: &MessageAt) -> Self {
        let position = Position { stream: at.stream, offset: at.offset, index: 0 };
        let size = at.bytes.end - at.bytes.start;
        let dead = vec![NewDeadLetter { position, reason: "panicked", bytes: Vec::new(), size }];
        let message = MessageSeen {
            stream: at.stream,
            offset: at.offset,
            next: at.next,
            size,
            records: 0..0,
            dead: 0..1,
            redacted: Some(Vec::new()),
        };
        Self { messages: vec![message], dead, ..Self::default() }
    }

    /// Adds what was made of a later message.
    fn append(&mut self, later: Self) {
        let moved = |range: &Range<u32>, by: u32| range.start + by..range.end + by;
        let (records, dead) = (len(&self.records), len(&self.dead));
        let (signals, held) = (len(&self.signals), len(&self.held));
        self.listening.append(later.listening);
        self.seeing.append(later.seeing);
        let renumbered = self.uses.append(later.uses);
        self.messages.extend(later.messages.into_iter().map(|message| MessageSeen {
            records: moved(&message.records, records),
            dead: moved(&message.dead, dead),
            ..message
        }));
        self.records.extend(later.records.into_iter().map(|record| RecordSeen {
            signals: moved(&record.signals, signals),
            held: moved(&record.held, held),
            noted: renumbered(record.noted),
            ..record
        }));
        self.held.extend(later.held);
        self.dead.extend(later.dead);
        self.signals.extend(later.signals);
        self.links.extend(later.links);
        for (kind, n) in later.redactions {
            *self.redactions.entry(kind).or_default() += n;
        }
    }
}
