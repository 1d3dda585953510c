//! Which files does a repository hold?
//!
//! Folders are walked in the order of their names; what tools put there (dependencies, caches,
//! version control) is passed over, and links are not followed. At most 200,000 files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why nothing was walked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwalked {
    /// What was named is not there or can't be read.
    #[error("{0} can't be read: {1}. Check the path.")]
    Gone(String, String),
    /// There are too many files.
    #[error("there are more than {MAX_FILES} files. Check folders one by one.")]
    TooMany,
}

/// Files taken.
const MAX_FILES: usize = 200_000;
/// Folders that hold nothing of one's own.
const PASSED: [&str; 9] =
    [".git", ".terraform", "node_modules", ".venv", "venv", "__pycache__", ".python_packages", "site-packages", ".vs"];

/// Files by their names with `/`, and folders that can't be read, with the reason.
#[derive(Debug, Default)]
pub struct Found {
    /// The files.
    pub files: BTreeMap<String, PathBuf>,
    /// What can't be read.
    pub unread: Vec<(String, String)>,
}

/// Returns the files at and below `paths`; fails where one of those is not there.
///
/// # Errors
///
/// Says which path is not there, or that there are too many files.
pub fn files(paths: &[PathBuf]) -> Result<Found, Unwalked> {
    let mut found = Found::default();
    for path in paths {
        let gone = |error: std::io::Error| Unwalked::Gone(path.display().to_string(), error.to_string());
        let about = std::fs::metadata(path).map_err(gone)?;
        if about.is_dir() { below(path, &mut found)? } else { add(path, &mut found)? }
    }
    Ok(found)
}

/// Takes what stands below a folder; one that can't be read harms no other.
fn below(folder: &Path, found: &mut Found) -> Result<(), Unwalked> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            found.unread.push((folder.display().to_string(), format!("The folder can't be read: {error}.")));
            return Ok(());
        }
    };
    for entry in entries {
        let (entry, kind) = match entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind))) {
            Ok(both) => both,
            Err(error) => {
                let says = format!("Something in the folder can't be read: {error}.");
                found.unread.push((folder.display().to_string(), says));
                continue;
            }
        };
        let name = entry.file_name();
        if kind.is_dir() && !PASSED.iter().any(|passed| name == *passed) {
            below(&entry.path(), found)?;
        } else if kind.is_file() {
            add(&entry.path(), found)?;
        }
    }
    Ok(())
}

fn add(path: &Path, found: &mut Found) -> Result<(), Unwalked> {
    if found.files.len() + found.unread.len() >= MAX_FILES {
        return Err(Unwalked::TooMany);
    }
    let parts: Vec<_> = path
        .components()
        .filter(|part| !matches!(part, std::path::Component::CurDir))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let name = parts.join("/").replacen("//", "/", 1);
    found.files.insert(name, path.to_owned());
    Ok(())
}
