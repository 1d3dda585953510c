//! Dead letters are listed, shown and tried again, beside a daemon or before its next start, and
//! every record stays accounted for.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::daemon::Daemon;
use crate::world::gatewatch;

/// A record whose time lies in the future, one that is broken for good, and a good one.
fn telemetry() -> String {
    let later = (gatewatch::clock::Clock::system().now()).plus(Duration::from_hours(1) + Duration::from_secs(6));
    let record = |time: &str, path: &str| {
        format!(
            r#"{{"time":"{time}","category":"AppServiceHTTPLogs","resourceId":"/SUBSCRIPTIONS/0/RESOURCEGROUPS/RG/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS","properties":{{"CsMethod":"GET","CsUriStem":"{path}","ScStatus":200,"CIp":"203.0.113.7"}}}}"#
        )
    };
    let now = gatewatch::clock::Clock::system().now().to_string();
    let cut = r#"{"time":"2026-03-02T08:00:00Z","properties":{"CsUsername":"Ann Lee Surname","CsHost":"x"#;
    [record(&later.to_string(), "/early"), cut.to_owned(), record(&now, "/now")].join("\n") + "\n"
}

struct Story {
    _dir: tempfile::TempDir,
    daemon: Daemon,
}

impl Story {
    fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("logs.ndjson");
        std::fs::write(&file, telemetry()).unwrap();
        let config = format!(
            "[sources.file.logs]\npaths = ['{}']\nfollow = true\n[detection]\nsilence = '1s'\nlateness = '1s'\n[dashboard]\nlisten = '127.0.0.1:0'\n",
            file.display()
        );
        let mut daemon = Daemon::new(dir.path(), &config);
        daemon.start();
        daemon.wait_for(3, Duration::from_secs(30));
        Self { _dir: dir, daemon }
    }

    fn run(&self, args: &[&str]) -> Output {
        gatewatch().arg("dead-letters").args(args).arg("--data").arg(&self.daemon.data).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let output = self.run(args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output
            .stdout
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect()
    }

    fn assert_accounted(&self, records: u64, decoded: u64, retried: u64) {
        let sums = self.daemon.accounting();
        let counted: u64 = sums.decoded.values().sum();
        let dead: u64 = sums.dead_letters.values().sum();
        assert_eq!(sums.records, counted + dead + sums.filtered + sums.duplicates, "{sums:?}");
        assert_eq!((sums.records, counted, sums.retried), (records, decoded, retried), "{sums:?}");
    }
}

#[test]
fn a_letter_that_decodes_now_counts_once_and_one_that_fails_again_stays() {
    let mut story = Story::begin();
    let list = story.json(&["list", "--format", "json"]);
    let reasons: Vec<&str> = list.iter().map(|letter| letter["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["cut_off", "from_the_future"]);
    assert!(list.iter().all(|letter| letter["source"] == "logs" && letter["may_retry"] == "yes"), "{list:?}");
    assert_eq!(story.json(&["list", "--format", "json", "--reason", "cut_off"]).len(), 1);
    assert_eq!(story.json(&["list", "--format", "json", "--source", "other"]).len(), 0);
    let other = String::from_utf8(story.run(&["list", "--source", "other"]).stderr).unwrap();
    assert!(other.contains("no dead letter is of a source other: those there are come from logs"), "{other}");
    let wrong = story.run(&["list", "--reason", "nt_json"]);
    assert_eq!(wrong.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("write one of not_json"), "{wrong:?}");
    assert_eq!(story.json(&["list", "--format", "json", "--since", "1h", "--limit", "1"]).len(), 1);
    let table = String::from_utf8(story.run(&["list"]).stdout).unwrap();
    assert!(table.starts_with("  NUMBER") && table.contains("cut_off"), "{table}");

    let id = list[0]["id"].to_string();
    let shown = String::from_utf8(story.run(&["show", &id]).stdout).unwrap();
    assert!(shown.contains("The message ends in the middle of this record"), "{shown}");
    assert!(shown.contains("person:k1:") && !shown.contains("Surname"), "{shown}");
    assert_eq!(story.run(&["show", "99"]).status.code(), Some(64));
    assert_eq!(story.run(&["retry"]).status.code(), Some(64), "nothing is not all");

    std::thread::sleep(Duration::from_secs(7));
    let done = &story.json(&["retry", "--all", "--format", "json"])[0];
    assert_eq!((&done["queued"], &done["decoded"], &done["waiting"]), (&2.into(), &1.into(), &0.into()), "{done}");
    assert_eq!(done["failed"]["cut_off"], 1, "{done}");
    story.assert_accounted(4, 2, 1);
    let left = story.json(&["list", "--format", "json"]);
    assert_eq!(left.len(), 1);
    assert!(left[0]["tried"].is_string(), "{left:?}");

    // The same letter again, with no daemon: it waits for the next start.
    story.daemon.stop();
    story.daemon.start();
    story.daemon.wait_for(4, Duration::from_secs(30));
    story.assert_accounted(4, 2, 1);
}

#[test]
fn with_no_daemon_a_letter_waits_for_the_next_start_and_a_kill_doubles_nothing() {
    let mut story = Story::begin();
    story.daemon.kill();
    std::thread::sleep(Duration::from_secs(7));
    let data = story.daemon.data.clone();
    let query = gatewatch::store::LetterQuery { reason: Some("from_the_future".into()), ..Default::default() };
    let at = gatewatch::clock::Clock::system().now();
    let asked = gatewatch::store::ask_to_retry(&data, &query, "dana", at).unwrap();
    assert_eq!(asked.queued, 1);
    story.assert_accounted(3, 1, 0);
    story.daemon.start();
    story.daemon.wait_for(4, Duration::from_secs(30));
    story.daemon.kill();
    story.assert_accounted(4, 2, 1);
    story.daemon.start();
    std::thread::sleep(Duration::from_secs(3));
    story.assert_accounted(4, 2, 1);
    let left = story.json(&["list", "--format", "json"]);
    assert_eq!(left.len(), 1, "{left:?}");
    story.daemon.stop();
}
