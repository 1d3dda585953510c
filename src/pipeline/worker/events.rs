//! What does a worker see of each record? For commands that explain what detection makes of it.
//!
//! The events are those that the matcher is given, redacted and with what is looked up beside them. One
//! message's are in memory at a time.

use bumpalo::Bump;

use crate::context::{Asked, Memo};
use crate::redaction::RedactedEvent;
use crate::telemetry::{Batch, decode};

use super::Stage;

impl Stage {
    /// Gives `each` every event of `batch`, in order, with its keyed hash; returns how many records could not be
    /// decoded.
    pub fn each_event(&self, batch: &Batch, arena: &mut Bump, mut each: impl FnMut(&RedactedEvent<'_>, u128)) -> usize {
        let scanned = self.redactor.scan(batch);
        let asked = self.asked();
        let mut memo = Memo::default();
        let mut undecodable = 0;
        for message in 0..batch.messages.len() {
            arena.reset();
            let arena: &Bump = arena;
            decode(&scanned, message, arena, |decoded| match decoded {
                Ok(event) => {
                    self.locate(event);
                    if asked != Asked::default() {
                        event.known = self.look(event, asked, &mut memo).map(|known| &*arena.alloc(known));
                    }
                    let event = self.redactor.finish(event);
                    each(&event, self.hash(&event));
                }
                Err(_) => undecodable += 1,
            });
        }
        undecodable
    }
}
