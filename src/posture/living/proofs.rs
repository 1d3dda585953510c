//! What do events prove of a control?
//!
//! A [`Proof`] reads what was observed of a part and says what holds the control and what speaks against
//! it, each with how often and when; never more than the records tell. What speaks against it decides
//! until ten minutes have passed without it and something newer refused the same or set it right: then the
//! control has healed. That ordinary calls go on proves nothing of a door that stood open.

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

/// What arrives proves that logs are sent for this long.
const ARRIVES_WITHIN: Duration = Duration::from_hours(24);
/// A key that was written proves that keys are rotated for this long, as
/// `control-plane.key_rotation_overdue` has it.
const KEYS_LAST: Duration = Duration::from_hours(90 * 24);

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
    /// Calls were refused for their rate.
    Limited = "limited" => limited,
    /// Calls were refused, for a quota was used up.
    QuotaUsedUp = "quota-used-up" => quota_used_up,
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
    /// Whether it is or belongs to a gateway.
    pub gateway: bool,
    /// The newest event time.
    pub now: Option<Timestamp>,
    /// What was seen last before then does not count any more; without it all does.
    pub from: Option<Timestamp>,
    /// When configuration was read, event time.
    pub read: Option<Timestamp>,
    /// Whether its gateway's records name subscriptions at all.
    pub names_subscriptions: bool,
    /// Writes and what identities reach.
    pub changed: &'s Changed<'s>,
}

impl Glimpse<'_> {
    /// Returns how often something was so, if it still counts.
    fn of(&self, fact: Fact) -> Option<Tally> {
        self.facts.of(fact).filter(|tally| self.counts(tally.last))
    }

    /// Tells whether what was seen last at `at` still counts.
    pub(super) fn counts(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from)
    }
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
    /// Refusals of the same sort as what proves the contrary: one that is newer has healed it.
    pub refused: Option<Tally>,
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
            let renews = write.operation.contains("key") && write.operation.ends_with("/write");
            if !renews || named.kind != ElementKind::App {
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
    holds(sight.of(Fact::TokenAsked), |n| format!("a request without a valid token was refused {n}"))
}

fn credential_asked(sight: &Glimpse<'_>) -> Said {
    let refused = Tally::sum(sight.of(Fact::KeyAsked), sight.of(Fact::TokenAsked));
    let subscription_alone = sight.meant.is_some_and(|meant| meant.authentication == [Authentication::SubscriptionKey]);
    // Only where records name the subscription of others does none mean that there was none.
    let without = sight.of(Fact::NoSubscription).filter(|_| subscription_alone && sight.names_subscriptions);
    Said {
        against: told(without, |n| format!("answered {n} without a subscription key, which is meant to be asked for")),
        refused: sight.of(Fact::KeyAsked),
        ..holds(refused, |n| format!("a request without a valid key or token was refused {n}"))
    }
}

fn behind_gateway(sight: &Glimpse<'_>) -> Said {
    let past = sight.of(Fact::PastGateway);
    Said {
        against: told(past, |n| format!("let in {n} past the gateway")),
        refused: sight.of(Fact::AddressKeptOut),
        ..holds(sight.of(Fact::ThroughGateway), |n| format!("called {n} through a gateway"))
    }
}

fn gateway_only(sight: &Glimpse<'_>) -> Said {
    let past = sight.of(Fact::PastGateway);
    let through = told(sight.of(Fact::ThroughGateway), |n| format!("called {n} through a gateway"));
    // That one address was kept out says of no other that it is.
    let kept_out = sight.of(Fact::AddressKeptOut);
    Said {
        against: told(past, |n| format!("let in {n} past the gateway")),
        agrees: through.or_else(|| told(kept_out, |n| format!("an address was kept out {n}"))),
        refused: kept_out,
        holds: None,
    }
}

fn address_kept_out(sight: &Glimpse<'_>) -> Said {
    holds(sight.of(Fact::AddressKeptOut), |n| format!("an address was kept out {n}"))
}

fn key_written(sight: &Glimpse<'_>) -> Said {
    let own = sight.changed.keys.get(sight.name);
    let young = |write: &&&Write| sight.now.is_none_or(|now| now < write.at.plus(KEYS_LAST));
    let newest = own.into_iter().chain(sight.changed.keys.get(sight.site)).filter(young).max_by_key(|write| write.at);
    let says = |write: &&Write| (Tally::new(1, write.at), format!("a key was written at {}", moment(write.at)));
    Said { holds: newest.map(says), ..Said::default() }
}

fn admin_isolated(sight: &Glimpse<'_>) -> Said {
    let used = Tally::sum(sight.of(Fact::AdminAnswered), sight.of(Fact::ByAdminKey));
    Said { against: told(used, |n| format!("the admin interface or a master key was used {n}")), ..Said::default() }
}

fn identity_used(sight: &Glimpse<'_>) -> Said {
    let reached = sight.changed.reaches.get(sight.site).copied();
    holds(reached.filter(|tally| sight.counts(tally.last)), |n| format!("the app's identity was let in {n}"))
}

/// Returns that each of these categories arrives, by the one that is the longest ago.
fn arrive(sight: &Glimpse<'_>, all: &[Category]) -> Said {
    let fresh = |heard: &&Heard| sight.now.is_none_or(|now| now < heard.newest.plus(ARRIVES_WITHIN));
    let of = |category: &Category| sight.heard.iter().filter(fresh).find(|heard| heard.category == *category);
    let Some(arrives) = all.iter().map(of).collect::<Option<Vec<&Heard>>>() else { return Said::default() };
    let Some(oldest) = arrives.into_iter().min_by_key(|heard| heard.newest) else { return Said::default() };
    let names: Vec<&str> = all.iter().map(|category| category.name()).collect();
    let does = if names.len() == 1 { "arrives" } else { "arrive" };
    let tally = Tally { count: oldest.records, first: oldest.newest, last: oldest.newest };
    let says = format!("{} {does}, the newest of {}", names.join(" and "), moment(oldest.newest));
    Said { holds: Some((tally, says)), ..Said::default() }
}

fn logs_arrive(sight: &Glimpse<'_>) -> Said {
    if sight.gateway {
        arrive(sight, &[Category::GatewayLogs])
    } else {
        arrive(sight, &[Category::AppServiceHTTPLogs, Category::FunctionAppLogs])
    }
}

fn access_log_arrives(sight: &Glimpse<'_>) -> Said {
    arrive(sight, &[Category::AppServiceAuditLogs, Category::AppServiceIPSecAuditLogs])
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
    holds(sight.of(Fact::LoginAsked), |n| format!("a browser was sent to the login page {n}"))
}

fn new_tls(sight: &Glimpse<'_>) -> Said {
    let old = sight.of(Fact::OldTls);
    Said {
        agrees: told(sight.of(Fact::NewTls), |n| format!("called {n} over TLS 1.2 or newer")),
        against: told(old, |n| format!("answered {n} over a TLS before 1.2")),
        ..Said::default()
    }
}

fn limited(sight: &Glimpse<'_>) -> Said {
    holds(sight.of(Fact::RateUsedUp), |n| format!("a call was refused {n}, for a rate was used up"))
}

fn quota_used_up(sight: &Glimpse<'_>) -> Said {
    holds(sight.of(Fact::QuotaUsedUp), |n| format!("a call was refused {n}, for a quota was used up"))
}

/// Returns by which proofs requests were answered, for people; `unknown` where no record can tell.
pub fn proofs_told(facts: &Facts) -> Arc<str> {
    let known: Vec<&str> =
        Fact::PROOFS.iter().filter(|fact| facts.of(**fact).is_some()).map(|fact| fact.name()).collect();
    if known.is_empty() { "unknown".into() } else { known.join(", ").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_795_442_400);

    #[derive(Default)]
    struct Given<'g> {
        facts: &'g [Fact],
        /// Which categories came, and how many hours ago.
        heard: &'g [(Category, u64)],
        gateway: bool,
        observed: Observed,
    }

    fn holds(proof: Proof, given: &Given<'_>) -> bool {
        let mut facts = Facts::default();
        for fact in given.facts {
            facts.add(fact.bit(), &Tally::new(1, NOW));
        }
        let hear = |(category, hours): &(Category, u64)| {
            let mut heard = Heard::nothing(*category);
            heard.hear(NOW.minus(Duration::from_hours(*hours)), 1, None);
            heard
        };
        let heard: Vec<Heard> = given.heard.iter().map(hear).collect();
        let changed = Changed::of(&given.observed);
        let sight = Glimpse {
            name: "shop",
            site: "shop",
            facts: &facts,
            heard: &heard,
            meant: None,
            gateway: given.gateway,
            now: Some(NOW),
            from: None,
            read: None,
            names_subscriptions: false,
            changed: &changed,
        };
        proof.of(&sight).holds.is_some()
    }

    #[test]
    fn logs_are_held_by_the_very_categories_and_while_they_arrive() {
        use Category::{
            AppRequests, AppServiceAuditLogs, AppServiceHTTPLogs, AppServiceIPSecAuditLogs, FunctionAppLogs,
        };
        let held = |proof, heard: &[(Category, u64)]| holds(proof, &Given { heard, ..Given::default() });
        assert!(held(Proof::LogsArrive, &[(AppServiceHTTPLogs, 1), (FunctionAppLogs, 2)]));
        assert!(!held(Proof::LogsArrive, &[(AppServiceHTTPLogs, 1), (AppRequests, 0)]), "another log");
        assert!(!held(Proof::LogsArrive, &[(AppServiceHTTPLogs, 1), (FunctionAppLogs, 25)]), "it came yesterday");
        assert!(!held(Proof::AccessLogArrives, &[(AppServiceHTTPLogs, 0)]), "it is another log");
        assert!(held(Proof::AccessLogArrives, &[(AppServiceAuditLogs, 0), (AppServiceIPSecAuditLogs, 0)]));
        let app = [(AppServiceHTTPLogs, 0), (FunctionAppLogs, 0)];
        assert!(!holds(Proof::LogsArrive, &Given { heard: &app, gateway: true, ..Given::default() }));
    }

    #[test]
    fn one_refusal_holds_no_more_than_it_proves() {
        let held = |proof, fact| holds(proof, &Given { facts: &[fact], ..Given::default() });
        assert!(held(Proof::Limited, Fact::RateUsedUp) && !held(Proof::QuotaUsedUp, Fact::RateUsedUp));
        assert!(held(Proof::QuotaUsedUp, Fact::QuotaUsedUp) && !held(Proof::Limited, Fact::QuotaUsedUp));
        assert!(!held(Proof::GatewayOnly, Fact::AddressKeptOut), "others may come in");
    }

    #[test]
    fn a_key_that_was_written_long_ago_or_deleted_holds_nothing() {
        let resource: Arc<str> = "/providers/microsoft.web/sites/shop/functions/pay/keys/k".into();
        let held = |operation: &str, days: u64| {
            let at = NOW.minus(Duration::from_hours(24 * days));
            let (by, from) = ("a".into(), "b".into());
            let write = Write { resource: resource.clone(), operation: operation.into(), by, from, at };
            let mut observed = Observed::default();
            observed.writes.insert(resource.clone(), write);
            let changed = Changed::of(&observed);
            let facts = Facts::default();
            let sight = Glimpse {
                name: "shop/pay",
                site: "shop",
                facts: &facts,
                heard: &[],
                meant: None,
                gateway: false,
                now: Some(NOW),
                from: None,
                read: None,
                names_subscriptions: false,
                changed: &changed,
            };
            Proof::KeyWritten.of(&sight).holds.is_some()
        };
        assert!(held("microsoft.web/sites/functions/keys/write", 89));
        assert!(!held("microsoft.web/sites/functions/keys/write", 91), "it is overdue");
        assert!(!held("microsoft.web/sites/functions/keys/delete", 1));
    }
}
