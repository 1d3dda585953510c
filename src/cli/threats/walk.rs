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

/// Returns the files at and below `paths`: their paths by their names with `/`.
pub fn files(paths: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut found = BTreeMap::new();
    for path in paths {
        let about = std::fs::metadata(path)
            .map_err(|error| Failure::Io(format!("{} can't be read: {error}. Check the path.", path.display())))?;
        if about.is_dir() { below(path, &mut found)? } else { add(path, &mut found)? }
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<(), Failure> {
    let unread = |error: std::io::Error| Failure::Io(format!("{} can't be read: {error}", folder.display()));
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let kind = entry.file_type().map_err(unread)?;
        let name = entry.file_name();
        if kind.is_dir() && !PASSED.iter().any(|passed| name == *passed) {
            below(&entry.path(), found)?;
        } else if kind.is_file() {
            add(&entry.path(), found)?;
        }
    }
    Ok(())
}

fn add(path: &Path, found: &mut BTreeMap<String, PathBuf>) -> Result<(), Failure> {
    if found.len() >= MAX_FILES {
        return Err(Failure::Usage(format!("there are more than {MAX_FILES} files. Check folders one by one.")));
    }
    let parts: Vec<_> = path
        .components()
        .filter(|part| !matches!(part, std::path::Component::CurDir))
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    let name = parts.join("/").replacen("//", "/", 1);
    found.insert(name, path.to_owned());
    Ok(())
}
