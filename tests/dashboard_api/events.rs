//! A program that follows misses nothing and sees nothing twice.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::document::valid;
use super::fleet;
use crate::dashboard_house::fleet::{ALERTS, Fleet};

struct Stream {
    body: BodyDataStream,
    rest: String,
}

/// Kind, id and data of an event.
type Event = (String, Option<i64>, Value);

impl Stream {
    async fn open(fleet: &Fleet, query: &str, last: Option<i64>) -> Self {
        let mut request = Request::get(format!("/api/v1/events?{query}")).header(header::HOST, "localhost");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let answer = fleet.open_stream(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut stream = Self { body: answer.into_body().into_data_stream(), rest: String::new() };
        let (kind, id, _) = stream.next().await;
        assert_eq!(kind, "hello");
        assert_eq!(
            id.is_none(),
            last.is_some() || query.contains("after="),
            "it says where it begins, if nobody else did"
        );
        stream
    }

    async fn next(&mut self) -> Event {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let event = (
                    field("event:").unwrap_or_default().to_owned(),
                    field("id:").map(|id| id.parse().unwrap()),
                    field("data:").map_or(Value::Null, |data| serde_json::from_str(data).unwrap()),
                );
                let rest = rest.to_owned();
                self.rest = rest;
                return event;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(10), self.body.next()).await;
            self.rest += std::str::from_utf8(&chunk.expect("an event").unwrap().unwrap()).unwrap();
        }
    }

    /// Returns the next changes: id, what was done, to which alert.
    async fn changes(&mut self, count: usize) -> Vec<(i64, String, String)> {
        let mut changes = Vec::new();
        while changes.len() < count {
            let (kind, id, data) = self.next().await;
            assert_eq!(kind, "change", "{data}");
            valid(&json!({"$ref": "#/components/schemas/Change"}), &data, "a change");
            let text = |name: &str| data[name].as_str().unwrap().to_owned();
            assert_eq!(data["now"]["id"], data["alert"]);
            changes.push((id.unwrap(), text("did"), text("alert")));
        }
        changes
    }

    /// Panics if anything comes soon.
    async fn quiet(&mut self) {
        let more = tokio::time::timeout(Duration::from_millis(200), self.next()).await;
        assert!(more.is_err(), "{more:?}");
    }
}

async fn note(fleet: &Fleet, id: &str, times: usize) {
    for n in 0..times {
        let (status, says) =
            fleet.ask(&format!("/api/v1/alerts/{id}/note"), &json!({"text": format!("look {n}")})).await;
        assert_eq!(status, 200, "{says}");
    }
}

#[tokio::test]
async fn a_stream_begins_now_and_one_that_comes_back_goes_on_after_what_it_saw() {
    let fleet = fleet();
    let id = fleet.first_id().await;
    let mut stream = Stream::open(&fleet, "", None).await;
    stream.quiet().await;
    note(&fleet, &id, 2).await;
    fleet.ask(&format!("/api/v1/alerts/{id}/close"), &json!({"reason": "x"})).await;
    let seen = stream.changes(3).await;
    assert_eq!(seen.iter().map(|(_, did, _)| did.as_str()).collect::<Vec<_>>(), ["noted", "noted", "closed"]);
    assert!(seen.iter().all(|(_, _, alert)| *alert == id) && seen.is_sorted());
    drop(stream);
    note(&fleet, &id, 3).await;
    for (more, last) in [(0, None), (1, Some(seen[0].0))] {
        // The header goes before what stands in the address, as a browser that comes back has it.
        let mut again = Stream::open(&fleet, &format!("after={}", seen[0].0), last).await;
        let missed = again.changes(5 + more).await;
        assert_eq!(missed[..2], seen[1..]);
        assert!(missed.is_sorted());
        again.quiet().await;
        note(&fleet, &id, 1).await;
        again.changes(1).await;
    }
}

#[tokio::test]
async fn from_the_beginning_all_that_is_kept_comes_once_and_a_question_narrows_it() {
    let fleet = fleet();
    let all = Stream::open(&fleet, "after=0", None).await.changes(ALERTS + 4).await;
    assert_eq!(all.iter().filter(|(_, did, _)| did == "opened").count(), ALERTS);
    assert_eq!(all.iter().filter(|(_, did, _)| did == "closed").count(), 2);
    let ids: std::collections::BTreeSet<i64> = all.iter().map(|(id, ..)| *id).collect();
    assert_eq!(ids.len(), all.len());
    let mut some = Stream::open(&fleet, "after=0&family=key-usage&level=high", None).await;
    assert_eq!(some.changes(2).await.iter().filter(|(_, did, _)| did == "opened").count(), 2);
    some.quiet().await;
}

#[tokio::test]
async fn what_is_of_another_store_is_said_and_the_stream_goes_on_from_now() {
    let fleet = fleet();
    let id = fleet.first_id().await;
    let mut stream = Stream::open(&fleet, "after=999999", None).await;
    let (kind, last, data) = stream.next().await;
    assert_eq!((kind.as_str(), &data["after"]), ("gap", &json!("999999")));
    note(&fleet, &id, 1).await;
    let change = stream.changes(1).await;
    assert_eq!(change[0].0, last.unwrap() + 1);
}

#[tokio::test]
async fn a_burst_of_changes_while_nobody_reads_is_not_lost() {
    let fleet = fleet();
    let mut stream = Stream::open(&fleet, "", None).await;
    for n in 0..40_u64 {
        fleet.open(0x1000 + n, "fn-orders");
    }
    let id = fleet.first_id().await;
    note(&fleet, &id, 1).await;
    let seen = stream.changes(41).await;
    assert_eq!(seen.iter().filter(|(_, did, _)| did == "opened").count(), 40);
    assert!(seen.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "{seen:?}");
}
