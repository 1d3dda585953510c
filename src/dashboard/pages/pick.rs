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
    pub(super) label: String,
    /// What it is a value of.
    pub(super) name: &'static str,
    /// Query strings.
    pub(super) only: String,
    pub(super) without: String,
}

impl Pick {
    pub(super) fn of(filter: &Filter, term: Term, label: impl Into<String>) -> Self {
        let (name, only) = (term.name, filter.with(term.clone()));
        Self { label: label.into(), name, only, without: filter.with(term.left_out()) }
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
        let detector = Self::of(filter, Term::new("detector", &*alert.detector), &*alert.detector);
        app.into_iter().chain([family, detector]).collect()
    }
}
