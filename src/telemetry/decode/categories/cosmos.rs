//! `DataPlaneRequests`: what was asked of a Cosmos DB account.
//!
//! All numbers are texts. Which of the account's keys was used is logged, not the key: its id here
//! is `account/PrimaryMasterKey`. A system key is Azure's own.

use crate::telemetry::{Event, IdentityKind, Kind, Outcome, Reason, Text};

use super::super::record::{Record, source};
use super::super::refusal;
use super::super::vocabulary::{Envelope, Property};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    if let Some(address) = p.piece(Property::ClientIpAddress) {
        source(event, &address);
    }
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level);
    event.correlation = p.text(Property::ActivityId).or(event.correlation);
    event.client.agent = p.text(Property::UserAgent);
    event.request.size = p.number(Property::RequestLength);
    event.response.size = p.number(Property::ResponseLength);
    event.response.duration_ms = p.number(Property::Duration).or(e.number(Envelope::DurationMs));
    event.response.status = p.number(Property::StatusCode);
    event.identity.id = p.text(Property::AadPrincipalId);
    event.target = p.text(Property::RequestResourceId).or_else(|| {
        let (database, collection) = (p.text(Property::DatabaseName), p.text(Property::CollectionName));
        match (database, collection) {
            (Some(database), Some(collection)) => Some(joined(event, database.value, collection)),
            (database, collection) => collection.or(database),
        }
    });
    who(event, record);
    let status = event.response.status.unwrap_or(0);
    event.outcome = refusal::outcome(status);
    if event.outcome == Outcome::Failure {
        let key = status == 401 && event.identity.kind == Some(IdentityKind::AccountKey);
        event.reason = if key { Reason::KeyInvalid } else { refusal::by_status(status) };
    }
    Kind::DatabaseRequest
}

fn who<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let p = &record.properties;
    let master = |text: &Text<'_>| text.value.contains("MasterKey");
    let (key, token) = (p.text(Property::KeyType), p.text(Property::AuthTokenType));
    if let Some(key) = key.filter(master).or(token.filter(master)) {
        event.identity.kind = Some(IdentityKind::AccountKey);
        let account = event.resource.and_then(|id| id.value.rsplit('/').next());
        event.key.id = Some(account.map_or(key, |account| joined(event, account, key)));
    } else if event.identity.id.is_none() && key.or(token).is_some_and(|text| text.value.starts_with("System")) {
        event.identity.kind = Some(IdentityKind::Platform);
    }
}

/// Returns `before/text`, at the place of `text`.
fn joined<'s>(event: &Event<'s>, before: &str, text: Text<'s>) -> Text<'s> {
    let length = before.len() + 1 + text.value.len();
    let mut value = bumpalo::collections::String::with_capacity_in(length, event.arena);
    value.push_str(before);
    value.push('/');
    value.push_str(text.value);
    Text { value: value.into_bump_str(), ..text }
}
