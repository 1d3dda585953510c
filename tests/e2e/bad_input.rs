//! What goes wrong gets a message that says how to mend it.

use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::time::Duration;

use crate::broker;
use crate::daemon::Daemon;
use crate::secrets::{free_port, get};
use crate::world::{gatewatch, messages, replay, write};

const MINUTE: Duration = Duration::from_mins(1);

fn check(config: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gatewatch.toml");
    std::fs::write(&file, config).unwrap();
    let output = gatewatch().args(["config", "check", "--config"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_unknown_key_is_shown_at_once_with_its_line_and_the_nearest_name() {
    let said = check("[detection]\nlatenes = '30s'\nsilence = 'soon'\n[dashbord]\n[sources.kafka.x]\nbroker = 'a:1'\n");
    assert!(said.contains("did you mean `lateness`?"), "{said}");
    assert!(said.contains("did you mean `dashboard`?"), "{said}");
    assert!(said.contains("did you mean `brokers`?"), "{said}");
    assert!(said.contains("is no length of time"), "{said}");
    assert!(said.contains(":2:1") && said.contains("^^^^"), "{said}");
}

#[test]
fn a_folder_of_sigma_rules_that_is_not_there_ends_what_asked_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("world.log");
    write(&file, &messages(3, 60));
    let output = gatewatch().arg("replay").arg(&file).args(["--sigma", "/no/such/rules"]).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/rules can't be read"), "{output:?}");
}

#[test]
fn a_port_that_is_taken_says_so_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let file = dir.path().join("gatewatch.toml");
    std::fs::write(
        &file,
        format!("[sources.file.x]\npaths = ['/tmp/none']\n[dashboard]\nlisten = '127.0.0.1:{port}'\n"),
    )
    .unwrap();
    let output =
        gatewatch().args(["run", "--config"]).arg(&file).arg("--data").arg(dir.path().join("data")).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&port.to_string()) && said.contains("Choose another address"), "{said}");
}

#[test]
fn listening_to_others_without_a_token_is_refused_with_its_mend() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("gatewatch.toml");
    for listen in ["0.0.0.0:0", "127.0.0.1:0"] {
        let dashboard = format!("[dashboard]\nlisten = '{listen}'\nbehind_tls_proxy = true\n");
        std::fs::write(&file, format!("[sources.file.x]\npaths = ['/tmp/none']\n{dashboard}")).unwrap();
        let run = gatewatch().args(["run", "--config"]).arg(&file).arg("--data").arg(dir.path().join("data")).output();
        let output = run.unwrap();
        assert_eq!(output.status.code(), Some(78), "{listen}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("gatewatch token create"), "{said}");
    }
}

#[test]
fn a_second_daemon_on_one_data_folder_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[sources.file.x]\npaths = ['/tmp/none']\nfollow = true\n[dashboard]\nlisten = '127.0.0.1:0'\n";
    let mut first = Daemon::new(dir.path(), config);
    first.start();
    let began = std::time::Instant::now();
    while !first.log().contains("Dashboard") {
        assert!(began.elapsed().as_secs() < 20, "{}", first.log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let output = gatewatch()
        .args(["run", "--config"])
        .arg(dir.path().join("gatewatch.toml"))
        .arg("--data")
        .arg(&first.data)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(74));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another"), "{}", String::from_utf8_lossy(&output.stderr));
    first.stop();
}

/// Writes a world of about `records` records and returns a file source that reads it.
fn reading(dir: &Path, records: usize) -> String {
    let file = dir.join("world.log");
    write(&file, &messages(4, records));
    format!("[sources.file.disk]\npaths = ['{}']\n[detection]\nsilence = '1s'\nlateness = '60s'\n", file.display())
}

/// Asserts that the daemon has counted each record of `world.log` once, and has the alerts of a replay.
fn nothing_is_lost(dir: &Path, daemon: &mut Daemon) {
    let reference = replay(dir, &daemon.data, &[dir.join("world.log")], &["--lateness", "60s"]);
    daemon.wait_for(reference.summary["records"].as_u64().unwrap(), MINUTE);
    daemon.settles_at(&reference.alerts, MINUTE, "after it was mended");
    let counted = daemon.accounting();
    let sum = |counts: &std::collections::BTreeMap<String, u64>| counts.values().sum::<u64>();
    assert_eq!(counted.records, reference.summary["records"].as_u64().unwrap());
    let parts = sum(&counted.decoded) + sum(&counted.dead_letters) + counted.filtered + counted.duplicates;
    assert_eq!(counted.records, parts, "{counted:?}");
}

/// Waits until `/readyz` says `what`.
fn complains(port: u16, what: &str) {
    let began = std::time::Instant::now();
    loop {
        let ready = get(port, "/readyz");
        if ready.starts_with("HTTP/1.1 503") && ready.contains(what) {
            return;
        }
        assert!(began.elapsed() < MINUTE, "{ready}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_broker_that_does_not_answer_is_named_and_the_other_sources_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (broker, port) = (free_port(), free_port());
    let config = format!(
        "{}[sources.kafka.hub]\nbrokers = '127.0.0.1:{broker}'\ntopics = ['logs']\ngroup = 'g'\n[dashboard]\nlisten = '127.0.0.1:{port}'\n",
        reading(dir.path(), 3_600)
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    let says = daemon.says("No broker answers at", MINUTE);
    assert!(says.contains(&format!("127.0.0.1:{broker}: check `brokers`")), "{says}");
    complains(port, "No broker answers");
    let reference = replay(dir.path(), &daemon.data, &[dir.path().join("world.log")], &[]);
    daemon.wait_for(reference.summary["records"].as_u64().unwrap(), MINUTE);
    daemon.stop();
}

#[test]
fn a_topic_that_does_not_exist_is_named_and_read_once_somebody_makes_it() {
    let Some(brokers) = broker::address("missing topic") else { return };
    let dir = tempfile::tempdir().unwrap();
    let topic = format!("missing-{}-{}", std::process::id(), free_port());
    let config = format!(
        "[sources.kafka.hub]\nbrokers = '{brokers}'\ntopics = ['{topic}']\ngroup = '{topic}'\nstart = 'earliest'\n\
         [detection]\nsilence = '1s'\nlateness = '60s'\n[dashboard]\nlisten = '127.0.0.1:0'\n"
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    let says = daemon.says("There is no topic", MINUTE);
    assert!(says.contains(&topic) && says.contains("check `topics`, create it, or allow"), "{says}");
    broker::make(&brokers, &topic, 2);
    let world = messages(4, 3_600);
    write(&dir.path().join("world.log"), &world);
    broker::produce(&brokers, &topic, 2, &world);
    nothing_is_lost(dir.path(), &mut daemon);
    daemon.stop();
}

/// A small file system in memory; only root may make one.
#[cfg(target_os = "linux")]
struct Small<'d>(&'d Path);

#[cfg(target_os = "linux")]
impl<'d> Small<'d> {
    fn mount(at: &'d Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let made = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).output();
        made.is_ok_and(|made| made.status.success()).then_some(Self(at))
    }

    fn grow(&self, size: &str) {
        let grown = Command::new("mount").args(["-o", &format!("remount,size={size}")]).arg(self.0).status().unwrap();
        assert!(grown.success());
    }
}

#[cfg(target_os = "linux")]
impl Drop for Small<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["-l".as_ref(), self.0.as_os_str()]).status());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_the_reading_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let config = format!("{}[dashboard]\nlisten = '127.0.0.1:{port}'\n", reading(dir.path(), 36_000));
    let mut daemon = Daemon::new(dir.path(), &config);
    let data = daemon.data.clone();
    let Some(small) = Small::mount(&data, "3m") else {
        eprintln!("full disk: skipped, no file system can be mounted here; a limit on files stands in for it");
        return;
    };
    daemon.start();
    let says = daemon.says("is full", MINUTE);
    assert!(says.contains("free some space") && says.contains("nothing is lost"), "{says}");
    complains(port, "is full");
    std::thread::sleep(Duration::from_secs(2));
    assert!(get(port, "/").starts_with("HTTP/1.1 200"), "pages go on");
    let before = daemon.accounting().records;
    // A kill in that state, and a start into it, lose nothing either.
    daemon.kill();
    small.grow("64m");
    daemon.start();
    nothing_is_lost(dir.path(), &mut daemon);
    assert!(before < daemon.accounting().records, "the disk was full before all was read");
    daemon.stop();
    drop(small);
}

#[cfg(target_os = "linux")]
#[test]
fn a_data_folder_over_its_quota_goes_on_by_itself_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let config = format!("{}[dashboard]\nlisten = '127.0.0.1:0'\n", reading(dir.path(), 36_000));
    let mut daemon = Daemon::new(dir.path(), &config);
    // A limit on the size of files looks to a program as a quota does.
    daemon.start_limited(1_500_000);
    let says = daemon.says("nothing is lost", MINUTE);
    assert!(says.contains("quota") || says.contains("is full"), "{says}");
    std::thread::sleep(Duration::from_secs(2));
    assert!(daemon.runs(), "{}", daemon.log());
    daemon.lift_limit();
    nothing_is_lost(dir.path(), &mut daemon);
    daemon.stop();
}
