//! What does a rule's owner say is no secret?
//!
//! Allow-lists as gitleaks writes them: patterns on the secret, the match or its line, and words in
//! the secret. Paths and commits are never those of a record, so what asks for one never allows. Of
//! a line, the 2 KiB before and behind the match count.

use std::ops::Range;

use super::pattern::Pattern;

/// How far around a match its line is read.
const LINE: usize = 2 << 10;

/// What an allow-list's patterns are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The secret.
    Secret,
    /// All that the rule's pattern matched.
    Match,
    /// The line around it.
    Line,
}

/// What is no secret, whatever a rule says.
#[derive(Debug)]
pub struct Allowed {
    /// Patterns, any of which allows.
    pub patterns: Vec<Pattern>,
    /// What they are compared with.
    pub target: Target,
    /// Words in lower case, any of which in the secret allows.
    pub words: Vec<String>,
    /// Whether all that is asked for must hold, rather than any.
    pub all: bool,
    /// Whether it asks for a path or commit as well, which no record has.
    pub elsewhere: bool,
}

impl Allowed {
    /// Tells whether `secret` in `whole`, a match in `text`, is no secret.
    pub fn allows(&self, text: &[u8], whole: &Range<usize>, secret: &Range<usize>) -> bool {
        let target = match self.target {
            Target::Secret => secret.clone(),
            Target::Match => whole.clone(),
            Target::Line => line(text, whole),
        };
        let by_pattern = || self.patterns.iter().any(|pattern| pattern.matches(&text[target.clone()]));
        let by_word = || {
            let secret = text[secret.clone()].to_ascii_lowercase();
            self.words.iter().any(|word| memchr::memmem::find(&secret, word.as_bytes()).is_some())
        };
        if !self.all {
            return by_pattern() || by_word();
        }
        let asks = !self.patterns.is_empty() || !self.words.is_empty();
        asks && !self.elsewhere && (self.patterns.is_empty() || by_pattern()) && (self.words.is_empty() || by_word())
    }
}

fn line(text: &[u8], at: &Range<usize>) -> Range<usize> {
    let floor = at.start.saturating_sub(LINE);
    let ceiling = (at.end + LINE).min(text.len());
    let start = memchr::memrchr(b'\n', &text[floor..at.start]).map_or(floor, |newline| floor + newline + 1);
    let end = memchr::memchr(b'\n', &text[at.end..ceiling]).map_or(ceiling, |newline| at.end + newline);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_or_all_of_what_is_asked_for_allows() {
        let text = b"one\nkey = EXAMPLEabc # test\nthree";
        let (whole, secret) = (4..20, 10..20);
        let list = |patterns: &[&str], target, words: &[&str], all, elsewhere| Allowed {
            patterns: patterns.iter().map(|text| Pattern::read(text).unwrap()).collect(),
            target,
            words: words.iter().map(|&word| word.to_owned()).collect(),
            all,
            elsewhere,
        };
        let allows = |list: Allowed| list.allows(text, &whole, &secret);
        assert!(allows(list(&["^EXAMPLE"], Target::Secret, &[], false, false)));
        assert!(allows(list(&["^key = "], Target::Match, &[], false, false)));
        assert!(allows(list(&["test$"], Target::Line, &[], false, false)));
        assert!(allows(list(&["nothing"], Target::Secret, &["example"], false, true)));
        assert!(!allows(list(&["three"], Target::Line, &["other"], false, false)));
        assert!(!allows(list(&["nothing"], Target::Secret, &["example"], true, false)));
        assert!(allows(list(&["EX"], Target::Secret, &["example"], true, false)));
        assert!(!allows(list(&["EX"], Target::Secret, &["example"], true, true)));
    }
}
