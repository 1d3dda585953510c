//! Rough figures, not checks: `cargo test --test store -- --ignored --nocapture`.

use std::time::Duration;

use gatewatch::alerts::{AlertId, Assignee, Class, Family, Level};
use gatewatch::store::{AlertQuery, Epoch, Reader, Settings, ShardBytes, Store};

use super::{alert, at, delivery, opened};

#[test]
#[ignore = "measures the disk; run it by hand"]
fn a_typical_epoch_is_committed_in_milliseconds() {
    let home = tempfile::tempdir_in(".").unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let clock = gatewatch::clock::Clock::system();
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..200_u64 {
        let shard = |shard| ShardBytes {
            component: "engine",
            shard,
            whole: n.is_multiple_of(50),
            bytes: vec![n as u8; 10_000],
        };
        let transitions = (0..20).map(|id| opened(&alert(n * 20 + id, n as i64))).collect();
        let outbox = (0..20).map(|id| delivery(n * 20 + id, 1, 0)).collect();
        let epoch = Epoch { shards: (0..64).map(shard).collect(), transitions, outbox, ..Epoch::default() };
        let start = clock.elapsed();
        store.commit(&epoch).unwrap();
        took.push(clock.elapsed().saturating_sub(start));
    }
    took.sort();
    let size = std::fs::metadata(home.path().join("gatewatch.db")).unwrap().len();
    let says = format!("median {:?}, p95 {:?}, worst {:?}; {} MB\n", took[100], took[190], took[199], size >> 20);
    std::io::Write::write_all(&mut std::io::stderr(), says.as_bytes()).unwrap();
}

/// Fills a store with a million alerts, each with its history and activity.
fn a_million_alerts() -> tempfile::TempDir {
    let home = tempfile::tempdir_in(".").unwrap();
    let mut store = Store::open(home.path()).unwrap();
    store.commit(&Epoch { transitions: vec![opened(&alert(0, 0))], ..Epoch::default() }).unwrap();
    drop(store);
    let db = rusqlite::Connection::open(home.path().join("gatewatch.db")).unwrap();
    db.execute_batch(
        "PRAGMA synchronous = OFF; BEGIN;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000000)
         INSERT INTO alerts (id, fingerprint, revision, state, level, family, app, detector, entity_kind, entity,
             opened_at, last_seen, changed_at, words, alert, assignee, class) SELECT printf('%016x', (n * 7919) % 1000003), n, 1, iif(n % 500 = 0, 0, 2), n % 4,
             CASE n % 3 WHEN 0 THEN 'key-usage' WHEN 1 THEN 'probing' ELSE 'auth-failures' END, 'app-' || (n % 100),
             detector || (n % 50), entity_kind, '203.0.113.' || (n % 5000), n * 1000000000, n * 1000000000, n * 1000000000, n,
             alert, iif(n % 7 = 0, 'dana', NULL), iif(n % 10 = 0, 'benign', NULL)
         FROM n, (SELECT * FROM alerts WHERE id = '0000000000000000');
         INSERT INTO alert_words (rowid, text) SELECT rowid, 'One key used from many addresses word' || (rowid % 1000)
         FROM alerts WHERE rowid > 1;
         WITH twice (r) AS (VALUES (1), (2))
         INSERT INTO history (alert, revision, at, says) SELECT id, r, 0, 'opened' FROM alerts, twice;
         WITH twice (r) AS (VALUES (1), (2))
         INSERT OR IGNORE INTO activity (alert, revision, at, who, did, says, to_state) SELECT id, r, 0, '', 'opened', '', 0
         FROM alerts, twice;
         COMMIT;",
    )
    .unwrap();
    drop(db);
    home
}

/// Times what pages ask of a million alerts, and what letting some go costs.
#[test]
#[ignore = "takes a minute and a gigabyte; run it by hand"]
fn lists_are_quick_at_a_million_alerts() {
    let home = a_million_alerts();
    let reader = Reader::open(home.path()).unwrap();
    let clock = gatewatch::clock::Clock::system();
    let page = || AlertQuery { limit: 50, ..AlertQuery::default() };
    let middle = Some((at(500_000), AlertId(1)));
    let queries = [
        ("newest", page()),
        ("middle page", AlertQuery { after: middle, ..page() }),
        ("open", AlertQuery { states: vec!["open".into()], ..page() }),
        ("closed, low", AlertQuery { states: vec!["closed".into()], at_least: Some(Level::Low), ..page() }),
        ("critical (none)", AlertQuery { at_least: Some(Level::Critical), ..page() }),
        ("family", AlertQuery { families: vec![Family::Probing], after: middle, ..page() }),
        ("family (none)", AlertQuery { families: vec![Family::Identity], ..page() }),
        ("two families (none)", AlertQuery { families: vec![Family::Identity, Family::Telemetry], ..page() }),
        ("app", AlertQuery { app: Some("app-7".into()), ..page() }),
        ("app and family (none)", AlertQuery { app: Some("app-7".into()), families: vec![Family::Identity], ..page() }),
        ("rare word", AlertQuery { text: Some("word777".into()), ..page() }),
        ("common word", AlertQuery { text: Some("addresses".into()), ..page() }),
        (
            "detector",
            AlertQuery { detector: Some("key-usage.one_key_many_addresses7".into()), after: middle, ..page() },
        ),
        ("detector (none)", AlertQuery { detector: Some("no.such".into()), ..page() }),
        ("entity", AlertQuery { entity: Some((None, "203.0.113.77".into())), ..page() }),
        ("whose", AlertQuery { assignee: Some(Assignee::Named("dana".into())), after: middle, ..page() }),
        ("nobody's, closed", AlertQuery { assignee: Some(Assignee::Nobody), states: vec!["closed".into()], ..page() }),
        ("true positives (none)", AlertQuery { class: Some(Class::TruePositive), ..page() }),
        ("a day", AlertQuery { since: Some(at(500_000)), until: Some(at(586_400)), ..page() }),
        (
            "all of a detector",
            AlertQuery { detector: Some("key-usage.one_key_many_addresses7".into()), limit: 20_000, ..page() },
        ),
        ("unknown word", AlertQuery { text: Some("nowhere".into()), ..page() }),
    ];
    for (name, query) in queries {
        let start = clock.elapsed();
        let found = reader.alerts(&query).unwrap().len();
        let took = clock.elapsed().saturating_sub(start);
        assert!(took < Duration::from_secs(2), "{name}: {found} in {took:?}");
        std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{name}: {found} in {took:?}\n")).unwrap();
    }
    retention(home.path(), &clock);
}

fn retention(data: &std::path::Path, clock: &gatewatch::clock::Clock) {
    let size = std::fs::metadata(data.join("gatewatch.db")).unwrap().len() >> 20;
    let mut store = Store::open(data).unwrap();
    // Older than it, none is; then 500 of them are let go at a time.
    for (name, now) in [("nothing to let go", at(86_400)), ("some to let go", at(86_400 * 400))] {
        let start = clock.elapsed();
        let gone = store.prune(&Settings::default(), now).unwrap().alerts;
        let took = clock.elapsed().saturating_sub(start);
        std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{name}: {gone} in {took:?}; {size} MB\n"))
            .unwrap();
    }
}
