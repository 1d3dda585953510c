//! Is it alive, is it ready, and what are its figures? For machines that ask. Nothing is secret of the first two,
//! but what a reason says after its colon (paths, hosts, what they answered) is for those who may see pages; so
//! are figures, which tell an attacker whether they are seen.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::api::problem::problem;
use super::app::App;
use super::asking::Asking;
use super::door::refused;
use super::words::span;
use crate::access::Role;

/// A snapshot older than this says nothing about now.
pub(super) const STALE: Duration = Duration::from_secs(15);

/// `GET /healthz`: the process answers.
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// `GET /readyz`: 200 if sources are assigned, the store is writable and keys are loaded; else
/// 503 with the reasons, one a line. What is wrong with certificates and identity providers, and paths that have led
/// to no file yet, are told with either.
pub(super) async fn readyz(State(app): State<Arc<App>>, asking: Asking) -> Response {
    let sees = app.who(&asking).await.is_ok_and(|who| who.role.may(Role::Viewer));
    let health = app.parts.board.health();
    let (mut reasons, remarks) = (Vec::new(), health.remarks);
    match health.at.map(|at| app.parts.clock.now().since(at)) {
        None => reasons.push("the pipeline has not reported yet".to_owned()),
        Some(age) if age > STALE => reasons.push(format!("the pipeline last reported {} ago", span(age))),
        Some(_) => {}
    }
    if !health.ready {
        reasons.extend(health.complaints);
        if reasons.is_empty() {
            reasons.push("starting".to_owned());
        }
    }
    let tokens = app.parts.tokens.trouble(app.parts.clock.elapsed());
    // Then nobody comes in who shows one, and nothing is sent in.
    let lapsed = tokens.as_ref().is_some_and(|trouble| trouble.lapsed);
    let ready = reasons.is_empty() && !lapsed;
    let mut says = String::from(if ready { "ready\n" } else { "not ready\n" });
    // What is wrong at the door keeps nobody out who is in, and alerts go on.
    let lines = app.parts.metrics.audit_lost.get();
    let lacks = (lines > 0).then(|| format!("the audit lacks {lines} lines that could not be written: see the log"));
    let tokens = tokens.map(|trouble| trouble.says);
    for reason in
        reasons.into_iter().chain(remarks).chain(tokens).chain(app.ways.problems(app.parts.clock.now())).chain(lacks)
    {
        let bare = reason.split(": ").next().unwrap_or_default();
        let _ = writeln!(says, "- {}", if sees { &reason } else { bare });
    }
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, says).into_response()
}

/// `GET /metrics`: Prometheus' text format, for who may see pages; for everybody where the configuration says so.
pub(super) async fn metrics(State(app): State<Arc<App>>, asking: Asking) -> Response {
    if !app.parts.open_metrics {
        match app.who(&asking).await {
            Ok(who) if who.role.may(Role::Viewer) => {}
            Ok(who) => {
                let says = format!("{} is {}; figures take the role viewer", who.name, who.role);
                return problem(StatusCode::FORBIDDEN, &says);
            }
            Err(refusal) => return refused(&refusal),
        }
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, app.parts.metrics.render()).into_response()
}
