//! What may people say about their apps, gateways and keys, and about the world around them?
//!
//! Networks are written out, or named by one of two sets. Nothing is downloaded: what Azure adds to
//! its ranges later, somebody adds here, and files that are named, somebody brings up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::clock::Timestamp;

use super::lists::ListSettings;

/// Addresses that no client on the internet has: private, loopback, link-local, carriers' own.
const PRIVATE: [&str; 9] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
    "::1/128",
];

/// From where Front Door calls what lies behind it, as its documentation names the ranges. The
/// service tag `AzureFrontDoor.Backend` may hold more.
const FRONT_DOOR: [&str; 2] = ["147.243.0.0/16", "2a01:111:2050::/44"];

/// How callers' addresses are told: `[clients]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientSettings {
    /// Whose word on where a request came from is believed: addresses, networks, `private`,
    /// `azure-front-door`. Left out, only a hop with a private address is, and only one of them.
    pub trusted_hops: Option<Vec<Hop>>,
}

/// What is known about an app: `[apps.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AppSettings {
    /// The gateways in front of it whose logs are read too: a request that came through one of
    /// them counts there.
    pub behind: Vec<String>,
    /// Trusted hops for this app, instead of those of `[clients]`.
    pub trusted_hops: Option<Vec<Hop>>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for, such as `production`.
    pub environment: Option<String>,
    /// The functions it is to have; left out, any will do.
    pub functions: Vec<String>,
}

/// What is known about a gateway: `[gateways.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewaySettings {
    /// From where it calls what lies behind it: addresses, networks, `azure-front-door`.
    pub addresses: Vec<Hop>,
    /// Of a Front Door: its id, which it sends in `X-Azure-FDID`. Every tenant's Front Doors call from the
    /// same addresses.
    pub front_door_id: Option<String>,
    /// The gateways in front of it whose logs are read too.
    pub behind: Vec<String>,
    /// Trusted hops for this gateway, instead of those of `[clients]`.
    pub trusted_hops: Option<Vec<Hop>>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// What is known about a key: `[keys.NAME]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySettings {
    /// What events call it: fingerprints, ids of subscriptions; or what people call a fingerprint, such as
    /// `amber-falcon`. Left out, it is the key's name here.
    #[serde(deserialize_with = "some", skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// From where it is to be used: addresses, networks; left out, from anywhere.
    pub addresses: Vec<Hop>,
    /// By which apps; left out, by any.
    pub apps: Vec<String>,
    /// The day on which it was changed last, such as `2026-01-31`.
    pub rotated: Option<String>,
    /// How often it is to be changed.
    #[serde(with = "length", skip_serializing_if = "Option::is_none")]
    pub rotate_every: Option<Duration>,
}

/// Reads a list that names something.
fn some<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let ids = Vec::deserialize(from)?;
    if ids.is_empty() {
        return Err(D::Error::custom("no id is named: leave it out if events call the key as it is called here"));
    }
    Ok(ids)
}

/// What is known about an origin: `[origins."https://shop.example"]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OriginSettings {
    /// Who answers for it.
    pub owner: Option<String>,
}

/// What there should be: the configuration's own tables, and those of the inventory's file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InventorySettings {
    /// Apps, by their names in Azure.
    pub apps: BTreeMap<String, AppSettings>,
    /// Gateways, by their names in Azure.
    pub gateways: BTreeMap<String, GatewaySettings>,
    /// Keys, by what they are called here.
    pub keys: BTreeMap<String, KeySettings>,
    /// Origins, as browsers send them.
    pub origins: BTreeMap<String, OriginSettings>,
}

impl InventorySettings {
    /// Adds those of `other`; returns what both have, such as `apps.orders`.
    pub fn add(&mut self, other: Self) -> Vec<String> {
        let mut both = merge("apps", &mut self.apps, other.apps);
        both.extend(merge("gateways", &mut self.gateways, other.gateways));
        both.extend(merge("keys", &mut self.keys, other.keys));
        both.extend(merge("origins", &mut self.origins, other.origins));
        both
    }
}

fn merge<T>(table: &str, into: &mut BTreeMap<String, T>, from: BTreeMap<String, T>) -> Vec<String> {
    let mut both = Vec::new();
    // Two that differ by case in one of them are told elsewhere.
    let here: BTreeSet<String> = into.keys().map(|name| name.to_ascii_lowercase()).collect();
    for (name, one) in from {
        if here.contains(&name.to_ascii_lowercase()) {
            both.push(format!("{table}.{name}"));
        } else {
            into.insert(name, one);
        }
    }
    both
}

/// Files that say more about events: `[context]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextSettings {
    /// Matches that count for nothing, with owner, reason and end: a YAML file.
    pub exceptions: Option<PathBuf>,
    /// How long before an exception ends that is said; seven days where it is left out.
    #[serde(with = "length", skip_serializing_if = "Option::is_none")]
    pub warn_before: Option<Duration>,
    /// Apps, gateways, keys and origins beside those in this file: a TOML file with the same tables.
    pub inventory: Option<PathBuf>,
    /// Databases of places: MaxMind's `.mmdb` files.
    pub places: Vec<PathBuf>,
    /// How old a database of places may get before that is said; left out, any age will do.
    #[serde(with = "length", skip_serializing_if = "Option::is_none")]
    pub places_max_age: Option<Duration>,
    /// Lists of networks, by name.
    pub lists: BTreeMap<String, ListSettings>,
}

impl ContextSettings {
    /// Returns every file that it names.
    pub fn files(&self) -> Vec<PathBuf> {
        let single = self.exceptions.iter().chain(&self.inventory).chain(&self.places);
        single.cloned().chain(self.lists.values().map(|list| list.file.clone())).collect()
    }
}

/// Reads a day, `2026-01-31`, or a moment as RFC 3339 writes it; a day is its beginning, UTC.
pub fn day(text: &str) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")))
}

/// A length of time that may be left out.
pub(super) mod length {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    use crate::clock::duration;

    pub(in crate::context) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        duration::deserialize(from).map(Some)
    }

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in crate::context) fn serialize<S: Serializer>(length: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        match length {
            Some(length) => duration::serialize(length, to),
            None => to.serialize_none(),
        }
    }
}

/// A hop, or a set of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Hop {
    /// A network, or one address.
    Network(IpNet),
    /// Every address that no client on the internet has.
    Private,
    /// The ranges from which Front Door calls what lies behind it.
    FrontDoor,
    /// None of these; the configuration's check says where.
    Unknown(String),
}

impl Hop {
    /// Returns its networks.
    pub fn networks(&self) -> Vec<IpNet> {
        let named = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        match self {
            Self::Network(network) => vec![*network],
            Self::Private => named(&PRIVATE),
            Self::FrontDoor => named(&FRONT_DOOR),
            Self::Unknown(_) => Vec::new(),
        }
    }
}

impl From<String> for Hop {
    fn from(text: String) -> Self {
        match text.trim() {
            "private" => Self::Private,
            "azure-front-door" => Self::FrontDoor,
            other => {
                let network = other.parse::<IpNet>().ok();
                let network = network.or_else(|| other.parse::<IpAddr>().ok().map(IpNet::from));
                network.map_or_else(|| Self::Unknown(text.clone()), |network| Self::Network(network.trunc()))
            }
        }
    }
}

impl From<Hop> for String {
    fn from(hop: Hop) -> Self {
        match hop {
            Hop::Network(network) if network.prefix_len() == network.max_prefix_len() => network.addr().to_string(),
            Hop::Network(network) => network.to_string(),
            Hop::Private => "private".into(),
            Hop::FrontDoor => "azure-front-door".into(),
            Hop::Unknown(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_set_is_read_whole() {
        assert_eq!(Hop::Private.networks().len(), PRIVATE.len());
        assert_eq!(Hop::FrontDoor.networks().len(), FRONT_DOOR.len());
    }

    #[test]
    fn a_hop_is_an_address_a_network_or_a_set() {
        for text in ["203.0.113.7", "10.0.0.0/8", "2001:db8::/32", "private", "azure-front-door"] {
            let hop = Hop::from(text.to_owned());
            assert!(!hop.networks().is_empty());
            assert_eq!(String::from(hop), text);
        }
        assert_eq!(Hop::from("10.0.0.0/33".to_owned()), Hop::Unknown("10.0.0.0/33".into()));
    }
}
