//! What policies promise about people, on every category there is: whoever is planted anywhere is
//! gone where a policy hides, and untouched where it keeps; and the table of what the defaults hide
//! by its field is what they do.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use bumpalo::Bump;
use gatewatch::redaction::{Action, KeyRing, Redactor, Settings, personal};
use gatewatch::telemetry::{Batch, Category, StreamId, decode};
use serde_json::Value;

mod samples;

use samples::{Way, planted, samples, ways};

const KEY: &str = "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const PERSON: &str = "Zacharias Plantagenet";
const MAIL: &str = "zacharias.plantagenet@planted.example";
const CARD: &str = "4111111111111111";
const ADDRESS: &str = "198.51.100.231";
/// Records of a category that are looked at.
const SAMPLES: usize = 4;

fn redactor(settings: &str) -> Redactor {
    let settings: Settings = toml::from_str(settings).unwrap();
    Redactor::new(&KeyRing::from_text(KEY).unwrap(), &settings).unwrap()
}

/// The message as it leaves, and the category of its first record.
fn through(redactor: &Redactor, text: &str) -> (String, Option<Category>) {
    let mut batch = Batch::default();
    batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
    let scanned = redactor.scan(&batch);
    let arena = Bump::new();
    let mut category = None;
    decode(&scanned, 0, &arena, |event| category = category.or(event.ok().map(|event| event.category)));
    let (finished, _) = redactor.finish_message(&scanned, 0, &arena);
    (String::from_utf8(finished.bytes).unwrap(), category)
}

/// How a policy or a document writes the way.
fn path(way: &Way) -> String {
    let mut path = String::new();
    for name in way.iter().flatten() {
        if name.starts_with('[') {
            path.push_str("[*]");
        } else if let Some((_, claim)) = name.rsplit_once('/') {
            write!(path, "[\"…/{claim}\"]").unwrap();
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(name);
        }
    }
    // A message of many records, a file of a list.
    let path = path.trim_start_matches("records").trim_start_matches("[*]").trim_start_matches('.');
    path.to_owned()
}

#[test]
fn whoever_is_planted_in_any_field_of_any_category_is_gone_where_a_policy_hides() {
    let hides = redactor("[[policy]]\nkinds = [\"email\"]\naction = \"mask\"\n");
    let keeps = redactor("[[policy]]\naction = \"keep\"\n");
    for (category, records) in samples(SAMPLES) {
        for record in records.iter().take(2) {
            for (way, was) in ways(record) {
                let text = planted(record, &way, &format!("{was} {MAIL}, {CARD}")).to_string();
                let (out, _) = through(&hides, &text);
                let at = path(&way);
                for part in ["zacharias", "plantagenet", CARD] {
                    assert!(!out.to_lowercase().contains(part), "{category:?} at {at}: {out}");
                }
                serde_json::from_str::<Value>(&out).unwrap_or_else(|wrong| panic!("{wrong} at {at}: {out}"));
                assert_eq!(through(&hides, &out).0, out, "{category:?} at {at}: hiding twice is hiding once");
                // A cookie or a key goes whole, whatever else stands in it.
                let (kept, _) = through(&keeps, &text);
                assert!(kept == text || kept.contains(":k1:"), "{category:?} at {at}: {kept}");
            }
        }
    }
}

/// Where `what` is replaced by the fingerprint that it has in `example`, when it is planted alone in
/// each text of a category's records.
fn hidden_at(redactor: &Redactor, records: &[Value], what: &str, example: &str) -> BTreeSet<String> {
    let mut hidden = BTreeSet::new();
    let (shown, _) = through(redactor, &example.replace("WHAT", what));
    let at = shown.find(":k1:").unwrap_or_else(|| panic!("{shown}"));
    let start = shown[..at].rfind('"').unwrap() + 1;
    let instead = &shown[start..at + 20];
    for record in records {
        for (way, _) in ways(record) {
            let text = planted(record, &way, what).to_string();
            let (out, category) = through(redactor, &text);
            // One that was the category's own name makes it another category.
            if out.contains(instead) && !out.contains(what) && category == through(redactor, &record.to_string()).1 {
                hidden.insert(path(&way));
            }
        }
    }
    hidden
}

fn listed(paths: &BTreeSet<String>) -> String {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    if paths.is_empty() { "–".to_owned() } else { paths.join(", ") }
}

fn docs() -> String {
    std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/redaction.md")).unwrap()
}

#[test]
fn what_the_defaults_hide_by_its_field_is_written_down() {
    let defaults = redactor("");
    let addresses = redactor("addresses = \"fingerprint\"\n");
    let ids = redactor("[[policy]]\nkinds = [\"object-id\"]\naction = \"fingerprint\"\n");
    let mut table = String::from(
        "| category | names, hidden | addresses, kept unless chosen | object ids, kept unless chosen |\n| --- | --- | --- | --- |\n",
    );
    for (category, records) in samples(SAMPLES) {
        let names = hidden_at(&defaults, &records, PERSON, r#"{"given_name":"WHAT"}"#);
        let called = r#"{"category":"AppServiceHTTPLogs","properties":{"CIp":"WHAT"}}"#;
        let addresses = hidden_at(&addresses, &records, ADDRESS, called);
        let ids = hidden_at(&ids, &records, "d4ba3e84-0444-4841-aaf7-0123456789ab", r#"{"oid":"WHAT"}"#);
        writeln!(table, "| {} | {} | {} | {} |", category.name(), listed(&names), listed(&addresses), listed(&ids))
            .unwrap();
    }
    assert!(docs().contains(&table), "docs/redaction.md does not hold this table; put it there:\n\n{table}");
}

#[test]
fn kinds_their_defaults_and_what_can_be_done_to_them_are_written_down() {
    let mut table = String::from("| kind | | default | also |\n| --- | --- | --- | --- |\n");
    let mut national = String::from("| kind | | check digits |\n| --- | --- | --- |\n");
    for kind in personal() {
        if let Some(source) = kind.source {
            writeln!(national, "| `{}` | {} | {source} |", kind.name, kind.says).unwrap();
            continue;
        }
        let also: Vec<&str> = Action::ALL
            .iter()
            .zip(kind.suits)
            .filter(|(action, suits)| *suits && **action != kind.action)
            .map(|(action, _)| action.name())
            .collect();
        writeln!(table, "| `{}` | {} | `{}` | {} |", kind.name, kind.says, kind.action.name(), also.join(", "))
            .unwrap();
    }
    for table in [table, national] {
        assert!(docs().contains(&table), "docs/redaction.md does not hold this table; put it there:\n\n{table}");
    }
}

const CONFIG: &str = r#"
[redaction]
addresses = "prefix"

[[redaction.policy]]
kinds = ["email"]
categories = ["AppServiceHTTPLogs"]
fields = ["identity.name"]
action = "partial"

[[redaction.policy]]
kinds = ["email", "person"]
action = "mask"

[[redaction.policy]]
kinds = ["national-ids"]
action = "remove"
"#;

const RECORD: &str = r#"{"time":"2026-03-02T08:00:00Z","category":"AppServiceHTTPLogs","resourceId":"/SUBSCRIPTIONS/12CABCB4-86E8-404F-A3D2-1DC9982F45CA/RESOURCEGROUPS/X/PROVIDERS/MICROSOFT.WEB/SITES/SHOP","properties":{"CsMethod":"GET","CsUriStem":"/api/x","CsUriQuery":"to=bob@planted.example&cf=RSSMRA85T10A562S","CIp":"198.51.100.231","CsUsername":"zacharias@planted.example","ScStatus":"200","card":4111111111111111}}"#;

fn gatewatch(args: &[&str], input: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn follows_policies(out: &str) {
    serde_json::from_str::<Value>(out.trim()).unwrap_or_else(|wrong| panic!("{wrong}: {out}"));
    for gone in ["zacharias", "bob@", "198.51.100", "RSSMRA85T10A562S", CARD] {
        assert!(!out.contains(gone), "{gone} in {out}");
    }
    assert!(out.contains(r#""CsUsername":"email:k1:"#) && out.contains("@planted.example\",\"ScStatus"), "{out}");
    assert!(out.contains("to=[email]&cf=\"") && out.contains("\"CIp\":\"8000:"), "{out}");
    assert!(out.contains("\"card\":\"payment-card:k1:"), "{out}");
}

#[test]
fn redact_goes_by_a_configurations_policies() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("gatewatch.toml");
    std::fs::write(&config, CONFIG).unwrap();
    let config = config.to_str().unwrap();
    let out = gatewatch(&["redact", "--config", config], &format!("{RECORD}\n"));
    follows_policies(&out);
    // What can't be decoded is hidden as strictly as anywhere.
    let out = gatewatch(&["redact", "--config", config], &RECORD[..RECORD.len() - 2]);
    assert!(!out.contains("planted") && !out.contains("198.51"), "{out}");
}

#[test]
fn a_replay_goes_by_a_configurations_policies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("gatewatch.toml"), CONFIG).unwrap();
    std::fs::write(at("logs.ndjson"), format!("{RECORD}\n")).unwrap();
    gatewatch(
        &["replay", &at("logs.ndjson"), "--config", &at("gatewatch.toml"), "--redacted", &at("redacted.ndjson")],
        "",
    );
    follows_policies(&std::fs::read_to_string(at("redacted.ndjson")).unwrap());
}
