//! Which alerts a page shows, as its address says it.
//!
//! All of it is in the URL, so that a view can be shared and the back button works. What an
//! address says that we don't know is ignored; texts are cut after 200 letters.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::changes::ChangeNote;
use crate::alerts::{Alert, AlertId, AlertState, Family, Level, Query, query};
use crate::clock::Timestamp;
use crate::store::AlertQuery;

/// Letters of a text to look for.
const MAX_TEXT: usize = 200;
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// The states a page shows: the name in the address, what people read, the states themselves.
pub(super) const STATES: [(&str, &str, &[AlertState]); 5] = [
    ("active", "Not closed", &[AlertState::Open, AlertState::Acknowledged]),
    ("open", "Open", &[AlertState::Open]),
    ("acknowledged", "Acknowledged", &[AlertState::Acknowledged]),
    ("closed", "Closed", &[AlertState::Closed]),
    ("all", "All", &[]),
];

/// What the address asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    /// Index in [`STATES`].
    pub(super) state: usize,
    pub(super) at_least: Option<Level>,
    pub(super) family: Option<Family>,
    pub(super) app: Option<String>,
    pub(super) text: Option<String>,
    pub(super) after: Option<(Timestamp, AlertId)>,
}

impl Filter {
    /// Reads the pairs of a query string; the last of a name counts.
    pub(super) fn of(pairs: &[(String, String)]) -> Self {
        let mut filter = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "state" => filter.state = STATES.iter().position(|state| state.0 == value).unwrap_or_default(),
                "level" => filter.at_least = query::level(value).ok(),
                "family" => filter.family = query::family(value).ok(),
                "app" => filter.app = text(value).map(|app| app.to_lowercase()),
                "q" => filter.text = text(value),
                "after" => filter.after = cursor(value),
                _ => {}
            }
        }
        filter
    }

    /// Returns the view of all alerts of one app, in whatever state.
    pub(super) fn all_of(app: &str) -> Self {
        let state = STATES.iter().position(|state| state.0 == "all").unwrap_or_default();
        Self { app: Some(app.into()), state, ..Self::default() }
    }

    /// Returns what to ask of the store.
    pub(super) fn query(&self, limit: usize) -> AlertQuery {
        let about = Query {
            states: STATES[self.state].2.to_vec(),
            family: self.family,
            at_least: self.at_least,
            app: self.app.clone(),
            text: self.text.clone(),
            ..Query::any()
        };
        AlertQuery { about, after: self.after, limit }
    }

    /// Tells whether a change concerns this view. States are left out, for a change of state
    /// moves alerts in and out of it; so is the text, which notes don't carry.
    pub(super) fn admits(&self, note: &ChangeNote) -> bool {
        self.at_least.is_none_or(|level| note.level >= level)
            && self.family.is_none_or(|family| note.family == family)
            && self.app.as_deref().is_none_or(|app| note.app.as_deref() == Some(app))
    }

    /// Tells whether anything but the page is chosen.
    pub(super) fn narrows(&self) -> bool {
        Self { after: None, ..self.clone() } != Self::default()
    }

    /// Returns the query string of this view from its first page on, without `?`.
    pub(super) fn address(&self) -> String {
        let mut out = String::new();
        let mut add = |name: &str, value: &str| {
            let join = if out.is_empty() { "" } else { "&" };
            let _ = write!(out, "{join}{name}={}", utf8_percent_encode(value, PLAIN));
        };
        if self.state != 0 {
            add("state", STATES[self.state].0);
        }
        self.at_least.inspect(|level| add("level", level.name()));
        self.family.inspect(|family| add("family", family.name()));
        self.app.as_deref().inspect(|app| add("app", app));
        self.text.as_deref().inspect(|text| add("q", text));
        out
    }

    /// Returns the query string of the page after `last`.
    pub(super) fn older(&self, last: &Alert) -> String {
        let here = self.address();
        let join = if here.is_empty() { "" } else { "&" };
        format!("{here}{join}after={}", after(last))
    }
}

/// Returns the cursor of the page after `last`.
pub(super) fn after(last: &Alert) -> String {
    format!("{}_{}", last.last_seen.nanos(), last.id)
}

pub(super) fn cursor(value: &str) -> Option<(Timestamp, AlertId)> {
    let (at, id) = value.split_once('_')?;
    Some((Timestamp::from_nanos(at.parse().ok()?), id.parse().ok()?))
}

fn text(value: &str) -> Option<String> {
    let value: String = value.trim().chars().take(MAX_TEXT).collect();
    (!value.is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::pages::samples::alert;

    fn of(pairs: &[(&str, &str)]) -> Filter {
        Filter::of(&pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_says_what_is_shown_and_the_page_says_it_back() {
        let filter = of(&[
            ("state", "closed"),
            ("level", "high"),
            ("family", "key-usage"),
            ("app", "Fn-Orders"),
            ("q", "a&b é"),
        ]);
        assert_eq!(filter.address(), "state=closed&level=high&family=key-usage&app=fn-orders&q=a%26b%20%C3%A9");
        assert_eq!(filter.query(5).about.states, [AlertState::Closed]);
        assert!(filter.narrows());
    }

    #[test]
    fn what_an_address_gets_wrong_is_ignored() {
        let filter =
            of(&[("state", "'--"), ("level", "9"), ("family", ""), ("app", "  "), ("after", "x_y"), ("z", "1")]);
        assert_eq!(filter, Filter::default());
        assert!(!filter.narrows());
        assert_eq!(filter.query(5).about.states, [AlertState::Open, AlertState::Acknowledged]);
    }

    #[test]
    fn the_next_page_begins_after_the_last_alert_of_this_one() {
        let last = alert();
        let next = Filter::default().older(&last);
        let filter = of(&[("after", next.strip_prefix("after=").unwrap())]);
        assert_eq!(filter.after, Some((last.last_seen, last.id)));
    }
}
