//! The commands: the one place where an error becomes text and an exit code.
//!
//! Data goes to stdout, talk to stderr. Exit codes: 0 fine, 1 a check found something, 2 a
//! detector problem, 64 usage, 74 input or output, 78 configuration.

mod alert_args;
mod alerts;
mod anew;
mod api;
mod args;
mod around;
mod audit;
mod backup;
mod carried;
mod certificate;
mod client;
mod compare;
mod config;
mod dead_letters;
mod decode;
mod demo;
mod detector_args;
mod detector_files;
mod detectors;
mod exceptions;
mod explain;
mod junit;
mod key_args;
mod keys;
mod posture;
mod readiness;
mod readiness_told;
mod record_args;
mod redact;
mod replay;
mod restore;
mod run;
mod serving;
mod setup;
mod shown;
mod silences;
mod simulate;
mod sink_args;
mod sinks;
mod sources;
mod talk;
mod tap;
mod threat_args;
mod threats;
mod token;
mod token_file;
mod unseen;
mod watch;

use std::process::ExitCode;

use clap::Parser;

pub use args::{Args, Command};
pub use talk::Failure;

/// Runs the command line; returns the process's exit code.
pub fn main() -> ExitCode {
    talk::hush_panics();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let wrong = error.use_stderr();
            // A closed pipe is no reason to complain about the complaint.
            drop(error.print());
            return if wrong { ExitCode::from(64) } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(args) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn dispatch(args: Args) -> Result<ExitCode, Failure> {
    match args.command {
        Command::Run(options) => run::run(&options),
        Command::Demo(options) => demo::demo(&options),
        Command::Replay(options) => replay::replay(&options),
        Command::Redact(options) => redact::redact(&options),
        Command::Simulate(options) => simulate::simulate(&options),
        Command::Detectors(command) => detectors::detectors(&command),
        Command::Config(command) => config::config(&command),
        Command::Exceptions(command) => exceptions::exceptions(&command),
        Command::Alerts(command) => alerts::alerts(&command),
        Command::Api => api::api(),
        Command::Silences(command) => silences::silences(&command),
        Command::DeadLetters(command) => dead_letters::dead_letters(&command),
        Command::Audit(options) => audit::audit(&options),
        Command::Sinks(command) => sinks::sinks(&command),
        Command::Tap(options) => tap::tap(&options),
        Command::Decode(options) => decode::decode(&options),
        Command::Token(command) => token::token(&command),
        Command::Keys(command) => keys::keys(&command),
        Command::Threats(command) => threats::threats(&command),
        Command::Backup(options) => backup::backup(&options),
        Command::Restore(options) => restore::restore(&options),
    }
}
