//! A caller's key is rotated: who still uses the old one, and when may it go?

use std::io::Write;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use gatewatch::clock::{Clock, Timestamp};
use gatewatch::redaction::made;
use gatewatch::telemetry::Privilege;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::world::gatewatch;

const PATIENCE: Duration = Duration::from_mins(1);
const ONE: &str = "203.0.113.11";
const OTHER: &str = "203.0.113.12";
const GROUP: &str = "/SUBSCRIPTIONS/0/RESOURCEGROUPS/R/PROVIDERS";

struct House {
    daemon: Daemon,
    logs: PathBuf,
    keys: Vec<String>,
    now: Timestamp,
    records: u64,
    _dir: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs.ndjson");
        std::fs::write(&logs, "").unwrap();
        let config = format!(
            "[sources.file.logs]\npaths = ['{}']\nfollow = true\n[detection]\nsilence = '1s'\nlateness = '1s'\n\
             [dashboard]\nlisten = '127.0.0.1:0'\n",
            logs.display()
        );
        let mut state = 11_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let keys = (0..2).map(|_| made::function_key(&mut next, Privilege::Function)).collect();
        let now = Clock::system().now();
        Self { daemon: Daemon::new(dir.path(), &config), logs, keys, now, records: 0, _dir: dir }
    }

    fn write(&mut self, record: &Value) {
        let mut logs = std::fs::File::options().append(true).open(&self.logs).unwrap();
        writeln!(logs, "{record}").unwrap();
        self.records += 1;
    }

    fn ago(&self, hours: u64) -> Timestamp {
        self.now.minus(Duration::from_secs(hours * 3_600 + 60))
    }

    /// Key number `key` is sent by `address` so many hours ago, and answered with `status`.
    fn sent(&mut self, key: usize, address: &str, hours: u64, status: u16) {
        let properties = serde_json::json!({
            "CsMethod": "GET", "CsUriStem": "/api/orders", "CIp": address, "UserAgent": "orders-client/8", "ScStatus": status,
            "CsHost": "fn-orders.azurewebsites.net", "CsUriQuery": format!("code={}", self.keys[key]), "TimeTaken": self.records,
        });
        let record = serde_json::json!({
            "time": self.ago(hours), "category": "AppServiceHTTPLogs", "properties": properties,
            "resourceId": format!("{GROUP}/MICROSOFT.WEB/SITES/FN-ORDERS"),
        });
        self.write(&record);
    }

    /// Somebody sets a key of the app through Azure.
    fn key_set(&mut self, hours: u64) {
        let record = serde_json::json!({
            "time": self.ago(hours), "category": "Administrative", "resultType": "Success", "resultSignature": "Succeeded.",
            "operationName": "MICROSOFT.WEB/SITES/HOST/FUNCTIONKEYS/WRITE", "callerIpAddress": "198.51.100.30",
            "correlationId": "d6c107e0-1346-4dcf-b87f-1075cbd8146c", "level": "Information",
            "resourceId": format!("{GROUP}/MICROSOFT.WEB/SITES/FN-ORDERS/HOST/DEFAULT/FUNCTIONKEYS/PARTNER"),
            "identity": {"claims": {
                "http://schemas.microsoft.com/identity/claims/objectidentifier": "b8d2f6a3-1c4e-4f7a-8a9b-2d3c4e5f6a7b",
            }},
        });
        self.write(&record);
    }

    fn taken_in(&mut self) {
        self.daemon.wait_for(self.records, PATIENCE);
    }

    /// What the key that stands on standard input is called, in full and for people.
    fn called(&self, key: usize) -> (String, String) {
        let file = self.daemon.data.join("key.txt");
        std::fs::write(&file, &self.keys[key]).unwrap();
        let output =
            gatewatch().args(["keys", "fingerprint"]).arg(&file).arg("--data").arg(&self.daemon.data).output().unwrap();
        std::fs::remove_file(file).unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let mut words = told.split_whitespace();
        let (fingerprint, whole) = (words.next().unwrap().to_owned(), words.next().unwrap());
        let name: Vec<&str> = whole.split('-').take(2).collect();
        (fingerprint, name.join("-"))
    }

    fn readiness(&self, args: &[&str]) -> Output {
        gatewatch().args(["keys", "readiness"]).args(args).arg("--data").arg(&self.daemon.data).output().unwrap()
    }

    /// What is told of a key, and whether it is safe.
    fn told(&self, args: &[&str]) -> (String, Option<i32>) {
        let output = self.readiness(args);
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    /// The alerts about keys and failures, but those that a key stands in a URL.
    fn told_of_keys(&self) -> Vec<String> {
        let of_keys = |one: &String| one.starts_with("key-usage.") || one.starts_with("auth-failures.");
        let alerts = self.daemon.alerts();
        alerts.iter().map(|alert| format!("{} {}", alert.detector, alert.level)).filter(of_keys).collect()
    }
}

#[test]
fn a_rotation_is_followed_until_the_old_key_may_go() {
    let mut house = House::new();
    house.daemon.start();
    for day in (10..22).rev() {
        for address in [ONE, OTHER] {
            house.sent(0, address, day * 24, 200);
        }
    }
    house.key_set(9 * 24 + 20);
    // The overlap: one has moved, and uses both for a while.
    house.sent(1, ONE, 9 * 24 + 12, 200);
    house.sent(0, ONE, 9 * 24 + 11, 200);
    house.sent(0, OTHER, 9 * 24 + 10, 200);
    house.sent(1, ONE, 9 * 24, 200);
    house.taken_in();
    let (old, name) = house.called(0);
    let (new, new_name) = house.called(1);

    let (told, code) = house.told(&[&name]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.starts_with(&format!("Not yet: 2 callers still use key {name}.")), "{told}");
    let line = |address: &str| told.lines().find(|line| line.contains(address)).unwrap().to_owned();
    assert!(line(ONE).contains(&format!("also uses key {new_name} since")), "{told}");
    assert!(line(OTHER).contains("no other key of theirs was seen"), "{told}");
    assert!(told.contains("functionkeys/partner by identity b8d2f6a3"), "{told}");
    assert!(told.contains("what came since is not known"), "days without telemetry are no silence: {told}");

    // Days go by, in which nobody uses the old one.
    for day in (0..9).rev() {
        house.sent(1, ONE, day * 24, 200);
    }
    house.taken_in();
    for asked in [name.as_str(), old.as_str(), &format!("key {name}")] {
        let (told, code) = house.told(&[asked]);
        assert_eq!(code, Some(0), "{told}");
        assert!(told.starts_with(&format!("Safe to revoke: nobody has used key {name} since ")), "{told}");
        assert!(told.contains("x-functions-key"), "an all-clear says what it can't see: {told}");
    }
    let (told, code) = house.told(&[&name, "--quiet", "20d"]);
    assert_eq!((code, told.contains("2 callers still use")), (Some(1), true), "{told}");
    assert_eq!(house.told(&[&new]).1, Some(1));

    // Both are deleted, and neither caller has heard of it.
    (0..12).for_each(|_| house.sent(0, OTHER, 0, 401));
    (0..12).for_each(|_| house.sent(1, ONE, 0, 401));
    house.taken_in();
    let output = house.readiness(&[&old, "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &told["verdict"], &told["name"]), (Some(0), &"safe".into(), &name.into()));
    let other = told["callers"].as_array().unwrap().iter().find(|caller| caller["address"] == OTHER).unwrap();
    assert_eq!((&other["still"], &other["refused"], &other["place"]), (&false.into(), &12.into(), &"fn-orders".into()));
    let one = told["callers"].as_array().unwrap().iter().find(|caller| caller["address"] == ONE).unwrap();
    assert_eq!(one["successor"]["key"], new.as_str());
    // That is told as what it is, and neither it nor the overlap as an attack.
    let began = Instant::now();
    while house.told_of_keys().is_empty() {
        assert!(began.elapsed() < PATIENCE, "{}", house.daemon.lines());
        std::thread::sleep(Duration::from_millis(100));
    }
    house.daemon.stop();
    assert_eq!(house.told_of_keys(), ["key-usage.revoked_key_presented low"]);
    assert!(!house.keys.iter().any(|key| String::from_utf8_lossy(&output.stdout).contains(key.as_str())));
}

#[test]
fn what_was_counted_is_counted_once_whenever_the_daemon_is_killed() {
    let mut house = House::new();
    for kill in 0..4 {
        house.daemon.start();
        for hour in 0..5 {
            house.sent(0, ONE, 200 - kill * 5 - hour, 200);
        }
        if kill < 3 {
            std::thread::sleep(Duration::from_millis(400 * kill));
            house.daemon.kill();
        }
    }
    house.taken_in();
    house.daemon.stop();
    let (old, _) = house.called(0);
    let told: Value = serde_json::from_slice(&house.readiness(&[&old, "--json"]).stdout).unwrap();
    let days = told["callers"][0]["days"].as_array().unwrap();
    assert_eq!(days.iter().map(|day| day["used"].as_u64().unwrap()).sum::<u64>(), 20, "{told:#}");
}

#[test]
fn a_key_that_nobody_knows_is_not_called_safe() {
    let mut house = House::new();
    house.daemon.start();
    house.sent(0, ONE, 1, 200);
    house.sent(1, "198.51.100.9", 1, 401);
    house.taken_in();
    house.daemon.stop();
    let (guessed, _) = house.called(1);
    for asked in [guessed.as_str(), "amber-falcon", "no-such-subscription"] {
        let (told, code) = house.told(&[asked]);
        assert_eq!((code, told.starts_with("Not known: ")), (Some(1), true), "{told}");
    }
    assert_eq!(house.readiness(&[" "]).status.code(), Some(64));
}
