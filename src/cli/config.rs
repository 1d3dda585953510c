//! `gatewatch config`: make, check and show the configuration.

use std::process::ExitCode;

use crate::clock::Clock;
use crate::config::Surrounded;
use crate::detection::Catalogue;

use super::args::{Config, Profile};
use super::talk::{Failure, print, say};
use super::{around, setup};

/// Makes, checks or shows a configuration.
pub fn config(command: &Config) -> Result<ExitCode, Failure> {
    match command {
        Config::Generate(options) => {
            let profile = match options.profile {
                Profile::Kafka => include_str!("../config/examples/kafka.toml"),
                Profile::EventHubs => include_str!("../config/examples/event-hubs.toml"),
                Profile::File => include_str!("../config/examples/file.toml"),
                Profile::Http => include_str!("../config/examples/http.toml"),
            };
            print(&format!("{profile}{}", include_str!("../config/examples/common.toml")))?;
        }
        Config::Check(file) => {
            let config = setup::config(Some(&file.config))?;
            // What is wrong in any of the files is told at once.
            let rules = setup::rules(&config.redaction);
            let detectors = setup::running(&config.detection, &[]);
            let around = detectors.as_ref().ok().map(|detectors| verified(&config, detectors));
            let (rules, detectors, around) = together(rules, detectors, around)?;
            for says in around::warnings(&config, &around, Clock::system().now()) {
                setup::note(&says);
            }
            rules.notes().iter().for_each(|note| setup::note(note));
            let unheard = around::unheard(&config, &detectors, &around.exceptions, &rules);
            for says in &unheard {
                setup::note(says);
            }
            for problem in setup::missing(Some(&file.config)).0 {
                setup::note(&format!("{}. `gatewatch run` needs it where it runs", problem.says));
            }
            for says in notes(&config) {
                setup::note(&says);
            }
            for says in idle(&config, &detectors) {
                setup::note(&says);
            }
            for rule in rules.everywhere() {
                let cost = cost(rule);
                setup::note(&format!("{} alone costs {cost:.1} ms a MiB of logs", rule.name));
            }
            say(&format!(
                "{} is in order: {} sources, {} sinks, {} detectors, {} kinds of secrets by rule.",
                file.config.display(),
                config.sources.len(),
                config.sinks.len(),
                detectors.detectors.all.len(),
                rules.all().len()
            ));
            if config.context != crate::context::ContextSettings::default() {
                say(&format!("[context]: {}", around::summary(&around)));
            }
            if config.posture.model.is_some() {
                say(&format!("[posture]: {}", around::intent(&around.intended)));
            }
        }
        Config::Show(file) => {
            let config = setup::config(Some(&file.config))?;
            let shown = toml::to_string_pretty(&config).map_err(|error| Failure::Io(error.to_string()))?;
            print(&shown)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what who wrote a configuration may not have meant.
pub(super) fn notes(config: &crate::config::Config) -> Vec<String> {
    let nothing = config.sources.is_empty().then_some("no source is named: `gatewatch run` has nothing to read");
    lost(config).into_iter().chain(nothing).map(str::to_owned).chain(passing(config)).collect()
}

/// Says which sources can't be read again.
pub(super) fn passing(config: &crate::config::Config) -> Option<String> {
    let standard = |(_, source): &(&String, &crate::sources::FileSettings)| source.paths.iter().any(|path| path == "-");
    let (name, _) = config.sources.file.iter().find(standard)?;
    Some(format!(
        "the source {name} reads standard input, which can't be read again: what is not durable when Gatewatch is killed is lost. \
         Write to a file and name it, or send over HTTP, if that must not be"
    ))
}

/// Says which patterns of routes name no detector that runs.
fn idle(config: &crate::config::Config, catalogue: &Catalogue) -> Vec<String> {
    let all = &catalogue.detectors.all;
    let patterns = config.routes.iter().zip(1..).flat_map(|(route, n)| route.detectors.iter().map(move |one| (n, one)));
    let idle = patterns.filter(|(_, pattern)| all.iter().all(|detector| !pattern.matches(&detector.id)));
    idle.map(|(n, pattern)| format!("route {n}: no detector that runs is called {}", pattern.as_str())).collect()
}

/// Says why people who are told of an alert would not find it.
fn lost(config: &crate::config::Config) -> Option<&'static str> {
    let url = config.dashboard.external_url.as_deref();
    if config.sinks.named().iter().all(|(kind, ..)| ["jsonl", "kafka"].contains(kind)) {
        return None;
    }
    match url {
        None => Some("messages carry no link to their alert: set external_url in [dashboard]"),
        Some(url) if ["//localhost", "//127.", "//[::1]"].iter().any(|here| url.contains(here)) => {
            Some("external_url in [dashboard] is of this machine: the links in messages lead nowhere elsewhere")
        }
        Some(_) => None,
    }
}

/// Reads the files of `[context]` and `[posture]`, and looks at every record of the databases.
fn verified(config: &crate::config::Config, catalogue: &Catalogue) -> Result<Surrounded, Failure> {
    let around = around::load(config, catalogue)?;
    let gone = config.posture.configured.iter().find_map(|path| Some((path, std::fs::metadata(path).err()?)));
    if let Some((path, error)) = gone {
        let says = "names folders and files of what is configured: check the path";
        return Err(Failure::Config(format!("{} can't be read ({error}). [posture] {says}.", path.display())));
    }
    match around.context.places.verify() {
        Ok(()) => Ok(around),
        Err(problems) => Err(Failure::Config(around::complaint(&problems))),
    }
}

/// Returns all three, or everything that is wrong with any of them.
fn together<A, B, C>(
    first: Result<A, Failure>,
    second: Result<B, Failure>,
    third: Option<Result<C, Failure>>,
) -> Result<(A, B, C), Failure> {
    match (first, second, third) {
        (Ok(first), Ok(second), Some(Ok(third))) => Ok((first, second, third)),
        (first, second, third) => {
            let third = third.and_then(Result::err);
            let mut wrong: Vec<Failure> = [first.err(), second.err(), third].into_iter().flatten().collect();
            if wrong.len() == 1 {
                return Err(wrong.remove(0));
            }
            let says: Vec<&str> = wrong.iter().map(|failure| failure.says().trim_end()).collect();
            Err(Failure::Config(says.join("\n\n")))
        }
    }
}

/// Returns what a rule's pattern costs, milliseconds a MiB of made-up telemetry.
fn cost(rule: &crate::redaction::Rule) -> f64 {
    const RECORD: &[u8] = br#"{"time":"2030-01-01T00:00:00.0000000Z","category":"FunctionAppLogs","operationName":"Microsoft.Web/sites/functions/log","properties":{"message":"Executed 'Functions.orders' (Succeeded, Id=6f1c2b9e-9d0a-4d57-8a36-0d3f6f1b7c55, Duration=42ms)","appName":"orders","level":"Information"}}"#;
    let clock = crate::clock::Clock::system();
    let started = clock.elapsed();
    let mut bytes = 0;
    while bytes < 1 << 18 {
        rule.count(RECORD);
        bytes += RECORD.len();
    }
    clock.elapsed().saturating_sub(started).as_secs_f64() * 4_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_reads_standard_input_is_told_that_it_can_not_be_read_again() {
        let of = |paths: &str| passing(&toml::from_str(&format!("[sources.file.pipe]\npaths = {paths}\n")).unwrap());
        assert!(of("['-']").is_some_and(|says| says.starts_with("the source pipe reads standard input")));
        assert_eq!(of("['/var/log/functions.ndjson']"), None);
    }
}
