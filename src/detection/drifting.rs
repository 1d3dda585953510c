//! Which alerts come from no event, but from the threat model?
//!
//! What two readings of configuration differ in is a finding too, of a detector that is told no events:
//! it stands here and in no file, for nobody could give it a condition. Its alerts never go quiet, for
//! what is weak stays so until it is mended: then they are closed as healed.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::clock::Lanes;
use crate::telemetry::EntityKind;

use super::{Attack, Counting, Detector, Family, Level};

/// A control that was configured is not any more.
pub const CONTROL_WEAKENED: &str = "control-plane.control_weakened";
/// Ten years: longer than anybody leaves an alert open.
const NEVER_QUIET: Duration = Duration::from_hours(3_650 * 24);

static ALL: LazyLock<[Arc<Detector>; 1]> = LazyLock::new(|| {
    [Arc::new(Detector {
        id: CONTROL_WEAKENED.into(),
        family: Family::ControlPlane,
        title: "A control got weaker".into(),
        level: Level::High,
        threat: "control-plane-abuse".into(),
        group: None,
        attack: Attack { version: "18".into(), techniques: vec!["T1562.007".into()] },
        needs: Lanes::ALL,
        why: "Two readings of what is configured differ, and the newer one lacks something that kept somebody out. Either \
              it was changed by mistake, or by somebody who wants to come in."
            .into(),
        triage: "1. The sentence says what got weaker, and who wrote to it last and from where: ask them.\n\
                 2. If nobody meant it: put the setting back, and look at what was let in since then on the part's page.\n\
                 3. If it was meant: accept the risk in model.yaml, with an owner and an end."
            .into(),
        false_alarms: "A template that was moved to a folder that is not read: then the part is gone, which is no alert. A \
                       control that another one makes needless: accept the risk."
            .into(),
        says: "".into(),
        entity: EntityKind::App,
        counting: Counting::Match,
        quiet: NEVER_QUIET,
        version: 1,
    })]
});

/// Returns all such detectors.
pub fn all() -> &'static [Arc<Detector>] {
    &*ALL
}

/// Returns the one called `id`.
pub(super) fn named(id: &str) -> Option<&'static Arc<Detector>> {
    ALL.iter().find(|detector| *detector.id == *id)
}
