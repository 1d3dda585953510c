//! What else happened about the same, or to the same app, at that time?
//!
//! Alerts about whom the alert is about, about whoever else its evidence names, and of its app, from an hour before its
//! first event to an hour after its last; eight at most, those about the same first, what is shared by many last.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::words::When;
use crate::alerts::{Alert, AlertId, AlertState, Entity, EntityKind, LOOKS_BACK, Query};
use crate::clock::Timestamp;
use crate::store::{AlertQuery, Reader, StoreError};

/// Alerts that are shown.
const MOST: usize = 8;
/// Entities whose alerts are counted, and how many of one.
const MOST_COUNTED: usize = 12;
const MOST_OF_ONE: usize = 100;
/// Entities that are asked about.
const MOST_ASKED: usize = 8;
/// Before the first event and after the last.
const AROUND: Duration = Duration::from_hours(1);

/// An alert beside the one that is shown.
pub(super) struct Related {
    pub(super) id: AlertId,
    pub(super) title: String,
    pub(super) level: &'static str,
    pub(super) state: AlertState,
    /// Why it is here: `the same ip`, or `the same app`.
    pub(super) by: String,
    pub(super) about: String,
    pub(super) opened: When,
}

/// Returns what `alert` names: what it is about, then people, keys and addresses, then what many alerts have in common.
fn named(alert: &Alert) -> impl Iterator<Item = &Entity> {
    let wide = |entity: &&Entity| matches!(entity.kind, EntityKind::App | EntityKind::Function | EntityKind::Gateway);
    let others = || alert.entities.iter().filter(|entity| **entity != alert.entity);
    let narrow = others().filter(move |entity| !wide(entity));
    std::iter::once(&alert.entity).chain(narrow).chain(others().filter(wide)).take(MOST_ASKED)
}

/// Returns the alerts beside `alert`.
///
/// # Errors
///
/// [`StoreError::Failed`] if they can't be read.
pub(super) fn related(reader: &Reader, alert: &Alert) -> Result<Vec<Alert>, StoreError> {
    let time = Query {
        since: Some(alert.first_seen.minus(AROUND)),
        until: Some(alert.last_seen.plus(AROUND)),
        ..Query::any()
    };
    let naming =
        |entity: &Entity| Query { entity: Some((Some(entity.kind), entity.value.to_string())), ..time.clone() };
    let mut all: Vec<Alert> = Vec::new();
    let of_app = alert.app.as_deref().map(|app| Query { app: Some(app.to_owned()), ..time.clone() });
    for about in named(alert).map(naming).chain(of_app) {
        if all.len() >= MOST {
            break;
        }
        // Itself is among them, and what the first question found too.
        let query = AlertQuery { about, after: None, limit: 2 * MOST };
        for one in reader.alerts(&query)? {
            if one.id != alert.id && all.len() < MOST && all.iter().all(|known| known.id != one.id) {
                all.push(one);
            }
        }
    }
    Ok(all)
}

/// Returns how many other alerts of the last 30 days are about each entity that `alert` names, by its value.
///
/// # Errors
///
/// [`StoreError::Failed`] if they can't be read.
pub(super) fn elsewhere(
    reader: &Reader,
    alert: &Alert,
    now: Timestamp,
) -> Result<BTreeMap<Arc<str>, usize>, StoreError> {
    let mut counts = BTreeMap::new();
    for entity in alert.entities.iter().take(MOST_COUNTED) {
        let about = Query {
            entity: Some((Some(entity.kind), entity.value.to_string())),
            since: Some(now.minus(LOOKS_BACK)),
            ..Query::any()
        };
        let ids = reader.alert_ids(&AlertQuery { about, after: None, limit: MOST_OF_ONE })?;
        counts.insert(Arc::clone(&entity.value), ids.iter().filter(|id| **id != alert.id).count());
    }
    Ok(counts)
}

/// Says how many other alerts there are of an entity; nothing of none.
pub(super) fn in_words(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 other alert".to_owned()),
        count if count + 1 >= MOST_OF_ONE => Some(format!("{count} other alerts or more")),
        count => Some(format!("{count} other alerts")),
    }
}

impl Related {
    /// Returns how `one` is shown beside `alert`.
    pub(super) fn of(one: &Alert, alert: &Alert, now: Timestamp) -> Self {
        let in_common = named(alert).find(|entity| one.entity == **entity || one.entities.contains(entity));
        Self {
            id: one.id,
            title: one.title.to_string(),
            level: one.level.name(),
            state: one.state,
            by: format!("the same {}", in_common.map_or("app", |entity| entity.kind.name())),
            about: one.entity.sayable(),
            opened: When::new(one.opened_at, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::alerts::{Entity, EntityKind};

    #[test]
    fn it_says_why_an_alert_is_beside_another() {
        let alert = samples::alert();
        let mut other = Alert { id: AlertId(1), ..samples::alert() };
        assert_eq!(Related::of(&other, &alert, samples::NOW).by, "the same key");
        other.entity = Entity::new(EntityKind::Ip, "198.51.100.9");
        other.entities = vec![other.entity.clone()];
        assert_eq!(Related::of(&other, &alert, samples::NOW).by, "the same app");
        other.entities.push(Entity::new(EntityKind::Ip, "203.0.113.7"));
        assert_eq!(Related::of(&other, &alert, samples::NOW).by, "the same ip", "that the evidence names");
    }

    #[test]
    fn whoever_the_evidence_names_is_asked_about_before_what_many_have_in_common() {
        let mut alert = samples::alert();
        alert.entities.insert(0, Entity::new(EntityKind::Gateway, "apim-shop"));
        let kinds: Vec<_> = named(&alert).map(|entity| entity.kind.name()).collect();
        assert_eq!(kinds, ["key", "ip", "gateway", "app"]);
    }
}
