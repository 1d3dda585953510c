//! A restart finds the newest whole epoch, whatever happened before it.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use gatewatch::alerts::{Alert, AlertState, Change, Transition};
use gatewatch::clock::Timestamp;
use gatewatch::store::{Accounting, Epoch, KEY_FILE, ShardBytes, Store, StreamPosition};
use gatewatch::telemetry::StreamId;
use proptest::prelude::*;

use super::{alert, as_killed, at, closed, delivery, opened, recovered, stream};

/// Epoch `n` of a small life: everything in it says which epoch it is.
fn nth(n: u8) -> Epoch {
    let change = |component, shard, whole| ShardBytes { component, shard, whole, bytes: vec![n; 300] };
    Epoch {
        at: at(i64::from(n)),
        streams: vec![(StreamId(u32::from(n)), stream(i32::from(n)))],
        positions: vec![StreamPosition { stream: StreamId(0), resume: i64::from(n), absorbed: i64::from(n) + 1 }],
        shards: vec![change("engine", 7, n.is_multiple_of(4)), change("duplicates", 0, true)],
        values: vec![("watermarks", vec![n])],
        transitions: vec![opened(&alert(u64::from(n), i64::from(n)))],
        outbox: vec![delivery(u64::from(n), 1, 0)],
        accounting: Accounting { records: u64::from(n), ..Accounting::default() },
        ..Epoch::default()
    }
}

#[test]
fn a_kill_after_a_commit_leaves_exactly_that_epoch() {
    let home = tempfile::tempdir().unwrap();
    let (data, killed) = (home.path().join("data"), home.path().join("killed"));
    let mut store = Store::open(&data).unwrap();
    for n in 0..5 {
        store.commit(&nth(n)).unwrap();
    }
    as_killed(&data, &killed);
    let back = recovered(&killed);
    assert_eq!(back.streams, (0..5).map(|n| Some(stream(n))).collect::<Vec<_>>());
    assert_eq!(back.positions, [StreamPosition { stream: StreamId(0), resume: 4, absorbed: 5 }]);
    let states: Vec<_> = back.shards.iter().map(|one| (one.component, one.shard, one.whole, one.bytes[0])).collect();
    assert_eq!(states, [("duplicates", 0, true, 4), ("engine", 7, true, 4)]);
    assert_eq!(back.values, BTreeMap::from([("watermarks".to_owned(), vec![4])]));
    assert_eq!(back.alerts, (0..5).map(|n| alert(n, n as i64)).collect::<Vec<_>>());
    assert_eq!(back.accounting.records, 4);
}

#[test]
fn an_epoch_that_fails_leaves_nothing_of_itself() {
    let home = tempfile::tempdir().unwrap();
    let mut store = Store::open(home.path()).unwrap();
    store.commit(&nth(0)).unwrap();
    let mut bad = nth(1);
    bad.positions.push(StreamPosition { stream: StreamId(99), resume: 0, absorbed: 0 });
    let refused = store.commit(&bad).unwrap_err().to_string();
    assert!(refused.contains("stream number 99"), "{refused}");
    let back = store.recover(Timestamp::MIN).unwrap();
    assert_eq!((back.streams.len(), back.alerts.len(), back.accounting.records), (1, 1, 0));
    assert_eq!(store.due("hook", at(5), 10).unwrap().len(), 1);
    store.commit(&nth(1)).unwrap();
}

#[test]
fn a_backup_of_a_running_store_brings_store_and_key_back() {
    let home = tempfile::tempdir().unwrap();
    let (data, file, new) = (home.path().join("data"), home.path().join("saved.db"), home.path().join("new"));
    let mut store = Store::open(&data).unwrap();
    store.commit(&nth(0)).unwrap();
    std::fs::write(data.join(KEY_FILE), "k1 not-a-real-key\n").unwrap();
    let saved = Store::backup(&data, &file).unwrap();
    assert!(saved.with_key && saved.bytes > 0);
    store.commit(&nth(1)).unwrap();
    assert!(Store::backup(&data, &file).unwrap_err().to_string().contains("exists already"));
    assert!(Store::restore_backup(&file, &data).unwrap_err().to_string().contains("exists already"));

    assert!(Store::restore_backup(&file, &new).unwrap().with_key);
    assert_eq!(std::fs::read_to_string(new.join(KEY_FILE)).unwrap(), "k1 not-a-real-key\n");
    let back = recovered(&new);
    assert_eq!((back.alerts.len(), back.accounting.records), (1, 0));
    // What went out after the backup is not known there, so what is told from now on must not be taken for it.
    assert!(back.values.contains_key(gatewatch::store::RESTORED));
    for secret in [&file, &new.join(KEY_FILE), &new.join("gatewatch.db")] {
        assert_eq!(std::fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600, "{}", secret.display());
    }
    // The key stays in the backup and in its own file: the database in the data folder has none.
    assert!(!Store::backup(&without_its_key(&new, home.path()), &home.path().join("again.db")).unwrap().with_key);
}

/// Copies the database without the key file beside it.
fn without_its_key(data: &Path, home: &Path) -> std::path::PathBuf {
    let copy = home.join("copy");
    as_killed(data, &copy);
    copy
}

proptest! {
    // 256 is what there is unless PROPTEST_CASES says how many.
    #![proptest_config(ProptestConfig { cases: match ProptestConfig::default().cases { 256 => 24, told => told }, ..ProptestConfig::default() })]

    /// Whatever byte the log is cut at, a restart finds a whole epoch, and no later one than was committed.
    #[test]
    fn a_torn_log_is_the_last_whole_epoch(epochs in 1_u8..8, cut in 0.0_f64..1.0) {
        let home = tempfile::tempdir().unwrap();
        let (data, torn) = (home.path().join("data"), home.path().join("torn"));
        drop(Store::open(&data).unwrap());
        let mut store = Store::open(&data).unwrap();
        for n in 0..epochs {
            store.commit(&nth(n)).unwrap();
        }
        as_killed(&data, &torn);
        let log = torn.join("gatewatch.db-wal");
        let length = std::fs::metadata(&log).unwrap().len();
        std::fs::File::options().write(true).open(&log).unwrap().set_len((length as f64 * cut) as u64).unwrap();
        let back = recovered(&torn);
        let whole = back.streams.len();
        prop_assert!(whole <= usize::from(epochs));
        prop_assert_eq!(back.alerts.len(), whole);
        if let Some(last) = whole.checked_sub(1) {
            prop_assert_eq!(back.positions[0].resume, last as i64);
            prop_assert_eq!(back.accounting.records, last as u64);
            prop_assert_eq!(&back.values["watermarks"], &vec![last as u8]);
            prop_assert_eq!(back.shards.iter().filter(|one| one.component == "engine").count(), last % 4 + 1);
        }
    }

    /// Random epochs, with a kill between any two, come back as a plain model of them says.
    #[test]
    fn random_epochs_come_back_as_a_model_says(steps in prop::collection::vec(step(), 1..10)) {
        let home = tempfile::tempdir().unwrap();
        let mut data = home.path().join("0");
        let mut store = Store::open(&data).unwrap();
        let mut model = Model::default();
        for (n, step) in steps.iter().enumerate() {
            let epoch = model.apply(step);
            store.commit(&epoch).unwrap();
            if step.kill {
                let killed = home.path().join((n + 1).to_string());
                as_killed(&data, &killed);
                data = killed;
                store = Store::open(&data).unwrap();
            }
        }
        let back = store.recover(at(1_000)).unwrap();
        prop_assert_eq!(back.shards, model.shards.into_values().flatten().collect::<Vec<_>>());
        prop_assert_eq!(back.positions, model.positions.into_values().collect::<Vec<_>>());
        prop_assert_eq!(back.streams, (0..model.streams).map(|n| Some(stream(n))).collect::<Vec<_>>());
        let open = model.alerts.into_values().filter(|alert| alert.state != AlertState::Closed);
        let mut open: Vec<Alert> = open.collect();
        open.sort_by_key(|alert| (alert.opened_at, alert.id));
        prop_assert_eq!(back.alerts, open);
    }
}

#[derive(Clone, Debug)]
struct Step {
    kill: bool,
    new_stream: bool,
    offset: i64,
    shards: Vec<(bool, u8, bool, Vec<u8>)>,
    alerts: Vec<(u64, bool)>,
}

fn step() -> impl Strategy<Value = Step> {
    let shard = (any::<bool>(), 0_u8..4, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40));
    let shards = prop::collection::vec(shard, 0..6);
    let alerts = prop::collection::vec((0_u64..6, any::<bool>()), 0..5);
    (any::<bool>(), any::<bool>(), any::<i64>(), shards, alerts)
        .prop_map(|(kill, new_stream, offset, shards, alerts)| Step { kill, new_stream, offset, shards, alerts })
}

#[derive(Default)]
struct Model {
    streams: i32,
    positions: BTreeMap<u32, StreamPosition>,
    shards: BTreeMap<(&'static str, u8), Vec<ShardBytes>>,
    alerts: BTreeMap<u64, Alert>,
}

impl Model {
    fn apply(&mut self, step: &Step) -> Epoch {
        let mut epoch = Epoch::default();
        if step.new_stream || self.streams == 0 {
            epoch.streams.push((StreamId(self.streams as u32), stream(self.streams)));
            self.streams += 1;
        }
        let id = step.offset.unsigned_abs() as u32 % self.streams as u32;
        let position = StreamPosition { stream: StreamId(id), resume: step.offset, absorbed: step.offset };
        self.positions.insert(id, position.clone());
        epoch.positions.push(position);
        for (engine, shard, whole, bytes) in &step.shards {
            let component = if *engine { "engine" } else { "duplicates" };
            let change = ShardBytes { component, shard: *shard, whole: *whole, bytes: bytes.clone() };
            let kept = self.shards.entry((component, *shard)).or_default();
            if *whole {
                kept.clear();
            }
            kept.push(change.clone());
            epoch.shards.push(change);
        }
        for (id, close) in &step.alerts {
            let transition = match self.alerts.get(id) {
                None => Transition::Opened(alert(*id, *id as i64)),
                Some(known) if *close => closed(known.clone()),
                Some(known) => {
                    let mut more = known.clone();
                    more.revision += 1;
                    more.count += 1;
                    more.why = format!("now {}", more.count);
                    Transition::Updated(more, Change::Events)
                }
            };
            self.alerts.insert(*id, transition.alert().clone());
            epoch.transitions.push((transition, at(5)));
        }
        epoch
    }
}
