//! `/silences`: what nobody is told of, by whom, why, until when, and what that costs.
//!
//! A new one shows what it would have hidden before it can be made. At most 500 are listed, those in
//! force first; who may only look is shown no form.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::acting::Outcome;
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::super::silencing::{Looked, Refused, Wish, end, look, make};
use super::super::words::{When, grouped};
use super::{Frame, problem, render, store_problem};
use crate::access::{Identity, Role};
use crate::alerts::{Alert, Ending, Family, Matcher, Silence, SilenceId};
use crate::clock::{Timestamp, duration};

/// Silences on the page.
const MOST: usize = 500;
/// Alerts that a preview names.
const NAMED: usize = 10;
/// Letters of a value.
const MAX_TEXT: usize = 1_000;
/// How long a silence may be chosen to last.
const SPANS: [(&str, &str); 7] = [
    ("1h", "an hour"),
    ("4h", "4 hours"),
    ("24h", "a day"),
    ("3d", "3 days"),
    ("7d", "a week"),
    ("30d", "30 days"),
    ("90d", "90 days"),
];
const USUAL_SPAN: &str = "4h";
/// How long what somebody did is said to be done.
const JUST: Duration = Duration::from_mins(1);

/// What the form holds.
#[derive(Clone, Debug, Default)]
struct Asked {
    matcher: Matcher,
    reason: String,
    span: String,
    /// What the cost was shown of, when it was.
    looked: String,
}

/// One silence.
struct Row {
    id: String,
    /// What it means, as a question for alerts reads.
    means: Vec<(&'static str, String)>,
    state: String,
    /// In force, or will be.
    lives: bool,
    by: String,
    reason: String,
    made: When,
    ends: When,
    hidden: String,
    over: Option<String>,
}

/// What the silence in the form would have hidden.
struct Cost {
    says: String,
    alerts: Vec<String>,
    bad: bool,
}

#[derive(Template)]
#[template(path = "silences.html")]
struct Silences {
    frame: Frame,
    said: Option<&'static str>,
    wrong: Option<String>,
    detector: String,
    entity: String,
    app: String,
    families: Vec<(&'static str, bool)>,
    spans: Vec<(&'static str, &'static str, bool)>,
    reason: String,
    meant: String,
    cost: Option<Cost>,
    lives: Vec<Row>,
    over: Vec<Row>,
}

impl Asked {
    /// Reads the pairs of a query string or a form; what is unknown or empty is ignored.
    fn of(pairs: &[(String, String)]) -> Self {
        let mut asked = Self { span: USUAL_SPAN.into(), ..Self::default() };
        for (name, value) in pairs {
            let text = Some(value.trim().chars().take(MAX_TEXT).collect::<String>()).filter(|text| !text.is_empty());
            match name.as_str() {
                "detector" => asked.matcher.detector = text,
                "entity" => asked.matcher.entity = text,
                "app" => asked.matcher.app = text,
                "family" => {
                    let named = |text: String| Family::ALL.into_iter().find(|one| one.name() == text);
                    asked.matcher.family = text.and_then(named);
                }
                "reason" => asked.reason = text.unwrap_or_default(),
                "looked" => asked.looked = text.unwrap_or_default(),
                "for" => asked.span = text.unwrap_or_default(),
                _ => {}
            }
        }
        asked
    }

    /// Returns what is meant, so that it can be told whether that is what was looked at.
    fn meant(&self) -> String {
        let parts: Vec<String> =
            means(&self.matcher).into_iter().map(|(name, value)| format!("{name} {value}")).collect();
        parts.join("; ")
    }
}

/// `GET /silences`: `detector`, `entity`, `app`, `family`, `reason` and `for` fill in the form.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let said = pairs.iter().find(|(name, _)| name == "said").map(|(_, said)| &**said);
    show(&app, who, &headers, (StatusCode::OK, said, None), Asked::of(&pairs)).await
}

/// Returns what is said of what `who` has just done, if they did: anybody can make up an address that says so.
fn done(said: &str, who: &str, found: &[(Silence, u64)], now: Timestamp, waits: bool) -> Option<&'static str> {
    let just = |at: Timestamp| now.since(at) < JUST;
    let made = |silence: &Silence| silence.ended.is_none() && silence.by == who && just(silence.made_at);
    let ended =
        |silence: &Silence| matches!(&silence.ended, Some((at, Ending::ByPerson { by })) if by == who && just(*at));
    let any = |of: &dyn Fn(&Silence) -> bool| found.iter().any(|(silence, _)| of(silence));
    match said {
        "made" if any(&made) => Some("Silenced. Alerts that it hides are kept and shown, but nobody is told of them."),
        "ended" if any(&ended) => Some("Ended: what it would have hidden is told again."),
        "recording" if waits => Some("Accepted, being recorded. It shows here in a moment."),
        _ => None,
    }
}

/// Sends whoever did something back to the page, which says that it waits.
fn being_recorded(app: &App, who: &Identity) -> Response {
    app.slow.note(&who.name, app.parts.clock.elapsed());
    Redirect::to("/silences?said=recording").into_response()
}

/// `POST /silences`: makes one.
pub(in crate::dashboard) async fn add(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let asked = Asked::of(&pairs);
    let now = app.parts.clock.now();
    let Some(lasts) = duration::parse(&asked.span).filter(|lasts| *lasts > Duration::ZERO) else {
        let wrong = "Say for how long: a whole number and m, h or d.".to_owned();
        return show(&app, who, &headers, (StatusCode::BAD_REQUEST, None, Some(wrong)), asked).await;
    };
    if asked.looked.trim() != asked.meant().trim() {
        let wrong = "This hides something else than was looked at: see below what it would have hidden.".to_owned();
        return show(&app, who, &headers, (StatusCode::CONFLICT, None, Some(wrong)), asked).await;
    }
    let wish =
        Wish { matcher: asked.matcher.clone(), reason: asked.reason.clone(), starts_at: now, ends_at: now.plus(lasts) };
    let (status, wrong) = match make(&app, who.clone(), wish).await {
        Ok((.., Outcome::Recording)) => return being_recorded(&app, &who),
        Ok(_) => return Redirect::to("/silences?said=made").into_response(),
        Err(Refused::Wish(wrong)) => (StatusCode::BAD_REQUEST, wrong.join(" ")),
        Err(Refused::Unread(error)) => return store_problem(&error, who, &headers),
        Err(Refused::Undone(Outcome::Refused(why))) => (StatusCode::CONFLICT, why),
        Err(Refused::Undone(Outcome::Busy(why))) => (StatusCode::SERVICE_UNAVAILABLE, why.to_owned()),
        Err(Refused::Undone(_)) => (StatusCode::SERVICE_UNAVAILABLE, "Try again in a few seconds.".to_owned()),
    };
    show(&app, who, &headers, (status, None, Some(wrong)), asked).await
}

/// `POST /silences/{id}/end`.
pub(in crate::dashboard) async fn over(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let none = |who| {
        let says = "There is no such silence, or it has ended already.".to_owned();
        problem(StatusCode::NOT_FOUND, "No such silence", says, Some(who), &headers)
    };
    let Ok(id) = u64::from_str_radix(&id, 16) else { return none(who) };
    let (status, wrong) = match end(&app, who.clone(), SilenceId(id)).await {
        Outcome::Done(_) => return Redirect::to("/silences?said=ended").into_response(),
        Outcome::Recording => return being_recorded(&app, &who),
        Outcome::Refused(_) => return none(who),
        Outcome::Busy(why) => (StatusCode::SERVICE_UNAVAILABLE, why.to_owned()),
    };
    show(&app, who, &headers, (status, None, Some(wrong)), Asked::of(&[])).await
}

async fn show(
    app: &App,
    who: Identity,
    headers: &HeaderMap,
    (status, said, wrong): (StatusCode, Option<&str>, Option<String>),
    asked: Asked,
) -> Response {
    let read = app.readers.read(|reader| reader.silences(true, MOST)).await;
    let looks = who.role.may(Role::Operator) && asked.matcher.names_something();
    let cost = if looks { Some(look(app, &asked.matcher).await) } else { None };
    match (read, cost.transpose()) {
        (Ok(silences), Ok(cost)) => {
            let now = app.parts.clock.now();
            let said = said.and_then(|said| {
                done(said, &who.name, &silences, now, app.slow.waits(&who.name, app.parts.clock.elapsed()))
            });
            let frame = Frame::new("Silences", "silences", Some(who), headers);
            let page = Silences::of(frame, &asked, cost.as_ref(), &silences, now);
            render(status, &Silences { said, wrong, ..page })
        }
        (Err(error), _) | (_, Err(error)) => store_problem(&error, who, headers),
    }
}

impl Silences {
    fn of(frame: Frame, asked: &Asked, looked: Option<&Looked>, found: &[(Silence, u64)], now: Timestamp) -> Self {
        let (lives, over) =
            found.iter().map(|(silence, hidden)| Row::of(silence, *hidden, now)).partition(|row: &Row| row.lives);
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        Self {
            frame,
            said: None,
            wrong: None,
            detector: text(&asked.matcher.detector),
            entity: text(&asked.matcher.entity),
            app: text(&asked.matcher.app),
            families: Family::ALL.map(|one| (one.name(), asked.matcher.family == Some(one))).to_vec(),
            spans: SPANS.map(|(value, label)| (value, label, asked.span == value)).to_vec(),
            reason: asked.reason.clone(),
            meant: asked.meant(),
            cost: looked.map(Cost::of),
            lives,
            over,
        }
    }
}

impl Cost {
    fn of(looked: &Looked) -> Self {
        let Looked { preview, complete, at_most } = looked;
        let hidden = preview.hidden.len();
        let more = if *complete { "" } else { " or more" };
        let mut says = match hidden {
            0 => "In the last 30 days it would have hidden nothing".to_owned(),
            1 => "In the last 30 days it would have hidden one alert".to_owned(),
            many => format!("In the last 30 days it would have hidden {}{more} alerts", grouped(many as u64)),
        };
        match preview.true_positives {
            0 if hidden == 1 => says.push_str(", which nobody closed as a true positive"),
            1 if hidden == 1 => says.push_str(", which was a true positive"),
            0 if hidden > 0 => says.push_str(", none of which anybody closed as a true positive"),
            0 => {}
            1 => says.push_str(", one of which was a true positive"),
            many => {
                let _ = write!(says, ", {} of which were true positives", grouped(many as u64));
            }
        }
        let level = at_most.name();
        let _ =
            write!(says, ". It ends by itself when something worse than {level} comes, or far more than was usual.");
        let alerts = preview.hidden.iter().take(NAMED).map(ToString::to_string).collect();
        Self { says, alerts, bad: preview.true_positives > 0 }
    }
}

/// Returns the query string that fills in the form with what `alert` is of and about.
pub(super) fn address(alert: &Alert) -> String {
    let entity = format!("{}/{}", alert.entity.kind.name(), alert.entity.value);
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    format!("detector={}&entity={}", encoded(&alert.detector), encoded(&entity))
}

/// Returns what a matcher names, in the words of a question for alerts.
pub(super) fn means(matcher: &Matcher) -> Vec<(&'static str, String)> {
    let text = |name, value: &Option<String>| value.clone().map(|value| (name, value));
    let level = |name, level: Option<crate::alerts::Level>| level.map(|level| (name, level.name().to_owned()));
    [
        text("detector", &matcher.detector),
        matcher.family.map(|family| ("family", family.name().to_owned())),
        text("entity", &matcher.entity),
        text("app", &matcher.app),
        level("at least", matcher.at_least),
        level("at most", matcher.at_most),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Says from when on it will be in force; `None` of one that is, or was.
pub(super) fn planned(silence: &Silence, now: Timestamp) -> Option<String> {
    let waits = silence.ended.is_none() && silence.starts_at > now;
    waits.then(|| format!("planned, from {}", When::new(silence.starts_at, now).absolute))
}

impl Row {
    fn of(silence: &Silence, hidden: u64, now: Timestamp) -> Self {
        let (state, over) = match &silence.ended {
            Some((_, Ending::Expired)) => ("expired", Some("Its time was up.".to_owned())),
            Some((_, Ending::ByPerson { by })) => ("ended", Some(format!("Ended by {by}."))),
            Some((_, Ending::Tripped { alert, why })) => ("tripped", Some(format!("Tripped by alert {alert}: {why}."))),
            None => ("in force", None),
        };
        let state = planned(silence, now).unwrap_or_else(|| state.to_owned());
        let ends = silence.ended.as_ref().map_or(silence.ends_at, |(at, _)| *at);
        Self {
            id: silence.id.to_string(),
            means: means(&silence.matcher),
            state,
            lives: over.is_none(),
            by: silence.by.clone(),
            reason: silence.reason.clone(),
            made: When::new(silence.made_at, now),
            ends: When::new(ends, now),
            hidden: grouped(hidden),
            over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::alerts::{Level, Preview, Usual};

    fn silence() -> Silence {
        Silence {
            id: SilenceId(7),
            matcher: Matcher {
                entity: Some("ip/<b>203.0.113.7".into()),
                at_most: Some(Level::Low),
                ..Matcher::default()
            },
            by: "dana".into(),
            reason: "The scanner of <i>our own</i> team".into(),
            made_at: samples::NOW,
            starts_at: samples::NOW,
            ends_at: samples::NOW.plus(Duration::from_hours(4)),
            usual: Usual::default(),
            recent: Vec::new(),
            ended: None,
        }
    }

    fn shown(role: Role, asked: &Asked, looked: Option<&Looked>, found: &[(Silence, u64)]) -> String {
        let who = Identity { role, ..Identity::local() };
        let frame = Frame::new("Silences", "silences", Some(who), &HeaderMap::new());
        Silences::of(frame, asked, looked, found, samples::NOW).render().unwrap()
    }

    #[test]
    fn a_silence_says_who_why_until_when_and_what_it_hid() {
        let html = shown(Role::Operator, &Asked::of(&[]), None, &[(silence(), 1_234)]);
        for part in ["dana", "1,234", "in 4 h", "End it", "in force"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("<i>our own") && !html.contains("<b>203"), "{html}");
    }

    #[test]
    fn one_that_has_not_begun_says_from_when_on() {
        let starts_at = samples::NOW.plus(Duration::from_hours(1));
        let later = Silence { starts_at, ..silence() };
        let html = shown(Role::Operator, &Asked::of(&[]), None, &[(later.clone(), 0)]);
        let from = format!("planned, from {}", When::new(starts_at, samples::NOW).absolute);
        assert!(html.contains(&from) && !html.contains("in force<"), "{html}");
        assert_eq!((planned(&later, starts_at), planned(&silence(), samples::NOW)), (None, None));
    }

    #[test]
    fn an_address_that_says_what_was_done_is_believed_only_if_who_looks_has_just_done_it() {
        let (now, late) = (samples::NOW, samples::NOW.plus(JUST));
        let ended = Silence { ended: Some((now, Ending::ByPerson { by: "eve".into() })), ..silence() };
        let (made, over) = ([(silence(), 0)], [(ended, 0)]);
        let begins = |said: Option<&'static str>| said.map(|said| &said[..8]);
        assert_eq!(begins(done("made", "dana", &made, now, false)), Some("Silenced"));
        assert_eq!(begins(done("ended", "eve", &over, now, false)), Some("Ended: w"));
        for (said, who, found, at) in [
            ("made", "eve", &made, now),
            ("made", "dana", &over, now),
            ("made", "dana", &made, late),
            ("ended", "dana", &over, now),
            ("ended", "eve", &over, late),
            ("recording", "dana", &made, now),
        ] {
            assert_eq!(done(said, who, found, at, false), None, "{said} {who}");
        }
    }

    #[test]
    fn one_that_is_over_says_what_ended_it_and_has_no_button() {
        let ended =
            Some((samples::NOW, Ending::Tripped { alert: samples::alert().id, why: "the alert is high".into() }));
        let html = shown(Role::Operator, &Asked::of(&[]), None, &[(Silence { ended, ..silence() }, 3)]);
        assert!(html.contains("Tripped by alert") && !html.contains("End it"), "{html}");
    }

    #[test]
    fn a_silence_can_be_made_only_after_its_cost_was_shown_and_by_who_may() {
        let pairs = [("detector", "probing.scanner"), ("for", "24h")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let asked = Asked::of(&pairs);
        let button = "formaction=\"/silences\"";
        assert!(!shown(Role::Operator, &asked, None, &[]).contains(button));
        let mut preview = Preview::default();
        (preview.true_positives, preview.hidden) = (2, vec![samples::alert().id; 3]);
        let looked = Looked { preview, complete: true, at_most: Level::Medium };
        let html = shown(Role::Operator, &asked, Some(&looked), &[]);
        assert!(html.contains(button), "{html}");
        assert!(html.contains("would have hidden 3 alerts, 2 of which were true positives"), "{html}");
        assert!(!shown(Role::Viewer, &asked, Some(&looked), &[]).contains(button));
    }
}
