//! The command line of `threats`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use crate::posture::Level;

use super::alert_args::Daemon;

/// `gatewatch threats`.
#[derive(Debug, Subcommand)]
pub enum Threats {
    /// Check what a repository configures: functions, apps, gateways, their policies; exits 1 if something is as bad as --fail-on, 78 if a file can't be read.
    Check(ThreatsCheck),
    /// List the controls: what should be configured, why, and how it is mended.
    Controls(ThreatsControls),
    /// Draft a model.yaml: what is intended, from what is configured and what the daemon has observed.
    Init(ThreatsInit),
    /// Say by what callers of an endpoint should prove who they are, what of it is there, what is missing, and the configuration to copy.
    Advise(ThreatsAdvise),
    /// Export the threat model of a running daemon for other tools; with paths, what those files alone configure.
    Export(ThreatsExport),
}

/// `gatewatch threats export`.
#[derive(Debug, ClapArgs)]
pub struct ThreatsExport {
    /// Folders and files, as `threats check` reads them: then no daemon is asked, and nothing is observed.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The format.
    #[arg(long)]
    pub format: ExportFormat,
    /// What concerns this app or gateway alone.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// The daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// The format of an export of the threat model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Open Threat Model 0.2.0.
    Otm,
    /// OWASP Threat Dragon 2.
    ThreatDragon,
    /// A flowchart of Mermaid.
    Mermaid,
    /// The state of each control on each part; what would be a formula in a spreadsheet has an apostrophe before it.
    Csv,
    /// A layer of the ATT&CK Navigator, 4.5.
    Navigator,
    /// What is not as it should be, in SARIF 2.1.0.
    Sarif,
}

/// `gatewatch threats check`.
#[derive(Debug, ClapArgs)]
pub struct ThreatsCheck {
    /// Folders and files: host.json, function.json, source, ARM templates and compiled Bicep, `az … show` and Resource Graph exports, `terraform show -json` of plans and state, API Management policies.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What is intended: accepted risks are told as such, and what is configured is held against what is meant.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The form of what is written.
    #[arg(long, default_value = "text")]
    pub format: CheckFormat,
    /// The mildest level that makes it exit 1.
    #[arg(long, default_value = "high", value_name = "LEVEL")]
    pub fail_on: FailOn,
    /// In text, list what can't be told and what is fine as well.
    #[arg(long)]
    pub all: bool,
}

/// The form of what `threats check` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// Everything: each control on each element with its state, the layers of each endpoint.
    Json,
    /// SARIF 2.1.0, as code scanning reads it.
    Sarif,
    /// JUnit XML: a case for each control on each element.
    Junit,
}

/// How bad a finding must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Anything at all.
    Informational,
    /// Low and worse.
    Low,
    /// Medium and worse.
    Medium,
    /// High and worse.
    High,
    /// Critical alone.
    Critical,
    /// Nothing.
    Never,
}

impl FailOn {
    /// Returns the level, if there is one.
    pub const fn level(self) -> Option<Level> {
        Some(match self {
            Self::Informational => Level::Informational,
            Self::Low => Level::Low,
            Self::Medium => Level::Medium,
            Self::High => Level::High,
            Self::Critical => Level::Critical,
            Self::Never => return None,
        })
    }
}

/// `gatewatch threats controls`.
#[derive(Debug, ClapArgs)]
pub struct ThreatsControls {
    /// As a table for a document.
    #[arg(long)]
    pub markdown: bool,
}

/// `gatewatch threats init`.
#[derive(Debug, ClapArgs)]
pub struct ThreatsInit {
    /// Folders and files of what is configured, as `threats check` takes them.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The data folder of the daemon whose observations are used too.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The configuration of that daemon, which names the folder; its own paths of [posture] are read where no PATH is given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `gatewatch threats advise`.
#[derive(Debug, ClapArgs)]
pub struct ThreatsAdvise {
    /// The endpoint: app/function, gateway/api or gateway/api/operation.
    pub endpoint: String,
    /// Folders and files of what is configured, as `threats check` takes them.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// What is intended.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Who calls it.
    #[arg(long, value_name = "WHO")]
    pub caller: Option<WhoCalls>,
}

/// Who calls an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhoCalls {
    /// Somebody who signs in.
    Person,
    /// A service of your own.
    Service,
    /// A consumer outside: a partner, a customer's program.
    External,
    /// None of these.
    Unknown,
}
