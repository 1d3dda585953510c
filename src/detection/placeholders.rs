//! Can a detector's sentence be filled in?
//!
//! Each placeholder of `says` stands for something that some ways of counting have and others do not. One that nothing
//! fills would read as if it said something: "secret 43d8, an unknown value".

use crate::posture::Problems;
use crate::posture::document::unknown;
use crate::telemetry::EntityKind;

use super::rule::Rule;
use super::{Counting, Measured};

const NAMES: [&str; 16] = [
    "entity", "count", "distinct", "examples", "value", "app", "function", "window", "at", "since", "secret", "can",
    "where", "from", "measured", "limit",
];

/// Reports placeholders of `says` that do not exist.
pub(super) fn known(says: &str, line: usize, problems: &mut Problems) {
    for part in says.split('{').skip(1) {
        match part.split_once('}') {
            Some((name, _)) if NAMES.contains(&name) => {}
            Some((name, _)) => problems.add(line, unknown(name, "a placeholder of `says`", NAMES.into_iter())),
            None => problems.add(line, "`says` has a `{` without its `}`."),
        }
    }
}

/// Reports placeholders of `says` that nothing fills where `rule` counts so.
pub(super) fn filled(says: &str, line: usize, rule: &Rule, counting: &Counting, problems: &mut Problems) {
    let names = says.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
    for name in names {
        if let Some(why) = why_not(name, rule, counting) {
            problems.add(line, format!("`{{{name}}}` of `says` has nothing to say here: {why}"));
        }
    }
}

fn why_not(name: &str, rule: &Rule, counting: &Counting) -> Option<&'static str> {
    let of_secret = rule.of_secret || rule.of_hash;
    let named = matches!(rule.entity, EntityKind::Secret | EntityKind::Key);
    let found = counting.sees_findings();
    Some(match name {
        "secret" | "can" if !of_secret => "the detector looks at no `secret.` field. Write `{entity}`.",
        "secret" | "can" if !rule.value.is_empty() => {
            "where values are counted it would name one of those, not the secret. Write `{entity}`."
        }
        "secret" if !named => "the alert is about no secret or key. Write `{value}`, which is the secret's kind.",
        "value" | "examples" if rule.value.is_empty() && !of_secret && !found => {
            "the detector counts or learns no values. Leave it out."
        }
        "distinct" if !has_values(counting) => "the detector tells no values apart. Write `{count}`.",
        "measured" if matches!(counting, Counting::Match) => "a `match` measures nothing. Leave it out.",
        "measured" if is_first_seen(counting) => "a first sight measures nothing. Write `{value}`.",
        "limit" if !has_limit(counting) => "there is no number that it is held against. Leave it out.",
        _ => return None,
    })
}

fn has_values(counting: &Counting) -> bool {
    match counting {
        Counting::Distinct { .. } | Counting::FirstSeen { .. } | Counting::Ratio { .. } | Counting::Risk(_) => true,
        Counting::Baseline(asked) => matches!(asked.measured, Measured::Distinct | Measured::Ratio),
        _ => false,
    }
}

fn is_first_seen(counting: &Counting) -> bool {
    matches!(counting, Counting::FirstSeen { bulk: None, .. })
}

fn has_limit(counting: &Counting) -> bool {
    let none = matches!(
        counting,
        Counting::Match | Counting::Sequence { .. } | Counting::Unanswered { .. } | Counting::Rhythm { .. }
    );
    !none && !is_first_seen(counting)
}

#[cfg(test)]
mod tests {
    use crate::detection::DetectorSpec;
    use crate::posture::Threats;

    const THREATS: &str = "\
- { id: key-theft, title: t, stride: spoofing, description: d, controls: [c], needs: [http.request] }
";

    fn problems(says: &str, counts: &str) -> Vec<String> {
        let text = format!(
            "id: key-usage.many\ntitle: Many\nlevel: high\nthreat: key-theft\nattack: {{ version: 18, techniques: [] }}\n\
             needs: [http.request]\nwhy: why\ntriage: triage\nfalse_alarms: none\nsays: '{says}'\n{counts}\n"
        );
        let spec = DetectorSpec::read("key-usage/many.yaml", &text).unwrap();
        let found = spec.compile(&Threats::read(THREATS).unwrap());
        found.err().unwrap_or_default().iter().map(|problem| problem.says.clone()).collect()
    }

    #[test]
    fn a_placeholder_that_nothing_fills_is_refused() {
        assert_eq!(
            problems("{entity} leaked {secret}, {value}", "match: { by: key.id }"),
            [
                "`{secret}` of `says` has nothing to say here: the detector looks at no `secret.` field. Write `{entity}`.",
                "`{value}` of `says` has nothing to say here: the detector counts or learns no values. Leave it out.",
            ]
        );
        for (placeholder, counts) in [
            ("secret", "distinct: { count: app, by: secret.id, more_than: 1, within: 1h }"),
            ("secret", "when: { secret.kind: jwt }\nmatch: { by: source.ip }"),
            ("can", "match: { by: key.id }"),
            ("examples", "threshold: { by: app, at_least: 3, within: 1h }"),
            ("examples", "ratio: { of: { outcome: failure }, by: app, at_least: 50%, among: 9, within: 1h }"),
            ("distinct", "threshold: { by: app, at_least: 3, within: 1h }"),
            ("measured", "match: { by: app }"),
            ("measured", "first_seen: { of: operation, by: app, forget: 7d }"),
            (
                "limit",
                "sequence: { by: app, within: 1h, steps: [ { when: { outcome: failure } }, { when: { outcome: success } } ] }",
            ),
            ("limit", "absence: { by: app, missing: 30, learn: 7d }"),
        ] {
            let told = problems(&format!("{{{placeholder}}}"), counts);
            assert!(told.len() == 1 && told[0].starts_with(&format!("`{{{placeholder}}}` of")), "{counts}: {told:?}");
        }
    }

    #[test]
    fn what_a_way_of_counting_has_may_be_said() {
        for (says, counts) in [
            ("{secret} {can} {value}", "when: { secret.kind: jwt }\nmatch: { by: secret.id }"),
            ("{secret}", "when: { secret.kind: jwt }\nmatch: { by: key.id }"),
            ("{value}", "when: { secret.kind: jwt }\nmatch: { by: source.ip }"),
            (
                "{distinct} {examples} {measured} {limit}",
                "distinct: { count: app, by: key.id, more_than: 1, within: 1h }",
            ),
            ("{value} {examples} {distinct}", "first_seen: { of: operation, by: app, forget: 7d }"),
            ("{measured} {limit}", "baseline: { by: app }"),
            ("{distinct} {examples}", "baseline: { by: app, measure: distinct, count: source.ip }"),
            ("{count} {distinct}", "baseline: { by: app, measure: ratio, of: { outcome: failure } }"),
            ("{measured} {limit}", "absence: { by: app, after: 20m, at_least: 60 }"),
            (
                "{measured} {limit} {count}",
                "ratio: { of: { outcome: failure }, by: app, at_least: 50%, among: 9, within: 1h }",
            ),
        ] {
            assert_eq!(problems(says, counts), [""; 0], "{counts}");
        }
    }
}
