//! Which function does a path lead to?
//!
//! Routes are written as functions have them, `orders/{id:int?}`, below `/api/` or what the app has in its
//! place; one that begins with a slash is a whole path. Where several fit, those with the most fixed parts
//! have it: which of them, the method decides, that routes do not tell. Those with two fixed parts in front are found by them; the others,
//! few as a rule, are tried one by one.

use std::collections::HashMap;
use std::sync::Arc;

use super::rule::Rule;

/// Parts of a path that are looked at.
const MAX_PARTS: usize = 32;

/// Routes, and what is meant for where they lead.
#[derive(Debug, Default)]
pub(super) struct Routes {
    all: Vec<(Vec<Part>, Arc<Rule>)>,
    /// Places in `all` by the first two parts, lower case.
    fixed: HashMap<Box<str>, Vec<u32>>,
    /// Places of those that have fewer fixed parts in front.
    open: Vec<u32>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// This text, lower case.
    Fixed(Box<str>),
    /// Any one that begins and ends so.
    Any(Box<str>, Box<str>),
    /// Any one, or none.
    Optional,
    /// Whatever follows.
    Rest,
}

impl Routes {
    /// Adds the route of the function `name` below `prefix`; without one it is its name.
    pub(super) fn add(&mut self, prefix: &str, route: Option<&str>, name: &str, rule: Arc<Rule>) {
        let route = route.unwrap_or(name);
        let below = if route.starts_with('/') { "" } else { prefix };
        let whole = format!("{below}/{}", route.trim_matches('/'));
        let parts: Vec<Part> = whole.trim_matches('/').split('/').map(part).collect();
        let place = self.all.len() as u32;
        match parts.as_slice() {
            [Part::Fixed(first), Part::Fixed(second), ..] => {
                self.fixed.entry(format!("{first}/{second}").into()).or_default().push(place);
            }
            _ => self.open.push(place),
        }
        self.all.push((parts, rule));
    }

    /// Returns what is meant for where `path` leads, each only once; nothing where no route fits.
    pub(super) fn find(&self, path: &str) -> Vec<&Rule> {
        let mut lower = String::new();
        let path = if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower.push_str(path);
            lower.make_ascii_lowercase();
            &lower
        } else {
            path
        };
        let path = path.trim_matches('/');
        let parts: Vec<&str> = path.split('/').take(MAX_PARTS + 1).collect();
        let two = path.match_indices('/').nth(1).map_or(path, |(at, _)| &path[..at]);
        let named = self.fixed.get(two).map(Vec::as_slice).unwrap_or_default();
        let (mut best, mut found): (usize, Vec<&Rule>) = (0, Vec::new());
        for place in named.iter().chain(&self.open) {
            let (route, rule) = &self.all[*place as usize];
            if parts.len() > MAX_PARTS || !fits(route, &parts) {
                continue;
            }
            let rule: &Rule = rule;
            let fixed = 1 + route.iter().filter(|part| matches!(part, Part::Fixed(_))).count();
            if fixed > best {
                (best, found) = (fixed, vec![rule]);
            } else if fixed == best && !found.contains(&rule) {
                found.push(rule);
            }
        }
        found
    }
}

/// Tells whether a path is open to anybody and proves nothing, or is that of an extension's webhook, which
/// calls the app itself with a key of its own.
pub(super) fn is_open(path: &str) -> bool {
    const OPEN: [&str; 5] = ["", "/", "/favicon.ico", "/robots.txt", "/admin/host/ping"];
    const WEBHOOKS: &str = "/runtime/webhooks/";
    OPEN.iter().any(|open| path.eq_ignore_ascii_case(open))
        || path.get(..WEBHOOKS.len()).is_some_and(|head| head.eq_ignore_ascii_case(WEBHOOKS))
}

/// Tells whether a path that no route fits is that of a function. Where nothing stands before routes,
/// it can't be told.
pub(super) fn is_api(prefix: &str, path: &str) -> bool {
    let below =
        path.strip_prefix('/').filter(|_| !prefix.is_empty()).and_then(|path| path.split_at_checked(prefix.len()));
    below.is_some_and(|(head, rest)| head.eq_ignore_ascii_case(prefix) && rest.starts_with('/') && rest.len() > 1)
}

fn part(text: &str) -> Part {
    match text {
        text if text.starts_with("{*") && text.ends_with('}') => Part::Rest,
        text if text.starts_with('{') && text.ends_with("?}") => Part::Optional,
        text if text.contains('{') => {
            let (head, rest) = text.split_once('{').unwrap_or_default();
            let tail = rest.rsplit_once('}').map_or("", |(_, tail)| tail);
            Part::Any(head.to_ascii_lowercase().into(), tail.to_ascii_lowercase().into())
        }
        text => Part::Fixed(text.to_ascii_lowercase().into()),
    }
}

fn fits(route: &[Part], path: &[&str]) -> bool {
    match (route, path) {
        ([], []) | ([Part::Rest, ..], _) => true,
        ([Part::Optional, rest @ ..], []) => fits(rest, &[]),
        ([], _) | (_, []) => false,
        ([Part::Fixed(text), route @ ..], [first, path @ ..]) => **text == **first && fits(route, path),
        ([Part::Any(head, tail), route @ ..], [first, path @ ..]) => {
            let long = first.len() > head.len() + tail.len();
            long && first.starts_with(&**head) && first.ends_with(&**tail) && fits(route, path)
        }
        ([Part::Optional, route @ ..], [first, path @ ..]) => !first.is_empty() && fits(route, path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_with_the_most_fixed_parts_has_the_path() {
        let mut routes = Routes::default();
        let rule = |name: &str| Arc::new(Rule { authentication: name.into(), ..Rule::default() });
        for (route, name) in [
            (Some("orders/{id}"), "one"),
            (Some("orders/new"), "new"),
            (Some("/v{version}/{*rest}"), "rest"),
            (Some("{tenant}/status"), "status"),
            (None, "Plain"),
        ] {
            routes.add("api", route, name, rule(name));
        }
        routes.add("api", Some("twice"), "a", rule("a"));
        routes.add("api", Some("twice"), "b", rule("b"));
        routes.add("api", Some("twice"), "c", rule("b"));
        let find = |path: &str| routes.find(path).iter().map(|rule| &*rule.authentication).collect::<Vec<_>>();
        assert_eq!(find("/api/orders/17"), ["one"]);
        assert_eq!(find("/api/orders/NEW/"), ["new"]);
        assert_eq!(find("/v2/a/b/c"), ["rest"]);
        assert_eq!(find("/api/acme/status"), ["status"]);
        assert_eq!(find("/api/plain"), ["Plain"]);
        assert_eq!(find("/api/twice"), ["a", "b"], "one by its method, which routes do not tell");
        for none in ["/api/orders", "/api/orders/", "/api/orders/1/2", "/api", "/", ""] {
            assert_eq!(find(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn routes_lie_below_what_the_app_has_before_them() {
        for (prefix, path, api) in
            [("v1/shop", "/v1/Shop/orders", true), ("", "/orders", false), ("api", "/api/orders", true)]
        {
            let mut routes = Routes::default();
            routes.add(prefix, Some("orders"), "place", Arc::default());
            assert_eq!(routes.find(path).len(), 1, "{path}");
            assert_eq!(is_api(prefix, path), api, "{path}");
        }
        assert!(!is_api("v1", "/api/orders") && !is_api("api", "/api/") && !is_api("api", "/apis/x"));
    }

    proptest::proptest! {
        #[test]
        fn no_route_and_no_path_make_it_panic(route in "[a-z{}/*?é]{0,20}", path in "[ -~é]{0,40}") {
            let mut routes = Routes::default();
            routes.add("api", Some(&route), "name", Arc::default());
            _ = routes.find(&path);
            _ = is_api("api", &path) || is_api("é", &path);
        }
    }
}
