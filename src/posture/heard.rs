//! How much came of a category, when last, how late and how sampled?
//!
//! Lateness is the time from an event to its receipt. It is kept as a histogram by powers of two
//! whose counts fade, so that a bad hour long ago is forgotten. Of fixed size.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::telemetry::Category;

const BUCKETS: usize = 20;
/// Counts are halved beyond this many.
const FADES_AT: u32 = 256;

/// What came of one category from one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The category.
    pub category: Category,
    /// Records that came.
    pub records: u64,
    /// Events that they stand for, where sampling kept one of several.
    pub events: u64,
    /// The newest event time.
    pub newest: Timestamp,
    /// How late they came.
    pub late: Lateness,
}

impl Heard {
    /// Returns nothing of `category` yet.
    pub const fn nothing(category: Category) -> Self {
        Self {
            category,
            records: 0,
            events: 0,
            newest: Timestamp::MIN,
            late: Lateness { counts: [0; BUCKETS], all: 0 },
        }
    }

    /// Adds a record of `time` that stands for `weight` events; `received` if it says its time itself.
    pub fn hear(&mut self, time: Timestamp, weight: u64, received: Option<Timestamp>) {
        self.records += 1;
        self.events += weight.max(1);
        self.newest = self.newest.max(time);
        if let Some(received) = received {
            self.late.see(if received > time { received.since(time) } else { Duration::ZERO });
        }
    }

    /// Adds what came later.
    pub fn add(&mut self, later: &Self) {
        self.records = self.records.saturating_add(later.records);
        self.events = self.events.saturating_add(later.events);
        self.newest = self.newest.max(later.newest);
        self.late.add(&later.late);
    }

    /// Returns how many events a record stands for on average, if more than one.
    pub fn sampled(&self) -> Option<f64> {
        (self.events > self.records && self.records > 0).then(|| self.events as f64 / self.records as f64)
    }
}

/// How late records came, as a histogram that fades.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    counts: [u32; BUCKETS],
    /// All of them together.
    all: u64,
}

impl Lateness {
    fn see(&mut self, late: Duration) {
        // Up to 1 s, 2 s, 4 s, … 6 days.
        let seconds = late.as_secs().saturating_add(u64::from(late.subsec_nanos() > 0)).max(1);
        let bucket = (u64::BITS - (seconds - 1).leading_zeros()) as usize;
        self.counts[bucket.min(BUCKETS - 1)] += 1;
        self.all += 1;
        self.fade();
    }

    fn add(&mut self, later: &Self) {
        for (here, more) in self.counts.iter_mut().zip(later.counts) {
            *here = here.saturating_add(more);
        }
        self.all = self.counts.iter().map(|&count| u64::from(count)).sum();
        self.fade();
    }

    fn fade(&mut self) {
        while self.all > u64::from(FADES_AT) {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.all = self.counts.iter().map(|&count| u64::from(count)).sum();
        }
    }

    /// Returns the time within which `percent` of the records came, rounded up to a power of two in
    /// seconds; `None` if none said its time.
    pub fn within(&self, percent: u32) -> Option<Duration> {
        let wanted = (self.all * u64::from(percent)).div_ceil(100).max(1);
        let mut reached = 0;
        let bucket = self.counts.iter().position(|&count| {
            reached += u64::from(count);
            reached >= wanted
        })?;
        Some(Duration::from_secs(1 << bucket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_seconds(1_000_000);

    fn heard(late: impl IntoIterator<Item = u64>) -> Heard {
        let mut heard = Heard::nothing(Category::AppRequests);
        for seconds in late {
            heard.hear(AT, 1, Some(AT.plus(Duration::from_secs(seconds))));
        }
        heard
    }

    #[test]
    fn lateness_is_told_by_the_middle_and_the_tail() {
        let heard = heard((0..90).map(|_| 3).chain((0..10).map(|_| 200)));
        assert_eq!(heard.late.within(50), Some(Duration::from_secs(4)));
        assert_eq!(heard.late.within(95), Some(Duration::from_secs(256)));
        assert_eq!(Lateness::default().within(50), None);
        assert_eq!(super::Heard::nothing(Category::Other).late.within(95), None);
    }

    #[test]
    fn a_bad_hour_is_forgotten() {
        let heard = heard((0..1_000).map(|_| 3_600).chain((0..20_000).map(|_| 2)));
        assert_eq!(heard.late.within(95), Some(Duration::from_secs(2)));
        assert_eq!(heard.records, 21_000);
    }

    #[test]
    fn a_record_from_the_future_or_from_ages_ago_is_late_all_the_same() {
        let mut heard = heard([u64::MAX / 4_000_000_000]);
        assert_eq!(heard.late.within(50), Some(Duration::from_secs(1 << (BUCKETS - 1))));
        heard.hear(AT.plus(Duration::from_mins(1)), 1, Some(AT));
        assert_eq!(heard.late.within(50), Some(Duration::from_secs(1)));
    }

    #[test]
    fn sampling_shows_by_its_weight() {
        let mut heard = heard([1]);
        assert_eq!(heard.sampled(), None);
        heard.hear(AT, 9, None);
        assert_eq!(heard.sampled(), Some(5.0));
        let mut more = heard.clone();
        more.add(&heard);
        assert_eq!((more.records, more.events), (4, 20));
    }
}
