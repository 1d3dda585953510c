//! Which files that were read are nowhere to be found?
//!
//! Looked at once a minute; each is told of once, and again if it was back meanwhile. Our own
//! memory of them lasts longer than the pipeline's, so that nothing is read twice.

use std::collections::{BTreeMap, HashSet};

use crate::telemetry::{Batch, Mark, StreamName};

use super::follow::Files;

/// After how many looks (seconds) it is time again.
pub(super) const OFTEN: u64 = 60;
/// How many looks a file that is gone is remembered: 31 days.
const KEPT: u64 = 31 * 24 * 3_600;

/// The files that are gone, and the look at which they were.
pub(super) type Gone = BTreeMap<StreamName, u64>;

impl Files {
    /// Says which files are gone since it was last time to look.
    pub(super) fn say_gone(&mut self, batch: &mut Batch) {
        if !self.settings.follow || !self.looks.is_multiple_of(OFTEN) {
            return;
        }
        let there: HashSet<i32> = self.present().collect();
        self.gone.retain(|name, _| !there.contains(&name.partition));
        let forgotten: Vec<StreamName> =
            self.gone.iter().filter(|(_, since)| **since + KEPT < self.looks).map(|(name, _)| name.clone()).collect();
        for name in forgotten {
            self.gone.remove(&name);
            self.resume.remove(&name);
        }
        for name in self.resume.keys().filter(|name| !there.contains(&name.partition)) {
            if !self.gone.contains_key(name) {
                batch.marks.push(Mark::Gone(self.streams.id(name)));
                self.gone.insert(name.clone(), self.looks);
            }
        }
    }
}
