//! Which exception would have kept an alert from being, and what else would it have hidden?

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};

use super::super::app::App;
use super::super::door::Viewer;
use super::super::offers::offered;
use super::forms::ExceptionOffer;
use super::problem::{Named, problem, unreadable};
use super::{find, not_found};

/// Offers an exception that would have kept an alert from being, its backtest, and the evidence as a case.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/{id}/exception",
    tag = "alerts",
    params(("id" = String, Path, description = "The alert's id, or its first eight digits or more.")),
    responses(
        (status = 200, description = "What is offered.", body = ExceptionOffer),
        (status = 404, description = "There is no such alert, or no longer."),
        (status = 409, description = "No exception can cover it, or more than one begins with these digits."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn exception(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Named(id): Named,
) -> Response {
    let id = match find(&app, &id).await {
        Ok(id) => id,
        Err(answer) => return answer,
    };
    match offered(&app, id, &who).await {
        Ok(Some(Ok(offered))) => Json(offered.told(id)).into_response(),
        Ok(Some(Err(why))) => problem(StatusCode::CONFLICT, &why),
        Ok(None) => not_found(),
        Err(error) => unreadable(&error),
    }
}
