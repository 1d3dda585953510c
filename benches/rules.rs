//! What does the worst line cost that can be written against each kind of secret, and what do many secrets
//! and many rules cost?
//!
//! First telemetry is scanned in which there is nothing to hide: as it is, with a made-up secret in every
//! record, and by 1,000 imported rules more. Then each kind's worst line. A line is made of nothing but
//! beginnings of one kind's secrets, 8 KB long and 64 KB long. Eight times the text should take eight times
//! the time; a square would take sixty-four. So do lines made for how a text is read rather than for a kind.
//! The costliest are printed, and the exit code is 1 if one takes more than twenty-four times. Time is the
//! processor's, the best of three. Run: `./dev bench rules`, for the first part alone `./dev bench rules speed`.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::borrow::Cow;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use gatewatch::clock::Timestamp;
use gatewatch::redaction::{KeyRing, Redactor, Settings, made};
use gatewatch::simulate::{Options, World};
use gatewatch::telemetry::{Batch, Privilege, StreamId};

const LENGTHS: [usize; 2] = [8 << 10, 64 << 10];
const SHOWN: usize = 12;
/// What else is repeated, by its name.
const LINES: [(&str, &str); 4] = [
    ("base64 with spaces for pluses", "eHh4eHh4eHh4eHh4eHh4eHh "),
    ("elements that are not closed", "<password><a:password b='c'>"),
    ("lists with spaces", ";password=a b c d e f"),
    ("keys over lines", "api_key=kDgHHLXOqipdiurNIuy4iD\nf11NAV2SZr_4x\n"),
];
/// Between the eight times of what is linear and the sixty-four of a square.
const TOO_MUCH: f64 = 24.0;

const RECORDS: usize = 20_000;
const BATCH_BYTES: usize = 256 * 1024;
const IMPORTED: usize = 1_000;

fn main() -> ExitCode {
    let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let redactor = Redactor::new(&keys, &Settings::default()).unwrap();
    speed(&redactor, &keys);
    if std::env::args().any(|arg| arg == "speed") {
        return ExitCode::SUCCESS;
    }
    let next = &mut chance(24);
    let begun = redactor.rules().all().iter().map(|rule| {
        let (text, _) = rule.made(next).unwrap();
        (rule.name.to_string(), text.chars().take(text.chars().count() * 2 / 3).collect::<String>())
    });
    let lines = LINES.iter().map(|(name, line)| ((*name).to_owned(), (*line).to_owned()));
    let mut all: Vec<(f64, f64, String)> = begun
        .chain(lines)
        .map(|(name, line)| {
            let [short, long] = LENGTHS.map(|length| cost(&redactor, &line.repeat(length / line.len() + 1)));
            (long, long / short, name)
        })
        .collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("{:<36} {:>12} {:>22}", "kind", "ns a byte", "times, of 8 times text");
    for (long, times, name) in all.iter().take(SHOWN) {
        println!("{name:<36} {:>12.1} {times:>22.1}", long * 1e9 / LENGTHS[1] as f64);
    }
    let squares: Vec<&str> = all.iter().filter(|one| one.1 > TOO_MUCH).map(|one| one.2.as_str()).collect();
    if squares.is_empty() {
        println!("all of {} are linear", all.len());
        return ExitCode::SUCCESS;
    }
    println!("worse than linear: {}", squares.join(", "));
    ExitCode::FAILURE
}

/// Prints how fast telemetry is scanned.
fn speed(redactor: &Redactor, keys: &KeyRing) {
    let file = std::env::temp_dir().join(format!("gatewatch-bench-rules-{}.toml", std::process::id()));
    import(&file);
    let more = Redactor::new(keys, &Settings { rules: vec![file.clone()], ..Settings::default() });
    std::fs::remove_file(&file).unwrap();
    let clean = clean(redactor);
    let with_key = planted(&clean, |next, _| {
        format!("https://shop.example/api?code={}", made::function_key(next, Privilege::Function))
    });
    let rules = redactor.rules().all();
    let planted = planted(&clean, |next, nth| match nth % (rules.len() + 2) {
        0 => format!("AccountName=shop;AccountKey={};", made::storage_key(next)),
        1 => format!("Authorization: Bearer {}", made::jwt(next, "ann")),
        kind => rules[kind - 2].made(next).unwrap().0,
    });
    println!("{:<48} {:>8} {:>12} {:>9}", "telemetry", "found", "µs a record", "MB/s");
    measure("nothing to hide", redactor, &clean);
    measure("a Functions key in every record", redactor, &with_key);
    measure("a secret in every record, all kinds in turn", redactor, &planted);
    let more = more.unwrap();
    measure("nothing to hide, 1,000 imported rules", &more, &clean);
    measure("a Functions key in every record, 1,000 imported", &more, &with_key);
}

fn measure(name: &str, redactor: &Redactor, records: &[Vec<u8>]) {
    let mut batches = vec![Batch::default()];
    for (nth, record) in records.iter().enumerate() {
        if batches.last().unwrap().bytes.len() >= BATCH_BYTES {
            batches.push(Batch::default());
        }
        batches.last_mut().unwrap().push(record, StreamId(0), nth as i64, nth as i64 + 1, None);
    }
    let found = |batch: &Batch| {
        let scanned = redactor.scan(batch);
        (0..batch.messages.len()).map(|message| scanned.sightings(message).len()).sum::<usize>()
    };
    let found: usize = batches.iter().map(found).sum();
    let seconds = (0..7)
        .map(|_| {
            let began = spent();
            for batch in &batches {
                drop(black_box(redactor.scan(batch)));
            }
            spent() - began
        })
        .fold(f64::MAX, f64::min);
    let bytes: usize = records.iter().map(Vec::len).sum();
    let (each, speed) = (seconds * 1e6 / records.len() as f64, bytes as f64 / seconds / 1e6);
    println!("{name:<48} {found:>8} {each:>12.3} {speed:>9.0}");
}

/// Returns records of telemetry in which there is nothing to hide.
fn clean(redactor: &Redactor) -> Vec<Vec<u8>> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        records: Vec<Box<serde_json::value::RawValue>>,
    }
    let start = Timestamp::parse_rfc3339("2026-03-02T08:00:00Z").unwrap();
    let duration = Duration::from_hours(24);
    World::new(Options { seed: 7, start, duration, rate: 50, attacks: vec![], clean: true })
        .unwrap()
        .filter_map(|message| serde_json::from_slice::<Envelope>(&message.bytes).ok())
        .flat_map(|envelope| envelope.records.into_iter().map(|record| record.get().as_bytes().to_vec()))
        .filter(|record| matches!(redactor.hide(record), Cow::Borrowed(_)))
        .take(RECORDS)
        .collect()
}

/// Returns `records`, each with a text in which there is a secret made for it.
fn planted(records: &[Vec<u8>], text: impl Fn(&mut dyn FnMut() -> u64, usize) -> String) -> Vec<Vec<u8>> {
    let next = &mut chance(2026);
    let plant = |(nth, record): (usize, &Vec<u8>)| {
        let text = serde_json::to_string(&text(next, nth)).unwrap();
        [&record[..record.len() - 1], b",\"note\":", text.as_bytes(), b"}"].concat()
    };
    records.iter().enumerate().map(plant).collect()
}

/// Writes rules as gitleaks has them for the services it knows: a made-up name and a value.
fn import(file: &Path) {
    let next = &mut chance(1);
    let mut one_of = |letters: &str| letters.as_bytes()[next() as usize % letters.len()] as char;
    let rule = |nth: usize| {
        let syllables = 2 + nth % 3;
        let name: String = (0..syllables).flat_map(|_| [one_of("bcdfghjklmnprstvwz"), one_of("aeiou")]).collect();
        let name = name + &one_of("lnrstx").to_string();
        format!(
            r#"
[[rules]]
id = "{name}-{nth}"
description = "A token of {name}"
regex = '''(?i)[\w.-]{{0,50}}?(?:{name})(?:[ \t\w.-]{{0,20}})[\s'"]{{0,3}}(?:=|>|:{{1,3}}=|\|\||:|=>|\?=|,)[\x60'"\s=]{{0,5}}([a-z0-9]{{32}})(?:[\x60'"\s;]|\\[nr]|$)'''
entropy = 3
keywords = ["{name}"]
"#
        )
    };
    let rules: Vec<String> = (0..IMPORTED).map(rule).collect();
    std::fs::write(file, rules.concat()).unwrap();
}

/// Returns the seconds of processor time that `line` takes.
fn cost(redactor: &Redactor, line: &str) -> f64 {
    (0..3)
        .map(|_| {
            let began = spent();
            black_box(redactor.hide(line.as_bytes()));
            spent() - began
        })
        .fold(f64::MAX, f64::min)
}

/// Returns the seconds that this thread has had a processor.
fn spent() -> f64 {
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

/// Returns numbers that look like chance, the same for the same seed.
fn chance(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
