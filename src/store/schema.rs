//! Is this file our database, and does it have the shape this version knows?
//!
//! SQLite's `application_id` says whose file it is, `user_version` how many migrations it has
//! seen. A newer file is refused rather than guessed at; an older one is brought forward, each
//! migration in a transaction of its own.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::backup::KEY_FILE;
use super::{StoreError, alert_rows};

/// `GWCH`: how a Gatewatch database is told from any other.
const APPLICATION: i32 = 0x4757_4348;
const MIGRATIONS: [&str; 13] = [
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_second.sql"),
    include_str!("migrations/0003_retries.sql"),
    include_str!("migrations/0004_links.sql"),
    include_str!("migrations/0005_deliveries.sql"),
    include_str!("migrations/0006_key_usage.sql"),
    include_str!("migrations/0007_lifecycle.sql"),
    include_str!("migrations/0008_origins.sql"),
    include_str!("migrations/0009_answers.sql"),
    include_str!("migrations/0010_posture.sql"),
    include_str!("migrations/0011_views.sql"),
    include_str!("migrations/0012_words.sql"),
    include_str!("migrations/0013_troubled.sql"),
];
/// The migration that empties the index of words, which is then filled anew: what an alert's words are, SQL can't say.
const WORDS_ANEW: i64 = 12;
/// How long to wait for another program that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// Opens the database at `path` for writing and brings it to the newest schema.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    // Before the first table: state comes in blobs of many kilobytes, which larger pages hold better.
    connection.pragma_update(None, "page_size", 8192)?;
    let version = check(&connection, path)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Unusable(format!(
            "the file system of {} can't hold SQLite's log (journal mode {mode}): name a folder on a local disk with \
             --data",
            path.display()
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    migrate(&mut connection, version)?;
    Ok(connection)
}

/// Opens the database at `path` for reading only; it must have the newest schema already.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, StoreError> {
    open_there(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens the database at `path` beside the one who owns it, to leave a wish there; it must have
/// the newest schema already.
pub(super) fn open_to_ask(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_there(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// Opens the database at `path` for reading only, to copy it as it is: of an older schema too, which the next
/// `gatewatch run` brings forward wherever the copy lies.
pub(super) fn open_to_copy(path: &Path) -> Result<Connection, StoreError> {
    let (connection, version) = open_as_it_is(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if version == 0 {
        return Err(behind(path));
    }
    Ok(connection)
}

fn open_there(path: &Path, how: OpenFlags) -> Result<Connection, StoreError> {
    let (connection, version) = open_as_it_is(path, how)?;
    if version < MIGRATIONS.len() {
        return Err(behind(path));
    }
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn behind(path: &Path) -> StoreError {
    StoreError::Unusable(format!(
        "the store {} was written by an older gatewatch, or is not whole yet: `gatewatch run` brings it up to date",
        path.display()
    ))
}

/// Returns the connection, and how many migrations the database has seen.
fn open_as_it_is(path: &Path, how: OpenFlags) -> Result<(Connection, usize), StoreError> {
    if !path.is_file() {
        return Err(StoreError::Unusable(format!(
            "there is no store at {}: start `gatewatch run` once, or name its folder with --data",
            path.display()
        )));
    }
    let connection = Connection::open_with_flags(path, how | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    let version = check(&connection, path)?;
    Ok((connection, version))
}

/// Returns how many migrations the database has seen; refuses a foreign or a newer one.
fn check(connection: &Connection, path: &Path) -> Result<usize, StoreError> {
    let foreign = || {
        let was_ours = path.with_file_name(KEY_FILE).exists();
        let damaged = if was_ours {
            ", or its beginning is damaged, for the installation's key lies beside it: move it away, and bring a backup \
             back with `gatewatch restore`"
        } else {
            ": name another folder with --data, or move the file away"
        };
        StoreError::Unusable(format!("{} is not a Gatewatch store{damaged}", path.display()))
    };
    let application: Result<i32, _> = connection.pragma_query_value(None, "application_id", |row| row.get(0));
    let application = application.map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => foreign(),
        _ => error.into(),
    })?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, usize::try_from(version)) {
        (0, Ok(0)) if tables == 0 => Ok(0),
        (APPLICATION, Ok(version)) if version <= MIGRATIONS.len() => Ok(version),
        (APPLICATION, _) => Err(StoreError::Unusable(format!(
            "the store {} was written by a newer gatewatch (schema {version}; this one knows up to {}): run that \
             version, or restore a backup from before the upgrade",
            path.display(),
            MIGRATIONS.len()
        ))),
        _ => Err(foreign()),
    }
}

fn migrate(connection: &mut Connection, version: usize) -> Result<(), StoreError> {
    for (number, sql) in (1_i64..).zip(MIGRATIONS).skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(sql)?;
        if number == WORDS_ANEW {
            alert_rows::index_all_words(&transaction)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_of_the_first_version_is_brought_forward_with_what_waits_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(MIGRATIONS[0]).unwrap();
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        old.pragma_update(None, "user_version", 1).unwrap();
        let rows = "INSERT INTO outbox (sink, key, alert, revision, payload, attempts, due, outcome) VALUES
            ('hook', '1:1', '1', 1, '', 1, 9, 1), ('hook', '1:2', '1', 2, '', 0, 5, 0),
            ('hook', '1:3', '1', 3, '', 0, 5, 0), ('mail', '1:1', '1', 1, '', 0, 5, 0)";
        old.execute_batch(rows).unwrap();
        drop(old);
        let new = open_to_write(&path).unwrap();
        let mut ready = new.prepare("SELECT sink || ' ' || key FROM outbox WHERE ready = 1 ORDER BY id").unwrap();
        let ready: Vec<String> = ready.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(ready, ["hook 1:2", "mail 1:1"]);
    }

    /// A store as the version of that many migrations left it.
    fn of_version(path: &Path, version: usize) {
        let old = Connection::open(path).unwrap();
        MIGRATIONS.iter().take(version).for_each(|sql| old.execute_batch(sql).unwrap());
        old.pragma_update(None, "application_id", APPLICATION).unwrap();
        old.pragma_update(None, "user_version", version as i64).unwrap();
    }

    #[test]
    fn a_backup_of_any_older_version_is_taken_and_brought_back() {
        for version in 1..MIGRATIONS.len() {
            let home = tempfile::tempdir().unwrap();
            let (data, file, new) = (home.path().join("data"), home.path().join("saved.db"), home.path().join("new"));
            std::fs::create_dir(&data).unwrap();
            of_version(&data.join("gatewatch.db"), version);
            super::super::Store::backup(&data, &file).unwrap();
            super::super::Store::restore_backup(&file, &new).unwrap();
            super::super::Store::open(&new).unwrap();
            assert!(open_to_read(&new.join("gatewatch.db")).is_ok(), "{version}");
        }
    }

    #[test]
    fn a_store_whose_beginning_is_damaged_is_called_so_where_its_key_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gatewatch.db");
        drop(open_to_write(&path).unwrap());
        std::fs::write(folder.path().join(KEY_FILE), "k1 not-a-real-key\n").unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[..100].fill(0);
        std::fs::write(&path, bytes).unwrap();
        let refused = open_to_write(&path).unwrap_err().to_string();
        assert!(refused.contains("gatewatch restore"), "{refused}");
    }

    #[test]
    fn a_newer_store_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let connection = open_to_write(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        drop(connection);
        let refused = open_to_write(&path).unwrap_err().to_string();
        assert!(refused.contains("newer gatewatch (schema 99"), "{refused}");
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let refused = open_to_write(&path).unwrap_err().to_string();
        assert!(refused.contains("not a Gatewatch store"), "{refused}");
    }

    #[test]
    fn a_file_that_is_no_database_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        std::fs::write(&path, "just a text that is long enough to be read as a header, but is none at all").unwrap();
        let refused = open_to_write(&path).unwrap_err().to_string();
        assert!(refused.contains("not a Gatewatch store"), "{refused}");
    }
}
