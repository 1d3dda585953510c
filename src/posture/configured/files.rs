//! Which file is what, and in what order are they read?
//!
//! Names say what most files are; other JSON is looked into. Parameter files come first, for
//! templates need them; who belongs to whom is settled when all are read. A file that says nothing
//! about functions and gateways is passed over in silence, even if it is broken.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apim::PolicyScope;
use super::json::{self, Json};
use super::tokens::without_published;
use super::{Model, Place, Setting, Sort, Value, apiops, arm, code, host, link, terraform};
use crate::redaction::{Redactor, filter_telling};
use crate::telemetry::Confidence;

/// The largest file that is read, bytes.
pub const MAX_BYTES: usize = 64 << 20;
/// A text shorter than this holds no secret that the scanner knows, bytes.
const SHORTEST_SECRET: usize = 12;
/// Secrets told of one file.
const MAX_SECRETS: usize = 8;

/// Returns the bytes of a file, by its name; or why it can't be read.
pub type Load<'l> = &'l mut dyn FnMut(&str) -> Result<Vec<u8>, String>;

/// JSON files of tools, which say nothing about what is deployed.
const PASSED: [&str; 9] = [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "launch.json",
    "tasks.json",
    "settings.json",
    "extensions.json",
    "launchsettings.json",
    "composer.json",
];

/// Words of which a file that matters holds one.
const MARKS: [&str; 10] = [
    "deploymenttemplate.json",
    "deploymentparameters.json",
    "microsoft.web/",
    "microsoft.apimanagement/",
    "azurerm_",
    "terraform_version",
    "microsoft.storage/",
    "microsoft.insights/",
    "microsoft.keyvault/",
    "microsoft.authorization/",
];

/// The files of a repository, while they are read.
struct Reading<'n> {
    model: Model,
    names: &'n [String],
    /// The folders with `host.json`, none within another.
    apps: Vec<String>,
    /// Values of parameters, by the file that holds them.
    parameters: BTreeMap<String, arm::Values>,
    /// Services of `azure.yaml`: name and folder.
    services: Vec<(String, String)>,
}

/// Reads the files called `names`, whose bytes `load` returns.
pub fn read(names: &[String], load: Load<'_>, redactor: &Redactor) -> Model {
    let mut apps: Vec<String> =
        names.iter().filter(|name| last(name) == "host.json").map(|name| folder(name).to_owned()).collect();
    apps.sort();
    let mut outermost: Vec<String> = Vec::new();
    for app in apps {
        if !outermost.iter().any(|outer| is_below(&app, outer)) {
            outermost.push(app);
        }
    }
    let mut reading =
        Reading { model: Model::default(), names, apps: outermost, parameters: BTreeMap::new(), services: Vec::new() };
    let is_first = |name: &str| {
        let last = last(name).to_ascii_lowercase();
        last.contains("param") && is_json(&last) || last == "azure.yaml"
    };
    let (first, rest): (Vec<&String>, Vec<&String>) = names.iter().partition(|name| is_first(name));
    for name in first.into_iter().chain(rest) {
        if let Some(text) = reading.text(name, load) {
            reading.model.files += 1;
            reading.take(name, &text);
            reading.secrets(name, &text, redactor);
        }
    }
    let mut model = reading.settle();
    // Before anything is cut for people: the scanner knows no half of a key.
    let hide = |text: &str| {
        let long = text.len() >= SHORTEST_SECRET;
        long.then(|| redactor.hide(text.as_bytes())).and_then(|hidden| match hidden {
            std::borrow::Cow::Borrowed(_) => None,
            std::borrow::Cow::Owned(hidden) => Some(String::from_utf8_lossy(&hidden).into_owned()),
        })
    };
    model.elements_mut().for_each(|element| element.replace(&hide));
    model
}

impl Reading<'_> {
    /// Returns the text of a file that may matter.
    fn text(&mut self, name: &str, load: Load<'_>) -> Option<String> {
        let lower = last(name).to_ascii_lowercase();
        let matters = is_json(&lower) && !PASSED.contains(&lower.as_str())
            || matches!(extension(&lower), "xml" | "tfstate" | "metadata" | "yaml" | "yml" | "cshtml")
            || code::is_source(&lower) && self.app_of(name).is_some();
        if !matters {
            return None;
        }
        let bytes = match load(name) {
            Ok(bytes) => bytes,
            Err(why) => {
                self.model.problem(name, 0, format!("The file can't be read: {why}."));
                return None;
            }
        };
        if bytes.len() > MAX_BYTES {
            let says = "The file is larger than 64 MB. Check what it deploys in parts.";
            self.model.problem(name, 0, says);
            return None;
        }
        Some(decoded(&bytes))
    }

    fn take(&mut self, name: &str, text: &str) {
        let lower = last(name).to_ascii_lowercase();
        let file: Arc<str> = Arc::from(name);
        if code::is_source(&lower) {
            if text.len() > code::MAX_BYTES {
                let says = "The source is larger than 4 MB: the functions in it are not known.";
                self.model.problem(name, 0, says);
            } else if let Some(app) = self.app_of(name) {
                code::take(&mut self.model, &file, &app, text);
            }
        } else if matches!(extension(&lower), "xml" | "cshtml") {
            self.policy(name, &file, text);
        } else if lower == "azure.yaml" {
            match host::services(text) {
                Ok(services) => {
                    let base = folder(name);
                    self.services.extend(services.into_iter().map(|one| (one.name, joined(base, &one.folder))));
                }
                Err(problem) => self.model.problem(name, u32::try_from(problem.line).unwrap_or(0), problem.says),
            }
        } else if matches!(extension(&lower), "yaml" | "yml") {
            apiops::specification(&mut self.model, name, &file, text);
        } else {
            self.json(name, &lower, &file, text);
        }
    }

    fn json(&mut self, name: &str, lower: &str, file: &Arc<str>, text: &str) {
        let named = matches!(lower, "host.json" | "function.json" | "functions.metadata" | "local.settings.json");
        let ours = named || apiops::is_one(name) || {
            let head = text.to_ascii_lowercase();
            MARKS.iter().any(|mark| head.contains(mark))
        };
        if !ours {
            return;
        }
        let json = match json::read(text) {
            Ok(json) => json,
            Err(wrong) => {
                let says = format!("This is no JSON: {}. Comments and trailing commas are fine.", wrong.says);
                self.model.problem(name, wrong.line, says);
                return;
            }
        };
        let app = self.app_of(name).unwrap_or_else(|| folder(name).to_owned());
        match lower {
            "host.json" if self.apps.iter().any(|app| app == folder(name)) => {
                host::host(&mut self.model, file, &app_name(&app), &json);
            }
            "host.json" => {}
            "local.settings.json" => host::local_settings(&mut self.model, file, &json),
            "functions.metadata" => code::binding::metadata(&mut self.model, file, &app_name(&app), &json),
            "function.json" => self.function(name, file, &json),
            _ if apiops::take(&mut self.model, name, file, &json) => {}
            _ if arm::is_parameters(&json) => _ = self.parameters.insert(name.to_owned(), arm::parameter_values(&json)),
            _ if terraform::is_one(&json) => terraform::take(&mut self.model, file, &json),
            _ if arm::is_template(&json) => {
                let values = self.values_for(name, &json);
                arm::template(&mut self.model, file, &json, &values);
            }
            _ if arm::is_export(&json) => {
                for resource in arm::exported(file, &json) {
                    arm::take(&mut self.model, &resource);
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, name: &str, file: &Arc<str>, json: &Json) {
        let own = folder(name);
        let app = self.app_of(name).unwrap_or_else(|| folder(own).to_owned());
        code::binding::function(&mut self.model, &app_name(&app), last(own), json, &Place::line(file, json.line));
    }

    /// Takes a policy or fragment; the folders around it may say of what.
    fn policy(&mut self, name: &str, file: &Arc<str>, text: &str) {
        if !text.contains("<policies") && !text.contains("<fragment") {
            return;
        }
        let (gateway, scope) = apiops::scope(name, self.names).unwrap_or_else(|| {
            let stem = last(name).trim_end_matches(".xml").to_ascii_lowercase();
            let is_fragment = text.contains("<fragment") && !text.contains("<policies");
            let scope = if is_fragment { PolicyScope::Fragment(stem) } else { PolicyScope::Loose(name.to_owned()) };
            (String::new(), scope)
        });
        if let Err(wrong) = self.model.gateways.add(&gateway, scope, text, Place::line(file, 1), false) {
            self.model.problem(name, wrong.line, wrong.says);
        }
    }

    /// Returns the values that parameter files beside the template `name` give.
    fn values_for(&self, name: &str, template: &json::Json) -> arm::Values {
        let stem = last(name).trim_end_matches(".json").to_ascii_lowercase();
        let beside: Vec<arm::Values> = self
            .parameters
            .iter()
            .filter(|(file, _)| folder(file) == folder(name))
            .filter(|(file, _)| {
                let file = last(file).to_ascii_lowercase();
                file.starts_with(&format!("{stem}.")) || file.starts_with("param")
            })
            .map(|(_, values)| values.clone())
            .collect();
        arm::agreed(&beside, template)
    }

    /// Looks for secrets in a file; what was found is never kept, only where.
    fn secrets(&mut self, name: &str, text: &str, redactor: &Redactor) {
        let mut found = Vec::new();
        let mut tell = |seen: crate::redaction::Seen| {
            let sure = seen.confidence.is_some_and(|sure| sure > Confidence::Suspected);
            if seen.secret && !seen.dummy && sure && found.len() < MAX_SECRETS {
                found.push((seen.kind.to_string(), u32::try_from(seen.line).unwrap_or(0)));
            }
            Ok(())
        };
        // Reading a text and writing nowhere can't fail.
        let text = without_published(text);
        drop(filter_telling(redactor, &mut text.as_bytes(), &mut std::io::sink(), &mut tell));
        for (kind, line) in found {
            let at = Place::line(&Arc::from(name), line);
            let element = self.model.element(Sort::File, name, None, &at);
            element.give(Setting::SecretsInFile, Value::Text(kind), at);
        }
    }

    /// Returns the folder of the app that a file belongs to.
    fn app_of(&self, name: &str) -> Option<String> {
        self.apps.iter().find(|app| is_below(folder(name), app)).map(|app| app_name(app))
    }

    /// Returns the folders that hold the code of apps, as the apps are called, lower case.
    fn folders(&self) -> BTreeSet<String> {
        let by_function = self.names.iter().filter_map(|name| match last(name) {
            "function.json" => Some(self.app_of(name).unwrap_or_else(|| app_name(folder(folder(name))))),
            "functions.metadata" => Some(self.app_of(name).unwrap_or_else(|| app_name(folder(name)))),
            _ => None,
        });
        self.apps.iter().map(|app| app_name(app)).chain(by_function).map(|name| name.to_ascii_lowercase()).collect()
    }

    /// Settles what needs all files.
    fn settle(mut self) -> Model {
        self.model.forget_other_sites();
        self.model.settle_unfollowed(self.names);
        code::settle(&mut self.model);
        let folders = self.folders();
        link::link(&mut self.model, &self.services, &folders);
        link::fragments(&mut self.model);
        self.model.problems.sort();
        self.model
    }
}

/// Returns the name of the app whose code stands in `folder`.
fn app_name(folder: &str) -> String {
    if folder.is_empty() { ".".to_owned() } else { folder.to_owned() }
}

/// Returns a text, whatever its encoding: exports by PowerShell are UTF-16.
fn decoded(bytes: &[u8]) -> String {
    let wide = |from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|pair| from([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn is_json(lower: &str) -> bool {
    matches!(extension(lower), "json" | "jsonc")
}

/// Returns what follows the last dot of a name.
fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Returns the last part of a path.
pub fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the folder of a path.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn joined(base: &str, folder: &str) -> String {
    match (base, folder) {
        ("", folder) => folder.to_owned(),
        (base, "" | ".") => base.to_owned(),
        (base, folder) => format!("{base}/{folder}"),
    }
}

fn is_below(folder: &str, above: &str) -> bool {
    above.is_empty()
        || above == "."
        || folder == above
        || folder.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}
