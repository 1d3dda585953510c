//! What a configuration may not say although it reads well.

use std::time::Duration;

use crate::context::{ClientSettings, Form, Hop, InventorySettings, KNOWN_EGRESS};

use super::load::read_partly;
use super::{Config, Places, Problem};

/// How often what is configured may be read anew at most.
const READ_EVERY: Duration = Duration::from_secs(5);
/// The most threads that can be asked for.
pub const MOST_THREADS: usize = 256;
/// The longest that events may be out of order.
const LATEST: Duration = Duration::from_hours(24);
/// How long what events prove counts at least.
const STALE_AFTER: Duration = Duration::from_hours(25);

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
    for (name, kafka) in &config.sources.kafka {
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
    for (name, files) in &config.sources.file {
        if files.paths.len() > 1 && files.paths.iter().any(|path| path == "-") {
            wrong(
                &format!("sources.file.{name}.paths"),
                "`-`, standard input, stands beside files",
                "give it a source of its own: paths = [\"-\"]",
            );
        }
        if files.paths.is_empty() {
            wrong(
                &format!("sources.file.{name}.paths"),
                "no file is named",
                "write paths = [\"/var/log/azure/*.json\"]",
            );
        }
    }
    super::sources_check::check(&config.sources, &mut wrong);
    super::sinks_check::check(&config.sinks, &mut wrong);
    super::routes::check(&config.sinks, &config.routes, &mut wrong);
    if config.detection.max_entities < 256 {
        wrong(
            "detection.max_entities",
            "fewer than 256 entities can't be followed: one for each shard",
            "leave it out for 200000",
        );
    }
    if config.detection.threads > MOST_THREADS {
        wrong(
            "detection.threads",
            "more than 256 are of no use",
            "leave it out for as many as there are, or write 1 to 256",
        );
    }
    if config.detection.lateness > LATEST {
        wrong("detection.lateness", "nothing would be told for more than a day", "write \"30s\", or leave it out");
    }
    if let Some(heartbeat) = &config.heartbeat
        && !["http://", "https://"].iter().any(|scheme| heartbeat.url.starts_with(scheme))
    {
        wrong("heartbeat.url", "this is no address that can be called", "write url = \"https://…\"");
    }
    if config.posture.read_every < READ_EVERY {
        wrong("posture.read_every", "files can't be read that often", "write \"1m\", or leave it out");
    }
    if config.posture.stale_after < STALE_AFTER {
        wrong("posture.stale_after", "what is seen once a day would not count", "write \"30d\", or leave it out");
    }
    if config.detection.silence.is_zero() {
        wrong("detection.silence", "silence must last for some time", "write \"30s\"");
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
    super::context::check(&inventory, &mut wrong);
    // With more of them in a file, what lies behind what is checked where that is read.
    if config.context.inventory.is_none() {
        layers(&config.clients, &inventory, &mut wrong);
    }
    problems
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

/// Checks that a Front Door is named as it names itself, and where it is looked for.
fn front_door(path: &str, id: &str, addresses: &[Hop], wrong: &mut impl FnMut(&str, &str, &str)) {
    let mut parts = id.trim().split('-');
    let hex = |part: &str, long: usize| part.len() == long && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = [8, 4, 4, 4, 12].into_iter().all(|long| parts.next().is_some_and(|part| hex(part, long)));
    if !is_id || parts.next().is_some() {
        wrong(
            path,
            &format!("{id:?} is no id of a Front Door"),
            "write the GUID that its overview calls Front Door ID",
        );
    } else if !addresses.contains(&Hop::FrontDoor) {
        wrong(
            path,
            "nothing calls from a Front Door's addresses, so that the id decides nothing",
            "write addresses = [\"azure-front-door\"], or leave the id out",
        );
    }
}

/// Checks that every hop of an inventory is an address, a network or a set of them.
pub(super) fn hops(inventory: &InventorySettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    for (name, app) in &inventory.apps {
        hops_of(&format!("apps.{name}.trusted_hops"), app.trusted_hops.as_deref().unwrap_or_default(), wrong);
    }
    for (name, gateway) in &inventory.gateways {
        hops_of(&format!("gateways.{name}.trusted_hops"), gateway.trusted_hops.as_deref().unwrap_or_default(), wrong);
        hops_of(&format!("gateways.{name}.addresses"), &gateway.addresses, wrong);
        if let Some(id) = gateway.front_door_id.as_deref() {
            front_door(&format!("gateways.{name}.front_door_id"), id, &gateway.addresses, wrong);
        }
    }
    for (name, key) in &inventory.keys {
        hops_of(&format!("keys.{name}.addresses"), &key.addresses, wrong);
    }
}

fn hops_of(path: &str, hops: &[Hop], wrong: &mut impl FnMut(&str, &str, &str)) {
    for (n, hop) in hops.iter().enumerate() {
        if let Hop::Unknown(text) = hop {
            wrong(
                &format!("{path}[{n}]"),
                &format!("{text:?} is no address, network or set of them"),
                "write \"203.0.113.7\", \"10.0.0.0/8\", \"private\" or \"azure-front-door\"",
            );
        }
    }
}

/// Checks what is said to lie behind what: of a gateway whose addresses nobody knows, no request
/// could be told from one that came past it.
pub(super) fn layers(clients: &ClientSettings, config: &InventorySettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    let known = |name: &str| config.gateways.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let apps = config.apps.iter().map(|(name, app)| (format!("apps.{name}"), name, &app.behind, &app.trusted_hops));
    let gateways = config.gateways.iter();
    let gateways =
        gateways.map(|(name, gateway)| (format!("gateways.{name}"), name, &gateway.behind, &gateway.trusted_hops));
    for (path, name, behind, hops) in apps.chain(gateways) {
        let hops = hops.as_ref().or(clients.trusted_hops.as_ref()).is_some_and(|hops| !hops.is_empty());
        for (n, gateway) in behind.iter().enumerate() {
            let at = format!("{path}.behind[{n}]");
            if gateway.eq_ignore_ascii_case(name) {
                wrong(&at, "it can't lie behind itself", "name the gateway in front of it, or leave `behind` out");
            } else if !hops && known(gateway).is_none_or(|(_, gateway)| gateway.addresses.is_empty()) {
                wrong(
                    &at,
                    &format!("nothing says from where {gateway} calls what lies behind it"),
                    &format!(
                        "write [gateways.\"{gateway}\"] with addresses = [\"203.0.113.7\"], or trusted_hops for this app"
                    ),
                );
            }
        }
    }
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
    fn an_event_hubs_namespace_without_its_profile_is_a_problem_with_a_mend() {
        let text = "[sources.kafka.x]\nbrokers = 'ns.servicebus.windows.net:9093'\ntopics = ['a']\n";
        let problems = load("gatewatch.toml", text).expect_err("it has a problem");
        assert_eq!(problems.len(), 1);
        assert!(problems[0].help.as_deref().is_some_and(|help| help.contains("event-hubs")), "{problems:?}");
    }
}
