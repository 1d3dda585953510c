//! Decoding alone, category by category and on a mix, beside `serde_json::Value` reading the same
//! bytes to the same depth in the same run.
//!
//! To the same depth: `Value` also reads what stands in a record's or its properties' strings as an
//! object, in whichever quotes. Records are simulated where the simulator writes the category, else
//! made up (`decode.ndjson`, a line a category); OpenTelemetry's come as an export. Each figure is the
//! best of many short rounds, both sides interleaved, so that a busy machine slows both alike. Run:
//! `./dev bench decode`.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "a benchmark measures time and prints"
)]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bumpalo::Bump;
use gatewatch::clock::Timestamp;
use gatewatch::simulate::{Options, World};
use gatewatch::telemetry::{Batch, Category, Scanned, StreamId, decode};
use serde_json::Value;

const SET_BYTES: usize = 256 * 1024;
const RECORDS: usize = 50;
const ROUNDS: usize = 100;

struct Set {
    name: String,
    batch: Batch,
    records: usize,
}

fn main() {
    let mut sets = simulated();
    sets.extend(made_up());
    let mix = mix(&sets);
    sets.push(mix);
    println!("{:<34} {:>9} {:>12} {:>12} {:>9} {:>8}", "category", "bytes", "Value µs", "decode µs", "MB/s", "× Value");
    for set in &sets {
        measure(set);
    }
}

fn measure(set: &Set) {
    let (mut value, mut ours) = (Duration::MAX, Duration::MAX);
    let scanned = Scanned::new(&set.batch, Vec::new());
    let mut arena = Bump::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for message in 0..set.batch.messages.len() {
            black_box(to_the_same_depth(set.batch.message(message)));
        }
        value = value.min(began.elapsed());
        let began = Instant::now();
        for message in 0..set.batch.messages.len() {
            arena.reset();
            decode(&scanned, message, &arena, |event| {
                black_box(&event);
            });
        }
        ours = ours.min(began.elapsed());
    }
    let micros = |took: Duration| took.as_secs_f64() * 1e6 / set.records as f64;
    println!(
        "{:<34} {:>9} {:>12.3} {:>12.3} {:>9.0} {:>8.2}",
        set.name,
        set.batch.bytes.len() / set.records,
        micros(value),
        micros(ours),
        set.batch.bytes.len() as f64 / ours.as_secs_f64() / 1e6,
        value.as_secs_f64() / ours.as_secs_f64()
    );
}

/// What `Value` makes of a message, with the objects in the strings of its records and properties.
fn to_the_same_depth(bytes: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(bytes).unwrap();
    let records = value.get_mut("records").and_then(Value::as_array_mut).into_iter().flatten();
    for record in records.filter_map(Value::as_object_mut) {
        for member in record.values_mut() {
            open(member);
            member.as_object_mut().into_iter().flat_map(|inner| inner.values_mut()).for_each(open);
        }
    }
    value
}

fn open(value: &mut Value) {
    let Value::String(text) = value else { return };
    let inner = match text.as_bytes() {
        [b'{', b'\'', ..] => serde_json::from_str(&text.replace('\'', "\"")),
        [b'{', ..] => serde_json::from_str(text),
        _ => return,
    };
    if let Ok(inner) = inner {
        *value = inner;
    }
}

/// Messages of the simulated fleet, by the category of their records.
fn simulated() -> Vec<Set> {
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let duration = Duration::from_hours(6);
    let options = Options { seed: 1, start, duration, rate: 50, attacks: vec![], clean: false };
    let mut by_category: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for message in World::new(options).unwrap() {
        let Ok(value) = serde_json::from_slice::<Value>(&message.bytes) else { continue };
        let Some(record) = value["records"].get(0) else { continue };
        let Some(named) = record["category"].as_str() else { continue };
        let category = Category::named(named).unwrap_or(Category::ActivityLog);
        let os = if record["properties"].is_string() { ", in a string" } else { "" };
        let messages = by_category.entry(format!("{}{os}", category.name())).or_default();
        if messages.iter().map(Vec::len).sum::<usize>() < SET_BYTES {
            messages.push(message.bytes);
        }
    }
    by_category.into_iter().map(|(name, messages)| set(name, &messages)).collect()
}

/// Messages of made-up records, a set a line.
fn made_up() -> Vec<Set> {
    include_str!("decode.ndjson")
        .lines()
        .map(|line| {
            let record: Value = serde_json::from_str(line).unwrap();
            let otlp = record.get("otlp").is_some();
            let named = ["category", "Category", "Type"].iter().find_map(|name| record[name].as_str());
            let name = if otlp { Category::OtlpLogs.name() } else { named.unwrap() };
            let template = if otlp { record["otlp"].to_string() } else { line.to_owned() };
            let mut messages = Vec::new();
            let mut bytes = 0;
            while bytes < SET_BYTES {
                let records: Vec<String> = (10..10 + RECORDS).map(|n| template.replace("%%", &n.to_string())).collect();
                let message = if otlp { export(&records) } else { format!("{{\"records\":[{}]}}", records.join(",")) };
                bytes += message.len();
                messages.push(message.into_bytes());
            }
            set(name.to_owned(), &messages)
        })
        .collect()
}

fn export(records: &[String]) -> String {
    let resource = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"fn-orders"}},{"key":"cloud.resource.id","value":{"stringValue":"/subscriptions/0/resourceGroups/r/providers/Microsoft.Web/sites/fn-orders"}}]}"#;
    let scope = r#"{"name":"Function.pay.User"}"#;
    format!(
        r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"scope":{scope},"logRecords":[{}]}}]}}]}}"#,
        records.join(",")
    )
}

/// One message of each category in turn, until the largest set is through.
fn mix(sets: &[Set]) -> Set {
    let most = sets.iter().map(|set| set.batch.messages.len()).min().unwrap();
    let messages: Vec<Vec<u8>> =
        (0..most).flat_map(|n| sets.iter().map(move |set| set.batch.message(n).to_vec())).collect();
    set("a mix of all of them".to_owned(), &messages)
}

fn set(name: String, messages: &[Vec<u8>]) -> Set {
    let mut batch = Batch::default();
    for (n, message) in messages.iter().enumerate() {
        batch.push(message, StreamId(0), n as i64, n as i64 + 1, None);
    }
    let scanned = Scanned::new(&batch, Vec::new());
    let (mut records, mut arena) = (0, Bump::new());
    for message in 0..batch.messages.len() {
        arena.reset();
        decode(&scanned, message, &arena, |event| records += usize::from(event.is_ok()));
    }
    Set { name, batch, records }
}
