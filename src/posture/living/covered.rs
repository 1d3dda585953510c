//! Which threats does some detector see on a part?
//!
//! Only those of which a detector is told something that arrives from the part's own app or gateway, or
//! from the subscription it lies in, and that a test of its own has made fire. All parts of an app or
//! gateway share what is seen.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::drafts::Drafts;
use super::part::PartKind;
use super::sources::{Alerted, Sources};
use super::weigh::Scales;
use crate::clock::Timestamp;
use crate::posture::{ElementKind, Heard};
use crate::telemetry::Kind;

/// What has come is still arriving for this long.
const ARRIVES_WITHIN: Duration = Duration::from_hours(24);

/// Threats by place, with whether a detector of them has fired here.
pub(super) type Covered = Vec<(u16, bool)>;

/// Coverage, worked out for each app and gateway once.
pub(super) struct Coverage<'s> {
    places: HashMap<&'s str, u16>,
    sites: HashMap<u32, Covered>,
}

impl<'s> Coverage<'s> {
    pub(super) fn of(sources: &'s Sources, drafts: &Drafts<'s>, scales: &Scales<'s>) -> Self {
        let places: HashMap<&str, u16> =
            sources.threats.all.iter().zip(0_u16..).map(|(threat, place)| (threat.id.as_str(), place)).collect();
        let subscriptions: HashMap<&str, u32> = sources
            .sends
            .iter()
            .filter(|one| one.kind == ElementKind::Subscription)
            .map(|one| (&*one.name, kinds(&one.heard, sources.at)))
            .collect();
        let above = |app: &str, gateway: bool| {
            let is = |kind: ElementKind| (kind == ElementKind::App) != gateway;
            let own = sources.sends.iter().find(|one| is(one.kind) && *one.name == *app)?;
            let id = own.resource.as_deref()?.strip_prefix("/subscriptions/")?.split('/').next()?;
            subscriptions.get(id).copied()
        };
        let mut sites = HashMap::new();
        for (place, draft) in (0_u32..).zip(&drafts.all) {
            if !matches!(draft.kind, PartKind::App | PartKind::Gateway) {
                continue;
            }
            let gateway = draft.kind == PartKind::Gateway;
            let own = kinds(scales.heard(gateway, &draft.name), sources.at);
            let arrives = if own == 0 { 0 } else { own | above(&draft.name, gateway).unwrap_or_default() };
            sites.insert(place, covered(sources, &places, arrives));
        }
        Self { places, sites }
    }

    /// Returns what is seen on the parts of an app or gateway.
    pub(super) fn on(&self, site: Option<u32>) -> Covered {
        site.and_then(|site| self.sites.get(&site)).cloned().unwrap_or_default()
    }

    /// Returns the threats that open alerts speak of, each with one alert's id.
    pub(super) fn firing(&self, alerts: &[&Alerted]) -> Vec<(u16, Arc<str>)> {
        let mut firing: Vec<(u16, Arc<str>)> = Vec::new();
        for alert in alerts {
            if let Some(&threat) = self.places.get(&*alert.threat)
                && !firing.iter().any(|(known, _)| *known == threat)
            {
                firing.push((threat, alert.id.clone()));
            }
        }
        firing.sort_unstable();
        firing
    }
}

fn covered(sources: &Sources, places: &HashMap<&str, u16>, arrives: u32) -> Covered {
    let mut covered = Covered::new();
    for seer in sources.seers.iter().filter(|seer| seer.tested) {
        // One of several steps is told nothing before something comes for each.
        let wanted = |kinds: &[Kind]| kinds.iter().fold(0, |all, kind| all | bit(*kind)) & arrives != 0;
        let told = if seer.kinds.is_empty() { arrives != 0 } else { wanted(&seer.kinds) };
        let told = told && seer.steps.iter().all(|kinds| kinds.is_empty() || wanted(kinds));
        let Some(&threat) = places.get(&*seer.threat).filter(|_| told) else { continue };
        match covered.iter_mut().find(|(known, _)| *known == threat) {
            Some((_, fired)) => *fired |= seer.fired,
            None => covered.push((threat, seer.fired)),
        }
    }
    covered.sort_unstable();
    covered
}

/// Returns the kinds of what has come within a day.
fn kinds(heard: &[Heard], now: Option<Timestamp>) -> u32 {
    let arrives = |heard: &&Heard| heard.records > 0 && now.is_none_or(|now| now < heard.newest.plus(ARRIVES_WITHIN));
    let made = heard.iter().filter(arrives).flat_map(|heard| heard.category.makes());
    made.fold(0, |all, kind| all | bit(*kind))
}

fn bit(kind: Kind) -> u32 {
    1 << kind as u32
}
