//! `gatewatch detectors explain`: what a detector watches for, and of each event of a file why it fires or not.
//!
//! The file is read, redacted and matched by the daemon's code. What is told is redacted.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use bumpalo::Bump;

use crate::clock::Clock;
use crate::dashboard::visible;
use crate::detection::describe;
use crate::detection::examine::{Added, Clause, Examined, Examiner, FoundAt, Told};
use crate::detection::in_words::amount;
use crate::redaction::hidden_before;
use crate::sources::{FileReader, ReadState};
use crate::telemetry::{Batch, StreamId};

use super::args::Explain;
use super::talk::{Failure, print, print_while_read, say};
use super::{around, setup};

/// What is said of a record that a detector of secrets can't judge.
const UNSEEN: &str = "the record was redacted before: secrets in it are not seen";
/// Bytes read at a time.
const BATCH: usize = 256 * 1024;

/// Explains a detector, or what it makes of the events of a file.
pub fn explain(options: &Explain) -> Result<ExitCode, Failure> {
    let mut config = setup::config(options.folder.config.as_deref())?;
    if let Some(own) = &options.folder.detectors {
        config.detection.detectors = Some(own.clone());
    }
    let (catalogue, sigma) = setup::catalogue(&config.detection, &options.folder.sigma)?;
    if let Some(silent) = sigma.silent.iter().find(|silent| silent.id == options.id) {
        print(&format!(
            "{}\n{}\n\n  never runs: nothing of ours makes its log source, {}\n",
            silent.id, silent.title, silent.source
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(detector) = catalogue.detectors.named(&options.id) else {
        let all = catalogue.detectors.all.iter();
        let near = all.min_by_key(|known| strsim::damerau_levenshtein(&known.id, &options.id));
        let near = near.map(|known| format!(": did you mean {}?", known.id)).unwrap_or_default();
        return Err(Failure::Usage(format!("there is no detector `{}`{near}", options.id)));
    };
    let walk = sigma.walk(&options.id);
    let Some(file) = &options.event else {
        print(&described(detector, walk.as_ref()))?;
        return Ok(ExitCode::SUCCESS);
    };
    let hiding = setup::hiding(options.data.as_deref(), &config.redaction)?;
    let around = around::load(&config, &catalogue)?;
    let stage = setup::stage(&hiding, &catalogue, around, false, &Clock::system());
    let Some(mut examiner) = Examiner::new(&catalogue, &options.id, stage.matcher.clone()) else {
        return Ok(ExitCode::SUCCESS);
    };
    examiner = examiner.with_sigma(walk);
    let (adds_up, sees_events) = (detector.counting.is_risk(), detector.counting.sees_events());
    let undecodable = examine(file, &stage, &mut examiner)?;
    let (told, left_out) = examiner.finish();
    for one in told.iter().filter(|one| sees_events || !matches!(one, Told::Event(_))) {
        if !print_while_read(text(one).as_bytes())? {
            return Ok(ExitCode::SUCCESS);
        }
    }
    summary(&told, adds_up, left_out, undecodable);
    Ok(ExitCode::SUCCESS)
}

/// Says all of a detector that a person needs to know; of Sigma rules what they ask for, too.
fn described(detector: &crate::detection::Detector, walk: Option<&crate::detection::sigma::Walk>) -> String {
    let mut out = describe(detector);
    if let Some(walk) = walk {
        out.push_str("\nWhat it looks for\n");
        for line in walk.describe() {
            // Writing to a string can't fail.
            let _ = writeln!(out, "  {}", visible(&line));
        }
    }
    out
}

/// Shows `examiner` the events of `file`; returns how many records could not be decoded.
fn examine(file: &Path, stage: &crate::pipeline::Stage, examiner: &mut Examiner<'_>) -> Result<usize, Failure> {
    let read = |error: crate::sources::SourceError| Failure::Io(error.to_string());
    let mut reader = FileReader::open(file, StreamId(0), 0).map_err(read)?;
    let (mut arena, mut state, mut undecodable) = (Bump::new(), ReadState::More, 0);
    while state == ReadState::More {
        let mut batch = Batch::default();
        state = reader.read(&mut batch, BATCH).map_err(read)?;
        let hidden: HashSet<i64> = (0..batch.messages.len())
            .filter(|at| hidden_before(batch.message(*at)))
            .map(|at| batch.messages[at].offset)
            .collect();
        undecodable += stage.each_event(&batch, &mut arena, |event, hash| {
            if hidden.contains(&event.position().offset) {
                examiner.look_again(event, hash);
            } else {
                examiner.look(event, hash);
            }
        });
    }
    Ok(undecodable)
}

fn text(told: &Told) -> String {
    match told {
        Told::Event(event) => of_event(event),
        Told::Elapsed(elapsed) => format!("{}  FIRES: {}\n\n", elapsed.at, visible(&elapsed.says)),
        Told::Added(added) => of_added(added),
        Told::Found(found) => of_found(found),
    }
}

fn of_found(found: &FoundAt) -> String {
    let entity = visible(&found.entity);
    let brought = found.event.map_or_else(|| "time alone".to_owned(), |number| format!("event {number}"));
    let steps = found.steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let by = visible(&found.detector);
    let mut out =
        format!("{}  {brought}  about {entity}\n  step {steps}: found by {by}\n  {}\n", found.at, found.standing);
    if let Some(says) = &found.fired {
        // Writing to a string can't fail.
        let _ = writeln!(out, "  FIRES: {}", visible(says));
    }
    out.push('\n');
    out
}

fn of_added(added: &Added) -> String {
    let mut out = added.at.to_string();
    match added.event {
        // Writing to a string can't fail.
        Some(number) => _ = writeln!(out, "  event {number}  about {}", visible(&added.entity)),
        None => _ = writeln!(out, "  time alone  about {}", visible(&added.entity)),
    }
    for found in &added.found {
        let (detector, level, tactic) = (visible(&found.detector), found.level, found.tactic);
        let _ = writeln!(out, "  found by {detector}: {level}, {tactic}, worth {}", found.worth);
    }
    for piece in &added.held {
        let half = if piece.counts < piece.worth { ", half of it, for its tactic has a heavier one" } else { "" };
        let _ = writeln!(
            out,
            "    {:>5}  {}: {}: {} at {}, {} by now{half}",
            amount(piece.counts),
            piece.tactic,
            visible(&piece.detector),
            piece.fresh,
            piece.at,
            amount(piece.worth)
        );
    }
    let _ = writeln!(out, "  {}", added.standing);
    if let Some(says) = &added.fired {
        let _ = writeln!(out, "  FIRES: {}", visible(says));
    }
    out.push('\n');
    out
}

fn of_event(event: &Examined) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(out, "event {}  {}  {}", event.number, event.time, event.what);
    for look in &event.looks {
        if !look.of.is_empty() {
            let _ = writeln!(out, "  {}: {}", visible(&look.of), if look.holds { "all of it holds" } else { "fails" });
        }
        for clause in &look.clauses {
            let _ = writeln!(out, "{}", of_clause(clause, usize::from(!look.of.is_empty())));
        }
    }
    if let Some(why) = &event.passed_over {
        let _ = writeln!(out, "  not counted: {}", visible(why));
    } else if event.counted.is_empty() {
        out.push_str("  not counted: the condition fails\n");
    }
    if event.unseen {
        let _ = writeln!(out, "  {UNSEEN}");
    }
    for counted in &event.counted {
        let _ = writeln!(out, "  counted for {}: {}", visible(&counted.entity), counted.standing);
        if let Some(says) = &counted.fired {
            let _ = writeln!(out, "  FIRES: {}", visible(says));
        }
    }
    out.push('\n');
    out
}

fn of_clause(clause: &Clause, deeper: usize) -> String {
    let indent = "  ".repeat(clause.depth + deeper + 1);
    let verdict = if clause.holds { "yes" } else { "NO " };
    let saw = match &clause.saw {
        Some(saw) => format!("  ← {}", visible(saw)),
        // What has clauses of its own says nothing itself.
        None if clause.asks.ends_with(':') => String::new(),
        None => "  ← (nothing)".to_owned(),
    };
    format!("{indent}{verdict} {}{saw}", visible(&clause.asks))
}

fn summary(told: &[Told], adds_up: bool, left_out: usize, undecodable: usize) {
    let (mut events, mut counted, mut found, mut fired, mut unseen) = (0, 0, 0, 0, 0);
    for one in told {
        match one {
            Told::Event(event) => {
                events += 1;
                unseen += usize::from(event.unseen);
                counted += usize::from(!event.counted.is_empty());
                fired += event.counted.iter().filter(|counted| counted.fired.is_some()).count();
            }
            Told::Elapsed(_) => fired += 1,
            Told::Added(added) => {
                found += added.found.len();
                fired += usize::from(added.fired.is_some());
            }
            Told::Found(one) => {
                found += 1;
                fired += usize::from(one.fired.is_some());
            }
        }
    }
    let came = match (adds_up, found) {
        (true, _) => format!("{found} findings of other detectors added up"),
        (_, 0) => format!("{counted} counted"),
        _ => format!("{counted} counted beside {found} findings of other detectors"),
    };
    say(&format!("{events} events, {came}, it fires {fired} times; {undecodable} records could not be decoded"));
    if unseen > 0 {
        setup::note(&format!(
            "{unseen} events are of records that were redacted before: secrets in them are not seen, and the detector looks at \
             them or goes by what others find in them"
        ));
    }
    if left_out > 0 {
        setup::note(&format!("{left_out} more events were left out: give a shorter file"));
    }
}
