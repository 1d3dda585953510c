//! What can one record prove of an endpoint?
//!
//! A [`Fact`] is what a record says and nothing that it leaves out: no log names a key that came in a
//! header, so a request without a known key is [`Fact::Unproven`], which is not «without a key».
//! A record's facts are bits of one word; their numbers are kept in the store and never given anew.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Makes the enum, its list and its names from one table.
macro_rules! facts {
    ($($variant:ident $name:literal $doc:literal,)*) => {
        /// What a record says of an endpoint, an app or a gateway.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Fact {
            $(#[doc = $doc] $variant,)*
        }

        impl Fact {
            /// Every fact.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns its name, for people.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

facts! {
    Asked "asked" "It was asked or it ran, however that ended.",
    Answered "answered" "A request was answered as it should be.",
    ByFunctionKey "function key" "Answered, and the record shows a function or host key.",
    ByAdminKey "master key" "Answered, and the record shows a master key.",
    BySubscription "subscription key" "Answered, and the record names a subscription.",
    ByToken "token" "Answered, and the record shows a token.",
    ByPrincipal "App Service Authentication" "Answered, and the record names who was signed in.",
    Unproven "unknown" "Answered, and the record can't tell by what proof.",
    NoSubscription "no subscription" "Answered by a gateway whose record names no subscription.",
    Refused "refused" "Refused with 401 or 403.",
    KeyAsked "refused without a valid key" "Refused, for there was no key or a wrong one.",
    TokenAsked "refused without a valid token" "Refused, for there was no token or a wrong one.",
    LoginAsked "sent to the login page" "A browser was sent to the login page.",
    AddressKeptOut "address kept out" "Refused, for the address is not allowed.",
    Limited "limited" "Refused, for a rate or quota was used up.",
    ThroughGateway "through a gateway" "It came through a gateway.",
    PastGateway "past the gateway" "Answered, and it came past the gateway.",
    NewTls "TLS 1.2 or newer" "TLS was 1.2 or newer.",
    OldTls "TLS before 1.2" "Answered over a TLS before 1.2.",
    KeyInUrl "key in the URL" "A key stood in the URL.",
    AnyOrigin "any origin allowed" "The answer allowed every origin, or `null`.",
    NamedOrigin "one origin allowed" "The answer allowed one origin.",
    AdminAnswered "admin interface answered" "The runtime's admin interface answered.",
    RateUsedUp "rate used up" "Refused, for a rate was used up.",
    QuotaUsedUp "quota used up" "Refused, for a quota was used up.",
}

impl Fact {
    /// Returns its bit.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Returns the facts whose bits are set.
    pub fn of(bits: u32) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |fact| bits & fact.bit() != 0)
    }

    /// Returns those that say by what proof a request was answered.
    pub const PROOFS: [Self; 6] =
        [Self::ByAdminKey, Self::ByFunctionKey, Self::BySubscription, Self::ByToken, Self::ByPrincipal, Self::Unproven];
}

/// How often something was so, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Events; where sampling kept one of several, as many as it stands for.
    pub count: u64,
    /// The first event time.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
}

impl Tally {
    /// Returns `count` at `at`.
    pub const fn new(count: u64, at: Timestamp) -> Self {
        Self { count, first: at, last: at }
    }

    /// Adds another.
    pub fn add(&mut self, more: &Self) {
        self.count = self.count.saturating_add(more.count);
        self.first = self.first.min(more.first);
        self.last = self.last.max(more.last);
    }

    /// Adds another to one that there may not be.
    pub fn sum(known: Option<Self>, more: Option<Self>) -> Option<Self> {
        match (known, more) {
            (Some(mut known), Some(more)) => {
                known.add(&more);
                Some(known)
            }
            (known, more) => known.or(more),
        }
    }
}

/// What was observed of something, fact by fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts(Vec<(Fact, Tally)>);

impl Facts {
    /// Returns how often and when `fact` was so.
    pub fn of(&self, fact: Fact) -> Option<Tally> {
        self.0.iter().find(|(known, _)| *known == fact).map(|(_, tally)| *tally)
    }

    /// Adds records with the facts in `bits`; tells whether one of those is new.
    pub fn add(&mut self, bits: u32, tally: &Tally) -> bool {
        let mut new = false;
        for fact in Fact::of(bits) {
            if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == fact) {
                known.add(tally);
            } else {
                self.0.push((fact, *tally));
                new = true;
            }
        }
        new
    }

    /// Adds all of another.
    pub fn take(&mut self, more: &Self) {
        for (fact, tally) in &more.0 {
            self.add(fact.bit(), tally);
        }
    }

    /// Returns the newest event time of any.
    pub fn newest(&self) -> Option<Timestamp> {
        self.0.iter().map(|(_, tally)| tally.last).max()
    }

    /// Tells whether nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
