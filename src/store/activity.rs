//! Who did what to an alert, when, and from what to what?
//!
//! A line for every change but further events, in the transaction that makes the change durable:
//! there is none without its line, and no line twice. Of one alert 2,000 lines are kept; beyond
//! them those go first that nobody wrote, the oldest of them before the others.

use rusqlite::{Transaction, params};

use crate::alerts::{Alert, AlertId, Change, Class, Closing, Transition};
use crate::clock::Timestamp;

use super::alert_rows::state_number;
use super::{Reader, StoreError};

const MOST_LINES: i64 = 2_000;

/// One line of what happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActivityLine {
    /// When, wall time.
    pub at: Timestamp,
    /// The alert's revision after it.
    pub revision: u32,
    /// Who; nobody for what came of itself.
    pub who: Option<String>,
    /// What: `opened`, `acknowledged`, `closed`, `noted`, …
    pub did: String,
    /// In their words: the reason or the note.
    pub says: String,
    /// State, assignee and class before; no state if that is not known, or there was none.
    pub from: (Option<&'static str>, Option<String>, Option<String>),
    /// State, assignee and class after.
    pub to: (&'static str, Option<String>, Option<String>),
}

/// What is known of an alert before a transition.
pub(super) struct Before {
    pub state: i64,
    pub assignee: Option<String>,
    pub class: Option<String>,
}

pub(super) fn put(
    transaction: &Transaction<'_>,
    transition: &Transition,
    before: Option<&Before>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some((who, did, says)) = line(transition) else { return Ok(()) };
    let alert = transition.alert();
    let id = alert.id.to_string();
    let fresh = transaction
        .prepare_cached(
            "INSERT INTO activity (alert, revision, at, who, did, says, from_state, to_state,
                                   from_assignee, to_assignee, from_class, to_class)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            id,
            alert.revision,
            at.nanos(),
            who,
            did,
            says,
            before.map(|before| before.state),
            state_number(alert.state),
            before.and_then(|before| before.assignee.as_deref()),
            alert.assignee,
            before.and_then(|before| before.class.as_deref()),
            alert.class().map(Class::name),
        ])?;
    if fresh > 0 && alert.revision.is_multiple_of(64) {
        transaction
            .prepare_cached(
                "DELETE FROM activity WHERE id IN
                     (SELECT id FROM activity WHERE alert = ?1 ORDER BY who <> '' DESC, id DESC LIMIT -1 OFFSET ?2)",
            )?
            .execute(params![id, MOST_LINES])?;
    }
    Ok(())
}

/// Returns who did what, and in which words; `None` for what is no line of its own.
fn line(transition: &Transition) -> Option<(&str, &'static str, String)> {
    let nobody = "";
    Some(match transition {
        Transition::Opened(_) => (nobody, "opened", String::new()),
        Transition::Updated(_, Change::Events) => return None,
        Transition::Updated(alert, Change::Raised { from }) => {
            (nobody, "raised", format!("from {from} to {} by {}", alert.level, alert.detector))
        }
        Transition::Updated(_, change) => {
            let (did, who, says) = change.told();
            (who.unwrap_or(nobody), did, says.map(|(_, says)| says.to_owned()).unwrap_or_default())
        }
        Transition::Closed(_, Closing::Quiet) => (nobody, "closed", "It went quiet.".into()),
        Transition::Closed(_, Closing::Healed) => (nobody, "closed", "It is as it should be again.".into()),
        Transition::Closed(_, Closing::Gone) => (nobody, "closed", "It is not there any more.".into()),
        Transition::Closed(_, Closing::Resumed) => (nobody, "closed", "It speaks again.".into()),
        Transition::Closed(_, Closing::ByPerson { by, reason, .. }) => (by, "closed", reason.clone()),
    })
}

pub(super) fn state_name(number: i64) -> &'static str {
    ["open", "acknowledged", "closed"].get(usize::try_from(number).unwrap_or(0)).copied().unwrap_or("open")
}

/// Returns what of `alert` a transition of it changes.
pub(super) fn class_column(alert: &Alert) -> Option<&'static str> {
    alert.class().map(Class::name)
}

impl Reader {
    /// Returns who did what to an alert, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn activity(&self, id: AlertId) -> Result<Vec<ActivityLine>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT at, revision, who, did, says, from_state, to_state, from_assignee, to_assignee, from_class, to_class
             FROM activity WHERE alert = ?1 ORDER BY id",
        )?;
        let rows = select.query_map([id.to_string()], |row| {
            let who: String = row.get(2)?;
            Ok(ActivityLine {
                at: Timestamp::from_nanos(row.get(0)?),
                revision: row.get(1)?,
                who: (!who.is_empty()).then_some(who),
                did: row.get(3)?,
                says: row.get(4)?,
                from: (row.get::<_, Option<i64>>(5)?.map(state_name), row.get(7)?, row.get(9)?),
                to: (state_name(row.get(6)?), row.get(8)?, row.get(10)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
