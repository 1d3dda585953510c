//! `AuditEvent`: what was asked of a Key Vault.
//!
//! `resultType` is `Success` whatever was answered, so that only the status and the signature
//! tell how it ended, and the worse of the two counts. A client's first request bears no token and
//! is answered with a challenge: nobody was refused anything by that.

use std::ops::Range;

use crate::telemetry::{Decision, Event, IdentityKind, Kind, Outcome, Reason};

use super::super::doc::{Piece, lower};
use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property};
use super::super::{refusal, tls, token, url};
use super::activity;

/// What a vault keeps, as its URLs name it.
const KEPT: [&str; 8] = [
    "secrets",
    "keys",
    "certificates",
    "storage",
    "deletedsecrets",
    "deletedkeys",
    "deletedcertificates",
    "deletedstorage",
];

/// Signatures of what went well.
const GOOD: [&str; 5] = ["OK", "Accepted", "Created", "No Content", "NoContent"];

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level);
    event.response.duration_ms = e.number(Envelope::DurationMs);
    event.message = e.piece(Envelope::ResultDescription).and_then(|text| text.trimmed());
    event.client.agent = p.text(Property::ClientInfo);
    event.client.tls = p.piece(Property::TlsVersion).map(|text| tls::version(&text));
    event.response.status = p.number(Property::HttpStatusCode).filter(|status| (100..600).contains(status));
    if let Some(asked) = p.piece(Property::RequestUri) {
        let parts = url::url(asked.value);
        event.request.host = parts.host.map(|at| asked.part(at));
        event.request.path = parts.path.map(|at| asked.part(at));
        event.request.query = parts.query.map(|at| asked.part(at));
    }
    let named = |text: Piece<'s>| kept(text.value).map(|at| lower(text.part(at), event.arena));
    event.target = p.piece(Property::Id).and_then(named).or_else(|| p.piece(Property::RequestUri).and_then(named));
    activity::who(event, record);
    ended(event, record);
    Kind::VaultOperation
}

/// Returns where `secrets/name` stands in a URL of a vault.
fn kept(asked: &str) -> Option<Range<usize>> {
    let path = url::url(asked).path?;
    let start = path.start + 1;
    let mut parts = asked.get(start..path.end)?.split('/');
    let (what, name) = (parts.next()?, parts.next()?);
    let known = KEPT.iter().any(|known| known.eq_ignore_ascii_case(what));
    (known && !name.is_empty()).then(|| start..start + what.len() + 1 + name.len())
}

fn ended(event: &mut Event<'_>, record: &Record<'_>) {
    let signature = record.envelope.text(Envelope::ResultSignature).map(|text| text.value.trim());
    let status = event.response.status.unwrap_or(0);
    let bad = signature.is_some_and(|signature| !GOOD.iter().any(|good| good.eq_ignore_ascii_case(signature)));
    event.outcome = match refusal::outcome(status) {
        _ if bad => Outcome::Failure,
        Outcome::Unknown if signature.is_some() => Outcome::Success,
        outcome => outcome,
    };
    if event.outcome != Outcome::Failure {
        return;
    }
    // Either may be the one that says it.
    let status = if status < 400 { of_signature(signature.unwrap_or_default()) } else { status };
    event.reason = why(event, record, status);
    if event.reason == Reason::TokenMissing && event.identity.id.is_none() && event.identity.name.is_none() {
        event.identity.kind = Some(IdentityKind::Anonymous);
        event.decision = Some(Decision::Challenged);
    }
}

fn why(event: &Event<'_>, record: &Record<'_>, status: i64) -> Reason {
    let said = event.message.map_or("", |text| text.value);
    match status {
        401 => {
            let nobody = record.claims.is_empty() && event.identity.name.is_none();
            let silent = if nobody && said.is_empty() { Reason::TokenMissing } else { Reason::AuthenticationRequired };
            token::reason(said).unwrap_or(silent)
        }
        403 => {
            let authorized = record.properties.text(Property::IsAddressAuthorized);
            let outside = authorized.is_some_and(|text| text.value.eq_ignore_ascii_case("false"))
                || said.starts_with("Client address")
                || said.starts_with("Public network access is disabled");
            if outside { Reason::AddressNotAllowed } else { Reason::Forbidden }
        }
        status => refusal::by_status(status),
    }
}

fn of_signature(signature: &str) -> i64 {
    match signature.to_ascii_lowercase().as_str() {
        "unauthorized" => 401,
        "forbidden" => 403,
        "not found" | "notfound" => 404,
        "bad request" | "badrequest" => 400,
        "too many requests" => 429,
        _ => 0,
    }
}
