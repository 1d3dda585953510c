//! What becomes durable together, and what does a restart get back?
//!
//! An [`Epoch`] is everything that changed since the one before; [`Recovered`] is the sum of all
//! committed ones. Both are plain values: their size is the pipeline's to bound.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alerts::{Alert, BulkDone, Command, Mark, Silence, Transition};
use crate::clock::Timestamp;
use crate::telemetry::{StreamId, StreamName};

use super::{AuditEntry, KeyUsage, PostureRows};

/// How far a stream has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamPosition {
    /// Its number; the epoch's `streams` names it.
    pub stream: StreamId,
    /// Where to start reading after a restart: the oldest message with a signal that still waits.
    pub resume: i64,
    /// Messages below this were absorbed: read again, they only restore waiting signals.
    pub absorbed: i64,
}

/// Counters since the first start. Records = decoded + dead letters + filtered + duplicates.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Accounting {
    /// Messages read.
    pub messages: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Decoded records by category.
    pub decoded: BTreeMap<String, u64>,
    /// Dead letters by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Records left out by configuration. None can be so far: there is no setting that leaves any out.
    pub filtered: u64,
    /// Records seen before.
    pub duplicates: u64,
    /// Replacements by kind.
    pub redactions: BTreeMap<String, u64>,
    /// Signals that came later than the allowed lateness.
    pub late: u64,
    /// Entities given up, and signals evaluated before their time, because a ceiling was reached.
    pub evicted: u64,
    /// Offsets that the broker no longer had.
    pub lost_upstream: u64,
    /// Records that came of dead letters tried again; they are among the records a second time.
    #[serde(default)]
    pub retried: u64,
    /// Matches that an exception held back, by its id.
    #[serde(default)]
    pub held_back: BTreeMap<String, u64>,
}

/// Files that context comes from were read anew: an input, as what people do is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reload {
    /// When, wall time.
    pub at: Timestamp,
    /// SHA-256 of each file, by its path; the records of the epochs after this one go by them.
    pub files: BTreeMap<String, String>,
    /// How far event time had come, where what follows from the reading is of that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Timestamp>,
}

/// State of one shard of one component (`engine`, `duplicates`), whole or what changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardBytes {
    /// Whose state it is, one of [`super::COMPONENTS`].
    pub component: &'static str,
    /// Which shard of it.
    pub shard: u8,
    /// Replaces everything kept before for this component and shard.
    pub whole: bool,
    /// The state; the store adds and checks a checksum.
    pub bytes: Vec<u8>,
}

/// A record that could not be decoded, redacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// Where it lies: stream, offset of its message, index in the message.
    pub position: crate::telemetry::Position,
    /// [`crate::telemetry::UndecodableReason::name`].
    pub reason: &'static str,
    /// Its bytes, redacted, cut after [`LETTER_BYTES`]; nothing where nothing could be kept.
    pub bytes: Vec<u8>,
    /// How many bytes it had before it was cut.
    pub size: u32,
}

/// Bytes of a dead letter that are kept; one that had more is cut and can't be tried again.
pub const LETTER_BYTES: usize = 16 * 1024;

/// What became of a dead letter that was tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retried {
    /// Its number in the queue: [`super::QueuedLetter::queue`].
    pub queue: i64,
    /// Why it failed again; `None` if it was decoded.
    pub failed: Option<&'static str>,
}

/// One delivery to make, or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number in the outbox; 0 for one that is not stored yet.
    pub id: i64,
    /// The sink's name in the configuration.
    pub sink: String,
    /// The idempotency key: alert id and revision, `3f9a…:2`.
    pub key: String,
    /// What to send, rendered from redacted data.
    pub payload: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Not before this (wall time).
    pub due: Timestamp,
    /// The alerts that it is about, where its key names none.
    pub about: Vec<String>,
}

impl Delivery {
    /// Returns a delivery that was not tried yet.
    pub fn new(sink: &str, key: &str, payload: String, due: Timestamp) -> Self {
        Self { id: 0, sink: sink.to_owned(), key: key.to_owned(), payload, attempts: 0, due, about: Vec::new() }
    }
}

/// When a delivery was tried, and how long that took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When it was over, wall time.
    pub at: Timestamp,
    /// How long it took.
    pub took: std::time::Duration,
}

/// Everything that becomes durable together.
#[derive(Debug, Default)]
pub struct Epoch {
    /// When it is committed, wall time; dead letters carry it.
    pub at: Timestamp,
    /// Names of the streams that are new since the last epoch, with their numbers.
    pub streams: Vec<(StreamId, StreamName)>,
    /// How far each stream has been read; those not named keep their position.
    pub positions: Vec<StreamPosition>,
    /// Streams to forget, name and position: nothing more comes of them.
    pub forgotten: Vec<StreamId>,
    /// Detector state and seen records, shard by shard.
    pub shards: Vec<ShardBytes>,
    /// Watermarks, with how far silence has moved them, and whatever else the pipeline wants back as
    /// it was: name and bytes.
    pub values: Vec<(&'static str, Vec<u8>)>,
    /// What happened to alerts: the table of alerts is upserted, their history appended.
    pub transitions: Vec<(Transition, Timestamp)>,
    /// Deliveries to make.
    pub outbox: Vec<Delivery>,
    /// What people did: journal and audit in one.
    pub commands: Vec<Command>,
    /// Changes of many alerts, to be undone.
    pub bulks: Vec<BulkDone>,
    /// Which of them were taken back, and by whom.
    pub undone: Vec<(u64, String)>,
    /// Silences that are new, have hidden another alert or ended.
    pub silences: Vec<Silence>,
    /// What held changes back, and when.
    pub marks: Vec<(Mark, Timestamp)>,
    /// What else people did.
    pub audit: Vec<AuditEntry>,
    /// From where people did what they did, by who and when.
    pub origins: Vec<(String, Timestamp, super::Origin)>,
    /// What was read anew: journal and audit in one.
    pub reloads: Vec<Reload>,
    /// Records that could not be decoded.
    pub dead_letters: Vec<NewDeadLetter>,
    /// What became of dead letters that were tried again.
    pub retried: Vec<Retried>,
    /// Of the queue of dead letters to try again, nothing below this waits any more.
    pub retries_done: i64,
    /// Fingerprints that got another under a key that is coming: the one in use, and the other.
    pub links: Vec<(Arc<str>, Arc<str>)>,
    /// What was seen of keys since the last epoch.
    pub key_usage: KeyUsage,
    /// What was observed for the threat model, and what has changed of it.
    pub posture: PostureRows,
    /// Counters as they are now.
    pub accounting: Accounting,
}

/// What a restart gets back: the newest whole epoch.
#[derive(Debug, Default)]
pub struct Recovered {
    /// All streams by number; `None` for one that was forgotten.
    pub streams: Vec<Option<StreamName>>,
    /// How far each has been read.
    pub positions: Vec<StreamPosition>,
    /// For each component and shard the newest whole state, then the changes after it, in order.
    pub shards: Vec<ShardBytes>,
    /// The pipeline's values by name.
    pub values: BTreeMap<String, Vec<u8>>,
    /// Alerts that are not closed, or were closed with `last_seen` at or after the given time.
    pub alerts: Vec<Alert>,
    /// What was observed for the threat model, and its changes.
    pub posture: PostureRows,
    /// Counters.
    pub accounting: Accounting,
}
