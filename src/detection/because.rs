//! What does a finding rest on, and what would have made it stay quiet?
//!
//! In numbers, so that an alert is the same however its events were divided into findings: what was
//! measured, what it was held against, and the highest it rose to; words are made of them last. The
//! flip points are what people ask next: at which limit it would have stayed quiet, how much earlier
//! half the limit would have told them, and how many events fewer would have been nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::Counting;
use super::correlation_plan::{Compare, Joint, Plan};
use super::in_words::{amount, in_words};
use super::kinds::Firing;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// An event, which is enough.
    Event,
    /// How many events.
    Events,
    /// How many different values.
    Values,
    /// Which share of the events, 0 to 1.
    Share,
    /// What a number adds up to.
    Sum,
    /// What a number is on average.
    Average,
    /// What a number does not exceed in so many percent of the events.
    Percentile(u8),
    /// How many events of a sequence.
    Steps,
    /// How many values not seen before.
    Unseen,
    /// How many values not seen before, that are taken for one event.
    Bulk,
    /// How long nothing was heard, in seconds.
    Silence,
    /// What came in a stretch of time, against what comes there as a rule.
    Usual,
    /// How fast it got from place to place, km/h.
    Speed,
    /// What the evidence of several detectors is worth together.
    Risk,
    /// How many events had to be followed by another, and were not.
    Unanswered,
}

/// What it was held against.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// It fires at this.
    AtLeast(f64),
    /// It fires above this.
    MoreThan(f64),
    /// It fires outside of these.
    Band(f64, f64),
}

/// What a finding rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Because {
    /// What was measured.
    pub measure: Measure,
    /// What it was when the detector fired.
    pub value: f64,
    /// The highest it has been since, in one window.
    pub peak: f64,
    /// What it was held against.
    pub limit: Limit,
    /// Over which stretch of time; `None` where it is no matter of time.
    pub within: Option<Duration>,
    /// The first of the events that were measured.
    pub from: Timestamp,
    /// The moment at which it fired.
    pub to: Timestamp,
    /// How many events were measured.
    pub events: u64,
    /// By how much earlier a lower limit would have fired.
    pub earlier: Option<Earlier>,
    /// How many of the events could be missing at most, and it would have fired all the same.
    pub spare: u64,
}

/// How much earlier a detector would have fired.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// At this limit.
    pub limit: f64,
    /// At least by this much.
    pub by: Duration,
}

impl Because {
    /// Returns what `firing` rests on, at `at`.
    pub fn of(counting: &Counting, firing: &Firing, at: Timestamp) -> Self {
        let (measure, limit) = match firing.bulk {
            Some(more_than) => (Measure::Bulk, Limit::MoreThan(f64::from(more_than))),
            None => measured(counting),
        };
        Self {
            measure,
            value: firing.value,
            peak: firing.value,
            limit: firing.band.map_or(limit, |(from, to)| Limit::Band(from, to)),
            within: counting.window().map(|window| window.within),
            from: firing.first.min(at),
            to: at,
            events: firing.count,
            earlier: firing.earlier.filter(|earlier| !earlier.by.is_zero()),
            spare: firing.spare,
        }
    }

    /// Says what was measured and what it was held against.
    pub fn says(&self) -> String {
        let within = self.within.map(|within| format!(" within {}", in_words(within))).unwrap_or_default();
        let value = self.said(self.value);
        match (self.measure, self.limit) {
            (Measure::Event, _) => "It fires at every such event, and this was one.".to_owned(),
            (Measure::Steps, _) => format!("All its steps came, {value} in all{within}."),
            (Measure::Silence, Limit::AtLeast(_)) => format!("Nothing was heard for {value}, which is its limit."),
            (Measure::Silence, _) => {
                format!("Nothing was heard for {value}; by its rhythm {} signs of life should have come.", self.events)
            }
            (Measure::Bulk, _) => format!(
                "{value} came at once, more than {}: it takes them for one event, such as a deployment.",
                self.limit_said()
            ),
            (Measure::Unanswered, _) => format!("What must follow{within} did not, after {value}."),
            (_, Limit::AtLeast(limit)) => {
                format!("It measured {value}{within}, and fires at {}.", self.said(limit))
            }
            (_, Limit::MoreThan(limit)) => {
                format!("It measured {value}{within}, and fires above {}.", self.said(limit))
            }
            (_, Limit::Band(from, to)) => {
                format!("It measured {value}{within}, and expected {} to {}.", amount(from), self.said(to))
            }
        }
    }

    /// Says what would have made a difference; one sentence each.
    pub fn flips(&self) -> Vec<String> {
        let mut flips = Vec::new();
        if let Some(quiet) = self.quiet_at() {
            let at = if matches!(self.limit, Limit::AtLeast(_)) && !self.is_whole() { "Above" } else { "At" };
            flips.push(format!("{at} {} it would have stayed quiet.", self.said(quiet)));
        }
        if let (Measure::Values, Limit::MoreThan(limit), None) = (self.measure, self.limit, self.quiet_at()) {
            flips.push(format!("Even a limit of {} would not have kept it quiet.", self.said(2.0 * limit)));
        }
        if let Some(Earlier { limit, by }) = self.earlier {
            let (by, limit) = (in_words(by), self.said(limit));
            flips.push(format!("At {limit} it would have fired at least {by} earlier."));
        }
        match self.without() {
            None => {}
            Some(_) if self.measure == Measure::Event => {}
            Some(1) if self.measure == Measure::Share => {
                flips.push("With one of them fewer it would not have fired then.".to_owned());
            }
            Some(many) if self.measure == Measure::Share => {
                flips.push(format!("With {many} of them fewer it would not have fired then."));
            }
            Some(1) => flips.push("With one event fewer its fullest window would have stayed quiet.".to_owned()),
            Some(many) => flips.push(format!("With {many} events fewer its fullest window would have stayed quiet.")),
        }
        flips
    }

    /// Returns the lowest limit at which it would not have fired.
    pub fn quiet_at(&self) -> Option<f64> {
        match (self.measure, self.limit) {
            // Of new values one is enough.
            (
                Measure::Unseen
                | Measure::Bulk
                | Measure::Event
                | Measure::Steps
                | Measure::Silence
                | Measure::Unanswered,
                _,
            ) => None,
            (_, Limit::AtLeast(_)) if self.is_whole() => Some(self.peak + 1.0),
            // A distinct keeps no more values than that: it may have been more.
            (Measure::Values, Limit::MoreThan(limit)) if self.peak > 2.0 * limit => None,
            // No share is above all of them.
            (Measure::Share, _) => Some(self.peak).filter(|peak| *peak < 1.0),
            (_, Limit::AtLeast(_) | Limit::MoreThan(_)) => Some(self.peak),
            (_, Limit::Band(..)) => None,
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self.measure, Measure::Events | Measure::Values | Measure::Unseen)
    }

    /// Returns how many events fewer would have been nothing: in its fullest window, or when it fired.
    pub fn without(&self) -> Option<u64> {
        match (self.measure, self.limit) {
            (Measure::Events, Limit::AtLeast(limit)) => Some((self.peak - limit) as u64 + 1),
            (Measure::Event, _) => Some(1),
            (Measure::Share, _) => Some(self.spare + 1),
            _ => None,
        }
    }

    /// Returns what was measured, in words.
    pub fn value_said(&self) -> String {
        self.said(self.value)
    }

    /// Returns what it was held against, in words.
    pub fn limit_said(&self) -> String {
        match self.limit {
            Limit::AtLeast(limit) | Limit::MoreThan(limit) => self.said(limit),
            Limit::Band(from, to) => format!("{} to {}", amount(from), self.said(to)),
        }
    }

    /// Returns a value of what was measured, in words.
    pub fn said(&self, value: f64) -> String {
        let many = |one: &str, more: &str| {
            format!("{} {}", amount(value), if (value - 1.0).abs() < 1e-9 { one } else { more })
        };
        match self.measure {
            Measure::Event | Measure::Events | Measure::Steps | Measure::Unanswered => many("event", "events"),
            Measure::Values => many("different value", "different values"),
            Measure::Unseen | Measure::Bulk => many("new value", "new values"),
            Measure::Share => format!("{} %", amount(value * 100.0)),
            Measure::Sum => format!("a sum of {}", amount(value)),
            Measure::Average => format!("{} on average", amount(value)),
            Measure::Percentile(rank) => format!("a {rank}th percentile of {}", amount(value)),
            Measure::Usual => amount(value),
            Measure::Speed => format!("{} km/h", amount(value)),
            Measure::Risk => format!("a score of {}", amount(value)),
            Measure::Silence => in_words(Duration::from_secs_f64(value.clamp(0.0, 1e12))),
        }
    }
}

/// Returns what a correlation measures; where it has other limits than a least number, its steps.
fn joint(plan: &Plan) -> (Measure, Limit) {
    let steps = plan.nodes.last().map_or(1, |root| root.inputs.len());
    let steps = (Measure::Steps, Limit::AtLeast(steps as f64));
    let (measure, limits) = match plan.nodes.last().map(|root| &root.joint) {
        Some(Joint::Count(limits)) => (Measure::Events, limits),
        Some(Joint::Values(limits)) => (Measure::Values, limits),
        Some(Joint::Sum(limits)) => (Measure::Sum, limits),
        Some(Joint::Average(limits)) => (Measure::Average, limits),
        Some(Joint::Percentile(rank, limits)) => (Measure::Percentile(*rank), limits),
        _ => return steps,
    };
    match limits.as_slice() {
        [one] if one.how == Compare::AtLeast => (measure, Limit::AtLeast(one.to())),
        [one] if one.how == Compare::More => (measure, Limit::MoreThan(one.to())),
        _ => steps,
    }
}

/// Returns what a detector measures and what it holds that against.
pub(super) fn measured(counting: &Counting) -> (Measure, Limit) {
    match counting {
        Counting::Match => (Measure::Event, Limit::AtLeast(1.0)),
        Counting::Threshold { at_least, .. } => (Measure::Events, Limit::AtLeast(f64::from(*at_least))),
        Counting::Distinct { more_than, .. } => (Measure::Values, Limit::MoreThan(f64::from(*more_than))),
        Counting::Ratio { at_least, .. } => (Measure::Share, Limit::AtLeast(at_least.of_one())),
        Counting::Amount { average: false, more_than, .. } => (Measure::Sum, Limit::MoreThan(*more_than as f64)),
        Counting::Amount { more_than, .. } => (Measure::Average, Limit::MoreThan(*more_than as f64)),
        Counting::Percentile { rank, more_than, .. } => {
            (Measure::Percentile(*rank), Limit::MoreThan(*more_than as f64))
        }
        Counting::Sequence { steps, .. } => {
            (Measure::Steps, Limit::AtLeast(steps.iter().map(|&step| f64::from(step)).sum()))
        }
        Counting::FirstSeen { .. } => (Measure::Unseen, Limit::AtLeast(1.0)),
        Counting::Unanswered { .. } => (Measure::Unanswered, Limit::AtLeast(1.0)),
        Counting::Baseline(_) => (Measure::Usual, Limit::AtLeast(0.0)),
        Counting::Travel(asked) => (Measure::Speed, Limit::MoreThan(f64::from(asked.faster_than))),
        Counting::Correlation(plan) => joint(plan),
        Counting::Risk(asked) => (Measure::Risk, Limit::AtLeast(f64::from(asked.at_least))),
        Counting::Rhythm { missing, .. } => (Measure::Silence, Limit::MoreThan(f64::from(*missing))),
        Counting::Absence { after, .. } => (Measure::Silence, Limit::AtLeast(after.as_secs_f64())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::detection::engine::trial::{at_once, signal_of};
    use crate::detection::{Counting, Signal};

    #[test]
    fn a_finding_says_what_would_have_made_it_stay_quiet() {
        let counting = Counting::Threshold { at_least: 10, within: Duration::from_mins(1).into() };
        let events: Vec<Signal> = (0..25).map(|n| signal_of(1, n * 2, 0, 0, n as u128)).collect();
        let found = at_once(counting, 60, &events, 400);
        let mut because = found[0].because.clone().unwrap();
        because.peak = found.iter().map(|finding| finding.peak).fold(0.0, f64::max);
        assert_eq!(because.says(), "It measured 10 events within 1 min, and fires at 10 events.");
        assert_eq!(
            because.flips(),
            [
                "At 26 events it would have stayed quiet.",
                "At 5 events it would have fired at least 10 s earlier.",
                "With 16 events fewer its fullest window would have stayed quiet.",
            ]
        );
    }
}
