//! Which functions do the decorators of Python's second model declare?
//!
//! `@app.route(route="pay", auth_level=func.AuthLevel.FUNCTION)`; a route without a level has that
//! of its `FunctionApp(http_auth_level=…)`, which may stand in another file, and without one asks
//! for a function key.

use std::sync::Arc;

use super::super::{Model, Place, Setting, Sort, Value};
use super::binding::{computed, function_of, give_level, level_named};
use super::source::{Language, Source};

/// Takes the functions of a file.
pub fn take(model: &mut Model, file: &Arc<str>, app: &str, text: &str) {
    if !text.contains("azure.functions") {
        return;
    }
    let source = Source::new(text, Language::Python);
    for word in ["FunctionApp", "AsgiFunctionApp", "WsgiFunctionApp"] {
        for at in source.words(word) {
            // An import names it too.
            let Some(range) = source.called(at, word) else { continue };
            let place = Place::line(file, source.line(at));
            let nth = usize::from(word != "FunctionApp");
            let level = argument(&source, range, "http_auth_level", nth)
                .map_or_else(|| (Value::Text("function".to_owned()), false), |written| (level_of(written), true));
            model.python.push((app.to_owned(), level.0, level.1, place.clone()));
            if word != "FunctionApp" {
                // One function that hands every request to a web framework.
                let element = function_of(model, app, "http_app_func", "httpTrigger", &place);
                element.give(Setting::Route, Value::Text("{*route}".to_owned()), place);
            }
        }
    }
    for (word, route_at, level_at) in [("route", 0, 4), ("generic_trigger", usize::MAX, usize::MAX)] {
        for at in source.words(word) {
            let decorator = source.code[..at].rsplit('\n').next().unwrap_or_default().trim_start();
            if !decorator.starts_with('@') || !decorator.ends_with('.') {
                continue;
            }
            let Some(range) = source.called(at, word) else { continue };
            let is_http = || {
                let kind = argument(&source, range.clone(), "type", 1).unwrap_or_default();
                kind.trim_matches(['"', '\'']).eq_ignore_ascii_case("httpTrigger")
            };
            if word == "generic_trigger" && !is_http() {
                continue;
            }
            let place = Place::line(file, source.line(at));
            let Some(name) = name(&source, at, range.end) else { continue };
            let element = function_of(model, app, name, "httpTrigger", &place);
            if let Some(written) = argument(&source, range.clone(), "auth_level", level_at) {
                give_level(element, Some((level_of(written), place.clone())), "function", &place);
            }
            if let Some(route) = argument(&source, range, "route", route_at).filter(|route| !route.starts_with('*')) {
                let route = route.trim_matches(['"', '\'']).to_owned();
                element.give(Setting::Route, Value::Text(route), place);
            }
        }
    }
}

/// Gives functions without a level of their own that of their app.
pub fn settle(model: &mut Model) {
    let levels = std::mem::take(&mut model.python);
    let functions: Vec<(String, String, Place)> = model
        .of_sort(Sort::Function)
        .filter(|one| one.get(Setting::AuthLevel).is_none() && one.text(Setting::Trigger) == Some("httpTrigger"))
        .filter_map(|one| Some((one.name.clone(), one.of.clone()?, one.at.clone())))
        .collect();
    for (function, app, at) in functions {
        let of: Vec<_> = levels.iter().filter(|(of, ..)| *of == app).collect();
        let element = model.element(Sort::Function, &function, Some(&app), &at);
        match of.as_slice() {
            [] => give_level(element, None, "function", &at),
            several => {
                for (_, level, explicit, place) in several {
                    element.give(Setting::AuthLevelExplicit, Value::Flag(*explicit), place.clone());
                    element.give(Setting::AuthLevel, level.clone(), place.clone());
                }
            }
        }
    }
}

/// Returns how the argument `name` of a call is written: by its name, or as the one `nth` from 0. Where a list
/// or dictionary is unpacked into the call, that may hold it.
fn argument<'s>(source: &'s Source<'_>, range: std::ops::Range<usize>, name: &str, nth: usize) -> Option<&'s str> {
    let parts: Vec<&str> =
        source.split(range).into_iter().map(|part| source.written(part)).filter(|part| !part.is_empty()).collect();
    let by_name = parts.iter().find_map(|part| {
        let rest = part.strip_prefix(name)?.trim_start();
        rest.strip_prefix('=').filter(|rest| !rest.starts_with('=')).map(str::trim)
    });
    let is_named = |part: &str| {
        let rest = part.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
        rest.starts_with('=') && !rest.starts_with("==")
    };
    let unpacked = || parts.iter().find(|part| part.starts_with('*')).copied();
    let by_place = || parts.get(nth).copied().filter(|part| !is_named(part));
    by_name.or_else(unpacked).or_else(by_place)
}

/// Returns the level that `func.AuthLevel.ANONYMOUS` or `"anonymous"` names.
fn level_of(written: &str) -> Value {
    // What follows a first level, such as `if local else …`, makes it unknown.
    match written.split_once("AuthLevel.") {
        Some((_, name)) => level_named(name),
        None if written.starts_with(['"', '\'']) => level_named(written.trim_matches(['"', '\''])),
        None => computed(written),
    }
}

/// Returns the name of the function decorated at `at`: by a decorator, or by its `def`.
fn name<'s>(source: &'s Source<'_>, at: usize, end: usize) -> Option<&'s str> {
    let def = end + source.code.get(end..)?.find("def ")? + 4;
    let rest = source.text.get(def..)?;
    let own = rest.get(..rest.find('(')?)?.trim();
    // The decorators of this function stand between the last `def` and its own.
    let from = source.code.get(..at)?.rfind("def ").unwrap_or(0);
    let named = source.words("function_name").into_iter().find(|at| (from..def).contains(at));
    let literal = named.and_then(|at| source.arguments(at)).and_then(|range| {
        let written = source.written(range);
        let value =
            written.strip_prefix("name").map_or(written, |rest| rest.trim_start().trim_start_matches('=').trim());
        value.strip_prefix(['"', '\'']).and_then(|rest| rest.strip_suffix(['"', '\'']))
    });
    literal.or(Some(own)).filter(|name| !name.is_empty())
}
