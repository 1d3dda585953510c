//! What does a dispatcher keep through a restart?

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use crate::alerts::AlertId;
use crate::clock::Timestamp;

use super::{Dispatcher, Group, GroupKey, Told};

/// A dispatcher as an epoch keeps it; sinks by name, for their places may change.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Saved {
    sent: u64,
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

    /// Takes back what [`Dispatcher::save`] said; what concerns sinks that are no more is let go, and
    /// what came by a route that is no more goes by the last. Tells whether it could be read; if not,
    /// messages are counted from the milliseconds of `now` on, beyond any that went before, for a
    /// message with a key that was used would be taken for the old one.
    pub fn restore(&mut self, bytes: &[u8], now: Timestamp) -> bool {
        let Ok(saved) = serde_json::from_slice::<Saved>(bytes) else {
            self.sent = now.millis().unsigned_abs();
            self.changed = true;
            return false;
        };
        let places: BTreeMap<&str, usize> =
            self.sinks.iter().enumerate().map(|(place, sink)| (sink.name.as_str(), place)).collect();
        let place = |name: &str| places.get(name).copied();
        let last = self.routes.len().saturating_sub(1);
        let told = saved.told.into_iter();
        let told = told.filter_map(|(name, alert, told)| {
            Some(((place(&name)?, alert), Told { route: told.route.min(last), ..told }))
        });
        let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
        for (name, route, values, group) in saved.groups {
            let Some(sink) = place(&name) else { continue };
            match groups.entry((sink, route.min(last), values)) {
                Entry::Vacant(free) => {
                    free.insert(group);
                }
                Entry::Occupied(mut known) => known.get_mut().fold(group),
            }
        }
        let mut went: BTreeMap<(usize, usize), Vec<Timestamp>> = BTreeMap::new();
        for (name, route, times) in saved.went {
            let Some(sink) = place(&name) else { continue };
            let known = went.entry((sink, route.min(last))).or_default();
            known.extend(times);
            known.sort_unstable();
        }
        (self.sent, self.told, self.groups, self.went) = (saved.sent, told.collect(), groups, went);
        self.places.clear();
        for (key, group) in &self.groups {
            self.places.extend(group.waiting.iter().map(|notice| ((key.0, notice.alert), key.clone())));
        }
        true
    }
}
