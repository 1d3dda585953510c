//! The pages: one file each, with what its template needs worked out before it is rendered.

pub(super) mod activity;
mod ahead;
pub(super) mod alert;
mod also;
pub(super) mod api;
pub(super) mod attack;
pub(super) mod audit;
mod copied;
mod days;
pub(super) mod dead_letters;
pub(super) mod deliveries;
pub(super) mod detector;
pub(super) mod detectors;
pub(super) mod entity;
mod facets;
mod hours;
pub(super) mod keys;
pub(super) mod login;
pub(super) mod model;
pub(super) mod now;
mod offer;
pub(super) mod pane;
mod pick;
pub(super) mod pipeline;
mod plot;
mod prose;
mod record;
mod related;
mod row;
#[cfg(test)]
pub(super) mod samples;
pub(super) mod settings;
pub(super) mod sign_in;
pub(super) mod silences;
mod source;
mod strip;
mod technique;
mod tried;
mod untold;
pub(super) mod views;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};

use super::app::{App, cookie};
use super::asking::Asking;
use super::assets;
use crate::access::{Identity, Role};
use crate::store::StoreError;

/// What surrounds every page.
struct Frame {
    title: String,
    /// Which entry of the navigation is this page's.
    here: &'static str,
    who: Option<Identity>,
    /// Whether there is a session to log out of.
    session: bool,
    css: &'static str,
    js: &'static str,
    icon: &'static str,
}

impl Frame {
    fn new(title: impl Into<String>, here: &'static str, who: Option<Identity>, headers: &HeaderMap) -> Self {
        Self {
            title: title.into(),
            here,
            session: who.is_some() && [true, false].iter().any(|&https| cookie(headers, https).is_some()),
            who,
            css: assets::address("app.css"),
            js: assets::address("app.js"),
            icon: assets::address("icon.svg"),
        }
    }

    fn may_act(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.role.may(Role::Operator))
    }

    fn may_rule(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.role.may(Role::Admin))
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    frame: Frame,
    says: String,
}

/// Returns which part alone a page that is open asks for, by the header `gatewatch-part`.
fn part(headers: &HeaderMap) -> Option<&str> {
    headers.get("gatewatch-part").and_then(|part| part.to_str().ok())
}

/// Renders a page, or says that it could not be rendered.
fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be written\n").into_response(),
    }
}

/// Renders a page that says what is wrong and what to do.
fn problem(status: StatusCode, title: &str, says: String, who: Option<Identity>, headers: &HeaderMap) -> Response {
    render(status, &Problem { frame: Frame::new(title, "", who, headers), says })
}

/// Says that something takes another role.
pub(super) fn not_with_this_role(who: Identity, says: String, headers: &HeaderMap) -> Response {
    problem(StatusCode::FORBIDDEN, "Not with this role", says, Some(who), headers)
}

/// Says that a form came from somewhere else.
pub(super) fn from_elsewhere(says: String, headers: &HeaderMap) -> Response {
    problem(StatusCode::FORBIDDEN, "This came from elsewhere", says, None, headers)
}

fn store_problem(error: &StoreError, who: Identity, headers: &HeaderMap) -> Response {
    let (title, says) = match error {
        StoreError::TooWide(says) => ("The question is too wide", format!("This was broken off: {says}.")),
        _ => ("The store can't be read", format!("The store can't be used for this: {error}")),
    };
    problem(StatusCode::SERVICE_UNAVAILABLE, title, says, Some(who), headers)
}

/// Answers requests for pages that there are not.
pub(super) async fn no_such_page(State(app): State<Arc<App>>, asking: Asking, uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        return super::api::problem::no_such_address();
    }
    let says = "There is no page at this address.".to_owned();
    let who = app.who(&asking).await.ok();
    problem(StatusCode::NOT_FOUND, "No such page", says, who, &asking.headers)
}
