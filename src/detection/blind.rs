//! Which detectors can't be judged by records whose secrets were hidden before?
//!
//! In such a record a fingerprint stands where a secret was. It is no secret, so a detector that looks at secrets sees
//! none, nor does one that goes by what such a detector finds: that nothing fires says nothing of them.

use std::sync::Arc;

use crate::posture::document::{Node, read};

use super::{Catalogue, Detector};

/// What a detector's file says to people, and by what its alerts are sorted: it makes none come or go.
const TOLD: [&str; 9] = ["id", "title", "why", "triage", "false_alarms", "says", "threat", "attack", "group"];

impl Catalogue {
    /// Returns the detectors that see nothing where secrets are hidden, in order of their ids, and those that may see
    /// less for it.
    pub fn blind(&self) -> Vec<&Arc<Detector>> {
        let of_secrets = || {
            let all = self.detectors.all.iter().zip(self.rules.iter());
            all.filter(|(_, rule)| rule.of_secret || rule.of_hash).map(|(detector, _)| detector)
        };
        let goes_by = |one: &Arc<Detector>, other: &Arc<Detector>| {
            let taken = || one.counting.finders().iter().any(|finders| finders.take(other));
            other.entity == one.entity && (one.counting.is_risk() || taken())
        };
        let mut blind: Vec<&Arc<Detector>> = of_secrets().collect();
        blind.extend(self.detectors.all.iter().filter(|one| of_secrets().any(|other| goes_by(one, other))));
        blind.sort_by(|a, b| a.id.cmp(&b.id));
        blind.dedup_by(|a, b| a.id == b.id);
        blind
    }

    /// Tells whether the detector `id` fires at the same here as in `other`.
    pub fn has_same(&self, other: &Self, id: &str) -> bool {
        let (Some(own), Some(its)) = (self.detectors.named(id), other.detectors.named(id)) else { return false };
        let same = own.version == its.version && own.level == its.level && own.quiet == its.quiet;
        same && self.decides(id) == other.decides(id)
    }

    /// Returns all that decides when the detector `id` fires and how bad that is, as one text.
    fn decides(&self, id: &str) -> Option<String> {
        let file = self.files.get(id)?;
        let Ok(tree) = read(&file.path, &file.text) else { return Some(file.text.clone()) };
        let Node::Map(mut entries) = tree.node else { return Some(file.text.clone()) };
        entries.retain(|(key, _)| !TOLD.contains(&key.text.as_str()));
        entries.sort_by(|(a, _), (b, _)| a.text.cmp(&b.text));
        let mut text = String::new();
        for (key, value) in entries {
            text.push_str(&key.text);
            value.node.canonical(&mut text);
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SECRET: &str = "needs: [http.request]\nwhen: { secret.kind: jwt }\nmatch: { by: source.ip }";
    const PLAIN: &str = "needs: [http.request]\nwhen: { outcome: failure }\nmatch: { by: source.ip }";
    const RISK: &str = "needs: any\nrisk: { by: source.ip, at_least: 50, half_life: 1h }";

    /// A sequence that begins with what detector `name` finds.
    fn after(name: &str) -> String {
        format!(
            "needs: [http.request]\nsequence: {{ by: source.ip, within: 1h, steps: [{{ detector: probing.{name} }}, {{ when: {{ outcome: success }} }}] }}"
        )
    }

    fn catalogue(detectors: &[(&str, &str)]) -> Catalogue {
        let file = |(name, text): &(&str, &str)| {
            let head = "title: t\nthreat: key-theft\nattack: { version: '18', techniques: [T1110] }\nwhy: w\ntriage: t\nfalse_alarms: f\nsays: '{entity} did it'";
            let level = if text.contains("level:") { "" } else { "level: low\n" };
            (format!("probing/{name}.yaml"), format!("id: probing.{name}\n{head}\n{level}{text}\n"))
        };
        let files: BTreeMap<String, String> = detectors.iter().map(file).collect();
        Catalogue::build(&files).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    #[test]
    fn those_are_blind_that_look_at_secrets_or_go_by_what_these_find() {
        let blind = |detectors: &[(&str, &str)]| {
            catalogue(detectors).blind().iter().map(|one| one.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(blind(&[("a", SECRET), ("b", PLAIN), ("c", RISK)]), ["probing.a", "probing.c"]);
        assert_eq!(
            blind(&[("a", SECRET), ("b", PLAIN), ("d", &after("a")), ("e", &after("b"))]),
            ["probing.a", "probing.d"]
        );
        assert_eq!(blind(&[("b", PLAIN), ("c", RISK)]), Vec::<String>::new());
    }

    #[test]
    fn a_detector_is_the_same_if_only_its_words_are_others() {
        let now = catalogue(&[("a", SECRET)]);
        for (other, same) in [
            (SECRET.to_owned(), true),
            (format!("# A remark.\n{SECRET}"), true),
            (format!("level: high\n{SECRET}"), false),
            (format!("quiet: 2h\n{SECRET}"), false),
            (SECRET.replace("jwt", "password"), false),
        ] {
            assert_eq!(now.has_same(&catalogue(&[("a", &other)]), "probing.a"), same, "{other}");
        }
        assert!(!now.has_same(&catalogue(&[("b", SECRET)]), "probing.a"), "there is none");
    }
}
