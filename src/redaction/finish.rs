//! What in this event is personal by the meaning of its field?
//!
//! Names of people are found by where they stand, not by how they look: the scan has taken the
//! addresses of people, this takes the names beside them, cookies the scan left whole, and, if the
//! policies say so, the ids of objects and the addresses of callers and of those they called for,
//! wherever in the record they stand. It replaces at most as many texts as the event has, and an
//! address or id as often as the record names it; of a forwarded chain the last 32 addresses are
//! looked for elsewhere in the record, and of the addresses to which tokens were issued the first 32; the others are
//! hidden where they stand. What the scan has hidden and a place lets stay is put back last.

use std::ops::Range;
use std::sync::Arc;

use super::bridge;
use super::fingerprint::{Fingerprinter, Memo, holds_fingerprint, is_fingerprint};
use super::kind::Kind;
use super::people::{Action, Over, People, is_hidden, say};
use super::redacted::{RedactedEvent, Replacement, splice};
use super::scan::bytes::{Set, hex};
use super::scan::{is_address, value};
use crate::telemetry::{Event, Kind as EventKind, Text, address};

/// What a network address is written with.
pub(super) const ADDRESS: Set = Set::of(b"0123456789abcdefABCDEF:.");

/// The most addresses of a forwarded chain that are looked for elsewhere in the record, from the right, and the most
/// to which tokens were issued.
const CHAIN: usize = 32;

/// How much of a claim's value is read: more than any address has.
const CLAIM: usize = 64;

/// Hides what is personal in `event`.
///
/// With `hashes`, what storage logs say of the key that opened an account becomes a fingerprint too.
pub fn finish<'s>(
    people: &People,
    fingerprints: &Fingerprinter,
    hashes: bool,
    event: &'s mut Event<'s>,
) -> RedactedEvent<'s> {
    let policies = people.policies();
    let storage = hashes && event.kind == EventKind::StorageRequest;
    let nothing = event.identity.name.is_none() && event.personal.is_empty() && event.cookie.is_none() && !storage;
    let stays = |kind| policies.before(kind) == Action::Keep;
    let seen = policies.any_scoped() && !event.sightings.is_empty();
    if nothing && !seen && stays(Kind::Address) && stays(Kind::ObjectId) {
        return RedactedEvent::new(event, Vec::new());
    }
    let over = policies.over(event);
    let (memo, arena) = (Memo::default(), event.arena);
    let mut hider = Hider { people, fingerprints, over, arena, memo, replacements: Vec::new() };
    for text in event.identity.name.iter_mut().chain(event.personal.iter_mut()) {
        hider.hide(text);
    }
    if let Some(cookie) = event.cookie.as_mut().filter(|cookie| !holds_fingerprint(cookie.value.as_bytes())) {
        hider.cookie(cookie);
    }
    if !stays(Kind::ObjectId) {
        hider.ids(event);
    }
    if !stays(Kind::Address) {
        hider.addresses(event);
    }
    if seen {
        hider.placed(event);
    }
    if let Some(key) = event.key.id.as_mut().filter(|_| storage) {
        hider.hash(key);
    }
    let replacements = apart(hider.replacements);
    RedactedEvent::new(event, replacements)
}

struct Hider<'f, 's> {
    people: &'f People,
    fingerprints: &'f Fingerprinter,
    over: Over<'f>,
    arena: &'s bumpalo::Bump,
    memo: Memo,
    replacements: Vec<Replacement>,
}

impl<'s> Hider<'_, 's> {
    /// Hides the name of a person.
    fn hide(&mut self, text: &mut Text<'s>) {
        let value = text.value.trim();
        if is_nobody(value) || is_hidden(value.as_bytes()) {
            return;
        }
        // One that the scan was told to leave, whatever field it stands in.
        let kind = if is_address(value.as_bytes()) { Kind::Email } else { Kind::Person };
        if let Some(with) = self.instead(kind, value, &text.raw()) {
            self.replace(text, with);
        }
    }

    fn cookie(&mut self, text: &mut Text<'s>) {
        let value = text.value.trim();
        if !is_nobody(value) && !is_fingerprint(value.as_bytes()) {
            let with = self.fingerprints.of(Kind::Cookie, value.as_bytes(), &mut self.memo).0;
            self.replace(text, with);
        }
    }

    /// Returns what stands in the place of `value`, which stands at `at`; `None` if it stays.
    fn instead(&mut self, kind: Kind, value: &str, at: &Range<u32>) -> Option<Arc<str>> {
        let action = self.over.action(kind, at);
        self.people.instead(self.fingerprints, kind, value.as_bytes(), action, &mut self.memo)
    }

    fn replace(&mut self, text: &mut Text<'s>, with: Arc<str>) {
        text.value = self.arena.alloc_str(&with);
        self.replacements.push(Replacement { raw: text.raw(), with });
    }

    /// Hides the ids of who did it: where they stand, and wherever else in the record.
    fn ids(&mut self, event: &mut Event<'s>) {
        let claimed = event.sightings.iter().filter(|one| Some(&*one.kind) == Kind::ObjectId.name());
        for original in claimed.filter_map(|one| one.original.as_ref()) {
            if let Ok(old) = std::str::from_utf8(original.unredacted()) {
                self.elsewhere(event.scanned, event.record.clone(), Kind::ObjectId, old);
            }
        }
        let Some(text) = &mut event.identity.id else { return };
        let old = text.value;
        if is_nobody(old) || is_hidden(old.as_bytes()) {
            return;
        }
        if let Some(with) = self.instead(Kind::ObjectId, old, &text.raw()) {
            self.replace(text, with);
        }
        self.elsewhere(event.scanned, event.record.clone(), Kind::ObjectId, old);
    }

    /// Puts fingerprints in the place of the hashes that Azure logs of what opened a storage account.
    fn hash(&mut self, text: &mut Text<'s>) {
        let Some(known) = bridge::logged(self.fingerprints, text.value) else { return };
        self.replacements.push(Replacement { raw: text.raw(), with: known.written.into() });
        text.value = self.arena.alloc_str(&known.id.0);
    }

    /// Hides every address of a caller: where it stands, and wherever else in the record.
    fn addresses(&mut self, event: &mut Event<'s>) {
        let everywhere = 0..0;
        let place = event.source_text.map_or(everywhere, |text| text.raw());
        let action = self.over.action(Kind::Address, &place);
        event.source_ip = event.source_ip.and_then(|ip| self.people.address(ip, action));
        let mut hidden = Vec::new();
        // The chains first: where one of their addresses is the source, the whole chain is replaced.
        for chain in [&mut event.forwarded, &mut event.front_door.client, &mut event.front_door.socket] {
            self.chain(chain.as_mut(), &mut hidden);
        }
        for text in [&mut event.peer, &mut event.source_text].into_iter().flatten() {
            let old = text.value;
            if let Some(with) = self.hidden(old, &text.raw()) {
                self.replace(text, with);
                // Any other text may stand anywhere, for anything.
                hidden.extend(address(old).map(|_| old));
            }
        }
        self.claimed(event, &mut hidden);
        hidden.sort_unstable();
        hidden.dedup();
        for old in &hidden {
            self.elsewhere(event.scanned, event.record.clone(), Kind::Address, old);
        }
        let texts = [&mut event.message, &mut event.request.path, &mut event.request.query, &mut event.referrer];
        for text in texts.into_iter().flatten() {
            for old in &hidden {
                let places: Vec<_> = places(text.value.as_bytes(), old).collect();
                let Some(with) = (!places.is_empty()).then(|| self.hidden(old, &text.raw())).flatten() else {
                    continue;
                };
                let span = |at: Range<usize>| Replacement { raw: at.start as u32..at.end as u32, with: with.clone() };
                let spans: Vec<_> = places.into_iter().map(span).collect();
                let whole = 0..text.value.len() as u32;
                let hidden = splice(text.value.as_bytes(), whole, &spans);
                text.value = self.arena.alloc_str(&String::from_utf8_lossy(&hidden));
            }
        }
    }

    /// Hides each address of a forwarded chain; what is no address is hidden whole, in doubt.
    fn chain(&mut self, chain: Option<&mut Text<'s>>, hidden: &mut Vec<&'s str>) {
        let Some(chain) = chain else { return };
        let place = chain.raw();
        if self.over.action(Kind::Address, &place) == Action::Keep {
            return;
        }
        let hops = chain.value.split(',').count();
        let mut with = String::with_capacity(chain.value.len());
        for (n, part) in chain.value.split(',').enumerate() {
            let read = address(part);
            let old = read.as_ref().and_then(|read| part.get(read.at.clone())).unwrap_or(part.trim());
            let hop = self.hidden(old, &place);
            with.push_str(if n == 0 { "" } else { ", " });
            with.push_str(hop.as_deref().unwrap_or(old));
            hidden.extend(hop.filter(|_| hops - n <= CHAIN && read.is_some()).map(|_| old));
        }
        self.replace(chain, with.into());
    }

    /// Returns what stands in the place of an address at `at`; `None` where there is nothing to hide.
    fn hidden(&mut self, old: &str, at: &Range<u32>) -> Option<Arc<str>> {
        if matches!(old, "" | "-") || is_hidden(old.as_bytes()) {
            return None;
        }
        self.instead(Kind::Address, old, at)
    }

    /// Replaces `old` wherever it stands in the record.
    fn elsewhere(&mut self, scanned: &'s [u8], record: Range<u32>, kind: Kind, old: &str) {
        let Some(bytes) = scanned.get(record.start as usize..record.end as usize) else { return };
        for at in places(bytes, old) {
            let raw = record.start + at.start as u32..record.start + at.end as u32;
            if let Some(with) = self.instead(kind, old, &raw) {
                self.replacements.push(Replacement { raw, with });
            }
        }
    }

    /// Adds the addresses to which tokens were issued to those that are `hidden` in all of the record: they may be
    /// others than the caller's. Beyond [`CHAIN`], each is hidden where it stands.
    fn claimed(&mut self, event: &Event<'s>, hidden: &mut Vec<&'s str>) {
        const NAME: &[u8] = b"ipaddr";
        let scanned: &'s [u8] = event.scanned;
        let record = scanned.get(..event.record.end as usize).unwrap_or_default();
        let (start, most) = (event.record.start as usize, hidden.len() + CHAIN);
        for at in memchr::memmem::find_iter(record.get(start..).unwrap_or_default(), NAME) {
            let end = start + at + NAME.len();
            let Some(place) = value::after(record, end) else { continue };
            let read = record.get(..place.start + CLAIM).unwrap_or(record);
            let value = place.start..value::end(read, place, &value::LINE).min(read.len());
            let old = read.get(value.clone()).and_then(|old| std::str::from_utf8(old).ok()).unwrap_or_default();
            let Some(at) = address(old).map(|read| read.at) else { continue };
            let Some(old) = old.get(at.clone()).filter(|old| !hidden.contains(old)) else { continue };
            if hidden.len() < most {
                hidden.push(old);
                continue;
            }
            let raw = (value.start + at.start) as u32..(value.start + at.end) as u32;
            if let Some(with) = self.hidden(old, &raw) {
                self.replacements.push(Replacement { raw, with });
            }
        }
    }

    /// Does to what the scan has hidden what its place asks for.
    fn placed(&mut self, event: &mut Event<'s>) {
        let mut placed = self.people.placed(self.fingerprints, &self.over, event, &mut self.memo);
        // What stands in a text that is hidden whole goes with it.
        let whole =
            |at: &Range<u32>| self.replacements.iter().any(|one| one.raw.start <= at.start && at.end <= one.raw.end);
        placed.retain(|one| one.replacement.as_ref().is_none_or(|one| !whole(&one.raw)));
        say(event, &placed);
        self.replacements.extend(placed.into_iter().filter_map(|one| one.replacement));
    }
}

/// Tells whether a name is what is written where there is none.
fn is_nobody(name: &str) -> bool {
    matches!(name, "" | "-" | "--" | "null" | "anonymous")
}

/// Returns the places in `bytes` where `old` stands and no longer address or id does.
fn places<'b>(bytes: &'b [u8], old: &'b str) -> impl Iterator<Item = Range<usize>> + 'b {
    let longer = |next: Option<&u8>| next.is_some_and(|next| ADDRESS.has(*next) && hex(*next).is_some());
    let found = memchr::memmem::find_iter(bytes, old).map(|at| at..at + old.len());
    found.filter(move |at| {
        let before = at.start.checked_sub(1).and_then(|before| bytes.get(before));
        !longer(before) && !longer(bytes.get(at.end))
    })
}

/// Returns the replacements ascending and free of overlaps: of two that overlap, what the first
/// covers and the second covers go together.
pub(super) fn apart(mut replacements: Vec<Replacement>) -> Vec<Replacement> {
    replacements.retain(|one| one.raw.start < one.raw.end);
    replacements.sort_by_key(|one| (one.raw.start, std::cmp::Reverse(one.raw.end)));
    let mut kept: Vec<Replacement> = Vec::with_capacity(replacements.len());
    for one in replacements {
        match kept.last_mut().filter(|last| one.raw.start < last.raw.end) {
            Some(last) => last.raw.end = last.raw.end.max(one.raw.end),
            None => kept.push(one),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use bumpalo::Bump;

    use super::*;
    use crate::redaction::KeyRing;
    use crate::redaction::{Addresses, Settings};
    use crate::telemetry::{Category, Field, Kind as EventKind, Layers, Position, StreamId, Value};

    const RECORD: &str = r#"{"time":"x","CIp":"203.0.113.77","XFF":"203.0.113.77, 203.0.113.7","CsUsername":"Ann Lee","Cookie":"a b c","name":"Ann Lee","upn":"email:k1:ABCDEFGHIJKLMNOP","oid":"12"}"#;

    /// The `nth` place of `value` in the record.
    fn text(value: &'static str, nth: usize) -> Text<'static> {
        let (start, _) = RECORD.match_indices(value).nth(nth).unwrap();
        Text { value, start: start as u32, end: (start + value.len()) as u32, layers: Layers(0) }
    }

    fn event(arena: &Bump) -> Event<'_> {
        let mut personal = bumpalo::collections::Vec::new_in(arena);
        personal.push(text("Ann Lee", 1));
        personal.push(text("email:k1:ABCDEFGHIJKLMNOP", 0));
        let position = Position { stream: StreamId(0), offset: 0, index: 0 };
        let mut event = Event::blank(position, RECORD.as_bytes(), 0..RECORD.len() as u32, arena);
        (event.category, event.kind) = (Category::AppServiceHTTPLogs, EventKind::HttpRequest);
        event.source_ip = "203.0.113.77".parse().ok();
        event.source_text = Some(text("203.0.113.77", 0));
        event.identity.name = Some(text("Ann Lee", 0));
        event.identity.id = Some(text("12", 0));
        event.cookie = Some(text("a b c", 0));
        event.personal = personal;
        event
    }

    fn finished(addresses: Addresses, then: impl FnOnce(&RedactedEvent<'_>, &str)) {
        let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let arena = Bump::new();
        let event = finish(
            &People::new(&keys, &Settings { addresses, ..Settings::default() }),
            &Fingerprinter::new(&keys, Vec::new()),
            false,
            arena.alloc(event(&arena)),
        );
        assert!(event.replacements().is_sorted_by(|a, b| a.raw.end <= b.raw.start));
        let record = String::from_utf8(event.record().into_owned()).unwrap();
        then(&event, &record);
    }

    #[test]
    fn names_and_cookies_go_from_the_event_and_from_its_record() {
        finished(Addresses::Keep, |event, record| {
            let Some(Value::Text(name)) = event.get(Field::IdentityName) else { panic!("the name is gone") };
            assert!(name.starts_with("person:k1:"), "{name}");
            assert_eq!(record.matches(name).count(), 2, "one person, one fingerprint: {record}");
            assert!(!record.contains("Ann") && !record.contains("a b c"), "{record}");
            assert!(record.contains(r#""Cookie":"cookie:k1:"#), "{record}");
            assert!(record.contains(r#""upn":"email:k1:ABCDEFGHIJKLMNOP","oid":"12""#), "{record}");
            assert_eq!(event.source_ip(), "203.0.113.77".parse().ok());
            serde_json::from_str::<serde_json::Value>(record).unwrap();
        });
    }

    #[test]
    fn a_policy_cuts_addresses_wherever_they_stand() {
        finished(Addresses::Truncate, |event, record| {
            assert_eq!(event.source_ip(), "203.0.113.0".parse().ok());
            assert!(record.contains(r#""CIp":"203.0.113.0","XFF":"203.0.113.0, 203.0.113.7""#), "{record}");
        });
    }

    #[test]
    fn a_policy_hides_addresses_wherever_they_stand() {
        finished(Addresses::Fingerprint, |event, record| {
            assert_eq!(event.source_ip(), None);
            assert_eq!(record.matches("address:k1:").count(), 2, "{record}");
            assert!(!record.contains("203.0.113.77"), "{record}");
        });
    }

    const FORWARDED: &str = r#"{"callerIpAddress":"10.1.2.3","lastError":{"message":"203.0.113.9 may not"},"requestHeaders":{"X-Forwarded-For":"6.6.6.6, 203.0.113.9:80,unknown,10.1.2.3","X-Azure-SocketIP":"203.0.113.8","X-Real-IP":"203.0.113.9"}}"#;

    fn forwarded(addresses: Addresses, then: impl FnOnce(&RedactedEvent<'_>, &str)) {
        let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let arena = Bump::new();
        let text = |value: &'static str| {
            let start = FORWARDED.find(value).unwrap();
            Text { value, start: start as u32, end: (start + value.len()) as u32, layers: Layers(0) }
        };
        let position = Position { stream: StreamId(0), offset: 0, index: 0 };
        let mut event = Event::blank(position, FORWARDED.as_bytes(), 0..FORWARDED.len() as u32, &arena);
        event.forwarded = Some(text("6.6.6.6, 203.0.113.9:80,unknown,10.1.2.3"));
        event.source_ip = "203.0.113.9".parse().ok();
        event.source_text = event.forwarded.and_then(|chain| chain.part(9..20));
        event.peer = Some(text("10.1.2.3"));
        event.front_door.socket = Some(text("203.0.113.8"));
        event.message = Some(text("203.0.113.9 may not"));
        let event = finish(
            &People::new(&keys, &Settings { addresses, ..Settings::default() }),
            &Fingerprinter::new(&keys, Vec::new()),
            false,
            arena.alloc(event),
        );
        assert!(event.replacements().is_sorted_by(|a, b| a.raw.end <= b.raw.start));
        let record = String::from_utf8(event.record().into_owned()).unwrap();
        serde_json::from_str::<serde_json::Value>(&record).unwrap();
        then(&event, &record);
    }

    fn text_of(event: &RedactedEvent<'_>, field: Field) -> String {
        let Some(Value::Text(text)) = event.get(field) else { panic!("{field:?} is gone") };
        text.to_owned()
    }

    #[test]
    fn a_policy_cuts_the_last_hop_and_every_address_it_called_for() {
        forwarded(Addresses::Truncate, |event, record| {
            assert_eq!(event.source_ip(), "203.0.113.0".parse().ok());
            assert_eq!(text_of(event, Field::SourcePeer), "10.1.2.0");
            let chain = text_of(event, Field::SourceForwarded);
            assert!(chain.starts_with("6.6.6.0, 203.0.113.0, address:k1:") && chain.ends_with(", 10.1.2.0"), "{chain}");
            assert_eq!(text_of(event, Field::Message), "203.0.113.0 may not");
            for gone in ["10.1.2.3", "203.0.113.9", "203.0.113.8", "6.6.6.6", "unknown"] {
                assert!(!record.contains(gone), "{gone} in {record}");
            }
            assert!(record.contains(r#""X-Azure-SocketIP":"203.0.113.0","X-Real-IP":"203.0.113.0""#), "{record}");
        });
    }

    #[test]
    fn a_policy_hides_the_last_hop_and_every_address_it_called_for() {
        forwarded(Addresses::Fingerprint, |event, record| {
            assert_eq!(event.source_ip(), None);
            let peer = text_of(event, Field::SourcePeer);
            assert!(peer.starts_with("address:k1:") && text_of(event, Field::SourceForwarded).ends_with(&peer));
            assert!(text_of(event, Field::Message).starts_with("address:k1:"));
            for gone in ["10.1.2.3", "203.0.113", "6.6.6.6", "unknown"] {
                assert!(!record.contains(gone), "{gone} in {record}");
            }
        });
    }

    #[test]
    fn a_chain_is_left_alone_where_addresses_stay() {
        forwarded(Addresses::Keep, |event, record| {
            assert_eq!(record, FORWARDED);
            assert_eq!(text_of(event, Field::SourceForwarded), "6.6.6.6, 203.0.113.9:80,unknown,10.1.2.3");
        });
    }

    #[test]
    fn an_address_is_hidden_however_often_the_record_names_it() {
        const OFTEN: usize = 300;
        let record: &'static str =
            format!(r#"{{"CIp":"203.0.113.77","XFF":"{}"}}"#, vec!["203.0.113.77"; OFTEN].join(", ")).leak();
        let keys = KeyRing::ephemeral().unwrap();
        for (addresses, instead) in [(Addresses::Fingerprint, "address:k1:"), (Addresses::Truncate, "203.0.113.0")] {
            let arena = Bump::new();
            let start = record.find("203").unwrap() as u32;
            let address = Text { value: "203.0.113.77", start, end: start + 12, layers: Layers(0) };
            let position = Position { stream: StreamId(0), offset: 0, index: 0 };
            let mut event = Event::blank(position, record.as_bytes(), 0..record.len() as u32, &arena);
            event.source_ip = "203.0.113.77".parse().ok();
            event.source_text = Some(address);
            let event = finish(
                &People::new(&keys, &Settings { addresses, ..Settings::default() }),
                &Fingerprinter::new(&keys, Vec::new()),
                false,
                arena.alloc(event),
            );
            let hidden = String::from_utf8(event.record().into_owned()).unwrap();
            assert!(!hidden.contains("113.77"), "{hidden}");
            assert_eq!(hidden.matches(instead).count(), OFTEN + 1);
            serde_json::from_str::<serde_json::Value>(&hidden).unwrap();
        }
    }

    /// What becomes of `record`, in which every address is hidden.
    fn with_no_address(record: &'static str) -> String {
        let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let arena = Bump::new();
        let position = Position { stream: StreamId(0), offset: 0, index: 0 };
        let event = Event::blank(position, record.as_bytes(), 0..record.len() as u32, &arena);
        let people = People::new(&keys, &Settings { addresses: Addresses::Fingerprint, ..Settings::default() });
        let event = finish(&people, &Fingerprinter::new(&keys, Vec::new()), false, arena.alloc(event));
        String::from_utf8(event.record().into_owned()).unwrap()
    }

    #[test]
    fn every_address_to_which_a_token_was_issued_is_hidden() {
        let claims: Vec<_> = (0..90).map(|n| format!(r#"{{"ipaddr":"198.51.100.{n}"}}"#)).collect();
        let record = format!("[{},\"198.51.100.7\"]", claims.join(",")).leak();
        let hidden = with_no_address(record);
        assert!(!hidden.contains("198.51") && hidden.matches("address:k1:").count() == 91, "{hidden}");
        serde_json::from_str::<serde_json::Value>(&hidden).unwrap();
    }

    #[test]
    fn what_a_claim_holds_that_is_no_address_hides_no_other_claim() {
        for text in ["old ipaddr=none, new ipaddr=198.51.100.7", "ipaddr: - ipaddr: 198.51.100.7"] {
            let hidden = with_no_address(format!(r#"{{"message":"{text}"}}"#).leak());
            assert!(!hidden.contains("198.51") && hidden.contains("address:k1:"), "{hidden}");
            serde_json::from_str::<serde_json::Value>(&hidden).unwrap();
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "it is real time that a crafted record must not cost")]
    fn claims_of_addresses_cost_no_more_than_their_length() {
        let distinct = (0..20_000).map(|n| format!("ipaddr={n:x}::1 ")).collect::<Vec<_>>().concat();
        let crafted = ["ipaddr=".repeat(50_000), "<ipaddr><![CDATA[".repeat(20_000), distinct];
        for part in crafted {
            let record = format!(r#"{{"x":"{part}"}}"#).leak();
            let start = std::time::Instant::now();
            assert!(!with_no_address(record).is_empty());
            assert!(start.elapsed().as_secs() < 20, "{} took {:?}", &record[..20], start.elapsed());
        }
    }

    #[test]
    fn what_stands_in_the_place_of_an_address_and_is_none_is_hidden_there_alone() {
        const ODD: &str = r#"{"CIp":",","XFF":"a","x":{"y":1,"z":2}}"#;
        let keys = KeyRing::ephemeral().unwrap();
        let arena = Bump::new();
        let text = |start: u32| Text { value: ",", start, end: start + 1, layers: Layers(0) };
        let position = Position { stream: StreamId(0), offset: 0, index: 0 };
        let mut event = Event::blank(position, ODD.as_bytes(), 0..ODD.len() as u32, &arena);
        event.source_text = Some(text(8));
        let people = People::new(&keys, &Settings { addresses: Addresses::Fingerprint, ..Settings::default() });
        let event = finish(&people, &Fingerprinter::new(&keys, Vec::new()), false, arena.alloc(event));
        let hidden = String::from_utf8(event.record().into_owned()).unwrap();
        serde_json::from_str::<serde_json::Value>(&hidden).unwrap();
        assert!(hidden.starts_with(r#"{"CIp":"address:k1:"#) && hidden.ends_with(&ODD[9..]), "{hidden}");
    }

    #[test]
    fn replacements_that_overlap_become_one() {
        let one = |raw: std::ops::Range<u32>| Replacement { raw, with: "x".into() };
        let kept: Vec<_> = apart(vec![one(5..9), one(1..3), one(7..12), one(5..6), one(4..4)])
            .into_iter()
            .map(|one| one.raw)
            .collect();
        assert_eq!(kept, [1..3, 5..12]);
    }
}
