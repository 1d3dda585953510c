//! `AppServiceAuthenticationLogs`: what Easy Auth refused, and what went wrong with it.
//!
//! Successful sign-ins are not logged, nor where a request came from. A status with its substatus
//! says most; where there is none, a sentence does, and a warning about settings refuses nobody.

use crate::telemetry::{Event, Kind, Outcome, Reason};

use super::super::doc::lower;
use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property};
use super::super::{refusal, token};

/// What a sentence without a status says where somebody was refused.
const REFUSED: [&str; 5] =
    ["validation failed", "login failed", "authentication failed", "request failed authentication", "unauthorized"];

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    if event.app.is_none() {
        event.app = p.text(Property::SiteName).map(|name| lower(name, event.arena));
    }
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level).or(p.text(Property::Level));
    event.request.host = p.text(Property::HostName);
    let message = p.piece(Property::Message).or(e.piece(Envelope::Message)).or(e.piece(Envelope::ResultDescription));
    event.message = message.or(p.piece(Property::Details)).or(record.opaque).and_then(|text| text.trimmed());
    event.response.status = p.number(Property::StatusCode).filter(|status| (100..600).contains(status));
    // Also written with its status, as `401.71`.
    let substatus = p.text(Property::SubStatusCode).and_then(|text| text.value.rsplit('.').next()?.trim().parse().ok());
    event.response.substatus = substatus;
    let details = p.text(Property::Details).map_or("", |text| text.value);
    (event.outcome, event.reason) = ended(event, details);
    Kind::SignIn
}

fn ended(event: &Event<'_>, details: &str) -> (Outcome, Reason) {
    let message = event.message.map_or("", |message| message.value);
    let said = || token::reason(message).or_else(|| token::reason(details));
    let Some(status) = event.response.status else {
        let head = message.get(..message.floor_char_boundary(256)).unwrap_or_default().to_ascii_lowercase();
        return if REFUSED.iter().any(|part| head.contains(part)) {
            (Outcome::Failure, said().unwrap_or_default())
        } else {
            (Outcome::Unknown, Reason::Unknown)
        };
    };
    let outcome = refusal::outcome(status);
    if outcome != Outcome::Failure {
        return (outcome, Reason::Unknown);
    }
    let coded = by_substatus(status, event.response.substatus);
    let reason = match coded {
        // These say that the token is to blame; the sentence says what is wrong with it.
        Some(Reason::TokenMalformed) | None => said().or(coded).unwrap_or_else(|| refusal::by_status(status)),
        Some(reason) => reason,
    };
    (outcome, reason)
}

/// Returns why a web app refused a request, by Easy Auth's substatus or IIS's.
pub(in crate::telemetry::decode) fn by_substatus(status: i64, substatus: Option<i64>) -> Option<Reason> {
    match (status, substatus?) {
        (401, 71) => Some(Reason::AuthenticationRequired),
        (400, 73) | (401, 73 | 78) => Some(Reason::Protocol),
        (400 | 401, 83) => Some(Reason::TokenMalformed),
        (403, 6) => Some(Reason::AddressNotAllowed),
        (403, 501 | 502) => Some(Reason::Rate),
        _ => None,
    }
}
