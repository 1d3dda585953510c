//! What does a site, a slot or an endpoint of `model.yaml` say for itself?
//!
//! What it does not say is as in what it lies in; but one that takes no token gets neither issuers nor
//! audiences, for nobody shows it one. It holds what the lists of one section hold.

use ipnet::IpNet;

use super::sites::{texts, within};
use super::{Authentication, Meant};
use crate::context::Hop;
use crate::posture::Problems;
use crate::posture::document::{self, Located, Node, Section};

/// What one of them says; `None` is not said.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    authentication: Option<Vec<Authentication>>,
    issuers: Option<Vec<String>>,
    audiences: Option<Vec<String>>,
    gateways: Option<Vec<String>>,
    origins: Option<Vec<String>>,
    networks: Option<Vec<IpNet>>,
    callers: Option<Vec<String>>,
}

impl Own {
    /// Takes it from a section.
    pub(super) fn take(section: &mut Section, problems: &mut Problems) -> Self {
        let authentication = section.take("authentication").map(|list| self::authentication(&list, problems));
        let mut own = Self { authentication, ..Self::default() };
        let token = own.takes_tokens();
        let mut of_tokens = |key: &str, problems: &mut Problems| {
            let line = section.line_of(key);
            let said = texts(section, key, problems);
            if said.is_some() && !token {
                let says =
                    format!("`{key}` are of tokens, which `authentication` does not take. Add `jwt`, or leave it out.");
                problems.add(line, says);
            }
            said
        };
        own.issuers = of_tokens("issuers", problems);
        own.audiences = of_tokens("audiences", problems);
        own.gateways = texts(section, "gateways", problems).map(lower);
        own.origins = origins(section, problems);
        own.networks = networks(section, problems);
        own.callers = texts(section, "callers", problems);
        own
    }

    fn takes_tokens(&self) -> bool {
        self.authentication.as_ref().is_none_or(|own| {
            own.is_empty() || own.iter().any(|way| matches!(way, Authentication::Jwt | Authentication::EasyAuth))
        })
    }

    /// Returns it without the ways by which and the networks from which it is called.
    pub(super) fn without_ways(&self) -> Self {
        Self { gateways: None, networks: None, ..self.clone() }
    }

    /// Returns what is meant for it in what it lies in.
    pub(super) fn within(&self, outer: &Meant) -> Meant {
        let of_tokens = |own: &Option<Vec<String>>, outer: &Vec<String>| match own {
            Some(own) => own.clone(),
            None if self.takes_tokens() => outer.clone(),
            None => Vec::new(),
        };
        Meant {
            authentication: self.authentication.as_ref().unwrap_or(&outer.authentication).clone(),
            issuers: of_tokens(&self.issuers, &outer.issuers),
            audiences: of_tokens(&self.audiences, &outer.audiences),
            gateways: self.gateways.clone().or_else(|| outer.gateways.clone()),
            origins: self.origins.clone().or_else(|| outer.origins.clone()),
            networks: self.networks.clone().or_else(|| outer.networks.clone()),
            callers: self.callers.as_ref().unwrap_or(&outer.callers).clone(),
        }
    }
}

fn authentication(list: &Located, problems: &mut Problems) -> Vec<Authentication> {
    let mut ways = Vec::new();
    for (name, line) in list.texts("A way of proof", problems) {
        match Authentication::ALL.into_iter().find(|way| way.name() == name) {
            Some(way) if ways.contains(&way) => {}
            Some(way) => ways.push(way),
            None => {
                let known = Authentication::ALL.iter().map(|way| way.name());
                problems.add(line, document::unknown(&name, "a way of proof", known));
            }
        }
    }
    if matches!(&list.node, Node::List(items) if items.is_empty()) {
        problems
            .add(list.line, "`authentication` is empty. Write `[anonymous]` where none is needed, or leave it out.");
    }
    if ways.len() > 1 && ways.contains(&Authentication::Anonymous) {
        let says = "`anonymous` lets everybody in, so the others count for nothing. Leave it out, or them.";
        problems.add(list.line, says);
    }
    ways
}

fn origins(section: &mut Section, problems: &mut Problems) -> Option<Vec<String>> {
    let list = section.take("origins")?;
    let mut origins = Vec::new();
    for (text, line) in within(&list, "origins", "An origin", problems) {
        let origin = text.trim_end_matches('/').to_ascii_lowercase();
        let host = origin.split_once("://").filter(|(scheme, _)| ["https", "http"].contains(scheme));
        let sound = host.is_some_and(|(_, host)| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*', '@']));
        if sound || origin == "*" {
            origins.push(origin);
        } else {
            let shown: String = text.chars().take(60).collect();
            let says = format!(
                "`{shown}` is no origin. Write scheme and host alone, such as `https://shop.example`, or `\"*\"` for any."
            );
            problems.add(line, says);
        }
    }
    Some(origins)
}

fn networks(section: &mut Section, problems: &mut Problems) -> Option<Vec<IpNet>> {
    let list = section.take("networks")?;
    let mut networks: Vec<IpNet> = Vec::new();
    if matches!(&list.node, Node::List(items) if items.is_empty()) {
        problems.add(list.line, "`networks` is empty: nobody could call. Name those that may, or leave it out.");
    }
    for (text, line) in within(&list, "networks", "A network", problems) {
        let found = Hop::from(text.clone()).networks();
        if found.is_empty() {
            let shown: String = text.chars().take(60).collect();
            let says =
                format!("`{shown}` is no network. Write `10.0.0.0/8`, an address, `private` or `azure-front-door`.");
            problems.add(line, says);
        }
        networks.extend(found);
    }
    Some(networks)
}

fn lower(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(|text| text.to_ascii_lowercase()).collect()
}
