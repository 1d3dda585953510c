//! `FunctionAppLogs`: what functions and their host log.
//!
//! The host's lines name the function `Functions.hello`, the user's `hello`, and some lines only
//! in their category, `Function.hello.User`. Quotes are gone from messages of Linux hosts.

use memchr::memchr_iter;

use crate::telemetry::{Event, Kind, Outcome};

use super::super::doc::lower;
use super::super::record::Record;
use super::super::resource::of_app;
use super::super::vocabulary::{Envelope, Property};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    if event.app.is_none() {
        event.app = p.text(Property::AppName).map(|name| lower(name, event.arena));
    }
    if let Some(name) = p.piece(Property::FunctionName) {
        let start = prefix(name.value, "Functions.");
        event.function = Some(of_app(event, name.part(start..name.value.len())));
    } else if let Some(category) = p.piece(Property::Category) {
        let start = prefix(category.value, "Function.");
        let end = category.value.len() - category.value.strip_suffix(".User").map_or(0, |_| ".User".len());
        if start > 0 && start < end {
            event.function = Some(of_app(event, category.part(start..end)));
        }
    }
    event.level = p.text(Property::Level).or(record.envelope.text(Envelope::Level));
    let message = p.piece(Property::Message).and_then(|message| message.trimmed());
    let exception = || p.piece(Property::ExceptionMessage).and_then(|message| message.trimmed());
    let opaque = || record.opaque.and_then(|text| text.trimmed());
    let outside = || record.envelope.piece(Envelope::Message).and_then(|message| message.trimmed());
    event.message = message.or_else(exception).or_else(opaque).or_else(outside);
    event.correlation = p.text(Property::FunctionInvocationId).or(event.correlation);
    event.outcome = outcome(event);
    Kind::FunctionLog
}

fn outcome(event: &Event<'_>) -> Outcome {
    let level = event.level.map_or("", |level| level.value);
    let message = event.message.map_or("", |message| message.value);
    if level.eq_ignore_ascii_case("Error") || level.eq_ignore_ascii_case("Critical") || holds(message, "(Failed,") {
        Outcome::Failure
    } else if message.starts_with("Executed") && holds(message, "(Succeeded") {
        Outcome::Success
    } else {
        Outcome::Unknown
    }
}

/// Tells whether `message` holds `wanted`, which begins with a bracket.
fn holds(message: &str, wanted: &str) -> bool {
    memchr_iter(b'(', message.as_bytes()).any(|at| message.as_bytes()[at..].starts_with(wanted.as_bytes()))
}

/// Returns the length of `prefix` if `text` begins with it and goes on.
fn prefix(text: &str, prefix: &str) -> usize {
    text.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map_or(0, |_| prefix.len())
}
