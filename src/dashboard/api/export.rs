//! How does a program get everything that a question finds?
//!
//! As CSV, JSON or a JSON object a line, written as it is read, so that a million alerts need no
//! memory. Which alerts those are is settled at the beginning; each is written as it stands when its
//! turn comes, 200 at a time, so that no reader of the store is held for long. More than a million are
//! refused rather than cut; two exports run at once, one of one person; who takes nothing for 30 seconds is cut off.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::super::app::App;
use super::super::door::Viewer;
use super::super::shares::Share;
use super::alert_form::AlertForm;
use super::asked::{Question, number, question};
use super::problem::{Pairs, busy, problem, unreadable};
use super::shown;
use crate::access::Identity;
use crate::alerts::{Alert, AlertId, Query};
use crate::store::{AlertQuery, StoreError};

/// Alerts in one export.
const MOST: usize = 1_000_000;
/// Alerts that are read at once.
const AT_ONCE: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);
/// Exports at once.
pub(in crate::dashboard) const MOST_EXPORTS: usize = 2;

const COLUMNS: [&str; 19] = [
    "id",
    "state",
    "level",
    "family",
    "detector",
    "title",
    "entity_kind",
    "entity",
    "app",
    "owner",
    "assignee",
    "class",
    "first_seen",
    "opened_at",
    "last_seen",
    "count",
    "threat",
    "techniques",
    "why",
];

/// How alerts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
    Lines,
}

/// How many are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct Most {
    /// The newest so many; all without it.
    #[param(minimum = 1, maximum = 1_000_000)]
    limit: Option<u32>,
}

/// Writes all alerts of a question as CSV (RFC 4180), newest first.
///
/// Every value is in quotes. What a spreadsheet would take for a formula (`=`, `+`, `-`, `@`, also full-width, where a
/// value or what follows a `;`, tab or line break in it begins) has an apostrophe before it. More than a million alerts are refused.
#[utoipa::path(
    get,
    path = "/api/v1/alerts.csv",
    tag = "alerts",
    params(Question, Most),
    responses(
        (status = 200, description = "A line of names, then a line for each alert.", body = String, content_type = "text/csv"),
        (status = 400, description = "The question is not understood: all that is wrong is in `errors`."),
        (status = 422, description = "It finds more than a million alerts."),
        (status = 503, description = "Two exports run already, or one of yours, or the store can't be read now."),
    )
)]
pub(super) async fn csv(State(app): State<Arc<App>>, Viewer(who): Viewer, Pairs(pairs): Pairs) -> Response {
    export((app, &who), &pairs, Form::Csv).await
}

/// Writes all alerts of a question as one JSON document, newest first.
///
/// More than a million alerts are refused.
#[utoipa::path(
    get,
    path = "/api/v1/alerts.json",
    tag = "alerts",
    params(Question, Most),
    responses(
        (status = 200, description = "The alerts.", body = super::forms::AlertExport),
        (status = 400, description = "The question is not understood: all that is wrong is in `errors`."),
        (status = 422, description = "It finds more than a million alerts."),
        (status = 503, description = "Two exports run already, or one of yours, or the store can't be read now."),
    )
)]
pub(super) async fn json(State(app): State<Arc<App>>, Viewer(who): Viewer, Pairs(pairs): Pairs) -> Response {
    export((app, &who), &pairs, Form::Json).await
}

/// Writes all alerts of a question as a JSON object a line, newest first.
///
/// More than a million alerts are refused.
#[utoipa::path(
    get,
    path = "/api/v1/alerts.ndjson",
    tag = "alerts",
    params(Question, Most),
    responses(
        (status = 200, description = "An alert a line.", body = AlertForm, content_type = "application/x-ndjson"),
        (status = 400, description = "The question is not understood: all that is wrong is in `errors`."),
        (status = 422, description = "It finds more than a million alerts."),
        (status = 503, description = "Two exports run already, or one of yours, or the store can't be read now."),
    )
)]
pub(super) async fn ndjson(State(app): State<Arc<App>>, Viewer(who): Viewer, Pairs(pairs): Pairs) -> Response {
    export((app, &who), &pairs, Form::Lines).await
}

async fn export((app, who): (Arc<App>, &Identity), pairs: &[(String, String)], form: Form) -> Response {
    let mut limit = MOST + 1;
    let asked = question(pairs, (Query::default(), app.parts.clock.now()), &["limit"], |name, value| {
        limit = number(name, value, MOST)?;
        Ok(())
    });
    let about = match asked {
        Ok(about) => about,
        Err(answer) => return answer,
    };
    let share = match app.share(&app.exports, who) {
        Ok(share) => share,
        Err(says) => return busy(&says),
    };
    let query = AlertQuery { about, after: None, limit };
    let ids = match app.readers.read_whole(move |reader| reader.alert_ids(&query)).await {
        Ok(ids) if ids.len() > MOST => {
            let says = format!(
                "the question finds more than {MOST} alerts, as many as are written: narrow it, with `since` and `until` for instance"
            );
            return problem(StatusCode::UNPROCESSABLE_ENTITY, &says);
        }
        Ok(ids) => ids,
        Err(error) => return unreadable(&error),
    };
    let (kind, name) = match form {
        Form::Csv => ("text/csv; charset=utf-8; header=present", "alerts.csv"),
        Form::Json => ("application/json", "alerts.json"),
        Form::Lines => ("application/x-ndjson", "alerts.ndjson"),
    };
    let (to, parts) = mpsc::channel(2);
    let (whole, end) = oneshot::channel();
    tokio::spawn(async move {
        if write(&app, ids, form, (to, share)).await {
            // Nobody may be there any more to hear it.
            let _ = whole.send(());
        }
    });
    // Parts that just stop coming would look like the end.
    let end = stream::once(async move {
        let broken = || io::Error::new(io::ErrorKind::BrokenPipe, "the export broke off");
        end.await.map(|()| Bytes::new()).map_err(|_| broken())
    });
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    (headers, Body::from_stream(ReceiverStream::new(parts).chain(end))).into_response()
}

/// Writes alerts until the end, or until nobody takes them any more; tells whether that was all.
async fn write(
    app: &App,
    ids: Vec<AlertId>,
    form: Form,
    (to, _share): (mpsc::Sender<io::Result<Bytes>>, Share),
) -> bool {
    let send =
        async |part: io::Result<Bytes>| matches!(tokio::time::timeout(PATIENCE, to.send(part)).await, Ok(Ok(())));
    let head = match form {
        Form::Csv => table(|lines| lines.write_record(COLUMNS)),
        Form::Json => Ok(b"{\"alerts\":[".to_vec()),
        Form::Lines => Ok(Vec::new()),
    };
    if !send(head.map(Bytes::from)).await {
        return false;
    }
    let mut first = true;
    for some in ids.chunks(AT_ONCE) {
        let wanted = some.to_vec();
        let read = app.readers.read_whole(move |reader| {
            let alerts = wanted
                .iter()
                .filter_map(|id| reader.alert(*id).transpose())
                .collect::<Result<Vec<Alert>, StoreError>>()?;
            Ok((alerts, reader.held_back(&wanted)?))
        });
        let part = match read.await {
            Err(error) => Err(io::Error::other(error.to_string())),
            Ok((alerts, _)) if form == Form::Csv => {
                table(|lines| alerts.iter().try_for_each(|alert| lines.write_record(row(alert))))
            }
            Ok((alerts, held)) => {
                let mut text = String::new();
                for alert in &alerts {
                    let before = if form == Form::Json && !std::mem::take(&mut first) { "," } else { "" };
                    let after = if form == Form::Lines { "\n" } else { "" };
                    text.extend([before, &shown(app, alert, held.get(&alert.id)).to_string(), after]);
                }
                Ok(text.into_bytes())
            }
        };
        let broken = part.is_err();
        if !send(part.map(Bytes::from)).await || broken {
            return false;
        }
    }
    form != Form::Json || send(Ok(Bytes::from_static(b"]}"))).await
}

/// Returns lines of CSV, each ended by CR LF.
fn table(fill: impl FnOnce(&mut csv::Writer<&mut Vec<u8>>) -> csv::Result<()>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Where a list is divided by semicolons, one within a value divides it unless that is in quotes.
    let mut lines = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(&mut bytes);
    fill(&mut lines).map_err(io::Error::other)?;
    lines.flush()?;
    drop(lines);
    Ok(bytes)
}

fn row(alert: &Alert) -> [String; COLUMNS.len()] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    [
        alert.id.to_string(),
        alert.state.name().into(),
        alert.level.name().into(),
        alert.family.name().into(),
        alert.detector.to_string(),
        alert.title.to_string(),
        alert.entity.kind.name().into(),
        alert.entity.value.to_string(),
        text(alert.app.as_deref()),
        text(alert.owner.as_deref()),
        text(alert.assignee.as_deref()),
        text(alert.class().map(crate::alerts::Class::name)),
        alert.first_seen.to_string(),
        alert.opened_at.to_string(),
        alert.last_seen.to_string(),
        alert.count.to_string(),
        alert.threat.to_string(),
        alert.attack.techniques.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        alert.why.clone(),
    ]
    .map(|text| harmless(&text))
}

/// Returns `text` so that no spreadsheet takes it, or a part of it, for a formula.
///
/// Some divide at semicolons or tabs, whatever is quoted: what follows one begins a cell there.
fn harmless(text: &str) -> String {
    let signs = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];
    let divides = [';', '\t', '\r', '\n'];
    let mut out = String::with_capacity(text.len() + 1);
    let mut begins = true;
    for (at, c) in text.char_indices() {
        if begins && signs.contains(&c) || at == 0 && matches!(c, '\t' | '\r' | '\n') {
            out.push('\'');
        }
        out.push(c);
        begins = divides.contains(&c) || begins && c.is_whitespace();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::pages::samples::alert;

    #[test]
    fn what_an_attacker_wrote_is_no_formula_and_breaks_no_line() {
        for formula in
            ["=1+1", "+1", "-1", "@SUM(A1)", "\u{ff1d}1", "\u{ff0b}1", "\u{ff0d}1", "\u{ff20}a", "\tx", "\rx", "\nx"]
        {
            assert_eq!(harmless(formula), format!("'{formula}"));
        }
        for (formula, harmed) in [
            ("a;=1", "a;'=1"),
            ("a; +1;-1", "a; '+1;'-1"),
            ("a\n=1\r\n@x\t=2", "a\n'=1\r\n'@x\t'=2"),
            ("\n=1", "'\n'=1"),
            (" =1", " '=1"),
            ("a-b=c+d, e@f; g", "a-b=c+d, e@f; g"),
        ] {
            assert_eq!(harmless(formula), harmed);
        }
        let evil = Alert { why: "=cmd|' /C calc'!A0, \"x\"\r\ny".into(), ..alert() };
        let bytes = table(|lines| lines.write_record(row(&evil))).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with(",\"'=cmd|' /C calc'!A0, \"\"x\"\"\r\ny\"\r\n"), "{text}");
        let mut lines = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let read = lines.records().next().unwrap().unwrap();
        assert_eq!((read.len(), &read[18]), (COLUMNS.len(), "'=cmd|' /C calc'!A0, \"x\"\r\ny"));
    }
}
