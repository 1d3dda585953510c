//! What does the book do when a person asks?
//!
//! An alert that has left the book can be noted and judged all the same; one that is opened again
//! comes back into it, and takes the place of a closed one about the same, but never that of an
//! open one.

use super::super::lifecycle::act;
use super::{Alert, AlertBook, AlertId, Change, Command, Entry, Transition};

impl AlertBook {
    /// Does what a person asked of an alert in the book.
    ///
    /// # Errors
    ///
    /// Says that there is no such alert in the book, or why it does not allow that.
    pub fn command(&mut self, command: &Command) -> Result<Transition, String> {
        let id = command.alert();
        let fingerprint = self.ids.get(&id).copied();
        let entry = fingerprint.and_then(|fingerprint| self.entries.get_mut(&fingerprint)).ok_or_else(|| {
            format!("There is no alert {id} that is open or was closed a short while ago; the list of alerts has the present ones.")
        })?;
        let change = act(entry, command)?;
        let (active, fingerprint) = (entry.active, entry.alert.fingerprint);
        self.look_at(fingerprint, active);
        Ok(change)
    }

    /// Tells that a silence no longer hides the alert, if it is in the book.
    pub fn unsilence(&mut self, id: AlertId, why: &str) -> Option<Transition> {
        let fingerprint = *self.ids.get(&id)?;
        let change = Change::Unsilenced { why: why.to_owned() };
        self.entries.get_mut(&fingerprint).map(|entry| entry.emit(change))
    }

    /// Does what a person asked of `alert`, which has left the book; returns what changed, that
    /// alert's own change last.
    ///
    /// # Errors
    ///
    /// Says why the alert does not allow that, or which other one stands in its way.
    pub fn command_on(&mut self, alert: Alert, command: &Command) -> Result<Vec<Transition>, String> {
        let mut entry = Entry::kept(alert);
        let change = act(&mut entry, command)?;
        let fingerprint = entry.alert.fingerprint;
        if !entry.is_open() {
            return Ok(vec![change]);
        }
        if let Some(other) = self.entries.get(&fingerprint).filter(|other| other.is_open()) {
            let (id, other) = (entry.alert.id, other.alert.id);
            return Err(format!("Alert {id} can't be open: {other} is, and it is about the same. Work on that one."));
        }
        let mut out = Vec::new();
        if let Some(mut old) = self.remove(fingerprint)
            && old.held
        {
            out.push(old.emit(Change::Events));
        }
        while self.entries.len() >= self.settings.max_alerts.max(1) {
            self.give_way(&mut out);
        }
        let active = entry.active;
        self.insert(entry);
        self.look_at(fingerprint, active);
        out.push(change);
        Ok(out)
    }
}
