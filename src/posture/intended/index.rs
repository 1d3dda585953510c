//! What is meant for this element?
//!
//! Elements of the configuration are called as in the model, in any case; what is not declared has what its
//! app or gateway says for all. For 20,000 endpoints the file is not gone through each time.

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

    /// Returns the function `app/function`, if it is declared.
    pub fn function(&self, name: &str) -> Option<&'i Endpoint> {
        self.endpoints.get(&(false, name.to_ascii_lowercase().as_str())).copied()
    }

    /// Returns what is meant for the function `app/function`: its own, or its app's.
    pub fn of_function(&self, name: &str) -> Option<&'i Meant> {
        let app = name.split_once('/').map_or(name, |(app, _)| app);
        self.function(name).map(|one| &one.meant).or_else(|| self.site(false, app).map(|site| &site.meant))
    }

    /// Tells whether the operation `gateway/api/operation` is declared as open to anybody.
    pub fn is_open(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let endpoint = self.endpoints.get(&(true, name.as_str()));
        endpoint.is_some_and(|one| one.meant.authentication == [Authentication::Anonymous])
    }

    /// Returns the ways of proof that are meant for the API `gateway/api`: those that all its operations
    /// share which are not meant to be open, else its gateway's.
    pub fn of_api(&self, name: &str) -> Option<&'i [Authentication]> {
        let (gateway, api) = name.split_once('/')?;
        let site = self.site(true, gateway)?;
        let of_api = |endpoint: &&Endpoint| {
            let rest = endpoint.name.get(gateway.len() + 1..).and_then(|rest| rest.split_once('/'));
            rest.is_some_and(|(of, _)| of.eq_ignore_ascii_case(api))
        };
        let mut own = site
            .endpoints
            .iter()
            .filter(of_api)
            .map(|one| one.meant.authentication.as_slice())
            .filter(|ways| !ways.is_empty() && *ways != [Authentication::Anonymous]);
        match own.next() {
            Some(first) => own.all(|other| other == first).then_some(first),
            None => Some(site.meant.authentication.as_slice()).filter(|ways| !ways.is_empty()),
        }
    }
}
