//! What do the benchmarks of the path read? Sets of simulated telemetry, the same bytes in every run.
//!
//! Messages of many records as Event Hubs delivers them, and single records; then two sets in which every record
//! is part of an attack. Each is 32 MB in batches of 256 KB.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gatewatch::clock::{Clock, Timestamp};
use gatewatch::detection::Catalogue;
use gatewatch::pipeline::Stage;
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::simulate::{Options, World};
use gatewatch::telemetry::{Batch, StreamId, StreamName, Streams};

const SET_BYTES: usize = 32 * 1024 * 1024;
const BATCH_BYTES: usize = 256 * 1024;

/// What makes a set.
pub type Make = fn() -> Set;

/// All sets, by their names.
pub const SETS: [(&str, Make); 4] =
    [("messages", messages), ("records", records), ("attacks", attacks), ("flood", flood)];

/// Telemetry in batches.
pub struct Set {
    pub name: &'static str,
    pub batches: Vec<Batch>,
    pub bytes: usize,
    pub records: usize,
}

/// Returns the keys of an installation.
pub fn keys() -> KeyRing {
    KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap()
}

/// Returns what takes secrets and people out by these keys.
pub fn redactor(keys: &KeyRing) -> Arc<Redactor> {
    Arc::new(Redactor::new(keys, &Settings::default()).unwrap())
}

/// Returns stage 1 of the path with the detectors of `compiled`.
pub fn stage(compiled: &Catalogue, keys: &KeyRing, redactor: &Arc<Redactor>) -> Stage {
    Stage {
        redactor: redactor.clone(),
        topology: gatewatch::context::Topology::default(),
        context: std::sync::Arc::default(),
        tap: gatewatch::dashboard::Tap::default(),
        matcher: compiled.matcher(keys.siphash_key()),
        content_seed: keys.content_key(),
        keep_redacted: false,
        clock: Clock::system(),
    }
}

/// Returns the time that this thread has had a processor, so that a busy machine does not count;
/// where Linux does not say it, the time since `start`.
pub fn spent(start: Instant) -> Duration {
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|told| told.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// Returns the one partition that batches are of.
pub fn streams() -> Streams {
    Streams::restore(vec![StreamName { source: "bench".into(), topic: "bench".into(), partition: 0 }])
}

fn world() -> World {
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    World::new(Options { seed: 1, start, duration: Duration::from_hours(2), rate: 50, attacks: vec![], clean: false })
        .unwrap()
}

/// Event Hubs messages as they come.
fn messages() -> Set {
    fill("messages", world().map(|message| message.bytes))
}

/// One record a message.
fn records() -> Set {
    let records = world()
        .filter_map(|message| serde_json::from_slice::<Envelope>(&message.bytes).ok())
        .flat_map(|envelope| envelope.records.into_iter().map(|record| record.get().as_bytes().to_vec()));
    fill("records", records)
}

/// Every attack there is, over and over, and nothing else.
fn attacks() -> Set {
    let seconds = 240;
    let worlds = (0_u64..).map(|n| {
        let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap().plus(Duration::from_secs(n * seconds));
        let duration = Duration::from_secs(seconds);
        World::new(Options { seed: n + 1, start, duration, rate: 0, attacks: vec![], clean: false }).unwrap()
    });
    fill("attacks", worlds.flatten().map(|message| message.bytes))
}

/// Addresses that are refused once each.
fn flood() -> Set {
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let attacks = vec!["address-flood".to_owned()];
    let options = Options { seed: 1, start, duration: Duration::from_hours(2), rate: 0, attacks, clean: false };
    fill("flood", World::new(options).unwrap().map(|message| message.bytes))
}

#[derive(serde::Deserialize)]
struct Envelope {
    records: Vec<Box<serde_json::value::RawValue>>,
}

/// Returns a set of as many of these messages as it takes.
pub fn fill(name: &'static str, from: impl Iterator<Item = Vec<u8>>) -> Set {
    let mut set = Set { name, batches: vec![Batch::default()], bytes: 0, records: 0 };
    for (n, bytes) in from.enumerate() {
        if set.bytes >= SET_BYTES {
            break;
        }
        if set.batches.last().unwrap().bytes.len() >= BATCH_BYTES {
            set.batches.push(Batch::default());
        }
        set.records += serde_json::from_slice::<Envelope>(&bytes).map_or(1, |envelope| envelope.records.len());
        set.bytes += bytes.len();
        set.batches.last_mut().unwrap().push(&bytes, StreamId(0), n as i64, n as i64 + 1, None);
    }
    set
}
