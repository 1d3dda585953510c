//! `GET /api/v1/tap`: the live redacted events, one JSON object a line.
//!
//! A line is an event, `{"lost": n}` after a reader was too slow, or empty: a sign of life every
//! ten seconds. As often it is asked whether the token still counts. Nothing is stored.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use utoipa::IntoParams;

use super::api::plain;
use super::api::problem::{Pairs, busy};
use super::app::App;
use super::asking::Asking;
use super::door::Viewer;
use super::shares::Share;
use super::tap::{MAX_TAPS, TapFilter, Watch};

const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

struct Tapping {
    app: Arc<App>,
    asking: Asking,
    watch: Watch,
    greeted: bool,
    /// When it was last asked whether the token still counts.
    asked: Duration,
    _share: Share,
}

/// Which events are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct Wanted {
    /// Of this category, in any case.
    #[param(example = "AppServiceHTTPLogs")]
    category: Option<String>,
    /// Of this kind.
    #[param(example = "http.request")]
    kind: Option<String>,
    /// Of this app or gateway, in any case.
    app: Option<String>,
    /// Whose request's path begins so, in any case.
    path: Option<String>,
}

/// Shows the live redacted events, one JSON object a line.
///
/// A line is an event, `{"lost": 12}` after its reader was too slow, or empty: a sign of life every ten seconds.
#[utoipa::path(
    get,
    path = "/api/v1/tap",
    tag = "telemetry",
    params(Wanted),
    responses(
        (status = 200, description = "Events as they come.", body = String, content_type = "application/x-ndjson"),
        (status = 400, description = "A parameter is not understood."),
        (status = 503, description = "Eight watch already, or four of one person."),
    )
)]
pub(super) async fn tap(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Pairs(pairs): Pairs,
    asking: Asking,
) -> Response {
    if let Err(answer) =
        plain(&pairs, &["category", "kind", "app", "path"], |name, value| app.parts.tap.check(name, value))
    {
        return answer;
    }
    let share = match app.share(&app.taps, &who) {
        Ok(share) => share,
        Err(says) => return busy(&says),
    };
    let Some(watch) = app.parts.tap.watch(TapFilter::of(&pairs)) else {
        return busy(&format!("{MAX_TAPS} watch already: end one of them, or come again"));
    };
    let asked = app.parts.clock.elapsed();
    let tapping = Tapping { app, asking, watch, greeted: false, asked, _share: share };
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
        if !self.app.still_sees(&self.asking, &mut self.asked).await {
            return None;
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
