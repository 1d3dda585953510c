//! What is the threat model where nothing but configuration was read?
//!
//! Controls that are set are `configured only`, for no event has proved them; every threat is blind, for
//! no telemetry arrives. Ways are those that configuration itself draws: to a gateway's APIs, from there to
//! the apps behind them, and to apps that no gateway is known for. As many parts as the model has elements.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Boundary, Flow, Living, Part, PartKind, Standing, Stands};
use crate::posture::Threats;
use crate::posture::configured::{Element, Model, Place, Setting, Sort, Value};
use crate::posture::controls::{Context, Controls, Layer, Report, State, names};

/// Who may call what stands in the open.
const ANYBODY: &str = "the internet";

impl Living {
    /// Returns the threat model of what was read from files alone.
    pub fn of_configured(model: &Model, report: &Report<'_>, controls: Arc<Controls>, threats: Arc<Threats>) -> Self {
        let mut growing = Growing::of(model);
        growing.stand(report, &controls);
        let flows = growing.flows(model);
        Self {
            controls,
            threats,
            flows,
            parts: growing.parts,
            problems: model.problems.iter().map(ToString::to_string).collect(),
            ..Self::default()
        }
    }
}

/// The parts as they are found.
struct Growing {
    parts: Vec<Part>,
    at: HashMap<(Sort, String), u32>,
    /// By the app's place among the parts: its identity.
    identities: HashMap<u32, u32>,
    anybody: u32,
    texts: HashMap<String, Arc<str>>,
    places: HashMap<Place, Arc<Place>>,
}

impl Growing {
    fn of(model: &Model) -> Self {
        let mut elements: Vec<&Element> = model.elements().collect();
        elements.sort_by_cached_key(|one| (kind(one.sort), one.name.to_ascii_lowercase()));
        let mut parts = vec![part(PartKind::Caller, ANYBODY.into(), None, Boundary::Internet)];
        let mut at = HashMap::new();
        for element in &elements {
            let place = u32::try_from(parts.len()).unwrap_or(u32::MAX);
            let name = element.name.to_ascii_lowercase();
            at.insert((element.sort, name.clone()), place);
            let mut made = part(kind(element.sort), name.into(), None, boundary(element.sort));
            made.configured = true;
            parts.push(made);
        }
        let mut growing =
            Self { parts, at, identities: HashMap::new(), anybody: 0, texts: HashMap::new(), places: HashMap::new() };
        for element in elements {
            let above = element.of.as_deref().and_then(|above| growing.above(element.sort, above));
            let Some(place) = growing.place(element.sort, &element.name) else { continue };
            if let Some(part) = growing.parts.get_mut(place as usize) {
                part.of = above.filter(|above| *above != place);
            }
            growing.identify(element, place);
        }
        growing
    }

    fn place(&self, sort: Sort, name: &str) -> Option<u32> {
        self.at.get(&(sort, name.to_ascii_lowercase())).copied()
    }

    /// Returns what an element of `sort` belongs to.
    fn above(&self, sort: Sort, name: &str) -> Option<u32> {
        let sorts: &[Sort] = match sort {
            Sort::Function | Sort::Secret => &[Sort::App],
            Sort::Operation => &[Sort::Api],
            _ => &[Sort::Api, Sort::Gateway, Sort::App],
        };
        sorts.iter().find_map(|sort| self.place(*sort, name))
    }

    /// Adds the identity of an app that has one.
    fn identify(&mut self, element: &Element, place: u32) {
        let given = element.get(Setting::Identity).filter(|_| element.sort == Sort::App);
        let named = given.is_some_and(
            |given| matches!(&given.value, Value::Text(text) if !text.eq_ignore_ascii_case("none") && !text.is_empty()),
        );
        if named {
            let name = format!("{}/identity", element.name.to_ascii_lowercase());
            let made = part(PartKind::Identity, name.into(), Some(place), Boundary::Apps);
            self.identities.insert(place, u32::try_from(self.parts.len()).unwrap_or(u32::MAX));
            self.parts.push(made);
        }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let made: Arc<str> = text.into();
        self.texts.insert(text.to_owned(), Arc::clone(&made));
        made
    }

    /// Adds the states of the controls, the worst first, and the layers.
    fn stand(&mut self, report: &Report<'_>, controls: &Controls) {
        let ids: HashMap<&str, u16> = (0_u16..).zip(&controls.all).map(|(at, one)| (one.id.as_str(), at)).collect();
        for verdict in &report.verdicts {
            let Some(place) = self.place(verdict.sort, &verdict.element) else { continue };
            let Some(control) = ids.get(verdict.control.id.as_str()) else { continue };
            let says = self.text(&verdict.outcome.says);
            let known = self.places.get(&verdict.outcome.at).cloned();
            let at = known.unwrap_or_else(|| {
                let made = Arc::new(verdict.outcome.at.clone());
                self.places.insert(verdict.outcome.at.clone(), Arc::clone(&made));
                made
            });
            let stands = stands(verdict.outcome.state);
            let standing = Standing { control: *control, stands, says, place: Some(at), evidence: None };
            if let Some(part) = self.parts.get_mut(place as usize) {
                part.standings.push(standing);
            }
        }
        for layers in &report.layers {
            if let Some(place) = self.place(Sort::Function, &layers.endpoint)
                && let Some(part) = self.parts.get_mut(place as usize)
            {
                part.layers.clone_from(&layers.layers);
            }
        }
        for part in &mut self.parts {
            part.standings.sort_by_key(|standing| std::cmp::Reverse(standing.stands));
        }
    }

    fn flows(&mut self, model: &Model) -> Vec<Flow> {
        let context = Context::new(model);
        let mut flows = Vec::new();
        for api in model.of_sort(Sort::Api) {
            let Some(to) = self.place(Sort::Api, &api.name) else { continue };
            let gateway = self.place(Sort::Gateway, names(api).0);
            let (token, key) = (context.api_token(api), context.key(api));
            let (by, state) = match (token, key) {
                (State::Configured, _) => ("token", State::Configured),
                (_, Some(true)) => ("subscription key", State::Configured),
                (State::NotConfigured, Some(false)) => ("nothing", State::NotConfigured),
                _ => ("not known", State::Unknown),
            };
            if let Some(gateway) = gateway {
                flows.push(flow(self.anybody, gateway, "not known", State::Unknown));
                flows.push(flow(gateway, to, by, state));
            } else {
                flows.push(flow(self.anybody, to, by, state));
            }
        }
        for app in model.of_sort(Sort::App) {
            let Some(to) = self.place(Sort::App, &app.name) else { continue };
            for front in context.fronts(&app.name) {
                if let Some(from) = self.place(Sort::Api, &front.api) {
                    flows.push(flow(from, to, "not known", State::Unknown));
                }
            }
            if let Some(identity) = self.identities.get(&to) {
                flows.push(flow(to, *identity, "managed identity", State::Configured));
            }
        }
        self.straight(model, &context, &mut flows);
        flows.sort_by_key(|flow| (flow.from, flow.to));
        flows.dedup_by_key(|flow| (flow.from, flow.to));
        flows
    }

    /// Adds the ways to functions of apps that no gateway is known for.
    fn straight(&self, model: &Model, context: &Context<'_>, flows: &mut Vec<Flow>) {
        for function in model.of_sort(Sort::Function) {
            let fronted = function.of.as_deref().is_some_and(|app| !context.fronts(app).is_empty());
            let Some(to) = self.place(Sort::Function, &function.name).filter(|_| !fronted) else { continue };
            let Some(part) = self.parts.get(to as usize).filter(|part| !part.layers.is_empty()) else { continue };
            let has = |wanted| part.layers.iter().find(|one| one.layer == wanted).map(|one| one.state);
            let (by, state) = match (has(Layer::Token), has(Layer::Key)) {
                (Some(State::Configured), _) => ("user or token", State::Configured),
                (_, Some(State::Configured)) => ("function key", State::Configured),
                (Some(State::NotConfigured), Some(State::NotConfigured)) => ("nothing", State::NotConfigured),
                _ => ("not known", State::Unknown),
            };
            flows.push(flow(self.anybody, to, by, state));
        }
    }
}

fn flow(from: u32, to: u32, by: &str, state: State) -> Flow {
    let says = match state {
        State::Configured => "it is configured so; no event has proved it",
        State::NotConfigured => "nothing that was read asks a caller who it is",
        State::Unknown => "what was read does not tell",
    };
    let (by, says) = (by.into(), says.into());
    Flow { from, to, by, stands: stands(state), says, intended: false, seen: None, since: None, alert: None }
}

fn part(kind: PartKind, name: Arc<str>, of: Option<u32>, boundary: Boundary) -> Part {
    Part {
        kind,
        name,
        of,
        boundary,
        owner: None,
        intended: false,
        configured: kind != PartKind::Caller,
        seen: None,
        standings: Vec::new(),
        layers: Vec::new(),
        firing: Vec::new(),
        covered: Vec::new(),
    }
}

const fn stands(state: State) -> Stands {
    match state {
        State::Configured => Stands::ConfiguredOnly,
        State::Unknown => Stands::Unknown,
        State::NotConfigured => Stands::NotConfigured,
    }
}

/// Returns what sort of part an element of this sort is.
pub(super) const fn kind(sort: Sort) -> PartKind {
    match sort {
        Sort::App => PartKind::App,
        Sort::Function => PartKind::Function,
        Sort::Gateway => PartKind::Gateway,
        Sort::Api => PartKind::Api,
        Sort::Operation => PartKind::Operation,
        Sort::Storage | Sort::Vault => PartKind::Resource,
        _ => PartKind::Other,
    }
}

const fn boundary(sort: Sort) -> Boundary {
    match sort {
        Sort::Gateway
        | Sort::Api
        | Sort::Operation
        | Sort::Product
        | Sort::Backend
        | Sort::NamedValue
        | Sort::Diagnostic
        | Sort::Policy => Boundary::Edge,
        Sort::App | Sort::Function | Sort::Secret | Sort::File => Boundary::Apps,
        Sort::Storage | Sort::Vault | Sort::Role => Boundary::Data,
    }
}
