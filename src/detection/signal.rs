//! What leaves the worker that decoded a record: small, owned, and addressed to one entity.
//!
//! A signal copies numbers only. What may have to be shown, names and the record itself, lies in
//! the [`Sheet`] of its batch, so that a signal costs no allocation; it becomes an [`Observed`] of
//! its own for the few that are kept or reported.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::telemetry::{Category, Entity, EntityKind, Position};

use super::Level;
use super::sheet::{Sheet, Span};

/// What the signals of one record have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// When it happened.
    pub time: Timestamp,
    /// A keyed hash of the record's content: orders events of one time, and tells duplicates.
    pub hash: u128,
    /// Where the record lies.
    pub position: Position,
    /// What wrote it.
    pub category: Category,
    /// The app concerned.
    pub app: Option<Arc<str>>,
    /// Who and what the record names.
    pub entities: Vec<Entity>,
    /// The redacted record, cut after 2,048 bytes.
    pub record: Option<Arc<str>>,
}

/// A detector's interest in one event: for which entity, with what value.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The detector's place in [`Detectors`](super::Detectors).
    pub detector: u16,
    /// How bad this event makes it.
    pub level: Level,
    /// Which step of a sequence, else 0.
    pub step: u8,
    /// The virtual shard that owns the entity.
    pub shard: u8,
    /// A keyed hash of the detector's `by` values.
    pub key: u128,
    /// A keyed hash of the value to count distinct or to see first; the number to add up; of a ratio 1
    /// if the event is of the other sort. 0 where the kind needs none.
    pub value: u64,
    /// Whether it is about the names of a key that is coming: detectors learn of it, and what they
    /// find is not told, for the same is told under the names in use.
    pub learns: bool,
    /// When it happened.
    pub time: Timestamp,
    /// The hash of [`Observed::hash`].
    pub hash: u128,
    /// Where on its sheet the rest stands.
    pub(super) place: Place,
    pub(super) sheet: Arc<Sheet>,
}

/// Where on a sheet a signal's names stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) row: u32,
    pub(super) kind: EntityKind,
    pub(super) entity: Span,
    pub(super) shown: Option<Span>,
}

impl Signal {
    /// Returns a signal of `observed` to detector 0 about `entity`, as mild as can be, with
    /// everything else zero. `shown` is what [`Signal::shown`] will return.
    pub fn new(observed: &Observed, entity: &Entity, shown: Option<&str>) -> Self {
        let mut sheet = Sheet::default();
        let row = sheet.copy(observed);
        let place = Place {
            row,
            kind: entity.kind,
            entity: sheet.name(|names| names.push_str(&entity.value)),
            shown: shown.map(|shown| sheet.name(|names| names.push_str(shown))),
        };
        Self {
            detector: 0,
            level: Level::Informational,
            step: 0,
            shard: 0,
            key: 0,
            value: 0,
            learns: false,
            time: observed.time,
            hash: observed.hash,
            place,
            sheet: Arc::new(sheet),
        }
    }

    /// Returns the entity an alert would be about.
    pub fn entity(&self) -> Entity {
        let (kind, value) = self.entity_parts();
        Entity::new(kind, value)
    }

    /// Returns that entity without making one.
    pub(super) fn entity_parts(&self) -> (EntityKind, &str) {
        (self.place.kind, self.sheet.text(self.place.entity))
    }

    /// Returns the value that is counted or seen first, as it may be shown; of a secret that is
    /// not counted, what it is called.
    pub fn shown(&self) -> Option<&str> {
        self.place.shown.map(|shown| self.sheet.text(shown))
    }

    /// Returns the record; all of a record's signals share it.
    pub fn observed(&self) -> &Arc<Observed> {
        self.sheet.observed(self.place.row)
    }

    /// Returns the app that the record is of.
    pub(super) fn app(&self) -> Option<&str> {
        self.sheet.row(self.place.row).app.map(|app| self.sheet.text(app))
    }

    /// Returns where the record lies.
    pub fn position(&self) -> Position {
        self.sheet.row(self.place.row).position
    }

    /// Returns the bytes of the record that [`Signal::observed`] holds.
    pub(super) fn record_bytes(&self) -> usize {
        self.sheet.row(self.place.row).record.len()
    }

    /// Makes `known` what [`Signal::observed`] returns, without an allocation if it can be done.
    pub(super) fn write_over(&self, known: &mut Arc<Observed>) {
        let row = self.sheet.row(self.place.row);
        let bare = row.record.is_empty() && row.entities.is_empty();
        let app = row.app.map(|app| self.sheet.text(app));
        match Arc::get_mut(known) {
            Some(known) if bare && known.app.as_deref() == app => {
                (known.time, known.hash) = (row.time, row.hash);
                (known.position, known.category) = (row.position, row.category);
                known.entities.clear();
                known.record = None;
            }
            _ => *known = Arc::clone(self.observed()),
        }
    }
}
