//! What does one record say? Its envelope, and by category its properties.
//!
//! The envelope is the same for every category; what `properties` means is the business of one
//! file a category, chosen by the one `match` in [`Record::event`].

use std::ops::Range;

use bumpalo::Bump;

use crate::clock::Timestamp;
use crate::telemetry::{Category, Event, Position, Sighting, Text};

use super::address::{address, last_address};
use super::categories;
use super::cursor::{Cursor, Shape, Value};
use super::doc::{Doc, Piece};
use super::identity::Claims;
use super::members::{self, Members, Name};
use super::resource::{KnownResources, Resources};
use super::time::time;
use super::vocabulary::{Envelope, Property};

/// What all records of a message share.
pub(super) struct Message<'s> {
    pub(super) scanned: &'s [u8],
    pub(super) sightings: &'s [Sighting],
    pub(super) position: Position,
    pub(super) received: Option<Timestamp>,
    pub(super) arena: &'s Bump,
    pub(super) resources: &'s KnownResources,
}

/// One record while it is read; used again for the next.
pub(super) struct Record<'s> {
    /// The members of its envelope.
    pub(super) envelope: Members<'s, Envelope>,
    /// The members of its `properties`.
    pub(super) properties: Members<'s, Property>,
    /// The claims of its `identity`.
    pub(super) claims: Claims<'s>,
    /// Its `properties`, where they are a text that is no object in any form.
    pub(super) opaque: Option<Piece<'s>>,
    /// Where its `properties` stand, if they are an object.
    pub(super) properties_at: Option<usize>,
    /// Where its `identity` stands, if it is an object.
    pub(super) identity_at: Option<usize>,
    /// Whether `properties` stood in a string and were read on the way.
    read_in_place: bool,
    resources: Resources<'s>,
}

impl<'s> Record<'s> {
    /// Returns a record of `doc` that has nothing in it yet.
    pub(super) fn new(doc: Doc<'s>) -> Self {
        Self {
            envelope: Members::new(doc),
            properties: Members::new(doc),
            claims: Claims::new(doc),
            opaque: None,
            properties_at: None,
            identity_at: None,
            read_in_place: false,
            resources: Resources::default(),
        }
    }

    /// Tells whether nothing of it was read yet.
    /// (What only some categories have at their top level, such as `name`, does not count.)
    pub(super) fn is_empty(&self) -> bool {
        self.envelope.none_before(Envelope::Records) && self.properties.is_empty()
    }

    /// Makes ready for the next record of `doc`.
    pub(super) fn clear(&mut self, doc: Doc<'s>) {
        self.envelope.clear(doc);
        self.properties.clear(doc);
        self.claims.clear(doc);
        self.opaque = None;
        self.properties_at = None;
        self.identity_at = None;
        self.read_in_place = false;
    }

    /// Reads its `properties` once more, or all of the row that starts at `start`, for names of a
    /// category's own.
    pub(super) fn properties_as<N: Name>(&self, start: usize) -> Option<Members<'s, N>> {
        let own = || self.envelope.get(Envelope::Properties).is_none().then_some((self.envelope.doc, start));
        members::read(self.object(self.properties_at, Envelope::Properties).or_else(own)?)
    }

    /// Reads its `identity` once more, for names of a category's own.
    pub(super) fn identity_as<N: Name>(&self) -> Option<Members<'s, N>> {
        members::read(self.object(self.identity_at, Envelope::Identity)?)
    }

    fn object(&self, at: Option<usize>, name: Envelope) -> Option<(Doc<'s>, usize)> {
        let doc = self.envelope.doc;
        at.map(|at| (doc, at)).or_else(|| members::object(doc, self.envelope.get(name)?))
    }

    /// Reads the `properties` in the string at the cursor on the way, if they can be read so.
    pub(super) fn read_in_place(&mut self, cursor: &mut Cursor<'s>) -> bool {
        if !self.properties.is_empty() || self.envelope.get(Envelope::Properties).is_some() {
            return false;
        }
        let Some(value) = self.properties.read_in_place(cursor) else { return false };
        self.envelope.keep(Envelope::Properties, value);
        // An empty object says as little as none.
        self.read_in_place = !self.properties.is_empty();
        true
    }

    /// Returns the event of the record that stands at `range` and has been read into `self`.
    pub(super) fn event(&mut self, message: &Message<'s>, index: u32, range: Range<usize>) -> &'s mut Event<'s> {
        let category = categories::category(self);
        self.unfold_properties(category, range.start);
        self.unfold_identity(category, range.start);
        // Made where it stays: it is a kilobyte, and would be copied from hand to hand.
        let event = message.arena.alloc_with(|| blank(message, index, range));
        event.category = category;
        (event.time, event.timed) = match self.time() {
            Some(at) => (at, true),
            None => (message.received.unwrap_or_default(), false),
        };
        if let Some(piece) = self.resource() {
            self.resources.fill(event, piece, message.resources);
        }
        event.correlation = self.envelope.text(Envelope::CorrelationId);
        if let Some(caller) = self.envelope.piece(Envelope::CallerIpAddress) {
            source(event, &caller);
        }
        event.kind = categories::fill(event, self);
        event
    }

    /// Returns the id of the resource it speaks of.
    pub(super) fn resource(&self) -> Option<Piece<'s>> {
        const NAMES: [Envelope; 3] = [Envelope::ResourceId, Envelope::UnderscoreResourceId, Envelope::ResourceUri];
        NAMES.into_iter().find_map(|name| self.envelope.piece(name))
    }

    /// Tells whether the record is a table's row, as a workspace's data export writes it: some
    /// tables have a column `Category`.
    fn is_row(&self) -> bool {
        let has = |name| self.envelope.get(name).is_some();
        self.properties.is_empty() && (!has(Envelope::Category) || has(Envelope::TimeGenerated) || has(Envelope::Type))
    }

    /// Reads `properties` where they stand in a string; a row's own members are its properties.
    fn unfold_properties(&mut self, category: Category, start: usize) {
        const NAMES: [Envelope; 3] = [Envelope::Properties, Envelope::EventProperties, Envelope::PropertiesDynamic];
        let doc = self.envelope.doc;
        let value = NAMES.into_iter().find_map(|name| self.envelope.get(name));
        if self.read_in_place {
            return;
        }
        let found = match value {
            Some(value) => members::object(doc, value),
            None if category != Category::Other && !categories::is_flat(category) && self.is_row() => {
                self.properties.clear(doc);
                // It may break off: what came before still counts.
                let _ = self.properties.read_row(&mut doc.cursor(start), 1);
                None
            }
            None => None,
        };
        if let Some((doc, at)) = found {
            self.properties.clear(doc);
            // It may break off: what came before still counts.
            let _ = self.properties.read(&mut doc.cursor(at), 1);
        }
        if let Some(value @ Value { shape: Shape::String, .. }) = value.filter(|_| self.properties.is_empty()) {
            self.opaque = Some(doc.piece(value));
        }
    }

    /// Reads `identity` where it stands in a string, and the claims of records that have no identity; the row of a vault's
    /// log that starts at `start` has a column for each.
    fn unfold_identity(&mut self, category: Category, start: usize) {
        const NAMES: [Envelope; 3] = [Envelope::Identity, Envelope::ClaimsDynamic, Envelope::Claims];
        if !self.claims.is_empty() {
            return;
        }
        let (doc, envelope) = (self.envelope.doc, &self.envelope);
        if let Some((doc, at)) = NAMES.into_iter().find_map(|name| members::object(doc, envelope.get(name)?)) {
            self.claims.clear(doc);
            // It may break off: what came before still counts.
            let _ = self.claims.read(&mut doc.cursor(at), 1);
        } else if category == Category::AuditEvent && envelope.get(Envelope::TimeGenerated).is_some() {
            self.claims.clear(doc);
            let _ = self.claims.read_columns(&mut doc.cursor(start));
        }
    }

    fn time(&self) -> Option<Timestamp> {
        const NAMES: [Envelope; 6] = [
            Envelope::Time,
            Envelope::Timestamp,
            Envelope::TimeGenerated,
            Envelope::EventTimestamp,
            Envelope::EventTime,
            Envelope::EventTimeString,
        ];
        NAMES.into_iter().find_map(|name| time(self.envelope.piece(name)?.value))
    }
}

/// Fills where a request came from. Of several addresses in one field the last is who connected, and
/// those before it are what it was forwarded for.
pub(super) fn source<'s>(event: &mut Event<'s>, piece: &Piece<'s>) {
    let address = address(piece.value).or_else(|| {
        let (last, before) = last_address(piece.value)?;
        event.forwarded = event.forwarded.or_else(|| (!before.is_empty()).then(|| piece.part(before)));
        Some(last)
    });
    event.source_ip = address.as_ref().map(|address| address.ip);
    event.source_port = address.as_ref().and_then(|address| address.port);
    event.source_text = Some(address.map_or_else(|| piece.whole(), |address| piece.part(address.at)));
}

/// Returns `text` if it says something.
pub(super) fn said(text: Text<'_>) -> Option<Text<'_>> {
    (!matches!(text.value, "" | "-" | "--")).then_some(text)
}

/// Returns the event of record `index` at `range`, of which nothing else is known yet.
#[expect(clippy::inline_always, reason = "an event is a kilobyte, and is made where it stays")]
#[inline(always)]
pub(super) fn blank<'s>(message: &Message<'s>, index: u32, range: Range<usize>) -> Event<'s> {
    let record = range.start as u32..range.end as u32;
    let position = Position { index, ..message.position };
    let sightings = seen(message.sightings, &record);
    Event { sightings, ..Event::blank(position, message.scanned, record, message.arena) }
}

/// Returns those of `sightings`, which are in order, that begin in `record`.
pub(super) fn seen<'s>(sightings: &'s [Sighting], record: &Range<u32>) -> &'s [Sighting] {
    if sightings.is_empty() {
        return sightings;
    }
    let from = sightings.partition_point(|sighting| sighting.at.start < record.start);
    let rest = sightings.get(from..).unwrap_or_default();
    rest.get(..rest.partition_point(|sighting| sighting.at.start < record.end)).unwrap_or_default()
}
