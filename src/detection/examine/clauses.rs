//! Which clauses of a condition does an event fulfil, and what does it say where they look?

use crate::detection::condition::Condition;
use crate::detection::raw::{RawTest, Test};
use crate::detection::scene::{Scene, write};
use crate::detection::when::INSENSITIVE;
use crate::detection::words::{How, Words};
use crate::telemetry::Field;

/// Values of a clause that are told; the others are counted.
pub(in crate::detection) const TOLD: usize = 6;
/// Letters of a value of the event that are told.
const SHOWN: usize = 120;

/// A clause of a condition, held against an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// How deep it stands within others.
    pub depth: usize,
    /// Whether the event fulfils it.
    pub holds: bool,
    /// What it asks for.
    pub asks: String,
    /// What the event says there; `None` where it says nothing, or where the clause is about others.
    pub saw: Option<String>,
}

/// Returns the clauses of `condition`, outer ones before those within.
pub(super) fn clauses(condition: &Condition, scene: Scene<'_, '_>) -> Vec<Clause> {
    let mut told = Vec::new();
    match condition {
        Condition::All(all) => all.iter().for_each(|one| tell(one, scene, 0, &mut told)),
        one => tell(one, scene, 0, &mut told),
    }
    told
}

fn tell(condition: &Condition, scene: Scene<'_, '_>, depth: usize, told: &mut Vec<Clause>) {
    let holds = condition.holds(scene);
    let mut add = |asks: String, saw| told.push(Clause { depth, holds, asks, saw });
    let inner = match condition {
        Condition::All(inner) => {
            add("all of:".to_owned(), None);
            inner.as_slice()
        }
        Condition::Any(inner) => {
            add("one of:".to_owned(), None);
            inner.as_slice()
        }
        Condition::Not(inner) => {
            if let Some((asks, saw)) = said(inner, scene) {
                return add(format!("not: {asks}"), saw);
            }
            add("not:".to_owned(), None);
            std::slice::from_ref(&**inner)
        }
        one => {
            let (asks, saw) = said(one, scene).unwrap_or_default();
            return add(asks, saw);
        }
    };
    for one in inner {
        tell(one, scene, depth + 1, told);
    }
}

/// Returns what a clause asks and what the event says there; `None` of one that has others within.
fn said(condition: &Condition, scene: Scene<'_, '_>) -> Option<(String, Option<String>)> {
    let (field, asks) = match condition {
        Condition::All(_) | Condition::Any(_) | Condition::Not(_) => return None,
        Condition::Always => return Some(("any event".to_owned(), None)),
        Condition::Raw(test) => return Some((of_raw(test), seen_raw(test, scene))),
        Condition::Exists(field) => (field, "is there".to_owned()),
        Condition::Text(field, words) => (field, of_words(words)),
        Condition::Contains(field, sought) => (field, format!("contains {}", any_of(sought.iter()))),
        Condition::Pattern(field, pattern) => (field, format!("matches `{}`", expression(pattern.as_str()))),
        Condition::Number(field, numbers) => {
            let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
            (field, format!("is {}", any_of(numbers.iter().map(String::as_str))))
        }
        Condition::Range(field, least, i64::MAX) => (field, format!("is {least} or more")),
        Condition::Range(field, i64::MIN, most) => (field, format!("is {most} or less")),
        Condition::Range(field, least, most) => (field, format!("is {least} to {most}")),
        Condition::Network(field, networks) => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            (field, format!("is in {}", any_of(networks.iter().map(String::as_str))))
        }
    };
    Some((format!("{} {asks}", field.name()), seen(*field, scene)))
}

/// Says how a text must stand to which words.
pub(in crate::detection) fn of_words(words: &Words) -> String {
    let how = match words.how() {
        How::Is => "is",
        How::Starts => "begins with",
        How::Ends => "ends with",
    };
    format!("{how} {}", any_of(words.iter()))
}

/// Lists words, as many as are told.
pub(in crate::detection) fn any_of<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let all: Vec<&str> = words.collect();
    let told = all.iter().take(TOLD).copied().collect::<Vec<_>>().join(" or ");
    if all.len() > TOLD { format!("{told} or one of {} more", all.len() - TOLD) } else { told }
}

/// Returns an expression as far as it is told.
pub(in crate::detection) fn expression(pattern: &str) -> String {
    let pattern = pattern.strip_prefix(INSENSITIVE).unwrap_or(pattern);
    let mut told: String = pattern.chars().take(SHOWN).collect();
    if told.len() < pattern.len() {
        told.push('…');
    }
    told
}

fn of_raw(test: &RawTest) -> String {
    format!("raw.{} {}", test.path, of_test(&test.test))
}

fn of_test(test: &Test) -> String {
    match test {
        Test::All(all) => all.iter().map(of_test).collect::<Vec<_>>().join(" and "),
        Test::Not(inner) => format!("not {}", of_test(inner)),
        Test::Exists => "is there".to_owned(),
        Test::Pattern(pattern) => format!("matches `{}`", expression(pattern.as_str())),
        Test::Range(least, most) if most.is_infinite() => format!("is {least} or more"),
        Test::Range(least, most) if least.is_infinite() => format!("is {most} or less"),
        Test::Range(least, most) => format!("is {least} to {most}"),
        Test::Network(networks) => {
            let networks: Vec<String> = networks.iter().map(ToString::to_string).collect();
            format!("is in {}", any_of(networks.iter().map(String::as_str)))
        }
        Test::Unsound => "is nothing that can be asked".to_owned(),
    }
}

/// Returns what the event says in `field`, cut.
pub(super) fn seen(field: Field, scene: Scene<'_, '_>) -> Option<String> {
    let mut text = String::new();
    write(scene.get(field)?, &mut text);
    Some(cut(&text))
}

fn seen_raw(test: &RawTest, scene: Scene<'_, '_>) -> Option<String> {
    let mut values = Vec::new();
    scene.event.raw(&test.path, |value| {
        values.push(cut(value));
        values.len() >= TOLD
    });
    (!values.is_empty()).then(|| values.join(" | "))
}

/// Returns what an event says as far as it is told.
pub(in crate::detection) fn cut(text: &str) -> String {
    let mut told: String = text.chars().take(SHOWN).collect();
    if told.len() < text.len() {
        told.push('…');
    }
    told
}
