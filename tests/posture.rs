//! What is found in what teams configure: many small cases, each with the states that controls must
//! have, and a repository as teams have it.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::path::Path;

use gatewatch::posture::configured::{Model, read};
use gatewatch::posture::controls::{State, evaluate, shipped};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use serde::Deserialize;
use serde_json::{Value, json};

/// A case: what is configured, and the states that follow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// A `Microsoft.Web/sites` called func-a.
    #[serde(default)]
    site: Option<Value>,
    /// More resources of the template.
    #[serde(default)]
    arm: Vec<Value>,
    #[serde(default)]
    parameters: Value,
    #[serde(default)]
    variables: Value,
    /// Inbound sections of a gateway called apim, by scope.
    #[serde(default)]
    inbound: BTreeMap<String, String>,
    /// Resources of a Terraform plan, by address.
    #[serde(default)]
    plan: BTreeMap<String, Value>,
    #[serde(default)]
    unknown: BTreeMap<String, Value>,
    #[serde(default)]
    references: BTreeMap<String, BTreeMap<String, Value>>,
    /// Files as they are.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The state of each control, of one element where ` @ element` stands behind it.
    expect: BTreeMap<String, Expected>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(from = "Value")]
enum Expected {
    Configured,
    NotConfigured,
    Unknown,
    None,
}

impl From<Value> for Expected {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(true) => Self::Configured,
            Value::Bool(false) => Self::NotConfigured,
            Value::String(text) => match text.as_str() {
                "yes" => Self::Configured,
                "no" => Self::NotConfigured,
                "unknown" => Self::Unknown,
                "none" => Self::None,
                other => panic!("{other} is no state"),
            },
            other => panic!("{other} is no state"),
        }
    }
}

fn redactor() -> Redactor {
    Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap()
}

fn model(files: &BTreeMap<String, String>, redactor: &Redactor) -> Model {
    let names: Vec<String> = files.keys().cloned().collect();
    read(&names, &mut |name| Ok(files[name].clone().into_bytes()), redactor)
}

impl Case {
    fn files(&self) -> BTreeMap<String, String> {
        let mut files = self.files.clone();
        if self.site.is_some() || !self.arm.is_empty() {
            let mut resources = self.arm.clone();
            if let Some(site) = &self.site {
                let mut site = site.clone();
                site["type"] = json!("Microsoft.Web/sites");
                site["name"] = json!("func-a");
                site["kind"] = json!("functionapp,linux");
                resources.push(site);
            }
            let or_empty = |value: &Value| if value.is_null() { json!({}) } else { value.clone() };
            let template = json!({
                "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
                "contentVersion": "1.0.0.0",
                "parameters": or_empty(&self.parameters), "variables": or_empty(&self.variables), "resources": resources,
            });
            files.insert("infra/main.json".to_owned(), format!("{template:#}"));
        }
        for (scope, inbound) in &self.inbound {
            let (kind, name) = scope.split_once(' ').unwrap_or((scope, ""));
            let path = match kind {
                "global" => "apim/policy.xml".to_owned(),
                "api" => format!("apim/apis/{name}/policy.xml"),
                "product" => format!("apim/products/{name}/policy.xml"),
                "fragment" => format!("apim/policy fragments/{name}/policy.xml"),
                "operation" => {
                    let (api, operation) = name.split_once('/').unwrap();
                    format!("apim/apis/{api}/operations/{operation}/policy.xml")
                }
                other => panic!("{other} is no scope"),
            };
            let text = match kind {
                "fragment" => format!("<fragment>\n{inbound}\n</fragment>"),
                _ => format!("<policies>\n<inbound>\n{inbound}\n</inbound>\n<backend><base /></backend>\n</policies>"),
            };
            files.insert(path, text);
        }
        if !self.plan.is_empty() {
            files.insert("plan.json".to_owned(), self.plan().to_string());
        }
        files
    }

    fn plan(&self) -> Value {
        let kind = |address: &str| address.split('.').next().unwrap_or_default().to_owned();
        let resources: Vec<Value> = self
            .plan
            .iter()
            .map(|(address, values)| json!({ "address": address, "mode": "managed", "type": kind(address), "values": values }))
            .collect();
        let changes: Vec<Value> = self
            .unknown
            .iter()
            .map(|(address, unknown)| json!({ "address": address, "change": { "actions": ["create"], "after_unknown": unknown } }))
            .collect();
        let configured: Vec<Value> = self
            .references
            .iter()
            .map(|(address, all)| {
                let expressions: BTreeMap<&String, Value> =
                    all.iter().map(|(name, list)| (name, json!({ "references": list }))).collect();
                json!({ "address": address, "type": kind(address), "expressions": expressions })
            })
            .collect();
        json!({
            "format_version": "1.2", "terraform_version": "1.9.0",
            "planned_values": { "root_module": { "resources": resources } },
            "resource_changes": changes,
            "configuration": { "root_module": { "resources": configured } },
        })
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/posture/cases");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| -> Vec<Case> {
        let text = std::fs::read_to_string(path).unwrap();
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    paths.iter().flat_map(read).collect()
}

#[test]
fn every_labelled_case_has_the_states_it_should() {
    let (controls, redactor) = (shipped().unwrap(), redactor());
    let (mut labels, mut wrong) = (0, Vec::new());
    for case in cases() {
        let model = model(&case.files(), &redactor);
        let report = evaluate(&model, &controls);
        for (key, expected) in &case.expect {
            labels += 1;
            let (id, element) = key.split_once(" @ ").map_or((key.as_str(), None), |(id, element)| (id, Some(element)));
            assert!(controls.named(id).is_some(), "{}: {id} is no control", case.name);
            let found = report
                .verdicts
                .iter()
                .filter(|one| {
                    one.control.id == id && element.is_none_or(|name| name.eq_ignore_ascii_case(&one.element))
                })
                .max_by_key(|one| one.outcome.state);
            let state = found.map_or(Expected::None, |one| match one.outcome.state {
                State::Configured => Expected::Configured,
                State::NotConfigured => Expected::NotConfigured,
                State::Unknown => Expected::Unknown,
            });
            if state != *expected {
                let says = found.map(|one| format!("{}: {}", one.element, one.outcome.says)).unwrap_or_default();
                wrong.push(format!("{}: {key}: {state:?}, not {expected:?} ({says})", case.name));
            }
        }
        for problem in &model.problems {
            wrong.push(format!("{}: {problem}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {labels} labels are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(labels >= 120, "{labels}");
}

#[test]
fn every_control_has_a_case_that_finds_it_and_one_that_does_not() {
    let all = cases();
    let mut missing = Vec::new();
    for control in &shipped().unwrap().all {
        let of = |wanted: &[Expected]| {
            all.iter()
                .flat_map(|case| &case.expect)
                .any(|(key, state)| key.split(" @ ").next() == Some(control.id.as_str()) && wanted.contains(state))
        };
        // What only telemetry or code can tell is never found in a file.
        let only_told = [
            "function.token-checked",
            "function.behind-gateway",
            "function.keys-rotated",
            "app.logs-redacted",
            "app.revalidated",
            "jwt.claims",
            "auth.audience",
        ];
        if !of(&[Expected::NotConfigured]) && !only_told.contains(&control.id.as_str()) {
            missing.push(format!("{} is never found", control.id));
        }
        if !of(&[Expected::Configured, Expected::None]) && !only_told.contains(&control.id.as_str()) {
            missing.push(format!("{} is never fine", control.id));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
