//! What went wrong with the store, and how is it mended?
//!
//! A full disk and another program that holds the store are their own kinds, for they are the troubles that pass
//! by themselves: the pipeline stops reading, keeps the epoch and tries again.

use rusqlite::{ErrorCode, ffi};

/// Why the store could not be opened or written. Its text says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder can't be used: missing, read-only, on a network file system, or another
    /// daemon has it.
    #[error("{0}")]
    Unusable(String),
    /// The disk is full. The pipeline stops reading and tries again; nothing is lost.
    #[error("{0}")]
    Full(String),
    /// Another program holds the store. The pipeline waits for it; nothing is lost.
    #[error("{0}")]
    Busy(String),
    /// A question took longer than it may.
    #[error("{0}")]
    TooWide(String),
    /// Anything else that SQLite says.
    #[error("{0}")]
    Failed(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(&ffi::Error { code, extended_code }) = error.sqlite_error() else {
            return Self::Failed(format!("the store could not be used: {error}"));
        };
        match code {
            ErrorCode::DiskFull => Self::Full(
                "the disk that holds the data folder is full: free some space there; until then reading stops and \
                 nothing is lost"
                    .into(),
            ),
            ErrorCode::OperationInterrupted => Self::TooWide(
                "the question is too wide to be answered in time: narrow it by an app, a detector, an entity or a \
                 time, such as since:24h"
                    .into(),
            ),
            ErrorCode::SystemIoFailure if no_room(extended_code) => Self::Full(format!(
                "the data folder can't be written ({error}): its disk is full, over its quota or failing; until that \
                 is mended reading stops and nothing is lost"
            )),
            ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt => Self::Failed(format!(
                "the store is damaged ({error}): restore a backup, or start afresh with another --data"
            )),
            ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied => Self::Unusable(format!(
                "the store can't be opened for writing ({error}): the data folder and the files in it must belong to \
                 the user that runs gatewatch"
            )),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy(format!(
                "another program holds the store ({error}): close it, an sqlite3 shell for instance; until then \
                 nothing is written, and nothing is lost"
            )),
            _ => Self::Failed(format!("the store could not be used: {error}")),
        }
    }
}

/// Tells whether the system refused to make a file longer: quotas and file size limits look like this.
fn no_room(extended_code: i32) -> bool {
    matches!(extended_code, ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_SHMSIZE | ffi::SQLITE_IOERR_TRUNCATE)
}

/// Returns the error for data in the store that can't be what was written: names it and the way out.
pub(super) fn damaged(what: &str, how: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!(
        "{what} in the store is damaged ({how}): restore a backup, or start afresh with another --data"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> StoreError {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn a_full_disk_and_a_quota_are_told_from_other_trouble() {
        assert!(matches!(sqlite(ffi::SQLITE_FULL), StoreError::Full(_)));
        assert!(matches!(sqlite(ffi::SQLITE_IOERR_WRITE), StoreError::Full(_)));
        assert!(matches!(sqlite(ffi::SQLITE_BUSY), StoreError::Busy(_)));
        assert!(matches!(sqlite(ffi::SQLITE_IOERR_FSYNC), StoreError::Failed(_)));
        assert!(matches!(sqlite(ffi::SQLITE_CORRUPT), StoreError::Failed(_)));
    }
}
