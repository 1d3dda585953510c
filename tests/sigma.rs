//! Do Sigma rules mean here what the specification says, through the real path from record to alert?
//!
//! Rules and records are made up. Where the public rules and the specification are at hand, in the folder that
//! `GATEWATCH_SIGMA` names, all of them are compiled too.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
#![expect(clippy::disallowed_macros, reason = "a test that is skipped says so")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;

use bumpalo::Bump;
use gatewatch::alerts::{Alert, AlertId};
use gatewatch::clock::Clock;
use gatewatch::detection::Catalogue;
use gatewatch::detection::sigma::{Placeholders, Rules};
use gatewatch::pipeline::{Core, CoreSettings, Stage};
use gatewatch::redaction::{KeyRing, Redactor, Settings};
use gatewatch::telemetry::{Batch, StreamId, StreamName, Streams};

/// 2026-03-02 08:00 UTC, seconds.
const START: i64 = 1_772_438_400;

fn compiled(text: &str) -> Rules {
    let placeholders = Placeholders::from([("admins".to_owned(), vec!["root".to_owned(), "adm_*".to_owned()])]);
    Rules::build(&[("made.yml".to_owned(), text.to_owned())], &placeholders)
}

/// Returns what is said of rules that are refused.
fn refused(text: &str) -> Vec<String> {
    compiled(text).refused.iter().map(|problem| problem.says.clone()).collect()
}

/// Returns the final alerts that `rules` give for `records`, by opening.
fn alerts(rules: &str, records: &[String]) -> Vec<Alert> {
    let rules = compiled(rules);
    assert_eq!(rules.refused, [], "a rule is refused");
    alerts_of(&rules, records)
}

/// Returns those of the rules that are not refused.
fn alerts_of(rules: &Rules, records: &[String]) -> Vec<Alert> {
    let catalogue = Catalogue::build(&BTreeMap::new()).unwrap().with_sigma(rules).unwrap();
    let keys = KeyRing::ephemeral().unwrap();
    let stage = Stage {
        redactor: Arc::new(Redactor::new(&keys, &Settings::default()).unwrap()),
        topology: gatewatch::context::Topology::default(),
        context: Arc::default(),
        matcher: catalogue.matcher(keys.siphash_key()),
        content_seed: keys.content_key(),
        keep_redacted: false,
        tap: gatewatch::dashboard::Tap::default(),
        clock: Clock::system(),
    };
    let streams = Streams::restore(vec![StreamName { source: "test".into(), topic: "made".into(), partition: 0 }]);
    let mut core = Core::new(catalogue.detectors.clone(), streams, &CoreSettings::replay());
    let mut batch = Batch::default();
    for (offset, record) in (0_i64..).zip(records) {
        batch.push(record.as_bytes(), StreamId(0), offset, offset + 1, None);
    }
    let mut finals: BTreeMap<AlertId, Alert> = BTreeMap::new();
    core.absorb(stage.work(&batch, &mut Bump::new()));
    let found = core.tick().into_iter().chain(core.finish());
    for transition in found {
        let alert = transition.alert();
        finals.insert(alert.id, alert.clone());
    }
    let mut finals: Vec<Alert> = finals.into_values().collect();
    finals.sort_by(|a, b| (a.opened_at, &a.entity.value).cmp(&(b.opened_at, &b.entity.value)));
    finals
}

/// Returns a record of a made-up log whose `properties` are `members`, `second` seconds after the start.
fn record(second: i64, members: &str) -> String {
    let at = gatewatch::clock::Timestamp::from_seconds(START + second);
    format!(r#"{{"time":"{at}","category":"MadeUpLogs","properties":{{{members}}}}}"#)
}

/// Returns `text` with `by` before each of its lines.
fn indented(text: &str, by: &str) -> String {
    text.lines().flat_map(|line| [by, line, "\n"]).collect()
}

/// Returns a rule on that log.
fn rule(detection: &str) -> String {
    let inner = indented(detection, "    ");
    format!("title: Made up\nlogsource: {{ product: azure, service: madeuplogs }}\ndetection:\n{inner}level: high\n")
}

/// Tells whether a rule that selects `selection` fires at a record with `members`.
fn selects(selection: &str, members: &str) -> bool {
    let inner = indented(selection, "    ");
    fires(&format!("selection:\n{inner}condition: selection"), members)
}

fn fires(detection: &str, members: &str) -> bool {
    !alerts(&rule(detection), &[record(0, members)]).is_empty()
}

#[test]
fn texts_are_compared_as_the_specification_says() {
    for (selection, members, holds) in [
        ("A: Value", r#""a":"vALUE""#, true),
        ("A: value", r#""a":"values""#, false),
        ("A: prog?.exe", r#""a":"progA.exe""#, true),
        ("A: prog?.exe", r#""a":"prog.exe""#, false),
        ("A: antivirus_V*.exe", r#""a":"antivirus_V21.2.1.exe""#, true),
        (r"A: 'C:\Windows\x'", r#""a":"c:\\windows\\X""#, true),
        (r"A: 'a\*b'", r#""a":"a*b""#, true),
        (r"A: 'a\*b'", r#""a":"axb""#, false),
        (r"A: 'a\\*'", r#""a":"a\\anything""#, true),
        (r"A: 'a\\\*b'", r#""a":"a\\*b""#, true),
        ("A: [x, y]", r#""a":"y""#, true),
        ("A: '*'", r#""a":"""#, true),
        ("A: '*'", r#""b":"x""#, false),
        ("A: 42", r#""a":42"#, true),
        ("A: 42", r#""a":"42""#, true),
        ("A: 42", r#""a":"420""#, false),
        ("A: true", r#""a":true"#, true),
        ("A: x\nB: y", r#""a":"x","b":"z""#, false),
        ("- A: x\n- B: y", r#""a":"z","b":"y""#, true),
        ("A.B: x", r#""a":{"b":"x"}"#, true),
        ("A.B: x", r#""a":[{"b":"w"},{"b":"x"}]"#, true),
        ("A: '[]'", r#""a":[]"#, true),
        ("A: x", r#""a":["w","x"]"#, true),
        ("A: ÄRGER", r#""a":"ärger""#, true),
    ] {
        assert_eq!(selects(selection, members), holds, "{selection} on {members}");
    }
}

#[test]
fn every_modifier_does_what_the_specification_says() {
    for (selection, members, holds) in [
        ("A|contains: dmi", r#""a":"an ADMIN""#, true),
        ("A|startswith: adm", r#""a":"Administrator""#, true),
        ("A|startswith: min", r#""a":"Administrator""#, false),
        (r"A|endswith: '\cmd.exe'", r#""a":"C:\\CMD.exe""#, true),
        ("A|contains|all: [x, y]", r#""a":"y and x""#, true),
        ("A|contains|all: [x, y]", r#""a":"x""#, false),
        ("A|exists: true", r#""a":null"#, true),
        ("A|exists: true", r#""b":1"#, false),
        ("A|exists: false", r#""b":1"#, true),
        ("A|cased: Admin", r#""a":"admin""#, false),
        ("A|cased: Admin", r#""a":"Admin""#, true),
        ("A|contains|cased: dmI", r#""a":"AdmIn""#, true),
        ("A|neq: x", r#""a":"y""#, true),
        ("A|neq: x", r#""a":"X""#, false),
        ("A|neq: [x, y]", r#""a":"y""#, false),
        ("A|windash|contains: ' -f '", r#""a":"del /f x""#, true),
        ("A|windash|contains: ' /f '", "\"a\":\"del \u{2014}f x\"", true),
        ("A|windash|contains: ' -f '", r#""a":"del +f x""#, false),
        ("A|re: '^a[0-9]+$'", r#""a":"a12""#, true),
        ("A|re: '^a[0-9]+$'", r#""a":"A12""#, false),
        ("A|re|i: '^a[0-9]+$'", r#""a":"A12""#, true),
        ("A|re|m: '^b$'", r#""a":"a\nb""#, true),
        ("A|re: 'a.b'", r#""a":"a\nb""#, false),
        ("A|re|s: 'a.b'", r#""a":"a\nb""#, true),
        ("A|base64: foobar", r#""a":"zm9vYmFy""#, true),
        ("A|base64offset|contains: foobar", r#""a":"eCBmb29iYXIgeQ==""#, true),
        ("A|wide|base64offset|contains: ping", r#""a":"cABpAG4AZwAgAHgA""#, true),
        ("A|utf16le|base64offset|contains: ping", r#""a":"cABpAG4AZwAgAHgA""#, true),
        ("A|utf16be|base64|contains: ab", r#""a":"AGEAYg==""#, true),
        ("A|utf16|base64|contains: ab", r#""a":"//5hAGIA""#, true),
        ("A|lt: 5", r#""a":4"#, true),
        ("A|lt: 5", r#""a":5"#, false),
        ("A|lte: 5", r#""a":"5""#, true),
        ("A|gt: 5", r#""a":5.5"#, true),
        ("A|gte: 5", r#""a":"five""#, false),
        ("A|cidr: 10.0.0.0/8", r#""a":"10.1.2.3""#, true),
        ("A|cidr: [192.0.2.0/24, '2001:db8::/32']", r#""a":"2001:DB8::1""#, true),
        ("A|cidr: 10.0.0.0/8", r#""a":"11.1.2.3""#, false),
        ("A|fieldref: B", r#""a":"X","b":"x""#, true),
        ("A|fieldref: B", r#""a":"x","b":"y""#, false),
        ("A|fieldref|neq: B", r#""a":"x","b":"y""#, true),
        ("A|fieldref|endswith: B", r#""a":"abc","b":"BC""#, true),
        ("A|expand: '%admins%'", r#""a":"ADM_7""#, true),
        ("A|expand: 'x%admins%'", r#""a":"xroot""#, true),
        (r"A|expand: '\%admins%'", r#""a":"%admins%""#, true),
        ("A: '%admins%'", r#""a":"%admins%""#, true),
        ("A|minute: 10", r#""a":"2026-03-02T23:10:36Z""#, true),
        ("A|hour|gte: 22", r#""a":"2026-03-02T23:10:36Z""#, true),
        ("A|hour: [1, 2]", r#""a":"2026-03-02T23:10:36Z""#, false),
        ("A|day: 2", r#""a":"2026-03-02T23:10:36Z""#, true),
        ("A|week: 10", r#""a":"2026-03-02T23:10:36Z""#, true),
        ("A|month: 3", r#""a":"2026-03-02T23:10:36Z""#, true),
        ("A|year|lt: 2026", r#""a":"2026-03-02T23:10:36Z""#, false),
    ] {
        assert_eq!(selects(selection, members), holds, "{selection} on {members}");
    }
}

#[test]
fn null_and_empty_are_apart() {
    for (selection, members, holds) in [
        ("A: null", r#""b":1"#, true),
        ("A: null", r#""a":null"#, true),
        ("A: null", r#""a":"""#, false),
        ("A: ''", r#""a":"""#, true),
        ("A: ''", r#""a":null"#, false),
        ("A: ''", r#""b":1"#, false),
    ] {
        assert_eq!(selects(selection, members), holds, "{selection} on {members}");
    }
}

#[test]
fn keywords_are_sought_in_the_whole_record() {
    for (detection, members, holds) in [
        ("keywords: [EVILSERVICE, 'svchost.exe -n evil']\ncondition: keywords", r#""x":{"y":"the EvilService"}"#, true),
        ("keywords: ['a\\b']\ncondition: keywords", r#""x":"{\"deep\":\"a\\\\b\"}""#, true),
        ("keywords:\n  '|all': [one, ' two ']\ncondition: keywords", r#""x":"one","y":"a two b""#, true),
        ("keywords:\n  '|all': [one, ' two ']\ncondition: keywords", r#""x":"one","y":"two""#, false),
        ("keywords: ['ev?l*ice']\ncondition: keywords", r#""x":"an evil old device""#, true),
        ("keywords: [madeuplogs]\ncondition: not keywords", r#""x":1"#, false),
        ("keywords: [word, {A: x}]\ncondition: keywords", r#""a":"x""#, true),
    ] {
        assert_eq!(fires(detection, members), holds, "{detection} on {members}");
    }
}

#[test]
fn a_condition_may_be_a_list_and_filters_take_away() {
    let detection = "sel_a: { A: x }\nsel_b: { B: y }\nfilter_main: { C: z }\ncondition:\n  - all of sel_*\n  - sel_a and not 1 of filter_*";
    for (members, holds) in [
        (r#""a":"x","b":"y","c":"z""#, true),
        (r#""a":"x","c":"z""#, false),
        (r#""a":"x""#, true),
        (r#""b":"y""#, false),
    ] {
        assert_eq!(fires(detection, members), holds, "{members}");
    }
    for condition in ["selection", "not selection", "(selection)", "( not selection)", "not selection and not other"] {
        let filter = format!(
            "title: Ours\nlogsource: {{ product: azure }}\nfilter:\n  rules: [one]\n  selection: {{ owner|startswith: adm_ }}\n  other: {{ owner: ops }}\n  condition: {condition}\n"
        );
        let all = format!("{}name: one\n---\n{filter}", rule("selection: { A: x }\ncondition: selection"));
        let of = |user: &str| alerts(&all, &[record(0, &format!(r#""a":"x","owner":"{user}""#))]).len();
        assert_eq!((of("adm_7"), of("other")), (0, 1), "{condition}");
    }
}

#[test]
fn a_filters_selection_may_be_called_not_and_may_hold_one() {
    for (condition, selection) in [
        ("not_prod", "not_prod: { env|neq: prod }"),
        ("notes", "notes: { env|exists: false }"),
        ("(not prod)", "prod: { env: prod }"),
    ] {
        for rules in ["[one]", "any", "ALL"] {
            let filter = format!(
                "title: Ours\nlogsource: {{ product: azure }}\nfilter:\n  rules: {rules}\n  {selection}\n  condition: {condition}\n"
            );
            let all = format!("{}name: one\n---\n{filter}", rule("selection: { A: x }\ncondition: selection"));
            let of = |more: &str| alerts(&all, &[record(0, &format!(r#""a":"x"{more}"#))]).len();
            let taken_away = usize::from(condition != "(not prod)");
            assert_eq!(of(r#","env":"prod""#), taken_away, "{condition} {rules}");
            assert_eq!(of(""), 1 - taken_away, "{condition} {rules}");
        }
    }
}

#[test]
fn what_a_refused_correlation_counts_says_nothing_by_itself() {
    let records = [record(0, r#""step":"a""#), record(1, r#""step":"b""#)];
    let of = |body: &str| {
        let rules = compiled(&correlation(body));
        assert_eq!(rules.refused.len(), 1, "{:?}", rules.refused);
        // The third rule is no part of it.
        alerts_of(&rules, &records).len()
    };
    assert_eq!(of("type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: { gte: 3 }"), 0);
    assert_eq!(of("type: event_count\nrules: [a, b]\ngroupby: [host]\ntimespan: 1m\ncondition: { gte: 9 }"), 0);
    assert_eq!(
        of(
            "type: event_count\nrules: [a, b]\ngroup-by: [host]\ntimespan: 1m\naliases: { host: { a: x } }\ncondition: { gte: 9 }"
        ),
        0
    );
}

#[test]
fn many_rules_of_others_take_nothing_from_our_own_detectors() {
    let many: Vec<String> = (0..80)
        .map(|n| {
            format!(
                "title: Rule {n}\nlogsource: {{ product: azure, service: madeuplogs }}\ndetection:\n  selection: {{ a: x }}\n  condition: selection\n"
            )
        })
        .collect();
    let found = alerts(
        &many.join("---\n"),
        &[record(0, r#""a":"x","k":"x-functions-key=AzFuW3N8kQ2xL7Rk3Wm8Tz4Bc6Np1Hs5Jd0Gq2Yf8Zk4Xw7VabQ==""#)],
    );
    assert_eq!(found.len(), 32);
}

/// A rule called `name` on records of the made-up log that say so.
fn step(name: &str) -> String {
    format!(
        "---\ntitle: Step {name}\nname: {name}\nlogsource: {{ product: azure, service: madeuplogs }}\ndetection:\n  selection: {{ step: {name} }}\n  condition: selection\n"
    )
}

fn correlation(body: &str) -> String {
    let inner = indented(body, "  ");
    format!("title: Together\nlevel: high\ncorrelation:\n{inner}{}{}{}", step("a"), step("b"), step("c"))
}

/// Returns when alerts open, seconds from the start, for records of `(second, step, user, value)`.
fn opened(body: &str, said: &[(i64, &str, &str, &str)]) -> Vec<(i64, String)> {
    let records: Vec<String> = said
        .iter()
        .enumerate()
        .map(|(n, (at, step, user, value))| {
            record(*at, &format!(r#""step":"{step}","host":"{user}","v":"{value}","n":{n}"#))
        })
        .collect();
    let found = alerts(&correlation(body), &records);
    let together = found.iter().filter(|alert| &*alert.title == "Together");
    together.map(|alert| (alert.opened_at.millis() / 1_000 - START, alert.entity.value.to_string())).collect()
}

fn at(second: i64, user: &str) -> (i64, String) {
    (second, user.to_owned())
}

#[test]
fn events_are_counted_by_group_within_the_timespan() {
    let body = "type: event_count\nrules: [a, b]\ngroup-by: [host]\ntimespan: 60s\ncondition: { gte: 3 }";
    let said = [(0, "a", "u", ""), (10, "b", "w", ""), (30, "b", "u", ""), (60, "a", "u", ""), (70, "c", "w", "")];
    assert_eq!(opened(body, &said), [at(60, "u")]);
    assert_eq!(opened(body, &[(0, "a", "u", ""), (30, "b", "u", ""), (61, "a", "u", "")]), []);
    let range = body.replace("{ gte: 3 }", "{ gt: 1, lte: 2 }");
    assert_eq!(opened(&range, &said), [at(30, "u")]);
    let all = body.replace("group-by: [host]\n", "");
    assert_eq!(opened(&all, &said).iter().map(|(second, _)| *second).collect::<Vec<_>>(), [30]);
}

#[test]
fn different_values_are_counted() {
    let body = "type: value_count\nrules: [a]\ngroup-by: [host]\ntimespan: 1m\ncondition: { field: v, gte: 3 }";
    let said = [(0, "a", "u", "1"), (1, "a", "u", "1"), (2, "a", "u", "2"), (3, "b", "u", "3"), (4, "a", "u", "4")];
    assert_eq!(opened(body, &said), [at(4, "u")]);
    let two = body.replace("field: v", "field: [v, step]");
    assert_eq!(opened(&two, &said), [at(4, "u")]);
}

#[test]
fn rules_happen_together_in_any_order_or_in_theirs() {
    let any = "type: temporal\nrules: [a, b, c]\ngroup-by: [host]\ntimespan: 1m";
    let ordered = any.replace("temporal", "temporal_ordered");
    let turned = [(0, "c", "u", ""), (10, "a", "u", ""), (20, "b", "u", ""), (25, "c", "w", "")];
    assert_eq!((opened(any, &turned), opened(&ordered, &turned)), (vec![at(20, "u")], vec![]));
    let straight = [(0, "a", "u", ""), (10, "b", "u", ""), (60, "c", "u", "")];
    assert_eq!((opened(any, &straight), opened(&ordered, &straight)), (vec![at(60, "u")], vec![at(60, "u")]));
    assert_eq!(opened(&ordered, &[(0, "a", "u", ""), (10, "b", "u", ""), (61, "c", "u", "")]), []);
    // A first row that comes too late does not hide the second.
    let again = [(0, "a", "u", ""), (1, "b", "u", ""), (50, "a", "u", ""), (51, "b", "u", ""), (70, "c", "u", "")];
    assert_eq!(opened(&ordered, &again), [at(70, "u")]);
    let two = format!("{any}\ncondition: {{ gte: 2 }}");
    assert_eq!(opened(&two, &turned), [at(10, "u")]);
}

#[test]
fn correlations_of_correlations_are_chained() {
    let body = "type: temporal_ordered\nrules: [many, b]\ngroup-by: [host]\ntimespan: 10m";
    let inner = "---\ntitle: Many\nname: many\ncorrelation:\n  type: event_count\n  rules: [a]\n  group-by: [host]\n  timespan: 10m\n  condition: { gte: 3 }\n";
    let all = format!("{}{inner}", correlation(body));
    let of = |said: &[(i64, &str)]| {
        let records: Vec<_> =
            said.iter().map(|(at, step)| record(*at, &format!(r#""step":"{step}","host":"u""#))).collect();
        alerts(&all, &records).iter().map(|alert| alert.opened_at.millis() / 1_000 - START).collect::<Vec<_>>()
    };
    assert_eq!(of(&[(0, "a"), (1, "a"), (2, "a"), (3, "b")]), [3]);
    assert_eq!(of(&[(0, "a"), (1, "a"), (3, "b")]), [] as [i64; 0]);
    // Each of the two has a timespan of its own.
    assert_eq!(of(&[(0, "a"), (300, "a"), (600, "a"), (1_200, "b")]), [1_200]);
    assert_eq!(of(&[(0, "a"), (300, "a"), (600, "a"), (1_201, "b")]), [] as [i64; 0]);
}

#[test]
fn values_are_summed_averaged_and_ranked() {
    let body = |kind: &str, condition: &str| {
        format!("type: {kind}\nrules: [a]\ngroup-by: [host]\ntimespan: 1m\ncondition: {{ field: v, {condition} }}")
    };
    let said = [(0, "a", "u", "10"), (1, "a", "u", "many"), (2, "a", "u", "20"), (3, "a", "u", "90")];
    assert_eq!(opened(&body("value_sum", "gt: 29.5"), &said), [at(2, "u")]);
    assert_eq!(opened(&body("value_avg", "gte: 40"), &said), [at(3, "u")]);
    assert_eq!(opened(&body("value_median", "gte: 15"), &said), [at(2, "u")]);
    assert_eq!(opened(&body("value_percentile", "percentile: 100, gt: 50"), &said), [at(3, "u")]);
    // Without a percentile it is the share of the value among all: one in a hundred.
    let mut many: Vec<_> = (0..99).map(|n| (n / 4, "a", "u", "often")).collect();
    many.push((30, "a", "u", "once"));
    assert_eq!(opened(&body("value_percentile", "lte: 1"), &many), [at(30, "u")]);
}

#[test]
fn aliases_let_fields_of_other_names_be_grouped() {
    let body = "type: temporal\nrules: [a, b]\ngroup-by: [who]\ntimespan: 1m\naliases:\n  who: { a: host, b: v }";
    let said = [(0, "a", "u", "x"), (1, "b", "z", "u"), (2, "b", "u", "y")];
    assert_eq!(opened(body, &said), [at(1, "u")]);
}

#[test]
fn a_rule_that_a_correlation_refers_to_is_silent_by_itself_unless_asked() {
    let body = "type: event_count\nrules: [a]\ngroup-by: [host]\ntimespan: 1m\ncondition: { gte: 2 }";
    let records = [record(0, r#""step":"a","host":"u""#)];
    assert_eq!(alerts(&correlation(body), &records).len(), 0);
    assert_eq!(alerts(&correlation(&format!("{body}\ngenerate: true")), &records).len(), 1);
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    let made = |detection: &str| refused(&rule(detection)).join("\n");
    for (detection, says) in [
        (
            "selection: { A|contians: x }\ncondition: selection",
            "`contians` is not a modifier. Did you mean `contains`?",
        ),
        ("selection: { A|re: '(?=x)' }\ncondition: selection", "the regular expression can't be compiled"),
        ("selection: { A: [x, null] }\ncondition: selection", "lists `null` among other values"),
        ("selection: { A|all: [x] }\ncondition: selection", "`all` needs two values or more"),
        (
            "selection: { A|expand: '%unknown%' }\ncondition: selection",
            "nothing is known of its placeholder `%unknown%`",
        ),
        ("selection: { A: x }\ncondition: selection | count() > 5", "Write a correlation"),
        ("selection: { A: x }\ntimeframe: 5m\ncondition: selection", "Write a correlation with `timespan`"),
        ("selection: { A: x }\ncondition: other", "no search identifier is called `other`"),
        ("selection: { A|gt: x }\ncondition: selection", "this takes a number, not `x`"),
        (
            "selection: { A|contains|startswith: x }\ncondition: selection",
            "only one of `contains`, `startswith` and `endswith`",
        ),
        ("selection: { A|base64: 'a*b' }\ncondition: selection", "a text with wildcards can't be encoded"),
        ("selection: { A|utf16: ab }\ncondition: selection", "these bytes are no text of a record"),
    ] {
        let said = made(detection);
        assert!(
            said.starts_with("Sigma rule \u{201c}Made up\u{201d} is refused: ") && said.contains(says),
            "{detection}: {said}"
        );
    }
    let together = |body: &str| refused(&correlation(body)).join("\n");
    for (body, says) in [
        ("type: event_cuont\nrules: [a]\ntimespan: 1m", "Did you mean `event_count`?"),
        (
            "type: event_count\nrules: [z]\ntimespan: 1m\ncondition: { gte: 1 }",
            "it refers to `z`, and no rule has that id or name",
        ),
        (
            "type: event_count\nrules: [a]\ntimespan: 1m\ncondition: { lt: 5 }",
            "hold at the first event of nearly every window",
        ),
        ("type: value_count\nrules: [a]\ntimespan: 1m\ncondition: { gte: 5 }", "names no `field`"),
        ("type: temporal\nrules: [a, b]\ntimespan: 1w", "must be a duration"),
        ("type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: { gte: 3 }", "holds for no number of its 2 rules"),
        ("type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: { eq: 1 }", "at least can be asked"),
        ("type: event_count\nrules: [a]\ngroupby: [host]\ntimespan: 1m\ncondition: { gte: 3 }", "`groupby`"),
        ("type: temporal\nrules: [a, b]\ntimespan: 1m\ncondition: a and b", "Of a correlation it is a map"),
    ] {
        let said = together(body);
        assert!(said.contains(says), "{body}: {said}");
    }
}

#[test]
fn a_rule_goes_with_the_filter_that_cannot_be_honoured() {
    let all = format!(
        "{}name: one\n---\ntitle: Ours\nlogsource: {{ product: azure }}\nfilter:\n  rules: [one]\n  selection: {{ A|nonsense: x }}\n  condition: selection\n",
        rule("selection: { A: x }\ncondition: selection")
    );
    let said = refused(&all);
    assert!(
        said.iter().any(|says| says.contains("\u{201c}Made up\u{201d} is refused: a filter that is for it is refused")),
        "{said:?}"
    );
}

/// Sign-ins without a second factor, and roles given away in a row, as public rules write them.
const PUBLIC_STYLE: &str = r"
title: Signed in with one factor
id: 3a5f7c1e-0d7f-4b53-9f57-6b0f8f0f1a01
description: A password alone opened the door.
level: medium
tags: [attack.initial-access, attack.t1078.004]
logsource: { product: azure, service: signinlogs }
detection:
  selection:
    Status: Success
    AuthenticationRequirement: singleFactorAuthentication
  selection_device1: { DeviceDetail.trusttype: '' }
  selection_device2: { DeviceDetail.trusttype: null }
  filter_office: { IPAddress|cidr: 198.51.100.0/24 }
  condition: selection and 1 of selection_device* and not filter_office
---
title: Roles given away in a row
id: 3a5f7c1e-0d7f-4b53-9f57-6b0f8f0f1a02
level: high
tags: [attack.t1098.003]
correlation:
  type: event_count
  rules: [role_given]
  group-by: [Caller]
  timespan: 10m
  condition: { gte: 3 }
---
title: A role was given
name: role_given
logsource: { product: azure, service: activitylogs }
detection:
  selection:
    operationName: Microsoft.Authorization/roleAssignments/write
    ActivityStatusValue: Success
  condition: selection
";

fn sign_in(minute: i64, ip: &str, members: &str) -> String {
    let at = gatewatch::clock::Timestamp::from_seconds(START + minute * 60);
    format!(
        r#"{{"records":[{{"time":"{at}","category":"SignInLogs","operationName":"Sign-in activity","resultType":"0","callerIpAddress":"{ip}","identity":"Ada Lovelace","properties":{{"userPrincipalName":"ada@corp.example","userId":"95fdefa0-a7b8-47a3-b969-046862c9a979","ipAddress":"{ip}","status":{{"errorCode":0}},"authenticationRequirement":"singleFactorAuthentication",{members}}}}}]}}"#
    )
}

fn role_given(second: i64, who: &str, result: &str) -> String {
    let at = gatewatch::clock::Timestamp::from_seconds(START + second);
    format!(
        r#"{{"time":"{at}","category":"Administrative","operationName":"MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE","resultType":"{result}","correlationId":"c-{second}-{result}","callerIpAddress":"203.0.113.10","resourceId":"/SUBSCRIPTIONS/S/PROVIDERS/MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/R{second}","identity":{{"claims":{{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn":"{who}@corp.example"}}}}}}"#
    )
}

#[test]
fn a_rule_on_sign_ins_and_a_correlation_over_the_activity_log_raise_alerts() {
    let mut records = vec![
        sign_in(0, "203.0.113.10", r#""deviceDetail":{"trustType":""}"#),
        sign_in(1, "203.0.113.10", r#""deviceDetail":{"trustType":"Azure AD joined"}"#),
        sign_in(2, "198.51.100.7", r#""deviceDetail":{"trustType":null}"#),
    ];
    for second in [600, 620, 640, 660] {
        records.push(role_given(second, "mallory", "Start"));
        records.push(role_given(second + 1, "mallory", "Success"));
    }
    records.push(role_given(630, "bob", "Success"));
    let found = alerts(PUBLIC_STYLE, &records);
    let told: Vec<_> = found
        .iter()
        .map(|alert| (&*alert.detector, alert.level.name(), alert.entity.kind.name(), alert.count))
        .collect();
    assert_eq!(
        told,
        [
            ("sigma.3a5f7c1e-0d7f-4b53-9f57-6b0f8f0f1a01", "medium", "identity", 1),
            ("sigma.3a5f7c1e-0d7f-4b53-9f57-6b0f8f0f1a02", "high", "identity", 4),
        ]
    );
    assert_eq!(&*found[0].entity.value, "95fdefa0-a7b8-47a3-b969-046862c9a979");
    assert!(found[1].entity.value.contains(":k1:"), "{}", found[1].entity.value);
    assert_eq!(found[1].opened_at.millis() / 1_000 - START, 641);
    assert!(found[1].why.contains(": Roles given away in a row: 3 events within 40 s."), "{}", found[1].why);
    let shown = format!("{found:?}");
    assert!(!shown.contains("mallory") && !shown.contains("Ada"), "{shown}");
}

#[test]
fn the_status_of_a_sign_in_is_success_where_entras_code_is_0_and_nowhere_else() {
    let rule = "title: In\nlogsource: { product: azure, service: signinlogs }\ndetection:\n  selection: { Status: Success }\n  condition: selection\n";
    for (code, holds) in [("0", true), ("50140", false), ("50126", false)] {
        let record = sign_in(0, "203.0.113.10", r#""deviceDetail":{}"#)
            .replace(r#""errorCode":0"#, &format!(r#""errorCode":{code}"#))
            .replace(r#""resultType":"0""#, &format!(r#""resultType":"{code}""#));
        assert_eq!(!alerts(rule, &[record]).is_empty(), holds, "{code}");
    }
}

/// The folder with the public rules and the specification, if there is one.
fn sigma() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "the folder is the tester's")]
    let folder = std::env::var_os("GATEWATCH_SIGMA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: GATEWATCH_SIGMA names no folder with the public Sigma rules");
    }
    folder
}

/// Returns the public rules, by their names.
fn public(folder: &std::path::Path) -> Vec<(String, String)> {
    let file = std::fs::File::open(folder.join("sigmahq-rules.tar.gz")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let mut rules = Vec::new();
    let mut at = 0;
    // A tar archive is a row of headers of 512 bytes, each with its file behind it.
    while let Some(header) = bytes.get(at..at + 512).filter(|header| header[0] != 0) {
        let text = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&header[range]).trim_matches(['\0', ' ']).to_owned()
        };
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        let name = text(0..100);
        let body = &bytes[at + 512..at + 512 + size];
        let is_yaml = std::path::Path::new(&name).extension().is_some_and(|extension| extension == "yml");
        if is_yaml && size > 0 {
            rules.push((format!("{}/{name}", text(345..500)), String::from_utf8(body.to_vec()).unwrap()));
        }
        at += 512 + size.div_ceil(512) * 512;
    }
    rules
}

#[test]
fn all_public_rules_compile() {
    let Some(folder) = sigma() else { return };
    let rules = public(&folder);
    assert_eq!(rules.len(), 3_754);
    let compiled = Rules::build(&rules, &Placeholders::new());
    assert_eq!(compiled.refused, []);
    assert_eq!(compiled.understood(), 3_754);
    let running = compiled.understood() - compiled.silent.len();
    eprintln!("{running} of the public rules run, {} never do", compiled.silent.len());
    assert!(running >= 270, "{running}");
    let azure = rules.iter().filter(|(_, text)| text.contains("product: azure")).count();
    let silent = compiled.silent.iter().filter(|silent| silent.source.contains("azure")).count();
    assert_eq!((azure, silent), (124, 0));
}

#[test]
fn the_examples_of_the_specification_compile_and_the_invalid_one_does_not() {
    let Some(folder) = sigma() else { return };
    let mut seen = 0;
    for (example, invalid) in examples(&folder) {
        seen += 1;
        let said = refused(&completed(&example));
        assert_eq!(said.is_empty(), !invalid, "{said:?} of {example}");
    }
    assert!(seen >= 32, "{seen} examples");
}

/// Returns the examples of the specification's pages and of its tests, and whether each is said to be invalid.
fn examples(folder: &std::path::Path) -> Vec<(String, bool)> {
    let mut examples = Vec::new();
    for document in
        ["sigma-rules-specification.md", "sigma-correlation-rules-specification.md", "sigma-filters-specification.md"]
    {
        let text = std::fs::read_to_string(folder.join("specification").join(document)).unwrap();
        let mut before = "";
        for (number, part) in text.split("```").enumerate() {
            if number % 2 == 0 {
                before = part;
                continue;
            }
            let Some((language, example)) = part.split_once('\n') else { continue };
            let asks = ["detection:", "correlation:", "filter:"]
                .iter()
                .any(|key| example.contains(&format!("\n{key}")) || example.starts_with(key));
            if language.starts_with('y') && asks && !example.contains("condition [optional]") {
                examples.push((example.to_owned(), before.trim_end().ends_with("Invalid Example:")));
            }
        }
    }
    for kind in ["correlation", "filter", "rules"] {
        for entry in std::fs::read_dir(folder.join("tests/schema").join(kind)).unwrap() {
            examples.push((std::fs::read_to_string(entry.unwrap().path()).unwrap(), false));
        }
    }
    examples
}

/// Events, seconds after the start and members.
type Events = Vec<(i64, String)>;

fn one(members: &str) -> Events {
    vec![(0, members.to_owned())]
}

/// Returns events of the rule `step`, one at each of `times`, with what `members` says of the n-th.
fn many(step: &str, times: impl Iterator<Item = i64>, members: impl Fn(usize) -> String) -> Events {
    times.enumerate().map(|(n, at)| (at, format!(r#""step":"{step}",{}"#, members(n)))).collect()
}

/// What an example of the specification is told by, and events of ours at which it must fire and at which it must not.
type Meant = (&'static [&'static str], Events, Events);

/// Single events, as the specification's words on lists, maps, `null`, `exists` and keywords have it.
fn meant_of_rules() -> Vec<Meant> {
    vec![
        (
            &["whoami.exe"],
            one(r#""Image":"c:\\windows\\system32\\WHOAMI.exe""#),
            one(r#""Image":"C:\\Temp\\whoami.exe""#),
        ),
        (&["EVILSERVICE"], one(r#""Message":"started svchost.exe -n evil now""#), one(r#""Message":"svchost.exe""#)),
        (
            &["Test executable"],
            one(r#""Image":"C:\\x.exe","Description":"A test executable of ours""#),
            one(r#""Image":"C:\\example.exe.txt","Description":"Test""#),
        ),
        (&["517"], one(r#""EventLog":"Security","EventID":1102"#), one(r#""EventLog":"System","EventID":517"#)),
        (
            &["TicketEncryption"],
            one(r#""EventLog":"Security","EventID":4769,"TicketOptions":"0x40810000","TicketEncryption":"0x17""#),
            one(r#""EventLog":"Security","EventID":4769,"TicketOptions":"0x40810000","TicketEncryption":"0x12""#),
        ),
        (&["PasswordLastSet: null"], one(r#""EventID":4738,"PasswordLastSet":"today""#), one(r#""EventID":4738"#)),
        (
            &["selection_empty1"],
            one(r#""FieldA":"something","FieldB":"""#),
            one(r#""FieldA":"something","FieldB":"else""#),
        ),
        (&["PasswordLastSet|exists"], one(r#""EventID":4738,"PasswordLastSet":"today""#), one(r#""EventID":4738"#)),
        (&["mimikatz"], one(r#""x":{"y":"run EVENT::drop"}"#), one(r#""x":{"y":"event: drop"}"#)),
        (
            &["OabVirtualDirectory"],
            one(r#""a":"Set-OabVirtualDirectory","b":"x -ExternalUrl y""#),
            one(r#""a":"Set-OabVirtualDirectory","b":"x -InternalUrl y""#),
        ),
        (&["Provider_Name"], one(r#""Provider_Name":"Application error""#), one(r#""Provider_Name":"Application""#)),
    ]
}

/// Those whose fields lie in one another, and filters.
fn meant_of_deep_fields() -> Vec<Meant> {
    let status = |status: u32| one(&format!(r#""http":{{"response":{{"status_code":{status}}}}}"#));
    let network =
        |outcome: &str| one(&format!(r#""event":{{"category":"network","type":"connection","outcome":"{outcome}"}}"#));
    let dns = |more: &str, name: &str| one(&format!(r#"{more}"dns":{{"question":{{"name":"{name}"}}}}"#));
    // The rule that the examples of filters name first.
    let rule = r#""step":"6f3e2987-db24-4c78-a860-b4f4095a7095","#;
    vec![
        (&["aliases:"], of_aliases("203.0.113.9"), of_aliases("203.0.113.8")),
        (&["status_code"], status(500), status(200)),
        (&["new_network_connection"], network("success"), network("failure")),
        (&["taxonomy: ecs", "sigmahq"], dns("", "sigmahq"), dns("", "sigmahq.example")),
        (&["taxonomy: ecs", "filter:"], dns(rule, "www.example.com"), dns(rule, "www.google.com")),
        (&["filter:"], one(&format!(r#"{rule}"Owner":"root""#)), one(&format!(r#"{rule}"Owner":"ADM_7""#))),
    ]
}

/// An error from one address to another, and a connection back to it, or to another one.
fn of_aliases(to: &str) -> Events {
    let members = |step: &str, from: &str, to: &str| {
        format!(r#""step":"{step}","source":{{"ip":"{from}"}},"destination":{{"ip":"{to}"}}"#)
    };
    vec![
        (0, members("internal_error", "203.0.113.9", "198.51.100.5")),
        (9, members("new_network_connection", "198.51.100.5", to)),
    ]
}

/// The rule that the examples of counts name.
const FAILED: &str = "5638f7c0-ac70-491d-8465-2a65075e0d86";

/// Counts and values, as the specification's words on each type of correlation have it.
fn meant_of_counts() -> Vec<Meant> {
    let on = |computer: &'static str| move |_: usize| format!(r#""ComputerName":"{computer}""#);
    let of_users = |users: usize| {
        many(FAILED, 0..120, move |n| format!(r#""ComputerName":"c","WorkstationName":"w","Owner":"u{}""#, n % users))
    };
    let numbers = |step: &str, field: &str, numbers: [u32; 2]| {
        many(step, 0..2, |n| format!(r#""SourceIP":"203.0.113.9","Owner":"u","{field}":{}"#, numbers[n]))
    };
    // One in a hundred events, or one in ninety-nine.
    let images = |often: i64| {
        let image = |n: usize| if n as i64 == often { "once" } else { "often" };
        many("process_creation", 0..=often, |n| {
            let image = image(n);
            format!(r#""ComputerName":"c","image":"{image}","Image":"{image}""#)
        })
    };
    let asked = |name: &'static str| move |_: usize| format!(r#""dns":{{"question":{{"name":"{name}"}}}}"#);
    let hour = |events: i64| (0..events).map(|n| n * 36);
    vec![
        (
            &["taxonomy: ecs", "event_count"],
            many(FAILED, 0..100, asked("a.example")),
            [many(FAILED, 0..99, asked("a.example")), many(FAILED, 99..100, asked("b.example"))].concat(),
        ),
        (
            &["event_count", "gte: 100"],
            many(FAILED, hour(100), on("c")),
            // One of another computer, and one that comes too late.
            [many(FAILED, hour(99), on("c")), many(FAILED, 3_570..3_571, on("d")), many(FAILED, 7_000..7_001, on("c"))]
                .concat(),
        ),
        (&["value_count"], of_users(100), of_users(99)),
        (
            &["value_sum"],
            numbers("website_access", "bytes_sent", [600_000, 400_001]),
            numbers("website_access", "bytes_sent", [600_000, 400_000]),
        ),
        (&["value_avg"], numbers("rule_a_id", "BytesOut", [400, 601]), numbers("rule_a_id", "BytesOut", [400, 600])),
        (&["value_percentile"], images(99), images(98)),
    ]
}

/// Rules that happen together, in any order or in theirs.
fn meant_of_rows() -> Vec<Meant> {
    let by = |event: u32, times: std::ops::Range<i64>| -> Events {
        times.map(|at| (at, format!(r#""EventID":{event},"Owner":"u""#))).collect()
    };
    let recon = |said: [(i64, &str, &str); 3]| -> Events {
        let of = |step: &str, owner: &str| format!(r#""step":"recon_cmd_{step}","ComputerName":"c","Owner":"{owner}""#);
        said.iter().map(|(at, step, owner)| (*at, of(step, owner))).collect()
    };
    let row = |first: &str, then: i64, second: &str| {
        let of = |step: &str| format!(r#""step":"{step}","Owner":"u""#);
        vec![(0, of(first)), (then, of(second))]
    };
    vec![
        (
            &["multiple_failed_login"],
            [by(4625, 0..9), by(529, 9..10), by(4624, 600..601)].concat(),
            [by(4624, 0..1), by(4625, 1..12)].concat(),
        ),
        (&["firewall_block"], row("firewall_block", 60, FAILED), row("firewall_block", 30, "firewall_block")),
        (
            &["recon_cmd_a", "temporal_ordered"],
            recon([(0, "a", "u"), (200, "b", "u"), (300, "c", "u")]),
            recon([(0, "b", "u"), (1, "a", "u"), (2, "c", "u")]),
        ),
        (
            &["recon_cmd_a"],
            recon([(0, "c", "u"), (200, "b", "u"), (300, "a", "u")]),
            recon([(0, "c", "u"), (1, "b", "u"), (2, "a", "v")]),
        ),
        (
            &["many_failed_logins"],
            row("many_failed_logins", 3_600, "successful_login"),
            row("successful_login", 1, "many_failed_logins"),
        ),
    ]
}

#[test]
fn the_examples_of_the_specification_mean_what_it_says() {
    let Some(folder) = sigma() else { return };
    let meant = [meant_of_counts(), meant_of_rows(), meant_of_rules(), meant_of_deep_fields()].concat();
    let mut told = vec![0; meant.len()];
    for (example, _) in examples(&folder).into_iter().filter(|(_, invalid)| !invalid) {
        let place = meant.iter().position(|(words, ..)| words.iter().all(|word| example.contains(word)));
        let place = place.unwrap_or_else(|| panic!("no events are known for {example}"));
        told[place] += 1;
        let rules = on_our_log(&completed(&example));
        let fires = |events: &Events| {
            let records: Vec<String> = events.iter().map(|(at, members)| record(*at, members)).collect();
            !alerts(&rules, &records).is_empty()
        };
        let (words, matching, other) = &meant[place];
        assert!(fires(matching), "{words:?} must fire: {rules}");
        assert!(!fires(other), "{words:?} must not fire: {rules}");
    }
    assert!(told.iter().all(|many| *many > 0), "{told:?}");
}

/// Returns an example on the made-up log, with a name for its persons that redaction lets stand.
fn on_our_log(example: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in example.replace("User", "Owner").lines() {
        inside = inside && line.starts_with(' ');
        if line.starts_with("logsource:") {
            inside = true;
            text.push_str("logsource: { product: azure, service: madeuplogs }\n");
        } else if !inside {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Returns an example with what it leaves out: a title, a log source, a condition, the rules it refers to.
fn completed(example: &str) -> String {
    let mut text = example.to_owned();
    for document in text.clone().split("\n---").map(str::to_owned) {
        let mut whole = document.clone();
        let has = |key: &str| document.lines().any(|line| line.starts_with(key));
        if !has("title:") {
            whole.insert_str(0, "title: Example\n");
        }
        if !has("logsource:") && !has("correlation:") {
            whole.push_str("\nlogsource: { product: windows }\n");
        }
        if has("correlation:") && !document.contains("type:") {
            whole = whole.replacen("correlation:\n", "correlation:\n  type: temporal\n  timespan: 1m\n", 1);
        }
        if has("detection:") && !document.contains("condition:") {
            whole.push('\n');
            let name =
                document.lines().find(|line| line.starts_with("    ") && line.trim_end().ends_with(':')).unwrap();
            whole = whole.replacen(
                "detection:\n",
                &format!("detection:\n    condition: {}\n", name.trim().trim_end_matches(':')),
                1,
            );
        }
        text = text.replacen(&document, &whole, 1);
    }
    let mut referred: Vec<String> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let item = line.trim().strip_prefix("- ").map(|item| item.split(" #").next().unwrap_or_default().trim());
        match item {
            _ if line.trim() == "rules:" => inside = true,
            Some(item) if inside => referred.push(item.to_owned()),
            _ => inside = false,
        }
    }
    for name in referred {
        if !text.contains(&format!("name: {name}")) && !text.contains(&format!("\nid: {name}")) {
            _ = write!(
                text,
                "\n---\ntitle: {name}\nname: {name}\nlogsource: {{ product: windows }}\ndetection: {{ selection: {{ step: {name} }}, condition: selection }}\n"
            );
        }
    }
    text
}
