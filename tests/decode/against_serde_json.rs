//! Any JSON says here what it says to serde_json; anything else does no harm.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        ".{0,8}",
        Just("\"'\\/\n\u{1}\u{10ffff}{[]},:".to_owned()),
        Just("2026-01-01T00:00:00Z".to_owned()),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        prop::sample::select(vec!["message", "level", "category", "properties", "resourceId", "identity", "claims"])
            .prop_map(str::to_owned),
    ]
}

/// A record as serde_json would be read by hand: the same names, the same rules.
fn record() -> impl Strategy<Value = Value> {
    let category = prop::sample::select(vec!["FunctionAppLogs", "AppServiceHTTPLogs", "GatewayLogs", "Other"]);
    let noise = prop::collection::vec((text(), value()), 0..4);
    let said = prop::collection::vec(text(), 10);
    (category, noise, said, 0..3_u8).prop_map(|(category, noise, said, form)| {
        let mut properties: Map<_, _> = noise.iter().cloned().map(|(key, value)| (format!("~{key}"), value)).collect();
        let names = ["message", "level", "CsMethod", "CsHost", "Referer", "Cookie", "method", "operationId"];
        properties.extend(names.into_iter().zip(&said).map(|(name, text)| (name.to_owned(), json!(text))));
        let properties = match form {
            0 => Value::Object(properties),
            1 => Value::String(Value::Object(properties).to_string()),
            _ => Value::String(serde_json::to_string_pretty(&properties).unwrap()),
        };
        let mut record: Map<_, _> = noise.into_iter().map(|(key, value)| (format!("~{key}"), value)).collect();
        record.insert("category".into(), json!(category));
        record.insert("properties".into(), properties);
        record.insert("correlationId".into(), json!(said[8]));
        record.insert("level".into(), json!(said[9]));
        Value::Object(record)
    })
}

fn said(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !matches!(*text, "" | "-" | "--")).map(str::to_owned)
}

fn expect(record: &Value, event: &Event<'_>) -> Result<(), TestCaseError> {
    let properties = match &record["properties"] {
        Value::String(text) => serde_json::from_str(text).unwrap(),
        object => object.clone(),
    };
    let own = |text: Option<Text<'_>>| text.map(|text| text.value.to_owned());
    let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match event.category {
        Category::FunctionAppLogs => {
            prop_assert_eq!(own(event.message), trimmed(said(&properties["message"])));
            prop_assert_eq!(own(event.level), said(&properties["level"]).or(said(&record["level"])));
        }
        Category::AppServiceHTTPLogs => {
            prop_assert_eq!(own(event.request.method), said(&properties["CsMethod"]));
            prop_assert_eq!(own(event.request.host), said(&properties["CsHost"]));
            prop_assert_eq!(own(event.referrer), said(&properties["Referer"]));
            prop_assert_eq!(own(event.cookie), said(&properties["Cookie"]));
        }
        Category::GatewayLogs => {
            prop_assert_eq!(own(event.request.method), said(&properties["method"]));
            prop_assert_eq!(own(event.operation), said(&properties["operationId"]));
            prop_assert_eq!(own(event.correlation), said(&record["correlationId"]));
        }
        _ => {
            prop_assert_eq!(own(event.message), trimmed(said(&properties["message"])));
            prop_assert_eq!(own(event.correlation), said(&record["correlationId"]));
        }
    }
    Ok(())
}

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 400, told => told }, ..ProptestConfig::default() })]

    #[test]
    fn typed_records_say_what_serde_json_says(records in prop::collection::vec(record(), 1..5), form in 0..4_u8) {
        let message = match form {
            0 => json!({ "records": records }).to_string(),
            1 => json!(records).to_string(),
            2 => records.iter().map(Value::to_string).collect::<Vec<_>>().join("\n"),
            _ => serde_json::to_string_pretty(&json!({ "records": records })).unwrap(),
        };
        decoded(message.as_bytes(), |all| {
            prop_assert_eq!(all.len(), records.len());
            for (one, record) in all.iter().zip(&records) {
                let event = one.as_ref().map_err(|bad| TestCaseError::fail(format!("{bad:?}")))?;
                assert_consistent(event);
                let range = event.record.start as usize..event.record.end as usize;
                let again: Value = serde_json::from_str(&record.to_string()).unwrap();
                prop_assert_eq!(serde_json::from_slice::<Value>(&message.as_bytes()[range]).unwrap(), again);
                expect(record, event)?;
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_json_value_is_as_many_events_or_reasons_as_it_has_records(value in value()) {
        let message = json!({ "records": [value, value] }).to_string();
        let results = outline(message.as_bytes());
        prop_assert_eq!(results.len(), 2);
        prop_assert_eq!(results[0] == "not_an_object", !value.is_object());
        let alone = outline(value.to_string().as_bytes()).len();
        if let Value::Array(elements) = &value {
            prop_assert!(alone >= elements.iter().filter(|element| !element.is_object()).count());
        } else {
            prop_assert_eq!(alone, 1);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        outline(&bytes);
    }

    #[test]
    fn no_text_that_is_nearly_json_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "[", "]", "\"", "'", ":", ",", "\\", "\n", " ", "1", "true", "nul", "\\u00e9", "\\ud800", "é", "\u{10ffff}",
        "\"time\":", "\"records\":[", "\"properties\":", "\"category\":\"GatewayLogs\"", "\"lastError\":{", "\"2026\"",
        "\"{\\\"message\\\":\\\"\\\\u0041", "\"category\":\"FunctionAppLogs\",", "'message':'", "\"identity\":{\"claims\":{\"upn\":",
    ]), 0..40)) {
        outline(parts.concat().as_bytes());
    }

    #[test]
    fn a_broken_byte_in_a_message_loses_few_records(at in 0.0..1.0_f64, byte in any::<u8>()) {
        let records: Vec<_> = (0..20).map(|n| format!(r#"{{"time":"2026-01-01T00:00:00Z","category":"Other","properties":{{"message":"m{n}"}}}}"#)).collect();
        let mut message = format!(r#"{{"records":[{}]}}"#, records.join(",")).into_bytes();
        let at = 14 + (at * (message.len() - 16) as f64) as usize;
        message[at] = byte;
        let results = outline(&message);
        let whole = (0..20).filter(|n| results.contains(&format!("m{n}"))).count();
        prop_assert!(whole >= 18, "{whole} {}", String::from_utf8_lossy(&message));
    }
}
