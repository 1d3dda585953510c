//! The command line of those commands that work on a running daemon's alerts: `alerts`, `silences`.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::record_args::Shape;

/// Which daemon.
#[derive(Debug, ClapArgs)]
pub struct Daemon {
    /// The data folder of the daemon, where it leaves word of its address.
    #[arg(long, value_name = "DIR", default_value = super::setup::DATA, conflicts_with = "url")]
    pub data: PathBuf,
    /// The daemon's dashboard, such as https://gatewatch.example.com, if it is not on this machine.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// A token, where the daemon asks for one: role viewer to look, operator to act. Others on this
    /// machine can see it here; in the variable GATEWATCH_TOKEN they can't.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
    /// How long the daemon may take to answer; of what is read as it comes, between two parts of it.
    #[arg(long, value_name = "D", default_value = "1m", value_parser = super::args::length)]
    pub timeout: Duration,
}

/// The form of a list of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListForm {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
    /// The same as json.
    Ndjson,
    /// For spreadsheets (RFC 4180); what would be a formula there has an apostrophe before it.
    Csv,
}

/// `gatewatch alerts`.
#[derive(Debug, Subcommand)]
pub enum Alerts {
    /// List alerts, newest first: those that are not closed, or what a question finds.
    List(AlertsList),
    /// Show an alert, and what was done with it.
    Show(AlertsShow),
    /// Take alerts: they are yours.
    Ack(AlertsPlain),
    /// Say who is to take alerts.
    Assign(AlertsAssign),
    /// Give alerts back: nobody has them any more.
    Unassign(AlertsPlain),
    /// Close alerts, saying what they were.
    Close(AlertsClose),
    /// Open closed alerts again.
    Reopen(AlertsReopen),
    /// Add a note to alerts.
    Note(AlertsNote),
    /// Print the exception that would have kept an alert from being, or its evidence as cases of detectors.
    Exception(AlertsException),
    /// Take a change of many alerts back.
    Undo(AlertsUndo),
    /// A line for each change of an alert, as it happens.
    Watch(AlertsWatch),
}

/// `gatewatch alerts list`.
#[derive(Debug, ClapArgs)]
pub struct AlertsList {
    /// A question, such as: state:open level:high app:fn-orders since:24h guessing. A word that leaves out comes behind two dashes: -- -family:probing
    #[arg(value_name = "QUESTION")]
    pub question: Vec<String>,
    /// At most so many; without it 50 as text, all of them in any other form.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: ListForm,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch alerts show`.
#[derive(Debug, ClapArgs)]
pub struct AlertsShow {
    /// The alert's id, or its first eight digits or more.
    pub id: String,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch alerts exception`.
#[derive(Debug, ClapArgs)]
pub struct AlertsException {
    /// The alert's id, or its first eight digits or more.
    pub id: String,
    /// Print the evidence as cases, for `gatewatch detectors test --cases`, instead of the exception.
    #[arg(long, conflicts_with = "format")]
    pub case: bool,
    /// The form: `json` is exception, cases and backtest.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// Which alerts a command is for.
#[derive(Debug, ClapArgs)]
#[group(id = "which", required = true, multiple = false)]
pub struct Which {
    /// The alerts' ids, or their first eight digits or more.
    #[arg(value_name = "ID")]
    pub ids: Vec<String>,
    /// Instead: all that a question finds. Without --yes it only says how many those are.
    #[arg(long = "where", value_name = "QUESTION", allow_hyphen_values = true)]
    pub question: Option<String>,
}

/// What all commands that act take.
#[derive(Debug, ClapArgs)]
pub struct Acting {
    /// Which alerts.
    #[command(flatten)]
    pub which: Which,
    /// With --where: do it.
    #[arg(long, requires = "question")]
    pub yes: bool,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch alerts ack`, `gatewatch alerts unassign`.
#[derive(Debug, ClapArgs)]
pub struct AlertsPlain {
    /// Which, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// `gatewatch alerts assign`.
#[derive(Debug, ClapArgs)]
pub struct AlertsAssign {
    /// Who is to take them.
    #[arg(long, value_name = "NAME")]
    pub to: String,
    /// Which, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// What an alert was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Class {
    /// An attack or a leak.
    TruePositive,
    /// What the detector saw is so, and is allowed.
    Benign,
    /// What the detector says is not so.
    FalsePositive,
    /// Nobody could tell.
    Undetermined,
}

/// `gatewatch alerts close`.
#[derive(Debug, ClapArgs)]
pub struct AlertsClose {
    /// What they were.
    #[arg(long)]
    pub class: Class,
    /// Why, in a few words.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Which, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// `gatewatch alerts reopen`.
#[derive(Debug, ClapArgs)]
pub struct AlertsReopen {
    /// Why, in a few words.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Which, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// `gatewatch alerts note`.
#[derive(Debug, ClapArgs)]
pub struct AlertsNote {
    /// What to remember.
    #[arg(long, value_name = "TEXT")]
    pub text: String,
    /// Which, and where.
    #[command(flatten)]
    pub acting: Acting,
}

/// `gatewatch alerts undo`.
#[derive(Debug, ClapArgs)]
pub struct AlertsUndo {
    /// The change's id, as it was said when it was made.
    pub id: String,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch alerts watch`.
#[derive(Debug, ClapArgs)]
pub struct AlertsWatch {
    /// Only alerts that a question finds as they stand then, such as: app:fn-orders state:closed
    #[arg(value_name = "QUESTION")]
    pub question: Vec<String>,
    /// Begin after the change with this id, as --format json shows it; 0: with the oldest that is kept.
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
    /// Only alerts at least this bad, such as high.
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,
    /// Only alerts of this family, such as key-usage.
    #[arg(long, value_name = "FAMILY")]
    pub family: Option<String>,
    /// Only alerts of this app.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
    /// End after so many changes.
    #[arg(long, value_name = "N", value_parser = super::args::from_one)]
    pub limit: Option<NonZeroU64>,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch silences`.
#[derive(Debug, Subcommand)]
pub enum Silences {
    /// List the silences that have not ended: whose, why, until when, and how many alerts they hid.
    List(SilencesList),
    /// Say what a silence would have hidden in the last 30 days.
    Preview(SilencesPreview),
    /// Silence alerts for a while; says first what that would have hidden.
    Add(SilencesAdd),
    /// End a silence now.
    Expire(SilencesExpire),
}

/// `gatewatch silences list`.
#[derive(Debug, ClapArgs)]
pub struct SilencesList {
    /// Those that ended within the last 90 days, too.
    #[arg(long)]
    pub all: bool,
    /// The form.
    #[arg(long, default_value = "text")]
    pub format: Shape,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// What a silence means.
#[derive(Debug, ClapArgs)]
#[group(id = "meant", required = true, multiple = true)]
pub struct Meant {
    /// Alerts of this detector.
    #[arg(long, value_name = "ID")]
    pub detector: Option<String>,
    /// Alerts of this family, such as key-usage.
    #[arg(long, value_name = "FAMILY")]
    pub family: Option<String>,
    /// Alerts about this, such as ip/203.0.113.7.
    #[arg(long, value_name = "ENTITY")]
    pub entity: Option<String>,
    /// Alerts of this app.
    #[arg(long, value_name = "NAME")]
    pub app: Option<String>,
}

/// `gatewatch silences preview`.
#[derive(Debug, ClapArgs)]
pub struct SilencesPreview {
    /// What is meant.
    #[command(flatten)]
    pub meant: Meant,
    /// None worse than this; without it, none worse than the last 30 days had, or than low if they had none.
    #[arg(long, value_name = "LEVEL")]
    pub at_most: Option<String>,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch silences add`.
#[derive(Debug, ClapArgs)]
pub struct SilencesAdd {
    /// What is meant.
    #[command(flatten)]
    pub meant: Meant,
    /// None worse than this; without it, none worse than the last 30 days had, or than low if they had none.
    #[arg(long, value_name = "LEVEL")]
    pub at_most: Option<String>,
    /// Why, in a few words.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// For how long, such as 2h; at most 90d.
    #[arg(long = "for", value_name = "D")]
    pub lasts: String,
    /// From when on, RFC 3339; without it, from now on.
    #[arg(long, value_name = "T")]
    pub starts_at: Option<String>,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}

/// `gatewatch silences expire`.
#[derive(Debug, ClapArgs)]
pub struct SilencesExpire {
    /// The silence's id, as `silences list` shows it.
    pub id: String,
    /// Which daemon.
    #[command(flatten)]
    pub daemon: Daemon,
}
