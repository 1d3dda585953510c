//! The same for programs: alerts as JSON, and what people may do with them.
//!
//! Each address stands beside its handler, with what the document says of it; [`routes`] has them all.

mod alert_form;
mod asked;
pub(super) mod audit;
mod body;
pub(super) mod bulk;
pub(super) mod document;
mod events;
pub(super) mod exception;
pub(super) mod export;
mod facets;
pub(super) mod forms;
pub(super) mod incidents;
mod model;
mod model_form;
pub(super) mod people;
pub(super) mod problem;
pub(super) mod silences;
pub(super) mod views;

pub(super) use asked::plain;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::app::App;
use super::door::Viewer;
use super::filter::after;
use super::{coverage, tapping};
use crate::alerts::{Alert, AlertId, Query};
use crate::store::AlertQuery;
use alert_form::AlertForm;
use asked::{Page, Question, begins, number, question};
use forms::AlertList;
use problem::{Named, Pairs, problem, unreadable};

/// Alerts in one answer.
const MAX_LIMIT: usize = 200;
/// Digits of an alert's id that name it, if no other one begins with them.
const SHORTEST: usize = 8;

/// Returns every address of the API, with what the document says of it.
pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(alerts))
        .routes(routes!(facets::facets))
        .routes(routes!(export::csv))
        .routes(routes!(export::json))
        .routes(routes!(export::ndjson))
        .routes(routes!(events::events))
        .routes(routes!(alert))
        .routes(routes!(people::activity))
        .routes(routes!(people::acknowledge))
        .routes(routes!(people::assign))
        .routes(routes!(people::unassign))
        .routes(routes!(people::close))
        .routes(routes!(people::reopen))
        .routes(routes!(people::note))
        .routes(routes!(bulk::bulk))
        .routes(routes!(bulk::undo))
        .routes(routes!(silences::list, silences::add))
        .routes(routes!(silences::preview))
        .routes(routes!(silences::expire))
        .routes(routes!(views::list, views::add))
        .routes(routes!(views::remove))
        .routes(routes!(exception::exception))
        .routes(routes!(incidents::list))
        .routes(routes!(audit::list))
        .routes(routes!(coverage::api))
        .routes(routes!(model::model))
        .routes(routes!(model::parts))
        .routes(routes!(model::flows))
        .routes(routes!(model::changes))
        .routes(routes!(model::export))
        .routes(routes!(tapping::tap))
        .routes(routes!(document::openapi_json))
}

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

/// Lists alerts, newest first.
///
/// Without `state` those that are not closed.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    tag = "alerts",
    params(Question, Page),
    responses(
        (status = 200, description = "A page of them.", body = AlertList),
        (status = 400, description = "The question is not understood: all that is wrong is in `errors`."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(super) async fn alerts(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let (mut from, mut limit) = (None, 50);
    let asked = question(&pairs, (Query::default(), app.parts.clock.now()), &["limit", "after"], |name, value| {
        match name {
            "limit" => limit = number(name, value, MAX_LIMIT)?,
            _ => from = Some(begins(value)?),
        }
        Ok(())
    });
    let about = match asked {
        Ok(about) => about,
        Err(answer) => return answer,
    };
    let query = AlertQuery { about, after: from, limit: limit + 1 };
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
            let alerts = found.iter().map(|alert| shown(&app, alert, held.get(&alert.id))).collect();
            Json(AlertList { alerts, next }).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

/// Shows one alert.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}",
    tag = "alerts",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    responses(
        (status = 200, description = "The alert.", body = AlertForm),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "More than one alert begins with these digits."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(super) async fn alert(State(app): State<Arc<App>>, _: Viewer, Named(id): Named) -> Response {
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
