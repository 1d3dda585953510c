//! Which silences are there, and what did each hide?
//!
//! Written with the epoch in which they changed. Those that ended are kept for 90 days, to be looked
//! at; marks go with their alerts.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use crate::alerts::{AlertId, Silence, SilenceId};
use crate::clock::Timestamp;

use super::alert_rows::state_number;
use super::error::damaged;
use super::{Epoch, Reader, Store, StoreError};

const DAYS: std::time::Duration = std::time::Duration::from_hours(24 * 90);
const MOST_OVER: i64 = 10_000;

/// Something that was done, for the audit: not with an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// When, wall time.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What.
    pub did: &'static str,
    /// With what, as JSON.
    pub with: String,
}

/// A silence, an open alert that it hides, and since when, wall time.
type Hides = (SilenceId, AlertId, Timestamp);

pub(super) fn put(transaction: &Transaction<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    for silence in &epoch.silences {
        let json = serde_json::to_string(silence)
            .map_err(|error| StoreError::Failed(format!("a silence can't be written as JSON ({error})")))?;
        let ends = silence.ended.as_ref().map_or(silence.ends_at, |(at, _)| *at);
        transaction
            .prepare_cached(
                "INSERT INTO silences (id, ends_at, over, silence) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET
                     ends_at = excluded.ends_at, over = excluded.over, silence = excluded.silence",
            )?
            .execute(params![silence.id.to_string(), ends.nanos(), silence.ended.is_some(), json])?;
    }
    for (mark, at) in &epoch.marks {
        let alert = mark.alert.to_string();
        let fresh = transaction
            .prepare_cached("INSERT INTO mutes (alert, by, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
            .execute(params![alert, mark.by, at.nanos()])?;
        if fresh > 0 {
            transaction
                .prepare_cached(
                    "INSERT INTO activity (alert, revision, at, who, did, says, from_state, to_state,
                                           from_assignee, to_assignee, from_class, to_class)
                     SELECT id, ?2, ?3, '', 'hidden', ?4, ?5, ?5, assignee, assignee, class, class
                     FROM alerts WHERE id = ?1 ON CONFLICT DO NOTHING",
                )?
                .execute(params![alert, mark.at.0, at.nanos(), mark.says, state_number(mark.at.1)])?;
        }
    }
    for entry in &epoch.audit {
        super::audit::insert(transaction, epoch, (entry.at, &entry.who), (entry.did, "", &entry.with))?;
    }
    Ok(())
}

pub(super) fn prune(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "DELETE FROM silences WHERE over = 1 AND (ends_at < ?1 OR id IN
                 (SELECT id FROM silences WHERE over = 1 ORDER BY ends_at DESC LIMIT -1 OFFSET ?2))",
        )?
        .execute(params![now.minus(DAYS).nanos(), MOST_OVER])?;
    Ok(())
}

fn silence(json: &str) -> Result<Silence, StoreError> {
    serde_json::from_str(json).map_err(|error| damaged("a silence", error))
}

impl Store {
    /// Returns the silences that have not ended, and which open alerts each hides since when.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn silences(&self) -> Result<(Vec<Silence>, Vec<Hides>), StoreError> {
        let mut select = self.connection.prepare("SELECT silence FROM silences WHERE over = 0 ORDER BY id")?;
        let rows = select.query_map([], |row| row.get::<_, String>(0))?;
        let texts: Vec<String> = rows.collect::<Result<_, _>>()?;
        let silences = texts.iter().map(|json| silence(json)).collect::<Result<Vec<_>, _>>()?;
        let mut hidden = Vec::new();
        let mut select = self.connection.prepare(
            "SELECT mutes.alert, mutes.at FROM mutes JOIN alerts ON alerts.id = mutes.alert
             WHERE mutes.by = ?1 AND alerts.state < 2",
        )?;
        for silence in &silences {
            let by = format!("silence:{}", silence.id);
            let rows = select.query_map([by], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            for row in rows {
                let (alert, at) = row?;
                hidden.extend(alert.parse().map(|alert| (silence.id, alert, Timestamp::from_nanos(at))).ok());
            }
        }
        Ok((silences, hidden))
    }
}

impl Reader {
    /// Returns silences and how many alerts each has hidden: those that have not ended, or all,
    /// which end or ended last first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn silences(&self, all: bool, limit: usize) -> Result<Vec<(Silence, u64)>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT silence, (SELECT count(*) FROM mutes WHERE by = 'silence:' || silences.id)
             FROM silences WHERE over <= ?1 ORDER BY over, ends_at DESC, id LIMIT ?2",
        )?;
        let rows = select.query_map(params![all, super::reader::whole(limit)], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
        let rows: Vec<(String, u64)> = rows.collect::<Result<_, _>>()?;
        rows.into_iter().map(|(json, hidden)| Ok((silence(&json)?, hidden))).collect()
    }

    /// Returns what held each of these alerts back, those with nothing left out.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if it can't be read.
    pub fn held_back(&self, alerts: &[AlertId]) -> Result<HashMap<AlertId, Vec<String>>, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT by FROM mutes WHERE alert = ?1 ORDER BY at, by")?;
        let mut held = HashMap::new();
        for alert in alerts {
            let by: Vec<String> = select.query_map([alert.to_string()], |row| row.get(0))?.collect::<Result<_, _>>()?;
            if !by.is_empty() {
                held.insert(*alert, by);
            }
        }
        Ok(held)
    }
}
