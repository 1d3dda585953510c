//! Was this event meant to be?
//!
//! An owner has said for apps, gateways and their endpoints who may call them, by which way and with
//! which proof; and what their identities may reach. What nobody said, and what the record can't tell
//! (a key in a header that no log holds), is left open: nothing is guessed. Where an event may be of one of
//! several endpoints, only what holds for all of them is said. A slot has ways, networks and an identity of
//! its own, which its app does not declare for it. A look is one or two of a hash table, and of the app's routes only
//! those that begin with a variable are tried one by one.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::telemetry::{Category, Intent, Kind, Layer, Outcome};

use super::networks::Networks;
use super::path::plain_path;
use super::route::Routes;
use super::rule::{Rule, Via};

/// From where the platform looks after an app: no caller.
const PLATFORM: [&str; 4] = ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "168.63.129.16/32"];

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
    /// What stands before the routes of an app, without slashes; `None`: `api`.
    pub prefix: Option<Box<str>>,
    /// Its endpoints by name, lower case, and where they are called.
    pub endpoints: Vec<IntentEndpoint>,
}

/// A function or operation that is declared: its name, lower case, where it is called if that is not its
/// name, and what is meant for it.
pub type IntentEndpoint = (Box<str>, Option<Box<str>>, Arc<Rule>);

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
    prefix: Box<str>,
    /// By the id alone: that of a function, or of an operation in whatever API.
    endpoints: HashMap<Box<str>, Named>,
    routes: Routes,
}

/// What is meant for endpoints of one id.
#[derive(Debug, Default)]
struct Named {
    /// For that which is declared by its id alone.
    bare: Option<Arc<Rule>>,
    /// For those that are declared with their API, by its name, lower case.
    of_api: HashMap<Box<str>, Arc<Rule>>,
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
    /// The API of that operation, without a revision.
    pub api: Option<&'a str>,
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
    /// Whether the record names the Front Door by which it came.
    pub front_door: bool,
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
    /// One that is declared, or one of several that are.
    Declared(Vec<&'i Rule>),
    /// One that is not.
    Undeclared,
    /// One that may be declared.
    Unknown,
    /// What was asked for is none.
    None,
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
            Kind::HttpRequest | Kind::AppRequest => self.request(act, self.slot(act.resource).or(self.app(act.app))),
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

    /// Returns the slot that a lower-case id names, if it is declared: one is called `app/slot`.
    fn slot(&self, id: Option<&str>) -> Option<&Site> {
        let (before, rest) = id?.split_once("/slots/")?;
        let app = before.rsplit('/').next()?;
        let slot = rest.split('/').next()?;
        self.apps.get(&*format!("{app}/{slot}"))
    }

    fn gateway(&self, name: Option<&str>) -> Option<&Site> {
        find(&self.gateways, name?)
    }

    /// Returns what was meant for what somebody has changed.
    fn written(&self, act: &Act<'_>) -> Intent<'_> {
        let site = self.slot(act.resource).or(self.app(act.app)).or_else(|| self.gateway(act.gateway));
        let Some(site) = site else { return Intent::default() };
        let rule = act.function.map(|function| site.function(function).unwrap_or(&site.rule));
        let authentication = rule.and_then(Rule::authentication);
        Intent { authentication, sensitive: Some(site.sensitive), ..Intent::default() }
    }

    fn request<'i>(&'i self, act: &Act<'_>, site: Option<&'i Site>) -> Intent<'i> {
        // The deployment site has paths, keys and ways of its own.
        let Some(site) = site.filter(|_| !act.host.is_some_and(is_deployment)) else { return Intent::default() };
        let says = Intent { sensitive: Some(site.sensitive), ..Intent::default() };
        match site.endpoint(act) {
            Endpoint::Declared(rules) => {
                let says = Intent { declared: Some(true), ..says };
                let each = rules.into_iter().map(|rule| self.held(act, rule, says));
                each.reduce(agreed).unwrap_or(says)
            }
            Endpoint::Unknown => says,
            Endpoint::Undeclared => {
                self.held(act, &site.rule, Intent { declared: site.complete.then_some(false), ..says })
            }
            // What is no endpoint is called by the same way and from the same networks, unless it is open.
            Endpoint::None => {
                let (way, network) = self.way(act, &site.rule);
                Intent { way, network, ..says }
            }
        }
    }

    /// Adds how an event stands to what is meant for its endpoint.
    fn held<'i>(&self, act: &Act<'_>, rule: &'i Rule, says: Intent<'i>) -> Intent<'i> {
        let (way, network) = self.way(act, rule);
        Intent {
            authentication: rule.authentication(),
            proof: rule.proof(act),
            token: act.token.and_then(|token| rule.token(token)),
            origin: rule.origin(act),
            way,
            network,
            ..says
        }
    }

    /// Tells by which way a request came, and whether from a network that is meant.
    fn way(&self, act: &Act<'_>, rule: &Rule) -> (Option<&'static str>, Option<bool>) {
        let open = act.path.is_some_and(|path| super::route::is_open(&plain_path(path)));
        let undeclared = || act.resource.is_some_and(is_slot) && self.slot(act.resource).is_none();
        if act.kind == Kind::AppRequest || open || undeclared() {
            return (None, None);
        }
        let connected = act.peer.or(act.ip).filter(|ip| !self.platform.hold(*ip));
        let Some(connected) = connected else { return (None, None) };
        let way = match &rule.via {
            None => None,
            Some(Via::Straight) => Some("straight"),
            Some(Via::Gateways(from)) if !from.is_empty() => {
                // Of another tenant's Front Door the addresses are the same.
                let foreign = act.front_door && act.layer == Some(Layer::Outer);
                Some(if from.hold(connected) && !foreign { "gateway" } else { "past" })
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
        let identity = act.identity?;
        let (kind, name) = element(identity)?;
        let site = match kind {
            "microsoft.web/sites" if is_slot(identity) => self.slot(Some(identity)),
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
        let prefix = site.prefix.unwrap_or_else(|| "api".into());
        let mut endpoints: HashMap<Box<str>, Named> = HashMap::new();
        let mut routes = Routes::default();
        for (name, route, rule) in site.endpoints {
            let (api, id) = name.rsplit_once('/').map_or((None, &*name), |(api, id)| (Some(api), id));
            if !gateway {
                routes.add(&prefix, route.as_deref(), id, rule.clone());
            }
            let named = endpoints.entry(id.into()).or_default();
            match api {
                Some(api) => _ = named.of_api.insert(api.into(), rule),
                None => named.bare = Some(rule),
            }
        }
        Self {
            rule: site.rule,
            complete: site.complete,
            sensitive: site.sensitive,
            reaches: site.reaches,
            prefix,
            endpoints,
            routes,
        }
    }

    /// Returns what is meant for the function of this name, if it is declared.
    fn function(&self, name: &str) -> Option<&Rule> {
        let id = name.rsplit('/').next().unwrap_or(name);
        find(&self.endpoints, id)?.bare.as_deref()
    }

    /// Returns the operation of this id. One that is declared with its API is that of no other API, and
    /// without its API an event may be of any.
    fn operation(&self, id: &str, api: Option<&str>) -> Endpoint<'_> {
        let Some(named) = find(&self.endpoints, id) else { return Endpoint::Undeclared };
        let rule = match api {
            Some(api) => find(&named.of_api, api).or(named.bare.as_ref()),
            None if !named.of_api.is_empty() => return Endpoint::Unknown,
            None => named.bare.as_ref(),
        };
        rule.map_or(Endpoint::Undeclared, |rule| Endpoint::Declared(vec![rule]))
    }

    fn endpoint(&self, act: &Act<'_>) -> Endpoint<'_> {
        if matches!(act.kind, Kind::GatewayRequest | Kind::GatewayConnection) {
            // Only API Management names operations; the routes of others are none that anybody declares.
            let operation = act.operation.filter(|_| act.category == Category::GatewayLogs);
            return operation.map_or(Endpoint::None, |operation| self.operation(operation, act.api));
        }
        if let Some(function) = act.function {
            // A timer is called by nobody.
            let asked = act.kind == Kind::HttpRequest || act.path.is_some();
            return match self.function(function) {
                Some(rule) => Endpoint::Declared(vec![rule]),
                None if asked => Endpoint::Undeclared,
                None => Endpoint::None,
            };
        }
        let Some(path) = act.path.map(plain_path) else { return Endpoint::None };
        match self.routes.find(&path) {
            rules if !rules.is_empty() => Endpoint::Declared(rules),
            _ if super::route::is_api(&self.prefix, &path) => Endpoint::Undeclared,
            _ => Endpoint::None,
        }
    }
}

/// Returns what both say.
fn agreed<'i>(one: Intent<'i>, other: Intent<'i>) -> Intent<'i> {
    fn both<T: Copy + PartialEq>(one: Option<T>, other: Option<T>) -> Option<T> {
        if one == other { one } else { None }
    }
    Intent {
        authentication: both(one.authentication, other.authentication),
        proof: both(one.proof, other.proof),
        token: both(one.token, other.token),
        declared: both(one.declared, other.declared),
        way: both(one.way, other.way),
        origin: both(one.origin, other.origin),
        network: both(one.network, other.network),
        reach: both(one.reach, other.reach),
        sensitive: both(one.sensitive, other.sensitive),
    }
}

/// Tells whether a lower-case id names a slot of an app.
fn is_slot(id: &str) -> bool {
    id.contains("/slots/")
}

/// Tells whether a host is the deployment site of an app.
fn is_deployment(host: &str) -> bool {
    const END: &str = ".scm.azurewebsites.net";
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let end = host.len().checked_sub(END.len()).and_then(|at| host.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(END))
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
            prefix: None,
            endpoints: vec![("place".into(), Some("orders/{id:int?}".into()), orders), ("health".into(), None, health)],
        };
        let keyed = Arc::new(rule("subscription-key"));
        let gateway = IntentSite {
            endpoints: vec![
                ("get".into(), None, keyed.clone()),
                ("orders/list".into(), None, keyed),
                ("catalog/list".into(), None, Arc::new(rule("jwt"))),
                ("catalog/get".into(), None, Arc::new(rule("anonymous"))),
                ("health".into(), None, Arc::new(rule("anonymous"))),
            ],
            complete: true,
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
            api: Some("orders"),
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
            api: None,
            method: None,
            host: None,
            path: None,
            ip: None,
            peer: None,
            layer: None,
            front_door: false,
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
        assert_eq!(says("/api/%6frders/17"), (Some(true), Some("jwt")), "servers undo that");
        assert_eq!(says("/api/x/%2e%2e/health"), (Some(true), Some("anonymous")));
        assert_eq!(says("/%61pi/debug"), (Some(false), Some("jwt")));
        assert_eq!(says("/api/orders/17/items"), (Some(false), Some("jwt")));
        assert_eq!(says("/api/debug"), (Some(false), Some("jwt")));
        assert_eq!(says("/robots.txt"), (None, None), "no function of it");
        assert_eq!(made.look(&Act { app: Some("other"), ..asked("/api/x", "192.0.2.1") }), Intent::default());
    }

    #[test]
    fn an_operation_is_that_of_its_api_and_without_one_is_not_guessed() {
        let made = intents();
        let says = |act: Act<'_>| {
            let says = made.look(&act);
            (says.declared, says.authentication)
        };
        let of = |api, operation| Act { api, ..called(operation) };
        assert_eq!(says(of(Some("Orders"), "List")), (Some(true), Some("subscription-key")));
        assert_eq!(says(of(Some("catalog"), "list")), (Some(true), Some("jwt")));
        assert_eq!(says(of(Some("admin"), "list")), (Some(false), None), "that of other APIs is not its own");
        assert_eq!(says(of(None, "list")), (None, None), "it may be either");
        assert_eq!(says(of(None, "get")), (None, None), "it may be that of the catalogue");
        assert_eq!(says(of(Some("orders"), "get")), (Some(true), Some("subscription-key")), "by its id alone");
        assert_eq!(says(of(Some("catalog"), "get")), (Some(true), Some("anonymous")));
        assert_eq!(says(of(None, "health")), (Some(true), Some("anonymous")));
        assert_eq!(says(of(None, "purge")), (Some(false), None));
        assert_eq!(says(Act { category: Category::FrontDoorAccessLog, ..called("get") }), (None, None));
    }

    #[test]
    fn of_functions_that_share_a_route_is_said_what_holds_for_each() {
        let of = |authentication: &str, origin: &str| Rule {
            via: Some(Via::Straight),
            networks: Some(networks(&["198.51.100.0/24"])),
            origins: Some(set(&[origin])),
            ..rule(authentication)
        };
        let endpoint = |name: &str, rule| (name.into(), Some("orders".into()), Arc::new(rule));
        let app = IntentSite {
            endpoints: vec![
                endpoint("read", of("anonymous", "https://shop.example")),
                endpoint("write", of("jwt", "https://admin.example")),
            ],
            prefix: Some("v1".into()),
            complete: true,
            ..IntentSite::default()
        };
        let made = Intents::new([("orders-api".into(), false, app)]);
        let origin = Some("https://shop.example");
        let act = Act { origin, allowed_origin: origin, ..asked("/v1/orders", "192.0.2.1") };
        let says = made.look(&act);
        assert_eq!((says.declared, says.way, says.network), (Some(true), Some("straight"), Some(false)));
        assert_eq!((says.authentication, says.origin), (None, None));
        assert_eq!(made.look(&asked("/v1/debug", "192.0.2.1")).declared, Some(false));
        assert_eq!(made.look(&asked("/api/debug", "192.0.2.1")).declared, None, "no route of it lies there");
    }

    #[test]
    fn a_slot_has_ways_networks_and_an_identity_of_its_own() {
        let made = intents();
        let slot = "/subscriptions/s/resourcegroups/g/providers/microsoft.web/sites/orders-api/slots/staging";
        let says = made.look(&Act { resource: Some(slot), ..asked("/api/orders", "192.0.2.1") });
        assert_eq!((says.way, says.network), (None, None));
        assert_eq!((says.declared, says.authentication), (Some(true), Some("jwt")));
        let vault = Some("/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/kv-test");
        let act = Act { kind: Kind::VaultOperation, identity: Some(slot), resource: vault, ..blank() };
        assert_eq!(made.look(&act).reach, None);
    }

    #[test]
    fn a_slot_that_is_declared_is_held_against_its_own_ways_networks_and_reach() {
        let own = Arc::new(Rule { networks: Some(networks(&["192.0.2.0/24"])), ..rule("function-key") });
        let slot = IntentSite { rule: own, reaches: Some(set(&["kv-test"])), ..IntentSite::default() };
        let app = IntentSite { rule: Arc::new(rule("jwt")), ..IntentSite::default() };
        let made = Intents::new([("orders-api".into(), false, app), ("orders-api/staging".into(), false, slot)]);
        let id = "/subscriptions/s/resourcegroups/g/providers/microsoft.web/sites/orders-api/slots/staging";
        let says = |ip| {
            let says = made.look(&Act { resource: Some(id), ..asked("/api/orders", ip) });
            (says.authentication, says.network)
        };
        assert_eq!(says("192.0.2.1"), (Some("function-key"), Some(true)));
        assert_eq!(says("198.51.100.7"), (Some("function-key"), Some(false)));
        assert_eq!(made.look(&asked("/api/orders", "198.51.100.7")).authentication, Some("jwt"), "production");
        let vault =
            |name: &str| format!("/subscriptions/s/resourcegroups/g/providers/microsoft.keyvault/vaults/{name}");
        let reach = |name: &str| {
            let resource = vault(name);
            made.look(&Act { kind: Kind::VaultOperation, identity: Some(id), resource: Some(&resource), ..blank() })
                .reach
        };
        assert_eq!((reach("kv-test"), reach("kv-shop")), (Some(true), Some(false)));
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
        let keyed = Rule { issuers: vec![TENANT.into()], ..rule("function-key") };
        assert_eq!(keyed.token(Shown { issuer: Some("x"), audience: None }), None, "it takes no token");
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
        let named = Act { host: Some("orders.scm.example"), ..asked("/api/orders", "192.0.2.1") };
        assert_eq!(made.look(&named).way, Some("past"), "a name that looks like one");
        assert_eq!(says(asked("/api/orders", "203.0.113.70")), (Some("gateway"), None));
        let through = Act { peer: "203.0.113.70".parse().ok(), ..asked("/api/orders", "192.0.2.1") };
        assert_eq!(says(through), (Some("gateway"), Some(false)));
        assert_eq!(says(asked("/api/health", "192.0.2.1")), (Some("straight"), None));
        assert_eq!(says(asked("/api/orders", "169.254.1.1")), (None, None), "the platform calls nobody");
    }

    #[test]
    fn the_origin_that_was_allowed_is_judged_and_of_any_the_one_that_asked() {
        let made = intents();
        let says = |origin, allowed_origin| {
            made.look(&Act { origin, allowed_origin, ..asked("/api/orders", "198.51.100.7") }).origin
        };
        let (shop, evil) = (Some("https://shop.example"), Some("https://evil.example"));
        assert_eq!(says(Some("https://Shop.example/"), Some("*")), Some(true));
        assert_eq!(says(evil, Some("*")), Some(false));
        assert_eq!(says(evil, Some("https://Evil.example")), Some(false), "the answer reflects it");
        assert_eq!(says(None, evil), Some(false));
        assert_eq!(says(evil, shop), Some(true), "the page that asked may not read it");
        assert_eq!(says(shop, evil), None, "nor that one");
        for nothing in [None, Some("")] {
            assert_eq!(says(evil, nothing), None);
            assert_eq!(says(nothing, Some("*")), None);
            assert_eq!(says(nothing, evil), Some(false));
        }
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
