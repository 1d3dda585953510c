//! Which records could not be decoded?
//!
//! The newest 100,000, or as many as make 256 MiB; older ones are let go in the transaction that
//! goes over. A record that is read again after a crash is one dead letter.

use rusqlite::{Connection, Transaction, params};

use crate::clock::Timestamp;

use super::{NewDeadLetter, StoreError};

/// How many dead letters are kept, and of how many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub count: u64,
    pub bytes: u64,
}

pub(super) const CEILING: Kept = Kept { count: 100_000, bytes: 256 << 20 };

/// Counts what is kept; once, when the store is opened.
pub(super) fn count(connection: &Connection) -> Result<Kept, StoreError> {
    let sum = "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM dead_letters";
    let (count, bytes): (i64, i64) = connection.query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Kept { count: count.cast_unsigned(), bytes: bytes.cast_unsigned() })
}

/// Adds dead letters and lets the oldest go beyond `ceiling`; returns what is kept then.
pub(super) fn append(
    transaction: &Transaction<'_>,
    letters: &[NewDeadLetter],
    at: Timestamp,
    mut kept: Kept,
    ceiling: Kept,
) -> Result<Kept, StoreError> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO dead_letters (stream, offset, place, reason, at, size, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (stream, offset, place) DO NOTHING",
    )?;
    for NewDeadLetter { position, reason, bytes, size } in letters {
        let place = (position.stream.0, position.offset, position.index);
        let added = insert.execute(params![place.0, place.1, place.2, reason, at.nanos(), size, bytes])?;
        if added > 0 {
            kept.count += 1;
            kept.bytes += bytes.len() as u64;
        }
    }
    if kept.count > ceiling.count || kept.bytes > ceiling.bytes {
        kept = let_go(transaction, kept, ceiling)?;
    }
    Ok(kept)
}

fn let_go(transaction: &Transaction<'_>, mut kept: Kept, ceiling: Kept) -> Result<Kept, StoreError> {
    let mut oldest = transaction.prepare_cached("SELECT id, length(bytes) FROM dead_letters ORDER BY id")?;
    let mut rows = oldest.query([])?;
    let mut last = 0;
    while kept.count > ceiling.count || kept.bytes > ceiling.bytes {
        let Some(row) = rows.next()? else { break };
        last = row.get(0)?;
        kept.count = kept.count.saturating_sub(1);
        kept.bytes = kept.bytes.saturating_sub(row.get::<_, i64>(1)?.cast_unsigned());
    }
    transaction.prepare_cached("DELETE FROM dead_letters WHERE id <= ?1")?.execute([last])?;
    transaction.prepare_cached("DELETE FROM retries WHERE letter <= ?1")?.execute([last])?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Position, StreamId};

    fn letter(offset: i64, size: usize) -> NewDeadLetter {
        let position = Position { stream: StreamId(0), offset, index: 0 };
        NewDeadLetter { position, reason: "json", bytes: vec![b'x'; size], size: size as u32 }
    }

    fn offsets_kept(ceiling: Kept, letters: &[NewDeadLetter]) -> Vec<i64> {
        let folder = tempfile::tempdir().unwrap();
        let mut db = super::super::schema::open_to_write(&folder.path().join("db")).unwrap();
        let mut kept = count(&db).unwrap();
        for letter in letters {
            let transaction = db.transaction().unwrap();
            kept = append(&transaction, std::slice::from_ref(letter), Timestamp::MIN, kept, ceiling).unwrap();
            transaction.commit().unwrap();
        }
        let recounted = count(&db).unwrap();
        assert_eq!((kept.count, kept.bytes), (recounted.count, recounted.bytes));
        let mut select = db.prepare("SELECT offset FROM dead_letters ORDER BY id").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn the_oldest_dead_letters_go_first_by_number_and_by_size() {
        let letters: Vec<_> = (1..=5).map(|offset| letter(offset, 100)).collect();
        assert_eq!(offsets_kept(Kept { count: 3, bytes: 10_000 }, &letters), [3, 4, 5]);
        assert_eq!(offsets_kept(Kept { count: 100, bytes: 250 }, &letters), [4, 5]);
    }

    #[test]
    fn a_record_read_twice_is_one_dead_letter() {
        assert_eq!(offsets_kept(CEILING, &[letter(1, 10), letter(1, 10)]), [1]);
    }
}
