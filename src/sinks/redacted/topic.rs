//! The redacted stream to a Kafka topic: an idempotent producer that retries for as long as it
//! takes, so what `flush` has not seen acknowledged is still in its queue.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};

use crate::telemetry::StreamName;

use super::SinkError;

/// How long `append` waits for room in the queue, and `flush` for the broker, before they say so.
const PATIENCE: Duration = Duration::from_secs(10);
/// The header that says where a message was read: `source/topic/partition/offset`.
const POSITION: &str = "gatewatch-position";

/// Hears what became of each message.
#[derive(Clone, Debug, Default)]
struct Receipts {
    /// The first refusal since the last flush. A lock, because librdkafka's own thread reports.
    refused: Arc<Mutex<Option<KafkaError>>>,
}

impl ClientContext for Receipts {}

impl ProducerContext for Receipts {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        }
    }
}

/// Writes redacted messages to a topic.
pub struct RedactedTopic {
    producer: ThreadedProducer<Receipts>,
    receipts: Receipts,
    topic: String,
}

impl fmt::Debug for RedactedTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactedTopic").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl RedactedTopic {
    /// Returns a writer to `topic`. `client` are librdkafka's own properties, with secrets
    /// resolved: `bootstrap.servers` and what the broker asks for. What the guarantees rest on
    /// (idempotence, no expiry) is set here and can't be overridden.
    ///
    /// # Errors
    ///
    /// Names the property that librdkafka does not take.
    pub fn new(client: &[(String, String)], topic: &str) -> Result<Self, String> {
        let mut config = ClientConfig::new();
        config.set("linger.ms", "20").set("queue.buffering.max.kbytes", "65536");
        config.set("partitioner", "murmur2_random");
        for (name, value) in client {
            config.set(name, value);
        }
        config.set("enable.idempotence", "true").set("message.timeout.ms", "0");
        let receipts = Receipts::default();
        let producer = config.create_with_context(receipts.clone()).map_err(|error| match error {
            // Without the value: it may be a password.
            KafkaError::ClientConfig(_, says, name, _) => format!("{name}: {says}"),
            other => other.to_string(),
        })?;
        Ok(Self { producer, receipts, topic: topic.to_owned() })
    }

    /// Queues one message; waits while the queue is full.
    pub fn append(&mut self, stream: &StreamName, offset: i64, bytes: &[u8]) -> Result<(), SinkError> {
        // One key a source partition: its messages stay in order on one partition of the topic.
        let key = stream.to_string();
        let position = format!("{key}/{offset}");
        let headers = OwnedHeaders::new().insert(Header { key: POSITION, value: Some(&position) });
        let mut record = BaseRecord::to(&self.topic).key(&key).payload(bytes).headers(headers);
        for waits in [false, true] {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, back)) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull) && !waits => {
                    record = back;
                    // Room comes with acknowledgements; a timeout shows in the second attempt.
                    let _ = self.producer.flush(PATIENCE);
                }
                Err((error, _)) => return Err(self.explain(&error)),
            }
        }
        Ok(())
    }

    /// Waits until the broker has acknowledged every message.
    pub fn flush(&mut self) -> Result<(), SinkError> {
        let flushed = self.producer.flush(PATIENCE);
        if let Some(error) = self.receipts.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(self.refused(&error));
        }
        flushed.map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &KafkaError) -> SinkError {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull | RDKafkaErrorCode::OperationTimedOut) => SinkError::retry(format!(
                "the broker has not acknowledged {} messages for topic {}: it is down, slow or out of reach",
                self.producer.in_flight_count(),
                self.topic
            )),
            _ => self.refused(error),
        }
    }

    fn refused(&self, error: &KafkaError) -> SinkError {
        SinkError::Reject(format!(
            "topic {} does not take redacted messages ({error}): check that it exists, that we may write to it, and \
             its max.message.bytes",
            self.topic
        ))
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::{Headers as _, Message as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

    use super::*;

    fn stream() -> StreamName {
        StreamName { source: "hub".into(), topic: "logs".into(), partition: 3 }
    }

    #[test]
    fn a_message_arrives_as_it_is_with_the_position_it_was_read_at() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("clean", 1, 1).unwrap();
        let servers = ("bootstrap.servers".to_owned(), cluster.bootstrap_servers());
        let mut topic = RedactedTopic::new(std::slice::from_ref(&servers), "clean").unwrap();
        for offset in 7..10 {
            topic.append(&stream(), offset, format!("line {offset}\n").as_bytes()).unwrap();
        }
        topic.flush().unwrap();

        let consumer: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", servers.1).set("group.id", "t").create().unwrap();
        let mut from = TopicPartitionList::new();
        from.add_partition_offset("clean", 0, Offset::Beginning).unwrap();
        consumer.assign(&from).unwrap();
        let mut seen = Vec::new();
        while seen.len() < 3 {
            let message = consumer.poll(Duration::from_secs(10)).unwrap().unwrap();
            let header = message.headers().unwrap().get(0);
            let position = String::from_utf8(header.value.unwrap().to_vec()).unwrap();
            assert_eq!(header.key, "gatewatch-position");
            seen.push((String::from_utf8(message.payload().unwrap().to_vec()).unwrap(), position));
        }
        assert_eq!(seen[0], ("line 7\n".into(), "hub/logs/3/7".into()));
        assert_eq!(seen[2], ("line 9\n".into(), "hub/logs/3/9".into()));
    }

    #[test]
    fn a_message_that_is_too_large_for_the_topic_is_refused_and_not_dropped_in_silence() {
        let cluster = MockCluster::new(1).unwrap();
        let client = [
            ("bootstrap.servers".to_owned(), cluster.bootstrap_servers()),
            ("message.max.bytes".to_owned(), "1000".to_owned()),
        ];
        let mut topic = RedactedTopic::new(&client, "clean").unwrap();
        let refused = topic.append(&stream(), 1, &[b'x'; 10_000]).unwrap_err();
        assert!(matches!(refused, SinkError::Reject(_)), "{refused}");
    }

    #[test]
    fn a_property_that_is_wrong_is_named_without_its_value() {
        let client = [("bootstrap.servres".to_owned(), "hunter2".to_owned())];
        let says = RedactedTopic::new(&client, "clean").unwrap_err();
        assert!(says.contains("bootstrap.servres") && !says.contains("hunter2"), "{says}");
    }
}
