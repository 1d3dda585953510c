//! Does the index find what trying every rule finds, and can any text make compiling panic?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;

use crate::detection::cases::rehearse;
use crate::detection::{Case, Catalogue, Signal};
use crate::redaction::{KeyRing, Redactor, Settings};

use super::{Placeholders, Rules};

fn redactor() -> &'static Redactor {
    static ONE: OnceLock<Redactor> = OnceLock::new();
    ONE.get_or_init(|| Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap())
}

fn built(text: &str) -> Rules {
    Rules::build(&[("made.yml".to_owned(), text.to_owned())], &Placeholders::new())
}

/// Returns the detectors that fire at an event, found by the index, and by trying every rule.
fn both(rules: &Rules, event: &str) -> [Vec<u16>; 2] {
    let catalogue = Catalogue::build(&BTreeMap::new()).unwrap().with_sigma(rules).unwrap();
    let case = format!("- name: n\n  alert: []\n  given:\n    - event: {event}\n");
    let case = Case::read_all("x.test.yaml", &case).unwrap_or_else(|problems| panic!("{problems:?}"));
    let set = rules.set(|id| catalogue.detectors.all.iter().position(|one| *one.id == *id).map(|at| at as u16));
    let set = set.unwrap().unwrap();
    [set.plain(), set].map(|set| {
        let matcher = catalogue.matcher((7, 9)).with_sigma(Some(Arc::new(set)));
        let mut found: Vec<u16> =
            rehearse(&case[0], &matcher, redactor()).signals.iter().map(|signal: &Signal| signal.detector).collect();
        found.sort_unstable();
        found
    })
}

fn selection() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["cs-uri-query", "cs-uri-stem", "cs-user-agent", "sc-status", "c-ip", ""]);
    let how = prop::sample::select(vec![
        "",
        "|contains",
        "|startswith",
        "|endswith",
        "|contains|cased",
        "|re",
        "|contains|all",
        "|neq",
    ]);
    let value = "(ab|/adm|AB|x\\.y|[0-9]{3}|a\\*b|\\?z|GET|curl){1,3}";
    (field, how, prop::collection::vec(value, 2..4)).prop_map(|(field, how, values)| {
        let how = if field.is_empty() { "|all" } else { how };
        let plain = |value: &String| if how == "|re" { value.replace(['?', '*', '\\'], "") } else { value.clone() };
        let values: Vec<_> = values.iter().map(|value| format!("'{}'", plain(value))).collect();
        format!("\"{field}{how}\": [{}]", values.join(", "))
    })
}

proptest! {
    #[test]
    fn the_index_finds_what_trying_every_rule_finds(
        selections in prop::collection::vec((selection(), selection(), any::<bool>(), any::<bool>()), 1..12),
        path in r"/(ab|adm|AB|x\.y|a|b|z|/){0,60}", query in r"(ab|a|b|=|&|x\.y|z|404){0,6}", status in 100_u32..999,
        agent in "(curl|ab|GET|z|/){0,40}",
    ) {
        let mut text = String::new();
        for (number, (one, other, negated, either)) in selections.iter().enumerate() {
            let word = if *either { "or" } else { "and" };
            let not = if *negated { "not " } else { "" };
            _ = write!(text,
                "---\ntitle: Rule {number}\nid: r{number}\nlogsource: {{ category: webserver }}\ndetection:\n  one: {{ {one} }}\n  two: {{ {other} }}\n  condition: one {word} {not}two\n"
            );
        }
        let rules = built(&text);
        prop_assert_eq!(&rules.refused, &Vec::new());
        let said = |name: &str, text: &str| if text.is_empty() { String::new() } else { format!(", {name}: '{text}'") };
        let event = format!(
            "{{ kind: http.request, source.ip: 203.0.113.7, request.path: '{path}', response.status: {status}{}{} }}",
            said("request.query", &query),
            said("client.agent", &agent)
        );
        let [plain, indexed] = both(&rules, &event);
        prop_assert_eq!(plain, indexed);
    }

    #[test]
    fn no_text_makes_compiling_panic(
        lines in prop::collection::vec((0_usize..4, prop::sample::select(vec![
            "title: t", "id: x", "name: a", "detection:", "selection:", "condition: selection", "condition: 1 of s*",
            "condition:", "- a", "- b", "A|contains: x", "A|all:", "A|base64offset|contains|wide: [x, 'y*']", "A|re: '('",
            "'|all': [1, null]", "logsource:", "product: azure", "category: webserver", "service: pim", "correlation:",
            "type: temporal", "type: event_count", "rules:", "rules: a", "group-by: [u]", "timespan: 1m",
            "condition: { gte: 1 }", "filter:", "rules: any", "---", "action: global", "level: high", "A|expand: '%x%'",
            "A|fieldref: B", "A: {b: c}", "A|windash: '-a-b /c'", "aliases:", "u: { a: b }", "status: unsupported", "A|exists: 1",
        ])), 0..30),
        with in "[ -~\u{e9}]{0,30}",
    ) {
        let mut text: String =
            lines.iter().map(|(depth, line)| if line.starts_with('-') { format!("{line}\n") } else { format!("{}{line}\n", "  ".repeat(*depth)) }).collect();
        built(&text);
        text.push_str(&with);
        built(&text);
    }
}

#[test]
fn a_rule_is_a_detector_like_ours() {
    let rules = built(
        "title: A strange {path}\nid: 0f5b2a8e-1111-4c57-8a53-2f6cb6a1d001\ndescription: It matters.\nlevel: critical\ntags: [attack.t1110.001, attack.initial-access]\nfalsepositives: [Unknown, A scanner of yours]\nreferences: ['https://example.com/x']\nlogsource: { category: webserver }\ndetection:\n  s: { cs-uri-stem|endswith: .env }\n  condition: s\n",
    );
    let detector = &rules.sound[0].detector;
    assert_eq!(&*detector.id, "sigma.0f5b2a8e-1111-4c57-8a53-2f6cb6a1d001");
    assert_eq!((&*detector.why, &*detector.false_alarms, &*detector.threat), ("It matters.", "A scanner of yours", ""));
    assert_eq!(
        (detector.level, detector.attack.techniques.as_slice()),
        (crate::detection::Level::Critical, &["T1110.001".to_owned()][..])
    );
    assert!(detector.triage.ends_with("Read on: https://example.com/x"));
    assert_eq!(&*detector.says, "{entity}: A strange 'path', at {at}.");
}
