//! How long is it from the event that fires to the row on a page, at 10,000 records a second through Kafka?
//!
//! The program itself reads a topic of six partitions of a real broker, into which a world without attacks is
//! written as it happens. Among it, every second and a half, stands a request to an admin endpoint from an address
//! of its own (a match: shown before its alert opens), and every few seconds a burst of refusals (a threshold: its
//! alert opens once the watermark has passed it). A follower does what a page does: it hears of a change and asks for
//! the page again. Measured is from the moment a record is handed to the producer to the page that names its address;
//! of the bursts from the moment at which a record was sent that lets the watermark pass them. It takes four minutes. Run: `./dev bench latency`.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a benchmark that can't be set up has nothing to say"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gatewatch::clock::{Clock, Timestamp};
use gatewatch::simulate::{Options, World};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

const RATE: u32 = 10_000;
const PARTITIONS: i32 = 6;
const RUN: Duration = Duration::from_secs(150);
/// Event time that the world begins before now, so that its first messages are due at once.
const WARM_UP: Duration = Duration::from_secs(10);
const LATENESS: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_secs(1);
const APP: &str =
    "/SUBSCRIPTIONS/0F000000-0000-4000-8000-000000000001/RESOURCEGROUPS/BENCH/PROVIDERS/MICROSOFT.WEB/SITES/BENCH-APP";

/// What was sent, by the address it names; what has been seen leaves it.
type Sent = Arc<Mutex<BTreeMap<String, Looked>>>;

/// Something that is looked for.
#[derive(Clone, Copy)]
struct Looked {
    /// From when on it could be shown; of a burst once the watermark can have passed it.
    since: Option<Instant>,
    /// Event time that the watermark must reach, of a burst.
    passes: Option<Timestamp>,
}

/// The newest event time of each partition and category that a threshold on requests waits for.
#[derive(Default)]
struct Newest(BTreeMap<(i32, &'static str), Timestamp>);
type Took = Arc<Mutex<[Vec<Duration>; 2]>>;

fn main() -> ExitCode {
    let Some(broker) = std::env::var("GATEWATCH_KAFKA").ok().filter(|broker| !broker.is_empty()) else {
        println!("set GATEWATCH_KAFKA=host:port, or run ./dev bench latency, which starts a broker");
        return ExitCode::FAILURE;
    };
    let home = tempfile::tempdir_in(".").unwrap();
    let topic = topic(&broker);
    let (mut daemon, address) = start(home.path(), &broker, &topic);
    let (sent, took) = (Sent::default(), Took::default());
    let follower = {
        let (address, sent, took) = (address.clone(), sent.clone(), took.clone());
        std::thread::spawn(move || follow(&address, &sent, &took))
    };
    let records = write(&broker, &topic, &sent);
    // What was sent last has its lateness and some seconds to appear.
    std::thread::sleep(LATENESS + Duration::from_secs(15));
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    drop(follower.join());
    println!("{records} records in {RUN:.0?}: {:.0} a second", records as f64 / RUN.as_secs_f64());
    let missed = sent.lock().unwrap().len();
    let took = took.lock().unwrap();
    let mut fine = missed == 0;
    for (name, times) in ["match, from the event", "threshold, once the watermark may pass"].iter().zip(took.iter()) {
        let mut times = times.clone();
        times.sort();
        let at =
            |part: f64| times.get(((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1))).copied();
        println!("{name:<42} {:>4} seen, p50 {:.0?}, p95 {:.0?}, max {:.0?}", times.len(), at(0.5), at(0.95), at(1.0));
        fine &= at(0.95).is_some_and(|p95| p95 < LIMIT);
    }
    println!("{missed} were not seen; the limit is a p95 of {LIMIT:?}");
    if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn topic(broker: &str) -> String {
    let name = format!("latency-{:016x}", getrandom::u64().unwrap());
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker).create().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let new = NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1));
    let made = runtime.block_on(admin.create_topics(&[new], &AdminOptions::new())).unwrap();
    assert!(made.iter().all(Result::is_ok), "{made:?}");
    name
}

/// Starts the program, and returns the address of its dashboard.
fn start(home: &Path, broker: &str, topic: &str) -> (Child, String) {
    let config = format!(
        "[sources.kafka.bench]\nbrokers = '{broker}'\ntopics = ['{topic}']\ngroup = 'latency'\nstart = 'earliest'\n[dashboard]\nlisten = '127.0.0.1:0'\n"
    );
    std::fs::write(home.join("gatewatch.toml"), config).unwrap();
    let log = std::fs::File::create(home.join("log")).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .arg("run")
        .arg("--config")
        .arg(home.join("gatewatch.toml"))
        .arg("--data")
        .arg(home.join("data"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let began = Instant::now();
    loop {
        if let Ok(address) = std::fs::read_to_string(home.join("data/address")) {
            return (daemon, address.trim().trim_start_matches("http://").trim_end_matches('/').to_owned());
        }
        let ended = daemon.try_wait().unwrap().is_some();
        let runs = !ended && began.elapsed() < Duration::from_secs(30);
        assert!(runs, "{}", std::fs::read_to_string(home.join("log")).unwrap());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Writes the world as it happens, and what is looked for; returns how many records.
fn write(broker: &str, topic: &str, sent: &Sent) -> u64 {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", broker)
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "1000000")
        .create()
        .unwrap();
    let clock = Clock::system();
    let start = Timestamp::from_nanos(clock.now().nanos() - WARM_UP.as_nanos() as i64);
    let options = Options { seed: 11, start, duration: WARM_UP + RUN, rate: RATE, attacks: Vec::new(), clean: true };
    let mut world = World::new(options).unwrap();
    let began = Instant::now();
    let (mut probes, mut bursts, mut newest) = (0_u32, 0_u32, Newest::default());
    for message in world.by_ref() {
        while message.at > clock.now() {
            let elapsed = began.elapsed().as_millis() as u32;
            if elapsed / 1_500 > probes {
                probes += 1;
                let address = format!("198.51.100.{}", probes % 250 + 1);
                probe(&producer, topic, sent, &address, clock.now());
            }
            if elapsed / 5_000 > bursts && began.elapsed() + LATENESS + WARM_UP < RUN {
                bursts += 1;
                burst(&producer, topic, sent, &format!("203.0.113.{}", bursts % 250 + 1), clock.now());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let partition = i32::try_from(message.partition_key % PARTITIONS as u64).unwrap();
        send(&producer, topic, partition, &message.bytes);
        newest.sent(partition, &message.bytes, sent);
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    world.tally().records
}

impl Newest {
    /// Notes what a message shows, and of which bursts it lets the watermark pass.
    fn sent(&mut self, partition: i32, bytes: &[u8], sent: &Sent) {
        let text = String::from_utf8_lossy(bytes);
        let Some(category) = ["AppServiceHTTPLogs", "GatewayLogs"].into_iter().find(|name| text.contains(name)) else {
            return;
        };
        let time = |from: usize| Timestamp::parse_rfc3339(text.get(from + 8..)?.split('"').next()?);
        let Some(newest) = text.match_indices(r#""time":""#).filter_map(|(from, _)| time(from)).max() else { return };
        let known = self.0.entry((partition, category)).or_insert(newest);
        *known = newest.max(*known);
        let Some(&reached) = self.0.values().min() else { return };
        for looked in sent.lock().unwrap().values_mut().filter(|looked| looked.since.is_none()) {
            looked.since = looked.passes.filter(|passes| *passes <= reached).map(|_| Instant::now());
        }
    }
}

fn send(producer: &ThreadedProducer<DefaultProducerContext>, topic: &str, partition: i32, bytes: &[u8]) {
    let mut record = BaseRecord::<(), [u8]>::to(topic).partition(partition).payload(bytes);
    while let Err((_, returned)) = producer.send(record) {
        std::thread::sleep(Duration::from_millis(1));
        record = returned;
    }
}

fn request(address: &str, path: &str, status: u16, at: Timestamp, n: u32) -> String {
    format!(
        r#"{{"time":"{at}","resourceId":"{APP}","category":"AppServiceHTTPLogs","properties":{{"CsMethod":"GET","CsUriStem":"{path}","SPort":"443","CIp":"{address}","UserAgent":"curl/8.{n}","CsHost":"bench-app.azurewebsites.net","ScStatus":{status},"ScSubStatus":"0","ScWin32Status":"0","ScBytes":512,"CsBytes":512,"TimeTaken":9,"Result":"Success","Cookie":"-","CsUriQuery":"n={n}","CsUsername":"-","Referer":"-"}}}}"#
    )
}

fn probe(producer: &ThreadedProducer<DefaultProducerContext>, topic: &str, sent: &Sent, address: &str, at: Timestamp) {
    let text = format!(r#"{{"records":[{}]}}"#, request(address, "/admin/functions", 200, at, 1));
    sent.lock().unwrap().insert(address.to_owned(), Looked { since: Some(Instant::now()), passes: None });
    send(producer, topic, 3, text.as_bytes());
}

fn burst(producer: &ThreadedProducer<DefaultProducerContext>, topic: &str, sent: &Sent, address: &str, at: Timestamp) {
    let mut text = String::from(r#"{"records":["#);
    for n in 0..25 {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", request(address, "/api/orders", 401, at, n));
    }
    text.push_str("]}");
    sent.lock().unwrap().insert(address.to_owned(), Looked { since: None, passes: Some(at.plus(LATENESS)) });
    send(producer, topic, 4, text.as_bytes());
}

/// Does what a page does: hears of a change, and asks for the page again.
fn follow(address: &str, sent: &Sent, took: &Took) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n").unwrap();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        if !line.starts_with("event: ahead") && !line.starts_with("event: change") {
            continue;
        }
        let Some(page) = page(address) else { return };
        let now = Instant::now();
        sent.lock().unwrap().retain(|of, looked| {
            let shown = page.contains(&format!("ip {of}<")) || page.contains(&format!("ip {of} "));
            if shown {
                let took_it = looked.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
                took.lock().unwrap()[usize::from(looked.passes.is_some())].push(took_it);
            }
            !shown
        });
    }
}

fn page(address: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET /?state=all HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}
