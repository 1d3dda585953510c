//! Would librdkafka take these settings? Without a client, which would connect.

use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;

use super::KafkaSettings;
use super::producing::producer_properties;
use super::properties::Properties;

/// What a cluster's settings are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A source.
    Read,
    /// An output.
    Write,
}

/// Tells whether a client could be made of `settings`; `env` looks up variables that secrets name.
///
/// # Errors
///
/// Says what to mend in them; no value is shown.
pub fn try_kafka(
    settings: &KafkaSettings,
    purpose: Purpose,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    let pairs = match purpose {
        Purpose::Read => Properties::of(settings, "tried", env)?.pairs,
        Purpose::Write => producer_properties(settings, env)?,
    };
    let mut config = ClientConfig::new();
    for (name, value) in pairs {
        config.set(name, value);
    }
    config.create_native_config().map(drop).map_err(|error| match error {
        // Without the value: it may be a password.
        KafkaError::ClientConfig(_, says, name, value) if value.len() > 1 => {
            format!("`advanced.{name}`: {}", says.replace(&value, "…"))
        }
        KafkaError::ClientConfig(_, says, name, _) => format!("`advanced.{name}`: {says}"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_librdkafka_does_not_know_or_take_is_told_without_its_value() {
        let of = |name: &str, value: &str, purpose| {
            let mut settings = KafkaSettings::new("localhost:9092", &["logs"]);
            settings.advanced.insert(name.into(), value.into());
            try_kafka(&settings, purpose, &|_| None)
        };
        for purpose in [Purpose::Read, Purpose::Write] {
            assert_eq!(of("socket.timeout.ms", "6000", purpose), Ok(()));
            let unknown = of("sesion.timeout", "hunter2", purpose).unwrap_err();
            assert!(unknown.starts_with("`advanced.sesion.timeout`: ") && !unknown.contains("hunter2"), "{unknown}");
            let refused = of("socket.timeout.ms", "hunter2", purpose).unwrap_err();
            assert!(refused.starts_with("`advanced.socket.timeout.ms`: ") && !refused.contains("hunter2"), "{refused}");
        }
        assert!(of("sasl.password", "hunter2", Purpose::Read).unwrap_err().contains("use `security.password`"));
    }
}
