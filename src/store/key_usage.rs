//! Who uses which key, day by day?
//!
//! A key is followed once it has opened something: what is only tried, as guessed keys are, takes no room.
//! Of a key 500 callers are kept, and 200,000 over all, each with its newest 30 days. Beyond that those go
//! first that were seen on one day only, then the longest unused; that they went is kept, so that nobody takes
//! a key for unused on the strength of it. What is noted of an epoch is added in the epoch's transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::StoreError;
use super::error::damaged;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ceilings {
    /// Callers of one key.
    of_key: i64,
    /// Callers of all keys.
    callers: i64,
    /// Changes of keys, and places.
    others: i64,
}

pub(super) const CEILINGS: Ceilings = Ceilings { of_key: 500, callers: 200_000, others: 10_000 };
/// Days that are told apart of each caller.
const DAYS: usize = 30;
const NANOS_A_DAY: i64 = 86_400_000_000_000;

/// One caller of one key: who sent it, and to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyCaller {
    /// An APIM subscription id or a fingerprint.
    pub key: Arc<str>,
    /// The caller's address.
    pub address: Arc<str>,
    /// `app/function`, an app or a gateway.
    pub place: Arc<str>,
}

/// What one caller did with a key since the last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The first of it, event time.
    pub first: Timestamp,
    /// The last of it.
    pub last: Timestamp,
    /// The last time the key was not refused.
    pub accepted: Option<Timestamp>,
    /// Whether it opened something.
    pub opened: bool,
    /// Uses.
    pub used: u32,
    /// Refusals.
    pub refused: u32,
}

/// Something that was done to keys through the control plane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyChange {
    /// The app, gateway or storage account.
    pub place: Arc<str>,
    /// Which key, as far as the resource says: `functionkeys/default`, `subscriptions/shop`.
    pub what: Arc<str>,
    /// The operation.
    pub operation: Arc<str>,
    /// Who did it.
    pub by: Arc<str>,
    /// When, event time.
    pub at: Timestamp,
}

/// What an epoch adds to what is known of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyUsage {
    /// Uses by caller and day (days since 1970).
    pub uses: BTreeMap<(KeyCaller, i32), KeyUse>,
    /// What was done to keys.
    pub changes: Vec<KeyChange>,
    /// The newest event time of apps and gateways.
    pub heard: BTreeMap<Arc<str>, Timestamp>,
    /// The newest event time of all.
    pub newest: Option<Timestamp>,
    /// Uses that could not be noted, and when the last of them was.
    pub lost: (u64, Option<Timestamp>),
}

/// One day of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDay {
    /// Days since 1970.
    pub day: i32,
    /// Uses.
    pub used: u32,
    /// Refusals.
    pub refused: u32,
}

/// Returns the day of an event time, counted from 1970.
pub fn day_of(at: Timestamp) -> i32 {
    i32::try_from(at.nanos().div_euclid(NANOS_A_DAY)).unwrap_or(0)
}

pub(super) fn append(transaction: &Transaction<'_>, usage: &KeyUsage, ceilings: Ceilings) -> Result<(), StoreError> {
    let Some(newest) = usage.newest else { return Ok(()) };
    let since = usage.uses.values().map(|one| one.first).min().unwrap_or(newest).min(newest);
    let mut gone = Gone { lost: usage.lost.0, at: usage.lost.1 };
    let mut inserted = false;
    for ((caller, day), of_day) in &usage.uses {
        inserted |= add(transaction, caller, *day, of_day, ceilings, &mut gone)?;
    }
    if inserted {
        give_way(transaction, ceilings.callers, &mut gone)?;
    }
    put_others(transaction, usage, ceilings.others)?;
    transaction
        .prepare_cached(
            "INSERT INTO key_usage (id, since, newest, lost, lost_at) VALUES (1, ?4, ?1, ?2, ?3)
             ON CONFLICT (id) DO UPDATE SET newest = max(newest, excluded.newest), lost = lost + excluded.lost,
                 lost_at = CASE WHEN lost_at IS NULL OR excluded.lost_at > lost_at THEN coalesce(excluded.lost_at, lost_at)
                                ELSE lost_at END",
        )?
        .execute(params![newest.nanos(), gone.lost.cast_signed(), gone.at.map(Timestamp::nanos), since.nanos()])?;
    Ok(())
}

/// What had to give way.
struct Gone {
    lost: u64,
    at: Option<Timestamp>,
}

impl Gone {
    fn let_go(&mut self, at: i64) {
        self.lost += 1;
        self.at = self.at.max(Some(Timestamp::from_nanos(at)));
    }
}

/// Adds what a caller did on one day; tells whether it is new.
fn add(
    transaction: &Transaction<'_>,
    caller: &KeyCaller,
    day: i32,
    of_day: &KeyUse,
    ceilings: Ceilings,
    gone: &mut Gone,
) -> Result<bool, StoreError> {
    let KeyCaller { key, address, place } = caller;
    let known = transaction
        .prepare_cached(
            "SELECT first_seen, last_seen, last_accepted, days FROM key_callers
             WHERE key = ?1 AND address = ?2 AND place = ?3",
        )?
        .query_row(params![&**key, &**address, &**place], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Option<i64>>(2)?, row.get::<_, Vec<u8>>(3)?))
        })
        .optional()?;
    let is_new = known.is_none();
    if is_new && !room(transaction, key, of_day.opened, ceilings.of_key, gone)? {
        return Ok(false);
    }
    let (first, last, accepted, bytes) = known.unwrap_or((i64::MAX, i64::MIN, None, Vec::new()));
    let mut days = days(&bytes, key)?;
    match days.binary_search_by_key(&day, |known| known.day) {
        Ok(at) => {
            days[at].used = days[at].used.saturating_add(of_day.used);
            days[at].refused = days[at].refused.saturating_add(of_day.refused);
        }
        Err(at) => days.insert(at, KeyDay { day, used: of_day.used, refused: of_day.refused }),
    }
    let spare = days.len().saturating_sub(DAYS);
    days.drain(..spare);
    let bytes = postcard::to_stdvec(&days)
        .map_err(|error| StoreError::Failed(format!("the days of a key can't be written ({error})")))?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO key_callers
                 (key, address, place, first_seen, last_seen, last_accepted, several, days)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            &**key,
            &**address,
            &**place,
            first.min(of_day.first.nanos()),
            last.max(of_day.last.nanos()),
            accepted.max(of_day.accepted.map(Timestamp::nanos)),
            days.len() > 1,
            bytes,
        ])?;
    Ok(is_new)
}

/// Makes room for one more caller of `key`; tells whether it is a key that is followed.
fn room(
    transaction: &Transaction<'_>,
    key: &str,
    opened: bool,
    most: i64,
    gone: &mut Gone,
) -> Result<bool, StoreError> {
    let callers: i64 = transaction
        .prepare_cached("SELECT count(*) FROM key_callers WHERE key = ?1")?
        .query_row([key], |row| row.get(0))?;
    if callers == 0 && !opened {
        return Ok(false);
    }
    if callers >= most {
        let oldest: (String, String, i64) = transaction
            .prepare_cached(
                "SELECT address, place, last_seen FROM key_callers WHERE key = ?1
                 ORDER BY several, last_seen, address, place LIMIT 1",
            )?
            .query_row([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        transaction
            .prepare_cached("DELETE FROM key_callers WHERE key = ?1 AND address = ?2 AND place = ?3")?
            .execute(params![key, oldest.0, oldest.1])?;
        gone.let_go(oldest.2);
    }
    Ok(true)
}

/// Lets callers go beyond the ceiling, and a fiftieth more, so that it is not done again at once.
fn give_way(transaction: &Transaction<'_>, most: i64, gone: &mut Gone) -> Result<(), StoreError> {
    let callers: i64 =
        transaction.prepare_cached("SELECT count(*) FROM key_callers")?.query_row([], |row| row.get(0))?;
    if callers <= most {
        return Ok(());
    }
    let mut select = transaction.prepare_cached(
        "SELECT key, address, place, last_seen FROM key_callers
         ORDER BY several, last_seen, key, address, place LIMIT ?1",
    )?;
    let rows = select.query_map([callers - most + most / 50], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, i64>(3)?))
    })?;
    let rows: Vec<(String, String, String, i64)> = rows.collect::<Result<_, _>>()?;
    let mut delete =
        transaction.prepare_cached("DELETE FROM key_callers WHERE key = ?1 AND address = ?2 AND place = ?3")?;
    for (key, address, place, last) in rows {
        delete.execute(params![key, address, place])?;
        gone.let_go(last);
    }
    Ok(())
}

/// Forgets at most so many callers that have not been seen since `before`.
pub(super) fn forget_before(transaction: &Transaction<'_>, before: i64, most: i64) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "DELETE FROM key_callers WHERE (key, address, place) IN
                 (SELECT key, address, place FROM key_callers WHERE several IN (0, 1) AND last_seen < ?1 LIMIT ?2)",
        )?
        .execute([before, most])?;
    Ok(())
}

fn put_others(transaction: &Transaction<'_>, usage: &KeyUsage, most: i64) -> Result<(), StoreError> {
    for change in &usage.changes {
        let KeyChange { place, what, operation, by, at } = change;
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO key_changes (place, what, operation, by_whom, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![&**place, &**what, &**operation, &**by, at.nanos()])?;
    }
    if !usage.changes.is_empty() {
        transaction
            .prepare_cached("DELETE FROM key_changes WHERE id <= (SELECT max(id) FROM key_changes) - ?1")?
            .execute([most])?;
    }
    let mut put = transaction.prepare_cached(
        "INSERT INTO key_places (place, heard) VALUES (?1, ?2)
         ON CONFLICT (place) DO UPDATE SET heard = max(heard, excluded.heard)",
    )?;
    for (place, at) in &usage.heard {
        put.execute(params![&**place, at.nanos()])?;
    }
    transaction
        .prepare_cached(
            "DELETE FROM key_places WHERE place IN
                 (SELECT place FROM key_places ORDER BY heard DESC, place LIMIT -1 OFFSET ?1)",
        )?
        .execute([most])?;
    Ok(())
}

pub(super) fn days(bytes: &[u8], key: &str) -> Result<Vec<KeyDay>, StoreError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    postcard::from_bytes(bytes).map_err(|error| damaged(&format!("the days of key {key}"), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Epoch, Reader, Store};

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// One use of a key at `seconds`.
    fn used(key: &str, address: &str, seconds: i64, opened: bool) -> ((KeyCaller, i32), KeyUse) {
        let at = at(seconds);
        let caller = KeyCaller { key: key.into(), address: address.into(), place: "orders/import".into() };
        let (used, refused) = if opened { (1, 0) } else { (0, 1) };
        let accepted = opened.then_some(at);
        ((caller, day_of(at)), KeyUse { first: at, last: at, accepted, opened, used, refused })
    }

    fn epoch(uses: Vec<((KeyCaller, i32), KeyUse)>) -> Epoch {
        let newest = uses.iter().map(|(_, one)| one.last).max();
        let key_usage = KeyUsage { uses: uses.into_iter().collect(), newest, ..KeyUsage::default() };
        Epoch { key_usage, ..Epoch::default() }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).unwrap();
        (data, store)
    }

    #[test]
    fn uses_of_one_caller_add_up_over_epochs_and_days() {
        let (data, mut store) = store();
        for seconds in [10, 20, DAY + 5] {
            store.commit(&epoch(vec![used("k", "203.0.113.7", seconds, true)])).unwrap();
        }
        store.commit(&epoch(vec![used("k", "203.0.113.7", DAY + 9, false)])).unwrap();
        let lines = Reader::open(data.path()).unwrap().key_callers("k").unwrap();
        let days = vec![KeyDay { day: 0, used: 2, refused: 0 }, KeyDay { day: 1, used: 1, refused: 1 }];
        let line = &lines[0];
        assert_eq!((lines.len(), &line.days), (1, &days));
        assert_eq!((line.first_seen, line.last_seen, line.last_accepted), (at(10), at(DAY + 9), Some(at(DAY + 5))));
    }

    #[test]
    fn a_key_that_never_opened_anything_takes_no_room() {
        let (data, mut store) = store();
        store.commit(&epoch(vec![used("guessed", "198.51.100.9", 10, false)])).unwrap();
        store.commit(&epoch(vec![used("k", "203.0.113.7", 10, true), used("k", "203.0.113.8", 11, false)])).unwrap();
        let reader = Reader::open(data.path()).unwrap();
        assert_eq!(reader.keys_used().unwrap(), ["k"]);
        // Whoever sends a key that is followed is told, refused or not.
        assert_eq!(reader.key_callers("k").unwrap().len(), 2);
        assert_eq!(reader.newest_key_callers("k", 1).unwrap()[0], reader.key_callers("k").unwrap()[0]);
    }

    #[test]
    fn a_caller_that_has_not_come_for_longer_than_the_audit_is_kept_is_forgotten() {
        let (data, mut store) = store();
        store.commit(&epoch(vec![used("k", "a", DAY, true), used("k", "b", 9 * DAY, true)])).unwrap();
        let settings = crate::store::Settings { keep_audit_days: 5, ..crate::store::Settings::default() };
        // Thirty days back may be asked for: whoever was forgotten sooner would be taken for quiet.
        store.prune(&settings, at(31 * DAY)).unwrap();
        assert_eq!(Reader::open(data.path()).unwrap().key_callers("k").unwrap().len(), 2);
        store.prune(&settings, at(35 * DAY)).unwrap();
        let lines = Reader::open(data.path()).unwrap().key_callers("k").unwrap();
        assert_eq!(lines.iter().map(|line| &*line.caller.address).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn what_is_seen_once_gives_way_before_what_comes_day_after_day_and_it_is_told() {
        let (data, mut store) = store();
        let ceilings = Ceilings { of_key: 3, callers: 4, others: 10 };
        let mut put = |uses| {
            let transaction = store.connection.transaction().unwrap();
            append(&transaction, &epoch(uses).key_usage, ceilings).unwrap();
            transaction.commit().unwrap();
        };
        put(vec![used("k", "a", 1, true), used("k", "a", DAY, true)]);
        for n in 0..9 {
            put(vec![used("k", &format!("flood-{n}"), DAY + n, true)]);
        }
        let reader = Reader::open(data.path()).unwrap();
        let addresses = |key: &str| {
            let lines = reader.key_callers(key).unwrap();
            lines.iter().map(|line| line.caller.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(addresses("k"), ["flood-8", "flood-7", "a"]);
        let reach = reader.key_reach().unwrap().unwrap();
        assert_eq!((reach.lost, reach.lost_at), (7, Some(at(DAY + 6))));
        put(vec![used("l", "b", DAY, true), used("m", "c", DAY, true)]);
        assert_eq!(
            (addresses("k"), addresses("l"), addresses("m")),
            (vec!["flood-8".to_owned(), "flood-7".to_owned(), "a".to_owned()], vec![], vec!["c".to_owned()],)
        );
    }
}
