//! `/dead-letters`: what could not be decoded, why, where it lies, and what to do.
//!
//! A page holds fifty letters of at most 1 KiB each; the next goes by cursor. To try again is a
//! wish that is left in the store, which the running daemon takes up: this page does not wait.

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::acting::origin;
use super::super::app::App;
use super::super::door::{Operator, Viewer};
use super::super::words::{When, bytes, grouped};
use super::{Frame, render, store_problem};
use crate::clock::Timestamp;
use crate::store::{Asked, DeadLetter, LetterQuery, MayRetry, StoreError, ask_to_retry_from};

/// Letters on a page.
const PAGE: usize = 50;
/// Bytes of a letter that are shown.
const SHOWN: usize = 1_024;
/// Letters of a text to look for.
const MAX_TEXT: usize = 200;

struct Reason {
    name: String,
    count: String,
    address: String,
    here: bool,
}

struct Letter {
    id: i64,
    from: String,
    reason: String,
    says: &'static str,
    when: When,
    tried: Option<When>,
    size: String,
    bytes: String,
    cut: bool,
    may: bool,
    retry: &'static str,
}

#[derive(Template)]
#[template(path = "dead_letters.html")]
struct DeadLetters {
    frame: Frame,
    said: Option<String>,
    kept: String,
    /// The query string, with its `?`, of the same view without a reason.
    all: String,
    reasons: Vec<Reason>,
    reason: Option<String>,
    /// What the reason chosen means.
    advice: Option<&'static str>,
    source: Option<String>,
    waiting: u64,
    waiting_shown: String,
    letters: Vec<Letter>,
    older: Option<String>,
}

/// What the store knows of letters.
#[derive(Default)]
struct Known {
    letters: Vec<DeadLetter>,
    by_reason: Vec<(String, u64)>,
    waiting: u64,
}

/// Reads the pairs of a query string or a form; what is unknown is ignored.
fn asked(pairs: &[(String, String)]) -> LetterQuery {
    let mut query = LetterQuery::default();
    for (name, value) in pairs {
        let text = || Some(value.trim().chars().take(MAX_TEXT).collect::<String>()).filter(|text| !text.is_empty());
        match name.as_str() {
            "reason" => query.reason = text(),
            "source" => query.source = text(),
            "before" => query.before = value.parse().ok(),
            // What is no number names no letter, and must not stand for all of them.
            "id" => query.ids.push(value.parse().unwrap_or(-1)),
            _ => {}
        }
    }
    query
}

/// Returns the query string of `query`, without `?`.
fn address(query: &LetterQuery) -> String {
    let mut out = String::new();
    let before = query.before.map(|before| before.to_string());
    for (name, value) in [("reason", &query.reason), ("source", &query.source), ("before", &before)] {
        if let Some(value) = value {
            let join = if out.is_empty() { "" } else { "&" };
            // Writing to a string can't fail.
            let _ = write!(out, "{join}{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC));
        }
    }
    out
}

/// `GET /dead-letters`: `reason`, `source`, `before`.
pub(in crate::dashboard) async fn page(
    State(app): State<Arc<App>>,
    Viewer(who): Viewer,
    Query(pairs): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let mut query = asked(&pairs);
    query.ids.clear();
    query.limit = PAGE + 1;
    let look = query.clone();
    let read = app.readers.read(move |reader| {
        let (by_reason, waiting) = (reader.dead_letters_by_reason()?, reader.retries_waiting()?);
        Ok(Known { letters: reader.dead_letters(&look)?, by_reason, waiting })
    });
    let known = match read.await {
        Ok(known) => known,
        Err(error) => return store_problem(&error, who, &headers),
    };
    let frame = Frame::new("Dead letters", "dead-letters", Some(who), &headers);
    let number = |name: &str| pairs.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.parse().ok());
    let said = number("queued").map(|queued| says(queued, number("incomplete").unwrap_or_default(), &known));
    render(StatusCode::OK, &DeadLetters::of(frame, &query, &known, said, app.parts.clock.now()))
}

/// `POST /dead-letters/retry`: `id`, or `reason` and `source`; nothing is all.
pub(in crate::dashboard) async fn retry(
    State(app): State<Arc<App>>,
    Operator(who): Operator,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let query = asked(&pairs);
    let here = address(&LetterQuery { before: None, ..query.clone() });
    let (data, at, name) = (app.parts.data.clone(), app.parts.clock.now(), who.name.clone());
    let from = origin();
    let work = tokio::task::spawn_blocking(move || ask_to_retry_from(&data, &query, &name, at, &from));
    match work.await.unwrap_or_else(|_| Err(StoreError::Failed("writing to the store broke off".into()))) {
        Ok(Asked { queued, waited, incomplete }) => {
            let join = if here.is_empty() { "" } else { "&" };
            let queued = queued + waited;
            Redirect::to(&format!("/dead-letters?{here}{join}queued={queued}&incomplete={incomplete}")).into_response()
        }
        Err(error) => store_problem(&error, who, &headers),
    }
}

/// Says what became of a wish to try again; anybody can make up an address that says so, hence no more than waits.
fn says(queued: u64, incomplete: u64, known: &Known) -> String {
    let kept: u64 = known.by_reason.iter().map(|(_, count)| count).sum();
    let (queued, waits, incomplete) = (queued, queued.min(known.waiting), incomplete.min(kept));
    let mut says = match waits {
        0 if queued > 0 => "Nothing waits to be tried again: what decoded by now is gone.".to_owned(),
        0 => "Nothing to try again.".to_owned(),
        1 => "One is tried again. Load this page anew in a few seconds: if it decodes it is gone.".to_owned(),
        n => format!("{} are tried again. Load this page anew in a few seconds: what decodes is gone.", grouped(n)),
    };
    if incomplete > 0 {
        let _ = write!(says, " {} can't be, for not all of them is kept.", grouped(incomplete));
    }
    says
}

impl DeadLetters {
    fn of(frame: Frame, query: &LetterQuery, known: &Known, said: Option<String>, now: Timestamp) -> Self {
        let base = LetterQuery { source: query.source.clone(), ..LetterQuery::default() };
        let all = address(&base);
        let reasons = known.by_reason.iter().map(|(name, count)| Reason {
            name: name.clone(),
            count: grouped(*count),
            address: address(&LetterQuery { reason: Some(name.clone()), ..base.clone() }),
            here: query.reason.as_deref() == Some(name),
        });
        let more = known.letters.len() > PAGE;
        let shown = &known.letters[..known.letters.len().min(PAGE)];
        let older = shown
            .last()
            .filter(|_| more)
            .map(|last| address(&LetterQuery { before: Some(last.id), reason: query.reason.clone(), ..base.clone() }));
        Self {
            frame,
            said,
            kept: grouped(known.by_reason.iter().map(|(_, count)| count).sum()),
            all: if all.is_empty() { all } else { format!("?{all}") },
            reasons: reasons.collect(),
            advice: shown.first().filter(|_| query.reason.is_some()).map(DeadLetter::says),
            reason: query.reason.clone(),
            source: query.source.clone(),
            waiting: known.waiting,
            waiting_shown: grouped(known.waiting),
            letters: shown.iter().map(|letter| Letter::of(letter, now)).collect(),
            older,
        }
    }
}

impl Letter {
    fn of(letter: &DeadLetter, now: Timestamp) -> Self {
        let shown = &letter.bytes[..letter.bytes.len().min(SHOWN)];
        Self {
            id: letter.id,
            from: letter.from.clone(),
            reason: letter.reason.clone(),
            says: letter.says(),
            when: When::new(letter.at, now),
            tried: letter.tried.map(|at| When::new(at, now)),
            size: bytes(letter.size as f64),
            bytes: String::from_utf8_lossy(shown).into_owned(),
            cut: letter.bytes.len() > SHOWN,
            may: letter.may_retry() == MayRetry::Yes,
            retry: letter.may_retry().says(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::access::{Identity, Role};

    fn shown(role: Role, letters: Vec<DeadLetter>, query: &LetterQuery) -> String {
        let who = Identity { role, ..Identity::local() };
        let frame = Frame::new("Dead letters", "dead-letters", Some(who), &HeaderMap::new());
        let known = Known { letters, by_reason: vec![("not_json".into(), 1_234)], waiting: 0 };
        DeadLetters::of(frame, query, &known, None, samples::NOW).render().unwrap()
    }

    #[test]
    fn an_address_says_no_more_letters_to_be_tried_again_than_wait() {
        let known = |waiting| Known { letters: Vec::new(), by_reason: vec![("not_json".into(), 4)], waiting };
        assert!(says(7, 0, &known(1)).starts_with("One is tried again"));
        assert!(says(7, 9, &known(0)).starts_with("Nothing waits") && says(7, 9, &known(0)).contains(" 4 can't be"));
        assert!(says(0, 0, &known(0)).starts_with("Nothing to try again"));
    }

    #[test]
    fn the_page_says_why_where_and_what_to_do() {
        let html = shown(Role::Operator, samples::dead_letters(), &LetterQuery::default());
        for part in ["1,234", "fleet/logs/3, offset 4712, record 0", "Check what else writes", "Try it again"] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }

    #[test]
    fn who_may_only_look_is_shown_no_button_and_a_cut_letter_has_none_either() {
        assert!(
            !shown(Role::Viewer, samples::dead_letters(), &LetterQuery::default())
                .contains("<form method=\"post\" action=\"/dead")
        );
        let mut letters = samples::dead_letters();
        letters[0].size = 1 << 20;
        let html = shown(Role::Operator, letters, &LetterQuery::default());
        assert!(!html.contains("Try it again") && html.contains("only its first 16 KiB are kept"), "{html}");
    }

    #[test]
    fn a_view_is_its_address_and_the_next_page_goes_on_after_the_last_letter() {
        let pairs = [("reason", "a&b"), ("source", "hub"), ("before", "7"), ("id", "x")];
        let query = asked(&pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(address(&query), "reason=a%26b&source=hub&before=7");
        let letters = (0..=PAGE as i64).map(|n| DeadLetter { id: 1_000 - n, ..samples::dead_letters().remove(0) });
        assert!(shown(Role::Viewer, letters.collect(), &LetterQuery::default()).contains("/dead-letters?before=951"));
    }
}
