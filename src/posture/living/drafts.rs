//! Of which parts does the model consist?
//!
//! Of what is configured, intended or observed, each once: an operation that events call
//! `gateway/operation` is the configured `gateway/api/operation` if there is one only of that name.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::configured::kind;
use super::part::{Boundary, PartKind};
use super::setup::{Configuration, Found};
use super::sources::Sources;
use crate::posture::configured::Sort;
use crate::posture::intended::{Meant, Site};
use crate::posture::observed::{Fact, Facts, What};

/// The part that stands for anybody.
pub(super) const INTERNET: &str = "the internet";
/// Ends of the hosts of function apps.
const APP_HOST: &str = ".azurewebsites.net";

/// A part before its controls are looked at.
#[derive(Debug)]
pub(super) struct Draft<'s> {
    pub(super) kind: PartKind,
    pub(super) name: Arc<str>,
    pub(super) of: Option<u32>,
    pub(super) configured: Option<&'s Configuration>,
    pub(super) site: Option<&'s Site>,
    pub(super) meant: Option<&'s Meant>,
    pub(super) intended: bool,
    /// What was observed of it and of what belongs to it.
    pub(super) facts: Facts,
    belongs: Option<(PartKind, Arc<str>)>,
}

impl<'s> Draft<'s> {
    /// Returns what configuration says of a control on it.
    pub(super) fn found(&self, control: u16) -> Option<&'s Found> {
        let one = self.configured?;
        one.found.binary_search_by_key(&control, |found| found.control).ok().map(|at| &one.found[at])
    }
}

/// All parts, by kind, then name.
#[derive(Debug, Default)]
pub(super) struct Drafts<'s> {
    pub(super) all: Vec<Draft<'s>>,
    places: HashMap<(PartKind, Arc<str>), u32>,
}

type Key = (PartKind, Arc<str>);

impl<'s> Drafts<'s> {
    /// Gathers the parts.
    pub(super) fn of(sources: &'s Sources) -> Self {
        let mut parts: BTreeMap<Key, Draft<'s>> = BTreeMap::new();
        put(&mut parts, PartKind::Caller, &INTERNET.into(), None);
        let operations = operations(sources);
        for one in &sources.configured.elements {
            let belongs = one.of.as_ref().and_then(|of| Some((above(one.sort)?, of.clone())));
            put(&mut parts, kind(one.sort), &one.name, belongs).configured = Some(one);
            if one.identity && one.sort == Sort::App {
                put(&mut parts, PartKind::Identity, &one.name, Some((PartKind::App, one.name.clone())));
            }
        }
        intended(&mut parts, sources, &operations);
        observed(&mut parts, sources, &operations);
        Self::settle(parts)
    }

    fn settle(parts: BTreeMap<Key, Draft<'s>>) -> Self {
        let places: HashMap<Key, u32> = parts.keys().cloned().zip(0..).collect();
        let mut all: Vec<Draft<'s>> = parts.into_values().collect();
        for draft in &mut all {
            draft.of = draft.belongs.as_ref().and_then(|key| {
                let others = [PartKind::Gateway, PartKind::App, PartKind::Api];
                let other = |kind: &PartKind| places.get(&(*kind, key.1.clone()));
                places.get(key).or_else(|| others.iter().find_map(other)).copied()
            });
        }
        // What belongs to something has come with it: the innermost first.
        let mut inner: Vec<usize> = (0..all.len()).filter(|place| all[*place].of.is_some()).collect();
        inner.sort_by_key(|place| std::cmp::Reverse(all[*place].kind));
        for place in inner {
            let facts = all[place].facts.clone();
            if let Some(of) = all[place].of.filter(|_| !facts.is_empty()) {
                all[of as usize].facts.take(&facts);
            }
        }
        Self { all, places }
    }

    /// Returns the place of a part.
    pub(super) fn find(&self, kind: PartKind, name: &str) -> Option<u32> {
        self.places.get(&(kind, Arc::from(name))).copied()
    }

    /// Returns the app or gateway that a part is or belongs to.
    pub(super) fn site_of(&self, place: u32) -> Option<u32> {
        let mut at = place;
        for _ in 0..4 {
            let draft = &self.all[at as usize];
            if matches!(draft.kind, PartKind::App | PartKind::Gateway) {
                return Some(at);
            }
            at = draft.of?;
        }
        None
    }
}

/// Configured operations by how events call them; `None` where there are several of that name.
type Operations = HashMap<String, Option<Arc<str>>>;

fn operations(sources: &Sources) -> Operations {
    let mut operations = Operations::new();
    for one in sources.configured.elements.iter().filter(|one| one.sort == Sort::Operation) {
        let mut parts = one.name.splitn(3, '/');
        if let (Some(gateway), Some(_), Some(operation)) = (parts.next(), parts.next(), parts.next()) {
            let known = operations.entry(format!("{gateway}/{operation}"));
            known.and_modify(|known| *known = None).or_insert_with(|| Some(one.name.clone()));
        }
    }
    operations
}

fn intended<'s>(parts: &mut BTreeMap<Key, Draft<'s>>, sources: &'s Sources, operations: &Operations) {
    for site in &sources.intended.sites {
        let kind = if site.gateway { PartKind::Gateway } else { PartKind::App };
        let draft = put(parts, kind, &site.name, None);
        (draft.intended, draft.site, draft.meant) = (true, Some(site), Some(&site.meant));
        for endpoint in &site.endpoints {
            let kind = if site.gateway { PartKind::Operation } else { PartKind::Function };
            let name = operations.get(&*endpoint.name).cloned().flatten().unwrap_or_else(|| endpoint.name.clone());
            let draft = put(parts, kind, &name, Some(of_site(site.gateway, &site.name)));
            (draft.intended, draft.meant) = (true, Some(&endpoint.meant));
        }
        for caller in site.meant.callers.iter().chain(site.endpoints.iter().flat_map(|one| &one.meant.callers)) {
            put(parts, PartKind::Caller, &caller.to_ascii_lowercase().into(), None).intended = true;
        }
        for reached in site.reaches.iter().flatten() {
            put(parts, PartKind::Identity, &site.name, Some((PartKind::App, site.name.clone()))).intended = true;
            put(parts, PartKind::Resource, &reached.as_str().into(), None).intended = true;
        }
    }
}

fn of_site(gateway: bool, name: &Arc<str>) -> Key {
    (if gateway { PartKind::Gateway } else { PartKind::App }, name.clone())
}

fn observed<'s>(parts: &mut BTreeMap<Key, Draft<'s>>, sources: &'s Sources, operations: &Operations) {
    for (name, one) in &sources.observed.endpoints {
        let gateway = one.what == What::Gateway;
        let site = name.split('/').next().unwrap_or_default();
        let (kind, name, belongs) = if site.len() == name.len() {
            (if gateway { PartKind::Gateway } else { PartKind::App }, name.clone(), None)
        } else {
            let kind = if gateway { PartKind::Operation } else { PartKind::Function };
            let known = operations.get(&**name).cloned().flatten().filter(|_| gateway);
            let of = of_site(gateway, &site.into());
            put(parts, of.0, &of.1, None);
            (kind, known.unwrap_or_else(|| name.clone()), Some(of))
        };
        put(parts, kind, &name, belongs).facts.take(&one.facts);
    }
    for ((what, from, to), tally) in &sources.observed.flows {
        match what {
            What::Reach => {
                let app = parts.contains_key(&(PartKind::App, from.clone()));
                let of = app.then(|| (PartKind::App, from.clone()));
                for (kind, name, of) in [(PartKind::Identity, from, of), (PartKind::Resource, to, None)] {
                    put(parts, kind, name, of).facts.add(Fact::Asked.bit(), tally);
                }
            }
            What::Way => {
                if let Some(app) = app_of(to) {
                    put(parts, PartKind::App, &app.into(), None);
                }
            }
            _ => {}
        }
    }
}

/// Returns the app that a host is, or the name itself where it is an app's.
pub(super) fn app_of(to: &str) -> Option<&str> {
    match to.strip_suffix(APP_HOST) {
        Some(app) => Some(app),
        None => (!to.contains(['.', ':'])).then_some(to),
    }
}

fn put<'m, 's>(
    parts: &'m mut BTreeMap<Key, Draft<'s>>,
    kind: PartKind,
    name: &Arc<str>,
    belongs: Option<Key>,
) -> &'m mut Draft<'s> {
    let draft = parts.entry((kind, name.clone())).or_insert_with(|| Draft {
        kind,
        name: name.clone(),
        of: None,
        configured: None,
        site: None,
        meant: None,
        intended: false,
        facts: Facts::default(),
        belongs: None,
    });
    if draft.belongs.is_none() {
        draft.belongs = belongs;
    }
    draft
}

/// Returns to what sort of part one of this sort belongs, as a first guess.
fn above(sort: Sort) -> Option<PartKind> {
    match sort {
        Sort::Function | Sort::Secret => Some(PartKind::App),
        Sort::Operation => Some(PartKind::Api),
        Sort::Api | Sort::Product | Sort::Backend | Sort::NamedValue | Sort::Diagnostic | Sort::Policy => {
            Some(PartKind::Gateway)
        }
        _ => None,
    }
}

/// Returns the sort of element that controls of a part are about, where there is one only.
pub(super) fn sort_of(kind: PartKind) -> Option<Sort> {
    match kind {
        PartKind::App => Some(Sort::App),
        PartKind::Function => Some(Sort::Function),
        PartKind::Gateway => Some(Sort::Gateway),
        PartKind::Api => Some(Sort::Api),
        _ => None,
    }
}

/// Returns the trust boundary in which a part of this kind lies.
pub(super) fn boundary(kind: PartKind) -> Boundary {
    match kind {
        PartKind::Caller => Boundary::Internet,
        PartKind::Gateway | PartKind::Api | PartKind::Operation => Boundary::Edge,
        PartKind::App | PartKind::Function | PartKind::Identity | PartKind::Other => Boundary::Apps,
        PartKind::Resource => Boundary::Data,
    }
}
