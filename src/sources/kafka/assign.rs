//! Where does reading begin in a partition that the group has just given us?
//!
//! At our own position, assigned once: assigning at the broker's and seeking afterwards would
//! leave a window of wrong reads. A partition that was never read begins as `start` says, at a
//! fixed offset, and that offset is committed, so that a restart before the first epoch begins
//! there too. These are the only calls that wait inside a rebalance, for [`LIMIT`] each at most,
//! and for one that fails the rest is left to the broker.

use std::collections::BTreeSet;
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::base_consumer::BaseConsumer;
use rdkafka::consumer::{Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::KafkaError;
use rdkafka::statistics::Statistics;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use crate::clock::Timestamp;
use crate::sources::{ResumePoints, Start};
use crate::telemetry::{StreamName, Streams};

use super::track::{Part, Shared, Track};

/// How long a question to the broker may take inside a rebalance.
const LIMIT: Duration = Duration::from_secs(5);

/// What librdkafka calls back while it is polled.
pub(super) struct Assigner {
    pub(super) shared: std::sync::Arc<Shared>,
    pub(super) source: String,
    pub(super) streams: Streams,
    pub(super) resume: ResumePoints,
    pub(super) start: Start,
    /// When this reader was opened: what "latest" means for partitions that come later.
    pub(super) opened: Timestamp,
    /// Whether partitions have been assigned before.
    pub(super) before: std::sync::atomic::AtomicBool,
}

impl ClientContext for Assigner {
    /// Drops librdkafka's log: what matters comes as an error, and rooms do not log.
    fn log(&self, _: rdkafka::config::RDKafkaLogLevel, _: &str, _: &str) {}

    fn stats(&self, statistics: Statistics) {
        self.shared.lock().measure(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if let Some(code) = error.rdkafka_error_code()
            && code != RDKafkaErrorCode::PartitionEOF
        {
            self.shared.lock().trouble(code, reason);
        }
    }
}

impl ConsumerContext for Assigner {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let cooperative = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let done = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let places = self.places(consumer, list);
            let mut at = TopicPartitionList::with_capacity(list.count());
            for (topic, partition, offset) in &places {
                // Refuses negative offsets only, and those are never asked for.
                let _ = at.add_partition_offset(topic, *partition, *offset);
            }
            let mut track = self.shared.lock();
            for (topic, partition, offset) in &places {
                let next = if let Offset::Offset(next) = offset { Some(*next) } else { None };
                track.assign(topic, *partition, next, &self.source, &self.streams);
            }
            let strays = strays(&track, list);
            drop(track);
            let done = if cooperative { consumer.incremental_assign(&at) } else { consumer.assign(&at) };
            // What it holds is not read, so it need not be fetched.
            let _ = consumer.pause(&strays);
            done
        } else {
            let mut track = self.shared.lock();
            for gone in list.elements() {
                track.revoke(gone.topic(), gone.partition());
            }
            drop(track);
            // One that is paused would come back paused, and nobody would know: librdkafka keeps that.
            let _ = consumer.resume(list);
            if cooperative { consumer.incremental_unassign(list) } else { consumer.unassign() }
        };
        if let Err(error) = done {
            let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            self.shared.lock().trouble(code, &error.to_string());
        }
    }
}

impl Assigner {
    /// Returns where each partition of `list` is to be read from.
    fn places(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> Vec<(String, i32, Offset)> {
        let elements = list.elements();
        let mut places: Vec<(String, i32, Option<Offset>)> = elements
            .iter()
            .map(|element| {
                (element.topic().to_owned(), element.partition(), self.own(element.topic(), element.partition()))
            })
            .collect();
        let unknown = |places: &[(String, i32, Option<Offset>)]| {
            places.iter().filter(|(_, _, at)| at.is_none()).map(|(topic, number, _)| (topic.clone(), *number)).collect()
        };
        let fresh: BTreeSet<(String, i32)> = unknown(&places);
        if self.start != Start::Earliest && !fresh.is_empty() {
            committed(consumer, &mut places);
        }
        let still: BTreeSet<(String, i32)> = unknown(&places);
        let first = !self.before.swap(true, std::sync::atomic::Ordering::Relaxed);
        let mut answers = true;
        for (topic, partition, at) in &mut places {
            if at.is_none() {
                *at = Some(self.begin(consumer, topic, *partition, first, &mut answers));
            }
        }
        let places: Vec<(String, i32, Offset)> =
            places.into_iter().map(|(topic, number, at)| (topic, number, at.unwrap_or(Offset::Beginning))).collect();
        let mut track = self.shared.lock();
        for (topic, number, at) in &places {
            if let Offset::Offset(offset) = at
                && still.contains(&(topic.clone(), *number))
            {
                track.begun.push((topic.clone(), *number, *offset));
            }
        }
        drop(track);
        places
    }

    /// Returns our own position: this reader's, else the store's.
    fn own(&self, topic: &str, partition: i32) -> Option<Offset> {
        let (read, stray) = match self.shared.lock().get(topic, partition) {
            Some(part) => (part.next, part.is_stray()),
            None => (None, false),
        };
        if stray {
            // Ours is none of its positions, and would be an error once more.
            return Some(Offset::End);
        }
        let name = || StreamName { source: self.source.clone(), topic: topic.to_owned(), partition };
        read.or_else(|| self.resume.get(&name()).copied()).map(Offset::Offset)
    }

    /// Returns where a partition begins that nobody has read: a fixed offset where the broker
    /// `answers`, else what it understands by the beginning or the end.
    fn begin(
        &self,
        consumer: &BaseConsumer<Self>,
        topic: &str,
        partition: i32,
        first: bool,
        answers: &mut bool,
    ) -> Offset {
        let grown = self.resume.keys().any(|known| known.source == self.source && known.topic == topic);
        let start = match self.start {
            // A partition that was added to a topic we know is new from its first message on.
            _ if grown => Start::Earliest,
            Start::Latest if !first => Start::At(self.opened),
            start => start,
        };
        let otherwise = if start == Start::Earliest { Offset::Beginning } else { Offset::End };
        if !*answers {
            return otherwise;
        }
        let Ok((low, high)) = consumer.fetch_watermarks(topic, partition, LIMIT) else {
            *answers = false;
            return otherwise;
        };
        match start {
            Start::Earliest => Offset::Offset(low),
            Start::Latest => Offset::Offset(high),
            Start::At(time) => at(consumer, topic, partition, time).unwrap_or(Offset::Offset(high)),
        }
    }
}

/// Returns those of `list` that must not be read.
fn strays(track: &Track, list: &TopicPartitionList) -> TopicPartitionList {
    let mut strays = TopicPartitionList::new();
    for element in list.elements() {
        if track.get(element.topic(), element.partition()).is_some_and(Part::is_stray) {
            strays.add_partition(element.topic(), element.partition());
        }
    }
    strays
}

/// Returns the offset of the first message taken in at `time` or later; `None` if there is none
/// or the broker does not say.
fn at(consumer: &BaseConsumer<Assigner>, topic: &str, partition: i32, time: Timestamp) -> Option<Offset> {
    let mut ask = TopicPartitionList::new();
    ask.add_partition_offset(topic, partition, Offset::Offset(time.millis().max(0))).ok()?;
    let answer = consumer.offsets_for_times(ask, LIMIT).ok()?;
    let offset = answer.find_partition(topic, partition)?.offset();
    matches!(offset, Offset::Offset(_)).then_some(offset)
}

/// Fills in what this group has committed where we have nothing: what was begun by a run that
/// ended before its first epoch.
fn committed(consumer: &BaseConsumer<Assigner>, places: &mut [(String, i32, Option<Offset>)]) {
    let mut ask = TopicPartitionList::new();
    for (topic, partition, _) in places.iter().filter(|(_, _, at)| at.is_none()) {
        ask.add_partition(topic, *partition);
    }
    let Ok(known) = consumer.committed_offsets(ask, LIMIT) else { return };
    for (topic, partition, at) in places.iter_mut().filter(|(_, _, at)| at.is_none()) {
        let known = known.find_partition(topic, *partition).map(|element| element.offset());
        *at = known.filter(|offset| matches!(offset, Offset::Offset(_)));
    }
}
