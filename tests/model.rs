//! The living threat model as people and tools meet it: pages, API, exports.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod model_house;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use gatewatch::access::Tokens;
use gatewatch::alerts::Streams;
use gatewatch::clock::Clock;
use gatewatch::dashboard::{Board, Changes, Offers, Parts, Tap, router};
use gatewatch::metrics::Metrics;
use gatewatch::posture::export::{Format, Watch, written};
use gatewatch::posture::living::{Living, Sight};
use gatewatch::sinks::native;
use jsonschema::{Draft, Validator};
use model_house::{EVIL, NOW, fleet, sample};
use serde_json::Value;
use tokio::sync::mpsc;
use tower::ServiceExt;

const PAGES: [&str; 5] = ["/model", "/model/coverage", "/model/controls", "/model/changes", "/model/report"];

/// A dashboard that shows a model.
struct Shown {
    router: Router,
    _folder: tempfile::TempDir,
}

impl Shown {
    fn of(living: Living) -> Self {
        let folder = tempfile::tempdir().unwrap();
        drop(gatewatch::store::Store::open(folder.path()).unwrap());
        let board = Arc::new(Board::default());
        board.set_living(Arc::new(living));
        let router = router(Parts {
            bench: gatewatch::dashboard::Bench::default(),
            settings: gatewatch::dashboard::Settings::default(),
            board,
            data: folder.path().into(),
            commands: mpsc::channel(1).0,
            changes: Changes::new(7),
            tap: Tap::default(),
            tokens: Arc::new(Tokens::open(folder.path().join("tokens.json")).unwrap()),
            sessions: Arc::default(),
            clock: Clock::fixed(NOW),
            streams: Streams::default(),
            metrics: Arc::new(Metrics::new("0.0.0").unwrap()),
            offers: Offers::new(|_, _| Err("nothing is offered here".to_owned())),
            open_metrics: false,
            hide: gatewatch::dashboard::Hide::new(|text, _| text.to_owned()),
            native,
            listen: "127.0.0.1:8080".parse().unwrap(),
            external_url: None,
            hosts: Vec::new(),
        });
        Self { router: router.unwrap(), _folder: folder }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::HOST, "127.0.0.1:8080").body(Body::empty()).unwrap();
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = to_bytes(body, 500_000_000).await.unwrap();
        (parts.status, String::from_utf8(bytes.to_vec()).unwrap())
    }

    async fn page(&self, path: &str) -> String {
        let (status, body) = self.get(path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }
}

fn watches() -> Vec<Watch> {
    vec![Watch {
        detector: "key-usage.one".into(),
        threat: "key-theft".into(),
        techniques: vec!["T1078.004".into()],
        attack: "18".into(),
    }]
}

#[tokio::test]
async fn every_page_of_the_model_is_rendered_and_shows_what_it_is_about() {
    let shown = Shown::of(sample());
    for (path, parts) in [
        ("/model", &["fn-legacy-import", "role=\"img\"", "st-contradicted", "86 of 100", "Open Threat Model"][..]),
        ("/model?app=FN-orders", &["Threat model: fn-orders", "User or token", "apim-shop/orders/create-order"]),
        ("/model/coverage", &["never exercised", "/a/3f9a001122334455", "AppServiceHTTPLogs"]),
        ("/model/coverage?app=fn-orders", &["fn-orders/get-order"]),
        ("/model/controls", &["infra/bicep/main.json:41", "12,345 events", "not configured"]),
        ("/model/controls?state=accepted&level=low", &["accepted by platform"]),
        ("/model/controls?state=held&level=critical", &["No control is told of"]),
        ("/model/changes", &["left the inbound policy", "from 198.51.100.24", "UTC"]),
        ("/model/changes?kind=went", &["old-export"]),
        ("/model/report", &["Ismael Okoye", "2026.11", "What could not be seen", "a comma is missing"]),
        ("/model/report?app=fn-orders", &["Threat model report: fn-orders"]),
    ] {
        let page = shown.page(path).await;
        for part in parts {
            assert!(page.contains(part), "{part} is missing in {path}: {page}");
        }
    }
    assert_eq!(shown.get("/model?app=nobody").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn names_that_strangers_chose_are_text_on_every_page() {
    let shown = Shown::of(sample());
    for path in PAGES
        .into_iter()
        .chain(["/model?app=fn-legacy-import", "/model/controls?part=%3Cscript%3Ealert(1)%3C/script%3E"])
    {
        let page = shown.page(path).await;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(!page.contains(['\u{202e}', '\u{1b}']), "{path}");
        assert!(!page.contains("style=\"") && !page.contains(" onclick"), "{path}");
    }
}

#[tokio::test]
async fn a_model_without_anything_says_why_and_what_mends_it() {
    let shown = Shown::of(Living::default());
    for path in PAGES {
        let page = shown.page(path).await;
        for part in ["gatewatch threats init", "[posture]", "configured = [", "no event has come"] {
            assert!(page.contains(part), "{part} is missing in {path}: {page}");
        }
    }
}

#[tokio::test]
async fn every_threat_has_a_state_on_every_endpoint() {
    let living = sample();
    let (threats, endpoints) = (living.threats.all.len(), living.endpoints(None).count());
    assert!(living.endpoints(None).all(|(_, part)| part.sights(threats).len() == threats));
    let page = Shown::of(living).page("/model/coverage").await;
    let cells: usize =
        Sight::ALL.iter().map(|sight| page.matches(&format!("<td class=\"si-{}\">", sight.key())).count()).sum();
    assert_eq!(cells, threats * endpoints);
}

#[tokio::test]
async fn pages_of_a_large_fleet_stay_small_and_lists_go_on() {
    let shown = Shown::of(fleet(4_000));
    for path in PAGES.into_iter().chain(["/model?app=fn-7", "/model/controls?app=fn-7"]) {
        let page = shown.page(path).await;
        assert!(page.len() < 1_500_000, "{path} has {} bytes", page.len());
    }
    let page = shown.page("/model").await;
    assert!(page.contains("gathered by app and gateway") && page.contains("are left out"), "{page}");
    assert!(page.matches("class=\"box\"").count() <= 60 + 2 * 60);
    assert!(
        page.contains(">apim-0<") && page.contains("st-contradicted"),
        "what leads to apps is drawn, and the worst of them"
    );
    let later = shown.page("/model/coverage?page=20").await;
    assert!(later.contains("3801 to 4000 of 4,000") && !later.contains("Later"), "{later}");
}

#[tokio::test]
async fn programs_get_the_same_some_at_a_time() {
    let shown = Shown::of(sample());
    let get = async |path: &str| -> Value { serde_json::from_str(&shown.page(path).await).unwrap() };
    let model = get("/api/v1/model").await;
    assert_eq!((&model["version"], &model["risks"][0]["app"]), (&"2026.11".into(), &"fn-legacy-import".into()));
    let total: u64 = model["parts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let (mut seen, mut after) = (0, 0);
    loop {
        let page = get(&format!("/api/v1/model/parts?limit=5&after={after}")).await;
        seen += page["parts"].as_array().unwrap().len() as u64;
        match page["next"].as_u64() {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(seen, total);
    assert_eq!(get("/api/v1/model/changes?app=apim-shop").await["changes"][0]["after"], "contradicted");
    assert_eq!(get("/api/v1/model/flows?app=fn-orders&limit=1").await["flows"].as_array().unwrap().len(), 1);
    assert_eq!(shown.get("/api/v1/model/parts?app=nobody").await.0, StatusCode::NOT_FOUND);
    assert_eq!(shown.get("/api/v1/model/export").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(shown.get("/api/v1/model/export?format=word").await.0, StatusCode::BAD_REQUEST);
    for format in Format::ALL {
        let (status, text) = shown.get(&format!("/api/v1/model/export?format={}&app=fn-orders", format.name())).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        let living = sample();
        if format != Format::Navigator {
            assert_eq!(text, written(&living, format, living.site_named("fn-orders"), &[]), "{}", format.name());
        }
    }
}

fn schema(file: &str, draft: Draft) -> Validator {
    let text = std::fs::read_to_string(format!("tests/fixtures/schemas/{file}")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::options().with_draft(draft).build(&schema).unwrap()
}

fn valid(validator: &Validator, text: &str, about: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{about}: {error}"));
    let wrong: Vec<String> =
        validator.iter_errors(&value).take(5).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{about}: {wrong:#?}");
    value
}

#[test]
fn exports_are_valid_by_the_schemas_of_their_formats() {
    let schemas = [
        (Format::Otm, schema("otm-0.2.0.json", Draft::Draft7)),
        (Format::ThreatDragon, schema("threat-dragon-2.json", Draft::Draft7)),
        (Format::Navigator, schema("navigator-4.5.json", Draft::Draft7)),
        (Format::Sarif, schema("sarif-2.1.0.json", Draft::Draft7)),
    ];
    for (about, living) in [("the sample", sample()), ("nothing", Living::default()), ("a fleet", fleet(800))] {
        for (format, validator) in &schemas {
            for site in [None, living.site_named("fn-orders")] {
                let value = valid(
                    validator,
                    &written(&living, *format, site, &watches()),
                    &format!("{} of {about}", format.name()),
                );
                assert!(!value.is_null());
            }
        }
    }
}

#[test]
fn a_document_that_is_broken_is_refused_by_the_schema_of_its_format() {
    for (format, file, key, wrong) in [
        (Format::Otm, "otm-0.2.0.json", "project", Value::from("shop")),
        (Format::ThreatDragon, "threat-dragon-2.json", "summary", Value::from(7)),
        (Format::Navigator, "navigator-4.5.json", "domain", Value::from(7)),
        (Format::Sarif, "sarif-2.1.0.json", "runs", Value::from("none")),
    ] {
        let validator = schema(file, Draft::Draft7);
        let mut value: Value = serde_json::from_str(&written(&sample(), format, None, &watches())).unwrap();
        assert!(validator.is_valid(&value), "{}", format.name());
        value[key] = wrong;
        assert!(!validator.is_valid(&value), "{}: {key} of another type", format.name());
        value.as_object_mut().unwrap().remove(key);
        assert!(!validator.is_valid(&value), "{}: without {key}", format.name());
    }
}

#[test]
fn a_flowchart_is_as_large_as_is_drawn_and_no_larger() {
    let large = written(&fleet(4_000), Format::Mermaid, None, &[]);
    assert!((10_000..=45_000).contains(&large.len()), "{} bytes", large.len());
    assert!(large.contains("%% ") && large.contains("parts with their ways"), "{large}");
}

#[test]
fn an_open_threat_model_refers_to_nothing_that_it_has_not() {
    let value: Value = serde_json::from_str(&written(&sample(), Format::Otm, None, &[])).unwrap();
    let ids = |list: &str| -> Vec<&str> {
        value[list].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
    };
    let (parts, threats, mitigations) = (ids("components"), ids("threats"), ids("mitigations"));
    for flow in value["dataflows"].as_array().unwrap() {
        assert!(
            parts.contains(&flow["source"].as_str().unwrap()) && parts.contains(&flow["destination"].as_str().unwrap())
        );
    }
    let mut told = 0;
    for part in value["components"].as_array().unwrap() {
        let parent = &part["parent"];
        assert!(parent["component"].as_str().is_none_or(|id| parts.contains(&id)), "{part}");
        for threat in part["threats"].as_array().unwrap() {
            told += 1;
            assert!(threats.contains(&threat["threat"].as_str().unwrap()));
            assert!(
                threat["mitigations"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .all(|one| mitigations.contains(&one["mitigation"].as_str().unwrap()))
            );
        }
    }
    assert!(told > 0);
}

#[test]
fn what_a_stranger_named_does_nothing_in_any_export() {
    let living = sample();
    for format in Format::ALL {
        let text = written(&living, format, None, &watches());
        assert!(!text.contains(['\u{202e}', '\u{1b}']), "{}", format.name());
        match format {
            Format::Mermaid => {
                assert!(!text.contains("<script") && !text.contains("%%{") && !text.contains('`'), "{text}");
            }
            Format::Csv => {
                let mut lines = csv::ReaderBuilder::new().from_reader(text.as_bytes());
                let columns = lines.headers().unwrap().len();
                for line in lines.records() {
                    let line = line.unwrap();
                    assert_eq!(line.len(), columns);
                    assert!(line.iter().all(|value| !value.starts_with(['=', '+', '-', '@'])), "{line:?}");
                }
            }
            _ => {}
        }
    }
    let long = Living { version: EVIL.repeat(2_000), ..sample() };
    assert!(written(&long, Format::Otm, None, &[]).len() < 2 * written(&living, Format::Otm, None, &[]).len());
}

#[test]
fn a_layer_says_on_how_many_endpoints_a_technique_would_be_seen() {
    let living = sample();
    let layer: Value = serde_json::from_str(&written(&living, Format::Navigator, None, &watches())).unwrap();
    let technique = &layer["techniques"][0];
    let count = |nth: usize| technique["metadata"][nth]["value"].as_str().unwrap().parse::<u64>().unwrap();
    let (firing, blind, never, covered) = (count(0), count(1), count(2), count(3));
    let endpoints = living.endpoints(None).count() as u64;
    assert_eq!(firing + blind + never + covered, endpoints);
    assert_eq!(technique["score"], (2 * (firing + covered) + never) * 50 / endpoints);
    let none: Value = serde_json::from_str(&written(&Living::default(), Format::Navigator, None, &watches())).unwrap();
    assert!(none["techniques"][0]["score"].is_null(), "without endpoints there is no score");
}

/// Runs `gatewatch threats export` on the shop's repository.
fn exported(arguments: &[&str]) -> (Option<i32>, String, String) {
    let run = std::process::Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args(["threats", "export", "--format"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code(), text(run.stdout), text(run.stderr))
}

#[test]
fn a_repository_is_exported_without_a_daemon() {
    let shop = "tests/fixtures/posture/shop";
    let schemas = [
        ("otm", schema("otm-0.2.0.json", Draft::Draft7)),
        ("threat-dragon", schema("threat-dragon-2.json", Draft::Draft7)),
        ("navigator", schema("navigator-4.5.json", Draft::Draft7)),
        ("sarif", schema("sarif-2.1.0.json", Draft::Draft7)),
    ];
    for (format, validator) in &schemas {
        let (code, text, said) = exported(&[format, shop]);
        assert!(matches!(code, Some(0 | 78)), "{format}: {said}");
        valid(validator, &text, format);
    }
    let (_, otm, _) = exported(&["otm", shop]);
    let otm: Value = serde_json::from_str(&otm).unwrap();
    let count = |list: &str| otm[list].as_array().unwrap().len();
    assert!(count("components") > 20 && count("dataflows") > 5, "{otm:#}");
    let (_, csv, _) = exported(&["csv", shop]);
    assert!(csv.lines().count() > 200 && !csv.contains(",\"held\","), "nothing is held where no event was seen");
    let (_, mermaid, _) = exported(&["mermaid", shop]);
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("subgraph edge"), "{mermaid}");
    assert_eq!(exported(&["otm", "--app", "nobody", shop]).0, Some(64));
    assert_eq!(exported(&["otm", "--data", "no-such-folder"]).0, Some(74));
}
