//! How long does the threat model take for 500 apps with 20,000 endpoints, and how much memory?
//!
//! A made-up repository: a template of each ten apps with the APIs in front of them and their policies,
//! and a `function.json` for each function. It is read and held against all controls, as `threats check`
//! does and a daemon at each reading; then the model is built of it with traffic at every endpoint, as a
//! daemon does every five seconds, and compared with the one before. The ceilings are ten seconds, one
//! second and 500 MB. Run: `cargo bench --bench posture`, or `-- 50 40` for so many apps and functions of
//! each.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bumpalo::Bump;
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::detection::Catalogue;
use gatewatch::pipeline::{Stage, seers};
use gatewatch::posture::configured::read;
use gatewatch::posture::controls::{evaluate, shipped};
use gatewatch::posture::intended::Intended;
use gatewatch::posture::living::{Readings, Sends, Setup, Sources, build, drift};
use gatewatch::posture::observed::Observed;
use gatewatch::posture::{ElementKind, Heard};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::telemetry::{Batch, Category, StreamId};
use serde_json::{Value, json};

const GROUP: &str = "/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS";
/// Apps in one template.
const TOGETHER: usize = 10;

fn main() {
    let asked: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let [apps, functions] = [(0, 500), (1, 40)].map(|(nth, usual)| asked.get(nth).copied().unwrap_or(usual));
    let keys = KeyRing::ephemeral().unwrap();
    let redactor = Arc::new(Redactor::new(&keys, &Settings::default()).unwrap());
    let controls = Arc::new(shipped().unwrap());
    let files = files(apps, functions);
    let bytes: usize = files.values().map(String::len).sum();
    println!("{apps} apps, {} endpoints, {} files, {:.1} MB", apps * functions, files.len(), bytes as f64 / 1e6);
    let names: Vec<String> = files.keys().cloned().collect();
    let mut load = |name: &str| Ok(files[name].clone().into_bytes());

    let model = timed("read", || read(&names, &mut load, &redactor));
    let report = timed("held against the controls", || evaluate(&model, &controls).verdicts.len());
    println!("{report} verdicts, {} problems", model.problems.len());
    let configured = timed("held and kept for the model", || Setup::of(&model, &controls, &Intended::default()));
    drop(model);
    let observed = timed("traffic observed", || observed(apps, functions, &redactor, &keys));
    println!("{} endpoints observed, {} ways", observed.endpoints.len(), observed.flows.len());
    let mut readings = Readings::default();
    let at = Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap();
    let (meant, catalogue) = (Arc::new(Intended::default()), Catalogue::shipped().unwrap());
    timed("two readings compared", || {
        readings.next(&configured, &meant, &observed, at);
        readings.next(&configured, &meant, &observed, at).drifts.len()
    });
    let mut heard = Heard::nothing(Category::AppServiceHTTPLogs);
    heard.hear(at, 1, None);
    let sends = |app: usize| Sends {
        kind: ElementKind::App,
        name: format!("func-{app}").into(),
        resource: None,
        heard: vec![heard.clone()],
    };
    let sources = Sources {
        configured: Arc::new(configured),
        intended: meant,
        observed: Arc::new(observed),
        seers: seers(&catalogue),
        sends: (0..apps).map(sends).collect(),
        threats: catalogue.threats.clone(),
        at: Some(at),
        ..Sources::default()
    };
    timed("what was observed copied", || (*sources.observed).clone());
    let first = timed("model built", || build(&sources));
    let second = timed("model built again", || build(&sources));
    println!("{} parts, {} ways", first.parts.len(), first.flows.len());
    timed("two models compared", || drift(&first, &second).len());
    println!("peak of memory: {} MB", peak());
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let clock = Clock::system();
    let began = clock.elapsed();
    let done = work();
    let took = clock.elapsed().saturating_sub(began).as_secs_f64();
    println!("{what:<30} {took:>8.3} s   peak {:>5} MB", peak());
    done
}

/// Returns the most memory that this process has held, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

fn files(apps: usize, functions: usize) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for from in (0..apps).step_by(TOGETHER) {
        let resources: Vec<Value> =
            (from..apps.min(from + TOGETHER)).flat_map(|app| resources(app, functions)).collect();
        let template = json!({
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "resources": resources,
        });
        files.insert(format!("infra/apps-{from}.json"), format!("{template:#}"));
    }
    for app in 0..apps {
        files.insert(format!("src/func-{app}/host.json"), "{\"version\": \"2.0\"}".to_owned());
        for function in 0..functions {
            let level = if function % 10 == 0 { "anonymous" } else { "function" };
            let bindings = json!({ "bindings": [{ "type": "httpTrigger", "direction": "in", "name": "req", "authLevel": level, "methods": ["get"], "route": format!("things/{function}/{{id}}") }] });
            files.insert(format!("src/func-{app}/get-{function}/function.json"), bindings.to_string());
        }
    }
    files
}

fn resources(app: usize, functions: usize) -> Vec<Value> {
    let (gateway, name) = (format!("apim-{}", app / 100), format!("func-{app}"));
    let policy = "<policies><inbound><base /><rate-limit calls=\"60\" renewal-period=\"60\" /><validate-jwt header-name=\"Authorization\">\
        <openid-config url=\"https://login.microsoftonline.com/t/v2.0/.well-known/openid-configuration\" /></validate-jwt></inbound>\
        <backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>";
    let mut all = vec![
        json!({ "type": "Microsoft.Web/sites", "apiVersion": "2024-04-01", "name": name, "kind": "functionapp", "identity": { "type": "SystemAssigned" },
            "properties": { "httpsOnly": true, "siteConfig": { "minTlsVersion": "1.2", "ipSecurityRestrictionsDefaultAction": "Deny",
                "ipSecurityRestrictions": [{ "ipAddress": "203.0.113.251/32", "action": "Allow", "priority": 100 }] } } }),
        json!({ "type": "Microsoft.ApiManagement/service/apis", "apiVersion": "2024-05-01", "name": format!("{gateway}/api-{app}"),
            "properties": { "path": format!("p{app}"), "protocols": ["https"], "subscriptionRequired": true, "serviceUrl": format!("https://{name}.azurewebsites.net/api") } }),
        json!({ "type": "Microsoft.ApiManagement/service/apis/policies", "apiVersion": "2024-05-01", "name": format!("{gateway}/api-{app}/policy"),
            "properties": { "format": "rawxml", "value": policy } }),
    ];
    if app.is_multiple_of(100) {
        all.push(json!({ "type": "Microsoft.ApiManagement/service", "apiVersion": "2024-05-01", "name": gateway, "properties": {} }));
    }
    all.extend((0..functions.min(5)).map(|nth| {
        json!({ "type": "Microsoft.ApiManagement/service/apis/operations", "apiVersion": "2024-05-01", "name": format!("{gateway}/api-{app}/op-{nth}"),
            "properties": { "displayName": "get", "method": "GET", "urlTemplate": format!("/things/{nth}") } })
    }));
    all
}

fn observed(apps: usize, functions: usize, redactor: &Arc<Redactor>, keys: &KeyRing) -> Observed {
    let stage = Stage {
        redactor: redactor.clone(),
        topology: gatewatch::context::Topology::default(),
        context: Arc::default(),
        matcher: gatewatch::detection::Matcher::new(Vec::new().into(), (1, 2)),
        content_seed: keys.content_key(),
        keep_redacted: false,
        tap: gatewatch::dashboard::Tap::default(),
        clock: Clock::fixed(Timestamp::parse_rfc3339("2026-03-01T12:00:00Z").unwrap()),
    };
    let (mut observed, mut arena) = (Observed::default(), Bump::new());
    for app in 0..apps {
        let mut batch = Batch::default();
        for function in 0..functions {
            let record = format!(
                r#"{{"time":"2026-03-01T11:00:00Z","category":"FunctionAppLogs","resourceId":"{GROUP}/MICROSOFT.WEB/SITES/FUNC-{app}","level":"Information","properties":{{"message":"Executed 'Functions.get-{function}' (Succeeded, Id=0b6c9c1d-9f5b-4c53-9a29-5f1f0ad0a3b{:x}, Duration=5ms)","functionName":"get-{function}","category":"Function.get-{function}"}}}}"#,
                function % 16
            );
            batch.push(record.as_bytes(), StreamId(0), function as i64, function as i64 + 1, None);
        }
        observed.add(stage.work(&batch, &mut arena).seeing);
    }
    observed
}
