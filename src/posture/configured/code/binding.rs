//! What does a `function.json` say of its function, and what the metadata that builds generate?
//!
//! The same bindings stand in the `function.json` of scripts and of class libraries, in the
//! `functions.metadata` of isolated workers, and in `Microsoft.Web/sites/functions`.

use std::sync::Arc;

use super::super::json::{Json, Node};
use super::super::{Element, Model, Place, Setting, Sort, Value};

/// The levels by their numbers, as old tools write them.
const LEVELS: [(&str, &str); 5] =
    [("0", "anonymous"), ("1", "user"), ("2", "function"), ("3", "system"), ("4", "admin")];

/// Takes a function by its bindings.
pub fn function(model: &mut Model, app: &str, name: &str, config: &Json, at: &Place) {
    if config.at("disabled").and_then(Json::as_bool) == Some(true) {
        return;
    }
    let Some(bindings) = config.at("bindings") else {
        if config.at("entryPoint").is_some() || config.at("scriptFile").is_some() {
            model.problem(&at.file, config.line, "`bindings` is missing: name the trigger there.");
        }
        return;
    };
    let found = bindings.items().iter().enumerate().find_map(|(nth, one)| {
        let kind = one.text_at("type")?;
        kind.to_ascii_lowercase().ends_with("trigger").then_some((nth, kind, one))
    });
    let Some((nth, kind, trigger)) = found else { return };
    let place = at.below(&format!("bindings.{nth}"), trigger.line);
    let element = function_of(model, app, name, kind, &place);
    if !kind.eq_ignore_ascii_case("httpTrigger") {
        return;
    }
    let level = trigger.at("authLevel").map(|level| {
        let value = match &level.node {
            Node::Text(text) | Node::Number(text) => level_named(text),
            _ => Value::Unknown(level.shown()),
        };
        (value, place.below("authLevel", level.line))
    });
    give_level(element, level, "function", &place);
    element.give_json(Setting::Methods, trigger.at("methods"), &place, "methods");
    element.give_json(Setting::Route, trigger.at("route"), &place, "route");
}

/// Takes the functions of a `functions.metadata`.
pub fn metadata(model: &mut Model, file: &Arc<str>, app: &str, json: &Json) {
    let at = Place::line(file, 1);
    for (nth, one) in json.items().iter().enumerate() {
        if let Some(name) = one.text_at("name") {
            function(model, app, name, one, &at.below(&nth.to_string(), one.line));
        }
    }
}

/// Returns the function `name` of `app`, with its trigger.
pub fn function_of<'m>(model: &'m mut Model, app: &str, name: &str, trigger: &str, at: &Place) -> &'m mut Element {
    model.element(Sort::App, app, None, at);
    let element = model.element(Sort::Function, &format!("{app}/{name}"), Some(app), at);
    element.whole = true;
    element.whole_config = true;
    // In every form the same letter case.
    let kind = if trigger.eq_ignore_ascii_case("httpTrigger") { "httpTrigger" } else { trigger };
    element.give(Setting::Trigger, Value::Text(kind.to_owned()), at.clone());
    element
}

/// Sets the level that was found, or the `default` of the form.
pub fn give_level(element: &mut Element, level: Option<(Value, Place)>, default: &str, at: &Place) {
    let explicit = level.is_some();
    let (value, place) = level.unwrap_or_else(|| (Value::Text(default.to_owned()), at.clone()));
    element.give(Setting::AuthLevelExplicit, Value::Flag(explicit), place.clone());
    element.give(Setting::AuthLevel, value, place);
}

/// The longest expression that is shown, bytes. Never cut: half a secret could not be told from a word.
const MAX_SHOWN: usize = 400;

/// Returns a level that is computed when the app starts, by how it is written.
pub fn computed(written: &str) -> Value {
    Value::Unknown(if written.len() <= MAX_SHOWN { written } else { "a long expression" }.to_owned())
}

/// Returns the level that `text` names, in any case or by its number.
pub fn level_named(text: &str) -> Value {
    let lower = text.trim().to_ascii_lowercase();
    let known = LEVELS.iter().find(|(number, name)| lower == *number || lower == *name);
    known.map_or_else(|| Value::Unknown(text.to_owned()), |(_, name)| Value::Text((*name).to_owned()))
}
