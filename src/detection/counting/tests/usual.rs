//! Baselines of different values and of shares, as they are written.

use super::*;

#[test]
fn a_baseline_tells_values_apart_and_reckons_a_share() {
    let text = holds(&[(
        "x",
        "when: { outcome: failure }\nbaseline: { by: app, count: source.ip, learn: 3d, at_least: 5 }\n",
        "
- name: twenty addresses where there is one each hour
  given:
    - { repeat: 96, every: 1h, event: { kind: http.request, app: a, outcome: failure, source.ip: 192.0.2.1 } }
    - { repeat: 20, every: 5s, start: 96h, vary: { source.ip: \"203.0.113.{n}\" }, event: { kind: http.request, app: a, outcome: failure } }
  alert: [a]
- name: one address as often, and twenty where there are twenty each hour
  given:
    - { repeat: 96, every: 1h, event: { kind: http.request, app: a, outcome: failure, source.ip: 192.0.2.1 } }
    - { repeat: 200, every: 5s, start: 96h, event: { kind: http.request, app: a, outcome: failure, source.ip: 192.0.2.1 } }
    - { repeat: 2000, every: 3m, vary: { source.ip: \"203.0.113.{n%20}\" }, event: { kind: http.request, app: b, outcome: failure } }
  alert: []
",
    )]);
    assert!(text.contains("when how many different values there are in 1h is above what one app does"), "{text}");
    let text = holds(&[(
        "x",
        "baseline: { by: app, measure: ratio, of: { outcome: failure }, learn: 3d, at_least: 20 }\n",
        "
- name: half of the requests fail where one in twenty does
  given:
    - { repeat: 1920, every: 3m, event: { kind: http.request, app: a, outcome: success } }
    - { repeat: 96, every: 1h, event: { kind: http.request, app: a, outcome: failure } }
    - { repeat: 20, every: 1m, start: 96h, event: { kind: http.request, app: a, outcome: success } }
    - { repeat: 20, every: 1m, start: 96h, event: { kind: http.request, app: a, outcome: failure } }
  then_silence: 1h
  alert: [a]
- name: ten times as many requests of which one in twenty fails, and three that fail of five
  given:
    - { repeat: 1920, every: 3m, event: { kind: http.request, app: a, outcome: success } }
    - { repeat: 96, every: 1h, event: { kind: http.request, app: a, outcome: failure } }
    - { repeat: 190, every: 10s, start: 96h, event: { kind: http.request, app: a, outcome: success } }
    - { repeat: 10, every: 3m, start: 96h, event: { kind: http.request, app: a, outcome: failure } }
    - { repeat: 192, every: 30m, event: { kind: http.request, app: b, outcome: success } }
    - { repeat: 3, every: 1m, start: 96h, event: { kind: http.request, app: b, outcome: failure } }
  then_silence: 1h
  alert: []
",
    )]);
    assert!(text.contains("when the share of what `of` says in 1h is above what one app does"), "{text}");
    assert!(
        text.contains("by more than 4 times what it strays as a rule, of 20 events or more; known for 3d"),
        "{text}"
    );
}

#[test]
fn what_is_wrong_with_what_a_baseline_measures_is_told_with_its_mend() {
    for (counting, says) in [
        // What is wrong with one key says nothing of the others.
        (
            "baseline: { by: app, every: 7m, tolerance: 4, side: both, at_least: 3 }\n",
            "`every` must be a part of an hour, from `1m` to `1h`, such as `10m`.",
        ),
        (
            "baseline: { by: app, measure: distinct, count: source.ip, every: 10m }\n",
            "`measure: distinct` looks at whole hours, and fires within them: different values of parts of an hour don't \
             add up. Leave `every` out.",
        ),
        ("baseline: { by: app, measure: distinct }\n", "`count` is missing. Name a field, such as `count: source.ip`."),
        (
            "baseline: { by: app, measure: distinct, count: source.ip, of: app }\n",
            "`of` says nothing beside `measure: distinct`: name the field whose values are told apart in `count`.",
        ),
        (
            "baseline: { by: app, measure: ratio }\n",
            "`of` is missing. Say which events the share is of, such as `of: { outcome: failure }`.",
        ),
        (
            "baseline: { by: app, measure: ratio, of: response.size }\n",
            "`of` of a ratio is a condition, not `response.size`. Say which events the share is of, such as `of: { outcome: \
             failure }`.",
        ),
        (
            "baseline: { by: app, measure: ratio, of: { outcome: failure }, count: source.ip }\n",
            "`count` says nothing beside `measure: ratio`: its share is of what `of` says.",
        ),
        (
            "baseline: { by: app, measure: average, of: response.size, count: source.ip }\n",
            "`count` says nothing of a number: leave it out, or write `measure: distinct`.",
        ),
        (
            "baseline: { by: app, measure: count, of: response.size }\n",
            "`of` says nothing where events are counted: leave it out, or say what to `measure` of it.",
        ),
        (
            "baseline: { by: app, measure: rate }\n",
            "`rate` is not a value of `measure`. Use one of: count, distinct, sum, average, ratio.",
        ),
    ] {
        assert_eq!(wrong(counting), [format!("probing/x.yaml:11: {says}")], "{counting}");
    }
}
