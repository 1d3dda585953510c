//! When do findings make an alert, when does it end, and what may people do with it?
//!
//! The [`AlertBook`] is pure: findings, commands and watermarks in, [`Transition`]s out. One
//! attack is one alert: findings about one entity, of one detector or of several that see the same
//! thing, extend the alert that is open, with the worst of them in front; quiet closes it in event
//! time; trouble that comes back within the cooldown reopens it.

mod alert;
mod book;
mod bulk;
mod command;
mod comparison;
mod entry;
mod incident;
mod lifecycle;
mod matcher;
mod member;
mod mutes;
mod offer;
pub mod query;
mod silence;
mod snapshot;
mod typed;

pub use alert::{Alert, AlertId, AlertState, Change, Closing, Transition};
pub use book::{AlertBook, BookSettings};
pub use bulk::{Acted, Bulk, BulkChange, BulkDone, Deed, Done, MOST_ALERTS, Undo};
pub use command::{Action, Command};
pub use comparison::{Pair, Shift, compare};
pub use incident::{Incident, Part, incidents};
pub use lifecycle::{Class, Standing};
pub use matcher::{Matcher, no_kind};
pub use member::Member;
pub use mutes::{
    Equal, Inhibition, MOST_SILENCES, Maintenance, Mark, MuteRules, Mutes, Over, SilenceDeed, TimeOfDay, Verdict,
    Weekday,
};
pub use offer::{Asker, Backtest, Covered, Judge, Offer};
pub use query::{Assignee, Line, Misread, Not, Query, Term};
pub use silence::{Ending, Judged, LONGEST, LOOKS_BACK, Preview, Silence, SilenceId, Usual};
pub use typed::Typed;

pub use crate::detection::drifting::CONTROL_WEAKENED;
pub use crate::detection::{Attack, Because, Evidence, Family, Level, Limit, Measure};
pub use crate::telemetry::{
    Category, Entity, EntityKind, Position, SharedNames, StreamId, StreamName, Streams, hides, sayable, written,
};
