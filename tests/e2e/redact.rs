//! `redact` as a hook, a build job and an investigator use it.

use std::path::Path;
use std::process::{Output, Stdio};

use gatewatch::redaction::made;
use gatewatch::telemetry::Privilege;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::world::gatewatch;

fn chance() -> impl FnMut() -> u64 {
    let mut state = 3_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state
    }
}

fn redact(dir: &Path, args: &[&str]) -> Output {
    gatewatch().current_dir(dir).arg("redact").args(args).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_report_says_what_stands_where_and_never_the_secret() {
    let dir = tempfile::tempdir().unwrap();
    let (master, token) = (made::function_key(&mut chance(), Privilege::Master), made::jwt(&mut chance(), "ann"));
    let lines = [
        "nothing here".to_owned(),
        format!("GET /api?x=1&code={master} HTTP/1.1"),
        serde_json::json!({"records": [{"n": 1}, {"properties": {"message": format!("with {token} and {master}")}}]})
            .to_string(),
        "mail ann@contoso.example, GET /api?code=your-key".to_owned(),
    ];
    let whole = format!("{}\r\n{}\n{}\n{}", lines[0], lines[1], lines[2], lines[3]);
    std::fs::write(dir.path().join("a.log"), &whole).unwrap();
    let output = redact(dir.path(), &["a.log", "--report", "found.ndjson"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let clean = text(&output.stdout);
    let report = std::fs::read_to_string(dir.path().join("found.ndjson")).unwrap();
    let found: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for secret in [&master, &token, &"ann@contoso.example".to_owned()] {
        assert!(!report.contains(secret) && !clean.contains(secret));
    }
    let number = |one: &Value, name: &str| usize::try_from(one[name].as_u64().unwrap()).unwrap();
    let mut stood = Vec::new();
    for one in &found {
        let at = number(one, "offset");
        let place = &whole[at..at + number(one, "length")];
        let line = whole.lines().nth(number(one, "line") - 1).unwrap();
        assert!(line[number(one, "column") - 1..].starts_with(place), "{one}");
        assert!(clean.contains(one["fingerprint"].as_str().unwrap()), "{one}");
        stood.push((one["kind"].as_str().unwrap(), place.to_owned(), one["path"].as_str()));
    }
    let path = Some("records[1].properties.message");
    let wanted = [
        ("azure-function-key", master.clone(), None),
        ("jwt", token, path),
        ("azure-function-key", master, path),
        ("email", "ann@contoso.example".to_owned(), None),
        ("azure-function-key", "your-key".to_owned(), None),
    ];
    assert_eq!(stood, wanted);
    let said = |name: &str| found.iter().map(|one| one[name].clone()).collect::<Vec<_>>();
    assert_eq!(said("privilege")[0], "master");
    assert_eq!(said("dummy"), [false, false, false, false, true].map(Value::from));
    assert_eq!(said("secret"), [true, true, true, false, true].map(Value::from));
}

#[test]
fn a_check_fails_for_secrets_that_are_certain_and_for_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let key = made::storage_key(&mut chance());
    for (name, holds, code) in [
        ("clean", "SELECT 1\n".to_owned(), 0),
        ("mail", "ann@contoso.example\n".to_owned(), 0),
        ("dummy", "GET /api?code=your-key\n".to_owned(), 0),
        ("proven", format!("a\nb {key}\n"), 1),
        ("context", "Password=hunter2-made-up;\n".to_owned(), 1),
    ] {
        std::fs::write(dir.path().join(name), holds).unwrap();
        let output = redact(dir.path(), &["--check", name]);
        assert_eq!(output.status.code(), Some(code), "{name}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let output = redact(dir.path(), &["--check", "clean", "proven", "context", "--report", "-"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert!(said.contains("azure-storage-key (manage): once, at proven:2:3 ("), "{said}");
    assert!(said.contains("password: once, at context:1:10 ("), "{said}");
    assert!(!said.contains(&key) && !said.contains("hunter2"));
    assert_eq!(text(&output.stdout).lines().count(), 2, "the report is on standard output");
    assert_eq!(redact(dir.path(), &["--check", "no-such-file"]).status.code(), Some(74));
}

#[test]
fn a_configurations_rules_and_policies_count() {
    let dir = tempfile::tempdir().unwrap();
    let rules = "[[kinds]]\nid = \"contoso-badge\"\ntitle = \"A badge\"\ncan = \"open doors\"\npattern = 'cbdg_[0-9a-f]{16}'\n\
                 words = [\"cbdg_\"]\nexamples = [\"cbdg_{hex:16}\"]\ncounter_examples = [\"cbdg_{hex:15}\"]\n";
    std::fs::write(dir.path().join("kinds.toml"), rules).unwrap();
    std::fs::write(dir.path().join("gatewatch.toml"), "data = 'data'\n[redaction]\nrules = ['kinds.toml']\n").unwrap();
    std::fs::write(dir.path().join("a"), "cbdg_0123456789abcdef\n").unwrap();
    assert_eq!(redact(dir.path(), &["--check", "a"]).status.code(), Some(0));
    let output = redact(dir.path(), &["--check", "a", "--config", "gatewatch.toml"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(dir.path().join("data/installation.key").exists(), "its key is the installation's");
}

#[test]
fn a_storage_key_that_leaked_and_is_used_is_told_by_the_hash_azure_logs_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = made::storage_key(&mut chance());
    let hash = data_encoding::HEXUPPER.encode(&Sha256::digest(&key));
    let log = serde_json::json!({
        "time": "2026-03-02T08:30:00Z", "category": "FunctionAppLogs", "operationName": "Microsoft.Web/sites/functions/log",
        "resourceId": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS",
        "properties": {"appName": "fn-orders", "message": format!("AccountName=shop;AccountKey={key}"), "functionName": "orders",
                       "category": "Function.orders.User", "level": "Error", "levelId": 4},
    });
    let used = serde_json::json!({
        "time": "2026-03-02T09:05:27Z", "category": "StorageRead", "operationName": "GetBlob", "statusCode": 200,
        "statusText": "Success", "callerIpAddress": "203.0.113.7:56029",
        "resourceId": "/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/shop/blobServices/default",
        "identity": {"type": "AccountKey", "tokenHash": format!("key1({hash})")},
        "properties": {"accountName": "shop", "serviceType": "blob", "objectKey": "/shop/a.pdf", "tlsVersion": "TLS 1.2"},
        "uri": "https://shop.blob.core.windows.net:443/a.pdf", "protocol": "HTTPS",
    });
    std::fs::write(dir.path().join("logs"), format!("{log}\n{used}\n")).unwrap();
    let replay = |config: &str| {
        std::fs::write(dir.path().join("gatewatch.toml"), config).unwrap();
        let mut command = gatewatch();
        command.current_dir(dir.path()).args(["replay", "logs", "--alerts", "-", "--config", "gatewatch.toml"]);
        let output = command.args(["--redacted", "redacted"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        (text(&output.stdout), std::fs::read_to_string(dir.path().join("redacted")).unwrap())
    };
    let detector = "leaked-secrets.storage_key_leaked_and_used";
    let (alerts, redacted) = replay("[redaction]\nauthentication_hash = true\n");
    let alert = alerts.lines().find(|line| line.contains(detector)).unwrap_or_else(|| panic!("{alerts}"));
    let alert: Value = serde_json::from_str(alert).unwrap();
    let name = alert["entity"]["value"].as_str().unwrap();
    assert!(name.starts_with("azure-storage-key-hash:k1:"), "{alert}");
    assert!(redacted.contains(&format!("key1({name})")), "{redacted}");
    for out in [&alerts, &redacted] {
        assert!(!out.contains(&hash) && !out.contains(&key));
    }
    assert!(!replay("").0.contains(detector), "it is off unless it is chosen");
}
