//! Deliveries come in order, once each, and do not pile up for ever.

use std::time::Duration;

use gatewatch::alerts::AlertId;
use gatewatch::store::{Attempt, Delivery, Epoch, Reader, Settings, Store};

use super::{at, delivery};

fn tried(seconds: i64) -> Attempt {
    Attempt { at: at(seconds), took: Duration::from_millis(42) }
}

#[test]
fn deliveries_come_oldest_first_and_one_revision_of_an_alert_at_a_time() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let mut outbox = vec![delivery(1, 1, 10), delivery(1, 2, 11), delivery(2, 1, 12), delivery(3, 1, 99)];
    outbox.push(Delivery { sink: "other".into(), ..delivery(4, 1, 10) });
    store.commit(&Epoch { outbox, ..Epoch::default() }).unwrap();
    let due = |store: &mut Store, now| -> Vec<(String, u32)> {
        let due = store.due("hook", at(now), 10).unwrap().into_iter();
        due.map(|one| (one.key.trim_start_matches('0').to_owned(), one.attempts)).collect()
    };
    assert_eq!(due(&mut store, 20), [("1:1".into(), 0), ("2:1".into(), 0)]);
    let first = store.due("hook", at(20), 1).unwrap().remove(0);
    store.settle(first.id, Err(("503", Some(at(40)))), tried(20)).unwrap();
    assert_eq!(due(&mut store, 20), [("2:1".into(), 0)]);
    assert_eq!(due(&mut store, 40), [("2:1".into(), 0), ("1:1".into(), 1)]);
    store.settle(first.id, Ok("200"), tried(40)).unwrap();
    assert_eq!(due(&mut store, 40), [("1:2".into(), 0), ("2:1".into(), 0)]);
    let says: Vec<_> = Reader::open(home.path()).unwrap().deliveries(Some(AlertId(1)), 9).unwrap();
    assert_eq!(says.iter().map(|(_, says)| says.as_str()).collect::<Vec<_>>(), ["waiting", "delivered: 200"]);
}

#[test]
fn a_delivery_that_is_enqueued_again_is_the_same_delivery() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let again = || Epoch { outbox: vec![delivery(1, 1, 0)], ..Epoch::default() };
    store.commit(&again()).unwrap();
    let first = store.due("hook", at(1), 9).unwrap().remove(0);
    store.settle(first.id, Err(("404 Not Found", None)), tried(1)).unwrap();
    store.commit(&again()).unwrap();
    assert_eq!(store.due("hook", at(1), 9).unwrap(), []);
    let all = Reader::open(home.path()).unwrap().deliveries(None, 9).unwrap();
    assert_eq!(all.iter().map(|(_, says)| says.as_str()).collect::<Vec<_>>(), ["refused: 404 Not Found"]);
}

#[test]
fn a_sink_that_is_down_for_ever_costs_bounded_disk() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let outbox = (0..10).map(|id| delivery(id, 1, id as i64)).collect();
    store.commit(&Epoch { outbox, ..Epoch::default() }).unwrap();
    let settings = Settings { max_waiting_deliveries: 4, ..Settings::default() };
    assert_eq!(store.prune(&settings, at(100)).unwrap().given_up, 6);
    let reader = Reader::open(home.path()).unwrap();
    assert_eq!(reader.waiting().unwrap(), [("hook".to_owned(), 4)]);
    let oldest = reader.deliveries(Some(AlertId(0)), 1).unwrap().remove(0).1;
    assert!(oldest.starts_with("refused: given up"), "{oldest}");
}

#[test]
fn a_delivery_tells_when_it_was_tried_how_long_that_took_and_which_alerts_it_is_about() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let about: Vec<String> = [1, 2].iter().map(|id| AlertId(*id).to_string()).collect();
    let message = Delivery { about: about.clone(), ..Delivery::new("chat", "gabc:1", "{}".into(), at(5)) };
    store.commit(&Epoch { outbox: vec![message.clone(), delivery(2, 1, 5)], ..Epoch::default() }).unwrap();
    store.commit(&Epoch { outbox: vec![message], ..Epoch::default() }).unwrap();
    let waiting = store.due("chat", at(5), 9).unwrap().remove(0);
    store.settle(waiting.id, Err(("503", Some(at(40)))), tried(6)).unwrap();
    let reader = Reader::open(home.path()).unwrap();
    let of = |id| reader.made(Some(AlertId(id)), 9).unwrap();
    assert_eq!((of(1).len(), of(2).len(), of(3).len()), (1, 2, 0));
    let made = &of(1)[0];
    assert_eq!((made.outcome, made.note.as_str(), made.delivery.attempts), ("waiting", "503", 1));
    assert_eq!((made.tried_at, made.took), (Some(at(6)), Some(Duration::from_millis(42))));
    assert_eq!((&made.delivery.about, made.delivery.due), (&about, at(40)));
    store.settle(waiting.id, Ok("200"), tried(41)).unwrap();
    assert_eq!(
        store.prune(&Settings { keep_deliveries_days: 0, ..Settings::default() }, at(90)).unwrap().deliveries,
        1
    );
    assert_eq!(of(1), []);
}

#[test]
fn what_fails_is_found_behind_however_many_that_went_well() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let outbox = (0..400).map(|id| delivery(id, 1, id as i64)).collect();
    store.commit(&Epoch { outbox, ..Epoch::default() }).unwrap();
    for (n, one) in store.due("hook", at(1_000), 400).unwrap().iter().enumerate() {
        let came = match n {
            0 => Err(("can't be reached", Some(at(2_000)))),
            1 => Err(("400 Bad Request", None)),
            _ => Ok("200"),
        };
        store.settle(one.id, came, tried(1_000)).unwrap();
    }
    let reader = Reader::open(home.path()).unwrap();
    let keys =
        |sink| -> Vec<String> { reader.troubled(sink, 9).unwrap().into_iter().map(|made| made.in_words()).collect() };
    assert_eq!(keys(Some("hook")), ["refused: 400 Bad Request", "waiting: can't be reached"]);
    assert_eq!((keys(None).len(), keys(Some("other")).len()), (2, 0));
    assert_eq!(reader.made_to("hook", 3).unwrap().len(), 3);
    // Neither looks at what is not asked for.
    let store = rusqlite::Connection::open(home.path().join("gatewatch.db")).unwrap();
    for (asked, index) in [
        ("(outcome = 2 OR (outcome = 0 AND attempts > 0)) AND (?1 = '' OR sink = ?1)", "outbox_troubled"),
        ("sink = ?1", "outbox_by_sink"),
    ] {
        let plan = format!("EXPLAIN QUERY PLAN SELECT payload FROM outbox WHERE {asked} ORDER BY id DESC LIMIT 9");
        let mut plan = store.prepare(&plan).unwrap();
        let steps = plan.query_map(["hook"], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        assert!(steps.len() == 1 && steps[0].contains(index), "{steps:?}");
    }
}
