//! Application Insights: `AppRequests`, `AppDependencies`, `AppTraces` and `AppExceptions`.
//!
//! Its records are flat and name their `Type` where others have a category; `Properties` hold what
//! the program added. The resource is the Insights component, so the app is known by its role name
//! and the function by what the host calls it, or by an operation that is a plain name. One record
//! may stand for many (`ItemCount`). The client's address is mostly `0.0.0.0`, which is none. The
//! SDK for .NET says of a 401 that it succeeded: here it did not.

use std::net::{IpAddr, Ipv4Addr};

use crate::telemetry::{Event, Kind, Outcome, Text, Transport};

use super::super::address::address;
use super::super::doc::{Piece, lower};
use super::super::members::{self, is_text};
use super::super::record::{Record, source};
use super::super::resource::of_app;
use super::super::vocabulary::{Envelope, Fault, Property};
use super::super::{asked, refusal, url};

/// No function's name is longer.
const LONGEST_NAME: usize = 128;

/// Fills what is particular to `AppRequests`; returns the kind of event.
pub(super) fn request<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    common(event, record);
    event.operation = e.text(Envelope::Name);
    if event.function.is_none() {
        event.function = plain(event, e.piece(Envelope::Name));
    }
    event.request.method = p.text(Property::HttpMethod);
    if let Some(sent) = e.piece(Envelope::Url) {
        asked_for(event, &sent);
    }
    event.request.path = event.request.path.or(p.text(Property::HttpPath));
    ended(event, record);
    if event.response.status == Some(401) {
        event.outcome = Outcome::Failure;
    }
    event.reason = why(event);
    Kind::AppRequest
}

/// Fills what is particular to `AppDependencies`, whose request is the one that the app sent;
/// returns the kind of event.
pub(super) fn dependency<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let e = &record.envelope;
    common(event, record);
    event.operation = e.text(Envelope::Name);
    event.target = e.text(Envelope::Target);
    if let Some(sent) = e.piece(Envelope::Data).filter(|sent| url::url(sent.value).host.is_some()) {
        asked_for(event, &sent);
    }
    ended(event, record);
    event.reason = why(event);
    Kind::AppDependency
}

/// Fills what is particular to `AppTraces`; returns the kind of event.
pub(super) fn trace<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let e = &record.envelope;
    common(event, record);
    event.operation = e.text(Envelope::OperationName);
    event.message = e.piece(Envelope::Message).and_then(|message| message.trimmed());
    if event.level.is_some_and(|level| matches!(level.value, "Error" | "Critical")) {
        event.outcome = Outcome::Failure;
    }
    Kind::AppLog
}

/// Fills what is particular to `AppExceptions`, whose operation is the exception's type; returns
/// the kind of event.
pub(super) fn exception<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    const TYPES: [Envelope; 3] = [Envelope::ExceptionType, Envelope::OuterType, Envelope::InnermostType];
    const MESSAGES: [Envelope; 3] = [Envelope::Message, Envelope::OuterMessage, Envelope::InnermostMessage];
    let e = &record.envelope;
    common(event, record);
    event.operation = TYPES.into_iter().find_map(|name| e.text(name));
    event.message = MESSAGES.into_iter().find_map(|name| e.piece(name)?.trimmed());
    if event.operation.is_none() || event.message.is_none() {
        details(event, record);
    }
    event.outcome = Outcome::Failure;
    Kind::AppException
}

/// Fills what the first of an exception's details says.
fn details<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    let Some(details) = e.get(Envelope::Details) else { return };
    members::elements(e.doc, details, |doc, detail| {
        members::every(doc, detail, |name, doc, value| match name {
            Fault::Type if is_text(&value) => event.operation = event.operation.or(Some(doc.text(value))),
            Fault::Message if is_text(&value) => {
                event.message = event.message.or_else(|| doc.piece(value).trimmed());
            }
            _ => {}
        });
    });
}

/// Fills what all four have.
fn common<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    if event.app.is_none() {
        event.app = e.text(Envelope::AppRoleName).map(|name| lower(name, event.arena));
    }
    event.function = function(event, record).or(event.function);
    if let Some(sent) = e.piece(Envelope::ClientIp).filter(|sent| !is_masked(sent.value)) {
        source(event, &sent);
    }
    event.country = e.text(Envelope::ClientCountry);
    event.identity.name = e.text(Envelope::UserAuthenticatedId);
    event.personal.extend(e.text(Envelope::UserAccountId));
    event.trace = e.text(Envelope::OperationId);
    event.correlation = p.text(Property::InvocationId).or(p.text(Property::LoggedInvocationId));
    event.weight = e.number(Envelope::ItemCount).map_or(1, |count| u32::try_from(count.max(1)).unwrap_or(u32::MAX));
    event.level = e.text(Envelope::SeverityLevel).map(severity).or(p.text(Property::LogLevel));
}

fn is_masked(text: &str) -> bool {
    address(text).is_some_and(|address| address.ip == IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Returns the severity by its name, which comes as a number.
fn severity(level: Text<'_>) -> Text<'_> {
    let value = match level.value {
        "0" => "Verbose",
        "1" => "Information",
        "2" => "Warning",
        "3" => "Error",
        "4" => "Critical",
        other => other,
    };
    Text { value, ..level }
}

/// Returns the function by what the host says: `Functions.hello`, or the category of its logger,
/// `Function.hello.User`; else by an operation that is a plain name, as a function's is.
fn function<'s>(event: &Event<'s>, record: &Record<'s>) -> Option<Text<'s>> {
    let p = &record.properties;
    let named =
        p.piece(Property::FullName).or(p.piece(Property::LoggedFunctionName)).or(p.piece(Property::FunctionName));
    if let Some(name) = named {
        let start = name.value.strip_prefix("Functions.").map_or(0, |rest| name.value.len() - rest.len());
        return Some(of_app(event, name.part(start..name.value.len())));
    }
    if let Some(category) = p.piece(Property::Category)
        && let Some(name) = category.value.strip_prefix("Function.").filter(|name| !name.is_empty())
    {
        let start = category.value.len() - name.len();
        let length = name.strip_suffix(".User").unwrap_or(name).len();
        return Some(of_app(event, category.part(start..start + length)));
    }
    plain(event, record.envelope.piece(Envelope::OperationName))
}

fn plain<'s>(event: &Event<'s>, name: Option<Piece<'s>>) -> Option<Text<'s>> {
    let name = name.filter(|name| {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        name.value.len() <= LONGEST_NAME && name.value.bytes().all(word)
    })?;
    Some(of_app(event, name.whole()))
}

/// Fills what was asked for from a URL.
fn asked_for<'s>(event: &mut Event<'s>, sent: &Piece<'s>) {
    let parts = url::url(sent.value);
    event.request.host = parts.host.map(|at| sent.part(at));
    event.request.path = parts.path.map(|at| sent.part(at));
    let Some(query) = parts.query else { return };
    event.request.query = Some(sent.part(query.clone()));
    let start = query.start;
    let key = sent.value.get(query).and_then(|query| asked::key(event, sent, start, query, "code"));
    if let Some(key) = key {
        event.key.id = Some(key);
        event.key.transport = Some(Transport::Query);
    }
}

/// Fills how it ended. A result of `0` is that of a trigger, and no status.
fn ended<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    if event.request.method.is_none()
        && let Some(name) = e.piece(Envelope::Name)
        && let Some((method, _)) = name.value.split_once(' ')
        && (3..=7).contains(&method.len())
        && method.bytes().all(|byte| byte.is_ascii_uppercase())
    {
        event.request.method = Some(name.part(0..method.len()));
    }
    event.response.status = e.number(Envelope::ResultCode).filter(|status| (100..1000).contains(status));
    event.response.duration_ms = e.number(Envelope::DurationMs);
    event.outcome = match e.text(Envelope::Success) {
        Some(success) if success.value.eq_ignore_ascii_case("true") => Outcome::Success,
        Some(success) if success.value.eq_ignore_ascii_case("false") => Outcome::Failure,
        _ => refusal::outcome(event.response.status.unwrap_or(0)),
    };
}

fn why(event: &Event<'_>) -> crate::telemetry::Reason {
    let status = event.response.status.filter(|_| event.outcome == Outcome::Failure);
    refusal::by_status(status.unwrap_or(0))
}
