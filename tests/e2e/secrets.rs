//! No planted secret, and no planted person, comes out anywhere.

use std::path::Path;

use gatewatch::telemetry::marvin::identifiable_key;

use crate::world::{gatewatch, replay};

/// Secrets and people of our own making, none of which ever was real.
fn planted() -> Vec<String> {
    let random = |n: usize, salt: u8| {
        (0..n).map(|i| (i as u8).wrapping_mul(37).wrapping_add(salt).rotate_left(3)).collect::<Vec<u8>>()
    };
    vec![
        identifiable_key(&random(40, 11), "AzFu", u64::from_be_bytes(*b"Functi00")).unwrap(),
        identifiable_key(&random(40, 12), "AzFu", u64::from_be_bytes(*b"Master00")).unwrap(),
        identifiable_key(&random(40, 13), "AzFu", u64::from_be_bytes(*b"System00")).unwrap(),
        identifiable_key(&random(64, 14), "+ASt", u64::from_be_bytes(*b"Default0")).unwrap(),
        identifiable_key(&random(32, 15), "+AEh", u64::from_be_bytes(*b"Listen00")).unwrap(),
        "custom-function-key-0123456789abcdef".to_owned(),
        "0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned(),
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJwbGFudGVkLXN1YmplY3QiLCJhdWQiOiJvcmRlcnMifQ.c2lnbmF0dXJlLXBsYW50ZWQtYnktdXM".to_owned(),
        "planted.person@example.com".to_owned(),
        "q7ZtPlantedSessionCookieValue0123456789abcdef".to_owned(),
    ]
}

fn http(query: &str, cookie: &str, user: &str, referrer: &str) -> String {
    let properties = serde_json::json!({
        "CsMethod": "GET", "CsUriStem": "/api/orders", "SPort": "443", "CIp": "203.0.113.9", "UserAgent": "curl/8",
        "CsHost": "fn-orders.azurewebsites.net", "ScStatus": 401, "ScSubStatus": "0", "ScWin32Status": "0", "ScBytes": 10,
        "CsBytes": 10, "TimeTaken": 3, "Result": "Failure", "Cookie": cookie, "CsUriQuery": query, "CsUsername": user, "Referer": referrer,
    });
    envelope(&serde_json::json!({"category": "AppServiceHTTPLogs", "properties": properties}))
}

fn log(message: &str, linux: bool) -> String {
    let properties = serde_json::json!({
        "appName": "fn-orders", "message": message, "category": "Function.orders.User", "functionName": "orders", "level": "Error", "levelId": 4,
    });
    let properties = if linux {
        let text = properties.to_string().replace('\'', "").replace('"', "'");
        serde_json::Value::String(text)
    } else {
        properties
    };
    envelope(
        &serde_json::json!({"category": "FunctionAppLogs", "operationName": "Microsoft.Web/sites/functions/log", "properties": properties}),
    )
}

fn envelope(record: &serde_json::Value) -> String {
    let mut record = record.clone();
    record["time"] = "2026-03-02T08:30:00.0000000Z".into();
    record["resourceId"] = "/SUBSCRIPTIONS/0/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.WEB/SITES/FN-ORDERS".into();
    serde_json::json!({"records": [record]}).to_string()
}

/// An export of OpenTelemetry, as the collector's Kafka exporter writes it, over lines or not.
fn otlp(secret: &str, pretty: bool) -> String {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.encode(secret);
    let headers = serde_json::json!({ "values": [{ "stringValue": "x" }, { "stringValue": secret }] });
    let inner = serde_json::json!({ "key": "Authorization", "value": { "stringValue": format!("Bearer {secret}") } });
    let record = serde_json::json!({
        "timeUnixNano": "1772440200000000000",
        "severityNumber": 9,
        "body": { "stringValue": format!("calling with x-functions-key: {secret}") },
        "attributes": [
            { "key": "http.request.header.x-functions-key", "value": { "arrayValue": headers } },
            { "key": "db.password", "value": { "stringValue": secret } },
            { "key": "headers", "value": { "kvlistValue": { "values": [inner] } } },
            { "key": "enduser.id", "value": { "stringValue": "planted.person@example.com" } },
            { "key": "blob", "value": { "bytesValue": bytes } },
        ],
    });
    let resource =
        serde_json::json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "fn-orders" } }] });
    let logs = serde_json::json!([{ "resource": resource, "scopeLogs": [{ "logRecords": [record] }] }]);
    let text =
        |json: &serde_json::Value| if pretty { serde_json::to_string_pretty(json).unwrap() } else { json.to_string() };
    // Keys stand before their values, as every exporter writes them.
    text(&serde_json::json!({ "resourceLogs": logs }))
}

/// A message for each secret in each place it has been seen in.
pub fn telemetry() -> Vec<String> {
    let mut lines = Vec::new();
    for (n, secret) in planted().iter().enumerate() {
        let encoded: String =
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        lines.push(http(&format!("code={secret}"), "-", "-", "-"));
        lines.push(http(&format!("a=1&code={encoded}&b=2"), "-", "-", &format!("https://x.example/?code={encoded}")));
        lines.push(http("-", &format!("AppServiceAuthSession={secret}; theme=dark"), "-", "-"));
        lines.push(log(
            &format!("calling with x-functions-key: {secret}, Ocp-Apim-Subscription-Key: {secret}"),
            n % 2 == 0,
        ));
        lines.push(log(&format!("Authorization: Bearer {secret}"), n % 2 == 1));
        lines.push(log(
            &format!(
                "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={secret};EndpointSuffix=core.windows.net"
            ),
            false,
        ));
        lines.push(otlp(secret, false));
    }
    lines.push(http("-", "-", "planted.person@example.com", "-"));
    // Garbage and a message that breaks off: dead letters hold no secret either.
    lines.push(format!("not json at all, but code={} stands in it", planted()[0]));
    let whole = http(&format!("code={}", planted()[1]), "-", "-", "-");
    lines.push(whole[..whole.len() - 20].to_owned());
    lines
}

#[test]
fn an_export_over_many_lines_loses_its_secrets_too() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (tempfile::tempdir().unwrap(), dir.path().join("redacted.ndjson"));
    for (n, secret) in planted().iter().enumerate() {
        let file = input.path().join(format!("{n}.json"));
        std::fs::write(&file, otlp(secret, true)).unwrap();
        let run = replay(dir.path(), &dir.path().join("data"), &[file], &["--redacted", output.to_str().unwrap()]);
        assert_eq!(run.summary["decoded"]["OtlpLogs"], 1, "{:#}", run.summary);
        assert_folder_clean(dir.path());
    }
}

fn assert_clean(what: &str, text: &[u8]) {
    for secret in planted() {
        let found = memchr::memmem::find(text, secret.as_bytes());
        assert!(
            found.is_none(),
            "{what} holds {secret}: …{}…",
            String::from_utf8_lossy(&text[found.unwrap().saturating_sub(80)..(found.unwrap() + 120).min(text.len())])
        );
        // Nor the part of it that is secret without its padding.
        let bare = secret.trim_end_matches('=');
        let half = &bare[..bare.len() * 3 / 4];
        assert!(memchr::memmem::find(text, half.as_bytes()).is_none(), "{what} holds most of {secret}");
    }
}

pub fn assert_folder_clean(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            assert_folder_clean(&path);
        } else {
            assert_clean(&path.display().to_string(), &std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn no_planted_secret_comes_out_of_a_replay() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("input"), dir.path().join("output"));
    std::fs::create_dir(&input).unwrap();
    std::fs::create_dir(&output).unwrap();
    let file = input.join("planted.ndjson");
    std::fs::write(&file, telemetry().join("\n")).unwrap();
    let redacted = output.join("redacted.ndjson");
    let run =
        replay(&output, &output.join("data"), &[file], &["--redacted", redacted.to_str().unwrap(), "--lateness", "1s"]);
    assert_folder_clean(&output);
    assert_eq!(
        run.summary["dead_letters"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>(),
        2,
        "{:#}",
        run.summary
    );
    // What was JSON is JSON still.
    let text = std::fs::read_to_string(&redacted).unwrap();
    for (line, original) in text.lines().zip(telemetry()) {
        if serde_json::from_str::<serde_json::Value>(&original).is_ok() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        }
    }
}

#[test]
fn no_planted_secret_comes_out_of_a_daemon() {
    use crate::daemon::Daemon;
    use crate::receiver;
    let dir = tempfile::tempdir().unwrap();
    let input = tempfile::tempdir().unwrap();
    let file = input.path().join("planted.ndjson");
    std::fs::write(&file, telemetry().join("\n") + "\n").unwrap();
    let (hook, received) = receiver::start();
    let port = free_port();
    let config = format!(
        "[sources.file.planted]\npaths = ['{}']\nfollow = true\nstart = 'earliest'\n[detection]\nsilence = '1s'\nlateness = '1s'\n\
         [alerts]\nnotify_max_age = '36500d'\n[sinks.webhook.hook]\nurl = '{hook}'\nallow_private = true\n\
         [redacted]\nfile = '{}'\n[dashboard]\nlisten = '127.0.0.1:{port}'\n",
        file.display(),
        dir.path().join("redacted.ndjson").display()
    );
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    daemon.wait_for(telemetry().len() as u64, std::time::Duration::from_secs(30));
    let began = std::time::Instant::now();
    while daemon.alerts().is_empty() || received.lock().unwrap().is_empty() {
        assert!(began.elapsed().as_secs() < 30, "no alert was told\n{}", daemon.log());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    people_type_secrets(port, &daemon.alerts()[0].id.to_string());
    for page in [
        "/",
        "/pipeline",
        "/metrics",
        "/readyz",
        "/api/v1/alerts",
        "/api/v1/silences?all=true",
        "/silences",
        "/api/v1/views",
    ] {
        assert_clean(page, get(port, page).as_bytes());
    }
    for alert in daemon.alerts() {
        assert_clean("an alert's page", get(port, &format!("/a/{}", alert.id)).as_bytes());
    }
    for (_, body) in received.lock().unwrap().values() {
        assert_clean("a webhook", body.as_bytes());
    }
    daemon.stop();
    // Store, key, log, redacted stream: everything it has written.
    assert_folder_clean(dir.path());
}

#[test]
fn the_filter_keeps_every_line_and_no_secret() {
    use std::io::Write;
    let mut input = telemetry().join("\n").into_bytes();
    input.extend_from_slice(
        b"\n\n  \nplain line\r\nbad \xff\xfe bytes code=abcdefghijklmnopqrstuvwxyz0123456789\nno newline at the end",
    );
    let mut child = gatewatch()
        .arg("redact")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let given = input.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&given).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    assert_clean("redact", &output.stdout);
    assert_eq!(output.stdout.split(|b| *b == b'\n').count(), input.split(|b| *b == b'\n').count());
    assert!(output.stdout.ends_with(b"no newline at the end"));
    assert!(memchr::memmem::find(&output.stdout, b"\nplain line\r\nbad \xff\xfe bytes code=").is_some());
}

#[test]
fn a_clean_world_raises_no_leaked_secret_alert_but_its_webhook_keys() {
    // Bytes that only look like secrets: GUIDs, hashes, trace ids.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clean.ndjson");
    let start = gatewatch::clock::Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let options = gatewatch::simulate::Options {
        seed: 5,
        start,
        duration: std::time::Duration::from_hours(1),
        rate: 10,
        attacks: vec![],
        clean: true,
    };
    let world = gatewatch::simulate::World::new(options).unwrap();
    let webhooks = world.webhook_keys().len();
    crate::world::write(&file, &world.collect::<Vec<_>>());
    let run = replay(dir.path(), &dir.path().join("data"), &[file], &[]);
    let leaked = run.alerts.lines().filter(|line| line.contains("\"family\":\"leaked-secrets\"")).count();
    assert!(leaked <= webhooks, "{leaked} alerts for {webhooks} keys that are in URLs by design");
}

/// Somebody pastes every secret wherever the product keeps what people type.
fn people_type_secrets(port: u16, alert: &str) {
    for secret in planted() {
        let words = format!("the caller sent ?code={secret} with Authorization: Bearer {secret}");
        let name = format!("x-functions-key: {}", &secret[..secret.len().min(60)]);
        let of = |what: &str| format!("/api/v1/alerts/{alert}/{what}");
        let bulk =
            serde_json::json!({ "query": "state:all", "action": { "do": "note", "text": words }, "dry_run": true });
        for (path, body) in [
            (of("note"), serde_json::json!({ "text": words })),
            (of("close"), serde_json::json!({ "class": "benign", "reason": words })),
            (of("reopen"), serde_json::json!({ "reason": words })),
            ("/api/v1/alerts/bulk".to_owned(), bulk),
            (
                "/api/v1/silences".to_owned(),
                serde_json::json!({ "matcher": { "app": words[..words.len().min(250)] }, "reason": words, "for": "2h" }),
            ),
        ] {
            let answer = post(port, &path, &body.to_string());
            assert!(answer.starts_with("HTTP/1.1 20"), "{path}: {answer}");
            if let Some((_, token)) = answer.split_once("\"token\":\"") {
                let token = format!("{{\"token\":\"{}\"}}", &token[..16]);
                assert!(post(port, "/api/v1/alerts/bulk", &token).starts_with("HTTP/1.1 20"));
            }
            assert_clean(&path, answer.as_bytes());
        }
        // Too long for a name where it is; that is refused, and what is refused is not kept.
        post(port, &of("assign"), &serde_json::json!({ "to": name }).to_string());
        post(port, "/api/v1/views", &serde_json::json!({ "name": name, "query": "level:high" }).to_string());
    }
}

fn post(port: u16, path: &str, body: &str) -> String {
    let length = body.len();
    ask(port, &format!("POST {path}"), &format!("Content-Type: application/json\r\nContent-Length: {length}\r\n"), body)
}

/// Returns the answer's body.
pub fn get(port: u16, path: &str) -> String {
    ask(port, &format!("GET {path}"), "", "")
}

pub fn ask(port: u16, what: &str, headers: &str, body: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    let rest = format!("Host: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n{body}");
    write!(stream, "{what} HTTP/1.1\r\n{rest}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns a port nobody listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
