//! `gatewatch tap`: the live redacted events of a running daemon.
//!
//! It speaks HTTP to the daemon's dashboard, as any reader of `/api/v1/tap` may. Lines are shown
//! as they come; what this reader was too slow for is said. It ends with the daemon, at its limit,
//! with Ctrl-C, or when nobody reads its output.

use std::process::ExitCode;

use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::clock::Timestamp;
use crate::dashboard::visible;

use super::args::{Shape, Tap};
use super::client::{self, host, nobody};
use super::talk::{Failure, colored_output, print_while_read, say};

/// The longest line that is taken.
const LONGEST: usize = 8 << 20;

/// An event as it comes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line<'l> {
    lost: Option<u64>,
    time: String,
    category: String,
    app: Option<String>,
    gateway: Option<String>,
    function: Option<String>,
    operation: Option<String>,
    level: Option<String>,
    #[serde(rename = "source.ip")]
    source: Option<String>,
    #[serde(rename = "request.method")]
    method: Option<String>,
    #[serde(rename = "request.path")]
    path: Option<String>,
    #[serde(rename = "response.status")]
    status: Option<i64>,
    outcome: Option<String>,
    reason: Option<String>,
    #[serde(borrow)]
    record: Option<&'l RawValue>,
    record_bytes: Option<u64>,
}

/// Shows events until the end.
pub fn tap(options: &Tap) -> Result<ExitCode, Failure> {
    // A provider that is there already is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Io(format!("the tap could not be started: {error}")))?;
    runtime.block_on(async {
        tokio::select! {
            done = follow(options) => done,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn follow(options: &Tap) -> Result<(), Failure> {
    let (at, client) = where_to(options)?;
    let mut answer = open(options, &at, &client).await?;
    let mut shown = Shown { options, left: options.limit.map(std::num::NonZeroU64::get), colors: colored_output() };
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let broke = |error: reqwest::Error| {
            Failure::Io(format!("the daemon at {} has ended the tap: {}", host(&at), error.without_url()))
        };
        let Some(chunk) = answer.chunk().await.map_err(broke)? else {
            return Err(Failure::Io(format!(
                "the daemon at {} has ended the tap: it stopped, or the token counts no longer",
                host(&at)
            )));
        };
        rest.extend_from_slice(&chunk);
        let mut from = 0;
        while let Some(end) = memchr::memchr(b'\n', &rest[from..]) {
            if !shown.line(&rest[from..from + end])? {
                return Ok(());
            }
            from += end + 1;
        }
        rest.drain(..from);
        if rest.len() > LONGEST {
            return Err(Failure::Io(format!("what answers at {} is no tap of gatewatch", host(&at))));
        }
    }
}

/// Returns the tap's address and what asks there.
fn where_to(options: &Tap) -> Result<(Url, Client), Failure> {
    let (mut at, client) = client::address(&options.data, options.url.as_deref())?;
    at.set_path("/api/v1/tap");
    at.set_query(None);
    at.set_fragment(None);
    let filters =
        [("category", &options.category), ("app", &options.app), ("kind", &options.kind), ("path", &options.path)];
    for (name, value) in filters {
        if let Some(value) = value {
            at.query_pairs_mut().append_pair(name, value);
        }
    }
    let client = client.build().map_err(|error| Failure::Io(format!("the tap could not be started: {error}")))?;
    Ok((at, client))
}

async fn open(options: &Tap, at: &Url, client: &Client) -> Result<Response, Failure> {
    let mut request = client.get(at.clone());
    let token = client::token(options.token.as_deref());
    if let Some(token) = &token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.map_err(|error| nobody(at, error))?;
    let status = answer.status();
    if status == StatusCode::OK {
        return Ok(answer);
    }
    if let Some(failure) = client::unknown(at, status, token.is_some(), "viewer") {
        return Err(failure);
    }
    let body = answer.bytes().await.unwrap_or_default();
    let said: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let said = said.as_ref().and_then(|said| said["error"].as_str()).map(visible).unwrap_or_default();
    Err(match (said.is_empty(), status) {
        (true, _) => Failure::Io(format!("what answers at {} has no tap ({status}): is it this version?", host(at))),
        (false, StatusCode::BAD_REQUEST) => Failure::Usage(said),
        (false, _) => Failure::Io(format!("the daemon at {} refused the tap: {said}", host(at))),
    })
}

/// Returns the time to the millisecond, so that lines stand in columns.
fn moment(time: &str) -> String {
    Timestamp::parse_rfc3339(time)
        .map_or_else(|| visible(time), |at| at.to_chrono().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}

/// What was shown so far, and how.
struct Shown<'o> {
    options: &'o Tap,
    left: Option<u64>,
    colors: bool,
}

impl Shown<'_> {
    /// Shows a line; returns whether to go on.
    fn line(&mut self, line: &[u8]) -> Result<bool, Failure> {
        if line.trim_ascii().is_empty() {
            return Ok(true);
        }
        let event: Line<'_> = serde_json::from_slice(line)
            .map_err(|error| Failure::Io(format!("the daemon sent a line that can't be read: {error}")))?;
        if let Some(lost) = event.lost {
            say(&format!("[{lost} events were lost: this reader was too slow]"));
            return Ok(true);
        }
        let text = match (self.options.format, event.record) {
            (Shape::Text, _) => self.text(&event),
            (Shape::Json, Some(record)) => format!("{}\n", record.get()),
            (Shape::Json, None) => {
                say(&format!("[a record of {} bytes is left out]", event.record_bytes.unwrap_or_default()));
                String::new()
            }
        };
        let read = print_while_read(text.as_bytes())?;
        self.left = self.left.map(|left| left - 1);
        Ok(read && self.left != Some(0))
    }

    fn text(&self, event: &Line<'_>) -> String {
        let paint = |code: &str, text: String| if self.colors { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
        let some = |text: &Option<String>| text.as_deref().map(visible).unwrap_or_default();
        let who = [&event.app, &event.gateway].into_iter().flatten().next().map(|name| visible(name));
        let what = match (&event.method, &event.path) {
            (None, None) => [some(&event.level), some(&event.function), some(&event.operation)].join(" "),
            (method, path) => format!("{} {}", some(method), some(path)),
        };
        let status = event.status.map_or(String::new(), |status| format!("{status} "));
        let reason = some(&event.reason);
        let ended = match some(&event.outcome).as_str() {
            "failure" if reason == "unknown" => paint("31", format!("{status}failure")),
            "failure" => paint("31", format!("{status}failure {reason}")),
            "success" => paint("32", format!("{status}success")),
            "unknown" => status.trim_end().to_owned(),
            other => format!("{status}{other}"),
        };
        let parts = [
            paint("2", moment(&event.time)),
            visible(&event.category),
            who.unwrap_or_else(|| "-".into()),
            what.split_whitespace().collect::<Vec<_>>().join(" "),
            ended,
            some(&event.source),
        ];
        let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        parts.join("  ") + "\n"
    }
}
