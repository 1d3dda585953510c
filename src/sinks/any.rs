//! Any of the sinks that deliver alerts: the one place where all of them are named.

use std::time::Duration;

use crate::alerts::{Alert, Level, Transition};
use crate::telemetry::Streams;

use super::alertmanager::Alertmanager;
use super::email::Email;
use super::jsonl::Jsonl;
use super::kafka::Kafka;
use super::notice::{News, Notice};
use super::pagerduty::PagerDuty;
use super::sentinel::Sentinel;
use super::slack::Slack;
use super::teams::Teams;
use super::webhook::Webhook;
use super::{RenderedDelivery, Sink as _, SinkError};

/// Any of the sinks that deliver alerts.
#[derive(Debug)]
pub enum AnySink {
    /// Posts to a URL.
    Webhook(Box<Webhook>),
    /// Appends to a file.
    Jsonl(Jsonl),
    /// Writes to a Kafka topic.
    Kafka(Kafka),
    /// Rows of a table of Microsoft Sentinel.
    Sentinel(Box<Sentinel>),
    /// Prometheus' Alertmanager.
    Alertmanager(Box<Alertmanager>),
    /// Incidents of PagerDuty.
    PagerDuty(Box<PagerDuty>),
    /// A Slack channel.
    Slack(Box<Slack>),
    /// A channel of Microsoft Teams.
    Teams(Box<Teams>),
    /// E-mail.
    Email(Box<Email>),
}

/// What a sink hears of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hears {
    /// Every change of an alert: a program keeps account.
    Everything,
    /// What is news, an alert at a time: incidents.
    News,
    /// What is news, several alerts in one message: people read it.
    Messages,
}

impl AnySink {
    /// Returns the kind's name, as the configuration writes it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Webhook(_) => "webhook",
            Self::Jsonl(_) => "jsonl",
            Self::Kafka(_) => "kafka",
            Self::Sentinel(_) => "sentinel",
            Self::Alertmanager(_) => "alertmanager",
            Self::PagerDuty(_) => "pagerduty",
            Self::Slack(_) => "slack",
            Self::Teams(_) => "teams",
            Self::Email(_) => "email",
        }
    }

    /// Returns what it hears of.
    pub const fn hears(&self) -> Hears {
        match self {
            Self::Webhook(_) | Self::Jsonl(_) | Self::Kafka(_) | Self::Sentinel(_) | Self::Alertmanager(_) => {
                Hears::Everything
            }
            Self::PagerDuty(_) => Hears::News,
            Self::Slack(_) | Self::Teams(_) | Self::Email(_) => Hears::Messages,
        }
    }

    /// Returns what to send about `transition`, which is told as `news`; `None` if this sink does
    /// not want it, or is sent messages.
    pub fn render(&self, transition: &Transition, news: News, streams: &Streams) -> Option<String> {
        match self {
            Self::Webhook(sink) => sink.render(transition, streams),
            Self::Jsonl(sink) => sink.render(transition, streams),
            Self::Kafka(sink) => sink.render(transition, streams),
            Self::Sentinel(sink) => sink.render(transition, streams),
            Self::Alertmanager(sink) => Some(sink.entry(transition)),
            Self::PagerDuty(sink) => sink.event(transition, news),
            Self::Slack(_) | Self::Teams(_) | Self::Email(_) => None,
        }
    }

    /// Returns the message about `notices`, and about `more` that are only counted, to be known by
    /// `key`; `None` for a sink that is sent none.
    pub fn compose(&self, notices: &[Notice], more: u64, key: &str) -> Option<String> {
        match self {
            Self::Slack(sink) => Some(sink.compose(notices, more)),
            Self::Teams(sink) => Some(sink.compose(notices, more)),
            Self::Email(sink) => Some(sink.compose(notices, more, key)),
            _ => None,
        }
    }

    /// Sends what was rendered or composed, once; returns a short note such as the status.
    ///
    /// # Errors
    ///
    /// [`SinkError::Retry`] if it may arrive later, [`SinkError::Reject`] if never.
    pub async fn deliver(&self, delivery: &RenderedDelivery<'_>) -> Result<String, SinkError> {
        match self {
            Self::Webhook(sink) => sink.deliver(delivery).await,
            Self::Jsonl(sink) => sink.deliver(delivery).await,
            Self::Kafka(sink) => sink.deliver(delivery).await,
            Self::Sentinel(sink) => sink.deliver(delivery).await,
            Self::Alertmanager(sink) => sink.deliver(delivery).await,
            Self::PagerDuty(sink) => sink.deliver(delivery).await,
            Self::Slack(sink) => sink.deliver(delivery).await,
            Self::Teams(sink) => sink.deliver(delivery).await,
            Self::Email(sink) => sink.deliver(delivery).await,
        }
    }

    /// Returns how often it must be reminded of what is open; most need not.
    pub const fn reminded_every(&self) -> Option<Duration> {
        match self {
            Self::Alertmanager(sink) => Some(sink.every()),
            _ => None,
        }
    }

    /// Reminds it of what is open.
    ///
    /// # Errors
    ///
    /// Says why it could not be; it is reminded again in time.
    pub async fn remind(&self) -> Result<(), SinkError> {
        match self {
            Self::Alertmanager(sink) => sink.remind().await,
            _ => Ok(()),
        }
    }

    /// Tells it which alerts it had heard of were open before a restart.
    pub async fn resume(&self, alerts: impl Iterator<Item = Alert> + Send) {
        if let Self::Alertmanager(sink) = self {
            sink.resume(alerts).await;
        }
    }
}

/// A sink, what it is called, and which alerts it wants.
#[derive(Debug)]
pub struct Outlet {
    /// Its name in the configuration.
    pub name: String,
    /// The sink.
    pub sink: AnySink,
    /// Only alerts at least this bad.
    pub at_least: Option<Level>,
}
