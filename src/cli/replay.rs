//! `gatewatch replay`: the daemon's code over files.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Clock;
use crate::config::{Config, Surrounded};
use crate::detection::Catalogue;
use crate::pipeline::{Against, ReplayError, ReplayOptions, Replayed, read_configured};
use crate::posture::controls::shipped;
use crate::posture::intended::Intended;
use crate::sinks::{Activity, RedactedFile, RedactedStream, native, ocsf};

use super::args::{Format, Replay};
use super::setup::Hiding;
use super::talk::{Failure, on_terminal, say, stdout};
use super::{around, compare, setup};

/// Replays files and writes what was asked for.
pub fn replay(options: &Replay) -> Result<ExitCode, Failure> {
    let config = setup::config(options.config.as_deref())?;
    let catalogue = setup::running(&config.detection, &options.sigma)?;
    let hiding = setup::hiding(options.data.as_deref(), &config.redaction)?;
    let around = around::load(&config, &catalogue)?;
    if options.compare.is_some() || options.except.is_some() {
        return compare::compare(options, &config, (&catalogue, around), &hiding);
    }
    let output = options.redacted.as_deref().map(redacted_file).transpose()?;
    let replayed = once(options, &config, (&catalogue, around), &hiding, output)?;
    if let Some(path) = &options.alerts {
        write(path, |out| alerts(out, &replayed, options.format))?;
    }
    if let Some(path) = &options.summary {
        write(path, |out| serde_json::to_writer_pretty(&mut *out, &replayed.summary).map_err(Into::into))?;
    }
    tell(&replayed);
    if replayed.hidden_before > 0 {
        setup::note(&format!("{} messages were redacted before: secrets in them are not seen", replayed.hidden_before));
    }
    Ok(ExitCode::SUCCESS)
}

/// Replays the files with the detectors of `catalogue`; the messages without secrets and people go to `output`.
pub fn once(
    options: &Replay,
    config: &Config,
    (catalogue, around): (&Catalogue, Surrounded),
    hiding: &Hiding,
    mut output: Option<RedactedStream>,
) -> Result<Replayed, Failure> {
    let mut core = setup::core(config, false);
    if let Some(lateness) = options.lateness {
        core.lateness = lateness;
    }
    let threads = options
        .threads
        .map_or_else(|| setup::workers(config), |threads| threads.get().min(crate::config::MOST_THREADS));
    let asked = ReplayOptions { files: options.files.clone(), threads, batch_bytes: options.batch_bytes, core };
    let clock = Clock::system();
    let against = against(config, around.intended.clone(), hiding, &clock)?;
    let stage = setup::stage(hiding, catalogue, around, output.is_some(), &clock);
    let bar = progress(&options.files);
    let began = clock.elapsed();
    let replayed = crate::pipeline::replay(
        &asked,
        (stage, against),
        &catalogue.detectors,
        &clock,
        |stream, offset, bytes| match &mut output {
            Some(output) => output.append(stream, offset, bytes).map_err(|error| ReplayError::Write(error.to_string())),
            None => Ok(()),
        },
        |bytes| bar.set_position(bytes),
    );
    bar.finish_and_clear();
    let mut replayed = replayed.map_err(|error| Failure::Io(error.to_string()))?;
    if let Some(mut output) = output {
        output.flush().map_err(|error| Failure::Io(error.to_string()))?;
    }
    replayed.summary.seconds = clock.elapsed().saturating_sub(began).as_secs_f64();
    Ok(replayed)
}

/// Reads what is configured, as a daemon does when it begins.
fn against(config: &Config, intended: Arc<Intended>, hiding: &Hiding, clock: &Clock) -> Result<Against, Failure> {
    let paths = &config.posture.configured;
    if paths.is_empty() {
        return Ok(Against { intended, reading: None });
    }
    let controls = shipped().map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::Config(told.join("\n"))
    })?;
    let reading = read_configured(paths, (&Arc::new(controls), &intended, &hiding.redactor), clock.now());
    let reading = reading.map_err(|says| Failure::Io(format!("[posture] configured: {says}")))?;
    Ok(Against { intended, reading: Some(reading) })
}

fn redacted_file(path: &Path) -> Result<RedactedStream, Failure> {
    RedactedFile::create(path).map(RedactedStream::File).map_err(|error| Failure::Io(error.to_string()))
}

fn alerts(out: &mut dyn Write, replayed: &Replayed, format: Format) -> std::io::Result<()> {
    for alert in &replayed.alerts {
        let line = match format {
            Format::Native => native(alert, &replayed.streams),
            Format::Ocsf => ocsf(alert, Activity::of_final(alert), &replayed.streams),
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Writes a file, or standard output if that is what `path` says.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        let mut out = BufWriter::new(std::io::stdout().lock());
        return fill(&mut out).and_then(|()| out.flush()).map_err(|error| stdout(&error));
    }
    let failed = |error: std::io::Error| Failure::Io(format!("{} could not be written: {error}", path.display()));
    let mut out = BufWriter::new(std::fs::File::create(path).map_err(failed)?);
    fill(&mut out).and_then(|()| out.flush()).map_err(failed)
}

fn progress(files: &[std::path::PathBuf]) -> ProgressBar {
    if !on_terminal() {
        return ProgressBar::hidden();
    }
    let total = files.iter().filter_map(|file| file.metadata().ok()).map(|meta| meta.len()).sum();
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Says on stderr what was read and found.
pub fn tell(replayed: &Replayed) {
    let summary = &replayed.summary;
    let dead: u64 = summary.dead_letters.values().sum();
    say(&format!(
        "{} records in {} messages ({:.1} MB) in {:.1} s: {} alerts, {} dead letters, {} duplicates",
        summary.records,
        summary.messages,
        summary.bytes as f64 / 1e6,
        summary.seconds,
        replayed.alerts.len(),
        dead,
        summary.duplicates
    ));
}
