//! Every kind as a file says it: it compiles, its cases come out, and what is wrong is told with its line.

mod found;
mod usual;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::detection::{Catalogue, cases, describe};
use crate::redaction::{KeyRing, Redactor, Settings};

const HEAD: &str = "\
title: t
level: high
threat: key-theft
attack: { version: '18', techniques: [T1078] }
needs: any
why: w
triage: t
false_alarms: f
says: '{entity} since {since}'
";

fn redactor() -> &'static Redactor {
    static ONE: OnceLock<Redactor> = OnceLock::new();
    ONE.get_or_init(|| Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap())
}

fn build(files: &[(&str, &str, &str)]) -> Result<Catalogue, Vec<String>> {
    let mut all = BTreeMap::new();
    for (name, counting, given) in files {
        all.insert(format!("probing/{name}.yaml"), format!("id: probing.{name}\n{HEAD}{counting}"));
        all.insert(format!("probing/{name}.test.yaml"), (*given).to_owned());
    }
    Catalogue::build(&all).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

/// Runs the cases of detectors, and returns what the first of them says of itself.
fn holds(files: &[(&str, &str, &str)]) -> String {
    let catalogue = build(files).unwrap_or_else(|problems| panic!("{problems:?}"));
    for result in cases::run(&catalogue, redactor()) {
        assert_eq!(result.wrong, None, "{}: {}", result.file, result.name);
    }
    describe(&catalogue.detectors.all[0])
}

fn wrong(counting: &str) -> Vec<String> {
    build(&[("x", counting, "[]")]).err().unwrap_or_default()
}

#[test]
fn a_ratio_needs_its_share_among_enough() {
    let text = holds(&[(
        "x",
        "ratio: { of: { outcome: failure }, by: app, at_least: 50%, among: 20, within: 10m }\n",
        "
- name: half of thirty fail
  given:
    - { repeat: 15, event: { kind: http.request, app: a, outcome: failure } }
    - { repeat: 15, event: { kind: http.request, app: a, outcome: success } }
  alert: [a]
- name: all of ten fail
  given: [ { repeat: 10, event: { kind: http.request, app: a, outcome: failure } } ]
  alert: []
- name: a third of sixty fail
  given:
    - { repeat: 20, every: 3s, event: { kind: http.request, app: a, outcome: failure } }
    - { repeat: 60, event: { kind: http.request, app: a, outcome: success } }
  alert: []
",
    )]);
    assert!(text.contains("when 50 % or more of 20 matching events or more of one app are what `of` says"), "{text}");
}

#[test]
fn sums_averages_and_percentiles_are_of_a_field_with_numbers() {
    let of = |kind: &str, more: &str| {
        format!("{kind}: {{ of: response.duration, by: app, more_than: 1000, within: 10m{more} }}\n")
    };
    let slow = |alert: &str| {
        format!(
            "
- name: twenty requests of which two are slow
  given:
    - {{ repeat: 18, event: {{ kind: http.request, app: a, response.duration: 20 }} }}
    - {{ repeat: 2, start: 20s, event: {{ kind: http.request, app: a, response.duration: 9000 }} }}
  alert: {alert}
- name: without a duration there is nothing to count
  given: [ {{ repeat: 50, event: {{ kind: http.request, app: a }} }} ]
  alert: []
"
        )
    };
    holds(&[("x", &of("sum", ""), &slow("[a]"))]);
    holds(&[("x", &of("average", ", among: 10"), &slow("[]"))]);
    holds(&[("x", &of("percentile", ", rank: 95, among: 20"), &slow("[a]"))]);
    holds(&[("x", &of("percentile", ", rank: 50, among: 20"), &slow("[]"))]);
    let text = holds(&[("x", &of("percentile", ", rank: 95, among: 20, window: tumbling"), "[]")]);
    assert!(text.contains("when 5 % of the numbers are above 1000"), "{text}");
    assert!(text.contains("in one of the 10m that lie side by side"), "{text}");
}

#[test]
fn tumbling_windows_count_each_by_itself() {
    let given = |alert: &str| {
        format!(
            "
- name: ten around a full hour
  given: [ {{ repeat: 10, every: 30s, start: 3450s, event: {{ kind: http.request, app: a }} }} ]
  alert: {alert}
"
        )
    };
    holds(&[("x", "threshold: { by: app, at_least: 8, within: 1h }\n", &given("[a]"))]);
    holds(&[("x", "threshold: { by: app, at_least: 8, within: 1h, window: tumbling }\n", &given("[]"))]);
}

#[test]
fn a_sequence_may_cross_categories_in_any_order_without_a_pause() {
    let steps = "steps: [ { when: { kind: gateway.request, outcome: failure }, at_least: 2 }, { when: { kind: control.operation } } ]";
    let given = |first: u32, second: u32, alert: &str| {
        format!(
            "
- name: {first} and {second}
  given:
    - {{ repeat: 2, start: {first}m, event: {{ kind: gateway.request, outcome: failure, source.ip: 203.0.113.7 }} }}
    - {{ start: {second}m, event: {{ kind: control.operation, source.ip: 203.0.113.7, operation: o }} }}
  alert: {alert}
"
        )
    };
    let (one, none) = ("[203.0.113.7]", "[]");
    holds(&[("x", &format!("sequence: {{ by: source.ip, within: 1h, {steps} }}\n"), &given(1, 20, one))]);
    holds(&[("x", &format!("sequence: {{ by: source.ip, within: 1h, {steps} }}\n"), &given(20, 1, none))]);
    holds(&[("x", &format!("sequence: {{ by: source.ip, within: 1h, order: any, {steps} }}\n"), &given(20, 1, one))]);
    let text = holds(&[(
        "x",
        &format!("sequence: {{ by: source.ip, within: 1h, gap: 10m, {steps} }}\n"),
        &given(1, 20, none),
    )]);
    assert!(text.contains("none longer than 10m after the one before"), "{text}");
}

#[test]
fn many_new_values_at_once_are_a_deployment() {
    let text = holds(&[(
        "x",
        "first_seen: { of: [function, operation], by: app, learn: 1d, forget: 30d, bulk: { more_than: 5, within: 10m, level: low } }\n",
        "
- name: a deployment of twenty functions is one mild finding
  given:
    - { event: { kind: function.log, app: a, function: old, operation: x } }
    - { repeat: 20, start: 2d, vary: { function: 'f{n}' }, event: { kind: function.log, app: a, operation: x } }
  then_silence: 1h
  alert: [a]
  level: low
  count: 20
- name: one new pair is as bad as ever
  given:
    - { event: { kind: function.log, app: a, function: old, operation: x } }
    - { start: 2d, event: { kind: function.log, app: a, function: old, operation: y } }
  then_silence: 1h
  alert: [a]
  level: high
",
    )]);
    assert!(text.contains("more than 5 of them within 10m are told as one event, low"), "{text}");
}

#[test]
fn what_is_new_to_all_is_a_release_and_who_always_shows_new_values_has_no_habit() {
    let text = holds(&[(
        "x",
        "first_seen: { of: operation, by: app, forget: 30d, few: 2, settled: 2d }\n",
        "
- name: what others have long done is told of whoever begins to, unless they do everything
  given:
    - { repeat: 5, every: 1d, event: { kind: function.log, app: old, operation: x } }
    - { start: 3d, event: { kind: function.log, app: new, operation: x } }
    - { repeat: 5, every: 1d, event: { kind: function.log, app: many, operation: x } }
    - { repeat: 2, vary: { operation: 'op-{n}' }, event: { kind: function.log, app: many } }
    - { repeat: 5, every: 1d, event: { kind: function.log, app: old, operation: y } }
    - { start: 4d, event: { kind: function.log, app: many, operation: y } }
  alert: [new]
- name: what was released an hour ago is new to each of them
  given:
    - { repeat: 5, every: 1d, vary: { app: 'a-{n}' }, event: { kind: function.log, operation: x } }
  alert: [a-3, a-4, a-5]
",
    )]);
    assert!(text.contains("not seen for 30d for one app; passed over once it has shown more than 2"), "{text}");
    assert!(text.contains("while nobody has shown the value for 2d"), "{text}");
    assert_eq!(
        wrong("first_seen: { of: operation, by: app, forget: 30d, few: 0, settled: soon }\n"),
        [
            "probing/x.yaml:11: `few` must be a whole number from 1 to 500, not `0`.",
            "probing/x.yaml:11: `settled` must be a duration such as `30s`, `10m`, `1h` or `7d` (up to 3650d), not `soon`.",
        ]
    );
}

#[test]
fn what_must_follow_is_missed_when_it_does_not_come() {
    holds(&[(
        "x",
        "absence: { by: identity.id, once: { operation: create }, expected: { operation: tag }, within: 10m }\n",
        "
- name: created and tagged
  given:
    - { event: { kind: control.operation, identity.id: i, operation: create } }
    - { start: 600s, event: { kind: control.operation, identity.id: i, operation: tag } }
  then_silence: 1h
  alert: []
- name: created and never tagged
  given: [ { event: { kind: control.operation, identity.id: i, operation: create } } ]
  then_silence: 1h
  alert: [i]
",
    )]);
}

#[test]
fn a_baseline_knows_what_an_app_does_at_that_hour() {
    let text = holds(&[(
        "x",
        "baseline: { by: app, learn: 3d, at_least: 20 }\n",
        "
- name: thirty at once where there are five an hour
  given:
    - { repeat: 480, every: 12m, event: { kind: http.request, app: a } }
    - { repeat: 40, every: 5s, start: 96h, event: { kind: http.request, app: a } }
  alert: [a]
- name: a dozen is not worth a word
  given:
    - { repeat: 480, every: 12m, event: { kind: http.request, app: a } }
    - { repeat: 12, every: 5s, start: 96h, event: { kind: http.request, app: a } }
  alert: []
- name: an app that is new is learnt
  given: [ { repeat: 200, event: { kind: http.request, app: a } } ]
  alert: []
",
    )]);
    assert!(text.contains("by more than 4 times what it strays as a rule, and 20 at least; known for 3d"), "{text}");
}

#[test]
fn a_rhythm_is_missed_before_any_fixed_silence_would_be() {
    holds(&[(
        "x",
        "absence: { by: app, missing: 30, learn: 3d }\n",
        "
- name: one a minute, then nothing
  given: [ { repeat: 5760, every: 1m, event: { kind: http.request, app: a } } ]
  then_silence: 50m
  alert: [a]
- name: a short pause
  given: [ { repeat: 5760, every: 1m, event: { kind: http.request, app: a } } ]
  then_silence: 20m
  alert: []
",
    )]);
    let text = holds(&[(
        "x",
        "absence: { by: app, missing: 30m, learn: 3d }\n",
        "
- name: ten a minute, then nothing
  given: [ { repeat: 5760, every: 1m, event: { kind: http.request, app: a } } ]
  then_silence: 50m
  alert: [a]
- name: a burst each night is no more than the minutes it lasts
  given:
    - { repeat: 900, event: { kind: http.request, app: a } }
    - { repeat: 900, start: 1d, event: { kind: http.request, app: a } }
    - { repeat: 900, start: 2d, event: { kind: http.request, app: a } }
    - { repeat: 900, start: 3d, event: { kind: http.request, app: a } }
    - { repeat: 900, start: 4d, event: { kind: http.request, app: a } }
  then_silence: 10h
  alert: []
",
    )]);
    assert!(text.contains("sends nothing while 30 minutes with an event should have come"), "{text}");
    let mend = "must be a whole number or minutes such as `30m`, not `90s`.";
    assert_eq!(
        wrong("absence: { by: app, missing: 90s, learn: 3d }\n"),
        [format!("probing/x.yaml:11: `missing` {mend}")]
    );
}

#[test]
fn evidence_of_several_detectors_adds_up() {
    let scan = ("y", "when: { reason: not-found }\nthreshold: { by: source.ip, at_least: 5, within: 10m }\n", "[]");
    let new = ("z", "when: { outcome: success }\nmatch: { by: source.ip }\n", "[]");
    let given = "
- name: a scan and then a success
  given:
    - { repeat: 6, event: { kind: http.request, source.ip: 203.0.113.7, reason: not-found, outcome: failure } }
    - { start: 10m, event: { kind: http.request, source.ip: 203.0.113.7, outcome: success } }
    - { start: 11m, event: { kind: http.request, source.ip: 203.0.113.8, outcome: success } }
  alert: [203.0.113.7]
- name: the scan long ago
  given:
    - { repeat: 6, event: { kind: http.request, source.ip: 203.0.113.7, reason: not-found, outcome: failure } }
    - { start: 20h, event: { kind: http.request, source.ip: 203.0.113.7, outcome: success } }
  alert: []
";
    let risk = ("x", "risk: { by: source.ip, at_least: 70, half_life: 6h, tactics: 1 }\n", given);
    holds(&[risk, scan, new]);
    let tactics = risk.1.replace("tactics: 1", "tactics: 2");
    holds(&[("x", &tactics, &given.replace("alert: [203.0.113.7]", "alert: []")), scan, new]);
}

#[test]
fn nobody_signs_in_here_and_there_within_an_hour() {
    let at = |start: &str, latitude: f64, longitude: f64| {
        format!(
            "    - {{ start: {start}, event: {{ kind: signin, identity.id: i, raw: {{ properties: {{ geo: {{ latitude: {latitude}, longitude: {longitude} }} }} }} }} }}\n"
        )
    };
    let travel = "travel: { by: identity.id, latitude: raw.properties.geo.latitude, longitude: raw.properties.geo.longitude, faster_than: 900, at_least: 500, within: 1d }\n";
    let cases = format!(
        "- name: berlin, then tokyo\n  alert: [i]\n  count: 2\n  given:\n{}{}\
         - name: berlin, then tokyo the day after\n  alert: []\n  given:\n{}{}\
         - name: berlin, then potsdam\n  alert: []\n  given:\n{}{}",
        at("1s", 52.52, 13.405),
        at("1h", 35.6762, 139.6503),
        at("1s", 52.52, 13.405),
        at("20h", 35.6762, 139.6503),
        at("1s", 52.52, 13.405),
        at("60s", 52.4, 13.06),
    );
    let text = holds(&[("x", travel, &cases)]);
    assert!(text.contains("in two places 500 km apart or more, faster than 900 km/h and within 1d"), "{text}");
    let wrong = wrong(&travel.replace("raw.properties.geo.latitude", "latitude"));
    assert!(wrong[0].starts_with("probing/x.yaml:11: `latitude` is a path into the record."), "{wrong:?}");
}

#[test]
fn what_is_wrong_with_a_kind_is_told_with_its_line() {
    let at = |says: &str| format!("probing/x.yaml:11: {says}");
    for (counting, says) in [
        (
            "ratio: { of: { outcome: failure }, by: app, at_least: 120%, among: 20, within: 10m }\n",
            "`at_least` must be a share such as `50%` or `0.5`, above 0 and up to 100%, not `120%`.",
        ),
        (
            "ratio: { of: { outcom: failure }, by: app, at_least: 0.5, among: 20, within: 10m }\n",
            "`outcom` is not a field of an event. Did you mean `outcome`?",
        ),
        (
            "threshold: { by: app, at_least: 5, within: 10m, window: tumblin }\n",
            "`tumblin` is not a value of `window`. Did you mean `tumbling`?",
        ),
        (
            "percentile: { of: response.duration, rank: 100, by: app, more_than: 5, among: 5, within: 10m }\n",
            "`rank` must be a whole number from 1 to 99, not `100`.",
        ),
        (
            "absence: { by: app, once: { outcome: failure }, within: 5m }\n",
            "`expected` is missing. Say what must follow.",
        ),
        (
            "first_seen: { of: origin, by: app, learn: 1d, forget: 1d, bulk: { more_than: 5, within: 2d } }\n",
            "`within` of `bulk` is longer than `forget`. Make it minutes.",
        ),
        ("baseline: { by: app, every: 7m }\n", "`every` must be a part of an hour, from `1m` to `1h`, such as `10m`."),
        ("baseline: { by: app, tolerance: 1 }\n", "`tolerance` must be a number from 2 to 50, not `1`. 4 is usual."),
        (
            "risk: { by: [app, source.ip], at_least: 60, half_life: 6h }\n",
            "`by` of `risk` takes one field: evidence is about one entity.",
        ),
        (
            "sequence: { by: [source.ip, app], within: 1h, steps: [ { family: probing }, { when: { app: a } } ] }\n",
            "`by` takes one field where a step is what other detectors found: that is about one entity. Take the others out.",
        ),
        (
            "when: { app: a }\nrisk: { by: app, at_least: 60, half_life: 6h }\n",
            "A `risk` sees what other detectors find, and no events. Leave `when` out.",
        ),
    ] {
        assert_eq!(wrong(counting), [at(says)], "{counting}");
    }
    let of = wrong("sum: { of: app, by: app, more_than: 5, within: 10m }\n");
    assert!(
        of[0].starts_with(&at("`of` takes one field with a number. Use one of: source.port, source.asn")),
        "{of:?}"
    );
}
