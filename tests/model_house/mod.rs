//! A threat model to look at, and one of a large fleet; names in the first are as bad as strangers make them.

use std::sync::Arc;
use std::time::Duration;

use gatewatch::clock::Timestamp;
use gatewatch::posture::Level;
use gatewatch::posture::configured::Place;
use gatewatch::posture::controls::State::{Configured as Yes, NotConfigured as No, Unknown as Maybe};
use gatewatch::posture::controls::{Layer, LayerState, State, shipped, shipped_threats};
use gatewatch::posture::intended::Review;
use gatewatch::posture::living::Stands::{Accepted, ConfiguredOnly, Contradicted, Held, NotConfigured, Unknown};
use gatewatch::posture::living::{
    Boundary, Drift, DriftKind, Evidence, Flow, Living, Part, PartKind, Risk, Seen, Standing, Stands,
};

pub const NOW: Timestamp = Timestamp::from_seconds(1_795_442_400);
/// A name that wants to be markup, a command, a formula and another text at once.
pub const EVIL: &str = "=cmd|'/c calc'!a0\"><script>alert(1)</script>\u{202e}gnp.\u{1b}[2J%%{init}%%`x`;end";
const ALERT: &str = "3f9a001122334455";

pub fn ago(minutes: u64) -> Timestamp {
    NOW.minus(Duration::from_secs(minutes * 60))
}

fn seen(count: u64, minutes: u64) -> Seen {
    Seen { count, first: ago(8_000), last: ago(minutes) }
}

fn part(kind: PartKind, name: &str, of: Option<u32>, boundary: Boundary) -> Part {
    Part {
        kind,
        name: name.into(),
        of,
        boundary,
        owner: None,
        intended: true,
        configured: kind != PartKind::Caller,
        seen: Some(seen(1_204, 3)),
        standings: Vec::new(),
        layers: Vec::new(),
        firing: Vec::new(),
        covered: Vec::new(),
    }
}

/// A model in the making: its parts by name, until it is put in order.
struct Making {
    living: Living,
}

impl Making {
    fn new() -> Self {
        let living = Living {
            controls: Arc::new(shipped().unwrap()),
            threats: Arc::new(shipped_threats().unwrap()),
            ..Living::default()
        };
        Self { living }
    }

    fn add(&mut self, kind: PartKind, name: &str, of: Option<u32>, boundary: Boundary) -> u32 {
        self.living.parts.push(part(kind, name, of, boundary));
        (self.living.parts.len() - 1) as u32
    }

    fn at(&mut self, at: u32) -> &mut Part {
        &mut self.living.parts[at as usize]
    }

    fn control(&self, id: &str) -> u16 {
        self.living.controls.all.iter().position(|one| one.id == id).unwrap_or_else(|| panic!("{id}")) as u16
    }

    fn threat(&self, nth: usize) -> u16 {
        (nth % self.living.threats.all.len()) as u16
    }

    fn stand(&mut self, at: u32, control: &str, stands: Stands, says: &str) {
        let control = self.control(control);
        let place = Place { file: "infra/bicep/main.json".into(), line: 41, pointer: "/resources/2/properties".into() };
        let evidence = matches!(stands, Stands::Held | Stands::Contradicted).then(|| {
            let alert = (stands == Stands::Contradicted).then(|| ALERT.into());
            Box::new(Evidence { count: 12_345, first: ago(9_000), last: ago(14), alert })
        });
        let place = (!matches!(stands, Stands::Unknown)).then(|| Arc::new(place));
        self.at(at).standings.push(Standing { control, stands, says: says.into(), place, evidence });
    }

    fn flow(&mut self, from: u32, to: u32, by: &str, stands: Stands, says: &str) {
        let alert = (stands == Stands::Contradicted).then(|| ALERT.into());
        let since = (stands > Stands::Unknown).then(|| ago(14));
        self.living.flows.push(Flow {
            from,
            to,
            by: by.into(),
            stands,
            says: says.into(),
            intended: stands < Stands::Unknown,
            seen: (stands != Stands::ConfiguredOnly).then(|| seen(48_213, 1)),
            since,
            alert,
        });
    }

    fn function(&mut self, app: u32, name: &str, layers: [State; 4]) -> u32 {
        let at = self.add(PartKind::Function, name, Some(app), Boundary::Apps);
        let says = |state: State, there: &str, not: &str| match state {
            State::Configured => there.to_owned(),
            State::Unknown => "nothing that was read tells".to_owned(),
            State::NotConfigured => not.to_owned(),
        };
        let texts = [
            (Layer::Key, "function", "anonymous"),
            (Layer::Token, "Easy Auth refuses the unauthenticated", "nobody checks a token"),
            (Layer::Network, "only the gateway's subnet", "open to the internet"),
            (Layer::Downstream, "managed identity", "a connection string"),
        ];
        self.at(at).layers = layers
            .into_iter()
            .zip(texts)
            .map(|(state, (layer, there, not))| LayerState { layer, state, says: says(state, there, not) })
            .collect();
        at
    }

    fn drift(&mut self, minutes: u64, kind: DriftKind, part: &str, says: &str) {
        let states = match kind {
            DriftKind::Weaker => Some((Stands::Held, Stands::Contradicted)),
            DriftKind::Stronger => Some((Stands::NotConfigured, Stands::ConfiguredOnly)),
            _ => None,
        };
        let written = matches!(kind, DriftKind::Weaker | DriftKind::Written);
        self.living.drifts.push(Drift {
            at: ago(minutes),
            kind,
            part: part.into(),
            control: if states.is_some() { "api.token-checked".into() } else { "".into() },
            states,
            says: says.into(),
            by: written.then(|| ("person:k1:QX7D2M".into(), "198.51.100.24".into())),
            alert: (kind == DriftKind::Weaker).then(|| ALERT.into()),
        });
    }

    /// Sorts the parts by kind and name, as a model has them, and whatever names them by their places.
    fn done(mut self) -> Living {
        let mut order: Vec<u32> = (0..self.living.parts.len() as u32).collect();
        order.sort_by_key(|at| (self.living.parts[*at as usize].kind, self.living.parts[*at as usize].name.clone()));
        let mut new = vec![0_u32; order.len()];
        for (place, old) in order.iter().enumerate() {
            new[*old as usize] = place as u32;
        }
        let old = std::mem::take(&mut self.living.parts);
        self.living.parts = order.iter().map(|at| old[*at as usize].clone()).collect();
        for part in &mut self.living.parts {
            part.of = part.of.map(|of| new[of as usize]);
            part.standings.sort_by_key(|one| std::cmp::Reverse(one.stands));
        }
        for flow in &mut self.living.flows {
            (flow.from, flow.to) = (new[flow.from as usize], new[flow.to as usize]);
        }
        for risk in &mut self.living.risks {
            risk.part = new[risk.part as usize];
        }
        self.living
    }
}

/// The shop's parts, by what they are to the model.
struct Shop {
    gateway: u32,
    api: u32,
    operations: [u32; 2],
    app: u32,
    functions: [u32; 3],
    legacy: u32,
    import: u32,
    strange: u32,
    identity: u32,
    vault: u32,
    store: u32,
}

/// A shop with two apps behind a gateway, and one that nobody declared.
pub fn sample() -> Living {
    let mut made = Making::new();
    made.living.at = Some(ago(1));
    made.living.version = "2026.11".into();
    made.living.reviews = vec![
        Review { by: "Dana Reyes".into(), on: ago(60 * 24 * 200), version: "2026.04".into() },
        Review { by: "Ismael Okoye".into(), on: ago(60 * 24 * 9), version: "2026.11".into() },
    ];
    made.living.read = vec![("infra/bicep".into(), ago(20)), ("src".into(), ago(20))];
    made.living.problems = vec!["infra/old/template.json:3: it is no JSON: a comma is missing".into()];
    let shop = parts(&mut made);
    flows(&mut made, &shop);
    states(&mut made, &shop);
    changes(&mut made);
    made.done()
}

fn parts(made: &mut Making) -> Shop {
    let gateway = made.add(PartKind::Gateway, "apim-shop", None, Boundary::Edge);
    let api = made.add(PartKind::Api, "apim-shop/orders", Some(gateway), Boundary::Edge);
    let operations = ["get-order", "create-order"]
        .map(|name| made.add(PartKind::Operation, &format!("apim-shop/orders/{name}"), Some(api), Boundary::Edge));
    let app = made.add(PartKind::App, "fn-orders", None, Boundary::Apps);
    let legacy = made.add(PartKind::App, "fn-legacy-import", None, Boundary::Apps);
    let long = "fn-orders/payment-provider-webhook-for-refunds-and-chargebacks";
    let functions = [
        made.function(app, "fn-orders/get-order", [Yes, Yes, Yes, Yes]),
        made.function(app, "fn-orders/create-order", [Yes, No, Yes, Yes]),
        made.function(app, long, [No, Maybe, No, Yes]),
    ];
    let import = made.function(legacy, "fn-legacy-import/import", [No, No, Maybe, No]);
    let strange = made.function(legacy, &format!("fn-legacy-import/{EVIL}"), [Maybe; 4]);
    made.at(app).owner = Some("shop team".into());
    made.at(gateway).owner = Some("platform".into());
    for at in [legacy, import, strange] {
        made.at(at).intended = false;
    }
    made.at(strange).configured = false;
    let identity = made.add(PartKind::Identity, "fn-orders/identity", Some(app), Boundary::Apps);
    let vault = made.add(PartKind::Resource, "kv-shop", None, Boundary::Data);
    let store = made.add(PartKind::Resource, "stshoporders", None, Boundary::Data);
    Shop { gateway, api, operations, app, functions, legacy, import, strange, identity, vault, store }
}

fn flows(made: &mut Making, shop: &Shop) {
    let [web, partners, internet] =
        ["shop-web", "partners", "the internet"].map(|name| made.add(PartKind::Caller, name, None, Boundary::Internet));
    let ([get, create], [get_fn, create_fn, hook]) = (shop.operations, shop.functions);
    for (from, to, by, stands, says) in [
        (web, shop.gateway, "token", Held, "48,213 requests, each with a token of the issuer that is meant"),
        (partners, shop.gateway, "subscription key", ConfiguredOnly, "declared and configured; no request has come"),
        (shop.gateway, get, "token", Held, "validate-jwt runs, and none came in without"),
        (
            shop.gateway,
            create,
            "token",
            Contradicted,
            "`validate-jwt` left the inbound policy: 31 requests came in without a token",
        ),
        (get, get_fn, "function key", Held, "every call came from the gateway"),
        (create, create_fn, "function key", Held, "every call came from the gateway"),
        (
            internet,
            hook,
            "nothing",
            Accepted,
            "the provider signs its calls; accepted by the shop team until 2027-01-31",
        ),
        (internet, create_fn, "function key", Contradicted, "9 calls went past the gateway"),
        (internet, shop.import, "nothing", NotConfigured, "anonymous, and nothing stands in front"),
        (internet, shop.strange, "not known", Unknown, "nobody declared it; a key sent in a header is not logged"),
        (shop.app, shop.identity, "managed identity", ConfiguredOnly, "system-assigned"),
        (shop.identity, shop.vault, "Key Vault Secrets User", Held, "reads secrets as is meant"),
        (shop.identity, shop.store, "Storage Blob Data Contributor", Unknown, "the account sends no StorageRead"),
    ] {
        made.flow(from, to, by, stands, says);
    }
}

fn states(made: &mut Making, shop: &Shop) {
    let Shop { gateway, api, app, legacy, .. } = *shop;
    for (at, id, stands, says) in [
        (app, "app.https-only", Held, "`https-only` is `true`; 48,213 requests came over HTTPS, none over HTTP"),
        (app, "app.min-tls", ConfiguredOnly, "`min-tls` is `1.2`"),
        (app, "app.remote-debugging", ConfiguredOnly, "`remote-debugging` is not set, and its default is right"),
        (legacy, "app.https-only", Contradicted, "`https-only` is `true`, and 12 requests came over HTTP"),
        (legacy, "app.min-tls", NotConfigured, "`min-tls` is `1.0`"),
        (legacy, "app.remote-debugging", NotConfigured, "`remote-debugging` is `true`"),
        (api, "api.https", ConfiguredOnly, "`protocols` is `https`"),
        (api, "api.token-checked", Contradicted, "`validate-jwt` is not in the inbound policy"),
        (api, "api.rate-limit", NotConfigured, "no rate limit runs inbound"),
        (gateway, "gateway.protocols", Unknown, "`weak-protocols` is in no file that was read"),
        (gateway, "gateway.managed-identity", Accepted, "accepted by platform until 2027-03-31: moves in Q1"),
        (shop.store, "storage.min-tls", ConfiguredOnly, "`min-tls` is `TLS1_2`"),
        (shop.vault, "vault.purge-protection", NotConfigured, EVIL),
    ] {
        made.stand(at, id, stands, says);
    }
    let endpoints = shop.operations.into_iter().chain(shop.functions).chain([shop.import]);
    for (nth, at) in endpoints.enumerate() {
        let covered = (0..8 + nth).map(|threat| (made.threat(threat), (threat + nth) % 3 != 0)).collect();
        made.at(at).covered = covered;
    }
    let (first, second) = (made.threat(1), made.threat(2));
    made.at(shop.operations[1]).firing = vec![(first, ALERT.into())];
    made.at(shop.import).firing = vec![(first, ALERT.into()), (second, ALERT.into())];
    let bad = vec![
        (40, Level::Critical, "anonymous from the internet".into()),
        (26, Level::High, "12 requests over plain HTTP".into()),
        (20, Level::High, "nobody declared it".into()),
    ];
    made.living.risks = vec![
        Risk { part: legacy, score: 86, reasons: bad },
        Risk { part: gateway, score: 61, reasons: vec![(45, Level::Critical, "an API lost its token check".into())] },
        Risk { part: app, score: 34, reasons: vec![(20, Level::Medium, "9 calls went past the gateway".into())] },
    ];
}

fn changes(made: &mut Making) {
    made.drift(14, DriftKind::Weaker, "apim-shop/orders", "`validate-jwt` left the inbound policy of apim-shop/orders");
    made.drift(14, DriftKind::Written, "apim-shop/orders", "apis/policies/write on apim-shop/orders");
    made.drift(700, DriftKind::Came, "fn-legacy-import/import", "a route that nobody declared took requests");
    made.drift(5_000, DriftKind::Stronger, "fn-orders/get-order", "get-order asks for a function key again");
    made.drift(9_000, DriftKind::Went, "fn-orders/old-export", "old-export is configured no more");
    made.drift(20_000, DriftKind::Written, &format!("fn-legacy-import/{EVIL}"), EVIL);
}

/// A fleet of apps with 40 functions each, each with twenty controls, and a gateway in front of fifty of them.
pub fn fleet(endpoints: usize) -> Living {
    let mut made = Making::new();
    made.living.at = Some(NOW);
    made.living.version = "1".into();
    let controls = made.living.controls.all.len();
    let internet = made.add(PartKind::Caller, "the internet", None, Boundary::Internet);
    let says: Arc<str> = "`https-only` is `true`".into();
    let place = Arc::new(Place { file: "infra/main.json".into(), line: 7, pointer: String::new() });
    let mut gateway = internet;
    for nth in 0..endpoints.div_ceil(40) {
        if nth % 50 == 0 {
            gateway = made.add(PartKind::Gateway, &format!("apim-{nth}"), None, Boundary::Edge);
            made.flow(internet, gateway, "token", Stands::Held, "as meant");
        }
        let app = made.add(PartKind::App, &format!("fn-{nth}"), None, Boundary::Apps);
        made.living.risks.push(Risk {
            part: app,
            score: (nth % 100) as u8,
            reasons: vec![(9, Level::Low, "some".into())],
        });
        let vault = made.add(PartKind::Resource, &format!("kv-{nth}"), None, Boundary::Data);
        made.flow(app, vault, "managed identity", Stands::Unknown, "not known");
        for inner in 0..40 {
            let at = made.function(app, &format!("fn-{nth}/function-{inner}"), [State::Configured; 4]);
            let covered = (0..10).map(|threat| (made.threat(threat), threat % 2 == 0)).collect();
            made.at(at).covered = covered;
            made.at(at).standings = (0..20)
                .map(|one| Standing {
                    control: ((one + inner) % controls) as u16,
                    stands: Stands::ALL[(one + nth) % Stands::ALL.len()],
                    says: says.clone(),
                    place: Some(place.clone()),
                    evidence: None,
                })
                .collect();
            made.flow(gateway, at, "function key", Stands::ALL[(inner + nth) % Stands::ALL.len()], "so it is");
        }
    }
    for nth in 0..10_000 {
        made.living.drifts.push(Drift {
            at: ago(nth),
            kind: DriftKind::Weaker,
            part: format!("fn-{}/function-1", nth % 500).into(),
            control: "app.https-only".into(),
            states: Some((Stands::Held, Stands::NotConfigured)),
            says: "weaker".into(),
            by: None,
            alert: None,
        });
    }
    made.done()
}
