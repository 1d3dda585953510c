//! Where do alerts and redacted records go?
//!
//! Each sink is one file. A sink renders a transition while its epoch is made, and delivers the
//! stored text after the commit; it never retries: the pipeline keeps the outbox and supervises.
//! What is sent was rendered from redacted data. A delivery may come twice, with the same key.

mod address;
mod backoff;
mod jsonl;
mod native;
mod ocsf;
mod redacted;
mod webhook;

use std::future::Future;
use std::time::Duration;

pub use backoff::next_attempt;
pub use jsonl::{Format, Jsonl, JsonlSettings};
pub use native::native;
pub use ocsf::{Activity, ocsf};
pub use redacted::{RedactedFile, RedactedStream, RedactedTopic};
pub use webhook::{Webhook, WebhookSettings};

use serde_json::{Value, json};

use crate::alerts::{Alert, Change, Closing, Transition};
use crate::telemetry::Streams;

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

/// Any of the sinks that deliver alerts.
#[derive(Debug)]
pub enum AnySink {
    /// Posts to a URL.
    Webhook(Box<Webhook>),
    /// Appends to a file.
    Jsonl(Jsonl),
}

impl AnySink {
    /// Returns the kind's name: `webhook` or `jsonl`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Jsonl(_) => "jsonl",
        }
    }
}

impl Sink for AnySink {
    fn render(&self, transition: &Transition, streams: &Streams) -> Option<String> {
        match self {
            Self::Webhook(sink) => sink.render(transition, streams),
            Self::Jsonl(sink) => sink.render(transition, streams),
        }
    }

    async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        match self {
            Self::Webhook(sink) => sink.deliver(delivery).await,
            Self::Jsonl(sink) => sink.deliver(delivery).await,
        }
    }
}

/// Returns the key by which a receiver knows a delivery it has had: alert id and revision, `3f9a…:2`.
pub fn idempotency_key(alert: &Alert) -> String {
    format!("{}:{}", alert.id, alert.revision)
}

/// Returns what changed, as JSON: null for an opening, else `{"kind": …}` with who and why.
fn change(transition: &Transition) -> Value {
    match transition {
        Transition::Opened(_) => Value::Null,
        Transition::Updated(_, Change::Events) => json!({"kind": "events"}),
        Transition::Updated(_, Change::Raised { from }) => json!({"kind": "raised", "from": from.name()}),
        Transition::Updated(_, Change::Joined { detector }) => json!({"kind": "joined", "detector": detector}),
        Transition::Updated(_, Change::Reopened) => json!({"kind": "reopened"}),
        Transition::Updated(_, Change::Acknowledged { by }) => json!({"kind": "acknowledged", "by": by}),
        Transition::Closed(_, Closing::Quiet) => json!({"kind": "quiet"}),
        Transition::Closed(_, Closing::Resumed) => json!({"kind": "resumed"}),
        Transition::Closed(_, Closing::ByPerson { by, reason }) => {
            json!({"kind": "by-person", "by": by, "reason": reason})
        }
    }
}

/// An alert to test sinks with.
#[cfg(test)]
fn sample() -> Alert {
    use crate::alerts::{
        AlertId, AlertState, Attack, Because, Entity, EntityKind, Evidence, Family, Level, Limit, Measure, Position,
    };
    use crate::clock::Timestamp;
    use crate::telemetry::{Category, StreamId};

    let at = Timestamp::from_seconds;
    Alert {
        id: AlertId(0x3f9a),
        fingerprint: 7,
        revision: 2,
        group: None,
        members: Vec::new(),
        detector: "key-usage.one_key_many_addresses".into(),
        family: Family::KeyUsage,
        level: Level::High,
        title: "One key used from many addresses".into(),
        entity: Entity::new(EntityKind::Key, "k-1"),
        entities: vec![Entity::new(EntityKind::Key, "k-1"), Entity::new(EntityKind::Ip, "203.0.113.7")],
        app: Some("shop".into()),
        owner: None,
        first_seen: at(100),
        opened_at: at(160),
        last_seen: at(220),
        count: 30,
        why: "Key k-1 was used from 30 addresses within 10 minutes".into(),
        because: Some(Because {
            measure: Measure::Values,
            value: 21.0,
            peak: 30.0,
            limit: Limit::MoreThan(20.0),
            within: Some(std::time::Duration::from_mins(10)),
            from: at(100),
            to: at(160),
            events: 21,
            earlier: None,
            spare: 0,
        }),
        triage: "Ask its owner.".into(),
        attack: Attack { version: "18".into(), techniques: vec!["T1078.004".into()] },
        threat: "key-theft".into(),
        state: AlertState::Open,
        assignee: None,
        closing: None,
        evidence: vec![Evidence {
            position: Position { stream: StreamId(0), offset: 5, index: 1 },
            time: at(220),
            category: Category::GatewayLogs,
            record: Some("{}".into()),
        }],
        late: false,
    }
}

/// The same, that another detector sees too.
#[cfg(test)]
fn shared_sample() -> Alert {
    use crate::alerts::{Family, Level, Member};

    let alert = sample();
    let front = Member {
        detector: alert.detector.clone(),
        family: alert.family,
        level: alert.level,
        title: alert.title.clone(),
        triage: alert.triage.clone(),
        attack: alert.attack.clone(),
        threat: alert.threat.clone(),
        app: alert.app.clone(),
        first_seen: alert.first_seen,
        opened_at: alert.opened_at,
        last_seen: alert.last_seen,
        count: alert.count,
        why: alert.why.clone(),
        because: alert.because.clone(),
        evidence: alert.evidence.clone(),
        joined: false,
    };
    let mut evidence = alert.evidence.clone();
    evidence[0].time = crate::clock::Timestamp::from_seconds(230);
    let behind = Member {
        detector: "probing.scanner".into(),
        family: Family::Probing,
        level: Level::Low,
        count: 7,
        evidence,
        joined: true,
        ..front.clone()
    };
    Alert { group: Some("seen".into()), members: vec![front, behind], ..alert }
}

/// The stream that [`sample`]'s evidence lies in.
#[cfg(test)]
fn sample_streams() -> Streams {
    let name = crate::telemetry::StreamName { source: "hub".into(), topic: "logs".into(), partition: 3 };
    Streams::restore(vec![name])
}
