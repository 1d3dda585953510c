//! Which alerts a page shows, as its address says it.
//!
//! `q` holds a question; `state`, `level`, `family` and `app`, by which addresses asked once, narrow it. All of
//! it is in the URL, so that a view can be shared and the back button works. What of a question is not understood
//! is said and left out of it; any other parameter that we don't know is ignored.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::changes::ChangeNote;
use crate::alerts::query::Wrong;
use crate::alerts::{Alert, AlertId, Line, Not, Query, Term};
use crate::clock::Timestamp;
use crate::store::AlertQuery;

/// Letters of a text to look for.
const MAX_TEXT: usize = 1_200;
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b':').remove(b'/');
/// Names that addresses ask by beside the question.
const OLD: [&str; 4] = ["state", "level", "family", "app"];

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// What of the question is understood.
    pub(super) line: Line,
    /// What is not.
    pub(super) wrong: Vec<Wrong>,
    /// The question as it was typed.
    typed: String,
    /// The same, ready to be asked.
    about: Query,
    pub(super) after: Option<(Timestamp, AlertId)>,
    /// The alert that is shown beside the list.
    pub(super) beside: Option<AlertId>,
    /// Whether the hours are of seven days.
    pub(super) week: bool,
}

impl Filter {
    /// Reads the pairs of a query string; the last of a name counts. `me` is who looks.
    pub(super) fn of(pairs: &[(String, String)], now: Timestamp, me: Option<&str>) -> Self {
        let mut filter = Self::default();
        let mut line = String::new();
        let (mut from, mut to) = (None, None);
        for (name, value) in pairs {
            match name.as_str() {
                "q" => line = value.trim().chars().take(MAX_TEXT).collect(),
                "after" => filter.after = cursor(value),
                "alert" => filter.beside = value.parse().ok(),
                "range" => filter.week = value == "7d",
                "from" => from = moment(value),
                "to" => to = moment(value),
                _ => {}
            }
        }
        filter.typed.clone_from(&line);
        let (mut line, wrong) = Query::default().take(line.trim(), now, me);
        for name in OLD {
            let value = pairs.iter().rev().find(|(known, value)| known == name && !value.trim().is_empty());
            // An address that gets these wrong shows what the rest of it asks for.
            if let Some((_, value)) = value
                && Query::any().set(name, value, now).is_ok()
                && !(name == "state" && value == "active")
            {
                line = line.with(Term::new(name, value.trim()));
            }
        }
        if from.is_some() || to.is_some() {
            let text = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
            line = line.with(Term::new("opened", format!("{}..{}", text(from), text(to))));
        }
        // What stands beside the question in the address takes the place of what the question says.
        let (line, more) = filter.about.take(&line.to_string(), now, me);
        (filter.line, filter.wrong) = (line, wrong.0.into_iter().chain(more.0).collect());
        filter
    }

    /// Returns the view of all alerts of one app, in whatever state.
    pub(super) fn all_of(app: &str) -> Self {
        Self::all_that(Term::new("app", app))
    }

    /// Returns the view of all alerts that a term finds, in whatever state.
    pub(super) fn all_that(term: Term) -> Self {
        Self { line: Line(vec![term, Term::new("state", "all")]), ..Self::default() }
    }

    /// Returns what to ask of the store.
    pub(super) fn query(&self, limit: usize) -> AlertQuery {
        AlertQuery { about: self.about.clone(), after: self.after, limit }
    }

    /// Returns what the box of the question shows: what was typed, as long as some of it is not understood.
    pub(super) fn shown(&self) -> String {
        if self.wrong.is_empty() { self.line.to_string() } else { self.typed.clone() }
    }

    /// Tells whether a change concerns this view. States, times and whose it is are left out, for a change moves
    /// alerts in and out of them; so are texts, entities and detectors, which notes don't carry.
    pub(super) fn admits(&self, note: &ChangeNote) -> bool {
        let Query { at_least, at_most, family, app, not, .. } = &self.about;
        let left_out = |not: &Not| match not {
            Not::Level(level) => note.level == *level,
            Not::Family(family) => note.family == *family,
            Not::App(app) => note.app.as_deref() == Some(app),
            Not::Detector(_) | Not::Entity(..) | Not::Assignee(_) | Not::Class(_) => false,
        };
        at_least.is_none_or(|level| note.level >= level)
            && at_most.is_none_or(|level| note.level <= level)
            && family.is_none_or(|family| note.family == family)
            && app.as_deref().is_none_or(|app| note.app.as_deref() == Some(app))
            && !not.iter().any(left_out)
    }

    /// Tells whether anything but the page is chosen.
    pub(super) fn narrows(&self) -> bool {
        !self.line.0.is_empty()
    }

    /// Returns the query string of this view from its first page on, without `?`.
    pub(super) fn address(&self) -> String {
        self.address_of(&self.line)
    }

    /// Returns the query string of another question, without `?`.
    pub(super) fn address_of(&self, line: &Line) -> String {
        let mut pairs = Vec::new();
        if !line.0.is_empty() {
            pairs.push(format!("q={}", encoded(&line.to_string())));
        }
        if self.week {
            pairs.push("range=7d".to_owned());
        }
        pairs.join("&")
    }

    /// Returns the query string of this view with one more term.
    pub(super) fn with(&self, term: Term) -> String {
        self.address_of(&self.line.with(term))
    }

    /// Returns the query string of this view without a term.
    pub(super) fn without(&self, term: &Term) -> String {
        self.address_of(&self.line.without(term))
    }

    /// Returns the query string of this very page with an alert beside it.
    pub(super) fn beside(&self, alert: AlertId) -> String {
        let after = self.after.map(|(at, id)| format!("after={}_{id}", at.nanos()));
        join([Some(self.address()), after, Some(format!("alert={alert}"))])
    }

    /// Returns the query string of this very page with no alert beside it.
    pub(super) fn alone(&self) -> String {
        join([Some(self.address()), self.after.map(|(at, id)| format!("after={}_{id}", at.nanos()))])
    }

    /// Returns the query string of the page after `last`.
    pub(super) fn older(&self, last: &Alert) -> String {
        join([Some(self.address()), Some(format!("after={}", after(last)))])
    }
}

/// Returns a text as a query string holds it.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn join<const N: usize>(parts: [Option<String>; N]) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join("&")
}

/// Returns the cursor of the page after `last`.
pub(super) fn after(last: &Alert) -> String {
    format!("{}_{}", last.last_seen.nanos(), last.id)
}

pub(super) fn cursor(value: &str) -> Option<(Timestamp, AlertId)> {
    let (at, id) = value.split_once('_')?;
    Some((Timestamp::from_nanos(at.parse().ok()?), id.parse().ok()?))
}

/// Reads what a form's field for a time sends, `2026-11-27T14:05`; it is meant as UTC.
fn moment(value: &str) -> Option<Timestamp> {
    let whole = if value.len() == 16 { format!("{value}:00Z") } else { format!("{}Z", value.trim_end_matches('Z')) };
    Timestamp::parse_rfc3339(&whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::AlertState;
    use crate::dashboard::pages::samples::{NOW, alert};

    fn of(pairs: &[(&str, &str)]) -> Filter {
        let pairs: Vec<_> = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        Filter::of(&pairs, NOW, Some("dana"))
    }

    #[test]
    fn an_address_says_what_is_shown_and_the_page_says_it_back() {
        let filter = of(&[("q", "level>=high  app:Fn-Orders -family:probing \"a&b é\""), ("range", "7d")]);
        assert_eq!(
            filter.address(),
            "q=level%3E%3Dhigh%20app:Fn-Orders%20-family:probing%20%22a%26b%20%C3%A9%22&range=7d"
        );
        assert_eq!(filter.shown(), "level>=high app:Fn-Orders -family:probing \"a&b é\"");
        assert!(filter.narrows() && filter.wrong.is_empty());
    }

    #[test]
    fn addresses_of_old_go_on_working() {
        let filter = of(&[
            ("state", "closed"),
            ("level", "high"),
            ("family", "key-usage"),
            ("app", "Fn-Orders"),
            ("q", "a&b é"),
        ]);
        assert_eq!(filter.line.to_string(), "a&b é state:closed level:high family:key-usage app:Fn-Orders");
        let asked = filter.query(5).about;
        assert_eq!((asked.states.as_slice(), asked.app.as_deref()), (&[AlertState::Closed][..], Some("fn-orders")));
        assert_eq!(of(&[("state", "active"), ("level", ""), ("family", "")]), Filter::default());
    }

    #[test]
    fn what_an_address_gets_wrong_is_ignored_and_what_a_question_gets_wrong_is_said() {
        let filter =
            of(&[("state", "'--"), ("level", "9"), ("family", ""), ("app", "  "), ("after", "x_y"), ("z", "1")]);
        assert_eq!(filter, Filter::default());
        assert_eq!(filter.query(5).about.states, [AlertState::Open, AlertState::Acknowledged]);
        let filter = of(&[("q", "levl:high app:a")]);
        assert_eq!((filter.line.to_string().as_str(), filter.shown().as_str()), ("app:a", "levl:high app:a"));
        assert_eq!((filter.wrong[0].at, filter.wrong[0].word.as_str()), (1, "levl:high"));
    }

    #[test]
    fn a_span_that_a_form_sends_is_part_of_the_question() {
        let filter = of(&[("q", "app:a"), ("from", "2026-11-23T12:00"), ("to", "2026-11-23T13:00")]);
        assert_eq!(filter.line.to_string(), "app:a opened:2026-11-23T12:00:00Z..2026-11-23T13:00:00Z");
    }

    #[test]
    fn the_next_page_begins_after_the_last_alert_of_this_one_and_keeps_its_question() {
        let last = alert();
        let next = Filter::default().older(&last);
        let filter = of(&[("after", next.strip_prefix("after=").unwrap()), ("q", "assignee:me")]);
        assert_eq!(filter.after, Some((last.last_seen, last.id)));
        assert_eq!(filter.beside(last.id), format!("q=assignee:me&{next}&alert={}", last.id));
        assert_eq!(filter.alone(), format!("q=assignee:me&{next}"));
    }

    #[test]
    fn a_change_concerns_a_view_unless_the_view_leaves_it_out() {
        let changes = crate::dashboard::changes::Changes::new(1);
        let (_, mut coming, _) = changes.follow(None);
        changes.publish(&crate::alerts::Transition::Opened(alert()));
        let note = coming.try_recv().unwrap();
        let admits = |line: &str| of(&[("q", line)]).admits(&note);
        assert!(admits("") && admits("level:high") && admits("app:fn-orders -level=low state:closed"));
        assert!(!admits("level>high") && !admits("level<high") && !admits("-level=high"));
        assert!(!admits("-app:fn-orders") && !admits("-family:key-usage") && !admits("app:other"));
    }
}
