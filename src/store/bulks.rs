//! What did a change of many alerts do, so that it can be taken back?
//!
//! Kept with the change itself, in one transaction, for 30 days; at most 1,000 of them.

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::alerts::{Alert, AlertId, BulkChange, BulkDone};
use crate::clock::Timestamp;

use super::error::damaged;
use super::{Epoch, Reader, Store, StoreError, recover};

const MOST_BULKS: i64 = 1_000;
const DAYS: std::time::Duration = std::time::Duration::from_hours(24 * 30);

pub(super) fn put(transaction: &Transaction<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    for done in &epoch.bulks {
        let id = format!("{:016x}", done.id);
        let action = json("a bulk change", &done.action)?;
        transaction
            .prepare_cached("INSERT OR IGNORE INTO bulks (id, at, who, action, query) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![id, done.at.nanos(), done.by, action, done.query])?;
        let mut insert = transaction
            .prepare_cached("INSERT INTO bulk_changes (bulk, alert, before, after) VALUES (?1, ?2, ?3, ?4)")?;
        for change in &done.changed {
            let (before, after) = (json("a standing", &change.before)?, json("a standing", &change.after)?);
            insert.execute(params![id, change.alert.to_string(), before, after])?;
        }
    }
    for (id, by) in &epoch.undone {
        transaction
            .prepare_cached("UPDATE bulks SET undone_at = ?2, undone_by = ?3 WHERE id = ?1 AND undone_at IS NULL")?
            .execute(params![format!("{id:016x}"), epoch.at.nanos(), by])?;
    }
    Ok(())
}

/// Lets those go that can no longer be undone.
pub(super) fn prune(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    let gone: Vec<String> = transaction
        .prepare_cached(
            "SELECT id FROM bulks WHERE at < ?1
             UNION SELECT id FROM (SELECT id FROM bulks ORDER BY at DESC LIMIT -1 OFFSET ?2)",
        )?
        .query_map(params![now.minus(DAYS).nanos(), MOST_BULKS], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in gone {
        transaction.prepare_cached("DELETE FROM bulk_changes WHERE bulk = ?1")?.execute([&id])?;
        transaction.prepare_cached("DELETE FROM bulks WHERE id = ?1")?.execute([&id])?;
    }
    Ok(())
}

fn json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Failed(format!("{what} can't be written as JSON ({error})")))
}

/// A bulk change as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptBulk {
    /// What it did.
    pub done: BulkDone,
    /// Who took it back, and when.
    pub undone: Option<(String, Timestamp)>,
}

impl Store {
    /// Tells whether a change of many alerts is kept under this name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn knows_bulk(&self, id: u64) -> Result<bool, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT 1 FROM bulks WHERE id = ?1")?;
        Ok(select.exists([format!("{id:016x}")])?)
    }
}

impl Reader {
    /// Returns the first two alerts whose ids begin so.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn beginning_with(&self, digits: &str) -> Result<Vec<AlertId>, StoreError> {
        // `g` comes after every digit.
        let mut select =
            self.connection.prepare_cached("SELECT id FROM alerts WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2")?;
        let ids: Vec<String> = select.query_map([digits], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Returns a change of many alerts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn bulk(&self, id: u64) -> Result<Option<KeptBulk>, StoreError> {
        let key = format!("{id:016x}");
        let found = self
            .connection
            .prepare_cached("SELECT at, who, action, query, undone_at, undone_by FROM bulks WHERE id = ?1")?
            .query_row([&key], |row| {
                let undone: (Option<i64>, Option<String>) = (row.get(4)?, row.get(5)?);
                let action: String = row.get(2)?;
                Ok((Timestamp::from_nanos(row.get(0)?), row.get(1)?, action, row.get(3)?, undone))
            })
            .optional()?;
        let Some((at, by, action, query, undone)) = found else { return Ok(None) };
        let bad = |error: serde_json::Error| damaged(&format!("bulk change {key}"), error);
        let action = serde_json::from_str(&action).map_err(bad)?;
        let mut select = self
            .connection
            .prepare_cached("SELECT alert, before, after FROM bulk_changes WHERE bulk = ?1 ORDER BY rowid")?;
        let mut rows = select.query([&key])?;
        let mut changed = Vec::new();
        while let Some(row) = rows.next()? {
            let (alert, before, after): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let alert = alert.parse::<AlertId>().map_err(|error| damaged(&format!("bulk change {key}"), error))?;
            let (before, after) =
                (serde_json::from_str(&before).map_err(bad)?, serde_json::from_str(&after).map_err(bad)?);
            changed.push(BulkChange { alert, before, after });
        }
        let undone = undone.1.zip(undone.0.map(Timestamp::from_nanos));
        Ok(Some(KeptBulk { done: BulkDone { id, by, at, action, query, changed }, undone }))
    }
}

impl Store {
    /// Returns an alert as the newest epoch has it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT id, alert FROM alerts WHERE id = ?1")?;
        let mut rows = select.query([id.to_string()])?;
        rows.next()?.map(recover::alert).transpose()
    }
}
