//! Where do alerts go? The tables `[sinks.KIND.NAME]`.
//!
//! Secrets are named by where they are, a file or a variable, and read when a sink is opened. The
//! address of a Slack or Teams channel is one, and a webhook's may hold one: none is ever shown.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::alerts::Level;
use crate::clock::duration;
use crate::sinks::{Encryption, Format, JsonlSettings};
use crate::sources::{KafkaSettings, Profile, Secret, Security};

/// Where alerts go.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sinks {
    /// Webhooks, by name.
    pub webhook: BTreeMap<String, Webhook>,
    /// Files of JSON lines, by name.
    pub jsonl: BTreeMap<String, JsonlSettings>,
    /// Slack channels, by name.
    pub slack: BTreeMap<String, Slack>,
    /// Channels of Microsoft Teams, by name.
    pub teams: BTreeMap<String, Teams>,
    /// Services of PagerDuty, by name.
    pub pagerduty: BTreeMap<String, PagerDuty>,
    /// Alertmanagers, by name.
    pub alertmanager: BTreeMap<String, Alertmanager>,
    /// Mail, by name.
    pub email: BTreeMap<String, Email>,
    /// Kafka topics, by name.
    pub kafka: BTreeMap<String, Kafka>,
    /// Tables of Microsoft Sentinel, by name.
    pub sentinel: BTreeMap<String, Sentinel>,
}

/// A webhook, and the secret it is signed with.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where to; it may hold a token, so it is not shown.
    pub url: Secret,
    /// The secret that the signature is made with; without one nothing is signed.
    #[serde(default)]
    pub secret: Option<Secret>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Whether private and loopback addresses may be called.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether a secret may go there without TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

/// A Slack channel.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// The incoming webhook's URL, which is a secret.
    pub url: Secret,
    /// The headline, with placeholders such as `{level}`.
    #[serde(default)]
    pub title: Option<String>,
    /// The text below it, likewise.
    #[serde(default)]
    pub text: Option<String>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Whether private and loopback addresses may be called.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether a secret may go there without TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

/// A channel of Microsoft Teams.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Teams {
    /// The workflow's URL, which is a secret.
    pub url: Secret,
    /// The headline, with placeholders such as `{level}`.
    #[serde(default)]
    pub title: Option<String>,
    /// The text below it, likewise.
    #[serde(default)]
    pub text: Option<String>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Whether private and loopback addresses may be called.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether a secret may go there without TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

/// A service of PagerDuty.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PagerDuty {
    /// The integration key of an Events API v2 integration.
    pub routing_key: Secret,
    /// Where events go, if not to PagerDuty in the US.
    #[serde(default)]
    pub url: Option<Secret>,
    /// The headline, with placeholders such as `{level}`.
    #[serde(default)]
    pub title: Option<String>,
    /// The text below it, likewise.
    #[serde(default)]
    pub text: Option<String>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Whether private and loopback addresses may be called.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether a secret may go there without TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

/// An Alertmanager.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// Its address, without `/api/v2`.
    pub url: Secret,
    /// The user to log in as.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// A token to log in with instead.
    #[serde(default)]
    pub token: Option<Secret>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Whether private and loopback addresses may be called.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether a secret may go there without TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

/// A mail server, and who writes to whom.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// The server's name.
    pub host: String,
    /// Its port: 587 with `starttls`, 465 with `tls`.
    #[serde(default)]
    pub port: Option<u16>,
    /// `starttls`, `tls` or `none`.
    #[serde(default)]
    pub tls: Encryption,
    /// The user to log in as.
    #[serde(default)]
    pub username: Option<String>,
    /// The user's password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Who writes.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// The headline, with placeholders such as `{level}`.
    #[serde(default)]
    pub title: Option<String>,
    /// The text below it, likewise.
    #[serde(default)]
    pub text: Option<String>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether the server may have a private address.
    #[serde(default)]
    pub allow_private: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

/// A Kafka topic for alerts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// The topic; it must exist.
    pub topic: String,
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// `ocsf` or `native`.
    #[serde(default = "ocsf")]
    pub format: Format,
    /// Plain Kafka, or Azure Event Hubs.
    #[serde(default)]
    pub profile: Profile,
    /// How to prove who we are.
    #[serde(default)]
    pub security: Security,
    /// Any other setting of librdkafka.
    #[serde(default)]
    pub advanced: BTreeMap<String, String>,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
}

impl Kafka {
    /// Returns the cluster that it writes to.
    pub(super) fn cluster(&self) -> KafkaSettings {
        KafkaSettings {
            profile: self.profile,
            security: self.security.clone(),
            advanced: self.advanced.clone(),
            ..KafkaSettings::new(self.brokers.clone(), &[])
        }
    }
}

/// A table of Microsoft Sentinel, by its data collection rule.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sentinel {
    /// The ingestion endpoint of the rule, or of a data collection endpoint.
    pub endpoint: String,
    /// The rule's immutable id, `dcr-…`.
    pub rule: String,
    /// The stream.
    #[serde(default = "stream")]
    pub stream: String,
    /// The tenant's id.
    pub tenant: String,
    /// The application's id.
    pub client: String,
    /// The application's client secret.
    pub secret: Secret,
    /// Where tokens come from, in a cloud of its own.
    #[serde(default = "authority")]
    pub authority: String,
    /// What a token is asked for, in a cloud of its own.
    #[serde(default = "scope")]
    pub scope: String,
    /// Only alerts at least this bad.
    #[serde(default)]
    pub at_least: Option<Level>,
    /// A certificate authority of your own, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// A proxy to go through, `http://host:port`.
    #[serde(default)]
    pub proxy: Option<Secret>,
    /// Whether private and loopback addresses may be called.
    #[serde(default)]
    pub allow_private: bool,
    /// Whether a secret may go there without TLS.
    #[serde(default)]
    pub allow_plain_http: bool,
    /// How long one delivery may take.
    #[serde(with = "duration", default = "half_a_minute")]
    pub timeout: Duration,
}

const fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

const fn ocsf() -> Format {
    Format::Ocsf
}

fn stream() -> String {
    "Custom-Gatewatch_CL".into()
}

fn authority() -> String {
    "https://login.microsoftonline.com".into()
}

fn scope() -> String {
    "https://monitor.azure.com/.default".into()
}

impl Sinks {
    /// Returns kind and name of every sink, and the least level it wants.
    pub fn named(&self) -> Vec<(&'static str, &str, Option<Level>)> {
        fn of<'s, S>(
            kind: &'static str,
            table: &'s BTreeMap<String, S>,
            least: fn(&S) -> Option<Level>,
        ) -> impl Iterator<Item = (&'static str, &'s str, Option<Level>)> {
            table.iter().map(move |(name, sink)| (kind, name.as_str(), least(sink)))
        }
        of("webhook", &self.webhook, |sink| sink.at_least)
            .chain(of("jsonl", &self.jsonl, |sink| sink.at_least))
            .chain(of("slack", &self.slack, |sink| sink.at_least))
            .chain(of("teams", &self.teams, |sink| sink.at_least))
            .chain(of("pagerduty", &self.pagerduty, |sink| sink.at_least))
            .chain(of("alertmanager", &self.alertmanager, |sink| sink.at_least))
            .chain(of("email", &self.email, |sink| sink.at_least))
            .chain(of("kafka", &self.kafka, |sink| sink.at_least))
            .chain(of("sentinel", &self.sentinel, |sink| sink.at_least))
            .collect()
    }

    /// Returns how many sinks there are.
    pub fn len(&self) -> usize {
        self.named().len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns every text of the owner's own: kind and name of its sink, which text, and the text.
    pub(super) fn texts(&self) -> Vec<[&str; 4]> {
        type Own = Option<String>;
        fn add<'s>(all: &mut Vec<[&'s str; 4]>, kind: &'s str, name: &'s str, title: &'s Own, text: &'s Own) {
            all.extend(title.as_deref().map(|title| [kind, name, "title", title]));
            all.extend(text.as_deref().map(|text| [kind, name, "text", text]));
        }
        let mut all = Vec::new();
        for (name, sink) in &self.slack {
            add(&mut all, "slack", name, &sink.title, &sink.text);
        }
        for (name, sink) in &self.teams {
            add(&mut all, "teams", name, &sink.title, &sink.text);
        }
        for (name, sink) in &self.pagerduty {
            add(&mut all, "pagerduty", name, &sink.title, &sink.text);
        }
        for (name, sink) in &self.email {
            add(&mut all, "email", name, &sink.title, &sink.text);
        }
        all
    }
}
