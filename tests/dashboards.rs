//! Does every query of the Grafana dashboards return something?
//!
//! A real Prometheus (Debian's `prometheus`) scrapes a running demo; each panel's expression and each query of a
//! template is asked there, with the variables as Grafana would fill them in, and must answer with a number. The
//! rules are loaded into it too: each must be evaluated without an error.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests time out by the clock and print")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use serde_json::Value;

const PATIENCE: Duration = Duration::from_mins(2);
/// What stands behind a query that is rightly empty while all is well: nothing of it, as long as Gatewatch is scraped.
const OR_NOTHING: &str = " or on() 0 * max(gatewatch_build_info{instance=~\"$instance\"})";
/// Metrics of which the demo has none: nobody is told of its alerts.
const NOT_IN_THE_DEMO: [&str; 2] = ["gatewatch_deliveries_total", "gatewatch_deliveries_waiting"];

/// A program that ends with the test.
struct Running {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts `command` and waits until a line of its stderr says where it listens.
fn listening(mut command: Command, folder: tempfile::TempDir, says: fn(&str) -> Option<String>) -> Option<Running> {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().ok()?;
    let (tell, told) = sync_channel(1);
    let log = BufReader::new(child.stderr.take().unwrap());
    // Reads on to the end, so that it never waits for us.
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if let Some(address) = says(&line) {
                drop(tell.try_send(address));
            }
        }
    });
    let address = told.recv_timeout(PATIENCE).expect("it does not say where it listens");
    Some(Running { child, address, _folder: folder })
}

fn demo() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewatch"));
    command.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let says = |line: &str| Some(line.trim().strip_prefix("http://")?.trim_end_matches('/').to_owned());
    listening(command, folder, says).unwrap()
}

fn prometheus(target: &str) -> Option<Running> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: ['{}']\nscrape_configs:\n  - job_name: \
         gatewatch\n    static_configs: [ {{ targets: ['{target}'] }} ]\n",
        root().join("dashboards/prometheus/rules.yml").display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new("prometheus");
    command
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg("--web.listen-address=127.0.0.1:0");
    let says = |line: &str| {
        let address = line.split_once("msg=\"Listening on\" address=")?.1;
        Some(address.split_whitespace().next()?.to_owned())
    };
    listening(command, folder, says)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Every dashboard of the folder.
fn dashboards() -> Vec<Value> {
    let files = std::fs::read_dir(root().join("dashboards/grafana")).unwrap();
    let read = |path: PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    files.map(|file| read(file.unwrap().path())).collect()
}

/// Every expression of a panel and of those within it, with its title.
fn expressions(panel: &Value, into: &mut Vec<(String, String)>) {
    let title = panel["title"].as_str().unwrap_or_default();
    for target in panel["targets"].as_array().into_iter().flatten() {
        into.push((title.to_owned(), target["expr"].as_str().unwrap().to_owned()));
    }
    panel["panels"].as_array().into_iter().flatten().for_each(|inner| expressions(inner, into));
}

/// Every query of a template that asks for values of a label: the metric.
fn templates(dashboard: &Value) -> Vec<String> {
    let all = dashboard["templating"]["list"].as_array().unwrap().iter().filter(|one| one["type"] == "query");
    let metric = |one: &Value| {
        let query = one["query"]["query"].as_str().unwrap();
        query.strip_prefix("label_values(").unwrap().split(',').next().unwrap().to_owned()
    };
    all.map(metric).collect()
}

/// As Grafana fills it in for the last minute and all instances.
fn filled(expression: &str) -> String {
    let filled = [("$__rate_interval", "10s"), ("$__range", "60s"), ("$instance", ".*")]
        .iter()
        .fold(expression.to_owned(), |text, (name, value)| text.replace(name, value));
    assert!(!filled.contains('$'), "a variable that the test does not know: {filled}");
    filled
}

/// Asks it; returns the numbers that it answers with.
fn ask(at: &str, expression: &str) -> Vec<f64> {
    let url = format!("http://{at}");
    let output =
        Command::new("promtool").args(["query", "instant", "--format=json", &url, expression]).output().unwrap();
    assert!(output.status.success(), "{expression}: {}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |sample: &Value| sample["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    answer.as_array().unwrap().iter().map(number).filter(|number| !number.is_nan()).collect()
}

/// Fetches JSON from it.
fn get(at: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn every_query_of_the_dashboards_returns_data_from_a_real_prometheus_that_scrapes_the_demo() {
    let demo = demo();
    let Some(prometheus) = prometheus(&demo.address) else {
        eprintln!("skipped, there is no Prometheus: apt-get install prometheus");
        return;
    };
    let mut asked = Vec::new();
    for dashboard in dashboards() {
        dashboard["panels"].as_array().unwrap().iter().for_each(|panel| expressions(panel, &mut asked));
        asked.extend(templates(&dashboard).into_iter().map(|metric| ("a template".to_owned(), metric)));
    }
    assert!(asked.len() > 20, "{}", asked.len());
    // A query that says 0 where there is nothing must find something without that, so that it can't be about nothing.
    let bare = |(title, text): &(String, String)| Some((title.clone(), text.strip_suffix(OR_NOTHING)?.to_owned()));
    let in_demo = |(_, text): &(String, String)| !NOT_IN_THE_DEMO.iter().any(|name| text.contains(name));
    asked.extend(asked.iter().filter_map(bare).filter(in_demo).collect::<Vec<_>>());
    // What counts takes some scrapes; what is empty after that stays empty.
    let (began, mut left) = (Instant::now(), asked.clone());
    while !left.is_empty() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_secs(1));
        left.retain(|(_, expression)| ask(&prometheus.address, &filled(expression)).is_empty());
    }
    println!("{} queries answer after {:?}", asked.len() - left.len(), began.elapsed());
    assert!(left.is_empty(), "no data for {left:#?}");

    let groups = get(&prometheus.address, "/api/v1/rules");
    let rules: Vec<&Value> = groups["data"]["groups"][0]["rules"].as_array().unwrap().iter().collect();
    assert!(rules.len() > 10);
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule:#}");
    }
}
