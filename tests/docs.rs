//! What the documents say is so: tables are the code's own, commands exist, complaints are
//! worded as the program words them, links lead somewhere.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gatewatch::telemetry::{Category, Field, Kind, Reason, UndecodableReason};
use serde_json::Value;

/// The documents whose commands and links are checked.
const DOCUMENTS: [&str; 21] = [
    "README.md",
    "CHANGELOG.md",
    "detectors/README.md",
    "docs/access.md",
    "docs/alerts.md",
    "docs/api.md",
    "docs/configuration.md",
    "docs/context.md",
    "docs/dashboard.md",
    "docs/deploy.md",
    "docs/detection-bench.md",
    "docs/detections.md",
    "docs/detectors.md",
    "docs/events.md",
    "docs/kinds.md",
    "docs/notifications.md",
    "docs/operations.md",
    "docs/redaction.md",
    "docs/sigma.md",
    "docs/telemetry.md",
    "docs/threat-model.md",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn gatewatch(words: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gatewatch")).args(words).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn holds(path: &str, table: &str) {
    assert!(read(path).contains(table), "{path} does not hold this table; put it there:\n\n{table}");
}

/// `name` as code, or nothing if there is none.
fn code(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("`{name}`") }
}

#[test]
fn the_vocabulary_is_the_codes_own() {
    let mut fields = String::from("| field | | ECS | OCSF |\n| --- | --- | --- | --- |\n");
    for field in Field::ALL {
        let (ecs, ocsf) = (code(field.ecs()), code(field.ocsf()));
        writeln!(fields, "| `{}` | {} | {ecs} | {ocsf} |", field.name(), field.describe()).unwrap();
    }
    holds("docs/events.md", &fields);
    let mut kinds = String::from("| kind | | from |\n| --- | --- | --- |\n");
    for kind in Kind::ALL {
        let from: Vec<_> = kind.categories().map(Category::name).collect();
        writeln!(kinds, "| `{}` | {} | {} |", kind.name(), kind.describe(), from.join(", ")).unwrap();
    }
    holds("docs/events.md", &kinds);
    let mut categories = String::from("| category | | also |\n| --- | --- | --- |\n");
    for category in Category::ALL {
        writeln!(categories, "| {} | {} | {} |", category.name(), category.describe(), category.also().join(", "))
            .unwrap();
    }
    holds("docs/events.md", &categories);
    let mut reasons = String::from("| reason | |\n| --- | --- |\n");
    for reason in Reason::ALL {
        writeln!(reasons, "| `{}` | {} |", reason.name(), reason.describe()).unwrap();
    }
    holds("docs/events.md", &reasons);
}

#[test]
fn every_reason_for_a_dead_letter_is_written_down() {
    let text = read("docs/events.md");
    let dead: Vec<&str> = UndecodableReason::ALL.iter().map(|reason| reason.name()).collect();
    let stage = read("src/pipeline/worker/together.rs") + &read("src/pipeline/worker/contained.rs");
    let more: Vec<&str> =
        stage.split("reason: \"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
    assert_eq!(more.len(), 2, "{more:?}");
    for name in dead.iter().chain(&more) {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_kind_of_secret_that_the_program_can_name_is_written_down() {
    let text = read("docs/redaction.md");
    let kinds = gatewatch::redaction::kinds();
    assert!(kinds.len() >= 23);
    for name in kinds {
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn every_placeholder_of_a_message_is_written_down() {
    let mut table = String::from("| placeholder | |\n| --- | --- |\n");
    for (name, describe) in gatewatch::sinks::PLACEHOLDERS {
        writeln!(table, "| `{{{name}}}` | {describe} |").unwrap();
    }
    holds("docs/notifications.md", &table);
}

#[test]
fn every_field_of_an_alert_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("logs.ndjson");
    let (made, logs) = gatewatch(&["simulate", "--duration", "3m"]);
    assert!(made);
    std::fs::write(&file, logs).unwrap();
    let (replayed, alerts) = gatewatch(&["replay", file.to_str().unwrap(), "--alerts", "-"]);
    assert!(replayed);
    let alert: Value = serde_json::from_str(alerts.lines().next().unwrap()).unwrap();
    let text = read("docs/alerts.md");
    let nested = ["entity", "attack", "evidence"].map(|name| match &alert[name] {
        Value::Array(list) => list[0].clone(),
        one => one.clone(),
    });
    for object in nested.iter().chain([&alert, &nested[2]["position"]]) {
        for name in object.as_object().unwrap().keys() {
            assert!(text.contains(&format!("`{name}`")) || text.contains(&format!("\"{name}\"")), "{name}");
        }
    }
}

/// The words behind every `gatewatch` that a text shows as a command: at a line's start or after a backtick.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let shown = line.trim_start();
        let own_line =
            shown.strip_prefix("gatewatch ").filter(|_| line.starts_with("    ") || line.starts_with("gatewatch "));
        for rest in own_line.into_iter().chain(line.split("`gatewatch ").skip(1)) {
            let rest = rest.split(['`', '|', '#', '>', '<']).next().unwrap();
            found.push(rest.split_whitespace().map(str::to_owned).collect());
        }
    }
    found.retain(|words: &Vec<String>| !words.is_empty());
    found
}

#[test]
fn every_shipped_detector_is_written_down_by_its_title_and_no_other_is() {
    let catalogue = gatewatch::detection::Catalogue::shipped().unwrap();
    let shipped: BTreeSet<String> =
        catalogue.detectors.all.iter().map(|detector| format!("| `{}` | {} |", detector.id, detector.title)).collect();
    let rows = read("docs/detections.md");
    let row = |line: &str| line.split('|').take(3).collect::<Vec<_>>().join("|") + "|";
    let written: BTreeSet<String> = rows.lines().filter(|line| line.starts_with("| `")).map(row).collect();
    assert_eq!(written, shipped);
}

#[test]
fn the_page_of_detectors_is_what_the_program_makes_of_them() {
    let (made, page) = gatewatch(&["detectors", "export", "--markdown"]);
    assert!(made);
    let written = read("docs/detectors.md");
    let first = written.lines().zip(page.lines()).position(|(written, made)| written != made);
    assert!(
        written == page,
        "docs/detectors.md is behind from line {} on; make it anew with `gatewatch detectors export --markdown > docs/detectors.md`",
        first.unwrap_or_default() + 1
    );
}

#[test]
fn the_table_of_controls_is_what_the_program_makes_of_them() {
    let (made, table) = gatewatch(&["threats", "controls", "--markdown"]);
    assert!(made);
    holds("docs/threat-model.md", &table);
}

#[test]
fn every_command_that_is_written_down_exists() {
    let mut seen = BTreeSet::new();
    for path in DOCUMENTS {
        for words in commands(&read(path)) {
            let plain =
                |word: &&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
            let deep = matches!(
                words[0].as_str(),
                "detectors"
                    | "config"
                    | "token"
                    | "keys"
                    | "dead-letters"
                    | "exceptions"
                    | "sinks"
                    | "alerts"
                    | "silences"
                    | "threats"
            );
            let command: Vec<&str> =
                words.iter().map(String::as_str).take(if deep { 2 } else { 1 }).take_while(plain).collect();
            let (known, help) = gatewatch(&[command.as_slice(), &["--help"]].concat());
            assert!(known, "{path}: gatewatch {}", words.join(" "));
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "{path}: {words:?}");
            }
            seen.insert(command.join(" "));
        }
    }
    assert!(seen.len() > 8, "commands are found at all: {seen:?}");
}

#[test]
fn complaints_are_worded_as_the_program_words_them() {
    let mut code = String::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = std::fs::read_to_string(path).unwrap();
                let joined = text.split("\\\n").map(str::trim_start);
                code.extend(joined);
            }
        }
    }
    let text = read("docs/operations.md");
    let (_, table) = text.split_once("| complaint | meaning").unwrap();
    let mut checked = 0;
    for row in table.lines().skip(1).take_while(|line| line.starts_with('|')) {
        let first = row.split('|').nth(1).unwrap();
        for said in first.split('`').skip(1).step_by(2).filter(|said| said.contains(' ')) {
            for part in said.split('…').map(|part| part.trim().trim_matches(['(', ')'])).filter(|part| part.len() > 3)
            {
                assert!(code.contains(part), "nothing says `{part}` any more");
                checked += 1;
            }
        }
    }
    assert!(checked > 15, "{checked}");
}

#[test]
fn every_piece_of_configuration_in_the_documents_reads() {
    let mut checked = 0;
    for path in DOCUMENTS.iter().filter(|path| path.starts_with("docs/")) {
        let text = read(path);
        let mut blocks: Vec<String> = vec![String::new()];
        for line in text.lines() {
            match line.strip_prefix("    ") {
                Some(inside) => writeln!(blocks.last_mut().unwrap(), "{inside}").unwrap(),
                None if line.is_empty() => blocks.last_mut().unwrap().push('\n'),
                None => blocks.push(String::new()),
            }
        }
        for block in blocks.iter().map(|block| block.trim()).filter(|block| block.starts_with('[')) {
            let settings = block.split("\n\n{").next().unwrap();
            gatewatch::config::load(path, settings)
                .unwrap_or_else(|problems| panic!("{path}: {problems:?}\n{settings}"));
            checked += 1;
        }
    }
    assert!(checked >= 3, "{checked}");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for path in DOCUMENTS {
        let text = read(path);
        let folder = root().join(path).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap();
            let picture = Path::new(file).extension().is_some_and(|end| end == "png");
            if file.contains("://") || file.is_empty() || picture {
                continue;
            }
            assert!(folder.join(file).exists(), "{path}: {target}");
        }
    }
}

/// The example in `docs/alerts.md`, on a delivery signed by its definition.
#[test]
fn the_example_that_verifies_a_webhook_verifies_one() {
    let text = read("docs/alerts.md");
    let (_, code) = text.split_once("```python\n").unwrap();
    let (code, _) = code.split_once("```").unwrap();
    let trial = format!(
        "{code}\nnow = str(int(time.time()))\nfor secret, key in (('whsec_c2VjcmV0', b'secret'), ('plain', b'plain')):\n    \
         mac = hmac.new(key, f'a:1.{{now}}.{{{{}}}}'.encode(), hashlib.sha256).digest()\n    \
         headers = {{'webhook-id': 'a:1', 'webhook-timestamp': now, 'webhook-signature': 'v1,' + base64.b64encode(mac).decode()}}\n    \
         assert genuine(headers, b'{{}}', secret) and not genuine(headers, b'{{ }}', secret)\n"
    );
    let Ok(ran) = Command::new("python3").args(["-c", &trial]).stderr(Stdio::piped()).output() else {
        return; // There is no Python here.
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
