//! How does a program silence alerts, and what does it cost?
//!
//! A silence is made after looking: the answer to a preview says what it would have hidden in the
//! last 30 days and how many of those were true positives. At most 1,000 silences are listed.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::acting::Outcome;
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::super::silencing::{Looked, Refused, Wish, end, look, make};
use super::problem::{bad_body, problem, undone, unreadable};
use crate::alerts::{Ending, LOOKS_BACK, Level, Matcher, Silence, SilenceId};
use crate::clock::{Timestamp, duration};

/// Silences in one answer.
const MOST_LISTED: usize = 1_000;
/// Alerts that a preview names.
const SHOWN: usize = 20;
const WANTED: &str = "{\"matcher\": {\"detector\": \"…\", \"entity\": \"ip/…\"}, \"reason\": \"…\", \"for\": \"2h\"}";

/// What `preview` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Look {
    matcher: Matcher,
}

/// What making a silence takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct New {
    matcher: Matcher,
    reason: String,
    #[serde(default)]
    starts_at: Option<Timestamp>,
    #[serde(default)]
    ends_at: Option<Timestamp>,
    #[serde(default, rename = "for")]
    lasts: Option<String>,
}

/// `POST /api/v1/silences/preview`: what a silence would have hidden.
pub(in crate::dashboard) async fn preview(
    State(app): State<Arc<App>>,
    _: Viewer,
    body: Result<Json<Look>, JsonRejection>,
) -> Response {
    let matcher = match body {
        Ok(Json(Look { matcher })) => matcher,
        Err(rejection) => return bad_body(&rejection, "{\"matcher\": {\"detector\": \"…\", \"entity\": \"ip/…\"}}"),
    };
    if !matcher.names_something() {
        return problem(StatusCode::BAD_REQUEST, "say what is silenced: name a detector, family, entity or app");
    }
    if let Err(says) = matcher.check() {
        return problem(StatusCode::BAD_REQUEST, &says);
    }
    match look(&app, &matcher).await {
        Ok(looked) => Json(told(&looked)).into_response(),
        Err(error) => unreadable(&error),
    }
}

fn told(looked: &Looked) -> Value {
    let Looked { preview, complete, at_most } = looked;
    let ids = |ids: &[crate::alerts::AlertId]| ids.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "days": LOOKS_BACK.as_secs() / 86_400,
        "complete": complete,
        "hidden": preview.hidden.len(),
        "hidden_sample": ids(&preview.hidden),
        "true_positives": preview.true_positives,
        "otherwise_judged": preview.otherwise_judged,
        "worst": preview.worst.map(Level::name),
        "at_most": at_most.name(),
        "would_trip": preview.would_trip.len(),
        "would_trip_sample": ids(&preview.would_trip),
        "most_in_a_day": preview.usual.a_day,
    })
}

/// `POST /api/v1/silences`.
pub(in crate::dashboard) async fn add(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    body: Result<Json<New>, JsonRejection>,
) -> Response {
    let new = match body {
        Ok(Json(new)) => new,
        Err(rejection) => return bad_body(&rejection, WANTED),
    };
    let refuse = |says: &str| problem(StatusCode::BAD_REQUEST, says);
    let now = app.parts.clock.now();
    let starts_at = new.starts_at.unwrap_or(now).max(now);
    let lasts = new.lasts.as_deref().map(|text| duration::parse(text).map(|lasts| starts_at.plus(lasts)));
    let ((Some(ends_at), None) | (None, Some(Some(ends_at)))) = (new.ends_at, lasts) else {
        return refuse("say until when: `\"for\": \"2h\"` (a whole number and m, h or d), or `\"ends_at\"` alone");
    };
    let wish = Wish { matcher: new.matcher, reason: new.reason, starts_at, ends_at };
    match make(&app, who, wish).await {
        Ok((silence, looked, outcome)) => {
            let mut says = shown(&silence, 0, now);
            says["preview"] = told(&looked);
            let status = if outcome == Outcome::Recording { StatusCode::ACCEPTED } else { StatusCode::CREATED };
            (status, Json(says)).into_response()
        }
        Err(Refused::Wish(says)) => refuse(&says),
        Err(Refused::Unread(error)) => unreadable(&error),
        Err(Refused::Undone(outcome)) => {
            undone(&outcome).unwrap_or_else(|| problem(StatusCode::SERVICE_UNAVAILABLE, "try again in a few seconds"))
        }
    }
}

/// `GET /api/v1/silences`: those that have not ended; with `all=true` the others as well.
pub(in crate::dashboard) async fn list(
    State(app): State<Arc<App>>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let all = match pairs.as_slice() {
        [] => false,
        [(name, value)] if name == "all" && matches!(value.as_str(), "true" | "false") => value == "true",
        _ => return problem(StatusCode::BAD_REQUEST, "this takes nothing, or `all=true`"),
    };
    let now = app.parts.clock.now();
    match app.readers.read(move |reader| reader.silences(all, MOST_LISTED)).await {
        Ok(found) => {
            let silences: Vec<Value> = found.iter().map(|(silence, hidden)| shown(silence, *hidden, now)).collect();
            Json(json!({"silences": silences})).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

fn shown(silence: &Silence, hidden: u64, now: Timestamp) -> Value {
    let state = match &silence.ended {
        Some((_, Ending::Expired)) => "expired",
        Some((_, Ending::ByPerson { .. })) => "ended",
        Some((_, Ending::Tripped { .. })) => "tripped",
        None if silence.starts_at > now => "planned",
        None => "active",
    };
    json!({
        "id": silence.id.to_string(),
        "state": state,
        "matcher": silence.matcher,
        "by": silence.by,
        "reason": silence.reason,
        "made_at": silence.made_at,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "hidden": hidden,
        "most_in_a_day": silence.usual.a_day,
        "ended_at": silence.ended.as_ref().map(|(at, _)| at),
        "ended": silence.ended.as_ref().map(|(_, ending)| ending),
    })
}

/// `POST /api/v1/silences/{id}/expire`: it ends now.
pub(in crate::dashboard) async fn expire(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
) -> Response {
    let Ok(number) = u64::from_str_radix(&id, 16) else {
        return problem(StatusCode::NOT_FOUND, "there is no such silence: `GET /api/v1/silences` lists them");
    };
    let outcome = end(&app, who, SilenceId(number)).await;
    match (&outcome, undone(&outcome)) {
        (Outcome::Refused(why), Some(_)) => problem(StatusCode::NOT_FOUND, why),
        (_, Some(refused)) => refused,
        (Outcome::Recording, None) => {
            (StatusCode::ACCEPTED, Json(json!({"id": id, "outcome": "accepted, being recorded"}))).into_response()
        }
        (_, None) => Json(json!({"id": id, "outcome": "done"})).into_response(),
    }
}
