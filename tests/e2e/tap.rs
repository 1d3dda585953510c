//! The live events of a running daemon, as a person and a program watch them.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::Daemon;
use crate::world::{gatewatch, messages};

struct Story {
    dir: tempfile::TempDir,
    daemon: Daemon,
}

impl Story {
    fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("logs.ndjson");
        std::fs::write(&file, "").unwrap();
        let config = format!(
            "[sources.file.logs]\npaths = ['{}']\nfollow = true\n[dashboard]\nlisten = '127.0.0.1:0'\n",
            file.display()
        );
        let mut daemon = Daemon::new(dir.path(), &config);
        daemon.start();
        let began = Instant::now();
        while !daemon.data.join("address").exists() {
            assert!(began.elapsed().as_secs() < 20, "{}", daemon.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { dir, daemon }
    }

    fn tap(&self, args: &[&str]) -> Child {
        let mut command = gatewatch();
        command.arg("tap").arg("--data").arg(&self.daemon.data).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Writes telemetry until `done`.
    fn write_until(&self, mut done: impl FnMut() -> bool) {
        let mut file = std::fs::File::options().append(true).open(self.dir.path().join("logs.ndjson")).unwrap();
        let began = Instant::now();
        for message in messages(3, 4_000) {
            file.write_all(&message.bytes).unwrap();
            file.write_all(b"\n").unwrap();
            if done() {
                return;
            }
            assert!(began.elapsed().as_secs() < 60, "nothing came\n{}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        while !done() {
            assert!(began.elapsed().as_secs() < 60, "nothing came\n{}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn output(mut child: Child) -> (Option<i32>, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    (child.wait().unwrap().code(), out, err)
}

#[test]
fn watchers_see_what_they_asked_for_and_end_at_their_limit() {
    let mut story = Story::begin();
    let mut people = story.tap(&["--limit", "5"]);
    let mut records = story.tap(&["--limit", "5", "--category", "gatewaylogs", "--format", "json"]);
    story.write_until(|| people.try_wait().unwrap().is_some() && records.try_wait().unwrap().is_some());
    let (code, out, err) = output(people);
    assert_eq!((code, out.lines().count()), (Some(0), 5), "{out}{err}");
    assert!(out.lines().all(|line| line.contains('T') && !line.contains('\u{1b}')), "no colours in a pipe: {out}");
    let (code, out, err) = output(records);
    assert_eq!(code, Some(0), "{err}");
    for line in out.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert_eq!(record["category"], "GatewayLogs", "{record}");
    }
    assert_eq!(out.lines().count(), 5);

    // Nobody reads its output any more: it ends, and says nothing about it.
    let mut closed = story.tap(&[]);
    let mut first = String::new();
    let stdout = closed.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        BufReader::new(stdout).read_line(&mut first).unwrap();
        first
    });
    story.write_until(|| closed.try_wait().unwrap().is_some());
    assert!(!reader.join().unwrap().is_empty());
    assert_eq!(closed.wait().unwrap().code(), Some(0));

    // Ctrl-C is how people end it.
    let mut quiet = story.tap(&["--app", "no-such-app"]);
    std::thread::sleep(Duration::from_millis(500));
    std::process::Command::new("kill").args(["-INT", &quiet.id().to_string()]).status().unwrap();
    assert_eq!(quiet.wait().unwrap().code(), Some(0));
    story.daemon.stop();
}

#[test]
fn who_can_t_tap_is_told_why() {
    let mut story = Story::begin();
    let data = story.daemon.data.to_str().unwrap().to_owned();
    let made = gatewatch().args(["token", "create", "eve", "--role", "viewer", "--data", &data]).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    std::thread::sleep(Duration::from_secs(2));
    let (code, _, says) = output(story.tap(&[]));
    assert_eq!(code, Some(74));
    assert!(says.contains("asks for a token") && says.contains("GATEWATCH_TOKEN"), "{says}");
    let (_, _, says) = output(story.tap(&["--token", "gw_1_2"]));
    assert!(says.contains("does not know this token"), "{says}");
    let mut tapped = story.tap(&["--token", &token, "--limit", "1"]);
    story.write_until(|| tapped.try_wait().unwrap().is_some());
    assert_eq!(output(tapped).0, Some(0));
    let asked = [
        ("--category", "GatewayLog", "`GatewayLogs`?"),
        ("--kind", "http.requst", "`http.request`?"),
        ("--path", "o", "`/o`"),
    ];
    for (filter, value, meant) in asked {
        let (code, _, says) = output(story.tap(&["--token", &token, filter, value]));
        assert_eq!(code, Some(64), "{says}");
        assert!(says.contains(meant), "{says}");
    }
    // A daemon that was killed leaves word of where it was.
    story.daemon.kill();
    let (code, _, says) = output(story.tap(&[]));
    assert_eq!(code, Some(74));
    assert!(says.contains("no daemon answers at http://127.0.0.1:"), "{says}");
    std::fs::remove_file(story.daemon.data.join("address")).unwrap();
    let (code, _, says) = output(story.tap(&[]));
    assert_eq!(code, Some(74));
    assert!(says.contains("no daemon has left its address"), "{says}");
    let wrong = gatewatch().args(["tap", "--url", "nonsense"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(64));
}
