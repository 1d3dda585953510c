//! Which deliveries are due, and what became of them?
//!
//! Rows enter with their epoch and are settled one by one afterwards. Settling does not wait for
//! the disk: a settlement that a power cut takes back is a delivery made twice, which its
//! idempotency key allows; the next epoch makes it durable. A sink gets one revision of an alert
//! at a time: the oldest that is not settled is `ready`, and those behind it cost nothing however
//! many they are. Waiting rows have a ceiling, see [`super::Settings`].

use rusqlite::{Connection, OptionalExtension as _, ToSql, Transaction, params};

use crate::clock::Timestamp;

use super::{Attempt, Delivery, Store, StoreError};

pub(super) const WAITING: i64 = 0;
pub(super) const DELIVERED: i64 = 1;
pub(super) const REFUSED: i64 = 2;

const DUE: &str = "SELECT id, sink, key, payload, attempts, due FROM outbox INDEXED BY outbox_due
     WHERE sink = ?1 AND outcome = 0 AND ready = 1 AND due <= ?2 ORDER BY due, id LIMIT ?3";

pub(super) fn enqueue(transaction: &Transaction<'_>, deliveries: &[Delivery]) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO outbox (sink, key, alert, revision, payload, attempts, due) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (sink, key) DO NOTHING",
    )?;
    let mut none_ready = transaction.prepare_cached(
        "SELECT count(*) = 0 FROM outbox INDEXED BY outbox_blocking
         WHERE sink = ?1 AND alert = ?2 AND outcome = 0 AND revision < ?3",
    )?;
    let mut is_about = transaction.prepare_cached("INSERT INTO outbox_about (delivery, alert) VALUES (?1, ?2)")?;
    for Delivery { sink, key, payload, attempts, due, about, .. } in deliveries {
        let (alert, revision) = alert_and_revision(key);
        let fresh = insert.execute(params![sink, key, alert, revision, payload, attempts, due.nanos()])? > 0;
        if fresh && none_ready.query_row(params![sink, alert, revision], |row| row.get(0))? {
            make_ready(transaction, sink, alert)?;
            hold_back(transaction, sink, alert, revision)?;
        }
        if fresh && !about.is_empty() {
            let delivery = transaction
                .prepare_cached("SELECT id FROM outbox WHERE sink = ?1 AND key = ?2")?
                .query_row([sink, key], |row| row.get::<_, i64>(0))?;
            for alert in about {
                is_about.execute(params![delivery, alert])?;
            }
        }
    }
    Ok(())
}

/// Lets the oldest revision of `alert` that is not settled be delivered to `sink`.
pub(super) fn make_ready(connection: &Connection, sink: &str, alert: &str) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE outbox SET ready = 1 WHERE id =
             (SELECT id FROM outbox INDEXED BY outbox_blocking
              WHERE sink = ?1 AND alert = ?2 AND outcome = 0 ORDER BY revision LIMIT 1)",
    )?;
    update.execute([sink, alert])?;
    Ok(())
}

/// Lets the revision that comes after `revision` wait for it.
fn hold_back(connection: &Connection, sink: &str, alert: &str, revision: i64) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE outbox SET ready = 0 WHERE id =
             (SELECT id FROM outbox INDEXED BY outbox_blocking
              WHERE sink = ?1 AND alert = ?2 AND outcome = 0 AND revision > ?3 ORDER BY revision LIMIT 1)",
    )?;
    update.execute(params![sink, alert, revision])?;
    Ok(())
}

/// Splits an idempotency key; one that is not of an alert is its own, and has one revision.
fn alert_and_revision(key: &str) -> (&str, i64) {
    let parts = key.rsplit_once(':').and_then(|(alert, revision)| Some((alert, revision.parse().ok()?)));
    parts.unwrap_or((key, 0))
}

impl Store {
    /// Returns up to `limit` deliveries for `sink` that are due at `now`, those first that fell
    /// due first; of each alert only the oldest revision that is not settled.
    pub fn due(&mut self, sink: &str, now: Timestamp, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        let mut select = self.connection.prepare_cached(DUE)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = select.query_map(params![sink, now.nanos(), limit], delivery)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Makes due at `now` what waits for `sink` and would only be due after `beyond`: a clock that went ahead is to
    /// hold up nothing.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn hasten(&mut self, sink: &str, now: Timestamp, beyond: Timestamp) -> Result<(), StoreError> {
        let mut update = self.connection.prepare_cached(
            "UPDATE outbox INDEXED BY outbox_oldest SET due = ?2 WHERE sink = ?1 AND outcome = 0 AND due > ?3",
        )?;
        update.execute(params![sink, now.nanos(), beyond.nanos()])?;
        Ok(())
    }

    /// Records that delivery `id` arrived (`Ok`, with a short note such as the status), failed
    /// and is due again at the given time, or was refused for good (`None`).
    ///
    /// Does not wait for the disk: after a power cut it may be as if this had not been called.
    pub fn settle(
        &mut self,
        id: i64,
        outcome: Result<&str, (&str, Option<Timestamp>)>,
        attempt: Attempt,
    ) -> Result<(), StoreError> {
        let (outcome, note, due) = match outcome {
            Ok(note) => (DELIVERED, note, None),
            Err((note, None)) => (REFUSED, note, None),
            Err((note, Some(due))) => (WAITING, note, Some(due)),
        };
        let settled = due.is_none().then_some(attempt.at.nanos());
        let took = i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX);
        self.connection.pragma_update(None, "synchronous", "NORMAL")?;
        let row = params![id, outcome, short(note), due.map(Timestamp::nanos), settled, attempt.at.nanos(), took];
        let done = settle(&mut self.connection, row, due.is_none());
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        done
    }
}

fn settle(connection: &mut Connection, row: &[&dyn ToSql], over: bool) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    let settled: Option<(String, String)> = transaction
        .prepare_cached(
            "UPDATE outbox SET outcome = ?2, note = ?3, due = coalesce(?4, due), settled_at = ?5, tried_at = ?6, took = ?7,
                 attempts = attempts + 1
             WHERE id = ?1 AND outcome = 0 RETURNING sink, alert",
        )?
        .query_row(row, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((sink, alert)) = settled.filter(|_| over) {
        make_ready(&transaction, &sink, &alert)?;
    }
    Ok(transaction.commit()?)
}

/// Cuts a note after 300 characters.
fn short(note: &str) -> &str {
    note.char_indices().nth(300).and_then(|(end, _)| note.get(..end)).unwrap_or(note)
}

/// Reads `id, sink, key, payload, attempts, due`.
pub(super) fn delivery(row: &rusqlite::Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        sink: row.get(1)?,
        key: row.get(2)?,
        payload: row.get(3)?,
        attempts: row.get(4)?,
        due: Timestamp::from_nanos(row.get(5)?),
        about: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::{Epoch, Settings};

    fn revisions(alert: &str, of: std::ops::Range<u32>) -> Vec<Delivery> {
        let one = |n| Delivery::new("hook", &format!("{alert}:{n}"), String::new(), Timestamp::from_seconds(10));
        of.map(one).collect()
    }

    fn tried(at: i64) -> Attempt {
        Attempt { at: Timestamp::from_seconds(at), took: std::time::Duration::from_millis(12) }
    }

    fn due(store: &mut Store, at: i64) -> Vec<String> {
        let due = store.due("hook", Timestamp::from_seconds(at), 100).unwrap();
        due.into_iter().map(|one| one.key).collect()
    }

    #[test]
    fn what_waits_behind_a_delivery_that_failed_costs_nothing() {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(home.path()).unwrap();
        store.commit(&Epoch { outbox: revisions("a", 1..5_000), ..Epoch::default() }).unwrap();
        let first = store.due("hook", Timestamp::from_seconds(20), 9).unwrap().remove(0);
        let again = Timestamp::from_seconds(600);
        store.settle(first.id, Err(("503", Some(again))), tried(20)).unwrap();
        assert_eq!(due(&mut store, 30), Vec::<String>::new());
        let mut select = store.connection.prepare(DUE).unwrap();
        let rows = select.query_map(params!["hook", Timestamp::from_seconds(30).nanos(), 8], delivery).unwrap();
        assert_eq!(rows.count(), 0);
        assert!(select.get_status(StatementStatus::VmStep) < 100, "it looks at what is not due");
        drop(select);
        assert_eq!(due(&mut store, 600), ["a:1"]);
        store.settle(first.id, Ok("200"), tried(600)).unwrap();
        assert_eq!(due(&mut store, 600), ["a:2"]);
    }

    #[test]
    fn what_is_given_up_lets_the_next_revision_through() {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(home.path()).unwrap();
        store.commit(&Epoch { outbox: revisions("a", 1..9), ..Epoch::default() }).unwrap();
        let few = Settings { max_waiting_deliveries: 3, ..Settings::default() };
        assert_eq!(store.prune(&few, Timestamp::from_seconds(20)).unwrap().given_up, 5);
        assert_eq!(due(&mut store, 20), ["a:6"]);
    }

    #[test]
    fn the_oldest_are_given_up_however_often_they_were_tried() {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(home.path()).unwrap();
        let one = |n: u32| Delivery::new("hook", &format!("a{n}:1"), String::new(), Timestamp::from_seconds(10));
        store.commit(&Epoch { outbox: (0..3).map(one).collect(), ..Epoch::default() }).unwrap();
        for failed in store.due("hook", Timestamp::from_seconds(20), 9).unwrap() {
            store.settle(failed.id, Err(("503", Some(Timestamp::from_seconds(600)))), tried(20)).unwrap();
        }
        store.commit(&Epoch { outbox: (3..6).map(one).collect(), ..Epoch::default() }).unwrap();
        let few = Settings { max_waiting_deliveries: 4, ..Settings::default() };
        assert_eq!(store.prune(&few, Timestamp::from_seconds(30)).unwrap().given_up, 2);
        assert_eq!(due(&mut store, 600), ["a3:1", "a4:1", "a5:1", "a2:1"]);
    }

    #[test]
    fn a_clock_that_went_ahead_holds_up_nothing_once_it_is_set_back() {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(home.path()).unwrap();
        let ahead = |sink: &str| Delivery::new(sink, "a:1", String::new(), Timestamp::from_seconds(90_000));
        let outbox = vec![ahead("hook"), ahead("other")];
        store.commit(&Epoch { outbox, ..Epoch::default() }).unwrap();
        let (now, hour) = (Timestamp::from_seconds(3_600), Timestamp::from_seconds(7_200));
        store.hasten("hook", now, Timestamp::from_seconds(90_000)).unwrap();
        assert_eq!(due(&mut store, 3_600), Vec::<String>::new());
        store.hasten("hook", now, hour).unwrap();
        assert_eq!(due(&mut store, 3_600), ["a:1"]);
        assert_eq!(store.due("other", now, 9).unwrap(), []);
    }

    #[test]
    fn an_older_revision_that_comes_later_goes_first() {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(home.path()).unwrap();
        for of in [5..7, 2..3] {
            store.commit(&Epoch { outbox: revisions("a", of), ..Epoch::default() }).unwrap();
        }
        assert_eq!(due(&mut store, 20), ["a:2"]);
    }

    #[test]
    fn messages_that_are_counted_from_the_clock_go_one_after_the_other() {
        let home = tempfile::tempdir().unwrap();
        let mut store = Store::open(home.path()).unwrap();
        let one = |n: u64| Delivery::new("hook", &format!("g1:{n}"), String::new(), Timestamp::from_seconds(10));
        let outbox = [7, 1_700_000_000_002, 1_700_000_000_001].map(one).to_vec();
        store.commit(&Epoch { outbox, ..Epoch::default() }).unwrap();
        assert_eq!(due(&mut store, 20), ["g1:7"]);
        let first = store.due("hook", Timestamp::from_seconds(20), 9).unwrap().remove(0);
        store.settle(first.id, Ok("200"), tried(20)).unwrap();
        assert_eq!(due(&mut store, 20), ["g1:1700000000001"]);
    }

    #[test]
    fn a_key_names_its_alert_and_revision() {
        assert_eq!(alert_and_revision("3f9a:12"), ("3f9a", 12));
        assert_eq!(alert_and_revision("heartbeat"), ("heartbeat", 0));
        assert_eq!(alert_and_revision("a:b"), ("a:b", 0));
    }
}
