//! The store, seen from outside: what a kill, a torn file and a slow reader leave of it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it stands")]

mod answers;
mod lifecycle;
mod lists;
mod outbox;
mod recovery;

use std::path::Path;

use gatewatch::alerts::{Alert, AlertId, AlertState, Attack, Closing, Entity, EntityKind, Family, Level, Transition};
use gatewatch::clock::Timestamp;
use gatewatch::store::{Delivery, Recovered, Store};
use gatewatch::telemetry::StreamName;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn alert(id: u64, last_seen: i64) -> Alert {
    Alert {
        id: AlertId(id),
        fingerprint: id.wrapping_mul(u64::MAX / 3),
        revision: 1,
        group: None,
        members: Vec::new(),
        detector: "key-usage.one_key_many_addresses".into(),
        family: Family::KeyUsage,
        level: Level::High,
        title: "One key used from many addresses".into(),
        entity: Entity::new(EntityKind::Ip, format!("203.0.113.{}", id % 250)),
        entities: Vec::new(),
        app: Some("shop".into()),
        owner: None,
        first_seen: at(0),
        opened_at: at(last_seen),
        last_seen: at(last_seen),
        count: 3,
        why: format!("Seen {id} times"),
        because: None,
        triage: "Ask the owner.".into(),
        attack: Attack::default(),
        threat: "key-theft".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: Vec::new(),
        late: false,
    }
}

fn opened(alert: &Alert) -> (Transition, Timestamp) {
    (Transition::Opened(alert.clone()), at(1_000))
}

fn closed(mut alert: Alert) -> Transition {
    alert.revision += 1;
    alert.state = AlertState::Closed;
    alert.closing = Some(Closing::Quiet);
    Transition::Closed(alert, Closing::Quiet)
}

fn delivery(alert: u64, revision: u32, due: i64) -> Delivery {
    Delivery::new("hook", &format!("{}:{revision}", AlertId(alert)), "{}".into(), at(due))
}

fn stream(partition: i32) -> StreamName {
    StreamName { source: "hub".into(), topic: "logs".into(), partition }
}

/// Copies what a kill would leave: the database and its log as the system holds them now.
fn as_killed(data: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in ["gatewatch.db", "gatewatch.db-wal"] {
        if data.join(file).exists() {
            std::fs::copy(data.join(file), to.join(file)).unwrap();
        }
    }
}

fn recovered(data: &Path) -> Recovered {
    Store::open(data).unwrap().recover(Timestamp::MIN).unwrap()
}
