//! A daemon that others can reach: over TLS, by people and by commands on the machine itself.

use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::daemon::Daemon;
use crate::world::{gatewatch, messages};

fn run(words: &[&str]) -> (Option<i32>, String, String) {
    let output = gatewatch().args(words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_daemon_beyond_loopback_starts_with_a_token_and_tls_alone_and_its_audit_says_who_came_from_where() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(at("logs.ndjson"), "").unwrap();
    let made = rcgen::generate_simple_self_signed(["gatewatch.example.com".to_owned()]).unwrap();
    std::fs::write(at("c.pem"), made.cert.pem()).unwrap();
    std::fs::write(at("k.pem"), made.signing_key.serialize_pem()).unwrap();
    let common = format!(
        "[sources.file.logs]\npaths = ['{}']\nfollow = true\n[detection]\nsilence = '2s'\n\
         [dashboard]\nlisten = '0.0.0.0:0'\nexternal_url = 'https://gatewatch.example.com'\n",
        at("logs.ndjson")
    );
    std::fs::write(at("plain.toml"), &common).unwrap();
    let data = at("data");
    let (code, _, says) = run(&["run", "--config", &at("plain.toml"), "--data", &data]);
    assert!(code == Some(78) && says.contains("[dashboard.tls]") && says.contains("behind_tls_proxy"), "{says}");

    let tls = format!("{common}[dashboard.tls]\ncertificate = '{}'\nkey = '{}'\n", at("c.pem"), at("k.pem"));
    let mut daemon = Daemon::new(dir.path(), &tls);
    let (code, _, says) = run(&["run", "--config", &at("gatewatch.toml"), "--data", &data]);
    assert!(code == Some(78) && says.contains("gatewatch token create") && !says.contains("in the clear"), "{says}");

    let (_, token, _) = run(&["token", "create", "dana", "--role", "operator", "--data", &data]);
    daemon.start();
    let began = Instant::now();
    while !daemon.data.join("address").exists() {
        assert!(began.elapsed().as_secs() < 60, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut file = std::fs::File::options().append(true).open(at("logs.ndjson")).unwrap();
    for message in messages(3, 4_000) {
        file.write_all(&message.bytes).unwrap();
        file.write_all(b"\n").unwrap();
    }
    let list = ["alerts", "list", "--format", "json", "--data", &data, "--token", token.trim()];
    let alert = loop {
        let (code, out, says) = run(&list);
        assert_eq!(code, Some(0), "over TLS, by the certificate in the file: {says}");
        if let Some(line) = out.lines().next() {
            break serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
        }
        assert!(began.elapsed().as_secs() < 90, "no alert came\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(300));
    };
    let (code, _, says) = run(&["alerts", "ack", &alert, "--data", &data, "--token", token.trim()]);
    assert_eq!(code, Some(0), "{says}");
    let (_, out, _) = run(&["audit", "--format", "json", "--data", &data]);
    let line: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let part = |name: &str| line[name].as_str().unwrap_or_default();
    assert_eq!(
        (part("who"), part("did"), part("address"), part("alert")),
        ("dana", "acknowledged", "127.0.0.1", &*alert)
    );
    assert_eq!((&line["before"]["state"], &line["after"]["state"]), (&"open".into(), &"acknowledged".into()));
    let (_, out, _) = run(&["audit", "--data", &data]);
    assert!(out.contains("127.0.0.1") && out.contains("(open -> acknowledged, dana)"), "{out}");
}
