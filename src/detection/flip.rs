//! What else would have made a detector stay quiet, or fire sooner?
//!
//! What its kind knows at the moment it fires, and nobody can reckon afterwards. Each speaks of that moment: what
//! is changed may fire at another one. In numbers, so that an alert is the same however its events were divided
//! into findings; words are made of them last, and a number in them is never more favourable than the truth.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::in_words::{amount, beyond, in_words};
use super::stats::{Normal, Proportion};

/// The largest tolerance that a baseline may have, in tenths.
const MOST_TOLERANCE: u16 = 500;

/// One thing that would have made a difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flip {
    /// Its steps took so long, from the first event to the last.
    Took(Duration),
    /// Of this step, the first being number 1, came no more events than it takes.
    Exactly {
        /// Which step.
        step: u8,
        /// How many events it takes.
        takes: u32,
    },
    /// So many events, which brought so much, made the difference.
    Without {
        /// How many.
        events: u64,
        /// What they add up to.
        worth: f64,
        /// Whether no other events brought more.
        largest: bool,
    },
    /// So many events fewer that are above the limit.
    FewerAbove(u64),
    /// It was of so many events.
    Among(u64),
    /// Half of it would have fired so much earlier.
    Within {
        /// In which time something must have come.
        within: Duration,
        /// At least so much.
        by: Duration,
    },
    /// It was heard of so often before it fell silent.
    Heard(u64),
    /// So many events wait for what must follow.
    Waiting(u64),
    /// It had been known for so long.
    Known(Duration),
    /// The value was shown so long before.
    LastShown(Duration),
    /// It had shown so many values, the new one among them.
    Shown(u64),
    /// What was normal for that stretch of time.
    Normal(Normal),
    /// What is less than something is no anomaly.
    Least,
    /// So much was expected at least.
    Expected(f64),
    /// Without the finding of that title so much would have been left.
    Finding {
        /// The title of the detector that found it.
        title: String,
        /// The score without it.
        left: f64,
    },
    /// The evidence was of so many tactics.
    Tactics(u64),
    /// The two places are so far apart, km.
    Far(f64),
    /// What share was normal for that stretch of time, and what came.
    Share {
        /// What was normal.
        normal: Proportion,
        /// How many of its events were of the other sort.
        part: u64,
        /// How many events came.
        events: u64,
    },
}

impl Flip {
    /// Says it in one sentence, of what measured `value` when it fired and `peak` at most.
    pub fn says(&self, value: f64, peak: f64) -> String {
        const THEN: &str = "it would not have fired then";
        match self {
            Self::Took(span) => {
                format!("From first to last it took {}: within a shorter time {THEN}.", in_words(*span))
            }
            Self::Exactly { step, takes } => format!("With one event fewer of the {takes} of step {step} {THEN}."),
            Self::Without { events, worth, largest } => without(*events, *worth, *largest),
            Self::FewerAbove(many) => format!("With {} fewer above its limit {THEN}.", events(*many)),
            Self::Among(all) => format!("It was of {}: among {} or more {THEN}.", events(*all), all + 1),
            Self::Within { within, by } => format!("Within {} {}.", in_words(*within), earlier(*by)),
            Self::Heard(many) => {
                let more = many + 1;
                format!("Before, it was heard of {many} times: asked for {more} its silence would have been nothing.")
            }
            Self::Waiting(1) => "Without the one event that waits it would have stayed quiet.".to_owned(),
            Self::Waiting(many) => format!("Without the {many} events that wait it would have stayed quiet."),
            Self::Known(span) => {
                let (known, needed) = (in_words(*span), in_words(beyond(*span)));
                format!("It was known for {known}: if that had to be {needed} {THEN}.")
            }
            Self::LastShown(span) => {
                let (ago, needed) = (in_words(*span), in_words(beyond(*span)));
                format!("It was shown {ago} before: remembered for {needed} it would not have been new.")
            }
            Self::Shown(many) => {
                let fewer = many.saturating_sub(1);
                format!("It shows {many} values: told only of those with {fewer} at most, it would have stayed quiet.")
            }
            Self::Normal(normal) => tolerance(*normal, value, peak),
            Self::Least => {
                format!("If it took no notice of less than {}, it would have stayed quiet.", amount(peak.floor() + 1.0))
            }
            Self::Expected(least) => {
                format!("If it took notice only where {} are expected, {THEN}.", amount(least.floor() + 1.0))
            }
            Self::Finding { title, left } => {
                format!(
                    "Without \u{201c}{title}\u{201d} a score of {} would have been left, and {THEN}.",
                    amount(*left)
                )
            }
            Self::Tactics(1) => format!("It was of one tactic: asked for 2 {THEN}."),
            Self::Tactics(many) => format!("It was of {many} tactics: asked for {} {THEN}.", many + 1),
            Self::Far(far) => {
                let (far, more) = (amount(far.floor()), amount(far.floor() + 1.0));
                format!("It was {far} km away: asked for {more} or more {THEN}.")
            }
            Self::Share { normal, part, events } => in_band("it", normal.tolerance(*part, *events, MOST_TOLERANCE)),
        }
    }
}

fn earlier(by: Duration) -> String {
    format!("it would have fired at least {} earlier", in_words(by))
}

fn events(many: u64) -> String {
    if many == 1 { "one event".to_owned() } else { format!("{many} events") }
}

fn without(events: u64, worth: f64, largest: bool) -> String {
    let worth = amount(worth);
    match (events, largest) {
        (1, true) => format!("Without its largest event, of {worth}, it would not have fired then."),
        (1, false) => format!("Without one of its events, of {worth}, it would not have fired then."),
        (_, true) => format!("Without its {events} largest events, of {worth} together, it would not have fired then."),
        (_, false) => format!("Without {events} of its events, of {worth} together, it would not have fired then."),
    }
}

fn tolerance(normal: Normal, value: f64, peak: f64) -> String {
    let (what, number) =
        if peak > value { (format!("its most, {},", amount(peak)), peak) } else { ("it".to_owned(), value) };
    in_band(&what, normal.tolerance(number, MOST_TOLERANCE))
}

fn in_band(what: &str, tolerance: Option<u16>) -> String {
    match tolerance {
        Some(tenths) => {
            let tolerance = amount(f64::from(tenths) / 10.0);
            format!("At a tolerance of {tolerance} {what} would have lain within what was expected then.")
        }
        None => format!("At no tolerance {what} would have lain within what was expected then."),
    }
}
