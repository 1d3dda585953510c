//! Who did what, from where, for programs: what `gatewatch audit` lists on the machine itself.
//!
//! For admins: addresses and programs of colleagues are nobody else's business. At most a thousand lines an answer.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use super::super::app::App;
use super::super::door::Admin;
use super::problem::{problem, unreadable};

const MOST: usize = 1_000;

/// `GET /api/v1/audit`: lines after number `after`, oldest first, `limit` of them (200); without
/// `after` the newest. `next` is what to ask `after` for those that follow.
pub(in crate::dashboard) async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let (mut after, mut limit) = (None, 200);
    for (name, value) in &pairs {
        match (name.as_str(), value.parse::<i64>()) {
            ("after", Ok(number)) => after = Some(number),
            ("limit", Ok(number)) => limit = usize::try_from(number).unwrap_or(1).clamp(1, MOST),
            _ => {
                return problem(
                    StatusCode::BAD_REQUEST,
                    "`after` and `limit` are whole numbers, and all that is asked",
                );
            }
        }
    }
    let read = app.readers.read(move |reader| {
        let after = match after {
            Some(after) => after,
            None => reader.audited_before(limit)?,
        };
        reader.audited(after, limit)
    });
    match read.await {
        Ok(lines) => {
            let next = lines.last().map(|line| line.id).or(after);
            Json(json!({ "lines": lines, "next": next })).into_response()
        }
        Err(error) => unreadable(&error),
    }
}
