//! Detectors that change under a running daemon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::context::{append, folder, record, write};
use crate::daemon::Daemon;
use crate::secrets::{free_port, get};

const LONG: Duration = Duration::from_mins(1);

fn sees(daemon: &Daemon, wanted: &[&str]) {
    let began = Instant::now();
    let told = || {
        let alerts = daemon.alerts();
        let mut told: Vec<String> = alerts.iter().map(|one| format!("{} {}", one.detector, one.entity.value)).collect();
        told.sort();
        told
    };
    while told() != wanted {
        assert!(began.elapsed() < LONG, "{:?} instead of {wanted:?}:\n{}", told(), daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_running_daemon_takes_changed_detectors_whole_or_not_at_all_keeps_what_the_others_know_and_refuses_nobody() {
    let folder = folder("", "threshold: { by: source.ip, at_least: 3, within: 1h }");
    let path = folder.path();
    write(path, "logs.ndjson", "");
    let port = free_port();
    let config = format!(
        "[sources.file.x]\npaths = ['HERE/logs.ndjson']\nfollow = true\nstart = 'earliest'\n[dashboard]\nlisten = '127.0.0.1:{port}'\n\
         [detection]\ndetectors = 'HERE/detectors'\nlateness = '1s'\nsilence = '1s'\n\
         [sinks.jsonl.told]\npath = 'HERE/told.jsonl'\n"
    );
    let mut daemon = Daemon::new(path, &config.replace("HERE", &path.display().to_string()));
    daemon.start();
    daemon.says("Dashboard", LONG);
    let at = |second: u32, ip: &str| record(&format!("2026-03-14T10:00:{second:02}Z"), ip);
    let (over, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let asking = std::thread::spawn({
        let (over, asked) = (over.clone(), asked.clone());
        move || {
            while !over.load(Ordering::SeqCst) {
                // A connection that is idle just then may be closed: whoever sees that asks again, as browsers do.
                let answer = Some(get(port, "/healthz")).filter(|answer| !answer.is_empty());
                let answer = answer.unwrap_or_else(|| get(port, "/healthz"));
                assert!(answer.starts_with("HTTP/1.1 200"), "somebody was turned away: {answer:?}");
                asked.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    });

    append(path, &[at(1, "203.0.113.7"), at(2, "203.0.113.7"), at(3, "198.51.100.7")]);
    daemon.wait_for(3, LONG);
    // What is wrong changes nothing, and is said where people look.
    let door = std::fs::read_to_string(path.join("detectors/probing/door.yaml")).unwrap();
    write(path, "detectors/probing/window.yaml", "id: probing.window\nlevel: purple\n");
    let says = daemon.says("are not taken", LONG);
    assert!(says.contains("the detectors' files have changed"), "{says}");
    assert!(daemon.log().contains("probing/window.yaml"), "{}", daemon.log());
    // The complaint is shown with the next beat.
    std::thread::sleep(Duration::from_secs(1));
    let ready = get(port, "/readyz");
    assert!(ready.contains("The detectors' files have changed and are not taken"), "{ready}");

    let window = door.replace("probing.door", "probing.window").replace("at the door", "at the window");
    write(path, "detectors/probing/window.yaml", window.replace("at_least: 3", "at_least: 2"));
    daemon.signal("HUP");
    daemon.says("the detectors were read anew", LONG);
    // Two were counted before, one is now: the door knew them all, the window saw the last alone.
    append(path, &[at(4, "203.0.113.7"), at(20, "192.0.2.1")]);
    daemon.wait_for(5, LONG);
    sees(&daemon, &["probing.door 203.0.113.7"]);
    append(path, &[at(21, "198.51.100.7"), at(22, "198.51.100.7"), at(40, "192.0.2.1")]);
    daemon.wait_for(8, LONG);
    // Of 198.51.100.7 the window tells nobody anew: it stands beside what the door told.
    sees(&daemon, &["probing.door 198.51.100.7", "probing.door 203.0.113.7", "probing.window 192.0.2.1"]);

    // Without it nothing fires for the window any more.
    std::fs::remove_file(path.join("detectors/probing/window.yaml")).unwrap();
    let began = Instant::now();
    while daemon.log().matches("the detectors were read anew").count() < 2 {
        assert!(began.elapsed() < LONG, "they are not:\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    append(path, &[at(41, "192.0.2.9"), at(42, "192.0.2.9")]);
    append(path, &[at(43, "192.0.2.8"), at(44, "192.0.2.8"), at(45, "192.0.2.8"), at(59, "192.0.2.2")]);
    daemon.wait_for(14, LONG);
    let door = ["192.0.2.8", "198.51.100.7", "203.0.113.7"].map(|ip| format!("probing.door {ip}"));
    let wanted: Vec<&str> = door.iter().map(String::as_str).chain(["probing.window 192.0.2.1"]).collect();
    sees(&daemon, &wanted);
    over.store(true, Ordering::SeqCst);
    asking.join().unwrap();
    assert!(asked.load(Ordering::SeqCst) > 10);
    daemon.stop();
    let told = std::fs::read_to_string(path.join("told.jsonl")).unwrap();
    let opened = told.lines().filter(|line| line.contains("\"count\":")).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(opened.len(), told.lines().count(), "nobody is told twice:\n{told}");
    assert_eq!(daemon.accounting().late, 0, "{}", daemon.log());
}
