//! When do findings make an alert, when does it end, and what may people do with it?
//!
//! The [`AlertBook`] is pure: findings, commands and watermarks in, [`Transition`]s out. One
//! attack is one alert: findings about one entity, of one detector or of several that see the same
//! thing, extend the alert that is open, with the worst of them in front; quiet closes it in event
//! time; trouble that comes back within the cooldown reopens it.

mod alert;
mod book;
mod comparison;
mod entry;
mod member;
mod snapshot;

pub use alert::{Alert, AlertId, AlertState, Change, Closing, Command, Transition};
pub use book::{AlertBook, BookSettings};
pub use comparison::{Pair, Shift, compare};
pub use member::Member;

pub use crate::detection::{Attack, Because, Evidence, Family, Level, Limit, Measure};
pub use crate::telemetry::{
    Category, Entity, EntityKind, Position, SharedNames, StreamId, StreamName, Streams, sayable,
};
