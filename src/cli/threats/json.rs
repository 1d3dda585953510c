//! How is a check told to programs, as a whole?

use serde_json::{Value, json};

use crate::posture::controls::{State, Verdict};
use crate::posture::export::{HOLE, filled};

use super::Checked;
use super::accepted::Answer;

/// Returns the JSON.
pub fn written(checked: &Checked<'_>) -> String {
    let report = checked.report;
    let layers: Vec<Value> = report
        .layers
        .iter()
        .map(|one| {
            let layers: Vec<Value> = one
                .layers
                .iter()
                .map(|layer| json!({ "layer": layer.layer.name(), "state": layer.state.name(), "says": layer.says }))
                .collect();
            json!({ "endpoint": one.endpoint, "layers": layers })
        })
        .collect();
    let problems: Vec<Value> = checked
        .model
        .problems
        .iter()
        .map(|one| json!({ "file": one.file, "line": one.line, "says": one.says }))
        .collect();
    let linked: Vec<Value> = checked
        .model
        .linked
        .iter()
        .map(|one| json!({ "folder": one.folder, "app": one.app, "because": one.because }))
        .collect();
    let all = json!({
        "version": 1,
        "summary": {
            "not configured": report.count(State::NotConfigured) - checked.accepted.count(report),
            "accepted": checked.accepted.count(report),
            "unknown": report.count(State::Unknown),
            "configured": report.count(State::Configured),
            "worst": checked.accepted.worst(report).map(crate::posture::Level::name),
            "files": checked.model.files,
        },
        "results": HOLE,
        "layers": layers,
        "linked": linked,
        "problems": problems,
    });
    filled(&all, report.verdicts.iter().map(|one| result(checked, one)))
}

fn result(checked: &Checked<'_>, one: &Verdict<'_>) -> Value {
    let (control, at) = (one.control, &one.outcome.at);
    let mut value = json!({
        "control": control.id,
        "title": control.title,
        "level": control.level.name(),
        "state": one.outcome.state.name(),
        "sort": one.sort.name(),
        "element": one.element,
        "says": one.outcome.says,
        "file": &*at.file,
        "line": at.line,
        "pointer": at.pointer,
    });
    match one.outcome.state {
        State::NotConfigured => value["mend"] = json!(control.mend),
        State::Unknown => value["would tell"] = json!(control.would_tell),
        State::Configured => {}
    }
    if let Some(answer) = checked.accepted.answer(one) {
        let (by, ended) = match answer {
            Answer::Holds(by) => (by, false),
            Answer::Ended(by) => (by, true),
        };
        if !ended {
            value["state"] = json!("accepted");
        }
        value["accepted"] = json!({ "owner": by.owner, "reason": by.reason, "expires": by.expires, "ended": ended });
    }
    value
}
