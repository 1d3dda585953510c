//! How is a check told to people?
//!
//! By control, the worst first: what is wrong where, and how it is mended; then the layers of each
//! endpoint, what could not be read, and the sums.

use std::fmt::Write as _;

use crate::posture::Level;
use crate::posture::controls::{Layer, State, Verdict};

use super::Checked;

/// Returns the text; with `all` of what is unknown and fine too.
pub fn written(checked: &Checked<'_>, all: bool) -> String {
    let mut out = String::new();
    let mut at = 0;
    let verdicts: Vec<&Verdict<'_>> =
        checked.report.verdicts.iter().filter(|one| all || one.outcome.state == State::NotConfigured).collect();
    let (accepted, verdicts): (Vec<_>, Vec<_>) = verdicts
        .into_iter()
        .partition(|one| one.outcome.state == State::NotConfigured && !checked.accepted.is_open(one));
    let mut told: Vec<(&str, State)> = Vec::new();
    while let Some(first) = verdicts.get(at) {
        let key = (first.control.id.as_str(), first.outcome.state);
        if !told.contains(&key) {
            told.push(key);
            control(checked, &verdicts, key, &mut out);
        }
        at += 1;
    }
    self::accepted(checked, &accepted, &mut out);
    layers(checked, &mut out);
    for link in &checked.model.linked {
        _ = writeln!(out, "{} is taken for the code of {} ({})", line(&link.folder), line(&link.app), link.because);
    }
    if !checked.model.problems.is_empty() {
        _ = writeln!(out, "\nNot read:");
        for problem in &checked.model.problems {
            _ = writeln!(out, "  {}", line(&problem.to_string()));
        }
    }
    sums(checked, &mut out);
    out
}

/// Returns a text as one line that moves nothing on a terminal: what files say can't forge a finding.
pub fn line(text: &str) -> String {
    let moves = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if moves(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// Writes the findings that somebody answers for.
fn accepted(checked: &Checked<'_>, verdicts: &[&Verdict<'_>], out: &mut String) {
    for one in verdicts {
        let answer = checked.accepted.answer(one).map(|answer| answer.told()).unwrap_or_default();
        _ = writeln!(out, "accepted: {} ({})", one.control.title, one.control.id);
        _ = writeln!(out, "  {}: {}\n    {}\n", line(&one.element), line(&one.outcome.says), line(&answer));
    }
}

/// Writes what was found of one control.
fn control(checked: &Checked<'_>, verdicts: &[&Verdict<'_>], key: (&str, State), out: &mut String) {
    let here: Vec<_> = verdicts.iter().filter(|one| (one.control.id.as_str(), one.outcome.state) == key).collect();
    let Some(control) = here.first().map(|one| one.control) else { return };
    let head = if key.1 == State::NotConfigured { control.level.name() } else { key.1.name() };
    _ = writeln!(out, "{head}: {} ({})", control.title, control.id);
    for one in &here {
        _ = writeln!(
            out,
            "  {}: {}\n    at {}",
            line(&one.element),
            line(&one.outcome.says),
            line(&one.outcome.at.to_string())
        );
        if let Some(answer) = checked.accepted.answer(one) {
            _ = writeln!(out, "    {}", line(&answer.told()));
        }
    }
    match key.1 {
        State::NotConfigured => _ = writeln!(out, "  why   {}\n  mend  {}\n", control.why, control.mend),
        State::Unknown => _ = writeln!(out, "  would tell  {}\n", control.would_tell),
        State::Configured => out.push('\n'),
    }
}

fn layers(checked: &Checked<'_>, out: &mut String) {
    let all = &checked.report.layers;
    if all.is_empty() {
        return;
    }
    let widest = all.iter().map(|one| one.endpoint.chars().count()).max().unwrap_or(0).clamp(8, 60);
    _ = write!(out, "{:<widest$}", "endpoint");
    for layer in Layer::ALL {
        _ = write!(out, "  {}", layer.name());
    }
    out.push('\n');
    for one in all {
        _ = write!(out, "{:<widest$}", line(&one.endpoint));
        for layer in Layer::ALL {
            let word = match one.of(layer) {
                State::Configured => "yes",
                State::NotConfigured => "NO",
                State::Unknown => "?",
            };
            let width = layer.name().len();
            _ = write!(out, "  {word:<width$}");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out.push('\n');
}

fn sums(checked: &Checked<'_>, out: &mut String) {
    let report = checked.report;
    let open = || report.findings().filter(|one| checked.accepted.is_open(one));
    let by_level: Vec<String> = Level::ALL
        .iter()
        .rev()
        .filter_map(|level| {
            let n = open().filter(|one| one.control.level == *level).count();
            (n > 0).then(|| format!("{n} {level}"))
        })
        .collect();
    let n = open().count();
    let accepted = match checked.accepted.count(report) {
        0 => String::new(),
        n => format!(" {n} accepted,"),
    };
    let levels = if by_level.is_empty() { String::new() } else { format!(" ({})", by_level.join(", ")) };
    _ = writeln!(
        out,
        "{n} finding{}{levels},{accepted} {} unknown, {} configured; {} files read",
        if n == 1 { "" } else { "s" },
        report.count(State::Unknown),
        report.count(State::Configured),
        checked.model.files
    );
}
