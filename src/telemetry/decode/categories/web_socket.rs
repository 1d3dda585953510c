//! `WebSocketConnectionLogs`: WebSocket connections through API Management.
//!
//! A record is one event of a connection (its request arrived, the backend was connected, it
//! ended); all of a connection share a correlation id. Only an error says how it ended.

use crate::telemetry::{Event, Kind, Outcome, Reason};

use super::super::record::{Record, source};
use super::super::vocabulary::Property;
use super::super::{address, asked, refusal};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    event.operation = p.text(Property::EventName);
    // An address, where the caller is meant; else the word `Client` or the like.
    if let Some(from) = p.piece(Property::Source).filter(|from| address::address(from.value).is_some())
        && event.source_text.is_none()
    {
        source(event, &from);
    }
    if let Some(to) = p.piece(Property::Destination) {
        if to.value.contains("://") {
            asked::request(event, &to);
            event.target = event.request.host;
        } else {
            event.target = Some(to.whole());
        }
    }
    event.message = p.piece(Property::Error).and_then(|error| error.trimmed());
    if let Some(error) = event.message {
        event.outcome = Outcome::Failure;
        event.reason = refusal::by_apim(error.value).unwrap_or(Reason::Unknown);
    }
    Kind::GatewayConnection
}
