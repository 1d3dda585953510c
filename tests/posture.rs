//! What is found in what teams configure: many small cases, each with the states that controls must
//! have, and a repository as teams have it.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::path::Path;

use gatewatch::clock::Timestamp;
use gatewatch::posture::configured::{Model, read};
use gatewatch::posture::controls::{Controls, State, evaluate, evaluate_meant, shipped};
use gatewatch::posture::intended::Intended;
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
    /// What is meant, as `model.yaml` has it.
    #[serde(default)]
    meant: Option<String>,
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

fn intended(text: &str, controls: &Controls) -> Intended {
    let now = Timestamp::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
    Intended::read("model.yaml", text, controls, now).unwrap_or_else(|problems| panic!("{problems:#?}"))
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
        let meant = case.meant.as_deref().map(|text| intended(text, &controls));
        let report = evaluate_meant(&model, &controls, meant.as_ref());
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

/// The repository of the shop, as far as a path begins with one of `parts`.
fn shop(parts: &[&str]) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/posture/shop");
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if parts.iter().any(|part| name.starts_with(part)) && !name.contains("node_modules") {
                files.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    files
}

/// What is found, a line each: the control and the element; a role is called by its form.
fn findings(model: &Model) -> Vec<String> {
    let controls = shipped().unwrap();
    let report = evaluate(model, &controls);
    let mut lines: Vec<String> = report
        .findings()
        .map(|one| {
            let element = if one.sort.name() == "role" { "role" } else { &one.element };
            format!("{} @ {element}", one.control.id)
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

#[test]
fn in_each_form_of_the_shop_all_that_was_planted_is_found_and_nothing_else() {
    let redactor = redactor();
    let planted: Vec<String> = include_str!("fixtures/posture/shop.findings.txt").lines().map(str::to_owned).collect();
    for form in ["infra/arm/", "infra/bicep/", "infra/terraform/", "infra/"] {
        let model = model(&shop(&["azure.yaml", "src/", "apim-shop/", form]), &redactor);
        assert_eq!(model.problems, [], "{form}");
        assert_eq!(findings(&model), planted, "{form}");
        assert_eq!(model.linked.len(), 3, "{form}");
    }
}

#[test]
fn a_finding_says_the_file_and_line_where_it_stands() {
    let model = model(&shop(&["azure.yaml", "src/", "apim-shop/", "infra/arm/"]), &redactor());
    let controls = shipped().unwrap();
    let report = evaluate(&model, &controls);
    let at = |id: &str, element: &str| {
        let found = report.findings().find(|one| one.control.id == id && one.element == element).unwrap();
        found.outcome.at.to_string()
    };
    assert_eq!(at("jwt.expiry", "apim-shop: api payments"), "apim-shop/apis/payments/policy.xml:4");
    assert_eq!(
        at("function.no-admin-level", "func-catalog/Reindex"),
        "src/catalog/Reindex/function.json:7 (/bindings/0/authLevel)"
    );
    assert_eq!(at("function.explicit-level", "func-catalog/items"), "src/catalog/src/functions/items.js:3");
    let place = at("app.https-only", "func-payments");
    assert!(place.starts_with("infra/arm/azuredeploy.json:") && place.ends_with("/properties/httpsOnly)"), "{place}");
    let line: usize = place.split([':', ' ']).nth(1).unwrap().parse().unwrap();
    let text = &shop(&["infra/arm/"])["infra/arm/azuredeploy.json"];
    assert!(text.lines().nth(line - 1).unwrap().contains("\"httpsOnly\": false"), "{place}");
}

#[test]
fn the_definition_of_an_api_gives_it_its_operations() {
    let model = model(&shop(&["apim-shop/"]), &redactor());
    let operations = model.children(gatewatch::posture::configured::Sort::Operation, "apim-shop/orders");
    let names: Vec<&str> = operations.map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["apim-shop/orders/export", "apim-shop/orders/place"]);
}

#[test]
fn every_threat_has_a_control_that_works_against_it() {
    let controls = shipped().unwrap();
    let catalogue = gatewatch::detection::Catalogue::shipped().unwrap();
    for threat in &catalogue.threats.all {
        assert!(controls.all.iter().any(|control| control.threats.contains(&threat.id)), "{}", threat.id);
    }
}

#[test]
fn every_item_of_the_fields_checklist_is_a_control() {
    let controls = shipped().unwrap();
    for item in [
        "Set explicit HTTP auth level on every endpoint.",
        "Use Easy Auth for user-facing APIs unless custom JWT is required.",
        "Validate iss, aud, signature, and expiration for JWT APIs.",
        "Use OAuth client credentials or managed identity for service callers.",
        "Treat function keys as shared secrets, not identity.",
        "Rotate function/host keys on schedule and incident.",
        "Store keys and secrets in Key Vault.",
        "Ensure logs never contain raw keys or tokens.",
        "Put internet-facing APIs behind APIM when policy centralization is needed.",
        "Apply private endpoints or IP restrictions for sensitive workloads.",
        "Restrict CORS origins to known domains.",
        "Enforce HTTPS-only and minimum TLS version.",
        "Apply least-privilege RBAC to managed identities.",
        "Separate authentication from authorization decisions.",
        "Use claims/roles/scopes for resource-level access control.",
        "Review threat model before production release.",
        "Monitor auth failures, key usage anomalies, and suspicious origin patterns.",
        "Re-validate controls after IaC or gateway policy changes.",
    ] {
        assert!(controls.all.iter().any(|control| control.checklist.iter().any(|one| one == item)), "{item}");
    }
}

#[test]
fn each_file_that_is_broken_says_so_and_the_rest_is_checked() {
    let mut files = shop(&["azure.yaml", "src/", "apim-shop/", "infra/arm/"]);
    let bomb = "<!DOCTYPE p [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]><policies><inbound>&b;</inbound></policies>";
    let deep = format!("<policies><inbound>{}", "<when>".repeat(50_000));
    for (name, text) in [
        ("broken/bomb.xml", bomb.to_owned()),
        ("broken/deep.xml", deep),
        ("broken/open.xml", "<policies>\n<inbound>\n<base />\n</policies>".to_owned()),
        ("broken/section.xml", "<policies><inbund><base /></inbund></policies>".to_owned()),
        (
            "broken/expression.xml",
            "<policies>\n<inbound><set-variable name=\"x\" value=\"@(1 < 2\" /></inbound></policies>".to_owned(),
        ),
        ("broken/main.json", "{\n\"$schema\": \"x/deploymentTemplate.json#\",\n\"resources\": [\n".to_owned()),
        (
            "broken/linked.json",
            "{\"$schema\": \"x/deploymentTemplate.json#\", \"resources\": [\n{\"type\": \"Microsoft.Resources/deployments\", \"name\": \"l\", \"properties\": {\"templateLink\": {\"uri\": \"https://t.example/n.json\"}}}]}".to_owned(),
        ),
        ("broken/host.json", "{ \"version\": ".to_owned()),
        ("broken/nested.json", format!("{{\"azurerm_\": {}", "[".repeat(100_000))),
        ("broken/other.json", "{ \"this is\": nobody's ".to_owned()),
        ("broken/azure.yaml", "services: [".to_owned()),
    ] {
        files.insert(name.to_owned(), text);
    }
    let model = model(&files, &redactor());
    let said: Vec<(String, usize)> = model.problems.iter().map(|one| (one.file.clone(), one.line)).collect();
    let wanted = [
        ("broken/azure.yaml", 1),
        ("broken/bomb.xml", 1),
        ("broken/deep.xml", 1),
        ("broken/expression.xml", 2),
        ("broken/host.json", 1),
        ("broken/linked.json", 2),
        ("broken/main.json", 3),
        ("broken/nested.json", 1),
        ("broken/open.xml", 4),
        ("broken/section.xml", 1),
    ];
    assert_eq!(said, wanted.map(|(file, line)| (file.to_owned(), line)), "{:#?}", model.problems);
    let planted: Vec<String> = include_str!("fixtures/posture/shop.findings.txt").lines().map(str::to_owned).collect();
    assert_eq!(findings(&model), planted);
}

/// A template whose variables each put the next one together eight times.
fn growing(pattern: &str, last: &str) -> BTreeMap<String, String> {
    let variables: BTreeMap<String, String> = (0..40)
        .map(|n| {
            let next = format!("variables('v{}')", n + 1);
            let value = if n == 39 {
                last.to_owned()
            } else {
                format!("[{}]", pattern.replace('$', &vec![next; 8].join(", ")))
            };
            (format!("v{n}"), value)
        })
        .collect();
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0", "variables": variables,
        "resources": [{ "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "func-a",
            "properties": { "httpsOnly": "[variables('v0')]", "siteConfig": { "minTlsVersion": "1.0" } } }],
    });
    [("main.json".to_owned(), template.to_string())].into()
}

#[test]
fn variables_that_grow_eightfold_end_and_leave_unknown_what_they_set() {
    let redactor = redactor();
    for (pattern, last) in
        [("concat($)", "x"), ("concat($)", ""), ("createArray($)", "x"), ("format('{0}{1}{2}{3}', $)", "xy")]
    {
        let model = model(&growing(pattern, last), &redactor);
        assert_eq!(model.problems, [], "{pattern}");
        let found = findings(&model);
        assert!(found.contains(&"app.min-tls @ func-a".to_owned()), "{pattern}: {found:?}");
        assert!(!found.contains(&"app.https-only @ func-a".to_owned()), "{pattern}: {found:?}");
    }
}

#[test]
fn a_plan_of_fifty_megabytes_is_read() {
    let app = |n: usize| {
        format!(
            "{{\"address\":\"azurerm_linux_function_app.a{n}\",\"mode\":\"managed\",\"type\":\"azurerm_linux_function_app\",\
             \"values\":{{\"name\":\"func-{n}\",\"https_only\":{},\"tags\":{{\"note\":\"{}\"}}}}}}",
            n.is_multiple_of(2),
            "x".repeat(48_000)
        )
    };
    let resources: Vec<String> = (0_usize..1100).map(app).collect();
    let plan = format!(
        "{{\"format_version\":\"1.2\",\"terraform_version\":\"1.9.0\",\"planned_values\":{{\"root_module\":{{\"resources\":[{}]}}}}}}",
        resources.join(",")
    );
    assert!(plan.len() > 50 << 20);
    let model = model(&[("plan.json".to_owned(), plan)].into(), &redactor());
    assert_eq!(model.problems, []);
    assert_eq!(findings(&model).iter().filter(|line| line.starts_with("app.https-only")).count(), 550);
}

#[test]
fn what_is_too_large_says_so() {
    let redactor = redactor();
    let files = vec!["plan.json".to_owned()];
    let model = read(&files, &mut |_| Ok(vec![b' '; gatewatch::posture::configured::MAX_BYTES + 1]), &redactor);
    assert!(model.problems[0].says.contains("larger than 64 MB"), "{:?}", model.problems);
    let files = vec!["a/function_app.py".to_owned(), "a/host.json".to_owned()];
    let long = |name: &str| if name == "a/host.json" { b"{}".to_vec() } else { vec![b'#'; (4 << 20) + 1] };
    let model = read(&files, &mut |name| Ok(long(name)), &redactor);
    assert!(model.problems[0].says.contains("functions in it are not known"), "{:?}", model.problems);
}

fn gatewatch(words: &[&str]) -> (Option<i32>, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/posture/shop");
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_gatewatch")).args(words).current_dir(folder).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// What a check of one template says, in a form.
fn told_of(site: &Value, form: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let template = json!({ "$schema": "x/deploymentTemplate.json#", "resources": [site] });
    std::fs::write(folder.path().join("main.json"), template.to_string()).unwrap();
    gatewatch(&["threats", "check", folder.path().to_str().unwrap(), "--format", form, "--fail-on", "never"]).1
}

#[test]
fn a_key_that_is_cut_is_hidden_first() {
    let key: Vec<u8> = (0_u32..64).map(|n| u8::try_from((n * n * 37 + n * 101 + 11) % 251).unwrap()).collect();
    let key = data_encoding::BASE64.encode(&key);
    let state =
        format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={key};EndpointSuffix=core.windows.net");
    let site = json!({ "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "f",
        "properties": { "siteConfig": { "ftpsState": state } } });
    for form in ["text", "json", "sarif", "junit"] {
        let told = told_of(&site, form);
        assert!(told.contains("`ftps-state` is"), "{form}: {told}");
        assert!(!told.contains(&key[..12]), "{form}: {told}");
    }
}

#[test]
fn a_name_forges_no_line_on_the_terminal() {
    let site = json!({ "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "f\u{1b}[2J\ncritical: forged (x)",
        "properties": { "httpsOnly": false } });
    let told = told_of(&site, "text");
    assert!(told.contains("f\\u{1b}[2J\\ncritical: forged (x)"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains("\ncritical: forged"), "{told}");
}

#[test]
fn two_findings_of_one_control_have_fingerprints_of_their_own() {
    let policy = "<policies><inbound><validate-jwt require-expiration-time='false'/><validate-jwt require-expiration-time='false'/></inbound></policies>";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("policy.xml"), policy.replace("/>", "/>\n")).unwrap();
    let told =
        gatewatch(&["threats", "check", folder.path().to_str().unwrap(), "--format", "sarif", "--fail-on", "never"]).1;
    let sarif: Value = serde_json::from_str(&told).unwrap();
    let of = |rule: &str| -> Vec<String> {
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let prints =
            results.iter().filter(|one| one["ruleId"] == rule).map(|one| one["partialFingerprints"].to_string());
        prints.collect()
    };
    let prints = of("jwt.expiry");
    assert_eq!(prints.len(), 2, "{told}");
    assert_ne!(prints[0], prints[1]);
}

#[test]
fn the_exit_code_is_1_where_something_is_as_bad_as_asked_for() {
    let code = |words: &[&str]| gatewatch(words).0;
    assert_eq!(code(&["threats", "check", "."]), Some(1));
    assert_eq!(code(&["threats", "check", ".", "--fail-on", "never"]), Some(0));
    assert_eq!(code(&["threats", "check", "src/orders", "--fail-on", "high"]), Some(0));
    assert_eq!(code(&["threats", "check", "no-such-folder"]), Some(74));
    assert_eq!(code(&["threats", "check", ".", "--fail-on", "terrible"]), Some(64));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("host.json"), "{").unwrap();
    assert_eq!(code(&["threats", "check", folder.path().to_str().unwrap()]), Some(78));
}

#[test]
fn no_form_repeats_a_secret_of_the_repository() {
    for format in ["text", "json", "sarif", "junit"] {
        let (_, said) = gatewatch(&["threats", "check", ".", "--format", format]);
        assert!(said.len() > 1000, "{format}");
        assert!(!said.contains("made-up-not-a-real-key"), "{format}");
    }
    let (_, said) = gatewatch(&["threats", "check", ".", "--all"]);
    assert!(!said.contains("made-up-not-a-real-key"));
}

#[test]
fn text_says_the_layers_of_each_endpoint() {
    let (_, said) = gatewatch(&["threats", "check", "azure.yaml", "src", "apim-shop", "infra/arm"]);
    let rows: Vec<&str> = said.lines().skip_while(|line| !line.starts_with("endpoint ")).take(10).collect();
    let rows: Vec<String> = rows.iter().map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        rows,
        [
            "endpoint explicit level user or token gateway and network identity downstream redacted logs",
            "func-catalog/items NO NO NO NO ?",
            "func-catalog/Reindex yes NO NO NO ?",
            "func-catalog/related yes NO NO NO ?",
            "func-catalog/Search yes NO NO NO ?",
            "func-orders/GetOrder yes ? yes yes ?",
            "func-orders/PlaceOrder NO ? yes yes ?",
            "func-payments/charge yes NO NO yes NO",
            "func-payments/ProviderWebhook NO NO NO yes NO",
            "func-payments/refund yes NO NO yes NO",
        ]
    );
}

#[test]
fn sarif_has_what_its_schema_requires() {
    let (_, said) = gatewatch(&["threats", "check", ".", "--format", "sarif"]);
    let sarif: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(run["tool"]["driver"]["name"], "gatewatch");
    let results = run["results"].as_array().unwrap();
    assert!(results.len() > 50);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.contains(' ') && !uri.starts_with('/'), "{uri}");
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        assert_eq!(result["partialFingerprints"]["controlAndElement/v1"].as_str().unwrap().len(), 32);
    }
    assert!(run["invocations"][0]["executionSuccessful"].as_bool().unwrap());
}

#[test]
fn junit_is_xml_and_its_sums_are_right() {
    let (_, said) = gatewatch(&["threats", "check", ".", "--format", "junit"]);
    let document = roxmltree::Document::parse(&said).unwrap();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    let root = document.root_element();
    let told = |name: &str| root.attribute(name).unwrap().parse::<usize>().unwrap();
    assert_eq!(
        (told("tests"), told("failures"), told("skipped")),
        (count("testcase"), count("failure"), count("skipped"))
    );
    assert!(count("failure") > 50);
}

/// A model that accepts two risks of the shop, of which one has ended, and means a token where there is none.
const SHOP: &str = "
version: 1
apps:
  - { name: func-payments, functions: [ { name: ProviderWebhook, authentication: [jwt] } ] }
accepted:
  - { control: app.route-all, on: func-catalog, owner: catalog team, reason: It calls public APIs alone., expires: 2125-01-01 }
  - { control: app.hsts, on: Func-Catalog, owner: catalog team, reason: Soon., expires: 2024-01-01 }
  - { control: app.ftps, on: func-nowhere, owner: nobody, reason: Gone., expires: 2024-06-01 }
";

/// What a check of the shop says with that model; the risk is accepted for a year from now.
fn checked_with_a_model(form: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.yaml");
    // Two years at most: the day is moved to where the clock is.
    let year = std::process::Command::new("date").arg("+%Y").output().unwrap().stdout;
    let next = String::from_utf8(year).unwrap().trim().parse::<u32>().unwrap() + 1;
    std::fs::write(&file, SHOP.replace("2125", &next.to_string())).unwrap();
    gatewatch(&["threats", "check", ".", "--format", form, "--model", file.to_str().unwrap()])
}

#[test]
fn an_accepted_risk_is_told_as_such_until_it_ends_and_intent_that_is_contradicted_is_a_finding() {
    let (code, text) = checked_with_a_model("text");
    assert_eq!(code, Some(1));
    assert!(text.contains("accepted: All outbound traffic goes through that network (app.route-all)"), "{text}");
    assert!(text.contains("accepted by catalog team until"), "{text}");
    assert!(text.contains("was accepted by catalog team until 2024-01-01T00:00:00Z, which is over: Soon."), "{text}");
    assert!(text.contains("high: A function asks for the proof that is meant (function.intended-proof)"), "{text}");
    assert!(text.contains("func-payments/ProviderWebhook: `jwt` is meant; its level is anonymous"), "{text}");
    assert!(text.contains(" 1 accepted, "), "{text}");

    let json: Value = serde_json::from_str(&checked_with_a_model("json").1).unwrap();
    let of = |control: &str, element: &str| {
        let results = json["results"].as_array().unwrap();
        results.iter().find(|one| one["control"] == control && one["element"] == element).unwrap().clone()
    };
    assert_eq!(of("app.route-all", "func-catalog")["state"], "accepted");
    assert_eq!(of("app.route-all", "func-catalog")["accepted"]["owner"], "catalog team");
    assert_eq!(of("app.hsts", "func-catalog")["state"], "not configured");
    assert_eq!(of("app.hsts", "func-catalog")["accepted"]["ended"], true);
    assert_eq!(json["summary"]["accepted"], 1);

    let sarif: Value = serde_json::from_str(&checked_with_a_model("sarif").1).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<&Value> = results.iter().filter(|one| one["suppressions"].is_array()).collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(suppressed[0]["ruleId"], "app.route-all");
    assert_eq!(suppressed[0]["suppressions"][0]["status"], "accepted");
    assert!(suppressed[0]["suppressions"][0]["justification"].as_str().unwrap().contains("public APIs alone"));

    let junit = checked_with_a_model("junit").1;
    let document = roxmltree::Document::parse(&junit).unwrap();
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
    let root = document.root_element();
    assert_eq!(root.attribute("failures"), Some(count("failure").as_str()));
    assert_eq!(root.attribute("skipped"), Some(count("skipped").as_str()));
    assert!(junit.contains("accepted by catalog team until"), "{junit}");
}

#[test]
fn a_model_that_is_wrong_is_told_with_its_line_and_nothing_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.yaml");
    std::fs::write(&file, "version: 1\napps:\n  - { name: a, authentication: [jwt, keys] }\n").unwrap();
    let (code, said) = gatewatch(&["threats", "check", ".", "--model", file.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (Some(78), ""));
}

#[test]
fn the_draft_of_a_model_is_a_model_and_contradicts_nothing() {
    let (code, draft) = gatewatch(&["threats", "init", "."]);
    assert_eq!(code, Some(0));
    let controls = shipped().unwrap();
    let model = intended(&draft, &controls);
    let names: Vec<&str> = model.sites.iter().map(|site| &*site.name).collect();
    assert_eq!(names, ["apim-shop", "func-catalog", "func-orders", "func-payments"]);
    assert!(!draft.contains("made-up-not-a-real-key"));
    let configured = self::model(&shop(&[""]), &redactor());
    let report = evaluate_meant(&configured, &controls, Some(&model));
    let wrong: Vec<String> = report
        .findings()
        .filter(|one| one.control.id.contains("intended") || one.control.id == "function.declared")
        .map(|one| format!("{} @ {}: {}", one.control.id, one.element, one.outcome.says))
        .collect();
    assert_eq!(wrong, [""; 0], "{draft}");
    assert_eq!(gatewatch(&["threats", "init"]).0, Some(64), "nothing to draft from");
}

#[test]
fn advice_says_what_fits_what_is_there_what_is_missing_and_what_to_copy() {
    let advice = |words: &[&str]| {
        let mut all = vec!["threats", "advise"];
        all.extend(words);
        gatewatch(&all)
    };
    let (code, asks) = advice(&["func-payments/charge", "."]);
    assert_eq!(code, Some(0));
    assert!(asks.starts_with("func-payments/charge: who calls it?"), "{asks}");
    for who in ["person", "service", "external", "unknown"] {
        assert!(asks.contains(&format!("--caller {who}")), "{asks}");
    }
    let (_, person) = advice(&["FUNC-PAYMENTS/charge", ".", "--caller", "person"]);
    assert!(person.contains("App Service Authentication"), "{person}");
    assert!(person.contains("'func-payments/authsettingsV2'"), "{person}");
    let (_, outside) = advice(&["func-payments/charge", ".", "--caller", "external"]);
    assert!(
        outside.contains("An app behind a gateway can be reached through it alone (app.gateway-only)"),
        "{outside}"
    );
    assert!(outside.contains("A token that never ends is refused (jwt.expiry)"), "{outside}");
    assert!(!outside.contains("apim-shop: api catalog"), "another API's policy is none of its business: {outside}");
    assert!(outside.contains("<validate-jwt"), "{outside}");
    let (_, nobody) = advice(&["some-app/run", "--caller", "service"]);
    assert!(nobody.contains("No file was read of it"), "{nobody}");
    assert_eq!(advice(&["func-paymnts/charge", "."]).0, Some(64));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.yaml");
    let text = "version: 1\ngateways:\n  - { name: apim, authentication: [jwt], audiences: ['api://all'], \
                operations: [ { name: get, audiences: ['api://get'] } ] }\n";
    std::fs::write(&file, text).unwrap();
    for (endpoint, audience) in [("apim/orders/get", "api://get"), ("apim/orders", "api://all")] {
        let (_, gateway) = advice(&[endpoint, "--caller", "external", "--model", file.to_str().unwrap()]);
        assert!(gateway.contains(&format!("<audience>{audience}</audience>")), "{gateway}");
        assert!(!gateway.contains("Bicep"), "a gateway is no app: {gateway}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 48, ..Default::default() })]

    /// Files that were cut, doubled or overwritten somewhere are read as far as they can be.
    #[test]
    fn no_broken_repository_makes_it_panic(cuts in proptest::collection::vec((0_usize..40, 0.0..1.0_f64, 0_u8..4, ".{0,6}"), 1..12)) {
        use std::sync::LazyLock;
        static SHOP: LazyLock<(BTreeMap<String, String>, Redactor)> = LazyLock::new(|| (shop(&[""]), redactor()));
        let mut files = SHOP.0.clone();
        let names: Vec<String> = files.keys().cloned().collect();
        for (which, at, how, text) in cuts {
            let file = files.get_mut(&names[which % names.len()]).unwrap();
            let mut at = (at * file.len() as f64) as usize;
            while !file.is_char_boundary(at) {
                at -= 1;
            }
            match how {
                0 => file.truncate(at),
                1 => file.insert_str(at, &text),
                2 => *file = file.split_off(at),
                _ => {
                    let doubled = file[..at].to_owned();
                    file.push_str(&doubled);
                }
            }
        }
        let model = model(&files, &SHOP.1);
        _ = findings(&model);
    }
}
