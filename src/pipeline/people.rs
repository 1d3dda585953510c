//! What do people change in the core?
//!
//! Alerts, by way of the book. Each command that was done is journalled with the next epoch, and
//! so is what a change of many alerts did, to be undone.

use std::collections::HashMap;

use crate::alerts::{Alert, AlertId, BulkDone, Command, Deed, Done, Over, Transition};

use super::core::Core;

/// What the alerts that windows and inhibitions hold back are called in an epoch.
pub const HELD_BACK: &str = "held-back";

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

/// Says that a change of many alerts was asked for twice.
pub(super) fn done_already(bulk: u64) -> String {
    format!("The change {bulk:016x} is done already, and each is done once. Count anew for another one.")
}

impl Core {
    /// Does what somebody wants done; journalled with the next epoch. `stored` has those of the
    /// alerts that are not in the book.
    ///
    /// # Errors
    ///
    /// Says why it can't be done.
    pub fn act(&mut self, deed: &Deed, stored: &HashMap<AlertId, Alert>) -> Result<(Vec<Transition>, Done), String> {
        if let Deed::Bulk(bulk) = deed
            && self.people.bulks.iter().any(|done| done.id == bulk.id)
        {
            return Err(done_already(bulk.id));
        }
        let acted = self.book.act(deed, stored)?;
        self.people.commands.extend(acted.commands);
        self.people.bulks.extend(acted.bulk);
        if let (Some(id), Deed::Undo(undo)) = (acted.undone, deed) {
            self.people.undone.push((id, undo.by.clone()));
        }
        Ok((acted.transitions, acted.done))
    }

    /// Tells that silences, windows or inhibitions no longer hide alerts.
    pub fn unsilence(&mut self, over: &Over) -> Vec<Transition> {
        over.tell.iter().filter_map(|alert| self.book.unsilence(*alert, &over.says)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::CoreSettings;
    use super::*;
    use crate::alerts::{Action, Bulk, Streams};
    use crate::clock::Timestamp;
    use crate::detection::Detectors;

    #[test]
    fn a_change_of_many_alerts_is_done_once() {
        let nobody = Arc::new(Detectors { all: Vec::new() });
        let mut core = Core::new(nobody, Streams::default(), &CoreSettings::replay());
        let bulk = |id| {
            let (by, query, at) = ("dana".to_owned(), String::new(), Timestamp::from_seconds(1));
            Deed::Bulk(Box::new(Bulk { id, by, at, action: Action::Acknowledge, query, targets: Vec::new() }))
        };
        assert!(core.act(&bulk(7), &HashMap::new()).is_ok());
        assert!(core.act(&bulk(7), &HashMap::new()).unwrap_err().contains("0000000000000007 is done already"));
        assert!(core.act(&bulk(8), &HashMap::new()).is_ok());
    }
}
