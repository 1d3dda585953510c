//! Would a daemon start with this configuration?
//!
//! Everything is made as a daemon makes it, and nothing connected to: clients of Kafka as far as their settings go,
//! sinks, the installation's key, ways to sign in. What is read from files and variables that are not here is taken to
//! be sound: where it runs, it may be there.

use std::fs::File;

use crate::clock::Clock;
use crate::redaction::KeyRing;
use crate::sources::{KafkaSettings, Purpose, Secret, try_kafka};

use super::{Config, Places, Problem, missing, variable, ways};

/// Returns what of `config` would keep a daemon from starting; `text` is that of `file`, with its `places`.
pub fn trial(config: &Config, (file, text, places): (&str, &str, &Places), clock: &Clock) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut told = |path: &str, says: &str| {
        let at = place(path, says, places);
        problems.push(Problem::new(file, format!("{path}: {says}")).at(at));
    };
    let clusters = config
        .sources
        .kafka
        .iter()
        .map(|(name, kafka)| (format!("sources.kafka.{name}"), kafka.clone(), Purpose::Read));
    let sinks =
        config.sinks.kafka.iter().map(|(name, kafka)| (format!("sinks.kafka.{name}"), kafka.cluster(), Purpose::Write));
    let redacted = config.redacted.kafka.iter().map(|kafka| {
        let settings = KafkaSettings {
            profile: kafka.profile,
            security: kafka.security.clone(),
            advanced: kafka.advanced.clone(),
            ..KafkaSettings::new(kafka.brokers.clone(), &[])
        };
        ("redacted.kafka".to_owned(), settings, Purpose::Write)
    });
    for (path, settings, purpose) in clusters.chain(sinks).chain(redacted) {
        if let Err(says) = try_kafka(&at_hand(settings), purpose, &variable) {
            told(&path, &says);
        }
    }
    for (path, says) in config.sinks.unopened(config.dashboard.external_url.as_deref(), clock) {
        told(&path, &says);
    }
    if let Some(says) = config.key.as_ref().and_then(no_key) {
        told("key", &says);
    }
    // Ways to sign in read certificates and secrets, which are told of elsewhere where they are not here.
    let absent = missing(file, text, &variable);
    if !absent.iter().any(|problem| problem.says.starts_with("dashboard."))
        && let Err(says) = ways(&config.dashboard, clock)
    {
        told("dashboard", &says);
    }
    problems
}

/// Returns where what a message says is wrong: it names the setting first, bare or in backticks.
fn place(path: &str, says: &str, places: &Places) -> Option<std::ops::Range<usize>> {
    let bare = says.split(':').next().unwrap_or_default();
    let quoted = says.split('`').skip(1).step_by(2);
    let refused = says.strip_prefix("`advanced` may not set ").and_then(|rest| rest.split(':').next());
    let refused = refused.map(|name| format!("advanced.{name}"));
    let named = refused.as_deref().into_iter().chain([bare]).chain(quoted);
    let exact = named.filter(|name| !name.is_empty()).find_map(|name| places.exact(&format!("{path}.{name}")));
    exact.or_else(|| places.of(path))
}

/// Returns the settings of a cluster with what is not here taken to be sound.
fn at_hand(mut settings: KafkaSettings) -> KafkaSettings {
    let security = &mut settings.security;
    let absent = |secret: &Secret| !matches!(secret, Secret::Literal(_)) && secret.resolve(&variable).is_err();
    if security.password.as_ref().is_some_and(absent) {
        let sound = "Endpoint=sb://stand-in/;SharedAccessKeyName=stand-in;SharedAccessKey=stand-in";
        security.password = Some(Secret::Literal(sound.to_owned()));
    }
    if security.tls && security.ca_file.as_ref().is_some_and(|file| File::open(file).is_err()) {
        security.ca_file = None;
    }
    settings
}

/// Says why the installation's key is none.
fn no_key(secret: &Secret) -> Option<String> {
    let read = match secret {
        Secret::File { file } if File::open(file).is_err() => return None,
        Secret::File { file } => KeyRing::load(file),
        Secret::Env { .. } if secret.resolve(&variable).is_err() => return None,
        other => match other.resolve(&variable) {
            Ok(text) => KeyRing::from_text(&text),
            Err(says) => return Some(says),
        },
    };
    read.err().map(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::config::{load, read, render};

    /// What would keep a daemon from starting: the lines that are pointed at, and all that is shown.
    fn tried(text: &str) -> (Vec<String>, String) {
        if let Err(problems) = load("gatewatch.toml", text) {
            panic!("{}", render(&problems, text, false));
        }
        let (config, places) = read::<Config>("gatewatch.toml", text).unwrap();
        let problems = trial(&config, ("gatewatch.toml", text, &places), &Clock::fixed(Timestamp::MIN));
        let line = |at: &std::ops::Range<usize>| text[..at.start].matches('\n').count();
        let lines = problems.iter().map(|one| one.at.as_ref().map_or("", |at| text.lines().nth(line(at)).unwrap()));
        (lines.map(str::to_owned).collect(), render(&problems, text, false))
    }

    const KAFKA: &str = "[sources.kafka.a]\nbrokers = 'b:9092'\ntopics = ['t']\n";

    #[test]
    fn a_client_of_kafka_that_could_not_be_made_is_told_with_its_line() {
        for (wrong, says) in [
            ("advanced = { 'no.such' = 'hunter2' }", "advanced.no.such"),
            ("advanced.'sasl.password' = 'hunter2'", "use `security.password`"),
            ("advanced.'enable.auto.commit' = 'true'", "positions are committed"),
            ("security = { username = 'u', password = 'hunter2' }", "does not say how to log in"),
            ("security = { sasl = 'plain', username = 'u' }", "`security.password` is missing"),
        ] {
            let (lines, shown) = tried(&format!("{KAFKA}{wrong}\n"));
            assert_eq!(lines.len(), 1, "{shown}");
            assert!(shown.contains(says) && !shown.contains("hunter2"), "{says} is not in\n{shown}");
        }
        let out = "[sinks.kafka.out]\ntopic = 't'\nbrokers = 'b:1'\nadvanced.'no.such' = '1'\n[redacted.kafka]\ntopic = 't'\nbrokers = 'b:1'\nadvanced.'nor.that' = '1'\n";
        let (lines, shown) = tried(out);
        assert_eq!(lines, ["advanced.'no.such' = '1'", "advanced.'nor.that' = '1'"], "{shown}");
    }

    #[test]
    fn a_sink_that_would_not_open_is_told_with_its_line() {
        let hook = "[sinks.webhook.x]\nurl = 'https://hooks.example/x'\n";
        let mail = "[sinks.email.x]\nhost = 'smtp.example'\nto = ['a@b.example']\n";
        let alertmanager = "[sinks.alertmanager.x]\nurl = 'https://am.example'\n";
        let law = "[sinks.sentinel.x]\nendpoint = 'https://x.ingest.monitor.azure.com'\nrule = 'dcr-1'\nclient = 'c'\nsecret = { env = 'NOT_SET' }\n";
        for (table, wrong) in [
            (hook, "secret = 'whsec_!!!'"),
            (hook, "secret = ''"),
            (hook, "proxy = 'nope'"),
            ("[sinks.webhook.x]\n", "url = 'https://127.0.0.1/x'"),
            (mail, "from = 'bad'"),
            (law, "tenant = 'a/b'"),
        ] {
            let (lines, shown) = tried(&format!("{table}{wrong}\n"));
            assert_eq!(lines, [wrong], "{shown}");
        }
        for (table, wrong) in [
            (mail, "from = 'a@b.example'\nusername = 'u'"),
            (alertmanager, "username = 'u'"),
            (alertmanager, "username = 'u'\npassword = 'p'\ntoken = 't'"),
        ] {
            let (lines, shown) = tried(&format!("{table}{wrong}\n"));
            assert_eq!(lines, ["username = 'u'"], "{shown}");
        }
    }

    #[test]
    fn a_key_that_is_none_is_told_and_not_shown() {
        let (lines, shown) = tried("key = 'hunter2hunter2'\n");
        assert!(lines.len() == 1 && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn what_is_not_here_is_taken_to_be_sound() {
        let text = format!(
            "key = {{ env = 'NOT_SET' }}\n{KAFKA}profile = 'event-hubs'\nsecurity = {{ password = {{ env = 'NOT_SET' }}, ca_file = '/nowhere', tls = true }}\n\
             [sinks.webhook.w]\nurl = {{ env = 'NOT_SET' }}\nsecret = {{ file = '/nowhere' }}\nproxy = {{ env = 'NOT_SET' }}\nca_file = '/nowhere'\n\
             [sinks.slack.s]\nurl = {{ env = 'NOT_SET' }}\n[sinks.teams.t]\nurl = {{ env = 'NOT_SET' }}\n\
             [sinks.pagerduty.p]\nrouting_key = {{ env = 'NOT_SET' }}\n[sinks.alertmanager.a]\nurl = {{ env = 'NOT_SET' }}\ntoken = {{ env = 'NOT_SET' }}\n\
             [sinks.email.e]\nhost = 'h'\nfrom = 'a@b.example'\nto = ['a@b.example']\nusername = 'u'\npassword = {{ env = 'NOT_SET' }}\nca_file = '/nowhere'\n\
             [dashboard.tls]\ncertificate = '/nowhere'\nkey = '/nowhere'\n"
        );
        let (lines, shown) = tried(&text);
        assert!(lines.is_empty(), "{shown}");
    }
}
