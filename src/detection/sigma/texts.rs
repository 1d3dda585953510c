//! How are many texts of a rule compared with a value at once? From patterns to as few tests as can be.
//!
//! Texts that a value is, begins with, ends with or contains go together; what has wildcards inside, or letters
//! beyond ASCII whose case is to be ignored, becomes a regular expression.

use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex::RegexBuilder;
use regex_syntax::hir::literal::Extractor;

use crate::detection::words::{Case, How, Sought, Words};

use super::expr::{Asked, Expr, Key, Keys, Sound};
use super::modifiers::MAX_PATTERN;
use super::pattern::{Pattern, Shape};
use super::test::Test;

/// Words of one kind, and their keys.
#[derive(Default)]
struct Group {
    words: Vec<String>,
    keys: Vec<Option<Key>>,
}

/// Returns an expression that holds if a value of `asked` fits one of `patterns`, or why there is none.
pub(super) fn texts(asked: &Asked, patterns: &[Pattern], case: Case) -> Result<Expr, String> {
    let (mut is, mut starts, mut ends, mut contains) = <(Group, Group, Group, Group)>::default();
    let mut exprs = Vec::new();
    let mut push = |test: Test, keys: Keys| exprs.push(Expr::Is(asked.clone(), Arc::new(Sound { test, keys })));
    for pattern in patterns {
        let simple = case == Case::Kept || pattern.parts().all(str::is_ascii);
        match pattern.shape() {
            Shape::Anything => push(Test::Anything, Keys::Unknown),
            Shape::Is(text) if text.is_empty() => push(Test::Empty, Keys::Unknown),
            Shape::Is(text) if simple => {
                let key = text.is_ascii().then(|| Key::Is(text.to_ascii_lowercase()));
                is.add(text, key);
            }
            Shape::Starts(text) if simple => starts.add_part(text),
            Shape::Ends(text) if simple => ends.add_part(text),
            Shape::Contains(text) if simple => contains.add_part(text),
            _ => {
                let text = pattern.as_regex(case == Case::Kept);
                let built = RegexBuilder::new(&text).size_limit(MAX_PATTERN).build();
                let built = built.map_err(|_| "this text with wildcards is too long. Shorten it.".to_owned())?;
                push(Test::Pattern(built), one_of(vec![Key::longest(pattern.parts())]));
            }
        }
    }
    for (how, group) in [(How::Is, is), (How::Starts, starts), (How::Ends, ends)] {
        if !group.words.is_empty() {
            push(Test::Words(Words::new(how, case, group.words)), one_of(group.keys));
        }
    }
    if !contains.words.is_empty() {
        let failed = |error: aho_corasick::BuildError| format!("these words can't be looked for: {error}. Use fewer.");
        let test = match case {
            Case::Ignored => Test::Sought(Sought::new(contains.words).map_err(failed)?),
            Case::Kept => {
                let found = AhoCorasick::new(&contains.words).map_err(failed)?;
                Test::Cased(contains.words, found)
            }
        };
        push(test, one_of(contains.keys));
    }
    Ok(Expr::any(exprs))
}

impl Group {
    fn add(&mut self, word: String, key: Option<Key>) {
        self.words.push(word);
        self.keys.push(key);
    }

    fn add_part(&mut self, word: String) {
        let key = Key::longest(std::iter::once(word.as_str()));
        self.add(word, key);
    }
}

fn one_of(keys: Vec<Option<Key>>) -> Keys {
    keys.into_iter().collect::<Option<Vec<Key>>>().map_or(Keys::Unknown, Keys::OneOf)
}

/// Returns `test` with what a value must have for it to hold.
pub(super) fn sound(test: Test) -> Arc<Sound> {
    let keys = match &test {
        Test::Number(super::test::Compare::Equal, number) => Keys::OneOf(vec![Key::Number(*number)]),
        Test::Pattern(pattern) => of_regex(pattern),
        _ => Keys::Unknown,
    };
    Arc::new(Sound { test, keys })
}

/// Returns the texts with one of which a match of `pattern` must begin.
fn of_regex(pattern: &regex::Regex) -> Keys {
    // Flags given beside the text are not in it: what they change, the case, is no matter here.
    let Ok(hir) = regex_syntax::parse(pattern.as_str()) else { return Keys::Unknown };
    let mut found = Extractor::new().extract(&hir);
    found.minimize_by_preference();
    let Some(literals) = found.literals() else { return Keys::Unknown };
    let key = |literal: &regex_syntax::hir::literal::Literal| {
        let text = std::str::from_utf8(literal.as_bytes()).ok()?;
        Key::longest(std::iter::once(text))
    };
    if literals.is_empty() || literals.len() > 64 { Keys::Unknown } else { one_of(literals.iter().map(key).collect()) }
}
