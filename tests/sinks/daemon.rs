//! A whole daemon that is killed while an alert waits to be told.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatewatch::store::{AlertQuery, Reader};

use crate::chat::judge_slack;
use crate::receiver::Receiver;

/// Ends with the test.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(folder: &Path, config: &Path, url: &str) -> Daemon {
    let log = std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewatch"));
    command.args(["run", "--config"]).arg(config).arg("--data").arg(folder.join("data")).env("OPS_URL", url);
    Daemon(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
}

/// Waits for what `look` finds.
fn wait<T>(folder: &Path, what: &str, look: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(began.elapsed() < Duration::from_mins(2), "no {what}:\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_daemon_that_is_killed_while_alerts_wait_tells_them_after_its_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path();
    let receiver = Receiver::start(judge_slack);
    let url = receiver.url("/services/x");
    let simulated = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args(["simulate", "--seed", "7", "--duration", "10m", "--rate", "5"])
        .output()
        .unwrap();
    let logs = folder.join("logs.json");
    std::fs::write(&logs, simulated.stdout).unwrap();
    let config = folder.join("gatewatch.toml");
    let text = format!(
        "[sources.file.logs]\npaths = ['{}']\nstart = 'earliest'\n[detection]\nsilence = '200ms'\n\
         [alerts]\nnotify_max_age = '36500d'\n[sinks.slack.ops]\nurl = {{ env = 'OPS_URL' }}\nallow_private = true\n\
         [[routes]]\nto = ['ops']\ngroup_by = []\nwait = '3s'\n[dashboard]\nlisten = '127.0.0.1:0'\n",
        logs.display()
    );
    std::fs::write(&config, text).unwrap();
    let alerts = || {
        let reader = Reader::open(&folder.join("data")).ok()?;
        let query = AlertQuery { limit: 100, ..AlertQuery::default() };
        reader.alerts(&query).ok().filter(|alerts| !alerts.is_empty())
    };
    let daemon = start(folder, &config, &url);
    wait(folder, "alert", alerts);
    // Most often the message waits now. If a busy machine was late it has gone, which is as good.
    drop(daemon);
    let again = start(folder, &config, &url);
    wait(folder, "message", || (!receiver.taken().is_empty()).then_some(()));
    // All alerts that there are, in as many messages as it takes: ten are named, the rest is counted.
    let told =
        || receiver.taken().iter().map(|one| one.json()["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let many = |summary: &str| summary.split(" alerts, ").next().and_then(|many| many.parse().ok()).unwrap_or(1);
    wait(folder, "message about every alert", || {
        let known = alerts()?.len();
        (told().iter().map(|summary| many(summary)).sum::<usize>() >= known).then_some(())
    });
    drop(again);
    let list = Command::new(env!("CARGO_BIN_EXE_gatewatch"))
        .args(["sinks", "deliveries", "--json", "--data"])
        .arg(folder.join("data"))
        .output()
        .unwrap();
    let list = String::from_utf8(list.stdout).unwrap();
    assert!(!list.is_empty() && list.lines().all(|line| line.contains("\"sink\":\"ops\"")), "{list}");
    assert!(
        !list.contains("/services/x") && !std::fs::read_to_string(folder.join("log")).unwrap().contains("/services/x")
    );
}
