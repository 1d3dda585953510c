//! Which lists have people given a name, and how is one kept or removed?
//!
//! Views are shared by all who look; operators save and remove them. At most 100 stand in the row.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::app::App;
use super::super::door::Operator;
use super::super::filter::{Filter, encoded};
use super::super::viewing::{self, NotKept};
use super::super::words::When;
use super::{problem, store_problem};
use crate::clock::Timestamp;
use crate::store::View;

/// One view in the row.
pub(super) struct Named {
    pub(super) id: i64,
    pub(super) name: String,
    /// Its query string.
    pub(super) address: String,
    /// Who saved it, and when.
    pub(super) says: String,
    /// Whether it is what the page shows.
    pub(super) chosen: bool,
}

impl Named {
    pub(super) fn of(view: &View, filter: &Filter, now: Timestamp) -> Self {
        let line = filter.line.to_string();
        Self {
            id: view.id,
            name: view.name.clone(),
            address: format!("q={}", encoded(&view.query)),
            says: format!("{} (saved by {}, {})", view.query, view.saved_by, When::new(view.saved_at, now).absolute),
            chosen: view.query == line,
        }
    }
}

/// What the form for saving sends.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct SaveForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    q: String,
}

/// `POST /views`.
pub(in crate::dashboard) async fn save(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    headers: HeaderMap,
    Form(SaveForm { name, q }): Form<SaveForm>,
) -> Response {
    let (status, says) = match viewing::save(&app, &who, &name, &q).await {
        Ok((view, _)) => return Redirect::to(&format!("/?q={}", encoded(&view.query))).into_response(),
        Err(NotKept::Store(error)) => return store_problem(&error, who, &headers),
        Err(NotKept::Full(says)) => (StatusCode::CONFLICT, says),
        Err(NotKept::Wish(flaws)) => {
            let says: Vec<String> = flaws.into_iter().map(|(_, says)| says).collect();
            (StatusCode::BAD_REQUEST, says.join(" "))
        }
    };
    problem(status, "The view was not saved", says, Some(who), &headers)
}

/// `POST /views/{id}/remove`.
pub(in crate::dashboard) async fn remove(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let removed = match id.parse() {
        Ok(id) => viewing::remove(&app, &who, id).await,
        Err(_) => Ok(None),
    };
    match removed {
        Ok(Some(view)) => Redirect::to(&format!("/?q={}", encoded(&view.query))).into_response(),
        Ok(None) => {
            let says = "There is no such view. Somebody may have removed it meanwhile.".to_owned();
            problem(StatusCode::NOT_FOUND, "No such view", says, Some(who), &headers)
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}
