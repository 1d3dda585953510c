//! What is offered to whoever closes an alert as a false positive, and what would it have hidden?
//!
//! An [`Offer`] is an exception and cases, ready for their files. Its backtest looks at the alerts of the last
//! 30 days that are about the same, and asks of each which of the events that were kept the exception covers:
//! all of them, and the alert would not have been; some, and it would have counted less. It counts, and keeps
//! no more than their ids.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::clock::Timestamp;

use super::{Alert, AlertId, Class, Level};

/// How much of an alert an exception covers, as far as what was kept of it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// Every event that was kept of every detector.
    Whole,
    /// Some.
    Part,
    /// None.
    Nothing,
}

/// Tells how much of an alert an exception covers.
#[derive(Clone)]
pub struct Judge(pub Arc<dyn Fn(&Alert) -> Covered + Send + Sync>);

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Judge")
    }
}

/// Who asks for an exception, and when.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who; whoever has closed the alert is named before.
    pub name: String,
    /// When.
    pub at: Timestamp,
}

/// An exception for a false alarm, and cases that show it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What the file of exceptions takes.
    pub exception: String,
    /// What `detectors test` takes, where the detectors can have cases.
    pub cases: Option<String>,
    /// What whoever takes it should know.
    pub notes: Vec<String>,
    /// Tells what the exception would have hidden.
    pub judge: Judge,
}

/// What an exception would have hidden of the alerts of the time before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backtest {
    /// The alert that the exception is for.
    own: Option<AlertId>,
    /// Alerts that would not have been.
    pub hidden: Vec<AlertId>,
    /// How many of them were true positives, by the word of whoever closed them.
    pub true_positives: usize,
    /// How many were closed as anything else by a person.
    pub otherwise_judged: usize,
    /// The worst of them.
    pub worst: Option<Level>,
    /// Alerts that would have counted fewer events.
    pub thinned: Vec<AlertId>,
    /// How many of those were true positives.
    pub thinned_true_positives: usize,
    /// Alerts about the same of which it covers nothing.
    pub kept: usize,
}

impl Backtest {
    /// Returns one of what is offered for this alert.
    pub fn of(own: AlertId) -> Self {
        Self { own: Some(own), ..Self::default() }
    }

    /// Takes an alert of the time before into account.
    pub fn add(&mut self, alert: &Alert, covered: Covered) {
        let is_true = alert.class() == Some(Class::TruePositive);
        match covered {
            Covered::Nothing => self.kept += 1,
            Covered::Part => {
                self.thinned.push(alert.id);
                self.thinned_true_positives += usize::from(is_true);
            }
            Covered::Whole => {
                self.hidden.push(alert.id);
                self.true_positives += usize::from(is_true);
                self.otherwise_judged += usize::from(!is_true && alert.class().is_some());
                self.worst = self.worst.max(Some(alert.level));
            }
        }
    }

    /// Says it in two sentences.
    pub fn says(&self, days: u64, complete: bool) -> String {
        let alerts = |n: usize| if n == 1 { "1 alert".to_owned() } else { format!("{n} alerts") };
        let were = |n: usize| if n == 1 { "was a true positive" } else { "were true positives" };
        let more = if complete { "" } else { " or more" };
        let mut says = format!(
            "In the last {days} days it would have hidden {}{more} about the same{}: {} {}, {} judged otherwise.",
            alerts(self.hidden.len()),
            if self.own.is_some_and(|own| self.hidden.contains(&own)) { ", this one among them" } else { "" },
            self.true_positives,
            were(self.true_positives),
            if self.otherwise_judged == 1 { "1 was".to_owned() } else { format!("{} were", self.otherwise_judged) },
        );
        if !self.thinned.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(
                says,
                " {} would have counted fewer events, of which {} {}.",
                alerts(self.thinned.len()),
                self.thinned_true_positives,
                were(self.thinned_true_positives)
            );
        }
        says
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparison::tests::alert;
    use super::super::{AlertState, Closing};
    use super::*;

    #[test]
    fn a_backtest_counts_what_would_be_hidden_and_how_it_was_judged() {
        let judged = |class: Option<Class>| {
            let mut one = alert("a", (0, 5, 9), Level::High, 3);
            if let Some(class) = class {
                one.state = AlertState::Closed;
                one.closing = Some(Closing::ByPerson { by: "dana".into(), reason: "r".into(), class });
            }
            one
        };
        let mut backtest = Backtest::of(judged(None).id);
        backtest.add(&judged(Some(Class::TruePositive)), Covered::Whole);
        backtest.add(&judged(Some(Class::FalsePositive)), Covered::Whole);
        backtest.add(&judged(None), Covered::Whole);
        backtest.add(&judged(Some(Class::TruePositive)), Covered::Part);
        backtest.add(&judged(None), Covered::Nothing);
        assert_eq!(
            backtest.says(30, true),
            "In the last 30 days it would have hidden 3 alerts about the same, this one among them: 1 was a true \
             positive, 1 was judged otherwise. 1 alert would have counted fewer events, of which 1 was a true positive."
        );
        assert_eq!((backtest.kept, backtest.worst), (1, Some(Level::High)));
    }
}
