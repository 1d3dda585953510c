//! Stage 2: everything with state, under one owner.
//!
//! A [`Core`] absorbs what workers made of batches, evaluates what the watermarks allow, and
//! says at any moment what an epoch must hold for a restart to go on exactly there. Signals that
//! still wait for their watermark are not stored: after a restart their records are read again,
//! and until all of them are, nothing is evaluated.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::alerts::{AlertBook, Transition};
use crate::clock::{Lanes, Timestamp, Watermarks};
use crate::detection::{Detectors, Engine, Finding};
use crate::redaction::Link;
use crate::store::{Accounting, NewDeadLetter, Reload};
use crate::telemetry::{Category, Mark, Position, StreamId, Streams};

use super::coming::Coming;
use super::duplicates::Duplicates;
use super::gone::Gone;
use super::listening::ElementHeard;
use super::people::People;
use super::posture::Posture;
use super::retries::Retries;
use super::surroundings::Surroundings;
use super::tally::{CATEGORIES, Queue, Tally};
use super::uses::Noting;
use super::worker::{MessageSeen, RecordSeen};
use super::{CoreSettings, Worked};

/// Dead letters kept between two epochs; more are counted, not kept.
const DEAD_LETTERS_AN_EPOCH: usize = 10_000;
/// No more links are taken between two epochs once there are so many; what is left out has none.
const LINKS_AN_EPOCH: usize = 100_000;

/// What absorbing one batch did, for those who count and show.
#[derive(Debug, Default)]
pub struct Absorbed {
    /// Messages absorbed for the first time, by stream.
    pub messages: BTreeMap<StreamId, (u64, u64)>,
    /// What came of each app and gateway.
    pub elements: Vec<ElementHeard>,
    /// Records absorbed for the first time.
    pub records: u64,
    /// Offsets that the broker no longer had.
    pub gaps: Vec<(StreamId, i64, i64)>,
    /// Dead letters that were tried again: those that decoded and those that failed.
    pub retried: (u64, u64),
    /// Streams that are no longer read.
    pub closed: Vec<StreamId>,
    /// Writes to the control plane that it tells of.
    pub written: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// The offset to go on at after everything absorbed.
    pub(super) absorbed: i64,
    /// After a restart: below this, records only restore waiting signals.
    pub(super) known_until: i64,
    /// How far they have been read again: what waited beyond the engine does not know yet.
    pub(super) again: i64,
    /// What the last epoch said of it: where to resume, and how far it was absorbed.
    pub(super) told: Option<(i64, i64)>,
}

/// Duplicates, watermarks, detectors and alerts, with what each epoch must hold.
#[derive(Debug)]
pub struct Core {
    pub(super) detectors: Arc<Detectors>,
    pub(super) streams: Streams,
    pub(super) duplicates: Duplicates,
    pub(super) watermarks: Watermarks,
    pub(super) engine: Engine,
    pub(super) book: AlertBook,
    pub(super) progress: BTreeMap<StreamId, Progress>,
    /// Streams whose waiting records have not all been read again yet.
    pub(super) recovering: BTreeSet<StreamId>,
    /// Streams known from before the restart that no source has spoken of yet: they hold event time.
    pub(super) awaited: BTreeSet<StreamId>,
    /// Streams that had been read to their end when they were last heard of.
    pub(super) live: BTreeSet<StreamId>,
    /// Streams that event time goes on without because their source can't read.
    pub(super) set_aside: BTreeSet<StreamId>,
    /// Files that are nowhere to be found any more.
    pub(super) gone: Gone,
    pub(super) accounting: Accounting,
    /// Records decoded since the start, by lane.
    pub(super) decoded: [u64; CATEGORIES],
    /// Records forgotten early before the restart.
    pub(super) forgotten_before: u64,
    pub(super) dead_letters: Vec<NewDeadLetter>,
    pub(super) retries: Retries,
    pub(super) people: People,
    /// Fingerprints that got another since the last epoch: as many as the redactor gives out.
    pub(super) links: Vec<Link>,
    /// What was seen of keys since the last epoch.
    pub(super) keys: Noting,
    pub(super) streams_stored: usize,
    /// How far silence has moved event time.
    pub(super) advanced: Timestamp,
    /// How far it had when this core was restored: silence goes on from there.
    pub(super) advanced_before: Timestamp,
    /// How far each detector had evaluated when this core was restored.
    pub(super) released: Vec<Timestamp>,
    pub(super) durable: bool,
    /// Events that each detector has matched since the start.
    pub(super) matched: Vec<u64>,
    /// Exceptions and owners, as stage 2 needs them.
    pub(super) surroundings: Surroundings,
    /// Reloads that the next epoch says of.
    pub(super) reloads: Vec<Reload>,
    pub(super) findings: BTreeMap<(&'static str, &'static str), u64>,
    /// Matches that people may see before their alerts open.
    pub(super) coming: Coming,
    /// What the threat model needs.
    pub(super) posture: Posture,
}

impl Core {
    /// Returns a core with empty state.
    pub fn new(detectors: Arc<Detectors>, streams: Streams, settings: &CoreSettings) -> Self {
        let (many, coming) = (detectors.all.len(), Coming::of(&detectors));
        Self {
            engine: Engine::new(detectors.clone(), settings.engine),
            book: AlertBook::new(settings.book.clone()),
            duplicates: Duplicates::new(settings.duplicates_window, settings.max_remembered, settings.durable),
            watermarks: Watermarks::new(settings.lateness, settings.idle),
            detectors,
            streams,
            progress: BTreeMap::new(),
            recovering: BTreeSet::new(),
            awaited: BTreeSet::new(),
            live: BTreeSet::new(),
            set_aside: BTreeSet::new(),
            gone: Gone::default(),
            accounting: Accounting::default(),
            decoded: [0; CATEGORIES],
            forgotten_before: 0,
            dead_letters: Vec::new(),
            retries: Retries::default(),
            people: People::default(),
            links: Vec::new(),
            keys: Noting::default(),
            streams_stored: 0,
            advanced: Timestamp::MIN,
            advanced_before: Timestamp::MIN,
            released: Vec::new(),
            durable: settings.durable,
            matched: vec![0; many],
            surroundings: Surroundings::default(),
            reloads: Vec::new(),
            findings: BTreeMap::new(),
            coming,
            posture: Posture::new(settings.counts_for),
        }
    }

    /// Takes in what a worker made of a batch. Batches of one stream must come in order.
    pub fn absorb(&mut self, worked: Worked) -> Absorbed {
        let mut done = Absorbed::default();
        let Worked { messages, records, signals, held, dead, listening, seeing, redactions, links, uses, marks } =
            worked;
        if self.durable && self.links.len() < LINKS_AN_EPOCH {
            self.links.extend(links);
        }
        let mut dead: Vec<Option<NewDeadLetter>> = dead.into_iter().map(Some).collect();
        let mut fresh_batch = false;
        let signals = Queue { rest: signals.into_iter(), at: 0 };
        let mut batch = Tally { signals, held, uses, stream: None, newest: [None; CATEGORIES] };
        self.duplicates.expect(records.iter().map(|record| record.hash));
        for message in &messages {
            self.awaited.remove(&message.stream);
            if self.set_aside.remove(&message.stream) {
                self.watermarks.at_end(message.stream.0, false);
            }
            let progress = self.progress.entry(message.stream).or_default();
            let again = message.offset < progress.known_until;
            if message.next <= if again { progress.again } else { progress.absorbed } {
                // Handed out twice within one run: by a source that was opened anew.
                continue;
            }
            progress.absorbed = progress.absorbed.max(message.next);
            // What comes beyond says that nothing more is read again.
            progress.again = progress.again.max(if again { message.next } else { progress.known_until });
            if again {
                self.reread(message, &records, &mut batch.signals);
                continue;
            }
            self.recovering.remove(&message.stream);
            if self.retries.are(message.stream, &self.streams) {
                self.observe(&mut batch);
                self.retried(message, &records, &dead, &mut batch, &mut done);
                continue;
            }
            fresh_batch = true;
            self.count_message(message, &mut dead, &mut done);
            if Some(message.stream) != batch.stream {
                self.observe(&mut batch);
                batch.stream = Some(message.stream);
            }
            for record in &records[message.records.start as usize..message.records.end as usize] {
                self.record(message, record, &mut batch);
            }
        }
        self.observe(&mut batch);
        self.keys.settle(&batch.uses);
        if fresh_batch {
            let live = messages.iter().all(|message| self.live.contains(&message.stream));
            done.elements = listening.into_elements(live);
            done.written = self.hear(&done.elements, seeing);
            for (kind, n) in redactions {
                *self.accounting.redactions.entry(kind.to_string()).or_default() += n;
            }
        }
        for mark in marks {
            self.mark(&mark, &mut done);
        }
        done
    }

    fn count_message(&mut self, message: &MessageSeen, dead: &mut [Option<NewDeadLetter>], done: &mut Absorbed) {
        let records = u64::from(message.records.end - message.records.start);
        let lost = u64::from(message.dead.end - message.dead.start);
        self.accounting.messages += 1;
        self.accounting.records += records + lost;
        self.accounting.bytes += u64::from(message.size);
        done.records += records + lost;
        let seen = done.messages.entry(message.stream).or_default();
        *seen = (seen.0 + 1, seen.1 + u64::from(message.size));
        for letter in dead[message.dead.start as usize..message.dead.end as usize].iter_mut().filter_map(Option::take) {
            *self.accounting.dead_letters.entry(letter.reason.to_owned()).or_default() += 1;
            if self.durable && self.dead_letters.len() < DEAD_LETTERS_AN_EPOCH {
                self.dead_letters.push(letter);
            }
        }
    }

    /// A message that was absorbed before the restart: only what still waited is taken up again.
    fn reread(&mut self, message: &MessageSeen, records: &[RecordSeen], signals: &mut Queue) {
        for record in &records[message.records.start as usize..message.records.end as usize] {
            let position = Position { stream: message.stream, offset: message.offset, index: record.index };
            if self.duplicates.first(record.hash).is_some_and(|first| first != position) {
                continue;
            }
            for signal in signals.of(&record.signals) {
                // As of the restart: what has been released since has not been seen with this signal.
                let released = self.released.get(usize::from(signal.detector)).copied().unwrap_or(Timestamp::MIN);
                if signal.time > released {
                    self.engine.apply(signal);
                }
            }
        }
        if self.progress.get(&message.stream).is_none_or(|known| known.again >= known.known_until) {
            self.recovering.remove(&message.stream);
        }
    }

    fn mark(&mut self, mark: &Mark, done: &mut Absorbed) {
        match *mark {
            Mark::Opened(stream) => {
                self.awaited.remove(&stream);
                self.gone.back(stream);
                self.watermarks.open(stream.0);
            }
            Mark::AtEnd(stream, at_end) => {
                self.awaited.remove(&stream);
                self.watermarks.at_end(stream.0, at_end);
                if at_end {
                    self.recovering.remove(&stream);
                    self.live.insert(stream);
                    self.ends_before(stream);
                } else {
                    self.live.remove(&stream);
                }
            }
            Mark::Closed(stream) => {
                self.watermarks.close(stream.0);
                self.live.remove(&stream);
                self.awaited.remove(&stream);
                self.recovering.remove(&stream);
                done.closed.push(stream);
            }
            Mark::Gone(stream) => self.gone.say(stream),
            Mark::Gap { stream, from, to } => {
                self.accounting.lost_upstream += u64::try_from(to - from).unwrap_or(0);
                // Nor will it come again.
                if let Some(progress) = self.progress.get_mut(&stream) {
                    (progress.absorbed, progress.again) = (progress.absorbed.max(to), progress.again.max(to));
                }
                done.gaps.push((stream, from, to));
            }
        }
    }

    /// Evaluates what the watermarks allow. Does nothing while records are still read again.
    pub fn tick(&mut self) -> Vec<Transition> {
        if !self.recovering.is_empty() {
            return Vec::new();
        }
        let findings = self.engine.tick(&self.watermarks);
        let findings = self.surround(findings);
        self.count(&findings);
        let mut transitions = self.book.apply(&self.detectors, findings);
        let intended = self.surroundings.intended.clone();
        transitions.extend(self.end_acceptances(self.watermarks.of(Lanes::ALL), &intended));
        transitions.extend(self.book.tick(&self.detectors, &self.watermarks));
        self.coming.settle(|detector, at| self.engine.evaluated(detector, at));
        transitions
    }

    pub(super) fn count(&mut self, findings: &[Finding]) {
        for finding in findings.iter().filter(|finding| finding.fired) {
            if let Some(detector) = self.detectors.named(&finding.detector) {
                *self.findings.entry((detector.family.name(), finding.level.name())).or_default() += 1;
            }
        }
    }

    /// Returns where event time stands when a silence begins: at the newest event, or where a
    /// silence before the restart has moved it.
    pub fn silent_from(&self) -> Option<Timestamp> {
        self.watermarks.newest().map(|newest| newest.max(self.advanced_before))
    }

    /// Moves event time on to `to` in total silence, if it is not there yet; returns whether it
    /// moved. The next epoch holds it with what follows from it, so that a restart sees the same.
    pub fn advance_once(&mut self, to: Timestamp) -> bool {
        if self.advanced >= to {
            return false;
        }
        self.advanced = to;
        self.watermarks.advance(to);
        true
    }

    /// Lets go what throttling holds back: nothing is going on, so there is nothing to wait for.
    pub fn flush(&mut self) -> Vec<Transition> {
        self.book.finish()
    }

    /// Ends a replay: everything waiting is evaluated at the final watermark.
    pub fn finish(&mut self) -> Vec<Transition> {
        self.watermarks.finish();
        let mut transitions = self.tick();
        transitions.extend(self.book.finish());
        transitions
    }

    /// Returns the counters as they are now.
    pub fn accounting(&self) -> Accounting {
        let mut now = self.accounting.clone();
        for (category, n) in Category::ALL.into_iter().zip(self.decoded).filter(|(_, n)| *n > 0) {
            *now.decoded.entry(category.name().to_owned()).or_default() += n;
        }
        now.late = self.engine.late();
        now.evicted = self.engine.evicted() + self.duplicates.forgotten_early() + self.forgotten_before;
        now
    }

    /// Returns how far event time has come.
    pub fn watermarks(&self) -> &Watermarks {
        &self.watermarks
    }

    /// Returns the detectors that run.
    pub fn detectors(&self) -> &Detectors {
        &self.detectors
    }

    /// Returns the alerts in the book.
    pub fn book(&self) -> &AlertBook {
        &self.book
    }

    /// Returns the offset to go on at after everything absorbed of `stream`.
    pub fn absorbed_of(&self, stream: StreamId) -> i64 {
        self.progress.get(&stream).map_or(0, |progress| progress.absorbed)
    }

    /// Returns how many signals went to the engine since the start.
    pub fn signals(&self) -> u64 {
        self.matched.iter().sum()
    }

    /// Returns how many events each detector has matched since the start.
    pub fn matched(&self) -> &[u64] {
        &self.matched
    }

    /// Returns how often detectors have fired since the start, by family and level.
    pub fn findings(&self) -> &BTreeMap<(&'static str, &'static str), u64> {
        &self.findings
    }
}
