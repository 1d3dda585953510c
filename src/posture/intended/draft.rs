//! What would `model.yaml` say, if things are meant to be as they are?
//!
//! A draft has what configuration and telemetry show, and says beside each line what a person has to decide:
//! that something is so does not make it meant. It reads back without a problem. What is uncertain stands in it
//! as a comment, so that nobody is held to what nobody knew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::clock::Timestamp;
use crate::posture::configured::{Element, Model, PolicyScope, Setting, Sort, Value};
use crate::posture::controls::{Context, Ingress, Layer, Layers, State, layers_of};

/// What was observed of an app, a function or a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Addresses that called it with a key.
    pub callers: usize,
    /// The newest event.
    pub last: Timestamp,
    /// It is a gateway, or an operation of one.
    pub gateway: bool,
}

/// Returns a draft of what is configured in `model` and was observed, by the names of events.
pub fn draft(model: &Model, observed: &BTreeMap<String, Observed>) -> String {
    let context = Context::new(model);
    let mut out = format!(
        "# A draft of what is intended, from {} files{}.\n# It says what is, not what should be: decide what is marked so, \
         and take out what nobody answers for.\nversion: \"1\"\nreviews: []    # decide: who reviews it before production? \
         - {{ by: …, on: 2026-01-31, version: \"1\" }}\n",
        model.files,
        if observed.is_empty() { "" } else { " and from what the daemon has observed" }
    );
    apps(&context, observed, &mut out);
    gateways(&context, observed, &mut out);
    out.push_str(
        "accepted: []    # risks that somebody answers for: - { control: app.route-all, on: …, owner: …, reason: …, expires: … }\n",
    );
    out
}

fn apps(context: &Context<'_>, observed: &BTreeMap<String, Observed>, out: &mut String) {
    let mut blocks = Vec::new();
    let mut known: Vec<String> = Vec::new();
    for app in context.model.of_sort(Sort::App) {
        if is_name(&app.name) {
            known.push(app.name.to_ascii_lowercase());
            blocks.push(self::app(context, app, observed));
        } else if context.model.children(Sort::Function, &app.name).next().is_some() {
            blocks.push(format!("  # code in {}: no file says which app it is\n", remark(&app.name)));
        }
    }
    let gateway = |name: &str| context.model.get(Sort::Gateway, name).is_some();
    let other = |name: &str| !gateway(name) && !known.iter().any(|one| one == name);
    blocks.extend(only_seen(observed, false, other));
    list("apps", &blocks, out);
}

/// Returns the apps, or the gateways, that telemetry alone tells of.
fn only_seen(observed: &BTreeMap<String, Observed>, gateway: bool, other: impl Fn(&str) -> bool) -> Vec<String> {
    let mut seen: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (place, _) in observed.iter().filter(|(_, one)| one.gateway == gateway) {
        let (site, inner) = place.split_once('/').map_or((place.as_str(), None), |(site, one)| (site, Some(one)));
        if is_name(site) && other(site) {
            seen.entry(site).or_default().extend(inner);
        }
    }
    seen.iter().map(|(site, inner)| one_seen(site, inner, gateway, observed)).collect()
}

fn one_seen(site: &str, inner: &[&str], gateway: bool, observed: &BTreeMap<String, Observed>) -> String {
    let mut out = format!("  - name: {}    # observed; in no file: decide whether it should be there\n", quoted(site));
    if let Some(seen) = observed.get(site) {
        let _ = writeln!(out, "    # {}", told(seen));
    }
    let inner: Vec<_> = inner.iter().filter(|name| is_name(name)).collect();
    if !inner.is_empty() {
        out.push_str(if gateway { "    operations:\n" } else { "    functions:\n" });
    }
    for name in inner {
        let seen = observed.get(&format!("{site}/{name}")).map(|seen| format!(", {}", told(seen))).unwrap_or_default();
        let _ = writeln!(
            out,
            "      - {{ name: {} }}    # decide: by what does a caller prove who it is?{seen}",
            quoted(name)
        );
    }
    out
}

fn app(context: &Context<'_>, app: &Element, observed: &BTreeMap<String, Observed>) -> String {
    let mut out = format!(
        "  - name: {}\n    # owner: …    # decide: who answers for it?\n",
        quoted(&app.name.to_ascii_lowercase())
    );
    out.push_str("    # sensitive: true    # decide: is its data worth more care than most?\n");
    way(context, app, &mut out);
    let functions: Vec<&Element> = context
        .model
        .children(Sort::Function, &app.name)
        .filter(|one| one.text(Setting::Trigger) == Some("httpTrigger"))
        .collect();
    let proofs: Vec<Proof> = functions.iter().map(|one| proof(context, app, one)).collect();
    let usual = usual(&proofs);
    if let Some(way) = usual {
        let _ = writeln!(out, "    authentication: [{way}]");
    }
    listed(app, Setting::AuthAudiences, "audiences", usual.is_some_and(|way| way == "easy-auth"), &mut out);
    listed(app, Setting::CorsOrigins, "origins", true, &mut out);
    out.push_str("    # reaches: […]    # decide: which vaults, accounts and servers may its identity reach?\n");
    if functions.is_empty() {
        return out;
    }
    prefix(app, &mut out);
    out.push_str("    # complete: true    # decide: are these all of its functions?\n    functions:\n");
    for (one, proof) in functions.iter().zip(&proofs) {
        let name = one.name.get(app.name.len() + 1..).unwrap_or(&one.name);
        if is_name(name) {
            out.push_str(&function(name, one, proof, usual));
            let place = format!("{}/{name}", app.name).to_ascii_lowercase();
            if let Some(seen) = observed.get(&place) {
                let _ = writeln!(out, "        # {}", told(seen));
            }
        }
    }
    out
}

fn function(name: &str, one: &Element, proof: &Proof, usual: Option<&str>) -> String {
    let mut keys = vec![format!("name: {}", quoted(name))];
    let route = one.text(Setting::Route).filter(|route| !route.is_empty() && !route.eq_ignore_ascii_case(name));
    keys.extend(route.map(|route| format!("route: {}", quoted(route))));
    match proof.way {
        Some(way) if Some(way) != usual => keys.push(format!("authentication: [{way}]")),
        _ => {}
    }
    let remark = proof.remark.as_deref().map(|says| format!("    # {}", self::remark(says))).unwrap_or_default();
    format!("      - {{ {} }}{remark}\n", keys.join(", "))
}

/// By what a caller proves who it is, as far as files tell.
struct Proof {
    way: Option<&'static str>,
    remark: Option<String>,
}

fn proof(context: &Context<'_>, app: &Element, function: &Element) -> Proof {
    let layers: Layers = layers_of(context, function);
    let (key, token) = (layers.of(Layer::Key), layers.of(Layer::Token));
    let gateway = !context.fronts(&app.name).is_empty();
    let level = function.text(Setting::AuthLevel).unwrap_or_default();
    let says =
        |layer| layers.layers.iter().find(|one| one.layer == layer).map(|one| one.says.clone()).unwrap_or_default();
    match (token, key) {
        (State::Configured, _) => {
            let way = if says(Layer::Token).contains("App Service") { "easy-auth" } else { "jwt" };
            let more = (key == State::Configured).then(|| format!("and asks for a key: {level}"));
            Proof { way: Some(way), remark: more }
        }
        (_, State::Configured) if level == "admin" => {
            Proof { way: Some("admin-key"), remark: Some("decide: the master key opens everything".to_owned()) }
        }
        (_, State::Configured) => {
            let doubt = (token == State::Unknown || gateway).then(|| format!("decide: token: {}", says(Layer::Token)));
            Proof { way: Some("function-key"), remark: doubt }
        }
        (State::Unknown, State::NotConfigured) => {
            Proof { way: None, remark: Some(format!("decide: anonymous; token: {}", says(Layer::Token))) }
        }
        (_, State::NotConfigured) => Proof {
            way: Some("anonymous"),
            remark: Some("decide: anybody may call it, unless its code checks who calls".to_owned()),
        },
        _ => Proof { way: None, remark: Some(format!("decide: its level: {}", says(Layer::Key))) },
    }
}

/// Returns the way that most functions have; open ones are named one by one.
fn usual(proofs: &[Proof]) -> Option<&'static str> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for way in proofs.iter().filter_map(|proof| proof.way).filter(|way| *way != "anonymous") {
        *counts.entry(way).or_default() += 1;
    }
    // Where one is not known, the app must not say it for it.
    let certain = proofs.iter().all(|proof| proof.way.is_some());
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(way, _)| way).filter(|_| certain)
}

fn way(context: &Context<'_>, app: &Element, out: &mut String) {
    let mut gateways: Vec<&str> =
        context.fronts(&app.name).iter().filter_map(|front| front.api.split('/').next()).collect();
    gateways.sort_unstable();
    gateways.dedup();
    let ingress = Ingress::of(app, false);
    let names: Vec<String> = gateways.iter().map(|name| quoted(&name.to_ascii_lowercase())).collect();
    let _ = match (names.is_empty(), ingress.state()) {
        (true, _) => {
            writeln!(out, "    # gateways: []    # decide: is it meant to be called straight? {}", ingress.told())
        }
        (false, State::Configured) => writeln!(out, "    gateways: [{}]    # {}", names.join(", "), ingress.told()),
        (false, _) => writeln!(
            out,
            "    # gateways: [{}]    # decide: is that the only way? An API leads here, and {}",
            names.join(", "),
            ingress.told()
        ),
    };
    networks(app, &ingress, names.is_empty(), out);
}

/// Writes the networks of the access rules: as a line only where they are all that may call.
fn networks(app: &Element, ingress: &Ingress, straight: bool, out: &mut String) {
    let said = app.all(Setting::IpRules);
    let Some(rules) = said.iter().find_map(|given| match &given.value {
        Value::List(rules) => Some(rules),
        _ => None,
    }) else {
        return;
    };
    let allowed: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule.split_once(' ').filter(|(action, _)| action.eq_ignore_ascii_case("allow")))
        .map(|(_, whom)| whom)
        .collect();
    let is_address = |whom: &&str| whom.parse::<ipnet::IpNet>().is_ok() || whom.parse::<std::net::IpAddr>().is_ok();
    let all: Vec<String> = allowed.iter().copied().filter(is_address).map(quoted).collect();
    if all.is_empty() || ingress.state() != State::Configured {
        return;
    }
    let private = app.get(Setting::PrivateEndpoint).is_some() || matches!(ingress, Ingress::Closed(_));
    let agreed = said.iter().all(|given| matches!(&given.value, Value::List(other) if other == rules));
    let certain = straight && !private && agreed && all.len() == allowed.len();
    let (mark, remark) = if certain {
        ("", "by its access rules")
    } else {
        ("# ", "decide: are these all? Some access rules say so; others, a gateway or a private endpoint lead here too")
    };
    let _ = writeln!(out, "    {mark}networks: [{}]    # {remark}", all.join(", "));
}

/// Writes what stands before routes, where every file says the same and it is not the default.
fn prefix(app: &Element, out: &mut String) {
    let said = app.all(Setting::RoutePrefix);
    let Some(Value::Text(prefix)) = said.first().map(|given| &given.value) else { return };
    let agreed = said.iter().all(|given| matches!(&given.value, Value::Text(other) if other == prefix));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if !agreed || !prefix.chars().all(plain) {
        let _ = writeln!(out, "    # route_prefix: …    # decide: {}", remark(prefix));
    } else if !prefix.trim_matches('/').eq_ignore_ascii_case("api") {
        let _ = writeln!(out, "    route_prefix: {}    # by host.json", quoted(prefix));
    }
}

fn listed(app: &Element, setting: Setting, key: &str, certain: bool, out: &mut String) {
    let Some(Value::List(items)) = app.get(setting).map(|given| &given.value) else { return };
    let sound =
        |item: &&String| setting != Setting::CorsOrigins || item.starts_with("https://") || item.starts_with("http://");
    let all: Vec<String> = items.iter().filter(sound).map(|item| quoted(item)).collect();
    if items.iter().any(|item| item == "*") {
        let _ = writeln!(out, "    # {key}: […]    # decide: `*` is configured, so any may");
    } else if !all.is_empty() {
        let mark = if certain { "" } else { "# " };
        let _ = writeln!(out, "    {mark}{key}: [{}]", all.join(", "));
    }
}

fn gateways(context: &Context<'_>, observed: &BTreeMap<String, Observed>, out: &mut String) {
    let mut blocks = Vec::new();
    for gateway in context.model.of_sort(Sort::Gateway).filter(|one| is_name(&one.name)) {
        let mut block = format!("  - name: {}\n", quoted(&gateway.name.to_ascii_lowercase()));
        if let Some(seen) = observed.get(&gateway.name.to_ascii_lowercase()) {
            let _ = writeln!(block, "    # {}", told(seen));
        }
        let mut operations = String::new();
        for api in context.model.children(Sort::Api, &gateway.name) {
            let (way, doubt) = match (context.api_token(api), context.key(api)) {
                (State::Configured, _) => (Some("jwt"), None),
                (State::Unknown, _) => (None, Some("decide: a token may be checked")),
                (_, Some(true)) => {
                    (Some("subscription-key"), Some("decide: a subscription key names an app, it proves nobody"))
                }
                (_, Some(false)) => {
                    (Some("anonymous"), Some("decide: anybody may call it, unless its own policy checks"))
                }
                (_, None) => (None, Some("decide: whether a subscription is needed is not known")),
            };
            let short = api.name.rsplit('/').next().unwrap_or(&api.name);
            let mut any = false;
            for operation in context.model.children(Sort::Operation, &api.name) {
                let name = operation.name.rsplit('/').next().unwrap_or_default();
                if !is_name(name) || !is_name(short) {
                    continue;
                }
                any = true;
                let own = own_token(context, &gateway.name, short, name);
                let (way, doubt) = match own {
                    Some(State::Configured) => (Some("jwt"), None),
                    Some(State::Unknown) => (None, Some("decide: a token may be checked")),
                    Some(State::NotConfigured) if way == Some("jwt") => {
                        (None, Some("decide: its own policy drops the token check of its API"))
                    }
                    _ => (way, doubt),
                };
                let way = way.map(|way| format!(", authentication: [{way}]")).unwrap_or_default();
                let doubt = doubt.map(|doubt| format!("    # {doubt}")).unwrap_or_default();
                let name = quoted(&format!("{short}/{name}").to_ascii_lowercase());
                let _ = writeln!(operations, "      - {{ name: {name}{way} }}{doubt}");
            }
            if !any {
                let _ = writeln!(operations, "      # api {}: its operations are in no file", remark(short));
            }
        }
        if operations.lines().any(|line| line.trim_start().starts_with('-')) {
            block.push_str("    # complete: true    # decide: are these all of its operations?\n    operations:\n");
        }
        block.push_str(&operations);
        blocks.push(block);
    }
    blocks.extend(only_seen(observed, true, |name| context.model.get(Sort::Gateway, name).is_none()));
    list("gateways", &blocks, out);
}

/// Tells whether an operation that has a policy of its own checks a token.
fn own_token(context: &Context<'_>, gateway: &str, api: &str, operation: &str) -> Option<State> {
    let policies = context.model.gateways.of(gateway);
    let [api, operation] = [api, operation].map(str::to_ascii_lowercase);
    let own = PolicyScope::Operation(api.clone(), operation);
    let forms = policies.of(&own).len();
    let chain = [own, PolicyScope::Api(api), PolicyScope::Global];
    (0..forms).map(|form| context.checked(policies, gateway, &chain, form)).max()
}

fn list(key: &str, blocks: &[String], out: &mut String) {
    if blocks.iter().any(|block| block.trim_start().starts_with('-')) {
        let _ = writeln!(out, "{key}:");
    } else {
        let _ = writeln!(out, "{key}: []");
    }
    out.push_str(&blocks.concat());
}

fn told(seen: &Observed) -> String {
    format!(
        "{} address{} called it with a key, last at {}",
        seen.callers,
        if seen.callers == 1 { "" } else { "es" },
        seen.last
    )
}

/// Tells whether a text can be a name in the model.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 260 && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '/')
}

/// Returns a text as YAML reads it back.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    let other =
        ["true", "false", "yes", "no", "on", "off", "null", "y", "n"].iter().any(|one| text.eq_ignore_ascii_case(one));
    if word && !other { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// Returns a text that may stand in a comment: on one line.
fn remark(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Intended;
    use super::*;
    use crate::posture::configured::read;
    use crate::posture::controls::shipped;
    use crate::redaction::{KeyRing, Redactor, Settings};

    #[test]
    fn a_draft_reads_back_whatever_names_things_have() {
        let template = serde_json::json!({
            "$schema": "https://x/deploymentTemplate.json#",
            "resources": [
                { "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "func-a", "properties": {
                    "siteConfig": { "cors": { "allowedOrigins": ["https://a.example", "chrome: odd"] } } } },
                { "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "true", "properties": {} },
                { "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "odd\n- name: x", "properties": {} },
                { "type": "Microsoft.Web/sites/functions", "name": "func-a/Pay", "properties": { "config": {
                    "bindings": [ { "type": "httpTrigger", "authLevel": "function", "route": "pay/{id}: #1" } ] } } },
                { "type": "Microsoft.Web/sites/functions", "name": "func-a/Open", "properties": { "config": {
                    "bindings": [ { "type": "httpTrigger", "authLevel": "anonymous" } ] } } },
            ],
        });
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let model = read(&["main.json".to_owned()], &mut |_| Ok(template.to_string().into_bytes()), &redactor);
        let at = Timestamp::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
        let seen = |callers| Observed { callers, last: at, gateway: false };
        let gateway = Observed { gateway: true, ..seen(2) };
        let observed = BTreeMap::from([
            ("func-a/pay".to_owned(), seen(3)),
            ("func-z/run".to_owned(), seen(1)),
            ("apim-x/get".to_owned(), gateway.clone()),
            ("apim-x".to_owned(), gateway),
        ]);
        let text = draft(&model, &observed);
        let read = Intended::read("model.yaml", &text, &shipped().unwrap(), at);
        let read = read.unwrap_or_else(|problems| panic!("{problems:#?}\n{text}"));
        let names: Vec<&str> = read.sites.iter().map(|site| &*site.name).collect();
        assert_eq!(names, ["apim-x", "func-a", "func-z", "true"], "{text}");
        let gateway = &read.sites[0];
        assert!(gateway.gateway && &*gateway.endpoints[0].name == "apim-x/get", "{text}");
        let of = |name: &str| {
            let one = read.sites[1].endpoints.iter().find(|one| &*one.name == name).unwrap();
            one.meant.authentication.iter().map(|way| way.name()).collect::<Vec<_>>()
        };
        assert_eq!((of("func-a/pay"), of("func-a/open")), (vec!["function-key"], vec!["anonymous"]), "{text}");
        assert_eq!(read.sites[1].meant.origins.as_deref(), Some(&["https://a.example".to_owned()][..]));
        assert!(text.contains("# 3 addresses called it with a key, last at 2026-11-20T12:00:00Z"), "{text}");
        assert!(text.contains("decide: anybody may call it"), "{text}");
    }

    #[test]
    fn networks_are_meant_only_where_they_are_all_that_may_call() {
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let drafted = |files: &[serde_json::Value]| {
            let names: Vec<String> = (0..files.len()).map(|nth| format!("{nth}/main.json")).collect();
            let mut load = |name: &str| Ok(files[name[..1].parse::<usize>().unwrap()].to_string().into_bytes());
            draft(&read(&names, &mut load, &redactor), &BTreeMap::new())
        };
        let file = |rules: serde_json::Value| {
            serde_json::json!({
                "$schema": "https://x/deploymentTemplate.json#",
                "resources": [{ "type": "Microsoft.Web/sites", "kind": "functionapp", "name": "func-a", "properties": {
                    "siteConfig": { "ipSecurityRestrictionsDefaultAction": "Deny", "ipSecurityRestrictions": rules } } }],
            })
        };
        let address = |ip: &str| serde_json::json!({ "ipAddress": ip, "action": "Allow", "priority": 100 });
        let tag = serde_json::json!({ "ipAddress": "AzureFrontDoor.Backend", "tag": "ServiceTag", "action": "Allow", "priority": 110 });
        let (one, other) = (address("203.0.113.0/24"), address("198.51.100.7/32"));
        let sure = drafted(&[file(serde_json::json!([one]))]);
        assert!(sure.contains("    networks: [\"203.0.113.0/24\"]"), "{sure}");
        for files in [
            vec![file(serde_json::json!([one, tag]))],
            vec![file(serde_json::json!([one])), file(serde_json::json!([one, other]))],
        ] {
            let text = drafted(&files);
            assert!(text.contains("    # networks: [") && !text.contains("    networks: ["), "{text}");
        }
    }

    #[test]
    fn what_stands_before_routes_is_that_of_host_json() {
        let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
        let host = r#"{ "version": "2.0", "extensions": { "http": { "routePrefix": "v1/shop" } } }"#;
        let function =
            r#"{ "bindings": [{ "type": "httpTrigger", "authLevel": "function", "route": "orders/{id}" }] }"#;
        let names = ["func-a/host.json".to_owned(), "func-a/Pay/function.json".to_owned()];
        let mut load = |name: &str| Ok(if name.ends_with("host.json") { host } else { function }.as_bytes().to_vec());
        let mut model = read(&names, &mut load, &redactor);
        model.element(Sort::App, "func-a", None, &crate::posture::configured::Place::line(&"x".into(), 1));
        let text = draft(&model, &BTreeMap::new());
        assert!(text.contains("    route_prefix: v1/shop    # by host.json"), "{text}");
        assert!(text.contains("route: \"orders/{id}\""), "{text}");
    }
}
