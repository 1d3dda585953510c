//! `/`: what is going on, and if it is nothing, how sure is that?
//!
//! At most 50 alerts a page; the next page begins after the last one's time and id, so what
//! arrives meanwhile moves nothing. Whoever brings figures up to date alone names the header `gatewatch-part`:
//! then neither list nor facets are read, and for what was just seen not even the store.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::app::App;
use super::super::board::Board;
use super::super::door::Viewer;
use super::super::filter::Filter;
use super::ahead::{self, Ahead};
use super::facets::{Counted, Panel};
use super::hours::{self, Hours};
use super::pane::Pane;
use super::row::Row;
use super::strip::Strip;
use super::untold::{self, Held};
use super::views::Named;
use super::{Frame, part, render, store_problem};
use crate::access::Identity;
use crate::alerts::query::{NAMES, Wrong};
use crate::alerts::{Alert, AlertId, Level, Line, SharedNames, Term};
use crate::clock::Timestamp;
use crate::store::{Reader, StoreError, View};

const PAGE: usize = 50;

/// How many alerts of a level are not closed.
pub(super) struct LevelCount {
    pub(super) name: &'static str,
    pub(super) count: u64,
    /// Whether the view is of this level.
    pub(super) chosen: bool,
    /// The query string of the list of this level.
    address: String,
}

/// A word that is not understood: where it stands, and what is to be said, in parts that are code or not.
struct Misread {
    at: usize,
    word: String,
    says: Vec<(bool, String)>,
}

impl Misread {
    fn of(wrong: &Wrong) -> Self {
        let parts = wrong.says.split('`').enumerate().map(|(at, words)| (at % 2 == 1, words.to_owned()));
        Self { at: wrong.at, word: wrong.word.clone(), says: parts.collect() }
    }
}

/// A part of the question, and the query string of the list without it.
struct Chip {
    label: String,
    without: String,
}

/// Why there is no row, and what to do.
struct Empty {
    title: &'static str,
    says: String,
    /// An address and what is there.
    link: Option<(String, &'static str)>,
}

#[derive(Template)]
#[template(path = "now.html")]
struct Now {
    frame: Frame,
    strip: Strip,
    ahead: Ahead,
    levels: Vec<LevelCount>,
    hours: Hours,
    views: Vec<Named>,
    /// The question as the box shows it, what of it is not understood, and its parts.
    question: String,
    wrong: Vec<Misread>,
    chips: Vec<Chip>,
    names: &'static [&'static str],
    panel: Option<Panel>,
    rows: Vec<Row>,
    pane: Option<Pane>,
    /// The query string of this view from its first page on.
    address: String,
    first_page: bool,
    older: Option<String>,
    since: String,
    empty: Option<Empty>,
}

/// What the store says of a view.
#[derive(Default)]
struct Found {
    alerts: Vec<Alert>,
    open: Vec<(Level, u64)>,
    shared: SharedNames,
    opened: Vec<(Timestamp, Level)>,
    views: Vec<View>,
    counted: Option<Counted>,
    /// The alert beside the list, if one is asked for and kept.
    beside: Option<(Alert, Held)>,
}

impl Found {
    fn read(reader: &Reader, filter: &Filter, now: Timestamp, figures: bool) -> Result<Self, StoreError> {
        let since = Hours::since(now, filter.week);
        let (open, opened) = (reader.open_by_level()?, reader.opened_since(since, hours::MOST)?);
        if figures {
            return Ok(Self { open, opened, ..Self::default() });
        }
        Ok(Self {
            open,
            opened,
            alerts: reader.alerts(&filter.query(PAGE + 1))?,
            shared: reader.shared_names()?,
            views: reader.views()?,
            counted: Some(Counted::read(reader, filter)?),
            beside: filter.beside.map(|id| beside(reader, id)).transpose()?.flatten(),
        })
    }
}

/// Returns an alert, and what holds it back.
fn beside(reader: &Reader, id: AlertId) -> Result<Option<(Alert, Held)>, StoreError> {
    let Some(alert) = reader.alert(id)? else { return Ok(None) };
    let held = Held::read(reader, &alert)?;
    Ok(Some((alert, held)))
}

/// `GET /`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let now = app.parts.clock.now();
    if part(&headers) == Some("ahead") {
        return render(StatusCode::OK, &ahead::Alone { ahead: Ahead::of(&app.parts.board, now) });
    }
    let filter = Filter::of(&pairs, now, Some(&who.name));
    let figures = part(&headers) == Some("figures");
    // What happens from here on reaches the page as a change, even if the rows already show it.
    let (_, _, newest) = app.parts.changes.follow(None);
    let asked = filter.clone();
    match app.readers.read(move |reader| Found::read(reader, &asked, now, figures)).await {
        Ok(found) => {
            let frame = Frame::new("Alerts", "alerts", Some(who.clone()), &headers);
            let page = Now::of((frame, &who), &app.parts.board, now, &filter, found);
            render(StatusCode::OK, &Now { since: app.parts.changes.id(newest), ..page })
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

/// Returns what people call what an alert is about; whole, where its name is shared by another.
pub(super) fn sayable(alert: &Alert, shared: &SharedNames) -> String {
    let entity = &alert.entity;
    shared.whole(&entity.value).map_or_else(|| entity.sayable(), |name| format!("{} {name}", entity.kind))
}

impl Now {
    fn of((frame, who): (Frame, &Identity), board: &Board, now: Timestamp, filter: &Filter, mut found: Found) -> Self {
        let strip = Strip::of(board, now);
        let more = found.alerts.len() > PAGE;
        found.alerts.truncate(PAGE);
        let alerts = &found.alerts;
        let named = |alert: &Alert| sayable(alert, &found.shared);
        let untold = |alert, held| untold::reasons(alert, held, &board.telling(), now);
        let beside = found.beside.as_ref().map(|(alert, held)| (alert, named(alert), untold(alert, held)));
        let pane = filter.beside.map(|_| Pane::of(beside, filter, who, now));
        let chip = |term: &Term| Chip { label: term.to_string(), without: filter.without(term) };
        Self {
            frame,
            empty: alerts.is_empty().then(|| Empty::of(filter, &strip)),
            levels: levels(filter, &found.open),
            hours: Hours::of(&found.opened, filter, now),
            views: found.views.iter().map(|view| Named::of(view, filter, now)).collect(),
            question: filter.shown(),
            wrong: filter.wrong.iter().map(Misread::of).collect(),
            chips: filter.line.0.iter().map(chip).collect(),
            names: &NAMES,
            panel: found.counted.as_ref().map(|counted| Panel::of(counted, filter, &who.name)),
            older: alerts.last().filter(|_| more).map(|last| filter.older(last)),
            rows: alerts.iter().map(|alert| Row::of(alert, &named(alert), filter, now)).collect(),
            pane,
            address: filter.address(),
            first_page: filter.after.is_none(),
            since: String::new(),
            ahead: Ahead::of(board, now),
            strip,
        }
    }
}

fn levels(filter: &Filter, open: &[(Level, u64)]) -> Vec<LevelCount> {
    let count = |level: Level| -> u64 { open.iter().filter(|(of, _)| *of == level).map(|(_, count)| count).sum() };
    let all = Line(Vec::new());
    let one = |level: Level| {
        // The count is of all that are not closed, of this level alone; and so is the list.
        let line = Line(vec![Term::equal("level", level.name())]);
        let chosen = filter.line == line;
        let address = filter.address_of(if chosen { &all } else { &line });
        LevelCount { name: level.name(), count: count(level), chosen, address }
    };
    Level::ALL.into_iter().rev().map(one).collect()
}

impl Empty {
    fn of(filter: &Filter, strip: &Strip) -> Self {
        if filter.after.is_some() {
            return Self {
                title: "No older alerts",
                says: "This is the end of the list.".into(),
                link: Some((format!("/?{}", filter.address()), "Back to the newest")),
            };
        }
        if !filter.wrong.is_empty() && !filter.narrows() {
            return Self {
                title: "Not understood",
                says: "What is said above is not understood; of what is left, no alert is open.".into(),
                link: Some(("/".into(), "Ask for nothing")),
            };
        }
        if filter.narrows() {
            let (among, link) = if filter.line.asks_by("state") {
                ("", ("/".to_owned(), "Ask for nothing"))
            } else {
                let all = format!("/?{}", filter.with(Term::new("state", "all")));
                (", among those that are not closed", (all, "Look among the closed ones too"))
            };
            return Self {
                title: "No alert matches",
                says: format!("There is none that all of this holds for{among}."),
                link: Some(link),
            };
        }
        if strip.records == 0 {
            return Self {
                title: "No telemetry yet",
                says: "Not one record has arrived, so there is nothing to judge: this is not an all-clear.".into(),
                link: Some(("/pipeline".into(), "See what the sources say")),
            };
        }
        if !strip.complaints.is_empty() {
            return Self {
                title: "No open alerts, but not all is well",
                says: "What is said above limits what can be seen or told: this is not an all-clear.".into(),
                link: Some(("/pipeline".into(), "See the pipeline")),
            };
        }
        let newest =
            strip.newest.as_ref().map_or_else(String::new, |when| format!(" The newest event came {}.", when.ago));
        Self {
            title: "No open alerts",
            says: format!("{} detectors watch, and all sources are read.{newest}", strip.detectors),
            link: Some(("/?q=state:closed".into(), "See closed alerts")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shown(board: &Board, filter: &Filter, alerts: Vec<Alert>) -> String {
        let who = Identity::local();
        let frame = Frame::new("Alerts", "alerts", Some(who.clone()), &HeaderMap::new());
        let open = vec![(Level::High, 2), (Level::Critical, 1)];
        let found = Found { alerts, open, ..Found::default() };
        Now::of((frame, &who), board, samples::NOW, filter, found).render().unwrap()
    }

    #[test]
    fn an_empty_page_says_why_it_is_empty() {
        let none = Vec::new;
        let filter = Filter::default();
        assert!(shown(&Board::default(), &filter, none()).contains("No telemetry yet"));
        assert!(shown(&samples::board(), &filter, none()).contains("but not all is well"));
        assert!(shown(&samples::calm_board(), &filter, none()).contains("14 detectors watch"));
        let asked = |line: &str| Filter::of(&[("q".into(), line.into())], samples::NOW, None);
        let html = shown(&samples::calm_board(), &asked("level:high"), none());
        assert!(html.contains("No alert matches") && html.contains("state:all"), "{html}");
        let html = shown(&samples::calm_board(), &asked("state:closed lvl:high"), none());
        assert!(
            html.contains("No alert matches") && html.contains("<code>lvl</code> is nothing to ask alerts by"),
            "{html}"
        );
        assert!(shown(&samples::calm_board(), &asked("lvl:high"), none()).contains("Not understood"));
    }

    #[test]
    fn a_level_s_number_is_that_of_the_list_it_opens() {
        let html = shown(&samples::board(), &Filter::default(), vec![samples::alert()]);
        let chip = "<a class=\"level-high\" href=\"/?q=level%3Dhigh\" title=\"Only high\">";
        assert!(html.contains(chip) && html.contains("<b>2</b> high"), "{html}");
        let asked = |line: &str| Filter::of(&[("q".into(), line.into())], samples::NOW, None);
        assert!(
            shown(&samples::board(), &asked("app:pay state:closed"), Vec::new()).contains(chip),
            "it counts all that are not closed"
        );
        let chosen = shown(&samples::board(), &asked("level=high"), Vec::new());
        assert!(chosen.contains("<a class=\"level-high\" href=\"/?\" aria-current=\"true\""), "{chosen}");
    }

    #[test]
    fn an_event_that_several_detectors_matched_is_said_to_count_for_each() {
        let alone = shown(&samples::board(), &Filter::default(), vec![samples::alert()]);
        assert!(alone.contains("<span class=\"unit\"> events</span>"), "{alone}");
        let seen = Alert { members: samples::members(), ..samples::alert() };
        let many = seen.also().len() + 1;
        let html = shown(&samples::board(), &Filter::default(), vec![seen]);
        assert!(html.contains(&format!("<span class=\"sub by\"> matches by {many} detectors</span>")), "{html}");
    }

    #[test]
    fn each_part_of_the_question_and_each_value_of_a_row_is_a_link() {
        let filter = Filter::of(&[("q".into(), "level>=low -app:pay".into())], samples::NOW, None);
        let html = shown(&samples::board(), &filter, vec![samples::alert()]);
        for part in [
            "value=\"level&#62;=low -app:pay\"",
            "href=\"/?q=-app:pay\"",
            "href=\"/?q=level%3E%3Dlow%20app:fn-orders\"",
            "href=\"/?q=level%3E%3Dlow%20-app:pay%20-family:key-usage\"",
            "&#38;alert=3f9a001122334455\"",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
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
            family: crate::alerts::Family::KeyUsage,
            entity: crate::alerts::Entity::new(crate::alerts::EntityKind::Ip, entity),
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
