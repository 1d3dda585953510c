//! What was a thing called before its key was rotated, and what is it called now?
//!
//! Filled during a rotation's overlap, with both fingerprints of what is seen. At most a million
//! links are kept; the oldest go. With a key that is destroyed its links go too, and what they were
//! written in is overwritten.

use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Transaction, params};

use crate::clock::Timestamp;

use super::{Reader, Store, StoreError};

/// Links that are kept.
pub(super) const CEILING: i64 = 1_000_000;

/// Two fingerprints of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkLine {
    /// Under the older key.
    pub older: String,
    /// Under the newer key.
    pub newer: String,
    /// When they were first seen to be one, wall time.
    pub at: Timestamp,
}

pub(super) fn append(
    transaction: &Transaction<'_>,
    links: &[(Arc<str>, Arc<str>)],
    at: Timestamp,
    ceiling: i64,
) -> Result<(), StoreError> {
    if links.is_empty() {
        return Ok(());
    }
    // Of a rotation that was given up and begun again, the newer link counts.
    let mut put = transaction.prepare_cached(
        "INSERT INTO links (older, newer, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (older) DO UPDATE SET newer = excluded.newer, at = excluded.at WHERE newer <> excluded.newer",
    )?;
    for (older, newer) in links {
        put.execute(params![&**older, &**newer, at.nanos()])?;
    }
    transaction.prepare_cached("DELETE FROM links WHERE id <= (SELECT max(id) FROM links) - ?1")?.execute([ceiling])?;
    Ok(())
}

impl Store {
    /// Returns what `older` is called under key `key`, if a rotation has linked them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn newer_name(&self, older: &str, key: &str) -> Result<Option<String>, StoreError> {
        let newer: Option<String> = self
            .connection
            .prepare_cached("SELECT newer FROM links WHERE older = ?1")?
            .query_row([older], |row| row.get(0))
            .optional()?;
        Ok(newer.filter(|newer| newer.contains(&format!(":{key}:"))))
    }

    /// Forgets the links of all keys but `keys`; returns how many. What they were written in is
    /// overwritten.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] or [`StoreError::Full`] if nothing was forgotten.
    pub fn keep_links_of(&mut self, keys: &[String]) -> Result<usize, StoreError> {
        let known = |column: &str| {
            let any: Vec<String> = (1..=keys.len()).map(|n| format!("instr({column}, ?{n}) > 0")).collect();
            if any.is_empty() { "0".to_owned() } else { any.join(" OR ") }
        };
        let sql = format!("DELETE FROM links WHERE NOT ({}) OR NOT ({})", known("older"), known("newer"));
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let marks = keys.iter().map(|key| format!(":{key}:"));
        let gone = self.connection.execute(&sql, rusqlite::params_from_iter(marks))?;
        self.connection.pragma_update(None, "secure_delete", "OFF")?;
        if gone > 0 {
            // The log holds the old pages until it is emptied.
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(gone)
    }
}

impl Reader {
    /// Returns the links that name `fingerprint` on either side, or all of them, newest first, at
    /// most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn links(&self, fingerprint: Option<&str>, limit: usize) -> Result<Vec<LinkLine>, StoreError> {
        let line = |row: &rusqlite::Row<'_>| {
            Ok(LinkLine { older: row.get(0)?, newer: row.get(1)?, at: Timestamp::from_nanos(row.get(2)?) })
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut select = self.connection.prepare_cached(match fingerprint {
            Some(_) => "SELECT older, newer, at FROM links WHERE older = ?1 OR newer = ?1 ORDER BY id DESC LIMIT ?2",
            None => "SELECT older, newer, at FROM links WHERE ?1 IS NULL ORDER BY id DESC LIMIT ?2",
        })?;
        let rows = select.query_map(params![fingerprint, limit], line)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Epoch;

    fn link(older: &str, newer: &str) -> (Arc<str>, Arc<str>) {
        (older.into(), newer.into())
    }

    fn store(links: Vec<(Arc<str>, Arc<str>)>) -> (tempfile::TempDir, Store) {
        let data = tempfile::tempdir().unwrap();
        let mut store = Store::open(data.path()).unwrap();
        store.commit(&Epoch { links, ..Epoch::default() }).unwrap();
        (data, store)
    }

    #[test]
    fn a_thing_is_found_under_either_of_its_names() {
        let (data, store) = store(vec![link("person:k1:A", "person:k2:B"), link("person:k1:C", "person:k2:D")]);
        let reader = Reader::open(data.path()).unwrap();
        for name in ["person:k1:A", "person:k2:B"] {
            let found = reader.links(Some(name), 10).unwrap();
            assert_eq!((found.len(), found[0].newer.as_str()), (1, "person:k2:B"));
        }
        assert_eq!(reader.links(None, 10).unwrap().len(), 2);
        assert_eq!(store.newer_name("person:k1:A", "k2").unwrap().as_deref(), Some("person:k2:B"));
        assert_eq!(store.newer_name("person:k1:A", "k3").unwrap(), None);
    }

    #[test]
    fn with_a_destroyed_key_its_links_go_and_not_a_byte_of_them_stays() {
        let (data, mut store) = store(vec![link("person:k1:GONEGONE", "person:k2:B"), link("jwt:k2:E", "jwt:k3:F")]);
        assert_eq!(store.keep_links_of(&["k2".to_owned(), "k3".to_owned()]).unwrap(), 1);
        let left = Reader::open(data.path()).unwrap().links(None, 10).unwrap();
        assert_eq!((left.len(), left[0].older.as_str()), (1, "jwt:k2:E"));
        for file in std::fs::read_dir(data.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(memchr::memmem::find(&bytes, b"GONEGONE").is_none());
        }
    }

    #[test]
    fn the_oldest_links_give_way() {
        let (data, mut store) = store(Vec::new());
        let links: Vec<_> = (0..20).map(|n| link(&format!("jwt:k1:{n}"), &format!("jwt:k2:{n}"))).collect();
        let transaction = store.connection.transaction().unwrap();
        append(&transaction, &links, Timestamp::MIN, 5).unwrap();
        append(&transaction, &links[19..], Timestamp::MIN, 5).unwrap();
        transaction.commit().unwrap();
        let left = Reader::open(data.path()).unwrap().links(None, 10).unwrap();
        assert_eq!((left.len(), left[0].older.as_str()), (5, "jwt:k1:19"));
    }
}
