//! Which questions do people ask again?
//!
//! A view is a question with a name, for all who look; saving under a name that there is takes its place.
//! What is saved and removed is written beside a running daemon, each with its line of the audit in one
//! transaction. At most 100 views.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::json;

use super::audit::{self, Origin};
use super::folder::DATABASE;
use super::{Reader, StoreError, schema};
use crate::clock::Timestamp;

/// Views that are kept.
pub const MOST_VIEWS: usize = 100;

/// A question that is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its number; never used twice.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// The question, as a line.
    pub query: String,
    /// Who saved it.
    pub saved_by: String,
    /// When, wall time.
    pub saved_at: Timestamp,
}

/// What became of a wish to save a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// It is kept; `true`: instead of one of that name.
    Kept(View, bool),
    /// As many are kept as may be.
    Full,
}

/// Saves a question under a name. May be called beside a running daemon.
///
/// # Errors
///
/// [`StoreError::Unusable`] if there is no store, or one of another version.
pub fn save_view(
    data: &Path,
    (name, query): (&str, &str),
    (who, at): (&str, Timestamp),
    origin: &Origin,
) -> Result<Saved, StoreError> {
    let mut connection = schema::open_to_ask(&data.join(DATABASE))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = find(&transaction, "name = ?1", name)?;
    let count: i64 = transaction.query_row("SELECT count(*) FROM views", [], |row| row.get(0))?;
    if before.is_none() && usize::try_from(count).unwrap_or_default() >= MOST_VIEWS {
        return Ok(Saved::Full);
    }
    transaction.execute(
        "INSERT INTO views (name, query, saved_by, saved_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET name = excluded.name, query = excluded.query,
             saved_by = excluded.saved_by, saved_at = excluded.saved_at",
        params![name, query, who, at.nanos()],
    )?;
    let with = json!({ "view": name, "query": query, "before": before.as_ref().map(|view| &view.query) }).to_string();
    audit::put(&transaction, (at, who), ("saved a view", "", &with), (&origin.address, &origin.agent))?;
    let kept = find(&transaction, "name = ?1", name)?;
    transaction.commit()?;
    let kept = kept.ok_or_else(|| StoreError::Failed("the view was not kept: try again".into()))?;
    Ok(Saved::Kept(kept, before.is_some()))
}

/// Removes a view, and returns it; `None` if there is none of this number. May be called beside a running daemon.
///
/// # Errors
///
/// [`StoreError::Unusable`] if there is no store, or one of another version.
pub fn remove_view(
    data: &Path,
    id: i64,
    (who, at): (&str, Timestamp),
    origin: &Origin,
) -> Result<Option<View>, StoreError> {
    let mut connection = schema::open_to_ask(&data.join(DATABASE))?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(view) = find(&transaction, "id = ?1", id)? else { return Ok(None) };
    transaction.execute("DELETE FROM views WHERE id = ?1", [id])?;
    let with = json!({ "view": view.name, "before": view.query }).to_string();
    audit::put(&transaction, (at, who), ("removed a view", "", &with), (&origin.address, &origin.agent))?;
    transaction.commit()?;
    Ok(Some(view))
}

fn find(connection: &Connection, which: &str, value: impl rusqlite::ToSql) -> Result<Option<View>, StoreError> {
    let select = format!("SELECT id, name, query, saved_by, saved_at FROM views WHERE {which}");
    Ok(connection.query_row(&select, [value], view).optional()?)
}

fn view(row: &rusqlite::Row<'_>) -> Result<View, rusqlite::Error> {
    let saved_at = Timestamp::from_nanos(row.get(4)?);
    Ok(View { id: row.get(0)?, name: row.get(1)?, query: row.get(2)?, saved_by: row.get(3)?, saved_at })
}

impl Reader {
    /// Returns all views by name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Failed`] if the store can't be read.
    pub fn views(&self) -> Result<Vec<View>, StoreError> {
        let select = "SELECT id, name, query, saved_by, saved_at FROM views ORDER BY name";
        let mut select = self.connection.prepare_cached(select)?;
        let rows = select.query_map([], view)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    #[test]
    fn a_view_is_saved_replaced_and_removed_and_the_audit_says_by_whom_and_what_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let _store = Store::open(folder.path()).unwrap();
        let origin = Origin { address: "203.0.113.7".into(), agent: String::new() };
        let save = |name: &str, query: &str, who: &str| save_view(folder.path(), (name, query), (who, AT), &origin);
        assert!(matches!(save("Orders", "app:fn-orders", "dana").unwrap(), Saved::Kept(_, false)));
        let Saved::Kept(view, true) = save("orders", "app:fn-orders level:high", "eli").unwrap() else { panic!() };
        let reader = Reader::open(folder.path()).unwrap();
        assert_eq!(reader.views().unwrap(), std::slice::from_ref(&view));
        assert_eq!((view.name.as_str(), view.saved_by.as_str()), ("orders", "eli"));
        let remove = || remove_view(folder.path(), view.id, ("dana", AT), &origin).unwrap();
        assert_eq!((remove().as_ref(), remove()), (Some(&view), None));
        let lines = reader.audited(0, 10).unwrap();
        let shown: Vec<_> = lines.iter().map(|line| (&*line.who, &*line.did, line.with["before"].as_str())).collect();
        let expected = [
            ("dana", "saved a view", None),
            ("eli", "saved a view", Some("app:fn-orders")),
            ("dana", "removed a view", Some("app:fn-orders level:high")),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_hundred_views_are_kept_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let fill = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100)
                    INSERT INTO views (name, query, saved_by, saved_at) SELECT 'v' || n, '', '', 0 FROM n";
        store.connection.execute_batch(fill).unwrap();
        let save = |name: &str| save_view(folder.path(), (name, ""), ("dana", AT), &Origin::default()).unwrap();
        assert_eq!(save("one more"), Saved::Full);
        assert!(matches!(save("v7"), Saved::Kept(_, true)));
    }
}
