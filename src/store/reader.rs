//! What do pages and commands ask of the store?
//!
//! A [`Reader`] has a connection of its own and never blocks the writer nor waits for it: each
//! question sees the newest committed epoch. Lists go by cursor, not by page number, so the
//! thousandth page is as quick as the first; what filters them stands in the index they walk.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::alerts::{Alert, AlertId, Level, SharedNames};
use crate::clock::Timestamp;

use super::alert_rows::level_number;
use super::folder::DATABASE;
use super::{Accounting, Delivery, StoreError, outbox, recover, schema};

/// One line of an alert's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// When it was recorded, wall time.
    pub at: Timestamp,
    /// The alert's revision after it.
    pub revision: u32,
    /// Such as `opened`, `events`, `acknowledged by dana`, `closed: quiet`.
    pub says: String,
}

/// A reading connection; opens the file read-only and never blocks the writer.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens a reading connection to the store in folder `data`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] if there is no store, or one of another version.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: schema::open_to_read(&data.join(DATABASE))? })
    }

    /// Returns how many alerts are not closed, by level: every level, worst first.
    pub fn open_by_level(&self) -> Result<Vec<(Level, u64)>, StoreError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT count(*) FROM alerts INDEXED BY alerts_unclosed WHERE state < 2 AND level = ?1")?;
        let count = |level: Level| Ok((level, select.query_row([level_number(level)], |row| row.get::<_, i64>(0))?));
        let counts: Result<Vec<_>, rusqlite::Error> = Level::ALL.into_iter().rev().map(count).collect();
        Ok(counts?.into_iter().map(|(level, count)| (level, count.cast_unsigned())).collect())
    }

    /// Returns the names that are shared by two keys, secrets or people that alerts which are not
    /// closed are about; of the newest 10,000 alerts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn shared_names(&self) -> Result<SharedNames, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT entity FROM alerts INDEXED BY alerts_unclosed
             WHERE state < 2 AND entity_kind IN ('key', 'secret', 'identity')
             ORDER BY last_seen DESC, id DESC LIMIT 10000",
        )?;
        let rows = select.query_map([], |row| row.get::<_, String>(0))?;
        let entities: Vec<String> = rows.collect::<Result<_, _>>()?;
        Ok(SharedNames::among(entities.iter().map(String::as_str)))
    }

    /// Returns one alert.
    pub fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT id, alert FROM alerts WHERE id = ?1")?;
        let mut rows = select.query([id.to_string()])?;
        rows.next()?.map(recover::alert).transpose()
    }

    /// Returns an alert's history, oldest first.
    pub fn history(&self, id: AlertId) -> Result<Vec<Change>, StoreError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT at, revision, says FROM history WHERE alert = ?1 ORDER BY revision, id")?;
        let rows = select.query_map([id.to_string()], |row| {
            Ok(Change { at: Timestamp::from_nanos(row.get(0)?), revision: row.get(1)?, says: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the deliveries of an alert, or of all, newest first, with what became of each
    /// (`waiting`, `waiting: …` after a failure, `delivered: 200`, `refused: …`).
    pub fn deliveries(&self, id: Option<AlertId>, limit: usize) -> Result<Vec<(Delivery, String)>, StoreError> {
        let made = self.made(id, limit)?.into_iter();
        Ok(made.map(|made| (made.delivery.clone(), made.in_words())).collect())
    }

    /// Returns the deliveries of an alert, or of all, newest first, with what came of each.
    pub fn made(&self, id: Option<AlertId>, limit: usize) -> Result<Vec<Made>, StoreError> {
        match id {
            Some(id) => self.made_where(
                "alert = ?1 OR id IN (SELECT delivery FROM outbox_about WHERE alert = ?1)",
                &id.to_string(),
                limit,
            ),
            None => self.made_where("?1 = ''", "", limit),
        }
    }

    /// Returns the deliveries to one sink, newest first, with what came of each.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn made_to(&self, sink: &str, limit: usize) -> Result<Vec<Made>, StoreError> {
        self.made_where("sink = ?1", sink, limit)
    }

    fn made_where(&self, which: &str, value: &str, limit: usize) -> Result<Vec<Made>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            let about: Option<String> = row.get(10)?;
            let about = about.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
            Ok(Made {
                delivery: Delivery { about, ..outbox::delivery(row)? },
                outcome: match row.get(6)? {
                    outbox::WAITING => "waiting",
                    outbox::DELIVERED => "delivered",
                    _ => "refused",
                },
                note: row.get(7)?,
                tried_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_nanos),
                took: row.get::<_, Option<i64>>(9)?.map(|took| Duration::from_millis(took.cast_unsigned())),
            })
        };
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT id, sink, key, payload, attempts, due, outcome, note, tried_at, took,
                 (SELECT group_concat(alert, ' ') FROM outbox_about WHERE delivery = outbox.id)
             FROM outbox WHERE {which} ORDER BY id DESC LIMIT ?2"
        ))?;
        let rows = select.query_map(params![value, whole(limit)], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how many deliveries wait, by sink.
    pub fn waiting(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut select =
            self.connection.prepare_cached("SELECT sink, count(*) FROM outbox WHERE outcome = 0 GROUP BY sink")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the counters of the newest epoch.
    pub fn accounting(&self) -> Result<Accounting, StoreError> {
        recover::accounting(&self.connection)
    }

    /// Returns what the pipeline keeps under this name, if anything.
    pub fn value(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let select = "SELECT bytes FROM pipeline_values WHERE name = ?1";
        Ok(self.connection.query_row(select, [name], |row| row.get(0)).optional()?)
    }

    /// Returns the number of the newest epoch and when it was committed (wall time).
    pub fn epoch(&self) -> Result<Option<(u64, Timestamp)>, StoreError> {
        let newest = self.connection.query_row("SELECT number, at FROM epoch", [], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), Timestamp::from_nanos(row.get(1)?)))
        });
        Ok(newest.optional()?)
    }
}

/// A delivery, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The delivery; `due` is when it is tried next, while it waits.
    pub delivery: Delivery,
    /// `waiting`, `delivered` or `refused`.
    pub outcome: &'static str,
    /// What the receiver answered, or what went wrong; empty before the first attempt.
    pub note: String,
    /// When it was last tried, wall time.
    pub tried_at: Option<Timestamp>,
    /// How long that took.
    pub took: Option<Duration>,
}

impl Made {
    /// Returns what became of it in words: `delivered: 200`.
    pub fn in_words(&self) -> String {
        if self.note.is_empty() { self.outcome.to_owned() } else { format!("{}: {}", self.outcome, self.note) }
    }
}

pub(super) fn whole(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
