//! How many alerts of a question are there, and of which kinds?

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};

use super::super::app::App;
use super::super::door::Viewer;
use super::asked::{Question, question};
use super::forms::FacetsForm;
use super::problem::{Pairs, unreadable};
use crate::alerts::Query;
use crate::store::MOST_COUNTED;

/// Counts the alerts of a question by level, state, family, detector, app and class.
///
/// What asks by those alone is counted whole; of anything else the newest 50,000 alerts.
#[utoipa::path(
    get,
    path = "/api/v1/alerts/facets",
    tag = "alerts",
    params(Question),
    responses(
        (status = 200, description = "How many there are.", body = FacetsForm),
        (status = 400, description = "The question is not understood: all that is wrong is in `errors`."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(super) async fn facets(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let asked = question(&pairs, (Query::default(), app.parts.clock.now()), &[], |_, _| Ok(()));
    let query = match asked {
        Ok(query) => query,
        Err(answer) => return answer,
    };
    match app.readers.read(move |reader| reader.facets(&query, MOST_COUNTED)).await {
        Ok(facets) => Json(FacetsForm::from(facets)).into_response(),
        Err(error) => unreadable(&error),
    }
}
