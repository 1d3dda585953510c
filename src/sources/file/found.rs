//! Which files do the patterns mean now?
//!
//! Whoever writes a pattern means files. One that has never led to any is complained of while the
//! source follows, for nothing else would tell it from a log that is quiet; and it is an error if
//! all of them are, where a source reads once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::sources::SourceError;

use super::done::Stamp;
use super::follow::Files;
use super::identity::Inode;

/// For how many looks (seconds) a pattern may lead to no file before that is said.
const PATIENCE: u64 = 10;

/// A file to which a pattern leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) inode: Inode,
    pub(super) length: u64,
    pub(super) stamp: Stamp,
}

impl Files {
    /// Finds the files to which the patterns lead.
    ///
    /// Fails with [`SourceError::Fatal`] if a pattern makes no sense, or if there is nothing to read and nothing will come.
    pub(super) fn find(&mut self) -> Result<BTreeMap<PathBuf, Found>, SourceError> {
        let mut files = BTreeMap::new();
        for (n, pattern) in self.settings.paths.iter().enumerate() {
            let paths = glob::glob(pattern).map_err(|error| {
                SourceError::Fatal(format!("The path {pattern} of the source {} is no pattern: {error}.", self.source))
            })?;
            let (mut fruitless, mut other) = (true, None);
            for path in paths {
                match path {
                    Ok(path) => {
                        let Ok(meta) = std::fs::metadata(&path) else { continue };
                        if meta.is_file() {
                            fruitless = false;
                            let stamp = Stamp::of(&meta);
                            files.insert(path, Found { inode: Inode::of(&meta), length: meta.len(), stamp });
                        } else {
                            other.get_or_insert((path, meta.is_dir()));
                        }
                    }
                    // A folder that can't be entered hides its files; the others are read all the same.
                    Err(error) => _ = self.unread.insert(error.path().to_owned(), error.error().to_string()),
                }
            }
            if fruitless && (self.first || self.fruitless.contains_key(&n)) {
                self.fruitless.insert(n, why_fruitless(pattern, other));
            } else {
                self.fruitless.remove(&n);
            }
        }
        if self.first && !self.settings.follow && files.is_empty() {
            return Err(SourceError::Fatal(format!(
                "The source {} has nothing to read: {}.",
                self.source,
                self.whys()
            )));
        }
        Ok(files)
    }

    /// Says which patterns have led to no file since the start, if it is time to say so.
    pub(super) fn fruitless(&self) -> Option<String> {
        (self.settings.follow && self.looks >= PATIENCE && !self.fruitless.is_empty()).then(|| {
            format!(
                "The source {} waits for files in vain: {}. What comes there is read, without a restart.",
                self.source,
                self.whys()
            )
        })
    }

    fn whys(&self) -> String {
        let whys: Vec<&str> = self.fruitless.values().map(String::as_str).collect();
        whys.join("; ")
    }
}

/// Returns why `pattern` leads to no file: what it leads to instead, if to anything, may be a folder.
fn why_fruitless(pattern: &str, other: Option<(PathBuf, bool)>) -> String {
    match other {
        None => format!("no file matches {pattern}"),
        Some((path, true)) => {
            let path = path.display();
            format!("{path} is a folder, write {path}/* (or {path}/**/* with those within) for its files")
        }
        Some((path, false)) => {
            format!("{} is a pipe or device and not a file, give it to standard input and write -", path.display())
        }
    }
}
