//! How often does a detector fire, day by day?
//!
//! Thirty bars in a picture that needs no script, the newest day last, and the rate in words. As many as days.

use super::super::words::{grouped, rate};

/// Days that are counted.
pub(super) const DAYS: u32 = 30;
const WIDTH: u32 = 4;
const HEIGHT: u32 = 20;

/// Alerts by day.
pub(super) struct Days {
    /// Where each day's bar begins, from the left and from the top, and how tall it is.
    pub(super) bars: Vec<(u32, u32, u32)>,
    pub(super) says: String,
    /// `1.4 a day`.
    pub(super) rate: String,
}

impl Days {
    pub(super) const WIDTH: u32 = WIDTH * DAYS;
    pub(super) const HEIGHT: u32 = HEIGHT;

    /// Returns what `counts` come to, the oldest day first; `None` of nothing.
    pub(super) fn of(counts: &[u64]) -> Option<Self> {
        let most = counts.iter().copied().max().filter(|most| *most > 0)?;
        let bars = counts.iter().zip(0..).filter(|(count, _)| **count > 0).map(|(count, day)| {
            // What is there is seen, however little.
            let tall = u32::try_from(count * u64::from(HEIGHT) / most).unwrap_or(HEIGHT).max(2);
            (day * WIDTH, HEIGHT - tall, tall)
        });
        let all: u64 = counts.iter().sum();
        let with = counts.iter().filter(|count| **count > 0).count();
        let alerts = if all == 1 { "1 alert".to_owned() } else { format!("{} alerts", grouped(all)) };
        let says = format!("{alerts} in {DAYS} days, on {with} of them; at most {} a day", grouped(most));
        let a_day = all as f64 / f64::from(DAYS);
        let rate = if a_day < 0.05 { "under 0.1 a day".to_owned() } else { format!("{} a day", rate(a_day)) };
        Some(Self { bars: bars.collect(), says, rate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_with_an_alert_is_a_bar_that_is_seen() {
        let mut counts = vec![0; 30];
        (counts[0], counts[29]) = (1, 100);
        let days = Days::of(&counts).unwrap();
        assert_eq!(days.bars, [(0, 18, 2), (116, 0, 20)]);
        assert_eq!(days.says, "101 alerts in 30 days, on 2 of them; at most 100 a day");
        assert_eq!(days.rate, "3.4 a day");
        assert!(Days::of(&[0; 30]).is_none());
    }
}
