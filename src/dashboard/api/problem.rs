//! What does a program get that asked for something it can't have?
//!
//! A problem as RFC 9457 has it: what is wrong, and how to mend it, as `detail`; where several things
//! are wrong, all of them, each under `errors` with where it stands. The member `error` says the same
//! as `detail`, for programs that knew it before. At most 20 things are said at once.

use axum::body::HttpBody as _;
use axum::extract::{FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Json, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::acting::Outcome;

/// Things that are said at once.
const MOST_FLAWS: usize = 20;
pub(super) const KIND: &str = "application/problem+json";

/// One thing that is wrong with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::dashboard) struct Flaw {
    /// What is wrong, and how to mend it.
    pub(super) detail: String,
    /// Where it stands in the body, as a JSON pointer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pointer: Option<String>,
    /// The parameter it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameter: Option<String>,
}

impl Flaw {
    /// Returns what is wrong with a parameter.
    pub(super) fn of(parameter: &str, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), parameter: Some(short(parameter)), pointer: None }
    }

    /// Returns what is wrong at a place of the body.
    pub(super) fn at(pointer: &str, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), parameter: None, pointer: Some(short(pointer)) }
    }
}

/// What is wrong, and how to mend it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(in crate::dashboard) struct Problem {
    /// `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What is wrong, and how to mend it.
    detail: String,
    /// The same as `detail`.
    error: String,
    /// Each thing that is wrong, where several may be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Flaw>,
}

/// Returns as much of what was sent as an answer repeats.
pub(in crate::dashboard) fn short(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Returns an answer that says what is wrong.
pub(in crate::dashboard) fn problem(status: StatusCode, detail: &str) -> Response {
    answer(status, detail.to_owned(), Vec::new())
}

/// Returns an answer that says all that is wrong.
pub(super) fn flawed(mut errors: Vec<Flaw>) -> Response {
    errors.truncate(MOST_FLAWS);
    let detail: Vec<&str> = errors.iter().map(|flaw| flaw.detail.as_str()).collect();
    answer(StatusCode::BAD_REQUEST, detail.join(" "), errors)
}

fn answer(status: StatusCode, detail: String, errors: Vec<Flaw>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error");
    let error = detail.clone();
    let body = Problem { kind: "about:blank", title, status: status.as_u16(), detail, error, errors };
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(KIND));
    response
}

/// Returns the answer to what can't be served at this moment.
pub(in crate::dashboard) fn busy(detail: &str) -> Response {
    ([(header::RETRY_AFTER, "60")], problem(StatusCode::SERVICE_UNAVAILABLE, detail)).into_response()
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

/// Tells whether an address is the API's.
pub(in crate::dashboard) fn concerns(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.starts_with('/'))
}

/// Answers a method that an address does not take.
pub(in crate::dashboard) async fn wrong_method(method: Method, uri: Uri) -> Response {
    let says = format!("{} can't be used at this address: the header `Allow` has what can", short(method.as_str()));
    if concerns(uri.path()) {
        return problem(StatusCode::METHOD_NOT_ALLOWED, &says);
    }
    (StatusCode::METHOD_NOT_ALLOWED, says + "\n").into_response()
}

/// Returns the answer to an address of the API that there is not.
pub(in crate::dashboard) fn no_such_address() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing at this address: GET /api/v1/openapi.json has all that there are")
}

/// Makes a problem of a refusal that came from before the API, in the words it came in if it had any.
pub(in crate::dashboard) fn in_form(path: &str, response: Response) -> Response {
    let status = response.status();
    let formed = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes() == KIND.as_bytes());
    if !concerns(path) || formed || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let says = match status {
        StatusCode::FORBIDDEN => {
            "a browser sent this from a page of another site: programs leave `Origin` and `Sec-Fetch-Site` out"
        }
        StatusCode::PAYLOAD_TOO_LARGE => "the body is larger than 64 KiB: send less at once",
        StatusCode::INTERNAL_SERVER_ERROR => {
            "this met a bug and was given up; the daemon goes on. Please report what was asked for"
        }
        StatusCode::MISDIRECTED_REQUEST => {
            "Gatewatch does not go by this name: use its address, or set `external_url` or `hosts` in the `[dashboard]` \
             section of its configuration"
        }
        _ => "this can't be answered",
    };
    let (mut parts, body) = response.into_parts();
    if body.is_end_stream() && status == StatusCode::METHOD_NOT_ALLOWED {
        return Response::from_parts(parts, body);
    }
    let (kind, body) = problem(status, says).into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(kind.headers);
    Response::from_parts(parts, body)
}

/// A part of the address that names something.
#[derive(Debug)]
pub(in crate::dashboard) struct Named(pub(in crate::dashboard) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Ok(Path(name)) = Path::from_request_parts(parts, state).await else { return Err(no_such_address()) };
        Ok(Self(name))
    }
}

/// The parameters of an address, in their order.
#[derive(Debug)]
pub(in crate::dashboard) struct Pairs(pub(in crate::dashboard) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(pairs)) => Ok(Self(pairs)),
            Err(_) => {
                Err(problem(StatusCode::BAD_REQUEST, "what stands behind `?` is no list of name=value, joined by `&`"))
            }
        }
    }
}

/// Returns whether a request says that its body is JSON.
pub(super) fn says_json(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}
