//! What is intended, what is configured and what is observed, held against each other.
//!
//! A [`Living`] is a snapshot that pages, exports and programs read: the parts of the fleet, the ways
//! between them, the state of each control on each part, and what has changed. It is made anew from
//! its sources and never altered, so that a page is of one moment. As many parts as the model of what
//! is configured and the elements observed together (200,000); controls are named by their place in the
//! catalogue and texts are shared, so that 20,000 endpoints fit in 500 MB.

mod acceptances;
mod build;
mod configured;
mod covered;
mod drafts;
mod drift;
mod flows;
mod guards;
mod named;
mod part;
mod proofs;
mod readings;
mod risk;
mod setup;
mod sight;
mod sources;
mod standing;
mod telling;
mod weigh;

use std::sync::Arc;

pub use build::build;
pub use drift::{drift, since, written};
pub use named::{called, named_behind, named_parts};
pub use part::{Boundary, Flow, Part, PartKind, Seen};
pub use proofs::{Changed, Glimpse, Proof, Said};
pub use readings::{Changes, Readings, Weakened};
pub use setup::{Configuration, Found, Setup};
pub use sight::Sight;
pub use sources::{Alerted, Seer, Sends, Sources};
pub use standing::{Drift, DriftKind, Evidence, Risk, Standing, Stands};

use super::Threats;
use super::controls::Controls;
use super::intended::Review;
use crate::clock::Timestamp;

/// The threat model at one moment.
#[derive(Clone, Debug, Default)]
pub struct Living {
    /// The newest event time that was looked at; `None` before the first event.
    pub at: Option<Timestamp>,
    /// The version of `model.yaml`, empty without one.
    pub version: String,
    /// Who has reviewed the model.
    pub reviews: Vec<Review>,
    /// The controls that standings refer to.
    pub controls: Arc<Controls>,
    /// The threats that coverage refers to.
    pub threats: Arc<Threats>,
    /// Apps, gateways, endpoints and what they lean on: by kind, then name. A [`Flow`] and a part's
    /// `of` name a part by its place here.
    pub parts: Vec<Part>,
    /// Ways between parts.
    pub flows: Vec<Flow>,
    /// What has changed, the newest first, at most 10,000.
    pub drifts: Vec<Drift>,
    /// The risk of each app and gateway, the worst first.
    pub risks: Vec<Risk>,
    /// What could not be read of the model or the configuration, for people.
    pub problems: Vec<String>,
    /// The folders and files that configuration was read from, and when.
    pub read: Vec<(String, Timestamp)>,
}
