//! How are store and key saved together, and brought back?
//!
//! A backup is one SQLite file: a consistent copy of the database, taken while the daemon runs,
//! and in one more table the text of the installation's key, without which the fingerprints in
//! the store would match nothing new. So the file is as secret as the key: its owner's alone.
//! It appears under its name only once it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::folder::{DATABASE, Folder, own};
use super::state_rows::put_values;
use super::{Store, StoreError, schema};

/// The name of the file in the data folder that holds the installation's key.
pub const KEY_FILE: &str = "installation.key";

/// The name of the value that tells a store which was brought back from a backup: what went on after it was made is
/// not known there.
pub const RESTORED: &str = "restored";

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The file's size in bytes.
    pub bytes: u64,
    /// Whether the installation's key is in it; it is not where the key is kept outside the data folder.
    pub with_key: bool,
}

impl Store {
    /// Writes a consistent copy of the database, and the key beside it, to the new file `to`
    /// while the daemon runs.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] if there is no store in `data`, if `to` exists or can't be written.
    pub fn backup(data: &Path, to: &Path) -> Result<BackedUp, StoreError> {
        Self::backup_with(data, to, read_key(data)?.as_deref())
    }

    /// Does what [`Store::backup`] does with a key that is kept elsewhere: its text, if any.
    ///
    /// # Errors
    ///
    /// As [`Store::backup`].
    pub fn backup_with(data: &Path, to: &Path, key: Option<&str>) -> Result<BackedUp, StoreError> {
        refuse_existing(to)?;
        let from = schema::open_to_copy(&data.join(DATABASE))?;
        let partial = beside(to, ".partial");
        let bytes = copy_whole(&from, &partial, key)
            .and_then(|()| is_whole(&partial, data))
            .and_then(|()| publish(&partial, to))
            // A half-written copy is of no use; that it can't be removed is not what went wrong.
            .inspect_err(|_| drop(fs::remove_file(&partial)))?;
        Ok(BackedUp { bytes, with_key: key.is_some() })
    }

    /// Brings the backup `file` back into the empty data folder `data`, the key with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unusable`] if `data` holds a store or another key, or `file` is no backup;
    /// [`StoreError::Failed`] if the backup is damaged.
    pub fn restore_backup(file: &Path, data: &Path) -> Result<BackedUp, StoreError> {
        refuse_existing(&data.join(DATABASE))?;
        let from = schema::open_to_copy(file)?;
        if let Some(wrong) = damage(&from)? {
            return Err(StoreError::Failed(format!(
                "the backup {} is damaged ({wrong}): restore an older one",
                file.display()
            )));
        }
        let key = key_in(&from, file)?;
        if let (Some(mine), Some(theirs)) = (read_key(data)?, &key)
            && mine != *theirs
        {
            return Err(StoreError::Unusable(format!(
                "the data folder {} holds another key than the backup: move its {KEY_FILE} away, or name an empty \
                 folder with --data",
                data.display()
            )));
        }
        // The lock's check creates an empty database, which the copy then replaces as a whole.
        let folder = Folder::take(data)?;
        refuse_existing(&folder.database)?;
        let partial = beside(&folder.database, ".partial");
        let bytes = copy_whole(&from, &partial, None)
            .and_then(|()| mark_restored(&partial))
            .and_then(|()| forget_log(&folder.database))
            .and_then(|()| key.as_deref().map_or(Ok(()), |key| write_key(data, key)))
            .and_then(|()| publish(&partial, &folder.database))
            .inspect_err(|_| drop(fs::remove_file(&partial)))?;
        Ok(BackedUp { bytes, with_key: key.is_some() })
    }
}

/// Says what is wrong with the pages of a database; `None` where they are whole.
fn damage(connection: &Connection) -> Result<Option<String>, StoreError> {
    let told: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((told != "ok").then_some(told))
}

/// Refuses the copy of a damaged store: kept for a backup, it would take the place of the last good one.
fn is_whole(copy: &Path, data: &Path) -> Result<(), StoreError> {
    let copy = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let Some(wrong) = damage(&copy)? else { return Ok(()) };
    Err(StoreError::Failed(format!(
        "the store in {} is damaged ({wrong}), so this would be no backup: keep the last one, stop the daemon, move \
         {DATABASE} away and bring that back with `gatewatch restore`",
        data.display()
    )))
}

fn mark_restored(copy: &Path) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(copy, flags)?;
    let transaction = copy.transaction()?;
    put_values(&transaction, &[(RESTORED, Vec::new())])?;
    transaction.commit()?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Removes the log that a database which is gone has left behind: SQLite would write it into the one that is brought
/// back, and mix both.
fn forget_log(database: &Path) -> Result<(), StoreError> {
    for ending in ["-wal", "-shm"] {
        let path = beside(database, ending);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(cannot_write(&path, &error)),
            _ => {}
        }
    }
    let folder = database.parent().unwrap_or(database);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| cannot_write(database, &error))
}

fn refuse_existing(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(found) if found.len() > 0 => {
            Err(StoreError::Unusable(format!("{} exists already: name another", path.display())))
        }
        _ => Ok(()),
    }
}

fn copy_whole(from: &Connection, to: &Path, key: Option<&str>) -> Result<(), StoreError> {
    drop(fs::remove_file(to));
    own(to).map_err(|error| cannot_write(to, &error))?;
    let mut copy =
        Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // All pages in one step, so under one read lock: epochs that are committed meanwhile neither
    // wait for it nor show in it.
    if Backup::new(from, &mut copy)?.step(-1)? != StepResult::Done {
        return Err(StoreError::Failed("another program holds the store: close it and try again".into()));
    }
    // One file, without a log beside it.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.execute_batch("DROP TABLE IF EXISTS installation")?;
    if let Some(key) = key {
        copy.execute_batch("CREATE TABLE installation (key_text TEXT NOT NULL) STRICT")?;
        copy.execute("INSERT INTO installation (key_text) VALUES (?1)", [key])?;
    }
    copy.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Makes the whole file durable, then gives it its name; returns its size.
fn publish(partial: &Path, to: &Path) -> Result<u64, StoreError> {
    let publish = || {
        let file = File::open(partial)?;
        file.sync_all()?;
        fs::rename(partial, to)?;
        if let Some(folder) = to.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(file.metadata()?.len())
    };
    publish().map_err(|error| cannot_write(to, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> StoreError {
    let says = format!("{} can't be written ({error}): name a file in a folder that you may write", path.display());
    match error.kind() {
        std::io::ErrorKind::StorageFull => StoreError::Full(says),
        _ => StoreError::Unusable(says),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn read_key(data: &Path) -> Result<Option<String>, StoreError> {
    let path = data.join(KEY_FILE);
    match fs::read_to_string(&path) {
        Ok(key) => Ok(Some(key)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::Unusable(format!(
            "the key {} can't be read ({error}): run this as the user that runs gatewatch",
            path.display()
        ))),
    }
}

fn key_in(backup: &Connection, file: &Path) -> Result<Option<String>, StoreError> {
    let held: i64 =
        backup.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'installation'", [], |row| row.get(0))?;
    if held == 0 {
        return Ok(None);
    }
    let key = backup.query_row("SELECT key_text FROM installation", [], |row| row.get(0)).optional()?;
    key.map(Some).ok_or_else(|| {
        StoreError::Failed(format!("the backup {} has lost its key: restore an older one", file.display()))
    })
}

fn write_key(data: &Path, key: &str) -> Result<(), StoreError> {
    let path = data.join(KEY_FILE);
    let partial = beside(&path, ".partial");
    drop(fs::remove_file(&partial));
    let write = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial);
    write.and_then(|mut file| file.write_all(key.as_bytes())).map_err(|error| cannot_write(&path, &error))?;
    publish(&partial, &path).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::{Epoch, ShardBytes};
    use super::*;
    use crate::clock::Timestamp;

    fn state(byte: u8) -> Epoch {
        let shard = ShardBytes { component: "engine", shard: 0, whole: true, bytes: vec![byte; 100_000] };
        Epoch { shards: vec![shard], ..Epoch::default() }
    }

    #[test]
    fn the_copy_of_a_damaged_store_is_no_backup() {
        let home = tempfile::tempdir().unwrap();
        let (data, file) = (home.path().join("data"), home.path().join("backup.db"));
        let mut store = Store::open(&data).unwrap();
        store.commit(&state(1)).unwrap();
        drop(store);
        let database = data.join(DATABASE);
        let mut bytes = fs::read(&database).unwrap();
        let from = 8_192 * 4;
        bytes[from..from + 8_192 * 6].fill(0);
        fs::write(&database, bytes).unwrap();
        let refused = Store::backup(&data, &file).unwrap_err().to_string();
        assert!(refused.contains("is damaged") && refused.contains("gatewatch restore"), "{refused}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left of it");
    }

    #[test]
    fn the_log_that_a_lost_database_left_behind_is_not_written_into_the_one_that_is_brought_back() {
        let home = tempfile::tempdir().unwrap();
        let (data, file) = (home.path().join("data"), home.path().join("backup.db"));
        let mut store = Store::open(&data).unwrap();
        store.commit(&state(1)).unwrap();
        Store::backup(&data, &file).unwrap();
        store.commit(&state(2)).unwrap();
        // As after a kill: what was committed since lies in the log.
        let log = data.join("gatewatch.db-wal");
        let left = fs::read(&log).unwrap();
        assert!(left.len() > 100_000);
        drop(store);
        fs::remove_file(data.join(DATABASE)).unwrap();
        fs::write(&log, left).unwrap();
        Store::restore_backup(&file, &data).unwrap();
        assert!(!log.exists());
        let mut store = Store::open(&data).unwrap();
        assert_eq!(store.recover(Timestamp::MIN).unwrap().shards, state(1).shards);
    }
}
