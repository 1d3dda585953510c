//! What does a Sigma condition say in words, and what comes of it at one event?
//!
//! A [`Tree`] is a [`Cond`] that has kept the names of its selections. Looked at without an event, every clause is
//! said to hold.

use crate::detection::examine::{Clause, TOLD, cut};

use super::cond::Cond;
use super::reading::Reading;

/// A condition with its names.
#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// All of these hold.
    All(Vec<Tree>),
    /// One of these holds.
    Any(Vec<Tree>),
    /// This does not.
    Not(Box<Tree>),
    /// A selection or a filter of this name.
    Named(String, Box<Tree>),
    /// One test, and what it asks in words.
    Leaf { asks: String, cond: Cond },
}

/// The values of an event, or none: then only what is asked is told.
type At<'r, 'g, 'e, 's> = Option<&'r mut Reading<'g, 'e, 's>>;

impl Tree {
    /// Tells whether the event fulfils it.
    pub(super) fn holds(&self, reading: &mut Reading<'_, '_, '_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(reading)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(reading)),
            Self::Not(inner) => !inner.holds(reading),
            Self::Named(_, inner) => inner.holds(reading),
            Self::Leaf { cond, .. } => cond.holds(reading),
        }
    }

    /// Returns its clauses, outer ones before those within.
    pub(super) fn clauses(&self, mut at: At<'_, '_, '_, '_>) -> Vec<Clause> {
        let mut told = Vec::new();
        self.parts().iter().for_each(|part| part.tell("", &mut at, 0, &mut told));
        told
    }

    /// Returns what must hold each by itself.
    fn parts(&self) -> &[Self] {
        if let Self::All(parts) = self { parts } else { std::slice::from_ref(self) }
    }

    fn tell(&self, not: &str, at: &mut At<'_, '_, '_, '_>, depth: usize, told: &mut Vec<Clause>) {
        let holds = at.as_deref_mut().is_none_or(|reading| self.holds(reading) == not.is_empty());
        let mut add = |asks: String, saw| told.push(Clause { depth, holds, asks, saw });
        let within = match self {
            Self::Leaf { asks, cond } => {
                let saw = at.as_deref_mut().and_then(|reading| saw(cond, reading));
                return add(format!("{not}{asks}"), saw);
            }
            Self::Not(inner) if not.is_empty() => return inner.tell("not: ", at, depth, told),
            Self::Not(inner) => {
                add("not:".to_owned(), None);
                return inner.tell("not: ", at, depth + 1, told);
            }
            Self::Named(name, inner) => {
                add(format!("{not}{name}:"), None);
                inner.parts()
            }
            Self::All(parts) => {
                add(format!("{not}all of:"), None);
                parts
            }
            Self::Any(parts) => {
                add(format!("{not}one of:"), None);
                parts
            }
        };
        for part in within {
            part.tell("", at, depth + 1, told);
        }
    }
}

/// Returns what the event says where a test looks.
fn saw(cond: &Cond, reading: &mut Reading<'_, '_, '_>) -> Option<String> {
    let slots = match cond {
        Cond::Is(slot, _) => vec![*slot],
        Cond::Same(one, other, ..) => vec![*one, *other],
        _ => Vec::new(),
    };
    let mut values = Vec::new();
    for slot in slots {
        if reading.is_whole(slot) {
            return Some("the whole record".to_owned());
        }
        for said in reading.get(slot).0.iter().take(TOLD) {
            values.push(match said.text {
                _ if said.null => "null".to_owned(),
                "" => "(empty)".to_owned(),
                text => cut(text),
            });
        }
    }
    (!values.is_empty()).then(|| values.join(" | "))
}
