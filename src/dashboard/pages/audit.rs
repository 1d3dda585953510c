//! `/audit`: who did what, and when?
//!
//! The newest 500 lines. From where somebody did it is for admins alone, as in the API: addresses and
//! programs of colleagues are nobody else's business.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::door::Viewer;
use super::super::words::When;
use super::{Frame, render, store_problem};
use crate::access::Role;
use crate::clock::Timestamp;
use crate::store::Audited;

/// Lines on the page.
const MOST: usize = 500;

struct Line {
    when: When,
    who: String,
    did: String,
    /// What it was done to, and whether that is an alert.
    to: String,
    alert: bool,
    /// Address and program; empty for who may not know.
    from: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    frame: Frame,
    /// Whether it is shown from where.
    whole: bool,
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
            let whole = who.role.may(Role::Admin);
            let frame = Frame::new("Audit", "audit", Some(who), &headers);
            render(StatusCode::OK, &Audit::of(frame, &lines, whole, app.parts.clock.now()))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

impl Audit {
    fn of(frame: Frame, lines: &[Audited], whole: bool, now: Timestamp) -> Self {
        let from = |line: &Audited| [&*line.address, &*line.agent].join(" ").trim().to_owned();
        let line = |line: &Audited| Line {
            from: if whole { from(line) } else { String::new() },
            when: When::new(line.at, now),
            who: line.who.clone(),
            did: line.did.clone(),
            alert: line.alert.len() == 16 && line.alert.bytes().all(|byte| byte.is_ascii_hexdigit()),
            to: line.alert.clone(),
        };
        Self { frame, whole, lines: lines.iter().take(MOST).map(line).collect(), full: lines.len() > MOST }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::Identity;

    #[test]
    fn a_line_says_who_did_what_to_which_alert_and_to_admins_from_where() {
        let line = Audited {
            id: 7,
            at: samples::NOW,
            who: "dana <b>".into(),
            did: "acknowledged".into(),
            address: "203.0.113.7".into(),
            agent: "Mozilla/5.0".into(),
            alert: "3f9a001122334455".into(),
            before: None,
            after: None,
            with: serde_json::Value::Null,
        };
        let shown = |whole| {
            let frame = Frame::new("Audit", "audit", Some(Identity::local()), &HeaderMap::new());
            Audit::of(frame, std::slice::from_ref(&line), whole, samples::NOW).render().unwrap()
        };
        let html = shown(true);
        for part in ["acknowledged", "/a/3f9a001122334455", "203.0.113.7 Mozilla/5.0"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("dana <b>") && !shown(false).contains("203.0.113.7"), "{html}");
    }
}
