//! Who came in, went, or was refused, and from where?
//!
//! A line of the audit for each. Coming in waits for its line, though not on a full disk; a refusal is written
//! meanwhile, and of those no more than thirty at once and one every two seconds after, whoever is
//! refused: a flood of wrong tokens fills no disk (`gatewatch_http_requests_total` counts all).

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::acting::{ORIGIN, origin};
use super::app::App;
use super::asking::Asking;
use crate::access::Refusal;
use crate::metrics::Metrics;
use crate::store::{AuditEntry, Origin};

/// Letters of what a program calls itself.
const MAX_AGENT: usize = 120;
/// Letters of a program's name, and of its version, that are one: more could be a secret.
const MAX_WORD: usize = 24;

/// Keeps, for whatever the request does, from where it comes.
pub(super) async fn remember(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let address = app.client(&Asking::of(&parts)).map(|address| address.to_string()).unwrap_or_default();
    let origin = Origin { address, agent: agent(&parts.headers) };
    ORIGIN.scope(origin, next.run(Request::from_parts(parts, body))).await
}

/// Returns what a program calls itself: of its words those that are a name and a version, as `curl/8.1`.
pub fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let words = agent.split(' ').filter(|word| product(word));
    words.collect::<Vec<_>>().join(" ").chars().take(MAX_AGENT).collect()
}

fn product(word: &str) -> bool {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
    word.split_once('/').is_some_and(|(name, version)| {
        let named =
            name.starts_with(|c: char| c.is_ascii_alphabetic()) && version.starts_with(|c: char| c.is_ascii_digit());
        named && name.len() <= MAX_WORD && version.len() <= MAX_WORD && plain(name) && plain(version)
    })
}

/// Writes that `who` did something at the door. `way` is how. Where it can't be written they come in all
/// the same, to see why: what they do there is not done without its line.
pub(super) async fn note(app: &App, who: &str, did: &'static str, way: &str) {
    let entry = AuditEntry { at: app.parts.clock.now(), who: who.into(), did, with: json!({ "way": way }).to_string() };
    let (data, origin) = (app.parts.data.clone(), origin());
    let wrote = tokio::task::spawn_blocking(move || crate::store::note(&data, &entry, &origin)).await;
    let why = match wrote {
        Ok(wrote) => wrote.err().map(|error| error.to_string()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = why {
        lost(&app.parts.metrics, did, &why);
    }
}

/// Writes that somebody was refused, meanwhile, if there is room for a line.
pub(super) fn note_refusal(app: &App, refusal: &Refusal) {
    let (who, why) = match refusal {
        Refusal::Wrong(why) => ("somebody", why),
        Refusal::NoRole { name, says } => (name.as_str(), says),
        _ => return,
    };
    if !app.attempts.worth_a_line(app.parts.clock.elapsed()) {
        return;
    }
    let with = json!({ "why": why }).to_string();
    let entry = AuditEntry { at: app.parts.clock.now(), who: who.into(), did: REFUSED, with };
    note_meanwhile(app.parts.data.clone(), entry, origin(), app.parts.metrics.clone());
}

/// What the audit says of whoever does not come in.
pub const REFUSED: &str = "was refused";

/// Writes a line of the audit meanwhile: for what nobody waits for. Within a runtime.
pub fn note_meanwhile(data: PathBuf, entry: AuditEntry, origin: Origin, metrics: Arc<Metrics>) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = crate::store::note(&data, &entry, &origin) {
            lost(&metrics, entry.did, &error.to_string());
        }
    });
}

/// Counts a line that could not be written, and logs it: as few as there are lines, and without a name.
fn lost(metrics: &Metrics, did: &str, why: &str) {
    metrics.audit_lost.inc();
    let lines = metrics.audit_lost.get();
    tracing::error!(lines, "the audit lacks a line: somebody {did}, and that could not be written: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_s_name_is_cut_and_keeps_no_word_that_could_be_a_secret() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::USER_AGENT, axum::http::HeaderValue::from_bytes(text.as_bytes()).unwrap());
            agent(&headers)
        };
        assert_eq!(of("Mozilla/5.0 (X11; Linux x86_64) Firefox/153.0"), "Mozilla/5.0 Firefox/153.0");
        for secret in ["k", "password=hunter2", "hunter2", "a/b", &format!("x/1{}", "k".repeat(24)), "dana@x/1"] {
            assert_eq!(of(&format!("curl/8.1 {secret}")), "curl/8.1");
        }
        assert_eq!(of(&"abcd/1 ".repeat(100)).len(), MAX_AGENT);
        assert_eq!(of("caf\u{e9}"), "");
    }
}
