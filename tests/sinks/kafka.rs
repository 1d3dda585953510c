//! Alerts on a topic of a real Kafka.

use std::time::{Duration, Instant};

use gatewatch::alerts::Transition;
use gatewatch::sinks::{AnySink, Format, Kafka};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;

use crate::made::{acknowledged, closed, hostile, opened, outlet};
use crate::ocsf::conforms;
use crate::outbox::Outbox;

#[test]
fn each_change_of_an_alert_is_a_finding_on_the_topic_in_order() {
    let Some(brokers) = std::env::var("GATEWATCH_KAFKA").ok().filter(|address| !address.is_empty()) else {
        eprintln!("skipped, there is no Kafka: run ./dev kafka start and set GATEWATCH_KAFKA=127.0.0.1:19092");
        return;
    };
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let topic = format!("alerts-{}-{nanos}", std::process::id());
    let client = |group: &str| {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &brokers).set("group.id", group);
        config
    };
    let admin: AdminClient<DefaultClientContext> = client("").create().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let made = [NewTopic::new(&topic, 1, TopicReplication::Fixed(1))];
    runtime.block_on(admin.create_topics(&made, &AdminOptions::new())).unwrap().remove(0).unwrap();

    let servers = [("bootstrap.servers".to_owned(), brokers.clone())];
    let sink = AnySink::Kafka(Kafka::new(&servers, &topic, Format::Ocsf).unwrap());
    let mut outbox = Outbox::new(vec![outlet(sink)], Vec::new());
    outbox.tell(&[opened(1), acknowledged(1), closed(1), Transition::Opened(hostile(2))]);
    let settled = outbox.deliver();
    assert!(settled.iter().all(|one| one.failure.is_none()), "{settled:?}");

    let consumer: BaseConsumer = client("reader").create().unwrap();
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&from).unwrap();
    let (mut seen, began) = (Vec::new(), Instant::now());
    while seen.len() < 4 {
        assert!(began.elapsed() < Duration::from_mins(1), "{seen:?}");
        let Some(message) = consumer.poll(Duration::from_millis(200)) else { continue };
        let message = message.unwrap();
        let header = message.headers().unwrap().get(0);
        let finding: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        conforms(&finding).unwrap_or_else(|says| panic!("{says}\n{finding:#}"));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!(header.key, "gatewatch-key");
        assert_eq!(finding["metadata"]["uid"], text(header.value.unwrap()));
        seen.push((text(message.key().unwrap()), finding["activity_id"].as_i64().unwrap()));
    }
    let first: Vec<i64> =
        seen.iter().filter(|(key, _)| key == "0000000000000001").map(|(_, activity)| *activity).collect();
    assert_eq!(first, [1, 2, 3]);
}

#[test]
fn brokers_that_are_down_silent_or_not_who_they_say_are_tried_again() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    let sink = |servers: &str, more: &[(&str, &str)]| {
        let mut properties = vec![("bootstrap.servers".to_owned(), servers.to_owned())];
        properties.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        AnySink::Kafka(Kafka::new(&properties, "alerts", Format::Native).unwrap())
    };
    let identity = crate::identity::Identity::new();
    let stranger = crate::receiver::Receiver::start_tls(|_| Ok((200, String::new())), &identity);
    let sinks = [
        ("down", sink("127.0.0.1:1", &[])),
        ("silent", sink(&at, &[])),
        ("a stranger", sink(&format!("localhost:{}", stranger.address.port()), &[("security.protocol", "ssl")])),
    ];
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // Each takes the thirty seconds after which an alert goes back into the outbox: all at once.
    let tried: Vec<(&str, String)> = runtime.block_on(async {
        let deliver = |(name, sink): (&'static str, AnySink)| async move {
            let delivery = gatewatch::sinks::RenderedDelivery { key: "0000000000000001:1", payload: "{}" };
            match sink.deliver(&delivery).await {
                Err(gatewatch::sinks::SinkError::Retry { says, .. }) => (name, says),
                other => panic!("{name}: {other:?}"),
            }
        };
        let tasks: Vec<_> = sinks.into_iter().map(|one| tokio::spawn(deliver(one))).collect();
        let mut tried = Vec::new();
        for task in tasks {
            tried.push(task.await.unwrap());
        }
        tried
    });
    for (name, says) in tried {
        assert!(says.contains("down, slow or out of reach") && says.contains("alerts"), "{name}: {says}");
    }
}
