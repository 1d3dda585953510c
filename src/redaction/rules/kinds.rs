//! What kinds does a table of kinds hold?
//!
//! A table is content: what a key looks like, the words that announce it, what its holder can do,
//! and examples of what it is and is not. Each match must hold one of the words and have a longest
//! length, so that a clean text pays for no kind: a table that breaks this is refused.

use std::sync::Arc;

use toml::de::DeTable;

use super::grams::{Case, Word};
use super::pattern::Pattern;
use super::proof::Checksum;
use super::rule::Rule;
use super::shape::{Stands, stands};
use super::table::{Reading, Section};
use crate::redaction::fingerprint::LONGEST_NAME;
use crate::telemetry::Confidence;

/// The longest match that a kind may have, bytes.
const LONGEST: usize = 4 << 10;

const KEYS: [&str; 12] = [
    "id",
    "title",
    "can",
    "pattern",
    "words",
    "any_case",
    "checksum",
    "confidence",
    "entropy",
    "examples",
    "counter_examples",
    "source",
];

/// What patterns can say in short, because it is written in so many ways.
const SHORT: [(&str, &str); 3] = [
    // Between a name and its value: `=`, `: `, `":"`, `\":\"`, `\u0022:\u0022`, `%3D`, ` => `.
    (
        "{{is}}",
        r#"(?:\\{0,7}(?:["']|\\u002[27]))?(?:%22)?[ \t]{0,4}(?:=>|:=|[=:]|%3[DdAa]|\\u003[dD])[ \t]{0,4}(?:\\{0,7}(?:["']|\\u002[27]))?(?:%22)?"#,
    ),
    ("{{slash}}", r"(?:\\{0,7}/|%(?:25)?2[Ff])"),
    ("{{colon}}", r"(?::|%(?:25)?3[Aa])"),
];

/// Returns the kinds of a table.
pub fn read(reading: &mut Reading<'_>, root: &DeTable<'_>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for section in reading.sections(root, "kinds") {
        reading.only(&section, &KEYS);
        let Some(rule) = kind(reading, &section) else { continue };
        if rules.iter().any(|other| other.name == rule.name) {
            reading.problem(
                Some(section.at()),
                &format!("there is another `{}`", rule.name),
                "give it a name of its own",
            );
        }
        rules.push(rule);
    }
    rules
}

fn kind(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<Rule> {
    let table = section.table;
    let mut needed = |name: &str| {
        let text = reading.string(table, name);
        if text.is_none() && !table.contains_key(name) {
            reading.problem(Some(section.at()), &format!("a kind needs `{name}`"), "see docs/redaction.md");
        }
        text
    };
    let (id, title, can, pattern) = (needed("id"), needed("title"), needed("can"), needed("pattern"));
    let ((id, id_at), (text, at)) = (id?, pattern?);
    let named = id.len() <= LONGEST_NAME && id.starts_with(|first: char| first.is_ascii_lowercase());
    if !named || !id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
        let help = format!("write at most {LONGEST_NAME} lower case letters, digits and -");
        reading.problem(Some(id_at), "a kind's id stands in fingerprints", &help);
    }
    let words = words(reading, table);
    let text = SHORT.iter().fold(text.to_owned(), |text, (short, long)| text.replace(short, long));
    let pattern = match Pattern::read(&text) {
        Ok(pattern) => pattern,
        Err(bad) => {
            reading.problem(Some(at), &format!("the pattern of `{id}` can't be read: {}", bad.says), "");
            return None;
        }
    };
    let bytes: Vec<&[u8]> = words.iter().map(|word| &*word.bytes).collect();
    let stands = stands(pattern.hir(), &bytes);
    if stands == Stands::Unknown {
        let says = format!("not every match of `{id}` holds one of its words");
        reading.problem(Some(at.clone()), &says, "name words that no match can do without");
    }
    let longest = pattern.longest().filter(|longest| *longest <= LONGEST);
    if longest.is_none() {
        let says = format!("a match of `{id}` may be longer than {LONGEST} bytes");
        reading.problem(Some(at.clone()), &says, "write {20,200} in place of {20,}, + and *");
    }
    let list = |texts: Vec<(&str, _)>| texts.into_iter().map(|(text, _)| text.to_owned()).collect();
    let examples = [list(reading.strings(table, "examples")), list(reading.strings(table, "counter_examples"))];
    Some(Rule {
        name: Arc::from(id),
        title: title.map_or(String::new(), |(text, _)| text.to_owned()),
        can: can.map_or(String::new(), |(text, _)| text.to_owned()),
        at: Some(at),
        group: (pattern.groups() > 0).then_some(1),
        pattern,
        words,
        stands,
        longest,
        checksum: one_of(reading, table, "checksum", &Checksum::ALL, Checksum::name),
        confidence: one_of(reading, table, "confidence", &CONFIDENCES, Confidence::name).unwrap_or(Confidence::Proven),
        entropy: reading.number(table, "entropy").unwrap_or(0.0),
        ours: true,
        allowed: Vec::new(),
        examples,
    })
}

const CONFIDENCES: [Confidence; 3] = [Confidence::Suspected, Confidence::Context, Confidence::Proven];

fn words(reading: &mut Reading<'_>, table: &DeTable<'_>) -> Vec<Word> {
    let any_case = table.get("any_case").is_some_and(|value| value.get_ref().as_bool() == Some(true));
    let mut words = Vec::new();
    for (text, at) in reading.strings(table, "words") {
        if text.len() < Word::LEAST || text.len() == Word::LEAST && any_case {
            reading.problem(
                Some(at),
                "a word this short stands everywhere",
                "write at least three characters, four if case does not count",
            );
        }
        let case = if any_case { Case::Ignored } else { Case::Exact };
        words.push(Word { bytes: text.as_bytes().to_vec(), case });
    }
    words
}

/// Returns the one of `all` that the text of `key` names.
fn one_of<T: Copy>(
    reading: &mut Reading<'_>,
    table: &DeTable<'_>,
    key: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Option<T> {
    let (text, at) = reading.string(table, key)?;
    let known = all.iter().copied().find(|one| name(*one) == text);
    if known.is_none() {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        reading.problem(Some(at), &format!("`{text}` is no {key}"), &format!("write one of {}", names.join(", ")));
    }
    known
}
