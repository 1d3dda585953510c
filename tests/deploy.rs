//! What is shipped beside the binary fits together: files parse, mounted paths exist, ports agree,
//! and no dashboard or rule asks for a metric that does not exist.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gatewatch::config::Config;
use gatewatch::metrics::Metrics;
use gatewatch::telemetry::Category;
use serde_json::Value;

/// Metrics that no panel and no rule shows, and why.
const NOT_SHOWN: [(&str, &str); 6] = [
    ("gatewatch_category_age_seconds", "the page on the pipeline's health shows it for each app"),
    ("gatewatch_filtered_total", "nothing is left out by configuration yet"),
    ("gatewatch_signals_total", "for those who tune detectors"),
    ("gatewatch_http_requests_total", "the dashboard's own traffic"),
    ("gatewatch_spool_bytes", "the HTTP source's own"),
    ("gatewatch_ingest_refused_total", "the HTTP source's own"),
];

/// Every metric of the real registry with the labels it exports; a histogram is named without suffixes.
fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let metrics = Metrics::new("x").unwrap();
    for (counts, labels) in [
        (&metrics.records, 1),
        (&metrics.dead_letters, 1),
        (&metrics.redactions, 1),
        (&metrics.findings, 2),
        (&metrics.messages, 1),
        (&metrics.bytes, 1),
        (&metrics.deliveries, 2),
        (&metrics.tellings_cut, 1),
        (&metrics.http_requests, 2),
        (&metrics.ingest_refused, 1),
    ] {
        counts.add(&vec!["x"; labels], 1);
    }
    for (levels, labels) in [
        (&metrics.alerts_open, 1),
        (&metrics.source_lag, 3),
        (&metrics.deliveries_waiting, 1),
        (&metrics.coverage_missing, 1),
        (&metrics.category_age_seconds, 1),
    ] {
        levels.set(&vec!["x"; labels], 1);
    }
    let text = metrics.render();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut found: BTreeMap<String, BTreeSet<String>> = types.map(|name| (name.to_owned(), BTreeSet::new())).collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (Some(name), Some((_, labels))) = (metrics_in(line).pop_first(), line.split_once('{')) else { continue };
        let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        found.get_mut(&name).unwrap().extend(labels);
    }
    found
}

/// What the binary says to these words of a command line.
fn gatewatch(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gatewatch")).args(words).current_dir(root()).output().unwrap()
}

/// The words of a Dockerfile's instruction that is written as a list.
fn instruction(dockerfile: &str, name: &str) -> Vec<String> {
    let line = dockerfile.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    serde_json::from_str(line.trim()).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The configuration of the compose file, as the binary reads it.
fn configuration() -> Config {
    gatewatch::config::load("deploy/gatewatch.docker.toml", &read("deploy/gatewatch.docker.toml")).unwrap()
}

fn compose() -> Value {
    yaml("docker-compose.yml")
}

fn services(compose: &Value) -> Vec<(&String, &Value)> {
    compose["services"].as_object().unwrap().iter().collect()
}

/// The texts of a list; none where there is no list.
fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap()).collect()
}

/// Every metric of ours that a text names, without a histogram's suffix.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("gatewatch_") {
        let name: String = text[at..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let plain = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        found.insert(plain.unwrap_or(&name).to_owned());
    }
    found
}

fn dashboard() -> Value {
    serde_json::from_str(&read("dashboards/grafana/gatewatch.json")).unwrap()
}

/// Every expression of the dashboard, with its panel's title.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let targets = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let of = panel["targets"].as_array().cloned().unwrap_or_default();
        of.into_iter()
            .map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    dashboard["panels"].as_array().unwrap().iter().flat_map(targets).collect()
}

#[test]
fn every_path_that_compose_mounts_exists() {
    let compose = compose();
    let named: BTreeSet<&str> = compose["volumes"].as_object().unwrap().keys().map(String::as_str).collect();
    for (service, spec) in services(&compose) {
        for mount in texts(&spec["volumes"]) {
            let from = mount.split(':').next().unwrap();
            if from.starts_with('.') {
                assert!(root().join(from).exists(), "{service} mounts {from}, which does not exist");
                assert!(mount.ends_with(":ro"), "{service} could write to {from}");
            } else {
                assert!(named.contains(from), "{service} mounts the volume {from}, which is not declared");
            }
        }
    }
}

#[test]
fn every_service_that_compose_waits_for_exists_and_every_port_stays_on_this_machine() {
    let compose = compose();
    for (service, spec) in services(&compose) {
        let waits = match &spec["depends_on"] {
            Value::Object(map) => map.keys().cloned().collect(),
            list => texts(list).into_iter().map(str::to_owned).collect::<Vec<_>>(),
        };
        for other in waits {
            assert!(compose["services"][&other].is_object(), "{service} waits for {other}");
        }
        for port in texts(&spec["ports"]) {
            assert!(port.starts_with("127.0.0.1:"), "{service} opens {port} to everybody");
        }
    }
}

#[test]
fn the_binary_finds_nothing_wrong_with_the_configuration_of_compose() {
    let checked = gatewatch(&["config", "check", "--config", "deploy/gatewatch.docker.toml"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn the_port_is_the_same_in_image_compose_configuration_and_scrape() {
    let dashboard = configuration().dashboard;
    let port = dashboard.listen.port();
    assert!(dashboard.listen.ip().is_unspecified(), "compose could not reach it");
    assert_eq!(texts(&compose()["services"]["gatewatch"]["ports"]), [format!("127.0.0.1:{port}:{port}")]);
    assert_eq!(dashboard.external_url, Some(format!("http://127.0.0.1:{port}")));
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&format!("EXPOSE {port}")));
    assert!(dockerfile.contains(&format!("/dev/tcp/127.0.0.1/{port} ")));
    let scrape = &yaml("deploy/prometheus.yml")["scrape_configs"][0];
    assert_eq!(texts(&scrape["static_configs"][0]["targets"]), [format!("gatewatch:{port}")]);
    assert_eq!(dashboard.hosts, ["gatewatch"], "Prometheus calls it by this name");
}

#[test]
fn broker_and_topic_are_the_same_for_all_who_use_them() {
    let config = configuration();
    let kafka = &config.sources.kafka["azure"];
    let (broker, topic) = (&kafka.brokers, &kafka.topics[0]);
    let compose = compose();
    let services = &compose["services"];
    assert_eq!(services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"], format!("PLAINTEXT://{broker}"));
    let create = texts(&services["topic"]["command"]).join(" ");
    let produce = texts(&services["producer"]["command"]).join(" ");
    for said in [format!("--bootstrap-server {broker}"), format!("--topic {topic}")] {
        assert!(create.contains(&said), "{create}");
        assert!(produce.contains(&said), "{produce}");
    }
}

#[test]
fn the_first_start_makes_one_token_and_later_ones_none() {
    let compose = compose();
    let (token, daemon) = (&compose["services"]["token"], &compose["services"]["gatewatch"]);
    assert_eq!(daemon["depends_on"]["token"]["condition"], "service_completed_successfully");
    assert_eq!(token["image"], daemon["image"]);
    let mount = texts(&token["volumes"])[0];
    assert!(texts(&daemon["volumes"]).contains(&mount), "the token lies where the daemon looks");
    let (_, within) = mount.split_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = texts(&token["command"])[0].replace(within, folder.path().to_str().unwrap());
    let binaries = Path::new(env!("CARGO_BIN_EXE_gatewatch")).parent().unwrap();
    let script = format!("PATH={}:$PATH; {script}", binaries.display());
    let start = || {
        let entry = texts(&token["entrypoint"]);
        Command::new(entry[0]).args(&entry[1..]).arg(&script).output().unwrap()
    };
    let (first, second) = (start(), start());
    assert!(first.status.success() && second.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    assert!(first.stdout.starts_with(b"gw_"));
    assert_eq!(second.stdout, b"");
    let listed = gatewatch(&["token", "list", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&listed.stdout).lines().count(), 1);
}

#[test]
fn no_secret_is_handed_in_through_compose() {
    let text = read("docker-compose.yml");
    for word in ["gw_", "secrets:", "PASSWORD", "TOKEN:"] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn the_binary_knows_the_command_of_the_image_and_of_the_unit() {
    let dockerfile = read("Dockerfile");
    assert_eq!(instruction(&dockerfile, "ENTRYPOINT"), ["gatewatch"]);
    let unit = read("deploy/systemd/gatewatch.service");
    let started =
        unit.lines().filter_map(|line| line.strip_prefix("ExecStart")?.split_once("/usr/local/bin/gatewatch "));
    let mut commands: Vec<Vec<String>> =
        started.map(|(_, words)| words.split(' ').map(str::to_owned).collect()).collect();
    assert_eq!(commands.len(), 2);
    commands.push(instruction(&dockerfile, "CMD"));
    for command in commands {
        let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
        let said = gatewatch(&words);
        assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
    }
}

#[test]
fn the_configuration_lies_where_the_image_looks_for_it() {
    let mounts = compose();
    let mounts = texts(&mounts["services"]["gatewatch"]["volumes"]).join("\n");
    assert_eq!(configuration().data, Some(PathBuf::from("/var/lib/gatewatch")));
    let dockerfile = read("Dockerfile");
    for path in ["/etc/gatewatch/gatewatch.toml", "/var/lib/gatewatch"] {
        assert!(mounts.contains(&format!(":{path}")), "{path} is not mounted");
        assert!(dockerfile.contains(&format!("\"{path}\"")), "{path} is not in the image's command");
    }
}

#[test]
fn the_image_runs_as_nobody_special_and_holds_no_secret() {
    let dockerfile = read("Dockerfile");
    let last_user = dockerfile.lines().rfind(|line| line.starts_with("USER")).unwrap();
    assert_eq!(last_user, "USER 10001:10001");
    assert!(dockerfile.contains("HEALTHCHECK"));
    let instructions = dockerfile.lines().filter(|line| line.starts_with("ENV") || line.starts_with("ARG"));
    assert_eq!(instructions.count(), 0, "nothing is handed in at build time");
    let ignore = read(".dockerignore");
    assert_eq!(ignore.lines().find(|line| !line.starts_with('#')), Some("*"), "all is left out first");
}

#[test]
fn what_the_build_reads_gets_into_the_build() {
    let ignore = read(".dockerignore");
    let kept: Vec<&str> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    for needed in ["Cargo.toml", "Cargo.lock", "src", "detectors", "kinds", "dashboards", "README.md", "tests/browser"]
    {
        assert!(kept.contains(&needed), "{needed} does not reach the builder");
    }
}

#[test]
fn grafana_finds_its_data_source_and_its_dashboard() {
    let compose = compose();
    let grafana = &compose["services"]["grafana"];
    let folder = yaml("deploy/grafana/provisioning/dashboards/gatewatch.yml");
    let folder = folder["providers"][0]["options"]["path"].as_str().unwrap();
    let mount = format!("./dashboards/grafana:{folder}:ro");
    assert!(texts(&grafana["volumes"]).contains(&mount.as_str()));
    let home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str().unwrap();
    let file = home.strip_prefix(folder).unwrap().trim_start_matches('/');
    assert!(root().join("dashboards/grafana").join(file).exists());
    let source = yaml("deploy/grafana/provisioning/datasources/prometheus.yml");
    assert_eq!(source["datasources"][0]["url"], "http://prometheus:9090");
}

#[test]
fn every_panel_says_what_it_shows_and_in_what_unit() {
    let dashboard = dashboard();
    let mut ids = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels share an id");
        if panel["type"] == "row" {
            continue;
        }
        let title = panel["title"].as_str().unwrap();
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title} says nothing");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title} has no unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title} is bound to one data source");
    }
    for (title, expression) in expressions(&dashboard) {
        assert!(!expression.contains("rate(") || expression.contains("$__rate_interval"), "{title}: a fixed interval");
        assert!(expression.contains("instance=~\"$instance\""), "{title} mixes instances");
    }
}

#[test]
fn dashboards_and_rules_name_only_metrics_and_labels_that_exist() {
    let metrics = metrics();
    let known: BTreeSet<String> = metrics.keys().cloned().collect();
    let rules = read("dashboards/prometheus/rules.yml");
    let mut named = metrics_in(&rules);
    let dashboard = dashboard();
    for (_, expression) in expressions(&dashboard) {
        named.extend(metrics_in(&expression));
    }
    assert_eq!(named.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    let unseen: BTreeSet<&str> = known.difference(&named).map(String::as_str).collect();
    let excused: BTreeSet<&str> = NOT_SHOWN.iter().map(|(name, _)| *name).collect();
    assert_eq!(unseen, excused, "metrics that nobody looks at");
    let mut expressions: Vec<String> = expressions(&dashboard).into_iter().map(|(_, expression)| expression).collect();
    expressions.extend(rules.lines().filter_map(|line| Some(line.trim().strip_prefix("expr: ")?.to_owned())));
    for expression in expressions {
        let labels: BTreeSet<&str> =
            metrics_in(&expression).iter().flat_map(|name| &metrics[name]).map(String::as_str).collect();
        for label in grouped_by(&expression) {
            assert!(label == "instance" || labels.contains(label.as_str()), "`{label}` in {expression}");
        }
    }
}

/// The labels in every `by (…)`.
fn grouped_by(expression: &str) -> Vec<String> {
    let lists = expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    lists.flat_map(|list| list.split(',').map(|label| label.trim().to_owned())).collect()
}

#[test]
fn the_rules_hold_in_their_own_tests() {
    let promtool = std::process::Command::new("promtool")
        .args(["test", "rules", "dashboards/prometheus/rules.test.yml"])
        .current_dir(root())
        .output();
    let Ok(output) = promtool else {
        assert!(yaml("dashboards/prometheus/rules.test.yml")["tests"].is_array(), "promtool is not here to try them");
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}

#[test]
fn every_rule_is_shown_firing_and_shown_quiet() {
    let (rules, tests) = (yaml("dashboards/prometheus/rules.yml"), yaml("dashboards/prometheus/rules.test.yml"));
    let named = |rule: &Value| rule["alert"].as_str().unwrap().to_owned();
    let all: BTreeSet<String> = rules["groups"][0]["rules"].as_array().unwrap().iter().map(named).collect();
    let (mut firing, mut quiet) = (BTreeSet::new(), BTreeSet::new());
    for asked in
        tests["tests"].as_array().unwrap().iter().filter_map(|test| test["promql_expr_test"].as_array()).flatten()
    {
        let fired = |name: &&String| {
            let label = format!("{{alertname=\"{name}\"}}");
            asked["exp_samples"].as_array().into_iter().flatten().any(|sample| sample["labels"] == label.as_str())
        };
        let fires: BTreeSet<String> = all.iter().filter(fired).cloned().collect();
        // Only a question for all that fires says of the others that they are quiet.
        if asked["expr"] == r#"count by (alertname) (ALERTS{alertstate="firing"})"# {
            quiet.extend(all.difference(&fires).cloned());
        }
        firing.extend(fires);
    }
    let by_name =
        tests["tests"].as_array().unwrap().iter().filter_map(|test| test["alert_rule_test"].as_array()).flatten();
    for asked in by_name {
        let fires = asked["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
        if fires { &mut firing } else { &mut quiet }.insert(asked["alertname"].as_str().unwrap().to_owned());
    }
    assert_eq!(firing, all, "rules that no test shows firing");
    quiet.insert("GatewatchAlive".to_owned());
    assert_eq!(quiet, all, "rules that no test shows quiet");
}

#[test]
fn every_alert_on_gatewatch_says_what_it_means() {
    let rules = yaml("dashboards/prometheus/rules.yml");
    for rule in rules["groups"][0]["rules"].as_array().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        assert!(name.starts_with("Gatewatch"), "{name}");
        for part in ["summary", "description"] {
            assert!(rule["annotations"][part].as_str().is_some_and(|text| text.ends_with('.')), "{name}: {part}");
        }
        assert!(["critical", "warning", "none"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
    }
}

#[test]
fn the_unit_runs_the_binary_as_the_image_does_and_without_privileges() {
    let unit = read("deploy/systemd/gatewatch.service");
    let start =
        "ExecStart=/usr/local/bin/gatewatch run --config /etc/gatewatch/gatewatch.toml --data /var/lib/gatewatch";
    for line in [start, "User=gatewatch", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict"] {
        assert!(unit.lines().any(|said| said == line), "{line}");
    }
    let reload = "ExecReload=/bin/kill -HUP $MAINPID";
    assert!(unit.lines().any(|said| said == reload), "detectors and lists are read at once");
}

/// The texts in single quotes in `text`, comments and descriptions left out.
fn quoted(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.starts_with("@description"));
    let code: String = lines.map(|line| line.to_owned() + "\n").collect();
    code.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

fn params(text: &str) -> Vec<String> {
    let named = |line: &str| Some(line.strip_prefix("param ")?.split(' ').next()?.to_owned());
    text.lines().filter_map(named).collect()
}

#[test]
fn the_bicep_files_send_every_category_that_has_a_setting_and_no_other() {
    use gatewatch::posture::ElementKind;
    let (fleet, entra) = (read("deploy/diagnostics.bicep"), read("deploy/diagnostics-entra.bicep"));
    let known: BTreeSet<&str> = ElementKind::ALL
        .iter()
        .flat_map(|kind| kind.sends())
        .map(|(category, _)| category.name())
        .filter(|name| *name != "ActivityLog")
        .collect();
    let named = |text: &str| quoted(text).into_iter().filter_map(|word| Category::named(&word)).collect::<Vec<_>>();
    let sent: BTreeSet<&str> = named(&fleet).into_iter().chain(named(&entra)).map(Category::name).collect();
    assert_eq!(sent, known);
    for part in ["'Administrative'", "'Security'", "'Policy'"] {
        assert!(fleet.contains(part), "the Activity log is sent by its own categories: {part}");
    }
    for (text, element) in [(&fleet, ElementKind::App), (&entra, ElementKind::Tenant)] {
        for (category, _) in element.sends() {
            assert!(text.contains(&format!("'{}'", category.name())), "{}", category.name());
        }
    }
}

#[test]
fn every_parameter_of_the_bicep_files_is_used_and_every_module_gets_its_own() {
    for path in ["deploy/diagnostics.bicep", "deploy/diagnostics/resource.bicep", "deploy/diagnostics-entra.bicep"] {
        let text = read(path);
        for param in params(&text) {
            let uses = text.lines().filter(|line| !line.starts_with("param ") && !line.starts_with("//"));
            let used = uses.flat_map(|line| line.split(|c: char| !c.is_alphanumeric())).any(|word| word == param);
            assert!(used, "{path}: `{param}` is never used");
        }
        let depth = |open: char, close: char| text.matches(open).count() == text.matches(close).count();
        assert!(depth('{', '}') && depth('[', ']') && depth('(', ')'), "{path}: brackets don't match");
    }
    let (fleet, module) = (read("deploy/diagnostics.bicep"), read("deploy/diagnostics/resource.bicep"));
    let (_, given) = fleet.split_once("  params: {").unwrap();
    let (given, _) = given.split_once("\n  }").unwrap();
    let given: BTreeSet<String> =
        given.lines().filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned())).collect();
    assert_eq!(given, params(&module).into_iter().collect());
    assert!(fleet.contains("'diagnostics/resource.bicep'"));
    let kinds: BTreeSet<&str> =
        fleet.lines().filter_map(|line| line.trim().strip_prefix("kind: '")?.strip_suffix('\'')).collect();
    let (allowed, _) = module.split_once("])").unwrap();
    assert_eq!(kinds, quoted(allowed).iter().map(String::as_str).collect::<BTreeSet<_>>());
    for kind in kinds {
        let settings = format!("diagnosticSettings@2021-05-01-preview' = if (kind == '{kind}')");
        assert_eq!(module.matches(&settings).count(), 1, "{kind}");
    }
}
