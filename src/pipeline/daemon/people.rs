//! How does what people do become durable, and when are they answered?
//!
//! A deed is done at once, told with the next epoch, and answered once that is durable. Alerts
//! that have left the book are read from the store, unless what waits for the next epoch has them
//! newer.

use std::collections::{HashMap, HashSet};

use tokio::sync::oneshot;

use crate::alerts::{Alert, AlertId, Deed, Done};

use super::{Daemon, DaemonError};

/// Takes the answer.
pub(super) type Reply = oneshot::Sender<Result<Done, String>>;

impl Daemon {
    /// Does what somebody wants done.
    pub(super) fn deed(&mut self, deed: &Deed, reply: Reply) -> Result<(), DaemonError> {
        let stored = self.stored(deed)?;
        match self.parts.core.act(deed, &stored) {
            Ok((transitions, done)) => {
                self.told_since.get_or_insert(self.parts.clock.elapsed());
                self.dirty = true;
                self.tell(transitions);
                self.answers.push((reply, done));
            }
            Err(why) => drop(reply.send(Err(why))),
        }
        Ok(())
    }

    /// Returns those of the deed's alerts that the book no longer has, as they are now.
    fn stored(&self, deed: &Deed) -> Result<HashMap<AlertId, Alert>, DaemonError> {
        let mut missing: HashSet<AlertId> = deed.alerts().into_iter().collect();
        missing.retain(|id| self.parts.core.book().get(*id).is_none());
        let mut found = HashMap::new();
        for (transition, _) in self.pending.iter().rev() {
            let alert = transition.alert();
            if missing.remove(&alert.id) {
                found.insert(alert.id, alert.clone());
            }
        }
        for id in missing {
            if let Some(alert) = self.parts.store.alert(id).map_err(DaemonError::Store)? {
                found.insert(id, alert);
            }
        }
        Ok(found)
    }
}
