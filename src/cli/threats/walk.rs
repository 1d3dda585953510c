//! Which files does a repository hold?
//!
//! Folders are walked in the order of their names; what tools put there (dependencies, caches,
//! version control) is passed over, and links are not followed. At most 200,000 files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::talk::Failure;

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
pub fn files(paths: &[PathBuf]) -> Result<Found, Failure> {
    let mut found = Found::default();
    for path in paths {
        let about = std::fs::metadata(path)
            .map_err(|error| Failure::Io(format!("{} can't be read: {error}. Check the path.", path.display())))?;
        if about.is_dir() { below(path, &mut found)? } else { add(path, &mut found)? }
    }
    Ok(found)
}

/// Takes what stands below a folder; one that can't be read harms no other.
fn below(folder: &Path, found: &mut Found) -> Result<(), Failure> {
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

fn add(path: &Path, found: &mut Found) -> Result<(), Failure> {
    if found.files.len() + found.unread.len() >= MAX_FILES {
        return Err(Failure::Usage(format!("there are more than {MAX_FILES} files. Check folders one by one.")));
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
