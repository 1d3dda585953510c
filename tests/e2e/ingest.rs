//! What is sent over HTTP is redacted before it touches the disk, and outlives a kill.

use std::io::{Read, Write};
use std::time::Duration;

use crate::daemon::Daemon;
use crate::secrets::{ask, assert_folder_clean, free_port, telemetry};
use crate::world::gatewatch;

fn post(port: u16, token: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The figures and the audit tell what was not taken in.
fn assert_refusals_are_told(daemon: &Daemon, pages: u16, reads: &str) {
    let header = format!("Authorization: Bearer {reads}\r\n");
    let figures = ask(pages, "GET /metrics", &header, "");
    for reason in ["role", "token", "too_often"] {
        assert!(figures.contains(&format!("gatewatch_ingest_refused_total{{reason=\"{reason}\"}}")), "{figures}");
    }
    let began = std::time::Instant::now();
    loop {
        let page = ask(pages, "GET /audit", &header, "");
        if page.matches("was refused").count() >= 12 && page.contains("reader") {
            assert!(!page.contains(reads) && !page.contains("gw_wrong"), "{page}");
            return;
        }
        assert!(began.elapsed().as_secs() < 20, "{page}\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_was_answered_202_is_read_after_a_kill_and_holds_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let (port, pages) = (free_port(), free_port());
    let config = format!(
        "[sources.http.push]\nlisten = '127.0.0.1:{port}'\n[detection]\nsilence = '1s'\nlateness = '1s'\n[dashboard]\nlisten = '127.0.0.1:{pages}'\n"
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    let data = daemon.data.to_str().unwrap().to_owned();
    let made = gatewatch()
        .args(["token", "create", "--new", "forwarder", "--role", "ingest", "--data", &data])
        .output()
        .unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    daemon.start();
    let began = std::time::Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed().as_secs() < 20, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = post(port, "gw_wrong_token", "{}");
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("`gatewatch token create`"), "{refused}");
    let made = gatewatch().args(["token", "create", "reader", "--role", "viewer", "--data", &data]).output().unwrap();
    let reads = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    std::thread::sleep(Duration::from_secs(2));
    assert!(post(port, &reads, "{}").starts_with("HTTP/1.1 403"));
    // An address may be wrong ten times, and once more every six seconds.
    let mut late = String::new();
    for _ in 0..40 {
        late = post(port, "gw_wrong_token", "{}");
    }
    assert!(late.starts_with("HTTP/1.1 429") && late.to_lowercase().contains("retry-after: "), "{late}");
    let body = telemetry().join("\n");
    assert!(post(port, &token, &body).contains("202"), "what is right passes, whatever was wrong before");
    assert_refusals_are_told(&daemon, pages, &reads);
    daemon.kill();
    daemon.start();
    daemon.wait_for(telemetry().len() as u64, Duration::from_secs(30));
    daemon.stop();
    assert_folder_clean(dir.path());
    let leaked = daemon.alerts().iter().filter(|alert| alert.family.name() == "leaked-secrets").count();
    assert!(leaked > 0, "what was seen before spooling is still known: {:?}", daemon.accounting());
}

#[test]
fn what_was_answered_202_is_read_although_its_source_has_another_name_now() {
    let dir = tempfile::tempdir().unwrap();
    let (port, pages) = (free_port(), free_port());
    let config = |name: &str| {
        format!("[sources.http.{name}]\nlisten = '127.0.0.1:{port}'\n[dashboard]\nlisten = '127.0.0.1:{pages}'\n")
    };
    let mut daemon = Daemon::new(dir.path(), &config("web"));
    let data = daemon.data.to_str().unwrap().to_owned();
    let made =
        gatewatch().args(["token", "create", "--new", "sender", "--role", "ingest", "--data", &data]).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    daemon.start();
    let began = std::time::Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed().as_secs() < 20, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let answer = post(port, &token, "{\"a\":1}\n{\"b\":2}\nno record\n");
    assert!(answer.contains("{\"accepted\":3,\"undecodable\":1}"), "{answer}");
    let answer = post(port, &token, "no record\n");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    daemon.kill();
    // As the operator would: the same file, another name.
    std::fs::write(dir.path().join("gatewatch.toml"), config("website")).unwrap();
    daemon.start();
    daemon.wait_for(3, Duration::from_secs(30));
    daemon.stop();
    assert!(daemon.log().contains("read to its end under its old name"), "{}", daemon.log());
    daemon.start();
    let began = std::time::Instant::now();
    while daemon.data.join("spool/web").exists() {
        assert!(began.elapsed().as_secs() < 20, "what has been read whole is not kept: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    daemon.stop();
    assert!(daemon.data.join("spool/website").exists());
}
