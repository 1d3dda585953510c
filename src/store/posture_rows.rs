//! How is what was observed kept, and what has changed?
//!
//! As bytes that the threat model reads: the store knows no more of them than their keys. Of changes the
//! newest 10,000 are kept; rows of what was observed are as many as its own ceilings allow.

use rusqlite::{Connection, Transaction, params};

use super::{Reader, StoreError};

/// Changes kept.
const MAX_DRIFTS: i64 = 10_000;

/// What an epoch says of the threat model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostureRows {
    /// What was observed: a sort, a key and bytes; one without bytes is let go.
    pub rows: Vec<(u8, String, Vec<u8>)>,
    /// What has changed, the newest last.
    pub drifts: Vec<Vec<u8>>,
}

pub(super) fn append(transaction: &Transaction<'_>, posture: &PostureRows) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO posture (sort, key, value) VALUES (?1, ?2, ?3)
         ON CONFLICT (sort, key) DO UPDATE SET value = excluded.value",
    )?;
    let mut delete = transaction.prepare_cached("DELETE FROM posture WHERE sort = ?1 AND key = ?2")?;
    for (sort, key, value) in &posture.rows {
        if value.is_empty() {
            delete.execute(params![sort, key])?;
        } else {
            put.execute(params![sort, key, value])?;
        }
    }
    if posture.drifts.is_empty() {
        return Ok(());
    }
    let mut insert = transaction.prepare_cached("INSERT INTO drifts (value) VALUES (?1)")?;
    for drift in &posture.drifts {
        insert.execute([drift])?;
    }
    transaction
        .prepare_cached("DELETE FROM drifts WHERE id <= (SELECT max(id) FROM drifts) - ?1")?
        .execute([MAX_DRIFTS])?;
    Ok(())
}

impl Reader {
    /// Returns the rows of what was observed.
    ///
    /// # Errors
    ///
    /// Says why they can't be read.
    pub fn observed(&self) -> Result<Vec<(u8, String, Vec<u8>)>, StoreError> {
        Ok(recover(&self.connection)?.rows)
    }
}

pub(super) fn recover(connection: &Connection) -> Result<PostureRows, StoreError> {
    let mut select = connection.prepare("SELECT sort, key, value FROM posture ORDER BY sort, key")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows = rows.collect::<Result<_, _>>()?;
    let mut select = connection.prepare("SELECT value FROM drifts ORDER BY id")?;
    let drifts = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(PostureRows { rows, drifts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::store::{Epoch, Store};

    #[test]
    fn a_restart_gets_back_what_was_observed_and_the_newest_changes() {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        let row = |key: &str, byte: u8| (0, key.to_owned(), vec![byte]);
        let first = PostureRows { rows: vec![row("a", 1), row("b", 1)], drifts: vec![vec![1], vec![2]] };
        store.commit(&Epoch { posture: first, ..Epoch::default() }).unwrap();
        let next = PostureRows { rows: vec![row("a", 2), (0, "b".into(), Vec::new())], drifts: vec![vec![3]] };
        store.commit(&Epoch { posture: next, ..Epoch::default() }).unwrap();
        let kept = store.recover(Timestamp::MIN).unwrap().posture;
        assert_eq!(kept, PostureRows { rows: vec![row("a", 2)], drifts: vec![vec![1], vec![2], vec![3]] });
        let many = PostureRows { rows: Vec::new(), drifts: vec![vec![9]; 10_000] };
        store.commit(&Epoch { posture: many, ..Epoch::default() }).unwrap();
        assert_eq!(store.recover(Timestamp::MIN).unwrap().posture.drifts, vec![vec![9]; 10_000]);
    }
}
