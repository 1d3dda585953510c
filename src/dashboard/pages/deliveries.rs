//! `/deliveries`: who was told of what, did it arrive, and when is it tried next?
//!
//! The newest 200 of a sink or of all; what was sent is rendered from redacted data and not shown
//! here, for the alert's own page says more.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::app::App;
use super::super::board::Board;
use super::super::door::Viewer;
use super::super::words::{When, grouped};
use super::{Frame, render, store_problem};
use crate::clock::Timestamp;
use crate::store::Made;

/// Deliveries on the page.
const PAGE: usize = 200;

struct Sink {
    name: String,
    address: String,
    kind: &'static str,
    waiting: String,
    delivered: String,
    failing: Option<(String, When)>,
}

struct Row {
    sink: String,
    /// The alerts it is about.
    alerts: Vec<String>,
    key: String,
    outcome: &'static str,
    note: String,
    attempts: u32,
    tried: Option<When>,
    took: Option<String>,
    /// When it is tried next, of one that waits.
    next: Option<When>,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct Deliveries {
    frame: Frame,
    sinks: Vec<Sink>,
    sink: Option<String>,
    rows: Vec<Row>,
    full: bool,
}

/// `GET /deliveries`: `sink` for those of one.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let sink = pairs.into_iter().find(|(name, value)| name == "sink" && !value.is_empty()).map(|(_, value)| value);
    let wanted = sink.clone();
    let read = app.readers.read(move |reader| match &wanted {
        Some(sink) => reader.made_to(sink, PAGE + 1),
        None => reader.made(None, PAGE + 1),
    });
    match read.await {
        Ok(made) => {
            let frame = Frame::new("Deliveries", "deliveries", Some(who), &headers);
            render(StatusCode::OK, &Deliveries::of(frame, &app.parts.board, sink, &made, app.parts.clock.now()))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

impl Deliveries {
    fn of(frame: Frame, board: &Board, sink: Option<String>, made: &[Made], now: Timestamp) -> Self {
        let mut sinks: Vec<Sink> = board
            .sinks
            .iter()
            .map(|seen| Sink {
                name: seen.key().clone(),
                address: utf8_percent_encode(seen.key(), NON_ALPHANUMERIC).to_string(),
                kind: seen.kind,
                waiting: grouped(seen.waiting),
                delivered: grouped(seen.delivered),
                failing: seen.failing.as_ref().map(|(says, at)| (says.clone(), When::new(*at, now))),
            })
            .collect();
        sinks.sort_by(|a, b| a.name.cmp(&b.name));
        let rows = made.iter().take(PAGE).map(|one| Row::of(one, now)).collect();
        let full = made.len() > PAGE;
        Self { frame, sinks, sink, rows, full }
    }
}

impl Row {
    fn of(made: &Made, now: Timestamp) -> Self {
        let delivery = &made.delivery;
        let named = delivery.key.split_once(':').map(|(alert, _)| alert);
        let named = named.filter(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let alerts = if delivery.about.is_empty() {
            named.into_iter().map(str::to_owned).collect()
        } else {
            delivery.about.clone()
        };
        let waits = made.outcome == "waiting";
        Self {
            sink: delivery.sink.clone(),
            alerts,
            key: delivery.key.clone(),
            outcome: made.outcome,
            note: made.note.clone(),
            attempts: delivery.attempts,
            tried: made.tried_at.map(|at| When::new(at, now)),
            took: made.took.map(|took| format!("{} ms", grouped(took.as_millis() as u64))),
            next: waits.then(|| When::new(delivery.due, now)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::samples;
    use super::*;
    use crate::access::Identity;

    fn made(sink: &str, outcome: &'static str, note: &str) -> Made {
        let (mut delivery, _) = samples::deliveries().remove(0);
        delivery.sink = sink.to_owned();
        delivery.due = samples::NOW.plus(Duration::from_secs(40));
        let tried_at = Some(samples::NOW.minus(Duration::from_secs(20)));
        Made { delivery, outcome, note: note.to_owned(), tried_at, took: Some(Duration::from_millis(1_234)) }
    }

    fn shown(sink: Option<&str>, made: &[Made]) -> String {
        let frame = Frame::new("Deliveries", "deliveries", Some(Identity::local()), &HeaderMap::new());
        Deliveries::of(frame, &samples::board(), sink.map(str::to_owned), made, samples::NOW).render().unwrap()
    }

    #[test]
    fn a_delivery_that_failed_says_what_was_answered_and_when_it_is_tried_again() {
        let html = shown(None, &[made("pager", "waiting", "503 <b>busy</b>"), made("chat", "delivered", "200")]);
        for part in ["503 ", "in 40 s", "1,234 ms", "/a/3f9a001122334455"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("<b>busy"), "{html}");
    }

    #[test]
    fn those_of_one_sink_are_said_to_be_so() {
        assert!(shown(Some("chat"), &[made("chat", "delivered", "ok")]).contains("Only those of chat"));
        assert!(shown(Some("mail"), &[]).contains("Nothing was sent"));
    }
}
