//! How many events has each detector matched since the start?
//!
//! What a detector costs beside the others: each match is a signal that is kept until it is evaluated.

use super::super::Core;
use super::Watch;
use crate::metrics::reach;

impl Watch {
    /// Counts signals, and shows them by detector.
    pub(super) fn matches(&self, core: &Core) {
        reach(&self.metrics.signals, core.signals());
        self.board.set_matched(core.matched().into());
    }
}
