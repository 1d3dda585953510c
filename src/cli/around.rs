//! What surrounds events, for commands: the files of `[context]` read, complained of, and followed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Problem, Surrounded, surroundings};
use crate::context::{ContextProblem, KNOWN_EGRESS};
use crate::detection::{Catalogue, Exceptions, Heard};
use crate::pipeline::{Ask, Core, Reloader, Stage, Surroundings, WARN_BEFORE};
use crate::posture::intended::Intended;
use crate::redaction::{self, Rules};
use crate::store::Reload;

use super::talk::{Failure, colored};

/// Reads the files of `[context]` and the model of `[posture]`.
pub fn load(config: &Config, catalogue: &Catalogue) -> Result<Surrounded, Failure> {
    read(config, catalogue, &Clock::system())
}

/// Reads the same at the time of `clock`.
pub fn read(config: &Config, catalogue: &Catalogue, clock: &Clock) -> Result<Surrounded, Failure> {
    surroundings(config, &catalogue.detectors, clock.now()).map_err(|problems| Failure::Config(complaint(&problems)))
}

/// Reads the same, and returns who follows the files from there on, and what is meant to be.
pub fn begin(
    config: &Config,
    catalogue: &Catalogue,
    clock: &Clock,
) -> Result<(Reloader, Surrounded, Arc<Intended>), Failure> {
    // What changes while they are read is seen as changed.
    let reloader = Reloader::new(config.clone(), catalogue.detectors.clone(), clock.clone());
    let around = read(config, catalogue, clock)?;
    let intended = around.intended.clone();
    Ok((reloader, around, intended))
}

/// Renders what is wrong with the files of `[context]` and `[posture]`.
pub fn complaint(problems: &[ContextProblem]) -> String {
    let mut shown = String::new();
    for one in problems {
        if one.text.is_empty() || one.line == 0 {
            // Writing to a String cannot fail.
            let _ = write!(shown, "error: {one}\n\n");
            continue;
        }
        let start: usize = one.text.split_inclusive('\n').take(one.line - 1).map(str::len).sum();
        let line = one.text[start..].lines().next().unwrap_or_default();
        let inner = line.len() - line.trim_start().len();
        let at = Some(start + inner..start + line.trim_end().len().max(inner));
        let problem = Problem::new(&one.file.display().to_string(), one.says.clone()).at(at);
        shown.push_str(&crate::config::render_whole(&[problem], &one.text, colored()));
    }
    let n = problems.len();
    format!("{shown}{n} problem{} in the files of [context] and [posture]", if n == 1 { "" } else { "s" })
}

/// How long before an exception ends that is said.
pub fn warn_before(config: &Config) -> Duration {
    config.context.warn_before.unwrap_or(WARN_BEFORE)
}

/// Returns what is too old, what ends soon and what has ended.
pub fn warnings(config: &Config, around: &Surrounded, now: Timestamp) -> Vec<String> {
    let ending = around.exceptions.all().iter().filter_map(|one| one.warning(now, warn_before(config)));
    let accepted = around.intended.accepted.iter().filter_map(|one| one.warning(now, warn_before(config)));
    around.context.stale(now).into_iter().chain(ending).chain(accepted).collect()
}

/// Says which conditions of detectors and exceptions ask for lists, tags or kinds of secrets that there are none of.
pub fn unheard(config: &Config, catalogue: &Catalogue, exceptions: &Exceptions, rules: &Rules) -> Vec<String> {
    let lists = &config.context.lists;
    let heard = Heard {
        lists: lists.keys().cloned().chain([KNOWN_EGRESS.to_owned()]).collect(),
        tags: lists.values().flat_map(|list| list.tags.clone()).collect(),
        secrets: redaction::kinds()
            .into_iter()
            .map(str::to_owned)
            .chain(rules.names().iter().map(ToString::to_string))
            .collect(),
    };
    catalogue.unheard(exceptions, &heard)
}

/// Says in the log which those are.
pub fn tell_unheard(config: &Config, catalogue: &Catalogue, around: &Surrounded, rules: &Rules) {
    for says in unheard(config, catalogue, &around.exceptions, rules) {
        tracing::warn!("{says}");
    }
}

/// Says in one line what is meant to be.
pub fn intent(meant: &Intended) -> String {
    let gateways = meant.sites.iter().filter(|site| site.gateway).count();
    let slots = meant.sites.iter().filter(|site| !site.gateway && site.name.contains('/')).count();
    let endpoints: usize = meant.sites.iter().map(|site| site.endpoints.len()).sum();
    format!(
        "version {} of the model: {} apps, {gateways} gateways, {endpoints} endpoints, {} accepted risks.",
        meant.version,
        meant.sites.len() - gateways - slots,
        meant.accepted.len()
    )
}

/// Says in one line what the files hold.
pub fn summary(around: &Surrounded) -> String {
    let [apps, gateways, origins, keys] = around.context.inventory.counts();
    let files = around.context.about().map(|about| match about.written {
        Some(written) => format!("{} ({} networks or nodes, of {written})", about.name, about.networks),
        None => format!("{} ({} networks)", about.name, about.networks),
    });
    let files: Vec<String> = files.collect();
    format!(
        "{} exceptions; an inventory of {apps} apps, {gateways} gateways, {origins} origins, {keys} keys; {}.",
        around.exceptions.all().len(),
        if files.is_empty() { "no places or lists".to_owned() } else { files.join(", ") }
    )
}

/// Lets the core go by what stage 1 goes by, journals which files that is, and follows them; SIGHUP
/// reads them at once.
pub fn follow(
    runtime: &Runtime,
    reloader: Reloader,
    to: Sender<Ask>,
    (core, stage, clock): (&mut Core, &Stage, &Clock),
    (intended, detectors): (Arc<Intended>, BTreeMap<String, String>),
) -> Result<(), Failure> {
    core.set_surroundings(Surroundings { intended, ..Surroundings::of(stage) });
    let mut files = reloader.sums();
    files.extend(detectors);
    if !files.is_empty() {
        core.read_anew(Reload { at: clock.now(), files, event: None });
    }
    if reloader.is_idle() {
        return Ok(());
    }
    let pokes = pokes(runtime);
    let thread = std::thread::Builder::new().name("context".into()).spawn(move || reloader.run(&pokes, &to));
    thread.map(drop).map_err(|error| Failure::Io(format!("the files of [context] can't be followed: {error}")))
}

/// Returns what speaks at SIGHUP, for as long as `runtime` lasts.
pub fn pokes(runtime: &Runtime) -> Receiver<()> {
    let (poke, pokes) = bounded(1);
    runtime.spawn(async move {
        let Ok(mut hangup) = signal(SignalKind::hangup()) else { return std::future::pending().await };
        while hangup.recv().await.is_some() {
            // One that waits already is enough.
            let _ = poke.try_send(());
        }
    });
    pokes
}
