//! Which detectors see the same thing, so that what they find about one entity is one alert?
//!
//! `groups.yaml` says it by family, kind of entity and threat, so that a new detector belongs where it should
//! without saying so; a detector's own `group:` has the last word. All of a group wait for the same telemetry:
//! only then does the order in which they find things not depend on when somebody looks. At most 100 groups,
//! of 64 detectors each.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Lanes;
use crate::posture::document::{self, Located, Node, Section, unknown};
use crate::posture::{Problems, Threats};
use crate::telemetry::EntityKind;

use super::spec::Compiled;
use super::{Detector, Family, Problem};

/// The file of the groups.
pub(super) const GROUPS: &str = "groups.yaml";
/// What a detector's `group` says that belongs to none.
const ALONE: &str = "alone";
const KEYS: [&str; 5] = ["id", "title", "families", "threats", "entity"];
const MOST_GROUPS: usize = 100;
/// Detectors of one group: an alert names each that saw it.
const MOST_MEMBERS: usize = 64;

/// Detectors that see the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What detectors call it, such as `probing`.
    pub id: Arc<str>,
    /// What is seen, in a few words.
    pub title: String,
    /// Detectors of these families belong to it by themselves.
    families: Vec<Family>,
    /// If their threat is one of these; any, if there are none.
    threats: Vec<String>,
    /// And if their alerts are about this.
    entity: EntityKind,
}

/// All groups, in the order of their file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups.
    pub all: Vec<Group>,
}

impl Groups {
    /// Reads the text of `groups.yaml`; the threats must be among `threats`.
    ///
    /// # Errors
    ///
    /// Returns every problem in it, with its line.
    pub fn read(text: &str, threats: &Threats) -> Result<Self, Vec<Problem>> {
        let tree = document::read(GROUPS, text).map_err(|problem| vec![problem])?;
        let mut problems = Problems::of(GROUPS);
        let mut all: Vec<Group> = Vec::new();
        match tree.node {
            Node::List(items) => {
                if items.len() > MOST_GROUPS {
                    problems.add(tree.line, format!("There are more than {MOST_GROUPS} groups. Merge some."));
                }
                for item in items.into_iter().take(MOST_GROUPS) {
                    let line = item.line;
                    let Some(group) = group(item, threats, &mut problems) else { continue };
                    if all.iter().any(|known| known.id == group.id) {
                        problems.add(line, format!("There are two groups called `{}`. Rename one.", group.id));
                    }
                    all.push(group);
                }
            }
            other => problems.add(tree.line, format!("{GROUPS} must be a list of groups, not {}.", other.describe())),
        }
        if problems.is_empty() { Ok(Self { all }) } else { Err(problems.into_list()) }
    }

    /// Puts the detector of `file` where it belongs.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the group that the detector asks for.
    pub(super) fn place(&self, file: &str, one: &mut Compiled) -> Result<(), Problem> {
        let detector = &mut one.detector;
        let fits = |group: &&Group| {
            group.entity == detector.entity
                && group.families.contains(&detector.family)
                && (group.threats.is_empty() || group.threats.iter().any(|threat| **threat == *detector.threat))
        };
        let group = match &one.group {
            None if stands_alone(detector).is_some() => None,
            None => self.all.iter().find(fits),
            Some((name, _)) if name == ALONE => None,
            Some((name, line)) => {
                let problem = |says| Problem { file: file.to_owned(), line: *line, says };
                if let Some(says) = stands_alone(detector) {
                    return Err(problem(format!("{says} Take `group` out.")));
                }
                let names = self.all.iter().map(|group| &*group.id).chain([ALONE]);
                let asked = self.all.iter().find(|group| *group.id == **name);
                let asked = asked.ok_or_else(|| problem(unknown(name, "a group of groups.yaml", names)))?;
                if asked.entity != detector.entity {
                    let (its, own) = (asked.entity, detector.entity);
                    let says =
                        format!("Alerts of `{name}` are about one {its}, those of this detector about one {own}.");
                    return Err(problem(format!("{says} Name another group, or count by another field.")));
                }
                Some(asked)
            }
        };
        detector.group = group.map(|group| Arc::clone(&group.id));
        Ok(())
    }

    /// Returns what is wrong with groups as they came out: one that nobody is in, and one that is too large.
    pub(super) fn unfit<'d>(&self, detectors: impl Iterator<Item = &'d Detector>, is_all: bool) -> Vec<Problem> {
        let mut members: BTreeMap<&str, usize> = BTreeMap::new();
        detectors
            .filter_map(|detector| detector.group.as_deref())
            .for_each(|name| *members.entry(name).or_default() += 1);
        let says = |group: &Group| match members.get(&*group.id).copied().unwrap_or(0) {
            many if many > MOST_MEMBERS => {
                Some(format!("`{}` has {many} detectors, and may have {MOST_MEMBERS}. Split it.", group.id))
            }
            0 | 1 if is_all => Some(format!("`{}` has fewer than two detectors. Remove it.", group.id)),
            _ => None,
        };
        let problem = |says| Problem { file: GROUPS.to_owned(), line: 0, says };
        self.all.iter().filter_map(says).map(problem).collect()
    }
}

/// Says why a detector's alert can be no other's, if it can't.
fn stands_alone(detector: &Detector) -> Option<&'static str> {
    if detector.counting.is_absence() {
        return Some("Silence ends by itself, and its alert with it, so it has no group.");
    }
    detector.counting.is_risk().then_some("A `risk` adds up what others find, so it has no group.")
}

/// Lets all detectors of a group wait for what any of them needs.
pub(super) fn wait_together<'d>(detectors: impl Iterator<Item = &'d mut Detector>) {
    let mut detectors: Vec<&mut Detector> = detectors.filter(|detector| detector.group.is_some()).collect();
    let mut needs: BTreeMap<Arc<str>, Lanes> = BTreeMap::new();
    for detector in &detectors {
        if let Some(group) = &detector.group {
            needs.entry(Arc::clone(group)).or_default().0 |= detector.needs.0;
        }
    }
    for detector in &mut detectors {
        if let Some(needs) = detector.group.as_ref().and_then(|group| needs.get(group)) {
            detector.needs = *needs;
        }
    }
}

fn group(item: Located, threats: &Threats, problems: &mut Problems) -> Option<Group> {
    let mut section = item.section("A group", problems)?;
    let id = id(&mut section, problems);
    let title = section.demand_text("title", "Say in a few words what is seen.", problems);
    let families = section.demand("families", "List families, such as `families: [probing]`.", problems);
    let families = families.map(|list| list.texts("A family", problems)).unwrap_or_default();
    let mut known = Vec::new();
    for (name, line) in families {
        match Family::ALL.into_iter().find(|family| family.name() == name) {
            Some(family) => known.push(family),
            None => problems.add(line, unknown(&name, "a family", Family::ALL.iter().map(|family| family.name()))),
        }
    }
    let asked = section.take("threats").map(|list| list.texts("A threat", problems)).unwrap_or_default();
    for (threat, line) in asked.iter().filter(|(threat, _)| threats.named(threat).is_none()) {
        problems.add(*line, threats.unknown(threat));
    }
    let entity = entity(&mut section, problems);
    section.finish("a key of a group", &KEYS, problems);
    let threats = asked.into_iter().map(|(threat, _)| threat).collect();
    Some(Group { id: id?.into(), title: title?, families: known, threats, entity: entity? })
}

fn id(section: &mut Section, problems: &mut Problems) -> Option<String> {
    let value = section.demand("id", "Name the group, such as `id: probing`.", problems)?;
    let id = value.text("`id`", problems)?;
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id == ALONE || id.len() > 64 || !id.bytes().all(letter) {
        problems.add(value.line, format!("`{id}` can't be a group's id. Use a-z, 0-9 and `-`, and not `{ALONE}`."));
        return None;
    }
    Some(id)
}

fn entity(section: &mut Section, problems: &mut Problems) -> Option<EntityKind> {
    let value = section.demand("entity", "Say whom its alerts are about, such as `entity: ip`.", problems)?;
    let name = value.text("`entity`", problems)?;
    let found = EntityKind::ALL.into_iter().find(|kind| kind.name() == name);
    if found.is_none() {
        problems.add(value.line, unknown(&name, "a kind of entity", EntityKind::ALL.iter().map(|kind| kind.name())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Catalogue;

    const THREATS: &str = "\
- { id: theft, title: t, stride: spoofing, description: d, controls: [c], needs: [http.request] }
- { id: other, title: t, stride: spoofing, description: d, controls: [c], needs: [http.request] }
";
    const SEEN: &str = "- { id: seen, title: t, families: [probing], threats: [theft], entity: ip }\n";

    /// Builds detectors of `(name, needs, threat, more lines)`; returns each one's group, or what is wrong.
    fn built(groups: &str, detectors: &[(&str, &str, &str, &str)]) -> Result<Catalogue, Vec<String>> {
        let mut files =
            BTreeMap::from([(GROUPS.to_owned(), groups.to_owned()), ("threats.yaml".to_owned(), THREATS.to_owned())]);
        for (name, needs, threat, more) in detectors {
            let text = format!(
                "id: probing.{name}\ntitle: t\nlevel: low\nthreat: {threat}\nattack: {{ version: '18', techniques: [] }}\n\
                 needs: [{needs}]\nwhy: w\ntriage: t\nfalse_alarms: f\nsays: s\n{more}\n"
            );
            files.insert(format!("probing/{name}.yaml"), text);
        }
        Catalogue::build(&files).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn groups_of(catalogue: &Catalogue) -> Vec<Option<&str>> {
        catalogue.detectors.all.iter().map(|detector| detector.group.as_deref()).collect()
    }

    const BY_IP: &str = "match: { by: source.ip }";

    #[test]
    fn a_detector_belongs_to_the_first_group_that_fits_it_unless_it_says_otherwise() {
        let groups = format!("{SEEN}- {{ id: last, title: t, families: [probing], entity: ip }}\n");
        let own = format!("{BY_IP}\ngroup: last");
        let alone = format!("{BY_IP}\ngroup: alone");
        let catalogue = built(
            &groups,
            &[
                ("a", "http.request", "theft", BY_IP),
                ("b", "http.request", "other", BY_IP),
                ("c", "http.request", "theft", "match: { by: app }"),
                ("d", "http.request", "theft", &own),
                ("e", "http.request", "theft", &alone),
                ("f", "http.request", "theft", "absence: { by: source.ip, after: 20m, at_least: 60 }"),
            ],
        );
        let expected = [Some("seen"), Some("last"), None, Some("last"), None, None];
        assert_eq!(groups_of(&catalogue.unwrap()), expected);
    }

    #[test]
    fn all_of_a_group_wait_for_what_any_of_them_needs() {
        let catalogue = built(
            SEEN,
            &[
                ("a", "http.request", "theft", BY_IP),
                ("b", "gateway.request", "theft", BY_IP),
                ("c", "http.request", "other", BY_IP),
            ],
        );
        let catalogue = catalogue.unwrap();
        let needs: Vec<Lanes> = catalogue.detectors.all.iter().map(|detector| detector.needs).collect();
        assert_eq!(needs[0], needs[1]);
        assert_ne!(needs[0], needs[2]);
    }

    #[test]
    fn what_is_wrong_with_a_group_is_told_with_its_line() {
        let wrong = |groups: &str, more: &str| {
            let more = format!("{BY_IP}\n{more}");
            built(groups, &[("a", "http.request", "theft", &more)]).unwrap_err().join("\n")
        };
        for (groups, more, says) in [
            (SEEN, "group: sean", "`sean` is not a group of groups.yaml. Did you mean `seen`?"),
            ("- { id: k, title: t, families: [], entity: key }\n", "group: k", "about one key, those of this detector"),
            ("- { id: alone, title: t, families: [], entity: ip }\n", "", "`alone` can't be a group's id"),
            ("- { id: x, title: t, families: [prob], entity: ip }\n", "", "`prob` is not a family"),
            ("- { id: x, title: t, families: [], threats: [thef], entity: ip }\n", "", "Did you mean `theft`?"),
            ("- { id: x, title: t, families: [], entity: address }\n", "", "`address` is not a kind of entity"),
            ("a: b\n", "", "groups.yaml must be a list of groups"),
        ] {
            let told = wrong(groups, more);
            assert!(told.contains(says), "{told}");
        }
    }
}
