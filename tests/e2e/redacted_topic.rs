//! The redacted stream in a Kafka topic: every message once at least, with its position.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _};

use crate::broker;
use crate::daemon::Daemon;
use crate::world::messages;

#[test]
fn every_message_comes_out_into_the_redacted_topic_with_its_position() {
    let Some(brokers) = broker::address("redacted topic") else { return };
    let dir = tempfile::tempdir().unwrap();
    let world = messages(8, 4_000);
    let (from, to) = (broker::topic(&brokers, "in", 3), broker::topic(&brokers, "out", 2));
    broker::produce(&brokers, &from, 3, &world);
    let config = format!(
        "[sources.kafka.fleet]\nbrokers = '{brokers}'\ntopics = ['{from}']\ngroup = '{from}'\nstart = 'earliest'\n\
         [redacted.kafka]\nbrokers = '{brokers}'\ntopic = '{to}'\n[dashboard]\nlisten = '127.0.0.1:0'\n"
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    let consumer: BaseConsumer = broker::config(&brokers)
        .set("group.id", &to)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    consumer.subscribe(&[&to]).unwrap();
    let (mut positions, began) = (BTreeSet::new(), Instant::now());
    while positions.len() < world.len() {
        assert!(began.elapsed() < Duration::from_mins(1), "{} of {}\n{}", positions.len(), world.len(), daemon.log());
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
        let position =
            message.headers().and_then(|headers| headers.iter().find(|header| header.key == "gatewatch-position"));
        positions.insert(String::from_utf8(position.unwrap().value.unwrap().to_vec()).unwrap());
        let text = std::str::from_utf8(message.payload().unwrap()).unwrap();
        assert!(!text.contains("AccountKey=") || text.contains("azure-storage-key:k1:"), "{text}");
    }
    daemon.stop();
}
