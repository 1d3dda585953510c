//! `gatewatch threats`: what should be configured, and whether it is.
//!
//! `check` reads a repository as it stands, without credentials and without a daemon. What it writes
//! goes through the redactor as a whole, so that no secret of the repository is repeated.

mod accepted;
mod advise;
mod controls;
mod export;
mod init;
mod json;
mod junit;
mod sarif;
mod text;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::clock::{Clock, Timestamp};
use crate::posture::configured::{MAX_BYTES, Model, Unwalked, files, read};
use crate::posture::controls::{Controls, Report, evaluate_meant, shipped};
use crate::posture::intended::{Intended, draft};
use crate::redaction::{Redactor, Settings};

use super::talk::{Failure, print, say};
use super::threat_args::{CheckFormat, Threats, ThreatsAdvise, ThreatsCheck, ThreatsInit};
use super::{around, setup};
use accepted::Acceptances;

/// Checks a repository, lists the controls, drafts a model or gives advice.
pub fn threats(command: &Threats) -> Result<ExitCode, Failure> {
    let controls = shipped().map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::Config(told.join("\n"))
    })?;
    match command {
        Threats::Check(options) => check(options, &controls),
        Threats::Init(options) => init(options),
        Threats::Advise(options) => advise(options, &controls),
        Threats::Export(options) => export::export(options, controls),
        Threats::Controls(options) if options.markdown => {
            print(&controls::markdown(&controls))?;
            Ok(ExitCode::SUCCESS)
        }
        Threats::Controls(_) => {
            for control in &controls.all {
                print(&format!("{:<32} {:<14} {}\n", control.id, control.level.name(), control.title))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What every form is written from.
struct Checked<'c> {
    model: &'c Model,
    controls: &'c Controls,
    report: &'c Report<'c>,
    accepted: Acceptances<'c>,
}

fn check(options: &ThreatsCheck, controls: &Controls) -> Result<ExitCode, Failure> {
    let hiding = setup::hiding(None, &Settings::default())?;
    let now = Clock::system().now();
    let intended = options.model.as_deref().map(|file| meant(file, now)).transpose()?;
    let model = self::model(&options.paths, &hiding.redactor)?;
    let report = evaluate_meant(&model, controls, intended.as_ref());
    let accepted = intended.as_ref().map(|meant| Acceptances::of(meant, now)).unwrap_or_default();
    let checked = Checked { model: &model, controls, report: &report, accepted };
    let written = match options.format {
        CheckFormat::Text => text::written(&checked, options.all),
        CheckFormat::Json => json::written(&checked),
        CheckFormat::Sarif => sarif::written(&checked),
        CheckFormat::Junit => junit::written(&checked),
    };
    print(&String::from_utf8_lossy(&hiding.redactor.hide(written.as_bytes())))?;
    Ok(ended(options, &checked))
}

/// Drafts a model.
fn init(options: &ThreatsInit) -> Result<ExitCode, Failure> {
    let config = setup::config(options.config.as_deref())?;
    let hiding = setup::hiding(None, &Settings::default())?;
    let paths = if options.paths.is_empty() { &config.posture.configured } else { &options.paths };
    let told = options.data.is_some() || options.config.is_some();
    if paths.is_empty() && !told {
        let says = "name folders and files of what is configured, or the daemon that observes (--data, --config)";
        return Err(Failure::Usage(says.to_owned()));
    }
    let model = self::model(paths, &hiding.redactor)?;
    let observed = if told { init::observed(&setup::data(options.data.as_deref(), &config))? } else { BTreeMap::new() };
    let written = draft(&model, &observed);
    print(&String::from_utf8_lossy(&hiding.redactor.hide(written.as_bytes())))?;
    for problem in &model.problems {
        say(&format!("not read: {problem}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what fits an endpoint.
fn advise(options: &ThreatsAdvise, controls: &Controls) -> Result<ExitCode, Failure> {
    let hiding = setup::hiding(None, &Settings::default())?;
    let intended = options.model.as_deref().map(|file| meant(file, Clock::system().now())).transpose()?;
    let model = self::model(&options.paths, &hiding.redactor)?;
    let report = evaluate_meant(&model, controls, intended.as_ref());
    let written = advise::written(&advise::Asked {
        endpoint: &options.endpoint,
        caller: options.caller,
        model: &model,
        report: &report,
        intended: intended.as_ref(),
    })?;
    print(&String::from_utf8_lossy(&hiding.redactor.hide(written.as_bytes())))?;
    Ok(ExitCode::SUCCESS)
}

/// Languages that only their own tools can read, and what they make that is read.
const SOURCES_OF_OTHERS: [(&str, &str); 2] = [
    (".bicep", "compile them (az bicep build --file FILE) and check what that writes"),
    (".tf", "write what they plan (terraform show -json PLAN > plan.json) and check that"),
];

/// Reads what is meant.
fn meant(file: &Path, now: Timestamp) -> Result<Intended, Failure> {
    crate::config::model(file, now).map_err(|problems| Failure::Config(around::complaint(&problems)))
}

/// Returns what files at and below `paths` configure.
fn model(paths: &[PathBuf], redactor: &Redactor) -> Result<Model, Failure> {
    let found = files(paths).map_err(|unwalked| match unwalked {
        Unwalked::Gone(..) => Failure::Io(unwalked.to_string()),
        Unwalked::TooMany => Failure::Usage(unwalked.to_string()),
    })?;
    let names: Vec<String> = found.files.keys().cloned().collect();
    let mut load = |name: &str| match found.files.get(name) {
        Some(path) => bytes(path).map_err(|error| error.to_string()),
        None => Err("it is not among the files".to_owned()),
    };
    let mut model = read(&names, &mut load, redactor);
    for (end, mend) in SOURCES_OF_OTHERS {
        let many = names.iter().filter(|name| name.ends_with(end)).count();
        if many > 0 {
            say(&format!("not read: {many} file{} {end}: {mend}", if many == 1 { "" } else { "s" }));
        }
    }
    for (folder, says) in found.unread {
        model.problem(&folder, 0, says);
    }
    Ok(model)
}

/// Reads a file, of one that is too large only so much that this is seen.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    File::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut read)?;
    Ok(read)
}

/// Says how it ended, and returns the exit code.
fn ended(options: &ThreatsCheck, checked: &Checked<'_>) -> ExitCode {
    let (model, report) = (checked.model, checked.report);
    if model.dropped + report.dropped > 0 {
        say(&format!("{} elements, problems and results are left out: check in parts", model.dropped + report.dropped));
    }
    for one in checked.accepted.idle(report) {
        say(&format!("line {} of the model accepts {} on {}, which was not found", one.line, one.control, one.element));
    }
    let worst = checked.accepted.worst(report);
    let failing = options.fail_on.level().and_then(|level| worst.filter(|worst| *worst >= level));
    if let Some(worst) = failing {
        say(&format!("something {worst} was found"));
        return ExitCode::FAILURE;
    }
    if model.files == 0 {
        say(
            "nothing was read: there is no file of functions, templates, policies or API descriptions at or below these paths",
        );
        return ExitCode::from(78);
    }
    if !model.problems.is_empty() {
        let n = model.problems.len();
        say(&format!("{n} problem{} in the files: what they configure is not known", if n == 1 { "" } else { "s" }));
        return ExitCode::from(78);
    }
    ExitCode::SUCCESS
}
