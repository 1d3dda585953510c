//! What does a program get that asked for something it can't have?
//!
//! A problem as RFC 9457 has it: what is wrong, and how to mend it, as `detail`. The member `error`
//! says the same, for programs that knew it before.

use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use super::super::acting::Outcome;

/// Returns an answer that says what is wrong.
pub(in crate::dashboard) fn problem(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "detail": detail,
        "error": detail,
    });
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// Returns the answer to a body that can't be read; `wanted` shows what could be sent.
pub(super) fn bad_body(rejection: &JsonRejection, wanted: &str) -> Response {
    let says: String = rejection.body_text().chars().filter(|c| !c.is_control()).take(300).collect();
    problem(StatusCode::BAD_REQUEST, &format!("send `{wanted}` as application/json: {says}"))
}

/// Returns the answer to what the store can't read.
pub(super) fn unreadable(error: &crate::store::StoreError) -> Response {
    problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}

/// Returns the answer to a deed that was not done; `None` if it was, or is being recorded.
pub(super) fn undone(outcome: &Outcome) -> Option<Response> {
    match outcome {
        Outcome::Done(_) | Outcome::Recording => None,
        Outcome::Refused(why) => Some(problem(StatusCode::CONFLICT, why)),
        Outcome::Busy(why) => Some(problem(StatusCode::SERVICE_UNAVAILABLE, why)),
    }
}
