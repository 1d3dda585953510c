//! The same for programs: alerts as JSON, and what people may do with them.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::{Outcome, Wish, act};
use super::app::App;
use super::door::{Operator, Viewer};
use super::filter::{Filter, after};
use crate::access::Identity;
use crate::alerts::{Alert, AlertId};

/// Alerts in one answer.
const MAX_LIMIT: usize = 200;

fn error(status: StatusCode, says: &str) -> Response {
    (status, Json(json!({ "error": says }))).into_response()
}

fn not_found() -> Response {
    error(
        StatusCode::NOT_FOUND,
        "there is no such alert: ids are 16 hexadecimal digits, as `GET /api/v1/alerts` lists them",
    )
}

fn shown(app: &App, alert: &Alert) -> Value {
    let mut value = (app.parts.native)(alert, &app.parts.streams);
    if let Some(members) = value.as_object_mut() {
        members.insert("revision".into(), json!(alert.revision));
        members.insert("assignee".into(), json!(alert.assignee));
        members.insert("closing".into(), json!(alert.closing));
    }
    value
}

/// `GET /api/v1/alerts`: newest first; `state`, `level`, `family`, `app`, `q`, `limit`, `after`.
pub(super) async fn alerts(
    State(app): State<Arc<App>>,
    _: Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let limit = pairs.iter().find(|(name, _)| name == "limit").and_then(|(_, limit)| limit.parse().ok());
    let limit = limit.unwrap_or(50).clamp(1, MAX_LIMIT);
    let query = Filter::of(&pairs).query(limit + 1);
    match app.readers.read(move |reader| reader.alerts(&query)).await {
        Ok(mut found) => {
            let more = found.len() > limit;
            found.truncate(limit);
            let next = found.last().filter(|_| more).map(after);
            let alerts: Vec<Value> = found.iter().map(|alert| shown(&app, alert)).collect();
            Json(json!({ "alerts": alerts, "next": next })).into_response()
        }
        Err(problem) => error(StatusCode::SERVICE_UNAVAILABLE, &problem.to_string()),
    }
}

/// `GET /api/v1/alerts/{id}`.
pub(super) async fn alert(State(app): State<Arc<App>>, _: Viewer, Path(id): Path<String>) -> Response {
    let Ok(id) = id.parse::<AlertId>() else { return not_found() };
    match app.readers.read(move |reader| reader.alert(id)).await {
        Ok(Some(alert)) => Json(shown(&app, &alert)).into_response(),
        Ok(None) => not_found(),
        Err(problem) => error(StatusCode::SERVICE_UNAVAILABLE, &problem.to_string()),
    }
}

/// `POST /api/v1/alerts/{id}/acknowledge`: no body.
pub(super) async fn acknowledge(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
) -> Response {
    answer(&app, &who, &id, Wish::Acknowledge).await
}

/// What `close` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    reason: String,
}

/// `POST /api/v1/alerts/{id}/close`: `{"reason": "…"}`.
pub(super) async fn close(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    body: Result<Json<Close>, JsonRejection>,
) -> Response {
    let Ok(Json(Close { reason })) = body else {
        return error(StatusCode::BAD_REQUEST, "send `{\"reason\": \"…\"}` as application/json");
    };
    match Wish::close(&reason) {
        Ok(wish) => answer(&app, &who, &id, wish).await,
        Err(says) => error(StatusCode::BAD_REQUEST, says),
    }
}

async fn answer(app: &App, who: &Identity, id: &str, wish: Wish) -> Response {
    let Ok(id) = id.parse::<AlertId>() else { return not_found() };
    match act(app, id, who, wish).await {
        Outcome::Done => Json(json!({"id": id.to_string(), "outcome": "done"})).into_response(),
        Outcome::Recording => {
            let says = json!({"id": id.to_string(), "outcome": "accepted, being recorded"});
            (StatusCode::ACCEPTED, Json(says)).into_response()
        }
        Outcome::Refused(why) => error(StatusCode::CONFLICT, &why),
        Outcome::Busy(why) => error(StatusCode::SERVICE_UNAVAILABLE, why),
    }
}
