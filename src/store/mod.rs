//! What outlives a restart, and how does it become durable at once?
//!
//! SQLite in WAL mode, `synchronous=FULL`. One [`Epoch`] is one transaction: positions, detector
//! state, alerts, outbox, journal and dead letters become durable together or not at all. The
//! pipeline owns the one writing connection; pages read through [`Reader`]s of their own, so
//! neither waits for the other.

mod activity;
mod alert_query;
mod alert_rows;
mod audit;
mod backup;
mod bulks;
mod changes;
mod dead_letters;
mod epoch;
mod error;
mod facets;
mod fired;
mod folder;
mod key_lines;
mod key_usage;
mod letters;
mod links;
mod outbox;
mod posture_rows;
mod reader;
mod recover;
mod retention;
mod retries;
mod schema;
mod search;
mod silence_rows;
mod state_rows;
mod views;
mod writer;

pub use activity::ActivityLine;
pub use alert_query::AlertQuery;
pub use audit::{Audited, Origin, note};
pub use backup::{BackedUp, KEY_FILE, RESTORED};
pub use bulks::KeptBulk;
pub use changes::{ChangeLine, Looked};
pub use epoch::{
    Accounting, Attempt, Delivery, Epoch, LETTER_BYTES, NewDeadLetter, Recovered, Reload, Retried, ShardBytes,
    StreamPosition,
};
pub use error::StoreError;
pub use facets::{Counts, Facet, Facets, MOST_COUNTED, counted_whole};
pub use fired::Fired;
pub use folder::DATABASE;
pub use key_lines::{CallerLine, KeyLine, KeyReach};
pub use key_usage::{KeyCaller, KeyChange, KeyDay, KeyUsage, KeyUse, day_of};
pub use letters::{DeadLetter, LetterQuery, MayRetry};
pub use links::LinkLine;
pub use posture_rows::PostureRows;
pub use reader::{Change, Made, Reader};
pub use retention::{Pruned, Settings};
pub use retries::{Asked, QueuedLetter, ask_to_retry, ask_to_retry_from};
pub use silence_rows::AuditEntry;
pub use state_rows::COMPONENTS;
pub use views::{MOST_VIEWS, Saved, View, remove_view, save_view};
pub use writer::Store;
