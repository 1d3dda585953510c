//! `gatewatch restore`: store and key back from one file.

use std::process::ExitCode;

use super::args::Restore;
use super::talk::{Failure, say};

/// Brings the backup back and says what it held.
pub fn restore(options: &Restore) -> Result<ExitCode, Failure> {
    let data = &options.data.data;
    let done =
        crate::store::Store::restore_backup(&options.file, data).map_err(|error| Failure::Io(error.to_string()))?;
    let key = if done.with_key {
        "and the installation's key"
    } else {
        "but no key, for that was not kept in the data folder"
    };
    say(&format!(
        "{} holds the store ({:.1} MB) {key}. It has no tokens: make new ones with gatewatch token create NAME --data {}",
        data.display(),
        done.bytes as f64 / 1e6,
        data.display()
    ));
    Ok(ExitCode::SUCCESS)
}
