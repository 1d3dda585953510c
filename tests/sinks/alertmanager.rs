//! The real Alertmanager, asked with its own amtool.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatewatch::alerts::{Alert, AlertState, Level, Transition};
use gatewatch::clock::Clock;
use gatewatch::sinks::{Alertmanager, AnySink, Login, Reach};
use serde_json::Value;

use crate::made::{alert, closed, hostile, inside, opened, outlet};
use crate::outbox::Outbox;
use crate::receiver::{Receiver, Request, Trouble};

pub fn sink(url: &str, reach: &Reach, login: Login) -> AnySink {
    let link = Some("https://watch.example.com");
    AnySink::Alertmanager(Box::new(Alertmanager::new(url, reach, login, link, Clock::system()).unwrap()))
}

/// A running Alertmanager; ends with the test.
struct Running {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts Debian's Alertmanager; says so where it is not installed.
fn start() -> Option<Running> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("alertmanager.yml");
    std::fs::write(&config, "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n").unwrap();
    let child = Command::new("prometheus-alertmanager")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.path={}", folder.path().display()))
        .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped, there is no Alertmanager: apt-get install prometheus-alertmanager");
        return None;
    };
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let log = BufReader::new(child.stderr.take().unwrap());
    // Reads on to the end, so that it never waits for us.
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok).filter(|line| line.contains("Listening on")) {
            let address = line.split("address=").nth(1).map(|rest| rest.split_whitespace().next().unwrap().to_owned());
            drop(tell.try_send(address.unwrap().trim_matches('"').to_owned()));
        }
    });
    let address = told.recv_timeout(Duration::from_mins(1)).expect("it does not say where it listens");
    Some(Running { child, url: format!("http://{address}"), _folder: folder })
}

impl Running {
    /// The alerts that are firing, by amtool.
    fn firing(&self) -> Vec<Value> {
        let output = Command::new("amtool")
            .args(["alert", "query", "--output=json", &format!("--alertmanager.url={}", self.url)])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null).as_array().cloned().unwrap_or_default()
    }

    /// Waits until as many alerts are firing; what is posted is seen a moment later.
    fn fires(&self, many: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            let firing = self.firing();
            if firing.len() == many {
                return firing;
            }
            assert!(began.elapsed() < Duration::from_mins(1), "{firing:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn an_alert_fires_in_alertmanager_until_it_is_over_and_what_an_attacker_wrote_is_a_label_like_any_other() {
    let Some(running) = start() else { return };
    let mut outbox = Outbox::new(vec![outlet(sink(&running.url, &inside(), Login::None))], Vec::new());
    outbox.tell(&[opened(1), Transition::Opened(hostile(2))]);
    assert!(outbox.deliver().iter().all(|one| one.failure.is_none()));
    let firing = running.fires(2);
    let named = |id: &str| firing.iter().find(|one| one["labels"]["gatewatch_id"] == id).unwrap().clone();
    let first = named("0000000000000001");
    assert_eq!(first["labels"]["alertname"], "key-usage.one_key_many_addresses");
    assert_eq!((&first["labels"]["severity"], &first["labels"]["app"]), (&"high".into(), &"shop".into()));
    assert_eq!(first["generatorURL"], "https://watch.example.com/a/0000000000000001");
    assert_eq!(first["startsAt"], "1970-01-01T00:02:40.000Z");
    assert!(named("0000000000000002")["labels"]["entity"].as_str().unwrap().contains("⟨U+202E⟩"));
    outbox.tell(&[closed(1)]);
    outbox.deliver();
    assert_eq!(running.fires(1)[0]["labels"]["gatewatch_id"], "0000000000000002");
}

#[test]
fn an_alert_that_got_worse_is_one_alert_there_and_one_that_is_told_again_stays() {
    let Some(running) = start() else { return };
    let sink = sink(&running.url, &inside(), Login::None);
    let worse = Alert { level: Level::Critical, revision: 2, ..alert(1) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let deliver = |transition: &Transition, key: &str| {
        let payload =
            sink.render(transition, gatewatch::sinks::News::Events, &gatewatch::sinks::sample_streams()).unwrap();
        runtime.block_on(sink.deliver(&gatewatch::sinks::RenderedDelivery { key, payload: &payload })).unwrap();
    };
    deliver(&opened(1), "1:1");
    running.fires(1);
    deliver(&Transition::Updated(worse, gatewatch::alerts::Change::Events), "1:2");
    let began = Instant::now();
    while running.fires(1)[0]["labels"]["severity"] != "critical" {
        assert!(began.elapsed() < Duration::from_mins(1));
    }
    let until = running.fires(1)[0]["endsAt"].clone();
    runtime.block_on(sink.remind()).unwrap();
    let began = Instant::now();
    while running.fires(1)[0]["endsAt"] == until {
        assert!(began.elapsed() < Duration::from_mins(1), "it is not told again");
    }
}

/// What the API of version 2 takes: an array of alerts with labels and times.
fn judge(request: &Request) -> Result<(u16, String), String> {
    if request.path != "/api/v2/alerts" || !request.headers.contains_key("authorization") {
        return Err(format!("{} without a login", request.path));
    }
    request.json().as_array().map(|_| (200, String::new())).ok_or_else(|| "no array".into())
}

#[test]
fn after_a_restart_what_is_open_is_told_again_and_what_was_closed_is_not() {
    let receiver = Receiver::start(judge).first(&[Trouble::Status(500)]);
    let login = Login::Basic("gatewatch".into(), "made-up".into());
    let sink = sink(&receiver.url("/"), &inside(), login);
    assert!(!format!("{sink:?}").contains("made-up"));
    let over = Alert { state: AlertState::Closed, ..alert(2) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(sink.resume(vec![alert(1), over].into_iter()));
    assert!(runtime.block_on(sink.remind()).is_err());
    runtime.block_on(sink.remind()).unwrap();
    let taken = receiver.taken();
    let told = taken[0].json();
    assert_eq!((taken.len(), told.as_array().unwrap().len()), (1, 1));
    assert_eq!(told[0]["labels"]["gatewatch_id"], "0000000000000001");
    assert!(told[0]["endsAt"].as_str() > told[0]["startsAt"].as_str() && told[0].get("over").is_none(), "{told}");
}
