//! Gatewatch watches Azure Functions and the API gateways in front of them.
//!
//! It reads their logs as a stream, takes every token and every piece of personal data out of
//! them, runs detectors over what is left and tells people. Each module below is a *room*: what
//! may import what is a table in `tests/architecture.rs`, and the build fails where it is broken.

pub mod access;
pub mod alerts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod dashboard;
pub mod detection;
pub mod metrics;
pub mod owner;
pub mod pipeline;
pub mod posture;
pub mod redaction;
pub mod simulate;
pub mod sinks;
pub mod sources;
pub mod store;
pub mod telemetry;
