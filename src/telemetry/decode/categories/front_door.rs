//! Front Door's access log and firewall log, of both its products.
//!
//! All numbers are strings, and times are seconds. `socketIp` is who was connected; `clientIp` is
//! what the first `X-Forwarded-For` says, which anybody can write, so it is only what was claimed.
//! A record of an origin shield (`isReceivedFromClient: false`) repeats one of the edge.

use crate::telemetry::{Event, Kind, Layer, Outcome};

use super::super::record::{Record, source};
use super::super::vocabulary::{MatchDetail, Property};
use super::super::{asked, members, refusal};
use super::firewall;

/// Fills what is particular to the access log; returns the kind of event.
pub(in crate::telemetry::decode) fn access<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    caller(event, record);
    event.country = p.piece(Property::ClientCountry).as_ref().and_then(asked::stated);
    event.client.agent = p.text(Property::UserAgent);
    event.client.tls = p.piece(Property::SecurityProtocol).as_ref().and_then(asked::tls);
    event.request.method = p.text(Property::HttpMethod);
    if let Some(url) = p.piece(Property::RequestUri) {
        asked::request(event, &url);
    }
    event.request.host = event.request.host.or(p.text(Property::HostName));
    event.request.size = p.number(Property::RequestBytes);
    event.response.status = p.number(Property::HttpStatusCode);
    event.response.size = p.number(Property::ResponseBytes);
    event.response.duration_ms = p.seconds(Property::TimeTaken);
    event.operation = p.piece(Property::RoutingRuleName).as_ref().and_then(asked::stated);
    let origin = p.piece(Property::OriginName).or(p.piece(Property::BackendHostname));
    event.target = origin.as_ref().and_then(asked::host);
    event.referrer = p.text(Property::Referer);
    event.trace = p.text(Property::TrackingReference);
    if p.text(Property::IsReceivedFromClient).is_some_and(|text| text.value.eq_ignore_ascii_case("false")) {
        event.layer = Some(Layer::Inner);
    }
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
    event.request.host = event.request.host.or(p.text(Property::Host));
    event.rule = p.text(Property::RuleName);
    event.trace = p.text(Property::TrackingReference);
    event.message = p.text(Property::DetailsMsg);
    if let Some(details) = p.get(Property::Details) {
        members::each(p.doc, details, |MatchDetail::Msg, text| event.message = event.message.or(Some(text)));
    }
    let detects = p.text(Property::PolicyMode).is_some_and(|mode| mode.value.eq_ignore_ascii_case("detection"));
    if let Some(action) = p.text(Property::Action) {
        firewall::decided(event, action.value, detects);
    }
    Kind::FirewallMatch
}

fn caller<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let p = &record.properties;
    let claimed = p.piece(Property::ClientIp);
    // Old classic records name no socket: what was claimed is all there is.
    let Some(connected) = p.piece(Property::SocketIp).or(claimed) else { return };
    source(event, &connected);
    let claimed = claimed.map(|claimed| claimed.whole());
    event.forwarded = claimed.filter(|claimed| Some(claimed.value) != event.source_text.map(|text| text.value));
    if event.forwarded.is_none() {
        let port = p.number(Property::ClientPort).and_then(|port| u16::try_from(port).ok());
        event.source_port = event.source_port.or(port.filter(|&port| port > 0));
    }
}

fn ended<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let status = event.response.status.unwrap_or(0);
    let error =
        record.properties.text(Property::ErrorInfo).filter(|error| !error.value.eq_ignore_ascii_case("NoError"));
    event.outcome = refusal::outcome(status);
    if event.outcome == Outcome::Unknown && error.is_some() {
        event.outcome = Outcome::Failure;
    }
    if event.outcome == Outcome::Failure {
        let named = error.and_then(|error| refusal::by_front_door(error.value.trim()));
        event.reason = named.unwrap_or_else(|| refusal::by_status(status));
    }
}
