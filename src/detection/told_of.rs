//! Which kinds of events is each detector told of, and each step of it?
//!
//! Those that its file needs, and where it goes by what others find, those in which they find it.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::posture::Need;
use crate::telemetry::Kind;

use super::{Catalogue, Detector, Rule};

impl Catalogue {
    /// Returns the kinds of event that each step of the detector `id` may be; nothing where it has one step.
    pub fn steps(&self, id: &str) -> Vec<Vec<Kind>> {
        let Some((detector, rule)) = self.pairs().find(|(detector, _)| *detector.id == *id) else { return Vec::new() };
        let mut steps = rule.kinds_of_steps();
        for (kinds, finders) in steps.iter_mut().zip(detector.counting.finders()).filter(|(_, of)| !of.is_none()) {
            *kinds = finders.kinds(detector, self.pairs());
        }
        steps
    }

    fn pairs(&self) -> impl Iterator<Item = (&Detector, &Rule)> {
        self.detectors.all.iter().map(|detector| &**detector).zip(self.rules.iter())
    }

    /// Returns the kinds of event that a detector is told of, those among them in which others find what it sees; none of
    /// one that takes any.
    fn kinds(&self, detector: &Detector, rule: &Rule) -> Vec<Kind> {
        let mut kinds = if rule.kinds.len() == Kind::ALL.len() { return Vec::new() } else { rule.kinds.clone() };
        for finders in detector.counting.finders() {
            kinds.extend(finders.kinds(detector, self.pairs()));
        }
        let mut known = BTreeSet::new();
        kinds.retain(|kind| known.insert(*kind));
        kinds
    }

    /// Returns which kinds of events each detector is told of, in the same order.
    pub fn needs(&self) -> Vec<Need> {
        let need = |(detector, rule): (&Arc<Detector>, &Rule)| Need {
            detector: detector.id.clone(),
            title: detector.title.clone(),
            kinds: self.kinds(detector, rule),
        };
        // A Sigma rule is somebody else's: that nothing tells it something is no gap in what we watch.
        let own = self.detectors.all.iter().zip(self.rules.iter()).filter(|(detector, _)| !detector.is_sigma());
        own.map(need).collect()
    }
}
