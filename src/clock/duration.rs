//! Lengths of time as people write them: `250ms`, `30s`, `10m`, `1h`, `7d`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Parses a length of time such as `30s`; `None` for anything but a whole number and a unit.
pub fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..unit_at].parse().ok()?;
    let millis: u64 = match text[unit_at..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Writes a length of time as [`parse`] reads it, in the largest unit that needs no fraction.
pub fn format(length: Duration) -> String {
    let millis = length.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", millis / unit),
        None => format!("{millis}ms"),
    }
}

/// Reads a length of time for `#[serde(with = "crate::clock::duration")]`.
///
/// # Errors
///
/// Says what a length of time looks like.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(from)?;
    parse(&text).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is no length of time: write a whole number and ms, s, m, h or d, such as \"30s\""
        ))
    })
}

/// Writes a length of time for `#[serde(with = "crate::clock::duration")]`.
///
/// # Errors
///
/// Only those of the serializer.
pub fn serialize<S: Serializer>(length: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&format(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_reads_back_as_it_was_written() {
        for text in ["250ms", "30s", "10m", "1h", "7d"] {
            assert_eq!(format(parse(text).expect(text)), text);
        }
        for text in ["", "s", "10", "-1s", "1.5h", "99999999999999999999d", "3 weeks"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
