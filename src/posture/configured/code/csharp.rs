//! Which functions do the attributes of C# and the annotations of Java declare?
//!
//! `[Function("Pay")]` or `[FunctionName("Pay")]` names the function whose `[HttpTrigger(…)]` comes
//! next; without a level it asks for a function key.

use std::sync::Arc;

use super::super::{Model, Place, Setting, Value};
use super::binding::{computed, function_of, give_level, level_named};
use super::source::{Language, Source};

/// Takes the functions of a file.
pub fn take(model: &mut Model, file: &Arc<str>, app: &str, text: &str) {
    if !text.contains("HttpTrigger") {
        return;
    }
    let source = Source::new(text, Language::CSharp);
    let mut names: Vec<(usize, String)> = Vec::new();
    for word in ["Function", "FunctionName", "FunctionAttribute", "FunctionNameAttribute"] {
        for at in source.words(word) {
            let Some(range) = source.called(at, word) else { continue };
            let first = source.split(range).into_iter().next().unwrap_or_default();
            let written = source.written(first.clone());
            let of = written.strip_prefix("nameof(").and_then(|rest| rest.strip_suffix(')'));
            // A constant is called by its own name.
            let name = source.literal(first).or(of).unwrap_or(written);
            names.push((at, name.rsplit('.').next().unwrap_or(name).to_owned()));
        }
    }
    names.sort();
    let calls = |word: &'static str| source.words(word).into_iter().map(move |at| (word, at));
    for (word, at) in calls("HttpTrigger").chain(calls("HttpTriggerAttribute")) {
        if !source.code[at + word.len()..].trim_start().starts_with(['(', ']']) {
            continue;
        }
        let place = Place::line(file, source.line(at));
        let Some((_, name)) = names.iter().rev().find(|(named, _)| *named < at) else {
            continue;
        };
        let element = function_of(model, app, name, "httpTrigger", &place);
        let range = source.called(at, word);
        let (mut level, mut route) = (None, None);
        for (nth, part) in range.map(|range| source.split(range)).unwrap_or_default().into_iter().enumerate() {
            let written = source.written(part.clone());
            if let Some((_, named)) = written.split_once("AuthorizationLevel.") {
                let line = source.line(source.start(part));
                level = level.or_else(|| Some((level_named(named), Place::line(file, line))));
            } else if let Some(value) = written.strip_prefix("Route").or_else(|| written.strip_prefix("route")) {
                let value = value.trim_start().trim_start_matches('=').trim();
                route = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(str::to_owned);
            } else if written.starts_with("authLevel") || written.starts_with("AuthLevel") {
                level = Some((computed(written), place.clone()));
            } else if nth == 0 && may_be_level(written) {
                // A constant, or a name that was imported.
                level = Some((computed(written), place.clone()));
            }
        }
        give_level(element, level, "function", &place);
        if let Some(route) = route {
            element.give(Setting::Route, Value::Text(route), place);
        }
    }
}

/// Tells whether a first argument may be a level: it is neither a text, nor texts, nor an argument with a name.
fn may_be_level(written: &str) -> bool {
    let word = written.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
    let is_named = word.starts_with([':', '=']);
    let is_text =
        written.starts_with(['"', '@', '$', '{']) || written.starts_with("new") || written.starts_with("nameof");
    !written.is_empty() && written != "null" && !is_named && !is_text
}
