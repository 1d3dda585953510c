//! `gatewatch backup`: store and key in one file.

use std::process::ExitCode;

use super::args::Backup;
use super::talk::{Failure, say};

/// Writes the backup and says what it holds.
pub fn backup(options: &Backup) -> Result<ExitCode, Failure> {
    let done = crate::store::Store::backup(&options.data.data, &options.file)
        .map_err(|error| Failure::Io(error.to_string()))?;
    let key = if done.with_key {
        "and the installation's key: keep it as safe as the data folder"
    } else {
        "but no key, for that is not kept in the data folder: back it up where it is"
    };
    say(&format!("{} holds the store ({:.1} MB) {key}.", options.file.display(), done.bytes as f64 / 1e6));
    Ok(ExitCode::SUCCESS)
}
