//! What do the signals of one batch have in common?
//!
//! Names and records of a whole batch lie in two buffers, and signals say where: a record costs
//! no allocation however many detectors it concerns. Only what is kept or shown is made into an
//! [`Observed`]. A sheet lives as long as one of its signals waits, and at most a second of event time longer; signs
//! of life, which may wait for long and show no record, have a sheet of their own. A record gives 2,048 bytes at most,
//! and the engine charges a sheet's records to its ceiling as long as they are there.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::clock::Timestamp;
use crate::telemetry::{Category, Entity, EntityKind, Position};

use super::Observed;
use super::spare::Lent;

/// Bytes of a record that are kept as evidence.
pub(super) const MAX_RECORD: usize = 2048;

/// The names and records of one batch's signals.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    rows: Vec<Row>,
    entities: Vec<(EntityKind, Span)>,
    names: String,
    records: Lent,
    /// The rows that stand on their own already. Not in the rows: nothing of those needs dropping,
    /// so that they are not read again when the sheet goes.
    made: OnceLock<Vec<OnceLock<Arc<Observed>>>>,
    charge: OnceLock<Charge>,
}

/// Where a name stands on its sheet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

/// One record on a sheet.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) time: Timestamp,
    pub(super) hash: u128,
    pub(super) position: Position,
    pub(super) category: Category,
    pub(super) app: Option<Span>,
    /// Where its entities stand.
    pub(super) entities: Range<u32>,
    /// Where its record stands; empty where it shows none.
    pub(super) record: Range<u32>,
}

/// The bytes of a sheet with records, on the account of an engine until the sheet goes.
#[derive(Debug)]
struct Charge {
    account: Arc<AtomicUsize>,
    bytes: usize,
}

impl Sheet {
    /// Returns an empty sheet with room for `rows` records, which are written into `records`.
    pub(super) fn with_room(rows: usize, records: Lent) -> Self {
        let entities = Vec::with_capacity(4 * rows);
        let names = String::with_capacity(128 * rows);
        Self { rows: Vec::with_capacity(rows), entities, names, records, ..Self::default() }
    }

    /// Gives back room that was not needed, if it is much.
    pub(super) fn trim(&mut self) {
        self.records.trim();
    }

    /// Returns the number of the next row.
    pub(super) fn rows(&self) -> u32 {
        len(self.rows.len())
    }

    /// Adds a record that names nobody yet and shows nothing.
    pub(super) fn begin(
        &mut self,
        time: Timestamp,
        hash: u128,
        position: Position,
        category: Category,
        app: Option<Span>,
    ) {
        let (entities, record) = (len(self.entities.len()), len(self.record_bytes()));
        let (entities, record) = (entities..entities, record..record);
        self.rows.push(Row { time, hash, position, category, app, entities, record });
    }

    /// Adds an entity to the newest row.
    pub(super) fn add_entity(&mut self, kind: EntityKind, name: Span) {
        self.entities.push((kind, name));
        if let Some(row) = self.rows.last_mut() {
            row.entities.end = len(self.entities.len());
        }
    }

    /// Lets the newest row show `record`, cut.
    pub(super) fn add_record(&mut self, record: &[u8]) {
        // A character may be cut by this; it goes when the row is made whole.
        self.records.extend(&record[..record.len().min(MAX_RECORD + 4)]);
        let end = len(self.record_bytes());
        if let Some(row) = self.rows.last_mut() {
            row.record.end = end;
        }
    }

    /// Writes a name, and returns where it stands.
    pub(super) fn name(&mut self, write: impl FnOnce(&mut String)) -> Span {
        let start = self.names.len();
        write(&mut self.names);
        Span { start: len(start), end: len(self.names.len()) }
    }

    /// Adds `observed` as it is; returns its row.
    pub(super) fn copy(&mut self, observed: &Observed) -> u32 {
        let app = observed.app.as_ref().map(|app| self.name(|names| names.push_str(app)));
        let row = self.rows();
        self.begin(observed.time, observed.hash, observed.position, observed.category, app);
        for entity in &observed.entities {
            let name = self.name(|names| names.push_str(&entity.value));
            self.add_entity(entity.kind, name);
        }
        if let Some(record) = &observed.record {
            self.add_record(record.as_bytes());
        }
        row
    }

    /// Returns the name that stands at `at`.
    pub(super) fn text(&self, at: Span) -> &str {
        self.names.get(at.start as usize..at.end as usize).unwrap_or_default()
    }

    /// Returns the entities of the newest row.
    pub(super) fn newest_entities(&self) -> &[(EntityKind, Span)] {
        self.rows.last().map_or(&[], |row| self.entities_of(row))
    }

    /// Returns the app of the newest row.
    pub(super) fn newest_app(&self) -> Option<Span> {
        self.rows.last().and_then(|row| row.app)
    }

    fn entities_of(&self, row: &Row) -> &[(EntityKind, Span)] {
        self.entities.get(row.entities.start as usize..row.entities.end as usize).unwrap_or_default()
    }

    /// Returns row `row`.
    pub(super) fn row(&self, row: u32) -> &Row {
        &self.rows[row as usize]
    }

    /// Returns row `row` on its own.
    pub(super) fn observed(&self, row: u32) -> &Arc<Observed> {
        let made = self.made.get_or_init(|| self.rows.iter().map(|_| OnceLock::new()).collect());
        let (row, made) = (self.row(row), &made[row as usize]);
        made.get_or_init(|| {
            let entity = |&(kind, name): &(EntityKind, Span)| Entity::new(kind, self.text(name));
            let mut entities: Vec<Entity> = self.entities_of(row).iter().map(entity).collect();
            entities.sort_by_key(|entity| entity.kind);
            Arc::new(Observed {
                time: row.time,
                hash: row.hash,
                position: row.position,
                category: row.category,
                app: row.app.map(|app| self.text(app).into()),
                entities,
                record: self.records.bytes().get(row.record.start as usize..row.record.end as usize).and_then(shown),
            })
        })
    }

    /// Returns how many bytes of records it holds.
    pub(super) fn record_bytes(&self) -> usize {
        self.records.bytes().len()
    }

    /// Returns how many bytes it takes, with the names and what else stands on it beside the records.
    pub(super) fn weight(&self) -> usize {
        let rows = size_of_val(self.rows.as_slice()) + size_of_val(self.entities.as_slice());
        self.record_bytes() + self.names.len() + rows
    }

    /// Returns the sheet without its records.
    pub(super) fn bare(&self) -> Self {
        let row = |row: &Row| Row { entities: row.entities.clone(), record: 0..0, ..*row };
        Self {
            rows: self.rows.iter().map(row).collect(),
            entities: self.entities.clone(),
            names: self.names.clone(),
            ..Self::default()
        }
    }

    /// Tells whether its records are on an account.
    pub(super) fn is_charged(&self) -> bool {
        self.charge.get().is_some()
    }

    /// Puts its records on `account` as long as it lives.
    pub(super) fn charge_to(&self, account: &Arc<AtomicUsize>) {
        self.charge.get_or_init(|| {
            account.fetch_add(self.weight(), Ordering::Relaxed);
            Charge { account: Arc::clone(account), bytes: self.weight() }
        });
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Returns a record as it may be shown, cut on a character's boundary; `None` of none.
fn shown(record: &[u8]) -> Option<Arc<str>> {
    (!record.is_empty()).then(|| match std::str::from_utf8(record) {
        Ok(text) => cut(text, MAX_RECORD).into(),
        Err(_) => cut(&String::from_utf8_lossy(record), MAX_RECORD).into(),
    })
}

/// Returns at most `bytes` bytes of `text`, whole characters only.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn len(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
