//! What does the worst line cost that can be written against each kind of secret?
//!
//! A line is made of nothing but beginnings of one kind's secrets, 8 KB long and 64 KB long. Eight times
//! the text should take eight times the time; a square would take sixty-four. So do lines made for how a
//! text is read rather than for a kind. The costliest are printed, and the exit code is 1 if one takes more
//! than twenty-four times. Time is the processor's, the best of three. Run: `./dev bench rules`.

#![expect(clippy::disallowed_macros, clippy::print_stdout, reason = "a benchmark prints")]
#![expect(clippy::unwrap_used, reason = "a benchmark that can't be set up has nothing to say")]

use std::hint::black_box;
use std::process::ExitCode;

use gatewatch::redaction::{KeyRing, Redactor, Settings};

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

fn main() -> ExitCode {
    let keys = KeyRing::from_text("k1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let redactor = Redactor::new(&keys, &Settings::default()).unwrap();
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
