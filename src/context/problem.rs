//! What is wrong with a file that context comes from?

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Something wrong in a file: where, what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextProblem {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Its line, from 1; 0 where the problem has no place.
    pub line: usize,
    /// What is wrong, what was expected, and how to mend it.
    pub says: String,
    /// The file's text, to point into; empty where it is too long to be shown.
    pub text: Arc<str>,
}

impl ContextProblem {
    /// Returns a problem of the file as a whole.
    pub fn whole(file: &Path, says: String) -> Self {
        Self { file: file.to_owned(), line: 0, says, text: "".into() }
    }
}

impl fmt::Display for ContextProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file.display(), self.says),
            line => write!(f, "{}:{line}: {}", self.file.display(), self.says),
        }
    }
}
