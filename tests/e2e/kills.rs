//! Killed at any moment, the daemon loses nothing and doubles nothing.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::broker;
use crate::daemon::Daemon;
use crate::receiver;
use crate::world::{messages, replay, write};

const PARTITIONS: i32 = 6;

/// Copies the files of a folder, and of the folders in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// Ten kills over 100,000 records; with `GATEWATCH_SOAK` fifty over a million.
#[test]
fn a_daemon_killed_at_random_moments_ends_with_the_alerts_of_an_undisturbed_run() {
    let Some(brokers) = broker::address("kills") else { return };
    let soak = std::env::var("GATEWATCH_SOAK").is_ok();
    let (records, kills) = if soak { (1_000_000, 50) } else { (100_000, 10) };
    let dir = tempfile::tempdir().unwrap();
    let world = messages(21, records);
    let topic = broker::topic(&brokers, "kills", PARTITIONS);
    broker::produce(&brokers, &topic, PARTITIONS, &world);
    let (hook, received) = receiver::start();
    // The shipped detectors, and every kind of counting and Sigma's correlations beside them.
    let detectors = dir.path().join("detectors");
    for from in ["detectors", "tests/kinds"] {
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(from), &detectors);
    }
    let sigma = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kinds_sigma");
    let detectors = format!("detectors = '{}'\nsigma = ['{sigma}']", detectors.display());
    let config = format!(
        "[sources.kafka.fleet]\nbrokers = '{brokers}'\ntopics = ['{topic}']\ngroup = '{topic}'\nstart = 'earliest'\n\
         [detection]\nsilence = '8s'\nlateness = '60s'\nthreads = 2\n{detectors}\n[alerts]\nnotify_max_age = '36500d'\n\
         [sinks.webhook.pager]\nurl = '{hook}'\nallow_private = true\n\
         [redacted]\nfile = '{}'\n[dashboard]\nlisten = '127.0.0.1:0'\n",
        dir.path().join("redacted.ndjson").display()
    );
    let mut daemon = Daemon::new(dir.path(), &config);

    let began = Instant::now();
    let mut progress = Vec::new();
    let mut random = 88_172_645_463_325_252_u64;
    for kill in 0..kills {
        daemon.start();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // In turn a kill in the first moments of a start, and one in the middle of a run: on however
        // slow a machine, some of it has become durable by then.
        if kill % 2 == 1 {
            let further = progress.last().map_or(1, |last| last + 1).min(records as u64 * 9 / 10);
            daemon.wait_for(further, Duration::from_mins(2));
        }
        // A million records are read within seconds: then most kills would find nothing left to do.
        std::thread::sleep(Duration::from_millis(random % if soak { 120 } else { 2_500 }));
        assert!(daemon.runs(), "kill {kill}: it ended by itself:\n{}", daemon.log());
        daemon.kill();
        progress.push(daemon.accounting().records);
    }
    eprintln!("records durable at each kill: {progress:?}");
    daemon.start();
    let file = dir.path().join("world.ndjson");
    write(&file, &world);
    let kinds = dir.path().join("kinds.toml");
    std::fs::write(&kinds, format!("[detection]\n{detectors}\n")).unwrap();
    let kinds = ["--lateness", "60s", "--config", kinds.to_str().unwrap()];
    let reference = replay(dir.path(), &daemon.data, &[file], &kinds);
    let wanted = reference.summary["records"].as_u64().unwrap();
    daemon.wait_for(wanted, Duration::from_secs(if soak { 1_800 } else { 240 }));
    daemon.settles_at(&reference.alerts, Duration::from_mins(2), "after the kills");
    let counted = daemon.accounting();
    let decoded: u64 = counted.decoded.values().sum();
    let dead: u64 = counted.dead_letters.values().sum();
    assert_eq!(counted.records, wanted);
    assert_eq!(counted.records, decoded + dead + counted.filtered + counted.duplicates, "{counted:?}");
    eprintln!(
        "{kills} kills over {wanted} records: {} alerts, none lost, none doubled, in {:?}",
        reference.alerts.lines().count(),
        began.elapsed()
    );

    // Every alert's opening was told at least once, and what was told twice was the same thing.
    let told = |received: &receiver::Received| {
        let received = received.lock().unwrap();
        daemon
            .alerts()
            .iter()
            .filter(|alert| !received.keys().any(|key| key.starts_with(&alert.id.to_string())))
            .count()
    };
    let began = Instant::now();
    while told(&received) > 0 {
        assert!(
            began.elapsed() < Duration::from_mins(1),
            "{} alerts were never told\n{}",
            told(&received),
            daemon.log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    daemon.stop();
}
