//! How often does each detector fire, and what did people make of it?
//!
//! Counted over indexes: who fired since a day, and what was judged since then.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::params;

use crate::alerts::Level;
use crate::clock::Timestamp;

use super::{Reader, StoreError};

/// What people may have made of an alert, in the order of [`Fired::judged`].
const JUDGED: [&str; 3] = ["true-positive", "benign", "false-positive"];

/// What came of one detector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fired {
    /// Alerts with an event since then, those it stands in front of.
    pub alerts: u64,
    /// The newest event of them.
    pub last: Option<Timestamp>,
    /// Closed as true positives, as benign, as false positives.
    pub judged: [u64; 3],
}

impl Fired {
    /// Returns which part of what was judged was no false positive, and of how many; `None` of none.
    pub fn precision(&self) -> Option<(f64, u64)> {
        let [right, benign, wrong] = self.judged;
        let all = right + benign + wrong;
        (all > 0).then(|| ((right + benign) as f64 / all as f64, all))
    }
}

impl Reader {
    /// Returns what came of each detector that has fired since `since`, by its id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn fired(&self, since: Timestamp) -> Result<BTreeMap<String, Fired>, StoreError> {
        let mut fired: BTreeMap<String, Fired> = BTreeMap::new();
        let mut select = self.connection.prepare_cached(
            "SELECT detector, count(*), max(last_seen) FROM alerts INDEXED BY alerts_by_detector
             WHERE last_seen >= ?1 GROUP BY detector",
        )?;
        let mut rows = select.query([since.nanos()])?;
        while let Some(row) = rows.next()? {
            let last = Some(Timestamp::from_nanos(row.get(2)?));
            let alerts = row.get::<_, i64>(1)?.cast_unsigned();
            fired.insert(row.get(0)?, Fired { alerts, last, ..Fired::default() });
        }
        let mut select = self.connection.prepare_cached(
            "SELECT detector, count(*) FROM alerts INDEXED BY alerts_judged
             WHERE class = ?1 AND last_seen >= ?2 GROUP BY detector",
        )?;
        for (place, class) in JUDGED.into_iter().enumerate() {
            let mut rows = select.query(params![class, since.nanos()])?;
            while let Some(row) = rows.next()? {
                fired.entry(row.get(0)?).or_default().judged[place] = row.get::<_, i64>(1)?.cast_unsigned();
            }
        }
        Ok(fired)
    }
}

impl Reader {
    /// Returns what came of one detector since `since`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn fired_of(&self, detector: &str, since: Timestamp) -> Result<Fired, StoreError> {
        let mut fired = Fired::default();
        let mut select = self.connection.prepare_cached(
            "SELECT class, count(*), max(last_seen) FROM alerts INDEXED BY alerts_by_detector
             WHERE detector = ?1 AND last_seen >= ?2 GROUP BY class",
        )?;
        let mut rows = select.query(params![detector, since.nanos()])?;
        while let Some(row) = rows.next()? {
            let alerts = row.get::<_, i64>(1)?.cast_unsigned();
            fired.alerts += alerts;
            fired.last = fired.last.max(Some(Timestamp::from_nanos(row.get(2)?)));
            let class: Option<String> = row.get(0)?;
            if let Some(place) = JUDGED.into_iter().position(|judged| class.as_deref() == Some(judged)) {
                fired.judged[place] = alerts;
            }
        }
        Ok(fired)
    }

    /// Returns how many alerts of `detector` had their last event in each of the `days` days that end with `until`,
    /// the oldest first; of one at a time, for each is counted over an index.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn fired_by_day(&self, detector: &str, until: Timestamp, days: u32) -> Result<Vec<u64>, StoreError> {
        const DAY: Duration = Duration::from_hours(24);
        let mut select = self.connection.prepare_cached(
            "SELECT count(*) FROM alerts INDEXED BY alerts_by_detector
             WHERE detector = ?1 AND last_seen > ?2 AND last_seen <= ?3",
        )?;
        let mut counted = Vec::new();
        for day in (0..days).rev() {
            let to = until.minus(DAY * day);
            let many: i64 = select.query_row(params![detector, to.minus(DAY).nanos(), to.nanos()], |row| row.get(0))?;
            counted.push(many.cast_unsigned());
        }
        Ok(counted)
    }
}

impl Reader {
    /// Returns when alerts opened since `since`, and how bad they are; `most` of them at most, those with the
    /// newest events.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn opened_since(&self, since: Timestamp, most: usize) -> Result<Vec<(Timestamp, Level)>, StoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT opened_at, level FROM alerts INDEXED BY alerts_by_time
             WHERE last_seen >= ?1 AND opened_at >= ?1 ORDER BY last_seen DESC LIMIT ?2",
        )?;
        let rows = select.query_map(params![since.nanos(), super::reader::whole(most)], |row| {
            let level = usize::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
            let level = Level::ALL.get(level).copied().unwrap_or(Level::Informational);
            Ok((Timestamp::from_nanos(row.get(0)?), level))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
