//! Which threats does a fleet face, and which detectors see them?
//!
//! The catalogue is `detectors/threats.yaml`; a detector names the threat it watches for. What
//! people write in YAML, threats and detectors alike, is read by [`document`], which keeps the
//! line of every value, so that all problems of a file are reported at once and in place.
//! [`missing`] says what an app or gateway does not send and which detectors are blind for it.

pub mod advice;
pub mod configured;
pub mod controls;
mod coverage;
pub mod document;
mod element;
pub mod export;
mod heard;
pub mod intended;
mod level;
pub mod living;
pub mod observed;
mod problem;
mod settings;
mod switch_on;
mod threats;

pub use crate::telemetry::Kind;
pub use coverage::{Missing, Need, Terms, missing, too_early};
pub use element::{ElementKind, Named, of_resource, sender, spoken_of};
pub use heard::{Heard, Lateness};
pub use level::Level;
pub use problem::{Problem, Problems};
pub use settings::PostureSettings;
pub use switch_on::{HUB, RULE, commands};
pub use threats::{Stride, Threat, Threats};
