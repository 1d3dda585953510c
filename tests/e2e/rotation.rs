//! A key is rotated under a running installation: who knew a thing goes on knowing it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use gatewatch::redaction::made;
use gatewatch::telemetry::{EntityKind, Privilege};

use crate::daemon::Daemon;
use crate::world::gatewatch;

const PATIENCE: Duration = Duration::from_mins(1);

/// An app that learns its keys, keys that learn their addresses, and one alert for each key.
const DETECTORS: [(&str, &str); 3] = [
    ("new_key", "first_seen: { of: key.id, by: app, learn: 1h, forget: 30d }"),
    ("new_address", "first_seen: { of: source.ip, by: key.id, learn: 1h, forget: 30d }"),
    ("used", "match: { by: key.id }"),
];

struct House {
    daemon: Daemon,
    logs: PathBuf,
    keys: Vec<String>,
    records: u64,
    _dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (logs, detectors) = (dir.path().join("logs.ndjson"), dir.path().join("detectors"));
        std::fs::create_dir_all(detectors.join("probing")).unwrap();
        for (name, counts) in DETECTORS {
            let text = format!(
                "id: probing.{name}\ntitle: t\nlevel: low\nthreat: key-theft\nattack: {{ version: '18', techniques: [] }}\n\
                 needs: [http.request]\nwhy: w\ntriage: t\nfalse_alarms: f\nsays: '{{entity}} at {{at}}'\nquiet: 7d\n\
                 when: {{ key.id: {{ exists: true }} }}\n{counts}\n"
            );
            std::fs::write(detectors.join(format!("probing/{name}.yaml")), text).unwrap();
        }
        std::fs::write(&logs, "").unwrap();
        let config = format!(
            "[sources.file.logs]\npaths = ['{}']\nfollow = true\n[detection]\nsilence = '1s'\nlateness = '1s'\n\
             detectors = '{}'\n[dashboard]\nlisten = '127.0.0.1:0'\n",
            logs.display(),
            detectors.display()
        );
        let mut state = 5_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let keys = (0..3).map(|_| made::function_key(&mut next, Privilege::Function)).collect();
        Self { daemon: Daemon::new(dir.path(), &config), logs, keys, records: 0, _dir: dir }
    }

    /// Key number `key` is used at this time of the day, from this address.
    fn used(&mut self, key: usize, time: &str, address: &str) {
        let properties = serde_json::json!({
            "CsMethod": "GET", "CsUriStem": "/api/orders", "CIp": address, "UserAgent": "curl/8", "ScStatus": 200,
            "CsHost": "fn-orders.azurewebsites.net", "CsUriQuery": format!("code={}", self.keys[key]), "Result": "Success",
        });
        let record = serde_json::json!({
            "time": format!("2026-03-02T{time}:00.0000000Z"), "category": "AppServiceHTTPLogs", "properties": properties,
            "resourceId": "/SUBSCRIPTIONS/0/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS",
        });
        let mut logs = std::fs::File::options().append(true).open(&self.logs).unwrap();
        writeln!(logs, "{record}").unwrap();
        self.records += 1;
    }

    /// Returns how often each detector has fired or seen something further.
    fn counts(&self) -> [u64; 3] {
        let alerts = self.daemon.alerts();
        let of = |name: &str| {
            let id = format!("probing.{name}");
            alerts.iter().filter(|alert| *alert.detector == *id).map(|alert| alert.count).sum()
        };
        DETECTORS.map(|(name, _)| of(name))
    }

    /// Waits until all that was used is counted, and then for what [`House::counts`] is to be.
    fn counts_are(&mut self, wanted: [u64; 3]) {
        self.daemon.wait_for(self.records, PATIENCE);
        let began = Instant::now();
        while self.counts() != wanted {
            assert!(began.elapsed() < PATIENCE, "{:?} are not {wanted:?}\n{}", self.counts(), self.daemon.lines());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn keys(&self, args: &[&str]) -> Output {
        gatewatch().arg("keys").args(args).arg("--data").arg(&self.daemon.data).output().unwrap()
    }

    /// Lets the day of the coming key be over.
    fn let_it_take_over(&self) {
        let file = self.daemon.data.join("installation.key");
        let text = std::fs::read_to_string(&file).unwrap();
        let from = text.find("from=").unwrap() + 5;
        let day = format!("{}2026-01-01T00:00:00Z\n", &text[..from]);
        std::fs::write(&file, day + text[from..].split_once('\n').unwrap().1).unwrap();
    }

    fn entities(&self, detector: &str) -> Vec<String> {
        let id = format!("probing.{detector}");
        let alerts = self.daemon.alerts();
        let mut names: Vec<String> =
            alerts.iter().filter(|alert| *alert.detector == *id).map(|alert| alert.entity.value.to_string()).collect();
        names.sort();
        names
    }
}

#[test]
fn nothing_is_new_on_the_day_of_a_rotation_nor_on_the_day_it_ends() {
    let mut house = House::new();
    house.daemon.start();
    house.used(0, "08:00", "203.0.113.1");
    house.used(0, "10:00", "203.0.113.1");
    house.used(1, "10:01", "203.0.113.1");
    house.counts_are([1, 0, 3]);
    house.daemon.stop();
    let before = house.entities("used");
    assert!(before.iter().all(|name| name.contains(":k1:")), "{before:?}");

    assert!(house.keys(&["rotate"]).status.success());
    house.daemon.start();
    house.used(0, "11:00", "203.0.113.1");
    house.used(1, "11:01", "203.0.113.1");
    house.counts_are([1, 0, 5]);
    house.daemon.stop();
    assert_eq!(house.entities("used"), before, "during the overlap the old names are in use");
    let links = String::from_utf8(house.keys(&["links"]).stdout).unwrap();
    assert_eq!(links.lines().count(), 2, "{links}");
    assert!(before.iter().all(|name| links.contains(name)) && links.contains(":k2:"), "{links}");

    house.let_it_take_over();
    house.daemon.start();
    house.used(0, "13:00", "203.0.113.1");
    house.used(1, "13:01", "203.0.113.1");
    house.counts_are([1, 0, 7]);
    let after = house.entities("used");
    assert!(after.len() == 2 && after.iter().all(|name| name.contains(":k2:")), "the same two alerts: {after:?}");
    house.used(0, "13:02", "203.0.113.2");
    house.used(2, "13:03", "203.0.113.1");
    house.counts_are([2, 1, 9]);
    house.daemon.stop();

    let name = after[0].clone();
    let linked = house.keys(&["links", &name]);
    assert_eq!(String::from_utf8(linked.stdout).unwrap().lines().count(), 1);
    assert!(house.keys(&["destroy", "k1", "--yes"]).status.success());
    house.daemon.start();
    house.used(0, "13:04", "203.0.113.1");
    house.counts_are([2, 1, 10]);
    house.daemon.stop();
    assert!(house.keys(&["links"]).stdout.is_empty(), "with the key its links are gone");
}

#[test]
fn without_an_overlap_every_key_is_new() {
    let mut house = House::new();
    house.daemon.start();
    house.used(0, "08:00", "203.0.113.1");
    house.used(0, "10:00", "203.0.113.1");
    house.counts_are([0, 0, 2]);
    house.daemon.stop();
    assert!(house.keys(&["rotate", "--overlap", "0s"]).status.success());
    house.daemon.start();
    house.used(0, "11:00", "203.0.113.1");
    house.counts_are([1, 0, 3]);
    assert_eq!(house.entities("used").len(), 2);
}

#[test]
fn an_owner_finds_the_fingerprint_of_a_secret_they_hold() {
    let mut house = House::new();
    house.daemon.start();
    house.used(0, "08:00", "203.0.113.1");
    house.counts_are([0, 0, 1]);
    let alert = house.daemon.alerts().remove(0);
    house.daemon.stop();
    assert_eq!(alert.entity.kind, EntityKind::Key);
    let told = fingerprint(&house, house.keys[0].as_bytes());
    assert!(told.contains(&*alert.entity.value) && told.contains("proven, function"), "{told}");
    let name = alert.entity.sayable();
    assert!(told.contains(name.strip_prefix("key ").unwrap()), "{told} has no {name}");
    assert!(!told.contains(&house.keys[0]));

    assert!(house.keys(&["rotate"]).status.success());
    let told = fingerprint(&house, house.keys[0].as_bytes());
    let stand: Vec<bool> = told.lines().map(|line| line.contains("coming")).collect();
    assert_eq!(stand, [false, true], "{told}");
    let custom = fingerprint(&house, b"one of our own making");
    assert!(custom.contains("azure-function-key:k1:") && custom.contains("password:k2:"), "{custom}");
}

/// Asks for the fingerprints of `secret`, which stands on standard input.
fn fingerprint(house: &House, secret: &[u8]) -> String {
    let mut command = gatewatch();
    command.args(["keys", "fingerprint"]).arg("--data").arg(&house.daemon.data);
    let pipes = std::process::Stdio::piped;
    let mut child = command.stdin(pipes()).stdout(pipes()).stderr(pipes()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&[secret, b"\n"].concat()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_are_listed_without_a_byte_of_them_and_destroyed_only_when_it_is_meant() {
    let house = House::new();
    let made =
        gatewatch().args(["redact", "--data"]).arg(&house.daemon.data).stdin(std::process::Stdio::null()).output();
    assert!(made.unwrap().status.success());
    assert!(house.keys(&["rotate", "--overlap", "7d"]).status.success());
    let file = std::fs::read_to_string(house.daemon.data.join("installation.key")).unwrap();
    let list = String::from_utf8(house.keys(&["list"]).stdout).unwrap();
    assert!(list.contains("in use") && list.contains("coming"), "{list}");
    let secret = |line: &&str| line.starts_with('k') || line.starts_with("content");
    for line in file.lines().filter(secret) {
        assert!(!list.contains(line.split_whitespace().nth(1).unwrap()), "{list}");
    }
    for (args, code) in [
        (&["rotate"][..], 64),
        (&["destroy", "k2"], 64),
        (&["destroy", "k1", "--yes"], 64),
        (&["destroy", "k2", "--yes"], 0),
        (&["rotate"], 0),
    ] {
        let output = house.keys(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let missing = gatewatch().args(["keys", "list", "--data"]).arg(Path::new("/no/such/folder")).output().unwrap();
    assert_eq!(missing.status.code(), Some(74));
}
