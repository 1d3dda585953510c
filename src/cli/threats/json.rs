//! How is a check told to programs, as a whole?

use serde_json::{Value, json};

use crate::posture::controls::{State, Verdict};
use crate::posture::export::{HOLE, filled};

use super::Checked;

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
            "not configured": report.count(State::NotConfigured),
            "unknown": report.count(State::Unknown),
            "configured": report.count(State::Configured),
            "worst": report.worst().map(crate::posture::Level::name),
            "files": checked.model.files,
        },
        "results": HOLE,
        "layers": layers,
        "linked": linked,
        "problems": problems,
    });
    filled(&all, report.verdicts.iter().map(result))
}

fn result(one: &Verdict<'_>) -> Value {
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
    value
}
