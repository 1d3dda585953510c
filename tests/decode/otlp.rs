//! Log records of OpenTelemetry, as exports in its JSON.

use gatewatch::sources::otlp::{Encoding, read as read_export};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RESOURCE: &str = r#"{"attributes":[{"key":"service.name","value":{"stringValue":"FN-Orders"}},{"key":"cloud.resource.id","value":{"stringValue":"/subscriptions/0/resourceGroups/r/providers/Microsoft.Web/sites/fn-orders"}}]}"#;
const SCOPE: &str = r#"{"name":"Function.Pay.User","version":"1"}"#;

fn export(record: &str) -> String {
    format!(
        r#"{{"resourceLogs":[{{"resource":{RESOURCE},"scopeLogs":[{{"scope":{SCOPE},"logRecords":[{record}]}}]}}]}}"#
    )
}

fn attribute(key: &str, value: &str) -> String {
    format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#)
}

#[track_caller]
fn read<R>(record: &str, check: impl FnOnce(&Event<'_>) -> R) -> R {
    one(&export(record), |event| {
        assert_eq!((event.category, event.kind, event.weight), (Category::OtlpLogs, Kind::AppLog, 1));
        check(event)
    })
}

#[test]
fn a_log_record_says_when_where_and_what() {
    let record = r#"{"timeUnixNano":"1772438400123456789","observedTimeUnixNano":"1772438401000000000","severityNumber":9,"severityText":"Information","body":{"stringValue":" order 7 paid\n"},"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","attributes":[{"key":"faas.invocation_id","value":{"stringValue":"i-1"}}]}"#;
    read(record, |event| {
        assert_eq!((event.time, event.timed), (at("2026-03-02T08:00:00.123456789Z"), true));
        assert_eq!((says(event.app), says(event.function)), (Some("fn-orders"), Some("fn-orders/pay")));
        assert_eq!(
            says(event.resource),
            Some("/subscriptions/0/resourcegroups/r/providers/microsoft.web/sites/fn-orders")
        );
        assert_eq!((says(event.level), says(event.message)), (Some("Information"), Some("order 7 paid")));
        assert_eq!(says(event.trace), Some("5b8efff798038103d269b633813fc60c"));
        assert_eq!((says(event.correlation), event.outcome), (Some("i-1"), Outcome::Unknown));
    });
}

#[test]
fn a_missing_time_is_that_of_observation_and_a_missing_level_that_of_the_number() {
    let record = r#"{"timeUnixNano":"0","observedTimeUnixNano":1772438400000000000,"severityNumber":"17","body":{"intValue":"7"}}"#;
    read(record, |event| {
        assert_eq!((event.time, event.timed), (at("2026-03-02T08:00:00Z"), true));
        assert_eq!((says(event.level), says(event.message)), (Some("Error"), Some("7")));
        assert_eq!(event.outcome, Outcome::Failure);
    });
    read("{}", |event| assert_eq!((event.time, event.timed), (at(RECEIVED), false)));
}

#[test]
fn a_request_is_read_by_todays_names_and_by_those_of_before() {
    let today = [
        ("http.request.method", "POST"),
        ("url.full", "https://fn-orders.azurewebsites.net/api/pay?code=x&a=1"),
        ("client.address", "203.0.113.7"),
        ("network.peer.address", "10.0.0.1"),
        ("user_agent.original", "curl/8"),
    ];
    let before = [
        ("http.method", "POST"),
        ("http.target", "/api/pay?code=x&a=1"),
        ("http.host", "fn-orders.azurewebsites.net"),
        ("http.client_ip", "203.0.113.7"),
        ("net.peer.ip", "10.0.0.1"),
        ("http.user_agent", "curl/8"),
    ];
    for (names, status) in [(&today[..], "http.response.status_code"), (&before[..], "http.status_code")] {
        let mut attributes: Vec<_> = names.iter().map(|(key, value)| attribute(key, value)).collect();
        attributes.push(format!(r#"{{"key":"{status}","value":{{"intValue":"401"}}}}"#));
        attributes.push(r#"{"key":"client.port","value":{"intValue":50123}}"#.to_owned());
        attributes.push(r#"{"key":"http.request.header.referer","value":{"arrayValue":{"values":[{"stringValue":"https://x.example/"},{"stringValue":"b"}]}}}"#.to_owned());
        read(&format!(r#"{{"attributes":[{}]}}"#, attributes.join(",")), |event| {
            let request = &event.request;
            assert_eq!((says(request.method), says(request.path)), (Some("POST"), Some("/api/pay")));
            assert_eq!(
                (says(request.host), says(request.query)),
                (Some("fn-orders.azurewebsites.net"), Some("code=x&a=1"))
            );
            assert_eq!((event.source_ip, event.source_port), ("203.0.113.7".parse().ok(), Some(50_123)));
            assert_eq!((says(event.peer), says(event.client.agent)), (Some("10.0.0.1"), Some("curl/8")));
            assert_eq!(says(event.referrer), Some("https://x.example/"));
            assert_eq!((event.response.status, event.outcome), (Some(401), Outcome::Failure));
            assert_eq!(event.reason, Reason::AuthenticationRequired);
        });
    }
}

#[test]
fn an_exception_is_a_failure_and_speaks_where_there_is_no_body() {
    let attributes =
        [attribute("exception.type", "System.TimeoutException"), attribute("exception.message", "too slow")];
    read(&format!(r#"{{"attributes":[{}]}}"#, attributes.join(",")), |event| {
        assert_eq!((says(event.message), event.outcome), (Some("too slow"), Outcome::Failure));
    });
}

#[test]
fn a_structured_body_is_told_as_plain_json() {
    let body = r#"{"kvlistValue":{"values":[{"key":"a","value":{"stringValue":"say \"hi\""}},{"key":"n","value":{"arrayValue":{"values":[{"intValue":"1"},{"boolValue":true},{"doubleValue":0.5},{"bytesValue":"eA=="},{}]}}},{"key":"e","value":{"kvlistValue":{}}}]}}"#;
    read(&format!(r#"{{"body":{body}}}"#), |event| {
        assert_eq!(says(event.message), Some(r#"{"a":"say \"hi\"","n":[1,true,0.5,"(bytes)",null],"e":{}}"#));
        assert_eq!(event.personal.len(), 1, "bytes can't be searched, so they are hidden");
    });
    read(r#"{"body":{"bytesValue":"c2VjcmV0"}}"#, |event| {
        assert_eq!((says(event.message), event.personal.len()), (None, 1));
    });
}

#[test]
fn whoever_is_named_is_hidden_and_an_object_id_is_not() {
    let guid = "5b8efff7-9803-8103-d269-b633813fc60c";
    let record = format!(
        r#"{{"attributes":[{},{},{}]}}"#,
        attribute("user.id", guid),
        attribute("enduser.id", "ann"),
        attribute("user.full_name", "Ann Lee")
    );
    read(&record, |event| {
        assert_eq!((says(event.identity.id), says(event.identity.name)), (Some(guid), Some("ann")));
        assert_eq!(event.personal.iter().map(|text| text.value).collect::<Vec<_>>(), ["Ann Lee"]);
    });
}

#[test]
fn a_functions_name_is_known_wherever_it_stands() {
    for (resource, scope, record, function) in [
        ("x", "x", attribute("faas.name", "Pay"), Some("fn/pay")),
        ("x", "x", attribute("faas.name", "FN/Pay"), Some("fn/pay")),
        ("Pay", "x", String::new(), Some("fn/pay")),
        ("FN", "Function.Pay", String::new(), Some("fn/pay")),
        ("fn", "Function..User", String::new(), None),
        ("fn", "Host.Results", String::new(), None),
    ] {
        let resource = [attribute("service.name", "fn"), attribute("faas.name", resource)].join(",");
        let resource = resource.replace(r#"{"key":"faas.name","value":{"stringValue":"x"}}"#, "{}");
        let json = format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{resource}]}},"scopeLogs":[{{"scope":{{"name":"{scope}"}},"logRecords":[{{"attributes":[{record}]}}]}}]}}]}}"#
        );
        one(&json, |event| assert_eq!((says(event.app), says(event.function)), (Some("fn"), function), "{json}"));
    }
}

#[test]
fn every_record_of_an_export_is_one_event_with_its_own_resource() {
    let group = |app: &str, first: &str, n: usize| {
        let records: Vec<_> = (0..n).map(|n| format!(r#"{{"body":{{"stringValue":"{app}{n}"}}}}"#)).collect();
        let resource = format!(r#""resource":{{"attributes":[{}]}}"#, attribute("service.name", app));
        let logs = format!(r#""scopeLogs":[{{"logRecords":[{}],"scope":{{"name":"s"}}}}]"#, records.join(","));
        if first == "resource" { format!("{{{resource},{logs}}}") } else { format!("{{{logs},{resource}}}") }
    };
    let json = format!(
        "{{\"resourceLogs\":[{},{}]}}\n{{\"resourceLogs\":[{}, {{}}]}}",
        group("a", "resource", 2),
        group("b", "logs", 3),
        group("c", "resource", 1)
    );
    let said = decoded(json.as_bytes(), |all| {
        all.iter()
            .map(|one| {
                one.as_ref()
                    .map(|event| (says(event.app).map(str::to_owned), says(event.message).map(str::to_owned)))
                    .unwrap()
            })
            .collect::<Vec<_>>()
    });
    let expected = ["a0", "a1", "b0", "b1", "b2", "c0"].map(|name| (Some(name[..1].to_owned()), Some(name.to_owned())));
    assert_eq!(said, expected);
    assert_eq!(outline(json.as_bytes()).len(), 6);
}

#[test]
fn the_same_line_of_two_instances_is_two_records() {
    let of = |instance: &str| {
        let json = export(r#"{"timeUnixNano":"1","body":{"stringValue":"x"}}"#).replace("FN-Orders", instance);
        one(&json, |event| says(event.own_id).unwrap().to_owned())
    };
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
}

#[test]
fn what_breaks_in_an_export_harms_few_records() {
    let record = |n: usize| format!(r#"{{"timeUnixNano":"1","body":{{"stringValue":"m{n}"}}}}"#);
    for (bad, reason) in [
        ("7", "not_an_object"),
        ("{\"a\":}", "not_json"),
        ("{a}", "not_json"),
        ("{\"body\":{\"stringValue\":\"odd\" quote\"}}", "not_json"),
    ] {
        let json = export(&format!("{},{bad},{}", record(1), record(2)));
        assert_eq!(outline(json.as_bytes()), ["m1", reason, "m2"], "{bad}");
    }
    let whole = export(&(0..5).map(record).collect::<Vec<_>>().join(","));
    for cut in 1..whole.len() {
        let outline = outline(&whole.as_bytes()[..cut]);
        let ends = whole
            .match_indices("\"}}")
            .take_while(|(at, _)| at + 3 <= cut)
            .filter(|(at, _)| *at > whole.find("logRecords").unwrap())
            .count();
        assert_eq!(
            (outline.len(), outline.last().map(String::as_str)),
            (ends + 1, Some("cut_off")),
            "{}",
            &whole[..cut]
        );
    }
    let deep = format!("{}1{}", r#"{"arrayValue":{"values":["#.repeat(30), "]}}".repeat(30));
    let json = export(&format!(r#"{},{{"body":{deep}}},{}"#, record(1), record(2)));
    assert_eq!(outline(json.as_bytes()), ["m1", "too_deep", "m2"]);
}

#[test]
fn what_only_looks_like_an_export_is_one_record() {
    for json in
        [r#"{"resourceLogs":7}"#, r#"{"resourceLogs":{}}"#, r#"{"time":"2026-01-01T00:00:00Z","resourceLogs":[{}]}"#]
    {
        one(json, |event| assert_eq!(event.category, Category::Other));
    }
    assert!(outline(br#"{"resourceLogs":[]}"#).is_empty());
    assert!(
        outline(br#"{"resourceLogs":[{"schemaUrl":"x","scopeLogs":[{"scope":{}},{"logRecords":[]}]}]}"#).is_empty()
    );
    let record = r#"{"timeUnixNano":"1","body":{"stringValue":"m"}}"#;
    assert_eq!(outline(format!(r#"{{"resourceLogs":[{record}]}}"#).as_bytes()), ["m"]);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        ".{0,8}".prop_map(|text| json!({ "stringValue": text })),
        any::<i64>().prop_map(|int| json!({ "intValue": int.to_string() })),
        any::<bool>().prop_map(|bool| json!({ "boolValue": bool })),
        any::<f64>().prop_map(|double| json!({ "doubleValue": double })),
        Just(json!({ "bytesValue": "AAAA" })),
        Just(json!(7)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|values| json!({ "arrayValue": { "values": values } })),
            prop::collection::vec((".{0,4}", inner), 0..4).prop_map(|members| {
                let values: Vec<_> =
                    members.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
                json!({ "kvlistValue": { "values": values } })
            }),
        ]
    })
}

fn log_record() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "url.full",
        "client.address",
        "user.id",
        "faas.name",
        "exception.message",
        "x",
        "http.request.header.cookie",
    ]);
    (any_value(), prop::collection::vec((keys, any_value()), 0..4), any::<u64>()).prop_map(
        |(body, attributes, time)| {
            let attributes: Vec<_> =
                attributes.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
            json!({ "timeUnixNano": time.to_string(), "body": body, "attributes": attributes })
        },
    )
}

/// A field of protobuf that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        out.push(length as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// One of the values of protobuf, by hand.
fn wire_value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        Just(Vec::new()),
        any::<Vec<u8>>().prop_map(|bytes| field(1, &bytes)),
        any::<Vec<u8>>().prop_map(|bytes| field(7, &bytes)),
        any::<bool>().prop_map(|bool| vec![2 << 3, u8::from(bool)]),
        any::<[u8; 8]>().prop_map(|double| [&[4 << 3 | 1][..], &double].concat()),
    ];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| field(5, &values.iter().flat_map(|value| field(1, value)).collect::<Vec<_>>())),
            prop::collection::vec((any::<Vec<u8>>(), inner), 0..4).prop_map(|members| {
                let member = |(key, value): &(Vec<u8>, Vec<u8>)| field(1, &[field(1, key), field(2, value)].concat());
                field(6, &members.iter().flat_map(member).collect::<Vec<_>>())
            }),
        ]
    })
}

fn wire(records: &[Vec<u8>]) -> Vec<u8> {
    field(1, &field(2, &records.iter().flat_map(|record| field(2, record)).collect::<Vec<_>>()))
}

#[test]
fn what_is_nested_beyond_all_sense_neither_overflows_nor_harms_its_neighbours() {
    let deep = (0..2_000).fold(field(1, b"deep"), |value, _| field(5, &field(1, &value)));
    let [one, deep, two] = [field(1, b"one"), deep, field(1, b"two")].map(|body| field(5, &body));
    let export = read_export(wire(&[one, deep, two]), Encoding::Protobuf).unwrap();
    assert_eq!((export.records, export.left_out), (3, 0));
    assert_eq!(outline(&export.json), ["one", "too_deep", "two"]);
}

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 200, told => told }, ..ProptestConfig::default() })]

    #[test]
    fn any_export_is_as_many_events_as_records(groups in prop::collection::vec(prop::collection::vec(log_record(), 0..4), 0..4), pretty in any::<bool>()) {
        let groups: Vec<_> = groups.into_iter().map(|records| json!({ "scopeLogs": [{ "logRecords": records }], "resource": {} })).collect();
        let records: usize = groups.iter().map(|group| group["scopeLogs"][0]["logRecords"].as_array().unwrap().len()).sum();
        let export = json!({ "resourceLogs": groups });
        let text = if pretty { serde_json::to_string_pretty(&export).unwrap() } else { export.to_string() };
        decoded(text.as_bytes(), |all| {
            prop_assert_eq!(all.len(), records);
            for one in all {
                let event = one.as_ref().map_err(|bad| TestCaseError::fail(format!("{bad:?}")))?;
                assert_consistent(event);
                prop_assert_eq!(event.category, Category::OtlpLogs);
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_export_in_protobuf_is_as_many_events_as_records(records in prop::collection::vec((wire_value(), any::<Vec<u8>>(), wire_value()), 0..6)) {
        let record = |(body, key, value): &(Vec<u8>, Vec<u8>, Vec<u8>)| {
            [field(5, body), field(6, &[field(1, key), field(2, value)].concat())].concat()
        };
        let export = read_export(wire(&records.iter().map(record).collect::<Vec<_>>()), Encoding::Protobuf).unwrap();
        prop_assert_eq!((export.records, export.left_out), (records.len(), 0));
        serde_json::from_slice::<Value>(&export.json).unwrap();
        decoded(&export.json, |all| {
            prop_assert_eq!(all.len(), records.len());
            prop_assert!(all.iter().all(Result::is_ok));
            Ok(())
        })?;
    }

    #[test]
    fn no_text_that_is_nearly_an_export_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", "\"", ":", ",", "\\", "1", "é", "\"resourceLogs\":[", "\"scopeLogs\":[", "\"logRecords\":[", "\"resource\":{", "\"scope\":{\"name\":\"x\"}",
        "\"attributes\":[", "\"key\":\"url.full\"", "\"value\":{", "\"stringValue\":\"https://h/p?q\"", "\"bytesValue\":\"AA\"", "\"body\":{", "\"kvlistValue\":{\"values\":[", "\"arrayValue\":{\"values\":[",
    ]), 0..60)) {
        outline(parts.concat().as_bytes());
    }
}
