//! What does the threat model hold, for programs?
//!
//! The snapshot that the pages show: its sums at one address, parts, ways and changes some at a time, for a
//! fleet of 20,000 endpoints has a million states. Exports are whole: the table is written as it is taken, the
//! others as far as tools read them. Two exports run at once, one of one person, alerts' among them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::super::app::App;
use super::super::door::Viewer;
use super::super::shares::Share;
use super::asked::{number, plain};
use super::model_form::{ChangeList, FlowList, ModelForm, PartList};
use super::problem::{Pairs, busy, problem};
use crate::posture::export::{Format, HEAD, Watch, parts_of, rows, written};
use crate::posture::living::{Living, Part, Stands};

/// Items in one answer.
const MAX_LIMIT: usize = 200;
/// Parts of a table that are written at once.
const AT_ONCE: usize = 200;
const PATIENCE: Duration = Duration::from_secs(30);

/// Which items are wanted.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct Which {
    /// Those of this app or gateway alone.
    #[param(example = "fn-orders", min_length = 1)]
    app: Option<String>,
    /// How many items to pass over: the answer before says which with `next`.
    #[param(minimum = 0)]
    after: Option<usize>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<usize>,
}

/// What is exported.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read from pairs, so that all that is wrong can be said at once")]
pub(super) struct What {
    /// The format.
    #[param(inline)]
    format: Formats,
    /// What concerns this app or gateway alone.
    #[param(example = "fn-orders", min_length = 1)]
    app: Option<String>,
}

/// The formats of an export.
#[derive(Debug, utoipa::ToSchema, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "it describes names that `Format` reads")]
pub(super) enum Formats {
    Otm,
    ThreatDragon,
    Mermaid,
    Csv,
    Navigator,
    Sarif,
}

/// Says how the threat model stands: version, reviews, sums, risks, and what it can't tell.
#[utoipa::path(
    get,
    path = "/api/v1/model",
    tag = "model",
    responses((status = 200, description = "At most 1,000 risks and problems.", body = ModelForm))
)]
pub(super) async fn model(State(app): State<Arc<App>>, _: Viewer) -> Response {
    let living = app.parts.board.living();
    aside(&app, move || Json(ModelForm::of(&living)).into_response()).await
}

/// Lists the parts of the model with the state of each control and of each threat, in order of kind and name.
#[utoipa::path(
    get,
    path = "/api/v1/model/parts",
    tag = "model",
    params(Which),
    responses(
        (status = 200, description = "Some of them.", body = PartList),
        (status = 400, description = "A parameter is not understood."),
        (status = 404, description = "There is no such app or gateway."),
    )
)]
pub(super) async fn parts(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let living = app.parts.board.living();
    aside(&app, move || match asked(&living, &pairs) {
        Ok((site, after, limit)) => {
            let wanted = |at: u32| site.is_none_or(|site| living.site_of(at) == site);
            let mut some = living.placed().filter(|(at, _)| wanted(*at)).skip(after);
            let found: Vec<(u32, &Part)> = some.by_ref().take(limit).collect();
            let next = some.next().map(|_| after + found.len());
            Json(PartList::of(&living, &found, next)).into_response()
        }
        Err(answer) => answer,
    })
    .await
}

/// Lists the ways between parts, and how intent, configuration and traffic agree on each.
#[utoipa::path(
    get,
    path = "/api/v1/model/flows",
    tag = "model",
    params(Which),
    responses(
        (status = 200, description = "Some of them.", body = FlowList),
        (status = 400, description = "A parameter is not understood."),
        (status = 404, description = "There is no such app or gateway."),
    )
)]
pub(super) async fn flows(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let living = app.parts.board.living();
    aside(&app, move || match asked(&living, &pairs) {
        Ok((site, after, limit)) => {
            let is = |at: u32, site: u32| living.site_of(at) == site;
            let wanted = |from: u32, to: u32| site.is_none_or(|site| is(from, site) || is(to, site));
            let mut some = living.flows.iter().filter(|flow| wanted(flow.from, flow.to)).skip(after);
            let found: Vec<_> = some.by_ref().take(limit).collect();
            let next = some.next().map(|_| after + found.len());
            Json(FlowList::of(&living, &found, next)).into_response()
        }
        Err(answer) => answer,
    })
    .await
}

/// Lists what has changed, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/model/changes",
    tag = "model",
    params(Which),
    responses(
        (status = 200, description = "Some of them.", body = ChangeList),
        (status = 400, description = "A parameter is not understood."),
        (status = 404, description = "There is no such app or gateway."),
    )
)]
pub(super) async fn changes(State(app): State<Arc<App>>, _: Viewer, Pairs(pairs): Pairs) -> Response {
    let living = app.parts.board.living();
    aside(&app, move || match asked(&living, &pairs) {
        Ok((site, after, limit)) => {
            let name = site.and_then(|site| living.part(site)).map(|part| &*part.name);
            let of = |part: &str| {
                name.is_none_or(|name| {
                    part.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            };
            let mut some = living.drifts.iter().filter(|drift| of(&drift.part)).skip(after);
            let found: Vec<_> = some.by_ref().take(limit).collect();
            let next = some.next().map(|_| after + found.len());
            Json(ChangeList::of(&found, next)).into_response()
        }
        Err(answer) => answer,
    })
    .await
}

/// Makes an answer beside the threads that serve.
async fn aside(app: &App, make: impl FnOnce() -> Response + Send + 'static) -> Response {
    let made = app.models.work(make).await;
    made.unwrap_or_else(|| busy("other answers of the threat model are being made: try again in a few seconds"))
}

/// Reads which items are wanted: the app or gateway, how many to pass over, and how many to tell.
#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn asked(living: &Living, pairs: &[(String, String)]) -> Result<(Option<u32>, usize, usize), Response> {
    let (mut app, mut after, mut limit) = (None, 0, 50);
    plain(pairs, &["app", "after", "limit"], |name, value| {
        match name {
            "limit" => limit = number(name, value, MAX_LIMIT)?,
            "app" => app = Some(value.to_owned()),
            _ => after = value.trim().parse().map_err(|_| "`after` is a number: the `next` of the answer before.")?,
        }
        Ok(())
    })?;
    Ok((site(living, app.as_deref())?, after, limit))
}

#[expect(clippy::result_large_err, reason = "the error is the answer itself, made once a request")]
fn site(living: &Living, app: Option<&str>) -> Result<Option<u32>, Response> {
    let Some(name) = app else { return Ok(None) };
    living.site_named(name).map(Some).ok_or_else(|| {
        let says =
            "the threat model has no app or gateway of this name: `GET /api/v1/model/parts` lists those that it has";
        problem(StatusCode::NOT_FOUND, says)
    })
}

/// Exports the threat model, or what of it concerns one app or gateway.
///
/// As Open Threat Model 0.2.0, OWASP Threat Dragon 2, Mermaid, CSV, a layer of the ATT&CK Navigator 4.5, or SARIF 2.1.0. In CSV a value that a
/// spreadsheet would take for a formula has an apostrophe before it.
#[utoipa::path(
    get,
    path = "/api/v1/model/export",
    tag = "model",
    params(What),
    responses(
        (status = 200, description = "The model in that format.", content(
            (Object = "application/json"), (Object = "application/sarif+json"), (String = "text/csv"), (String = "text/plain")
        )),
        (status = 400, description = "The format is not understood."),
        (status = 404, description = "There is no such app or gateway."),
        (status = 503, description = "Two exports run already, or one of yours."),
    )
)]
pub(super) async fn export(State(app): State<Arc<App>>, Viewer(who): Viewer, Pairs(pairs): Pairs) -> Response {
    let living = app.parts.board.living();
    let (mut format, mut named) = (None, None);
    let asked = plain(&pairs, &["format", "app"], |name, value| {
        if name == "app" {
            named = Some(value.to_owned());
            return Ok(());
        }
        let known = Format::ALL.map(Format::name).join(", ");
        format = Some(Format::named(value).ok_or_else(|| format!("`format` is one of {known}."))?);
        Ok(())
    });
    if let Err(answer) = asked {
        return answer;
    }
    let Some(format) = format else {
        let flaw = super::problem::Flaw::of(
            "format",
            "say which `format`: otm, threat-dragon, mermaid, csv, navigator or sarif",
        );
        return super::problem::flawed(vec![flaw]);
    };
    let site = match site(&living, named.as_deref()) {
        Ok(site) => site,
        Err(answer) => return answer,
    };
    let share = match app.share(&app.exports, &who) {
        Ok(share) => share,
        Err(says) => return busy(&says),
    };
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", format.file())),
    ];
    if format == Format::Csv {
        return (headers, table(living, site, share)).into_response();
    }
    let watches = watches(&app);
    let made = tokio::task::spawn_blocking(move || written(&living, format, site, &watches)).await;
    drop(share);
    match made {
        Ok(text) => (headers, text).into_response(),
        Err(_) => problem(StatusCode::INTERNAL_SERVER_ERROR, "the export could not be made"),
    }
}

/// Writes the table some parts at a time, as fast as they are taken.
fn table(living: Arc<Living>, site: Option<u32>, share: Share) -> Body {
    let (to, parts) = mpsc::channel::<std::io::Result<Bytes>>(2);
    tokio::spawn(async move {
        let _share = share;
        let all = parts_of(&living, site);
        let mut text = HEAD.to_owned();
        for some in all.chunks(AT_ONCE) {
            text.push_str(&rows(&living, some));
            let sent = tokio::time::timeout(PATIENCE, to.send(Ok(std::mem::take(&mut text).into()))).await;
            if !matches!(sent, Ok(Ok(()))) {
                // Parts that just stop coming would look like the end.
                let broken = std::io::Error::new(std::io::ErrorKind::BrokenPipe, "the export broke off");
                drop(to.try_send(Err(broken)));
                return;
            }
        }
        if !text.is_empty() {
            drop(to.send(Ok(text.into())).await);
        }
    });
    Body::from_stream(ReceiverStream::new(parts))
}

/// Returns what a layer tells of the detectors that run.
fn watches(app: &App) -> Vec<Watch> {
    let mut all: Vec<Watch> = app
        .parts
        .board
        .detectors
        .iter()
        .map(|seen| Watch {
            detector: seen.key().clone(),
            threat: seen.threat.clone(),
            techniques: seen.techniques.clone(),
            attack: seen.attack.clone(),
        })
        .collect();
    all.sort_by(|a, b| a.detector.cmp(&b.detector));
    all
}

/// Returns how many states there are of each name.
pub(super) fn counts<'s>(standings: impl Iterator<Item = &'s Stands>) -> [u64; Stands::ALL.len()] {
    let mut counts = [0; Stands::ALL.len()];
    for stands in standings {
        counts[*stands as usize] += 1;
    }
    counts
}
