//! When do findings make an alert, when does it end, and what may people do with it?
//!
//! The [`AlertBook`] is pure: findings, commands and watermarks in, [`Transition`]s out. One
//! attack is one alert: findings of one detector for one entity extend the alert that is open;
//! quiet closes it in event time; trouble that comes back within the cooldown reopens it.

mod alert;
mod book;
mod bulk;
mod command;
mod comparison;
mod entry;
mod lifecycle;
pub mod query;
mod snapshot;

pub use alert::{Alert, AlertId, AlertState, Change, Closing, Transition};
pub use book::{AlertBook, BookSettings};
pub use bulk::{Acted, Bulk, BulkChange, BulkDone, Deed, Done, MOST_ALERTS, Undo};
pub use command::{Action, Command};
pub use comparison::{Pair, Shift, compare};
pub use lifecycle::{Class, Standing};
pub use query::{Assignee, Query};

pub use crate::detection::{Attack, Because, Evidence, Family, Level, Limit, Measure};
pub use crate::telemetry::{
    Category, Entity, EntityKind, Position, SharedNames, StreamId, StreamName, Streams, sayable,
};
