//! How is the state of detectors kept, and how is damage noticed?
//!
//! One row a shard and epoch: what changed, or the whole, which deletes the rows before it. The
//! checksum covers the row's place as well as its bytes and the numbers of a shard have no gap,
//! so a row that is changed, moved or missing is found before anything is built on it.
//! The rows of a shard are as many as the epochs since its last whole state.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};

use super::error::damaged;
use super::{ShardBytes, StoreError};

/// The components whose state the store keeps.
pub const COMPONENTS: [&str; 2] = ["engine", "duplicates"];

pub(super) fn append(transaction: &Transaction<'_>, shards: &[ShardBytes]) -> Result<(), StoreError> {
    let mut last =
        transaction.prepare_cached("SELECT coalesce(max(seq), 0) FROM state WHERE component = ?1 AND shard = ?2")?;
    let mut delete =
        transaction.prepare_cached("DELETE FROM state WHERE component = ?1 AND shard = ?2 AND seq <= ?3")?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO state (component, shard, seq, whole, crc32, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for ShardBytes { component, shard, whole, bytes } in shards {
        if !COMPONENTS.contains(component) {
            return Err(StoreError::Failed(format!(
                "the store keeps no state for a component {component}: add it to store::COMPONENTS"
            )));
        }
        let seq: i64 = last.query_row(params![component, shard], |row| row.get(0))?;
        if *whole {
            delete.execute(params![component, shard, seq])?;
        }
        let sum = checksum(component, *shard, seq + 1, *whole, bytes);
        insert.execute(params![component, shard, seq + 1, whole, sum, bytes])?;
    }
    Ok(())
}

pub(super) fn recover(connection: &Connection) -> Result<Vec<ShardBytes>, StoreError> {
    let mut select = connection
        .prepare("SELECT component, shard, seq, whole, crc32, bytes FROM state ORDER BY component, shard, seq")?;
    let mut rows = select.query([])?;
    let mut shards: Vec<ShardBytes> = Vec::new();
    let mut last = 0;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let (shard, seq, whole): (u8, i64, bool) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let bytes: Vec<u8> = row.get(5)?;
        let this = || format!("the state of {name}, shard {shard}, change {seq}");
        let Some(component) = COMPONENTS.into_iter().find(|known| *known == name) else {
            return Err(damaged(&this(), "no such component"));
        };
        if row.get::<_, u32>(4)? != checksum(component, shard, seq, whole, &bytes) {
            return Err(damaged(&this(), "its checksum is wrong"));
        }
        let follows = shards.last().is_some_and(|before| (before.component, before.shard) == (component, shard));
        let first = whole || seq == 1;
        if if follows { whole || seq != last + 1 } else { !first } {
            return Err(damaged(&this(), "the change before it is missing"));
        }
        last = seq;
        shards.push(ShardBytes { component, shard, whole, bytes });
    }
    Ok(shards)
}

pub(super) fn put_values(transaction: &Transaction<'_>, values: &[(&str, Vec<u8>)]) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO pipeline_values (name, crc32, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET crc32 = excluded.crc32, bytes = excluded.bytes",
    )?;
    for (name, bytes) in values {
        put.execute(params![name, crc32fast::hash(bytes), bytes])?;
    }
    Ok(())
}

pub(super) fn recover_values(connection: &Connection) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let mut select = connection.prepare("SELECT name, crc32, bytes FROM pipeline_values")?;
    let mut rows = select.query([])?;
    let mut values = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (name, bytes): (String, Vec<u8>) = (row.get(0)?, row.get(2)?);
        if row.get::<_, u32>(1)? != crc32fast::hash(&bytes) {
            return Err(damaged(&format!("the value {name}"), "its checksum is wrong"));
        }
        values.insert(name, bytes);
    }
    Ok(values)
}

fn checksum(component: &str, shard: u8, seq: i64, whole: bool, bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(component.as_bytes());
    sum.update(&[shard, u8::from(whole)]);
    sum.update(&seq.to_le_bytes());
    sum.update(bytes);
    sum.finalize()
}
