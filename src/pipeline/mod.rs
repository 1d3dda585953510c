//! How does everything run together?
//!
//! Stage 1 ([`Stage`]) is stateless and runs on every worker: scan, decode, redact, match.
//! Stage 2 ([`Core`]) has one owner and no lock: duplicates, watermarks, detectors, alerts. What
//! it holds becomes durable with the positions it stems from, an [`Epoch`](crate::store::Epoch)
//! at a time. All logging and counting happens in this room; the others return values.

mod alerted;
mod backlog;
mod benching;
mod coming;
#[cfg(test)]
mod contradictions;
mod core;
mod coverage;
mod crew;
mod daemon;
mod deliveries;
mod duplicates;
mod epochs;
mod gone;
mod heartbeat;
mod holding;
mod intake;
mod listening;
mod offering;
mod outputs;
mod parts;
mod people;
mod posture;
mod reckoner;
mod reload;
mod replay;
mod retries;
mod settings;
mod supervise;
mod surroundings;
mod tally;
mod tapped;
mod uses;
mod watch;
mod without;
mod worker;

pub use self::core::{Absorbed, Core};
pub use backlog::{BACKLOG, Backlog};
pub use crew::Crew;
pub use daemon::{Daemon, DaemonError};
pub use deliveries::{Deliveries, Settled};
pub use heartbeat::heartbeat;
pub use intake::SpoolIntake;
pub use offering::Offering;
pub use outputs::Outputs;
pub use parts::{Ask, DaemonParts, DaemonSettings};
pub use people::HELD_BACK;
pub use posture::{Posture, Reading};
pub use reckoner::{Reckoner, read_configured, seers};
pub use reload::{Look, Reloader, Reread, look, sum, sum_of};
pub use replay::{Against, ReplayError, ReplayOptions, Replayed, replay};
pub use settings::CoreSettings;
pub use supervise::{FromSource, Open, Orders, supervise};
pub use surroundings::Surroundings;
pub use watch::{SourceInfo, WARN_BEFORE, Watch};
pub use worker::{Stage, Worked};
