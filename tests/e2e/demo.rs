//! `gatewatch demo`: within a minute, alerts of all four main families stand on a page.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::secrets::get;
use crate::world::gatewatch;

#[test]
fn within_a_minute_the_demo_shows_alerts_of_all_four_main_families() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = gatewatch();
    command.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut port = None;
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while port.is_none() && stderr.read_line(&mut line).is_ok_and(|read| read > 0) {
        port = line
            .trim()
            .strip_prefix("http://127.0.0.1:")
            .and_then(|rest| rest.trim_end_matches('/').parse::<u16>().ok());
        line.clear();
    }
    std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    let port = port.unwrap();
    let began = Instant::now();
    let families = ["auth-failures", "key-usage", "leaked-secrets", "suspicious-origins"];
    let missing = loop {
        let alerts = get(port, "/api/v1/alerts?limit=200");
        let missing: Vec<_> = families.iter().filter(|family| !alerts.contains(**family)).collect();
        if missing.is_empty() || began.elapsed() > Duration::from_mins(1) {
            break missing;
        }
        std::thread::sleep(Duration::from_millis(300));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(missing.is_empty(), "no alert of {missing:?} after a minute");
}
