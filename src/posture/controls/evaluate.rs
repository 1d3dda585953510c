//! What is the state of each control on each element?
//!
//! Where files say different things of one element, the weakest decides. What was not written down
//! has Azure's default only if the element was defined as a whole; else it is unknown. At most
//! 500,000 verdicts are given.

use std::collections::BTreeMap;

use super::super::configured::{Element, Given, Model, Place, Setting, Sort, Value};
use super::super::intended::Intended;
use super::super::level::Level;
use super::context::Context;
use super::control::{Absent, Control, Controls, Test, Want, WhenOff};
use super::layers::{self, Layers};

/// Verdicts given.
const MAX_VERDICTS: usize = 500_000;

/// The state of a control on an element, from configuration alone.
///
/// Telemetry can turn `Configured` into *held* or *contradicted*, and an owner's word can turn
/// `NotConfigured` into *accepted*; both come beside these when there is something that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is set as it should be.
    Configured,
    /// It can't be told from what was read.
    Unknown,
    /// It is not set as it should be.
    NotConfigured,
}

impl State {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configured => "configured",
            Self::Unknown => "unknown",
            Self::NotConfigured => "not configured",
        }
    }
}

/// What was found of one control at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The state.
    pub state: State,
    /// What is there, for people.
    pub says: String,
    /// Where.
    pub at: Place,
}

impl Outcome {
    /// Returns an outcome.
    pub fn new(state: State, says: impl Into<String>, at: &Place) -> Self {
        Self { state, says: says.into(), at: at.clone() }
    }

    /// Returns that it is as it should be.
    pub fn fine(says: impl Into<String>, at: &Place) -> Vec<Self> {
        vec![Self::new(State::Configured, says, at)]
    }

    /// Returns that it is not as it should be.
    pub fn weak(says: impl Into<String>, at: &Place) -> Vec<Self> {
        vec![Self::new(State::NotConfigured, says, at)]
    }

    /// Returns that it can't be told.
    pub fn unknown(says: impl Into<String>, at: &Place) -> Vec<Self> {
        vec![Self::new(State::Unknown, says, at)]
    }
}

/// The state of one control on one element.
#[derive(Clone, Debug)]
pub struct Verdict<'c> {
    /// The control.
    pub control: &'c Control,
    /// What sort of thing the element is.
    pub sort: Sort,
    /// Its name.
    pub element: String,
    /// The state, what is there, and where.
    pub outcome: Outcome,
}

/// What was found in a repository.
#[derive(Debug)]
pub struct Report<'c> {
    /// Every verdict: the worst findings first, then the unknown, then what is fine.
    pub verdicts: Vec<Verdict<'c>>,
    /// Controls that are not about their element, for what they need is off, though that mends nothing.
    pub switched_off: Vec<Verdict<'c>>,
    /// The layers of every HTTP endpoint.
    pub layers: Vec<Layers>,
    /// Which API leads to which app.
    pub ways: Vec<(String, String)>,
    /// Whether a token is checked by each operation that has a policy of its own.
    pub operations: Vec<(String, State)>,
    /// Verdicts beyond the ceiling.
    pub dropped: usize,
}

impl Report<'_> {
    /// Returns what is not as it should be.
    pub fn findings(&self) -> impl Iterator<Item = &Verdict<'_>> {
        self.verdicts.iter().filter(|verdict| verdict.outcome.state == State::NotConfigured)
    }

    /// Returns the worst level that was found.
    pub fn worst(&self) -> Option<Level> {
        self.findings().map(|verdict| verdict.control.level).max()
    }

    /// Returns how many verdicts there are of each state.
    pub fn count(&self, state: State) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.outcome.state == state).count()
    }
}

/// Tells the state of each of `controls` on each element of `model`.
pub fn evaluate<'c>(model: &Model, controls: &'c Controls) -> Report<'c> {
    evaluate_meant(model, controls, None)
}

/// Tells the same, held against what is meant to be.
pub fn evaluate_meant<'c>(model: &Model, controls: &'c Controls, intended: Option<&Intended>) -> Report<'c> {
    let mut by_sort: BTreeMap<Sort, Vec<&'c Control>> = BTreeMap::new();
    for control in &controls.all {
        by_sort.entry(control.applies_to).or_default().push(control);
    }
    let (mut verdicts, mut switched_off, mut dropped) = (Vec::new(), Vec::new(), 0);
    let context = Context::new(model).meaning(intended);
    for element in model.elements() {
        for control in by_sort.get(&element.sort).map(Vec::as_slice).unwrap_or_default() {
            for outcome in outcomes(&context, control, element) {
                if verdicts.len() >= MAX_VERDICTS {
                    dropped += 1;
                    continue;
                }
                verdicts.push(Verdict { control, sort: element.sort, element: element.name.clone(), outcome });
            }
            if let Some(outcome) = off(control, element).filter(|_| switched_off.len() < MAX_VERDICTS) {
                switched_off.push(Verdict { control, sort: element.sort, element: element.name.clone(), outcome });
            }
        }
    }
    // The worst first; within a level by place, so that a diff of two reports is short.
    verdicts.sort_by(|a, b| {
        let key = |v: &Verdict<'_>| (std::cmp::Reverse(v.outcome.state), std::cmp::Reverse(v.control.level));
        key(a)
            .cmp(&key(b))
            .then_with(|| a.outcome.at.cmp(&b.outcome.at))
            .then_with(|| (&a.control.id, &a.element).cmp(&(&b.control.id, &b.element)))
    });
    // A fragment that several gateways share is told of once.
    verdicts.dedup_by(|a, b| {
        a.sort == Sort::Policy && b.sort == Sort::Policy && a.control.id == b.control.id && a.outcome == b.outcome
    });
    let (layers, ways, operations) = (layers::all(&context), context.ways(), context.operations());
    Report { verdicts, switched_off, layers, ways, operations, dropped }
}

/// Returns what is found of `control` on `element`; nothing where it is not about it.
pub fn outcomes(context: &Context<'_>, control: &Control, element: &Element) -> Vec<Outcome> {
    let fits = control.only_when.iter().all(|(setting, wanted)| fits(element, *setting, wanted));
    if !fits {
        return Vec::new();
    }
    match &control.test {
        Test::Setting(setting, want, absent) => vec![by_setting(element, *setting, want, *absent)],
        Test::Check(check) => check.run(context, element),
    }
}

/// Tells what it means for a control that what it needs is off; nothing where it is on, or where that mends it.
fn off(control: &Control, element: &Element) -> Option<Outcome> {
    if control.when_off == WhenOff::LetGo {
        return None;
    }
    let (setting, _) = control.only_when.iter().find(|(setting, wanted)| !fits(element, *setting, wanted))?;
    let told = element.all(*setting).iter().find(|given| !matches!(given.value, Value::Unknown(_)));
    Some(match told {
        Some(given) => {
            let weaker = control.when_off == WhenOff::Weaker;
            let state = if weaker { State::NotConfigured } else { State::Unknown };
            Outcome::new(state, format!("`{}` is {}", setting.name(), told_of(&given.value)), &given.at)
        }
        None => Outcome::new(State::Unknown, format!("`{}` is in no file that was read", setting.name()), &element.at),
    })
}

fn fits(element: &Element, setting: Setting, wanted: &str) -> bool {
    element.all(setting).iter().any(|given| match &given.value {
        Value::Unknown(_) => false,
        value => wanted == "any" || value.shown().eq_ignore_ascii_case(wanted),
    })
}

fn by_setting(element: &Element, setting: Setting, want: &Want, absent: Absent) -> Outcome {
    let of = |given: &Given| {
        let state = judge(&given.value, want);
        let shown = if setting.is_showable() {
            format!(" is {}", told_of(&given.value))
        } else {
            told_hidden(&given.value, want)
        };
        // Between backticks, for `api-key: secret` reads as a key and would be hidden.
        Outcome::new(state, format!("`{}`{shown}", setting.name()), &given.at)
    };
    if let (Want::Has(_), [first, _, ..]) = (want, element.all(setting)) {
        let given = Given { value: together(element.all(setting), want), at: first.at.clone() };
        return of(&given);
    }
    let worst = element.all(setting).iter().map(of).max_by_key(|outcome| outcome.state);
    let by_default = match absent {
        Absent::Configured if element.defaults(setting) => State::Configured,
        Absent::NotConfigured if element.defaults(setting) => State::NotConfigured,
        _ => State::Unknown,
    };
    if let Some(worst) = worst {
        return match element.left_out(setting) {
            Some(file) if by_default > worst.state => {
                let says = format!("`{}` is set elsewhere and left out in {file}", setting.name());
                Outcome::new(by_default, says, &Place::line(file, 1))
            }
            _ => worst,
        };
    }
    let says = match by_default {
        State::NotConfigured => format!("`{}` is not set, and its default is not enough", setting.name()),
        State::Configured => format!("`{}` is not set, and its default is right", setting.name()),
        State::Unknown => format!("`{}` is in no file that was read", setting.name()),
    };
    Outcome::new(by_default, says, &element.at)
}

/// Returns the lists of several files as one: what is sent by one setting or another is sent, and what is unknown
/// counts where those that are known are not enough.
fn together(all: &[Given], want: &Want) -> Value {
    let (mut items, mut unknown) = (Vec::new(), None);
    for given in all {
        match &given.value {
            Value::List(list) => items.extend(list.iter().cloned()),
            other => unknown = Some(other.clone()),
        }
    }
    let known = Value::List(items);
    unknown.filter(|_| judge(&known, want) != State::Configured).unwrap_or(known)
}

/// Returns a value for people.
fn told_of(value: &Value) -> String {
    match value {
        Value::Unknown(shown) => format!("known at deployment only ({})", cut(shown)),
        Value::List(items) if items.is_empty() => "empty".to_owned(),
        other => format!("`{}`", cut(&other.shown())),
    }
}

/// Returns of a value that may hold a secret only what was looked for.
fn told_hidden(value: &Value, want: &Want) -> String {
    match (value, want) {
        (Value::List(items), Want::NoneOf(wrong)) => {
            let named: Vec<&str> = items
                .iter()
                .filter(|item| wrong.iter().any(|wrong| wrong.eq_ignore_ascii_case(item)))
                .map(String::as_str)
                .collect();
            if named.is_empty() { " hold none of those".to_owned() } else { format!(" hold {}", named.join(", ")) }
        }
        (Value::Unknown(_), _) => " is known at deployment only".to_owned(),
        _ => " is set".to_owned(),
    }
}

/// Returns at most 80 characters of a text: whole words of it, for half a key could not be told from
/// a word.
pub fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(80) else { return text.to_owned() };
    let head = text.get(..end).unwrap_or_default();
    match head.rfind([' ', ',', ';']) {
        Some(at) if at > 0 => format!("{} …", head.get(..at).unwrap_or_default()),
        _ => format!("a text of {} characters", text.chars().count()),
    }
}

/// Tells whether a value is what is wanted.
fn judge(value: &Value, want: &Want) -> State {
    let is = |text: &str, list: &[String]| list.iter().any(|one| one.eq_ignore_ascii_case(text));
    let right = match (value, want) {
        (Value::Unknown(_), _) => return State::Unknown,
        (Value::Flag(flag), Want::Is(wanted)) => flag == wanted,
        (Value::List(items), Want::OneOf(list)) => items.iter().all(|item| is(item, list)),
        (Value::List(items), Want::NoneOf(list)) => !items.iter().any(|item| is(item, list)),
        (Value::List(items), Want::Has(list)) => list.iter().all(|wanted| is(wanted, items)),
        (value, Want::OneOf(list)) => is(&value.shown(), list),
        (value, Want::NoneOf(list)) => !is(&value.shown(), list),
        (Value::Text(text), Want::AtLeast(least)) => match (version(text), version(least)) {
            (Some(version), Some(least)) => version >= least,
            _ => return State::Unknown,
        },
        (Value::Text(text), Want::Has(list)) => list.iter().all(|wanted| wanted.eq_ignore_ascii_case(text)),
        _ => return State::Unknown,
    };
    if right { State::Configured } else { State::NotConfigured }
}

/// Returns the numbers of a version or date: `1.2`, `TLS1_2`, `2021-08-01`.
fn version(text: &str) -> Option<Vec<u32>> {
    let text = text.trim().trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let text = text.trim_end_matches("-preview");
    text.split(['.', '_', '-']).map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_its_words() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&format!("{} {}", "q".repeat(40), "k".repeat(60))), format!("{} …", "q".repeat(40)));
        assert_eq!(cut(&"k".repeat(81)), "a text of 81 characters");
    }

    #[test]
    fn versions_and_dates_are_compared_by_their_numbers() {
        let at_least = |got: &str, least: &str| judge(&Value::Text(got.into()), &Want::AtLeast(least.into()));
        assert_eq!(at_least("1.0", "1.2"), State::NotConfigured);
        assert_eq!(at_least("1.3", "1.2"), State::Configured);
        assert_eq!(at_least("TLS1_2", "1.2"), State::Configured);
        assert_eq!(at_least("2019-12-01", "2021-08-01"), State::NotConfigured);
        assert_eq!(at_least("2021-12-01-preview", "2021-08-01"), State::Configured);
        assert_eq!(at_least("newest", "1.2"), State::Unknown);
    }
}
