//! The command line of those commands that look at records: `dead-letters`, `tap`, `decode`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::clock::{Timestamp, duration};
use crate::telemetry::UndecodableReason;

use super::args::{DataFolder, from_one};

/// A listing's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// `gatewatch dead-letters`.
#[derive(Debug, Subcommand)]
pub enum DeadLetters {
    /// List dead letters, newest first.
    List(LettersList),
    /// Show dead letters whole, as far as they are kept, redacted.
    Show(LettersShow),
    /// Try dead letters again: what decodes now counts as an event. A running daemon does it at
    /// once, else the next one that starts.
    Retry(LettersRetry),
}

/// Which dead letters.
#[derive(Debug, ClapArgs)]
pub struct Letters {
    /// Only those with this reason, such as cut_off.
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: Option<String>,
    /// Only those of the source with this name in the configuration.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
    /// Only those recorded since then: RFC 3339, or so long ago, such as 2h.
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Since>,
}

/// A time, or how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Then.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

/// `gatewatch dead-letters list`.
#[derive(Debug, ClapArgs)]
pub struct LettersList {
    /// Which.
    #[command(flatten)]
    pub which: Letters,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Only those older than this number: the next page.
    #[arg(long, value_name = "NUMBER")]
    pub before: Option<i64>,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Where.
    #[command(flatten)]
    pub data: DataFolder,
}

/// `gatewatch dead-letters show`.
#[derive(Debug, ClapArgs)]
pub struct LettersShow {
    /// Their numbers, as `list` shows them.
    #[arg(required = true, value_name = "NUMBER", num_args = 1..=1_000)]
    pub ids: Vec<i64>,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Where.
    #[command(flatten)]
    pub data: DataFolder,
}

/// `gatewatch dead-letters retry`.
#[derive(Debug, ClapArgs)]
pub struct LettersRetry {
    /// Their numbers, as `list` shows them.
    #[arg(value_name = "NUMBER", num_args = 0..=1_000)]
    pub ids: Vec<i64>,
    /// Which.
    #[command(flatten)]
    pub which: Letters,
    /// All of them.
    #[arg(long)]
    pub all: bool,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Where.
    #[command(flatten)]
    pub data: DataFolder,
}

/// `gatewatch tap`.
#[derive(Debug, ClapArgs)]
pub struct Tap {
    /// The data folder of the daemon, where it leaves word of its address.
    #[arg(long, value_name = "DIR", default_value = super::setup::DATA, conflicts_with = "url")]
    pub data: PathBuf,
    /// The daemon's dashboard, such as https://gatewatch.example.com, if it is not on this machine.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// A token with the role viewer or higher, where the daemon asks for one. Others on this machine
    /// can see it here; in the variable GATEWATCH_TOKEN they can't.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// Only events of this category, such as GatewayLogs.
    #[arg(long, value_name = "NAME")]
    pub category: Option<String>,
    /// Only events of this app or gateway.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// Only events of this kind, such as http.request.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// Only requests whose path begins so.
    #[arg(long, value_name = "PREFIX")]
    pub path: Option<String>,
    /// End after so many events.
    #[arg(long, value_name = "N", value_parser = from_one)]
    pub limit: Option<std::num::NonZeroU64>,
    /// One line an event, or the redacted records as JSON, one a line.
    #[arg(long, default_value = "text")]
    pub format: Shape,
}

/// `gatewatch decode`.
#[derive(Debug, ClapArgs)]
pub struct Decode {
    /// The file; `-` is standard input. gzip and zstd are read as they are.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// For people, or one JSON object a record.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Only this record of the file, counted from 1.
    #[arg(long, value_name = "N", value_parser = from_one)]
    pub record: Option<std::num::NonZeroU64>,
    /// Tell of those records alone that can't be decoded (or of the one of --record), and exit with 1 if there are any.
    #[arg(long)]
    pub check: bool,
    /// Use the key in this data folder, so that fingerprints are those of its daemon.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Why a record that could be decoded is a dead letter.
const OTHERS: [&str; 2] = ["from_the_future", "panicked"];

fn reason(text: &str) -> Result<String, String> {
    let names: Vec<&str> = UndecodableReason::ALL.map(UndecodableReason::name).into_iter().chain(OTHERS).collect();
    let known = names.iter().find(|name| name.eq_ignore_ascii_case(text));
    known.map(|name| (*name).to_owned()).ok_or_else(|| format!("write one of {}", names.join(", ")))
}

fn since(text: &str) -> Result<Since, String> {
    let at = Timestamp::parse_rfc3339(text).map(Since::At).or_else(|| duration::parse(text).map(Since::Ago));
    at.ok_or_else(|| {
        "write a time as RFC 3339 does, such as 2026-03-02T08:00:00Z, or how long ago, such as 2h".to_owned()
    })
}

/// `gatewatch audit`.
#[derive(Debug, ClapArgs)]
pub struct Audit {
    #[command(flatten)]
    pub data: DataFolder,
    /// How many of the newest lines.
    #[arg(long, default_value_t = 50, value_name = "N", conflicts_with = "all")]
    pub limit: u32,
    /// All lines that are kept.
    #[arg(long)]
    pub all: bool,
    /// As text, or as JSON, one object a line, with what was wanted and what it was before and after.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Shape,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_asked_for_by_reasons_that_there_are() {
        assert_eq!(reason("not_json").as_deref(), Ok("not_json"));
        assert_eq!(reason("from_the_future").as_deref(), Ok("from_the_future"));
        assert!(reason("nt_json").is_err_and(|says| says.starts_with("write one of not_json, ")));
    }
}
