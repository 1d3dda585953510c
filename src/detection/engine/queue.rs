//! What waits for one watermark, and what of it is let go?
//!
//! Detectors that need the same lanes have one watermark, so what they are told waits together. A later step of a
//! sequence that nobody has begun is let go without being put in order: it changes no answer. (Taken in, it would
//! have let its table forget entities a little sooner than the next sweep does.) Detectors that see what others find
//! come after these, so theirs waits apart. What it is about is known there by a hash that costs little, and by a
//! sound one only once it matters.

use crate::clock::{Lanes, Timestamp};
use crate::detection::{Detector, Signal};

use super::Shard;
use super::evidence::key_of;
use super::key::Key;
use super::openings::Openings;
use super::waiting::Waiting;

/// What waits for the detectors that need the same lanes.
#[derive(Debug)]
pub struct Queue {
    /// What they need.
    pub needs: Lanes,
    /// Whether its detectors see what others find.
    pub after: bool,
    /// Everything up to this is let go by the tick that sets it.
    pub passed: Timestamp,
    /// What waits.
    pub waiting: Waiting,
    openings: Openings,
    /// Whether it lets go more than the watermark has reached.
    early: bool,
}

impl Queue {
    /// Returns the place of the queue for what `detector` needs, a new one if there is none.
    pub fn of(queues: &mut Vec<Self>, detector: &Detector) -> usize {
        let (needs, after) = (detector.needs, detector.counting.sees_findings());
        queues.iter().position(|queue| (queue.needs, queue.after) == (needs, after)).unwrap_or_else(|| {
            let (waiting, openings) = (Waiting::default(), Openings::default());
            queues.push(Self { needs, after, passed: Timestamp::MIN, waiting, openings, early: false });
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

    /// Lets a finding in that is evaluated with what waits; `in_order` as above.
    pub fn hear(&mut self, signal: Signal, in_order: bool) {
        if in_order && signal.step == 0 {
            self.openings.note(&signal);
        }
        self.waiting.push(signal);
    }

    /// Lets pass what the watermark has `reached`, and the oldest of what is more than `share`.
    pub fn pass(&mut self, reached: Timestamp, share: usize) {
        self.openings.pass(self.passed);
        self.passed = reached.max(self.waiting.surplus(share)).max(self.passed);
        // What is let go early counts as evicted, whatever it would have come to.
        self.early = self.passed > reached;
    }

    /// Puts in order what has been let pass.
    pub fn put_in_order(&mut self, shards: &[Shard]) {
        let (openings, early, after) = (&self.openings, self.early, self.after);
        let matters = |signal: &Signal| early || openings.may_have(signal) || is_known(shards, signal, after);
        self.waiting.put_in_order(self.passed, matters);
    }
}

/// Tells whether a detector follows the entity that `signal` is about.
fn is_known(shards: &[Shard], signal: &Signal, after: bool) -> bool {
    let table = shards.get(usize::from(signal.shard)).and_then(|shard| shard.tables.get(usize::from(signal.detector)));
    let Some(Some(table)) = table else { return false };
    let key = || if after { key_of(&signal.entity()) } else { signal.key };
    table.len() > 0 && table.get(Key::from(key())).is_some()
}
