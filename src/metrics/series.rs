//! Metrics with labels, of which there are never too many series.
//!
//! Sources, topics and sinks are named by configuration, but a pattern can match any number of
//! topics; so every labelled metric counts its series and puts the rest under `other`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

/// Series of one metric.
const MAX_SERIES: usize = 2_000;

/// Which series there are. The lock is held for one look-up; callers count batches, not records.
#[derive(Debug, Default)]
struct Known(Mutex<HashSet<String>>);

impl Known {
    fn admits(&self, labels: &[&str]) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = labels.join("\u{1f}");
        known.contains(&key) || (known.len() < MAX_SERIES && known.insert(key))
    }

    fn forget(&self, labels: &[&str]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&labels.join("\u{1f}"))
    }
}

fn series<T: MetricVecBuilder>(vec: &MetricVec<T>, known: &Known, labels: &[&str]) -> Option<T::M> {
    if known.admits(labels) {
        return vec.get_metric_with_label_values(labels).ok();
    }
    vec.get_metric_with_label_values(&vec!["other"; labels.len()]).ok()
}

fn register(registry: &Registry, collector: impl Collector + 'static) -> Result<(), prometheus::Error> {
    registry.register(Box::new(collector))
}

/// A counter with labels.
#[derive(Debug)]
pub struct Counts {
    vec: IntCounterVec,
    known: Known,
}

impl Counts {
    pub(super) fn registered(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
        register(r, vec.clone())?;
        Ok(Self { vec, known: Known::default() })
    }

    /// Adds `by` to the series with these label values, in the order of the metric's labels.
    pub fn add(&self, labels: &[&str], by: u64) {
        if let Some(counter) = series(&self.vec, &self.known, labels) {
            counter.inc_by(by);
        }
    }

    /// Moves the series up to `total`; one that is there already stays.
    pub fn reach(&self, labels: &[&str], total: u64) {
        if let Some(counter) = series(&self.vec, &self.known, labels) {
            counter.inc_by(total.saturating_sub(counter.get()));
        }
    }
}

/// A gauge with labels.
#[derive(Debug)]
pub struct Levels {
    vec: IntGaugeVec,
    known: Known,
}

impl Levels {
    pub(super) fn registered(r: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<Self, prometheus::Error> {
        let vec = IntGaugeVec::new(Opts::new(name, help), labels)?;
        register(r, vec.clone())?;
        Ok(Self { vec, known: Known::default() })
    }

    /// Takes the series with these label values away: what it told of is no more.
    pub fn remove(&self, labels: &[&str]) {
        if self.known.forget(labels) {
            // It is there: it was known.
            drop(self.vec.remove_label_values(labels));
        }
    }

    /// Sets the series with these label values, in the order of the metric's labels.
    pub fn set(&self, labels: &[&str], to: i64) {
        if let Some(gauge) = series(&self.vec, &self.known, labels) {
            gauge.set(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_is_taken_away_makes_room_for_another() {
        let registry = Registry::new();
        let levels = Levels::registered(&registry, "x", "X.", &["file"]).unwrap();
        for n in 0..MAX_SERIES + 10 {
            levels.set(&[&n.to_string()], 1);
            levels.remove(&[&n.to_string()]);
        }
        levels.set(&["last"], 7);
        assert_eq!(levels.vec.with_label_values(&["last"]).get(), 7);
        assert_eq!(registry.gather()[0].get_metric().len(), 1);
    }

    #[test]
    fn a_flood_of_topics_is_counted_under_other() {
        let registry = Registry::new();
        let counts = Counts::registered(&registry, "x_total", "X.", &["topic"]).unwrap();
        for n in 0..MAX_SERIES + 10 {
            counts.add(&[&n.to_string()], 1);
        }
        counts.add(&["3"], 1);
        assert_eq!(counts.vec.with_label_values(&["other"]).get(), 10);
        assert_eq!(counts.vec.with_label_values(&["3"]).get(), 2);
    }
}
