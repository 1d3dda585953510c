//! What does a Sigma condition say of its search identifiers? `selection and not 1 of filter_*`.
//!
//! `or` binds least, then `and`, then `not`. The old form with `|` (`… | count() > 5`) is refused: the
//! specification has put correlations in its place. A condition has at most 500 words and 32 levels,
//! and what it asks at most 50,000 tests.

use super::expr::Expr;

const MAX_WORDS: usize = 500;
const MAX_DEPTH: usize = 32;
const MAX_TESTS: usize = 50_000;

/// Search identifiers by their names.
pub(super) type Selections = Vec<(String, Expr)>;

struct Parser<'c> {
    words: Vec<&'c str>,
    at: usize,
    selections: &'c Selections,
    tests: usize,
}

/// Compiles `condition`.
///
/// # Errors
///
/// Returns what is wrong with it, and how to mend it.
pub(super) fn compile(condition: &str, selections: &Selections) -> Result<Expr, String> {
    if condition.contains('|') {
        return Err(
            "the condition uses `|`, which Sigma no longer has. Write a correlation (`event_count`, …) instead."
                .to_owned(),
        );
    }
    let words = words(condition);
    if words.len() > MAX_WORDS {
        return Err(format!("the condition has more than {MAX_WORDS} words."));
    }
    let mut parser = Parser { words, at: 0, selections, tests: 0 };
    let expr = parser.or(0)?;
    match parser.next() {
        None => Ok(expr),
        Some(word) => {
            Err(format!("the condition goes on with `{word}` where it should end, or an `and` or `or` is missing."))
        }
    }
}

/// Splits a condition at spaces and parentheses.
fn words(condition: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for part in condition.split_whitespace() {
        let mut rest = part;
        while let Some(at) = rest.find(['(', ')']) {
            let (before, behind) = rest.split_at(at);
            words.extend((!before.is_empty()).then_some(before));
            words.push(&behind[..1]);
            rest = &behind[1..];
        }
        words.extend((!rest.is_empty()).then_some(rest));
    }
    words
}

impl<'c> Parser<'c> {
    fn next(&mut self) -> Option<&'c str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    fn is(&self, word: &str) -> bool {
        self.words.get(self.at).is_some_and(|next| next.eq_ignore_ascii_case(word))
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.is(word);
        self.at += usize::from(is);
        is
    }

    fn or(&mut self, depth: usize) -> Result<Expr, String> {
        let mut parts = vec![self.and(depth)?];
        while self.take("or") {
            parts.push(self.and(depth)?);
        }
        Ok(Expr::any(parts))
    }

    fn and(&mut self, depth: usize) -> Result<Expr, String> {
        let mut parts = vec![self.not(depth)?];
        while self.take("and") {
            parts.push(self.not(depth)?);
        }
        Ok(Expr::all(parts))
    }

    fn not(&mut self, depth: usize) -> Result<Expr, String> {
        if depth > MAX_DEPTH {
            return Err(format!("the condition is nested deeper than {MAX_DEPTH}."));
        }
        if self.take("not") {
            return self.not(depth + 1).map(Expr::not);
        }
        if self.take("(") {
            let inner = self.or(depth + 1)?;
            return if self.take(")") { Ok(inner) } else { Err("a `)` is missing in the condition.".to_owned()) };
        }
        let Some(word) = self.next() else { return Err("the condition ends too early.".to_owned()) };
        match word {
            "1" | "any" | "all" | "1of" if self.take("of") => self.of(word == "all"),
            word if word.eq_ignore_ascii_case("all") && self.take("of") => self.of(true),
            word if word.eq_ignore_ascii_case("any") && self.take("of") => self.of(false),
            word if self.is("of") => Err(format!("`{word} of` is nothing that Sigma has. Write `1 of` or `all of`.")),
            name => self.named(name),
        }
    }

    fn of(&mut self, all: bool) -> Result<Expr, String> {
        let Some(pattern) = self.next() else { return Err("the condition ends behind `of`.".to_owned()) };
        let them = pattern.eq_ignore_ascii_case("them");
        let fits = |name: &str| if them { !name.starts_with('_') } else { matches(pattern, name) };
        let found: Vec<Expr> = self
            .selections
            .iter()
            .filter(|(name, _)| fits(name))
            .map(|(name, expr)| expr.clone().named(name))
            .collect();
        self.count(&found)?;
        match (found.is_empty(), all) {
            (true, _) => Err(format!("no search identifier is called `{pattern}`. {}", self.known())),
            (false, true) => Ok(Expr::all(found)),
            (false, false) => Ok(Expr::any(found)),
        }
    }

    fn named(&mut self, name: &str) -> Result<Expr, String> {
        let found = self.selections.iter().find(|(known, _)| known == name).map(|(_, expr)| expr.clone().named(name));
        match found {
            Some(expr) => {
                self.count(std::slice::from_ref(&expr))?;
                Ok(expr)
            }
            None => Err(format!("no search identifier is called `{name}`. {}", self.known())),
        }
    }

    fn count(&mut self, found: &[Expr]) -> Result<(), String> {
        self.tests += found.iter().map(Expr::size).sum::<usize>();
        if self.tests > MAX_TESTS {
            Err(format!("the condition asks for more than {MAX_TESTS} tests."))
        } else {
            Ok(())
        }
    }

    fn known(&self) -> String {
        let names: Vec<&str> = self.selections.iter().take(20).map(|(name, _)| name.as_str()).collect();
        format!("There are: {}.", names.join(", "))
    }
}

/// Tells whether `name` fits `pattern`, whose `*` are any number of characters.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut rest = rest;
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::expr::Asked;
    use super::super::test::Test;
    use super::super::texts::sound;
    use super::*;

    fn selections() -> Selections {
        let one = |name: &str| (name.to_owned(), Expr::Is(Asked::Field(name.to_owned()), sound(Test::Exists)));
        ["sel_a", "sel_b", "filter_main", "_hidden"].map(one).into()
    }

    fn shown(expr: &Expr) -> String {
        let join = |parts: &[Expr], by: &str| parts.iter().map(shown).collect::<Vec<_>>().join(by);
        match expr {
            Expr::All(parts) => format!("({})", join(parts, "&")),
            Expr::Any(parts) => format!("({})", join(parts, "|")),
            Expr::Not(inner) => format!("!{}", shown(inner)),
            Expr::Named(name, inner) => {
                assert_eq!(*name, shown(inner));
                name.clone()
            }
            Expr::Is(Asked::Field(name), _) => name.clone(),
            _ => "?".to_owned(),
        }
    }

    #[test]
    fn a_condition_binds_as_the_specification_says() {
        for (text, means) in [
            ("sel_a", "sel_a"),
            ("sel_a or sel_b and not filter_main", "(sel_a|(sel_b&!filter_main))"),
            ("(sel_a or sel_b) and not filter_main", "((sel_a|sel_b)&!filter_main)"),
            ("1 of them", "(sel_a|sel_b|filter_main)"),
            ("all of sel_*", "(sel_a&sel_b)"),
            ("any of sel_*", "(sel_a|sel_b)"),
            ("1 of sel_* and not 1 of filter*", "((sel_a|sel_b)&!filter_main)"),
            ("not 1 of *_main", "!filter_main"),
            ("NOT sel_a AND sel_b", "(!sel_a&sel_b)"),
            ("not (not(_hidden))", "!!_hidden"),
            ("1 of _*", "_hidden"),
        ] {
            assert_eq!(compile(text, &selections()).map(|expr| shown(&expr)).as_deref(), Ok(means), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_condition_is_told() {
        for (text, says) in [
            ("", "the condition ends too early."),
            ("sel_c", "no search identifier is called `sel_c`. There are: sel_a, sel_b, filter_main, _hidden."),
            (
                "1 of nothing*",
                "no search identifier is called `nothing*`. There are: sel_a, sel_b, filter_main, _hidden.",
            ),
            ("sel_a sel_b", "the condition goes on with `sel_b` where it should end, or an `and` or `or` is missing."),
            ("(sel_a", "a `)` is missing in the condition."),
            ("2 of sel_*", "`2 of` is nothing that Sigma has. Write `1 of` or `all of`."),
            (
                "sel_a | count() > 5",
                "the condition uses `|`, which Sigma no longer has. Write a correlation (`event_count`, …) instead.",
            ),
            ("1 of", "the condition ends behind `of`."),
        ] {
            assert_eq!(compile(text, &selections()).map(|expr| shown(&expr)), Err(says.to_owned()), "{text}");
        }
        assert!(compile(&"not ".repeat(100), &selections()).unwrap_err().contains("deeper"));
        assert!(compile(&vec!["sel_a"; 600].join(" or "), &selections()).unwrap_err().contains("words"));
    }

    proptest! {
        #[test]
        fn no_condition_makes_it_panic(text in r"(sel_a|sel_\*|of|1|all|and|or|not|\(|\)| |\*|é){0,40}") {
            let _ = compile(&text, &selections());
        }
    }
}
