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

use super::setup::{Configuration, Setup};
use super::standing::{Drift, DriftKind, Stands, moment};
use crate::clock::Timestamp;
use crate::posture::Level;
use crate::posture::configured::Sort;
use crate::posture::controls::{Control, State};
use crate::posture::intended::{Authentication, Intended, Site};
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
    pub fn next(&mut self, configured: &Setup, intended: &Intended, observed: &Observed, at: Timestamp) -> Changes {
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
                changes.drifts.push(drift(
                    at,
                    DriftKind::Came,
                    &element.name,
                    "",
                    None,
                    "it came with the configuration",
                ));
            }
            for found in &element.found {
                let Some(control) = configured.controls.all.get(usize::from(found.control)) else { continue };
                if found.state == State::NotConfigured && !accepted(&control.id, &element.name) {
                    wrong.insert((key.0, &element.name, &control.id));
                }
                let before =
                    old.map(|old| old.iter().find(|(id, _)| *id == short(&control.id)).map(|(_, state)| *state));
                match (before, found.state) {
                    (Some(before), State::NotConfigured)
                        if came_from(before, &control.id) && !accepted(&control.id, &element.name) =>
                    {
                        weaker.push(Weaker { element, control, says: &found.says });
                    }
                    (Some(Some(before)), now)
                        if before == State::NotConfigured as u8 && now != State::NotConfigured =>
                    {
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
        self.tell(&weaker, (configured, intended, observed), at, &mut changes);
        self.heal(&wrong, &mut changes);
        (self.parts, self.at) = (parts, Some(at));
        changes
    }

    fn tell(
        &mut self,
        weaker: &[Weaker<'_>],
        (configured, intended, observed): (&Setup, &Intended, &Observed),
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
            let list: Vec<&&Weaker<'_>> = if above_is_weak(first.element) { own } else { list.iter().collect() };
            let Some(worst) = list.iter().max_by_key(|one| (one.control.level, std::cmp::Reverse(&one.control.id)))
            else {
                continue;
            };
            let weak = self.weak.entry((*sort, name.clone())).or_default();
            weak.extend(list.iter().map(|one| Arc::from(one.control.id.as_str())));
            changes.weakened.push(Weakened {
                sort: first.element.sort,
                part: name.clone(),
                of: first.element.of.clone(),
                level: worst.control.level.max(least(worst, intended)),
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
    let since = previous.map_or_else(String::new, |previous| format!(" since the reading of {}", moment(previous)));
    let who = match write {
        Some(write) => format!(
            "The newest write to it before is {} of {} by {} from {}.",
            write.operation,
            moment(write.at),
            write.by,
            write.from
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

/// Returns how bad it is at least: that tokens are checked no longer is bad where the owner asks for them.
fn least(worst: &Weaker<'_>, intended: &Intended) -> Level {
    let site = worst.element.name.split('/').next().unwrap_or_default();
    let asks = |one: &Site| *one.name == *site && one.meant.authentication.contains(&Authentication::Jwt);
    let tokens = worst.control.id.ends_with(".token-checked") && intended.sites.iter().any(asks);
    if tokens { Level::High } else { Level::Informational }
}

/// Returns the name whose parts a write to the element must have in its resource.
fn write_name(element: &Configuration) -> String {
    match element.sort {
        // The operation's id stands below `operations`; its own policy is written there.
        Sort::Policy => element.of.as_deref().unwrap_or(&element.name).to_owned(),
        _ => element.name.to_string(),
    }
}

/// Tells whether a control that is not configured was so before, or was not about the element: only what
/// follows from other settings comes and goes with those.
fn came_from(before: Option<u8>, control: &str) -> bool {
    before.map_or(!DERIVED.contains(&control), |before| before == State::Configured as u8)
}

const fn is_shown(sort: Sort) -> bool {
    matches!(sort, Sort::App | Sort::Function | Sort::Gateway | Sort::Api | Sort::Operation)
}

fn short(id: &str) -> u32 {
    (xxh3_64(id.as_bytes()) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::super::setup::Found;
    use super::*;
    use crate::posture::controls::shipped;
    use crate::posture::intended::Accepted;

    const AT: Timestamp = Timestamp::from_seconds(1_795_442_400);

    type Element<'e> = (Sort, &'e str, Option<&'e str>, &'e [(&'e str, State)]);

    fn configured(elements: &[Element<'_>]) -> Setup {
        let controls = Arc::new(shipped().unwrap());
        let place = |id: &str| controls.all.iter().position(|control| control.id == id).unwrap() as u16;
        let element = |(sort, name, of, found): &Element<'_>| Configuration {
            sort: *sort,
            name: (*name).into(),
            of: of.map(Into::into),
            asks: None,
            identity: false,
            http: false,
            found: found
                .iter()
                .map(|(id, state)| Found { control: place(id), state: *state, says: "so".into(), place: None })
                .collect(),
            layers: Vec::new(),
        };
        Setup { elements: elements.iter().map(element).collect(), controls: controls.clone(), ..Setup::default() }
    }

    /// What the last of these readings says: what got weaker, and what healed.
    fn told(readings: &[&[Element<'_>]], intended: &Intended) -> (Vec<String>, Vec<String>) {
        let (mut kept, mut last) = (Readings::default(), Changes::default());
        for elements in readings {
            last = kept.next(&configured(elements), intended, &Observed::default(), AT);
        }
        let weakened = last.weakened.iter().map(|one| format!("{} {}", one.part, one.count)).collect();
        (weakened, last.healed.iter().map(|(_, part)| part.to_string()).collect())
    }

    const FINE: Element<'_> = (Sort::App, "shop", None, &[("app.https-only", State::Configured)]);
    const WEAK: Element<'_> = (Sort::App, "shop", None, &[("app.https-only", State::NotConfigured)]);
    const UNKNOWN: Element<'_> = (Sort::App, "shop", None, &[("app.https-only", State::Unknown)]);

    #[test]
    fn only_what_was_right_and_is_wrong_got_weaker_and_it_heals_once() {
        let nothing = Intended::default();
        let said = |readings: &[&[Element<'_>]]| told(readings, &nothing);
        let none = || (Vec::<String>::new(), Vec::<String>::new());
        assert_eq!(said(&[&[WEAK]]), none(), "the first reading is no change");
        assert_eq!(said(&[&[], &[WEAK]]), none(), "what is new did not get weaker");
        assert_eq!(said(&[&[UNKNOWN], &[WEAK]]), none(), "it may have been so before");
        assert_eq!(said(&[&[FINE], &[UNKNOWN]]), none(), "nobody knows");
        assert_eq!(said(&[&[FINE], &[WEAK]]), (vec!["shop 1".into()], vec![]));
        assert_eq!(said(&[&[FINE], &[WEAK], &[WEAK]]), none());
        assert_eq!(said(&[&[FINE], &[WEAK], &[FINE]]), (vec![], vec!["shop".into()]));
        assert_eq!(said(&[&[FINE], &[WEAK], &[]]), (vec![], vec!["shop".into()]), "it is gone");
        assert_eq!(said(&[&[FINE], &[WEAK], &[FINE], &[FINE]]), none());
    }

    #[test]
    fn what_somebody_answers_for_is_no_alert() {
        let accepted = Accepted {
            control: "app.https-only".into(),
            element: "shop".into(),
            owner: "ana".into(),
            reason: "inside only".into(),
            expires: AT.plus(std::time::Duration::from_hours(1)),
            line: 1,
        };
        let intended = Intended { accepted: vec![accepted], ..Intended::default() };
        assert_eq!(told(&[&[FINE], &[WEAK]], &intended), (vec![], vec![]));
    }

    fn function<'e>(found: &'e [(&'e str, State)]) -> Element<'e> {
        (Sort::Function, "shop/pay", Some("shop"), found)
    }

    #[test]
    fn what_follows_for_functions_is_told_with_their_app() {
        let layers = |state| [("function.more-than-one-layer", state)];
        let (two, one) = (layers(State::Configured), layers(State::NotConfigured));
        let nothing = Intended::default();
        let both = told(&[&[FINE, function(&two)], &[WEAK, function(&one)]], &nothing);
        assert_eq!(both.0, ["shop 1"]);
        let alone = told(&[&[FINE, function(&two)], &[FINE, function(&one)]], &nothing);
        assert_eq!(alone.0, ["shop/pay 1"]);
    }
}
