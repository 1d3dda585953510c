//! A secret of its own in every text of every category of telemetry, and all that a daemon says, shows, sends and
//! keeps: pages as far as links lead, each address of the API, streams, sinks, logs, the store.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::{Duration, Instant};

use aho_corasick::AhoCorasick;
use gatewatch::telemetry::marvin::identifiable_key;
use serde_json::Value;

use crate::daemon::Daemon;
use crate::receiver;
use crate::samples::{planted, samples, ways};
use crate::secrets::{ask, free_port, get};

/// Records of a category, each of which has a secret in each of its texts by turns.
const SAMPLES: usize = 2;
/// Pages of one shape that are read.
const ALIKE: usize = 8;

/// The `n`th secret, none of which ever was real.
fn secret(n: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1);
    let mut random = |bytes: usize| -> Vec<u8> {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..bytes).map(|_| next()).collect()
    };
    let (bytes, signature, seed) = match n % 5 {
        0 => (40, "AzFu", b"Functi00"),
        1 => (40, "AzFu", b"Master00"),
        2 => (40, "AzFu", b"System00"),
        3 => (64, "+ASt", b"Default0"),
        _ => (32, "+AEh", b"Listen00"),
    };
    identifiable_key(&random(bytes), signature, u64::from_be_bytes(*seed)).unwrap()
}

/// A text with a secret in it, as people and programs write them.
fn written(n: usize, was: &str, secret: &str) -> String {
    let percent = || percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
    match n % 7 {
        0 => secret.to_owned(),
        1 => format!("{was} {secret}"),
        2 => format!("https://fn.example.net/api/x?code={}&v=1", percent()),
        3 => format!("{was} x-functions-key: {secret}; retry"),
        4 => serde_json::json!({ "key": secret, "of": was }).to_string(),
        5 => format!("{was}?code={secret}"),
        _ => format!("AccountName=x;AccountKey={secret};EndpointSuffix=core.windows.net"),
    }
}

/// Looks for secrets in whatever comes out.
struct Search {
    secrets: Vec<String>,
    /// The part of each without padding, and not quite whole.
    parts: AhoCorasick,
    looked_at: BTreeMap<String, usize>,
}

impl Search {
    fn new(secrets: Vec<String>) -> Self {
        let part = |secret: &String| {
            let bare = secret.trim_end_matches('=');
            bare[..bare.len() * 3 / 4].to_owned()
        };
        let parts = AhoCorasick::new(secrets.iter().map(part)).unwrap();
        Self { secrets, parts, looked_at: BTreeMap::new() }
    }

    fn nothing_in(&mut self, what: &str, text: &[u8]) {
        *self.looked_at.entry(what.split(':').next().unwrap_or_default().to_owned()).or_default() += 1;
        for text in [text, &percent_encoding::percent_decode(text).collect::<Vec<u8>>()] {
            if let Some(found) = self.parts.find(text) {
                let around = &text[found.start().saturating_sub(200)..(found.end() + 60).min(text.len())];
                let secret = &self.secrets[found.pattern().as_usize()];
                panic!("{what} has {secret}: …{}…", String::from_utf8_lossy(around));
            }
        }
    }

    fn nothing_in_folder(&mut self, folder: &std::path::Path) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.nothing_in_folder(&path);
            } else {
                self.nothing_in(&format!("file:{}", path.display()), &std::fs::read(&path).unwrap());
            }
        }
    }
}

/// Where a page's links lead, on this site.
fn links(page: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in ["href=\"/", "action=\"/", "src=\"/", "hx-get=\"/"] {
        for (at, _) in page.match_indices(name) {
            let from = at + name.len() - 1;
            let link = page[from..].split('"').next().unwrap_or_default();
            found.insert(
                link.replace("&amp;", "&").replace("&#38;", "&").split('#').next().unwrap_or_default().to_owned(),
            );
        }
    }
    found
}

/// What pages of one kind have in common: the address without ids, names and what is asked.
fn shape(link: &str) -> String {
    let (path, asks) = link.split_once('?').unwrap_or((link, ""));
    let parts: Vec<&str> =
        path.split('/').map(|part| if part.len() > 14 || part.contains('.') { "…" } else { part }).collect();
    let names: Vec<&str> = asks.split('&').map(|ask| ask.split('=').next().unwrap_or_default()).collect();
    format!("{}?{}", parts.join("/"), names.join("&"))
}

/// Reads every page that links lead to, and each address of the API.
fn crawl(port: u16, search: &mut Search) {
    let mut waits: Vec<String> =
        ["/", "/?q=state:all", "/metrics", "/readyz", "/api/v1/openapi.json"].map(String::from).into();
    let document: Value = serde_json::from_slice(gatewatch::dashboard::openapi()).unwrap();
    let addresses: Vec<&String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, of)| of["get"].is_object())
        .map(|(path, _)| path)
        .collect();
    let (mut seen, mut shapes, mut ids) = (BTreeSet::new(), BTreeMap::<String, usize>::new(), BTreeSet::new());
    while let Some(link) = waits.pop() {
        let many = shapes.entry(shape(&link)).or_default();
        if *many >= ALIKE || link.starts_with("/events") || link.contains("logout") || !seen.insert(link.clone()) {
            continue;
        }
        *many += 1;
        let answer = get(port, &link);
        assert!(!answer.starts_with("HTTP/1.1 500"), "{link}: {answer}");
        search.nothing_in(&format!("page:{link}"), answer.as_bytes());
        if let Some(id) = link.strip_prefix("/a/") {
            ids.insert(id.split('/').next().unwrap_or_default().to_owned());
        }
        waits.extend(links(&answer));
    }
    for address in addresses.into_iter().filter(|address| !address.ends_with("/events") && !address.ends_with("/tap")) {
        let of: Vec<String> = if address.contains("{id}") {
            ids.iter().take(ALIKE).map(|id| address.replace("{id}", id)).collect()
        } else {
            vec![
                address.clone(),
                format!("{address}?state=all&limit=200"),
                format!("{address}?limit=20"),
                format!("{address}?format=otm"),
            ]
        };
        for link in of {
            let answer = get(port, &link);
            assert!(!answer.starts_with("HTTP/1.1 500"), "{link}: {answer}");
            search.nothing_in(&format!("api:{link}"), answer.as_bytes());
        }
    }
    assert!(ids.len() >= ALIKE && seen.len() > 60, "{} pages, {} alerts: {seen:?}", seen.len(), ids.len());
}

/// Returns what a stream without an end says in its first seconds.
fn stream(port: u16, path: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").unwrap();
    let (mut all, mut part) = (Vec::new(), [0; 8_192]);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => all.extend_from_slice(&part[..read]),
            _ => break,
        }
    }
    all
}

#[test]
fn no_secret_in_any_text_of_any_category_comes_out_anywhere() {
    let (dir, input) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut lines, mut secrets) = (Vec::new(), Vec::new());
    for record in samples(SAMPLES).values().flatten() {
        for (way, was) in ways(record) {
            let n = secrets.len();
            secrets.push(secret(n));
            lines.push(planted(record, &way, &written(n, &was, &secrets[n])).to_string());
        }
    }
    // A third of them with their end cut off, as garbage that is kept as a dead letter.
    let cut: Vec<String> =
        lines.iter().step_by(3).map(|line| line.chars().take(line.chars().count() * 9 / 10).collect()).collect();
    assert!(secrets.len() > 1_000, "{}", secrets.len());
    let port = free_port();
    let (hook, hooked) = receiver::start();
    let (other, listed) = receiver::listing();
    let file = input.path().join("planted.ndjson");
    let config = format!(
        "[sources.file.planted]\npaths = ['{}']\nfollow = true\nstart = 'earliest'\n\
         [detection]\nsilence = '1s'\nlateness = '1s'\n[alerts]\nnotify_max_age = '36500d'\n\
         [sinks.webhook.hook]\nurl = '{hook}'\nallow_private = true\n\
         [sinks.slack.chat]\nurl = '{other}'\nallow_private = true\n[sinks.teams.team]\nurl = '{other}'\nallow_private = true\n\
         [sinks.pagerduty.night]\nurl = '{other}'\nallow_private = true\nrouting_key = '0123456789abcdef0123456789abcdef'\n\
         [sinks.alertmanager.am]\nurl = '{}'\nallow_private = true\n\
         [sinks.jsonl.native]\npath = '{}'\nat_least = 'informational'\n\
         [sinks.jsonl.ocsf]\npath = '{}'\nformat = 'ocsf'\nat_least = 'informational'\n\
         [redacted]\nfile = '{}'\n[dashboard]\nlisten = '127.0.0.1:{port}'\n",
        file.display(),
        other.trim_end_matches("/v2/enqueue"),
        dir.path().join("native.jsonl").display(),
        dir.path().join("ocsf.jsonl").display(),
        dir.path().join("redacted.ndjson").display()
    );
    // What is whole stands last: behind a line that was cut off more of a document may come.
    std::fs::write(&file, cut.join("\n") + "\n" + &lines.join("\n") + "\n").unwrap();
    let mut search = Search::new(secrets);
    let mut daemon = Daemon::new(dir.path(), &config);
    daemon.start();
    // All but a few: one that ends where a value was to come may have the next for it.
    daemon.wait_for((lines.len() + cut.len()) as u64 * 99 / 100, Duration::from_mins(2));
    let began = Instant::now();
    while daemon.alerts().len() < 30 || hooked.lock().unwrap().len() < 30 || listed.lock().unwrap().len() < 30 {
        assert!(began.elapsed() < Duration::from_mins(1), "too little was told\n{}", daemon.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    crawl(port, &mut search);
    for path in ["/events", "/api/v1/events?after=0", "/api/v1/events?after=0&state=all"] {
        let said = stream(port, path);
        assert!(said.len() > 200, "{path} says {}", String::from_utf8_lossy(&said));
        search.nothing_in("stream", &said);
    }
    // Whoever asks for a secret has it, but it is kept nowhere: not in a log, nor in the audit.
    for n in 0..20 {
        let asked: String =
            percent_encoding::utf8_percent_encode(&search.secrets[n], percent_encoding::NON_ALPHANUMERIC).to_string();
        for path in
            ["/?q=", "/a/", "/entity?kind=key&value=", "/detectors/", "/api/v1/alerts?query=", "/api/v1/", "/keys?q="]
        {
            ask(port, &format!("GET {path}{asked}"), "", "");
        }
    }
    search.nothing_in("page:/audit", get(port, "/audit").as_bytes());
    daemon.stop();
    for (_, body) in hooked.lock().unwrap().values() {
        search.nothing_in("webhook", body.as_bytes());
    }
    for body in listed.lock().unwrap().iter() {
        search.nothing_in("sink", body.as_bytes());
    }
    search.nothing_in_folder(dir.path());
    eprintln!("{:?}", search.looked_at);
}
