//! The command line of `gatewatch detectors`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// `gatewatch detectors`.
#[derive(Debug, Subcommand)]
pub enum Detectors {
    /// List the detectors that run: id, level, title.
    List(DetectorFolder),
    /// Check the detectors' files: everything that is wrong, with its place.
    Check(DetectorFolder),
    /// Run the cases beside the detectors.
    Test(DetectorsTest),
    /// Say what a detector watches for, why, and what to do when it fires; or of each event of a file, why it fires or not.
    Explain(Explain),
    /// Print what detectors cover and look for, for other tools and for readers.
    Export(Export),
}

/// Which detectors.
#[derive(Debug, ClapArgs)]
pub struct DetectorFolder {
    /// A folder of detectors instead of the shipped ones.
    #[arg(long, value_name = "DIR")]
    pub detectors: Option<PathBuf>,
    /// A folder of Sigma rules beside them; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub sigma: Vec<PathBuf>,
    /// A configuration whose detectors, Sigma rules and placeholders are meant too.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `gatewatch detectors explain`.
#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// The detector's id, such as key-usage.one_key_many_addresses.
    pub id: String,
    /// Say of each event of this file why the detector fires or not; records or messages as replay reads them.
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,
    /// With --event: use the key in this data folder, so that fingerprints are those of its daemon.
    #[arg(long, value_name = "DIR", requires = "event")]
    pub data: Option<PathBuf>,
    /// Which detectors.
    #[command(flatten)]
    pub folder: DetectorFolder,
}

/// `gatewatch detectors export`.
#[derive(Debug, ClapArgs)]
pub struct Export {
    /// As what.
    #[command(flatten)]
    pub form: ExportForm,
    /// A folder of detectors instead of the shipped ones.
    #[arg(long, value_name = "DIR")]
    pub detectors: Option<PathBuf>,
    /// A configuration whose detectors are meant too.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// What detectors are exported as.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
pub struct ExportForm {
    /// A layer for the ATT&CK Navigator (format 4.5): techniques, scored by how many detectors watch for them.
    #[arg(long)]
    pub navigator: bool,
    /// Sigma 2.1 rules and correlations; what Sigma can't say is named on stderr, with the reason.
    #[arg(long)]
    pub sigma: bool,
    /// A page: each detector with why, triage, false alarms, needs and coverage.
    #[arg(long)]
    pub markdown: bool,
}

/// `gatewatch detectors test`.
#[derive(Debug, ClapArgs)]
pub struct DetectorsTest {
    /// Run the cases of this file instead, each for the detector that it names; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub cases: Vec<PathBuf>,
    /// Which detectors.
    #[command(flatten)]
    pub folder: DetectorFolder,
}
