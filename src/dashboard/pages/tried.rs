//! What came of trying a changed detector, in words.
//!
//! An alert would be gone where its measure is below the changed limit, or none of its kept events matches any
//! more; thinner where some match no more; of one whose records tell nothing, nothing is said. Fifty are named, those
//! that change first.

use super::super::bench::Tried;
use super::super::words::When;
use crate::alerts::{Alert, AlertId, Class};
use crate::clock::Timestamp;
use crate::posture::Problem;

/// Alerts that are asked.
pub(super) const MOST: usize = 200;
/// Alerts that are named.
const NAMED: usize = 50;

/// What becomes of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Gone,
    Thinner,
    Unknown,
    Same,
}

/// An alert that would be another.
pub(super) struct Changes {
    pub(super) id: AlertId,
    pub(super) about: String,
    pub(super) opened: When,
    pub(super) fate: Fate,
    pub(super) says: String,
    /// Somebody has said that it was a true positive.
    pub(super) needed: bool,
}

/// What came of trying.
pub(super) struct Outcome {
    pub(super) cases: Vec<(String, Option<String>)>,
    pub(super) cut: bool,
    /// By fate, in its order.
    pub(super) counts: [usize; 4],
    /// True positives among those that would be gone.
    pub(super) needed: usize,
    pub(super) changes: Vec<Changes>,
    pub(super) complete: bool,
}

impl Outcome {
    /// Returns what came of the cases.
    pub(super) fn of(cases: Vec<(String, Option<String>)>, cut: bool) -> Self {
        Self { cases, cut, counts: [0; 4], needed: 0, changes: Vec::new(), complete: true }
    }

    /// Adds what would have become of an alert.
    pub(super) fn add(&mut self, alert: &Alert, tried: Tried, now: Timestamp) {
        let (fate, says) = fate(tried);
        self.counts[fate as usize] += 1;
        let needed = fate == Fate::Gone && alert.class() == Some(Class::TruePositive);
        self.needed += usize::from(needed);
        if fate == Fate::Same || fate == Fate::Unknown {
            return;
        }
        self.changes.push(Changes {
            id: alert.id,
            about: alert.entity.sayable(),
            opened: When::new(alert.opened_at, now),
            fate,
            says,
            needed,
        });
        self.changes.sort_by_key(|one| (!one.needed, one.fate));
        self.changes.truncate(NAMED);
    }

    pub(super) fn failed(&self) -> usize {
        self.cases.iter().filter(|(_, wrong)| wrong.is_some()).count()
    }

    /// Returns what became of the alerts, in a sentence.
    pub(super) fn says(&self) -> String {
        let [gone, thinner, unknown, same] = self.counts;
        let all: usize = self.counts.iter().sum();
        let asked = match (self.complete, all) {
            (true, 1) => "1 alert of the last 30 days was asked".to_owned(),
            (true, all) => format!("{all} alerts of the last 30 days were asked"),
            (false, all) => format!("The newest {all} alerts of the last 30 days were asked"),
        };
        if all == 0 {
            return "It has no alert of the last 30 days that could be asked.".to_owned();
        }
        let unknown = match unknown {
            0 => String::new(),
            many => format!(" Of {many} nothing can be said: their records tell too little once they are redacted."),
        };
        format!(
            "{asked}: {gone} would not have fired, {thinner} would rest on fewer events, {same} stay as they are.{unknown}"
        )
    }
}

fn fate(tried: Tried) -> (Fate, String) {
    let Tried { asked, matches, fires } = tried;
    if fires == Some(false) {
        return (Fate::Gone, "what was measured is below the limit".to_owned());
    }
    match (asked, matches) {
        (0, _) => (Fate::Unknown, String::new()),
        (asked, 0) => (Fate::Gone, format!("none of the {asked} events that were kept matches")),
        (asked, matches) if matches < asked => {
            (Fate::Thinner, format!("{matches} of the {asked} events that were kept match"))
        }
        _ => (Fate::Same, String::new()),
    }
}

/// Something wrong with a changed text.
pub(super) struct Wrong {
    pub(super) line: usize,
    pub(super) says: String,
    /// The line itself, and below it where.
    pub(super) shown: Option<String>,
}

/// Returns what is wrong with `text`, each at its place: below the word that the problem names.
pub(super) fn wrongs(problems: &[Problem], text: &str) -> Vec<Wrong> {
    let one = |problem: &Problem| {
        let line = problem.line.checked_sub(1).and_then(|at| text.lines().nth(at));
        let word = problem.says.split('`').nth(1).filter(|word| !word.is_empty());
        let shown = line.map(|line| match word.and_then(|word| Some((line.find(word)?, word))) {
            Some((at, word)) => {
                let before: String = line[..at].chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
                format!("{line}\n{before}{}", "^".repeat(word.chars().count()))
            }
            None => line.to_owned(),
        });
        Wrong { line: problem.line, says: problem.says.clone(), shown }
    };
    problems.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_limit_that_was_not_reached_counts_for_more_than_events_that_match() {
        let of = |asked, matches, fires| fate(Tried { asked, matches, fires }).0;
        assert_eq!(of(5, 5, Some(false)), Fate::Gone);
        assert_eq!((of(5, 0, None), of(5, 2, None)), (Fate::Gone, Fate::Thinner));
        assert_eq!((of(0, 0, Some(true)), of(5, 5, None)), (Fate::Unknown, Fate::Same));
    }

    #[test]
    fn true_positives_that_would_be_gone_stand_first() {
        let mut outcome = Outcome::of(Vec::new(), false);
        let mut needed = samples::alert();
        needed.closing = Some(crate::alerts::Closing::ByPerson {
            by: "dana".into(),
            reason: "it was".into(),
            class: Class::TruePositive,
        });
        let gone = Tried { asked: 1, matches: 0, fires: None };
        outcome.add(&samples::alert(), gone, samples::NOW);
        outcome.add(&needed, gone, samples::NOW);
        assert!(outcome.changes[0].needed && outcome.needed == 1);
        assert!(outcome.says().starts_with("2 alerts of the last 30 days were asked: 2 would not have fired,"));
    }
}
