//! From a configuration to the parts that commands need.

use std::fs::DirBuilder;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::alerts::BookSettings;
use crate::clock::Clock;
use crate::config::{Config, Problem, Surrounded};
use crate::dashboard::Tap;
use crate::detection::sigma::Rules as SigmaRules;
use crate::detection::{Catalogue, EngineSettings};
use crate::pipeline::CoreSettings;
use crate::redaction::{KeyRing, RedactionError, Redactor, RuleProblem, Rules, Settings};
use crate::sources::Secret;
use crate::telemetry::{Category, Kind};

use super::talk::{Failure, colored, say};

/// The data folder where none is named.
pub const DATA: &str = "gatewatch-data";
/// The tokens' file in the data folder.
pub const TOKENS: &str = "tokens.json";

/// Where a running daemon's dashboard listens, in its data folder.
const ADDRESS: &str = "address";

/// Where a running daemon's dashboard is.
#[derive(Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Where it listens; one that listens on every address is reached on loopback.
    pub address: SocketAddr,
    /// With TLS: the name on its certificate, and the file that has it.
    pub tls: Option<(String, PathBuf)>,
}

/// Leaves word in the data folder of where the daemon's dashboard listens, for commands that talk
/// to it; returns the file. Where it can't be written they must be told with `--url`.
pub fn leave_address(data: &Path, address: SocketAddr, dashboard: &crate::config::Dashboard) -> PathBuf {
    let file = data.join(ADDRESS);
    let mut says = address.to_string();
    if let Some(tls) = &dashboard.tls {
        let url = dashboard.external_url.as_deref().and_then(|url| reqwest::Url::parse(url).ok());
        let name = url.as_ref().and_then(|url| url.host_str()).unwrap_or("localhost");
        let certificate = std::path::absolute(&tls.certificate).unwrap_or_else(|_| tls.certificate.clone());
        says = format!("{says}\n{name}\n{}", certificate.display());
    }
    drop(std::fs::write(&file, format!("{says}\n")));
    file
}

/// Returns where the daemon of folder `data` is, if it left word.
pub fn daemon_address(data: &Path) -> Option<Whereabouts> {
    let says = std::fs::read_to_string(data.join(ADDRESS)).ok()?;
    let mut lines = says.lines();
    let mut address: SocketAddr = lines.next()?.trim().parse().ok()?;
    if address.ip().is_unspecified() {
        let v6 = address.is_ipv6();
        address.set_ip(if v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() });
    }
    let tls = lines.next().map(str::to_owned).zip(lines.next().map(PathBuf::from));
    Some(Whereabouts { address, tls })
}

/// Reads and checks the configuration; without a file, the defaults.
pub fn config(path: Option<&Path>) -> Result<Config, Failure> {
    let Some(path) = path else { return Ok(Config::default()) };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::Config(format!(
            "the configuration {} could not be read: {error}. Make one with: gatewatch config generate > {}",
            path.display(),
            path.display()
        ))
    })?;
    crate::config::load(&path.display().to_string(), &text).map_err(|problems| complain(&problems, &text))
}

/// Returns what the configuration at `path` names that is not there: variables, and files of secrets and certificates.
pub fn missing(path: Option<&Path>) -> (Vec<Problem>, String) {
    let Some(path) = path else { return (Vec::new(), String::new()) };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    (crate::config::missing(&path.display().to_string(), &text, &crate::config::variable), text)
}

/// Returns what would keep a daemon from starting with the configuration at `path`, which reads well.
pub fn trial(path: &Path, config: &Config, clock: &Clock) -> Result<(), Failure> {
    let (file, text) = (path.display().to_string(), std::fs::read_to_string(path).unwrap_or_default());
    let Ok((_, places)) = crate::config::read::<Config>(&file, &text) else { return Ok(()) };
    let problems = crate::config::trial(config, (&file, &text, &places), clock);
    if problems.is_empty() { Ok(()) } else { Err(complain(&problems, &text)) }
}

/// Returns which files of `[context]` and `[posture]` that the configuration at `path` names can't be read.
pub fn unread(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut problems = crate::config::unread(&path.display().to_string(), &text);
    // A nightly export may come later: until then the page of the model says what could not be read.
    problems.retain(|problem| !problem.says.starts_with("posture.configured"));
    if problems.is_empty() { Ok(()) } else { Err(complain(&problems, &text)) }
}

/// Renders configuration problems.
pub fn complain(problems: &[Problem], text: &str) -> Failure {
    let n = problems.len();
    let shown = crate::config::render(problems, text, colored());
    Failure::Config(format!("{shown}{n} problem{} in the configuration", if n == 1 { "" } else { "s" }))
}

/// Renders what is wrong with files of rules.
fn complain_of_rules(problems: &[RuleProblem]) -> Failure {
    let mut shown = String::new();
    for one in problems {
        let mut problem = Problem::new(&one.file, one.says.clone()).at(one.at.clone());
        if !one.help.is_empty() {
            problem = problem.help(one.help.clone());
        }
        shown.push_str(&crate::config::render_whole(&[problem], &one.text, colored()));
    }
    let n = problems.len();
    Failure::Config(format!("{shown}{n} problem{} in the rules", if n == 1 { "" } else { "s" }))
}

/// Returns the rules that `settings` name, and those that come with the program.
pub fn rules(settings: &Settings) -> Result<Arc<Rules>, Failure> {
    Rules::load(&settings.rules).map_err(|problems| complain_of_rules(&problems))
}

/// Says what the owner of rules should know, on stderr.
pub fn note(note: &str) {
    say(&format!("note: {note}"));
}

/// Returns the data folder: of the command line, of the configuration, or the default.
pub fn data(flag: Option<&Path>, config: &Config) -> PathBuf {
    flag.map(Path::to_path_buf).or_else(|| config.data.clone()).unwrap_or_else(|| PathBuf::from(DATA))
}

/// Makes the data folder, its owner's alone; one that is there stays as it is.
pub fn folder(data: &Path) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.map_err(|error| Failure::Io(format!("the data folder {} could not be made: {error}", data.display())))
}

/// The installation's key, and the redactor that hides things under it.
#[derive(Clone, Debug)]
pub struct Hiding {
    /// Hides secrets and people.
    pub redactor: Arc<Redactor>,
    /// The installation's keys, as they are now.
    pub keys: KeyRing,
}

impl Hiding {
    fn new(keys: KeyRing, settings: &Settings) -> Result<Self, Failure> {
        let keys = keys.at(Clock::system().now());
        Ok(Self { redactor: Arc::new(redactor(&keys, settings)?), keys })
    }
}

/// Returns what hides things under the key in use of `keys`.
pub fn redactor(keys: &KeyRing, settings: &Settings) -> Result<Redactor, Failure> {
    Redactor::new(keys, settings).map_err(|error| match error {
        RedactionError::Rules(problems) => complain_of_rules(&problems),
        other => Failure::Config(other.to_string()),
    })
}

/// Returns the keys there are: of the configuration, or in the data folder; makes none.
pub fn ring(config: &Config, data: &Path) -> Result<KeyRing, Failure> {
    match &config.key {
        None => KeyRing::load(&data.join(crate::store::KEY_FILE)).map_err(|error| Failure::Io(error.to_string())),
        Some(secret) => configured(secret),
    }
}

fn configured(secret: &Secret) -> Result<KeyRing, Failure> {
    let wrong = |why: String| Failure::Config(format!("the installation's key: {why}"));
    match secret {
        Secret::File { file } => KeyRing::load(file),
        other => KeyRing::from_text(&other.resolve(&crate::config::variable).map_err(wrong)?),
    }
    .map_err(|error| wrong(error.to_string()))
}

/// Returns what hides things under the key in folder `data`; with none, under a fresh key.
pub fn hiding(data: Option<&Path>, settings: &Settings) -> Result<Hiding, Failure> {
    let Some(data) = data else {
        let keys = KeyRing::ephemeral().map_err(|error| Failure::Io(error.to_string()))?;
        return Hiding::new(keys, settings);
    };
    folder(data)?;
    let path = data.join(crate::store::KEY_FILE);
    let (keys, made) = KeyRing::load_or_create(&path).map_err(|error| Failure::Io(error.to_string()))?;
    if made {
        say(&format!(
            "Made the installation's key, {}. Whoever has it can tell which secret a fingerprint stands for; back it up with: gatewatch backup FILE",
            path.display()
        ));
    }
    Hiding::new(keys, settings)
}

/// Returns what a daemon hides things with: its key from the configuration, or its data folder.
pub fn daemon_hiding(config: &Config, data: &Path) -> Result<Hiding, Failure> {
    let Some(secret) = &config.key else { return hiding(Some(data), &config.redaction) };
    Hiding::new(configured(secret)?, &config.redaction)
}

/// Compiles what `detection` names, and the Sigma rules in the folders `sigma` beside.
pub fn catalogue(detection: &crate::config::Detection, sigma: &[PathBuf]) -> Result<(Catalogue, SigmaRules), Failure> {
    // What a command names is meant: without it, it would do less than was asked for.
    for named in sigma {
        std::fs::metadata(named).map_err(|error| {
            Failure::Io(format!("the Sigma rules {} can't be read ({error}): check the path", named.display()))
        })?;
    }
    let own = detectors(detection.detectors.as_deref())?;
    let folders: Vec<PathBuf> = detection.sigma.iter().chain(sigma).cloned().collect();
    let rules = SigmaRules::load(&folders, &detection.sigma_placeholders);
    let catalogue = own.with_sigma(&rules).map_err(|problems| Failure::Detectors(list(&problems)))?;
    Ok((catalogue, rules))
}

/// Compiles what is to run, and says what of the Sigma rules does not.
pub fn running(detection: &crate::config::Detection, sigma: &[PathBuf]) -> Result<Catalogue, Failure> {
    let (catalogue, rules) = catalogue(detection, sigma)?;
    tell_of_sigma(&rules);
    Ok(catalogue)
}

/// Says what of the Sigma rules does not run.
pub fn tell_of_sigma(rules: &SigmaRules) {
    for problem in rules.refused.iter().take(MOST_TOLD) {
        note(&problem.to_string());
    }
    let more = rules.refused.len().saturating_sub(MOST_TOLD);
    if more > 0 {
        note(&format!("{more} more Sigma rules are refused: gatewatch detectors check lists them"));
    }
    if !rules.silent.is_empty() {
        let n = rules.silent.len();
        note(&format!(
            "{n} Sigma rules never run, for nothing of ours makes their log sources: gatewatch detectors list names them"
        ));
    }
}

/// Refused rules that are told at a start, at most.
const MOST_TOLD: usize = 20;

/// Compiles the detectors of folder `dir`, or the shipped ones.
pub fn detectors(dir: Option<&Path>) -> Result<Catalogue, Failure> {
    let catalogue = match dir {
        Some(dir) => Catalogue::load(dir),
        None => Catalogue::shipped(),
    };
    catalogue.map_err(|problems| Failure::Detectors(list(&problems)))
}

/// Lists detector problems, one a line.
pub fn list(problems: &[crate::detection::Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let n = problems.len();
    format!("{}\n{n} problem{} in the detectors", lines.join("\n"), if n == 1 { "" } else { "s" })
}

/// Returns how the core behaves.
pub fn core(config: &Config, durable: bool) -> CoreSettings {
    let detection = &config.detection;
    CoreSettings {
        lateness: detection.lateness,
        idle: detection.idle,
        duplicates_window: detection.duplicates_window,
        max_remembered: detection.max_remembered,
        engine: EngineSettings {
            max_entities: detection.max_entities,
            max_waiting_bytes: detection.max_waiting_megabytes * 1024 * 1024,
        },
        book: BookSettings {
            update_every: config.alerts.update_every,
            cooldown: config.alerts.cooldown,
            max_alerts: config.alerts.max_open,
        },
        counts_for: config.posture.stale_after,
        durable,
    }
}

/// Returns how many workers to start: as configured, else one for each processor.
pub fn workers(config: &Config) -> usize {
    match config.detection.threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        n => n,
    }
}

/// Returns stage 1 with these parts.
pub fn stage(
    hiding: &Hiding,
    catalogue: &Catalogue,
    around: Surrounded,
    keep_redacted: bool,
    clock: &Clock,
) -> crate::pipeline::Stage {
    crate::pipeline::Stage {
        topology: around.topology,
        context: around.context,
        redactor: hiding.redactor.clone(),
        matcher: catalogue.matcher(hiding.keys.siphash_key()).with_exceptions(around.exceptions),
        content_seed: hiding.keys.content_key(),
        keep_redacted,
        tap: Tap::of(Category::ALL.map(Category::name).to_vec(), Kind::ALL.map(Kind::name).to_vec()),
        clock: clock.clone(),
    }
}
