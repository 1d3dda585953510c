//! `/a/<id>`: why did it fire, about whom, and what should be done?
//!
//! The sentence that justifies it comes first, then what to do, then the evidence: five redacted
//! records of 2 KiB at most, and two more for each other detector that saw it. History and deliveries show their newest hundred.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

use super::super::app::App;
use super::super::board::DetectorSeen;
use super::super::door::Viewer;
use super::super::filter::Filter;
use super::super::offers::offered;
use super::super::words::{When, grouped, span};
use super::activity::{PersonsDeed, deeds};
use super::also::Also;
use super::copied::{self, Copied};
use super::offer::Offer;
use super::plot::Plot;
use super::prose::{Prose, prose, steps};
use super::record::{Record, none_shown, not_kept};
use super::related::{Related, elsewhere, in_words, related};
use super::source::Source;
use super::technique::Technique;
use super::untold::{self, Held, Untold};
use super::{Frame, problem, render, store_problem};
use crate::access::Identity;
use crate::alerts::{Alert, AlertId, AlertState, Class, Closing, Entity, Streams};
use crate::clock::Timestamp;
use crate::store::{ActivityLine, Change, Delivery};

/// Lines of history and deliveries shown.
const MAX_LINES: usize = 100;

/// Names under other keys that are shown.
const MAX_LINKS: usize = 4;

struct Thing {
    kind: &'static str,
    sayable: String,
    value: String,
    /// The query string of its page.
    address: String,
    /// How many other alerts there are of it, if any.
    more: Option<String>,
}

impl Thing {
    fn of(entity: &Entity) -> Self {
        let sayable = entity.sayable();
        let name = sayable.strip_prefix(entity.kind.name()).map_or(sayable.as_str(), str::trim_start).to_owned();
        let address = super::entity::address(entity.kind, &entity.value);
        Self { kind: entity.kind.name(), sayable: name, value: entity.value.to_string(), address, more: None }
    }

    fn named(&self) -> bool {
        self.sayable != self.value
    }
}

/// One line of history; the same thing over and over is one line, with the time of its last.
struct Line {
    when: When,
    since: u32,
    revision: u32,
    says: String,
}

struct Sent {
    sink: String,
    key: String,
    attempts: u32,
    due: When,
    outcome: String,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    frame: Frame,
    id: String,
    title: String,
    level: &'static str,
    state: AlertState,
    family: &'static str,
    detector: String,
    threat: String,
    why: String,
    /// What it measured, and what would have made it stay quiet.
    because: Option<(String, Vec<String>)>,
    thing: Thing,
    /// What it is called under the key before, or the one that is coming.
    linked: Vec<String>,
    others: Vec<Thing>,
    /// Its name, and the query string of all its alerts.
    app: Option<(String, String)>,
    owner: Option<String>,
    first: When,
    opened: When,
    last: When,
    lasted: String,
    count: String,
    /// What that is a count of.
    unit: String,
    late: bool,
    triage: Vec<Prose>,
    matters: Option<Prose>,
    false_alarms: Option<Prose>,
    assignee: Option<String>,
    closing: Option<String>,
    records: Vec<Record>,
    /// What is said where there is none, and where one has no text.
    bare: (&'static str, &'static str),
    /// What other detectors saw of it.
    also: Vec<Also>,
    attack_version: String,
    techniques: Vec<Technique>,
    /// What people did.
    deeds: Vec<PersonsDeed>,
    history: Vec<Line>,
    deliveries: Vec<Sent>,
    /// Why there is none, or not to all.
    untold: Vec<Untold>,
    /// What it measured, drawn.
    plot: Option<Plot>,
    /// Its detector's file, with what matched lit.
    source: Option<Source>,
    /// Other alerts about the same, or of the same app at that time.
    related: Vec<Related>,
    /// The address of its detector's page.
    detector_page: String,
    /// What is offered for a false alarm.
    offer: Option<Offer>,
    /// What became of what was just asked.
    said: Option<&'static str>,
    /// What went wrong with it.
    wrong: Option<String>,
    copies: Vec<Copied>,
    /// The query string that fills in the form of a silence.
    silence: String,
    /// The reason as it was typed, when it was not taken.
    reason: String,
    /// Who has it, for whoever takes it over.
    seen: String,
    since: String,
}

/// What came of a form, as it is shown on the page.
#[derive(Default)]
pub(super) struct Aftermath {
    /// What is said to be done, by an address that anybody may have made up.
    pub(super) said: Option<String>,
    pub(super) wrong: Option<String>,
    pub(super) reason: String,
    /// Who has it, for whoever takes it over.
    pub(super) seen: String,
}

/// `GET /a/{id}`; the first eight digits of an id, or more, lead to it as well.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let said = pairs.into_iter().find(|(name, _)| name == "said").map(|(_, said)| said);
    if (8..16).contains(&id.len()) {
        let beginning = id.clone();
        let found = app.readers.read(move |reader| reader.beginning_with(&beginning)).await.unwrap_or_default();
        if let [one] = found.as_slice() {
            return Redirect::to(&format!("/a/{one}")).into_response();
        }
        if found.len() > 1 {
            let says = "More than one alert begins with these digits: write more of them.".to_owned();
            return problem(StatusCode::NOT_FOUND, "Which alert?", says, Some(who), &headers);
        }
    }
    show(&app, who, &id, &headers, StatusCode::OK, Aftermath { said, ..Aftermath::default() }).await
}

/// Returns what is said of what `who` has just done, if it is the last that anybody did.
fn done(said: &str, who: &str, did: &[ActivityLine], waits: bool) -> Option<&'static str> {
    let last = did.iter().rev().find(|line| line.who.is_some());
    let is_last =
        |names: &[&str]| last.is_some_and(|line| line.who.as_deref() == Some(who) && names.contains(&&*line.did));
    match said {
        "recording" if waits => Some("Accepted, being recorded. It shows here in a moment."),
        "assigned" if is_last(&["assigned", "unassigned"]) => Some("Handed over."),
        said if !is_last(&[said]) => None,
        "acknowledged" => Some("Acknowledged: it is yours."),
        "closed" => Some("Closed."),
        "noted" => Some("Noted."),
        "reopened" => Some("Opened again."),
        _ => None,
    }
}

pub(super) fn no_such_alert(who: Identity, headers: &HeaderMap) -> Response {
    let says = "There is no alert with this id. It may be older than what is kept.".to_owned();
    problem(StatusCode::NOT_FOUND, "No such alert", says, Some(who), headers)
}

pub(super) async fn show(
    app: &App,
    who: Identity,
    id: &str,
    headers: &HeaderMap,
    status: StatusCode,
    aftermath: Aftermath,
) -> Response {
    let Ok(id) = id.parse::<AlertId>() else { return no_such_alert(who, headers) };
    let (_, _, newest) = app.parts.changes.follow(None);
    let (bench, now) = (app.parts.bench.clone(), app.parts.clock.now());
    let read = app.readers.read(move |reader| {
        let Some(alert) = reader.alert(id)? else { return Ok(None) };
        let lines = (reader.history(id)?, reader.deliveries(Some(id), MAX_LINES)?);
        let beside = (related(reader, &alert)?, reader.activity(id)?, elsewhere(reader, &alert, now)?);
        let links = reader.links(Some(&alert.entity.value), MAX_LINKS)?;
        let (lit, held) = (bench.light(&alert), Held::read(reader, &alert)?);
        Ok(Some((alert, lines, beside, lit, (reader.shared_names()?, links, held))))
    });
    match read.await {
        Ok(Some((alert, (history, deliveries), (others, did, counts), lit, (shared, links, held)))) => {
            let Aftermath { said, wrong, reason, seen } = aftermath;
            let said = said
                .and_then(|said| done(&said, &who.name, &did, app.slow.waits(&who.name, app.parts.clock.elapsed())));
            let is_false = alert.class() == Some(Class::FalsePositive);
            // Without it the page is as good as it was.
            let offer = if is_false { offered(app, id, &who).await.ok().flatten() } else { None };
            let frame = Frame::new(alert.title.to_string(), "alerts", Some(who), headers);
            let detector = app.parts.board.detectors.get(&*alert.detector).map(|detector| detector.clone());
            let file = detector.as_ref().and_then(|seen| seen.file.clone());
            let page = AlertPage::of(frame, &alert, detector, &app.parts.streams, now);
            let mut page = page.with_lines(&history, &deliveries, now);
            page.source = file.map(|file| Source::of(&file.path, &file.text, lit.as_ref()));
            page.related = others.iter().map(|one| Related::of(one, &alert, now)).collect();
            page.deeds = deeds(&did, now);
            page.untold = untold::reasons(&alert, &held, &app.parts.board.telling(), now);
            if page.untold.is_empty() && page.deliveries.is_empty() {
                page.untold.push(untold::unknown(!app.parts.board.sinks.is_empty()));
            }
            for thing in page.others.iter_mut().chain([&mut page.thing]) {
                thing.more = counts.get(thing.value.as_str()).and_then(|count| in_words(*count));
                thing.sayable = shared.whole(&thing.value).unwrap_or_else(|| std::mem::take(&mut thing.sayable));
            }
            let names = links.into_iter().flat_map(|link| [link.older, link.newer]);
            page.copies = copied::of(&alert, &app.base());
            page.linked = names.filter(|name| *name != page.thing.value).collect();
            render(
                status,
                &AlertPage {
                    offer: offer.map(Offer::from),
                    said,
                    wrong,
                    reason,
                    seen,
                    since: app.parts.changes.id(newest),
                    ..page
                },
            )
        }
        Ok(None) => no_such_alert(who, headers),
        Err(error) => store_problem(&error, who, headers),
    }
}

impl AlertPage {
    fn of(frame: Frame, alert: &Alert, detector: Option<DetectorSeen>, streams: &Streams, now: Timestamp) -> Self {
        let said = |text: String| (!text.trim().is_empty()).then(|| prose(text.trim()));
        let (why, false_alarms) = detector.map_or_else(Default::default, |seen| (seen.why, seen.false_alarms));
        Self {
            frame,
            id: alert.id.to_string(),
            title: alert.title.to_string(),
            level: alert.level.name(),
            state: alert.state,
            family: alert.family.name(),
            detector: alert.detector.to_string(),
            threat: alert.threat.to_string(),
            why: alert.why.clone(),
            because: alert.because.as_ref().map(|because| (because.says(), because.flips())),
            thing: Thing::of(&alert.entity),
            linked: Vec::new(),
            others: alert.entities.iter().filter(|other| **other != alert.entity).map(Thing::of).collect(),
            app: alert.app.as_deref().map(|app| (app.to_owned(), Filter::all_of(app).address())),
            first: When::new(alert.first_seen, now),
            opened: When::new(alert.opened_at, now),
            last: When::new(alert.last_seen, now),
            lasted: span(alert.last_seen.since(alert.first_seen)),
            count: grouped(alert.count),
            unit: Also::unit(alert),
            late: alert.late,
            triage: steps(&alert.triage).iter().map(|step| prose(step)).collect(),
            matters: said(why),
            false_alarms: said(false_alarms),
            assignee: alert.assignee.clone(),
            owner: alert.owner.as_deref().map(str::to_owned),
            closing: alert.closing.as_ref().map(|closing| match closing {
                Closing::Quiet => "It went quiet: no further event came.".to_owned(),
                Closing::Healed => "What had got weaker is as it should be again.".to_owned(),
                Closing::Gone => "What had got weaker is in no file any more.".to_owned(),
                Closing::Resumed => "What had fallen silent speaks again.".to_owned(),
                Closing::ByPerson { by, reason, class: Class::Undetermined } => format!("{by}: {reason}"),
                Closing::ByPerson { by, reason, class } => format!("{by}: {reason} ({})", class.name()),
            }),
            records: alert.all_evidence().into_iter().map(|one| Record::of(one, streams, now)).collect(),
            bare: (none_shown(alert), not_kept(alert)),
            also: Also::all_of(alert, now),
            attack_version: alert.attack.version.clone(),
            techniques: alert.attack.techniques.iter().map(|id| Technique::named(id)).collect(),
            deeds: Vec::new(),
            history: Vec::new(),
            deliveries: Vec::new(),
            untold: Vec::new(),
            plot: Plot::of(alert),
            source: None,
            related: Vec::new(),
            detector_page: super::detector::address(&alert.detector),
            offer: None,
            said: None,
            wrong: None,
            copies: Vec::new(),
            silence: super::silences::address(alert),
            reason: String::new(),
            seen: String::new(),
            since: String::new(),
        }
    }

    fn with_lines(mut self, history: &[Change], deliveries: &[(Delivery, String)], now: Timestamp) -> Self {
        self.history = lines(history, now);
        self.deliveries = deliveries
            .iter()
            .map(|(one, outcome)| Sent {
                sink: one.sink.clone(),
                key: one.key.clone(),
                attempts: one.attempts,
                due: When::new(one.due, now),
                outcome: outcome.clone(),
            })
            .collect();
        self
    }

    fn closed(&self) -> bool {
        self.state == AlertState::Closed
    }

    fn open(&self) -> bool {
        self.state == AlertState::Open
    }
}

/// Returns the newest lines first; what repeats is one of them.
fn lines(history: &[Change], now: Timestamp) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for change in history.iter().rev() {
        let full = lines.len() == MAX_LINES;
        match lines.last_mut() {
            Some(line) if line.says == change.says => line.since = change.revision,
            _ if full => break,
            _ => lines.push(Line {
                when: When::new(change.at, now),
                since: change.revision,
                revision: change.revision,
                says: change.says.clone(),
            }),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn shown(alert: &Alert) -> String {
        let frame = Frame::new("x", "alerts", Some(Identity::local()), &HeaderMap::new());
        let (history, deliveries) = (samples::history(), samples::deliveries());
        AlertPage::of(frame, alert, Some(samples::detector()), &samples::streams(), samples::NOW)
            .with_lines(&history, &deliveries, samples::NOW)
            .render()
            .unwrap()
    }

    #[test]
    fn an_address_that_says_what_was_done_is_believed_only_if_it_was_the_last_and_by_who_looks() {
        let line = |who: &str, did: &str| ActivityLine {
            at: samples::NOW,
            revision: 2,
            who: (!who.is_empty()).then(|| who.to_owned()),
            did: did.into(),
            says: String::new(),
            from: (None, None, None),
            to: ("open", None, None),
        };
        let log = [line("dana", "closed"), line("dana", "noted"), line("", "events")];
        assert_eq!(done("noted", "dana", &log, false), Some("Noted."));
        assert_eq!(done("recording", "dana", &log, false), None);
        assert!(done("recording", "dana", &log, true).is_some());
        assert_eq!(
            (done("closed", "dana", &log, true), done("noted", "eve", &log, true), done("noted", "dana", &[], true)),
            (None, None, None)
        );
        assert_eq!(done("assigned", "dana", &[line("dana", "unassigned")], false), Some("Handed over."));
    }

    #[test]
    fn the_page_shows_why_what_to_do_and_the_evidence_as_it_was() {
        let html = shown(&samples::alert());
        for part in
            ["Who owns the key", "A mobile app", "fleet/logs/3, offset 4711", "T1110.001", "went to 21 addresses"]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn who_else_has_seen_it_is_named_with_what_it_saw() {
        let mut alert = samples::alert();
        assert!(!shown(&alert).contains("Also seen as"));
        alert.members = samples::members();
        let html = shown(&alert);
        for part in
            ["Also seen as", "One key, clients unlike each other", "curl and a phone &#60;app&#62;", "17 events"]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert_eq!(html.matches("class=\"record\"").count(), 2, "the other's evidence is shown too");
    }

    #[test]
    fn evidence_is_shown_as_text_whatever_it_holds() {
        let mut alert = samples::alert();
        alert.evidence[0].record = Some("</pre><script>alert(1)</script>\u{202e}".into());
        let html = shown(&alert);
        assert!(!html.contains("<script>alert") && !html.contains('\u{202e}'), "{html}");
    }

    #[test]
    fn a_closed_alert_offers_nothing_to_do_and_says_why_it_is_closed() {
        let mut alert = samples::alert();
        alert.state = AlertState::Closed;
        alert.closing =
            Some(Closing::ByPerson { by: "dana".into(), reason: "our scanner".into(), class: Class::Benign });
        let html = shown(&alert);
        assert!(html.contains("dana: our scanner (benign)"));
        assert!(!html.contains("/acknowledge") && html.contains("/reopen\""), "it may be opened again");
    }

    #[test]
    fn a_false_positive_offers_its_exception_as_text_to_copy() {
        let alert = samples::alert();
        assert!(!shown(&alert).contains("id=\"offer\""));
        let html = |offer: Offer| {
            let frame = Frame::new("x", "alerts", Some(Identity::local()), &HeaderMap::new());
            let page = AlertPage::of(frame, &alert, None, &samples::streams(), samples::NOW);
            AlertPage { offer: Some(offer), ..page }.render().unwrap()
        };
        let made = html(Offer::Made {
            says: vec!["It would have hidden 3 alerts.".into()],
            exception: "- id: fp-1\n  owner: \"<b>\"\n".into(),
            cases: Some("- name: \"<i>\"\n".into()),
        });
        for part in ["It would have hidden 3 alerts.", "- id: fp-1\n  owner: &#34;&#60;b&#62;&#34;", "&#60;i&#62;"] {
            assert!(made.contains(part), "{part} is missing in {made}");
        }
        let none = html(Offer::None("Nothing says <whom>.".into()));
        assert!(none.contains("Nothing says &#60;whom&#62;.") && !none.contains("An exception, for"), "{none}");
    }

    #[test]
    fn what_happened_over_and_over_is_one_line_of_history() {
        let lines = lines(&samples::history(), samples::NOW);
        let shown: Vec<_> = lines.iter().map(|line| (line.says.as_str(), line.since, line.revision)).collect();
        assert_eq!(shown, [("events", 2, 3), ("opened", 1, 1)]);
    }
}
