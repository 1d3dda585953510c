//! A topic of a test's own on a real broker, and a reader that remembers what it handed out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use gatewatch::clock::Clock;
use gatewatch::sources::{KafkaReader, KafkaSettings, ResumePoints, Source, SourceError, Start};
use gatewatch::telemetry::{Batch, Mark, StreamId, StreamName, Streams};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

/// How long anything may take before a test fails.
pub const LIMIT: Duration = Duration::from_secs(40);

#[expect(clippy::disallowed_methods, reason = "a test asks where its broker is")]
pub fn broker() -> Option<String> {
    let broker = std::env::var("GATEWATCH_KAFKA").ok().filter(|broker| !broker.is_empty());
    if broker.is_none() {
        skipped("set GATEWATCH_KAFKA=host:port, or run ./dev test, which starts a broker");
    }
    broker
}

/// Says that a test has tested nothing, and why.
#[expect(clippy::disallowed_macros, reason = "whoever runs the tests must know")]
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

#[expect(clippy::disallowed_methods, reason = "a test bounds its own time")]
pub fn now() -> Instant {
    Instant::now()
}

/// A topic of its own for each test.
pub struct Topic {
    pub broker: String,
    pub name: String,
    pub admin: AdminClient<DefaultClientContext>,
    pub producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext>,
}

impl Topic {
    pub async fn new(broker: &str, partitions: i32) -> Self {
        let name = format!("test-{:016x}", getrandom::u64().unwrap());
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", broker);
        let admin = config.create().unwrap();
        let producer = config.create().unwrap();
        let topic = Self { broker: broker.to_owned(), name, admin, producer };
        topic.create(partitions).await;
        topic
    }

    pub async fn create(&self, partitions: i32) {
        let new = NewTopic::new(&self.name, partitions, TopicReplication::Fixed(1));
        let made = self.admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// Writes the messages `PARTITION:NUMBER` for each partition and number.
    pub fn write(&self, partitions: i32, numbers: std::ops::Range<u32>) {
        for number in numbers {
            for partition in 0..partitions {
                let text = format!("{partition}:{number}");
                let record = BaseRecord::<(), _>::to(&self.name).partition(partition).payload(&text);
                self.producer.send(record).map_err(|(error, _)| error).unwrap();
            }
        }
        self.producer.flush(LIMIT).unwrap();
    }

    pub fn settings(&self) -> KafkaSettings {
        let mut settings = KafkaSettings::new(&self.broker, &[&self.name]);
        settings.group = format!("group-of-{}", self.name);
        settings.start = Start::Earliest;
        settings.advanced.insert("session.timeout.ms".into(), "6000".into());
        settings
    }

    pub fn stream(&self, partition: i32) -> StreamName {
        StreamName { source: "kafka".into(), topic: self.name.clone(), partition }
    }

    pub fn resume(&self, offsets: &[(i32, i64)]) -> ResumePoints {
        offsets.iter().map(|&(partition, offset)| (self.stream(partition), offset)).collect()
    }
}

/// A reader and all it has handed out.
pub struct Reading {
    pub reader: KafkaReader,
    pub streams: Streams,
    /// Each message with how often it came.
    pub messages: BTreeMap<String, u32>,
    pub next: BTreeMap<StreamId, i64>,
    pub marks: Vec<Mark>,
    pub error: Option<SourceError>,
    /// Where it is kept which cluster was read.
    _clusters: Option<tempfile::TempDir>,
}

impl Reading {
    pub fn open(settings: &KafkaSettings, resume: &ResumePoints) -> Self {
        let clusters = tempfile::tempdir().unwrap();
        let reading = Self::open_knowing(clusters.path(), settings, resume);
        Self { _clusters: Some(clusters), ..reading }
    }

    /// Opens a reader that finds in `clusters` which cluster was read before.
    pub fn open_knowing(clusters: &Path, settings: &KafkaSettings, resume: &ResumePoints) -> Self {
        let streams = Streams::default();
        let known = (&Clock::system(), clusters);
        let reader = KafkaReader::open("kafka", settings, streams.clone(), resume, known, &|_| None).unwrap();
        let (messages, next) = (BTreeMap::new(), BTreeMap::new());
        Self { reader, streams, messages, next, marks: Vec::new(), error: None, _clusters: None }
    }

    fn take(&mut self, batch: &Batch) {
        for (index, at) in batch.messages.iter().enumerate() {
            let text = String::from_utf8(batch.message(index).to_vec()).unwrap();
            *self.messages.entry(text).or_default() += 1;
            let before = self.next.insert(at.stream, at.next);
            assert!(before.is_none_or(|before| before <= at.offset), "offsets of a partition only grow");
        }
        self.marks.extend(batch.marks.iter().cloned());
    }

    /// Reads until `enough`, or fails after [`LIMIT`].
    pub async fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let start = now();
        while !enough(self) {
            assert!(
                start.elapsed() < LIMIT,
                "no {what}: {} messages, {:?}, {:?}",
                self.messages.len(),
                self.marks,
                self.error
            );
            let asked = now();
            match self.reader.next().await {
                Ok(batch) => self.take(&batch),
                Err(error) => self.error = Some(error),
            }
            assert!(asked.elapsed() < Duration::from_millis(1_500), "a batch comes within a second, full or empty");
        }
    }

    pub async fn for_a_while(&mut self, time: Duration) {
        let start = now();
        while start.elapsed() < time {
            let batch = self.reader.next().await.unwrap();
            self.take(&batch);
        }
    }

    pub fn assert_each_once(&self, partitions: i32, numbers: std::ops::Range<u32>) {
        let expected = numbers.flat_map(|number| (0..partitions).map(move |p| (format!("{p}:{number}"), 1))).collect();
        assert_eq!(self.messages, expected);
    }

    pub fn at_end(&self) -> BTreeSet<StreamId> {
        let mut ended = BTreeSet::new();
        for mark in &self.marks {
            match mark {
                Mark::AtEnd(stream, true) => ended.insert(*stream),
                Mark::AtEnd(stream, false) => ended.remove(stream),
                _ => false,
            };
        }
        ended
    }

    pub fn resume(&self) -> ResumePoints {
        self.next.iter().map(|(&id, &next)| ((*self.streams.name(id).unwrap()).clone(), next)).collect()
    }
}
