//! Which of librdkafka's settings follow from ours?
//!
//! The profile decides; `advanced` is laid over it, but for the settings on which the reader's
//! promises rest, which are refused rather than ignored. Passwords are looked up here, once, and
//! remembered for one purpose: to hide them in error texts.

use std::fmt;

use super::settings::{KafkaSettings, Profile, Sasl};

/// Settings that `advanced` may not change, and what to do instead.
const OURS: [(&str, &str); 14] = [
    ("bootstrap.servers", "use `brokers`"),
    ("metadata.broker.list", "use `brokers`"),
    ("group.id", "use `group`"),
    ("group.instance.id", "use `instance`"),
    ("group.protocol", "the reader assigns partitions at its own positions, which the new protocol forbids"),
    ("enable.auto.commit", "positions are committed after each epoch"),
    ("enable.auto.offset.store", "positions are committed after each epoch"),
    ("auto.offset.reset", "use `start`; what the broker deleted is reported as a gap"),
    ("enable.partition.eof", "the reader needs to know where a partition ends"),
    ("statistics.interval.ms", "the reader's lag comes from them"),
    ("sasl.username", "use `security.username`"),
    ("sasl.password", "use `security.password`"),
    ("sasl.oauthbearer.client.secret", "use `security.password`"),
    ("enable.sasl.oauthbearer.unsecure.jwt", "it would accept a token that nobody signed"),
];

/// What librdkafka is told, and the secrets in it.
pub(super) struct Properties {
    pub(super) pairs: Vec<(String, String)>,
    pub(super) secrets: Vec<String>,
}

/// Names only: values may be secret.
impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

impl Properties {
    /// Returns what `settings` mean for the source called `source`, secrets looked up with `env`; or
    /// what to mend in them.
    pub(super) fn of(
        settings: &KafkaSettings,
        source: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let mut properties = Self { pairs: Vec::new(), secrets: Vec::new() };
        properties.reader(settings, source)?;
        properties.profile(settings.profile);
        properties.security(settings, env)?;
        for (name, value) in &settings.advanced {
            if let Some((_, instead)) = OURS.iter().find(|(ours, _)| ours == name) {
                return Err(format!("`advanced` may not set {name}: {instead}"));
            }
            properties.set(name, value);
        }
        Ok(properties)
    }

    fn set(&mut self, name: &str, value: &str) {
        self.pairs.retain(|(known, _)| known != name);
        self.pairs.push((name.to_owned(), value.to_owned()));
    }

    fn reader(&mut self, settings: &KafkaSettings, source: &str) -> Result<(), String> {
        if settings.brokers.trim().is_empty() {
            return Err("`brokers` is empty: expected host:port, several with commas".to_owned());
        }
        if settings.topics.is_empty() {
            return Err("`topics` is empty: expected names, or patterns as /regex/".to_owned());
        }
        if settings.group.is_empty() || settings.group.len() > 256 {
            return Err("`group` must have 1 to 256 characters".to_owned());
        }
        self.set("bootstrap.servers", settings.brokers.trim());
        self.set("group.id", &settings.group);
        // A daemon that was killed is still a member until its session ends; one that comes back
        // under the same name gets its partitions at once, without waiting for that.
        if let Some(instance) = settings.instance_of(source) {
            self.set("group.instance.id", &instance);
        }
        for (name, value) in [
            ("client.id", "gatewatch"),
            ("group.protocol", "classic"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "error"),
            ("enable.partition.eof", "true"),
            ("allow.auto.create.topics", "false"),
            ("check.crcs", "true"),
            ("statistics.interval.ms", "1000"),
            ("session.timeout.ms", "30000"),
            ("heartbeat.interval.ms", "3000"),
            ("max.poll.interval.ms", "300000"),
            ("fetch.queue.backoff.ms", "50"),
            ("fetch.message.max.bytes", "1048576"),
            ("queued.max.messages.kbytes", "65536"),
            ("queued.min.messages", "50000"),
            ("socket.keepalive.enable", "true"),
        ] {
            self.set(name, value);
        }
        Ok(())
    }

    fn profile(&mut self, profile: Profile) {
        let pairs: &[(&str, &str)] = match profile {
            Profile::Kafka => &[
                ("partition.assignment.strategy", "cooperative-sticky"),
                ("fetch.wait.max.ms", "100"),
                // New partitions and topics of a pattern are seen within a minute, not five.
                ("topic.metadata.refresh.interval.ms", "60000"),
            ],
            Profile::EventHubs => &[
                ("partition.assignment.strategy", "range"),
                // Azure drops what is idle for 240 s, and librdkafka's own default for Azure
                // does not know servicebus.windows.net.
                ("connections.max.idle.ms", "180000"),
                ("metadata.max.age.ms", "180000"),
                ("topic.metadata.refresh.interval.ms", "60000"),
                ("socket.timeout.ms", "60000"),
            ],
        };
        for (name, value) in pairs {
            self.set(name, value);
        }
    }

    fn security(&mut self, settings: &KafkaSettings, env: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
        let security = &settings.security;
        let hubs = settings.profile == Profile::EventHubs;
        let sasl = security.sasl.or(hubs.then_some(Sasl::Plain));
        let tls = security.tls || hubs;
        let protocol = match (sasl.is_some(), tls) {
            (true, true) => "sasl_ssl",
            (true, false) => "sasl_plaintext",
            (false, true) => "ssl",
            (false, false) => "plaintext",
        };
        self.set("security.protocol", protocol);
        if tls {
            let authorities = match &security.ca_file {
                None => "probe".to_owned(),
                Some(file) => match std::fs::File::open(file) {
                    Ok(_) => file.display().to_string(),
                    Err(error) => {
                        return Err(format!("`security.ca_file` {} could not be read: {error}", file.display()));
                    }
                },
            };
            self.set("ssl.ca.location", &authorities);
        } else if security.ca_file.is_some() {
            return Err("`security.ca_file` is given, but `security.tls` is not on".to_owned());
        }
        let Some(sasl) = sasl else {
            if security.username.is_some() || security.password.is_some() {
                return Err("a user or password is given, but `security.sasl` does not say how to log in: \
                            expected plain, scram-sha-256, scram-sha-512 or oauthbearer"
                    .to_owned());
            }
            return Ok(());
        };
        self.set("sasl.mechanism", sasl.mechanism());
        let password = security.password.as_ref().map(|secret| secret.resolve(env)).transpose();
        let password = password.map_err(|error| format!("`security.password`: {error}"))?;
        self.secrets.extend(password.clone());
        if sasl == Sasl::OAuthBearer {
            return self.oauth(settings, password);
        }
        let user = security.username.clone().or_else(|| hubs.then(|| "$ConnectionString".to_owned()));
        let user = user.ok_or("`security.username` is missing")?;
        let password = password.ok_or("`security.password` is missing")?;
        if hubs && user == "$ConnectionString" && !password.contains("SharedAccessKey=") {
            return Err("`security.password` is no connection string: Event Hubs expects \
                        Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…, from a policy with Listen"
                .to_owned());
        }
        // The key alone must not show either, if somebody quotes only part of the string.
        self.secrets.extend(
            password
                .split_once("SharedAccessKey=")
                .map(|(_, key)| key.split(';').next().unwrap_or_default().to_owned()),
        );
        self.set("sasl.username", &user);
        self.set("sasl.password", &password);
        Ok(())
    }

    fn oauth(&mut self, settings: &KafkaSettings, password: Option<String>) -> Result<(), String> {
        let security = &settings.security;
        let host = settings.brokers.split([':', ',']).next().unwrap_or_default();
        self.set("sasl.oauthbearer.method", "oidc");
        self.set("https.ca.location", "probe");
        match (&security.token_url, password) {
            (None, None) => {
                let client = security.username.as_ref().map(|id| format!("&client_id={id}")).unwrap_or_default();
                self.set("sasl.oauthbearer.metadata.authentication.type", "azure_imds");
                let query = format!("query=api-version=2018-02-01&resource=https://{host}{client}");
                self.set("sasl.oauthbearer.config", &query);
            }
            (Some(url), Some(secret)) => {
                let id = security.username.as_ref().ok_or("`security.username` (the client id) is missing")?;
                self.set("sasl.oauthbearer.token.endpoint.url", url);
                self.set("sasl.oauthbearer.client.id", id);
                self.set("sasl.oauthbearer.client.secret", &secret);
                let namespace = settings.profile == Profile::EventHubs;
                let scope = security.scope.clone().or_else(|| namespace.then(|| format!("https://{host}/.default")));
                if let Some(scope) = scope {
                    self.set("sasl.oauthbearer.scope", &scope);
                }
            }
            _ => {
                return Err("oauthbearer needs `security.token_url` and `security.password` (the client secret), \
                            or neither for the machine's managed identity"
                    .to_owned());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::Secret;

    fn of(settings: &KafkaSettings) -> Result<Properties, String> {
        Properties::of(settings, "logs", &|_| None)
    }

    fn get<'p>(properties: &'p Properties, name: &str) -> Option<&'p str> {
        properties.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn hubs() -> KafkaSettings {
        let mut settings = KafkaSettings::new("example.servicebus.windows.net:9093", &["logs"]);
        settings.profile = Profile::EventHubs;
        let text = "Endpoint=sb://example.servicebus.windows.net/;SharedAccessKeyName=l;SharedAccessKey=fakefakefake=";
        settings.security.password = Some(Secret::Literal(text.to_owned()));
        settings
    }

    #[test]
    fn an_event_hub_needs_nothing_but_its_connection_string() {
        let properties = of(&hubs()).unwrap();
        assert_eq!(get(&properties, "security.protocol"), Some("sasl_ssl"));
        assert_eq!(get(&properties, "sasl.username"), Some("$ConnectionString"));
        assert_eq!(get(&properties, "connections.max.idle.ms"), Some("180000"));
        assert_eq!(get(&properties, "auto.offset.reset"), Some("error"));
        assert!(properties.secrets.contains(&"fakefakefake=".to_owned()));
        assert!(!format!("{properties:?}").contains("fakefake"));
    }

    #[test]
    fn a_key_where_a_connection_string_belongs_is_told_so_without_showing_it() {
        let mut settings = hubs();
        settings.security.password = Some(Secret::Literal("only-the-key".to_owned()));
        let error = of(&settings).unwrap_err();
        assert!(error.contains("Endpoint=sb://") && !error.contains("only-the-key"), "{error}");
    }

    #[test]
    fn a_managed_identity_asks_for_the_namespace() {
        let mut settings = hubs();
        settings.security.sasl = Some(Sasl::OAuthBearer);
        settings.security.password = None;
        let properties = of(&settings).unwrap();
        let query = "query=api-version=2018-02-01&resource=https://example.servicebus.windows.net";
        assert_eq!(get(&properties, "sasl.oauthbearer.config"), Some(query));
    }

    #[test]
    fn settings_the_reader_rests_on_are_refused_with_what_to_do_instead() {
        let mut settings = KafkaSettings::new("localhost:9092", &["logs"]);
        settings.advanced.insert("auto.offset.reset".into(), "latest".into());
        assert!(of(&settings).unwrap_err().contains("use `start`"));
    }

    #[test]
    fn advanced_settings_win_over_the_profile() {
        let mut settings = KafkaSettings::new("localhost:9092", &["logs"]);
        settings.advanced.insert("session.timeout.ms".into(), "6000".into());
        assert_eq!(get(&of(&settings).unwrap(), "session.timeout.ms"), Some("6000"));
    }

    #[test]
    fn each_source_is_a_member_of_its_own_and_stays_that_over_restarts() {
        let settings = KafkaSettings::new("localhost:9092", &["logs"]);
        assert_eq!(get(&of(&settings).unwrap(), "group.instance.id"), Some("gatewatch-logs"));
        assert_eq!(settings.instance_of("the logs").as_deref(), Some("gatewatch-the_logs"));
        assert_eq!(get(&of(&hubs()).unwrap(), "group.instance.id"), None);
        let named = KafkaSettings { instance: Some("one".to_owned()), ..hubs() };
        assert_eq!(get(&of(&named).unwrap(), "group.instance.id"), Some("one"));
    }

    #[test]
    fn a_private_authority_that_is_not_there_is_named() {
        let mut settings = KafkaSettings::new("localhost:9093", &["logs"]);
        settings.security.tls = true;
        settings.security.ca_file = Some("/nowhere/ca.pem".into());
        assert!(of(&settings).unwrap_err().contains("/nowhere/ca.pem"));
    }
}
