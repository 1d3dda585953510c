//! What do `host.json`, `local.settings.json` and `azure.yaml` say of an app?
//!
//! The folder that holds `host.json` is the code of an app; which app is found out later, when all
//! files are read. `local.settings.json` is for one's own machine: what matters is that it was
//! committed with secrets in it.

use std::sync::Arc;

use super::json::Json;
use super::secrets::{self, Kept};
use super::{Model, Place, Setting, Sort, Value};
use crate::posture::document::{self, Located, Node};

/// Takes a `host.json`; `app` is the folder it stands in.
pub fn host(model: &mut Model, file: &Arc<str>, app: &str, json: &Json) {
    let at = Place::line(file, json.line);
    if json.at("version").is_some_and(|version| version.as_text() != Some("2.0")) {
        let says = "`version` must be \"2.0\": it is the form of host.json that runtime 2 and later read.";
        model.problem(file, json.line, says);
    }
    let element = model.element(Sort::App, app, None, &at);
    for (setting, path) in [
        (Setting::Hsts, "extensions.http.hsts.isEnabled"),
        (Setting::RoutePrefix, "extensions.http.routePrefix"),
        (Setting::Bundle, "extensionBundle.version"),
        (Setting::LogLevel, "logging.logLevel.default"),
    ] {
        element.give_json(setting, json.at(path), &at, path);
    }
    if element.get(Setting::Hsts).is_none() {
        element.give(Setting::Hsts, Value::Flag(false), at);
    }
}

/// Takes a `local.settings.json`: that secrets stand in it is said of the file.
pub fn local_settings(model: &mut Model, file: &Arc<str>, json: &Json) {
    let at = Place::line(file, json.line);
    if json.at("IsEncrypted").and_then(Json::as_bool) == Some(true) {
        return;
    }
    for part in ["Values", "ConnectionStrings"] {
        for (name, value) in json.at(part).map(Json::members).unwrap_or_default() {
            let text = value.as_text().or_else(|| value.text_at("ConnectionString")).unwrap_or_default();
            if secrets::kept(name, &Json::text(value.line, text)) == Some(Kept::Literal) {
                let place = at.below(&format!("{part}.{name}"), value.line);
                let element = model.element(Sort::File, file, None, &place);
                element.give(Setting::SecretsInFile, Value::Text(format!("the setting {name}")), place);
            }
        }
    }
}

/// A service of `azure.yaml`: its name and the folder of its code.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// What the resource's tag `azd-service-name` says.
    pub name: String,
    /// The folder, relative to that of `azure.yaml`.
    pub folder: String,
}

/// Reads the services of an `azure.yaml`.
pub fn services(text: &str) -> Result<Vec<Service>, crate::posture::Problem> {
    let tree = document::read("azure.yaml", text)?;
    let Some(Node::Map(services)) = member(&tree, "services").map(|services| &services.node) else {
        return Ok(Vec::new());
    };
    Ok(services
        .iter()
        .filter_map(|(key, service)| {
            let Node::Text(folder) = &member(service, "project")?.node else { return None };
            let folder = folder.trim_start_matches("./").trim_end_matches('/').to_owned();
            Some(Service { name: key.text.clone(), folder })
        })
        .collect())
}

fn member<'t>(tree: &'t Located, name: &str) -> Option<&'t Located> {
    match &tree.node {
        Node::Map(members) => members.iter().find(|(key, _)| key.text == name).map(|(_, value)| value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_services_of_azure_yaml_name_the_folders_of_code() {
        let text = "name: shop\nservices:\n  orders:\n    project: ./src/orders/\n    host: function\n  web: {}\n";
        assert_eq!(services(text).unwrap(), [Service { name: "orders".into(), folder: "src/orders".into() }]);
    }
}
