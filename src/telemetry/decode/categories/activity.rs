//! The Activity log: what was done to resources through Azure Resource Manager.
//!
//! It comes in three shapes. Diagnostic settings write two generations of categories,
//! `Administrative` and its like and the old verbs, which count only beside an operation that ends
//! in that verb. The REST API writes `{value, localizedValue}` for each name and has no category we
//! could ask for; a workspace's rows have columns such as `OperationNameValue`, and every claim
//! twice. An operation writes two records or more, of which the last counts, with one correlation
//! id. What it was done to is the scope below its provider, where the tail tells apart what the
//! operation's name does not: `microsoft.web/sites/shop/config/appsettings`.

use std::ops::Range;

use memchr::memchr_iter;

use crate::telemetry::{Event, IdentityKind, Kind, Outcome, Reason, Stage, Text};

use super::super::arm;
use super::super::doc::{Doc, Piece, lower};
use super::super::identity::{Claims, named_kind};
use super::super::members::{self, is_text};
use super::super::record::{Record, source};
use super::super::vocabulary::{Authorization, Envelope, Fault, HttpRequest, Localized, Property};

const CATEGORIES: [&str; 8] =
    ["Administrative", "Security", "ServiceHealth", "Alert", "Recommendation", "Policy", "Autoscale", "ResourceHealth"];
const VERBS: [&str; 3] = ["write", "delete", "action"];
const PROVIDERS: &str = "/providers/";

/// Tells whether `record` is of the Activity log, in any of its shapes.
pub(super) fn is_of(record: &Record<'_>) -> bool {
    let e = &record.envelope;
    let name = e.piece(Envelope::Category).map_or("", |category| category.value);
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    let api = || e.get(Envelope::EventTimestamp).is_some() && e.text(Envelope::OperationName).is_none();
    let row = || e.get(Envelope::ActivityStatusValue).or(e.get(Envelope::CategoryValue)).is_some();
    CATEGORIES.iter().any(is)
        || VERBS.iter().any(is) && ends_in_verb(e.piece(Envelope::OperationName), name)
        || e.get(Envelope::OperationName).is_some() && api()
        || e.get(Envelope::OperationNameValue).is_some() && row()
}

fn ends_in_verb(operation: Option<Piece<'_>>, name: &str) -> bool {
    operation.and_then(|operation| operation.value.rsplit_once('/')).is_some_and(|(what, verb)| {
        verb.eq_ignore_ascii_case(name) && what.get(..10).is_some_and(|what| what.eq_ignore_ascii_case("microsoft."))
    })
}

/// Fills what is particular to this category; returns the kind of event.
pub(super) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let e = &record.envelope;
    let operation = e.text(Envelope::OperationNameValue).or_else(|| named(record, Envelope::OperationName));
    event.operation = operation.map(|name| lower(name, event.arena));
    event.level = e.text(Envelope::Level);
    event.response.duration_ms = e.number(Envelope::DurationMs);
    event.own_id = e.text(Envelope::EventDataId).or(record.properties.text(Property::DataId));
    asked(event, record);
    who(event, record);
    caller(event, record);
    allowed(event, record);
    ended(event, record);
    Kind::ControlOperation
}

/// Fills who did it; where from, too, if the envelope does not say. A row's tenant is that of its
/// workspace, and nobody's who did something.
pub(super) fn who<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    let address = record.claims.fill(event);
    if record.claims.is_empty() {
        event.identity.name = e.text(Envelope::Identity);
    }
    // A table's column of that name is the workspace's id.
    let tenant =
        e.text(Envelope::TenantId).filter(|_| e.get(Envelope::TimeGenerated).or(e.get(Envelope::Type)).is_none());
    event.identity.tenant = event.identity.tenant.or(tenant);
    if let (None, Some(address)) = (event.source_text, address) {
        source(event, &address);
    }
}

/// Returns what `name` says, be it a text or Azure's value beside a localized one.
fn named<'s>(record: &Record<'s>, name: Envelope) -> Option<Text<'s>> {
    let e = &record.envelope;
    let value = e.get(name)?;
    if is_text(&value) {
        return Some(e.doc.text(value));
    }
    let (mut own, mut localized) = (None, None);
    members::each(e.doc, value, |name, text| match name {
        Localized::Value => own = own.or(Some(text)),
        Localized::LocalizedValue => localized = localized.or(Some(text)),
    });
    own.or(localized)
}

/// Fills the request, which was the client's own.
fn asked<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    let Some(request) = e.get(Envelope::HttpRequest) else { return };
    members::every(e.doc, request, |name, doc, value| match name {
        HttpRequest::Method if is_text(&value) => event.request.method = Some(doc.text(value)),
        HttpRequest::ClientIpAddress if is_text(&value) && event.source_text.is_none() => {
            source(event, &doc.piece(value));
        }
        _ => {}
    });
}

/// Fills the caller, who is a person by name or anybody by id.
fn caller<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    if let (Some(_), Some(again)) = (e.get(Envelope::ClaimsDynamic), e.get(Envelope::Claims))
        && let Some((doc, at)) = members::object(e.doc, again)
    {
        let mut claims = Claims::new(doc);
        // It may break off: what came before still counts.
        let _ = claims.read(&mut doc.cursor(at), 1);
        claims.hide(event);
    }
    let Some(caller) = e.text(Envelope::Caller) else { return };
    if is_guid(caller.value) {
        event.identity.id = event.identity.id.or(Some(caller));
    } else if event.identity.name.is_none() {
        event.identity.name = Some(caller);
        let person = caller.value.contains(['@', ':']).then_some(IdentityKind::User);
        event.identity.kind = event.identity.kind.or(person);
    } else {
        event.personal.push(caller);
    }
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Fills what it was done to, and the role that allowed it.
fn allowed<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    let beside =
        || e.get(Envelope::AuthorizationDynamic).or(e.get(Envelope::Authorization)).map(|value| (e.doc, value));
    let mut scope = None;
    if let Some((doc, value)) = record.claims.authorization().or_else(beside) {
        members::every(doc, value, |name, doc, value| match name {
            Authorization::Evidence => members::each(doc, value, |name, text| evidence(event, name, text)),
            Authorization::Scope if is_text(&value) => scope = scope.or(Some(doc.piece(value))),
            _ if is_text(&value) => evidence(event, name, doc.text(value)),
            _ => {}
        });
    }
    event.target = scope.or_else(|| record.resource()).map(|id| lower(id.part(below_provider(id.value)), event.arena));
}

fn evidence<'s>(event: &mut Event<'s>, name: Authorization, text: Text<'s>) {
    match name {
        Authorization::Role => event.rule = event.rule.or(Some(text)),
        Authorization::PrincipalType => event.identity.kind = event.identity.kind.or(named_kind(text.value)),
        Authorization::Action => event.operation = event.operation.or(Some(lower(text, event.arena))),
        Authorization::Scope | Authorization::Evidence => {}
    }
}

/// Returns where in a resource's id what lies below its last provider stands, the provider's name
/// included; all of an id that has none.
fn below_provider(id: &str) -> Range<usize> {
    let is = |at: usize| {
        let end = at + PROVIDERS.len();
        id.get(at..end).is_some_and(|segment| segment.eq_ignore_ascii_case(PROVIDERS)).then_some(end)
    };
    memchr_iter(b'/', id.as_bytes()).filter_map(is).next_back().unwrap_or(0)..id.len()
}

/// Fills which record of its operation it is, how that ended and why.
fn ended<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    let result = e.text(Envelope::ResultType).or(e.text(Envelope::ActivityStatusValue));
    let result = result.or_else(|| named(record, Envelope::Status)).or(e.text(Envelope::ActivityStatus));
    let result = result.or_else(|| named(record, Envelope::EventName));
    let signature = e.text(Envelope::ResultSignature).or(e.text(Envelope::ActivitySubstatusValue));
    let signature = signature.or_else(|| named(record, Envelope::SubStatus)).or(e.text(Envelope::ActivitySubstatus));
    event.stage = [result, signature].into_iter().flatten().find_map(|text| stage(text.value));
    event.outcome = result.map_or(Outcome::Unknown, |result| outcome(result.value));
    let statuses = [p.text(Property::StatusCode), signature];
    event.response.status = statuses.into_iter().flatten().find_map(|text| arm::status(text.value));
    let fault = [Property::StatusMessage, Property::ResponseBody].into_iter().find_map(|name| fault(record, name));
    let description = e.piece(Envelope::ResultDescription).or(e.piece(Envelope::Description));
    event.message = description.and_then(|text| text.trimmed());
    if let Some(fault) = &fault {
        event.message = event.message.or(fault.message);
    }
    if event.outcome == Outcome::Failure {
        let code = fault.and_then(|fault| fault.code).and_then(|code| arm::by_code(code.value));
        event.reason = code.unwrap_or_else(|| event.response.status.map_or(Reason::Unknown, arm::by_status));
    }
}

/// What Azure Resource Manager said was wrong.
#[derive(Default)]
struct Wrong<'s> {
    code: Option<Text<'s>>,
    message: Option<Text<'s>>,
}

/// Reads an answer, which is an object, one in a string, or plain text.
fn fault<'s>(record: &Record<'s>, name: Property) -> Option<Wrong<'s>> {
    let p = &record.properties;
    let value = p.get(name)?;
    let mut wrong = Wrong::default();
    if members::object(p.doc, value).is_some() {
        members::every(p.doc, value, |name, doc, value| match name {
            Fault::Error => said(doc, value, &mut wrong),
            _ if is_text(&value) => note(&mut wrong, name, doc.text(value)),
            _ => {}
        });
        return Some(wrong);
    }
    wrong.message = p.piece(name)?.trimmed();
    Some(wrong)
}

fn said<'s>(doc: Doc<'s>, error: super::super::cursor::Value, wrong: &mut Wrong<'s>) {
    members::each(doc, error, |name, text| note(wrong, name, text));
}

fn note<'s>(wrong: &mut Wrong<'s>, name: Fault, text: Text<'s>) {
    match name {
        Fault::Code => wrong.code = wrong.code.or(Some(text)),
        Fault::Message => wrong.message = wrong.message.or(Some(text)),
        Fault::Error | Fault::Type => {}
    }
}

/// Returns the first word of `Succeeded.Created` or `Started.`.
fn first_word(result: &str) -> &str {
    result.split('.').next().unwrap_or_default().trim()
}

fn outcome(result: &str) -> Outcome {
    let result = first_word(result);
    let is = |wanted: &str| result.eq_ignore_ascii_case(wanted);
    if is("Success") || is("Succeeded") {
        Outcome::Success
    } else if is("Failure") || is("Failed") {
        Outcome::Failure
    } else {
        Outcome::Unknown
    }
}

fn stage(result: &str) -> Option<Stage> {
    const STAGES: [(&str, Stage); 22] = [
        ("Start", Stage::Started),
        ("Started", Stage::Started),
        ("BeginRequest", Stage::Started),
        ("Begin request", Stage::Started),
        ("Active", Stage::Started),
        ("Activated", Stage::Started),
        ("Accept", Stage::Accepted),
        ("Accepted", Stage::Accepted),
        ("InProgress", Stage::Accepted),
        ("In Progress", Stage::Accepted),
        ("Updated", Stage::Accepted),
        ("Success", Stage::Ended),
        ("Succeeded", Stage::Ended),
        ("Failure", Stage::Ended),
        ("Failed", Stage::Ended),
        ("Resolve", Stage::Ended),
        ("Resolved", Stage::Ended),
        ("Canceled", Stage::Ended),
        ("Cancelled", Stage::Ended),
        ("Completed", Stage::Ended),
        ("EndRequest", Stage::Ended),
        ("End request", Stage::Ended),
    ];
    let result = first_word(result);
    STAGES.iter().find(|(known, _)| known.eq_ignore_ascii_case(result)).map(|&(_, stage)| stage)
}
