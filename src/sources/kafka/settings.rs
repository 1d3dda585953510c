//! What does the configuration say about a Kafka cluster or an Event Hubs namespace?
//!
//! One [`KafkaSettings`] is one cluster; several stand side by side, each with its own name. What
//! the reader's promises rest on can't be set: positions are Gatewatch's own, not the broker's.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::sources::{Secret, Start};

/// A Kafka cluster or Event Hubs namespace to read from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaSettings {
    /// Where the cluster is: `host:port`, several with commas. Event Hubs: `NAMESPACE.servicebus.windows.net:9093`.
    pub brokers: String,
    /// The topics (Event Hubs: the hubs) to read: names, or patterns as `/regex/`.
    pub topics: Vec<String>,
    /// The consumer group. On Event Hubs it is namespace-wide: let nothing else use it.
    #[serde(default = "default_group")]
    pub group: String,
    /// Plain Kafka, or Azure Event Hubs with the settings that it needs.
    #[serde(default)]
    pub profile: Profile,
    /// Where to begin a partition at the very first start. (`latest` or a time: a group that has
    /// committed positions goes on at those.)
    #[serde(default)]
    pub start: Start,
    /// How to prove who we are, and who the broker is.
    #[serde(default)]
    pub security: Security,
    /// A name of this reader that stays the same over restarts (static membership): the broker then
    /// waits for it to come back instead of moving its partitions. One reader at a time may use it.
    /// Left out: `gatewatch-` and the source's name; on Event Hubs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Further settings of librdkafka, by their names there. Those that the reader rests on are
    /// refused. What they say is never shown.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub advanced: BTreeMap<String, String>,
}

/// What kind of cluster it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Apache Kafka or what speaks like it.
    #[default]
    Kafka,
    /// Azure Event Hubs' Kafka endpoint (Standard, Premium or Dedicated): TLS always; `password` alone
    /// is a connection string.
    EventHubs,
}

/// How we and the broker prove who we are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// How to log in; without it, not at all (Event Hubs: `plain`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sasl: Option<Sasl>,
    /// The user, or the client id with `oauthbearer`. Event Hubs with `plain`: leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password, the connection string (Event Hubs), or the client secret with `oauthbearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Where `oauthbearer` gets its token, such as
    /// `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`. Left out together with
    /// `password`, the token is that of the machine's managed identity (Azure IMDS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    /// What `oauthbearer` asks a token for. Event Hubs: left out, the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The authorities to trust, PEM, for a cluster with a private one; else those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether to encrypt. Event Hubs: always.
    pub tls: bool,
}

/// A way to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sasl {
    /// User and password in the clear: with TLS only.
    Plain,
    /// SCRAM with SHA-256.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-512.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
    /// A token of OpenID Connect, such as Microsoft Entra's.
    #[serde(rename = "oauthbearer")]
    OAuthBearer,
}

impl Sasl {
    /// Returns the mechanism's name in the protocol.
    pub(super) const fn mechanism(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OAuthBearer => "OAUTHBEARER",
        }
    }
}

impl KafkaSettings {
    /// Returns settings that read `topics` of `brokers`, all else as it is by default.
    pub fn new(brokers: impl Into<String>, topics: &[&str]) -> Self {
        Self {
            brokers: brokers.into(),
            topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
            group: default_group(),
            profile: Profile::default(),
            start: Start::default(),
            security: Security::default(),
            instance: None,
            advanced: BTreeMap::new(),
        }
    }

    /// Returns the instance as which the source called `source` reads.
    ///
    /// Two sources of one daemon may read one cluster in one group, so each has its own.
    pub fn instance_of(&self, source: &str) -> Option<String> {
        if let Some(instance) = &self.instance {
            return Some(instance.clone()).filter(|instance| !instance.is_empty());
        }
        // Brokers take what a topic may be called, and no more of it.
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let name = || format!("gatewatch-{source}").chars().map(plain).take(249).collect();
        (self.profile == Profile::Kafka).then(name)
    }
}

fn default_group() -> String {
    "gatewatch".to_owned()
}
