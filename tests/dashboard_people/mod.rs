//! What programs do with alerts over HTTP: one by one, many at once, and taken back.

use serde_json::{Value, json};

use super::dashboard_house::fleet::{ALERTS, Fleet};

fn fleet() -> Fleet {
    Fleet::new("127.0.0.1:8080")
}

async fn count(fleet: &Fleet, query: &str) -> usize {
    let (status, list) = fleet.read(&format!("/api/v1/alerts?limit=200&query={}", query.replace(' ', "%20"))).await;
    assert_eq!(status, 200, "{list}");
    list["alerts"].as_array().unwrap().len()
}

#[tokio::test]
async fn each_thing_people_do_is_in_the_activity_with_who_and_from_what_to_what() {
    let fleet = fleet();
    let id = fleet.first_id().await;
    let steps = [
        ("acknowledge", json!({})),
        ("assign", json!({"to": "eve"})),
        ("note", json!({"text": "the owner is asked"})),
        ("unassign", json!({})),
        ("close", json!({"class": "benign", "reason": "our scanner"})),
        ("close", json!({"class": "false-positive", "reason": "not even that"})),
        ("reopen", json!({"reason": "it goes on"})),
    ];
    for (step, body) in steps {
        let (status, says) = fleet.ask(&format!("/api/v1/alerts/{id}/{step}"), &body).await;
        assert_eq!((status, &says["outcome"]), (200, &json!("done")), "{step}: {says}");
    }
    let (_, log) = fleet.read(&format!("/api/v1/alerts/{id}/activity")).await;
    let line = |line: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let part =
            |part: &Value| format!("{}/{}/{}", text(&part["state"]), text(&part["assignee"]), text(&part["class"]));
        format!(
            "{} {} {} > {}: {}",
            text(&line["who"]),
            text(&line["did"]),
            part(&line["from"]),
            part(&line["to"]),
            text(&line["says"])
        )
    };
    let lines: Vec<String> = log["activity"].as_array().unwrap().iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "- opened -/-/- > open/-/-: ",
            "local acknowledged open/-/- > acknowledged/local/-: ",
            "local assigned acknowledged/local/- > acknowledged/eve/-: eve",
            "local noted acknowledged/eve/- > acknowledged/eve/-: the owner is asked",
            "local unassigned acknowledged/eve/- > open/-/-: ",
            "local closed open/-/- > closed/-/benign: our scanner",
            "local closed closed/-/benign > closed/-/false-positive: not even that",
            "local reopened closed/-/false-positive > open/-/-: it goes on",
        ]
    );
    let (_, alert) = fleet.read(&format!("/api/v1/alerts/{id}")).await;
    assert_eq!((&alert["state"], &alert["class"], &alert["revision"]), (&json!("open"), &json!(null), &json!(8)));
}

#[tokio::test]
async fn what_people_type_is_kept_without_its_secrets_and_shown_so_at_once() {
    let fleet = fleet();
    let id = fleet.first_id().await;
    let secret = "the key is hunter2";
    for (what, body) in [
        ("note", json!({"text": secret})),
        ("assign", json!({"to": secret})),
        ("close", json!({"class": "benign", "reason": secret})),
        ("reopen", json!({"reason": secret})),
    ] {
        let (status, says) = fleet.ask(&format!("/api/v1/alerts/{id}/{what}"), &body).await;
        assert_eq!(status, 200, "{says}");
    }
    let (_, log) = fleet.read(&format!("/api/v1/alerts/{id}/activity")).await;
    assert_eq!(log.to_string().matches("the key is hidden").count(), 8, "{log}");
    let matcher = json!({"app": "of hunter2"});
    let (_, made) = fleet.ask("/api/v1/silences", &json!({"matcher": matcher, "reason": secret, "for": "2h"})).await;
    assert_eq!(
        (&made["reason"], &made["matcher"]["app"]),
        (&json!("the key is hidden"), &json!("of hidden")),
        "{made}"
    );
    let (_, view) = fleet.ask("/api/v1/views", &json!({"name": secret, "query": "app:hunter2"})).await;
    assert_eq!((&view["name"], &view["query"]), (&json!("the key is hidden"), &json!("app:hidden")), "{view}");
}

#[tokio::test]
async fn the_first_eight_digits_of_an_id_lead_to_its_alert_for_programs_and_people() {
    let fleet = fleet();
    let id = fleet.first_id().await;
    for digits in 8..=16 {
        let (status, alert) = fleet.read(&format!("/api/v1/alerts/{}", &id[..digits])).await;
        assert_eq!((status, &alert["id"]), (200, &json!(id)), "{digits}");
    }
    for wrong in [&id[..7], "00000000", "0000000000000000", "zzzzzzzz", "%27%27%27%27%27%27%27%27"] {
        let (status, says) = fleet.read(&format!("/api/v1/alerts/{wrong}")).await;
        assert_eq!(status, 404, "{says}");
    }
    assert!(fleet.body(&format!("/a/{}", &id[..8])).await.is_empty(), "it leads on to the whole id");
    let (status, says) = fleet.ask("/api/v1/alerts/0000000000000000/note", &json!({"text": "x"})).await;
    assert_eq!(status, 404, "{says}");
}

#[tokio::test]
async fn a_problem_says_what_was_wrong_and_how_to_mend_it() {
    let fleet = fleet();
    let id = fleet.first_id().await;
    let alert = format!("/api/v1/alerts/{id}");
    let bulk = "/api/v1/alerts/bulk".to_owned();
    for (path, body, status, says) in [
        (
            format!("{alert}/close"),
            json!({"class": "fine", "reason": "x"}),
            400,
            "`fine` is none of what `class` can be: write true-positive",
        ),
        (format!("{alert}/close"), json!({"class": "benign", "reason": " "}), 400, "in a few words"),
        (format!("{alert}/assign"), json!({"to": ""}), 400, "who is to take it"),
        (format!("{alert}/note"), json!({}), 400, "`text` is missing"),
        (format!("{alert}/reopen"), json!({"reason": "x"}), 409, "is not closed"),
        (format!("{alert}/unassign"), json!({}), 409, "assigned to nobody"),
        (
            bulk.clone(),
            json!({"query": "state:gone", "action": {"do": "acknowledge"}, "dry_run": true}),
            400,
            "`gone` is no state",
        ),
        (bulk.clone(), json!({"query": "", "action": {"do": "acknowledge"}}), 400, "how many alerts you expect"),
        (
            bulk.clone(),
            json!({"query": "", "action": {"do": "acknowledge"}, "expected_count": 1}),
            409,
            "nothing is changed",
        ),
        (bulk.clone(), json!({"query": ""}), 400, "question with an action"),
        (bulk, json!({"token": "77"}), 404, "no count of yours"),
        ("/api/v1/alerts/bulk/77/undo".into(), json!({}), 404, "no such change"),
    ] {
        let (answered, problem) = fleet.ask(&path, &body).await;
        assert_eq!(answered, status, "{path} {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{path} {problem}");
    }
    assert_eq!(fleet.read("/api/v1/nothing").await.0, 404);
    for query in ["state=gone", "color=red", "limit=many", "after=x", "query=app:%22x"] {
        assert_eq!(fleet.read(&format!("/api/v1/alerts?{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn what_was_counted_is_changed_and_nothing_that_came_since() {
    let fleet = fleet();
    let open = count(&fleet, "state:open app:fn-orders").await;
    assert!(open >= 2);
    let wish = json!({"query": "state:open app:fn-orders", "action": {"do": "close", "class": "benign", "reason": "a drill"}, "dry_run": true});
    let (_, counted) = fleet.ask("/api/v1/alerts/bulk", &wish).await;
    assert_eq!(counted["count"], open, "{counted}");
    assert_eq!(count(&fleet, "state:open app:fn-orders").await, open, "counting changes nothing");
    // One changes in between, and one comes.
    let changed = counted["sample"][0]["id"].as_str().unwrap().to_owned();
    fleet.ask(&format!("/api/v1/alerts/{changed}/acknowledge"), &json!({})).await;
    fleet.open(0x77, "fn-orders");
    let (status, done) = fleet.ask("/api/v1/alerts/bulk", &json!({"token": counted["token"]})).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(
        (&done["changed"], &done["left"], &done["joined_since"]),
        (&json!(open - 1), &json!(1), &json!(1)),
        "{done}"
    );
    assert_eq!(done["left_sample"][0]["id"], changed, "{done}");
    assert!(done["left_sample"][0]["why"].as_str().unwrap().contains("changed since it was counted"), "{done}");
    assert_eq!(count(&fleet, "class:benign state:all").await, open - 1);
    let (status, again) = fleet.ask("/api/v1/alerts/bulk", &json!({"token": counted["token"]})).await;
    assert_eq!(status, 404, "a token is good once: {again}");

    // All but one that somebody has touched since stand as before.
    let (_, list) = fleet.read("/api/v1/alerts?query=class:benign%20state:all").await;
    let touched = list["alerts"][0]["id"].as_str().unwrap().to_owned();
    fleet.ask(&format!("/api/v1/alerts/{touched}/reopen"), &json!({"reason": "not a drill"})).await;
    let (status, undone) =
        fleet.ask(&format!("/api/v1/alerts/bulk/{}/undo", done["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!((status, &undone["changed"], &undone["left"]), (200, &json!(open - 2), &json!(1)), "{undone}");
    assert_eq!(undone["left_sample"][0]["id"], touched);
    assert_eq!(count(&fleet, "class:benign state:all").await, 0);
    assert_eq!(count(&fleet, "state:open app:fn-orders").await, open, "all but the one acknowledged, and the new one");
    let (status, twice) =
        fleet.ask(&format!("/api/v1/alerts/bulk/{}/undo", done["id"].as_str().unwrap()), &json!({})).await;
    assert_eq!(status, 409, "{twice}");
}

#[tokio::test]
async fn a_question_with_the_count_that_is_expected_needs_no_token() {
    let fleet = fleet();
    let active = count(&fleet, "").await;
    let wish = json!({"query": "", "action": {"do": "assign", "to": "eve"}, "expected_count": active});
    let (status, done) = fleet.ask("/api/v1/alerts/bulk", &wish).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(count(&fleet, "assignee:eve").await, active);
    let (status, again) = fleet.ask("/api/v1/alerts/bulk", &json!({"token": done["id"]})).await;
    assert_eq!(status, 404, "what it is called is no leave to do it again: {again}");
    assert_eq!(count(&fleet, "assignee:none state:all").await, ALERTS - active);
    let (_, list) = fleet.read("/api/v1/alerts?limit=1&query=").await;
    let entity = &list["alerts"][0]["entity"];
    let about = format!("entity:{}/{}", entity["kind"].as_str().unwrap(), entity["value"].as_str().unwrap());
    assert!(count(&fleet, &about).await >= 1, "{about}");
    assert_eq!(count(&fleet, "since:1m detector:nobody.knows state:all").await, 0);
}

#[tokio::test]
async fn a_silence_says_what_it_costs_before_it_is_made_and_ends_when_it_is_told_to() {
    let fleet = fleet();
    let matcher = json!({"app": "fn-orders"});
    let all = count(&fleet, "state:all app:fn-orders since:30d").await;
    let (_, list) = fleet.read("/api/v1/alerts?state=active&app=fn-orders&limit=2").await;
    for (n, class) in ["true-positive", "benign"].into_iter().enumerate() {
        let id = list["alerts"][n]["id"].as_str().unwrap();
        fleet.ask(&format!("/api/v1/alerts/{id}/close"), &json!({"class": class, "reason": "x"})).await;
    }
    let (_, preview) = fleet.ask("/api/v1/silences/preview", &json!({"matcher": matcher})).await;
    assert_eq!(
        (&preview["hidden"], &preview["true_positives"], &preview["otherwise_judged"]),
        (&json!(all), &json!(1), &json!(1))
    );
    assert_eq!((&preview["complete"], &preview["would_trip"]), (&json!(true), &json!(0)), "{preview}");
    let (_, mild) =
        fleet.ask("/api/v1/silences/preview", &json!({"matcher": {"app": "fn-orders", "at_most": "low"}})).await;
    assert_eq!(mild["hidden"].as_u64().unwrap() + mild["would_trip"].as_u64().unwrap(), all as u64, "{mild}");

    let (status, made) =
        fleet.ask("/api/v1/silences", &json!({"matcher": matcher, "reason": "a drill", "for": "2h"})).await;
    assert_eq!((status, &made["state"], &made["preview"]), (201, &json!("active"), &preview), "{made}");
    assert_eq!(made["matcher"]["at_most"], preview["worst"], "it hides nothing worse than it would have hidden");
    assert_eq!(preview["at_most"], preview["worst"], "the preview says so");
    let unknown = json!({"app": "fn-nobody-heard-of"});
    let (_, nothing) = fleet.ask("/api/v1/silences/preview", &json!({"matcher": unknown})).await;
    assert_eq!((&nothing["worst"], &nothing["at_most"]), (&json!(null), &json!("low")), "{nothing}");
    let (_, blind) = fleet.ask("/api/v1/silences", &json!({"matcher": unknown, "reason": "x", "for": "2h"})).await;
    assert_eq!(blind["matcher"]["at_most"], "low", "without history it still trips over what is bad: {blind}");
    let expire = format!("/api/v1/silences/{}/expire", blind["id"].as_str().unwrap());
    assert_eq!(fleet.ask(&expire, &json!({})).await.0, 200);
    let (_, planned) = fleet
        .ask(
            "/api/v1/silences",
            &json!({"matcher": matcher, "reason": "x", "starts_at": "2026-12-31T00:00:00Z", "for": "1d"}),
        )
        .await;
    assert_eq!(planned["state"], "planned", "{planned}");
    let (_, list) = fleet.read("/api/v1/silences").await;
    assert_eq!(list["silences"].as_array().unwrap().len(), 2, "{list}");
    let expire = format!("/api/v1/silences/{}/expire", made["id"].as_str().unwrap());
    assert_eq!(fleet.ask(&expire, &json!({})).await.0, 200);
    assert_eq!(fleet.ask(&expire, &json!({})).await.0, 404, "it is over");
    let (_, list) = fleet.read("/api/v1/silences?all=true").await;
    let states: Vec<&Value> = list["silences"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["planned", "ended", "ended"], "{list}");
    for (body, says) in [
        (json!({"matcher": {}, "reason": "x", "for": "2h"}), "name a detector"),
        (json!({"matcher": matcher, "reason": "x"}), "Say until when"),
        (json!({"matcher": matcher, "reason": "x", "for": "91d"}), "within 90 days"),
        (json!({"matcher": matcher, "reason": "", "for": "2h"}), "Say why"),
        (json!({"matcher": {"colour": "red"}, "reason": "x", "for": "2h"}), "`colour` is nothing that stands here"),
    ] {
        let (status, problem) = fleet.ask("/api/v1/silences", &body).await;
        assert!(status == 400 && problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
}

#[tokio::test]
async fn alerts_that_share_an_entity_are_one_incident() {
    let fleet = fleet();
    fleet.open(0x10, "fn-orders");
    fleet.open(0x11, "another-app");
    let (status, found) = fleet.read("/api/v1/incidents?query=state:all").await;
    assert_eq!(status, 200, "{found}");
    let ours: Vec<&Value> = found["incidents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["alerts"].as_array().unwrap().contains(&json!("0000000000000010")))
        .collect();
    assert_eq!(ours.len(), 1, "{found}");
    assert!(ours[0]["alerts"].as_array().unwrap().contains(&json!("0000000000000011")), "{found}");
    assert!(!ours[0]["shared"].as_array().unwrap().is_empty(), "{found}");
    assert_eq!(fleet.read("/api/v1/incidents?colour=red").await.0, 400);
}
