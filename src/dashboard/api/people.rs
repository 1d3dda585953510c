//! What may a program do with one alert, and what was done with it?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::acting::{Outcome, act};
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::body::Sent;
use super::forms::{Activity, ActivityList, Became as Deed};
use super::problem::{Flaw, Named, flawed, undone, unreadable};
use super::{find, not_found};
use crate::access::Identity;
use crate::alerts::{Action, AlertId, Class};

/// Takes an alert: it is yours.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/acknowledge",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    responses(
        (status = 200, description = "It is done, and durable.", body = Deed),
        (status = 202, description = "It was accepted and is being recorded.", body = Deed),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "The alert does not allow it, or more than one begins with these digits."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn acknowledge(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
) -> Response {
    answer(&app, &who, &id, Action::Acknowledge).await
}

/// Gives an alert back: nobody has it any more.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/unassign",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    responses(
        (status = 200, description = "It is done, and durable.", body = Deed),
        (status = 202, description = "It was accepted and is being recorded.", body = Deed),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "The alert does not allow it, or more than one begins with these digits."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn unassign(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
) -> Response {
    answer(&app, &who, &id, Action::Unassign).await
}

/// What `assign` takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Assign {
    /// Who is to take it: the name of their token.
    #[schema(pattern = r"\S", max_length = 100)]
    to: String,
}

/// Says who is to take an alert.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/assign",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    request_body = Assign,
    responses(
        (status = 200, description = "It is done, and durable.", body = Deed),
        (status = 202, description = "It was accepted and is being recorded.", body = Deed),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "The alert does not allow it, or more than one begins with these digits."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn assign(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
    Sent(body): Sent<Assign>,
) -> Response {
    answer(&app, &who, &id, Action::Assign { to: body.to }).await
}

/// What `close` takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Close {
    /// Why, in a few words.
    #[schema(pattern = r"\S", max_length = 1000)]
    reason: String,
    /// What it was.
    #[serde(default)]
    class: Class,
}

/// Closes an alert, or judges one anew that is closed.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/close",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    request_body = Close,
    responses(
        (status = 200, description = "It is done, and durable.", body = Deed),
        (status = 202, description = "It was accepted and is being recorded.", body = Deed),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "The alert does not allow it, or more than one begins with these digits."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn close(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
    Sent(body): Sent<Close>,
) -> Response {
    answer(&app, &who, &id, Action::Close { class: body.class, reason: body.reason }).await
}

/// What `reopen` takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Reopen {
    /// Why, in a few words.
    #[schema(pattern = r"\S", max_length = 1000)]
    reason: String,
}

/// Opens a closed alert again.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/reopen",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    request_body = Reopen,
    responses(
        (status = 200, description = "It is done, and durable.", body = Deed),
        (status = 202, description = "It was accepted and is being recorded.", body = Deed),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "The alert does not allow it, or more than one begins with these digits."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn reopen(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
    Sent(body): Sent<Reopen>,
) -> Response {
    answer(&app, &who, &id, Action::Reopen { reason: body.reason }).await
}

/// What `note` takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct Note {
    /// What to remember.
    #[schema(pattern = r"\S", max_length = 4000)]
    text: String,
}

/// Adds a note to an alert.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/{id}/note",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    request_body = Note,
    responses(
        (status = 200, description = "It is done, and durable.", body = Deed),
        (status = 202, description = "It was accepted and is being recorded.", body = Deed),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "The alert does not allow it, or more than one begins with these digits."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn note(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
    Sent(body): Sent<Note>,
) -> Response {
    answer(&app, &who, &id, Action::Note { text: body.text }).await
}

async fn answer(app: &App, who: &Identity, id: &str, wish: Action) -> Response {
    let wish = match wish.checked() {
        Ok(wish) => wish,
        Err(says) => return flawed(vec![Flaw::at("", says)]),
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
            (StatusCode::ACCEPTED, Json(Deed::of(id.to_string(), false).offering(offers))).into_response()
        }
        (_, None) => Json(Deed::of(id.to_string(), true).offering(offers)).into_response(),
    }
}

/// Tells whether the store has the alert; in doubt it has.
async fn is_known(app: &App, id: AlertId) -> bool {
    !matches!(app.readers.read(move |reader| reader.alert(id)).await, Ok(None))
}

/// Says who did what to an alert, when, and from what to what; oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}/activity",
    tag = "people",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    responses(
        (status = 200, description = "What happened to it.", body = ActivityList),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "More than one alert begins with these digits."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn activity(State(app): State<Arc<App>>, _: Viewer, Named(id): Named) -> Response {
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
            let activity = lines.iter().map(Activity::of).collect();
            Json(ActivityList { id: id.to_string(), activity }).into_response()
        }
        Ok(None) => not_found(),
        Err(error) => unreadable(&error),
    }
}
