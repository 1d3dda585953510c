//! What does a configuration say as it was loaded, and where does each value come from?
//!
//! The configuration is written out again and taken apart, so that what nobody has set is shown too. A secret writes
//! itself as hidden; what may hold one beside it (settings of librdkafka, the address that a heartbeat calls) is
//! hidden too, for whoever shows it. As many entries as the configuration has values.

use toml::Value;

use super::described::described;
use super::hidden::{HIDDEN, instead};
use super::{Config, Places};

/// A value of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its section, such as `detection`; empty at the top.
    pub section: String,
    /// Its name there.
    pub name: String,
    /// Its value, as TOML writes it; a secret hidden.
    pub value: String,
    /// The line of the file that sets it, from 1; `None` where nothing does.
    pub line: Option<usize>,
    /// What it is, in a sentence; empty where nothing says so.
    pub says: String,
}

/// Returns every value of `config`; `text` is its file with the places in it.
pub fn shown(config: &Config, file: Option<(&str, &Places)>) -> Vec<Shown> {
    let mut all = Vec::new();
    if let Ok(value) = Value::try_from(config) {
        take(&value, &mut Vec::new(), file, &mut all);
    }
    // The values of a section stand together, whatever tables stand between them.
    all.sort_by(|a: &Shown, b: &Shown| a.section.cmp(&b.section));
    all
}

fn take(value: &Value, path: &mut Vec<String>, file: Option<(&str, &Places)>, all: &mut Vec<Shown>) {
    match value {
        Value::Table(table) if reference(value).is_none() && !table.is_empty() => {
            for (name, value) in table {
                path.push(name.clone());
                take(value, path, file, all);
                path.pop();
            }
        }
        Value::Array(items) if items.iter().any(Value::is_table) => {
            for (n, item) in items.iter().enumerate() {
                path.push(format!("[{n}]"));
                take(item, path, file, all);
                path.pop();
            }
        }
        // A table without entries is one in which nothing was named.
        Value::Table(table) if table.is_empty() => {}
        value => all.push(one(value, path, file)),
    }
}

fn one(value: &Value, path: &[String], file: Option<(&str, &Places)>) -> Shown {
    let (name, section) = path.split_last().map_or(("", &[][..]), |(name, section)| (name.as_str(), section));
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let line = file.and_then(|(text, places)| {
        let at = places.exact(&joined(path))?;
        Some(text.get(..at.start)?.matches('\n').count() + 1)
    });
    Shown {
        section: joined(section),
        name: name.to_owned(),
        value: written(value, &names),
        line,
        says: described(&names),
    }
}

fn joined(path: &[String]) -> String {
    let mut out = String::new();
    for part in path {
        if !out.is_empty() && !part.starts_with('[') {
            out.push('.');
        }
        out.push_str(part);
    }
    out
}

/// Returns where a secret is read from, if a value says that and nothing else.
fn reference(value: &Value) -> Option<String> {
    let table = value.as_table().filter(|table| table.len() == 1)?;
    let from = |name: &str| table.get(name).and_then(Value::as_str);
    let file = from("file").map(|file| format!("{HIDDEN}: in the file {file}"));
    file.or_else(|| from("env").map(|name| format!("{HIDDEN}: in the variable {name}")))
}

fn written(value: &Value, path: &[&str]) -> String {
    if let Some(says) = reference(value) {
        return says;
    }
    match value {
        Value::String(text) => instead(text, path).unwrap_or_else(|| value.to_string()),
        value => value.to_string(),
    }
}

/// Returns `config` as a table to be written out, in place of what may be a secret that it is set.
///
/// # Errors
///
/// Says why it can't be written.
pub fn without_secrets(config: &Config) -> Result<toml::Table, String> {
    let mut table = toml::Table::try_from(config).map_err(|error| error.to_string())?;
    for (name, value) in &mut table {
        hide(value, &mut vec![name.clone()]);
    }
    Ok(table)
}

fn hide(value: &mut Value, path: &mut Vec<String>) {
    // Where a secret is read from is none.
    if reference(value).is_some() {
        return;
    }
    match value {
        Value::Table(table) => {
            for (name, value) in table.iter_mut() {
                path.push(name.clone());
                hide(value, path);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter_mut().enumerate() {
                path.push(format!("[{n}]"));
                hide(item, path);
                path.pop();
            }
        }
        Value::String(text) => {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            if let Some(says) = instead(text, &names) {
                *text = says;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read;

    const TEXT: &str = "\
data = 'here'
[heartbeat]
url = 'https://beat.example/4d0c-secret'
[detection]
lateness = '10s'
[sources.kafka.orders]
brokers = 'localhost:9092'
topics = ['logs']
advanced = { 'ssl.key.password' = 'hunter2', 'client.id' = 'hunter3' }
[sinks.webhook.hook]
url = { env = 'HOOK' }
secret = 'hunter4'
";

    fn all() -> Vec<Shown> {
        let (config, places) = read::<Config>("gatewatch.toml", TEXT).unwrap();
        shown(&config, Some((TEXT, &places)))
    }

    #[test]
    fn each_value_says_which_line_sets_it_and_what_it_is() {
        let all = all();
        let of = |section: &str, name: &str| all.iter().find(|one| one.section == section && one.name == name).unwrap();
        let lateness = of("detection", "lateness");
        assert_eq!((lateness.value.as_str(), lateness.line), ("\"10s\"", Some(5)));
        assert!(lateness.says.starts_with("How far out of order"));
        assert_eq!(of("detection", "idle").line, None);
        assert_eq!((of("", "data").line, of("sources.kafka.orders", "brokers").line), (Some(1), Some(7)));
    }

    #[test]
    fn no_secret_is_shown_nor_what_may_hold_one() {
        let all = all();
        let text = format!("{all:?}");
        assert!(!text.contains("hunter") && !text.contains("4d0c-secret"), "{text}");
        let hook = all.iter().find(|one| one.section == "sinks.webhook.hook" && one.name == "url").unwrap();
        assert_eq!(hook.value, "set, hidden: in the variable HOOK");
        let beat = all.iter().find(|one| one.section == "heartbeat" && one.name == "url").unwrap();
        assert_eq!(beat.value, "https://beat.example/… (set, hidden)");
    }

    #[test]
    fn a_configuration_that_is_written_out_hides_the_same_and_nothing_else() {
        let text = format!(
            "{TEXT}security = {{ sasl = 'plain', username = 'gatewatch', password = 'hunter5', tls = true }}\n\
             proxy = 'http://u:hunter6@proxy.example:1'\n\
             [redacted.kafka]\ntopic = 'clean'\nbrokers = 'localhost:9092'\nadvanced = {{ 'sasl.password' = 'hunter7' }}\n\
             [dashboard]\nexternal_url = 'https://gatewatch.example'\n[detection.sigma_placeholders]\nadmins = ['dana']\n",
        );
        let text = text.replace(
            "secret = 'hunter4'\nsecurity",
            "secret = 'hunter4'\n[sinks.kafka.out]\ntopic = 't'\nbrokers = 'b:1'\nsecurity",
        );
        let text = text.replace("proxy = ", "[sinks.slack.ops]\nurl = 'https://hooks.example/hunter8'\nproxy = ");
        let (config, _) = read::<Config>("gatewatch.toml", &text).unwrap();
        let written = toml::to_string_pretty(&without_secrets(&config).unwrap()).unwrap();
        assert!(!written.contains("hunter") && !written.contains("4d0c-secret"), "{written}");
        assert_eq!(written.matches("set, hidden").count(), 8, "{written}");
        for plain in
            ["sasl = \"plain\"", "username = \"gatewatch\"", "\"https://gatewatch.example\"", "dana", "env = \"HOOK\""]
        {
            assert!(written.contains(plain), "{plain} is not in\n{written}");
        }
    }

    #[test]
    fn every_setting_says_what_it_is() {
        let mut all = Vec::new();
        take(&Value::try_from(Config::default()).unwrap(), &mut Vec::new(), None, &mut all);
        let silent: Vec<_> = all.iter().filter(|one| one.says.is_empty()).collect();
        assert!(silent.is_empty(), "{silent:#?}");
    }
}
