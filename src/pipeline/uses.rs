//! Who used which key, of what passed by?
//!
//! Workers note it record by record, as a number in a list of the batch's callers, for a second delivery of a
//! record counts no use: only the coordinator knows that. It adds them up until the next epoch takes them. Of a
//! batch 4,096 callers are told apart, between two epochs 50,000; what is beyond is counted as lost, and said
//! where somebody asks whether a key may go.

use std::collections::HashMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::clock::Timestamp;
use crate::redaction::RedactedEvent;
use crate::store::{KeyCaller, KeyChange, KeyUsage, KeyUse, day_of};
use crate::telemetry::{Field, Kind, Outcome, Stage, Value, cut_name, written};

/// Callers of a batch that are told apart.
const CALLERS_A_BATCH: usize = 4_096;
/// How many of them are known without looking them up.
const RECENT: usize = 32;
/// Callers, and changes of keys, that are told apart between two epochs.
const CALLERS_AN_EPOCH: usize = 50_000;
/// Apps and gateways whose newest event an epoch says.
const PLACES_AN_EPOCH: usize = 10_000;
/// How operations end that change a key.
const CHANGES: [&str; 12] = [
    "/functionkeys/write",
    "/functionkeys/delete",
    "/systemkeys/write",
    "/systemkeys/delete",
    "/masterkey/write",
    "/_master/write",
    "/functions/keys/write",
    "/functions/keys/delete",
    "/regenerateprimarykey/action",
    "/regeneratesecondarykey/action",
    "/regeneratekey/action",
    "/regeneratekeys/action",
];

/// How a key was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It opened something.
    Opened,
    /// It was not refused; what was asked for failed all the same.
    Used,
    /// It was refused.
    Refused,
}

/// What one record says of keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Noted {
    /// Nothing.
    #[default]
    Nothing,
    /// One of the batch's callers used one.
    Use(u32, How),
    /// One of the batch's changes.
    Change(u32),
    /// A use, or a change, for which there was no room.
    Lost,
}

/// What a batch says of keys.
#[derive(Debug, Default)]
pub struct Uses {
    callers: Vec<KeyCaller>,
    changes: Vec<KeyChange>,
    /// By a hash of caller.
    places: HashMap<u64, u32>,
    /// Some of those, for most uses are by few callers.
    recent: [(u64, u32); RECENT],
}

impl Uses {
    /// Notes what a record says of keys.
    pub fn note(&mut self, event: &RedactedEvent<'_>) -> Noted {
        match event.kind() {
            Kind::GatewayRequest | Kind::HttpRequest => self.note_use(event),
            Kind::ControlOperation => self.note_change(event),
            _ => Noted::Nothing,
        }
    }

    fn note_use(&mut self, event: &RedactedEvent<'_>) -> Noted {
        let Some(key) = text(event, Field::KeyId) else { return Noted::Nothing };
        let place = || text(event, Field::Gateway).filter(|_| event.kind() == Kind::GatewayRequest);
        let place = place().or_else(|| event.app()).unwrap_or_default();
        let function = text(event, Field::Function).filter(|_| event.kind() == Kind::HttpRequest).unwrap_or_default();
        let ip = event.source_ip();
        let mut at = match ip {
            Some(std::net::IpAddr::V4(ip)) => xxh3_64(&ip.octets()),
            Some(std::net::IpAddr::V6(ip)) => xxh3_64(&ip.octets()),
            None => 0,
        };
        for part in [key, place, function] {
            at = xxh3_64_with_seed(part.as_bytes(), at);
        }
        let how = match event.get(Field::ResponseStatus) {
            Some(Value::Number(401 | 403)) => How::Refused,
            _ if event.outcome() == Outcome::Success => How::Opened,
            _ => How::Used,
        };
        let slot = &mut self.recent[at as usize % RECENT];
        // No caller stands where nothing was remembered.
        if slot.0 == at && at != 0 {
            return Noted::Use(slot.1, how);
        }
        if let Some(&known) = self.places.get(&at) {
            *slot = (at, known);
            return Noted::Use(known, how);
        }
        if self.callers.len() >= CALLERS_A_BATCH {
            return Noted::Lost;
        }
        let address = ip.map_or_else(|| "unknown".into(), |ip| ip.to_string().into());
        let mut place = if function.is_empty() { place.to_owned() } else { format!("{place}/{function}") };
        cut_name(&mut place, 0);
        let number = self.callers.len() as u32;
        self.callers.push(KeyCaller { key: written(key).into(), address, place: place.into() });
        self.places.insert(at, number);
        self.recent[at as usize % RECENT] = (at, number);
        Noted::Use(number, how)
    }

    fn note_change(&mut self, event: &RedactedEvent<'_>) -> Noted {
        let Some(operation) = text(event, Field::Operation) else { return Noted::Nothing };
        let done = event.outcome() == Outcome::Success && matches!(event.stage(), None | Some(Stage::Ended));
        if !done || !CHANGES.iter().any(|end| operation.ends_with(end)) {
            return Noted::Nothing;
        }
        if self.changes.len() >= CALLERS_A_BATCH {
            return Noted::Lost;
        }
        let resource = text(event, Field::Resource).unwrap_or_default();
        let place = event.app().or_else(|| text(event, Field::Gateway)).or_else(|| named(resource, "storageaccounts"));
        let by = [Field::IdentityName, Field::IdentityId, Field::IdentityApp];
        let by = by.into_iter().find_map(|field| text(event, field)).unwrap_or("unknown");
        self.changes.push(KeyChange {
            place: place.unwrap_or(resource).into(),
            what: last_two(resource).into(),
            operation: operation.into(),
            by: by.into(),
            at: event.time(),
        });
        Noted::Change(self.changes.len() as u32 - 1)
    }

    /// Adds what a later part of the batch says; returns how its numbers read from now on.
    pub fn append(&mut self, later: Self) -> impl Fn(Noted) -> Noted + use<> {
        let (callers, changes) = (self.callers.len() as u32, self.changes.len() as u32);
        self.callers.extend(later.callers);
        self.changes.extend(later.changes);
        move |noted| match noted {
            Noted::Use(number, how) => Noted::Use(number + callers, how),
            Noted::Change(number) => Noted::Change(number + changes),
            other => other,
        }
    }
}

/// What is to be said of keys with the next epoch.
#[derive(Debug, Default)]
pub struct Noting {
    usage: KeyUsage,
    /// Of the batch at hand, by caller and day.
    batch: HashMap<(u32, i32), KeyUse>,
}

impl Noting {
    /// Counts what a record at `at` says, which no other record has said before.
    pub fn count(&mut self, noted: Noted, at: Timestamp, uses: &Uses) {
        match noted {
            Noted::Nothing => {}
            Noted::Lost => self.lose(1, at),
            Noted::Change(number) => {
                if let Some(change) = uses.changes.get(number as usize)
                    && self.usage.changes.len() < CALLERS_AN_EPOCH
                {
                    self.usage.changes.push(change.clone());
                }
            }
            Noted::Use(number, how) => {
                let none = KeyUse { first: at, last: at, accepted: None, opened: false, used: 0, refused: 0 };
                add(self.batch.entry((number, day_of(at))).or_insert(none), &one(at, how));
            }
        }
    }

    /// Takes what the batch at hand has added up to.
    pub fn settle(&mut self, uses: &Uses) {
        let mut batch: Vec<_> = self.batch.drain().collect();
        batch.sort_unstable_by_key(|(place, _)| *place);
        for ((number, day), of_day) in batch {
            let Some(caller) = uses.callers.get(number as usize) else { continue };
            let full = self.usage.uses.len() >= CALLERS_AN_EPOCH;
            match self.usage.uses.entry((caller.clone(), day)) {
                Entry::Occupied(mut known) => add(known.get_mut(), &of_day),
                Entry::Vacant(_) if full => self.lose(u64::from(of_day.used) + u64::from(of_day.refused), of_day.last),
                Entry::Vacant(room) => _ = room.insert(of_day),
            }
        }
    }

    /// Notes that something came of an app or gateway.
    pub fn hear(&mut self, place: &Arc<str>, at: Timestamp) {
        let heard = &mut self.usage.heard;
        if heard.len() < PLACES_AN_EPOCH || heard.contains_key(place) {
            let newest = heard.entry(Arc::clone(place)).or_insert(at);
            *newest = at.max(*newest);
        }
    }

    /// Returns what is to be said with an epoch; event time has come to `newest`.
    pub fn take(&mut self, newest: Option<Timestamp>) -> KeyUsage {
        let usage = std::mem::take(&mut self.usage);
        // What is tried again of dead letters moves no event time.
        KeyUsage { newest: newest.or_else(|| usage.uses.values().map(|one| one.last).max()), ..usage }
    }

    fn lose(&mut self, uses: u64, at: Timestamp) {
        self.usage.lost = (self.usage.lost.0 + uses, self.usage.lost.1.max(Some(at)));
    }
}

fn one(at: Timestamp, how: How) -> KeyUse {
    let refused = how == How::Refused;
    KeyUse {
        first: at,
        last: at,
        accepted: (!refused).then_some(at),
        opened: how == How::Opened,
        used: u32::from(!refused),
        refused: u32::from(refused),
    }
}

fn add(known: &mut KeyUse, more: &KeyUse) {
    known.first = known.first.min(more.first);
    known.last = known.last.max(more.last);
    known.accepted = known.accepted.max(more.accepted);
    known.opened |= more.opened;
    known.used = known.used.saturating_add(more.used);
    known.refused = known.refused.saturating_add(more.refused);
}

#[inline]
fn text<'e>(event: &'e RedactedEvent<'_>, field: Field) -> Option<&'e str> {
    match event.get(field) {
        Some(Value::Text(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Returns the name after `kind` in a resource's id.
fn named<'r>(resource: &'r str, kind: &str) -> Option<&'r str> {
    let mut parts = resource.split('/');
    parts.find(|part| *part == kind)?;
    parts.next()
}

fn last_two(resource: &str) -> &str {
    resource.rmatch_indices('/').nth(1).map_or(resource, |(at, _)| &resource[at + 1..])
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use crate::redaction::{KeyRing, Redactor, Settings};
    use crate::telemetry::{Batch, Scanned, StreamId, decode};

    use super::*;

    /// What `uses` notes of a record.
    fn noted(uses: &mut Uses, record: &str) -> Noted {
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let (mut batch, arena) = (Batch::default(), Bump::new());
        batch.push(record.as_bytes(), StreamId(0), 0, 1, None);
        let (scanned, mut noted) = (Scanned::new(&batch, Vec::new()), Noted::Nothing);
        decode(&scanned, 0, &arena, |event| noted = uses.note(&redactor.finish(event.unwrap())));
        noted
    }

    /// A request to a gateway, answered so, from an address and with a key, if there are any.
    fn request(status: u16, address: &str, key: &str) -> String {
        format!(
            r#"{{"time":"2026-11-26T10:00:00Z","category":"GatewayLogs","callerIpAddress":"{address}",
            "resourceId":"/SUBSCRIPTIONS/0F00/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.APIMANAGEMENT/SERVICE/APIM-SHOP",
            "properties":{{"method":"GET","url":"https://apim-shop.azure-api.net/orders","responseCode":{status},
            "apimSubscriptionId":"{key}"}}}}"#
        )
    }

    /// A change of the keys of an app.
    fn change(operation: &str, result: &str) -> String {
        format!(
            r#"{{"time":"2026-11-26T10:00:00Z","category":"Administrative","operationName":"{operation}",
            "resultType":"{result}","callerIpAddress":"203.0.113.9",
            "resourceId":"/SUBSCRIPTIONS/0F00/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/ORDERS-API/HOST/DEFAULT/MASTERKEY"}}"#
        )
    }

    #[test]
    fn a_caller_is_an_address_with_a_key_at_a_place_and_how_it_went_is_the_records() {
        let mut uses = Uses::default();
        let mut of = |status, address, key| noted(&mut uses, &request(status, address, key));
        assert_eq!(of(200, "203.0.113.7", "k1"), Noted::Use(0, How::Opened));
        assert_eq!(of(403, "203.0.113.7", "k1"), Noted::Use(0, How::Refused));
        assert_eq!(of(500, "203.0.113.7", "k2"), Noted::Use(1, How::Used));
        assert_eq!(of(200, "2001:db8::7", "k1"), Noted::Use(2, How::Opened));
        assert_eq!(of(200, "203.0.113.7", "k1"), Noted::Use(0, How::Opened));
        assert_eq!(of(200, "203.0.113.7", ""), Noted::Nothing);
        assert_eq!(of(200, "203.0.113.8", "Partner-A"), Noted::Use(3, How::Opened));
        let callers: Vec<_> = uses.callers.iter().map(|one| (&*one.key, &*one.address, &*one.place)).collect();
        let of_shop = |key, address| (key, address, "apim-shop");
        assert_eq!(
            callers,
            [("k1", "203.0.113.7"), ("k2", "203.0.113.7"), ("k1", "2001:db8::7"), ("partner-a", "203.0.113.8")]
                .map(|(key, address)| of_shop(key, address)),
            "a key is written as alerts write it"
        );
    }

    #[test]
    fn a_key_is_changed_by_what_has_ended_well() {
        let mut uses = Uses::default();
        assert_eq!(noted(&mut uses, &change("MICROSOFT.WEB/SITES/HOST/MASTERKEY/WRITE", "Success")), Noted::Change(0));
        assert_eq!(noted(&mut uses, &change("MICROSOFT.WEB/SITES/HOST/MASTERKEY/WRITE", "Failed")), Noted::Nothing);
        assert_eq!(noted(&mut uses, &change("MICROSOFT.WEB/SITES/HOST/MASTERKEY/WRITE", "Started")), Noted::Nothing);
        assert_eq!(noted(&mut uses, &change("MICROSOFT.WEB/SITES/RESTART/ACTION", "Success")), Noted::Nothing);
        let [change] = &uses.changes[..] else { panic!("{:?}", uses.changes) };
        assert_eq!((&*change.place, &*change.what), ("orders-api", "default/masterkey"));
    }

    #[test]
    fn beyond_so_many_callers_of_a_batch_uses_are_lost_and_said_to_be() {
        let caller = |n: usize| KeyCaller { key: "k".into(), address: n.to_string().into(), place: "p".into() };
        let mut uses = Uses { callers: (0..CALLERS_A_BATCH).map(caller).collect(), ..Uses::default() };
        assert_eq!(noted(&mut uses, &request(200, "203.0.113.7", "k1")), Noted::Lost);
        let at = Timestamp::from_seconds(86_400);
        let mut noting = Noting::default();
        noting.count(Noted::Lost, at, &uses);
        noting.settle(&uses);
        assert_eq!((noting.take(None).lost, noting.take(None).lost), ((1, Some(at)), (0, None)));
    }

    #[test]
    fn parts_of_a_batch_add_up_as_one_batch_does() {
        let parts = [[("k1", 200), ("k2", 403)], [("k1", 401), ("k3", 200)]];
        let (at, mut all, mut one_by_one) = (Timestamp::from_seconds(86_400), Uses::default(), Noting::default());
        for part in parts {
            let mut uses = Uses::default();
            let noted = part.map(|(key, status)| noted(&mut uses, &request(status, "203.0.113.7", key)));
            let renamed = all.append(uses);
            for noted in noted {
                one_by_one.count(renamed(noted), at, &all);
            }
        }
        one_by_one.settle(&all);
        let mut whole = (Uses::default(), Noting::default());
        for (key, status) in parts.concat() {
            let noted = noted(&mut whole.0, &request(status, "203.0.113.7", key));
            whole.1.count(noted, at, &whole.0);
        }
        whole.1.settle(&whole.0);
        let (some, other) = (one_by_one.take(None), whole.1.take(None));
        assert_eq!(some, other);
        let used = |key: &str| {
            some.uses.iter().find(|((caller, _), _)| &*caller.key == key).map(|(_, one)| (one.used, one.refused))
        };
        assert_eq!(["k1", "k2", "k3"].map(used), [Some((1, 1)), Some((0, 1)), Some((1, 0))]);
        assert_eq!(some.newest, Some(at));
    }
}
