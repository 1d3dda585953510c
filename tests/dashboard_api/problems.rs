//! What can't be had is a problem that says all that is wrong and how to mend it.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::fleet;
use crate::dashboard_house::fleet::Fleet;

async fn send(fleet: &Fleet, request: Request<Body>) -> (u16, Value) {
    let (status, headers, body) = fleet.raw(request).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{}", String::from_utf8_lossy(&body));
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["status"], status);
    super::document::valid(&json!({"$ref": "#/components/schemas/Problem"}), &problem, "a problem");
    (status, problem)
}

fn post(path: &str, kind: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::HOST, "localhost").header(header::CONTENT_TYPE, kind).body(body.into()).unwrap()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, "localhost").body(Body::empty()).unwrap()
}

#[tokio::test]
async fn whatever_refuses_it_what_can_t_be_had_is_a_problem() {
    let fleet = fleet();
    let bulk = "/api/v1/alerts/bulk";
    let json = "application/json";
    let stranger = Request::post(bulk).header(header::HOST, "localhost").header("sec-fetch-site", "cross-site");
    let misnamed = Request::get("/api/v1/alerts").header(header::HOST, "evil.example");
    let unknown = get("/api/v1/alerts").into_parts().0;
    let mut unknown = Request::from_parts(unknown, Body::empty());
    unknown.headers_mut().insert(header::AUTHORIZATION, "Bearer gw_0_0".parse().unwrap());
    for (request, status, says) in [
        (get("/api/v1/nothing"), 404, "openapi.json"),
        (get("/api/v2"), 404, "openapi.json"),
        (get("/api/"), 404, "openapi.json"),
        (get("/api/v1/alerts/%ff"), 404, ""),
        (post("/api/v1/alerts", json, ""), 405, "`Allow`"),
        (get(bulk), 405, "`Allow`"),
        (get("/api/v1/alerts/0000000000000000"), 404, "no such alert"),
        (post(bulk, "text/plain", "{}"), 415, "Content-Type: application/json"),
        (post(bulk, "application/x-www-form-urlencoded", "a=b"), 415, "Content-Type"),
        (post(bulk, json, vec![b' '; 70_000]), 413, "64 KiB"),
        (post(bulk, json, "{\"query\": "), 400, "no JSON: EOF while parsing a value at line 1 column 10"),
        (post(bulk, json, "[1]"), 400, "The body is a list, and an object is wanted"),
        (stranger.body(Body::empty()).unwrap(), 403, "page of another site"),
        (misnamed.body(Body::empty()).unwrap(), 421, "external_url"),
        (unknown, 401, "gatewatch token create"),
    ] {
        let about = format!("{} {}", request.method(), request.uri());
        let (answered, problem) = send(&fleet, request).await;
        assert_eq!(answered, status, "{about} {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{about} {problem}");
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_told_which_it_takes() {
    let fleet = fleet();
    let request = Request::delete("/api/v1/silences").header(header::HOST, "localhost").body(Body::empty()).unwrap();
    let (status, headers, _) = fleet.raw(request).await;
    assert_eq!((status, headers[header::ALLOW].to_str().unwrap()), (405, "GET,HEAD,POST"));
    // A page's address says so too, in plain words.
    let request = Request::delete("/pipeline").header(header::HOST, "localhost").body(Body::empty()).unwrap();
    let (status, headers, body) = fleet.raw(request).await;
    assert_eq!((status, headers[header::ALLOW].to_str().unwrap()), (405, "GET,HEAD"));
    assert!(String::from_utf8_lossy(&body).contains("can't be used at this address"));
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once_with_where_it_stands_and_what_was_meant() {
    let fleet = fleet();
    let sent = json!({"query": "state:opn", "action": {"do": "shut", "reson": "x"}, "dryrun": true});
    let (_, problem) = send(&fleet, post("/api/v1/alerts/bulk", "application/json", sent.to_string())).await;
    let errors: Vec<(&str, &str)> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|flaw| (flaw["pointer"].as_str().unwrap(), flaw["detail"].as_str().unwrap()))
        .collect();
    assert_eq!(errors[0].0, "/action/do");
    assert!(errors[0].1.contains("write acknowledge, assign, unassign, close, reopen, note"), "{errors:?}");
    assert_eq!(errors[1].0, "/dryrun");
    assert!(errors[1].1.contains("did you mean `dry_run`?"), "{errors:?}");
    let (_, problem) = send(&fleet, get("/api/v1/alerts?stat=open&level=hihg&limit=0&after=x&since=never")).await;
    let parameters: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|flaw| flaw["parameter"].as_str().unwrap()).collect();
    assert_eq!(parameters, ["stat", "level", "limit", "after", "since"]);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("did you mean `state`?") && detail.contains("did you mean `high`?"), "{detail}");
    for path in [
        "alerts.csv?colour=red",
        "alerts/facets?famly=x",
        "events?after=x",
        "incidents?quary=x",
        "silences?al=true",
        "tap?catgory=x",
    ] {
        let (status, problem) = send(&fleet, get(&format!("/api/v1/{path}"))).await;
        assert_eq!((status, problem["errors"].as_array().unwrap().len()), (400, 1), "{path} {problem}");
    }
    let silence = json!({"matcher": {"familly": "probing", "at_most": "bad"}, "for": 2});
    let (_, problem) = send(&fleet, post("/api/v1/silences", "application/json", silence.to_string())).await;
    assert_eq!(problem["errors"].as_array().unwrap().len(), 4, "{problem}");
}
