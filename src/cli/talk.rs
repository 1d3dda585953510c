//! How failures are told, and how results and remarks reach the terminal.

use std::io::{IsTerminal, Write};
use std::panic::Location;
use std::process::ExitCode;

/// Why a command failed: what to say, and the exit code.
#[derive(Debug)]
pub enum Failure {
    /// A detector file is wrong (2).
    Detectors(String),
    /// The command line is wrong (64).
    Usage(String),
    /// Something can't be read or written (74).
    Io(String),
    /// The configuration is wrong (78).
    Config(String),
}

impl Failure {
    /// Returns what it says.
    pub fn says(&self) -> &str {
        match self {
            Self::Detectors(says) | Self::Usage(says) | Self::Io(says) | Self::Config(says) => says,
        }
    }

    /// Says it on stderr and returns the exit code.
    pub fn report(&self) -> ExitCode {
        let (says, code) = match self {
            Self::Detectors(says) => (says, 2),
            Self::Usage(says) => (says, 64),
            Self::Io(says) => (says, 74),
            Self::Config(says) => (says, 78),
        };
        say(says.trim_end());
        ExitCode::from(code)
    }
}

/// Lets a panic say where it happened and nothing else: its own text may quote a record, such as one
/// that was cut within a character, before anything was hidden in it.
pub fn hush_panics() {
    std::panic::set_hook(Box::new(|panic| say(&bug(panic.location()))));
}

/// Returns what is said of a bug at `place`.
fn bug(place: Option<&Location<'_>>) -> String {
    let place = place.map_or_else(|| "an unknown place".to_owned(), |at| format!("{}:{}", at.file(), at.line()));
    format!(
        "gatewatch: a bug at {place}. What it was doing is given up and the rest goes on; please report the place and \
         the version. What was being read is not shown, for it may hold secrets"
    )
}

/// Writes a remark to stderr.
pub fn say(text: &str) {
    // Nobody to listen is no reason to stop.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// Writes data to stdout.
///
/// # Errors
///
/// [`Failure::Io`] when stdout can't be written; a reader that went away ends the process quietly.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| stdout(&error))
}

/// Writes data to stdout; returns whether somebody still reads it, as nobody does behind `| head`.
///
/// # Errors
///
/// [`Failure::Io`] when stdout can't be written.
pub fn print_while_read(bytes: &[u8]) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(stdout(&error)),
    }
}

/// Explains why stdout could not be written.
pub fn stdout(error: &std::io::Error) -> Failure {
    Failure::Io(format!("standard output could not be written: {error}"))
}

/// Tells whether stderr is a terminal, for progress bars and colours.
pub fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Tells whether colours are wanted on stdout: a terminal, and no `NO_COLOR`.
pub fn colored_output() -> bool {
    std::io::stdout().is_terminal() && crate::config::variable("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Tells whether colours are wanted: a terminal, and no `NO_COLOR`.
pub fn colored() -> bool {
    on_terminal() && crate::config::variable("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_says_where_it_is_and_nothing_of_what_was_read() {
        let here = Location::caller();
        let said = bug(Some(here));
        assert!(said.contains(&format!("{}:{}", here.file(), here.line())), "{said}");
        assert!(said.contains("please report"), "{said}");
        assert!(bug(None).contains("an unknown place"));
    }
}
