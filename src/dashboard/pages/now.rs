//! `/`: what is going on, and if it is nothing, how sure is that?
//!
//! At most 50 alerts a page; the next page begins after the last one's time and id, so what
//! arrives meanwhile moves nothing.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::board::Board;
use super::super::door::Viewer;
use super::super::filter::{Filter, STATES};
use super::super::words::{When, grouped};
use super::ahead::Ahead;
use super::also::Also;
use super::hours::{self, Hours};
use super::strip::Strip;
use super::{Frame, render, store_problem};
use crate::alerts::{Alert, Entity, Family, Level};
use crate::clock::Timestamp;

const PAGE: usize = 50;
/// Apps offered to choose from.
const MAX_APPS: usize = 200;

/// One alert in the table.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) level: &'static str,
    pub(super) title: String,
    pub(super) why: String,
    /// Who else has seen it.
    pub(super) also: Option<String>,
    pub(super) entity: String,
    pub(super) app: Option<String>,
    pub(super) family: &'static str,
    pub(super) last: When,
    pub(super) count: String,
    pub(super) state: &'static str,
    pub(super) assignee: Option<String>,
}

impl Row {
    pub(super) fn of(alert: &Alert, now: Timestamp) -> Self {
        Self {
            id: alert.id.to_string(),
            level: alert.level.name(),
            title: alert.title.to_string(),
            why: alert.why.clone(),
            also: Also::in_short(alert),
            entity: alert.entity.sayable(),
            app: alert.app.as_deref().map(str::to_owned),
            family: alert.family.name(),
            last: When::new(alert.last_seen, now),
            count: grouped(alert.count),
            state: alert.state.name(),
            assignee: alert.assignee.clone(),
        }
    }
}

/// How many alerts of a level are not closed.
pub(super) struct LevelCount {
    pub(super) name: &'static str,
    pub(super) count: u64,
    /// Whether this level is the one the view begins at.
    pub(super) chosen: bool,
}

/// One choice of a list in the filter form.
struct Choice {
    value: &'static str,
    label: &'static str,
    chosen: bool,
}

/// Why there is no row, and what to do.
struct Empty {
    title: &'static str,
    says: String,
    /// An address and what is there.
    link: Option<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    frame: Frame,
    strip: Strip,
    ahead: Ahead,
    levels: Vec<LevelCount>,
    hours: Option<Hours>,
    rows: Vec<Row>,
    states: Vec<Choice>,
    at_least: Vec<Choice>,
    families: Vec<Choice>,
    apps: Vec<String>,
    app: String,
    text: String,
    narrows: bool,
    /// The query string of this view from its first page on.
    address: String,
    first_page: bool,
    older: Option<String>,
    since: String,
    empty: Option<Empty>,
}

/// `GET /`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let filter = Filter::of(&pairs);
    // What happens from here on reaches the page as a change, even if the rows already show it.
    let (_, _, newest) = app.parts.changes.follow(None);
    let query = filter.query(PAGE + 1);
    let since = Hours::since(app.parts.clock.now());
    let read = app.readers.read(move |reader| {
        let opened = reader.opened_since(since, hours::MOST)?;
        Ok((reader.alerts(&query)?, reader.open_by_level()?, reader.shared_names()?, opened))
    });
    match read.await {
        Ok((alerts, open, shared, opened)) => {
            let frame = Frame::new("Alerts", "alerts", Some(who), &headers);
            let now = app.parts.clock.now();
            let entities: Vec<Entity> = alerts.iter().map(|alert| alert.entity.clone()).collect();
            let mut page = Now::of(frame, &app.parts.board, now, &filter, alerts, &open);
            for (row, entity) in page.rows.iter_mut().zip(&entities) {
                if let Some(name) = shared.whole(&entity.value) {
                    row.entity = format!("{} {name}", entity.kind);
                }
            }
            page.hours = Hours::of(&opened, now);
            render(StatusCode::OK, &Now { since: app.parts.changes.id(newest), ..page })
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

impl Now {
    fn of(
        frame: Frame,
        board: &Board,
        now: Timestamp,
        filter: &Filter,
        mut alerts: Vec<Alert>,
        open: &[(Level, u64)],
    ) -> Self {
        let strip = Strip::of(board, now);
        let more = alerts.len() > PAGE;
        alerts.truncate(PAGE);
        let mut apps: Vec<String> = super::super::coverage::apps(board).take(MAX_APPS).collect();
        apps.sort();
        let count = |level| open.iter().filter(|(of, _)| *of == level).map(|(_, count)| count).sum();
        let chosen = |level| filter.at_least == Some(level);
        Self {
            frame,
            empty: alerts.is_empty().then(|| Empty::of(filter, &strip)),
            levels: Level::ALL
                .into_iter()
                .rev()
                .map(|level| LevelCount { name: level.name(), count: count(level), chosen: chosen(level) })
                .collect(),
            older: alerts.last().filter(|_| more).map(|last| filter.older(last)),
            rows: alerts.iter().map(|alert| Row::of(alert, now)).collect(),
            states: STATES
                .iter()
                .enumerate()
                .map(|(at, &(value, label, _))| Choice { value, label, chosen: at == filter.state })
                .collect(),
            at_least: choices("Any level", Level::ALL.into_iter().rev().map(|level| (level.name(), chosen(level)))),
            families: choices(
                "Any family",
                Family::ALL.map(|one| (one.name(), filter.family == Some(one))).into_iter(),
            ),
            apps,
            app: filter.app.clone().unwrap_or_default(),
            text: filter.text.clone().unwrap_or_default(),
            narrows: filter.narrows(),
            address: filter.address(),
            first_page: filter.after.is_none(),
            hours: None,
            since: String::new(),
            ahead: Ahead::of(board, now),
            strip,
        }
    }
}

fn choices(any: &'static str, of: impl Iterator<Item = (&'static str, bool)>) -> Vec<Choice> {
    std::iter::once(Choice { value: "", label: any, chosen: false })
        .chain(of.map(|(name, chosen)| Choice { value: name, label: name, chosen }))
        .collect()
}

impl Empty {
    fn of(filter: &Filter, strip: &Strip) -> Self {
        if filter.after.is_some() {
            return Self {
                title: "No older alerts",
                says: "This is the end of the list.".into(),
                link: Some(("/", "Back to the newest")),
            };
        }
        if filter.narrows() {
            return Self {
                title: "No alert matches",
                says: "There is none with this state, level, family, app and text.".into(),
                link: Some(("/", "Clear the filter")),
            };
        }
        if strip.records == 0 {
            return Self {
                title: "No telemetry yet",
                says: "Not one record has arrived, so there is nothing to judge: this is not an all-clear.".into(),
                link: Some(("/pipeline", "See what the sources say")),
            };
        }
        if !strip.complaints.is_empty() {
            return Self {
                title: "No open alerts, but not all is well",
                says: "What is said above limits what can be seen or told: this is not an all-clear.".into(),
                link: Some(("/pipeline", "See the pipeline")),
            };
        }
        let newest =
            strip.newest.as_ref().map_or_else(String::new, |when| format!(" The newest event came {}.", when.ago));
        Self {
            title: "No open alerts",
            says: format!("{} detectors watch, and all sources are read.{newest}", strip.detectors),
            link: Some(("/?state=closed", "See closed alerts")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shown(board: &Board, filter: &Filter, alerts: Vec<Alert>) -> String {
        let frame = Frame::new("Alerts", "alerts", Some(crate::access::Identity::local()), &HeaderMap::new());
        let open = [(Level::High, 2), (Level::Critical, 1)];
        Now::of(frame, board, samples::NOW, filter, alerts, &open).render().unwrap()
    }

    #[test]
    fn an_empty_page_says_why_it_is_empty() {
        let none = Vec::new;
        let filter = Filter::default();
        assert!(shown(&Board::default(), &filter, none()).contains("No telemetry yet"));
        assert!(shown(&samples::board(), &filter, none()).contains("but not all is well"));
        assert!(shown(&samples::calm_board(), &filter, none()).contains("14 detectors watch"));
        let narrow = Filter { at_least: Some(Level::High), ..Filter::default() };
        assert!(shown(&samples::calm_board(), &narrow, none()).contains("No alert matches"));
    }

    #[test]
    fn what_attackers_wrote_is_text_and_never_markup() {
        let mut hostile = samples::alert();
        hostile.title = "<script>alert(1)</script>\u{202e}".into();
        hostile.why = "\"><img src=x onerror=alert(1)>\u{1b}[2J".into();
        hostile.app = Some("fn'\"<i>".into());
        let html = shown(&samples::board(), &Filter::default(), vec![hostile]);
        assert!(!html.contains("<script>alert"), "{html}");
        assert!(!html.contains("<img src=x"), "{html}");
        assert!(!html.contains("<i>"), "{html}");
        assert!(!html.contains('\u{202e}') && !html.contains('\u{1b}'), "{html}");
        assert!(html.contains("⟨U+202E⟩"));
    }

    #[test]
    fn what_was_just_seen_is_shown_before_its_alert_opens() {
        let board = samples::calm_board();
        assert!(!shown(&board, &Filter::default(), Vec::new()).contains("Just seen <"));
        let alert = samples::alert();
        let seen = |entity: &str| crate::dashboard::AheadSeen {
            detector: alert.detector.clone(),
            title: "An admin endpoint answered".into(),
            level: Level::High,
            family: Family::KeyUsage,
            entity: Entity::new(crate::alerts::EntityKind::Ip, entity),
            app: Some("shop<i>".into()),
            at: samples::NOW,
        };
        board.ahead.send_replace((1..=5).map(|n| seen(&format!("203.0.113.{n}"))).collect());
        let html = shown(&board, &Filter::default(), Vec::new());
        assert!(html.contains("ip 203.0.113.3 · shop&#60;i&#62; · "), "{html}");
        assert!(!html.contains("203.0.113.4") && html.contains("and 2 more"), "{html}");
    }

    #[test]
    fn a_full_page_links_to_the_next_one() {
        let alerts: Vec<Alert> = (0..=PAGE).map(|_| samples::alert()).collect();
        let html = shown(&samples::board(), &Filter::default(), alerts);
        assert!(html.contains("/?after="));
        assert_eq!(html.matches("<tr data-alert").count(), PAGE);
    }
}
