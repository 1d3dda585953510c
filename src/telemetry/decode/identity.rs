//! Who did it? Reads the claims of a token, or a plain name.
//!
//! A token names its person several times over. The best name becomes `identity.name`; every
//! other becomes `personal`, so that the redactor hides them all.

use bumpalo::collections::Vec;
use memchr::memrchr;

use crate::telemetry::{Event, IdentityKind};

use super::cursor::{Cursor, Fault, Shape, Value};
use super::doc::{Doc, Piece, lower};
use super::members::Name;
use super::vocabulary::Claim;

/// From this rank on a name is personal but tells nobody apart.
const ONLY_PERSONAL: u8 = 6;

/// The claims of one record.
pub(super) struct Claims<'s> {
    doc: Doc<'s>,
    /// What is claimed, and whether its name is a URL; as many as the record has.
    found: Vec<'s, (Claim, bool, Value)>,
    /// What the token was used for, beside the claims.
    authorization: Option<Value>,
}

impl<'s> Claims<'s> {
    /// Returns no claims of `doc` yet.
    pub(super) fn new(doc: Doc<'s>) -> Self {
        Self { doc, found: Vec::new_in(doc.arena), authorization: None }
    }

    /// Forgets all claims; those to come are of `doc`.
    pub(super) fn clear(&mut self, doc: Doc<'s>) {
        self.doc = doc;
        self.found.clear();
        self.authorization = None;
    }

    /// Tells whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns the `authorization` beside the claims, and the doc it stands in.
    pub(super) fn authorization(&self) -> Option<(Doc<'s>, Value)> {
        self.authorization.map(|value| (self.doc, value))
    }

    /// Reads an `identity`, the object at the cursor, whose brackets are the `level`th: its own
    /// members, and those in its `claims` (Activity log) or `claim` (Key Vault).
    pub(super) fn read(&mut self, at: &mut Cursor<'s>, level: u32) -> Result<(), Fault> {
        self.object(at, level, true)
    }

    fn object(&mut self, at: &mut Cursor<'s>, level: u32, outer: bool) -> Result<(), Fault> {
        let mut key = at.first_key()?;
        while let Some(name) = key {
            let name = self.doc.says(name);
            let claims = || name.eq_ignore_ascii_case("claims") || name.eq_ignore_ascii_case("claim");
            if outer && at.space() == Some(b'{') && claims() {
                self.object(at, level + 1, false)?;
            } else {
                let value = at.value(level + 1)?;
                if outer && value.shape == Shape::Object && name.eq_ignore_ascii_case("authorization") {
                    self.authorization = Some(value);
                }
                let start = memrchr(b'/', name.as_bytes()).map_or(0, |slash| slash + 1);
                if let Some(claim) = name.as_bytes().get(start..).and_then(Claim::of).filter(|_| self.says(value)) {
                    self.found.push((claim, start > 0, value));
                }
            }
            key = at.next_key()?;
        }
        Ok(())
    }

    /// Reads the columns at the cursor, those of a row in which each claim has one of its own, as Key Vault's have in
    /// `AzureDiagnostics`: `identity_claim_oid_g`, `identity_claim_http_schemas_xmlsoap_org_…_claims_upn_s`.
    pub(super) fn read_columns(&mut self, at: &mut Cursor<'s>) -> Result<(), Fault> {
        let mut key = at.first_key()?;
        while let Some(name) = key {
            let (name, value) = (self.doc.says(name), at.value(2)?);
            let column = name.strip_prefix("identity_claim_").and_then(|rest| rest.rsplit_once('_'));
            if let Some((claimed, _)) = column.filter(|_| self.says(value)) {
                let uri = claimed.rsplit_once("_claims_");
                let claim = Claim::of(uri.map_or(claimed, |(_, last)| last).as_bytes());
                self.found.extend(claim.map(|claim| (claim, uri.is_some(), value)));
            }
            key = at.next_key()?;
        }
        Ok(())
    }

    fn says(&self, value: Value) -> bool {
        matches!(value.shape, Shape::String | Shape::Scalar) && !self.doc.is_absent(value)
    }

    /// Fills who did it; returns the address the token was issued to.
    pub(super) fn fill(&self, event: &mut Event<'s>) -> Option<Piece<'s>> {
        let ranks = self.found.iter().filter_map(|&(claim, url, _)| rank(claim, url));
        let best = ranks.min().filter(|&rank| rank < ONLY_PERSONAL);
        let (mut address, mut typed, mut managed) = (None, None, false);
        for &(claim, url, value) in &self.found {
            let text = self.doc.text(value);
            match claim {
                Claim::ObjectIdentifier | Claim::Oid => event.identity.id = event.identity.id.or(Some(text)),
                Claim::AppId | Claim::Azp => event.identity.app = event.identity.app.or(Some(text)),
                Claim::TenantId | Claim::Tid => event.identity.tenant = event.identity.tenant.or(Some(text)),
                Claim::IpAddr | Claim::IpAddress => address = address.or_else(|| Some(self.doc.piece(value))),
                Claim::XmsMirid | Claim::XmsAzRid => {
                    let asks = event.identity.resource.or_else(|| Some(lower(text, event.arena)));
                    event.identity.resource = asks;
                    managed |= claim == Claim::XmsMirid;
                }
                Claim::IdTyp => typed = named_kind(text.value),
                Claim::Uti => event.trace = event.trace.or(Some(text)),
                _ if rank(claim, url) == best && event.identity.name.is_none() => event.identity.name = Some(text),
                _ => event.personal.push(text),
            }
        }
        let named = event.identity.name.map(|_| IdentityKind::User);
        let app = event.identity.app.map(|_| IdentityKind::ServicePrincipal);
        let of = managed.then_some(IdentityKind::ManagedIdentity).or(typed).or(named).or(app);
        event.identity.kind = event.identity.kind.or(of);
        address
    }

    /// Marks every name in the claims as personal: they are those of a person who is known already.
    pub(super) fn hide(&self, event: &mut Event<'s>) {
        let names = self.found.iter().filter(|&&(claim, url, _)| rank(claim, url).is_some());
        event.personal.extend(names.map(|&(_, _, value)| self.doc.text(value)));
    }
}

/// Returns the kind of identity that a token (`user`, `app`) or a role assignment
/// (`ServicePrincipal`) calls `name`.
pub(super) fn named_kind(name: &str) -> Option<IdentityKind> {
    const KINDS: [(&str, IdentityKind); 6] = [
        ("user", IdentityKind::User),
        ("member", IdentityKind::User),
        ("guest", IdentityKind::Guest),
        ("app", IdentityKind::ServicePrincipal),
        ("servicePrincipal", IdentityKind::ServicePrincipal),
        ("managedIdentity", IdentityKind::ManagedIdentity),
    ];
    KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, kind)| kind)
}

/// Returns how well a claim names a person: the lower, the better. `http://…/claims/name` is a
/// login name, where plain `name` is a display name.
/// `None` if it names none.
fn rank(claim: Claim, url: bool) -> Option<u8> {
    let rank = match claim {
        Claim::ObjectIdentifier
        | Claim::Oid
        | Claim::AppId
        | Claim::Azp
        | Claim::TenantId
        | Claim::Tid
        | Claim::IpAddr
        | Claim::IpAddress
        | Claim::IdTyp
        | Claim::Uti
        | Claim::XmsMirid
        | Claim::XmsAzRid => return None,
        Claim::Upn => 0,
        Claim::UniqueName => 1,
        Claim::PreferredUsername => 2,
        Claim::EmailAddress | Claim::Email => 3,
        Claim::Name if url => 4,
        Claim::Name => 5,
        _ => ONLY_PERSONAL,
    };
    Some(rank)
}
