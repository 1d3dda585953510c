//! What did people decide about personal data, and what holds where?
//!
//! A list of policies; of those that speak of a kind in a place the first counts, and where none
//! does the kind's default. Category, field and path are known only once a record is decoded, so a
//! kind of which some policy asks for them has two lives: before decoding it is hidden as strictly as
//! any of its policies says, and `finish` then does what its place asks for. What is never decoded
//! stays hidden. At most [`CEILING`] policies; more are refused when the configuration is read.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Kind;
use super::action::Action;
use super::names::{FieldName, KindName, PathText};
use crate::redaction::explain::place;
use crate::redaction::settings::Settings;
use crate::telemetry::{Category, Event};

/// The most policies.
pub const CEILING: usize = 256;

/// What becomes of some personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Of these kinds; all that are looked for if it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<KindName>,
    /// In records of these categories; of any if it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::names::categories")]
    pub categories: Vec<Category>,
    /// In these fields of an event, or at one of `paths`; anywhere if both are empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldName>,
    /// At these paths into a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathText>,
    /// What becomes of it.
    pub action: Action,
}

impl Policy {
    /// Tells whether it speaks of `kind`. One without kinds leaves alone what is off unless chosen.
    pub fn concerns(&self, kind: Kind) -> bool {
        let all = self.kinds.is_empty() && !kind.national();
        all || self.kinds.iter().any(|name| name.is(kind))
    }

    /// Tells whether it needs a decoded record.
    fn is_scoped(&self) -> bool {
        !(self.categories.is_empty() && self.fields.is_empty() && self.paths.is_empty())
    }
}

/// What becomes of `kind` where no policy speaks of it.
pub fn default(kind: Kind, settings: &Settings) -> Action {
    match kind {
        Kind::Address => settings.addresses.action(),
        // Names nobody without the directory; whoever investigates needs it.
        Kind::ObjectId => Action::Keep,
        // The country alone names nobody.
        Kind::Iban => Action::Partial,
        // Off unless chosen.
        kind if kind.national() => Action::Keep,
        _ => Action::Fingerprint,
    }
}

/// What holds for one kind.
#[derive(Clone, Copy, Debug)]
struct Rule {
    /// What is done before a record is decoded, and where that is all.
    before: Action,
    /// Whether the place decides.
    scoped: bool,
    /// What is done where no policy speaks of it.
    otherwise: Action,
}

/// All policies, ready to be asked.
#[derive(Debug)]
pub struct Policies {
    list: Vec<Policy>,
    /// By [`Kind::place`].
    rules: Vec<Rule>,
    any_scoped: bool,
}

impl Policies {
    /// Makes ready what `settings` say.
    pub fn new(settings: &Settings) -> Self {
        let list = settings.policy.clone();
        let rule = |kind: &Kind| {
            let mut otherwise = default(*kind, settings);
            let mut before: Option<Action> = None;
            let mut scoped = false;
            for policy in list.iter().filter(|policy| policy.concerns(*kind)) {
                if !policy.is_scoped() {
                    otherwise = policy.action;
                    break;
                }
                scoped = true;
                before = before.max(Some(policy.action));
            }
            let before = before.map_or(otherwise, |before| before.max(otherwise));
            // Where all say the same, the place decides nothing.
            let scoped = scoped
                && (before != otherwise || list.iter().any(|policy| policy.concerns(*kind) && policy.action != before));
            Rule { before, scoped, otherwise }
        };
        let rules: Vec<Rule> = Kind::ALL.iter().map(rule).collect();
        let any_scoped = rules.iter().any(|rule| rule.scoped);
        Self { list, rules, any_scoped }
    }

    fn rule(&self, kind: Kind) -> Option<&Rule> {
        self.rules.get(kind.place())
    }

    /// Returns what is done to what is of `kind` before its record is decoded.
    pub fn before(&self, kind: Kind) -> Action {
        self.rule(kind).map_or(Action::Fingerprint, |rule| rule.before)
    }

    /// Tells whether the place decides about `kind`.
    pub fn scoped(&self, kind: Kind) -> bool {
        self.rule(kind).is_some_and(|rule| rule.scoped)
    }

    /// Tells whether the place decides about any kind.
    pub fn any_scoped(&self) -> bool {
        self.any_scoped
    }

    /// Finds out where in `event` each policy holds.
    pub fn over(&self, event: &Event<'_>) -> Over<'_> {
        let extents =
            if self.any_scoped { self.list.iter().map(|policy| extent(policy, event)).collect() } else { Vec::new() };
        Over { policies: self, extents }
    }
}

/// Where in an event a policy holds.
enum Extent {
    Nowhere,
    Everywhere,
    /// In these bytes of the scanned message.
    In(Vec<Range<u32>>),
}

fn extent(policy: &Policy, event: &Event<'_>) -> Extent {
    if !policy.categories.is_empty() && !policy.categories.contains(&event.category) {
        return Extent::Nowhere;
    }
    if policy.fields.is_empty() && policy.paths.is_empty() {
        return Extent::Everywhere;
    }
    let fields = policy.fields.iter().filter_map(|field| Some(place(event, field.0)?.0));
    let mut ranges: Vec<Range<u32>> = fields.collect();
    if !policy.paths.is_empty() {
        let record = event.scanned.get(event.record.start as usize..event.record.end as usize).unwrap_or_default();
        // What is no text has no paths: there it stays hidden.
        let text = std::str::from_utf8(record).unwrap_or_default();
        for path in &policy.paths {
            let found = path.path.places(text, event.arena);
            ranges.extend(found.into_iter().map(|at| event.record.start + at.start..event.record.start + at.end));
        }
    }
    Extent::In(ranges)
}

/// The policies over one event.
pub struct Over<'p> {
    policies: &'p Policies,
    extents: Vec<Extent>,
}

impl Over<'_> {
    /// Returns what is done to what is of `kind` and stands at `at` of the scanned message.
    pub fn action(&self, kind: Kind, at: &Range<u32>) -> Action {
        let Some(rule) = self.policies.rule(kind) else { return Action::Fingerprint };
        if !rule.scoped {
            return rule.otherwise.max(rule.before);
        }
        let holds = |extent: &Extent| match extent {
            Extent::Nowhere => false,
            Extent::Everywhere => true,
            Extent::In(ranges) => ranges.iter().any(|range| range.start <= at.start && at.end <= range.end),
        };
        let mut each = self.policies.list.iter().zip(&self.extents);
        each.find(|(policy, extent)| policy.concerns(kind) && holds(extent))
            .map_or(rule.otherwise, |(policy, _)| policy.action)
    }

    /// Returns the strictest that is done to what is of `kind` anywhere.
    pub fn strictest(&self, kind: Kind) -> Action {
        self.policies.before(kind)
    }
}
