//! The commands, as scripts use them: what they print, and their exit codes.

use std::process::Output;

use crate::world::{gatewatch, messages, write};

fn run(args: &[&str]) -> Output {
    gatewatch().args(args).output().unwrap()
}

fn code(args: &[&str]) -> i32 {
    run(args).status.code().unwrap()
}

#[test]
fn exit_codes_say_what_kind_of_failure_it_was() {
    assert_eq!(code(&["--help"]), 0);
    assert_eq!(code(&["--version"]), 0);
    assert_eq!(code(&["replai"]), 64);
    assert_eq!(code(&["replay", "/no/such/file"]), 74);
    assert_eq!(code(&["run", "--config", "/no/such/file"]), 78);
    assert_eq!(code(&["run"]), 78, "there is nothing to read");
    assert_eq!(code(&["detectors", "explain", "no.such"]), 64);
    assert_eq!(code(&["simulate", "no-such-attack"]), 64);
}

#[test]
fn every_generated_configuration_passes_its_check() {
    let dir = tempfile::tempdir().unwrap();
    for profile in ["kafka", "event-hubs", "file", "http"] {
        let file = dir.path().join(format!("{profile}.toml"));
        let made = run(&["config", "generate", "--profile", profile]);
        std::fs::write(&file, made.stdout).unwrap();
        let checked = run(&["config", "check", "--config", file.to_str().unwrap()]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let shown = run(&["config", "show", "--config", file.to_str().unwrap()]);
        assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    }
}

#[test]
fn the_shipped_detectors_pass_their_check_and_their_cases() {
    let checked = run(&["detectors", "check"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let tested = run(&["detectors", "test"]);
    assert!(
        tested.status.success(),
        "{}{}",
        String::from_utf8_lossy(&tested.stdout),
        String::from_utf8_lossy(&tested.stderr)
    );
    let list = String::from_utf8(run(&["detectors", "list"]).stdout).unwrap();
    for family in ["auth-failures", "key-usage", "leaked-secrets", "suspicious-origins"] {
        assert!(list.lines().filter(|line| line.starts_with(family)).count() >= 3, "{list}");
    }
}

#[test]
fn a_detector_that_does_not_compile_is_named_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("probing")).unwrap();
    std::fs::write(dir.path().join("probing/bad.yaml"), "id: probing.bad\ntitel: x\nlevel: hgih\n").unwrap();
    let checked = run(&["detectors", "check", "--detectors", dir.path().to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(2));
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(said.contains("probing/bad.yaml:2") && said.contains("title"), "{said}");
    assert!(said.contains("probing/bad.yaml:3") && said.contains("high"), "{said}");
}

#[test]
fn a_replay_writes_alerts_in_both_forms_and_a_summary() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.ndjson");
    write(&file, &messages(2, 10_000));
    let path = file.to_str().unwrap();
    let native = run(&["replay", path, "--alerts", "-"]);
    assert!(native.status.success(), "{}", String::from_utf8_lossy(&native.stderr));
    let first: serde_json::Value =
        serde_json::from_slice(native.stdout.split(|b| *b == b'\n').next().unwrap()).unwrap();
    let fields: Vec<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    for field in [
        "id",
        "detector",
        "family",
        "level",
        "title",
        "entity",
        "entities",
        "app",
        "first_seen",
        "opened_at",
        "last_seen",
        "count",
        "why",
        "attack",
        "threat",
        "state",
        "evidence",
        "triage",
        "late",
        "assignee",
    ] {
        assert!(fields.contains(&field), "{field} is missing: {first:#}");
    }
    let ocsf = run(&["replay", path, "--alerts", "-", "--format", "ocsf"]);
    for line in ocsf.stdout.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
        let finding: serde_json::Value = serde_json::from_slice(line).unwrap();
        assert_eq!(finding["class_uid"], 2004);
    }
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    use std::io::Write;
    let mut child = gatewatch()
        .args(["replay", "-", "--summary", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for message in messages(2, 4_000) {
            stdin.write_all(&message.bytes).unwrap();
            stdin.write_all(b"\n").unwrap();
        }
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(summary["records"].as_u64().unwrap() > 3_000, "{summary:#}");
    crate::world::assert_accounted(&summary);
}

#[test]
fn a_token_is_made_shown_once_listed_and_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let made = run(&["token", "create", "dana", "--data", data]);
    let token = String::from_utf8(made.stdout).unwrap();
    assert!(token.trim().starts_with("gw_"), "{token}");
    let listed = String::from_utf8(run(&["token", "list", "--data", data]).stdout).unwrap();
    assert!(listed.contains("dana") && !listed.contains(token.trim()), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    assert_eq!(code(&["token", "revoke", id, "--data", data]), 0);
    assert_eq!(code(&["token", "revoke", id, "--data", data]), 64);
}
