//! What does `model.yaml` say, and what is wrong with it?
//!
//! Every problem is told at once, with its line. Nobody answers for a risk for ever: an acceptance ends
//! within two years of `now`. One that has ended is no problem of the file, it only counts no more. A
//! file is at most 8 MB.

use std::time::Duration;

use super::sites::{self, Room};
use super::{Accepted, Intended, Review};
use crate::clock::Timestamp;
use crate::context::day;
use crate::posture::controls::Controls;
use crate::posture::document::{self, Located, Node, Section};
use crate::posture::{Problem, Problems};

/// The largest model that is read, bytes.
pub const MAX_BYTES: usize = 8 << 20;
/// Accepted risks read.
const MAX_ACCEPTED: usize = 10_000;
/// Reviews read.
const MAX_REVIEWS: usize = 1_000;
/// The longest that a risk may be accepted for: two years.
const LONGEST: Duration = Duration::from_hours(731 * 24);
/// How far ahead of the clock a day may be that has begun elsewhere.
const ELSEWHERE: Duration = Duration::from_hours(24);

const KEYS: [&str; 5] = ["version", "reviews", "apps", "gateways", "accepted"];
const OF_REVIEW: [&str; 3] = ["by", "on", "version"];
const OF_ACCEPTED: [&str; 5] = ["control", "on", "owner", "reason", "expires"];

impl Intended {
    /// Reads the text of `file`; the controls that risks are accepted for are among `controls`.
    ///
    /// # Errors
    ///
    /// Every problem of the file, in order of their lines.
    pub fn read(file: &str, text: &str, controls: &Controls, now: Timestamp) -> Result<Self, Vec<Problem>> {
        let tree = document::read_up_to(file, text, MAX_BYTES).map_err(|problem| vec![problem])?;
        let mut problems = Problems::of(file);
        let mut read = Self::default();
        if let Some(mut section) = tree.section("The model", &mut problems) {
            let mend = "Give it one, such as `version: \"1\"`, and another with each change.";
            read.version = section.demand_text("version", mend, &mut problems).unwrap_or_default();
            read.reviews = reviews(&mut section, now, &mut problems);
            let mut room = Room::default();
            for (key, gateway) in [("apps", false), ("gateways", true)] {
                let items = list(&mut section, key, &mut problems);
                sites::read(items, gateway, &mut read.sites, &mut room, &mut problems);
            }
            sites::check(&read.sites, &mut problems);
            read.accepted = accepted(&mut section, controls, now, &mut problems);
            section.finish("a key of the model", &KEYS, &mut problems);
        }
        read.sites.sort_by(|a, b| (&a.name, a.gateway).cmp(&(&b.name, b.gateway)));
        if problems.is_empty() { Ok(read) } else { Err(problems.into_list()) }
    }

    /// Returns the risk that somebody answers for at `now`: that `control` is not held on `element`.
    pub fn accepts(&self, control: &str, element: &str, now: Timestamp) -> Option<&Accepted> {
        self.about(control, element).filter(|one| now < one.expires)
    }

    /// Returns the risk that somebody answers or answered for.
    pub fn about(&self, control: &str, element: &str) -> Option<&Accepted> {
        self.accepted.iter().find(|one| one.control == control && one.element.eq_ignore_ascii_case(element))
    }
}

/// Takes a list that may be left out.
fn list(section: &mut Section, key: &str, problems: &mut Problems) -> Vec<Located> {
    let Some(value) = section.take(key) else { return Vec::new() };
    match value.node {
        Node::List(items) => items,
        Node::Null => Vec::new(),
        other => {
            problems.add(value.line, format!("`{key}` must be a list, not {}.", other.describe()));
            Vec::new()
        }
    }
}

fn reviews(section: &mut Section, now: Timestamp, problems: &mut Problems) -> Vec<Review> {
    let items = list(section, "reviews", problems);
    if let Some(beyond) = items.get(MAX_REVIEWS) {
        problems.add(beyond.line, format!("There are more than {MAX_REVIEWS} reviews. Take out the oldest."));
    }
    let mut reviews = Vec::new();
    for item in items.into_iter().take(MAX_REVIEWS) {
        let Some(mut section) = item.section("A review", problems) else { continue };
        let by = section.demand_text("by", "Say who has looked at the model.", problems);
        let on = section.demand("on", "Say when, such as `on: 2026-11-01`.", problems);
        let line = on.as_ref().map_or(section.line, |on| on.line);
        let on = on.and_then(|on| moment("on", &on, problems));
        if on.is_some_and(|on| on > now.plus(ELSEWHERE)) {
            problems.add(line, "A review can't be in the future. Write the day on which it was.");
        }
        let version = section.demand_text("version", "Say which version of the model that was.", problems);
        section.finish("a key of a review", &OF_REVIEW, problems);
        if let (Some(by), Some(on), Some(version)) = (by, on, version) {
            reviews.push(Review { by, on, version });
        }
    }
    reviews
}

fn accepted(section: &mut Section, controls: &Controls, now: Timestamp, problems: &mut Problems) -> Vec<Accepted> {
    let items = list(section, "accepted", problems);
    if let Some(beyond) = items.get(MAX_ACCEPTED) {
        let says = format!("There are more than {MAX_ACCEPTED} accepted risks. Take out those that have ended.");
        problems.add(beyond.line, says);
    }
    let mut all: Vec<Accepted> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for item in items.into_iter().take(MAX_ACCEPTED) {
        let Some(one) = risk(item, controls, now, problems) else { continue };
        if !known.insert((one.control.clone(), one.element.clone())) {
            let says = format!("`{}` on `{}` is accepted twice. Keep one of them.", one.control, one.element);
            problems.add(one.line, says);
        }
        all.push(one);
    }
    all
}

fn risk(item: Located, controls: &Controls, now: Timestamp, problems: &mut Problems) -> Option<Accepted> {
    let line = item.line;
    let mut section = item.section("An accepted risk", problems)?;
    let control = section.demand("control", "Name the control that is not held, such as `app.route-all`.", problems);
    let control = control.and_then(|control| {
        let name = control.text("`control`", problems)?;
        if controls.named(&name).is_none() {
            let known = controls.all.iter().map(|one| one.id.as_str());
            problems.add(control.line, document::unknown(&name, "a control of controls.yaml", known));
        }
        Some(name)
    });
    let element = section.demand_text("on", "Name the element as `gatewatch threats check` does.", problems);
    let owner = section.demand_text("owner", "Say who answers for it.", problems);
    let reason = section.demand_text("reason", "Say why it may be so.", problems);
    let expires = section.demand("expires", "Say when that ends, such as `expires: 2027-03-01`.", problems);
    let expires = expires.and_then(|expires| {
        let at = moment("expires", &expires, problems)?;
        if at > now.plus(LONGEST) {
            problems.add(expires.line, "Nobody answers for a risk for longer than two years. Write an earlier day.");
        }
        Some(at)
    });
    section.finish("a key of an accepted risk", &OF_ACCEPTED, problems);
    Some(Accepted {
        control: control?,
        element: element?.to_ascii_lowercase(),
        owner: owner?,
        reason: reason?,
        expires: expires?,
        line,
    })
}

fn moment(key: &str, value: &Located, problems: &mut Problems) -> Option<Timestamp> {
    let text = value.text(&format!("`{key}`"), problems)?;
    let moment = day(&text);
    if moment.is_none() {
        let says =
            format!("`{key}` must be a day or a moment, such as 2026-03-15 or 2026-03-15T18:00:00Z, not `{text}`.");
        problems.add(value.line, says);
    }
    moment
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::Authentication;
    use super::*;
    use crate::posture::controls::shipped;

    const MODEL: &str = include_str!("../../../tests/fixtures/posture/model.yaml");

    fn read(text: &str) -> Result<Intended, Vec<String>> {
        let now = Timestamp::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
        let read = Intended::read("model.yaml", text, &shipped().unwrap(), now);
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_endpoint_has_what_its_app_has_unless_it_says_else() {
        let model = read(MODEL).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let names: Vec<_> = model.sites.iter().map(|site| (&*site.name, site.gateway, site.endpoints.len())).collect();
        let orders = model.sites.iter().find(|site| &*site.name == "orders-api").unwrap();
        assert!(names.contains(&("apim-shop", true, 2)), "{names:?}");
        assert_eq!((orders.owner.as_deref(), orders.sensitive, orders.complete), (Some("shop"), true, true));
        assert_eq!(orders.reaches.as_deref(), Some(&["kv-shop".to_owned(), "stshop".to_owned()][..]));
        let by_name = |name: &str| &orders.endpoints.iter().find(|one| &*one.name == name).unwrap().meant;
        let (place, health) = (by_name("orders-api/placeorder"), by_name("orders-api/health"));
        assert_eq!(place.authentication, [Authentication::Jwt]);
        assert_eq!(place.gateways.as_deref(), Some(&["apim-shop".to_owned()][..]));
        assert_eq!(place.networks.as_ref().map(Vec::len), Some(2));
        assert_eq!(health.authentication, [Authentication::Anonymous]);
        assert_eq!(health.gateways.as_deref(), Some(&[][..]), "it is called straight");
        assert_eq!(health.issuers, [""; 0], "who may call without a token has none");
    }

    #[test]
    fn every_problem_of_the_file_is_told_with_its_line() {
        let text = "\
reviews:
  - { by: platform, on: 2027-01-01, version: 3 }
apps:
  - name: orders-api
    authentication: [jwt, anonymus]
    gatways: [apim]
    networks: [10.0.0.0/33]
    origins: [shop.example]
    functions:
      - { name: health, authentication: [anonymous, jwt] }
      - { name: Health }
      - { owner: me }
  - name: Orders-API
  - { name: bare, complete: true }
accepted:
  - { control: app.vnet-integratoin, on: orders-api, owner: shop, reason: '', expires: 2029-03-01 }
  - { control: app.route-all, on: orders-api, owner: shop, reason: soon, expires: soon }
";
        assert_eq!(
            read(text).unwrap_err(),
            [
                "model.yaml:1: `version` is missing. Give it one, such as `version: \"1\"`, and another with each change.",
                "model.yaml:2: A review can't be in the future. Write the day on which it was.",
                "model.yaml:5: `anonymus` is not a way of proof. Did you mean `anonymous`?",
                "model.yaml:6: `gatways` is not a key of an app. Did you mean `gateways`?",
                "model.yaml:7: `10.0.0.0/33` is no network. Write `10.0.0.0/8`, an address, `private` or `azure-front-door`.",
                "model.yaml:8: `shop.example` is no origin. Write scheme and host alone, such as `https://shop.example`, or `\"*\"` for any.",
                "model.yaml:10: `anonymous` lets everybody in, so the others count for nothing. Leave it out, or them.",
                "model.yaml:11: There are two endpoints `orders-api/health`. Keep one of them.",
                "model.yaml:12: `name` is missing. Name the function as Azure does.",
                "model.yaml:12: `owner` is not a key of a function. Use one of: route, name, authentication, issuers, audiences, gateways, origins, networks, callers.",
                "model.yaml:13: There are two apps `orders-api`. Keep one of them.",
                "model.yaml:14: `complete` without `functions` says that it has none. List them, or leave it out.",
                "model.yaml:16: Nobody answers for a risk for longer than two years. Write an earlier day.",
                "model.yaml:16: `app.vnet-integratoin` is not a control of controls.yaml. Did you mean `app.vnet-integration`?",
                "model.yaml:16: `reason` must be a text, not ``.",
                "model.yaml:17: `expires` must be a day or a moment, such as 2026-03-15 or 2026-03-15T18:00:00Z, not `soon`.",
            ]
        );
    }

    #[test]
    fn an_endpoint_that_takes_no_token_has_none_that_its_app_takes() {
        let text = "version: 1\napps:\n  - name: a\n    authentication: [jwt]\n    issuers: [https://id.example]\n\
                    \x20   route_prefix: /V1/\n    functions:\n      - { name: keyed, authentication: [function-key] }\n\
                    \x20     - { name: as-its-app }\n  - { name: b, route_prefix: '' }\n";
        let model = read(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let issuers = |nth: usize| model.sites[0].endpoints[nth].meant.issuers.len();
        assert_eq!((issuers(0), issuers(1)), (0, 1));
        let prefixes: Vec<_> = model.sites.iter().map(|site| site.route_prefix.as_deref()).collect();
        assert_eq!(prefixes, [Some("v1"), Some("")]);
    }

    #[test]
    fn networks_that_let_nobody_in_and_hosts_in_place_of_names_are_problems() {
        let text = "version: 1\napps:\n  - name: a\n    networks: []\n    reaches: [https://kv-a.vault.azure.net/, st]\n\
                    \x20   route_prefix: 'v 1'\n";
        assert_eq!(
            read(text).unwrap_err(),
            [
                "model.yaml:4: `networks` is empty: nobody could call. Name those that may, or leave it out.",
                "model.yaml:5: `https://kv-a.vault.azure.net/` is not the name of a resource alone. Write it so, such as `kv-a`.",
                "model.yaml:6: `v 1` is no prefix. Write `routePrefix` of host.json, such as `api`, or `\"\"` for none.",
            ]
        );
    }

    #[test]
    fn a_gateway_that_is_nearly_a_declared_one_is_a_problem() {
        let text = "version: 1\napps:\n  - { name: a, gateways: [apim-shp] }\n  - { name: b, gateways: [fd-shop-edge] }\n\
                    gateways:\n  - { name: apim-shop }\n";
        assert_eq!(
            read(text).unwrap_err(),
            ["model.yaml:3: `apim-shp` is not a gateway of this model. Did you mean `apim-shop`?"]
        );
    }

    #[test]
    fn an_acceptance_that_has_ended_counts_no_more_and_is_no_problem() {
        let model = read(MODEL).unwrap_or_else(|problems| panic!("{problems:#?}"));
        let on = |day: &str| Timestamp::parse_rfc3339(&format!("{day}T00:00:00Z")).unwrap();
        let at = |time| model.accepts("app.vnet-integration", "Orders-API", time).map(|one| one.owner.as_str());
        assert_eq!((at(on("2027-02-28")), at(on("2027-03-01"))), (Some("shop"), None));
        assert!(model.about("app.vnet-integration", "orders-api").is_some());
        assert!(model.about("app.vnet-integration", "catalog-api").is_none());
    }

    #[test]
    fn as_many_endpoints_as_the_ceiling_are_read_and_no_more() {
        let mut text = "version: 1\napps:\n".to_owned();
        for app in 0..10 {
            let _ = writeln!(text, "  - name: app-{app}\n    functions:");
            for function in 0..5_000 {
                let _ = writeln!(text, "      - {{ name: f{function}, authentication: [jwt] }}");
            }
        }
        assert_eq!(read(&text).unwrap().sites.iter().map(|site| site.endpoints.len()).sum::<usize>(), 50_000);
        text.push_str("  - { name: more, functions: [{ name: f }] }\n");
        assert_eq!(
            read(&text).unwrap_err(),
            [
                "model.yaml:50023: There are more than 50000 endpoints, those of slots among them. Leave out what its app says already."
            ]
        );
    }
}
