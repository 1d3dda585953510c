//! What is wrong in a file that people wrote, and how is it mended?
//!
//! All problems of a file are told at once; at most 100 of them, the rest waits until those are
//! mended.

use std::fmt;

/// Problems kept of one file.
const MAX_PROBLEMS: usize = 100;

/// Something wrong in a file that people wrote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, relative to the detectors' folder.
    pub file: String,
    /// Its line, from 1; 0 where the problem has no place.
    pub line: usize,
    /// What is wrong, what was expected, and how to mend it.
    pub says: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.says),
            line => write!(f, "{}:{line}: {}", self.file, self.says),
        }
    }
}

/// The problems of one file, as they are found.
#[derive(Debug)]
pub struct Problems {
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    /// Returns no problems yet of `file`.
    pub fn of(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    /// Adds a problem on `line`.
    pub fn add(&mut self, line: usize, says: impl Into<String>) {
        if self.list.len() < MAX_PROBLEMS {
            self.list.push(Problem { file: self.file.clone(), line, says: says.into() });
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns them in order of their lines.
    pub fn into_list(mut self) -> Vec<Problem> {
        self.list.sort();
        self.list.dedup();
        self.list
    }
}
