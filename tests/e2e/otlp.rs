//! OpenTelemetry's own SDK sends to a daemon, which counts and redacts.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::secrets::free_port;
use crate::world::gatewatch;

const SECRET: &str = "planted-otlp-secret-0123456789-abcdefghij";

/// The Python that has the SDK, or `None` with a word why the test is skipped.
fn python(test: &str) -> Option<String> {
    let python = std::env::var("GATEWATCH_OTLP_PYTHON").ok().filter(|python| !python.is_empty());
    if python.is_none() {
        eprintln!(
            "{test}: skipped, there is no OpenTelemetry SDK: run ./dev test, or set GATEWATCH_OTLP_PYTHON to a Python that has tests/otlp/requirements.txt"
        );
    }
    python
}

fn send(python: &str, endpoint: &str, token: &str, first: u32, compression: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/otlp/send.py");
    let output = Command::new(python)
        .arg(script)
        .args([endpoint, token, &first.to_string(), "120", compression, SECRET])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn what_an_opentelemetry_sdk_sends_is_counted_and_redacted() {
    let Some(python) = python("what_an_opentelemetry_sdk_sends_is_counted_and_redacted") else { return };
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let redacted = dir.path().join("redacted.ndjson");
    let config = format!(
        "[sources.http.push]\nlisten = '127.0.0.1:{port}'\n[detection]\nsilence = '1s'\nlateness = '1s'\n\
         [redacted]\nfile = '{}'\n[dashboard]\nlisten = '127.0.0.1:0'\n",
        redacted.display()
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    let data = daemon.data.to_str().unwrap().to_owned();
    let made =
        gatewatch().args(["token", "create", "--new", "sdk", "--role", "ingest", "--data", &data]).output().unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    daemon.start();
    let began = std::time::Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed().as_secs() < 20, "{}", daemon.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let endpoint = format!("http://127.0.0.1:{port}/v1/logs");
    let said = send(&python, &endpoint, "gw_wrong_token", 1_000, "none");
    assert!(said.contains("401"), "a wrong token is told to the SDK: {said}");
    let said = send(&python, &endpoint, &token, 0, "none") + &send(&python, &endpoint, &token, 120, "gzip");
    assert_eq!(said, "", "the SDK has nothing to complain of");
    daemon.wait_for(240, Duration::from_secs(30));
    daemon.stop();
    let counted = daemon.accounting();
    assert_eq!(counted.decoded.get("OtlpLogs"), Some(&240), "{counted:?}");
    let text = std::fs::read_to_string(&redacted).unwrap();
    assert!(text.contains("order 239: Authorization: Bearer bearer-token:k1:"), "{}", &text[..text.len().min(2_000)]);
    assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_clean(dir.path());
}

fn assert_clean(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_clean(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for hidden in [SECRET, "Planted Person"] {
            assert!(memchr::memmem::find(&bytes, hidden.as_bytes()).is_none(), "{} holds {hidden}", path.display());
        }
    }
}
