//! Was this event meant to be?
//!
//! An owner has said for apps, gateways and their endpoints who may call them, by which way and with
//! which proof; and what their identities may reach. What nobody said, and what the record can't tell
//! (a key in a header that no log holds), is left open: nothing is guessed. A look is one or two of a
//! hash table, and of the app's routes only those that begin with a variable are tried one by one.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::telemetry::{Category, Intent, Kind, Layer, Outcome};

use super::route::Routes;

/// From where the platform looks after an app: no caller.
const PLATFORM: [&str; 4] = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "168.63.129.16/32"];

/// By which way an endpoint is to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// Straight.
    Straight,
    /// Through gateways that call from these networks; empty where nobody has said from which.
    Gateways(Networks),
}

/// What is meant for an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The ways of proof, a space between two; empty where nobody has said.
    pub authentication: Box<str>,
    /// Who issues its tokens, without a slash at the end; empty: not said.
    pub issuers: Vec<Box<str>>,
    /// What its tokens are for, in the same way.
    pub audiences: Vec<Box<str>>,
    /// By which way it is to be called.
    pub via: Option<Via>,
    /// Origins from which browsers may call, as they are compared; one of them may be `*`.
    pub origins: Option<HashSet<Box<str>>>,
    /// Networks from which it may be called.
    pub networks: Option<Networks>,
}

/// What is meant for an app or a gateway.
#[derive(Debug, Default)]
pub struct IntentSite {
    /// What is meant for all its endpoints.
    pub rule: Arc<Rule>,
    /// Whether the endpoints are all that it has.
    pub complete: bool,
    /// Whether its data is worth more care than most; `None` where nobody speaks of it.
    pub sensitive: bool,
    /// What its identity may reach, lower case.
    pub reaches: Option<HashSet<Box<str>>>,
    /// Its endpoints by name, lower case, and where they are called.
    pub endpoints: Vec<(Box<str>, Option<Box<str>>, Arc<Rule>)>,
}

/// Networks, none within another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// What is meant for all.
#[derive(Debug, Default)]
pub struct Intents {
    apps: HashMap<Box<str>, Site>,
    gateways: HashMap<Box<str>, Site>,
    platform: Networks,
}

#[derive(Debug)]
struct Site {
    rule: Arc<Rule>,
    complete: bool,
    sensitive: bool,
    reaches: Option<HashSet<Box<str>>>,
    /// What several endpoints of one name differ in is not known.
    endpoints: HashMap<Box<str>, Option<Arc<Rule>>>,
    routes: Routes,
}

/// A token that was shown as a credential.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Who issued it.
    pub issuer: Option<&'a str>,
    /// What it is for, a space between two.
    pub audience: Option<&'a str>,
}

/// What an event says that matters here.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// What kind of event.
    pub kind: Kind,
    /// What wrote it.
    pub category: Category,
    /// How it ended.
    pub outcome: Outcome,
    /// The resource's id, lower case.
    pub resource: Option<&'a str>,
    /// The app.
    pub app: Option<&'a str>,
    /// The function, with or without its app.
    pub function: Option<&'a str>,
    /// The gateway.
    pub gateway: Option<&'a str>,
    /// The gateway's operation.
    pub operation: Option<&'a str>,
    /// The HTTP method.
    pub method: Option<&'a str>,
    /// The host that was asked.
    pub host: Option<&'a str>,
    /// The path, without query.
    pub path: Option<&'a str>,
    /// The caller's address.
    pub ip: Option<IpAddr>,
    /// That of the last hop, where the record names another as the caller's.
    pub peer: Option<IpAddr>,
    /// Which layer saw it, by the configuration.
    pub layer: Option<Layer>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// The answer's `Access-Control-Allow-Origin`.
    pub allowed_origin: Option<&'a str>,
    /// Whether a key was shown.
    pub key: bool,
    /// The token that was shown in the `Authorization` header.
    pub token: Option<Shown<'a>>,
    /// The resource that the managed identity belongs to, lower case.
    pub identity: Option<&'a str>,
}

/// An endpoint as an event names it.
enum Endpoint<'i> {
    /// One that is declared; several that differ say nothing.
    Declared(Option<&'i Rule>),
    /// One that is not.
    Undeclared,
    /// What was asked for is none.
    None,
}

impl Networks {
    /// Returns these networks.
    pub fn new(networks: &[IpNet]) -> Self {
        let mut all = IpNet::aggregate(&networks.to_vec());
        all.sort_unstable_by_key(IpNet::network);
        Self(all)
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn hold(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let after = self.0.partition_point(|network| network.network() <= ip);
        after.checked_sub(1).is_some_and(|at| self.0[at].contains(&ip))
    }
}

impl Intents {
    /// Returns what is meant for these apps and gateways (`true`), by their names in lower case.
    pub fn new(sites: impl IntoIterator<Item = (Box<str>, bool, IntentSite)>) -> Self {
        let platform: Vec<IpNet> = PLATFORM.iter().filter_map(|text| text.parse().ok()).collect();
        let mut made = Self { platform: Networks::new(&platform), ..Self::default() };
        for (name, gateway, site) in sites {
            let into = if gateway { &mut made.gateways } else { &mut made.apps };
            into.insert(name, Site::new(site, gateway));
        }
        made
    }

    /// Tells whether nothing is meant.
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty() && self.gateways.is_empty()
    }

    /// Returns what was meant with regard to an event.
    pub fn look(&self, act: &Act<'_>) -> Intent<'_> {
        match act.kind {
            Kind::GatewayRequest | Kind::GatewayConnection => self.request(act, self.gateway(act.gateway)),
            Kind::HttpRequest | Kind::AppRequest => self.request(act, self.app(act.app)),
            Kind::ControlOperation => self.written(act),
            Kind::VaultOperation | Kind::StorageRequest | Kind::DatabaseRequest => {
                Intent { reach: self.reach(act), ..Intent::default() }
            }
            _ => Intent::default(),
        }
    }

    fn app(&self, name: Option<&str>) -> Option<&Site> {
        find(&self.apps, name?)
    }

    fn gateway(&self, name: Option<&str>) -> Option<&Site> {
        find(&self.gateways, name?)
    }

    /// Returns what was meant for what somebody has changed.
    fn written(&self, act: &Act<'_>) -> Intent<'_> {
        let Some(site) = self.app(act.app).or_else(|| self.gateway(act.gateway)) else { return Intent::default() };
        let rule = act.function.map(|function| site.named(function).unwrap_or(Some(&site.rule)));
        let authentication = rule.flatten().and_then(Rule::authentication);
        Intent { authentication, sensitive: Some(site.sensitive), ..Intent::default() }
    }

    fn request<'i>(&'i self, act: &Act<'_>, site: Option<&'i Site>) -> Intent<'i> {
        // The deployment site has paths, keys and ways of its own.
        let Some(site) = site.filter(|_| !act.host.is_some_and(|host| host.contains(".scm."))) else {
            return Intent::default();
        };
        let endpoint = site.endpoint(act);
        let mut says = Intent { sensitive: Some(site.sensitive), ..Intent::default() };
        // What is no endpoint is called by the same way and from the same networks, unless it is open.
        let rule = match endpoint {
            Endpoint::Declared(rule) => {
                says.declared = Some(true);
                rule
            }
            Endpoint::Undeclared => {
                says.declared = site.complete.then_some(false);
                Some(&*site.rule)
            }
            Endpoint::None => Some(&*site.rule),
        };
        let Some(rule) = rule else { return says };
        if !matches!(endpoint, Endpoint::None) {
            says.authentication = rule.authentication();
            says.proof = rule.proof(act);
            says.token = act.token.and_then(|token| rule.token(token));
            says.origin = rule.origin(act);
        }
        if act.kind != Kind::AppRequest && !act.path.is_some_and(super::route::is_open) {
            (says.way, says.network) = self.way(act, rule);
        }
        says
    }

    /// Tells by which way a request came, and whether from a network that is meant.
    fn way(&self, act: &Act<'_>, rule: &Rule) -> (Option<&'static str>, Option<bool>) {
        let connected = act.peer.or(act.ip).filter(|ip| !self.platform.hold(*ip));
        let Some(connected) = connected else { return (None, None) };
        let way = match &rule.via {
            None => None,
            Some(Via::Straight) => Some("straight"),
            Some(Via::Gateways(from)) if !from.is_empty() => {
                Some(if from.hold(connected) { "gateway" } else { "past" })
            }
            Some(Via::Gateways(_)) => act.layer.map(|layer| if layer == Layer::Inner { "gateway" } else { "past" }),
        };
        // Who called a gateway that the record does not say, may be anybody.
        let behind = act.peer.is_none() && (way == Some("gateway") || act.layer == Some(Layer::Inner));
        let client = act.ip.filter(|_| !behind);
        let network = rule.networks.as_ref().zip(client).map(|(networks, ip)| networks.hold(ip));
        (way, network)
    }

    /// Tells whether the identity of an app or gateway may reach what it reached.
    fn reach(&self, act: &Act<'_>) -> Option<bool> {
        let (kind, name) = element(act.identity?)?;
        let site = match kind {
            "microsoft.web/sites" => self.app(Some(name)),
            "microsoft.apimanagement/service" => self.gateway(Some(name)),
            _ => None,
        };
        let (_, target) = element(act.resource?)?;
        Some(site?.reaches.as_ref()?.contains(target))
    }
}

impl Site {
    fn new(site: IntentSite, gateway: bool) -> Self {
        let mut endpoints: HashMap<Box<str>, Option<Arc<Rule>>> = HashMap::new();
        let mut routes = Routes::default();
        for (name, route, rule) in site.endpoints {
            // Events name an operation without its API.
            let short: Box<str> = name.rsplit('/').next().unwrap_or(&name).into();
            if !gateway {
                routes.add(route.as_deref(), &short, rule.clone());
            }
            let known = endpoints.entry(short).or_insert_with(|| Some(rule.clone()));
            if known.as_ref().is_some_and(|known| *known != rule) {
                *known = None;
            }
        }
        Self {
            rule: site.rule,
            complete: site.complete,
            sensitive: site.sensitive,
            reaches: site.reaches,
            endpoints,
            routes,
        }
    }

    /// Returns what is meant for the endpoint of this name, if it is declared.
    fn named(&self, name: &str) -> Option<Option<&Rule>> {
        let short = name.rsplit('/').next().unwrap_or(name);
        find(&self.endpoints, short).map(Option::as_deref)
    }

    fn endpoint(&self, act: &Act<'_>) -> Endpoint<'_> {
        if matches!(act.kind, Kind::GatewayRequest | Kind::GatewayConnection) {
            // Only API Management names operations; the routes of others are none that anybody declares.
            let operation = act.operation.filter(|_| act.category == Category::GatewayLogs);
            return match operation {
                Some(operation) => self.named(operation).map_or(Endpoint::Undeclared, Endpoint::Declared),
                None => Endpoint::None,
            };
        }
        if let Some(function) = act.function {
            // A timer is called by nobody.
            let asked = act.kind == Kind::HttpRequest || act.path.is_some();
            return match self.named(function) {
                Some(rule) => Endpoint::Declared(rule),
                None if asked => Endpoint::Undeclared,
                None => Endpoint::None,
            };
        }
        let Some(path) = act.path else { return Endpoint::None };
        match self.routes.find(path) {
            Some(rule) => Endpoint::Declared(rule),
            None if super::route::is_api(path) => Endpoint::Undeclared,
            None => Endpoint::None,
        }
    }
}

impl Rule {
    fn authentication(&self) -> Option<&str> {
        Some(&*self.authentication).filter(|ways| !ways.is_empty())
    }

    fn takes(&self, way: &str) -> bool {
        self.authentication.split(' ').any(|one| one == way)
    }

    /// Tells whether proof of a sort that is meant was shown. That none was can be told only where the
    /// record would hold it: API Management names the subscription of every key that it takes.
    fn proof(&self, act: &Act<'_>) -> Option<&'static str> {
        let gateway = act.category == Category::GatewayLogs;
        let shown = act.token.is_some() && (self.takes("jwt") || self.takes("easy-auth"))
            || act.key && self.takes(if gateway { "subscription-key" } else { "function-key" });
        let preflight = act.method.is_some_and(|method| method.eq_ignore_ascii_case("OPTIONS"));
        if shown {
            Some("shown")
        } else if gateway
            && !preflight
            && act.outcome == Outcome::Success
            && &*self.authentication == "subscription-key"
        {
            Some("missing")
        } else {
            None
        }
    }

    /// Tells what of a token is not as it is meant.
    fn token(&self, token: Shown<'_>) -> Option<&'static str> {
        let among = |list: &[Box<str>], words: &str| {
            words.split(' ').any(|word| list.iter().any(|one| **one == *word.trim_end_matches('/')))
        };
        let issuer = token.issuer.filter(|_| !self.issuers.is_empty()).map(|one| among(&self.issuers, one));
        let audience = token.audience.filter(|_| !self.audiences.is_empty()).map(|one| among(&self.audiences, one));
        match (issuer, audience) {
            (None, None) => None,
            (Some(false), Some(false)) => Some("issuer audience"),
            (Some(false), _) => Some("issuer"),
            (_, Some(false)) => Some("audience"),
            _ => Some("intended"),
        }
    }

    fn origin(&self, act: &Act<'_>) -> Option<bool> {
        let origins = self.origins.as_ref()?;
        let named = act.origin.or(act.allowed_origin.filter(|allowed| *allowed != "*"))?;
        let named = named.trim_end_matches('/');
        let lower = named.to_ascii_lowercase();
        Some(origins.contains("*") || origins.contains(lower.as_str()))
    }
}

/// Returns provider and type, and the name, of the resource that a lower-case id names or lies below.
fn element(id: &str) -> Option<(&str, &str)> {
    let at = id.rfind("/providers/")? + "/providers/".len();
    let rest = id.get(at..)?;
    let mut slashes = rest.match_indices('/').map(|(at, _)| at);
    let kind = slashes.nth(1)?;
    let end = slashes.next().unwrap_or(rest.len());
    Some((rest.get(..kind)?, rest.get(kind + 1..end).filter(|name| !name.is_empty())?))
}

/// Finds a name, which events write in lower case nearly always.
fn find<'m, T>(map: &'m HashMap<Box<str>, T>, name: &str) -> Option<&'m T> {
    map.get(name).or_else(|| {
        let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
        upper.then(|| map.get(&*name.to_ascii_lowercase())).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "https://login.example/t/v2.0";

    fn rule(authentication: &str) -> Rule {
        Rule { authentication: authentication.into(), ..Rule::default() }
    }

    fn networks(texts: &[&str]) -> Networks {
        Networks::new(&texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    fn set(texts: &[&str]) -> HashSet<Box<str>> {
        texts.iter().map(|text| (*text).into()).collect()
    }

    fn intents() -> Intents {
        let orders = Arc::new(Rule {
            issuers: vec![TENANT.into()],
            audiences: vec!["api://orders".into()],
            via: Some(Via::Gateways(networks(&["203.0.113.70/32"]))),
            origins: Some(set(&["https://shop.example"])),
            networks: Some(networks(&["198.51.100.0/24"])),
            ..rule("jwt")
        });
        let health = Arc::new(Rule { via: Some(Via::Straight), ..rule("anonymous") });
        let app = IntentSite {
            rule: orders.clone(),
            complete: true,
            sensitive: true,
            reaches: Some(set(&["kv-shop"])),
            endpoints: vec![("place".into(), Some("orders/{id:int?}".into()), orders), ("health".into(), None, health)],
        };
        let keyed = Arc::new(rule("subscription-key"));
        let gateway = IntentSite {
            endpoints: vec![
                ("orders/get".into(), None, keyed.clone()),
                ("catalog/get".into(), None, keyed.clone()),
                ("orders/list".into(), None, keyed),
                ("catalog/list".into(), None, Arc::new(rule("jwt"))),
            ],
            ..IntentSite::default()
        };
        Intents::new([("orders-api".into(), false, app), ("apim".into(), true, gateway)])
    }

    fn asked<'a>(path: &'a str, ip: &str) -> Act<'a> {
        Act {
            kind: Kind::HttpRequest,
            category: Category::AppServiceHTTPLogs,
            outcome: Outcome::Success,
            app: Some("orders-api"),
            path: Some(path),
            ip: ip.parse().ok(),
            ..blank()
        }
    }

    fn called(operation: &str) -> Act<'_> {
        Act {
            kind: Kind::GatewayRequest,
            category: Category::GatewayLogs,
            outcome: Outcome::Success,
            gateway: Some("APIM"),
            operation: Some(operation),
            ip: "198.51.100.7".parse().ok(),
            ..blank()
        }
    }

    fn blank<'a>() -> Act<'a> {
        Act {
            kind: Kind::Other,
            category: Category::Other,
            outcome: Outcome::Unknown,
            resource: None,
            app: None,
            function: None,
            gateway: None,
            operation: None,
            method: None,
            host: None,
            path: None,
            ip: None,
            peer: None,
            layer: None,
            origin: None,
            allowed_origin: None,
            key: false,
            token: None,
            identity: None,
        }
    }

    #[test]
    fn an_endpoint_is_known_by_its_route_and_what_is_none_is_called_none() {
        let made = intents();
        let says = |path| {
            let says = made.look(&asked(path, "198.51.100.7"));
            (says.declared, says.authentication)
        };
        assert_eq!(says("/api/Orders/17"), (Some(true), Some("jwt")));
        assert_eq!(says("/api/orders"), (Some(true), Some("jwt")));
        assert_eq!(says("/api/health/"), (Some(true), Some("anonymous")));
        assert_eq!(says("/api/orders/17/items"), (Some(false), Some("jwt")));
        assert_eq!(says("/api/debug"), (Some(false), Some("jwt")));
        assert_eq!(says("/robots.txt"), (None, None), "no function of it");
        assert_eq!(made.look(&Act { app: Some("other"), ..asked("/api/x", "192.0.2.1") }), Intent::default());
    }

    #[test]
    fn operations_of_one_id_that_differ_say_nothing_and_other_gateways_have_none() {
        let made = intents();
        let says = |act: Act<'_>| {
            let says = made.look(&act);
            (says.declared, says.authentication)
        };
        assert_eq!(says(called("Get")), (Some(true), Some("subscription-key")));
        assert_eq!(says(called("list")), (Some(true), None));
        assert_eq!(says(called("purge")), (None, None), "nobody said that these are all");
        assert_eq!(says(Act { category: Category::FrontDoorAccessLog, ..called("get") }), (None, None));
    }

    #[test]
    fn that_no_proof_was_shown_is_said_only_where_the_record_would_hold_it() {
        let made = intents();
        let says = |act: Act<'_>| made.look(&act).proof;
        assert_eq!(says(called("get")), Some("missing"));
        assert_eq!(says(Act { key: true, ..called("get") }), Some("shown"));
        assert_eq!(says(Act { method: Some("OPTIONS"), ..called("get") }), None, "no browser shows a key there");
        assert_eq!(says(Act { outcome: Outcome::Failure, ..called("get") }), None);
        assert_eq!(says(asked("/api/orders", "198.51.100.7")), None, "no header is logged");
        let token = Some(Shown { issuer: None, audience: None });
        assert_eq!(says(Act { token, ..asked("/api/orders", "198.51.100.7") }), Some("shown"));
    }

    #[test]
    fn a_token_is_held_against_issuers_and_audiences() {
        let made = intents();
        let says = |issuer, audience| {
            made.look(&Act { token: Some(Shown { issuer, audience }), ..asked("/api/orders", "198.51.100.7") }).token
        };
        assert_eq!(says(Some(TENANT), Some("api://other api://orders/")), Some("intended"));
        assert_eq!(says(Some("https://evil.example/"), Some("api://orders")), Some("issuer"));
        assert_eq!(says(None, Some("api://other")), Some("audience"));
        assert_eq!(says(Some("x"), Some("y")), Some("issuer audience"));
        assert_eq!(says(None, None), None);
    }

    #[test]
    fn a_way_past_the_gateway_is_told_and_of_whom_a_gateway_speaks_is_not_guessed() {
        let made = intents();
        let says = |act: Act<'_>| {
            let says = made.look(&act);
            (says.way, says.network)
        };
        assert_eq!(says(asked("/api/orders", "198.51.100.7")), (Some("past"), Some(true)));
        assert_eq!(says(asked("/v1/x", "192.0.2.1")), (Some("past"), Some(false)));
        assert_eq!(says(asked("/", "192.0.2.1")), (None, None), "it proves nothing");
        assert_eq!(says(asked("/runtime/webhooks/eventgrid", "192.0.2.1")), (None, None));
        let host = Some("orders-api.scm.azurewebsites.net");
        let deployed = Act { host, ..asked("/api/zipdeploy", "192.0.2.1") };
        assert_eq!(made.look(&deployed), Intent::default(), "the deployment site");
        assert_eq!(says(asked("/api/orders", "203.0.113.70")), (Some("gateway"), None));
        let through = Act { peer: "203.0.113.70".parse().ok(), ..asked("/api/orders", "192.0.2.1") };
        assert_eq!(says(through), (Some("gateway"), Some(false)));
        assert_eq!(says(asked("/api/health", "192.0.2.1")), (Some("straight"), None));
        assert_eq!(says(asked("/api/orders", "169.254.1.1")), (None, None), "the platform calls nobody");
    }

    #[test]
    fn an_origin_that_is_not_meant_is_told_also_where_only_the_answer_names_it() {
        let made = intents();
        let says = |origin, allowed_origin| {
            made.look(&Act { origin, allowed_origin, ..asked("/api/orders", "198.51.100.7") }).origin
        };
        assert_eq!(says(Some("https://Shop.example/"), None), Some(true));
        assert_eq!(says(None, Some("https://evil.example")), Some(false));
        assert_eq!(says(None, Some("*")), None);
    }

    #[test]
    fn an_identity_reaches_what_its_app_may_and_one_that_apps_share_is_nobodys() {
        let made = intents();
        let says = |identity: &str, resource: &str| {
            let (identity, resource) = (Some(identity), Some(resource));
            made.look(&Act { kind: Kind::VaultOperation, identity, resource, ..blank() }).reach
        };
        let app = "/subscriptions/s/resourcegroups/g/providers/microsoft.web/sites/orders-api";
        let vault =
            |name: &str| format!("/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}");
        assert_eq!(says(app, &vault("kv-shop")), Some(true));
        assert_eq!(says(app, &vault("kv-pay/secrets/x")), Some(false));
        let shared = "/subscriptions/s/resourcegroups/g/providers/microsoft.managedidentity/userassignedidentities/id";
        assert_eq!(says(shared, &vault("kv-pay")), None);
    }

    #[test]
    fn what_is_written_is_held_against_what_was_meant_for_the_function() {
        let made = intents();
        let says = |function| {
            let act = Act { kind: Kind::ControlOperation, app: Some("orders-api"), function, ..blank() };
            made.look(&act).authentication
        };
        assert_eq!(says(Some("orders-api/health")), Some("anonymous"));
        assert_eq!(says(Some("orders-api/new")), Some("jwt"), "as its app");
        assert_eq!(says(None), None);
    }
}
