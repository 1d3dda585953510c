//! What `gatewatch decode` tells somebody who doubts it: each value, and from where it came.

use std::process::Output;

use serde_json::Value;

use crate::world::{gatewatch, messages, write};

const KEYED: &str = r#"{"time":"2026-03-02T08:00:00Z","category":"AppServiceHTTPLogs","resourceId":"/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS","properties":"{\"CsMethod\":\"GET\",\"CsUriStem\":\"/api/x\",\"CsUriQuery\":\"code=abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMN==\",\"ScStatus\":401,\"CsUsername\":\"Ann Lee Surname\",\"CIp\":\"203.0.113.7\"}"}"#;
const APIM: &str = r#"{"time":"2026-03-02T08:00:01Z","category":"GatewayLogs","resourceId":"/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-SHOP","properties":{"method":"GET","url":"https://apim-shop.azure-api.net/orders","responseCode":401,"lastError":{"reason":"TokenExpired"}}}"#;

fn decode(text: &str, args: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records.ndjson");
    std::fs::write(&file, text).unwrap();
    gatewatch().arg("decode").arg(&file).args(args).output().unwrap()
}

fn records(text: &str) -> Vec<Value> {
    let output = decode(text, &["--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(|l| serde_json::from_slice(l).unwrap()).collect()
}

fn field<'r>(record: &'r Value, name: &str) -> &'r Value {
    let found = record["fields"].as_array().unwrap().iter().find(|field| field["field"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {record:#}"))
}

/// The bytes of the redacted record that `from` names.
fn named<'r>(record: &'r Value, from: &Value) -> &'r str {
    let at = |n: usize| usize::try_from(from["bytes"][n].as_u64().unwrap()).unwrap();
    &record["redacted"].as_str().unwrap()[at(0)..at(1)]
}

#[test]
fn each_value_names_the_member_it_came_from_and_its_bytes_are_there() {
    let record = &records(KEYED)[0];
    let path = field(record, "request.path");
    assert_eq!((path["value"].as_str(), named(record, &path["from"])), (Some("/api/x"), "/api/x"));
    assert_eq!((&path["from"]["member"], &path["from"]["layers"]), (&"properties.CsUriStem".into(), &2.into()));
    assert_eq!(named(record, &field(record, "source.ip")["from"]), "203.0.113.7");
    assert_eq!(named(record, &field(record, "app")["from"]), "FN-ORDERS");
    assert_eq!(field(record, "response.status")["from"]["members"], serde_json::json!(["properties.ScStatus"]));
    assert_eq!(field(record, "category")["from"]["members"], serde_json::json!(["category"]));
    assert_eq!(record["time"]["from"]["members"], serde_json::json!(["time"]));
    assert_eq!(record["time"]["own"], true);
}

#[test]
fn a_reason_names_every_member_that_decides_it() {
    let record = &records(APIM)[0];
    let reason = field(record, "reason");
    assert_eq!(reason["value"], "token-expired");
    let members = reason["from"]["members"].as_array().unwrap();
    assert!(members.contains(&"properties.lastError.reason".into()), "{reason}");
    assert_eq!(field(record, "outcome")["value"], "failure");
    assert!(field(record, "kind")["from"].as_object().unwrap().is_empty(), "a gateway's log is of one kind");
}

#[test]
fn where_several_members_say_the_same_all_of_them_are_named() {
    let twice = APIM.replace(r#""time""#, r#""timestamp":"2026-03-02T08:00:01Z","isRequestSuccess":false,"time""#);
    let record = &records(&twice)[0];
    assert_eq!(record["time"]["from"]["any_of"], serde_json::json!(["timestamp", "time"]), "{record:#}");
}

#[test]
fn what_is_hidden_is_hidden_here_too_and_its_place_is_told() {
    let output = decode(KEYED, &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Surname") && !text.contains("abcdefghijkl"), "{text}");
    let record = &records(KEYED)[0];
    let hidden = record["hidden"].as_array().unwrap();
    assert_eq!(hidden.len(), 2, "{hidden:#?}");
    for one in hidden {
        assert_eq!(named(record, one), one["with"].as_str().unwrap());
    }
    let members: Vec<&str> = hidden.iter().map(|one| one["member"].as_str().unwrap()).collect();
    assert_eq!(members, ["properties.CsUriQuery", "properties.CsUsername"]);
}

#[test]
fn a_record_that_can_t_be_decoded_says_why_and_where_and_a_check_fails_on_it() {
    let text = format!("{APIM}\n{{\"time\": nonsense]\n{KEYED}\n");
    let all = records(&text);
    assert_eq!(all.len(), 3);
    assert_eq!(all[1]["undecodable"]["reason"], "not_json", "{:#}", all[1]);
    assert_eq!(all[1]["position"]["offset"], APIM.len() + 1);
    assert_eq!(decode(&text, &[]).status.code(), Some(0));
    let check = decode(&text, &["--check"]);
    assert_eq!(check.status.code(), Some(1));
    let told = String::from_utf8(check.stdout).unwrap();
    assert!(told.starts_with("record 2\n") && !told.contains("record 1\n"), "{told}");
    let none = decode(&text, &["--record", "0"]);
    assert!(String::from_utf8(none.stderr).unwrap().contains("write a whole number from 1"));
    assert_eq!(decode(APIM, &["--check"]).status.code(), Some(0));
    let one = decode(&text, &["--record", "2"]);
    assert!(String::from_utf8(one.stdout).unwrap().starts_with("record 2\n"));
    assert_eq!(decode(&text, &["--record", "4"]).status.code(), Some(64));
    assert_eq!(gatewatch().args(["decode", "/no/such/file"]).output().unwrap().status.code(), Some(74));
}

#[test]
fn every_place_in_a_whole_world_is_true() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.ndjson");
    write(&file, &messages(5, 3_600)[..40]);
    let all = records(&std::fs::read_to_string(&file).unwrap());
    assert!(all.len() > 40, "{}", all.len());
    for record in &all {
        for one in record["fields"].as_array().unwrap().iter().filter(|one| one["from"]["bytes"].is_array()) {
            let (there, value) = (named(record, &one["from"]).to_lowercase(), one["value"].as_str().unwrap());
            assert!(!there.is_empty() && one["from"]["member"].is_string(), "{one}");
            let plain = !there.contains(['\\', '+']) && one["field"] != "level" && one["field"] != "function";
            assert!(!plain || there == value.to_lowercase(), "{one}: {there}");
        }
    }
}
