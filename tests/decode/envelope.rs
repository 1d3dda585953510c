//! What every record has, whatever wrote it.

use super::*;

const A: &str = r#"{"time":"2026-01-01T00:00:00Z","message":"a"}"#;
const B: &str = r#"{"time":"2026-01-01T00:00:01Z","message":"b"}"#;

#[test]
fn every_shape_of_a_message_gives_its_records() {
    for message in [
        format!(r#"{{"records":[{A},{B}]}}"#),
        format!("[{A},{B}]"),
        format!("{A}\n{B}\n"),
        format!("{A}{B}"),
        format!("\u{feff}{{\"Records\" : [ {A} ,\n {B} ] , \"x\": [1] }}"),
        format!(r#"{{"x":{{}},"records":[{A}],"records":[{B}]}}"#),
        format!(r#"[{{"records":[{A}]}},{{"records":[{B}]}}]"#),
        format!("{{\"records\":[{A}]}}\r\n{{\"records\":[{B}]}}"),
        format!("{A},\n{B},\n"),
    ] {
        assert_eq!(outline(message.as_bytes()), ["a", "b"], "{message}");
    }
    assert_eq!(outline(A.as_bytes()), ["a"]);
    assert!(outline(b"[]").is_empty() && outline(br#"{"records":[]}"#).is_empty());
}

#[test]
fn a_record_that_has_records_of_its_own_is_one_record() {
    assert_eq!(outline(br#"{"time":"2026-01-01T00:00:00Z","message":"m","records":[{"a":1}]}"#), ["m"]);
    assert_eq!(outline(br#"{"records":[{"records":[{"a":1}],"message":"m"}]}"#), ["m"]);
    assert_eq!(outline(br#"{"records":"many","message":"m"}"#), ["m"]);
}

#[test]
fn envelope_keys_are_read_in_any_case() {
    let json = r#"{"TIME":"2026-01-01T00:00:00Z","ResourceId":"/S/x/SITES/Shop","Category":"functionapplogs","LEVEL":"Error"}"#;
    one(json, |event| {
        assert_eq!(event.category, Category::FunctionAppLogs);
        assert_eq!((event.time, event.timed), (at("2026-01-01T00:00:00Z"), true));
        assert_eq!((says(event.app), says(event.level)), (Some("shop"), Some("Error")));
        assert_eq!(says(event.resource), Some("/s/x/sites/shop"));
    });
}

#[test]
fn of_a_key_that_stands_twice_the_first_that_says_something_counts() {
    let json = r#"{"level":"","Level":"-","LEVEL":null,"lEvel":"Error","level":"Warning"}"#;
    one(json, |event| assert_eq!(says(event.level), Some("Error")));
}

#[test]
fn a_missing_or_bad_time_is_the_time_of_receipt() {
    for json in [r#"{"a":1}"#, r#"{"time":"2020-10-14T17:xx:xx.xx"}"#, r#"{"time":17}"#] {
        one(json, |event| assert_eq!((event.time, event.timed), (at(RECEIVED), false)));
    }
    let (mut batch, arena) = (Batch::default(), Bump::new());
    batch.push(b"{}", StreamId(0), 0, 1, None);
    let scanned = Scanned::new(&batch, Vec::new());
    decode(&scanned, 0, &arena, |one| assert_eq!(one.unwrap().time, Timestamp::from_nanos(0)));
}

#[test]
fn other_names_of_the_time_are_known() {
    for name in ["timeStamp", "timestamp", "TimeGenerated", "EventTimeString", "EventTime"] {
        let json = format!(r#"{{"{name}":"2023-01-20T21:25:55+00:00"}}"#);
        one(&json, |event| assert_eq!((event.time, event.timed), (at("2023-01-20T21:25:55Z"), true)));
    }
}

#[test]
fn a_position_counts_the_records_of_its_message() {
    decoded(format!(r#"{{"records":[{A},7,{B}]}}"#).as_bytes(), |all| {
        let positions: Vec<_> = all.iter().flatten().map(|event| event.position).collect();
        assert_eq!(
            positions.iter().map(|p| (p.stream, p.offset, p.index)).collect::<Vec<_>>(),
            [(StreamId(7), 42, 0), (StreamId(7), 42, 2)]
        );
    });
}

#[test]
fn a_record_has_the_sightings_that_stand_in_it() {
    let bytes = format!("[{A},{B},{A}]").into_bytes();
    let starts: Vec<u32> = (0..bytes.len()).filter(|&at| bytes[at] == b'{').map(|at| at as u32).collect();
    let sighting = |start: u32| Sighting {
        kind: "jwt".into(),
        privilege: None,
        confidence: Confidence::Proven,
        secret: true,
        dummy: false,
        fingerprint: Fingerprint("jwt:k1:ABCDEFGHIJKLMNOP".into()),
        at: start..start + 3,
        about: None,
        original: None,
    };
    let sightings = vec![sighting(starts[0] + 3), sighting(starts[0] + 9), sighting(starts[2] + 5)];
    let batch = batch(b"unredacted");
    let scanned = Scanned::new(&batch, vec![(0, ScannedMessage { bytes, sightings, stood: Vec::new() })]);
    let (arena, mut counts) = (Bump::new(), Vec::new());
    decode(&scanned, 0, &arena, |one| counts.push(one.unwrap().sightings.len()));
    assert_eq!(counts, [2, 0, 1]);
}

#[test]
fn any_other_record_is_a_generic_event() {
    let json = r#"{"time":"2026-01-01T00:00:00Z","Type":"SomethingNew","OperationName":"GET /a","CorrelationId":"c",
        "callerIpAddress":"[2001:db8::1]:99","identity":{"claim":{"upn":"ada@corp.example","name":"Ada L"}},
        "resultDescription":" line\n\n","Level":4}"#;
    one(json, |event| {
        assert_eq!((event.category, event.kind, event.outcome), (Category::Other, Kind::Other, Outcome::Unknown));
        assert_eq!((says(event.operation), says(event.correlation)), (Some("GET /a"), Some("c")));
        assert_eq!(event.source_ip, Some("2001:db8::1".parse().unwrap()));
        assert_eq!((event.source_port, says(event.source_text)), (Some(99), Some("2001:db8::1")));
        assert_eq!((says(event.message), says(event.level)), (Some("line"), Some("4")));
        assert_eq!(says(event.identity.name), Some("ada@corp.example"));
        assert_eq!(event.personal.iter().map(|text| text.value).collect::<Vec<_>>(), ["Ada L"]);
    });
}
