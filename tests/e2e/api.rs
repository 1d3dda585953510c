//! The API from a terminal: the examples of its page, the commands that follow and export, and those who never answer.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::Daemon;
use crate::world::{gatewatch, messages};

const PATIENCE: Duration = Duration::from_mins(1);

/// A daemon that has raised alerts.
struct House {
    dir: tempfile::TempDir,
    daemon: Daemon,
}

impl House {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let logs = dir.path().join("logs.ndjson");
        let mut text = Vec::new();
        for message in messages(3, 3_000) {
            text.extend_from_slice(&message.bytes);
            text.push(b'\n');
        }
        std::fs::write(&logs, text).unwrap();
        let config = format!(
            "[sources.file.logs]\npaths = ['{}']\nfollow = true\n[dashboard]\nlisten = '127.0.0.1:0'\n",
            logs.display()
        );
        let house = Self { daemon: Daemon::new(dir.path(), &config), dir };
        let mut house = house;
        house.start();
        house.wait("alerts", |house| house.lines(&["alerts", "list", "state:all", "--format", "ndjson"]).len() >= 3);
        house
    }

    fn start(&mut self) {
        drop(std::fs::remove_file(self.daemon.data.join("address")));
        self.daemon.start();
        self.wait("an address", |house| house.daemon.data.join("address").exists());
    }

    fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        while !done(self) {
            assert!(began.elapsed() < PATIENCE, "{what}: {}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = gatewatch();
        command.args(words).arg("--data").arg(&self.daemon.data);
        command
    }

    fn says(&self, words: &[&str]) -> String {
        let output = self.command(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn lines(&self, words: &[&str]) -> Vec<Value> {
        self.says(words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Ends with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn the_examples_of_the_page_about_the_api_work_as_they_stand() {
    let house = House::open();
    let page = std::fs::read_to_string("docs/api.md").unwrap();
    let examples: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    assert!(examples.len() > 20, "{examples:?}");
    let address = std::fs::read_to_string(house.daemon.data.join("address")).unwrap();
    // Each in its turn, in one shell; after each, whether it went well. A stream that was left after its time did (28).
    let mut script = String::from("set -u\n");
    for example in &examples {
        let example = example
            .replace("http://127.0.0.1:8321", &format!("http://{}", address.trim()))
            .replace("gatewatch-data", &house.daemon.data.display().to_string())
            .replace("--max-time 5", "--max-time 1");
        let wrong = "{ code=$?; [ $code = 28 ] || { echo \"failed with $code\"; exit 1; }; }";
        let shown = example.replace('\'', "`");
        script.extend(["echo ; echo '== ", &shown, "'\n", &example, " || ", wrong, "\n"]);
    }
    let path = std::env::var("PATH").unwrap();
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_gatewatch")).parent().unwrap();
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).current_dir(house.dir.path()).env("PATH", format!("{}:{path}", binary.display()));
    let output = shell.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Each answers, and only the one that shows what is wrong is refused.
    let answers: Vec<&str> = text.split("\n== ").skip(1).collect();
    assert_eq!(answers.len(), examples.len());
    for answer in answers {
        let refused = answer.contains("\"type\":\"about:blank\"");
        assert_eq!(refused, answer.starts_with("gw \"$GATEWATCH/api/v1/alerts?stat=open"), "{answer}");
        let asks = answer.starts_with("gw ") && !answer.contains("--output");
        assert!(!asks || answer.lines().count() > 1, "{answer}");
    }
    for name in ["alerts.csv", "alerts.json", "alerts.ndjson"] {
        assert!(std::fs::metadata(house.dir.path().join(name)).unwrap().len() > 0, "{name}");
    }
}

#[test]
fn a_watch_outlives_the_daemon_and_shows_each_change_once() {
    let mut house = House::open();
    let id = house.lines(&["alerts", "list", "state:all", "--limit", "1", "--format", "json"])[0]["id"].clone();
    let id = id.as_str().unwrap();
    let mut watch = house.command(&["alerts", "watch", "--after", "0", "--format", "json", "--limit", "100000"]);
    let mut watching = Watching(watch.stdout(Stdio::piped()).spawn().unwrap());
    let mut out = watching.0.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        drop(out.read_to_string(&mut text));
        text
    });
    let note = |house: &House, text: &str| house.says(&["alerts", "note", id, "--text", text]);
    note(&house, "before");
    std::thread::sleep(Duration::from_secs(2));
    house.daemon.kill();
    std::thread::sleep(Duration::from_secs(1));
    house.start();
    note(&house, "after the first");
    house.daemon.stop();
    house.start();
    note(&house, "after the second");
    // A client that begins anew sees all there is; the one that never left must have seen the same.
    std::thread::sleep(Duration::from_secs(6));
    drop(watching);
    let seen: Vec<Value> = reading.join().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<i64> = seen.iter().map(|change| change["id"].as_str().unwrap().parse().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "nothing twice, and in order: {ids:?}");
    let all = seen.len().to_string();
    let anew = house.lines(&["alerts", "watch", "--after", "0", "--format", "json", "--limit", &all]);
    let anew: Vec<i64> = anew.iter().map(|change| change["id"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, anew, "nothing was missed");
    let notes: Vec<&str> =
        seen.iter().filter(|change| change["did"] == "noted").map(|change| change["says"].as_str().unwrap()).collect();
    assert_eq!(
        notes,
        ["noted by local: before", "noted by local: after the first", "noted by local: after the second"]
    );
}

#[test]
fn a_list_for_programs_is_whole_and_in_the_form_that_is_asked_for() {
    let house = House::open();
    let all = house.lines(&["alerts", "list", "state:all", "--format", "ndjson"]);
    assert_eq!(all, house.lines(&["alerts", "list", "state:all", "--format", "json"]));
    let table = house.says(&["alerts", "list", "state:all", "--format", "csv"]);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let ids: Vec<String> = rows.records().map(|row| row.unwrap()[0].to_owned()).collect();
    assert_eq!(ids, all.iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
    assert_eq!(house.says(&["alerts", "list", "state:all", "--format", "csv", "--limit", "2"]).lines().count(), 3);
    let text = house.says(&["alerts", "list", "state:all", "--limit", "2"]);
    assert_eq!(text.lines().count(), 2, "{text}");
    let wrong = house.command(&["alerts", "list", "stat:open", "--format", "csv"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("did you mean `state`?"), "{wrong:?}");
    let wrong = house.command(&["alerts", "list", "level:hihg"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
}

#[test]
fn a_daemon_that_takes_a_request_and_never_answers_holds_no_command_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let words: [&[&str]; 4] = [
        &["alerts", "list"],
        &["alerts", "list", "--format", "csv"],
        &["alerts", "ack", "0123456789abcdef"],
        &["silences", "list"],
    ];
    for words in words {
        let began = Instant::now();
        let output = gatewatch().args(words).args(["--url", &url, "--timeout", "1s"]).output().unwrap();
        assert!(began.elapsed() < Duration::from_secs(20), "{words:?}");
        let says = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(74), "{says}");
        assert!(says.contains("no daemon answers") && says.contains("timed out"), "{words:?}: {says}");
    }
}

#[test]
fn the_document_needs_no_daemon() {
    let output = gatewatch().arg("api").output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(document["paths"]["/api/v1/alerts"]["get"].is_object());
}
