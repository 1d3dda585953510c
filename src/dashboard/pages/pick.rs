//! How is a value clicked to see only what has it, or what has it not?
//!
//! A value with two small links, `+` and `−`, which narrow the list that it stands in.

use askama::Template;

use super::super::filter::Filter;
use crate::alerts::{Alert, Term};

/// A value, and the lists with and without it.
#[derive(Template)]
#[template(path = "pick.html")]
pub(super) struct Pick {
    /// As it is shown, and as it is said where it stands alone.
    pub(super) label: String,
    pub(super) whole: String,
    /// What it is a value of.
    pub(super) name: &'static str,
    /// Query strings.
    pub(super) only: String,
    pub(super) without: String,
}

impl Pick {
    pub(super) fn of(filter: &Filter, term: Term, label: impl Into<String>) -> Self {
        let (name, only, label) = (term.name, filter.with(term.clone()), label.into());
        Self { whole: label.clone(), label, name, only, without: filter.with(term.left_out()) }
    }

    pub(super) fn level(filter: &Filter, alert: &Alert) -> Self {
        Self::of(filter, Term::equal("level", alert.level.name()), alert.level.name())
    }

    /// `label` is what people call it.
    pub(super) fn entity(filter: &Filter, alert: &Alert, label: &str) -> Self {
        let value = format!("{}/{}", alert.entity.kind, alert.entity.value);
        Self::of(filter, Term::new("entity", value), label)
    }

    /// App, family and detector.
    pub(super) fn of_what(filter: &Filter, alert: &Alert) -> Vec<Self> {
        let app = alert.app.as_deref().map(|app| Self::of(filter, Term::new("app", app), app));
        let family = Self::of(filter, Term::new("family", alert.family.name()), alert.family.name());
        // Its family stands beside it.
        let label = short(&alert.detector, alert.family.name()).to_owned();
        let detector = Self::of(filter, Term::new("detector", &*alert.detector), &*alert.detector);
        let detector = Self { label, ..detector };
        app.into_iter().chain([family, detector]).collect()
    }
}

/// Returns a detector's name without its family's.
fn short<'d>(detector: &'d str, family: &str) -> &'d str {
    let rest = detector.strip_prefix(family).and_then(|rest| rest.strip_prefix('.'));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(detector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_beside_its_family_is_called_by_the_rest_of_its_name() {
        assert_eq!(short("key-usage.one_key", "key-usage"), "one_key");
        assert_eq!(short("own.one_key", "key-usage"), "own.one_key");
        assert_eq!((short("key-usage", "key-usage"), short("key-usage.", "key-usage")), ("key-usage", "key-usage."));
    }
}
