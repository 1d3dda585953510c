//! How does an epoch become durable?
//!
//! In one SQLite transaction on the one writing connection, with statements that were prepared
//! before. After an error nothing of the epoch is there, and the same epoch may be tried again.

use std::path::Path;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::dead_letters::{self, Kept};
use super::folder::Folder;
use super::{
    Epoch, StoreError, alert_rows, audit, bulks, key_usage, links, outbox, posture_rows, retries, schema, silence_rows,
    state_rows,
};

/// The one writing connection; dropping it gives the data folder free.
#[derive(Debug)]
pub struct Store {
    // Closed before the folder's lock is released: fields drop in this order.
    pub(super) connection: Connection,
    dead_letters: Kept,
    _folder: Folder,
}

impl Store {
    /// Opens (or creates) the store in folder `data` and takes its lock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] for a network file system, a foreign or newer schema, a lock
    /// that another process holds, or a folder that can't be written.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let folder = Folder::take(data)?;
        let connection = schema::open_to_write(&folder.database)?;
        let dead_letters = dead_letters::count(&connection)?;
        Ok(Self { connection, dead_letters, _folder: folder })
    }

    /// Makes `epoch` durable in one transaction; after an error nothing of it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Full`] where the same epoch may be committed again once there is room.
    pub fn commit(&mut self, epoch: &Epoch) -> Result<(), StoreError> {
        let kept = self.dead_letters;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Dropped on an error, the transaction is rolled back.
        let kept = write(&transaction, epoch, kept)?;
        transaction.commit()?;
        self.dead_letters = kept;
        Ok(())
    }
}

fn write(transaction: &Transaction<'_>, epoch: &Epoch, kept: Kept) -> Result<Kept, StoreError> {
    put_streams(transaction, epoch)?;
    put_positions(transaction, epoch)?;
    forget(transaction, epoch)?;
    state_rows::append(transaction, &epoch.shards)?;
    state_rows::put_values(transaction, &epoch.values)?;
    for (transition, at) in &epoch.transitions {
        alert_rows::put(transaction, transition, *at)?;
    }
    outbox::enqueue(transaction, &epoch.outbox)?;
    put_journal(transaction, epoch)?;
    bulks::put(transaction, epoch)?;
    silence_rows::put(transaction, epoch)?;
    let kept = dead_letters::append(transaction, &epoch.dead_letters, epoch.at, kept, dead_letters::CEILING)?;
    let kept = retries::settle(transaction, &epoch.retried, epoch.retries_done, epoch.at, kept)?;
    links::append(transaction, &epoch.links, epoch.at, links::CEILING)?;
    posture_rows::append(transaction, &epoch.posture)?;
    key_usage::append(transaction, &epoch.key_usage, key_usage::CEILINGS)?;
    let accounting = serde_json::to_string(&epoch.accounting)
        .map_err(|error| StoreError::Failed(format!("the counters can't be written as JSON ({error})")))?;
    transaction
        .prepare_cached(
            "INSERT INTO epoch (id, number, at, accounting) VALUES (1, 1, ?1, ?2)
             ON CONFLICT (id) DO UPDATE SET number = number + 1, at = excluded.at, accounting = excluded.accounting",
        )?
        .execute(params![epoch.at.nanos(), accounting])?;
    Ok(kept)
}

fn put_streams(transaction: &Transaction<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO streams (id, source, topic, partition) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    let mut same = transaction.prepare_cached(
        "SELECT count(*) FROM streams WHERE id = ?1 AND source = ?2 AND topic = ?3 AND partition = ?4",
    )?;
    for (id, name) in &epoch.streams {
        let row = params![id.0, name.source, name.topic, name.partition];
        if insert.execute(row)? == 0 && same.query_row(row, |row| row.get::<_, i64>(0))? == 0 {
            return Err(StoreError::Failed(format!(
                "stream number {} can't be {name}: that number or that name is taken in the store",
                id.0
            )));
        }
    }
    Ok(())
}

fn put_positions(transaction: &Transaction<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO positions (stream, resume, absorbed) VALUES (?1, ?2, ?3)
         ON CONFLICT (stream) DO UPDATE SET resume = excluded.resume, absorbed = excluded.absorbed",
    )?;
    for position in &epoch.positions {
        put.execute(params![position.stream.0, position.resume, position.absorbed]).map_err(|error| {
            match error.sqlite_error_code() {
                Some(rusqlite::ErrorCode::ConstraintViolation) => StoreError::Failed(format!(
                    "a position of stream number {} came before its name",
                    position.stream.0
                )),
                _ => error.into(),
            }
        })?;
    }
    Ok(())
}

/// Takes the names away and keeps the numbers, so that none is given twice.
fn forget(transaction: &Transaction<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    for stream in &epoch.forgotten {
        transaction.prepare_cached("DELETE FROM positions WHERE stream = ?1")?.execute([stream.0])?;
        transaction
            .prepare_cached("UPDATE streams SET source = '', topic = '', partition = id WHERE id = ?1")?
            .execute([stream.0])?;
    }
    Ok(())
}

fn put_journal(transaction: &Transaction<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    for command in &epoch.commands {
        let json = serde_json::to_string(command)
            .map_err(|error| StoreError::Failed(format!("a command can't be written as JSON ({error})")))?;
        let alert = command.alert().to_string();
        audit::insert(transaction, epoch, (command.at(), command.by()), (command.did(), &alert, &json))?;
    }
    for reload in &epoch.reloads {
        let json = serde_json::to_string(reload)
            .map_err(|error| StoreError::Failed(format!("a reload can't be written as JSON ({error})")))?;
        audit::insert(transaction, epoch, (reload.at, "gatewatch"), ("reloaded", "", &json))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::{ShardBytes, StreamPosition};
    use crate::telemetry::{StreamId, StreamName};

    fn state(byte: u8, size: usize) -> Epoch {
        let shard = ShardBytes { component: "engine", shard: 0, whole: true, bytes: vec![byte; size] };
        Epoch { shards: vec![shard], ..Epoch::default() }
    }

    #[test]
    fn a_program_that_holds_the_store_is_waited_for_and_the_epoch_goes_in_once_it_is_gone() {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        store.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let other = Connection::open(data.path().join("gatewatch.db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let refused = store.commit(&state(1, 10)).unwrap_err();
        assert!(matches!(refused, StoreError::Busy(_)), "{refused}");
        other.execute_batch("ROLLBACK").unwrap();
        store.commit(&state(1, 10)).unwrap();
        assert_eq!(store.recover(Timestamp::MIN).unwrap().shards, state(1, 10).shards);
    }

    #[test]
    fn a_full_disk_loses_nothing_and_the_epoch_goes_in_once_there_is_room() {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        store.commit(&state(1, 10)).unwrap();
        let pages: i64 = store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        let limit = |store: &Store, pages: i64| {
            store.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        limit(&store, pages + 2);
        let refused = store.commit(&state(2, 1 << 20)).unwrap_err();
        assert!(matches!(refused, StoreError::Full(_)), "{refused}");
        assert_eq!(store.recover(Timestamp::MIN).unwrap().shards, state(1, 10).shards);
        limit(&store, 1 << 20);
        store.commit(&state(2, 1 << 20)).unwrap();
        assert_eq!(store.recover(Timestamp::MIN).unwrap().shards, state(2, 1 << 20).shards);
    }

    #[test]
    fn a_damaged_state_row_stops_the_start_and_is_named() {
        for damage in [
            "UPDATE state SET bytes = zeroblob(length(bytes))",
            "UPDATE state SET shard = 9",
            "UPDATE state SET whole = 0",
            "DELETE FROM state WHERE seq = 2",
        ] {
            let data = tempfile::tempdir().unwrap();
            let mut store = Store::open(data.path()).unwrap();
            store.commit(&state(1, 10)).unwrap();
            for byte in 2..4 {
                let mut change = state(byte, 10);
                change.shards[0].whole = false;
                store.commit(&change).unwrap();
            }
            assert_eq!(store.recover(Timestamp::MIN).unwrap().shards.len(), 3);
            store.connection.execute(damage, []).unwrap();
            let refused = store.recover(Timestamp::MIN).unwrap_err().to_string();
            assert!(refused.contains("the state of engine, shard "), "{refused}");
            assert!(refused.contains("restore a backup"), "{refused}");
        }
    }

    #[test]
    fn a_stream_keeps_its_number_for_ever() {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        let name = |topic: &str| StreamName { source: "k".into(), topic: topic.into(), partition: 0 };
        let naming = |id, topic| Epoch { streams: vec![(StreamId(id), name(topic))], ..Epoch::default() };
        store.commit(&naming(0, "logs")).unwrap();
        store.commit(&naming(0, "logs")).unwrap();
        assert!(store.commit(&naming(0, "other")).is_err());
        assert!(store.commit(&naming(1, "logs")).is_err());
        assert_eq!(store.recover(Timestamp::MIN).unwrap().streams, [Some(name("logs"))]);
    }

    #[test]
    fn a_stream_that_is_forgotten_leaves_its_number_behind() {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        let name = |topic: &str| StreamName { source: "k".into(), topic: topic.into(), partition: 0 };
        let streams = vec![(StreamId(0), name("a")), (StreamId(1), name("b")), (StreamId(2), name("c"))];
        let at = |n| StreamPosition { stream: StreamId(n), resume: 5, absorbed: 5 };
        store.commit(&Epoch { streams, positions: (0..3).map(at).collect(), ..Epoch::default() }).unwrap();
        store.commit(&Epoch { forgotten: vec![StreamId(0), StreamId(2)], ..Epoch::default() }).unwrap();
        let kept = store.recover(Timestamp::MIN).unwrap();
        assert_eq!((kept.streams, kept.positions), (vec![None, Some(name("b")), None], vec![at(1)]));
        let again = vec![(StreamId(3), name("a"))];
        store.commit(&Epoch { streams: again, positions: vec![at(3)], ..Epoch::default() }).unwrap();
        assert_eq!(store.recover(Timestamp::MIN).unwrap().streams.len(), 4);
    }
}
