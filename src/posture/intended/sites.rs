//! What does `model.yaml` say of apps and gateways?
//!
//! An endpoint gets what its app says here, once, so that nobody downstream asks twice. What each said
//! itself is handed to the slots of its app.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use super::own::Own;
use super::{Endpoint, Meant, Site};
use crate::posture::Problems;
use crate::posture::document::{self, Located, Node, Section};

/// Apps and gateways read.
const MAX_SITES: usize = 2_000;
/// Endpoints read, of all of them together.
const MAX_ENDPOINTS: usize = 50_000;
/// Items read of one list.
const MAX_ITEMS: usize = 1_000;
/// Bytes of a name.
const MAX_NAME: usize = 260;

const OF_APP: &[&str] = &[
    "route_prefix",
    "name",
    "owner",
    "sensitive",
    "authentication",
    "issuers",
    "audiences",
    "gateways",
    "origins",
    "networks",
    "callers",
    "reaches",
    "complete",
    "functions",
    "slots",
];
/// A gateway has all but the first, and operations.
const OF_GATEWAY: &[&str] = &[
    "name",
    "owner",
    "sensitive",
    "authentication",
    "issuers",
    "audiences",
    "gateways",
    "origins",
    "networks",
    "callers",
    "reaches",
    "complete",
    "operations",
];
/// A function may say where it is called, too.
const OF_FUNCTION: [&str; 9] =
    ["route", "name", "authentication", "issuers", "audiences", "gateways", "origins", "networks", "callers"];
/// What is said of functions, operations and slots.
pub(super) const OF_MEANT: [&str; 8] =
    ["name", "authentication", "issuers", "audiences", "gateways", "origins", "networks", "callers"];

/// How much was read so far, slots included.
#[derive(Debug, Default)]
pub(super) struct Room {
    sites: usize,
    endpoints: usize,
}

impl Room {
    /// Takes room for a slot with so many endpoints, if there is any.
    ///
    /// # Errors
    ///
    /// Says of what there are too many.
    pub(super) fn take(&mut self, endpoints: usize) -> Result<(), String> {
        if self.sites >= MAX_SITES {
            return Err(too_many_sites());
        }
        if self.endpoints + endpoints > MAX_ENDPOINTS {
            return Err(too_many_endpoints());
        }
        (self.sites, self.endpoints) = (self.sites + 1, self.endpoints + endpoints);
        Ok(())
    }
}

fn too_many_sites() -> String {
    format!("There are more than {MAX_SITES} apps and gateways, slots among them. Leave out those with nothing to say.")
}

fn too_many_endpoints() -> String {
    format!(
        "There are more than {MAX_ENDPOINTS} endpoints, those of slots among them. Leave out what its app says already."
    )
}

/// Reads apps, or gateways, into `sites`.
pub(super) fn read(
    items: Vec<Located>,
    gateway: bool,
    sites: &mut Vec<Site>,
    room: &mut Room,
    problems: &mut Problems,
) {
    let mut known: HashSet<Arc<str>> = HashSet::new();
    for item in items {
        if room.sites >= MAX_SITES {
            problems.add(item.line, too_many_sites());
            return;
        }
        room.sites += 1;
        let Some((site, slots)) = site(item, gateway, room, problems) else { continue };
        if !known.insert(site.name.clone()) {
            let what = if gateway { "gateways" } else { "apps" };
            problems.add(site.line, format!("There are two {what} `{}`. Keep one of them.", site.name));
        }
        sites.push(site);
        sites.extend(slots);
    }
}

/// Checks that gateways which are nearly called like a declared one are meant to be others.
pub(super) fn check(sites: &[Site], problems: &mut Problems) {
    let declared: BTreeSet<&str> = sites.iter().filter(|site| site.gateway).map(|site| &*site.name).collect();
    let mut told: HashSet<(usize, &str)> = HashSet::new();
    for site in sites {
        let of_site = site.meant.gateways.iter().flatten().map(|name| (site.line, name));
        let of_endpoints = site.endpoints.iter().flat_map(|one| {
            let own = one.meant.gateways.iter().flatten().filter(|_| one.meant.gateways != site.meant.gateways);
            own.map(|name| (one.line, name))
        });
        for (line, name) in of_site.chain(of_endpoints) {
            let known = declared.contains(name.as_str()) || !told.insert((line, name));
            if !known && document::nearest(name, declared.iter().copied()).is_some() {
                problems.add(line, document::unknown(name, "a gateway of this model", declared.iter().copied()));
            }
        }
    }
}

fn site(item: Located, gateway: bool, room: &mut Room, problems: &mut Problems) -> Option<(Site, Vec<Site>)> {
    let line = item.line;
    let (what, inner, keys) =
        if gateway { ("a gateway", "operations", OF_GATEWAY) } else { ("an app", "functions", OF_APP) };
    let mut section = item.section(if gateway { "A gateway" } else { "An app" }, problems)?;
    let name = name(&mut section, "Name it as Azure does, such as `name: orders-api`.", false, problems);
    let owner = section.take("owner").and_then(|owner| owner.text("`owner`", problems));
    let sensitive = section.flag("sensitive", problems);
    let complete = section.flag("complete", problems);
    let route_prefix = if gateway { None } else { prefix(&mut section, problems) };
    let meant = Own::take(&mut section, problems).within(&Meant::default());
    let reaches = reaches(&mut section, problems);
    if complete && !section.has(inner) {
        problems.add(line, format!("`complete` without `{inner}` says that it has none. List them, or leave it out."));
    }
    let endpoints = section.take(inner).map(|list| items(list, inner, problems)).unwrap_or_default();
    let slots = section.take("slots").filter(|_| !gateway);
    section.finish(&format!("a key of {what}"), keys, problems);
    let endpoints = name.as_deref().map(|name| self::endpoints(endpoints, (name, gateway), &meant, room, problems));
    let (endpoints, own): (Vec<Endpoint>, Vec<Own>) = endpoints.unwrap_or_default().into_iter().unzip();
    let site =
        Site { name: name?.into(), gateway, owner, sensitive, meant, route_prefix, reaches, endpoints, complete, line };
    let slots = slots.map(|list| super::slots::read(list, (&site, &own), room, problems)).unwrap_or_default();
    Some((site, slots))
}

fn endpoints(
    items: Vec<Located>,
    (site, gateway): (&str, bool),
    of_site: &Meant,
    room: &mut Room,
    problems: &mut Problems,
) -> Vec<(Endpoint, Own)> {
    let (mut all, mut known) = (Vec::new(), HashSet::new());
    let (what, mend) = if gateway {
        ("an operation", "Name the operation by its id.")
    } else {
        ("a function", "Name the function as Azure does.")
    };
    for item in items {
        if room.endpoints >= MAX_ENDPOINTS {
            problems.add(item.line, too_many_endpoints());
            break;
        }
        room.endpoints += 1;
        let line = item.line;
        let Some(mut section) = item.section(if gateway { "An operation" } else { "A function" }, problems) else {
            continue;
        };
        let name = name(&mut section, mend, gateway, problems);
        let route = section.take("route").filter(|_| !gateway).and_then(|route| route.text("`route`", problems));
        let own = Own::take(&mut section, problems);
        section.finish(&format!("a key of {what}"), if gateway { &OF_MEANT } else { &OF_FUNCTION[..] }, problems);
        let Some(name) = name else { continue };
        let name: Arc<str> = format!("{site}/{name}").into();
        if !known.insert(name.clone()) {
            problems.add(line, format!("There are two endpoints `{name}`. Keep one of them."));
        }
        all.push((Endpoint { name, route, meant: own.within(of_site), line }, own));
    }
    all
}

/// Takes a name; that of an operation may have its API before a `/`.
pub(super) fn name(section: &mut Section, mend: &str, slash: bool, problems: &mut Problems) -> Option<String> {
    let value = section.demand("name", mend, problems)?;
    let text = value.text("`name`", problems)?.to_ascii_lowercase();
    let wrong = |c: char| c.is_control() || c.is_whitespace() || c == '/' && !slash;
    if text.len() > MAX_NAME || text.contains(wrong) || text.starts_with('/') || text.ends_with('/') {
        problems.add(value.line, format!("`{}` is no name. {mend}", text.chars().take(60).collect::<String>()));
        return None;
    }
    Some(text)
}

/// Takes what stands before an app's routes; nothing may, by `""`.
fn prefix(section: &mut Section, problems: &mut Problems) -> Option<String> {
    let value = section.take("route_prefix")?;
    if matches!(&value.node, Node::Text(text) if text.trim().is_empty()) {
        return Some(String::new());
    }
    let text = value.text("`route_prefix`", problems)?;
    let prefix = text.trim_matches('/').to_ascii_lowercase();
    if prefix.len() > MAX_NAME || prefix.contains(|c: char| c.is_control() || c.is_whitespace() || "{}?#".contains(c)) {
        let shown: String = text.chars().take(60).collect();
        let says =
            format!("`{shown}` is no prefix. Write `routePrefix` of host.json, such as `api`, or `\"\"` for none.");
        problems.add(value.line, says);
        return None;
    }
    Some(prefix)
}

/// Takes the names of what an identity may reach.
pub(super) fn reaches(section: &mut Section, problems: &mut Problems) -> Option<Vec<String>> {
    let list = section.take("reaches")?;
    let mut names = Vec::new();
    for (text, line) in within(&list, "reaches", "An item of `reaches`", problems) {
        if text.contains(['.', '/']) {
            let shown: String = text.chars().take(60).collect();
            let host = text.rsplit("://").next().unwrap_or(&text);
            let mend = if host.contains('.') { host.split(['.', '/']).next() } else { host.rsplit('/').next() };
            let mend: String = mend.unwrap_or_default().chars().take(60).collect();
            let mend = if mend.is_empty() { "kv-shop".to_owned() } else { mend };
            problems
                .add(line, format!("`{shown}` is not the name of a resource alone. Write it so, such as `{mend}`."));
        }
        names.push(text.to_ascii_lowercase());
    }
    Some(names)
}

/// Takes a list of texts that may be left out.
pub(super) fn texts(section: &mut Section, key: &str, problems: &mut Problems) -> Option<Vec<String>> {
    let list = section.take(key)?;
    let what = format!("An item of `{key}`");
    Some(within(&list, key, &what, problems).into_iter().map(|(text, _)| text).collect())
}

/// Returns the texts of a list with their lines, as many as are read.
pub(super) fn within(list: &Located, key: &str, what: &str, problems: &mut Problems) -> Vec<(String, usize)> {
    let mut texts = list.texts(what, problems);
    if texts.len() > MAX_ITEMS {
        problems.add(list.line, format!("`{key}` has more than {MAX_ITEMS} items. Leave some out."));
        texts.truncate(MAX_ITEMS);
    }
    texts
}

/// Takes a list of keys and values.
pub(super) fn items(list: Located, key: &str, problems: &mut Problems) -> Vec<Located> {
    match list.node {
        Node::List(items) => items,
        Node::Null => Vec::new(),
        other => {
            problems.add(list.line, format!("`{key}` must be a list, not {}.", other.describe()));
            Vec::new()
        }
    }
}
