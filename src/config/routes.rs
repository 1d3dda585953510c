//! Which routes can't be meant?
//!
//! One to a sink that is not there, one that nothing reaches because an earlier one takes everything,
//! and a sink to which none leads: it would never hear of anything.

use crate::alerts::{Level, no_kind};
use crate::sinks::{Pattern, Route};

use super::Sinks;

/// Routes at most.
const MOST: usize = 100;
/// What a route names of a kind, at most.
const MOST_NAMED: usize = 200;
/// Letters of a pattern.
const MOST_LETTERS: usize = 300;

/// Tells `wrong` of each: where, what, and how to mend it.
pub(super) fn check(sinks: &Sinks, routes: &[Route], wrong: &mut impl FnMut(&str, &str, &str)) {
    if routes.len() > MOST {
        wrong(
            "routes",
            &format!("{} routes are more than {MOST}", routes.len()),
            "name several of a kind in one route",
        );
    }
    let named = sinks.named();
    for (n, route) in routes.iter().enumerate() {
        if route.to.is_empty() {
            wrong(&format!("routes[{n}].to"), "this route leads nowhere", "name a sink: to = [\"ops\"]");
        }
        short(n, route, wrong);
        for (m, to) in route.to.iter().enumerate() {
            if named.iter().all(|(_, name, _)| name != to) {
                wrong(&format!("routes[{n}].to[{m}]"), &format!("there is no sink `{to}`"), &nearest(to, sinks));
            }
        }
        nothing_comes(n, routes, wrong);
    }
    if routes.is_empty() {
        return;
    }
    for (kind, name, _) in &named {
        if routes.iter().all(|route| route.to.iter().all(|to| to != name)) {
            wrong(
                &format!("sinks.{kind}.{name}"),
                "no route leads to this sink, so it never hears of anything",
                &format!("add [[routes]] with to = [\"{name}\"], or take the sink out"),
            );
        }
    }
}

/// A route names no more than can be looked at for each change of an alert.
fn short(n: usize, route: &Route, wrong: &mut impl FnMut(&str, &str, &str)) {
    let Route { to, families, levels, apps, entities, detectors, days, group_by, .. } = route;
    let lists = [
        ("to", to.len()),
        ("families", families.len()),
        ("levels", levels.len()),
        ("apps", apps.len()),
        ("entities", entities.len()),
        ("detectors", detectors.len()),
        ("days", days.len()),
        ("group_by", group_by.len()),
    ];
    for (what, many) in lists.into_iter().filter(|(_, many)| *many > MOST_NAMED) {
        let at = format!("routes[{n}].{what}");
        wrong(
            &at,
            &format!("{many} are more than {MOST_NAMED}"),
            "put what is alike into one pattern with `*`, or write two routes",
        );
    }
    for (m, pattern) in entities.iter().enumerate().take(MOST_NAMED) {
        if let Some((says, mend)) = no_kind(pattern.as_str()) {
            wrong(&format!("routes[{n}].entities[{m}]"), &says, &mend);
        }
    }
    for (what, patterns) in [("apps", apps), ("entities", entities), ("detectors", detectors)] {
        for (m, pattern) in patterns.iter().enumerate().take(MOST_NAMED) {
            let letters = pattern.as_str().chars().count();
            if letters > MOST_LETTERS {
                let at = format!("routes[{n}].{what}[{m}]");
                wrong(
                    &at,
                    &format!("the pattern has {letters} letters, more than {MOST_LETTERS}"),
                    "end it sooner, with `*`",
                );
            }
        }
    }
}

fn nearest(to: &str, sinks: &Sinks) -> String {
    let named = sinks.named();
    let near = named.iter().map(|(_, name, _)| (strsim::damerau_levenshtein(to, name), *name)).min();
    match near {
        Some((distance, name)) if distance <= 1 + name.len() / 3 => format!("did you mean `{name}`?"),
        Some(_) => {
            let all: Vec<&str> = named.iter().map(|(_, name, _)| *name).collect();
            format!("there are {}", all.join(", "))
        }
        None => "there is none yet: add one under [sinks]".to_owned(),
    }
}

/// Tells of a route that no alert can take.
fn nothing_comes(n: usize, routes: &[Route], wrong: &mut impl FnMut(&str, &str, &str)) {
    let route = &routes[n];
    if levels(route).is_empty() {
        let least = route.at_least.map_or_else(String::new, |least| format!(" at least {}", least.name()));
        wrong(
            &format!("routes[{n}].levels"),
            &format!("nothing comes here: none of these levels is{least}"),
            "leave out levels or at_least",
        );
    } else if let Some(earlier) = routes[..n].iter().position(|earlier| takes_all_of(earlier, route)) {
        let what = if takes_everything(&routes[earlier]) { "" } else { " that this one would" };
        wrong(
            &format!("routes[{n}]"),
            &format!("nothing comes here: route {} takes every alert{what}", earlier + 1),
            "put this one before that one, or write continue = true there",
        );
    }
}

fn takes_everything(route: &Route) -> bool {
    let Route { families, apps, entities, detectors, hours, days, .. } = route;
    let all = families.is_empty() && levels(route).len() == Level::ALL.len() && apps.is_empty();
    all && entities.is_empty() && detectors.is_empty() && hours.is_none() && days.is_empty() && !route.r#continue
}

/// Returns the levels that a route takes.
fn levels(route: &Route) -> Vec<Level> {
    let named = |level: &Level| route.levels.is_empty() || route.levels.contains(level);
    let bad = |level: &Level| route.at_least.is_none_or(|least| *level >= least);
    Level::ALL.into_iter().filter(|level| named(level) && bad(level)).collect()
}

/// Tells whether `earlier` takes every alert that `later` would, whenever it comes; in doubt it does not.
fn takes_all_of(earlier: &Route, later: &Route) -> bool {
    fn within<T>(later: &[T], earlier: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
        let covered = |one: &T| earlier.iter().any(|other| same(other, one));
        earlier.is_empty() || (!later.is_empty() && later.iter().all(covered))
    }
    // A value that an entity's pattern fits may be one of another kind.
    let alike =
        |other: &Pattern, one: &Pattern| other.as_str() == "*" || other.as_str().eq_ignore_ascii_case(one.as_str());
    let fits = |other: &Pattern, one: &Pattern| {
        alike(other, one) || (!one.as_str().contains(['*', '?', '[']) && other.matches(one.as_str()))
    };
    let (here, there) = (levels(later), levels(earlier));
    let same_clock = earlier.utc_offset == later.utc_offset;
    let days = earlier.days.is_empty() || (same_clock && within(&later.days, &earlier.days, |a, b| a == b));
    let hours = earlier.hours.is_none() || (same_clock && earlier.hours == later.hours);
    !earlier.r#continue
        && within(&later.families, &earlier.families, |a, b| a == b)
        && here.iter().all(|level| there.contains(level))
        && within(&later.apps, &earlier.apps, fits)
        && within(&later.entities, &earlier.entities, alike)
        && within(&later.detectors, &earlier.detectors, fits)
        && days
        && hours
}

#[cfg(test)]
mod tests {
    use crate::config::{load, render};

    const SINKS: &str =
        "[sinks.slack.ops]\nurl = { env = 'SLACK' }\n[sinks.pagerduty.night]\nrouting_key = { file = '/k' }\n";

    fn shown(text: &str) -> String {
        let problems = load("gatewatch.toml", text).expect_err("it has problems");
        render(&problems, text, false)
    }

    #[test]
    fn routes_read_as_they_are_written() {
        let text = format!(
            "{SINKS}[[routes]]\nat_least = 'critical'\nhours = '22:00-06:00'\nutc_offset = '+01:00'\nto = ['night']\n\
             continue = true\n[[routes]]\nto = ['ops']\ngroup_by = ['app']\nwait = '1m'\nat_most = '10 per 1h'\n"
        );
        let config =
            load("gatewatch.toml", &text).unwrap_or_else(|problems| panic!("{}", render(&problems, &text, false)));
        let written = toml::to_string(&config).unwrap();
        assert!(written.contains("22:00-06:00") && written.contains("10 per 1h"), "{written}");
        assert_eq!(load("again.toml", &written).unwrap().routes, config.routes);
    }

    #[test]
    fn every_problem_of_sinks_and_routes_is_told_at_once_with_its_place_and_a_mend() {
        let text = format!(
            "{SINKS}title = '{{titel}}'\n[sinks.email.ops]\nhost = 'mail:25'\nfrom = 'a@b.example'\nto = []\n\
             [sinks.teams.lost]\nurl = 'flows.example.com'\n[[routes]]\nto = ['opps', 'night']\nfamilies = ['key-usag']\n\
             [[routes]]\nto = []\n[[routes]]\nto = ['ops']\nhour = '1'\n"
        );
        let first = shown(&text);
        for part in ["did you mean `key-usage`?", "did you mean `hours`?", "gatewatch.toml:"] {
            assert!(first.contains(part), "{part} is not in\n{first}");
        }
        let text = text.replace("families = ['key-usag']\n", "").replace("hour = '1'\n", "");
        let then = shown(&text);
        for part in [
            "did you mean `{title}`?",
            "ops is the name of two sinks",
            "nobody is named",
            "no name of a mail server",
            "begins with https://",
            "there is no sink `opps`",
            "did you mean `ops`?",
            "leads nowhere",
            "route 1 takes every alert",
            "no route leads to this sink",
            "^^^^^^",
        ] {
            assert!(then.contains(part), "{part} is not in\n{then}");
        }
    }

    #[test]
    fn a_route_that_nothing_reaches_is_a_problem() {
        let first = |first: &str, then: &str| {
            format!(
                "{SINKS}[[routes]]\nto = ['night']\n{first}\n[[routes]]\nto = ['ops']\n{then}\n[[routes]]\nto = ['ops']\n"
            )
        };
        for (one, two) in [
            ("", "at_least = 'high'"),
            ("levels = ['informational', 'low', 'medium', 'high', 'critical']", "apps = ['a']"),
            ("families = ['probing']", "families = ['probing']\nat_least = 'high'"),
            ("families = ['probing', 'key-usage']", "families = ['probing']"),
            ("at_least = 'low'", "levels = ['low', 'critical']"),
            ("apps = ['fn-*']", "apps = ['fn-shop', 'FN-a']"),
            ("detectors = ['probing.*']", "detectors = ['probing.scanner']\nhours = '08:00-18:00'"),
            ("hours = '08:00-18:00'", "hours = '08:00-18:00'\ndays = ['mon']"),
            ("entities = ['ip/*']", "entities = ['ip/*']\nfamilies = ['probing']"),
        ] {
            let told = shown(&first(one, two));
            assert!(told.contains("nothing comes here: route 1 takes every alert"), "{one} / {two}\n{told}");
        }
        for (one, two) in [
            ("families = ['probing']\ncontinue = true", "families = ['probing']"),
            ("at_least = 'high'", "at_least = 'low'"),
            ("apps = ['fn-shop']", "apps = ['fn-*']"),
            ("hours = '08:00-18:00'", "hours = '08:00-18:00'\nutc_offset = '+01:00'"),
            ("days = ['mon']", "days = ['mon', 'tue']"),
        ] {
            let text = first(one, two);
            assert!(load("gatewatch.toml", &text).is_ok(), "{one} / {two}");
        }
        let none = format!("{SINKS}[[routes]]\nto = ['ops', 'night']\nlevels = ['low']\nat_least = 'high'\n");
        let told = shown(&none);
        assert!(told.contains("none of these levels is at least high") && told.contains("gatewatch.toml:7"), "{told}");
    }

    #[test]
    fn an_entity_of_no_kind_is_a_problem() {
        let of = |entity: &str| format!("{SINKS}[[routes]]\nto = ['ops', 'night']\nentities = ['{entity}']\n");
        for sound in [
            "ip/198.51.100.*",
            "198.51.100.*",
            "key amber-falcon",
            "key/amber-falcon",
            "fn-orders/*",
            "api/*",
            "IP/198.51.100.*",
            "*/198.51.100.*",
        ] {
            assert!(load("gatewatch.toml", &of(sound)).is_ok(), "{sound}");
        }
        let told = shown(&of("ipp/198.51.100.*"));
        assert!(told.contains("of the kind `ipp`") && told.contains("write ip/198.51.100.*"), "{told}");
    }

    #[test]
    fn a_secret_over_plain_http_is_a_problem_unless_it_is_allowed_or_stays_on_this_machine() {
        let plain = |host: &str, allowed: &str| {
            format!(
                "[sinks.slack.s]\nurl = 'http://{host}/x'\n{allowed}[sinks.teams.t]\nurl = 'http://{host}/x'\n{allowed}\
                 [sinks.pagerduty.p]\nurl = 'http://{host}/x'\nrouting_key = {{ file = '/k' }}\n{allowed}\
                 [sinks.alertmanager.a]\nurl = 'http://{host}'\ntoken = {{ file = '/k' }}\n{allowed}\
                 [sinks.webhook.w]\nurl = 'http://{host}/x?code=1'\n{allowed}\
                 [sinks.sentinel.l]\nendpoint = 'http://{host}'\nauthority = 'http://{host}'\nrule = 'dcr-1'\n\
                 tenant = 't'\nclient = 'c'\nsecret = {{ file = '/k' }}\n{allowed}"
            )
        };
        let told = shown(&plain("mail.example", ""));
        assert_eq!(told.matches("would go to mail.example without TLS").count(), 7, "{told}");
        for part in ["the routing key", "the login", "a token", "the client secret", "set allow_plain_http = true"] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        for (host, allowed) in [
            ("mail.example", "allow_plain_http = true\n"),
            ("127.0.0.1:80", ""),
            ("[::1]:80", ""),
            ("[::ffff:127.0.0.1]", ""),
            ("localhost:80", ""),
        ] {
            let text = plain(host, allowed);
            let says = |problems: Vec<_>| panic!("{host}: {}", render(&problems, &text, false));
            load("gatewatch.toml", &text).unwrap_or_else(says);
        }
        let open =
            "[sinks.webhook.w]\nurl = 'http://mail.example/x'\n[sinks.alertmanager.a]\nurl = 'http://mail.example'\n";
        assert!(load("gatewatch.toml", open).is_ok(), "what holds no secret may go as it is");
    }

    #[test]
    fn what_a_file_holds_is_held_against_the_same_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("url");
        std::fs::write(&file, "http://hooks.example/services/T0\n").unwrap();
        let open = |more: &str| {
            let text = format!("[sinks.slack.ops]\nurl = {{ file = '{}' }}\n{more}", file.display());
            let config = load("gatewatch.toml", &text).unwrap();
            config
                .sinks
                .open(None, None, &crate::clock::Clock::fixed(crate::clock::Timestamp::MIN))
                .map(|all| all.len())
        };
        let says = open("").unwrap_err().join("");
        assert!(says.contains("would go to hooks.example without TLS") && !says.contains("T0"), "{says}");
        assert_eq!(open("allow_plain_http = true\n"), Ok(1));
    }

    #[test]
    fn a_route_that_names_too_much_or_too_long_is_told() {
        let many = (0..201).map(|n| format!("'a{n}'")).collect::<Vec<_>>().join(", ");
        let long = "x".repeat(301);
        let text = format!("{SINKS}[[routes]]\nto = ['ops', 'night']\napps = [{many}]\nentities = ['{long}']\n");
        let told = shown(&text);
        assert!(told.contains("201 are more than 200") && told.contains("has 301 letters, more than 300"), "{told}");
    }

    #[test]
    fn a_secret_is_not_shown_wherever_it_stands() {
        let text = "[sinks.slack.ops]\nurl = 'https://hooks.slack.com/services/T0/B0/hunter2'\nproxy = 'http://u:hunter2@p:1'\n\
                    [sinks.sentinel.law]\nendpoint = 'https://x.ingest.monitor.azure.com'\nrule = 'dcr-1'\ntenant = 't'\n\
                    client = 'c'\nsecret = 'hunter2'\n";
        let config = load("gatewatch.toml", text).unwrap();
        let shown = format!("{config:?} {}", toml::to_string(&config).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
