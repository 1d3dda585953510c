//! Killed around a reading of configuration, the daemon loses no drift and tells none twice.

use std::path::Path;
use std::time::{Duration, Instant};

use gatewatch::alerts::{Alert, AlertState};
use gatewatch::clock::Timestamp;
use gatewatch::posture::living::{Drift, DriftKind};
use gatewatch::simulate::{Weakness, configured, intended};
use gatewatch::store::{Reader, Store};

use crate::daemon::Daemon;
use crate::world::replay;

const WEAK: Weakness = Weakness { token_unchecked: true, anonymous: false };

/// Writes the files of the configuration, each at once.
fn deploy(folder: &Path, weakness: Weakness) {
    for (name, text) in configured(weakness) {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, path).unwrap();
    }
}

fn weakened(daemon: &Daemon) -> Option<Alert> {
    let is = |alert: &Alert| &*alert.detector == "control-plane.control_weakened";
    let mut all: Vec<Alert> = daemon.alerts().into_iter().filter(is).collect();
    assert!(all.len() <= 1, "{all:#?}");
    all.pop()
}

/// Waits until the one alert about the API is open, or closed.
fn wait_until(daemon: &mut Daemon, open: bool, what: &str) {
    let began = Instant::now();
    while weakened(daemon).is_some_and(|alert| alert.state != AlertState::Closed) != open {
        assert!(began.elapsed() < Duration::from_secs(30), "{what}: open: {}\n{}", !open, daemon.log());
        assert!(daemon.runs(), "{what}: it ended by itself:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until a reading of what is configured is durable.
fn wait_for_reading(daemon: &mut Daemon) {
    let began = Instant::now();
    let is_durable = |daemon: &Daemon| {
        let lines = Reader::open(&daemon.data).and_then(|reader| reader.audit(100)).unwrap_or_default();
        lines.iter().any(|line| line.did == "reloaded" && serde_json::to_string(line).unwrap().contains("/configured"))
    };
    while !is_durable(daemon) {
        assert!(began.elapsed() < Duration::from_secs(30), "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Twelve kills; with `GATEWATCH_SOAK` sixty.
#[test]
fn a_daemon_killed_around_readings_of_configuration_loses_no_drift_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("configured");
    std::fs::write(dir.path().join("model.yaml"), intended()).unwrap();
    std::fs::write(
        dir.path().join("logs.ndjson"),
        r#"{"time":"2026-03-01T10:00:00Z","category":"AppServiceHTTPLogs","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/ORDERS-API","properties":{"CsMethod":"GET","CsUriStem":"/api/orders","CIp":"203.0.113.251","ScStatus":200}}"#
            .to_owned()
            + "\n",
    )
    .unwrap();
    let at = dir.path().display();
    let config = format!(
        "[sources.file.logs]\npaths = ['{at}/logs.ndjson']\nfollow = true\nstart = 'earliest'\n\
         [posture]\nmodel = '{at}/model.yaml'\nconfigured = ['{at}/configured']\nread_every = '5s'\n\
         [dashboard]\nlisten = '127.0.0.1:0'\n"
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    deploy(&files, Weakness::default());
    daemon.start();
    daemon.wait_for(1, Duration::from_mins(1));
    wait_for_reading(&mut daemon);
    let rounds = if std::env::var("GATEWATCH_SOAK").is_ok() { 60 } else { 12 };
    let mut random = 88_172_645_463_325_252_u64;
    for round in 0..rounds {
        let weak = round % 2 == 0;
        // In turn while it is down, and while it runs and is told.
        let down = round % 4 < 2;
        if down {
            daemon.kill();
        }
        deploy(&files, if weak { WEAK } else { Weakness::default() });
        if down {
            daemon.start();
        } else {
            daemon.signal("HUP");
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(random % 1_500));
        daemon.kill();
        daemon.start();
        wait_until(&mut daemon, weak, &format!("round {round}"));
    }
    daemon.stop();

    let alert = weakened(&daemon).unwrap();
    assert_eq!(&*alert.entity.value, "apim-shop/orders");
    let history = Reader::open(&daemon.data).unwrap().history(alert.id).unwrap();
    let told: String = history
        .iter()
        .filter_map(|change| match change.says.as_str() {
            says if says.contains("opened") => Some('o'),
            says if says.contains("closed") => Some('c'),
            _ => None,
        })
        .collect();
    assert_eq!(told, "oc".repeat(rounds / 2), "{history:#?}");
    let kept = Store::open(&daemon.data).unwrap().recover(Timestamp::MIN).unwrap();
    let drifts: Vec<Drift> = kept.posture.drifts.iter().map(|bytes| postcard::from_bytes(bytes).unwrap()).collect();
    let many = |kind| drifts.iter().filter(|one| one.kind == kind && &*one.control == "api.token-checked").count();
    assert_eq!((many(DriftKind::Weaker), many(DriftKind::Stronger)), (rounds / 2, rounds / 2), "{drifts:#?}");
}

#[test]
fn what_was_accepted_ends_in_a_replay_as_it_does_live() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display();
    let files = dir.path().join("configured");
    deploy(&files, WEAK);
    let accepted = "accepted:\n  - { control: api.token-checked, on: apim-shop/orders, owner: shop, reason: fair, expires: \"2026-03-01T11:30:00Z\" }\n";
    std::fs::write(dir.path().join("model.yaml"), intended() + accepted).unwrap();
    let records = (0..24).map(|n| {
        format!(
            r#"{{"time":"2026-03-01T{:02}:{:02}:00Z","category":"AppServiceHTTPLogs","resourceId":"/SUBSCRIPTIONS/S/RESOURCEGROUPS/G/PROVIDERS/MICROSOFT.WEB/SITES/ORDERS-API","properties":{{"CsMethod":"GET","CsUriStem":"/api/orders","CIp":"203.0.113.251","ScStatus":200}}}}"#,
            10 + n / 12,
            n % 12 * 5
        ) + "\n"
    });
    let logs = dir.path().join("logs.ndjson");
    std::fs::write(&logs, records.collect::<String>()).unwrap();
    let posture = format!("[posture]\nmodel = '{at}/model.yaml'\nconfigured = ['{at}/configured']\n");
    let config = format!(
        "{posture}[sources.file.logs]\npaths = ['{at}/logs.ndjson']\nfollow = true\nstart = 'earliest'\n[detection]\nsilence = '1s'\n\
         [alerts]\nnotify_max_age = '36500d'\n[dashboard]\nlisten = '127.0.0.1:0'\n"
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    daemon.wait_for(24, Duration::from_mins(1));
    let config = dir.path().join("replay.toml");
    std::fs::write(&config, posture).unwrap();
    for extra in [["--threads", "1"], ["--batch-bytes", "300"]] {
        let extra = [&["--config", config.to_str().unwrap()][..], &extra].concat();
        let replayed = replay(dir.path(), &daemon.data, std::slice::from_ref(&logs), &extra);
        assert!(replayed.alerts.contains("that shop answers for it has ended at 2026-03-01 11:30:00 UTC"), "{extra:?}");
        daemon.settles_at(&replayed.alerts, Duration::from_mins(1), "live");
    }
    daemon.stop();
}
