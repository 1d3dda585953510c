//! Gatewatch as its users run it: the built binary, real files, a real broker.
//!
//! Tests that need Kafka take its address from `GATEWATCH_KAFKA` (`./dev test` sets it) and say
//! that they were skipped where it is missing.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::too_many_lines, reason = "a story told in one piece")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests time out by the clock, read the environment and print"
)]

mod api;
mod backtest;
mod bad_input;
mod broker;
mod commands;
mod context;
mod daemon;
mod dead_letters;
mod decode;
mod demo;
mod determinism;
mod door;
mod drift;
mod every_output;
mod explain;
mod ingest;
mod kills;
mod otlp;
mod people;
mod readiness;
mod receiver;
mod redact;
mod redacted_topic;
mod reload;
mod restore;
mod rotation;
#[path = "../samples/mod.rs"]
mod samples;
mod secrets;
mod signals;
mod tap;
mod without;
mod world;
