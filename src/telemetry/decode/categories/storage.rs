//! `StorageRead`, `StorageWrite` and `StorageDelete`: what was asked of a storage account.
//!
//! Who asked stands in `identity`, or in a table's columns: a token's holder, or whoever has the
//! account's key or a signature of it, known by the hash that Azure logs of it: where that is a
//! signature's, whoever asked had one, whatever the record calls it. Where an Azure resource asked
//! with its managed identity, that resource is named too.

use crate::telemetry::{Event, IdentityKind, Kind, Outcome, Reason, Text, Transport};

use super::super::doc::{Piece, lower};
use super::super::members::{self, Members};
use super::super::record::Record;
use super::super::vocabulary::{Envelope, Property, StorageIdentity, StorageRequester};
use super::super::{refusal, tls, url};

/// Fills what is particular to this category; returns the kind of event.
pub(in crate::telemetry::decode) fn fill<'s>(event: &mut Event<'s>, record: &Record<'s>) -> Kind {
    let (e, p) = (&record.envelope, &record.properties);
    event.operation = e.text(Envelope::OperationName);
    event.level = e.text(Envelope::Level);
    event.response.status = e.number(Envelope::StatusCode).or(p.number(Property::StatusCode));
    event.response.duration_ms = e.number(Envelope::DurationMs);
    event.response.size = p.number(Property::ResponseBodySize);
    event.request.size = p.number(Property::RequestBodySize);
    event.client.agent = p.text(Property::UserAgentHeader);
    event.client.tls = p.piece(Property::TlsVersion).map(|text| tls::version(&text));
    event.referrer = p.text(Property::ReferrerHeader);
    if let Some(asked) = e.piece(Envelope::Uri) {
        let parts = url::url(asked.value);
        event.request.host = parts.host.map(|at| asked.part(at));
        event.request.path = parts.path.map(|at| asked.part(at));
        event.request.query = parts.query.map(|at| asked.part(at));
    }
    event.target = p.piece(Property::ObjectKey).and_then(|key| unquoted(&key)).or(event.request.path);
    who(event, record);
    ended(event, record);
    Kind::StorageRequest
}

/// Returns what stands between the quotes in which a table's column has an object's key.
fn unquoted<'s>(key: &Piece<'s>) -> Option<Text<'s>> {
    let inside = key.value.trim_matches('"');
    let start = key.value.find(inside)?;
    (!inside.is_empty()).then(|| key.part(start..start + inside.len()))
}

fn who<'s>(event: &mut Event<'s>, record: &Record<'s>) {
    let p = &record.properties;
    let mut how = p.text(Property::AuthenticationType);
    event.key.id = p.text(Property::AuthenticationHash);
    event.identity.id = p.text(Property::RequesterObjectId);
    event.identity.app = p.text(Property::RequesterAppId);
    event.identity.tenant = p.text(Property::RequesterTenantId);
    event.identity.name = p.text(Property::RequesterUpn);
    if let Some(own) = record.identity_as::<StorageIdentity>() {
        how = how.or(own.text(StorageIdentity::Type));
        event.key.id = event.key.id.or(own.text(StorageIdentity::TokenHash));
        let inside = |name| members::read(members::object(own.doc, own.get(name)?)?);
        if let Some(by) = inside(StorageIdentity::Requester) {
            requester(event, &by);
        }
        let resource = inside(StorageIdentity::DelegatedResource);
        let id = resource.and_then(|by| by.text(StorageRequester::ResourceId));
        event.identity.resource = id.map(|id| lower(id, event.arena));
    }
    let signed = event.key.id.is_some_and(|hash| hash.value.contains("SasSignature("));
    if how.is_none() && !signed {
        return;
    }
    let how = how.map_or("", |how| how.value);
    let is = |name: &str| how.eq_ignore_ascii_case(name);
    let ends = |end: &str| {
        how.len().checked_sub(end.len()).and_then(|at| how.get(at..)).is_some_and(|rest| rest.eq_ignore_ascii_case(end))
    };
    event.identity.kind = if signed || ends("sas") || is("SAS Key") {
        event.key.transport = Some(Transport::Query);
        Some(IdentityKind::Sas)
    } else if is("AccountKey") || is("Account Key") || is("SharedKey") {
        event.key.transport = Some(Transport::Header);
        Some(IdentityKind::AccountKey)
    } else if is("Anonymous") {
        Some(IdentityKind::Anonymous)
    } else if is("TrustedAccess") {
        Some(IdentityKind::Platform)
    } else if event.identity.resource.is_some() {
        Some(IdentityKind::ManagedIdentity)
    } else if event.identity.name.is_some() {
        Some(IdentityKind::User)
    } else {
        event.identity.app.map(|_| IdentityKind::ServicePrincipal)
    };
}

fn requester<'s>(event: &mut Event<'s>, by: &Members<'s, StorageRequester>) {
    let identity = &mut event.identity;
    identity.id = identity.id.or(by.text(StorageRequester::ObjectId));
    identity.app = identity.app.or(by.text(StorageRequester::AppId));
    identity.tenant = identity.tenant.or(by.text(StorageRequester::TenantId));
    let user = by.text(StorageRequester::UserName);
    identity.name = identity.name.or(by.text(StorageRequester::Upn)).or(user);
}

fn ended(event: &mut Event<'_>, record: &Record<'_>) {
    let said = record.envelope.text(Envelope::StatusText).map_or("", |text| text.value);
    let status = event.response.status.unwrap_or(0);
    event.outcome = match refusal::outcome(status) {
        Outcome::Unknown if said.ends_with("Success") => Outcome::Success,
        outcome => outcome,
    };
    if event.outcome == Outcome::Failure {
        event.reason = named(said, event.identity.kind).unwrap_or_else(|| refusal::by_status(status));
    }
}

/// Returns what a status text says about why, `None` if no more than the status does.
fn named(said: &str, by: Option<IdentityKind>) -> Option<Reason> {
    let holds = |part: &str| said.get(..said.floor_char_boundary(64)).is_some_and(|said| said.contains(part));
    let key = matches!(by, Some(IdentityKind::AccountKey | IdentityKind::Sas));
    if holds("IpAuthorization") || holds("IPAuthorization") || holds("SourceIP") {
        Some(Reason::AddressNotAllowed)
    } else if holds("NoAuthenticationInformation") {
        Some(Reason::TokenMissing)
    } else if holds("AuthenticationFailed") || holds("InvalidAuthenticationInfo") || holds("AuthenticationError") {
        Some(if key { Reason::KeyInvalid } else { Reason::TokenMalformed })
    } else if holds("Throttling") || holds("ServerBusy") {
        Some(Reason::Rate)
    } else if holds("Timeout") || holds("TimedOut") {
        Some(Reason::Timeout)
    } else if holds("NetworkError") {
        Some(Reason::ClientGone)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::one;
    use super::*;

    #[test]
    fn a_key_and_a_signature_are_told_apart_by_either_of_their_names_and_by_what_was_hashed() {
        for (identity, kind) in [
            (r#"{"type":"Account Key","tokenHash":"key1(00)"}"#, IdentityKind::AccountKey),
            (r#"{"type":"AccountKey"}"#, IdentityKind::AccountKey),
            (r#"{"type":"SAS Key"}"#, IdentityKind::Sas),
            (r#"{"type":"DelegationSas"}"#, IdentityKind::Sas),
            (r#"{"type":"Account Key","tokenHash":"key1(00),SasSignature(00)"}"#, IdentityKind::Sas),
            (r#"{"tokenHash":"key1(00),SasSignature(00)"}"#, IdentityKind::Sas),
        ] {
            one(&format!(r#"{{"category":"StorageRead","identity":{identity}}}"#), |event| {
                assert_eq!(event.identity.kind, Some(kind), "{identity}");
            });
        }
        one(r#"{"category":"StorageRead","identity":{"tokenHash":"00"}}"#, |event| {
            assert_eq!(event.identity.kind, None, "a hash alone says nothing");
        });
    }
}
