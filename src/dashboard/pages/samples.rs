//! What tests render pages from.

use std::sync::Arc;
use std::time::Duration;

use super::super::board::{
    Board, DetectorFileSeen, DetectorSeen, ElementSeen, ExceptionSeen, Health, SinkSeen, SourceSeen, StreamSeen,
};
use crate::alerts::{
    Alert, AlertId, AlertState, Attack, Because, Category, Entity, EntityKind, Evidence, Family, Level, Limit, Measure,
    Member, Position, StreamId, StreamName, Streams,
};
use crate::clock::Timestamp;
use crate::posture::{ElementKind, Heard, Kind, Need};
use crate::store::{Accounting, Change, DeadLetter, Delivery};

pub(in crate::dashboard) const NOW: Timestamp = Timestamp::from_seconds(1_795_442_400);

fn ago(seconds: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(seconds))
}

fn stream(partition: i32) -> StreamName {
    StreamName { source: "fleet".into(), topic: "logs".into(), partition }
}

pub(in crate::dashboard) fn streams() -> Streams {
    Streams::restore((0..4).map(stream).collect())
}

pub(in crate::dashboard) fn alert() -> Alert {
    let entity = Entity::new(EntityKind::Key, "azure-function-key:k1:7Q2MFJ4T");
    Alert {
        id: AlertId(0x3f9a_0011_2233_4455),
        fingerprint: 7,
        revision: 3,
        group: None,
        members: Vec::new(),
        detector: "key-usage.one_key_many_addresses".into(),
        family: Family::KeyUsage,
        level: Level::High,
        title: "One key used from many addresses".into(),
        entities: vec![
            entity.clone(),
            Entity::new(EntityKind::Ip, "203.0.113.7"),
            Entity::new(EntityKind::App, "fn-orders"),
        ],
        entity,
        app: Some("fn-orders".into()),
        owner: Some("shop team".into()),
        first_seen: ago(600),
        opened_at: ago(540),
        last_seen: ago(90),
        count: 1_234,
        why: "In 10 minutes one key went to 21 addresses that had never used it.".into(),
        because: Some(Because {
            measure: Measure::Values,
            value: 21.0,
            peak: 34.0,
            limit: Limit::MoreThan(20.0),
            within: Some(Duration::from_mins(10)),
            from: ago(600),
            to: ago(540),
            events: 21,
            earlier: None,
            spare: 0,
            others: Vec::new(),
        }),
        triage: "1. Who owns the key, and do the new addresses belong to them?\n2. If not: revoke it.".into(),
        attack: Attack { version: "18".into(), techniques: vec!["T1110.001".into()] },
        threat: "key-theft".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: vec![Evidence {
            position: Position { stream: StreamId(3), offset: 4711, index: 2 },
            time: ago(541),
            category: Category::AppServiceHTTPLogs,
            record: Some(Arc::from(r#"{"time":"2026-11-23T13:51:00Z","properties":{"ScStatus":200}}"#)),
        }],
        late: false,
    }
}

/// Two detectors that saw the alert.
pub(in crate::dashboard) fn members() -> Vec<Member> {
    let Alert { detector, family, level, title, triage, attack, threat, app, first_seen, .. } = alert();
    let Alert { opened_at, last_seen, count, why, because, evidence, .. } = alert();
    let front = Member {
        detector,
        family,
        level,
        title,
        triage,
        attack,
        threat,
        app,
        first_seen,
        opened_at,
        last_seen,
        count,
        why,
        because,
        evidence,
        joined: false,
    };
    let mut event = front.evidence[0].clone();
    event.time = ago(300);
    let behind = Member {
        detector: "key-usage.one_key_unlike_clients".into(),
        level: Level::Medium,
        title: "One key, clients unlike each other".into(),
        why: "The key came from curl and a phone <app> within a minute.".into(),
        count: 17,
        evidence: vec![event],
        joined: true,
        ..front.clone()
    };
    vec![front, behind]
}

pub(in crate::dashboard) fn detector() -> DetectorSeen {
    DetectorSeen {
        title: "One key used from many addresses".into(),
        family: Family::KeyUsage,
        level: Level::High,
        threat: "key-theft".into(),
        techniques: vec!["T1078.004".into()],
        attack: "18".into(),
        why: "A function key is a shared secret with a known set of callers.".into(),
        false_alarms: "A mobile app that ships a key.".into(),
        triage: "1. Who owns the key?\n2. If not: revoke it.".into(),
        fires: "at more than 20 different values for one key over 10m".into(),
        tactics: vec![Some((2, "initial-access"))],
        file: Some(DetectorFileSeen {
            path: "key-usage/one_key_many_addresses.yaml".into(),
            text: "id: key-usage.one_key_many_addresses\nwhen: { outcome: success }\ndistinct:\n  more_than: 20\n"
                .into(),
            cases: Some("- name: thirty addresses\n".into()),
        }),
        place: 0,
    }
}

pub(in crate::dashboard) fn history() -> Vec<Change> {
    let line = |seconds, revision, says: &str| Change { at: ago(seconds), revision, says: says.into() };
    vec![line(540, 1, "opened"), line(300, 2, "events"), line(90, 3, "events")]
}

pub(in crate::dashboard) fn deliveries() -> Vec<(Delivery, String)> {
    let one = Delivery {
        id: 1,
        sink: "pager".into(),
        key: "3f9a001122334455:1".into(),
        payload: "{}".into(),
        attempts: 1,
        due: ago(539),
        about: Vec::new(),
    };
    vec![(one, "delivered: 200".into())]
}

pub(in crate::dashboard) fn dead_letters() -> Vec<DeadLetter> {
    vec![DeadLetter {
        id: 1,
        from: "fleet/logs/3, offset 4712, record 0".into(),
        stream: Some(stream(3)),
        offset: 4712,
        place: 0,
        reason: "not_json".into(),
        at: ago(30),
        tried: None,
        waits: false,
        size: 10,
        bytes: b"{\"time\": \xff".to_vec(),
    }]
}

pub(in crate::dashboard) fn accounting() -> Accounting {
    Accounting {
        messages: 400,
        records: 12_345,
        bytes: 9_000_000,
        decoded: [("AppServiceHTTPLogs".into(), 12_300)].into(),
        dead_letters: [("not_json".into(), 5)].into(),
        filtered: 30,
        duplicates: 10,
        redactions: [("jwt".into(), 77)].into(),
        ..Accounting::default()
    }
}

/// A board on which nothing is wrong.
pub(in crate::dashboard) fn calm_board() -> Board {
    let board = Board::default();
    let source = SourceSeen {
        kind: "kafka",
        state: "reading".into(),
        failing: false,
        messages: 400,
        records_per_second: 1_520.4,
        bytes_per_second: 1_440_000.0,
    };
    board.sources.insert("fleet".into(), source);
    board.set_health(Health {
        at: Some(ago(1)),
        ready: true,
        watermark: Some(ago(13)),
        newest: Some(ago(3)),
        last_epoch: Some(ago(2)),
        records: [12_345, 12_300, 5, 30, 10],
        detectors: 14,
        ..Health::default()
    });
    board
}

fn app(board: &Board, name: &str, category: Category, seconds: u64) {
    let mut heard = Heard::nothing(category);
    heard.hear(ago(seconds), 4, Some(ago(seconds - 2)));
    let resource = format!("/subscriptions/0f00/resourcegroups/shop/providers/microsoft.web/sites/{name}");
    let seen = ElementSeen { resource: Some(resource.into()), first: ago(7_000), heard: vec![heard] };
    board.elements.insert((ElementKind::App, name.into()), seen);
}

/// A board with a partition behind, a sink that fails and an app that is silent.
pub(in crate::dashboard) fn board() -> Board {
    let board = calm_board();
    for partition in 0..4 {
        let lag = if partition == 3 { 1_234 } else { 0 };
        let seen = StreamSeen { offset: 90_000, lag: Some(lag), newest: Some(ago(3)) };
        board.streams.insert(stream(partition), seen);
    }
    app(&board, "fn-orders", Category::AppServiceHTTPLogs, 3);
    app(&board, "fn-legacy-import", Category::FunctionAppLogs, 7_000);
    let need = |id: &str| Need { detector: id.into(), title: "Requests".into(), kinds: vec![Kind::HttpRequest] };
    board.set_needs(vec![need("probing.a"), need("probing.b")]);
    let failing = Some(("connection refused: is hooks.example.com up?".into(), ago(20)));
    board.sinks.insert("pager".into(), SinkSeen { kind: "webhook", waiting: 3, delivered: 41, failing });
    board.set_exceptions(vec![exception("probing")]);
    board
}

pub(in crate::dashboard) fn exception(detectors: &str) -> ExceptionSeen {
    ExceptionSeen {
        id: "pentest-march".into(),
        detectors: detectors.into(),
        owner: "Dana Reyes".into(),
        reason: "Pentest of the shop, order 4711".into(),
        expires: NOW.plus(Duration::from_hours(30)),
        standing: "ends soon",
        held_back: 1_204,
    }
}
