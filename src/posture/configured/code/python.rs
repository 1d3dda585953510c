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
            let Some(range) = source.arguments(at) else { continue };
            let place = Place::line(file, source.line(at));
            let level = argument(&source, range, "http_auth_level")
                .map_or_else(|| (Value::Text("function".to_owned()), false), |written| (level_of(written), true));
            model.python.push((app.to_owned(), level.0, level.1, place.clone()));
            if word != "FunctionApp" {
                // One function that hands every request to a web framework.
                let element = function_of(model, app, "http_app_func", "httpTrigger", &place);
                element.give(Setting::Route, Value::Text("{*route}".to_owned()), place);
            }
        }
    }
    for at in source.words("route") {
        let decorator = source.code[..at].rsplit('\n').next().unwrap_or_default().trim_start();
        if !decorator.starts_with('@') || !decorator.ends_with('.') {
            continue;
        }
        let Some(range) = source.arguments(at) else { continue };
        let place = Place::line(file, source.line(at));
        let Some(name) = name(&source, at, range.end) else { continue };
        let element = function_of(model, app, name, "httpTrigger", &place);
        if let Some(written) = argument(&source, range.clone(), "auth_level") {
            give_level(element, Some((level_of(written), place.clone())), "function", &place);
        }
        if let Some(route) = argument(&source, range, "route") {
            let route = route.trim_matches(['"', '\'']).to_owned();
            element.give(Setting::Route, Value::Text(route), place);
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
            [(_, level, explicit, place), ..] => {
                element.give(Setting::AuthLevelExplicit, Value::Flag(*explicit), place.clone());
                element.give(Setting::AuthLevel, level.clone(), place.clone());
            }
        }
    }
}

/// Returns how the argument `name` of a call is written.
fn argument<'s>(source: &'s Source<'_>, range: std::ops::Range<usize>, name: &str) -> Option<&'s str> {
    source.split(range).into_iter().find_map(|part| {
        let rest = source.written(part).strip_prefix(name)?.trim_start();
        rest.strip_prefix('=').filter(|rest| !rest.starts_with('=')).map(str::trim)
    })
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
