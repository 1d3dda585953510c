//! From which member of its record does a field of an event come?
//!
//! A text knows its place, so that is looked up. For what has no place (an outcome, a number, the
//! kind) the question is put to the decoder itself: each member's name is made unreadable in turn,
//! and what changes depended on that member. Where several say the same, the fewest are sought
//! without which it changes. So the answer is what the decoder does, not what somebody wrote down
//! that it does. Records are tried up to [`MAX_WORK`] bytes of decoding.

use std::collections::BTreeMap;
use std::ops::Range;

use bumpalo::Bump;

use crate::clock::Timestamp;
use crate::redaction::{RedactedEvent, Redactor};
use crate::telemetry::{Batch, Event, Field, Scanned, StreamId, Text, Value, decode};

use super::members::Member;

/// Bytes that may be decoded to explain one record.
const MAX_WORK: usize = 16 << 20;

/// An event's values by the fields' names, with its time.
pub(super) type Snapshot = BTreeMap<&'static str, String>;

/// The name under which the time stands among the fields.
pub(super) const TIME: &str = "time";

/// Returns the values of `event`.
pub(super) fn snapshot(event: &RedactedEvent<'_>) -> Snapshot {
    let value = |field: &Field| Some((field.name(), said(event.get(*field)?)));
    let mut values: Snapshot = Field::ALL.iter().filter_map(value).collect();
    if event.timed() {
        values.insert(TIME, event.time().to_string());
    }
    values
}

fn said(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Ip(ip) => ip.to_string(),
    }
}

/// Where the text of `field` stands in the scanned message.
pub(in crate::redaction) fn place(event: &Event<'_>, field: Field) -> Option<(Range<u32>, u8)> {
    let text: Option<Text<'_>> = match field {
        Field::Resource => event.resource,
        Field::App => event.app,
        Field::Function => event.function,
        Field::Gateway => event.gateway,
        Field::Operation => event.operation,
        Field::SourceIp => event.source_text,
        Field::SourceForwarded => event.forwarded,
        Field::SourcePeer => event.peer,
        Field::SourceCountry => event.country,
        Field::ClientAgent => event.client.agent,
        Field::ClientTls => event.client.tls,
        Field::IdentityName => event.identity.name,
        Field::IdentityId => event.identity.id,
        Field::IdentityApp => event.identity.app,
        Field::IdentityTenant => event.identity.tenant,
        Field::IdentityProvider => event.identity.provider,
        Field::IdentityResource => event.identity.resource,
        Field::IdentityHeader => event.identity.header,
        Field::KeyId => event.key.id,
        Field::RequestMethod => event.request.method,
        Field::RequestHost => event.request.host,
        Field::RequestPath => event.request.path,
        Field::RequestQuery => event.request.query,
        Field::AllowOrigin => event.response.allow_origin,
        Field::Rule => event.rule,
        Field::Target => event.target,
        Field::Origin => event.origin,
        Field::Referrer => event.referrer,
        Field::Correlation => event.correlation,
        Field::Trace => event.trace,
        Field::Level => event.level,
        Field::Message => event.message,
        _ => None,
    };
    text.map(|text| (text.raw(), text.layers.0))
}

/// For each field, the members on which its value depends.
#[derive(Debug, Default)]
pub(super) struct Dependences {
    by_field: BTreeMap<&'static str, Vec<usize>>,
    /// Members any of which is enough, the others missing.
    enough: BTreeMap<&'static str, Vec<usize>>,
    /// Whether the record was too large to be tried.
    pub too_large: bool,
}

impl Dependences {
    /// Tries `record` without each of its `members` in turn.
    pub(super) fn of(redactor: &Redactor, record: &[u8], members: &[Member]) -> Self {
        let tried: Vec<usize> = (0..members.len()).filter(|&n| members[n].leaf && !members[n].key.is_empty()).collect();
        if record.len().saturating_mul(tried.len() + 1) > MAX_WORK {
            return Self { too_large: true, ..Self::default() };
        }
        let mut found = Self::default();
        let mut trial = Trial { redactor, record, members, arena: Bump::new() };
        let Some(whole) = trial.without(&[]) else { return found };
        let mut named = Vec::new();
        for n in tried.iter().copied() {
            let changed = trial.without(&[n]).unwrap_or_default();
            let differs = |name: &&&'static str| whole.get(**name) != changed.get(**name);
            let names: Vec<&'static str> = whole.keys().filter(differs).copied().collect();
            // Another category is another record: what follows from that is said of the category.
            let of_category = names.contains(&Field::Category.name());
            if !of_category {
                named.push(n);
            }
            for name in names.into_iter().filter(|name| !of_category || *name == Field::Category.name()) {
                found.by_field.entry(name).or_default().push(n);
            }
        }
        found.seek(&mut trial, &whole, &named);
        found
    }

    /// Seeks, for each field that no one member decides, the fewest of `among` without which it
    /// changes, as far as the work allows.
    fn seek(&mut self, trial: &mut Trial<'_>, whole: &Snapshot, among: &[usize]) {
        let without_all = trial.without(among).unwrap_or_default();
        let left =
            |name: &&&'static str| !self.by_field.contains_key(**name) && whole.get(**name) != without_all.get(**name);
        let names: Vec<&'static str> = whole.keys().filter(left).copied().collect();
        let mut work = MAX_WORK;
        for name in names {
            let mut needed = among.to_vec();
            for n in among {
                let Some(rest) = work.checked_sub(trial.record.len()) else { return };
                work = rest;
                let fewer: Vec<usize> = needed.iter().copied().filter(|one| one != n).collect();
                let changed = trial.without(&fewer).unwrap_or_default();
                if changed.get(name) != whole.get(name) {
                    needed = fewer;
                }
            }
            self.enough.insert(name, needed);
        }
    }

    /// Returns the members any of which is enough for the value of field `name`.
    pub(super) fn enough_for(&self, name: &str) -> &[usize] {
        self.enough.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns the members on which field `name` depends.
    pub(super) fn on(&self, name: &str) -> &[usize] {
        self.by_field.get(name).map_or(&[], Vec::as_slice)
    }
}

/// A record, and what decodes it without some of its members.
struct Trial<'t> {
    redactor: &'t Redactor,
    record: &'t [u8],
    members: &'t [Member],
    arena: Bump,
}

impl Trial<'_> {
    /// Returns the values of the record without the members `names`.
    fn without(&mut self, names: &[usize]) -> Option<Snapshot> {
        let mut record = self.record.to_vec();
        for &n in names {
            record[self.members[n].key.clone()].fill(b'~');
        }
        self.arena.reset();
        decoded(self.redactor, &record, &self.arena)
    }
}

/// Returns what the decoder makes of `record` alone.
fn decoded(redactor: &Redactor, record: &[u8], arena: &Bump) -> Option<Snapshot> {
    let mut batch = Batch::default();
    batch.push(record, StreamId(0), 0, 0, Some(Timestamp::MIN));
    let scanned = Scanned::new(&batch, Vec::new());
    let mut first = None;
    decode(&scanned, 0, arena, |event| {
        if let (Ok(event), None) = (event, &first) {
            first = Some(snapshot(&redactor.finish(event)));
        }
    });
    first
}
