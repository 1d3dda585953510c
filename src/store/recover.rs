//! What does a restart get back?
//!
//! The newest whole epoch, checked: a row that is not what was written stops the start with its
//! name, for detectors built on damaged state would be wrong in silence.

use rusqlite::{Connection, OptionalExtension as _};

use crate::alerts::Alert;
use crate::clock::Timestamp;
use crate::telemetry::{StreamId, StreamName};

use super::alert_rows::CLOSED;
use super::error::damaged;
use super::{Accounting, Recovered, Store, StoreError, StreamPosition, posture_rows, state_rows};

impl Store {
    /// Returns what the newest committed epoch holds; `keep_closed_since` bounds the alerts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] names the row that is damaged.
    pub fn recover(&mut self, keep_closed_since: Timestamp) -> Result<Recovered, StoreError> {
        // One read transaction, so that all of it is of one epoch.
        let reading = self.connection.transaction()?;
        Ok(Recovered {
            streams: streams(&reading)?,
            positions: positions(&reading)?,
            shards: state_rows::recover(&reading)?,
            values: state_rows::recover_values(&reading)?,
            alerts: alerts(&reading, keep_closed_since)?,
            posture: posture_rows::recover(&reading)?,
            accounting: accounting(&reading)?,
        })
    }
}

fn streams(connection: &Connection) -> Result<Vec<Option<StreamName>>, StoreError> {
    let mut select = connection.prepare("SELECT id, source, topic, partition FROM streams ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut streams = Vec::new();
    while let Some(row) = rows.next()? {
        let id: usize = row.get::<_, u32>(0)? as usize;
        if id != streams.len() {
            return Err(damaged("the table of streams", format!("number {} is missing", streams.len())));
        }
        let name = StreamName { source: row.get(1)?, topic: row.get(2)?, partition: row.get(3)? };
        streams.push(Some(name).filter(|name| !name.source.is_empty()));
    }
    Ok(streams)
}

fn positions(connection: &Connection) -> Result<Vec<StreamPosition>, StoreError> {
    let mut select = connection.prepare("SELECT stream, resume, absorbed FROM positions ORDER BY stream")?;
    let rows = select.query_map([], |row| {
        Ok(StreamPosition { stream: StreamId(row.get(0)?), resume: row.get(1)?, absorbed: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn alerts(connection: &Connection, keep_closed_since: Timestamp) -> Result<Vec<Alert>, StoreError> {
    let mut select = connection.prepare(
        "SELECT id, alert FROM alerts INDEXED BY alerts_unclosed WHERE state < 2
         UNION ALL
         SELECT id, alert FROM alerts INDEXED BY alerts_by_time WHERE last_seen >= ?1 AND state = ?2",
    )?;
    let mut rows = select.query([keep_closed_since.nanos(), CLOSED])?;
    let mut alerts: Vec<Alert> = Vec::new();
    while let Some(row) = rows.next()? {
        alerts.push(alert(row)?);
    }
    alerts.sort_unstable_by_key(|alert| (alert.opened_at, alert.id));
    Ok(alerts)
}

/// Reads `id, alert`.
pub(super) fn alert(row: &rusqlite::Row<'_>) -> Result<Alert, StoreError> {
    let json = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    serde_json::from_str(json)
        .map_err(|error| damaged(&format!("alert {}", row.get::<_, String>(0).unwrap_or_default()), error))
}

pub(super) fn accounting(connection: &Connection) -> Result<Accounting, StoreError> {
    let newest: Option<String> =
        connection.query_row("SELECT accounting FROM epoch", [], |row| row.get(0)).optional()?;
    match newest {
        Some(json) => serde_json::from_str(&json).map_err(|error| damaged("the row of counters", error)),
        None => Ok(Accounting::default()),
    }
}
