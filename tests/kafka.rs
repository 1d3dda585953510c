//! The Kafka reader against a real broker: `./dev test` starts one and sets `GATEWATCH_KAFKA` to
//! its address. Without that variable these tests pass without testing anything, and say so.

#![expect(clippy::unwrap_used, reason = "a test fails where it can't go on")]

#[path = "kafka/world.rs"]
mod world;

use std::time::Duration;

use gatewatch::clock::{Clock, Timestamp};
use gatewatch::sources::{KafkaSettings, ResumePoints, Sasl, Secret, Security, Source, SourceError, Start};
use gatewatch::telemetry::{Mark, StreamId, StreamName};
use rdkafka::admin::AdminOptions;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use world::{LIMIT, Reading, Topic, broker, now, skipped};

#[tokio::test]
async fn six_partitions_are_read_completely_and_to_their_ends() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 6).await;
    topic.write(6, 0..2_000);
    let mut reading = Reading::open(&topic.settings(), &ResumePoints::new());
    reading.until("end of six partitions", |r| r.at_end().len() == 6).await;
    reading.assert_each_once(6, 0..2_000);
    let opened = reading.marks.iter().take_while(|mark| matches!(mark, Mark::Opened(_))).count();
    assert_eq!(opened, 6, "all are opened before any is read: {:?}", reading.marks);
    topic.write(6, 2_000..2_001);
    reading.until("the new ones", |r| r.messages.len() == 6 * 2_001 && r.at_end().len() == 6).await;
}

#[tokio::test]
async fn a_reader_goes_on_at_the_resume_points_whatever_the_broker_remembers() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 3).await;
    topic.write(3, 0..5_000);
    let settings = topic.settings();
    let mut first = Reading::open(&settings, &ResumePoints::new());
    first.until("some messages", |r| r.messages.len() > 3_000).await;
    // The broker is told another position than the one to resume at.
    let wrong: Vec<(StreamId, i64)> = first.next.keys().map(|&id| (id, 1)).collect();
    first.reader.committed(&wrong);
    first.for_a_while(Duration::from_millis(100)).await;
    let (resume, mut all) = (first.resume(), std::mem::take(&mut first.messages));
    drop(first);
    let mut second = Reading::open(&settings, &resume);
    second.until("the rest", |r| r.messages.len() + all.len() >= 15_000 && r.at_end().len() == 3).await;
    for (message, times) in std::mem::take(&mut second.messages) {
        *all.entry(message).or_default() += times;
    }
    second.messages = all;
    second.assert_each_once(3, 0..5_000);
}

#[tokio::test]
async fn a_foreign_member_that_joins_and_leaves_loses_and_doubles_nothing() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 6).await;
    let settings = topic.settings();
    topic.write(6, 0..500);
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("a start", |r| r.messages.len() > 100).await;
    let foreign: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &broker)
        .set("group.id", &settings.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "true")
        .create()
        .unwrap();
    foreign.subscribe(&[&topic.name]).unwrap();
    let mut number = 500;
    let start = now();
    let mut had = false;
    while start.elapsed() < LIMIT && !(had && number > 1_500) {
        foreign.poll(Duration::from_millis(20));
        had |= foreign.assignment().is_ok_and(|assigned| assigned.count() > 0);
        topic.write(6, number..number + 50);
        number += 50;
        reading.for_a_while(Duration::from_millis(20)).await;
    }
    assert!(had, "the foreign member got partitions");
    assert!(reading.marks.iter().any(|mark| matches!(mark, Mark::Closed(_))), "{:?}", reading.marks);
    // It leaves, having read and committed beyond our positions.
    std::thread::spawn(move || drop(foreign));
    reading.until("the rest", |r| r.messages.len() == 6 * number as usize && r.at_end().len() == 6).await;
    reading.assert_each_once(6, 0..number);
}

#[tokio::test]
async fn deleted_records_are_a_gap_with_its_exact_range() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 2).await;
    topic.write(2, 0..100);
    let mut delete = TopicPartitionList::new();
    delete.add_partition_offset(&topic.name, 1, Offset::Offset(70)).unwrap();
    topic.admin.delete_records(&delete, &AdminOptions::new()).await.unwrap();
    let mut reading = Reading::open(&topic.settings(), &topic.resume(&[(0, 90), (1, 40)]));
    reading.until("both ends", |r| r.at_end().len() == 2).await;
    let gaps: Vec<&Mark> = reading.marks.iter().filter(|mark| matches!(mark, Mark::Gap { .. })).collect();
    let stream = reading.streams.id(&topic.stream(1));
    assert_eq!(gaps, [&Mark::Gap { stream, from: 40, to: 70 }]);
    assert_eq!(reading.messages.len(), 10 + 30);
    assert!(reading.messages.contains_key("1:70") && reading.messages.contains_key("0:90"));
}

#[tokio::test]
async fn a_topic_that_ends_before_our_position_was_made_anew_and_is_not_read() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 1).await;
    topic.write(1, 0..10);
    let mut reading = Reading::open(&topic.settings(), &topic.resume(&[(0, 500)]));
    reading.until("complaint", |r| r.reader.complaint().is_some()).await;
    let text = reading.reader.complaint().unwrap();
    assert!(text.contains("made anew") && text.contains("up to 500") && text.contains("offset 10"), "{text}");
    assert!(reading.messages.is_empty() && reading.error.is_none());
}

/// A cluster of our own, without a broker, with topics of one partition; writes `numbers` to each.
fn mock(
    topics: &[(&str, std::ops::Range<u32>)],
) -> rdkafka::mocking::MockCluster<'static, rdkafka::producer::DefaultProducerContext> {
    let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
    for (topic, numbers) in topics {
        cluster.create_topic(topic, 1, 1).unwrap();
        write_to(&cluster.bootstrap_servers(), topic, numbers.clone());
    }
    cluster
}

fn write_to(brokers: &str, topic: &str, numbers: std::ops::Range<u32>) {
    let producer: rdkafka::producer::BaseProducer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    for number in numbers {
        let payload = format!("{topic}:{number}");
        producer
            .send(BaseRecord::<(), _>::to(topic).partition(0).payload(&payload))
            .map_err(|(error, _)| error)
            .unwrap();
    }
    producer.flush(LIMIT).unwrap();
}

fn at(topic: &str, offset: i64) -> (StreamName, i64) {
    (StreamName { source: "kafka".into(), topic: topic.into(), partition: 0 }, offset)
}

#[tokio::test]
async fn a_topic_that_was_made_anew_stops_alone_and_what_to_do_is_said() {
    let cluster = mock(&[("ka", 0..20), ("kb", 0..200)]);
    let settings = KafkaSettings::new(cluster.bootstrap_servers(), &["ka", "kb"]);
    let mut reading = Reading::open(&settings, &[at("ka", 100), at("kb", 50)].into());
    reading.until("kb", |r| r.messages.len() == 150 && r.reader.complaint().is_some()).await;
    let text = reading.reader.complaint().unwrap();
    assert!(text.starts_with("ka/0 at ") && text.contains("up to 100") && text.contains("offset 20"), "{text}");
    assert!(text.contains("start = \"earliest\""), "{text}");
    // It grows beyond our position, which is in another topic: still nothing of it is read.
    write_to(&cluster.bootstrap_servers(), "ka", 20..120);
    write_to(&cluster.bootstrap_servers(), "kb", 200..210);
    reading.until("the rest of kb", |r| r.messages.len() == 160).await;
    reading.for_a_while(Duration::from_secs(2)).await;
    assert!(reading.messages.len() == 160 && reading.error.is_none(), "{:?}", reading.error);
    assert!(reading.messages.iter().all(|(message, times)| message.starts_with("kb:") && *times == 1));
    let ka = reading.streams.id(&at("ka", 0).0);
    assert!(reading.marks.contains(&Mark::Closed(ka)), "it holds up nobody's time: {:?}", reading.marks);
}

#[tokio::test]
async fn another_cluster_by_the_same_source_is_told_of_and_the_first_is_not() {
    let (one, two) = (mock(&[("logs", 0..10)]), mock(&[("logs", 0..20)]));
    // A group for each reading: such a cluster waits for a member that is gone.
    let settings = |cluster: String, group: &str| KafkaSettings {
        start: Start::Earliest,
        group: group.to_owned(),
        ..KafkaSettings::new(cluster, &["logs"])
    };
    let clusters = tempfile::tempdir().unwrap();
    for (cluster, group, resume, read, told) in [
        (&one, "a", ResumePoints::new(), 10, false),
        (&one, "b", [at("logs", 5)].into(), 5, false),
        (&two, "c", [at("logs", 10)].into(), 10, true),
    ] {
        let settings = settings(cluster.bootstrap_servers(), group);
        let mut reading = Reading::open_knowing(clusters.path(), &settings, &resume);
        reading.until("all", |r| r.messages.len() == read).await;
        let says = reading.reader.complaint();
        assert_eq!(says.as_ref().is_some_and(|says| says.contains("another cluster")), told, "{says:?}");
    }
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_named() {
    let Some(broker) = broker() else { return };
    let mut reading = Reading::open(&KafkaSettings::new(&broker, &["no-such-topic"]), &ResumePoints::new());
    reading.until("error", |r| r.error.is_some()).await;
    let error = reading.error.unwrap();
    assert!(matches!(error, SourceError::Fatal(_)), "{error:?}");
    assert!(error.to_string().contains("no topic no-such-topic at"), "{error}");
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named_and_asked_again() {
    if broker().is_none() {
        return;
    }
    let mut reading = Reading::open(&KafkaSettings::new("127.0.0.1:9", &["logs"]), &ResumePoints::new());
    for _ in 0..2 {
        reading.until("error", |r| r.error.is_some()).await;
        let error = reading.error.take().unwrap();
        assert!(matches!(error, SourceError::Transient(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("No broker answers at 127.0.0.1:9") && text.contains("refused"), "{text}");
    }
}

#[tokio::test]
async fn brokers_that_come_back_are_noticed_though_nothing_new_is_in_the_topic() {
    let cluster = rdkafka::mocking::MockCluster::new(1).unwrap();
    cluster.create_topic("logs", 1, 1).unwrap();
    let settings =
        KafkaSettings { start: Start::Earliest, ..KafkaSettings::new(cluster.bootstrap_servers(), &["logs"]) };
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("the end", |r| !r.at_end().is_empty()).await;
    cluster.broker_down(1).unwrap();
    for _ in 0..2 {
        reading.until("error", |r| r.error.is_some()).await;
        let text = reading.error.take().unwrap().to_string();
        assert!(text.contains("No broker answers at"), "{text}");
    }
    cluster.broker_up(1).unwrap();
    let marks = reading.marks.len();
    reading.until("the end again", |r| r.marks[marks..].iter().any(|mark| matches!(mark, Mark::AtEnd(_, true)))).await;
}

#[tokio::test]
async fn tls_towards_a_port_without_it_is_told_so() {
    let Some(broker) = broker() else { return };
    let mut settings = KafkaSettings::new(&broker, &["logs"]);
    settings.security.tls = true;
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("error", |r| r.error.is_some()).await;
    let text = reading.error.unwrap().to_string();
    assert!(text.contains("security.tls"), "{text}");
}

#[tokio::test]
async fn lag_is_what_is_still_to_be_handed_out() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 2).await;
    topic.write(2, 0..300);
    let mut reading = Reading::open(&topic.settings(), &ResumePoints::new());
    reading.until("both ends", |r| r.at_end().len() == 2).await;
    let held: Vec<StreamId> = reading.next.keys().copied().collect();
    reading.reader.hold(&held);
    reading.for_a_while(Duration::from_millis(300)).await;
    topic.write(2, 300..420);
    reading.until("lag", |r| r.reader.lag().iter().map(|(_, lag)| lag).sum::<i64>() == 240).await;
    assert_eq!(reading.messages.len(), 600, "what is held is not read");
    reading.reader.hold(&[]);
    reading.until("the rest", |r| r.messages.len() == 840).await;
    reading.until("no lag", |r| r.reader.lag().iter().all(|(_, lag)| *lag == 0)).await;
    reading.assert_each_once(2, 0..420);
}

#[tokio::test]
async fn holding_one_partition_leaves_the_others_alone() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 2).await;
    let mut reading = Reading::open(&topic.settings(), &ResumePoints::new());
    reading.until("both ends", |r| r.at_end().len() == 2).await;
    let held = reading.streams.id(&topic.stream(0));
    reading.reader.hold(&[held]);
    reading.for_a_while(Duration::from_millis(300)).await;
    topic.write(2, 0..50);
    reading.until("the other", |r| r.messages.len() == 50).await;
    reading.for_a_while(Duration::from_millis(700)).await;
    assert!(reading.messages.keys().all(|message| message.starts_with("1:")));
    reading.reader.hold(&[]);
    reading.until("both", |r| r.messages.len() == 100).await;
    reading.assert_each_once(2, 0..50);
}

#[tokio::test]
async fn partitions_that_are_empty_are_at_their_end_within_two_seconds_in_two_topics_too() {
    let Some(broker) = broker() else { return };
    let (one, two) = (Topic::new(&broker, 2).await, Topic::new(&broker, 2).await);
    one.write(1, 0..5);
    let mut settings = one.settings();
    settings.topics.push(two.name.clone());
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("four opened", |r| r.marks.iter().filter(|mark| matches!(mark, Mark::Opened(_))).count() == 4).await;
    let start = now();
    reading.until("four ends", |r| r.at_end().len() == 4).await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(reading.messages.len(), 5);
    assert_eq!(reading.reader.starts().iter().map(|(_, at)| *at).collect::<Vec<_>>(), [0; 4]);
}

#[tokio::test]
async fn a_first_start_at_latest_is_kept_over_a_restart_that_has_read_nothing() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 2).await;
    topic.write(2, 0..10);
    let mut settings = topic.settings();
    settings.start = Start::Latest;
    let mut first = Reading::open(&settings, &ResumePoints::new());
    first.until("both ends", |r| r.at_end().len() == 2).await;
    first.for_a_while(Duration::from_secs(2)).await;
    assert!(first.messages.is_empty());
    drop(first);
    topic.write(2, 10..20);
    let mut second = Reading::open(&settings, &ResumePoints::new());
    second.until("what came meanwhile", |r| r.messages.len() == 20).await;
    second.assert_each_once(2, 10..20);
}

#[tokio::test]
async fn a_first_start_at_a_time_begins_with_what_came_from_then_on() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 1).await;
    topic.write(1, 0..10);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let between = Clock::system().now();
    tokio::time::sleep(Duration::from_millis(50)).await;
    topic.write(1, 10..20);
    let mut settings = topic.settings();
    settings.start = Start::At(Timestamp::from_millis(between.millis()));
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("the end", |r| r.at_end().len() == 1).await;
    reading.assert_each_once(1, 10..20);
}

#[tokio::test]
async fn a_pipeline_that_stalls_loses_nothing_and_stays_in_the_group() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 2).await;
    let text = "x".repeat(20_000);
    for number in 0..400 {
        for partition in 0..2 {
            let payload = format!("{partition}:{number}:{text}");
            let record = BaseRecord::<(), _>::to(&topic.name).partition(partition).payload(&payload);
            topic.producer.send(record).map_err(|(error, _)| error).unwrap();
        }
    }
    topic.producer.flush(LIMIT).unwrap();
    let mut settings = topic.settings();
    // Evicts whoever does not poll for this long.
    settings.advanced.insert("max.poll.interval.ms".into(), "6000".into());
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("a start", |r| !r.messages.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(8)).await;
    reading.until("all", |r| r.messages.len() == 800 && r.at_end().len() == 2).await;
    assert!(reading.messages.values().all(|&times| times == 1));
    assert!(!reading.marks.iter().any(|mark| matches!(mark, Mark::Closed(_))), "{:?}", reading.marks);
    assert!(reading.error.is_none(), "{:?}", reading.error);
}

/// Returns settings for the broker's port with TLS and a login, which `scripts/kafka.sh` opens too.
fn with_login(topic: &Topic, sasl: Sasl, password: &str) -> Option<KafkaSettings> {
    let ca = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".dev/kafka/ca.pem");
    let (host, port) = topic.broker.split(',').next()?.rsplit_once(':')?;
    if !ca.exists() {
        skipped("this broker was not started by scripts/kafka.sh, so where its TLS port is, nobody knows");
        return None;
    }
    let mut settings = topic.settings();
    settings.brokers = format!("{host}:{}", port.parse::<u16>().ok()? + 2);
    settings.security = Security {
        sasl: Some(sasl),
        username: Some("gatewatch".into()),
        password: Some(Secret::Literal(password.into())),
        ca_file: Some(ca),
        tls: true,
        ..Security::default()
    };
    Some(settings)
}

#[tokio::test]
async fn a_cluster_with_a_private_authority_is_read_with_plain_and_scram() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 1).await;
    topic.write(1, 0..10);
    for sasl in [Sasl::Plain, Sasl::ScramSha256, Sasl::ScramSha512] {
        let Some(mut settings) = with_login(&topic, sasl, "gatewatch-fake") else { return };
        settings.group = format!("{}-{sasl:?}", settings.group);
        let mut reading = Reading::open(&settings, &ResumePoints::new());
        reading.until("all", |r| r.messages.len() == 10).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_so_without_showing_it() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 1).await;
    for sasl in [Sasl::Plain, Sasl::ScramSha512] {
        let Some(settings) = with_login(&topic, sasl, "wrong-password-17") else { return };
        let mut reading = Reading::open(&settings, &ResumePoints::new());
        reading.until("error", |r| r.error.is_some()).await;
        let error = reading.error.unwrap();
        assert!(matches!(error, SourceError::Fatal(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("refused the login") && !text.contains("wrong-password-17"), "{text}");
    }
}

#[tokio::test]
async fn an_authority_that_nobody_trusts_is_told_where_to_name_it() {
    let Some(broker) = broker() else { return };
    let topic = Topic::new(&broker, 1).await;
    let Some(mut settings) = with_login(&topic, Sasl::Plain, "gatewatch-fake") else { return };
    settings.security.ca_file = None;
    let mut reading = Reading::open(&settings, &ResumePoints::new());
    reading.until("error", |r| r.error.is_some()).await;
    let error = reading.error.unwrap();
    assert!(matches!(error, SourceError::Fatal(_)), "{error:?}");
    assert!(error.to_string().contains("security.ca_file"), "{error}");
}
