//! What lies behind what, and so: who called, and which layer saw it?
//!
//! A request that came through three layers is in three logs. It counts on the outermost: what an
//! app sees of it is marked [`Layer::Inner`] if its caller was a gateway that the configuration
//! puts in front of the app, and [`Layer::Outer`] if it came past that gateway. Of an app that is not
//! configured nothing is said. It holds what the configuration names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Range;

use crate::telemetry::{Kind, Layer, address};

use super::hops::{Hops, Reached};
use super::settings::{AppSettings, ClientSettings, GatewaySettings, Hop};

/// What an event says that matters here.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What kind of event.
    pub kind: Kind,
    /// The app, lower case.
    pub app: Option<&'a str>,
    /// The gateway, lower case.
    pub gateway: Option<&'a str>,
    /// Who called, as the layer that wrote the record saw it.
    pub peer: Option<IpAddr>,
    /// For whom: the chain of `X-Forwarded-For`.
    pub forwarded: Option<&'a str>,
    /// `X-Azure-ClientIP`.
    pub front_door_client: Option<&'a str>,
    /// `X-Azure-SocketIP`.
    pub front_door_socket: Option<&'a str>,
    /// `X-Azure-FDID`.
    pub front_door_id: Option<&'a str>,
}

/// What follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The client, where it is not the one that called.
    pub client: Option<Client>,
    /// Which layer saw it, where the app or gateway lies behind another.
    pub layer: Option<Layer>,
}

/// The client behind the hops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// Its port, where a hop wrote it.
    pub port: Option<u16>,
    /// Which text names it.
    pub written: Where,
    /// Where in that text.
    pub at: Range<usize>,
}

/// A text that names a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// The forwarded chain.
    Forwarded,
    /// `X-Azure-SocketIP`.
    FrontDoorSocket,
    /// `X-Azure-ClientIP`.
    FrontDoorClient,
}

/// What lies behind what, and which hops are believed.
#[derive(Clone, Debug)]
pub struct Topology {
    /// What is believed of apps and gateways that are not named.
    usual: Hops,
    apps: HashMap<Box<str>, Place>,
    gateways: HashMap<Box<str>, Place>,
}

/// An app or gateway that is named.
#[derive(Clone, Debug)]
struct Place {
    hops: Hops,
    /// Whoever calls it for a gateway in front of it; `None` where nothing is in front.
    gateways: Option<Hops>,
    /// The Front Doors among those, by their ids; none where nobody has written them down.
    front_doors: BTreeSet<String>,
}

impl Default for Topology {
    fn default() -> Self {
        Self { usual: Hops::unsaid(), apps: HashMap::new(), gateways: HashMap::new() }
    }
}

impl Topology {
    /// Returns the topology that the configuration draws. Names are taken in any case.
    pub fn new(
        clients: &ClientSettings,
        apps: &BTreeMap<String, AppSettings>,
        gateways: &BTreeMap<String, GatewaySettings>,
    ) -> Self {
        let lower: BTreeMap<String, &GatewaySettings> =
            gateways.iter().map(|(name, gateway)| (name.to_ascii_lowercase(), gateway)).collect();
        let usual = clients.trusted_hops.as_deref();
        let place = |behind: &[String], own: Option<&[Hop]>| {
            let listed = own.or(usual);
            let (addresses, front_doors) = callers(behind, &lower);
            let mut hops = match listed {
                Some(listed) => Hops::new(listed),
                // With the gateways' addresses known, nobody else need be believed.
                None if !addresses.is_empty() => Hops::new(&[]),
                None => Hops::unsaid(),
            };
            let known = Hops::new(&addresses);
            hops.add(&known);
            let gateways = if addresses.is_empty() { hops.clone() } else { known };
            Place { hops, gateways: Some(gateways).filter(|_| !behind.is_empty()), front_doors }
        };
        let name = |name: &String| name.to_ascii_lowercase().into_boxed_str();
        Self {
            usual: usual.map_or_else(Hops::unsaid, Hops::new),
            apps: apps.iter().map(|(app, of)| (name(app), place(&of.behind, of.trusted_hops.as_deref()))).collect(),
            gateways: gateways
                .iter()
                .map(|(gateway, of)| (name(gateway), place(&of.behind, of.trusted_hops.as_deref())))
                .collect(),
        }
    }

    /// Returns who called and which layer saw it.
    pub fn look(&self, seen: &Seen<'_>) -> Found {
        let place = self.place(seen);
        if place.is_none() && seen.forwarded.is_none() && seen.front_door_socket.is_none() {
            return Found::default();
        }
        let hops = place.map_or(&self.usual, |place| &place.hops);
        let Some(peer) = seen.peer.map(|peer| peer.to_canonical()) else { return Found::default() };
        let foreign = place.is_some_and(|place| place.is_foreign(peer, seen.front_door_id));
        let layer = match place.and_then(|place| place.gateways.as_ref()).filter(|_| is_request(seen.kind)) {
            Some(gateways) if gateways.has(peer) && !foreign => Some(Layer::Inner),
            Some(_) => Some(Layer::Outer),
            None => foreign.then_some(Layer::Outer),
        };
        let client = if hops.has(peer) { client(hops, peer, seen) } else { None };
        Found { client, layer }
    }

    fn place(&self, seen: &Seen<'_>) -> Option<&Place> {
        let app = seen.app.filter(|_| !self.apps.is_empty()).and_then(|app| self.apps.get(app));
        let gateway = || seen.gateway.filter(|_| !self.gateways.is_empty()).and_then(|name| self.gateways.get(name));
        app.or_else(gateway)
    }
}

impl Place {
    /// Tells whether `peer` is another tenant's Front Door: it calls from the same addresses as one's own, and
    /// is known by its id alone.
    fn is_foreign(&self, peer: IpAddr, front_door: Option<&str>) -> bool {
        let known = |id: &str| self.front_doors.contains(&id.trim().to_ascii_lowercase());
        let by_front_door = self.gateways.as_ref().is_some_and(|gateways| gateways.is_front_door(peer));
        by_front_door
            && !self.front_doors.is_empty()
            && front_door.is_some_and(|id| !id.trim().is_empty() && !known(id))
    }
}

/// Tells whether events of `kind` are one layer's view of a request. What a firewall, an access
/// restriction or a login page did is told by no other layer.
const fn is_request(kind: Kind) -> bool {
    matches!(kind, Kind::GatewayRequest | Kind::GatewayConnection | Kind::HttpRequest | Kind::AppRequest)
}

/// Returns the addresses of the gateways that `behind` names and of those before them, and the ids of the
/// Front Doors among them.
fn callers(behind: &[String], gateways: &BTreeMap<String, &GatewaySettings>) -> (Vec<Hop>, BTreeSet<String>) {
    let mut waiting: Vec<String> = behind.iter().map(|name| name.to_ascii_lowercase()).collect();
    let (mut known, mut hops, mut front_doors) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    while let Some(name) = waiting.pop() {
        let Some(gateway) = gateways.get(&name).filter(|_| known.insert(name.clone())) else { continue };
        hops.extend(gateway.addresses.iter().cloned());
        front_doors.extend(gateway.front_door_id.iter().map(|id| id.trim().to_ascii_lowercase()));
        waiting.extend(gateway.behind.iter().map(|name| name.to_ascii_lowercase()));
    }
    (hops, front_doors)
}

/// Returns the client for whom `peer`, a trusted hop, called.
fn client(hops: &Hops, peer: IpAddr, seen: &Seen<'_>) -> Option<Client> {
    let found =
        |reached: Reached, written: Where| Client { ip: reached.ip, port: reached.port, written, at: reached.at };
    if let Some(chain) = seen.forwarded {
        return hops.client(chain).map(|reached| found(reached, Where::Forwarded));
    }
    // Others pass these two headers on as the client wrote them.
    let socket = seen.front_door_socket.filter(|_| hops.is_front_door(peer))?;
    let read = address(socket)?;
    let reached = Reached { ip: read.ip, port: read.port, at: read.at };
    let before = seen.front_door_client.filter(|_| hops.has(reached.ip)).and_then(|before| hops.client(before));
    Some(before.map_or_else(|| found(reached, Where::FrontDoorSocket), |before| found(before, Where::FrontDoorClient)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topology(toml: &str) -> Topology {
        #[derive(Default, serde::Deserialize)]
        #[serde(default)]
        struct Settings {
            clients: ClientSettings,
            apps: BTreeMap<String, AppSettings>,
            gateways: BTreeMap<String, GatewaySettings>,
        }
        let settings: Settings = toml::from_str(toml).unwrap();
        Topology::new(&settings.clients, &settings.apps, &settings.gateways)
    }

    fn seen<'a>(app: &'a str, peer: &str, forwarded: Option<&'a str>) -> Seen<'a> {
        Seen {
            kind: Kind::HttpRequest,
            app: Some(app),
            gateway: None,
            peer: peer.parse().ok(),
            forwarded,
            front_door_client: None,
            front_door_socket: None,
            front_door_id: None,
        }
    }

    fn says(topology: &Topology, seen: &Seen<'_>) -> (Option<String>, Option<Layer>) {
        let found = topology.look(seen);
        (found.client.map(|client| client.ip.to_string()), found.layer)
    }

    const CONTOSO: &str = r#"
        clients.trusted_hops = ["198.51.100.0/24"]
        [gateways.fd-contoso]
        addresses = ["azure-front-door"]
        [gateways.APIM-Contoso]
        addresses = ["20.50.60.70"]
        behind = ["fd-contoso"]
        [apps.fn-orders]
        behind = ["apim-contoso"]
        [apps.fn-alone]
        trusted_hops = []
    "#;

    #[test]
    fn unsaid_a_public_peer_is_the_source_and_a_private_one_is_a_hop() {
        let none = Topology::default();
        assert_eq!(says(&none, &seen("a", "198.51.100.9", Some("203.0.113.9"))), (None, None));
        assert_eq!(says(&none, &seen("a", "10.0.0.4", None)), (None, None));
        for peer in ["10.0.0.4", "127.0.0.1", "100.64.1.1", "fd00::1", "::ffff:192.168.1.1"] {
            let found = says(&none, &seen("a", peer, Some("6.6.6.6, 203.0.113.9")));
            assert_eq!(found, (Some("203.0.113.9".into()), None), "{peer}");
        }
    }

    #[test]
    fn nobody_is_believed_where_the_list_is_empty() {
        let found = says(&topology(CONTOSO), &seen("fn-alone", "10.0.0.4", Some("203.0.113.9")));
        assert_eq!(found, (None, None));
    }

    #[test]
    fn the_addresses_of_all_gateways_in_front_are_trusted_hops() {
        let contoso = topology(CONTOSO);
        let chain = Some("6.6.6.6, 203.0.113.9, 147.243.1.1");
        let found = says(&contoso, &seen("fn-orders", "20.50.60.70", chain));
        assert_eq!(found, (Some("203.0.113.9".into()), Some(Layer::Inner)));
        assert_eq!(says(&contoso, &seen("fn-other", "20.50.60.70", chain)), (None, None));
    }

    #[test]
    fn a_request_past_the_gateway_is_an_outer_one_whatever_it_claims() {
        let contoso = topology(CONTOSO);
        let found = says(&contoso, &seen("fn-orders", "203.0.113.66", Some("20.50.60.70")));
        assert_eq!(found, (None, Some(Layer::Outer)));
        let unknown = says(&contoso, &seen("fn-orders", "?", Some("20.50.60.70")));
        assert_eq!(unknown, (None, None), "without a peer nothing is known");
    }

    #[test]
    fn a_trusted_hop_that_is_no_gateway_is_not_in_front() {
        let contoso = topology(CONTOSO);
        let found = says(&contoso, &seen("fn-orders", "198.51.100.4", Some("203.0.113.9")));
        assert_eq!(found, (Some("203.0.113.9".into()), Some(Layer::Outer)));
        let unaddressed = topology("clients.trusted_hops = ['198.51.100.4']\napps.a.behind = ['apim']\n");
        let found = says(&unaddressed, &seen("a", "198.51.100.4", None));
        assert_eq!(found, (None, Some(Layer::Inner)), "nothing better is known of the gateway");
    }

    #[test]
    fn what_only_one_layer_tells_is_no_layer_of_a_request() {
        let contoso = topology(CONTOSO);
        for kind in [Kind::FirewallMatch, Kind::AccessRestriction, Kind::SignIn, Kind::FunctionLog] {
            assert_eq!(contoso.look(&Seen { kind, ..seen("fn-orders", "20.50.60.70", None) }).layer, None);
        }
    }

    #[test]
    fn front_doors_own_headers_count_only_from_a_front_door() {
        let contoso = topology(CONTOSO);
        let from = |peer: &str, socket: &'static str| {
            let seen = Seen {
                app: None,
                gateway: Some("apim-contoso"),
                front_door_socket: Some(socket),
                front_door_client: Some("6.6.6.6"),
                ..seen("", peer, None)
            };
            says(&contoso, &seen).0
        };
        assert_eq!(from("147.243.1.1", "203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(from("147.243.1.1", "198.51.100.4").as_deref(), Some("6.6.6.6"), "a trusted proxy stands before it");
        assert_eq!(from("198.51.100.4", "203.0.113.9"), None, "this hop is no Front Door");
        assert_eq!(from("203.0.113.1", "203.0.113.9"), None);
    }

    #[test]
    fn the_front_door_of_another_tenant_is_none_of_ones_own() {
        let of = |id: &str| {
            let topology = topology(&format!(
                "[apps.fn-orders]\nbehind = ['edge']\n[gateways.edge]\naddresses = ['azure-front-door']\n{id}"
            ));
            move |fdid: Option<&str>| {
                let peer = Hop::FrontDoor.networks()[0].addr().to_string();
                let act = Seen { front_door_id: fdid, ..seen("fn-orders", &peer, None) };
                let restricted = topology.look(&Seen { kind: Kind::AccessRestriction, ..act }).layer;
                let layer = topology.look(&act).layer;
                assert_eq!(
                    restricted,
                    layer.filter(|layer| *layer == Layer::Outer),
                    "what is no request tells that alone"
                );
                layer
            }
        };
        let own = of("front_door_id = 'AAAAAAAA-0000-0000-0000-000000000001'");
        assert_eq!(own(Some("aaaaaaaa-0000-0000-0000-000000000001")), Some(Layer::Inner));
        assert_eq!(own(Some("bbbbbbbb-0000-0000-0000-000000000002")), Some(Layer::Outer));
        assert_eq!(own(None), Some(Layer::Inner), "the record does not tell");
        assert_eq!(of("")(Some("bbbbbbbb-0000-0000-0000-000000000002")), Some(Layer::Inner), "nobody said which");
    }

    #[test]
    fn gateways_that_lie_behind_each_other_end_somewhere() {
        let circle = topology("[gateways.a]\nbehind = ['b']\n[gateways.b]\nbehind = ['a']\naddresses = ['10.0.0.1']\n");
        let seen = Seen { app: None, gateway: Some("a"), ..seen("", "10.0.0.1", None) };
        assert_eq!(circle.look(&seen).layer, Some(Layer::Inner));
    }
}
