//! An event that is safe to keep, match, log and show.
//!
//! Only a [`Redactor`](super::Redactor) makes one. Its fields read as the event's did, with a
//! fingerprint where a secret or a person stood; its record is the original with the same
//! fingerprints spliced in.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;

use super::links::Links;
use crate::clock::Timestamp;
use crate::telemetry::{
    Category, Event, Field, Kind, Known, Layer, Outcome, Position, RawPath, Reason, Sighting, Stage, Text, Value,
};

/// A range of the scanned message and what stands in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// The bytes that are hidden, in the scanned message.
    pub raw: Range<u32>,
    /// What stands there instead; it holds no character that JSON must escape.
    pub with: Arc<str>,
}

/// An event that is safe to keep, match, log and show.
pub struct RedactedEvent<'s> {
    event: &'s Event<'s>,
    replacements: Vec<Replacement>,
    /// The redacted record as text, made when a path into it is first asked for.
    text: OnceCell<&'s str>,
    /// During the overlap of a rotation: what the key that is coming calls what was seen.
    links: Option<Arc<Links>>,
}

impl<'s> RedactedEvent<'s> {
    /// Returns `event`, whose personal values have been replaced by the caller, with the
    /// replacements to make in its record (ascending, not overlapping).
    pub(super) fn new(event: &'s Event<'s>, replacements: Vec<Replacement>) -> Self {
        Self { event, replacements, text: OnceCell::new(), links: None }
    }

    /// Returns the event with what its fingerprints will be called.
    pub(super) fn linked(mut self, links: Option<&Arc<Links>>) -> Self {
        self.links = links.cloned();
        self
    }

    /// Tells whether a key is coming, so that what is learnt of this event must be learnt under
    /// its coming names too.
    pub fn is_linked(&self) -> bool {
        self.links.is_some()
    }

    /// Returns `text`, a value of this event, with the fingerprints under the key that is coming;
    /// `None` where it holds none that has another.
    pub fn coming(&self, text: &str) -> Option<String> {
        self.links.as_ref()?.coming(text)
    }

    /// Returns the event itself, for those who say where its values stand.
    pub(super) fn event(&self) -> &Event<'s> {
        self.event
    }

    /// Returns where the record lies.
    pub fn position(&self) -> Position {
        self.event.position
    }

    /// Returns the category that wrote it.
    pub fn category(&self) -> Category {
        self.event.category
    }

    /// Returns what kind of thing happened.
    pub fn kind(&self) -> Kind {
        self.event.kind
    }

    /// Returns when it happened.
    pub fn time(&self) -> Timestamp {
        self.event.time
    }

    /// Tells whether [`RedactedEvent::time`] is the record's own, not that of its receipt.
    pub fn timed(&self) -> bool {
        self.event.timed
    }

    /// Returns how it ended.
    pub fn outcome(&self) -> Outcome {
        self.event.outcome
    }

    /// Returns which layer saw the request, where that is known.
    pub fn layer(&self) -> Option<Layer> {
        self.event.layer
    }

    /// Returns which of the records of one operation this is, where its category has several.
    pub fn stage(&self) -> Option<Stage> {
        self.event.stage
    }

    /// Returns why it was refused.
    pub fn reason(&self) -> Reason {
        self.event.reason
    }

    /// Returns the caller's address.
    pub fn source_ip(&self) -> Option<IpAddr> {
        self.event.source_ip
    }

    /// Returns the app's name, lower case.
    pub fn app(&self) -> Option<&'s str> {
        self.event.app.map(|text| text.value)
    }

    /// Returns the number of its resource id among those that its batch has shown, where it has one.
    pub fn resource_number(&self) -> Option<u8> {
        self.event.resource_number
    }

    /// Returns what the scan saw in this record.
    pub fn sightings(&self) -> &'s [Sighting] {
        self.event.sightings
    }

    /// Returns where in the record `sighting` stands: `query`, `message`, `referrer`, `cookie`,
    /// `header`, or `record` for anywhere else.
    pub fn place_of(&self, sighting: &Sighting) -> &'static str {
        let event = self.event;
        let places = [
            (event.request.query, "query"),
            (event.message, "message"),
            (event.referrer, "referrer"),
            (event.cookie, "cookie"),
            (event.origin, "header"),
        ];
        let holds = |text: Text<'_>| text.start <= sighting.at.start && sighting.at.end <= text.end;
        if let Some((_, place)) = places.iter().find(|(text, _)| text.is_some_and(holds)) {
            return place;
        }
        let at = sighting.at.start.saturating_sub(event.record.start) as usize;
        if in_header(self.scanned_record(), at) { "header" } else { "record" }
    }

    /// Returns the id by which a second delivery of this record is known, where it has one.
    pub fn own_id(&self) -> Option<&'s str> {
        self.event.own_id.map(|text| text.value)
    }

    /// Returns the record's bytes as they came out of the scan: what duplicates are told by.
    /// Equal records have equal bytes, whatever message they came in.
    pub fn scanned_record(&self) -> &'s [u8] {
        &self.event.scanned[self.event.record.start as usize..self.event.record.end as usize]
    }

    /// Returns the replacements that turn the scanned message into the redacted one, as far as
    /// this record asks for them.
    pub fn replacements(&self) -> &[Replacement] {
        &self.replacements
    }

    /// Returns the record as it may be kept and shown.
    pub fn record(&self) -> Cow<'s, [u8]> {
        if self.replacements.is_empty() {
            return Cow::Borrowed(self.scanned_record());
        }
        Cow::Owned(splice(self.event.scanned, self.event.record.clone(), &self.replacements))
    }

    /// Tells whether a value of the redacted record at `path` fulfils `holds`; see [`RawPath::any`].
    pub fn raw(&self, path: &RawPath, holds: impl FnMut(&'s str) -> bool) -> bool {
        path.any(self.record_text(), self.event.arena, holds)
    }

    /// Returns the redacted record as text, made when it is first asked for.
    pub fn record_text(&self) -> &'s str {
        let arena = self.event.arena;
        self.text.get_or_init(|| {
            let record: &'s [u8] = match self.record() {
                Cow::Borrowed(record) => record,
                Cow::Owned(record) => arena.alloc_slice_copy(&record),
            };
            std::str::from_utf8(record).unwrap_or_else(|_| arena.alloc_str(&String::from_utf8_lossy(record)))
        })
    }

    /// Returns where what is made of this record while it is looked at may live.
    pub fn arena(&self) -> &'s Bump {
        self.event.arena
    }

    /// Returns a field's value. Fields of a secret ([`Field::of_secret`]) are in
    /// [`RedactedEvent::sightings`]; a missing value is `None`.
    // Where the field is known when this is compiled, what is left of it is one load.
    #[inline]
    pub fn get(&self, field: Field) -> Option<Value<'_>> {
        let event = self.event;
        let text = |text: Option<crate::telemetry::Text<'s>>| text.map(|text| Value::Text(text.value));
        match field {
            Field::Kind => Some(Value::Text(event.kind.name())),
            Field::Category => Some(Value::Text(event.category.name())),
            Field::Resource => text(event.resource),
            Field::App => text(event.app),
            Field::Function => text(event.function),
            Field::Gateway => text(event.gateway),
            Field::Operation => text(event.operation),
            Field::SourceIp => event.source_ip.map(Value::Ip),
            Field::SourcePort => event.source_port.map(|port| Value::Number(port.into())),
            Field::SourceForwarded => text(event.forwarded),
            Field::SourcePeer => text(event.peer),
            Field::Layer => event.layer.map(|layer| Value::Text(layer.name())),
            Field::SourceCountry => text(event.country).or_else(|| looked_up(event.known?, field)),
            Field::ClientAgent => text(event.client.agent),
            Field::ClientTls => text(event.client.tls),
            Field::IdentityName => text(event.identity.name),
            Field::IdentityId => text(event.identity.id),
            Field::IdentityApp => text(event.identity.app),
            Field::IdentityTenant => text(event.identity.tenant),
            Field::IdentityKind => event.identity.kind.map(|kind| Value::Text(kind.name())),
            Field::IdentityProvider => text(event.identity.provider),
            Field::IdentityResource => text(event.identity.resource),
            Field::IdentityHeader => text(event.identity.header),
            Field::KeyId => text(event.key.id),
            Field::KeyTransport => event.key.transport.map(|by| Value::Text(by.name())),
            Field::RequestMethod => text(event.request.method),
            Field::RequestHost => text(event.request.host),
            Field::RequestPath => text(event.request.path),
            Field::RequestQuery => text(event.request.query),
            Field::RequestSize => event.request.size.map(Value::Number),
            Field::ResponseStatus => event.response.status.map(Value::Number),
            Field::ResponseSubstatus => event.response.substatus.map(Value::Number),
            Field::ResponseSize => event.response.size.map(Value::Number),
            Field::ResponseDuration => event.response.duration_ms.map(Value::Number),
            Field::AllowOrigin => text(event.response.allow_origin),
            Field::Outcome => Some(Value::Text(event.outcome.name())),
            Field::Reason => Some(Value::Text(event.reason.name())),
            Field::Decision => event.decision.map(|decision| Value::Text(decision.name())),
            Field::Rule => text(event.rule),
            Field::Target => text(event.target),
            Field::Stage => event.stage.map(|stage| Value::Text(stage.name())),
            Field::Weight => Some(Value::Number(event.weight.into())),
            Field::Origin => text(event.origin),
            Field::Referrer => text(event.referrer),
            Field::Correlation => text(event.correlation),
            Field::Trace => text(event.trace),
            Field::Level => text(event.level),
            Field::Message => text(event.message),
            // Those of a secret are in its sightings.
            field if field.of_secret() => None,
            field => looked_up(event.known?, field),
        }
    }

    /// Returns what was looked up about it, if anybody has looked.
    pub fn known(&self) -> Option<&'s Known<'s>> {
        self.event.known
    }
}

/// Returns what was looked up for a field that no record says.
fn looked_up<'s>(known: &Known<'s>, field: Field) -> Option<Value<'s>> {
    let truth = |truth: Option<bool>| truth.map(|truth| Value::Text(if truth { "true" } else { "false" }));
    let (place, inventory, intent) = (&known.place, &known.inventory, &known.intent);
    match field {
        Field::SourceCountry => place.country.map(Value::Text),
        Field::SourceCity => place.city.map(Value::Text),
        Field::SourceAsn => place.asn.map(|asn| Value::Number(asn.into())),
        Field::SourceAsOrg => place.organisation.map(Value::Text),
        Field::SourceLists => known.lists.map(Value::Text),
        Field::SourceTags => known.tags.map(Value::Text),
        Field::AppKnown => truth(inventory.app),
        Field::AppOwner => inventory.app_owner.map(Value::Text),
        Field::AppEnvironment => inventory.environment.map(Value::Text),
        Field::FunctionKnown => truth(inventory.function),
        Field::OriginKnown => truth(inventory.origin),
        Field::KeyKnown => truth(inventory.key),
        Field::KeyOwner => inventory.key_owner.map(Value::Text),
        Field::KeyExpected => truth(inventory.key_expected),
        Field::KeyOverdueDays => inventory.key_overdue_days.map(Value::Number),
        Field::IntendedAuthentication => intent.authentication.map(Value::Text),
        Field::IntendedProof => intent.proof.map(Value::Text),
        Field::IntendedToken => intent.token.map(Value::Text),
        Field::IntendedDeclared => truth(intent.declared),
        Field::IntendedWay => intent.way.map(Value::Text),
        Field::IntendedOrigin => truth(intent.origin),
        Field::IntendedNetwork => truth(intent.network),
        Field::IntendedReach => truth(intent.reach),
        Field::IntendedSensitive => truth(intent.sensitive),
        _ => None,
    }
}

/// Returns `message[range]` with `replacements` made (ascending, not overlapping; those outside
/// `range` are passed over). Bytes outside them stay as they were.
pub fn splice(message: &[u8], range: Range<u32>, replacements: &[Replacement]) -> Vec<u8> {
    let mut out = Vec::with_capacity(range.len() + replacements.len() * 16);
    let mut from = range.start;
    for replacement in replacements {
        if replacement.raw.start < from || replacement.raw.end > range.end {
            continue;
        }
        out.extend_from_slice(&message[from as usize..replacement.raw.start as usize]);
        out.extend_from_slice(replacement.with.as_bytes());
        from = replacement.raw.end;
    }
    out.extend_from_slice(&message[from as usize..range.end as usize]);
    out
}

/// Returns the whole scanned `message` with the `replacements` of all its records made (ascending,
/// not overlapping): what goes into the redacted stream.
pub fn redacted_message(message: &[u8], replacements: &[Replacement]) -> Vec<u8> {
    splice(message, 0..message.len() as u32, replacements)
}

/// How far before a sighting the object it stands in is looked for, bytes.
const NEARBY: usize = 4_096;

/// Tells whether byte `at` of `record` stands in a header: in an object whose name ends with
/// `headers`, or right behind the name of a header that carries keys.
fn in_header(record: &[u8], at: usize) -> bool {
    let before = &record[at.saturating_sub(NEARBY).min(record.len())..at.min(record.len())];
    let line = before[before.len().saturating_sub(64)..].to_ascii_lowercase();
    let named =
        [b"x-functions-key".as_slice(), b"subscription-key\"", b"subscription-key:", b"authorization", b"x-ms-token"];
    if named.iter().any(|name| memchr::memmem::rfind(&line, name).is_some()) {
        return true;
    }
    let mut depth = 0usize;
    for (place, byte) in before.iter().enumerate().rev() {
        match byte {
            b'}' => depth += 1,
            b'{' if depth == 0 => {
                let name = before[..place].trim_ascii_end();
                let name = name.strip_suffix(b":").unwrap_or(name).trim_ascii_end();
                let end =
                    name.iter().rposition(|byte| !matches!(byte, b'"' | b'\'' | b'\\')).map_or(0, |last| last + 1);
                return name[..end].to_ascii_lowercase().ends_with(b"headers");
            }
            b'{' => depth -= 1,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the `X` in `record` stands in a header.
    fn header(record: &str) -> bool {
        in_header(record.as_bytes(), record.find('X').unwrap())
    }

    #[test]
    fn a_header_is_known_by_its_object_or_by_its_own_name() {
        assert!(header(r#"{"requestHeaders":{"a":{"b":1},"h":"X"}}"#));
        assert!(header(r#"{\"backendRequestHeaders\": {\"h\":\"X\"}}"#));
        assert!(header(r#"{"m":"sent x-functions-key: X"}"#));
        assert!(!header(r#"{"requestHeaders":{"a":1},"url":"X"}"#));
        assert!(!header("X"));
    }

    #[test]
    fn splicing_changes_nothing_outside_its_spans() {
        let message = b"abcdef";
        let replacements = [Replacement { raw: 1..3, with: "-".into() }, Replacement { raw: 5..6, with: "++".into() }];
        assert_eq!(redacted_message(message, &replacements), b"a-de++");
        assert_eq!(splice(message, 0..5, &replacements), b"a-de");
        assert_eq!(splice(message, 0..6, &[]), message);
    }
}
