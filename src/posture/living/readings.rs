//! What got weaker from one reading of configuration to the next, and what has healed?
//!
//! A reading is compared with the one before, which is kept over a restart, so that what was changed while
//! nobody watched is told too. A control got weaker on a part that was there before if it is not
//! configured now and was not so before. What follows from the weakening of an app or an API is told with
//! it and not again for each function. An element that is new, or gone, is no weakening. As large as the
//! elements and their controls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::configured::{Configuration, Configured};
use super::standing::{Drift, DriftKind, Stands};
use crate::clock::Timestamp;
use crate::posture::Level;
use crate::posture::configured::Sort;
use crate::posture::controls::{Control, State};
use crate::posture::intended::Intended;
use crate::posture::observed::{Observed, Write};

/// Controls on a function that follow from its app or its gateway.
const DERIVED: [&str; 3] = ["function.more-than-one-layer", "function.token-checked", "function.behind-gateway"];

/// The states of controls, by a hash of their ids.
type States = Vec<(u32, u8)>;

/// The newest reading, and what is weak since an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// When it was taken, event time; `None` before the first.
    pub at: Option<Timestamp>,
    /// The states of each element's controls (a hash of the id), by sort and name.
    parts: BTreeMap<(u8, Arc<str>), States>,
    /// What got weaker and has not healed: controls by part.
    weak: BTreeMap<(u8, Arc<str>), BTreeSet<Arc<str>>>,
}

/// A part on which controls got weaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakened {
    /// What sort of thing it is.
    pub sort: Sort,
    /// Its name.
    pub part: Arc<str>,
    /// What it belongs to.
    pub of: Option<Arc<str>>,
    /// The worst level of its controls.
    pub level: Level,
    /// How many controls got weaker.
    pub count: usize,
    /// One sentence: what, since when, by whom and from where.
    pub says: String,
    /// The newest write to it before.
    pub write: Option<Write>,
}

/// What two readings differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Parts that got weaker, by sort and name.
    pub weakened: Vec<Weakened>,
    /// Parts that were weak and are not any more.
    pub healed: Vec<(Sort, Arc<str>)>,
    /// All of it, for people.
    pub drifts: Vec<Drift>,
}

/// A control that got weaker.
struct Weaker<'c> {
    element: &'c Configuration,
    control: &'c Control,
    says: &'c str,
}

impl Readings {
    /// Takes the next reading, of `at`; says what it differs in from the one before, if there is one.
    pub fn next(&mut self, configured: &Configured, intended: &Intended, observed: &Observed, at: Timestamp) -> Changes {
        let mut changes = Changes::default();
        let accepted = |control: &str, part: &str| {
            intended.accepted.iter().any(|one| one.control == control && one.element == part && one.expires > at)
        };
        let mut parts = BTreeMap::new();
        let mut weaker: Vec<Weaker<'_>> = Vec::new();
        let mut wrong: BTreeSet<(u8, &str, &str)> = BTreeSet::new();
        for element in &configured.elements {
            let key = (element.sort as u8, element.name.clone());
            let states: Vec<(u32, u8)> = element
                .found
                .iter()
                .filter_map(|found| {
                    Some((short(&configured.controls.all.get(usize::from(found.control))?.id), found.state as u8))
                })
                .collect();
            let old = self.parts.get(&key);
            if self.at.is_some() && old.is_none() && is_shown(element.sort) {
                changes.drifts.push(drift(at, DriftKind::Came, &element.name, "", None, "it came with the configuration"));
            }
            for found in &element.found {
                let Some(control) = configured.controls.all.get(usize::from(found.control)) else { continue };
                if found.state == State::NotConfigured && !accepted(&control.id, &element.name) {
                    wrong.insert((key.0, &element.name, &control.id));
                }
                let before = old.map(|old| old.iter().find(|(id, _)| *id == short(&control.id)).map(|(_, state)| *state));
                match (before, found.state) {
                    (Some(before), State::NotConfigured)
                        if before.is_none_or(|before| before == State::Configured as u8)
                            && !accepted(&control.id, &element.name) =>
                    {
                        weaker.push(Weaker { element, control, says: &found.says });
                    }
                    (Some(Some(before)), now) if before == State::NotConfigured as u8 && now != State::NotConfigured => {
                        changes.drifts.push(stronger(at, element, control, &found.says, now));
                    }
                    _ => {}
                }
            }
            parts.insert(key, states);
        }
        for (sort, name) in self.parts.keys().filter(|key| !parts.contains_key(*key)) {
            if Sort::ALL.get(usize::from(*sort)).is_some_and(|sort| is_shown(*sort)) {
                changes.drifts.push(drift(at, DriftKind::Went, name, "", None, "it is in no file any more"));
            }
        }
        self.tell(&weaker, configured, observed, at, &mut changes);
        self.heal(&wrong, &mut changes);
        (self.parts, self.at) = (parts, Some(at));
        changes
    }

    fn tell(
        &mut self,
        weaker: &[Weaker<'_>],
        configured: &Configured,
        observed: &Observed,
        at: Timestamp,
        changes: &mut Changes,
    ) {
        let mut by_part: BTreeMap<(u8, Arc<str>), Vec<&Weaker<'_>>> = BTreeMap::new();
        for one in weaker {
            by_part.entry((one.element.sort as u8, one.element.name.clone())).or_default().push(one);
        }
        let mut fronts: HashMap<&str, Vec<&Arc<str>>> = HashMap::new();
        for (api, app) in &configured.ways {
            fronts.entry(app).or_default().push(api);
        }
        let above_is_weak = |element: &Configuration| {
            let Some(app) = element.of.as_ref() else { return false };
            let apis = fronts.get(&**app).into_iter().flatten();
            by_part.contains_key(&(Sort::App as u8, app.clone()))
                || apis.into_iter().any(|api| by_part.contains_key(&(Sort::Api as u8, (*api).clone())))
        };
        let previous = self.at;
        for ((sort, name), list) in &by_part {
            let Some(first) = list.first() else { continue };
            let write = observed.written(&write_name(first.element), at).cloned();
            for one in list {
                let states = Some((Stands::ConfiguredOnly, Stands::NotConfigured));
                let says = format!("{}: {}", one.control.title, one.says);
                let mut told = drift(at, DriftKind::Weaker, name, &one.control.id, states, &says);
                told.by = write.as_ref().map(|write| (write.by.clone(), write.from.clone()));
                changes.drifts.push(told);
            }
            let follows = |one: &&&Weaker<'_>| !DERIVED.contains(&one.control.id.as_str());
            let own: Vec<&&Weaker<'_>> = list.iter().filter(follows).collect();
            let list: Vec<&&Weaker<'_>> =
                if above_is_weak(first.element) { own } else { list.iter().collect() };
            let Some(worst) = list.iter().max_by_key(|one| (one.control.level, std::cmp::Reverse(&one.control.id))) else {
                continue;
            };
            let weak = self.weak.entry((*sort, name.clone())).or_default();
            weak.extend(list.iter().map(|one| Arc::from(one.control.id.as_str())));
            changes.weakened.push(Weakened {
                sort: first.element.sort,
                part: name.clone(),
                of: first.element.of.clone(),
                level: worst.control.level,
                count: list.len(),
                says: sentence(worst, list.len() - 1, write.as_ref(), previous),
                write,
            });
        }
    }

    fn heal(&mut self, wrong: &BTreeSet<(u8, &str, &str)>, changes: &mut Changes) {
        self.weak.retain(|(sort, name), controls| {
            controls.retain(|control| wrong.contains(&(*sort, &**name, &**control)));
            if controls.is_empty()
                && let Some(sort) = Sort::ALL.get(usize::from(*sort))
            {
                changes.healed.push((*sort, name.clone()));
            }
            !controls.is_empty()
        });
    }
}

/// Says what got weaker, since when, by whom and from where.
fn sentence(worst: &Weaker<'_>, more: usize, write: Option<&Write>, previous: Option<Timestamp>) -> String {
    let (sort, name) = (worst.element.sort.name(), &worst.element.name);
    let more = match more {
        0 => String::new(),
        1 => ", and one more control got weaker".to_owned(),
        n => format!(", and {n} more controls got weaker"),
    };
    let says = worst.says.trim_end_matches('.');
    let since = previous.map_or_else(String::new, |previous| format!(" since the reading of {previous}"));
    let who = match write {
        Some(write) => format!(
            "The newest write to it before is {} of {} by {} from {}.",
            write.operation, write.at, write.by, write.from
        ),
        None => "The Activity log has told of no write to it.".to_owned(),
    };
    format!("{sort} {name} got weaker{since}: «{}» holds no longer ({says}){more}. {who}", worst.control.title)
}

fn drift(
    at: Timestamp,
    kind: DriftKind,
    part: &Arc<str>,
    control: &str,
    states: Option<(Stands, Stands)>,
    says: &str,
) -> Drift {
    let (part, control, says) = (part.clone(), control.into(), says.into());
    Drift { at, kind, part, control, states, says, by: None, alert: None }
}

fn stronger(at: Timestamp, element: &Configuration, control: &Control, says: &str, now: State) -> Drift {
    let now = if now == State::Configured { Stands::ConfiguredOnly } else { Stands::Unknown };
    let says = format!("{}: {says}", control.title);
    drift(at, DriftKind::Stronger, &element.name, &control.id, Some((Stands::NotConfigured, now)), &says)
}

/// Returns the name whose parts a write to the element must have in its resource.
fn write_name(element: &Configuration) -> String {
    match element.sort {
        // The operation's id stands below `operations`; its own policy is written there.
        Sort::Policy => element.of.as_deref().unwrap_or(&element.name).to_owned(),
        _ => element.name.to_string(),
    }
}

const fn is_shown(sort: Sort) -> bool {
    matches!(sort, Sort::App | Sort::Function | Sort::Gateway | Sort::Api | Sort::Operation)
}

fn short(id: &str) -> u32 {
    (xxh3_64(id.as_bytes()) >> 32) as u32
}
