//! How are findings told to code scanning, in SARIF 2.1.0?
//!
//! A rule for each control, a result for each finding; what is unknown is no result. What could not
//! be read is a notification of the run, which then was not successful. Of the living model the 25,000
//! worst findings are told, as many as code scanning takes; what somebody has accepted is suppressed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::filled::{HOLE, filled};
use super::picked::of_site;
use super::plain::plain;
use crate::posture::Level;
use crate::posture::configured::Place;
use crate::posture::controls::{Control, Controls, REFERENCES};
use crate::posture::living::{Living, Standing, Stands};

/// The schema that the text says it follows.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Results that code scanning takes of one run.
const MOST: usize = 25_000;

/// Something that is not as it should be.
#[derive(Clone, Debug)]
pub struct Finding<'f> {
    /// The control.
    pub control: &'f Control,
    /// What sort of thing it is about.
    pub sort: &'f str,
    /// Its name.
    pub element: &'f str,
    /// What is there.
    pub says: &'f str,
    /// Where, if it stands in a file.
    pub at: Option<&'f Place>,
    /// Who answers for it, if somebody does.
    pub accepted: Option<String>,
    /// What else there is to say, such as who answered for it until that ended: a sentence, or empty.
    pub beside: String,
}

/// A file that could not be read: its name, a line, and why.
pub type NotRead<'p> = (&'p str, usize, &'p str);

/// Returns the SARIF.
pub fn written<'f>(
    controls: &Controls,
    not_read: impl Iterator<Item = NotRead<'f>>,
    findings: impl Iterator<Item = Finding<'f>>,
) -> String {
    let rules: Vec<Value> = controls.all.iter().map(rule).collect();
    let places: BTreeMap<&str, usize> =
        controls.all.iter().enumerate().map(|(at, control)| (control.id.as_str(), at)).collect();
    let notifications: Vec<Value> = not_read.map(notification).collect();
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
                "executionSuccessful": notifications.is_empty(),
                "toolExecutionNotifications": notifications,
            }],
            "columnKind": "utf16CodeUnits",
            "results": HOLE,
        }],
    });
    // Two findings of one control at one place are told apart by their order.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results = findings.map(|one| {
        let nth = seen.entry(identity(&one)).or_default();
        *nth += 1;
        result(&one, &places, *nth)
    });
    filled(&all, results)
}

/// Returns what of the living model is not as it should be.
pub(super) fn of_living(living: &Living, site: Option<u32>) -> String {
    let parts = of_site(living, site);
    let wrong = |one: &&Standing| matches!(one.stands, Stands::NotConfigured | Stands::Contradicted | Stands::Accepted);
    let mut found: Vec<(&Standing, Finding<'_>)> = Vec::new();
    for part in parts.iter().filter_map(|at| living.part(*at)) {
        for one in part.standings.iter().filter(wrong) {
            let Some(control) = one.control(&living.controls) else { continue };
            let (sort, element, says, at) = (part.kind.name(), &*part.name, &*one.says, one.place.as_deref());
            let accepted = (one.stands == Stands::Accepted).then(|| says.to_owned());
            let beside = String::new();
            found.push((one, Finding { control, sort, element, says, at, accepted, beside }));
        }
    }
    found.sort_by_key(|(one, finding)| std::cmp::Reverse((one.stands, finding.control.level)));
    let more = found.len().saturating_sub(MOST);
    let left_out = format!("{more} findings are left out for their number: export one app at a time.");
    let mut not_read: Vec<NotRead<'_>> = living.problems.iter().map(|says| ("", 0, says.as_str())).collect();
    if more > 0 {
        not_read.push(("", 0, &left_out));
    }
    written(&living.controls, not_read.into_iter(), found.into_iter().take(MOST).map(|(_, finding)| finding))
}

fn notification((file, line, says): NotRead<'_>) -> Value {
    let mut told = json!({ "level": "error", "message": { "text": plain(says) } });
    if !file.is_empty() {
        told["locations"] = json!([{ "physicalLocation": physical(file, line.max(1)) }]);
    }
    told
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

fn result(one: &Finding<'_>, places: &BTreeMap<&str, usize>, nth: usize) -> Value {
    let mut logical = json!({ "fullyQualifiedName": plain(one.element), "kind": one.sort });
    if let Some(at) = one.at.filter(|at| !at.pointer.is_empty()) {
        logical["properties"] = json!({ "pointer": at.pointer });
    }
    let mut location = json!({ "logicalLocations": [logical] });
    if let Some(at) = one.at {
        location["physicalLocation"] = physical(&at.file, usize::try_from(at.line).unwrap_or(1).max(1));
    }
    let mut told = json!({
        "ruleId": one.control.id,
        "ruleIndex": places.get(one.control.id.as_str()),
        "level": level(one.control.level),
        "message": { "text": plain(&format!("{}: {}. {}{}", one.element, one.says, one.control.mend, one.beside)) },
        "locations": [location],
        "partialFingerprints": { "controlAndElement/v1": fingerprint(one, nth) },
    });
    if let Some(why) = &one.accepted {
        told["suppressions"] = json!([{ "kind": "external", "status": "accepted", "justification": plain(why) }]);
    }
    told
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
fn identity(one: &Finding<'_>) -> String {
    let (file, pointer) = one.at.map_or(("", ""), |at| (&*at.file, at.pointer.as_str()));
    [&one.control.id, one.element, file, pointer].map(str::to_owned).join("\n")
}

/// Returns that as a fingerprint; the second and later ones of the same are numbered.
fn fingerprint(one: &Finding<'_>, nth: usize) -> String {
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
