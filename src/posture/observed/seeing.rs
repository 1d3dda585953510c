//! What does a batch say of apps, gateways and endpoints?
//!
//! Workers count it record by record, before duplicates are known: a hash of the endpoint and of what the
//! record proves, and two adds. Thirty-two are remembered, for a batch mostly asks few endpoints. Of a batch
//! 8,192 are told apart, and 1,024 writes to the control plane; what is beyond is counted.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::fact::{Fact, Tally};
use super::{What, Write};
use crate::context::plain_path;
use crate::posture::{ElementKind, of_resource};
use crate::redaction::RedactedEvent;
use crate::telemetry::{Category, Field, Kind, Layer, Outcome, Privilege, Reason, Stage, Transport, Value};

/// Things of a batch that are told apart.
const MAX_SPOTS: usize = 8_192;
/// Writes of a batch that are kept.
const MAX_WRITES: usize = 1_024;
/// Bytes of a name; Azure's are shorter.
const MAX_NAME: usize = 256;
/// How many are remembered.
const RECENT: usize = 32;

/// One thing of a batch, and what its records prove.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) what: What,
    /// Where its two names begin and end among the names.
    names: [u32; 3],
    pub(super) facts: u32,
    pub(super) tally: Tally,
}

/// What a batch says.
#[derive(Debug, Default)]
pub struct Seeing {
    pub(super) spots: Vec<Spot>,
    /// The names of all of them, one after the other.
    names: String,
    places: HashMap<u64, u32>,
    recent: [(u64, u32); RECENT],
    pub(super) writes: Vec<Write>,
    /// Records for which there was no room.
    pub(super) beyond: u64,
}

impl Seeing {
    /// Counts what a record says.
    pub fn see(&mut self, event: &RedactedEvent<'_>) {
        match event.kind() {
            Kind::GatewayRequest => self.gateway(event),
            Kind::HttpRequest | Kind::AppRequest => {
                let facts = request(event);
                self.app(event, facts);
            }
            Kind::FunctionLog if event.outcome() != Outcome::Unknown => self.app(event, Fact::Asked.bit()),
            Kind::ControlOperation => self.written(event),
            // The app's own rules let in another tenant's Front Door.
            Kind::AccessRestriction if event.layer() == Some(Layer::Outer) && event.outcome() == Outcome::Success => {
                self.app(event, Fact::Asked.bit() | Fact::PastGateway.bit());
            }
            _ => self.reached(event),
        }
    }

    fn gateway(&mut self, event: &RedactedEvent<'_>) {
        let Some(gateway) = text(event, Field::Gateway) else { return };
        let operation = text(event, Field::Operation).unwrap_or_default();
        let facts = request(event);
        self.count(event, What::Gateway, gateway, operation, facts);
        if let Some(origin) = text(event, Field::AllowOrigin) {
            self.count(event, What::Origin, gateway, origin, Fact::Answered.bit());
        }
        // The app behind sent a browser to sign in: that stands in no log of its own.
        let behind = text(event, Field::Target).and_then(|host| host.strip_suffix(".azurewebsites.net"));
        if let Some(app) = behind.filter(|_| facts & Fact::LoginAsked.bit() != 0) {
            self.count(event, What::App, app, "", Fact::LoginAsked.bit());
        }
        // One that the gateway refused went no further.
        let answered = facts & Fact::Answered.bit();
        if let Some(to) = event.app().or_else(|| text(event, Field::Target)).filter(|_| answered != 0) {
            self.count(event, What::Way, gateway, to, answered);
        }
    }

    fn app(&mut self, event: &RedactedEvent<'_>, facts: u32) {
        let Some(app) = event.app() else { return };
        let function = text(event, Field::Function).unwrap_or_default();
        self.count(event, What::App, app, function, facts);
    }

    /// An identity reached something.
    fn reached(&mut self, event: &RedactedEvent<'_>) {
        if event.outcome() != Outcome::Success {
            return;
        }
        let Some(resource) = text(event, Field::Resource).and_then(of_resource) else { return };
        let holds_data = matches!(
            resource.kind,
            ElementKind::KeyVault | ElementKind::Storage | ElementKind::Sql | ElementKind::Cosmos
        );
        let who = [Field::IdentityResource, Field::IdentityApp, Field::IdentityId, Field::IdentityName];
        if let Some(who) = who.into_iter().find_map(|field| text(event, field)).filter(|_| holds_data) {
            // A managed identity of an app is called as the app is.
            let app = of_resource(who).filter(|named| named.kind == ElementKind::App).map(|named| named.name);
            self.count(event, What::Reach, app.unwrap_or(who), resource.name, Fact::Answered.bit());
        }
    }

    fn written(&mut self, event: &RedactedEvent<'_>) {
        let done = event.outcome() == Outcome::Success && matches!(event.stage(), None | Some(Stage::Ended));
        let Some(operation) = text(event, Field::Operation).filter(|_| done) else { return };
        let Some(resource) = text(event, Field::Resource) else { return };
        if !operation.ends_with("/write") && !operation.ends_with("/delete") || resource.len() > 4 * MAX_NAME {
            return;
        }
        if self.writes.len() >= MAX_WRITES {
            self.beyond += 1;
            return;
        }
        let who = [Field::IdentityName, Field::IdentityId, Field::IdentityApp];
        let by = who.into_iter().find_map(|field| text(event, field)).unwrap_or("unknown");
        let from = event.source_ip().map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        self.writes.push(Write {
            resource: resource.into(),
            operation: operation.into(),
            by: by.into(),
            from: from.into(),
            at: event.time(),
        });
    }

    fn count(&mut self, event: &RedactedEvent<'_>, what: What, from: &str, to: &str, facts: u32) {
        let weight = match event.get(Field::Weight) {
            Some(Value::Number(weight)) => u64::try_from(weight).unwrap_or(1).max(1),
            _ => 1,
        };
        let seed = u64::from(facts) << 8 | what as u64;
        let hash = xxh3_64_with_seed(to.as_bytes(), xxh3_64_with_seed(from.as_bytes(), seed));
        let slot = &mut self.recent[(hash % RECENT as u64) as usize];
        let place = if slot.0 == hash { Some(slot.1) } else { self.places.get(&hash).copied() };
        let tally = Tally::new(weight, event.time());
        if let Some(spot) = place.and_then(|place| self.spots.get_mut(place as usize)) {
            spot.tally.add(&tally);
            *slot = (hash, place.unwrap_or_default());
        } else {
            self.insert(hash, (what, from, to), facts, tally);
        }
    }

    fn insert(&mut self, hash: u64, (what, from, to): (What, &str, &str), facts: u32, tally: Tally) {
        if self.spots.len() >= MAX_SPOTS || from.len() > MAX_NAME || to.len() > MAX_NAME {
            self.beyond += 1;
            return;
        }
        self.places.insert(hash, self.spots.len() as u32);
        self.add(what, from, to, facts, tally);
    }

    fn add(&mut self, what: What, from: &str, to: &str, facts: u32, tally: Tally) {
        // Twice 256 bytes of 8,192 things.
        let end = |names: &String| names.len() as u32;
        let start = end(&self.names);
        self.names.push_str(from);
        let middle = end(&self.names);
        self.names.push_str(to);
        self.spots.push(Spot { what, names: [start, middle, end(&self.names)], facts, tally });
    }

    /// Returns the two names of one of its things.
    pub(super) fn names(&self, spot: &Spot) -> (&str, &str) {
        let [start, middle, end] = spot.names.map(|at| at as usize);
        let name = |from: usize, to: usize| self.names.get(from..to).unwrap_or_default();
        (name(start, middle), name(middle, end))
    }

    /// Returns the writes to the control plane.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Adds what a later part of the batch says.
    pub fn append(&mut self, later: Self) {
        self.beyond += later.beyond;
        let (spots, writes) =
            (MAX_SPOTS - self.spots.len().min(MAX_SPOTS), MAX_WRITES - self.writes.len().min(MAX_WRITES));
        let dropped = later.spots.iter().skip(spots).map(|spot| spot.tally.count).fold(0, u64::saturating_add);
        self.beyond =
            self.beyond.saturating_add(dropped).saturating_add(later.writes.len().saturating_sub(writes) as u64);
        for spot in later.spots.iter().take(spots) {
            let (from, to) = later.names(spot);
            self.add(spot.what, from, to, spot.facts, spot.tally);
        }
        self.writes.extend(later.writes.into_iter().take(writes));
    }
}

/// Returns what a request's record proves.
fn request(event: &RedactedEvent<'_>) -> u32 {
    let mut facts = Fact::Asked.bit();
    let status = match event.get(Field::ResponseStatus) {
        Some(Value::Number(status)) => status,
        _ => 0,
    };
    let in_url = text(event, Field::KeyTransport) == Some(Transport::Query.name())
        || event.sightings().iter().any(|one| one.secret && !one.dummy && event.place_of(one) == "query");
    if in_url {
        facts |= Fact::KeyInUrl.bit();
    }
    match event.layer() {
        Some(Layer::Inner) => facts |= Fact::ThroughGateway.bit(),
        Some(Layer::Outer) if event.outcome() == Outcome::Success => facts |= Fact::PastGateway.bit(),
        _ => {}
    }
    let to_login = event.reason() == Reason::RedirectedToLogin;
    if to_login {
        facts |= Fact::LoginAsked.bit();
    } else if event.outcome() == Outcome::Success {
        facts |= answered(event);
    } else if matches!(status, 401 | 403 | 429) {
        facts |= refused(event.reason(), status);
    }
    facts | tls(event)
}

fn tls(event: &RedactedEvent<'_>) -> u32 {
    match text(event, Field::ClientTls) {
        Some("1.2" | "1.3") => Fact::NewTls.bit(),
        Some(old) if event.outcome() == Outcome::Success && (old.starts_with("1.") || old.starts_with("3.")) => {
            Fact::OldTls.bit()
        }
        _ => 0,
    }
}

fn answered(event: &RedactedEvent<'_>) -> u32 {
    let (mut facts, mut proofs) = (Fact::Answered.bit(), 0);
    let at_gateway = event.category() == Category::GatewayLogs;
    if at_gateway {
        let named = text(event, Field::KeyId).is_some();
        let token = event.sightings().iter().any(|one| &*one.kind == "jwt" && event.place_of(one) == "header");
        proofs |= if named { Fact::BySubscription.bit() } else { 0 } | if token { Fact::ByToken.bit() } else { 0 };
        facts |= if named { 0 } else { Fact::NoSubscription.bit() };
    } else if text(event, Field::KeyTransport) == Some(Transport::Query.name()) {
        let master = event.sightings().iter().any(|one| one.privilege == Some(Privilege::Master));
        proofs |= if master { Fact::ByAdminKey.bit() } else { Fact::ByFunctionKey.bit() };
    }
    if event.kind() == Kind::HttpRequest && text(event, Field::IdentityName).is_some() {
        proofs |= Fact::ByPrincipal.bit();
    }
    if let Some(path) = text(event, Field::RequestPath)
        && event.kind() == Kind::HttpRequest
        && plain_path(path).get(..7).is_some_and(|head| head.eq_ignore_ascii_case("/admin/"))
    {
        facts |= Fact::AdminAnswered.bit();
    }
    facts |= match text(event, Field::AllowOrigin) {
        Some("*" | "null") => Fact::AnyOrigin.bit(),
        Some(_) => Fact::NamedOrigin.bit(),
        None => 0,
    };
    facts | if proofs == 0 { Fact::Unproven.bit() } else { proofs }
}

const fn refused(reason: Reason, status: i64) -> u32 {
    let why = match reason {
        Reason::KeyMissing | Reason::KeyInvalid => Fact::KeyAsked.bit(),
        Reason::TokenMissing
        | Reason::TokenMalformed
        | Reason::TokenExpired
        | Reason::TokenNotYetValid
        | Reason::TokenSignature
        | Reason::SigningKeyUnknown
        | Reason::Issuer
        | Reason::Audience
        | Reason::Claim => Fact::TokenAsked.bit(),
        Reason::AddressNotAllowed => Fact::AddressKeptOut.bit(),
        Reason::Rate => return Fact::Limited.bit() | Fact::RateUsedUp.bit(),
        Reason::Quota => return Fact::Limited.bit() | Fact::QuotaUsedUp.bit(),
        _ => 0,
    };
    if status == 429 { why } else { why | Fact::Refused.bit() }
}

#[inline]
fn text<'e>(event: &'e RedactedEvent<'_>, field: Field) -> Option<&'e str> {
    match event.get(field) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn what_later_parts_of_a_batch_have_no_room_for_is_counted() {
        let tally = Tally::new(3, Timestamp::from_seconds(1_795_442_400));
        let full = |n: usize| {
            let mut seeing = Seeing::default();
            (0..n).for_each(|n| seeing.add(What::App, &n.to_string(), "", 1, tally));
            seeing
        };
        let mut seeing = full(MAX_SPOTS - 1);
        seeing.append(full(3));
        assert_eq!((seeing.spots.len(), seeing.beyond), (MAX_SPOTS, 6));
    }
}
