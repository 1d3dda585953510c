//! What is hashed and written of a record once, however many detectors ask for it?
//!
//! Detectors that keep their state by the same terms have one number for them, so that of seven that
//! go by the key it is hashed for the first. Of 64 lists of each sort the results are kept, for one
//! record; what has no number, and what is about one secret of several, is worked out each time.

use crate::detection::naming::{entity_of, show};
use crate::detection::rule::{Rule, Term};
use crate::detection::scene::Scene;
use crate::detection::secret_words::noun;
use crate::detection::sheet::Span;
use crate::detection::signals::{Signals, Told};
use crate::telemetry::EntityKind;

use super::{Draft, Matcher, Step};

/// Lists of each sort that have a number.
const MOST: usize = 64;

/// The numbers of a rule's lists; of one that has none, [`MOST`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    pub(super) by: u8,
    pub(super) value: u8,
    pub(super) entity: u8,
}

/// The lists of terms that rules go by.
#[derive(Debug, Default)]
pub(super) struct Lists {
    by: Vec<Vec<Term>>,
    value: Vec<Vec<Term>>,
    entity: Vec<(EntityKind, Term)>,
}

impl Lists {
    /// Returns the numbers of `rule`'s lists.
    pub(super) fn numbers(&mut self, rule: &Rule) -> Numbers {
        let by = number(&mut self.by, &rule.by);
        // What is weighed is no hash of its terms.
        let value = if rule.is_hashed() { number(&mut self.value, &rule.value) } else { MOST as u8 };
        let entity = rule.by.first().map(|first| number(&mut self.entity, &(rule.entity, first.clone())));
        Numbers { by, value, entity: entity.unwrap_or(MOST as u8) }
    }
}

fn number<T: Clone + PartialEq>(known: &mut Vec<T>, one: &T) -> u8 {
    let place = known.iter().position(|other| other == one).unwrap_or(known.len());
    if place == known.len() && place < MOST {
        known.push(one.clone());
    }
    place.min(MOST) as u8
}

/// Results for one record.
#[derive(Debug)]
struct Kept<T> {
    results: [T; MOST],
    known: u64,
}

impl<T: Copy + Default> Default for Kept<T> {
    fn default() -> Self {
        Self { results: [T::default(); MOST], known: 0 }
    }
}

impl<T: Copy> Kept<T> {
    /// Returns the result for list `number`, which is `made` if it is not known.
    #[inline]
    fn get(&mut self, number: u8, made: impl FnOnce() -> T) -> T {
        let place = usize::from(number);
        let Some(result) = self.results.get_mut(place) else { return made() };
        if self.known >> place & 1 == 0 {
            self.known |= 1 << place;
            *result = made();
        }
        *result
    }
}

/// What has been worked out of one record.
#[derive(Debug, Default)]
pub(in crate::detection) struct Once {
    keys: Kept<Option<u128>>,
    values: Kept<Option<u64>>,
    /// Where entities' names stand, and their shards: on the sheet, and on that for signs of life.
    entities: Kept<Option<(Span, u8)>>,
    light: Kept<Option<(Span, u8)>>,
    /// Where on the sheet stands what is counted, as it is shown.
    shown: Kept<Option<Span>>,
}

impl Once {
    /// Forgets the record.
    #[inline]
    pub(super) fn clear(&mut self) {
        (self.keys.known, self.values.known) = (0, 0);
        (self.entities.known, self.light.known, self.shown.known) = (0, 0, 0);
    }

    /// Returns the keyed hash of what state is kept by.
    #[inline]
    pub(super) fn key(&mut self, numbers: Numbers, made: impl FnOnce() -> Option<u128>) -> Option<u128> {
        self.keys.get(numbers.by, made)
    }

    /// Returns the keyed hash of what is counted.
    #[inline]
    pub(super) fn value(&mut self, numbers: Numbers, made: impl FnOnce() -> Option<u64>) -> Option<u64> {
        self.values.get(numbers.value, made)
    }
}

impl Matcher {
    /// Returns the places of the detectors that remember what they are told by the hour.
    #[cfg(test)]
    pub fn place_of_first_seen(&self) -> Vec<u16> {
        (0..).zip(&*self.rules).filter(|(_, rule)| rule.coarse.is_some()).map(|(place, _)| place).collect()
    }

    /// Returns a collection for the signals of a batch of `bytes` bytes: what was `told` these detectors is not
    /// said again.
    pub fn signals(&self, bytes: usize, told: &mut Told) -> Signals {
        told.keep_if_of(&self.rules);
        Signals::of_batch(bytes, std::mem::take(told))
    }

    /// Returns where the name of the entity that `step` is about stands on its sheet, and its shard.
    pub(super) fn entity(
        &self,
        step: &Step,
        scene: Scene<'_, '_>,
        draft: &mut Draft<'_, '_, '_>,
    ) -> Option<(Span, u8)> {
        let rule = &self.rules[usize::from(step.rule)];
        let (signals, light) = (&mut *draft.signals, rule.light);
        let (sheet, kept) = if light {
            (&mut signals.light, &mut signals.once.light)
        } else {
            (&mut signals.sheet, &mut signals.once.entities)
        };
        let mut made = || {
            let name = entity_of(rule.entity, rule.by.first()?.get(scene)?, scene, sheet);
            Some((name, self.shard_of(rule.entity, sheet.text(name))))
        };
        if scene.secret.is_none() { kept.get(step.numbers.entity, made) } else { made() }
    }

    /// Returns where stands what `step` shows: what is counted, else what the secret is called.
    pub(super) fn shown(&self, step: &Step, scene: Scene<'_, '_>, draft: &mut Draft<'_, '_, '_>) -> Option<Span> {
        let rule = &self.rules[usize::from(step.rule)];
        let signals = &mut *draft.signals;
        let (sheet, kept) = (if rule.light { &mut signals.light } else { &mut signals.sheet }, &mut signals.once.shown);
        match scene.secret {
            Some(secret) if rule.value.is_empty() => Some(sheet.name(|names| names.push_str(noun(secret)))),
            _ if rule.value.is_empty() => None,
            None if !rule.light => {
                kept.get(step.numbers.value, || Some(sheet.name(|names| show(&rule.value, scene, names))))
            }
            _ => Some(sheet.name(|names| show(&rule.value, scene, names))),
        }
    }
}
