//! `gatewatch audit`: who did what, from where.
//!
//! Reads the store beside a running daemon, a thousand lines at a time: an audit of any length is
//! listed in bounded memory. What strangers wrote of themselves is shown with its control characters visible.

use std::process::ExitCode;

use crate::dashboard::visible;
use crate::store::{Audited, Reader, StoreError};

use super::args::{Audit, Shape};
use super::talk::{Failure, print_while_read, say};

const AT_ONCE: usize = 1_000;

/// Lists the newest lines, or all, oldest first.
pub fn audit(options: &Audit) -> Result<ExitCode, Failure> {
    let reader = Reader::open(&options.data.data).map_err(failed)?;
    let mut after = if options.all { 0 } else { reader.audited_before(options.limit as usize).map_err(failed)? };
    let mut any = false;
    loop {
        let lines = reader.audited(after, AT_ONCE).map_err(failed)?;
        let Some(last) = lines.last() else { break };
        (after, any) = (last.id, true);
        let text: Result<Vec<String>, _> = lines.iter().map(|line| line_of(line, options.format)).collect();
        let text = text.map_err(|error| Failure::Io(format!("a line can't be written as JSON ({error})")))?;
        if !print_while_read(text.concat().as_bytes())? {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !any {
        say("Nobody has done anything yet.");
    }
    Ok(ExitCode::SUCCESS)
}

fn line_of(line: &Audited, format: Shape) -> Result<String, serde_json::Error> {
    if format == Shape::Json {
        return Ok(format!("{}\n", serde_json::to_string(line)?));
    }
    let from = if line.address.is_empty() { "-" } else { &line.address };
    let what = if line.alert.is_empty() { line.did.clone() } else { format!("{} {}", line.did, line.alert) };
    let change = match (&line.before, &line.after) {
        (Some(before), Some(after)) => format!("  ({} -> {})", word(before), word(after)),
        _ => String::new(),
    };
    let text = format!("{:<24} {:<15} {:<28} {what}{change}", line.at.to_string(), from, line.who);
    Ok(format!("{}\n", visible(text.trim_end())))
}

fn word(standing: &serde_json::Value) -> String {
    let state = standing["state"].as_str().unwrap_or_default();
    standing["assignee"].as_str().map_or_else(|| state.to_owned(), |assignee| format!("{state}, {assignee}"))
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn failed(error: StoreError) -> Failure {
    Failure::Io(error.to_string())
}
