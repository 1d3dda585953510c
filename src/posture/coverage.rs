//! What does an element not send, and who is blind for it?
//!
//! A detector is told of kinds of events. It is blind to an element if none of its kinds comes from
//! there and at least one could: what an element can send is the table below, so that no gateway is
//! blamed for the logs of an app. A kind that another layer tells of (the gateway in front of an
//! app) is seen, if only in part. As many findings as detectors and categories.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::telemetry::{Category, Kind};

use super::{ElementKind, Heard};

/// A detector and the kinds of event it is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The detector's id.
    pub detector: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// The kinds; empty for a detector that takes any.
    pub kinds: Vec<Kind>,
}

/// On what it depends whether an element can send a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terms {
    /// On nothing.
    Always,
    /// Whether Consumption plans write it has not been established.
    DedicatedPlans,
    /// Written by Windows plans alone.
    WindowsPlans,
    /// Written from the Premium tier up.
    PremiumPlans,
    /// The app reports to Application Insights, and that has a diagnostic setting of its own.
    ApplicationInsights,
    /// The gateway has a firewall.
    Firewall,
    /// There are `WebSocket` APIs.
    WebSockets,
    /// Auditing is switched on.
    Auditing,
    /// The tenant has a Premium licence of Entra.
    EntraPremium,
}

impl Terms {
    /// Returns what to know before one switches it on; empty if nothing.
    pub const fn note(self) -> &'static str {
        match self {
            Self::Always => "",
            Self::DedicatedPlans => {
                "Azure may not write it on Consumption plans: there, send AppRequests or watch the gateway in front."
            }
            Self::WindowsPlans => "Windows plans only, and not Consumption.",
            Self::PremiumPlans => "From the Premium tier up.",
            Self::ApplicationInsights => "From the Application Insights resource that the app reports to.",
            Self::Firewall => "If it has a firewall.",
            Self::WebSockets => "If it has WebSocket APIs.",
            Self::Auditing => "Auditing must be switched on for the server.",
            Self::EntraPremium => "With a Premium licence of Entra.",
        }
    }

    /// Tells whether many elements rightly never send it, so that its absence proves nothing.
    const fn in_doubt(self) -> bool {
        !matches!(self, Self::Always | Self::DedicatedPlans | Self::Auditing)
    }
}

type Row = (Category, Terms);

const APP: &[Row] = &[
    (Category::FunctionAppLogs, Terms::Always),
    (Category::AppServiceHTTPLogs, Terms::DedicatedPlans),
    (Category::AppServiceAuditLogs, Terms::Always),
    (Category::AppServiceIPSecAuditLogs, Terms::Always),
    (Category::AppServicePlatformLogs, Terms::Always),
    (Category::AppServiceConsoleLogs, Terms::Always),
    (Category::AppServiceAppLogs, Terms::Always),
    (Category::AppServiceAuthenticationLogs, Terms::WindowsPlans),
    (Category::AppServiceFileAuditLogs, Terms::PremiumPlans),
    (Category::AppServiceAntivirusScanAuditLogs, Terms::PremiumPlans),
    (Category::AppRequests, Terms::ApplicationInsights),
    (Category::AppDependencies, Terms::ApplicationInsights),
    (Category::AppTraces, Terms::ApplicationInsights),
    (Category::AppExceptions, Terms::ApplicationInsights),
];
const API_MANAGEMENT: &[Row] =
    &[(Category::GatewayLogs, Terms::Always), (Category::WebSocketConnectionLogs, Terms::WebSockets)];
const FRONT_DOOR: &[Row] =
    &[(Category::FrontDoorAccessLog, Terms::Always), (Category::FrontDoorWebApplicationFirewallLog, Terms::Firewall)];
const APPLICATION_GATEWAY: &[Row] = &[
    (Category::ApplicationGatewayAccessLog, Terms::Always),
    (Category::ApplicationGatewayFirewallLog, Terms::Firewall),
];
const KEY_VAULT: &[Row] = &[(Category::AuditEvent, Terms::Always)];
const STORAGE: &[Row] = &[
    (Category::StorageRead, Terms::Always),
    (Category::StorageWrite, Terms::Always),
    (Category::StorageDelete, Terms::Always),
];
const SQL: &[Row] = &[(Category::SQLSecurityAuditEvents, Terms::Auditing)];
const COSMOS: &[Row] = &[(Category::DataPlaneRequests, Terms::Always)];
const SUBSCRIPTION: &[Row] = &[(Category::ActivityLog, Terms::Always)];
const TENANT: &[Row] = &[
    (Category::SignInLogs, Terms::EntraPremium),
    (Category::NonInteractiveUserSignInLogs, Terms::EntraPremium),
    (Category::ServicePrincipalSignInLogs, Terms::EntraPremium),
    (Category::ManagedIdentitySignInLogs, Terms::EntraPremium),
    (Category::AuditLogs, Terms::Always),
];

impl ElementKind {
    /// Returns the categories that such an element can send, the most telling first, and on what
    /// that depends.
    pub const fn sends(self) -> &'static [(Category, Terms)] {
        match self {
            Self::App => APP,
            Self::ApiManagement => API_MANAGEMENT,
            Self::FrontDoor => FRONT_DOOR,
            Self::ApplicationGateway => APPLICATION_GATEWAY,
            Self::KeyVault => KEY_VAULT,
            Self::Storage => STORAGE,
            Self::Sql => SQL,
            Self::Cosmos => COSMOS,
            Self::Subscription => SUBSCRIPTION,
            Self::Tenant => TENANT,
        }
    }
}

/// A category that detectors need and that does not come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The category.
    pub category: Category,
    /// On what it depends whether it can come.
    pub terms: Terms,
    /// Detectors that see nothing of the element without it, by their place among the needs.
    pub blind: Vec<usize>,
    /// Detectors that see what other layers tell, by their place among the needs.
    pub partly: Vec<usize>,
}

impl Missing {
    /// Tells whether detectors are blind for its absence, and it should be there.
    pub fn blinds(&self) -> bool {
        !self.blind.is_empty() && !self.terms.in_doubt()
    }

    /// Returns the sentence: `fn-orders sends no AppServiceHTTPLogs: nine detectors are blind to it.`
    pub fn says(&self, name: &str) -> String {
        let category = self.category.name();
        let mut says = format!("{name} sends no {category}: ");
        let many = |n: usize| if n == 1 { "one detector".to_owned() } else { format!("{} detectors", word(n)) };
        let (are, sees) =
            (if self.blind.len() == 1 { "is" } else { "are" }, if self.partly.len() == 1 { "sees" } else { "see" });
        if !self.blind.is_empty() {
            _ = write!(says, "{} {are} blind to it", many(self.blind.len()));
        }
        if !self.partly.is_empty() {
            let who = if self.blind.is_empty() {
                many(self.partly.len())
            } else {
                format!(", {} more", word(self.partly.len()))
            };
            _ = write!(says, "{who} {sees} only what other layers tell");
        }
        says.push('.');
        says
    }
}

/// An element must have been heard of for this long (event time) before its silences mean anything.
const LISTENS_FIRST: Duration = Duration::from_mins(10);

/// Tells whether an element first heard of at `first` is too new to say what it does not send, the
/// newest event of all being of `newest`.
pub fn too_early(first: Timestamp, newest: Option<Timestamp>) -> bool {
    newest.is_none_or(|newest| newest < first.plus(LISTENS_FIRST))
}

/// What does not come from an element, the worst first.
pub fn missing(kind: ElementKind, heard: &[Heard], needs: &[Need]) -> Vec<Missing> {
    let hears = |wanted: Category| heard.iter().any(|heard| heard.category == wanted);
    let seen = heard.iter().fold(0, |seen, heard| seen | makes(heard.category));
    let can = kind.sends().iter().fold(0, |can, (category, _)| can | makes(*category));
    let mut missing: Vec<Missing> = Vec::new();
    for (place, need) in needs.iter().enumerate() {
        let wants = need.kinds.iter().fold(0, |wants, kind| wants | bit(*kind));
        let lacks = wants & can & !seen;
        for lacked in need.kinds.iter().filter(|kind| lacks & bit(**kind) != 0) {
            let makers =
                kind.sends().iter().filter(|(category, _)| category.makes().contains(lacked) && !hears(*category));
            let Some(&(category, terms)) = makers.min_by_key(|(_, terms)| terms.in_doubt()) else { continue };
            let at = missing.iter().position(|known| known.category == category).unwrap_or_else(|| {
                missing.push(Missing { category, terms, blind: Vec::new(), partly: Vec::new() });
                missing.len() - 1
            });
            let list = if wants & seen == 0 { &mut missing[at].blind } else { &mut missing[at].partly };
            if list.last() != Some(&place) {
                list.push(place);
            }
        }
    }
    missing.sort_by_key(|one| (!one.blinds(), std::cmp::Reverse(one.blind.len()), std::cmp::Reverse(one.partly.len())));
    missing
}

fn bit(kind: Kind) -> u64 {
    1 << (kind as u32)
}

fn makes(category: Category) -> u64 {
    category.makes().iter().fold(0, |all, kind| all | bit(*kind))
}

fn word(number: usize) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    WORDS.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(all: &[&[Kind]]) -> Vec<Need> {
        let need = |kinds: &&[Kind]| Need { detector: "a.b".into(), title: "T".into(), kinds: kinds.to_vec() };
        all.iter().map(need).collect()
    }

    fn shown(kind: ElementKind, heard: &[Category], all: &[&[Kind]]) -> Vec<String> {
        let heard: Vec<_> = heard.iter().copied().map(Heard::nothing).collect();
        missing(kind, &heard, &needs(all)).iter().map(|one| one.says("x")).collect()
    }

    const REQUESTS: &[Kind] = &[Kind::GatewayRequest, Kind::HttpRequest];

    #[test]
    fn an_app_without_its_access_log_blinds_those_who_need_requests() {
        let found = shown(
            ElementKind::App,
            &[Category::FunctionAppLogs],
            &[REQUESTS, &[Kind::HttpRequest], &[Kind::GatewayRequest], &[Kind::FunctionLog], &[Kind::ControlOperation]],
        );
        assert_eq!(found, ["x sends no AppServiceHTTPLogs: two detectors are blind to it."]);
    }

    #[test]
    fn what_the_gateway_in_front_tells_is_seen_in_part() {
        let heard = [Category::FunctionAppLogs, Category::GatewayLogs];
        let found = shown(ElementKind::App, &heard, &[REQUESTS, REQUESTS, &[Kind::HttpRequest]]);
        assert_eq!(
            found,
            ["x sends no AppServiceHTTPLogs: one detector is blind to it, two more see only what other layers tell."]
        );
    }

    #[test]
    fn a_gateway_is_not_blamed_for_what_apps_send() {
        assert!(
            shown(ElementKind::ApiManagement, &[Category::GatewayLogs], &[REQUESTS, &[Kind::FunctionLog]]).is_empty()
        );
        assert_eq!(
            shown(ElementKind::ApiManagement, &[], &[REQUESTS, &[Kind::FunctionLog]]),
            ["x sends no GatewayLogs: one detector is blind to it."]
        );
        assert!(
            shown(ElementKind::App, &[Category::FunctionAppLogs], &[&[Kind::GatewayRequest], &[Kind::FirewallMatch]])
                .is_empty()
        );
    }

    #[test]
    fn a_detector_that_takes_any_kind_is_not_blind() {
        assert!(shown(ElementKind::App, &[], &[&[]]).is_empty());
    }

    #[test]
    fn what_may_rightly_be_absent_blinds_nobody_for_sure() {
        let heard = [Heard::nothing(Category::FrontDoorAccessLog)];
        let found = missing(ElementKind::FrontDoor, &heard, &needs(&[&[Kind::FirewallMatch]]));
        assert_eq!(found.len(), 1);
        assert!(!found[0].blinds() && found[0].terms.note() == "If it has a firewall.");
        let found = missing(ElementKind::App, &[], &needs(&[&[Kind::FileChange]]));
        assert!(!found[0].blinds());
    }

    #[test]
    fn of_several_categories_the_one_that_every_plan_writes_is_named() {
        // Easy Auth's own log is of Windows plans; the access log tells of sign-ins everywhere.
        let found = missing(ElementKind::App, &[], &needs(&[&[Kind::SignIn]]));
        assert_eq!(found[0].category, Category::AppServiceHTTPLogs);
    }

    #[test]
    fn the_worst_comes_first() {
        let found = shown(
            ElementKind::App,
            &[],
            &[&[Kind::FileChange], &[Kind::FunctionLog], &[Kind::HttpRequest], &[Kind::HttpRequest]],
        );
        let order: Vec<_> = found.iter().map(|says| says.split([' ', ':']).nth(3).unwrap()).collect();
        assert_eq!(order, ["AppServiceHTTPLogs", "FunctionAppLogs", "AppServiceFileAuditLogs"]);
    }

    #[test]
    fn every_category_of_azure_is_sent_by_some_element_and_none_twice() {
        let all: Vec<Category> =
            ElementKind::ALL.into_iter().flat_map(|kind| kind.sends().iter().map(|(category, _)| *category)).collect();
        for category in Category::ALL {
            let of_no_resource = matches!(category, Category::OtlpLogs | Category::Other);
            let times = all.iter().filter(|sent| **sent == category).count();
            assert_eq!(times, usize::from(!of_no_resource), "{}", category.name());
        }
    }
}
