//! What pages and commands read, while the daemon writes.

use gatewatch::alerts::{Alert, AlertId, AlertState, Change, Command, Family, Level, Mark, Query, Transition};
use gatewatch::store::{Accounting, AlertQuery, Epoch, LetterQuery, NewDeadLetter, Reader, Settings, Store};
use gatewatch::telemetry::{Position, StreamId};

use super::{alert, at, closed, opened, stream};

#[test]
fn pages_by_cursor_show_every_alert_once_and_in_order() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    // Several alerts share each time, so the id has to break the tie.
    let alerts: Vec<Alert> =
        (0_u64..100).map(|id| alert(id.wrapping_mul(0x9E37_79B9_7F4A_7C15), id as i64 / 7)).collect();
    store.commit(&Epoch { transitions: alerts.iter().map(opened).collect(), ..Epoch::default() }).unwrap();
    let reader = Reader::open(home.path()).unwrap();
    let mut query = AlertQuery { limit: 9, ..AlertQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = reader.alerts(&query).unwrap();
        let Some(last) = page.last() else { break };
        query.after = Some((last.last_seen, last.id));
        seen.extend(page);
    }
    let mut expected = alerts;
    expected.sort_by_key(|alert| std::cmp::Reverse((alert.last_seen, alert.id)));
    assert_eq!(seen, expected);
}

#[test]
fn lists_filter_by_state_family_level_app_and_words() {
    use AlertState::{Acknowledged, Closed, Open};
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let mut low = alert(2, 2);
    (low.level, low.family, low.app) = (Level::Low, Family::Probing, None);
    let mut critical = alert(4, 4);
    critical.level = Level::Critical;
    let transitions = vec![opened(&alert(1, 1)), opened(&low), opened(&alert(3, 3)), opened(&critical)];
    store.commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
    store.commit(&Epoch { transitions: vec![(closed(alert(3, 3)), at(9))], ..Epoch::default() }).unwrap();
    let reader = Reader::open(home.path()).unwrap();
    let ids = |about: Query| -> Vec<u64> {
        let query = AlertQuery { about, limit: 9, ..AlertQuery::default() };
        let found = reader.alerts(&query).unwrap().iter().map(|alert| alert.id.0).collect();
        let ids = reader.alert_ids(&query).unwrap();
        assert_eq!(ids.iter().map(|id| id.0).collect::<Vec<_>>(), found);
        found
    };
    let all = Query::any;
    assert_eq!(ids(all()), [4, 3, 2, 1]);
    assert_eq!(ids(Query { states: vec![Open, Acknowledged], ..all() }), [4, 2, 1]);
    assert_eq!(ids(Query { states: vec![Closed], ..all() }), [3]);
    assert_eq!(ids(Query { states: vec![Open, Closed], ..all() }), [4, 3, 2, 1]);
    assert_eq!(ids(Query { family: Some(Family::Probing), ..all() }), [2]);
    assert_eq!(ids(Query { at_least: Some(Level::Critical), ..all() }), [4]);
    assert_eq!(ids(Query { at_least: Some(Level::Medium), ..all() }), [4, 3, 1]);
    assert_eq!(ids(Query { app: Some("shop".into()), at_least: Some(Level::High), ..all() }), [4, 3, 1]);
    assert_eq!(ids(Query { text: Some("203.0.113.2".into()), ..all() }), [2]);
    assert_eq!(ids(Query { text: Some("seen 3 one_key_many".into()), ..all() }), [3]);
    assert_eq!(ids(Query { text: Some("\" OR NEAR(".into()), ..all() }), Vec::<u64>::new());
    assert_eq!(reader.open_by_level().unwrap()[..2], [(Level::Critical, 1), (Level::High, 1)]);
}

fn found(reader: &Reader, text: &str) -> Vec<u64> {
    let query = AlertQuery::from(Query { text: Some(text.into()), ..Query::any() });
    let looked = reader.changes_after(0, &query.about).unwrap().lines;
    let ids: Vec<u64> = reader.alerts(&query).unwrap().iter().map(|alert| alert.id.0).collect();
    assert!(looked.iter().all(|line| ids.contains(&line.alert.id.0)), "what comes live is another answer");
    ids
}

#[test]
fn an_alert_is_found_by_its_own_words_and_id_whatever_was_done_before_it() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let (first, second) = (alert(0xa1, 1), alert(0xb2, 2));
    let mut taken = first.clone();
    (taken.revision, taken.state) = (2, AlertState::Acknowledged);
    let taken = Transition::Updated(taken, Change::Acknowledged { by: "dana".into() });
    for transition in [opened(&first), (taken, at(7)), opened(&second)] {
        store.commit(&Epoch { transitions: vec![transition], ..Epoch::default() }).unwrap();
    }
    let reader = Reader::open(home.path()).unwrap();
    let by = |text| found(&reader, text);
    assert_eq!((by("seen 161"), by("seen 178")), (vec![0xa1], vec![0xb2]));
    assert_eq!((by("00000000000000a1"), by("00000000000000B2")), (vec![0xa1], vec![0xb2]));
    // A later change of the second leaves the words of others alone.
    let mut told = closed(second);
    let (Transition::Opened(alert) | Transition::Updated(alert, _) | Transition::Closed(alert, _)) = &mut told;
    alert.why = "Gone again".into();
    store.commit(&Epoch { transitions: vec![(told, at(8)), opened(&alert_at(3))], ..Epoch::default() }).unwrap();
    assert_eq!((by("seen 161"), by("seen 178"), by("gone again")), (vec![0xa1], vec![], vec![0xb2]));
    let settings = Settings { max_closed_alerts: 0, ..Settings::default() };
    assert_eq!(store.prune(&settings, at(9)).unwrap().alerts, 1);
    assert_eq!((by("seen 161"), by("seen 3"), by("gone again")), (vec![0xa1], vec![3], vec![]));
}

fn alert_at(id: u64) -> Alert {
    alert(id, id as i64)
}

#[test]
fn words_that_an_older_version_kept_under_other_alerts_are_mended_by_the_upgrade() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let transitions = (1..1_202).map(|id| opened(&alert_at(id))).collect();
    store.commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
    drop(store);
    let database = rusqlite::Connection::open(home.path().join("gatewatch.db")).unwrap();
    let older = "UPDATE alerts SET words = 7;
                 DELETE FROM alert_words;
                 INSERT INTO alert_words (rowid, text) VALUES (1, 'Seen 1200 times'), (5000, 'Seen 1 times');
                 PRAGMA user_version = 11;";
    database.execute_batch(older).unwrap();
    drop(database);
    drop(Store::open(home.path()).unwrap());
    let reader = Reader::open(home.path()).unwrap();
    let by = |text| found(&reader, text);
    assert_eq!((by("seen 1201"), by("00000000000004b1")), (vec![1_201], vec![1_201]));
    assert_eq!(by("seen 1200"), [1_200]);
}

#[test]
fn an_alert_tells_its_history_and_people_are_named_in_the_audit() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let first = alert(1, 1);
    let mut taken = first.clone();
    (taken.revision, taken.state, taken.why) = (2, AlertState::Acknowledged, "Seen by dana".into());
    let change = Change::Acknowledged { by: "dana".into() };
    let command = Command::Acknowledge { alert: first.id, by: "dana".into(), at: at(7) };
    store.commit(&Epoch { transitions: vec![opened(&first)], ..Epoch::default() }).unwrap();
    let transitions = vec![(Transition::Updated(taken.clone(), change), at(7))];
    store.commit(&Epoch { transitions, commands: vec![command], ..Epoch::default() }).unwrap();
    // An older revision that comes late does not replace the newer one.
    store.commit(&Epoch { transitions: vec![opened(&first)], ..Epoch::default() }).unwrap();
    let reader = Reader::open(home.path()).unwrap();
    assert_eq!(reader.alert(first.id).unwrap(), Some(taken));
    assert_eq!(reader.alert(AlertId(9)).unwrap(), None);
    let says: Vec<_> = reader.history(first.id).unwrap().into_iter().map(|line| line.says).collect();
    assert_eq!(says, ["opened", "opened", "acknowledged by dana"]);
    let audit: Vec<_> = reader.audit(9).unwrap().into_iter().map(|line| (line.at, line.who, line.did)).collect();
    assert_eq!(audit, [(at(7), "dana".into(), "acknowledged".into())]);
    let by_new_words = AlertQuery { about: Query { text: Some("dana".into()), ..Query::any() }, limit: 9, after: None };
    assert_eq!(reader.alerts(&by_new_words).unwrap().len(), 1);
}

#[test]
fn dead_letters_say_where_they_came_from() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let position = Position { stream: StreamId(0), offset: 42, index: 3 };
    let letter = NewDeadLetter { position, reason: "json", bytes: b"{".to_vec(), size: 1 };
    let streams = vec![(StreamId(0), stream(1))];
    store.commit(&Epoch { at: at(5), streams, dead_letters: vec![letter], ..Epoch::default() }).unwrap();
    let letters =
        Reader::open(home.path()).unwrap().dead_letters(&LetterQuery { limit: 9, ..LetterQuery::default() }).unwrap();
    assert_eq!(letters[0].from, "hub/logs/1, offset 42, record 3");
    assert_eq!((letters[0].at, letters[0].reason.as_str(), &*letters[0].bytes), (at(5), "json", &b"{"[..]));
}

#[test]
fn closed_alerts_go_after_their_days_and_open_ones_stay() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let transitions = (0..4).map(|id| opened(&alert(id, 1))).collect();
    store.commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
    let day = 86_400;
    let transitions = (1..4).map(|id| (closed(alert(id, 1)), at(day * id as i64))).collect();
    store.commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
    let settings = Settings { keep_closed_alerts_days: 10, ..Settings::default() };
    assert_eq!(store.prune(&settings, at(day * 12)).unwrap().alerts, 1);
    let settings = Settings { max_closed_alerts: 1, ..Settings::default() };
    assert_eq!(store.prune(&settings, at(day * 12)).unwrap().alerts, 1);
    let left = Reader::open(home.path()).unwrap().alerts(&AlertQuery { limit: 9, ..AlertQuery::default() }).unwrap();
    assert_eq!(left.iter().map(|alert| alert.id.0).collect::<Vec<_>>(), [3, 0]);
}

#[test]
fn what_was_done_with_an_alert_and_what_held_it_back_go_with_it() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let transitions = vec![opened(&alert(1, 1)), (closed(alert(1, 1)), at(2)), opened(&alert(2, 1))];
    let mark = |id: u64| Mark {
        alert: AlertId(id),
        at: (1, AlertState::Open),
        by: "silence:1".into(),
        says: "silence of dana: a drill".into(),
    };
    let marks = vec![(mark(1), at(1)), (mark(1), at(2)), (mark(2), at(1))];
    store.commit(&Epoch { transitions, marks, ..Epoch::default() }).unwrap();
    let reader = Reader::open(home.path()).unwrap();
    let did =
        |id: u64| -> Vec<String> { reader.activity(AlertId(id)).unwrap().into_iter().map(|line| line.did).collect() };
    assert_eq!(did(1), ["opened", "closed", "hidden"]);
    assert_eq!(reader.held_back(&[AlertId(1), AlertId(3)]).unwrap()[&AlertId(1)], ["silence:1"]);
    assert_eq!(store.prune(&Settings::default(), at(86_400 * 91)).unwrap().alerts, 1);
    assert_eq!((did(1), did(2).len()), (vec![], 2));
    assert_eq!(reader.held_back(&[AlertId(1), AlertId(2)]).unwrap().len(), 1);
}

#[test]
fn a_reader_sees_the_epoch_and_never_holds_the_writer_up() {
    let home = tempfile::tempdir().unwrap();
    assert!(Reader::open(home.path()).unwrap_err().to_string().contains("gatewatch run"));
    let mut store = Store::open(home.path()).unwrap();
    let reader = Reader::open(home.path()).unwrap();
    assert_eq!(reader.epoch().unwrap(), None);
    for n in 0..20 {
        let accounting = Accounting { records: n, ..Accounting::default() };
        store.commit(&Epoch { at: at(n as i64), accounting, ..Epoch::default() }).unwrap();
        assert_eq!(reader.epoch().unwrap(), Some((n + 1, at(n as i64))));
        assert_eq!(reader.accounting().unwrap().records, n);
    }
}
