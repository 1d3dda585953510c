//! How does a program silence alerts, and what does it cost?
//!
//! A silence is made after looking: the answer to a preview says what it would have hidden in the
//! last 30 days and how many of those were true positives, and the same look says what is usual,
//! from which on the silence trips. At most 100,000 alerts are looked at, the newest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::acting::{Outcome, send};
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::problem::{bad_body, problem, undone, unreadable};
use crate::alerts::{Deed, Ending, LOOKS_BACK, Level, Matcher, Preview, Silence, SilenceDeed, SilenceId};
use crate::clock::{Timestamp, duration};
use crate::store::AlertQuery;

/// Alerts that a preview looks at.
const MOST_LOOKED_AT: usize = 100_000;
/// Silences in one answer.
const MOST_LISTED: usize = 1_000;
/// Alerts that a preview names.
const SHOWN: usize = 20;
/// The worst that a silence hides which names no level, and of which there is no history.
const NO_HISTORY: Level = Level::Low;
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
        Ok((preview, all)) => Json(told(&preview, all, trips_above(&matcher, &preview))).into_response(),
        Err(answer) => answer,
    }
}

async fn look(app: &App, matcher: &Matcher) -> Result<(Preview, bool), Response> {
    let since = app.parts.clock.now().minus(LOOKS_BACK);
    let query = AlertQuery { since: Some(since), limit: MOST_LOOKED_AT, ..AlertQuery::from(&matcher.query()) };
    let matcher = matcher.clone();
    let read = app.readers.read(move |reader| {
        let mut preview = Preview::default();
        let all = reader.each_alert(&query, |alert| preview.add(&matcher, alert))?;
        Ok((preview.finish(), all))
    });
    read.await.map_err(|error| unreadable(&error))
}

/// Returns the level above which the silence trips: what is named, or else the worst there was, or
/// else [`NO_HISTORY`].
fn trips_above(matcher: &Matcher, preview: &Preview) -> Level {
    matcher.at_most.or(preview.worst).unwrap_or(NO_HISTORY)
}

fn told(preview: &Preview, all: bool, at_most: Level) -> Value {
    let ids = |ids: &[crate::alerts::AlertId]| ids.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "days": LOOKS_BACK.as_secs() / 86_400,
        "complete": all,
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
    let mut silence = Silence {
        id: fresh_id(now),
        matcher: new.matcher,
        by: who.name,
        reason: new.reason.trim().to_owned(),
        made_at: now,
        starts_at,
        ends_at,
        usual: crate::alerts::Usual::default(),
        recent: Vec::new(),
        ended: None,
    };
    if let Err(says) = silence.check() {
        return refuse(&says);
    }
    let (preview, all) = match look(&app, &silence.matcher).await {
        Ok(looked) => looked,
        Err(answer) => return answer,
    };
    silence.usual = preview.usual.clone();
    let at_most = trips_above(&silence.matcher, &preview);
    silence.matcher.at_most = Some(at_most);
    let outcome = send(&app, Deed::Silence(SilenceDeed::Add(Box::new(silence.clone())))).await;
    if let Some(refused) = undone(&outcome) {
        return refused;
    }
    let mut says = shown(&silence, 0, now);
    says["preview"] = told(&preview, all, at_most);
    let status = if outcome == Outcome::Recording { StatusCode::ACCEPTED } else { StatusCode::CREATED };
    (status, Json(says)).into_response()
}

/// Returns a name that no silence has yet: the moment, and how many were named before.
fn fresh_id(now: Timestamp) -> SilenceId {
    static NAMED: AtomicU64 = AtomicU64::new(1);
    let moment = now.nanos().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    SilenceId(moment.wrapping_add(NAMED.fetch_add(1, Ordering::Relaxed).wrapping_mul(0xd1b5_4a32_d192_ed03)))
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
    let deed = SilenceDeed::End { id: SilenceId(number), by: who.name, at: app.parts.clock.now() };
    let outcome = send(&app, Deed::Silence(deed)).await;
    match (&outcome, undone(&outcome)) {
        (Outcome::Refused(why), Some(_)) => problem(StatusCode::NOT_FOUND, why),
        (_, Some(refused)) => refused,
        (Outcome::Recording, None) => {
            (StatusCode::ACCEPTED, Json(json!({"id": id, "outcome": "accepted, being recorded"}))).into_response()
        }
        (_, None) => Json(json!({"id": id, "outcome": "done"})).into_response(),
    }
}
