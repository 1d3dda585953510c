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

/// Steps of SQLite's machine after which it is asked whether to go on: some tenths of a millisecond.
const STEPS: i32 = 10_000;

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

    /// Runs `read`, and breaks it off once `stop` says so, which is asked every few thousand steps of a statement.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooWide`] if it was broken off, and what `read` returns.
    pub fn bounded<T>(
        &mut self,
        stop: impl FnMut() -> bool + Send + 'static,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connection.progress_handler(STEPS, Some(stop))?;
        let answer = read(self);
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        answer
    }

    /// Returns how many alerts are not closed, by level: every level, worst first.
    pub fn open_by_level(&self) -> Result<Vec<(Level, u64)>, StoreError> {
        let mut select =
            self.connection.prepare_cached("SELECT level, sum(n) FROM alert_counts WHERE state < 2 GROUP BY level")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let counts: Vec<(i64, i64)> = rows.collect::<Result<_, _>>()?;
        let of =
            |level| counts.iter().find(|(number, _)| *number == level_number(level)).map_or(0, |(_, count)| *count);
        Ok(Level::ALL.into_iter().rev().map(|level| (level, of(level).cast_unsigned())).collect())
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

    /// Returns the deliveries that were refused, or wait after a failure, newest first, with what came of each: those
    /// to one sink, or to all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn troubled(&self, sink: Option<&str>, limit: usize) -> Result<Vec<Made>, StoreError> {
        let which = "(outcome = 2 OR (outcome = 0 AND attempts > 0)) AND (?1 = '' OR sink = ?1)";
        self.made_where(which, sink.unwrap_or_default(), limit)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn a_question_without_end_is_broken_off_and_the_next_one_is_not() {
        let data = tempfile::tempdir().unwrap();
        drop(Store::open(data.path()).unwrap());
        let mut reader = Reader::open(data.path()).unwrap();
        let endless = |reader: &Reader| -> Result<i64, StoreError> {
            let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
            Ok(reader.connection.query_row(sql, [], |row| row.get(0))?)
        };
        let mut asked = 0;
        let stop = move || {
            asked += 1;
            asked > 3
        };
        let stopped = reader.bounded(stop, endless).unwrap_err();
        assert!(matches!(stopped, StoreError::TooWide(_)), "{stopped}");
        let long = |reader: &Reader| -> Result<i64, StoreError> {
            let sql =
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT max(i) FROM n";
            Ok(reader.connection.query_row(sql, [], |row| row.get(0))?)
        };
        assert_eq!((reader.bounded(|| false, long).unwrap(), long(&reader).unwrap()), (100_000, 100_000));
    }

    #[test]
    fn open_alerts_are_counted_without_walking_through_them() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).unwrap();
        let rows = "DROP INDEX alerts_unclosed;
            INSERT INTO alert_counts (family, detector, app, state, level, class, n) VALUES
                ('probing', 'x', 'a', 0, 3, '', 4), ('probing', 'x', 'b', 1, 3, '', 2), ('probing', 'x', 'b', 2, 3, '', 9)";
        store.connection.execute_batch(rows).unwrap();
        let counts: Vec<u64> =
            Reader::open(data.path()).unwrap().open_by_level().unwrap().into_iter().map(|(_, many)| many).collect();
        assert_eq!(counts, [0, 6, 0, 0, 0]);
    }
}
