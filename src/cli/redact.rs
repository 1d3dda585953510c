//! `gatewatch redact`: takes secrets and people out of any text, or says which are in it.
//!
//! As a filter it writes the text without them. With `--report` it writes what was found, and where;
//! with `--check` nothing but an exit code and a line for each kind, for hooks and build jobs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use crate::redaction::{Seen, filter, filter_telling};
use crate::telemetry::{Confidence, Privilege, sayable};

use super::key_args::Redact;
use super::setup::{self, Hiding};
use super::talk::{Failure, say};

/// Bytes read and written at a time.
const CHUNK: usize = 256 * 1024;

/// One line of a report.
#[derive(Serialize)]
struct Told<'s> {
    file: &'s str,
    line: u64,
    column: u64,
    offset: u64,
    length: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'s str>,
    kind: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    privilege: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    secret: bool,
    dummy: bool,
    fingerprint: &'s str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// What a check has found: secrets for certain, by kind and what they let their holder do.
#[derive(Default)]
struct Check {
    kinds: BTreeMap<(String, Option<&'static str>), Kind>,
    /// Lines that could not be looked at.
    unread: u64,
}

struct Kind {
    times: u64,
    /// Where the first of them stands, and what it is called.
    first: String,
}

/// Filters, reports or checks the inputs.
pub fn redact(options: &Redact) -> Result<ExitCode, Failure> {
    let hiding = hiding(options)?;
    for note in hiding.redactor.rules().notes() {
        setup::note(note);
    }
    let on_stdout = options.report.as_deref() == Some(Path::new("-"));
    let mut report = match options.report.as_deref() {
        Some(path) if !on_stdout => Some(create(path)?),
        Some(_) => Some(Box::new(io::stdout().lock()) as Box<dyn Write>),
        None => None,
    }
    .map(|to| BufWriter::with_capacity(CHUNK, to));
    let mut check = Check::default();
    let mut too_long = 0;
    let standard = [PathBuf::from("-")];
    let inputs = if options.inputs.is_empty() { &standard[..] } else { &options.inputs };
    for path in inputs {
        let mut input = open(path)?;
        // Without a report on it, standard output is the text's; a check has none.
        let mut output: Box<dyn Write> = if options.check || on_stdout {
            Box::new(io::sink())
        } else {
            Box::new(BufWriter::with_capacity(CHUNK, io::stdout().lock()))
        };
        let name = shown(path);
        let done = if options.check || report.is_some() {
            let mut tell = |seen: Seen| {
                check.take(&name, &seen);
                report.as_mut().map_or(Ok(()), |report| line(report, &name, &seen))
            };
            filter_telling(&hiding.redactor, &mut input, &mut output, &mut tell)
        } else {
            filter(&hiding.redactor, &mut input, &mut output)
        };
        match done.and_then(|done| output.flush().map(|()| done)) {
            Ok(done) => too_long += done.too_long,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            Err(error) => {
                return Err(Failure::Io(format!("{name} could not be read, or what it holds not be written: {error}")));
            }
        }
    }
    if let Some(mut report) = report {
        report.flush().map_err(|error| Failure::Io(format!("the report could not be written: {error}")))?;
    }
    if options.check { Ok(check.ended(too_long)) } else { Ok(ExitCode::SUCCESS) }
}

/// Returns what hides things as the options say: under the key they name, or one that is made for
/// this run.
fn hiding(options: &Redact) -> Result<Hiding, Failure> {
    let mut config = setup::config(options.config.as_deref())?;
    config.redaction.rules.extend(options.rules.iter().cloned());
    if config.key.is_some() || options.data.is_some() || config.data.is_some() {
        return setup::daemon_hiding(&config, &setup::data(options.data.as_deref(), &config));
    }
    setup::hiding(None, &config.redaction)
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(CHUNK, io::stdin().lock())));
    }
    let file =
        File::open(path).map_err(|error| Failure::Io(format!("{} could not be read: {error}", path.display())))?;
    Ok(Box::new(BufReader::with_capacity(CHUNK, file)))
}

fn create(path: &Path) -> Result<Box<dyn Write>, Failure> {
    let file = File::create(path)
        .map_err(|error| Failure::Io(format!("the report {} could not be written: {error}", path.display())))?;
    Ok(Box::new(file))
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}

fn line(report: &mut impl Write, file: &str, seen: &Seen) -> io::Result<()> {
    let about = seen.about.as_deref();
    let told = Told {
        file,
        line: seen.line,
        column: seen.column,
        offset: seen.offset,
        length: seen.length,
        path: seen.path.as_deref(),
        kind: &seen.kind,
        privilege: seen.privilege.map(Privilege::name),
        confidence: seen.confidence.map(Confidence::name),
        secret: seen.secret,
        dummy: seen.dummy,
        fingerprint: &seen.fingerprint,
        name: sayable(&seen.fingerprint),
        created: about.and_then(|about| about.created).map(|at| at.to_string()),
        expires: about.and_then(|about| about.expires).map(|at| at.to_string()),
    };
    serde_json::to_writer(&mut *report, &told)?;
    report.write_all(b"\n")
}

impl Check {
    /// Counts what would wake somebody: a secret that is proven or told by its context.
    fn take(&mut self, file: &str, seen: &Seen) {
        self.unread += u64::from(&*seen.kind == "unscanned");
        let sure = seen.confidence.is_some_and(|sure| sure > Confidence::Suspected);
        if !seen.secret || seen.dummy || !sure {
            return;
        }
        let kind = (seen.kind.to_string(), seen.privilege.map(Privilege::name));
        let first = || {
            let name = sayable(&seen.fingerprint).unwrap_or_default();
            format!("{file}:{}:{} ({name})", seen.line, seen.column)
        };
        self.kinds.entry(kind).or_insert_with(|| Kind { times: 0, first: first() }).times += 1;
    }

    /// Says what was found; 1 if anything was, or if something could not be looked at.
    fn ended(&self, too_long: u64) -> ExitCode {
        for ((kind, privilege), found) in &self.kinds {
            let may = privilege.map(|may| format!(" ({may})")).unwrap_or_default();
            let times =
                if found.times == 1 { "once, at".to_owned() } else { format!("{} times, first at", found.times) };
            say(&format!("{kind}{may}: {times} {}", found.first));
        }
        if too_long > 0 {
            say(&format!("{too_long} lines are longer than 16 MiB and were not looked at: split them"));
        }
        let unread = self.unread;
        if unread > 0 {
            say(&format!(
                "{unread} texts could not be looked through: they are in UTF-16, or nested too deep; save them as UTF-8"
            ));
        }
        if self.kinds.is_empty() && too_long + unread == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
