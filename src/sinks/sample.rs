//! Which alert is shown where no real one is at hand?
//!
//! A made-up one of every field, for `sinks preview` and `sinks test`, and for the tests of sinks.

use crate::alerts::{
    Alert, AlertId, AlertState, Attack, Because, Entity, EntityKind, Evidence, Family, Level, Limit, Measure, Position,
};
use crate::clock::Timestamp;
use crate::telemetry::{Category, StreamId, StreamName, Streams};

/// Returns an alert to try sinks with.
pub fn sample() -> Alert {
    let at = Timestamp::from_seconds;
    Alert {
        id: AlertId(0x3f9a),
        fingerprint: 7,
        revision: 2,
        group: None,
        members: Vec::new(),
        detector: "key-usage.one_key_many_addresses".into(),
        family: Family::KeyUsage,
        level: Level::High,
        title: "One key used from many addresses".into(),
        entity: Entity::new(EntityKind::Key, "k-1"),
        entities: vec![Entity::new(EntityKind::Key, "k-1"), Entity::new(EntityKind::Ip, "203.0.113.7")],
        app: Some("shop".into()),
        owner: None,
        first_seen: at(100),
        opened_at: at(160),
        last_seen: at(220),
        count: 30,
        why: "Key k-1 was used from 30 addresses within 10 minutes".into(),
        because: Some(Because {
            measure: Measure::Values,
            value: 21.0,
            peak: 30.0,
            limit: Limit::MoreThan(20.0),
            within: Some(std::time::Duration::from_mins(10)),
            from: at(100),
            to: at(160),
            events: 21,
            earlier: None,
            spare: 0,
            others: Vec::new(),
        }),
        triage: "Ask its owner.".into(),
        attack: Attack { version: "18".into(), techniques: vec!["T1078.004".into()] },
        threat: "key-theft".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: vec![Evidence {
            position: Position { stream: StreamId(0), offset: 5, index: 1 },
            time: at(220),
            category: Category::GatewayLogs,
            record: Some("{}".into()),
        }],
        late: false,
    }
}

/// Returns the same, that another detector sees too.
#[cfg(test)]
pub fn shared_sample() -> Alert {
    use crate::alerts::{Family, Level, Member};

    let alert = sample();
    let front = Member {
        detector: alert.detector.clone(),
        family: alert.family,
        level: alert.level,
        title: alert.title.clone(),
        triage: alert.triage.clone(),
        attack: alert.attack.clone(),
        threat: alert.threat.clone(),
        app: alert.app.clone(),
        first_seen: alert.first_seen,
        opened_at: alert.opened_at,
        last_seen: alert.last_seen,
        count: alert.count,
        why: alert.why.clone(),
        because: alert.because.clone(),
        evidence: alert.evidence.clone(),
        joined: false,
    };
    let mut evidence = alert.evidence.clone();
    evidence[0].time = crate::clock::Timestamp::from_seconds(230);
    let behind = Member {
        detector: "probing.scanner".into(),
        family: Family::Probing,
        level: Level::Low,
        count: 7,
        evidence,
        joined: true,
        ..front.clone()
    };
    Alert { group: Some("seen".into()), members: vec![front, behind], ..alert }
}

/// Returns [`sample`] as if it happened at `now`, under an id of its own that no real alert has.
pub fn sample_at(now: Timestamp) -> Alert {
    let (first, opened) = (now.minus(std::time::Duration::from_mins(2)), now.minus(std::time::Duration::from_mins(1)));
    Alert {
        id: AlertId(now.nanos().unsigned_abs()),
        title: "A test of this sink: one key used from many addresses".into(),
        first_seen: first,
        opened_at: opened,
        last_seen: now,
        revision: 1,
        ..sample()
    }
}

/// The stream that the evidence of [`sample`] lies in.
pub fn sample_streams() -> Streams {
    let name = StreamName { source: "hub".into(), topic: "logs".into(), partition: 3 };
    Streams::restore(vec![Some(name)])
}
