//! Where does a stream begin that was never read before?
//!
//! Only the first time: after that the store's resume points alone count.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::Timestamp;

/// Where to begin a stream that has no resume point: `"earliest"`, `"latest"`, or a time as RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the first message that is still there.
    Earliest,
    /// At what comes from now on.
    #[default]
    Latest,
    /// At the first message the broker took in at this time or later; in files, as `earliest`.
    At(Timestamp),
}

impl Serialize for Start {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Earliest => to.serialize_str("earliest"),
            Self::Latest => to.serialize_str("latest"),
            Self::At(at) => to.collect_str(at),
        }
    }
}

impl<'de> Deserialize<'de> for Start {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.as_str() {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            time => Timestamp::parse_rfc3339(time).map(Self::At).ok_or_else(|| {
                serde::de::Error::custom(
                    "expected \"earliest\", \"latest\", or a time such as \"2026-11-23T14:00:00Z\"",
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_or_a_time() {
        let read = |text: &str| serde_json::from_value::<Start>(text.into());
        assert_eq!(read("earliest").unwrap(), Start::Earliest);
        assert_eq!(read("1970-01-01T00:00:05Z").unwrap(), Start::At(Timestamp::from_seconds(5)));
        assert!(read("yesterday").unwrap_err().to_string().contains("expected \"earliest\""));
        assert_eq!(serde_json::to_value(Start::At(Timestamp::from_seconds(5))).unwrap(), "1970-01-01T00:00:05Z");
    }
}
