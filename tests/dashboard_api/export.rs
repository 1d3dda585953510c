//! Everything that a question finds, in three forms.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use super::fleet;
use crate::dashboard_house::fleet::{ALERTS, Fleet};

async fn export(fleet: &Fleet, path: &str) -> (u16, String, String) {
    let request =
        Request::get(format!("/api/v1/{path}")).header(header::HOST, "localhost").body(Body::empty()).unwrap();
    let (status, headers, body) = fleet.raw(request).await;
    (status, headers[header::CONTENT_TYPE].to_str().unwrap().to_owned(), String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn three_forms_hold_the_same_alerts_all_of_them_and_in_the_order_of_the_list() {
    let fleet = fleet();
    for (question, count) in [
        ("state=all", ALERTS),
        ("", ALERTS - 2),
        ("family=key-usage&state=all", 3),
        ("state=all&limit=5", 5),
        ("app=nobody", 0),
    ] {
        let ids =
            |alerts: &[Value]| alerts.iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        let (_, list) = fleet
            .read(&format!("/api/v1/alerts?{question}{}", if question.contains("limit") { "" } else { "&limit=200" }))
            .await;
        let listed = ids(list["alerts"].as_array().unwrap());
        assert_eq!(listed.len(), count, "{question}");

        let (status, kind, text) = export(&fleet, &format!("alerts.json?{question}")).await;
        assert_eq!((status, kind.as_str()), (200, "application/json"));
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole["alerts"], list["alerts"], "{question}");

        let (_, kind, text) = export(&fleet, &format!("alerts.ndjson?{question}")).await;
        assert_eq!(kind, "application/x-ndjson");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(&json!(lines), &list["alerts"], "{question}");

        let (_, kind, text) = export(&fleet, &format!("alerts.csv?{question}")).await;
        assert_eq!(kind, "text/csv; charset=utf-8; header=present");
        assert!(text.starts_with("\"id\",\"state\",\"level\",\"family\",") && text.ends_with("\r\n"), "{text}");
        let mut table = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
        let named: Vec<String> = rows.iter().map(|row| row[0].to_owned()).collect();
        assert_eq!(named, listed, "{question}");
        for (row, alert) in rows.iter().zip(list["alerts"].as_array().unwrap()) {
            assert_eq!((&row[5], &row[18]), (alert["title"].as_str().unwrap(), alert["why"].as_str().unwrap()));
        }
    }
}

#[tokio::test]
async fn a_third_export_is_refused_while_two_run_and_taken_once_one_is_over() {
    let fleet = fleet();
    let begin =
        || Request::get("/api/v1/alerts.json?state=all").header(header::HOST, "localhost").body(Body::empty()).unwrap();
    // Nobody reads them, so they wait.
    let first = fleet.open_stream(begin()).await;
    let second = fleet.open_stream(begin()).await;
    let (status, _, _) = export(&fleet, "alerts.csv").await;
    assert_eq!(status, 503);
    drop((first, second));
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        if export(&fleet, "alerts.csv").await.0 == 200 {
            return;
        }
    }
    panic!("what nobody reads any more still counts");
}
