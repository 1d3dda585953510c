//! What may an inventory not say although it reads well, in the configuration or in a file of its own?
//!
//! Names that are one but for their case, for then one would silently win; keys where what events call them should
//! stand; origins that no browser sends; gateways that lie behind each other. As many look-ups as it has entries.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::duration;
use crate::context::{ClientSettings, GatewaySettings, Hop, InventorySettings, KeySettings, day};
use crate::telemetry::sayable;

use super::hidden::is_key;

/// How often a key can be changed.
const SOONEST: Duration = Duration::from_hours(1);

/// Tells `wrong` of each: where, what, and how to mend it.
pub(super) fn check(inventory: &InventorySettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    let lower = |name: &str| name.to_ascii_lowercase();
    once("apps", "app", inventory.apps.keys(), lower, wrong);
    once("gateways", "gateway", inventory.gateways.keys(), lower, wrong);
    once("origins", "origin", inventory.origins.keys(), |name| lower(name.trim_end_matches('/')), wrong);
    hops(inventory, wrong);
    keys(&inventory.keys, wrong);
    for name in inventory.origins.keys().filter(|name| !is_origin(name)) {
        wrong(
            &format!("origins.{name}"),
            &format!("{name:?} is no origin, so that no caller's would be known by it"),
            "write scheme and host alone, as browsers send them: [origins.\"https://shop.example\"]",
        );
    }
}

/// Checks that no two of a table's names are the same in any case.
fn once<'n>(
    table: &str,
    one: &str,
    names: impl Iterator<Item = &'n String>,
    folded: impl Fn(&str) -> String,
    wrong: &mut impl FnMut(&str, &str, &str),
) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for name in names {
        if let Some(other) = seen.insert(folded(name), name) {
            wrong(
                &format!("{table}.{name}"),
                &format!("{name:?} and {other:?} are the same {one}, for upper and lower case count as one"),
                "put what is said of both into one table",
            );
        }
    }
}

/// Tells whether browsers may send this: a scheme and a host, or `null`.
fn is_origin(name: &str) -> bool {
    let name = name.trim_end_matches('/');
    let scheme = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    let host = |text: &str| !text.is_empty() && !text.contains(['/', '?', '#', ' ', '*', '@']);
    name == "null" || name.split_once("://").is_some_and(|(before, behind)| scheme(before) && host(behind))
}

fn keys(keys: &BTreeMap<String, KeySettings>, wrong: &mut impl FnMut(&str, &str, &str)) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (name, key) in keys {
        let at = format!("keys.{name}");
        if let Some(text) = key.rotated.as_ref().filter(|text| day(text).is_none()) {
            wrong(&format!("{at}.rotated"), &format!("{text:?} is no day"), "write \"2026-01-31\"");
        }
        if let Some(every) = key.rotate_every.filter(|every| *every < SOONEST) {
            let says = format!("no key is changed every {}", duration::format(every));
            wrong(&format!("{at}.rotate_every"), &says, "write at least \"1h\", such as \"90d\"");
        }
        if is_key(name) {
            wrong(&at, "the key itself stands where its name should, or what looks like one", "choose a name for it");
            continue;
        }
        // A key that names no ids goes by its own name.
        let own = key.ids.is_empty().then(|| (at.clone(), name));
        let ids = key.ids.iter().enumerate().map(|(n, id)| (format!("{at}.ids[{n}]"), id));
        for (at, id) in own.into_iter().chain(ids) {
            if let Some((says, mend)) = flaw(id) {
                wrong(&at, says, mend);
            } else if let Some(other) = seen.insert(id.to_ascii_lowercase(), name) {
                let says = if other == name {
                    "this id stands there twice".to_owned()
                } else {
                    format!("this is an id of [keys.{other}] too, and whose key it is could not be told")
                };
                wrong(&at, &says, "leave it out here or there");
            }
        }
    }
}

/// Returns what is wrong with an id of a key, and how to mend it. The id is not shown: it may be the key.
fn flaw(id: &str) -> Option<(&'static str, &'static str)> {
    let kind = id.split(':').next().unwrap_or_default();
    let key = id.split(':').nth(1).and_then(|key| key.strip_prefix('k')).is_some_and(|number| {
        !number.is_empty() && number.len() <= 5 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let fingerprint = id.contains(':') && (crate::redaction::kinds().contains(&kind) || key);
    if id.trim().is_empty() {
        Some(("an id is empty", "write what events call the key, or leave `ids` out if that is its name here"))
    } else if fingerprint && sayable(id).is_none() {
        Some((
            "this is no whole fingerprint",
            "write kind, key id and all sixteen characters, such as azure-function-key:k1:7Q2M4KXJ3VBNC5TD",
        ))
    } else if is_key(id) {
        Some((
            "this is a key itself or looks like one, and would be shown and kept",
            "write what events call it, which `gatewatch keys fingerprint` says of a key that you hold",
        ))
    } else {
        None
    }
}

/// Checks that a Front Door is named as it names itself, and where it is looked for.
fn front_door(path: &str, id: &str, addresses: &[Hop], wrong: &mut impl FnMut(&str, &str, &str)) {
    let mut parts = id.trim().split('-');
    let hex = |part: &str, long: usize| part.len() == long && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = [8, 4, 4, 4, 12].into_iter().all(|long| parts.next().is_some_and(|part| hex(part, long)));
    if !is_id || parts.next().is_some() {
        wrong(
            path,
            &format!("{id:?} is no id of a Front Door"),
            "write the GUID that its overview calls Front Door ID",
        );
    } else if !addresses.contains(&Hop::FrontDoor) {
        wrong(
            path,
            "nothing calls from a Front Door's addresses, so that the id decides nothing",
            "write addresses = [\"azure-front-door\"], or leave the id out",
        );
    }
}

/// Checks that every hop of an inventory is an address, a network or a set of them.
fn hops(inventory: &InventorySettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    for (name, app) in &inventory.apps {
        hops_of(&format!("apps.{name}.trusted_hops"), app.trusted_hops.as_deref().unwrap_or_default(), wrong);
    }
    for (name, gateway) in &inventory.gateways {
        hops_of(&format!("gateways.{name}.trusted_hops"), gateway.trusted_hops.as_deref().unwrap_or_default(), wrong);
        hops_of(&format!("gateways.{name}.addresses"), &gateway.addresses, wrong);
        if let Some(id) = gateway.front_door_id.as_deref() {
            front_door(&format!("gateways.{name}.front_door_id"), id, &gateway.addresses, wrong);
        }
    }
    for (name, key) in &inventory.keys {
        hops_of(&format!("keys.{name}.addresses"), &key.addresses, wrong);
    }
}

pub(super) fn hops_of(path: &str, hops: &[Hop], wrong: &mut impl FnMut(&str, &str, &str)) {
    for (n, hop) in hops.iter().enumerate() {
        if let Hop::Unknown(text) = hop {
            wrong(
                &format!("{path}[{n}]"),
                &format!("{text:?} is no address, network or set of them"),
                "write \"203.0.113.7\", \"10.0.0.0/8\", \"private\" or \"azure-front-door\"",
            );
        }
    }
}

/// Checks what is said to lie behind what: of a gateway whose addresses nobody knows, no request
/// could be told from one that came past it.
pub(super) fn layers(clients: &ClientSettings, config: &InventorySettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    for name in circles(&config.gateways) {
        wrong(
            &format!("gateways.{name}.behind"),
            &format!("{name} lies behind itself, by way of others"),
            "name on each only the gateways that stand in front of it",
        );
    }
    let known = |name: &str| config.gateways.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let apps = config.apps.iter().map(|(name, app)| (format!("apps.{name}"), name, &app.behind, &app.trusted_hops));
    let gateways = config.gateways.iter();
    let gateways =
        gateways.map(|(name, gateway)| (format!("gateways.{name}"), name, &gateway.behind, &gateway.trusted_hops));
    for (path, name, behind, hops) in apps.chain(gateways) {
        let hops = hops.as_ref().or(clients.trusted_hops.as_ref()).is_some_and(|hops| !hops.is_empty());
        for (n, gateway) in behind.iter().enumerate() {
            let at = format!("{path}.behind[{n}]");
            if gateway.eq_ignore_ascii_case(name) {
                wrong(&at, "it can't lie behind itself", "name the gateway in front of it, or leave `behind` out");
            } else if !hops && known(gateway).is_none_or(|(_, gateway)| gateway.addresses.is_empty()) {
                wrong(
                    &at,
                    &format!("nothing says from where {gateway} calls what lies behind it"),
                    &format!(
                        "write [gateways.\"{gateway}\"] with addresses = [\"203.0.113.7\"], or trusted_hops for this app"
                    ),
                );
            }
        }
    }
}

/// Returns the gateways in front of which, by way of others, they stand themselves.
fn circles(gateways: &BTreeMap<String, GatewaySettings>) -> BTreeSet<&str> {
    let behind = |name: &str| {
        let of = gateways.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        of.map_or(&[][..], |(_, gateway)| gateway.behind.as_slice())
    };
    let returns = |name: &&str| {
        let (mut seen, mut left): (BTreeSet<String>, Vec<&String>) = (BTreeSet::new(), behind(name).iter().collect());
        while let Some(next) = left.pop() {
            // That one lies behind itself is told elsewhere.
            if next.eq_ignore_ascii_case(name) && !seen.is_empty() {
                return true;
            }
            if !next.eq_ignore_ascii_case(name) && seen.insert(next.to_ascii_lowercase()) {
                left.extend(behind(next));
            }
        }
        false
    };
    gateways.keys().map(String::as_str).filter(returns).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{load, render};
    use crate::redaction::made;

    /// What is said of `text`, and how often.
    fn told(text: &str) -> (usize, String) {
        let problems = load("gatewatch.toml", text).err().unwrap_or_default();
        (problems.len(), render(&problems, text, false))
    }

    #[test]
    fn a_key_itself_is_refused_where_its_id_should_stand_and_not_shown() {
        let mut next = 7_u64;
        let mut random = move || {
            next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            next
        };
        let whole = made::function_key(&mut random, crate::telemetry::Privilege::Function);
        let hex = made::apim_hex_key(&mut random);
        for key in [whole, hex] {
            let (problems, says) = told(&format!("[keys.a]\nids = ['{key}']\n"));
            assert!(problems == 1 && says.contains("this is a key itself") && !says.contains(&key), "{says}");
            let (problems, says) = told(&format!("[keys.'{key}']\nowner = 'dana'\n"));
            assert!(problems == 1 && says.contains("where its name should") && !says.contains(&key), "{says}");
        }
    }

    #[test]
    fn an_id_is_whole_and_one_keys_alone() {
        let good = "[keys.a]\nids = ['azure-function-key:k1:7Q2M4KXJ3VBNC5TD', 'partner-subscription', 'amber-falcon', '65f0c2aa1b2c3d4e5f607182']\n\
                    [keys.mossy-otter]\nowner = 'dana'\n[keys.b]\nids = ['fabrikam:prod']\n";
        assert_eq!(told(good), (0, String::new()));
        for broken in
            ["azure-function-key:k1:7Q2M4K", "azure-function-key:7Q2M4KXJ3VBNC5TD", "jwt:k1:7q2m4kxj3vbnc5td", " "]
        {
            let (problems, says) = told(&format!("[keys.a]\nids = ['{broken}']\n"));
            assert!(problems == 1 && (says.contains("no whole fingerprint") || says.contains("is empty")), "{says}");
        }
        let (problems, says) = told("[keys.a]\nids = ['sub-1', 'SUB-1']\n[keys.b]\nids = ['sub-1']\n[keys.sub-1]\n");
        assert_eq!(problems, 3, "{says}");
        assert!(says.contains("stands there twice") && says.contains("an id of [keys.a] too"), "{says}");
        let (problems, says) = told("[keys.a]\nids = []\n");
        assert!(problems == 1 && says.contains("leave it out"), "{says}");
        let (_, says) = told("[keys.a]\nrotate_every = '0s'\n");
        assert!(says.contains("no key is changed every 0ms"), "{says}");
    }

    #[test]
    fn two_names_that_are_one_but_for_their_case_are_told() {
        let text = "[apps.Orders-Api]\nowner = 'a'\n[apps.orders-api]\nowner = 'b'\n[gateways.Edge]\n[gateways.edge]\n\
                    [origins.'https://Shop.example/']\n[origins.'https://shop.example']\n";
        let (problems, says) = told(text);
        assert_eq!(problems, 3, "{says}");
        assert!(says.contains("\"orders-api\" and \"Orders-Api\" are the same app"), "{says}");
    }

    #[test]
    fn an_origin_is_what_browsers_send() {
        let all = "[origins.'https://shop.example']\n[origins.'http://localhost:3000/']\n[origins.null]\n[origins.'capacitor://localhost']\n";
        assert_eq!(told(all).0, 0);
        for wrong in [
            "shop.example",
            "https://shop.example/cart",
            "https://",
            "https://*.shop.example",
            "https://u@shop.example",
        ] {
            let (problems, says) = told(&format!("[origins.'{wrong}']\nowner = 'web'\n"));
            assert!(
                problems == 1 && says.contains("is no origin") && says.contains("gatewatch.toml:1"),
                "{wrong}: {says}"
            );
        }
    }

    #[test]
    fn gateways_that_lie_behind_each_other_are_told() {
        let of = |more: &str| {
            format!(
                "[gateways.a]\naddresses = ['203.0.113.1']\nbehind = ['B']\n[gateways.b]\naddresses = ['203.0.113.2']\n{more}"
            )
        };
        assert_eq!(told(&of("")).0, 0);
        let (problems, says) = told(&of("behind = ['a']\n"));
        assert!(problems == 2 && says.contains("a lies behind itself, by way of others"), "{says}");
    }
}
