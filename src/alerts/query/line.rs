//! What stands in a line that asks for alerts, part by part?
//!
//! `level>=high app:fn-orders -family:probing "free text"`: a [`Term`] is a name with a value, perhaps
//! left out by a `-` before it, or words to search for. What a line holds can be taken out, put in and
//! written down again: a part that is written and read is the same part. At most 40 parts, of 1,000 letters
//! in all; what is wrong is said with the word and where it stands.

use std::fmt;

use super::{NAMES, meant, short};

/// Letters that a line may have.
const MOST_LETTERS: usize = 1_000;
/// Parts that a line may have.
const MOST_PARTS: usize = 40;

/// How a part compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `:`, what the name takes by itself; of levels at least that.
    Is,
    /// `=`, that and no other.
    Equals,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
}

impl How {
    /// The longer ones first, as they are looked for.
    const ALL: [(&'static str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        (">", Self::Above),
        ("<", Self::Below),
        ("=", Self::Equals),
        (":", Self::Is),
    ];

    /// Tells whether it bounds what is compared from below, and from above.
    const fn bounds(self) -> [bool; 2] {
        match self {
            Self::Is | Self::AtLeast | Self::Above => [true, false],
            Self::AtMost | Self::Below => [false, true],
            Self::Equals => [true, true],
        }
    }

    /// Returns how it is written.
    pub fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(_, how)| *how == self).map_or(":", |(sign, _)| sign)
    }
}

/// One part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Whether those are meant that are not so.
    pub but: bool,
    /// One of [`NAMES`]; `text` for words.
    pub name: &'static str,
    /// How the value is meant.
    pub how: How,
    /// The value, without quotes.
    pub value: String,
}

impl Term {
    /// Returns `name:value`.
    pub fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { but: false, name, how: How::Is, value: value.into() }
    }

    /// Returns `name=value`, which of a level means that one alone.
    pub fn equal(name: &'static str, value: impl Into<String>) -> Self {
        Self { how: How::Equals, ..Self::new(name, value) }
    }

    /// Returns what leaves out what this asks for.
    #[must_use]
    pub fn left_out(self) -> Self {
        Self { but: true, ..self }
    }

    /// Tells whether both ask by a name that has one value, and for another one.
    pub(super) fn clashes_with(&self, other: &Self) -> bool {
        !self.but && !other.but && self.name != "text" && self != other && self.gives_way_to(other)
    }

    /// Tells whether it goes where `other` comes in.
    fn gives_way_to(&self, other: &Self) -> bool {
        if self == other || self.name == "text" || self.name != other.name {
            return self == other;
        }
        match (self.but, other.but) {
            (true, true) => false,
            (false, true) => (self.how, &self.value) == (other.how, &other.value),
            // A level asked for in one direction says nothing of the other.
            (false, false) if self.name == "level" => {
                self.how.bounds().iter().zip(other.how.bounds()).any(|(a, b)| *a && b)
            }
            (true, false) if self.name == "level" => other.how == How::Equals,
            (_, false) => true,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.but {
            f.write_str("-")?;
        }
        let text = self.name == "text";
        if !text {
            write!(f, "{}{}", self.name, self.how.sign())?;
        }
        let plain = |c: char| !(c.is_whitespace() || matches!(c, '"' | '\\') || text && ":<>=".contains(c));
        if !self.value.is_empty()
            && self.value.chars().all(plain)
            && !self.value.starts_with(if text { '-' } else { '=' })
        {
            return f.write_str(&self.value);
        }
        write!(f, "\"{}\"", self.value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// The parts of a line, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Term>);

impl Line {
    /// Returns the line with a part; what can't stand beside it goes, and beyond 40 it is not taken.
    #[must_use]
    pub fn with(&self, term: Term) -> Self {
        let mut terms: Vec<Term> = self.0.iter().filter(|one| !one.gives_way_to(&term)).cloned().collect();
        if terms.len() < MOST_PARTS {
            terms.push(term);
        }
        Self(terms)
    }

    /// Returns the line without a part.
    #[must_use]
    pub fn without(&self, term: &Term) -> Self {
        Self(self.0.iter().filter(|one| *one != term).cloned().collect())
    }

    /// Returns the line without what it asks by one name.
    #[must_use]
    pub fn without_name(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|one| one.name != name).cloned().collect())
    }

    /// Tells whether it asks by one name, and does not only leave out.
    pub fn asks_by(&self, name: &str) -> bool {
        self.0.iter().any(|one| one.name == name && !one.but)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

/// Something in a line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// At which letter it begins; the first is 1.
    pub at: usize,
    /// The word, cut after 60 letters.
    pub word: String,
    /// What is wrong, and what could stand there.
    pub says: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (Letter {}: `{}`.)", self.says, self.at, self.word)
    }
}

/// A word as it stands in a line.
struct Word<'l> {
    at: usize,
    raw: &'l str,
}

impl Word<'_> {
    fn wrong(&self, says: impl Into<String>) -> Wrong {
        Wrong { at: self.at, word: short(self.raw), says: says.into() }
    }
}

/// Reads the parts of a line, each with what is to be said of it if its value turns out to be none.
pub(super) fn read(line: &str) -> Vec<Result<(Term, Wrong), Wrong>> {
    if line.chars().count() > MOST_LETTERS {
        let says = format!("The question has more than {MOST_LETTERS} letters: shorten it.");
        return vec![Err(Wrong { at: MOST_LETTERS + 1, word: "…".into(), says })];
    }
    let mut parts: Vec<_> =
        words(line).into_iter().map(|word| term(&word).map(|term| (term, word.wrong("")))).collect();
    if parts.len() > MOST_PARTS {
        parts.truncate(MOST_PARTS);
        let says = format!("The question has more than {MOST_PARTS} parts: leave some out.");
        parts.push(Err(Wrong { at: 1, word: short(line), says }));
    }
    parts
}

/// Splits at spaces that are not within quotes.
fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut begun, mut quoted, mut escaped) = (None, false, false);
    for (letter, (byte, c)) in line.char_indices().enumerate() {
        if begun.is_none() && !c.is_whitespace() {
            begun = Some((letter, byte));
        }
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                if let Some((at, from)) = begun.take() {
                    words.push(Word { at: at + 1, raw: line.get(from..byte).unwrap_or_default() });
                }
            }
            _ => {}
        }
    }
    if let Some((at, from)) = begun {
        words.push(Word { at: at + 1, raw: line.get(from..).unwrap_or_default() });
    }
    words
}

fn term(word: &Word<'_>) -> Result<Term, Wrong> {
    let but = word.raw.starts_with('-');
    let rest = word.raw.strip_prefix('-').unwrap_or(word.raw);
    let letters = rest.bytes().take_while(u8::is_ascii_lowercase).count();
    let (name, after) = rest.split_at(letters);
    let sign = How::ALL.iter().find(|(sign, _)| after.starts_with(sign)).filter(|_| !name.is_empty());
    let known = NAMES.into_iter().find(|known| *known == name);
    let Some(((sign, how), name)) = sign.zip(known) else {
        // Addresses such as https://… are searched for.
        let says = unknown_name(name);
        // Before another sign than `:` may stand anybody's parameter, unless it is nearly a name of ours.
        let meant = |how: &How| *how == How::Is || name.len() > 2 && says.contains("did you mean");
        if sign.is_some_and(|(_, how)| meant(how)) && !after.starts_with("://") {
            return Err(word.wrong(says));
        }
        return words_to_search(word);
    };
    let value = unquoted(after.get(sign.len()..).unwrap_or_default()).ok_or_else(|| word.wrong(NOT_CLOSED))?;
    let how = *how;
    if !matches!(how, How::Is | How::Equals) && name != "level" {
        return Err(word.wrong(format!("`{name}` has no order: write {name}:VALUE.")));
    }
    if but && name == "text" {
        return Err(word.wrong(NO_WORDS_OUT));
    }
    // Two ways to write the same, but of levels.
    let how = if name == "level" { how } else { How::Is };
    Ok(Term { but, name, how, value })
}

const NOT_CLOSED: &str = "A quote is not closed: write a second `\"`.";
const NO_WORDS_OUT: &str = "Words can't be left out, only what has a name, such as -app:NAME. To search for the word with \
                            its `-`, put it in quotes.";

fn words_to_search(word: &Word<'_>) -> Result<Term, Wrong> {
    let value = unquoted(word.raw).ok_or_else(|| word.wrong(NOT_CLOSED))?;
    if value.starts_with('-') && !word.raw.starts_with('"') && value.chars().any(char::is_alphanumeric) {
        return Err(word.wrong(NO_WORDS_OUT));
    }
    Ok(Term::new("text", value))
}

/// Says that there is nothing to ask by under a name.
pub(super) fn unknown_name(name: &str) -> String {
    format!(
        "`{}` is nothing to ask alerts by{}: {}. To search for it as a word, put it in quotes.",
        short(name),
        meant(name, &NAMES),
        NAMES.join(", ")
    )
}

/// Takes quotes away, and what stands within them for itself; `None` if one is not closed.
fn unquoted(raw: &str) -> Option<String> {
    let (mut text, mut quoted) = (String::with_capacity(raw.len()), false);
    let mut letters = raw.chars().peekable();
    while let Some(c) = letters.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => text.push(letters.next_if(|c| matches!(c, '"' | '\\')).unwrap_or('\\')),
            c => text.push(c),
        }
    }
    (!quoted).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Line {
        Line(read(text).into_iter().filter_map(Result::ok).map(|(part, _)| part).collect())
    }

    fn wrong(text: &str) -> (usize, String, String) {
        let wrong = read(text).into_iter().find_map(Result::err).unwrap();
        (wrong.at, wrong.word, wrong.says)
    }

    #[test]
    fn a_line_is_parts_with_names_and_words() {
        let parts = line(r#"level>=high -family:probing app="my app" say "free \"te\xt" 2001:db8::1"#).0;
        let shown: Vec<_> = parts.iter().map(|one| (one.but, one.name, one.how.sign(), one.value.as_str())).collect();
        let expected = [
            (false, "level", ">=", "high"),
            (true, "family", ":", "probing"),
            (false, "app", ":", "my app"),
            (false, "text", ":", "say"),
            (false, "text", ":", r#"free "te\xt"#),
            (false, "text", ":", "2001:db8::1"),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_word_its_place_and_what_could_stand_there() {
        let (at, word, says) = wrong("é  famly:x");
        assert_eq!((at, word.as_str()), (4, "famly:x"));
        assert!(says.starts_with("`famly` is nothing to ask alerts by (did you mean `family`?): state, "), "{says}");
        assert!(wrong("levl>=high").2.contains("did you mean `level`?"));
        assert_eq!(wrong("a app:\"b c"), (3, "app:\"b c".into(), NOT_CLOSED.into()));
        assert_eq!(wrong("app>b").2, "`app` has no order: write app:VALUE.");
        assert_eq!((wrong("-guessing").2, wrong("-text:guessing").2), (NO_WORDS_OUT.into(), NO_WORDS_OUT.into()));
        assert!(wrong(&"a ".repeat(41)).2.contains("more than 40 parts"));
        assert!(wrong(&"x".repeat(1_001)).2.contains("shorten it"));
        assert!(read("a=b a<b 3:4 -- - \"-x\"").iter().all(Result::is_ok));
    }

    #[test]
    fn a_part_takes_the_place_of_what_can_t_stand_beside_it() {
        let with = |text: &str, part: Term| line(text).with(part).to_string();
        assert_eq!(with("app:a level:high say", Term::new("app", "b")), "level:high say app:b");
        assert_eq!(with("level:high", Term::equal("level", "low")), "level=low");
        assert_eq!(with("-app:a", Term::new("app", "b").left_out()), "-app:a -app:b");
        assert_eq!(with("-app:a -app:b", Term::new("app", "b")), "app:b");
        assert_eq!(with("app:a", Term::new("app", "a").left_out()), "-app:a");
        assert_eq!(with("-app:a", Term::new("app", "a").left_out()), "-app:a");
        assert_eq!(with("state:all", Term::new("state", "open").left_out()), "state:all -state:open");
        assert_eq!(with("level>=low level<=high", Term::new("level", "medium")), "level<=high level:medium");
        assert_eq!(with("level>=low", Term::equal("level", "high").left_out()), "level>=low -level=high");
        assert_eq!(line("app:a b").without(&Term::new("app", "a")).to_string(), "b");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_read_or_said_to_be_wrong_and_stays_the_same_when_written(
            typed in r#"([a-z]{0,8}[:<>=" \-\\.é]{0,3}|level>=|-app:|"|\PC){0,12}"#
        ) {
            let once = line(&typed);
            let again = read(&once.to_string());
            prop_assert!(again.iter().all(Result::is_ok), "{once} is not understood");
            prop_assert_eq!(line(&once.to_string()), once);
        }

        #[test]
        fn any_value_can_be_written_and_read(value in r"\PC{0,40}", name in 0..NAMES.len(), but: bool) {
            let part = Term { but: but && NAMES[name] != "text", ..Term::new(NAMES[name], value) };
            let read = line(&part.to_string());
            prop_assert_eq!(read, Line(vec![part]));
        }
    }
}
