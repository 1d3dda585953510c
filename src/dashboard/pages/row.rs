//! What does a list say of one alert?

use super::super::filter::Filter;
use super::super::words::{When, grouped};
use super::also::Also;
use super::pick::Pick;
use crate::alerts::Alert;
use crate::clock::Timestamp;

/// One alert in the table.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) level: &'static str,
    pub(super) title: String,
    pub(super) why: String,
    /// Who else has seen it.
    pub(super) also: Option<String>,
    pub(super) last: When,
    pub(super) count: String,
    /// What that is a count of, and whether several detectors count.
    pub(super) unit: String,
    pub(super) several: bool,
    pub(super) state: &'static str,
    pub(super) assignee: Option<String>,
    /// Level, entity, and of what it is: what the list can be narrowed by.
    pub(super) by_level: Pick,
    pub(super) by_entity: Pick,
    pub(super) of_what: Vec<Pick>,
    /// The query string of the list with this alert beside it, and of the form that silences it.
    pub(super) beside: String,
    pub(super) silence: String,
    /// Whether it is shown beside the list.
    pub(super) shown: bool,
}

impl Row {
    /// `entity` is what people call what it is about.
    pub(super) fn of(alert: &Alert, entity: &str, filter: &Filter, now: Timestamp) -> Self {
        Self {
            id: alert.id.to_string(),
            level: alert.level.name(),
            title: alert.title.to_string(),
            why: alert.why.clone(),
            also: Also::in_short(alert),
            by_level: Pick::level(filter, alert),
            by_entity: Pick::entity(filter, alert, entity),
            of_what: Pick::of_what(filter, alert),
            last: When::new(alert.last_seen, now),
            count: grouped(alert.count),
            unit: Also::unit(alert),
            several: !alert.also().is_empty(),
            state: alert.state.name(),
            assignee: alert.assignee.clone(),
            beside: filter.beside(alert.id),
            silence: super::silences::address(alert),
            shown: filter.beside == Some(alert.id),
        }
    }
}
