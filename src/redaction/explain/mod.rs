//! What did each record become, and why? For somebody who doubts the decoder.
//!
//! A message goes the way that every message goes (scan, decode, finish), and beside each value
//! stands from where in the record it came. All that is returned is redacted, and places count in
//! the redacted record, which is what the reader sees. Memory is a few times that of the message.

mod members;
mod origin;

use std::ops::Range;

use bumpalo::Bump;

use crate::clock::Timestamp;
use crate::telemetry::{Batch, Category, Event, Field, Scanned, Undecodable, UndecodableReason, decode};

use super::redacted::Replacement;
use super::{RedactedEvent, Redactor, splice};
use members::{MAX_MEMBERS, Member, members};
pub(super) use origin::place;
use origin::{Dependences, TIME, snapshot};

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its place among the message's records, from 0.
    pub index: u32,
    /// The record, redacted; of one that could not be decoded what there is of it.
    pub record: Vec<u8>,
    /// What it became, or why nothing.
    pub became: Result<Became, Undecodable>,
}

/// An event, value by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became {
    /// The category that wrote it.
    pub category: Category,
    /// When it happened, or of its receipt.
    pub time: Timestamp,
    /// Whether the time is the record's own.
    pub timed: bool,
    /// Origin where the time was taken.
    pub time_from: Origin,
    /// Every field that has a value.
    pub fields: Vec<FieldTold>,
    /// What was hidden.
    pub hidden: Vec<Hidden>,
    /// What this explanation does not know.
    pub limits: Vec<&'static str>,
}

/// A field, its value, and from where it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldTold {
    /// The field.
    pub field: Field,
    /// Its value, redacted.
    pub value: String,
    /// Origin where it came.
    pub from: Origin,
}

/// Origin where in a record a value came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stands there.
    Place {
        /// The member that holds it; `None` if that can't be told.
        member: Option<String>,
        /// Which bytes of the redacted record.
        bytes: Range<usize>,
        /// Layers of JSON strings whose escapes were undone: one for a plain string, two for a
        /// string of JSON that stands in a string.
        layers: u8,
    },
    /// It would be another, or none, without any one of these members.
    Members(Vec<String>),
    /// Several of its members say so; it would be another only without all of these.
    AnyOf(Vec<String>),
    /// No member says so: it follows from the category alone.
    Nowhere,
}

/// Something that was hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// What stands in its place: kind, key and fingerprint.
    pub with: String,
    /// What it would let its holder do, and how sure we are; of a person neither.
    pub says: Option<String>,
    /// The member that holds it; `None` if that can't be told.
    pub member: Option<String>,
    /// Which bytes of the redacted record.
    pub bytes: Range<usize>,
}

/// A batch whose records can be explained, one message after the other.
#[derive(Debug)]
pub struct Doubts<'r, 'b> {
    redactor: &'r Redactor,
    scanned: Scanned<'b>,
}

/// A record that is decoded, and explained for who asks: that is done by decoding it again and again.
pub struct Doubted<'d, 's, 'b> {
    doubts: &'s Doubts<'d, 'b>,
    message: usize,
    decoded: Result<&'s mut Event<'s>, Undecodable>,
}

impl<'r, 'b> Doubts<'r, 'b> {
    /// Looks `batch` through for secrets, once for all of its messages.
    pub fn of(redactor: &'r Redactor, batch: &'b Batch) -> Self {
        Self { redactor, scanned: redactor.scan(batch) }
    }

    /// Decodes every record of message `message`, in order.
    pub fn decode(&self, message: usize, mut each: impl FnMut(Doubted<'_, '_, '_>)) {
        let arena = Bump::new();
        decode(&self.scanned, message, &arena, |decoded| each(Doubted { doubts: self, message, decoded }));
    }
}

impl Doubted<'_, '_, '_> {
    /// Tells whether it could not be decoded.
    pub fn is_broken(&self) -> bool {
        self.decoded.is_err()
    }

    /// Explains what became of it.
    pub fn explain(self) -> Explained {
        let Doubts { redactor, scanned } = self.doubts;
        match self.decoded {
            Ok(event) => event_of(redactor, &redactor.finish(event)),
            Err(undecodable) => broken(redactor, scanned, self.message, undecodable),
        }
    }
}

fn broken(redactor: &Redactor, scanned: &Scanned<'_>, message: usize, what: Undecodable) -> Explained {
    let bytes = scanned.bytes(message);
    let end = what.bytes.end.min(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    let range = what.bytes.start.min(end)..end;
    let kept = splice(bytes, range.clone(), &redactor.personal_in(bytes, range));
    Explained { index: what.index, record: redactor.hide(&kept).into_owned(), became: Err(what) }
}

/// Returns the path of the innermost member around each of `places` (bytes of `record`, which may
/// be a whole line of records); `None` where the record does not say.
pub(super) fn paths(record: &[u8], places: impl Iterator<Item = Range<usize>>) -> Vec<Option<String>> {
    let found = members(record);
    places.map(|place| innermost(&found, place.start, place.end)).collect()
}

fn innermost(members: &[Member], from: usize, to: usize) -> Option<String> {
    let around = |member: &&Member| member.value.start <= from && to <= member.value.end;
    members.iter().filter(around).min_by_key(|member| member.value.len()).map(|member| member.path.clone())
}

/// Where things of one record stand.
struct Places<'e> {
    /// Where the record begins in the scanned message.
    start: u32,
    members: &'e [Member],
    replacements: &'e [Replacement],
}

impl Places<'_> {
    /// Returns the innermost member around bytes `raw` of the scanned message.
    fn member(&self, raw: &Range<u32>) -> Option<String> {
        let (from, to) = (raw.start.checked_sub(self.start)? as usize, raw.end.checked_sub(self.start)? as usize);
        innermost(self.members, from, to)
    }

    /// Returns where bytes `raw` of the scanned message stand in the redacted record.
    fn bytes(&self, raw: &Range<u32>) -> Range<usize> {
        let moved = |at: u32, within: bool| {
            let mut to = i64::from(at) - i64::from(self.start);
            for one in self.replacements {
                let past = one.raw.end <= at && (within || one.raw.end < at || one.raw.start < at);
                if past && one.raw.start >= self.start {
                    to += one.with.len() as i64 - one.raw.len() as i64;
                }
            }
            usize::try_from(to).unwrap_or(0)
        };
        let start = moved(raw.start, false);
        start..moved(raw.end, true).max(start)
    }

    fn of(&self, raw: &Range<u32>, layers: u8) -> Origin {
        Origin::Place { member: self.member(raw), bytes: self.bytes(raw), layers }
    }
}

fn event_of(redactor: &Redactor, event: &RedactedEvent<'_>) -> Explained {
    let scanned = event.scanned_record();
    let found = members(scanned);
    let depends = Dependences::of(redactor, scanned, &found);
    let places = Places { start: event.event().record.start, members: &found, replacements: event.replacements() };
    let from = |name: &str| {
        let paths = |of: &[usize]| of.iter().map(|&n| found[n].path.clone()).collect::<Vec<_>>();
        match (depends.on(name), depends.enough_for(name)) {
            ([], []) => Origin::Nowhere,
            ([], any) => Origin::AnyOf(paths(any)),
            (on, _) => Origin::Members(paths(on)),
        }
    };
    let values = snapshot(event);
    let fields = Field::ALL.iter().filter_map(|&field| {
        let value = values.get(field.name())?.clone();
        let stands = place(event.event(), field).filter(|(raw, _)| raw.start < raw.end);
        let from = stands.map_or_else(|| from(field.name()), |(raw, layers)| places.of(&raw, layers));
        Some(FieldTold { field, value, from })
    });
    let mut limits = Vec::new();
    if depends.too_large {
        limits.push("The record is too large to try each member: values without a place are not traced.");
    }
    if found.len() >= MAX_MEMBERS {
        limits.push("The record has more members than are told apart: those beyond the first 1,024 have no name here.");
    }
    let became = Became {
        category: event.category(),
        time: event.time(),
        timed: event.timed(),
        time_from: if event.timed() { from(TIME) } else { Origin::Nowhere },
        fields: fields.collect(),
        hidden: hidden(event, &places),
        limits,
    };
    Explained { index: event.position().index, record: event.record().into_owned(), became: Ok(became) }
}

fn hidden(event: &RedactedEvent<'_>, places: &Places<'_>) -> Vec<Hidden> {
    let seen = event.sightings().iter().filter(|seen| !seen.is_hash()).map(|sighting| {
        let privilege = sighting.privilege.map(|privilege| format!("{} privilege, ", privilege.name()));
        let dummy = if sighting.dummy { ", a dummy" } else { "" };
        let says = format!("{}{}{dummy}", privilege.unwrap_or_default(), sighting.confidence.name());
        Hidden {
            with: sighting.fingerprint.to_string(),
            says: Some(says),
            member: places.member(&sighting.at),
            bytes: places.bytes(&sighting.at),
        }
    });
    let people = event.replacements().iter().map(|one| Hidden {
        with: one.with.to_string(),
        says: None,
        member: places.member(&one.raw),
        bytes: places.bytes(&one.raw),
    });
    let mut all: Vec<Hidden> = seen.chain(people).collect();
    all.sort_by_key(|hidden| hidden.bytes.start);
    all
}

impl Explained {
    /// Returns the reason and a sentence for people, if it could not be decoded.
    pub fn undecodable(&self) -> Option<(UndecodableReason, &'static str)> {
        self.became.as_ref().err().map(|why| (why.reason, why.reason.says()))
    }
}
