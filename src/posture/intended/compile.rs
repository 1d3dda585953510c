//! How does what is intended become what events are held against?
//!
//! Endpoints that mean the same share one rule, so that 50,000 of them are small. From where gateways
//! call the inventory says; of one whose addresses nobody has written down, no request is said to have come
//! past it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ipnet::IpNet;

use super::{Intended, Meant, Site};
use crate::context::{GatewaySettings, Hop, IntentSite, Intents, Networks, Rule, Via};

impl Intended {
    /// Returns what events are held against; `gateways` say from where they call.
    pub fn compile(&self, gateways: &BTreeMap<String, GatewaySettings>) -> Intents {
        let from: HashMap<String, Vec<IpNet>> = gateways
            .iter()
            .map(|(name, of)| (name.to_ascii_lowercase(), of.addresses.iter().flat_map(Hop::networks).collect()))
            .collect();
        Intents::new(self.sites.iter().map(|site| ((&*site.name).into(), site.gateway, compiled(site, &from))))
    }
}

fn compiled(site: &Site, from: &HashMap<String, Vec<IpNet>>) -> IntentSite {
    let mut rules: Vec<(&Meant, Arc<Rule>)> = vec![(&site.meant, Arc::new(rule(&site.meant, from)))];
    let own = rules[0].1.clone();
    let endpoints = site.endpoints.iter().map(|one| {
        // Few differ, and those in a row mostly do so in the same way.
        let known = rules.iter().rev().take(16).find(|(meant, _)| **meant == one.meant).map(|(_, rule)| rule.clone());
        let rule = known.unwrap_or_else(|| {
            let rule = if one.meant == site.meant { own.clone() } else { Arc::new(rule(&one.meant, from)) };
            rules.push((&one.meant, rule.clone()));
            rule
        });
        let name = one.name.split_once('/').map_or(&*one.name, |(_, name)| name);
        (name.into(), one.route.as_deref().map(Into::into), rule)
    });
    let endpoints = endpoints.collect();
    IntentSite {
        rule: own,
        complete: site.complete,
        sensitive: site.sensitive,
        reaches: site.reaches.as_ref().map(|names| set(names)),
        prefix: site.route_prefix.as_deref().map(Into::into),
        endpoints,
    }
}

fn rule(meant: &Meant, from: &HashMap<String, Vec<IpNet>>) -> Rule {
    let ways: Vec<&str> = meant.authentication.iter().map(|way| way.name()).collect();
    let plain = |texts: &[String]| texts.iter().map(|text| text.trim_end_matches('/').into()).collect();
    Rule {
        authentication: ways.join(" ").into(),
        issuers: plain(&meant.issuers),
        audiences: plain(&meant.audiences),
        via: meant.gateways.as_deref().map(|gateways| via(gateways, from)),
        origins: meant.origins.as_ref().map(|origins| set(origins)),
        networks: meant.networks.as_ref().map(|networks| Networks::new(networks)),
    }
}

fn via(gateways: &[String], from: &HashMap<String, Vec<IpNet>>) -> Via {
    if gateways.is_empty() {
        return Via::Straight;
    }
    let known: Option<Vec<&Vec<IpNet>>> =
        gateways.iter().map(|name| from.get(name).filter(|networks| !networks.is_empty())).collect();
    let networks: Vec<IpNet> = known.into_iter().flatten().flatten().copied().collect();
    Via::Gateways(Networks::new(&networks))
}

fn set(texts: &[String]) -> HashSet<Box<str>> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::context::Act;
    use crate::posture::controls::shipped;
    use crate::telemetry::{Category, Kind, Outcome};

    #[test]
    fn what_the_file_says_is_what_events_are_held_against() {
        let text = include_str!("../../../tests/fixtures/posture/model.yaml");
        let now = Timestamp::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
        let model = Intended::read("model.yaml", text, &shipped().unwrap(), now).unwrap();
        let gateways: BTreeMap<String, GatewaySettings> =
            toml::from_str("[APIM-shop]\naddresses = ['203.0.113.70']\n").unwrap();
        let compiled = model.compile(&gateways);
        let act = |path, ip: &str| Act {
            kind: Kind::HttpRequest,
            category: Category::AppServiceHTTPLogs,
            outcome: Outcome::Success,
            resource: None,
            app: Some("orders-api"),
            function: None,
            gateway: None,
            operation: None,
            api: None,
            method: None,
            host: None,
            path: Some(path),
            ip: ip.parse().ok(),
            peer: None,
            layer: None,
            front_door: false,
            origin: Some("https://evil.example"),
            allowed_origin: Some("*"),
            key: false,
            token: None,
            identity: None,
        };
        let place = act("/api/orders", "203.0.113.9");
        let says = compiled.look(&place);
        assert_eq!((says.authentication, says.way, says.network), (Some("jwt"), Some("past"), Some(true)));
        assert_eq!((says.declared, says.origin, says.sensitive), (Some(true), Some(false), Some(true)));
        let health = act("/api/health", "192.0.2.1");
        assert_eq!(compiled.look(&health).way, Some("straight"));
        let unknown = model.compile(&BTreeMap::new());
        assert_eq!(unknown.look(&place).way, None, "nobody knows from where the gateway calls");
    }
}
