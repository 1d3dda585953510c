//! What went wrong with a broker, and what should a person do about it?
//!
//! librdkafka reports a code and a text for experts. Each kind of trouble that people really meet
//! gets a sentence that says what, where and how to mend; the library's own words follow in
//! brackets, with every secret hidden.

use rdkafka::types::RDKafkaErrorCode as Code;

use crate::sources::SourceError;
use crate::sources::secret::hide;

use super::pattern;
use super::settings::{KafkaSettings, Profile};

/// Explains the errors of one cluster.
pub(super) struct Explainer {
    brokers: String,
    group: String,
    hubs: bool,
    /// The patterns among the topics, as librdkafka has them.
    patterns: Vec<String>,
    secrets: Vec<String>,
}

impl Explainer {
    pub(super) fn new(settings: &KafkaSettings, secrets: Vec<String>) -> Self {
        Self {
            brokers: settings.brokers.clone(),
            group: settings.group.clone(),
            hubs: settings.profile == Profile::EventHubs,
            patterns: settings
                .topics
                .iter()
                .map(|topic| pattern(topic))
                .filter(|topic| topic.starts_with('^'))
                .collect(),
            secrets,
        }
    }

    /// Returns `code` with librdkafka's own words `reason` as an error for people.
    pub(super) fn explain(&self, code: Code, reason: &str) -> SourceError {
        let brokers = &self.brokers;
        let (fatal, text) = match code {
            Code::Authentication | Code::SaslAuthenticationFailed => (true, self.refused()),
            Code::UnsupportedSASLMechanism | Code::IllegalSASLState => (
                true,
                format!("The broker {brokers} does not log in that way: choose another `security.sasl` (it names those it knows)."),
            ),
            Code::SSL => (true, self.tls(reason)),
            Code::Resolve => (
                false,
                format!("No host is known by the name in `brokers` ({brokers}): check its spelling, and DNS on this machine."),
            ),
            Code::TopicAuthorizationFailed => (true, self.topic_forbidden()),
            Code::GroupAuthorizationFailed => (
                true,
                format!("{brokers} does not let this user read as the consumer group {}: allow Read on that group, or choose another `group`.", self.group),
            ),
            Code::ClusterAuthorizationFailed => {
                (true, format!("{brokers} does not let this user in: allow Describe on the cluster."))
            }
            Code::FencedInstanceId | Code::UnreleasedInstanceId => (
                true,
                "Another running daemon uses the same `instance` name in this group: give each its own, or stop the other.".to_owned(),
            ),
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition => (
                false,
                self.no_match(reason).unwrap_or_else(|| {
                    format!("A topic that was being read is gone from {brokers}: it is read again as soon as it is there.")
                }),
            ),
            Code::InconsistentGroupProtocol => (
                true,
                format!("Other members of the consumer group {} assign partitions in another way: give Gatewatch a `group` of its own.", self.group),
            ),
            Code::InvalidSessionTimeout => {
                (true, "The broker refuses `session.timeout.ms`: set it in `advanced` to what the broker allows.".to_owned())
            }
            _ if reason.contains("security.protocol") || reason.contains("SSL handshake") || reason.contains("SSL_HANDSHAKE") => (false, self.protocol()),
            Code::AllBrokersDown | Code::BrokerTransportFailure | Code::OperationTimedOut => (false, format!("No broker answers at {brokers}: check `brokers`, that it runs, and that no firewall is between.")),
            _ => (false, format!("{brokers} reports trouble; Gatewatch goes on trying.")),
        };
        let text = format!("{text} [{}: {}]", name(code), self.hidden(reason));
        if fatal { SourceError::Fatal(text) } else { SourceError::Transient(text) }
    }

    /// Returns the error for topics that the cluster does not show.
    pub(super) fn no_topic(&self, missing: &[String]) -> SourceError {
        let what = if self.hubs { "event hub" } else { "topic" };
        SourceError::Fatal(format!(
            "There is no {what} {} at {}, or this user may not see it: check `topics`, create it, or allow Describe and Read on it.",
            missing.join(", "),
            self.brokers
        ))
    }

    /// Says what a partition is that ends before the position to resume at.
    pub(super) fn recreated(&self, topic: &str, partition: i32, ours: i64, low: i64, high: i64) -> String {
        format!(
            "{topic}/{partition} at {} ends at offset {high} (it begins at {low}), but Gatewatch has read up to {ours}: the topic \
             was deleted and made anew, or its broker lost data. Nothing is read from it until you decide; other topics are read \
             on. To read it from its start, move the topic from this source's `topics` to a new source with a name of its own and \
             start = \"earliest\".",
            self.brokers
        )
    }

    /// Says that a pattern stands for nothing at all, if `reason` is about one.
    fn no_match(&self, reason: &str) -> Option<String> {
        let pattern = self.patterns.iter().find(|pattern| reason.contains(pattern.as_str()))?;
        let what = if self.hubs { "event hub" } else { "topic" };
        Some(format!(
            "No {what} matches {pattern} at {}, or this user may not see one: check `topics`. One that comes is read as soon as \
             it is there.",
            self.brokers
        ))
    }

    /// Returns `text` without secrets, in one line of bounded length.
    pub(super) fn hidden(&self, text: &str) -> String {
        let text = hide(text, &self.secrets);
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
    }

    fn refused(&self) -> String {
        let mend = if self.hubs {
            "check that the connection string is complete, of this namespace, and of a policy with Listen"
        } else {
            "check `security.username`, `security.password` and `security.sasl`"
        };
        format!("The broker {} refused the login: {mend}.", self.brokers)
    }

    fn topic_forbidden(&self) -> String {
        let mend = if self.hubs {
            "check the hub's spelling, that the policy has Listen, and that the namespace is not of the Basic tier"
        } else {
            "allow Read and Describe on it, or check its spelling"
        };
        format!("{} does not let this user read a topic: {mend}.", self.brokers)
    }

    fn tls(&self, reason: &str) -> String {
        let brokers = &self.brokers;
        if reason.contains("certificate verify failed")
            || reason.contains("self-signed")
            || reason.contains("self signed")
        {
            return format!(
                "The certificate of {brokers} is not signed by an authority that is trusted here: set `security.ca_file` to the \
                 authority's certificate (PEM)."
            );
        }
        if reason.contains("hostname") || reason.contains("Hostname") || reason.contains("IP address mismatch") {
            return format!(
                "The certificate of {brokers} names another host: write `brokers` as the certificate does."
            );
        }
        self.protocol()
    }

    fn protocol(&self) -> String {
        format!(
            "{} and Gatewatch do not speak the same protocol: check that `security.tls` and `security.sasl` are as that port \
             wants them (a port with TLS and one without are never the same).",
            self.brokers
        )
    }
}

fn name(code: Code) -> String {
    format!("{code:?}")
}

/// Tells how much `code` says: the best of several errors is the one to explain.
pub(super) fn weight(code: Code) -> u8 {
    match code {
        Code::AllBrokersDown | Code::OperationTimedOut => 0,
        Code::BrokerTransportFailure => 1,
        Code::Resolve => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explainer() -> Explainer {
        Explainer::new(&KafkaSettings::new("broker:9092", &["logs"]), vec!["hunter22".to_owned()])
    }

    #[test]
    fn a_refused_login_is_fatal_and_hides_the_password() {
        let error = explainer().explain(Code::Authentication, "SASL: bad password hunter22");
        assert!(matches!(error, SourceError::Fatal(_)));
        let text = error.to_string();
        assert!(
            text.contains("security.password") && text.contains("[hidden]") && !text.contains("hunter22"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_authority_is_told_where_to_name_it() {
        let text = explainer()
            .explain(Code::SSL, "certificate verify failed: broker certificate could not be verified")
            .to_string();
        assert!(text.contains("security.ca_file"), "{text}");
    }

    #[test]
    fn a_pattern_that_stands_for_nothing_is_not_a_topic_that_is_gone() {
        let explainer = Explainer::new(&KafkaSettings::new("broker:9092", &["logs", "/^nothing-.*/"]), Vec::new());
        let reason = "Subscribed topic not available: ^nothing-.*: Broker: Unknown topic or partition";
        let text = explainer.explain(Code::UnknownTopicOrPartition, reason).to_string();
        assert!(text.contains("No topic matches ^nothing-.* at broker:9092") && !text.contains("gone"), "{text}");
        let reason = "Subscribed topic not available: logs: Broker: Unknown topic or partition";
        let text = explainer.explain(Code::UnknownTopicOrPartition, reason).to_string();
        assert!(text.contains("is gone from broker:9092"), "{text}");
    }

    #[test]
    fn a_broker_that_is_away_may_come_back() {
        let error = explainer().explain(Code::BrokerTransportFailure, "Connect failed: Connection refused");
        assert!(matches!(error, SourceError::Transient(_)) && error.to_string().contains("broker:9092"));
    }

    #[test]
    fn a_port_of_the_other_protocol_is_told_apart_from_one_that_is_away() {
        let reason = "Disconnected: might be caused by incorrect security.protocol configuration";
        assert!(explainer().explain(Code::BrokerTransportFailure, reason).to_string().contains("security.tls"));
    }
}
