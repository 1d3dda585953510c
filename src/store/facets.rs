//! How many alerts of a question are of each level, state, family, detector, app and class?
//!
//! What asks by those alone is answered from counts that are kept as alerts come, change and go, however many
//! there are. Anything else is counted row by row, at most the newest 50,000; the answer says whether that
//! was all. Of each kind the 100 most frequent are named.

use std::collections::HashMap;

use rusqlite::params_from_iter;

use crate::alerts::{AlertState, Level, Not, Query};

use super::activity::state_name;
use super::alert_query::{Statement, narrow};
use super::{AlertQuery, Reader, StoreError};

/// Alerts that are counted row by row.
pub const MOST_COUNTED: usize = 50_000;
/// Values of a facet that are named.
const MOST_NAMED: usize = 100;

/// What alerts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facet {
    /// How bad.
    Level,
    /// Where they stand.
    State,
    /// Of which family.
    Family,
    /// By which detector in front.
    Detector,
    /// About which app.
    App,
    /// Closed as what; of alerts that are not closed there is none.
    Class,
}

impl Facet {
    /// Every facet.
    pub const ALL: [Self; 6] = [Self::Level, Self::State, Self::Family, Self::Detector, Self::App, Self::Class];

    /// Returns the name of what is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::State => "state",
            Self::Family => "family",
            Self::Detector => "detector",
            Self::App => "app",
            Self::Class => "class",
        }
    }
}

/// How many alerts are of each value of one facet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Value (none: they have none) and how many, the most frequent first.
    pub values: Vec<(Option<String>, u64)>,
    /// Further values.
    pub more: usize,
}

/// How many alerts a question finds, in all and by facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facets {
    /// How many were counted.
    pub count: u64,
    /// Whether that was all of them.
    pub complete: bool,
    /// By facet, in the order of [`Facet::ALL`].
    pub by: [Counts; 6],
}

/// Counts in the making.
#[derive(Default)]
struct Tally {
    count: u64,
    by: [HashMap<String, u64>; 6],
}

impl Tally {
    fn add(&mut self, row: &rusqlite::Row<'_>, first: usize, many: u64) -> Result<(), rusqlite::Error> {
        self.count += many;
        let level = usize::try_from(row.get::<_, i64>(first + 1)?).ok().and_then(|at| Level::ALL.get(at));
        let text = |at: usize| -> Result<&str, rusqlite::Error> {
            Ok(row.get_ref(first + at)?.as_str_or_null().map_err(rusqlite::Error::from)?.unwrap_or_default())
        };
        let values = [
            level.map_or("", |level| level.name()),
            state_name(row.get(first)?),
            text(2)?,
            text(3)?,
            text(4)?,
            text(5)?,
        ];
        for (counts, value) in self.by.iter_mut().zip(values) {
            match counts.get_mut(value) {
                Some(count) => *count += many,
                None => drop(counts.insert(value.to_owned(), many)),
            }
        }
        Ok(())
    }

    fn finish(self, complete: bool) -> Facets {
        Facets { count: self.count, complete, by: self.by.map(counts) }
    }
}

fn counts(of: HashMap<String, u64>) -> Counts {
    let mut values: Vec<(String, u64)> = of.into_iter().collect();
    values.sort_unstable_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    let more = values.len().saturating_sub(MOST_NAMED);
    values.truncate(MOST_NAMED);
    let values = values.into_iter().map(|(value, many)| ((!value.is_empty()).then_some(value), many));
    Counts { values: values.collect(), more }
}

/// Tells whether alerts of a question are counted whole, however many there are.
pub fn counted_whole(query: &Query) -> bool {
    let Query { entity, assignee, since, until, opened, not, text, .. } = query;
    let kept = not.iter().all(|not| !matches!(not, Not::Entity(..) | Not::Assignee(_)));
    let timeless = since.is_none() && until.is_none() && *opened == (None, None);
    entity.is_none() && assignee.is_none() && timeless && kept && text.is_none()
}

/// Returns what is read of each alert that is counted: all of it stands in the index its list is read from.
fn columns(query: &Query) -> String {
    // The list of those that are not closed is read from an index that knows no class.
    let closed = query.states.is_empty() || query.states.contains(&AlertState::Closed);
    let class = if closed { "class" } else { "NULL" };
    format!(", state, level, family, detector, app, {class}, assignee")
}

impl Reader {
    /// Counts the alerts of a question; row by row at most `most` of them, the newest.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn facets(&self, query: &Query, most: usize) -> Result<Facets, StoreError> {
        let mut tally = Tally::default();
        if counted_whole(query) {
            let mut all = Statement { filter: "1".into(), values: Vec::new() };
            narrow(&mut all, query);
            let sql =
                format!("SELECT n, state, level, family, detector, app, class FROM alert_counts WHERE {}", all.filter);
            let mut select = self.connection.prepare_cached(&sql)?;
            let mut rows = select.query(params_from_iter(all.values))?;
            while let Some(row) = rows.next()? {
                tally.add(row, 1, row.get::<_, i64>(0)?.cast_unsigned())?;
            }
            return Ok(tally.finish(true));
        }
        Ok(self.tallied(query, most)?.0)
    }

    /// Counts the alerts of a question as [`Reader::facets`] does, and whose they are, row by row: tells whether those
    /// were all.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if they can't be read.
    pub fn facets_and_whose(&self, query: &Query, most: usize) -> Result<(Facets, Counts, bool), StoreError> {
        let (tallied, whose) = self.tallied(query, most)?;
        let all = tallied.complete;
        let facets = if counted_whole(query) { self.facets(query, most)? } else { tallied };
        Ok((facets, whose, all))
    }

    /// Counts row by row.
    fn tallied(&self, query: &Query, most: usize) -> Result<(Facets, Counts), StoreError> {
        let columns = columns(query);
        let (mut tally, mut whose) = (Tally::default(), HashMap::<String, u64>::new());
        let mut seen = 0;
        let asked = AlertQuery { about: query.clone(), after: None, limit: most.saturating_add(1) };
        self.walk(&asked, &columns, |row| {
            seen += 1;
            if seen <= most {
                tally.add(row, 1, 1)?;
                *whose.entry(row.get::<_, Option<String>>(7)?.unwrap_or_default()).or_default() += 1;
            }
            Ok(true)
        })?;
        Ok((tally.finish(seen <= most), counts(whose)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::{Assignee, Class, EntityKind, Family};
    use crate::clock::Timestamp;
    use crate::store::Store;
    use crate::store::alert_query::{Words, select};

    #[test]
    fn no_whole_alert_is_read_to_be_counted() {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).unwrap();
        let any = Query::any;
        let questions = [
            any(),
            Query::default(),
            Query { app: Some("shop".into()), ..any() },
            Query { detector: Some("probing.x".into()), ..any() },
            Query { entity: Some((Some(EntityKind::Ip), "203.0.113.7".into())), ..any() },
            Query { entity: Some((None, "203.0.113.7".into())), ..Query::default() },
            Query { family: Some(Family::Probing), ..any() },
            Query { at_least: Some(Level::High), ..any() },
            Query { class: Some(Class::Benign), ..any() },
            Query { assignee: Some(Assignee::Named("dana".into())), ..any() },
            Query { app: Some("shop".into()), not: vec![Not::Class(Class::Benign)], ..any() },
            Query { opened: (Some(Timestamp::MIN), None), app: Some("shop".into()), ..any() },
        ];
        for about in questions {
            let query = AlertQuery { about, after: None, limit: 9 };
            let (sql, values) = select(&query, &Words::Unasked, &format!("alerts.rowid{}", columns(&query.about)));
            let mut plan = store.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> =
                plan.query_map(params_from_iter(values), |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            assert!(plan.len() == 1 && plan[0].contains("USING COVERING INDEX"), "{:?}: {plan:?}", query.about);
        }
    }
}
