//! `gatewatch dead-letters`: records that could not be decoded.
//!
//! Reads the store beside a running daemon. A retry is a wish left in the store: the daemon takes
//! it up within a second, and this command waits to see what became of it as long as it goes on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::{Clock, Timestamp};
use crate::dashboard::visible;
use crate::store::{DeadLetter, LetterQuery, MayRetry, Reader, StoreError, ask_to_retry};

use super::args::{DeadLetters, Letters, LettersList, LettersRetry, LettersShow, Shape, Since};
use super::talk::{Failure, print_while_read, say};

/// How long to wait for a daemon to take up the first or the next letter.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(200);

/// Lists, shows or retries dead letters.
pub fn dead_letters(command: &DeadLetters) -> Result<ExitCode, Failure> {
    match command {
        DeadLetters::List(options) => list(options),
        DeadLetters::Show(options) => show(options),
        DeadLetters::Retry(options) => retry(options, &Clock::system()),
    }
}

fn query(which: &Letters, now: Timestamp) -> LetterQuery {
    let since = which.since.map(|since| match since {
        Since::At(at) => at,
        Since::Ago(ago) => now.minus(ago),
    });
    LetterQuery { reason: which.reason.clone(), source: which.source.clone(), since, ..LetterQuery::default() }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn failed(error: StoreError) -> Failure {
    Failure::Io(error.to_string())
}

fn list(options: &LettersList) -> Result<ExitCode, Failure> {
    let limit = options.limit as usize;
    let narrowed = query(&options.which, Clock::system().now());
    let asked = LetterQuery { before: options.before, limit: limit + 1, ..narrowed };
    let reader = Reader::open(&options.data.data).map_err(failed)?;
    let letters = reader.dead_letters(&asked).map_err(failed)?;
    let shown = &letters[..letters.len().min(limit)];
    let mut out = String::new();
    for letter in shown {
        match options.format {
            Shape::Json => writeln!(out, "{}", object(letter)),
            Shape::Text => writeln!(out, "{}", row(letter)),
        }
        .map_err(|_| Failure::Io("the list could not be written".into()))?;
    }
    if options.format == Shape::Text && !shown.is_empty() {
        let head =
            format!("{:>8}  {:<20}  {:<16}  {:>9}  {:<8}  FROM\n", "NUMBER", "RECORDED", "REASON", "BYTES", "RETRY");
        out.insert_str(0, &head);
    }
    let read = print_while_read(out.as_bytes())?;
    if options.format == Shape::Text && read {
        match shown.last() {
            None => {
                say("There are no dead letters like this.");
                unknown_source(&reader, options.which.source.as_deref())?;
            }
            Some(last) if letters.len() > limit => {
                say(&format!("There are more: add --before {} to see the next {limit}.", last.id));
            }
            Some(_) => {}
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Letters that are looked through for the sources that there are.
const LOOKED_THROUGH: usize = 10_000;

/// Says of which sources there are letters, if there is none of the one that is asked for.
fn unknown_source(reader: &Reader, asked: Option<&str>) -> Result<(), Failure> {
    let Some(asked) = asked else { return Ok(()) };
    let all = reader.dead_letters(&LetterQuery { limit: LOOKED_THROUGH, ..LetterQuery::default() }).map_err(failed)?;
    let known: BTreeSet<&str> =
        all.iter().filter_map(|letter| letter.stream.as_ref()).map(|stream| &*stream.source).collect();
    if !known.contains(asked) && !known.is_empty() {
        let known: Vec<String> = known.into_iter().map(visible).collect();
        super::setup::note(&format!(
            "no dead letter is of a source {asked}: those there are come from {}",
            known.join(", ")
        ));
    }
    Ok(())
}

fn row(letter: &DeadLetter) -> String {
    let retry = match letter.may_retry() {
        MayRetry::Yes if letter.tried.is_some() => "failed",
        MayRetry::Yes => "can",
        MayRetry::Waits => "waits",
        MayRetry::Cut => "cut",
        MayRetry::Nothing => "nothing",
    };
    let at = letter.at.to_chrono().format("%Y-%m-%dT%H:%M:%SZ");
    let (id, reason, size, from) = (letter.id, &letter.reason, letter.size, visible(&letter.from));
    format!("{id:>8}  {at:<20}  {reason:<16}  {size:>9}  {retry:<8}  {from}")
}

fn object(letter: &DeadLetter) -> Value {
    let stream = letter.stream.as_ref();
    json!({
        "id": letter.id,
        "reason": letter.reason,
        "at": letter.at.to_string(),
        "source": stream.map(|stream| &stream.source),
        "topic": stream.map(|stream| &stream.topic),
        "partition": stream.map(|stream| stream.partition),
        "offset": letter.offset,
        "record": letter.place,
        "size": letter.size,
        "may_retry": match letter.may_retry() {
            MayRetry::Yes => "yes",
            MayRetry::Waits => "waits",
            MayRetry::Cut => "cut",
            MayRetry::Nothing => "nothing-kept",
        },
        "tried": letter.tried.map(|at| at.to_string()),
    })
}

fn show(options: &LettersShow) -> Result<ExitCode, Failure> {
    let reader = Reader::open(&options.data.data).map_err(failed)?;
    let asked = LetterQuery { ids: options.ids.clone(), limit: options.ids.len(), ..LetterQuery::default() };
    let letters = reader.dead_letters(&asked).map_err(failed)?;
    for id in &options.ids {
        let Some(letter) = letters.iter().find(|letter| letter.id == *id) else {
            return Err(Failure::Usage(format!(
                "there is no dead letter {id} (any more): see gatewatch dead-letters list"
            )));
        };
        let text = String::from_utf8_lossy(&letter.bytes);
        let shown = match options.format {
            Shape::Json => {
                let mut object = object(letter);
                object["text"] = json!(text);
                format!("{object}\n")
            }
            Shape::Text => whole(letter, &text),
        };
        if !print_while_read(shown.as_bytes())? {
            break;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn whole(letter: &DeadLetter, text: &str) -> String {
    let lines: Vec<String> = text.lines().map(visible).collect();
    let tried = letter.tried.map_or(String::new(), |at| format!("  tried     {at}, and failed again\n"));
    let cut = if letter.is_cut() { ", of which the first 16 KiB are kept" } else { "" };
    format!(
        "dead letter {}\n  reason    {}: {}\n  from      {}\n  recorded  {}\n{tried}  size      {} bytes{cut}\n  retry     {}\n\n{}\n\n",
        letter.id,
        letter.reason,
        letter.says(),
        visible(&letter.from),
        letter.at,
        letter.size,
        letter.may_retry().says(),
        lines.join("\n")
    )
}

fn retry(options: &LettersRetry, clock: &Clock) -> Result<ExitCode, Failure> {
    let now = clock.now();
    let asked = LetterQuery { ids: options.ids.clone(), ..query(&options.which, now) };
    if asked == LetterQuery::default() && !options.all {
        return Err(Failure::Usage(
            "say which: numbers as `gatewatch dead-letters list` shows them, --reason, --source, --since, or --all"
                .into(),
        ));
    }
    let data = &options.data.data;
    let put = ask_to_retry(data, &asked, "the command line", now).map_err(failed)?;
    let reader = Reader::open(data).map_err(failed)?;
    let waiting = if put.queued + put.waited == 0 { 0 } else { watch(&reader, clock)? };
    let failures = reader.failed_again(now).map_err(failed)?;
    let again: u64 = failures.iter().map(|(_, count)| count).sum();
    let decoded = (put.queued + put.waited).saturating_sub(waiting).saturating_sub(again);
    if options.format == Shape::Json {
        let failures: serde_json::Map<String, Value> =
            failures.into_iter().map(|(reason, count)| (reason, json!(count))).collect();
        let done = json!({
            "queued": put.queued + put.waited, "decoded": decoded, "failed": failures, "waiting": waiting,
            "incomplete": put.incomplete,
        });
        print_while_read(format!("{done}\n").as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if put.incomplete > 0 {
        say(&format!("{} can't be tried again, for not all of them is kept.", put.incomplete));
    }
    if put.queued + put.waited == 0 {
        say("There is nothing to try again.");
        return Ok(ExitCode::SUCCESS);
    }
    let reasons: Vec<String> = failures.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    let says = format!("{decoded} decoded, {again} failed again{reasons}\n");
    if waiting < put.queued + put.waited {
        print_while_read(says.as_bytes())?;
    }
    if waiting > 0 {
        say(&format!(
            "{waiting} wait: no daemon takes them up at present, the next one that starts will. \
             See what became of them with gatewatch dead-letters list."
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits until nothing waits any more, or for as long as it goes on; returns how many are left.
fn watch(reader: &Reader, clock: &Clock) -> Result<u64, Failure> {
    let mut waiting = reader.retries_waiting().map_err(failed)?;
    let mut moved = clock.elapsed();
    while waiting > 0 && clock.elapsed().saturating_sub(moved) < PATIENCE {
        std::thread::sleep(LOOK);
        let now = reader.retries_waiting().map_err(failed)?;
        if now < waiting {
            moved = clock.elapsed();
        }
        waiting = now;
    }
    Ok(waiting)
}
