//! What do the files of `[context]` and the model of `[posture]` say, and what is wrong in any of them?
//!
//! All of them are read together, and taken as a whole or not at all: every problem of every file is
//! told at once. The exceptions name detectors, so those must have been compiled.

use std::path::Path;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::context::{Context, ContextProblem, Inventory, InventorySettings, Lists, Places, Topology};
use crate::detection::{Detectors, Exceptions};
use crate::posture::intended::{self, Intended};

use super::excerpt::Excerpt;
use super::{Config, Problem, read};

/// Bytes of the exceptions' and the inventory's files at most.
const MAX_BYTES: u64 = 4 << 20;

/// What the files and the configuration say together.
#[derive(Debug)]
pub struct Surrounded {
    /// Places, lists and the inventory.
    pub context: Arc<Context>,
    /// Matches that count for nothing.
    pub exceptions: Arc<Exceptions>,
    /// What lies behind what.
    pub topology: Topology,
    /// What is meant to be.
    pub intended: Arc<Intended>,
}

/// Reads every file of `[context]`, and the model of `[posture]`.
///
/// # Errors
///
/// Every problem of every file.
pub fn surroundings(config: &Config, detectors: &Detectors, now: Timestamp) -> Result<Surrounded, Vec<ContextProblem>> {
    let mut problems = Vec::new();
    let mut take = |found: Vec<ContextProblem>| problems.extend(found);
    let settings = &config.context;
    let inventory = inventory(config).unwrap_or_else(|found| {
        take(found);
        InventorySettings::default()
    });
    let exceptions = match &settings.exceptions {
        Some(file) => exceptions(file, detectors).map_err(&mut take).unwrap_or_default(),
        None => Exceptions::default(),
    };
    let topology = Topology::new(&config.clients, &inventory.apps, &inventory.gateways);
    let egress = inventory.gateways.clone();
    let inventory = Inventory::new(&inventory);
    let places = Places::load(&settings.places, settings.places_max_age).map_err(&mut take).unwrap_or_default();
    let lists = Lists::load(&settings.lists, inventory.egress()).map_err(&mut take).unwrap_or_default();
    let intended = match &config.posture.model {
        Some(file) => model(file, now).map_err(&mut take).unwrap_or_default(),
        None => Intended::default(),
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let context = Context { places, lists, inventory, intents: intended.compile(&egress) };
    let (context, exceptions) = (Arc::new(context), Arc::new(exceptions));
    Ok(Surrounded { context, exceptions, topology, intended: Arc::new(intended) })
}

/// Reads what is intended; accepted risks name the controls that come with the program.
///
/// # Errors
///
/// Every problem of the file.
pub fn model(file: &Path, now: Timestamp) -> Result<Intended, Vec<ContextProblem>> {
    let text = text_of(file, intended::MAX_BYTES as u64)?;
    let controls = crate::posture::controls::shipped().map_err(|found| in_lines(file, "", found))?;
    let read = Intended::read(&file.display().to_string(), &text, &controls, now);
    read.map_err(|found| in_lines(file, &text, found))
}

fn exceptions(file: &Path, detectors: &Detectors) -> Result<Exceptions, Vec<ContextProblem>> {
    let text = text_of(file, MAX_BYTES)?;
    let read = Exceptions::read(&file.display().to_string(), &text, detectors);
    read.map_err(|found| in_lines(file, &text, found))
}

/// Returns problems of a file with its text, to point into.
fn in_lines(file: &Path, text: &str, found: Vec<crate::posture::Problem>) -> Vec<ContextProblem> {
    let text: Arc<str> = text.into();
    let at = |one: crate::posture::Problem| ContextProblem {
        file: file.to_owned(),
        line: one.line,
        says: one.says,
        text: text.clone(),
    };
    found.into_iter().map(at).collect()
}

/// Returns the configuration's own inventory with that of the file.
fn inventory(config: &Config) -> Result<InventorySettings, Vec<ContextProblem>> {
    let mut all = InventorySettings {
        apps: config.apps.clone(),
        gateways: config.gateways.clone(),
        keys: config.keys.clone(),
        origins: config.origins.clone(),
    };
    let Some(file) = &config.context.inventory else { return Ok(all) };
    let text = text_of(file, MAX_BYTES)?;
    let name = file.display().to_string();
    let told = |found: Vec<Problem>| {
        let shown = Excerpt::of(&text);
        found.into_iter().map(|problem| in_file(file, &text, &shown, problem)).collect::<Vec<_>>()
    };
    let (more, places) = read::<InventorySettings>(&name, &text).map_err(told)?;
    let mut problems = Vec::new();
    let mut wrong = |path: &str, says: &str, help: &str| {
        problems.push(Problem::new(&name, says).at(places.of(path)).help(help));
    };
    super::inventory::check(&more, &mut wrong);
    for both in all.add(more) {
        wrong(&both, "it is in the configuration too", "leave it out here or there");
    }
    super::inventory::layers(&config.clients, &all, &mut wrong);
    if problems.is_empty() { Ok(all) } else { Err(told(problems)) }
}

/// Returns a problem of the inventory with its text, secrets left out.
fn in_file(file: &Path, text: &str, shown: &Excerpt, problem: Problem) -> ContextProblem {
    let before = problem.at.as_ref().and_then(|at| text.get(..at.start));
    let help = problem.help.map(|help| format!(": {help}")).unwrap_or_default();
    ContextProblem {
        file: file.to_owned(),
        line: before.map_or(0, |before| before.matches('\n').count() + 1),
        says: shown.says(&format!("{}{help}", problem.says)),
        text: shown.text().into(),
    }
}

fn text_of(file: &Path, most: u64) -> Result<String, Vec<ContextProblem>> {
    let whole = |says: String| vec![ContextProblem::whole(file, says)];
    let unread =
        |error: std::io::Error| whole(format!("it can't be read ({error}): check the path and its permissions"));
    if std::fs::metadata(file).map_err(unread)?.len() > most {
        return Err(whole(format!("it is larger than {} MB: take out what ended", most >> 20)));
    }
    std::fs::read_to_string(file).map_err(unread)
}
