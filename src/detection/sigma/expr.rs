//! What does a Sigma rule ask of an event, before it is known which event?
//!
//! An [`Expr`] speaks of fields by the names that the rule gives them; for each category of records it becomes
//! a condition on values. With every test goes what at least one value must be or
//! contain for it to hold ([`Keys`]), by which rules are found without trying each.

use std::sync::Arc;

use crate::detection::words::{Case, How};

use super::test::Test;

/// What a rule asks.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// All of these.
    All(Vec<Expr>),
    /// One of these.
    Any(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// What a search identifier of this name asks, which is told by it.
    Named(String, Box<Expr>),
    /// A test on a field.
    Is(Asked, Arc<Sound>),
    /// A field stands so to another: it is, begins, ends with or (`None`) contains it.
    Same(String, Option<How>, String, Case),
}

/// What a test looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    /// The field of this name.
    Field(String),
    /// The whole record.
    Record,
    /// The name that the record gives to what wrote it.
    Writer,
}

/// A test, and what a value must have for it to hold.
#[derive(Clone, Debug)]
pub(super) struct Sound {
    pub(super) test: Test,
    pub(super) keys: Keys,
}

/// What at least one value of the field has if a test holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Keys {
    /// Nothing certain.
    Unknown,
    /// One of these.
    OneOf(Vec<Key>),
}

/// Something by which a value is found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Key {
    /// It is this, in lower case.
    Is(String),
    /// It is this number.
    Number(f64),
    /// It contains this, in lower case; ASCII.
    Part(String),
}

impl Expr {
    /// Returns all of `parts` as one.
    pub(super) fn all(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.swap_remove(0) } else { Self::All(parts) }
    }

    /// Returns any of `parts` as one.
    pub(super) fn any(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 { parts.swap_remove(0) } else { Self::Any(parts) }
    }

    /// Returns it under the name that a rule gives it.
    pub(super) fn named(self, name: &str) -> Self {
        Self::Named(name.to_owned(), Box::new(self))
    }

    /// Returns the opposite.
    pub(super) fn not(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Returns how many tests there are.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::size).sum::<usize>() + 1,
            Self::Not(inner) | Self::Named(_, inner) => inner.size(),
            Self::Is(..) | Self::Same(..) => 1,
        }
    }
}

impl Key {
    /// Returns the longest part of `words` that is ASCII, as a key of a value that contains them all.
    pub(super) fn longest<'w>(words: impl Iterator<Item = &'w str>) -> Option<Self> {
        let parts = words.flat_map(|word| word.split(|one: char| !one.is_ascii()));
        let longest = parts.max_by_key(|part| part.len()).filter(|part| part.len() >= 2)?;
        Some(Self::Part(longest.to_ascii_lowercase()))
    }

    /// Returns a guess at how many of a thousand values have it.
    pub(super) fn commonness(&self) -> u32 {
        const COMMON: [&str; 14] = [
            "get",
            "post",
            "200",
            "0",
            "1",
            "true",
            "false",
            "success",
            "failure",
            "404",
            "-",
            "administrative",
            "http",
            "azure",
        ];
        match self {
            Self::Is(text) if COMMON.contains(&text.as_str()) || text.is_empty() => 400,
            Self::Number(number) if [0.0, 1.0, 200.0, 404.0].contains(number) => 400,
            Self::Is(_) | Self::Number(_) => 4,
            Self::Part(text) if COMMON.contains(&text.as_str()) => 300,
            Self::Part(text) => match text.len() {
                0..=2 => 300,
                3 => 60,
                4 => 20,
                5 | 6 => 6,
                _ => 2,
            },
        }
    }
}

impl Keys {
    /// Returns a guess at how many of a thousand values have one.
    pub(super) fn commonness(&self) -> u32 {
        match self {
            Self::Unknown => u32::MAX,
            Self::OneOf(keys) => keys.iter().fold(0, |sum, key| u32::saturating_add(sum, key.commonness())),
        }
    }
}
