//! `GET /api/v1/tap`: the live redacted events, one JSON object a line.
//!
//! A line is an event, `{"lost": n}` after a reader was too slow, or empty: a sign of life every
//! ten seconds. As often it is asked whether the token still counts. Nothing is stored.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use futures_util::stream;
use serde_json::json;

use super::app::App;
use super::asking::Asking;
use super::door::Viewer;
use super::tap::{MAX_TAPS, TapFilter, Watch};
use crate::access::Role;

const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

struct Tapping {
    app: Arc<App>,
    asking: Asking,
    watch: Watch,
    greeted: bool,
    /// When it was last asked whether the token still counts.
    asked: Duration,
}

/// `GET /api/v1/tap`: `category`, `kind`, `app`, `path` (how it begins).
pub(super) async fn tap(
    State(app): State<Arc<App>>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    asking: Asking,
) -> Response {
    let Some(watch) = app.parts.tap.watch(TapFilter::of(&pairs)) else {
        let says = format!("{MAX_TAPS} watch already: end one of them, or come again");
        let later = [(header::RETRY_AFTER, "60")];
        return (StatusCode::SERVICE_UNAVAILABLE, later, Json(json!({ "error": says }))).into_response();
    };
    let asked = app.parts.clock.elapsed();
    let tapping = Tapping { app, asking, watch, greeted: false, asked };
    let lines = stream::unfold(tapping, |mut tapping| async move {
        let line = tapping.line().await?;
        Some((Ok::<_, Infallible>(Bytes::from(line)), tapping))
    });
    let kind = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        // Nobody on the way may hold lines back: not to compress them, not to collect them.
        (header::CONTENT_ENCODING, "identity"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (kind, Body::from_stream(lines)).into_response()
}

impl Tapping {
    /// Returns what to send next; `None` at the end.
    async fn line(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some("\n".into());
        }
        let now = self.app.parts.clock.elapsed();
        if now.saturating_sub(self.asked) >= SIGN_OF_LIFE {
            self.asked = now;
            if !self.app.who(&self.asking).await.is_ok_and(|who| who.role.may(Role::Viewer)) {
                return None;
            }
        }
        let lost = self.watch.lost();
        if lost > 0 {
            return Some(format!("{{\"lost\":{lost}}}\n"));
        }
        match tokio::time::timeout(SIGN_OF_LIFE, self.watch.next()).await {
            Ok(line) => line.map(|line| format!("{line}\n")),
            Err(_) => Some("\n".into()),
        }
    }
}
