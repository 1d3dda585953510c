//! What does the threat model hear of an alert?
//!
//! The parts that it speaks of: those among its entities, and those that the records kept with it name. As
//! many as those are.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::alerts::Alert;
use crate::posture::living::{Alerted, named_behind, named_parts};
use crate::telemetry::{Entity, EntityKind};

/// Returns an alert as the threat model sees it: of the parts that it names, its own entity first, and of
/// those that its evidence names.
pub(super) fn alerted(alert: &Alert) -> Alerted {
    let is_part =
        |entity: &&Entity| matches!(entity.kind, EntityKind::App | EntityKind::Function | EntityKind::Gateway);
    let mut names: Vec<Arc<str>> = alert.entities.iter().filter(is_part).map(|entity| entity.value.clone()).collect();
    names.extend(alert.app.clone());
    for record in alert.evidence.iter().filter_map(|one| one.record.as_deref()) {
        names.extend(named_parts(record).into_iter().map(Arc::from));
    }
    let records = alert.evidence.iter().filter_map(|one| one.record.as_deref());
    let behind: BTreeSet<Arc<str>> = records.filter_map(named_behind).map(Arc::from).collect();
    let mut known = HashSet::new();
    names.retain(|name| known.insert(name.clone()));
    let mut detectors: Vec<Arc<str>> = alert.members.iter().map(|member| member.detector.clone()).collect();
    if !detectors.contains(&alert.detector) {
        detectors.insert(0, alert.detector.clone());
    }
    Alerted {
        id: alert.id.to_string().into(),
        detectors,
        threat: alert.threat.clone(),
        level: alert.level,
        names,
        behind: behind.into_iter().collect(),
        why: alert.why.as_str().into(),
        first: alert.first_seen,
        last: alert.last_seen,
        count: alert.count,
    }
}
