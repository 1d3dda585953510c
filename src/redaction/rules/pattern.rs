//! A pattern that costs time in proportion to the text, and memory with a ceiling.
//!
//! Read at once, built when it is first needed: a hundred patterns are parsed in milliseconds and
//! most are never met. Bytes, not letters: `\w` is ASCII and `.` any byte but a newline. Only
//! patterns that name letters beyond ASCII are read with Unicode.

use std::ops::Range;
use std::sync::OnceLock;

use regex_automata::meta::{Config, Regex};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::redaction::scan::bytes::Set;

/// The longest pattern that is read, bytes.
pub const LONGEST: usize = 32 << 10;
/// The most memory that a built pattern may take, bytes.
const SIZE: usize = 4 << 20;
/// The most memory that its states may take while it is searched, bytes; beyond, it goes slower.
const STATES: usize = 512 << 10;

/// A pattern.
#[derive(Debug)]
pub struct Pattern {
    hir: Hir,
    built: OnceLock<Option<Regex>>,
    /// What may stand before a match, and how much of it, if that was taken off.
    lead: Option<(Set, usize)>,
}

/// Why a pattern could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPattern {
    /// Where in it, bytes.
    pub at: Option<Range<usize>>,
    /// What is wrong.
    pub says: String,
}

impl BadPattern {
    fn new(says: impl Into<String>) -> Self {
        Self { at: None, says: says.into() }
    }
}

impl Pattern {
    /// Reads `text`.
    pub fn read(text: &str) -> Result<Self, BadPattern> {
        if text.len() > LONGEST {
            return Err(BadPattern::new(format!("it is longer than {} KiB", LONGEST >> 10)));
        }
        let config = syntax::Config::new().unicode(false).utf8(false).nest_limit(100);
        let parsed = syntax::parse_with(text, &config);
        let parsed = match parsed {
            Err(_) if !text.is_ascii() || text.contains("\\p") || text.contains("\\P") || text.contains("\\x{") => {
                syntax::parse_with(text, &config.unicode(true))
            }
            parsed => parsed,
        };
        match parsed {
            Ok(hir) => Ok(Self { hir, built: OnceLock::new(), lead: None }),
            Err(error) => Err(explain(&error)),
        }
    }

    /// Takes off a run at the start that may as well be empty, such as `[\w.-]{0,50}?`: with a
    /// group that is the secret it finds nothing more, and a match begins with its word.
    #[must_use]
    pub fn without_lead(mut self) -> Self {
        if self.groups() == 0 {
            return self;
        }
        let HirKind::Concat(parts) = self.hir.kind() else { return self };
        let Some((first, rest)) = parts.split_first() else { return self };
        let HirKind::Repetition(run) = first.kind() else { return self };
        let HirKind::Class(Class::Bytes(class)) = run.sub.kind() else { return self };
        let Some(most) = run.max.filter(|_| run.min == 0) else { return self };
        let bytes: Vec<u8> = class.iter().flat_map(|one| one.start()..=one.end()).collect();
        self.lead = Some((Set::of(&bytes), most as usize));
        self.hir = Hir::concat(rest.to_vec());
        self
    }

    /// Returns `found` with what may stand before it.
    pub fn with_lead(&self, text: &[u8], found: &Range<usize>) -> Range<usize> {
        let Some((set, most)) = &self.lead else { return found.clone() };
        let lead = text[..found.start].iter().rev().take(*most).take_while(|byte| set.has(**byte)).count();
        found.start - lead..found.end
    }

    /// Builds it now, so that whoever wrote it hears of it.
    pub fn build(&self) -> Result<(), BadPattern> {
        match self.regex() {
            Some(_) => Ok(()),
            None => {
                Err(BadPattern::new(format!("it takes more than {} MiB to build: make its counts smaller", SIZE >> 20)))
            }
        }
    }

    /// Returns the pattern as it was read.
    pub fn hir(&self) -> &Hir {
        &self.hir
    }

    /// Returns how many groups it has, not counting the whole.
    pub fn groups(&self) -> usize {
        self.hir.properties().explicit_captures_len()
    }

    /// Returns the length of its longest match, bytes; `None` if there is no longest.
    pub fn longest(&self) -> Option<usize> {
        self.hir.properties().maximum_len()
    }

    /// Tells whether it matches anywhere in `text`.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// Returns the first match in `text[range]`; what stands around the range is seen by `\b`, `^`
    /// and `$`.
    pub fn first(&self, text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
        self.regex()?.search(&Input::new(text).range(range)).map(|found| found.range())
    }

    /// Returns the match in `text[range]` that begins where the range does.
    pub fn at(&self, text: &[u8], range: Range<usize>) -> Option<Range<usize>> {
        self.regex()?.search(&Input::new(text).range(range).anchored(Anchored::Yes)).map(|found| found.range())
    }

    /// Returns the groups of the match that is exactly `found`.
    pub fn groups_of(&self, text: &[u8], found: Range<usize>) -> Option<Captures> {
        let regex = self.regex()?;
        let mut groups = regex.create_captures();
        regex.search_captures(&Input::new(text).range(found).anchored(Anchored::Yes), &mut groups);
        groups.is_match().then_some(groups)
    }

    fn regex(&self) -> Option<&Regex> {
        let build = || {
            let config = Config::new()
                .utf8_empty(false)
                .nfa_size_limit(Some(SIZE))
                .hybrid_cache_capacity(STATES)
                .onepass_size_limit(Some(SIZE / 16))
                .dfa(false);
            Regex::builder().configure(config).build_from_hir(&self.hir).ok()
        };
        self.built.get_or_init(build).as_ref()
    }
}

fn explain(error: &regex_syntax::Error) -> BadPattern {
    let (says, span) = match error {
        regex_syntax::Error::Parse(error) => (error.kind().to_string(), Some(error.span())),
        regex_syntax::Error::Translate(error) => (error.kind().to_string(), Some(error.span())),
        other => (other.to_string().lines().last().unwrap_or_default().to_owned(), None),
    };
    BadPattern { at: span.map(|span| span.start.offset..span.end.offset), says }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_a_range_is_seen() {
        let pattern = Pattern::read(r"\bkey_([a-z]+)$").unwrap();
        assert_eq!(pattern.first(b"xkey_abc", 1..8), None);
        assert_eq!(pattern.first(b" key_abc", 1..7), None);
        assert_eq!(pattern.first(b" key_abc", 1..8), Some(1..8));
        let groups = pattern.groups_of(b" key_abc", 1..8).unwrap();
        assert_eq!(groups.get_group(1).map(|span| span.range()), Some(5..8));
    }

    #[test]
    fn letters_beyond_ascii_can_be_named() {
        assert!(Pattern::read("[é]x").unwrap().matches("éx".as_bytes()));
        assert!(Pattern::read(r"\p{Greek}").unwrap().matches("λ".as_bytes()));
        assert!(!Pattern::read(r"^\w$").unwrap().matches("λ".as_bytes()));
    }

    #[test]
    fn a_pattern_that_would_take_too_much_is_refused() {
        let wrong = Pattern::read("(a").unwrap_err();
        assert!(wrong.says.contains("unclosed") && wrong.at == Some(0..1), "{wrong:?}");
        let large = Pattern::read(r"(?:[ab]{1000}){1000}");
        assert!(large.is_err() || large.unwrap().build().is_err());
        assert!(Pattern::read(&"a".repeat(LONGEST + 1)).is_err());
    }
}
