//! How does a program change many alerts, and take that back?
//!
//! First it asks what would be changed: the answer has the count and a token, which stands for
//! exactly those alerts as they are now. With the token it is done: alerts that came since are left
//! out and counted, alerts that changed since are left and named. The last 16 counts are kept, for
//! a quarter of an hour, each for the person who asked.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::acting::{Outcome, send};
use super::super::app::App;
use super::super::door::Operator;
use super::body::Sent;
use super::forms::{AlertBrief, BulkAnswer, BulkCount, BulkDone, LeftAlone};
use super::problem::{Flaw, Named, flawed, problem, undone, unreadable};
use crate::alerts::{Action, Alert, AlertId, Bulk, Deed, Done, MOST_ALERTS, Query, Standing, Undo};
use crate::clock::Timestamp;
use crate::store::AlertQuery;

const KEPT: usize = 16;
const LIFE: Duration = Duration::from_mins(15);
/// Alerts that a count shows, and that were left, in an answer.
const SHOWN: usize = 20;
const WANTED: &str = "{\"query\": \"state:open app:…\", \"action\": {\"do\": \"close\", \"class\": \"benign\", \"reason\": \"…\"}, \"dry_run\": true}";

/// What was counted, so that exactly that is changed.
#[derive(Clone, Debug)]
struct Counted {
    token: u64,
    by: String,
    at: Timestamp,
    query: String,
    action: Action,
    targets: Vec<(AlertId, Standing)>,
}

/// The counts of the last quarter of an hour; the lock is held to put in or take out one.
#[derive(Debug, Default)]
pub(in crate::dashboard) struct Counts {
    kept: Mutex<(u64, VecDeque<Counted>)>,
}

impl Counts {
    /// Returns a number that names no other change, and that is no token either unless it is kept as one.
    fn draw(&self, at: Timestamp) -> u64 {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.0 += 1;
        // The moment makes it another one than any of an earlier run.
        at.nanos().unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ kept.0
    }

    fn keep(&self, counted: Counted) -> u64 {
        let token = self.draw(counted.at);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.push_back(Counted { token, ..counted });
        while kept.1.len() > KEPT {
            kept.1.pop_front();
        }
        token
    }

    fn take(&self, token: u64, by: &str, now: Timestamp) -> Option<Counted> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.1.retain(|counted| counted.at.plus(LIFE) >= now);
        let at = kept.1.iter().position(|counted| counted.token == token && counted.by == by)?;
        kept.1.remove(at)
    }
}

/// What `bulk` takes: a question and an action, or the token of a count alone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkWish)]
pub(in crate::dashboard) struct Wanted {
    /// A question about alerts, such as `state:open app:fn-orders`.
    query: Option<String>,
    /// What is to be done with what it finds.
    action: Option<Action>,
    /// Only count, and give a token for exactly those.
    #[serde(default)]
    dry_run: bool,
    /// Without a count before: how many there must be.
    expected_count: Option<usize>,
    /// The token of a count: do what was counted.
    token: Option<String>,
}

/// Changes many alerts at once: counts first, then does exactly what was counted.
///
/// Send a question and an action with `"dry_run": true`; the answer has a count and a token. Send `{"token": "…"}` alone
/// within 15 minutes, and exactly those alerts change that have not changed since. With `expected_count` in place of
/// `dry_run` it takes one step, or none if the count differs. At most 10,000 alerts at a time.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/bulk",
    tag = "people",
    request_body = Wanted,
    responses(
        (
            status = 200, description = "The count, or what was done.", body = BulkAnswer,
            links(("undo" = (operation_id = "post_alerts_bulk_id_undo", parameters(("id" = "$response.body#/id")))))
        ),
        (status = 202, description = "It was accepted and is being recorded.", body = BulkDone),
        (status = 404, description = "The token stands for no count of yours."),
        (status = 409, description = "The count differs from what was expected: nothing is changed."),
        (status = 422, description = "The question finds more than 10,000 alerts."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn bulk(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Sent(wanted): Sent<Wanted>,
) -> Response {
    let done = match wanted {
        Wanted { token: Some(token), query: None, action: None, dry_run: false, expected_count: None } => {
            by_token(&app, &token, &who.name).await
        }
        Wanted { token: None, query: Some(query), action: Some(action), dry_run, expected_count } => {
            count(&app, &who.name, query, action, (dry_run, expected_count)).await
        }
        _ => Err(refuse(
            "",
            format!(
                "Send a question with an action, `{WANTED}`, or the token of such a count alone, `{{\"token\": \"…\"}}`."
            ),
        )),
    };
    done.unwrap_or_else(|answer| answer)
}

fn refuse(pointer: &str, says: impl Into<String>) -> Response {
    flawed(vec![Flaw::at(pointer, says)])
}

async fn count(
    app: &App,
    by: &str,
    query: String,
    action: Action,
    (dry_run, expected): (bool, Option<usize>),
) -> Result<Response, Response> {
    let now = app.parts.clock.now();
    let action = action.checked().map_err(|says| refuse("/action", says))?;
    let found = matching(app, &query, now).await?;
    let targets = found.iter().map(|alert| (alert.id, Standing::of(alert))).collect();
    let counted = Counted { token: 0, by: by.to_owned(), at: now, query, action, targets };
    if dry_run {
        let sample = found.iter().take(SHOWN).map(AlertBrief::of).collect();
        let token = format!("{:016x}", app.counts.keep(counted));
        let answer = BulkCount { count: found.len(), token, expires_at: now.plus(LIFE), sample };
        return Ok(Json(BulkAnswer::Count(answer)).into_response());
    }
    let Some(expected) = expected else {
        return Err(refuse(
            "",
            "Say how many alerts you expect, `\"expected_count\": 12`, or ask first with `\"dry_run\": true` and send \
             the token of the answer.",
        ));
    };
    if expected != found.len() {
        let says = format!(
            "the question finds {} alerts and {expected} were expected: nothing is changed. Look at them with \
             `\"dry_run\": true`",
            found.len()
        );
        return Err(problem(StatusCode::CONFLICT, &says));
    }
    let token = app.counts.draw(now);
    Ok(execute(app, Counted { token, ..counted }, 0).await)
}

async fn by_token(app: &App, token: &str, by: &str) -> Result<Response, Response> {
    let now = app.parts.clock.now();
    let counted = u64::from_str_radix(token, 16).ok().and_then(|token| app.counts.take(token, by, now));
    let counted = counted.ok_or_else(|| {
        problem(
            StatusCode::NOT_FOUND,
            "this token stands for no count of yours: each is good for one change within 15 minutes. Count anew with \
             `\"dry_run\": true`",
        )
    })?;
    let known: HashSet<AlertId> = counted.targets.iter().map(|(alert, _)| *alert).collect();
    let joined = match matching(app, &counted.query, now).await {
        Ok(found) => found.iter().filter(|alert| !known.contains(&alert.id)).count(),
        // More than may be changed at once match by now.
        Err(_) => MOST_ALERTS.saturating_sub(known.len()).max(1),
    };
    Ok(execute(app, counted, joined).await)
}

async fn execute(app: &App, counted: Counted, joined: usize) -> Response {
    let Counted { token: id, by, query, action, targets, .. } = counted;
    let at = app.parts.clock.now();
    let deed = Deed::Bulk(Box::new(Bulk { id, by, at, action, query, targets }));
    let outcome = send(app, deed).await;
    if let Some(refused) = undone(&outcome) {
        return refused;
    }
    told(id, Some(joined), &outcome)
}

fn told(id: u64, joined_since: Option<usize>, outcome: &Outcome) -> Response {
    let mut says = BulkDone { id: format!("{id:016x}"), joined_since, ..BulkDone::default() };
    let Outcome::Done(Done { changed, left, .. }) = outcome else {
        says.outcome = "accepted, being recorded";
        return (StatusCode::ACCEPTED, Json(BulkAnswer::Done(says))).into_response();
    };
    let named = |(alert, why): &(AlertId, String)| LeftAlone { id: alert.to_string(), why: why.clone() };
    says.outcome = "done";
    says.changed = Some(*changed);
    says.left = Some(left.len());
    says.left_sample = Some(left.iter().take(SHOWN).map(named).collect());
    Json(BulkAnswer::Done(says)).into_response()
}

/// Returns the alerts that a question finds.
async fn matching(app: &App, query: &str, now: Timestamp) -> Result<Vec<Alert>, Response> {
    let about = Query::parse(query, now)
        .map_err(|wrong| flawed(wrong.0.iter().map(|wrong| Flaw::at("/query", wrong.to_string())).collect()))?;
    let asked = AlertQuery { about, after: None, limit: MOST_ALERTS + 1 };
    let found =
        app.readers.read_whole(move |reader| reader.alerts(&asked)).await.map_err(|error| unreadable(&error))?;
    if found.len() > MOST_ALERTS {
        let says =
            format!("the question finds more than {MOST_ALERTS} alerts, as many as are changed at once: narrow it");
        return Err(problem(StatusCode::UNPROCESSABLE_ENTITY, &says));
    }
    Ok(found)
}

/// Takes a change of many alerts back, within 30 days.
///
/// Alerts that have changed since are left and named; notes stay.
#[utoipa::path(
    post,
    path = "/api/v1/alerts/bulk/{id}/undo",
    tag = "people",
    params(("id" = String, Path, description = "The change's id, as its answer had it.")),
    responses(
        (status = 200, description = "What was put back.", body = BulkDone),
        (status = 202, description = "It was accepted and is being recorded.", body = BulkDone),
        (status = 404, description = "There is no such change, or no longer."),
        (status = 409, description = "It was taken back already, or can't be."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn undo(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
) -> Response {
    let no_such =
        || problem(StatusCode::NOT_FOUND, "there is no such change of many alerts; it can be taken back for 30 days");
    let Ok(number) = u64::from_str_radix(&id, 16) else { return no_such() };
    let kept = match app.readers.read(move |reader| reader.bulk(number)).await {
        Ok(Some(kept)) => kept,
        Ok(None) => return no_such(),
        Err(error) => return unreadable(&error),
    };
    if let Some((by, at)) = kept.undone {
        return problem(StatusCode::CONFLICT, &format!("{by} has taken this back already, at {at}"));
    }
    if matches!(kept.done.action, Action::Note { .. }) {
        return problem(StatusCode::CONFLICT, "a note changes nothing that could be taken back: add another one");
    }
    let undo = Undo { of: kept.done, by: who.name, at: app.parts.clock.now() };
    let outcome = send(&app, Deed::Undo(Box::new(undo))).await;
    if let Some(refused) = undone(&outcome) {
        return refused;
    }
    told(number, None, &outcome)
}
