//! `GatewayLogs`: API Management's access log.
//!
//! Why a request was refused stands in `lastError.reason`, in the first of `errors`, or in a
//! column of its own, by where the record came through. `apimSubscriptionId` names a subscription
//! and is no key. Headers are there only if somebody asked for them.

use memchr::memchr_iter;

use crate::telemetry::{Event, Kind, Outcome, Reason, Text, Transport, names};

use super::super::cursor::{Shape, Value};
use super::super::doc::Doc;
use super::super::members::Name;
use super::super::record::{Record, said};
use super::super::vocabulary::{ApimError, Envelope, Header, Property};
use super::super::{asked, members, refusal};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let p = &record.properties;
    event.operation = p.text(Property::OperationId);
    event.api = p.text(Property::ApiId).and_then(without_revision);
    event.client.tls = p.text(Property::ClientTlsVersion);
    event.request.method = p.text(Property::Method);
    event.request.size = p.number(Property::RequestSize);
    event.key.id = p.text(Property::ApimSubscriptionId);
    if let Some(url) = p.piece(Property::Url) {
        asked::request(event, &url);
    }
    event.target = p.piece(Property::BackendUrl).as_ref().and_then(asked::host);
    event.response.status = p.number(Property::ResponseCode);
    event.response.size = p.number(Property::ResponseSize);
    event.response.duration_ms = record.envelope.number(Envelope::DurationMs).or(p.number(Property::TotalTime));
    event.own_id = event.correlation;
    event.level = level(record);
    headers(event, record);
    ended(event, record);
    Kind::GatewayRequest
}

fn headers<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let p = &record.properties;
    // The ids by which other logs know the request, those of gateways in front first.
    let mut traces = [None; 4];
    if let Some(sent) = p.get(Property::RequestHeaders) {
        members::all(p.doc, sent, |doc, key, value| {
            let name = doc.says(key);
            if let Some(name) = Header::of(name.as_bytes()) {
                if members::is_text(&value) && !doc.is_absent(value) {
                    sent_header(event, &mut traces, name, doc.text(value));
                }
            } else if says_who(name) {
                event.identity.header = event.identity.header.or(Some(doc.text(key)));
            }
        });
    }
    event.trace = traces.into_iter().flatten().next();
    if let Some(answered) = p.get(Property::ResponseHeaders) {
        let redirected = matches!(event.response.status, Some(300..400));
        members::each(p.doc, answered, |name, text| match name {
            Header::AllowOrigin => event.response.allow_origin = event.response.allow_origin.or(Some(text)),
            Header::Location if redirected && text.value.contains("/.auth/login") => {
                event.reason = Reason::RedirectedToLogin;
            }
            _ => {}
        });
    }
}

/// Fills what the header `name` says, which a client or a gateway in front sent.
fn sent_header<'s>(event: &mut Event<'s>, traces: &mut [Option<Text<'s>>; 4], name: Header, text: Text<'s>) {
    match name {
        Header::Origin => event.origin = event.origin.or(Some(text)),
        Header::Referer => event.referrer = event.referrer.or(Some(text)),
        Header::Cookie => event.cookie = event.cookie.or(Some(text)),
        Header::Authorization => event.authorization = event.authorization.or(Some(text)),
        Header::UserAgent => event.client.agent = event.client.agent.or(Some(text)),
        Header::SubscriptionKey if names::digits(text.value).is_some() => {
            event.key.transport = Some(Transport::Header);
            event.key.id = event.key.id.or(Some(text));
        }
        Header::ForwardedFor => event.forwarded = event.forwarded.or(Some(text)),
        Header::AzureClientIp => event.front_door.client = event.front_door.client.or(Some(text)),
        Header::AzureSocketIp => event.front_door.socket = event.front_door.socket.or(Some(text)),
        Header::AzureFdid => event.front_door.id = event.front_door.id.or(Some(text)),
        Header::AzureRef => traces[0] = traces[0].or(Some(text)),
        Header::AppGatewayTrace => traces[1] = traces[1].or(Some(text)),
        Header::Traceparent => traces[2] = traces[2].or(trace_id(text)),
        Header::ArrLogId => traces[3] = traces[3].or(Some(text)),
        Header::SubscriptionKey | Header::AllowOrigin | Header::Location => {}
    }
}

/// Tells whether a header is one of those in which Easy Auth tells an app who is signed in.
fn says_who(header: &str) -> bool {
    let begins = |with: &str| header.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    begins("x-ms-client-principal") || begins("x-ms-token-")
}

/// Returns the API's own id of `orders;rev=2`.
fn without_revision(api: Text<'_>) -> Option<Text<'_>> {
    let text = api.value.as_bytes();
    match memchr_iter(b';', text).find(|&at| text[at..].starts_with(b";rev=")) {
        Some(end) => api.part(0..end),
        None => Some(api),
    }
}

/// Returns the trace id of a `traceparent`: its second part.
fn trace_id(text: Text<'_>) -> Option<Text<'_>> {
    let is_one = |id: &str| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.part(3..35).filter(|id| is_one(id.value))
}

fn ended<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let status = event.response.status.unwrap_or(0);
    let error = error(event, record).and_then(said);
    event.outcome = match (refusal::outcome(status), record.envelope.text(Envelope::IsRequestSuccess)) {
        (Outcome::Unknown, Some(text)) if text.value.eq_ignore_ascii_case("true") => Outcome::Success,
        (Outcome::Unknown, Some(text)) if text.value.eq_ignore_ascii_case("false") => Outcome::Failure,
        (Outcome::Unknown, _) if error.is_some() => Outcome::Failure,
        (outcome, _) => outcome,
    };
    if event.outcome == Outcome::Failure {
        let named = error.and_then(|text| refusal::by_apim(text.value.trim()));
        event.reason = named.unwrap_or(refusal::by_status(status));
    }
}

/// Returns the reason of the error that ended the request; fills in what it says to people.
fn error<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Option<Text<'s>> {
    let p = &record.properties;
    let mut reason = None;
    if let Some(last) = p.get(Property::LastError) {
        read(event, p.doc, last, &mut reason);
    }
    reason = reason.or(p.text(Property::LastErrorReason)).or(p.text(Property::LastErrorReasonColumn));
    event.message = event.message.or(p.text(Property::LastErrorMessage)).or(p.text(Property::LastErrorMessageColumn));
    if let (None, Some((doc, first))) = (reason, p.get(Property::Errors).and_then(|errors| first(p.doc, errors))) {
        read(event, doc, first, &mut reason);
    }
    reason
}

fn read<'s>(event: &mut Event<'s>, doc: Doc<'s>, error: Value, reason: &mut Option<Text<'s>>) {
    members::each(doc, error, |name, text| match name {
        ApimError::Reason => *reason = reason.or(Some(text)),
        ApimError::Message => event.message = event.message.or(Some(text)),
    });
}

/// Returns the first of `errors`: an array, or a string that holds one.
fn first(doc: Doc<'_>, errors: Value) -> Option<(Doc<'_>, Value)> {
    let (doc, start) = match errors.shape {
        Shape::Array => (doc, errors.start as usize),
        Shape::String => doc.nested(errors).map(|doc| (doc, doc.begin as usize))?,
        _ => return None,
    };
    let mut cursor = doc.cursor(start);
    (cursor.space()? == b'[').then(|| cursor.at += 1)?;
    cursor.space();
    cursor.value(1).ok().map(|first| (doc, first))
}

/// Returns the level by its name, which APIM gives as a number.
pub(super) fn level<'s>(record: &Record<'s>) -> Option<Text<'s>> {
    let level = record.envelope.text(Envelope::Level)?;
    let value = match level.value {
        "1" => "Critical",
        "2" => "Error",
        "3" => "Warning",
        "4" => "Informational",
        other => other,
    };
    Some(Text { value, ..level })
}
