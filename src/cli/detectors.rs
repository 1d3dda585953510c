//! `gatewatch detectors`: what runs, whether it is right, what it means.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::detection::cases::{self, CaseResult};
use crate::detection::sigma::Rules;
use crate::detection::{Case, Catalogue, check as problems_of, export, passed_over};
use crate::redaction::Redactor;

use super::args::{DetectorFolder, Detectors, DetectorsTest, Export};
use super::talk::{Failure, print, say};
use super::{around, explain, setup};

/// Lists, checks, tests or explains detectors.
pub fn detectors(command: &Detectors) -> Result<ExitCode, Failure> {
    match command {
        Detectors::List(folder) => {
            let (catalogue, sigma) = loaded(folder)?;
            for detector in &catalogue.detectors.all {
                print(&format!("{:<52} {:<14} {}\n", detector.id, detector.level.name(), detector.title))?;
            }
            for silent in &sigma.silent {
                print(&format!("{:<52} {:<14} {} ({})\n", silent.id, "never runs", silent.title, silent.source))?;
            }
            for problem in &sigma.refused {
                setup::note(&problem.to_string());
            }
            Ok(ExitCode::SUCCESS)
        }
        Detectors::Check(folder) => check(folder),
        Detectors::Test(options) => test(options),
        Detectors::Export(options) => exported(options),
        Detectors::Explain(options) => explain::explain(options),
    }
}

/// Prints the detectors in another form; what that can't say goes to stderr.
fn exported(options: &Export) -> Result<ExitCode, Failure> {
    let (detectors, config) = (options.detectors.clone(), options.config.clone());
    let (catalogue, _) = loaded(&DetectorFolder { detectors, sigma: Vec::new(), config })?;
    if options.form.navigator {
        print(&format!("{:#}\n", export::navigator(&catalogue.detectors)))?;
    } else if options.form.markdown {
        print(&export::markdown(&catalogue))?;
    } else {
        let (text, unsaid) = export::sigma(&catalogue);
        print(&text)?;
        let left_out = unsaid.iter().filter(|one| !one.exported).count();
        for one in &unsaid {
            setup::note(&format!("{}{}: {}", if one.exported { "" } else { "without " }, one.detector, one.why));
        }
        let own = catalogue.detectors.all.iter().filter(|detector| !detector.is_sigma()).count();
        say(&format!("{} of {own} detectors exported", own - left_out));
    }
    Ok(ExitCode::SUCCESS)
}

/// Compiles what `folder` names.
fn loaded(folder: &DetectorFolder) -> Result<(Catalogue, Rules), Failure> {
    let mut detection = setup::config(folder.config.as_deref())?.detection;
    if let Some(own) = &folder.detectors {
        detection.detectors = Some(own.clone());
    }
    setup::catalogue(&detection, &folder.sigma)
}

/// Says what of the conditions asks for names that are nowhere, where everything can be read.
fn unheard(folder: &DetectorFolder) -> Vec<String> {
    let said = || -> Result<Vec<String>, Failure> {
        let (config, (catalogue, _)) = (setup::config(folder.config.as_deref())?, loaded(folder)?);
        let (around, rules) = (around::load(&config, &catalogue)?, setup::rules(&config.redaction)?);
        Ok(around::unheard(&config, &catalogue, &around.exceptions, &rules))
    };
    // Of what is wrong with other files `config check` tells.
    if folder.config.is_some() { said().unwrap_or_default() } else { Vec::new() }
}

fn check(folder: &DetectorFolder) -> Result<ExitCode, Failure> {
    let config = setup::config(folder.config.as_deref())?.detection;
    for says in unheard(folder) {
        setup::note(&says);
    }
    let own = folder.detectors.as_deref().or(config.detectors.as_deref());
    let mut problems = problems_of(own);
    own.map(passed_over).unwrap_or_default().iter().for_each(|note| setup::note(&note.to_string()));
    let folders: Vec<PathBuf> = config.sigma.iter().chain(&folder.sigma).cloned().collect();
    let sigma = Rules::load(&folders, &config.sigma_placeholders);
    sigma.notes.iter().for_each(|note| setup::note(&note.to_string()));
    problems.extend(sigma.refused.iter().cloned());
    if problems.is_empty() {
        if !folders.is_empty() {
            let (all, never) = (sigma.understood(), sigma.silent.len());
            say(&format!(
                "{all} Sigma rules compile; {never} of them never run, for nothing of ours makes their log sources."
            ));
        }
        say("Every detector is in order.");
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Detectors(setup::list(&problems)))
}

/// Runs cases that lie in files of their own.
fn loose(files: &[PathBuf], catalogue: &Catalogue, redactor: &Redactor) -> Result<Vec<CaseResult>, Failure> {
    let mut results = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::Io(format!("the cases {name} could not be read: {error}")))?;
        let read = Case::read_all(&name, &text).and_then(|all| cases::run_loose(catalogue, &all, redactor));
        results.extend(read.map_err(|problems| Failure::Detectors(setup::list(&problems)))?);
    }
    Ok(results)
}

fn test(options: &DetectorsTest) -> Result<ExitCode, Failure> {
    let (catalogue, _) = loaded(&options.folder)?;
    let hiding = setup::hiding(None, &crate::redaction::Settings::default())?;
    let results = if options.cases.is_empty() {
        cases::run(&catalogue, &hiding.redactor)
    } else {
        loose(&options.cases, &catalogue, &hiding.redactor)?
    };
    for result in &results {
        match &result.wrong {
            None => print(&format!("ok      {}: {}\n", result.detector, result.name))?,
            Some(wrong) => print(&format!(
                "FAILED  {}: {}\n        {}:{}: {wrong}\n",
                result.detector, result.name, result.file, result.line
            ))?,
        }
    }
    let failed = results.iter().filter(|result| result.wrong.is_some()).count();
    say(&format!("{} cases passed, {failed} failed", results.len() - failed));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
