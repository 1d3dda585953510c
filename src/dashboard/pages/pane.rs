//! What is said of one alert beside the list?
//!
//! The short form: why, how bad, how often and when, the first thing to do, and what can be done; the whole is
//! one link away. It is part of the page that the address names, and alone at `/a/{id}/pane`, so that
//! a list which is being read does not move.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::door::Viewer;
use super::super::filter::Filter;
use super::super::words::{When, grouped};
use super::also::Also;
use super::pick::Pick;
use super::untold::{self, Held, Untold};
use super::{render, store_problem};
use crate::access::{Identity, Role};
use crate::alerts::{Alert, AlertId, AlertState};
use crate::clock::Timestamp;

/// What is shown of an alert beside the list.
#[derive(Template)]
#[template(path = "alert_pane.html")]
pub(super) struct Pane {
    of: Option<Shown>,
    /// The query string of the list alone.
    alone: String,
    may_act: bool,
    me: String,
}

struct Shown {
    id: String,
    title: String,
    state: AlertState,
    assignee: Option<String>,
    why: String,
    also: Option<String>,
    /// Why nobody, or not everybody, is told.
    untold: Vec<Untold>,
    step: Option<String>,
    opened: When,
    last: When,
    count: String,
    unit: String,
    level: &'static str,
    by_level: Pick,
    by_entity: Pick,
    of_what: Vec<Pick>,
    entity_page: String,
    silence: String,
}

impl Pane {
    /// `entity` is what people call what it is about; without an alert the pane says that there is none.
    pub(super) fn of(
        alert: Option<(&Alert, String, Vec<Untold>)>,
        filter: &Filter,
        who: &Identity,
        now: Timestamp,
    ) -> Self {
        let of = alert.map(|(alert, entity, untold)| Shown {
            id: alert.id.to_string(),
            title: alert.title.to_string(),
            state: alert.state,
            assignee: alert.assignee.clone(),
            why: alert.why.clone(),
            also: Also::in_short(alert),
            untold,
            step: first_step(&alert.triage),
            opened: When::new(alert.opened_at, now),
            last: When::new(alert.last_seen, now),
            count: grouped(alert.count),
            unit: Also::unit(alert),
            level: alert.level.name(),
            by_level: Pick::level(filter, alert),
            by_entity: Pick::entity(filter, alert, &entity),
            of_what: Pick::of_what(filter, alert),
            entity_page: super::entity::address(alert.entity.kind, &alert.entity.value),
            silence: super::silences::address(alert),
        });
        Self { of, alone: filter.alone(), may_act: who.role.may(Role::Operator), me: who.name.clone() }
    }
}

impl Shown {
    fn open(&self) -> bool {
        self.state == AlertState::Open
    }

    fn closed(&self) -> bool {
        self.state == AlertState::Closed
    }

    fn is_of(&self, who: &str) -> bool {
        self.assignee.as_deref() == Some(who)
    }
}

/// Returns the first step of what to do, without its number.
fn first_step(triage: &str) -> Option<String> {
    let line = triage.lines().map(str::trim).find(|line| !line.is_empty())?;
    let step = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let step = step.strip_prefix(". ").filter(|_| step.len() < line.len()).unwrap_or(line);
    Some(step.replace('`', ""))
}

/// `GET /a/{id}/pane`: the pane alone; the rest of the address is that of the list.
pub(in crate::dashboard) async fn alone(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let now = app.parts.clock.now();
    let filter = Filter::of(&pairs, now, Some(&who.name));
    let Ok(id) = id.parse::<AlertId>() else {
        return render(StatusCode::NOT_FOUND, &Pane::of(None, &filter, &who, now));
    };
    let read = app.readers.read(move |reader| {
        let Some(alert) = reader.alert(id)? else { return Ok(None) };
        let held = Held::read(reader, &alert)?;
        Ok(Some((alert, held, reader.shared_names()?)))
    });
    match read.await {
        Ok(Some((alert, held, shared))) => {
            let entity = super::now::sayable(&alert, &shared);
            let untold = untold::reasons(&alert, &held, &app.parts.board.telling(), now);
            render(StatusCode::OK, &Pane::of(Some((&alert, entity, untold)), &filter, &who, now))
        }
        Ok(None) => render(StatusCode::NOT_FOUND, &Pane::of(None, &filter, &who, now)),
        Err(error) => store_problem(&error, who, &headers),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shown(alert: &Alert, role: Role) -> String {
        let who = Identity { role, ..Identity::local() };
        Pane::of(Some((alert, "key x".into(), Vec::new())), &Filter::default(), &who, samples::NOW).render().unwrap()
    }

    #[test]
    fn the_pane_says_why_how_often_and_what_to_do_first_and_offers_what_its_reader_may_do() {
        let html = shown(&samples::alert(), Role::Operator);
        for part in
            ["went to 21 addresses", "1,234", "Who owns the key, and do", "/acknowledge", "/close", "/silences?"]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("revoke it"), "the second step stands on the alert's own page");
        assert!(!shown(&samples::alert(), Role::Viewer).contains("/acknowledge"));
        let mut closed = samples::alert();
        closed.state = AlertState::Closed;
        assert!(!shown(&closed, Role::Operator).contains("/close"));
    }

    #[test]
    fn an_alert_that_is_no_longer_kept_is_said_to_be_gone() {
        let html = Pane::of(None, &Filter::default(), &Identity::local(), samples::NOW).render().unwrap();
        assert!(html.contains("no alert with this id"), "{html}");
    }

    #[test]
    fn the_first_step_loses_its_number_and_nothing_else() {
        assert_eq!(first_step("\n 1. Run `x`.\n2. Then"), Some("Run x.".into()));
        assert_eq!(first_step("10 keys. Look"), Some("10 keys. Look".into()));
        assert_eq!(first_step(" \n"), None);
    }
}
