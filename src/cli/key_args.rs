//! The command line of `keys` and `redact`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

use crate::clock::duration;

/// `gatewatch keys`.
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// List the installation's keys: id, when made, where it stands; never the key.
    List(KeyPlace),
    /// Make a new key that takes over after an overlap, in which both are known.
    Rotate(KeysRotate),
    /// Take a key out of the file for good: its fingerprints can't be computed again.
    Destroy(KeysDestroy),
    /// Say which fingerprints and name a secret has that you hold; it is read without echo, and not kept.
    Fingerprint(KeysFingerprint),
    /// List what was called what: fingerprints of one thing before and after a rotation.
    Links(KeysLinks),
    /// Say whether a caller's key may be revoked: who still uses it, since when it is quiet, who has moved to another.
    Readiness(KeysReadiness),
}

/// Where the installation's key is.
#[derive(Debug, ClapArgs)]
pub struct KeyPlace {
    /// The configuration file: it may say that the key is elsewhere, and which rules to go by.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder. Overrides `data` in the configuration.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `gatewatch keys rotate`.
#[derive(Debug, ClapArgs)]
pub struct KeysRotate {
    /// How long detectors learn the new names before they take over, such as 30d; 0s takes over at the next start.
    #[arg(long, default_value = "30d", value_name = "D", value_parser = overlap)]
    pub overlap: Duration,
    /// Where.
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `gatewatch keys destroy`.
#[derive(Debug, ClapArgs)]
pub struct KeysDestroy {
    /// The key's id, as `keys list` shows it.
    pub id: String,
    /// Yes, I know that nothing brings it back.
    #[arg(long)]
    pub yes: bool,
    /// Where.
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `gatewatch keys fingerprint`.
#[derive(Debug, ClapArgs)]
pub struct KeysFingerprint {
    /// The file that holds the secret and nothing else; without one it is asked for, or read from
    /// standard input. It is never an argument, for other users can read those.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Where.
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `gatewatch keys links`.
#[derive(Debug, ClapArgs)]
pub struct KeysLinks {
    /// Only those of this fingerprint, old or new.
    pub fingerprint: Option<String>,
    /// At most so many, the newest.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub limit: u32,
    /// Where.
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `gatewatch keys readiness`.
#[derive(Debug, ClapArgs)]
pub struct KeysReadiness {
    /// The key: its name as alerts say it (amber-falcon), its fingerprint, or an APIM subscription's id.
    #[arg(value_name = "KEY")]
    pub key: String,
    /// It may go when nobody has used it for so long.
    #[arg(long, default_value = "7d", value_name = "D", value_parser = quiet)]
    pub quiet: Duration,
    /// Say it as JSON.
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub place: KeyPlace,
}

/// `gatewatch redact`.
#[derive(Debug, ClapArgs)]
pub struct Redact {
    /// The files to read, one after another; `-` or none is standard input.
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// Write what was found here, one JSON object a line (what, where, how sure, fingerprint; never the secret); `-` is
    /// standard output, in the place of the text.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write no text; exit 1 if a secret was found for certain, and say on standard error what and where.
    #[arg(long)]
    pub check: bool,
    /// Go by this configuration: its rules, policies and key.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use the key in this data folder, so that fingerprints are those of its daemon.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Go by the rules in this file or folder as well: a gitleaks configuration, or a table of kinds.
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
}

fn quiet(text: &str) -> Result<Duration, String> {
    match duration::parse(text) {
        Some(length) if (Duration::from_hours(1)..=Duration::from_hours(24 * 30)).contains(&length) => Ok(length),
        Some(_) => Err("an hour at least, and 30 days at most: so far back is told day by day".to_owned()),
        None => Err("write a whole number and h or d, such as 7d".to_owned()),
    }
}

fn overlap(text: &str) -> Result<Duration, String> {
    let days = |most: u64| Duration::from_hours(24 * most);
    match duration::parse(text) {
        Some(length) if length <= days(3_650) => Ok(length),
        Some(_) => Err("ten years at most".to_owned()),
        None => Err("write a whole number and ms, s, m, h or d, such as 30d".to_owned()),
    }
}
