//! Which findings does somebody answer for?
//!
//! A finding that is accepted is told as such and makes no check fail; once that has ended, it is a finding
//! again, and who answered for it is said. What is accepted and was not found is said too, so that the file
//! does not outlive what it is about.

use std::collections::{HashMap, HashSet};

use crate::clock::Timestamp;
use crate::posture::Level;
use crate::posture::controls::{Report, State, Verdict};
use crate::posture::intended::{Accepted, Intended};

/// What is accepted, by control and element.
#[derive(Debug, Default)]
pub struct Acceptances<'i> {
    by: HashMap<(&'i str, &'i str), &'i Accepted>,
    now: Timestamp,
}

/// How a finding is answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'i> {
    /// Somebody answers for it.
    Holds(&'i Accepted),
    /// Somebody did until a day that has passed.
    Ended(&'i Accepted),
}

impl<'i> Acceptances<'i> {
    /// Returns what `intended` accepts at `now`.
    pub fn of(intended: &'i Intended, now: Timestamp) -> Self {
        let by = intended.accepted.iter().map(|one| ((one.control.as_str(), one.element.as_str()), one));
        Self { by: by.collect(), now }
    }

    /// Returns how `verdict` is answered for, if it is a finding that somebody has accepted.
    pub fn answer(&self, verdict: &Verdict<'_>) -> Option<Answer<'i>> {
        if verdict.outcome.state != State::NotConfigured || self.by.is_empty() {
            return None;
        }
        let element = verdict.element.to_ascii_lowercase();
        let one = *self.by.get(&(verdict.control.id.as_str(), element.as_str()))?;
        Some(if self.now < one.expires { Answer::Holds(one) } else { Answer::Ended(one) })
    }

    /// Tells whether `verdict` is a finding that nobody answers for.
    pub fn is_open(&self, verdict: &Verdict<'_>) -> bool {
        verdict.outcome.state == State::NotConfigured && !matches!(self.answer(verdict), Some(Answer::Holds(_)))
    }

    /// Returns how many findings are accepted.
    pub fn count(&self, report: &Report<'_>) -> usize {
        report.findings().filter(|one| !self.is_open(one)).count()
    }

    /// Returns the worst level that nobody answers for.
    pub fn worst(&self, report: &Report<'_>) -> Option<Level> {
        report.findings().filter(|one| self.is_open(one)).map(|one| one.control.level).max()
    }

    /// Returns what is accepted and was not found, in the order of the file.
    pub fn idle(&self, report: &Report<'_>) -> Vec<&'i Accepted> {
        let found: HashSet<(&str, String)> =
            report.findings().map(|one| (one.control.id.as_str(), one.element.to_ascii_lowercase())).collect();
        let is_found = |one: &&&Accepted| found.contains(&(one.control.as_str(), one.element.clone()));
        let mut left: Vec<&Accepted> = self.by.values().filter(|one| !is_found(one)).copied().collect();
        left.sort_by_key(|one| one.line);
        left
    }
}

impl Answer<'_> {
    /// Returns who answers or answered, for people.
    pub fn told(&self) -> String {
        match self {
            Self::Holds(one) => format!("accepted by {} until {}: {}", one.owner, one.expires, one.reason),
            Self::Ended(one) => {
                format!("was accepted by {} until {}, which is over: {}", one.owner, one.expires, one.reason)
            }
        }
    }
}
