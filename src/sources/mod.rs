//! Where do logs come from, and where does reading go on after a restart?
//!
//! A [`Source`] hands out batches and never retries nor logs: the pipeline supervises. It starts
//! at the [`ResumePoints`] the store kept, for those alone are true; what the broker remembers
//! is a hint for lag tools. Dropping a source closes it.

mod admit;
mod any;
mod file;
pub mod http;
mod kafka;
pub mod otlp;
mod pump;
mod secret;
mod spool;
mod start;

pub use admit::{Admit, Away, Reason, Unwelcome};
pub use any::AnySource;
pub use file::{FileReader, FileSettings, FileSource, ReadState};
pub use http::{HttpSettings, Intake, MESSAGES, Refused, Taken, Wanted, messages, router};
pub use kafka::{KafkaReader, KafkaSettings, Profile, Purpose, Sasl, Security, producer_properties, try_kafka};
pub use secret::Secret;
pub use spool::{Spool, SpoolError, SpoolSource, left_over, spool_names};
pub use start::Start;

use std::collections::BTreeMap;
use std::future::Future;

use crate::telemetry::{Batch, StreamId, StreamName};

/// Why a source could not go on. Its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It may work again by itself: the broker is away, a file is not there yet.
    #[error("{0}")]
    Transient(String),
    /// It will not work until somebody changes something: refused, no such topic, bad settings.
    #[error("{0}")]
    Fatal(String),
    /// Everything was read: a file that is not followed, standard input.
    #[error("everything was read")]
    Ended,
}

/// Reads batches from one place.
pub trait Source {
    /// Returns the next batch, within a second even if it holds marks only or nothing.
    /// Cancelling the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Result<Batch, SourceError>> + Send;

    /// Tells the place where reading has got to, as a hint for lag tools: called after each
    /// committed epoch with the position to resume at.
    fn committed(&mut self, positions: &[(StreamId, i64)]);

    /// Stops reading from exactly these partitions until told otherwise: they are far ahead of the rest.
    fn hold(&mut self, streams: &[StreamId]);
}

/// Where to resume each stream: the offset of the next message to read.
pub type ResumePoints = BTreeMap<StreamName, i64>;
