//! Workers: batches in, what they made of them out, in the order they went in.
//!
//! One worker needs no thread: the work is done where it is asked for. More of them take batches
//! from a bounded channel; what comes back early waits in a map of at most as many batches as
//! are under way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use bumpalo::Bump;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::detection::Told;
use crate::telemetry::Batch;

use super::{Stage, Worked};

/// Batches under way for each worker: one in work, the rest so that none ever waits.
const AHEAD: usize = 3;

/// Workers that share one [`Stage`]; the stage can be replaced between batches.
#[derive(Debug)]
pub struct Crew {
    stage: Arc<ArcSwap<Stage>>,
    threads: Vec<JoinHandle<()>>,
    to: Option<Sender<(u64, Batch)>>,
    from: Receiver<(u64, Worked)>,
    back: Sender<(u64, Worked)>,
    arena: Bump,
    told: Told,
    next_in: u64,
    next_out: u64,
    early: BTreeMap<u64, Worked>,
    ahead: usize,
}

impl Crew {
    /// Starts `workers` workers; with one, [`Crew::submit`] itself does the work.
    pub fn new(workers: usize, stage: Arc<ArcSwap<Stage>>) -> Self {
        let ahead = workers.max(1) * AHEAD;
        let (to, batches) = bounded::<(u64, Batch)>(ahead);
        let (back, from) = bounded(ahead);
        let threads = (0..if workers > 1 { workers } else { 0 })
            .filter_map(|n| {
                let (stage, batches, back) = (stage.clone(), batches.clone(), back.clone());
                let run = move || {
                    let (mut arena, mut told) = (Bump::new(), Told::default());
                    for (number, batch) in batches {
                        if back.send((number, stage.load().work_on(&batch, &mut arena, &mut told))).is_err() {
                            return;
                        }
                    }
                };
                std::thread::Builder::new().name(format!("worker-{n}")).spawn(run).ok()
            })
            .collect::<Vec<_>>();
        let to = (!threads.is_empty()).then_some(to);
        Self {
            stage,
            threads,
            to,
            from,
            back,
            arena: Bump::new(),
            told: Told::default(),
            next_in: 0,
            next_out: 0,
            early: BTreeMap::new(),
            ahead,
        }
    }

    /// Replaces the stage by what `change` makes of it; batches under way may go by either.
    pub fn replace(&self, change: impl FnOnce(&Stage) -> Stage) {
        self.stage.store(Arc::new(change(&self.stage.load())));
    }

    /// Tells whether another batch may be submitted before one is taken back.
    pub fn has_room(&self) -> bool {
        self.under_way() < self.ahead
    }

    /// Returns how many batches were submitted and not yet taken back.
    pub fn under_way(&self) -> usize {
        usize::try_from(self.next_in - self.next_out).unwrap_or(usize::MAX)
    }

    /// Gives a batch to the workers. Call only while there is room.
    pub fn submit(&mut self, batch: Batch) {
        let number = self.next_in;
        self.next_in += 1;
        let left = match &self.to {
            Some(to) => to.send((number, batch)).err().map(|returned| returned.into_inner().1),
            None => Some(batch),
        };
        if let Some(batch) = left {
            self.early.insert(number, self.stage.load().work_on(&batch, &mut self.arena, &mut self.told));
        }
    }

    /// Returns what was made of the oldest batch under way, waiting for it; `None` if there is none.
    pub fn take(&mut self) -> Option<Worked> {
        while self.next_out < self.next_in {
            if let Some(worked) = self.early.remove(&self.next_out) {
                self.next_out += 1;
                return Some(worked);
            }
            let (number, worked) = self.from.recv().ok()?;
            self.early.insert(number, worked);
        }
        None
    }

    /// Returns what was made of the oldest batch under way if it is ready.
    pub fn try_take(&mut self) -> Option<Worked> {
        while let Ok((number, worked)) = self.from.try_recv() {
            self.early.insert(number, worked);
        }
        let worked = self.early.remove(&self.next_out)?;
        self.next_out += 1;
        Some(worked)
    }

    /// Returns the channel on which finished batches arrive, to wait on beside others.
    pub fn ready(&self) -> &Receiver<(u64, Worked)> {
        &self.from
    }

    /// Takes in what [`Crew::ready`] handed out.
    pub fn arrived(&mut self, (number, worked): (u64, Worked)) {
        self.early.insert(number, worked);
    }
}

impl Drop for Crew {
    /// Lets the workers finish what they have and end.
    fn drop(&mut self) {
        self.to = None;
        let (dead, _) = bounded(0);
        self.back = dead;
        while self.from.try_recv().is_ok() {}
        for thread in self.threads.drain(..) {
            while !thread.is_finished() {
                while self.from.recv_timeout(std::time::Duration::from_millis(5)).is_ok() {}
            }
            drop(thread.join());
        }
    }
}
