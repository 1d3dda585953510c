//! What in a configuration may be a secret?
//!
//! What is known to be something else is shown: a single setting of a type that holds none. All else may be one: what
//! nobody knows, for a name may be mistyped; settings of librdkafka; what the scanner of logs takes for one wherever it
//! stands. It keeps nothing.

use std::sync::LazyLock;

use super::described::single;
use crate::redaction::{KeyRing, Redactor, Settings};

/// Shown in place of a secret.
pub(super) const HIDDEN: &str = "set, hidden";

/// What tells a secret from other texts; nothing where the system gives no random bytes.
static SCANNER: LazyLock<Option<Redactor>> =
    LazyLock::new(|| Redactor::new(&KeyRing::ephemeral().ok()?, &Settings::default()).ok());

/// Tells whether what stands at `path` may be a secret, whatever it says.
pub(super) fn may_be_secret(path: &[&str]) -> bool {
    let advanced = match path {
        ["sources" | "sinks", "kafka", _, rest @ ..] | ["redacted", "kafka", rest @ ..] => rest,
        _ => &[],
    };
    match path {
        ["heartbeat", "url", ..] => true,
        _ if advanced.first() == Some(&"advanced") => true,
        ["detection", "sigma_placeholders", _, ..] => false,
        // Where a secret is read from is none.
        [secret @ .., "file" | "env"] if single(secret).is_some_and(is_secret) => false,
        _ => single(path).is_none_or(is_secret),
    }
}

/// `S` is what a room calls a secret that it can't name.
fn is_secret(kind: &str) -> bool {
    ["Secret", "S"].contains(&kind)
}

/// Tells whether a secret stands in `text`, wherever that stands; in doubt it does.
pub(super) fn holds_secret(text: &str) -> bool {
    let Some(scanner) = SCANNER.as_ref() else { return true };
    scanner.hide_secrets(text.as_bytes()) != text.as_bytes()
}

/// Tells whether `text`, alone where a key is named, may be one: subscription keys are bare hexadecimal digits.
pub(super) fn is_key(text: &str) -> bool {
    let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex || holds_secret(text)
}

/// Returns what is shown in place of the text at `path`; nothing where it can be shown.
pub(super) fn instead(text: &str, path: &[&str]) -> Option<String> {
    if may_be_secret(path) && path.first() != Some(&"heartbeat") && !text.is_empty() {
        return Some(HIDDEN.to_owned());
    }
    // The secret itself may stand where a variable should be named.
    let no_name =
        path.last() == Some(&"env") && !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let no_name = no_name || (path.first() == Some(&"keys") && is_key(text));
    bare(text, path).or_else(|| (no_name || holds_secret(text)).then(|| HIDDEN.to_owned()))
}

/// Returns an address without what may be a secret in it; `None` of what has nothing of the kind.
fn bare(text: &str, path: &[&str]) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, tail) = rest.split_at(end);
    let whole = path.first() != Some(&"heartbeat") && !tail.contains('?');
    match host.rsplit_once('@') {
        None if whole => None,
        Some((_, host)) => Some(format!("{scheme}://{host}/… ({HIDDEN})")),
        None => Some(format!("{scheme}://{host}/… ({HIDDEN})")),
    }
}
