//! What does the polling thread do all day?
//!
//! It asks the cluster what there is, joins the group, and then polls: messages into a batch,
//! a full or old batch to the pipeline. It never waits for the pipeline without polling: when the
//! channel stays full it pauses every partition and goes on polling, so that the group does not
//! take it for dead, and resumes when half of the channel is free. One batch of [`FULL`] bytes is
//! in its hands, and librdkafka keeps 64 MB ahead of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::Offset;

use crate::clock::Clock;
use crate::sources::SourceError;
use crate::sources::pump::{NAP, Outlet};
use crate::telemetry::StreamId;

use super::assign::Assigner;
use super::cluster::Cluster;
use super::explain::Explainer;
use super::filling::Filling;
use super::track::Shared;

/// How many bytes make a batch full.
const FULL: usize = 256 * 1024;
/// How long a message waits for others.
const LINGER: Duration = Duration::from_millis(50);
/// How long the cluster has to answer a question.
pub(super) const ANSWER: Duration = Duration::from_secs(3);
/// How long the channel may stay full before the partitions are paused.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often positions are committed at most.
const COMMITS: Duration = Duration::from_secs(1);

/// How often the ends of paused partitions are asked for at most, and of how many.
const LOOKS: Duration = Duration::from_secs(1);
const LOOKED_AT: usize = 32;

/// The polling thread's own state.
pub(super) struct Poller {
    pub(super) consumer: BaseConsumer<Assigner>,
    pub(super) shared: Arc<Shared>,
    outlet: Outlet,
    pub(super) explainer: Explainer,
    topics: Vec<String>,
    cluster: Cluster,
    clock: Clock,
    filling: Filling,
    /// Since when a batch has found the channel full.
    full_since: Option<Duration>,
    /// Every partition is paused, for the channel stays full.
    paused: bool,
    /// The partitions that are paused because the pipeline asked for it.
    held: BTreeSet<StreamId>,
    committed: Option<Duration>,
    /// When the ends of paused partitions were last asked for.
    looked: Duration,
    /// Why the cluster has not answered, the last time it did not.
    reason: Option<(RDKafkaErrorCode, String)>,
    /// All brokers have been reported as away.
    down: bool,
    /// A connection was lost: perhaps they are away.
    suspected: bool,
    /// When they were last asked since then.
    asked: Duration,
}

/// The reader can't go on, and has said why; or nobody wants its batches any more.
struct Done;

impl Poller {
    pub(super) fn new(
        consumer: BaseConsumer<Assigner>,
        (shared, outlet, explainer): (Arc<Shared>, Outlet, Explainer),
        (topics, cluster): (Vec<String>, Cluster),
        clock: Clock,
    ) -> Self {
        Self {
            consumer,
            shared,
            outlet,
            explainer,
            topics,
            cluster,
            clock,
            filling: Filling::default(),
            full_since: None,
            paused: false,
            held: BTreeSet::new(),
            committed: None,
            looked: Duration::ZERO,
            reason: None,
            down: false,
            suspected: false,
            asked: Duration::ZERO,
        }
    }

    /// Reads until the pipeline drops the source or nothing more can be done.
    pub(super) fn run(mut self) {
        if self.join().is_ok() {
            while self.turn().is_ok() {}
        }
        self.consumer.unsubscribe();
    }

    /// Asks for the topics until the cluster answers, then joins the group.
    fn join(&mut self) -> Result<(), Done> {
        let known = loop {
            if self.outlet.closed() {
                return Err(Done);
            }
            match self.consumer.fetch_metadata(None, ANSWER) {
                Ok(metadata) => {
                    break metadata.topics().iter().map(|topic| topic.name().to_owned()).collect::<Vec<_>>();
                }
                Err(error) => self.unanswered(&error)?,
            }
        };
        let exact = self.topics.iter().filter(|topic| !topic.starts_with('^'));
        let missing: Vec<String> = exact.filter(|topic| !known.contains(topic)).cloned().collect();
        if !missing.is_empty() {
            let error = self.explainer.no_topic(&missing);
            return self.fail(error);
        }
        let other = self.cluster.meet(self.consumer.client().fetch_cluster_id(ANSWER));
        self.shared.lock().other_cluster = other;
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        self.shared.lock().take_trouble();
        let Err(error) = self.consumer.subscribe(&topics) else { return Ok(()) };
        let error = SourceError::Fatal(format!(
            "The topics {} could not be subscribed to: {}. A pattern must be a POSIX regular expression.",
            topics.join(", "),
            self.explainer.hidden(&error.to_string())
        ));
        self.fail(error)
    }

    /// Says why there is no answer; goes on asking unless that can't help.
    fn unanswered(&mut self, error: &KafkaError) -> Result<(), Done> {
        // The reasons wait in the queue.
        while let Some(Err(_)) = self.consumer.poll(Duration::from_millis(10)) {}
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        // librdkafka tells the same reason once only.
        self.reason = self.shared.lock().take_trouble().or(self.reason.take());
        let (code, reason) = self.reason.clone().unwrap_or_else(|| (code, error.to_string()));
        self.report(code, &reason)?;
        while !self.flush() {
            if self.outlet.closed() {
                return Err(Done);
            }
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Hands an error over, in its place behind what was read before it.
    fn report(&mut self, code: RDKafkaErrorCode, reason: &str) -> Result<(), Done> {
        self.finish_batch();
        match self.explainer.explain(code, reason) {
            SourceError::Transient(text) => {
                self.filling.ready.push_back(Err(SourceError::Transient(text)));
                Ok(())
            }
            fatal => self.fail(fatal),
        }
    }

    /// Hands over all there is, and `error` as the last of it.
    fn fail<T>(&mut self, error: SourceError) -> Result<T, Done> {
        self.finish_batch();
        let rest = std::mem::take(&mut self.filling.ready);
        let _ = rest.into_iter().chain([Err(error)]).all(|batch| self.outlet.send(batch));
        Err(Done)
    }

    /// Polls once and hands over what is due.
    fn turn(&mut self) -> Result<(), Done> {
        if self.outlet.closed() {
            return Err(Done);
        }
        self.obey();
        if !self.flush() {
            return self.wait_for_room();
        }
        self.ask_again()?;
        let idle = match self.consumer.poll(if self.paused { NAP } else { LINGER }) {
            None => true,
            Some(Ok(message)) => {
                self.down = false;
                self.filling.take(&message, &self.shared, &self.clock);
                false
            }
            Some(Err(error)) => {
                self.went_wrong(&error)?;
                false
            }
        };
        if self.shared.lock().resets > 0 {
            self.fill_gaps();
        }
        let waited = || self.clock.elapsed().saturating_sub(self.filling.since);
        let old = !self.filling.batch.messages.is_empty() && waited() >= LINGER;
        if idle || old || self.filling.batch.bytes.len() >= FULL {
            self.finish_batch();
        }
        Ok(())
    }

    /// After a connection was lost, asks now and then whether a broker is there, and says so while
    /// none is: librdkafka says it once or not at all, and a topic in which nothing happens would
    /// not show that they are back.
    fn ask_again(&mut self) -> Result<(), Done> {
        if !(self.down || self.suspected) || self.clock.elapsed().saturating_sub(self.asked) < ANSWER {
            return Ok(());
        }
        let answer = self.consumer.fetch_metadata(None, ANSWER);
        self.asked = self.clock.elapsed();
        let Err(error) = answer else {
            self.suspected = false;
            if std::mem::take(&mut self.down) {
                self.shared.lock().remind();
            }
            return Ok(());
        };
        self.down = true;
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        self.reason = self.shared.lock().take_trouble().or(self.reason.take());
        let (code, reason) = self.reason.clone().unwrap_or_else(|| (code, error.to_string()));
        self.report(code, &reason)
    }

    /// Puts the batch behind what waits to be handed over, with what there is to say about partitions.
    fn finish_batch(&mut self) {
        let filling = &mut self.filling;
        filling.batch.marks.append(&mut self.shared.lock().marks);
        if !filling.batch.is_empty() {
            filling.ready.push_back(Ok(std::mem::take(&mut filling.batch)));
        }
    }

    /// Hands over what waits, as far as there is room; `true` if nothing waits any more and
    /// reading may go on.
    fn flush(&mut self) -> bool {
        while let Some(batch) = self.filling.ready.pop_front() {
            if let Some(batch) = self.outlet.offer(batch) {
                self.filling.ready.push_front(batch);
                return false;
            }
        }
        self.full_since = None;
        if self.paused && self.outlet.has_room() {
            self.paused = false;
            self.pause(false, |id| !self.held.contains(&id));
        }
        true
    }

    /// Waits a moment while the channel is full; if that lasts, pauses and keeps in touch with the group.
    /// What goes wrong meanwhile is no less wrong: a position that is out of range is said once.
    fn wait_for_room(&mut self) -> Result<(), Done> {
        let now = self.clock.elapsed();
        let since = *self.full_since.get_or_insert(now);
        if !self.paused && now.saturating_sub(since) >= PATIENCE {
            self.paused = true;
            self.pause(true, |_| true);
        }
        if !self.paused {
            std::thread::sleep(Duration::from_millis(5));
            return Ok(());
        }
        match self.consumer.poll(NAP) {
            // Of a partition assigned just now; `obey` pauses it next.
            Some(Ok(message)) => self.filling.take(&message, &self.shared, &self.clock),
            Some(Err(error)) => self.went_wrong(&error)?,
            None => {}
        }
        Ok(())
    }

    /// Does what was asked for since the last turn.
    fn obey(&mut self) {
        let mut track = self.shared.lock();
        let reassigned = std::mem::take(&mut track.reassigned);
        let hold = std::mem::take(&mut track.hold_changed).then(|| track.hold.clone());
        drop(track);
        if let Some(hold) = hold {
            let before = std::mem::replace(&mut self.held, hold);
            self.pause(true, |id| self.held.contains(&id) && !before.contains(&id));
            if !self.paused {
                self.pause(false, |id| before.contains(&id) && !self.held.contains(&id));
            }
        }
        if reassigned && (self.paused || !self.held.is_empty()) {
            self.pause(true, |id| self.paused || self.held.contains(&id));
        }
        self.commit();
        self.look_ahead();
    }

    /// Asks where paused partitions end: what is not fetched has no lag in the statistics.
    fn look_ahead(&mut self) {
        let now = self.clock.elapsed();
        if (!self.paused && self.held.is_empty()) || now.saturating_sub(self.looked) < LOOKS {
            return;
        }
        self.looked = now;
        let of = |(topic, number, part): (&str, i32, &super::track::Part)| {
            (self.paused || self.held.contains(&part.id)).then(|| (topic.to_owned(), number))
        };
        let paused: Vec<(String, i32)> = self.shared.lock().assigned().filter_map(of).take(LOOKED_AT).collect();
        for (topic, number) in paused {
            let Ok((_, high)) = self.consumer.fetch_watermarks(&topic, number, LINGER * 4) else { return };
            self.shared.lock().ends(&topic, number, high);
        }
    }

    /// Tells the broker where reading has got to: a hint for lag tools, so that failing harms nothing.
    fn commit(&mut self) {
        let mut track = self.shared.lock();
        if track.commit.is_empty() && track.begun.is_empty() {
            return;
        }
        let now = self.clock.elapsed();
        if self.committed.is_some_and(|last| now.saturating_sub(last) < COMMITS) {
            return;
        }
        self.committed = Some(now);
        let begun = std::mem::take(&mut track.begun);
        let asked: BTreeMap<StreamId, i64> = std::mem::take(&mut track.commit).into_iter().collect();
        let mut places: BTreeMap<(String, i32), i64> = begun.into_iter().map(|(t, n, at)| ((t, n), at)).collect();
        places.extend(track.assigned().filter_map(|(topic, number, part)| {
            asked.get(&part.id).map(|&offset| ((topic.to_owned(), number), offset))
        }));
        drop(track);
        let mut list = TopicPartitionList::with_capacity(places.len());
        for ((topic, number), offset) in places {
            let _ = list.add_partition_offset(&topic, number, Offset::Offset(offset));
        }
        if list.count() > 0 {
            let _ = self.consumer.commit(&list, CommitMode::Async);
        }
    }

    /// Deals with an error from the queue.
    fn went_wrong(&mut self, error: &KafkaError) -> Result<(), Done> {
        use RDKafkaErrorCode as Code;
        if let KafkaError::PartitionEOF(partition) = error {
            let mut track = self.shared.lock();
            track.ended(*partition);
            if std::mem::take(&mut self.down) {
                track.remind();
            }
            return Ok(());
        }
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        match code {
            Code::AutoOffsetReset | Code::LogTruncation => {
                let mut track = self.shared.lock();
                track.resets += 1;
                // Only statistics from now on know that partition as stopped.
                track.measured = false;
                return Ok(());
            }
            // One of several brokers, or a hiccup: librdkafka connects again by itself.
            Code::BrokerTransportFailure | Code::OperationTimedOut | Code::Resolve | Code::PollExceeded => {
                if !std::mem::replace(&mut self.suspected, true) {
                    self.asked = self.clock.elapsed();
                }
                return Ok(());
            }
            Code::AllBrokersDown if self.down => return Ok(()),
            Code::AllBrokersDown => {
                self.down = true;
                self.asked = self.clock.elapsed();
            }
            _ => {}
        }
        let (code, reason) = self.shared.lock().take_trouble().unwrap_or_else(|| (code, error.to_string()));
        self.reason = Some((code, reason.clone()));
        self.report(code, &reason)
    }
}
