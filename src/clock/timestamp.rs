//! A point in time: nanoseconds since 1970, UTC.
//!
//! Azure writes seven digits of a second in most categories and nine in some, so nanoseconds lose
//! nothing; an `i64` of them reaches from 1677 to 2262. What is outside is clamped when parsed.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in event time or wall time, UTC, to the nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before every event.
    pub const MIN: Self = Self(i64::MIN);
    /// After every event.
    pub const MAX: Self = Self(i64::MAX);

    /// Returns the point `nanos` nanoseconds after 1970-01-01T00:00:00Z.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Returns the point `seconds` seconds after 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Returns the point `millis` milliseconds after 1970-01-01T00:00:00Z.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Returns nanoseconds since 1970-01-01T00:00:00Z.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Returns milliseconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns how long after `earlier` this is; zero if it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(if nanos > 0 { nanos.unsigned_abs() } else { 0 })
    }

    /// Returns this point moved later by `by`, at most to [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Returns this point moved earlier by `by`, at most to [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// Returns the end of the stretch of time in which this point lies, stretches of that length being
    /// counted from 1970; this point itself if there are none.
    #[must_use]
    pub fn end_of(self, stretch: Option<Duration>) -> Self {
        let Some(length) = stretch.and_then(|stretch| i64::try_from(stretch.as_nanos()).ok()) else { return self };
        if length == 0 { self } else { Self(self.0.div_euclid(length).saturating_add(1).saturating_mul(length)) }
    }

    /// Parses RFC 3339, as Gatewatch itself writes it; `None` for anything else.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let at = DateTime::parse_from_rfc3339(text).ok()?;
        at.timestamp_nanos_opt().map(Self)
    }

    /// Returns this point as a `chrono` date and time.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_nanos(self.0)
    }
}

/// Writes RFC 3339 in UTC with as many digits of a second as are needed (0, 3, 6 or 9).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl utoipa::ToSchema for Timestamp {}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            let text = String::deserialize(from)?;
            Self::parse_rfc3339(&text).ok_or_else(|| {
                serde::de::Error::custom("expected a time as RFC 3339 writes it, such as 2026-11-23T14:00:00Z")
            })
        } else {
            i64::deserialize(from).map(Self)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_prints_only_the_digits_it_has() {
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00Z");
        assert_eq!(Timestamp::from_nanos(1_500_000_000).to_string(), "1970-01-01T00:00:01.500Z");
        assert_eq!(Timestamp::from_nanos(1_000_000_100).to_string(), "1970-01-01T00:00:01.000000100Z");
    }

    #[test]
    fn time_arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX.plus(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::from_secs(1)), Timestamp::MIN);
        assert_eq!(Timestamp::from_seconds(1).since(Timestamp::from_seconds(5)), Duration::ZERO);
    }
}
