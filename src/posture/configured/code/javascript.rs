//! Which functions do the calls of JavaScript's fourth model declare?
//!
//! `app.http('pay', { authLevel: 'function', … })` and its short forms `app.get`, `app.post` and so
//! on; without a level such a function is open to everybody.

use std::sync::Arc;

use super::super::{Model, Place, Setting, Value};
use super::binding::{computed, function_of, give_level, level_named};
use super::source::{Language, Source};

/// The longest name of a function, bytes: Azure's own limit.
const MAX_NAME: usize = 127;
/// The methods that make an HTTP function.
const CALLS: [&str; 7] = ["http", "get", "post", "put", "patch", "deleteRequest", "httpTrigger"];

/// Takes the functions of a file.
pub fn take(model: &mut Model, file: &Arc<str>, app: &str, text: &str) {
    if !text.contains("@azure/functions") {
        return;
    }
    let source = Source::new(text, Language::JavaScript);
    for call in CALLS {
        for at in source.words(call) {
            let before = source.code[..at].trim_end();
            if !before.ends_with("app.") || !source.code[at + call.len()..].trim_start().starts_with('(') {
                continue;
            }
            let Some(range) = source.arguments(at) else { continue };
            let mut parts = source.split(range).into_iter();
            let Some(first) = parts.next() else { continue };
            // A name that is kept in a constant is called by it.
            let name = source.literal(first.clone()).unwrap_or_else(|| source.written(first));
            if name.is_empty() || name.len() > MAX_NAME {
                continue;
            }
            let place = Place::line(file, source.line(at));
            let element = function_of(model, app, name, "httpTrigger", &place);
            let Some(options) = parts.next() else { continue };
            give_options(element, &source, options, file, &place);
        }
    }
}

/// Takes the options of a call, or the handler that may stand in their place.
fn give_options(
    element: &mut super::super::Element,
    source: &Source<'_>,
    options: std::ops::Range<usize>,
    file: &Arc<str>,
    place: &Place,
) {
    let written = source.written(options.clone());
    if !written.starts_with('{') {
        let is_handler = written.contains("=>") || written.starts_with("async") || written.starts_with("function");
        if is_handler {
            give_level(element, None, "anonymous", place);
        } else {
            // A name: it may be a handler, or options that are written elsewhere.
            let level = (computed(written), place.clone());
            give_level(element, Some(level), "anonymous", place);
        }
        return;
    }
    let Some(open) = source.code.get(options.clone()).and_then(|code| code.find('{')).map(|at| options.start + at)
    else {
        return;
    };
    let close = source.code.get(..options.end).and_then(|code| code.rfind('}')).unwrap_or(options.end);
    let (mut level, mut spread) = (None, false);
    for part in source.split(open + 1..close) {
        let written = source.written(part.clone());
        let line = source.line(source.start(part.clone()));
        if written.starts_with("...") {
            (level, spread) = (None, true);
            continue;
        }
        if written == "authLevel" {
            let value = Value::Unknown("a constant called authLevel".to_owned());
            level = Some((value, Place::line(file, line)));
            continue;
        }
        if written.starts_with('[') && !["['authLevel']", "[\"authLevel\"]"].iter().any(|key| written.starts_with(key))
        {
            (level, spread) = (None, true);
            continue;
        }
        let Some((key, value)) = written.split_once(':') else { continue };
        match key.trim().trim_matches(['[', ']', '"', '\'']) {
            "authLevel" => {
                let value = value.trim();
                let literal = value.strip_prefix(['"', '\'', '`']).and_then(|rest| rest.strip_suffix(['"', '\'', '`']));
                let value = literal.map_or_else(|| computed(value), level_named);
                level = Some((value, Place::line(file, line)));
            }
            "route" => {
                let route = value.trim().trim_matches(['"', '\'', '`']).to_owned();
                element.give(Setting::Route, Value::Text(route), place.clone());
            }
            _ => {}
        }
    }
    if level.is_none() && spread {
        level = Some((Value::Unknown("options that are spread or computed".to_owned()), place.clone()));
    }
    give_level(element, level, "anonymous", place);
}
