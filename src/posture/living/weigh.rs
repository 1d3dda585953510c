//! How do configuration, events and an owner's word add up to the state of a control?
//!
//! What proves the contrary comes first: an open alert, or events that are recent or that no later refusal
//! or reading speaks against; an owner's word unsays none of it. Configuration that is not as it should be is not mended by events; configuration that
//! is, is held where events agree. Where neither tells, the state is unknown and what would tell is said;
//! so it is where events told, and that is too long ago to count.

use std::collections::HashMap;
use std::sync::Arc;

use super::drafts::{Draft, Drafts, sort_of};
use super::named::called;
use super::part::PartKind;
use super::proofs::{Changed, Glimpse, HEALS_AFTER, Proof, Said};
use super::setup::Found;
use super::sources::{Alerted, Sources};
use super::standing::{DriftKind, Evidence, Standing, Stands, moment};
use crate::clock::Timestamp;
use crate::posture::configured::Sort;
use crate::posture::controls::{Control, State, Test};
use crate::posture::observed::{Fact, Tally};
use crate::posture::{ElementKind, Heard};

/// By part and control: since when it is weaker, and the alert that tells of it.
pub(super) type Weakenings<'s> = HashMap<(&'s str, &'s str), (Timestamp, Option<Arc<str>>)>;

/// What is looked up for every part, worked out once.
pub(super) struct Scales<'s> {
    sources: &'s Sources,
    drafts: &'s Drafts<'s>,
    changed: Changed<'s>,
    by_sort: HashMap<Sort, Vec<u16>>,
    /// What would tell, by control.
    would_tell: Vec<Arc<str>>,
    alerts: HashMap<&'s str, Vec<&'s Alerted>>,
    /// Those that only name an app as what lies behind their gateway.
    behind: HashMap<&'s str, Vec<&'s Alerted>>,
    /// The operations of each API, by places.
    operations: HashMap<u32, Vec<u32>>,
    heard: HashMap<(bool, &'s str), &'s [Heard]>,
    accepted: HashMap<(&'s str, &'s str), &'s str>,
    /// The newest change of a control on a part, if it got weaker by it.
    pub(super) weakened: Weakenings<'s>,
}

impl<'s> Scales<'s> {
    pub(super) fn new(sources: &'s Sources, drafts: &'s Drafts<'s>) -> Self {
        let controls = &sources.configured.controls.all;
        let mut by_sort: HashMap<Sort, Vec<u16>> = HashMap::new();
        for (control, place) in controls.iter().zip(0_u16..) {
            by_sort.entry(control.applies_to).or_default().push(place);
        }
        let mut alerts: HashMap<&str, Vec<&Alerted>> = HashMap::new();
        let mut behind: HashMap<&str, Vec<&Alerted>> = HashMap::new();
        for alert in &sources.alerts {
            for name in &alert.names {
                alerts.entry(name).or_default().push(alert);
            }
            for name in &alert.behind {
                behind.entry(name).or_default().push(alert);
            }
        }
        let gateway = |kind: ElementKind| {
            matches!(kind, ElementKind::ApiManagement | ElementKind::FrontDoor | ElementKind::ApplicationGateway)
        };
        let sites = sources.sends.iter().filter(|one| one.kind == ElementKind::App || gateway(one.kind));
        let heard = sites.map(|one| ((gateway(one.kind), &*one.name), one.heard.as_slice())).collect();
        let now = sources.at.unwrap_or(Timestamp::MIN);
        let in_force = sources.intended.accepted.iter().filter(|one| one.expires > now);
        let accepted = in_force.map(|one| ((&*one.control, &*one.element), &*one.owner)).collect();
        let mut weakened: Weakenings<'_> = HashMap::new();
        let mut seen: std::collections::HashSet<(&str, &str)> = std::collections::HashSet::new();
        for drift in sources.drifts.iter().filter(|drift| !drift.control.is_empty()) {
            let key = (&*drift.part, &*drift.control);
            if seen.insert(key) && drift.kind == DriftKind::Weaker {
                weakened.insert(key, (drift.at, drift.alert.clone()));
            }
        }
        let would_tell = controls.iter().map(|control| control.would_tell.as_str().into()).collect();
        let changed = Changed::of(&sources.observed);
        let mut operations: HashMap<u32, Vec<u32>> = HashMap::new();
        for (place, draft) in (0..).zip(&drafts.all).filter(|(_, draft)| draft.kind == PartKind::Operation) {
            if let Some(of) = draft.of {
                operations.entry(of).or_default().push(place);
            }
        }
        Self { sources, drafts, changed, by_sort, would_tell, alerts, behind, operations, heard, accepted, weakened }
    }

    /// Returns the alerts that name a part.
    pub(super) fn alerts_of(&self, draft: &Draft<'_>) -> Vec<&'s Alerted> {
        let by = |name: &str| self.alerts.get(name).map(Vec::as_slice).unwrap_or_default();
        match (draft.configured.map(|one| one.sort), draft.kind) {
            (Some(sort), _) => by(&called(sort, &draft.name)).to_vec(),
            (None, PartKind::Resource | PartKind::Identity | PartKind::Other | PartKind::Caller) => {
                let either = [Sort::Storage, Sort::Vault].into_iter().flat_map(|sort| by(&called(sort, &draft.name)));
                either.filter(|_| draft.kind == PartKind::Resource).copied().collect()
            }
            (None, _) => by(&draft.name).to_vec(),
        }
    }

    /// Returns what comes of an app or gateway.
    pub(super) fn heard(&self, gateway: bool, name: &str) -> &'s [Heard] {
        self.heard.get(&(gateway, name)).copied().unwrap_or_default()
    }

    /// Returns what there is to see of a part.
    fn glimpse(&self, place: u32) -> Glimpse<'_> {
        let draft = &self.drafts.all[place as usize];
        let site = self.drafts.site_of(place).map(|site| &self.drafts.all[site as usize]);
        let site_name = site.map_or(&*draft.name, |site| &site.name);
        let gateway = site.is_some_and(|site| site.kind == PartKind::Gateway);
        Glimpse {
            name: &draft.name,
            site: site_name,
            facts: &draft.facts,
            heard: self.heard(gateway, site_name),
            meant: draft.meant.or_else(|| site.and_then(|site| site.meant)),
            gateway,
            now: self.sources.at,
            from: self.sources.from(),
            read: self.sources.configured.at,
            names_subscriptions: site.is_some_and(|site| site.facts.of(Fact::BySubscription).is_some()),
            changed: &self.changed,
        }
    }

    /// Returns the controls on a part, the worst first.
    pub(super) fn standings(&self, place: u32) -> Vec<Standing> {
        let draft = &self.drafts.all[place as usize];
        let Some(sort) = draft.configured.map(|one| one.sort).or_else(|| sort_of(draft.kind)) else {
            return Vec::new();
        };
        let sight = self.glimpse(place);
        let own = self.alerts_of(draft);
        let site = self.drafts.site_of(place).filter(|site| *site != place).map(|site| &self.drafts.all[site as usize]);
        let of_site = site.map(|site| self.alerts_of(site)).unwrap_or_default();
        let behind = self.behind.get(&*draft.name).filter(|_| draft.kind == PartKind::App);
        let mut standings: Vec<Standing> = Vec::new();
        let http = draft.configured.is_some_and(|one| one.http) || draft.facts.of(Fact::Answered).is_some();
        for &control in self.by_sort.get(&sort).map(Vec::as_slice).unwrap_or_default() {
            let about = &self.sources.configured.controls.all[usize::from(control)];
            let found = draft.found(control);
            // A control that configuration does not speak of is not about the element.
            let meant = matches!(&about.test, Test::Check(check) if check.is_meant());
            let unread = draft.configured.is_none()
                && (about.only_when.is_empty() || sort == Sort::Function && http)
                // Without a model nothing is held against one.
                && (!meant || draft.meant.is_some());
            if found.is_some() || unread {
                let of_site = of_site.iter().filter(|_| about.of_site);
                let behind = behind.into_iter().flatten().filter(|_| about.behind);
                let alert = own.iter().chain(of_site).chain(behind).find(|alert| speaks_against(alert, about));
                standings.push(self.standing(place, control, found, &sight, alert.copied()));
            }
        }
        let level = |standing: &Standing| standing.control(&self.sources.configured.controls).map(|one| one.level);
        standings.sort_by(|a, b| (b.stands, level(b), a.control).cmp(&(a.stands, level(a), b.control)));
        standings
    }

    fn standing(
        &self,
        place: u32,
        control: u16,
        found: Option<&Found>,
        sight: &Glimpse<'_>,
        alert: Option<&Alerted>,
    ) -> Standing {
        let draft = &self.drafts.all[place as usize];
        let about = &self.sources.configured.controls.all[usize::from(control)];
        let said = about.observed.map(|proof| self.said(place, proof, sight)).unwrap_or_default();
        let set = self.set_at(sight, found);
        let proven = || about.observed.and_then(|proof| self.proven(place, proof, sight, set));
        let contrary = alert.map(by_alert).or_else(proven);
        let mut standing = match contrary {
            Some((evidence, says)) => Standing {
                control,
                stands: Stands::Contradicted,
                says: says.into(),
                place: found.and_then(|found| found.place.clone()),
                evidence: Some(Box::new(evidence)),
            },
            None => self.aged(self.by_configuration(control, about, found, said), place, sight, set),
        };
        if standing.stands == Stands::NotConfigured
            && let Some((at, alert)) = self.weakened.get(&(&*draft.name, about.id.as_str()))
        {
            let evidence = Evidence { count: 1, first: *at, last: *at, alert: alert.clone() };
            standing.evidence = Some(Box::new(evidence));
        }
        self.accept(&mut standing, about, &draft.name);
        standing
    }

    /// Notes that an owner answers for a control on a part.
    fn accept(&self, standing: &mut Standing, about: &Control, name: &str) {
        let Some(owner) = self.accepted.get(&(about.id.as_str(), name)) else { return };
        match standing.stands {
            Stands::NotConfigured => {
                standing.stands = Stands::Accepted;
                standing.says = format!("accepted by {owner}: {}", standing.says).into();
            }
            // What is written down was accepted, not that events prove the contrary.
            Stands::Contradicted => {
                standing.says = format!("{}; was accepted by {owner}", standing.says.trim_end_matches('.')).into();
            }
            _ => {}
        }
    }

    /// Returns how a control of an API stands at one of its operations: what requests or alerts prove of other
    /// operations says nothing of it.
    pub(super) fn at_operation(&self, operation: u32, api: u32, standing: &Standing) -> Standing {
        // What was proved of one operation long ago makes the API unknown, and says nothing of another.
        if !matches!(standing.stands, Stands::Contradicted | Stands::Unknown) {
            return standing.clone();
        }
        let of_api = &self.drafts.all[api as usize];
        let about = &self.sources.configured.controls.all[usize::from(standing.control)];
        let (own, inner) = (&self.drafts.all[operation as usize].name, format!("{}/", of_api.name));
        let concerned = |alert: &&&Alerted| {
            let mut named = alert.names.iter().filter(|name| name.starts_with(&inner)).peekable();
            speaks_against(alert, about) && (named.peek().is_none() || named.any(|name| name == own))
        };
        let of_alerts = self.alerts_of(of_api);
        let alert = of_alerts.iter().find(concerned);
        let sight = self.glimpse(operation);
        let found = of_api.found(standing.control);
        let set = self.set_at(&sight, found);
        let proven = || about.observed.and_then(|proof| self.proven(operation, proof, &sight, set));
        if let Some((evidence, says)) = alert.copied().map(by_alert).or_else(proven) {
            let (stands, evidence) = (Stands::Contradicted, Some(Box::new(evidence)));
            return Standing { stands, says: says.into(), evidence, ..standing.clone() };
        }
        let by_files = self.by_configuration(standing.control, about, found, Said::default());
        let mut known = self.aged(by_files, operation, &sight, set);
        self.accept(&mut known, about, &of_api.name);
        known
    }

    /// Returns what events say of a control on a part.
    fn said(&self, place: u32, proof: Proof, sight: &Glimpse<'_>) -> Said {
        let mut said = proof.of(sight);
        if self.drafts.all[place as usize].kind == PartKind::Api && !self.all_hold(place, proof, sight) {
            said.agrees = said.agrees.or(said.holds.take());
        }
        said
    }

    /// Returns what requests prove against a control, where it stands: of an API the newest at any of its
    /// operations, each by what is meant for it and by its own refusals.
    fn proven(
        &self,
        place: u32,
        proof: Proof,
        sight: &Glimpse<'_>,
        set: Option<Timestamp>,
    ) -> Option<(Evidence, String)> {
        if self.drafts.all[place as usize].kind != PartKind::Api {
            return against(proof.of(sight), sight.now, set);
        }
        let at = |operation: &u32| {
            let sight = Glimpse { from: sight.from, ..self.glimpse(*operation) };
            against(proof.of(&sight), sight.now, set)
        };
        let all = self.operations.get(&place).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter_map(at).max_by_key(|(evidence, _)| evidence.last)
    }

    /// Adds what events proved so long ago that it does not count any more. What they proved the contrary of
    /// is unknown then, whatever agrees since: that nobody was seen to do it mends nothing.
    fn aged(&self, mut known: Standing, place: u32, sight: &Glimpse<'_>, set: Option<Timestamp>) -> Standing {
        let about = &self.sources.configured.controls.all[usize::from(known.control)];
        let Some(proof) = about.observed.filter(|_| sight.from.is_some()) else { return known };
        let ever = Glimpse { from: None, ..*sight };
        let (last, says) = match self.proven(place, proof, &ever, set) {
            Some((evidence, says)) if !sight.counts(evidence.last) => {
                if matches!(known.stands, Stands::Held | Stands::ConfiguredOnly) {
                    (known.stands, known.evidence) = (Stands::Unknown, None);
                }
                (evidence.last, says)
            }
            _ if known.evidence.is_some() => return known,
            _ => {
                let old = |one: Option<(Tally, String)>| one.filter(|(tally, _)| !sight.counts(tally.last));
                let ever = self.said(place, proof, &ever);
                match old(ever.holds).or(old(ever.agrees)) {
                    Some((tally, says)) => (tally.last, says),
                    None => return known,
                }
            }
        };
        let (until, before) = (moment(last), known.says.trim_end_matches('.'));
        known.says = format!("{before}; {says}, last at {until}: too long ago to count").into();
        known
    }

    /// Tells whether what holds an API was seen at every operation of it that was asked: a refusal at one
    /// proves nothing of the others.
    fn all_hold(&self, api: u32, proof: Proof, sight: &Glimpse<'_>) -> bool {
        let all = self.operations.get(&api).map(Vec::as_slice).unwrap_or_default();
        let recent = |one: &&Draft<'_>| one.facts.newest().is_some_and(|last| sight.counts(last));
        let mut asked = all.iter().map(|place| &self.drafts.all[*place as usize]).filter(recent);
        asked.all(|one| proof.of(&Glimpse { name: &one.name, facts: &one.facts, ..*sight }).holds.is_some())
    }

    /// Returns when configuration last said that it is set: the reading, and a write that it has seen.
    fn set_at(&self, sight: &Glimpse<'_>, found: Option<&Found>) -> Option<Timestamp> {
        let read = found.filter(|found| found.state == State::Configured).and(sight.read)?;
        let written = self.changed.written(sight.site).map(|write| write.at).filter(|at| *at <= read);
        written.max(Some(read))
    }

    fn by_configuration(&self, control: u16, about: &Control, found: Option<&Found>, said: Said) -> Standing {
        let place = found.and_then(|found| found.place.clone());
        let evidence = |tally: &Tally| {
            let (count, first, last) = (tally.count, tally.first, tally.last);
            Some(Box::new(Evidence { count, first, last, alert: None }))
        };
        let proof = match found.map(|found| found.state) {
            Some(State::Configured) => said.holds.or(said.agrees),
            Some(State::NotConfigured) => None,
            _ => said.holds,
        };
        let (stands, says, evidence) = match (found, proof) {
            (Some(found), Some((tally, says))) if found.state == State::Configured => {
                (Stands::Held, format!("{}; {says}", found.says).into(), evidence(&tally))
            }
            (_, Some((tally, says))) => (Stands::Held, says.into(), evidence(&tally)),
            (Some(found), None) => {
                let stands = match found.state {
                    State::Configured => Stands::ConfiguredOnly,
                    State::NotConfigured => Stands::NotConfigured,
                    State::Unknown => Stands::Unknown,
                };
                (stands, found.says.clone(), None)
            }
            (None, None) => {
                let known = self.would_tell.get(usize::from(control)).cloned();
                (Stands::Unknown, known.unwrap_or_else(|| about.would_tell.as_str().into()), None)
            }
        };
        Standing { control, stands, says, place, evidence }
    }
}

/// Tells whether an alert proves the contrary of a control.
fn speaks_against(alert: &Alerted, control: &Control) -> bool {
    alert.detectors.iter().any(|id| control.contradicted_by.iter().any(|by| **by == **id))
}

/// Returns an open alert as what proves the contrary.
fn by_alert(alert: &Alerted) -> (Evidence, String) {
    let (count, first, last) = (alert.count, alert.first, alert.last);
    (Evidence { count, first, last, alert: Some(alert.id.clone()) }, alert.why.to_string())
}

/// Returns what proves the contrary, if it still does: a later refusal of the same sort has healed it, or a
/// later reading that says it is set. That nobody has tried it since proves nothing.
fn against(said: Said, now: Option<Timestamp>, set: Option<Timestamp>) -> Option<(Evidence, String)> {
    let (tally, says) = said.against?;
    let newest = said.refused.map(|tally| tally.last).max(set);
    let recent = now.is_none_or(|now| now < tally.last.plus(HEALS_AFTER));
    let healed = !recent && newest.is_some_and(|newest| newest > tally.last);
    let (count, first, last) = (tally.count, tally.first, tally.last);
    (!healed).then_some((Evidence { count, first, last, alert: None }, says))
}
