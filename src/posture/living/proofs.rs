//! What do events prove of a control?
//!
//! A [`Proof`] reads what was observed of a part and says what holds the control and what speaks against
//! it, each with how often and when; never more than the records tell. What speaks against it decides
//! until ten minutes have passed without it and something newer speaks for it: then the control has healed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::standing::moment;
use crate::clock::Timestamp;
use crate::posture::intended::{Authentication, Meant};
use crate::posture::observed::{Fact, Facts, Observed, Tally, What, Write};
use crate::posture::{ElementKind, Heard, of_resource};
use crate::telemetry::Category;

/// What speaks against a control decides for this long after the last of it.
pub(super) const HEALS_AFTER: Duration = Duration::from_mins(10);

/// Makes the enum, its list and its names from one table.
macro_rules! proofs {
    ($($(#[doc = $doc:expr])+ $variant:ident = $name:literal => $with:path,)+) => {
        /// What events can prove of a control, in code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Proof {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Proof {
            /// Every proof.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns its name, as controls write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Returns what the events of a part say.
            pub fn of(self, sight: &Glimpse<'_>) -> Said {
                match self {
                    $(Self::$variant => $with(sight),)+
                }
            }
        }
    };
}

proofs! {
    /// A refusal for want of a valid token shows that tokens are checked.
    TokenAsked = "token-asked" => token_asked,
    /// A refusal for want of a key or token shows that one is asked for.
    CredentialAsked = "credential-asked" => credential_asked,
    /// Requests came through a gateway, or past it.
    BehindGateway = "behind-gateway" => behind_gateway,
    /// Nobody but a gateway gets in.
    GatewayOnly = "gateway-only" => gateway_only,
    /// Addresses were kept out.
    AddressKeptOut = "address-kept-out" => address_kept_out,
    /// Keys were written through the control plane.
    KeyWritten = "key-written" => key_written,
    /// The admin interface answered.
    AdminIsolated = "admin-isolated" => admin_isolated,
    /// The app's identity reached something.
    IdentityUsed = "identity-used" => identity_used,
    /// Records of the part arrive.
    LogsArrive = "logs-arrive" => logs_arrive,
    /// Its access log arrives.
    AccessLogArrives = "access-log-arrives" => access_log_arrives,
    /// Configuration was read after the last write.
    Revalidated = "revalidated" => revalidated,
    /// A browser was sent to the login page.
    LoginAsked = "login-asked" => login_asked,
    /// No request came over an old TLS.
    NewTls = "new-tls" => new_tls,
    /// Calls were refused for their number.
    Limited = "limited" => limited,
}

impl Proof {
    /// Returns the proof called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|proof| proof.name() == name)
    }
}

/// What there is to see of a part.
#[derive(Clone, Copy, Debug)]
pub struct Glimpse<'s> {
    /// Its name.
    pub name: &'s str,
    /// The app or gateway that it belongs to, or is.
    pub site: &'s str,
    /// What was observed of it and of its endpoints.
    pub facts: &'s Facts,
    /// What comes of its app or gateway.
    pub heard: &'s [Heard],
    /// What is meant for it.
    pub meant: Option<&'s Meant>,
    /// When configuration was read, event time.
    pub read: Option<Timestamp>,
    /// Whether its gateway's records name subscriptions at all.
    pub names_subscriptions: bool,
    /// Writes and what identities reach.
    pub changed: &'s Changed<'s>,
}

/// What events say of a control.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// This alone proves that it holds.
    pub holds: Option<(Tally, String)>,
    /// This agrees with it, and proves it together with the configuration.
    pub agrees: Option<(Tally, String)>,
    /// This proves the contrary.
    pub against: Option<(Tally, String)>,
}

/// The newest writes by app, gateway and function, and what identities reach.
#[derive(Clone, Debug, Default)]
pub struct Changed<'o> {
    writes: HashMap<&'o str, &'o Write>,
    keys: HashMap<String, &'o Write>,
    reaches: HashMap<&'o str, Tally>,
}

impl<'o> Changed<'o> {
    /// Looks it all up once.
    pub fn of(observed: &'o Observed) -> Self {
        let mut changed = Self::default();
        for write in observed.writes.values() {
            let Some(named) = of_resource(&write.resource) else { continue };
            let known = changed.writes.entry(named.name).or_insert(write);
            if write.at > known.at {
                *known = write;
            }
            if !write.operation.contains("key") || named.kind != ElementKind::App {
                continue;
            }
            let mut rest = write.resource.split('/').skip_while(|part| *part != "functions").skip(1);
            let name = rest.next().map_or_else(|| named.name.to_owned(), |one| format!("{}/{one}", named.name));
            let known = changed.keys.entry(name).or_insert(write);
            if write.at > known.at {
                *known = write;
            }
        }
        for ((what, from, _), tally) in &observed.flows {
            if *what == What::Reach {
                changed.reaches.entry(from).and_modify(|known| known.add(tally)).or_insert(*tally);
            }
        }
        changed
    }

    /// Returns the newest write to an app or gateway.
    pub fn written(&self, site: &str) -> Option<&'o Write> {
        self.writes.get(site).copied()
    }
}

fn times(tally: &Tally) -> String {
    if tally.count == 1 { "once".to_owned() } else { format!("{} times", tally.count) }
}

fn told(tally: Option<Tally>, says: impl FnOnce(&str) -> String) -> Option<(Tally, String)> {
    tally.map(|tally| {
        let words = says(&times(&tally));
        (tally, words)
    })
}

fn holds(tally: Option<Tally>, says: impl FnOnce(&str) -> String) -> Said {
    Said { holds: told(tally, says), ..Said::default() }
}

fn token_asked(sight: &Glimpse<'_>) -> Said {
    holds(sight.facts.of(Fact::TokenAsked), |n| format!("a request without a valid token was refused {n}"))
}

fn credential_asked(sight: &Glimpse<'_>) -> Said {
    let refused = Tally::sum(sight.facts.of(Fact::KeyAsked), sight.facts.of(Fact::TokenAsked));
    let subscription_alone = sight.meant.is_some_and(|meant| meant.authentication == [Authentication::SubscriptionKey]);
    // Only where records name the subscription of others does none mean that there was none.
    let without = sight.facts.of(Fact::NoSubscription).filter(|_| subscription_alone && sight.names_subscriptions);
    Said {
        against: told(without, |n| format!("answered {n} without a subscription key, which is meant to be asked for")),
        ..holds(refused, |n| format!("a request without a valid key or token was refused {n}"))
    }
}

fn behind_gateway(sight: &Glimpse<'_>) -> Said {
    let past = sight.facts.of(Fact::PastGateway);
    Said {
        against: told(past, |n| format!("answered {n} past the gateway")),
        ..holds(sight.facts.of(Fact::ThroughGateway), |n| format!("called {n} through a gateway"))
    }
}

fn gateway_only(sight: &Glimpse<'_>) -> Said {
    let past = sight.facts.of(Fact::PastGateway);
    let through = sight.facts.of(Fact::ThroughGateway);
    Said {
        against: told(past, |n| format!("answered {n} past the gateway")),
        agrees: told(through, |n| format!("called {n} through a gateway")),
        ..holds(sight.facts.of(Fact::AddressKeptOut), |n| format!("an address was kept out {n}"))
    }
}

fn address_kept_out(sight: &Glimpse<'_>) -> Said {
    holds(sight.facts.of(Fact::AddressKeptOut), |n| format!("an address was kept out {n}"))
}

fn key_written(sight: &Glimpse<'_>) -> Said {
    let own = sight.changed.keys.get(sight.name);
    let newest = own.into_iter().chain(sight.changed.keys.get(sight.site)).max_by_key(|write| write.at);
    let says = |write: &&Write| (Tally::new(1, write.at), format!("a key was written at {}", moment(write.at)));
    Said { holds: newest.map(says), ..Said::default() }
}

fn admin_isolated(sight: &Glimpse<'_>) -> Said {
    let used = Tally::sum(sight.facts.of(Fact::AdminAnswered), sight.facts.of(Fact::ByAdminKey));
    Said { against: told(used, |n| format!("the admin interface or a master key was used {n}")), ..Said::default() }
}

fn identity_used(sight: &Glimpse<'_>) -> Said {
    holds(sight.changed.reaches.get(sight.site).copied(), |n| format!("the app's identity was let in {n}"))
}

fn arrives(sight: &Glimpse<'_>, which: impl Fn(Category) -> bool) -> Said {
    let newest = sight.heard.iter().filter(|heard| which(heard.category)).max_by_key(|heard| heard.newest);
    let says = |heard: &Heard| {
        let tally = Tally { count: heard.records, first: heard.newest, last: heard.newest };
        (tally, format!("{} arrives, the newest of {}", heard.category.name(), moment(heard.newest)))
    };
    Said { holds: newest.map(says), ..Said::default() }
}

fn logs_arrive(sight: &Glimpse<'_>) -> Said {
    arrives(sight, |category| {
        matches!(category, Category::FunctionAppLogs | Category::GatewayLogs | Category::AppRequests)
    })
}

fn access_log_arrives(sight: &Glimpse<'_>) -> Said {
    arrives(sight, |category| category == Category::AppServiceHTTPLogs)
}

fn revalidated(sight: &Glimpse<'_>) -> Said {
    let Some(write) = sight.changed.written(sight.site) else { return Said::default() };
    match sight.read {
        Some(read) if read >= write.at => {
            let says =
                format!("configuration was read at {}, after the last write of {}", moment(read), moment(write.at));
            Said { holds: Some((Tally::new(1, read), says)), ..Said::default() }
        }
        _ => Said::default(),
    }
}

fn login_asked(sight: &Glimpse<'_>) -> Said {
    holds(sight.facts.of(Fact::LoginAsked), |n| format!("a browser was sent to the login page {n}"))
}

fn new_tls(sight: &Glimpse<'_>) -> Said {
    let old = sight.facts.of(Fact::OldTls);
    Said {
        agrees: told(sight.facts.of(Fact::NewTls), |n| format!("called {n} over TLS 1.2 or newer")),
        against: told(old, |n| format!("answered {n} over a TLS before 1.2")),
        holds: None,
    }
}

fn limited(sight: &Glimpse<'_>) -> Said {
    holds(sight.facts.of(Fact::Limited), |n| format!("a call was refused {n}, for a rate or quota was used up"))
}

/// Returns by which proofs requests were answered, for people; `unknown` where no record can tell.
pub fn proofs_told(facts: &Facts) -> Arc<str> {
    let known: Vec<&str> =
        Fact::PROOFS.iter().filter(|fact| facts.of(**fact).is_some()).map(|fact| fact.name()).collect();
    if known.is_empty() { "unknown".into() } else { known.join(", ").into() }
}
