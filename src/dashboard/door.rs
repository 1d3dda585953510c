//! Who comes in, under which name, and with which headers does an answer leave?
//!
//! Requests under a name that is not ours get 421, against DNS rebinding. Handlers name the role
//! they need by taking a [`Viewer`], an [`Operator`] or an [`Admin`]: one that forgets to takes nobody's name
//! and can't act in it. Nothing is kept.

use std::sync::Arc;

use axum::body::HttpBody as _;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts as RequestParts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::api::problem::{concerns, in_form, problem, short};
use super::app::App;
use super::asking::Asking;
use super::pages;
use super::visible::visible;
use crate::access::{Identity, Refusal, Role};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types gatewatch";

/// Headers that every answer has.
const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Somebody who may read.
#[derive(Debug)]
pub(super) struct Viewer(pub(super) Identity);

/// Somebody who may act on alerts.
#[derive(Debug)]
pub(super) struct Operator(pub(super) Identity);

/// Somebody who sees what others did.
#[derive(Debug)]
pub(super) struct Admin;

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut RequestParts, app: &Arc<App>) -> Result<Self, Response> {
        admit(parts, app, Role::Admin).await.map(|_| Self)
    }
}

impl FromRequestParts<Arc<App>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut RequestParts, app: &Arc<App>) -> Result<Self, Response> {
        admit(parts, app, Role::Viewer).await.map(Self)
    }
}

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut RequestParts, app: &Arc<App>) -> Result<Self, Response> {
        admit(parts, app, Role::Operator).await.map(Self)
    }
}

async fn admit(parts: &RequestParts, app: &App, needed: Role) -> Result<Identity, Response> {
    let asking = Asking::of(parts);
    let path = parts.uri.path();
    let program = path.starts_with("/api/") || path == "/events";
    let refusal = match app.who(&asking).await {
        Ok(who) if who.role.may(needed) => return Ok(who),
        Ok(who) => {
            let says = format!("{} is {}; this takes the role {needed}", who.name, who.role);
            if !program {
                return Err(pages::not_with_this_role(who, says, &parts.headers));
            }
            return Err(problem(StatusCode::FORBIDDEN, &says));
        }
        Err(refusal) => refusal,
    };
    Err(match refusal {
        Refusal::Nobody | Refusal::Wrong(_) if !program => {
            let next = match parts.uri.path_and_query() {
                Some(asked) if parts.method == axum::http::Method::GET => asked.as_str(),
                _ => page_of(path),
            };
            Redirect::to(&format!("/login?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))).into_response()
        }
        refusal if !program => pages::sign_in::explained(app, &asking, "/", &refusal),
        refusal => refused(&refusal),
    })
}

/// Returns the page whose form is sent to `path`: that of an alert or a detector, else the first.
fn page_of(path: &str) -> &str {
    let page = path.rsplit_once('/').map_or("/", |(page, _)| page);
    let parts = page.strip_prefix("/a/").or_else(|| page.strip_prefix("/detectors/"));
    parts.filter(|id| !id.is_empty() && !id.contains('/')).map_or("/", |_| page)
}

/// Answers somebody who does not come in, as a program reads it.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let challenge = |says: &str| {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"gatewatch\"")];
        (challenge, problem(StatusCode::UNAUTHORIZED, says)).into_response()
    };
    let later =
        |seconds: u64, answer: Response| ([(header::RETRY_AFTER, seconds.max(1).to_string())], answer).into_response();
    match refusal {
        Refusal::Nobody => challenge(
            "show a token: `Authorization: Bearer gw_…`; `gatewatch token create NAME --data DIR` makes one in the daemon's data folder",
        ),
        Refusal::Wrong(why) => {
            challenge(&format!("{why}; `gatewatch token create NAME --data DIR` makes one in the daemon's data folder"))
        }
        Refusal::TooOften(wait) => {
            let says = "too much from this address was wrong: wait, and look for what sends it";
            later(wait.as_secs() + 1, problem(StatusCode::TOO_MANY_REQUESTS, says))
        }
        Refusal::NoRole { name, says } => {
            let says = format!("{name} is known and has no role here: {says}. docs/access.md says how roles are given");
            problem(StatusCode::FORBIDDEN, &says)
        }
        Refusal::Unavailable(why) => {
            let says = format!("who this is can't be found out at this moment: {why}");
            later(30, problem(StatusCode::SERVICE_UNAVAILABLE, &says))
        }
    }
}

/// Refuses requests under a name that is not ours. Probes may use any.
pub(super) async fn check_host(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    if probe || app.answers_to(host) {
        return next.run(request).await;
    }
    let says = "Gatewatch does not go by this name. Use its address, or set `external_url` or `hosts` \
                in the `[dashboard]` section of its configuration.\n";
    (StatusCode::MISDIRECTED_REQUEST, says).into_response()
}

/// Says, on a page, why a form is not taken that a page of another site seems to have sent; and in the log, at most
/// once in ten minutes, for it may be that we do not know our own address.
pub(super) async fn explain_foreign(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let asking = (request.method() != Method::GET).then(|| request.headers().clone());
    let response = next.run(request).await;
    let bare = response.status() == StatusCode::FORBIDDEN && response.body().is_end_stream();
    let Some(headers) = asking.filter(|_| bare) else { return response };
    let sent = |name: HeaderName| {
        headers.get(name).map_or_else(|| "none".to_owned(), |value| short(&String::from_utf8_lossy(value.as_bytes())))
    };
    let (origin, host) = (sent(header::ORIGIN), sent(header::HOST));
    let says = format!(
        "The form came from a page at {origin}, and was sent to {host}; Gatewatch goes by {}. Nothing was done. If this \
         is how you reach it, set external_url in [dashboard] to the address that the browser shows, and let a proxy \
         in between pass on the Host header as it is. If not, another site has sent this.",
        app.base()
    );
    if app.foreign.is_new(app.parts.clock.elapsed()) {
        tracing::warn!(
            "a form was refused, as if another site had sent it: it came from a page at {}, and was sent to {}. If people \
             reach the dashboard so, set external_url in [dashboard] to that address, and let the proxy keep the Host header",
            visible(&origin),
            visible(&host),
        );
    }
    let is_deed = headers.get("gatewatch-part").is_some_and(|part| part.as_bytes() == b"deed");
    if concerns(&path) {
        return response;
    }
    if is_deed {
        return (StatusCode::FORBIDDEN, Json(serde_json::json!({ "error": says }))).into_response();
    }
    pages::from_elsewhere(says, &headers)
}

/// Counts the request and gives its answer the headers that all have.
pub(super) async fn see_off(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = request.uri().path().to_owned();
    let mut response = in_form(&path, next.run(request).await);
    let route = route.as_deref().unwrap_or("none");
    app.parts.metrics.http_requests.add(&[route, response.status().as_str()], 1);
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if app.https || app.local {
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    }
    if app.https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
