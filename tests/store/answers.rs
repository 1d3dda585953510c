//! What is asked of very many alerts: words, counts, and what happened since.

use gatewatch::alerts::{
    Alert, AlertId, AlertState, Assignee, Class, Closing, EntityKind, Family, Level, Mark, Not, Query, Transition,
};
use gatewatch::store::{AlertQuery, Epoch, Facet, Facets, MOST_COUNTED, Reader, Settings, Store};

use super::{alert, at, closed, opened};

fn commit(store: &mut Store, transitions: Vec<(Transition, gatewatch::clock::Timestamp)>) {
    store.commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
}

/// What the counts must be, counted one by one.
fn counted(reader: &Reader, about: &Query) -> Facets {
    let alerts = reader.alerts(&AlertQuery::from(about.clone())).unwrap();
    let by = Facet::ALL.map(|facet| {
        let mut counts = std::collections::BTreeMap::<Option<String>, u64>::new();
        for alert in &alerts {
            let value = match facet {
                Facet::Level => Some(alert.level.name().to_owned()),
                Facet::State => Some(alert.state.name().to_owned()),
                Facet::Family => Some(alert.family.name().to_owned()),
                Facet::Detector => Some(alert.detector.to_string()),
                Facet::App => alert.app.as_deref().map(str::to_owned),
                Facet::Class => alert.class().map(|class| class.name().to_owned()),
            };
            *counts.entry(value).or_default() += 1;
        }
        let mut values: Vec<_> = counts.into_iter().collect();
        values.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        gatewatch::store::Counts { values, more: 0 }
    });
    Facets { count: alerts.len() as u64, complete: true, by }
}

fn questions() -> Vec<Query> {
    vec![
        Query::any(),
        Query::default(),
        Query { states: vec![AlertState::Closed], ..Query::any() },
        Query { at_least: Some(Level::High), family: Some(Family::Probing), ..Query::any() },
        Query { app: Some("app-3".into()), detector: Some("detector-1".into()), ..Query::any() },
        Query { class: Some(Class::Benign), ..Query::any() },
        Query { since: Some(at(50)), until: Some(at(90)), ..Query::any() },
        Query { text: Some("seen 7".into()), ..Query::any() },
        Query { entity: Some((None, "203.0.113.7".into())), ..Query::any() },
        Query {
            at_most: Some(Level::Medium),
            not: vec![Not::Family(Family::Probing), Not::Level(Level::Low)],
            ..Query::any()
        },
        Query { not: vec![Not::App("app-3".into()), Not::Detector("detector-1".into())], ..Query::default() },
        Query {
            not: vec![Not::Class(Class::Benign), Not::Entity(Some(EntityKind::Ip), "203.0.113.7".into())],
            ..Query::any()
        },
        Query { not: vec![Not::Assignee(Assignee::Nobody)], ..Query::any() },
        Query { opened: (Some(at(20)), Some(at(40))), ..Query::any() },
        Query { opened: (None, Some(at(60))), app: Some("app-3".into()), ..Query::default() },
    ]
}

#[test]
fn counts_are_those_of_the_alerts_whatever_has_come_changed_and_gone() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let made = |id: u64| {
        let mut alert = alert(id, id as i64);
        alert.level = Level::ALL[id as usize % 5];
        alert.family = if id.is_multiple_of(3) { Family::Probing } else { Family::KeyUsage };
        alert.app = (!id.is_multiple_of(4)).then(|| format!("app-{}", id % 7).into());
        alert.detector = format!("detector-{}", id % 6).into();
        alert
    };
    commit(&mut store, (0..120).map(|id| opened(&made(id))).collect());
    let reader = Reader::open(home.path()).unwrap();
    let questions = questions();
    let check = |about: &str| {
        for question in &questions {
            assert_eq!(
                reader.facets(question, MOST_COUNTED).unwrap(),
                counted(&reader, question),
                "{about}: {question:?}"
            );
        }
    };
    check("as they came");
    // They close, some by people; they get worse; another detector comes to the front; one is told of twice.
    let day = 86_400;
    let closing = |id: u64| {
        let Transition::Closed(mut alert, _) = closed(made(id)) else { unreachable!() };
        if id.is_multiple_of(2) {
            alert.closing = Some(Closing::ByPerson { by: "dana".into(), reason: "x".into(), class: Class::Benign });
        }
        (Transition::Closed(alert.clone(), alert.closing.unwrap()), at(day))
    };
    commit(&mut store, (0..60).map(closing).collect());
    let worse = |id: u64| {
        let alert = Alert { revision: 2, level: Level::Critical, detector: "detector-9".into(), app: None, ..made(id) };
        opened(&alert)
    };
    commit(&mut store, (100..110).map(worse).chain([worse(100), opened(&made(101))]).collect());
    check("as they changed");
    let fired = reader.fired(at(30)).unwrap();
    for detector in ["detector-0", "detector-1", "detector-9", "detector-none"] {
        assert_eq!(
            reader.fired_of(detector, at(30)).unwrap(),
            fired.get(detector).copied().unwrap_or_default(),
            "{detector}"
        );
    }
    let settings = Settings { max_closed_alerts: 17, ..Settings::default() };
    assert_eq!(store.prune(&settings, at(day * 2)).unwrap().alerts, 43);
    check("as they went");
}

#[test]
fn a_word_that_thousands_hold_finds_the_same_as_one_that_few_do() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    // The last seen are not the last that came.
    let made = |id: u64| {
        let mut alert = alert(id + 1, (id as i64 * 7_919) % 21_001);
        let rare = if id.is_multiple_of(1_000) { "rare" } else { "" };
        let old = if alert.last_seen < at(900) { "bygone" } else { "" };
        alert.why = format!("common {rare} {old} word{}", id % 10);
        alert
    };
    let alerts: Vec<Alert> = (0..21_000).map(made).collect();
    commit(&mut store, alerts.iter().map(opened).collect());
    let reader = Reader::open(home.path()).unwrap();
    for (text, limit) in [
        ("common", 50),
        ("comm", 30_000),
        ("comm", 1_500),
        ("common word3", 9),
        ("common bygone", 900),
        ("rare", 50),
        ("common rare", 3),
        ("no-such-word", 9),
    ] {
        let mut expected: Vec<&Alert> = alerts
            .iter()
            .filter(|alert| {
                let words: Vec<&str> = alert.why.split_whitespace().collect();
                text.split(' ').all(|wanted| words.iter().any(|word| word.starts_with(wanted)))
            })
            .collect();
        expected.sort_by_key(|alert| std::cmp::Reverse((alert.last_seen, alert.id)));
        expected.truncate(limit);
        let about = Query { text: Some(text.into()), ..Query::any() };
        let query = AlertQuery { about, after: None, limit };
        let found = reader.alerts(&query).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{text}");
        // A page that begins in the middle goes on there.
        if let Some(middle) = expected.get(expected.len() / 2) {
            let query = AlertQuery { after: Some((middle.last_seen, middle.id)), ..query };
            let rest = reader.alerts(&query).unwrap();
            let known = expected.len() - expected.len() / 2 - 1;
            assert_eq!(rest.iter().take(known).collect::<Vec<_>>(), expected[expected.len() / 2 + 1..], "{text}");
        }
    }
}

#[test]
fn whoever_comes_back_gets_each_later_change_once_also_after_a_restart() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    commit(&mut store, (0..5).map(|id| opened(&alert(id, 1))).collect());
    let ids = |after: i64| -> Vec<i64> {
        let looked = Reader::open(home.path()).unwrap().changes_after(after, &Query::any()).unwrap();
        assert!(looked.gap.is_none() && !looked.more);
        assert_eq!(looked.upto, looked.lines.last().map_or(after, |line| line.id));
        looked.lines.iter().map(|line| line.id).collect()
    };
    assert_eq!(ids(0), [1, 2, 3, 4, 5]);
    assert_eq!(ids(5), Vec::<i64>::new());
    drop(store);
    let mut store = Store::open(home.path()).unwrap();
    commit(&mut store, vec![(closed(alert(3, 1)), at(9))]);
    assert_eq!(ids(5), [6]);
    let looked = Reader::open(home.path()).unwrap().changes_after(5, &Query::default()).unwrap();
    assert_eq!((looked.lines, looked.upto), (Vec::new(), 6), "it is closed by now, and was not asked for");
    let last = Reader::open(home.path()).unwrap().changes_after(5, &Query::any()).unwrap().lines.remove(0);
    assert_eq!((last.alert.id, last.did.as_str(), last.revision), (AlertId(3), "closed", 2));
}

#[test]
fn a_number_is_never_used_twice_and_what_is_gone_is_a_gap() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    commit(&mut store, vec![opened(&alert(1, 1)), opened(&alert(2, 1))]);
    commit(&mut store, vec![(closed(alert(2, 1)), at(9))]);
    let reader = Reader::open(home.path()).unwrap();
    let look = |after: i64| reader.changes_after(after, &Query::any()).unwrap();
    assert!(look(0).gap.is_none() && look(9).gap == Some(3), "nothing was numbered so high yet");
    // The alert with the newest line goes, and its lines with it.
    let settings = Settings { max_closed_alerts: 0, ..Settings::default() };
    assert_eq!(store.prune(&settings, at(86_400)).unwrap().alerts, 1);
    assert_eq!(reader.newest_change().unwrap(), 3);
    assert_eq!([0, 2, 3].map(|after| look(after).gap), [Some(3), Some(3), None]);
    assert_eq!(look(0).lines.len(), 1, "what is kept comes all the same");
    commit(&mut store, vec![opened(&alert(3, 1))]);
    assert_eq!(look(3).lines[0].id, 4);
}

#[test]
fn a_long_past_is_read_some_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    commit(&mut store, (0..4_500).map(|id| opened(&alert(id, 1))).collect());
    let reader = Reader::open(home.path()).unwrap();
    let (mut after, mut looks, mut lines) = (0, 0, 0);
    loop {
        let looked = reader.changes_after(after, &Query::any()).unwrap();
        (after, looks, lines) = (looked.upto, looks + 1, lines + looked.lines.len());
        if !looked.more {
            break;
        }
    }
    assert_eq!((after, looks, lines), (4_500, 3, 4_500));
}

#[test]
fn an_alert_that_opens_muted_comes_as_opened_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let new = alert(1, 1);
    let mark = Mark { alert: new.id, at: (new.revision, new.state), by: "silence:7".into(), says: "hidden".into() };
    let epoch = Epoch { transitions: vec![opened(&new)], marks: vec![(mark, at(1))], ..Epoch::default() };
    store.commit(&epoch).unwrap();
    let looked = Reader::open(home.path()).unwrap().changes_after(0, &Query::any()).unwrap();
    let did: Vec<&str> = looked.lines.iter().map(|line| line.did.as_str()).collect();
    assert_eq!(did, ["opened"]);
}
