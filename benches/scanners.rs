//! On which texts are secret scanners compared? Writes them; `./dev bench scanners` runs the scanners.
//!
//! Into the folder that it is given: `clean.ndjson`, simulated telemetry in which there is no secret,
//! 100 MB unless told otherwise; `planted.ndjson`, a record a line, each with a secret made afresh, of
//! every kind that proves itself or has a template, in four ways of writing; `world.ndjson`, simulated
//! leaks. `planted.truth` and `world.truth` say which line holds which secret.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "who runs it by hand is told what it wants")]
#![expect(clippy::unwrap_used, reason = "a set that can't be written is none")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use gatewatch::clock::Timestamp;
use gatewatch::redaction::{KeyRing, Redactor, Settings, made};
use gatewatch::simulate::{Options, World, catalogue};
use memchr::memmem;
use regex::Regex;
use serde_json::json;

/// Where the simulated leaks stand.
const LEAKS: &str =
    r"(?:\bcode=|AccountKey=|SharedAccessKey=|Bearer |\bsig=|subscription-key=)([A-Za-z0-9+/=._%-]{32,})";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let Some(folder) = words.first().map(Path::new) else {
        return println!("scanners: nothing measured here: run ./dev bench scanners");
    };
    let megabytes = words.get(1).map_or(100, |word| word.parse().unwrap());
    clean(folder, megabytes * 1_000_000);
    let mut planted = Set::new(folder, "planted");
    let mut seed = 2026_u64;
    let next = &mut move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed ^ (seed >> 29)
    };
    for way in WAYS {
        for (group, kind, text) in secrets(next) {
            let line = way(&text);
            planted.line(&line.whole());
            planted.truth(group, &kind, &text.secret, (line.before.len(), line.before.len() + line.secret.len()));
        }
    }
    leaks(folder);
}

/// Writes telemetry in which there is no secret: without what has a webhook's key in it.
fn clean(folder: &Path, bytes: usize) {
    let mut set = Set::new(folder, "clean");
    let world = world(7, Duration::from_hours(24 * 30), 100, Vec::new(), true);
    let keys = hooks(&world);
    for message in world {
        if set.written >= bytes {
            return;
        }
        if !keys.iter().any(|key| memmem::find(&message.bytes, key.as_bytes()).is_some()) {
            set.line(std::str::from_utf8(&message.bytes).unwrap());
        }
    }
}

/// Writes messages of some worlds in which secrets leak, and no others. A webhook's key, which stands
/// in its URL by design, is not counted.
fn leaks(folder: &Path) {
    let attacks = catalogue().into_iter().filter(|attack| attack.family == "leaked-secrets");
    let attacks: Vec<String> = attacks.map(|attack| attack.name.to_owned()).collect();
    let leak = Regex::new(LEAKS).unwrap();
    let mut set = Set::new(folder, "world");
    for seed in 1..=10 {
        let world = world(seed, Duration::from_hours(2), 20, attacks.clone(), false);
        let hooks = hooks(&world);
        for message in world {
            let Ok(text) = std::str::from_utf8(&message.bytes) else { continue };
            let leaked = leak.captures_iter(text).filter_map(|found| found.get(1));
            let leaked: Vec<_> = leaked.filter(|one| !hooks.iter().any(|key| one.as_str().starts_with(key))).collect();
            if leaked.is_empty() || text.contains('\n') {
                continue;
            }
            set.line(text);
            for one in leaked {
                set.truth("simulated", "leak", one.as_str(), (one.start(), one.end()));
            }
        }
    }
}

fn world(seed: u64, duration: Duration, rate: u32, attacks: Vec<String>, clean: bool) -> World {
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    World::new(Options { seed, start, duration, rate, attacks, clean }).unwrap()
}

/// Returns the keys of a world's webhooks, without the `=` at their ends, which URLs escape.
fn hooks(world: &World) -> Vec<String> {
    world.webhook_keys().iter().map(|hook| hook.key.trim_end_matches('=').to_owned()).collect()
}

/// A text, and the secret in it.
struct Text {
    before: String,
    secret: String,
    after: String,
}

impl Text {
    fn map(&self, write: impl Fn(&str) -> String) -> Self {
        Self { before: write(&self.before), secret: write(&self.secret), after: write(&self.after) }
    }

    fn between(self, before: &str, after: &str) -> Self {
        Self { before: format!("{before}{}", self.before), after: format!("{}{after}", self.after), ..self }
    }

    fn whole(&self) -> String {
        [&*self.before, &self.secret, &self.after].concat()
    }
}

/// Returns one fresh secret of every kind, in the text that its kind needs, with its group and kind.
fn secrets(next: &mut dyn FnMut() -> u64) -> Vec<(&'static str, String, Text)> {
    let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let redactor = Redactor::new(&keys, &Settings::default()).unwrap();
    let bare = |secret| Text { before: String::new(), secret, after: String::new() };
    let azure = made::proven(next).into_iter().map(|(kind, _, secret)| ("azure", kind.to_owned(), bare(secret)));
    let mut all: Vec<_> = azure.collect();
    for rule in redactor.rules().all() {
        let Some((text, at)) = rule.made(next) else { continue };
        let (before, after) = (text[..at.start].to_owned(), text[at.end..].to_owned());
        all.push(("others", rule.name.to_string(), Text { before, secret: text[at].to_owned(), after }));
    }
    all
}

/// As a log line's message; in a URL, percent-encoded; in the JSON of a JSON string, as .NET escapes
/// it; in base64 of JSON.
const WAYS: [fn(&Text) -> Text; 4] = [
    |text| record(text.map(json).between("Settings: ", " were read")),
    |text| record(text.map(percent).between("GET https://shop.example/login?to=", "&page=2 failed")),
    |text| {
        let inner = text.map(dotnet).between(r#"{"message":"Called with "#, r#" and failed","level":4}"#).map(json);
        inner.between(&head(r#""properties":""#), "\"}")
    },
    |text| record(packed(&text.map(json).between(r#"{"id":17,"text":"Sent "#, r#" to it"}"#)).between("Body: ", ".")),
];

fn head(rest: &str) -> String {
    format!(
        r#"{{"time":"2026-03-02T08:00:00.1234567Z","resourceId":"/SUBSCRIPTIONS/11111111-2222-4333-8444-555555555555/RESOURCEGROUPS/RG-SHOP/PROVIDERS/MICROSOFT.WEB/SITES/FN-SHOP","category":"FunctionAppLogs","operationName":"Microsoft.Web/sites/functions/log","level":"Informational",{rest}"#
    )
}

fn record(message: Text) -> Text {
    message.between(&head(r#""properties":{"appName":"fn-shop","message":""#), "\"}}")
}

fn json(text: &str) -> String {
    let quoted = json!(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn dotnet(text: &str) -> String {
    json(text).replace("\\\"", "\\u0022").replace('+', "\\u002B").replace('&', "\\u0026").replace('\'', "\\u0027")
}

fn percent(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Returns the text in base64; its secret is what says anything of it.
fn packed(text: &Text) -> Text {
    let whole = BASE64.encode(text.whole().as_bytes());
    let (start, end) = (text.before.len() * 8 / 6, ((text.before.len() + text.secret.len()) * 8).div_ceil(6));
    Text { before: whole[..start].to_owned(), secret: whole[start..end].to_owned(), after: whole[end..].to_owned() }
}

/// A file of lines, and one that says what is in them.
struct Set {
    lines: BufWriter<File>,
    truth: BufWriter<File>,
    written: usize,
    number: usize,
}

impl Set {
    fn new(folder: &Path, name: &str) -> Self {
        let file = |end| BufWriter::new(File::create(folder.join(format!("{name}.{end}"))).unwrap());
        Self { lines: file("ndjson"), truth: file("truth"), written: 0, number: 0 }
    }

    fn line(&mut self, line: &str) {
        writeln!(self.lines, "{line}").unwrap();
        self.written += line.len() + 1;
        self.number += 1;
    }

    /// Tells of a secret in the last line, and between which of its bytes it stands.
    fn truth(&mut self, group: &str, kind: &str, secret: &str, at: (usize, usize)) {
        let told = json!({ "line": self.number, "group": group, "kind": kind, "secret": secret, "at": at });
        writeln!(self.truth, "{told}").unwrap();
    }
}
