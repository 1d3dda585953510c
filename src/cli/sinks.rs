//! `gatewatch sinks`: what would be sent, whether it arrives, and what was sent.
//!
//! A test is a made-up alert that says so, and is closed again at once where alerts are kept account
//! of. Deliveries are read from the store beside a running daemon.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::alerts::{AlertId, AlertState, Closing, Transition};
use crate::clock::Clock;
use crate::dashboard::visible;
use crate::sinks::{
    AnySink, Dispatcher, Hears, News, Notice, Outlet, RenderedDelivery, idempotency_key, sample_at, sample_streams,
    saved_cuts,
};
use crate::store::{Made, Reader, StoreError};

use super::args::{Sinks, SinksDeliveries, SinksOne};
use super::talk::{Failure, print, print_while_read, say};
use super::{setup, sources};

/// Previews, tests, or lists deliveries.
pub fn sinks(command: &Sinks) -> Result<ExitCode, Failure> {
    match command {
        Sinks::Preview(options) => preview(options, &Clock::system()),
        Sinks::Test(options) => test(options, &Clock::system()),
        Sinks::Deliveries(options) => deliveries(options),
    }
}

/// Opens the sink that is meant, and no other; returns it with the dashboard's public address.
fn open(options: &SinksOne, clock: &Clock) -> Result<(Outlet, Option<String>), Failure> {
    let config = setup::config(Some(&options.config))?;
    let named: Vec<String> = config.sinks.named().iter().map(|(_, name, _)| (*name).to_owned()).collect();
    let outlet = sources::sinks(&config, Some(&options.sink), clock)?.pop().ok_or_else(|| {
        let there =
            if named.is_empty() { "it names none".to_owned() } else { format!("it names {}", named.join(", ")) };
        Failure::Usage(format!("{} names no sink {}: {there}", options.config.display(), options.sink))
    })?;
    Ok((outlet, config.dashboard.external_url))
}

/// Returns key and text of each delivery that a test of `sink` makes: an alert that opens, and that
/// it is over, where a receiver would go on counting it as open.
fn made_up(sink: &AnySink, external_url: Option<&str>, clock: &Clock) -> Vec<(String, String)> {
    let opened = sample_at(clock.now());
    let mut closed = opened.clone();
    (closed.revision, closed.state, closed.closing) = (2, AlertState::Closed, Some(Closing::Quiet));
    let transitions =
        [(News::Opened, Transition::Opened(opened)), (News::Closed, Transition::Closed(closed, Closing::Quiet))];
    let deliveries = transitions.iter().filter_map(|(news, transition)| {
        let key = idempotency_key(transition.alert());
        let text = match sink.hears() {
            Hears::Messages if *news == News::Closed => return None,
            Hears::Messages => sink.compose(&[Notice::of(transition, external_url)], 0, &key)?,
            _ => sink.render(transition, *news, &sample_streams())?,
        };
        Some((key, text))
    });
    deliveries.collect()
}

fn preview(options: &SinksOne, clock: &Clock) -> Result<ExitCode, Failure> {
    let (outlet, external_url) = open(options, clock)?;
    for (_, text) in made_up(&outlet.sink, external_url.as_deref(), clock).iter().take(1) {
        print(&format!("{}\n", readable(&outlet.sink, text)))?;
    }
    if external_url.is_none() {
        setup::note("messages carry no link to their alert: set external_url in [dashboard]");
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns a delivery's text as people read it.
fn readable(sink: &AnySink, text: &str) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    match sink {
        AnySink::Email(_) => {
            let of = |name: &str| field(name).trim_end().to_owned();
            format!("Subject: {}\n\n{}\n\n--- as HTML ---\n{}", of("subject"), of("text"), of("html"))
        }
        _ => serde_json::to_string_pretty(&value).unwrap_or_default(),
    }
}

fn test(options: &SinksOne, clock: &Clock) -> Result<ExitCode, Failure> {
    let (outlet, external_url) = open(options, clock)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Failure::Io(format!("the asynchronous runtime could not be started: {error}")))?;
    for (key, payload) in made_up(&outlet.sink, external_url.as_deref(), clock) {
        let began = clock.elapsed();
        let came = runtime.block_on(outlet.sink.deliver(&RenderedDelivery { key: &key, payload: &payload }));
        let took = clock.elapsed().saturating_sub(began).as_millis();
        match came {
            Ok(note) => print(&format!("{} ({}) took {key}: {note}, {took} ms\n", outlet.name, outlet.sink.kind()))?,
            Err(error) => {
                say(&format!("{} ({}) did not take {key}: {error}", outlet.name, outlet.sink.kind()));
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn failed(error: StoreError) -> Failure {
    Failure::Io(error.to_string())
}

/// Deliveries of one alert that are looked through at most for those that are asked for.
const LOOKED_THROUGH: usize = 100_000;
/// Digits of an alert's id.
const WHOLE: usize = 16;

fn deliveries(options: &SinksDeliveries) -> Result<ExitCode, Failure> {
    let reader = Reader::open(&options.data.data).map_err(failed)?;
    let limit = options.limit as usize;
    let alert = options.alert.as_deref().map(|begins| alert_of(&reader, begins)).transpose()?;
    let made = match (alert, options.sink.as_deref(), options.failing) {
        (Some(None), _, _) => Ok(Vec::new()),
        (Some(alert), _, _) => reader.made(alert, LOOKED_THROUGH),
        (None, sink, true) => reader.troubled(sink, limit),
        (None, Some(sink), false) => reader.made_to(sink, limit),
        (None, None, false) => reader.made(None, limit),
    };
    let made = made.map_err(failed)?;
    let wanted = |one: &&Made| {
        options.sink.as_ref().is_none_or(|sink| *sink == one.delivery.sink)
            && (!options.failing || one.outcome == "refused" || one.outcome == "waiting" && one.delivery.attempts > 0)
    };
    let shown: Vec<&Made> = made.iter().filter(wanted).take(limit).collect();
    let mut out = String::new();
    if !options.json && !shown.is_empty() {
        let _ = writeln!(out, "{}", line(["SINK", "KEY", "ATTEMPT", "TOOK", "TRIED", "NEXT TRY", "OUTCOME"]));
    }
    for one in shown {
        let _ = if options.json { writeln!(out, "{}", as_json(one)) } else { writeln!(out, "{}", as_row(one)) };
    }
    if out.is_empty() {
        say("There are no such deliveries.");
    }
    let head = Dispatcher::names().next().map(|name| reader.value(name)).transpose().map_err(failed)?.flatten();
    for (_, total, says) in head.map(|head| saved_cuts(&head)).unwrap_or_default().each() {
        if total > 0 {
            super::setup::note(&format!("since the first start {total} {says}"));
        }
    }
    print_while_read(out.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the ids of the alerts that a delivery is about; of one alone its key says which: `b0208c4e58b495c6:2`.
fn ids_of(made: &Made) -> impl Iterator<Item = &str> {
    let keyed = made.delivery.key.split(':').next().filter(|id| id.len() == WHOLE);
    made.delivery.about.iter().map(String::as_str).chain(keyed)
}

/// Returns the alert whose id begins so, of those that deliveries are about; there may be none.
fn alert_of(reader: &Reader, begins: &str) -> Result<Option<AlertId>, Failure> {
    if begins.len() == WHOLE {
        return Ok(begins.parse().ok());
    }
    let made = reader.made(None, LOOKED_THROUGH).map_err(failed)?;
    let ids: BTreeSet<&str> = made.iter().flat_map(ids_of).filter(|id| id.starts_with(begins)).collect();
    if ids.len() > 1 {
        let says = format!("{} alerts begin with {begins}: write more of its digits", ids.len());
        return Err(Failure::Usage(says));
    }
    Ok(ids.first().and_then(|id| id.parse().ok()))
}

fn line([sink, key, attempt, took, tried, next, outcome]: [&str; 7]) -> String {
    format!("{sink:<16} {key:<24} {attempt:>7} {took:>9}  {tried:<20} {next:<20} {outcome}")
}

fn as_row(one: &Made) -> String {
    let at = |at: crate::clock::Timestamp| at.to_chrono().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    let took = one.took.map_or_else(|| "-".to_owned(), |took| format!("{} ms", took.as_millis()));
    let next = if one.outcome == "waiting" { at(one.delivery.due) } else { "-".to_owned() };
    let tried = one.tried_at.map_or_else(|| "-".to_owned(), at);
    let about = match one.delivery.about.len() {
        0 | 1 => String::new(),
        many => format!(" ({many} alerts)"),
    };
    line([
        &visible(&one.delivery.sink),
        &visible(&one.delivery.key),
        &one.delivery.attempts.to_string(),
        &took,
        &tried,
        &next,
        &format!("{}{about}", visible(&one.in_words())),
    ])
}

fn as_json(one: &Made) -> Value {
    json!({
        "sink": one.delivery.sink,
        "key": one.delivery.key,
        "about": one.delivery.about,
        "attempts": one.delivery.attempts,
        "outcome": one.outcome,
        "note": one.note,
        "tried_at": one.tried_at,
        "took_ms": one.took.map(|took| took.as_millis() as u64),
        "next_try": (one.outcome == "waiting").then_some(one.delivery.due),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::Delivery;

    #[test]
    fn a_delivery_says_by_its_key_or_its_list_which_alerts_it_is_about() {
        let of = |key: &str, about: &[&str]| {
            let mut delivery = Delivery::new("pager", key, String::new(), Timestamp::default());
            delivery.about = about.iter().map(ToString::to_string).collect();
            let made = Made { delivery, outcome: "delivered", note: String::new(), tried_at: None, took: None };
            ids_of(&made).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of("b0208c4e58b495c6:2", &[]), ["b0208c4e58b495c6"]);
        assert_eq!(
            of("together:7", &["b0208c4e58b495c6", "4bd564553c1c1b7b"]),
            ["b0208c4e58b495c6", "4bd564553c1c1b7b"]
        );
    }
}
