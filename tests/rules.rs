//! What rules that are content promise, tested from outside: every kind is hidden in whatever it
//! stands, a clean log gives no alert, and the rules people already have load as they are, with every
//! problem named. That no text makes one slow is measured by `./dev bench rules`.

#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it is")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::telemetry::{Batch, Confidence, Sighting, StreamId};

const KEY: &str = "k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn redactor() -> Redactor {
    Redactor::new(&KeyRing::from_text(KEY).unwrap(), &Settings::default()).unwrap()
}

fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn scanned(redactor: &Redactor, text: &str) -> (String, Vec<Sighting>) {
    let mut batch = Batch::default();
    batch.push(text.as_bytes(), StreamId(0), 0, 1, None);
    let scanned = redactor.scan(&batch);
    (String::from_utf8(scanned.bytes(0).to_vec()).unwrap(), scanned.sightings(0).to_vec())
}

#[test]
fn every_kind_is_hidden_by_its_name_wherever_it_stands_and_only_once() {
    let redactor = redactor();
    let next = &mut chance(21);
    let mut wrong = Vec::new();
    for rule in redactor.rules().all() {
        let (text, secret) = rule.made(next).unwrap();
        let secret = &text[secret];
        let json =
            serde_json::json!({ "message": text, "nested": serde_json::json!({ "m": text }).to_string() }).to_string();
        for form in [text.clone(), format!("2030-01-01 INFO {text} done"), json] {
            let (out, seen) = scanned(&redactor, &form);
            let named = seen.iter().any(|one| *one.kind == *rule.name);
            if out.contains(secret) || !named {
                wrong.push(format!("{}: {form} -> {out}", rule.name));
            }
            if serde_json::from_str::<serde_json::Value>(&form).is_ok() {
                assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
            }
            let (again, _) = scanned(&redactor, &out);
            if again != out {
                wrong.push(format!("{}: twice: {out} -> {again}", rule.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_secret_has_one_fingerprint_in_whatever_it_stands() {
    let redactor = redactor();
    let (text, secret) = redactor.rules().all()[0].made(&mut chance(22)).unwrap();
    let secret = &text[secret];
    let prints =
        [secret.to_owned(), format!("see {secret}."), format!(r#"{{"a":"b\n{secret}"}}"#), format!("x%3D{secret}%26")];
    let prints = prints.map(|text| scanned(&redactor, &text).1[0].fingerprint.0.clone());
    assert!(prints.iter().all(|print| *print == prints[0]), "{prints:?}");
}

/// Records as telemetry writes them, with everything that looks random and opens nothing.
fn clean(next: &mut dyn FnMut() -> u64, count: usize) -> String {
    let mut out = String::new();
    for _ in 0..count {
        let (a, b, c) = (next(), next(), next());
        let base64 = data_encoding::BASE64.encode(&[a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes()].concat());
        let url = data_encoding::BASE64URL_NOPAD.encode(&[c.to_le_bytes(), a.to_le_bytes(), b.to_le_bytes()].concat());
        let line = format!(
            r#"{{"time":"2030-01-0{}T00:00:00.{:07}Z","resourceId":"/SUBSCRIPTIONS/{:08X}-0000-4000-8000-{:012X}/RESOURCEGROUPS/SHOP-US{}/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/ORDERS","operationId":"{a:016x}{b:016x}","spanId":"{c:016x}","properties":"{{\"message\":\"Executed 'Functions.task-{}' (Succeeded, Id={:08x}-1111-4222-8333-{:012x}) sha256:{a:016x}{b:016x}{c:016x}{a:016x} etag W/{base64}\",\"cursor\":\"{url}\",\"agent\":\"azsdk-net-Storage.Blobs/12.{}.0 (.NET 8.0.{}; Linux 5.15.0-1073-azure)\",\"redis\":\"GET order:{c}\",\"stack\":\"at Contoso.Orders.Handler.<Run>d__{}.MoveNext() in C:\\\\src\\\\Orders.cs:line {}\"}}"}}"#,
            a % 9 + 1,
            b % 10_000_000,
            a >> 32,
            b >> 16,
            c % 9,
            a % 99,
            b >> 32,
            c >> 16,
            a % 30,
            b % 20,
            c % 40,
            a % 900,
        );
        out.extend([&*line, "\n"]);
    }
    out
}

#[test]
fn a_clean_log_gives_no_find_of_any_rule() {
    let redactor = redactor();
    let log = clean(&mut chance(23), 2_000);
    let rules: Vec<_> = redactor.rules().names();
    for line in log.lines() {
        let (_, seen) = scanned(&redactor, line);
        let by_rule: Vec<_> = seen.iter().filter(|one| rules.contains(&one.kind)).collect();
        assert!(by_rule.is_empty(), "{by_rule:?} in {line}");
    }
}

fn gatewatch(arguments: &[&str], input: &str) -> (bool, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (out.status.success(), text(out.stdout), text(out.stderr))
}

const SHOP: &str = r#"
[[rules]]
id = "Shop Token"
description = "A token of the shop"
regex = '''shop_([a-z0-9]{12})'''
keywords = ["shop_"]

[[rules]]
id = "no-words"
description = "Anything"
regex = '''\bzq[0-9]{6}\b'''
"#;

#[test]
fn a_gitleaks_configuration_is_gone_by_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("gitleaks.toml");
    std::fs::write(&rules, SHOP).unwrap();
    let (done, out, notes) =
        gatewatch(&["redact", "--rules", rules.to_str().unwrap()], "a shop_k3j9x0q2m7v1 b zq123456\n");
    assert!(done, "{notes}");
    assert!(out.starts_with("a shop_shop-token:k") && out.contains(" b no-words:k"), "{out}");
    assert!(notes.contains("no-words has no keyword"), "{notes}");
    let config = folder.path().join("gatewatch.toml");
    std::fs::write(&config, format!("[redaction]\nrules = ['{}']\n", rules.display())).unwrap();
    let (done, _, said) = gatewatch(&["config", "check", "--config", config.to_str().unwrap()], "");
    assert!(done && said.contains("no-words alone costs") && said.contains("kinds of secrets by rule"), "{said}");
}

#[test]
fn what_is_wrong_with_rules_is_shown_with_its_line_and_a_caret() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("gitleaks.toml");
    std::fs::write(&rules, SHOP.replace("zq[0-9]", "zq(?=[0-9])").replace("\"shop_\"", "3")).unwrap();
    let (done, _, said) = gatewatch(&["redact", "--rules", rules.to_str().unwrap()], "a\n");
    assert!(!done);
    for part in ["gitleaks.toml:6", "gitleaks.toml:11", "looks ahead", "^", "2 problems in the rules"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (done, _, said) = gatewatch(&["redact", "--rules", "/nowhere.toml"], "a\n");
    assert!(!done && said.contains("/nowhere.toml"), "{said}");
}

#[test]
fn a_table_of_kinds_of_ones_own_is_added() {
    let folder = tempfile::tempdir().unwrap();
    let table = r#"
[[kinds]]
id = "contoso-badge"
title = "A badge of Contoso"
can = "open the doors"
pattern = 'cbdg_[0-9a-f]{16}'
words = ["cbdg_"]
examples = ["cbdg_{hex:16}"]
counter_examples = ["cbdg_{hex:15}"]
"#;
    std::fs::write(folder.path().join("badges.toml"), table).unwrap();
    let settings = Settings { rules: vec![folder.path().to_path_buf()], ..Settings::default() };
    let redactor = Redactor::new(&KeyRing::from_text(KEY).unwrap(), &settings).unwrap();
    let (out, seen) = scanned(&redactor, "badge cbdg_0123456789abcdee used");
    assert!(out.starts_with("badge contoso-badge:k1:") && out.ends_with(" used"), "{out}");
    assert_eq!(seen[0].confidence, Confidence::Proven);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever runs it says that the page is to be written anew")]
fn every_kind_by_rule_is_written_down_with_what_it_opens() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kinds.md");
    let mut wanted = String::from("| kind | what it is | its holder can |\n| --- | --- | --- |\n");
    let redactor = redactor();
    let mut rules: Vec<_> = redactor.rules().all().iter().collect();
    rules.sort_by_key(|rule| rule.name.clone());
    for rule in rules {
        let row = format!("| `{}` | {} | {} |\n", rule.name, rule.title, rule.can);
        wanted.push_str(&row);
    }
    let head = "# Secrets known by rule\n\nWhat other providers hand out, as tables in `kinds/` describe it; each kind stands in its\nfingerprints. How rules are written, and how to add your own: [redaction.md](redaction.md#rules-of-your-own).\n\n";
    let page = format!("{head}{wanted}");
    if std::env::var_os("GATEWATCH_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page, "docs/kinds.md is not what kinds/ says: run this test with GATEWATCH_WRITE_DOCS=1");
}
