//! What is the state of a control on a part, and how did it come to be so?

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::posture::configured::Place;
use crate::posture::{Level, controls};

/// The state of a control on a part, from the best to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stands {
    /// Events prove it.
    Held,
    /// It is set as it should be; events say nothing of it.
    ConfiguredOnly,
    /// It is not as it should be, and somebody answers for that.
    Accepted,
    /// It can't be told; what would tell is said.
    Unknown,
    /// It is not set as it should be.
    NotConfigured,
    /// Events prove the contrary.
    Contradicted,
}

impl Stands {
    /// Every state, from the best to the worst.
    pub const ALL: [Self; 6] =
        [Self::Held, Self::ConfiguredOnly, Self::Accepted, Self::Unknown, Self::NotConfigured, Self::Contradicted];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::ConfiguredOnly => "configured only",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::NotConfigured => "not configured",
            Self::Contradicted => "contradicted",
        }
    }
}

/// What events say of a control on a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Events that say so.
    pub count: u64,
    /// The first of them.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
    /// The alert that tells of it, if there is one.
    pub alert: Option<Arc<str>>,
}

/// The state of one control on one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The control, by its place in [`controls::Controls::all`].
    pub control: u16,
    /// The state.
    pub stands: Stands,
    /// What is there, for people; where unknown, what would tell.
    pub says: Arc<str>,
    /// Where it is configured.
    pub place: Option<Arc<Place>>,
    /// What events say.
    pub evidence: Option<Box<Evidence>>,
}

impl Standing {
    /// Returns its control.
    pub fn control<'c>(&self, all: &'c controls::Controls) -> Option<&'c controls::Control> {
        all.all.get(usize::from(self.control))
    }
}

/// What sort of change it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriftKind {
    /// A control got weaker.
    Weaker,
    /// A control got stronger: it healed.
    Stronger,
    /// A part came, or a way that nobody declared.
    Came,
    /// A part went.
    Went,
    /// Somebody changed a resource in the control plane; what touches it was looked at again.
    Written,
}

impl DriftKind {
    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weaker => "weaker",
            Self::Stronger => "stronger",
            Self::Came => "came",
            Self::Went => "went",
            Self::Written => "written",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// When it was seen, in event time.
    pub at: Timestamp,
    /// What sort of change it is.
    pub kind: DriftKind,
    /// The part, as its name.
    pub part: Arc<str>,
    /// The control's id; empty for a part that came or went and a write.
    pub control: Arc<str>,
    /// The state before and after.
    pub states: Option<(Stands, Stands)>,
    /// What happened, for people, such as "`validate-jwt` left the inbound policy of api/orders".
    pub says: Arc<str>,
    /// Who did it and from where, where the Activity log told of a write just before: the identity's
    /// fingerprint or id, and the address.
    pub by: Option<(Arc<str>, Arc<str>)>,
    /// The alert that tells of it, if there is one.
    pub alert: Option<Arc<str>>,
}

/// How badly an app or gateway stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// It, by its place among the parts.
    pub part: u32,
    /// From 0, nothing known against it, to 100.
    pub score: u8,
    /// What makes it so, the weightiest first: points, its level, words.
    pub reasons: Vec<(u8, Level, String)>,
}
