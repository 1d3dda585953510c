//! What has happened to alerts since a reader last looked?
//!
//! The history in the order in which it was written, each line with its alert as it stands now. A
//! line's number only grows and is never used twice, also after a restart, so that whoever names the
//! last one it saw gets each later one once. If lines after it were let go, that is known. One look
//! goes through 2,000 lines at most.

use std::fmt::Write as _;

use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params_from_iter};

use crate::alerts::{Alert, AlertId, Query};
use crate::clock::Timestamp;

use super::alert_query::{Statement, full_text, narrow, whole_id};
use super::{Reader, StoreError, recover};

const AT_ONCE: i64 = 2_000;

/// One change of an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeLine {
    /// Its number.
    pub id: i64,
    /// When it was recorded, wall time.
    pub at: Timestamp,
    /// The alert's revision after it.
    pub revision: u32,
    /// What: `opened`, `events`, `raised`, `acknowledged`, `closed`, …
    pub did: String,
    /// Who; nobody for what came of itself.
    pub who: Option<String>,
    /// The same in words.
    pub says: String,
    /// The alert as it stands now.
    pub alert: Alert,
}

/// What one look found.
#[derive(Clone, Debug, PartialEq)]
pub struct Looked {
    /// The changes, oldest first.
    pub lines: Vec<ChangeLine>,
    /// Up to which line was looked.
    pub upto: i64,
    /// Whether there are lines beyond.
    pub more: bool,
    /// Lines may be gone that came after what the reader had seen: it must load anew, and after this line
    /// nothing is missing. What is kept comes all the same.
    pub gap: Option<i64>,
}

impl Reader {
    /// Returns the number of the newest line of the history; 0 if there never was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it can't be read.
    pub fn newest_change(&self) -> Result<i64, StoreError> {
        newest(&self.connection)
    }

    /// Returns what happened after line `after` to alerts that a question means as they stand now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it can't be read.
    pub fn changes_after(&self, after: i64, query: &Query) -> Result<Looked, StoreError> {
        let newest = self.newest_change()?;
        if after > newest {
            // Of another store, or of this one before it was restored from an older backup.
            return Ok(Looked { lines: Vec::new(), upto: newest, more: false, gap: Some(newest) });
        }
        let gone: i64 = self.connection.query_row("SELECT upto FROM history_gone", [], |row| row.get(0))?;
        let gap = Some(gone).filter(|gone| after < *gone);
        let upto = newest.min(after.saturating_add(AT_ONCE));
        let values = vec![Value::Integer(after), Value::Integer(upto)];
        let mut all = Statement { filter: "history.id > ?1 AND history.id <= ?2".into(), values };
        narrow(&mut all, query);
        if let Some(matching) = query.text.as_deref().and_then(full_text) {
            all.values.push(Value::Text(matching));
            let at = all.values.len();
            let id = query.text.as_deref().and_then(whole_id);
            all.values.push(id.map_or(Value::Null, |id| Value::Text(id.to_string())));
            let _ = write!(
                all.filter,
                " AND (alerts.id = ?{} OR
                       EXISTS (SELECT 1 FROM alert_words WHERE alert_words MATCH ?{at} AND rowid = alerts.rowid))",
                at + 1
            );
        }
        let sql = format!(
            "SELECT alerts.id, alerts.alert, history.id, history.at, history.revision, history.says,
                    activity.did, activity.who
             FROM history CROSS JOIN alerts ON alerts.id = history.alert
                 LEFT JOIN activity ON activity.id =
                     (SELECT id FROM activity AS of_it WHERE of_it.alert = history.alert
                          AND of_it.revision = history.revision ORDER BY did = 'hidden', id LIMIT 1)
             WHERE {} ORDER BY history.id",
            all.filter
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(all.values))?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let says: String = row.get(5)?;
            let did: Option<String> = row.get(6)?;
            let who: Option<String> = row.get(7)?;
            lines.push(ChangeLine {
                id: row.get(2)?,
                at: Timestamp::from_nanos(row.get(3)?),
                revision: row.get(4)?,
                // What is no line of the activity is further events.
                did: did.filter(|_| says != "events").unwrap_or_else(|| "events".into()),
                who: who.filter(|who| !who.is_empty() && says != "events"),
                says,
                alert: recover::alert(row)?,
            });
        }
        Ok(Looked { lines, upto, more: upto < newest, gap })
    }
}

fn newest(connection: &Connection) -> Result<i64, StoreError> {
    let newest = "SELECT max((SELECT upto FROM history_gone), ifnull((SELECT max(id) FROM history), 0))";
    Ok(connection.prepare_cached(newest)?.query_row([], |row| row.get(0))?)
}

/// Adds a line to an alert's history.
pub(super) fn put(
    transaction: &Transaction<'_>,
    (alert, revision): (&str, u32),
    at: Timestamp,
    says: &str,
) -> Result<(), StoreError> {
    let next = newest(transaction)?.saturating_add(1);
    transaction
        .prepare_cached("INSERT INTO history (id, alert, revision, at, says) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((next, alert, revision, at.nanos(), says))?;
    Ok(())
}

/// Lets lines of an alert's history go, those of revisions `from` to `to`, and remembers that they are gone.
pub(super) fn forget(transaction: &Transaction<'_>, alert: AlertId, (from, to): (i64, i64)) -> Result<(), StoreError> {
    if from > to {
        return Ok(());
    }
    let alert = alert.to_string();
    transaction
        .prepare_cached(
            "UPDATE history_gone SET upto = max(upto, ifnull(
                 (SELECT max(id) FROM history WHERE alert = ?1 AND revision BETWEEN ?2 AND ?3), 0))",
        )?
        .execute((&alert, from, to))?;
    transaction
        .prepare_cached("DELETE FROM history WHERE alert = ?1 AND revision BETWEEN ?2 AND ?3")?
        .execute((&alert, from, to))?;
    Ok(())
}
