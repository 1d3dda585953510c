//! Why is there no key, or why can't it be changed?

use std::io;
use std::path::PathBuf;

/// Why there is no key, or why it stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key's file can't be read or written.
    #[error(
        "the key file {path} can't be {what}: {source}. Check that its folder exists and belongs to whoever runs the daemon"
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: `read` or `written`.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// It is somebody else's.
    #[error("the key file {path} can't be read: {mend}")]
    Anothers {
        /// The file.
        path: PathBuf,
        /// Whose it is, and how it becomes ours.
        mend: String,
    },
    /// Others than its owner can read the file.
    #[error(
        "the key file {path} can be read by others (mode {mode:o}). Run `chmod 600 {path}`; if others may have read it, make a new key: gatewatch keys rotate"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The text holds no key in the right form.
    #[error(
        "the key text is wrong in line {line}: {why}. A line is a key id and 32 bytes as base64: `k1 <44 characters>`; restore it from a backup"
    )]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes for a new key: {0}")]
    Random(String),
    /// A rotation is under way.
    #[error(
        "key {coming} is coming already: let it take over first, or give the rotation up with: gatewatch keys destroy {coming}"
    )]
    Rotating {
        /// The key that is coming.
        coming: String,
    },
    /// No more keys fit.
    #[error(
        "there are 16 keys, as many as are kept, or their numbers have run out: destroy old ones with: gatewatch keys destroy ID"
    )]
    Full,
    /// There is no such key.
    #[error("there is no key `{id}`: there are {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// The ids there are.
        known: String,
    },
    /// The key in use can't go.
    #[error(
        "key {id} is in use: fingerprints are made with it. Make another first with: gatewatch keys rotate; it can go once that has taken over"
    )]
    InUse {
        /// The key.
        id: String,
    },
    /// Another process changes the file.
    #[error("the key file {path} is being changed by another process: try again when that has ended")]
    Changing {
        /// The file.
        path: PathBuf,
    },
}
