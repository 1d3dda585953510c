//! How does a running daemon come to go by what was read anew?
//!
//! At the edge of an epoch: what was begun is finished and made durable by what held before, and what
//! comes after goes by the new. The next epoch says so with the sums of all files, beside what people
//! did, so that whoever replays the inputs knows from where on which files held. Detectors' state stays.

use crate::store::Reload;

use super::super::reload::Reread;
use super::super::surroundings::Surroundings;
use super::super::worker::Stage;
use super::{Daemon, DaemonError};

impl Daemon {
    /// Goes by what was read anew; if something was wrong with it, by what held before.
    pub(super) fn surround(&mut self, reread: Reread) -> Result<(), DaemonError> {
        let read = match reread.became {
            Ok(read) => read,
            Err(problems) => {
                self.parts.watch.context_refused(&problems);
                return Ok(());
            }
        };
        while let Some(worked) = self.parts.crew.take() {
            self.absorb(worked);
        }
        let now = self.parts.clock.elapsed();
        self.epoch(now)?;
        let (context, exceptions, intended) = (read.context, read.exceptions, read.intended);
        self.parts.crew.replace(|stage| Stage {
            topology: read.topology,
            context: context.clone(),
            matcher: stage.matcher.clone().with_exceptions(exceptions.clone()),
            ..stage.clone()
        });
        self.parts.core.set_surroundings(Surroundings { exceptions, context, intended });
        // What follows from what is meant now is of this time.
        let event = self.parts.core.moment().filter(|_| self.parts.core.has_reading());
        self.parts.core.read_anew(Reload { at: self.parts.clock.now(), files: reread.sums, event });
        let meant = self.parts.core.surroundings().intended.clone();
        let transitions = self.parts.core.meant(&meant);
        self.tell(transitions);
        self.reckoned.told += 1;
        self.dirty = true;
        self.parts.watch.context_taken();
        Ok(())
    }
}
