//! Which ways lead from a caller to what holds data, and how do intent, configuration and traffic agree?
//!
//! A way that events contradict, or whose guard is not configured, says so with the alert that tells of
//! it; one that all agree on is held. What was seen and nobody declared is contradicted only where the
//! owner says that the declared ones are all there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::drafts::{Draft, Drafts, INTERNET, app_of};
use super::guards::Guards;
use super::part::{Flow, Part, PartKind, Seen};
use super::proofs::proofs_told;
use super::sources::Sources;
use super::standing::{Stands, moment};
use super::weigh::Scales;
use crate::posture::controls::{Layer, State};
use crate::posture::intended::Authentication;
use crate::posture::observed::{Fact, Facts, Tally, What};

/// What is known of a way before it is judged.
#[derive(Debug, Default)]
struct Way {
    intended: bool,
    configured: bool,
    seen: Option<Tally>,
    by: Option<Arc<str>>,
}

/// The ways of a model.
struct Ways<'a, 's> {
    sources: &'s Sources,
    drafts: &'a Drafts<'s>,
    parts: &'a [Part],
    scales: &'a Scales<'s>,
    all: BTreeMap<(u32, u32), Way>,
    /// The gateways in front of each app, by places.
    fronts: BTreeMap<u32, BTreeSet<u32>>,
}

/// Returns all ways.
pub(super) fn flows<'s>(sources: &'s Sources, drafts: &Drafts<'s>, parts: &[Part], scales: &Scales<'s>) -> Vec<Flow> {
    let mut ways = Ways { sources, drafts, parts, scales, all: BTreeMap::new(), fronts: BTreeMap::new() };
    ways.gateways();
    ways.intended();
    ways.endpoints();
    ways.identities();
    let all = std::mem::take(&mut ways.all);
    all.into_iter().map(|((from, to), way)| ways.judged(from, to, way)).collect()
}

impl Ways<'_, '_> {
    fn way(&mut self, from: u32, to: u32) -> &mut Way {
        self.all.entry((from, to)).or_default()
    }

    /// From gateways to apps: as configured, as seen and as meant.
    fn gateways(&mut self) {
        for (api, app) in &self.sources.configured.ways {
            let (Some(api), Some(app)) = (self.drafts.find(PartKind::Api, api), self.drafts.find(PartKind::App, app))
            else {
                continue;
            };
            self.way(api, app).configured = true;
            if let Some(gateway) = self.drafts.site_of(api) {
                self.way(gateway, app).configured = true;
                self.fronts.entry(app).or_default().insert(gateway);
            }
        }
        for ((what, from, to), tally) in &self.sources.observed.flows {
            let app = app_of(to).filter(|_| *what == What::Way).and_then(|app| self.drafts.find(PartKind::App, app));
            if let (Some(gateway), Some(app)) = (self.drafts.find(PartKind::Gateway, from), app) {
                let way = self.way(gateway, app);
                way.seen = Tally::sum(way.seen, Some(*tally));
                self.fronts.entry(app).or_default().insert(gateway);
            }
        }
        for site in self.sources.intended.sites.iter().filter(|site| !site.gateway) {
            let Some(app) = self.drafts.find(PartKind::App, &site.name) else { continue };
            for gateway in site.meant.gateways.iter().flatten() {
                let Some(gateway) = self.drafts.find(PartKind::Gateway, gateway) else { continue };
                self.way(gateway, app).intended = true;
                self.fronts.entry(app).or_default().insert(gateway);
            }
        }
    }

    /// From declared callers.
    fn intended(&mut self) {
        for site in &self.sources.intended.sites {
            let kind = if site.gateway { PartKind::Gateway } else { PartKind::App };
            let Some(to) = self.drafts.find(kind, &site.name) else { continue };
            for caller in &site.meant.callers {
                if let Some(from) = self.drafts.find(PartKind::Caller, &caller.to_ascii_lowercase()) {
                    let by = meant_told(&site.meant.authentication);
                    let way = self.way(from, to);
                    (way.intended, way.by) = (true, Some(by));
                }
            }
        }
    }

    /// To gateways, apps and endpoints, from anybody or from the gateway in front.
    fn endpoints(&mut self) {
        let Some(internet) = self.drafts.find(PartKind::Caller, INTERNET) else { return };
        for (place, draft) in (0..).zip(&self.drafts.all) {
            match draft.kind {
                PartKind::Gateway | PartKind::Api | PartKind::Operation => self.call(internet, place, draft),
                PartKind::App if !self.fronts.contains_key(&place) => self.call(internet, place, draft),
                PartKind::App => {
                    self.through(place, draft);
                    self.past(internet, place, draft);
                }
                PartKind::Function if is_http(draft) => {
                    let front = draft.of.and_then(|app| self.fronts.get(&app)).and_then(|all| all.first().copied());
                    self.call(front.unwrap_or(internet), place, draft);
                    if front.is_some() {
                        self.past(internet, place, draft);
                    }
                }
                _ => {}
            }
        }
    }

    fn call(&mut self, from: u32, to: u32, draft: &Draft<'_>) {
        let seen = draft.facts.of(Fact::Answered);
        let declared = draft.intended && self.is_declared(from, to);
        if draft.kind == PartKind::Operation && seen.is_none() && !draft.intended && draft.configured.is_none() {
            return;
        }
        let way = self.way(from, to);
        way.seen = Tally::sum(way.seen, seen);
        way.configured |= draft.configured.is_some();
        way.intended |= declared;
        way.by = Some(by(draft));
    }

    /// Tells whether an owner declared this caller of a part: a gateway by its name, anybody where no gateway is
    /// meant to stand in front and no callers are named, or by a name of their own.
    fn is_declared(&self, from: u32, to: u32) -> bool {
        let (caller, called) = (&self.drafts.all[from as usize], &self.drafts.all[to as usize]);
        let of_site = || self.drafts.site_of(to).and_then(|site| self.drafts.all[site as usize].meant);
        let Some(meant) = called.meant.or_else(of_site) else { return false };
        let named = |callers: &[String]| callers.iter().any(|one| one.eq_ignore_ascii_case(&caller.name));
        match (caller.kind, &meant.gateways) {
            (PartKind::Gateway, Some(gateways)) => named(gateways),
            (PartKind::Caller, Some(gateways)) if !gateways.is_empty() => named(&meant.callers),
            (PartKind::Caller, _) => meant.callers.is_empty() || named(&meant.callers),
            _ => false,
        }
    }

    /// Calls that came through the one gateway in front, where its own log does not come.
    fn through(&mut self, app: u32, draft: &Draft<'_>) {
        let fronts = self.fronts.get(&app).map(|all| all.iter().copied().collect::<Vec<_>>()).unwrap_or_default();
        if let ([front], Some(tally)) = (fronts.as_slice(), draft.facts.of(Fact::ThroughGateway)) {
            let way = self.way(*front, app);
            way.seen = way.seen.or(Some(tally));
        }
    }

    /// A call past the gateway in front.
    fn past(&mut self, from: u32, to: u32, draft: &Draft<'_>) {
        if let Some(tally) = draft.facts.of(Fact::PastGateway) {
            let way = self.way(from, to);
            (way.seen, way.by) = (Some(tally), Some(proofs_told(&draft.facts)));
        }
    }

    /// From apps to their identities and from those to what they reach.
    fn identities(&mut self) {
        for (place, draft) in (0..).zip(&self.drafts.all).filter(|(_, draft)| draft.kind == PartKind::Identity) {
            if let Some(app) = draft.of {
                let seen = draft.facts.of(Fact::Asked);
                let configured = self.drafts.all[app as usize].configured.is_some_and(|one| one.identity);
                let way = self.way(app, place);
                (way.seen, way.configured, way.intended) = (seen, configured, draft.intended);
            }
        }
        for ((_, from, to), tally) in self.sources.observed.flows.iter().filter(|((what, ..), _)| *what == What::Reach)
        {
            let ends = (self.drafts.find(PartKind::Identity, from), self.drafts.find(PartKind::Resource, to));
            if let (Some(from), Some(to)) = ends {
                let way = self.way(from, to);
                way.seen = Tally::sum(way.seen, Some(*tally));
            }
        }
        for site in self.sources.intended.sites.iter().filter(|site| !site.gateway) {
            for reached in site.reaches.iter().flatten() {
                let ends =
                    (self.drafts.find(PartKind::Identity, &site.name), self.drafts.find(PartKind::Resource, reached));
                if let (Some(from), Some(to)) = ends {
                    self.way(from, to).intended = true;
                }
            }
        }
    }

    fn judged(&self, from: u32, to: u32, way: Way) -> Flow {
        let (stands, says) = self.agreed(from, to, &way);
        let seen = way.seen.map(|tally| Seen { count: tally.count, first: tally.first, last: tally.last });
        let by_identity = matches!(self.drafts.all[from as usize].kind, PartKind::App | PartKind::Identity);
        let by = way.by.unwrap_or_else(|| if by_identity { "identity".into() } else { "unknown".into() });
        let mut flow = Flow { from, to, by, stands, says, intended: way.intended, seen, since: None, alert: None };
        let guards = Guards { sources: self.sources, drafts: self.drafts, parts: self.parts, scales: self.scales };
        if let Some(guard) = guards.of(from, to)
            && guard.stands > flow.stands
            && guard.stands >= Stands::Unknown
        {
            (flow.stands, flow.says, flow.since, flow.alert) = (guard.stands, guard.says, guard.since, guard.alert);
        }
        let draft = &self.drafts.all[to as usize];
        if let Some(says) = weaker_than_meant(draft).filter(|_| flow.stands < Stands::NotConfigured) {
            (flow.stands, flow.says) = (Stands::NotConfigured, says.into());
        }
        flow
    }

    fn agreed(&self, from: u32, to: u32, way: &Way) -> (Stands, Arc<str>) {
        let site = self.drafts.site_of(to).and_then(|site| self.drafts.all[site as usize].site);
        let own = self.drafts.site_of(from).and_then(|site| self.drafts.all[site as usize].site);
        let called = &self.drafts.all[to as usize];
        let undeclared = match called.kind {
            PartKind::Function | PartKind::Operation => !called.intended && site.is_some_and(|site| site.complete),
            PartKind::Resource => !way.intended && own.is_some_and(|site| site.reaches.is_some()),
            _ => false,
        };
        let from = self.sources.from();
        let recent = way.seen.filter(|tally| from.is_none_or(|from| tally.last >= from));
        let since = way.seen.map(|tally| format!(" since {}", moment(tally.last))).unwrap_or_default();
        match (way.intended, way.configured, recent) {
            (_, _, Some(_)) if undeclared => (Stands::Contradicted, "it is used and nobody declared it".into()),
            (true, _, Some(_)) => (Stands::Held, "declared, and used".into()),
            (false, true, Some(_)) => (Stands::Held, "configured, and used".into()),
            (_, true, None) => (Stands::ConfiguredOnly, format!("configured; no traffic was seen{since}").into()),
            (true, false, None) => {
                (Stands::Unknown, format!("declared; neither configuration nor traffic was seen{since}").into())
            }
            (false, false, Some(_)) => {
                (Stands::Unknown, "used; nobody declared it and no configuration that was read has it".into())
            }
            (false, false, None) => {
                (Stands::Unknown, format!("neither declared nor configured, nor seen{since}").into())
            }
        }
    }
}

fn is_http(draft: &Draft<'_>) -> bool {
    draft.configured.is_some_and(|one| one.http) || requests(&draft.facts).is_some() || draft.intended
}

fn requests(facts: &Facts) -> Option<Tally> {
    Tally::sum(facts.of(Fact::Answered), facts.of(Fact::Refused))
}

/// Returns by what proof a part is called: as events tell, or as it is configured.
fn by(draft: &Draft<'_>) -> Arc<str> {
    let asks = draft.configured.and_then(|one| one.asks);
    let seen = proofs_told(&draft.facts);
    match asks {
        _ if &*seen != "unknown" => seen,
        Some(Authentication::Anonymous) => "nothing".into(),
        Some(asks) => asks.name().replace('-', " ").into(),
        None => draft.meant.map_or(seen, |meant| meant_told(&meant.authentication)),
    }
}

fn meant_told(authentication: &[Authentication]) -> Arc<str> {
    if authentication.is_empty() {
        return "unknown".into();
    }
    authentication.iter().map(|one| one.name().replace('-', " ")).collect::<Vec<_>>().join(", ").into()
}

/// Says in what a part asks for less than its owner says.
fn weaker_than_meant(draft: &Draft<'_>) -> Option<String> {
    let meant = draft.meant.filter(|meant| !meant.authentication.is_empty())?;
    let open = draft.configured?.asks == Some(Authentication::Anonymous);
    let token =
        draft.configured?.layers.iter().any(|one| one.layer == Layer::Token && one.state != State::NotConfigured);
    let allowed = meant.authentication.contains(&Authentication::Anonymous);
    (open && !allowed && !token)
        .then(|| format!("it is anonymous; model.yaml asks for {}", meant_told(&meant.authentication)))
}
