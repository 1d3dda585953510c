mod found;
mod risk;
mod sigma;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::*;
use crate::detection::Case;
use crate::detection::cases::play;
use crate::detection::sigma::{Placeholders, Rules};
use crate::redaction::{KeyRing, Redactor, Settings};

const HEAD: &str = "\
title: t
threat: key-theft
attack: { version: '18', techniques: [T1110] }
why: w
triage: t
false_alarms: f
says: '{entity} did it'
level: low
";
const KEY: (u64, u64) = (1, 2);

fn redactor() -> &'static Redactor {
    static ONE: OnceLock<Redactor> = OnceLock::new();
    ONE.get_or_init(|| Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap())
}

fn catalogue(detector: &str) -> Catalogue {
    let file = format!("id: probing.x\n{HEAD}{detector}\n");
    let files = BTreeMap::from([("probing/x.yaml".to_owned(), file)]);
    Catalogue::build(&files).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// What an examiner tells of `groups` of events.
fn told(detector: &str, groups: &[&str]) -> Vec<Told> {
    let catalogue = catalogue(detector);
    let given: Vec<String> = groups.iter().map(|group| format!("    - {{ {group} }}\n")).collect();
    let given = given.concat();
    let cases = Case::read_all("x.test.yaml", &format!("- name: n\n  alert: []\n  given:\n{given}"));
    let cases = cases.unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut examiner = Examiner::new(&catalogue, "probing.x", catalogue.matcher(KEY)).unwrap();
    play(&cases[0], redactor(), |event, hash| examiner.look(event, hash));
    let (told, left_out) = examiner.finish();
    assert_eq!(left_out, 0);
    told
}

fn events(told: &[Told]) -> Vec<&Examined> {
    told.iter().filter_map(|one| if let Told::Event(event) = one { Some(event) } else { None }).collect()
}

/// What is remembered after the last event that counts.
fn standing(detector: &str, groups: &[&str]) -> String {
    let told = told(detector, groups);
    let counted = events(&told).into_iter().flat_map(|event| &event.counted).last();
    counted.unwrap_or_else(|| panic!("nothing counts: {told:#?}")).standing.clone()
}

const REQUEST: &str = "kind: http.request, source.ip: 203.0.113.7, app: a";

fn request(more: &str) -> String {
    format!("event: {{ {REQUEST}, {more} }}")
}

/// Asserts what is remembered of those who are counted so.
fn says_so(counting: &str, groups: &[String], says: &str) {
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    assert_eq!(standing(&format!("needs: [http.request]\n{counting}"), &groups), says, "{counting}");
}

#[test]
fn each_way_of_counting_says_how_far_it_is() {
    let failure = request("outcome: failure");
    for (counting, groups, says) in [
        (
            "match: { by: app }",
            vec![failure.clone()],
            "every matching event fires; its alert is open, for events until 2026-01-05T13:00:00Z",
        ),
        (
            "threshold: { by: app, at_least: 3, within: 10m }",
            vec![format!("repeat: 2, {failure}")],
            "2 of 3 events within 10 min",
        ),
        (
            "distinct: { count: request.path, by: app, more_than: 5, within: 1h, window: tumbling }",
            vec![format!("repeat: 4, vary: {{ request.path: '/{{n%3}}' }}, {failure}")],
            "3 different values in 4 events in this stretch of 1 h; it fires above 5",
        ),
        (
            "ratio: { of: { outcome: failure }, by: app, at_least: 50%, among: 20, within: 10m }",
            vec![failure.clone(), format!("start: 1s, {}", request("outcome: success"))],
            "1 of 2 events within 10 min are what `of` says; it fires at 50 % of 20 or more",
        ),
        (
            "sum: { of: response.size, by: app, more_than: 100, within: 1h }",
            vec![format!("repeat: 2, {}", request("response.size: 30"))],
            "60 in all in 2 events within 1 h; it fires above 100",
        ),
        (
            "average: { of: response.size, by: app, more_than: 100, among: 9, within: 1h }",
            vec![format!("repeat: 2, {}", request("response.size: 30"))],
            "30 on average in 2 events within 1 h; it fires above 100, of 9 or more",
        ),
        (
            "percentile: { of: response.size, rank: 95, by: app, more_than: 100, among: 2, within: 1h }",
            vec![format!("repeat: 2, {}", request("response.size: 30"))],
            "percentile 95 is 30 in 2 events within 1 h; it fires above 100, of 2 or more",
        ),
    ] {
        says_so(counting, &groups, says);
    }
}

#[test]
fn each_way_to_remember_says_what_it_remembers() {
    let failure = request("outcome: failure");
    for (counting, groups, says) in [
        (
            "first_seen: { of: request.path, by: app, learn: 3d, forget: 30d }",
            vec![format!("repeat: 3, every: 1d, vary: {{ request.path: '/{{n}}' }}, {failure}")],
            "known for 2 d of 3 d, while it learns, by 3 values",
        ),
        (
            "absence: { by: app, after: 20m, at_least: 2 }",
            vec![format!("repeat: 2, {failure}")],
            "2 of 2 events in 20 min, the last at 2026-01-05T12:00:01Z: silence fires at 2026-01-05T12:20:01Z",
        ),
        (
            "absence: { by: app, once: { outcome: failure }, expected: { outcome: success }, within: 10m }",
            vec![failure.clone()],
            "1 events wait for what is expected; fires at 2026-01-05T12:10:00Z",
        ),
        (
            "absence: { by: app, missing: 30, learn: 7d }",
            vec![format!("repeat: 4, every: 1h, {failure}")],
            "heard of at 2026-01-05T15:00:00Z; 1 events an hour are usual now, silence fires once 30 are missing; known for 3 h of 7 d",
        ),
        (
            "travel: { by: app, latitude: raw.lat, longitude: raw.lon, faster_than: 900, at_least: 500, within: 1d }",
            vec![request("raw.lat: 52.5, raw.lon: 13.4")],
            "last at 52.50, 13.40 (2026-01-05T12:00:00Z); fires 500 km from there or more, faster than 900 km/h",
        ),
    ] {
        says_so(counting, &groups, says);
    }
    let usual = standing("needs: [http.request]\nbaseline: { by: app }", &[&failure]);
    assert!(
        usual.starts_with("1 in this 1 h; ") && usual.ends_with("10 at least; known for less than a second of 7 d"),
        "{usual}"
    );
}

#[test]
fn a_sequence_says_which_step_it_waits_for() {
    let of = |order: &str| {
        format!(
            "needs: [http.request]\nsequence: {{ by: app, within: 15m, order: {order}, steps: [ \
             {{ when: {{ outcome: failure }}, at_least: 3 }}, {{ when: {{ outcome: success }} }} ] }}"
        )
    };
    let failure = request("outcome: failure");
    let (two, three) = (format!("repeat: 2, {failure}"), format!("repeat: 3, {failure}"));
    assert_eq!(standing(&of("given"), &[&two]), "waits at step 1 of 2, with 2 of its 3 events, all within 15 min");
    assert_eq!(standing(&of("given"), &[&three]), "waits at step 2 of 2, with 0 of its 1 events, all within 15 min");
    assert_eq!(standing(&of("any"), &[&two]), "step 1: 2 of 3, step 2: 0 of 1 events, all within 15 min");
    let told = told(&of("given"), &[&two]);
    let looks: Vec<_> = events(&told)[0].looks.iter().map(|look| (look.of.as_str(), look.holds)).collect();
    assert_eq!(looks, [("step 1", true), ("step 2", false)]);
}

#[test]
fn clauses_are_told_with_those_within_and_what_the_event_says() {
    let when = "when: { outcome: success, any: [ { request.path: { starts_with: [/a, /b] } }, { response.status: { gte: 500 } } ], not: { raw.deep.x: q } }";
    let detector = format!("needs: [http.request]\n{when}\nmatch: {{ by: app }}");
    let told = told(&detector, &[&request("outcome: success, request.path: /c, raw.deep.x: z")]);
    let event = events(&told)[0];
    let lines: Vec<String> = event.looks[0]
        .clauses
        .iter()
        .map(|one| format!("{} {} {} {}", one.depth, one.holds, one.asks, one.saw.as_deref().unwrap_or("-")))
        .collect();
    assert_eq!(
        lines,
        [
            "0 true outcome is success success",
            "0 false one of: -",
            "1 false response.status is 500 or more -",
            "1 false request.path begins with /a or /b /c",
            "0 true not: raw.deep.x matches `^(?:q)$` z",
        ]
    );
    assert!(event.counted.is_empty() && event.passed_over.is_none() && !event.looks[0].holds);
}

#[test]
fn what_is_not_counted_says_why() {
    let why = |detector: &str, event: &str| {
        let told = told(detector, &[event]);
        events(&told)[0].passed_over.clone().unwrap_or_default()
    };
    let by_key = "needs: [http.request, gateway.request]\nmatch: { by: key.id }";
    assert_eq!(why(by_key, &request("outcome: success")), "it lacks `key.id`, which says whom it is about");
    let values = "needs: [http.request]\ndistinct: { count: operation, by: app, more_than: 3, within: 1h }";
    assert_eq!(why(values, &request("outcome: success")), "it lacks `operation`, which is counted");
    let outer = "needs: [http.request, gateway.request]\nmatch: { by: source.ip }";
    assert_eq!(
        why(outer, &request("layer: inner")),
        "passed over: a gateway in front has seen this request (`layer: inner`)"
    );
    let ended = "needs: [control.operation]\nmatch: { by: app }";
    assert_eq!(
        why(ended, "event: { kind: control.operation, app: a, stage: started }"),
        "passed over: the operation's end is counted, not its beginning (`stage`)"
    );
    assert_eq!(why(ended, &request("outcome: success")), "the detector is offered control.operation alone");
    let secret = "needs: [http.request]\nwhen: { secret.kind: jwt }\nmatch: { by: secret.id }";
    assert_eq!(why(secret, &request("outcome: success")), "no secret was seen in it, or none that counts");
    let risk = "needs: any\nrisk: { by: source.ip, at_least: 100, half_life: 6h }";
    assert_eq!(why(risk, &request("outcome: success")), "it sees no events, only what other detectors find");
}

#[test]
fn a_record_that_was_redacted_before_says_so_to_a_detector_of_secrets_alone() {
    let unseen = |detector: &str| {
        let catalogue = catalogue(detector);
        let given = request("outcome: failure");
        let case =
            Case::read_all("x.test.yaml", &format!("- {{ name: n, alert: [], given: [ {{ {given} }} ] }}")).unwrap();
        let mut examiner = Examiner::new(&catalogue, "probing.x", catalogue.matcher(KEY)).unwrap();
        play(&case[0], redactor(), |event, hash| {
            examiner.look(event, hash);
            examiner.look_again(event, hash);
        });
        let (told, _) = examiner.finish();
        events(&told).iter().map(|event| event.unseen).collect::<Vec<_>>()
    };
    assert_eq!(unseen("needs: [http.request]\nwhen: { secret.kind: jwt }\nmatch: { by: source.ip }"), [false, true]);
    assert_eq!(unseen("needs: [http.request]\nmatch: { by: source.ip }"), [false, false]);
}

/// What an examiner of `id` tells of one request, first thing.
fn told_by(catalogue: &Catalogue, id: &str, matcher: Matcher) -> Examined {
    let event = request("outcome: failure");
    let case = Case::read_all("x.test.yaml", &format!("- {{ name: n, alert: [], given: [ {{ {event} }} ] }}")).unwrap();
    let mut examiner = Examiner::new(catalogue, id, matcher).unwrap();
    play(&case[0], redactor(), |event, hash| examiner.look(event, hash));
    let (told, _) = examiner.finish();
    events(&told)[0].clone()
}

#[test]
fn what_an_exception_holds_back_names_it() {
    let catalogue = catalogue("needs: [http.request]\nmatch: { by: app }");
    let text = "- { id: pentest, detectors: probing, owner: o, reason: r, expires: 2027-01-01 }";
    let exceptions = Exceptions::read("exceptions.yaml", text, &catalogue.detectors).unwrap();
    let matcher = catalogue.matcher(KEY).with_exceptions(Arc::new(exceptions));
    let event = told_by(&catalogue, "probing.x", matcher);
    assert_eq!(event.passed_over.as_deref(), Some("held back by the exception pentest"));
    assert!(event.looks[0].holds);
}

#[test]
fn a_sigma_rule_says_whether_it_matches_and_what_it_has_counted() {
    let rule = |status: u16| {
        let text = format!(
            "title: t\nname: n\nlogsource: {{ category: webserver }}\ndetection:\n  s: {{ outcome: failure, sc-status|lt: {status} }}\n  condition: s\n"
        );
        Rules::build(&[("x.yml".to_owned(), text)], &Placeholders::new())
    };
    for (status, counted) in [(400, 0), (500, 1)] {
        let catalogue = Catalogue::build(&BTreeMap::new()).unwrap().with_sigma(&rule(status)).unwrap();
        let with_status = "response.status: 404, outcome: failure";
        let case = format!("- {{ name: n, alert: [], given: [ {{ {} }} ] }}", request(with_status));
        let case = Case::read_all("x.test.yaml", &case).unwrap();
        let mut examiner = Examiner::new(&catalogue, "sigma.n", catalogue.matcher(KEY)).unwrap();
        play(&case[0], redactor(), |event, hash| examiner.look(event, hash));
        let (told, _) = examiner.finish();
        let event = events(&told)[0];
        assert_eq!(event.counted.len(), counted);
        assert_eq!(event.passed_over.is_some(), counted == 0, "{event:?}");
    }
}

#[test]
fn each_secret_is_held_against_the_condition_on_its_own() {
    let detector = "needs: [http.request]\nwhen: { secret.kind: jwt }\nmatch: { by: secret.id }";
    let secret = |kind: &str, id: &str| format!("{{ kind: {kind}, id: '{kind}:k1:{id}' }}");
    let both = format!("secret: [ {}, {} ]", secret("jwt", "AAAA2222BBBB3333"), secret("password", "CCCC2222BBBB3333"));
    let told = told(detector, &[&request(&both)]);
    let event = events(&told)[0];
    let looks: Vec<_> = event.looks.iter().map(|look| (look.of.as_str(), look.holds)).collect();
    assert_eq!(looks, [("jwt jwt:k1:AAAA2222BBBB3333", true), ("password password:k1:CCCC2222BBBB3333", false)]);
    assert_eq!(event.counted.len(), 1);
    assert!(event.counted[0].fired.is_some());
}

#[test]
fn what_time_alone_brings_is_told_between_the_events_in_order() {
    let detector = "needs: [http.request, function.log]\nabsence: { by: app, after: 20m, at_least: 1 }";
    let told = told(detector, &[&request("outcome: success"), "start: 1h, event: { kind: function.log, app: b }"]);
    let kinds: Vec<String> = told
        .iter()
        .map(|one| match one {
            Told::Event(event) => format!("event {}", event.number),
            Told::Elapsed(elapsed) => format!("{} {}", elapsed.at, elapsed.says),
            Told::Added(_) | Told::Found(_) => panic!("{one:?}"),
        })
        .collect();
    assert_eq!(kinds, ["event 1", "2026-01-05T12:20:00Z App a did it", "event 2"]);
}

#[test]
fn it_fires_when_the_detectors_cases_say_so() {
    let catalogue = Catalogue::shipped().unwrap();
    for (number, detector) in catalogue.detectors.all.iter().enumerate() {
        for case in catalogue.cases[number].iter().filter(|case| case.then_silence.is_zero()).take(3) {
            let mut examiner = Examiner::new(&catalogue, &detector.id, catalogue.matcher(KEY)).unwrap();
            play(case, redactor(), |event, hash| examiner.look(event, hash));
            let (told, _) = examiner.finish();
            let fires = told.iter().any(|one| match one {
                Told::Event(event) => event.counted.iter().any(|counted| counted.fired.is_some()),
                Told::Elapsed(_) => true,
                Told::Added(added) => added.fired.is_some(),
                Told::Found(found) => found.fired.is_some(),
            });
            assert_eq!(fires, !case.alert.is_empty(), "{}:{} {}", case.file, case.line, case.name);
        }
    }
}
