//! What may a program do with one alert, and what was done with it?

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::acting::{Outcome, act};
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::problem::{bad_body, problem, undone, unreadable};
use super::{find, not_found};
use crate::access::Identity;
use crate::alerts::{Action, AlertId, Class};
use crate::store::ActivityLine;

type Body<T> = Result<Json<T>, JsonRejection>;

/// `POST /api/v1/alerts/{id}/acknowledge`: no body.
pub(in crate::dashboard) async fn acknowledge(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
) -> Response {
    answer(&app, &who, &id, Ok(Action::Acknowledge)).await
}

/// `POST /api/v1/alerts/{id}/unassign`: no body.
pub(in crate::dashboard) async fn unassign(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
) -> Response {
    answer(&app, &who, &id, Ok(Action::Unassign)).await
}

/// What `assign` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Assign {
    to: String,
}

/// `POST /api/v1/alerts/{id}/assign`: `{"to": "…"}`.
pub(in crate::dashboard) async fn assign(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    body: Body<Assign>,
) -> Response {
    let wish = read(body, "{\"to\": \"…\"}").map(|body| Action::Assign { to: body.to });
    answer(&app, &who, &id, wish).await
}

/// What `close` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Close {
    reason: String,
    #[serde(default)]
    class: Class,
}

/// `POST /api/v1/alerts/{id}/close`: `{"class": "…", "reason": "…"}`.
pub(in crate::dashboard) async fn close(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    body: Body<Close>,
) -> Response {
    let wish = read(body, "{\"class\": \"benign\", \"reason\": \"…\"}")
        .map(|body| Action::Close { class: body.class, reason: body.reason });
    answer(&app, &who, &id, wish).await
}

/// What `reopen` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Reopen {
    reason: String,
}

/// `POST /api/v1/alerts/{id}/reopen`: `{"reason": "…"}`.
pub(in crate::dashboard) async fn reopen(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    body: Body<Reopen>,
) -> Response {
    let wish = read(body, "{\"reason\": \"…\"}").map(|body| Action::Reopen { reason: body.reason });
    answer(&app, &who, &id, wish).await
}

/// What `note` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Note {
    text: String,
}

/// `POST /api/v1/alerts/{id}/note`: `{"text": "…"}`.
pub(in crate::dashboard) async fn note(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    body: Body<Note>,
) -> Response {
    let wish = read(body, "{\"text\": \"…\"}").map(|body| Action::Note { text: body.text });
    answer(&app, &who, &id, wish).await
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn read<T: DeserializeOwned>(body: Body<T>, wanted: &str) -> Result<T, Response> {
    body.map(|Json(body)| body).map_err(|rejection| bad_body(&rejection, wanted))
}

async fn answer(app: &App, who: &Identity, id: &str, wish: Result<Action, Response>) -> Response {
    let wish = match wish.map(Action::checked) {
        Ok(Ok(wish)) => wish,
        Ok(Err(says)) => return problem(StatusCode::BAD_REQUEST, &says),
        Err(answer) => return answer,
    };
    let id = match find(app, id).await {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let offers = matches!(wish, Action::Close { class: Class::FalsePositive, .. });
    let outcome = act(app, id, who, &wish).await;
    match (&outcome, undone(&outcome)) {
        (Outcome::Refused(_), Some(refused)) => {
            if is_known(app, id).await {
                refused
            } else {
                not_found()
            }
        }
        (_, Some(refused)) => refused,
        (Outcome::Recording, None) => {
            (StatusCode::ACCEPTED, Json(told(id, "accepted, being recorded", offers))).into_response()
        }
        (_, None) => Json(told(id, "done", offers)).into_response(),
    }
}

/// Returns what became of a deed; of a closing as a false positive also where its exception is offered.
fn told(id: AlertId, outcome: &str, offers: bool) -> Value {
    let mut told = json!({"id": id.to_string(), "outcome": outcome});
    if offers {
        told["exception"] = json!(format!("/api/v1/alerts/{id}/exception"));
    }
    told
}

/// Tells whether the store has the alert; in doubt it has.
async fn is_known(app: &App, id: AlertId) -> bool {
    !matches!(app.readers.read(move |reader| reader.alert(id)).await, Ok(None))
}

/// `GET /api/v1/alerts/{id}/activity`: who did what, oldest first.
pub(in crate::dashboard) async fn activity(State(app): State<Arc<App>>, _: Viewer, Path(id): Path<String>) -> Response {
    let id = match find(&app, &id).await {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    let read = app.readers.read(move |reader| {
        let known = reader.alert(id)?.is_some();
        Ok(if known { Some(reader.activity(id)?) } else { None })
    });
    match read.await {
        Ok(Some(lines)) => {
            let lines: Vec<Value> = lines.iter().map(line).collect();
            Json(json!({"id": id.to_string(), "activity": lines})).into_response()
        }
        Ok(None) => not_found(),
        Err(error) => unreadable(&error),
    }
}

fn line(line: &ActivityLine) -> Value {
    let (from, to) = (&line.from, &line.to);
    let from = from.0.map(|state| json!({"state": state, "assignee": from.1, "class": from.2}));
    json!({
        "at": line.at,
        "revision": line.revision,
        "who": line.who,
        "did": line.did,
        "says": line.says,
        "from": from,
        "to": {"state": to.0, "assignee": to.1, "class": to.2},
    })
}
