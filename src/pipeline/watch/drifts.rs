//! Which changes of the threat model are counted?
//!
//! Those that events prove, and writes to the control plane; what readings of configuration differ in is counted with the alerts it makes.

use crate::posture::living::DriftKind;

use super::Watch;

impl Watch {
    /// Counts writes to the control plane that were told.
    pub(super) fn written(&self, many: u64) {
        if many > 0 {
            self.metrics.posture.drifts.add(&[DriftKind::Written.name()], many);
        }
    }

    /// Counts a change.
    pub fn drifted(&self, kind: DriftKind) {
        self.metrics.posture.drifts.add(&[kind.name()], 1);
    }
}
