//! Any other record: what its envelope says.

use crate::telemetry::{Event, Kind};

use super::super::record::{Record, source};
use super::super::vocabulary::{Envelope, Property};
use super::activity;

/// Fills what an envelope says; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level).or(p.text(Property::Level));
    event.response.duration_ms = e.number(Envelope::DurationMs);
    let message = p.piece(Property::Message).or(e.piece(Envelope::Message)).or(e.piece(Envelope::ResultDescription));
    event.message = message.or(record.opaque).and_then(|text| text.trimmed());
    if let (None, Some(address)) = (event.source_text, p.piece(Property::CIp)) {
        source(event, &address);
    }
    activity::who(event, record);
    event.identity.name = event.identity.name.or(p.text(Property::User));
    event.personal.extend(p.text(Property::UserDisplayName));
    // Application Insights' other tables: AppEvents, AppPageViews, AppAvailabilityResults.
    event.personal.extend(e.text(Envelope::UserAuthenticatedId).into_iter().chain(e.text(Envelope::UserAccountId)));
    Kind::Other
}
