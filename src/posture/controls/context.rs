//! What is looked up for many elements, worked out once?
//!
//! Which APIs lead to which app and whether they check a token, and which policy an element is: for
//! 20,000 endpoints that must not be asked of the whole model each time.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::super::configured::{
    Effective, Element, Gap, Model, Place, Policies, Policy, PolicyScope, Setting, Sort, policy_name,
};
use super::super::intended::{Index, Intended};
use super::evaluate::State;
use super::guards::keeps_out;

/// Statements that check a token.
pub const TOKEN_CHECKS: [&str; 2] = ["validate-jwt", "validate-azure-ad-token"];

/// An API that leads to an app.
#[derive(Clone, Debug)]
pub struct Front {
    /// The API.
    pub api: String,
    /// Whether it checks a token, whatever the product.
    pub token: State,
}

/// The model, and what was worked out of it.
#[derive(Debug)]
pub struct Context<'m> {
    /// What is configured.
    pub model: &'m Model,
    /// What is meant to be, where somebody has written that down.
    pub meant: Option<Index<'m>>,
    fronts: HashMap<String, Vec<Front>>,
    policies: HashMap<String, (&'m str, &'m PolicyScope)>,
    /// The APIs that lead to an app of the model.
    leading: HashSet<String>,
    /// What runs inbound for the API that was asked of last: many controls ask, one API after another.
    last: RefCell<Option<LastInbound<'m>>>,
    /// Whether a token is checked along a way in: gateway, scopes and form; at most [`MAX_WAYS`].
    ways: RefCell<HashMap<Way, State>>,
}

/// An API and what runs inbound for it.
type LastInbound<'m> = (String, Rc<Vec<Effective<'m>>>);
/// A gateway, the scopes of a way in, innermost first, and which form of the innermost policy.
type Way = (String, Vec<PolicyScope>, usize);

/// Ways in of which it is kept whether a token is checked.
const MAX_WAYS: usize = 100_000;

/// Whether a token is checked by each operation's own policy.
#[derive(Clone, Debug)]
pub enum ByOperation {
    /// No operation has a policy that does.
    None,
    /// Every operation does.
    All,
    /// Some do; those that don't, or may not, with where they stand.
    Some(Vec<(String, State, Place)>),
    /// Some do, and which operations there are is not known.
    Unlisted,
}

impl<'m> Context<'m> {
    /// Works it out.
    pub fn new(model: &'m Model) -> Self {
        let mut policies = HashMap::new();
        for (gateway, all) in model.gateways.all() {
            for (scope, _) in all.all() {
                policies.insert(policy_name(gateway, scope).to_ascii_lowercase(), (gateway, scope));
            }
        }
        let mut context = Self {
            model,
            meant: None,
            fronts: HashMap::new(),
            policies,
            leading: HashSet::new(),
            last: RefCell::default(),
            ways: RefCell::default(),
        };
        let mut leading = HashSet::new();
        let mut by_name: HashMap<String, Vec<Front>> = HashMap::new();
        let apps: Vec<&Element> = model.of_sort(Sort::App).collect();
        let names: HashMap<String, &str> =
            apps.iter().map(|app| (app.name.to_ascii_lowercase(), app.name.as_str())).collect();
        for api in model.of_sort(Sort::Api) {
            let file = api.at.file.to_ascii_lowercase();
            for app in context.backends(api).iter().filter_map(|url| app_of(url, &names, &file)) {
                let front = Front { api: api.name.clone(), token: context.front_token(api) };
                leading.insert(api.name.clone());
                by_name.entry(app).or_default().push(front);
            }
        }
        (context.fronts, context.leading) = (by_name, leading);
        context
    }

    /// Holds what is configured against what is meant, too.
    #[must_use]
    pub fn meaning(mut self, intended: Option<&'m Intended>) -> Self {
        self.meant = intended.map(Index::new);
        self
    }

    /// Returns the APIs that lead to an app.
    pub fn fronts(&self, app: &str) -> &[Front] {
        self.fronts.get(&app.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Returns which API leads to which app (lower case), in order.
    pub fn ways(&self) -> Vec<(String, String)> {
        let each = |(app, fronts): (&String, &Vec<Front>)| {
            fronts.iter().map(|front| (front.api.clone(), app.clone())).collect::<Vec<_>>()
        };
        let mut ways: Vec<(String, String)> = self.fronts.iter().flat_map(each).collect();
        ways.sort_unstable();
        ways.dedup();
        ways
    }

    /// Returns the apps that an API leads to, lower case.
    pub fn behind(&self, api: &str) -> Vec<&str> {
        let leads = |fronts: &Vec<Front>| fronts.iter().any(|front| front.api == api);
        let mut apps: Vec<&str> =
            self.fronts.iter().filter(|(_, fronts)| leads(fronts)).map(|(app, _)| app.as_str()).collect();
        apps.sort_unstable();
        apps
    }

    /// Tells whether an API leads to an app of the model.
    pub fn leads_to_app(&self, api: &Element) -> bool {
        self.leading.contains(&api.name)
    }

    /// Returns the gateway and scope of a policy, and all its forms.
    pub fn policy(&self, element: &Element) -> Option<(&'m Policies, &'m PolicyScope, &'m [Policy])> {
        let (gateway, scope) = self.policies.get(&element.name.to_ascii_lowercase())?;
        let all = self.model.gateways.of(gateway);
        Some((all, *scope, all.of(scope)))
    }

    /// Returns the gateway that a policy belongs to.
    pub fn gateway_of(&self, element: &Element) -> &'m str {
        self.policies.get(&element.name.to_ascii_lowercase()).map_or("", |(gateway, _)| *gateway)
    }

    /// Returns the ways in to an API: its scopes, innermost first, by each product and beside them.
    pub fn chains(&self, api: &Element) -> Vec<Vec<PolicyScope>> {
        let (gateway, own) = names(api);
        let products = self.model.gateways.of(gateway).products_of(&own);
        let mut chains: Vec<Vec<PolicyScope>> = products
            .iter()
            .map(|product| {
                vec![PolicyScope::Api(own.clone()), PolicyScope::Product((*product).to_owned()), PolicyScope::Global]
            })
            .collect();
        if products.is_empty() || subscription(api) != Some(true) {
            chains.push(vec![PolicyScope::Api(own), PolicyScope::Global]);
        }
        chains
    }

    /// Returns what runs inbound for each way in to an API, for each form of its policy.
    pub fn inbound(&self, api: &Element) -> Rc<Vec<Effective<'m>>> {
        if let Some((name, last)) = &*self.last.borrow()
            && *name == api.name
        {
            return Rc::clone(last);
        }
        let inbound = Rc::new(self.inbound_of(api));
        *self.last.borrow_mut() = Some((api.name.clone(), Rc::clone(&inbound)));
        inbound
    }

    fn inbound_of(&self, api: &Element) -> Vec<Effective<'m>> {
        let (gateway, own) = names(api);
        let policies = self.model.gateways.of(gateway);
        let variants = policies.of(&PolicyScope::Api(own)).len().max(1);
        self.chains(api)
            .iter()
            .flat_map(|chain| (0..variants).map(|variant| policies.effective("inbound", chain, variant)))
            .collect()
    }

    /// Tells whether an API checks a token, whatever the way in and whichever the operation.
    pub fn api_token(&self, api: &Element) -> State {
        let state = self.runs(api, &TOKEN_CHECKS);
        match self.by_operation(api) {
            // Those that have a policy of their own may drop what the API checks.
            ByOperation::None => state,
            ByOperation::All => State::Configured,
            ByOperation::Some(without) => without.iter().map(|(_, state, _)| *state).max().unwrap_or(State::Configured),
            ByOperation::Unlisted => State::Unknown,
        }
    }

    /// Tells whether a token is checked in front of what lies behind an API. Which function an operation leads to
    /// is not known, so that one that drops the check leaves it unknown for all.
    fn front_token(&self, api: &Element) -> State {
        match (self.runs(api, &TOKEN_CHECKS), self.api_token(api)) {
            (State::Configured, State::NotConfigured) => State::Unknown,
            (_, state) => state,
        }
    }

    /// Tells whether a token is checked along the scopes `chain`, innermost first.
    pub fn checked(&self, policies: &Policies, gateway: &str, chain: &[PolicyScope], variant: usize) -> State {
        let way = (gateway.to_owned(), chain.to_vec(), variant);
        if let Some(state) = self.ways.borrow().get(&way) {
            return *state;
        }
        let state = has(&policies.effective("inbound", chain, variant), &TOKEN_CHECKS);
        let mut ways = self.ways.borrow_mut();
        if ways.len() < MAX_WAYS {
            ways.insert(way, state);
        }
        state
    }

    /// Returns of each operation that has a policy of its own whether a token is checked on every way to it.
    pub fn operations(&self) -> Vec<(String, State)> {
        let of_api = |api: &'m Element| {
            let (gateway, own) = names(api);
            let state = self.by_own_policy(api);
            let all: Vec<&str> = self.model.gateways.of(gateway).operations_of(&own).collect();
            all.into_iter().map(|one| (format!("{}/{one}", api.name), state(one))).collect::<Vec<_>>()
        };
        self.model.of_sort(Sort::Api).flat_map(of_api).collect()
    }

    /// Returns what tells whether a token is checked on every way to an operation of an API.
    fn by_own_policy(&self, api: &Element) -> impl Fn(&str) -> State {
        let (gateway, own) = names(api);
        let policies = self.model.gateways.of(gateway);
        let chains = self.chains(api);
        move |operation| {
            let scope = PolicyScope::Operation(own.clone(), operation.to_owned());
            let forms = policies.of(&scope).len().max(1);
            let along = |chain: &Vec<PolicyScope>| {
                let chain: Vec<PolicyScope> = std::iter::once(scope.clone()).chain(chain.iter().cloned()).collect();
                (0..forms).map(|form| self.checked(policies, gateway, &chain, form)).max()
            };
            chains.iter().filter_map(along).max().unwrap_or(State::Unknown)
        }
    }

    /// Tells whether the operations of an API check tokens, each by its own policy.
    pub fn by_operation(&self, api: &Element) -> ByOperation {
        let (gateway, own) = names(api);
        let policies = self.model.gateways.of(gateway);
        let state = self.by_own_policy(api);
        let with_policy: BTreeSet<&str> = policies.operations_of(&own).collect();
        let checked = self.runs(api, &TOKEN_CHECKS) == State::Configured;
        let says_nothing = |operation: &&str| state(operation) == State::NotConfigured;
        if if checked { with_policy.is_empty() } else { with_policy.iter().all(says_nothing) } {
            return ByOperation::None;
        }
        let prefix = api.name.len() + 1;
        let mut known: BTreeMap<String, &Place> = self
            .model
            .children(Sort::Operation, &api.name)
            .filter_map(|one| Some((one.name.get(prefix..)?.to_ascii_lowercase(), &one.at)))
            .collect();
        if known.is_empty() && !checked {
            return ByOperation::Unlisted;
        }
        for operation in with_policy {
            let scope = PolicyScope::Operation(own.clone(), operation.to_owned());
            let at = policies.of(&scope).first().map_or(&api.at, |policy| &policy.at);
            known.entry(operation.to_owned()).or_insert(at);
        }
        let without: Vec<(String, State, Place)> = known
            .into_iter()
            .map(|(name, at)| (state(&name), name, at))
            .filter(|(state, ..)| *state != State::Configured)
            .map(|(state, name, at)| (name, state, at.clone()))
            .collect();
        if without.is_empty() { ByOperation::All } else { ByOperation::Some(without) }
    }

    /// Tells whether a key is needed to call an API, if that is known.
    ///
    /// The gateway looks for a product without subscriptions first: an API in such a product can be
    /// called without a key whatever the API itself says.
    pub fn key(&self, api: &Element) -> Option<bool> {
        let own = subscription(api);
        if own == Some(false) {
            return own;
        }
        let (gateway, name) = names(api);
        let mut all = own;
        for product in self.model.gateways.of(gateway).products_of(&name) {
            match self.model.get(Sort::Product, &format!("{gateway}/{product}")).and_then(subscription) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => all = None,
            }
        }
        all
    }

    /// Tells whether one of `statements` runs inbound for an API, whatever the way in.
    pub fn runs(&self, api: &Element, statements: &[&str]) -> State {
        let (gateway, _) = names(api);
        let nothing_read = self.model.gateways.of(gateway).all().next().is_none();
        let complete = self.model.get(Sort::Gateway, gateway).is_some_and(|gateway| gateway.whole);
        if nothing_read && !complete {
            return State::Unknown;
        }
        self.inbound(api).iter().map(|effective| has(effective, statements)).max().unwrap_or(State::Unknown)
    }

    /// Returns the addresses that an API's requests are sent to.
    fn backends(&self, api: &Element) -> Vec<String> {
        let mut urls: Vec<String> = api.all(Setting::BackendUrl).iter().map(|given| given.value.shown()).collect();
        let (gateway, _) = names(api);
        for effective in self.inbound(api).iter() {
            for run in effective.named("set-backend-service") {
                urls.extend(run.statement.attribute("base-url").map(str::to_owned));
                if let Some(id) = run.statement.attribute("backend-id")
                    && let Some(backend) = self.model.get(Sort::Backend, &format!("{gateway}/{id}"))
                {
                    urls.extend(backend.all(Setting::BackendUrl).iter().map(|given| given.value.shown()));
                }
            }
        }
        urls
    }
}

/// Returns the gateway of an API and the API's own name, lower case.
pub fn names(api: &Element) -> (&str, String) {
    let gateway = api.of.as_deref().unwrap_or_default();
    let own = api.name.get(gateway.len() + 1..).unwrap_or(&api.name);
    (gateway, own.to_ascii_lowercase())
}

/// Tells whether one of `statements` is among what runs.
pub fn has(effective: &Effective<'_>, statements: &[&str]) -> State {
    let mut found = State::NotConfigured;
    for run in effective.runs.iter().filter(|run| statements.contains(&run.statement.name.as_str())) {
        match keeps_out(run.statement) {
            State::NotConfigured => {}
            State::Configured if run.always => return State::Configured,
            _ => found = State::Unknown,
        }
    }
    let missing = effective.gaps.iter().any(|gap| matches!(gap, Gap::Missing(_) | Gap::TooLarge));
    if missing { State::Unknown } else { found }
}

/// Returns whether an API or product asks for a subscription key, if that is known.
pub fn subscription(element: &Element) -> Option<bool> {
    match element.all(Setting::SubscriptionRequired) {
        [] if element.defaults(Setting::SubscriptionRequired) => Some(true),
        _ => element.flag(Setting::SubscriptionRequired),
    }
}

/// Returns the app, lower case, that an address leads to: `https://func-a.azurewebsites.net/api`, or a
/// reference to its resource. A name that is unknown as a whole is one of the same `file`.
fn app_of(url: &str, names: &HashMap<String, &str>, file: &str) -> Option<String> {
    let of_file = format!(" ({file})");
    let lower = url.to_ascii_lowercase();
    let host = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")).unwrap_or(&lower);
    let authority = host.split(['/', '?', '#']).next().unwrap_or_default();
    let end = |rest: &str| rest.starts_with(['.', '/', ')', '}', '\'', ',', ' ']) || rest.is_empty();
    let at_head = |rest: &str| {
        let name = rest.split(['.', '/', ')', '}', '\'', ',', ' ']).next().unwrap_or_default();
        if names.contains_key(name) {
            return Some(name.to_owned());
        }
        // A name with unknown parts, such as `func-{uniquestring(…)}`, may hold any of those.
        let rest = rest.strip_prefix('{').filter(|rest| rest.contains('}')).unwrap_or(rest);
        let bare = |name: &'_ String| name.strip_suffix(of_file.as_str()).unwrap_or(name).len();
        let starts = |name: &&String| name.get(..bare(name)).and_then(|name| rest.strip_prefix(name)).is_some_and(end);
        let whole = names.keys().filter(starts);
        whole.max_by_key(|name| name.len()).cloned()
    };
    if let Some(name) = authority.strip_suffix(".azurewebsites.net").filter(|name| names.contains_key(*name)) {
        return Some(name.to_owned());
    }
    // `reference(…/sites/func-a)` or an id: the name stands behind `sites/`.
    if let Some(name) = lower.match_indices("sites/").find_map(|(at, mark)| at_head(&lower[at + mark.len()..])) {
        return Some(name);
    }
    // A host with unknown parts.
    if host.contains(".azurewebsites.net") || host.contains('{') { at_head(host) } else { None }
}
