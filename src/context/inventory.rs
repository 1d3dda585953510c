//! What should there be, and whose is it?
//!
//! Apps with their functions, gateways, origins and keys, as the configuration and the inventory's
//! file list them. What a kind is not listed of, nothing is said of: without a list of origins, none
//! is unknown. It holds what was written down and never grows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use crate::clock::Timestamp;
use crate::telemetry::{Entity, EntityKind, Inventoried, sayable};

use super::settings::{AppSettings, GatewaySettings, Hop, InventorySettings, KeySettings, day};

/// What the inventory knows.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Those that only say what they lie behind are listed too.
    apps: HashMap<Box<str>, App>,
    gateways: HashMap<Box<str>, Option<Box<str>>>,
    origins: HashMap<Box<str>, Option<Box<str>>>,
    keys: Vec<Key>,
    /// Places in `keys`, by what events call a key.
    by_id: HashMap<Box<str>, usize>,
    /// Places in `keys`, by what people call a key, such as `amber-falcon`.
    by_name: HashMap<Box<str>, usize>,
    /// Where gateways call from.
    egress: Vec<IpNet>,
}

#[derive(Debug)]
struct App {
    owner: Option<Box<str>>,
    environment: Option<Box<str>>,
    /// Empty where nobody has said which there are.
    functions: HashSet<Box<str>>,
}

#[derive(Debug)]
struct Key {
    owner: Option<Box<str>>,
    /// Empty where any address will do.
    addresses: Vec<IpNet>,
    /// Empty where any app will do.
    apps: HashSet<Box<str>>,
    /// When it should be changed, where that is known.
    due: Option<Timestamp>,
}

/// Whom an event names.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The app, lower case.
    pub app: Option<&'a str>,
    /// The function, with or without its app.
    pub function: Option<&'a str>,
    /// The `Origin` header.
    pub origin: Option<&'a str>,
    /// What events call the key.
    pub key: Option<&'a str>,
    /// The caller's address.
    pub ip: Option<IpAddr>,
    /// When.
    pub time: Timestamp,
}

impl Inventory {
    /// Returns the inventory that these make. Names are taken in any case.
    pub fn new(settings: &InventorySettings) -> Self {
        let (by_id, by_name) = calls(&settings.keys);
        Self {
            apps: settings.apps.iter().map(|(name, app)| (lower(name), App::new(app))).collect(),
            gateways: settings
                .gateways
                .iter()
                .map(|(name, gateway)| (lower(name), text(gateway.owner.as_ref())))
                .collect(),
            origins: settings
                .origins
                .iter()
                .map(|(name, one)| (origin(name).into(), text(one.owner.as_ref())))
                .collect(),
            keys: settings.keys.values().map(Key::new).collect(),
            by_id,
            by_name,
            egress: egress(&settings.gateways),
        }
    }

    /// Tells whether it lists nothing.
    pub fn is_empty(&self) -> bool {
        self.apps.is_empty() && self.gateways.is_empty() && self.origins.is_empty() && self.keys.is_empty()
    }

    /// Returns how many apps, gateways, origins and keys it lists.
    pub fn counts(&self) -> [usize; 4] {
        [self.apps.len(), self.gateways.len(), self.origins.len(), self.keys.len()]
    }

    /// Returns from where gateways call what lies behind them.
    pub fn egress(&self) -> &[IpNet] {
        &self.egress
    }

    /// Returns what it says of those whom an event names.
    pub fn look(&self, named: &Named<'_>) -> Inventoried<'_> {
        let mut says = Inventoried::default();
        if let Some(name) = named.app {
            let app = find(&self.apps, name);
            says.app = listed(&self.apps, app.is_some());
            says.app_owner = app.and_then(|app| app.owner.as_deref());
            says.environment = app.and_then(|app| app.environment.as_deref());
            let functions = app.map(|app| &app.functions).filter(|functions| !functions.is_empty());
            says.function = functions.zip(named.function).map(|(functions, function)| {
                let short = function.rsplit('/').next().unwrap_or(function);
                functions.contains(short) || functions.contains(&*short.to_ascii_lowercase())
            });
        }
        if let Some(name) = named.origin.filter(|_| !self.origins.is_empty()) {
            says.origin = Some(self.origins.contains_key(&*origin(name)));
        }
        if let Some(id) = named.key.filter(|_| !self.keys.is_empty()) {
            let key = self.key(id);
            says.key = Some(key.is_some());
            if let Some(key) = key {
                says.key_owner = key.owner.as_deref();
                says.key_expected = key.expects(named);
                says.key_overdue_days = key.due.map(|due| days(due, named.time));
            }
        }
        says
    }

    /// Returns who answers for `entity`; where nobody is named, for the app concerned.
    pub fn owner_of(&self, entity: &Entity, app: Option<&str>) -> Option<&str> {
        let value = &*entity.value;
        let of_app = |name: &str| find(&self.apps, name).and_then(|app| app.owner.as_deref());
        let own = match entity.kind {
            EntityKind::App => of_app(value),
            EntityKind::Function => value.split_once('/').and_then(|(app, _)| of_app(app)),
            EntityKind::Gateway => find(&self.gateways, value).and_then(Option::as_deref),
            EntityKind::Origin => self.origins.get(&*origin(value)).and_then(Option::as_deref),
            EntityKind::Key | EntityKind::Secret => self.key(value).and_then(|key| key.owner.as_deref()),
            EntityKind::Ip | EntityKind::Identity => None,
        };
        own.or_else(|| app.and_then(of_app))
    }

    fn key(&self, id: &str) -> Option<&Key> {
        let place = self.by_id.get(id).or_else(|| {
            let by_name = Some(&self.by_name).filter(|names| !names.is_empty())?;
            by_name.get(&*sayable(id)?)
        });
        // Ids that Azure writes may come in any case; fingerprints never do.
        let place = place.or_else(|| self.by_id.get(&*id.to_ascii_lowercase()));
        place.and_then(|place| self.keys.get(*place))
    }
}

impl App {
    fn new(settings: &AppSettings) -> Self {
        Self {
            owner: text(settings.owner.as_ref()),
            environment: text(settings.environment.as_ref()),
            functions: settings.functions.iter().map(|name| lower(name)).collect(),
        }
    }
}

impl Key {
    fn new(settings: &KeySettings) -> Self {
        let due = settings.rotated.as_deref().and_then(day).zip(settings.rotate_every);
        Self {
            owner: text(settings.owner.as_ref()),
            addresses: settings.addresses.iter().flat_map(Hop::networks).collect(),
            apps: settings.apps.iter().map(|name| lower(name)).collect(),
            due: due.map(|(changed, every): (Timestamp, Duration)| changed.plus(every)),
        }
    }

    /// Tells whether an address and an app are those that it is to be used from and by; `None` where
    /// nobody has said which, or the event does not.
    fn expects(&self, named: &Named<'_>) -> Option<bool> {
        let address = named.ip.filter(|_| !self.addresses.is_empty());
        let address = address.map(|ip| self.addresses.iter().any(|network| network.contains(&ip.to_canonical())));
        let app = named.app.filter(|_| !self.apps.is_empty());
        let app = app.map(|app| self.apps.contains(app) || self.apps.contains(&*app.to_ascii_lowercase()));
        match (address, app) {
            (None, None) => None,
            (address, app) => Some(address.unwrap_or(true) && app.unwrap_or(true)),
        }
    }
}

/// Places of keys by their ids, and by the names that people give them. A key that names no ids goes
/// by its own name.
type Calls = (HashMap<Box<str>, usize>, HashMap<Box<str>, usize>);

fn calls(keys: &BTreeMap<String, KeySettings>) -> Calls {
    let (mut by_id, mut by_name) = Calls::default();
    for (place, (name, key)) in keys.iter().enumerate() {
        let ids: Vec<&String> = if key.ids.is_empty() { vec![name] } else { key.ids.iter().collect() };
        for id in ids {
            by_id.insert(id.as_str().into(), place);
            if sayable(id).is_none() {
                by_id.insert(lower(id), place);
                by_name.insert(lower(id), place);
            }
        }
    }
    (by_id, by_name)
}

fn egress(gateways: &BTreeMap<String, GatewaySettings>) -> Vec<IpNet> {
    gateways.values().flat_map(|gateway| &gateway.addresses).flat_map(Hop::networks).collect()
}

fn lower(name: &str) -> Box<str> {
    name.to_ascii_lowercase().into()
}

fn text(text: Option<&String>) -> Option<Box<str>> {
    text.map(|text| text.as_str().into())
}

/// Finds a name, which events write in lower case nearly always.
fn find<'m, T>(map: &'m HashMap<Box<str>, T>, name: &str) -> Option<&'m T> {
    map.get(name).or_else(|| {
        let upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
        upper.then(|| map.get(&lower(name))).flatten()
    })
}

/// Returns whether something is listed; nothing where there is no list.
fn listed<T>(list: &HashMap<Box<str>, T>, is: bool) -> Option<bool> {
    (!list.is_empty()).then_some(is)
}

/// Returns an origin as it is compared: lower case, without a slash at its end.
fn origin(name: &str) -> std::borrow::Cow<'_, str> {
    let name = name.trim_end_matches('/');
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

/// Returns the whole days from `from` to `to`; less than 0 where `to` is earlier.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.millis() - from.millis()).div_euclid(86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MADE: &str = "
        [apps.FN-Orders]
        owner = 'shop team'
        environment = 'production'
        functions = ['Checkout', 'status']
        [apps.fn-bare]
        [gateways.apim]
        owner = 'platform'
        addresses = ['203.0.113.70']
        [origins.'https://Shop.example/']
        owner = 'web team'
        [keys.partner]
        ids = ['azure-function-key:k1:7Q2M4KXJ3VBNC5TD', 'Sub-1']
        owner = 'partner desk'
        addresses = ['198.51.100.0/24']
        apps = ['fn-orders']
        rotated = '2026-01-01'
        rotate_every = '90d'
        [keys.amber-falcon]
        owner = 'dana'
    ";

    fn made() -> Inventory {
        Inventory::new(&toml::from_str(MADE).unwrap())
    }

    fn named(app: &'static str) -> Named<'static> {
        let time = Timestamp::parse_rfc3339("2026-04-11T12:00:00Z").unwrap();
        Named { app: Some(app), function: None, origin: None, key: None, ip: None, time }
    }

    #[test]
    fn an_app_and_its_functions_are_known_if_they_are_listed() {
        let made = made();
        let of = |app, function| made.look(&Named { function: Some(function), ..named(app) });
        let checkout = of("fn-orders", "fn-orders/checkout");
        assert_eq!((checkout.app, checkout.function), (Some(true), Some(true)));
        assert_eq!((checkout.app_owner, checkout.environment), (Some("shop team"), Some("production")));
        assert_eq!(of("FN-ORDERS", "Checkout").function, Some(true));
        assert_eq!(of("fn-orders", "admin").function, Some(false));
        assert_eq!(of("fn-bare", "admin").function, None, "nobody has said which it has");
        assert_eq!((of("fn-new", "x").app, of("fn-new", "x").function), (Some(false), None));
        assert_eq!(Inventory::default().look(&named("fn-new")), Inventoried::default());
    }

    #[test]
    fn a_key_is_known_by_its_ids_or_its_name_and_expected_somewhere() {
        let made = made();
        let of = |key, app, ip: &str| made.look(&Named { key: Some(key), ip: ip.parse().ok(), ..named(app) });
        let partner = of("azure-function-key:k1:7Q2M4KXJ3VBNC5TD", "fn-orders", "198.51.100.7");
        assert_eq!(
            (partner.key, partner.key_owner, partner.key_expected),
            (Some(true), Some("partner desk"), Some(true))
        );
        assert_eq!(partner.key_overdue_days, Some(10));
        assert_eq!(of("sub-1", "fn-orders", "203.0.113.7").key_expected, Some(false));
        assert_eq!(of("Sub-1", "fn-bare", "198.51.100.7").key_expected, Some(false));
        assert_eq!(of("Sub-2", "fn-bare", "198.51.100.7").key, Some(false));
        // The first 16 bits of this fingerprint are those of the name.
        let falcon = (0..=u16::MAX).map(fingerprint).find(|id| sayable(id).as_deref() == Some("amber-falcon")).unwrap();
        let says = made.look(&Named { key: Some(&falcon), ..named("fn-bare") });
        assert_eq!((says.key, says.key_owner, says.key_expected), (Some(true), Some("dana"), None));
    }

    fn fingerprint(bits: u16) -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digit = |shift: u32| char::from(digits[(u32::from(bits) << 4 >> shift & 31) as usize]);
        format!("jwt:k1:{}{}{}{}AAAAAAAAAAAA", digit(15), digit(10), digit(5), digit(0))
    }

    #[test]
    fn who_answers_for_an_alert_is_the_owner_of_what_it_is_about_or_of_its_app() {
        let made = made();
        let of = |kind, value: &str, app| made.owner_of(&Entity::new(kind, value), app);
        assert_eq!(of(EntityKind::Function, "fn-orders/checkout", None), Some("shop team"));
        assert_eq!(of(EntityKind::Gateway, "apim", None), Some("platform"));
        assert_eq!(of(EntityKind::Origin, "https://shop.example", None), Some("web team"));
        assert_eq!(of(EntityKind::Key, "sub-1", Some("fn-orders")), Some("partner desk"));
        assert_eq!(of(EntityKind::Ip, "203.0.113.7", Some("fn-orders")), Some("shop team"));
        assert_eq!(of(EntityKind::Ip, "203.0.113.7", None), None);
    }
}
