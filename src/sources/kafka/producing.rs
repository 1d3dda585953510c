//! How does the redacted stream's producer reach a cluster?
//!
//! Brokers, security and profile mean the same for writing as for reading; what only a consumer
//! knows is left out.

use super::KafkaSettings;
use super::properties::Properties;

/// What a producer shares with a consumer, by name or by the beginning of its name.
const SHARED: [&str; 8] = [
    "bootstrap.servers",
    "client.id",
    "security.protocol",
    "ssl.",
    "sasl.",
    "socket.",
    "connections.max.idle.ms",
    "topic.metadata.refresh.interval.ms",
];

/// Returns librdkafka's settings for a producer to the cluster that `settings` name; topics and
/// group are not looked at. `env` looks up variables that secrets name.
///
/// # Errors
///
/// Says what to mend in the settings.
pub fn producer_properties(
    settings: &KafkaSettings,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, String> {
    let reader = KafkaSettings {
        topics: vec!["unused".into()],
        advanced: std::collections::BTreeMap::default(),
        ..settings.clone()
    };
    let mut pairs = Properties::of(&reader, "", env)?.pairs;
    pairs.retain(|(name, _)| SHARED.iter().any(|shared| name.starts_with(shared)));
    pairs.extend(settings.advanced.clone());
    Ok(pairs)
}
