//! What settings are there, and what are they where nobody sets them?
//!
//! `docs/configuration.md` is made of the comments on the settings' fields and of a configuration that sets what must be
//! set. Only a test: the page says so when it is behind.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use toml::Value;

use super::described::{described, fields_of};
use super::{Config, load};

/// Sets what must be set of each table, and nothing else.
const NEEDED: &str = r#"
[sources.kafka.NAME]
brokers = "b:9092"
topics = ["t"]
[sources.file.NAME2]
paths = ["/x"]
[sources.http.NAME3]
[apps.NAME]
[gateways.NAME]
[keys.NAME]
[origins."https://NAME.example"]
[context.lists.NAME]
file = "/x"
[[redaction.policy]]
action = "keep"
[[alerts.inhibit]]
name = "a"
source = { app = "a" }
target = { app = "b" }
equal = ["app"]
[[alerts.maintenance]]
name = "b"
alerts = { app = "a" }
from = "22:00"
to = "23:00"
[sinks.webhook.NAME]
url = "https://w.example"
[sinks.jsonl.NAME2]
path = "/x"
[sinks.slack.NAME3]
url = "https://w.example"
[sinks.teams.NAME4]
url = "https://w.example"
[sinks.pagerduty.NAME5]
routing_key = "x"
[sinks.alertmanager.NAME6]
url = "https://w.example"
[sinks.email.NAME7]
host = "h"
from = "a@b.example"
to = ["a@b.example"]
[sinks.kafka.NAME8]
topic = "t"
brokers = "b:9092"
[sinks.sentinel.NAME9]
endpoint = "https://w.example"
rule = "dcr-1"
tenant = "t"
client = "c"
secret = "x"
[[routes]]
to = ["NAME", "NAME2", "NAME3", "NAME4", "NAME5", "NAME6", "NAME7", "NAME8", "NAME9"]
[redacted.kafka]
topic = "t"
brokers = "b:9092"
[dashboard]
external_url = "https://g.example"
[dashboard.tls]
certificate = "/x"
key = "/x"
[dashboard.jwt]
issuer = "https://i.example"
audience = ["a"]
roles = { viewer = ["v"] }
[dashboard.oidc]
issuer = "https://i.example"
client_id = "c"
roles = { viewer = ["v"] }
[dashboard.easy_auth]
trusted = ["169.254.0.0/16"]
roles = { viewer = ["v"] }
[heartbeat]
url = "https://h.example"
"#;

const HEAD: &str = "\
# Settings

One TOML file, which `gatewatch config generate` begins and `gatewatch config check` looks through. Every setting is here, by its
table; what is in order of each, and what goes together, says `config check` with the line and a mend. `NAME` is a name
of your own. A dash is a setting that is not set unless somebody does; *needed* is one that the table can't do without.
Lengths of time are texts such as `\"30s\"`, with `ms`, `s`, `m`, `h` or `d`; a secret is a text, `{ file = \"/path\" }`
or `{ env = \"NAME\" }`. The page is made from the settings themselves.
";

/// Returns the value at `path`, in which tables of whatever name and lists' first items stand for all.
fn at<'v>(mut value: &'v Value, path: &[&str]) -> Option<&'v Value> {
    for name in path {
        value = match (value, *name) {
            (Value::Table(names), "NAME") => names.values().next()?,
            (Value::Array(items), "[0]") => items.first()?,
            (value, name) => value.get(name)?,
        };
    }
    Some(value)
}

fn table(path: &[&str], of: (&Value, &Value), out: &mut String) {
    let fields = fields_of(path);
    let mut rows = String::new();
    let mut below = Vec::new();
    for (name, kind) in fields {
        let mut whole = path.to_vec();
        whole.push(name);
        let says = described(&whole).replace('|', "\\|");
        let mut inner = whole.clone();
        if kind.contains("BTreeMap<") {
            inner.push("NAME");
        } else if kind.starts_with("Vec<") {
            inner.push("[0]");
        }
        if !fields_of(&inner).is_empty() {
            below.push(inner);
            continue;
        }
        let value = at(of.0, &whole).map(ToString::to_string);
        let default = match at(of.1, &whole) {
            // What is set so that it fits the rest is not needed by itself.
            Some(_) if ["external_url", "viewer", "app"].contains(&name) => "–".to_owned(),
            Some(_) => "*needed*".to_owned(),
            None => {
                let said = value.filter(|value| !["[]", "{}", "", "\"\""].contains(&value.as_str()));
                said.map_or_else(|| "–".to_owned(), |value| format!("`{value}`"))
            }
        };
        writeln!(rows, "| `{name}` | {default} | {says} |").unwrap();
    }
    if !rows.is_empty() {
        let names: Vec<&str> = path.iter().copied().filter(|name| *name != "[0]").collect();
        let name = names.join(".");
        let title = match path.last() {
            None => "At the top".to_owned(),
            Some(&"[0]") => format!("`[[{name}]]`"),
            Some(_) => format!("`[{name}]`"),
        };
        write!(out, "\n## {title}\n\n| setting | default | |\n| --- | --- | --- |\n{rows}").unwrap();
    }
    for path in below {
        table(&path, of, out);
    }
}

#[test]
fn every_setting_stands_in_the_documents_with_its_default() {
    let config: Config = load("needed", NEEDED).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let (all, set) = (Value::try_from(&config).unwrap(), toml::from_str::<Value>(NEEDED).unwrap());
    let mut page = HEAD.to_owned();
    table(&[], (&all, &set), &mut page);
    let names: BTreeSet<&str> = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    for name in ["max_open", "max_remembered", "every", "max_body_bytes", "max_spool_bytes"] {
        assert!(names.contains(name), "{name} is not in\n{page}");
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap_or_default();
    if kept != page {
        let made = root.join("target/configuration.md");
        std::fs::write(&made, &page).unwrap();
        panic!("docs/configuration.md is not what the settings say: put there what {} says", made.display());
    }
}
