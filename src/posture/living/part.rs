//! Of what does the fleet consist, and which ways lead from one to another?

use std::sync::Arc;

use super::standing::{Standing, Stands};
use crate::clock::Timestamp;
use crate::posture::controls::LayerState;

/// What sort of thing a part is, in the order in which a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// A sort of caller: the internet, a declared client, a network.
    Caller,
    /// API Management, Front Door or an Application Gateway.
    Gateway,
    /// An API of a gateway.
    Api,
    /// An operation of a gateway.
    Operation,
    /// A function app.
    App,
    /// A function.
    Function,
    /// A managed identity or service principal.
    Identity,
    /// What an identity reaches: a vault, an account, a server.
    Resource,
    /// Something else that controls speak of: a product, a backend, a named value, a secret, a role, a file.
    Other,
}

/// The trust boundary that a part lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Boundary {
    /// Anybody's network.
    Internet,
    /// The gateways.
    Edge,
    /// The apps.
    Apps,
    /// What holds data.
    Data,
}

/// How much of something was observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Events.
    pub count: u64,
    /// The first event time.
    pub first: Timestamp,
    /// The newest.
    pub last: Timestamp,
}

/// A part of the fleet.
#[derive(Clone, Debug)]
pub struct Part {
    /// What sort of thing it is.
    pub kind: PartKind,
    /// Its name with that of what it belongs to, lower case: `orders-api/get-order`.
    pub name: Arc<str>,
    /// What it belongs to, by its place among the parts.
    pub of: Option<u32>,
    /// The trust boundary that it lies in.
    pub boundary: Boundary,
    /// Who answers for it, where somebody has written that down.
    pub owner: Option<Arc<str>>,
    /// Whether `model.yaml` declares it.
    pub intended: bool,
    /// Whether configuration that was read has it.
    pub configured: bool,
    /// Its traffic.
    pub seen: Option<Seen>,
    /// The controls on it, the worst first.
    pub standings: Vec<Standing>,
    /// The layers of the baseline, of a function that is called over HTTP.
    pub layers: Vec<LayerState>,
    /// The threats on it that an alert speaks of which is open: place in the catalogue, the alert's id.
    pub firing: Vec<(u16, Arc<str>)>,
    /// The threats on it that some detector sees, for what it needs arrives: place in the catalogue,
    /// and whether such a detector has ever fired in this installation. What is not here is blind.
    pub covered: Vec<(u16, bool)>,
}

impl Part {
    /// Returns the worst state of a control on it; `Unknown` where none is told.
    pub fn worst(&self) -> Stands {
        self.standings.iter().map(|standing| standing.stands).max().unwrap_or(Stands::Unknown)
    }
}

/// A way from one part to another.
#[derive(Clone, Debug)]
pub struct Flow {
    /// From: its place among the parts.
    pub from: u32,
    /// To.
    pub to: u32,
    /// By what the caller proves who it is, for people: `token`, `function key`, `nothing`.
    pub by: Arc<str>,
    /// How intent, configuration and traffic agree on it.
    pub stands: Stands,
    /// Why, for people.
    pub says: Arc<str>,
    /// Whether `model.yaml` declares it.
    pub intended: bool,
    /// Its traffic.
    pub seen: Option<Seen>,
    /// Since when it stands so, where that is known.
    pub since: Option<Timestamp>,
    /// The alert that tells of it, if one is open.
    pub alert: Option<Arc<str>>,
}
