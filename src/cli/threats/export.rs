//! `gatewatch threats export`: the threat model for other tools.
//!
//! A running daemon is asked for it by its API. With paths nobody is asked: what those files configure is the
//! whole of it, nothing is observed, and what is written goes through the redactor as a whole.

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::Arc;

use crate::dashboard::visible;
use crate::detection::Catalogue;
use crate::posture::controls::{Controls, evaluate, shipped_threats};
use crate::posture::export::{Format, Watch, written};
use crate::posture::living::Living;
use crate::redaction::Settings;

use super::super::client::{Daemon, run};
use super::super::setup;
use super::super::talk::{Failure, print, print_while_read, say};
use super::super::threat_args::{ExportFormat, ThreatsExport};

/// Exports the model.
pub fn export(options: &ThreatsExport, controls: Controls) -> Result<ExitCode, Failure> {
    if options.paths.is_empty() { run(asked(options)) } else { offline(options, controls) }
}

const fn format(format: ExportFormat) -> Format {
    match format {
        ExportFormat::Otm => Format::Otm,
        ExportFormat::ThreatDragon => Format::ThreatDragon,
        ExportFormat::Mermaid => Format::Mermaid,
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Navigator => Format::Navigator,
        ExportFormat::Sarif => Format::Sarif,
    }
}

async fn asked(options: &ThreatsExport) -> Result<(), Failure> {
    let daemon = Daemon::find(&options.daemon)?;
    let mut pairs = vec![("format", format(options.format).name())];
    pairs.extend(options.app.as_deref().map(|app| ("app", app)));
    let mut answer = daemon.open("/api/v1/model/export", &pairs).await?;
    // What would move a terminal is written by number in every format already.
    while let Some(chunk) = daemon.chunk(&mut answer).await? {
        if !print_while_read(&chunk)? {
            return Ok(());
        }
    }
    if std::io::stdout().is_terminal() {
        say("Into a file: gatewatch threats export … > FILE");
    }
    Ok(())
}

fn offline(options: &ThreatsExport, controls: Controls) -> Result<ExitCode, Failure> {
    let hiding = setup::hiding(None, &Settings::default())?;
    let model = super::model(&options.paths, &hiding.redactor)?;
    let threats = shipped_threats().map_err(|problems| Failure::Detectors(setup::list(&problems)))?;
    let controls = Arc::new(controls);
    let living = {
        let report = evaluate(&model, &controls);
        Living::of_configured(&model, &report, Arc::clone(&controls), Arc::new(threats))
    };
    let site =
        match &options.app {
            None => None,
            Some(name) => Some(living.site_named(name).ok_or_else(|| {
                Failure::Usage(format!("no app or gateway called {} is in these files", visible(name)))
            })?),
        };
    let format = format(options.format);
    let watches = if format == Format::Navigator { watches()? } else { Vec::new() };
    let text = written(&living, format, site, &watches);
    print(&String::from_utf8_lossy(&hiding.redactor.hide(text.as_bytes())))?;
    for problem in &living.problems {
        setup::note(problem);
    }
    Ok(if living.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(78) })
}

/// Returns what a layer tells of the detectors that come with the program.
fn watches() -> Result<Vec<Watch>, Failure> {
    let catalogue = Catalogue::shipped().map_err(|problems| Failure::Detectors(setup::list(&problems)))?;
    let watch = |detector: &Arc<crate::detection::Detector>| Watch {
        detector: detector.id.to_string(),
        threat: detector.threat.to_string(),
        techniques: detector.attack.techniques.iter().map(ToString::to_string).collect(),
        attack: detector.attack.version.clone(),
    };
    Ok(catalogue.detectors.all.iter().map(watch).collect())
}
