//! `gatewatch alerts watch`: a line for each change of an alert, as it happens.
//!
//! It follows the API's server-sent events and keeps the id of the last one it showed. A stream that
//! ends or breaks off, as when the daemon restarts, is taken up again after that id, for as long as it
//! takes: nothing is missed and nothing shown twice. What is gone is said.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dashboard::visible;

use super::alert_args::AlertsWatch;
use super::alerts::{row, text};
use super::args::Shape;
use super::client::Daemon;
use super::talk::{Failure, print_while_read, say};

/// The longest line of a stream that is taken.
const LONGEST: usize = 1 << 20;
/// How long is waited before a stream is taken up again, at first and at most.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Follows until the end.
pub async fn watch(options: &AlertsWatch) -> Result<(), Failure> {
    let daemon = Daemon::find(&options.daemon)?;
    let question = options.question.join(" ");
    let mut pairs = Vec::new();
    let parts =
        [("level", &options.level), ("family", &options.family), ("app", &options.app), ("after", &options.after)];
    for (name, value) in parts {
        pairs.extend(value.as_deref().map(|value| (name, value)));
    }
    if !question.is_empty() {
        pairs.push(("query", question.as_str()));
    }
    let mut shown = Shown { options, last: None, left: options.limit.map(std::num::NonZeroU64::get) };
    // The first time a daemon that is not there, or refuses, ends it.
    let mut stream = daemon.open("/api/v1/events", &pairs).await?;
    let mut wait = WAITS.0;
    loop {
        let mut rest = Parser::default();
        // What breaks off is taken up again as what ends.
        while let Ok(Some(chunk)) = stream.chunk().await {
            wait = WAITS.0;
            for event in rest.take(&chunk)? {
                if !shown.event(event)? {
                    return Ok(());
                }
            }
        }
        let mut told = false;
        stream = loop {
            tokio::time::sleep(wait).await;
            // It may have another address by now.
            let found = Daemon::find(&options.daemon).ok();
            let opened = match &found {
                Some(daemon) => daemon.reopen("/api/v1/events", &pairs, shown.last.as_deref()).await?,
                None => None,
            };
            if let Some(stream) = opened {
                break stream;
            }
            if !std::mem::replace(&mut told, true) {
                say("[the daemon does not answer: trying again until it does]");
            }
            wait = (wait * 2).min(WAITS.1);
        };
    }
}

/// One event of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    kind: String,
    id: Option<String>,
    data: String,
}

/// Makes events of what comes, as the standard says: an empty line ends one.
#[derive(Debug, Default)]
struct Parser {
    rest: Vec<u8>,
    event: Event,
}

impl Parser {
    fn take(&mut self, chunk: &[u8]) -> Result<Vec<Event>, Failure> {
        self.rest.extend_from_slice(chunk);
        let (mut events, mut from) = (Vec::new(), 0);
        while let Some(end) = memchr::memchr(b'\n', &self.rest[from..]) {
            let line = String::from_utf8_lossy(&self.rest[from..from + end]).into_owned();
            from += end + 1;
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                events.push(std::mem::take(&mut self.event));
                continue;
            }
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match name {
                "event" => value.clone_into(&mut self.event.kind),
                "id" => self.event.id = Some(value.to_owned()),
                "data" => self.event.data.push_str(value),
                _ => {}
            }
        }
        self.rest.drain(..from);
        if self.rest.len() > LONGEST || self.event.data.len() > LONGEST {
            return Err(Failure::Io("what answers is no live stream of gatewatch".into()));
        }
        Ok(events)
    }
}

/// What was shown so far, and how.
struct Shown<'o> {
    options: &'o AlertsWatch,
    last: Option<String>,
    left: Option<u64>,
}

impl Shown<'_> {
    /// Shows an event; returns whether to go on.
    fn event(&mut self, event: Event) -> Result<bool, Failure> {
        let mut go_on = true;
        match event.kind.as_str() {
            "change" => {
                let mut change: Value = serde_json::from_str(&event.data).unwrap_or_default();
                let line = if self.options.format == Shape::Json {
                    change["id"] = json!(event.id);
                    change.to_string()
                } else {
                    format!("{}  {}", text(&change["did"]), row(&change["now"]))
                };
                self.left = self.left.map(|left| left.saturating_sub(1));
                go_on = print_while_read(format!("{line}\n").as_bytes())? && self.left != Some(0);
            }
            "gap" => {
                let says: Value = serde_json::from_str(&event.data).unwrap_or_default();
                say(&format!("[changes were missed: {}]", visible(says["says"].as_str().unwrap_or_default())));
            }
            _ => {}
        }
        self.last = event.id.or(self.last.take());
        Ok(go_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_however_they_come() {
        let text = ": \n\nevent: hello\nretry: 3000\nid: 7\ndata: {}\n\nid:9\r\n\r\nevent: change\nid: 8\ndata: {\"a\":\ndata: 1}\n\nevent: chan";
        let event = |kind: &str, id: Option<&str>, data: &str| Event {
            kind: kind.into(),
            id: id.map(str::to_owned),
            data: data.into(),
        };
        for size in [1, 2, 7, 1_000] {
            let mut parser = Parser::default();
            let events: Vec<Event> = text.as_bytes().chunks(size).flat_map(|part| parser.take(part).unwrap()).collect();
            let nothing = event("", None, "");
            let change = event("change", Some("8"), "{\"a\":1}");
            assert_eq!(events, [nothing, event("hello", Some("7"), "{}"), event("", Some("9"), ""), change], "{size}");
        }
    }
}
