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
use super::standing::{Drift, DriftKind, Stands};
use super::telling::{ended, sentence, write_to};
use crate::clock::Timestamp;
use crate::posture::Level;
use crate::posture::configured::Sort;
use crate::posture::controls::{Control, State, Test};
use crate::posture::intended::{Accepted, Authentication, Intended, Site};
use crate::posture::observed::{Observed, Write, Writes};

/// Controls on a function that follow from its app or its gateway.
const DERIVED: [&str; 3] = ["function.more-than-one-layer", "function.token-checked", "function.behind-gateway"];

/// The states of controls, by a hash of their ids.
type States = Vec<(u32, u8)>;
/// Elements by sort and name.
type Parts = BTreeMap<(u8, Arc<str>), States>;
/// Controls by part.
pub(super) type Controlled = BTreeMap<(u8, Arc<str>), BTreeSet<Arc<str>>>;
/// Risks that somebody answers or answered for, by control and part.
pub(super) type Answers<'i> = HashMap<(&'i str, &'i str), &'i Accepted>;

/// The newest reading, and what is weak since an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readings {
    /// When it was taken, event time; `None` before the first.
    pub at: Option<Timestamp>,
    /// The states of each element's controls (a hash of the id), by sort and name.
    parts: Parts,
    /// What got weaker and has not healed: controls by part.
    weak: Controlled,
    /// The controls that were judged then, by a hash of their ids.
    judged: BTreeSet<u32>,
    /// What is not as it should be and somebody answers for.
    pub(super) accepted: Controlled,
    /// Whether no event had come then: the time is the clock's, and every acceptance counts.
    pub before_events: bool,
    /// The oldest event since, as long as none is said to be the first.
    pub oldest: Option<Timestamp>,
    /// Acceptances have ended up to then, event time.
    pub(super) ended: Option<Timestamp>,
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
pub(super) struct Weaker<'c> {
    pub(super) element: &'c Configuration,
    pub(super) control: &'c Control,
    pub(super) says: &'c str,
    /// Somebody answered for it.
    pub(super) answered: bool,
}

/// What is found as a reading is gone through.
#[derive(Default)]
struct Pass<'c> {
    parts: Parts,
    weaker: Vec<Weaker<'c>>,
    right: BTreeSet<(u8, &'c str, &'c str)>,
    accepted: Controlled,
}

impl Readings {
    /// Takes the next reading, of `at`; says what it differs in from the one before, if there is one.
    pub fn next(&mut self, configured: &Setup, intended: &Intended, observed: &Observed, at: Timestamp) -> Changes {
        let mut changes = Changes::default();
        let (answers, mut pass) = (answers(intended), Pass::default());
        for element in &configured.elements {
            let key = (element.sort as u8, element.name.clone());
            if self.at.is_some() && !self.parts.contains_key(&key) && is_shown(element.sort) {
                changes.tell(element.sort, plain(at, DriftKind::Came, &element.name, "it came with the configuration"));
            }
            self.judge((configured, element), &answers, at, &mut pass, &mut changes);
        }
        let Pass { mut parts, weaker, right, mut accepted } = pass;
        if !configured.problems.is_empty() {
            // It may stand in what could not be read.
            let unread = self.accepted.iter().filter(|(key, _)| !parts.contains_key(key));
            accepted.extend(unread.map(|(key, known)| (key.clone(), known.clone())).collect::<Vec<_>>());
        }
        self.went(&mut parts, configured, at, &mut changes);
        self.tell(&weaker, (configured, intended, observed), at, &mut changes);
        self.let_go(configured);
        self.heal(&right, &mut changes);
        self.judged = configured.controls.all.iter().map(|control| short(&control.id)).collect();
        (self.parts, self.accepted, self.at) = (parts, accepted, Some(at));
        changes
    }

    /// Holds the controls of an element against what was known of them.
    fn judge<'c>(
        &self,
        (configured, element): (&'c Setup, &'c Configuration),
        answers: &Answers<'_>,
        at: Timestamp,
        pass: &mut Pass<'c>,
        changes: &mut Changes,
    ) {
        let key = (element.sort as u8, element.name.clone());
        let (old, answered) = (self.parts.get(&key), self.accepted.get(&key));
        let mut states = States::new();
        let about = element.found.iter().map(|found| (found, true));
        for (found, is_about) in about.chain(configured.off(element).iter().map(|found| (found, false))) {
            let Some(control) = configured.controls.all.get(usize::from(found.control)) else { continue };
            let id = short(&control.id);
            let before = old.map(|old| old.iter().find(|(known, _)| *known == id).map(|(_, state)| *state));
            // What was never about it can't be lost.
            if !is_about && before.flatten().is_none() {
                continue;
            }
            states.push((id, known(before.flatten(), found.state)));
            let answered = answered.is_some_and(|known| known.contains(&*control.id));
            let answers = answers.get(&(&*control.id, &*element.name));
            let is_accepted = answers.is_some_and(|one| self.is_in_force(one.expires));
            if is_accepted && found.state == State::NotConfigured || answered && found.state == State::Unknown {
                pass.accepted.entry(key.clone()).or_default().insert(control.id.as_str().into());
            }
            if found.state == State::Configured || is_accepted {
                pass.right.insert((key.0, &element.name, &control.id));
            }
            match (before, found.state) {
                (Some(before), State::NotConfigured)
                    if !is_accepted && (answered || self.was_right(before, control)) =>
                {
                    pass.weaker.push(Weaker { element, control, says: &found.says, answered });
                }
                (Some(Some(before)), State::Configured) if before == State::NotConfigured as u8 => {
                    changes.tell(element.sort, stronger(at, element, control, &found.says));
                }
                _ => {}
            }
        }
        pass.parts.insert(key, states);
    }

    /// Goes on from what was kept, by this version or one before it.
    ///
    /// # Errors
    ///
    /// Says why it can't be read.
    pub fn restore(bytes: &[u8]) -> Result<Self, String> {
        /// A reading before acceptances were remembered.
        #[derive(Deserialize)]
        struct Older(Option<Timestamp>, Parts, Controlled, BTreeSet<u32>);
        postcard::from_bytes(bytes).map_err(|error| error.to_string()).or_else(|says| {
            let Older(at, parts, weak, judged) = postcard::from_bytes(bytes).map_err(|_| says)?;
            Ok(Self { at, parts, weak, judged, ..Self::default() })
        })
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

    pub(super) fn tell(
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
        let answers = answers(intended);
        for ((sort, name), list) in &by_part {
            let Some(first) = list.first() else { continue };
            // Where only an acceptance has ended, nobody wrote anything.
            let written = list.iter().any(|one| !one.answered);
            let write = write_to(&writes, first.element).filter(|_| written).cloned();
            for one in list {
                let before = if one.answered { Stands::Accepted } else { Stands::ConfiguredOnly };
                let states = Some((before, Stands::NotConfigured));
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
            let about = answers.get(&(worst.control.id.as_str(), &**name)).copied();
            let says = if worst.answered {
                ended(worst, list.len() - 1, about, at)
            } else {
                sentence(worst, list.len() - 1, write.as_ref(), previous)
            };
            let weak = self.weak.entry((*sort, name.clone())).or_default();
            weak.extend(list.iter().map(|one| Arc::from(one.control.id.as_str())));
            changes.weakened.push(Weakened {
                sort: first.element.sort,
                part: name.clone(),
                of: first.element.of.clone(),
                level: worst.control.level.max(least(worst, intended)),
                count: list.len(),
                says,
                write,
            });
        }
    }

    /// Lets go of weak controls that are not about their element any more, where all could be read. That what
    /// they need was switched off is no such thing.
    fn let_go(&mut self, configured: &Setup) {
        for element in configured.elements.iter().filter(|_| configured.problems.is_empty()) {
            let Some(weak) = self.weak.get_mut(&(element.sort as u8, element.name.clone())) else { continue };
            let found = element.found.iter().chain(configured.off(element));
            let judged = found.filter_map(|found| configured.controls.all.get(usize::from(found.control)));
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

/// Returns the risks that somebody answers or answered for.
pub(super) fn answers(intended: &Intended) -> Answers<'_> {
    intended.accepted.iter().map(|one| ((one.control.as_str(), one.element.as_str()), one)).collect()
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

    /// A reading of an app with these members of its `authsettingsV2`.
    fn with_auth(platform: bool, required: bool) -> Setup {
        let text = format!(
            r#"{{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "resources": [
                {{"type": "Microsoft.Web/sites", "name": "shop", "kind": "functionapp", "properties": {{}}}},
                {{"type": "Microsoft.Web/sites/config", "name": "shop/authsettingsV2", "properties": {{
                    "platform": {{"enabled": {platform}}}, "globalValidation": {{"requireAuthentication": {required}}}}}}}]}}"#
        );
        let keys = crate::redaction::KeyRing::ephemeral().unwrap();
        let redactor = crate::redaction::Redactor::new(&keys, &crate::redaction::Settings::default()).unwrap();
        let load = &mut |_: &str| Ok(text.clone().into_bytes());
        let model = crate::posture::configured::read(&["main.json".to_owned()], load, &redactor);
        Setup::of(&model, &Arc::new(shipped().unwrap()), &Intended::default())
    }

    /// What each reading of authentication says: how much got weaker, and how much healed.
    fn told_of_auth(readings: &[(bool, bool)]) -> Vec<(usize, usize)> {
        let mut kept = Readings::default();
        let next = |(platform, required): &(bool, bool)| {
            let setup = with_auth(*platform, *required);
            let told = kept.next(&setup, &Intended::default(), &Observed::default(), AT);
            let count = told.weakened.iter().map(|one| one.count).sum();
            (count, told.healed.len())
        };
        readings.iter().map(next).collect()
    }

    #[test]
    fn authentication_that_is_switched_off_got_weaker_and_heals_nothing() {
        let (right, lets_through, off) = ((true, true), (true, false), (false, false));
        assert_eq!(told_of_auth(&[right, off, off, right]), [(0, 0), (1, 0), (0, 0), (0, 1)], "in one step");
        assert_eq!(told_of_auth(&[right, lets_through, off, right]), [(0, 0), (1, 0), (0, 0), (0, 1)], "in two");
        assert_eq!(told_of_auth(&[off, off, right, (false, true)]), [(0, 0), (0, 0), (0, 0), (1, 0)], "on and off");
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
        assert_eq!(told(&[&[FINE], &[WEAK]], &answered_until(1)), (vec![], vec![]));
    }

    fn answered_until(hours: u64) -> Intended {
        let accepted = Accepted {
            control: "app.https-only".into(),
            element: "shop".into(),
            owner: "ana".into(),
            reason: "inside only".into(),
            expires: AT.plus(std::time::Duration::from_hours(hours)),
            line: 1,
        };
        Intended { accepted: vec![accepted], ..Intended::default() }
    }

    #[test]
    fn what_somebody_answered_for_gets_weaker_when_that_ends() {
        let (observed, intended) = (Observed::default(), answered_until(2));
        let mut kept = Readings::default();
        let at = |kept: &mut Readings, element, hours| {
            let at = AT.plus(std::time::Duration::from_hours(hours));
            kept.passed(at);
            let told = kept.next(&configured(&[element]), &intended, &observed, at);
            told.weakened.into_iter().map(|one| one.says).collect::<Vec<_>>()
        };
        assert_eq!(at(&mut kept, FINE, 0), [""; 0]);
        assert_eq!(at(&mut kept, WEAK, 1), [""; 0], "ana answers for it");
        assert_eq!(kept.ends(&intended), Some(AT.plus(std::time::Duration::from_hours(2))));
        let bytes = postcard::to_stdvec(&kept).unwrap();
        assert_eq!(Readings::restore(&bytes).unwrap(), kept);
        let unknown = at(&mut kept, UNKNOWN, 2);
        assert_eq!((unknown.len(), kept.ends(&intended)), (0, None), "nobody knows what it is");
        let ended = at(&mut kept, WEAK, 3);
        assert_eq!(
            ended,
            [
                "app shop: «Plain HTTP is redirected to HTTPS» does not hold (so), and that ana answers for it has ended \
              at 2026-11-23 16:00:00 UTC."
            ]
        );
        assert_eq!(at(&mut kept, WEAK, 4), [""; 0], "it is told once");
    }

    #[test]
    fn an_acceptance_that_ends_tells_of_what_it_was_for_and_of_nothing_else() {
        let both = |ftps| [("app.https-only", State::NotConfigured), ("app.ftps", ftps)];
        let (before, now) = (both(State::Configured), both(State::NotConfigured));
        let (observed, intended) = (Observed::default(), answered_until(2));
        let mut kept = Readings::default();
        kept.next(&configured(&[(Sort::App, "shop", None, &before)]), &intended, &observed, AT);
        let after = configured(&[(Sort::App, "shop", None, &now)]);
        let end = kept.ends(&intended).unwrap();
        let ended = kept.end((&after, &intended, &observed), end);
        assert_eq!((ended.weakened.len(), ended.weakened[0].count, kept.ends(&intended)), (1, 1, None));
        assert!(ended.weakened[0].says.contains("that ana answers for it has ended"), "{ended:?}");
        let at = AT.plus(std::time::Duration::from_hours(4));
        let told = kept.next(&after, &intended, &observed, at).weakened;
        assert_eq!((told.len(), told[0].count), (1, 1), "the other is told by the reading, once");
    }

    #[test]
    fn what_nobody_answers_for_any_more_is_told_and_what_had_ended_before_the_first_event_is_not() {
        let observed = Observed::default();
        let mut kept = Readings::default();
        kept.next(&configured(&[WEAK]), &answered_until(1), &observed, AT);
        let withdrawn = kept.next(&configured(&[WEAK]), &Intended::default(), &observed, AT);
        assert!(withdrawn.weakened[0].says.contains("nobody answers for it any more"), "{withdrawn:?}");
        let mut kept = Readings { before_events: true, ..Readings::default() };
        let intended = answered_until(1);
        kept.next(&configured(&[WEAK]), &intended, &observed, AT.plus(std::time::Duration::from_hours(5)));
        assert!(kept.ends(&intended).is_some(), "event time may be before that");
        kept.begin(&intended, AT.plus(std::time::Duration::from_hours(2)));
        assert_eq!(kept.ends(&intended), None);
    }

    #[test]
    fn a_reading_that_an_older_version_kept_is_gone_on_from() {
        let parts: Parts = [((0, "shop".into()), vec![(7, 0)])].into();
        let older = (Some(AT), parts.clone(), Controlled::new(), BTreeSet::from([7_u32]));
        let restored = Readings::restore(&postcard::to_stdvec(&older).unwrap()).unwrap();
        assert_eq!((restored.at, restored.parts), (Some(AT), parts));
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
