//! `gatewatch replay --compare` and `--except`: which alerts would come, go and change with other detectors, or
//! under further exceptions?
//!
//! The same files are replayed twice under the same key, so that fingerprints are the same in both.
//! The table lists what is different and counts the rest; it is the same off a terminal, but for
//! the colours.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use crate::alerts::{Alert, Pair, Shift, compare as pairs_of};
use crate::clock::{Timestamp, duration};
use crate::config::{Config, Surrounded};
use crate::dashboard::visible;
use crate::detection::{Catalogue, Exceptions};

use super::args::Replay;
use super::setup::Hiding;
use super::talk::{Failure, colored_output, print, say};
use super::unseen::Unseen;
use super::{around, junit, replay, setup};

const HEAD: [&str; 6] = ["change", "level", "detector", "about", "opened at", "events"];

/// The exit code where no alert is different, but detectors are that saw nothing because secrets were hidden before.
const UNSEEN: u8 = 3;

/// Replays as it is configured and with other detectors or exceptions, and shows what is different.
pub fn compare(
    options: &Replay,
    config: &Config,
    (catalogue, around): (&Catalogue, Surrounded),
    hiding: &Hiding,
) -> Result<ExitCode, Failure> {
    if options.files.iter().any(|file| file.as_os_str() == "-") {
        return Err(Failure::Usage("standard input can be read only once: name files to compare with".to_owned()));
    }
    let mut detection = config.detection.clone();
    if let Some(folder) = &options.compare {
        detection.detectors = Some(folder.clone());
    }
    // What does not run of the Sigma rules was said of the first already.
    let (others, _) = setup::catalogue(&detection, &options.sigma)?;
    let exceptions = around.exceptions.for_others(&others.detectors);
    let exceptions = match &options.except {
        Some(file) => with_those_of(file, &exceptions, &others)?,
        None => exceptions,
    };
    let exceptions = Arc::new(exceptions);
    let were = Arc::clone(&around.exceptions);
    let around_others = Surrounded { exceptions: Arc::clone(&exceptions), ..around::load(config, catalogue)? };
    let now = replay::once(options, config, (catalogue, around), hiding, None)?;
    replay::tell(&now);
    let other = replay::once(options, config, (&others, around_others), hiding, None)?;
    let named = options.compare.iter().chain(&options.except).map(|path| path.display().to_string());
    say(&format!("With {}:", named.collect::<Vec<_>>().join(" and ")));
    replay::tell(&other);

    let apart = |alerts: &[Alert]| alerts.iter().flat_map(Alert::apart).collect::<Vec<_>>();
    let alerts = (apart(&now.alerts), apart(&other.alerts));
    let pairs = pairs_of(&alerts.0, &alerts.1);
    let unseen = Unseen::of(now.hidden_before, (catalogue, &were), (&others, &exceptions));
    if let Some(path) = &options.junit {
        let ids = catalogue.detectors.all.iter().chain(&others.detectors.all).map(|detector| &*detector.id);
        let took = Duration::from_secs_f64(now.summary.seconds + other.summary.seconds);
        replay::write(path, |out| out.write_all(junit::report(ids, &pairs, &unseen, took).as_bytes()))?;
    }
    if options.junit.as_deref().is_none_or(|path| path.as_os_str() != "-") {
        print(&(table(&pairs, colored_output()) + &unseen.says()))?;
    } else if unseen.matters() {
        say(unseen.says().trim_end());
    }
    Ok(ExitCode::from(code(&pairs, &unseen)))
}

/// Returns the exit code: 1 if anything comes, goes or changes; else [`UNSEEN`] if that can't be said of all detectors.
fn code(pairs: &[Pair<'_>], unseen: &Unseen) -> u8 {
    if !pairs.iter().all(Pair::is_same) {
        1
    } else if unseen.matters() {
        UNSEEN
    } else {
        0
    }
}

/// Returns `exceptions` and those that `file` holds.
fn with_those_of(file: &Path, exceptions: &Exceptions, catalogue: &Catalogue) -> Result<Exceptions, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::Io(format!("the exceptions {name} could not be read: {error}")))?;
    let more = Exceptions::read(&name, &text, &catalogue.detectors)
        .map_err(|problems| Failure::Config(problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    exceptions.and(&more).map_err(|why| Failure::Config(format!("{name}: {why}")))
}

/// Returns the table of what is different, with a last line that counts.
fn table(pairs: &[Pair<'_>], colored: bool) -> String {
    let different: Vec<&Pair<'_>> = pairs.iter().filter(|pair| !pair.is_same()).collect();
    let rows: Vec<[String; 6]> = different.iter().map(|pair| row(pair)).collect();
    let mut widths = HEAD.map(UnicodeWidthStr::width);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut out = String::new();
    if !rows.is_empty() {
        out.push_str(&line(&HEAD.map(str::to_owned), &widths));
    }
    for (pair, row) in different.iter().zip(&rows) {
        let (line, code) = (line(row, &widths), color(pair));
        let painted = [format!("\x1b[{code}m"), line.trim_end().to_owned(), "\x1b[0m\n".to_owned()].concat();
        out.push_str(if colored { &painted } else { &line });
    }
    let come = pairs.iter().filter(|pair| matches!(pair, Pair::Come(_))).count();
    let gone = pairs.iter().filter(|pair| matches!(pair, Pair::Gone(_))).count();
    let same = pairs.iter().filter(|pair| pair.is_same()).count();
    let changed = pairs.len() - come - gone - same;
    out + &format!("{come} come, {gone} gone, {changed} changed, {same} the same\n")
}

fn line(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', width + 2 - cell.width()));
    }
    format!("{}\n", line.trim_end())
}

fn row(pair: &Pair<'_>) -> [String; 6] {
    let alert = pair.alert();
    let shifts = pair.shifts();
    let level = shifts.iter().find_map(|shift| match shift {
        Shift::Level(now, other) => Some(format!("{now} → {other}")),
        _ => None,
    });
    let count = shifts.iter().find_map(|shift| match shift {
        Shift::Count(now, other) => Some(format!("{now} → {other}")),
        _ => None,
    });
    [
        change(pair, &shifts),
        level.unwrap_or_else(|| alert.level.to_string()),
        alert.detector.to_string(),
        visible(&alert.entity.sayable()),
        to_the_second(alert.opened_at).to_string(),
        count.unwrap_or_else(|| alert.count.to_string()),
    ]
}

/// Of a moment, whole seconds are enough.
fn to_the_second(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.nanos().div_euclid(1_000_000_000))
}

/// Says in a few words what is different.
pub fn change(pair: &Pair<'_>, shifts: &[Shift]) -> String {
    let one = |shift: &Shift| match shift {
        Shift::Earlier(by) => format!("earlier by {}", rounded(*by)),
        Shift::Later(by) => format!("later by {}", rounded(*by)),
        Shift::Level(now, other) if other > now => "worse".to_owned(),
        Shift::Level(..) => "milder".to_owned(),
        Shift::Count(now, other) if other > now => "more events".to_owned(),
        Shift::Count(..) => "fewer events".to_owned(),
    };
    match pair {
        Pair::Come(_) => "come".to_owned(),
        Pair::Gone(_) => "gone".to_owned(),
        Pair::Both(..) => shifts.iter().map(one).collect::<Vec<_>>().join(", "),
    }
}

/// Of more than a second, whole seconds are enough.
fn rounded(by: Duration) -> String {
    let whole = Duration::from_secs(by.as_secs());
    duration::format(if whole.is_zero() { by } else { whole })
}

fn color(pair: &Pair<'_>) -> &'static str {
    match pair {
        Pair::Come(_) => "32",
        Pair::Gone(_) => "31",
        Pair::Both(..) => "33",
    }
}
