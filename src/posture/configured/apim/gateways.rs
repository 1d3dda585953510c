//! Which policies does each gateway have, at which scope?
//!
//! A policy that several files hold (a template, a plan and the file that both load) is kept as
//! often as it differs, at most eight times a scope; beyond, one more says that there are others. A
//! policy of which the scope can't be told is kept by its file.

use std::collections::{BTreeMap, BTreeSet};

use super::super::Place;
use super::policy::{self, NoPolicy, Policy, Statement};

/// Policies kept of one scope.
const MAX_VARIANTS: usize = 8;
/// Gateways kept.
const MAX_GATEWAYS: usize = 10_000;

/// Where a policy applies. Names are lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyScope {
    /// To the whole gateway.
    Global,
    /// To who comes by a product.
    Product(String),
    /// To an API.
    Api(String),
    /// To an operation of an API.
    Operation(String, String),
    /// Where it is included.
    Fragment(String),
    /// Nobody knows: the file.
    Loose(String),
}

impl PolicyScope {
    /// Returns it for people.
    pub fn shown(&self) -> String {
        match self {
            Self::Global => "the gateway".to_owned(),
            Self::Product(name) => format!("product {name}"),
            Self::Api(name) => format!("api {name}"),
            Self::Operation(api, name) => format!("operation {api}/{name}"),
            Self::Fragment(name) => format!("fragment {name}"),
            Self::Loose(file) => file.clone(),
        }
    }
}

/// Returns what the policy of a scope is called, as an element.
pub fn policy_name(gateway: &str, scope: &PolicyScope) -> String {
    match scope {
        PolicyScope::Loose(file) => file.clone(),
        scope if gateway.is_empty() => scope.shown(),
        scope => format!("{gateway}: {}", scope.shown()),
    }
}

/// The policies of one gateway.
#[derive(Debug, Default)]
pub struct Policies {
    scopes: BTreeMap<PolicyScope, Vec<Policy>>,
    /// Which product holds which API, both lower case.
    pub products: BTreeSet<(String, String)>,
}

impl Policies {
    /// Returns the policies of a scope.
    pub fn of(&self, scope: &PolicyScope) -> &[Policy] {
        self.scopes.get(scope).map_or(&[], Vec::as_slice)
    }

    /// Returns every scope with its policies.
    pub fn all(&self) -> impl Iterator<Item = (&PolicyScope, &Policy)> {
        self.scopes.iter().flat_map(|(scope, list)| list.iter().map(move |policy| (scope, policy)))
    }

    /// Returns them all, each with its scope.
    pub fn into_all(self) -> impl Iterator<Item = (PolicyScope, Policy)> {
        self.scopes.into_iter().flat_map(|(scope, list)| list.into_iter().map(move |policy| (scope.clone(), policy)))
    }

    /// Adds a policy, unless the scope has it.
    pub fn put(&mut self, scope: PolicyScope, policy: Policy) {
        let told = format!("more than {MAX_VARIANTS} policies of {}", scope.shown());
        let list = self.scopes.entry(scope).or_default();
        if list.iter().any(|known| known.sections == policy.sections) {
            return;
        }
        match list.len() {
            MAX_VARIANTS => list.push(lost(&told, policy.at)),
            kept if kept < MAX_VARIANTS => list.push(policy),
            _ => {}
        }
    }

    /// Returns the operations of an API that have a policy.
    pub fn operations_of<'p>(&'p self, api: &'p str) -> impl Iterator<Item = &'p str> {
        let from = PolicyScope::Operation(api.to_owned(), String::new());
        self.scopes.range(from..).map_while(move |(scope, _)| match scope {
            PolicyScope::Operation(of, operation) if of == api => Some(operation.as_str()),
            _ => None,
        })
    }

    /// Returns the products that an API is in.
    pub fn products_of(&self, api: &str) -> Vec<&str> {
        self.products.iter().filter(|(_, of)| of == api).map(|(product, _)| product.as_str()).collect()
    }
}

/// Returns what stands for a policy of which nothing is known: it includes a fragment that nobody has.
fn lost(told: &str, at: Place) -> Policy {
    let lost = Statement {
        name: "include-fragment".to_owned(),
        attributes: vec![("fragment-id".to_owned(), told.to_owned())],
        text: String::new(),
        children: Vec::new(),
        line: 1,
    };
    let sections = [vec![lost.clone()], vec![lost.clone()], vec![lost.clone()], vec![lost]];
    Policy { at, inline: true, sections, has: [true; 4], fragment: false }
}

/// All gateways, by their names in lower case.
#[derive(Debug, Default)]
pub struct Gateways {
    all: BTreeMap<String, Policies>,
    none: Policies,
}

impl Gateways {
    /// Returns the policies of a gateway.
    pub fn of(&self, gateway: &str) -> &Policies {
        self.all.get(&gateway.to_ascii_lowercase()).unwrap_or(&self.none)
    }

    /// Returns every gateway's name with its policies.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Policies)> {
        self.all.iter().map(|(name, policies)| (name.as_str(), policies))
    }

    /// Takes a gateway's policies out.
    pub fn take(&mut self, gateway: &str) -> Option<Policies> {
        self.all.remove(&gateway.to_ascii_lowercase())
    }

    /// Returns the policies of a gateway, to add to.
    pub fn entry(&mut self, gateway: &str) -> &mut Policies {
        let name = gateway.to_ascii_lowercase();
        if self.all.len() >= MAX_GATEWAYS && !self.all.contains_key(&name) {
            return &mut self.none;
        }
        self.all.entry(name).or_default()
    }

    /// Adds a policy that is in no file: a link, or one that is known at deployment only.
    pub fn unread(&mut self, gateway: &str, scope: PolicyScope, at: Place) {
        let told = format!("the policy of {}", scope.shown());
        self.entry(gateway).put(scope, lost(&told, at));
    }

    /// Adds a policy.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn add(
        &mut self,
        gateway: &str,
        scope: PolicyScope,
        text: &str,
        at: Place,
        inline: bool,
    ) -> Result<(), NoPolicy> {
        let read = policy::read(text, at, inline)?;
        self.entry(gateway).put(scope, read);
        Ok(())
    }
}
