use std::collections::BTreeMap;

use super::*;
use crate::redaction::{KeyRing, Settings};
use crate::telemetry::{EntityKind, Kind};

const HEAD: &str = "title: t\nlevel: low\nthreat: key-theft\nattack: { version: '18', techniques: [] }\nwhy: w\ntriage: t\n\
                    false_alarms: f\nsays: s\nneeds: [http.request]\n";

fn catalogue(counts: &str) -> Catalogue {
    let text = format!("id: probing.x\n{HEAD}{counts}\n");
    Catalogue::build(&BTreeMap::from([("probing/x.yaml".to_owned(), text)])).unwrap()
}

fn event(second: i64, fields: &[(Field, &str)]) -> Recalled {
    let fields = fields.iter().map(|(field, text)| (*field, (*text).to_owned())).collect();
    let time = Timestamp::from_seconds(1_772_438_400 + second);
    Recalled { time, kind: Kind::HttpRequest, fields, secrets: Vec::new(), raw: None }
}

fn alarm(count: u64, events: Vec<Option<Recalled>>) -> Alarm {
    let at = |second: i64| Timestamp::from_seconds(1_772_438_400 + second);
    let own = Entity::new(EntityKind::Ip, "198.51.100.7");
    Alarm {
        id: "00000000000000aa".to_owned(),
        title: "T".to_owned(),
        entity: own.clone(),
        entities: vec![own, Entity::new(EntityKind::App, "shop")],
        cut: false,
        app: Some("shop".into()),
        saw: vec![Saw { detector: "probing.x".into(), count, span: (at(0), at(60)), events }],
    }
}

fn said(reason: &str) -> Said {
    let created = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let expires = Timestamp::parse_rfc3339("2026-05-31T08:00:00Z").unwrap();
    Said { owner: "dana".to_owned(), reason: reason.to_owned(), created, expires }
}

fn offered(counts: &str, alarm: &Alarm) -> Proposal {
    let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
    Proposal::of(alarm, &said("our monitor"), &catalogue(counts), &redactor).unwrap()
}

const IP: (Field, &str) = (Field::SourceIp, "198.51.100.7");
const APP: (Field, &str) = (Field::App, "shop");

#[test]
fn of_events_that_were_all_kept_the_exception_says_all_they_have_in_common() {
    let one =
        |path: &'static str| event(0, &[APP, IP, (Field::RequestPath, path), (Field::RequestHost, "shop.example")]);
    let made = offered("match: { by: source.ip }", &alarm(2, vec![Some(one("/a")), Some(one("/b"))]));
    assert_eq!(
        made.entry,
        "- id: fp-00000000000000aa\n  detectors: [probing.x]\n  when:\n    source.ip: \"198.51.100.7\"\n    app: \"shop\"\n    \
         request.host: \"shop.example\"\n  owner: \"dana\"\n  reason: \"our monitor\"\n  created: 2026-03-02\n  expires: \
         2026-05-31\n"
    );
    assert_eq!(made.notes, Vec::<String>::new());
}

#[test]
fn of_events_of_which_a_few_were_kept_it_says_whom_and_what_the_alert_names_throughout() {
    let one = event(0, &[APP, IP, (Field::RequestPath, "/a"), (Field::Function, "pay")]);
    let mut many = alarm(300, vec![Some(one.clone()), Some(one)]);
    many.entities
        .extend([Entity::new(EntityKind::Function, "shop/pay"), Entity::new(EntityKind::Function, "shop/see")]);
    let made = offered("threshold: { by: source.ip, at_least: 20, within: 5m }", &many);
    assert!(
        made.entry.contains("when:\n    source.ip: \"198.51.100.7\"\n    app: \"shop\"\n  owner"),
        "{}",
        made.entry
    );
    assert!(made.notes[0].starts_with("2 of the 300 events of probing.x are kept"), "{:?}", made.notes);
}

#[test]
fn a_value_seen_for_the_first_time_is_excepted_with_whom_it_was_new_to() {
    let one = event(0, &[APP, IP, (Field::RequestPath, "/a"), (Field::Operation, "op")]);
    let made = offered("first_seen: { of: operation, by: source.ip, forget: 30d }", &alarm(1, vec![Some(one)]));
    let when = "when:\n    source.ip: \"198.51.100.7\"\n    operation: \"op\"\n  owner";
    assert!(made.entry.contains(when), "{}", made.entry);
}

#[test]
fn the_case_is_silent_under_its_exception_and_fires_without_it() {
    let one = |second| event(second, &[APP, IP, (Field::RequestPath, "/a")]);
    let made =
        offered("threshold: { by: source.ip, at_least: 20, within: 5m }", &alarm(20, vec![Some(one(0)), Some(one(1))]));
    let text = made.cases.unwrap();
    assert!(
        text.contains("repeat: 10") && text.contains("detector: probing.x") && text.ends_with("alert: []\n"),
        "{text}"
    );
    assert!(!made.notes.iter().any(|note| note.contains("too few were kept")), "{:?}", made.notes);
}

#[test]
fn what_nobody_can_read_any_more_goes_by_whom_the_alert_is_about() {
    let made = offered("match: { by: source.ip }", &alarm(1, vec![None]));
    assert!(made.entry.contains("when:\n    source.ip: \"198.51.100.7\"\n  owner"), "{}", made.entry);
    assert_eq!(made.cases, None);
    assert!(made.notes.iter().any(|note| note.starts_with("There is no case for probing.x")), "{:?}", made.notes);
}

#[test]
fn what_an_attacker_wrote_adds_nothing_to_the_files() {
    let evil = "/x\"\n- id: all\n  detectors: '*'\n#\u{2028}";
    let one = event(0, &[APP, IP, (Field::RequestPath, evil), (Field::ClientAgent, evil)]);
    let mut false_alarm = alarm(1, vec![Some(one)]);
    false_alarm.title = evil.to_owned();
    let redactor = Redactor::new(&KeyRing::ephemeral().unwrap(), &Settings::default()).unwrap();
    let catalogue = catalogue("match: { by: source.ip }");
    let made = Proposal::of(&false_alarm, &said(evil), &catalogue, &redactor).unwrap();
    assert_eq!(made.exceptions.all().len(), 1);
    assert_eq!(made.exceptions.all()[0].detectors, ["probing.x"]);
    assert_eq!(crate::detection::Case::read_all("x", &made.cases.unwrap()).unwrap().len(), 1);
}

#[test]
fn an_exception_covers_the_events_that_are_as_it_says() {
    let one = |ip| event(0, &[APP, (Field::SourceIp, ip), (Field::RequestPath, "/a")]);
    let made = offered("match: { by: source.ip }", &alarm(1, vec![Some(one("198.51.100.7"))]));
    let catalogue = catalogue("match: { by: source.ip }");
    let own = Entity::new(EntityKind::Ip, "198.51.100.7");
    let at = Timestamp::from_seconds(1_772_438_400);
    let covered =
        |events: &[Option<Recalled>]| made.exceptions.covered(&catalogue, "probing.x", events, (at, &own, None));
    assert_eq!(covered(&[Some(one("198.51.100.7")), Some(one("198.51.100.8"))]), (1, 2));
    let elsewhere = event(0, &[APP, IP, (Field::RequestPath, "/b")]);
    assert_eq!(covered(&[Some(elsewhere)]), (0, 1));
    assert_eq!(
        made.exceptions.covered(&catalogue, "probing.y", &[Some(one("198.51.100.7"))], (at, &own, None)),
        (0, 1)
    );
}
