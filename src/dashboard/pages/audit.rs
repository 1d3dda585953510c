//! `/audit`: who did what, and when?
//!
//! The newest 500 lines; nothing is ever taken out but by the retention of what it is about.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::door::Viewer;
use super::super::words::When;
use super::{Frame, render, store_problem};
use crate::clock::Timestamp;
use crate::store::AuditLine;

/// Lines on the page.
const MOST: usize = 500;

struct Line {
    when: When,
    who: String,
    did: String,
    /// What it was done to, and whether that is an alert.
    to: String,
    alert: bool,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    lines: Vec<Line>,
    full: bool,
}

/// `GET /audit`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    headers: HeaderMap,
) -> Response {
    match app.readers.read(|reader| reader.audit(MOST + 1)).await {
        Ok(lines) => {
            let frame = Frame::new("Audit", "audit", Some(who), &headers);
            render(StatusCode::OK, &Audit::of(frame, &lines, app.parts.clock.now()))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

impl Audit {
    fn of(frame: Frame, lines: &[AuditLine], now: Timestamp) -> Self {
        let line = |line: &AuditLine| Line {
            when: When::new(line.at, now),
            who: line.who.clone(),
            did: line.did.clone(),
            alert: line.alert.len() == 16 && line.alert.bytes().all(|byte| byte.is_ascii_hexdigit()),
            to: line.alert.clone(),
        };
        Self { frame, lines: lines.iter().take(MOST).map(line).collect(), full: lines.len() > MOST }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::Identity;

    #[test]
    fn a_line_says_who_did_what_to_which_alert() {
        let line = AuditLine {
            at: samples::NOW,
            who: "dana <b>".into(),
            did: "acknowledged".into(),
            alert: "3f9a001122334455".into(),
        };
        let frame = Frame::new("Audit", "audit", Some(Identity::local()), &HeaderMap::new());
        let html = Audit::of(frame, &[line], samples::NOW).render().unwrap();
        assert!(html.contains("acknowledged") && html.contains("/a/3f9a001122334455"), "{html}");
        assert!(!html.contains("dana <b>"), "{html}");
    }
}
