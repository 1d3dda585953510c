//! What is known of a key and its callers?
//!
//! Read by whoever asks whether a key may go; each answer is as of the newest epoch. Of a caller 100 keys are
//! told, of a place 100 changes.

use std::sync::Arc;

use rusqlite::OptionalExtension as _;

use crate::clock::Timestamp;
use crate::telemetry::written;

use super::key_usage::days;
use super::{KeyCaller, KeyChange, KeyDay, Reader, StoreError};

/// Places that a key's line names.
const PLACES: usize = 8;

/// What is known of one caller of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerLine {
    /// Which.
    pub caller: KeyCaller,
    /// Its first use.
    pub first_seen: Timestamp,
    /// Its last use, refused or not.
    pub last_seen: Timestamp,
    /// Its last use that was not refused.
    pub last_accepted: Option<Timestamp>,
    /// Its newest 30 days, oldest first.
    pub days: Vec<KeyDay>,
}

/// How far what is known of keys reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyReach {
    /// Since when uses are noted, event time.
    pub since: Timestamp,
    /// The newest event that was read.
    pub newest: Timestamp,
    /// Callers and uses that had to give way.
    pub lost: u64,
    /// The last use of those.
    pub lost_at: Option<Timestamp>,
}

impl Reader {
    /// Returns every key that is followed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn keys_used(&self) -> Result<Vec<String>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT DISTINCT key FROM key_callers ORDER BY key")?;
        let rows = select.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the callers of `key`, those first that used it last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn key_callers(&self, key: &str) -> Result<Vec<CallerLine>, StoreError> {
        self.callers("WHERE key IN (?1, ?2) ORDER BY last_seen DESC, address, place", &[key, &written(key)])
    }

    /// Returns the callers of `key` that used it last, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn newest_key_callers(&self, key: &str, limit: usize) -> Result<Vec<CallerLine>, StoreError> {
        let which = format!("WHERE key IN (?1, ?2) ORDER BY last_seen DESC, address, place LIMIT {limit}");
        self.callers(&which, &[key, &written(key)])
    }

    /// Returns with which keys `address` has called `place`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn keys_of(&self, address: &str, place: &str) -> Result<Vec<CallerLine>, StoreError> {
        self.callers("WHERE place = ?1 AND address = ?2 ORDER BY last_seen DESC, key LIMIT 100", &[place, address])
    }

    fn callers(&self, which: &str, values: &[&str]) -> Result<Vec<CallerLine>, StoreError> {
        let sql =
            format!("SELECT key, address, place, first_seen, last_seen, last_accepted, days FROM key_callers {which}");
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query(rusqlite::params_from_iter(values))?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let text = |column| row.get::<_, String>(column).map(Arc::from);
            let caller = KeyCaller { key: text(0)?, address: text(1)?, place: text(2)? };
            let accepted: Option<i64> = row.get(5)?;
            lines.push(CallerLine {
                first_seen: Timestamp::from_nanos(row.get(3)?),
                last_seen: Timestamp::from_nanos(row.get(4)?),
                last_accepted: accepted.map(Timestamp::from_nanos),
                days: days(&row.get::<_, Vec<u8>>(6)?, &caller.key)?,
                caller,
            });
        }
        Ok(lines)
    }

    /// Returns what was done to keys of `place`, newest first, at most 100.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn key_changes(&self, place: &str) -> Result<Vec<KeyChange>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT place, what, operation, by_whom, at FROM key_changes WHERE place = ?1 ORDER BY at DESC, id LIMIT 100",
        )?;
        let rows = select.query_map([place], |row| {
            let text = |column| row.get::<_, String>(column).map(Arc::from);
            let at = Timestamp::from_nanos(row.get(4)?);
            Ok(KeyChange { place: text(0)?, what: text(1)?, operation: text(2)?, by: text(3)?, at })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the newest event time of an app or gateway.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn heard_of(&self, place: &str) -> Result<Option<Timestamp>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT heard FROM key_places WHERE place = ?1")?;
        let heard: Option<i64> = select.query_row([place], |row| row.get(0)).optional()?;
        Ok(heard.map(Timestamp::from_nanos))
    }

    /// Returns how far what is known of keys reaches; `None` if nothing has been read yet.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn key_reach(&self) -> Result<Option<KeyReach>, StoreError> {
        let sql = "SELECT since, newest, lost, lost_at FROM key_usage";
        let reach = self.connection.query_row(sql, [], |row| {
            let lost_at: Option<i64> = row.get(3)?;
            Ok(KeyReach {
                since: Timestamp::from_nanos(row.get(0)?),
                newest: Timestamp::from_nanos(row.get(1)?),
                lost: row.get::<_, i64>(2)?.cast_unsigned(),
                lost_at: lost_at.map(Timestamp::from_nanos),
            })
        });
        Ok(reach.optional()?)
    }
}

/// One key that is followed, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLine {
    /// Its fingerprint or id.
    pub key: String,
    /// Addresses that used it.
    pub callers: u64,
    /// Where, at most eight places.
    pub places: Vec<String>,
    /// Its first use, event time.
    pub first_seen: Timestamp,
    /// Its last use, refused or not.
    pub last_seen: Timestamp,
    /// Its last use that was not refused.
    pub last_accepted: Option<Timestamp>,
}

impl Reader {
    /// Returns the keys that are followed, those first that were used last, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn keys_in_short(&self, limit: usize) -> Result<Vec<KeyLine>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT key, count(DISTINCT address), min(first_seen), max(last_seen), max(last_accepted),
                 json_group_array(DISTINCT place)
             FROM key_callers GROUP BY key ORDER BY max(last_seen) DESC, key LIMIT ?1",
        )?;
        let mut rows = select.query([super::reader::whole(limit)])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            let accepted: Option<i64> = row.get(4)?;
            let mut places: Vec<String> = serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default();
            places.sort();
            places.truncate(PLACES);
            lines.push(KeyLine {
                key: row.get(0)?,
                callers: row.get::<_, i64>(1)?.cast_unsigned(),
                places,
                first_seen: Timestamp::from_nanos(row.get(2)?),
                last_seen: Timestamp::from_nanos(row.get(3)?),
                last_accepted: accepted.map(Timestamp::from_nanos),
            });
        }
        Ok(lines)
    }
}
