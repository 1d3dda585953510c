//! What detector does a Sigma rule become? One that looks like ours, to engine, alerts and people.

use xxhash_rust::xxh3::xxh3_64;

use crate::clock::Lanes;
use crate::detection::rule::{Leveling, Rule};
use crate::detection::spec::usual_quiet;
use crate::detection::{Counting, Detector, Family, Level};
use crate::telemetry::{Category, EntityKind, Kind};

use super::logsource::Reach;
use super::meta::Meta;

/// A rule that runs.
#[derive(Clone, Debug)]
pub(in crate::detection) struct Sound {
    pub(in crate::detection) detector: Detector,
    pub(in crate::detection) rule: Rule,
}

/// What a detector is made of.
pub(super) struct Of<'o> {
    pub(super) meta: &'o Meta,
    pub(super) level: Level,
    pub(super) entity: EntityKind,
    pub(super) counting: Counting,
    pub(super) reaches: Vec<&'o Reach>,
}

impl Of<'_> {
    /// Returns the detector; `version` is all that its state depends on, as text.
    pub(super) fn sound(self, version: &str) -> Sound {
        let mut lanes = Lanes(0);
        let mut categories: Vec<Category> = self.reaches.iter().flat_map(|reach| reach.categories.clone()).collect();
        categories.sort_unstable();
        categories.dedup();
        for category in &categories {
            lanes = lanes.with(category.lane());
        }
        let mut kinds: Vec<Kind> = categories.iter().flat_map(|category| category.makes()).copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let title = self.meta.title.replace(['{', '}'], "'");
        let says = match &self.counting {
            Counting::Match => format!("{{entity}}: {title}, at {{at}}."),
            Counting::Distinct { .. } => {
                format!("{{entity}}: {title}: {{distinct}} different values ({{examples}}) within {{window}}.")
            }
            Counting::Threshold { .. } => format!("{{entity}}: {title}: {{count}} events within {{window}}."),
            _ => format!("{{entity}}: {title}: since {{since}}, within {{window}}."),
        };
        let detector = Detector {
            id: self.meta.id.as_str().into(),
            family: self.reaches.first().map_or(Family::Probing, |reach| reach.family),
            title: self.meta.title.as_str().into(),
            level: self.level,
            threat: "".into(),
            group: None,
            attack: self.meta.attack.clone(),
            needs: lanes,
            why: self.meta.why.as_str().into(),
            triage: self.meta.triage().into(),
            false_alarms: self.meta.false_alarms.as_str().into(),
            says: says.into(),
            entity: self.entity,
            quiet: usual_quiet(&self.counting),
            counting: self.counting,
            version: xxh3_64(format!("sigma 1;{version}").as_bytes()),
        };
        let rule = Rule::of_sigma(kinds, Leveling::Fixed(self.level), self.entity);
        Sound { detector, rule }
    }
}
