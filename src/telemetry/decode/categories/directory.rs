//! `AuditLogs`: what was changed in Entra's directory.
//!
//! What it was done to is named where that is no person and no device: those are known by their
//! id, for their names are personal, and so are the values that were changed in them. Names of
//! activities may end in a space.

use crate::telemetry::{Event, IdentityKind, Kind, Outcome, Reason, Text};

use super::super::address::address;
use super::super::cursor::{Shape, Value};
use super::super::doc::{Doc, lower};
use super::super::members::{self, is_text};
use super::super::record::{Record, source};
use super::super::time::time;
use super::super::vocabulary::{DirectoryPart, Envelope, Property};
use super::gateway;

/// Fills what is particular to this category; returns the kind of event.
pub(super) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    let activity = p.piece(Property::ActivityDisplayName).or(e.piece(Envelope::OperationName));
    event.operation = activity.and_then(|name| name.trimmed()).map(|name| lower(name, event.arena));
    event.level = gateway::level(record);
    event.own_id = p.text(Property::Id);
    event.correlation = event.correlation.or(p.text(Property::CorrelationId));
    if let (false, Some(at)) = (event.timed, p.text(Property::ActivityDateTime).and_then(|text| time(text.value))) {
        (event.time, event.timed) = (at, true);
    }
    initiator(event, record);
    // A row's `TenantId` is its workspace's.
    let log = || e.text(Envelope::TenantId).filter(|_| e.get(Envelope::Type).is_none());
    event.identity.tenant = p.text(Property::DirectoryTenantId).or_else(log).or_else(|| of_resource(record));
    if let Some(targets) = p.get(Property::TargetResources) {
        members::elements(p.doc, targets, |doc, value| target(event, doc, value));
    }
    if let Some(details) = p.get(Property::AdditionalDetails) {
        members::elements(p.doc, details, |doc, value| detail(event, doc, value));
    }
    event.client.agent = p.text(Property::UserAgent).or(event.client.agent);
    let result = p.text(Property::Result).or(e.text(Envelope::ResultType)).map_or("", |result| result.value);
    (event.outcome, event.reason) = match () {
        () if result.eq_ignore_ascii_case("success") => (Outcome::Success, Reason::Unknown),
        () if result.eq_ignore_ascii_case("failure") => (Outcome::Failure, Reason::Unknown),
        () if result.eq_ignore_ascii_case("timeout") => (Outcome::Failure, Reason::Timeout),
        () => (Outcome::Unknown, Reason::Unknown),
    };
    let said = p.piece(Property::ResultReason).or(e.piece(Envelope::ResultDescription));
    event.message = said.and_then(|text| text.trimmed());
    Kind::DirectoryChange
}

/// Fills who did it: a person, or an application.
fn initiator<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    if let Some(by) = p.get(Property::InitiatedBy) {
        members::every(p.doc, by, |part, doc, value| match part {
            DirectoryPart::User => person(event, doc, value),
            DirectoryPart::App => application(event, doc, value),
            _ => {}
        });
    }
    // Beside an application it is that one's name.
    if event.identity.kind != Some(IdentityKind::ServicePrincipal) {
        event.personal.extend(e.text(Envelope::Identity));
    }
}

fn person<'s>(event: &mut Event<'s>, doc: Doc<'s>, user: Value) {
    members::every(doc, user, |part, doc, value| {
        if !is_text(&value) {
            return;
        }
        event.identity.kind = Some(IdentityKind::User);
        let text = doc.text(value);
        match part {
            DirectoryPart::Id => event.identity.id = Some(text),
            DirectoryPart::UserPrincipalName => event.identity.name = Some(text),
            DirectoryPart::DisplayName => event.personal.push(text),
            DirectoryPart::IpAddress if event.source_text.is_none() && is_somewhere(text.value) => {
                source(event, &doc.piece(value));
            }
            _ => {}
        }
    });
}

fn application<'s>(event: &mut Event<'s>, doc: Doc<'s>, app: Value) {
    members::each(doc, app, |part, text| {
        event.identity.kind = event.identity.kind.or(Some(IdentityKind::ServicePrincipal));
        match part {
            DirectoryPart::AppId => event.identity.app = Some(text),
            DirectoryPart::ServicePrincipalId => event.identity.id = event.identity.id.or(Some(text)),
            _ => {}
        }
    });
}

fn is_somewhere(text: &str) -> bool {
    address(text).is_some_and(|address| !address.ip.is_unspecified())
}

fn of_resource<'s>(record: &Record<'s>) -> Option<Text<'s>> {
    const TENANTS: &str = "/tenants/";
    let id = record.resource()?;
    let start = id.value.get(..TENANTS.len()).filter(|start| start.eq_ignore_ascii_case(TENANTS))?.len();
    let rest = id.value.get(start..)?;
    let end = start + rest.find('/').unwrap_or(rest.len());
    (end > start).then(|| id.part(start..end))
}

/// Fills what was changed, if it is the first, and hides the names in it.
fn target<'s>(event: &mut Event<'s>, doc: Doc<'s>, resource: Value) {
    if resource.shape != Shape::Object {
        return;
    }
    let (mut id, mut name, mut upn, mut open, mut changes) = (None, None, None, false, None);
    members::every(doc, resource, |part, doc, value| match part {
        DirectoryPart::Id if is_text(&value) => id = Some(doc.text(value)),
        DirectoryPart::DisplayName if is_text(&value) => name = Some(doc.text(value)),
        DirectoryPart::UserPrincipalName if is_text(&value) => upn = Some(doc.text(value)),
        DirectoryPart::Type => open = OPEN.iter().any(|known| known.eq_ignore_ascii_case(doc.says(value))),
        DirectoryPart::ModifiedProperties => changes = Some((doc, value)),
        _ => {}
    });
    if open {
        event.target = event.target.or(name).or(id);
    } else {
        event.target = event.target.or(id);
        event.personal.extend(name);
        event.personal.extend(upn);
        if let Some((doc, changes)) = changes {
            members::elements(doc, changes, |doc, change| hide(event, doc, change));
        }
    }
}

/// What is no person's and bears a name that can be shown.
const OPEN: [&str; 7] = ["ServicePrincipal", "Application", "App", "Group", "Role", "Policy", "Directory"];

/// Hides the values of a change that are of a person.
fn hide<'s>(event: &mut Event<'s>, doc: Doc<'s>, change: Value) {
    let (mut personal, mut values) = (false, [None, None]);
    members::each(doc, change, |part, text| match part {
        DirectoryPart::DisplayName => {
            personal = PERSONAL.iter().any(|known| known.eq_ignore_ascii_case(text.value));
        }
        DirectoryPart::OldValue => values[0] = Some(text),
        DirectoryPart::NewValue => values[1] = Some(text),
        _ => {}
    });
    event.personal.extend(values.into_iter().flatten().filter(|_| personal));
}

/// Properties of a person or of their device that tell who it is or where.
const PERSONAL: [&str; 22] = [
    "AlternativeSecurityId",
    "City",
    "DisplayName",
    "FacsimileTelephoneNumber",
    "GivenName",
    "JobTitle",
    "Mail",
    "MailNickname",
    "Mobile",
    "MobilePhone",
    "OtherMail",
    "OtherMobile",
    "PhysicalDeliveryOfficeName",
    "PostalCode",
    "ProxyAddresses",
    "State",
    "StreetAddress",
    "StrongAuthenticationUserDetails",
    "Surname",
    "TelephoneNumber",
    "TargetId.UserPrincipalName",
    "UserPrincipalName",
];

fn detail<'s>(event: &mut Event<'s>, doc: Doc<'s>, detail: Value) {
    let (mut agent, mut said) = (false, None);
    members::each(doc, detail, |part, text| match part {
        DirectoryPart::Key => agent = text.value.eq_ignore_ascii_case("User-Agent"),
        DirectoryPart::Value => said = Some(text),
        _ => {}
    });
    event.client.agent = event.client.agent.or(said.filter(|_| agent));
}
