//! What does a dispatcher keep through a restart?
//!
//! All of it lies in 65 values: one for what is of all sinks, and 64 between which tellings and groups are
//! spread by alert and by what a group has in common. An epoch writes those that changed, so that one alert
//! more costs a sixty-fourth of what is known. After a restart all of them are written once, as sinks and
//! routes may have moved.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::alerts::{AlertId, Level};
use crate::clock::Timestamp;

use super::{Cuts, Dispatcher, Group, GroupKey, Told};

/// What the value of all sinks is called; before there were parts, it was all there was.
const HEAD: &str = "dispatch";
/// What the parts are called.
#[rustfmt::skip]
const PARTS: [&str; 64] = [
    "dispatch.00", "dispatch.01", "dispatch.02", "dispatch.03", "dispatch.04", "dispatch.05", "dispatch.06", "dispatch.07",
    "dispatch.08", "dispatch.09", "dispatch.10", "dispatch.11", "dispatch.12", "dispatch.13", "dispatch.14", "dispatch.15",
    "dispatch.16", "dispatch.17", "dispatch.18", "dispatch.19", "dispatch.20", "dispatch.21", "dispatch.22", "dispatch.23",
    "dispatch.24", "dispatch.25", "dispatch.26", "dispatch.27", "dispatch.28", "dispatch.29", "dispatch.30", "dispatch.31",
    "dispatch.32", "dispatch.33", "dispatch.34", "dispatch.35", "dispatch.36", "dispatch.37", "dispatch.38", "dispatch.39",
    "dispatch.40", "dispatch.41", "dispatch.42", "dispatch.43", "dispatch.44", "dispatch.45", "dispatch.46", "dispatch.47",
    "dispatch.48", "dispatch.49", "dispatch.50", "dispatch.51", "dispatch.52", "dispatch.53", "dispatch.54", "dispatch.55",
    "dispatch.56", "dispatch.57", "dispatch.58", "dispatch.59", "dispatch.60", "dispatch.61", "dispatch.62", "dispatch.63",
];

/// When a message went, and the worst in it.
type Went = (Timestamp, Level);

/// A part of a dispatcher as an epoch keeps it; sinks by name, for their places may change.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Saved {
    #[serde(skip_serializing_if = "is_default")]
    sent: u64,
    #[serde(skip_serializing_if = "is_default")]
    cuts: Cuts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    told: Vec<(String, AlertId, Told)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<(String, usize, Vec<String>, Group)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    late: Vec<(String, AlertId, usize, Timestamp)>,
    /// Before it was kept how bad a message was.
    #[serde(skip_serializing)]
    went: Vec<(String, usize, Vec<Timestamp>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    paced: Vec<(String, usize, Vec<Went>)>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Which parts have changed since they were saved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    head: bool,
    parts: u64,
}

impl Changed {
    const ALL: Self = Self { head: true, parts: u64::MAX };

    /// Notes that what is of all sinks has changed.
    pub fn head(&mut self) {
        self.head = true;
    }

    /// Notes that what was told of an alert has changed.
    pub fn alert(&mut self, alert: AlertId) {
        self.parts |= 1 << part_of(alert);
    }

    /// Notes that a group has changed.
    pub fn group(&mut self, key: &GroupKey) {
        self.parts |= 1 << part_of_group(key);
    }
}

const fn part_of(alert: AlertId) -> u64 {
    alert.0 % PARTS.len() as u64
}

/// Groups keep their part as long as the daemon runs; after a restart all are written anew.
fn part_of_group((sink, route, values): &GroupKey) -> u64 {
    let sum =
        values.iter().fold((*sink * 31 + *route) as u64, |sum, value| sum.rotate_left(5) ^ xxh3_64(value.as_bytes()));
    sum % PARTS.len() as u64
}

/// Returns how a dispatcher's ceilings were reached, by what an epoch has kept of it.
pub fn saved_cuts(head: &[u8]) -> Cuts {
    serde_json::from_slice::<Saved>(head).map(|saved| saved.cuts).unwrap_or_default()
}

impl Dispatcher {
    /// What its values are called, that of all sinks first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        std::iter::once(HEAD).chain(PARTS)
    }

    /// Returns the values that have changed since it was last asked.
    pub fn save(&mut self) -> Vec<(&'static str, Vec<u8>)> {
        let Changed { head, parts } = std::mem::take(&mut self.changed);
        let mut values = Vec::new();
        let name = |sink: usize| self.sinks[sink].name.clone();
        if head {
            let went = self.went.iter().map(|((sink, route), went)| (name(*sink), *route, went.clone()));
            let saved = Saved { sent: self.sent, cuts: self.cuts, paced: went.collect(), ..Saved::default() };
            values.extend(serde_json::to_vec(&saved).ok().map(|bytes| (HEAD, bytes)));
        }
        if parts == 0 {
            return values;
        }
        let mut saved: BTreeMap<u64, Saved> = BTreeMap::new();
        saved.extend(
            (0..).zip(PARTS).map(|(part, _)| (part, Saved::default())).filter(|(part, _)| parts >> part & 1 == 1),
        );
        for ((sink, alert), told) in &self.told {
            if let Some(part) = saved.get_mut(&part_of(*alert)) {
                part.told.push((name(*sink), *alert, *told));
            }
        }
        for ((sink, alert), (route, due)) in &self.late {
            if let Some(part) = saved.get_mut(&part_of(*alert)) {
                part.late.push((name(*sink), *alert, *route, *due));
            }
        }
        for (key, group) in &self.groups {
            if let Some(part) = saved.get_mut(&part_of_group(key)) {
                part.groups.push((name(key.0), key.1, key.2.clone(), group.clone()));
            }
        }
        let named = saved.iter().filter_map(|(part, saved)| {
            let name = PARTS.get(usize::try_from(*part).ok()?)?;
            Some((*name, serde_json::to_vec(saved).ok()?))
        });
        values.extend(named);
        values
    }

    /// Counts messages from the milliseconds of `now` on, beyond any that went before: one with a key that was used
    /// would be taken for the old one. For a store that does not know of the newest, new or brought back from a backup.
    pub fn count_anew(&mut self, now: Timestamp) {
        self.sent = self.sent.max(now.millis().unsigned_abs());
    }

    /// Takes back what [`Dispatcher::save`] said, the newest of each value, in any order; what concerns sinks that
    /// are no more is let go, see [`Dispatcher::take_gone`], and what came by a route that is no more goes by the last.
    /// Tells whether all of it could be read; if not, messages are counted anew.
    pub fn restore(&mut self, values: &[Vec<u8>], now: Timestamp) -> bool {
        if !values.is_empty() {
            self.changed = Changed::ALL;
        }
        let read: Vec<Saved> = values.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).collect();
        let all_read = read.len() == values.len();
        for saved in read {
            self.take_back(saved);
        }
        if !all_read {
            self.count_anew(now);
        }
        self.places.clear();
        for (key, group) in &self.groups {
            self.places.extend(group.waiting.iter().map(|notice| ((key.0, notice.alert), key.clone())));
        }
        self.set_back(now);
        all_read
    }

    fn take_back(&mut self, saved: Saved) {
        let places: BTreeMap<&str, usize> =
            self.sinks.iter().enumerate().map(|(place, sink)| (sink.name.as_str(), place)).collect();
        let place = |name: &str| places.get(name).copied();
        let last = self.routes.len().saturating_sub(1);
        self.sent = self.sent.max(saved.sent);
        self.cuts = self.cuts.and(saved.cuts);
        for (name, alert, told) in saved.told {
            match place(&name) {
                Some(sink) => drop(self.told.insert((sink, alert), Told { route: told.route.min(last), ..told })),
                None => *self.gone.entry(name).or_default() += 1,
            }
        }
        let late = saved.late.into_iter();
        self.late.extend(
            late.filter_map(|(name, alert, route, due)| Some(((place(&name)?, alert), (route.min(last), due)))),
        );
        for (name, route, values, group) in saved.groups {
            let Some(sink) = place(&name) else { continue };
            match self.groups.entry((sink, route.min(last), values)) {
                Entry::Vacant(free) => {
                    free.insert(group);
                }
                Entry::Occupied(mut known) => known.get_mut().fold(group),
            }
        }
        // What may have been the worst takes room from all.
        let older = |times: Vec<Timestamp>| times.into_iter().map(|at| (at, Level::Critical)).collect();
        let older = saved.went.into_iter().map(|(name, route, times)| (name, route, older(times)));
        for (name, route, times) in older.chain(saved.paced) {
            let Some(sink) = place(&name) else { continue };
            let known = self.went.entry((sink, route.min(last))).or_default();
            known.extend(times);
            known.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alert, at, dispatcher, opened};
    use super::*;

    #[test]
    fn counted_anew_no_key_is_used_twice() {
        let mut one = dispatcher("");
        one.sent = 7;
        one.count_anew(at(100));
        assert_eq!(one.sent, 100_000);
        one.count_anew(at(50));
        assert_eq!(one.sent, 100_000, "a clock that was set back");
    }
    use crate::alerts::Transition;
    use crate::sinks::Audience;

    #[test]
    fn an_epoch_writes_what_changed_and_a_restart_all_of_it_once() {
        let mut one = dispatcher("[[routes]]\nto = ['channel']\nwait = '0s'\n");
        for id in 0..1_000 {
            one.take(&opened(id), at(0), Audience::All);
        }
        one.due(at(1), |_| None);
        let whole: usize = one.save().iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(one.save().is_empty(), "nothing has changed");
        one.take(&Transition::Opened(alert(1_000_007, Level::Low)), at(2), Audience::All);
        let values = one.save();
        let changed: usize = values.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(values.len() <= 3 && changed * 15 < whole, "{changed} of {whole} bytes in {} values", values.len());
        one.due(at(3), |_| None);
        let mut kept: BTreeMap<&str, Vec<u8>> = values.into_iter().collect();
        kept.extend(one.save());
        let mut again = dispatcher("[[routes]]\nto = ['channel']\nwait = '0s'\n");
        assert!(again.restore(&kept.into_values().collect::<Vec<_>>(), at(4)));
        assert_eq!(again.save().len(), 1 + PARTS.len(), "all of it, once");
    }

    #[test]
    fn a_sink_that_is_no_more_is_named_with_how_much_it_heard() {
        let old = br#"{"told":[["pager-2",5,{"route":0,"level":"low","at":"2026-03-02T08:00:00Z"}]]}"#;
        let mut one = dispatcher("");
        assert!(one.restore(&[old.to_vec()], at(0)));
        assert_eq!(one.take_gone(), BTreeMap::from([("pager-2".to_owned(), 1)]));
        assert_eq!(one.take_gone(), BTreeMap::new());
    }

    #[test]
    fn messages_of_which_it_was_not_kept_how_bad_they_were_take_room_from_all() {
        let old = br#"{"went":[["channel",0,["1970-01-01T00:00:01Z"]]]}"#;
        let mut one = dispatcher("");
        assert!(one.restore(&[old.to_vec()], at(5)));
        assert_eq!(one.went[&(1, 0)], [(at(1), Level::Critical)]);
    }

    #[test]
    fn a_state_of_before_there_were_parts_is_read_and_no_part_of_it_comes_twice() {
        let old = br#"{"sent":7,"told":[["channel",5,{"route":0,"level":"low","at":"2026-03-02T08:00:00Z"}]],"groups":[],"went":[]}"#;
        let mut one = dispatcher("");
        assert!(one.restore(&[old.to_vec()], at(0)));
        assert!(one.has_heard(1, AlertId(5)) && one.sent == 7);
        let values: Vec<Vec<u8>> = one.save().into_iter().map(|(_, bytes)| bytes).collect();
        let mut again = dispatcher("");
        assert!(again.restore(&values, at(0)));
        assert!(again.has_heard(1, AlertId(5)) && again.told.len() == 1 && again.sent == 7);
    }
}
