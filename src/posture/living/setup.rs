//! What of the configuration does the living model need?
//!
//! A reading's verdicts by element, the worst of each control, with texts that are shared: the model that
//! was read is let go, for it is many times as large. As many elements as [`Model`] holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::posture::configured::{Model, Place, Setting, Sort};
use crate::posture::controls::{Controls, LayerState, State, evaluate_meant};
use crate::posture::intended::{Authentication, Intended};

/// Problems kept.
const MAX_PROBLEMS: usize = 1_000;

/// The state of one control, from configuration alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The control, by its place in the catalogue.
    pub control: u16,
    /// The state.
    pub state: State,
    /// What is there; where unknown, what would tell.
    pub says: Arc<str>,
    /// Where.
    pub place: Option<Arc<Place>>,
}

/// One configured element.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// What sort of thing it is.
    pub sort: Sort,
    /// Its name, lower case.
    pub name: Arc<str>,
    /// The name of what it belongs to, lower case.
    pub of: Option<Arc<str>>,
    /// The proof that it asks for, where that is known of a function or an API.
    pub asks: Option<Authentication>,
    /// Whether its own policy checks a token, where it is an operation that has one.
    pub token: Option<State>,
    /// It has an identity of its own.
    pub identity: bool,
    /// It is called over HTTP.
    pub http: bool,
    /// The controls on it, in the order of the catalogue.
    pub found: Vec<Found>,
    /// Its layers, if it is called over HTTP.
    pub layers: Vec<LayerState>,
}

/// What is configured, by one reading.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The controls that it was held against.
    pub controls: Arc<Controls>,
    /// The elements, by sort, then name.
    pub elements: Vec<Configuration>,
    /// Controls that are not about an element while what they need is off, though that mends nothing: by
    /// sort and name.
    pub switched_off: BTreeMap<(Sort, Arc<str>), Vec<Found>>,
    /// Which API leads to which app, lower case.
    pub ways: Vec<(Arc<str>, Arc<str>)>,
    /// What could not be read.
    pub problems: Vec<String>,
    /// What was read, and when.
    pub read: Vec<(String, Timestamp)>,
    /// When it was taken, in event time; `None` before the first event.
    pub at: Option<Timestamp>,
}

impl Setup {
    /// Holds what was read against the controls, and against what is meant.
    pub fn of(model: &Model, controls: &Arc<Controls>, intended: &Intended) -> Self {
        let meant = Some(intended).filter(|intended| !intended.sites.is_empty());
        let report = evaluate_meant(model, controls, meant);
        let places: HashMap<&str, u16> =
            controls.all.iter().zip(0_u16..).map(|(control, place)| (control.id.as_str(), place)).collect();
        let mut by_element: BTreeMap<(Sort, String), Vec<Found>> = BTreeMap::new();
        let mut texts: HashMap<String, Arc<str>> = HashMap::new();
        for verdict in report.verdicts {
            let Some(&control) = places.get(verdict.control.id.as_str()) else { continue };
            let list = by_element.entry((verdict.sort, verdict.element.to_ascii_lowercase())).or_default();
            // Verdicts come with the worst first.
            if list.iter().any(|known| known.control == control) {
                continue;
            }
            let says = match verdict.outcome.state {
                State::Unknown => format!("{}. What would tell: {}", verdict.outcome.says, verdict.control.would_tell),
                _ => verdict.outcome.says,
            };
            let says = texts.entry(says).or_insert_with_key(|says| says.as_str().into()).clone();
            let place = Some(Arc::new(verdict.outcome.at));
            list.push(Found { control, state: verdict.outcome.state, says, place });
        }
        let mut layers: HashMap<String, Vec<LayerState>> =
            report.layers.into_iter().map(|one| (one.endpoint.to_ascii_lowercase(), one.layers)).collect();
        let tokens = report.operations.into_iter().map(|(name, state)| (name.to_ascii_lowercase(), state));
        let mut tokens: HashMap<String, State> = tokens.collect();
        let mut elements = Vec::new();
        for element in model.elements() {
            let name = element.name.to_ascii_lowercase();
            let mut found = by_element.remove(&(element.sort, name.clone())).unwrap_or_default();
            found.sort_unstable_by_key(|found| found.control);
            let layers = if element.sort == Sort::Function { layers.remove(&name) } else { None };
            let identity = element.text(Setting::Identity).is_some_and(|kind| !kind.eq_ignore_ascii_case("none"));
            elements.push(Configuration {
                sort: element.sort,
                asks: asks(element),
                token: tokens.remove(&name).filter(|_| element.sort == Sort::Operation),
                identity,
                http: layers.is_some(),
                found,
                layers: layers.unwrap_or_default(),
                of: element.of.as_deref().map(|of| of.to_ascii_lowercase().into()),
                name: name.into(),
            });
        }
        elements.sort_by(|a: &Configuration, b| (a.sort, &a.name).cmp(&(b.sort, &b.name)));
        let way = |(api, app): (String, String)| (Arc::from(api.to_ascii_lowercase()), Arc::from(app));
        let mut switched_off: BTreeMap<(Sort, Arc<str>), Vec<Found>> = BTreeMap::new();
        for verdict in report.switched_off {
            let Some(&control) = places.get(verdict.control.id.as_str()) else { continue };
            let (says, place) = (verdict.outcome.says.into(), Some(Arc::new(verdict.outcome.at)));
            let key = (verdict.sort, verdict.element.to_ascii_lowercase().into());
            let found = Found { control, state: verdict.outcome.state, says, place };
            switched_off.entry(key).or_default().push(found);
        }
        let problems = model.problems.iter().take(MAX_PROBLEMS).map(ToString::to_string).collect();
        let ways = report.ways.into_iter().map(way).collect();
        Self { controls: controls.clone(), elements, switched_off, ways, problems, read: Vec::new(), at: None }
    }

    /// Returns the controls that what is off leaves an element without.
    pub fn off(&self, element: &Configuration) -> &[Found] {
        self.switched_off.get(&(element.sort, element.name.clone())).map_or(&[], Vec::as_slice)
    }
}

/// Returns the proof that a function or an API asks for, if that is known.
fn asks(element: &crate::posture::configured::Element) -> Option<Authentication> {
    match element.sort {
        Sort::Function => match element.text(Setting::AuthLevel)? {
            "anonymous" => Some(Authentication::Anonymous),
            "admin" => Some(Authentication::AdminKey),
            "function" => Some(Authentication::FunctionKey),
            _ => None,
        },
        Sort::Api => {
            let on = element.flag(Setting::SubscriptionRequired).or_else(|| {
                let unsaid = element.all(Setting::SubscriptionRequired).is_empty();
                (unsaid && element.defaults(Setting::SubscriptionRequired)).then_some(true)
            });
            on.filter(|on| *on).map(|_| Authentication::SubscriptionKey)
        }
        _ => None,
    }
}
