//! Which changes of the threat model are counted?
//!
//! Those that events prove; what readings of configuration differ in is counted with the alerts it makes.

use crate::posture::living::DriftKind;

use super::Watch;

impl Watch {
    /// Counts a change.
    pub fn drifted(&self, kind: DriftKind) {
        self.metrics.posture.drifts.add(&[kind.name()], 1);
    }
}
