//! How are the alerts found that a question means, when there are a million?
//!
//! What has no words is read from an index in the order of the list. Of words, the full-text index
//! says which rows hold them: few are looked up and sorted; where there are many, the list is read in
//! its order, as many rows ahead as are wanted (a thousand at least), then ten times as many and so on, and of each stretch it is asked which
//! rows hold them. Those are set down as bits, 8 KiB for each 65,536 rows that hold one.

use rusqlite::{Row, params_from_iter};

use crate::alerts::{Alert, AlertId};

use super::alert_query::{Words, full_text, select, whole_id};
use super::{AlertQuery, Reader, StoreError, recover};

/// Alerts that are looked up one by one.
const FEW: i64 = 20_000;
/// Rows of the first stretch that is looked at ahead, at least, and at most; each further one is ten times
/// as long as the one before.
const AHEAD: (usize, usize) = (1_000, 100_000);
const PAGE: usize = 1 << 16;

/// Which rows hold what is searched for: pages of bits in the order of their rows.
#[derive(Default)]
struct Rows(Vec<(i64, Box<[u64]>)>);

impl Rows {
    const fn place(row: i64) -> (i64, usize, u64) {
        let within = (row & (PAGE as i64 - 1)) as usize;
        (row >> 16, within / 64, 1 << (within % 64))
    }

    /// Puts a row, which comes after those that were put before.
    fn put(&mut self, row: i64) {
        let (page, word, bit) = Self::place(row);
        if self.0.last().is_none_or(|(last, _)| *last != page) {
            self.0.push((page, vec![0; PAGE / 64].into_boxed_slice()));
        }
        if let Some((_, bits)) = self.0.last_mut() {
            bits[word] |= bit;
        }
    }

    fn has(&self, row: i64) -> bool {
        let (page, word, bit) = Self::place(row);
        let found = self.0.binary_search_by_key(&page, |(page, _)| *page);
        found.is_ok_and(|at| self.0[at].1[word] & bit != 0)
    }
}

impl Reader {
    /// Returns alerts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn alerts(&self, query: &AlertQuery) -> Result<Vec<Alert>, StoreError> {
        let mut alerts = Vec::new();
        self.each_alert(query, |alert| alerts.push(alert))?;
        Ok(alerts)
    }

    /// Shows each alert of a question to `each`, newest first; tells whether that was all of them.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn each_alert(&self, query: &AlertQuery, mut each: impl FnMut(Alert)) -> Result<bool, StoreError> {
        // Several statements must see one epoch: what comes meanwhile would move the others.
        let _epoch = self.connection.unchecked_transaction()?;
        let mut shown = 0;
        if query.about.text.is_none() {
            let (sql, values) = select(query, &Words::Unasked, "id, alert");
            let mut select = self.connection.prepare_cached(&sql)?;
            let mut rows = select.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                each(recover::alert(row)?);
                shown += 1;
            }
            return Ok(shown < query.limit);
        }
        let mut found: Vec<i64> = Vec::new();
        self.walk(query, "", |row| {
            found.push(row.get(0)?);
            Ok(true)
        })?;
        let mut select = self.connection.prepare_cached("SELECT id, alert FROM alerts WHERE rowid = ?1")?;
        for row in found {
            let mut rows = select.query([row])?;
            if let Some(row) = rows.next()? {
                each(recover::alert(row)?);
                shown += 1;
            }
        }
        Ok(shown < query.limit)
    }

    /// Returns the ids of the alerts that a question means, newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn alert_ids(&self, query: &AlertQuery) -> Result<Vec<AlertId>, StoreError> {
        let _epoch = self.connection.unchecked_transaction()?;
        let mut found = Vec::new();
        self.walk(query, ", id", |row| {
            let id = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            found.extend(id.parse::<AlertId>().ok());
            Ok(true)
        })?;
        Ok(found)
    }

    /// Shows rows of a question to `each`, newest first, while it wants more: the row's number, then
    /// `columns`, which should be such as indexes hold.
    pub(super) fn walk(
        &self,
        query: &AlertQuery,
        columns: &str,
        mut each: impl FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let id = query.about.text.as_deref().and_then(whole_id);
        let words = match query.about.text.as_deref().and_then(full_text) {
            None => Words::Unasked,
            Some(matching) => match self.holding(&matching)? {
                0 if id.is_none() => return Ok(()),
                0..=FEW => Words::Few(matching, id),
                _ => return self.sift(query, columns, &matching, each),
            },
        };
        let (sql, values) = select(query, &words, &format!("alerts.rowid{columns}"));
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut found = select.query(params_from_iter(values))?;
        while let Some(row) = found.next()? {
            if !each(row)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a list in its order for the rows that hold words which many do. Within a transaction of the
    /// caller's: two statements walk the same list.
    fn sift(
        &self,
        query: &AlertQuery,
        columns: &str,
        matching: &str,
        mut each: impl FnMut(&Row<'_>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let (sql, values) = select(query, &Words::Many, &format!("alerts.rowid{columns}"));
        let (sooner, _) = select(query, &Words::Many, "alerts.rowid");
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut ahead = self.connection.prepare(&sooner)?;
        let mut found = select.query(params_from_iter(values.iter()))?;
        let mut ahead = ahead.query(params_from_iter(values.iter()))?;
        let (mut left, mut length) = (query.limit, query.limit.clamp(AHEAD.0, AHEAD.1));
        while left > 0 {
            let (mut count, mut span) = (0, (i64::MAX, i64::MIN));
            while count < length
                && let Some(row) = ahead.next()?
            {
                let row = row.get(0)?;
                span = (span.0.min(row), span.1.max(row));
                count += 1;
            }
            if count == 0 {
                break;
            }
            let rows = self.among(matching, span)?;
            for _ in 0..count {
                let Some(row) = found.next()? else { return Ok(()) };
                if left > 0 && rows.has(row.get(0)?) {
                    left -= 1;
                    if !each(row)? {
                        return Ok(());
                    }
                }
            }
            length *= 10;
        }
        Ok(())
    }

    /// Returns how many rows hold words, at most one more than [`FEW`].
    fn holding(&self, matching: &str) -> Result<i64, StoreError> {
        let count = "SELECT count(*) FROM (SELECT 1 FROM alert_words WHERE alert_words MATCH ?1 LIMIT ?2)";
        Ok(self.connection.prepare_cached(count)?.query_row((matching, FEW + 1), |row| row.get(0))?)
    }

    /// Returns which rows of a span hold words.
    fn among(&self, matching: &str, (first, last): (i64, i64)) -> Result<Rows, StoreError> {
        let mut select = self
            .connection
            .prepare_cached("SELECT rowid FROM alert_words WHERE alert_words MATCH ?1 AND rowid BETWEEN ?2 AND ?3")?;
        let mut rows = select.query((matching, first, last))?;
        let mut holding = Rows::default();
        while let Some(row) = rows.next()? {
            holding.put(row.get(0)?);
        }
        Ok(holding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_held_if_it_was_put_and_no_other() {
        let mut rows = Rows::default();
        let put = [0, 1, 63, 64, 65_535, 65_536, 9_000_000_000];
        for row in put {
            rows.put(row);
        }
        assert!(put.into_iter().all(|row| rows.has(row)));
        assert!([2, 62, 65, 65_534, 65_537, 8_999_999_999].into_iter().all(|row| !rows.has(row)));
    }
}
