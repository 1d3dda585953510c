//! What `gatewatch detectors explain --event` and `export` tell somebody who works on detectors.

use std::process::Output;

use serde_json::{Value, json};

use crate::world::gatewatch;

fn record(second: u32, status: u16, ip: &str) -> Value {
    json!({
        "time": format!("2026-03-02T08:{:02}:{:02}Z", second / 60, second % 60),
        "category": "GatewayLogs",
        "resourceId": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-SHOP",
        "callerIpAddress": ip,
        "properties": { "method": "GET", "url": "https://apim-shop.azure-api.net/orders", "responseCode": status },
    })
}

fn explain(id: &str, records: &[Value], more: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.ndjson");
    let lines: Vec<String> = records.iter().map(ToString::to_string).collect();
    std::fs::write(&file, lines.join("\n") + "\n").unwrap();
    gatewatch().args(["detectors", "explain", id, "--event"]).arg(&file).args(more).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn each_event_is_told_clause_by_clause_with_what_was_counted_so_far() {
    let mut records: Vec<Value> = (0..20).map(|second| record(second, 403, "203.0.113.7")).collect();
    records.push(record(30, 200, "203.0.113.7"));
    let output = explain("auth-failures.spike_from_one_address", &records, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    let events: Vec<&str> = told.split("\n\n").collect();
    assert!(events[0].contains("event 1  2026-03-02T08:00:00Z  gateway.request (GatewayLogs)"), "{told}");
    assert!(events[0].contains("  yes response.status is 401 or 403  ← 403"), "{told}");
    assert!(events[0].contains("  counted for ip 203.0.113.7: 1 of 20 events within 5 min"), "{told}");
    assert!(events[18].contains(": 19 of 20 events") && !events[18].contains("FIRES"), "{told}");
    assert!(events[19].contains(": 20 of 20 events") && events[19].contains("  FIRES: Address 203.0.113.7"), "{told}");
    assert!(events[20].contains("  NO  response.status is 401 or 403  ← 200"), "{told}");
    assert!(events[20].contains("  not counted: the condition fails"), "{told}");
    assert!(text(&output.stderr).contains("21 events, 20 counted, it fires 1 times"), "{}", text(&output.stderr));
}

#[test]
fn an_event_that_can_not_count_says_why() {
    let output = explain("control-plane.cors_opened", &[record(0, 403, "203.0.113.7")], &[]);
    let told = text(&output.stdout);
    assert!(told.contains("not counted: the detector is offered control.operation alone"), "{told}");
    let nobody = explain("probing.path_probing", &[record(0, 404, "")], &[]);
    let told = text(&nobody.stdout);
    assert!(told.contains("it lacks `source.ip`, which says whom it is about"), "{told}");
    let quoted = explain("leaked-secrets.token_in_log", &[record(0, 200, "203.0.113.7")], &[]);
    assert!(text(&quoted.stdout).contains("not counted: "), "{}", text(&quoted.stdout));
    assert_eq!(explain("no.such", &[], &[]).status.code(), Some(64));
}

#[test]
fn every_seventh_shipped_detector_explains_itself_on_any_event() {
    let list = text(&gatewatch().args(["detectors", "list"]).output().unwrap().stdout);
    let world = crate::world::messages(1, 3_600);
    let records: Vec<Value> =
        world.iter().take(40).map(|message| serde_json::from_slice(&message.bytes).unwrap()).collect();
    for id in list.lines().filter_map(|line| line.split_whitespace().next()).step_by(7) {
        let output = explain(id, &records, &[]);
        assert!(output.status.success(), "{id}: {}", text(&output.stderr));
        let told = text(&output.stdout);
        // One that sees what others find alone is told of no event.
        assert!(told.starts_with("event ") || told.contains(" events, 0 counted"), "{id}: {told}");
    }
}

#[test]
fn what_is_told_of_an_event_is_redacted() {
    let mut event = record(0, 403, "203.0.113.7");
    let key = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMN==";
    event["properties"]["url"] = json!(format!("https://apim-shop.azure-api.net/orders?code={key}"));
    for id in ["leaked-secrets.function_key_in_url", "probing.injection"] {
        let told = text(&explain(id, std::slice::from_ref(&event), &[]).stdout);
        assert!(told.contains("gateway.request") && !told.contains(key), "{told}");
    }
}

#[test]
fn an_export_is_one_of_three_forms() {
    let export = |form: &[&str]| gatewatch().args(["detectors", "export"]).args(form).output().unwrap();
    assert_eq!(export(&[]).status.code(), Some(64));
    assert_eq!(export(&["--sigma", "--markdown"]).status.code(), Some(64));
    let layer: Value = serde_json::from_slice(&export(&["--navigator"]).stdout).unwrap();
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert!(text(&export(&["--markdown"]).stdout).starts_with("# Detectors\n"));
    let sigma = export(&["--sigma"]);
    let said = text(&sigma.stderr);
    assert!(
        said.contains("note: without telemetry.app_gone_quiet: Sigma has no words for what does not come"),
        "{said}"
    );
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("gatewatch.yml"), &sigma.stdout).unwrap();
    let checked = gatewatch().args(["detectors", "check", "--sigma"]).arg(dir.path()).output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked.stderr));
}
