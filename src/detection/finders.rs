//! Whose findings does a step of a sequence take?
//!
//! A step names detectors, or families of them; what one of these finds about the sequence's entity counts for the
//! step. A detector that itself sees what others find is none of them, so nothing goes round in a circle, and neither
//! is a Sigma rule, for those have correlations of their own. A sequence waits for all that its steps' detectors need.

use std::sync::Arc;

use crate::clock::Lanes;
use crate::posture::Problem;
use crate::posture::document::unknown;
use crate::telemetry::Kind;

use super::groups::wait_together;
use super::rule::Rule;
use super::spec::Compiled;
use super::{Detector, Family};

/// Whose findings a step takes; of no one if it takes events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Finders {
    /// Detectors, by their ids.
    pub detectors: Vec<Arc<str>>,
    /// Every detector of these families.
    pub families: Vec<Family>,
}

/// What a step of a detector's file names, and on which line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A detector, by its id.
    Detector(Arc<str>, usize),
    /// All of a family.
    Family(Family, usize),
}

impl Finders {
    /// Tells whether the step takes events, and no findings.
    pub fn is_none(&self) -> bool {
        self.detectors.is_empty() && self.families.is_empty()
    }

    /// Tells whether what `detector` finds counts.
    pub fn take(&self, detector: &Detector) -> bool {
        let named = self.detectors.contains(&detector.id) || self.families.contains(&detector.family);
        named && !detector.counting.sees_findings() && !detector.is_sigma()
    }

    /// Returns the kinds of event in which it may be found about such an entity as `of` is about.
    pub(super) fn kinds<'r>(&self, of: &Detector, all: impl Iterator<Item = (&'r Detector, &'r Rule)>) -> Vec<Kind> {
        let finders = all.filter(|(other, _)| other.entity == of.entity && self.take(other));
        let mut kinds: Vec<Kind> = finders.flat_map(|(_, rule)| rule.kinds.iter().copied()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Says whose they are.
    pub fn said(&self) -> String {
        let families = self.families.iter().map(|family| format!("any of {family}"));
        let named = self.detectors.iter().map(ToString::to_string);
        named.chain(families).collect::<Vec<_>>().join(" or ")
    }
}

/// Lets every detector wait for what it must: those of a group for what any of them needs, and a sequence for what the
/// detectors need whose findings it takes.
pub(super) fn wait<'d>(detectors: impl Iterator<Item = &'d mut Detector>) {
    let mut all: Vec<&mut Detector> = detectors.collect();
    // What one needs more another of its group needs too: as long as anything changes, of lanes that only grow.
    loop {
        let before: Vec<Lanes> = all.iter().map(|detector| detector.needs).collect();
        wait_together(all.iter_mut().map(|detector| &mut **detector));
        let needed: Vec<Lanes> = all.iter().map(|detector| needed(detector, &all)).collect();
        all.iter_mut().zip(needed).for_each(|(detector, needs)| detector.needs = needs);
        if all.iter().map(|detector| detector.needs).eq(before) {
            break;
        }
    }
}

fn needed(detector: &Detector, all: &[&mut Detector]) -> Lanes {
    let found = detector.counting.finders();
    let finders = all.iter().filter(|other| other.entity == detector.entity && found.iter().any(|of| of.take(other)));
    Lanes(finders.fold(detector.needs.0, |lanes, other| lanes | other.needs.0))
}

/// Returns what is wrong with the detectors and families that steps of `compiled` name; `exists` tells of a detector
/// whether it has a file, whatever is wrong with that.
pub(super) fn unfit(compiled: &[(String, Compiled)], exists: impl Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, one) in compiled {
        for named in &one.finders {
            let (line, says) = match named {
                Named::Detector(id, line) => (*line, unfit_detector(&one.detector, id, compiled, &exists)),
                Named::Family(family, line) => (*line, unfit_family(&one.detector, *family, compiled)),
            };
            problems.extend(says.map(|says| Problem { file: path.clone(), line, says }));
        }
    }
    problems
}

fn unfit_detector(
    own: &Detector,
    id: &Arc<str>,
    compiled: &[(String, Compiled)],
    exists: &impl Fn(&str) -> bool,
) -> Option<String> {
    if *id == own.id {
        return Some(format!("`{id}` can't be a step of itself. Name what it is to follow."));
    }
    if id.starts_with("sigma.") {
        return Some(format!("`{id}` is a Sigma rule, which a Sigma correlation joins with others. Name a detector."));
    }
    let Some((_, other)) = compiled.iter().find(|(_, other)| other.detector.id == *id) else {
        // What is wrong with its file is told there.
        let known = || compiled.iter().map(|(_, other)| &*other.detector.id).filter(|known| *known != &*own.id);
        return (!exists(id)).then(|| unknown_detector(id, known()));
    };
    if other.detector.counting.sees_findings() {
        return Some(format!("`{id}` itself sees what others find, so it can be no step. Name those it goes by."));
    }
    let (its, own) = (other.detector.entity, own.entity);
    (its != own).then(|| {
        format!("What `{id}` finds is about one {its}, and this detector counts by one {own}. Name another, or count by another field.")
    })
}

/// Names the one that may have been meant; of so many it lists none.
fn unknown_detector<'k>(id: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let says = unknown(id, "a detector", known);
    let short = says.split_once(" Use one of: ").map(|(says, _)| format!("{says} `gatewatch detectors list` has all."));
    short.unwrap_or(says)
}

fn unfit_family(own: &Detector, family: Family, compiled: &[(String, Compiled)]) -> Option<String> {
    let finders = Finders { families: vec![family], ..Finders::default() };
    let fits = |other: &Detector| other.entity == own.entity && other.id != own.id && finders.take(other);
    let any = compiled.iter().any(|(_, other)| fits(&other.detector));
    (!any).then(|| format!("No detector of `{family}` finds anything about one {}. Name another family.", own.entity))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::clock::Lanes;
    use crate::detection::{Catalogue, describe};
    use crate::telemetry::Kind;

    const SCAN: &str =
        "needs: [http.request]\nwhen: { outcome: failure }\nthreshold: { by: source.ip, at_least: 3, within: 1m }";
    const SPRAY: &str = "needs: [signin]\nwhen: { outcome: failure }\nmatch: { by: source.ip }";
    const OF_KEY: &str = "needs: [gateway.request]\nmatch: { by: key.id }";

    fn sequence(needs: &str, steps: &str) -> String {
        format!("{needs}\nsequence:\n  by: source.ip\n  within: 1h\n  steps:\n{steps}")
    }

    fn built(detectors: &[(&str, &str)]) -> Result<Catalogue, Vec<String>> {
        let file = |(id, text): &(&str, &str)| {
            let head = "group: alone\ntitle: t\nlevel: low\nthreat: key-theft\nattack: { version: '18', techniques: [T1110] }\nwhy: w\n\
                        triage: t\nfalse_alarms: f\nsays: '{entity} did it'";
            (format!("{}.yaml", id.replacen('.', "/", 1)), format!("id: {id}\n{head}\n{text}\n"))
        };
        let files: BTreeMap<String, String> = detectors.iter().map(file).collect();
        Catalogue::build(&files).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    /// What is wrong with a sequence of such a first step, on line 16, beside other detectors.
    fn wrong(first: &str, others: &[(&str, &str)]) -> Vec<String> {
        let text = sequence("needs: [http.request]", &format!("    - {first}\n    - when: {{ outcome: success }}"));
        let all: Vec<_> = [("probing.x", text.as_str())].into_iter().chain(others.iter().copied()).collect();
        built(&all).err().unwrap_or_default()
    }

    #[test]
    fn a_sequence_waits_for_all_that_its_steps_detectors_need_and_is_offered_its_own_events_alone() {
        let steps = "    - detector: [probing.a, probing.b]\n    - when: { outcome: success }";
        let x = sequence("needs: [gateway.request]", steps);
        let found = sequence("", "    - detector: probing.a\n    - { family: probing, at_least: 2 }");
        let all = [("probing.a", SCAN), ("probing.b", SPRAY), ("probing.x", &*x), ("probing.y", &*found)];
        let catalogue = built(&all).unwrap();
        let needs = |id: &str| catalogue.detectors.named(id).unwrap().needs;
        let union = |kinds: &[Kind]| Lanes(kinds.iter().fold(0, |lanes, kind| lanes | kind.lanes().0));
        assert_eq!(needs("probing.x"), union(&[Kind::GatewayRequest, Kind::HttpRequest, Kind::SignIn]));
        assert_eq!(needs("probing.y"), union(&[Kind::HttpRequest, Kind::SignIn]));
        let told: Vec<(&str, Vec<Kind>)> = catalogue
            .needs()
            .iter()
            .map(|need| {
                let id = catalogue.detectors.named(&need.detector).unwrap().id.rsplit_once('.').unwrap().1.to_owned();
                (&*id.leak(), need.kinds.clone())
            })
            .collect();
        assert_eq!(told[2], ("x", vec![Kind::GatewayRequest, Kind::HttpRequest, Kind::SignIn]));
        let kinds = [vec![Kind::HttpRequest, Kind::SignIn], vec![Kind::GatewayRequest]];
        assert_eq!(catalogue.steps("probing.x"), kinds, "a step may come of what its detectors see");
        let says = describe(&catalogue.detectors.all[3]);
        let fires = "at 1 finding of probing.a, then 2 findings of any of probing, in order, for one ip within 1h";
        assert!(says.contains(fires), "{says}");
    }

    #[test]
    fn a_step_names_what_finds_something_about_the_same_kind_of_entity() {
        let others = [("probing.scan", SCAN), ("key-usage.k", OF_KEY)];
        for (first, says) in [
            ("detector: probing.scam", "`probing.scam` is not a detector. Did you mean `probing.scan`?"),
            (
                "detector: [probing.scan, wholly.other]",
                "`wholly.other` is not a detector. `gatewatch detectors list` has all.",
            ),
            ("detector: probing.x", "`probing.x` can't be a step of itself. Name what it is to follow."),
            (
                "detector: sigma.4711",
                "`sigma.4711` is a Sigma rule, which a Sigma correlation joins with others. Name a detector.",
            ),
            (
                "detector: key-usage.k",
                "What `key-usage.k` finds is about one key, and this detector counts by one ip. Name another, or count by another field.",
            ),
            ("family: key-usage", "No detector of `key-usage` finds anything about one ip. Name another family."),
            ("family: probin", "`probin` is not a family. Did you mean `probing`?"),
            ("detector: []", "`detector` names nobody. Name one or more."),
            (
                "{ detector: probing.scan, when: { app: a } }",
                "A step takes events or findings: write `when`, or `detector` and `family`.",
            ),
            ("at_least: 2", "Say which events the step takes (`when`), or what must be found (`detector`, `family`)."),
        ] {
            assert_eq!(wrong(first, &others), [format!("probing/x.yaml:16: {says}")], "{first}");
        }
        assert_eq!(wrong("detector: probing.scan", &others), Vec::<String>::new());
    }

    #[test]
    fn nothing_goes_round_in_a_circle() {
        let ring =
            |other: &str| sequence("", &format!("    - detector: probing.scan\n    - detector: probing.{other}"));
        let (a, b) = (ring("b"), ring("a"));
        let risk = "needs: any\nrisk: { by: source.ip, at_least: 50, half_life: 1h }";
        let of_risk = ring("r");
        let all = [
            ("probing.a", &*a),
            ("probing.b", &*b),
            ("probing.r", risk),
            ("probing.s", &*of_risk),
            ("probing.scan", SCAN),
        ];
        let says = |file: &str, id: &str| {
            format!(
                "probing/{file}.yaml:17: `probing.{id}` itself sees what others find, so it can be no step. Name those it goes by."
            )
        };
        assert_eq!(built(&all).unwrap_err(), [says("a", "b"), says("b", "a"), says("s", "r")]);
        // Of a family those that see events alone are meant.
        let family = sequence("", "    - detector: probing.scan\n    - family: probing");
        let all = [("probing.f", &*family), ("probing.g", &*family), ("probing.scan", SCAN)];
        let catalogue = built(&all).unwrap();
        let finders = &catalogue.detectors.all[0].counting.finders()[1];
        let taken: Vec<bool> = catalogue.detectors.all.iter().map(|one| finders.take(one)).collect();
        assert_eq!(taken, [false, false, true]);
    }

    #[test]
    fn of_a_file_that_is_wrong_its_own_problems_are_told_and_not_that_it_is_missing() {
        let told =
            wrong("detector: probing.scan", &[("probing.scan", "needs: [http.request]\nmatch: { bi: source.ip }")]);
        assert!(told.iter().all(|says| says.starts_with("probing/scan.yaml")), "{told:?}");
    }
}
