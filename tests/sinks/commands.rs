//! `gatewatch sinks` as people run it.

use std::process::{Command, Output};

use gatewatch::alerts::AlertId;
use gatewatch::sinks::Route;
use serde_json::Value;

use crate::chat::{judge_slack, slack};
use crate::made::{inside, opened, outlet, texts};
use crate::outbox::Outbox;
use crate::receiver::{Receiver, Trouble};

fn gatewatch(words: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatewatch"));
    command.args(words).envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn config(folder: &std::path::Path) -> String {
    let path = folder.join("gatewatch.toml");
    let text = "[sinks.slack.ops]\nurl = { env = 'OPS_URL' }\nallow_private = true\ntext = 'Look: {why}'\n\
                [sinks.email.soc]\nhost = 'mail.example.com'\nfrom = 'gatewatch@example.com'\nto = ['soc@example.com']\n\
                [dashboard]\nexternal_url = 'https://watch.example.com'\n";
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_preview_prints_what_would_be_sent_and_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let receiver = Receiver::start(judge_slack);
    let url = receiver.url("/services/secret-path");
    let shown = gatewatch(&["sinks", "preview", "ops", "--config", &config], &[("OPS_URL", &url)]);
    let body: Value = serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", text(&shown.stderr)));
    assert!(body["blocks"].to_string().contains("Look: Key k"), "{body}");
    assert!(!text(&shown.stdout).contains("secret-path"));
    let mail = text(&gatewatch(&["sinks", "preview", "soc", "--config", &config], &[]).stdout);
    assert!(mail.starts_with("Subject: [high] New: A test of this sink") && mail.contains("--- as HTML ---"), "{mail}");
    assert_eq!(receiver.came(), 0);
}

#[test]
fn a_test_sends_one_and_says_what_came_back() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let receiver = Receiver::start(judge_slack).first(&[Trouble::Status(404)]);
    let url = receiver.url("/services/secret-path");
    let test = |sink: &str, url: &str| gatewatch(&["sinks", "test", sink, "--config", &config], &[("OPS_URL", url)]);
    let refused = test("ops", &url);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("ops (slack) did not take"), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("404") && !text(&refused.stderr).contains("secret-path"));
    let taken = test("ops", &url);
    assert!(taken.status.success() && text(&taken.stdout).contains(": 200, "), "{}", text(&taken.stderr));
    assert_eq!(receiver.taken().len(), 1);
    let unknown = test("opps", &url);
    assert_eq!(unknown.status.code(), Some(64));
    assert!(text(&unknown.stderr).contains("it names ops, soc"), "{}", text(&unknown.stderr));
    let unset = gatewatch(&["sinks", "test", "ops", "--config", &config], &[]);
    let says = text(&unset.stderr);
    assert!(says.contains("sinks.slack.ops: url: the variable OPS_URL is not set"), "{says}");
}

#[test]
fn deliveries_are_listed_with_attempt_answer_latency_and_next_try() {
    let receiver = Receiver::start(judge_slack).first(&[Trouble::Status(503)]);
    let route: Route = toml::from_str("to = ['ops']\ngroup_by = []").unwrap();
    let mut outbox = Outbox::new(vec![outlet(slack(&receiver.url("/x"), &inside(), texts()))], vec![route]);
    outbox.tell(&[opened(1), opened(2)]);
    let data = outbox.data().to_str().unwrap().to_owned();
    let list = |more: &[&str]| {
        let output = gatewatch(&[&["sinks", "deliveries", "--data", &data], more].concat(), &[]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let waiting: Value = serde_json::from_str(&list(&["--json"])).unwrap();
    assert_eq!((&waiting["outcome"], &waiting["attempts"]), (&"waiting".into(), &0.into()));
    outbox.deliver();
    let made: Value = serde_json::from_str(&list(&["--json", "--alert", &AlertId(2).to_string()])).unwrap();
    assert_eq!((&made["outcome"], &made["attempts"], &made["note"]), (&"delivered".into(), &2.into(), &"200".into()));
    assert!(made["took_ms"].is_u64() && made["tried_at"].is_string() && made["next_try"].is_null(), "{made}");
    assert_eq!(made["about"].as_array().unwrap().len(), 2);
    let table = list(&["--sink", "ops"]);
    assert!(table.starts_with("SINK") && table.contains("delivered: 200 (2 alerts)"), "{table}");
    assert_eq!(list(&["--failing"]), "");
}

#[test]
fn a_configuration_that_is_in_order_is_checked_for_what_may_not_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatewatch.toml");
    let text = "[sinks.slack.ops]\nurl = { env = 'OPS_URL' }\n\
                [[routes]]\nto = ['ops']\ndetectors = ['key-usage.*', 'key_usage.*']\n";
    std::fs::write(&path, text).unwrap();
    let checked = gatewatch(&["config", "check", "--config", path.to_str().unwrap()], &[]);
    let says = text_of(&checked);
    assert!(checked.status.success() && says.contains("1 sinks"), "{says}");
    assert!(
        says.contains("route 1: no detector that runs is called key_usage.*") && !says.contains("key-usage"),
        "{says}"
    );
    assert!(says.contains("messages carry no link to their alert"), "{says}");
}

fn text_of(output: &Output) -> String {
    text(&output.stderr)
}
