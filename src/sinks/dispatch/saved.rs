//! What does a dispatcher keep through a restart?

use serde::{Deserialize, Serialize};

use crate::alerts::AlertId;
use crate::clock::Timestamp;

use super::{Dispatcher, Group, Told};

/// A dispatcher as an epoch keeps it; sinks by name, for their places may change.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Saved {
    sent: u32,
    told: Vec<(String, AlertId, Told)>,
    groups: Vec<(String, usize, Vec<String>, Group)>,
    went: Vec<(String, usize, Vec<Timestamp>)>,
}

impl Dispatcher {
    /// Returns all it knows, if that has changed since it was last asked.
    pub fn save(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let name = |sink: usize| self.sinks[sink].name.clone();
        let saved = Saved {
            sent: self.sent,
            told: self.told.iter().map(|((sink, alert), told)| (name(*sink), *alert, *told)).collect(),
            groups: self
                .groups
                .iter()
                .map(|((sink, route, values), group)| (name(*sink), *route, values.clone(), group.clone()))
                .collect(),
            went: self.went.iter().map(|((sink, route), went)| (name(*sink), *route, went.clone())).collect(),
        };
        serde_json::to_vec(&saved).ok()
    }

    /// Takes back what [`Dispatcher::save`] said; what concerns sinks or routes that are no more is
    /// let go. Tells whether it could be read.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Ok(saved) = serde_json::from_slice::<Saved>(bytes) else { return false };
        let place = |name: &str| self.sinks.iter().position(|sink| sink.name == name);
        // Routes go by their place; what came by one that is no more goes by the last.
        let route = |route: usize| route.min(self.routes.len().saturating_sub(1));
        let told = saved.told.into_iter();
        let told = told.filter_map(|(name, alert, told)| {
            Some(((place(&name)?, alert), Told { route: route(told.route), ..told }))
        });
        let groups = saved.groups.into_iter();
        let groups = groups.filter_map(|(name, way, values, group)| Some(((place(&name)?, route(way), values), group)));
        let went = saved.went.into_iter();
        let went = went.filter_map(|(name, way, went)| Some(((place(&name)?, route(way)), went)));
        let (told, groups, went) = (told.collect(), groups.collect(), went.collect());
        (self.sent, self.told, self.groups, self.went) = (saved.sent, told, groups, went);
        self.places.clear();
        for (key, group) in &self.groups {
            self.places.extend(group.waiting.iter().map(|notice| ((key.0, notice.alert), key.clone())));
        }
        true
    }
}
