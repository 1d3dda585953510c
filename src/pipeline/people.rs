//! What do people change in the core?
//!
//! Alerts, by way of the book. Each command that was done is journalled with the next epoch, and
//! so is what a change of many alerts did, to be undone.

use std::collections::HashMap;

use crate::alerts::{Alert, AlertId, BulkDone, Command, Deed, Done, Over, Transition};

use super::core::Core;

/// What people have done since the last epoch.
#[derive(Debug, Default)]
pub(super) struct People {
    /// The journal.
    pub(super) commands: Vec<Command>,
    /// Changes of many alerts.
    pub(super) bulks: Vec<BulkDone>,
    /// Those that were taken back, and by whom.
    pub(super) undone: Vec<(u64, String)>,
}

impl Core {
    /// Does what somebody wants done; journalled with the next epoch. `stored` has those of the
    /// alerts that are not in the book.
    ///
    /// # Errors
    ///
    /// Says why it can't be done.
    pub fn act(&mut self, deed: &Deed, stored: &HashMap<AlertId, Alert>) -> Result<(Vec<Transition>, Done), String> {
        let acted = self.book.act(deed, stored)?;
        self.people.commands.extend(acted.commands);
        self.people.bulks.extend(acted.bulk);
        if let (Some(id), Deed::Undo(undo)) = (acted.undone, deed) {
            self.people.undone.push((id, undo.by.clone()));
        }
        Ok((acted.transitions, acted.done))
    }

    /// Tells that silences no longer hide alerts.
    pub fn unsilence(&mut self, over: &Over) -> Vec<Transition> {
        over.tell.iter().filter_map(|alert| self.book.unsilence(*alert, &over.says)).collect()
    }
}
