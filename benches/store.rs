//! What do lists, facets, searches and retention cost at a million stored alerts, and what does an epoch cost?
//!
//! A store is filled with a million alerts, each with two lines of history and activity and words of its own;
//! each question is asked five times, and the best is printed, for others use the machine too. Then the program
//! itself runs on that store, and its pages are asked for. The exit code is 1 if a question takes more than
//! 200 ms or a page more than 300. It takes three gigabytes of disk beside the working folder, and some
//! minutes. Run: `./dev bench store`.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use gatewatch::alerts::{
    Alert, AlertId, AlertState, Assignee, Attack, Class, Entity, EntityKind, Family, Level, Not, Query, Transition,
};
use gatewatch::clock::{Clock, Timestamp};
use gatewatch::store::{AlertQuery, Delivery, Epoch, MOST_COUNTED, Reader, Settings, ShardBytes, Store};

const ALERTS: u32 = 1_000_000;
/// Alerts that the panel beside the list counts one by one.
const PANEL: usize = 5_000;
const LIMIT: Duration = Duration::from_millis(200);
const PAGE_LIMIT: Duration = Duration::from_millis(300);
/// What people open, and what they ask the list for.
const PAGES: [&str; 21] = [
    "/",
    "/?state=all",
    "/?state=closed",
    "/?state=all&q=addresses",
    "/?state=all&q=nowhere",
    "/?state=all&q=word777",
    "/?state=all&family=probing",
    "/?state=all&app=app-7",
    "/?state=all&level=high",
    "/a/0000000000001eef",
    "/entity?kind=ip&value=203.0.113.77",
    "/silences",
    "/detectors",
    "/keys",
    "/deliveries",
    "/audit",
    "/pipeline",
    "/dead-letters",
    "/api",
    "/api/v1/alerts?state=all&limit=100",
    "/api/v1/alerts/facets?state=all",
];
const DETECTOR: &str = "key-usage.one_key_many_addresses7";

fn main() -> ExitCode {
    let clock = Clock::system();
    let home = tempfile::tempdir_in(".").unwrap();
    let took = timed(&clock, || fill(home.path()));
    println!("{ALERTS} alerts written in {took:.1?}; {} MB", megabytes(home.path()));
    let reader = Reader::open(home.path()).unwrap();
    let mut worst = Duration::ZERO;
    let all = Query { detector: Some(DETECTOR.into()), ..Query::any() };
    let all = AlertQuery { limit: 10_000, ..AlertQuery::from(all) };
    best(&clock, "all of a change of many: 10,000", || reader.alerts(&all).unwrap().len());
    for (name, query) in lists() {
        worst = worst.max(best(&clock, &format!("list: {name}"), || reader.alerts(&query).unwrap().len()));
    }
    for (name, query) in questions() {
        worst =
            worst.max(best(&clock, &format!("facets: {name}"), || reader.facets(&query, MOST_COUNTED).unwrap().count));
    }
    for (name, query) in questions() {
        // What the page counts beside its list.
        worst = worst
            .max(best(&clock, &format!("panel: {name}"), || reader.facets_and_whose(&query, PANEL).unwrap().0.count));
    }
    for (name, query) in questions() {
        // Which alerts an export is of: its first answer waits for this.
        let query = AlertQuery::from(query);
        best(&clock, &format!("ids: {name}"), || reader.alert_ids(&query).unwrap().len());
    }
    let after = i64::from(ALERTS);
    worst = worst
        .max(best(&clock, "changes: 2,000 lines", || reader.changes_after(after, &Query::any()).unwrap().lines.len()));
    drop(reader);
    let slowest = pages(home.path(), &clock);
    retention(home.path(), &clock);
    epochs(&clock);
    println!("the slowest list, facets or search took {worst:.1?}; the limit is {LIMIT:?}");
    println!("the slowest page took {slowest:.1?}; the limit is {PAGE_LIMIT:?}");
    if worst > LIMIT || slowest > PAGE_LIMIT { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs the program on the store, asks for its pages, and returns what the slowest took.
fn pages(data: &Path, clock: &Clock) -> Duration {
    // As old as the alerts are, none is let go meanwhile.
    let config = data.join("bench.toml");
    let settings = "[sources.http.bench]\nlisten = '127.0.0.1:0'\n[dashboard]\nlisten = '127.0.0.1:0'\n\
                    [store]\nkeep_closed_alerts_days = 36500\nmax_closed_alerts = 2000000\n";
    std::fs::write(&config, settings).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args(["run".as_ref(), "--config".as_ref(), config.as_os_str(), "--data".as_ref(), data.as_os_str()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let address = loop {
        if let Ok(address) = std::fs::read_to_string(data.join("address")) {
            break address.trim().trim_start_matches("http://").trim_end_matches('/').to_owned();
        }
        assert!(daemon.try_wait().unwrap().is_none(), "the program did not start");
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut slowest = Duration::ZERO;
    for path in PAGES {
        let took = best(clock, &format!("page: {path}"), || {
            let text = get(&address, path);
            assert!(text.starts_with("HTTP/1.1 200"), "{path}: {}", text.lines().next().unwrap_or_default());
            text.len()
        });
        slowest = slowest.max(took);
    }
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    slowest
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn timed<T>(clock: &Clock, work: impl FnOnce() -> T) -> Duration {
    let start = clock.elapsed();
    drop(work());
    clock.elapsed().saturating_sub(start)
}

fn best<T: std::fmt::Display>(clock: &Clock, name: &str, mut work: impl FnMut() -> T) -> Duration {
    let mut found = String::new();
    let took = (0..5).map(|_| timed(clock, || found = work().to_string())).min().unwrap_or_default();
    println!("{name:<40} {found:>9} {:>9.1} ms", took.as_secs_f64() * 1e3);
    took
}

fn megabytes(data: &Path) -> u64 {
    std::fs::metadata(data.join("gatewatch.db")).unwrap().len() >> 20
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn alert(id: u64) -> Alert {
    let entity = Entity::new(EntityKind::Ip, "203.0.113.7");
    Alert {
        id: AlertId(id),
        fingerprint: id,
        revision: 1,
        group: None,
        members: Vec::new(),
        detector: "key-usage.one_key_many_addresses".into(),
        family: Family::KeyUsage,
        level: Level::High,
        title: "One key used from many addresses".into(),
        entities: vec![entity.clone()],
        entity,
        app: Some("shop".into()),
        owner: None,
        first_seen: at(0),
        opened_at: at(0),
        last_seen: at(0),
        count: 3,
        why: "Seen 3 times from 40 addresses".into(),
        because: None,
        triage: "Ask the owner.".into(),
        attack: Attack::default(),
        threat: "key-theft".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: Vec::new(),
        late: false,
    }
}

/// Fills a store; what a million transitions would take hours for, SQL does.
fn fill(data: &Path) {
    let mut store = Store::open(data).unwrap();
    let transitions = vec![(Transition::Opened(alert(0)), at(0))];
    store.commit(&Epoch { transitions, ..Epoch::default() }).unwrap();
    drop(store);
    let db = rusqlite::Connection::open(data.join("gatewatch.db")).unwrap();
    db.execute_batch(&format!(
        "PRAGMA synchronous = OFF; BEGIN;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ALERTS})
         INSERT INTO alerts (id, fingerprint, revision, state, level, family, app, detector, entity_kind, entity,
             opened_at, last_seen, changed_at, words, alert, assignee, class)
         SELECT printf('%016x', (n * 7919) % 1000003), n, 1, iif(n % 500 = 0, 0, 2), n % 4,
             CASE n % 3 WHEN 0 THEN 'key-usage' WHEN 1 THEN 'probing' ELSE 'auth-failures' END, 'app-' || (n % 100),
             detector || (n % 50), entity_kind, '203.0.113.' || (n % 5000), n * 1000000000, n * 1000000000,
             n * 1000000000, n, alert, iif(n % 7 = 0, 'dana', NULL), iif(n % 10 = 0, 'benign', NULL)
         FROM n, (SELECT * FROM alerts WHERE id = '0000000000000000');
         INSERT INTO alert_words (rowid, text)
         SELECT rowid, 'One key used from many addresses word' || (rowid % 1000) || iif(rowid < 6000, ' bygone', '')
         FROM alerts WHERE rowid > 1;
         WITH twice (r) AS (VALUES (1), (2))
         INSERT INTO history (alert, revision, at, says) SELECT id, r, 0, 'opened' FROM alerts, twice;
         WITH twice (r) AS (VALUES (1), (2))
         INSERT OR IGNORE INTO activity (alert, revision, at, who, did, says, to_state)
         SELECT id, r, 0, '', 'opened', '', 0 FROM alerts, twice;
         COMMIT;"
    ))
    .unwrap();
}

fn without(not: Vec<Not>) -> Query {
    Query { not, ..Query::any() }
}

fn of(entity: &str) -> Not {
    Not::Entity(None, entity.into())
}

fn words(text: &str) -> Query {
    Query { text: Some(text.into()), ..Query::any() }
}

/// What pages and programs ask for, fifty at a time.
fn lists() -> Vec<(&'static str, AlertQuery)> {
    let page = |about: Query| AlertQuery { about, after: None, limit: 50 };
    let middle = |about: Query| AlertQuery { after: Some((at(500_000), AlertId(1))), ..page(about) };
    let closed = || Query { states: vec![AlertState::Closed], ..Query::any() };
    vec![
        ("newest", page(Query::any())),
        ("a page in the middle", middle(Query::any())),
        ("not closed", page(Query::default())),
        ("closed, low", page(Query { at_least: Some(Level::Low), ..closed() })),
        ("critical (none)", page(Query { at_least: Some(Level::Critical), ..Query::any() })),
        ("family", middle(Query { family: Some(Family::Probing), ..Query::any() })),
        ("family (none)", page(Query { family: Some(Family::Identity), ..Query::any() })),
        ("app", page(Query { app: Some("app-7".into()), ..Query::any() })),
        (
            "app and family (none)",
            page(Query { app: Some("app-7".into()), family: Some(Family::Identity), ..Query::any() }),
        ),
        ("detector", middle(Query { detector: Some(DETECTOR.into()), ..Query::any() })),
        ("detector (none)", page(Query { detector: Some("no.such".into()), ..Query::any() })),
        ("entity", page(Query { entity: Some((None, "203.0.113.77".into())), ..Query::any() })),
        ("whose", middle(Query { assignee: Some(Assignee::Named("dana".into())), ..Query::any() })),
        ("nobody's, closed", page(Query { assignee: Some(Assignee::Nobody), ..closed() })),
        ("true positives (none)", page(Query { class: Some(Class::TruePositive), ..Query::any() })),
        ("a day", page(Query { since: Some(at(500_000)), until: Some(at(586_400)), ..Query::any() })),
        ("all but an app and an entity", page(without(vec![Not::App("app-7".into()), of("203.0.113.77")]))),
        ("all but every family (none)", page(without(Family::ALL.map(Not::Family).to_vec()))),
        ("opened in an hour", page(Query { opened: (Some(at(600_000)), Some(at(603_600))), ..Query::any() })),
        ("opened before a day (none)", page(Query { opened: (None, Some(at(0))), ..Query::any() })),
        ("a rare word", page(words("word777"))),
        ("a word that all have", page(words("addresses"))),
        ("the same, in the middle", middle(words("addresses"))),
        ("a word of 10,000", page(words("word77"))),
        ("two words", page(words("addresses word5"))),
        ("a word of long ago", page(words("bygone"))),
        ("a word that none has", page(words("nowhere"))),
        ("a word, open", page(Query { states: vec![AlertState::Open], ..words("addresses") })),
        ("a word, of a family (none)", page(Query { family: Some(Family::Identity), ..words("addresses") })),
    ]
}

fn questions() -> Vec<(&'static str, Query)> {
    vec![
        ("all", Query::any()),
        ("not closed", Query::default()),
        ("family and level", Query { family: Some(Family::Probing), at_least: Some(Level::Medium), ..Query::any() }),
        ("a day", Query { since: Some(at(500_000)), until: Some(at(586_400)), ..Query::any() }),
        ("opened in an hour", Query { opened: (Some(at(600_000)), Some(at(603_600))), ..Query::any() }),
        ("all but an app and an entity", without(vec![Not::App("app-7".into()), of("203.0.113.77")])),
        ("all but the first day", Query { since: Some(at(86_400)), ..Query::any() }),
        ("whose", Query { assignee: Some(Assignee::Named("dana".into())), ..Query::any() }),
        ("nobody's", Query { assignee: Some(Assignee::Nobody), ..Query::any() }),
        ("entity", Query { entity: Some((None, "203.0.113.77".into())), ..Query::any() }),
        ("severe, all but a day", Query { at_least: Some(Level::High), since: Some(at(86_400)), ..Query::any() }),
        ("an app, all but a day", Query { app: Some("app-7".into()), since: Some(at(86_400)), ..Query::any() }),
        ("a family, half", Query { family: Some(Family::Probing), since: Some(at(500_000)), ..Query::any() }),
        (
            "a detector, half",
            Query {
                detector: Some("key-usage.one_key_many_addresses7".into()),
                since: Some(at(500_000)),
                ..Query::any()
            },
        ),
        ("judged, half", Query { class: Some(Class::Benign), since: Some(at(500_000)), ..Query::any() }),
        ("an app", Query { app: Some("app-7".into()), ..Query::any() }),
        ("a detector", Query { detector: Some(DETECTOR.into()), ..Query::any() }),
        ("a family", Query { family: Some(Family::Probing), ..Query::any() }),
        ("severe", Query { at_least: Some(Level::High), ..Query::any() }),
        ("judged", Query { class: Some(Class::Benign), ..Query::any() }),
        ("a rare word", words("word777")),
        ("a word that all have", words("addresses")),
        ("a word of long ago", words("bygone")),
    ]
}

fn retention(data: &Path, clock: &Clock) {
    let mut store = Store::open(data).unwrap();
    // Older than it, none is; then 500 of them are let go at a time.
    for (name, now) in [("nothing to let go", at(86_400)), ("500 to let go", at(86_400 * 400))] {
        best(clock, &format!("retention: {name}"), || store.prune(&Settings::default(), now).unwrap().alerts);
    }
    println!("{:<40} {:>9} MB", "size", megabytes(data));
}

/// What it costs to make a typical epoch durable.
fn epochs(clock: &Clock) {
    let home = tempfile::tempdir_in(".").unwrap();
    let mut store = Store::open(home.path()).unwrap();
    let mut took: Vec<Duration> = Vec::new();
    for n in 0..200_u64 {
        let shard = |shard| ShardBytes {
            component: "engine",
            shard,
            whole: n.is_multiple_of(50),
            bytes: vec![n as u8; 10_000],
        };
        let opened = |id| (Transition::Opened(alert(n * 20 + id)), at(1_000));
        let delivery = |id| Delivery::new("hook", &format!("{}:1", AlertId(n * 20 + id)), "{}".into(), at(0));
        let epoch = Epoch {
            shards: (0..64).map(shard).collect(),
            transitions: (0..20).map(opened).collect(),
            outbox: (0..20).map(delivery).collect(),
            ..Epoch::default()
        };
        took.push(timed(clock, || store.commit(&epoch).unwrap()));
    }
    took.sort();
    println!("epochs: median {:.1?}, p95 {:.1?}, worst {:.1?}", took[100], took[190], took[199]);
}
