//! Application Gateway's access log and firewall log, of both its versions.
//!
//! `timeTaken` is milliseconds in version 1 and seconds in version 2. Version 1 adds parameters of
//! its own to the query, at its end; they are not the client's, and only there are they taken off,
//! or a client of version 2 could hide what it asks behind the same words. A 400 without a method
//! was no HTTP at all.

use std::ops::Range;

use memchr::memmem;

use crate::telemetry::{Event, Kind, Outcome, Reason, Text};

use super::super::doc::Piece;
use super::super::record::{Record, source};
use super::super::vocabulary::{Envelope, Property};
use super::super::{asked, refusal, url};
use super::firewall;

/// Where version 1's own parameters begin.
const OWN: &str = "X-AzureApplicationGateway-CACHE-HIT=";

/// Fills what is particular to the access log; returns the kind of event.
pub(in crate::telemetry::decode) fn access<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    caller(event, record);
    let second = is_second(record);
    event.operation = record.envelope.text(Envelope::ListenerName).or(p.text(Property::ListenerName));
    event.client.agent = p.text(Property::UserAgent);
    event.client.tls = p.piece(Property::SslProtocol).as_ref().and_then(asked::tls);
    event.request.method = p.text(Property::HttpMethod);
    event.request.host = p.text(Property::OriginalHost).or(p.text(Property::Host));
    event.request.size = p.number(Property::ReceivedBytes);
    event.target = p.piece(Property::ServerRouted).as_ref().and_then(asked::host);
    event.correlation = p.text(Property::TransactionId);
    event.trace = event.correlation;
    // The client's own URL first, then what was made of it.
    for url in [p.piece(Property::OriginalRequestUriWithArgs), p.piece(Property::RequestUri)].into_iter().flatten() {
        asked::request(event, &url);
    }
    if let Some(sent) = p.piece(Property::RequestQuery) {
        query(event, &sent, second);
    }
    event.response.status = p.number(Property::HttpStatus);
    event.response.size = p.number(Property::SentBytes);
    let seconds = second || p.text(Property::TimeTaken).is_some_and(|taken| taken.value.contains('.'));
    event.response.duration_ms = if seconds { p.seconds(Property::TimeTaken) } else { p.number(Property::TimeTaken) };
    ended(event, record);
    Kind::GatewayRequest
}

/// Fills what is particular to the firewall log; returns the kind of event.
pub(in crate::telemetry::decode) fn firewall<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    caller(event, record);
    if let Some(url) = p.piece(Property::RequestUri) {
        asked::request(event, &url);
    }
    event.request.host = p.text(Property::HostName).or(event.request.host);
    event.rule = p.text(Property::RuleId);
    event.message = p.piece(Property::Message).and_then(|text| text.trimmed());
    event.correlation = p.text(Property::TransactionId);
    event.trace = event.correlation;
    if let Some(action) = p.text(Property::Action) {
        firewall::decided(event, action.value, false);
    }
    Kind::FirewallMatch
}

fn caller<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let p = &record.properties;
    let Some(address) = p.piece(Property::ClientIp) else { return };
    source(event, &address);
    let port = p.number(Property::ClientPort).and_then(|port| u16::try_from(port).ok());
    event.source_port = event.source_port.or(port.filter(|&port| port > 0));
}

/// Tells whether version 2 wrote the record.
fn is_second(record: &Record<'_>) -> bool {
    let p = &record.properties;
    let first = p.text(Property::InstanceId).is_some_and(|id| id.value.starts_with("ApplicationGatewayRole"));
    !first && (p.get(Property::TransactionId).is_some() || record.envelope.get(Envelope::ListenerName).is_some())
}

/// Fills the query; what version 1 added to it says where the request went.
fn query<'s>(event: &mut Event<'s>, sent: &Piece<'s>, second: bool) {
    let own = if second { None } else { own(sent.value) };
    let end = own.as_ref().map_or(sent.value.len(), |own| own.start.saturating_sub(1));
    let start = usize::from(sent.value.starts_with('?')).min(end);
    asked::query(event, sent, start..end);
    let Some(own) = own else { return };
    let value = |name: &str| parameter(sent, &own, name);
    event.target = event.target.or(value("SERVER-ROUTED"));
    event.correlation = event.correlation.or(value("X-AzureApplicationGateway-LOG-ID"));
}

/// Returns where version 1's own parameters stand: the last ones.
fn own(query: &str) -> Option<Range<usize>> {
    let start = memmem::rfind(query.as_bytes(), OWN.as_bytes())?;
    let whole = start == 0 || query.as_bytes().get(start - 1) == Some(&b'&');
    let ends = query.get(start..).is_some_and(|own| own.contains("&SERVER-ROUTED=") && own.contains("SERVER-STATUS="));
    (whole && ends).then_some(start..query.len())
}

fn parameter<'s>(sent: &Piece<'s>, own: &Range<usize>, name: &str) -> Option<Text<'s>> {
    let text = sent.value.get(own.clone())?;
    let (_, at) = url::parameters(text).find(|(this, _)| *this == name)?;
    (!at.is_empty()).then(|| sent.part(own.start + at.start..own.start + at.end))
}

fn ended<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let p = &record.properties;
    let status = event.response.status.unwrap_or(0);
    event.outcome = refusal::outcome(status);
    if event.outcome != Outcome::Failure {
        return;
    }
    let error = p.text(Property::ErrorInfoColumn).or(p.text(Property::ErrorInfo));
    let named = error.and_then(|error| refusal::by_application_gateway(error.value.trim()));
    let garbage = status == 400 && event.request.method.is_none();
    event.reason = if garbage { Reason::Protocol } else { named.unwrap_or_else(|| refusal::by_status(status)) };
}
