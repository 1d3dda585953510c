//! Figures and times as people read them: always UTC, always absolute with the relative beside it.

use std::time::Duration;

use crate::clock::Timestamp;

/// A point in time as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct When {
    /// For machines: RFC 3339.
    pub(super) iso: String,
    /// `14:03:07 UTC` today, else `2026-11-22 14:03:07 UTC`.
    pub(super) absolute: String,
    /// `3 min ago`.
    pub(super) ago: String,
}

impl When {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let (date, today) = (at.to_chrono(), now.to_chrono());
        let form = if date.date_naive() == today.date_naive() { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S UTC" };
        let ago = if at > now.plus(Duration::from_secs(2)) {
            format!("in {}", span(at.since(now)))
        } else {
            format!("{} ago", span(now.since(at)))
        };
        Self { iso: at.to_string(), absolute: date.format(form).to_string(), ago }
    }
}

/// Returns a length of time in its largest unit: `42 s`, `3 min`, `5 h`, `12 days`.
pub(super) fn span(length: Duration) -> String {
    match length.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", grouped(seconds / 86_400)),
    }
}

/// Returns a number with its thousands apart: `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a rate: one digit after the point below ten, whole above.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        rate if !rate.is_finite() || rate <= 0.0 => "0".into(),
        rate if rate < 10.0 => format!("{rate:.1}"),
        rate => grouped(rate.round() as u64),
    }
}

/// Returns bytes in a readable unit: `1.4 MB`.
pub(super) fn bytes(count: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut count = if count.is_finite() { count.max(0.0) } else { 0.0 };
    let mut unit = 0;
    while count >= 1_000.0 && unit < units.len() - 1 {
        count /= 1_000.0;
        unit += 1;
    }
    if unit == 0 || count >= 100.0 {
        format!("{count:.0} {}", units[unit])
    } else {
        format!("{count:.1} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_795_435_200);

    #[test]
    fn a_time_is_absolute_first_and_relative_beside_it() {
        let shown = When::new(NOON.minus(Duration::from_secs(187)), NOON);
        assert_eq!((shown.absolute.as_str(), shown.ago.as_str()), ("11:56:53 UTC", "3 min ago"));
        let yesterday = When::new(NOON.minus(Duration::from_hours(24)), NOON);
        assert_eq!((yesterday.absolute.as_str(), yesterday.ago.as_str()), ("2026-11-22 12:00:00 UTC", "24 h ago"));
        assert_eq!(When::new(NOON.plus(Duration::from_mins(1)), NOON).ago, "in 60 s");
        let _ = (When::new(Timestamp::MIN, Timestamp::MAX), When::new(Timestamp::MAX, Timestamp::MIN));
    }

    #[test]
    fn figures_are_grouped_and_rounded() {
        assert_eq!((grouped(0), grouped(999), grouped(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!(
            (rate(0.0), rate(3.25), rate(12_345.6), rate(f64::NAN)),
            ("0".into(), "3.2".into(), "12,346".into(), "0".into())
        );
        assert_eq!(
            (bytes(999.0), bytes(1_440_000.0), bytes(234_000.0)),
            ("999 B".into(), "1.4 MB".into(), "234 kB".into())
        );
    }
}
