//! The API as its document has it: every address, every answer, and what is wrong.

pub mod document;
mod events;
mod export;
mod problems;

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::ROUTES;
use super::dashboard_house::fleet::{ALERTS, Fleet};
use super::dashboard_house::{House, get};
use document::{DOCUMENT, template};

fn fleet() -> Fleet {
    Fleet::new("127.0.0.1:8080")
}

#[test]
fn the_document_has_every_address_that_there_is_and_no_other() {
    let documented: BTreeSet<String> = DOCUMENT["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
        .collect();
    let tried: BTreeSet<String> = ROUTES
        .iter()
        .filter(|(_, path, ..)| path.starts_with("/api/"))
        .map(|(method, path, ..)| format!("{} {}", method.as_str().to_lowercase(), template(path).unwrap_or(path)))
        .collect();
    assert_eq!(documented, tried, "the list of routes that roles are tried on, and the document");
    // A route that is added any other way than with what the document says of it would be in neither.
    let router = std::fs::read_to_string("src/dashboard/router.rs").unwrap();
    let beside: Vec<&str> = router.lines().filter(|line| line.contains("route(") && line.contains("/api/")).collect();
    assert!(beside.is_empty(), "{beside:?}");
    let routes = std::fs::read_to_string("src/dashboard/api.rs").unwrap();
    assert!(!routes.contains(".route(\"") && !routes.contains("nest("), "routes of the API are made by `routes!`");
}

#[tokio::test]
async fn every_address_of_the_document_is_answered_and_by_no_other_method() {
    let house = House::new();
    house.answer_commands();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        let at = path.replace("{id}", "3f9a001122334455");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let known = item[method.to_lowercase()].is_object();
            let request = super::dashboard_house::request(method.parse().unwrap(), &at);
            let answer = house.open(request).await;
            let (status, headers) = (answer.status(), answer.headers());
            assert_eq!(status != StatusCode::METHOD_NOT_ALLOWED, known, "{method} {path}: {status}");
            if !known {
                assert_eq!(headers["content-type"], "application/problem+json", "{method} {path}");
                assert!(!headers["allow"].is_empty(), "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_document_is_served_and_the_page_has_every_address_and_schema_of_it() {
    let house = House::new();
    let answer = house.send(get("/api/v1/openapi.json")).await;
    assert_eq!((answer.status, &answer.json()), (StatusCode::OK, &*DOCUMENT));
    assert!(DOCUMENT["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(DOCUMENT["components"]["securitySchemes"]["token"]["scheme"], "bearer");
    let page = house.send(get("/api")).await;
    assert_eq!(page.status, StatusCode::OK);
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let address = format!("<span class=\"kind\">{}</span> <code>{path}</code>", method.to_uppercase());
            assert!(page.body.contains(&address), "{method} {path}");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{method} {path} says nothing");
            for parameter in operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default() {
                assert!(parameter["description"].is_string(), "{method} {path}: {parameter}");
            }
        }
    }
    for name in DOCUMENT["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.body.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    let targets: BTreeSet<&str> =
        page.body.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for target in targets {
        assert!(page.body.contains(&format!("id=\"{target}\"")), "#{target} leads nowhere");
    }
}

#[test]
fn every_address_has_a_name_of_its_own_and_links_lead_to_one() {
    let operations: Vec<&Value> =
        DOCUMENT["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()).collect();
    let names: BTreeSet<&str> = operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.len(), operations.len(), "{names:?}");
    let links: Vec<&str> = operations
        .iter()
        .flat_map(|operation| operation["responses"].as_object().unwrap().values())
        .filter_map(|answer| answer["links"].as_object())
        .flat_map(|links| links.values().map(|link| link["operationId"].as_str().unwrap()))
        .collect();
    assert!(links.len() >= 2 && links.iter().all(|link| names.contains(link)), "{links:?}");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn each(value: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(DOCUMENT.pointer(pointer).is_some(), "{reference}");
                }
                members.values().for_each(each);
            }
            Value::Array(items) => items.iter().for_each(each),
            _ => {}
        }
    }
    each(&DOCUMENT);
}

#[test]
fn every_alert_of_a_simulated_world_is_what_the_document_says() {
    let gatewatch = |words: &[&str], input: Vec<u8>| {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_gatewatch"))
            .args(words)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writing = std::thread::spawn(move || drop(std::io::Write::write_all(&mut stdin, &input)));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        assert!(output.status.success(), "{words:?}");
        output.stdout
    };
    let alerts =
        gatewatch(&["replay", "-", "--alerts", "-"], gatewatch(&["simulate", "--duration", "10m"], Vec::new()));
    let (mut count, mut with) = (0, BTreeSet::new());
    for line in String::from_utf8(alerts).unwrap().lines() {
        let mut alert: Value = serde_json::from_str(line).unwrap();
        // What the API adds to what sinks send.
        for (name, value) in [("revision", json!(1)), ("held_back_by", json!([]))] {
            alert[name] = value;
        }
        document::valid(&json!({"$ref": "#/components/schemas/Alert"}), &alert, "an alert");
        count += 1;
        with.extend(["because", "closing", "owner"].into_iter().filter(|name| !alert[name].is_null()));
        with.extend(
            ["also", "evidence"].into_iter().filter(|name| alert[name].as_array().is_some_and(|all| !all.is_empty())),
        );
    }
    assert!(
        count >= 10 && with.contains("because") && with.contains("also") && with.contains("evidence"),
        "{count} {with:?}"
    );
}

#[tokio::test]
async fn facets_count_what_the_list_finds() {
    let fleet = fleet();
    for question in [
        "state:all",
        "",
        "state:all level:high",
        "family:key-usage",
        "state:all guessing",
        "since:1h state:all",
        "app:fn-orders assignee:dana",
    ] {
        let question = question.replace(' ', "%20");
        let (_, list) = fleet.read(&format!("/api/v1/alerts?limit=200&query={question}")).await;
        let (status, facets) = fleet.read(&format!("/api/v1/alerts/facets?query={question}")).await;
        assert_eq!(status, 200, "{facets}");
        let alerts = list["alerts"].as_array().unwrap();
        assert_eq!((&facets["count"], &facets["complete"]), (&json!(alerts.len()), &json!(true)), "{question}");
        for facet in ["level", "state", "family", "detector", "app"] {
            let mut sum = 0;
            for value in facets[facet]["values"].as_array().unwrap() {
                let many = alerts.iter().filter(|alert| alert[facet] == value["value"]).count();
                assert_eq!(value["count"], many, "{question} {facet} {value}");
                sum += many;
            }
            assert_eq!(sum, alerts.len(), "{question} {facet}");
        }
    }
    let (_, all) = fleet.read("/api/v1/alerts/facets?state=all").await;
    assert_eq!(all["count"], ALERTS);
    assert_eq!(all["level"]["values"][0], json!({"value": "high", "count": 4}));
    // What changes is counted as it is then.
    let id = fleet.first_id().await;
    fleet.ask(&format!("/api/v1/alerts/{id}/close"), &json!({"class": "benign", "reason": "x"})).await;
    let (_, benign) = fleet.read("/api/v1/alerts/facets?state=all&class=benign").await;
    assert_eq!((&benign["count"], &benign["state"]["values"][0]["value"]), (&json!(1), &json!("closed")));
}
