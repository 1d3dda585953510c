//! What waits for one watermark, and what of it is let go?
//!
//! Detectors that need the same lanes have one watermark, so what they are told waits together. A later step of a
//! sequence that nobody has begun is let go without being put in order: it changes no answer. (Taken in, it would
//! have let its table forget entities a little sooner than the next sweep does.)

use crate::clock::{Lanes, Timestamp};
use crate::detection::{Detector, Signal};

use super::Shard;
use super::key::Key;
use super::openings::Openings;
use super::waiting::Waiting;

/// What waits for the detectors that need the same lanes.
#[derive(Debug)]
pub struct Queue {
    /// What they need.
    pub needs: Lanes,
    /// Everything up to this is let go by the tick that sets it.
    pub passed: Timestamp,
    /// What waits.
    pub waiting: Waiting,
    openings: Openings,
}

impl Queue {
    /// Returns the place of the queue for what `detector` needs, a new one if there is none.
    pub fn of(queues: &mut Vec<Self>, detector: &Detector) -> usize {
        let needs = detector.needs;
        queues.iter().position(|queue| queue.needs == needs).unwrap_or_else(|| {
            let (waiting, openings) = (Waiting::default(), Openings::default());
            queues.push(Self { needs, passed: Timestamp::MIN, waiting, openings });
            queues.len() - 1
        })
    }

    /// Lets a signal wait; if its detector takes steps `in_order`, a later step may turn out not to matter.
    pub fn push(&mut self, signal: Signal, in_order: bool) {
        if in_order && signal.step > 0 {
            self.waiting.push_aside(signal);
            return;
        }
        if in_order {
            self.openings.note(&signal);
        }
        self.waiting.push(signal);
    }

    /// Puts in order what the watermark has `reached`, and the oldest of what is more than `share`: up to
    /// [`Queue::passed`].
    pub fn put_in_order(&mut self, reached: Timestamp, share: usize, shards: &[Shard]) {
        self.openings.pass(self.passed);
        self.passed = reached.max(self.waiting.surplus(share)).max(self.passed);
        // What is let go early counts as evicted, whatever it would have come to.
        let early = self.passed > reached;
        let openings = &self.openings;
        let matters = |signal: &Signal| early || openings.may_have(signal) || is_known(shards, signal);
        self.waiting.put_in_order(self.passed, matters);
    }
}

/// Tells whether a detector follows the entity that `signal` is about.
fn is_known(shards: &[Shard], signal: &Signal) -> bool {
    let table = shards.get(usize::from(signal.shard)).and_then(|shard| shard.tables.get(usize::from(signal.detector)));
    table.is_some_and(|table| table.as_ref().is_some_and(|table| table.get(Key::from(signal.key)).is_some()))
}
