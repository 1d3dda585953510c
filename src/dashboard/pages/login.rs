//! `/login`: a token for a session, so that a browser need not carry the token itself.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::super::app::{App, cookie, unread};
use super::super::asking::Asking;
use super::super::noted::note;
use super::sign_in::explained;
use super::{Frame, render};
use crate::access::Refusal;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    next: String,
    /// Whether there is a token that could be shown at all.
    tokens: bool,
    /// How the identity provider is called, and where the way to it begins, if people can sign in with one.
    provider: Option<(String, String)>,
    /// What was wrong the last time.
    wrong: Option<String>,
}

/// What the form sends; no `Debug`, for it holds a token.
#[derive(Deserialize)]
pub(in crate::dashboard) struct LoginForm {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// `GET /login`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Query(pairs): Query<Vec<(String, String)>>,
    asking: Asking,
) -> Response {
    let next = pairs.iter().find(|(name, _)| name == "next").map_or("/", |(_, next)| inside(next));
    if app.who(&asking).await.is_ok() {
        return Redirect::to(next).into_response();
    }
    show(&app, next, None, StatusCode::OK, &asking.headers)
}

/// `POST /login`.
pub(in crate::dashboard) async fn log_in(
    State(app): State<Arc<App>>,
    asking: Asking,
    Form(LoginForm { token, next }): Form<LoginForm>,
) -> Response {
    let next = inside(&next);
    if let Some((session, who)) = app.sessions.begin(&app.parts.tokens, &token, app.parts.clock.elapsed()) {
        note(&app, &who.name, "logged in", "token").await;
        return let_in(&app, &asking, &session, next);
    }
    if app.parts.tokens.trouble(app.parts.clock.elapsed()).is_some() {
        return explained(&app, &asking, next, &unread());
    }
    let says = "This token is not known, was revoked, or is for sending records only.";
    match app.wrong(&asking, Refusal::Wrong(says.into())) {
        Refusal::Wrong(says) => show(&app, next, Some(says), StatusCode::UNAUTHORIZED, &asking.headers),
        refusal => explained(&app, &asking, next, &refusal),
    }
}

/// `POST /logout`.
pub(in crate::dashboard) async fn log_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    let elapsed = app.parts.clock.elapsed();
    let cookie = cookie(&headers, app.https);
    let who = cookie.and_then(|cookie| app.sessions.identity(&app.parts.tokens, cookie, elapsed));
    cookie.inspect(|cookie| app.sessions.end(cookie));
    if let Some(who) = who {
        note(&app, &who.name, "logged out", "session").await;
    }
    with_cookie(&app, "; Max-Age=0", "/login")
}

/// Shows the page, with what was wrong.
pub(super) fn show(app: &App, next: &str, wrong: Option<String>, status: StatusCode, headers: &HeaderMap) -> Response {
    let page = Login {
        frame: Frame::new("Log in", "", None, headers),
        next: next.to_owned(),
        tokens: app.parts.tokens.guard_people(app.parts.clock.elapsed()),
        provider: app.ways.oidc.as_ref().map(|oidc| (oidc.name().to_owned(), to_provider(next))),
        wrong,
    };
    render(status, &page)
}

fn to_provider(next: &str) -> String {
    format!("/login/provider?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

/// Sends on to `next` with the session `session`; one that the browser had before is over.
pub(super) fn let_in(app: &App, asking: &Asking, session: &str, next: &str) -> Response {
    cookie(&asking.headers, app.https).inspect(|cookie| app.sessions.end(cookie));
    with_cookie(app, session, next)
}

/// Sends on to `next` with the cookie `value`. `Lax`, for `Strict` would ask everybody who
/// follows a link from a notification to log in again; what changes anything is a POST.
fn with_cookie(app: &App, value: &str, next: &str) -> Response {
    let mut response = Redirect::to(next).into_response();
    if let Ok(set) = HeaderValue::try_from(set_cookie(app, app.cookie_name(), value)) {
        response.headers_mut().insert(header::SET_COOKIE, set);
    }
    response
}

/// Returns what sets a cookie of ours.
pub(super) fn set_cookie(app: &App, name: &str, value: &str) -> String {
    let secure = if app.https { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

/// Bytes of an address within the dashboard that is kept while somebody logs in.
const MAX_NEXT: usize = 1_024;

/// Returns `next` if it is an address within the dashboard, else its first page.
pub(super) fn inside(next: &str) -> &str {
    let path = next.len() <= MAX_NEXT && next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    if path && next.bytes().all(|byte| byte.is_ascii_graphic()) { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_in_leads_nowhere_outside() {
        assert_eq!(inside("/a/00ff?x=1"), "/a/00ff?x=1");
        for outside in [
            "//evil.example",
            &format!("/{}", "x".repeat(MAX_NEXT)),
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nSet-Cookie: x",
            "/\t/evil",
        ] {
            assert_eq!(inside(outside), "/", "{outside}");
        }
    }
}
