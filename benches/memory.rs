//! How much memory do a million entities take, followed by three windowed detectors each?
//!
//! A million addresses make some requests each within the windows of a threshold, a distinct and a sum,
//! none of which fires. What the process holds is read before and after, so that the redactor, the
//! detectors and the batch are not counted. Run: `cargo bench --bench memory`, or `-- 200000 4` for so
//! many entities and so many requests of each.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::detection::Catalogue;
use gatewatch::pipeline::{Core, CoreSettings, Stage};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::telemetry::{Batch, StreamId, StreamName, Streams};

const ENTITIES: u32 = 1_000_000;
const BATCH: u32 = 1_000;

const DETECTORS: [(&str, &str); 3] = [
    ("many", "threshold: { by: source.ip, at_least: 1000, within: 2h }"),
    ("paths", "distinct: { count: request.path, by: source.ip, more_than: 500, within: 2h }"),
    ("bytes", "sum: { of: response.size, by: source.ip, more_than: 1000000000, within: 2h }"),
];

fn main() {
    let asked: Vec<u32> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    // What one measurement gives back to the allocator would hide what the next one takes: one a process.
    let [entities, requests] = [(0, ENTITIES), (1, 1)].map(|(nth, usual)| asked.get(nth).copied().unwrap_or(usual));
    println!("{:<10} {:>9} {:>12} {:>15}", "entities", "requests", "MB", "bytes an entity");
    measure(entities, requests);
}

fn measure(entities: u32, requests: u32) {
    let catalogue = Catalogue::build(&files()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let stage = Stage {
        redactor: Arc::new(Redactor::new(&keys, &Settings::default()).unwrap()),
        topology: gatewatch::context::Topology::default(),
        context: Arc::default(),
        matcher: catalogue.matcher(keys.siphash_key()),
        content_seed: keys.content_key(),
        keep_redacted: false,
        tap: gatewatch::dashboard::Tap::default(),
        clock: Clock::system(),
    };
    let mut settings = CoreSettings::replay();
    // The records seen before are another collection, of a ceiling of its own.
    settings.max_remembered = 1_000;
    settings.engine.max_entities = entities as usize * 2;
    let stream = StreamName { source: "bench".into(), topic: "bench".into(), partition: 0 };
    let mut core = Core::new(catalogue.detectors.clone(), Streams::restore(vec![stream]), &settings);
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let mut arena = Bump::new();
    let before = resident();
    for round in 0..requests {
        for first in (0..entities).step_by(BATCH as usize) {
            let mut batch = Batch::default();
            for n in first..(first + BATCH).min(entities) {
                let at = start.plus(Duration::from_millis(
                    u64::from(round) * 600_000 + u64::from(n) * 600_000 / u64::from(entities),
                ));
                let offset = i64::from(round) * i64::from(entities) + i64::from(n);
                batch.push(record(n, round, at).as_bytes(), StreamId(0), offset, offset + 1, None);
            }
            core.absorb(stage.work(&batch, &mut arena));
            assert!(core.tick().is_empty(), "none of the detectors fires");
        }
    }
    core.flush();
    let held = resident().saturating_sub(before);
    let evicted = core.accounting().evicted;
    println!(
        "{entities:<10} {requests:>9} {:>12.0} {:>15} {evicted:>9}",
        held as f64 / 1e6,
        held / u64::from(entities)
    );
}

fn files() -> BTreeMap<String, String> {
    DETECTORS
        .into_iter()
        .map(|(name, counting)| {
            let text = format!(
                "id: probing.{name}\ntitle: {name}\nlevel: low\nthreat: key-theft\n\
                 attack: {{ version: \"18\", techniques: [T1110] }}\nneeds: [http.request]\nwhy: made up\ntriage: none\n\
                 false_alarms: none\nsays: '{{entity}} did it'\nwhen: {{ kind: http.request }}\n{counting}\n"
            );
            (format!("probing/{name}.yaml"), text)
        })
        .collect()
}

fn record(n: u32, round: u32, at: Timestamp) -> String {
    let address = Ipv4Addr::from(0x0b00_0000 + n);
    format!(
        r#"{{"time":"{at}","resourceId":"/SUBSCRIPTIONS/0A1B2C3D-0000-4000-8000-000000000001/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/FN-BENCH","category":"AppServiceHTTPLogs","properties":{{"CsMethod":"GET","CsUriStem":"/api/orders/{round}","SPort":"443","CIp":"{address}","UserAgent":"bench","CsHost":"fn-bench.azurewebsites.net","ScStatus":200,"ScSubStatus":"0","ScWin32Status":"0","ScBytes":512,"CsBytes":128,"TimeTaken":12,"Result":"Success"}}}}"#
    )
}

/// Returns the bytes this process holds in memory.
fn resident() -> u64 {
    let told = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    told.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default() * 4096
}
