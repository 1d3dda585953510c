//! What got weaker from one reading of configuration to the next, and what has healed?
//!
//! A reading is compared with the one before, which is kept over a restart, so that what was changed while
//! nobody watched is told too. A control got weaker on a part that was there before if it is not
//! configured now and was so before, as far as anybody ever knew. What follows from the weakening of an app
//! or an API is told with it and not again for each function. An element that is new, or gone, is no
//! weakening, nor is a control that was not judged before. As large as the elements and their controls.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::setup::{Configuration, Setup};
use super::standing::{Drift, DriftKind, Stands, moment};
use crate::clock::Timestamp;
use crate::posture::configured::Sort;
use crate::posture::controls::{Control, State, Test};
use crate::posture::intended::{Authentication, Intended, Site};
use crate::posture::observed::{Observed, Write, Writes};
use crate::posture::{ElementKind, Level};

/// Controls on a function that follow from its app or its gateway.
const DERIVED: [&str; 3] = ["function.more-than-one-layer", "function.token-checked", "function.behind-gateway"];

/// The states of controls, by a hash of their ids.
type States = Vec<(u32, u8)>;
/// Elements by sort and name.
type Parts = BTreeMap<(u8, Arc<str>), States>;

/// The newest reading, and what is weak since an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// When it was taken, event time; `None` before the first.
    pub at: Option<Timestamp>,
    /// The states of each element's controls (a hash of the id), by sort and name.
    parts: Parts,
    /// What got weaker and has not healed: controls by part.
    weak: BTreeMap<(u8, Arc<str>), BTreeSet<Arc<str>>>,
    /// The controls that were judged then, by a hash of their ids.
    judged: BTreeSet<u32>,
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
    /// Parts that were weak and are in no file any more.
    pub gone: Vec<(Sort, Arc<str>)>,
    /// All of it, for people, each with what sort of thing it is about.
    pub drifts: Vec<(Sort, Drift)>,
}

impl Changes {
    fn tell(&mut self, sort: Sort, drift: Drift) {
        self.drifts.push((sort, drift));
    }
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
        let mut right: BTreeSet<(u8, &str, &str)> = BTreeSet::new();
        for element in &configured.elements {
            let key = (element.sort as u8, element.name.clone());
            let old = self.parts.get(&key);
            if self.at.is_some() && old.is_none() && is_shown(element.sort) {
                changes.tell(element.sort, plain(at, DriftKind::Came, &element.name, "it came with the configuration"));
            }
            let mut states = States::new();
            for found in &element.found {
                let Some(control) = configured.controls.all.get(usize::from(found.control)) else { continue };
                let id = short(&control.id);
                let before = old.map(|old| old.iter().find(|(known, _)| *known == id).map(|(_, state)| *state));
                states.push((id, known(before.flatten(), found.state)));
                let is_accepted = accepted(&control.id, &element.name);
                if found.state == State::Configured || is_accepted {
                    right.insert((key.0, &element.name, &control.id));
                }
                match (before, found.state) {
                    (Some(before), State::NotConfigured) if self.was_right(before, control) && !is_accepted => {
                        weaker.push(Weaker { element, control, says: &found.says });
                    }
                    (Some(Some(before)), State::Configured) if before == State::NotConfigured as u8 => {
                        changes.tell(element.sort, stronger(at, element, control, &found.says));
                    }
                    _ => {}
                }
            }
            parts.insert(key, states);
        }
        self.went(&mut parts, configured, at, &mut changes);
        self.tell(&weaker, (configured, intended, observed), at, &mut changes);
        self.let_go(configured);
        self.heal(&right, &mut changes);
        self.judged = configured.controls.all.iter().map(|control| short(&control.id)).collect();
        (self.parts, self.at) = (parts, Some(at));
        changes
    }

    /// Tells of what is in no file any more. While some files could not be read, it may stand in one of
    /// those: then what is known of it stays.
    fn went(&mut self, parts: &mut Parts, configured: &Setup, at: Timestamp, changes: &mut Changes) {
        for (key, states) in &self.parts {
            if parts.contains_key(key) {
                continue;
            }
            if !configured.problems.is_empty() {
                parts.insert(key.clone(), states.clone());
                continue;
            }
            let Some(sort) = Sort::ALL.get(usize::from(key.0)).copied() else { continue };
            if is_shown(sort) {
                changes.tell(sort, plain(at, DriftKind::Went, &key.1, "it is in no file any more"));
            }
            if self.weak.remove(key).is_some() {
                changes.gone.push((sort, key.1.clone()));
            }
        }
    }

    /// Tells whether a control that is not configured was so before, or was judged and not about the
    /// element: what follows from other settings comes and goes with those, and what is held against the
    /// model comes with that. Of a control that was not judged then, nobody knows.
    fn was_right(&self, before: Option<u8>, control: &Control) -> bool {
        let of_model = matches!(&control.test, Test::Check(check) if check.is_meant());
        let follows = of_model || DERIVED.contains(&control.id.as_str());
        match before {
            Some(before) => before == State::Configured as u8,
            None => !follows && self.judged.contains(&short(&control.id)),
        }
    }

    /// Returns the parts that are weak.
    pub fn weak(&self) -> impl Iterator<Item = (Sort, &Arc<str>)> {
        self.weak.keys().filter_map(|(sort, name)| Some((*Sort::ALL.get(usize::from(*sort))?, name)))
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
        let (previous, writes) = (self.at, Writes::until(observed, at));
        for ((sort, name), list) in &by_part {
            let Some(first) = list.first() else { continue };
            let write = write_to(&writes, first.element).cloned();
            for one in list {
                let states = Some((Stands::ConfiguredOnly, Stands::NotConfigured));
                let says = format!("{}: {}", one.control.title, one.says);
                let mut told = drift((at, DriftKind::Weaker), name, &one.control.id, states, &says);
                told.by = write.as_ref().map(|write| (write.by.clone(), write.from.clone()));
                changes.tell(one.element.sort, told);
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

    /// Lets go of weak controls that are not about their element any more, where all could be read.
    fn let_go(&mut self, configured: &Setup) {
        for element in configured.elements.iter().filter(|_| configured.problems.is_empty()) {
            let Some(weak) = self.weak.get_mut(&(element.sort as u8, element.name.clone())) else { continue };
            let judged =
                element.found.iter().filter_map(|found| configured.controls.all.get(usize::from(found.control)));
            let judged: BTreeSet<&str> = judged.map(|control| control.id.as_str()).collect();
            weak.retain(|control| judged.contains(&**control));
        }
    }

    /// Only what is configured again, or accepted, has healed: that nobody knows mends nothing.
    fn heal(&mut self, right: &BTreeSet<(u8, &str, &str)>, changes: &mut Changes) {
        self.weak.retain(|(sort, name), controls| {
            controls.retain(|control| !right.contains(&(*sort, &**name, &**control)));
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
    (at, kind): (Timestamp, DriftKind),
    part: &Arc<str>,
    control: &str,
    states: Option<(Stands, Stands)>,
    says: &str,
) -> Drift {
    let (part, control, says) = (part.clone(), control.into(), says.into());
    Drift { at, kind, part, control, states, says, by: None, alert: None }
}

fn plain(at: Timestamp, kind: DriftKind, part: &Arc<str>, says: &str) -> Drift {
    drift((at, kind), part, "", None, says)
}

fn stronger(at: Timestamp, element: &Configuration, control: &Control, says: &str) -> Drift {
    let states = Some((Stands::NotConfigured, Stands::ConfiguredOnly));
    let says = format!("{}: {says}", control.title);
    drift((at, DriftKind::Stronger), &element.name, &control.id, states, &says)
}

/// Returns how bad it is at least: that tokens are checked no longer is bad where the owner asks for them.
fn least(worst: &Weaker<'_>, intended: &Intended) -> Level {
    let site = worst.element.name.split('/').next().unwrap_or_default();
    let asks = |one: &Site| *one.name == *site && one.meant.authentication.contains(&Authentication::Jwt);
    let tokens = worst.control.id.ends_with(".token-checked") && intended.sites.iter().any(asks);
    if tokens { Level::High } else { Level::Informational }
}

/// Returns the state to remember: that nobody knows now unsays nothing that was known.
fn known(before: Option<u8>, now: State) -> u8 {
    before.filter(|_| now == State::Unknown).unwrap_or(now as u8)
}

/// Returns the newest write to an element: to what has its place below its app, gateway, account or vault.
fn write_to<'o>(writes: &Writes<'o>, element: &Configuration) -> Option<&'o Write> {
    let of = || element.of.as_deref().unwrap_or(&element.name);
    let below = |name: &str, types: &[&str]| {
        let mut parts = name.split('/');
        let mut path = parts.next().unwrap_or_default().to_owned();
        for (part, sort) in parts.zip(types) {
            path = format!("{path}/{sort}/{part}");
        }
        path
    };
    let (kind, path) = match element.sort {
        Sort::App => (ElementKind::App, below(&element.name, &["slots"])),
        Sort::Function => (ElementKind::App, below(&element.name, &["functions"])),
        Sort::Secret => (ElementKind::App, below(of(), &[])),
        Sort::Gateway => (ElementKind::ApiManagement, below(&element.name, &[])),
        Sort::Api | Sort::Operation => (ElementKind::ApiManagement, below(&element.name, &["apis", "operations"])),
        // Its own policy is written below what it belongs to.
        Sort::Policy => (ElementKind::ApiManagement, below(of(), &["apis", "operations"])),
        Sort::Product => (ElementKind::ApiManagement, below(&element.name, &["products"])),
        Sort::Backend => (ElementKind::ApiManagement, below(&element.name, &["backends"])),
        Sort::NamedValue => (ElementKind::ApiManagement, below(&element.name, &["namedvalues"])),
        Sort::Diagnostic => (ElementKind::ApiManagement, below(&element.name, &["diagnostics"])),
        Sort::Storage => (ElementKind::Storage, below(&element.name, &[])),
        Sort::Vault => (ElementKind::KeyVault, below(&element.name, &[])),
        Sort::Role | Sort::File => return None,
    };
    writes.newest(kind, &path)
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
    use crate::posture::controls::{Controls, shipped};
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
            token: None,
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
        assert_eq!(said(&[&[FINE], &[WEAK], &[UNKNOWN]]), none(), "that nobody knows mends nothing");
        assert_eq!(said(&[&[FINE], &[WEAK], &[UNKNOWN], &[FINE]]), (vec![], vec!["shop".into()]));
        assert_eq!(
            said(&[&[FINE], &[UNKNOWN], &[WEAK]]),
            (vec!["shop 1".into()], vec![]),
            "it was right when last known"
        );
        assert_eq!(said(&[&[FINE], &[WEAK], &[]]), none(), "it is gone, and not as it should be");
        assert_eq!(said(&[&[FINE], &[WEAK], &[FINE], &[FINE]]), none());
    }

    fn next(kept: &mut Readings, elements: &[Element<'_>], problems: &[&str]) -> Changes {
        let problems = problems.iter().map(ToString::to_string).collect();
        let configured = Setup { problems, ..configured(elements) };
        kept.next(&configured, &Intended::default(), &Observed::default(), AT)
    }

    #[test]
    fn what_is_gone_is_told_as_such_unless_a_file_could_not_be_read() {
        let mut kept = Readings::default();
        next(&mut kept, &[FINE], &[]);
        next(&mut kept, &[WEAK], &[]);
        assert_eq!(next(&mut kept, &[], &["main.json:1: broken"]), Changes::default(), "it may stand in that file");
        assert_eq!(kept.weak().count(), 1);
        assert_eq!(next(&mut kept, &[WEAK], &[]), Changes::default(), "it was so before");
        let gone = next(&mut kept, &[], &[]);
        assert_eq!((gone.healed.len(), gone.gone), (0, vec![(Sort::App, "shop".into())]));
        assert_eq!(kept.weak().count(), 0);
        let mut kept = Readings::default();
        next(&mut kept, &[FINE], &[]);
        next(&mut kept, &[], &["main.json:1: broken"]);
        assert_eq!(next(&mut kept, &[WEAK], &[]).weakened.len(), 1, "it was right when last read");
    }

    #[test]
    fn a_control_that_was_not_judged_before_did_not_get_weaker() {
        let elements = |found| [(Sort::App, "shop", None, found)];
        let both: &[_] = &[("app.https-only", State::Configured), ("app.ftps", State::NotConfigured)];
        let mut older = configured(&[FINE]);
        let mut controls = Controls::clone(&older.controls);
        controls.all.retain(|control| control.id == "app.https-only");
        older.controls = Arc::new(controls);
        older.elements[0].found[0].control = 0;
        let mut kept = Readings::default();
        kept.next(&older, &Intended::default(), &Observed::default(), AT);
        let upgraded = next(&mut kept, &elements(both), &[]);
        assert_eq!(upgraded.weakened, [], "nobody had looked");
        let mut kept = Readings::default();
        next(&mut kept, &[FINE], &[]);
        assert_eq!(next(&mut kept, &elements(both), &[]).weakened.len(), 1, "it was looked at and not about it");
    }

    #[test]
    fn a_model_that_is_new_makes_nothing_weaker() {
        let mut kept = Readings::default();
        next(&mut kept, &[function(&[])], &[]);
        let meant = [("function.intended-proof", State::NotConfigured)];
        assert_eq!(next(&mut kept, &[function(&meant)], &[]).weakened, []);
    }

    #[test]
    fn a_write_is_told_of_the_part_that_it_touched_alone() {
        let mut observed = Observed::default();
        let resource: Arc<str> = "/subscriptions/s/resourcegroups/shop/providers/microsoft.keyvault/vaults/kv".into();
        let write =
            Write { resource: resource.clone(), operation: "o".into(), by: "ana".into(), from: "x".into(), at: AT };
        observed.writes.insert(resource, write);
        let mut kept = Readings::default();
        kept.next(&configured(&[FINE]), &Intended::default(), &observed, AT);
        let told = kept.next(&configured(&[WEAK]), &Intended::default(), &observed, AT);
        assert_eq!(told.weakened[0].write, None, "the group has the app's name, the vault was written");
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
