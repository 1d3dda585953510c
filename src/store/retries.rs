//! Which dead letters are to be tried again, and what became of them?
//!
//! A queue in the store: people and commands put letters into it beside the one who writes
//! epochs, the daemon takes them up as if they were a partition, now or after its next start. The
//! outcome is part of an epoch, so a letter that decodes counts exactly once whatever happens.
//! The queue names letters and holds no bytes; a letter stands in it once.

use std::path::Path;

use rusqlite::{Transaction, TransactionBehavior, params, params_from_iter};

use crate::clock::Timestamp;

use super::dead_letters::Kept;
use super::folder::DATABASE;
use super::letters::{FROM, LetterQuery, filter};
use super::reader::whole;
use super::{LETTER_BYTES, Origin, Retried, Store, StoreError, schema};

/// A dead letter to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedLetter {
    /// Its place in the queue: ever greater, never used twice.
    pub queue: i64,
    /// When it became a dead letter, wall time.
    pub at: Timestamp,
    /// Its bytes, redacted and whole.
    pub bytes: Vec<u8>,
}

/// What became of a wish to try dead letters again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Letters that wait now because of this wish.
    pub queued: u64,
    /// Letters that waited already.
    pub waited: u64,
    /// Letters that can't be tried again, for not all of them is kept.
    pub incomplete: u64,
}

/// Puts those of the dead letters that `query` names into the queue that can be tried again, and
/// records that `who` asked. May be called beside a running daemon; `query`'s limit does not count.
///
/// # Errors
///
/// [`StoreError::Unusable`] if there is no store, or one of another version.
pub fn ask_to_retry(data: &Path, query: &LetterQuery, who: &str, at: Timestamp) -> Result<Asked, StoreError> {
    ask_to_retry_from(data, query, who, at, &Origin::default())
}

/// As [`ask_to_retry`], for somebody who asks from elsewhere.
///
/// # Errors
///
/// [`StoreError::Unusable`] if there is no store, or one of another version.
pub fn ask_to_retry_from(
    data: &Path,
    query: &LetterQuery,
    who: &str,
    at: Timestamp,
    from: &Origin,
) -> Result<Asked, StoreError> {
    let mut connection = schema::open_to_ask(&data.join(DATABASE))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (conditions, values) = filter(query);
    let count = |extra: &str| -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {FROM}{conditions}{extra}");
        let found: i64 = transaction.query_row(&sql, params_from_iter(&values), |row| row.get(0))?;
        Ok(found.cast_unsigned())
    };
    let whole_letter = format!("(d.size <= {LETTER_BYTES} AND length(d.bytes) > 0)");
    let waited = count(" AND r.id IS NOT NULL")?;
    let incomplete = count(&format!(" AND r.id IS NULL AND NOT {whole_letter}"))?;
    let queued = transaction.execute(
        &format!(
            "INSERT INTO retries (letter)
             SELECT d.id FROM {FROM}{conditions} AND r.id IS NULL AND {whole_letter} ORDER BY d.id"
        ),
        params_from_iter(&values),
    )? as u64;
    if queued > 0 {
        let did = format!("asked to try {queued} dead letters again");
        transaction.execute(
            "INSERT INTO audit (at, who, did, alert, command, address, agent) VALUES (?1, ?2, ?3, '', '{}', ?4, ?5)",
            params![at.nanos(), who, did, from.address, from.agent],
        )?;
    }
    transaction.commit()?;
    Ok(Asked { queued, waited, incomplete })
}

impl Store {
    /// Returns the letters in the queue from number `from` on, at most `limit`: those that wait,
    /// and those that were decoded but may have signals that wait.
    ///
    /// # Errors
    ///
    /// What SQLite says.
    pub fn queued_letters(&self, from: i64, limit: usize) -> Result<Vec<QueuedLetter>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT r.id, d.at, d.bytes FROM retries AS r JOIN dead_letters AS d ON d.id = r.letter
             WHERE r.id >= ?1 ORDER BY r.id LIMIT ?2",
        )?;
        let rows = select.query_map(params![from, whole(limit)], |row| {
            Ok(QueuedLetter { queue: row.get(0)?, at: Timestamp::from_nanos(row.get(1)?), bytes: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Records what became of letters that were tried again, and lets go what was decoded and of which
/// nothing waits: all below `done`. Returns what is kept then.
pub(super) fn settle(
    transaction: &Transaction<'_>,
    retried: &[Retried],
    done: i64,
    at: Timestamp,
    mut kept: Kept,
) -> Result<Kept, StoreError> {
    for Retried { queue, failed } in retried {
        let Some(reason) = failed else {
            transaction.prepare_cached("UPDATE retries SET outcome = 1 WHERE id = ?1")?.execute([queue])?;
            continue;
        };
        transaction
            .prepare_cached(
                "UPDATE dead_letters SET reason = ?2, tried = ?3 WHERE id = (SELECT letter FROM retries WHERE id = ?1)",
            )?
            .execute(params![queue, reason, at.nanos()])?;
        transaction.prepare_cached("DELETE FROM retries WHERE id = ?1")?.execute([queue])?;
    }
    if done == 0 {
        return Ok(kept);
    }
    let mut decoded = transaction.prepare_cached(
        "SELECT r.id, d.id, length(d.bytes) FROM retries AS r JOIN dead_letters AS d ON d.id = r.letter
         WHERE r.outcome = 1 AND r.id < ?1",
    )?;
    let rows = decoded.query_map([done], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(i64, i64, i64)> = rows.collect::<Result<_, _>>()?;
    for (queue, letter, length) in rows {
        transaction.prepare_cached("DELETE FROM dead_letters WHERE id = ?1")?.execute([letter])?;
        transaction.prepare_cached("DELETE FROM retries WHERE id = ?1")?.execute([queue])?;
        kept.count = kept.count.saturating_sub(1);
        kept.bytes = kept.bytes.saturating_sub(length.cast_unsigned());
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Epoch, MayRetry, NewDeadLetter, Reader};
    use crate::telemetry::{Position, StreamId, StreamName};

    struct Home {
        folder: tempfile::TempDir,
        store: Store,
    }

    /// A store with a broken letter, one that was cut and one of which nothing was kept.
    fn home() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let letter = |offset, reason, bytes: &[u8], size| {
            let position = Position { stream: StreamId(0), offset, index: 0 };
            NewDeadLetter { position, reason, bytes: bytes.to_vec(), size }
        };
        let name = StreamName { source: "hub".into(), topic: "logs".into(), partition: 1 };
        let dead_letters =
            vec![letter(1, "not_json", b"{x", 2), letter(2, "not_json", b"{y", 20_000), letter(3, "panicked", b"", 9)];
        let streams = vec![(StreamId(0), name)];
        store.commit(&Epoch { at: at(5), streams, dead_letters, ..Epoch::default() }).unwrap();
        Home { folder, store }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    impl Home {
        fn ask(&self) -> Asked {
            ask_to_retry(self.folder.path(), &LetterQuery::default(), "dana", at(6)).unwrap()
        }

        fn settle(&mut self, failed: Option<&'static str>, done: i64) {
            let retried = vec![Retried { queue: 1, failed }];
            self.store.commit(&Epoch { at: at(9), retried, retries_done: done, ..Epoch::default() }).unwrap();
        }

        fn shown(&self, query: LetterQuery) -> Vec<(i64, String, MayRetry)> {
            let letters = Reader::open(self.folder.path()).unwrap().dead_letters(&LetterQuery { limit: 9, ..query });
            let shown = letters.unwrap().into_iter();
            shown.map(|letter| (letter.id, letter.reason.clone(), letter.may_retry())).collect()
        }
    }

    #[test]
    fn only_whole_letters_are_queued_and_each_once() {
        let home = home();
        assert_eq!(home.ask(), Asked { queued: 1, waited: 0, incomplete: 2 });
        assert_eq!(home.ask(), Asked { queued: 0, waited: 1, incomplete: 2 });
        let may: Vec<_> = home.shown(LetterQuery::default()).into_iter().map(|(_, _, may)| may).collect();
        assert_eq!(may, [MayRetry::Nothing, MayRetry::Cut, MayRetry::Waits]);
        let queued = home.store.queued_letters(0, 9).unwrap();
        assert_eq!(queued, [QueuedLetter { queue: 1, at: at(5), bytes: b"{x".to_vec() }]);
        let audit = Reader::open(home.folder.path()).unwrap().audit(9).unwrap();
        assert_eq!((audit.len(), &*audit[0].did), (1, "asked to try 1 dead letters again"));
    }

    #[test]
    fn a_letter_that_fails_again_stays_with_its_newer_reason_and_may_be_tried_once_more() {
        let mut home = home();
        home.ask();
        home.settle(Some("too_deep"), 2);
        let query = LetterQuery { reason: Some("too_deep".into()), ..LetterQuery::default() };
        assert_eq!(home.shown(query), [(1, "too_deep".into(), MayRetry::Yes)]);
        let reader = Reader::open(home.folder.path()).unwrap();
        assert_eq!(reader.failed_again(at(8)).unwrap(), [("too_deep".into(), 1)]);
        assert_eq!(home.ask().queued, 1);
        assert_eq!(home.store.queued_letters(0, 9).unwrap()[0].queue, 2, "a number is never used twice");
    }

    #[test]
    fn a_letter_that_decodes_is_gone_at_once_for_people_and_kept_while_something_of_it_waits() {
        let mut home = home();
        home.ask();
        home.settle(None, 1);
        assert_eq!(home.shown(LetterQuery::default()).len(), 2);
        assert_eq!(home.store.queued_letters(0, 9).unwrap().len(), 1, "a restart reads it again");
        home.settle(None, 2);
        assert_eq!(home.store.queued_letters(0, 9).unwrap().len(), 0);
        let kept: i64 =
            home.store.connection.query_row("SELECT count(*) FROM dead_letters", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 2);
    }

    #[test]
    fn lists_are_narrowed_by_source_time_and_cursor() {
        let home = home();
        let ids = |query| home.shown(query).into_iter().map(|(id, ..)| id).collect::<Vec<_>>();
        assert_eq!(ids(LetterQuery { source: Some("hub".into()), ..LetterQuery::default() }), [3, 2, 1]);
        assert!(ids(LetterQuery { source: Some("x' OR 1=1 --".into()), ..LetterQuery::default() }).is_empty());
        assert!(ids(LetterQuery { since: Some(at(6)), ..LetterQuery::default() }).is_empty());
        assert_eq!(ids(LetterQuery { before: Some(3), ..LetterQuery::default() }), [2, 1]);
        assert_eq!(ids(LetterQuery { ids: vec![1, 3, 99], ..LetterQuery::default() }), [3, 1]);
    }

    #[test]
    fn a_store_of_the_first_schema_keeps_its_letters() {
        let folder = tempfile::tempdir().unwrap();
        let db = rusqlite::Connection::open(folder.path().join(DATABASE)).unwrap();
        db.execute_batch(include_str!("migrations/0001_first.sql")).unwrap();
        db.execute_batch(
            "PRAGMA application_id = 0x47574348; PRAGMA user_version = 1;
             INSERT INTO dead_letters (stream, offset, place, reason, at, bytes) VALUES
             (0, 1, 0, 'cut_off', 7, x'7b'), (0, 2, 0, 'cut_off', 7, zeroblob(16384))",
        )
        .unwrap();
        drop(db);
        drop(Store::open(folder.path()).unwrap());
        let letters = Reader::open(folder.path()).unwrap();
        let letters = letters.dead_letters(&LetterQuery { limit: 9, ..LetterQuery::default() }).unwrap();
        let shown: Vec<_> = letters.iter().map(|letter| (letter.id, letter.may_retry(), &*letter.from)).collect();
        let first = (1, MayRetry::Yes, "stream 0, offset 1, record 0");
        assert_eq!(shown, [(2, MayRetry::Cut, "stream 0, offset 2, record 0"), first]);
    }
}
