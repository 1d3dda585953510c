//! `/keys`: which keys are in use, by how many callers, and which sleep?
//!
//! Keys are known by fingerprint alone, and by the name derived from it. The newest 500 are listed; one
//! key's page is its entity's.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::door::Viewer;
use super::super::words::{When, grouped, span};
use super::entity::address;
use super::{Frame, render, store_problem};
use crate::alerts::{EntityKind, sayable};
use crate::clock::Timestamp;
use crate::store::{KeyLine, KeyReach};

/// Keys on the page.
const MOST: usize = 500;
/// A key that nobody used for so long sleeps.
const ASLEEP: Duration = Duration::from_hours(24 * 14);

struct Row {
    name: String,
    value: String,
    /// The query string of its page.
    address: String,
    callers: String,
    places: String,
    first: When,
    last: When,
    accepted: Option<When>,
    asleep: bool,
}

#[derive(Template)]
#[template(path = "keys.html")]
struct Keys {
    frame: Frame,
    rows: Vec<Row>,
    /// How far back uses are noted.
    since: Option<(When, String)>,
    lost: u64,
    full: bool,
}

/// `GET /keys`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    headers: HeaderMap,
) -> Response {
    match app.readers.read(|reader| Ok((reader.keys_in_short(MOST + 1)?, reader.key_reach()?))).await {
        Ok((lines, reach)) => {
            let frame = Frame::new("Keys", "keys", Some(who), &headers);
            render(StatusCode::OK, &Keys::of(frame, &lines, reach, app.parts.clock.now()))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

impl Keys {
    fn of(frame: Frame, lines: &[KeyLine], reach: Option<KeyReach>, now: Timestamp) -> Self {
        // Event time, so that a replayed past is not all asleep.
        let newest = reach.map_or(now, |reach| reach.newest);
        Self {
            frame,
            rows: lines.iter().take(MOST).map(|line| Row::of(line, newest, now)).collect(),
            since: reach.map(|reach| (When::new(reach.since, now), span(reach.newest.since(reach.since)))),
            lost: reach.map_or(0, |reach| reach.lost),
            full: lines.len() > MOST,
        }
    }
}

impl Row {
    fn of(line: &KeyLine, newest: Timestamp, now: Timestamp) -> Self {
        Self {
            name: sayable(&line.key).unwrap_or_else(|| line.key.clone()),
            value: line.key.clone(),
            address: address(EntityKind::Key, &line.key),
            callers: grouped(line.callers),
            places: line.places.join(", "),
            first: When::new(line.first_seen, now),
            last: When::new(line.last_seen, now),
            accepted: line.last_accepted.map(|at| When::new(at, now)),
            asleep: newest.since(line.last_seen) > ASLEEP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::Identity;

    #[test]
    fn a_key_is_listed_by_its_name_with_who_uses_it_and_whether_it_sleeps() {
        let line = |key: &str, days: u64| KeyLine {
            key: key.to_owned(),
            callers: 12,
            places: vec!["fn-<orders>".into()],
            first_seen: samples::NOW.minus(Duration::from_hours(24 * 40)),
            last_seen: samples::NOW.minus(Duration::from_hours(24 * days)),
            last_accepted: None,
        };
        let reach = KeyReach { since: samples::NOW.minus(ASLEEP * 3), newest: samples::NOW, lost: 0, lost_at: None };
        let frame = Frame::new("Keys", "keys", Some(Identity::local()), &HeaderMap::new());
        let lines = [line("partner-key", 0), line("forgotten-key", 20)];
        let html = Keys::of(frame, &lines, Some(reach), samples::NOW).render().unwrap();
        for part in ["partner-key", "value=partner%2Dkey", "never let in"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert_eq!(html.matches("asleep").count(), 1, "{html}");
        assert!(!html.contains("<orders>"), "{html}");
    }
}
