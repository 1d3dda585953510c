//! What does a text in a Sigma rule stand for, with its wildcards and escapes?
//!
//! `*` is any number of characters, `?` is one, and a backslash makes the next `*`, `?` or backslash plain; before
//! anything else it is itself. A pattern keeps its parts apart, because modifiers put wildcards
//! around it, encode it or vary its dashes before it becomes a test.

use regex::escape;

/// A text with wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Piece>);

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// These characters.
    Plain(String),
    /// Any number of characters.
    Any,
    /// One character.
    One,
    /// A character by which an option may begin: see [`DASHES`].
    Dash,
}

/// The characters that `windash` takes for one another.
pub(super) const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// How a pattern stands to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any text fits.
    Anything,
    /// The text is this.
    Is(String),
    /// It begins so.
    Starts(String),
    /// It ends so.
    Ends(String),
    /// It contains this.
    Contains(String),
    /// Something else, for which a regular expression must look.
    Other,
}

impl Pattern {
    /// Reads `text` as rules write it.
    pub(super) fn read(text: &str) -> Self {
        let mut pattern = Self::default();
        let mut rest = text.chars().peekable();
        while let Some(one) = rest.next() {
            match one {
                '\\' => match rest.next_if(|next| matches!(next, '*' | '?' | '\\')) {
                    Some(plain) => pattern.push(plain),
                    None => pattern.push('\\'),
                },
                '*' => pattern.push_any(),
                '?' => pattern.0.push(Piece::One),
                plain => pattern.push(plain),
            }
        }
        pattern
    }

    /// Returns a pattern of `text` as it stands.
    pub(super) fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::default() } else { Self(vec![Piece::Plain(text)]) }
    }

    fn push(&mut self, plain: char) {
        match self.0.last_mut() {
            Some(Piece::Plain(text)) => text.push(plain),
            _ => self.0.push(Piece::Plain(plain.into())),
        }
    }

    fn push_any(&mut self) {
        if self.0.last() != Some(&Piece::Any) {
            self.0.push(Piece::Any);
        }
    }

    /// Returns the pattern with `*` before it, behind it, or both.
    pub(super) fn open(mut self, before: bool, behind: bool) -> Self {
        if before && self.0.first() != Some(&Piece::Any) {
            self.0.insert(0, Piece::Any);
        }
        if behind {
            self.push_any();
        }
        self
    }

    /// Returns the text, if there is no wildcard in it.
    pub(super) fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns the pattern with each dash that an option may begin with varied: one that stands
    /// before a letter or digit and not behind one.
    pub(super) fn vary_dashes(self) -> Self {
        let mut varied = Self::default();
        for piece in self.0 {
            let Piece::Plain(text) = piece else {
                varied.0.push(piece);
                continue;
            };
            let word = |one: char| one.is_alphanumeric() || one == '_';
            let mut before = None;
            let mut rest = text.chars().peekable();
            while let Some(one) = rest.next() {
                let begins =
                    DASHES.contains(&one) && !before.is_some_and(word) && rest.peek().copied().is_some_and(word);
                if begins {
                    varied.0.push(Piece::Dash);
                } else {
                    varied.push(one);
                }
                before = Some(one);
            }
        }
        varied
    }

    /// Returns the patterns with each dash of its own, at most `most`; `None` if there are more.
    pub(super) fn dashes_apart(&self, most: usize) -> Option<Vec<Self>> {
        let mut all = vec![Self::default()];
        for piece in &self.0 {
            let ways: Vec<Piece> = match piece {
                Piece::Dash => DASHES.iter().map(|dash| Piece::Plain(dash.to_string())).collect(),
                other => vec![other.clone()],
            };
            if all.len() * ways.len() > most {
                return None;
            }
            all = all.iter().flat_map(|so_far| ways.iter().map(|way| so_far.with(way))).collect();
        }
        Some(all)
    }

    fn with(&self, piece: &Piece) -> Self {
        let mut longer = self.clone();
        match piece {
            Piece::Plain(text) => text.chars().for_each(|one| longer.push(one)),
            other => longer.0.push(other.clone()),
        }
        longer
    }

    /// Returns how it stands to a text.
    pub(super) fn shape(&self) -> Shape {
        match self.0.as_slice() {
            [] => Shape::Is(String::new()),
            [Piece::Any] => Shape::Anything,
            [Piece::Plain(text)] => Shape::Is(text.clone()),
            [Piece::Plain(text), Piece::Any] => Shape::Starts(text.clone()),
            [Piece::Any, Piece::Plain(text)] => Shape::Ends(text.clone()),
            [Piece::Any, Piece::Plain(text), Piece::Any] => Shape::Contains(text.clone()),
            _ => Shape::Other,
        }
    }

    /// Returns it as a regular expression that finds something in the texts that fit.
    pub(super) fn as_regex(&self, cased: bool) -> String {
        let mut text = String::from(if cased { "(?s)" } else { "(?si)" });
        let mut pieces = self.0.as_slice();
        match pieces {
            [Piece::Any, rest @ ..] => pieces = rest,
            _ => text.push('^'),
        }
        let open = matches!(pieces, [.., Piece::Any]);
        if open {
            pieces = &pieces[..pieces.len() - 1];
        }
        for piece in pieces {
            match piece {
                Piece::Plain(plain) => text.push_str(&escape(plain)),
                Piece::Any => text.push_str(".*"),
                Piece::One => text.push('.'),
                Piece::Dash => text.push_str("[\\-/\u{2013}\u{2014}\u{2015}]"),
            }
        }
        if !open {
            text.push('$');
        }
        text
    }

    /// Returns the texts between its wildcards.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Plain(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Piece {
        Piece::Plain(text.into())
    }

    #[test]
    fn a_backslash_makes_wildcards_and_itself_plain_and_is_itself_elsewhere() {
        for (text, pieces) in [
            (r"a\b", vec![plain(r"a\b")]),
            (r"a\\b", vec![plain(r"a\b")]),
            (r"a\*b", vec![plain("a*b")]),
            (r"a\?b", vec![plain("a?b")]),
            (r"a\\*", vec![plain(r"a\"), Piece::Any]),
            (r"a\\\*", vec![plain(r"a\*")]),
            (r"a\\\b", vec![plain(r"a\\b")]),
            (r"a\\\\b", vec![plain(r"a\\b")]),
            ("prog?.exe", vec![plain("prog"), Piece::One, plain(".exe")]),
            ("**a**", vec![Piece::Any, plain("a"), Piece::Any]),
            ("a\\", vec![plain("a\\")]),
            ("", vec![]),
        ] {
            assert_eq!(Pattern::read(text), Pattern(pieces), "{text}");
        }
    }

    #[test]
    fn an_expression_holds_where_the_pattern_does() {
        for (text, value, holds) in [
            ("a?c*e", "ABC d E", true),
            ("a?c*e", "ac e", false),
            ("*a.c*", "xxa.cyy", true),
            ("*a.c*", "xxabcyy", false),
            ("a*c", "a\nc", true),
        ] {
            let found = regex::Regex::new(&Pattern::read(text).as_regex(false)).unwrap().is_match(value);
            assert_eq!(found, holds, "{text} {value}");
        }
    }

    #[test]
    fn a_dash_that_begins_an_option_is_any_of_five() {
        let varied = Pattern::read(" -foo a-b /bar").vary_dashes();
        assert_eq!(varied.0, [plain(" "), Piece::Dash, plain("foo a-b "), Piece::Dash, plain("bar")]);
        assert_eq!(varied.dashes_apart(25).unwrap().len(), 25);
        assert_eq!(varied.dashes_apart(24), None);
        let pattern = regex::Regex::new(&varied.open(true, true).as_regex(false)).unwrap();
        assert!(pattern.is_match("x /foo a-b \u{2014}BAR y") && !pattern.is_match("x +foo a-b -bar"));
    }
}
