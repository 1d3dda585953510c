//! Which lists have people given a name, and how is one kept or removed?
//!
//! Views are shared by all who look; operators save and remove them, and are asked before somebody's is replaced. At
//! most 100 stand in the row.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::app::App;
use super::super::door::Operator;
use super::super::filter::{Filter, encoded};
use super::super::viewing::{self, NotKept};
use super::super::words::When;
use super::{Frame, problem, render, store_problem};
use crate::clock::Timestamp;
use crate::store::{Reader, View};

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
    /// The question of the view that is replaced, as it was shown.
    replace: Option<String>,
}

/// Asks whether a view of this name is to be replaced.
#[derive(Template)]
#[template(path = "view_taken.html")]
struct Taken {
    frame: Frame,
    name: String,
    question: String,
    view: View,
    when: When,
    /// The query string of the list that was to be saved.
    back: String,
}

/// `POST /views`.
pub(in crate::dashboard) async fn save(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    headers: HeaderMap,
    Form(SaveForm { name, q, replace }): Form<SaveForm>,
) -> Response {
    match app.readers.read(Reader::views).await {
        Ok(views) => {
            if let Some(view) = taken(views, &name, &q, replace.as_deref()) {
                let when = When::new(view.saved_at, app.parts.clock.now());
                let back = format!("q={}", encoded(&q));
                let frame = Frame::new("The name is taken", "alerts", Some(who), &headers);
                return render(StatusCode::CONFLICT, &Taken { frame, name, question: q, view, when, back });
            }
        }
        Err(error) => return store_problem(&error, who, &headers),
    }
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

/// Returns the view of this name that asks something else, unless it is the one that is to be replaced.
fn taken(views: Vec<View>, name: &str, question: &str, replace: Option<&str>) -> Option<View> {
    let same = |view: &View| view.name.eq_ignore_ascii_case(name.trim()) && view.query != question.trim();
    views.into_iter().find(|view| same(view) && replace != Some(&view.query))
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

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn somebodys_view_is_replaced_only_as_it_was_shown() {
        let view = |query: &str| View {
            id: 1,
            name: "Grave".into(),
            query: query.into(),
            saved_by: "dana".into(),
            saved_at: samples::NOW,
        };
        let ask = |question: &str, replace| taken(vec![view("level>=high")], "grave ", question, replace).is_some();
        assert!(ask("level>=low", None), "another's is not replaced unasked");
        assert!(!ask("level>=low", Some("level>=high")), "they were asked");
        assert!(ask("level>=low", Some("level>=medium")), "it has changed since they were asked");
        assert!(!ask("level>=high", None), "it stays as it is");
        assert!(taken(vec![view("level>=high")], "Graver", "app:x", None).is_none());
    }
}
