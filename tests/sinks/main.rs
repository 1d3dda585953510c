//! Sinks against real receivers where there is one (Alertmanager, an SMTP server, Kafka), and
//! against strict ones built from what the vendors publish elsewhere.
//!
//! Nothing sleeps: what must happen later is told the later time. What needs a program that is not
//! installed says that it was skipped; `./dev test` installs them.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "tests time out by the clock, read the environment and print"
)]

mod alertmanager;
mod chat;
mod commands;
mod daemon;
mod email;
mod identity;
mod kafka;
mod made;
mod ocsf;
mod outbox;
mod pagerduty;
mod receiver;
mod sentinel;
mod trouble;
