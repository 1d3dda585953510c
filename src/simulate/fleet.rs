//! Who lives in the simulated world?
//!
//! Six function apps with 25 functions, two gateways in front of four of them, and 60 callers
//! with stable addresses and habits. All addresses are of the ranges set aside for documents;
//! nobody's real address, name or key is in here. Its size does not depend on the rate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::rng::Rng;

/// The Azure subscription that everything lives in.
pub(super) const SUBSCRIPTION: &str = "5D1A2B3C-0F0E-4D0C-8B0A-112233445566";
/// The directory's tenant.
pub(super) const TENANT: &str = "6c1f0f3e-5a5b-4c5d-9e5f-a1b2c3d4e5f6";

/// A function with an HTTP trigger, or one that runs on its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    /// Its path below `/api`; `{}` stands for an id. Empty: it runs on its own.
    pub(super) path: &'static str,
}

/// A function app.
#[derive(Debug)]
pub(super) struct App {
    pub(super) name: &'static str,
    pub(super) linux: bool,
    /// A Linux host that writes `10/07/2025 18:07:56`.
    pub(super) slash_dates: bool,
    /// The gateway in front of it, and the API's name there.
    pub(super) gateway: Option<(usize, &'static str)>,
    pub(super) functions: &'static [Function],
    pub(super) location: &'static str,
    pub(super) host_version: &'static str,
    pub(super) group: &'static str,
}

/// An API Management service.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) name: &'static str,
    pub(super) group: &'static str,
    pub(super) location: &'static str,
    /// Whether its diagnostics log the `Origin` and CORS headers.
    pub(super) headers: bool,
    /// The last byte of its address in 203.0.113.0/24, as backends see it.
    pub(super) egress: u8,
}

const fn on(name: &'static str, method: &'static str, path: &'static str) -> Function {
    Function { name, method, path }
}

pub(super) const ORDERS: usize = 0;
pub(super) const CATALOG: usize = 1;
pub(super) const PAYMENTS: usize = 2;
pub(super) const PARTNER: usize = 3;
pub(super) const NOTIFY: usize = 4;
/// The app that goes quiet.
pub(super) const METER: usize = 5;

pub(super) static GATEWAYS: [Gateway; 2] = [
    Gateway { name: "apim-shop", group: "RG-SHOP", location: "West Europe", headers: true, egress: 251 },
    Gateway { name: "apim-partner", group: "RG-PARTNER", location: "North Europe", headers: false, egress: 252 },
];

pub(super) static APPS: [App; 6] = [
    App {
        name: "orders-api",
        linux: false,
        slash_dates: false,
        gateway: Some((0, "orders")),
        functions: &[
            on("create-order", "POST", "/orders"),
            on("get-order", "GET", "/orders/{}"),
            on("list-orders", "GET", "/orders"),
            on("cancel-order", "DELETE", "/orders/{}"),
            on("refund-order", "POST", "/orders/{}/refund"),
        ],
        location: "West Europe",
        host_version: "4.1043.200.1",
        group: "RG-SHOP",
    },
    App {
        name: "catalog-api",
        linux: true,
        slash_dates: true,
        gateway: Some((0, "catalog")),
        functions: &[
            on("search", "GET", "/products"),
            on("get-product", "GET", "/products/{}"),
            on("recommend", "GET", "/products/{}/similar"),
            on("render-image", "GET", "/images/{}"),
        ],
        location: "westeurope",
        host_version: "4.1041.200.1",
        group: "RG-SHOP",
    },
    App {
        name: "payments-fn",
        linux: false,
        slash_dates: false,
        gateway: Some((1, "payments")),
        functions: &[
            on("authorize", "POST", "/payments"),
            on("capture", "POST", "/payments/{}/capture"),
            on("statement", "GET", "/statements/{}"),
            on("settle", "", ""),
        ],
        location: "North Europe",
        host_version: "4.1043.200.1",
        group: "RG-PARTNER",
    },
    App {
        name: "partner-api",
        linux: true,
        slash_dates: false,
        gateway: Some((1, "partners")),
        functions: &[
            on("inventory", "GET", "/inventory/{}"),
            on("shipment", "POST", "/shipments"),
            on("quote", "POST", "/quotes"),
            on("invoice", "GET", "/invoices/{}"),
        ],
        location: "northeurope",
        host_version: "4.1043.200.2",
        group: "RG-PARTNER",
    },
    App {
        name: "notify-fn",
        linux: true,
        slash_dates: true,
        gateway: None,
        functions: &[
            on("preferences", "GET", "/preferences/{}"),
            on("subscribe", "POST", "/subscriptions"),
            on("send-mail", "", ""),
            on("send-text", "", ""),
        ],
        location: "westeurope",
        host_version: "4.1041.200.1",
        group: "RG-NOTIFY",
    },
    App {
        name: "meter-ingest",
        linux: false,
        slash_dates: false,
        gateway: None,
        functions: &[
            on("ingest", "POST", "/readings"),
            on("latest", "GET", "/meters/{}/latest"),
            on("register", "POST", "/meters"),
            on("aggregate", "", ""),
        ],
        location: "West Europe",
        host_version: "4.1043.200.1",
        group: "RG-METER",
    },
];

/// Somebody who calls: a storefront, a partner, a phone app, a device's fleet.
#[derive(Debug)]
pub(super) struct Caller {
    /// The APIM subscription's id; empty for callers that reach an app directly.
    pub(super) subscription: String,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) agent: &'static str,
    /// The functions it calls: app and number.
    pub(super) habits: Vec<(usize, usize)>,
}

/// A key that a webhook carries in its URL by design.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookKey {
    /// The function app's name.
    pub app: &'static str,
    /// The path that carries it.
    pub path: &'static str,
    /// The key: a system key with a valid checksum, made from the seed.
    pub key: String,
}

/// The people and machines of one world.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) callers: Vec<Caller>,
    pub(super) webhooks: Vec<WebhookKey>,
    /// One worker's name for each app.
    pub(super) instances: Vec<u128>,
}

static AGENTS: [&str; 6] = [
    "python-requests/2.32.3",
    "okhttp/4.12.0",
    "Apache-HttpClient/5.3.1 (Java/21.0.4)",
    "axios/1.7.7",
    "GuzzleHttp/7",
    "azsdk-net-Core/1.44.1 (.NET 8.0.10; Microsoft Windows 10.0.20348)",
];

/// What browsers call themselves.
pub(super) static BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
];

/// Where the shop's pages come from.
pub(super) static ORIGINS: [&str; 2] = ["https://shop.contoso.example", "https://m.contoso.example"];

impl Fleet {
    /// Returns the fleet of `seed`.
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 1);
        let mut next_address = 0;
        let mut callers: Vec<Caller> = (0..60).map(|n| caller(n, &mut next_address, &mut rng)).collect();
        for (gateway, caller) in [20, 42].into_iter().enumerate() {
            callers[caller] = phones(gateway, &mut rng);
        }
        let webhooks = [
            (NOTIFY, "/runtime/webhooks/eventgrid", super::keys::system_key(&mut rng)),
            (ORDERS, "/runtime/webhooks/durabletask/instances", super::keys::system_key(&mut rng)),
        ];
        Self {
            callers,
            webhooks: webhooks.map(|(app, path, key)| WebhookKey { app: APPS[app].name, path, key }).into(),
            instances: APPS.iter().map(|_| rng.guid()).collect(),
        }
    }

    /// Returns a caller of `gateway` by its number, never the phones.
    pub(super) fn subscriber(&self, gateway: usize, number: usize) -> &Caller {
        let first = if gateway == 0 { 0 } else { 24 };
        &self.callers[first + number % 16]
    }
}

/// Callers 0–23 use the shop's gateway, 24–45 the partners', the rest the two apps without one.
fn caller(n: usize, next_address: &mut u8, rng: &mut Rng) -> Caller {
    let apps: &[usize] = match n {
        0..24 => &[ORDERS, CATALOG],
        24..46 => &[PAYMENTS, PARTNER],
        46..53 => &[NOTIFY],
        _ => &[METER],
    };
    let mut habits = Vec::new();
    while habits.is_empty() {
        for &app in apps {
            let open = APPS[app].functions.iter().enumerate().filter(|(_, function)| !function.path.is_empty());
            // The last function with a path stays strange to the first callers of each gateway.
            let known = open.map(|(number, _)| (app, number)).filter(|&(_, number)| number < 2 || n % 8 > 3);
            habits.extend(known.filter(|_| rng.one_in(2)));
        }
    }
    let addresses = (0..=n % 4).map(|place| {
        if n % 7 == 6 {
            return IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x10, n as u16, 0, 0, 0, 0x10 + place as u16));
        }
        *next_address += 1;
        IpAddr::V4(Ipv4Addr::new(203, 0, 113, *next_address))
    });
    Caller {
        addresses: addresses.collect(),
        subscription: if n < 46 { format!("{:024x}", rng.guid() >> 32) } else { String::new() },
        agent: AGENTS[n % AGENTS.len()],
        habits,
    }
}

/// Phones behind their providers' shared addresses: one subscription, a dozen addresses.
fn phones(gateway: usize, rng: &mut Rng) -> Caller {
    let (app, first) = if gateway == 0 { (CATALOG, 1) } else { (PARTNER, 101) };
    Caller {
        subscription: format!("{:024x}", rng.guid() >> 32),
        addresses: (0..12).map(|n| IpAddr::V4(Ipv4Addr::new(192, 0, 2, first + n))).collect(),
        agent: "ContosoShop/7.2.1 (iPhone; iOS 18.1; Scale/3.00)",
        habits: vec![(app, 0), (app, 1)],
    }
}

/// Returns the address of a browser; half of them have IPv6.
pub(super) fn browser(rng: &mut Rng) -> IpAddr {
    if rng.one_in(2) {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, rng.between(120, 250) as u8))
    } else {
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xb, rng.below(200) as u16, 0, 0, 0, 1))
    }
}

/// Returns attacker number `n`'s address: nobody else uses 198.51.100.0/24.
pub(super) fn attacker(n: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, n))
}

/// Returns the platform's own address within a worker.
pub(super) const fn loopback() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

/// Returns the names of the fleet's function apps.
pub fn app_names() -> impl Iterator<Item = &'static str> {
    APPS.iter().map(|app| app.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_is_six_apps_with_25_functions_and_60_callers() {
        assert_eq!(APPS.iter().map(|app| app.functions.len()).sum::<usize>(), 25);
        assert_eq!(Fleet::new(1).callers.len(), 60);
    }

    #[test]
    fn no_two_callers_share_an_address() {
        let fleet = Fleet::new(3);
        let mut seen = std::collections::BTreeSet::new();
        for address in fleet.callers.iter().flat_map(|caller| &caller.addresses) {
            assert!(seen.insert(*address), "{address} is used twice");
        }
    }

    #[test]
    fn the_first_callers_of_a_gateway_leave_an_operation_untouched() {
        let fleet = Fleet::new(3);
        assert!(fleet.subscriber(0, 1).habits.iter().all(|&(_, function)| function < 2));
    }
}
