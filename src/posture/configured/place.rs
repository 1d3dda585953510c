//! Where does it stand?
//!
//! A place is a file, a line and, where a line says little (a template that a tool wrote in one
//! line), a JSON pointer.

use std::fmt;
use std::sync::Arc;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
    /// The JSON pointer to it, such as `/resources/0/properties/httpsOnly`; empty where there is none.
    pub pointer: String,
}

impl Place {
    /// Returns a place without a pointer.
    pub fn line(file: &Arc<str>, line: u32) -> Self {
        Self { file: file.clone(), line, pointer: String::new() }
    }

    /// Returns the place of `path` (its parts joined by dots) below this one.
    #[must_use]
    pub fn below(&self, path: &str, line: u32) -> Self {
        let mut pointer = self.pointer.clone();
        for part in path.split('.').filter(|part| !part.is_empty()) {
            pointer.push('/');
            pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        }
        Self { file: self.file.clone(), line, pointer }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if !self.pointer.is_empty() {
            write!(f, " ({})", self.pointer)?;
        }
        Ok(())
    }
}
