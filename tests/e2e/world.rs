//! A simulated world on disk, and what a replay of it finds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gatewatch::clock::Timestamp;
use gatewatch::simulate::{Message, Options, World};
use serde_json::Value;

/// The binary under test; `GATEWATCH_BIN` names another one, such as a release build.
pub fn gatewatch() -> Command {
    Command::new(std::env::var("GATEWATCH_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gatewatch").to_owned()))
}

/// About `records` records of a world with every attack in it.
pub fn messages(seed: u64, records: usize) -> Vec<Message> {
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let duration = Duration::from_hours(1);
    let rate = u32::try_from(records / 3_600).unwrap().max(1);
    World::new(Options { seed, start, duration, rate, attacks: vec![], clean: false }).unwrap().collect()
}

/// Writes messages one a line.
pub fn write(path: &Path, messages: &[Message]) {
    let mut text = Vec::new();
    for message in messages {
        text.extend_from_slice(&message.bytes);
        text.push(b'\n');
    }
    std::fs::write(path, text).unwrap();
}

/// What a replay wrote.
pub struct Replay {
    /// The alerts' lines, as written.
    pub alerts: String,
    /// The summary.
    pub summary: Value,
}

/// Replays `files` with the key in `data`.
pub fn replay(dir: &Path, data: &Path, files: &[PathBuf], extra: &[&str]) -> Replay {
    let (alerts, summary) = (dir.join("replay-alerts.jsonl"), dir.join("replay-summary.json"));
    let mut command = gatewatch();
    command
        .arg("replay")
        .args(files)
        .arg("--data")
        .arg(data)
        .arg("--alerts")
        .arg(&alerts)
        .arg("--summary")
        .arg(&summary);
    let output = command.args(extra).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Replay {
        alerts: std::fs::read_to_string(&alerts).unwrap(),
        summary: serde_json::from_slice(&std::fs::read(&summary).unwrap()).unwrap(),
    }
}

/// Alerts without what may differ between two ways of reading the same events.
pub fn comparable(alerts: &str) -> Vec<Value> {
    alerts
        .lines()
        .map(|line| {
            let mut alert: Value = serde_json::from_str(line).unwrap();
            for evidence in alert["evidence"].as_array_mut().unwrap() {
                evidence.as_object_mut().unwrap().remove("position");
            }
            alert
        })
        .collect()
}

/// Asserts that two lists of alerts are the same, naming the first that differ.
pub fn assert_same(left: &str, right: &str, what: &str) {
    let (left, right) = (comparable(left), comparable(right));
    let mut apart = Vec::new();
    for (l, r) in left.iter().zip(&right) {
        differences(&format!("{} {}", l["id"], l["detector"]), l, r, &mut apart);
    }
    apart.truncate(20);
    assert!(apart.is_empty(), "alerts differ: {apart:#?}\n{what}");
    let ids = |alerts: &[Value]| {
        alerts.iter().map(|a| format!("{} {}", a["detector"], a["entity"]["value"])).collect::<Vec<_>>()
    };
    assert_eq!(ids(&left), ids(&right), "{what}: not the same alerts");
}

/// Appends each place at which two values differ, and what stands there.
fn differences(at: &str, left: &Value, right: &Value, apart: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(l), Value::Object(r)) => {
            let names: std::collections::BTreeSet<&String> = l.keys().chain(r.keys()).collect();
            for name in names {
                differences(&format!("{at}/{name}"), &left[name], &right[name], apart);
            }
        }
        (Value::Array(l), Value::Array(r)) if l.len() == r.len() => {
            for (n, (l, r)) in l.iter().zip(r).enumerate() {
                differences(&format!("{at}/{n}"), l, r, apart);
            }
        }
        _ if left != right => apart.push(format!("{at}: {left} is not {right}")),
        _ => {}
    }
}

/// Asserts that every record is accounted for.
pub fn assert_accounted(summary: &Value) {
    let sum = |name: &str| summary[name].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>();
    let duplicates = summary["duplicates"].as_u64().unwrap();
    assert_eq!(summary["records"].as_u64().unwrap(), sum("decoded") + sum("dead_letters") + duplicates, "{summary:#}");
}
