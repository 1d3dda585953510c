//! `/detectors/<id>`: what does one detector watch for, how does it do, and what would another text of it do?
//!
//! Its last ten alerts, the exceptions that name it, its file and its cases. An operator may try a changed text:
//! it is compiled, its cases run, and the alerts of the last 30 days are asked what it would have made of them, 200
//! of them at most and for three seconds. One at a time, and nothing of it is kept.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::super::app::App;
use super::super::bench::{Bench, Trial};
use super::super::board::{DetectorSeen, ExceptionSeen};
use super::super::door::{Operator, Viewer};
use super::super::filter::encoded;
use super::super::words::{When, grouped};
use super::days::{DAYS, Days};
use super::detectors::{LOOKS_BACK, right};
use super::prose::{Prose, prose, steps};
use super::source::Source;
use super::technique::Technique;
use super::tried::{MOST as MOST_TRIED, Outcome, Wrong, wrongs};
use super::{Frame, problem, render, store_problem};
use crate::access::Identity;
use crate::alerts::{Alert, AlertId, AlertState, Query as Question};
use crate::clock::Timestamp;
use crate::store::{AlertQuery, Fired, StoreError};

/// Alerts on the page.
const MOST: usize = 10;
/// How long alerts are asked.
const PATIENCE: Duration = Duration::from_secs(3);

/// An alert of the detector.
struct Last {
    id: AlertId,
    about: String,
    state: AlertState,
    class: Option<&'static str>,
    count: String,
    opened: When,
}

#[derive(Template)]
#[template(path = "detector.html")]
struct DetectorPage {
    frame: Frame,
    id: String,
    seen: DetectorSeen,
    level: &'static str,
    why: Prose,
    false_alarms: Prose,
    triage: Vec<Prose>,
    techniques: Vec<Technique>,
    alerts: String,
    judged: [String; 3],
    precision: Option<(String, bool)>,
    last: Option<When>,
    days: Option<Days>,
    matched: String,
    lasts: Vec<Last>,
    exceptions: Vec<(ExceptionSeen, When)>,
    source: Option<Source>,
    /// What is being tried: the text of the form.
    text: String,
    tried: Option<Outcome>,
    wrong: Vec<Wrong>,
    /// Why it could not be tried.
    busy: Option<String>,
    here: String,
    /// The query string of its alerts of 30 days.
    asked: String,
}

/// Returns the address of a detector's page.
pub(super) fn address(id: &str) -> String {
    format!("/detectors/{}", utf8_percent_encode(id, NON_ALPHANUMERIC))
}

/// Returns the query string of a detector's alerts of 30 days, closed ones too.
pub(super) fn asked(id: &str) -> String {
    format!("q={}", encoded(&format!("detector:{id} since:30d state:all")))
}

/// What came of trying.
#[derive(Default)]
struct Attempted {
    text: Option<String>,
    tried: Option<Outcome>,
    wrong: Vec<Wrong>,
    busy: Option<String>,
}

/// `GET /detectors/{id}`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Path(id): Path<String>,
    Query(_): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    show(&app, who, &id, &headers, StatusCode::OK, Attempted::default()).await
}

/// `GET /detectors/{id}/try`: whoever reloads what came of trying, or has just logged in, is led to the detector.
pub(in crate::dashboard) async fn back(_: Viewer, Path(id): Path<String>) -> Response {
    Redirect::to(&address(&id)).into_response()
}

/// A changed text.
#[derive(Debug, Deserialize)]
pub(in crate::dashboard) struct Changed {
    #[serde(default)]
    text: String,
}

/// `POST /detectors/{id}/try`.
pub(in crate::dashboard) async fn attempt(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Changed { text }): Form<Changed>,
) -> Response {
    let text = text.replace("\r\n", "\n");
    let Ok(permit) = app.trials.clone().try_acquire_owned() else {
        let busy = Some("Another change is being tried at this moment: try again in a few seconds.".to_owned());
        let attempted = Attempted { text: Some(text), busy, ..Attempted::default() };
        return show(&app, who, &id, &headers, StatusCode::SERVICE_UNAVAILABLE, attempted).await;
    };
    let tried = try_out(&app, &id, &text, permit).await;
    let (status, attempted) = match tried {
        Ok(Ok(outcome)) => (StatusCode::OK, Attempted { tried: Some(outcome), ..Attempted::default() }),
        Ok(Err(wrong)) => (StatusCode::BAD_REQUEST, Attempted { wrong, ..Attempted::default() }),
        Err(error) => return store_problem(&error, who, &headers),
    };
    show(&app, who, &id, &headers, status, Attempted { text: Some(text), ..attempted }).await
}

/// Compiles `text` and runs its cases. The permit is held until that is done, whether or not somebody still waits.
async fn compiled(
    bench: Bench,
    id: String,
    text: String,
    permit: OwnedSemaphorePermit,
) -> Result<Result<(Trial, OwnedSemaphorePermit), Vec<Wrong>>, StoreError> {
    let work = tokio::task::spawn_blocking(move || match bench.attempt(&id, &text) {
        Ok(trial) => Ok((trial, permit)),
        Err(problems) => Err(wrongs(&problems, &text)),
    });
    work.await.map_err(|_| StoreError::Failed("trying the change broke off".into()))
}

/// Compiles `text`, runs its cases, and asks the alerts of the last 30 days.
async fn try_out(
    app: &App,
    id: &str,
    text: &str,
    permit: OwnedSemaphorePermit,
) -> Result<Result<Outcome, Vec<Wrong>>, StoreError> {
    let (bench, clock) = (app.parts.bench.clone(), app.parts.clock.clone());
    let (Trial { cases, cut, of }, permit) = match compiled(bench, id.to_owned(), text.to_owned(), permit).await? {
        Ok(compiled) => compiled,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let id = id.to_owned();
    let read = app.readers.read_whole(move |reader| {
        let _permit = permit;
        let now = clock.now();
        let about = Question { detector: Some(id), since: Some(now.minus(LOOKS_BACK)), ..Question::any() };
        let query = AlertQuery { about, after: None, limit: MOST_TRIED };
        let (began, mut outcome) = (clock.elapsed(), Outcome::of(cases, cut));
        let all = reader.each_alert(&query, |alert| {
            if clock.elapsed().saturating_sub(began) > PATIENCE {
                outcome.complete = false;
            } else {
                outcome.add(&alert, of(&alert), now);
            }
        })?;
        outcome.complete &= all;
        Ok(Ok(outcome))
    });
    read.await
}

async fn show(
    app: &App,
    who: Identity,
    id: &str,
    headers: &HeaderMap,
    status: StatusCode,
    attempted: Attempted,
) -> Response {
    let Some(seen) = app.parts.board.detectors.get(id).map(|seen| seen.clone()) else {
        let says = "No detector that runs is called so. It may have been renamed, or its folder is another.".to_owned();
        return problem(StatusCode::NOT_FOUND, "No such detector", says, Some(who), headers);
    };
    let (now, of) = (app.parts.clock.now(), id.to_owned());
    let read = app.readers.read(move |reader| {
        let fired = reader.fired_of(&of, now.minus(LOOKS_BACK))?;
        let days = reader.fired_by_day(&of, now, DAYS)?;
        let about = Question { detector: Some(of), ..Question::any() };
        let lasts = reader.alerts(&AlertQuery { about, after: None, limit: MOST })?;
        Ok((fired, days, lasts))
    });
    match read.await {
        Ok(came) => {
            let frame = Frame::new(seen.title.clone(), "detectors", Some(who), headers);
            let matched = app.parts.board.matched().get(seen.place).copied().unwrap_or_default();
            let exceptions = app.parts.board.exceptions();
            let page = DetectorPage::of(frame, id, seen, came, now);
            let Attempted { text, tried, wrong, busy } = attempted;
            let text = text.unwrap_or(page.text);
            let matched = grouped(matched);
            let page = DetectorPage { matched, text, tried, wrong, busy, ..page };
            render(status, &page.with_exceptions(&exceptions, now))
        }
        Err(error) => store_problem(&error, who, headers),
    }
}

impl DetectorPage {
    fn of(
        frame: Frame,
        id: &str,
        seen: DetectorSeen,
        (fired, days, lasts): (Fired, Vec<u64>, Vec<Alert>),
        now: Timestamp,
    ) -> Self {
        Self {
            frame,
            id: id.to_owned(),
            level: seen.level.name(),
            why: prose(seen.why.trim()),
            false_alarms: prose(seen.false_alarms.trim()),
            triage: steps(&seen.triage).iter().map(|step| prose(step)).collect(),
            techniques: seen.techniques.iter().map(|id| Technique::named(id)).collect(),
            alerts: grouped(fired.alerts),
            judged: fired.judged.map(grouped),
            precision: right(fired),
            last: fired.last.map(|at| When::new(at, now)),
            days: Days::of(&days),
            matched: String::new(),
            lasts: lasts.iter().map(|alert| Last::of(alert, now)).collect(),
            exceptions: Vec::new(),
            source: seen.file.as_ref().map(|file| Source::of(&file.path, &file.text, None)),
            text: seen.file.as_ref().map(|file| file.text.to_string()).unwrap_or_default(),
            tried: None,
            wrong: Vec::new(),
            busy: None,
            here: address(id),
            asked: asked(id),
            seen,
        }
    }

    fn sigma(&self) -> bool {
        self.id.starts_with("sigma.")
    }

    /// Takes those exceptions that name it, its family, or all.
    fn with_exceptions(mut self, all: &[ExceptionSeen], now: Timestamp) -> Self {
        let names = |name: &str| name == "*" || name == self.id || name == self.seen.family.name();
        let fit = all.iter().filter(|one| one.detectors.split(", ").any(names));
        self.exceptions = fit.map(|one| (one.clone(), When::new(one.expires, now))).collect();
        self
    }
}

impl Last {
    fn of(alert: &Alert, now: Timestamp) -> Self {
        Self {
            id: alert.id,
            about: alert.entity.sayable(),
            state: alert.state,
            class: alert.class().map(crate::alerts::Class::name),
            count: grouped(alert.count),
            opened: When::new(alert.opened_at, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::dashboard::bench::Tried;
    use crate::posture::Problem;

    fn page() -> DetectorPage {
        let frame = Frame::new("x", "detectors", Some(Identity::local()), &HeaderMap::new());
        let fired = Fired { alerts: 12, last: Some(samples::NOW), judged: [3, 1, 4] };
        let came = (fired, vec![1; 30], vec![samples::alert()]);
        let exceptions = [samples::exception("key-usage"), samples::exception("probing")];
        DetectorPage::of(frame, "key-usage.one_key_many_addresses", samples::detector(), came, samples::NOW)
            .with_exceptions(&exceptions, samples::NOW)
    }

    #[test]
    fn the_page_shows_how_it_does_and_what_it_says() {
        let page = page();
        assert_eq!(page.exceptions.len(), 1, "one is of another family");
        let html = page.render().unwrap();
        for part in ["50 % of 8", "1.0 a day", "at more than 20", "more_than: 20", "Try a change", "Dana Reyes"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_changed_text_is_shown_at_its_line_and_as_text() {
        let problems =
            [Problem { file: "x.yaml".into(), line: 2, says: "`titel` is not a key. Did you mean `title`?".into() }];
        let text = "id: a\n  titel: <b>\n";
        let html = DetectorPage { wrong: wrongs(&problems, text), text: text.into(), ..page() }.render().unwrap();
        for part in ["line 2", "titel: &#60;b&#62;", "  ^^^^^"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn what_a_change_would_make_of_stored_alerts_is_told_the_worst_first() {
        let mut outcome = Outcome::of(vec![("twenty are enough".into(), Some("no alert".into()))], false);
        let gone = Tried { asked: 1, matches: 1, fires: Some(false) };
        outcome.add(&samples::alert(), gone, samples::NOW);
        let html = DetectorPage { tried: Some(outcome), ..page() }.render().unwrap();
        for part in ["would not have fired", "twenty are enough", "no alert", "3f9a001122334455"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[tokio::test]
    async fn a_change_that_is_being_tried_stays_the_only_one_when_its_client_goes() {
        let (begun, mut began) = tokio::sync::mpsc::channel(1);
        let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
        let wait = std::sync::Mutex::new(wait);
        let bench = Bench::new(
            |_| None,
            move |_, _| {
                begun.try_send(()).unwrap();
                wait.lock().unwrap().recv().unwrap();
                Err(Vec::new())
            },
        );
        let trials = Arc::new(tokio::sync::Semaphore::new(1));
        let permit = trials.clone().try_acquire_owned().unwrap();
        let trying = tokio::spawn(compiled(bench, "x".into(), "y".into(), permit));
        began.recv().await.unwrap();
        trying.abort();
        assert!(trying.await.is_err_and(|error| error.is_cancelled()));
        assert!(trials.try_acquire().is_err(), "a second change could be tried beside it");
        go.send(()).unwrap();
        drop(trials.acquire().await.unwrap());
    }

    #[test]
    fn what_has_no_file_is_a_sigma_rule_only_if_it_is_one() {
        let html = |id: &str| {
            let page = DetectorPage { source: None, id: id.into(), ..page() };
            page.render().unwrap()
        };
        assert!(html("sigma.aa11").contains("It is a Sigma rule"));
        let built_in = html("drift.new_function");
        assert!(built_in.contains("It is built in") && !built_in.contains("Sigma"), "{built_in}");
    }

    #[test]
    fn its_alerts_of_30_days_are_asked_by_name_and_time_and_not_by_words() {
        let html = page().render().unwrap();
        let link = "/?q=detector:key-usage.one_key_many_addresses%20since:30d%20state:all";
        assert!(html.contains(link), "{html}");
    }

    #[test]
    fn an_id_is_one_part_of_an_address() {
        assert_eq!(address("a/../b?"), "/detectors/a%2F%2E%2E%2Fb%3F");
    }
}
