//! `/login`: a token for a session, so that a browser need not carry the token itself.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::app::{App, COOKIE, cookie};
use super::{Frame, render};

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    next: String,
    /// Whether there is a token that could be shown at all.
    tokens: bool,
    wrong: bool,
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
    headers: HeaderMap,
) -> Response {
    let next = pairs.iter().find(|(name, _)| name == "next").map_or("/", |(_, next)| inside(next));
    if app.who(&headers).is_some() {
        return Redirect::to(next).into_response();
    }
    show(&app, next, StatusCode::OK, &headers)
}

/// `POST /login`.
pub(in crate::dashboard) async fn log_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Form(LoginForm { token, next }): Form<LoginForm>,
) -> Response {
    let next = inside(&next);
    match app.sessions.begin(&app.parts.tokens, &token, app.parts.clock.elapsed()) {
        Some((session, _)) => with_cookie(&app, &session, next),
        None => show(&app, next, StatusCode::UNAUTHORIZED, &headers),
    }
}

/// `POST /logout`.
pub(in crate::dashboard) async fn log_out(State(app): State<Arc<App>>, headers: HeaderMap) -> Response {
    cookie(&headers).inspect(|cookie| app.sessions.end(cookie));
    with_cookie(&app, "; Max-Age=0", "/login")
}

fn show(app: &App, next: &str, status: StatusCode, headers: &HeaderMap) -> Response {
    let page = Login {
        frame: Frame::new("Log in", "", None, headers),
        next: next.to_owned(),
        tokens: app.parts.tokens.guard_people(app.parts.clock.elapsed()),
        wrong: status == StatusCode::UNAUTHORIZED,
    };
    render(status, &page)
}

/// Sends on to `next` with the cookie `value`. `Lax`, for `Strict` would ask everybody who
/// follows a link from a notification to log in again; what changes anything is a POST.
fn with_cookie(app: &App, value: &str, next: &str) -> Response {
    let secure = if app.https { "; Secure" } else { "" };
    let set = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    let mut response = Redirect::to(next).into_response();
    if let Ok(set) = HeaderValue::try_from(set) {
        response.headers_mut().insert(header::SET_COOKIE, set);
    }
    response
}

/// Returns `next` if it is an address within the dashboard, else its first page.
fn inside(next: &str) -> &str {
    let path = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    if path && next.bytes().all(|byte| byte.is_ascii_graphic()) { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logging_in_leads_nowhere_outside() {
        assert_eq!(inside("/a/00ff?x=1"), "/a/00ff?x=1");
        for outside in
            ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nSet-Cookie: x", "/\t/evil"]
        {
            assert_eq!(inside(outside), "/", "{outside}");
        }
    }
}
