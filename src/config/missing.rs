//! What does a configuration name that is not there?
//!
//! Variables that are not set, files of secrets, certificates and their authorities that can't be read; apart from
//! those the files of `[context]` and `[posture]`, which a check needs too. Each stops a daemon at its start; here all
//! are told at once, with their places.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::sources::Secret;

/// Names of entries that are paths of files in PEM.
const PEM: [&str; 3] = ["ca_file", "dashboard.tls.certificate", "dashboard.tls.key"];

/// Names of entries that are secrets.
const SECRETS: [&str; 8] = ["key", "url", "secret", "proxy", "routing_key", "password", "token", "client_secret"];

/// Returns what `text`, the configuration in `file`, names that is not there; `env` looks up a variable.
pub fn missing(file: &str, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Vec<Problem> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut seeking = Seeking { file, env, found: Vec::new() };
    seeking.table("", root.get_ref());
    seeking.found.sort_by_key(|problem| problem.at.as_ref().map(|at| at.start));
    seeking.found
}

/// Returns which files and folders of `[context]` and `[posture]` that `text`, the configuration in `file`, names
/// can't be read.
pub fn unread(file: &str, text: &str) -> Vec<Problem> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut named = Vec::new();
    let mut take = |path: String, value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(named_file) => named.push((path, named_file.to_string(), value.span())),
        DeValue::Array(items) => {
            let texts = items.iter().filter_map(|item| Some((item.get_ref().as_str()?.to_owned(), item.span())));
            named.extend(texts.map(|(text, at)| (path.clone(), text, at)));
        }
        _ => {}
    };
    for (section, names) in
        [("context", &["exceptions", "inventory", "places"][..]), ("posture", &["model", "configured"])]
    {
        let Some(DeValue::Table(table)) = root.get_ref().get(section).map(Spanned::get_ref) else { continue };
        for name in names {
            if let Some(value) = table.get(*name) {
                take(format!("{section}.{name}"), value);
            }
        }
        let Some(DeValue::Table(lists)) = table.get("lists").map(Spanned::get_ref) else { continue };
        for (list, settings) in lists {
            if let DeValue::Table(settings) = settings.get_ref()
                && let Some(value) = settings.get("file")
            {
                take(format!("context.lists.{}.file", list.get_ref()), value);
            }
        }
    }
    let unread = named.into_iter().filter_map(|(path, named, at)| {
        let error = std::fs::File::open(&named).err()?;
        let says = format!("{path}: {named} can't be read ({error})");
        Some(Problem::new(file, says).at(Some(at)).help("check the path and its permissions"))
    });
    let mut unread: Vec<Problem> = unread.collect();
    unread.sort_by_key(|problem| problem.at.as_ref().map(|at| at.start));
    unread
}

struct Seeking<'a> {
    file: &'a str,
    env: &'a dyn Fn(&str) -> Option<String>,
    found: Vec<Problem>,
}

impl Seeking<'_> {
    fn table(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let key = key.get_ref();
            let path = if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
            if path != "context" && path != "posture" {
                self.value(&path, value);
            }
        }
    }

    fn value(&mut self, path: &str, value: &Spanned<DeValue<'_>>) {
        let is_pem = PEM.iter().any(|pem| path == *pem || path.ends_with(pem) && path.contains('.'));
        let says = match value.get_ref() {
            DeValue::Table(table) => match secret(table).filter(|_| is_secret(path)) {
                Some(secret) => secret.resolve(self.env).err(),
                None => return self.table(path, table),
            },
            DeValue::Array(items) => return items.iter().for_each(|item| self.value(path, item)),
            DeValue::String(named) if is_pem => unreadable(Path::new(named.as_ref())),
            _ => None,
        };
        if let Some(says) = says {
            let problem = Problem::new(self.file, format!("{path}: {says}")).at(Some(value.span()));
            self.found.push(problem);
        }
    }
}

/// Tells whether the entry at `path` is a secret by its name: other tables have files too, some of which are made.
fn is_secret(path: &str) -> bool {
    SECRETS.contains(&path.rsplit('.').next().unwrap_or(path))
}

/// Returns the secret that a table stands for: it has one entry, `env` or `file`.
fn secret(table: &DeTable<'_>) -> Option<Secret> {
    let mut entries = table.iter();
    let (key, value) = entries.next().filter(|_| table.len() == 1)?;
    let DeValue::String(named) = value.get_ref() else { return None };
    match key.get_ref().as_ref() {
        "env" => Some(Secret::Env { env: named.to_string() }),
        "file" => Some(Secret::File { file: named.as_ref().into() }),
        _ => None,
    }
}

fn unreadable(file: &Path) -> Option<String> {
    let read = std::fs::File::open(file).and_then(|opened| opened.metadata());
    match read {
        Ok(about) if about.is_dir() => Some(format!("{} is a folder, where a file was expected", file.display())),
        Ok(_) => None,
        Err(error) => {
            Some(format!("{} could not be read ({error}): it must exist and be readable by this user", file.display()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_told_with_the_setting_that_names_it() {
        let text = "[context]\nexceptions = '/nowhere/exceptions.yaml'\nplaces = ['/nowhere/a.mmdb', '/']\n\
                    [context.lists.tor]\nfile = '/nowhere/tor.txt'\n[posture]\nmodel = '/nowhere/model.yaml'\nconfigured = ['/nowhere']\n";
        let said: Vec<(usize, String)> = unread("g.toml", text)
            .into_iter()
            .map(|one| (text[..one.at.unwrap().start].matches('\n').count() + 1, one.says))
            .collect();
        let places: Vec<(usize, &str)> = said.iter().map(|(n, says)| (*n, says.split(':').next().unwrap())).collect();
        assert_eq!(
            places,
            [
                (2, "context.exceptions"),
                (3, "context.places"),
                (5, "context.lists.tor.file"),
                (7, "posture.model"),
                (8, "posture.configured")
            ]
        );
        assert!(said[0].1.contains("/nowhere/exceptions.yaml can't be read (No such file"), "{said:?}");
    }

    #[test]
    fn all_that_is_not_there_is_told_at_once_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let (there, empty) = (folder.path().join("there"), folder.path().join("empty"));
        std::fs::write(&there, "x").unwrap();
        std::fs::write(&empty, "").unwrap();
        let text = format!(
            "key = {{ env = 'NOT' }}\n[sources.kafka.a.security]\npassword = {{ env = 'SET' }}\nca_file = '/nowhere/ca.pem'\n\
             [sinks.webhook.b]\nsecret = {{ file = '{}' }}\nproxy = {{ env = 'NOR' }}\n[redacted]\nfile = '/nowhere/made-later'\n\
             [dashboard.tls]\ncertificate = '{}'\nkey = '{}'\n[context.lists.c]\nfile = '/nowhere/list'\n",
            empty.display(),
            there.display(),
            folder.path().display()
        );
        let env = |name: &str| (name == "SET").then(|| "x".to_owned());
        let said: Vec<String> =
            missing("gatewatch.toml", &text, &env).into_iter().map(|problem| problem.says).collect();
        let starts = [
            "key: the variable NOT is not set",
            "sources.kafka.a.security.ca_file: /nowhere/ca.pem could not be read",
            "sinks.webhook.b.secret: the file",
            "sinks.webhook.b.proxy: the variable NOR is not set",
            "dashboard.tls.key: ",
        ];
        assert_eq!(said.len(), starts.len(), "{said:#?}");
        for (one, start) in said.iter().zip(starts) {
            assert!(one.starts_with(start), "{one} does not begin with {start}");
        }
    }
}
