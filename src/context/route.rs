//! Which function does a path lead to?
//!
//! Routes are written as functions have them, `orders/{id:int?}`, below `/api/`; one that begins with a
//! slash is a whole path. Where several fit, that with the most fixed parts has it, and where those differ
//! in what is meant, nothing is known. Those with two fixed parts in front are found by them; the others,
//! few as a rule, are tried one by one.

use std::collections::HashMap;
use std::sync::Arc;

use super::intent::Rule;

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
    /// Adds the route of the function `name`; without one it is its name.
    pub(super) fn add(&mut self, route: Option<&str>, name: &str, rule: Arc<Rule>) {
        let route = route.unwrap_or(name);
        let below = if route.starts_with('/') { "" } else { "api/" };
        let parts: Vec<Part> = format!("{below}{}", route.trim_matches('/')).split('/').map(part).collect();
        let place = self.all.len() as u32;
        match parts.as_slice() {
            [Part::Fixed(first), Part::Fixed(second), ..] => {
                self.fixed.entry(format!("{first}/{second}").into()).or_default().push(place);
            }
            _ => self.open.push(place),
        }
        self.all.push((parts, rule));
    }

    /// Returns what is meant for where `path` leads, if a route fits.
    pub(super) fn find(&self, path: &str) -> Option<Option<&Rule>> {
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
        let (mut best, mut found) = (0, None);
        for place in named.iter().chain(&self.open) {
            let (route, rule) = &self.all[*place as usize];
            if parts.len() > MAX_PARTS || !fits(route, &parts) {
                continue;
            }
            let fixed = 1 + route.iter().filter(|part| matches!(part, Part::Fixed(_))).count();
            found = match found {
                Some(known) if fixed == best => Some(if known == Some(&**rule) { known } else { None }),
                Some(known) if fixed < best => Some(known),
                _ => Some(Some(&**rule)),
            };
            best = best.max(fixed);
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

/// Tells whether a path is that of a function wherever nothing else is configured.
pub(super) fn is_api(path: &str) -> bool {
    path.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("/api/")) && path.len() > 5
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
            routes.add(route, name, rule(name));
        }
        routes.add(Some("twice"), "a", rule("a"));
        routes.add(Some("twice"), "b", rule("b"));
        let find = |path: &str| routes.find(path).map(|rule| rule.map_or("?", |rule| &*rule.authentication));
        assert_eq!(find("/api/orders/17"), Some("one"));
        assert_eq!(find("/api/orders/NEW/"), Some("new"));
        assert_eq!(find("/v2/a/b/c"), Some("rest"));
        assert_eq!(find("/api/acme/status"), Some("status"));
        assert_eq!(find("/api/plain"), Some("Plain"));
        assert_eq!(find("/api/twice"), Some("?"), "one by its method, which routes do not tell");
        for none in ["/api/orders", "/api/orders/", "/api/orders/1/2", "/api", "/", ""] {
            assert_eq!(find(none), None, "{none}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_route_and_no_path_make_it_panic(route in "[a-z{}/*?é]{0,20}", path in "[ -~é]{0,40}") {
            let mut routes = Routes::default();
            routes.add(Some(&route), "name", Arc::default());
            _ = routes.find(&path);
            _ = is_api(&path);
        }
    }
}
