//! A daemon under test: started, killed, started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use gatewatch::alerts::Alert;
use gatewatch::sinks::native;
use gatewatch::store::{Accounting, AlertQuery, Reader};
use gatewatch::telemetry::Streams;

use crate::world::gatewatch;

/// A daemon with its folder and configuration.
pub struct Daemon {
    /// Its data folder.
    pub data: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
    /// How long its log was when it was started last.
    before: usize,
}

impl Daemon {
    /// Prepares a daemon in `dir` with this configuration; it does not run yet.
    pub fn new(dir: &Path, config: &str) -> Self {
        let path = dir.join("gatewatch.toml");
        std::fs::write(&path, config).unwrap();
        Self { data: dir.join("data"), config: path, log: dir.join("daemon.log"), child: None, before: 0 }
    }

    /// Starts it.
    pub fn start(&mut self) {
        self.before = std::fs::read(&self.log).map_or(0, |log| log.len());
        let log = std::fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = gatewatch();
        command.arg("run").arg("--config").arg(&self.config).arg("--data").arg(&self.data);
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Starts it so that no file may grow beyond `bytes`.
    pub fn start_limited(&mut self, bytes: u64) {
        self.before = std::fs::read(&self.log).map_or(0, |log| log.len());
        let log = std::fs::File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = std::process::Command::new("sh");
        // Without the signal a write that goes too far is an error, as on a full disk.
        command.args(["-c", &format!("trap '' XFSZ; exec prlimit --fsize={bytes}:unlimited \"$@\""), "sh"]);
        command.arg(gatewatch().get_program());
        command.arg("run").arg("--config").arg(&self.config).arg("--data").arg(&self.data);
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Takes that limit away while it runs.
    pub fn lift_limit(&self) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        let lifted = std::process::Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=unlimited:unlimited"])
            .status()
            .unwrap();
        assert!(lifted.success());
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Tells it to stop, and waits until it has.
    pub fn stop(&mut self) {
        // Told so before it listens, a process just ends.
        let began = Instant::now();
        let listens = |daemon: &Self| {
            let log = std::fs::read(&daemon.log).unwrap_or_default();
            log.get(daemon.before..).is_some_and(|log| memchr::memmem::find(log, b"Gatewatch runs").is_some())
        };
        while !listens(self) && self.runs() && began.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(mut child) = self.child.take() {
            let pid = child.id().to_string();
            std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
            let status = child.wait().unwrap();
            assert!(status.success(), "it ended with {status}:\n{}", self.log());
        }
    }

    /// Sends it a signal such as `TERM`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        std::process::Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
    }

    /// Waits until its log says `what`; returns the log.
    pub fn says(&mut self, what: &str, at_most: Duration) -> String {
        let began = Instant::now();
        loop {
            let log = self.log();
            if log.contains(what) {
                return log;
            }
            assert!(began.elapsed() < at_most, "it does not say «{what}»:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until it has ended by itself; returns its exit code.
    pub fn ended(&mut self, at_most: Duration) -> Option<i32> {
        let began = Instant::now();
        while self.runs() {
            assert!(began.elapsed() < at_most, "it goes on after {at_most:?}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// Tells whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Returns its counters; none while there is no store.
    pub fn accounting(&self) -> Accounting {
        Reader::open(&self.data).and_then(|reader| reader.accounting()).unwrap_or_default()
    }

    /// Waits until it has accounted for `records` records.
    pub fn wait_for(&mut self, records: u64, at_most: Duration) {
        let began = Instant::now();
        while self.accounting().records < records {
            assert!(
                began.elapsed() < at_most,
                "{:?} of {records} records after {at_most:?}\n{}",
                self.accounting(),
                self.log()
            );
            assert!(self.runs(), "it ended by itself:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Returns its alerts as `replay` writes them.
    pub fn alerts(&self) -> Vec<Alert> {
        let query = AlertQuery { limit: 100_000, ..AlertQuery::default() };
        let mut alerts = Reader::open(&self.data).unwrap().alerts(&query).unwrap();
        alerts.sort_by_key(|alert| (alert.opened_at, alert.id));
        alerts
    }

    /// Returns its alerts as native lines.
    pub fn lines(&self) -> String {
        let streams = Streams::default();
        self.alerts().iter().flat_map(|alert| [native(alert, &streams).to_string(), "\n".to_owned()]).collect()
    }

    /// Waits until its alerts are what `wanted` says, or says where they differ.
    pub fn settles_at(&self, wanted: &str, at_most: Duration, what: &str) {
        let began = Instant::now();
        while crate::world::comparable(&self.lines()) != crate::world::comparable(wanted) {
            if began.elapsed() > at_most {
                crate::world::assert_same(
                    wanted,
                    &self.lines(),
                    &format!("{what}: {:?}\n{}", self.accounting(), self.log()),
                );
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Returns the end of its log, less what it says of a sink that refuses now and then.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("503 Service Unavailable")).collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
