//! How is a check told to code scanning, in SARIF 2.1.0?
//!
//! A rule for each control, a result for each finding; what is unknown is no result. What could not
//! be read is a notification of the run, which then was not successful.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::posture::Level;
use crate::posture::controls::{Control, REFERENCES, Verdict};

use super::Checked;
use super::accepted::Answer;
use super::json::{HOLE, filled};

/// The schema that the text says it follows.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Returns the SARIF.
pub fn written(checked: &Checked<'_>) -> String {
    let rules: Vec<Value> = checked.controls.all.iter().map(rule).collect();
    let places: BTreeMap<&str, usize> =
        checked.controls.all.iter().enumerate().map(|(at, control)| (control.id.as_str(), at)).collect();
    let notifications: Vec<Value> = checked
        .model
        .problems
        .iter()
        .map(|one| {
            let line = one.line.max(1);
            json!({
                "level": "error",
                "message": { "text": one.says },
                "locations": [{ "physicalLocation": physical(&one.file, line) }],
            })
        })
        .collect();
    let all = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "gatewatch",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "originalUriBaseIds": { "%SRCROOT%": { "description": { "text": "The folder in which the check was started." } } },
            "invocations": [{
                "executionSuccessful": checked.model.problems.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "utf16CodeUnits",
            "results": HOLE,
        }],
    });
    // Two findings of one control at one place are told apart by their order.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results = checked.report.findings().map(|one| {
        let nth = seen.entry(identity(one)).or_default();
        *nth += 1;
        result(checked, one, &places, *nth)
    });
    filled(&all, results)
}

fn rule(control: &Control) -> Value {
    let mut tags: Vec<String> = vec!["security".to_owned()];
    for (name, ids) in &control.references {
        let called = REFERENCES.iter().find(|(known, _)| known == name).map_or(name.as_str(), |(_, called)| called);
        tags.extend(ids.iter().map(|id| format!("{called} {id}")));
    }
    json!({
        "id": control.id,
        "shortDescription": { "text": control.title },
        "fullDescription": { "text": control.why },
        "help": { "text": format!("{} {}", control.why, control.mend), "markdown": format!("{}\n\nMend: {}", control.why, control.mend) },
        "defaultConfiguration": { "level": level(control.level) },
        "properties": { "tags": tags, "security-severity": severity(control.level), "threats": control.threats },
    })
}

fn result(checked: &Checked<'_>, one: &Verdict<'_>, places: &BTreeMap<&str, usize>, nth: usize) -> Value {
    let at = &one.outcome.at;
    let mut logical = json!({ "fullyQualifiedName": one.element, "kind": one.sort.name() });
    if !at.pointer.is_empty() {
        logical["properties"] = json!({ "pointer": at.pointer });
    }
    let answer = checked.accepted.answer(one);
    let over = answer.filter(|answer| matches!(answer, Answer::Ended(_)));
    let over = over.map(|answer| format!(" It {}.", answer.told())).unwrap_or_default();
    let mut result = json!({
        "ruleId": one.control.id,
        "ruleIndex": places.get(one.control.id.as_str()),
        "level": level(one.control.level),
        "message": { "text": format!("{}: {}. {}{over}", one.element, one.outcome.says, one.control.mend) },
        "locations": [{
            "physicalLocation": physical(&at.file, usize::try_from(at.line).unwrap_or(1).max(1)),
            "logicalLocations": [logical],
        }],
        "partialFingerprints": { "controlAndElement/v1": fingerprint(one, nth) },
    });
    if let Some(answer @ Answer::Holds(_)) = answer {
        result["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": answer.told() }]);
    }
    result
}

fn physical(file: &str, line: usize) -> Value {
    let absolute = file.starts_with('/');
    let uri: String = percent_encoding::utf8_percent_encode(file, UNSAFE).to_string();
    let location = if absolute {
        json!({ "uri": format!("file://{uri}") })
    } else {
        json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
    };
    json!({ "artifactLocation": location, "region": { "startLine": line } })
}

/// What can't stand in the path of a URI.
const UNSAFE: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns what stays the same while lines move: the control, the element, the file and the pointer.
fn identity(one: &Verdict<'_>) -> String {
    let at = &one.outcome.at;
    [&one.control.id, &one.element, &*at.file, &at.pointer].map(str::to_owned).join("\n")
}

/// Returns that as a fingerprint; the second and later ones of the same are numbered.
fn fingerprint(one: &Verdict<'_>, nth: usize) -> String {
    let number = if nth > 1 { format!("\n{nth}") } else { String::new() };
    let text = identity(one) + &number;
    data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes())[..16])
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::Critical | Level::High => "error",
        Level::Medium => "warning",
        Level::Low | Level::Informational => "note",
    }
}

/// Returns the severity as code scanning counts it, 0 to 10.
const fn severity(level: Level) -> &'static str {
    match level {
        Level::Critical => "9.5",
        Level::High => "8.0",
        Level::Medium => "5.5",
        Level::Low => "3.0",
        Level::Informational => "1.0",
    }
}
