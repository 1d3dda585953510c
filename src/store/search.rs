//! How are the alerts found that a question means, when there are a million?
//!
//! What has no words is read from an index in the order of the list. Of words, the full-text index
//! says which rows hold them: few are looked up and sorted; many are set down as bits, and the list
//! is read in its order until enough of it is among them. Bits take 8 KiB for each 65,536 rows
//! that hold one.

use std::collections::HashMap;

use rusqlite::{Row, params_from_iter};

use crate::alerts::{Alert, AlertId};

use super::alert_query::{Words, full_text, select};
use super::{AlertQuery, Reader, StoreError, recover};

/// Alerts that are looked up one by one.
const FEW: usize = 5_000;
const PAGE: usize = 1 << 16;

/// Which rows hold what is searched for.
#[derive(Default)]
struct Rows(HashMap<i64, Box<[u64]>>);

impl Rows {
    const fn place(row: i64) -> (i64, usize, u64) {
        let within = (row & (PAGE as i64 - 1)) as usize;
        (row >> 16, within / 64, 1 << (within % 64))
    }

    fn put(&mut self, row: i64) {
        let (page, word, bit) = Self::place(row);
        let page = self.0.entry(page).or_insert_with(|| vec![0; PAGE / 64].into_boxed_slice());
        page[word] |= bit;
    }

    fn has(&self, row: i64) -> bool {
        let (page, word, bit) = Self::place(row);
        self.0.get(&page).is_some_and(|page| page[word] & bit != 0)
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
        let Some((words, rows)) = self.look_up(query.about.text.as_deref())? else { return Ok(()) };
        let (sql, values) = select(query, &words, &format!("alerts.rowid{columns}"));
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut found = select.query(params_from_iter(values))?;
        let mut left = query.limit;
        while left > 0
            && let Some(row) = found.next()?
        {
            if words == Words::Many && !rows.has(row.get(0)?) {
                continue;
            }
            if !each(row)? {
                break;
            }
            left -= 1;
        }
        Ok(())
    }

    /// Returns how words are to be looked for, and the rows that hold them if those are many; `None` if
    /// no row does.
    fn look_up(&self, text: Option<&str>) -> Result<Option<(Words, Rows)>, StoreError> {
        let Some(matching) = text.and_then(full_text) else { return Ok(Some((Words::Unasked, Rows::default()))) };
        let mut select = self.connection.prepare_cached("SELECT rowid FROM alert_words WHERE alert_words MATCH ?1")?;
        let mut rows = select.query([&matching])?;
        let (mut holding, mut count) = (Rows::default(), 0);
        while let Some(row) = rows.next()? {
            holding.put(row.get(0)?);
            count += 1;
        }
        Ok(match count {
            0 => None,
            1..=FEW => Some((Words::Few(matching), holding)),
            _ => Some((Words::Many, holding)),
        })
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
