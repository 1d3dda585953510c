//! Which public rules run beside our own detectors? Sigma 2.1 as it is: rules, correlations and filters.
//!
//! A folder of Sigma rules is compiled into detectors that look like ours: same alerts, same engine. What can't be
//! honoured is refused by the name of its rule and never half-run; a rule whose log source nothing of ours makes
//! compiles and is listed as never running. The rules of one category share one reading of each event, and an
//! index finds the few that it may fulfil.

mod cond;
mod condition;
mod correlation;
mod documents;
mod encode;
mod expr;
mod fields;
mod index;
mod load;
mod logsource;
mod made;
mod meta;
mod modifiers;
mod mods;
mod pattern;
mod reading;
mod rule;
mod selection;
mod set;
mod slips;
mod test;
#[cfg(test)]
mod tests;
mod texts;
mod tie;
mod tree;
mod walk;

pub use load::{Rules, Silent};
pub use modifiers::Placeholders;
pub use set::{Hit, Set};
pub use test::Compare;
pub use walk::Walk;

pub(super) use made::Sound;
