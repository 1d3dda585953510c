//! What does a finding rest on, and what would have made it stay quiet?
//!
//! In numbers, so that an alert is the same however its events were divided into findings: what was
//! measured, what it was held against, and the highest it rose to; words are made of them last. The
//! flip points are what people ask next: at which limit it would have stayed quiet, how much earlier
//! half the limit would have told them, and how many events fewer would have been nothing; what only the kind
//! knows is a [`Flip`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::correlation_plan::{Compare, Joint, Plan};
use super::flip::Flip;
use super::in_words::{amount, in_words};
use super::kinds::{EXACT, Firing};
use super::{Counting, Measured};

/// Below this no number of different values is an estimate.
const LEAST_SKETCHED: f64 = 900.0;

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
    /// What else would have made a difference.
    #[serde(default)]
    pub others: Vec<Flip>,
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
            others: firing.flips.clone(),
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
                let from = if self.measure == Measure::Share { from * 100.0 } else { from };
                format!("It measured {value}{within}, and expected {} to {}.", amount(from), self.said(to))
            }
        }
    }

    /// Says what would have made a difference; one sentence each.
    pub fn flips(&self) -> Vec<String> {
        let mut flips = Vec::new();
        match (self.quiet_at(), self.measure, self.limit) {
            (Some(quiet), Measure::Values, _) if self.is_estimate() => {
                flips.push(format!("At about {} it would have stayed quiet.", self.said(quiet)));
            }
            // What does not belong to an attack may raise these as well.
            (Some(quiet), Measure::Share | Measure::Average | Measure::Percentile(_), _) => {
                flips.push(format!("At {} none of its events would have made it fire.", self.said(quiet)));
            }
            (Some(quiet), ..) => flips.push(format!("At {} it would have stayed quiet.", self.said(quiet))),
            (None, Measure::Values, Limit::MoreThan(limit)) => flips.push(format!(
                "At {} it would have fired all the same; how many more there were is not counted.",
                self.said(2.0 * limit)
            )),
            (None, Measure::Bulk, _) => {
                flips.push(format!("At {} it would not have taken them for one event.", self.said(self.value)));
            }
            _ => {}
        }
        if let Some(Earlier { limit, by }) = self.earlier {
            let (by, limit) = (in_words(by), self.said(limit));
            flips.push(format!("At {limit} it would have fired at least {by} earlier."));
        }
        flips.extend(self.without_said());
        flips.extend(self.others.iter().map(|other| other.says(self.value, self.peak)));
        flips
    }

    /// Says how many events fewer would have been nothing.
    fn without_said(&self) -> Option<String> {
        let many = self.without()?;
        let some = |one: &str, more: &str| if many == 1 { format!("one {one}") } else { format!("{many} {more}") };
        match self.measure {
            Measure::Event => None,
            Measure::Share => Some(format!("With {} of them fewer it would not have fired then.", some("", "").trim())),
            Measure::Values => {
                let values = some("different value", "different values");
                Some(format!("With {values} fewer its fullest window would have stayed quiet."))
            }
            _ => {
                let events = some("event", "events");
                Some(format!("With {events} fewer its fullest window would have stayed quiet."))
            }
        }
    }

    /// Returns the lowest limit, as it may be written, at which it would not have fired.
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
            )
            | (_, Limit::Band(..)) => None,
            // No share is above all of them; it is written, and said, in tenths of a percent.
            (Measure::Share, _) => Some(((self.peak * 1e3 + 1e-6).floor() + 1.0) / 1e3).filter(|share| *share <= 1.0),
            (_, Limit::AtLeast(_)) => Some((self.peak + 1e-9).floor() + 1.0),
            // A small distinct keeps no more values than that: it may have been more.
            (Measure::Values, Limit::MoreThan(limit)) if self.peak > 2.0 * limit && limit <= EXACT as f64 => None,
            // It is written whole, but for those of Sigma.
            (_, Limit::MoreThan(_)) => Some(self.peak.ceil()),
        }
    }

    /// Tells whether so many values are sketched.
    fn is_estimate(&self) -> bool {
        matches!(self.limit, Limit::MoreThan(limit) if limit > EXACT as f64) && self.peak > LEAST_SKETCHED
    }

    /// Returns how many events fewer, or different values, would have been nothing: in its fullest window, or
    /// when it fired.
    pub fn without(&self) -> Option<u64> {
        match (self.measure, self.limit) {
            (Measure::Events | Measure::Values, Limit::AtLeast(limit)) => Some((self.peak - limit) as u64 + 1),
            (Measure::Values, Limit::MoreThan(limit)) if !self.is_estimate() => {
                self.quiet_at().map(|_| (self.peak - limit) as u64)
            }
            (Measure::Event, _) => Some(1),
            // Of too small a share fewer are no mend.
            (Measure::Share, Limit::Band(_, high)) if self.value <= high => None,
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
            // What is usual is said without a word of what it is of, but for the sign that a share needs.
            Limit::Band(from, to) if self.measure == Measure::Share => {
                format!("{} to {}", amount(from * 100.0), self.said(to))
            }
            Limit::Band(from, to) => format!("{} to {}", amount(from), amount(to)),
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
        // More than twenty are twenty-one.
        [one] if one.how == Compare::More && matches!(measure, Measure::Events | Measure::Values) => {
            (measure, Limit::AtLeast(one.to().floor() + 1.0))
        }
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
        Counting::Baseline(asked) => match asked.measured {
            Measured::Distinct => (Measure::Values, Limit::AtLeast(0.0)),
            Measured::Ratio => (Measure::Share, Limit::AtLeast(0.0)),
            _ => (Measure::Usual, Limit::AtLeast(0.0)),
        },
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

    use super::{Because, Limit, Measure};
    use crate::detection::engine::trial::{at_once, signal_of};
    use crate::detection::{Counting, Only, Signal, Window};

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

    #[test]
    fn every_kind_says_what_would_have_made_a_difference() {
        let flips = |counting: Counting, said: &[(i64, u64, u8)]| {
            let one = |(n, &(at, value, step)): (u128, &(i64, u64, u8))| signal_of(1, at, value, step, n);
            let events: Vec<Signal> = (0..).zip(said).map(one).collect();
            let found = at_once(counting, 60, &events, 10_000);
            found.iter().find_map(|finding| finding.because.as_ref()).unwrap().flips()
        };
        let within = Window::from(Duration::from_mins(10));
        let many: Vec<_> = (0..6).map(|n| (n * 10, n as u64, 0)).collect();
        assert_eq!(
            flips(Counting::Distinct { more_than: 4, within }, &many),
            [
                "At 5 different values it would have stayed quiet.",
                "At 2 different values it would have fired at least 20 s earlier.",
                "With one different value fewer its fullest window would have stayed quiet.",
            ]
        );
        assert_eq!(
            flips(Counting::Amount { average: false, more_than: 50, among: 1, within }, &[(0, 30, 0), (9, 45, 0)]),
            [
                "At a sum of 75 it would have stayed quiet.",
                "At a sum of 25 it would have fired at least 9 s earlier.",
                "Without its largest event, of 45, it would not have fired then.",
            ]
        );
        let (within, found) = (within.within, Vec::new());
        let steps = Counting::Sequence { steps: vec![1, 2], within, gap: None, any_order: false, found };
        assert_eq!(
            flips(steps, &[(0, 0, 0), (100, 0, 1), (552, 0, 1)]),
            [
                "From first to last it took 9 min 12 s: within a shorter time it would not have fired then.",
                "With one event fewer of the 2 of step 2 it would not have fired then.",
            ]
        );
        let absence = Counting::Absence { after: Duration::from_mins(30), at_least: 2 };
        assert_eq!(
            flips(absence, &[(0, 0, 0), (60, 0, 0)]),
            [
                "At 15 min it would have fired at least 15 min earlier.",
                "Before, it was heard of 2 times: asked for 3 its silence would have been nothing.",
            ]
        );
        assert_eq!(
            flips(Counting::Unanswered { within }, &[(0, 0, 0)]),
            [
                "Within 5 min it would have fired at least 5 min earlier.",
                "Without the one event that waits it would have stayed quiet.",
            ]
        );
        let hours = Duration::from_hours;
        let (learn, forget, only) = (hours(1), hours(2), Only::default());
        assert_eq!(
            flips(Counting::FirstSeen { learn, forget, bulk: None, only }, &[(0, 7, 0), (3_600, 8, 0), (9_000, 7, 0)])
                .last()
                .unwrap(),
            "It was known for 1 h: if that had to be 1 h 1 min it would not have fired then."
        );
    }

    #[test]
    fn of_more_values_than_it_counts_it_is_said_that_they_are_not_counted() {
        let counting = Counting::Distinct { more_than: 4, within: Duration::from_mins(10).into() };
        let events: Vec<Signal> = (0..40).map(|n| signal_of(1, n, n as u64, 0, n as u128)).collect();
        let found = at_once(counting, 60, &events, 400);
        let mut because = found[0].because.clone().unwrap();
        because.peak = found.iter().map(|finding| finding.peak).fold(0.0, f64::max);
        let said = "At 8 different values it would have fired all the same; how many more there were is not counted.";
        assert_eq!((because.flips()[0].as_str(), because.quiet_at(), because.without()), (said, None, None));
        // Of a large limit they are sketched, and so known about.
        (because.limit, because.peak) = (Limit::MoreThan(1_000.0), 12_345.0);
        assert_eq!(because.flips()[0], "At about 12345 different values it would have stayed quiet.");
    }

    #[test]
    fn what_a_limit_is_said_to_be_is_one_that_can_be_written() {
        let counting = Counting::Match;
        let found = at_once(counting, 60, &[signal_of(1, 0, 0, 0, 1)], 400);
        let blank = found[0].because.clone().unwrap();
        let quiet = |measure, limit, peak| Because { measure, peak, limit, ..blank.clone() }.quiet_at();
        assert_eq!(quiet(Measure::Share, Limit::AtLeast(0.5), 0.625), Some(0.626));
        assert_eq!(quiet(Measure::Share, Limit::AtLeast(0.5), 1.0), None);
        assert_eq!(quiet(Measure::Risk, Limit::AtLeast(80.0), 85.44), Some(86.0));
        assert_eq!(quiet(Measure::Speed, Limit::MoreThan(900.0), 5_400.4), Some(5_401.0));
        assert_eq!(quiet(Measure::Average, Limit::MoreThan(5.0), 6.0), Some(6.0));
    }

    #[test]
    fn an_alert_that_was_kept_before_there_were_other_flips_is_read() {
        let found = at_once(Counting::Match, 60, &[signal_of(1, 0, 0, 0, 1)], 400);
        let mut old = serde_json::to_value(found[0].because.as_ref().unwrap()).unwrap();
        old.as_object_mut().unwrap().remove("others").unwrap();
        assert_eq!(serde_json::from_value::<Because>(old).unwrap(), found[0].because.clone().unwrap());
    }
}
