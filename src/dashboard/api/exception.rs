//! Which exception would have kept an alert from being, and what else would it have hidden?

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};

use super::super::app::App;
use super::super::door::Viewer;
use super::super::offers::offered;
use super::problem::{problem, unreadable};
use super::{find, not_found};

/// `GET /api/v1/alerts/{id}/exception`: an exception for the file, its backtest, and the evidence as a case.
pub(in crate::dashboard) async fn exception(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Path(id): Path<String>,
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
