//! A backup brought back: the same key, the same counters, and nothing that comes then is lost.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use gatewatch::simulate::Message;

use crate::daemon::Daemon;
use crate::secrets::{free_port, get};
use crate::world::{gatewatch, messages, replay, write};

fn run(words: &[&str]) -> (i32, String) {
    let output = gatewatch().args(words).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), said)
}

/// Makes a token in `data` and sends `messages` with it, some at a time.
fn send(port: u16, data: &str, messages: &[Message]) {
    let made =
        gatewatch().args(["token", "create", "--new", "sender", "--role", "ingest", "--data", data]).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap();
    for some in messages.chunks(200) {
        let body: Vec<u8> = some.iter().flat_map(|message| [&message.bytes[..], b"\n"].concat()).collect();
        let began = Instant::now();
        loop {
            let answer = post(port, token.trim(), &body).unwrap_or_default();
            if answer.starts_with("HTTP/1.1 202") {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{answer}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn post(port: u16, token: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "POST /v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// How many records are in `messages`.
fn records(dir: &Path, messages: &[Message]) -> u64 {
    let file = dir.join("counted.ndjson");
    write(&file, messages);
    replay(dir, &dir.join("other"), &[file], &[]).summary["records"].as_u64().unwrap()
}

#[test]
fn after_a_restore_the_key_is_the_same_and_what_comes_over_http_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (ingest, pages) = (free_port(), free_port());
    let config =
        format!("[sources.http.push]\nlisten = '127.0.0.1:{ingest}'\n[dashboard]\nlisten = '127.0.0.1:{pages}'\n");
    let (before, after) = (messages(2, 4_000), messages(3, 3_600));
    let after = &after[..400];
    let (sent, sent_then) = (records(dir.path(), &before), records(dir.path(), after));

    let mut daemon = Daemon::new(dir.path(), &config);
    let data = daemon.data.to_str().unwrap().to_owned();
    daemon.start();
    send(ingest, &data, &before);
    daemon.wait_for(sent, Duration::from_mins(1));
    daemon.stop();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(&daemon.data), mode(&daemon.data.join("spool"))], [0o700, 0o700]);

    let backup = dir.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    assert_eq!(run(&["backup", backup, "--data", &data]).0, 0);
    let mut restored = Daemon::new(dir.path(), &config);
    restored.data = dir.path().join("restored");
    let to = restored.data.to_str().unwrap().to_owned();
    let (code, said) = run(&["restore", backup, "--data", &to]);
    assert!(code == 0 && said.contains("installation's key"), "{said}");
    let key = |data: &Path| std::fs::read(data.join("installation.key")).unwrap();
    assert_eq!(key(&daemon.data), key(&restored.data));
    assert_eq!(restored.accounting(), daemon.accounting());
    assert_eq!(run(&["restore", backup, "--data", &to]).0, 74, "there is a store already");

    restored.start();
    send(ingest, &to, after);
    restored.wait_for(sent + sent_then, Duration::from_mins(1));
    assert_eq!(restored.accounting().lost_upstream, 0);
    let metrics = get(pages, "/metrics");
    for figure in ["gatewatch_messages_total{source=\"push\"}", "gatewatch_spool_bytes", "gatewatch_records_total"] {
        assert!(metrics.contains(figure), "{figure}: {metrics}");
    }
    let unread = "gatewatch_source_lag{partition=\"0\",source=\"push\",topic=\"spool\"} 0";
    assert!(metrics.contains(unread), "{metrics}");
    restored.stop();

    // Under another key every secret would have another name: neither is one made, nor is another's taken.
    let file = dir.path().join("again.toml");
    std::fs::write(&file, &config).unwrap();
    let start = || run(&["run", "--config", file.to_str().unwrap(), "--data", &to]);
    let own = restored.data.join("installation.key");
    std::fs::copy(dir.path().join("other/installation.key"), &own).unwrap();
    let (code, said) = start();
    assert!(code == 74 && said.contains("the keys of another installation"), "{code} {said}");
    std::fs::remove_file(&own).unwrap();
    let (code, said) = start();
    assert!(code == 74 && said.contains("a key that is gone") && !own.exists(), "{code} {said}");
}
