//! How does a program silence alerts, and what does it cost?
//!
//! A silence is made after looking: the answer to a preview says what it would have hidden in the
//! last 30 days and how many of those were true positives. At most 1,000 silences are listed.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::super::acting::Outcome;
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::super::silencing::{Looked, Refused, Wish, end, look, make};
use super::asked::plain;
use super::body::Sent;
use super::forms::{self, Became as Deeded, Ended, SilenceList, SilencePreview, SilenceState};
use super::problem::{Flaw, Named, Pairs, flawed, problem, undone, unreadable};
use crate::alerts::{Ending, LOOKS_BACK, Matcher, Silence, SilenceId};
use crate::clock::{Timestamp, duration};

/// Silences in one answer.
const MOST_LISTED: usize = 1_000;
/// Alerts that a preview names.
const SHOWN: usize = 20;

/// What `preview` takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SilenceLook)]
pub(in crate::dashboard) struct Look {
    /// What is meant.
    matcher: Matcher,
}

/// What making a silence takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SilenceWish)]
pub(in crate::dashboard) struct New {
    /// What is meant; without `at_most` nothing worse than the last 30 days had.
    matcher: Matcher,
    /// Why, in a few words.
    #[schema(pattern = r"\S", max_length = 1_000)]
    reason: String,
    /// When it begins; now, if it is left out.
    #[serde(default)]
    starts_at: Option<Timestamp>,
    /// When it ends, within 90 days; or `for`.
    #[serde(default)]
    ends_at: Option<Timestamp>,
    /// How long it lasts, such as `2h`; or `ends_at`.
    #[serde(default, rename = "for")]
    lasts: Option<String>,
}

/// Says what a silence would have hidden in the last 30 days; nothing is silenced.
#[utoipa::path(
    post,
    path = "/api/v1/silences/preview",
    tag = "silences",
    request_body = Look,
    responses(
        (status = 200, description = "What it would have hidden.", body = SilencePreview),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn preview(
    State(app): State<Arc<App>>,
    _: Viewer,
    Sent(Look { matcher }): Sent<Look>,
) -> Response {
    if !matcher.names_something() {
        let says = "Say what is silenced: name a detector, family, entity or app.";
        return flawed(vec![Flaw::at("/matcher", says)]);
    }
    if let Err(says) = matcher.check() {
        return problem(StatusCode::BAD_REQUEST, &says);
    }
    match look(&app, &matcher).await {
        Ok(looked) => Json(told(&looked)).into_response(),
        Err(error) => unreadable(&error),
    }
}

fn told(looked: &Looked) -> SilencePreview {
    let Looked { preview, complete, at_most } = looked;
    let ids = |ids: &[crate::alerts::AlertId]| ids.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>();
    SilencePreview {
        days: LOOKS_BACK.as_secs() / 86_400,
        complete: *complete,
        hidden: preview.hidden.len(),
        hidden_sample: ids(&preview.hidden),
        true_positives: preview.true_positives,
        otherwise_judged: preview.otherwise_judged,
        worst: preview.worst,
        at_most: *at_most,
        would_trip: preview.would_trip.len(),
        would_trip_sample: ids(&preview.would_trip),
        most_in_a_day: preview.usual.a_day,
    }
}

/// Silences alerts for a while, and says what that would have hidden.
#[utoipa::path(
    post,
    path = "/api/v1/silences",
    tag = "silences",
    request_body = New,
    responses(
        (
            status = 201, description = "The silence.", body = forms::Silence,
            links(("expire" = (operation_id = "post_silences_id_expire", parameters(("id" = "$response.body#/id")))))
        ),
        (status = 202, description = "It was accepted and is being recorded.", body = forms::Silence),
        (status = 409, description = "As many silences stand as may stand at once."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn add(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Sent(new): Sent<New>,
) -> Response {
    let refuse = |says: &str| flawed(vec![Flaw::at("", says)]);
    let now = app.parts.clock.now();
    let starts_at = new.starts_at.unwrap_or(now).max(now);
    let lasts = new.lasts.as_deref().map(|text| duration::parse(text).map(|lasts| starts_at.plus(lasts)));
    let ((Some(ends_at), None) | (None, Some(Some(ends_at)))) = (new.ends_at, lasts) else {
        return refuse("Say until when: `\"for\": \"2h\"` (a whole number and m, h or d), or `\"ends_at\"` alone.");
    };
    let wish = Wish { matcher: new.matcher, reason: new.reason, starts_at, ends_at };
    match make(&app, who, wish).await {
        Ok((silence, looked, outcome)) => {
            let mut says = shown(&silence, 0, silence.made_at);
            says.preview = Some(told(&looked));
            let status = if outcome == Outcome::Recording { StatusCode::ACCEPTED } else { StatusCode::CREATED };
            (status, Json(says)).into_response()
        }
        Err(Refused::Wish(wrong)) => flawed(wrong.into_iter().map(|says| Flaw::at("", says)).collect()),
        Err(Refused::Unread(error)) => unreadable(&error),
        Err(Refused::Undone(outcome)) => {
            undone(&outcome).unwrap_or_else(|| problem(StatusCode::SERVICE_UNAVAILABLE, "Try again in a few seconds."))
        }
    }
}

/// Which silences are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(in crate::dashboard) struct Which {
    /// Those that ended within the last 90 days as well.
    #[param(default = false)]
    all: Option<bool>,
}

/// Lists the silences that have not ended.
#[utoipa::path(
    get,
    path = "/api/v1/silences",
    tag = "silences",
    params(Which),
    responses(
        (status = 200, description = "The silences, at most 1,000.", body = SilenceList),
        (status = 400, description = "A parameter is not understood."),
        (status = 503, description = "The store can't be read now."),
    )
)]
pub(in crate::dashboard) async fn list(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let mut all = false;
    let asked = plain(&pairs, &["all"], |name, value| {
        all = value.parse().map_err(|_| format!("`{name}` is `true` or `false`."))?;
        Ok(())
    });
    if let Err(answer) = asked {
        return answer;
    }
    let now = app.parts.clock.now();
    match app.readers.read(move |reader| reader.silences(all, MOST_LISTED)).await {
        Ok(found) => {
            let silences = found.iter().map(|(silence, hidden)| shown(silence, *hidden, now)).collect();
            Json(SilenceList { silences }).into_response()
        }
        Err(error) => unreadable(&error),
    }
}

fn shown(silence: &Silence, hidden: u64, now: Timestamp) -> forms::Silence {
    let (state, ended) = match &silence.ended {
        Some((_, Ending::Expired)) => (SilenceState::Expired, Some(Ended::Expired)),
        Some((_, Ending::ByPerson { by })) => (SilenceState::Ended, Some(Ended::ByPerson { by: by.clone() })),
        Some((_, Ending::Tripped { alert, why })) => {
            (SilenceState::Tripped, Some(Ended::Tripped { alert: alert.to_string(), why: why.clone() }))
        }
        None if silence.starts_at > now => (SilenceState::Planned, None),
        None => (SilenceState::Active, None),
    };
    forms::Silence {
        id: silence.id.to_string(),
        state,
        matcher: silence.matcher.clone(),
        by: silence.by.clone(),
        reason: silence.reason.clone(),
        made_at: silence.made_at,
        starts_at: silence.starts_at,
        ends_at: silence.ends_at,
        hidden,
        most_in_a_day: silence.usual.a_day,
        ended_at: silence.ended.as_ref().map(|(at, _)| *at),
        ended,
        preview: None,
    }
}

/// Ends a silence now.
#[utoipa::path(
    post,
    path = "/api/v1/silences/{id}/expire",
    tag = "silences",
    params(("id" = String, Path, description = "The silence's id.")),
    responses(
        (status = 200, description = "It has ended.", body = Deeded),
        (status = 202, description = "It was accepted and is being recorded.", body = Deeded),
        (status = 404, description = "There is no such silence, or it is over."),
        (status = 503, description = "The daemon can't take it now."),
    )
)]
pub(in crate::dashboard) async fn expire(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Named(id): Named,
) -> Response {
    let Ok(number) = u64::from_str_radix(&id, 16) else {
        return problem(StatusCode::NOT_FOUND, "there is no such silence: `GET /api/v1/silences` lists them");
    };
    let outcome = end(&app, who, SilenceId(number)).await;
    match (&outcome, undone(&outcome)) {
        (Outcome::Refused(why), Some(_)) => problem(StatusCode::NOT_FOUND, why),
        (_, Some(refused)) => refused,
        (Outcome::Recording, None) => (StatusCode::ACCEPTED, Json(Deeded::of(id, false))).into_response(),
        (_, None) => Json(Deeded::of(id, true)).into_response(),
    }
}
