//! How do people say a number, and a span of time?

use std::fmt::Write as _;
use std::time::Duration;

/// Returns a span as people say it, its two largest units: `4 min 12 s`.
pub fn in_words(span: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let seconds = span.as_secs();
    let Some(largest) = UNITS.iter().position(|&(size, _)| seconds >= size) else {
        return "less than a second".to_owned();
    };
    let (size, unit) = UNITS[largest];
    let mut words = format!("{} {unit}", seconds / size);
    if let Some(&(smaller, unit)) = UNITS.get(largest + 1)
        && seconds % size / smaller > 0
    {
        // Writing to a String cannot fail.
        let _ = write!(words, " {} {unit}", seconds % size / smaller);
    }
    words
}

/// Returns the shortest span of those that people say which is longer than `span`.
pub fn beyond(span: Duration) -> Duration {
    let step = step(span);
    Duration::from_secs((span.as_secs() / step + 1).saturating_mul(step))
}

/// Returns `span` without what people do not say of it.
pub fn cut(span: Duration) -> Duration {
    Duration::from_secs(span.as_secs() / step(span) * step(span))
}

/// Returns the smaller of the two units in which people say it, in seconds.
const fn step(span: Duration) -> u64 {
    match span.as_secs() {
        86_400.. => 3_600,
        3_600.. => 60,
        _ => 1,
    }
}

/// Returns a number as people say it: whole where it is, else with two digits that matter.
pub fn amount(number: f64) -> String {
    if number.fract() == 0.0 || number.abs() >= 100.0 {
        format!("{number:.0}")
    } else if number.abs() >= 1.0 {
        let text = format!("{number:.1}");
        text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
    } else {
        format!("{number:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let said = [0, 1, 59, 60, 3_599, 3_600, 90_061].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(said, ["less than a second", "1 s", "59 s", "1 min", "59 min 59 s", "1 h", "1 d 1 h"]);
    }

    #[test]
    fn a_span_that_is_longer_is_longer_as_it_is_said() {
        for seconds in [0, 59, 60, 3_599, 3_600, 86_399, 90_061, 1_000_000] {
            let span = Duration::from_millis(seconds * 1_000 + 500);
            let more = beyond(span);
            assert!(more > span && cut(more) == more && in_words(more) != in_words(span), "{seconds}");
            assert_eq!(in_words(cut(span)), in_words(span));
        }
    }

    #[test]
    fn a_number_shows_what_matters_of_it() {
        assert_eq!([20.0, 62.5, 62.04, 0.333, 1234.5].map(amount), ["20", "62.5", "62", "0.33", "1234"]);
    }
}
