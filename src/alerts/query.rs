//! Which alerts does somebody mean?
//!
//! One small language for lists, changes of many alerts and commands: `state:open level:high
//! app:fn-orders since:24h guessing`. A name that is not known, or a value that means nothing, is
//! a problem that says what could stand there, all of them at once; words without a name are searched
//! for. What is not asked about is any; of states, those that are not closed.

use std::fmt;

use crate::clock::{Timestamp, duration};

use super::{AlertState, Class, EntityKind, Family, Level};

/// Letters that a question may have.
const MOST_LETTERS: usize = 1_000;
/// Words that may be searched for at once.
const MOST_WORDS: usize = 16;
/// The states that may be asked for by one name.
const STATES: [(&str, &[AlertState]); 5] = [
    ("active", &[AlertState::Open, AlertState::Acknowledged]),
    ("open", &[AlertState::Open]),
    ("acknowledged", &[AlertState::Acknowledged]),
    ("closed", &[AlertState::Closed]),
    ("all", &[]),
];
/// The names that may be asked by.
pub const NAMES: [&str; 11] =
    ["state", "level", "family", "app", "detector", "entity", "assignee", "class", "since", "until", "text"];

/// Whom alerts are assigned to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// Nobody.
    Nobody,
    /// This person.
    Named(String),
}

/// What is wrong with a question: all of it, a sentence each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread(pub Vec<String>);

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// In one of these; none: in any.
    pub states: Vec<AlertState>,
    /// At least this bad.
    pub at_least: Option<Level>,
    /// Of this family.
    pub family: Option<Family>,
    /// Of this app.
    pub app: Option<String>,
    /// Of this detector.
    pub detector: Option<String>,
    /// About this, of that kind if one is named.
    pub entity: Option<(Option<EntityKind>, String)>,
    /// Whose they are.
    pub assignee: Option<Assignee>,
    /// What they were.
    pub class: Option<Class>,
    /// With an event at or after this.
    pub since: Option<Timestamp>,
    /// Without an event after this.
    pub until: Option<Timestamp>,
    /// Words they hold.
    pub text: Option<String>,
}

impl Default for Query {
    fn default() -> Self {
        Self { states: STATES[0].1.to_vec(), ..Self::any() }
    }
}

impl Query {
    /// Returns the question that every alert answers, in whatever state.
    pub const fn any() -> Self {
        Self {
            states: Vec::new(),
            at_least: None,
            family: None,
            app: None,
            detector: None,
            entity: None,
            assignee: None,
            class: None,
            since: None,
            until: None,
            text: None,
        }
    }

    /// Reads a question; spans such as `since:24h` end `now`.
    ///
    /// # Errors
    ///
    /// Says what is not understood, all of it, and what could stand there.
    pub fn parse(line: &str, now: Timestamp) -> Result<Self, Misread> {
        let mut query = Self::default();
        query.narrow(line, now)?;
        Ok(query)
    }

    /// Asks for what a line says as well; what it names anew replaces what was asked.
    ///
    /// # Errors
    ///
    /// Says what is not understood, all of it, and what could stand there.
    pub fn narrow(&mut self, line: &str, now: Timestamp) -> Result<(), Misread> {
        if line.chars().count() > MOST_LETTERS {
            return Err(Misread(vec![format!("The question has more than {MOST_LETTERS} letters: shorten it.")]));
        }
        let mut wrong = Vec::new();
        for word in words(line).map_err(|says| Misread(vec![says]))? {
            let taken = match word {
                Word::Plain(word) => match word.split_once(':').filter(|(name, _)| is_name(name)) {
                    Some((name, value)) => self.set(name, value, now),
                    None => self.add_text(&word),
                },
                Word::Quoted(word) => self.add_text(&word),
            };
            wrong.extend(taken.err());
        }
        if wrong.is_empty() { Ok(()) } else { Err(Misread(wrong)) }
    }

    /// Asks by one name.
    ///
    /// # Errors
    ///
    /// Says what is not understood, and what could stand there.
    pub fn set(&mut self, name: &str, value: &str, now: Timestamp) -> Result<(), String> {
        let value = value.trim();
        if value.is_empty() && name != "text" && NAMES.contains(&name) {
            return Err(format!("`{name}` has no value: write it as {name}:VALUE, or leave it out."));
        }
        match name {
            "state" => {
                let found = STATES.iter().find(|(name, _)| *name == value);
                let names = STATES.map(|(name, _)| name);
                self.states = found.ok_or_else(|| unknown(name, value, &names))?.1.to_vec();
            }
            "level" => self.at_least = Some(level(value)?),
            "family" => self.family = Some(family(value)?),
            "app" => self.app = Some(value.to_lowercase()),
            "detector" => self.detector = Some(value.to_owned()),
            "entity" => self.entity = Some(entity(value)),
            "assignee" if value == "none" => self.assignee = Some(Assignee::Nobody),
            "assignee" => self.assignee = Some(Assignee::Named(value.to_owned())),
            "class" => {
                let names = Class::ALL.map(Class::name);
                self.class = Some(Class::named(value).ok_or_else(|| unknown(name, value, &names))?);
            }
            "since" => self.since = Some(moment(name, value, now)?),
            "until" => self.until = Some(moment(name, value, now)?),
            "text" => self.add_text(value)?,
            _ => {
                return Err(format!(
                    "`{}` is nothing to ask alerts by{}: {}. To search for it as a word, put it in quotes.",
                    short(name),
                    meant(name, &NAMES),
                    NAMES.join(", ")
                ));
            }
        }
        Ok(())
    }

    fn add_text(&mut self, words: &str) -> Result<(), String> {
        if words.trim().is_empty() {
            return Ok(());
        }
        if !words.chars().any(char::is_alphanumeric) {
            return Err(format!("`{}` has no word to search for: leave it out.", short(words)));
        }
        let text = self.text.get_or_insert_default();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(words);
        if text.split_whitespace().count() > MOST_WORDS {
            return Err(format!("At most {MOST_WORDS} words can be searched for at once: leave some out."));
        }
        Ok(())
    }
}

/// Reads a level.
///
/// # Errors
///
/// Names the levels.
pub fn level(value: &str) -> Result<Level, String> {
    let names = Level::ALL.map(Level::name);
    Level::ALL.into_iter().find(|level| level.name() == value).ok_or_else(|| unknown("level", value, &names))
}

/// Reads a family.
///
/// # Errors
///
/// Names the families.
pub fn family(value: &str) -> Result<Family, String> {
    let names = Family::ALL.map(Family::name);
    Family::ALL.into_iter().find(|family| family.name() == value).ok_or_else(|| unknown("family", value, &names))
}

/// Reads what alerts are about: `ip/203.0.113.7`, or the value alone.
pub fn entity(value: &str) -> (Option<EntityKind>, String) {
    let kinded = value.split_once('/').and_then(|(kind, rest)| Some((EntityKind::named(kind)?, rest)));
    match kinded {
        Some((kind, rest)) if !rest.is_empty() => (Some(kind), rest.to_owned()),
        _ => (None, value.to_owned()),
    }
}

fn moment(name: &str, value: &str, now: Timestamp) -> Result<Timestamp, String> {
    let span = duration::parse(value).map(|span| now.minus(span));
    Timestamp::parse_rfc3339(value).or(span).ok_or_else(|| {
        format!("`{name}` is no time: write 2026-03-02T08:00:00Z, or how long ago, such as 30m, 24h or 7d.")
    })
}

fn unknown(name: &str, value: &str, names: &[&str]) -> String {
    format!("`{}` is no {name}{}: write {}.", short(value), meant(value, names), names.join(", "))
}

/// Returns ` (did you mean …?)` if what was typed is close to one of `names`, else nothing.
pub fn meant(typed: &str, names: &[&str]) -> String {
    let typed: String = typed.chars().take(60).collect::<String>().to_lowercase();
    let near = names.iter().map(|name| (strsim::damerau_levenshtein(&typed, name), *name)).min();
    match near {
        Some((distance, name)) if distance <= name.len() / 3 => format!(" (did you mean `{name}`?)"),
        _ => String::new(),
    }
}

/// Returns as much of what was typed as an answer repeats.
fn short(typed: &str) -> String {
    typed.chars().filter(|c| !c.is_control()).take(60).collect()
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// A word of a question.
enum Word {
    Plain(String),
    /// It began with a quote: it is searched for, whatever it holds.
    Quoted(String),
}

/// Splits at spaces, but not within quotes.
fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (mut word, mut quoted) = (String::new(), false);
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            match c {
                '"' => quoted = !quoted,
                c if c.is_whitespace() && !quoted => {
                    end = at;
                    break;
                }
                c => word.push(c),
            }
        }
        if quoted {
            return Err("A quote is not closed: write a second `\"`.".into());
        }
        words.push(if rest.starts_with('"') { Word::Quoted(word) } else { Word::Plain(word) });
        rest = rest.get(end..).unwrap_or_default().trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn parsed(line: &str) -> Query {
        Query::parse(line, NOW).unwrap()
    }

    fn wrong(line: &str) -> String {
        Query::parse(line, NOW).unwrap_err().to_string()
    }

    #[test]
    fn a_question_is_names_with_values_and_words() {
        let query = parsed(
            "state:closed level:high family:key-usage app:Fn-Orders detector:a.b entity:ip/203.0.113.7 assignee:dana class:benign since:1h until:30m two words",
        );
        assert_eq!(query.states, [AlertState::Closed]);
        assert_eq!((query.at_least, query.family), (Some(Level::High), Some(Family::KeyUsage)));
        assert_eq!((query.app.as_deref(), query.detector.as_deref()), (Some("fn-orders"), Some("a.b")));
        assert_eq!(query.entity, Some((Some(EntityKind::Ip), "203.0.113.7".into())));
        assert_eq!((query.assignee, query.class), (Some(Assignee::Named("dana".into())), Some(Class::Benign)));
        assert_eq!(query.since, Some(Timestamp::from_seconds(1_000_000 - 3_600)));
        assert_eq!(query.until, Some(Timestamp::from_seconds(1_000_000 - 1_800)));
        assert_eq!(query.text.as_deref(), Some("two words"));
    }

    #[test]
    fn nothing_asked_is_everything_that_is_not_closed() {
        assert_eq!(parsed("  "), Query::default());
        assert_eq!(parsed("").states, [AlertState::Open, AlertState::Acknowledged]);
        assert_eq!(parsed("state:all").states, []);
        assert_eq!(parsed("state:all"), Query::any());
    }

    #[test]
    fn quotes_keep_words_together_and_make_a_name_a_word() {
        assert_eq!(parsed("app:\"my app\"").app.as_deref(), Some("my app"));
        assert_eq!(parsed("\"color:red\"").text.as_deref(), Some("color:red"));
        assert_eq!(
            parsed("2001:db8::1 azure-function-key:k1").text.as_deref(),
            Some("2001:db8::1 azure-function-key:k1")
        );
        assert!(wrong("app:\"my").contains("not closed"));
    }

    #[test]
    fn what_is_not_understood_is_said_with_what_could_stand_there() {
        assert_eq!(
            wrong("state:opn famly:x level:hihg state:all"),
            "`opn` is no state (did you mean `open`?): write active, open, acknowledged, closed, all. `famly` is nothing \
             to ask alerts by (did you mean `family`?): state, level, family, app, detector, entity, assignee, class, \
             since, until, text. To search for it as a word, put it in quotes. `hihg` is no level (did you mean \
             `high`?): write informational, low, medium, high, critical."
        );
        assert_eq!(wrong("state:gone"), "`gone` is no state: write active, open, acknowledged, closed, all.");
        assert!(wrong("level:9").contains("informational, low, medium, high, critical"));
        assert!(wrong("family:x").contains("key-usage"));
        assert!(wrong("color:red").starts_with("`color` is nothing to ask alerts by: state, level"));
        assert!(wrong("since:yesterday").contains("how long ago, such as 30m"));
        assert!(wrong("class:ok").contains("true-positive"));
        assert!(wrong("state:all --").contains("no word to search for"));
        assert!(wrong(&"a ".repeat(17)).contains("At most 16 words"));
        assert!(wrong("app:").contains("has no value"));
        assert!(wrong(&"x".repeat(1_001)).contains("shorten it"));
    }
}
