//! What did the operator ask for, and where is it wrong?
//!
//! One TOML file; every problem in it is reported at once, with its line and a mend. Rooms keep
//! their own `Settings`; this one puts them together, and alone reads the environment.

mod access;
mod bounds;
mod check;
mod context;
mod described;
mod excerpt;
mod hidden;
mod inventory;
mod load;
mod mends;
mod missing;
mod mutes;
mod policies;
mod problem;
#[cfg(test)]
mod reference;
mod routes;
mod settings;
mod shown;
mod sinks;
mod sinks_check;
mod sinks_open;
mod sources_check;
mod trial;

pub use access::ways;
pub use check::{MOST_THREADS, load};
pub use context::{Surrounded, model, surroundings};
pub use load::{Places, read};
pub use missing::{missing, unread};
pub use problem::{Problem, render, render_whole};
pub use settings::{Alerts, Config, Dashboard, Detection, Heartbeat, Http, Redacted, RedactedKafka, Sources};
pub use shown::{Shown, shown, without_secrets};
pub use sinks::Sinks;
pub use trial::trial;

/// Returns the environment variable `name`, if it is set and text.
#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
