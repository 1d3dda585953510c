//! What guards a way, and how does that stand?
//!
//! A way is as sound as the controls on what it leads to. One to an operation is as sound as its API, too,
//! unless the operation's own policy checks tokens or it is meant to be open; what events prove of one
//! operation says nothing of the others of its API. As many controls as there are on the two.

use std::sync::Arc;

use super::drafts::Drafts;
use super::part::{Part, PartKind};
use super::sources::Sources;
use super::standing::{Standing, Stands};
use super::weigh::Scales;
use crate::clock::Timestamp;
use crate::posture::Level;
use crate::posture::configured::{PolicyScope, policy_name};
use crate::posture::controls::State;
use crate::posture::intended::Authentication;

/// Controls whose state is that of the way to a part.
const GUARDS: [&str; 4] = ["function.anonymous-compensated", "api.authenticated", "api.https", "app.https-only"];
/// Those that speak of a way only where events prove the contrary.
const PROVEN: [&str; 1] = ["gateway.protocols"];
/// Those that speak so of a way from anybody, past the gateway.
const PAST: [&str; 3] = ["app.gateway-only", "function.behind-gateway", "app.admin-isolation"];
/// Those that guard a way where the owner says that this proof is asked for.
const MEANT: [(Authentication, &str); 3] = [
    (Authentication::Jwt, "api.token-checked"),
    (Authentication::Jwt, "function.token-checked"),
    (Authentication::EasyAuth, "auth.required"),
];
/// Those on an API that an operation may make up for by a policy of its own.
const OF_CALLERS: [&str; 5] =
    ["api.authenticated", "api.token-checked", "api.intended-proof", "api.intended-issuers", "api.intended-audiences"];
/// That on an operation's policy which says that it leaves out what its API checks.
const KEPT: &str = "api.token-check-kept";

/// What guards a way.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) stands: Stands,
    pub(super) says: Arc<str>,
    /// Since when it stands so.
    pub(super) since: Option<Timestamp>,
    /// The alert that tells of it.
    pub(super) alert: Option<Arc<str>>,
    level: Level,
}

/// Looks for what guards ways.
pub(super) struct Guards<'a, 's> {
    pub(super) sources: &'s Sources,
    pub(super) drafts: &'a Drafts<'s>,
    pub(super) parts: &'a [Part],
    pub(super) scales: &'a Scales<'s>,
}

impl Guards<'_, '_> {
    /// Returns the worst of the controls that guard the way.
    pub(super) fn of(&self, from: u32, to: u32) -> Option<Guard> {
        let past = self.drafts.all[from as usize].kind == PartKind::Caller;
        let own = self.on(to, to, past);
        let above = self.api_of(to).and_then(|api| self.on(api, to, past));
        let dropped = self.policy_of(to).and_then(|policy| self.on(policy, to, past));
        let all = own.into_iter().chain(above).chain(dropped);
        all.max_by_key(|guard| (guard.stands, guard.level))
    }

    /// Returns the API of an operation.
    fn api_of(&self, place: u32) -> Option<u32> {
        let draft = &self.drafts.all[place as usize];
        let api = draft.of.filter(|_| draft.kind == PartKind::Operation)?;
        (self.drafts.all[api as usize].kind == PartKind::Api).then_some(api)
    }

    /// Returns the policy of an operation that has one of its own.
    fn policy_of(&self, place: u32) -> Option<u32> {
        let draft = &self.drafts.all[place as usize];
        draft.configured.filter(|one| one.token == Some(State::NotConfigured))?;
        let mut steps = draft.name.splitn(3, '/');
        let (gateway, api, name) = (steps.next()?, steps.next()?, steps.next()?);
        let scope = PolicyScope::Operation(api.to_owned(), name.to_owned());
        self.drafts.find(PartKind::Other, &policy_name(gateway, &scope).to_ascii_lowercase())
    }

    /// Returns the worst of the controls on `part` that guard the way to `to`: the same, what it belongs to,
    /// or its policy.
    fn on(&self, part: u32, to: u32, past: bool) -> Option<Guard> {
        let controls = &self.sources.configured.controls;
        let standings = self.parts[part as usize].standings.iter().filter_map(|standing| {
            let control = standing.control(controls)?;
            if !self.guards(standing, &control.id, (part, to), past) {
                return None;
            }
            // What events prove of an API they may prove of another of its operations.
            let elsewhere = self.drafts.all[part as usize].kind == PartKind::Api && part != to;
            let at = if elsewhere { self.scales.at_operation(to, part, standing) } else { standing.clone() };
            Some((at, control))
        });
        let (worst, control) = standings.max_by_key(|(one, control)| (one.stands, control.level))?;
        let weakened = self.scales.weakened.get(&(&*self.parts[part as usize].name, control.id.as_str()));
        // Of an API it may have been at another operation.
        let weakened = weakened.filter(|_| part == to || worst.stands != Stands::Contradicted);
        let evidence = worst.evidence.as_ref();
        Some(Guard {
            stands: worst.stands,
            says: worst.says.clone(),
            since: weakened.map(|(at, _)| *at).or(evidence.map(|evidence| evidence.first)),
            alert: evidence.and_then(|one| one.alert.clone()).or_else(|| weakened.and_then(|(_, alert)| alert.clone())),
            level: control.level,
        })
    }

    /// Tells whether a control on `part` guards the way to `to`.
    fn guards(&self, standing: &Standing, id: &str, (part, to): (u32, u32), past: bool) -> bool {
        let draft = &self.drafts.all[to as usize];
        let of_site = || self.drafts.site_of(to).and_then(|site| self.drafts.all[site as usize].meant);
        let said = draft.meant.or_else(of_site);
        let meant = |proof| said.is_some_and(|meant| meant.authentication.contains(&proof));
        let open = draft.meant.is_some_and(|meant| meant.authentication == [Authentication::Anonymous]);
        if part != to && (OF_CALLERS.contains(&id) || id == KEPT) {
            let checks = draft.configured.is_some_and(|one| one.token == Some(State::Configured));
            if open || checks && standing.stands != Stands::Contradicted {
                return false;
            }
        }
        let name = &*self.parts[part as usize].name;
        let weakened = || standing.stands == Stands::NotConfigured && self.scales.weakened.contains_key(&(name, id));
        // A call past the gateway contradicts the way of that call, not the gateway's own.
        let proven = PROVEN.contains(&id) || past && PAST.contains(&id);
        GUARDS.contains(&id)
            || id == KEPT
            || weakened()
            || proven && standing.stands == Stands::Contradicted
            || MEANT.iter().any(|(proof, control)| *control == id && meant(*proof))
    }
}
