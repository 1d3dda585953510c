//! What a configuration may not say although it reads well.

use crate::context::{Form, InventorySettings, KNOWN_EGRESS};

use super::inventory::{hops_of, layers};
use super::load::read_partly;
use super::{Config, Places, Problem};

/// The most threads that can be asked for.
pub const MOST_THREADS: usize = 256;

/// Reads and checks a configuration; `file` is how messages name it.
///
/// # Errors
///
/// Every problem, each with its place and a mend.
pub fn load(file: &str, text: &str) -> Result<Config, Vec<Problem>> {
    let (config, places, mut problems) = read_partly::<Config>(file, text)?;
    let unread: Vec<_> = problems.iter().filter_map(|problem| problem.at.clone()).collect();
    // Of an entry that could not be read whole nothing more is said.
    let whole = |problem: &Problem| {
        let at = problem.at.clone().unwrap_or_default();
        unread.iter().all(|hole| hole.end <= at.start || at.end <= hole.start)
    };
    problems.extend(check(&config, file, &places).into_iter().filter(whole));
    if problems.is_empty() { Ok(config) } else { Err(problems) }
}

fn check(config: &Config, file: &str, places: &Places) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |path: &str, says: &str, help: &str| {
        problems.push(Problem::new(file, says).at(places.of(path)).help(help));
    };
    if config.data.as_ref().is_some_and(|data| data.as_os_str().is_empty()) {
        wrong("data", "no folder is named", "write data = \"/var/lib/gatewatch\", or leave it out");
    }
    sources(&config.sources, &mut wrong);
    super::sources_check::check(&config.sources, &mut wrong);
    topics(config, &mut wrong);
    super::sinks_check::check(&config.sinks, &mut wrong);
    super::routes::check(&config.sinks, &config.routes, &mut wrong);
    if let Some(heartbeat) = &config.heartbeat
        && !["http://", "https://"].iter().any(|scheme| heartbeat.url.starts_with(scheme))
    {
        wrong("heartbeat.url", "this is no address that can be called", "write url = \"https://…\"");
    }
    super::policies::check(&config.redaction.policy, &mut wrong);
    super::mutes::check(&config.alerts, &mut wrong);
    super::access::check(&config.dashboard, &mut wrong);
    client_hops(config, &mut wrong);
    lists(config, &mut wrong);
    let inventory = InventorySettings {
        apps: config.apps.clone(),
        gateways: config.gateways.clone(),
        keys: config.keys.clone(),
        origins: config.origins.clone(),
    };
    super::inventory::check(&inventory, &mut wrong);
    // With more of them in a file, what lies behind what is checked where that is read.
    if config.context.inventory.is_none() {
        layers(&config.clients, &inventory, &mut wrong);
    }
    super::bounds::check(config, &mut wrong);
    problems
}

/// Checks that each source names what it reads.
fn sources(sources: &super::Sources, wrong: &mut impl FnMut(&str, &str, &str)) {
    for (name, kafka) in &sources.kafka {
        let path = format!("sources.kafka.{name}");
        if kafka.brokers.trim().is_empty() {
            wrong(&format!("{path}.brokers"), "no broker is named", "write brokers = \"host:9092\"");
        }
        if kafka.group.trim().is_empty() {
            wrong(
                &format!("{path}.group"),
                "no consumer group is named",
                "write group = \"gatewatch\", or leave it out",
            );
        }
        if kafka.topics.is_empty() {
            wrong(
                &format!("{path}.topics"),
                "no topic is named",
                "write topics = [\"azure-logs\"], or a pattern that begins with ^",
            );
        }
        if kafka.brokers.contains("servicebus.windows.net") && kafka.profile != crate::sources::Profile::EventHubs {
            wrong(
                &format!("{path}.brokers"),
                "this is an Event Hubs namespace, read with the settings of plain Kafka",
                "write profile = \"event-hubs\": idle connections break without it",
            );
        }
    }
    for (name, files) in &sources.file {
        if files.paths.len() > 1 && files.paths.iter().any(|path| path == "-") {
            wrong(
                &format!("sources.file.{name}.paths"),
                "`-`, standard input, stands beside files",
                "give it a source of its own: paths = [\"-\"]",
            );
        }
        for (n, path) in files.paths.iter().enumerate() {
            if let Err(error) = glob::Pattern::new(path) {
                wrong(
                    &format!("sources.file.{name}.paths[{n}]"),
                    &format!("{path:?} is no pattern: {}", error.msg),
                    "write [[] for a bracket that is part of a name",
                );
            }
        }
        if files.paths.is_empty() {
            wrong(
                &format!("sources.file.{name}.paths"),
                "no file is named",
                "write paths = [\"/var/log/azure/*.json\"]",
            );
        }
    }
}

/// Checks that each output to Kafka names where it goes.
fn topics(config: &Config, wrong: &mut impl FnMut(&str, &str, &str)) {
    let topics =
        config.sinks.kafka.iter().map(|(name, sink)| (format!("sinks.kafka.{name}"), &sink.topic, &sink.brokers));
    let redacted =
        config.redacted.kafka.iter().map(|kafka| ("redacted.kafka".to_owned(), &kafka.topic, &kafka.brokers));
    for (path, topic, brokers) in topics.chain(redacted) {
        if topic.trim().is_empty() {
            wrong(&format!("{path}.topic"), "no topic is named", "write topic = \"alerts\"; it must exist");
        }
        if brokers.trim().is_empty() {
            wrong(&format!("{path}.brokers"), "no broker is named", "write brokers = \"host:9092\"");
        }
    }
}

/// Checks what is said about lists: their names stand in `source.lists` with spaces between.
fn lists(config: &Config, wrong: &mut impl FnMut(&str, &str, &str)) {
    let plain = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    for (name, list) in &config.context.lists {
        let path = format!("context.lists.{name}");
        if !plain(name) || name == KNOWN_EGRESS {
            wrong(
                &path,
                &format!("{name:?} can't be a list's name"),
                &format!(
                    "use letters, digits, - _ and . in any name but {KNOWN_EGRESS}, which the gateways' addresses make"
                ),
            );
        }
        for (n, tag) in list.tags.iter().enumerate().filter(|(_, tag)| !plain(tag)) {
            wrong(&format!("{path}.tags[{n}]"), &format!("{tag:?} can't be a tag"), "use letters, digits, - _ and .");
        }
        if list.column.is_some() && list.form != Form::Csv {
            wrong(&format!("{path}.column"), "only a CSV has columns", "write form = \"csv\", or leave it out");
        }
        if list.service_tags.is_empty() == (list.form == Form::AzureServiceTags) {
            wrong(
                &format!("{path}.service_tags"),
                "service tags go with form = \"azure-service-tags\", and that with them",
                "write service_tags = [\"AzureFrontDoor.Backend\"]",
            );
        }
    }
}

/// Checks that every hop of `[clients]` is an address, a network or a set of them.
fn client_hops(config: &Config, wrong: &mut impl FnMut(&str, &str, &str)) {
    hops_of("clients.trusted_hops", config.clients.trusted_hops.as_deref().unwrap_or_default(), wrong);
}

impl super::Sources {
    /// Returns how many sources there are.
    pub fn len(&self) -> usize {
        self.kafka.len() + self.file.len() + self.http.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_sound_configuration() {
        let common = include_str!("examples/common.toml");
        let profiles = [
            include_str!("examples/kafka.toml"),
            include_str!("examples/event-hubs.toml"),
            include_str!("examples/file.toml"),
            include_str!("examples/http.toml"),
        ];
        for profile in profiles {
            let text = format!("{profile}{common}");
            assert_eq!(load("example", &text).map(|config| config.sources.len()), Ok(1), "{text}");
        }
    }

    #[test]
    fn what_the_examples_offer_is_a_sound_configuration_too() {
        let common = include_str!("examples/common.toml");
        // TLS ends in one place.
        let other = |line: &str| !line.starts_with("# behind_tls_proxy");
        let is_setting = |rest: &&str| rest.starts_with('[') || rest.contains(" = ");
        let bare = |line: &str| line.strip_prefix("# ").filter(is_setting).unwrap_or(line).to_owned() + "\n";
        let whole: String = common.lines().filter(|line| other(line)).map(bare).collect();
        for profile in [include_str!("examples/kafka.toml"), include_str!("examples/http.toml")] {
            let text: String = profile.lines().map(bare).chain([whole.clone()]).collect();
            let problems = load("example", &text).err().unwrap_or_default();
            assert!(problems.is_empty(), "{}", crate::config::render(&problems, &text, false));
        }
    }

    #[test]
    fn what_does_not_read_and_what_means_nothing_are_told_at_once_and_nothing_twice() {
        let text = "[sources.kafka.a]\nbrokers = ''\ntopics = []\ntopic = 'logs'\n[sources.kafka.b]\nbrokers = 'b:9092'\ntopics = 'logs'\n\
                    [detection]\nlateness = '2d'\n";
        let problems = load("gatewatch.toml", text).expect_err("it has problems");
        let said: Vec<&str> = problems.iter().map(|problem| problem.says.as_str()).collect();
        let of = |word: &str| said.iter().filter(|says| says.contains(word)).count();
        assert_eq!((of("`topic`"), of("no broker is named"), of("no topic is named")), (1, 1, 1), "{said:#?}");
        assert_eq!((of("invalid type"), of("missing field"), problems.len()), (1, 0, 5), "{said:#?}");
    }

    #[test]
    fn a_gateway_that_nobody_can_tell_is_a_problem_with_its_place() {
        let text = "[gateways.b]\naddresses = ['10.0.0.300', '10.0.0.0/8']\n";
        let problems = load("gatewatch.toml", text).expect_err("it has a problem");
        let at = problems[0].at.clone().map(|at| &text[at]);
        assert_eq!((problems.len(), at), (1, Some("'10.0.0.300'")), "{problems:?}");
        assert!(problems[0].says.contains("is no address, network or set"), "{problems:?}");
        assert!(problems[0].help.as_deref().is_some_and(|help| help.contains("azure-front-door")), "{problems:?}");
        let text = "[gateways.b]\nbehind = ['B']\n[apps.a]\nbehind = ['c', 'b']\n";
        let problems = load("gatewatch.toml", text).expect_err("it has problems");
        let places: Vec<_> = problems.iter().map(|problem| problem.at.clone().map(|at| &text[at])).collect();
        assert_eq!(places, [Some("'c'"), Some("'b'"), Some("'B'")], "{problems:?}");
        let text = "[clients]\ntrusted_hops = ['private', 'azure-front-door']\n[apps.a]\nbehind = ['c']\n";
        assert!(load("gatewatch.toml", text).is_ok());
    }

    #[test]
    fn what_is_empty_or_no_pattern_is_a_problem_with_its_place() {
        let text = "data = ''\n[sources.file.x]\npaths = ['/tmp/*.json', '/tmp/[x']\n[sinks.kafka.x]\ntopic = ''\nbrokers = 'b:1'\n\
                    [redacted.kafka]\ntopic = ' '\nbrokers = ''\n";
        let problems = load("gatewatch.toml", text).expect_err("it has problems");
        let places: Vec<_> = problems.iter().map(|problem| &text[problem.at.clone().unwrap()]).collect();
        assert_eq!(places, ["''", "'/tmp/[x'", "''", "' '", "''"], "{problems:?}");
    }

    #[test]
    fn an_event_hubs_namespace_without_its_profile_is_a_problem_with_a_mend() {
        let text = "[sources.kafka.x]\nbrokers = 'ns.servicebus.windows.net:9093'\ntopics = ['a']\n";
        let problems = load("gatewatch.toml", text).expect_err("it has a problem");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].help.as_deref().is_some_and(|help| help.contains("event-hubs")), "{problems:?}");
    }
}
