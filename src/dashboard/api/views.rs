//! Which questions have people given a name, and how does a program keep or remove one?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::super::viewing::{self, NotKept};
use super::asked::plain;
use super::body::Sent;
use super::forms::Became as Deeded;
use super::problem::{Flaw, Named, Pairs, flawed, problem, unreadable};
use crate::clock::Timestamp;
use crate::store::{Reader, View};

/// A question that people ask again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = View)]
pub(in crate::dashboard) struct ViewForm {
    /// Its number; never used twice.
    id: String,
    /// What people call it.
    name: String,
    /// The question; `assignee:me` is understood on the pages alone.
    query: String,
    /// Who saved it.
    saved_by: String,
    /// When.
    saved_at: Timestamp,
}

impl From<View> for ViewForm {
    fn from(View { id, name, query, saved_by, saved_at }: View) -> Self {
        Self { id: id.to_string(), name, query, saved_by, saved_at }
    }
}

/// Views, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::dashboard) struct ViewList {
    views: Vec<ViewForm>,
}

/// What saving a view takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ViewWish)]
pub(in crate::dashboard) struct New {
    /// What it is called; saving under a name that there is takes its place.
    #[schema(pattern = r"\S", max_length = 60)]
    name: String,
    /// The question, such as `level>=high -family:probing since:24h`.
    #[schema(max_length = 1_000)]
    query: String,
}

/// Lists the views that people have saved.
#[utoipa::path(
    get,
    path = "/api/v1/views",
    tag = "views",
    responses(
        (status = 200, description = "The views, at most 100.", body = ViewList),
        (status = 400, description = "A parameter is not understood."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn list(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    if let Err(answer) = plain(&pairs, &[], |_, _| Ok(())) {
        return answer;
    }
    match app.readers.read(Reader::views).await {
        Ok(views) => Json(ViewList { views: views.into_iter().map(ViewForm::from).collect() }).into_response(),
        Err(error) => unreadable(&error),
    }
}

/// Saves a question under a name, for all who look.
#[utoipa::path(
    post,
    path = "/api/v1/views",
    tag = "views",
    request_body = New,
    responses(
        (status = 200, description = "It took the place of the one of that name.", body = ViewForm),
        (
            status = 201, description = "The view.", body = ViewForm,
            links(("remove" = (operation_id = "post_views_id_remove", parameters(("id" = "$response.body#/id")))))
        ),
        (status = 409, description = "As many views are kept as may be."),
        (status = 503, description = "The store can't be written now."),
    )
)]
pub(in crate::dashboard) async fn add(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Sent(New { name, query }): Sent<New>,
) -> Response {
    match viewing::save(&app, &who, &name, &query).await {
        Ok((view, instead)) => {
            let status = if instead { StatusCode::OK } else { StatusCode::CREATED };
            (status, Json(ViewForm::from(view))).into_response()
        }
        Err(NotKept::Wish(flaws)) => {
            flawed(flaws.into_iter().map(|(field, says)| Flaw::at(&format!("/{field}"), says)).collect())
        }
        Err(NotKept::Full(says)) => problem(StatusCode::CONFLICT, &says),
        Err(NotKept::Store(error)) => unreadable(&error),
    }
}

/// Removes a view, for all who look.
#[utoipa::path(
    post,
    path = "/api/v1/views/{id}/remove",
    tag = "views",
    params(("id" = String, Path, description = "The view's number.")),
    responses(
        (status = 200, description = "It is gone.", body = Deeded),
        (status = 404, description = "There is no such view."),
        (status = 503, description = "The store can't be written now."),
    )
)]
pub(in crate::dashboard) async fn remove(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
) -> Response {
    let removed = match id.parse() {
        Ok(number) => viewing::remove(&app, &who, number).await,
        Err(_) => Ok(None),
    };
    match removed {
        Ok(Some(_)) => Json(Deeded::of(id, true)).into_response(),
        Ok(None) => problem(StatusCode::NOT_FOUND, "there is no such view: `GET /api/v1/views` lists them"),
        Err(error) => unreadable(&error),
    }
}
