//! The command line as users know it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::clock::{Timestamp, duration};

pub use super::alert_args::{Alerts, Silences};
pub use super::detector_args::{DetectorFolder, Detectors, DetectorsTest, Explain, Export};
pub use super::key_args::{Keys, Redact};
pub use super::record_args::{
    Audit, DeadLetters, Decode, Letters, LettersList, LettersRetry, LettersShow, Shape, Since, Tap,
};
pub use super::sink_args::{Sinks, SinksDeliveries, SinksOne};
pub use super::threat_args::Threats;

/// Watches Azure Functions and the API gateways in front of them.
///
/// Gatewatch reads their logs as a stream, takes every token and every piece of personal data
/// out of them, finds attacks and leaks, and alerts.
#[derive(Debug, Parser)]
#[command(name = "gatewatch", version, about, max_term_width = 100, after_help = "Try it: gatewatch demo")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: read, redact, detect, alert, show.
    Run(Run),
    /// A simulated fleet with attacks in it, through the whole path; prints the dashboard's address.
    Demo(Demo),
    /// The code of the daemon over files, at full speed; exits 0 whatever it found.
    Replay(Replay),
    /// Any text without secrets and people: a line out for each line in; or a report or check of what it holds.
    Redact(Redact),
    /// Labelled telemetry on stdout, messages as Azure writes them; same seed, same bytes.
    Simulate(Simulate),
    /// List, check, test and explain detectors.
    #[command(subcommand)]
    Detectors(Detectors),
    /// Make, check and show the configuration.
    #[command(subcommand)]
    Config(Config),
    /// List the exceptions: what counts for nothing, by whose word, until when, and how often it did.
    #[command(subcommand)]
    Exceptions(Exceptions),
    /// List, show, take, close and watch the alerts of a running daemon.
    #[command(subcommand)]
    Alerts(Alerts),
    /// List, preview, make and end silences of a running daemon.
    #[command(subcommand)]
    Silences(Silences),
    /// Print what the HTTP API offers, as OpenAPI 3.1; a running daemon has it at /api for people.
    Api,
    /// List and show records that could not be decoded, and try them again.
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// List who did what, from where.
    Audit(Audit),
    /// Print what a sink would be sent, try it, and list what was sent.
    #[command(subcommand)]
    Sinks(Sinks),
    /// The live redacted events of a running daemon.
    Tap(Tap),
    /// What each record of a file becomes and why, field by field; redacted.
    Decode(Decode),
    /// Make, list and revoke the tokens by which people and programs come in.
    #[command(subcommand)]
    Token(Token),
    /// List, rotate and destroy the keys that fingerprints are made with, and find what a secret is called.
    #[command(subcommand)]
    Keys(Keys),
    /// Check what a repository configures against the controls, and list those.
    #[command(subcommand)]
    Threats(Threats),
    /// Write store and key into one file that restores both.
    Backup(Backup),
    /// Bring a backup back into an empty data folder.
    Restore(Restore),
}

/// `gatewatch run`.
#[derive(Debug, ClapArgs)]
pub struct Run {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder: store, key and tokens. Overrides `data` in the configuration.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `gatewatch demo`.
#[derive(Debug, ClapArgs)]
pub struct Demo {
    /// Where the dashboard listens.
    #[arg(long, default_value = "127.0.0.1:8321", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// Keep the data in this folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The world's seed.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
}

/// `gatewatch replay`.
#[derive(Debug, ClapArgs)]
pub struct Replay {
    /// The files, partitions of one stream; `-` is standard input. gzip and zstd are read as they are.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write the alerts here, one a line, in their final state; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub alerts: Option<PathBuf>,
    /// Write the messages without secrets and people here (and where each came from into FILE.positions).
    #[arg(long, value_name = "FILE")]
    pub redacted: Option<PathBuf>,
    /// Write what was read, found and how long it took here, as JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,
    /// The alerts' form.
    #[arg(long, default_value = "native")]
    pub format: Format,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A folder of Sigma rules to run too; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub sigma: Vec<PathBuf>,
    /// Use the key in this data folder, so that fingerprints are those of its daemon.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Workers.
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Bytes read at a time.
    #[arg(long, default_value_t = 256 * 1024, value_name = "N", value_parser = batch_bytes)]
    pub batch_bytes: usize,
    /// How far out of order events may be, such as 30s.
    #[arg(long, value_name = "D", value_parser = length)]
    pub lateness: Option<Duration>,
    /// Replay once more with the detectors of this folder, and show which alerts come, go and change; exits 1 if any do, and 3
    /// if that can't be said of detectors of secrets that differ, because the files were redacted before.
    #[arg(long, value_name = "DIR", group = "other", conflicts_with_all = ["alerts", "redacted", "summary"])]
    pub compare: Option<PathBuf>,
    /// Replay once more with the exceptions of this file beside the configured ones, and show the same.
    #[arg(long, value_name = "FILE", group = "other", conflicts_with_all = ["alerts", "redacted", "summary"])]
    pub except: Option<PathBuf>,
    /// Write the comparison here as JUnit XML, a case for each detector; `-` is standard output, instead of the table.
    #[arg(long, value_name = "FILE", requires = "other")]
    pub junit: Option<PathBuf>,
}

/// The form of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Gatewatch's own.
    Native,
    /// OCSF Detection Finding (class 2004).
    Ocsf,
}

/// `gatewatch simulate`.
#[derive(Debug, ClapArgs)]
pub struct Simulate {
    /// The world's seed.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// When it begins, RFC 3339.
    #[arg(long, default_value = "2026-03-02T08:00:00Z", value_name = "T", value_parser = time)]
    pub start: Timestamp,
    /// How long it lasts, such as 1h.
    #[arg(long, default_value = "1h", value_name = "D", value_parser = length)]
    pub duration: Duration,
    /// Records a second of its own time.
    #[arg(long, default_value_t = 50, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: u32,
    /// Weeks of the fleet, thin in records, with incidents, slow attacks and everyday life, instead of hours.
    #[arg(long, value_name = "N", conflicts_with_all = ["duration", "rate"], value_parser = clap::value_parser!(u16).range(1..=520))]
    pub weeks: Option<u16>,
    /// Write what attacks it holds here, as JSON.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// List the attacks it knows and end.
    #[arg(long)]
    pub list: bool,
    /// No attacks at all.
    #[arg(long, conflicts_with = "attacks")]
    pub clean: bool,
    /// Only these attacks; all if none is named.
    #[arg(value_name = "ATTACK")]
    pub attacks: Vec<String>,
}

/// `gatewatch config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print an example configuration.
    Generate(Generate),
    /// Check a configuration: everything that is wrong, with its place and mend.
    Check(ConfigFile),
    /// Print the configuration as loaded, secrets hidden.
    Show(ConfigFile),
}

/// `gatewatch exceptions`.
#[derive(Debug, Subcommand)]
pub enum Exceptions {
    /// List every exception, those that have ended too.
    List(ExceptionsList),
}

/// `gatewatch exceptions list`.
#[derive(Debug, ClapArgs)]
pub struct ExceptionsList {
    /// The configuration file, which names the exceptions'.
    #[arg(long, value_name = "FILE", default_value = "gatewatch.toml")]
    pub config: PathBuf,
    /// The data folder that knows what was held back. Overrides `data` in the configuration.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `gatewatch config generate`.
#[derive(Debug, ClapArgs)]
pub struct Generate {
    /// What the logs come through.
    #[arg(long, default_value = "kafka")]
    pub profile: Profile,
}

/// What the logs come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Apache Kafka.
    Kafka,
    /// Azure Event Hubs' Kafka endpoint.
    EventHubs,
    /// Files.
    File,
    /// Other programs send over HTTP.
    Http,
}

/// A configuration file.
#[derive(Debug, ClapArgs)]
pub struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "gatewatch.toml")]
    pub config: PathBuf,
}

/// `gatewatch token`.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token; it is shown once.
    Create(TokenCreate),
    /// List tokens, never their secrets.
    List(DataFolder),
    /// Revoke a token by its id.
    Revoke(TokenRevoke),
}

/// `gatewatch token create`.
#[derive(Debug, ClapArgs)]
pub struct TokenCreate {
    /// Whose it is, such as dana or the name of a program.
    pub name: String,
    /// What it may do: viewer, operator, admin, or ingest (sending telemetry only).
    #[arg(long, default_value = "operator")]
    pub role: String,
    /// Where.
    #[command(flatten)]
    pub data: DataFolder,
    /// Make the data folder of a daemon that has never run, if it is not there.
    #[arg(long)]
    pub new: bool,
}

/// `gatewatch token revoke`.
#[derive(Debug, ClapArgs)]
pub struct TokenRevoke {
    /// The token's id, as `token list` shows it.
    pub id: String,
    /// Where.
    #[command(flatten)]
    pub data: DataFolder,
}

/// A data folder.
#[derive(Debug, ClapArgs)]
pub struct DataFolder {
    /// The data folder.
    #[arg(long, value_name = "DIR", default_value = super::setup::DATA)]
    pub data: PathBuf,
}

/// `gatewatch backup`.
#[derive(Debug, ClapArgs)]
pub struct Backup {
    /// The file to write; it must not exist yet. It holds the key: keep it as safe as the data folder.
    pub file: PathBuf,
    /// Where from.
    #[command(flatten)]
    pub data: DataFolder,
}

/// `gatewatch restore`.
#[derive(Debug, ClapArgs)]
pub struct Restore {
    /// The file that `gatewatch backup` wrote.
    pub file: PathBuf,
    /// Where to; it must not hold a store yet.
    #[command(flatten)]
    pub data: DataFolder,
}

pub(super) fn length(text: &str) -> Result<Duration, String> {
    duration::parse(text).ok_or_else(|| "write a whole number and ms, s, m, h or d, such as 30s".to_owned())
}

/// Reads a number of things counted from one.
pub(super) fn from_one(text: &str) -> Result<std::num::NonZeroU64, String> {
    text.parse().map_err(|_| "write a whole number from 1".to_owned())
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse_rfc3339(text).ok_or_else(|| "write it as RFC 3339 does, such as 2026-03-02T08:00:00Z".to_owned())
}

fn batch_bytes(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|_| "write a number of bytes, such as 262144".to_owned())?;
    if (1..=64 * 1024 * 1024).contains(&bytes) { Ok(bytes) } else { Err("from 1 byte to 64 MiB".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Args::command().debug_assert();
    }
}
