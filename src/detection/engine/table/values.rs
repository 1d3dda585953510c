//! Has any entity shown this value for long?
//!
//! A detector that passes over what is new to all follows its values beside its entities: one cell each, in the
//! shard that the value's hash names, and under the same ceilings. A cell that was given up makes its value new to
//! all again, so what an entity does that it never did may go untold, and nothing is told that is not so.

use std::time::Duration;

use crate::detection::Signal;
use crate::detection::kinds::{Shown, State};

use super::super::found::Found;
use super::super::key::Key;
use super::{Cell, Rule, Table};

impl Table {
    /// Sees a value shown, whoever shows it; tells whether it has been for `settled`.
    pub fn is_common(&mut self, rule: &Rule<'_>, settled: Duration, signal: &Signal, found: &mut Found) -> bool {
        let at = signal.time;
        self.expire(rule, if rule.late { rule.released } else { at.minus(Duration::from_nanos(1)) }, found);
        // Of an entity's key all bits are random, so no value is taken for one.
        let key = Key::from(!u128::from(signal.value));
        while self.cells.len() >= rule.limits.cells && !self.cells.contains(key) && self.evict(rule, found) {}
        let place = match self.cells.place(key) {
            Some(place) => place,
            None => self.cells.insert(key, Cell::new(State::Shown(Shown::since(at)))),
        };
        let cell = self.cells.at(place);
        let State::Shown(value) = &mut cell.state else { return true };
        let common = value.see(settled, at, rule.detector.counting.coarse());
        self.touched(rule, key, place);
        common
    }
}
