//! What should never have been written.

use super::*;

fn record(name: &str) -> String {
    format!(r#"{{"time":"2026-01-01T00:00:00Z","properties":{{"message":"{name}","list":[{{"a":1}},{{"a":2}}]}}}}"#)
}

fn around(bad: &str) -> Vec<String> {
    outline(format!(r#"{{"records":[{},{bad},{}]}}"#, record("first"), record("last")).as_bytes())
}

#[test]
fn one_bad_record_harms_no_other() {
    for (bad, reason) in [
        ("7", "not_an_object"),
        ("\"text\"", "not_an_object"),
        ("[{\"a\":1}]", "not_an_object"),
        ("null", "not_an_object"),
        ("rubbish", "not_json"),
        ("{\"a\":}", "not_json"),
        ("{a:1}", "not_json"),
        ("{\"a\":1,}", "not_json"),
        ("{\"a\":\"say \"hi\" now\"}", "not_json"),
        (r#"{"time":"odd"quote","message":"x"}"#, "not_json"),
        (r#"{"time":"2026","message":'}"#, "not_json"),
        (r#"{"time":"2026","properties":{"a":1}"#, "not_json"),
        (r#"{"time":"2026","properties":{"a":[1}}"#, "not_json"),
    ] {
        assert_eq!(around(bad), ["first", reason, "last"], "{bad}");
    }
    assert_eq!(around("").len(), 2);
    assert_eq!(outline(b"[{\"message\":\"a\"}}, {\"message\":\"b\"}]"), ["a", "not_json", "b"]);
}

#[test]
fn one_bad_line_harms_no_other() {
    for bad in
        ["rubbish", "2026-01-01 12:00 an error", "{\"a\":1", "{\"a\":\"b", "}", "{\"a\":\"odd\" quote\"}", "[1 2"]
    {
        let lines = format!("{}\n{bad}\n{}", record("first"), record("last"));
        let outline = outline(lines.as_bytes());
        assert_eq!((outline[0].as_str(), outline.last().unwrap().as_str()), ("first", "last"), "{bad}: {outline:?}");
    }
}

#[test]
fn a_record_behind_a_syslog_prefix_is_found() {
    let line = format!("<134>Nov 23 host app: {}\n", record("found"));
    assert_eq!(outline(line.as_bytes()), ["not_json", "found"]);
}

#[test]
fn of_a_cut_message_the_whole_records_come_out() {
    let message = format!(r#"{{"records":[{},{},{}]}}"#, record("é1"), record("2'{"), record("3"));
    for (forms, message) in [message.clone(), message.replace('"', "'").replace("2'{", "2")].iter().enumerate() {
        for cut in 1..message.len() {
            let outline = outline(&message.as_bytes()[..cut]);
            assert_eq!(
                outline.last().unwrap(),
                "cut_off",
                "{forms} {}",
                String::from_utf8_lossy(&message.as_bytes()[..cut])
            );
            let whole = outline.len() - 1;
            assert!(outline[..whole].iter().all(|one| !one.contains('_')), "{outline:?}");
            let ends = message.match_indices("}]}}").take_while(|(at, _)| at + 4 <= cut).count();
            assert_eq!(whole, ends, "{cut}");
        }
    }
}

#[test]
fn what_is_no_telemetry_has_its_reason() {
    for (bytes, reason) in [
        (&b""[..], "empty"),
        (b" \n\t", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"not json at all", "not_json"),
        (b"42", "not_an_object"),
        (b"\"text\"", "not_an_object"),
        (b"[[1]]", "not_an_object"),
        (b"\x1f\x8b\x08\x00\xff\xfe\n\xff", "not_utf8"),
        (b"\xff", "not_utf8"),
        (b"{{{{", "not_json"),
        (b"{", "cut_off"),
        (b"[", "cut_off"),
        (b"{\"a\":tru", "cut_off"),
    ] {
        assert_eq!(outline(bytes), [reason], "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn bytes_that_are_no_utf8_harm_their_own_record_alone() {
    let mut message = format!("[{},", record("first")).into_bytes();
    message.extend_from_slice(b"{\"message\":\"\xff\xfe\"},");
    message.extend_from_slice(format!("{}]", record("läst")).as_bytes());
    assert_eq!(outline(&message), ["first", "not_utf8", "läst"]);
}

#[test]
fn sixty_four_levels_are_read_and_no_more() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":[".repeat(levels / 2), "]}".repeat(levels / 2));
    assert_eq!(outline(nested(64).as_bytes()), ["-"]);
    assert_eq!(outline(nested(66).as_bytes()), ["too_deep"]);
    assert_eq!(around(&nested(100)), ["first", "too_deep", "last"]);
    assert_eq!(outline("[".repeat(100_000).as_bytes()).len(), 1);
    assert_eq!(outline("{\"a\":".repeat(100_000).as_bytes()).len(), 1);
}

/// Each of them takes some 1,500 bytes of memory.
#[test]
fn of_a_megabyte_of_tiny_records_the_rest_is_left_when_memory_is_full() {
    let many = |piece: &str| vec![piece; 1_000_000 / piece.len()].join(",");
    for message in [
        format!("[{}]", many("{}")),
        format!(r#"{{"records":[{}]}}"#, many(r#"{"a":1}"#)),
        many("{}").replace(',', "\n"),
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, many(r#"{"a":1}"#)),
    ] {
        let outline = outline(message.as_bytes());
        let (last, events) = outline.split_last().unwrap();
        assert!(last == "too_large" && events.iter().all(|one| one == "-"), "{last}");
        assert!((10_000..100_000).contains(&events.len()), "{}", events.len());
    }
}

#[test]
fn a_megabyte_of_records_is_one_message() {
    let records: Vec<_> = (0..12_000).map(|n| record(&n.to_string())).collect();
    let message = format!(r#"{{"records":[{}]}}"#, records.join(","));
    assert!(message.len() > 800_000);
    let outline = outline(message.as_bytes());
    assert!(outline.iter().enumerate().all(|(n, message)| *message == n.to_string()) && outline.len() == 12_000);
}

/// Every one of these would take hours if each fault were searched to the message's end.
#[test]
fn faults_cost_no_more_than_the_message_is_long() {
    const SIZE: usize = 1 << 17;
    for piece in [
        "{",
        "[",
        "}",
        "]",
        "\"",
        "'",
        "{\"",
        "{'",
        "{\"time\":",
        "{\"time\":[{},",
        "{\"time\":'},",
        "{\"a\":\"},",
        "[[1,",
        "{\"time\":[{\"time\":1},",
        "x\n",
        "{x},",
        "{x}\n",
        "{\"a\":\"x},",
        "{\"records\":[",
        "{\"resourceLogs\":[",
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{",
        "{\"resourceLogs\":[{\"a\":1,\"scopeLogs\":[{\"a\":1,\"logRecords\":[{\"a\":'},",
        "\"scopeLogs\":[{\"a\":1 {",
        "[{\"records\":[{}",
        ",",
        "{}",
        "{\"time\":1 {\"time\":1},",
        "{ ",
        "\\",
        "{\"\\u00",
        "{\"a\":\"\\",
        "[1,",
        "{\"time\":\"\n{",
        "{   \n   \"time\" ",
    ] {
        for (before, after) in [("", ""), ("{\"records\":[", ""), ("[", "x]"), ("{\"records\":[{\"time\":\"", "]}")] {
            let message = format!("{before}{}{after}", piece.repeat(SIZE / piece.len()));
            let mut count = 0;
            decoded(message.as_bytes(), |all| count += all.len());
            assert!(count > 0 && count <= message.len(), "{piece}");
        }
    }
}
