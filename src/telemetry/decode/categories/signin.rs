//! Entra's four sign-in logs: people, clients for people, applications, managed identities.
//!
//! Objects within a sign-in are objects, strings that hold one, or columns that end in `_dynamic`,
//! by where the record came through. `identity` is a display name, so personal, unless it names the
//! application. A managed identity is called as the resource it belongs to; it has no address.
//! Why it failed stands in an error code alone.

use crate::telemetry::{Category, Decision, Event, IdentityKind, Kind, Outcome, Reason, Text};

use super::super::aadsts;
use super::super::cursor::{Shape, Value};
use super::super::doc::lower;
use super::super::identity::named_kind;
use super::super::members::{self, is_text};
use super::super::record::{Record, source};
use super::super::time::time;
use super::super::vocabulary::{Envelope, Property, SignInPart};
use super::gateway;

/// Fills what is particular to these categories; returns the kind of event.
pub(super) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = gateway::level(record);
    event.response.duration_ms = e.number(Envelope::DurationMs);
    event.client.agent = p.text(Property::UserAgent);
    event.own_id = p.text(Property::Id);
    event.trace = p.text(Property::UniqueTokenIdentifier);
    event.correlation = event.correlation.or(p.text(Property::CorrelationId));
    if let (None, Some(address)) = (event.source_text, p.piece(Property::IpAddress)) {
        source(event, &address);
    }
    if let (false, Some(at)) = (event.timed, p.text(Property::CreatedDateTime).and_then(|text| time(text.value))) {
        (event.time, event.timed) = (at, true);
    }
    event.country = part(record, &LOCATIONS, SignInPart::CountryOrRegion).or(p.text(Property::Location));
    // A path is that of the log, not of what was asked for.
    let id = p.text(Property::ResourceIdentity).or(p.text(Property::ResourceId)).filter(|id| !id.value.contains('/'));
    event.target = p.text(Property::ResourceDisplayName).or(id);
    who(event, record);
    match event.category {
        Category::ServicePrincipalSignInLogs | Category::ManagedIdentitySignInLogs => application(event, record),
        _ => person(event, record),
    }
    ended(event, record);
    Kind::SignIn
}

const LOCATIONS: [Property; 3] = [Property::LocationDetails, Property::LocationDetailsDynamic, Property::Location];
const STATUSES: [Property; 2] = [Property::SignInStatus, Property::SignInStatusDynamic];
const DEVICES: [Property; 2] = [Property::DeviceDetail, Property::DeviceDetailDynamic];

/// Returns what `wanted` says in the first of the objects `names` that has it.
fn part<'s>(record: &Record<'s>, names: &[Property], wanted: SignInPart) -> Option<Text<'s>> {
    let p = &record.properties;
    names.iter().find_map(|&name| {
        let mut found = None;
        members::each(p.doc, p.get(name)?, |name: SignInPart, text| {
            found = found.or(Some(text).filter(|_| name == wanted));
        });
        found
    })
}

fn who<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    event.identity.app = p.text(Property::AppId);
    // A row's `TenantId` is its workspace's.
    let log = || e.text(Envelope::TenantId).filter(|_| e.get(Envelope::Type).is_none());
    event.identity.tenant = p.text(Property::HomeTenantId).or(p.text(Property::DirectoryTenantId)).or_else(log);
    let named = p.text(Property::TokenIssuerType).or(e.text(Envelope::Category)).or(e.text(Envelope::Type));
    event.identity.provider = named.map(|named| {
        let federated = named.value.starts_with("ADFederationServices");
        Text { value: if federated { "adfs" } else { "aad" }, ..named }
    });
}

fn person<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    let kind = p.text(Property::UserType).and_then(|kind| named_kind(kind.value));
    event.identity.kind = Some(kind.unwrap_or(IdentityKind::User));
    event.identity.id = p.text(Property::UserId);
    let names = [Property::UserPrincipalName, Property::SignInIdentifier, Property::AlternateSignInName];
    let names = names.into_iter().filter_map(|name| p.text(name));
    let shown = [p.text(Property::UserDisplayName), e.text(Envelope::Identity)];
    for name in names.chain(shown.into_iter().flatten()) {
        match event.identity.name {
            None => event.identity.name = Some(name),
            Some(_) => event.personal.push(name),
        }
    }
    event.personal.extend(part(record, &DEVICES, SignInPart::DisplayName));
}

fn application<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let (e, p) = (&record.envelope, &record.properties);
    event.identity.id = p.text(Property::ServicePrincipalId);
    event.key.id = p.text(Property::CredentialKeyId).or(p.text(Property::FederatedCredentialId));
    let name = p.text(Property::ServicePrincipalName);
    let own = |text: &Text<'s>| {
        [name, p.text(Property::AppDisplayName)].iter().flatten().any(|name| name.value == text.value)
    };
    event.personal.extend(e.text(Envelope::Identity).filter(|identity| !own(identity)));
    if event.category == Category::ServicePrincipalSignInLogs {
        event.identity.kind = Some(IdentityKind::ServicePrincipal);
        return;
    }
    event.identity.kind = Some(IdentityKind::ManagedIdentity);
    let resource = part(record, &[Property::ManagedServiceIdentity], SignInPart::AssociatedResourceId);
    event.identity.resource = resource.or(name).map(|resource| lower(resource, event.arena));
}

/// Fills how it ended: a row's result is the code, or a word.
fn ended<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let e = &record.envelope;
    let result = part(record, &STATUSES, SignInPart::ErrorCode).or(e.text(Envelope::ResultType));
    let Some(result) = result else { return };
    (event.outcome, event.reason) = match result.value.trim().parse() {
        Ok(code) => aadsts::ended(code),
        Err(_) if result.value.eq_ignore_ascii_case("Success") => (Outcome::Success, Reason::Unknown),
        Err(_) if result.value.eq_ignore_ascii_case("Failure") => (Outcome::Failure, Reason::Unknown),
        Err(_) => return,
    };
    event.decision = Some(match (event.outcome, event.reason) {
        (Outcome::Success, _) => Decision::Allowed,
        (Outcome::Unknown, _) | (_, Reason::SecondFactor) => Decision::Challenged,
        (Outcome::Failure, _) => Decision::Denied,
    });
    if event.outcome == Outcome::Success {
        return;
    }
    let described = || e.piece(Envelope::ResultDescription).and_then(|text| text.trimmed());
    event.message = part(record, &STATUSES, SignInPart::FailureReason).or_else(described);
    if event.reason == Reason::Policy {
        event.rule = policy(record);
    }
}

/// Returns the name of the first conditional access policy that was not met.
fn policy<'s>(record: &Record<'s>) -> Option<Text<'s>> {
    let p = &record.properties;
    let policies = p.get(Property::AppliedPolicies).or(p.get(Property::AccessPolicies))?;
    let mut found = None;
    members::elements(p.doc, policies, |doc, policy: Value| {
        if found.is_some() || policy.shape != Shape::Object {
            return;
        }
        let (mut name, mut failed) = (None, false);
        members::every(doc, policy, |part, doc, value| match part {
            SignInPart::DisplayName if is_text(&value) => name = name.or(Some(doc.text(value))),
            SignInPart::Result => failed = doc.says(value).eq_ignore_ascii_case("failure"),
            _ => {}
        });
        found = name.filter(|_| failed);
    });
    found
}
