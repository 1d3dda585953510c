//! Who did what, from where, and what was it before and after?
//!
//! The audit is written with the epoch that makes a deed durable; what people do at the door (they
//! come in, go, or are refused) changes no alert and is written beside it. Lines are never changed,
//! and forgotten by age alone. An address and an agent are as the dashboard knows them: empty for
//! what this machine's commands and the daemon itself do.

use std::path::Path;

use rusqlite::{Transaction, params};
use serde::Serialize;
use serde_json::Value;

use super::activity::state_name;
use super::folder::DATABASE;
use super::reader::whole;
use super::{AuditEntry, Epoch, Reader, StoreError, schema};
use crate::alerts::AlertId;
use crate::clock::Timestamp;

/// From where somebody does something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address, as far as it can be believed.
    pub address: String,
    /// What their program calls itself, cut.
    pub agent: String,
}

/// One line of the audit, whole.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Audited {
    /// Its number: lines are in this order.
    pub id: i64,
    /// When, wall time.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What.
    pub did: String,
    /// From which address.
    pub address: String,
    /// With which program.
    pub agent: String,
    /// With which alert, if it was one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub alert: String,
    /// State, assignee and class before it, if it changed an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// State, assignee and class after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// What was wanted, in full.
    pub with: Value,
}

/// Writes one line.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    epoch: &Epoch,
    (at, who): (Timestamp, &str),
    (did, alert, with): (&str, &str, &str),
) -> Result<(), StoreError> {
    let from = epoch.origins.iter().find(|(by, when, _)| by == who && *when == at);
    let none = Origin::default();
    let Origin { address, agent } = from.map_or(&none, |(_, _, origin)| origin);
    put(transaction, (at, who), (did, alert, with), (address, agent))
}

pub(super) fn put(
    transaction: &Transaction<'_>,
    (at, who): (Timestamp, &str),
    (did, alert, with): (&str, &str, &str),
    (address, agent): (&str, &str),
) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO audit (at, who, did, alert, command, address, agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![at.nanos(), who, did, alert, with, address, agent])?;
    Ok(())
}

/// Writes a line of what somebody did at the door. May be called beside a running daemon.
///
/// # Errors
///
/// [`StoreError::Unusable`] if there is no store, or one of another version.
pub fn note(data: &Path, entry: &AuditEntry, origin: &Origin) -> Result<(), StoreError> {
    let mut connection = schema::open_to_ask(&data.join(DATABASE))?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    put(&transaction, (entry.at, &entry.who), (entry.did, "", &entry.with), (&origin.address, &origin.agent))?;
    transaction.commit()?;
    Ok(())
}

/// Returns what was wanted with alerts as everything else names them: the journal has the number, which is beyond what
/// many programs' numbers hold.
fn named(mut with: Value) -> Value {
    let id = |number: &Value| number.as_u64().map(|id| Value::from(AlertId(id).to_string()));
    match &mut with {
        Value::Object(members) => {
            for (name, value) in members {
                let own = if name == "alert" { id(value) } else { None };
                *value = own.unwrap_or_else(|| named(value.take()));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = named(item.take())),
        _ => {}
    }
    with
}

impl Reader {
    /// Returns lines of the audit with a number above `after`, oldest first, `limit` at most.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn audited(&self, after: i64, limit: usize) -> Result<Vec<Audited>, StoreError> {
        // The line of the alert's activity that the same deed left.
        let mut select = self.connection.prepare_cached(
            "SELECT a.id, a.at, a.who, a.did, a.alert, a.command, a.address, a.agent,
                    b.from_state, b.from_assignee, b.from_class, b.to_state, b.to_assignee, b.to_class
             FROM audit AS a LEFT JOIN activity AS b ON b.id =
                 (SELECT id FROM activity WHERE alert = a.alert AND a.alert <> '' AND who = a.who AND did = a.did
                  AND at >= a.at ORDER BY id LIMIT 1)
             WHERE a.id > ?1 ORDER BY a.id LIMIT ?2",
        )?;
        let rows = select.query_map(params![after, whole(limit)], |row| {
            let seen = |state: usize| -> rusqlite::Result<Option<Value>> {
                let Some(number) = row.get::<_, Option<i64>>(state)? else { return Ok(None) };
                let (assignee, class): (Option<String>, Option<String>) = (row.get(state + 1)?, row.get(state + 2)?);
                Ok(Some(serde_json::json!({"state": state_name(number), "assignee": assignee, "class": class})))
            };
            let with: String = row.get(5)?;
            Ok(Audited {
                id: row.get(0)?,
                at: Timestamp::from_nanos(row.get(1)?),
                who: row.get(2)?,
                did: row.get(3)?,
                address: row.get(6)?,
                agent: row.get(7)?,
                alert: row.get(4)?,
                before: seen(8)?,
                after: seen(11)?,
                with: serde_json::from_str(&with).map_or(Value::String(with), named),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns the newest lines of the audit, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn audit(&self, limit: usize) -> Result<Vec<Audited>, StoreError> {
        let mut lines = self.audited(self.audited_before(limit)?, limit)?;
        lines.reverse();
        Ok(lines)
    }

    /// Returns the number below which `count` of the newest lines do not lie.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn audited_before(&self, count: usize) -> Result<i64, StoreError> {
        let id = self.connection.query_row(
            "SELECT coalesce(min(id) - 1, 0) FROM (SELECT id FROM audit ORDER BY id DESC LIMIT ?1)",
            [whole(count)],
            |row| row.get(0),
        )?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::{AlertId, Command};
    use crate::store::Store;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    fn origin() -> Origin {
        Origin { address: "203.0.113.7".into(), agent: "Mozilla/5.0".into() }
    }

    #[test]
    fn a_deed_s_line_says_from_where_it_came_and_the_daemon_s_own_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let done = |by: &str| Command::Acknowledge { alert: AlertId(7), by: by.into(), at: AT };
        let epoch = Epoch {
            commands: vec![done("dana"), done("eli")],
            origins: vec![("dana".into(), AT, origin())],
            ..Epoch::default()
        };
        store.commit(&epoch).unwrap();
        let lines = Reader::open(folder.path()).unwrap().audited(0, 10).unwrap();
        let shown: Vec<_> = lines.iter().map(|line| (&*line.who, &*line.did, &*line.address, &*line.agent)).collect();
        assert_eq!(shown, [("dana", "acknowledged", "203.0.113.7", "Mozilla/5.0"), ("eli", "acknowledged", "", "")]);
    }

    #[test]
    fn an_alert_in_what_was_wanted_is_named_by_its_digits_also_in_old_lines() {
        let with = serde_json::json!({"close": {"alert": 0x3f9a_0011_2233_4455_u64, "by": "dana", "at": 7}});
        let shown = serde_json::json!({"close": {"alert": "3f9a001122334455", "by": "dana", "at": 7}});
        assert_eq!((named(with), named(shown.clone())), (shown.clone(), shown));
        assert_eq!(named(serde_json::json!(["token", {"alert": null}])), serde_json::json!(["token", {"alert": null}]));
    }

    #[test]
    fn what_happens_at_the_door_is_written_beside_a_running_daemon_and_no_line_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let entry = AuditEntry { at: AT, who: "dana".into(), did: "signed in", with: "{\"way\":\"token\"}".into() };
        note(folder.path(), &entry, &origin()).unwrap();
        let reader = Reader::open(folder.path()).unwrap();
        let [line] = &reader.audited(0, 10).unwrap()[..] else { panic!("one line") };
        assert_eq!((&*line.did, &line.with["way"], &line.before), ("signed in", &Value::from("token"), &None));
        assert_eq!((reader.audited_before(10).unwrap(), reader.audited(line.id, 10).unwrap().len()), (0, 0));
        let refused = store.connection.execute("UPDATE audit SET who = 'eli'", []).unwrap_err().to_string();
        assert!(refused.contains("the audit only grows"), "{refused}");
    }
}
