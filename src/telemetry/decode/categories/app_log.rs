//! What an app's logger, its container and the platform write: `AppServiceAppLogs`,
//! `AppServiceConsoleLogs` and `AppServicePlatformLogs`.
//!
//! Linux writes the line beside `properties`, in `resultDescription`, with its newlines. A console's
//! level tells only which stream a line went to, so it says nothing of how anything ended.

use crate::telemetry::{Event, Kind, Outcome};

use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property};

/// Fills a line of a container's console; returns the kind of event.
pub(in crate::telemetry::decode) fn console<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    line(event, record);
    event.outcome = Outcome::Unknown;
    Kind::AppLog
}

/// Fills a line of an app's own logger; returns the kind of event.
pub(in crate::telemetry::decode) fn app<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    line(event, record);
    Kind::AppLog
}

/// Fills what the platform did with a container; returns the kind of event.
pub(in crate::telemetry::decode) fn platform<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    line(event, record);
    Kind::PlatformEvent
}

fn line<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level).or(p.text(Property::Level)).or(p.text(Property::CustomLevel));
    let inside = || p.piece(Property::Message).and_then(|text| text.trimmed());
    let beside = || e.piece(Envelope::ResultDescription).and_then(|text| text.trimmed());
    let outside = || e.piece(Envelope::Message).and_then(|text| text.trimmed());
    let thrown = || p.piece(Property::Exception).and_then(|text| text.trimmed());
    let opaque = || record.opaque.and_then(|text| text.trimmed());
    event.message = inside().or_else(beside).or_else(outside).or_else(thrown).or_else(opaque);
    let bad = |level: &str| level.eq_ignore_ascii_case("Error") || level.eq_ignore_ascii_case("Critical");
    if event.level.is_some_and(|level| bad(level.value)) {
        event.outcome = Outcome::Failure;
    }
}
