//! What does a configuration name that is not there?
//!
//! Variables that are not set, files of secrets, certificates and their authorities that can't be read. Each stops a
//! daemon at its start; here all are told at once, with their places. The files of `[context]` and `[posture]` are
//! complained of by who reads them.

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
