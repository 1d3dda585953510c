//! The same events give the same alerts, however they are read.

use std::path::PathBuf;

use crate::world::{assert_accounted, assert_same, gatewatch, messages, replay, write};

#[test]
fn threads_and_batch_sizes_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let file = dir.path().join("world.ndjson");
    write(&file, &messages(3, 20_000));
    let files = [file];
    let reference = replay(dir.path(), &data, &files, &["--threads", "1"]);
    assert!(reference.alerts.lines().count() >= 12, "the world holds attacks: {}", reference.summary);
    assert_accounted(&reference.summary);
    for extra in [
        ["--threads", "2", "--batch-bytes", "4096"],
        ["--threads", "4", "--batch-bytes", "1000000"],
        ["--threads", "1", "--batch-bytes", "1"],
    ] {
        let other = replay(dir.path(), &data, &files, &extra);
        assert_same(&reference.alerts, &other.alerts, &extra.join(" "));
        for count in ["records", "decoded", "dead_letters", "duplicates", "redactions", "late", "evicted"] {
            assert_eq!(reference.summary[count], other.summary[count], "{count} with {extra:?}");
        }
    }
}

#[test]
fn a_shuffle_within_the_lateness_and_a_split_into_partitions_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let whole = dir.path().join("world.ndjson");
    let mut world = messages(4, 20_000);
    write(&whole, &world);
    let reference = replay(dir.path(), &data, &[whole], &["--lateness", "60s"]);

    // Messages up to 20 s away from each other in time change places.
    let mut state = 12_345_u64;
    let mut jitter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 20_000
    };
    world.sort_by_cached_key(|message| message.at.millis() + i64::try_from(jitter()).unwrap());
    let shuffled = dir.path().join("shuffled.ndjson");
    write(&shuffled, &world);
    let other = replay(dir.path(), &data, &[shuffled], &["--lateness", "60s", "--threads", "2"]);
    assert_same(&reference.alerts, &other.alerts, "shuffled");

    let parts: Vec<PathBuf> = (0..3)
        .map(|part| {
            let path = dir.path().join(format!("part-{part}.ndjson"));
            let of_part: Vec<_> =
                world.iter().enumerate().filter(|(n, _)| n % 3 == part).map(|(_, message)| message.clone()).collect();
            write(&path, &of_part);
            path
        })
        .collect();
    let other = replay(dir.path(), &data, &parts, &["--lateness", "60s", "--threads", "2"]);
    assert_same(&reference.alerts, &other.alerts, "three files");
}

#[test]
fn every_kind_of_counting_gives_the_same_alerts_however_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let config = dir.path().join("kinds.toml");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kinds");
    let kinds = format!("[detection]\ndetectors = '{folder}'\nsigma = ['{folder}_sigma']\n");
    std::fs::write(&config, kinds).unwrap();
    let kinds = config.to_str().unwrap();
    let (file, shuffled) = (dir.path().join("world.ndjson"), dir.path().join("shuffled.ndjson"));
    let mut world = messages(5, 20_000);
    write(&file, &world);
    let files = [file];
    let reference = replay(dir.path(), &data, &files, &["--lateness", "60s", "--threads", "1", "--config", kinds]);
    let fired = |name: &str| reference.alerts.contains(&format!("\"detector\":\"probing.{name}\""));
    for name in [
        "tumbling",
        "share",
        "adds",
        "slowest",
        "in_order",
        "in_any_order",
        "unanswered",
        "adds_up",
        "found_then",
        "found_both",
    ] {
        assert!(fired(name), "{name} has not fired");
    }
    for rule in ["7d1c7f54-3f0e-4f0c-9a53-0c8b0f4f2a21", "7d1c7f54-3f0e-4f0c-9a53-0c8b0f4f2a22"] {
        assert!(reference.alerts.contains(&format!("\"detector\":\"sigma.{rule}\"")), "{rule} has not fired");
    }
    let batches = ["--lateness", "60s", "--threads", "4", "--batch-bytes", "4096", "--config", kinds];
    assert_same(&reference.alerts, &replay(dir.path(), &data, &files, &batches).alerts, "threads and batches");

    world.sort_by_cached_key(|message| message.at.millis() + message.at.nanos().unsigned_abs() as i64 % 7_919 * 2);
    write(&shuffled, &world);
    let threads = ["--lateness", "60s", "--threads", "2", "--config", kinds];
    assert_same(&reference.alerts, &replay(dir.path(), &data, &[shuffled], &threads).alerts, "shuffled");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = || gatewatch().args(["simulate", "--seed", "9", "--duration", "2m"]).output().unwrap().stdout;
    let first = run();
    assert!(first.len() > 100_000);
    assert!(first == run(), "two runs differ");
}
