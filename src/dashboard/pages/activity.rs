//! What did people do with an alert, and what may they say of it now?
//!
//! A note, a handover and an opening again are forms of the alert's page, each a request of its own, so that they work
//! without a script. Whoever takes an alert from somebody else says that they have seen whose it is. The newest hundred deeds are shown, and of each how the alert stood before and after.

use std::sync::Arc;

use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::super::acting::{Outcome, act};
use super::super::app::App;
use super::super::door::Operator;
use super::super::words::When;
use super::alert::{Aftermath, no_such_alert, show};
use super::{part, store_problem};
use crate::access::Identity;
use crate::alerts::{Action, Alert, AlertId, AlertState, Class};
use crate::clock::Timestamp;
use crate::store::ActivityLine;

/// Deeds that are shown.
const MOST: usize = 100;

/// What somebody did.
pub(super) struct PersonsDeed {
    pub(super) when: When,
    pub(super) who: String,
    pub(super) did: String,
    /// In their words.
    pub(super) says: String,
    /// How it stood before and after, where that differs.
    pub(super) became: Option<String>,
}

/// Returns what people did, the newest first.
pub(super) fn deeds(lines: &[ActivityLine], now: Timestamp) -> Vec<PersonsDeed> {
    let by_people = lines.iter().rev().filter_map(|line| Some((line, line.who.clone()?)));
    let all = by_people.take(MOST).map(|(line, who)| {
        let stood = |state: &str, whose: &Option<String>, class: &Option<String>| {
            let more = whose.iter().chain(class.iter()).map(|more| format!(", {more}"));
            std::iter::once(state.to_owned()).chain(more).collect::<String>()
        };
        let (state, whose, class) = &line.to;
        let after = stood(state, whose, class);
        let before = line.from.0.map(|state| stood(state, &line.from.1, &line.from.2));
        let became = before.filter(|before| *before != after).map(|before| format!("{before} → {after}"));
        PersonsDeed { when: When::new(line.at, now), who, did: line.did.clone(), says: line.says.clone(), became }
    });
    all.collect()
}

/// `POST /a/{id}/acknowledge`.
pub(in crate::dashboard) async fn acknowledge(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Result<Form<Seen>, FormRejection>,
) -> Response {
    // A request without a form has seen nobody.
    let seen = form.map(|Form(Seen { seen })| seen).unwrap_or_default();
    take(&app, who, &id, &headers, Action::Acknowledge, ("acknowledged", &seen)).await
}

/// Whose the alert was when the form was shown.
#[derive(Debug, Default, Deserialize)]
pub(in crate::dashboard) struct Seen {
    #[serde(default)]
    seen: String,
}

/// What the form for closing sends.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct CloseForm {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    class: String,
}

/// `POST /a/{id}/close`.
pub(in crate::dashboard) async fn close(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(CloseForm { reason, class }): Form<CloseForm>,
) -> Response {
    match Action::close(Class::named(&class).unwrap_or_default(), &reason) {
        Ok(close) => wish(&app, who, &id, &headers, close, "closed").await,
        Err(says) if part(&headers) == Some("deed") => {
            (StatusCode::BAD_REQUEST, Json(json!({ "error": says }))).into_response()
        }
        Err(says) => {
            let aftermath = Aftermath { wrong: Some(says), reason, ..Aftermath::default() };
            show(&app, who, &id, &headers, StatusCode::BAD_REQUEST, aftermath).await
        }
    }
}

/// Does what takes an alert from whoever has it, if whoever wishes it has `seen` who that is.
async fn take(
    app: &App,
    who: Identity,
    id: &str,
    headers: &HeaderMap,
    action: Action,
    (done, seen): (&str, &str),
) -> Response {
    let Ok(parsed) = id.parse::<AlertId>() else { return no_such_alert(who, headers) };
    let read = app.readers.read(move |reader| Ok(reader.alert(parsed)?.zip(Some(reader.activity(parsed)?))));
    match read.await {
        Ok(Some((alert, lines))) => match held(&alert, &lines, &who.name, app.parts.clock.now()) {
            Some((other, says)) if other != seen => {
                if part(headers) == Some("deed") {
                    return (StatusCode::CONFLICT, Json(json!({ "error": says, "seen": other }))).into_response();
                }
                let aftermath = Aftermath { wrong: Some(says), seen: other, ..Aftermath::default() };
                show(app, who, id, headers, StatusCode::CONFLICT, aftermath).await
            }
            _ => wish(app, who, id, headers, action, done).await,
        },
        Ok(None) => wish(app, who, id, headers, action, done).await,
        Err(error) => store_problem(&error, who, headers),
    }
}

/// Returns who else has the alert, and what is said of that.
fn held(alert: &Alert, lines: &[ActivityLine], who: &str, now: Timestamp) -> Option<(String, String)> {
    let other = alert.assignee.as_ref().filter(|other| *other != who && alert.state != AlertState::Closed)?;
    let came = |line: &&ActivityLine| line.to.1.as_ref() == Some(other) && line.from.1.as_ref() != Some(other);
    let since = lines.iter().rev().find(came).map(|line| format!(" since {}", When::new(line.at, now).absolute));
    let says = format!("{other} has it{}: press again to take it over.", since.unwrap_or_default());
    Some((other.clone(), says))
}

async fn wish(app: &App, who: Identity, id: &str, headers: &HeaderMap, wish: Action, done: &str) -> Response {
    let Ok(parsed) = id.parse::<AlertId>() else { return no_such_alert(who, headers) };
    let outcome = act(app, parsed, &who, &wish).await;
    if part(headers) == Some("deed") {
        return told(outcome);
    }
    let (status, wrong) = match outcome {
        Outcome::Done(_) => return Redirect::to(&format!("/a/{parsed}?said={done}")).into_response(),
        Outcome::Recording => {
            app.slow.note(&who.name, app.parts.clock.elapsed());
            return Redirect::to(&format!("/a/{parsed}?said=recording")).into_response();
        }
        Outcome::Refused(why) => (StatusCode::CONFLICT, why),
        Outcome::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, why.to_owned()),
    };
    show(app, who, id, headers, status, Aftermath { wrong: Some(wrong), ..Aftermath::default() }).await
}

/// Tells a page that is open what became of a deed.
fn told(outcome: Outcome) -> Response {
    let (status, error) = match outcome {
        Outcome::Done(_) => return Json(json!({})).into_response(),
        Outcome::Recording => return (StatusCode::ACCEPTED, Json(json!({}))).into_response(),
        Outcome::Refused(why) => (StatusCode::CONFLICT, why),
        Outcome::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, why.to_owned()),
    };
    (status, Json(json!({ "error": error }))).into_response()
}

/// What the other forms send.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Said {
    #[serde(default)]
    text: String,
    #[serde(default)]
    seen: String,
}

/// `POST /a/{id}/note`.
pub(in crate::dashboard) async fn note(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Said { text, .. }): Form<Said>,
) -> Response {
    match (Action::Note { text }).checked() {
        Ok(note) => wish(&app, who, &id, &headers, note, "noted").await,
        Err(says) => refused(&app, who, &id, &headers, says).await,
    }
}

/// `POST /a/{id}/reopen`.
pub(in crate::dashboard) async fn reopen(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Said { text, .. }): Form<Said>,
) -> Response {
    match (Action::Reopen { reason: text }).checked() {
        Ok(reopen) => wish(&app, who, &id, &headers, reopen, "reopened").await,
        Err(says) => refused(&app, who, &id, &headers, says).await,
    }
}

/// `POST /a/{id}/assign`: to somebody, or to nobody where nobody is named.
pub(in crate::dashboard) async fn assign(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Said { text, seen }): Form<Said>,
) -> Response {
    let wished = if text.trim().is_empty() { Ok(Action::Unassign) } else { (Action::Assign { to: text }).checked() };
    match wished {
        Ok(assign) => take(&app, who, &id, &headers, assign, ("assigned", &seen)).await,
        Err(says) => refused(&app, who, &id, &headers, says).await,
    }
}

/// Shows the alert again, with what was wrong with a form.
async fn refused(app: &App, who: Identity, id: &str, headers: &HeaderMap, says: String) -> Response {
    let aftermath = Aftermath { wrong: Some(says), ..Aftermath::default() };
    show(app, who, id, headers, StatusCode::BAD_REQUEST, aftermath).await
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, NOW};
    use super::*;

    #[test]
    fn whoever_takes_an_alert_from_a_colleague_is_told_whose_it_is_and_since_when() {
        let mut alert = samples::alert();
        (alert.state, alert.assignee) = (AlertState::Acknowledged, Some("dana".into()));
        let line = ActivityLine {
            at: NOW,
            revision: 2,
            who: Some("dana".into()),
            did: "acknowledged".into(),
            says: String::new(),
            from: (Some("open"), None, None),
            to: ("acknowledged", Some("dana".into()), None),
        };
        let (other, says) = held(&alert, &[line], "erin", NOW).unwrap();
        assert_eq!(other, "dana");
        assert!(says.starts_with("dana has it since ") && says.ends_with(": press again to take it over."), "{says}");
        assert_eq!(held(&alert, &[], "dana", NOW), None, "it is hers");
        alert.state = AlertState::Closed;
        assert_eq!(held(&alert, &[], "erin", NOW), None, "nobody works on one that is closed");
    }

    #[test]
    fn deeds_of_people_are_told_with_what_became_of_the_alert() {
        let line = |who: Option<&str>, did: &str, from, to| ActivityLine {
            at: NOW,
            revision: 2,
            who: who.map(str::to_owned),
            did: did.into(),
            says: "we know it".into(),
            from: (Some(from), None, None),
            to: (to, who.map(str::to_owned), None),
        };
        let lines = [line(None, "opened", "open", "open"), line(Some("dana"), "acknowledged", "open", "acknowledged")];
        let told = deeds(&lines, NOW);
        assert_eq!(told.len(), 1, "what comes of itself is history");
        assert_eq!(told[0].became.as_deref(), Some("open → acknowledged, dana"));
    }
}
