//! Which functions does an app's code hold, and which key does each ask for?
//!
//! What a build writes (`function.json`, `functions.metadata`) is read in full. Where it is not in
//! the repository the source says the same: attributes in C# and Java, decorators in Python, calls
//! of `app.http` in JavaScript. Only what is written as a literal is taken; a level that is
//! computed is unknown.

pub mod binding;
mod csharp;
mod javascript;
mod python;
mod source;

use std::sync::Arc;

use super::Model;

/// The largest source file that is looked at, bytes.
pub const MAX_BYTES: usize = 4 << 20;

/// Tells whether a file may be source that declares functions.
pub fn is_source(file: &str) -> bool {
    [".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cs", ".java"].iter().any(|ending| file.ends_with(ending))
        && !file.ends_with(".d.ts")
}

/// Takes the functions of a source file of the app `app`.
pub fn take(model: &mut Model, file: &Arc<str>, app: &str, text: &str) {
    match file.rsplit('.').next().unwrap_or_default() {
        "py" => python::take(model, file, app, text),
        "cs" | "java" => csharp::take(model, file, app, text),
        _ => javascript::take(model, file, app, text),
    }
}

/// Gives the functions of Python apps that name no level of their own that of their app.
pub fn settle(model: &mut Model) {
    python::settle(model);
}
