//! Which Sigma rules does an event fulfil, and for whom? All loaded rules, compiled for each category of records.
//!
//! The category decides which rules are there at all; an [`Index`] finds those that the event may fulfil; those are then
//! tried in earnest. A rule counts for its own alert, for correlations that refer to it, or for several of them:
//! its [`Target`]s.

use std::collections::HashMap;
use std::sync::Arc;

use crate::detection::Level;
use crate::redaction::RedactedEvent;
use crate::telemetry::{Category, EntityKind, Field, RawPaths, Value};

use super::cond::Cond;
use super::expr::{Asked, Expr, Key, Keys, Sound};
use super::fields::{Place, Taxonomy, about, places};
use super::index::Index;
use super::logsource::Table;
use super::reading::{Reading, Slot, Slots};
use super::test::{Test, number};
use crate::detection::words::{Case, How, Words};

/// Fields of one category that rules may name, and paths into its records.
const MOST_FIELDS: usize = 60_000;

/// All rules, by category.
#[derive(Clone, Debug)]
pub struct Set {
    groups: Vec<Option<Group>>,
}

/// The rules of one category.
#[derive(Clone, Debug, Default)]
struct Group {
    slots: Slots,
    rules: Vec<Rule>,
    index: Index,
}

#[derive(Clone, Debug)]
struct Rule {
    when: Cond,
    /// Whom its alerts are about: the first slot that says something.
    about: Arc<[(EntityKind, u16)]>,
    targets: Vec<Bound>,
}

/// What a rule counts for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The detector's place.
    pub(super) detector: u16,
    /// Which step of a correlation, else 0.
    pub(super) step: u8,
    pub(super) level: Level,
    /// What a correlation keeps apart; `None` where the rule stands alone.
    pub(super) by: Option<By>,
    /// The fields whose values are counted or measured.
    pub(super) value: Vec<String>,
    /// Whether it is measured: then a value that is no number does not count.
    pub(super) measured: bool,
}

/// What a correlation keeps apart, by the names of one rule's fields.
#[derive(Clone, Debug)]
pub(super) struct By {
    pub(super) fields: Vec<String>,
    /// Which of them names the entity, and of what kind it is.
    pub(super) entity: Option<(usize, EntityKind)>,
    /// Whom alerts are about where there is no field.
    pub(super) all: String,
}

/// A target whose fields are found.
#[derive(Clone, Debug)]
struct Bound {
    target: Target,
    by: Vec<u16>,
    value: Vec<u16>,
}

/// A rule that an event fulfils, for one of its targets.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'h> {
    /// The detector's place.
    pub detector: u16,
    /// Which step.
    pub step: u8,
    /// How bad it is.
    pub level: Level,
    /// What kind of entity an alert is about.
    pub kind: EntityKind,
    /// That entity, as the record writes it.
    pub entity: &'h str,
    /// What state is kept by, beside the entity.
    pub by: &'h [&'h str],
    /// The values that are counted.
    pub values: &'h [&'h str],
    /// The number that is measured.
    pub number: Option<f64>,
}

/// What of a rule does not depend on the category.
pub(super) struct Asks<'r> {
    pub(super) expr: &'r Expr,
    pub(super) table: Table,
    pub(super) taxonomy: Taxonomy,
    /// Of records that are not decoded by category, the names that they give.
    pub(super) writers: &'r [String],
    pub(super) targets: &'r [Target],
}

impl Asks<'_> {
    /// Returns what a record of `category` must say of what wrote it; `None` if its category says that.
    pub(super) fn written(&self, category: Category) -> Option<Expr> {
        if category != Category::Other || self.writers.is_empty() {
            return None;
        }
        let names = self.writers.iter().map(|name| Key::Is(name.to_ascii_lowercase())).collect();
        let test = Test::Words(Words::new(How::Is, Case::Ignored, self.writers.iter().cloned()));
        Some(Expr::Is(Asked::Writer, Arc::new(Sound { test, keys: Keys::OneOf(names) })))
    }
}

/// Puts the rules of all categories together.
#[derive(Default)]
pub(super) struct Builder {
    groups: HashMap<Category, Building>,
}

/// A field by the names of one log source.
type FieldKey = (Asked, &'static str, bool);

#[derive(Default)]
pub(super) struct Building {
    known: HashMap<FieldKey, u16>,
    by_places: Vec<(Vec<Place>, u16)>,
    slots: Vec<Slot>,
    paths: Vec<Vec<String>>,
    fills: Vec<Vec<u16>>,
    rules: Vec<Rule>,
}

impl Set {
    /// Gives `each` every rule that `event` fulfils, once for each of its targets.
    pub fn observe(&self, event: &RedactedEvent<'_>, mut each: impl FnMut(Hit<'_>)) {
        let Some(group) = self.groups.get(event.category() as usize).and_then(Option::as_ref) else { return };
        let mut reading = Reading::new(&group.slots, event);
        group.index.candidates(&mut reading, |number, reading| {
            let Some(rule) = group.rules.get(number as usize) else { return };
            if rule.when.holds(reading) {
                rule.targets.iter().for_each(|target| target.hit(&rule.about, reading, &mut each));
            }
        });
    }

    /// Returns the set without its index: every rule of a category is tried on every event.
    #[cfg(test)]
    pub(super) fn plain(&self) -> Self {
        let mut plain = self.clone();
        for group in plain.groups.iter_mut().flatten() {
            group.index = Index::of_all(group.rules.len());
        }
        plain
    }
}

impl Bound {
    fn hit(&self, about: &[(EntityKind, u16)], reading: &mut Reading<'_, '_, '_>, each: &mut impl FnMut(Hit<'_>)) {
        let arena = reading.arena();
        let Target { detector, step, level, .. } = self.target;
        let mut by = bumpalo::collections::Vec::with_capacity_in(self.by.len(), arena);
        for slot in &self.by {
            // What lacks a field that is grouped by belongs to no group.
            let Some(text) = reading.first(*slot) else { return };
            by.push(text);
        }
        let mut values = bumpalo::collections::Vec::with_capacity_in(self.value.len(), arena);
        for slot in &self.value {
            let Some(text) = reading.first(*slot) else { return };
            values.push(text);
        }
        let measured = values.first().and_then(|text| number(text));
        if self.target.measured && measured.is_none() {
            return;
        }
        let number = measured.filter(|_| self.target.measured);
        let (kind, entity) = match &self.target.by {
            Some(By { entity: Some((place, kind)), .. }) => (*kind, by.get(*place).copied().unwrap_or_default()),
            Some(By { all, .. }) => (EntityKind::App, all.as_str()),
            None => who(about, reading),
        };
        each(Hit { detector, step, level, kind, entity, by: &by, values: &values, number });
    }
}

/// Returns whom an alert is about: the first that the event names, else what wrote it.
fn who<'e>(about: &[(EntityKind, u16)], reading: &mut Reading<'_, 'e, '_>) -> (EntityKind, &'e str) {
    for (kind, slot) in about {
        let Some(text) = reading.first(*slot) else { continue };
        if *kind == EntityKind::Function && !text.contains('/') {
            let app = reading.event().app().unwrap_or_default();
            let arena = reading.arena();
            return (*kind, if app.is_empty() { text } else { arena.alloc_str(&format!("{app}/{text}")) });
        }
        return (*kind, text);
    }
    let event = reading.event();
    match event.get(Field::Resource) {
        Some(Value::Text(id)) if !id.is_empty() => (EntityKind::App, id.rsplit('/').next().unwrap_or(id)),
        _ => (EntityKind::App, event.category().name()),
    }
}

impl Builder {
    /// Adds a rule to `category`.
    pub(super) fn add(&mut self, category: Category, asks: &Asks<'_>) {
        let group = self.groups.entry(category).or_default();
        let mut when = group.cond(asks.expr, asks);
        if let Some(written) = asks.written(category) {
            when = Cond::All(vec![group.cond(&written, asks), when]);
        }
        let about = about(asks.table);
        let about = about.into_iter().map(|(kind, places)| (kind, group.slot_of(places))).collect();
        let targets = asks.targets.iter().map(|target| group.bind(target, asks)).collect();
        group.rules.push(Rule { when, about, targets });
    }

    /// Returns the set.
    ///
    /// # Errors
    ///
    /// Returns that rules name more fields than can be told apart.
    pub(super) fn build(self) -> Result<Set, String> {
        let mut groups: Vec<Option<Group>> = Category::ALL.iter().map(|_| None).collect();
        for (category, building) in self.groups {
            if building.slots.len() > MOST_FIELDS || building.paths.len() > MOST_FIELDS {
                return Err(format!(
                    "Sigma rules name more than {MOST_FIELDS} fields of {}. Load fewer.",
                    category.name()
                ));
            }
            if let Some(place) = groups.get_mut(category as usize) {
                *place = Some(building.build());
            }
        }
        Ok(Set { groups })
    }
}

impl Building {
    fn bind(&mut self, target: &Target, asks: &Asks<'_>) -> Bound {
        let mut slots = |fields: &[String]| -> Vec<u16> {
            fields.iter().map(|field| self.slot(Asked::Field(field.clone()), asks)).collect()
        };
        let by = target.by.as_ref().map(|by| slots(&by.fields)).unwrap_or_default();
        let value = slots(&target.value);
        Bound { target: target.clone(), by, value }
    }

    /// Returns what `expr` asks of the records, its fields found.
    pub(super) fn cond(&mut self, expr: &Expr, asks: &Asks<'_>) -> Cond {
        match expr {
            Expr::All(parts) => Cond::All(parts.iter().map(|part| self.cond(part, asks)).collect()),
            Expr::Any(parts) => Cond::Any(parts.iter().map(|part| self.cond(part, asks)).collect()),
            Expr::Not(inner) => Cond::Not(Box::new(self.cond(inner, asks))),
            Expr::Named(_, inner) => self.cond(inner, asks),
            Expr::Is(asked, sound) => Cond::Is(self.slot(asked.clone(), asks), Arc::clone(sound)),
            Expr::Same(one, how, other, case) => Cond::Same(
                self.slot(Asked::Field(one.clone()), asks),
                self.slot(Asked::Field(other.clone()), asks),
                *how,
                *case,
            ),
        }
    }

    /// Returns the slot of what is asked for, a new one if there is none.
    pub(super) fn slot(&mut self, asked: Asked, asks: &Asks<'_>) -> u16 {
        let ecs = asks.taxonomy == Taxonomy::Ecs;
        let key = (asked, asks.table.name(), ecs);
        if let Some(slot) = self.known.get(&key) {
            return *slot;
        }
        let slot = match &key.0 {
            Asked::Field(name) => self.slot_of(places(name, asks.table, asks.taxonomy)),
            Asked::Writer => {
                self.slot_of(vec![Place::Path(vec!["category".to_owned()]), Place::Path(vec!["Type".to_owned()])])
            }
            Asked::Record => match self.slots.iter().position(|slot| slot.whole) {
                Some(place) => place as u16,
                None => self.push(Slot { whole: true, ..Slot::default() }),
            },
        };
        self.known.insert(key, slot);
        slot
    }

    /// Returns the slot for these places, a new one if there is none.
    fn slot_of(&mut self, places: Vec<Place>) -> u16 {
        if let Some((_, slot)) = self.by_places.iter().find(|(known, _)| *known == places) {
            return *slot;
        }
        let walked = places.iter().any(|place| matches!(place, Place::Path(_)));
        let slot = self.push(Slot { places: places.clone(), walked, whole: false });
        for path in places.iter().filter_map(|place| match place {
            Place::Path(path) => Some(path.iter().map(|name| name.to_ascii_lowercase()).collect::<Vec<_>>()),
            _ => None,
        }) {
            let known = self.paths.iter().position(|known| *known == path);
            let number = known.unwrap_or_else(|| {
                self.paths.push(path);
                self.fills.push(Vec::new());
                self.paths.len() - 1
            });
            self.fills[number].push(slot);
        }
        self.by_places.push((places, slot));
        slot
    }

    fn push(&mut self, slot: Slot) -> u16 {
        self.slots.push(slot);
        (self.slots.len() - 1).min(usize::from(u16::MAX)) as u16
    }

    /// Returns what fills the slots.
    pub(super) fn slots(self) -> Slots {
        let paths = RawPaths::new(self.paths.iter().map(Vec::as_slice));
        Slots { list: self.slots, paths, fills: self.fills }
    }

    fn build(mut self) -> Group {
        let rules = std::mem::take(&mut self.rules);
        let index = Index::new(rules.iter().map(|rule| &rule.when));
        Group { slots: self.slots(), rules, index }
    }
}
