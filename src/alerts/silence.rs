//! What is nobody to be told of, until when, and what ends that early?
//!
//! A [`Silence`] mutes notification, never detection: alerts it hides are kept, shown and marked. It
//! knows what was usual when it was made, and trips, which ends it, when what it hides is that no
//! longer: an alert worse than its level; more alerts within a day than three times the most of any
//! day of the month before, and more than ten; or an alert that measures more than three times what
//! one of its detector ever did in that month.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

use super::{Alert, AlertId, AlertState, Class, Level, Matcher};

/// The longest that a silence may last.
pub const LONGEST: Duration = Duration::from_hours(24 * 90);
/// How far back a preview looks.
pub const LOOKS_BACK: Duration = Duration::from_hours(24 * 30);
const DAY: Duration = Duration::from_hours(24);
/// It trips at so many times what was usual.
const TIMES: u32 = 3;
/// Alerts that a silence hides within a day, however many are usual.
const MOST_HIDDEN: usize = 10_000;
/// So many alerts within a day trip none, however few were usual.
const FEW: usize = 10;
/// Detectors whose highest measure is remembered, in the order of their names.
const MOST_DETECTORS: usize = 200;
const MOST_REASON: usize = 1_000;

/// Names a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SilenceId(pub u64);

impl fmt::Display for SilenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What was usual of the alerts that a silence means.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// The most alerts that opened within a day.
    pub a_day: usize,
    /// The most that an alert of each detector measured.
    pub peaks: BTreeMap<String, f64>,
}

/// Why a silence is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Its time was up.
    Expired,
    /// A person ended it.
    ByPerson {
        /// Who.
        by: String,
    },
    /// What it hid was no longer what it had been.
    Tripped {
        /// The alert that showed it.
        alert: AlertId,
        /// In which way.
        why: String,
    },
}

/// Nobody is told of alerts that it means, while it lasts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Silence {
    /// Its name.
    pub id: SilenceId,
    /// Which alerts.
    pub matcher: Matcher,
    /// Who made it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was made, wall time.
    pub made_at: Timestamp,
    /// From when on it counts.
    pub starts_at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
    /// What was usual when it was made.
    pub usual: Usual,
    /// Alerts it hid that opened within the last day of them.
    pub recent: Vec<(Timestamp, AlertId)>,
    /// When and why it ended.
    pub ended: Option<(Timestamp, Ending)>,
}

/// What a silence makes of an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It has nothing to do with it.
    Passes,
    /// Nobody is told.
    Hides,
    /// It ends, and why.
    Trips(String),
}

impl Silence {
    /// Tells what is wrong with it, if anything is.
    ///
    /// # Errors
    ///
    /// Says how to mend it.
    pub fn check(&self) -> Result<(), String> {
        let wrong = self.flaws();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join(" ")) }
    }

    /// Returns all that is wrong with it, a sentence or two each.
    pub fn flaws(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut say = |is_wrong: bool, says: &str| wrong.extend(is_wrong.then(|| says.to_owned()));
        say(
            !self.matcher.names_something(),
            "Say what is silenced: name a detector, family, entity or app. One that means everything is not taken.",
        );
        if let Err(says) = self.matcher.check() {
            say(true, &says);
        }
        say(
            self.matcher.at_least.is_some(),
            "A silence can't hide the worse and tell of the lesser: leave `at_least` out.",
        );
        say(self.reason.trim().is_empty(), "Say why, in a few words: whoever finds it will want to know.");
        let long = self.reason.chars().count() > MOST_REASON;
        say(long, &format!("The reason is longer than {MOST_REASON} letters: shorten it."));
        let backwards = self.ends_at <= self.starts_at || self.ends_at <= self.made_at;
        say(backwards, "It ends before it begins: say until when, in the future.");
        let endless = self.ends_at.since(self.made_at) > LONGEST;
        say(endless, "A silence ends within 90 days: name an earlier day, and make it anew if need be.");
        wrong
    }

    /// Tells whether it counts at `now`.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.ended.is_none() && self.starts_at <= now && now < self.ends_at
    }

    /// Returns what it makes of `alert`, which has just changed.
    pub fn judge(&self, alert: &Alert, now: Timestamp) -> Judged {
        if !self.is_active(now) || !self.matcher.concerns(alert) {
            return Judged::Passes;
        }
        if alert.state == AlertState::Closed {
            return if self.matcher.admits(alert) { Judged::Hides } else { Judged::Passes };
        }
        if let Some(most) = self.matcher.at_most.filter(|most| alert.level > *most) {
            return Judged::Trips(format!(
                "the alert is {}, and {} at most is silenced",
                alert.level.name(),
                most.name()
            ));
        }
        let beyond = |(detector, peak): (&str, f64)| {
            let usual = self.usual.peaks.get(detector).copied().filter(|usual| *usual > 0.0)?;
            (peak > usual * f64::from(TIMES)).then_some((peak, usual))
        };
        if let Some((peak, usual)) = peaks(alert).find_map(beyond) {
            return Judged::Trips(format!(
                "the alert measures {peak:.0}, more than three times the {usual:.0} that were the most before"
            ));
        }
        let within = |(at, id): &&(Timestamp, AlertId)| *id != alert.id && at.plus(DAY) > alert.opened_at;
        let a_day = self.recent.iter().filter(within).count() + 1;
        let most = self.usual.a_day.saturating_mul(TIMES as usize).clamp(FEW, MOST_HIDDEN);
        if a_day > most {
            return Judged::Trips(format!(
                "{a_day} alerts within a day, and {most} at most are hidden: {} were the most before",
                self.usual.a_day
            ));
        }
        Judged::Hides
    }

    /// Forgets that it hid `alert`, which is told of by now; tells whether that is news.
    pub fn lets_go(&mut self, alert: AlertId) -> bool {
        let before = self.recent.len();
        self.recent.retain(|(_, id)| *id != alert);
        self.recent.len() < before
    }

    /// Remembers that it hid `alert`; tells whether that is news.
    pub fn hid(&mut self, alert: &Alert) -> bool {
        if self.recent.iter().any(|(_, id)| *id == alert.id) {
            return false;
        }
        self.recent.push((alert.opened_at, alert.id));
        let newest = self.recent.iter().map(|(at, _)| *at).max().unwrap_or(alert.opened_at);
        self.recent.retain(|(at, _)| at.plus(DAY) > newest);
        true
    }
}

/// Returns the most that each of an alert's detectors measured.
fn peaks(alert: &Alert) -> impl Iterator<Item = (&str, f64)> {
    let front = std::iter::once((&alert.detector, &alert.because));
    let all = front.chain(alert.also().iter().map(|member| (&member.detector, &member.because)));
    all.map(|(detector, because)| (&**detector, because.as_ref().map_or(0.0, |because| because.peak)))
}

/// What a silence would have hidden.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    /// The alerts.
    pub hidden: Vec<AlertId>,
    /// How many of them were true positives, by the word of whoever closed them.
    pub true_positives: usize,
    /// How many were closed as anything else by a person.
    pub otherwise_judged: usize,
    /// Alerts that it means but for their level: each would have tripped it.
    pub would_trip: Vec<AlertId>,
    /// The worst that it would have hidden.
    pub worst: Option<Level>,
    /// What was usual.
    pub usual: Usual,
    /// When each opened.
    opened: Vec<Timestamp>,
}

impl Preview {
    /// Takes an alert of the time before into account.
    pub fn add(&mut self, matcher: &Matcher, alert: &Alert) {
        if !matcher.concerns(alert) {
            return;
        }
        if !matcher.admits(alert) {
            self.would_trip.push(alert.id);
            return;
        }
        self.hidden.push(alert.id);
        self.opened.push(alert.opened_at);
        self.worst = self.worst.max(Some(alert.level));
        match alert.class() {
            Some(Class::TruePositive) => self.true_positives += 1,
            Some(_) => self.otherwise_judged += 1,
            None => {}
        }
        for (detector, peak) in peaks(alert) {
            let known = self.usual.peaks.len();
            match self.usual.peaks.get_mut(detector) {
                Some(most) => *most = most.max(peak),
                None if known < MOST_DETECTORS => drop(self.usual.peaks.insert(detector.to_owned(), peak)),
                None => {}
            }
        }
    }

    /// Returns it once every alert is in.
    #[must_use]
    pub fn finish(mut self) -> Self {
        self.opened.sort_unstable();
        let mut first = 0;
        for (n, at) in self.opened.iter().enumerate() {
            while self.opened.get(first).is_some_and(|earlier| earlier.plus(DAY) <= *at) {
                first += 1;
            }
            self.usual.a_day = self.usual.a_day.max(n + 1 - first);
        }
        self.opened = Vec::new();
        self
    }
}
