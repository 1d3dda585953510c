//! What does a TOML table say, and where in the file?
//!
//! Rules are read by hand rather than by `serde`, which stops at the first thing it does not like:
//! people want to hear everything at once, each with its place. At most 100 problems are kept.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most problems of one file that are kept.
const MAX_PROBLEMS: usize = 100;

/// Something wrong with a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file, as it was named.
    pub file: String,
    /// Its text.
    pub text: Arc<str>,
    /// Which bytes of it.
    pub at: Option<Range<usize>>,
    /// What is wrong and what was expected.
    pub says: String,
    /// How to mend it; may be empty.
    pub help: String,
}

impl RuleProblem {
    /// Returns a problem at `at` of `file`, which reads `text`.
    pub fn new(file: &str, text: &str, at: Option<Range<usize>>, says: &str, help: &str) -> Self {
        Self { file: file.to_owned(), text: Arc::from(text), at, says: says.to_owned(), help: help.to_owned() }
    }

    /// Returns the problem of a file that could not be read.
    pub fn unread(file: &str, error: &std::io::Error) -> Self {
        Self::new(
            file,
            "",
            None,
            &format!("the rules could not be read: {error}"),
            "name a file or folder that is there",
        )
    }
}

impl fmt::Display for RuleProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(before) = self.at.as_ref().and_then(|at| self.text.get(..at.start)) {
            let line = before.matches('\n').count() + 1;
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.says)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, "; {}", self.help) }
    }
}

/// The reading of one file.
pub struct Reading<'f> {
    file: &'f str,
    text: &'f str,
    /// What is wrong with it.
    pub problems: Vec<RuleProblem>,
    /// What its owner should know.
    pub notes: Vec<String>,
}

/// A table and where it stands.
#[derive(Clone, Copy)]
pub struct Section<'t> {
    /// The table.
    pub table: &'t DeTable<'t>,
    start: usize,
    end: usize,
}

impl Section<'_> {
    /// Returns where it stands.
    pub fn at(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl<'f> Reading<'f> {
    /// Begins to read `file`, which reads `text`.
    pub fn new(file: &'f str, text: &'f str) -> Self {
        Self { file, text, problems: Vec::new(), notes: Vec::new() }
    }

    /// Returns the file's table, if it is TOML.
    pub fn root(&mut self) -> Option<DeTable<'f>> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.problem(error.span(), error.message(), "");
        }
        errors.is_empty().then(|| root.into_inner())
    }

    /// Records a problem.
    pub fn problem(&mut self, at: Option<Range<usize>>, says: &str, help: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(RuleProblem::new(self.file, self.text, at, says, help));
        }
    }

    /// Records what the file's owner should know.
    pub fn note(&mut self, says: &str) {
        if self.notes.len() < MAX_PROBLEMS {
            self.notes.push(format!("{}: {says}", self.file));
        }
    }

    /// Returns the bytes of the file at `at`, as they are written.
    pub fn written(&self, at: &Range<usize>) -> &'f str {
        self.text.get(at.clone()).unwrap_or_default()
    }

    /// Returns the tables of `name`, an array of tables or one table.
    pub fn sections<'t>(&mut self, table: &'t DeTable<'t>, name: &str) -> Vec<Section<'t>> {
        let Some(value) = table.get(name) else { return Vec::new() };
        let section = |value: &'t Spanned<DeValue<'t>>| match value.get_ref() {
            DeValue::Table(table) => Some(Section { table, start: value.span().start, end: value.span().end }),
            _ => None,
        };
        let all: Option<Vec<_>> = match value.get_ref() {
            DeValue::Table(_) => section(value).map(|one| vec![one]),
            DeValue::Array(items) => items.iter().map(section).collect(),
            _ => None,
        };
        all.unwrap_or_else(|| {
            self.problem(Some(value.span()), &format!("`{name}` is not a table"), &format!("write [[{name}]]"));
            Vec::new()
        })
    }

    /// Returns the text of `name` and where it stands.
    pub fn string<'t>(&mut self, table: &'t DeTable<'t>, name: &str) -> Option<(&'t str, Range<usize>)> {
        let value = table.get(name)?;
        if let DeValue::String(text) = value.get_ref() {
            return Some((text, value.span()));
        }
        self.problem(Some(value.span()), &format!("`{name}` is not a text"), "put it in quotes");
        None
    }

    /// Returns the texts of `name`, a list of them, and where they stand.
    pub fn strings<'t>(&mut self, table: &'t DeTable<'t>, name: &str) -> Vec<(&'t str, Range<usize>)> {
        let Some(value) = table.get(name) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.problem(Some(value.span()), &format!("`{name}` is not a list"), "put it in brackets: [\"…\"]");
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => texts.push((&**text, item.span())),
                _ => self.problem(Some(item.span()), &format!("`{name}` holds what is not a text"), "put it in quotes"),
            }
        }
        texts
    }

    /// Returns the number of `name`.
    pub fn number(&mut self, table: &DeTable<'_>, name: &str) -> Option<f32> {
        let value = table.get(name)?;
        let digits = match value.get_ref() {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) => number.as_str(),
            _ => "",
        };
        let number = digits.parse::<f32>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        if number.is_none() {
            self.problem(
                Some(value.span()),
                &format!("`{name}` is not a number of 0 or more"),
                "write it without quotes",
            );
        }
        number
    }

    /// Complains of every key of `section` that is not `known`.
    pub fn only(&mut self, section: &Section<'_>, known: &[&str]) {
        for (key, _) in section.table {
            if !known.contains(&&**key.get_ref()) {
                let nearest = known.iter().min_by_key(|name| strsim::damerau_levenshtein(name, key.get_ref()));
                let help = nearest.map_or(String::new(), |name| format!("did you mean `{name}`?"));
                self.problem(Some(key.span()), &format!("`{}` is not known here", key.get_ref()), &help);
            }
        }
    }
}
