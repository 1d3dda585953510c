//! Which controls are there, and what is the state of each on each element?
//!
//! Controls are data, `detectors/controls.yaml`; what a value of a setting can't decide is a
//! [`check`](Check) in code that the data names. [`evaluate`] says for each control on each element
//! [`State`]: it never guesses, and what it can't see it calls unknown and says what would tell.

mod apis;
mod check;
mod context;
mod control;
mod endpoints;
mod evaluate;
mod guards;
mod ingress;
mod layers;
mod meant;
mod meant_tokens;
mod network;
mod policies;
mod read;

pub(in crate::posture) use context::names;

pub use check::Check;
pub use context::Context;
pub use control::{Absent, Control, Controls, REFERENCES, Test, Want, WhenOff};
pub use evaluate::{Outcome, Report, State, Verdict, evaluate, evaluate_meant};
pub use ingress::Ingress;
pub use layers::{Layer, LayerState, Layers, of as layers_of};

use super::{Problem, Threats};

const CONTROLS: &str = include_str!("../../../detectors/controls.yaml");
const THREATS: &str = include_str!("../../../detectors/threats.yaml");

/// Returns the controls that come with the program.
///
/// # Errors
///
/// Returns every problem of their file; a released program has none.
pub fn shipped() -> Result<Controls, Vec<Problem>> {
    Controls::read(CONTROLS, &shipped_threats()?)
}

/// Returns the threats that come with the program.
///
/// # Errors
///
/// Returns every problem of their file; a released program has none.
pub fn shipped_threats() -> Result<Threats, Vec<Problem>> {
    Threats::read(THREATS)
}
