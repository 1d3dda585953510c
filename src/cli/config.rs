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
            let around = setup::unread(Some(&file.config));
            let around = detectors.as_ref().ok().map(|detectors| around.and_then(|()| verified(&config, detectors)));
            let start = setup::trial(&file.config, &config, &Clock::system());
            let (rules, detectors, around) = together(rules, detectors, around, start)?;
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
            for says in notes(&config).into_iter().chain(idle(&config, &detectors)) {
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
            let shown = crate::config::without_secrets(&config).map_err(Failure::Io)?;
            let shown = toml::to_string_pretty(&shown).map_err(|error| Failure::Io(error.to_string()))?;
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

/// Says where routes, inhibitions and maintenance windows name no detector that runs.
fn idle(config: &crate::config::Config, catalogue: &Catalogue) -> Vec<String> {
    let all: Vec<&str> = catalogue.detectors.all.iter().map(|detector| &*detector.id).collect();
    let patterns = config.routes.iter().zip(1..).flat_map(|(route, n)| route.detectors.iter().map(move |one| (n, one)));
    let idle = patterns.filter(|(_, pattern)| all.iter().all(|id| !pattern.matches(id)));
    let routes = idle.map(|(n, pattern)| (format!("route {n}"), pattern.as_str()));
    let inhibited =
        config.alerts.inhibit.iter().flat_map(|rule| [(&rule.name, &rule.source), (&rule.name, &rule.target)]);
    let mutes = inhibited.chain(config.alerts.maintenance.iter().map(|rule| (&rule.name, &rule.alerts)));
    let named = mutes.filter_map(|(name, matcher)| Some((name, matcher.detector.as_deref()?)));
    let unknown = named.filter(|(_, id)| !all.contains(id)).map(|(name, id)| (format!("{name:?} of [alerts]"), id));
    routes.chain(unknown).map(|(place, id)| format!("{place}: {}", unknown_detector(id, &all))).collect()
}

/// Says that no detector that runs is called `id`, and which may have been meant.
pub(super) fn unknown_detector(id: &str, all: &[&str]) -> String {
    let near = all.iter().map(|known| (strsim::damerau_levenshtein(id, known), *known)).min();
    let near = near.filter(|(distance, known)| !id.contains(['*', '?']) && *distance <= 1 + known.len() / 5);
    match near {
        Some((_, known)) => format!("no detector that runs is called {id}; did you mean {known}?"),
        None => format!("no detector that runs is called {id}"),
    }
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
    match around.context.places.verify() {
        Ok(()) => Ok(around),
        Err(problems) => Err(Failure::Config(around::complaint(&problems))),
    }
}

/// Returns all three, or everything that is wrong with any of them or with what a daemon needs to start.
fn together<A, B, C>(
    first: Result<A, Failure>,
    second: Result<B, Failure>,
    third: Option<Result<C, Failure>>,
    start: Result<(), Failure>,
) -> Result<(A, B, C), Failure> {
    match (first, second, third, start) {
        (Ok(first), Ok(second), Some(Ok(third)), Ok(())) => Ok((first, second, third)),
        (first, second, third, start) => {
            let third = third.and_then(Result::err);
            let all = [first.err(), second.err(), third, start.err()];
            let mut wrong: Vec<Failure> = all.into_iter().flatten().collect();
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

    #[test]
    fn a_detector_that_does_not_run_is_told_wherever_it_is_named_and_what_may_be_meant() {
        let text = "
            [[routes]]
            to = ['ops']
            detectors = ['probing.*', 'nothing.*']
            [[alerts.inhibit]]
            name = 'down'
            source = { detector = 'telemetry.silenc' }
            target = { family = 'probing' }
            equal = ['app']
            [[alerts.maintenance]]
            name = 'deploys'
            alerts = { detector = 'probing.scaner' }
            from = '22:00'
            to = '23:00'
        ";
        let catalogue = Catalogue::shipped().unwrap();
        let ids: Vec<&str> = catalogue.detectors.all.iter().map(|detector| &*detector.id).collect();
        let near = ids.iter().find(|id| id.starts_with("probing.")).unwrap();
        let wrong = format!("{near}x");
        let said = idle(&toml::from_str(&text.replace("probing.scaner", &wrong)).unwrap(), &catalogue);
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0], "route 1: no detector that runs is called nothing.*");
        assert_eq!(
            said[2],
            format!("\"deploys\" of [alerts]: no detector that runs is called {wrong}; did you mean {near}?")
        );
    }
}
