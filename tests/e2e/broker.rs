//! The real Kafka that `./dev test` starts.

use std::time::Duration;

use gatewatch::simulate::Message;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

/// The broker's address, or `None` with a word why the test is skipped.
pub fn address(test: &str) -> Option<String> {
    let address = std::env::var("GATEWATCH_KAFKA").ok().filter(|address| !address.is_empty());
    if address.is_none() {
        eprintln!("{test}: skipped, there is no Kafka: run ./dev kafka start and set GATEWATCH_KAFKA=127.0.0.1:19092");
    }
    address
}

/// Makes a topic whose name no other run uses.
pub fn topic(brokers: &str, stem: &str, partitions: i32) -> String {
    let name = format!(
        "{stem}-{}-{}",
        std::process::id(),
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()
    );
    make(brokers, &name, partitions);
    name
}

/// Makes a topic of this name.
pub fn make(brokers: &str, name: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = config(brokers).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let topics = [NewTopic::new(name, partitions, TopicReplication::Fixed(1))];
    let made = runtime.block_on(admin.create_topics(&topics, &AdminOptions::new())).unwrap();
    for made in made {
        made.unwrap();
    }
}

/// Writes messages into the topic, each into the partition its key says.
pub fn produce(brokers: &str, topic: &str, partitions: i32, messages: &[Message]) {
    let producer: ThreadedProducer<DefaultProducerContext> = config(brokers)
        .set("enable.idempotence", "true")
        .set("linger.ms", "20")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .unwrap();
    for message in messages {
        let partition = i32::try_from(message.partition_key % u64::try_from(partitions).unwrap()).unwrap();
        let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(&message.bytes);
        while let Err((_, returned)) = producer.send(record) {
            std::thread::sleep(Duration::from_millis(10));
            record = returned;
        }
    }
    producer.flush(Duration::from_mins(1)).unwrap();
}

/// A client's base settings.
pub fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}
