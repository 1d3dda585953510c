//! Alerts on a Kafka topic, one message a change.
//!
//! The alert's id is the message's key, so the changes of one alert keep their order; the header
//! `gatewatch-key` is the idempotency key. A delivery counts once the broker has acknowledged it, and
//! is given up after 30 seconds to be tried again from the outbox, so librdkafka's queue stays small.

use std::fmt;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::alerts::Transition;
use crate::telemetry::Streams;

use super::{Format, RenderedDelivery, Sink, SinkError, line};

/// The header that carries the idempotency key.
const KEY: &str = "gatewatch-key";

/// Writes each transition to a topic.
pub struct Kafka {
    producer: FutureProducer,
    topic: String,
    format: Format,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Kafka {
    /// Returns the sink. `client` are librdkafka's own properties, with secrets resolved; what the
    /// promises rest on is set here and can't be overridden.
    ///
    /// # Errors
    ///
    /// Names the property that librdkafka does not take.
    pub fn new(client: &[(String, String)], topic: &str, format: Format) -> Result<Self, String> {
        let mut config = ClientConfig::new();
        config.set("linger.ms", "5").set("partitioner", "murmur2_random");
        for (name, value) in client {
            config.set(name, value);
        }
        // The outbox keeps the order, one change of an alert at a time, and the key tells what comes
        // twice: an idempotent producer would add nothing but errors that only a restart mends.
        config.set("acks", "all").set("message.timeout.ms", "30000");
        let producer = config.create().map_err(|error| match error {
            // Without the value: it may be a password.
            KafkaError::ClientConfig(_, says, name, _) => format!("{name}: {says}"),
            other => other.to_string(),
        })?;
        Ok(Self { producer, topic: topic.to_owned(), format })
    }
}

impl Sink for Kafka {
    fn render(&self, transition: &Transition, streams: &Streams) -> Option<String> {
        Some(line(self.format, transition, streams))
    }

    async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        let alert = delivery.key.split(':').next().unwrap_or_default();
        let headers = OwnedHeaders::new().insert(Header { key: KEY, value: Some(delivery.key) });
        let record = FutureRecord::to(&self.topic).key(alert).payload(delivery.payload).headers(headers);
        match self.producer.send(record, Duration::ZERO).await {
            Ok(at) => Ok(format!("partition {} offset {}", at.partition, at.offset)),
            Err((error, _)) => Err(self.explain(&error)),
        }
    }
}

impl Kafka {
    fn explain(&self, error: &KafkaError) -> SinkError {
        let topic = &self.topic;
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => SinkError::Reject(format!(
                "the alert is too large for the topic {topic}: raise its max.message.bytes, and message.max.bytes in advanced"
            )),
            Some(RDKafkaErrorCode::MessageTimedOut) => SinkError::retry(format!(
                "no broker has acknowledged an alert for the topic {topic} in 30 seconds: it is down, slow or out of reach"
            )),
            _ => SinkError::retry(format!(
                "the topic {topic} does not take the alert ({error}): check that it exists and that we may write to it"
            )),
        }
    }
}
