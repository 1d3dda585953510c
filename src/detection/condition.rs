//! Does an event fulfil what a detector's `when` asks for?
//!
//! A condition is compiled once into a flat enum and evaluated without allocation. A field that
//! the event lacks fulfils nothing but `exists: false` and a `not`. Regular expressions are those
//! of the `regex` crate, linear in the text and limited in size, as attackers write the text.

use regex::Regex;

use crate::telemetry::{Field, Kind, Outcome, Value};

use super::networks::Networks;
use super::raw::RawTest;
use super::scene::Scene;
use super::words::{Gated, How, Sought, Words};

/// A compiled condition.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// Holds always.
    Always,
    /// Holds if all of these do.
    All(Vec<Condition>),
    /// Holds if one of these does.
    Any(Vec<Condition>),
    /// Holds if this does not.
    Not(Box<Condition>),
    /// Holds if the event has the field.
    Exists(Field),
    /// Holds if the field's text stands so to one of the words.
    Text(Field, Words),
    /// Holds if the field's text contains one of the words, in any case.
    Contains(Field, Sought),
    /// Holds if the expression finds something in the field's text.
    Pattern(Field, Regex),
    /// Holds if the field is one of these numbers.
    Number(Field, Vec<i64>),
    /// Holds if the field is a number from the first to the second, both included.
    Range(Field, i64, i64),
    /// Holds if the field is an address in one of these networks.
    Network(Field, Networks),
    /// Holds if the raw record fulfils it.
    Raw(Box<RawTest>),
}

impl Condition {
    /// Tells whether `scene` fulfils the condition.
    pub(super) fn holds(&self, scene: Scene<'_, '_>) -> bool {
        match self {
            Self::Always => true,
            Self::All(all) => all.iter().all(|condition| condition.holds(scene)),
            Self::Any(any) => any.iter().any(|condition| condition.holds(scene)),
            Self::Not(condition) => !condition.holds(scene),
            Self::Exists(field) => scene.get(*field).is_some(),
            Self::Text(field, words) => text(scene, *field, |text| words.hold(text)),
            Self::Contains(field, words) if !scene.calm.and(Gated::of(*field)).is_none() => {
                let missed = || matches!(scene.get(*field), Some(Value::Text(text)) if words.hold(text));
                debug_assert!(!missed(), "the gate missed a word");
                false
            }
            Self::Contains(field, words) => text(scene, *field, |text| words.hold(text)),
            Self::Pattern(field, pattern) => text(scene, *field, |text| pattern.is_match(text)),
            Self::Number(field, numbers) => number(scene, *field).is_some_and(|number| numbers.contains(&number)),
            Self::Range(field, least, most) => {
                number(scene, *field).is_some_and(|number| (*least..=*most).contains(&number))
            }
            Self::Network(field, networks) => match scene.get(*field) {
                Some(Value::Ip(ip)) => networks.contain(ip),
                _ => false,
            },
            Self::Raw(test) => test.holds(scene.event),
        }
    }

    /// Tells whether the condition holds of the texts that `get` gives, where there is no event. What
    /// only an event has fulfils nothing.
    pub(super) fn holds_of<'t>(&self, get: &impl Fn(Field) -> Option<&'t str>) -> bool {
        match self {
            Self::Always => true,
            Self::All(all) => all.iter().all(|condition| condition.holds_of(get)),
            Self::Any(any) => any.iter().any(|condition| condition.holds_of(get)),
            Self::Not(condition) => !condition.holds_of(get),
            Self::Exists(field) => get(*field).is_some(),
            Self::Text(field, words) => get(*field).is_some_and(|text| words.hold(text)),
            Self::Contains(field, words) => get(*field).is_some_and(|text| words.hold(text)),
            Self::Pattern(field, pattern) => get(*field).is_some_and(|text| pattern.is_match(text)),
            Self::Network(field, networks) => {
                let ip = get(*field).and_then(|text| text.parse::<std::net::IpAddr>().ok());
                ip.is_some_and(|ip| networks.contain(ip))
            }
            Self::Number(..) | Self::Range(..) | Self::Raw(_) => false,
        }
    }

    /// Tells whether an event of `kind` may fulfil the condition, as far as kinds of event differ.
    pub(super) fn may_be(&self, kind: Kind) -> bool {
        match self {
            Self::All(all) => all.iter().all(|condition| condition.may_be(kind)),
            Self::Any(any) => any.iter().any(|condition| condition.may_be(kind)),
            Self::Not(condition) => match &**condition {
                Self::Text(Field::Kind, words) => !words.hold(kind.name()),
                _ => true,
            },
            Self::Text(Field::Kind, words) => words.hold(kind.name()),
            // The control plane's are paths, such as `…/vaults/write`; others are words.
            Self::Text(Field::Operation, words) => {
                words.any(|word| word.contains('/') == (kind == Kind::ControlOperation))
            }
            Self::Text(Field::SecretWhere, words) if !words.any(|word| word != "query") => {
                matches!(kind, Kind::HttpRequest | Kind::GatewayRequest | Kind::AppRequest)
            }
            _ => true,
        }
    }

    /// Returns all of `conditions` as one, the cheapest first.
    pub(super) fn all(conditions: Vec<Self>) -> Self {
        let mut flat = Vec::with_capacity(conditions.len());
        for condition in conditions {
            match condition {
                Self::Always => {}
                Self::All(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort_by_key(Self::cost);
        match flat.len() {
            0 => Self::Always,
            1 => flat.swap_remove(0),
            _ => Self::All(flat),
        }
    }

    /// Returns any of `conditions` as one.
    pub(super) fn any(mut conditions: Vec<Self>) -> Self {
        if conditions.len() == 1 {
            return conditions.swap_remove(0);
        }
        conditions.sort_by_key(Self::cost);
        Self::Any(conditions)
    }

    fn cost(&self) -> u32 {
        match self {
            Self::Always => 0,
            Self::Exists(_) => 1,
            Self::Number(..) | Self::Range(..) => 2,
            // Where a secret stood has to be looked for.
            Self::Text(Field::SecretWhere, ..) => 30,
            Self::Text(_, words) if words.how() == How::Is => 3,
            Self::Text(..) => 4,
            Self::Network(..) => 5,
            Self::Contains(..) => 20,
            Self::Pattern(..) => 40,
            // The record is walked for it.
            Self::Raw(_) => 80,
            Self::Not(inner) => inner.cost() + 1,
            Self::All(inner) | Self::Any(inner) => inner.iter().map(Self::cost).sum::<u32>() + 1,
        }
    }

    /// Tells whether the condition speaks of a field for which `asked` holds.
    pub(super) fn mentions(&self, asked: &impl Fn(Field) -> bool) -> bool {
        match self {
            Self::Always | Self::Raw(_) => false,
            Self::All(inner) | Self::Any(inner) => inner.iter().any(|condition| condition.mentions(asked)),
            Self::Not(inner) => inner.mentions(asked),
            Self::Exists(field)
            | Self::Text(field, ..)
            | Self::Contains(field, _)
            | Self::Pattern(field, _)
            | Self::Number(field, _)
            | Self::Range(field, ..)
            | Self::Network(field, _) => asked(*field),
        }
    }

    /// Tells whether it walks the raw record.
    pub(super) fn looks_at_raw(&self) -> bool {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::looks_at_raw),
            Self::Not(inner) => inner.looks_at_raw(),
            other => matches!(other, Self::Raw(_)),
        }
    }

    /// Adds the words that it looks for where a gate can look, and the field.
    pub(super) fn sought<'c>(&'c self, sought: &mut Vec<(Field, &'c Sought)>) {
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().for_each(|condition| condition.sought(sought)),
            Self::Not(inner) => inner.sought(sought),
            Self::Contains(field, words) if !Gated::of(*field).is_none() => sought.push((*field, words)),
            _ => {}
        }
    }

    /// Tells whether an event of this kind and outcome may fulfil the condition at all.
    pub(super) fn may_hold(&self, kind: Kind, outcome: Outcome) -> bool {
        match self {
            Self::Text(Field::Kind, words) if words.how() == How::Is => {
                words.iter().any(|word| word.eq_ignore_ascii_case(kind.name()))
            }
            Self::Text(Field::Outcome, words) if words.how() == How::Is => {
                words.iter().any(|word| word.eq_ignore_ascii_case(outcome.name()))
            }
            Self::All(inner) => inner.iter().all(|condition| condition.may_hold(kind, outcome)),
            Self::Any(inner) => inner.iter().any(|condition| condition.may_hold(kind, outcome)),
            _ => true,
        }
    }

    /// Returns the condition without what the index by kind and outcome has already settled.
    #[must_use]
    pub(super) fn settled(&self) -> Self {
        let settled = |condition: &Self| match condition {
            Self::Text(Field::Kind | Field::Outcome, words) => words.how() == How::Is,
            _ => false,
        };
        match self {
            Self::All(inner) => Self::all(inner.iter().filter(|condition| !settled(condition)).cloned().collect()),
            other if settled(other) => Self::Always,
            other => other.clone(),
        }
    }
}

/// Tells whether the field's text, or one of its words where it has many, is as `holds` says.
#[inline]
fn text(scene: Scene<'_, '_>, field: Field, holds: impl Fn(&str) -> bool) -> bool {
    match scene.get(field) {
        Some(Value::Text(text)) if field.has_many() => text.split(' ').any(holds),
        Some(Value::Text(text)) => holds(text),
        _ => false,
    }
}

fn number(scene: Scene<'_, '_>, field: Field) -> Option<i64> {
    match scene.get(field)? {
        Value::Number(number) => Some(number),
        Value::Text(text) => text.parse().ok(),
        Value::Ip(_) => None,
    }
}
