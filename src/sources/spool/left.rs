//! What was taken in by a source that is not configured any more?
//!
//! A `202` was a promise, whatever became of the source's name since. What is left is read to its
//! end under the old name; once all of it has been, the folder goes. As many folders as there are.

use std::fs;
use std::io;
use std::path::Path;

use super::{Spool, SpoolError, path, segments, source};
use crate::sources::ResumePoints;

/// Returns the names of the sources that have a spool below `folder`.
pub fn spool_names(folder: &Path) -> Result<Vec<String>, SpoolError> {
    let listed = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort_unstable();
        Ok(names)
    };
    match listed() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed.map_err(|error| SpoolError::Io { folder: folder.to_owned(), error }),
    }
}

/// Opens the spool of the source called `name` in `folder`, to be read and not written to, if there is anything
/// in it behind its resume point; else deletes it, for all of it has been read and committed.
pub fn left_over(name: &str, folder: &Path, resume: &ResumePoints) -> Result<Option<Spool>, SpoolError> {
    let resume = resume.get(&source::stream(name)).map_or(0, |&at| at.max(0).unsigned_abs());
    let trouble = |error| SpoolError::Io { folder: folder.to_owned(), error };
    if segments(folder).map_err(trouble)?.is_empty() {
        return Ok(None);
    }
    let spool = Spool::open(folder, u64::MAX)?;
    if spool.behind(resume) > 0 {
        return Ok(Some(spool));
    }
    let read = spool.lock().segments.clone();
    drop(spool);
    for segment in read {
        fs::remove_file(path(folder, segment)).map_err(trouble)?;
    }
    // Whatever else may lie there is not ours.
    let _ = fs::remove_dir(folder);
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_read_is_left_over_and_what_was_read_goes() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("web");
        assert_eq!(spool_names(&data.path().join("nowhere")).unwrap(), [""; 0]);
        let spool = Spool::open(&folder, 1 << 20).unwrap();
        spool.append(b"one", &[]).unwrap();
        let end = spool.behind(0);
        drop(spool);
        assert_eq!(spool_names(data.path()).unwrap(), ["web"]);
        let left = |read: u64| {
            let resume = ResumePoints::from([(source::stream("web"), read as i64)]);
            left_over("web", &folder, &resume).unwrap().map(|spool| spool.behind(0))
        };
        assert_eq!([left(0), left(end - 1)], [Some(end); 2]);
        assert_eq!(left(end), None);
        assert!(!folder.exists());
    }
}
