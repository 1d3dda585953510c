//! Who would see a threat on a part, and to which site does a part belong?
//!
//! A cell of the coverage is one of four words; what nobody has said is blind, so that no cell is
//! empty. As many answers as parts and threats.

use std::sync::Arc;

use super::{Living, Part, PartKind};
use crate::posture::Kind;
use crate::telemetry::Category;

/// Parts above a part: operation, API, gateway.
const DEEPEST: usize = 8;

/// How well a threat is seen on a part, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// An alert of it is open.
    Firing,
    /// Nothing that arrives would show it.
    Blind,
    /// A detector watches and what it needs arrives, but it has never fired here.
    Unexercised,
    /// A detector watches, what it needs arrives, and it has fired here before.
    Covered,
}

impl Sight {
    /// Every one, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Firing, Self::Blind, Self::Unexercised, Self::Covered];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Blind => "blind",
            Self::Unexercised => "never exercised",
            Self::Covered => "covered",
        }
    }

    /// Returns its name as one word, for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Blind => "blind",
            Self::Unexercised => "never-exercised",
            Self::Covered => "covered",
        }
    }

    /// Returns its sign, so that nothing rests on a colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Firing => "▲",
            Self::Blind => "✕",
            Self::Unexercised => "◐",
            Self::Covered => "●",
        }
    }
}

impl PartKind {
    /// Every kind, in the order in which a request meets them.
    pub const ALL: [Self; 9] = [
        Self::Caller,
        Self::Gateway,
        Self::Api,
        Self::Operation,
        Self::App,
        Self::Function,
        Self::Identity,
        Self::Resource,
        Self::Other,
    ];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Gateway => "gateway",
            Self::Api => "API",
            Self::Operation => "operation",
            Self::App => "app",
            Self::Function => "function",
            Self::Identity => "identity",
            Self::Resource => "resource",
            Self::Other => "other",
        }
    }

    /// Tells whether it is what callers call.
    pub const fn is_endpoint(self) -> bool {
        matches!(self, Self::Operation | Self::Function)
    }

    /// Tells whether it is an app or a gateway: what has endpoints and an owner.
    pub const fn is_site(self) -> bool {
        matches!(self, Self::Gateway | Self::App)
    }
}

impl super::Boundary {
    /// Every boundary, from the outside in.
    pub const ALL: [Self; 4] = [Self::Internet, Self::Edge, Self::Apps, Self::Data];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::Edge => "edge",
            Self::Apps => "apps",
            Self::Data => "data",
        }
    }
}

impl super::DriftKind {
    /// Returns its sign, so that nothing rests on a colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Weaker => "▼",
            Self::Stronger => "▲",
            Self::Came => "+",
            Self::Went => "−",
            Self::Written => "✎",
        }
    }
}

impl super::Stands {
    /// Returns its name as one word, for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::ConfiguredOnly => "configured-only",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::NotConfigured => "not-configured",
            Self::Contradicted => "contradicted",
        }
    }

    /// Returns its sign, so that nothing rests on a colour.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Held => "✓",
            Self::ConfiguredOnly => "○",
            Self::Accepted => "~",
            Self::Unknown => "?",
            Self::NotConfigured => "!",
            Self::Contradicted => "✕",
        }
    }
}

impl Part {
    /// Returns how each of `threats` threats is seen on it, in order of the catalogue.
    pub fn sights(&self, threats: usize) -> Vec<Sight> {
        let mut sights = vec![Sight::Blind; threats];
        for (threat, fired) in &self.covered {
            if let Some(sight) = sights.get_mut(usize::from(*threat)) {
                *sight = if *fired { Sight::Covered } else { Sight::Unexercised };
            }
        }
        for (threat, _) in &self.firing {
            if let Some(sight) = sights.get_mut(usize::from(*threat)) {
                *sight = Sight::Firing;
            }
        }
        sights
    }

    /// Returns the alert that tells of a threat on it.
    pub fn alert(&self, threat: usize) -> Option<&Arc<str>> {
        self.firing.iter().find(|(known, _)| usize::from(*known) == threat).map(|(_, alert)| alert)
    }
}

impl Living {
    /// Returns the part at a place.
    pub fn part(&self, at: u32) -> Option<&Part> {
        self.parts.get(usize::try_from(at).ok()?)
    }

    /// Returns all parts with their places.
    pub fn placed(&self) -> impl Iterator<Item = (u32, &Part)> {
        (0_u32..).zip(&self.parts)
    }

    /// Returns the app or gateway that a part is or belongs to, or what else is above it.
    pub fn site_of(&self, part: u32) -> u32 {
        let mut at = part;
        for _ in 0..DEEPEST {
            match self.part(at).and_then(|part| part.of) {
                Some(above) if above != at => at = above,
                _ => break,
            }
        }
        at
    }

    /// Returns the app or gateway called so, in any case.
    pub fn site_named(&self, name: &str) -> Option<u32> {
        let is = |part: &Part| part.kind.is_site() && part.name.eq_ignore_ascii_case(name);
        self.placed().find(|(_, part)| is(part)).map(|(at, _)| at)
    }

    /// Returns what callers call, with its place: of one site, or of all.
    pub fn endpoints(&self, of: Option<u32>) -> impl Iterator<Item = (u32, &Part)> {
        let wanted = move |at: u32| of.is_none_or(|site| self.site_of(at) == site);
        self.placed().filter(move |(at, part)| part.kind.is_endpoint() && wanted(*at))
    }

    /// Returns the categories of telemetry that would show a threat of the catalogue.
    pub fn would_tell(&self, threat: usize) -> Vec<&'static str> {
        let needs: &[Kind] = self.threats.all.get(threat).map_or(&[], |threat| &threat.needs);
        let tells = |category: &Category| needs.iter().any(|kind| category.makes().contains(kind));
        Category::ALL.into_iter().filter(tells).map(Category::name).collect()
    }
}
