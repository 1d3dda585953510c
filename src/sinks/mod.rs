//! Where do alerts and redacted records go?
//!
//! Each sink is one file. A sink renders a transition while its epoch is made, and delivers the
//! stored text after the commit; it never retries: the pipeline keeps the outbox and supervises.
//! What is sent was rendered from redacted data. A delivery may come twice, with the same key.

mod address;
mod alertmanager;
mod any;
mod backoff;
mod dispatch;
mod email;
mod escape;
mod jsonl;
mod kafka;
mod letter;
mod native;
mod notice;
mod ocsf;
mod pagerduty;
mod post;
mod redacted;
mod route;
mod sample;
mod sentinel;
mod slack;
mod teams;
mod template;
mod webhook;

use std::future::Future;
use std::time::Duration;

pub use alertmanager::{Alertmanager, Login};
pub use any::{AnySink, Hears, Outlet};
pub use backoff::{LONGEST_ASKED, next_attempt};
pub use dispatch::{Audience, Cuts, Dispatcher, Gathered, saved_cuts};
pub use email::{Email, Encryption, MailServer};
pub use jsonl::{Format, Jsonl, JsonlSettings};
pub use kafka::Kafka;
pub use native::native;
pub use notice::{News, Notice};
pub use ocsf::{Activity, ocsf};
pub use pagerduty::PagerDuty;
pub use post::{Reach, holds_secret, in_the_clear};
pub use redacted::{RedactedFile, RedactedStream, RedactedTopic};
pub use route::{Day, GroupBy, Hours, Offset, Pattern, Rate, Route};
#[cfg(test)]
use sample::shared_sample;
pub use sample::{sample, sample_at, sample_streams};
pub use sentinel::{Sentinel, SentinelPlace};
pub use slack::Slack;
pub use teams::Teams;
pub use template::{PLACEHOLDERS, Template, TemplateProblem, Texts};
pub use webhook::Webhook;

use serde_json::{Value, json};

use crate::alerts::{Alert, Closing, Transition};
use crate::telemetry::Streams;

use notice::link;

/// Why a delivery failed.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// Worth trying again: the receiver is down, slow or overloaded.
    #[error("{says}")]
    Retry {
        /// What happened and what the operator can do.
        says: String,
        /// How long the receiver asked us to wait.
        after: Option<Duration>,
    },
    /// Not worth trying again: the receiver refused this very message.
    #[error("{0}")]
    Reject(String),
}

impl SinkError {
    fn retry(says: impl Into<String>) -> Self {
        Self::Retry { says: says.into(), after: None }
    }
}

/// What to send: a row of the outbox as a sink sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderedDelivery<'d> {
    /// The idempotency key, see [`idempotency_key`].
    pub key: &'d str,
    /// What [`Sink::render`] made.
    pub payload: &'d str,
}

/// Delivers transitions to one place.
pub trait Sink {
    /// Returns what to send about `transition`; `None` if this sink does not want it.
    fn render(&self, transition: &Transition, streams: &Streams) -> Option<String>;

    /// Sends it, once; returns a short note such as the status.
    ///
    /// # Errors
    ///
    /// [`SinkError::Retry`] if it may arrive later, [`SinkError::Reject`] if never.
    fn deliver(&self, delivery: &RenderedDelivery<'_>) -> impl Future<Output = Result<String, SinkError>> + Send;
}

/// Returns the key by which a receiver knows a delivery it has had: alert id and revision, `3f9a…:2`.
pub fn idempotency_key(alert: &Alert) -> String {
    format!("{}:{}", alert.id, alert.revision)
}

/// Returns what changed, as JSON: null for an opening, else `{"kind": …}` with who and why.
fn change(transition: &Transition) -> Value {
    match transition {
        Transition::Opened(_) => Value::Null,
        Transition::Updated(_, change) => {
            let (kind, by, words) = change.told();
            let mut said = json!({"kind": kind});
            if let Some(members) = said.as_object_mut() {
                members.extend(by.map(|by| ("by".to_owned(), by.into())));
                members.extend(words.map(|(name, words)| (name.to_owned(), words.into())));
            }
            said
        }
        Transition::Closed(_, Closing::Quiet) => json!({"kind": "quiet"}),
        Transition::Closed(_, Closing::Healed) => json!({"kind": "healed"}),
        Transition::Closed(_, Closing::Gone) => json!({"kind": "gone"}),
        Transition::Closed(_, Closing::Resumed) => json!({"kind": "resumed"}),
        Transition::Closed(_, Closing::ByPerson { by, reason, class }) => {
            json!({"kind": "by-person", "by": by, "reason": reason, "class": class.name()})
        }
    }
}

/// Returns a transition as a line of JSON.
fn line(format: Format, transition: &Transition, streams: &Streams) -> String {
    let alert = transition.alert();
    let mut line = match format {
        Format::Ocsf => return ocsf(alert, Activity::of(transition), streams).to_string(),
        Format::Native => native(alert, streams),
    };
    if let Value::Object(fields) = &mut line {
        fields.insert("revision".into(), alert.revision.into());
        fields.insert("change".into(), change(transition));
    }
    line.to_string()
}

/// Returns the headline of a message about `notices`, and about `more` that are only counted.
fn headline(texts: &Texts, notices: &[Notice], more: u64, escape: impl Fn(&str) -> String) -> String {
    let all = notices.len() as u64 + more;
    match (notices.iter().max_by_key(|notice| notice.level), all) {
        (Some(one), 1) => texts.title.fill(one, escape),
        (Some(worst), _) => {
            format!("{all} alerts, the worst {}: {}", worst.level.name(), escape(&worst.title))
        }
        (None, _) => format!("{all} alerts"),
    }
}

/// A text as it is: for channels that know no markup there.
fn plainly(text: &str) -> String {
    text.to_owned()
}
