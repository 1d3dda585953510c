//! One record says the same in every shape that Azure gives it.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// A record, and the table that has its rows.
const RECORDS: [(&str, &str); 13] = [
    (EASY_AUTH, "AppServiceAuthenticationLogs"),
    (PUBLISHING, "AppServiceAuditLogs"),
    (ACCESS_RESTRICTION, "AppServiceIPSecAuditLogs"),
    (CONSOLE, "AppServiceConsoleLogs"),
    (APP_LOG, "AppServiceAppLogs"),
    (PLATFORM, "AppServicePlatformLogs"),
    (FILE_AUDIT, "AppServiceFileAuditLogs"),
    (ANTIVIRUS, "AppServiceAntivirusScanAuditLogs"),
    (KEY_VAULT, "AZKVAuditLogs"),
    (STORAGE, "StorageBlobLogs"),
    (SQL_AUDIT, "SQLSecurityAuditEvents"),
    (COSMOS, "CDBDataPlaneRequests"),
    (HTTP_SIGN_IN, "AppServiceHTTPLogs"),
];

/// All that an event says, but where it says so.
fn meaning(json: &str) -> Vec<String> {
    one(json, |e| {
        let mut said: Vec<_> =
            super::texts(e).map(|text| text.value.to_owned()).filter(|text| !text.starts_with("d1")).collect();
        said.push(format!("{:?} {} {:?} {:?}", e.kind, e.time, e.source_ip, e.source_port));
        said.push(format!("{:?} {:?} {:?} {:?}", e.outcome, e.reason, e.decision, e.identity.kind));
        said.push(format!("{:?} {:?} {:?}", e.response.status, e.response.substatus, e.response.size));
        said.push(format!("{:?} {:?} {:?}", e.response.duration_ms, e.request.size, e.key.transport));
        said
    })
}

fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

fn members(record: &Map<String, Value>) -> Option<(String, Map<String, Value>)> {
    let (key, value) = record.iter().find(|(key, _)| key.eq_ignore_ascii_case("properties"))?;
    Some((key.clone(), value.as_object().unwrap().clone()))
}

fn with(record: &Map<String, Value>, properties: impl FnOnce(Map<String, Value>) -> Value) -> Option<String> {
    let (key, inside) = members(record)?;
    let mut record = record.clone();
    record.insert(key, properties(inside));
    Some(Value::Object(record).to_string())
}

fn pascal(record: &Map<String, Value>) -> Map<String, Value> {
    let first = |key: &str| format!("{}{}", key[..1].to_uppercase(), &key[1..]);
    record.iter().map(|(key, value)| (first(key), value.clone())).collect()
}

#[test]
fn properties_in_a_string_say_what_the_object_does() {
    for (json, _) in RECORDS {
        let Some(record) = with(&object(json), |inside| json!(Value::Object(inside).to_string())) else { continue };
        assert_eq!(meaning(&record), meaning(json), "{record}");
    }
}

#[test]
fn properties_in_single_quotes_say_what_the_object_does() {
    for (json, _) in RECORDS {
        // Real backslashes and quotes inside texts are Linux's loss.
        let quoted = |inside: Map<String, Value>| json!(Value::Object(inside).to_string().replace('"', "'"));
        let Some(record) = with(&object(json), quoted).filter(|record| !record.contains("\\\\")) else { continue };
        assert_eq!(meaning(&record), meaning(json), "{record}");
    }
}

#[test]
fn an_envelope_in_pascal_case_says_what_one_in_camel_case_does() {
    for (json, _) in RECORDS {
        let record = Value::Object(pascal(&object(json))).to_string();
        assert_eq!(meaning(&record), meaning(json), "{record}");
    }
}

#[test]
fn records_of_one_message_do_not_run_into_each_other() {
    let all: Vec<_> = RECORDS.iter().map(|(json, _)| json.trim()).collect();
    let message = format!(r#"{{"records":[{}]}}"#, all.join(","));
    decoded(message.as_bytes(), |events| {
        assert_eq!(events.len(), all.len());
        for (event, json) in events.iter().flatten().zip(all) {
            assert_consistent(event);
            let texts = |event: &Event<'_>| texts(event).map(|text| text.value.to_owned()).collect::<Vec<_>>();
            assert_eq!(texts(event), one(json, texts));
        }
    });
}

#[test]
fn numbers_may_be_texts_and_the_reverse() {
    fn turned(value: Value) -> Value {
        match value {
            Value::Number(number) => json!(number.to_string()),
            Value::String(text) => text.parse::<i64>().map_or(json!(text), |number| json!(number)),
            other => other,
        }
    }
    for (json, _) in RECORDS {
        let turn = |inside: Map<String, Value>| inside.into_iter().map(|(key, value)| (key, turned(value))).collect();
        let Some(record) = with(&object(json), turn) else { continue };
        assert_eq!(meaning(&record), meaning(json), "{record}");
    }
}

#[test]
fn of_a_name_in_two_cases_the_first_that_says_something_counts() {
    for (json, _) in RECORDS {
        let record = object(json);
        let Some((key, inside)) = members(&record) else { continue };
        let mut twice = String::from("{");
        for (name, value) in &inside {
            let nothing = if name.len() % 2 == 0 { "\"\"" } else { "\"-\"" };
            // Behind one that says nothing itself, the next would count.
            let silent = matches!(value.as_str(), Some("" | "-" | "--"));
            let after = if silent { String::new() } else { format!("\"{}\":\"no\",", name.to_lowercase()) };
            _ = write!(twice, "\"{}\":{nothing},\"{name}\":{value},{after}", name.to_uppercase());
        }
        twice.pop();
        twice.push('}');
        let plain = Value::Object(record.clone()).to_string();
        let record = plain.replace(&format!("\"{key}\":{}", record[&key]), &format!("\"{key}\":{twice}"));
        assert_ne!(record, plain);
        assert_eq!(meaning(&record), meaning(json), "{record}");
    }
}

#[test]
fn nothing_but_empty_texts_and_dashes_is_an_event_all_the_same() {
    for (json, _) in RECORDS {
        for nothing in ["", "-", "--"] {
            let empty = |inside: Map<String, Value>| inside.into_iter().map(|(key, _)| (key, json!(nothing))).collect();
            let Some(record) = with(&object(json), empty) else { continue };
            one(&record, |event| {
                assert!(event.source_ip.is_none() || event.category == Category::AuditEvent || json == STORAGE);
                assert!(event.client.agent.is_none() && event.rule.is_none() && event.personal.is_empty());
            });
        }
    }
}

#[test]
fn a_row_of_a_workspace_says_what_the_record_does() {
    for (json, table) in RECORDS {
        // These have columns of their own; see their tests.
        if table == "StorageBlobLogs" || table == "SQLSecurityAuditEvents" {
            continue;
        }
        let record = object(json);
        let mut row = Map::new();
        for (key, value) in &record {
            match key.to_ascii_lowercase().as_str() {
                "properties" => row.extend(pascal(value.as_object().unwrap())),
                "time" => _ = row.insert("TimeGenerated".to_owned(), value.clone()),
                "resourceid" => _ = row.insert("_ResourceId".to_owned(), value.clone()),
                "category" => _ = row.insert("Type".to_owned(), json!(table)),
                _ => row.extend(pascal(&[(key.clone(), value.clone())].into_iter().collect())),
            }
        }
        // The workspace's, which is not the tenant of anybody who did something.
        row.insert("TenantId".to_owned(), json!("99999999-0000-0000-0000-000000000000"));
        // Some tables have a column `Category` too.
        for category in [None, record.get("category")] {
            row.extend(category.map(|category| ("Category".to_owned(), category.clone())));
            let text = Value::Object(row.clone()).to_string();
            assert_eq!(meaning(&text), meaning(json), "{text}");
        }
    }
}

#[test]
fn an_ipv6_address_and_a_port_are_read_apart_in_every_category() {
    for (json, _) in RECORDS {
        let text = json.replace("203.0.113.7:5432", "203.0.113.7").replace("203.0.113.7:56029", "203.0.113.7");
        let text = text.replace("203.0.113.9:52580", "203.0.113.7").replace("203.0.113.7", "[2001:db8::7]:4711");
        one(&text, |event| {
            if event.source_text.is_some() {
                let expected = (Some("2001:db8::7".parse().unwrap()), Some(4711));
                assert_eq!((event.source_ip, event.source_port), expected, "{text}");
            }
        });
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![".{0,12}", "[/.:@ -]{0,6}", Just("é by ü rule.".to_owned()), Just("https://[".to_owned())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..3).prop_map(|some| Value::Object(some.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_stands_under_a_known_name_does_no_harm(
        place in 0..RECORDS.len(),
        values in prop::collection::vec(value(), 40),
        tampered in any::<u64>(),
        inside in any::<bool>(),
    ) {
        let mut record = object(RECORDS[place].0);
        let key = members(&record).filter(|_| inside).map(|(key, _)| key);
        let target = match &key {
            Some(key) => record.get_mut(key).unwrap().as_object_mut().unwrap(),
            None => &mut record,
        };
        for (number, (name, said)) in target.iter_mut().enumerate() {
            if tampered >> (number % 64) & 1 == 1 && !name.eq_ignore_ascii_case("category") {
                *said = values[number % values.len()].clone();
            }
        }
        one(&Value::Object(record).to_string(), |event| {
            prop_assert_eq!(event.category.makes().contains(&event.kind), true);
            Ok(())
        })?;
    }
}
