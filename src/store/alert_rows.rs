//! How are alerts kept so that lists of them are quick, and what is told of their past?
//!
//! An alert is one row: its JSON, and beside it the columns that lists filter and sort by. Its
//! words go to a full-text index, rewritten only when they change. An older revision never
//! replaces a newer one. A history keeps its opening and its newest 1,000 lines.

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::alerts::{Alert, AlertState, Change, Closing, Level, Transition};
use crate::clock::Timestamp;

use super::StoreError;
use super::activity::{self, Before};
use super::changes;

const HISTORY_LINES: i64 = 1_000;

/// Upserts the alert as it is after `transition`, and adds a line to its history.
pub(super) fn put(transaction: &Transaction<'_>, transition: &Transition, at: Timestamp) -> Result<(), StoreError> {
    let alert = transition.alert();
    let id = alert.id.to_string();
    let text = words(alert);
    let sum = crc32fast::hash(text.as_bytes());
    let known = transaction
        .prepare_cached("SELECT words, revision, state, assignee, class FROM alerts WHERE id = ?1")?
        .query_row([&id], |row| {
            let before = Before { state: row.get(2)?, assignee: row.get(3)?, class: row.get(4)? };
            Ok(((row.get(0)?, row.get(1)?), before))
        })
        .optional()?;
    let (known, before): (Option<(u32, u32)>, Option<Before>) = known.unzip();
    if known.is_none_or(|(_, revision)| revision <= alert.revision) {
        let row = upsert(transaction, alert, &id, at, sum)?;
        if known.is_none_or(|(old, _)| old != sum) {
            if known.is_some() {
                transaction.prepare_cached("DELETE FROM alert_words WHERE rowid = ?1")?.execute([row])?;
            }
            index_words(transaction, row, &text)?;
        }
        activity::put(transaction, transition, before.as_ref(), at)?;
    }
    changes::put(transaction, (&id, alert.revision), at, &says(transition))?;
    changes::forget(transaction, alert.id, (2, i64::from(alert.revision) - HISTORY_LINES))
}

fn index_words(transaction: &Transaction<'_>, row: i64, text: &str) -> Result<(), StoreError> {
    transaction.prepare_cached("INSERT INTO alert_words (rowid, text) VALUES (?1, ?2)")?.execute(params![row, text])?;
    Ok(())
}

/// Fills the empty full-text index with the words of every alert, a thousand alerts at a time. What can't be read
/// has none: the start names it.
pub(super) fn index_all_words(transaction: &Transaction<'_>) -> Result<(), StoreError> {
    let mut select =
        transaction.prepare("SELECT rowid, alert FROM alerts WHERE rowid > ?1 ORDER BY rowid LIMIT 1000")?;
    let mut sum = transaction.prepare("UPDATE alerts SET words = ?2 WHERE rowid = ?1")?;
    let mut last = i64::MIN;
    loop {
        let rows = select.query_map([last], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
        let Some((newest, _)) = rows.last() else { return Ok(()) };
        last = *newest;
        for (row, json) in rows {
            if let Ok(alert) = serde_json::from_str(&json) {
                let text = words(&alert);
                index_words(transaction, row, &text)?;
                sum.execute(params![row, crc32fast::hash(text.as_bytes())])?;
            }
        }
    }
}

/// Writes the alert, and returns the number of its row.
fn upsert(
    transaction: &Transaction<'_>,
    alert: &Alert,
    id: &str,
    at: Timestamp,
    words: u32,
) -> Result<i64, StoreError> {
    let json = serde_json::to_string(alert)
        .map_err(|error| StoreError::Failed(format!("alert {id} can't be written as JSON ({error})")))?;
    let row = transaction
        .prepare_cached(
            "INSERT INTO alerts (id, fingerprint, revision, state, level, family, app, detector, entity_kind, entity,
                                 opened_at, last_seen, changed_at, words, alert, assignee, class)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT (id) DO UPDATE SET
                 fingerprint = excluded.fingerprint, revision = excluded.revision, state = excluded.state,
                 level = excluded.level, family = excluded.family, app = excluded.app, detector = excluded.detector,
                 entity_kind = excluded.entity_kind, entity = excluded.entity, opened_at = excluded.opened_at,
                 last_seen = excluded.last_seen, changed_at = excluded.changed_at, words = excluded.words,
                 alert = excluded.alert, assignee = excluded.assignee, class = excluded.class
             RETURNING rowid",
        )?
        .query_row(
            params![
                id,
                alert.fingerprint.cast_signed(),
                alert.revision,
                state_number(alert.state),
                level_number(alert.level),
                alert.family.name(),
                alert.app.as_deref(),
                &*alert.detector,
                alert.entity.kind.name(),
                &*alert.entity.value,
                alert.opened_at.nanos(),
                alert.last_seen.nanos(),
                at.nanos(),
                words,
                json,
                alert.assignee,
                activity::class_column(alert),
            ],
            |row| row.get(0),
        )?;
    Ok(row)
}

/// Returns what a search for an alert looks through.
fn words(alert: &Alert) -> String {
    let Alert { id, title, why, detector, entity, .. } = alert;
    let mut words = format!("{title}\n{why}\n{detector}\n{} {}\n{}\n{id}", entity.kind, entity.value, entity.sayable());
    for member in alert.also() {
        words.extend(["\n", &member.title, "\n", &member.detector]);
    }
    words
}

/// Says what happened, for the alert's history.
fn says(transition: &Transition) -> String {
    match transition {
        Transition::Opened(_) => "opened".into(),
        Transition::Updated(alert, Change::Raised { from }) => {
            format!("raised from {from} to {} by {}", alert.level, alert.detector)
        }
        Transition::Updated(_, Change::Joined { detector }) => format!("also seen by {detector}"),
        Transition::Updated(_, change) => match change.told() {
            (did, None, None) => did.into(),
            (did, None, Some((_, words))) => format!("{did}: {words}"),
            (did, Some(by), None) => format!("{did} by {by}"),
            (did, Some(by), Some(("to", to))) => format!("{did} to {to} by {by}"),
            (did, Some(by), Some((_, words))) => format!("{did} by {by}: {words}"),
        },
        Transition::Closed(_, Closing::Quiet) => "closed: quiet".into(),
        Transition::Closed(_, Closing::Healed) => "closed: it is as it should be again".into(),
        Transition::Closed(_, Closing::Gone) => "closed: it is not there any more".into(),
        Transition::Closed(_, Closing::Resumed) => "closed: it speaks again".into(),
        Transition::Closed(_, Closing::ByPerson { by, reason, .. }) if reason.is_empty() => format!("closed by {by}"),
        Transition::Closed(_, Closing::ByPerson { by, reason, .. }) => format!("closed by {by}: {reason}"),
    }
}

/// The number of the closed state; all smaller ones are not closed.
pub(super) const CLOSED: i64 = 2;

pub(super) const fn state_number(state: AlertState) -> i64 {
    match state {
        AlertState::Open => 0,
        AlertState::Acknowledged => 1,
        AlertState::Closed => CLOSED,
    }
}

/// Returns the number by which levels compare; High is 3, as an index of the schema knows.
pub(super) const fn level_number(level: Level) -> i64 {
    match level {
        Level::Informational => 0,
        Level::Low => 1,
        Level::Medium => 2,
        Level::High => 3,
        Level::Critical => 4,
    }
}
