//! The configuration file as a whole: the rooms' settings put together.
//!
//! Sources, sinks and outputs are tables by name (`[sources.kafka.orders]`), so a name can't be
//! given twice and every message can say which one it means.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::duration;
use crate::sources::Secret;

/// A whole configuration.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The data folder: store, key and tokens. On a local disk.
    pub data: Option<PathBuf>,
    /// The installation's key, if it is not to be made and kept in the data folder.
    pub key: Option<Secret>,
    /// Where logs come from.
    pub sources: Sources,
    /// What is hidden, and how.
    pub redaction: crate::redaction::Settings,
    /// How callers' addresses are told behind gateways.
    pub clients: crate::context::ClientSettings,
    /// What is known about apps, by their names in Azure.
    pub apps: BTreeMap<String, crate::context::AppSettings>,
    /// What is known about gateways, by their names in Azure.
    pub gateways: BTreeMap<String, crate::context::GatewaySettings>,
    /// What is known about keys, by what they are called here.
    pub keys: BTreeMap<String, crate::context::KeySettings>,
    /// What is known about origins.
    pub origins: BTreeMap<String, crate::context::OriginSettings>,
    /// Files that say more: exceptions, the inventory, places, lists of networks.
    pub context: crate::context::ContextSettings,
    /// Where the threat model comes from: what is intended, and what is configured.
    pub posture: crate::posture::PostureSettings,
    /// How events are evaluated.
    pub detection: Detection,
    /// How alerts behave.
    pub alerts: Alerts,
    /// Where alerts go.
    pub sinks: super::Sinks,
    /// Which alerts go to which sinks, and when; the first that fits counts.
    pub routes: Vec<crate::sinks::Route>,
    /// Where the redacted stream goes.
    pub redacted: Redacted,
    /// The pages.
    pub dashboard: Dashboard,
    /// The sign of life to an outside dead-man's switch.
    pub heartbeat: Option<Heartbeat>,
    /// How much is kept, and for how long.
    pub store: crate::store::Settings,
}

/// Where logs come from.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sources {
    /// Kafka clusters and Event Hubs namespaces, by name.
    pub kafka: BTreeMap<String, crate::sources::KafkaSettings>,
    /// Files, by name.
    pub file: BTreeMap<String, crate::sources::FileSettings>,
    /// Programs that send over HTTP, by name.
    pub http: BTreeMap<String, Http>,
}

/// Programs that send over HTTP.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where `POST /v1/ingest` and `POST /v1/logs` (OTLP) are taken; each sender needs a token.
    pub listen: SocketAddr,
    /// How much is taken in, and kept until it is read.
    pub limits: crate::sources::HttpSettings,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8322)), limits: crate::sources::HttpSettings::default() }
    }
}

/// How events are evaluated.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// How far out of order events may be; alerts wait this long.
    #[serde(with = "duration")]
    pub lateness: Duration,
    /// How long a category that has gone quiet in a busy partition holds detectors back.
    #[serde(with = "duration")]
    pub idle: Duration,
    /// With nothing arriving for this long, and everything read, what waits is evaluated; after
    /// five minutes event time follows the clock.
    #[serde(with = "duration")]
    pub silence: Duration,
    /// A folder of detectors instead of the shipped ones.
    pub detectors: Option<PathBuf>,
    /// Folders of Sigma rules that run beside them.
    pub sigma: Vec<PathBuf>,
    /// What the placeholders of Sigma rules stand for, by their names without `%`.
    pub sigma_placeholders: crate::detection::sigma::Placeholders,
    /// Workers; 0 is one for each processor.
    pub threads: usize,
    /// Entities that one detector follows at most.
    pub max_entities: usize,
    /// Megabytes of redacted records that waiting events may hold as evidence.
    pub max_waiting_megabytes: usize,
    /// How long a record is remembered, so that its second delivery counts for nothing.
    #[serde(with = "duration")]
    pub duplicates_window: Duration,
    /// How many records are remembered for that at most.
    pub max_remembered: usize,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            lateness: Duration::from_secs(30),
            idle: Duration::from_mins(5),
            silence: Duration::from_secs(30),
            detectors: None,
            sigma: Vec::new(),
            sigma_placeholders: BTreeMap::new(),
            threads: 0,
            max_entities: 200_000,
            max_waiting_megabytes: 256,
            duplicates_window: Duration::from_mins(10),
            max_remembered: 1_000_000,
        }
    }
}

/// How alerts behave.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alerts {
    /// Updates of one alert are at least this far apart in event time.
    #[serde(with = "duration")]
    pub update_every: Duration,
    /// Trouble that comes back this soon after it went quiet reopens its alert.
    #[serde(with = "duration")]
    pub cooldown: Duration,
    /// Nobody is told of alerts whose last event is older than this where a first start reads the
    /// past; what is read late because Gatewatch or a source was away is told.
    #[serde(with = "duration")]
    pub notify_max_age: Duration,
    /// Alerts that are kept open at a time at most.
    pub max_open: usize,
    /// Alerts that make others not worth telling while they are open.
    pub inhibit: Vec<crate::alerts::Inhibition>,
    /// Times that come again, in which nobody is told of some alerts.
    pub maintenance: Vec<crate::alerts::Maintenance>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            update_every: Duration::from_mins(1),
            cooldown: Duration::from_hours(1),
            notify_max_age: Duration::from_hours(6),
            max_open: 10_000,
            inhibit: Vec::new(),
            maintenance: Vec::new(),
        }
    }
}

/// Where the redacted stream goes.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redacted {
    /// A Kafka topic.
    pub kafka: Option<RedactedKafka>,
    /// A file, one message a line, and FILE.positions beside it.
    pub file: Option<PathBuf>,
}

/// A Kafka topic for the redacted stream.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RedactedKafka {
    /// The topic; it must exist.
    pub topic: String,
    /// `host:port`, comma-separated.
    pub brokers: String,
    /// Plain Kafka, or Azure Event Hubs.
    #[serde(default)]
    pub profile: crate::sources::Profile,
    /// How to prove who we are.
    #[serde(default)]
    pub security: crate::sources::Security,
    /// Any other setting of librdkafka.
    #[serde(default)]
    pub advanced: BTreeMap<String, String>,
}

/// The pages.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dashboard {
    /// Where it listens; anything but loopback demands a way to tell who comes in, and TLS.
    pub listen: SocketAddr,
    /// The address people use, for links in notifications.
    pub external_url: Option<String>,
    /// Further names it is called by, such as a service's name in a cluster.
    pub hosts: Vec<String>,
    /// `/metrics` is shown without a token, also where pages are not.
    pub open_metrics: bool,
    /// A proxy in front of it ends TLS, so that nothing goes in the clear to others.
    pub behind_tls_proxy: bool,
    /// Proxies that are believed about whom they speak for (`X-Forwarded-For`).
    pub trusted_proxies: crate::access::Networks,
    /// Its own TLS.
    pub tls: Option<crate::access::TlsSettings>,
    /// Programs that show a JWT of an identity provider.
    pub jwt: Option<crate::access::JwtSettings>,
    /// People who sign in with an identity provider.
    pub oidc: Option<crate::access::OidcSettings<Secret>>,
    /// People whom App Service has signed in.
    pub easy_auth: Option<crate::access::EasyAuthSettings>,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8321)),
            external_url: None,
            hosts: Vec::new(),
            open_metrics: false,
            behind_tls_proxy: false,
            trusted_proxies: crate::access::Networks::default(),
            tls: None,
            jwt: None,
            oidc: None,
            easy_auth: None,
        }
    }
}

impl Dashboard {
    /// Tells whether what others send is encrypted on its way, by us or by a proxy.
    pub fn encrypted(&self) -> bool {
        self.tls.is_some() || self.behind_tls_proxy
    }
}

/// The sign of life.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// What to call while everything is well.
    pub url: String,
    /// How often.
    #[serde(with = "duration", default = "each_minute")]
    pub every: Duration,
}

fn each_minute() -> Duration {
    Duration::from_mins(1)
}
