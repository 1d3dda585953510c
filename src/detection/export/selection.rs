//! How does Sigma say what a condition asks for?
//!
//! A field keeps its name, which our own log source (`product: gatewatch`) knows. What holds all together becomes
//! one selection, alternatives a list, and what must not hold a filter of its own; the condition ties them
//! together. What a Sigma rule can't look at is said, not left out.

use crate::detection::condition::Condition;
use crate::detection::raw::{RawTest, Test};
use crate::detection::when::INSENSITIVE;
use crate::detection::words::{Case, How, Words};
use crate::telemetry::Field;

use super::yaml::Said;

/// Fields with their modifiers, and values: a map of a selection.
type Map = Vec<(String, Said)>;

/// The `detection` of a rule, as it grows.
#[derive(Debug, Default)]
pub(super) struct Selections {
    named: Vec<(String, Said)>,
    filters: usize,
    others: usize,
}

impl Selections {
    /// Adds what `condition` asks for; returns how the condition calls it.
    ///
    /// # Errors
    ///
    /// Says what Sigma can't ask for.
    pub(super) fn add(&mut self, condition: &Condition) -> Result<String, String> {
        match condition {
            Condition::Always => Ok(self.select(Said::map([("kind|exists", Said::Truth(true))]))),
            Condition::All(all) => self.all(all),
            Condition::Any(any) => self.any(any),
            Condition::Not(inner) => self.not(inner),
            Condition::Raw(test) if map_of(condition)?.is_none() => self.raw(test),
            one => match map_of(one)? {
                Some(map) => Ok(self.select(Said::Map(map))),
                None => Err("it asks for something that Sigma has no words for".to_owned()),
            },
        }
    }

    /// Adds a selection of what must not hold.
    pub(super) fn without(&mut self, map: Said) -> String {
        self.filters += 1;
        let name = format!("filter_{}", self.filters);
        self.named.push((name.clone(), map));
        format!("not {name}")
    }

    /// Adds a selection of kinds of event; returns its name.
    pub(super) fn of_kind(&mut self, names: Said) -> String {
        self.named.push(("of_kind".to_owned(), Said::map([("kind", names)])));
        "of_kind".to_owned()
    }

    /// Returns the `detection` with `condition`.
    pub(super) fn finish(mut self, condition: String) -> Said {
        self.named.push(("condition".to_owned(), Said::Text(condition)));
        Said::Map(self.named)
    }

    fn select(&mut self, what: Said) -> String {
        let first = self.named.iter().all(|(name, _)| name != "selection");
        let name = if first {
            "selection".to_owned()
        } else {
            self.others += 1;
            format!("selection_{}", self.others + 1)
        };
        self.named.push((name.clone(), what));
        name
    }

    fn all(&mut self, all: &[Condition]) -> Result<String, String> {
        let (mut together, mut parts): (Map, Vec<&Condition>) = (Map::new(), Vec::new());
        for one in all {
            match map_of(one)? {
                Some(map) if !clashes(&together, &map) => together.extend(map),
                _ => parts.push(one),
            }
        }
        let mut said = Vec::new();
        if !together.is_empty() {
            said.push(self.select(Said::Map(together)));
        }
        for part in parts {
            said.push(self.add(part)?);
        }
        Ok(joined(&said, " and "))
    }

    fn any(&mut self, any: &[Condition]) -> Result<String, String> {
        let maps: Option<Vec<Said>> =
            any.iter().map(|one| Ok(map_of(one)?.map(Said::Map))).collect::<Result<_, String>>()?;
        if let Some(maps) = maps {
            return Ok(self.select(Said::List(maps)));
        }
        let said = any.iter().map(|one| self.add(one)).collect::<Result<Vec<_>, _>>()?;
        Ok(joined(&said, " or "))
    }

    fn not(&mut self, inner: &Condition) -> Result<String, String> {
        if let Some(map) = map_of(inner)? {
            return Ok(self.without(Said::Map(map)));
        }
        Ok(format!("not {}", self.add(inner)?))
    }

    /// Adds a test on the record that is no plain one: several at a time, or none that may hold.
    fn raw(&mut self, test: &RawTest) -> Result<String, String> {
        let name = test.path.plain().ok_or("it asks for one element of an array by its place")?;
        self.of_raw(&name, &test.test)
    }

    fn of_raw(&mut self, name: &str, test: &Test) -> Result<String, String> {
        if let Some(map) = map_of_raw(name, test) {
            return Ok(self.select(Said::Map(map)));
        }
        match test {
            Test::All(all) => {
                let said = all.iter().map(|one| self.of_raw(name, one)).collect::<Result<Vec<_>, _>>()?;
                Ok(joined(&said, " and "))
            }
            Test::Not(inner) => match map_of_raw(name, inner) {
                Some(map) => Ok(self.without(Said::Map(map))),
                None => Ok(format!("not {}", self.of_raw(name, inner)?)),
            },
            _ => Err("it asks for something that Sigma has no words for".to_owned()),
        }
    }
}

/// A key of a map may stand there once.
fn clashes(one: &Map, other: &Map) -> bool {
    other.iter().any(|(key, _)| one.iter().any(|(known, _)| known == key))
}

fn joined(said: &[String], word: &str) -> String {
    if let [one] = said { one.clone() } else { format!("({})", said.join(word)) }
}

/// Returns the condition as a map of fields that must all hold; `None` if it takes more than that.
fn map_of(condition: &Condition) -> Result<Option<Map>, String> {
    Ok(match condition {
        Condition::Always | Condition::Any(_) | Condition::Not(_) => None,
        Condition::All(all) => {
            let mut map = Map::new();
            for one in all {
                match map_of(one)? {
                    Some(more) if !clashes(&map, &more) => map.extend(more),
                    _ => return Ok(None),
                }
            }
            Some(map)
        }
        Condition::Exists(field) => Some(one(*field, "|exists", Said::Truth(true))?),
        Condition::Text(field, words) => Some(one(*field, of_words(words), texts(words.iter()))?),
        Condition::Contains(field, sought) => Some(one(*field, "|contains", texts(sought.iter()))?),
        Condition::Pattern(field, pattern) => {
            let (modifiers, text) = expression(pattern.as_str());
            Some(one(*field, modifiers, text)?)
        }
        Condition::Number(field, numbers) => Some(one(*field, "", numbers_of(numbers))?),
        Condition::Range(field, least, most) => {
            let mut map = Map::new();
            if *least > i64::MIN {
                map.extend(one(*field, "|gte", Said::Number(*least))?);
            }
            if *most < i64::MAX {
                map.extend(one(*field, "|lte", Said::Number(*most))?);
            }
            Some(map)
        }
        Condition::Network(field, networks) => {
            Some(one(*field, "|cidr", Said::texts(networks.iter().map(ToString::to_string)))?)
        }
        Condition::Raw(test) => test.path.plain().and_then(|name| map_of_raw(&name, &test.test)),
    })
}

fn map_of_raw(name: &str, test: &Test) -> Option<Map> {
    match test {
        Test::Exists => Some(vec![(format!("{name}|exists"), Said::Truth(true))]),
        Test::Pattern(pattern) => {
            let (modifiers, text) = expression(pattern.as_str());
            Some(vec![(format!("{name}{modifiers}"), text)])
        }
        Test::Range(least, most) => {
            let mut map = Map::new();
            if least.is_finite() {
                map.push((format!("{name}|gte"), Said::Real(*least)));
            }
            if most.is_finite() {
                map.push((format!("{name}|lte"), Said::Real(*most)));
            }
            Some(map)
        }
        Test::Network(networks) => {
            Some(vec![(format!("{name}|cidr"), Said::texts(networks.iter().map(ToString::to_string)))])
        }
        Test::All(all) if all.len() == 1 => map_of_raw(name, all.first()?),
        Test::All(_) | Test::Not(_) | Test::Unsound => None,
    }
}

fn one(field: Field, modifiers: &str, value: Said) -> Result<Map, String> {
    looked_at(field)?;
    Ok(vec![(format!("{}{modifiers}", field.name()), value)])
}

/// Tells whether a Sigma rule can look at a field at all.
///
/// # Errors
///
/// Says why not.
pub(super) fn looked_at(field: Field) -> Result<(), String> {
    let name = field.name();
    if field.of_secret() {
        return Err(format!("it looks at secrets as redaction saw them (`{name}`), which no record says"));
    }
    if field.is_looked_up() {
        return Err(format!("it asks for what is looked up beside the record (`{name}`)"));
    }
    Ok(())
}

fn of_words(words: &Words) -> &'static str {
    match (words.how(), words.case()) {
        (How::Is, Case::Ignored) => "",
        (How::Is, Case::Kept) => "|cased",
        (How::Starts, Case::Ignored) => "|startswith",
        (How::Starts, Case::Kept) => "|startswith|cased",
        (How::Ends, Case::Ignored) => "|endswith",
        (How::Ends, Case::Kept) => "|endswith|cased",
    }
}

fn texts<'w>(words: impl Iterator<Item = &'w str>) -> Said {
    Said::texts(words.map(plain))
}

/// Returns a text in which no character is a wildcard.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for one in text.chars() {
        if matches!(one, '*' | '?' | '\\') {
            plain.push('\\');
        }
        plain.push(one);
    }
    plain
}

fn expression(pattern: &str) -> (&'static str, Said) {
    match pattern.strip_prefix(INSENSITIVE) {
        Some(pattern) => ("|re|i", Said::text(pattern)),
        None => ("|re", Said::text(pattern)),
    }
}

fn numbers_of(numbers: &[i64]) -> Said {
    let mut all: Vec<Said> = numbers.iter().map(|number| Said::Number(*number)).collect();
    if all.len() == 1 { all.swap_remove(0) } else { Said::List(all) }
}
