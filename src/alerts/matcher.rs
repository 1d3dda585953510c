//! Which alerts does a silence, a maintenance window or an inhibition mean?
//!
//! What is named must be so, what is not named is any. The entity is the alert's own: to mute an
//! address is to mute alerts about it, not every alert whose evidence it stands in.

use serde::{Deserialize, Serialize};

use super::{Alert, Family, Level, Query, query};

/// Names alerts by what they are of and about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Matcher {
    /// The detector's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<String>,
    /// The family.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// What the alert is about: `ip/203.0.113.7`, or the value alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// At least this bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<Level>,
    /// At most this bad.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_most: Option<Level>,
}

impl Matcher {
    /// Tells whether it says whom it means, beside how bad.
    pub fn names_something(&self) -> bool {
        let named = [&self.detector, &self.entity, &self.app];
        self.family.is_some() || named.into_iter().flatten().any(|name| !name.trim().is_empty())
    }

    /// Tells whether it means `alert`, however bad that is.
    pub fn concerns(&self, alert: &Alert) -> bool {
        let about = |wanted: &str| {
            let (kind, value) = query::entity(wanted);
            *alert.entity.value == *value && kind.is_none_or(|kind| kind == alert.entity.kind)
        };
        self.detector.as_deref().is_none_or(|detector| *alert.detector == *detector)
            && self.family.is_none_or(|family| alert.family == family)
            && self.app.as_deref().is_none_or(|app| alert.app.as_deref() == Some(app))
            && self.entity.as_deref().is_none_or(about)
    }

    /// Tells whether it means `alert` as bad as that is.
    pub fn admits(&self, alert: &Alert) -> bool {
        self.concerns(alert)
            && self.at_least.is_none_or(|level| alert.level >= level)
            && self.at_most.is_none_or(|level| alert.level <= level)
    }

    /// Returns the question for the alerts it concerns, however bad and in whatever state.
    pub fn query(&self) -> Query {
        Query {
            states: Vec::new(),
            family: self.family,
            app: self.app.clone(),
            detector: self.detector.clone(),
            entity: self.entity.as_deref().map(query::entity),
            ..Query::default()
        }
    }
}
