//! The same for programs: alerts as JSON, and what people may do with them.

pub(super) mod audit;
pub(super) mod bulk;
pub(super) mod exception;
pub(super) mod incidents;
pub(super) mod people;
pub(super) mod problem;
pub(super) mod silences;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use super::app::App;
use super::door::Viewer;
use super::filter::{after, cursor};
use crate::alerts::{self, Alert, AlertId};
use crate::clock::Timestamp;
use crate::store::AlertQuery;
use problem::{problem, unreadable};

/// Alerts in one answer.
const MAX_LIMIT: usize = 200;
/// Digits of an alert's id that name it, if no other one begins with them.
const SHORTEST: usize = 8;

fn not_found() -> Response {
    problem(
        StatusCode::NOT_FOUND,
        "there is no such alert: ids are 16 hexadecimal digits, as `GET /api/v1/alerts` lists them, or their first 8 \
         or more; it may be older than what is kept",
    )
}

/// Returns the alert that is called so: by its id, or by the beginning of it that no other has.
async fn find(app: &App, text: &str) -> Result<AlertId, Response> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !digits || !(SHORTEST..=16).contains(&text.len()) {
        return Err(not_found());
    }
    if text.len() == 16 {
        return text.parse().map_err(|_| not_found());
    }
    let beginning = text.to_owned();
    match app.readers.read(move |reader| reader.beginning_with(&beginning)).await {
        Ok(found) => match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(not_found()),
            _ => Err(problem(StatusCode::CONFLICT, "more than one alert begins with these digits: write more of them")),
        },
        Err(error) => Err(unreadable(&error)),
    }
}

fn shown(app: &App, alert: &Alert, held: Option<&Vec<String>>) -> Value {
    let mut value = (app.parts.native)(alert, &app.parts.streams);
    if let Some(members) = value.as_object_mut() {
        members.insert("revision".into(), json!(alert.revision));
        members.insert("assignee".into(), json!(alert.assignee));
        members.insert("closing".into(), json!(alert.closing));
        members.insert("class".into(), json!(alert.class()));
        members.insert("held_back_by".into(), json!(held.map(Vec::as_slice).unwrap_or_default()));
    }
    value
}

/// Returns as much of an alert as tells it from others.
fn shown_short(alert: &Alert) -> Value {
    json!({
        "id": alert.id.to_string(),
        "title": alert.title,
        "level": alert.level.name(),
        "state": alert.state.name(),
        "entity": {"kind": alert.entity.kind.name(), "value": &*alert.entity.value},
        "app": alert.app,
        "last_seen": alert.last_seen,
    })
}

/// Reads the pairs of a list's address: the names of [`alerts::Query`], `q` for all of them in one
/// line, `limit` and `after`.
fn asked(pairs: &[(String, String)], now: Timestamp) -> Result<AlertQuery, String> {
    let mut query = alerts::Query::default();
    let (mut after, mut limit) = (None, 50);
    // A line first, so that what stands beside it narrows it.
    for (_, line) in pairs.iter().filter(|(name, _)| name == "query") {
        query = alerts::Query::parse(line, now)?;
    }
    for (name, value) in pairs {
        match name.as_str() {
            "query" => {}
            // Forms send what is left empty.
            _ if value.trim().is_empty() => {}
            "q" => query.set("text", value, now)?,
            "limit" => {
                let number: Option<usize> = value.parse().ok();
                limit = number.ok_or("`limit` is a whole number, at most 200.")?.clamp(1, MAX_LIMIT);
            }
            "after" => {
                let read =
                    cursor(value).ok_or("`after` is what the answer before called `next`, as it stood there.")?;
                after = Some(read);
            }
            name => query.set(name, value, now)?,
        }
    }
    Ok(AlertQuery { after, limit, ..AlertQuery::from(&query) })
}

/// `GET /api/v1/alerts`: newest first; `query`, or its parts; `limit`, `after`.
pub(super) async fn alerts(
    State(app): State<Arc<App>>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let mut query = match asked(&pairs, app.parts.clock.now()) {
        Ok(query) => query,
        Err(says) => return problem(StatusCode::BAD_REQUEST, &says),
    };
    let limit = query.limit;
    query.limit += 1;
    let read = app.readers.read(move |reader| {
        let found = reader.alerts(&query)?;
        let ids: Vec<AlertId> = found.iter().map(|alert| alert.id).collect();
        Ok((found, reader.held_back(&ids)?))
    });
    match read.await {
        Ok((mut found, held)) => {
            let more = found.len() > limit;
            found.truncate(limit);
            let next = found.last().filter(|_| more).map(after);
            let alerts: Vec<Value> = found.iter().map(|alert| shown(&app, alert, held.get(&alert.id))).collect();
            Json(json!({ "alerts": alerts, "next": next })).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

/// `GET /api/v1/alerts/{id}`.
pub(super) async fn alert(State(app): State<Arc<App>>, _: Viewer, Path(id): Path<String>) -> Response {
    let id = match find(&app, &id).await {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    match app.readers.read(move |reader| Ok((reader.alert(id)?, reader.held_back(&[id])?))).await {
        Ok((Some(alert), held)) => Json(shown(&app, &alert, held.get(&id))).into_response(),
        Ok((None, _)) => not_found(),
        Err(error) => unreadable(&error),
    }
}
