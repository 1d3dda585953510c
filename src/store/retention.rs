//! What is let go, and when?
//!
//! Closed alerts after some days, settled deliveries sooner, the audit and callers of keys last; open alerts never.
//! One call lets at most 500 alerts and 2,000 rows of each other kind go, so that it does not hold
//! an epoch up for long; the pipeline calls it every 15 seconds. The file does not shrink: what is
//! freed is used again.

use std::collections::BTreeSet;

use rusqlite::{Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::outbox::{REFUSED, make_ready};
use super::{Store, StoreError, bulks, changes, key_usage, silence_rows};

const AT_ONCE: i64 = 2_000;
/// With an alert go its words, history, activity and marks: each costs some ten rows.
const ALERTS_AT_ONCE: i64 = 500;
/// Days for which a caller of a key is kept at least: so far back may be asked whether a key is quiet, and who was
/// forgotten meanwhile would be taken for quiet.
const CALLERS_DAYS: u32 = 31;
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// How long the store keeps what is over: the section `[store]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Days for which a closed alert and its history are kept after its last change.
    pub keep_closed_alerts_days: u32,
    /// Closed alerts kept at most; beyond it those go first that changed longest ago.
    pub max_closed_alerts: u32,
    /// Days for which a delivery that was made or refused is kept.
    pub keep_deliveries_days: u32,
    /// Deliveries of one sink that may wait; beyond it the oldest are given up and counted.
    pub max_waiting_deliveries: u32,
    /// Days for which the record of who did what is kept, and who used which key (31 days at least).
    pub keep_audit_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep_closed_alerts_days: 90,
            max_closed_alerts: 1_000_000,
            keep_deliveries_days: 14,
            max_waiting_deliveries: 1_000_000,
            keep_audit_days: 400,
        }
    }
}

/// What one call let go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Closed alerts, with their history.
    pub alerts: usize,
    /// Deliveries that were settled.
    pub deliveries: usize,
    /// Deliveries that waited beyond the ceiling: given up, shown as refused.
    pub given_up: usize,
    /// Lines of the audit.
    pub audit: usize,
}

impl Store {
    /// Lets go what `settings` no longer keep at `now` (wall time), at most 500 alerts and 2,000 rows of
    /// each other kind.
    pub fn prune(&mut self, settings: &Settings, now: Timestamp) -> Result<Pruned, StoreError> {
        let before = |days: u32| now.minus(DAY * days).nanos();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let pruned = Pruned {
            alerts: alerts(&transaction, before(settings.keep_closed_alerts_days), settings.max_closed_alerts)?,
            deliveries: transaction.execute(
                "DELETE FROM outbox WHERE id IN
                     (SELECT id FROM outbox WHERE outcome > 0 AND settled_at < ?1 ORDER BY settled_at LIMIT ?2)",
                params![before(settings.keep_deliveries_days), AT_ONCE],
            )?,
            given_up: give_up(&transaction, settings.max_waiting_deliveries, now)?,
            audit: transaction.execute(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?2) AND at < ?1",
                params![before(settings.keep_audit_days), AT_ONCE],
            )?,
        };
        bulks::prune(&transaction, now)?;
        silence_rows::prune(&transaction, now)?;
        key_usage::forget_before(&transaction, before(settings.keep_audit_days.max(CALLERS_DAYS)), AT_ONCE)?;
        transaction.commit()?;
        Ok(pruned)
    }
}

fn alerts(transaction: &Transaction<'_>, before: i64, most: u32) -> Result<usize, StoreError> {
    let closed: i64 = transaction.query_row("SELECT count(*) FROM alerts WHERE state = 2", [], |row| row.get(0))?;
    let beyond = closed - i64::from(most);
    let oldest = "SELECT rowid, id, changed_at FROM alerts WHERE state = 2 ORDER BY changed_at LIMIT ?1";
    let mut select = transaction.prepare_cached(oldest)?;
    let mut rows = select.query([ALERTS_AT_ONCE])?;
    let mut gone = 0;
    while let Some(row) = rows.next()? {
        let (number, id, changed_at): (i64, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if changed_at >= before && i64::try_from(gone).unwrap_or(i64::MAX) >= beyond {
            break;
        }
        transaction.prepare_cached("DELETE FROM alerts WHERE rowid = ?1")?.execute([number])?;
        transaction.prepare_cached("DELETE FROM alert_words WHERE rowid = ?1")?.execute([number])?;
        if let Ok(id) = id.parse() {
            changes::forget(transaction, id, (0, i64::MAX))?;
        }
        transaction.prepare_cached("DELETE FROM activity WHERE alert = ?1")?.execute([&id])?;
        transaction.prepare_cached("DELETE FROM mutes WHERE alert = ?1")?.execute([&id])?;
        gone += 1;
    }
    Ok(gone)
}

fn give_up(transaction: &Transaction<'_>, most: u32, now: Timestamp) -> Result<usize, StoreError> {
    let crowded = "SELECT sink, count(*) FROM outbox WHERE outcome = 0 GROUP BY sink HAVING count(*) > ?1";
    let mut select = transaction.prepare(crowded)?;
    let sinks: Vec<(String, i64)> =
        select.query_map([most], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut given_up = 0;
    for (sink, waiting) in sinks {
        let mut oldest = transaction.prepare_cached(
            "UPDATE outbox SET outcome = ?1, settled_at = ?2, note = 'given up: too many deliveries wait for this sink'
             WHERE id IN (SELECT id FROM outbox INDEXED BY outbox_oldest
                          WHERE sink = ?3 AND outcome = 0 ORDER BY id LIMIT ?4)
             RETURNING alert",
        )?;
        let most = (waiting - i64::from(most)).min(AT_ONCE);
        let rows = oldest.query_map(params![REFUSED, now.nanos(), sink, most], |row| row.get(0))?;
        let alerts: Vec<String> = rows.collect::<Result<_, _>>()?;
        given_up += alerts.len();
        for alert in alerts.into_iter().collect::<BTreeSet<_>>() {
            make_ready(transaction, &sink, &alert)?;
        }
    }
    Ok(given_up)
}
