//! The dashboard as a browser and a program meet it: routes, roles, headers, the live stream.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod dashboard_api;
mod dashboard_house;
mod dashboard_people;

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use dashboard_house::{House, fleet, get, post};
use futures_util::StreamExt;
use gatewatch::access::Role;
use gatewatch::alerts::{AlertId, Class, Command};
use gatewatch::dashboard::Glimpse;
use serde_json::json;

const ID: &str = "3f9a001122334455";

/// Every route with a method it takes, a body, and the role it needs (`None`: anybody).
const ROUTES: [(Method, &str, &str, Option<Role>); 69] = [
    (Method::GET, "/", "", Some(Role::Viewer)),
    (Method::GET, "/a/3f9a001122334455", "", Some(Role::Viewer)),
    (Method::GET, "/pipeline", "", Some(Role::Viewer)),
    (Method::GET, "/dead-letters", "", Some(Role::Viewer)),
    (Method::GET, "/entity?kind=ip&value=203.0.113.7", "", Some(Role::Viewer)),
    (Method::GET, "/silences", "", Some(Role::Viewer)),
    (Method::GET, "/detectors", "", Some(Role::Viewer)),
    (Method::GET, "/detectors/key-usage.x", "", Some(Role::Viewer)),
    (Method::GET, "/detectors/key-usage.x/try", "", Some(Role::Viewer)),
    (Method::POST, "/detectors/key-usage.x/try", "text=x", Some(Role::Operator)),
    (Method::GET, "/attack", "", Some(Role::Viewer)),
    (Method::GET, "/settings", "", Some(Role::Admin)),
    (Method::GET, "/keys", "", Some(Role::Viewer)),
    (Method::GET, "/deliveries", "", Some(Role::Viewer)),
    (Method::GET, "/audit", "", Some(Role::Viewer)),
    (Method::GET, "/model", "", Some(Role::Viewer)),
    (Method::GET, "/model/coverage", "", Some(Role::Viewer)),
    (Method::GET, "/model/controls", "", Some(Role::Viewer)),
    (Method::GET, "/model/changes", "", Some(Role::Viewer)),
    (Method::GET, "/model/report", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/model", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/model/parts", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/model/flows", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/model/changes", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/model/export?format=otm", "", Some(Role::Viewer)),
    (Method::POST, "/silences", "app=x&reason=x&for=1h", Some(Role::Operator)),
    (Method::POST, "/silences/1/end", "", Some(Role::Operator)),
    (Method::GET, "/events", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/tap", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts/3f9a001122334455", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/coverage", "", Some(Role::Viewer)),
    (Method::POST, "/a/3f9a001122334455/acknowledge", "", Some(Role::Operator)),
    (Method::POST, "/a/3f9a001122334455/close", "reason=x", Some(Role::Operator)),
    (Method::POST, "/a/3f9a001122334455/note", "text=x", Some(Role::Operator)),
    (Method::POST, "/a/3f9a001122334455/assign", "text=x", Some(Role::Operator)),
    (Method::POST, "/a/3f9a001122334455/reopen", "text=x", Some(Role::Operator)),
    (Method::POST, "/dead-letters/retry", "id=1", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/3f9a001122334455/acknowledge", "", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/3f9a001122334455/close", "{\"reason\":\"x\"}", Some(Role::Operator)),
    (Method::GET, "/api/v1/alerts/3f9a001122334455/activity", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts/3f9a001122334455/exception", "", Some(Role::Viewer)),
    (Method::POST, "/api/v1/alerts/3f9a001122334455/assign", "{\"to\":\"x\"}", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/3f9a001122334455/unassign", "", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/3f9a001122334455/reopen", "{\"reason\":\"x\"}", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/3f9a001122334455/note", "{\"text\":\"x\"}", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/bulk", "{\"token\":\"1\"}", Some(Role::Operator)),
    (Method::POST, "/api/v1/alerts/bulk/1/undo", "", Some(Role::Operator)),
    (Method::GET, "/api/v1/silences", "", Some(Role::Viewer)),
    (Method::POST, "/api/v1/silences/preview", "{\"matcher\":{\"app\":\"x\"}}", Some(Role::Viewer)),
    (Method::POST, "/api/v1/silences", "{}", Some(Role::Operator)),
    (Method::POST, "/api/v1/silences/1/expire", "", Some(Role::Operator)),
    (Method::GET, "/api/v1/incidents", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/audit", "", Some(Role::Admin)),
    (Method::GET, "/api", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/openapi.json", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts/facets", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts.csv", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts.json", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/alerts.ndjson", "", Some(Role::Viewer)),
    (Method::GET, "/api/v1/events", "", Some(Role::Viewer)),
    (Method::GET, "/a/3f9a001122334455/pane", "", Some(Role::Viewer)),
    (Method::POST, "/views", "", Some(Role::Operator)),
    (Method::POST, "/views/1/remove", "", Some(Role::Operator)),
    (Method::GET, "/api/v1/views", "", Some(Role::Viewer)),
    (Method::POST, "/api/v1/views", "", Some(Role::Operator)),
    (Method::POST, "/api/v1/views/1/remove", "", Some(Role::Operator)),
    (Method::GET, "/healthz", "", None),
    (Method::GET, "/metrics", "", Some(Role::Viewer)),
];

#[tokio::test]
async fn every_route_asks_for_its_role_and_no_lesser_one_will_do() {
    let house = House::new();
    house.answer_commands();
    for role in Role::ALL.map(Some).into_iter().chain([None]) {
        let bearer = role.map(|role| house.token(role.name(), role));
        // Without any token made, whoever sits here is the operator; see below.
        for (method, path, body, needed) in &ROUTES {
            let mut request = dashboard_house::request(method.clone(), path).body(body);
            if let Some(bearer) = &bearer {
                request = request.header(header::AUTHORIZATION, &format!("Bearer {bearer}"));
            }
            let status = house.send(request).await.status;
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::SEE_OTHER].contains(&status)
                && !(status == StatusCode::SEE_OTHER && role.is_some());
            let may = needed.is_none_or(|needed| role.is_some_and(|role| role.may(needed)));
            assert_eq!(!refused, may, "{method} {path} as {role:?}: {status}");
        }
    }
}

#[tokio::test]
async fn without_tokens_who_sits_at_the_machine_is_the_local_operator() {
    let house = House::new();
    let page = house.send(get("/")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains(">local<"), "{}", page.body);
    house.token("dana", Role::Viewer);
    let page = house.send(get("/a/1?x=1")).await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.headers[header::LOCATION], "/login?next=%2Fa%2F1%3Fx%3D1");
}

#[tokio::test]
async fn a_wrong_token_is_nobody_even_at_the_machine_itself() {
    let house = House::new();
    let answer = house.send(get("/api/v1/alerts").header(header::AUTHORIZATION, "Bearer gw_0_0")).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_address_others_can_reach_shows_nothing_without_a_token() {
    let house = House::listening("0.0.0.0:8080", None);
    assert_eq!(house.send(get("/")).await.status, StatusCode::SEE_OTHER);
    let login = house.send(get("/login")).await;
    assert!(login.body.contains("gatewatch token create"), "{}", login.body);
    let behind_a_proxy = House::listening("127.0.0.1:8080", Some("https://gatewatch.example.com"));
    assert_eq!(behind_a_proxy.send(get("/")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_token_opens_a_session_that_logging_out_ends() {
    let house = House::listening("127.0.0.1:8080", Some("https://gatewatch.example.com"));
    let token = house.token("dana", Role::Operator);
    let wrong = house.send(post("/login").body("token=gw_1_2&next=/pipeline")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("not known"), "{}", wrong.body);

    let right = house.send(post("/login").body(&format!("token={token}&next=/pipeline"))).await;
    assert_eq!(
        (right.status, &right.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/pipeline".parse().unwrap())
    );
    let set = right.headers[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(set.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{set}");
    let cookie = set.split(';').next().unwrap();
    assert!(!cookie.contains("gw_"), "the cookie is not the token: {cookie}");

    let page = house.send(get("/pipeline").header(header::COOKIE, cookie)).await;
    assert!(page.body.contains(">dana<") && page.body.contains("Log out"), "{}", page.body);
    house.send(post("/logout").header(header::COOKIE, cookie)).await;
    assert_eq!(house.send(get("/pipeline").header(header::COOKIE, cookie)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_page_of_a_stranger_reaches_nothing_by_name_or_by_form() {
    let house = House::new();
    let rebound = house.send(get("/").header(header::HOST, "evil.example:8080")).await;
    assert_eq!(rebound.status, StatusCode::MISDIRECTED_REQUEST);
    assert!(rebound.body.contains("external_url"));
    for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "203.0.113.9"] {
        assert_eq!(house.send(get("/").header(header::HOST, host)).await.status, StatusCode::OK, "{host}");
    }
    let path = format!("/a/{ID}/acknowledge");
    let cross = [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")];
    for (name, value) in cross {
        let answer = house.send(post(&path).header(name.parse().unwrap(), value)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {value}");
        let says = "set external_url in [dashboard]";
        assert!(
            answer.body.contains("<h1>") && answer.body.contains(says),
            "an empty page helps nobody: {}",
            answer.body
        );
    }
    let crafted = house.send(post(&path).header(header::ORIGIN, "https://<b>evil")).await;
    assert!(crafted.body.contains("https://&#60;b&#62;evil"), "{}", crafted.body);
    let deed =
        post(&path).header(header::ORIGIN, "https://evil.example").header("gatewatch-part".parse().unwrap(), "deed");
    assert!(house.send(deed).await.body.starts_with("{\"error\":"), "a page that is open reads why");
}

#[tokio::test]
async fn a_token_file_that_can_not_be_read_is_told_and_tokens_are_not_called_wrong_for_it() {
    let house = House::new();
    let token = house.token("dana", Role::Operator);
    house.break_tokens();
    let asked = async |bearer: &str| {
        let bearer = format!("Bearer {bearer}");
        house.send(get("/api/v1/alerts").header(header::AUTHORIZATION, &bearer)).await
    };
    assert_eq!(asked(&token).await.status, StatusCode::OK, "who was known before goes on for a while");
    let new = asked("gw_00000000_x").await;
    assert_eq!(new.status, StatusCode::SERVICE_UNAVAILABLE, "it may have been made since");
    assert!(new.body.contains("the token file can't be read"), "{}", new.body);
    let ready = house.send(get("/readyz")).await.body;
    assert!(ready.contains("- the token file can't be read\n"), "strangers learn no path: {ready}");
    let login = house.send(post("/login").body("token=gw_1_2&next=/")).await;
    assert_eq!(login.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(login.body.contains("the token file can&#39;t be read"), "{}", login.body);
}

#[tokio::test]
async fn a_name_others_may_come_by_is_answered_and_asks_for_a_token() {
    let house = House::named("127.0.0.1:8080", None, &["watch.internal"]);
    let answer = house.send(get("/").header(header::HOST, "watch.internal:80")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let here = House::named("127.0.0.1:8080", None, &["localhost"]);
    assert_eq!(here.send(get("/")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_browsers_in_line() {
    let house = House::new();
    for path in ["/", "/pipeline", "/login", "/nowhere", "/metrics", "/healthz", "/api/v1/alerts"] {
        let answer = house.send(get(path)).await;
        let policy = answer.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert!(policy.contains("require-trusted-types-for 'script'; trusted-types gatewatch"), "{path}: {policy}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
    }
}

#[tokio::test]
async fn no_page_holds_a_script_or_a_style_of_its_own() {
    let house = House::new();
    let pages =
        ["/", "/pipeline", "/dead-letters", "/api", "/silences?app=x", "/detectors", "/keys", "/deliveries", "/audit"];
    for path in pages.into_iter().chain(["/entity?kind=key&value=k", "/nowhere", &format!("/a/{ID}")]) {
        let body = house.send(get(path)).await.body;
        assert!(!body.contains("style=") && !body.contains("<style") && !body.contains(" onclick"), "{path}");
        assert_eq!(body.matches("<script").count(), 1, "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_for_good_under_an_address_that_names_their_content() {
    let house = House::new();
    let page = house.send(get("/")).await.body;
    for kind in ["css", "js", "svg"] {
        let (end, _) = page.match_indices(&format!(".{kind}\"")).next().unwrap();
        let start = page[..end].rfind('"').unwrap() + 1;
        let asset = house.send(get(&page[start..end + 1 + kind.len()])).await;
        assert_eq!(asset.status, StatusCode::OK);
        assert!(asset.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
    assert_eq!(house.send(get("/assets/app.0.css")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.send(get("/assets/..%2fapp.css")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_person_does_reaches_the_pipeline_with_name_and_time() {
    let house = House::new();
    let mut commands = house.answer_commands();
    let answer = house.send(post(&format!("/a/{ID}/close")).body("reason=+our+scanner+")).await;
    assert_eq!(answer.headers[header::LOCATION], format!("/a/{ID}?said=closed"));
    let alert = AlertId(0x3f9a_0011_2233_4455);
    let (by, at) = ("local".to_owned(), dashboard_house::NOW);
    let close = Command::Close { alert, by, at, reason: "our scanner".into(), class: Class::Undetermined };
    assert_eq!(commands.recv().await, Some(close));

    let answer = house.send(post(&format!("/api/v1/alerts/{ID}/acknowledge"))).await;
    assert_eq!((answer.status, answer.json()["outcome"].clone()), (StatusCode::OK, json!("done")));
    let acknowledge = Command::Acknowledge { alert, by: "local".into(), at: dashboard_house::NOW };
    assert_eq!(commands.recv().await, Some(acknowledge));
}

#[tokio::test]
async fn an_alert_is_taken_from_a_colleague_only_by_whoever_has_seen_whose_it_is() {
    let house = House::new();
    let mut alert = dashboard_house::alert();
    alert.assignee = Some("dana".into());
    house.keep(&alert);
    let mut commands = house.answer_commands();
    let ask = |what: &str, body: &str| {
        let form = post(&format!("/a/{ID}/{what}"));
        form.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(body)
    };
    for (what, body) in
        [("acknowledge", ""), ("acknowledge", "seen=erin"), ("assign", "text=local"), ("assign", "text=")]
    {
        let answer = house.send(ask(what, body)).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{what} {body}");
        assert!(answer.body.contains("dana has it") && answer.body.contains("press again"), "{}", answer.body);
    }
    assert!(house.send(ask("acknowledge", "")).await.body.contains("name=\"seen\" value=\"dana\""));
    let deed = house.send(ask("acknowledge", "").header("gatewatch-part".parse().unwrap(), "deed")).await;
    assert_eq!((deed.status, &deed.json()["seen"]), (StatusCode::CONFLICT, &json!("dana")));
    assert!(commands.try_recv().is_err(), "nothing was done");
    let taken = house.send(ask("acknowledge", "seen=dana")).await;
    assert_eq!((taken.status, commands.recv().await.is_some()), (StatusCode::SEE_OTHER, true));
    let deed = ask("assign", "text=local&seen=dana").header("gatewatch-part".parse().unwrap(), "deed");
    assert_eq!(house.send(deed).await.status, StatusCode::OK);
}

#[tokio::test]
async fn closing_takes_a_reason() {
    let house = House::new();
    let answer = house.send(post(&format!("/api/v1/alerts/{ID}/close")).body("{\"reason\":\"  \"}")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = house.send(post(&format!("/api/v1/alerts/{ID}/close")).body("{}")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_pipeline_that_does_not_answer_holds_no_page_up() {
    let house = House::new();
    let path = format!("/api/v1/alerts/{ID}/acknowledge");
    let first = house.send(post(&path)).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(first.json()["outcome"], "accepted, being recorded");
    // The channel of the tests' house holds one command, and nobody takes it.
    let second = house.send(post(&path)).await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn what_the_alert_does_not_allow_is_said() {
    let house = House::new();
    house.keep(&dashboard_house::alert());
    house.refuse_commands("it is closed already");
    let answer = house.send(post(&format!("/api/v1/alerts/{ID}/acknowledge"))).await;
    assert_eq!((answer.status, answer.json()["error"].clone()), (StatusCode::CONFLICT, json!("it is closed already")));
}

#[tokio::test]
async fn readiness_says_why_not() {
    let house = House::new();
    let before = house.send(get("/readyz")).await;
    assert_eq!(before.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(before.body.contains("has not reported yet"), "{}", before.body);
    house.set_ready(false, &["partition 3 is not assigned"]);
    assert!(house.send(get("/readyz")).await.body.contains("partition 3 is not assigned"));
    house.set_ready(true, &[]);
    assert_eq!(house.send(get("/readyz")).await.status, StatusCode::OK);
    house.remark("The source logs waits for files in vain: no file matches /var/log/*.json.");
    let after = house.send(get("/readyz")).await;
    assert!(
        after.status == StatusCode::OK && after.body.contains("waits for files in vain: no file"),
        "{}",
        after.body
    );
}

#[tokio::test]
async fn figures_are_for_who_may_see_pages_and_the_refusal_says_how_to_show_who_one_is() {
    let house = House::new();
    let token = house.token("prometheus", Role::Viewer);
    let refused = house.send(get("/metrics")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(
        refused.body.contains("gatewatch token create") && !refused.body.contains("gatewatch_"),
        "{}",
        refused.body
    );
    let shown = house.send(get("/metrics").header(header::AUTHORIZATION, &format!("Bearer {token}"))).await;
    assert!(shown.status == StatusCode::OK && shown.body.contains("gatewatch_epochs_total"), "{}", shown.body);
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_address() {
    let house = House::new();
    house.send(get("/a/1")).await;
    house.send(get("/a/2")).await;
    house.send(get("/nowhere/7")).await;
    let metrics = house.send(get("/metrics")).await.body;
    assert!(metrics.contains("gatewatch_http_requests_total{code=\"404\",route=\"/a/{id}\"} 2"), "{metrics}");
    assert!(metrics.contains("gatewatch_http_requests_total{code=\"404\",route=\"none\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_change_reaches_an_open_page_and_one_that_comes_back_gets_what_it_missed() {
    let house = House::new();
    let events = house.open(get("/events")).await;
    assert_eq!(events.headers()["x-accel-buffering"], "no");
    let mut events = events.into_body().into_data_stream();
    let mut next = async || {
        let chunk = tokio::time::timeout(Duration::from_secs(5), events.next()).await.unwrap().unwrap().unwrap();
        String::from_utf8(chunk.to_vec()).unwrap()
    };
    assert!(next().await.contains("event: hello"));
    house.open_alert();
    let change = next().await;
    assert!(change.contains("event: change") && change.contains("id: 00000007-1"), "{change}");
    assert!(change.contains(&format!("\"alert\":\"{ID}\"")), "{change}");

    let again = house.open(get("/events").header("last-event-id".parse().unwrap(), "00000007-0")).await;
    let missed: Vec<_> = again.into_body().into_data_stream().take(2).collect().await;
    assert!(String::from_utf8_lossy(missed[1].as_ref().unwrap()).contains("id: 00000007-1"));
    let stranger = house.open(get("/events").header("last-event-id".parse().unwrap(), "00000008-1")).await;
    let reset = stranger.into_body().into_data_stream().next().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&reset).contains("event: reset"));
}

#[tokio::test]
async fn a_page_that_is_one_live_stream_too_many_is_told_so() {
    let house = House::new();
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(house.open(get("/events")).await);
    }
    assert_eq!(house.open(get("/events")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    open.pop();
    assert_eq!(house.open(get("/events")).await.status(), StatusCode::OK);
}

/// For people who change pages: `cargo test --test dashboard look -- --ignored`, then open
/// <http://127.0.0.1:18080/>; ten minutes of a small fleet under attack, with a pipeline that obeys.
#[tokio::test]
#[ignore = "serves for ten minutes, to look at"]
async fn look_at_the_pages_of_a_fleet_under_attack() {
    fleet::serve("127.0.0.1:18080", Duration::from_mins(10)).await;
}

#[tokio::test]
async fn alerts_of_the_store_stand_on_the_page_and_page_by_page() {
    let fleet = fleet::Fleet::new("127.0.0.1:8080");
    let page = fleet.body("/").await;
    for title in ["One key used from many addresses", "Master key used", "Somebody guesses function keys"] {
        assert!(page.contains(title), "{title} is missing in {page}");
    }
    let (mut after, mut ids) = (String::new(), Vec::new());
    loop {
        let answer = fleet.body(&format!("/api/v1/alerts?state=all&limit=3{after}")).await;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        ids.extend(answer["alerts"].as_array().unwrap().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()));
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), count), (fleet::ALERTS, fleet::ALERTS));
}

#[tokio::test]
async fn an_alerts_page_shows_its_evidence_and_closing_it_shows_who_and_why() {
    let fleet = fleet::Fleet::new("127.0.0.1:8080");
    let id = fleet.first_id().await;
    let page = fleet.body(&format!("/a/{id}")).await;
    assert!(page.contains("fleet/insights-logs/0") && page.contains("What to do"), "{page}");
    fleet.post(&format!("/a/{id}/close"), "reason=our+own+scanner").await;
    let page = fleet.body(&format!("/a/{id}")).await;
    assert!(page.contains("local: our own scanner"), "{page}");
}

#[tokio::test]
async fn a_dead_letter_that_somebody_wants_tried_again_waits_for_the_pipeline() {
    let fleet = fleet::Fleet::new("127.0.0.1:8080");
    let page = fleet.body("/dead-letters?reason=not_json").await;
    assert!(page.contains("Check what else writes to this topic or file") && page.contains("Try it again"), "{page}");
    fleet.post("/dead-letters/retry", "reason=not_json").await;
    let page = fleet.body("/dead-letters").await;
    assert!(page.contains("1 wait to be tried again") && page.contains("It waits to be tried again."), "{page}");
    fleet.post("/dead-letters/retry", "id=nonsense").await;
    let page = fleet.body("/dead-letters").await;
    assert!(page.contains("1 wait to be tried again"), "what names no letter is not all of them: {page}");
}

#[tokio::test]
async fn a_stranger_s_page_can_t_have_dead_letters_tried_again() {
    let house = House::new();
    let foreign = post("/dead-letters/retry").header("sec-fetch-site".parse().unwrap(), "cross-site");
    assert_eq!(house.send(foreign).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_tap_is_a_line_an_event_and_the_ninth_is_refused() {
    let house = House::new();
    let mut lines = house.open(get("/api/v1/tap?category=gatewaylogs")).await.into_body().into_data_stream();
    assert_eq!(&lines.next().await.unwrap().unwrap()[..], b"\n");
    let event = |category| Glimpse { category, kind: "gateway.request", ..Glimpse::default() };
    house.tap.offer(event("FunctionAppLogs"), || panic!("nobody wants it"));
    house.tap.offer(event("GatewayLogs"), || "{}".into());
    assert_eq!(&lines.next().await.unwrap().unwrap()[..], b"{}\n");
    let mut open = vec![lines];
    for _ in 1..8 {
        open.push(house.open(get("/api/v1/tap")).await.into_body().into_data_stream());
    }
    assert_eq!(house.open(get("/api/v1/tap")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(open);
    assert!(!house.tap.is_open(), "nobody watches any more");
}

#[tokio::test]
async fn a_view_is_kept_by_programs_and_stands_on_the_page_until_it_is_removed() {
    let house = House::new();
    let send = |body: serde_json::Value| {
        post("/api/v1/views").header(header::CONTENT_TYPE, "application/json").body(&body.to_string())
    };
    let answer = house.send(send(json!({"name": "Grave <b>", "query": "level>=high  -family:probing"}))).await;
    let view = answer.json();
    assert_eq!((answer.status, &view["query"]), (StatusCode::CREATED, &json!("level>=high -family:probing")));
    let again = house.send(send(json!({"name": "grave <B>", "query": "level>=high since:24h"}))).await;
    assert_eq!((again.status, &again.json()["id"]), (StatusCode::OK, &view["id"]));
    let wrong = house.send(send(json!({"name": "x", "query": "lvl:high state:opn"}))).await;
    assert_eq!((wrong.status, wrong.json()["errors"].as_array().unwrap().len()), (StatusCode::BAD_REQUEST, 2));
    assert!(wrong.body.contains("Letter 10: `state:opn`"), "{}", wrong.body);
    let views = house.send(get("/api/v1/views")).await.json();
    assert_eq!(views["views"].as_array().unwrap().len(), 1);
    let page = house.send(get("/?q=level%3E%3Dhigh")).await.body;
    assert!(page.contains("href=\"/?q=level%3E%3Dhigh%20since:24h\"") && !page.contains("Grave <b>"), "{page}");
    let remove = format!("/api/v1/views/{}/remove", view["id"].as_str().unwrap());
    assert_eq!(house.send(post(&remove)).await.status, StatusCode::OK);
    assert_eq!(house.send(post(&remove)).await.status, StatusCode::NOT_FOUND);
    let form = post("/views").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let kept = house.send(form.body("name=Mine&q=assignee%3Ame")).await;
    let to = kept.headers["location"].to_str().unwrap();
    assert_eq!((kept.status, to), (StatusCode::SEE_OTHER, "/?q=assignee:me"));
}

#[tokio::test]
async fn a_view_of_somebody_is_not_replaced_unasked() {
    let house = House::new();
    let save = |body: &'static str| {
        let form = post("/views").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        form.body(body)
    };
    assert_eq!(house.send(save("name=Grave&q=level%3E%3Dhigh")).await.status, StatusCode::SEE_OTHER);
    let asked = house.send(save("name=grave&q=app%3Ax")).await;
    assert_eq!(asked.status, StatusCode::CONFLICT);
    assert!(asked.body.contains("local saved one of this name: replace it?"), "{}", asked.body);
    assert!(asked.body.contains("name=\"replace\" value=\"level&#62;=high\""), "{}", asked.body);
    let replaced = house.send(save("name=grave&q=app%3Ax&replace=level%3E%3Dhigh")).await;
    assert_eq!(replaced.status, StatusCode::SEE_OTHER);
    let views = house.send(get("/api/v1/views")).await.json();
    assert_eq!((views["views"].as_array().unwrap().len(), &views["views"][0]["query"]), (1, &json!("app:x")));
}

#[tokio::test]
async fn what_was_just_seen_is_told_alone_to_a_page_that_asks_for_it() {
    let house = House::new();
    let part = house.send(get("/").header("gatewatch-part".parse().unwrap(), "ahead")).await;
    assert_eq!(part.status, StatusCode::OK);
    assert!(part.body.contains("id=\"ahead\"") && !part.body.contains("<html"), "{}", part.body);
}

#[tokio::test]
async fn whoever_comes_back_from_logging_in_stands_where_the_form_was() {
    let house = House::new();
    let tried = house.send(get("/detectors/key-usage.x/try")).await;
    assert_eq!(
        (tried.status, &tried.headers[header::LOCATION]),
        (StatusCode::SEE_OTHER, &"/detectors/key%2Dusage%2Ex".parse().unwrap())
    );
    let house = House::named("127.0.0.1:8080", None, &["watch.internal"]);
    for (form, page) in [
        ("/detectors/key-usage.x/try", "%2Fdetectors%2Fkey%2Dusage%2Ex"),
        ("/a/3f9a001122334455/close", "%2Fa%2F3f9a001122334455"),
        ("/silences/1/end", "%2F"),
    ] {
        let answer = house.send(post(form).header(header::HOST, "watch.internal:80")).await;
        assert_eq!(answer.headers[header::LOCATION], format!("/login?next={page}"), "{form}");
    }
}

#[tokio::test]
async fn a_question_narrows_the_page_and_the_alert_beside_it_is_part_of_its_address() {
    let fleet = fleet::Fleet::new("127.0.0.1:8080");
    let all = fleet.body("/?q=state:all").await;
    let without = fleet.body("/?q=state:all%20-family:key-usage").await;
    let rows = |page: &str| page.matches("<tr data-alert").count();
    let of = without.matches("aria-label=\"Only family key-usage\"").count();
    assert!(rows(&without) > 0 && rows(&without) < rows(&all) && of == 0, "{} of {}", rows(&without), rows(&all));
    let id = fleet.first_id().await;
    let page = fleet.body(&format!("/?q=state:all&alert={id}")).await;
    assert!(page.contains(&format!("data-pane=\"{id}\"")) && page.contains("href=\"/?q=state:all\">Close"), "{page}");
    let pane = fleet.body(&format!("/a/{id}/pane?q=state:all&alert={id}")).await;
    assert!(pane.contains(&format!("data-pane=\"{id}\"")) && !pane.contains("<html"), "{pane}");
    assert!(fleet.body("/?alert=0000000000000001").await.contains("no alert with this id"));
}
