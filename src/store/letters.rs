//! Which records could not be decoded, for people who look at them?
//!
//! Lists go by cursor, newest first, and never touch the bytes of what they pass over. A letter
//! that was tried again and decoded is not shown any more, though it is kept until nothing of it
//! waits.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use crate::clock::Timestamp;
use crate::telemetry::{StreamName, UndecodableReason};

use super::reader::whole;
use super::{LETTER_BYTES, Reader, StoreError};

/// Letters that one question may name.
const MAX_IDS: usize = 1_000;

/// A record that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// Where it came from, as people read it.
    pub from: String,
    /// Where it came from; `None` if the stream has no name.
    pub stream: Option<StreamName>,
    /// The offset of its message.
    pub offset: i64,
    /// Its place in its message.
    pub place: u32,
    /// Why, one word.
    pub reason: String,
    /// When it was recorded, wall time.
    pub at: Timestamp,
    /// When it was last tried again, and failed.
    pub tried: Option<Timestamp>,
    /// Whether it waits to be tried again.
    pub waits: bool,
    /// How many bytes it had before it was cut.
    pub size: u64,
    /// Its bytes, redacted, cut after 16 KiB.
    pub bytes: Vec<u8>,
}

/// Whether a dead letter can be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MayRetry {
    /// It can.
    Yes,
    /// It waits for that already.
    Waits,
    /// It was larger than what is kept, so the end is missing.
    Cut,
    /// Nothing of it was kept.
    Nothing,
}

impl MayRetry {
    /// Returns one sentence for people.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Yes => "It can be tried again.",
            Self::Waits => "It waits to be tried again.",
            Self::Cut => {
                "It can't be tried again: only its first 16 KiB are kept. `gatewatch replay` reads it from an archive."
            }
            Self::Nothing => "It can't be tried again: nothing of it is kept.",
        }
    }
}

impl DeadLetter {
    /// Tells whether it can be tried again.
    pub fn may_retry(&self) -> MayRetry {
        match self {
            _ if self.waits => MayRetry::Waits,
            _ if self.bytes.is_empty() => MayRetry::Nothing,
            _ if self.is_cut() => MayRetry::Cut,
            _ => MayRetry::Yes,
        }
    }

    /// Tells whether its end is missing.
    pub fn is_cut(&self) -> bool {
        self.size > LETTER_BYTES as u64
    }

    /// Returns one sentence for people on what its reason means and what to do.
    pub fn says(&self) -> &'static str {
        says(&self.reason)
    }
}

/// Returns one sentence for people on what `reason` means and what to do.
fn says(reason: &str) -> &'static str {
    match reason {
        "panicked" => {
            "Gatewatch itself failed on this message, which is a fault of ours: please report it. The others were read."
        }
        "from_the_future" => {
            "Its time is more than an hour ahead of our clock. Mend the sender's clock or ours, then try it again."
        }
        _ => UndecodableReason::ALL
            .into_iter()
            .find(|known| known.name() == reason)
            .map_or("The record could not be decoded.", UndecodableReason::says),
    }
}

/// Which dead letters, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterQuery {
    /// Only these, by number; empty: all. Those beyond the first thousand are passed over.
    pub ids: Vec<i64>,
    /// Only those with this reason.
    pub reason: Option<String>,
    /// Only those of the source with this name.
    pub source: Option<String>,
    /// Only those recorded at or after this (wall time).
    pub since: Option<Timestamp>,
    /// Only those that come after this one in the order: a cursor.
    pub before: Option<i64>,
    /// At most this many.
    pub limit: usize,
}

/// Tables that [`filter`] speaks of; a letter that was decoded is left out.
pub(super) const FROM: &str = "dead_letters AS d LEFT JOIN streams AS s ON s.id = d.stream
    LEFT JOIN retries AS r ON r.letter = d.id WHERE (r.outcome IS NULL OR r.outcome = 0)";

/// Returns the conditions of `query`, each beginning with `AND`, and their values.
pub(super) fn filter(query: &LetterQuery) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (String::new(), Vec::new());
    let narrow = [
        (" AND d.reason = ?", query.reason.clone().map(Value::Text)),
        (" AND s.source = ?", query.source.clone().map(Value::Text)),
        (" AND d.at >= ?", query.since.map(|since| Value::Integer(since.nanos()))),
        (" AND d.id < ?", query.before.map(Value::Integer)),
    ];
    for (condition, value) in narrow {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    }
    if !query.ids.is_empty() {
        // Numbers, so nothing in them needs quoting.
        let list: Vec<String> = query.ids.iter().take(MAX_IDS).map(ToString::to_string).collect();
        sql.push_str(" AND d.id IN (");
        sql.push_str(&list.join(","));
        sql.push(')');
    }
    (sql, values)
}

impl Reader {
    /// Returns dead letters, newest first.
    pub fn dead_letters(&self, query: &LetterQuery) -> Result<Vec<DeadLetter>, StoreError> {
        let (conditions, mut values) = filter(query);
        values.push(Value::Integer(whole(query.limit)));
        let mut select = self.connection.prepare_cached(&format!(
            "SELECT d.id, s.source, s.topic, s.partition, d.stream, d.offset, d.place, d.reason, d.at, d.tried,
                    r.outcome IS NOT NULL, d.size, d.bytes
             FROM {FROM}{conditions} ORDER BY d.id DESC LIMIT ?"
        ))?;
        let rows = select.query_map(params_from_iter(values), letter)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how many dead letters are kept by reason, the most first.
    pub fn dead_letters_by_reason(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT reason, count(*) FROM dead_letters GROUP BY reason ORDER BY 2 DESC")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Returns how many dead letters wait to be tried again.
    pub fn retries_waiting(&self) -> Result<u64, StoreError> {
        let mut select = self.connection.prepare_cached("SELECT count(*) FROM retries WHERE outcome = 0")?;
        Ok(select.query_row([], |row| row.get::<_, i64>(0))?.cast_unsigned())
    }

    /// Returns how many dead letters were tried again at or after `since` and failed, by reason.
    pub fn failed_again(&self, since: Timestamp) -> Result<Vec<(String, u64)>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT reason, count(*) FROM dead_letters WHERE tried >= ?1 GROUP BY reason ORDER BY 2 DESC",
        )?;
        let rows = select.query_map([since.nanos()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let (offset, place): (i64, u32) = (row.get(5)?, row.get(6)?);
    let source: Option<String> = row.get(1)?;
    let stream = match source {
        Some(source) => Some(StreamName { source, topic: row.get(2)?, partition: row.get(3)? }),
        None => None,
    };
    let named = match &stream {
        Some(name) => name.to_string(),
        None => format!("stream {}", row.get::<_, i64>(4)?),
    };
    Ok(DeadLetter {
        id: row.get(0)?,
        from: format!("{named}, offset {offset}, record {place}"),
        stream,
        offset,
        place,
        reason: row.get(7)?,
        at: Timestamp::from_nanos(row.get(8)?),
        tried: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_nanos),
        waits: row.get(10)?,
        size: row.get::<_, i64>(11)?.cast_unsigned(),
        bytes: row.get(12)?,
    })
}
