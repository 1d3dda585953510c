//! The coordinator: one thread that owns everything with state, and its rhythm.
//!
//! Batches come in from the sources, go to the workers and come back in order; what they made is
//! absorbed, evaluated ten times a second, and becomes durable an epoch at a time: after five
//! seconds, 300 ms after something to tell, or after half a million records. While the store
//! can't be written nothing more is read, so nothing is lost; pages go on reading.

use std::collections::BTreeMap;
use std::time::Duration;

use crossbeam_channel::{Receiver, never, select};

use crate::alerts::{Done, Transition};
use crate::clock::Timestamp;
use crate::store::{Epoch, StoreError};

use super::parts::{Ask, DaemonParts};
use super::retries::RetryReader;
use super::supervise::FromSource;

mod ending;
mod people;
mod posture;
mod surround;

/// How long an epoch lasts when there is nothing to tell.
const EPOCH: Duration = Duration::from_secs(5);
/// How long something to tell may wait for company.
const TELL: Duration = Duration::from_millis(300);
/// Records after which an epoch ends whatever the time.
const EPOCH_RECORDS: u64 = 500_000;
/// How often the watermarks are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long streams may take to come back after a restart before detection goes on without them.
const COME_BACK: Duration = Duration::from_mins(1);
/// How long Azure may take to deliver: silence shorter than this says nothing.
const DELIVERY: Duration = Duration::from_mins(5);
/// After this long without a failing source, detection goes on without its streams.
const WITHOUT: Duration = Duration::from_mins(1);
/// How often the store is tidied and the outbox counted.
const PRUNE: Duration = Duration::from_secs(15);

/// Why the daemon stopped.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The store failed in a way that trying again does not mend.
    #[error("{0}")]
    Store(StoreError),
}

/// The running coordinator.
#[derive(Debug)]
pub struct Daemon {
    parts: DaemonParts,
    retries: RetryReader,
    pending: Vec<(Transition, Timestamp)>,
    answers: Vec<(people::Reply, Done)>,
    held: people::Held,
    /// An epoch that could not be committed yet, and who waits for it.
    unsaved: Option<(Epoch, Vec<(people::Reply, Done)>)>,
    dirty: bool,
    /// Whether a message to people has waited long enough.
    message: bool,
    records_since_epoch: u64,
    last_epoch: Duration,
    told_since: Option<Duration>,
    last_tick: Duration,
    last_record: Duration,
    last_orders: Duration,
    last_prune: Duration,
    reckoned: posture::Reckoned,
    next_try: Duration,
    began: Duration,
    failing: BTreeMap<usize, String>,
    /// Since when each failing source has not read.
    failing_since: BTreeMap<usize, Duration>,
}

impl Daemon {
    /// Returns a coordinator that has not begun.
    pub fn new(parts: DaemonParts) -> Self {
        let now = parts.clock.elapsed();
        Self {
            parts,
            retries: RetryReader::default(),
            pending: Vec::new(),
            answers: Vec::new(),
            held: people::Held::default(),
            unsaved: None,
            dirty: false,
            message: false,
            records_since_epoch: 0,
            last_epoch: now,
            told_since: None,
            last_tick: now,
            last_record: now,
            last_orders: now,
            last_prune: now,
            reckoned: posture::Reckoned::default(),
            next_try: now,
            began: now,
            failing: BTreeMap::new(),
            failing_since: BTreeMap::new(),
        }
    }

    /// Runs until `stop` says so (or is dropped), then makes the last epoch durable; returns
    /// whether it could. What it could not is read again after the next start.
    ///
    /// # Errors
    ///
    /// [`DaemonError::Store`] when the store fails in a way that waiting does not mend.
    pub fn run(mut self, stop: &Receiver<()>) -> Result<bool, DaemonError> {
        loop {
            while let Some(worked) = self.parts.crew.try_take() {
                self.absorb(worked);
            }
            self.beat()?;
            let stuck = self.unsaved.is_some() || self.parts.outputs.is_stuck();
            let batches = if self.parts.crew.has_room() && !stuck && !self.reads_first() {
                self.parts.batches.clone()
            } else {
                never()
            };
            let asks = if stuck { never() } else { self.parts.asks.clone() };
            select! {
                recv(self.parts.crew.ready()) -> arrived => {
                    if let Ok(arrived) = arrived { self.parts.crew.arrived(arrived) }
                }
                recv(batches) -> message => match message {
                    Ok(message) => self.source(message),
                    Err(_) => std::thread::sleep(TICK),
                },
                recv(asks) -> ask => if let Ok(ask) = ask { self.ask(ask)? },
                recv(stop) -> _ => return self.end(),
                default(TICK / 2) => {}
            }
        }
    }

    fn source(&mut self, message: FromSource) {
        match message {
            FromSource::Batch { source, batch, lag, starts, kept, complaint, remark, well } => {
                self.parts.core.begins(&starts);
                if well {
                    self.failing_since.remove(&source);
                }
                if well && self.failing.remove(&source).is_some() {
                    self.parts.watch.source_well(&self.parts.sources[source]);
                }
                self.parts.watch.lag(&self.parts.streams, &lag);
                self.parts.watch.spooled(source, kept);
                self.parts.watch.source_complains(source, complaint);
                self.parts.watch.source_remarks(source, remark);
                if !batch.is_empty() {
                    self.parts.crew.submit(batch);
                }
            }
            FromSource::Failing { source, says } => {
                self.parts.watch.source_failing(&self.parts.sources[source], &says);
                self.failing.insert(source, says);
                self.failing_since.entry(source).or_insert(self.parts.clock.elapsed());
            }
            FromSource::Ended { source } => {
                self.failing_since.remove(&source);
                // What failed last will not be well again: that stays said.
                if let Some(says) = self.failing.remove(&source) {
                    self.parts.core.go_on_without(&self.parts.sources[source].name);
                    self.parts.watch.source_complains(source, Some(says));
                    return;
                }
                self.parts.watch.source_ended(&self.parts.sources[source]);
            }
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<(), DaemonError> {
        match ask {
            Ask::Deed(deed, origin, reply) => self.deed(&deed, origin, reply),
            Ask::Surround(reread) => self.surround(*reread)?,
            Ask::DetectorsRefused(says) => self.parts.watch.detectors_refused(says),
            Ask::Configured(reading) => self.configured(*reading)?,
            Ask::Unread => self.reckoned.read = true,
            Ask::Drifted(drifts) => self.drifted(drifts),
            Ask::Settled(settled) => {
                let now = self.parts.clock.now();
                self.parts.watch.delivery(&settled, now);
                self.parts.deliveries.settled(&mut self.parts.store, settled, now).or_else(ignore_full)?;
            }
        }
        Ok(())
    }

    fn absorb(&mut self, mut worked: super::Worked) {
        for message in &mut worked.messages {
            if let Some(bytes) = message.redacted.take()
                && !self.parts.core.is_retried(message.stream)
                && let Some(name) = self.parts.streams.name(message.stream)
            {
                self.parts.outputs.append(&name, message.offset, &bytes);
            }
        }
        let marked = !worked.marks.is_empty();
        let done = self.parts.core.absorb(worked);
        if done.retried != (0, 0) {
            // Somebody waits to see what became of them.
            self.told_since.get_or_insert(self.parts.clock.elapsed());
        }
        if done.records > 0 {
            self.last_record = self.parts.clock.elapsed();
        }
        self.records_since_epoch += done.records;
        self.dirty |= marked || !done.messages.is_empty();
        self.parts.watch.absorbed(&done, &self.parts.streams, &self.parts.core);
        self.parts.watch.ahead(self.parts.core.news());
    }

    /// What is due by now: evaluation, silence, an epoch, deliveries, orders to sources.
    fn beat(&mut self) -> Result<(), DaemonError> {
        let now = self.parts.clock.elapsed();
        self.order(now);
        if now.saturating_sub(self.last_tick) >= TICK || self.records_since_epoch >= EPOCH_RECORDS {
            self.last_tick = now;
            self.come_back(now);
            self.go_on_without(now);
            self.silence(now);
            self.end_silences();
            let transitions = self.parts.core.tick();
            self.tell(transitions);
            self.parts.watch.ahead(self.parts.core.news());
            self.message |= self.parts.deliveries.is_due(self.parts.clock.now());
            self.deliver()?;
            let stuck = self.unsaved.is_some() || self.parts.outputs.is_stuck();
            self.retries.take_up(&mut self.parts, stuck, now).or_else(ignore_full)?;
            if !stuck {
                self.caught_up()?;
            }
            self.reckon(now, false);
            self.prune(now)?;
            self.parts.watch.beat(&self.parts.core, &self.failing, self.unsaved.is_some(), self.parts.clock.now(), now);
        }
        let since = now.saturating_sub(self.last_epoch);
        let telling = self.told_since.is_some_and(|since| now.saturating_sub(since) >= TELL);
        let changed = self.dirty || !self.pending.is_empty();
        let due = telling || self.message || (changed && since >= EPOCH) || self.records_since_epoch >= EPOCH_RECORDS;
        if self.unsaved.is_some() || due {
            self.epoch(now)?;
        }
        Ok(())
    }

    fn come_back(&mut self, now: Duration) {
        if self.parts.core.is_recovering() && now.saturating_sub(self.began) > COME_BACK {
            for stream in self.parts.core.stop_recovering() {
                self.parts.watch.never_came_back(&self.parts.streams, stream);
            }
        }
    }

    /// One source that can't read must not hold detection back for all others.
    fn go_on_without(&mut self, now: Duration) {
        for (&source, &since) in &self.failing_since {
            if now.saturating_sub(since) > WITHOUT {
                self.parts.core.go_on_without(&self.parts.sources[source].name);
            }
        }
    }

    /// Tells whether a source has failed for so short a time that all others wait for it.
    fn is_waited_for(&self, now: Duration) -> bool {
        let is_short = |since: &Duration| now.saturating_sub(*since) <= WITHOUT;
        let is_new = |source: &usize| self.failing_since.get(source).is_none_or(is_short);
        self.failing.keys().any(is_new)
    }

    /// In total silence event time moves on with the clock, so that what is missing is noticed.
    fn silence(&mut self, now: Duration) {
        let quiet = now.saturating_sub(self.last_record);
        let watermarks = self.parts.core.watermarks();
        let calm = !self.is_waited_for(now) && !self.parts.core.is_recovering() && watermarks.all_at_end();
        let idle = self.parts.crew.under_way() == 0 && self.parts.batches.is_empty();
        let Some(from) = self.parts.core.silent_from() else { return };
        if calm && idle && quiet >= self.parts.settings.silence {
            // What waits is released first; beyond that event time follows the clock only behind
            // the time that Azure may take to deliver, lest a late batch be late for good, and only
            // if silence is all that there is: of a source that can't read nobody knows.
            let passed = if self.failing.is_empty() { quiet.saturating_sub(DELIVERY).as_secs() / 10 * 10 } else { 0 };
            let passed = Duration::from_secs(passed);
            if self.parts.core.advance_once(from.plus(passed)) {
                self.dirty = true;
                let transitions = self.parts.core.tick();
                self.tell(transitions);
                let held_back = self.parts.core.flush();
                self.tell(held_back);
            }
        }
    }

    /// Takes all that was done so far into one epoch, and who waits for it; what comes from now on is the next one's.
    fn make_epoch(&mut self) -> (Epoch, Vec<(people::Reply, Done)>) {
        let mut epoch = self.parts.core.epoch(std::mem::take(&mut self.pending), self.parts.clock.now());
        self.put_held(&mut epoch);
        self.outbox(&mut epoch);
        (self.records_since_epoch, self.dirty, self.message, self.told_since) = (0, false, false, None);
        (epoch, std::mem::take(&mut self.answers))
    }

    fn epoch(&mut self, now: Duration) -> Result<(), DaemonError> {
        if now < self.next_try {
            return Ok(());
        }
        if let Err(says) = self.parts.outputs.flush() {
            self.parts.watch.output_failing(&says);
            self.next_try = now + Duration::from_secs(1);
            return Ok(());
        }
        let (mut epoch, answers) = self.unsaved.take().unwrap_or_else(|| self.make_epoch());
        match self.parts.store.commit(&epoch) {
            Ok(()) => {}
            Err(StoreError::Full(says) | StoreError::Busy(says)) => {
                self.parts.watch.store_full(&says);
                self.unsaved = Some((epoch, answers));
                self.next_try = now + Duration::from_secs(1);
                return Ok(());
            }
            Err(error) => return Err(DaemonError::Store(error)),
        }
        self.parts.core.committed(&epoch);
        let took = self.parts.clock.elapsed().saturating_sub(now);
        let transitions = std::mem::take(&mut epoch.transitions);
        self.parts.watch.committed(&transitions, &self.parts.core, took, self.parts.clock.now());
        for (reply, done) in answers {
            drop(reply.send(Ok(done)));
        }
        self.last_epoch = self.parts.clock.elapsed();
        let positions = self.parts.core.positions().into_iter();
        let (committed, reopening) =
            (positions.map(|at| (at.stream, at.resume)).collect::<Vec<_>>(), self.parts.core.reopening());
        for orders in &self.parts.orders {
            orders.send_modify(|orders| {
                orders.committed.clone_from(&committed);
                orders.reopening.clone_from(&reopening);
            });
        }
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), DaemonError> {
        let now = self.parts.clock.now();
        self.parts.deliveries.start(&mut self.parts.store, now).or_else(ignore_full)
    }

    /// Lets go what the store no longer has to keep, a little at a time.
    fn prune(&mut self, now: Duration) -> Result<(), DaemonError> {
        if now.saturating_sub(self.last_prune) < PRUNE || self.unsaved.is_some() {
            return Ok(());
        }
        self.last_prune = now;
        match self.parts.store.prune(&self.parts.settings.store, self.parts.clock.now()) {
            Ok(pruned) => self.parts.watch.pruned(&pruned),
            Err(error) => ignore_full(error)?,
        }
        let waiting = crate::store::Reader::open(&self.parts.settings.data).and_then(|reader| reader.waiting());
        self.parts.deliveries.show(&mut self.parts.watch, &waiting.unwrap_or_default());
        Ok(())
    }

    /// Pauses partitions that are far ahead: what they hold would only wait in memory.
    fn order(&mut self, now: Duration) {
        if now.saturating_sub(self.last_orders) < self.parts.core.orders_stand() {
            return;
        }
        self.last_orders = now;
        let hold = self.parts.core.to_hold();
        for orders in &self.parts.orders {
            orders.send_if_modified(|orders| {
                let changed = orders.hold != hold;
                orders.hold.clone_from(&hold);
                changed
            });
        }
    }
}

/// A full disk, or another program, only puts off what the outbox keeps: it is tried again with the next beat.
fn ignore_full(error: StoreError) -> Result<(), DaemonError> {
    match error {
        StoreError::Full(_) | StoreError::Busy(_) => Ok(()),
        error => Err(DaemonError::Store(error)),
    }
}
