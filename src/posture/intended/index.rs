//! What is meant for this element?
//!
//! Elements of the configuration are called as in the model, in any case; what is not declared has what its
//! app or gateway says for all; a slot's function has what its app's has. For 20,000 endpoints the file is not gone through each time.

use std::collections::HashMap;

use super::{Authentication, Endpoint, Intended, Meant, Site};

/// What is intended, by name.
#[derive(Debug, Default)]
pub struct Index<'i> {
    sites: HashMap<(bool, &'i str), &'i Site>,
    endpoints: HashMap<(bool, &'i str), &'i Endpoint>,
}

impl<'i> Index<'i> {
    /// Returns the index of `intended`.
    pub fn new(intended: &'i Intended) -> Self {
        let sites = intended.sites.iter().map(|site| ((site.gateway, &*site.name), site)).collect();
        let endpoints = intended
            .sites
            .iter()
            .flat_map(|site| site.endpoints.iter().map(|endpoint| ((site.gateway, &*endpoint.name), endpoint)));
        Self { sites, endpoints: endpoints.collect() }
    }

    /// Returns what is said of an app, or of a gateway.
    pub fn site(&self, gateway: bool, name: &str) -> Option<&'i Site> {
        self.sites.get(&(gateway, name.to_ascii_lowercase().as_str())).copied()
    }

    /// Returns the function `app/function` or `app/slot/function`, if it is declared. In a slot that is not
    /// declared it is that of its app.
    pub fn function(&self, name: &str) -> Option<&'i Endpoint> {
        let mut lower = name.to_ascii_lowercase();
        if let [app, slot, function] = lower.split('/').collect::<Vec<_>>()[..]
            && self.site(false, &format!("{app}/{slot}")).is_none()
        {
            lower = format!("{app}/{function}");
        }
        self.endpoints.get(&(false, lower.as_str())).copied()
    }

    /// Returns what is meant for the function `app/function`: its own, or its app's or slot's.
    pub fn of_function(&self, name: &str) -> Option<&'i Meant> {
        let app = name.split_once('/').map_or(name, |(app, _)| app);
        let slot = name.rsplit_once('/').map_or(name, |(slot, _)| slot);
        let site = || self.site(false, slot).or_else(|| self.site(false, app));
        self.function(name).map(|one| &one.meant).or_else(|| site().map(|site| &site.meant))
    }

    /// Returns the operation `gateway/api/operation`, if it is declared: with its API, else by its id alone.
    pub fn operation(&self, name: &str) -> Option<&'i Endpoint> {
        let name = name.to_ascii_lowercase();
        let declared = |name: &str| self.endpoints.get(&(true, name)).copied();
        declared(&name).or_else(|| {
            let (gateway, rest) = name.split_once('/')?;
            let (_, id) = rest.rsplit_once('/')?;
            declared(&format!("{gateway}/{id}"))
        })
    }

    /// Returns what is meant for the operation `gateway/api/operation` or the API `gateway/api`: its own, or
    /// its gateway's.
    pub fn of_operation(&self, name: &str) -> Option<&'i Meant> {
        let gateway = name.split_once('/').map_or(name, |(gateway, _)| gateway);
        self.operation(name).map(|one| &one.meant).or_else(|| self.site(true, gateway).map(|site| &site.meant))
    }

    /// Tells whether the operation `gateway/api/operation` is declared as open to anybody.
    pub fn is_open(&self, name: &str) -> bool {
        self.operation(name).is_some_and(Endpoint::is_open)
    }

    /// Returns the ways of proof that are meant for the API `gateway/api`, whose operations are `known` by
    /// their whole names: those that all share which are not meant to be open, else its gateway's. Nothing
    /// where every one is meant to be open.
    pub fn of_api(&self, name: &str, known: &[&str]) -> Option<&'i [Authentication]> {
        let (gateway, api) = name.split_once('/')?;
        let site = self.site(true, gateway)?;
        let of_api = |endpoint: &&Endpoint| {
            let rest = endpoint.name.get(gateway.len() + 1..).and_then(|rest| rest.split_once('/'));
            rest.is_some_and(|(of, _)| of.eq_ignore_ascii_case(api))
        };
        let with_api = site.endpoints.iter().filter(of_api);
        let declared: Vec<&Endpoint> = with_api.chain(known.iter().filter_map(|name| self.operation(name))).collect();
        let all = known.iter().all(|name| self.operation(name).is_some());
        if all && !declared.is_empty() && declared.iter().all(|one| one.is_open()) {
            return None;
        }
        let mut own = declared
            .iter()
            .filter(|one| !one.is_open())
            .map(|one| one.meant.authentication.as_slice())
            .filter(|ways| !ways.is_empty());
        match own.next() {
            Some(first) => own.all(|other| other == first).then_some(first),
            None => Some(site.meant.authentication.as_slice()).filter(|ways| !ways.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::posture::controls::shipped;

    fn intended(text: &str) -> Intended {
        let now = Timestamp::parse_rfc3339("2026-11-20T12:00:00Z").unwrap();
        Intended::read("model.yaml", text, &shipped().unwrap(), now).unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    #[test]
    fn an_operation_is_found_by_its_id_alone_and_an_api_that_is_meant_to_be_open_asks_for_nothing() {
        let intended = intended(
            "version: 1\ngateways:\n  - name: apim\n    authentication: [jwt]\n    operations:\n\
             \x20     - { name: health, authentication: [anonymous] }\n\
             \x20     - { name: orders/health, authentication: [subscription-key] }\n",
        );
        let index = Index::new(&intended);
        assert!(index.is_open("APIM/status/Health") && !index.is_open("apim/orders/health"));
        assert_eq!(index.of_api("apim/status", &["apim/status/health"]), None);
        let jwt = Some(&[Authentication::Jwt][..]);
        assert_eq!(
            index.of_api("apim/status", &["apim/status/health", "apim/status/get"]),
            jwt,
            "one is its gateway's"
        );
        assert_eq!(index.of_api("apim/other", &[]), jwt);
        assert_eq!(index.of_api("apim/orders", &[]), Some(&[Authentication::SubscriptionKey][..]));
        let of = |name| index.of_operation(name).map(|meant| meant.authentication[0]);
        assert_eq!(of("apim/status/health"), Some(Authentication::Anonymous));
        assert_eq!((of("apim/status/get"), of("apim/status")), (Some(Authentication::Jwt), Some(Authentication::Jwt)));
    }

    #[test]
    fn a_slot_that_is_declared_says_its_ways_for_itself_and_else_has_what_its_app_has() {
        let intended = intended(
            "version: 1\napps:\n  - name: shop\n    authentication: [jwt]\n    gateways: [apim]\n    networks: [10.0.0.0/8]\n\
             \x20   reaches: [kv]\n    functions:\n      - { name: health, authentication: [anonymous] }\n      - { name: pay }\n\
             \x20   slots:\n      - { name: Staging, authentication: [function-key], networks: [192.0.2.0/24], reaches: [kv-test] }\n\
             \x20     - { name: blue }\n",
        );
        let index = Index::new(&intended);
        let site = |name| index.site(false, name).unwrap();
        let (staging, blue) = (site("shop/staging"), site("shop/blue"));
        assert_eq!((&staging.meant.gateways, staging.meant.networks.as_ref().map(Vec::len)), (&None, Some(1)));
        assert_eq!((staging.reaches.as_deref(), blue.reaches.as_deref()), (Some(&["kv-test".to_owned()][..]), None));
        assert_eq!((blue.meant.authentication.as_slice(), &blue.meant.networks), (&[Authentication::Jwt][..], &None));
        let of = |name| index.of_function(name).map(|meant| meant.authentication[0]);
        assert_eq!(of("shop/staging/Pay"), Some(Authentication::FunctionKey));
        assert_eq!(of("shop/staging/health"), Some(Authentication::Anonymous));
        assert_eq!(of("shop/staging/other"), Some(Authentication::FunctionKey));
        assert_eq!(of("shop/green/other"), Some(Authentication::Jwt), "not declared, it is as its app");
        assert!(index.function("shop/blue/pay").is_some() && index.function("shop/green/pay").is_some());
    }

    #[test]
    fn the_function_of_a_slot_is_meant_as_that_of_its_app() {
        let intended = intended(
            "version: 1\napps:\n  - name: shop\n    authentication: [jwt]\n    functions:\n\
             \x20     - { name: health, authentication: [anonymous] }\n",
        );
        let index = Index::new(&intended);
        let of = |name| index.of_function(name).map(|meant| meant.authentication[0]);
        assert_eq!(of("Shop/staging/Health"), Some(Authentication::Anonymous));
        assert_eq!(of("shop/staging/pay"), Some(Authentication::Jwt));
    }
}
